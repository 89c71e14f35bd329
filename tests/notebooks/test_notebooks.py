"""The notebooks run from top to bottom, as notebooks and as scripts; each .ipynb holds the cells of its .py."""

import importlib.util
import json
import os
import re
import subprocess
import sys

import pytest
from support import ROOT

FOLDER = ROOT / "notebooks"
SOURCES = sorted(FOLDER.glob("[0-9]*.py"))
LARGEST_KB = 800
"""Past this, GitHub's viewer begins to give up."""

RUN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import build
notebook = build.run(Path(sys.argv[2]))
kinds = {o["output_type"] for c in notebook.cells for o in c.get("outputs", ())}
streams = {o.get("name") for c in notebook.cells for o in c.get("outputs", ())}
assert "error" not in kinds and "stderr" not in streams, [c.get("outputs") for c in notebook.cells]
print("cells run:", sum(c.cell_type == "code" for c in notebook.cells))
"""

each = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def marked(chosen):
    """The notebooks, slow those whose numbers are given, the others, which train for long, for the full circle."""
    params = [pytest.param(p, marks=pytest.mark.slow if p.stem[:2] in chosen else pytest.mark.full) for p in SOURCES]
    return pytest.mark.parametrize("source", params, ids=lambda path: path.stem)


def needs(*packages):
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(
        bool(missing), reason=f"{', '.join(missing)} not installed: pip install -e '.[notebooks]' runs the notebooks"
    )


NEEDED_BY = {"06": ("sklearn",), "07": ("sklearn", "statsmodels")}


def skip_without_its_packages(source):
    missing = [name for name in NEEDED_BY.get(source.stem[:2], ()) if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: pip install -e '.[notebooks]' runs this notebook")


def environment(folder):
    """Nothing of the user's own settings, no browser, no window; files only in the test's own folder."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": str(folder / "matplotlib"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
    }


def run(arguments, folder, cwd):
    # In a process of its own: the warnings of zmq and Jupyter are not ours, and -W error stays with the tests.
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment(folder),
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def cells(path):
    """Pairs of kind and source of a .py in percent format, read without jupytext."""
    text = path.read_text(encoding="utf-8")
    found = []
    for part in re.split(r"(?m)^# %%", text)[1:]:
        head, _, body = part.partition("\n")
        if head.strip() == "[markdown]":
            lines = [line.removeprefix("#").removeprefix(" ") for line in body.strip().split("\n")]
            found.append(("markdown", "\n".join(lines)))
        else:
            assert head.strip() == "", f"{path.name}: a cell of a kind that this test does not know: {head}"
            found.append(("code", body.strip()))
    return found


def test_these_are_all():
    assert [path.stem for path in SOURCES] == [
        "01_one_neuron", "02_figure_5", "03_training_on_davis", "04_mistakes", "05_checking_gradients",
        "06_a_convolution_network", "07_a_recommender", "08_is_deeper_better", "09_a_scalar_gpt",
    ]  # fmt: skip


@each
def test_the_pair_has_the_same_cells(source):
    notebook = json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))
    stored = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook["cells"]]
    assert stored == cells(source), f"{source.stem}: run python notebooks/build.py {source.stem[:2]}"


@each
def test_the_stored_notebook_has_its_results_and_nothing_else(source):
    file = source.with_suffix(".ipynb")
    notebook = json.loads(file.read_text(encoding="utf-8"))
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    kinds = {kind for output in outputs for kind in output.get("data", ())}
    assert "image/svg+xml" in kinds
    assert not [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"]
    assert all(cell.get("execution_count") for cell in notebook["cells"] if cell["cell_type"] == "code")
    assert [cell["id"] for cell in notebook["cells"]] == [f"cell-{i + 1}" for i in range(len(notebook["cells"]))]
    assert file.stat().st_size < LARGEST_KB * 1000
    assert not re.search(r"/(?:home|Users|tmp|work|root)/", file.read_text(encoding="utf-8"))


@each
def test_it_can_be_read(source):
    """One idea a cell: text before the code, no cell too long for a screen, and claims that are checked."""
    found = cells(source)
    assert found[0][0] == "markdown"
    assert found[0][1].startswith("# ")
    assert all(len(body.split("\n")) <= 36 for _, body in found)
    assert sum("assert " in body for kind, body in found if kind == "code") >= 4


def test_every_link_leads_somewhere():
    for source in SOURCES:
        prose = "\n".join(text for kind, text in cells(source) if kind == "markdown")
        for target in re.findall(r"\]\(([\w.]+)\)", prose):
            assert (FOLDER / target).exists(), f"{source.name} links to {target}"


def test_the_gallery_of_the_readme_is_what_the_notebooks_show():
    spec = importlib.util.spec_from_file_location("make_pictures", FOLDER.parent / "docs" / "make_pictures.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    readme = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    for name, picture in script.gallery().items():
        kept = (script.PICTURES / f"{name}.png").read_bytes()
        assert kept == picture, "run `python docs/make_pictures.py`"
        assert f"docs/pictures/{name}.png" in readme


@needs("nbclient", "nbformat", "jupytext", "ipykernel", "matplotlib", "hypothesis")
@marked(("01", "02", "04"))
def test_it_runs_as_a_notebook(source, tmp_path):
    skip_without_its_packages(source)
    done = run(["-c", RUN, str(FOLDER), str(source)], tmp_path, FOLDER)
    assert int(done.stdout.rpartition(":")[2]) == sum(kind == "code" for kind, _ in cells(source))


@needs("matplotlib", "hypothesis")
@marked(("03", "05"))
def test_it_runs_as_a_script(source, tmp_path):
    skip_without_its_packages(source)
    run(["-W", "error", str(source)], tmp_path, tmp_path)
