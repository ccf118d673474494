"""Backup into and restore out of versitygw on this machine, against a raw upload and download of as many bytes.

Every round measures all of it one after another; the median of the rounds' ratios is shown. Requests are counted by the
server's own log, and what they would cost at AWS's list price (us-east-1, S3 Standard) per TB of data.
"""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

import bench

sys.path.insert(0, str(bench.ROOT / "tests"))

from lib.standins import Versitygw  # noqa: E402

TOPIC = "data"
OBJECT_MIB = 60
THREADS = 4
PUT_DOLLARS, GET_DOLLARS = 0.005 / 1000, 0.0004 / 1000
READS = ("GetObject", "HeadObject", "HeadBucket")
FREE = ("DeleteObject", "DeleteObjects", "AbortMultipartUpload")


class LoggedGateway(Versitygw):
    """versitygw that writes a line per request."""

    @property
    def log(self):
        return self.folder / "access.log"

    def command(self):
        words = super().command()
        return [*words[:1], "--access-log", self.log, *words[1:]]

    def requests(self):
        """Requests so far by S3's name of the operation ("PutObject")."""
        counts = {}
        if self.log.exists():
            for line in self.log.read_text(errors="replace").splitlines():
                for word in line.split():
                    if word.startswith("s3_"):
                        counts[word[3:]] = counts.get(word[3:], 0) + 1
                        break
        return counts


def dollars(requests):
    """At list price: writing and listing cost one price, reading another, deleting nothing."""
    return sum(count * (0 if name in FREE else GET_DOLLARS if name in READS else PUT_DOLLARS)
               for name, count in requests.items())


def since(before, after):
    return {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name, 0)}


def together(*commands):
    """Seconds until all of the programs, started at once, are done."""
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for run in [pool.submit(bench.Measured, *command) for command in commands]:
            run.result()
    return time.monotonic() - began


