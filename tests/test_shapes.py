"""Restores of chosen parts and shapes: metadata alone, data alone, groups alone, placement, configs, what exists already."""

import json

import pytest

from lib import jars, kcat, trips
from lib.maxbrod import Maxbrod

LONG = {"retention.ms": "-1"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A three-broker source with two topics and a group in a snapshot, and targets of two brokers and of one."""
    from conftest import Clusters

    factory = Clusters(tmp_path_factory.mktemp("shapes"))
    factory.source = factory(jars.NEWEST, "source", brokers=3)
    factory.wide = factory(jars.NEWEST, "wide", brokers=2)
    factory.small = factory(jars.NEWEST, "small")
    probe = factory.source.probe
    probe.create_topic("orders", 3, 3, **{**LONG, "min.insync.replicas": "2", "cleanup.policy": "compact"})
    probe.create_topic("events", 2, 2, **{**LONG, "segment.bytes": str(2 << 20)})
    probe.produce("orders", 300, keys=50)
    probe.produce("events", 500)
    commit(factory.source, {"events:0": 100, "events:1": 101})
    factory.repo = Maxbrod(tmp_path_factory.mktemp("shapes-repo") / "repo")
    factory.repo.init()
    factory.repo.backup(factory.source, "one")
    yield factory
    factory.destroy()


@pytest.fixture
def clean(world):
    """Both targets without topics and groups, whatever a test left."""
    yield world
    for cluster in (world.wide, world.small):
        trips.delete(cluster.probe, *cluster.probe.topics())
        for group in cluster.probe("groups"):
            cluster.probe("delete-group", group=group)


def commit(cluster, offsets, group="readers"):
    cluster.probe("commit-offsets", group=group, offsets=offsets)


def committed(cluster, group="readers"):
    return {where: offset[0] for where, offset in cluster.probe("groups")[group]["offsets"].items()}


def held(cluster, topic):
    return {p: (v["begin"], v["end"]) for p, v in cluster.probe.offsets(topic)[topic].items()}


def plan(world, cluster, *args, expect=0):
    return world.repo.restore(cluster, "one", *args, "--dry-run", "--json", expect=expect)


def test_replicas_fit_or_are_refused(clean):
    """The source has three replicas, the target one broker: refused, or with fit as many as there are, said aloud."""
    refused = clean.repo.restore(clean.small, "one", expect=2)
    assert "replication factor 3, the target has 1 broker" in refused.stderr
    assert "--replication-factor fit" in refused.stderr
    done = clean.repo.restore(clean.small, "one", "--replication-factor", "fit", "--json")
    assert any("replication factor 1 instead of 3" in w for w in done.json["warnings"])
    assert any("min.insync.replicas" in w for w in done.json["warnings"])
    assert held(clean.small, "orders") == held(clean.source, "orders")
    clean.repo.verify("one", cluster=clean.small)


def test_parts_one_after_another(clean):
    """Metadata first, then the data into the topics that somebody has configured, then the groups."""
    repo, small = clean.repo, clean.small
    fit = ("--replication-factor", "fit")
    repo.restore(small, "one", *fit, "--parts", "topics")
    assert held(small, "events") == {0: (0, 0), 1: (0, 0)}
    assert small.probe.own_configs("orders")["orders"]["cleanup.policy"] == "compact"
    assert "readers" not in small.probe("groups")

    small.probe("alter-configs", topic="events", set={"segment.bytes": str(3 << 20), "retention.ms": "86400000000"})
    before = small.probe.own_configs("events", "orders")
    repo.restore(small, "one", *fit, "--parts", "data")
    assert held(small, "events") == held(clean.source, "events")
    assert small.probe.own_configs("events", "orders") == before
    assert "readers" not in small.probe("groups")

    repo.restore(small, "one", "--parts", "groups")
    assert committed(small) == {"events:0": 100, "events:1": 101}
    # Moved since: put back by the same command.
    commit(small, {"events:0": 7})
    repo.restore(small, "one", "--parts", "groups")
    assert committed(small) == {"events:0": 100, "events:1": 101}
    repo.verify("one", cluster=small, expect=None)


def test_data_alone_survives_a_kill(clean):
    """A run that is killed after it changed the topics' configs still puts back what they had."""
    repo, small = clean.repo, clean.small
    small.probe.create_topic("events", 2, 1, **{"retention.ms": "86400000000", "max.message.bytes": "2000000"})
    before = small.probe.own_configs("events")
    args = ("--topics", "events", "--parts", "data", "--replication-factor", "fit")
    killed = repo.restore(small, "one", *args, expect=None,
                          env={"MAXBROD_CRASH_AT": "restore.before_configs"})
    assert killed.code != 0
    assert small.probe.own_configs("events") != before
    repo.restore(small, "one", *args)
    assert small.probe.own_configs("events") == before
    assert held(small, "events") == held(clean.source, "events")


def test_data_needs_topics_and_groups_need_data(clean):
    lacking = clean.repo.restore(clean.small, "one", "--parts", "data", "--replication-factor", "1", expect=3)
    assert "is not on the target, and topics are not restored" in lacking.stderr
    assert "point into data" in clean.repo.restore(clean.small, "one", "--parts", "topics,groups", expect=2).stderr
    # Nothing is there: no group is set where a consumer would begin anywhere.
    done = clean.repo.restore(clean.small, "one", "--parts", "groups", "--json")
    assert done.json["groups_restored"] == 0


def test_placement(clean):
    """The source's broker ids through a map; a file as kafka-reassign-partitions has it; what cannot be."""
    repo, wide = clean.repo, clean.wide
    refused = repo.restore(wide, "one", "--topics", "events", "--placement", "source", "--broker-map", "1=1",
                           expect=None)
    source = clean.source.probe("describe-topics")["events"]["partitions"]
    on_three = [p for p in source if 3 in p["replicas"]]
    assert (refused.code == 2) == bool(on_three), refused
    if refused.code == 0:
        trips.delete(wide.probe, "events")
    repo.restore(wide, "one", "--topics", "orders", "--placement", "source", "--replication-factor", "2",
                 "--broker-map", "1=2,2=1,3=1", "--rename", "orders=mapped", "--no-groups", expect=None)
    listed = {"version": 1, "partitions": [
        {"topic": "placed", "partition": p, "replicas": r} for p, r in enumerate(([2, 1], [1, 2]))]}
    path = repo.folder.parent / "placement.json"
    path.write_text(json.dumps(listed))
    repo.restore(wide, "one", "--topics", "events", "--rename", "events=placed", "--placement", path, "--no-groups")
    placed = wide.probe("describe-topics")["placed"]["partitions"]
    assert [p["replicas"] for p in placed] == [[2, 1], [1, 2]]
    path.write_text(json.dumps({"partitions": [{**listed["partitions"][0], "topic": "placed2"}]}))
    assert "lists 1 of the 2 partitions" in repo.restore(
        wide, "one", "--topics", "events", "--rename", "events=placed2", "--placement", path, expect=2).stderr


def test_configs_overridden_and_left_out(clean):
    """Per topic pattern; a value that the target refuses ends the restore before anything is touched."""
    repo, small = clean.repo, clean.small
    repo.restore(small, "one", "--profile", "small", "--config", "ord*:cleanup.policy=delete", "--config",
                 "/e.*/:segment.bytes=4194304", "--without-config", "orders:min.insync.replicas")
    own = small.probe.own_configs("orders", "events")
    assert own["orders"] == {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"} | {
        k: v for k, v in own["orders"].items() if k not in ("cleanup.policy", "retention.ms", "retention.bytes")}
    assert "min.insync.replicas" not in own["orders"]
    assert own["events"]["min.insync.replicas"] == "1"
    assert own["events"]["segment.bytes"] == "4194304"
    for bad in ("no.such.config=1", "retention.ms=soon"):
        refused = repo.restore(small, "one", "--replication-factor", "1", "--rename", "events=other", "--topics",
                               "events", "--config", bad, expect=2)
        assert "the target refuses" in refused.stderr
    assert "other" not in small.probe.topics()


def test_merging(clean):
    """A target that has some of it: refused, left alone, replaced with the number said aloud, seen in the plan first."""
    repo, small = clean.repo, clean.small
    small.probe.create_topic("events", 1)
    small.probe.produce("events", 11)
    commit(small, {"events:0": 5})
    fit = ("--replication-factor", "fit")
    assert "exists with 1 partitions" in repo.restore(small, "one", *fit, expect=4).stderr

    seen = plan(clean, small, *fit, "--if-exists", "topics=skip").json
    assert [t["target"] for t in seen["topics_skipped"]] == ["events"]
    assert seen["topics_skipped"][0]["target_now"]["offsets_held"] == 11
    assert [t["target"] for t in seen["topics"]] == ["orders"]
    repo.restore(small, "one", *fit, "--if-exists", "skip")
    assert held(small, "events") == {0: (0, 11)} and held(small, "orders") == held(clean.source, "orders")
    assert committed(small) == {"events:0": 5}

    trips.delete(small.probe, "orders")
    unsaid = plan(clean, small, *fit, "--if-exists", "topics=overwrite", expect=2)
    assert "1 topic of the target would be deleted" in unsaid.stdout + unsaid.stderr
    killed = repo.restore(small, "one", *fit, "--if-exists", "topics=overwrite", "--yes-delete", "1", expect=None,
                          env={"MAXBROD_CRASH_AT": "restore.after_replaced_deleted"})
    assert killed.code != 0 and "events" not in small.probe.topics()
    repo.restore(small, "one", *fit, "--if-exists", "topics=overwrite", "--yes-delete", "1")
    assert held(small, "events") == held(clean.source, "events")
    assert committed(small) == {"events:0": 100, "events:1": 101}

    # Only the configs of what is there.
    small.probe("alter-configs", topic="events", set={"segment.bytes": str(9 << 20)})
    assert "with other configs" in repo.restore(small, "one", *fit, "--parts", "topics", expect=4).stderr
    repo.restore(small, "one", *fit, "--parts", "topics", "--if-exists", "topics=overwrite")
    assert small.probe.own_configs("events")["events"]["segment.bytes"] == str(2 << 20)
    assert held(small, "events") == held(clean.source, "events")

    commit(small, {"events:0": 9})
    assert "1 of them others than in the snapshot" in repo.restore(
        small, "one", "--parts", "groups", "--if-exists", "groups=fail", expect=4).stderr
    repo.restore(small, "one", "--parts", "groups", "--if-exists", "groups=skip")
    assert committed(small)["events:0"] == 9


def test_more_partitions(clean):
    """Refused with the same offsets; dense, each record is where Kafka's own producer would have put it."""
    repo, source, small = clean.repo, clean.source, clean.small
    source.probe.create_topic("wide", 2, 1, **LONG)
    kcat.produce(source, "wide", [(f"key-{i % 60}", f"value-{i}") for i in range(400)], "consistent")
    ends = {p: end for p, (_, end) in held(source, "wide").items()}
    commit(source, {f"wide:{p}": end for p, end in ends.items()}, group="done")
    commit(source, {"wide:0": ends[0], "wide:1": ends[1] // 2}, group="half")
    repo.backup(source, "wide")
    args = ("--topics", "wide", "--replication-factor", "1")
    refused = repo.restore(small, "wide", *args, "--partitions", "wide=5", expect=None)
    assert refused.code != 0 and "would go to another partition" in refused.stderr
    fewer = repo.restore(small, "wide", *args, "--partitions", "wide=1", expect=None)
    assert fewer.code != 0 and "no way to fewer partitions" in fewer.stderr
    dense = (*args, "--partitions", "wide=5", "--offsets", "wide=dense", "--partitioner", "default")
    killed = repo.restore(small, "wide", *dense, expect=None, env={"MAXBROD_CRASH_AT": "restore.before_repartition"})
    assert killed.code != 0
    repo.restore(small, "wide", *dense)
    assert "already restored" in repo.restore(small, "wide", *dense).stdout

    before, after = kcat.keyed(source, "wide"), kcat.keyed(small, "wide")
    assert sorted((k, v) for _, _, k, v in before) == sorted((k, v) for _, _, k, v in after)
    # Another producer's choice for the same keys.
    small.probe.create_topic("again", 5, 1, **LONG)
    kcat.produce(small, "again", [(f"key-{i}", "x") for i in range(60)])
    chosen = {k: p for p, _, k, _ in kcat.keyed(small, "again")}
    assert {k: p for p, _, k, _ in after} == chosen
    for key in chosen:
        order = [v for _, _, k, v in before if k == key]
        assert [v for _, _, k, v in after if k == key] == order
    # Groups miss nothing: what is below their new offsets they had read.
    new_ends = {p: end for p, (_, end) in held(small, "wide").items()}
    assert committed(small, "done") == {f"wide:{p}": end for p, end in new_ends.items() if end}
    half = committed(small, "half")
    unread = {v for p, o, _, v in before if p == 1 and o >= ends[1] // 2}
    skipped = {v for p, o, _, v in after if o < half.get(f"wide:{p}", 0)}
    assert unread and not unread & skipped
