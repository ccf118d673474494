"""The main job on real brokers: what is restored is what Kafka's own client and tools saw on the source."""

import time

from lib import compare, kcat, tools, trips
from lib.probe import ProbeError

DAY_MS = 24 * 3600 * 1000
LONG_AGO = 1_400_000_000_000
SHAPES = {
    "none": {"codec": "none", "headers": 3, "null_keys": 0.2, "null_values": 0.2, "value_max": 300},
    "gzip": {"codec": "gzip", "text": True, "value_max": 500},
    "snappy": {"codec": "snappy", "text": True, "value_max": 500, "headers": 2},
    "lz4": {"codec": "lz4", "text": True, "value_max": 500, "null_keys": 1},
    "zstd": {"codec": "zstd", "text": True, "value_max": 500},
    "single": {"codec": "none", "batch_records": 1, "value_max": 30},
    "old": {"codec": "zstd", "time": LONG_AGO, "step": 1000, "gap_every": 97, "gap": 100 * DAY_MS},
    "epoch": {"codec": "none", "time": 0, "step": 0, "value_min": 0},
    "large": {"codec": "lz4", "value_min": 900_000, "value_max": 1_800_000},
    "not-idempotent": {"codec": "snappy", "idempotent": False},
}
COUNTS = {"large": 12, "single": 200}
KEEP = {"retention.ms": "-1", "max.message.bytes": str(8 << 20)}


def round_trip(pair, repo, pattern, tmp_path, types=True):
    """Backs up and restores the topics named prefix*, and demands that the target equals the source."""
    topics = [t for t in pair.source.probe.topics() if t.startswith(pattern)]
    expected = compare.fingerprint(pair.source.probe, topics, tmp_path / "source", types)
    repo.backup(pair.source, "one", "--topics", f"{pattern}*")
    repo.verify("one")
    repo.restore(pair.target, "one")
    actual = compare.fingerprint(pair.target.probe, topics, tmp_path / "target", types)
    assert compare.differences(expected, actual) == []
    repo.verify("one", cluster=pair.target)
    return topics


def test_batch_shapes(pair, repo, tmp_path):
    """Every codec, single-record and megabyte batches, nulls, headers, times from 1970 on; partitions of all lengths."""
    probe = pair.source.probe
    for number, (name, shape) in enumerate(SHAPES.items()):
        probe.create_topic(f"shapes.{name}", 3, **KEEP)
        probe.produce(f"shapes.{name}", COUNTS.get(name, 3000), partitions=[0, 2], seed=number, **shape)
    topics = round_trip(pair, repo, "shapes.", tmp_path)
    assert len(topics) == len(SHAPES)
    # Two more witnesses, who share no code with the first: kcat for records, kafka-dump-log for what is on disk.
    for topic in ("shapes.none", "shapes.old", "shapes.large"):
        assert kcat.records(pair.source, topic) == kcat.records(pair.target, topic)
    for topic in ("shapes.zstd", "shapes.single"):
        batches = tools.dump_log(pair.target, 1, topic)
        assert all(b["isvalid"] == "true" for b in batches)
        assert int(batches[-1]["lastOffset"]) + 1 == probe.offsets(topic)[topic][0]["end"]
        codec = topic.rpartition(".")[2]
        assert {b["compresscodec"].lower() for b in batches} == {"none" if codec == "single" else codec}


def test_log_starts(pair, repo, tmp_path):
    """Log starts in the first batch, at a batch's border, at the very end, and after all segments were cut off."""
    probe = pair.source.probe
    probe.create_topic("starts", 6, **KEEP)
    for partition in range(6):
        probe.produce("starts", 1000, partitions=[partition], batch_records=100, codec="lz4", time=LONG_AGO)
    for partition, before in enumerate((1, 250, 300, 999, 1000)):
        probe("delete-records", topic="starts", partition=partition, before=before)
    round_trip(pair, repo, "starts", tmp_path)
    where = tools.offsets(pair.target)["starts"]
    assert where == {0: (1, 1000), 1: (250, 1000), 2: (300, 1000), 3: (999, 1000), 4: (1000, 1000), 5: (0, 1000)}


def test_high_log_start(pair, repo, tmp_path):
    """A log that starts in the millions costs filler, and none of it is left for consumers to see."""
    probe = pair.source.probe
    probe.create_topic("high", 1, **{**KEEP, "segment.bytes": str(1 << 20)})
    probe.produce("high", 1_200_000, codec="zstd", value_min=0, keys=0)
    probe.produce("high", 2000, codec="zstd", text=True, value_min=200)
    probe("delete-records", topic="high", partition=0, before=1_200_500)
    round_trip(pair, repo, "high", tmp_path)
    assert kcat.records(pair.target, "high")[0][0] == 1_200_500


