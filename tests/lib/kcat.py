"""kcat: a client that shares no code with Kafka's own nor with ours."""

import subprocess


def records(cluster, topic, partition=0):
    """(offset, timestamp, key length, value length) of each record, -1 for null; committed ones only, its default."""
    out = subprocess.run(
        ["kcat", "-b", cluster.bootstrap(), "-C", "-q", "-e", "-t", topic, "-p", str(partition), "-o", "beginning",
         "-X", "check.crcs=true", "-f", "%o %T %K %S\n"],
        check=True, capture_output=True, text=True, timeout=120)
    return [tuple(map(int, line.split())) for line in out.stdout.splitlines()]


def produce(cluster, topic, pairs, partitioner="murmur2_random"):
    """Sends (key, value) texts; the partition is librdkafka's choice: its murmur2_random is the Java producer's own."""
    subprocess.run(
        ["kcat", "-b", cluster.bootstrap(), "-P", "-t", topic, "-K", "\t", "-X", f"topic.partitioner={partitioner}"],
        check=True, text=True, input="".join(f"{k}\t{v}\n" for k, v in pairs), timeout=120)


def keyed(cluster, topic):
    """(partition, offset, key, value) of every record of a topic of texts."""
    out = subprocess.run(
        ["kcat", "-b", cluster.bootstrap(), "-C", "-q", "-e", "-t", topic, "-o", "beginning", "-f", "%p\t%o\t%k\t%s\n"],
        check=True, capture_output=True, text=True, timeout=120)
    rows = [line.split("\t") for line in out.stdout.splitlines()]
    return sorted((int(p), int(o), k, v) for p, o, k, v in rows)


def produce_file(cluster, topic, path):
    """One record whose value is the file."""
    subprocess.run(["kcat", "-b", cluster.bootstrap(), "-P", "-t", topic, path], check=True, timeout=120)


def first_value(cluster, topic):
    """The first record's value, as bytes."""
    return subprocess.run(
        ["kcat", "-b", cluster.bootstrap(), "-C", "-q", "-e", "-c", "1", "-t", topic, "-p", "0", "-o", "beginning", "-f", "%s"],
        check=True, capture_output=True, timeout=120).stdout
