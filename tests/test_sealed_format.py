"""docs/format.md suffices to read an encrypted repository: lib/sealed_reader.py, which shares no code with maxbrod, reads
the golden one and one that this binary has just written."""

import os
import shutil
import struct

import pytest

from lib import jars
from lib.maxbrod import Maxbrod
from lib.sealed_reader import Damaged, Repository, fields

GOLDEN = jars.ROOT / "tests" / "golden" / "repo-v1-sealed"
KEY = bytes(range(0xA0, 0xC0))


def everything(repository):
    """Blocks of all packs that commits name, and how many blocks their manifests name."""
    blocks, named = {}, 0
    for records in repository.commits():
        for record in records[1:]:
            for action in record.get(2, []):  # AddPacks
                for reference in fields(action).get(1, []):
                    blocks.update(repository.pack_blocks(reference))
            for action in record.get(3, []):  # SetManifests
                for reference in fields(action).get(3, []):
                    header, runs = repository.manifest(fields(reference)[1][0])
                    named += header[4][0]
                    assert runs
    return blocks, named


def batches_of(data):
    """Base offsets and lengths of the batches in a block."""
    at, out = 0, []
    while at < len(data):
        offset, length = struct.unpack(">qi", data[at:at + 12])
        out.append(offset)
        at += 12 + length
    assert at == len(data)
    return out


def test_golden():
    """Commits, manifests and packs; each block begins with the batch that the index says."""
    blocks, named = everything(Repository(GOLDEN, KEY))
    assert sorted(blocks) == [("orders", 0, 0), ("orders", 0, 30), ("orders", 0, 40), ("orders", 1, 100),
                              ("payments", 0, 5)]
    assert named == 4
    for (_, _, first), data in blocks.items():
        assert batches_of(data)[0] == first and b"xxx" in data


def test_another_key_and_damage(tmp_path):
    """The reader itself notices what it should: else the test above would prove little."""
    with pytest.raises(Damaged):
        Repository(GOLDEN, bytes(32))
    for name in ("log/0000000000000000/00000000000000000002", "pack/20/202122232425262728292a2b2c2d2e2f"):
        shutil.copytree(GOLDEN, tmp_path / "copy", dirs_exist_ok=True)
        path = tmp_path / "copy" / name
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        os.chmod(path, 0o600)
        path.write_bytes(data)
        with pytest.raises(Damaged):
            everything(Repository(tmp_path / "copy", KEY))
        shutil.rmtree(tmp_path / "copy")


def test_what_this_binary_writes(pair, tmp_path):
    """A repository of this moment, with two epochs of data keys."""
    repo = Maxbrod(tmp_path / "sealed")
    key = ("--key-file", tmp_path / "key")
    repo("init", *key)
    probe = pair.source.probe
    probe.create_topic("sealed-format", 2, **{"retention.ms": "-1"})
    probe.produce("sealed-format", 300, value_min=100)
    repo.backup(pair.source, "one", *key, "--topics", "sealed-format")
    repo("keys", "rotate", *key)
    probe.produce("sealed-format", 200, value_min=100)
    repo.backup(pair.source, "two", *key, "--topics", "sealed-format")
    blocks, named = everything(Repository(repo.folder, bytes.fromhex((tmp_path / "key").read_text().strip())))
    ends = probe.offsets("sealed-format")["sealed-format"]
    assert named >= len(blocks) > 0
    records = 0
    for (topic, _, first), data in blocks.items():
        assert topic == "sealed-format" and batches_of(data)[0] == first
        at = 0
        while at < len(data):
            records += struct.unpack(">i", data[at + 57:at + 61])[0]
            at += 12 + struct.unpack(">i", data[at + 8:at + 12])[0]
    assert records == sum(v["end"] for v in ends.values()) == 500
