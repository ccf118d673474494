"""Logs with transactions: every reader, under either isolation level, sees on the target what it saw on the source."""

import pytest

from lib import compare, jars, kcat, tools, trips

DAY_MS = 24 * 3600 * 1000
LONG_AGO = 1_600_000_000_000
KEEP = {"retention.ms": "-1"}
SCRIPTS = {
    "mixed": {"transactions": 60, "plain": 0.2, "markers": 0.05, "headers": 2, "null_keys": 0.1, "null_values": 0.1},
    "streams": {"transactions": 30, "spread": 1.0, "abort": 0.05, "chunks": 2, "chunk_records": 20, "producers": 2},
    "aborts": {"transactions": 50, "abort": 0.9, "fenced": 0.3, "plain": 0.05, "producers": 5},
    "large": {"transactions": 12, "chunks": 8, "chunk_records": 30, "value_min": 2000, "value_max": 9000, "abort": 0.5},
    "codecs": {"transactions": 30, "codecs": ["gzip", "snappy", "lz4", "zstd", "none"], "producers": 5, "text": True,
               "value_max": 800},
    "old": {"transactions": 30, "time": LONG_AGO, "step": 1000, "gap_every": 97, "gap": 100 * DAY_MS, "abort": 0.4},
    "epoch": {"transactions": 20, "time": 0, "step": 0, "value_min": 0, "value_max": 0},
    "strangers": {"transactions": 20, "markers": 0.6, "chunks": 1, "chunk_records": 1, "spread": 0.1},
}


def script(probe, seed, name, topics, **changes):
    """Runs a script over topics that are there."""
    return probe("transactions", topics=topics, seed=seed, transactional_id=f"{name}-{topics[0]}",
                 **{**SCRIPTS[name], **changes})


def test_scripts(pair, repo, seed, tmp_path):
    """Committed, aborted and plain records of several producers, interleaved over many partitions; fenced producers."""
    probe = pair.source.probe
    topics = [f"script.{name}.{letter}" for name in SCRIPTS for letter in "ab"]
    for name in SCRIPTS:
        both = [f"script.{name}.a", f"script.{name}.b"]
        probe.create_topic(both[0], 3, **KEEP)
        probe.create_topic(both[1], 1, **KEEP, **{"segment.bytes": str(1 << 20)})
        script(probe, seed, name, both)
    expected = trips.round_trip(pair.source, pair.target, repo, topics, tmp_path)
    counts = {isolation: sum(p["count"] for p in dump.values()) for isolation, dump in expected["records"].items()}
    assert 0 < counts["read_committed"] < counts["read_uncommitted"], f"seed {seed}"
    # Two more witnesses: kcat, and the transaction indexes on disk, from which brokers answer who asks for aborted data.
    for topic in ("script.mixed.a", "script.aborts.b", "script.large.a"):
        assert kcat.records(pair.source, topic) == kcat.records(pair.target, topic)
    for topic in ("script.aborts.b", "script.large.b"):
        ours, theirs = ([first for first, _ in tools.aborted(c, 1, topic)] for c in (pair.source, pair.target))
        assert ours == theirs and ours, f"seed {seed}"


def test_log_starts(pair, repo, tmp_path):
    """Log starts in aborted and committed data, before, on and after their markers, and at the very end."""
    probe = pair.source.probe
    # Of each partition: 0-9 aborted, 10 its marker, 11-20 committed, 21 its marker, 22-31 aborted, 32 its marker.
    starts = (0, 5, 9, 10, 11, 16, 20, 21, 22, 27, 31, 32, 33)
    probe.create_topic("starts", len(starts), **KEEP)
    for partition, before in enumerate(starts):
        probe.produce("starts", 30, partitions=[partition], batch_records=10, transactions="aca", codec="lz4")
    trips.settle(probe, "starts")
    for partition, before in enumerate(starts):
        probe("delete-records", topic="starts", partition=partition, before=before)
    expected = trips.round_trip(pair.source, pair.target, repo, ["starts"], tmp_path)
    committed = [expected["records"]["read_committed"][f"starts:{p}"]["count"] for p in range(len(starts))]
    assert committed == [10, 10, 10, 10, 10, 5, 1, 0, 0, 0, 0, 0, 0]


