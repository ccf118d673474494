"""Backup into and restore out of versitygw on this machine, against a raw upload and download of as many bytes.

Every round measures all of it one after another; the median of the rounds' ratios is shown. Requests are counted by the
server's own log, and what they would cost at AWS's list price (us-east-1, S3 Standard) per TB of data.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import sys
import tempfile

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


def one_round(number, gateway, source, target, size):
    maxbrod, raw = bench.BUILD / "maxbrod", bench.BUILD / "bench" / "raw_s3"
    url = gateway.url("bucket", f"repo-{number}")
    objects = max(1, round(size / (OBJECT_MIB << 20)))
    put = bench.Measured(raw, "put", f"{gateway.endpoint}/bucket/raw-{number}-", objects, OBJECT_MIB, THREADS).json()
    get = bench.Measured(raw, "get", f"{gateway.endpoint}/bucket/raw-{number}-", objects, OBJECT_MIB, THREADS).json()
    shutil.rmtree(gateway.objects / "bucket", ignore_errors=True)
    (gateway.objects / "bucket").mkdir()
    bench.Measured(maxbrod, "init", "--repo", url)
    start = gateway.requests()
    backup = bench.Measured(maxbrod, "--json", "--quiet", "backup", "--repo", url, "--bootstrap-server", source.bootstrap(),
                            "--name", "one", "--connections", bench.CONNECTIONS)
    stored = gateway.requests()
    check = bench.Measured(maxbrod, "--quiet", "verify", "--repo", url)
    checked = gateway.requests()
    restore = bench.Measured(maxbrod, "--quiet", "restore", "one", "--repo", url, "--bootstrap-server", target.bootstrap(),
                             "--rename", f"{TOPIC}={TOPIC}-{number}")
    done = gateway.requests()
    size = backup.json()["new_bytes"]
    mib = size / (1 << 20)
    rates = {"raw put": put["bytes"] / put["seconds"] / (1 << 20), "backup": mib / backup.seconds,
             "raw get": get["bytes"] / get["seconds"] / (1 << 20), "verify": mib / check.seconds,
             "restore": mib / restore.seconds}
    print(f"round {number}: " + ", ".join(f"{name} {rate:.0f} MiB/s" for name, rate in rates.items()), flush=True)
    puts = sum(n for name, n in since(start, stored).items() if name not in (*FREE, *READS, "ListObjectsV2"))
    print(f"  backup: {puts} PUTs for {mib:.0f} MiB ({puts / (mib / 64):.2f} per 64 MiB), peak {backup.peak_mib:.0f} MiB; "
          f"{since(start, stored)}")
    for what, before, after in (("backup", start, stored), ("verify", stored, checked), ("restore", checked, done)):
        asked = since(before, after)
        print(f"  {what}: {sum(asked.values())} requests, ${dollars(asked) / size * 1e12:.3f} per TB")
    return {"backup": rates["backup"] / rates["raw put"], "verify": rates["verify"] / rates["raw get"],
            "restore": rates["restore"] / rates["raw get"]}


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
            rounds = [one_round(n, gateway, source, target, size) for n in range(arguments.rounds)]
        for name in rounds[0]:
            ratios = sorted(r[name] for r in rounds)
            print(f"{name} / raw: {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    finally:
        for cluster in clusters:
            cluster.destroy()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
