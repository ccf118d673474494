"""The binary under test, run as a user runs it."""

import dataclasses
import json
import os
import pathlib
import signal
import subprocess

from . import jars, schemas

BINARY = pathlib.Path(os.environ.get("MAXBROD", jars.ROOT / "build" / "release" / "maxbrod"))


class Failed(Exception):
    """The binary ended with another exit code than expected."""


@dataclasses.dataclass
class Result:
    """What a run left: exit code and both outputs."""

    args: list
    code: int
    stdout: str
    stderr: str

    @property
    def lines(self):
        """stdout of a run with --json: one object per line."""
        return [json.loads(line) for line in self.stdout.splitlines() if line.strip()]

    @property
    def json(self):
        """The last object of a run with --json: its result."""
        return self.lines[-1]

    def __str__(self):
        return f"maxbrod {' '.join(self.args)}\nexit {self.code}\n{self.stdout[-6000:]}\n{self.stderr[-6000:]}"


class Running:
    """A run in progress."""

    def __init__(self, args, env):
        self.args = args
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", BINARY, *args], text=True, env=env,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait(10)

    def wait(self, timeout=300):
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            raise Failed(f"no end within {timeout} s: {Result(self.args, -1, out, err)}") from None
        if "--json" in self.args:
            schemas.check_output(self.args, out, whole=0 <= self.process.returncode != 137)
        return Result(self.args, self.process.returncode, out, err)


class Maxbrod:
    """Runs verbs against one repository: m("backup", "--bootstrap-server", ..., "--name", "a")."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.url = f"file://{self.folder}"
        # Of every run. Heads are not remembered: tests set repositories back as they please.
        self.env = {}

    def start(self, verb, *args, env=None):
        """Starts a run and does not wait for it."""
        command = [verb, *map(str, args), "--repo", self.url]
        return Running(command, {**os.environ, "MAXBROD_STATE_DIR": "", **self.env, **(env or {})})

    def __call__(self, verb, *args, expect=0, timeout=300, env=None):
        """Runs to the end; any exit code but `expect` (None: any will do) is an error that shows everything."""
        result = self.start(verb, *args, env=env).wait(timeout)
        if expect is not None and result.code != expect:
            raise Failed(f"expected exit {expect}: {result}")
        return result

    def init(self):
        return self("init")

    def backup(self, cluster, name, *args, **options):
        return self("backup", "--bootstrap-server", cluster.bootstrap(), "--name", name, *args, **options)

    def restore(self, cluster, name, *args, **options):
        return self("restore", name, "--bootstrap-server", cluster.bootstrap(), *args, **options)

    def verify(self, name, *args, cluster=None, **options):
        live = ["--bootstrap-server", cluster.bootstrap()] if cluster else []
        return self("verify", name, *live, *args, **options)
