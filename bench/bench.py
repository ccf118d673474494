"""Backup against a raw fetch into a file, restore against a raw pipelined produce: time, client CPU, peak memory.

Every round measures all programs one after another on the same broker and the same data; what is shown is the median
of the rounds' ratios, so that a noisy machine shows in the spread and not in the result.
"""

import argparse
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from lib import jars  # noqa: E402
from lib.cluster import Cluster  # noqa: E402

BUILD = pathlib.Path(os.environ.get("MAXBROD_BUILD", ROOT / "build" / "release"))
PARTITIONS = 4
CONNECTIONS = 2
LZ4_SHRINKS = 1.9
WORKING = {"retention.ms": "-1", "message.timestamp.type": "CreateTime", "max.message.bytes": "2097152"}


class Measured:
    """One run of a program: wall seconds, CPU seconds, peak resident MiB, and what it printed."""

    def __init__(self, *command):
        began = time.monotonic()
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = process.stdout.read(), process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        self.seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{command}\nexit {process.returncode}\n{out.decode()}\n{err.decode()}")
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak_mib = usage.ru_maxrss / 1024
        self.out = out.decode()

    def json(self):
        return json.loads(self.out.splitlines()[-1])


class Bench:
    def __init__(self, folder, rounds, gigabytes):
        self.folder = folder
        self.rounds = rounds
        self.gigabytes = gigabytes
        self.failed = []

    def cluster(self, name, **config):
        return Cluster(jars.NEWEST, self.folder / name, heap_mb=1024, optimize=True, config=config)

    def fresh(self, name):
        path = self.folder / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def check(self, what, value, limit, at_least):
        good = value >= limit if at_least else value <= limit
        sign = ">=" if at_least else "<="
        print(f"  {'ok  ' if good else 'MISS'} {what}: {value:.2f} (wanted {sign} {limit})", flush=True)
        if not good:
            self.failed.append(what)

    def maxbrod(self, *args):
        return Measured(BUILD / "maxbrod", "--json", "--quiet", *args)

    def big_partitions(self, codec):
        """4 partitions, about 1 GB."""
        print(f"== {PARTITIONS} partitions, {self.gigabytes} GB, codec {codec}", flush=True)
        with self.cluster(f"big-{codec}") as cluster:
            probe = cluster.probe
            probe.create_topic("load", PARTITIONS, **WORKING)
            # Values that lz4 about halves, and as many more of them: each codec stores the same. The producer sizes
            # batches by what it guesses they compress to.
            size = 1000
            count = int(self.gigabytes * 1e9 / size * (1 if codec == "none" else LZ4_SHRINKS))
            probe.produce("load", count, codec=codec, value_min=size, text=True, noise=0.4, timeout=900,
                          props={"batch.size": 65536, "linger.ms": 50})
            ports = cluster.brokers[0].ports["PLAINTEXT"]
            ratios = {"backup": [], "backup_cpu": [], "restore": [], "restore_cpu": []}
            peaks = []
            for number in range(self.rounds):
                self.one_round(cluster, probe, ports, number, ratios, peaks)
            for name, values in ratios.items():
                print(f"     {name}: " + " ".join(f"{v:.2f}" for v in values))
            self.check(f"{codec}: backup speed / raw fetch", statistics.median(ratios["backup"]), 0.85, True)
            self.check(f"{codec}: backup CPU / raw fetch", statistics.median(ratios["backup_cpu"]), 1.3, False)
            self.check(f"{codec}: restore speed / raw produce", statistics.median(ratios["restore"]), 0.85, True)
            self.check(f"{codec}: restore CPU / raw produce", statistics.median(ratios["restore_cpu"]), 1.3, False)
            self.check(f"{codec}: peak memory MiB", max(peaks), 512 + 64, False)

    def one_round(self, cluster, probe, port, number, ratios, peaks):
        raw_files = self.fresh("raw")
        repo = f"file://{self.fresh('repo')}"
        raw = Measured(BUILD / "bench" / "raw_fetch", port, "load", PARTITIONS, CONNECTIONS, raw_files)
        unsynced_files = self.fresh("unsynced")
        unsynced = Measured(BUILD / "bench" / "raw_fetch", port, "load", PARTITIONS, CONNECTIONS, unsynced_files, "unsynced")
        shutil.rmtree(unsynced_files)
        self.maxbrod("init", "--repo", repo)
        backup = self.maxbrod("backup", "--repo", repo, "--bootstrap-server", cluster.bootstrap(), "--name", "b",
                              "--topics", "load")
        bytes_read = sum(f.stat().st_size for f in raw_files.iterdir())
        ratios["backup"].append(raw.seconds / backup.seconds)
        ratios["backup_cpu"].append(backup.cpu / raw.cpu)
        # Each produces into a topic of its own that is deleted afterwards.
        probe.create_topic("raw", PARTITIONS, **WORKING)
        time.sleep(1)
        raw_produce = Measured(BUILD / "bench" / "raw_produce", port, "raw", PARTITIONS, CONNECTIONS, raw_files)
        probe("delete-topic", topic="raw")
        restore = self.maxbrod("restore", "b", "--repo", repo, "--bootstrap-server", cluster.bootstrap(), "--rename",
                               f"load=again{number}")
        probe("delete-topic", topic=f"again{number}")
        ratios["restore"].append(raw_produce.seconds / restore.seconds)
        ratios["restore_cpu"].append(restore.cpu / raw_produce.cpu)
        peaks += [backup.peak_mib, restore.peak_mib]
        gb = bytes_read / 1e9
        print(f"     round {number}: {gb:.2f} GB stored; raw fetch {gb / raw.seconds:.2f} GB/s {raw.cpu / gb:.2f} CPU-s/GB "
              f"({gb / unsynced.seconds:.2f} GB/s {unsynced.cpu / gb:.2f} without a sync), "
              f"backup {gb / backup.seconds:.2f} GB/s {backup.cpu / gb:.2f}; raw produce {gb / raw_produce.seconds:.2f} GB/s "
              f"{raw_produce.cpu / gb:.2f}, restore {gb / restore.seconds:.2f} GB/s {restore.cpu / gb:.2f}; "
              f"peaks {backup.peak_mib:.0f} and {restore.peak_mib:.0f} MiB", flush=True)

    def encryption(self):
        """The same backup and restore, plain and encrypted by turns."""
        print(f"== encryption, {PARTITIONS} partitions, {self.gigabytes} GB", flush=True)
        with self.cluster("sealed") as cluster:
            probe = cluster.probe
            probe.create_topic("load", PARTITIONS, **WORKING)
            probe.produce("load", int(self.gigabytes * 1e6), value_min=1000, timeout=900,
                          props={"batch.size": 65536, "linger.ms": 50})
            seconds = {(verb, sealed): [] for verb in ("backup", "restore") for sealed in (False, True)}
            cpu = {key: [] for key in seconds}
            for number in range(2 * self.rounds):
                # ABBA: what drifts hits both.
                sealed = number % 4 in (1, 2)
                folder = self.fresh("repo")
                flags = ["--key-file", folder.parent / "bench.key"] if sealed else []
                at = ["--repo", f"file://{folder}", *flags]
                self.maxbrod("init", *at)
                backup = self.maxbrod("backup", *at, "--bootstrap-server", cluster.bootstrap(), "--name", "b",
                                      "--topics", "load")
                restore = self.maxbrod("restore", "b", *at, "--bootstrap-server", cluster.bootstrap(), "--rename",
                                       f"load=again{number}")
                probe("delete-topic", topic=f"again{number}")
                for verb, run in (("backup", backup), ("restore", restore)):
                    seconds[verb, sealed].append(run.seconds)
                    cpu[verb, sealed].append(run.cpu)
            for verb in ("backup", "restore"):
                plain, with_key = (statistics.median(seconds[verb, sealed]) for sealed in (False, True))
                print(f"     {verb}: plain {' '.join(f'{v:.2f}' for v in seconds[verb, False])} s, encrypted "
                      f"{' '.join(f'{v:.2f}' for v in seconds[verb, True])} s; CPU "
                      f"{statistics.median(cpu[verb, False]):.2f} and {statistics.median(cpu[verb, True]):.2f} s", flush=True)
                self.check(f"encryption: {verb} speed / plain", plain / with_key, 0.85, True)

    def many_partitions(self):
        """2,000 small partitions: bound by the broker, not by round trips."""
        print("== 2,000 partitions of 100 records", flush=True)
        topics, each = 40, 50
        with self.cluster("many") as cluster:
            probe = cluster.probe
            for i in range(topics):
                probe.create_topic(f"t{i:02}", each, **WORKING)
                probe.produce(f"t{i:02}", each * 100, value_min=100)
            repo = f"file://{self.fresh('repo')}"
            self.maxbrod("init", "--repo", repo)
            backup = self.maxbrod("backup", "--repo", repo, "--bootstrap-server", cluster.bootstrap(), "--name", "b")
            again = self.maxbrod("backup", "--repo", repo, "--bootstrap-server", cluster.bootstrap(), "--name", "c")
            restore = self.maxbrod("restore", "b", "--repo", repo, "--bootstrap-server", cluster.bootstrap(),
                                   "--rename", "/t(.*)/=again$1")
            made, nothing, put = backup.json(), again.json(), restore.json()
            partitions = topics * each
            print(f"     backup {backup.seconds:.1f} s, {made['fetch_requests']} fetch requests; idle backup "
                  f"{again.seconds:.1f} s, {nothing['fetch_requests']} fetch requests; restore {restore.seconds:.1f} s, "
                  f"{put['produce_requests']} produce requests")
            self.check("2,000 partitions: fetch requests per partition", made["fetch_requests"] / partitions, 0.05, False)
            self.check("2,000 partitions: fetch requests of an idle backup", nothing["fetch_requests"], 0, False)
            self.check("2,000 partitions: produce requests per partition", put["produce_requests"] / partitions, 0.5, False)
            self.check("2,000 partitions: peak memory MiB", max(backup.peak_mib, restore.peak_mib), 512 + 64, False)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--only", choices=["none", "lz4", "encryption", "many"])
    parser.add_argument("--keep-going", action="store_true", help="exit 0 although a limit was missed")
    args = parser.parse_args()
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))  # a broker holds several files a partition
    with tempfile.TemporaryDirectory(prefix="maxbrod-bench-") as folder:
        bench = Bench(pathlib.Path(folder), args.rounds, args.gigabytes)
        for codec in ("none", "lz4"):
            if args.only in (None, codec):
                bench.big_partitions(codec)
        if args.only in (None, "encryption"):
            bench.encryption()
        if args.only in (None, "many"):
            bench.many_partitions()
    if bench.failed and not args.keep_going:
        raise SystemExit("missed: " + ", ".join(bench.failed))


if __name__ == "__main__":
    main()
