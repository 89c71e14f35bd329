"""Which operation stands at a place where its slope jumps, and how it is said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autograd.check.differences import EPS
from autograd.modes import no_grad
from autograd.number import Number
from autograd.op import FLOAT_ERRORS, Op
from autograd.text import Expr, number
from autograd.value import Value

LONGEST = 160
"""Expressions with more letters are not written out."""


@dataclass(frozen=True)
class Kink:
    """An operation whose slope jumps at a distance of ``distance`` from its operands: 0 is at the kink."""

    node: Value
    distance: float
    operands: tuple[float, ...]

    @property
    def at(self) -> bool:
        """At the kink itself."""
        return self.distance == 0.0

    @property
    def convention(self) -> str:
        """What the operation says about its slope there."""
        return self.node.op.note if self.node.op is not None else ""


def distances(op: Op, operands: Sequence[float], varies: Sequence[bool]) -> list[float]:
    """The signed distances from those kinks of an operation that an operand which varies can reach.

    The declared distance is run with Values for these operands: where it comes out as a plain number, nothing moves it,
    and a constant that stands at a kink (the condition in ``where(0.0, x, y)``) is none.
    """
    if op.kinks is None:
        return []
    try:
        with no_grad():
            found = op.kinks(*(Value(x) if moves else x for x, moves in zip(operands, varies, strict=True)))
    except TypeError:  # distances of a custom operation, written for floats only: none is left out
        return [float(d) for d in op.kinks(*operands)]
    return [float(d.data) for d in found if isinstance(d, Number)]


def kink_of(node: Any, data: Sequence[float]) -> list[Kink]:
    """The kink of a node that is at hand: within rounding, or within a millionth of its operands."""
    try:
        found = distances(node.op, data, [isinstance(x, Value) for x in node.operands])
    except FLOAT_ERRORS:
        return []
    size = max([abs(x) for x in data if math.isfinite(x)], default=0.0)
    near = [d for d in found if abs(d) <= max(64.0 * EPS, 1e-6) * size]
    return [Kink(node, min(near, key=abs), tuple(data))] if near else []


def expression(root: Value, longest: int = LONGEST) -> str:
    """The graph as ``autograd.text`` writes it; "" where that is too long to read."""
    from autograd.reverse import topological

    written: dict[int, Expr] = {}
    for node in topological(root):
        if node.is_leaf:
            written[id(node)] = Expr(node.name) if node.name else number(node.data)
            continue
        assert node.op is not None
        parts = tuple(written[id(x)] if isinstance(x, Value) else number(x) for x in node.operands)
        if sum(len(x.text) for x in parts) > longest:
            return ""
        try:
            written[id(node)] = node.op.apply(parts)
        except Exception:  # a template of a custom operation that does not fit: the report goes without
            return ""
    text = written[id(root)].text
    return text if len(text) <= longest else ""


def described(node: Value) -> str:
    """A node in words: its name, its expression where it is short, its operation."""
    name = f"{node.name!r}, " if node.name else ""
    text = expression(node, 70)
    op = node.op.name if node.op is not None else "leaf"
    return f"{name}{text}" if text else f"{name}{op} = {node.data:.6g}"
