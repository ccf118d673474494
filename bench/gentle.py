"""What a backup costs others: the latency of Kafka's own kafka-producer-perf-test (acks=all, a steady rate) alone, beside a
plain backup, beside one with --rate-limit, and beside one with --gentle.

All ways are measured in each round, in turn, on the same brokers; what is shown is the median of the rounds. A backup that ends
early is begun again in a new repository, so that there is one beside the producer all the time; its throughput is what lies
in the repositories at the end. Brokers, producer and backup share the machine: the figures tell how the ways compare.
"""

import argparse
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile
import time

from bench import BUILD, WORKING, Bench

from lib import jars
from lib.cluster import Cluster

PARTITIONS = 8
PRODUCER_RECORD = 1000
WARM_SECONDS = 6  # of the producer, not counted; a backup begins in the middle of it
RESULT = re.compile(r"([\d.]+) ms avg latency, ([\d.]+) ms max latency, (\d+) ms 50th, (\d+) ms 95th, "
                    r"(\d+) ms 99th, (\d+) ms 99.9th")


class Gentle(Bench):
    def __init__(self, folder, rounds, gigabytes, seconds, rate, limit, brokers):
        super().__init__(folder, rounds, gigabytes)
        self.seconds = seconds
        self.rate = rate
        self.brokers = brokers
        self.ways = {"alone": None, "backup": [], f"--rate-limit {limit}": ["--rate-limit", limit], "--gentle": ["--gentle"]}
        self.results = {way: [] for way in self.ways}

    def producer(self, cluster):
        """Runs for self.seconds after its warm-up."""
        command = jars.java(jars.NEWEST, ["-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"],
                            "org.apache.kafka.tools.ProducerPerformance", "--topic", "orders", "--num-records",
                            self.rate * (self.seconds + WARM_SECONDS), "--warmup-records", self.rate * WARM_SECONDS,
                            "--record-size", PRODUCER_RECORD, "--throughput", self.rate, "--bootstrap-server",
                            cluster.bootstrap(), "--command-property", "acks=all", "linger.ms=0")
        return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def backups(self, cluster, producer, flags):
        """Backs up again and again until the producer is done. Bytes stored per second."""
        time.sleep(WARM_SECONDS / 2)
        folder = self.fresh("repos")
        began, number = time.monotonic(), 0
        while producer.poll() is None:
            number += 1
            repo = f"file://{folder / str(number)}"
            subprocess.run([BUILD / "maxbrod", "init", "--repo", repo], check=True, capture_output=True)
            backup = subprocess.Popen([BUILD / "maxbrod", "--json", "--quiet", "backup", "--repo", repo, "--bootstrap-server",
                                       cluster.bootstrap(), "--topics", "load", *flags],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            while producer.poll() is None and backup.poll() is None:
                time.sleep(0.02)
            if backup.poll() is None:
                backup.kill()
            elif backup.returncode != 0:
                raise SystemExit(f"backup {flags}: exit {backup.returncode}\n{backup.stderr.read()}")
            backup.wait()
        seconds = time.monotonic() - began
        stored = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
        shutil.rmtree(folder)
        return stored / seconds

    def measure(self, cluster, way, flags):
        producer = self.producer(cluster)
        rate = 0.0 if flags is None else self.backups(cluster, producer, flags)
        out, _ = producer.communicate()
        found = RESULT.search(out.splitlines()[-1]) if out else None  # of the records after the warm-up
        if producer.returncode != 0 or found is None:
            raise SystemExit(f"the producer failed: exit {producer.returncode}\n{out}")
        average, longest, p50, _, p99, p999 = map(float, found.groups())
        self.results[way].append({"p50": p50, "p99": p99, "p999": p999, "max": longest, "avg": average, "mb": rate / 1e6})

    def run(self):
        with Cluster(jars.NEWEST, self.folder / "gentle", brokers=self.brokers, heap_mb=1024, optimize=True) as cluster:
            rf = min(3, self.brokers)
            cluster.probe.create_topic("load", PARTITIONS, rf, **WORKING)
            cluster.probe.create_topic("orders", 4, rf, **WORKING)
            cluster.probe.produce("load", int(self.gigabytes * 1e6), value_min=1000, timeout=900,
                                  props={"batch.size": 65536, "linger.ms": 50})
            self.producer(cluster).wait()  # the brokers' code is compiled now
            for number in range(self.rounds):
                for way, flags in self.ways.items():
                    self.measure(cluster, way, flags)
                    last = self.results[way][-1]
                    print(f"     round {number}: {way}: p50 {last['p50']:.0f} ms, p99 {last['p99']:.0f} ms, p99.9 "
                          f"{last['p999']:.0f} ms, backup {last['mb']:.1f} MB/s", flush=True)
        self.show()

    def show(self):
        medians = {way: {key: statistics.median(r[key] for r in results) for key in results[0]}
                   for way, results in self.results.items()}
        print(f"\n{'':24} {'p50 ms':>8} {'p99 ms':>8} {'p99.9 ms':>9} {'max ms':>8} {'backup MB/s':>12}")
        for way, m in medians.items():
            print(f"{way:24} {m['p50']:8.0f} {m['p99']:8.0f} {m['p999']:9.0f} {m['max']:8.0f} {m['mb']:12.1f}")
        print(json.dumps({"bench": "gentle", "rounds": self.rounds, "brokers": self.brokers, "records_per_second": self.rate,
                          "ways": medians}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round with little data: a sanity check")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=30, help="of each measurement")
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--rate", type=int, default=2000, help="records of 1 kB per second")
    parser.add_argument("--limit", default="20MiB", help="of --rate-limit")
    parser.add_argument("--brokers", type=int, default=1)
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.seconds, args.gigabytes = 1, 10, 0.3
    with tempfile.TemporaryDirectory(prefix="maxbrod-bench-") as folder:
        Gentle(pathlib.Path(folder), args.rounds, args.gigabytes, args.seconds, args.rate, args.limit, args.brokers).run()


if __name__ == "__main__":
    main()
