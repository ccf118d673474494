"""Real Kafka clusters on loopback: KRaft, one to three brokers, each of them broker and controller."""

import atexit
import base64
import fcntl
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid

from . import jars, shifted_clock, wire
from .probe import Probe

HOST = "127.0.0.1"
_taken_ports = {}  # with the lock of each


def _take_port(port):
    """Also from suites that run beside this one: what is down for a moment must find its port again."""
    folder = pathlib.Path(tempfile.gettempdir()) / f"maxbrod-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    lock = open(folder / str(port), "w")  # noqa: SIM115 (kept as long as the process)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return False
    _taken_ports[port] = lock
    return True


def free_port():
    """A port below the ephemeral range, so that no outgoing connection takes it before the broker does."""
    while True:
        port = random.SystemRandom().randint(15000, 31999)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        if port not in _taken_ports and _take_port(port):
            return port


def _settings(brokers):
    """What makes a broker small, quick to notice things, and still the stock broker in what it stores."""
    rf = min(3, brokers)
    return {
        "auto.create.topics.enable": "false",
        "num.network.threads": 2,
        "num.io.threads": 4,
        "num.replica.fetchers": 1,
        "background.threads": 2,
        "log.cleaner.threads": 1,
        "log.cleaner.dedupe.buffer.size": 8 << 20,
        "log.cleaner.backoff.ms": 1000,
        "log.flush.start.offset.checkpoint.interval.ms": 1000,
        "log.flush.offset.checkpoint.interval.ms": 5000,
        "log.retention.check.interval.ms": 2000,
        "log.initial.task.delay.ms": 500,
        "log.segment.delete.delay.ms": 1000,
        "replica.high.watermark.checkpoint.interval.ms": 1000,
        "offsets.topic.num.partitions": 4,
        "offsets.topic.replication.factor": rf,
        "transaction.state.log.num.partitions": 4,
        "transaction.state.log.replication.factor": rf,
        "transaction.state.log.min.isr": min(2, rf),
        "share.coordinator.state.topic.num.partitions": 2,
        "share.coordinator.state.topic.replication.factor": rf,
        "share.coordinator.state.topic.min.isr": min(2, rf),
        "group.initial.rebalance.delay.ms": 0,
        "group.consumer.heartbeat.interval.ms": 1000,
        "group.consumer.min.heartbeat.interval.ms": 500,
        "broker.heartbeat.interval.ms": 500,
        "broker.session.timeout.ms": 6000,
        "controlled.shutdown.retry.backoff.ms": 500,
        "controller.quorum.election.timeout.ms": 1000,
        "controller.quorum.fetch.timeout.ms": 4000,
        "queued.max.requests": 100,
    }


class Broker:
    """One broker's process, files and addresses."""

    def __init__(self, node, folder, rack, listeners):
        self.id = node
        self.folder = folder
        self.rack = rack
        self.ports = {name: free_port() for name in [*listeners, "CONTROLLER"]}
        self.process = None

    @property
    def data(self):
        return self.folder / "data"

    @property
    def log(self):
        return self.folder / "broker.log"

    def address(self, listener="PLAINTEXT"):
        return f"{HOST}:{self.ports[listener]}"

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None


