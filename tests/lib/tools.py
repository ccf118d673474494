"""Kafka's own command line tools, by their main classes, and what their output says."""

import re

from . import jars

OFFSETS = "org.apache.kafka.tools.GetOffsetShell"
GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
CONFIGS = "kafka.admin.ConfigCommand"
DUMP_LOG = {"3": "kafka.tools.DumpLogSegments", "4": "org.apache.kafka.tools.DumpLogSegments"}
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


def dump_log(cluster, node, topic, partition=0):
    """kafka-dump-log over a partition's files on one broker's disk: [{baseOffset, lastOffset, count, ...}] per batch."""
    batches = []
    files = ",".join(map(str, cluster.segments(node, topic, partition)))
    out = jars.tool(cluster.client_version, DUMP_LOG[cluster.client_version[0]], "--files", files)
    for line in out.splitlines():
        if line.startswith("baseOffset:"):
            words = line.replace(": ", ":").split()
            batches.append(dict(word.split(":", 1) for word in words if ":" in word))
    return batches


def aborted(cluster, node, topic, partition=0):
    """kafka-dump-log over a partition's transaction indexes: (first, last offset) of each aborted transaction."""
    files = sorted((cluster.brokers[node - 1].data / f"{topic}-{partition}").glob("*.txnindex"))
    if not files:
        return []
    out = jars.tool(cluster.client_version, DUMP_LOG[cluster.client_version[0]], "--files", ",".join(map(str, files)))
    return sorted((int(m[1]), int(m[2])) for m in re.finditer(r"firstOffset: (\d+) lastOffset: (\d+)", out))
