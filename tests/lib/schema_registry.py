"""A Schema Registry for tests: Confluent's REST API as its documentation and its server have it.

What a backup and a restore depend on is as in Confluent's server, error numbers included: global ids per context,
versions, soft and permanent deletion, references, modes (READWRITE, READONLY, READONLY_OVERRIDE, IMPORT) of the whole
and of subjects with `force`, levels and other settings. Schemas are not parsed and compatibility is not checked.

`MAXBROD_SCHEMA_REGISTRY` runs the tests that need no faults against a real one: a command with `{port}` in it that
serves an empty registry there until it is killed.
"""

import base64
import http.client
import http.server
import json
import os
import shlex
import signal
import ssl
import subprocess
import threading
import time
import urllib.parse

from .cluster import HOST, free_port

TYPE = "application/vnd.schemaregistry.v1+json"
MODES = ("READWRITE", "READONLY", "READONLY_OVERRIDE", "IMPORT")
LEVELS = ("NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE")


class Refused(Exception):
    """An error as the API tells it: the first three digits are the status."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.status = int(str(code)[:3])


def context_of(subject):
    """The default context's name is empty."""
    if subject.startswith(":."):
        return subject[1:subject.index(":", 1)][1:]
    return ""


def qualified(reference, of_subject):
    context = context_of(of_subject)
    return reference if reference.startswith(":.") or not context else f":.{context}:{reference}"


