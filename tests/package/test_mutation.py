"""The page of mutants that live speaks of code that is there, its settings of modules and tests that are there."""

import re
import tomllib

import pytest
from support import ROOT

PAGE = (ROOT / "tests" / "mutation" / "survivors.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\S+\.py) \| `(.+?)` \| `(.+?)` \|", PAGE, re.MULTILINE)


def test_the_page_has_rows() -> None:
    assert len(ROWS) == len(re.findall(r"^\| \S+\.py \| `", PAGE, re.MULTILINE)) > 0


@pytest.mark.parametrize(("module", "code", "mutant"), ROWS)
def test_what_survives_is_a_change_of_code_that_stands_there(module: str, code: str, mutant: str) -> None:
    text = " ".join((ROOT / "autograd" / module).read_text(encoding="utf-8").split())
    assert code in text
    assert mutant != code


def test_the_settings_name_modules_and_tests_that_are_there() -> None:
    settings = tomllib.loads((ROOT / "tests" / "mutation" / "engine.toml").read_text(encoding="utf-8"))["cosmic-ray"]
    named = [*settings["module-path"], *(word for word in settings["test-command"].split() if "/" in word)]
    assert all((ROOT / path).exists() for path in named)
