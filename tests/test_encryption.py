"""Encrypted repositories, as a user meets them: backup and restore with each kind of key, what is refused and how it is
said, and that nothing legible reaches the disk."""

import os
import shutil

import pytest

from lib.maxbrod import Maxbrod
from lib.standins import Moto
from lib.trips import round_trip

KEEP = {"retention.ms": "-1"}
COST = ("--passphrase-memory", "64MiB", "--passphrase-passes", "1")


def secret_file(path, text, mode=0o600):
    path.write_text(text)
    os.chmod(path, mode)
    return path


@pytest.fixture
def keys(tmp_path):
    """A passphrase file, a wrong one, and the place of a key file that `init` makes."""
    return {"good": secret_file(tmp_path / "pass", "correct horse battery staple\n"),
            "bad": secret_file(tmp_path / "bad", "correct horse battery stable\n"),
            "file": tmp_path / "kafka.key"}


@pytest.fixture
def state(tmp_path):
    """Where this host keeps the heads that it has seen."""
    return {"MAXBROD_STATE_DIR": str(tmp_path / "state")}


def test_round_trip_with_a_passphrase(pair, tmp_path, keys):
    """A backup, an incremental one, a restore and both ways of verify; names and values appear nowhere on the disk."""
    repo = Maxbrod(tmp_path / "sealed")
    repo.env = {"MAXBROD_PASSPHRASE_FILE": str(keys["good"])}
    repo("init", "--encryption", "passphrase", *COST)
    probe = pair.source.probe
    probe.create_topic("sealed-orders", 3, **KEEP)
    probe.produce("sealed-orders", 3000, value_min=400)
    probe("commit-offsets", group="sealed-billing", offsets={"sealed-orders:0": 50})
    repo.backup(pair.source, "zero", "--topics", "sealed-orders")
    probe.produce("sealed-orders", 2000, value_min=2000, codec="lz4")
    round_trip(pair.source, pair.target, repo, ["sealed-orders"], tmp_path)
    repo.verify("one")
    words = [b"sealed-orders", b"sealed-billing", b"broker", b"cleanup.policy"]
    for path in sorted(p for p in repo.folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        assert not [w for w in words if w in data], path
        assert "orders" not in str(path.relative_to(repo.folder))


def test_round_trip_with_a_key_file_and_zstd(pair, tmp_path, keys):
    """A key file, compression inside of the encryption; the passphrase slot that was added opens it as well."""
    repo = Maxbrod(tmp_path / "sealed")
    key = ("--key-file", keys["file"])
    repo("init", "--encryption", "keyfile", *key)
    assert keys["file"].stat().st_mode & 0o777 == 0o600 and len(keys["file"].read_text()) == 65
    repo("keys", "add", *key, "--new-passphrase-file", keys["good"], "--label", "people", *COST)
    repo.env = {"MAXBROD_KEY_FILE": str(keys["file"])}
    probe = pair.source.probe
    probe.create_topic("sealed-zstd", 2, **KEEP)
    probe.produce("sealed-zstd", 3000, value_min=400)
    repo.backup(pair.source, "packed", "--topics", "sealed-zstd", "--compression", "zstd")
    round_trip(pair.source, pair.target, repo, ["sealed-zstd"], tmp_path)
    # A new epoch: old and new data are restored alike.
    repo("keys", "rotate", "--reason", "test")
    probe.produce("sealed-zstd", 1000)
    repo.backup(pair.source, "two", "--topics", "sealed-zstd")
    repo.env = {}
    repo.verify("two", "--passphrase-file", keys["good"])


def test_what_is_refused(tmp_path, keys):
    """Each mistake has its own message and exit code, and changes nothing."""
    repo = Maxbrod(tmp_path / "sealed")
    good = ("--passphrase-file", keys["good"])
    repo("init", "--encryption", "passphrase", *good, *COST, "--recovery-key-file", keys["file"])

    def refused(*args, expect, said, verb="snapshots", **options):
        result = repo(verb, *args, expect=expect, **options)
        assert said in result.stderr, result

    refused(expect=8, said="no key was given")
    refused("--passphrase-file", keys["bad"], expect=8, said="wrong passphrase")
    other = secret_file(tmp_path / "other.key", "ab" * 32)
    refused("--key-file", other, expect=8, said="not this repository's")
    refused("--key-file", secret_file(tmp_path / "short.key", "ab" * 31), expect=2, said="no key file")
    refused("--key-file", tmp_path / "none", expect=3, said="cannot read")
    refused("--key-file", secret_file(tmp_path / "open.key", "ab" * 32, 0o644), expect=9, said="open to other users")
    refused(*good, "--key-file", other, expect=2, said="both a passphrase file and a key file")
    refused("list", expect=8, said="wrong passphrase", verb="keys", env={"MAXBROD_PASSPHRASE": "nonsense"})
    repo("snapshots", env={"MAXBROD_PASSPHRASE": "correct horse battery staple"})
    repo("snapshots", "--key-file", keys["file"])
    refused("add", *good, "--new-passphrase-file", keys["good"], "--passphrase-memory", "32MiB", verb="keys", expect=2,
            said="out of bounds")
    # A changed slot, its checksum not mended: damage, and the other slot still opens.
    slots = {s["kind"]: s["id"] for s in repo("keys", "list", "--json").lines}
    path = repo.folder / "keys" / slots["passphrase"]
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    os.chmod(path, 0o600)
    path.write_bytes(data)
    refused(*good, expect=12, said=slots["passphrase"])
    repo("snapshots", "--key-file", keys["file"])
    repo("keys", "remove", slots["passphrase"], "--key-file", keys["file"])
    refused(*good, expect=8, said="no passphrase slot")
    refused("remove", slots["key file"], "--key-file", keys["file"], verb="keys", expect=5, said="last slot")
    # A key and a plain repository.
    plain = Maxbrod(tmp_path / "plain")
    plain.init()
    result = plain("snapshots", *good, expect=5)
    assert "not encrypted" in result.stderr
    assert "not encrypted" in plain("keys", "list", expect=16).stderr


def test_secrets_are_not_shown(tmp_path, keys):
    """Not in any output, --json included, but the recovery key that was asked for."""
    repo = Maxbrod(tmp_path / "sealed")
    result = repo("init", "--json", "--print-recovery-key", *COST, "--passphrase-file", keys["good"])
    key = result.json["recovery_key"]
    assert len(bytes.fromhex(key)) == 32
    file = secret_file(tmp_path / "recovery", key + "\n")
    texts = [repo(*verb, "--key-file", file, *rest) for verb, rest in (
        (["keys", "list"], ["--json"]), (["keys", "rotate"], []), (["snapshots"], []), (["dump"], ["config"]))]
    for slot in repo("keys", "list", "--json").lines:
        texts.append(repo("dump", f"keys/{slot['id']}"))
    for text in texts:
        assert key not in text.stdout + text.stderr and "battery" not in text.stdout + text.stderr


def test_a_repository_that_was_set_back(tmp_path, keys, state):
    """An older copy in its place: the host remembers, a receipt tells."""
    repo = Maxbrod(tmp_path / "sealed")
    key = ("--key-file", keys["file"])
    repo("init", "--encryption", "keyfile", *key, env=state)
    shutil.copytree(repo.folder, tmp_path / "copy")
    head = repo("keys", "rotate", *key, "--json", env=state).json["head"]
    repo("snapshots", *key, "--expect-head", head, env=state)
    shutil.rmtree(repo.folder)
    shutil.copytree(tmp_path / "copy", repo.folder)
    assert "has seen newer commits" in repo("snapshots", *key, env=state, expect=5).stderr
    assert "the receipt is for commit 1" in repo("snapshots", *key, "--expect-head", head, expect=5).stderr
    repo("snapshots", *key)


def test_kms(tmp_path, keys):
    """A KMS slot opens without any flag; the KMS away, the right missing and another key each have their words."""
    with Moto(tmp_path / "moto") as moto:
        env = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": moto.endpoint,
               "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-west-1"}
        arn = moto.create_key("eu-west-1")
        repo = Maxbrod(tmp_path / "sealed")
        repo("init", "--encryption", "kms", "--kms-key", arn, "--recovery-key-file", keys["file"], env=env)
        repo("snapshots", env=env)
        repo("dump", "log/0000000000000000/00000000000000000001", env=env, expect=3)
        slot = next(s for s in repo("keys", "list", "--json", env=env).lines if s["kind"] == "KMS")
        assert slot["detail"] == f"aws {arn}"
        unknown = arn.rpartition("/")[0] + "/00000000-0000-0000-0000-000000000000"
        result = repo("keys", "add", "--new-kms-key", unknown, "--key-file", keys["file"], env=env, expect=3)
        assert "00000000" in result.stderr
        second = moto.create_key("eu-west-1")
        repo("keys", "add", "--new-kms-key", second, env=env)
        repo("keys", "remove", slot["id"], env=env)
        repo("snapshots", env=env)
        for verb in ("snapshots", "keys rotate"):
            assert "no key was given" not in repo(*verb.split(), "--key-file", keys["file"]).stderr
    result = repo("snapshots", env={**env, "AWS_MAX_ATTEMPTS": "1"}, expect=6)
    assert "KMS" in result.stderr
    repo("snapshots", "--key-file", keys["file"])
