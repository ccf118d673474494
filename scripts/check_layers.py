#!/usr/bin/env python3
"""Refuses an #include that points down the layers (docs/design.md).

A file in layer L may include "L/..." and any layer named before L. Exit code 1 lists each offence.
"""
import argparse
import pathlib
import re
import sys
import tempfile

INCLUDE = re.compile(r'^\s*#\s*include\s+"([a-z_]+)/')


def offences(src: pathlib.Path, layers: list[str]) -> list[str]:
    found = []
    for path in sorted(src.rglob("*")):
        if path.suffix not in (".h", ".cc") or len(path.relative_to(src).parts) < 2:
            continue
        layer = path.relative_to(src).parts[0]
        if layer not in layers:
            found.append(f"{path}: folder '{layer}' is not a declared layer")
            continue
        allowed = set(layers[: layers.index(layer) + 1])
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if match and match.group(1) not in allowed:
                found.append(f"{path}:{number}: layer '{layer}' may not include "
                             f"'{match.group(1)}' (it lies below)")
    return found


def selftest() -> int:
    with tempfile.TemporaryDirectory() as folder:
        src = pathlib.Path(folder)
        for layer in ("base", "os"):
            (src / layer).mkdir()
        (src / "os" / "a.h").write_text('#include "base/x.h"\n')
        assert offences(src, ["base", "os"]) == []
        (src / "base" / "b.h").write_text('#include "os/a.h"\n')
        bad = offences(src, ["base", "os"])
        assert len(bad) == 1 and "b.h:1" in bad[0], bad
    print("check_layers: self test passed")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", default="")
    parser.add_argument("--src", type=pathlib.Path)
    parser.add_argument("--selftest", action="store_true")
    args = parser.parse_args()
    if args.selftest:
        return selftest()
    found = offences(args.src, args.layers.split(","))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
