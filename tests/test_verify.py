"""What verify says of a cluster that is, and of one that is not, what the snapshot holds."""

import os
import time

KEEP = {"retention.ms": "-1"}
CLEANED = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01",
           "min.compaction.lag.ms": "0"}


def verify_json(repo, cluster, *args, expect=0):
    return repo.verify("one", "--json", *args, cluster=cluster, expect=expect, timeout=300)


def result_of(run):
    """The report; after it an error may have been printed."""
    return next(line for line in reversed(run.lines) if "differences" in line)


def test_own_source(pair, repo):
    """Right after a backup the source is what the snapshot says, also while it is written, read and cleaned on."""
    probe = pair.source.probe
    probe.create_topic("own.plain", 3, **KEEP)
    probe.create_topic("own.appended", 1, **KEEP, **{"message.timestamp.type": "LogAppendTime"})
    probe.create_topic("own.transactions", 1, **KEEP)
    probe.create_topic("own.compacted", 1, **CLEANED)
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        probe.produce("own.plain", 1000, codec=codec, headers=2, null_keys=0.1, null_values=0.1)
    probe.produce("own.appended", 500, codec="lz4")
    probe.produce("own.transactions", 900, transactions="cca")
    for number in range(4):
        probe.produce("own.compacted", 500, keys=100, seed=number, null_values=0.1, batch_records=50)
        time.sleep(0.3)
    probe("commit-offsets", group="own.still", offsets={"own.plain:0": 5, "own.plain:1": 7})
    probe("consumer-start", id="own", group="own.running", topics=["own.plain"])
    time.sleep(3)
    repo.backup(pair.source, "one", "--topics", "own.*")
    report = result_of(verify_json(repo, pair.source))
    assert report["topics"] == 4 and report["partitions"] == 6 and report["configs"] > 8, report
    assert report["records"] >= 5000 + 500 + 900 + 100, report
    # Life goes on.
    probe.produce("own.plain", 1000)
    for number in range(4, 8):
        probe.produce("own.compacted", 500, keys=100, seed=number, batch_records=50)
        time.sleep(0.3)
    probe.produce("own.transactions", 90, transactions="ca", transactional_id="own-2")
    deadline = time.time() + 60
    while probe.offsets("own.compacted")["own.compacted"][0]["end"] == 0 and time.time() < deadline:
        time.sleep(1)
    time.sleep(16)  # the cleaner's back-off
    report = result_of(verify_json(repo, pair.source))
    assert report["partitions_moved_on"] >= 5, report
    assert report["superseded_by_compaction"] > 0, report
    probe("consumer-stop", id="own")


def test_each_kind(pair, repo):
    """Each kind of difference is named where it is; nothing else is."""
    probe = pair.source.probe
    for name in ("records", "cut", "config", "gone", "partitions", "same"):
        probe.create_topic(f"kinds.{name}", 1, **KEEP)
        probe.produce(f"kinds.{name}", 100, batch_records=10, time=1_700_000_000_000, keys="unique", value_max=10)
    probe("commit-offsets", group="kinds.moved", offsets={"kinds.same:0": 50})
    probe("commit-offsets", group="kinds.lost", offsets={"kinds.same:0": 50})
    probe("commit-offsets", group="kinds.same", offsets={"kinds.same:0": 50})
    repo.backup(pair.source, "one", "--topics", "kinds.*")
    verify_json(repo, pair.source)

    for name in ("records", "gone"):
        probe("delete-topic", topic=f"kinds.{name}")
    time.sleep(2)
    probe.create_topic("kinds.records", 1, **KEEP)
    shape = dict(batch_records=10, time=1_700_000_000_000, keys="unique", value_max=10)
    probe.produce("kinds.records", 40, **shape)
    probe.produce("kinds.records", 30, **{**shape, "seed": 9})  # other values at 40 to 69, and nothing beyond
    probe("delete-records", topic="kinds.cut", partition=0, before=15)
    probe("alter-configs", topic="kinds.config", set={"retention.ms": "12345678"})
    probe("commit-offsets", group="kinds.moved", offsets={"kinds.same:0": 20})
    probe("delete-group", group="kinds.lost")
    run = verify_json(repo, pair.source, expect=19)
    report = result_of(run)
    found = {(d["kind"], d.get("topic", ""), d.get("group", "")) for d in report["differences"]}
    assert found == {
        ("changed", "kinds.records", ""), ("missing", "kinds.records", ""), ("offset", "kinds.records", ""),
        ("missing", "kinds.gone", ""), ("missing", "kinds.cut", ""), ("offset", "kinds.cut", ""),
        ("config", "kinds.config", ""), ("group", "kinds.same", "kinds.moved"), ("group", "", "kinds.lost"),
    }, run
    changed = [d for d in report["differences"] if d["kind"] == "changed"]
    assert [(d["first_offset"], d["last_offset"], d["records"]) for d in changed] == [(40, 69, 30)], changed
    assert report["difference_records"]["missing"] == 30 + 100 + 15, report
    text = repo.verify("one", cluster=pair.source, expect=19)
    assert "kinds.records-0 offsets 40 to 69" in text.stdout, text
    assert "kinds.lost" in text.stdout and "retention.ms is '12345678'" in text.stdout, text
    # What is not asked for is not compared.
    verify_json(repo, pair.source, "--topics", "kinds.same,kinds.partitions", "--no-groups")
    verify_json(repo, pair.source, "--topics", "kinds.same", "--groups", "kinds.same")


