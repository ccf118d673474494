"""Ways in: TLS, SASL, ACLs; and what a user is told when one of them does not work."""

import subprocess

import pytest

from conftest import Clusters
from lib import certs, compare, jars
from lib.cluster import HOST, free_port

KEEP = {"retention.ms": "-1"}
USERS = {"keeper": "kept", "reader": "read"}
# What backup and restore need, and nothing more (docs/security.md lists it for operators).
BACKUP_RIGHTS = [("topic", "*", "READ"), ("topic", "*", "DESCRIBE"), ("topic", "*", "DESCRIBE_CONFIGS"),
                 ("group", "*", "DESCRIBE"), ("group", "*", "DESCRIBE_CONFIGS"),
                 ("cluster", "kafka-cluster", "DESCRIBE"), ("cluster", "kafka-cluster", "DESCRIBE_CONFIGS")]
RESTORE_RIGHTS = [*BACKUP_RIGHTS, ("topic", "*", "CREATE"), ("topic", "*", "WRITE"), ("topic", "*", "ALTER_CONFIGS"),
                  ("topic", "*", "DELETE"), ("topic", "*", "ALTER"), ("group", "*", "READ"),
                  ("cluster", "kafka-cluster", "IDEMPOTENT_WRITE")]


@pytest.fixture(scope="module")
def guarded(version, tmp_path_factory):
    """A cluster that asks for certificates, passwords and rights, with one topic in it."""
    factory = Clusters(tmp_path_factory.mktemp(f"guarded-{version}"))
    authority = certs.Authority(tmp_path_factory.mktemp("tls") / "ours")
    cluster = factory(version, listeners=("SSL", "SASL_SSL", "SASL_PLAINTEXT"), tls=authority, users=USERS, acls=True,
                      client_auth="requested")
    cluster.probe.create_topic("guarded", 2, **KEEP)
    cluster.probe.produce("guarded", 500, codec="lz4", headers=2)
    cluster.probe("commit-offsets", group="guarded.group", offsets={"guarded:0": 7})
    yield cluster
    factory.destroy()


def allow(cluster, user, rights):
    for resource, name, operation in rights:
        cluster.probe("create-acl", principal=f"User:{user}", resource=resource, name=name, operation=operation)


def properties(path, **values):
    """A Java client's client.properties with these lines; underscores stand for dots."""
    path.write_text("".join(f"{k.replace('_', '.')}={v}\n" for k, v in values.items()))
    return path


def jaas(module, user, password):
    return (f"org.apache.kafka.common.security.{module}LoginModule required "
            f'username="{user}" password="{password}";')


def sasl(path, mechanism="SCRAM-SHA-512", user="keeper", password="kept", protocol="SASL_PLAINTEXT", **more):
    module = "plain.Plain" if mechanism == "PLAIN" else "scram.Scram"
    return properties(path, security_protocol=protocol, sasl_mechanism=mechanism,
                      sasl_jaas_config=jaas(module, user, password), **more)


def backup(repo, cluster, listener, config, name="one", **options):
    return repo("backup", "--bootstrap-server", cluster.bootstrap(listener), "--name", name, "--command-config", config,
                **options)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_sasl(guarded, repo, tmp_path, mechanism, protocol):
    """Each mechanism with and without TLS, with the rights a backup needs and no others."""
    allow(guarded, "keeper", BACKUP_RIGHTS)
    config = sasl(tmp_path / "client.properties", mechanism, protocol=protocol,
                  ssl_truststore_type="PEM", ssl_truststore_location=guarded.tls.ca)
    backup(repo, guarded, protocol, config)
    repo.verify("one")


@pytest.mark.parametrize("kind", ["PEM", "PKCS12"])
def test_client_certificate(guarded, repo, tmp_path, kind):
    """A certificate is a user: without rights it sees nothing, with them it backs up."""
    name = f"client-{kind.lower()}"
    guarded.tls.issue(name)
    if kind == "PEM":
        stores = {"ssl_keystore_location": guarded.tls.folder / f"{name}.pem", "ssl_truststore_location": guarded.tls.ca}
    else:
        stores = {"ssl_keystore_location": guarded.tls.pkcs12(name, "changeit"), "ssl_keystore_password": "changeit",
                  "ssl_truststore_location": guarded.tls.pkcs12(name, "changeit", certs_only=True),
                  "ssl_truststore_password": "changeit"}
    config = properties(tmp_path / "client.properties", security_protocol="SSL", ssl_keystore_type=kind,
                        ssl_truststore_type=kind, **stores)
    allow(guarded, f"CN={name}", BACKUP_RIGHTS)
    backup(repo, guarded, "SSL", config)
    repo.verify("one")


