"""Which derivatives are at work: what each calls its variables, and what has been seen on the way.

A derivative function opens a scope for as long as it runs the function that it differentiates. Scopes nest, in each
thread by itself. The innermost says whether gradients keep their graphs; copies ask whether they stand inside one; and
a result that depends on no variable of its own may still depend on one of a scope around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from autograd import modes
from autograd.blocks import Blocks, Switch
from autograd.errors import GraphError
from autograd.number import Number

live_tags: set[int] = set()
"""The tags of every jvp that is running, in all threads."""


class Scope:
    """One derivative at work.

    Attributes:
        variables: the nodes that stand for its arguments, by id.
        tag: that of its dual numbers, in forward mode.
        slopes: what derivatives inside it gave, by id, each with the numbers whose slope it is: a constant one, as
            that of 2*x, is no lost graph.
        inner: another derivative is at work around it.
        nested: another derivative was at work inside it.
        kinked: a slope was taken at a kink, in forward mode or to be differentiated again.
    """

    __slots__ = ("inner", "kinked", "nested", "slopes", "tag", "variables")

    def __init__(self, variables: Iterable[Any], tag: int) -> None:
        self.variables = {id(v): v for v in variables}
        self.tag = tag
        self.slopes: dict[int, tuple[Any, list[Any]]] = {}
        self.inner = self.nested = self.kinked = False


_open = Blocks("autograd.scopes")


def around() -> tuple[Scope, ...]:
    """The scopes of this thread, outermost first."""
    return tuple([block.change for block in _open.here()]) if _open else ()


@contextmanager
def opened(variables: Iterable[Any] = (), tag: int = 0) -> Iterator[Scope]:
    """One derivative deeper: inside, gradients keep their graphs, and a no_grad() around it does not drop them."""
    scope, outer = Scope(variables, tag), around()
    scope.inner = bool(outer)
    for each in outer:
        each.nested = True
    try:
        if tag:
            live_tags.add(tag)
        with modes.recording(), Switch(_open, scope):
            yield scope
    finally:
        live_tags.discard(tag)


def depends(numbers: Iterable[Any], scopes: Iterable[Scope]) -> bool:
    """Does one of the numbers depend on a variable of these scopes, or is it the slope of one that does?"""
    scopes = tuple(scopes)
    variables = {key for scope in scopes for key in scope.variables}
    slopes = {key: each for scope in scopes for key, each in scope.slopes.items()}
    tags = {scope.tag for scope in scopes if scope.tag}
    seen: set[int] = set()
    stack = list(numbers) if scopes else []
    while stack:
        node = stack.pop()
        if id(node) in variables or getattr(node, "tag", 0) in tags:
            return True
        if id(node) not in seen and isinstance(node, Number):
            seen.add(id(node))
            stack += slopes[id(node)][1] if id(node) in slopes else []
            stack += [node.primal, node.tangent] if hasattr(node, "tag") else node.operands  # type: ignore[attr-defined]
    return False


def note_kink() -> None:
    """A slope was taken at a kink."""
    for scope in around():
        scope.kinked = True


def check_live(tag: int) -> None:
    """GraphError: the derivative that a dual number belongs to has ended."""
    if tag not in live_tags:
        raise GraphError(
            "a number of a derivative that has ended is used after it: it was stored somewhere while jvp ran the "
            "function. Return it from the function, or store its .data"
        )
