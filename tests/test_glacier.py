"""Packs in cold storage (moto: GLACIER, thaws that take seconds): what needs them says so, the rest works without."""

import json
import re
import signal
import time

import pytest

from lib import compare, jars
from lib.maxbrod import Maxbrod
from lib.standins import Moto

KEEP = {"retention.ms": "-1"}
BUCKET = "backups"
THAW_SECONDS = 8


@pytest.fixture(scope="module", params=[jars.NEWEST])
def version(request):
    return request.param


@pytest.fixture(scope="module")
def broker_config():
    """Connections end while a restore waits for a thaw, as they do in the hours that it takes."""
    return {"connections.max.idle.ms": 3000}


class Archive:
    """A bucket whose packs go into an archive and come back."""

    def __init__(self, s3):
        self.s3 = s3
        s3.create_bucket(BUCKET)

    def repository(self, prefix):
        maxbrod = Maxbrod("/nowhere")
        maxbrod.url = self.s3.url(BUCKET, prefix)
        maxbrod.env = self.s3.env
        maxbrod.init()
        return maxbrod

    def packs(self, prefix):
        status, _, body = self.s3.request("GET", f"/{BUCKET}", f"list-type=2&prefix={prefix}%2Fpack")
        assert status == 200
        return re.findall(r"<Key>([^<]+)</Key>", body.decode())

    def freeze(self, prefix, storage_class="GLACIER"):
        """What a lifecycle rule does. Thawed packs are as cold as before, too."""
        packs = self.packs(prefix)
        for key in packs:
            status, _, body = self.s3.request("PUT", f"/{BUCKET}/{key}", headers={
                "x-amz-copy-source": f"/{BUCKET}/{key}", "x-amz-storage-class": storage_class})
            assert status == 200, body
        return packs

    def thaws_take(self, seconds):
        """moto counts from when the object was made; at once with 0."""
        transition = {"progression": "time", "seconds": seconds} if seconds else {"progression": "immediate"}
        status, _, body = self.s3.request(
            "POST", "/moto-api/state-manager/set-transition", headers={"content-type": "application/json"},
            body=json.dumps({"model_name": "s3::keyrestore", "transition": transition}).encode())
        assert status in (200, 201), body

    def thawed(self, prefix):
        """How many packs have been asked for, there or not."""
        return sum("x-amz-restore" in self.s3.request("HEAD", f"/{BUCKET}/{key}")[1] for key in self.packs(prefix))


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    with Moto(tmp_path_factory.mktemp("moto")) as s3:
        yield Archive(s3)


@pytest.fixture(autouse=True)
def at_once(archive):
    yield
    archive.thaws_take(0)


def quota(cluster, rate):
    cluster.probe("set-quota", entity={"client-id": None}, quotas={"producer_byte_rate": rate})


def held(probe, topic):
    """Where the log of the topic's first partition ends; 0 as well while there is none."""
    return probe.offsets(topic)[topic].get(0, {"end": 0})["end"] if topic in probe.topics() else 0