def test_least_rights_round_trip(guarded, clusters, version, repo, tmp_path):
    """Restore with the documented rights, over SASL_SSL."""
    target = clusters(version, "target", listeners=("SASL_SSL",), tls=guarded.tls, users=USERS, acls=True)
    allow(guarded, "keeper", BACKUP_RIGHTS)
    allow(target, "keeper", RESTORE_RIGHTS)
    config = sasl(tmp_path / "client.properties", protocol="SASL_SSL", ssl_truststore_type="PEM",
                  ssl_truststore_location=guarded.tls.ca)
    backup(repo, guarded, "SASL_SSL", config)
    repo("restore", "one", "--bootstrap-server", target.bootstrap("SASL_SSL"), "--command-config", config)
    assert compare.differences(compare.fingerprint(guarded.probe, ["guarded"]),
                               compare.fingerprint(target.probe, ["guarded"])) == []
    assert target.probe("groups")["guarded.group"]["offsets"] == {"guarded:0": [7, ""]}


def test_missing_rights(guarded, repo, tmp_path):
    """The topic and the operation that is missing are named; nothing half made is left as a snapshot."""
    guarded.probe.create_topic("secret", 1, **KEEP)
    guarded.probe.produce("secret", 10)
    allow(guarded, "reader", [r for r in BACKUP_RIGHTS if r[0] != "topic"])
    allow(guarded, "reader", [("topic", "secret", "DESCRIBE"), ("topic", "secret", "DESCRIBE_CONFIGS")])
    config = sasl(tmp_path / "client.properties", user="reader", password="read")
    result = repo("backup", "--bootstrap-server", guarded.bootstrap("SASL_PLAINTEXT"), "--name", "one",
                  "--command-config", config, "--topics", "secret", expect=None)
    said = result.stdout + result.stderr
    assert result.code in (9, 20) and "secret" in said and "Read" in said, result


def test_bad_password(guarded, repo, tmp_path):
    """Exit code 8, who was refused, and never the password."""
    for mechanism in ("PLAIN", "SCRAM-SHA-256"):
        config = sasl(tmp_path / "client.properties", mechanism, password="wr0ng-Secret")
        result = backup(repo, guarded, "SASL_PLAINTEXT", config, expect=8, timeout=60)
        assert "keeper" in result.stderr and "wr0ng-Secret" not in result.stdout + result.stderr


def test_unreachable(repo):
    """Nobody listens there."""
    address = f"{HOST}:{free_port()}"
    result = repo("backup", "--bootstrap-server", address, "--name", "one", expect=6, timeout=180)
    assert address in result.stderr


def test_wrong_port(guarded, repo, tmp_path):
    """Plain text spoken to a TLS port and the reverse: the message says which of the two it is."""
    result = repo("backup", "--bootstrap-server", guarded.bootstrap("SSL"), "--name", "one", expect=None, timeout=180)
    assert result.code in (6, 10, 11) and "TLS" in result.stderr
    config = properties(tmp_path / "client.properties", security_protocol="SSL", ssl_truststore_type="PEM",
                        ssl_truststore_location=guarded.tls.ca)
    result = backup(repo, guarded, "PLAINTEXT", config, expect=None, timeout=180)
    assert result.code in (6, 10) and "PLAINTEXT" in result.stderr


def test_certificates_not_to_trust(guarded, clusters, version, repo, tmp_path):
    """An authority we do not know, a name that is not the broker's, a certificate that has expired."""
    stranger = certs.Authority(tmp_path / "stranger")
    config = properties(tmp_path / "client.properties", security_protocol="SSL", ssl_truststore_type="PEM",
                        ssl_truststore_location=stranger.ca)
    result = backup(repo, guarded, "SSL", config, expect=10, timeout=60)
    assert "certificate" in result.stderr
    expired = certs.Authority(tmp_path / "expired", broker_days=-1)
    cluster = clusters(version, "expired", listeners=("SSL",), tls=expired)
    config = properties(tmp_path / "client.properties", security_protocol="SSL", ssl_truststore_type="PEM",
                        ssl_truststore_location=expired.ca)
    result = backup(repo, cluster, "SSL", config, expect=10, timeout=60)
    assert "expired" in result.stderr


def test_jks_is_refused_with_the_way_out(guarded, repo, tmp_path):
    """JKS stores are Java's own; keytool converts them."""
    store = tmp_path / "trust.jks"
    subprocess.run([jars.JVM / "keytool", "-importcert", "-noprompt", "-storetype", "JKS", "-alias", "ca", "-file",
                    guarded.tls.ca, "-keystore", store, "-storepass", "changeit"], check=True, capture_output=True)
    config = properties(tmp_path / "client.properties", security_protocol="SSL", ssl_truststore_type="JKS",
                        ssl_truststore_location=store, ssl_truststore_password="changeit")
    result = backup(repo, guarded, "SSL", config, expect=None)
    assert result.code in (2, 16) and "keytool" in result.stderr
