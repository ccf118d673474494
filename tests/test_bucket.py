"""The bucket of a repository: what it is like, making it what it should be, who needs what there, and the doctor."""

import fcntl
import json
import os
import pty
import subprocess
import termios
import time
import xml.etree.ElementTree as ElementTree

import pytest

from lib import jars
from lib.maxbrod import BINARY, Maxbrod
from lib.standins import Moto, Versitygw

KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
FOREIGN = (b'<LifecycleConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Rule><ID>theirs</ID>'
           b"<Filter><Prefix>logs/</Prefix></Filter><Status>Enabled</Status><Expiration><Days>9</Days></Expiration>"
           b"</Rule></LifecycleConfiguration>")


class InBucket(Maxbrod):
    """Verbs against a repository in a bucket; two words may make one verb: m("bucket check")."""

    def __init__(self, s3, prefix, bucket="bucket", **parameters):
        super().__init__("/nowhere")
        self.s3 = s3
        self.url = s3.url(bucket, prefix, **parameters)
        self.env = dict(s3.env)

    def start(self, verb, *args, env=None):
        first, *rest = verb.split()
        return super().start(first, *rest, *args, env=env)

    def settings(self, **options):
        answer = self("bucket check", "--json", expect=None, **options).lines[0]
        return {s["setting"]: s for s in answer["settings"]}

    def checks(self, *args, **options):
        answer = self("doctor", "--json", *args, expect=None, **options).lines[0]
        return {f"{c['area']} {c['check']}": c for c in answer["checks"]}


@pytest.fixture(scope="module")
def version():
    """Brokers matter little here: one kind will do."""
    return jars.NEWEST


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    with Moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="module")
def versity(tmp_path_factory):
    with Versitygw(tmp_path_factory.mktemp("versity")) as server:
        server.create_bucket("bucket")
        yield server


def rules(s3, bucket):
    body = s3.request("GET", f"/{bucket}", "lifecycle=")[2]
    space = {"s3": "http://s3.amazonaws.com/doc/2006-03-01/"}
    return {r.find("s3:ID", space).text: ElementTree.tostring(r).decode()
            for r in ElementTree.fromstring(body).findall("s3:Rule", space)}


def test_a_bucket_becomes_what_a_repository_needs(moto):
    """Before there is a repository: check, dry run, refusal without consent, setup, check again; another's rule stays."""
    moto.create_bucket("fresh")
    assert moto.request("PUT", "/fresh", "lifecycle=", FOREIGN)[0] == 200
    m = InBucket(moto, "kafka/prod", "fresh")
    before = m("bucket check", "--json", expect=20)
    assert before.lines[0]["ok"] is False and before.lines[0]["bucket"] == "fresh"
    assert m.settings()["versioning"]["state"] == "missing"
    assert "versioning" in m("bucket check", expect=20).stdout
    dry = m("bucket setup", "--dry-run", "--json").json
    assert dry["done"] is False
    assert [c["setting"] for c in dry["changes"]] == ["public-access", "encryption", "versioning", "old-versions",
                                                      "abort-uploads"]
    refused = m("bucket setup", expect=2)
    assert "will be" in refused.stdout.lower() and "--yes" in refused.stderr
    assert m.settings()["versioning"]["state"] == "missing"
    done = m("bucket setup", "--yes", "--cold-after", "30d", "--cold-class", "DEEP_ARCHIVE", "--json").json
    assert done["done"] is True and [c["setting"] for c in done["changes"]] == ["cold-packs"]
    assert any("thawed" in w for w in done["warnings"])
    assert "done: versioning" in m("bucket setup", "--yes").stdout
    assert m("bucket check", "--json").lines[0]["ok"] is True
    assert all(s["state"] == "good" for s in m.settings().values())
    assert m("bucket setup", "--yes", "--json").json["changes"] == []
    kept = rules(moto, "fresh")
    assert len(kept) == 4 and "logs/" in kept.pop("theirs")
    assert all(name.startswith("maxbrod-") for name in kept)
    cold = [text for text in kept.values() if "DEEP_ARCHIVE" in text]
    assert len(cold) == 1 and "kafka/prod/pack/" in cold[0]
    assert [text for text in kept.values() if "kafka/prod/pack/" not in text and "DEEP_ARCHIVE" in text] == []


