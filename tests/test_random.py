"""Round trips over random batch shapes. MAXBROD_TEST_SEED=<printed seed> repeats a run."""

import random

from lib import compare

DAY_MS = 24 * 3600 * 1000
NOW_MS = 1_700_000_000_000


def random_shape(dice):
    """What a producer may do to a log, small."""
    shape = {
        "seed": dice.randrange(1 << 31),
        "codec": dice.choice(["none", "gzip", "snappy", "lz4", "zstd"]),
        "idempotent": dice.random() < 0.7,
        "batch_bytes": dice.choice([1, 500, 16_384, 1 << 20]),
        "linger_ms": dice.choice([0, 5, 100]),
        "text": dice.random() < 0.5,
        "keys": dice.choice([0, 1, 50, "unique"]),
        "null_keys": dice.choice([0, 0, 0.5]),
        "null_values": dice.choice([0, 0, 0.5, 1]),
        "headers": dice.choice([0, 0, 1, 5]),
        "value_min": dice.choice([0, 1, 100]),
        "value_max": dice.choice([100, 1000, 20_000]),
    }
    if dice.random() < 0.3:
        shape["batch_records"] = dice.choice([1, 2, 7, 100])
    if dice.random() < 0.7:
        shape.update(time=dice.choice([0, 1, NOW_MS - 400 * DAY_MS, NOW_MS]), step=dice.choice([0, 1, 1000]),
                     jitter=dice.choice([0, 0, 10_000]))
        if dice.random() < 0.5:
            shape.update(gap_every=dice.choice([1, 10, 100]), gap=dice.choice([1000, DAY_MS // 2]))
    return shape


def random_topic(probe, dice, name):
    """One topic; true if it is on append time."""
    partitions = dice.choice([1, 2, 5])
    append_time = dice.random() < 0.2
    probe.create_topic(name, partitions, **{
        "retention.ms": "-1", "max.message.bytes": str(8 << 20),
        "segment.bytes": str(dice.choice([1 << 20, 16 << 20])),
        "message.timestamp.type": "LogAppendTime" if append_time else "CreateTime"})
    for partition in range(partitions):
        for _ in range(dice.choice([0, 1, 1, 3])):
            shape = random_shape(dice)
            count = dice.choice([1, 10, 300, 1500])
            if shape["value_max"] > 1000:
                count = min(count, 300)
            if shape["batch_bytes"] == 1 or shape.get("batch_records") in (1, 2):
                count = min(count, 200)
            probe.produce(name, count, partitions=[partition], **shape)
        end = probe.offsets(name)[name][partition]["end"]
        if dice.random() < 0.4:
            probe("delete-records", topic=name, partition=partition, before=dice.randint(0, end))
    return append_time


def test_random_shapes(pair, repo, seed, tmp_path):
    """Whatever producers wrote comes back, twice: as it was, and as it was later."""
    dice = random.Random(seed)
    probe = pair.source.probe
    topics = [f"random.{i}" for i in range(12)]
    append_time = [t for t in topics if random_topic(probe, dice, t)]
    kinds = [(some, types) for some, types in
             (([t for t in topics if t not in append_time], True), (append_time, False)) if some]
    for name in ("first", "second"):
        if name == "second":
            for topic in dice.sample(topics, 6):
                probe.produce(topic, 100, **{**random_shape(dice), "value_max": 500})
        expected = [compare.fingerprint(probe, some, tmp_path / name, types) for some, types in kinds]
        repo.backup(pair.source, name, "--topics", "random.*")
        repo.verify(name)
        repo.restore(pair.target, name, "--rename", f"/(random.*)/={name}.$1")
        for before, (some, types) in zip(expected, kinds):
            renamed = [f"{name}.{t}" for t in some]
            after = compare.fingerprint(pair.target.probe, renamed, tmp_path / f"{name}-target", types)
            assert compare.differences(before, after, lambda t, name=name: f"{name}.{t}") == [], f"seed {seed}"


def test_many_partitions(pair, repo, seed, tmp_path):
    """Hundreds of small partitions, some empty, some cut off at the front."""
    dice = random.Random(seed)
    probe = pair.source.probe
    probe.create_topic("many.a", 250, **{"retention.ms": "-1"})
    probe.create_topic("many.b", 150, **{"retention.ms": "-1"})
    for topic, partitions in (("many.a", 250), ("many.b", 150)):
        chosen = dice.sample(range(partitions), partitions * 3 // 4)
        probe.produce(topic, 40 * len(chosen), partitions=chosen, codec="lz4", seed=seed)
        for partition in dice.sample(chosen, 10):
            probe("delete-records", topic=topic, partition=partition, before=dice.randint(1, 40))
    expected = compare.fingerprint(probe, ["many.a", "many.b"])
    repo.backup(pair.source, "one", "--topics", "many.*")
    repo.restore(pair.target, "one")
    assert compare.differences(expected, compare.fingerprint(pair.target.probe, ["many.a", "many.b"])) == []
