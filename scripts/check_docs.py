#!/usr/bin/python3
"""Fails if the documentation and the sources disagree.

docs/reference.md must have every exit code of src/base/status.cc (number, name, meaning) and no
other, every long flag and every JSON field of src/cli/*.cc, every MAXBROD_ variable and every
client property that is read, and no flag that does not exist. Every `maxbrod <verb> ...` line of
the pages for users must use flags of that verb. Their lines are at most 100 columns wide.
"""

import argparse
import pathlib
import re
import sys
import tempfile

REFERENCE = "docs/reference.md"
USER_PAGES = ("docs/guide.md", REFERENCE, "docs/operations.md", "docs/security.md", "CHANGELOG.md")
WIDTH_MAX = 100

CODE_INFO = re.compile(r'CodeInfo\{\s*Code::\w+,\s*"([^"]+)",\s*(\d+),\s*"([^"]+)"\s*\}')
CODE_ROW = re.compile(r"^\| (\d+) \| `(\w+)` \| (.+?) \|$", re.M)
FLAG = re.compile(r'add_(?:option|flag)(?:_function(?:<[\w:]+>)?)?\(\s*"([^"]+)"|set_version_flag\(\s*"([^"]+)"')
LONG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
FIELD = re.compile(r'\{"([a-z_]+)",|\w\["([a-z_]+)"\]')
VARIABLE = re.compile(r'(?:envname|getenv)\("(MAXBROD_\w+)"\)')
PROPERTY = re.compile(r'"((?:bootstrap|client|security|sasl|ssl|socket|request|default|retry)\.[a-z.]+)"')
COMMAND = re.compile(r"^\s*maxbrod (?:--[a-z]+ )*([a-z]+)((?: .*)?)$", re.M)


def sources(folder, test=False):
    return [p for p in sorted(folder.glob("*.cc")) if test or not re.search(r"_test(ing)?\.cc$", p.name)]


def flags_of(text):
    """Long flags that a source adds to the command line."""
    names = set()
    for option, version in FLAG.findall(text):
        names.update(LONG.findall(option or version))
    return names


def code_spans(text):
    """What stands in backticks or in a fenced block."""
    return re.findall(r"`+([^`]+)`+", text)


def check_codes(root, reference):
    declared = {(int(n), name, meaning)
                for name, n, meaning in CODE_INFO.findall((root / "src/base/status.cc").read_text())}
    documented = {(int(n), name, meaning) for n, name, meaning in CODE_ROW.findall(reference)}
    if not declared:
        yield "src/base/status.cc: no exit code found: has the table changed its form?"
    for code in sorted(declared - documented):
        yield f"{REFERENCE}: lacks exit code {code}"
    for code in sorted(documented - declared):
        yield f"{REFERENCE}: has exit code {code}, src/base/status.cc does not"


def check_names(root, reference):
    """Flags, JSON fields, variables and properties."""
    words = set()
    for span in code_spans(reference):
        words.update(re.findall(r"[\w.-]+", span))
    needed = []  # (kind, name)
    flags = {"--help"}
    for path in sources(root / "src/cli"):
        text = path.read_text()
        flags |= flags_of(text)
        needed += [("field", a or b) for a, b in FIELD.findall(text)]
    needed += [("flag", flag) for flag in flags]
    for path in sorted((root / "src").rglob("*.cc")):
        if not re.search(r"_test(ing)?\.cc$", path.name):
            needed += [("variable", v) for v in VARIABLE.findall(path.read_text())]
    properties = (root / "src/kafka/client_config.cc").read_text()
    needed += [("property", p) for p in PROPERTY.findall(properties)]
    # Those that stand for no flag have to be listed by hand for the manual page.
    manual = root / "src/cli/man_page.cc"
    by_hand = {v for path in (root / "src").rglob("*.cc") if not re.search(r"_test(ing)?\.cc$", path.name)
               for v in re.findall(r'getenv\("(MAXBROD_\w+)"\)', path.read_text())}
    by_hand -= {v for path in sources(root / "src/cli") for v in re.findall(r'envname\("(MAXBROD_\w+)"', path.read_text())}
    for variable in sorted(by_hand):
        if manual.is_file() and f'"{variable}"' not in manual.read_text():
            yield f"src/cli/man_page.cc: lacks variable {variable}"
    for kind in ("flag", "field", "variable", "property"):
        if not any(k == kind for k, _ in needed):
            yield f"no {kind} found in the sources: have they changed their form?"
    for kind, name in sorted(set(needed)):
        if name not in words:
            yield f"{REFERENCE}: lacks {kind} {name}"
    for flag in sorted({w for w in words if LONG.fullmatch(w)} - flags):
        yield f"{REFERENCE}: has flag {flag}, src/cli does not"


