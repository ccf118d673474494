"""Names, tags and retention of snapshots, and repair of what breaks, through the verbs on a real broker: in a folder, encrypted,
and in S3."""

import os
import pathlib

import pytest

from lib import jars
from lib.maxbrod import Maxbrod
from lib.shifted_clock import FolderClock, ServerClock
from lib.standins import Moto, Versitygw

KEEP = {"retention.ms": "-1"}
EXISTS, DAMAGED = 4, 12  # exit codes
KILLED = 137
ONE_PACK = ("--connections", "1")  # each connection writes packs of its own


@pytest.fixture(scope="module", params=[jars.NEWEST])
def version(request):
    """Kafka matters little here."""
    return request.param


def made(place, tmp_path):
    """A repository in a folder, plain or encrypted."""
    maxbrod = Maxbrod(tmp_path / "repo")
    if place == "sealed":
        maxbrod.env = {"MAXBROD_PASSPHRASE": "correct horse battery staple"}
        maxbrod("init", "--encryption", "passphrase", "--passphrase-memory", "64MiB", "--passphrase-passes", "1")
    else:
        maxbrod.init()
    return maxbrod


@pytest.fixture(params=("folder", "sealed", "s3"))
def repo(request, tmp_path):
    """A repository in each place; its `folder` is where its objects lie as files."""
    if request.param != "s3":
        yield made(request.param, tmp_path)
        return
    with Versitygw(tmp_path / "s3") as server:
        server.create_bucket("backups")
        maxbrod = Maxbrod(pathlib.Path(server.objects) / "backups" / "one")
        maxbrod.url, maxbrod.env = server.url("backups", "one"), server.env
        maxbrod.init()
        yield maxbrod


def newest_pack(repo):
    return max((p for p in (repo.folder / "pack").rglob("*") if p.is_file()), key=lambda p: p.stat().st_mtime)


