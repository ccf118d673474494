"""Compacted logs: every kind of hole that the broker's cleaner leaves comes back, at the same offsets."""

import time

import pytest

from lib import compaction, compare, jars, tools, trips

DAY_MS = 24 * 3600 * 1000
SAFE = {"idempotent": False}  # of an idempotent producer the cleaner keeps the last batch, empty if need be


@pytest.fixture(scope="module")
def broker_config():
    return compaction.BROKER


def between(cluster, topic):
    """Whole batches are gone, between others."""
    compaction.head_and_tail(
        cluster.probe, topic, [{"count": 400, "keys": 20, "batch_records": 10, **SAFE}],
        [{"count": 90, "keys": 20, "batch_records": 9, "seed": 2}])


def inside(cluster, topic):
    """Records are gone inside batches of each codec; a partition per codec."""
    for partition, codec in enumerate(("none", "gzip", "snappy", "lz4", "zstd")):
        compaction.head_and_tail(
            cluster.probe, topic,
            [{"count": 300, "keys": "unique", "batch_records": 100, "codec": codec, "headers": 2, **SAFE},
             {"count": 200, "keys": 400, "batch_records": 50, "codec": codec, **SAFE}],
            [{"count": 50, "keys": 40, "codec": codec}], partition)


def empty(cluster, topic):
    """Header-only batches, kept for their producers' sequences."""
    compaction.head_and_tail(
        cluster.probe, topic, [{"count": 50, "keys": 5, "seed": seed} for seed in range(8)], [{"count": 20, "keys": 5}])


def tombstones(cluster, topic):
    """Tombstones whose time has not come."""
    compaction.head_and_tail(
        cluster.probe, topic, [{"count": 300, "keys": 60, "null_values": 0.4, "batch_records": 30}],
        [{"count": 60, "keys": 60, "null_values": 0.4, "seed": 3}])


def start(cluster, topic):
    """Log starts in a hole, in a batch with holes, in the tail, at the end."""
    cluster.probe("alter-configs", topic=topic, set={"cleanup.policy": "compact,delete", "retention.ms": "-1"})
    for partition in range(5):
        compaction.head_and_tail(
            cluster.probe, topic,
            [{"count": 300, "keys": "unique", "batch_records": 100, **SAFE},
             {"count": 100, "keys": 150, "batch_records": 50, **SAFE}],
            [{"count": 50, "keys": 40}], partition)


def cut_starts(cluster, topic):
    """The second half of `start`, when it has been cleaned."""
    for partition, before in enumerate((50, 250, 301, 420, 450)):
        cluster.probe("delete-records", topic=topic, partition=partition, before=before)


def was_delete(cluster, topic):
    """Null keys, from before it was compact: gone from the head, still in the tail."""
    probe = cluster.probe
    probe("alter-configs", topic=topic, set={"cleanup.policy": "delete", "retention.ms": "-1"})
    compaction.head_and_tail(
        probe, topic, [{"count": 200, "keys": 20, "null_keys": 0.5, "batch_records": 10}],
        [{"count": 100, "keys": 20, "null_keys": 0.5, "batch_records": 10, "null_values": 0.2}])
    probe("alter-configs", topic=topic, set={"cleanup.policy": "compact"}, delete=["retention.ms"])


def transactions(cluster, topic):
    """Committed, aborted and plain records of few keys. Markers are of now: so is all of it."""
    now = int(time.time() * 1000)
    for number, moment in enumerate((now, now + 50 * 60 * 1000)):
        cluster.probe("transactions", topics=[topic], transactions=40, seed=number, transactional_id=f"{topic}-tx",
                      time=moment, step=0, keys=15, abort=0.4, plain=0.2, markers=0.05, null_values=0.1, value_max=60)


def ends(cluster, topic):
    """Nothing but a marker behind the last hole."""
    compaction.head_and_tail(cluster.probe, topic, [{"count": 40, "keys": 4, "batch_records": 10}], [])
    cluster.probe.produce(topic, 60, keys=4, batch_records=60, transactions="a", time=compaction.LONG_AGO, step=0)


def all_gone(cluster, topic):
    """Every key was deleted and its tombstone is gone: a hole from the log start to what came last."""
    probe = cluster.probe
    probe("alter-configs", topic=topic, set={"delete.retention.ms": "0"})
    compaction.head_and_tail(probe, topic, [
        {"count": 200, "keys": 10, **SAFE}, {"count": 200, "keys": 10, "null_values": 1, **SAFE}],
        [{"count": 1, "keys": 1, **SAFE}])
    compaction.wait_until_cleaned(cluster, topic)  # the tombstones' time is set, and over: the next time they go
    probe("alter-configs", topic=topic, set={"delete.retention.ms": compaction.TOPIC["delete.retention.ms"]})
    probe.produce(topic, 1, keys=1, time=compaction.LONG_AGO + 2 * compaction.HOUR_MS, **SAFE)


SHAPES = {"between": (between, 1), "inside": (inside, 5), "empty": (empty, 1), "tombstones": (tombstones, 1),
          "start": (start, 5), "was-delete": (was_delete, 1), "transactions": (transactions, 2), "ends": (ends, 1),
          "all-gone": (all_gone, 1)}