def test_open_transactions(pair, repo, tmp_path):
    """What is open at the cut is not restored, whatever was committed behind it; a later backup has it."""
    probe = pair.source.probe
    probe.create_topic("open", 4, **KEEP)
    probe.produce("open", 200, partitions=[0, 1, 2], transactions="ca", batch_records=20)
    trips.settle(probe, "open")
    probe("open-transaction", id="one", topic="open", partitions=[0, 3], count=10, transactional_id="open-one")
    probe("open-transaction", id="two", topic="open", partitions=[1], count=10, transactional_id="open-two")
    probe.produce("open", 60, partitions=[0, 1, 2, 3], transactions="c", batch_records=20, transactional_id="behind")
    probe.produce("open", 40)
    expected = trips.round_trip(pair.source, pair.target, repo, ["open"], tmp_path, name="before")
    ends = {p: v["end"] for p, v in probe.offsets("open")["open"].items()}
    assert [ends[p] - v["end"] > 0 for p, v in expected["offsets"]["open"].items()] == [True, True, False, True]
    assert expected["offsets"]["open"][3]["end"] == 0
    probe("end-transaction", id="one", commit=True)
    probe("end-transaction", id="two", commit=False)
    trips.settle(probe, "open")
    expected = compare.fingerprint(probe, ["open"], tmp_path / "after-source")
    repo.backup(pair.source, "after", "--topics", "open")
    trips.delete(pair.target.probe, "open")
    repo.restore(pair.target, "after")
    trips.same(expected, pair.target, ["open"], tmp_path, name="after")


def test_markers_alone(pair, repo, tmp_path):
    """Markers with nothing between them: a log of nothing else, at both ends, and below the log start."""
    probe = pair.source.probe
    probe.create_topic("markers", 5, **KEEP)
    probe("markers", topic="markers", partition=0, count=300)
    for partition in (1, 2, 3):
        probe("markers", topic="markers", partition=partition, count=20)
        probe.produce("markers", 30, partitions=[partition], batch_records=5, transactions="cca", codec="zstd")
        trips.settle(probe, "markers")
        probe("markers", topic="markers", partition=partition, count=20)
    probe("delete-records", topic="markers", partition=2, before=7)
    probe("delete-records", topic="markers", partition=3, before=70)
    trips.round_trip(pair.source, pair.target, repo, ["markers"], tmp_path)
    assert tools.offsets(pair.target)["markers"] == {0: (0, 300), 1: (0, 76), 2: (7, 76), 3: (70, 76), 4: (0, 0)}


def test_long_aborted(pair, repo, tmp_path):
    """Aborted transactions over many megabytes and hundreds of batches, one inside another."""
    probe = pair.source.probe
    probe.create_topic("long", 2, **KEEP, **{"segment.bytes": str(4 << 20)})
    for name in ("outer", "inner"):
        probe("open-transaction", id=name, topic="long", count=3000, value_min=1500, batch_bytes=20_000,
              transactional_id=f"long-{name}", time=LONG_AGO, codec="none")
        probe.produce("long", 1000, value_min=500, batch_bytes=20_000, codec="lz4", time=LONG_AGO)
    probe("end-transaction", id="inner", commit=False)
    probe.produce("long", 2000, value_min=500, transactions="acc", batch_records=100, transactional_id="long-third")
    probe("end-transaction", id="outer", commit=False)
    trips.settle(probe, "long")
    trips.round_trip(pair.source, pair.target, repo, ["long"], tmp_path)


def test_log_append_time(pair, repo, seed, tmp_path):
    """Transactions on append time: values to the millisecond, the mark reads CreateTime."""
    probe = pair.source.probe
    probe.create_topic("append", 2, **KEEP, **{"message.timestamp.type": "LogAppendTime"})
    script(probe, seed, "codecs", ["append"], time=LONG_AGO, headers=1)
    trips.round_trip(pair.source, pair.target, repo, ["append"], tmp_path, types=False)


def test_incremental(pair, repo, seed, tmp_path):
    """Snapshots taken between transactions of one log: each comes back alone."""
    probe = pair.source.probe
    probe.create_topic("more", 2, **KEEP)
    expected = {}
    for number, name in enumerate(("one", "two", "three")):
        script(probe, seed + number, "mixed", ["more"], transactions=15)
        expected[name] = compare.fingerprint(probe, ["more"], tmp_path / f"{name}-source")
        repo.backup(pair.source, name, "--topics", "more")
    for name, fingerprint in expected.items():
        repo.restore(pair.target, name)
        trips.same(fingerprint, pair.target, ["more"], tmp_path, name=name)
        repo.verify(name, cluster=pair.target)
        trips.delete(pair.target.probe, "more")


