"""@autograd.compile: what its arguments are, and what it says of those that cannot be."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.unseen import peek

import autograd as ag
from autograd import CompileError, Value
from autograd.compiler.tape import record_tape

ROWS = np.array([[0.5, 1.0], [-1.0, 2.0], [3.0, -4.0]])


def test_zeros_of_two_signs_are_two_programs() -> None:
    @ag.compile
    def signed(sign: float, x: Any) -> Any:
        return x[0] * math.copysign(1.0, sign)

    assert signed(0.0, ROWS).tolist() == [0.5, -1.0, 3.0]
    assert signed(-0.0, ROWS).tolist() == [-0.5, 1.0, -3.0]


def test_nan_is_one_fixed_number() -> None:
    traced = []

    @ag.compile
    def plain(unused: float, x: Any) -> Any:
        traced.append(unused)
        return x[0] * 1.0

    plain(math.nan, ROWS)
    made = len(traced)
    plain(-math.nan, ROWS)
    plain(float("nan"), ROWS)
    assert len(traced) == made


def test_an_array_without_axes_is_a_fixed_number_or_text() -> None:
    @ag.compile
    def scaled(x: Any, factor: Any, label: Any) -> Any:
        return x[0] * float(factor) if label == "a" else x[1] * float(factor)

    assert scaled(ROWS, np.array(2), np.array("a")).tolist() == [1.0, -2.0, 6.0]
    assert scaled(ROWS, np.array(2), np.array("b")).tolist() == [2.0, 4.0, -8.0]


def test_a_method_is_compiled_too() -> None:
    class Line:
        def __init__(self, slope: float) -> None:
            self.slope = Value(slope, name="slope")

        @ag.compile
        def loss(self, x: Any, y: Any) -> Any:
            return (self.slope * x - y).square()

    steep, flat = Line(3.0), Line(0.0)
    x, y = np.array([1.0, 2.0]), np.array([2.0, 4.0])
    assert steep.loss(x, y).tolist() == [1.0, 4.0]
    assert flat.loss(x, y).tolist() == [4.0, 16.0]
    assert flat.loss.value_and_grad(x, y)[1].tolist() == [-10.0]
    assert flat.loss.sgd(x, y, learning_rate=0.1) == 10.0
    assert (flat.slope.data, steep.slope.data) == (1.0, 3.0)
    assert flat.loss(2.0, 1.0).data == 1.0
    assert isinstance(Line.loss, type(steep.loss))


def test_plain_numbers_of_numpy_are_outputs_like_pythons() -> None:
    found = ag.compile(lambda x: [x[0], np.float32(0.5), np.int64(2)])(ROWS)
    assert found.tolist() == [[0.5, 0.5, 2.0], [-1.0, 0.5, 2.0], [3.0, 0.5, 2.0]]
    x = Value(1.0)
    assert record_tape([x, np.int64(3)], [x]).data.tolist() == [1.0, 3.0]
    with pytest.raises(TypeError, match="output 0 is a Dual: a program computes Values"):
        ag.jvp(lambda z: record_tape([z], []), (1.0,), (1.0,))
    with pytest.raises(TypeError, match=r"str 'a' at \[1\]"):
        ag.compile([x, "a"], inputs=[x])


@pytest.mark.parametrize(
    ("call", "kind", "says"),
    [
        (
            lambda: ag.compile(lambda x: x[0] if peek(x[0]) > 0 else x[1])(ROWS),
            CompileError,
            r"row 1 than for row 0: the output is 'x\[1\]' \(input\) in place of 'x\[0\]' \(input\);",
        ),
        (
            lambda: ag.compile(lambda x: x[:1] if peek(x[0]) > 0 else [x[0], x[0]])(ROWS),
            CompileError,
            r"row 1 than for row 0: 2 outputs in place of 1;",
        ),
        (
            lambda: ag.compile(lambda x: x[0])(ROWS.astype(object)),
            TypeError,
            r"^<lambda> was called with numbers in an array of objects: give array\.astype\(float\)$",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_and_how(call: Callable[[], object], kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        call()


def test_an_error_of_the_function_says_in_which_row() -> None:
    with pytest.raises(IndexError) as caught:
        ag.compile(lambda x: x[2])(ROWS)
    assert caught.value.__notes__ == ["while <lambda> was traced with row 0 of the batch"]


@pytest.mark.parametrize(
    ("rows", "kind", "says"),
    [
        (0, ValueError, "^rows is 0: a batch has one row at least$"),
        (-1, ValueError, "^rows is -1: "),
        (2.5, TypeError, r"^rows is how many rows a batch has, a whole number, not 2\.5$"),
        ("many", TypeError, "not 'many'$"),
        (True, TypeError, "not True$"),
        (ROWS, TypeError, "not array"),
    ],
)
def test_an_explanation_is_of_a_number_of_rows(rows: Any, kind: type[Exception], says: str) -> None:
    x = Value(1.0)
    program = ag.compile(x.square(), [x])
    with pytest.raises(kind, match=says):
        program.explain(rows)
    assert program.explain(np.int64(3)).data == program.explain(3).data  # type: ignore[arg-type]


def test_another_value_is_another_program_wherever_it_stands() -> None:
    @ag.compile
    def scaled(weights: Any, x: Any) -> Any:
        w = weights if isinstance(weights, Value) else weights["w"] if isinstance(weights, dict) else weights[0]
        return w * x[0]

    for place in (lambda w: w, lambda w: [w], lambda w: (w, 1.0), lambda w: {"w": w}):
        first, second = Value(2.0), Value(-3.0)
        assert scaled(place(first), ROWS).tolist() == [1.0, -2.0, 6.0]
        assert scaled(place(second), ROWS).tolist() == [-1.5, 3.0, -9.0]
        scaled.backward(place(second), ROWS, reduction="sum")
        assert (first.grad, second.grad) == (0.0, 2.5)


def test_the_programs_that_were_used_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograd.compiler.decorator.PROGRAMS", 2)
    traced = []

    @ag.compile
    def scaled(factor: float, x: Any) -> Any:
        traced.append(factor)
        return factor * x[0]

    for factor in (1.0, 2.0, 1.0, 3.0):  # when 3 comes, 2 has been idle for longest
        assert scaled(factor, ROWS).tolist() == [0.5 * factor, -factor, 3.0 * factor]
    traced.clear()
    scaled(1.0, ROWS)
    scaled(3.0, ROWS)
    assert traced == []
    scaled(2.0, ROWS)
    assert set(traced) == {2.0}
