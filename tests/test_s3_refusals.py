"""What goes wrong with a repository in S3 for good: each has its exit code, names the thing, says what to do, shows no
secret, and has lost nothing once the thing is mended."""

import os
import shutil
import time

import pytest

from lib import jars, s3_users, shifted_clock
from lib.maxbrod import Maxbrod
from lib.s3_faults import S3Faults
from lib.standins import Versitygw

KEEP = {"retention.ms": "-1"}
SECRETS = ("maxbrod-test-secret", "-secret", "battery staple")
NEEDED = {"s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:AbortMultipartUpload"}  # by a backup
MID_RUN = 12  # requests of a backup, after which it is well under way
# Commits between two checkpoints (commit_log.h), and some more.
ROTATIONS = 66


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    from conftest import Clusters
    clusters = Clusters(tmp_path_factory.mktemp("source"))
    cluster = clusters(jars.NEWEST, "source")
    cluster.probe.create_topic("kept", 2, **KEEP)
    cluster.probe.produce("kept", 500, value_min=300, codec="lz4")
    yield cluster
    clusters.destroy()


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    with Versitygw(tmp_path_factory.mktemp("s3")) as server:
        server.create_bucket("backups")
        yield server


class Place:
    """A repository in the bucket with one snapshot of two backups, and what is done to its objects from outside."""

    def __init__(self, s3, prefix, key=None):
        self.s3, self.prefix = s3, prefix
        self.folder = s3.objects / "backups" / prefix
        self.key = key
        self.maxbrod = self.through(s3)

    def through(self, server, env=None, **parameters):
        """The binary, reaching the repository by this server."""
        maxbrod = Maxbrod("/nowhere")
        maxbrod.url = server.url("backups", self.prefix, **parameters)
        maxbrod.env = {**self.s3.env, **({"MAXBROD_KEY_FILE": str(self.key)} if self.key else {}), **(env or {})}
        return maxbrod

    def names(self):
        return sorted(str(p.relative_to(self.folder)) for p in self.folder.rglob("*") if p.is_file())

    def one_of_each_kind(self):
        """Kind -> the last object of it."""
        return {name.partition("/")[0]: name for name in self.names()}

    def get(self, name):
        status, _, body = self.s3.request("GET", f"/backups/{self.prefix}/{name}")
        assert status == 200, (name, status)
        return body

    def put(self, name, data):
        """Overwrites, with a checksum that is right: what an intruder can do."""
        status, _, body = self.s3.request("PUT", f"/backups/{self.prefix}/{name}", body=data)
        assert status == 200, body

    def remove(self, name):
        assert self.s3.request("DELETE", f"/backups/{self.prefix}/{name}")[0] in (200, 204)

    def sound(self):
        self.maxbrod("verify")
        assert [s["name"] for s in self.maxbrod("snapshots", "--json").lines] == ["one", "two"]


def build(s3, source, prefix, key=None, rotations=0):
    place = Place(s3, prefix, key)
    place.maxbrod("init", *(("--encryption", "keyfile", "--key-file", key) if key else ()))
    for _ in range(rotations):
        place.maxbrod("keys", "rotate")
    for name in ("one", "two"):
        place.maxbrod.backup(source, name)
        source.probe.produce("kept", 50)
    return place


@pytest.fixture(scope="module")
def built(s3, source, tmp_path_factory):
    """Two repositories of each kind, which no test changes."""
    keys = tmp_path_factory.mktemp("keys")
    return {"plain": build(s3, source, "plain"), "other-plain": build(s3, source, "other-plain"),
            "sealed": build(s3, source, "sealed", keys / "a.key", ROTATIONS),
            "other-sealed": build(s3, source, "other-sealed", keys / "b.key")}


@pytest.fixture
def place(s3, built, request):
    """A copy of one of them, for one test."""
    kind = getattr(request, "param", "plain")
    prefix = f"copy-{request.node.name.replace('[', '-').strip(']')}".replace("_", "-")
    shutil.copytree(built[kind].folder, s3.objects / "backups" / prefix)  # its xattrs, too
    yield Place(s3, prefix, built[kind].key)
    shutil.rmtree(s3.objects / "backups" / prefix)


def refused(maxbrod, verb, *args, code, said, env=None, timeout=120):
    """A run that ends with that error, whose words hold all of `said`, whose hint is there, and which tells no secret."""
    result = maxbrod(verb, *args, "--json", expect=None, env=env, timeout=timeout)
    assert result.code != 0, result
    error = result.json["error"]
    assert error["code"] == code, result
    text = result.stdout + result.stderr
    missing = [word for word in said if word not in text]
    assert not missing, f"not said: {missing}: {result}"
    assert not [s for s in SECRETS if s in text], result
    return error


def backup(source, name="three"):
    return ("backup", "--bootstrap-server", source.bootstrap(), "--name", name)


# -- who may not

