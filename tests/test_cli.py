"""The command line itself, without brokers: completion in real shells, manual pages, JSON by its schemas, tables.

The repository is one of the format's golden files, which has a snapshot, a restore and a held snapshot's name.
"""

import json
import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from lib import jars, schemas
from lib.maxbrod import BINARY, Maxbrod

VERBS = [page.removeprefix("maxbrod-") for page in sorted(p.stem for p in (jars.ROOT / "docs/schemas").glob("*.json"))
         if page != "common"]
TIME = "2023-11-14 22:13:20Z"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A folder with the program by its name, its completion scripts, and a repository."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "bin").mkdir()
    (folder / "bin" / "maxbrod").symlink_to(BINARY)
    shutil.copytree(jars.ROOT / "tests/golden/repo-v1", folder / "repo")
    for shell in ("bash", "zsh", "fish"):
        (folder / f"completion.{shell}").write_text(run("completion", shell).stdout)
    return folder


@pytest.fixture
def golden(shelf):
    return Maxbrod(shelf / "repo")


def run(*args, env=None):
    return subprocess.run([BINARY, *args], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
                          env={**os.environ, "MAXBROD_STATE_DIR": "", **(env or {})}, check=False)


def environment(shelf):
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAXBROD_")}
    return {**env, "PATH": f"{shelf / 'bin'}:{os.environ['PATH']}", "HOME": str(shelf), "TERM": "dumb"}


def bash(shelf, *words):
    """What bash offers for the last word; words are split at ':' and '=' as readline does."""
    split = [part for word in words for part in (re.findall(r"[:=]+|[^:=]+", word) or [""])]
    script = f"""
        source {shelf}/completion.bash
        [[ $(complete -p maxbrod) == *_maxbrod* ]] || exit 9
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _maxbrod
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", *split], capture_output=True, text=True,
                          env=environment(shelf), timeout=30, check=False)
    assert done.returncode == 0 and not done.stderr, done
    return sorted(done.stdout.split())


def fish(shelf, line):
    script = f"source {shelf}/completion.fish; complete -C {json.dumps(line)}"
    done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True,
                          env=environment(shelf), timeout=30, check=False)
    assert done.returncode == 0 and not done.stderr, done
    return sorted(offered.split("\t")[0] for offered in done.stdout.splitlines())


def zsh(shelf, line):
    """Types the line and a tab into an interactive zsh; returns the line as it is then."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe("zsh", ["zsh", "-f", "-i"], {**environment(shelf), "TERM": "xterm", "PS1": "", "COLUMNS": "200"})
    said = ""

    def wait_for(pattern, seconds=20):
        nonlocal said
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, said)):
            ready, _, _ = select.select([terminal], [], [], max(0, end - time.monotonic()))
            assert ready, f"no {pattern!r} in {said!r}"
            said += os.read(terminal, 65536).decode(errors="replace")
        said = said[found.end():]
        return found

    try:
        # A widget that completes what it is given and prints the line: the terminal's echo is not read.
        os.write(terminal, (f"autoload -U compinit; compinit -u -D; source {shelf}/completion.zsh; "
                            "report() { zle complete-word; print -r -- \"LINE<$BUFFER>\" }; zle -N report; "
                            "bindkey '^T' report; PROMPT= RPROMPT=; setopt no_beep no_list_ambiguous; "
                            "print RE''ADY\n").encode())
        wait_for(r"READY")
        os.write(terminal, line.encode() + b"\x14")
        return wait_for(r"LINE<(.*?)>").group(1)
    finally:
        os.close(terminal)
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_scripts_are_sound_to_the_shells_themselves(shelf):
    for shell in ("bash", "zsh", "fish"):
        done = subprocess.run([shell, "-n", shelf / f"completion.{shell}"], capture_output=True, text=True, check=False)
        assert done.returncode == 0 and not done.stderr, done