class Cluster:
    """`brokers` brokers of a version below `folder`, started by `start()` or by `with`.

    Listeners are PLAINTEXT (always: brokers among themselves and the probe, a superuser where there are ACLs) and any of
    SSL, SASL_PLAINTEXT and SASL_SSL by name; `tls` is a lib.certs.Authority for the SSL ones. `users` (name -> password)
    may log in by PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. `acls` turns Kafka's authorizer on. `config` overrides anything,
    `node_config` (node -> settings) on one broker.
    `classpath` has more jars for the brokers.
    `optimize` lets the JVM use its slow good compiler, for measurements. A `detached` one
    outlives this process; its brokers' process ids are in their folders' `pid`.
    """

    def __init__(self, version, folder, brokers=1, racks=None, listeners=(), tls=None, users=None, acls=False,
                 config=None, node_config=None, heap_mb=384, client_auth="none", optimize=False, detached=False,
                 classpath=""):
        self.version = version
        self.client_version = version  # of the probe and the tools
        self.folder = pathlib.Path(folder)
        self.tls = tls
        self.users = users or {}
        self.acls = acls
        self.config = config or {}
        self.node_config = node_config or {}
        self.heap_mb = heap_mb
        self.days_on = 0  # of brokers started from now on: their clock
        self.client_auth = client_auth
        self.classpath = classpath
        self.id = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        if self.id.startswith("-"):
            self.id = "A" + self.id[1:]
        names = ["PLAINTEXT", *listeners]
        self.brokers = [Broker(i + 1, self.folder / f"broker-{i + 1}", racks[i] if racks else None, names)
                        for i in range(brokers)]
        self._probe = None
        self._compiler = "-XX:TieredStopAtLevel=4" if optimize else "-XX:TieredStopAtLevel=1"
        self._archive_to = None
        self._detached = detached
        if not detached:
            atexit.register(self._kill_all)

    # -- life of the cluster

    def start(self, wait=True):
        """Formats the disks and starts all brokers."""
        if self._archive_to is None:
            _ensure_class_archive(self.version, type(self))
        boot = self._bootstrap_checkpoint()
        for broker in self.brokers:
            broker.data.mkdir(parents=True)
            self._format(broker, boot)
            self._launch(broker)
        if wait:
            self.wait_ready()
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *error):
        self.destroy()

    def wait_ready(self, timeout=90):
        """Until every running broker knows all running brokers as live."""
        deadline = time.monotonic() + timeout
        running = {b.id for b in self.brokers if b.alive}
        while True:
            seen = [wire.brokers_seen(HOST, b.ports["PLAINTEXT"]) for b in self.brokers if b.alive]
            if seen and all(ids == running for ids in seen):
                return
            for broker in self.brokers:
                if broker.id in running and not broker.alive:
                    raise RuntimeError(f"broker {broker.id} ended by itself:\n{self.tail(broker)}")
            if time.monotonic() > deadline:
                logs = "\n".join(self.tail(b) for b in self.brokers)
                raise RuntimeError(f"cluster not ready after {timeout} s; brokers seen: {seen}\n{logs}")
            time.sleep(0.1)

    def kill(self, *nodes):
        """SIGKILL, as a power failure of the process; of all brokers without arguments."""
        self._signal(nodes, signal.SIGKILL)
        for broker in self._choose(nodes):
            broker.process.wait()

    def stop(self, *nodes, timeout=60):
        """A clean shutdown."""
        self._signal(nodes, signal.SIGTERM)
        for broker in self._choose(nodes):
            try:
                broker.process.wait(timeout)
            except subprocess.TimeoutExpired:  # the last of a quorum cannot leave it in good order
                broker.process.kill()
                broker.process.wait()

    def pause(self, *nodes):
        """SIGSTOP: the broker holds its connections and does nothing."""
        self._signal(nodes, signal.SIGSTOP)

    def resume(self, *nodes):
        self._signal(nodes, signal.SIGCONT)

    def restart(self, *nodes, wait=True):
        """Starts brokers again that were stopped or killed, on their old disks and ports."""
        for broker in self._choose(nodes):
            if not broker.alive:
                self._launch(broker)
        if wait:
            self.wait_ready()

    def destroy(self):
        """Kills everything and deletes the disks; logs and configuration stay."""
        self._kill_all()
        for broker in self.brokers:
            shutil.rmtree(broker.data, ignore_errors=True)
        atexit.unregister(self._kill_all)

    def _kill_all(self):
        if self._probe:
            self._probe.close()
            self._probe = None
        for broker in self.brokers:
            if broker.alive:
                broker.process.kill()
        for broker in self.brokers:
            if broker.process:
                broker.process.wait()

    # -- ways in

    def bootstrap(self, listener="PLAINTEXT"):
        return ",".join(b.address(listener) for b in self.brokers)

    @property
    def probe(self):
        """The cluster's KafkaProbe, started at its first use."""
        if self._probe is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._probe = Probe(self.client_version, self.bootstrap(), self.folder / "probe.log")
        return self._probe

    def tool(self, main, *args, **options):
        """One of Kafka's own tools against this cluster, by its main class."""
        return jars.tool(self.client_version, main, "--bootstrap-server", self.bootstrap(), *args, **options)

    def segments(self, node, topic, partition=0):
        """The log files of a partition on a broker's disk, oldest first."""
        return sorted((self.brokers[node - 1].data / f"{topic}-{partition}").glob("*.log"))

    def tail(self, broker, lines=30):
        text = broker.log.read_text(errors="replace") if broker.log.exists() else ""
        return f"--- {broker.log}\n" + "\n".join(text.splitlines()[-lines:])

    # -- how a broker is set up

    def _choose(self, nodes):
        return [b for b in self.brokers if not nodes or b.id in nodes]

    def _signal(self, nodes, number):
        for broker in self._choose(nodes):
            if broker.alive:
                broker.process.send_signal(number)

    def _properties(self, broker):
        names = [n for n in broker.ports if n != "CONTROLLER"]
        protocols = [f"{n}:{n}" for n in names] + ["CONTROLLER:PLAINTEXT"]
        properties = {
            "process.roles": "broker,controller",
            "node.id": broker.id,
            "controller.quorum.voters": ",".join(
                f"{b.id}@{HOST}:{b.ports['CONTROLLER']}" for b in self.brokers),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listeners": ",".join(f"{n}://{HOST}:{p}" for n, p in broker.ports.items()),
            "advertised.listeners": ",".join(f"{n}://{HOST}:{broker.ports[n]}" for n in names),
            "listener.security.protocol.map": ",".join(protocols),
            "log.dirs": broker.data,
            **_settings(len(self.brokers)),
        }
        if broker.rack:
            properties["broker.rack"] = broker.rack
        if self.tls:
            properties.update(self.tls.broker_properties(self.client_auth))
        if any(n.startswith("SASL") for n in names):
            properties.update(self._sasl(names))
        if self.acls:
            properties["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
            properties["super.users"] = "User:ANONYMOUS"
        properties.update(self.config)
        properties.update(self.node_config.get(broker.id, {}))
        return properties

    def _sasl(self, names):
        properties = {"sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"}
        module = "org.apache.kafka.common.security"
        users = " ".join(f'user_{n}="{p}"' for n, p in self.users.items())
        for name in (n.lower() for n in names if n.startswith("SASL")):
            prefix = f"listener.name.{name}"
            properties[f"{prefix}.plain.sasl.jaas.config"] = f"{module}.plain.PlainLoginModule required {users};"
            for mechanism in ("scram-sha-256", "scram-sha-512"):
                properties[f"{prefix}.{mechanism}.sasl.jaas.config"] = f"{module}.scram.ScramLoginModule required;"
        return properties

    def _launch(self, broker):
        # A child dies with the *thread* that started it (prctl(2), PR_SET_PDEATHSIG).
        assert threading.current_thread() is threading.main_thread()
        flags = [self._compiler, f"-Xmx{self.heap_mb}m", "-Xms64m", "-Djava.awt.headless=true",
                 "-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.showShortLogName=true",
                 "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS"]
        if self._archive_to:
            flags.append(f"-XX:ArchiveClassesAtExit={self._archive_to}")
        (broker.folder / "server.properties").write_text(
            "".join(f"{k}={v}\n" for k, v in self._properties(broker).items()))
        with open(broker.log, "ab") as log:
            broker.process = subprocess.Popen(
                jars.java(self.version, flags, "kafka.Kafka", broker.folder / "server.properties",
                          classpath=self.classpath, archive=self._archive_to is None, detached=self._detached),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=self._clock())
        (broker.folder / "pid").write_text(f"{broker.process.pid}\n")

    def _clock(self):
        """The environment in which brokers live `days_on` days from now."""
        if not self.days_on:
            return None
        return shifted_clock.environment(self.folder, self.days_on * shifted_clock.DAY_SECONDS)

    def _format(self, broker, boot):
        """What `kafka-storage format` leaves behind; its one binary file is made by it, once per kind."""
        directory = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        (broker.data / "meta.properties").write_text(
            f"version=1\ncluster.id={self.id}\nnode.id={broker.id}\ndirectory.id={directory}\n")
        shutil.copy(boot, broker.data / "bootstrap.checkpoint")

    def _bootstrap_checkpoint(self):
        """kafka-storage's file of initial metadata records; it depends on the version and on SCRAM users only."""
        kind = uuid.uuid5(uuid.NAMESPACE_OID, repr(sorted(self.users.items()))).hex[:12]
        kept = jars.CACHE / self.version / f"bootstrap-{kind}.checkpoint"
        jars.libs(self.version)
        with open(jars.CACHE / f".lock-bootstrap-{self.version}", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not kept.exists():
                scratch = jars.CACHE / self.version / f"format-{os.getpid()}"
                scratch.mkdir()
                (scratch / "server.properties").write_text(
                    "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n"
                    "listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093\n"
                    "controller.quorum.voters=1@127.0.0.1:9093\n"
                    "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
                    f"log.dirs={scratch / 'data'}\n")
                scram = [f"--add-scram=SCRAM-SHA-{bits}=[name={name},password={password}]"
                         for name, password in self.users.items() for bits in (256, 512)]
                jars.tool(self.version, "kafka.tools.StorageTool", "format", "-t", self.id, "-c",
                          scratch / "server.properties", *scram)
                os.rename(scratch / "data" / "bootstrap.checkpoint", kept)
                shutil.rmtree(scratch)
        return kept


def _ensure_class_archive(version, kind):
    """Runs one broker for the sake of the archive its JVM writes at its end."""
    archive = jars.class_archive(version)
    if archive.exists():
        return
    jars.libs(version)
    with open(jars.CACHE / f".lock-archive-{version}", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if archive.exists():
            return
        scratch = jars.CACHE / version / f"archive-{os.getpid()}"
        staging = archive.with_suffix(".tmp")
        cluster = kind(version, scratch)
        cluster._archive_to = staging
        cluster.start()
        cluster.stop()
        cluster.destroy()
        os.rename(staging, archive)
        shutil.rmtree(scratch)