@pytest.mark.parametrize("denied", ["s3:GetObject", "s3:PutObject", "s3:ListBucket"])
def test_denied(s3, source, place, denied):
    """Of the rights a backup needs one is missing: named, with the bucket; with it all goes well."""
    user = f"user-{denied[3:].lower()}"
    env = s3_users.add_user(s3, user)
    s3_users.allow(s3, "backups", user, NEEDED - {denied})
    error = refused(place.maxbrod, *backup(source), code="permission", said=[denied, "AccessDenied"], env=env)
    assert denied in error["hint"] and "backups" in error["hint"], error
    if denied == "s3:PutObject":
        place.maxbrod("verify", env=env)  # who may only read can do that
    place.sound()
    s3_users.allow(s3, "backups", user, NEEDED)
    place.maxbrod(*backup(source), env=env)
    place.maxbrod("verify", env=env)


@pytest.mark.parametrize("place", ["sealed"], indirect=True)
def test_denied_removal(s3, place, tmp_path):
    """Without s3:DeleteObject nothing can be taken away, a key slot neither."""
    env = s3_users.add_user(s3, "user-keeper")
    s3_users.allow(s3, "backups", "user-keeper", {"s3:GetObject", "s3:PutObject", "s3:ListBucket"})
    (tmp_path / "new.pass").write_text("correct horse battery staple")
    (tmp_path / "new.pass").chmod(0o600)
    place.maxbrod("keys", "add", "--new-passphrase-file", tmp_path / "new.pass", "--passphrase-memory", "64MiB",
                  "--passphrase-passes", "1", env=env)
    slot = next(s["id"] for s in place.maxbrod("keys", "list", "--json").lines if s["kind"] == "passphrase")
    error = refused(place.maxbrod, "keys", "remove", slot, code="permission", said=["s3:DeleteObject", f"keys/{slot}"],
                    env=env)
    assert "s3:DeleteObject" in error["hint"]
    place.sound()


# -- time and tokens

@pytest.mark.parametrize("hours", [-1, 1])
def test_clock_an_hour_off(source, place, tmp_path, hours):
    """The server's time is taken: backups go on, and a machine whose clock is right reads what this one wrote."""
    env = shifted_clock.environment(tmp_path, hours * 3600)
    place.maxbrod(*backup(source), env=env)
    place.maxbrod("verify", "three", env=env)
    place.maxbrod("verify")


def test_clock_that_nothing_helps(s3, place):
    """A server that refuses its own time, too."""
    with S3Faults(s3) as proxy:
        proxy.answer("", "", 403, "RequestTimeTooSkewed", times=-1)
        error = refused(place.through(proxy), "snapshots", code="authentication", said=["clock"])
        assert "NTP" in error["hint"]
    place.sound()


def credentials_file(path, name):
    """Written as those who renew tokens write it: at once, in the old one's place."""
    part = path.with_suffix(".part")
    part.write_text(f"[default]\naws_access_key_id = {name}\naws_secret_access_key = {name}-secret\n")
    os.chmod(part, 0o600)
    os.rename(part, path)


def by(user, request):
    return f"Credential={user}/" in request.header("authorization")


def test_token_expires_in_mid_run(s3, source, place, tmp_path):
    """Without new keys the run ends and says so; new keys in the file are found, and the run goes on."""
    file = tmp_path / "credentials"
    for user in ("before", "after"):
        s3_users.add_user(s3, user)
    s3_users.allow(s3, "backups", ["before", "after"], NEEDED)
    credentials_file(file, "before")
    env = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SHARED_CREDENTIALS_FILE": str(file),
           "AWS_CONFIG_FILE": "/nonexistent"}
    with S3Faults(s3) as proxy:
        proxy.answer("", "", 400, "ExpiredToken", times=-1, skip=MID_RUN, when=lambda r: by("before", r))
        error = refused(place.through(proxy, env), *backup(source), code="authentication", said=["ExpiredToken"])
        assert "temporary credentials" in error["hint"]
    place.sound()
    with S3Faults(s3) as proxy:
        seen = []

        def renewed(request):
            if by("before", request):
                seen.append(request.key)
            if len(seen) == MID_RUN:
                credentials_file(file, "after")
            return len(seen) >= MID_RUN and by("before", request)

        proxy.answer("", "", 400, "ExpiredToken", times=-1, when=renewed)
        place.through(proxy, env)(*backup(source))
    place.maxbrod("verify", "three")


# -- endpoints and space

def test_endpoint_down(place, tmp_path):
    """Nobody listens: told after the time that was given."""
    down = Versitygw(tmp_path / "down")
    began = time.monotonic()
    error = refused(place.through(down, retry_seconds=2), "snapshots", code="unavailable",
                    said=[down.endpoint, "config", "tries"])
    assert "endpoint" in error["hint"] and time.monotonic() - began < 20
    place.sound()


