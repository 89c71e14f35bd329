"""Every snippet of the README, and of the pages in docs, runs and prints what its comments say."""

import re

import pytest
from support import ROOT
from support.page_snippets import check_snippet, snippets

README = (ROOT / "README.md").read_text("utf-8")
ELSEWHERE = {"compiling", "estimators", "raising"}
"""Pages whose snippets build on one another: tests/compiler, tests/nn and tests/viz run them."""

PAGES = ["README.md", *(f"docs/{p.name}" for p in sorted((ROOT / "docs").glob("*.md")) if p.stem not in ELSEWHERE)]
PYTHON = [(page, number, snippet) for page in PAGES for number, snippet in enumerate(snippets(page), 1)]


@pytest.mark.parametrize("snippet", [s for *_, s in PYTHON], ids=[f"{page} {number}" for page, number, _ in PYTHON])
def test_snippets_print_what_they_say(snippet, tmp_path, monkeypatch):
    if "scipy" in snippet:
        pytest.importorskip("scipy", reason="SciPy is not installed: pip install scipy")
    monkeypatch.chdir(tmp_path)
    check_snippet(snippet)


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
