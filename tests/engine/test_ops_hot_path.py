"""Value's operators and methods are written for speed; here they are held to the declarations, bit for bit."""

import itertools
import math
import operator
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from support.mp_reference import LANDMARKS, points

import autograd as ag
from autograd import DomainError, Value
from autograd.number import NUMPY_NAMES
from autograd.op import FLOAT_ERRORS, Op, Unary
from autograd.ops import TABLE

NUMBERS = [
    0.0, -0.0, 1.0, -1.0, 2.0, -3.0, 0.5, -0.7, 10.0, 1e-5, 5e-324, -3e-310, 1e-300, 1e154, -1e300,
    1.7976931348623157e308, math.inf, -math.inf, math.nan, 3, -2, 0, 2**53 + 1, 10**20,
]  # fmt: skip
EXPONENTS = [*NUMBERS, 1.5, 2.5, -0.5, 0.3, 0.0123, -1e-300, 1074.0, -1074.0, 323.0, -323.0, 0.1 + 2**-55]

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv, "pow": operator.pow,
}  # fmt: skip


def bits(x: float) -> bytes:
    """The very same float; one nan is as good as another."""
    return struct.pack("<d", math.nan if x != x else x)


def declared(
    op: Op, operands: tuple[float, ...], variables: tuple[bool, ...]
) -> tuple[bytes, list[bytes | None]] | None:
    """Value and partials by the declaration alone; None where it raises."""
    operands = tuple(map(float, operands))
    try:
        z = op.forward(*operands)
    except FLOAT_ERRORS:
        return None
    if op.arity is None:
        every = op.partials(z, *operands)  # type: ignore[operator]
        return bits(z), [bits(p) if v else None for p, v in zip(every, variables, strict=True)]
    return bits(z), [bits(op.partial_on_floats(i, z, operands)) if v else None for i, v in enumerate(variables)]


def recorded(compute: Callable[[], Value]) -> tuple[bytes, list[bytes | None]] | None:
    """Value and partials as the node has them; None where it raises."""
    try:
        node = compute()
    except DomainError:
        return None
    return bits(node.data), [None if p is None else bits(p) for p in node.partials]


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("variables", [(True, True), (True, False), (False, True)], ids=["both", "left", "right"])
def test_operators(name: str, variables: tuple[bool, bool]) -> None:
    op, run = TABLE[name], OPERATORS[name]
    for x, y in itertools.product(NUMBERS, EXPONENTS if name == "pow" else NUMBERS):
        left, right = (Value(n) if v else n for n, v in zip((x, y), variables, strict=True))
        assert recorded(partial(run, left, right)) == declared(op, (x, y), variables), f"{name}({x!r}, {y!r})"


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_keep_their_operands_in_order(name: str) -> None:
    v, w = Value(2.0), Value(3.0)
    for left, right in ((v, w), (v, 3.0), (v, 3), (2.0, w), (2, w)):
        node = OPERATORS[name](left, right)
        assert node.op is TABLE[name]
        assert [x if isinstance(x, float) else x.data for x in node.operands] == [2.0, 3.0]
        assert all(
            given is got for given, got in zip((left, right), node.operands, strict=True) if isinstance(given, Value)
        )
        assert all(type(x) in (float, Value) for x in node.operands)


def test_one_value_twice() -> None:
    for name, run in OPERATORS.items():
        v = Value(2.5)
        assert recorded(lambda: run(v, v)) == declared(TABLE[name], (2.5, 2.5), (True, True))  # noqa: B023


@pytest.mark.parametrize("other", [np.float64(1.5), np.float32(1.5), np.int64(3), True], ids=repr)
def test_other_kinds_of_numbers_are_taken_for_floats(other: Any) -> None:
    for name, run in OPERATORS.items():
        assert recorded(lambda: run(Value(2.5), other)) == declared(TABLE[name], (2.5, other), (True, False))  # noqa: B023
        assert recorded(lambda: run(other, Value(2.5))) == declared(TABLE[name], (other, 2.5), (False, True))  # noqa: B023


UNARY = [
    op for op in TABLE.values() if isinstance(op, Unary) and op.public and op.forward.__module__.startswith("autograd.")
]


@pytest.mark.parametrize("op", UNARY, ids=lambda op: op.name)
def test_methods_and_functions_of_one_value(op: Unary) -> None:
    names = {op.name, NUMPY_NAMES.get(op.name, op.name)}
    for x in [*LANDMARKS, *(p[0] for p in points(op)), *map(float, NUMBERS)]:
        expected = declared(op, (x,), (True,))
        assert recorded(lambda: op(Value(x))) == expected  # noqa: B023
        for name in names:
            assert recorded(lambda: getattr(Value(x), name)()) == expected, f"{name} of {x!r}"  # noqa: B023


def test_neg_and_abs_as_operators() -> None:
    for x in map(float, NUMBERS):
        assert recorded(lambda: -Value(x)) == declared(TABLE["neg"], (x,), (True,))  # noqa: B023
        assert recorded(lambda: abs(Value(x))) == declared(TABLE["abs"], (x,), (True,))  # noqa: B023


DOTS = [
    *points(TABLE["dot"]), (1e308, 1e308, 10.0, 1.0), (1.0, math.inf, 2.0, 3.0), (math.inf, -math.inf, 1.0, 1.0),
    (math.nan, 1.0, 1.0, 1.0, 2.0),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["values", "constant inputs", "constant bias"])
def test_dot(kind: str) -> None:
    dot = TABLE["dot"]
    for p in DOTS:
        n = len(p) // 2
        ws, xs, rest = (
            [Value(w) for w in p[:n]],
            [Value(x) for x in p[n : 2 * n]],
            [Value(b) for b in p[2 * n :]],
        )
        if kind == "constant inputs":
            xs = list(p[n : 2 * n])  # type: ignore[arg-type]
        elif kind == "constant bias":
            rest = list(p[2 * n :])  # type: ignore[arg-type]
        variables = tuple(isinstance(x, Value) for x in (*ws, *xs, *rest))
        assert recorded(lambda: ag.dot(ws, xs, *rest)) == declared(dot, p, variables), p  # noqa: B023


@pytest.mark.parametrize("name", ["sum", "product", "mean", "logsumexp"])
def test_sequences(name: str) -> None:
    op = TABLE[name]
    for p in points(op):
        assert recorded(lambda: op([Value(x) for x in p])) == declared(op, p, (True,) * len(p)), p  # noqa: B023


def test_inside_the_modes_the_results_are_the_same() -> None:
    for x, y in itertools.product([2.0, -0.5, 3.0], repeat=2):
        for name, run in OPERATORS.items():
            ordinary = recorded(lambda: run(Value(x), Value(y)))  # noqa: B023
            with ag.detect_anomaly():
                assert recorded(lambda: run(Value(x), Value(y))) == ordinary, name  # noqa: B023
            if ordinary is not None:
                with ag.ieee():
                    assert recorded(lambda: run(Value(x), Value(y))) == ordinary, name  # noqa: B023
