"""A process whose wall clock is wrong."""

import os
import pathlib
import subprocess


def environment(folder, seconds):
    """What makes a child's clock run so many seconds ahead (or behind); `folder` keeps the library."""
    library = pathlib.Path(folder) / "shifted_clock.so"
    if not library.exists():
        source = pathlib.Path(__file__).with_suffix(".c")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return {**os.environ, "LD_PRELOAD": str(library), "SECONDS_ON": str(seconds)}
