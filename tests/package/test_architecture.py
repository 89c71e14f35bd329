"""docs/architecture.md is true of the code: rooms, arrows, names, words; and it agrees with the import contracts."""

import configparser
import importlib
import re
from pathlib import Path

import pytest
from support import ROOT
from support.imports import FILES, IMPORTS

PAGE = ROOT / "docs" / "architecture.md"
TEXT = PAGE.read_text("utf-8")
PACKAGES = ("autograd", "autograd.compiler", "autograd.check", "autograd.strategies", "nn", "viz")
HOUSE = {"autograd.check": "check", "autograd.compiler": "compiler", "autograd.strategies": "strategies"}
SAY = "docs/architecture.md does not hold:"


def section(title: str) -> str:
    """What stands under a heading, up to the next of its size or larger."""
    marks, _, rest = TEXT.partition(f" {title}\n")
    size = len(marks) - len(marks.rstrip("#"))
    assert size, f"{SAY} there is no heading {title!r}"
    return re.split(rf"\n#{{1,{size}}} ", rest)[0]


def table(text: str) -> list[list[str]]:
    """The rows of a table, without its head."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return rows[2:]


def arrows(text: str) -> set[tuple[str, str, str]]:
    """What the drawing of a section says: (from, arrow, to)."""
    return set(re.findall(r"^ +(\w+) (-->|-\.->) (\w+)$", text, re.MULTILINE))


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def own(package: str) -> set[str]:
    """The modules of a package, without its door and without the packages that have a section of their own."""
    others = [other for other in PACKAGES if other != package and within(other, package)]
    return {m for m in FILES if within(m, package) and m != package and not any(within(m, o) for o in others)}


def rooms(package: str) -> dict[str, list[str]]:
    """Of every room the names in its row."""
    return {row[0]: re.findall(r"`([\w/]+)`", row[1]) for row in table(section(f"`{package}`"))}


def places(package: str) -> dict[str, list[str]]:
    """For every module of a package the rooms whose rows name it, or the folder that it is in."""
    found: dict[str, list[str]] = {module: [] for module in own(package)}
    for room, names in rooms(package).items():
        for name in names:
            whole = f"{package}.{name.rstrip('/')}"
            for module in found:
                if module == whole or (name.endswith("/") and within(module, whole)):
                    found[module].append(room)
    return found


def between(where: dict[str, str]) -> set[tuple[str, str, str]]:
    """The arrows that the code has between rooms, the modules' rooms being these."""
    late: dict[tuple[str, str], bool] = {}
    for module, imported in IMPORTS.items():
        for target, waits in imported.items():
            pair = where.get(module, ""), where.get(target, "")
            if all(pair) and pair[0] != pair[1]:
                late[pair] = late.get(pair, True) and waits
    return {(a, "-.->" if waits else "-->", b) for (a, b), waits in late.items()}


def same(drawn: set[tuple[str, str, str]], there: set[tuple[str, str, str]], what: str) -> None:
    missing, false = sorted(" ".join(a) for a in there - drawn), sorted(" ".join(a) for a in drawn - there)
    assert not missing, f"{SAY} draw these arrows of {what}, or take the imports back: {missing}"
    assert not false, f"{SAY} no import stands behind these arrows of {what}: {false}"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_stands_in_one_room(package: str) -> None:
    for module, found in places(package).items():
        assert len(found) == 1, f"{SAY} {module} stands in {found or 'no room'}: give it a row of `{package}`"
    for room, names in rooms(package).items():
        for name in names:
            path = ROOT / package.replace(".", "/") / name
            assert path.is_dir() if name.endswith("/") else path.with_suffix(".py").is_file(), f"{SAY} {room}: {name}"


@pytest.mark.parametrize("package", PACKAGES)
def test_the_arrows_between_rooms_are_the_imports(package: str) -> None:
    where = {module: found[0] for module, found in places(package).items() if found}
    same(arrows(section(f"`{package}`")), between(where), package)


def house_of(module: str) -> str:
    return next((room for package, room in HOUSE.items() if within(module, package)), module.split(".")[0])


def test_the_arrows_of_the_house_are_the_imports() -> None:
    where = {module: house_of(module).replace("autograd", "engine") for module in FILES}
    del where["autograd"]  # the door
    drawn = arrows(section("The house"))
    same(drawn, between(where), "the house")
    assert (
        {row[0] for row in table(section("The house"))} == set(where.values()) == {a for a, _, b in drawn} | {"engine"}
    )


# -- the contracts of import-linter ------------------------------------------------------------------------------------


def contracts() -> dict[str, configparser.SectionProxy]:
    parser = configparser.ConfigParser()
    parser.read_string((ROOT / "setup.cfg").read_text("utf-8"))
    head = "importlinter:contract:"
    return {name.removeprefix(head): parser[name] for name in parser.sections() if name.startswith(head)}


def test_the_house_and_the_contracts_say_the_same() -> None:
    drawn = {(a, b) for a, _, b in arrows(section("The house"))}
    engine = contracts()["engine"]
    below = {"engine", *HOUSE.values()}
    assert engine["source_modules"].split() == ["autograd"]
    assert not {(a, b) for a in below for b in engine["forbidden_modules"].split()} & drawn
    ignored = [line.split(" -> ") for line in contracts()["sides"]["ignore_imports"].strip().splitlines()]
    crossing = {(m, t.split(".")[0]) for m, found in IMPORTS.items() for t in found if {m[:2], t[:2]} == {"nn", "vi"}}
    assert {(a, b) for a, b in ignored} == crossing
    assert all(f"`{a}`" in section("The house") for a, _ in ignored), (
        f"{SAY} name the modules that the contract lets through"
    )


def test_the_rooms_of_the_engine_and_the_floors_say_the_same() -> None:
    floors = [line.replace("|", " ").split() for line in contracts()["floors"]["layers"].strip().splitlines()]
    height = {f"autograd.{name}": -floor for floor, names in enumerate(floors) for name in names}
    where = {module: found[0] for module, found in places("autograd").items()} | {m: HOUSE[m] for m in HOUSE}
    of: dict[str, list[int]] = {}
    for module, floor in height.items():
        assert module in where or within("autograd.ops", module), (
            f"setup.cfg: the contract names {module}, which is not there"
        )
        of.setdefault(where.get(module, "operations"), []).append(floor)
    for a, _, b in arrows(section("`autograd`")) | {
        arrow for arrow in arrows(section("The house")) if set(arrow) & {*HOUSE.values()}
    }:
        if a in of and b in of:
            assert max(of[a]) >= min(of[b]), f"{SAY} {a} stands below {b} in the contract `floors` of setup.cfg"


# -- names and words ---------------------------------------------------------------------------------------------------


def in_code(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


SOURCES = "\n".join(path.read_text("utf-8") for path in FILES.values())
BARE = {name for package in PACKAGES for names in rooms(package).values() for name in names}
CALL = re.compile(r"[\w.]+\(.*\)|python -m [\w.]+|\w+ [*] \w+")


@pytest.mark.parametrize("name", sorted(set(in_code(TEXT)) - BARE))
def test_every_name_exists(name: str) -> None:
    if "/" in name or re.search(r"\.(py|cfg|md)$", name):
        assert list(ROOT.glob(name)) or any(ROOT.glob(f"*/{name}")), f"{SAY} there is no file {name}"
        return
    if re.fullmatch(r"(autograd|nn|viz)(\.\w+)*", name):
        assert exists(name), f"{SAY} there is no {name}"
        return
    if name.startswith("python -m "):
        assert name.removeprefix("python -m ") in FILES
        return
    for word in re.findall(r"[A-Za-z_]\w+", name):
        known = re.search(rf"\b{word}\b", SOURCES) or re.search(rf"\b{word}\b", (ROOT / "setup.cfg").read_text("utf-8"))
        assert known or word == "lint", f"{SAY} the code has no {word}, of `{name}`"


def exists(name: str) -> bool:
    if name in FILES:
        return True
    module, _, attribute = name.rpartition(".")
    return module in FILES and hasattr(importlib.import_module(module), attribute)


def test_the_ten_files_are_there_and_hold_what_is_said_of_them() -> None:
    files = re.findall(r"^(\d+)\. `([\w/.]+)`: (.*)$", section("Ten files to read first"), re.MULTILINE)
    assert [int(number) for number, *_ in files] == [*range(1, 11)]
    assert len({path for _, path, _ in files}) == 10
    for _, path, said in files:
        text = (ROOT / path).read_text("utf-8")
        for name in re.findall(r"`(\w+)`", said):
            assert re.search(rf"\b{name}\b", text), f"{SAY} {path} has no {name}"


WORDS = table(section("Words"))


@pytest.mark.parametrize("row", WORDS, ids=lambda row: row[0])
def test_every_word_is_used_where_the_glossary_says(row: list[str]) -> None:
    words, path, meaning = row
    for where in [path.strip("`"), *re.findall(r"in `([\w/]+\.py)`", meaning)]:
        text = (ROOT / where).read_text("utf-8")
        for word in words.split(", "):
            assert re.search(rf"(?<![a-z]){word}(s|ed|ing)?(?![a-z])", text, re.IGNORECASE), (
                f"{SAY} {where} does not say {word!r}"
            )


def test_the_words_stand_once() -> None:
    words = [row[0] for row in WORDS]
    assert len(set(words)) == len(words) > 20


def test_the_page_is_found_from_the_readme_and_the_guide() -> None:
    for page in ("README.md", "CONTRIBUTING.md"):
        assert "docs/architecture.md" in (ROOT / page).read_text("utf-8"), page


def test_a_door_and_a_false_arrow_are_told_apart(tmp_path: Path) -> None:
    """The check itself: a missing arrow and one too many both fail, with what to do."""
    where = {"viz.draw": "graph", "viz.dot": "graph", "viz.figure": "paper"}
    assert between(where) == {("graph", "-->", "paper")}
    with pytest.raises(AssertionError, match="draw these arrows"):
        same(set(), between(where), "viz")
    with pytest.raises(AssertionError, match="no import stands behind"):
        same({("paper", "-->", "graph"), *between(where)}, between(where), "viz")
