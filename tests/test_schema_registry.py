"""A Schema Registry's subjects: in a snapshot, and in another registry with their ids."""

import json
import os
import struct
import time

import pytest

from conftest import Clusters
from lib import certs, kcat, schema_registry

CONFIG = "--schema-registry-config"
PROTO = 'syntax = "proto3";\npackage shop;\n\nmessage Item {\n  string name = 1;\n}\n'
JSON = {"type": "object", "properties": {"city": {"type": "string"}}}


def address(*more):
    """A record with these fields besides."""
    return {"type": "record", "name": "Address", "namespace": "shop",
            "fields": [{"name": name, "type": "string", "default": ""} for name in ("street", *more)]}


def order(fields):
    """A record that refers to an Address."""
    return {"type": "record", "name": "Order", "namespace": "shop",
            "fields": [{"name": "to", "type": "Address"}] +
                      [{"name": f"f{i}", "type": "int", "default": 0} for i in range(fields)]}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """One broker, for what a snapshot has besides: nothing here depends on its version."""
    factory = Clusters(tmp_path_factory.mktemp("schemas"))
    yield factory(name="one")
    factory.destroy()


@pytest.fixture
def registries():
    """A factory of registries that are stopped at the end."""
    started = []

    def start(kind=schema_registry.start, **options):
        started.append(kind(**options))
        return started[-1]

    yield start
    for registry in started:
        registry.stop()


@pytest.fixture
def fakes(registries):
    """The same of those that can be made to fail."""
    return lambda **options: registries(schema_registry.Fake, **options)


def backup(repo, cluster, name, registry, *args, **options):
    return repo.backup(cluster, name, "--topics", "orders", "--schema-registry", registry.url, *args, **options)


def restore(repo, cluster, name, registry, *args, **options):
    return repo("metadata", "restore", name, "--bootstrap-server", cluster.bootstrap(), "--only", "schemas",
                "--schema-registry", registry.url, "--json", *args, **options)


def lacks_schemas(shown):
    """Why a snapshot has no schemas, as 'show --json' tells it."""
    return [m["reason"] for m in shown.json["metadata"]["missing"] if m["part"] == "schemas"]


def fill(registry):
    """Every kind of thing that a registry keeps, with ids that have gaps. The id that producers write."""
    registry.register("zone", {"type": "string"})
    registry.register("address", address())
    registry.register("address", address("city"))
    reference = [{"name": "shop.Address", "subject": "address", "version": 1}]
    registry.register("orders-value", order(0), references=reference)
    latest = registry.register("orders-value", order(1), references=reference)
    registry.register("item", PROTO, schemaType="PROTOBUF")
    registry.register("city", JSON, schemaType="JSON")
    registry.register("retired", {"type": "enum", "name": "E", "symbols": ["A"]})
    registry.call("PUT", "/config/orders-value", {"compatibility": "FULL"})
    registry.call("PUT", "/config", {"compatibility": "NONE"})
    registry.call("PUT", "/mode/city", {"mode": "READONLY"})
    # One version, a whole subject, and one for good: its id is free again.
    registry.call("DELETE", "/subjects/orders-value/versions/1")
    registry.call("DELETE", "/subjects/retired")
    registry.call("DELETE", "/subjects/zone")
    registry.call("DELETE", "/subjects/zone?permanent=true")
    return latest


def test_a_producers_ids_survive_in_an_empty_registry(cluster, repo, registries, tmp_path):
    source, target = registries(), registries()
    latest = fill(source)
    cluster.probe.create_topic("orders")
    value = tmp_path / "value"
    value.write_bytes(b"\0" + struct.pack(">I", latest) + b"payload")
    kcat.produce_file(cluster, "orders", value)
    backup(repo, cluster, "a", source)
    shown = repo("show", "a", "--metadata").stdout
    assert f"of {source.url}, NONE, mode READWRITE" in shown and "orders-value" in shown
    plan = restore(repo, cluster, "a", target, "--dry-run").json
    assert plan["counts"]["create"] == 6 and not plan["refused"], plan
    assert target.state()["mode"] == "READWRITE" and len(target.state()) == 2  # nothing was touched
    done = repo.restore(cluster, "a", "--rename", "orders=orders-copy", "--parts", "topics,data,schemas",
                        "--schema-registry", target.url, "--json").json
    assert done["metadata"]["created"] == 6 and not done["metadata"]["failed"], done
    assert target.state() == source.state()
    written = struct.unpack(">I", kcat.first_value(cluster, "orders-copy")[1:5])[0]
    found = target.call("GET", f"/schemas/ids/{written}")
    assert json.loads(found["schema"]) == order(1)
    again = restore(repo, cluster, "a", target).json
    assert again["same"] == 6 and again["created"] == 0, again
    # New schemas get new ids.
    assert target.register("later", {"type": "long"}) > max(
        v["id"] for s in source.state().values() if isinstance(s, dict) for v in s["versions"].values())
    found = repo("diff", "a", "--bootstrap-server", cluster.bootstrap(), "--schema-registry", target.url, "--only",
                       "schemas", "--json", expect=19).lines[0]
    assert [(d["change"], d["object"]) for d in found["differences"]] == [("added", "subject later")]


