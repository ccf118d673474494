"""The main job with the repository in S3 (versitygw) and its keys in KMS (moto): the whole round trip, what lies in the
bucket, each way in which a key can fail, and the other slots then."""

import re

import pytest

from lib import compare, jars
from lib.aws_stub import AwsStub
from lib.cluster import free_port
from lib.maxbrod import Maxbrod
from lib.sealed_reader import crc32c
from lib.standins import Moto, Versitygw
from lib.trips import delete

KEEP = {"retention.ms": "-1"}


@pytest.fixture(scope="module", params=[jars.NEWEST])
def version(request):
    return request.param


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    with Versitygw(tmp_path_factory.mktemp("s3")) as server:
        server.create_bucket("backups")
        yield server


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    with Moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


class Sealed(Maxbrod):
    """A new repository in the bucket with a KMS slot and an offline recovery slot."""

    def __init__(self, s3, moto, folder, prefix):
        super().__init__("/nowhere")
        self.url = s3.url("backups", prefix)
        self.env = {**s3.env, "AWS_ENDPOINT_URL_KMS": moto.endpoint}
        self.arn, self.recovery = moto.create_key(), folder / f"{prefix}.key"
        made = self("init", "--encryption", "kms", "--kms-key", self.arn, "--recovery-key-file", self.recovery, "--json")
        self.id = bytes.fromhex(made.json["id"])


def objects(s3, prefix):
    return {str(p.relative_to(s3.objects / "backups")): p.read_bytes()
            for p in (s3.objects / "backups" / prefix).rglob("*") if p.is_file()}


def test_round_trip(pair, s3, moto, tmp_path):
    """Two backups, verify, a restore into the other cluster, equal by Kafka's own client, groups too; nothing legible."""
    probe, target = pair.source.probe, pair.target.probe
    repo = Sealed(s3, moto, tmp_path, "trip")
    for number, codec in enumerate(("none", "zstd")):
        probe.create_topic(f"kmsorders-{codec}", 2, **KEEP)
        probe.produce(f"kmsorders-{codec}", 2000, codec=codec, value_max=1000, headers=2, seed=number)
    probe.create_topic("kmsorders-tx", 1, **KEEP)
    probe.produce("kmsorders-tx", 300, transactions="cac", batch_records=50)
    topics = ["kmsorders-none", "kmsorders-zstd", "kmsorders-tx"]
    probe("commit-offsets", group="kmsbilling", offsets={"kmsorders-none:0": [17, "kmsnote"]})
    first = compare.fingerprint(probe, topics, tmp_path / "first")
    repo.backup(pair.source, "one", "--topics", "kmsorders-*")
    packs = {n for n in objects(s3, "trip") if "/pack/" in n}
    probe.produce("kmsorders-zstd", 500, codec="zstd", value_max=1000, seed=9)
    second = compare.fingerprint(probe, topics, tmp_path / "second")
    repo.backup(pair.source, "two", "--topics", "kmsorders-*")
    now = objects(s3, "trip")
    assert packs < {n for n in now if "/pack/" in n}
    for name in ("one", "two"):
        repo.verify(name)
    for name, expected in (("two", second), ("one", first)):
        repo.restore(pair.target, name)
        assert compare.differences(expected, compare.fingerprint(target, topics)) == []
        assert target("groups")["kmsbilling"]["offsets"] == {"kmsorders-none:0": [17, "kmsnote"]}
        repo.verify(name, cluster=pair.target)
        delete(target, *topics)
    # Without KMS: the key that lay in a drawer.
    repo.env["AWS_ENDPOINT_URL_KMS"] = f"http://127.0.0.1:{free_port()}"
    repo.verify("two", "--key-file", repo.recovery)
    words = [b"kmsorders", b"kmsbilling", b"kmsnote", b"retention.ms", probe("cluster")["id"].encode()]
    for name, data in objects(s3, "trip").items():
        assert not [w for w in words if w in data or w in name.encode()], name


