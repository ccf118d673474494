"""The table that puts two clusters side by side, from what Kafka's own tools and client say about them."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))

from lib import tools  # noqa: E402


def records(cluster, topics):
    """Kafka's Java client: "topic:partition" -> (records, digest over offset, time, key, value and headers of each)."""
    dump = cluster.probe.dump(topics, types=False)
    return {name: (d["count"], d["digest"]) for name, d in dump.items()}


def snapshot(cluster):
    """All that the table compares, about one cluster."""
    where = tools.offsets(cluster)
    return {"offsets": where, "groups": tools.groups(cluster), "configs": tools.configs(cluster),
            "records": records(cluster, where)}


class Table:
    """Rows of what, source before, target after; remembers whether all of them were as they should be."""

    def __init__(self):
        self.good = True
        self._rows = []

    def add(self, what, before, after, good):
        self.good = self.good and good
        self._rows.append((what, str(before), str(after), "same" if good else "DIFFERENT"))

    def section(self, title):
        self._rows.append((title,))

    def __str__(self):
        rows = [("", "source, before its loss", "target, after restore", ""), *self._rows]
        widths = [max(len(row[i]) for row in rows if len(row) == 4) for i in range(4)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() if len(row) == 4 else row[0]
                 for row in rows]
        return "\n".join([lines[0], "-" * (sum(widths) + 6), *lines[1:]])


def table(before, after):
    """Everything that does not move by itself: topics, their offsets, records and configs, groups without members."""
    result = Table()
    result.section("kafka-get-offsets: log start..end of each partition")
    for topic, partitions in before["offsets"].items():
        for partition, place in partitions.items():
            other = after["offsets"].get(topic, {}).get(partition)
            show = (f"{p[0]:,} .. {p[1]:,}" if p else "missing" for p in (place, other))
            result.add(f"  {topic}-{partition}", *show, place == other)
    result.section("Kafka's Java client: records and their digest, by topic")
    for topic in before["offsets"]:
        pieces = [{n: r for n, r in side["records"].items() if n.rsplit(":", 1)[0] == topic} for side in (before, after)]
        show = (f"{sum(c for c, _ in p.values()):,}  {_fold(p)}" for p in pieces)
        result.add(f"  {topic}", *show, pieces[0] == pieces[1])
    result.section("kafka-configs: what is set on each topic")
    for topic, own in before["configs"].items():
        other = after["configs"].get(topic, {})
        names = sorted(set(own) | set(other))
        for name in names or ["(nothing)"]:
            values = (own.get(name, "-"), other.get(name, "-"))
            result.add(f"  {topic} {name}", *values, values[0] == values[1])
    return result


def add_groups(result, before, after, names):
    """Committed offset and lag of groups that stood still, per topic."""
    result.section("kafka-consumer-groups: committed offsets summed over partitions, lag")
    for group in names:
        topics = sorted({place.rsplit(":", 1)[0] for place in before["groups"][group]})
        for topic in topics:
            sides = [{p: v for p, v in side["groups"].get(group, {}).items() if p.rsplit(":", 1)[0] == topic}
                     for side in (before, after)]
            show = (f"{sum(o for o, _ in s.values()):,}  lag {sum(lag for _, lag in s.values()):,}" for s in sides)
            result.add(f"  {group} {topic}", *show, sides[0] == sides[1])


def _fold(pieces):
    """One short digest of several partitions', for the eye; the comparison uses the whole ones."""
    total = 0
    for _, digest in pieces.values():
        total ^= int(digest[:8], 16)
    return f"{total:08x}"
