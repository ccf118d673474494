"""Holds what --json prints against the schemas of docs/schemas, one for each verb."""

import functools
import json

import jsonschema

from . import jars

FOLDER = jars.ROOT / "docs" / "schemas"
# Of long outputs (a map of offsets, a dump) only so many lines are looked at, at both ends.
LINES_EACH_END = 200


class Unlike(AssertionError):
    """A line that no form of the verb's schema allows."""


@functools.cache
def _store():
    return {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def _resolve(name, ref):
    """The schema that a $ref of file `name` names, and the file it lies in."""
    file, _, pointer = ref.partition("#")
    file = file or name
    found = _store()[file]
    for part in pointer.strip("/").split("/"):
        found = found[part] if part else found
    return file, found


@functools.cache
def _forms(verb):
    """(fields at the top, validator) of each form that a line of the verb may have."""
    name = f"{verb}.json"
    out = []
    for one in _store()[name]["anyOf"]:
        file, schema = _resolve(name, one["$ref"])
        # References lead to definitions of the same file only; with these beside it, the form stands alone.
        whole = {**schema, "$defs": _store()[file]["$defs"]}
        out.append((set(schema.get("properties", ())), jsonschema.Draft202012Validator(whole)))
    return out


def check_line(verb, line):
    """Raises Unlike, with what is wrong by the form that is nearest."""
    forms = _forms(verb)
    if any(validator.is_valid(line) for _, validator in forms):
        return
    _, nearest = max(forms, key=lambda form: len(form[0] & set(line)) - len(set(line) - form[0]))
    error = jsonschema.exceptions.best_match(nearest.iter_errors(line))
    where = "/".join(map(str, error.absolute_path)) or "the top"
    raise Unlike(f"maxbrod {verb} --json, at {where}: {error.message}"[:2000])


def check_output(args, stdout, whole):
    """All lines of a run with --json; `whole`: it was not killed, so that its last line has an end."""
    words = [word for arg in args for word in arg.split()]
    verb = next((word for word in words if (FOLDER / f"{word}.json").is_file()), None)
    if verb is None:
        raise Unlike(f"docs/schemas has none for: maxbrod {' '.join(words[:3])}")
    lines = stdout.split("\n")
    if whole and lines[-1]:
        raise Unlike(f"maxbrod {verb} --json: the last line has no end")
    lines = lines[:-1]
    if len(lines) > 2 * LINES_EACH_END:
        lines = lines[:LINES_EACH_END] + lines[-LINES_EACH_END:]
    for text in lines:
        check_line(verb, json.loads(text))