@pytest.mark.parametrize("kind, code", [("reset", "protocol"), ("dropped", "timeout")])
def test_endpoint_accepts_and_drops(s3, source, place, kind, code):
    """A connection that ends without an answer, or that says nothing for ever."""
    with S3Faults(s3) as proxy:
        proxy.plan(kind, "", "", times=-1)
        repo = place.through(proxy, retry_seconds=2, stall_seconds=1)
        refused(repo, "snapshots", code=code, said=[proxy.endpoint, "config"])
    with S3Faults(s3) as proxy:  # only writes
        proxy.plan(kind, "PUT", "/pack/", times=-1)
        repo = place.through(proxy, retry_seconds=2, stall_seconds=1)
        error = refused(repo, *backup(source), code="unavailable",
                        said=["pack/", "did not confirm", proxy.endpoint])
        assert "again" in error["hint"]
    place.sound()


@pytest.mark.parametrize("status, code", [(507, "InsufficientStorage"), (507, "XMinioStorageFull"), (403, "QuotaExceeded")])
@pytest.mark.parametrize("where", ["/pack/", "/log/"])
def test_out_of_space(s3, source, place, status, code, where):
    """The bucket is full at the data, or at the commit: the backup ends, what was there is whole, later it goes on."""
    with S3Faults(s3) as proxy:
        full = proxy.answer("PUT", where, status, code, times=-1)
        repo = place.through(proxy)
        refused(repo, *backup(source), code="out_of_space", said=[code, where.strip("/")])
        place.sound()
        full.times = full.fired
        repo(*backup(source))
    place.maxbrod("verify", "three")


# -- objects that are not what they were

@pytest.mark.parametrize("place", ["plain", "sealed"], indirect=True)
def test_one_bit(place):
    """In each kind of object, in its head, its middle and its end, with S3's own checksum right again: verify names it."""
    unnoticed = []
    kinds = place.one_of_each_kind()
    assert {"config", "log", "manifest", "pack", "snapshot"} <= set(kinds)
    assert not place.key or {"keys", "checkpoint"} <= set(kinds)
    for name in kinds.values():
        good = place.get(name)
        for at in (0, len(good) // 2, len(good) - 1):
            bad = bytearray(good)
            bad[at] ^= 0x10
            place.put(name, bytes(bad))
            result = place.maxbrod("verify", expect=None)
            # Of some objects there is another copy, or another way: then reading goes on, but verify does not end with 0.
            if result.code in (0, 70) or name not in result.stdout + result.stderr:
                unnoticed.append((name, at, len(good), str(result)))
        place.put(name, good)
    assert unnoticed == []
    place.sound()


@pytest.mark.parametrize("place", ["plain", "sealed"], indirect=True)
def test_object_missing(place):
    """Each kind of object, gone: verify does not say that all is well. Back in its place, all is."""
    unnoticed = []
    for kind, name in place.one_of_each_kind().items():
        good = place.get(name)
        place.remove(name)
        result = place.maxbrod("verify", expect=None)
        # The newest commit cut off is noticed against a receipt only, and a checkpoint is one of several ways.
        said = "keys/" if kind == "keys" else name  # nobody knows the name of a slot that is gone
        if kind not in ("log", "checkpoint") and (result.code == 0 or said not in result.stdout + result.stderr):
            unnoticed.append((name, str(result)))
        place.put(name, good)
    assert unnoticed == []
    place.sound()


@pytest.mark.parametrize("place", ["plain", "sealed"], indirect=True)
def test_object_of_another_repository(built, place):
    """Whole, of the right kind, under the right name, but another repository's."""
    other = built["other-sealed" if place.key else "other-plain"]
    theirs = other.one_of_each_kind()
    unnoticed = []
    for kind, name in place.one_of_each_kind().items():
        if kind not in theirs:
            continue
        good = place.get(name)
        place.put(name, other.get(theirs[kind]))
        result = place.maxbrod("verify", expect=None)
        if result.code in (0, 70) or name not in result.stdout + result.stderr:
            unnoticed.append((name, str(result)))
        place.put(name, good)
    assert unnoticed == []
    place.sound()


@pytest.mark.parametrize("place", ["plain", "sealed"], indirect=True)
def test_old_commit_in_the_newest_ones_place(place, tmp_path):
    """It is not the one after the one before it. The newest cut off altogether: a receipt tells, and this host knows."""
    state = {"MAXBROD_STATE_DIR": str(tmp_path / "state")}
    head = place.maxbrod("keys", "rotate", "--json", env=state).json["head"] if place.key else None
    place.maxbrod("snapshots", env=state)
    commits = [n for n in place.names() if n.startswith("log/")]
    newest, good = commits[-1], place.get(commits[-1])
    for old in (commits[-2], commits[-3]):
        place.put(newest, place.get(old))
        refused(place.maxbrod, "snapshots", code="corrupt", said=[newest])
        refused(place.maxbrod, "verify", code="corrupt", said=[newest])
    place.remove(newest)
    refused(place.maxbrod, "snapshots", code="conflict", said=["newer commits"], env=state)
    if head:
        refused(place.maxbrod, "snapshots", "--expect-head", head, code="conflict", said=["receipt"])
    place.put(newest, good)
    place.maxbrod("snapshots", env=state)
    place.sound()
