"""What Kafka's own tools say about a cluster, and the table that puts two clusters side by side."""

import re

OFFSETS = "org.apache.kafka.tools.GetOffsetShell"
GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
CONFIGS = "kafka.admin.ConfigCommand"
CONSOLE = "org.apache.kafka.tools.consumer.ConsoleConsumer"


def offsets(cluster):
    """kafka-get-offsets: topic -> partition -> (log start, log end)."""
    both = []
    for moment in ("earliest", "latest"):
        out = cluster.tool(OFFSETS, "--exclude-internal-topics", "--time", moment)
        both.append(dict(line.rsplit(":", 1) for line in out.splitlines() if line.count(":") == 2))
    result = {}
    for name, start in both[0].items():
        topic, partition = name.rsplit(":", 1)
        result.setdefault(topic, {})[int(partition)] = (int(start), int(both[1][name]))
    return result


def groups(cluster):
    """kafka-consumer-groups: group -> "topic:partition" -> (offset, lag), where an offset is committed."""
    out = cluster.tool(GROUPS, "--describe", "--all-groups")
    result, columns = {}, []
    for line in out.splitlines():
        cells = line.split()
        if cells[:1] == ["GROUP"]:
            columns = cells
        elif len(cells) >= 6 and columns:
            row = dict(zip(columns, cells))
            if row["CURRENT-OFFSET"] != "-":
                place = f"{row['TOPIC']}:{row['PARTITION']}"
                result.setdefault(row["GROUP"], {})[place] = (int(row["CURRENT-OFFSET"]), int(row["LAG"]))
    return result


def configs(cluster):
    """kafka-configs: topic -> name -> value of what is set on the topic."""
    out = cluster.tool(CONFIGS, "--describe", "--entity-type", "topics")
    result, topic = {}, None
    for line in out.splitlines():
        heading = re.match(r"Dynamic configs for topic (\S+) are:", line)
        if heading:
            topic = heading[1]
            result[topic] = {}
        elif topic and "=" in line:
            name, _, rest = line.strip().partition("=")
            result[topic][name] = rest.split(" sensitive=")[0]
    return {t: c for t, c in result.items() if not t.startswith("__")}


def next_record(cluster, group, topic):
    """kafka-console-consumer as a member of the group: (partition, offset) of the first record it is given."""
    out = cluster.tool(CONSOLE, "--topic", topic, "--group", group, "--max-messages", 1, "--timeout-ms", 30000,
                       "--property", "print.partition=true", "--property", "print.offset=true",
                       "--property", "print.value=false")
    match = re.search(r"Partition:(\d+)\s+Offset:(\d+)", out)
    if not match:
        raise RuntimeError(f"console consumer of {group} on {topic} was given nothing: {out!r}")
    return int(match[1]), int(match[2])


def records(cluster, topics):
    """Kafka's Java client: "topic:partition" -> (records, digest over offset, time, key, value and headers of each)."""
    dump = cluster.probe.dump(topics, types=False)
    return {name: (d["count"], d["digest"]) for name, d in dump.items()}


def snapshot(cluster):
    """All of the above about one cluster."""
    where = offsets(cluster)
    return {"offsets": where, "groups": groups(cluster), "configs": configs(cluster), "records": records(cluster, where)}


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
