"""The main job over an S3 that fails, stalls and lies on a seeded schedule: every verb ends right or says what is wrong,
and what was committed stays. MAXBROD_TEST_SEED=<printed seed> repeats a run."""

import os
import random
import re
import time

import pytest

from lib import compare, jars
from lib.maxbrod import Maxbrod
from lib.s3_faults import S3Faults
from lib.standins import Versitygw
from lib.trips import delete

KEEP = {"retention.ms": "-1"}
SEEDS = [int(s) for s in os.environ.get("MAXBROD_TEST_SEED", "1 6").split()]

# What may happen to any request, to those that read, and to those that create.
PASSING = ("internal_error", "slow_down", "reset", "stall")
READING = (*PASSING, "torn", "flip", "lost_reply")
CREATING = (*PASSING, "internal_error_applied", "reset_midway", "lost_reply", "late", "resent", "conflict")
# Bytes that are not the stored ones may end a verb, with the object's name; all else is waited out.
LIES = ("flip",)

# Requests that each verb certainly makes: of these the dice choose some to fail.
CERTAIN = {
    "init": [("PUT", "/config$"), ("PUT", "/config.copy$"), ("HEAD", "/config$"), ("GET", "/config$")],
    "backup": [("PUT", "/pack/"), ("PUT", "/log/"), ("PUT", "/manifest/"), ("PUT", "/snapshot/"), ("GET", "/config$"),
               ("GET", "prefix=.*log"), ("GET", "/log/")],
    "verify": [("GET", "/pack/"), ("GET", "/log/"), ("GET", "/manifest/"), ("GET", "/snapshot/")],
    "restore": [("GET", "/pack/"), ("PUT", "/log/"), ("GET", "/manifest/"), ("GET", "/snapshot/"), ("GET", "prefix=.*log")],
}
# And each of the others.
ALL_MAKE = [("GET", "/config$"), ("GET", "/log/"), ("GET", "prefix=.*log")]
# Of docs/reference.md: what a store may do to a verb. Nothing else may come out of it.
CODES = {"not_found", "already_exists", "conflict", "unavailable", "timeout", "protocol", "corrupt", "unsupported"}


@pytest.fixture(scope="module", params=[jars.NEWEST])
def version(request):
    return request.param


class Trial:
    """Verbs through the faults of one seed, each tried again until it ends right."""

    def __init__(self, s3, folder, seed):
        self.seed = seed
        self.dice = random.Random(seed)
        self.proxy = S3Faults(s3, seed, rate=0.08, kinds=sorted({*READING, *CREATING}))
        self.repo = Maxbrod("/nowhere")
        self.sound = Maxbrod("/nowhere")  # the same one, without faults
        self.folder = folder
        self.failures = []
        self._s3 = s3

    def __enter__(self):
        self.proxy.start()
        for maxbrod, server in ((self.repo, self.proxy), (self.sound, self._s3)):
            maxbrod.url = server.url("backups", f"seed-{self.seed}")
            maxbrod.env = dict(server.env)
        if self.seed % 2:
            key = self.folder / "repository.key"
            for maxbrod in (self.repo, self.sound):
                maxbrod.env["MAXBROD_KEY_FILE"] = str(key)
            self.init = ("--encryption", "keyfile", "--key-file", key)
        else:
            self.init = ()
        return self

    def __exit__(self, *_):
        self.proxy.stop()

    def __call__(self, verb, *args, done=lambda: False):
        """Plans two faults for what the verb certainly does, and runs it. An end that is not right must say so, and by
        name; `done` tells whether it came true all the same."""
        chosen = self.dice.sample(CERTAIN.get(verb, ALL_MAKE), 2)
        planned = [self.proxy.plan(self.dice.choice(CREATING if method == "PUT" else PASSING if method == "HEAD" else READING),
                                   method, key) for method, key in chosen]
        for _ in range(6):
            result = self.repo(verb, *args, "--json", expect=None)
            if result.code == 0:
                break
            self.failures.append(f"{verb}: exit {result.code}: {result.stderr[-1000:]}")
            self._judge(result)
            if done():
                break
        else:
            raise AssertionError(f"{verb} never ended right: {self.failures}\n{self.proxy.story()}")
        self.proxy.check()
        assert all(f.fired for f in planned)
        return result

    def _judge(self, result):
        error = result.json["error"]
        assert error["code"] in CODES, f"{result}\n{self.proxy.story()}"
        told = result.stderr + error["message"]
        named = re.search(r"(config|log/|manifest/|snapshot/|pack/|keys/|checkpoint/|backups|commit \d|snapshot ')", told)
        assert named, f"no object is named: {result}\n{self.proxy.story()}"
        assert error["code"] != "corrupt" or any(self.proxy.fired[lie] for lie in LIES), f"{result}\n{self.proxy.story()}"

    def names(self, maxbrod):
        return {s["name"] for s in maxbrod("snapshots", "--json").lines}

    def backup(self, cluster, name):
        """A backup that says `already_exists` of a name that it took itself, before its answer was lost, is done."""
        self("backup", "--bootstrap-server", cluster.bootstrap(), "--name", name, "--topics", f"faulty-{self.seed}.*",
             "--pack-size", "1MiB", done=lambda: name in self.names(self.sound))


