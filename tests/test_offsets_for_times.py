"""Lookups by time on restored logs: exact for records; markers carry the restore's time, and that is seen."""

import time

from lib import trips

LONG_AGO = 1_600_000_000_000
STEP = 1000
KEEP = {"retention.ms": "-1"}


def ask(cluster, topic, times):
    """[offset, timestamp] of the first record or marker with that time or a later one, for each."""
    return [tuple(found) for found in cluster.probe("offsets-for-times", topic=topic, times=times)]


def test_plain(pair, repo, tmp_path):
    """Without transactions every lookup gives what it gave."""
    pair.source.probe.create_topic("plain", 1, **KEEP)
    pair.source.probe.produce("plain", 1000, time=LONG_AGO, step=STEP, batch_records=50)
    trips.round_trip(pair.source, pair.target, repo, ["plain"], tmp_path)
    times = [0, *(LONG_AGO + STEP * n for n in (0, 1, 499, 500, 998, 999)), LONG_AGO + STEP * 1000, 1 << 45]
    answers = ask(pair.source, "plain", times)
    assert answers == ask(pair.target, "plain", times)
    assert answers[0] == (0, LONG_AGO) and answers[-1] == (-1, -1)


def test_transactions(pair, repo, tmp_path):
    """Times up to the last record's are found where they were. Beyond it a marker answers: on the source that of the
    time when the transaction ended, on the target the first marker at all, with the time of the restore."""
    probe = pair.source.probe
    probe.create_topic("tx", 1, **KEEP)
    # Ten transactions of 50 records and a marker each: markers are at 50, 101, 152, ...
    before = int(time.time() * 1000)
    probe.produce("tx", 500, time=LONG_AGO, step=STEP, batch_records=50, transactions="cca")
    trips.settle(probe, "tx")
    after = int(time.time() * 1000)
    trips.round_trip(pair.source, pair.target, repo, ["tx"], tmp_path)
    done = int(time.time() * 1000)

    # In the first transaction all is as it was.
    first = [0, LONG_AGO, LONG_AGO + STEP * 25, LONG_AGO + STEP * 49]
    assert ask(pair.source, "tx", first) == ask(pair.target, "tx", first)
    assert ask(pair.target, "tx", first)[2] == (25, LONG_AGO + STEP * 25)
    # Behind it a marker is found before the record, on both sides alike: it is younger than every record.
    later = [LONG_AGO + STEP * n for n in (50, 60, 499)]
    ours, theirs = ask(pair.source, "tx", later), ask(pair.target, "tx", later)
    assert [offset for offset, _ in ours] == [offset for offset, _ in theirs] == [50, 50, 50]
    assert all(before <= moment <= after for _, moment in ours)
    assert all(after <= moment <= done for _, moment in theirs)
    # Between the end of the transactions and the restore there is nothing on the source, the first marker on the target.
    between = ask(pair.source, "tx", [after + 1]), ask(pair.target, "tx", [after + 1])
    assert between[0] == [(-1, -1)] and between[1][0][0] == 50
    assert ask(pair.target, "tx", [done + 1]) == [(-1, -1)]


def test_transactions_of_their_time(pair, repo, tmp_path):
    """Where records are as old as their markers, as in real life, a restored marker is found too early by lookups for
    what came behind it: a consumer that starts there sees older records again, and misses none."""
    probe = pair.source.probe
    probe.create_topic("live", 1, **KEEP)
    for number in range(4):
        probe.produce("live", 10, transactions="c", transactional_id="live")
        trips.settle(probe, "live")
        time.sleep(0.05)
    trips.round_trip(pair.source, pair.target, repo, ["live"], tmp_path)
    # Of each transaction: ten records, then its marker, at 10, 21, 32, 43.
    times = [stamp for _, stamp in ask(pair.source, "live", [0])]
    while len(times) < 4:
        offset, stamp = ask(pair.source, "live", [times[-1] + 40])[0]
        assert offset > 0
        times.append(stamp)
    for wanted, (ours, _), (theirs, _) in zip(times, ask(pair.source, "live", times), ask(pair.target, "live", times)):
        assert theirs <= ours, wanted
    assert ask(pair.target, "live", times)[0] == ask(pair.source, "live", times)[0] == (0, times[0])
    assert ask(pair.target, "live", times)[3][0] == 10 < ask(pair.source, "live", times)[3][0]
