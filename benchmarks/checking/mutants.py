"""Wrong gradients: every declared operation at several points, and the published examples, each rule mutated.

A mutant is a program, one change to one local derivative in it (or to the sum over paths), and the gradient that
follows. What changes the gradient by less than 1e-8 of itself is no mutant, and is only counted.
"""

import inspect
import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from support.published import CASES, FUNCTIONS

import autograd
from autograd import Value, modes
from autograd.op import FLOAT_ERRORS, Nary, Op, Several, Unary
from autograd.ops import TABLE
from autograd.reverse import topological
from autograd.strategies.expression import Expression, Line, kink_distances, within
from autograd.strategies.points import edge_distance
from checking.programs import OPERATIONS, Program, shared

NO_CHANGE = 1e-8
EPS = 2.0**-52
FACTORS = {"x (1 + 1e-3)": 1e-3, "x (1 + 1e-5)": 1e-5, "x (1 + 1e-7)": 1e-7}
KINDS = ("sign flipped", *FACTORS, "operands swapped", "term missing", "= for +=")


class Mutant(NamedTuple):
    """One wrong gradient.

    Attributes:
        program: the function and its point. source: what it was made of: an operation's name, or the name of a
            published example. scale: of the point.
        kind: of KINDS. line, operand: the local derivative that is mutated; ``part``: which term of its rule is
            left out, -1 where the whole of it is, or which use of a node counts (``line`` is -1 then).
        gradient: what follows. right: the right one. change: the largest relative difference between the two.
        value: of the function.
    """

    program: Program
    source: str
    scale: str
    kind: str
    line: int
    operand: int
    part: int
    gradient: list[float]
    right: list[float]
    change: float
    value: float

    @property
    def visible(self) -> bool:
        """Could the floats of f show the change? Over a step as large as x it moves f by more than a roundoff."""
        rows = zip(self.gradient, self.right, self.program["point"], strict=True)
        return any(abs((wrong - right) * x) > EPS * abs(self.value) for wrong, right, x in rows)


# ---- programs as expressions of ours ----


def names(program: Program) -> list[str]:
    return [f"x{i}" for i in range(program["variables"])]


def expression(program: Program, replaced: dict[int, Op] | None = None) -> Expression:
    """The program as a function of ours, with other operations in some lines."""
    others = replaced or {}
    lines = [Line(others.get(i, TABLE[name]), tuple(operands)) for i, (name, operands) in enumerate(program["lines"])]
    return Expression(names(program), lines, program["result"])


def traced(root: Value, leaves: Sequence[Value]) -> tuple[list[tuple[str, list[Any]]], Any]:
    """The lines and the result of a recorded graph."""
    place: dict[int, Any] = {id(x): f"x{i}" for i, x in enumerate(leaves)}
    lines: list[tuple[str, list[Any]]] = []
    for node in topological(root):
        if id(node) in place:
            continue
        if node.is_leaf:
            place[id(node)] = float(node.data)
            continue
        operands = [place[id(x)] if isinstance(x, Value) else float(x) for x in node.operands]
        lines.append((node.op.name, operands))
        place[id(node)] = len(lines) - 1
    return lines, place[id(root)]


# ---- mutated rules ----


def changed(rule: Callable[..., Any], kind: str, i: int, count: int) -> Callable[..., Any]:
    """A rule for operand ``i`` of ``count``, sign flipped, scaled, or with its arguments interchanged."""
    if kind == "sign flipped":
        return lambda z, *xs: -rule(z, *xs)
    if kind in FACTORS:
        factor = 1.0 + FACTORS[kind]
        return lambda z, *xs: factor * rule(z, *xs)
    if count == 1:
        return lambda z, x: rule(x, z)  # the output in place of the operand
    j = (i + 1) % count

    def swapped(z: Any, *xs: Any) -> Any:
        order = list(range(count))
        order[i], order[j] = j, i
        return rule(z, *[xs[k] for k in order])

    return swapped


