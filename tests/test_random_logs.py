"""Random logs of every kind, mixed: plain, transactional, compacted, cut off. MAXBROD_TEST_SEED=<printed seed> repeats
a run."""

import random
import time

import pytest

from lib import compaction, compare, jars, trips
from test_random import random_shape

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


@pytest.fixture(scope="module")
def broker_config():
    return compaction.BROKER


def write(probe, dice, topic, partitions, number, moment):
    """A few steps of any kind; `moment` is the time of their records, None for a random past."""
    for step in range(dice.choice([1, 2, 4])):
        timed = {} if moment is None else {"time": moment, "step": 0, "jitter": 0}
        kind = dice.random()
        if kind < 0.4:
            partition = dice.randrange(partitions)
            shape = {**random_shape(dice), "value_max": dice.choice([50, 500, 3000]), **timed}
            if moment is not None:
                shape = {k: v for k, v in shape.items() if k not in ("gap", "gap_every")}
                shape["keys"] = dice.choice([3, 50, "unique"])
                shape["null_keys"] = 0
            few = shape["batch_bytes"] == 1 or shape.get("batch_records") in (1, 2)
            probe.produce(topic, dice.choice([1, 20, 100 if few else 700]), **{**shape, "partitions": [partition]})
        elif kind < 0.9:
            probe("transactions", topics=[topic], seed=dice.randrange(1 << 31), transactions=dice.choice([1, 5, 25]),
                  transactional_id=f"{topic}-{number}-{step}", producers=dice.choice([1, 2, 4]),
                  abort=dice.choice([0, 0.3, 1]), fenced=dice.choice([0, 0.5]), plain=dice.choice([0, 0.3]),
                  markers=dice.choice([0, 0.1]), spread=dice.choice([0.2, 1]), chunks=dice.choice([1, 4]),
                  chunk_records=dice.choice([1, 10, 60]), codecs=dice.sample(CODECS, 3), headers=dice.choice([0, 2]),
                  keys=dice.choice([3, 50, "unique"]), null_values=dice.choice([0, 0.2]), **timed)
        else:
            probe("markers", topic=topic, partition=dice.randrange(partitions), count=dice.choice([1, 10, 200]))


def random_log(cluster, dice, topic):
    """One topic; true if it is compacted."""
    probe = cluster.probe
    partitions = dice.choice([1, 1, 3])
    compacted = dice.random() < 0.4
    if not compacted:
        probe.create_topic(topic, partitions, **{"retention.ms": "-1", "max.message.bytes": str(8 << 20),
                                                 "segment.bytes": str(dice.choice([1 << 20, 16 << 20]))})
        write(probe, dice, topic, partitions, 0, None)
    else:
        probe.create_topic(topic, partitions, **{**compaction.TOPIC, "cleanup.policy": dice.choice(
            ["compact", "compact,delete"]), "retention.ms": "-1"})
        now = int(time.time() * 1000)  # as the markers are, so that they do not begin a segment each
        for number, moment in enumerate((now, now + 50 * 60 * 1000)):
            write(probe, dice, topic, partitions, number, moment)
            trips.settle(probe, topic)
        compaction.wait_until_cleaned(cluster, topic)
        compaction.freeze(probe, topic)
    trips.settle(probe, topic)
    if not compacted or probe.own_configs(topic)[topic]["cleanup.policy"] != "compact":
        for partition, offsets in probe.offsets(topic)[topic].items():
            if dice.random() < 0.3:
                probe("delete-records", topic=topic, partition=partition, before=dice.randint(0, offsets["end"]))
    return compacted


@pytest.mark.parametrize("source, target", [tuple(jars.VERSIONS[:2]), tuple(jars.VERSIONS[1::-1])])
def test_random_logs(clusters, repo, broker_config, seed, source, target, tmp_path):
    """From one version of Kafka into another: every offset, every record, under both isolation levels."""
    dice = random.Random(seed)
    source = clusters(source, "source", config=broker_config)
    target = clusters(target, "target", config=broker_config)
    topics = [f"log.{number}" for number in range(16)]
    compacted = [topic for topic in topics if random_log(source, dice, topic)]
    plain = [topic for topic in topics if topic not in compacted]
    # Some are in the middle of something.
    hanging = dice.sample(plain, min(3, len(plain)))
    for topic in hanging:
        source.probe("open-transaction", id=topic, topic=topic, count=5, transactional_id=f"{topic}-open")
        source.probe.produce(topic, 20)
    expected = {}
    for name, some in (("plain", plain), ("compacted", compacted)):
        expected[name] = compare.fingerprint(source.probe, some, tmp_path / f"{name}-source", stable=True)
    how = dice.choice(["auto", "write-txn-markers", "end-txn"])
    repo.backup(source, "one", "--topics", "log.*")
    holes = dice.choice(["auto", "markers", "cleaner"])
    print(f"seed {seed}: {len(compacted)} compacted topics, markers by {how}, holes by {holes}")
    repo.restore(target, "one", "--markers", how, "--holes", holes)
    trips.same(expected["plain"], target, plain, tmp_path, name="plain")
    compaction.same(expected["compacted"], target, compacted, tmp_path, name="compacted")
    repo.verify("one", cluster=target)
