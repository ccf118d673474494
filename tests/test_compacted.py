"""Compacted topics are read truly: no deleted key comes back, no value shows that was not there; and two backups at once."""

import time

import pytest

from lib import jars

COMPACT = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "200",
           "delete.retention.ms": "3000", "min.compaction.lag.ms": "0"}


@pytest.fixture(scope="module", params=[jars.NEWEST])
def version(request):
    """Cleaning takes its time: one version."""
    return request.param


def generation(repo, name, topic):
    shown = repo("show", name, "--json").json
    (found,) = [t for t in shown["topics"] if t["topic"] == topic]
    return found["partitions"][0]["generation"], found["partitions"][0]


def keys(probe, topic, tmp_path):
    """Number of records that a reader sees."""
    dump = probe.dump([topic], tmp_path)
    return dump[f"{topic}:0"]["count"]


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the cleaner did not come"
        time.sleep(0.5)


def test_missed_tombstone_means_a_new_base(pair, repo, tmp_path):
    """When tombstones may have been cleaned away since the last read, the log is read again from its start."""
    probe = pair.source.probe
    probe.create_topic("compacted", 1, **COMPACT)
    probe.produce("compacted", 50, keys="unique", batch_records=5)
    repo.backup(pair.source, "one", "--topics", "compacted")
    first, partition = generation(repo, "one", "compacted")
    assert partition["records"] == 50
    # Every key deleted; a few more records roll the segment, and the cleaner takes values and then tombstones.
    probe.produce("compacted", 50, keys="unique", null_values=1.0, batch_records=5)
    time.sleep(1)

    def cleaned():
        probe.produce("compacted", 2, keys=1, batch_records=1)
        return keys(probe, "compacted", tmp_path) < 20

    wait_until(cleaned, 90)
    repo.backup(pair.source, "two", "--topics", "compacted")
    second, partition = generation(repo, "two", "compacted")
    assert second == first + 1, "the tombstones were gone, yet the old base was trusted"
    assert partition["records"] < 50
    repo("verify")
    repo.verify("two")


def test_unchanged_compacted_topic_fetches_nothing(pair, repo):
    """A second backup of an idle compacted topic reads nothing and keeps the base."""
    probe = pair.source.probe
    probe.create_topic("quiet", 1, **COMPACT)
    probe.produce("quiet", 100, keys="unique", batch_records=10)
    repo.backup(pair.source, "one", "--topics", "quiet")
    time.sleep(5)
    result = repo.backup(pair.source, "two", "--topics", "quiet", "--json").json
    assert result["fetch_requests"] == 0
    assert generation(repo, "one", "quiet")[0] == generation(repo, "two", "quiet")[0]


def test_cleaned_during_the_backup(pair, repo):
    """Written and cleaned while it is read: what is stored agrees with the live log, key by key."""
    probe = pair.source.probe
    probe.create_topic("busy", 1, **{**COMPACT, "delete.retention.ms": "86400000"})
    probe.produce("busy", 20_000, keys=50, value_min=500, batch_records=20)
    run = repo.start("backup", "--bootstrap-server", pair.source.bootstrap(), "--topics", "busy", "--name", "one",
                     "--rate-limit", "2MiB")
    for _ in range(10):
        probe.produce("busy", 500, keys=50, batch_records=20)
        time.sleep(0.3)
    result = run.wait(120)
    assert result.code == 0, result
    repo("verify")


def test_two_backups_at_once(pair, repo):
    """Both end well, each snapshot is whole, nothing is damaged."""
    probe = pair.source.probe
    for topic in ("pair.a", "pair.b"):
        probe.create_topic(topic, 2, **{"retention.ms": "-1"})
        probe.produce(topic, 20_000, value_min=200)
    args = ("--bootstrap-server", pair.source.bootstrap(), "--topics", "pair.*")
    runs = [repo.start("backup", *args, "--name", name) for name in ("left", "right", "third")]
    for run in runs:
        result = run.wait(120)
        assert result.code == 0, result
    repo("verify")
    for number, name in enumerate(("left", "right", "third")):
        repo.verify(name, cluster=pair.source)
        shown = repo("show", name, "--json").json
        assert sum(p["records"] for t in shown["topics"] for p in t["partitions"]) == 40_000
    repo.restore(pair.target, "right")
    repo.verify("right", cluster=pair.target)
