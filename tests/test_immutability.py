"""What an intruder with all rights in the bucket can do to a repository under Object Lock, and what is left of it; and the
verbs that remove. The server is versitygw, which keeps versions and refuses to remove or unlock what is under lock."""

import base64
import contextlib
import datetime
import hashlib
import os
import re
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree

import pytest

from lib import compare, jars
from lib.maxbrod import Maxbrod
from lib.standins import Versitygw

KEEP = {"retention.ms": "-1"}
TOPICS = ["lock-a", "lock-b"]
NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
PREFIX = "kafka/one/"
LOCKED = {"lock": "compliance", "lock_days": "30"}


@pytest.fixture(scope="module", params=[jars.NEWEST])
def version(request):
    """Kafka matters little here."""
    return request.param


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    with Versitygw(tmp_path_factory.mktemp("immutable") / "s3") as server:
        status, _, body = server.request("PUT", "/vault", headers={"x-amz-bucket-object-lock-enabled": "true"})
        assert status == 200, body
        server.create_bucket("plain")
        yield server


class InBucket(Maxbrod):
    """Verbs against an encrypted repository in a bucket."""

    def __init__(self, s3, key, bucket="vault", prefix="kafka/one", **parameters):
        super().__init__("/nowhere")
        self.url = s3.url(bucket, prefix, **parameters)
        self.env = {**s3.env, **({"MAXBROD_KEY_FILE": str(key)} if key else {})}


class Intruder:
    """Has the keys of the bucket's owner; sends what he likes, without any condition."""

    def __init__(self, s3, bucket="vault"):
        self.s3 = s3
        self.bucket = bucket

    def versions(self, prefix=PREFIX):
        """[(key, version, whether it is a mark, whether it is the newest)], the marks first."""
        body = self.s3.request("GET", f"/{self.bucket}", f"prefix={urllib.parse.quote(prefix, safe='')}&versions=")[2]
        tree = ElementTree.fromstring(body)
        assert tree.findtext(f"{NAMESPACE}IsTruncated") == "false"
        return [(e.findtext(f"{NAMESPACE}Key"), e.findtext(f"{NAMESPACE}VersionId"), e.tag.endswith("Marker"),
                 e.findtext(f"{NAMESPACE}IsLatest") == "true")
                for kind in ("DeleteMarker", "Version") for e in tree.findall(f"{NAMESPACE}{kind}")]

    def keys(self, prefix=PREFIX):
        """What is there now."""
        return sorted(key for key, _, mark, newest in self.versions(prefix) if newest and not mark)

    def read(self, key):
        status, _, body = self.s3.request("GET", f"/{self.bucket}/{key}")
        assert status == 200, body
        return body

    def put(self, key, body):
        """The id of the new version."""
        status, headers, answer = self.s3.request("PUT", f"/{self.bucket}/{key}", body=body)
        assert status == 200, answer
        self.s3.put_times_right()
        return headers["x-amz-version-id"]

    def delete(self, key, version=None):
        """Status and the id of the mark."""
        query = f"versionId={version}" if version else ""
        status, headers, _ = self.s3.request("DELETE", f"/{self.bucket}/{key}", query)
        self.s3.put_times_right()
        return status, headers.get("x-amz-version-id")

    @contextlib.contextmanager
    def undone(self):
        """What is done inside is undone behind: new versions and marks are not under lock."""
        before = {(key, version) for key, version, _, _ in self.versions()}
        yield
        for key, version, _, _ in self.versions():
            if (key, version) not in before:
                assert self.delete(key, version)[0] == 204


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class World:
    """A repository under lock with two snapshots and a checkpoint, and the moment before the intruder comes."""


@pytest.fixture(scope="module")
def world(pair, s3, tmp_path_factory):
    self = World()
    self.folder = tmp_path_factory.mktemp("world")
    key = self.folder / "kafka.key"
    self.repo = InBucket(s3, key, **LOCKED)
    self.state = {"MAXBROD_STATE_DIR": str(self.folder / "state")}
    self.before_init = now()
    time.sleep(1.1)
    self.repo("init", "--encryption", "keyfile", "--key-file", key)
    probe = pair.source.probe
    for topic in TOPICS:
        probe.create_topic(topic, 2, **KEEP)
        probe.produce(topic, 2000, value_max=1000)
    self.repo.backup(pair.source, "one", "--topics", "lock-*")
    for number in range(66):  # until there is a checkpoint, and two more
        self.repo("hold" if number % 2 == 0 else "release", "one")
    probe.produce(TOPICS[0], 1000, value_max=1000, codec="lz4")
    self.head = self.repo.backup(pair.source, "two", "--topics", "lock-*", "--json", env=self.state).json["head"]
    self.fingerprint = compare.fingerprint(probe, TOPICS, self.folder / "source")
    time.sleep(1.1)
    self.time = now()
    time.sleep(1.1)
    self.intruder = Intruder(s3)
    self.kinds = {}
    for name in self.intruder.keys():
        self.kinds.setdefault(name[len(PREFIX):].split("/")[0], []).append(name)
    assert set(self.kinds) == {"config", "config.copy", "keys", "log", "checkpoint", "manifest", "snapshot", "pack"}
    return self