class Store:
    """The state behind the API. Methods are called under its lock."""

    def __init__(self):
        self.lock = threading.RLock()
        self.subjects = {}  # name -> {version: entry}
        self.modes, self.configs = {}, {}  # by subject; "" is the whole
        self.next_id = {}

    def mode(self, subject):
        for scope in ("", subject, f":.{context_of(subject)}:"):
            mode = self.modes.get(scope)
            if mode and (scope or mode == "READONLY_OVERRIDE"):
                return mode
        return self.modes.get("", "READWRITE")

    def check_writable(self, subject):
        if self.mode(subject).startswith("READONLY"):
            raise Refused(42205, f"Subject {subject} is in read-only mode")

    def entries(self, deleted=True):
        for subject, versions in self.subjects.items():
            for entry in versions.values():
                if deleted or not entry["deleted"]:
                    yield subject, entry

    def holders(self, context, number):
        return [entry for subject, entry in self.entries() if context_of(subject) == context and entry["id"] == number]

    def referenced(self, subject, version, deleted):
        return [s for s, entry in self.entries(deleted) for r in entry["references"]
                if (qualified(r["subject"], s), r["version"]) == (subject, version)]

    def find(self, subject, version, deleted):
        versions = self.subjects.get(subject)
        if not versions or not (deleted or any(not e["deleted"] for e in versions.values())):
            raise Refused(40401, f"Subject '{subject}' not found.")
        if version in ("latest", "-1"):
            return versions[max(v for v, e in versions.items() if deleted or not e["deleted"])]
        if not version.isdigit() or not 0 < int(version) < 1 << 31:
            raise Refused(42202, f"The specified version '{version}' is not a valid version id.")
        entry = versions.get(int(version))
        if entry is None or (entry["deleted"] and not deleted):
            raise Refused(40402, f"Version {version} not found.")
        return entry

    @staticmethod
    def content(entry):
        return {k: entry.get(k) for k in ("schema", "schemaType", "references", "metadata", "ruleSet")}

    def register(self, subject, body):
        if not body.get("schema"):
            raise Refused(42201, "Empty schema")
        self.check_writable(subject)
        number, version = body.get("id", -1), body.get("version", 0)
        importing = self.mode(subject) == "IMPORT"
        if number >= 0 and not importing:
            raise Refused(42205, f"Subject {subject} is not in import mode")
        if number < 0 and importing:
            raise Refused(42205, f"Subject {subject} is not in read-write mode")
        entry = {"schema": body["schema"], "schemaType": body.get("schemaType", "AVRO"), "deleted": False,
                 "references": body.get("references", []), "metadata": body.get("metadata"),
                 "ruleSet": body.get("ruleSet")}
        for reference in entry["references"]:
            target = self.subjects.get(qualified(reference["subject"], subject), {})
            if reference["version"] not in target:
                raise Refused(42201, f"No schema reference found for subject \"{reference['subject']}\" and version "
                                     f"{reference['version']}")
        context = context_of(subject)
        versions = self.subjects.setdefault(subject, {})
        for known in versions.values():
            same = not known["deleted"] and self.content(known) == self.content(entry)
            if same and number in (-1, known["id"]) and version in (0, known["version"]):
                return known
        if number < 0:
            same = [e["id"] for s, e in self.entries() if context_of(s) == context and
                    self.content(e) == self.content(entry)]
            number = same[0] if same else max(self.next_id.get(context, 0), 0) + 1
        elif any(self.content(e) != self.content(entry) for e in self.holders(context, number)):
            raise Refused(42205, f"Overwrite new schema with id {number} in context . is not permitted.")
        following = max(versions, default=0) + 1
        if version > 0 and version != following and not importing:
            raise Refused(42201, "Version is not one more than previous version")
        version = version or following
        for old in [v for v, e in versions.items() if e["deleted"] and e["id"] == number and v < version]:
            if not self.referenced(subject, old, True):
                del versions[old]
        entry |= {"id": number, "version": version, "subject": subject}
        versions[version] = entry
        self.next_id[context] = max(self.next_id.get(context, 0), number)
        return entry

    def delete(self, subject, version, permanent):
        entry = self.find(subject, version, True)
        number = entry["version"]
        if permanent and not entry["deleted"]:
            raise Refused(40407, f"Subject '{subject}' Version {number} was not deleted first before being permanently "
                                 "deleted")
        if not permanent and entry["deleted"]:
            raise Refused(40406, f"Subject '{subject}' Version {number} was soft deleted.Set permanent=true to delete "
                                 "permanently")
        self.check_writable(subject)
        if self.referenced(subject, number, permanent):
            raise Refused(42206, f"One or more references exist to the schema {{magic=1,keytype=SCHEMA,subject="
                                 f"{subject},version={number}}}.")
        if not permanent:
            entry["deleted"] = True
            return number
        del self.subjects[subject][number]
        if not self.subjects[subject]:
            del self.subjects[subject]
            self.modes.pop(subject, None)
            self.configs.pop(subject, None)
        return number

    def set_mode(self, subject, mode, force):
        if mode not in MODES:
            raise Refused(42204, "Invalid mode. Valid values are " + ", ".join(MODES))
        if mode == "IMPORT" and self.mode(subject) != "IMPORT" and not force:
            mine = [(s, e) for s, e in self.entries() if subject in ("", s)]
            if any(not e["deleted"] for _, e in mine):
                raise Refused(42205, "Cannot import since found existing subjects")
            for s, entry in mine:
                del self.subjects[s][entry["version"]]
        self.modes[subject] = mode
        return {"mode": mode}

    def set_config(self, subject, body):
        self.check_writable(subject)
        if "compatibility" in body and body["compatibility"] not in LEVELS:
            raise Refused(42203, "Invalid compatibility level. Valid values are none, backward, ...")
        new = dict(body)
        if "compatibility" in new:
            new["compatibilityLevel"] = new.pop("compatibility")
        self.configs[subject] = {**self.configs.get(subject, {}), **new}
        return body


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def log_message(self, *args):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", TYPE)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def serve(self):
        owner = self.server.owner
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urllib.parse.urlsplit(self.path)
        parts = [urllib.parse.unquote(p) for p in url.path.split("/")[1:]]
        query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
        with owner.store.lock:
            owner.requests.append((self.command, self.path))
        if owner.authorization and self.headers.get("Authorization") != owner.authorization:
            self.answer(401, {"error_code": 401, "message": "Unauthorized"})
            return
        fault = owner.fault and owner.fault(self.command, self.path)
        if fault:
            self.answer(*fault)
            return
        try:
            body = json.loads(text) if text else {}
            with owner.store.lock:
                out = self.route(owner.store, parts, query, body)
            self.answer(200, out)
        except Refused as error:
            self.answer(error.status, {"error_code": error.code, "message": str(error)})

    do_GET = do_PUT = do_POST = do_DELETE = serve

    def route(self, store, parts, query, body):
        deleted, permanent = query.get("deleted") == "true", query.get("permanent") == "true"
        page = slice(int(query.get("offset", 0)), int(query.get("offset", 0)) + self.server.owner.page)
        match self.command, parts:
            case "GET", ["subjects"]:
                return sorted({s for s, _ in store.entries(deleted)})[page]
            case "GET", ["contexts"]:
                return sorted({"." + context_of(s) for s in store.subjects} | {"."})
            case "GET", ["subjects", subject, "versions"]:
                versions = [e["version"] for s, e in store.entries(deleted) if s == subject]
                if not versions:
                    raise Refused(40401, f"Subject '{subject}' not found.")
                return sorted(versions)[page]
            case "GET", ["subjects", subject, "versions", version]:
                return self.shown(store.find(subject, version, deleted))
            case "POST", ["subjects", subject, "versions"]:
                return {"id": store.register(subject, body)["id"]}
            case "DELETE", ["subjects", subject, "versions", version]:
                return store.delete(subject, version, permanent)
            case "DELETE", ["subjects", subject]:
                versions = [v for v, e in sorted(store.subjects.get(subject, {}).items()) if e["deleted"] == permanent]
                if not versions:
                    raise Refused(40401, f"Subject '{subject}' not found.")
                return [store.delete(subject, str(v), permanent) for v in versions]
            case "GET", ["schemas", "ids", number]:
                found = store.holders(context_of(query.get("subject", "")), int(number))
                if not found:
                    raise Refused(40403, f"Schema {number} not found")
                return {k: v for k, v in self.shown(found[0]).items() if k not in ("id", "subject", "version")}
            case method, ["mode" | "config" as what, *subject]:
                return self.setting(store, method, what, "/".join(subject), query, body)
        raise Refused(404, "HTTP 404 Not Found")

    @staticmethod
    def shown(entry):
        out = {k: entry[k] for k in ("subject", "version", "id", "schema")}
        if entry["schemaType"] != "AVRO":
            out["schemaType"] = entry["schemaType"]
        return out | {k: entry[k] for k in ("references", "metadata", "ruleSet") if entry.get(k)}

    @staticmethod
    def setting(store, method, what, subject, query, body):
        held = store.modes if what == "mode" else store.configs
        if method == "PUT" and what == "mode":
            return store.set_mode(subject, body.get("mode"), query.get("force") == "true")
        if method == "PUT":
            return store.set_config(subject, body)
        if subject and subject not in held:
            code, name = (40409, "mode") if what == "mode" else (40408, "compatibility")
            raise Refused(code, f"Subject '{subject}' does not have subject-level {name} configured")
        default = {"mode": "READWRITE"} if what == "mode" else {"compatibilityLevel": "BACKWARD"}
        value = held.get(subject, default if what == "config" else "READWRITE")
        if method == "DELETE":
            held.pop(subject, None)
        return {"mode": value} if what == "mode" else default | value if not subject else value


