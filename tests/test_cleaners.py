"""Cleaners of the target's brokers that are slow, off, stuck or gone, while a restore waits for them."""

import pytest

from lib import compaction, compare, trips
from lib.probe import ProbeError

TOPIC = "cleaners.wide"
SLOW, STUCK = 2, 3
NODES = {SLOW: {"log.cleaner.backoff.ms": 3000},
         STUCK: {"log.cleaner.io.max.bytes.per.second": 5_000}}  # a head of 100 KiB takes it half a minute


@pytest.fixture(scope="module")
def source_and_repo(version, tmp_path_factory):
    """A wide hole, and what the source holds."""
    from lib.cluster import Cluster
    from lib.maxbrod import Maxbrod

    folder = tmp_path_factory.mktemp("source")
    repo = Maxbrod(folder / "repo")
    repo.init()
    with Cluster(version, folder / "source", config=compaction.BROKER) as source:
        source.probe.create_topic(TOPIC, 1, **compaction.TOPIC)
        compaction.head_and_tail(source.probe, TOPIC, [
            {"count": 250_000, "keys": 3, "value_min": 0, "value_max": 0, "codec": "zstd", "batch_bytes": 1 << 20,
             "idempotent": False},
            {"count": 500, "keys": 200, "batch_records": 20, "idempotent": False}], [{"count": 100, "keys": 150}])
        compaction.wait_until_cleaned(source, TOPIC)
        compaction.freeze(source.probe, TOPIC)
        expected = compare.fingerprint(source.probe, [TOPIC], folder / "one-source")
        repo.backup(source, "one", "--topics", TOPIC)
    return expected, repo, folder / "one-source"


def same(expected, source, target, folder):
    actual = compare.fingerprint(target.probe, [TOPIC], folder)
    found = compaction.compare_topics(expected, actual, source, folder, {f"{TOPIC}:0": 250_500})
    assert not found, "\n".join(found)
    trips.nothing_open(target.probe, TOPIC)


def same_everywhere(expected, source, target, folder):
    """Each replica in turn is the leader that is read."""
    for leader in (1, 2, 3):
        replicas = [leader, *({1, 2, 3} - {leader})]
        target.probe("reassign", topic=TOPIC, partition=0, replicas=replicas)
        same(expected, source, target, folder / f"leader-{leader}")


def wait_for_cleaning(target):
    """Until a restore has turned compaction on."""
    def compacted():
        try:
            return target.probe.own_configs(TOPIC)[TOPIC].get("cleanup.policy") == "compact"
        except ProbeError:  # not created yet
            return False

    trips.until(compacted, 90, "no head was to be cleaned")


def test_slow_stuck_and_offline(source_and_repo, clusters, version, tmp_path):
    """A slow cleaner is waited for. One that does nothing is named, and its topic's holes become markers after all; who
    wants the cleaner gets an error. So it is with a broker that is gone; when it is back the same command goes on."""
    expected, repo, source = source_and_repo
    target = clusters(version, "target", brokers=3, config=compaction.BROKER, node_config=NODES)
    common = ("--replication-factor", "3", "--cleaner-wait", "5s")
    asked = repo.restore(target, "one", *common, "--holes", "cleaner", expect=7)
    assert f"the cleaner of broker {STUCK} has not come to {TOPIC}-0: waited for 5 s (1 replica is not" in asked.stderr
    trips.delete(target.probe, TOPIC)

    plan = repo.restore(target, "one", *common, "--dry-run", "--json").json
    assert plan["topics"][0]["cleaned"] > 240_000, plan
    report = repo.restore(target, "one", *common, "--json").json
    assert report["redone"] == [TOPIC]
    assert any(f"the cleaner of broker {STUCK} has not come" in w for w in report["warnings"]), report["warnings"]
    assert report["markers_written"] > 240_000
    same_everywhere(expected, source, target, tmp_path / "stuck")
    trips.delete(target.probe, TOPIC)

    target.node_config = {SLOW: NODES[SLOW]}
    target.stop(STUCK)
    target.restart(STUCK)
    run = repo.start("restore", "one", "--bootstrap-server", target.bootstrap(), *common, "--holes", "cleaner")
    wait_for_cleaning(target)
    target.kill(SLOW)
    result = run.wait()
    assert result.code == 7, result
    assert f"broker {SLOW} is offline, and has a replica of {TOPIC}-0" in result.stderr
    target.restart(SLOW)
    repo.restore(target, "one", *common, "--holes", "cleaner")
    same_everywhere(expected, source, target, tmp_path / "offline")


def test_off(source_and_repo, clusters, version, tmp_path):
    """A cleaner that is off is seen before anything is touched."""
    expected, repo, source = source_and_repo
    target = clusters(version, "target", brokers=2, node_config={2: {"log.cleaner.enable": "false"}})
    refused = repo.restore(target, "one", "--replication-factor", "2", "--holes", "cleaner", expect=16)
    assert "broker 2 has log.cleaner.enable=false" in refused.stderr
    assert TOPIC not in target.probe.topics()
    report = repo.restore(target, "one", "--replication-factor", "2", "--json").json
    assert report["markers_written"] > 240_000
    same(expected, source, target, tmp_path / "off")


def test_stamps_of_the_future(source_and_repo, clusters, version, tmp_path):
    """A segment that begins with a time to come is not rolled by a marker: such heads are not left to the cleaner."""
    repo = source_and_repo[1]
    cluster = clusters(version, "both", config=compaction.BROKER)
    topic = "cleaners.future"
    cluster.probe.create_topic(topic, 1, **compaction.TOPIC, **{"message.timestamp.after.max.ms": str(2**63 - 1)})
    compaction.head_and_tail(cluster.probe, topic, [{"count": 400, "keys": 20, "batch_records": 10}],
                             [{"count": 50, "keys": 30}], time=4_000_000_000_000)
    compaction.wait_until_cleaned(cluster, topic)
    compaction.freeze(cluster.probe, topic)
    expected = compare.fingerprint(cluster.probe, [topic], tmp_path / "one-source")
    repo.backup(cluster, "future", "--topics", topic)
    trips.delete(cluster.probe, topic)
    report = repo.restore(cluster, "future", "--holes", "cleaner", "--json").json
    assert any("timestamps of the future" in w for w in report["warnings"]), report["warnings"]
    compaction.same(expected, cluster, [topic], tmp_path, {f"{topic}:0": 400})