def test_ids_that_are_others_are_told_and_nothing_is_touched(cluster, repo, registries):
    source, target = registries(), registries()
    fill(source)
    target.register("zzz", {"type": "bytes"})
    target.register("payments", {"type": "double"})  # id 2 is source's "address"
    before = target.state()
    backup(repo, cluster, "a", source)
    plan = restore(repo, cluster, "a", target, "--dry-run", expect=4).lines[0]
    why = {item["name"]: item["reason"] for item in plan["items"] if item["action"] == "refuse"}
    assert "id 2 of version 1 is another schema there: payments version 1" in why["address"], why
    refused = restore(repo, cluster, "a", target, expect=4)
    assert "payments version 1" in refused.stderr
    assert target.state() == before
    skipped = restore(repo, cluster, "a", target, "--if-exists", "schemas=skip").json
    told = " ".join(skipped["warnings"])
    assert "subject address is not restored" in told and "orders-value" in told, skipped
    assert target.state()["payments"] == before["payments"]


def test_overwrite_makes_a_subject_the_snapshots(cluster, repo, registries):
    source, target = registries(), registries()
    fill(source)
    backup(repo, cluster, "a", source)
    restore(repo, cluster, "a", target)
    target.call("PUT", "/config/orders-value", {"compatibility": "NONE"})
    newer = target.register("address", address("city", "zip"))
    restore(repo, cluster, "a", target, expect=4)
    # One version is in the way of the snapshot's, and goes for good; killed just then, it goes on.
    target.call("PUT", "/mode/city", {"mode": "READWRITE"})
    target.call("DELETE", "/subjects/city")
    target.call("DELETE", "/subjects/city?permanent=true")
    target.register("city", {"type": "array"}, schemaType="JSON")
    refused = restore(repo, cluster, "a", target, "--dry-run", expect=4).lines[0]
    why = {item["name"]: item["reason"] for item in refused["items"] if item["action"] == "refuse"}
    assert why == {"address": "version 3 is newer than the snapshot", "orders-value": "another compatibility level",
                   "city": "version 1 has another id; another mode"}
    overwrite = ("--if-exists", "schemas=overwrite")
    restore(repo, cluster, "a", target, *overwrite, expect=137, env={"MAXBROD_CRASH_AT": "schemas.after_remove"})
    done = restore(repo, cluster, "a", target, *overwrite).json
    assert done["overwritten"] == 2 and not done["failed"], done
    now, wanted = target.state(), source.state()
    assert now["address"]["versions"].pop(3)["deleted"]  # its id is still read
    assert now == wanted
    assert target.call("GET", f"/schemas/ids/{newer}")["schema"]


@pytest.mark.parametrize("point", ["after_import_mode", "registered:1", "registered:5", "after_register",
                                   "before_mode:1", "before_mode:4"])
def test_killed_half_way_and_run_again(cluster, repo, registries, point):
    source, target = registries(), registries()
    fill(source)
    backup(repo, cluster, "a", source)
    restore(repo, cluster, "a", target, expect=137, env={"MAXBROD_CRASH_AT": f"schemas.{point}"})
    done = restore(repo, cluster, "a", target).json
    assert not done["failed"], done
    assert target.state() == source.state()


def test_a_registry_that_fails_half_way_has_its_modes_back(cluster, repo, fakes):
    source, target = fakes(), fakes()
    fill(source)
    backup(repo, cluster, "a", source)
    target.fault = lambda method, path: (500, {"error_code": 50001, "message": "store"}) if \
        method == "POST" and "orders" in path else None
    restore(repo, cluster, "a", target, expect=6)
    assert "IMPORT" not in target.store.modes.values()
    target.fault = None
    restore(repo, cluster, "a", target)
    assert target.state() == source.state()