def test_bash_completes(shelf):
    url = f"file://{shelf}/repo"
    assert bash(shelf, "maxbrod", "") == sorted(VERBS)
    assert bash(shelf, "maxbrod", "--memory", "1GiB", "res") == ["restore"]
    assert bash(shelf, "maxbrod", "keys", "") == ["add", "list", "remove", "rotate"]
    assert bash(shelf, "maxbrod", "keys", "--quiet", "add", "--new-k") == ["--new-key-file", "--new-kms-key"]
    assert "--time-zone" in bash(shelf, "maxbrod", "restore", "--")
    assert bash(shelf, "maxbrod", "restore", "one", "--markers", "") == ["auto", "end-txn", "write-txn-markers"]
    assert bash(shelf, "maxbrod", "restore", "--markers=e") == ["end-txn"]
    assert bash(shelf, "maxbrod", "bucket", "policy", "re") == ["restore"]
    assert bash(shelf, "maxbrod", "help", "rel") == ["release"]
    assert bash(shelf, "maxbrod", "restore", "--key-file", f"{shelf}/rep") == [f"{shelf}/repo"]
    assert bash(shelf, "maxbrod", "restore", "--repo", f"file://{shelf}/re") == [f"//{shelf}/repo"]
    # Names of snapshots; of no repository, and of one that is none, only what is always there.
    assert bash(shelf, "maxbrod", "show", "--repo", url, "") == ["latest", "nightly"]
    assert bash(shelf, "maxbrod", "show", f"--repo={url}", "ni") == ["nightly"]
    assert bash(shelf, "maxbrod", "forget", "x", "y", "--repo", url, "ni") == ["nightly"]
    assert bash(shelf, "maxbrod", "show", "") == ["latest"]
    assert bash(shelf, "maxbrod", "show", "--repo", f"{url}-not-there", "") == ["latest"]
    assert bash(shelf, "maxbrod", "nonsense", "") == sorted(VERBS)


def test_fish_completes(shelf):
    url = f"file://{shelf}/repo"
    assert fish(shelf, "maxbrod res") == ["restore"]
    assert fish(shelf, "maxbrod --memory 1GiB keys ") == ["add", "list", "remove", "rotate"]
    assert fish(shelf, "maxbrod keys add --new-k") == ["--new-key-file", "--new-kms-key"]
    assert fish(shelf, "maxbrod restore one --markers ") == ["auto", "end-txn", "write-txn-markers"]
    assert fish(shelf, "maxbrod bucket policy re") == ["restore"]
    assert fish(shelf, f"maxbrod show --repo {url} ") == ["latest", "nightly"]
    assert fish(shelf, f"maxbrod show --repo={url} ni") == ["nightly"]
    assert fish(shelf, f"maxbrod show --repo {url}-not-there ") == ["latest"]


def test_zsh_completes(shelf):
    url = f"file://{shelf}/repo"
    assert zsh(shelf, "maxbrod resto") == "maxbrod restore "
    assert zsh(shelf, "maxbrod keys rot") == "maxbrod keys rotate "
    assert zsh(shelf, "maxbrod restore one --markers en") == "maxbrod restore one --markers end-txn "
    assert zsh(shelf, f"maxbrod show --repo {url} ni") == f"maxbrod show --repo {url} nightly "