def shortened(op: Op, count: int, i: int) -> list[Callable[..., Any]]:
    """The rule without one of the terms it adds, for every sum in it."""
    with modes.switched(record=True, anomaly=False, ieee=True):
        leaves = [Value(0.3 + 0.1 * k) for k in range(count + 1)]
        root = op.rule(i)(*leaves)
        if not isinstance(root, Value) or root.is_leaf:
            return []
        lines, result = traced(root, leaves)
    found: list[Callable[..., Any]] = []
    for k, (name, operands) in enumerate(lines):
        if name not in ("add", "sub"):
            continue
        for term in (0, 1):
            kept = [Line(TABLE[each], tuple(xs)) for each, xs in lines]
            rest = "neg" if name == "sub" and term == 0 else "identity"
            kept[k] = Line(TABLE[rest], (operands[1 - term],))
            found.append(Expression([f"x{j}" for j in range(count + 1)], kept, result))
    return found


def mutated(op: Op, rules: Sequence[Callable[..., Any]], known: bool = True) -> Op:
    """An operation with these rules; not ``known``: with a forward function that the checker has not seen before."""
    forward = op.forward
    if not known:
        inner = forward

        def forward(*xs: float) -> float:
            return inner(*xs)

        forward.__signature__ = inspect.signature(inner)  # type: ignore[attr-defined]
    if op.arity is None:
        return Nary(op.name, forward, lambda z, *xs: [rule(z, *xs) for rule in rules], ulps=op.ulps)
    kind: type[Op] = Unary if op.arity == 1 else Several
    return kind(op.name, forward, list(rules), ulps=op.ulps)


def mutated_operation(mutant: Mutant, known: bool = True) -> Op:
    """The operation of the mutated line."""
    name, operands = mutant.program["lines"][mutant.line]
    op, count = TABLE[name], len(operands)
    rules = [op.rule(i) for i in range(count)]
    if mutant.kind == "term missing":
        rules[mutant.operand] = (
            (lambda z, *xs: 0.0) if mutant.part < 0 else shortened(op, count, mutant.operand)[mutant.part]
        )
    elif mutant.kind in KINDS[:-2]:
        rules[mutant.operand] = changed(rules[mutant.operand], mutant.kind, mutant.operand, count)
    return mutated(op, rules, known)


# ---- gradients ----


def gradient(f: Expression, point: Sequence[float]) -> list[float]:
    """By autograd; TypeError, ArithmeticError or ValueError where it has none."""
    found = autograd.grad(f)(*point)
    return [float(g) for g in (found if isinstance(found, tuple) else (found,))]


def overwritten(program: Program, node: str | int) -> list[float] | None:
    """The gradient where the adjoint of one node is assigned at every use, and not added up."""
    values = expression(program).values(program["point"])
    if values is None:
        return None
    adjoint: dict[str | int, float] = {program["result"]: 1.0}
    for i in reversed(range(len(values))):
        line, operands, z = values[i]
        upstream = adjoint.get(i, 0.0)
        for k, x in enumerate(program["lines"][i][1]):
            if isinstance(x, float):
                continue
            part = upstream * local(line.op, k, z, operands)
            adjoint[x] = part if x == node else adjoint.get(x, 0.0) + part
    return [adjoint.get(name, 0.0) for name in names(program)]


def local(op: Op, k: int, z: float, operands: Sequence[float]) -> float:
    """One local derivative as a float."""
    if op.arity is None:
        return float(op.rule(k)(z, *operands))
    return op.partial_on_floats(k, z, operands)


def change(right: Sequence[float], wrong: Sequence[float]) -> float:
    """The largest relative difference."""
    return max(abs(a - b) / max(abs(a), abs(b), 1e-300) if a != b else 0.0 for a, b in zip(right, wrong, strict=True))


# ---- points ----


def number(chance: random.Random, scale: str) -> float:
    """A number of that scale, either sign."""
    size = {
        "moderate": lambda: chance.uniform(0.1, 3.0),
        "large": lambda: 10.0 ** chance.uniform(1.0, 6.0),
        "small": lambda: 10.0 ** chance.uniform(-8.0, -2.0),
    }[scale]()
    return size * chance.choice((-1.0, 1.0))


def usable(op: Op, point: Sequence[float]) -> bool:
    """Is the operation defined here, away from its kinks and ends, with finite local derivatives?"""
    if not within(op, point):
        return False
    try:
        z = op.forward(*point)
        slopes = [local(op, k, z, point) for k in range(len(point))]
    except FLOAT_ERRORS:
        return False
    if not all(map(math.isfinite, (z, *slopes))):
        return False
    if op.name == "take":
        return True
    size = min(abs(x) for x in point)
    near = min([abs(d) for d in kink_distances(op, point, ["x0"] * len(point))], default=math.inf)
    edge = edge_distance(op, point, ["x0"] * len(point))
    return min(near, edge) > 1e-2 * size and edge > 0.0


