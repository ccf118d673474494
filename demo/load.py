"""An IoT telemetry load: every kind of contiguous log that has to come back."""

import dataclasses
import time

DAY_MS = 24 * 3600 * 1000


@dataclasses.dataclass
class Topic:
    """One topic: how it is made, what is sent to it, and where its partitions' logs are cut off at the front."""

    name: str
    partitions: int
    about: str
    count: int = 0
    configs: dict = dataclasses.field(default_factory=dict)
    shape: dict = dataclasses.field(default_factory=dict)
    starts: dict = dataclasses.field(default_factory=dict)  # partition -> log start


def topics():
    """What the source holds."""
    now = int(time.time() * 1000)
    recent = {"time": now - 3 * 3600 * 1000, "jitter": 500, "text": True}
    return [
        Topic("telemetry.temperature", 6, "lz4, keys, headers, log start above 0", 600_000, {"retention.ms": 7 * DAY_MS},
              {**recent, "codec": "lz4", "keys": 5000, "headers": 2, "step": 15, "value_min": 120, "value_max": 200,
               "seed": 1},
              {0: 30_000, 1: 12_345, 2: 1, 4: 99_999}),
        Topic("telemetry.vibration", 4, "zstd, LogAppendTime", 120_000,
              {"message.timestamp.type": "LogAppendTime", "segment.bytes": 16 << 20},
              {"codec": "zstd", "keys": 200, "text": True, "value_min": 600, "value_max": 900, "seed": 2},
              {3: 5_000}),
        Topic("telemetry.events", 3, "snappy, null keys, null values", 150_000, {"retention.bytes": 1 << 30},
              {**recent, "codec": "snappy", "keys": 1000, "null_keys": 0.3, "null_values": 0.1, "headers": 3, "step": 60,
               "value_min": 100, "value_max": 300, "seed": 3}),
        Topic("telemetry.raw", 2, "uncompressed, no keys", 100_000, {"max.message.bytes": 2 << 20},
              {**recent, "codec": "none", "keys": 0, "text": False, "step": 90, "value_min": 300, "value_max": 700,
               "seed": 4}),
        Topic("device.config", 2, "gzip, custom configs", 20_000,
              {"min.insync.replicas": 2, "segment.ms": DAY_MS, "retention.ms": -1, "flush.messages": 10_000,
               "index.interval.bytes": 8192, "compression.type": "gzip"},
              {**recent, "codec": "gzip", "keys": 500, "headers": 1, "step": 500, "value_min": 200, "value_max": 400,
               "seed": 5}),
        Topic("archive.last-year", 2, "older than its retention", 60_000, {"retention.ms": 30 * DAY_MS},
              {"codec": "zstd", "keys": 300, "text": True, "time": now - 400 * DAY_MS, "step": 60_000, "gap_every": 20_000,
               "gap": 60 * DAY_MS, "value_min": 150, "value_max": 250, "seed": 6}),
        Topic("telemetry.spare", 3, "empty"),
    ]


# Groups without members: where they stand in each partition, as a share of what is there, and their metadata.
IDLE_GROUPS = {
    "billing": {"telemetry.temperature": (0.5, "invoice run 17"), "device.config": (0.25, "")},
    "ml-training": {"archive.last-year": (0.66, "epoch=3"), "telemetry.vibration": (0.4, "")},
    "audit": {"telemetry.events": (1.0, ""), "telemetry.raw": (0.0, "")},
}
RUNNING_GROUP = "dashboard"
RUNNING_TOPICS = ["telemetry.temperature", "telemetry.events"]


def fill(probe, say):
    """Creates and fills the topics, and commits for the idle groups."""
    for topic in topics():
        probe.create_topic(topic.name, topic.partitions, 3, **{k: str(v) for k, v in topic.configs.items()})
        if topic.count:
            probe.produce(topic.name, topic.count, **topic.shape)
        for partition, start in topic.starts.items():
            probe("delete-records", topic=topic.name, partition=partition, before=start)
        say(f"{topic.name:22} {topic.partitions} partitions, {topic.count:7,} records  {topic.about}")
    offsets = probe.offsets(*(t.name for t in topics()))
    for group, places in IDLE_GROUPS.items():
        commits = {}
        for topic, (share, metadata) in places.items():
            for partition, at in offsets[topic].items():
                commits[f"{topic}:{partition}"] = [at["begin"] + int((at["end"] - at["begin"]) * share), metadata]
        probe("commit-offsets", group=group, offsets=commits)


def run_consumer(probe):
    """Starts the real consumer of RUNNING_GROUP; it works through its topics slowly and commits as it goes."""
    probe("consumer-start", id=RUNNING_GROUP, group=RUNNING_GROUP, topics=RUNNING_TOPICS, max_records=100, pause_ms=40)
