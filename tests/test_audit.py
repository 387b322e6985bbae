"""What `make check` says of an audit."""

import json

import pytest

from tests.audit import told

HOLE = {"name": "some", "version": "1.0", "vulns": [{"id": "GHSA-1"}]}
SOUND = {"name": "other", "version": "2.0", "vulns": []}
SKIPPED = {"name": "third", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "code", "line"),
    [
        ([HOLE, SOUND], 1, "some 1.0: GHSA-1\naudit: 2 of 2 packages were looked up, 1 known holes"),
        ([SOUND, SKIPPED], 0, "audit: 1 of 2 packages were looked up, 0 known holes"),
        ([SKIPPED], 0, "audit: 0 of 1 packages were looked up, 0 known holes; no advisories"),
    ],
)
def test_what_an_audit_says(packages, code, line):
    got = told(json.dumps({"dependencies": packages}))
    assert got[0] == code
    assert got[1].startswith(line)


def test_no_report_says_nothing():
    assert told("")[0] == 0
