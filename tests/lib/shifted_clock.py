"""Wall clocks that are wrong, or go on by days. Monotonic clocks stay."""

import os
import pathlib
import subprocess

DAY_SECONDS = 24 * 3600


def environment(folder, seconds):
    """What makes a child's clock run so many seconds ahead (or behind); `folder` keeps the library. One of our own: JVMs look at
    clocks all the time, and libfaketime makes brokers too slow for each other's patience."""
    library = pathlib.Path(folder) / "shifted_clock.so"
    if not library.exists():
        source = pathlib.Path(__file__).with_suffix(".c")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return {**os.environ, "LD_PRELOAD": str(library), "SECONDS_ON": str(seconds)}


def _faketime(**variables):
    library = next(pathlib.Path("/usr/lib").glob("*-linux-gnu/faketime/libfaketime.so.1"), None)
    assert library, "Debian's package faketime is missing: make deps"
    return {"LD_PRELOAD": str(library), "DONT_FAKE_MONOTONIC": "1", **variables}


class FolderClock:
    """Of a repository in a folder: maxbrod runs later, and takes the times of files for later too; those that lie there already
    are set back as far."""

    def __init__(self, repo):
        self._repo = repo
        self._days = 0

    def pass_days(self, days):
        self._days += days
        self._repo.env = {**self._repo.env, **_faketime(FAKETIME=f"+{self._days}d")}
        for path in self._repo.folder.rglob("*"):
            if path.is_file():
                modified = path.stat().st_mtime - days * DAY_SECONDS
                os.utime(path, (modified, modified))


class ServerClock:
    """Of a store behind a server, whose clock is the one that counts: the server's environment, and its clock's hand."""

    def __init__(self, folder):
        self._hand = pathlib.Path(folder) / "clock"
        self._days = 0
        self._hand.write_text("+0d\n")
        self.environment = _faketime(FAKETIME_TIMESTAMP_FILE=str(self._hand), FAKETIME_NO_CACHE="1")

    def pass_days(self, days):
        self._days += days
        # Not truncated and then written: the server looks at the hand whenever it wants to know the time.
        moved = self._hand.with_suffix(".moved")
        moved.write_text(f"+{self._days}d\n")
        moved.replace(self._hand)
