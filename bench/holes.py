"""Restores of logs with offsets that hold no record: markers, filler, what compaction and transactions leave.

As in bench.py every round measures all programs on the same brokers, one after another, and ratios are taken within a
round. A restore's time is that of its requests ("produce_seconds"): planning, topics and waits for log starts are
constants. Brokers, programs and source share the machine.
"""

import argparse
import pathlib
import resource
import statistics
import subprocess
import tempfile
import time

from bench import BUILD, CONNECTIONS, WORKING, Bench, Measured

from lib import compaction, jars
from lib.cluster import Cluster

LONG_AGO = 1_600_000_000_000
MARKERS_PER_REQUEST = 4000  # of the raw program: more is not faster
RECORD = {"value_min": 1000, "text": True, "noise": 0.4, "time": LONG_AGO, "step": 0, "timeout": 900}
RECORDS_PER_MARKER = 100


class Holes(Bench):
    def __init__(self, folder, rounds, scale):
        super().__init__(folder, rounds, scale)
        self.scale = scale
        offered = subprocess.run([BUILD / "maxbrod", "restore", "--help"], capture_output=True, text=True, check=True)
        self.has_means = "--markers" in offered.stdout
        self.exact = ["--offsets", "exact"] if "--offsets" in offered.stdout else []
        self.number = 0

    def cluster(self, name, brokers=1, heap_mb=1024, **config):
        return Cluster(jars.NEWEST, self.folder / name, brokers=brokers, heap_mb=heap_mb, optimize=True, config=config)

    def backup(self, cluster, topic):
        self.number += 1
        repo = f"file://{self.fresh(f'repo-{self.number}')}"
        self.maxbrod("init", "--repo", repo)
        self.maxbrod("backup", "--repo", repo, "--bootstrap-server", cluster.bootstrap(), "--name", "b", "--topics", topic)
        return repo

    def restore(self, cluster, repo, topic, *options):
        """Into a topic of its own, deleted at once. Returns (seconds of its requests, its run)."""
        self.number += 1
        run = self.maxbrod("restore", "b", "--repo", repo, "--bootstrap-server", cluster.bootstrap(), "--rename",
                           f"{topic}=again{self.number}", *self.exact, *options)
        self.forget(cluster, f"again{self.number}")
        return run.json()["produce_seconds"], run

    def forget(self, cluster, topic):
        cluster.probe("delete-topic", topic=topic)
        time.sleep(2)  # the brokers delete its files a second later

    def raw(self, cluster, program, partitions, rf, configs, *args):
        """Seconds of a raw program that fills a topic of its own, whose name takes the place of None."""
        cluster.probe.create_topic("raw", partitions, rf, **configs)
        seconds = Measured(BUILD / "bench" / program, *("raw" if a is None else a for a in args)).seconds
        self.forget(cluster, "raw")
        return seconds

    def shown(self, what, values, unit=""):
        middle = statistics.median(values)
        print(f"     {what}: {middle:,.2f}{unit} (" + " ".join(f"{v:,.2f}" for v in values) + ")", flush=True)
        return middle

    # -- markers

    def leaders(self, cluster, topic):
        """PORT=P,P,... for raw_markers, of the topic's partitions."""
        ports = {b.id: b.ports["PLAINTEXT"] for b in cluster.brokers}
        led = {}
        for partition in cluster.probe("describe-topics")[topic]["partitions"]:
            led.setdefault(ports[partition["leader"]], []).append(str(partition["partition"]))
        return [f"{port}={','.join(numbers)}" for port, numbers in led.items()]

    def write_markers(self, cluster, topic, partitions, rf, each):
        cluster.probe.create_topic(topic, partitions, rf, **WORKING, **({"min.insync.replicas": "2"} if rf > 2 else {}))
        run = Measured(BUILD / "bench" / "raw_markers", topic, each, MARKERS_PER_REQUEST, CONNECTIONS,
                       *self.leaders(cluster, topic))
        return partitions * each / run.seconds

    def markers(self):
        for brokers, partitions, total in ((1, 1, 200_000), (1, 8, 400_000), (1, 64, 800_000), (3, 64, 200_000)):
            each = int(total * self.scale) // partitions
            few = max(1, each // 50)  # for the EndTxn way
            print(f"== markers: {brokers} broker(s), {partitions} partition(s), {each * partitions:,} markers", flush=True)
            rf = brokers
            with self.cluster(f"markers-{brokers}-{partitions}", brokers, 1024 // brokers + 128) as cluster:
                self.write_markers(cluster, "load", partitions, rf, each)
                repo = self.backup(cluster, "load")
                self.write_markers(cluster, "few", partitions, rf, few)
                few_repo = self.backup(cluster, "few")
                rates = {"raw": [], "restore": [], "EndTxn": []}
                for _ in range(self.rounds):
                    rates["raw"].append(self.write_markers(cluster, "raw", partitions, rf, each))
                    self.forget(cluster, "raw")
                    rates["restore"].append(partitions * each / self.restore(cluster, repo, "load")[0])
                    if self.has_means:
                        seconds, _ = self.restore(cluster, few_repo, "few", "--markers", "end-txn")
                        rates["EndTxn"].append(partitions * few / seconds)
                for way, values in rates.items():
                    if values:
                        self.shown(f"{way} markers/s", values)
                name = f"{partitions} partitions, {brokers} brokers"
                self.shown("restore / raw", [a / b for a, b in zip(rates["restore"], rates["raw"])])
                if (brokers, partitions) == (1, 64):
                    self.check(f"{name}: markers/s", statistics.median(rates["restore"]), 20_000, True)
                if rates["EndTxn"]:
                    ratio = statistics.median(a / b for a, b in zip(rates["restore"], rates["EndTxn"]))
                    if brokers == 3:
                        self.check(f"{name}: markers/s / EndTxn's", ratio, 2.5, True)
                    else:
                        print(f"     restore / EndTxn: {ratio:.2f}")

    # -- filler

    def filler(self):
        """A log start far up."""
        start = int(30_000_000 * self.scale)
        print(f"== filler: a log start of {start:,}", flush=True)
        with self.cluster("filler") as cluster:
            probe, port = cluster.probe, cluster.brokers[0].ports["PLAINTEXT"]
            probe.create_topic("load", 1, **WORKING)
            Measured(BUILD / "bench" / "raw_filler", port, "load", 0, start)
            probe("delete-records", topic="load", partition=0, before=start)
            probe.produce("load", 1000, time=LONG_AGO)
            repo = self.backup(cluster, "load")
            rates, raw = [], []
            for _ in range(self.rounds):
                raw.append(start / self.raw(cluster, "raw_filler", 1, 1, WORKING, port, None, 0, start))
                rates.append(start / self.restore(cluster, repo, "load")[0])
            self.shown("raw plain batches, offsets/s", raw)
            self.check("filler offsets/s", self.shown("restore, offsets/s", rates), 8_000_000, True)

    # -- data between holes

    def against_raw(self, cluster, name, repo, partitions, dense, ways=((),)):
        """The restore of `repo`'s "load" against raw_produce of the topic `dense`, which holds as much without holes, in
        each of `ways` (options of the restore), the first of which is held to the limit. The whole of the restore, waits
        for the brokers' cleaner with it, is shown beside it."""
        port = cluster.brokers[0].ports["PLAINTEXT"]
        files = self.fresh("raw")
        Measured(BUILD / "bench" / "raw_fetch", port, dense, partitions, CONNECTIONS, files, "unsynced")
        dense_bytes = sum(f.stat().st_size for f in files.iterdir())
        raw, restored, whole = [], {way: [] for way in ways}, {way: [] for way in ways}
        for number in range(self.rounds + 1):
            speed = dense_bytes / 1e6 / self.raw(cluster, "raw_produce", partitions, 1, WORKING, port, None, partitions,
                                                 CONNECTIONS, files)
            if number == 0:  # a JVM has to warm up
                continue
            raw.append(speed)
            for way in ways:
                _, run = self.restore(cluster, repo, "load", *way)
                report = run.json()
                megabytes = report["plan"]["bytes"] / 1e6
                restored[way].append(megabytes / report["produce_seconds"])
                whole[way].append(megabytes / report["seconds"])
                print(f"     round {number}: raw {speed:.0f} MB/s, {' '.join(way) or 'restore'} {restored[way][-1]:.0f}, "
                      f"whole {whole[way][-1]:.0f}", flush=True)
                if number == 1:
                    print(f"     {' '.join(way) or 'restore'}: {megabytes / 1e3:.2f} GB with holes "
                          f"({dense_bytes / 1e9:.2f} without), {report['markers_written']:,} markers, "
                          f"{report['produce_requests']:,} requests, {report['produce_seconds']:.1f} of "
                          f"{report['seconds']:.1f} s for them, {report['cleaner_seconds']:.1f} s for the cleaner, "
                          f"{run.cpu:.1f} CPU-s, peak {run.peak_mib:.0f} MiB", flush=True)
        self.shown("raw produce MB/s", raw)
        for way in ways:
            text = " ".join(["restore", *way])
            self.shown(f"{text} MB/s", restored[way])
            middle = self.shown(f"{text} / raw", [a / b for a, b in zip(restored[way], raw)])
            self.shown(f"whole {text} / raw", [a / b for a, b in zip(whole[way], raw)])
            if way == ways[0]:
                self.check(f"{name}: restore speed / raw produce", middle, 0.5, True)

    def transactions(self):
        """A marker every so many records, as exactly-once producers leave them, all committed. Written by a raw program:
        thousands of transactions take Kafka's client minutes, and of committed ones a restore sees the markers alone."""
        for partitions in (4, 16):
            count = int(self.scale * 1_000_000)
            print(f"== exactly once: {partitions} partitions, {count:,} records, a marker every {RECORDS_PER_MARKER}",
                  flush=True)
            with self.cluster(f"transactions-{partitions}") as cluster:
                probe, port = cluster.probe, cluster.brokers[0].ports["PLAINTEXT"]
                for topic in ("load", "dense"):
                    probe.create_topic(topic, partitions, **WORKING)
                probe.produce("dense", count, **RECORD, batch_records=RECORDS_PER_MARKER, codec="none", batch_bytes=1 << 18)
                files = self.fresh("dense")
                Measured(BUILD / "bench" / "raw_fetch", port, "dense", partitions, CONNECTIONS, files, "unsynced")
                Measured(BUILD / "bench" / "raw_produce", port, "load", partitions, CONNECTIONS, files, "marked")
                repo = self.backup(cluster, "load")
                self.against_raw(cluster, f"exactly once, {partitions} partitions", repo, partitions, "dense")

    def compacted(self):
        """Half of the records gone, one here and two there. The cleaner of the brokers looks every 200 ms (stock: 15 s)."""
        partitions, count = 4, int(self.scale * 1_000_000)
        print(f"== compacted: {partitions} partitions, {count:,} records left of {2 * count:,}", flush=True)
        config = {**compaction.BROKER, "log.cleaner.dedupe.buffer.size": 128 << 20}
        with self.cluster("compacted", heap_mb=1536, **config) as cluster:
            probe = cluster.probe
            probe.create_topic("load", partitions, **compaction.TOPIC)
            probe.create_topic("dense", partitions, **WORKING)
            probe.produce("dense", count, **RECORD, batch_bytes=1 << 16)
            # Of n records of a log with random keys out of n / 1.594 half are the latest of their keys.
            keys = int(2 * count / 1.594 / partitions)
            for seed in range(4):
                probe.produce("load", count // 2, **{**RECORD, "keys": keys, "seed": seed},
                              batch_bytes=1 << 16)
            probe.produce("load", 400, **{**RECORD, "time": LONG_AGO + 50 * 60 * 1000})
            compaction.wait_until_cleaned(cluster, "load", seconds=300)
            compaction.freeze(probe, "load")
            repo = self.backup(cluster, "load")
            self.against_raw(cluster, "compacted", repo, partitions, "dense", ((), ("--holes", "markers")))


def main():
    cases = ("markers", "filler", "transactions", "compacted")
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round with a tenth of the data: the limits are not meant for it")
    parser.add_argument("--only", choices=cases, action="append")
    parser.add_argument("--keep-going", action="store_true", help="exit 0 although a limit was missed")
    args = parser.parse_args()
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    with tempfile.TemporaryDirectory(prefix="maxbrod-holes-") as folder:
        bench = Holes(pathlib.Path(folder), 1 if args.quick else args.rounds, 0.1 if args.quick else 1.0)
        for case in args.only or cases:
            getattr(bench, case)()
    if bench.failed and not args.keep_going:
        raise SystemExit("missed: " + ", ".join(bench.failed))


if __name__ == "__main__":
    main()
