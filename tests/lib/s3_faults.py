"""An S3 that goes wrong as told: a proxy on loopback before a stand-in. Each fault is planned in one line:

    with S3Faults(s3, seed) as proxy:
        proxy.plan("slow_down", "PUT", "pack/")         # the first PUT of a pack is answered 503
        proxy.plan("lost_reply", "PUT", "log/", skip=1)  # the second commit is stored, and nobody hears of it
        ...
    # leaving: an error that names every planned fault that never fired, with the seed

Requests go on as they came, Host and signature too. Bodies are held in memory whole.
"""

import collections
import contextlib
import dataclasses
import email.utils
import http.client
import random
import re
import socket
import struct
import threading
import time
import urllib.parse

from .standins import StandIn

# What each fault does to one request. "Writes" are PUT and POST; what is not said to be forwarded is not.
FAULTS = {
    "internal_error": "500 InternalError",
    "internal_error_applied": "forwarded, and answered 500 InternalError all the same",
    "slow_down": "503 SlowDown",
    "reset": "the connection is reset before an answer",
    "reset_midway": "the connection is reset with half of the request read",
    "lost_reply": "forwarded, then the connection is reset",
    "late": "the connection is reset; the request is forwarded a second later",
    "resent": "forwarded twice, as a client that sends again does: a conditional PUT meets its own success",
    "conflict": "409 ConditionalRequestConflict",
    "stall": "forwarded after a second",
    "torn": "half of the answer's body, then the connection ends",
    "flip": "one bit of the answer's body is another",
    "error_in_200": "200 whose body is an error (CompleteMultipartUpload)",
    "error_in_200_applied": "the same, but forwarded",
    "dropped": "nothing is ever answered",
}
WRITES = ("PUT", "POST", "DELETE")
STALL_SECONDS = 1.0
LATE_SECONDS = 1.0


def error_body(code, message="said by the proxy"):
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message>'
            "<RequestId>FAULT</RequestId></Error>").encode()


@dataclasses.dataclass
class Fault:
    """One planned fault: what, for which requests, how many of them are let pass first, how often it fires."""

    kind: str
    method: str               # empty: any
    key: str                  # a regular expression found in the key, or in "?query" of what has none
    skip: int = 0
    times: int = 1            # -1: from then on always
    when: object = None       # a condition on the request
    answer: tuple = ()        # of the kind "answer": status, code, headers
    fired: int = 0

    def matches(self, request):
        return (self.method in ("", request.method) and re.search(self.key, request.key or f"?{request.query}") is not None
                and (self.when is None or self.when(request)))

    def __str__(self):
        return f"{self.kind} of {self.method} {self.key}" + (f" after {self.skip}" if self.skip else "")


@dataclasses.dataclass
class Request:
    """One as it came: the key without its bucket, header lines in their order and case."""

    method: str
    target: str
    headers: list
    body: bytes = b""

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def query(self):
        return self.target.partition("?")[2]

    @property
    def key(self):
        return urllib.parse.unquote(self.path.lstrip("/").partition("/")[2])

    def header(self, name, default=""):
        return next((v for n, v in self.headers if n.lower() == name), default)


class _Closed(Exception):
    """The connection is done for."""


