"""The main job with the repository in S3 (versitygw): every verb, killed runs, and a bucket that goes away meanwhile."""

import time

import pytest

from lib import compare
from lib.maxbrod import Maxbrod
from lib.standins import Versitygw

KEEP = {"retention.ms": "-1"}


@pytest.fixture
def s3(tmp_path):
    with Versitygw(tmp_path / "s3") as server:
        server.create_bucket("backups")
        yield server


class InBucket(Maxbrod):
    """Verbs against a repository in the bucket, with the keys in the environment."""

    def __init__(self, s3, prefix):
        super().__init__("/nowhere")
        self.url = s3.url("backups", prefix)
        self._env = s3.env

    def start(self, verb, *args, env=None):
        return super().start(verb, *args, env={**self._env, **(env or {})})


@pytest.fixture
def repo(s3):
    maxbrod = InBucket(s3, "kafka/one")
    maxbrod.init()
    return maxbrod


def fill(probe, prefix):
    for number, codec in enumerate(("none", "lz4", "zstd")):
        topic = f"{prefix}.{codec}"
        probe.create_topic(topic, 3, **KEEP)
        probe.produce(topic, 6000, codec=codec, value_max=2000, headers=2, seed=number)
    probe.create_topic(f"{prefix}.tx", 1, **KEEP)
    probe.produce(f"{prefix}.tx", 900, transactions="cac", batch_records=100)
    return [t for t in probe.topics() if t.startswith(prefix)]


def test_round_trip(pair, repo, s3, tmp_path):
    """Backup, verify, restore, dump; incremental; the keys in the bucket are a repository's and nothing else."""
    probe = pair.source.probe
    topics = fill(probe, "s3trip")
    expected = compare.fingerprint(probe, topics, tmp_path / "source")
    repo.backup(pair.source, "one", "--topics", "s3trip.*")
    repo.verify("one")
    assert [s["name"] for s in repo("snapshots", "--json").lines] == ["one"]
    repo("dump", "config")
    repo.restore(pair.target, "one")
    assert compare.differences(expected, compare.fingerprint(pair.target.probe, topics, tmp_path / "target")) == []
    repo.verify("one", cluster=pair.target)
    before = {p for p in (s3.objects / "backups").rglob("*") if "pack" in p.parts and p.is_file()}
    assert before
    probe.produce("s3trip.lz4", 500, value_max=1000)
    repo.backup(pair.source, "two", "--topics", "s3trip.*")
    repo.verify("two")
    after = {p for p in (s3.objects / "backups").rglob("*") if "pack" in p.parts and p.is_file()}
    assert before < after


def test_multipart_packs(pair, repo, s3, tmp_path):
    """Packs larger than one PUT go up in parts; none is left over."""
    probe = pair.source.probe
    probe.create_topic("s3large", 1, **KEEP)
    probe.produce("s3large", 1400, value_min=100_000, value_max=100_000, seed=3)
    expected = compare.fingerprint(probe, ["s3large"], tmp_path / "source")
    repo.backup(pair.source, "one", "--topics", "s3large", "--pack-size", "120MiB")
    sizes = [p.stat().st_size for p in (s3.objects / "backups").rglob("*") if "pack" in p.parts and p.is_file()]
    assert max(sizes) > 64 << 20
    assert b"<Upload>" not in s3.request("GET", "/backups", "uploads=")[2]
    repo.verify("one")
    repo.restore(pair.target, "one")
    assert compare.differences(expected, compare.fingerprint(pair.target.probe, ["s3large"], tmp_path / "target")) == []


def test_bucket_goes_away(pair, repo, s3, tmp_path):
    """The endpoint dies in the middle of a backup and comes back: the backup goes on and is whole."""
    probe = pair.source.probe
    probe.create_topic("s3away", 2, **KEEP)
    probe.produce("s3away", 3000, value_min=20_000, value_max=20_000, seed=4)
    run = repo.start("backup", "--bootstrap-server", pair.source.bootstrap(), "--name", "one", "--topics", "s3away",
                     "--pack-size", "4MiB", "--rate-limit", "12MiB")
    time.sleep(1.5)
    s3.stop()
    time.sleep(2)
    assert run.process.poll() is None
    s3.start()
    result = run.wait(120)
    assert result.code == 0, result
    repo.verify("one")
    repo.restore(pair.target, "one")
    topics = ["s3away"]
    assert compare.differences(compare.fingerprint(probe, topics), compare.fingerprint(pair.target.probe, topics)) == []


def test_killed_and_again(pair, repo):
    """A backup killed at once leaves a repository that the next one goes on with."""
    probe = pair.source.probe
    probe.create_topic("s3killed", 2, **KEEP)
    probe.produce("s3killed", 3000, value_min=10_000, value_max=10_000, seed=5)
    run = repo.start("backup", "--bootstrap-server", pair.source.bootstrap(), "--name", "dead", "--topics", "s3killed",
                     "--pack-size", "4MiB", "--rate-limit", "12MiB")
    time.sleep(1.5)
    assert run.process.poll() is None
    run.kill()
    repo.backup(pair.source, "alive", "--topics", "s3killed")
    repo.verify("alive")
    assert [s["name"] for s in repo("snapshots", "--json").lines] == ["alive"]