def as_of_whole(world):
    """Everything reads back as of the time before, and the head is the one that the backup printed."""
    report = world.repo("verify", "--as-of", world.time, "--expect-head", world.head, "--json").json
    assert report["ok"]
    assert report["snapshots"] == 2


def test_locks_are_kept_and_extended(world, s3):
    """Everything is under lock from its PUT on; what has less than half left gets the whole period, and no lock is shortened."""
    shown = world.repo("locks", "show", "--json").json
    assert shown["unlocked"] == shown["ending"] == shown["weaker"] == 0
    assert shown["objects"] == sum(len(names) for names in world.kinds.values())
    assert world.repo("locks", "extend", "--json").json["extended"] == 0
    longer = InBucket(s3, None, lock="compliance", lock_days="90")
    longer.env = world.repo.env
    dry = longer("locks", "extend", "--dry-run", "--json").json
    assert dry["to_extend"] == dry["objects"] == shown["objects"] and dry["extended"] == 0
    assert dry["dollars"] > 0
    assert longer("locks", "extend", "--json").json["extended"] == shown["objects"]
    assert longer("locks", "extend", "--json").json["extended"] == 0
    headers = s3.request("HEAD", f"/vault/{PREFIX}config")[1]
    assert headers["x-amz-object-lock-mode"] == "COMPLIANCE"
    until = headers["x-amz-object-lock-retain-until-date"]
    assert until > (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=89)).isoformat()
    body = b"<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2027-01-01T00:00:00Z</RetainUntilDate></Retention>"
    digest = base64.b64encode(hashlib.md5(body).digest()).decode()
    assert s3.request("PUT", f"/vault/{PREFIX}config", "retention=", body, {"content-md5": digest})[0] == 403
    shorter = InBucket(s3, None, lock="compliance", lock_days="2")
    shorter.env = world.repo.env
    assert shorter("locks", "extend", "--json").json["extended"] == 0
    for args in (("--dry-run",), ()):  # all is young and needed
        pruned = world.repo("prune", *args, "--json").json
        assert pruned["condemned_objects"] == pruned["removed_objects"] == pruned["aborted_uploads"] == 0
        assert pruned["stored_objects"] > 0 and pruned["deferred"] == [] and pruned["head"] == world.head
    assert s3.request("HEAD", f"/vault/{PREFIX}config")[1]["x-amz-object-lock-retain-until-date"] == until


