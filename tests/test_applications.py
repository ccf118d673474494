"""Applications that stop on the source and go on on the target: no record lost, none seen twice."""

import pytest

from lib import jars, trips

KEEP = {"retention.ms": "-1"}
CLASSIC = {"group.protocol": "classic"}
NEW = {"group.protocol": "consumer"}  # KIP-848
PROTOCOLS = [(jars.VERSIONS[0], CLASSIC), (jars.NEWEST, NEW)]


@pytest.fixture(scope="module", params=PROTOCOLS, ids=lambda p: f"{p[0]}-{p[1]['group.protocol']}")
def both(request):
    """A Kafka version, and the group protocol its consumers use."""
    return request.param


@pytest.fixture(scope="module")
def version(both):
    return both[0]


@pytest.fixture(scope="module")
def protocol(both):
    return both[1]


def committed_places(probe, topic, folder):
    """"topic:partition:offset" of each record that readers of committed data see."""
    dump = probe.dump([topic], folder, isolation="read_committed")
    return {f"{place}:{line.split(' ', 1)[0]}" for place in dump
            for line in (folder / f"{place.replace(':', '-')}.dump").read_text().splitlines()}


def values(probe, topic, folder):
    """The values of the committed records, as text."""
    dump = probe.dump([topic], folder, isolation="read_committed")
    found = []
    for place in dump:
        for line in (folder / f"{place.replace(':', '-')}.dump").read_text().splitlines():
            found.append(bytes.fromhex(line.split(" v=", 1)[1].split(" ", 1)[0].split(":", 1)[1]).decode())
    return found


@pytest.mark.parametrize("isolation", ["read_committed", "read_uncommitted"])
def test_consumer_goes_on(pair, protocol, repo, seed, isolation):
    """A consumer stops half way through a log with transactions and goes on at the very next record."""
    probe, target = pair.source.probe, pair.target.probe
    topic = f"read.{isolation}.{protocol['group.protocol']}"
    group = f"{topic}.group"
    probe.create_topic(topic, 3, **KEEP)
    probe("transactions", topics=[topic], transactions=60, seed=seed, transactional_id=topic, plain=0.2, abort=0.3)
    whole = {p: d["count"] for p, d in probe.dump([topic], isolation=isolation).items()}
    consumer = {"group": group, "topics": [topic], "max_records": 20,
                "props": {"isolation.level": isolation, **protocol}}
    probe("consumer-start", id=group, pause_ms=50, **consumer)
    trips.until(lambda: sum(p["count"] for p in probe("consumer-status", id=group)["partitions"].values()) >=
                sum(whole.values()) // 3)
    first = probe("consumer-stop", id=group)
    assert first["failure"] is None
    repo.backup(pair.source, "one", "--topics", topic)
    repo.restore(pair.target, "one", "--groups", group)
    target("consumer-start", id=group, **consumer)
    done = {p: s["count"] for p, s in first["partitions"].items()}
    left = {p: count - done.get(p, 0) for p, count in whole.items()}
    assert 0 < sum(left.values()) < sum(whole.values()), f"seed {seed}"

    def status():
        now = target("consumer-status", id=group)
        assert now["failure"] is None, now
        return {p: s["count"] for p, s in now["partitions"].items()}

    wanted = {p: count for p, count in left.items() if count}
    try:
        trips.until(lambda: status() == wanted, 30)
    except AssertionError as error:
        raise AssertionError(f"{status()} instead of {wanted}, seed {seed}") from error
    second = target("consumer-stop", id=group)["partitions"]
    for place, seen in first["partitions"].items():
        assert place not in second or second[place]["first"] > seen["last"]


@pytest.mark.parametrize("hard", [False, True], ids=["stopped", "killed"])
def test_transform_goes_on(pair, protocol, repo, seed, hard, tmp_path):
    """Consume, transform, produce: stopped between two transactions or in the middle of one, all of it is done once."""
    probe, target = pair.source.probe, pair.target.probe
    name = f"{protocol['group.protocol'][:4]}{int(hard)}"  # short: dumps show 20 bytes of a value as they are
    topic, out, group = f"i{name}", f"o{name}", f"app.{name}"
    probe.create_topic(topic, 3, **KEEP)
    probe.create_topic(out, 2, **KEEP)
    probe("transactions", topics=[topic], transactions=80, seed=seed, transactional_id=topic, plain=0.2, abort=0.3)
    whole = committed_places(probe, topic, tmp_path / "in")
    app = {"group": group, "in": topic, "out": out, "max_records": 20, "abort": 0.3, "seed": seed, "props": protocol}
    probe("transform-start", id=group, pause_ms=20, **app)
    trips.until(lambda: probe("transform-status", id=group)["committed"] > len(whole) // 4)
    first = probe("transform-stop", id=group, hard=hard)
    assert first["failure"] is None and first["committed"] < len(whole), f"seed {seed}"
    if hard:
        offsets = probe.offsets(out)[out]
        assert any(p["stable"] < p["end"] for p in offsets.values())
    repo.backup(pair.source, "one", "--topics", topic, "--topics", out)
    repo.restore(pair.target, "one", "--groups", group)
    assert len(values(target, out, tmp_path / "half")) == first["committed"]
    target("transform-start", id=group, **app)

    def finished():
        status = target("transform-status", id=group)
        assert status["failure"] is None, status
        return first["committed"] + status["committed"] >= len(whole)

    trips.until(finished)
    second = target("transform-stop", id=group)
    assert first["committed"] + second["committed"] == len(whole), f"seed {seed}"
    found = values(target, out, tmp_path / "out")
    assert len(found) == len(set(found)) and set(found) == whole, f"seed {seed}"
