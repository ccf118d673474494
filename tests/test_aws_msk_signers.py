"""Tokens for Amazon MSK, byte for byte those of AWS's own signers."""

import base64
import datetime
import functools
import json
import pathlib
import subprocess
import urllib.parse

import pytest

from lib import jars, standins
from lib.aws_tool import aws_tool

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
TOKENS = [None, "short", "IQoJb3JpZ2luX2VjE+/8A//x=="]
REGIONS = ["eu-west-1", "us-gov-west-1"]

PYTHON = """
import datetime, json, sys
import botocore.auth
at = datetime.datetime.fromtimestamp(int(sys.argv[2]), datetime.timezone.utc).replace(tzinfo=None)
botocore.auth.get_current_datetime = lambda remove_tzinfo=True: at
from aws_msk_iam_sasl_signer import MSKAuthTokenProvider
print(json.dumps(MSKAuthTokenProvider.generate_auth_token(sys.argv[1])))
"""

JAVA = r"""
import software.amazon.awssdk.auth.credentials.*;
import software.amazon.msk.auth.iam.*;
import software.amazon.msk.auth.iam.internals.*;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerTokenCallback;
import javax.security.auth.callback.Callback;
import java.util.*;

public class Sign {
  public static void main(String[] args) throws Exception {
    // It counts the lifetime from its clock's second reading, so that a slow first call gives 899.
    String signed;
    do {
      signed = args[0].equals("OAUTHBEARER") ? token() : message(args[1]);
    } while (!plain(signed).contains("900"));
    System.out.println(signed);
  }

  static String plain(String signed) {
    String text = signed.startsWith("{") ? signed : new String(Base64.getUrlDecoder().decode(signed));
    return text.replaceAll(".*(?:X-Amz-Expires=|x-amz-expires\":\")([0-9]+).*", "$1");
  }

  static String token() throws Exception {
    var handler = new IAMOAuthBearerLoginCallbackHandler();
    handler.configure(Map.of(), "OAUTHBEARER", List.of());
    var callback = new OAuthBearerTokenCallback();
    handler.handle(new Callback[] {callback});
    return callback.token().value();
  }

  static String message(String host) throws Exception {
    AwsCredentials credentials = DefaultCredentialsProvider.create().resolveCredentials();
    return new String(new AWS4SignedPayloadGenerator().signedPayload(
        AuthenticationRequestParams.create(host, credentials, UserAgentUtils.getUserAgentValue())));
  }
}
"""


@functools.cache
def signers():
    out = subprocess.run([jars.ROOT / "scripts" / "fetch-msk-signers"], check=True, stdout=subprocess.PIPE, text=True)
    return pathlib.Path(out.stdout.strip())


def keys(token):
    return {**KEYS, **({"AWS_SESSION_TOKEN": token} if token else {})}


@pytest.fixture(scope="module")
def sign_in_java(tmp_path_factory):
    """The Java signer has no clock that could be set: its output tells when it signed."""
    folder = tmp_path_factory.mktemp("sign")
    (folder / "Sign.java").write_text(JAVA)
    path = f"{signers() / 'libs'}/*:{jars.libs(jars.NEWEST)}/*:{folder}"
    subprocess.run([jars.JVM / "javac", "-nowarn", "-cp", path, "-d", folder, folder / "Sign.java"], check=True,
                   capture_output=True)

    def run(token, region, *args):
        out = subprocess.run([jars.JVM / "java", "-cp", path, "Sign", *args], check=True, capture_output=True, text=True,
                             env={**keys(token), "AWS_REGION": region, "PATH": "/usr/bin:/bin"})
        return out.stdout.strip().splitlines()[-1]
    return run


def seconds_of(date):
    return int(datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc).timestamp())


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("token", TOKENS)
def test_python_signer(token, region):
    """SASL/OAUTHBEARER: the same text at the same second."""
    agent = "aws-msk-iam-sasl-signer-python/1.0.2"
    for second in (1_795_350_896, 1_700_000_000, 951_782_400):
        out = subprocess.run([standins.installed() / "venv/bin/python", "-c", PYTHON, region, str(second)], check=True,
                             capture_output=True, text=True,
                             env={**keys(token), "PYTHONPATH": str(signers() / "python"), "PATH": "/usr/bin:/bin"})
        theirs, expires_ms = json.loads(out.stdout)
        assert expires_ms == (second + 900) * 1000
        assert aws_tool("token", "OAUTHBEARER", "", region, second, agent, env=keys(token))["token"] == theirs


@pytest.mark.parametrize("token", TOKENS)
def test_java_message(sign_in_java, token):
    """AWS_MSK_IAM: the same bytes at the second it signed."""
    host = "b-2.orders.abc123.c4.kafka.eu-west-1.amazonaws.com"
    theirs = sign_in_java(token, "eu-west-1", "AWS_MSK_IAM", host)
    fields = json.loads(theirs)
    ours = aws_tool("token", "AWS_MSK_IAM", host, "eu-west-1", seconds_of(fields["x-amz-date"]), fields["user-agent"],
                    env=keys(token))["token"]
    assert ours == theirs


@pytest.mark.parametrize("token", TOKENS)
def test_java_token(sign_in_java, token):
    """SASL/OAUTHBEARER: Java puts the same parameters in another order than Python does, and no slash."""
    theirs = sign_in_java(token, "eu-west-1", "OAUTHBEARER")

    def parts(text):
        url = urllib.parse.urlsplit(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode())
        return url.netloc, url.path.rstrip("/"), sorted(url.query.split("&"))
    query = dict(p.split("=", 1) for p in parts(theirs)[2])
    ours = aws_tool("token", "OAUTHBEARER", "", "eu-west-1", seconds_of(query["X-Amz-Date"]),
                    urllib.parse.unquote(query["User-Agent"]), env=keys(token))["token"]
    theirs_parts = parts(theirs)
    # Blanks and slashes of the user agent are no part of what is signed.
    assert [p for p in parts(ours)[2] if not p.startswith("User-Agent")] == \
        [p for p in theirs_parts[2] if not p.startswith("User-Agent")]
    assert parts(ours)[:2] == theirs_parts[:2]