def flags_of_verb(path):
    """Its own flags, and those of the groups of flags that it includes, and these theirs."""
    names, texts, seen = set(), [path.read_text()], set()
    while texts:
        text = texts.pop()
        names |= flags_of(text)
        for group in set(re.findall(r'#include "cli/(\w+_flags)\.h"', text)) - seen:
            seen.add(group)
            texts += [(path.parent / f"{group}.{end}").read_text() for end in ("h", "cc")]
    return names


def check_commands(root, pages):
    shared = set()
    for name in ("common.cc", "key_flags.cc", "bucket_flags.cc"):  # what verbs share
        path = root / "src/cli" / name
        shared |= flags_of(path.read_text()) if path.is_file() else set()
    shared |= flags_of((root / "src/cli/program.cc").read_text()) | {"--help"}
    verbs = {p.stem[len("cmd_"):]: flags_of_verb(p) | shared
             for p in sources(root / "src/cli") if p.stem.startswith("cmd_")}
    for name, text in pages.items():
        fenced = "\n".join(re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S))
        fenced = re.sub(r"\\\n\s*", " ", fenced)
        for verb, rest in COMMAND.findall(fenced):
            if verb not in verbs:
                yield f"{name}: 'maxbrod {verb}': no such verb"
                continue
            for flag in sorted(set(LONG.findall(rest)) - verbs[verb]):
                yield f"{name}: 'maxbrod {verb}' has no flag {flag}"


def check(root):
    pages = {}
    for name in USER_PAGES:
        path = root / name
        if not path.is_file():
            yield f"{name}: missing"
            continue
        pages[name] = path.read_text()
        for number, line in enumerate(pages[name].splitlines(), 1):
            if len(line) > WIDTH_MAX:
                yield f"{name}:{number}: {len(line)} columns"
        for target in re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", pages[name]):
            if not (path.parent / target).exists():
                yield f"{name}: links to {target}, which is not there"
    if REFERENCE not in pages:
        return
    yield from check_codes(root, pages[REFERENCE])
    yield from check_names(root, pages[REFERENCE])
    yield from check_commands(root, pages)


def selftest():
    """A small tree without a fault, then one fault of each kind."""
    good = {
        "src/base/status.cc": 'CodeInfo{Code::kOk, "ok", 0, "success"},',
        "src/kafka/client_config.cc": '{"client.id", x},',
        "src/cli/program.cc": 'app.add_flag("--json", json, "");',
        "src/cli/common.cc": 'verb->add_option("--repo", url)->envname("MAXBROD_REPO");',
        "src/cli/cmd_init.cc": 'verb->add_flag("-f,--force", x); out = {{"id", 1}}; out["name"] = 2;',
        REFERENCE: "| 0 | `ok` | success |\n`--json` `--repo` `--force` `--help` `MAXBROD_REPO` `client.id` "
                   "`id`\n`name`\n```\nmaxbrod init --repo x \\\n  --force\n```\n",
    }
    good.update({name: "words\n" for name in USER_PAGES if name != REFERENCE})
    faults = {
        "lacks exit code": ("src/base/status.cc", 'CodeInfo{Code::kA, "a", 2, "b"},'),
        "has exit code": (REFERENCE, "\n| 9 | `x` | y |\n"),
        "lacks flag --new": ("src/cli/cmd_init.cc", 'verb->add_option("--new", x);'),
        "has flag --old": (REFERENCE, "`--old`"),
        "lacks field size": ("src/cli/cmd_init.cc", '{{"size", 1}}'),
        "lacks variable MAXBROD_X": ("src/cli/common.cc", 'std::getenv("MAXBROD_X")'),
        "lacks property ssl.new": ("src/kafka/client_config.cc", '{"ssl.new", x}'),
        "no such verb": ("docs/guide.md", "```\nmaxbrod fly\n```\n"),
        "has no flag --high": ("docs/guide.md", "```\nmaxbrod init --high\n```\n"),
        "101 columns": ("docs/guide.md", "x" * 101),
        "links to nowhere.md": ("docs/guide.md", "[a](nowhere.md#b)"),
    }

    def run(extra_path=None, extra=""):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in good.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text + (extra if name == extra_path else ""))
            return list(check(root))

    assert run() == [], run()
    for wanted, (path, extra) in faults.items():
        found = run(path, extra)
        assert len(found) == 1 and wanted in found[0], (wanted, found)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--selftest", action="store_true")
    args = parser.parse_args()
    if args.selftest:
        return selftest()
    found = list(check(pathlib.Path(__file__).resolve().parent.parent))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