class Round:
    """One round: raw programs, then the verbs, on the same bytes."""

    def __init__(self, number, folder, gateway, source, target):
        self.number, self.gateway, self.source, self.target = number, gateway, source, target
        self.files = folder / "raw"
        self.url = gateway.url("bucket", f"repo-{number}")
        self.key = folder / "bench.key"

    def raw_s3(self, verb, objects):
        return (bench.BUILD / "bench" / "raw_s3", verb, f"{self.gateway.endpoint}/bucket/raw-", objects, OBJECT_MIB, THREADS)

    def raw(self, size):
        """MiB/s of uploads, of downloads, and of each beside what a broker has to do for the same bytes."""
        objects = max(1, round(size / (OBJECT_MIB << 20)))
        ports = [cluster.brokers[0].ports["PLAINTEXT"] for cluster in (self.source, self.target)]
        kafka = bench.BUILD / "bench"
        mib = objects * OBJECT_MIB
        rates = {}
        rates["raw put"] = mib / together(self.raw_s3("put", objects))
        rates["raw get"] = mib / together(self.raw_s3("get", objects))
        shutil.rmtree(self.files, ignore_errors=True)
        self.files.mkdir()
        fetch = (kafka / "raw_fetch", ports[0], TOPIC, bench.PARTITIONS, bench.CONNECTIONS, self.files, "unsynced")
        rates["raw fetch and put"] = mib / together(self.raw_s3("put", objects), fetch)
        topic = f"raw-{self.number}"
        self.target.probe.create_topic(topic, bench.PARTITIONS, **bench.WORKING)
        produce = (kafka / "raw_produce", ports[1], topic, bench.PARTITIONS, bench.CONNECTIONS, self.files)
        rates["raw get and produce"] = mib / together(self.raw_s3("get", objects), produce)
        self.target.probe("delete-topic", topic=topic)
        shutil.rmtree(self.files)
        shutil.rmtree(self.gateway.objects / "bucket")
        (self.gateway.objects / "bucket").mkdir()
        return rates

    def verb(self, *words):
        before = self.gateway.requests()
        run = bench.Measured(bench.BUILD / "maxbrod", "--json", "--quiet", *words, "--repo", self.url)
        return run, since(before, self.gateway.requests())

    def encrypted(self):
        """Seconds of a backup and a restore of an encrypted repository."""
        at = ("--repo", self.gateway.url("bucket", f"sealed-{self.number}"), "--key-file", self.key)
        maxbrod = bench.BUILD / "maxbrod"
        bench.Measured(maxbrod, "init", *at)
        backup = bench.Measured(maxbrod, "--quiet", "backup", *at, "--bootstrap-server", self.source.bootstrap(), "--name",
                                "one", "--connections", bench.CONNECTIONS)
        topic = f"{TOPIC}-sealed-{self.number}"
        restore = bench.Measured(maxbrod, "--quiet", "restore", "one", *at, "--bootstrap-server", self.target.bootstrap(),
                                 "--rename", f"{TOPIC}={topic}", "--no-calibrate")
        self.target.probe("delete-topic", topic=topic)
        return backup.seconds, restore.seconds

    def run(self, size):
        rates = self.raw(size)
        bench.Measured(bench.BUILD / "maxbrod", "init", "--repo", self.url)
        backup = self.verb("backup", "--bootstrap-server", self.source.bootstrap(), "--name", "one", "--connections",
                           bench.CONNECTIONS)
        check = self.verb("verify")
        topic = f"{TOPIC}-{self.number}"
        restore = self.verb("restore", "one", "--bootstrap-server", self.target.bootstrap(), "--rename", f"{TOPIC}={topic}",
                            "--no-calibrate")
        self.target.probe("delete-topic", topic=topic)
        sealed_backup, sealed_restore = self.encrypted()
        size = backup[0].json()["new_bytes"]
        mib = size / (1 << 20)
        verbs = {"backup": backup, "verify": check, "restore": restore}
        rates.update({name: mib / run.seconds for name, (run, _) in verbs.items()})
        print(f"round {self.number}: " + ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items()) + " MiB/s", flush=True)
        for name, (run, asked) in verbs.items():
            print(f"  {name}: {sum(asked.values())} requests, ${dollars(asked) / size * 1e12:.3f} per TB, peak "
                  f"{run.peak_mib:.0f} MiB; {asked}", flush=True)
        puts = sum(n for name, n in backup[1].items() if name not in (*FREE, *READS, "ListObjectsV2"))
        commits = sum(1 for at in (self.gateway.objects / "bucket" / f"repo-{self.number}" / "log").glob("*/*"))
        return {"backup / raw put": rates["backup"] / rates["raw put"],
                "backup / raw fetch and put at once": rates["backup"] / rates["raw fetch and put"],
                "verify / raw get": rates["verify"] / rates["raw get"],
                "restore / raw get and produce at once": rates["restore"] / rates["raw get and produce"],
                "encrypted backup / plain": backup[0].seconds / sealed_backup,
                "encrypted restore / plain": restore[0].seconds / sealed_restore,
                "PUTs of a backup per 64 MiB, less 2 for each of its commits": (puts - 2 * commits) / (mib / 64),
                "peak MiB": max(run.peak_mib for run, _ in verbs.values())}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gigabytes", type=float, default=2)
    arguments = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="maxbrod-bench-s3-"))
    clusters = []
    try:
        with LoggedGateway(folder / "s3") as gateway:
            os.environ.update(gateway.env)
            gateway.create_bucket("bucket")
            clusters = [bench.Cluster(bench.jars.NEWEST, folder / name, heap_mb=1024, optimize=True).start()
                        for name in ("source", "target")]
            source, target = clusters
            source.probe.create_topic(TOPIC, bench.PARTITIONS, **bench.WORKING)
            source.probe.produce(TOPIC, int(arguments.gigabytes * (1 << 30) / 10_000), value_min=10_000,
                                 value_max=10_000, codec="none")
            size = arguments.gigabytes * (1 << 30)
            rounds = [Round(n, folder, gateway, source, target).run(size) for n in range(arguments.rounds)]
        for name in rounds[0]:
            values = sorted(r[name] for r in rounds)
            print(f"{name}: {statistics.median(values):.2f} ({values[0]:.2f} to {values[-1]:.2f})")
    finally:
        for cluster in clusters:
            cluster.destroy()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
