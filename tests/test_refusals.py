"""What must be refused is refused before anything is touched, with an exit code and a message that help."""

import time

import pytest

from lib import compare
from lib.maxbrod import Maxbrod

KEEP = {"retention.ms": "-1"}


def test_target_not_empty(pair, repo):
    """Topics that hold or held something: all of them are named, and none is touched."""
    probe, target = pair.source.probe, pair.target.probe
    for name in ("full.a", "full.b", "full.c", "full.d"):
        probe.create_topic(name, 1, **KEEP)
        probe.produce(name, 100)
    repo.backup(pair.source, "one", "--topics", "full.*")
    target.create_topic("full.a", 1, **KEEP)
    target.produce("full.a", 5)
    target.create_topic("full.b", 1, **KEEP)
    target.produce("full.b", 5)
    target("delete-records", topic="full.b", partition=0, before=5)  # emptied is not empty
    target.create_topic("full.c", 1, **KEEP)
    before = compare.fingerprint(target, ["full.a", "full.b", "full.c"])
    result = repo.restore(pair.target, "one", expect=None)
    assert result.code != 0
    assert "full.a" in result.stderr and "full.b" in result.stderr and "full.c" not in result.stderr
    assert "full.d" not in target.topics()
    assert compare.differences(before, compare.fingerprint(target, ["full.a", "full.b", "full.c"])) == []
    repo.restore(pair.target, "one", "--topics", "full.c", "--topics", "full.d")
    assert target.offsets("full.c", "full.d") == probe.offsets("full.c", "full.d")


def test_replication_factor(clusters, version, pair, repo):
    """Fewer brokers than replicas: refused with the flag that helps, which then does."""
    three = clusters(version, brokers=3)
    three.probe.create_topic("wide", 2, 3, **{**KEEP, "min.insync.replicas": "2"})
    three.probe.produce("wide", 200, codec="lz4")
    repo.backup(three, "one", "--topics", "wide")
    result = repo.restore(pair.target, "one", expect=None)
    assert result.code != 0 and "--replication-factor" in result.stderr
    assert "wide" not in pair.target.probe.topics()
    repo.restore(pair.target, "one", "--replication-factor", 1)
    assert pair.target.probe.offsets("wide") == three.probe.offsets("wide")


def test_group_with_members(pair, repo):
    """Offsets of a group that is in use on the target are not changed under its feet."""
    probe, target = pair.source.probe, pair.target.probe
    probe.create_topic("members", 1, **KEEP)
    probe.produce("members", 100)
    probe("commit-offsets", group="members.group", offsets={"members:0": 50})
    repo.backup(pair.source, "one", "--topics", "members")
    target.create_topic("members.other")
    target("consumer-start", id="m", group="members.group", topics=["members.other"])
    deadline = time.monotonic() + 30
    while target("groups").get("members.group", {}).get("state") != "Stable":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    result = repo.restore(pair.target, "one", "--groups", "members.group", expect=None)
    target("consumer-stop", id="m")
    assert result.code != 0 and "members.group" in result.stderr
    assert target("groups")["members.group"]["offsets"] == {}


def test_repository_errors(pair, repo, tmp_path):
    """Not there, there already, snapshot unknown or ambiguous or taken."""
    nowhere = Maxbrod(tmp_path / "nowhere")
    result = nowhere.backup(pair.source, "one", expect=3)
    assert str(nowhere.folder) in result.stderr and not nowhere.folder.exists()
    nowhere.folder.mkdir()
    result = nowhere.backup(pair.source, "one", expect=3)
    assert "maxbrod init" in result.stderr and not list(nowhere.folder.iterdir())
    result = repo("init", expect=4)
    pair.source.probe.create_topic("errors", 1, **KEEP)
    pair.source.probe.produce("errors", 10)
    result = repo.backup(pair.source, "one", "--topics", "no-such-topic", expect=3)
    assert "no-such-topic" in result.stderr
    idle = repo.backup(pair.source, "idle", "--topics", "errors,no-such-*")
    assert "no topic matches 'no-such-*'" in idle.stderr
    repo.backup(pair.source, "one", "--topics", "errors")
    result = repo.backup(pair.source, "one", "--topics", "errors", expect=4)
    assert "one" in result.stderr
    result = repo.restore(pair.target, "two", expect=3)
    assert "two" in result.stderr
    assert repo("snapshots").stdout.count("one") == 1


@pytest.mark.parametrize("words", [("backup",), ("restore", "one"), ("show", "one"), ("verify",)], ids=" ".join)
def test_usage_errors(repo, words):
    """An unknown flag is named, with exit code 2."""
    result = repo(*words, "--no-such-flag", expect=2)
    assert "no-such-flag" in result.stderr


@pytest.mark.parametrize("verb", ["restore", "show"])
def test_missing_snapshot_name(repo, verb):
    """What is missing is named, with exit code 2."""
    assert "snapshot is required" in repo(verb, expect=2).stderr
