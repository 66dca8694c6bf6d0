#!/usr/bin/env python3
"""The schema and the daemon must agree on what a configuration is.

For every file in tests/config/good and tests/config/bad: is it valid for conf/fotad.schema.json,
and what does `fotad --check-config` say? A file whose name begins with "semantic-" is bad in a way
that no schema can express.

$FOTAD is the daemon to ask, $FOTAD_SRCDIR the source tree. Exits with 77 (skipped) without
python3-jsonschema.
"""

import json
import os
import pathlib
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed: skipped")
    sys.exit(77)

SKIPPED = 77
EX_CONFIG = 78


def schema_accepts(validator, path):
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return validator.is_valid(document)


def daemon_accepts(daemon, path):
    """True or False, and what it said; any other exit status is a failure of the test."""
    result = subprocess.run(
        [daemon, f"--config={path}", "--check-config"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", timeout=30, check=False)
    if result.returncode not in (0, EX_CONFIG):
        raise RuntimeError(f"{path.name}: exit status {result.returncode}: {result.stdout}")
    return result.returncode == 0, result.stdout


def check(validator, daemon, path, good):
    """A list of what is wrong."""
    wrong = []
    semantic = path.name.startswith("semantic-")
    by_schema = schema_accepts(validator, path)
    by_daemon, said = daemon_accepts(daemon, path)

    if by_schema != (good or semantic):
        wrong.append(f"the schema {'accepts' if by_schema else 'refuses'} it")
    if by_daemon != good:
        wrong.append(f"fotad {'accepts' if by_daemon else 'refuses'} it: {said}")
    if not good and str(path) + ":" not in said:
        wrong.append(f"no message begins with its name: {said}")
    return wrong


def main():
    daemon = os.environ.get("FOTAD")
    if not daemon:
        print("FOTAD is not set: skipped")
        return SKIPPED
    source = pathlib.Path(os.environ.get("FOTAD_SRCDIR", "."))
    schema = json.loads((source / "conf/fotad.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    failed = 0
    files = [(p, True) for p in sorted((source / "tests/config/good").glob("*.json"))]
    files.append((source / "conf/fotad.json", True))
    files += [(p, False) for p in sorted((source / "tests/config/bad").glob("*.json"))]
    for path, good in files:
        for text in check(validator, daemon, path, good):
            print(f"{path}: {text}")
            failed += 1
    print(f"{len(files)} files, {failed} disagreements")
    return 1 if failed or len(files) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