def test_keys(s3, moto, tmp_path):
    """keys list, add, rotate and remove in a bucket: whichever slot is left opens the repository."""
    repo = Sealed(s3, moto, tmp_path, "keys")
    (tmp_path / "pass").write_text("correct horse battery staple")
    (tmp_path / "pass").chmod(0o600)
    second = moto.create_key()
    repo("keys", "add", "--new-kms-key", second, "--label", "second")
    repo("keys", "add", "--new-passphrase-file", tmp_path / "pass", "--passphrase-memory", "64MiB", "--passphrase-passes", "1",
         "--key-file", repo.recovery)
    slots = {(s["kind"], s["detail"]): s["id"] for s in repo("keys", "list", "--json").lines}
    assert {kind for kind, _ in slots} == {"KMS", "key file", "passphrase"} and len(slots) == 4
    repo("keys", "rotate", "--reason", "test")
    moto.kms("ScheduleKeyDeletion", KeyId=repo.arn.rpartition("/")[2], PendingWindowInDays=7)
    repo("keys", "remove", slots["KMS", f"aws {repo.arn}"])
    repo("snapshots")
    repo("keys", "remove", slots["KMS", f"aws {second}"], "--key-file", repo.recovery)
    assert "no key was given" in repo("snapshots", expect=8).stderr
    repo("keys", "rotate", "--passphrase-file", tmp_path / "pass")
    repo("keys", "remove", next(i for (kind, _), i in slots.items() if kind == "key file"), "--passphrase-file", tmp_path / "pass")
    assert len(repo("keys", "list", "--passphrase-file", tmp_path / "pass", "--json").lines) == 1
    assert len([n for n in objects(s3, "keys") if "/keys/" in n]) == 1


def test_how_keys_fail(s3, moto, tmp_path):
    """Disabled, denied, of another repository, KMS down: each says so in its own words, and the other slot opens."""
    repo = Sealed(s3, moto, tmp_path, "fails")

    def refused(code, *said, verb=("snapshots",), **env):
        result = repo(*verb, "--json", expect=None, env={**repo.env, **env})
        text = result.stdout + result.stderr
        assert result.code != 0 and result.json["error"]["code"] == code, result
        assert not [word for word in said if word not in text], result
        assert result.json["error"]["hint"] and "maxbrod-test-secret" not in text, result
        repo("snapshots", "--key-file", repo.recovery)

    with AwsStub() as stub:  # moto decrypts with disabled keys, and for everybody
        for kind, code, said in (("DisabledException", "unavailable", "enable-key"),
                                 ("AccessDeniedException", "permission", "kms:Decrypt")):
            stub.failures["Decrypt"] = [(400, kind)]
            refused(code, repo.arn, said, AWS_ENDPOINT_URL_KMS=stub.endpoint)
            assert not stub.failures["Decrypt"]
    refused("unavailable", "KMS Decrypt", AWS_ENDPOINT_URL_KMS=f"http://127.0.0.1:{free_port()}")
    off = moto.create_key()
    moto.kms("DisableKey", KeyId=off.rpartition("/")[2])
    refused("unavailable", off, "Disabled", verb=("keys", "add", "--new-kms-key", off))
    # The slot of another repository, made to look like one of ours: its encryption context is another one.
    stranger = Sealed(s3, moto, tmp_path, "stranger")
    name, slot = next((n, d) for n, d in objects(s3, "stranger/keys").items() if stranger.arn.encode() in d)
    mine = next(n for n, d in objects(s3, "fails/keys").items() if repo.arn.encode() in d)
    assert s3.request("DELETE", f"/backups/{mine}")[0] == 204
    forged = with_checksum(slot.replace(stranger.id, repo.id))
    assert s3.request("PUT", "/backups/" + name.replace("stranger", "fails"), body=forged)[0] == 200
    refused("corrupt", "encryption context", stranger.arn)


def with_checksum(slot):
    """A plain object of one frame whose bytes were changed: its last four are a CRC-32C again (docs/format.md)."""
    salt = slot[12:28]
    return slot[:-4] + crc32c(salt + bytes(4) + slot[80:-4]).to_bytes(4, "big")


def test_encrypted_by_s3_itself(pair, moto, tmp_path):
    """sse=aws:kms: every object that S3 holds names the key (moto keeps these headers; versitygw drops them)."""
    moto.create_bucket("sse")
    key = moto.create_key()
    repo = Maxbrod("/nowhere")
    repo.url = moto.url("sse", "repo", sse="aws:kms", kms_key_id=key)
    repo.env = dict(moto.env)
    repo("init")
    pair.source.probe.create_topic("sse-orders", 1, **KEEP)
    pair.source.probe.produce("sse-orders", 300)
    repo.backup(pair.source, "one", "--topics", "sse-orders")
    repo.verify("one")
    listing = moto.request("GET", "/sse", "list-type=2")[2].decode()
    names = re.findall("<Key>(.*?)</Key>", listing)
    assert {n.split("/")[1] for n in names} >= {"config", "log", "pack", "manifest", "snapshot"}
    for name in names:
        status, headers, _ = moto.request("HEAD", f"/sse/{name}")
        headers = {k.lower(): v for k, v in headers.items()}
        assert status == 200 and headers["x-amz-server-side-encryption"] == "aws:kms", (name, headers)
        assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == key