def test_a_person_is_asked(moto):
    """On a terminal: nothing happens after 'n', and after Ctrl-C; 'y' is consent."""
    moto.create_bucket("asked")
    m = InBucket(moto, "r", "asked")

    def answer(keys):
        ours, theirs = pty.openpty()
        run = subprocess.Popen([BINARY, "bucket", "setup", "--versioning", "--repo", m.url], stdin=theirs, stderr=theirs,
                               stdout=subprocess.DEVNULL, env={**os.environ, **m.env}, start_new_session=True,
                               preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(theirs)
        shown = b""
        while b"[y/N]" not in shown:
            shown += os.read(ours, 1000)
        os.write(ours, keys)
        code = run.wait(60)
        os.close(ours)
        return code

    assert answer(b"n\n") == 2
    assert answer(b"\x03") == 130
    assert m.settings()["versioning"]["state"] == "missing"
    assert answer(b"y\n") == 0
    assert m.settings()["versioning"]["state"] == "good"


def test_encryption_object_lock_and_rules_that_hurt(moto):
    """KMS by default, a default retention with its price told, a foreign rule that would remove the repository."""
    moto.create_bucket("locked")
    m = InBucket(moto, "kafka", "locked")
    assert "needs versioning" in m("bucket setup", "--lock-mode", "governance", "--lock-days", "3", "--yes", expect=20).stdout
    told = m("bucket setup", "--versioning", "--lock-mode", "governance", "--lock-days", "3", "--sse", "aws:kms",
             "--kms-key-id", KEY, "--yes").stdout
    assert "cannot be switched off" in told and "outside of 'kafka/'" in told
    settings = m.settings()
    assert settings["object-lock"]["is"] == "on, GOVERNANCE for 3 days by default"
    assert KEY in settings["encryption"]["is"]
    assert moto.request("PUT", "/locked", "lifecycle=", FOREIGN.replace(b"logs/", b"kaf"))[0] == 200
    answer = m("bucket check", "--json", expect=20)
    assert "theirs" in answer.stdout
    assert m.settings()["lifecycle-rules"]["state"] == "danger"
    assert m.checks()["bucket lifecycle-rules"]["grade"] == "failure"


def test_init_sets_the_bucket_up_first(moto):
    """--setup-bucket: shown first, nothing made without consent; SSE-KMS headers reach every object of the repository."""
    moto.create_bucket("made")
    m = InBucket(moto, "r", "made", sse="aws:kms", kms_key_id=KEY, meta_storage_class="STANDARD_IA")
    assert m("init", "--setup-bucket", expect=2).stdout.startswith("bucket made, to be changed:")
    assert moto.request("HEAD", "/made/r/config")[0] == 404
    lines = m("init", "--setup-bucket", "--yes", "--json").lines
    assert lines[0]["done"] is True and lines[1]["encrypted"] is False
    assert m("bucket check", "--json").lines[0]["ok"] is True
    status, headers, _ = moto.request("HEAD", "/made/r/config")
    assert status == 200
    headers = {name.lower(): value for name, value in headers.items()}
    assert headers["x-amz-server-side-encryption"] == "aws:kms"
    assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == KEY
    assert headers["x-amz-storage-class"] == "STANDARD_IA"
    for parameter in ("storage_class", "meta_storage_class"):
        cold = InBucket(moto, "cold", "made", **{parameter: "GLACIER"})
        assert "--cold-class GLACIER" in cold("init", expect=2).stderr


def test_policies_name_the_keys_of_the_repository(moto):
    """KMS keys are looked up in its slots, and bound to its id."""
    moto.create_bucket("sealed")
    arn = moto.create_key("us-east-1")
    m = InBucket(moto, "r", "sealed")
    m.env["AWS_ENDPOINT_URL_KMS"] = moto.endpoint
    made = m("init", "--encryption", "kms", "--kms-key", arn, "--json").json
    policy = json.loads(m("bucket policy", "backup").stdout)
    opens = [s for s in policy["Statement"] if s["Sid"].startswith("OpenRepository")]
    assert [(s["Resource"], s["Action"]) for s in opens] == [(arn, ["kms:Decrypt"])]
    assert made["id"] in json.dumps(opens)
    assert m.checks()["keys slots"]["grade"] == "failure"


def test_what_an_endpoint_has_not_is_said(versity):
    """versitygw has versioning and no lifecycle: what can be done is done, the rest is named, exit 20."""
    versity.create_bucket("plain")
    m = InBucket(versity, "kafka", "plain")
    result = m("bucket setup", "--yes", expect=20)
    assert "done: versioning" in result.stdout and "not possible: lifecycle rules" in result.stdout
    # Object Lock on a bucket that exists; the repository works below it.
    m("bucket setup", "--lock-mode", "governance", "--lock-days", "1", "--yes")
    m("init")
    version = versity.request("HEAD", "/plain/kafka/config")[1]["x-amz-version-id"]
    assert versity.request("DELETE", "/plain/kafka/config", f"versionId={version}")[0] == 403
    settings = m.settings()
    assert settings["object-lock"]["is"] == "on, GOVERNANCE for 1 day by default"
    assert settings["versioning"]["state"] == "good" and settings["abort-uploads"]["state"] == "unsupported"
    assert m("bucket check").code == 0
    nowhere = InBucket(versity, "kafka", "missing")
    assert "NoSuchBucket" in nowhere("bucket check", expect=2).stderr


def test_the_doctor_ends_uploads_that_killed_runs_left(versity):
    """Named, and ended only when asked to."""
    versity.create_bucket("torn")
    m = InBucket(versity, "kafka", "torn")
    assert versity.request("POST", "/torn/kafka/pack/00/x", "uploads=")[0] == 200
    assert versity.request("POST", "/torn/other/x", "uploads=")[0] == 200
    time.sleep(2)
    assert m.checks("--abort-uploads", "1h")["uploads unfinished"]["what"].startswith("1, the oldest")
    checks = m.checks("--abort-uploads", "1s")
    assert checks["uploads aborted"]["what"] == "1 ended" and checks["uploads unfinished"]["what"] == "none"
    assert versity.request("GET", "/torn", "uploads=")[2].count(b"<Upload>") == 1


class Users:
    """Accounts of a versitygw, whose rights come from the bucket's policy alone."""

    def __init__(self, s3):
        self.s3 = s3
        self.statements = {}

    def add(self, name, policy):
        """A user with what `policy` (as 'bucket policy' prints it) allows; the environment to be him."""
        body = f"<Account><Access>{name}</Access><Secret>{name}-secret</Secret><Role>user</Role></Account>".encode()
        assert self.s3.request("PATCH", "/create-user", body=body)[0] == 201
        self.statements[name] = [
            # Conditions are AWS's: this server has none.
            {**{k: v for k, v in s.items() if k not in ("Condition", "Sid")}, "Principal": {"AWS": [name]}}
            for s in policy["Statement"]]
        everything = [s for statements in self.statements.values() for s in statements]
        status, _, answer = self.s3.request("PUT", "/bucket", "policy=",
                                            json.dumps({"Version": "2012-10-17", "Statement": everything}).encode())
        assert status in (200, 204), answer
        return {"AWS_ACCESS_KEY_ID": name, "AWS_SECRET_ACCESS_KEY": f"{name}-secret", "AWS_EC2_METADATA_DISABLED": "true"}


def test_the_printed_policies_are_enough_and_the_doctor_knows(versity, pair):
    """Backup and restore with what 'bucket policy' grants and no more; the doctor names what is missing or too much."""
    m = InBucket(versity, "kafka/prod")
    # With versions, so that a delete marker would be seen.
    m("bucket setup", "--versioning", "--yes")
    m("init")
    users = Users(versity)
    env = {role: users.add(role, json.loads(m("bucket policy", role).stdout)) for role in ("backup", "restore", "prune")}
    nobody = users.add("nobody", {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject",
                                                 "Resource": "arn:aws:s3:::bucket/*"}]})
    pair.source.probe.create_topic("leastpolicy", 2)
    pair.source.probe.produce("leastpolicy", 500)
    m.backup(pair.source, "one", "--topics", "leastpolicy", env=env["backup"])
    m.restore(pair.target, "one", env=env["restore"])
    m.verify("one", env=env["restore"])
    listing = versity.request("GET", "/bucket", "prefix=&versions=")[2]
    for role in ("backup", "restore", "prune"):
        checks = m.checks("--role", role, env=env[role])
        wrong = {name: c for name, c in checks.items()
                 if name.startswith("rights") and c["grade"] in ("warning", "failure")}
        assert wrong == {}, wrong
        assert checks["repository open"]["what"].startswith("1 snapshots")
    too_much = m.checks("--role", "backup", env=env["prune"])["rights s3:DeleteObject"]
    assert too_much["grade"] == "warning" and "must not" in too_much["what"]
    too_little = m("doctor", "--json", "--role", "backup", expect=20, env=nobody)
    grades = {c["check"]: c["grade"] for c in too_little.lines[0]["checks"] if c["area"] == "rights"}
    assert grades["s3:PutObject"] == grades["s3:ListBucket"] == "failure" and grades["s3:GetObject"] == "ok"
    # Looking has changed nothing.
    assert versity.request("GET", "/bucket", "prefix=&versions=")[2] == listing