def test_thaw_and_restore(pair, archive, tmp_path):
    """All cold: plans are made, a restore is refused; --thaw asks, --wait goes on by itself; backups work."""
    repo, probe = archive.repository("main"), pair.source.probe
    probe.create_topic("ice.plain", 2, **KEEP)
    probe.produce("ice.plain", 4000, value_max=2000, headers=2, time=1_700_000_000_000, step=1000)
    probe.create_topic("ice.tx", 1, **KEEP)
    probe.produce("ice.tx", 900, transactions="cac", batch_records=100)
    topics = ["ice.plain", "ice.tx"]
    expected = compare.fingerprint(probe, topics, tmp_path / "source")
    repo.backup(pair.source, "one", "--topics", "ice.*", "--pack-size", "1MiB")
    archive.thaws_take(THAW_SECONDS)
    packs = archive.freeze("main")
    frozen = time.monotonic()

    # Plans need no data of packs.
    refused = repo.restore(pair.target, "one", "--dry-run", "--json", expect=6).lines
    plan, error = refused[-2], refused[-1]["error"]
    thaw = plan["thaw"]
    assert (thaw["packs"], thaw["packs_read"], thaw["thawing"]) == (len(packs), len(packs), 0)
    assert [c["storage_class"] for c in thaw["classes"]] == ["GLACIER"]
    assert {t["tier"]: t["seconds_max"] for t in thaw["tiers"]} == {"expedited": 300, "standard": 18000, "bulk": 43200}
    assert all(t["dollars"] > 0 and t["days"] == 1 for t in thaw["tiers"])
    assert thaw["unknown"] == [] and thaw["tier"] is None and plan["refusals"]
    assert "--thaw standard" in error["hint"] and "cold storage" in error["message"]
    shown = repo.restore(pair.target, "one", "--dry-run", "--thaw", "bulk").stdout
    assert "cold storage" in shown and "chosen" in shown and "list prices" in shown
    plan = repo.restore(pair.target, "one", "--dry-run", "--json", "--thaw", "standard", "--at", "1700000900000",
                        "--offsets", "ice.tx=dense").json
    unknown = "\n".join(plan["thaw"]["unknown"])
    assert "--at cuts topic 'ice.plain'" in unknown and "records of topic 'ice.tx'" in unknown
    assert plan["refusals"] == []

    # Nothing was touched by any of them, nor is it by a restore without the flag.
    repo.restore(pair.target, "one", expect=6)
    assert archive.thawed("main") == 0
    assert not {"ice.plain", "ice.tx"} & set(pair.target.probe.topics())

    # All else works while old packs are cold.
    probe.create_topic("ice.new", 1, **KEEP)
    probe.produce("ice.new", 100)
    probe.produce("ice.plain", 100)
    repo.backup(pair.source, "two", "--topics", "ice.*")
    assert [s["name"] for s in repo("snapshots", "--json").lines] == ["one", "two"]
    repo("show", "one", "--json")
    repo("dump", "config")
    assert "verify reads" in repo("verify", "one", "--no-cluster", expect=6).stderr
    report = repo("verify", "--no-cluster", "--cold", "skip", "--json").json
    assert (report["ok"], report["cold_packs"], report["problem_count"]) == (True, len(packs), 0)
    assert report["packs"] > 0 and report["records"] > 0

    # Asked for once; the same command goes on when it is there.
    time.sleep(max(0.0, frozen + THAW_SECONDS + 1 - time.monotonic()))
    restore = ("one", "--thaw", "standard", "--thaw-days", "3")
    first = repo.restore(pair.target, *restore, expect=20)
    assert "asked for the thaw" in first.stderr and "same command" in first.stderr
    assert archive.thawed("main") == len(packs)
    assert "not there yet" in repo.restore(pair.target, *restore, expect=20).stderr
    assert not {"ice.plain", "ice.tx"} & set(pair.target.probe.topics())
    report = repo.restore(pair.target, *restore, "--wait", "--json").json
    assert report["plan"]["thaw"]["packs"] == 0 and report["plan"]["thaw"]["thawed"] == len(packs)
    assert compare.differences(expected, compare.fingerprint(pair.target.probe, topics, tmp_path / "target")) == []
    repo.verify("one", cluster=pair.target)


def test_copies_end_in_mid_restore(pair, archive):
    """What freezes while it is read is thawed again, and the restore goes on where it was."""
    repo, probe = archive.repository("mid"), pair.source.probe
    probe.create_topic("ice.mid", 1, **KEEP)
    probe.produce("ice.mid", 6000, value_min=1000, value_max=1000, codec="none", batch_bytes=65_536)
    expected = compare.fingerprint(probe, ["ice.mid"])
    repo.backup(pair.source, "one", "--topics", "ice.mid", "--pack-size", "256KiB")
    packs = archive.freeze("mid")
    assert len(packs) > 4
    quota(pair.target, 300_000)
    try:
        run = repo.start("restore", "one", "--bootstrap-server", pair.target.bootstrap(), "--thaw", "bulk", "--wait",
                         "--memory", "1MiB", "--no-calibrate", "--json")
        deadline = time.monotonic() + 60
        while not held(pair.target.probe, "ice.mid"):
            assert run.process.poll() is None and time.monotonic() < deadline, run.wait(5)
            time.sleep(0.1)
        run.signal(signal.SIGSTOP)
        archive.freeze("mid")
        run.signal(signal.SIGCONT)
        result = run.wait(120)
    finally:
        quota(pair.target, None)
    assert result.code == 0, result
    assert any("ended in mid-restore" in line.get("warning", "") for line in result.lines), result
    assert result.json["resumed"]
    assert compare.differences(expected, compare.fingerprint(pair.target.probe, ["ice.mid"])) == []


def test_what_an_interrupted_backup_left(pair, archive):
    """Its packs are in no manifest yet; when they are cold the next backup says so, or thaws them."""
    repo, probe = archive.repository("loose"), pair.source.probe
    probe.create_topic("ice.loose", 1, **KEEP)
    probe.produce("ice.loose", 500)
    repo.backup(pair.source, "dead", "--topics", "ice.loose", env={"MAXBROD_CRASH_AT": "packs.committed"}, expect=137)
    archive.freeze("loose", "DEEP_ARCHIVE")
    refused = repo.backup(pair.source, "one", "--topics", "ice.loose", expect=6)
    assert "cold storage (DEEP_ARCHIVE)" in refused.stderr and "--thaw" in refused.stderr
    denied = repo.backup(pair.source, "one", "--topics", "ice.loose", "--thaw", "expedited", expect=2)
    assert "no expedited" in denied.stderr
    repo.backup(pair.source, "one", "--topics", "ice.loose", "--thaw", "standard", "--wait")
    archive.freeze("loose", "DEEP_ARCHIVE")
    repo("verify", "one", "--no-cluster", "--thaw", "bulk", "--wait")
