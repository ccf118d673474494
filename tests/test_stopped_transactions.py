"""Restores of logs with transactions and holes, killed at named steps and at any moment: the same command goes on."""

import random
import signal
import time

import pytest

import test_holes
from lib import compaction, compare, jars, trips
from lib.maxbrod import Maxbrod

KEEP = {"retention.ms": "-1"}
YEAR_AGO = 1_640_000_000_000
KILLED = 137
STEPS = [
    "restore.before_add_partitions:4", "restore.after_add_partitions", "restore.after_add_partitions:5",
    "restore.before_end_txn:3", "restore.after_end_txn", "restore.after_end_txn:6", "restore.after_data",
    "restore.before_done",
]
CLEANER_STEPS = ["restore.before_cleaning", "restore.cleaning", "restore.after_cleaning", "restore.after_configs"]
END_TXN_STEPS = ["restore.before_add_partitions:2", "restore.before_end_txn:2", "restore.after_end_txn:3"]


@pytest.fixture(scope="module")
def broker_config():
    """Transactions that wait for longer than this are aborted by the coordinator, soon after."""
    return {**compaction.BROKER, "transaction.abort.timed.out.transaction.cleanup.interval.ms": 500}


@pytest.fixture(scope="module")
def loaded(pair, tmp_path_factory):
    """A snapshot of a topic with all kinds of transactions, and of one with holes; the records are a year old."""
    probe = pair.source.probe
    probe.create_topic("tx", 3, **KEEP)
    probe("transactions", topics=["tx"], transactions=60, seed=11, transactional_id="tx", abort=0.5, fenced=0.2,
          plain=0.2, markers=0.05, time=YEAR_AGO, step=1000, value_min=3000, value_max=9000, headers=1)
    probe("delete-records", topic="tx", partition=2, before=40)
    pair.tails = test_holes.make(pair.source, "holes", ["transactions", "inside", "tombstones"])
    pair.topics = ["tx", "holes.transactions", "holes.inside", "holes.tombstones"]
    compaction.freeze(probe, *pair.topics[1:])
    pair.folder = tmp_path_factory.mktemp("loaded")
    pair.expected = compare.fingerprint(probe, pair.topics, pair.folder / "one-source")
    pair.repo = Maxbrod(pair.folder / "repo")
    pair.repo.init()
    pair.repo.backup(pair.source, "one")
    yield pair
    quota(pair.target, None)


def quota(cluster, rate):
    """Bytes per second that the brokers grant to any producer; None lifts it."""
    cluster.probe("set-quota", entity={"client-id": None}, quotas={"producer_byte_rate": rate})


def hanging(cluster):
    """Partitions of tx that wait for the end of a transaction."""
    return [p for p, v in cluster.probe.offsets("tx")["tx"].items() if v["stable"] < v["end"]]


def check(loaded, cluster, prefix, topics):
    """The topics prefix<name> are what they were on the source, or what a cleaner may make of that."""
    rename = {topic: f"{prefix}{topic}" for topic in topics}
    folder = loaded.folder / f"{prefix}target"
    actual = compare.fingerprint(cluster.probe, list(rename.values()), folder)

    def only(some):
        return {"offsets": {t: loaded.expected["offsets"][t] for t in some},
                "configs": {t: loaded.expected["configs"][t] for t in some},
                "records": {i: {p: v for p, v in dump.items() if p.rpartition(":")[0] in some}
                            for i, dump in loaded.expected["records"].items()}}

    found = compare.differences(only({"tx"} & set(topics)), actual, rename.get)
    found += compaction.compare_topics(only(set(topics) - {"tx"}), actual, loaded.folder / "one-source", folder,
                                       loaded.tails, rename.get)
    return found


def command(loaded, cluster, prefix, topics, *more):
    return ("restore", "one", "--bootstrap-server", cluster.bootstrap(), "--no-groups",
            *(word for t in topics for word in ("--topics", t)), "--rename", f"/(.+)/={prefix}$1", *more)


@pytest.mark.parametrize("version", [jars.NEWEST], scope="module")
@pytest.mark.parametrize("how, step", [("auto", s) for s in STEPS] + [("end-txn", s) for s in END_TXN_STEPS])
def test_killed_at(loaded, version, how, step):
    """Killed at that step, or at its nth time, and run again: the same log."""
    prefix = f"at.{how}.{step.replace(':', '.')}."
    args = command(loaded, loaded.target, prefix, ["tx"], "--markers", how)
    died = loaded.repo(*args, env={"MAXBROD_CRASH_AT": step}, expect=None)
    assert died.code == KILLED, died
    loaded.repo(*args)
    assert check(loaded, loaded.target, prefix, ["tx"]) == []
    assert loaded.repo(*args, "--json").json["already_done"]


