"""Random functions and points with their right gradients, and what mpmath says of them.

Functions grow as those of ``autograd.strategies`` do, from all public operations but take, half of them as trees and
half as graphs with shared nodes. Points: generic ones, at a kink, within a step of a kink, with large and small inputs.
The right gradient is that of the rules, by convention at a kink. A function with its point is left out where its value
or gradient is not finite, and kept apart where cancelling kinks make the convention wrong or where floats have lost the
slope itself (both by one-sided slopes in 80 digits and more).
"""

import math
import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import mpmath
from mpmath import mp, mpf
from support.mp_reference import REFERENCES

from autograd import AutogradError
from autograd.op import FLOAT_ERRORS
from autograd.ops import TABLE
from autograd.strategies.expression import Expression, Values, kink_distances
from autograd.strategies.growth import CONSTANTS, Branch, Ground
from autograd.strategies.points import clear, zeros_along
from checking.mutants import gradient, local, number
from checking.programs import OPERATIONS, Program

SHARES = {"generic": 0.4, "at a kink": 0.15, "near a kink": 0.15, "large": 0.15, "small": 0.15}
KINDS = tuple(SHARES)
TRUTHS = ("smooth", "kink", "cancelling kinks", "lost in rounding")
GROWN = [name for name in OPERATIONS if name in TABLE and name != "take"]  # a random index is hardly ever one
LIMITS = {"large": 1e12, "small": 1e-12}


class Problem(NamedTuple):
    """A function with its right gradient. ``kind``: of the point, of KINDS; ``truth``: of TRUTHS.

    ``paths``: for each input, the sum of the absolute path products: what a rounding error is measured by.
    """

    program: Program
    kind: str
    truth: str
    gradient: list[float]
    paths: list[float]


def program_of(f: Expression, point: Sequence[float]) -> Program:
    order = {name: f"x{i}" for i, name in enumerate(f.variables)}

    def operand(x: Any) -> Any:
        return order[x] if isinstance(x, str) else x

    lines = [[line.op.name, [operand(x) for x in line.operands]] for line in f.lines]
    return {"variables": len(order), "lines": lines, "result": operand(f.result), "point": list(point)}


# ---- functions ----


