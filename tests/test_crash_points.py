"""The process is killed at each named step of the order of writes, and the same command run again."""

import pytest

from lib import compare, jars

KEEP = {"retention.ms": "-1"}
KILLED = 137
BACKUP_STEPS = [
    "backup.before_pack_seal", "packs.stored", "backup.after_pack_seal", "backup.before_snapshot_commit",
    "manifests.stored", "snapshot.stored", "commit.before", "commit.after", "snapshot.committed",
    "backup.after_snapshot_commit",
]
RESTORE_STEPS = [
    "restore.before_record", "restore.after_record", "restore.after_create", "restore.before_record:2",
    "restore.after_record:2", "restore.after_padding", "restore.after_delete_records", "restore.before_data",
    "restore.after_data", "restore.before_configs", "restore.after_configs", "restore.after_groups",
    "restore.before_done", "restore.before_record:3", "restore.after_record:3", "commit.before:2", "commit.after:2",
]


@pytest.fixture(scope="module", params=[jars.NEWEST])
def version(request):
    """The order of writes is ours: one broker version is enough here."""
    return request.param


@pytest.fixture(scope="module")
def loaded(pair):
    """A topic with all a restore has steps for: log starts above 0, an empty partition, groups, configs."""
    probe = pair.source.probe
    probe.create_topic("steps", 3, **KEEP, **{"max.message.bytes": "2000000"})
    probe.produce("steps", 3000, codec="lz4", value_min=100, partitions=[0, 1])
    probe("delete-records", topic="steps", partition=0, before=700)
    probe("commit-offsets", group="steps.group", offsets={"steps:0": 900, "steps:1": 5})
    pair.expected = compare.fingerprint(probe, ["steps"])
    return pair


@pytest.mark.parametrize("step", BACKUP_STEPS)
def test_backup(loaded, repo, step):
    """Whatever step it dies at, the repository is sound and the next backup whole."""
    args = ("backup", "--bootstrap-server", loaded.source.bootstrap(), "--topics", "steps", "--name")
    died = repo(*args, "one", env={"MAXBROD_CRASH_AT": step}, expect=None)
    # packs.stored is passed only where packs are committed before their snapshot.
    assert died.code == KILLED or step == "packs.stored", died
    repo("verify")
    repo(*args, "two")
    repo.verify("two", cluster=loaded.source)
    shown = repo("show", "two", "--json").json
    assert sum(p["records"] for p in shown["topics"][0]["partitions"]) >= 2300


@pytest.fixture(scope="module")
def filled(loaded, tmp_path_factory):
    """A repository for all restores of this file."""
    from lib.maxbrod import Maxbrod
    repo = Maxbrod(tmp_path_factory.mktemp("filled") / "repo")
    repo.init()
    repo.backup(loaded.source, "one", "--topics", "steps")
    return repo


@pytest.mark.parametrize("step", RESTORE_STEPS)
def test_restore(loaded, filled, step):
    """Whatever step it dies at, the same command ends with the same result."""
    target = "steps." + step.replace(":", ".")
    args = ("restore", "one", "--bootstrap-server", loaded.target.bootstrap(), "--rename", f"steps={target}")
    died = filled(*args, env={"MAXBROD_CRASH_AT": step}, expect=None)
    assert died.code == KILLED, died
    filled(*args)
    probe = loaded.target.probe
    actual = compare.fingerprint(probe, [target])
    assert compare.differences(loaded.expected, actual, rename=lambda topic: target) == []
    offsets = probe("groups")["steps.group"]["offsets"]
    assert offsets[f"{target}:0"][0] == 900 and offsets[f"{target}:1"][0] == 5
    again = filled(*args, "--json").json
    assert again["already_done"]
