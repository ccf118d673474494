"""Clusters found by ARN, users in secrets, and tokens on a real broker."""

import time

import pytest

from conftest import Clusters
from lib import certs
from lib.aws_stub import AwsStub
from lib.aws_tool import environment

MODULE = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
KEEP = {"retention.ms": "-1"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A broker that takes unsecured tokens for four seconds a session, and SCRAM over TLS."""
    factory = Clusters(tmp_path_factory.mktemp("tokens"))
    authority = certs.Authority(tmp_path_factory.mktemp("tls") / "ours")
    prefix = "listener.name.sasl_plaintext"
    made = factory(name="cluster", listeners=("SASL_PLAINTEXT", "SASL_SSL"), tls=authority, users={"keeper": "kept"}, config={
        f"{prefix}.sasl.enabled.mechanisms": "OAUTHBEARER",
        f"{prefix}.oauthbearer.sasl.jaas.config": f'{MODULE} required unsecuredLoginStringClaim_sub="broker";',
        f"{prefix}.oauthbearer.sasl.server.callback.handler.class":
            "org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler",
        f"{prefix}.oauthbearer.connections.max.reauth.ms": 4000,
    })
    made.probe.create_topic("orders", 2, **KEEP)
    made.probe.produce("orders", 500)
    yield made
    factory.destroy()


def properties(path, *lines):
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def tokens(path, options, *more):
    return properties(path, "security.protocol=SASL_PLAINTEXT", "sasl.mechanism=OAUTHBEARER",
                      f"sasl.jaas.config={MODULE} required {options};", *more)


def connections_to(port):
    """The local ports of established connections to this port of loopback."""
    found = set()
    for line in open("/proc/net/tcp", encoding="ascii").readlines()[1:]:
        _, local, remote, state = line.split()[:4]
        if state == "01" and int(remote.partition(":")[2], 16) == port:
            found.add(int(local.partition(":")[2], 16))
    return found


def test_unsecured_tokens(cluster, repo, tmp_path):
    config = tokens(tmp_path / "c", 'unsecuredLoginStringClaim_sub="alice"')
    repo("backup", "--bootstrap-server", cluster.bootstrap("SASL_PLAINTEXT"), "--name", "one", "--command-config", config)
    repo.verify("one")


def test_sessions_are_renewed_in_mid_run(cluster, repo, tmp_path):
    """A run over several lifetimes of a session (KIP-368), each with a new token: nothing breaks, nothing is missing."""
    cluster.probe.create_topic("slow", 1, **KEEP)
    cluster.probe.produce("slow", 3000, value_min=2000, value_max=2000)
    with AwsStub() as stub:
        stub.clients["svc"] = "s3cret"
        stub.jwt_seconds = 4
        config = tokens(tmp_path / "c", 'clientId="svc" clientSecret="s3cret"',
                        f"sasl.oauthbearer.token.endpoint.url={stub.endpoint}/token")
        run = repo.start("backup", "--bootstrap-server", cluster.bootstrap("SASL_PLAINTEXT"), "--name", "one",
                         "--command-config", config, "--topics", "slow", "--rate-limit", "400k")
        seen, before = [], time.monotonic()
        while run.process.poll() is None:
            seen.append((time.monotonic() - before, connections_to(cluster.brokers[0].ports["SASL_PLAINTEXT"])))
            time.sleep(0.05)
        result = run.wait()
        assert result.code == 0, result
        assert seen[-1][0] > 9, "too quick to prove anything"
        assert len(stub.requests) >= 3
        early = set().union(*(ports for at, ports in seen if at < 3))
        late = set().union(*(ports for at, ports in seen if at > 3))
        assert late and late <= early, "the broker closed a connection whose session was over"
    repo("verify", "one", "--bootstrap-server", cluster.bootstrap())


def test_refused_token(cluster, repo, tmp_path):
    """The broker's reason is told, the token is not."""
    config = tokens(tmp_path / "c", 'unsecuredLoginStringClaim_user="alice" unsecuredLoginPrincipalClaimName="user"')
    result = repo("backup", "--bootstrap-server", cluster.bootstrap("SASL_PLAINTEXT"), "--name", "one", "--command-config",
                  config, expect=8)
    assert "OAUTHBEARER" in result.stderr and "eyJ" not in result.stderr


def test_client_credentials(cluster, repo, tmp_path):
    """A token endpoint (KIP-768): one token serves many connections, a wrong secret is told without being shown."""
    with AwsStub() as stub:
        stub.clients["svc"] = "s3cret"
        more = (f"sasl.oauthbearer.token.endpoint.url={stub.endpoint}/token",
                "sasl.login.callback.handler.class=org.apache.kafka.common.security.oauthbearer.secured."
                "OAuthBearerLoginCallbackHandler")
        config = tokens(tmp_path / "c", 'clientId="svc" clientSecret="s3cret"', *more)
        address = cluster.bootstrap("SASL_PLAINTEXT")
        repo("backup", "--bootstrap-server", address, "--name", "one", "--command-config", config)
        assert stub.requests == ["POST /token"]
        config = tokens(tmp_path / "d", 'clientId="svc" clientSecret="wr0ng"', *more)
        result = repo("backup", "--bootstrap-server", address, "--name", "two", "--command-config", config, expect=8)
        assert "invalid_client" in result.stderr and "wr0ng" not in result.stderr


def test_cluster_by_arn(cluster, repo, tmp_path):
    """The way in decides which brokers are taken; what the cluster does not have is named."""
    config = properties(tmp_path / "c", "security.protocol=PLAINTEXT")
    with AwsStub() as stub:
        arn = stub.add_cluster("orders", {"bootstrapBrokerString": cluster.bootstrap(),
                                          "bootstrapBrokerStringPublicTls": "b-1.example:9194"})
        env = environment(**stub.env)
        repo("backup", "--msk-cluster", arn, "--name", "one", "--command-config", config, env=env)
        assert stub.requests[0].startswith("GET /api/v2/clusters/arn%3Aaws%3Akafka")
        assert stub.scopes == ["eu-west-1/kafka"] * 2
        result = repo("backup", "--msk-cluster", arn, "--name", "two", env=env, expect=16)
        assert "no brokers for IAM, private access; it has: plaintext (private), TLS (public)" in result.stderr
        result = repo("backup", "--msk-cluster", arn + "x", "--name", "two", env=env, expect=3)
        assert "does not exist" in result.stderr
        result = repo("backup", "--msk-cluster", arn, "--name", "two",
                      env={**env, "AWS_SECRET_ACCESS_KEY": "wr0ng"}, expect=8)
        assert "wr0ng" not in result.stderr
        result = repo("backup", "--msk-cluster", arn, "--bootstrap-server", "localhost:1", "--name", "two", env=env, expect=2)
        assert "both name a cluster" in result.stderr
        repo("backup", "--msk-cluster", arn, "--name", "variable", "--command-config", config,
             env={**env, "MAXBROD_BOOTSTRAP_SERVER": "localhost:1"})
        result = repo("backup", "--msk-cluster", "orders", "--name", "two", env=env, expect=2)
        assert "not the ARN" in result.stderr


def test_user_of_a_secret(cluster, repo, tmp_path):
    """SCRAM with a user of Secrets Manager; --command-config only says what to trust."""
    config = properties(tmp_path / "c", "security.protocol=SSL", "ssl.truststore.type=PEM",
                        f"ssl.truststore.location={cluster.tls.ca}")
    secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:AmazonMSK_keeper-AbCdEf"
    with AwsStub() as stub:
        stub.secrets[secret] = '{"username": "keeper", "password": "kept"}'
        arn = stub.add_cluster("orders", {"bootstrapBrokerStringSaslScram": cluster.bootstrap("SASL_SSL")})
        env = environment(**stub.env)
        repo("backup", "--msk-cluster", arn, "--msk-secret", secret, "--name", "one", "--command-config", config, env=env)
        stub.secrets[secret] = '{"username": "keeper", "password": "l0st"}'
        result = repo("backup", "--msk-cluster", arn, "--msk-secret", secret, "--name", "two", "--command-config", config,
                      env=env, expect=8)
        assert "keeper" in result.stderr and "l0st" not in result.stderr


def test_limits_of_serverless(cluster, clusters, repo):
    """What serverless does not take is left out with the reason, and is not asked of the brokers."""
    cluster.probe.create_topic("limited", 1, **{"cleanup.policy": "compact", "segment.ms": "60000", "retention.ms": "-1",
                                                "max.message.bytes": "9000000"})
    cluster.probe.produce("limited", 300, keys="unique")
    repo.backup(cluster, "one", "--topics", "limited")
    target = clusters(name="serverless")
    with AwsStub() as stub:
        arn = stub.add_cluster("less", {"bootstrapBrokerStringSaslIam": "unused:1",
                                        "bootstrapBrokerString": target.bootstrap()}, kind="SERVERLESS")
        config = properties(target.folder / "client", "security.protocol=PLAINTEXT")
        run = ("restore", "one", "--msk-cluster", arn, "--command-config", config)
        result = repo(*run, "--dry-run", env=environment(**stub.env), expect=None)
        assert "replication factor 3 only (source's: 1)" in result.stdout + result.stderr
        result = repo(*run, "--replication-factor", 1, env=environment(**stub.env))
        said = result.stdout + result.stderr
        assert "replication factor 3 only (asked for: 1)" in said
        assert "MSK serverless does not let segment.ms be set" in said
        assert "no max.message.bytes above 8388608; that is set" in said
        assert "compacted from its creation on" in said
    assert target.probe.own_configs("limited")["limited"] == {
        "cleanup.policy": "compact", "max.message.bytes": "8388608", "retention.ms": "-1"}
    repo.verify("one")


def test_limits_of_express(cluster, clusters, repo):
    cluster.probe.create_topic("express", 1, **{"min.insync.replicas": "1", "segment.ms": "60000",
                                                "max.compaction.lag.ms": "3600000", **KEEP})
    cluster.probe.produce("express", 10)
    repo.backup(cluster, "one", "--topics", "express")
    target = clusters(name="express")
    with AwsStub() as stub:
        arn = stub.add_cluster("express", {"bootstrapBrokerString": target.bootstrap()}, instance="express.m7g.large")
        config = properties(target.folder / "client", "security.protocol=PLAINTEXT")
        result = repo("restore", "one", "--msk-cluster", arn, "--command-config", config, "--replication-factor", 1,
                      env=environment(**stub.env))
        said = result.stdout + result.stderr
        assert "MSK express sets min.insync.replicas itself" in said
        assert "MSK express does not let segment.ms be set; its default applies" in said
        assert "no max.compaction.lag.ms below 604800000; that is set" in said
    assert target.probe.own_configs("express")["express"] == {"max.compaction.lag.ms": "604800000", **KEEP}
