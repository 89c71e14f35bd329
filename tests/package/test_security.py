"""Every promise of .github/SECURITY.md names tests that exist."""

import re

import pytest
from support import ROOT

TEXT = (ROOT / ".github" / "SECURITY.md").read_text("utf-8")
PROMISES = re.findall(r"^\| ([A-Z][^|]*) \| (.*) \|$", TEXT, re.MULTILINE)


def test_there_are_promises():
    assert len(PROMISES) >= 9


@pytest.mark.parametrize(("promise", "held_by"), PROMISES)
def test_a_promise_is_held_by_tests_that_exist(promise, held_by):
    tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", held_by)
    assert tests
    for file, name in tests:
        assert f"\ndef {name}(" in (ROOT / file).read_text("utf-8"), (promise, name)
