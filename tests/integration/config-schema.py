#!/usr/bin/env python3
"""The schema and the daemon must agree on what a configuration is.

For every file in tests/config/good and tests/config/bad: is it valid for conf/fotad.schema.json,
and what does `fotad --check-config` say? A file whose name begins with "semantic-" is bad in a way
that no schema can express. Every key occurs in a good file.

Then each good file is bent at every place, one at a time: what the daemon takes, the schema must
take; what the daemon refuses for its form, the schema must refuse.

$FOTAD is the daemon to ask, $FOTAD_SRCDIR the source tree. Exits with 77 (skipped) without
python3-jsonschema.
"""

import concurrent.futures
import copy
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

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


def keys(schema):
    """All the keys that there are."""
    for part in ("properties", "patternProperties"):
        for key, value in schema.get(part, {}).items():
            if part == "properties":
                yield key
            yield from keys(value)
    for part in [*([schema["items"]] if "items" in schema else []), *schema.get("oneOf", ())]:
        yield from keys(part)


def keys_used(value):
    for key in value if isinstance(value, dict) else ():
        yield key
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys_used(item)


# ---- bent files ----

BENT = (None, True, False, 0, 1, -1, 7.5, 10**12, "", "x", "0", "7", "1h", "90x", "50%", "01:00", "\u00e9", "a b", '"', [], ["x", "x"], [1],
        [{}], {}, {"credential": "c"}, {"x": 1}, "2026-12-01T00:00:00Z", "/x", "http://h/x", "x" * 300)

# What the daemon refuses, and no schema can express: the form of a value is right, and still it cannot be.
NO_FORM = re.compile(r"""expected\ a\ duration\ from|a\ date\ and\ time\ that\ there\ is|the\ name\ of\ a\ time\ zone
    |\bis\ (already|not\ a\ known|not\ more|longer|shorter|too\ long)|the\ last\ wave\ must|no\ (package|modem|such)|does\ not\ fit""", re.X)
FORM = re.compile(r": (unknown key|is missing: |expected (?!exactly)|expected exactly)")


def places(value, path=()):
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from places(item, (*path, key))


def bounds(schema):
    """Numbers and lengths at which something begins or ends, and their neighbours."""
    text = json.dumps(schema)
    numbers = {int(n) + d for n in re.findall(r'"(?:minimum|maximum)": (-?[0-9]+)', text) for d in (-1, 0, 1)}
    lengths = {int(n) + d for n in re.findall(r'"maxLength": ([0-9]+)', text) for d in (0, 1)}
    return sorted(numbers), ["x" * n for n in sorted(lengths)]


def bend(document, seen, numbers, texts):
    """(what, the document with that), at each place that no document before had."""
    for path in places(document):
        place = tuple("*" if isinstance(key, int) else key for key in path)
        if place in seen:
            continue
        seen.add(place)
        now = document
        for key in path:
            now = now[key]
        more = numbers if type(now) is int else texts if isinstance(now, str) else []
        for value in (*BENT, *more, "gone", "unknown"):
            bent = copy.deepcopy(document)
            inner = bent
            for key in path[:-1]:
                inner = inner[key]
            if value == "gone":
                del inner[path[-1]]
            elif value == "unknown" and isinstance(inner[path[-1]], dict):
                inner[path[-1]]["qqqqqqq"] = 1
            else:
                inner[path[-1]] = value
            yield f"{'/'.join(map(str, path))} = {json.dumps(value)[:40]}", bent


def disagreement(validator, daemon, path, document):
    """What is wrong with the two, or None."""
    path.write_text(json.dumps(document), encoding="utf-8")
    by_schema = validator.is_valid(document)
    by_daemon, said = daemon_accepts(daemon, path)
    path.unlink()
    if by_daemon and not by_schema:
        return "the schema refuses it, fotad takes it"
    of_form = [line for line in said.splitlines() if not line.startswith("warning:") and FORM.search(line) and not NO_FORM.search(line)]
    if by_schema and of_form:
        return f"the schema takes it, fotad says: {of_form[0]}"
    return None


def bent_files(validator, daemon, files):
    """How many, and those that are judged differently."""
    with tempfile.TemporaryDirectory() as directory, concurrent.futures.ThreadPoolExecutor(2) as pool:
        seen, ends = set(), bounds(validator.schema)
        bent = [(f"{path.name}: {what}", document) for path in files
                for what, document in bend(json.loads(path.read_text(encoding="utf-8")), seen, *ends)]
        results = pool.map(lambda n: disagreement(validator, daemon, pathlib.Path(directory, f"{n}.json"), bent[n][1]), range(len(bent)))
        return len(bent), [f"{what}: {result}" for (what, _), result in zip(bent, results) if result]


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
    good = [path for path, is_good in files if is_good]
    used = {key for path in good for key in keys_used(json.loads(path.read_text(encoding="utf-8")))}
    for key in sorted({*keys(schema)} - used):
        print(f"no good file has the key {key}")
        failed += 1
    bent, wrong = bent_files(validator, daemon, good)
    print(*wrong, sep="\n")
    failed += len(wrong)
    print(f"{len(files)} files, {bent} bent ones, {failed} disagreements")
    return 1 if failed or len(files) < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
