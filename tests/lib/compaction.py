"""Compacted logs by the broker's own cleaner, and what may differ between two of them."""

import collections
import pathlib

from . import compare, trips

HOUR_MS = 3600 * 1000
DAY_MS = 24 * HOUR_MS
LONG_AGO = 1_600_000_000_000
# The cleaner looks often, and cleans whatever is not in the active segment. A record half an hour younger than the
# first of its segment begins another one.
BROKER = {"log.cleaner.backoff.ms": 200}
TOPIC = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0", "segment.ms": str(HOUR_MS // 2),
         "delete.retention.ms": str(DAY_MS)}
# With this on a topic no cleaner touches it: its records are not old enough.
FROZEN = {"min.compaction.lag.ms": str(20 * 365 * DAY_MS)}

Record = collections.namedtuple("Record", "offset key line")


def checkpoint(cluster, node):
    """How far the broker's cleaner has come: (topic, partition) -> first offset not cleaned yet."""
    file = cluster.brokers[node - 1].data / "cleaner-offset-checkpoint"
    rows = [line.split() for line in file.read_text().splitlines()[2:]] if file.exists() else []
    return {(row[0], int(row[1])): int(row[2]) for row in rows}


def wait_until_cleaned(cluster, *topics, nodes=(1,), seconds=90):
    """Until each of the brokers has cleaned each partition up to its active segment."""
    def behind():
        found = []
        for node in nodes:
            done = checkpoint(cluster, node)
            for topic, partitions in cluster.probe.offsets(*topics).items():
                for partition in partitions:
                    active = int(cluster.segments(node, topic, partition)[-1].stem)
                    if done.get((topic, partition), 0) < active:
                        found.append((node, topic, partition, active))
        return found

    trips.until(lambda: not behind(), seconds, "the cleaner did not come")


def freeze(probe, *topics):
    """Nothing is cleaned any more, here and where the topic's configuration is restored."""
    for topic in topics:
        probe("alter-configs", topic=topic, set=FROZEN)


def head_and_tail(probe, topic, head, tail, partition=0, time=LONG_AGO):
    """Produces shapes (dicts with "count") in turn; the tail's first record rolls the segment of the head's."""
    for shapes, moment in ((head, time), (tail, time + 50 * 60 * 1000)):
        for shape in shapes:
            probe.produce(topic, **{"partitions": [partition], "time": moment, "step": 0, "value_max": 60, **shape})


def read(file):
    """The records of a dump file."""
    records = []
    for line in pathlib.Path(file).read_text().splitlines():
        offset, rest = line.split(" ", 1)
        key = rest.split(" k=", 1)[1].split(" ", 1)[0]
        records.append(Record(int(offset), None if key == "null" else key, line))
    return records


def differences(expected, actual, tail=None, committed=True):
    """How the records of a restored compacted log may not differ from the source's: lines that say where they do.

    Whatever is there was there at its offset; the latest of every key is there (under read_uncommitted that may be an
    aborted record, which a cleaner may take: not `committed`); from the offset `tail` on, if given, nothing is missing.
    """
    found = []
    here, there = {r.offset: r for r in actual}, {r.offset: r for r in expected}
    found += [f"not in the source: {r.line}" for r in actual if there.get(r.offset, r).line != r.line or
              r.offset not in there]
    latest = {r.key: r.offset for r in expected if r.key is not None} if committed else {}
    wanted = set(latest.values()) | {r.offset for r in expected if tail is not None and r.offset >= tail}
    found += [f"missing: {there[offset].line}" for offset in sorted(wanted - set(here))]
    return found


def compare_topics(expected, actual, source, target, tails=None, rename=lambda topic: topic):
    """Fingerprints of compacted topics and the folders of their dumps; `tails` is "topic:partition" -> offset."""
    found = []
    for topic, partitions in expected["offsets"].items():
        other = rename(topic)
        if actual["offsets"].get(other) != partitions:
            found.append(f"{topic} offsets {partitions} became {actual['offsets'].get(other)}")
        if actual["configs"].get(other) != expected["configs"][topic]:
            found.append(f"{topic} configs {expected['configs'][topic]} became {actual['configs'].get(other)}")
        for partition in partitions:
            for isolation in compare.READS:
                ours, theirs = (read(folder / isolation / f"{name}-{partition}.dump")
                                for folder, name in ((source, topic), (target, other)))
                lines = differences(ours, theirs, (tails or {}).get(f"{topic}:{partition}"),
                                    isolation == "read_committed")
                found += [f"{topic}-{partition} {isolation} {line}" for line in lines[:5]]
                found += [f"{topic}-{partition} {isolation}: {len(lines)} in all"] if len(lines) > 5 else []
    return found


def same(expected, target, topics, folder, tails=None, name="one"):
    """Demands that the compacted topics of `target` are what the fingerprint `expected` says, which must have been
    taken with its dumps in folder/name-source."""
    actual = compare.fingerprint(target.probe, topics, folder / f"{name}-target")
    found = compare_topics(expected, actual, folder / f"{name}-source", folder / f"{name}-target", tails)
    assert not found, "\n".join(found)
    trips.nothing_open(target.probe, *topics)
