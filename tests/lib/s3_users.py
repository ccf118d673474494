"""Users of versitygw that may do less than everything."""

import json
import subprocess

from .standins import ACCESS_KEY, SECRET_KEY, installed

# What maxbrod uses, and on what: the bucket's objects, or the bucket.
ON_OBJECTS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload")
ON_BUCKET = ("s3:ListBucket", "s3:ListBucketMultipartUploads")


def add_user(s3, name):
    """A user without any right; what it has in the environment."""
    secret = f"{name}-secret"
    subprocess.run([installed() / "bin" / "versitygw", "admin", "--access", ACCESS_KEY, "--secret", SECRET_KEY,
                    "--endpoint-url", s3.endpoint, "create-user", "-a", name, "-s", secret, "-r", "user"],
                   check=True, capture_output=True)
    return {**s3.env, "AWS_ACCESS_KEY_ID": name, "AWS_SECRET_ACCESS_KEY": secret}


def allow(s3, bucket, users, actions):
    """Lets these users do that in the bucket, and nobody anything else."""
    def statement(names, resource):
        return {"Effect": "Allow", "Principal": users, "Action": sorted(names), "Resource": [f"arn:aws:s3:::{resource}"]}
    parts = [(set(actions) & set(ON_OBJECTS), f"{bucket}/*"), (set(actions) & set(ON_BUCKET), bucket)]
    policy = {"Version": "2012-10-17", "Statement": [statement(names, where) for names, where in parts if names]}
    status, _, body = s3.request("PUT", f"/{bucket}", "policy=", json.dumps(policy).encode())
    assert status in (200, 204), body
