"""A reader of encrypted repositories that shares no code with maxbrod: written from docs/format.md alone, to prove that
the page suffices. Slow on purpose (checksums in Python), and without zstd: for small repositories."""

import hashlib
import hmac
import pathlib
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Damaged(Exception):
    """The bytes are not what was written."""


def hkdf(key, salt, info, length=32):
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(key)


_TABLE = []
for _n in range(256):
    for _ in range(8):
        _n = (_n >> 1) ^ (0x82F63B78 if _n & 1 else 0)
    _TABLE.append(_n)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


# ---- Protobuf's wire format, as far as it is needed


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


def fields(data):
    """{number: [values]} of one message; submessages, texts and packed columns stay bytes."""
    out, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value, at = data[at:at + size], at + size
        elif kind == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise Damaged(f"wire type {kind}")
        out.setdefault(key >> 3, []).append(value)
    return out


def column(message, number, rows, signed=False):
    """A packed column; one that is absent holds zeros. `signed`: sint (zigzag)."""
    data, values, at = b"".join(message.get(number, [])), [], 0
    while at < len(data):
        value, at = varint(data, at)
        values.append((value >> 1) ^ -(value & 1) if signed else value)
    return values or [0] * rows


# ---- Objects


def split_header(data, kind):
    """Salt, key id, crypto mode and commitment of an object's header, after its own checks."""
    if data[:4] != b"MXBR" or struct.unpack(">I", data[76:80])[0] != crc32c(data[:76]):
        raise Damaged("header")
    if data[4:5] != kind or data[5] != 1 or data[7] != 0:
        raise Damaged(f"type {data[4:5]} version {data[5]}")
    return {"mode": data[6], "key_id": struct.unpack(">I", data[8:12])[0], "salt": data[12:44],
            "commitment": data[44:76], "bytes": data[:80]}


def plain_records(data, kind):
    """The records of a plain small object (config, key slot)."""
    header = split_header(data, kind)
    if header["mode"] != 0:
        raise Damaged("encrypted")
    at, ordinal, records = 80, 0, []
    while True:
        plain, stored, frame_kind, codec, flags, reserved = struct.unpack(">IIBBBB", data[at:at + 12])
        end = at + 12 + stored
        check = crc32c(header["salt"][:16] + struct.pack(">I", ordinal) + data[at:end])
        if struct.unpack(">I", data[end:end + 4])[0] != check or (frame_kind, codec, reserved) != (1, 0, 0):
            raise Damaged(f"frame {ordinal}")
        records.append(data[at + 12:end])
        at, ordinal = end + 4, ordinal + 1
        if flags & 2:
            break
    if at != len(data):
        raise Damaged("bytes after the last frame")
    return records


class Sealed:
    """The frames of one encrypted object."""

    def __init__(self, repository, kind, bound_name, header):
        if header["mode"] != 1:
            raise Damaged("not encrypted")
        key = repository.class_key(header["key_id"])
        if not hmac.compare_digest(hkdf(key, header["salt"], b"maxbrod commit v1"), header["commitment"]):
            raise Damaged("another key")
        info = b"maxbrod object v1" + kind + repository.id + bound_name.encode()
        self.gcm = AESGCM(hkdf(key, header["salt"], info))
        self.header = header["bytes"]

    def frame(self, data, at, ordinal):
        """(plain bytes, kind, flags, tag, where the next one begins)"""
        plain, stored, kind, codec, flags, reserved = struct.unpack(">IIBBBB", data[at:at + 12])
        end = at + 12 + stored + 16
        nonce = bytes(7) + struct.pack(">IB", ordinal, 1 if flags & 2 else 0)
        aad = self.header + struct.pack(">I", ordinal) + data[at:at + 12]
        try:
            payload = self.gcm.decrypt(nonce, data[at + 12:end], aad)
        except InvalidTag:
            raise Damaged(f"frame {ordinal} at {at}") from None
        if codec != 0 or reserved != 0 or len(payload) != plain:
            raise Damaged(f"codec {codec} is not for this reader")
        return payload, kind, flags, data[end - 16:end], end

    def records(self, data):
        at, ordinal, out, last = 80, 0, [], False
        while not last:
            payload, kind, flags, _, at = self.frame(data, at, ordinal)
            if kind != 1:
                raise Damaged("not a record")
            out.append(payload)
            ordinal, last = ordinal + 1, bool(flags & 2)
        if at != len(data):
            raise Damaged("bytes after the last frame")
        return out