@pytest.mark.parametrize("version", [jars.NEWEST], scope="module")
@pytest.mark.parametrize("step", CLEANER_STEPS)
def test_killed_while_cleaning(loaded, version, step):
    """Killed when the brokers' cleaner is at it for us."""
    prefix = f"cleaning.{step}."
    topics = loaded.topics[1:]
    args = command(loaded, loaded.target, prefix, topics, "--holes", "cleaner")
    died = loaded.repo(*args, env={"MAXBROD_CRASH_AT": step}, expect=None)
    assert died.code == KILLED, died
    loaded.repo(*args)
    assert check(loaded, loaded.target, prefix, topics) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_stopped_at_any_moment(loaded, seed, number):
    """However often: the same command goes on, and ends with every offset as it was."""
    dice = random.Random(seed)
    prefix = f"any.{int(number)}."
    args = command(loaded, loaded.target, prefix, loaded.topics, "--markers", dice.choice(["auto", "end-txn"]),
                   "--holes", dice.choice(["markers", "cleaner"]))
    quota(loaded.target, 400_000)
    stopped = 0
    for _ in range(5):
        run = loaded.repo.start(*args)
        time.sleep(dice.uniform(0.1, 2))
        if run.process.poll() is None:
            run.signal(number)
            stopped += 1
        result = run.wait(60)
        if number == signal.SIGTERM and result.code != 0:
            assert result.code == 130, f"seed {seed}: {result}"
    quota(loaded.target, None)
    loaded.repo(*args)
    assert stopped > 0, f"seed {seed}"
    assert check(loaded, loaded.target, prefix, loaded.topics) == [], f"seed {seed}"


@pytest.mark.parametrize("version", [jars.NEWEST], scope="module")
@pytest.mark.parametrize("step", ["restore.after_add_partitions:2", "restore.before_end_txn:2"])
def test_timed_out_while_away(loaded, clusters, version, step):
    """What a killed run left open is aborted by the coordinator, at offsets where nothing of the kind belongs."""
    target = clusters(version, "target", config={"transaction.max.timeout.ms": 8000,
                                                 "transaction.abort.timed.out.transaction.cleanup.interval.ms": 500})
    args = command(loaded, target, "", ["tx"])
    died = loaded.repo(*args, env={"MAXBROD_CRASH_AT": step}, expect=None)
    assert died.code == KILLED, died
    assert step.startswith("restore.after_add") or hanging(target)
    trips.until(lambda: not hanging(target), seconds=30, what="the transaction was not aborted")
    result = loaded.repo(*args)
    assert check(loaded, target, "", ["tx"]) == [], result


@pytest.mark.parametrize("version", [jars.NEWEST], scope="module")
def test_timed_out_in_mid_run(loaded, clusters, version):
    """Aborted data that takes longer than a transaction may live: the log is right in the end, or the error says why."""
    target = clusters(version, "target", config={"transaction.max.timeout.ms": 1500,
                                                 "transaction.abort.timed.out.transaction.cleanup.interval.ms": 200})
    quota(target, 150_000)
    run = loaded.repo.start(*command(loaded, target, "", ["tx"]))
    time.sleep(15)
    quota(target, None)
    result = run.wait(120)
    if result.code != 0:
        assert "tx" in result.stderr and "transaction" in result.stderr, result
        loaded.repo(*command(loaded, target, "", ["tx"]))
    assert check(loaded, target, "", ["tx"]) == [], result


@pytest.mark.parametrize("brokers", [1, 3])
@pytest.mark.parametrize("version", [jars.NEWEST], scope="module")
def test_brokers_killed(loaded, clusters, version, brokers):
    """Brokers, transaction coordinators with them, die and come back in the middle, and all at once after the end."""
    target = clusters(version, "target", brokers=brokers, config=compaction.BROKER)
    quota(target, 300_000)
    args = command(loaded, target, "", loaded.topics, "--replication-factor", brokers)
    run = loaded.repo.start(*args)
    for node in range(1, brokers + 1):
        time.sleep(2)
        target.kill(node)
        time.sleep(1)
        target.restart(node)
    quota(target, None)
    result = run.wait(240)
    if result.code != 0:  # a broker away for too long may end a run, never spoil it
        loaded.repo(*args)
    assert check(loaded, target, "", loaded.topics) == [], result
    target.kill()
    target.restart()
    assert check(loaded, target, "", loaded.topics) == [], result