class Garden:
    """Random functions."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.grounds = [Ground([f"x{i}" for i in range(n)], GROWN, -3.0, 3.0, "benchmark") for n in (1, 2, 2, 3)]

    def grow(self) -> Expression:
        """One of them, with an operation at least."""
        while True:
            ground = self.chance.choice(self.grounds)
            if self.chance.random() < 0.5:
                f = ground.tree(self.tree(ground, self.chance.randint(1, 3)))
            else:
                f = ground.graph(
                    [self.branch(ground, self.ordinal, self.ordinal) for _ in range(self.chance.randint(1, 8))]
                )
            if f.lines:
                return f

    def constant(self) -> float:
        """Short to read."""
        return self.chance.choice(CONSTANTS) if self.chance.random() < 0.5 else self.chance.randint(-300, 300) / 100

    def ordinal(self) -> int | float:
        """An operand of a graph, as ``growth`` numbers them."""
        return self.constant() if self.chance.random() < 0.15 else self.chance.randint(0, 15)

    def tree(self, ground: Ground, depth: int) -> Any:
        """A plan of at most that depth."""
        if not depth or self.chance.random() < 0.15:
            return self.constant() if self.chance.random() < 0.25 else self.chance.choice(ground.variables)
        return self.branch(ground, lambda: self.tree(ground, depth - 1), lambda: self.tree(ground, depth - 1))

    def branch(self, ground: Ground, first: Any, other: Any) -> Branch:
        """An operation, its operands drawn by the two functions."""
        op = self.chance.choice(ground.operations)
        count = op.arity or (self.chance.randint(2, 5) if op.name == "dot" else self.chance.randint(1, 3))
        return Branch(op, (first(), *(other() for _ in range(count - 1))))


# ---- points ----


def drawn_point(f: Expression, kind: str, chance: random.Random) -> list[float] | None:
    """A point of that kind; None where there was none to be found."""
    n = len(f.variables)
    if kind == "generic":
        point = [chance.uniform(-3.0, 3.0) for _ in range(n)]
        return point if clear(f, tuple(point), 1e-3) else None
    if kind in LIMITS:
        exponents = sorted((0.0, math.log10(LIMITS[kind])))
        point = [number(chance, "moderate") * 10.0 ** chance.uniform(*exponents) for _ in range(n)]
        for i in range(n):
            if chance.random() < 0.2:
                point[i] = number(chance, "moderate")
        return point if max(abs(math.log10(abs(x))) for x in point) > 1.0 else None
    if not f.kinked:
        return None
    point = [chance.uniform(-3.0, 3.0) for _ in range(n)]
    if chance.random() < 0.3:
        point[chance.randrange(n)] = chance.choice((0.0, 1.0, -1.0))
    i = chance.randrange(n)
    found = zeros_along(f, point, i, -3.0, 3.0)
    at = chance.choice(found)() if found else None
    if at is None:
        return None
    point[i] = at
    if kind == "near a kink":
        point[i] += chance.choice((-1.0, 1.0)) * 10.0 ** chance.uniform(-15.0, -3.0)
    return point


# ---- truth ----


def in_digits(program: Program, xs: Sequence[Any]) -> Any:
    done: list[Any] = []

    def look(x: Any) -> Any:
        return xs[int(x[1:])] if isinstance(x, str) else done[x] if isinstance(x, int) else mpf(x)

    for name, operands in program["lines"]:
        y = REFERENCES[name].value(*map(look, operands))
        if isinstance(y, mpmath.mpc) or not mp.isfinite(y):
            raise ValueError(name)
        done.append(y)
    return look(program["result"])


def sides(program: Program, i: int, share: str, digits: int) -> tuple[Any, Any]:
    """The slopes in variable ``i`` over that share of it, to the left and to the right; raises where there is none."""
    with mp.workdps(digits):
        xs = [mpf(x) for x in program["point"]]
        h = mpf(share) * (abs(xs[i]) or mpf(10) ** -3)
        here = in_digits(program, xs)
        slopes = []
        for sign in (-1, 1):
            moved = [*xs[:i], xs[i] + sign * h, *xs[i + 1 :]]
            slopes.append(sign * (in_digits(program, moved) - here) / h)
        return slopes[0], slopes[1]


def truth_in(program: Program, i: int, g: float, p: float, close: bool, digits: int) -> str:
    """What the point is along one variable; of TRUTHS."""
    left, right = sides(program, i, "1e-25", digits)
    size = abs(left) + abs(right) + p
    if abs(left - right) > 1e-9 * size + 1e-300 or abs(left) > 1e15 * (1.0 + p):  # a kink, or a jump
        return "kink"
    if abs(g - left) <= 1e-6 * (p + abs(left)) + 1e-300:
        return "smooth"
    if not close:
        return "lost in rounding"
    left, right = sides(program, i, "1e-8", digits)  # a tie of floats that is none of real numbers
    return "kink" if abs(left - right) > 1e-4 * size else "cancelling kinks"


def truth_of(program: Program, right: Sequence[float], paths: Sequence[float], values: Values) -> str:
    """What the point is: of TRUTHS, or "none" where a slope does not exist on a side."""
    close = any(
        abs(d) <= 1e-9 * max(map(abs, operands))
        for line, operands, _ in values
        for d in kink_distances(line.op, operands, line.operands)
    )
    found = set()
    for i, (g, p) in enumerate(zip(right, paths, strict=True)):
        try:
            truth = truth_in(program, i, g, p, close, 80)
            if truth == "lost in rounding":
                truth = truth_in(program, i, g, p, close, 800)
        except (*FLOAT_ERRORS, TypeError, mpmath.libmp.NoConvergence):
            return "none"
        found.add(truth)
    return max(found, key=TRUTHS.index)


def path_sums(program: Program, values: Values) -> list[float]:
    """For each variable, the sum over its paths of the absolute products of local derivatives."""
    total: dict[Any, float] = {program["result"]: 1.0}
    for i in reversed(range(len(values))):
        line, operands, z = values[i]
        for k, x in enumerate(program["lines"][i][1]):
            if not isinstance(x, float):
                total[x] = total.get(x, 0.0) + total.get(i, 0.0) * abs(local(line.op, k, z, operands))
    return [total.get(f"x{i}", 0.0) for i in range(program["variables"])]


def problem(f: Expression, point: Sequence[float], kind: str) -> Problem | None:
    """The problem; None where value, gradient or a slope is not finite."""
    values = f.values(point)
    if values is None or not all(math.isfinite(z) and abs(z) < 1e150 for _, _, z in values):
        return None
    program = program_of(f, point)
    try:
        right = gradient(f, point)
    except (AutogradError, *FLOAT_ERRORS):
        return None
    paths = path_sums(program, values)
    if not all(map(math.isfinite, [*right, *paths])):
        return None
    truth = truth_of(program, right, paths, values)
    return Problem(program, kind, truth, right, paths) if truth != "none" else None


def problems(seed: int, count: int) -> list[Problem]:
    """``count`` problems whose gradient is right, and beside them the others that were met on the way."""
    chance = random.Random(seed)
    garden = Garden(chance)
    found: list[Problem] = []
    for kind, share in SHARES.items():
        wanted = round(share * count)
        while wanted:
            f = garden.grow()
            try:
                point = drawn_point(f, kind, chance)
            except FLOAT_ERRORS:
                continue
            made = problem(f, point, kind) if point is not None else None
            if made is not None:
                found.append(made)
                wanted -= made.truth in ("smooth", "kink")
    return found
