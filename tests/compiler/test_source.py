"""Graphs as Python source: run by a Python without site-packages, and compared with the engine."""

import ast
import json
import math
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.mp_reference import points, within

import autograd as ag
import nn
from autograd import Value
from autograd.compiler.source import module, names
from autograd.compiler.straightline import blocks
from autograd.errors import GraphError
from autograd.op import Op
from autograd.ops import TABLE

EPS = 2.0**-52

DRIVER = """
import json, runpy, sys
answers = []
for path, name, rows in json.load(sys.stdin):
    module = runpy.run_path(path)
    for row in rows:
        try:
            answers.append(repr(module[name](*map(float.fromhex, row))))
        except (ValueError, ArithmeticError) as error:
            answers.append("!" + type(error).__name__)
foreign = sorted(m for m in sys.modules if m.partition(".")[0] in ("numpy", "autograd", "nn", "viz", "site"))
print(json.dumps([answers, foreign]))
"""


class Bare:
    """Texts of modules, and calls of their functions, made in one run of a Python that knows nothing of us."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls: list[Any] = []

    def call(self, source: str, name: str, rows: Sequence[Sequence[float]]) -> None:
        """To be called later: one answer for every row."""
        path = self.folder / f"module{len(self.calls)}.py"
        path.write_text(source, encoding="utf-8")
        self.calls.append([str(path), name, [[float(x).hex() for x in row] for row in rows]])

    def answers(self) -> list[Any]:
        """What the calls returned, or an error's name behind a ``!``."""
        made = subprocess.run([sys.executable, "-I", "-S", "-W", "error", "-c", DRIVER], input=json.dumps(self.calls),
                              capture_output=True, text=True, encoding="utf-8", cwd=self.folder)  # fmt: skip
        assert made.returncode == 0, made.stderr
        answers, foreign = json.loads(made.stdout)
        assert foreign == []
        self.calls = []
        return [x if x[0] == "!" else eval(x, {"inf": math.inf, "nan": math.nan}) for x in answers]


@pytest.fixture
def bare(tmp_path: Path) -> Bare:
    return Bare(tmp_path)


def run(bare: Bare, source: str, *row: float, name: str = "predict") -> Any:
    bare.call(source, name, [row])
    return bare.answers()[0]


