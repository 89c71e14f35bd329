"""nn.History: a training's record shows its learning curve, and says in one line what happened."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

import nn
import viz
from nn import History

LEARNED = History([0.75, 0.5, 0.25], [(0, 0.9), (2, 0.6), (3, 0.7)], "early stop", "compiled (numpy): 9 nodes", 2)


def texts(svg: str) -> list[str]:
    return ["".join(e.itertext()) for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("}text")]


def test_a_history_shows_its_learning_curve() -> None:
    bundle = LEARNED._repr_mimebundle_()
    assert bundle["image/svg+xml"] == LEARNED.plot().svg == viz.curve(LEARNED).svg
    assert bundle["text/plain"] == repr(LEARNED)
    assert {"trained on", "held out", "early stop", "best", "Learning curve"} <= set(texts(LEARNED.plot().svg))


def test_plot_takes_what_curve_takes() -> None:
    figure = LEARNED.plot(title="Loss & <gain>", y_label="nats", log=True)
    assert isinstance(figure, viz.Figure)
    assert {"Loss & <gain>", "nats"} <= set(texts(figure.svg))
    assert "<gain>" not in figure.svg
    assert figure.svg == viz.curve(LEARNED, title="Loss & <gain>", y_label="nats", log=True).svg


def test_only_what_is_asked_for_is_made() -> None:
    assert set(LEARNED._repr_mimebundle_(include={"text/plain"})) == {"text/plain"}
    assert set(LEARNED._repr_mimebundle_(exclude={"text/plain"})) == {"image/svg+xml"}


@pytest.mark.parametrize("history", [History(), History([float("nan")], engine="<b>")])
def test_a_history_with_nothing_to_draw_is_text(history: History) -> None:
    assert history._repr_mimebundle_() == {"text/plain": repr(history)}


@pytest.mark.parametrize(
    ("history", "line"),
    [
        (History(), "<History: 0 steps>"),
        (History([2.0], engine="eager: as asked for"), "<History: 1 step, loss 2; eager>"),
        (History([2.0, 1.0], ended="interrupted"), "<History: 2 steps, loss 2 to 1; ended by Ctrl-C>"),
        (History([2.0, 1.0], ended="callback"), "<History: 2 steps, loss 2 to 1; ended by the callback>"),
        (
            LEARNED,
            "<History: 3 steps, loss 0.75 to 0.25, held out 0.9 to 0.7; ended by early stop; parameters of step 2 "
            "restored; compiled (numpy)>",
        ),
    ],
)
def test_one_line_says_what_happened(history: History, line: str) -> None:
    assert repr(history) == line


def test_what_fit_returns_is_drawn() -> None:
    model = nn.MLP(2, [3, 1], "tanh", seed=1)
    history = nn.fit(
        model, [(0.0, 1.0), (1.0, 0.0)], [0.0, 1.0], loss="squared_error", optimizer=nn.Adam(model.parameters()),
        steps=5, held_out=([(0.0, 0.5)], [0.0]), progress=False,
    )  # fmt: skip
    assert "trained on: 5 values" in history.plot().svg


@pytest.mark.slow
def test_training_alone_loads_no_pictures() -> None:
    code = """
import sys, nn
model = nn.MLP(1, [1])
history = nn.fit(model, [[1.0]], [1.0], loss="squared_error", optimizer=nn.SGD(model.parameters()), steps=1,
                 progress=False)
assert "viz" not in sys.modules
history.plot()
assert "viz" in sys.modules
"""
    done: Any = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
