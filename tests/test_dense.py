"""Restores with other offsets and a map, appended to a topic, and cut off at a time or an offset."""

import pytest

from lib import compaction, compare, trips

KEEP = {"retention.ms": "-1"}
T0 = 1_700_000_000_000


def bodies(folder, isolation, topic, partition):
    """The records of a dump without their offsets, and the offsets."""
    records = compaction.read(folder / isolation / f"{topic}-{partition}.dump")
    return [r.line.split(" ", 1)[1] for r in records], [r.offset for r in records]


def dumped(probe, topics, folder):
    compare.fingerprint(probe, topics, folder)
    return folder


def make(probe, topic):
    """Two partitions: transactions with aborted ones between, a log start inside of them."""
    probe.create_topic(topic, 2, **KEEP)
    probe.produce(topic, 400, batch_records=10, transactions="ccaacc", time=T0, step=1000, value_max=60)
    probe.produce(topic, 200, batch_records=7, time=T0 + 1_000_000, step=1000, value_max=60)
    trips.settle(probe, topic)
    probe("delete-records", topic=topic, partition=1, before=35)


def check_groups(repo, pair, topic, folder, places):
    """Each group's next committed record on the target is its next one on the source."""
    groups = pair.target.probe("groups")
    for name, offset in places.items():
        for partition in range(2):
            ours, at = bodies(folder / "source", "read_committed", topic, partition)
            theirs, there = bodies(folder / "target", "read_committed", topic, partition)
            rest = [b for b, o in zip(ours, at) if o >= offset]
            moved = groups[f"{topic}.{name}"]["offsets"][f"{topic}:{partition}"][0]
            assert [b for b, o in zip(theirs, there) if o >= moved] == rest, (name, partition)
            if rest:
                found = repo("offsets", "one", "--topic", topic, "--partition", str(partition), "--offset", str(offset),
                             "--json").json
                assert found["target_offset"] == moved


def test_dense(pair, repo, tmp_path):
    """Committed records, one after another, as every kind of reader sees them; groups and the verb translate."""
    probe, target = pair.source.probe, pair.target.probe
    make(probe, "dense")
    places = {"start": 0, "marker": 10, "aborted": 25, "late": 140, "end": 10_000}
    ends = probe.offsets("dense")["dense"]
    for name, offset in places.items():
        probe("commit-offsets", group=f"dense.{name}",
              offsets={f"dense:{p}": [min(offset, ends[p]["end"]), ""] for p in range(2)})
    repo.backup(pair.source, "one", "--topics", "dense")
    plan = repo.restore(pair.target, "one", "--offsets", "dense=dense", "--dry-run", "--json").json
    assert plan["topics"][0]["offsets"] == "dense" and plan["topics"][0]["markers"] == 0
    repo.restore(pair.target, "one", "--offsets", "dense=dense", "--groups", "dense.*")
    dumped(probe, ["dense"], tmp_path / "source")
    dumped(target, ["dense"], tmp_path / "target")
    for partition in range(2):
        ours, _ = bodies(tmp_path / "source", "read_committed", "dense", partition)
        for isolation in compare.READS:
            theirs, offsets = bodies(tmp_path / "target", isolation, "dense", partition)
            assert theirs == ours
            assert offsets == list(range(len(ours)))
    trips.nothing_open(target, "dense")
    check_groups(repo, pair, "dense", tmp_path, places)
    said = repo.verify("one", cluster=pair.target)
    assert "dense" in said.stdout + said.stderr
    lines = repo("offsets", "one", "--export", "csv").stdout.splitlines()
    assert sum(int(line.split(",")[-1]) for line in lines[1:]) == plan["records"]


def test_append(pair, repo, tmp_path):
    """Added behind what is there, once, also when a run was killed in the middle; two topics, one of them empty."""
    probe, target = pair.source.probe, pair.target.probe
    for topic in ("append.a", "append.b"):
        make(probe, topic)
        target.create_topic(topic, 2, **KEEP)
    target.produce("append.a", 33, partitions=[0], time=T0)
    target.produce("append.a", 11, partitions=[1], time=T0)
    before = dumped(target, ["append.a"], tmp_path / "before")
    repo.backup(pair.source, "one", "--topics", "append.*")
    assert repo.restore(pair.target, "one", expect=None).code != 0
    killed = repo.restore(pair.target, "one", "--append", expect=None, env={"MAXBROD_CRASH_AT": "restore.after_data"})
    assert killed.code != 0
    again = repo.restore(pair.target, "one", "--append", "--json").json
    assert again["resumed"]
    repo.restore(pair.target, "one", "--append")
    dumped(probe, ["append.a", "append.b"], tmp_path / "source")
    dumped(target, ["append.a", "append.b"], tmp_path / "target")
    for partition in range(2):
        ours, _ = bodies(tmp_path / "source", "read_committed", "append.a", partition)
        there, _ = bodies(before, "read_committed", "append.a", partition)
        theirs, _ = bodies(tmp_path / "target", "read_uncommitted", "append.a", partition)
        assert theirs == there + ours
    assert target.offsets("append.b") != {}