def fill(probe, seed):
    for number, codec in enumerate(("none", "lz4")):
        topic = f"faulty-{seed}.{codec}"
        probe.create_topic(topic, 2, **KEEP)
        probe.produce(topic, 1500, codec=codec, value_max=3000, headers=2, seed=number)
    probe.create_topic(f"faulty-{seed}.tx", 1, **KEEP)
    probe.produce(f"faulty-{seed}.tx", 300, transactions="cac", batch_records=50)
    return [t for t in probe.topics() if t.startswith(f"faulty-{seed}.")]


def age(folder, days):
    """Objects were made so long ago, by the server's clock, which is that of its files."""
    then = time.time() - days * 86400
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_verb(pair, tmp_path, seed):
    """init, backups, verify, restore, snapshots, offsets, forget, prune through the faults; then the truth, without
    them."""
    source, target = pair.source, pair.target
    topics = fill(source.probe, seed)
    expected = {}
    with Versitygw(tmp_path / "s3") as s3:
        s3.create_bucket("backups")
        with Trial(s3, tmp_path, seed) as trial:
            trial("init", *trial.init, done=lambda: trial.sound("snapshots", expect=None).code == 0)
            for name in ("one", "two"):
                expected[name] = compare.fingerprint(source.probe, topics, tmp_path / name)
                trial.backup(source, name)
                source.probe.produce(topics[0], 700, value_max=2000, seed=seed)
                trial("verify", name)
            assert trial.names(trial.repo) == {"one", "two"}
            trial("restore", "two", "--bootstrap-server", target.bootstrap())
            assert same(expected["two"], target.probe, topics) == []
            trial("snapshots")
            trial("offsets", "two")
            trial.backup(source, "three")
            trial("forget", "three", done=lambda: "three" not in trial.names(trial.sound))
            age(s3.objects, 8)  # younger objects are let alone
            pruned = trial("prune").json
            assert pruned["condemned_objects"] + pruned["waiting_objects"] > 0
            print(f"seed {seed}: {len(trial.proxy.requests)} requests, fired {dict(trial.proxy.fired)}; {trial.failures}")
            trial.proxy.clear()
            # What answered success is there, whole, and restores equal.
            for name in ("one", "two"):
                trial.sound("verify", name)
                delete(target.probe, *topics)
                trial.sound("restore", name, "--bootstrap-server", target.bootstrap())
                assert same(expected[name], target.probe, topics) == []
            assert trial.names(trial.sound) == {"one", "two"}
            trial.sound("verify")
            delete(target.probe, *topics)


def same(expected, probe, topics):
    return compare.differences(expected, compare.fingerprint(probe, topics))


# What can happen at each step of a pack's upload in parts; of a turn, no fault keeps another from firing.
PARTS = [
    [("slow_down", "POST", "uploads="), ("lost_reply", "PUT", "partNumber=2"), ("conflict", "POST", "uploadId="),
     ("error_in_200_applied", "POST", "uploadId=")],
    [("internal_error", "POST", "uploads="), ("reset_midway", "PUT", "partNumber=1"), ("error_in_200", "POST", "uploadId="),
     ("lost_reply", "POST", "uploadId=")],
    [("internal_error", "PUT", "partNumber=1"), ("slow_down", "POST", "uploadId="), ("resent", "POST", "uploadId=")],
]


def test_packs_in_parts(pair, tmp_path):
    """A pack of two parts, and everything that can go wrong with them; no part is left behind."""
    probe = pair.source.probe
    probe.create_topic("parted", 1, **KEEP)
    probe.produce("parted", 720, value_min=100_000, value_max=100_000, seed=3)
    with Versitygw(tmp_path / "s3") as s3:
        s3.create_bucket("backups")
        for turn, faults in enumerate(PARTS):
            with S3Faults(s3, turn) as proxy:
                for kind, method, query in faults:
                    proxy.plan(kind, method, "/pack/", when=lambda r, query=query: query in r.query)
                repo = Maxbrod("/nowhere")
                repo.url, repo.env = proxy.url("backups", f"turn-{turn}"), dict(proxy.env)
                repo("init")
                repo.backup(pair.source, "one", "--topics", "parted", "--pack-size", "120MiB")
                repo.verify("one")
            assert b"<Upload>" not in s3.request("GET", "/backups", "uploads=")[2]