def test_policies_without_a_repository():
    """Offline, with placeholders, KMS and MSK."""
    arn = "arn:aws:kafka:eu-west-1:123456789012:cluster/demo/abc-1"
    run = subprocess.run([BINARY, "bucket", "policy", "restore", "--kms-key", KEY, "--msk-cluster", arn], text=True,
                         capture_output=True, check=True, timeout=60)
    policy = run.stdout
    assert json.loads(policy)["Version"] == "2012-10-17"
    assert "arn:aws:s3:::BUCKET/PREFIX/*" in policy and KEY in policy
    assert "kafka-cluster:WriteData" in policy and "kms:Decrypt" in policy and "DeleteObject" not in policy


def test_doctor_in_a_folder(tmp_path):
    """A folder: its mode, free space, key slots of one kind only."""
    m = Maxbrod(tmp_path / "repo")
    key = tmp_path / "key"
    m("init", "--encryption", "keyfile", "--key-file", key)
    answer = m("doctor", "--json", "--key-file", key, expect=20)
    grades = {f"{c['area']} {c['check']}": c["grade"] for c in answer.lines[0]["checks"]}
    assert grades["keys slots"] == "failure" and grades["repository open"] == "ok" and grades["folder mode"] == "ok"
    phrase = tmp_path / "phrase"
    phrase.write_text("correct horse battery staple\n")
    phrase.chmod(0o600)
    m("keys", "add", "--key-file", key, "--new-passphrase-file", phrase, "--passphrase-memory", "64MiB")
    assert m("doctor", "--json").json["ok"] is True
    os.chmod(tmp_path / "repo", 0o777)
    assert "chmod" in m("doctor", expect=20).stdout
    assert m("bucket", "check", expect=2).stderr.startswith("maxbrod: only a repository in S3")
