"""Names, tags and retention of snapshots, and repair of what breaks, through the verbs on a real broker."""

import os

KEEP = {"retention.ms": "-1"}
TOPIC = "kept"
EXISTS, DAMAGED = 4, 12  # exit codes


def tables_fit(result):
    """No line of a table is wider than a terminal."""
    wide = [line for line in result.stdout.splitlines() if len(line) > 100]
    assert wide == [], wide


def test_a_life_of_snapshots(pair, repo):
    """Backups, edits, a policy, prune; a deleted manifest and a cut pack; statistics; verify at each step."""
    pair.source.probe.create_topic(TOPIC, 1, **KEEP)
    names = ["first", "second", "third", "fourth"]
    for name in names:
        pair.source.probe.produce(TOPIC, 300, value_min=200)
        repo.backup(pair.source, name, "--topics", TOPIC, "--tag", "nightly")

    repo("edit", "first", "--name", "golden", "--tag", "gold", "--description", "kept for ever")
    shown = repo("snapshots", "--tag", "gold", "--json").lines
    assert [(s["name"], s["tags"], s["description"]) for s in shown] == [("golden", ["nightly", "gold"], "kept for ever")]
    tables_fit(repo("snapshots"))
    assert "no snapshot has the tag 'silver'" in repo("snapshots", "--tag", "silver", expect=3).stderr
    repo("edit", "second", "--name", "golden", expect=EXISTS)
    assert [s["name"] for s in repo("snapshots", "--json").lines] == ["golden", "second", "third", "fourth"]
    repo("edit", "golden", "--untag", "nightly")
    assert len(repo("snapshots", "--limit", "2", "--json").lines) == 2

    for policy in ("", "daily 0", "last 0", "tag silver", "daily 1, daily 2", "within 0d"):
        refused = repo("forget", "--keep", policy, expect=2)
        assert "HINT" in refused.stderr or "hint" in refused.stderr.lower(), refused
    repo("forget", "--keep", "last 1", "--tag", "silver", expect=3)
    repo("hold", "second")
    plan = repo("forget", "--keep", "last 1, tag gold", "--dry-run", "--json").json
    assert (plan["kept_snapshots"], plan["forgotten_snapshots"]) == (3, 1)
    tables_fit(repo("forget", "--keep", "last 1, tag gold", "--dry-run"))
    done = repo("forget", "--keep", "last 1, tag gold", "--time-zone", "Europe/Berlin", "--prune", "--json").lines
    kept = {s["name"]: s["reasons"] for group in done[0]["groups"] for s in group["kept"]}
    assert kept == {"golden": ["tag gold"], "second": ["held"], "fourth": ["last 1"]}
    assert "rewrite" in done[1]
    repo("verify")

    stats = repo("stats", "--json").json
    assert [t["topic"] for t in stats["topics"]] == [TOPIC] and stats["records"] == 1200
    assert stats["dollars_per_month"] is None
    tables_fit(repo("stats"))

    manifest = sorted((repo.folder / "manifest").iterdir())
    for path in manifest:
        path.unlink()
    repo("verify", expect=DAMAGED)
    repo("repair", "--dry-run")
    repo("repair")
    repo("verify")

    pack = max((p for p in (repo.folder / "pack").rglob("*") if p.is_file()), key=lambda p: p.stat().st_mtime)
    os.chmod(pack, 0o644)
    os.truncate(pack, pack.stat().st_size // 3)
    found = repo("repair", "--dry-run", "--json").json
    lost = len(found["lost_ranges"])
    assert lost == 1, found
    repo("repair", expect=2)
    repo("repair", "--yes-lose", lost)
    repo("verify")
    assert repo("snapshots", "--json").lines[-1]["name"] == "fourth"

    repo.backup(pair.source, "again", "--topics", TOPIC)
    repo("verify")
    repo("verify", "again", "--bootstrap-server", pair.source.bootstrap(), "--topics", TOPIC)
