"""The harness itself: brokers start, die and come back, and Kafka's client and kcat agree on what is in them."""

import time

import pytest

from lib import certs, compare, kcat
from lib.probe import Probe, ProbeError

SHAPE = {"seed": 7, "headers": 3, "null_keys": 0.1, "null_values": 0.1, "value_max": 200, "time": 1_500_000_000_000}


def test_client_and_kcat_agree(pair):
    """The same records from both, at the same offsets, from a log that starts above 0."""
    probe = pair.source.probe
    probe.create_topic("agree", 2, **{"retention.ms": "-1"})
    sent = probe.produce("agree", 1000, codec="lz4", **SHAPE)
    assert sent["0"] == {"first": 0, "last": 499, "count": 500}
    probe("delete-records", topic="agree", partition=0, before=123)
    assert probe.offsets("agree")["agree"] == {
        0: {"begin": 123, "end": 500, "stable": 500}, 1: {"begin": 0, "end": 500, "stable": 500}}
    dump = probe.dump(["agree"])
    for partition, count in ((0, 377), (1, 500)):
        records = kcat.records(pair.source, "agree", partition)
        assert len(records) == count == dump[f"agree:{partition}"]["count"]
        assert records[0][0] == dump[f"agree:{partition}"]["first"]
        assert records[-1][0] == dump[f"agree:{partition}"]["last"]
    assert probe.own_configs("agree") == {"agree": {"retention.ms": "-1"}}


def test_same_seed_same_digest(pair, tmp_path):
    """Two clusters that were fed the same are equal; one record more is a difference, and shown."""
    for cluster in (pair.source, pair.target):
        cluster.probe.create_topic("twin", **{"retention.ms": "-1"})  # its records are old
        cluster.probe.produce("twin", 300, codec="zstd", **SHAPE)
    one = compare.fingerprint(pair.source.probe, ["twin"], tmp_path / "one")
    assert compare.differences(one, compare.fingerprint(pair.target.probe, ["twin"])) == []
    pair.target.probe.produce("twin", 1)
    other = compare.fingerprint(pair.target.probe, ["twin"], tmp_path / "other")
    assert len(compare.differences(one, other)) == 3  # offsets, and the records under both isolation levels


def test_transactions_and_groups(pair):
    """Aborted records are there under read_uncommitted only; groups keep offsets and metadata."""
    probe = pair.source.probe
    probe.create_topic("tx")
    probe.produce("tx", 300, transactions="ca", batch_records=100)
    assert probe.dump(["tx"])["tx:0"]["count"] == 300
    assert probe.dump(["tx"], isolation="read_committed")["tx:0"]["count"] == 200
    assert probe.offsets("tx")["tx"][0]["end"] == 303
    assert len(kcat.records(pair.source, "tx")) == 200
    probe("commit-offsets", group="idle", offsets={"tx:0": [17, "where I was"]})
    probe("consumer-start", id="c", group="busy", topics=["tx"])
    deadline = time.monotonic() + 30
    while probe("consumer-status", id="c")["partitions"].get("tx:0", {}).get("count") != 300:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    groups = probe("groups")
    assert groups["idle"] == {"state": "Empty", "members": 0, "offsets": {"tx:0": [17, "where I was"]}}
    assert groups["busy"]["state"] == "Stable" and groups["busy"]["members"] == 1
    probe("consumer-stop", id="c")


def test_three_brokers_lose_one(clusters, version):
    """Racks are known, a broker killed leaves the cluster serving, and comes back with its data."""
    cluster = clusters(version, brokers=3, racks=["a", "b", "c"])
    probe = cluster.probe
    assert sorted(b["rack"] for b in probe("cluster")["brokers"]) == ["a", "b", "c"]
    probe.create_topic("kept", 1, 3, **{"min.insync.replicas": "2"})
    before = probe.produce("kept", 100)
    cluster.kill(2)
    probe.produce("kept", 100)
    cluster.restart(2)
    assert before["0"]["count"] == 100 and probe.dump(["kept"])["kept:0"]["count"] == 200
    probe("reassign", topic="kept", replicas=[2, 3, 1])
    deadline = time.monotonic() + 30
    while probe("describe-topics", topics=["kept"])["kept"]["partitions"][0]["leader"] != 2:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_listeners(clusters, version, tmp_path):
    """TLS with client certificates, SASL by PLAIN and SCRAM, and ACLs hold for others than the harness."""
    authority = certs.Authority(tmp_path / "tls")
    cluster = clusters(version, listeners=("SSL", "SASL_SSL"), tls=authority, users={"ann": "secret"}, acls=True,
                       client_auth="required")
    cluster.probe.create_topic("guarded")
    client = {"ssl.truststore.type": "PEM", "ssl.truststore.location": authority.ca, "ssl.keystore.type": "PEM",
              "ssl.keystore.location": authority.issue("client")}
    for listener, protocol in (("SSL", {"security.protocol": "SSL"}), *(
            ("SASL_SSL", {"security.protocol": "SASL_SSL", "sasl.mechanism": mechanism, "sasl.jaas.config":
                          f"org.apache.kafka.common.security.{module}LoginModule required "
                          'username="ann" password="secret";'})
            for mechanism, module in (("PLAIN", "plain.Plain"), ("SCRAM-SHA-512", "scram.Scram")))):
        stranger = Probe(version, cluster.bootstrap(listener), tmp_path / "stranger.log", **client, **protocol)
        assert stranger("cluster")["id"] == cluster.id
        with pytest.raises(ProbeError, match="TopicAuthorizationException"):
            stranger.dump(["guarded"])
        stranger.close()
