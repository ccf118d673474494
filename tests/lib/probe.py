"""KafkaProbe (tests/java) as an object: Kafka's Java client without a JVM start per call."""

import json
import selectors
import subprocess

from . import jars


class ProbeError(Exception):
    """What the Java client answered; `type` is the simple name of its exception class."""

    def __init__(self, kind, message):
        super().__init__(f"{kind}: {message}")
        self.type = kind


class Probe:
    """One child process on one cluster. Not thread-safe. Any command is a call: probe("offsets", topics=[...])."""

    def __init__(self, version, bootstrap, log, heap_mb=512, **properties):
        flags = [f"-Xmx{heap_mb}m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        with open(log, "ab") as errors:
            self._process = subprocess.Popen(
                jars.java(version, flags, "KafkaProbe", bootstrap, *(f"{k}={v}" for k, v in properties.items()),
                          classpath=jars.probe_classes(version)),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)

    def __call__(self, command, timeout=300, **fields):
        self._process.stdin.write(json.dumps({"cmd": command, **fields}).encode() + b"\n")
        self._process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(timeout):
                self.close()
                raise ProbeError("Timeout", f"{command} did not answer within {timeout} s")
        line = self._process.stdout.readline()
        if not line:
            raise ProbeError("Dead", f"the probe ended during {command}; see its log")
        answer = json.loads(line)
        if "ok" not in answer:
            raise ProbeError(answer["type"], answer["error"])
        return answer["ok"]

    def create_topic(self, topic, partitions=1, rf=1, **configs):
        """Configs with their dots as underscores would be ambiguous: pass them as **{"cleanup.policy": ...}."""
        return self("create-topic", topic=topic, partitions=partitions, rf=rf, configs=configs)

    def produce(self, topic, count, **shape):
        """See Producing.produce and Generator for the fields of a shape."""
        return self("produce", topic=topic, count=count, **shape)

    def dump(self, topics, folder=None, **fields):
        """ "topic:partition" -> {begin, end, first, last, count, digest}; records go to `folder` if given."""
        if folder:
            fields["dir"] = str(folder)
        return self("dump", topics=list(topics), **fields)

    def offsets(self, *topics):
        """topic -> partition (int) -> {begin, end, stable}"""
        answer = self("offsets", topics=topics)
        return {t: {int(p): v for p, v in ps.items()} for t, ps in answer.items()}

    def topics(self):
        """Names of all topics that are not internal."""
        while True:
            try:
                return sorted(self("describe-topics"))
            except ProbeError as error:  # one was deleted between its listing and its description
                if not str(error).startswith("UnknownTopicOrPartition"):
                    raise

    def own_configs(self, *topics):
        """topic -> name -> value of what is set on the topic itself."""
        answer = self("describe-configs", topics=topics)
        return {t: {n: v["value"] for n, v in c.items()} for t, c in answer.items()}

    def close(self):
        """Ends the child; what it runs in the background ends with it."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
