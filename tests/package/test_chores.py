"""What CI, nox, pre-commit and the templates name is there, and they agree on Pythons and commands."""

import configparser
import re

import pytest
from support import ROOT

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed (jupytext brings it)")


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def settings() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read_string(read("setup.cfg"))
    return parser


def test_the_workflow_runs_the_pythons_that_the_package_declares() -> None:
    jobs = yaml.safe_load(read(".github/workflows/checks.yml"))["jobs"]
    declared = re.findall(r":: (3\.\d+)$", settings()["metadata"]["classifiers"], re.MULTILINE)
    assert jobs["linux"]["strategy"]["matrix"]["python"] == declared
    assert set(jobs["elsewhere"]["strategy"]["matrix"]["python"]) <= set(declared)
    assert settings()["options"]["python_requires"] == f">={declared[0]}"
    assert "bash .ci/run" in [step.get("run") for step in jobs["linux"]["steps"]]


def test_every_session_that_is_named_is_in_the_noxfile() -> None:
    sessions = set(re.findall(r"@nox\.session\ndef (\w+)", read("noxfile.py")))
    assert {"format", "lint", "types", "quick", "all", "full", "pictures", "benchmarks", "mutants"} == sessions
    for page in ("README.md", ".github/PULL_REQUEST_TEMPLATE.md", ".github/workflows/checks.yml"):
        for named in re.findall(r"nox -s ([a-z ]+)", read(page)):
            assert set(named.split()) <= sessions, page


@pytest.mark.parametrize("script", [".ci/run", ".ci/full", ".ci/fresh", "noxfile.py"])
def test_every_script_that_is_named_is_there(script: str) -> None:
    for path in re.findall(r"\b((?:tests|docs|benchmarks)/[\w/]+\.py)\b", read(script)):
        assert (ROOT / path).is_file(), path


@pytest.mark.parametrize("name", ["wrong_number", "error", "idea"])
def test_the_forms_for_issues_ask_for_something(name: str) -> None:
    form = yaml.safe_load(read(f".github/ISSUE_TEMPLATE/{name}.yml"))
    assert {"name", "description", "body"} <= form.keys()
    assert any(part.get("validations", {}).get("required") for part in form["body"])


def test_pre_commit_runs_what_ci_runs() -> None:
    hooks = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"][0]["hooks"]
    programs = {hook["entry"].split()[0] for hook in hooks}
    assert programs == {"ruff", "mypy", "lint-imports"}
    assert all(f".venv/bin/{program}" in read(".ci/run") for program in programs)


def test_the_marks_of_the_circles_are_declared_and_full_is_left_out() -> None:
    pytest_settings = settings()["tool:pytest"]
    names = [line.partition(":")[0] for line in pytest_settings["markers"].strip().splitlines()]
    assert names == ["quick", "slow", "full"]
    assert '-m "not full"' in pytest_settings["addopts"]
