"""The three ways to declare an operation, and the table that they fill."""

from collections.abc import Callable
from typing import Any

from autograd.op import Nary, Op, Rule, Several, Unary

TABLE: dict[str, Op] = {}
"""Every operation that the engine declares by name, in the order of declaration."""

CUSTOM: dict[str, Op] = {}
"""Every operation that a user has declared; a second declaration of a name takes the place of the first."""


def register(op: Op) -> None:
    """Put an operation in the table. ValueError: the name is taken."""
    if op.name in TABLE:
        raise ValueError(f"autograd has an operation named {op.name!r} already: choose another name")
    TABLE[op.name] = op


def find(name: str) -> Op | None:
    """The operation of that name, the engine's or a user's."""
    return TABLE.get(name) or CUSTOM.get(name)


def unary(rule: Rule, **more: Any) -> Callable[[Callable[[float], float]], Unary]:
    """Declare an operation of one number: ``@unary(lambda z, x: slope, ...)`` above its function on floats."""

    def declare(forward: Callable[[float], float]) -> Unary:
        op = Unary(forward.__name__, forward, [rule], **more)
        register(op)
        return op

    return declare


def several(*rules: Rule, **more: Any) -> Callable[[Callable[..., float]], Several]:
    """Declare an operation of a fixed number of operands: one rule ``(z, *operands)`` for each."""

    def declare(forward: Callable[..., float]) -> Several:
        op = Several(forward.__name__, forward, rules, **more)
        register(op)
        return op

    return declare


def nary(rule: Rule, **more: Any) -> Callable[[Callable[..., float]], Nary]:
    """Declare an operation of a sequence: one rule that returns the partials of all operands."""

    def declare(forward: Callable[..., float]) -> Nary:
        op = Nary(forward.__name__, forward, rule, **more)
        register(op)
        return op

    return declare
