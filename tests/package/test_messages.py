"""What reaches a terminal or a log: every character visible, lines and length bounded, whatever names say."""

import copy
import json
import pickle
import subprocess
import sys
import warnings

import pytest
from support.hostile import HOSTILE, NAMES

import autograd as ag
import nn
import viz
from autograd import Value
from autograd.errors import AutogradError, LoadError
from autograd.showing import cut, one_line, shown, visible
from nn.datasets import parse_people
from nn.figure5.cli import main as figure5
from viz.__main__ import main

EVIL = ["\x1b[2J\x1b]0;title\x07", "a\nb", "\u202eabc", "\x00", "\x9b31m", "\x7f", "\r", "\ud800", "x" * 100_000]
EVIL += [*HOSTILE, *NAMES, "\u200b", "\u2066x", "\ufeff", "\u2028", "\x85"]


def is_clean(text: str, lines: bool = True) -> bool:
    return all(visible(line) == line or not line.strip() for line in (text.split("\n") if lines else [text]))


def stale(name: str) -> None:
    x = Value(1.0, name)
    y = (x * 2.0).exp()
    y.name = name
    x.data = 3.0
    ag.verify(y)


def anomaly(name: str) -> None:
    with ag.detect_anomaly():
        ag.exp(Value(1e4, name))


def many_roots(name: str, path) -> None:
    ag.save([Value(1.0, name) * 2.0, Value(2.0, name) * 3.0], path)
    ag.load(path)


RAISING = {
    "domain": lambda name: ag.log(Value(-1.0, name)),
    "domain, deeper": lambda name: Value(0.0, name) ** -1.0,
    "stale": stale,
    "stale picture": lambda name: stale(name),
    "anomaly": anomaly,
    "explain": lambda name: viz.explain(Value(1.0, name) * 2.0, Value(2.0, name)),
    "explain, no path": lambda name: viz.explain(Value(1.0, name) * 2.0, Value(2.0, name) * 2.0),
    "operation": lambda name: ag.io.loads(ag.io.dumps(Value(1.0) * 2.0).replace('"mul"', json.dumps(name))),
    "version": lambda name: ag.io.loads('{"format":"autograd scalar graph","version":' + json.dumps(name) + "}"),
    "source": lambda name: ag.io.loads("{", source=name),
    "base": lambda name: (_ for _ in ()).throw(AutogradError(name)),
    "load": lambda name: (_ for _ in ()).throw(LoadError(name)),
}


@pytest.mark.parametrize("kind", RAISING)
def test_every_error_shows_every_character_of_a_name(kind):
    for name in EVIL:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(AutogradError) as caught:
                RAISING[kind](name)
        error = caught.value
        assert is_clean(str(error), lines=not isinstance(error, LoadError)), (kind, name, str(error))
        assert len(str(error)) <= (4000 if name.isascii() else 9 * 4000)
        for again in (type(error)(*error.args), copy.copy(error), pickle.loads(pickle.dumps(error))):
            assert str(again) == str(error)


def failure(run, arguments, capsys) -> str:
    try:
        status = run(arguments)
    except SystemExit as stopped:
        status = stopped.code
    assert status == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("name", EVIL)
def test_the_commands_say_one_visible_line(tmp_path, capsys, name):
    path = tmp_path / "g.json"
    missing = "no " + name[:60].replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    ag.save([Value(1.0, name) * 2.0, Value(2.0, name) + 3.0, Value(1.0, name)], path)
    for run, arguments in (
        (main, [str(path)]),
        (main, [missing]),
        (figure5, ["predict", missing, "--weight", "1", "--height", "2"]),
        (figure5, ["--loss", name]),
    ):
        said = failure(run, arguments, capsys)
        if run is main and len(arguments) == 1:
            assert said.count("\n") == 1
            assert len(said) < 2000
            assert is_clean(said.rstrip("\n"), lines=False), said


def test_cutting_and_showing():
    assert cut("a" * 100, 20) == "a" * 10 + " ... " + "a" * 5
    assert one_line("a\n  b\tc") == "a b c"
    assert shown("\x1b[1m") == "'\\x1b[1m'"
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    for thing in (deep, [0] * 1_000_000, {"a": deep}, "x" * 1_000_000, 10**300):
        assert len(shown(thing)) <= 60
    while deep:
        deep = deep[0]


def test_ten_thousand_bad_rows_print_a_bounded_number_of_lines():
    rows = "sex,weight_kg,height_cm\nM,70,180\n" + "M,x,180\n" * 10_000 + "F,170,60\n" * 10_000
    report = str(parse_people(rows).report)
    assert len(report.split("\n")) == 43
    assert "and 9,980 more left out" in report
    assert "and 9,980 more repaired" in report


def test_a_training_without_a_standard_error(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    model = nn.Neuron(1)
    sgd = nn.SGD(model.parameters(), 0.1)
    nn.fit(model, [[1.0], [2.0]], [1.0, 2.0], loss=nn.squared_error, optimizer=sgd, steps=2, progress=True)


@pytest.mark.parametrize("latex", [r"\href{x}{0}", "{1}", "{", r"\sqrt{{0}", "{0:x}", "{name}"])
def test_a_template_that_cannot_be_filled_is_refused_where_it_is_declared(latex):
    for which in ("latex", "text"):
        with pytest.raises(ValueError, match="is no template"):
            ag.custom("templated", lambda x: x, lambda z, x: 1.0, **{which: latex})
    assert "templated" not in ag.ops.CUSTOM


def test_pickling_says_what_to_do():
    with pytest.raises(TypeError, match=r"compiled functions as text with autograd\.to_source"):
        pickle.dumps(ag.tanh)


@pytest.mark.slow
def test_data_files_are_found_without_a_folder(tmp_path):
    """As in a frozen application: the packages stand in an archive."""
    import zipfile
    from pathlib import Path

    archive = tmp_path / "app.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for package in ("autograd", "nn", "viz"):
            for path in Path(__import__(package).__file__).parent.rglob("*"):
                if path.suffix in (".py", ".js", ".css", ".csv"):
                    file.write(path, Path(package) / path.relative_to(Path(__import__(package).__file__).parent))
    code = (
        "import viz, nn, autograd as ag\nx = ag.Value(1.0, 'x')\ny = ag.tanh(x * 2.0)\n"
        "viz.step(y).save('w.html'); viz.draw(y).save('d.html'); print(len(nn.datasets.davis().people), viz.__file__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(archive)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("200 ")
    assert "app.zip" in done.stdout