def test_contexts_contracts_and_settings(cluster, repo, fakes):
    source, target = fakes(), fakes()
    source.page = target.page = 2
    source.register("plain", {"type": "string"})
    source.register(":.other:plain", {"type": "int"})  # id 1 of its own context
    source.register(":.other:refers", order(0), references=[{"name": "n", "subject": "plain", "version": 1}])
    source.register("ruled", address(), metadata={"properties": {"owner": "shop"}},
                    ruleSet={"domainRules": [{"name": "r", "kind": "CONDITION", "type": "CEL", "expr": "true"}]})
    source.call("PUT", "/config/ruled", {"compatibility": "FULL", "normalize": True})
    source.call("PUT", "/mode/:.other:", {"mode": "READONLY"})
    backup(repo, cluster, "a", source)
    done = restore(repo, cluster, "a", target).json
    assert not done["failed"], done
    assert target.state() == source.state()
    assert target.store.configs == source.store.configs and target.store.modes == source.store.modes
    # What the target has configured besides goes too.
    target.call("PUT", "/config/ruled", {"alias": "other"})
    target.call("PUT", "/config/plain", {"compatibility": "FULL", "alias": "other"})
    restore(repo, cluster, "a", target, "--if-exists", "schemas=overwrite")
    assert target.store.configs == source.store.configs
    shown = repo("show", "a", "--json").json["metadata"]["schema_registry"]["subjects"]
    ruled = next(s for s in shown if s["subject"] == "ruled")
    assert ruled["settings"] == {"normalize": True}
    assert ruled["versions"][0]["rule_set"]["domainRules"][0]["name"] == "r"


def test_passwords_go_to_the_registry_and_nowhere_else(cluster, repo, fakes, tmp_path):
    authority = certs.Authority(tmp_path / "ca")
    url = fakes(user_info="keeper:s3cret", tls=authority).url
    config = tmp_path / "registry.properties"
    tls = f"schema.registry.ssl.truststore.location={authority.ca}\nschema.registry.ssl.truststore.type=PEM\n"
    config.write_text(f"schema.registry.url={url}\nbasic.auth.credentials.source=USER_INFO\n"
                      f"basic.auth.user.info=keeper:s3cret\n{tls}")
    repo.backup(cluster, "by-file", CONFIG, config)
    config.write_text(tls)
    repo.backup(cluster, "by-url", "--schema-registry", url.replace("://", "://keeper:s3cret@"), CONFIG, config)
    for name in ("by-file", "by-url"):
        kept = repo("show", name, "--json")
        assert kept.json["metadata"]["schema_registry"]["url"] == url
        assert not lacks_schemas(kept) and "s3cret" not in kept.stdout
    for file in repo.folder.rglob("*"):
        assert not file.is_file() or b"s3cret" not in file.read_bytes()
    # A registry that refuses costs a warning, and the snapshot says what it lacks.
    wrong = repo.backup(cluster, "wrong", "--schema-registry", url.replace("://", "://keeper:wr0ng@"), CONFIG, config)
    assert "no schemas" in wrong.stderr and "wr0ng" not in wrong.stderr
    assert "Unauthorized" in lacks_schemas(repo("show", "wrong", "--json"))[0]
    config.write_text("")
    untrusted = repo.backup(cluster, "untrusted", "--schema-registry", url, CONFIG, config)
    assert "certificate" in untrusted.stderr


def test_a_client_certificate_of_either_form(cluster, repo, fakes, tmp_path):
    authority = certs.Authority(tmp_path / "ca")
    url = fakes(tls=authority, client_auth=True).url
    pem = authority.issue("client")
    stores = {"pem": (pem, "PEM", ""), "p12": (authority.pkcs12("client", "opensesame"), "PKCS12", "opensesame"),
              "none": ("", "", "")}
    for name, (store, kind, password) in stores.items():
        config = tmp_path / f"{name}.properties"
        ssl = {"truststore.location": authority.ca, "truststore.type": "PEM", "keystore.location": store,
               "keystore.type": kind, "keystore.password": password}
        config.write_text("".join(f"schema.registry.ssl.{key}={value}\n" for key, value in ssl.items() if value))
        done = repo.backup(cluster, name, "--schema-registry", url, CONFIG, config)
        assert bool(lacks_schemas(repo("show", name, "--json"))) == (name == "none"), done


def test_nobody_there(cluster, repo, fakes):
    source = fakes()
    fill(source)
    backup(repo, cluster, "a", source)
    source.stop()
    gone = schema_registry.Client("http://127.0.0.1:1")
    begun = time.monotonic()
    assert "no schemas" in backup(repo, cluster, "b", gone).stderr
    assert "127.0.0.1:1" in restore(repo, cluster, "a", gone, expect=6).stderr
    assert time.monotonic() - begun < 30
    refused = repo.restore(cluster, "a", "--parts", "schemas", expect=2)
    assert "--schema-registry" in refused.stderr


def test_hundreds_of_subjects_take_seconds(cluster, repo, registries):
    source, target = registries(), registries()
    for i in range(300):
        source.register(f"subject-{i:03}", {"type": "record", "name": f"R{i}", "fields": []})
    begun = time.monotonic()
    backup(repo, cluster, "a", source)
    between = time.monotonic()
    done = restore(repo, cluster, "a", target).json
    ended = time.monotonic()
    assert done["created"] + done["same"] == 301 and not done["failed"], done
    assert target.state() == source.state()
    print(f"300 subjects: backup {between - begun:.1f} s, restore {ended - between:.1f} s, "
          f"{os.cpu_count()} cores")
    assert ended - begun < 30