def test_log_append_time(pair, repo, tmp_path):
    """Append times come back to the millisecond; only their mark reads CreateTime."""
    probe = pair.source.probe
    for codec in ("none", "zstd"):
        topic = f"append.{codec}"
        probe.create_topic(topic, 1, **{**KEEP, "message.timestamp.type": "LogAppendTime"})
        for _ in range(3):
            probe.produce(topic, 500, codec=codec, time=LONG_AGO, headers=2, value_max=100)
            time.sleep(0.02)
    round_trip(pair, repo, "append.", tmp_path, types=False)
    assert probe.own_configs("append.none")["append.none"]["message.timestamp.type"] == "LogAppendTime"
    middle = kcat.records(pair.source, "append.none")[700][1]
    asked = [c.probe("offsets-for-times", topic="append.none", times=[middle]) for c in (pair.source, pair.target)]
    assert asked[0] == asked[1]


def test_configs(pair, repo, tmp_path):
    """What was set on the topic is set again, and nothing else."""
    probe = pair.source.probe
    probe.create_topic("configs.many", 1, **{
        "retention.ms": "-1", "retention.bytes": "123456789", "segment.bytes": str(3 << 20), "segment.ms": "7200000",
        "min.insync.replicas": "1", "compression.type": "lz4", "message.timestamp.type": "CreateTime",
        "max.message.bytes": "2000000", "delete.retention.ms": "1234567", "flush.messages": "1000",
        "unclean.leader.election.enable": "true", "message.timestamp.before.max.ms": str(9000 * DAY_MS)})
    probe.create_topic("configs.none", 1)
    probe.create_topic("configs.compact-empty", 1, **{"cleanup.policy": "compact,delete"})
    probe.produce("configs.many", 500, codec="gzip")
    probe.produce("configs.none", 500, codec="gzip")
    round_trip(pair, repo, "configs.", tmp_path)


def test_groups(pair, repo):
    """Committed offsets and metadata of idle groups, as kafka-consumer-groups tells them; consumers go on."""
    probe = pair.source.probe
    probe.create_topic("groups", 3, **KEEP)
    probe.produce("groups", 3000, codec="lz4")
    probe("commit-offsets", group="groups.half", offsets={f"groups:{p}": [500 + p, f"note {p}"] for p in range(3)})
    probe("commit-offsets", group="groups.part", offsets={"groups:1": 0})
    probe("commit-offsets", group="groups.end", offsets={"groups:0": 1000})
    repo.backup(pair.source, "one", "--topics", "groups")
    repo.restore(pair.target, "one", "--groups", "groups.*")
    ours, theirs = ({g: v for g, v in c.probe("groups").items() if g.startswith("groups.")}
                    for c in (pair.source, pair.target))
    assert ours == theirs and len(ours) == 3
    ours, theirs = ({g: v for g, v in tools.groups(c).items() if g.startswith("groups.")}
                    for c in (pair.source, pair.target))
    assert ours == theirs and ours["groups.half"]["groups:1"] == (501, 499)
    partition, offset = tools.next_record(pair.target, "groups.half", "groups")
    assert offset == 500 + partition


def test_running_consumer(pair, repo):
    """A group that consumes during the backup stands at the cut: nothing is lost to it."""
    probe = pair.source.probe
    probe.create_topic("busy", 2, **KEEP)
    probe.produce("busy", 20_000, codec="lz4")
    probe("consumer-start", id="busy", group="busy.group", topics=["busy"], max_records=50, pause_ms=10)
    time.sleep(3)
    before = probe("groups")["busy.group"]["offsets"]
    repo.backup(pair.source, "one", "--topics", "busy")
    after = probe("groups")["busy.group"]["offsets"]
    assert probe("consumer-stop", id="busy")["failure"] is None
    repo.restore(pair.target, "one", "--groups", "busy.*")
    target = pair.target.probe
    restored = target("groups")["busy.group"]["offsets"]
    assert before and set(restored) == set(before)
    for place, (offset, _) in restored.items():
        assert before[place][0] <= offset <= after[place][0]
    behind = {place: offset for place, (offset, _) in restored.items() if offset < 10_000}
    assert behind
    target("consumer-start", id="again", group="busy.group", topics=["busy"], reset="none")
    deadline = time.monotonic() + 30
    while set((status := target("consumer-status", id="again"))["partitions"]) != set(behind):
        assert time.monotonic() < deadline and status["failure"] is None, (status, restored)
        time.sleep(0.1)
    went_on = target("consumer-stop", id="again")
    assert {place: seen["first"] for place, seen in went_on["partitions"].items()} == behind