def make(cluster, prefix, names, rf=1):
    """Topics prefix.<shape>, cleaned up to their tails. Returns "topic:partition" -> where the tail begins."""
    probe = cluster.probe
    topics = [f"{prefix}.{name}" for name in names]
    for name, topic in zip(names, topics):
        shape, partitions = SHAPES[name]
        probe.create_topic(topic, partitions, rf, **compaction.TOPIC)
        shape(cluster, topic)
    trips.settle(probe, *topics)
    compaction.wait_until_cleaned(cluster, *topics, nodes=[b.id for b in cluster.brokers])
    if "start" in names:
        cut_starts(cluster, f"{prefix}.start")
    return {f"{t}:{p}": int(cluster.segments(1, t, p)[-1].stem) for t in topics for p in probe.offsets(t)[t]}


def holes(fingerprint):
    """Partition -> offsets without a record, between log start and end."""
    return {name: records["end"] - records["begin"] - records["count"]
            for name, records in fingerprint["records"]["read_uncommitted"].items()}


def test_shapes(pair, repo, tmp_path):
    """Every kind of hole, and the uncleaned tail behind it, made by markers and by the cleaner. Nothing else is cleaned
    on the target."""
    names = list(SHAPES)
    topics = [f"shapes.{name}" for name in names]
    tails = make(pair.source, "shapes", names)
    probe = pair.source.probe
    compaction.freeze(probe, *topics)
    expected = compare.fingerprint(probe, topics, tmp_path / "one-source")
    gone = holes(expected)
    assert all(count > 0 for name, count in gone.items() if name not in ("shapes.start:3", "shapes.start:4")), gone
    assert sum(b["count"] == "0" for b in tools.dump_log(pair.source, 1, "shapes.empty")) == 7
    repo.backup(pair.source, "one", "--topics", "shapes.*")
    repo.verify("one")
    for how in ("markers", "cleaner"):
        repo.restore(pair.target, "one", "--holes", how)
        compaction.same(expected, pair.target, topics, tmp_path, tails)
        repo.verify("one", cluster=pair.target)
        trips.delete(pair.target.probe, *topics)


@pytest.mark.parametrize("how", ["markers", "cleaner"])
def test_cleaned_on_the_target(pair, repo, tmp_path, how):
    """The target's cleaner goes on as the source's would: the latest of each key stays, tombstones live their time."""
    names = ("tombstones", "transactions", "inside", "was-delete")
    topics = [f"later.{how}.{name}" for name in names]
    make(pair.source, f"later.{how}", names)
    probe, target = pair.source.probe, pair.target.probe
    expected = compare.fingerprint(probe, topics, tmp_path / "one-source")
    repo.backup(pair.source, "one", "--topics", f"later.{how}.*")
    repo.restore(pair.target, "one", "--holes", how)
    # A younger record rolls the segment: then all that was restored can be cleaned.
    ends = expected["offsets"]
    for topic in topics:
        target("alter-configs", topic=topic, set={"segment.ms": "60000"})
        for partition in ends[topic]:
            target.produce(topic, 1, partitions=[partition], keys="unique", value_min=1, time=int(time.time() * 1000) +
                           55 * 60 * 1000)
    compaction.wait_until_cleaned(pair.target, *topics)
    for topic in topics:
        target("alter-configs", topic=topic, set={"segment.ms": compaction.TOPIC["segment.ms"]})
    actual = compare.fingerprint(target, topics, tmp_path / "one-target")
    found = []
    for topic in topics:
        for partition, offsets in ends[topic].items():
            assert actual["offsets"][topic][partition]["end"] == offsets["end"] + 1
            file = f"{topic}-{partition}.dump"
            ours, theirs = (compaction.read(tmp_path / side / "read_committed" / file)
                            for side in ("one-source", "one-target"))
            mine = theirs.pop()
            assert mine.offset == offsets["end"]
            ours = [r for r in ours if r.key is not None and r.key != mine.key]  # a cleaner takes what has no key
            found += compaction.differences(ours, [r for r in theirs if r.key is not None and r.key != mine.key])
            assert len(theirs) < len(ours), f"{file} was not cleaned"
    assert not found, "\n".join(found)


