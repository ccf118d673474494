"""ACLs, quotas, SCRAM users and dynamic configs: in a snapshot, and back through Kafka's own eyes."""

import time

import pytest

from conftest import Clusters
from lib import jars
from lib.maxbrod import Maxbrod

SHARE_TOOL = "org.apache.kafka.tools.consumer.group.ShareGroupCommand"
KEEP = {"retention.ms": "-1"}
# What the backup of everything needs (docs/operations.md).
RIGHTS = [("topic", "*", "READ"), ("topic", "*", "DESCRIBE"), ("topic", "*", "DESCRIBE_CONFIGS"),
          ("group", "*", "DESCRIBE"), ("group", "*", "DESCRIBE_CONFIGS"), ("cluster", "kafka-cluster", "DESCRIBE"),
          ("cluster", "kafka-cluster", "DESCRIBE_CONFIGS")]
ACLS = [("User:alice", "READ", "topic", "orders", {}), ("User:alice", "WRITE", "topic", "orders", {}),
        ("User:bob", "READ", "topic", "orders-", {"prefixed": True}),
        ("User:bob", "DELETE", "topic", "orders", {"deny": True}), ("User:*", "DESCRIBE", "topic", "*", {}),
        ("User:alice", "READ", "group", "app", {}), ("User:alice", "WRITE", "transactional_id", "tx", {}),
        ("User:CN=ops", "ALTER", "cluster", "kafka-cluster", {})]
QUOTAS = [({"user": "alice"}, {"producer_byte_rate": 1048576, "consumer_byte_rate": 2e9}),
          ({"user": None}, {"request_percentage": 12.5}), ({"client-id": "app"}, {"producer_byte_rate": 1000}),
          ({"user": "alice", "client-id": None}, {"consumer_byte_rate": 77}),
          ({"ip": "10.1.2.3"}, {"connection_creation_rate": 5}), ({"ip": None}, {"connection_creation_rate": 90})]
USERS = [("alice", "SCRAM-SHA-256", 8192), ("alice", "SCRAM-SHA-512", 4096), ("bob", "SCRAM-SHA-512", 5000)]
GROUPS = {"app": {"consumer.session.timeout.ms": "50000"}, "nobody-yet": {"consumer.heartbeat.interval.ms": "6000"},
          "shared": {"share.record.lock.duration.ms": "20000"}}
METRICS = {"slow": {"interval.ms": "60000", "metrics": "org.apache.kafka.producer."}}
BROKERS = {"": {"log.cleaner.backoff.ms": "2500", "message.max.bytes": "2000000"}}


def seen(cluster):
    """Everything this suite is about, as Kafka's Java client sees it."""
    probe = cluster.probe
    return {"acls": probe("describe-acls"), "quotas": probe("describe-quotas"), "users": probe("describe-scram"),
            "groups": probe("describe-resources", type="GROUP", names=list(GROUPS)),
            "metrics": probe("describe-resources", type="CLIENT_METRICS", names=list(METRICS))}


def becomes(read, wanted, seconds=30):
    """Brokers hear of a change from the controller a moment after it was answered."""
    deadline = time.monotonic() + seconds
    while (last := read()) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    assert last == wanted


def fill(cluster):
    probe = cluster.probe
    for principal, operation, resource, name, more in ACLS:
        probe("create-acl", principal=principal, operation=operation, resource=resource, name=name, **more)
    for resource, name, operation in RIGHTS:
        probe("create-acl", principal="User:keeper", operation=operation, resource=resource, name=name)
    for entity, quotas in QUOTAS:
        probe("set-quota", entity=entity, quotas=quotas)
    for user, mechanism, iterations in USERS:
        probe("alter-scram", user=user, mechanism=mechanism, iterations=iterations, password=f"{user}-secret")
    for kind, resources in (("GROUP", GROUPS), ("CLIENT_METRICS", METRICS), ("BROKER", BROKERS)):
        for name, configs in resources.items():
            probe("alter-resource", type=kind, name=name, set=configs)
    becomes(lambda: len(probe("describe-acls")), len(ACLS) + len(RIGHTS))
    becomes(lambda: seen(cluster)["groups"], GROUPS)
    probe.create_topic("orders", 2, **KEEP)
    probe.produce("orders", 60)
    probe("commit-offsets", group="app", offsets={"orders:0": 7})
    cluster.tool(SHARE_TOOL, "--reset-offsets", "--group", "shared", "--topic", "orders", "--to-latest", "--execute")