class Repository:
    """An encrypted repository in a folder, opened with the 32 bytes of a key file."""

    def __init__(self, folder, key_file):
        self.folder = pathlib.Path(folder)
        stored = self.read("config")
        self.config_sha256 = hashlib.sha256(stored).digest()
        config = fields(plain_records(stored, b"C")[0])
        self.id = config[1][0]
        if config[5] != [1]:
            raise Damaged("not encrypted")
        self.master = self.open_slots(key_file)
        self.meta = hkdf(self.master, self.id, b"maxbrod meta v1")
        if hkdf(self.master, self.id, b"maxbrod key check v1") != config[8][0]:
            raise Damaged("the config is not of this master key")

    def read(self, name):
        return (self.folder / name).read_bytes()

    def class_key(self, key_id):
        if key_id == 1:
            return self.meta
        return hkdf(self.master, self.id, b"maxbrod data v1" + struct.pack(">I", key_id))

    def open_slots(self, key_file):
        for path in sorted((self.folder / "keys").iterdir()):
            slot = fields(plain_records(path.read_bytes(), b"Y")[0])
            header = fields(slot[1][0])
            if header[3] != [2] or header[2][0] != self.id or header[1][0].hex() != path.name:
                continue
            keys = hkdf(key_file, self.id + header[1][0], b"maxbrod slot v1", 64)
            if not hmac.compare_digest(keys[32:], slot[2][0]):
                continue
            try:
                secret = AESGCM(keys[:32]).decrypt(bytes(12), slot[3][0], slot[1][0])
            except InvalidTag:
                raise Damaged(f"{path.name} was changed") from None
            master = fields(secret)[1][0]
            mac_key = hkdf(hkdf(master, self.id, b"maxbrod meta v1"), self.id, b"maxbrod slot mac v1")
            mac = hmac.new(mac_key, slot[1][0] + slot[2][0] + slot[3][0], "sha256").digest()
            if not hmac.compare_digest(mac, slot[4][0]):
                raise Damaged(f"{path.name} was changed")
            return master
        raise Damaged("no slot opens")

    def small(self, name, kind, bound_name=None):
        data = self.read(name)
        return Sealed(self, kind, bound_name or name, split_header(data, kind)).records(data)

    def commits(self):
        """The records of each commit, the chain of hashes compared."""
        previous, number = b"", 1
        while True:
            digits = f"{number:020}"
            name = f"log/{digits[:16]}/{digits}"
            if not (self.folder / name).exists():
                return
            records = [fields(record) for record in self.small(name, b"L")]
            header = fields(records[0][1][0])
            if header[1] != [number] or header.get(2, [b""])[0] != previous or header[8][0] != self.config_sha256:
                raise Damaged(f"commit {number} does not follow")
            yield records
            previous = hashlib.sha256(self.read(name)).digest()
            number += 1

    def manifest(self, sha256):
        """The runs of one manifest."""
        name = f"manifest/{sha256.hex()}"
        if hashlib.sha256(self.read(name)).digest() != sha256:
            raise Damaged(name)
        records = [fields(record) for record in self.small(name, b"M", "manifest/")]
        return fields(records[0][1][0]), [fields(record[2][0]) for record in records[1:]]

    def pack_blocks(self, reference):
        """{(topic, partition, first offset): batches} of a PackRef, by its index; every tag compared."""
        ref = fields(reference)
        pack_id = ref[1][0].hex()
        name = f"{'l0' if ref.get(6) == [1] else 'pack'}/{pack_id[:2]}/{pack_id}"
        data, index_offset = self.read(name), ref[3][0]
        if len(data) != ref[2][0] or hashlib.sha256(data[index_offset:]).digest() != ref[4][0]:
            raise Damaged(f"{name}: not what was committed")
        header = split_header(data, b"P")
        if header["salt"] != ref[9][0] or header["key_id"] != ref[5][0]:
            raise Damaged(f"{name}: header")
        sealed = Sealed(self, b"P", name, header)
        at, ordinal, frames, check, magic = *struct.unpack(">QII", data[-24:-8]), *struct.unpack(">I4s", data[-8:])
        if magic != b"MXBE" or check != crc32c(header["salt"][:16] + data[-24:-8]) or at != index_offset:
            raise Damaged(f"{name}: trailer")
        blocks, index = {}, []
        for number in range(frames):
            payload, _, flags, _, at = sealed.frame(data, at, ordinal + number)
            if bool(flags & 2) != (number == frames - 1):
                raise Damaged("index")
            index.append(fields(payload))
        for record in index[1:]:
            run = fields(record[2][0])
            topic, partition = run[2][0].decode(), run.get(3, [0])[0]
            rows = len(column(run, 10, 0, True))
            first_offset = place = tag_at = 0
            for row in range(rows):
                first_offset += column(run, 10, rows, True)[row]
                place += column(run, 26, rows, True)[row]
                first, count = column(run, 27, rows)[row], column(run, 28, rows)[row]
                at, batches = place, b""
                for n in range(count):
                    payload, kind, flags, tag, at = sealed.frame(data, at, first + n)
                    if tag != run[32][0][tag_at:tag_at + 16] or kind != (2 if n == 0 else 3):
                        raise Damaged(f"{name}: frame {first + n}")
                    tag_at += 16
                    if bool(flags & 1) != (n == count - 1):
                        raise Damaged(f"{name}: flags of frame {first + n}")
                    batches += payload if n else b""
                if at - place != column(run, 25, rows)[row] or len(batches) != column(run, 24, rows)[row]:
                    raise Damaged(f"{name}: length of a block")
                blocks[topic, partition, first_offset] = batches
        return blocks
