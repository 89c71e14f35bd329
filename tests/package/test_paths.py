"""Every file that a page, a docstring, a comment or a message names is there: what was moved is named anew."""

import re
from pathlib import Path

import pytest
from support import EXAMPLES, ROOT

FOLDERS = ("autograd", "nn", "viz", "docs", "tests", "benchmarks", "notebooks")
NAMED = re.compile(rf"(?<![\w/.-])(?:{'|'.join(FOLDERS)})/[\w/.-]+\.(?:pyi?|md|json|svg|png|js|css|csv|ipynb)\b")
SOURCES = [
    path
    for pattern in ("*.md", "*.py", "*.cfg", "*.toml", ".ci/*", ".github/**/*.*", *(f"{f}/**/*.py*" for f in FOLDERS))
    for path in sorted(ROOT.glob(pattern))
    if path.is_file() and path.suffix != ".pyc" and ".ipynb_checkpoints" not in path.parts
] + sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("folder", ["", ".ci", ".github", *FOLDERS])
def test_every_file_that_is_named_is_there(folder: str) -> None:
    lost = [
        f"{path.relative_to(ROOT)} names {name}"
        for path in SOURCES
        if (path.relative_to(ROOT).parts[0] if len(path.relative_to(ROOT).parts) > 1 else "") == folder
        for name in NAMED.findall(path.read_text("utf-8"))
        if not is_there(path, name)
    ]
    assert not lost, "\n".join(lost)


def is_there(path: Path, name: str) -> bool:
    return name in EXAMPLES or (ROOT / name).exists() or (path.parent / name).exists()