@pytest.mark.parametrize("version", [jars.NEWEST], scope="module")
def test_wide(pair, version, repo, tmp_path):
    """A changelog: millions of offsets, few keys alive, in several partitions."""
    probe = pair.source.probe
    probe.create_topic("wide", 3, **compaction.TOPIC)
    many = {"keys": 3, "value_min": 0, "value_max": 0, "codec": "zstd", "batch_bytes": 1 << 20, **SAFE}
    some = {"count": 300, "keys": 100, "batch_records": 20, "null_values": 0.1, **SAFE}
    compaction.head_and_tail(probe, "wide", [{"count": 2_000_000, **many}], [{**some, "count": 100}])
    compaction.head_and_tail(probe, "wide", [some, {"count": 100_000, **many}, {**some, "seed": 2},
                                             {"count": 50_000, **many}], [{**some, "seed": 3}], partition=1)
    compaction.head_and_tail(probe, "wide", [some, {"count": 20_000, **many}], [{**some, "count": 100}], partition=2)
    compaction.wait_until_cleaned(pair.source, "wide")
    compaction.freeze(probe, "wide")
    tails = {f"wide:{p}": int(pair.source.segments(1, "wide", p)[-1].stem) for p in range(3)}
    assert tails == {"wide:0": 2_000_000, "wide:1": 150_600, "wide:2": 20_300}
    expected = compare.fingerprint(probe, ["wide"], tmp_path / "one-source")
    assert holes(expected)["wide:0"] > 1_999_900
    repo.backup(pair.source, "one", "--topics", "wide")
    repo.restore(pair.target, "one")
    compaction.same(expected, pair.target, ["wide"], tmp_path, tails)
    repo.verify("one", cluster=pair.target)
    pair.target.kill()
    pair.target.restart()
    compaction.same(expected, pair.target, ["wide"], tmp_path, tails)


def test_cleaned_between_backups(pair, repo, tmp_path):
    """An incremental backup of what was written and cleaned on: the latest of each key, nothing that never was."""
    probe = pair.source.probe
    topics = ["increment"]
    probe.create_topic("increment", 2, **compaction.TOPIC)
    seen = {isolation: {p: {} for p in range(2)} for isolation in compare.READS}
    for number, name in enumerate(("one", "two", "three")):
        for partition in range(2):
            compaction.head_and_tail(
                probe, "increment",
                [{"count": 300, "keys": 30, "batch_records": 10, "null_values": 0.2, "seed": number}],
                [{"count": 40, "keys": 30, "batch_records": 10, "seed": 10 + number}], partition,
                compaction.LONG_AGO + number * compaction.HOUR_MS * 3)
        compaction.wait_until_cleaned(pair.source, "increment")
        expected = compare.fingerprint(probe, topics, tmp_path / f"{name}-source")
        repo.backup(pair.source, name, "--topics", "increment")
        # What an earlier backup saw may come back beside what is there now: older states of the same keys.
        for isolation, partitions in seen.items():
            for partition, records in partitions.items():
                file = tmp_path / f"{name}-source" / isolation / f"increment-{partition}.dump"
                records.update({r.offset: r.line for r in compaction.read(file)})
                file.write_text("".join(f"{records[offset]}\n" for offset in sorted(records)))
        repo.restore(pair.target, name)
        compaction.same(expected, pair.target, topics, tmp_path, name=name)
        repo.verify(name, cluster=pair.target)
        trips.delete(pair.target.probe, "increment")


def test_restored_again(pair, repo, tmp_path):
    """What was restored is backed up and restored itself."""
    names = ("transactions", "empty", "tombstones")
    topics = [f"again.{name}" for name in names]
    tails = make(pair.source, "again", names)
    probe, target = pair.source.probe, pair.target.probe
    compaction.freeze(probe, *topics)
    expected = compare.fingerprint(probe, topics, tmp_path / "one-source")
    repo.backup(pair.source, "one", "--topics", "again.*")
    repo.restore(pair.target, "one")
    repo.backup(pair.target, "two", "--topics", "again.*")
    trips.delete(target, *topics)
    repo.restore(pair.target, "two")
    compaction.same(expected, pair.target, topics, tmp_path, tails)


@pytest.mark.parametrize("version", [jars.NEWEST], scope="module")
def test_three_brokers(clusters, version, repo, tmp_path):
    """Every replica is whole: each in turn is the leader that is read."""
    names = ("transactions", "tombstones", "between")
    topics = [f"three.{name}" for name in names]
    source = clusters(version, "source", brokers=3, config=compaction.BROKER)
    tails = make(source, "three", names, rf=3)
    source.probe.create_topic("three.wide", 1, 3, **compaction.TOPIC, **{"min.insync.replicas": "2"})
    compaction.head_and_tail(source.probe, "three.wide", [
        {"count": 100_000, "keys": 3, "value_min": 0, "value_max": 0, "codec": "zstd", "batch_bytes": 1 << 20, **SAFE},
        {"count": 500, "keys": 200, "batch_records": 20, **SAFE}], [{"count": 100, "keys": 150}])
    compaction.wait_until_cleaned(source, "three.wide", nodes=(1, 2, 3))
    topics.append("three.wide")
    tails["three.wide:0"] = 100_500
    compaction.freeze(source.probe, *topics)
    expected = compare.fingerprint(source.probe, topics, tmp_path / "one-source")
    repo.backup(source, "one", "--topics", "three.*")
    source.destroy()
    target = clusters(version, "target", brokers=3, config=compaction.BROKER)
    repo.restore(target, "one", "--holes", "cleaner")
    for leader in (1, 2, 3):
        replicas = [leader, *({1, 2, 3} - {leader})]
        for topic in topics:
            for partition in expected["offsets"][topic]:
                target.probe("reassign", topic=topic, partition=partition, replicas=replicas)
        compaction.same(expected, target, topics, tmp_path, tails)
