"""Kafka's jars of a version, and the Java programs of the tests compiled against them."""

import fcntl
import functools
import hashlib
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / ".cache" / "kafka"


def _dependencies():
    """The values of dependencies.env, as the shell reads them."""
    names = ["KAFKA_TEST_VERSIONS", "KAFKA_DEMO_VERSION", "KAFKA_OLDEST_VERSION"]
    script = "source ./dependencies.env; " + "; ".join(f'echo "{n}=${n}"' for n in names)
    out = subprocess.run(["bash", "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)
    return dict(line.split("=", 1) for line in out.stdout.splitlines())


DEPENDENCIES = _dependencies()
VERSIONS = DEPENDENCIES["KAFKA_TEST_VERSIONS"].split()
NEWEST = DEPENDENCIES["KAFKA_DEMO_VERSION"]
OLDEST = DEPENDENCIES["KAFKA_OLDEST_VERSION"]
# Debian's own Java, whatever else comes first in PATH.
JVM = next(pathlib.Path("/usr/lib/jvm").glob("java-17-openjdk-*/bin/javac"), pathlib.Path("/usr/bin/javac")).parent


@functools.cache
def libs(version):
    """The folder of the jars of that version, fetched first if need be."""
    out = subprocess.run([ROOT / "scripts" / "fetch-kafka", version], check=True, stdout=subprocess.PIPE,
                         text=True)
    return pathlib.Path(out.stdout.strip())


@functools.cache
def test_jars(version):
    """A class path of those jars of Kafka's own tests that ours use."""
    out = subprocess.run([ROOT / "scripts" / "fetch-kafka", version, "test-jars"], check=True, stdout=subprocess.PIPE,
                         text=True)
    return out.stdout.strip() + "/*"


def class_archive(version):
    """Where the JVM's shared archive of Kafka's loaded classes lies (lib.cluster makes it). With it a broker starts in
    half the time; a JVM that cannot use it goes on without, as it does where the jars' paths are others than those in it."""
    return CACHE / version / f"classes-{hashlib.sha256(str(libs(version)).encode()).hexdigest()[:8]}.jsa"


def java(version, flags, main, *args, classpath="", archive=True, detached=False):
    """A command line that runs a Java class against Kafka's jars. It dies with the process that started it, unless
    `detached`."""
    flags = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *flags]
    if archive:
        # Without -Xlog a JVM that cannot use the archive says so where the probe's answers are read.
        flags += ["-Xshare:auto", f"-XX:SharedArchiveFile={class_archive(version)}", "-Xlog:disable"]
    jars = f"{libs(version)}/*" + (f":{classpath}" if classpath else "")
    die = [] if detached else ["setpriv", "--pdeathsig", "KILL"]
    return [*die, JVM / "java", *flags, "-cp", jars, main, *map(str, args)]


def probe_classes(version):
    """The folder of KafkaProbe compiled against that version; compiled once per state of its sources."""
    jars = libs(version)
    sources = sorted((ROOT / "tests" / "java").glob("*.java"))
    digest = hashlib.sha256(b"".join(s.read_bytes() for s in sources)).hexdigest()[:16]
    classes = CACHE / version / f"probe-{digest}"
    if not classes.exists():
        with open(CACHE / f".lock-probe-{version}", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not classes.exists():
                staging = classes.with_suffix(".tmp")
                shutil.rmtree(staging, ignore_errors=True)
                subprocess.run([JVM / "javac", "-nowarn", "-cp", f"{jars}/*", "-d", staging, *sources], check=True,
                               capture_output=True)
                os.rename(staging, classes)
    return classes


def tool(version, main, *args, check=True, timeout=120):
    """Runs one of Kafka's own command line tools by its main class and returns what it printed."""
    command = java(version, ["-Dorg.slf4j.simpleLogger.defaultLogLevel=error"], main, *args)
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise RuntimeError(f"{main} {args}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout
