"""CONTRIBUTING.md names commands, files and names that exist, and its two commands are those of the set-up."""

import configparser
import re

import pytest
from support import EXAMPLES, ROOT
from support.imports import FILES

TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
CODE = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL))


def settings() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read_string((ROOT / "setup.cfg").read_text("utf-8"))
    return parser


def sessions() -> set[str]:
    return set(re.findall(r"@nox\.session\ndef (\w+)", (ROOT / "noxfile.py").read_text("utf-8")))


def test_the_first_two_commands_install_an_extra_that_exists_and_run_a_session_that_exists() -> None:
    first, second = re.search(r"```sh\n(.+)\n(.+)\n```", TEXT).groups()  # type: ignore[union-attr]
    (extra,) = re.findall(r"-e '\.\[(\w+)\]'", first)
    installs = settings()["options.extras_require"][extra]
    assert {"nox", "glassgrad[test]"} <= {re.split(r"[<>=]", line)[0] for line in installs.split()}
    assert second == ".venv/bin/nox -s quick"


def test_every_session_is_told_and_no_other() -> None:
    assert set(re.findall(r"nox -s (\w+)", TEXT)) == sessions()
    told = re.findall(r"^\| `nox -s (\w+)` \|", TEXT, re.MULTILINE)
    assert set(told) == sessions(), "the table of the checks"


@pytest.mark.parametrize("name", sorted({c for c in CODE if re.fullmatch(r"[\w./*-]*[/.][\w./*-]+", c)} - EXAMPLES))
def test_every_path_that_is_named_is_there(name: str) -> None:
    if name.startswith("."):
        assert (ROOT / name).exists() or list(ROOT.glob(f"*/*{name}"))
    else:
        assert list(ROOT.glob(name)) or list(ROOT.glob(f"*/*/{name}"))


@pytest.mark.parametrize("path", sorted(EXAMPLES))
def test_what_the_recipes_invented_is_not_there(path: str) -> None:
    assert not (ROOT / path).exists(), f"{path} exists now: let the recipe make another one"


@pytest.mark.parametrize("command", sorted({c for c in CODE if re.match(r"(\.ci/|python |pytest|HYPOTHESIS)", c)}))
def test_every_command_that_is_named_would_find_its_files(command: str) -> None:
    for word in command.split():
        if re.search(r"/|\.py$", word):
            assert (ROOT / word).exists(), command
    if profile := re.match(r"HYPOTHESIS_PROFILE=(\w+)", command):
        assert f'register_profile("{profile[1]}"' in (ROOT / "tests/conftest.py").read_text("utf-8")
    if mark := re.search(r"-m (\w+)", command):
        assert f"\n{mark[1]}:" in settings()["tool:pytest"]["markers"]


SOURCES = "\n".join(
    path.read_text("utf-8") for path in [*FILES.values(), *ROOT.glob("tests/**/*.py"), *ROOT.glob("docs/*.py")]
)


@pytest.mark.parametrize("name", sorted({c for c in CODE if re.fullmatch(r"\w+", c)} - {"nox", "absent", "if"}))
def test_every_name_exists(name: str) -> None:
    assert re.search(rf"\b{name}\b", SOURCES), f"the code has no {name}"


def test_every_mark_and_every_folder_of_tests_is_told() -> None:
    marks = set(re.findall(r"@pytest\.mark\.(\w+)", TEXT))
    declared = {line.partition(":")[0] for line in settings()["tool:pytest"]["markers"].strip().splitlines()}
    assert marks == declared - {"quick"}
    folders = {
        f"tests/{p.name}" for p in (ROOT / "tests").iterdir() if p.is_dir() and not p.name.startswith((".", "_"))
    }
    assert folders <= set(CODE)


def test_the_steps_of_a_recipe_are_numbered_and_its_count_is_no_less_than_its_steps_say() -> None:
    recipes = re.findall(r"\n### ([^\n]+), (\d+) lines\n(.*?)(?=\n##)", TEXT, re.DOTALL)
    assert len(recipes) == 6
    for title, lines, steps in recipes:
        numbers = [int(n) for n in re.findall(r"^(\d+)\. ", steps, re.MULTILINE)]
        assert numbers == [*range(1, len(numbers) + 1)], title
        assert sum(map(int, re.findall(r"(\d+) lines(?=[:,])", steps))) <= int(lines), title