@pytest.mark.parametrize("kind", ["CreateTime", "LogAppendTime"])
def test_cut_by_time(pair, repo, tmp_path, kind):
    """Nothing newer than the moment, to the record, in the middle of a batch; groups are clipped to the cut."""
    probe, target = pair.source.probe, pair.target.probe
    topic = f"cut.{kind}"
    probe.create_topic(topic, 1, **KEEP, **{"message.timestamp.type": kind})
    for number in range(3):
        probe.produce(topic, 200, batch_records=50, time=T0 + number * 200_000, step=1000, codec="lz4")
    probe("commit-offsets", group=f"{topic}.group", offsets={f"{topic}:0": [590, ""]})
    source = dumped(probe, [topic], tmp_path / "source")
    times = [int(r.line.split(" ")[2]) for r in compaction.read(source / "read_uncommitted" / f"{topic}-0.dump")]
    moment = times[333]
    end = next(i for i, time in enumerate([*times, moment + 1]) if time > moment)
    assert kind == "LogAppendTime" or end == 334
    repo.backup(pair.source, "one", "--topics", topic)
    plan = repo.restore(pair.target, "one", "--at", str(moment), "--dry-run", "--json").json
    partition = plan["topics"][0]["partitions"][0]
    assert partition.get("cut_offset", partition["end_offset"]) == end
    repo.restore(pair.target, "one", "--at", str(moment), "--groups", f"{topic}.group")
    dumped(target, [topic], tmp_path / "target")
    ours, _ = bodies(source, "read_uncommitted", topic, 0)
    theirs, offsets = bodies(tmp_path / "target", "read_uncommitted", topic, 0)
    strip = [b.replace("LogAppendTime", "CreateTime") for b in ours[:end]]
    assert theirs == strip and offsets == list(range(end))
    assert target("groups")[f"{topic}.group"]["offsets"][f"{topic}:0"][0] == min(590, end)


def test_cut_by_offset(pair, repo, tmp_path):
    """One partition up to an offset inside a batch inside an aborted transaction; the other one whole."""
    probe, target = pair.source.probe, pair.target.probe
    make(probe, "to")
    repo.backup(pair.source, "one", "--topics", "to")
    repo.restore(pair.target, "one", "--to-offset", "to:0:27")
    dumped(probe, ["to"], tmp_path / "source")
    dumped(target, ["to"], tmp_path / "target")
    for isolation in compare.READS:
        ours, at = bodies(tmp_path / "source", isolation, "to", 0)
        theirs, there = bodies(tmp_path / "target", isolation, "to", 0)
        assert theirs == [b for b, o in zip(ours, at) if o < 27] and there == [o for o in at if o < 27]
        assert bodies(tmp_path / "source", isolation, "to", 1) == bodies(tmp_path / "target", isolation, "to", 1)
    trips.nothing_open(target, "to")
    assert repo.restore(pair.target, "one", "--to-offset", "to:7:5", expect=None).code != 0
    assert repo.restore(pair.target, "one", "--to-offset", "to:0:1000000", expect=None).code != 0
    assert repo.restore(pair.target, "one", "--at", "yesterday", expect=None).code == 2


def test_policy(pair, repo):
    """auto: dense where padding is more than the limit, with the reason; exact: never."""
    probe = pair.source.probe
    make(probe, "policy")
    repo.backup(pair.source, "one", "--topics", "policy")

    def planned(*flags):
        result = repo.restore(pair.target, "one", "--dry-run", "--json", *flags)
        return result.json["topics"][0]

    assert planned()["offsets"] == "exact"
    dense = planned("--pad-limit", "10")
    assert dense["offsets"] == "dense" and "--pad-limit 10" in dense["offsets_why"]
    assert planned("--pad-limit", "10", "--offsets", "exact")["offsets"] == "exact"
    assert planned("--offsets", "other=dense")["offsets"] == "exact"
    assert planned("--markers", "end-txn")["offsets"] == "exact"
    for wrong in (["--offsets", "sparse"], ["--pad-limit", "much"], ["--markers", "none"]):
        assert repo.restore(pair.target, "one", "--dry-run", *wrong, expect=None).code == 2


def test_markers_by_end_txn(pair, repo, tmp_path):
    """Where brokers take no WriteTxnMarkers from clients: the same log, by empty transactions."""
    make(pair.source.probe, "slow")
    trips.round_trip(pair.source, pair.target, repo, ["slow"], tmp_path, restore=["--markers", "end-txn"])
