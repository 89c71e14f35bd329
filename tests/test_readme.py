"""Every snippet of the README runs, and prints what its comments say."""

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("snippet", PYTHON, ids=range(len(PYTHON)))
def test_snippets_print_what_they_say(snippet, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = re.findall(r"^\s*print\(.*\)  # (.+)$", snippet, re.MULTILINE)
    assert len(expected) == snippet.count("print(")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(snippet, "README.md", "exec"), {"__name__": "readme"})
    assert printed.getvalue().splitlines() == expected


def test_the_pictures_and_pages_that_it_shows_exist():
    for target in re.findall(r"\]\(((?!http)[^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_ci_runs_the_readmes_own_commands():
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    for mark in ("main job", "tests"):
        assert re.search(rf"<!-- {mark} -->\n```sh\n[^\n]+\n```\n<!-- end -->", README), mark
        assert f'command_of "{mark}"' in script


def test_the_distribution_has_a_name_of_its_own_and_the_readme_warns():
    assert "\nname = glassgrad\n" in (ROOT / "setup.cfg").read_text("utf-8")
    assert "HIPS" in README
