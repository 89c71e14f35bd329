"""How random functions grow: trees for ``expressions``, graphs with shared nodes for ``graphs``.

What is drawn is only a plan. Laid down operand by operand, an operation that would not be defined at a quarter of some
fixed sample points of the box is left out and its first operand takes its place, so that no draw is thrown away, every
function has points, and one that fails shrinks step by step.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from keyword import iskeyword
from typing import Any, NamedTuple

from hypothesis import strategies as st

from autograd.op import FLOAT_ERRORS, Op
from autograd.ops import CUSTOM, TABLE, find
from autograd.strategies.expression import Expression, Line, Operand, kink_distances, within
from autograd.strategies.points import LARGE, check_box
from autograd.value import Value

SAMPLES = 24
CONSTANTS = (1.0, 2.0, 3.0, 0.5, 0.1, 10.0, -1.0, -2.0, -0.5)


class Branch(NamedTuple):
    """A drawn operation and its drawn operands: branches, variables, constants."""

    op: Op
    operands: tuple[Any, ...]


def values(
    min_value: float | None = None,
    max_value: float | None = None,
    *,
    allow_nan: bool = False,
    allow_infinity: bool = False,
    names: st.SearchStrategy[str] | None = None,
) -> st.SearchStrategy[Value]:
    """Leaf Values of finite floats; ``st.from_type(Value)`` draws the same.

    Args:
        min_value, max_value: bounds, as for Hypothesis' ``floats``.
        allow_nan, allow_infinity: also nan, also inf and -inf.
        names: a strategy for names; Values have none unless told.
    """
    numbers = st.floats(min_value, max_value, allow_nan=allow_nan, allow_infinity=allow_infinity)
    return st.builds(Value, numbers) if names is None else st.builds(Value, numbers, name=names)


def expressions(
    variables: Sequence[str] = ("x", "y"),
    operations: Iterable[Op | str] | None = None,
    max_depth: int = 3,
    *,
    min_value: float = -3.0,
    max_value: float = 3.0,
) -> st.SearchStrategy[Expression]:
    """Random functions without shared nodes: trees of operations.

    Args:
        variables: the names of the arguments; a function need not use all of them.
        operations: operations or their names; all public ones unless told.
        max_depth: of the tree; 0 draws a variable.
        min_value, max_value: the box in which each function is to be defined at a good part of the points.

    Raises:
        TypeError, ValueError: an argument that is not as said above.
    """
    ground = Ground(variables, operations, min_value, max_value, "expressions")
    if not isinstance(max_depth, int) or isinstance(max_depth, bool) or max_depth < 0:
        raise ValueError(f"expressions: max_depth is a whole number from 0 up; got {max_depth!r}")
    leaf = weighted(4, st.sampled_from(ground.variables))
    tree = trees(ground.operations, leaf, leaf, 8)  # every height draws alike, so that a branch can take a tree's place
    for height in range(max_depth):
        tree = trees(ground.operations, leaf, tree, 1 if height == max_depth - 1 else 3)
    return grown(tree, ground.tree)


def graphs(
    variables: Sequence[str] = ("x", "y"),
    operations: Iterable[Op | str] | None = None,
    max_nodes: int = 8,
    *,
    min_value: float = -3.0,
    max_value: float = 3.0,
) -> st.SearchStrategy[Expression]:
    """Random functions with shared nodes: directed acyclic graphs of at most ``max_nodes`` operations.

    ``f.record(*point)`` is the root of the recorded graph. The other arguments are those of ``expressions``.

    Raises:
        TypeError, ValueError: an argument that is not as said there.
    """
    ground = Ground(variables, operations, min_value, max_value, "graphs")
    if not isinstance(max_nodes, int) or isinstance(max_nodes, bool) or max_nodes < 1:
        raise ValueError(f"graphs: max_nodes is a whole number from 1 up; got {max_nodes!r}")
    number = st.integers(0, 15)
    several = [op for op in ground.operations if op.arity != 1]  # what shares has two operands: let there be more of it
    mixture = (*ground.operations, *several, *several)
    return grown(stems(mixture, max_nodes, number, weighted(6, number)), ground.graph)


@st.composite
def grown(draw: st.DrawFn, plans: st.SearchStrategy[Any], grow: Callable[[Any], Expression]) -> Expression:
    """The function of a drawn plan. (Of ``plans.map(grow)`` Hypothesis would print the plan, not the source.)"""
    return grow(draw(plans))


@st.composite
def stems(
    draw: st.DrawFn,
    operations: Sequence[Op],
    most: int,
    first: st.SearchStrategy[int],
    other: st.SearchStrategy[int | float],
) -> list[Branch]:
    """Operations in order, the operands of each by number: low ones are variables, high ones what was made before."""
    fewest = draw(st.integers(0, most))  # left to themselves, Hypothesis' lists are short
    return draw(st.lists(branches(operations, first, other), min_size=fewest, max_size=most))


def weighted(weight: int, common: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """So many times in ``weight + 2`` the common thing, else a constant that is short to read."""
    short = st.integers(-300, 300).map(lambda n: n / 100)
    return st.one_of(*[common] * weight, st.sampled_from(CONSTANTS), short)


@st.composite
def trees(
    draw: st.DrawFn, operations: Sequence[Op], leaf: st.SearchStrategy[Any], below: st.SearchStrategy[Any], leaves: int
) -> Any:
    """A leaf, so many times in eight; else an operation with operands from ``below``."""
    return draw(leaf) if draw(st.integers(0, 7)) < leaves else draw(branches(operations, below, below))


@st.composite
def branches(
    draw: st.DrawFn, operations: Sequence[Op], first: st.SearchStrategy[Any], other: st.SearchStrategy[Any]
) -> Branch:
    """An operation with its operands."""
    op = draw(st.sampled_from(operations))
    count = op.arity or draw(st.integers(2, 5) if op.name == "dot" else st.integers(1, 3))
    if op.name == "take":  # of an index that was drawn as other operands are, nothing would be defined
        index = float(draw(st.integers(0, count - 1)))
        return Branch(op, (index, draw(first), *(draw(other) for _ in range(count - 1))))
    return Branch(op, (draw(first), *(draw(other) for _ in range(count - 1))))


class Ground:
    """What functions grow on: variables, operations, and the sample points that they must be defined at."""

    def __init__(
        self, variables: Sequence[str], operations: Iterable[Op | str] | None, low: float, high: float, who: str
    ) -> None:
        self.variables = check_variables(variables, who)
        self.operations = check_operations(operations, who)
        check_box(low, high, who)
        chance = random.Random(4)
        self.samples = {v: [chance.uniform(low, high) for _ in range(SAMPLES)] for v in self.variables}

    def tree(self, plan: Any) -> Expression:
        """The function of a drawn tree."""
        plot = Plot(self)

        def lay(node: Any) -> Operand:
            return plot.add(node.op, [lay(x) for x in node.operands]) if isinstance(node, Branch) else node

        return plot.expression(lay(plan))

    def graph(self, plan: Sequence[Any]) -> Expression:
        """The function of drawn operations; the number of an operand says which variable, or how recent a result."""
        plot = Plot(self)
        made: list[Operand] = []

        def chosen(x: int | float, variables: int, back: int) -> Operand:
            if isinstance(x, float):
                return x
            if x < variables or not made:
                return self.variables[x % len(self.variables)]
            return made[-1 - (x - variables) % min(len(made), back)]

        for node in plan:  # the first operand is mostly the last result, so that little is left unused
            operands = [chosen(x, *((3, 4) if i else (2, 1))) for i, x in enumerate(node.operands)]
            made.append(plot.add(node.op, operands))
        return plot.expression(made[-1] if made else self.variables[0])


class Plot:
    """The lines of one function while it grows, each with its values at the sample points (nan: not to be used)."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.lines: list[Line] = []
        self.columns: list[list[float]] = []

    def column(self, x: Operand) -> list[float]:
        """The values of an operand at the sample points."""
        if isinstance(x, str):
            return self.ground.samples[x]
        return self.columns[x] if isinstance(x, int) else [x] * SAMPLES

    def add(self, op: Op, operands: list[Operand]) -> Operand:
        """A new line; or, where too few samples are left, its first operand that is not a constant."""
        if all(isinstance(x, float) for x in operands):
            operands[0] = self.ground.variables[len(self.lines) % len(self.ground.variables)]
        column = [sample(op, xs, operands) for xs in zip(*map(self.column, operands), strict=True)]
        if sum(z == z for z in column) < SAMPLES // 4:
            return next(x for x in operands if not isinstance(x, float))
        self.lines.append(Line(op, tuple(operands)))
        self.columns.append(column)
        return len(self.lines) - 1

    def expression(self, result: Operand) -> Expression:
        """The function, without the lines that its result does not need."""
        if isinstance(result, float):
            result = self.ground.variables[0]
        needed = {result} if isinstance(result, int) else set[int]()
        for i in reversed(range(len(self.lines))):
            if i in needed:
                needed.update(x for x in self.lines[i].operands if isinstance(x, int))
        number = {old: new for new, old in enumerate(sorted(needed))}

        def renumbered(x: Operand) -> Operand:
            return number[x] if isinstance(x, int) else x

        kept = [Line(op, tuple(map(renumbered, xs))) for op, xs in (self.lines[i] for i in sorted(needed))]
        return Expression(self.ground.variables, kept, renumbered(result))


