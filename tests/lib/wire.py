"""As much of Kafka's protocol as it takes to see that a broker is ready, without a JVM."""

import socket
import struct

_METADATA = 3
_VERSION = 5  # the last versions without tagged fields go up to 8; all brokers from 2.8 to 4.x know 5


def brokers_seen(host, port, timeout=2.0):
    """Ids of the live brokers that the broker at this address knows, or an empty set if it cannot say yet."""
    body = struct.pack(">hhih", _METADATA, _VERSION, 1, 5) + b"tests" + struct.pack(">i?", 0, False)
    try:
        with socket.create_connection((host, port), timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(struct.pack(">i", len(body)) + body)
            size = struct.unpack(">i", _read(connection, 4))[0]
            answer = _read(connection, size)
    except (OSError, EOFError):
        return set()
    count, at = struct.unpack_from(">i", answer, 8)[0], 12
    ids = set()
    for _ in range(count):
        broker, length = struct.unpack_from(">ih", answer, at)
        at += 6 + length + 4
        rack = struct.unpack_from(">h", answer, at)[0]
        at += 2 + max(rack, 0)
        ids.add(broker)
    return ids


def _read(connection, size):
    data = bytearray()
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)
