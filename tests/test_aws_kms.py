"""The KMS client: against moto what it can do, against the stub what moto does not refuse."""

import base64

import pytest

from lib.aws_stub import AwsStub
from lib.aws_tool import aws_tool
from lib.cluster import free_port
from lib.standins import Moto

REGION = "eu-west-1"


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    with Moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


def test_moto(moto):
    """A data key comes back with its context only; ReEncrypt moves it; an unknown key is named."""
    env = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": moto.endpoint}

    def kms(key, *args):
        return aws_tool("kms", key, "", *args, env=env)

    key, other = moto.create_key(REGION), moto.create_key(REGION)
    assert kms(key, "describe") == {"arn": key, "enabled": True, "state": "Enabled"}
    made = kms(key, "generate", "repository=r1")
    assert len(base64.b64decode(made["plaintext"])) == 32
    assert kms(key, "decrypt", made["ciphertext"], "repository=r1") == {"plaintext": made["plaintext"]}
    for wrong in ("repository=r2", ""):
        error = kms(key, "decrypt", made["ciphertext"], wrong)["error"]
        assert error["code"] == "corrupt" and "encryption context" in error["hint"]
    flipped = bytearray(base64.b64decode(made["ciphertext"]))
    flipped[-1] ^= 1
    assert kms(key, "decrypt", base64.b64encode(flipped).decode(), "repository=r1")["error"]["code"] == "corrupt"
    sealed = kms(key, "encrypt", "word", "repository=r1")["ciphertext"]
    moved = kms(key, "reencrypt", sealed, "repository=r1", other, "repository=r2")["ciphertext"]
    assert base64.b64decode(kms(other, "decrypt", moved, "repository=r2")["plaintext"]) == b"word"
    error = kms(key.rpartition("/")[0] + "/00000000-0000-0000-0000-000000000000", "describe")["error"]
    assert error["code"] == "not_found" and "00000000" in error["message"]


@pytest.mark.parametrize("kind, code, said", [
    ("DisabledException", "unavailable", "enable-key"),
    ("AccessDeniedException", "permission", "kms:Decrypt"),
    ("KMSInvalidStateException", "unavailable", "cancel-key-deletion"),
    ("InvalidCiphertextException", "corrupt", "encryption context"),
    ("IncorrectKeyException", "invalid_argument", "another key")])
def test_refusals(kind, code, said):
    """Each has its own words, and is not tried again."""
    with AwsStub() as stub:
        stub.failures["Decrypt"] = [(400, kind)]
        error = aws_tool("kms", "arn:aws:kms:eu-west-1:1:key/k", "", "decrypt", "AAAA", "a=b", env=stub.env)["error"]
        assert error["code"] == code and said in error["message"] + error["hint"] and "key/k" in error["message"]
        assert not error["retryable"] and stub.requests == ["Decrypt"]


def test_troubles_that_pass():
    """Throttling and inner errors are waited out; the signature is right (the stub calculates it too)."""
    with AwsStub() as stub:
        stub.failures["DescribeKey"] = [(400, "ThrottlingException"), (500, "KMSInternalException")]
        error = aws_tool("kms", "alias/x", REGION, "describe", env=stub.env)["error"]
        assert error["code"] == "not_found" and stub.requests == ["DescribeKey"] * 3
        assert stub.scopes == [f"{REGION}/kms"]


def test_wrong_secret():
    with AwsStub() as stub:
        env = {**stub.env, "AWS_SECRET_ACCESS_KEY": "not-the-one"}
        error = aws_tool("kms", "alias/x", REGION, "describe", env=env)["error"]
        assert error["code"] == "authentication" and "not-the-one" not in str(error)


def test_endpoint_down():
    error = aws_tool("kms", "alias/x", REGION, "describe", env={
        "AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_ENDPOINT_URL_KMS": f"http://127.0.0.1:{free_port()}"})["error"]
    assert error["code"] == "unavailable" and error["retryable"] and "KMS DescribeKey at http://127.0.0.1" in error["message"]
