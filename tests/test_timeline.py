"""Points in time between snapshots, both branches of a history, and what diff tells of two snapshots or a cluster."""

import shutil

import pytest

from lib import compare, jars, trips

KEEP = {"retention.ms": "-1"}
KILLED = 137


@pytest.fixture(scope="module", params=[jars.NEWEST])
def version(request):
    """The log of commits is ours: one broker version is enough here."""
    return request.param


def files(repo):
    return sorted((str(p.relative_to(repo.folder)), p.stat().st_size) for p in repo.folder.rglob("*") if p.is_file())


def same_as(expected, pair, topic, target):
    """Demands that `target` on the target cluster is what `topic` was."""
    actual = compare.fingerprint(pair.target.probe, [target])
    assert compare.differences(expected, actual, lambda _: target) == []


def differences(result):
    """(area, change, object, what, before, after) of what diff found."""
    return [tuple(d[k] for k in ("area", "change", "object", "what", "before", "after"))
            for d in next(line for line in result.lines if "same" in line)["differences"]]


def test_points_between_snapshots(pair, repo):
    """What an interrupted backup had committed, and nobody named, comes back at that commit and at that time."""
    probe = pair.source.probe
    probe.create_topic("points", 2, **KEEP)
    probe.produce("points", 500, seed=1)
    probe("commit-offsets", group="points.group", offsets={"points:0": 120})
    repo.backup(pair.source, "one", "--topics", "points")
    probe.produce("points", 300, seed=2)
    expected = compare.fingerprint(probe, ["points"])
    died = repo("backup", "--bootstrap-server", pair.source.bootstrap(), "--topics", "points", "--name", "lost",
                env={"MAXBROD_CRASH_AT": "packs.committed"}, expect=None)
    assert died.code == KILLED, died
    told = repo("timeline", "--json").json
    point = told["points"][-1]
    assert point["offsets"] == 300 and point["snapshots"] == [] and point["commit"] == told["last_commit"]["commit"]
    probe.produce("points", 200, seed=3)
    repo.backup(pair.source, "two", "--topics", "points")

    before = files(repo)
    plan = repo.restore(pair.target, f"@{point['commit']}", "--dry-run", "--json").json
    assert plan["records"] == 800 and plan["snapshot"] == f"@{point['commit']}"
    assert files(repo) == before, "a plan writes nothing"
    to_commit = (f"@{point['commit']}", "--rename", "points=points.commit", "--no-groups")
    died = repo.restore(pair.target, *to_commit, env={"MAXBROD_CRASH_AT": "restore.before_data"}, expect=None)
    assert died.code == KILLED, died
    assert repo.restore(pair.target, *to_commit, "--json").json["resumed"]
    assert repo.restore(pair.target, *to_commit, "--json").json["already_done"]
    same_as(expected, pair, "points", "points.commit")
    repo.verify(*to_commit, cluster=pair.target)
    repo.restore(pair.target, f"@{point['time_ms']}", "--rename", "points=points.time")
    same_as(expected, pair, "points", "points.time")
    assert pair.target.probe("groups")["points.group"]["offsets"] == {"points.time:0": [120, ""]}

    for time, bound in ((1_000_000_000_000, told["first_commit"]), (9_000_000_000_000, None)):
        refused = repo.restore(pair.target, f"@{time}", expect=2)
        assert "commit " in refused.stderr and (bound is None or f"commit {bound['commit']} of" in refused.stderr)
    assert "commits 1 to" in repo.restore(pair.target, "@4711", expect=3).stderr
    assert "any commit from @1 (" in repo("timeline").stdout


def test_recreated(pair, repo):
    """Deleted and made anew: each of the two by its snapshot, by a commit, and by its id at the newest commit."""
    probe = pair.source.probe
    expected, commits = {}, {}
    for seed, name in enumerate(("before", "after")):
        probe.create_topic("anew", 1, **KEEP)
        probe.produce("anew", 400 - 150 * seed, seed=seed)
        expected[name] = compare.fingerprint(probe, ["anew"])
        repo.backup(pair.source, name, "--topics", "anew")
        commits[name] = repo("timeline", "--json").json["last_commit"]["commit"]
        if name == "before":
            trips.delete(probe, "anew")
    older, newer = repo("timeline", "--json").json["topics"]
    assert not older["current"] and newer["current"]
    assert older["snapshots"] == ["before"] and newer["snapshots"] == ["after"]
    ids = {"before": older["topic_id"], "after": newer["topic_id"]}
    newest = f"@{commits['after']}"
    for name in expected:
        for how, args in (("commit", [f"@{commits[name]}"]), ("id", [newest, "--topic-id", ids[name]]),
                          ("snapshot", [name, "--topic-id", ids[name]])):
            target = f"anew.{name}.{how}"
            repo.restore(pair.target, *args, "--rename", f"anew={target}", "--no-groups")
            same_as(expected[name], pair, "anew", target)
    assert ids["before"] in repo.restore(pair.target, "after", "--topic-id", ids["before"], expect=3).stderr
    found = differences(repo("diff", "before", "after", "--only", "topics", "--json", expect=19))
    assert found == [("topics", "changed", "anew", "topic id", ids["before"], ids["after"])]