def test_restored_again(pair, repo, seed, tmp_path):
    """What was restored is backed up and restored itself: nothing wears off."""
    probe = pair.source.probe
    probe.create_topic("again", 2, **KEEP)
    script(probe, seed, "mixed", ["again"])
    probe("delete-records", topic="again", partition=1, before=17)
    expected = trips.round_trip(pair.source, pair.target, repo, ["again"], tmp_path, name="one")
    repo.backup(pair.target, "two", "--topics", "again")
    trips.delete(probe, "again")
    repo.restore(pair.source, "two")
    (tmp_path / "one-source").rename(tmp_path / "two-source")
    trips.same(expected, pair.source, ["again"], tmp_path, name="two")


def test_groups(pair, repo):
    """Groups that stand on markers, in aborted data and at the end stand there again, and lag as they did."""
    probe = pair.source.probe
    probe.create_topic("groups", 2, **KEEP)
    probe.produce("groups", 60, batch_records=10, transactions="ccaacc")
    trips.settle(probe, "groups")
    places = {"marker": 10, "aborted": 15, "start": 0, "end": 33, "last": 32}
    for name, offset in places.items():
        probe("commit-offsets", group=f"groups.{name}", offsets={f"groups:{p}": [offset, name] for p in range(2)})
    repo.backup(pair.source, "one", "--topics", "groups")
    repo.restore(pair.target, "one", "--groups", "groups.*")
    ours, theirs = ({g: v for g, v in c.probe("groups").items() if g.startswith("groups.")}
                    for c in (pair.source, pair.target))
    assert ours == theirs and len(ours) == len(places)
    ours, theirs = ({g: v for g, v in tools.groups(c).items() if g.startswith("groups.")}
                    for c in (pair.source, pair.target))
    assert ours == theirs
    target = pair.target.probe
    target("consumer-start", id="aborted", group="groups.aborted", topics=["groups"], reset="none",
           props={"isolation.level": "read_committed"})
    trips.until(lambda: set(target("consumer-status", id="aborted")["partitions"]) == {"groups:0", "groups:1"})
    seen = target("consumer-stop", id="aborted")
    assert seen["failure"] is None
    assert all(p["first"] == 22 for p in seen["partitions"].values()), seen  # the first committed behind offset 15


def test_new_transactions_on_the_target(pair, repo, seed, tmp_path):
    """The source's applications go on with their transactional ids on the target: no epoch and no sequence is in the way."""
    probe, target = pair.source.probe, pair.target.probe
    probe.create_topic("goes-on", 2, **KEEP)
    script(probe, seed, "mixed", ["goes-on"])
    before = trips.round_trip(pair.source, pair.target, repo, ["goes-on"], tmp_path)
    counts = script(target, seed + 1, "mixed", ["goes-on"])
    trips.nothing_open(target, "goes-on")
    after = compare.fingerprint(target, ["goes-on"])
    for isolation, added in (("read_uncommitted", counts["committed"] + counts["aborted"] + counts["plain"]),
                             ("read_committed", counts["committed"] + counts["plain"])):
        ours, theirs = (sum(p["count"] for p in f["records"][isolation].values()) for f in (before, after))
        assert theirs == ours + added, f"seed {seed}"


@pytest.mark.parametrize("version", [jars.NEWEST], scope="module")
def test_three_brokers(clusters, version, repo, seed, tmp_path):
    """Three replicas, two of them in sync at least, leaders everywhere; then each broker in turn is the leader."""
    source = clusters(version, "source", brokers=3)
    strict = {**KEEP, "min.insync.replicas": "2"}
    source.probe.create_topic("three.a", 6, 3, **strict)
    source.probe.create_topic("three.b", 2, 3, **strict)
    script(source.probe, seed, "mixed", ["three.a", "three.b"])
    script(source.probe, seed, "aborts", ["three.b"])
    expected = compare.fingerprint(source.probe, ["three.a", "three.b"], tmp_path / "one-source")
    repo.backup(source, "one", "--topics", "three.*")
    source.destroy()
    target = clusters(version, "target", brokers=3)
    repo.restore(target, "one")
    trips.same(expected, target, ["three.a", "three.b"], tmp_path)
    for leader in (1, 2, 3):  # the index of aborted transactions is on every replica
        replicas = [leader, *({1, 2, 3} - {leader})]
        for partition in range(2):
            target.probe("reassign", topic="three.b", partition=partition, replicas=replicas)
        trips.same(expected, target, ["three.a", "three.b"], tmp_path)
