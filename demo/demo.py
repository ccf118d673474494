"""Load, backup, loss, restore, proof: the main job on two real Kafka clusters. See README.md beside this."""

import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import load  # noqa: E402
import proof  # noqa: E402
from lib import jars, tools  # noqa: E402
from lib.cluster import Cluster  # noqa: E402
from lib.maxbrod import BINARY  # noqa: E402

FOLDER = ROOT / "build" / "demo"
KEEP = os.environ.get("KEEP", "") not in ("", "0")
BEGAN = time.monotonic()
# The broker's own retention would delete the old topic while we look: it does so at its next check, which stays away
# for an hour on both clusters.
CONFIG = {"log.retention.check.interval.ms": 3_600_000, "log.initial.task.delay.ms": 3_600_000}


def step(text):
    print(f"\n== {text}  [{time.monotonic() - BEGAN:.0f} s]", flush=True)


def say(text):
    print(f"   {text}", flush=True)


def maxbrod(verb, *args):
    """Runs the binary as a user would, its output for all to see."""
    command = [str(a) for a in (verb, *args, "--repo", f"file://{FOLDER / 'repo'}")]
    print("   $ maxbrod " + " ".join(f'"{a}"' if " " in a else a for a in command), flush=True)
    process = subprocess.run([BINARY, *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
    print("".join(f"   | {line}\n" for line in process.stdout.splitlines()), end="", flush=True)
    if process.returncode != 0:
        sys.exit(f"demo: maxbrod {verb} ended with exit code {process.returncode}")


def committed(cluster, group):
    """ "topic:partition" -> offset, by kafka-consumer-groups."""
    return {place: offset for place, (offset, _) in tools.groups(cluster).get(group, {}).items()}


def take_backup(source):
    step("Backup, while the group 'dashboard' goes on consuming")
    maxbrod("init")
    maxbrod("backup", "--bootstrap-server", source.bootstrap(), "--name", "nightly", "--description",
            "before the upgrade")
    maxbrod("snapshots")
    maxbrod("show", "nightly")


def restore(target):
    step("The plan of the restore")
    maxbrod("restore", "nightly", "--bootstrap-server", target.bootstrap(), "--dry-run")
    step("Restore")
    maxbrod("restore", "nightly", "--bootstrap-server", target.bootstrap())
    step("maxbrod compares the new cluster with the snapshot")
    maxbrod("verify", "nightly", "--bootstrap-server", target.bootstrap())


def prove(before, at_backup, at_loss, target):
    """The table, and consumers that go on; True if everything is as it was."""
    step("Proof, by Kafka's own tools and client")
    after = proof.snapshot(target)
    table = proof.table(before, after)
    proof.add_groups(table, before, after, load.IDLE_GROUPS)

    # The running group moved on while the backup ran: it stands where it stood at the cut, which is never behind what it
    # had committed when the backup began and never beyond what it had at the loss.
    table.section(f"the running group '{load.RUNNING_GROUP}': committed when the backup began .. at the loss; now")
    group = {place: offset for place, (offset, _) in after["groups"].get(load.RUNNING_GROUP, {}).items()}
    for place, last in sorted(at_loss.items()):
        first, now = at_backup.get(place, 0), group.get(place, -1)
        table.add(f"  {place.replace(':', '-')}", f"{first:,} .. {last:,}", f"{now:,}", first <= now <= last)

    table.section("who goes on where: first record given to a group's consumer on the target; its committed offset")
    for name in load.IDLE_GROUPS:
        for topic in load.IDLE_GROUPS[name]:
            places = {p: v for p, v in after["groups"].get(name, {}).items() if p.rsplit(":", 1)[0] == topic}
            if any(lag for _, lag in places.values()):
                partition, offset = tools.next_record(target, name, topic)
                due = places[f"{topic}:{partition}"][0]
                table.add(f"  {name} {topic}-{partition} (console consumer)", f"{due:,}", f"{offset:,}", due == offset)
    load.run_consumer(target.probe)
    time.sleep(5)
    status = target.probe("consumer-stop", id=load.RUNNING_GROUP)
    if status["failure"] or not status["partitions"]:
        table.add(f"  {load.RUNNING_GROUP}", "goes on", status["failure"] or "was given nothing", False)
    for place, seen in status["partitions"].items():
        due = group.get(place, -1)
        table.add(f"  {load.RUNNING_GROUP} {place.replace(':', '-')} (Java consumer)", f"{due:,}", f"{seen['first']:,}",
                  due == seen["first"])
    print("".join(f"   {line}\n" for line in str(table).splitlines()))
    return table.good


def run(source, target):
    step("A source cluster: three brokers in three racks, and an IoT telemetry load")
    source.start()
    say(f"Kafka {source.version}, cluster id {source.id}, {source.bootstrap()}")
    load.fill(source.probe, say)
    load.run_consumer(source.probe)
    before = proof.snapshot(source)
    at_backup = committed(source, load.RUNNING_GROUP)

    take_backup(source)

    step("The loss: all brokers killed, their disks deleted")
    at_loss = committed(source, load.RUNNING_GROUP)
    source.kill()
    source.destroy()
    size = sum(f.stat().st_size for f in (FOLDER / "repo").rglob("*") if f.is_file())
    say(f"nothing is left of it but the repository, {size / 1e6:.0f} MB")

    step("A new, empty cluster")
    target.start()
    say(f"Kafka {target.version}, cluster id {target.id}, {target.bootstrap()}")
    restore(target)
    return prove(before, at_backup, at_loss, target)


def main():
    if not BINARY.exists():
        sys.exit(f"demo: {BINARY} does not exist; run make first")
    pids = [p for p in FOLDER.glob("*/broker-*/pid")]
    if any(pathlib.Path(f"/proc/{p.read_text().strip()}/cwd").exists() for p in pids):
        sys.exit("demo: the clusters of an earlier KEEP=1 demo are still up; end them first:\n"
                 f"  kill -9 $(cat {FOLDER}/*/broker-*/pid)")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    options = {"brokers": 3, "racks": ["zone-a", "zone-b", "zone-c"], "config": CONFIG}
    source = Cluster(jars.NEWEST, FOLDER / "source", **options)
    target = Cluster(jars.NEWEST, FOLDER / "target", detached=KEEP, **options)
    good = False
    try:
        good = run(source, target)
    finally:
        source.destroy()
        if not (KEEP and good):
            target.destroy()
    took = time.monotonic() - BEGAN
    if not good:
        sys.exit(f"demo: something did not come back as it was ({took:.0f} s)")
    print(f"Everything came back at the same offsets ({took:.0f} s).")
    if KEEP:
        print(f"""
The restored cluster is up:
  bootstrap servers  {target.bootstrap()}
  try                kcat -b {target.brokers[0].address()} -L
                     {BINARY} show nightly --repo file://{FOLDER / 'repo'}
  broker logs        {FOLDER}/target/broker-*/broker.log
  end it             kill -9 $(cat {FOLDER}/target/broker-*/pid)""")
    return 0


if __name__ == "__main__":
    sys.exit(main())
