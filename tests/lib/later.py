"""Time that goes on by days, for a repository and all who look at it: libfaketime beneath the programs."""

import os
import pathlib
import time

LIBRARY = next(pathlib.Path("/usr/lib").glob("*-linux-gnu/faketime/libfaketime.so.1"), None)
DAY_SECONDS = 24 * 3600


def _fake(**variables):
    assert LIBRARY, "Debian's libfaketime is missing: make deps"
    return {"LD_PRELOAD": str(LIBRARY), "DONT_FAKE_MONOTONIC": "1", **variables}


class FolderLater:
    """Of a repository in a folder: maxbrod runs later, and sees the times of files as later too; those that lie there already
    are set back as far."""

    def __init__(self, repo):
        self._repo = repo
        self._days = 0

    def pass_days(self, days):
        self._days += days
        self._repo.env = {**self._repo.env, **_fake(FAKETIME=f"+{self._days}d")}
        for path in self._repo.folder.rglob("*"):
            if path.is_file():
                modified = path.stat().st_mtime - days * DAY_SECONDS
                os.utime(path, (modified, modified))


class ServerLater:
    """Of a store behind a server, whose clock is the one that counts: the server's environment, and its clock's hand."""

    def __init__(self, folder):
        self._hand = pathlib.Path(folder) / "faketime"
        self._days = 0
        self.environment = _fake(FAKETIME_TIMESTAMP_FILE=str(self._hand), FAKETIME_CACHE_DURATION="1")
        self.pass_days(0)

    def pass_days(self, days):
        self._days += days
        self._hand.write_text(f"+{self._days}d\n")
        time.sleep(1.5)  # it looks at the hand each second