@pytest.fixture(scope="module")
def governed(tmp_path_factory):
    """A guarded cluster with all of it, its snapshot "one", and a guarded cluster that is empty."""
    factory = Clusters(tmp_path_factory.mktemp("governed"))
    factory.source = factory(jars.NEWEST, "source", listeners=("SASL_PLAINTEXT",), users={"keeper": "kept"}, acls=True)
    factory.target = factory(jars.NEWEST, "target", listeners=("SASL_PLAINTEXT",), acls=True)
    fill(factory.source)
    factory.repo = Maxbrod(tmp_path_factory.mktemp("repository") / "repo")
    factory.repo.init()
    config = login(tmp_path_factory.mktemp("client") / "keeper.properties", "keeper", "kept")
    factory.repo("backup", "--bootstrap-server", factory.source.bootstrap("SASL_PLAINTEXT"), "--command-config", config,
                 "--name", "one")
    yield factory
    factory.destroy()


def login(path, user, password, mechanism="SCRAM-SHA-512"):
    path.write_text(f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism={mechanism}\n"
                    "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
                    f'username="{user}" password="{password}";\n')
    return path


def restore(governed, *args, cluster=None, snapshot="one", **options):
    target = cluster or governed.target
    return governed.repo("metadata", "restore", snapshot, "--bootstrap-server", target.bootstrap(), "--json", *args,
                         **options)


def passwords(folder, mode=0o600):
    path = folder / "passwords"
    path.write_text("# the users of the source\nalice:SCRAM-SHA-256:alice-256\nalice:alice-any\nbob:bob:with:colons\n"
                    "keeper:kept\n")
    path.chmod(mode)
    return path


def test_snapshot(governed):
    """The documented rights see all of it; `show` tells it in 100 columns."""
    shown = governed.repo("show", "one", "--json").json
    metadata = shown["metadata"]
    assert metadata["missing"] == []
    acls = governed.source.probe("describe-acls")
    assert len(metadata["acls"]) == len(acls) == len(ACLS) + len(RIGHTS)
    assert {"resource_type": "Topic", "resource_name": "orders", "pattern_type": "literal", "principal": "User:bob",
            "host": "*", "operation": "Delete", "permission": "Deny"} in metadata["acls"]
    quotas = {frozenset(q["entity"].items()): q["values"] for q in metadata["quotas"]}
    assert quotas == {frozenset(entity.items()): values for entity, values in QUOTAS}
    users = {u["user"]: [f"{c['mechanism']} {c['iterations']}" for c in u["credentials"]] for u in metadata["scram_users"]}
    assert users == governed.source.probe("describe-scram")
    configs = {(c["type"], c["name"]): c["configs"] for c in metadata["dynamic_configs"]}
    assert configs["client_metrics", "slow"] == METRICS["slow"] and configs["broker", ""].items() >= BROKERS[""].items()
    groups = {g["group"]: g for g in shown["groups"]}
    configs.update({("group", name): g["configs"] for name, g in groups.items()})
    assert all(configs["group", name] == wanted for name, wanted in GROUPS.items())
    assert sorted((o["topic"], o["partition"], o["offset"]) for o in groups["shared"]["offsets"]) == share_offsets(governed.source)
    levels = {f["name"]: f["level"] for f in metadata["features"]}
    assert levels["metadata.version"] > 20
    assert metadata["quorum"]["leader"] == 1 and [r["id"] for r in metadata["quorum"]["replicas"] if r["voter"]] == [1]
    (disk,) = metadata["log_dirs"]
    assert disk["broker"] == 1 and disk["replicas"] >= 2 and disk["total_bytes"] > disk["replica_bytes"] > 0
    for args in ([], ["--metadata"]):
        text = governed.repo("show", "one", *args).stdout
        assert "15 ACLs, 6 quotas, 3 SCRAM users" in text and "metadata.version" in text
        assert [line for line in text.splitlines() if len(line) > 100 and str(governed.source.folder) not in line] == []
    assert "transactional" not in governed.repo("show", "one").stdout.lower()
    assert "TransactionalId" in text and "(all)" in text and "client-id=<default>, user=alice" in text