def test_diff(pair, repo):
    """The source as it was is the same; a restored one too; after some changes just these are told."""
    probe = pair.source.probe
    probe.create_topic("diff.a", 2, **KEEP, **{"max.message.bytes": "2000000"})
    probe.create_topic("diff.b", 1, **KEEP)
    probe.produce("diff.a", 400)
    probe.produce("diff.b", 100)
    probe("delete-records", topic="diff.a", partition=0, before=50)
    probe("commit-offsets", group="diff.group", offsets={"diff.a:0": 60, "diff.b:0": 7})
    repo.backup(pair.source, "one", "--topics", "diff.*")
    args = ("one", "--topics", "diff.*", "--groups", "diff.*", "--only", "topics,configs,data,groups", "--json")
    live = ("--bootstrap-server", pair.source.bootstrap())
    restored = ("--bootstrap-server", pair.target.bootstrap())
    assert repo("diff", *args, *live).json["same"]

    repo.restore(pair.target, "one", "--rename", "diff.a=diff.copy")
    assert repo("diff", *args, *restored, "--rename", "diff.a=diff.copy").json["same"]
    found = differences(repo("diff", *args, *restored, expect=19))
    assert [f[:3] for f in found] == [("topics", "removed", "diff.a"), ("topics", "added", "diff.copy")]

    probe("alter-configs", topic="diff.a", set={"retention.ms": "86400000"}, delete=["max.message.bytes"])
    probe.produce("diff.b", 25)
    probe.create_topic("diff.c", 3, **KEEP)
    probe("commit-offsets", group="diff.group", offsets={"diff.b:0": 9})
    probe("delete-records", topic="diff.a", partition=1, before=10)
    changes = [
        ("topics", "added", "diff.c", "", None, "3 partitions, replication factor 1"),
        ("configs", "changed", "diff.a", "max.message.bytes", "2000000", "1048588"),
        ("configs", "changed", "diff.a", "retention.ms", "-1", "86400000"),
        ("data", "changed", "diff.a-1", "start offset", "0", "10"),
        ("data", "changed", "diff.b-0", "end offset", "100", "125"),
        ("groups", "changed", "group diff.group", "offset of diff.b-0", "7", "9"),
    ]
    assert differences(repo("diff", *args, *live, expect=19)) == changes
    repo.backup(pair.source, "two", "--topics", "diff.*")
    assert differences(repo("diff", "one", "two", "--groups", "diff.*", "--only", "topics,configs,data,groups", "--json",
                            expect=19)) == changes
    shown = repo("diff", "one", "two", "--groups", "diff.*", expect=19).stdout
    assert "+25 offsets since" in shown and max(map(len, shown.splitlines())) <= 100
    assert "configs" in repo("diff", "one", "two", "--summary", expect=19).stdout
    repo("diff", "two", "two")
    assert "nothing was named" in repo("diff", "one", expect=2).stderr


def test_truncated(pair, repo):
    """A log that lost its end (its disk was set back) forks: both ends can be restored."""
    source, probe = pair.source, pair.source.probe
    probe.create_topic("cut", 1, **KEEP)
    probe.produce("cut", 300, seed=1)
    folder, kept = source.brokers[0].data / "cut-0", source.folder / "kept"
    source.stop()
    shutil.copytree(folder, kept)
    source.restart()
    probe.produce("cut", 200, seed=2)
    long = compare.fingerprint(probe, ["cut"])
    repo.backup(source, "long", "--topics", "cut")
    at_long = repo("timeline", "--json").json["last_commit"]["commit"]
    source.stop()
    shutil.rmtree(folder)
    kept.rename(folder)
    source.restart()
    probe.produce("cut", 50, seed=3)
    short = compare.fingerprint(probe, ["cut"])
    assert short["offsets"]["cut"][0]["end"] == 350
    repo.backup(source, "short", "--topics", "cut")
    told = repo("timeline", "--json").json
    parent, fork = told["topics"][0]["partitions"][0]["branches"]
    assert [s["end_offset"] for s in parent["snapshots"]] == [500] and not parent["current"]
    assert [s["end_offset"] for s in fork["snapshots"]] == [350] and fork["current"] and fork["fork_offset"] == 300
    for at, expected in ((f"@{at_long}", long), (f"@{told['last_commit']['commit']}", short), ("long", long)):
        target = f"cut.{at.lstrip('@')}"
        repo.restore(pair.target, at, "--rename", f"cut={target}", "--no-groups")
        same_as(expected, pair, "cut", target)
    found = differences(repo("diff", "long", "short", "--only", "data", "--json", expect=19))
    assert [f[3] for f in found] == ["end offset", "history"]
    assert "truncated at offset 300" in repo("timeline", "--partitions").stdout
