#!/usr/bin/python3
"""Fails if what --json prints is not described, or changed in a way that breaks scripts.

docs/schemas/<verb>.json must be strict (every object closed, every field described and either
required or marked by its absence from the list), name the fields that src/cli writes and no others,
and have each of them in the verb's section of docs/reference.md. tests/golden/json_fields.txt lists
all fields with their types: one that is gone, or has another type, fails. Fields are added to it by
--update. (That each verb has a schema, and each schema a verb, is a test of src/cli.)
"""

import argparse
import json
import pathlib
import re
import sys
import tempfile

SCHEMAS = "docs/schemas"
REFERENCE = "docs/reference.md"
GOLDEN = "tests/golden/json_fields.txt"
FIELD = re.compile(r'\{"([a-z_]+)",|\w\["([a-z_]+)"\]|\{[\w.]+ \? "([a-z_]+)" : "([a-z_]+)"')
NO_FIELD = re.compile(r"IsMember\(\{[^}]*\}\)|//.*")
LOOK_LIKE_FIELDS = {"good", "maxbrod", "uploads"}  # lists of words that are no JSON
# Written by others than src/cli, or with names that are no literals there.
ELSEWHERE = {"dump", "policy"}
TELL = re.compile(r'Tell\("([a-z_]+)"')  # keys add, keys remove
RAW = re.compile(r'[{,(]"([a-z_]+)":')  # text that is put together by hand


def sources(folder):
    return [p for p in sorted(folder.glob("*.cc")) if not re.search(r"_test(ing)?\.cc$", p.name)]


def type_of(schema):
    kind = schema.get("type", "object" if "$ref" in schema else "?")
    text = "|".join(kind) if isinstance(kind, list) else kind
    return text + ("(" + "|".join(map(str, schema["enum"])) + ")" if "enum" in schema else "")


def walk(schema, path):
    """(path, schema) of each field below."""
    for name, field in schema.get("properties", {}).items():
        yield f"{path}{name}", field
        yield from walk(field, f"{path}{name}.")
        if isinstance(field.get("items"), dict):
            yield from walk(field["items"], f"{path}{name}[].")


