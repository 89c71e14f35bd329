"""A recorded graph as the second opinion on a gradient.

Three questions settle it, none of which needs a difference quotient of the whole function: is the graph what f
computes (run both elsewhere and compare); is every local derivative right (``local``); do they add up to the gradient
(the chain rule once more, with a bound of its rounding)? Where an operation stands at a kink, the graph is run on
decimals a hair to the left and to the right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, localcontext
from typing import Any

from autograd.check.differences import EPS
from autograd.check.kinks import Kink, kink_of
from autograd.check.local import MORE_DIGITS, Memory, Slope, magnitude
from autograd.check.precise import DIGITS, ERRORS, context, precise
from autograd.op import FLOAT_ERRORS
from autograd.reverse import tape
from autograd.value import Value

MOST_EDGES = 20_000
"""A larger graph is compared with f, but not checked edge by edge."""
FLAT = Decimal("1e-20")
"""Quotients below this, over steps of 1e-30, are those of a slope of 0: that of x**2 is as large as the step."""


@dataclass(frozen=True)
class Edge:
    """One local derivative: of ``node`` with respect to its operand ``index``; silent where nothing arrives at it."""

    node: Value
    index: int
    recorded: float
    slope: Slope
    tolerance: float
    silent: bool = False

    @property
    def wrong(self) -> bool:
        """Further from the slope than both errors explain."""
        if self.slope.trouble:
            return False
        return not abs(self.recorded - self.slope.value) <= self.tolerance + self.slope.error


@dataclass
class Found:
    """What the graph says of one input: its gradient by edges from outside, a bound, and the kinks on the way."""

    value: float
    bound: float
    paths: float
    doubts: list[Edge] = field(default_factory=list)
    kinks: list[Kink] = field(default_factory=list)


class Replay:
    """A recorded graph with every edge checked.

    Args:
        root: the result. variables: the leaves that the gradient is taken to.
    """

    def __init__(self, root: Value, variables: Sequence[Value]) -> None:
        self.root, self.variables = root, list(variables)
        self.order: list[Any] = tape(root) if not root.is_leaf else []
        self.size = sum(len(node.operands) for node in self.order)
        self.edges: dict[int, list[Edge]] = {}
        self.kinks: list[Kink] = []

    @property
    def small(self) -> bool:
        """Few enough edges to check them all."""
        return self.size <= MOST_EDGES

    def check_edges(self) -> None:
        """Ask every local derivative from outside; look for kinks."""
        memory = Memory()
        for node in self.order:
            operands = node.operands
            data = [x if x.__class__ is float else x._data for x in operands]
            edges = []
            for index, (x, recorded) in enumerate(zip(operands, node.partials, strict=True)):
                if isinstance(x, Value) and recorded is not None:
                    slope, tolerance = memory.slope(node, data, index, recorded)
                    edges.append(Edge(node, index, recorded, slope, tolerance))
            self.edges[id(node)] = edges
            self.kinks += kink_of(node, data)

    def wrong_edges(self, i: int) -> list[Edge]:
        """The edges on the way to variable ``i`` whose recorded local derivative is not that of the operation."""
        depend = {id(self.variables[i])}
        found = []
        for node in self.order:
            edges = [edge for edge in self.edges[id(node)] if id(node.operands[edge.index]) in depend]
            if edges:
                depend.add(id(node))
                found += [edge for edge in edges if edge.wrong]
        return found

    def gradients(self) -> list[Found]:
        """For each variable, the chain rule with the slopes from outside, and a bound of what rounding may add."""
        value: dict[int, float] = {id(self.root): 1.0}
        bound: dict[int, float] = {id(self.root): 0.0}
        paths: dict[int, float] = {id(self.root): 1.0}
        doubts: dict[int, dict[int, Edge]] = {id(self.root): {}}
        for node in reversed(self.order):
            k = id(node)
            g, e, p, d = value[k], bound[k], paths[k], doubts[k]
            for edge in self.edges[k]:
                x = id(node.operands[edge.index])
                doubtful = bool(edge.slope.trouble)
                local = edge.recorded if doubtful else edge.slope.value
                slack = edge.tolerance + (0.0 if doubtful else edge.slope.error)
                value[x] = value.get(x, 0.0) + g * local
                size = abs(local) + slack
                rounding = 8.0 * EPS * abs(g * local) + 4.0 * EPS * abs(value[x])
                bound[x] = bound.get(x, 0.0) + e * size + abs(g) * slack + rounding
                paths[x] = paths.get(x, 0.0) + p * abs(local)
                reached = doubts.setdefault(x, {})
                jump = doubtful and edge.slope.trouble != "kink"  # times 0, it may yet be a slope: x*sign(x)
                if g != 0.0 or d:
                    reached.update(d)
                if doubtful and (g != 0.0 or jump):
                    reached[id(edge)] = edge if g != 0.0 else replace(edge, silent=True)
        near: dict[int, Kink] = {}
        for kink in self.kinks:
            near.setdefault(id(kink.node), kink)
        result = []
        for v in self.variables:
            k = id(v)
            found = Found(value.get(k, 0.0), bound.get(k, 0.0) + 1e-322, paths.get(k, 0.0))
            found.doubts = list(doubts.get(k, {}).values())
            seen = {id(edge.node) for edge in found.doubts}
            found.kinks = [kink for key, kink in near.items() if key in seen]
            result.append(found)
        return result

    def run(self, point: Sequence[float]) -> float:
        """The graph's value with other numbers in its variables; nan where it is not defined."""
        data = {id(v): x for v, x in zip(self.variables, point, strict=True)}
        for node in self.order:
            operands = [x if x.__class__ is float else data.get(id(x), x._data) for x in node.operands]
            try:
                data[id(node)] = float(node.op.forward(*operands))
            except FLOAT_ERRORS:
                return math.nan
        return data.get(id(self.root), self.root.data)

    def noise(self) -> float:
        """A bound of the rounding error of the value: what every operation's rounding does to the result."""
        found: dict[int, float] = {id(self.root): 1.0}
        total = 0.0
        for node in reversed(self.order):
            g = found.get(id(node), 0.0)
            total += abs(g * node.data) * EPS * min(node.op.ulps, 4.0)
            for x, local in zip(node.operands, node.partials, strict=True):
                if isinstance(x, Value) and local is not None:
                    found[id(x)] = found.get(id(x), 0.0) + abs(g * local)
        return total if math.isfinite(total) else math.inf

    def one_sided(self, i: int) -> tuple[float, float] | None:
        """The slopes of the whole graph to the left and to the right of variable ``i``, on decimals; None: no way."""
        functions = [precise(node.op) for node in self.order]
        if None in functions:
            return None
        with localcontext(context(DIGITS + magnitude([v.data for v in self.variables]))):
            x = Decimal(self.variables[i].data)
            nonzero = [abs(Decimal(v.data)) for v in self.variables if v.data and math.isfinite(v.data)]
            h = (abs(x) or min(nonzero, default=Decimal(1))).min(1) * Decimal("1e-30")
            here = self.run_decimals(functions, i, x)
            slopes = []
            for sign in (-1, 1):
                near, far = (self.run_decimals(functions, i, x + sign * h * k) for k in (1, 4))
                if here is None or near is None or far is None:
                    return None
                a, b = sign * (near - here) / h, sign * (far - here) / (4 * h)
                if max(abs(a), abs(b)) < FLAT:
                    slopes.append(0.0)
                elif abs(a) > Decimal("1e12") * (1 + abs(b)) or abs(a - b) > Decimal("1e-6") * (abs(a) + abs(b)):
                    slopes.append(math.copysign(math.inf, float(a.min(1).max(-1))))
                else:
                    slopes.append(float(a))
        return slopes[0], slopes[1]

    def total(self, i: int, reference: float) -> float | None:
        """The slope of the whole graph in variable ``i``, unrounded on the way; None: there is no way.

        With more digits where it is not near the ``reference``, whose slope the value may hide.
        """
        functions = [precise(node.op) for node in self.order]
        if None in functions or self.size > 500:
            return None
        slope = None
        for digits in (DIGITS, *MORE_DIGITS):
            with localcontext(context(digits + magnitude([v.data for v in self.variables]))):
                x = Decimal(self.variables[i].data)
                h = (abs(x) or Decimal(1)).min(1) * Decimal("1e-21")
                up, down = (self.run_decimals(functions, i, x + sign * h) for sign in (1, -1))
                if up is None or down is None:
                    return None
                slope = float((up - down) / (2 * h))
            if abs(slope - reference) <= 1e-3 * abs(reference):
                break
        return slope

    def run_decimals(self, functions: Sequence[Any], i: int, x: Decimal) -> Decimal | None:
        """The graph's value on decimals, with ``x`` in variable ``i``."""
        data = {id(v): Decimal(v.data) for v in self.variables}
        data[id(self.variables[i])] = x
        try:
            for node, f in zip(self.order, functions, strict=True):
                operands = [
                    Decimal(o) if o.__class__ is float else data[id(o)] if id(o) in data else Decimal(o._data)
                    for o in node.operands
                ]
                data[id(node)] = f(*operands)
        except ERRORS:
            return None
        return data.get(id(self.root))