@pytest.fixture(params=["small", "large", "blocks of one"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every graph with names, as blocks, and as a block for nearly every operation."""
    if request.param != "small":
        monkeypatch.setattr(module, "SMALL", -1)
        monkeypatch.setattr(blocks, "SIZE", 12 if request.param == "large" else 0)
    return str(request.param)


def same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)


def largest(root: Value) -> float:
    return max(abs(node.data) for node in ag.topological(root))


# against the engine ---------------------------------------------------------------------------------------------------

PUBLIC = [op for op in TABLE.values() if op.public]
SUMS = {"sum", "mean", "dot"}
"""Added from left to right, where the engine rounds once."""


@pytest.mark.parametrize("op", PUBLIC, ids=lambda op: op.name)
def test_every_public_operation(op: Op, bare: Bare) -> None:
    """The value bit for bit, slopes to 4 units of the last place, errors where the engine has errors."""
    count = op.arity or 3
    chosen = [p for p in points(op) if len(p) == count and within(op, p)]
    if op.name == "take":
        chosen = [(i, x, y) for i in (0.0, 1.0) for x in (-1.5, 2.0) for y in (0.25, 7.0)]
    chosen = random.Random(op.name).sample(chosen, min(len(chosen), 60))
    leaves = [Value(x) for x in chosen[0]]
    source = ag.to_source(op.apply(tuple(leaves)), leaves)
    bare.call(source, "predict", chosen)
    bare.call(source, "predict_and_gradient", chosen)
    answers = bare.answers()
    compared = 0
    for p, value, both in zip(chosen, answers, answers[len(chosen) :], strict=False):
        operands = [Value(x) for x in p]
        root = op.apply(tuple(operands))
        if op.name in SUMS:
            size = sum(map(abs, p)) * max(1.0, *map(abs, p))
            assert same(value, root.data) or abs(value - root.data) <= 3 * EPS * size, p
        else:
            assert same(value, root.data), p
        root.backward()
        slopes = [x.grad for x in operands]
        if both[0] == "!":
            assert not all(map(math.isfinite, slopes)) or max(map(abs, p)) > 1e150, p
            continue
        compared += 1
        assert same(both[0], value)
        for found, slope in zip(both[1], slopes, strict=True):
            assert same(found, slope) or abs(found - slope) <= 4 * math.ulp(slope), (p, both[1], slopes)
    assert compared >= 4


def test_without_sums_the_value_is_the_engines_to_the_last_bit(bare: Bare) -> None:
    chance = random.Random(0)
    x, y = Value(0.3), Value(-0.7)
    pool = [x, y]
    for _ in range(60):
        steps: list[Any] = [
            lambda u, v: u * v + 0.1, lambda u, v: ag.sigmoid(u - v), lambda u, v: ag.tanh(u) / (v * v + 1.5),
            lambda u, v: ag.logsumexp([u, v, 0.5]), lambda u, v: ag.softplus(u) - v, ag.atan2, ag.hypot,
            lambda u, v: ag.maximum(u, -v), lambda u, v: ag.elu(u) ** 2, lambda u, v: ag.gelu(u) + ag.erf(v),
            lambda u, v: (u * u + 1.0) ** (0.3 * ag.tanh(v)), lambda u, v: ag.silu(u) - ag.cbrt(v) * ag.cos(u),
        ]  # fmt: skip
        pool.append(chance.choice(steps)(chance.choice(pool[-8:]), chance.choice(pool)))
    source = ag.to_source(pool, [x, y], gradient=False)
    assert list(run(bare, source, 0.3, -0.7)) == [v.data for v in pool]


def test_figure_5_with_its_scaler(bare: Bare) -> None:
    """P(male | kg, cm): the worked example of the documentation."""
    scaler = nn.Scaler(nn.figure5.model.COLUMNS, (65.0, 170.0), (13.3, 8.9))
    model = nn.Figure5(seed=3, scaler=scaler)
    source = nn.to_source(model, scaler.columns, scaler=scaler, name="p_male")
    assert "h1_s1 = h1_w1*" in source
    assert "def p_male(weight_kg, height_cm):" in source
    for kg, cm in ((60.0, 165.0), (95.0, 190.0), (40.0, 150.0)):
        p, (by_kg, by_cm) = run(bare, source, kg, cm, name="p_male_and_gradient")
        weight, height = Value(kg), Value(cm)
        out = model((weight - 65.0) / 13.3, (height - 170.0) / 8.9)
        out.backward()
        assert out.data == model.predict(kg, cm)
        assert p == pytest.approx(out.data, rel=4 * EPS)
        assert [by_kg, by_cm] == pytest.approx([weight.grad, height.grad], rel=32 * EPS)


def test_a_network_by_its_number_of_inputs(bare: Bare) -> None:
    model = nn.MLP(3, [8, 8, 2], "gelu", seed=1)
    source = nn.to_source(model, 3, gradient=False)
    out = model([0.1, -0.2, 0.3])
    assert run(bare, source, 0.1, -0.2, 0.3) == pytest.approx(tuple(v.data for v in out), rel=1e-13)
    with pytest.raises(TypeError, match=r"inputs is a number, or a list of names: write \['x1'\]"):
        nn.to_source(model, "x1")
    with pytest.raises(ValueError, match="inputs is 0: it must be 1 or above"):
        nn.to_source(model, 0)
    with pytest.raises(ValueError, match=r"the scaler takes 2 numbers \(a, b\), not 3"):
        nn.to_source(model, 3, scaler=nn.Scaler(("a", "b"), (0.0, 0.0), (1.0, 1.0)))


def test_nothing_is_dropped(bare: Bare) -> None:
    model = nn.Sequential(nn.Linear(2, 3, seed=0), nn.Dropout(0.5, seed=0), nn.Linear(3, 1, seed=1))
    source = nn.to_source(model, 2, gradient=False)
    (expected,) = model.eval()([0.25, -1.5])
    assert run(bare, source, 0.25, -1.5) == pytest.approx((expected.data,), rel=1e-14)


@pytest.mark.slow
def test_deep_and_wide_graphs(bare: Bare) -> None:
    x, y = Value(0.5, name="x"), Value(0.25, name="y")
    deep = x
    for _ in range(6_000):
        deep = ag.sin(deep) + y
    deep.backward()
    source = ag.to_source(deep, [x, y])
    assert source.count("\ndef _forward_") > 1
    wide = ag.sum([x * float(k) for k in range(5_000)])
    bare.call(source, "predict_and_gradient", [(0.5, 0.25)])
    bare.call(ag.to_source(wide, [x]), "predict_and_gradient", [(0.5,)])
    (value, slopes), found = bare.answers()
    assert value == deep.data
    assert slopes == pytest.approx((x.grad, y.grad), rel=1e-10, abs=1e-300)
    assert found == (wide.data, (5_000 * 4_999 / 2,))


# what is computed -----------------------------------------------------------------------------------------------------


def test_outputs_that_are_leaves_or_constants(way: str, bare: Bare) -> None:
    w, x = Value(3.0), Value(2.0)
    source = ag.to_source([x, w, 1.5, w * x, math.inf], [x], gradient=False)
    assert run(bare, source, 4.0) == (4.0, 3.0, 1.5, 12.0, math.inf)
    for output, value, slope in ((x, 9.0, 1.0), (w, 3.0, 0.0), (Value(7.0).detach(), 7.0, 0.0), (-x, -9.0, -1.0)):
        assert run(bare, ag.to_source(output, [x]), 9.0, name="predict_and_gradient") == (value, (slope,))
    assert run(bare, ag.to_source([x * w], [x], gradient=False), 9.0) == (27.0,)


def test_arguments_are_the_inputs_in_their_order(way: str, bare: Bare) -> None:
    a, b, unused = Value(1.0, name="a"), Value(2.0, name="b"), Value(0.0, name="u")
    y = a / b
    assert run(bare, ag.to_source(y, [b, unused, a]), 4.0, 9.0, 3.0) == 0.75
    assert run(bare, ag.to_source(y), 3.0, 4.0, name="predict_and_gradient") == (0.75, (0.25, -0.1875))
    assert run(bare, ag.to_source(y, []), name="predict_and_gradient") == (0.5, ())
    b.data = 8.0  # constants are what they are when the text is made
    assert run(bare, ag.to_source(y, [a]), 1.0) == 0.125


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, -0.0])
def test_parameters_that_are_no_finite_number(number: float, way: str, bare: Bare) -> None:
    x, w = Value(1.0), Value(1.0, name="w")
    y = x * w
    w.data = number
    found = run(bare, ag.to_source(y, [x]), 2.0)
    assert same(found, 2.0 * number)
    assert math.copysign(1.0, found) == math.copysign(1.0, number) or number != number


def test_errors_are_those_of_pythons_floats(way: str, bare: Bare) -> None:
    x = Value(1.0)
    for y, at, error in (
        (ag.log(x), -1.0, "!ValueError"),
        (1.0 / x, 0.0, "!ZeroDivisionError"),
        (ag.exp(x), 1000.0, "!OverflowError"),
        (ag.take([x, 2.0], x), 2.0, "!ValueError"),
    ):
        assert run(bare, ag.to_source(y, [x]), at) == error
    root = ag.to_source(ag.sqrt(x), [x])
    assert run(bare, root, 0.0) == 0.0
    assert run(bare, root, 0.0, name="predict_and_gradient") == "!ZeroDivisionError"  # an infinite slope


# names ----------------------------------------------------------------------------------------------------------------

HOSTILE = [
    'x"); import os #', "x\nimport os", "x\rimport os", "a\u2028b", "a\u2029b", "a\x85b", "a\x0cb", "a\x00b", "'''",
    '"""', "\\", "\\N{DIGIT ONE}", "#", "{}", "%s", "", " ", "σ", "ﬁ", "x ", "import", "None", "lambda", "__import__",
    "print", "exp", "math", "predict", "predict_and_gradient", "e", "v", "d", "t1", "n3", "g3", "d_x", "1x", "_x", "x_",
    "_", "sigmoid", "sech", "inf", "nan", "a" * 500, "\U000e0041", "\u202e", "\ud800", "d_predict", "__builtins__",
    "match", "coding: latin-1", "_PARAMETERS", "_forward", "square", "sigmoid_slope", "float",
]  # fmt: skip


def test_hostile_names_reach_the_source_only_as_identifiers_and_comments(way: str, bare: Bare) -> None:
    """The syntax tree is the same as with plain names, but for the variables; and it computes the same."""
    inputs = [Value(0.01 * k, name=name) for k, name in enumerate(HOSTILE)]
    weights = [Value(0.5 + k, name=name) for k, name in enumerate(HOSTILE)]
    terms = [ag.sigmoid(w * x) for w, x in zip(weights, inputs, strict=True)]
    for term, name in zip(terms, HOSTILE, strict=True):
        term.name = name
    root = ag.exp(ag.sum(terms) / len(terms))
    root.name = HOSTILE[0]
    source = ag.to_source(root, inputs)
    for leaf in (*inputs, *weights, *terms, root):
        leaf.name = ""
    plain = ag.to_source(root, inputs)
    assert shape(source) == shape(plain)
    assert imported(source) <= {"math"}
    assert all(c == "\n" or c.isprintable() for c in source)
    for text in (source, plain):
        bare.call(text, "predict_and_gradient", [[v.data for v in inputs]])
    named, unnamed = bare.answers()
    assert named == unnamed
    assert named[0] == pytest.approx(root.data, rel=1e-14)


@pytest.mark.parametrize("letter", "ntg")
def test_names_like_those_that_are_generated(letter: str, bare: Bare) -> None:
    xs = [Value(0.1 * k, name=f"{letter}{k}") for k in range(40)]
    squares = [ag.tanh(x) ** 2 for x in xs]
    root = ag.sum([ag.exp(a * b) for a, b in zip(squares, reversed(squares), strict=True)])
    source = ag.to_source(root, xs)
    assert f"def predict({letter}0_, {letter}1_, " in source
    value, slopes = run(bare, source, *(x.data for x in xs), name="predict_and_gradient")
    root.backward()
    assert value == pytest.approx(root.data, rel=1e-14)
    assert slopes == pytest.approx([x.grad for x in xs], rel=1e-13)


def shape(source: str) -> list[str]:
    """The kinds of a module's nodes: what is left when names are taken away."""
    return [type(node).__name__ for node in ast.walk(ast.parse(source)) if not isinstance(node, ast.expr_context)]


def imported(source: str) -> set[str]:
    tree = list(ast.walk(ast.parse(source)))
    found = {str(node.module) for node in tree if isinstance(node, ast.ImportFrom)}
    return found | {alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names}


def test_names_are_kept_as_far_as_they_go() -> None:
    assert names.identifier("layer1.n2.w3") == "layer1_n2_w3"
    assert names.identifier("weight (kg)") == "weight_kg"
    assert names.identifier("2x") == "x2x"
    assert names.identifier("σ") == names.identifier("__") == ""
    given = names.Names("predict")
    assert [given.new(x, "") for x in ("w", "w", "w", "exp", "exp", "n1", "predict", "w_2")] == [
        "w", "w_2", "w_3", "exp_", "exp_2", "n1_", "predict_2", "w_2_2",
    ]  # fmt: skip
    assert names.comment("a\nb\u2028c") == "a?b?c"
    assert names.comment("σ") == "σ"


def test_the_text_reads_like_the_mathematics() -> None:
    x, w, b = Value(1.0, name="x"), Value(0.5, name="w"), Value(0.25, name="σ₀")
    s = w * x + b
    s.name = "s"
    h = ag.tanh(s)
    h.name = "h"
    assert (
        ag.to_source(h * h, [x])
        == '''\
"""predict and predict_and_gradient, written by autograd.to_source. It needs Python 3.11 or newer, and nothing else."""

import math
from math import tanh

# parameters
w = 0.5  # w
w1 = 0.25  # σ₀


def square(x):
    """x * x; overflows to inf."""
    return x * x


def sech(x):
    """1 / cosh(x), for every x."""
    e = math.exp(-math.fabs(x))
    return 2.0 * e / (1.0 + e * e)


def tanh_slope(x):
    """The slope of tanh as it is declared."""
    return square(sech(x))


def predict(x):
    """The value."""
    n2 = w*x
    s = n2 + w1
    h = tanh(s)
    n6 = h*h
    return n6


def predict_and_gradient(x):
    """The value, and its slopes in the arguments."""
    n2 = w*x
    s = n2 + w1
    h = tanh(s)
    n6 = h*h
    d_h = h + h
    d_s = d_h*(1.0 - n6 if n6 < 0.5 else tanh_slope(s))
    d_x = d_s*w
    return n6, (d_x,)
'''
    )


# errors ---------------------------------------------------------------------------------------------------------------


def test_a_custom_operation_is_refused() -> None:
    cube = ag.custom("cube_of_test_source", lambda x: x**3, lambda z, x: 3 * x**2)
    root = cube(Value(2.0)) + 1.0
    with pytest.raises(ValueError, match=r"^cube_of_test_source: .* has no text .*; write it as a Python function of"):
        ag.to_source(root)


def test_wrong_arguments() -> None:
    x = Value(2.0, name="x")
    y = x * x
    with pytest.raises(ValueError, match="there are 2: give their sum, or one of them, or write gradient=False"):
        ag.to_source([x, y])
    with pytest.raises(ValueError, match="no outputs"):
        ag.to_source([], gradient=False)
    with pytest.raises(TypeError, match="takes a Value or a sequence of Values, not a float"):
        ag.to_source(2.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"inputs is a sequence of Values: write \[x\]"):
        ag.to_source(y, x)  # type: ignore[arg-type]
    with pytest.raises(GraphError, match="is computed, by mul"):
        ag.to_source(y, [y])
    with pytest.raises(TypeError, match="output 1 is a str"):
        ag.to_source([y, "y"], gradient=False)  # type: ignore[list-item]
    with pytest.raises(TypeError, match="output 0 is a list: give all Values in one sequence"):
        ag.to_source([[y]], gradient=False)  # type: ignore[list-item]
    with pytest.raises(TypeError, match="not a int"):
        ag.to_source(y, [x], name=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="the model is a function of a list of inputs, not None"):
        nn.to_source(None, 2)  # type: ignore[arg-type]
    for inputs in (2.0, None):
        with pytest.raises(TypeError, match=f"inputs is a whole number, not {inputs}"):
            nn.to_source(nn.MLP(2, [1]), inputs)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"the scaler is an nn\.Scaler, or None, not 'a'"):
        nn.to_source(nn.MLP(2, [1]), 2, scaler="a")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "x y", "import", "exp", "f\n", "n3", "f" * 41, "σ", "1f", "print", "_f", "math"])
def test_names_that_no_function_can_have(name: str) -> None:
    with pytest.raises(ValueError, match="the function cannot be called"):
        ag.to_source(Value(2.0) * 2, name=name)


def test_an_installation_without_source(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(thing: Any) -> str:
        raise OSError("could not get source code")

    monkeypatch.setattr("inspect.getsource", missing)
    with pytest.raises(OSError, match="softplus"):
        ag.to_source(ag.softplus(Value(1.0)))


def test_arrays_of_values_are_sequences(bare: Bare) -> None:
    xs = np.array([Value(1.0), Value(2.0)], dtype=object)
    assert run(bare, ag.to_source(xs * 2.0, xs, gradient=False), 3.0, 4.0) == (6.0, 8.0)