def test_flipped_bits(world):
    """One bit in each kind of object, put over it: noticed, with the object's name; the versions have it whole."""
    flips = [world.kinds[kind][-1] for kind in ("config", "keys", "checkpoint", "manifest", "snapshot", "pack")]
    flips += [world.kinds["log"][len(world.kinds["log"]) // 2], world.kinds["log"][-1]]
    for name in flips:
        with world.intruder.undone():
            body = bytearray(world.intruder.read(name))
            body[len(body) * 2 // 3] ^= 4
            world.intruder.put(name, bytes(body))
            result = world.repo("verify", expect=None)
            assert result.code in (5, 8, 12), f"{name}: {result}"
            assert name[len(PREFIX):] in result.stdout + result.stderr, f"{name}: {result}"
            as_of_whole(world)
    world.repo("verify")


def test_overwritten_log(world):
    """A commit overwritten by garbage, or by an older one: the error tells of --as-of."""
    log = world.kinds["log"]
    for name, body in ((log[-1], b"garbage" * 30), (log[-1], world.intruder.read(log[-2]))):
        with world.intruder.undone():
            world.intruder.put(name, body)
            result = world.repo("snapshots", expect=12)
            assert "--as-of" in result.stderr
            as_of_whole(world)


def test_newest_commits_cut_off(world):
    """Not to be seen in what is left; noticed by the host that has seen them, and against a receipt."""
    with world.intruder.undone():
        for name in world.kinds["log"][-2:]:
            assert world.intruder.delete(name)[0] == 204
        assert [s["name"] for s in world.repo("snapshots", "--json").lines] == ["one"]
        assert "--as-of" in world.repo("snapshots", expect=5, env=world.state).stderr
        world.repo("snapshots", "--expect-head", world.head, expect=5)
        as_of_whole(world)
        assert [s["name"] for s in world.repo("snapshots", "--as-of", world.time, "--json", env=world.state).lines] == [
            "one", "two"]


def test_hole_in_the_log(world):
    with world.intruder.undone():
        assert world.intruder.delete(world.kinds["log"][-2])[0] == 204
        assert "missing in the log" in world.repo("snapshots", expect=12).stderr
        as_of_whole(world)


def test_everything_deleted_and_overwritten(world, pair, s3):
    """The worst day: nothing of it is readable any more, no locked version goes, and it restores whole into a cluster."""
    for name in world.intruder.keys():
        assert world.intruder.delete(name)[0] == 204
    result = world.repo("snapshots", expect=3)
    assert "no repository" in result.stderr and "--as-of" in result.stderr
    as_of_whole(world)
    for name, version, mark, _ in world.intruder.versions():
        if not mark:
            assert world.intruder.delete(name, version)[0] == 403, f"{name} {version} was removed"
        world.intruder.put(name, b"nothing to see here")
    assert world.repo("snapshots", expect=None).code != 0
    as_of_whole(world)

    args = ("--as-of", world.time)
    world.repo.restore(pair.target, "two", *args, "--dry-run")
    assert "--as-of-dir" in world.repo.restore(pair.target, "two", *args, expect=2).stderr
    report = world.repo.restore(pair.target, "two", *args, "--json", env=world.state).json
    found = compare.fingerprint(pair.target.probe, TOPICS, world.folder / "target")
    assert compare.differences(world.fingerprint, found) == []
    # Its record lies in a folder of this host, and another run finds it there.
    again = world.repo.restore(pair.target, "two", *args, "--json", env=world.state).json
    assert again["already_done"] and again["restore_id"] == report["restore_id"]
    world.repo("offsets", report["restore_id"][:8], *args, env=world.state)
    as_of_whole(world)
    assert "it was deleted at" in world.repo("snapshots", "--as-of", after_deletion(world), expect=3).stderr


def after_deletion(world):
    """A time at which `config` and its copy were marked as deleted and not overwritten yet: that of the later mark."""
    body = world.intruder.s3.request("GET", "/vault", f"prefix={PREFIX.replace('/', '%2F')}config&versions=")[2].decode()
    marks = re.findall(r"<DeleteMarker>.*?<LastModified>(.*?)</LastModified>", body)
    assert len(marks) == 2
    return max(marks)[:23] + "Z" if "." in max(marks) else max(marks)


def test_times_that_make_no_sense(world, s3, tmp_path):
    def error(*args, repo=world.repo, code):
        return repo("snapshots", *args, expect=code).stderr

    assert "lies in the future" in error("--as-of", "2199-01-01T00:00:00Z", code=2)
    assert "the oldest version of its config is of" in error("--as-of", world.before_init, code=3)
    assert "yesterday" in error("--as-of", "yesterday", code=2)
    unversioned = InBucket(s3, None, bucket="plain")
    unversioned.init()
    time.sleep(1.1)
    assert "keeps no versions" in error("--as-of", now(), repo=unversioned, code=16)
    folder = Maxbrod(tmp_path / "folder")
    folder.init()
    assert "only a bucket" in error("--as-of", now(), repo=folder, code=2)
    elsewhere = InBucket(s3, None, prefix="nowhere")
    assert "nor at any other time" in error("--as-of", now(), repo=elsewhere, code=3)


def test_a_bucket_without_object_lock(s3):
    """No repository that was to be under lock comes to be without one. (This server stores an object before it refuses its
    lock; S3 does not.)"""
    repo = InBucket(s3, None, bucket="plain", prefix="locked", **LOCKED)
    result = repo("init", expect=16)
    assert "Object Lock must be enabled" in result.stderr
    assert set(Intruder(s3, "plain").keys("locked/")) <= {"locked/config"}


def test_forget_and_prune(pair, tmp_path):
    """The verbs in real runs, up to the first phase: the second one is a week later (prune_test.cc goes through it all)."""
    repo = Maxbrod(tmp_path / "repo")
    repo.init()
    probe = pair.source.probe
    for topic in ("prune-a", "prune-b"):
        probe.create_topic(topic, 1, **KEEP)
        probe.produce(topic, 1000, value_min=500)
    repo.backup(pair.source, "one", "--topics", "prune-a")
    repo.backup(pair.source, "two", "--topics", "prune-b")
    repo("hold", "one")
    assert [s["held"] for s in repo("snapshots", "--json").lines] == [True, False]
    assert "held" in repo("forget", "one", expect=5).stderr
    repo("release", "one", "--reason", "the audit is over")
    dry = repo("forget", "one", "--dry-run", "--json").json
    assert dry["last_of_topics"] == ["prune-a"] and not dry["none_left"]
    assert "--yes-delete 1" in repo("forget", "one", expect=2).stderr
    head = repo("forget", "one", "--yes-delete", "1", "--json").json["head"]
    young = repo("prune", "--json").json
    assert young["condemned_objects"] == 0 and young["head"] == head

    week_ago = time.time() - 8 * 86400  # the store's clock is that of the file system
    for path in (tmp_path / "repo").rglob("*"):
        os.utime(path, (week_ago, week_ago))
    before = repo("prune", "--dry-run", "--json").json
    assert before["condemned_objects"] == 1  # its snapshot; the data was read too lately
    assert before["head"] == head and before["waiting_objects"] == 0
    in_a_week = (time.time() + 7 * 86400) * 1000
    assert abs(before["condemned_due_ms"] - in_a_week) < 600_000
    first = repo("prune", "--json").json
    assert first["condemned_objects"] == first["waiting_objects"] == 1 and first["removed_objects"] == 0
    assert abs(first["next_due_ms"] - in_a_week) < 600_000
    again = repo("prune", "--json").json
    assert again["condemned_objects"] == again["removed_objects"] == 0 and again["waiting_objects"] == 1
    repo("verify")
    assert "no snapshot would be left" in repo("forget", "two", expect=2).stderr
