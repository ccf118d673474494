"""Credentials as AWS's own tools find them, against moto (STS, IMDS) and the stub (container endpoint)."""

import time

import pytest

from lib.aws_stub import AwsStub
from lib.aws_tool import aws_tool
from lib.standins import Moto

ROLE = "arn:aws:iam::123456789012:role/backup"


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    with Moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


def files(folder, config, credentials=""):
    (folder / "config").write_text(config)
    (folder / "credentials").write_text(credentials)
    return {"AWS_CONFIG_FILE": folder / "config", "AWS_SHARED_CREDENTIALS_FILE": folder / "credentials"}


def test_nothing_found():
    """Every place is named, with why it did not apply."""
    error = aws_tool("credentials")["error"]
    assert error["code"] == "not_found"
    for place in ("environment variables", "web identity token", "profile 'default'", "container endpoint",
                  "AWS_EC2_METADATA_DISABLED"):
        assert place in error["message"]


def test_profile_with_role(moto, tmp_path):
    """role_arn over source_profile, over another role, by STS."""
    env = files(tmp_path,
                f"[profile top]\nrole_arn={ROLE}-top\nsource_profile=middle\nexternal_id=e-1\nregion=eu-west-1\n"
                f"[profile middle]\nrole_arn={ROLE}-middle\nsource_profile=base\n",
                "[base]\naws_access_key_id=AKBASE\naws_secret_access_key=base-secret\n")
    got = aws_tool("credentials", env={**env, "AWS_PROFILE": "top", "AWS_ENDPOINT_URL_STS": moto.endpoint})
    assert got["source"] == f"role {ROLE}-top" and got["has_token"]
    assert 3000 < got["expires_ms"] / 1000 - time.time() < 3700


def test_web_identity(moto, tmp_path):
    (tmp_path / "token").write_text("header.payload.signature\n")
    got = aws_tool("credentials", env={"AWS_WEB_IDENTITY_TOKEN_FILE": tmp_path / "token", "AWS_ROLE_ARN": ROLE,
                                       "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": moto.endpoint})
    assert got["source"] == f"role {ROLE}" and got["has_token"]


def test_instance(moto):
    """IMDSv2: a token first."""
    got = aws_tool("credentials", env={"AWS_EC2_METADATA_DISABLED": None, "AWS_EC2_METADATA_SERVICE_ENDPOINT": moto.endpoint})
    assert got["source"].startswith("EC2 instance metadata, role ") and got["has_token"]


def test_nobody_at_the_metadata_address(tmp_path):
    """A second, no longer, and it is said."""
    before = time.monotonic()
    error = aws_tool("credentials", env={"AWS_EC2_METADATA_DISABLED": None,
                                         "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://192.0.2.1"})["error"]
    assert "EC2 instance metadata: nobody answers at http://192.0.2.1" in error["message"]
    assert time.monotonic() - before < 10


def test_container(tmp_path):
    with AwsStub() as stub:
        env = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{stub.endpoint}/ecs",
               "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": tmp_path / "token"}
        (tmp_path / "token").write_text("container-token")
        stub.failures["GET /ecs"] = [(500, "InternalServerError")]
        got = aws_tool("credentials", env=env)
        assert got["source"] == "container endpoint" and got["access_key_id"] == "AKSTUB"
        assert stub.requests == ["GET /ecs", "GET /ecs"]
        (tmp_path / "token").write_text("another")
        error = aws_tool("credentials", env=env)["error"]
        assert error["code"] == "authentication" and "401" in error["message"] and "another" not in error["message"]


def test_program(tmp_path):
    script = tmp_path / "keys"
    script.write_text('#!/bin/sh\necho \'{"Version":1,"AccessKeyId":"AKP\'$1\'","SecretAccessKey":"s"}\'\n')
    script.chmod(0o755)
    env = files(tmp_path, f'[default]\ncredential_process = "{script}" 7\n')
    assert aws_tool("credentials", env=env)["access_key_id"] == "AKP7"
    script.write_text("#!/bin/sh\necho secret; exit 4\n")
    error = aws_tool("credentials", env=env)["error"]
    assert "exit code 4" in error["message"] and "secret" not in str(error)


def test_region(moto, tmp_path):
    env = files(tmp_path, "[default]\nregion = eu-north-1\n")
    assert aws_tool("region", env=env) == {"region": "eu-north-1"}
    assert aws_tool("region", env={**env, "AWS_REGION": "eu-west-3"}) == {"region": "eu-west-3"}
    assert aws_tool("region")["error"]["code"] == "not_found"
