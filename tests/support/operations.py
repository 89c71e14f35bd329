"""The declared operations as the tests loop over them, and points to try them at."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from autograd.number import BY_NUMPY_NAME
from autograd.op import Op
from autograd.ops import TABLE
from support.mp_reference import Point, within

DECLARED = [op for op in TABLE.values() if op.forward.__module__.startswith("autograd.")]
each_op = pytest.mark.parametrize("op", DECLARED, ids=lambda op: op.name)
CONDITIONED = {
    ("gelu", None), ("gelu", 0), ("silu", None), ("silu", 0),
    ("logaddexp", None), ("logaddexp", 0), ("logaddexp", 1), ("logsumexp", None), ("logsumexp", 0),
    ("product", None), ("product", 0), ("angle_slope", 0), ("angle_slope", 1), ("power_derivative", 1),
    ("exp_minus_square", 0), ("normal_pdf", 0),
}  # fmt: skip
"""What needs its condition number; all else keeps its ulps wherever it is defined. 0 is every slope of an n-ary."""


def kink(op: Op, p: Point) -> bool:
    return op.kinks is not None and any(abs(distance) < 1e-6 for distance in op.kinks(*p))


UFUNCS: dict[Any, Op] = {
    getattr(np, name): op for name, op in BY_NUMPY_NAME.items() if isinstance(getattr(np, name, None), np.ufunc)
}
"""NumPy's ufuncs that have an operation behind them."""

PUBLIC = [op for op in DECLARED if op.public]


def line(op: Op, start: Point, direction: Point) -> Callable[[Any], Any]:
    """The operation along a straight line: t -> f(start + t * direction), on any kind of number."""
    if op.arity is None:
        return lambda t: op.apply(tuple(x + t * d for x, d in zip(start, direction, strict=True)))
    return lambda t: op(*(x + t * d for x, d in zip(start, direction, strict=True)))


def middling(op: Op) -> Iterator[tuple[Point, Point]]:
    """Points of moderate size, and directions in which to leave them."""
    chance = random.Random(op.name)
    n = op.arity or 4
    count = 0
    while count < 8:
        p = tuple(chance.choice((-1.0, 1.0)) * chance.uniform(0.2, 3.0) for _ in range(n))
        if op.name in ("asin", "acos", "atanh"):
            p = (p[0] / 3.2,)
        if op.name == "take":
            p = (float(chance.randrange(n - 1)), *p[1:])
        if not within(op, p) or kink(op, p) or (op.name == "pow" and p[0] < 0):
            continue
        count += 1
        direction = [chance.uniform(-1.0, 1.0) for _ in range(n)]
        yield p, (0.0, *direction[1:]) if op.name == "take" else tuple(direction)  # an index stays where it is