def test_incremental(pair, repo, tmp_path):
    """A second backup of an idle topic stores no data; one after more records stores those; each comes back alone."""
    probe = pair.source.probe
    probe.create_topic("more", 2, **KEEP)
    probe.produce("more", 5000, value_min=1000, seed=1)
    first = compare.fingerprint(probe, ["more"])
    repo.backup(pair.source, "one", "--topics", "more")
    packs = {p: p.stat().st_size for p in repo.folder.rglob("*") if "pack" in p.parts and p.is_file()}
    assert sum(packs.values()) > 5_000_000
    repo.backup(pair.source, "idle", "--topics", "more")
    assert {p for p in repo.folder.rglob("*") if "pack" in p.parts and p.is_file()} == set(packs)
    probe.produce("more", 500, value_min=1000, seed=2)
    probe("delete-records", topic="more", partition=0, before=100)
    second = compare.fingerprint(probe, ["more"])
    repo.backup(pair.source, "two", "--topics", "more")
    new = {p: p.stat().st_size for p in repo.folder.rglob("*") if "pack" in p.parts and p.is_file() and p not in packs}
    assert 500_000 < sum(new.values()) < 1_000_000
    for name, expected in (("one", first), ("idle", first), ("two", second)):
        repo.restore(pair.target, name, "--rename", f"more=more.{name}")
        actual = compare.fingerprint(pair.target.probe, [f"more.{name}"])
        assert compare.differences(expected, actual, lambda _, name=name: f"more.{name}") == []


def test_recreated_topic(pair, repo):
    """A topic deleted and made anew under its name is another topic: each snapshot restores its own."""
    probe = pair.source.probe
    expected = {}
    for seed, name in enumerate(("before", "after")):
        probe.create_topic("again", 1, **KEEP)
        probe.produce("again", 1000 - 300 * seed, seed=seed)
        expected[name] = compare.fingerprint(probe, ["again"])
        repo.backup(pair.source, name, "--topics", "again")
        probe("delete-topic", topic="again")
        time.sleep(2)
    for name, fingerprint in expected.items():
        repo.restore(pair.target, name, "--rename", f"again=again.{name}")
        actual = compare.fingerprint(pair.target.probe, [f"again.{name}"])
        assert compare.differences(fingerprint, actual, lambda _, name=name: f"again.{name}") == []


def test_selection(pair, repo):
    """--topics, --exclude, --rename by regex, --no-groups, and a dry run that touches nothing."""
    probe = pair.source.probe
    for name in ("a", "b", "c"):
        probe.create_topic(f"choice.{name}", 1, **KEEP)
        probe.produce(f"choice.{name}", 100)
    probe("commit-offsets", group="choice.group", offsets={"choice.a:0": 5})
    repo.backup(pair.source, "one", "--topics", "/choice[.].*/", "--exclude", "choice.c")
    before = pair.target.probe.topics()
    repo.restore(pair.target, "one", "--dry-run")
    assert pair.target.probe.topics() == before and "choice.group" not in pair.target.probe("groups")
    repo.restore(pair.target, "one", "--topics", "choice.a", "--rename", "/choice[.](.*)/=chosen.$1", "--no-groups")
    assert set(pair.target.probe.topics()) - set(before) == {"chosen.a"}
    assert "choice.group" not in pair.target.probe("groups")
    repo.restore(pair.target, "one", "--topics", "choice.b")
    assert set(pair.target.probe.topics()) - set(before) == {"chosen.a", "choice.b"}


def test_verify_sees_differences(pair, repo):
    """verify against a live cluster names the partition that is not as it was."""
    probe = pair.source.probe
    probe.create_topic("differs", 2, **KEEP)
    probe.produce("differs", 100)
    repo.backup(pair.source, "one", "--topics", "differs")
    repo.verify("one", cluster=pair.source)
    probe("delete-records", topic="differs", partition=1, before=10)
    result = repo.verify("one", cluster=pair.source, expect=19)
    assert "differs-1" in result.stdout + result.stderr


def test_groups_after_eight_days(clusters, version, repo):
    """Unused for longer than the broker keeps committed offsets (a week): what was restored is still there."""
    target = clusters(version, "aging", config={"offsets.retention.check.interval.ms": 1000})
    probe = target.probe
    probe.create_topic("aging", 1, **KEEP)
    probe.produce("aging", 100)
    probe("commit-offsets", group="aging.restored", offsets={"aging:0": [70, "kept"]})
    repo.backup(target, "one", "--topics", "aging")
    trips.delete(probe, "aging")
    repo.restore(target, "one")
    probe("commit-offsets", group="aging.plain", offsets={"aging:0": 30})
    target.stop()
    target.days_on = 8
    target.restart()

    def expired():
        try:
            return "aging.plain" not in target.probe("groups")
        except ProbeError:  # it went between its listing and its description
            return False

    trips.until(expired, 60, "no group has expired")
    assert target.probe("groups")["aging.restored"]["offsets"] == {"aging:0": [70, "kept"]}