class S3Faults(StandIn):
    """A stand-in that is another one, seen through faults; thread-safe while it runs."""

    def __init__(self, inner, seed=0, rate=0.0, kinds=()):
        self.inner = inner
        self.tls = None
        self.seed = seed
        # Beside what is planned, so many of all requests fail by chance with one of `kinds`.
        self.rate, self.kinds = rate, tuple(kinds)
        self.fired = collections.Counter()       # by kind
        self.requests = []                       # (method, key or ?query, fault or "") of each
        self._dice = random.Random(seed)
        self._faults = []
        self._lock = threading.Lock()
        self._open = set()
        self._threads = []
        self._listener = None
        self._stopping = threading.Event()

    # -- life

    def start(self):
        self._stopping.clear()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._spawn(self._accept)
        return self

    def stop(self):
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(30)

    def __exit__(self, kind, *_):
        self.stop()
        if kind is None:
            self.check()

    # -- plans

    def plan(self, kind, method, key="", skip=0, times=1, when=None):
        """A fault for the requests of a method whose key holds `key` (a regular expression)."""
        assert kind in FAULTS, kind
        return self._add(Fault(kind, method, key, skip, times, when))

    def answer(self, method, key, status, code, headers=None, skip=0, times=1, when=None):
        """An error answer of S3's instead of forwarding."""
        return self._add(Fault("answer", method, key, skip, times, when, (status, code, headers or {})))

    def _add(self, fault):
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self):
        """No more faults from here on. What was planned and did not fire is an error."""
        self.check()
        with self._lock:
            self._faults.clear()
            self.rate = 0.0

    def check(self):
        """Fails if a planned fault never fired."""
        missing = [str(f) for f in self._faults if f.fired == 0]
        assert not missing, f"seed {self.seed}: planned and never fired: {missing}; {self.story()}"

    def story(self, last=60):
        """What happened, for a test that failed."""
        lines = [f"{m} {k} {f}" for m, k, f in self.requests[-last:]]
        return f"seed {self.seed}, {len(self.requests)} requests, fired {dict(self.fired)}, the last of them:\n" + "\n".join(
            lines)

    def _choose(self, request):
        with self._lock:
            fault = self._planned(request) or self._by_chance(request)
            if fault is not None:
                fault.fired += 1
                self.fired[fault.kind] += 1
            self.requests.append((request.method, request.key or f"?{request.query}", fault.kind if fault else ""))
            return fault

    def _planned(self, request):
        for fault in self._faults:
            if 0 <= fault.times <= fault.fired or not fault.matches(request):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            return fault
        return None

    def _by_chance(self, request):
        if self._dice.random() >= self.rate:
            return None
        able = [k for k in self.kinds if self._makes_sense(k, request)]
        return Fault(self._dice.choice(able), request.method, "") if able else None

    @staticmethod
    def _makes_sense(kind, request):
        if kind in ("late", "resent", "conflict", "reset_midway"):
            return request.method == "PUT" and (kind != "conflict" or request.header("if-none-match"))
        if kind in ("torn", "flip"):
            return request.method == "GET"
        if kind.startswith("error_in_200"):
            return request.method == "POST" and "uploadId=" in request.query
        return True

    # -- connections

    def _spawn(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(connection)
            self._spawn(self._serve, connection)

    def _serve(self, connection):
        upstream = http.client.HTTPConnection("127.0.0.1", self.inner.port, timeout=120)
        try:
            with connection.makefile("rb") as reader:
                while not self._stopping.is_set():
                    self._one(connection, reader, upstream)
        except (_Closed, OSError, ValueError):
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            upstream.close()
            connection.close()

    def _one(self, connection, reader, upstream):
        line = reader.readline(65536).decode("latin-1").split()
        if len(line) != 3:
            raise _Closed
        request = Request(line[0], line[1], [])
        while (text := reader.readline(65536).decode("latin-1").rstrip("\r\n")):
            name, _, value = text.partition(":")
            request.headers.append((name, value.strip()))
        length = int(request.header("content-length", "0"))
        fault = self._choose(request)
        kind = fault.kind if fault else ""
        if kind == "reset_midway":
            reader.read(length // 2)
            self._reset(connection)
        request.body = reader.read(length)
        if len(request.body) != length:
            raise _Closed
        before = getattr(self, f"_do_{kind}", None)
        answer = before(fault, request, connection) if before else None
        if answer is None:
            answer = self._forward(request, upstream)
        after = getattr(self, f"_then_{kind}", None)
        if after:
            answer = after(request, answer, upstream, connection)
        self._reply(connection, request, *answer)

    def _forward(self, request, upstream=None):
        """The stand-in's answer: status, headers, body. An idle connection that was closed is opened again."""
        connection = upstream or http.client.HTTPConnection("127.0.0.1", self.inner.port, timeout=120)
        for attempt in (1, 2):
            try:
                connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
                for name, value in request.headers:
                    connection.putheader(name, value)
                connection.endheaders(request.body or None)
                answer = connection.getresponse()
                return answer.status, answer.getheaders(), answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                if attempt == 2:
                    raise _Closed from None
            finally:
                if upstream is None:
                    connection.close()

    def _reply(self, connection, request, status, headers, body, send=None):
        head = [f"HTTP/1.1 {status} {http.client.responses.get(status, 'Unknown')}"]
        named = {n.lower() for n, _ in headers}
        for name, value in headers:
            if name.lower() in ("transfer-encoding", "connection"):
                continue
            if name.lower() == "content-length" and request.method != "HEAD":
                continue
            head.append(f"{name}: {value}")
        if request.method != "HEAD":
            head.append(f"Content-Length: {len(body)}")
        elif "content-length" not in named:
            head.append("Content-Length: 0")
        if "date" not in named:
            head.append(f"Date: {email.utils.formatdate(usegmt=True)}")
        connection.sendall("\r\n".join([*head, "", ""]).encode("latin-1"))
        if request.method != "HEAD":
            connection.sendall(body if send is None else body[:send])

    @staticmethod
    def _reset(connection):
        """RST instead of FIN."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise _Closed

    # -- what happens before the request is forwarded; an answer ends it

    def _error(self, request, status, code, headers=None):
        body = b"" if request.method == "HEAD" else error_body(code)
        return status, [("Content-Type", "application/xml"), ("x-amz-request-id", "FAULT"), *(headers or {}).items()], body

    def _do_answer(self, fault, request, _connection):
        return self._error(request, *fault.answer)

    def _do_internal_error(self, _fault, request, _connection):
        return self._error(request, 500, "InternalError")

    def _do_slow_down(self, _fault, request, _connection):
        return self._error(request, 503, "SlowDown")

    def _do_conflict(self, _fault, request, _connection):
        return self._error(request, 409, "ConditionalRequestConflict")

    def _do_reset(self, _fault, _request, connection):
        self._reset(connection)

    def _do_late(self, _fault, request, connection):
        self._spawn(self._later, request)
        self._reset(connection)

    def _later(self, request):
        self._stopping.wait(LATE_SECONDS)
        with contextlib.suppress(_Closed):
            self._forward(request)

    def _do_stall(self, _fault, _request, _connection):
        self._stopping.wait(STALL_SECONDS)

    def _do_dropped(self, _fault, _request, connection):
        connection.settimeout(600)
        with contextlib.suppress(OSError):
            connection.recv(1)  # until the client has enough
        raise _Closed

    def _do_error_in_200(self, _fault, _request, _connection):
        return 200, [("Content-Type", "application/xml")], error_body("InternalError")

    # -- what becomes of the answer

    def _then_internal_error_applied(self, request, _answer, _upstream, _connection):
        return self._error(request, 500, "InternalError")

    def _then_error_in_200_applied(self, _request, _answer, _upstream, _connection):
        return 200, [("Content-Type", "application/xml")], error_body("InternalError")

    def _then_lost_reply(self, _request, _answer, _upstream, connection):
        self._reset(connection)

    def _then_resent(self, request, _answer, upstream, _connection):
        return self._forward(request, upstream)

    def _then_torn(self, request, answer, _upstream, connection):
        self._reply(connection, request, *answer, send=len(answer[2]) // 2)
        raise _Closed

    def _then_flip(self, _request, answer, _upstream, _connection):
        status, headers, body = answer
        if not body:
            return answer
        lie = bytearray(body)
        with self._lock:
            at, bit = self._dice.randrange(len(lie)), self._dice.randrange(8)
        lie[at] ^= 1 << bit
        return status, headers, bytes(lie)
