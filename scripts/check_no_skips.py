#!/usr/bin/python3
"""Fails if a test in the tree is switched off: a skipped test counts as passed and proves nothing.

What a source scan cannot see (a skip at run time) tests/conftest.py turns into a failure.
"""

import argparse
import pathlib
import re
import sys
import tempfile

CXX = re.compile(r"\b(GTEST_SKIP|DISABLED_\w+)\b|--gtest_filter=-")
PYTHON = re.compile(r"\b(pytest\.(skip|xfail|importorskip)|mark\.(skip|skipif|xfail)|unittest\.skip)\b")
CMAKE = re.compile(r"\b(DISABLED|SKIP_RETURN_CODE|WILL_FAIL)\b")


def switched_off(root):
    """Yields (path, line number, line) for each switched-off test below root."""
    for folder in ("src", "tests", "bench", "fuzz", "cmake"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".cc", ".h"):
                pattern = CXX
            elif path.suffix == ".py":
                pattern = PYTHON
            elif path.suffix == ".cmake" or path.name == "CMakeLists.txt":
                pattern = CMAKE
            else:
                continue
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
                if pattern.search(line):
                    yield path, number, line.strip()


def selftest():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "src").mkdir()
        (root / "tests").mkdir()
        (root / "src/a_test.cc").write_text("TEST(A, Works) {}\n")
        (root / "tests/test_a.py").write_text("def test_a():\n    assert 1\n")
        assert not list(switched_off(root))
        (root / "src/b_test.cc").write_text("TEST(B, DISABLED_Works) {}\n")
        (root / "tests/test_b.py").write_text("@pytest.mark.skip\ndef test_b(): pass\n")
        assert len(list(switched_off(root))) == 2
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--selftest", action="store_true")
    args = parser.parse_args()
    if args.selftest:
        return selftest()
    root = pathlib.Path(__file__).resolve().parent.parent
    found = list(switched_off(root))
    for path, number, line in found:
        print(f"{path.relative_to(root)}:{number}: switched-off test: {line}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
