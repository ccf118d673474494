"""The parts of AWS that no stand-in plays: bootstrap brokers of MSK, the container credentials endpoint, KMS keys that
are disabled or forbidden, secrets, an OAuth token endpoint. Checks every signature by a calculation of its own."""

import base64
import datetime
import hashlib
import hmac
import http.server
import json
import threading
import time
import urllib.parse

ACCESS_KEY, SECRET_KEY = "AKSTUB", "stub-secret"


def expected_signature(method, path, headers, body, authorization):
    """What Signature Version 4 gives for this request (lower-case header names)."""
    fields = dict(part.strip().split("=", 1) for part in authorization.split(" ", 1)[1].split(","))
    _, date, region, service, _ = fields["Credential"].split("/")
    path, _, query = path.partition("?")
    names = fields["SignedHeaders"].split(";")
    lines = "".join(f"{n}:{' '.join(headers[n].split())}\n" for n in names)
    canonical = "\n".join([method, urllib.parse.quote(path, safe="/-_.~"), query, lines, ";".join(names),
                           hashlib.sha256(body).hexdigest()])
    scope = f"{date}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{SECRET_KEY}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), fields["Signature"], f"{region}/{service}"


def unsecured_jwt(principal, seconds):
    """A token that nobody signed, as Kafka's unsecured validator takes it."""
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
    now = time.time()
    return f"{part({'alg': 'none'})}.{part({'sub': principal, 'iat': now, 'exp': now + seconds})}."


class AwsStub:
    """`with AwsStub() as stub`: one endpoint for all of it, on loopback. Attributes may be changed while it runs."""

    def __init__(self):
        self.clusters = {}        # ARN -> {"clusterInfo": ..., "brokers": ...}
        self.secrets = {}         # id -> text
        self.failures = {}        # operation ("Decrypt", "GET /ecs", ...) -> [(status, error type), ...], used once each
        self.container_token = "container-token"
        self.container_seconds = 3600
        self.jwt_seconds = 3600
        self.clients = {}         # OAuth client id -> secret
        self.requests = []        # operations, in their order
        self.scopes = []          # "region/service" of signed ones
        self._server = None

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def env(self):
        return {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-west-1"}

    def __enter__(self):
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                self.answer("GET")

            def do_POST(self):
                self.answer("POST")

            def answer(self, method):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {k.lower(): v for k, v in self.headers.items()}
                status, value, kind = stub.serve(method, self.path, headers, body)
                text = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text)))
                if kind:
                    self.send_header("x-amzn-errortype", f"{kind}:http://internal.amazon.com/")
                self.end_headers()
                self.wfile.write(text)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def add_cluster(self, name, brokers, kind="PROVISIONED", instance="kafka.m7g.large"):
        arn = f"arn:aws:kafka:eu-west-1:123456789012:cluster/{name}/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9-2"
        info = {"clusterArn": arn, "clusterName": name, "clusterType": kind, "state": "ACTIVE"}
        if kind == "PROVISIONED":
            info["provisioned"] = {"brokerNodeGroupInfo": {"instanceType": instance}, "numberOfBrokerNodes": 3,
                                   "currentBrokerSoftwareInfo": {"kafkaVersion": "3.9.x"}}
        self.clusters[arn] = {"clusterInfo": info, "brokers": brokers}
        return arn

    # -- answers: (status, JSON, error type or "")

    def serve(self, method, path, headers, body):
        operation = headers.get("x-amz-target", "").rpartition(".")[2] or f"{method} {path.partition('?')[0]}"
        self.requests.append(operation)
        failures = self.failures.get(operation)
        if failures:
            status, kind = failures.pop(0)
            return status, {"__type": kind, "message": f"{kind} of the stub"}, ""
        if operation == "GET /ecs":
            return self._container(headers)
        if operation == "POST /token":
            return self._oauth(headers)
        authorization = headers.get("authorization", "")
        if not authorization.startswith("AWS4-HMAC-SHA256 "):
            return 403, {"message": "Missing Authentication Token"}, "MissingAuthenticationTokenException"
        expected, given, scope = expected_signature(method, path, headers, body, authorization)
        if expected != given:
            return 403, {"message": "the signature does not match"}, "InvalidSignatureException"
        self.scopes.append(scope)
        if "x-amz-target" in headers:
            return self._target(operation, json.loads(body))
        return self._msk(urllib.parse.unquote(path))

    def _container(self, headers):
        if headers.get("authorization") != self.container_token:
            return 401, {"code": "AccessDenied", "message": "wrong token"}, ""
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.container_seconds)
        return 200, {"AccessKeyId": ACCESS_KEY, "SecretAccessKey": SECRET_KEY, "Token": "t",
                     "Expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ")}, ""

    def _oauth(self, headers):
        name, _, secret = base64.b64decode(headers.get("authorization", "").removeprefix("Basic ")).decode().partition(":")
        if self.clients.get(name) != secret:
            return 401, {"error": "invalid_client", "error_description": "unknown client or wrong secret"}, ""
        return 200, {"access_token": unsecured_jwt(name, self.jwt_seconds), "expires_in": self.jwt_seconds}, ""

    def _target(self, operation, body):
        if operation == "GetSecretValue":
            text = self.secrets.get(body["SecretId"])
            if text is None:
                return 400, {"__type": "ResourceNotFoundException", "Message": "no such secret"}, ""
            return 200, {"SecretString": text}, ""
        return 400, {"__type": "com.amazonaws.kms#NotFoundException", "message": f"no key {body.get('KeyId')}"}, ""

    def _msk(self, path):
        arn = path.removeprefix("/api/v2/clusters/").removeprefix("/v1/clusters/").removesuffix("/bootstrap-brokers")
        cluster = self.clusters.get(arn)
        if cluster is None:
            return 404, {"message": "the cluster does not exist"}, "NotFoundException"
        if path.endswith("/bootstrap-brokers"):
            return 200, cluster["brokers"], ""
        return 200, {"clusterInfo": cluster["clusterInfo"]}, ""
