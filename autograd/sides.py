"""Second and higher derivatives at a kink: what the smooth pieces beside the point say.

At a kink a first derivative is a convention: abs has slope 0 at 0. A slope of that slope, taken by the rules, then
counts what the convention hides, and is wrong where the kink cancels: abs(x)**2 is x*x, with second derivative 2.

So a higher derivative whose graph passes a kink is read beside the point. The graph is run again, in floats, with its
variables moved by a hair in some directions and in those against them; what was 0 becomes as small as the hair, what
stood at a kink stands on one of its sides. Where all sides agree, theirs is the derivative. Where they differ, it does
not exist: the rules' number stands if it lies between them (relu(x)**2 at 0 has 0 and 2 beside it, and 0), as a first
derivative's convention does; if not, and where the sides grow without bound (hypot at 0), the answer is nan.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from typing import Any

from autograd.op import FLOAT_ERRORS, Op
from autograd.record import local_derivatives
from autograd.reverse import tape
from autograd.value import Value

HAIR, FINER = 2.0**-200, 2.0**-250
"""How far the variables move: what is no number of the order of 1 shows by its size; and less, to see what grows."""
STEPS = 2.0**-11, 2.0**-6
"""How far they move where a hair loses all digits, to see at least whether the rules' number is the limit."""
NUDGE = 2.0**-40
"""How far, as a share of themselves, operands that are not 0 move off a kink, where only the side matters."""
NEAR = 1e-9
"""Sides agree when they differ by less, as a share."""


def passes_kink(roots: Sequence[Any]) -> bool:
    """Does an operation behind these nodes stand at a kink of its own?"""
    seen: set[int] = set()
    stack = [root for root in roots if isinstance(root, Value)]
    while stack:
        node = stack.pop()
        if id(node) in seen or node._a is None or node.op is None:
            continue
        seen.add(id(node))
        operands: tuple[Any, ...] = node.operands
        if node.op.kinks is not None and node.op.is_at_kink([x if x.__class__ is float else x._data for x in operands]):
            return True
        stack += [x for x in operands if x.__class__ is not float]
    return False


def settled(nodes: Sequence[Any], wanted: Sequence[Value]) -> list[float]:
    """The number of each node, a derivative in ``wanted``, as the sides of the point have it; see the module."""
    found: dict[int, Value] = {}
    for node in nodes:
        if isinstance(node, Value) and node._a is not None:
            found.update((id(each), each) for each in tape(node))
    order, ways = list(found.values()), directions(len(wanted))
    runs = [(HAIR, way) for way in ways] + [(FINER, ways[0])]
    sides = [beside(order, wanted, way, hair) for hair, way in runs]
    numbers = [
        judged(x._data, [side.get(id(x), x._data) for side in sides]) if isinstance(x, Value) else float(x)
        for x in nodes
    ]
    lost = [
        k for k, x in enumerate(nodes) if math.isnan(numbers[k]) and isinstance(x, Value) and math.isfinite(x._data)
    ]
    for step in STEPS if lost else ():  # of terms of the size 1/HAIR that cancel, only rounding errors are left
        pairs = [(beside(order, wanted, way, 8.0 * step), beside(order, wanted, way, step)) for way in ways]
        for k in lost:
            key, limit = id(nodes[k]), nodes[k]._data
            if all(leads_to(limit, far.get(key, limit), near.get(key, limit)) for far, near in pairs):
                numbers[k] = limit
    return numbers


def leads_to(limit: float, far: float, near: float) -> bool:
    """Do numbers at a distance of 8 and of 1 point to this limit at 0?"""
    return abs((8.0 * near - far) / 7.0 - limit) <= 1e-5 * max(abs(limit), abs(far), abs(near)) + 1e-9


def directions(n: int) -> list[list[float]]:
    """Directions of ``n`` variables in which every two of the first four go together and against each other, and the
    directions against them."""
    chance = random.Random(n)
    found = []
    for k in range(4 if n <= 4 else 8):
        signs = [(-1.0) ** (i & k).bit_count() if i < 8 else chance.choice((-1.0, 1.0)) for i in range(n)]
        way = [sign * chance.uniform(0.5, 1.5) for sign in signs]
        found += [way, [-x for x in way]]
    return found


def judged(convention: float, sides: Sequence[float]) -> float:
    """The derivative, from the number of the rules and those beside the point, of which the last is the first with a
    finer hair."""
    if not all(map(math.isfinite, sides)):
        return convention
    if not close(sides[0], sides[-1]):
        return math.nan
    low, high = min(sides), max(sides)
    if close(low, high):
        return convention if close(convention, low) else 0.0 if abs(low) < 1e-40 else statistics.median(sides)
    return convention if low <= convention <= high else math.nan


def close(x: float, y: float) -> bool:
    """Equal, but for rounding and for what is as small as the hair."""
    return abs(x - y) <= max(NEAR * max(abs(x), abs(y)), 1e-40)


def beside(order: Sequence[Any], wanted: Sequence[Value], way: Sequence[float], hair: float) -> dict[int, float]:
    """The data of the nodes that depend on the variables, by id, with these moved by ``hair`` along ``way``."""
    data: dict[int, float] = {}
    moves: dict[int, float] = {}
    for v, x in zip(wanted, way, strict=True):
        data[id(v)], moves[id(v)] = v._data + hair * x, x
    for node in order:
        key, operands = id(node), node.operands
        if key in data or not any(id(x) in data for x in operands):
            continue
        at = [x if x.__class__ is float else data.get(id(x), x._data) for x in operands]
        speeds = [moves.get(id(x), 0.0) for x in operands]
        z = value(node.op, at)
        off = off_kink(node.op, at, speeds, hair)
        slopes = local_derivatives(node.op, z, off, operands)
        moving = [s for s, x in zip(speeds, operands, strict=True) if x.__class__ is not float]
        moves[key] = sum(p * s for p, s in zip(slopes, moving, strict=True) if s)
        if off is not at and not close(there := value(node.op, off), z) and abs(there - z) > 1e-6 * abs(z):
            z = there  # a jump, of a step that a rule is written with
        data[key] = z or hair * moves[key]
    return data


def off_kink(op: Op, at: list[float], speeds: Sequence[float], hair: float) -> list[float]:
    """The operands, moved to one side where they stand at a kink of the operation."""
    fastest = max(map(abs, speeds), default=0.0)
    if not op.is_at_kink(at) or not 0.0 < fastest < math.inf:
        return at
    return [x + speed / fastest * (NUDGE * abs(x) or hair) for x, speed in zip(at, speeds, strict=True)]


def value(op: Op, at: Sequence[float]) -> float:
    """The operation's value; inf or nan where it has none."""
    try:
        return float(op.forward(*at))
    except FLOAT_ERRORS:
        return op.quiet(*at)
