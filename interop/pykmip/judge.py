"""Compares what pytest said of each version with expected.txt.

Usage: judge.py expected.txt WORK/VERSION …   (pytest's output is in WORK/VERSION.log)
"""

import collections
import os
import re
import sys

TESTS = 37
OUTCOME = re.compile(r"^(PASSED|FAILED|ERROR) \S*services/(test_\w+)\.py::\w+::(test_\w+)")


def expected(path):
    """{file.test: (versions, reason)}; a line is `file.test VERSION,…|all  reason`."""
    rows = {}
    for line in open(path, encoding="utf-8"):
        if line.strip() and not line.startswith("#"):
            name, versions, reason = line.split(None, 2)
            rows[name] = (versions.split(","), reason.strip())
    return rows


def outcomes(path):
    found = {}
    for line in open(path, encoding="utf-8"):
        match = OUTCOME.match(line)
        if match:
            outcome, file, test = match.groups()
            name = f"{file}.{test}"
            # A test can pass and its clean-up fail: that is a failure.
            if found.get(name, "PASSED") == "PASSED":
                found[name] = outcome
    return found


def main():
    rows = expected(sys.argv[1])
    total = collections.Counter()
    surprises = []
    for place in sys.argv[2:]:
        version = os.path.basename(place)
        found = outcomes(place + ".log")
        if len(found) != TESTS:
            surprises.append(f"{version}: {len(found)} tests ran instead of {TESTS}")
        for name in rows.keys() - found.keys():
            surprises.append(f"{version}: {name} is listed and did not run")
        count = collections.Counter()
        for name, outcome in sorted(found.items()):
            versions, reason = rows.get(name, ([], ""))
            listed = version in versions or "all" in versions
            passed = outcome == "PASSED"
            count["passed" if passed else "failed"] += 1
            if not passed and listed:
                print(f"{version}  expected failure  {name}: {reason}")
            elif not passed:
                surprises.append(f"{version}: {name} failed")
            elif listed:
                surprises.append(f"{version}: {name} is listed and passed; remove it from expected.txt")
        print(f"{version}  {count['passed']} passed, {count['failed']} failed")
        total += count
    for surprise in surprises:
        print("NOT EXPECTED ", surprise)
    print(f"{total['passed']} passed, {total['failed']} failed")
    return 1 if surprises else 0


sys.exit(main())
