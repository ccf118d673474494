"""Limits, quotas, near replicas and tiered storage, on three real brokers in three racks."""

import time

import pytest

from lib import jars, trips
from lib.cluster import Cluster
from lib.maxbrod import Maxbrod

RACKS = ["a", "b", "c"]
KEEP = {"retention.ms": "-1"}
MIB = 1 << 20
RECORD = {"value_min": 1000, "codec": "none", "batch_records": 50}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gentle")
    config = {
        "replica.selector.class": "org.apache.kafka.common.replica.RackAwareReplicaSelector",
        # Quotas are felt within a second or two.
        "quota.window.num": 2,
        "remote.log.storage.system.enable": "true",
        "remote.log.storage.manager.class.name": "org.apache.kafka.server.log.remote.storage.LocalTieredStorage",
        "rsm.config.dir": folder / "remote",
        "remote.log.metadata.manager.listener.name": "PLAINTEXT",
        "rlmm.config.remote.log.metadata.topic.replication.factor": 1,
        "rlmm.config.remote.log.metadata.topic.num.partitions": 2,
        "remote.log.manager.task.interval.ms": 500,
        "log.retention.check.interval.ms": 500,
    }
    (folder / "remote").mkdir()
    with Cluster(jars.NEWEST, folder / "brokers", brokers=3, racks=RACKS, config=config,
                 classpath=jars.test_jars(jars.NEWEST)) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def data(cluster):
    """Topic "wide" on all brokers, with committed and aborted records: about 8 MiB."""
    cluster.probe.create_topic("wide", 6, 3, **KEEP)
    cluster.probe.produce("wide", 7000, seed=1, **RECORD)
    cluster.probe.produce("wide", 300, seed=2, transactions="caa", batch_records=10)
    return "wide"


def backup(repo, cluster, topic, *args, **options):
    return repo("--json", "backup", "--bootstrap-server", cluster.bootstrap(), "--name", "b", "--topics", topic, *args, **options)


def by_broker(result):
    return {int(broker): size for broker, size in result.json["bytes_by_broker"].items()}


def test_near_replicas(cluster, data, repo, tmp_path):
    """All is read from the own rack's broker, and is what the leaders have."""
    near = backup(repo, cluster, data, "--rack", "c")
    sizes = by_broker(near)
    assert sizes[3] >= near.json["new_bytes"] > 6 * MIB
    assert not sizes.get(1) and not sizes.get(2)
    repo.verify("b", cluster=cluster)  # from the leaders

    # client.rack of a client.properties does the same, and without either the leaders are read.
    properties = tmp_path / "client.properties"
    properties.write_text(f"bootstrap.servers={cluster.bootstrap()}\nclient.rack=b\n")
    compared = repo("--json", "verify", "b", "--command-config", properties)
    assert set(by_broker(compared)) >= {2} and sum(by_broker(compared).values()) == by_broker(compared)[2]
    assert compared.json["ok"]
    leaders = Maxbrod(tmp_path / "leaders")
    leaders.init()
    far = backup(leaders, cluster, data)
    assert all(by_broker(far)[broker] > MIB for broker in (1, 2, 3))
    assert [near.json[f] for f in ("records", "bytes", "gaps")] == [far.json[f] for f in ("records", "bytes", "gaps")]
    assert repo("--json", "show", "b").json["topics"] == leaders("--json", "show", "b").json["topics"]


def test_a_near_replica_dies(cluster, data, repo):
    """The leaders have the rest."""
    cluster.probe.create_topic("dies", 3, 3, **KEEP)
    cluster.probe.produce("dies", 6000, seed=3, **RECORD)
    running = repo.start("--json", "backup", "--bootstrap-server", cluster.bootstrap(), "--name", "b", "--topics", "dies",
                         "--rack", "c", "--rate-limit", "1500KiB")
    time.sleep(2)
    cluster.kill(3)
    result = running.wait()
    assert result.code == 0, str(result)
    sizes = by_broker(result)
    assert sizes[3] > MIB / 2, sizes
    assert sizes.get(1, 0) + sizes.get(2, 0) > MIB, sizes
    repo.verify("b", cluster=cluster)
    cluster.restart(3)


