"""Make the notebooks: run every .py here from top to bottom and write it, with its pictures, as .ipynb beside it.

    python notebooks/build.py             all of them
    python notebooks/build.py 02 04       those whose names begin so

The .py files are the source (jupytext's percent format); the .ipynb files hold the same cells and what they gave.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
TIMEOUT_S = 120


def run(source: Path) -> Any:
    """The notebook of a .py file, run; CellExecutionError says which cell failed, and how."""
    notebook = jupytext.read(source)
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT_S,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(source.parent)}},
    )
    client.execute()
    return tidied(notebook)


def tidied(notebook: Any) -> Any:
    """The notebook without what differs from run to run or from machine to machine, so that a diff shows changes."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "jupytext": {"formats": "ipynb,py:percent"},
    }
    for number, cell in enumerate(notebook.cells, 1):
        cell.id = f"cell-{number}"
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            for key, text in output.get("data", {}).items():
                if key == "text/plain":
                    output["data"][key] = re.sub(r" at 0x[0-9a-f]+", "", text)
    return notebook


def main(wanted: list[str]) -> None:
    """Build those whose names begin with one of the words given, or all."""
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # a debugger's warning in every kernel
    for source in sorted(HERE.glob("[0-9]*.py")):
        if wanted and not source.name.startswith(tuple(wanted)):
            continue
        target = source.with_suffix(".ipynb")
        nbformat.write(run(source), target)
        print(f"{target.name}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