def test_manual_pages_have_no_fault(tmp_path):
    said = run("man", "--output-dir", tmp_path, "--json")
    assert json.loads(said.stdout)["pages"][0] == "maxbrod"
    pages = sorted(tmp_path.iterdir())
    assert [p.name for p in pages] == sorted(["maxbrod.1"] + [f"maxbrod-{verb}.1" for verb in VERBS])
    for page in pages:
        # -ww: every warning, such as a request that does not exist or a line that cannot be set.
        done = subprocess.run(["groff", "-ww", "-man", "-Tutf8", "-P-cbou", "-rLL=100n", page], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0 and not done.stderr, (page.name, done.stderr)
        assert "NAME" in done.stdout and "SYNOPSIS" in done.stdout and "SEE ALSO" in done.stdout
    text = subprocess.run(["groff", "-man", "-Tascii", "-P-cbou", tmp_path / "maxbrod-restore.1"], capture_output=True, text=True,
                          check=True).stdout
    assert "--dry-run" in text and "maxbrod restore nightly --repo file:///backups/kafka" in text
    assert run("man", "restore").stdout == (tmp_path / "maxbrod-restore.1").read_text()


# Each verb that needs no cluster, once: (arguments, exit code). What changes the repository comes last.
RUNS = [
    (["snapshots"], 0), (["show", "nightly"], 0), (["show", "nightly", "--configs"], 0), (["offsets", "nightly"], 0),
    (["verify"], 12), (["verify", "nightly"], 12), (["dump"], 0), (["dump", "config"], 0), (["keys", "list"], 16),
    (["doctor"], None), (["forget", "nightly", "--dry-run"], 5), (["release", "nightly"], 0), (["hold", "nightly"], 0),
    (["show", "nothing"], 3), (["init"], 4), (["prune", "--dry-run"], None),
    (["show", "nightly", "--metadata"], 0), (["snapshots", "--tag", "test", "--limit", "1"], 0), (["stats"], 0),
    (["timeline"], 0), (["timeline", "--commits"], 0), (["diff", "nightly", "nightly"], 0),
    (["diff", "nightly", "nightly", "--summary"], 0), (["diff", "nightly", "@3"], None), (["repair", "--dry-run"], 0),
    (["edit", "nightly", "--tag", "test"], 0), (["forget", "--keep", "last 1", "--dry-run"], 0),
]


@pytest.mark.parametrize("args,code", RUNS, ids=lambda value: "-".join(value) if isinstance(value, list) else "")
def test_output_is_clean(golden, args, code):
    """Text: at most 100 columns, no trailing blanks. JSON: by the schema, nothing else on standard output, and the
    same in every zone. Errors on standard error."""
    text = golden(*args, expect=code)
    for line in text.stdout.splitlines():
        assert len(line) <= 100 or args[0] in ("dump", "init"), line
        assert line == line.rstrip(), repr(line)
    assert "maxbrod: " not in text.stdout and (text.code == 0) == ("maxbrod: " not in text.stderr), text
    result = golden(*args, "--json", expect=code)
    assert all(isinstance(line, dict) for line in result.lines)
    assert (result.code != 0) == ("error" in result.json)
    elsewhere = golden(*args, "--json", expect=code, env={"MAXBROD_TIME_ZONE": "Asia/Tokyo"})
    if args[0] in ("snapshots", "show", "offsets", "dump", "keys"):
        assert elsewhere.stdout == result.stdout


def test_lists_are_sorted(golden):
    shown = golden("show", "nightly", "--json").json
    names = [topic["topic"] for topic in shown["topics"]]
    assert names == sorted(names) and len(names) == 2
    assert [p["partition"] for p in shown["topics"][0]["partitions"]] == [0, 1]


def test_times_in_a_zone_of_ones_choice(golden):
    assert TIME in golden("snapshots").stdout
    assert "2023-11-14 23:13:20+01:00" in golden("snapshots", "--time-zone", "Europe/Berlin").stdout
    assert "2023-11-15 07:13:20+09:00" in golden("snapshots", env={"MAXBROD_TIME_ZONE": "Asia/Tokyo"}).stdout
    assert TIME in golden("snapshots", "--time-zone", "UTC", env={"MAXBROD_TIME_ZONE": "Asia/Tokyo"}).stdout
    local = {"TZ": "America/New_York", "MAXBROD_TIME_ZONE": "local"}
    assert "2023-11-14 17:13:20-05:00" in golden("show", "nightly", env=local).stdout
    wrong = golden("snapshots", "--time-zone", "Europe/Atlantis", expect=2)
    assert "there is no time zone 'Europe/Atlantis'" in wrong.stderr and not wrong.stdout


def test_a_line_that_no_schema_allows_is_noticed(golden):
    line = golden("show", "nightly", "--json").json
    schemas.check_line("show", line)
    for change in ({"topics": 1}, {"new": 1}, {"topics": [{**line["topics"][0], "bytes": "many"}]}):
        with pytest.raises(schemas.Unlike):
            schemas.check_line("show", {**line, **change})
    del line["cluster_id"]
    with pytest.raises(schemas.Unlike):
        schemas.check_line("show", line)
    for text in ("no json\n", '{"note": "x"}', '{"note": 1}\n'):
        with pytest.raises((schemas.Unlike, json.JSONDecodeError)):
            schemas.check_output(["restore"], text, whole=True)


def test_other_verbs_by_their_schemas():
    for args in (["help"], ["help", "keys", "add"], ["completion", "fish"], ["man", "show"]):
        schemas.check_output(args, run(*args, "--json").stdout, whole=True)
    version = json.loads(run("--version", "--json").stdout)
    schemas.check_line("common", version)
    assert run("--version").stdout == f"maxbrod {version['version']}\n"


def test_installed_where_it_belongs(tmp_path):
    subprocess.run([jars.ROOT / "scripts/install", BINARY], check=True, capture_output=True,
                   env={**os.environ, "DESTDIR": str(tmp_path), "PREFIX": "/opt/maxbrod"})
    there = {str(p.relative_to(tmp_path / "opt/maxbrod")) for p in tmp_path.rglob("*") if p.is_file()}
    assert {"bin/maxbrod", "share/bash-completion/completions/maxbrod", "share/zsh/site-functions/_maxbrod",
            "share/fish/vendor_completions.d/maxbrod.fish", "share/man/man1/maxbrod.1",
            "share/man/man1/maxbrod-restore.1", "share/doc/maxbrod/reference.md",
            "share/doc/maxbrod/schemas/restore.json"} <= there
    binary = tmp_path / "opt/maxbrod/bin/maxbrod"
    assert subprocess.run([binary, "--version"], check=True, capture_output=True).stdout
