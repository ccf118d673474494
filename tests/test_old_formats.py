"""Message formats 0 and 1, as brokers of long ago left them, and the oldest broker that is supported."""

import re

import pytest

from lib import compaction, compare, jars, kcat, tools, trips

DAY_MS = 24 * 3600 * 1000
LONG_AGO = 1_400_000_000_000
KEEP = {"retention.ms": "-1"}
FORMATS = {0: "0.9.0", 1: "0.10.0"}
CODECS = ("none", "gzip", "snappy", "lz4")  # zstd came with format 2
# A producer's batch becomes one message with all its records inside; batches of one record, too.
SHAPES = [{"count": 200, "batch_records": 10, "null_values": 0.2, "null_keys": 0.2, "value_max": 200, "time": LONG_AGO},
          {"count": 20, "batch_records": 1, "value_min": 0, "value_max": 2, "time": LONG_AGO, "step": 0},
          {"count": 300, "text": True, "value_max": 900, "time": LONG_AGO, "step": DAY_MS, "jitter": 1000}]


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A broker of the oldest version, whose cleaner looks often."""
    from conftest import Clusters
    factory = Clusters(tmp_path_factory.mktemp("old"))
    yield factory(jars.OLDEST, "old", config=compaction.BROKER)
    factory.destroy()


@pytest.fixture(scope="module")
def target(version, tmp_path_factory):
    """A broker of today."""
    from conftest import Clusters
    factory = Clusters(tmp_path_factory.mktemp("target"))
    yield factory(version, "target", config=compaction.BROKER)
    factory.destroy()


@pytest.fixture(scope="module")
def loaded(old, tmp_path_factory):
    """Topics in formats 0 and 1, and one that went through all three: a partition per codec. Their fingerprint; types do
    not count, since format 0 knows no time and what is restored has one type."""
    probe = old.probe
    topics = []
    for number, name in FORMATS.items():
        for kind, configs in (("plain", {}), ("append", {"message.timestamp.type": "LogAppendTime"})):
            topic = f"format.{number}.{kind}"
            probe.create_topic(topic, len(CODECS), **KEEP, **configs, **{"message.format.version": name})
            fill(probe, topic, SHAPES)
            topics.append(topic)
        assert {int(m) for m in magics(old, f"format.{number}.plain")} == {number}
    probe.create_topic("format.all", len(CODECS), **KEEP, **{"message.format.version": "0.9.0"})
    for number, name in enumerate(("0.9.0", "0.10.0", "2.8", "0.10.0")):
        probe("alter-configs", topic="format.all", set={"message.format.version": name})
        fill(probe, "format.all", [{**SHAPES[0], "seed": number}])
    assert {int(m) for m in magics(old, "format.all")} == {0, 1, 2}
    topics.append("format.all")
    # Log starts in the middle of what was compressed together.
    for topic in topics:
        for partition in (1, 2):
            probe("delete-records", topic=topic, partition=partition, before=33)
    folder = tmp_path_factory.mktemp("loaded")
    return topics, compare.fingerprint(probe, topics, folder / "one-source", types=False), folder


def fill(probe, topic, shapes):
    for partition, codec in enumerate(CODECS):
        for number, shape in enumerate(shapes):
            probe.produce(topic, **{"seed": number, **shape}, codec=codec, partitions=[partition], idempotent=False)


def magics(cluster, topic, partition=0):
    """The format of each entry of a log, as kafka-dump-log tells it."""
    files = ",".join(map(str, cluster.segments(1, topic, partition)))
    out = jars.tool(cluster.client_version, tools.DUMP_LOG[cluster.client_version[0]], "--files", files)
    return re.findall(r"magic: (\d)", out)


def without_formats(fingerprint):
    """Brokers of today know no message.format.version."""
    for configs in fingerprint["configs"].values():
        configs.pop("message.format.version", None)
    return fingerprint


def test_formats(old, target, loaded, repo):
    """Keys, values, times and offsets as they were; on disk it is format 2."""
    topics, expected, folder = loaded
    repo.backup(old, "one", "--topics", "format.*")
    repo.verify("one")
    repo.verify("one", cluster=old)
    repo.restore(target, "one")
    actual = without_formats(compare.fingerprint(target.probe, topics, folder / "one-target", types=False))
    found = compare.differences(without_formats(expected), actual)
    assert not found, trips.shown(found, folder / "one-source", folder / "one-target")
    assert kcat.records(old, "format.1.plain", 3) == kcat.records(target, "format.1.plain", 3)
    assert {int(m) for topic in topics for m in magics(target, topic, 1)} == {2}
    repo.verify("one", cluster=target)


def test_compacted(old, target, version, repo, tmp_path):
    """Holes between and inside the messages of old formats."""
    probe = old.probe
    topics = [f"compacted.{version}.{number}" for number in FORMATS]
    for number, name in FORMATS.items():
        topic = f"compacted.{version}.{number}"
        # Without times a segment is as old as its file: it is full sooner.
        probe.create_topic(topic, len(CODECS), **compaction.TOPIC, **{
            "message.format.version": name, "segment.bytes": "20000"})
        for partition, codec in enumerate(CODECS):
            shape = {"codec": codec, "idempotent": False, "batch_records": 10, "time": LONG_AGO, "step": 0,
                     "partitions": [partition], "value_min": 40, "value_max": 60, "headers": 0}
            probe.produce(topic, 200, keys="unique", **shape)
            probe.produce(topic, 400, keys=300, null_values=0.2, **shape)
            probe.produce(topic, 300, keys=250, **{**shape, "value_max": 300})
    compaction.wait_until_cleaned(old, *topics)
    compaction.freeze(probe, *topics)
    for topic in topics:
        probe("alter-configs", topic=topic, delete=["segment.bytes"])
    expected = without_formats(compare.fingerprint(probe, topics, tmp_path / "one-source", types=False))
    assert all(r["count"] < r["end"] for r in expected["records"]["read_committed"].values())
    repo.backup(old, "one", "--topics", f"compacted.{version}.*")
    repo.restore(target, "one")
    actual = compare.fingerprint(target.probe, topics, tmp_path / "one-target", types=False)
    found = compaction.compare_topics(expected, actual, tmp_path / "one-source", tmp_path / "one-target")
    assert not found, "\n".join(found)


def test_config_that_the_target_refuses(old, target, version, repo):
    """Kafka 4 takes no segments below a megabyte: that is known before anything is written, or is no obstacle."""
    topic = f"refused.{version}"
    old.probe.create_topic(topic, 1, **KEEP, **{"segment.bytes": "20000"})
    old.probe.produce(topic, 100)
    repo.backup(old, "one", "--topics", topic)
    result = repo.restore(target, "one", expect=None)
    if result.code != 0:
        assert "segment.bytes" in result.stderr and topic not in target.probe.topics(), result
    else:
        assert target.probe.offsets(topic) == old.probe.offsets(topic)


def test_from_the_oldest_broker(old, target, version, repo, seed, tmp_path):
    """A broker of the oldest version as the source of logs of today: plain, transactional, compacted; groups."""
    probe = old.probe
    topics = plain_topics(probe, f"from.{version}", seed)
    places = {f"{topics[0]}:0": [123, "note"], f"{topics[1]}:1": 7}
    probe("commit-offsets", group=f"from.{version}.group", offsets=places)
    trips.round_trip(old, target, repo, topics, tmp_path, restore=("--groups", f"from.{version}.*"))
    assert target.probe("groups")[f"from.{version}.group"] == probe("groups")[f"from.{version}.group"]


def test_into_the_oldest_broker(old, target, version, repo, seed, tmp_path):
    """A broker of the oldest version as the target."""
    probe = target.probe
    topics = plain_topics(probe, f"into.{version}", seed)
    probe("commit-offsets", group=f"into.{version}.group", offsets={f"into.{version}.plain:0": [123, "note"]})
    trips.round_trip(target, old, repo, topics, tmp_path, restore=("--groups", f"into.{version}.*"))
    assert old.probe("groups")[f"into.{version}.group"] == probe("groups")[f"into.{version}.group"]


def plain_topics(probe, prefix, seed):
    """A few logs in format 2 and with transactions; some start above 0."""
    probe.create_topic(f"{prefix}.plain", 5, **KEEP)
    for partition, codec in enumerate((*CODECS, "zstd")):
        probe.produce(f"{prefix}.plain", 1000, codec=codec, partitions=[partition], headers=2, null_keys=0.2,
                      null_values=0.2, value_max=300, time=LONG_AGO)
        probe("delete-records", topic=f"{prefix}.plain", partition=partition, before=partition * 55)
    probe.create_topic(f"{prefix}.tx", 3, **KEEP)
    probe("transactions", topics=[f"{prefix}.tx"], transactions=25, seed=seed, transactional_id=prefix, abort=0.4)
    return [f"{prefix}.plain", f"{prefix}.tx"]
