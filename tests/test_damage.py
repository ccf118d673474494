"""A damaged repository is noticed, whatever object is hit, and said by name."""

import os
import random
import shutil
import subprocess

from lib.maxbrod import BINARY, Maxbrod

KEEP = {"retention.ms": "-1"}


def filled(pair, repo, topic):
    """A repository with one snapshot of a topic; returns its files by kind (the first part of their path)."""
    pair.source.probe.create_topic(topic, 2, **KEEP)
    pair.source.probe.produce(topic, 2000, value_min=500, codec="lz4")
    repo.backup(pair.source, "one", "--topics", topic)
    kinds = {}
    for path in sorted(p for p in repo.folder.rglob("*") if p.is_file()):
        kinds.setdefault(path.relative_to(repo.folder).parts[0], []).append(path)
    return kinds


def test_flipped_bits(pair, repo, seed, tmp_path):
    """One bit flipped in each kind of object, at three places each: verify names the object."""
    kinds = filled(pair, repo, "flipped")
    dice = random.Random(seed)
    assert {"log", "manifest", "pack"} <= set(kinds)
    unnoticed = []
    for paths in kinds.values():
        for path in paths[:2]:
            good = path.read_bytes()
            name = str(path.relative_to(repo.folder))
            for _ in range(3):
                at = dice.randrange(len(good))
                bad = bytearray(good)
                bad[at] ^= 1 << dice.randrange(8)
                os.chmod(path, 0o644)
                path.write_bytes(bad)
                result = repo.verify("one", expect=None)
                # Of some objects there are two copies: reading goes on, but verify says so and does not end with 0.
                if result.code == 0 or name not in result.stdout + result.stderr:
                    unnoticed.append((name, at, len(good), result.code, result.stdout, result.stderr))
            path.write_bytes(good)
    assert unnoticed == [], f"seed {seed}"
    repo.verify("one")


def test_missing_and_truncated(pair, repo):
    """A pack cut short, a pack and a manifest that are gone."""
    kinds = filled(pair, repo, "cut")
    for kind in ("pack", "manifest", "log"):
        path = kinds[kind][-1]
        name = str(path.relative_to(repo.folder))
        good = path.read_bytes()
        os.chmod(path, 0o644)
        for size in (0, 1, len(good) // 2, len(good) - 1):
            path.write_bytes(good[:size])
            result = repo.verify("one", expect=None)
            assert result.code != 0 and name in result.stdout + result.stderr, f"{name} cut to {size}: {result}"
        path.unlink()
        result = repo.verify("one", expect=None)
        assert result.code != 0, f"{name} missing: {result}"
        path.write_bytes(good)
    repo.verify("one")


def test_damage_stops_a_restore(pair, repo):
    """Bytes that are not what was backed up never reach a broker's log."""
    kinds = filled(pair, repo, "stopped-by-damage")
    pack = kinds["pack"][0]
    bad = bytearray(pack.read_bytes())
    bad[len(bad) // 3] ^= 1
    os.chmod(pack, 0o644)
    pack.write_bytes(bad)
    result = repo.restore(pair.target, "one", expect=12)
    assert str(pack.relative_to(repo.folder)) in result.stderr


def test_read_only_repository(pair, repo):
    """Without the right to write: backup and restore (which keeps a record) say where, looking and verifying work."""
    filled(pair, repo, "readonly")
    subprocess.run(["chmod", "-R", "a+rX,a-w", repo.folder], check=True)
    drop = []
    if os.geteuid() == 0:  # root may write anything
        drop = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        for parent in repo.folder.parents:
            if parent.stat().st_mode & 0o005 != 0o005:
                parent.chmod(parent.stat().st_mode | 0o055)
        shutil.copy(BINARY, repo.folder.parent / "maxbrod")
    binary = repo.folder.parent / "maxbrod" if drop else BINARY
    try:
        for verb, cluster, codes in ((["backup", "--name", "two"], pair.source, (9, 14)),
                                     (["restore", "one"], pair.target, (9, 14)),
                                     (["verify", "one"], pair.source, (0,))):
            run = subprocess.run([*drop, binary, *verb, "--bootstrap-server", cluster.bootstrap(), "--repo", repo.url],
                                 capture_output=True, text=True, timeout=120, cwd="/")
            assert run.returncode in codes, run.stderr
            assert run.returncode == 0 or str(repo.folder) in run.stderr
    finally:
        subprocess.run(["chmod", "-R", "u+w", repo.folder], check=True)


def test_dump_and_show(pair, repo):
    """Each object can be looked into."""
    kinds = filled(pair, repo, "looked-at")
    for kind in ("config", "log", "manifest", "pack"):
        name = str(kinds[kind][0].relative_to(repo.folder))
        assert repo("dump", name).stdout.strip(), name
    assert "looked-at" in repo("show", "one").stdout


def test_not_a_repository(tmp_path):
    """A folder that holds something else, and a format from the future."""
    other = Maxbrod(tmp_path / "other")
    other.folder.mkdir()
    (other.folder / "notes.txt").write_text("mine")
    assert other("snapshots", expect=None).code == 3
    assert (other.folder / "notes.txt").read_text() == "mine"
