"""S3Store against versitygw and moto: the contract suite, and what a user is told when something is wrong."""

import os
import re
import subprocess
import time

import pytest

from lib import certs
from lib.maxbrod import BINARY, Maxbrod
from lib.standins import Moto, Versitygw

STORE_TEST = BINARY.parent / "store_test"
STANDINS = {"versitygw": Versitygw, "moto": Moto}


def contract(url, standin):
    """Runs the contract suite over the S3 at that URL; the number of tests that ran."""
    # S3Live is what moto has no idea of: the time a request was signed, when an upload began. And of racing writers it lets
    # several win: it looks whether the object is there, and puts it later.
    chosen = "S3/StoreContract.*-*Racing*" if isinstance(standin, Moto) else "S3/*"
    run = subprocess.run([STORE_TEST, f"--gtest_filter={chosen}", "--gtest_color=no", "--gtest_brief=1"], text=True,
                         capture_output=True, timeout=600, env={**os.environ, **standin.env, "MAXBROD_TEST_S3": url})
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    return int(re.search(r"\[  PASSED  \] (\d+) tests", run.stdout)[1])


@pytest.mark.parametrize("kind", STANDINS)
def test_contract(kind, tmp_path):
    """Every demand of store.h, with objects in one PUT, in parts, and behind retries."""
    with STANDINS[kind](tmp_path) as s3:
        url = s3.url(s3.create_bucket("bucket"), "some/prefix")
        assert contract(url, s3) >= 60
        # Path style is what an endpoint of one's own means; an address of its own for the bucket is the other.
        assert s3.request("GET", "/bucket", "list-type=2&max-keys=1")[0] == 200


def test_contract_over_tls(tmp_path):
    """The same behind TLS, trusting the CA of the URL; without it nothing is sent."""
    authority = certs.Authority(tmp_path / "tls")
    with Versitygw(tmp_path, tls=authority) as s3:
        s3.create_bucket("bucket")
        assert contract(s3.url("bucket", ca_file=authority.ca), s3) >= 60
        stranger = certs.Authority(tmp_path / "stranger")
        for ca in ({"ca_file": stranger.ca}, {}):
            told = refused(s3, "bucket", expect="tls", **ca)
            assert "certificate" in told


def refused(s3, bucket, expect, env=None, **parameters):
    """What `init` says when it cannot; `expect` is the error's name."""
    maxbrod = Maxbrod("/nowhere")
    maxbrod.url = s3.url(bucket, "repo", **parameters)
    result = maxbrod("init", "--json", expect=None, timeout=120, env={**s3.env, "AWS_CA_BUNDLE": "", **(env or {})})
    assert result.code != 0, result
    assert result.json["error"]["code"] == expect, result
    assert "maxbrod-test-secret" not in result.stdout + result.stderr
    return result.stderr


def test_what_is_told_when_it_is_wrong(tmp_path):
    """Wrong secret, unknown key, wrong region, no bucket, no credentials: each its own clear error."""
    with Versitygw(tmp_path) as s3:
        s3.create_bucket("bucket")
        told = refused(s3, "bucket", "authentication", env={"AWS_SECRET_ACCESS_KEY": "wrong"})
        assert "SignatureDoesNotMatch" in told and "AWS_SECRET_ACCESS_KEY" in told
        told = refused(s3, "bucket", "authentication", env={"AWS_ACCESS_KEY_ID": "nobody"})
        assert "InvalidAccessKeyId" in told
        told = refused(s3, "bucket", "invalid_argument", region="eu-west-1")
        assert "region" in told
        told = refused(s3, "missing", "invalid_argument")
        assert "NoSuchBucket" in told and "missing" in told
        told = refused(s3, "bucket", "authentication", env={
            "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(tmp_path),
            "AWS_EC2_METADATA_DISABLED": "true"})
        assert "credentials" in told


def test_a_repository_in_a_bucket(tmp_path):
    """init, again, another place in the same bucket; what lies there are plain keys below the prefix."""
    with Versitygw(tmp_path) as s3:
        s3.create_bucket("bucket")
        one, two = (Maxbrod("/nowhere") for _ in range(2))
        one.url, two.url = s3.url("bucket", "deep/one"), s3.url("bucket", "two")
        ids = {m("init", "--json", env=s3.env).json["id"] for m in (one, two)}
        assert len(ids) == 2
        assert one("init", expect=None, env=s3.env).code == 4
        assert one("verify", env=s3.env).code == 0
        assert (s3.objects / "bucket" / "deep" / "one" / "config").is_file()
        assert b"<KeyCount>0" not in s3.request("GET", "/bucket", "list-type=2&prefix=two%2F")[2]


def test_a_damaged_object_is_noticed(tmp_path):
    """A bit that flipped in the bucket: S3's checksum does not hold, and neither does ours."""
    with Versitygw(tmp_path) as s3:
        s3.create_bucket("bucket")
        maxbrod = Maxbrod("/nowhere")
        maxbrod.url = s3.url("bucket", "repo")
        maxbrod("init", env=s3.env)
        config = s3.objects / "bucket" / "repo" / "config"
        data = bytearray(config.read_bytes())
        data[len(data) // 2] ^= 1
        config.write_bytes(data)
        result = maxbrod("verify", "--json", expect=None, env=s3.env)
        assert result.code != 0 and result.json["error"]["code"] == "corrupt", result


def test_an_endpoint_that_goes_and_comes_back(tmp_path):
    """Down for some seconds in the middle: retried without a word to the user."""
    s3 = Versitygw(tmp_path).start()
    try:
        s3.create_bucket("bucket")
        maxbrod = Maxbrod("/nowhere")
        maxbrod.url = s3.url("bucket", "repo")
        s3.stop()
        init = maxbrod.start("init", env=s3.env)
        time.sleep(3)
        assert init.process.poll() is None
        s3.start()
        assert init.wait(120).code == 0
    finally:
        s3.stop()
