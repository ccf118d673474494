"""Two clusters side by side, as Kafka's own client sees them."""

import pathlib

READS = ("read_uncommitted", "read_committed")


def fingerprint(probe, topics, folder=None, types=True, stable=False):
    """All that must come back of some topics: offsets and every record, as each kind of reader sees them.

    `folder` receives the records as text, for whoever looks into a comparison that failed. Without `types` the mark
    LogAppendTime or CreateTime on a record does not count. With `stable` logs end at their last stable offsets, as in a
    backup: what open transactions sent is not there.
    """
    offsets = probe.offsets(*topics)
    ends = {}
    if stable:
        for partitions in offsets.values():
            for partition in partitions.values():
                partition["end"] = partition["stable"]
        ends["to"] = {f"{t}:{p}": v["end"] for t, partitions in offsets.items() for p, v in partitions.items()}
    dumps = {}
    for isolation in READS:
        target = pathlib.Path(folder) / isolation if folder else None
        dumps[isolation] = probe.dump(topics, target, isolation=isolation, types=types, **ends)
    return {"offsets": offsets, "records": dumps, "configs": probe.own_configs(*topics)}


def differences(expected, actual, rename=lambda topic: topic):
    """Lines that say where `actual` differs from `expected` (two fingerprints); empty if nowhere."""
    found = []
    for topic, partitions in expected["offsets"].items():
        theirs = actual["offsets"].get(rename(topic), {})
        for partition, offsets in partitions.items():
            if theirs.get(partition) != offsets:
                found.append(f"{topic}:{partition} offsets {offsets} became {theirs.get(partition)}")
        if len(theirs) != len(partitions):
            found.append(f"{topic}: {len(partitions)} partitions became {len(theirs)}")
    for isolation, dump in expected["records"].items():
        for name, records in dump.items():
            topic, _, partition = name.rpartition(":")
            other = actual["records"][isolation].get(f"{rename(topic)}:{partition}")
            if other != records:
                found.append(f"{name} {isolation}: {records} became {other}")
    for topic, configs in expected["configs"].items():
        other = actual["configs"].get(rename(topic))
        if other != configs:
            found.append(f"{topic} configs {configs} became {other}")
    return found


def first_difference(one, other):
    """The first line in which two dump files differ, for people."""
    with open(one) as a, open(other) as b:
        for number, (left, right) in enumerate(zip(a, b), 1):
            if left != right:
                return f"line {number}:\n< {left}> {right}"
    return "one is longer than the other"