def test_quotas_are_honoured_and_told(cluster, data, repo):
    """A run takes about as long as the brokers' quota for its client id says."""
    cluster.probe("set-quota", entity={"client-id": "maxbrod"}, quotas={"consumer_byte_rate": 2 * MIB})
    try:
        result = backup(repo, cluster, data, "--rack", "c")
    finally:
        cluster.probe("set-quota", entity={"client-id": "maxbrod"}, quotas={"consumer_byte_rate": None})
    told = result.json
    at_quota = told["new_bytes"] / 2 / MIB
    # A window's worth goes before the quota is felt, and a broker counts what it sent, in whole windows.
    assert at_quota * 0.5 - 2 < told["seconds"] < at_quota * 2 + 3, told
    assert told["seconds"] * 0.4 < told["throttled_seconds"] <= told["seconds"], told
    assert any("quotas held it back for" in line.get("note", "") for line in result.lines)
    repo.verify("b", cluster=cluster)


def test_limits_of_our_own(cluster, data, repo):
    """--rate-limit of all three verbs, --request-rate; and what is refused."""
    result = backup(repo, cluster, data, "--rate-limit", "3MiB")
    size = result.json["new_bytes"] / MIB
    assert size / 3 * 0.9 - 0.5 < result.json["seconds"] < size / 3 * 1.4 + 2, result.json
    assert result.json["throttled_seconds"] == 0
    compared = repo("--json", "verify", "b", "--bootstrap-server", cluster.bootstrap(), "--rate-limit", "4MiB").json
    assert size / 4 * 0.9 - 0.5 < compared["seconds"] < size / 4 * 1.4 + 3, compared
    restored = repo("--json", "restore", "b", "--bootstrap-server", cluster.bootstrap(), "--rename", "wide=limited",
                    "--rate-limit", "4MiB", "--request-rate", "100").json
    assert size / 4 * 0.9 - 0.5 < restored["produce_seconds"] < size / 4 * 1.5 + 3, restored
    repo("verify", "b", "--bootstrap-server", cluster.bootstrap(), "--rename", "wide=limited", "--no-groups")
    for flag, value, words in (("--rate-limit", "0", "the least is 64KiB"), ("--rate-limit", "-5", "is not a rate"),
                               ("--rate-limit", "5 parsecs", "is not a rate"), ("--request-rate", "0", "requests per second"),
                               ("--request-rate", "1.5", "requests per second")):
        refused = backup(repo, cluster, data, f"{flag}={value}", expect=2)
        assert words in refused.stderr, refused


def test_gentle(cluster, data, repo):
    """It finishes, and tells what it did."""
    told = backup(repo, cluster, data, "--gentle").json
    assert 0 < told["gentle_share"] <= 1 and told["gentle_reductions"] >= 0
    repo.verify("b", cluster=cluster)


def test_tiered_storage(cluster, data, repo, tmp_path):
    """Segments that only remote storage has are read alone, beside the local ones, and nothing is missing."""
    tiered = {**KEEP, "remote.storage.enable": "true", "segment.bytes": str(MIB), "local.retention.bytes": str(MIB)}
    cluster.probe.create_topic("tiered", 3, 3, **tiered)
    cluster.probe.produce("tiered", 12000, seed=4, **RECORD)
    cluster.probe.produce("tiered", 300, seed=5, transactions="caa", batch_records=10)

    def moved():
        """The first segments of each partition are gone from all disks."""
        logs = [cluster.segments(node, "tiered", p) for node in (1, 2, 3) for p in (0, 1, 2)]
        return all(segments and int(segments[0].stem) > 0 for segments in logs)

    trips.until(moved, what="segments did not go to remote storage")
    result = repo("--json", "backup", "--bootstrap-server", cluster.bootstrap(), "--name", "b", "--topics", f"tiered,{data}",
                  "--remote-reads", "1")
    assert result.json["remote_requests"] >= 3
    assert result.json["fetch_requests"] > result.json["remote_requests"]
    compared = repo("--json", "verify", "b", "--bootstrap-server", cluster.bootstrap(), "--rack", "a").json
    assert compared["ok"] and compared["remote_requests"] >= 3
    # What Kafka's own client sees is what is held.
    seen = sum(p["count"] for p in cluster.probe.dump(["tiered"]).values())
    assert seen > 12000 and result.json["records"] >= seen