def share_offsets(cluster):
    """[(topic, partition, start offset)] of the group "shared", as Kafka's tool prints them."""
    lines = cluster.tool(SHARE_TOOL, "--describe", "--offsets", "--group", "shared").splitlines()
    rows = [line.split() for line in lines if line.startswith("shared")]
    return sorted((row[1], int(row[2]), int(row[3])) for row in rows)


def test_restore(governed, tmp_path):
    """A plan that touches nothing; all of it as on the source; a second run has nothing to do."""
    before = seen(governed.target)
    plan = restore(governed, "--dry-run").json
    assert seen(governed.target) == before and plan["refused"] is False
    actions = {(i["kind"], i["name"]): i["action"] for i in plan["items"]}
    assert actions["acls", "Topic:orders"] == actions["quota", "user=<default>"] == "create"
    assert actions["user", "alice"] == "set_again" and plan["counts"]["set_again"] == 3
    restored = restore(governed, "--only", "acls,quotas,configs").json
    assert restored["failed"] == restored["warnings"] == []
    source = seen(governed.source)
    becomes(lambda: seen(governed.target), {**source, "users": before["users"]})
    # Users: named with the command to use, then set from a file that others may not read.
    listed = restore(governed, "--only", "users").json
    assert any("--entity-name 'bob' --add-config 'SCRAM-SHA-512=[iterations=5000,password=...]'" in c
               for c in listed["set_again"])
    refused = restore(governed, "--scram-passwords", passwords(tmp_path, 0o640), expect=None)
    assert refused.code == 9 and "chmod 600" in refused.stdout + refused.stderr
    made = restore(governed, "--scram-passwords", passwords(tmp_path))
    assert "alice-" not in made.stdout + made.stderr and made.json["created"] == 3
    becomes(lambda: seen(governed.target), source)
    again = restore(governed, "--scram-passwords", passwords(tmp_path)).json
    assert again["created"] == again["overwritten"] == again["skipped"] == 0 and again["same"] > 15
    assert again["set_again"] == again["failed"] == []
    for user, password, mechanism in (("alice", "alice-256", "SCRAM-SHA-256"), ("alice", "alice-any", "SCRAM-SHA-512"),
                                      ("bob", "bob:with:colons", "SCRAM-SHA-512")):
        config = login(tmp_path / "client.properties", user, password, mechanism)
        tried = governed.repo("doctor", "--bootstrap-server", governed.target.bootstrap("SASL_PLAINTEXT"), "--command-config",
                              config, expect=None)
        assert tried.code != 8 and "SASL_AUTHENTICATION_FAILED" not in tried.stdout + tried.stderr, tried


def test_broker_configs(governed):
    """Only when asked for, and only the cluster's."""
    described = {"type": "BROKER", "names": [""]}
    assert governed.target.probe("describe-resources", **described)[""].get("message.max.bytes") is None
    done = restore(governed, "--only", "configs", "--broker-configs").json
    assert done["failed"] == [] and done["created"] >= 2
    becomes(lambda: governed.target.probe("describe-resources", **described),
            governed.source.probe("describe-resources", **described))


def test_policies(governed):
    """What differs: skipped, refused before anything is touched, overwritten; ACLs of renamed topics follow."""
    probe = governed.target.probe
    restore(governed, "--only", "acls,quotas")
    quotas, acls = governed.source.probe("describe-quotas"), governed.source.probe("describe-acls")
    becomes(lambda: probe("describe-quotas"), quotas)
    becomes(lambda: probe("describe-acls"), acls)
    probe("set-quota", entity={"client-id": "app"}, quotas={"producer_byte_rate": 5, "consumer_byte_rate": 6})
    probe("create-acl", principal="User:mallory", operation="WRITE", resource="topic", name="orders")
    becomes(lambda: len(probe("describe-acls")), len(acls) + 1)
    changed = seen(governed.target)
    args = ["--only", "acls,quotas"]
    assert restore(governed, *args).json["skipped"] == 2 and seen(governed.target) == changed
    refused = restore(governed, *args, "--if-exists", "quotas=fail", expect=None)
    assert refused.code == 4 and "client-id=app" in refused.stdout + refused.stderr and seen(governed.target) == changed
    assert restore(governed, *args, "--if-exists", "overwrite").json["overwritten"] == 2
    becomes(lambda: probe("describe-acls"), acls)
    becomes(lambda: probe("describe-quotas"), quotas)
    restore(governed, "--only", "acls", "--rename", "orders=orders2")
    becomes(lambda: len([a for a in probe("describe-acls") if "name=orders2," in a]), 3)