def test_retention(pair, repo):
    """What retention may have removed is told, and is no difference."""
    probe = pair.source.probe
    probe.create_topic("aged", 1, **{"retention.ms": str(10 ** 11)})
    probe.produce("aged", 100, batch_records=10)
    repo.backup(pair.source, "one", "--topics", "aged")
    probe("delete-records", topic="aged", partition=0, before=33)
    report = result_of(verify_json(repo, pair.source))
    assert report["removed_by_retention"] == [
        {"topic": "aged", "partition": 0, "first_offset": 0, "last_offset": 32}], report
    assert report["records"] == 67, report


def test_renamed_and_sampled(pair, repo):
    """A copy under another name; a part of it."""
    probe = pair.source.probe
    probe.create_topic("before", 2, **KEEP)
    for number in range(5):
        probe.produce("before", 2000, seed=number, value_min=1000, value_max=2000)
    repo.backup(pair.source, "one", "--topics", "before")
    repo.restore(pair.target, "one", "--rename", "before=after", "--no-groups")
    whole = result_of(verify_json(repo, pair.target, "--rename", "before=after"))
    assert whole["records"] == 10_000, whole
    verify_json(repo, pair.target, expect=19)
    for seed in ("1", "2", "3"):
        part = result_of(verify_json(repo, pair.target, "--rename", "before=after", "--sample", "50%", "--seed", seed))
        assert part["sample"] == {"fraction": 0.5, "seed": int(seed)}, part
        assert part["records"] <= 10_000, part
    stored = repo.verify("one", "--sample", "50%", "--json").json
    assert stored["ok"] and stored["sample"]["seed"] > 0, stored
    assert "--seed" in repo.verify("one", "--sample", "1%").stdout


def test_whole_repository(pair, repo):
    """Without a name everything is read; damage is told by object and offsets, and exits with 12 with a cluster too."""
    probe = pair.source.probe
    probe.create_topic("whole", 1, **KEEP)
    probe.produce("whole", 1000, value_min=500)
    repo.backup(pair.source, "one", "--topics", "whole")
    probe.produce("whole", 1000, value_min=500)
    repo.backup(pair.source, "two", "--topics", "whole")
    report = repo("verify", "--json").json
    assert report["ok"] and report["records"] == 2000 and report["packs"] == 2, report
    pack = max((p for p in repo.folder.rglob("pack/*/*") if p.is_file()), key=lambda p: p.stat().st_size)
    bad = bytearray(pack.read_bytes())
    bad[len(bad) // 2] ^= 4
    os.chmod(pack, 0o644)
    pack.write_bytes(bad)
    for args in ((), ("--bootstrap-server", pair.source.bootstrap())):
        name = ["two"] if args else []
        run = repo("verify", *name, *args, expect=12)
        assert str(pack.relative_to(repo.folder)) in run.stdout and "whole" in run.stdout, run
