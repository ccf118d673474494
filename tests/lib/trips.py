"""From one cluster through a repository into another, and the comparison of the two."""

import time

from . import compare


def settle(probe, *topics, seconds=30):
    """Waits until nothing is open in the topics: the markers of what was ended are in the logs."""
    deadline = time.monotonic() + seconds
    while True:
        hanging = [(t, p, v) for t, ps in probe.offsets(*topics).items() for p, v in ps.items()
                   if v["stable"] != v["end"]]
        if not hanging:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"transactions still open after {seconds} s: {hanging}")
        time.sleep(0.05)


def delete(probe, *topics):
    """Deletes topics and waits until they are gone from the broker's sight."""
    for topic in topics:
        probe("delete-topic", topic=topic)
    until(lambda: not set(topics) & set(probe.topics()))


def nothing_open(probe, *topics):
    """A restored log waits for nobody: its last stable offset is its end."""
    hanging = [(t, p, v) for t, ps in probe.offsets(*topics).items() for p, v in ps.items() if v["stable"] != v["end"]]
    assert not hanging, f"open transactions: {hanging}"


def shown(differences, source, target):
    """The differences, and for the first partition that has one the first line of its dumps that is not the same."""
    for isolation in compare.READS:
        for file in sorted((source / isolation).glob("*.dump")):
            other = target / isolation / file.name
            if other.exists() and file.read_bytes() != other.read_bytes():
                first = compare.first_difference(file, other)
                return "\n".join([*differences, f"{file.name} {isolation} {first}"])
    return "\n".join(differences)


def round_trip(source, target, repo, topics, folder, types=True, name="one", restore=(), verify=True):
    """Backs `topics` up and restores them, and demands that the target equals the source up to the last stable offset.

    Returns the source's fingerprint. The restore is given the arguments `restore` as well. Dumps of both are below
    `folder`.
    """
    expected = compare.fingerprint(source.probe, topics, folder / f"{name}-source", types, stable=True)
    repo.backup(source, name, *(word for topic in topics for word in ("--topics", topic)))
    repo.restore(target, name, *restore)
    same(expected, target, topics, folder, types, name)
    if verify:
        repo.verify(name, cluster=target)
    return expected


def same(expected, target, topics, folder, types=True, name="one"):
    """Demands that the topics of `target` are what the fingerprint `expected` says."""
    actual = compare.fingerprint(target.probe, topics, folder / f"{name}-target", types)
    found = compare.differences(expected, actual)
    assert not found, shown(found, folder / f"{name}-source", folder / f"{name}-target")
    nothing_open(target.probe, *topics)


def until(condition, seconds=60, what="it did not come true"):
    """Waits for a condition and returns what it gave."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} within {seconds} s"
        time.sleep(0.1)
    return value