@pytest.mark.parametrize("step", ["metadata.after_users", "metadata.after_quotas", "metadata.after_configs",
                                  "metadata.after_create_acls"])
def test_killed(governed, tmp_path, step):
    """Killed between its steps, the same command does what is left."""
    entity = {"user": "killed-" + step}
    governed.source.probe("set-quota", entity=entity, quotas={"producer_byte_rate": 9})
    governed.source.probe("create-acl", principal="User:alice", operation="READ", resource="topic", name=step)
    becomes(lambda: any(f"name={step}," in acl for acl in governed.source.probe("describe-acls")), True)
    name = step.replace(".", "-")
    governed.repo.backup(governed.source, name, "--topics", "orders")
    args = {"snapshot": name, "expect": None}
    assert restore(governed, **args, env={"MAXBROD_CRASH_AT": step}).code == 137
    assert restore(governed, **{**args, "expect": 0}).json["failed"] == []
    becomes(lambda: governed.target.probe("describe-quotas"), governed.source.probe("describe-quotas"))
    acls = set(governed.source.probe("describe-acls"))
    becomes(lambda: acls - set(governed.target.probe("describe-acls")), set())


def test_share_offsets(governed):
    """Share groups begin where they began, once the topics are there."""
    governed.target.probe.create_topic("orders", 2, **KEEP)
    governed.target.probe.produce("orders", 60)
    done = restore(governed, "--only", "share-offsets").json
    assert done["created"] == 1 and done["failed"] == [], done
    assert share_offsets(governed.target) == share_offsets(governed.source)
    assert restore(governed, "--only", "share-offsets").json["same"] == 1


def test_older_without_authorizer(governed, clusters):
    """Kafka 3.9 without an authorizer: as a source it says what is missing, as a target what it cannot take."""
    old = clusters("3.9.2", "old")
    old.probe("set-quota", entity={"user": "carol"}, quotas={"producer_byte_rate": 3})
    old.probe("alter-scram", user="carol", mechanism="SCRAM-SHA-256", iterations=4096, password="c")
    old.probe("alter-resource", type="CLIENT_METRICS", name="slow", set=METRICS["slow"])
    old.probe.create_topic("t", 1)
    old.probe("commit-offsets", group="g", offsets={"t:0": 0})
    becomes(lambda: list(old.probe("describe-scram")), ["carol"])
    governed.repo.backup(old, "old")
    shown = governed.repo("show", "old", "--json").json
    missing = {m["part"]: m for m in shown["metadata"]["missing"]}
    assert set(missing) == {"acls", "group_configs"} and missing["acls"]["kafka_error"] == 54
    assert shown["metadata"]["quotas"] == [{"entity": {"user": "carol"}, "values": {"producer_byte_rate": 3}}]
    assert shown["metadata"]["scram_users"][0]["user"] == "carol"
    assert shown["metadata"]["dynamic_configs"] == [{"type": "client_metrics", "name": "slow", "configs": METRICS["slow"]}]
    assert missing["group_configs"]["reason"] == "the cluster's version has no configs of groups"
    text = governed.repo("show", "old").stdout
    assert "missing      acls: " in text and all(len(line) <= 100 for line in text.splitlines())
    done = restore(governed, cluster=old).json
    assert any("no authorizer" in w for w in done["warnings"]) and done["failed"] == []
    assert any("group_configs of 3 are not restored: the cluster's version has no" in w for w in done["warnings"]), done
    becomes(lambda: len(old.probe("describe-quotas")), 1 + len(QUOTAS))
    assert old.probe("describe-quotas")["{user=alice}"] == QUOTAS[0][1]