class Client:
    """Of a registry's API, for what tests ask and set."""

    def __init__(self, url):
        self.url = url
        self._connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=20)

    def call(self, method, path, body=None, expect=200):
        data = json.dumps(body).encode() if body is not None else None
        try:
            self._connection.request(method, path, data, {"Content-Type": TYPE})
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        assert answer.status == expect, (method, path, answer.status, text)
        return json.loads(text)

    def register(self, subject, schema, **more):
        text = schema if isinstance(schema, str) else json.dumps(schema)
        path = f"/subjects/{urllib.parse.quote(subject, safe='')}/versions"
        return self.call("POST", path, {"schema": text, **more})["id"]

    def state(self):
        """Everything a client can see, to be compared with another registry's."""
        out = {"mode": self.call("GET", "/mode")["mode"], "config": self.call("GET", "/config")["compatibilityLevel"]}
        for subject in sorted(self.subjects()):
            quoted = urllib.parse.quote(subject, safe="")
            live = set(self.versions(subject, ""))
            seen = out[subject] = {"versions": {}}
            for version in self.versions(subject, "?deleted=true"):
                schema = self.call("GET", f"/subjects/{quoted}/versions/{version}?deleted=true")
                kept = {k: schema.get(k) for k in ("id", "schemaType", "metadata", "ruleSet")}
                kept |= {"references": schema.get("references") or [], "deleted": version not in live,
                         "schemaType": schema.get("schemaType") or "AVRO"}
                text = schema["schema"]
                kept["schema"] = text if kept["schemaType"] == "PROTOBUF" else json.loads(text)
                seen["versions"][version] = kept
            for what in ("mode", "config"):
                try:
                    answer = self.call("GET", f"/{what}/{quoted}")
                    seen[what] = answer.get("mode") or answer.get("compatibilityLevel")
                except AssertionError:
                    seen[what] = None
        return out

    def subjects(self):
        found = set()
        while more := set(self.call("GET", f"/subjects?deleted=true&offset={len(found)}") or []) - found:
            found |= more
        return found

    def versions(self, subject, query):
        try:
            return self.call("GET", f"/subjects/{urllib.parse.quote(subject, safe='')}/versions{query}")
        except AssertionError:
            return []


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that was killed."""


class Fake(Client):
    """A registry in this process. `fault(method, path)` may answer instead, with (status, body).

    `tls` is a lib.certs.Authority whose certificate it shows; with `client_auth` it wants one of the client.
    """

    def __init__(self, user_info=None, tls=None, client_auth=False):
        self.store = Store()
        self.requests = []
        self.fault = None
        self.page = 1 << 30  # of a list's elements in one answer
        self.authorization = user_info and "Basic " + base64.b64encode(user_info.encode()).decode()
        self.server = Server((HOST, 0), Handler)
        self.server.owner = self
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.broker)
            if client_auth:
                context.load_verify_locations(tls.ca)
                context.verify_mode = ssl.CERT_REQUIRED
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        super().__init__(f"http{'s' if tls else ''}://{'localhost' if tls else HOST}:{self.server.server_port}")

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Real(Client):
    """The registry of MAXBROD_SCHEMA_REGISTRY."""

    def __init__(self):
        port = free_port()
        command = shlex.split(os.environ["MAXBROD_SCHEMA_REGISTRY"].replace("{port}", str(port)))
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        super().__init__(f"http://{HOST}:{port}")
        deadline = time.monotonic() + 60
        while True:
            try:
                self.call("GET", "/subjects")
                return
            except (OSError, http.client.HTTPException, AssertionError):
                assert time.monotonic() < deadline and self.process.poll() is None
                time.sleep(0.1)

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def start():
    """An empty registry that needs no faults."""
    return Real() if os.environ.get("MAXBROD_SCHEMA_REGISTRY") else Fake()