def objects(schema, path=""):
    """(path, schema) of each object with properties below, itself included."""
    if "properties" in schema:
        yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from objects(field, f"{path}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from objects(schema["items"], f"{path}[]")


def load(root):
    return {p.stem: json.loads(p.read_text()) for p in sorted((root / SCHEMAS).glob("*.json"))}


def check_form(verb, schema):
    file = f"{SCHEMAS}/{verb}.json"
    if schema.get("$id") != f"{verb}.json":
        yield f"{file}: its $id is not {verb}.json"
    for form, definition in schema.get("$defs", {}).items():
        for path, one in objects(definition, form):
            if one.get("additionalProperties") is not False:
                yield f"{file}: {path} takes any field"
            for name in set(one.get("required", ())) - set(one["properties"]):
                yield f"{file}: {path} requires {name}, which it has not"
            for name, field in one["properties"].items():
                if not field.get("description"):
                    yield f"{file}: {path}.{name} is not described"
        named = {ref["$ref"] for ref in schema.get("anyOf", ())}
        used = f"#/$defs/{form}" in json.dumps(schema)
        if f"#/$defs/{form}" not in named and not used:
            yield f"{file}: no line has the form {form}"


def fields_of(schema, skip=()):
    return {path.rsplit(".", 1)[-1].removesuffix("[]")
            for form, definition in schema.get("$defs", {}).items() if form not in skip
            for path, _ in walk(definition, "")}


def check_sources(root, schemas):
    written, may_be = set(), set()
    for path in sources(root / "src/cli"):
        text = NO_FIELD.sub("", path.read_text())
        written |= {name for names in FIELD.findall(text) for name in names if name}
        written |= set(TELL.findall(text))
        may_be |= set(RAW.findall(text))
    # Kinds that the engine names may be fields: {"missing": 3, "extra": 0, ...}.
    for path in sources(root / "src/engine"):
        may_be |= set(re.findall(r'"([a-z_]+)"', path.read_text()))
    described = set()
    for verb, schema in schemas.items():
        described |= fields_of(schema)
        if verb in ELSEWHERE:
            continue
        for name in sorted(fields_of(schema, ELSEWHERE) - written - may_be):
            yield f"{SCHEMAS}/{verb}.json: has field {name}, src/cli does not"
    for name in sorted(written - described - LOOK_LIKE_FIELDS):
        yield f"{SCHEMAS}: no schema has field {name}, which src/cli writes"


def sections(reference):
    """Text of the section of each verb; one headed 'hold and release' is that of both."""
    out = {}
    for title, body in re.findall(r"^### (.+)\n((?:(?!^##).*\n?)*)", reference, re.M):
        for word in re.findall(r"[a-z]+", title):
            out[word] = out.get(word, "") + body
    common = re.search(r"^## JSON\n((?:(?!^## ).*\n?)*)", reference, re.M)
    out["common"] = common.group(1) if common else ""
    return out


def check_reference(root, schemas):
    text = sections((root / REFERENCE).read_text())
    for verb, schema in schemas.items():
        if verb not in text:
            yield f"{REFERENCE}: has no section of {verb}"
            continue
        words = set(re.findall(r"\w+", " ".join(re.findall(r"`+([^`]+)`+", text[verb]))))
        for name in sorted(fields_of(schema, ELSEWHERE) - words):
            yield f"{REFERENCE}: the section of {verb} lacks field {name}"


def golden_lines(schemas):
    return sorted(f"{verb} {form} {path} {type_of(field)}"
                  for verb, schema in schemas.items()
                  for form, definition in schema.get("$defs", {}).items()
                  for path, field in walk(definition, ""))


def check_golden(root, schemas):
    golden = set((root / GOLDEN).read_text().splitlines())
    now = set(golden_lines(schemas))
    for line in sorted(golden - now):
        yield f"{GOLDEN}: gone, or of another type: {line} (scripts rely on it)"
    for line in sorted(now - golden):
        yield f"{GOLDEN}: lacks {line} (scripts/check_schemas.py --update)"


def check(root):
    schemas = load(root)
    if not schemas:
        yield f"{SCHEMAS}: empty"
        return
    for verb, schema in schemas.items():
        yield from check_form(verb, schema)
    yield from check_sources(root, schemas)
    yield from check_reference(root, schemas)
    yield from check_golden(root, schemas)


def selftest():
    """A small tree without a fault, then one fault of each kind."""
    def schema(verb, extra_field=None, **changes):
        field = {"description": "d", "type": "integer"}
        form = {"type": "object", "properties": {"id": field}, "required": ["id"],
                "additionalProperties": False, **changes}
        if extra_field:
            form["properties"][extra_field] = field
        return json.dumps({"$id": f"{verb}.json", "anyOf": [{"$ref": "#/$defs/result"}],
                           "$defs": {"result": form}})

    good = {
        "src/cli/cmd_init.cc": 'out = {{"id", 1}}; x->check(CLI::IsMember({"none", "all"}));',
        "src/engine/verify.cc": "",
        REFERENCE: "### init\nJSON: `id`.\n\n## JSON\n",
        f"{SCHEMAS}/init.json": schema("init"),
        GOLDEN: "init result id integer\n",
    }
    faults = {
        "takes any field": {f"{SCHEMAS}/init.json": schema("init", additionalProperties=True)},
        "requires x": {f"{SCHEMAS}/init.json": schema("init", required=["id", "x"])},
        "its $id is not": {f"{SCHEMAS}/init.json": schema("other")},
        "is not described": {f"{SCHEMAS}/init.json": schema("init", properties={"id": {"type": "integer"}})},
        "src/cli does not": {f"{SCHEMAS}/init.json": schema("init", "size"), REFERENCE: "### init\n`id size`\n",
                             GOLDEN: "init result id integer\ninit result size integer\n"},
        "which src/cli writes": {"src/cli/cmd_init.cc": 'out = {{"id", 1}, {"name", 2}}'},
        "has no section of init": {REFERENCE: "## JSON\n"},
        "lacks field id": {REFERENCE: "### init\nid\n"},
        "gone, or of another type": {GOLDEN: "init result id integer\ninit result old string\n"},
        "--update": {GOLDEN: ""},
    }

    def run(changes):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in {**good, **changes}.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            return list(check(root))

    assert run({}) == [], run({})
    for wanted, changes in faults.items():
        found = run(changes)
        assert len(found) == 1 and wanted in found[0], (wanted, found)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--selftest", action="store_true")
    parser.add_argument("--update", action="store_true", help="add new fields to the golden list")
    args = parser.parse_args()
    if args.selftest:
        return selftest()
    root = pathlib.Path(__file__).resolve().parent.parent
    if args.update:
        path = root / GOLDEN
        old = set(path.read_text().splitlines()) if path.exists() else set()
        path.write_text("".join(line + "\n" for line in sorted(old | set(golden_lines(load(root))))))
    found = list(check(root))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
