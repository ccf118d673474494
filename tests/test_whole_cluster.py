"""A whole cluster, rights and quotas and users included, comes back on one of another size."""

import os

import pytest

from lib import jars, tools
from lib.maxbrod import Maxbrod

# How many topics have how many partitions: 300 topics, 1,010 partitions.
WIDTHS = {1: 150, 2: 70, 3: 40, 6: 25, 12: 10, 25: 3, 50: 2}
GROUPS = 200
USERS = {"alice": "alice-secret", "bob": "bob-secret", "carol": "carol-secret"}
QUOTAS = [
    ({"user": "alice"}, {"producer_byte_rate": 1048576, "consumer_byte_rate": 2097152}),
    ({"user": "alice", "client-id": "loader"}, {"request_percentage": 50}),
    ({"user": None}, {"consumer_byte_rate": 8388608}),
    ({"client-id": None}, {"producer_byte_rate": 4194304}),
    ({"ip": "10.1.2.3"}, {"connection_creation_rate": 20}),
]


def topics():
    number = 0
    for width, count in WIDTHS.items():
        for _ in range(count):
            yield f"t{number:03d}", width
            number += 1


def fill(source):
    """Topics with records and configs, groups, ACLs, quotas."""
    probe = source.probe
    fresh, filled = [], []
    for number, (topic, width) in enumerate(topics()):
        configs = {"retention.ms": "-1"}
        if number % 5 == 0:
            configs["cleanup.policy"] = "compact"
        if number % 7 == 0:
            configs["segment.bytes"] = str((2 + number) << 20)
        fresh.append({"topic": topic, "partitions": width, "rf": 2, "configs": configs})
        if number % 3 == 0 or width > 12:
            filled.append((topic, width))
    probe("create-topics", topics=fresh)
    for topic, width in filled:
        probe.produce(topic, 4 * width, keys=7)
    for number in range(GROUPS):
        offsets = {}
        for topic, width in (filled[number % len(filled)], filled[-1 - number % 7]):
            offsets |= {f"{topic}:{p}": [(number + p) % 4, f"m{p}"] for p in range(width)}
        probe("commit-offsets", group=f"g{number:03d}", offsets=offsets)
    for number, user in enumerate(USERS):
        for operation in ("READ", "WRITE", "DESCRIBE"):
            probe("create-acl", resource="TOPIC", name=f"t{number}", prefixed=True, principal=f"User:{user}",
                  operation=operation)
        probe("create-acl", resource="GROUP", name=f"g{number:03d}", principal=f"User:{user}", operation="READ")
    probe("create-acl", resource="TOPIC", name="t007", principal="User:bob", operation="ALL", deny=True)
    probe("create-acl", resource="TOPIC", name="t008", principal="User:stranger", operation="READ")
    for entity, quotas in QUOTAS:
        probe("set-quota", entity=entity, quotas=quotas)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    from conftest import Clusters

    factory = Clusters(tmp_path_factory.mktemp("whole"))
    sasl = {"listeners": ("SASL_PLAINTEXT",), "acls": True, "heap_mb": 512}
    factory.source = factory(jars.NEWEST, "source", brokers=3, racks=["a", "b", "c"], users=USERS, **sasl)
    factory.target = factory(jars.NEWEST, "target", brokers=1, users={"admin": "admin-secret"}, **sasl)
    fill(factory.source)
    yield factory
    factory.destroy()


def user_configs(cluster):
    """What kafka-configs says of users, clients and addresses: quotas and SCRAM mechanisms.

    It prints a hash map's values in the map's order, which differs from one JVM to the next.
    """
    lines = []
    for kind in ("users", "clients", "ips"):
        out = cluster.tool(tools.CONFIGS, "--describe", "--entity-type", kind)
        for line in out.splitlines():
            if line.strip() and "admin" not in line:
                entity, are, values = line.partition(" are ")
                lines.append(entity + are + ", ".join(sorted(values.split(", "))))
    return sorted(lines)


def test_comes_back_whole(pair, tmp_path):
    repo = Maxbrod(tmp_path / "repo")
    repo.init()
    backup = repo.backup(pair.source, "whole", "--json")
    passwords = tmp_path / "passwords"
    passwords.write_text("".join(f"{user}:{password}\n" for user, password in USERS.items()))
    os.chmod(passwords, 0o600)
    shape = ("--parts", "all", "--replication-factor", "fit", "--scram-passwords", passwords)
    planned = repo.restore(pair.target, "whole", *shape, "--dry-run", "--json").json
    assert len(planned["topics"]) == 300 and len(planned["groups"]) == GROUPS
    done = repo.restore(pair.target, "whole", *shape, "--json").json
    print(f"300 topics, 1,010 partitions, {GROUPS} groups: backup {backup.json['seconds']:.1f} s, "
          f"restore {done['seconds']:.1f} s")

    # By our own comparison: nothing differs but the replicas, as it was asked, and the target's own user.
    compared = repo("diff", "whole", "--bootstrap-server", pair.target.bootstrap(), "--json", expect=None)
    found = next(line for line in compared.lines if "differences" in line)["differences"]
    replicas = [d for d in found if d["what"] == "replication factor"]
    assert len(replicas) == 300 and {(d["before"], d["after"]) for d in replicas} == {("2", "1")}
    admins = [d for d in found if d["area"] == "users" and d["change"] == "added" and "admin" in d["object"]]
    assert [d for d in found if d not in replicas + admins] == []
    # By Kafka's own tools.
    assert tools.offsets(pair.source) == tools.offsets(pair.target)
    assert tools.groups(pair.source) == tools.groups(pair.target)
    assert tools.configs(pair.source) == tools.configs(pair.target)
    assert pair.source.probe("describe-acls") == pair.target.probe("describe-acls")
    assert user_configs(pair.source) == user_configs(pair.target)
    # A restored user gets in with its password.
    login = tmp_path / "bob.properties"
    login.write_text("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-512\n"
                     "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
                     'username="bob" password="bob-secret";\n')
    listed = jars.tool(jars.NEWEST, tools.OFFSETS, "--bootstrap-server", pair.target.bootstrap("SASL_PLAINTEXT"),
                       "--command-config", login, "--topic", "t100")
    assert "t100:0:" in listed
    again = repo.restore(pair.target, "whole", *shape, "--json").json
    assert again["already_done"]