def places(op: Op, chance: random.Random, counts: dict[str, int]) -> Iterator[tuple[str, list[float]]]:
    """Points of an operation by scale; those where every slope is 0 only if there are no others."""
    for scale, wanted in counts.items():
        found, flat = [], []
        for _ in range(200 * wanted):
            n = op.arity or (chance.choice((4, 5)) if op.name == "dot" else 3)
            point = [number(chance, scale) for _ in range(n)]
            operands = [1.0, *point] if op.name == "take" else point
            if usable(op, operands):
                z = op.forward(*operands)
                moves = any(abs(local(op, k, z, operands)) > 1e-300 for k in range(n))
                (found if moves else flat).append(point)
            if len(found) == wanted:
                break
        yield from ((scale, point) for point in (found + flat)[:wanted])


def operation_programs(chance: random.Random, counts: dict[str, int]) -> Iterator[tuple[str, str, Program]]:
    """Every public operation alone, and times its first operand, which is used twice then."""
    for op in (TABLE[name] for name in OPERATIONS if name in TABLE):
        for scale, point in places(op, chance, counts):
            variables: list[Any] = [f"x{i}" for i in range(len(point))]
            alone = [[op.name, [1.0, *variables] if op.name == "take" else variables]]  # a whole number is no variable
            for lines in (alone, [*alone, ["mul", [0, "x0"]]]):
                yield (
                    op.name,
                    scale,
                    {"variables": len(point), "lines": lines, "result": len(lines) - 1, "point": point},
                )


def published_programs() -> Iterator[tuple[str, str, Program]]:
    """The published examples, recorded."""
    for name, f in FUNCTIONS.items():
        point = [float(x) for x in CASES[name]["inputs"].values()]
        leaves = [Value(x) for x in point]
        lines, result = traced(f(*leaves), leaves)
        program = {"variables": len(point), "lines": [list(x) for x in lines], "result": result, "point": point}
        yield f"published: {name}", "moderate", program


def mutants_of(source: str, scale: str, program: Program) -> Iterator[Mutant]:
    """Every mutant of a program, those that change nothing too."""
    f = expression(program)
    right, value = gradient(f, program["point"]), float(f(*program["point"]))

    def made(kind: str, line: int, operand: int, part: int = -1) -> Iterator[Mutant]:
        mutant = Mutant(program, source, scale, kind, line, operand, part, [], right, 0.0, value)
        try:
            wrong = gradient(expression(program, {line: mutated_operation(mutant)}), program["point"])
        except (*FLOAT_ERRORS, autograd.DomainError):
            return  # a swapped operand outside the domain of the rule raises: no checker is needed to see it
        if all(map(math.isfinite, wrong)):
            yield mutant._replace(gradient=wrong, change=change(right, wrong))

    lines = program["lines"]
    product = len(lines) == 2 and source in TABLE  # an operation times its operand: alone, it had the other mutants
    for line, (name, operands) in enumerate(() if product else lines):
        for operand, x in enumerate(operands):
            if isinstance(x, float):
                continue
            for kind in KINDS[:-2]:
                yield from made(kind, line, operand)
            for part in range(len(shortened(TABLE[name], len(operands), operand))):
                yield from made("term missing", line, operand, part)
            if len(operands) > 1:
                yield from made("term missing", line, operand)
    if product:
        yield from made("term missing", 0, 0)
    for node in shared(program):
        wrong = overwritten(program, node)
        if wrong is not None and all(map(math.isfinite, wrong)):
            yield Mutant(program, source, scale, "= for +=", -1, -1, -1, wrong, right, change(right, wrong), value)


def all_mutants(seed: int, quick: bool) -> tuple[list[Mutant], list[Mutant]]:
    """The mutants, and those that change nothing."""
    chance = random.Random(seed)
    counts = {"moderate": 1} if quick else {"moderate": 4, "large": 2, "small": 2}
    sources = [*operation_programs(chance, counts), *published_programs()]
    if quick:
        sources = chance.sample(sources, 12)
    every = [mutant for source in sources for mutant in mutants_of(*source)]
    return [m for m in every if m.change >= NO_CHANGE], [m for m in every if m.change < NO_CHANGE]