def cut(path):
    """What is left after a third of it."""
    os.chmod(path, 0o644)
    os.truncate(path, path.stat().st_size // 3)


def tables_fit(result):
    """No line of a table is wider than a terminal."""
    wide = [line for line in result.stdout.splitlines() if len(line) > 100]
    assert wide == [], wide


def test_a_life_of_snapshots(pair, repo, request):
    """Backups, edits, a policy, prune; a deleted manifest and a cut pack; statistics; verify at each step."""
    topic = f"kept.{request.node.callspec.params['repo']}"
    pair.source.probe.create_topic(topic, 1, **KEEP)
    names = ["first", "second", "third", "fourth"]
    for name in names:
        pair.source.probe.produce(topic, 300, value_min=200)
        repo.backup(pair.source, name, "--topics", topic, "--tag", "nightly")

    repo("edit", "first", "--name", "golden", "--tag", "gold", "--description", "kept for ever")
    shown = repo("snapshots", "--tag", "gold", "--json").lines
    assert [(s["name"], s["tags"], s["description"]) for s in shown] == [("golden", ["nightly", "gold"], "kept for ever")]
    tables_fit(repo("snapshots"))
    assert "no snapshot has the tag 'silver'" in repo("snapshots", "--tag", "silver", expect=3).stderr
    repo("edit", "second", "--name", "golden", expect=EXISTS)
    assert [s["name"] for s in repo("snapshots", "--json").lines] == ["golden", "second", "third", "fourth"]
    repo("edit", "golden", "--untag", "nightly")
    assert len(repo("snapshots", "--limit", "2", "--json").lines) == 2

    for policy in ("", "daily 0", "last 0", "tag silver", "daily 1, daily 2", "within 0d"):
        refused = repo("forget", "--keep", policy, expect=2)
        assert "HINT" in refused.stderr or "hint" in refused.stderr.lower(), refused
    repo("forget", "--keep", "last 1", "--tag", "silver", expect=3)
    repo("hold", "second")
    plan = repo("forget", "--keep", "last 1, tag gold", "--dry-run", "--json").json
    assert (plan["kept_snapshots"], plan["forgotten_snapshots"]) == (3, 1)
    tables_fit(repo("forget", "--keep", "last 1, tag gold", "--dry-run"))
    done = repo("forget", "--keep", "last 1, tag gold", "--time-zone", "Europe/Berlin", "--prune", "--json").lines
    kept = {s["name"]: s["reasons"] for group in done[0]["groups"] for s in group["kept"]}
    assert kept == {"golden": ["tag gold"], "second": ["held"], "fourth": ["last 1"]}
    assert "rewrite" in done[1]
    repo("verify")

    stats = repo("stats", "--json").json
    assert [t["topic"] for t in stats["topics"]] == [topic] and stats["records"] == 1200
    # A folder has no list price.
    assert (stats["dollars_per_month"] is None) == repo.url.startswith("file:")
    tables_fit(repo("stats"))

    manifest = sorted((repo.folder / "manifest").iterdir())
    for path in manifest:
        path.unlink()
    repo("verify", expect=DAMAGED)
    repo("repair", "--dry-run")
    repo("repair")
    repo("verify")

    cut(newest_pack(repo))
    found = repo("repair", "--dry-run", "--json").json
    lost = len(found["lost_ranges"])
    assert lost == 1, found
    repo("repair", expect=2)
    repo("repair", "--yes-lose", lost)
    repo("verify")
    assert repo("snapshots", "--json").lines[-1]["name"] == "fourth"

    repo.backup(pair.source, "again", "--topics", topic)
    repo("verify")
    repo("verify", "again", "--bootstrap-server", pair.source.bootstrap(), "--topics", topic)


@pytest.fixture(params=("folder", "sealed", "moto"))
def aging(request, tmp_path):
    """A repository in each place, and pass_days for it."""
    if request.param != "moto":
        maxbrod = made(request.param, tmp_path)
        yield maxbrod, FolderClock(maxbrod).pass_days
        return
    server = Moto(tmp_path / "moto")
    server.clock = ServerClock(server.folder)
    with server:
        server.create_bucket("backups")
        maxbrod = Maxbrod("/nowhere")
        maxbrod.url, maxbrod.env = server.url("backups", "one"), server.env
        maxbrod.init()
        yield maxbrod, server.clock.pass_days


def test_half_dead_packs_are_rewritten(pair, aging, request):
    """A prune within a budget copies what is still needed; killed at each step, the next one finishes. A week later it is gone."""
    repo, pass_days = aging
    probe = pair.source.probe
    topics = [f"{n}.{request.node.callspec.params['aging']}" for n in ("stays", "goes")]
    for topic, records in zip(topics, (200, 2000)):
        probe.create_topic(topic, 1, **KEEP)
        probe.produce(topic, records, value_min=500)
    repo.backup(pair.source, "both", "--topics", ",".join(topics), *ONE_PACK)
    repo.backup(pair.source, "one", "--topics", topics[0])
    repo("forget", "both", "--yes-delete", 1)
    before = repo("stats", "--json").json
    pass_days(10)
    prune = ("prune", "--rewrite-below", "90%", "--rewrite-budget", "1GiB", "--json")
    plan = repo(*prune, "--dry-run").json
    assert [t["topic"] for t in plan["released_topics"]] == [topics[1]] and plan["needs_number"], plan
    assert repo(*prune, expect=2).json["error"]["code"] == "invalid_argument"

    def run(**options):
        return repo(*prune, "--yes-delete", repo(*prune, "--dry-run").json["condemned_objects"], **options)

    for step in ("rewrite.pack", "rewrite.packs", "rewrite.committed"):
        died = run(env={"MAXBROD_CRASH_AT": step}, expect=None)
        assert died.code == KILLED, (step, died)
        repo("verify")
    run()
    pass_days(8)
    done = run().json
    assert done["removed_objects"] > 0 and done["removed_bytes"] > before["live_bytes"], done
    after = repo("stats", "--json").json
    assert after["live_bytes"] < before["live_bytes"] / 4 and after["dead_bytes"] == 0, after
    repo("verify")
    repo.verify("one", cluster=pair.source)


def test_a_killed_repair_is_run_again(pair, repo, request):
    """At each step of it the repository is no worse, and the next run ends the same."""
    topic = f"mended.{request.node.callspec.params['repo']}"
    pair.source.probe.create_topic(topic, 4, **KEEP)
    for name in ("first", "second"):
        pair.source.probe.produce(topic, 3000, value_min=200)
        repo.backup(pair.source, name, "--topics", topic, *ONE_PACK)
    cut(newest_pack(repo))  # of four blocks one or two are left
    lost = len(repo("repair", "--dry-run", "--json").json["lost_ranges"])
    for step in ("rewrite.pack", "reindex.manifests", "reindex.snapshots", "commit.before", "commit.after"):
        died = repo("repair", "--yes-lose", lost, env={"MAXBROD_CRASH_AT": step}, expect=None)
        assert died.code == KILLED, (step, died)
    repo("repair", "--yes-lose", lost, expect=None)
    repo("verify")
    repo.verify("first", cluster=pair.source)
    # What was lost is read again.
    repo.backup(pair.source, "third", "--topics", topic)
    repo.verify("third", cluster=pair.source)
