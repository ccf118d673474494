"""What plays AWS in the tests: versitygw (checks signatures and checksums) and moto (knows storage classes and KMS)."""

import datetime
import functools
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.parse
import urllib.request

from . import jars
from .cluster import free_port

REGION = "us-east-1"
ACCESS_KEY = "maxbrod-test"
SECRET_KEY = "maxbrod-test-secret"


@functools.cache
def installed():
    """The folder of the stand-ins, fetched first if need be."""
    out = subprocess.run([jars.ROOT / "scripts" / "fetch-standins"], check=True, stdout=subprocess.PIPE, text=True)
    return pathlib.Path(out.stdout.strip())


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class StandIn:
    """One server with a folder of its own: `with Versitygw(folder) as s3: s3.create_bucket("b")`."""

    def __init__(self, folder, tls=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.tls = tls
        self._process = None

    # What a user has in the environment to be let in.
    env = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_EC2_METADATA_DISABLED": "true"}

    @property
    def endpoint(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def url(self, bucket, prefix="", **parameters):
        """What --repo takes."""
        query = {"region": REGION, "endpoint": self.endpoint, **parameters}
        return f"s3://{bucket}/{prefix}?{urllib.parse.urlencode(query)}"

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def start(self):
        log = open(self.folder / "log", "ab")  # noqa: SIM115 (the child's)
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *map(str, self.command())], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={**os.environ, **self.environment()}, cwd=self.folder)
        log.close()
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"no stand-in came up: {(self.folder / 'log').read_text()}") from None
                time.sleep(0.05)

    def stop(self):
        """Kills it, as a machine dies; start() brings it back on the same port."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def request(self, method, path, query="", body=b"", headers=None, secret=SECRET_KEY):
        """A signed request of S3: (status, headers, body). A signer of its own, so that ours has a witness."""
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        fields = {"host": f"127.0.0.1:{self.port}", "x-amz-date": now, "x-amz-content-sha256": digest,
                  "content-type": "application/octet-stream", **(headers or {})}
        names = ";".join(sorted(fields))
        lines = "".join(f"{n}:{fields[n]}\n" for n in sorted(fields))
        quoted = urllib.parse.quote(path)
        canonical = "\n".join([method, quoted, query, lines, names, digest])
        scope = f"{now[:8]}/{REGION}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = f"AWS4{secret}".encode()
        for part in (now[:8], REGION, "s3", "aws4_request"):
            key = _hmac(key, part)
        fields["authorization"] = (f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={names}, "
                                   f"Signature={_hmac(key, text).hex()}")
        if self.tls:
            import ssl
            context = ssl.create_default_context(cafile=self.tls.ca)
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, quoted + (f"?{query}" if query else ""), body, fields)
        answer = connection.getresponse()
        result = answer.status, dict(answer.getheaders()), answer.read()
        connection.close()
        return result

    def create_bucket(self, bucket):
        status, _, body = self.request("PUT", f"/{bucket}")
        if status != 200:
            raise RuntimeError(f"bucket {bucket}: {status} {body!r}")
        return bucket


class Versitygw(StandIn):
    """S3 over a folder, with one account; objects are files below `objects`."""

    @property
    def objects(self):
        return self.folder / "data"

    def put_times_right(self):
        """S3 lists each version with the time at which it was made; this server, with that at which it was covered. The
        version's id (a ULID) begins with the true one."""
        for path in (p for folder in (self.objects, self.folder / "versions") for p in folder.rglob("*") if p.is_file()):
            version = path.name
            if path.is_relative_to(self.objects):
                try:
                    version = os.getxattr(path, "user.version-id").decode()
                except OSError:
                    continue
            millis = 0
            for letter in version[:10]:
                millis = millis * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(letter)
            os.utime(path, ns=(millis * 1_000_000, millis * 1_000_000))

    def environment(self):
        return {"ROOT_ACCESS_KEY_ID": ACCESS_KEY, "ROOT_SECRET_ACCESS_KEY": SECRET_KEY}

    def command(self):
        folders = {name: self.folder / name for name in ("data", "iam", "versions")}
        for path in folders.values():
            path.mkdir(exist_ok=True)
        tls = ["--cert", self.tls.broker, "--key", self.tls.folder / "broker.key"] if self.tls else []
        return [installed() / "bin" / "versitygw", "--port", f"127.0.0.1:{self.port}", "--iam-dir", folders["iam"],
                "--health", "/healthz", "--region", REGION, "--quiet", *tls, "posix",
                "--versioning-dir", folders["versions"], folders["data"]]


class Moto(StandIn):
    """Much of AWS in memory. Believes every signature."""

    clock = None  # a lib.shifted_clock.ServerClock: its time can go on by days

    def environment(self):
        return self.clock.environment if self.clock else {}

    KMS_REGION = "eu-west-1"

    def kms(self, operation, region=KMS_REGION, **fields):
        """One call of KMS."""
        request = urllib.request.Request(self.endpoint, json.dumps(fields).encode(), {
            "x-amz-target": f"TrentService.{operation}", "content-type": "application/x-amz-json-1.1",
            "authorization": f"AWS4-HMAC-SHA256 Credential=AK/20260101/{region}/kms/aws4_request, "
                             "SignedHeaders=host, Signature=x"})
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or b"{}")

    def create_key(self, region=KMS_REGION):
        """A new key of its KMS: the ARN."""
        return self.kms("CreateKey", region)["KeyMetadata"]["Arn"]

    def command(self):
        return [installed() / "venv" / "bin" / "moto_server", "-H", "127.0.0.1", "-p", self.port]
