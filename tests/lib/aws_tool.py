"""tests/tools/aws_tool.cc as a function."""

import json
import os
import subprocess

from .maxbrod import BINARY

# Nothing of the user's own may be found.
CLEAN = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}


def environment(**variables):
    """What a child gets: nothing of AWS but these; None takes one of CLEAN away."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_") and not k.lower().endswith("_proxy")}
    return {k: str(v) for k, v in {**kept, **CLEAN, **variables}.items() if v is not None}


def aws_tool(*args, env=None):
    """What it prints, as an object; a failure is {"error": {...}}."""
    out = subprocess.run([BINARY.parent / "aws_tool", *map(str, args)], env=environment(**(env or {})), text=True,
                         capture_output=True, timeout=120)
    assert out.stdout, out.stderr
    return json.loads(out.stdout)