def sample(op: Op, operands: tuple[float, ...], origins: Sequence[Operand]) -> float:
    """The value at a sample point; nan where it is not defined, huge, or at a kink."""
    if any(x != x for x in operands) or not within(op, operands):
        return math.nan
    try:
        z = op.forward(*operands)
    except FLOAT_ERRORS:
        return math.nan
    kinked = any(abs(d) < 1e-3 for d in kink_distances(op, operands, origins))
    return math.nan if kinked or not abs(z) <= LARGE else z


def check_variables(variables: Any, who: str) -> tuple[str, ...]:
    """The names; TypeError or ValueError where they are none."""
    if isinstance(variables, str) or not isinstance(variables, Iterable):
        raise TypeError(f'{who}: variables is a sequence of names, such as ["x", "y"]; got {variables!r:.40}')
    names = tuple(variables)
    wrong = [name for name in names if not is_name(name) or name == "ag"]
    if wrong or not names or len(set(names)) < len(names):
        raise ValueError(f'{who}: variables are different names, such as ["x", "y"], and not "ag"; got {names!r}')
    return names


def is_name(x: Any) -> bool:
    """Can Python source use it as a variable?"""
    return isinstance(x, str) and x.isidentifier() and not iskeyword(x)


def check_operations(operations: Any, who: str) -> tuple[Op, ...]:
    """The operations; TypeError or ValueError where one is unknown."""
    if operations is None:
        return tuple(op for op in TABLE.values() if op.public)
    if isinstance(operations, str | Op) or not isinstance(operations, Iterable):
        raise TypeError(f'{who}: operations is a sequence, such as ["sin", ag.exp]; got {operations!r:.40}')
    found = []
    for each in operations:
        op = find(each) if isinstance(each, str) else each
        if op is None:
            close = get_close_matches(each, [*TABLE, *CUSTOM], 1)
            hint = f": did you mean {close[0]!r}?" if close else "; see autograd.ops.TABLE"
            raise ValueError(f"{who}: there is no operation named {each!r}{hint}")
        if not isinstance(op, Op):
            raise TypeError(
                f"{who}: {getattr(each, '__name__', repr(each)):.40} is no operation: give names, autograd's "
                "functions, or operations declared with autograd.custom"
            )
        found.append(op)
    if not found:
        raise ValueError(f"{who}: operations is empty; leave it out for all of them")
    return tuple(found)
