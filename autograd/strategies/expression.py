"""A function as plain data: a straight line of operations that runs on every kind of number and prints itself."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from autograd.check.kinks import distances
from autograd.number import Number
from autograd.op import FLOAT_ERRORS, Op
from autograd.ops import TABLE
from autograd.value import Value

Operand = str | int | float
"""A variable by its name, an earlier line by its number, a constant as a float."""

SUM, PRODUCT, SIGN, POWER, CLOSED = 1, 2, 3, 4, 9

INFIX: dict[str, tuple[str, int, int, Callable[[Any, Any], Any]]] = {
    "add": (" + ", SUM, PRODUCT, operator.add),
    "sub": (" - ", SUM, PRODUCT, operator.sub),
    "mul": (" * ", PRODUCT, SIGN, operator.mul),
    "div": (" / ", PRODUCT, SIGN, operator.truediv),
    "pow": (" ** ", POWER, CLOSED, operator.pow),
}
"""How an operator prints, how strongly it and its right operand bind, and what Python calls for it."""


class Line(NamedTuple):
    """One operation of an expression."""

    op: Op
    operands: tuple[Operand, ...]


Values = list[tuple[Line, tuple[float, ...], float]]
"""Every line of an expression with its operands and its value."""


class Expression:
    """A function of named variables, callable on floats, Values, Duals and arrays.

    ``expressions()`` and ``graphs()`` draw them. A line that several others use is computed once, and is one node of
    the graph. The repr is the source.

    Args:
        variables: the names of its arguments, in order.
        lines: the operations, operands first.
        result: what it returns; the last line unless told.

    Raises:
        ValueError: a line uses what does not come before it, or a variable that is none.
    """

    __slots__ = ("lines", "result", "variables")

    def __init__(self, variables: Sequence[str], lines: Iterable[Line] = (), result: Operand | None = None) -> None:
        self.variables = tuple(variables)
        self.lines = tuple(lines)
        self.result: Operand = result if result is not None else len(self.lines) - 1 if self.lines else variables[0]
        for i, operands in enumerate([*(line.operands for line in self.lines), (self.result,)]):
            for x in operands:
                if (isinstance(x, str) and x not in self.variables) or (isinstance(x, int) and not 0 <= x < i):
                    raise ValueError(f"line {i} uses {x!r}, which is neither a variable nor an earlier line")

    def __call__(self, *args: Any, **named: Any) -> Any:
        """The result, in the kind of number that the arguments are.

        Raises:
            TypeError: not one number for each variable.
            DomainError: not defined there.
        """
        return self.run(self.bind(args, named), called)

    def bind(self, args: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        """The arguments by the names of the variables."""
        found = dict(zip(self.variables, args, strict=False)) | named
        if len(args) + len(named) != len(self.variables) or set(found) != set(self.variables):
            given = ", ".join([*(repr(x) for x in args), *(f"{k}={x!r}" for k, x in named.items())])
            raise TypeError(f"the expression takes {', '.join(self.variables)}; it was called with ({given:.80})")
        return found

    def run(self, variables: dict[str, Any], each: Callable[[Op, tuple[Any, ...]], Any]) -> Any:
        """The lines one after the other, ``each(op, operands)``; returns the result."""
        done: list[Any] = []

        def look(x: Operand) -> Any:
            return variables[x] if isinstance(x, str) else done[x] if isinstance(x, int) else x

        for op, operands in self.lines:
            done.append(each(op, tuple(map(look, operands))))
        return look(self.result)

    def values(self, point: Sequence[float]) -> Values | None:
        """Every line with its operands and its value on plain floats; None where one of them is not defined."""
        found: Values = []

        def note(op: Op, operands: tuple[float, ...]) -> float:
            if not within(op, operands):
                raise ArithmeticError
            z = op.forward(*operands)
            found.append((self.lines[len(found)], operands, z))
            return z

        try:
            self.run(self.bind(tuple(map(float, point)), {}), note)
        except FLOAT_ERRORS:
            return None
        return found

    def record(self, *point: float) -> Value:
        """The root of the graph recorded at this point: its leaves are Values named as the variables.

        Raises:
            TypeError: not one number for each variable.
            DomainError: not defined there.
        """
        leaves = {name: Value(x, name=name) for name, x in self.bind(point, {}).items()}
        root = self.run(leaves, called)
        return root if isinstance(root, Value) else Value(root)

    @property
    def operations(self) -> frozenset[str]:
        """The names of the operations in it."""
        return frozenset(line.op.name for line in self.lines)

    @property
    def kinked(self) -> bool:
        """Has it an operation whose slope jumps somewhere?"""
        return any(kink_distances(op, [1.0] * len(operands), operands) for op, operands in self.lines)

    @property
    def shared(self) -> frozenset[int]:
        """The numbers of the lines that are used more than once."""
        used = [x for x in [*(x for line in self.lines for x in line.operands), self.result] if isinstance(x, int)]
        return frozenset(x for x in used if used.count(x) > 1)

    def source(self) -> str:
        """Python source of the same function; it needs ``import autograd as ag``.

        A shared line is named where it is first used, by ``:=``. The operations of your own appear by their names.
        """
        taken = set(self.variables)
        free = (name for name in (f"t{i}" for i in range(1, len(self.lines) + len(taken) + 2)) if name not in taken)
        shared, names = self.shared, dict[int, str]()

        def written(x: Operand) -> tuple[str, int]:
            if isinstance(x, str):
                return x, CLOSED
            if isinstance(x, float):
                return repr(x), CLOSED if x >= 0.0 and repr(x)[0] != "-" else SIGN
            if x in names:
                return names[x], CLOSED
            text, binding = line(*self.lines[x])
            if x in shared:  # its operands may hold names of their own, so that it is named last
                names[x] = next(free)
                return f"({names[x]} := {text})", CLOSED
            return text, binding

        def at_least(x: Operand, strength: int) -> str:
            text, binding = written(x)
            return text if binding >= strength else f"({text})"

        def line(op: Op, operands: tuple[Operand, ...]) -> tuple[str, int]:
            if TABLE.get(op.name) is op and op.name in INFIX:
                sign, binding, right, _ = INFIX[op.name]
                left = CLOSED if op.name == "pow" else binding
                return f"{at_least(operands[0], left)}{sign}{at_least(operands[1], right)}", binding
            if TABLE.get(op.name) is op and op.name == "neg":
                return f"-{at_least(operands[0], POWER)}", SIGN
            texts = [written(x)[0] for x in operands]
            if op.name == "dot" and TABLE["dot"] is op:
                n = len(texts) // 2
                bias = f", {texts[-1]}" if len(texts) % 2 else ""
                return f"ag.dot([{', '.join(texts[:n])}], [{', '.join(texts[n : 2 * n])}]{bias})", CLOSED
            if op.name == "take" and TABLE["take"] is op:
                return f"ag.take([{', '.join(texts[1:])}], {texts[0]})", CLOSED
            inside = ", ".join(texts)
            return f"{spelled(op)}({f'[{inside}]' if op.arity is None else inside})", CLOSED

        return f"lambda {', '.join(self.variables)}: {written(self.result)[0]}"

    def __repr__(self) -> str:
        return self.source()

    @property
    def __name__(self) -> str:
        """The source: what a failed check calls the function."""
        return self.source()

    @property
    def __signature__(self) -> inspect.Signature:
        """Its variables as parameters, for whoever asks a function for its own."""
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return inspect.Signature([inspect.Parameter(name, kind) for name in self.variables])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Expression):
            return NotImplemented
        return (self.variables, self.lines, self.result) == (other.variables, other.lines, other.result)

    def __hash__(self) -> int:
        return hash((self.variables, self.lines, self.result))


def called(op: Op, operands: tuple[Any, ...]) -> Any:
    """The operation on these operands, by the same call as the source makes: ``x * y`` and not ``ag.mul(x, y)``."""
    if any(isinstance(x, Number) for x in operands) and TABLE.get(op.name) is op:
        if op.name in INFIX:
            return INFIX[op.name][3](*operands)
        if op.name == "neg":
            return -operands[0]
    if op.name == "dot" and TABLE["dot"] is op:
        n = len(operands) // 2
        return op(operands[:n], operands[n : 2 * n], *operands[2 * n :])
    if op.name == "take" and TABLE["take"] is op:
        return op(list(operands[1:]), operands[0])
    return op(list(operands)) if op.arity is None else op(*operands)


def spelled(op: Op) -> str:
    """What the source calls an operation."""
    if TABLE.get(op.name) is not op:
        return op.name
    return f"ag.{op.name}" if op.public else f'ag.ops.TABLE["{op.name}"]'


def within(op: Op, operands: Sequence[float]) -> bool:
    """Does the declaration say that the operation is defined at these operands?"""
    limits = op.domain * len(operands) if op.arity is None else op.domain
    if not all(x in limit for x, limit in zip(operands, limits, strict=True)):
        return False
    return op.defined is None or op.defined(*operands)


def kink_distances(op: Op, operands: Sequence[float], origins: Sequence[Operand]) -> list[float]:
    """The signed distances from the operation's kinks; those that only constants could move are left out."""
    return distances(op, operands, [not isinstance(origin, float) for origin in origins])
