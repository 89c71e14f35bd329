"""Reverse mode: the order of the nodes, the sweep that applies the chain rule, and the same sweep one step at a time.

The sweep knows no ``Value``, only the slots of a recorded node:

    _data      the number that the forward pass computed
    _grad      d root / d node, as far as it is summed
    op         the operation; None for a leaf
    _a, _b     operands; _pa, _pb the local derivatives of this node with respect to them:
                 leaf               _a is None     (_b: the operation that no_grad() did not record, if one made it)
                 one Value          _pb is None     (_b: None, a constant on the right, or (constant,) on the left)
                 two Values         _pb is a float
                 many               _pb is ...      (_a, _pa: tuples; _b: None, or all operands if some are constants)
    _mark      which walk has been here

Rule for 0 * inf: the sweep multiplies as IEEE floats do, so an upstream gradient of 0 times a local derivative of inf
is nan, as in PyTorch and JAX. ``where`` with functions as branches keeps such a branch out of the graph.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar

from autograd import modes
from autograd.errors import AnomalyError
from autograd.locks import new_lock

F = TypeVar("F", bound=Callable[..., Any])

UNREACHED: float = float("0")
"""The gradient of a node that no backward pass has reached: it reads 0.0, and is told by identity."""


class Node(Protocol):
    """What the sweep needs of a node; see the head of this module."""

    _data: float
    _grad: float
    name: str
    op: Any
    _a: Any
    _b: Any
    _pa: Any
    _pb: Any
    _mark: Any


class Step(NamedTuple):
    """One application of the chain rule: ``operand.grad += upstream * local``."""

    node: Any
    operand: Any
    upstream: float
    local: float
    contribution: float
    before: float
    after: float


undisturbed = new_lock()
"""Held by what writes marks or gradients into nodes, and by what reads many gradients: of several threads, one does."""
_walk: object = None
"""The token of the walk that began last."""


def alone(function: F) -> F:
    """The function, ``undisturbed``; a decorator."""

    @functools.wraps(function)
    def waiting(*args: Any, **named: Any) -> Any:
        with undisturbed:
            return function(*args, **named)

    return waiting  # type: ignore[return-value]


def new_walk() -> object:
    """A token for the marks of one walk. It was ``undisturbed`` if its token is ``last_walk()`` at the end.

    Other threads wait; a signal handler or a finalizer, which runs in the middle of its own thread's walk, does not:
    its walk overwrites marks.
    """
    global _walk
    _walk = token = object()
    return token


def last_walk() -> object:
    """The token of the walk that began last."""
    return _walk


def tape(root: Node) -> list[Any]:
    """The nodes behind ``root`` that have operands, operands first, ``root`` last."""
    with undisturbed:
        return walk(root)


def walk(root: Node) -> list[Any]:
    """``tape``, for who is ``undisturbed``; an explicit stack, no recursion."""
    token = new_walk()
    order: list[Any] = []
    stack: list[Any] = [root]
    emit, push, pop = order.append, stack.append, stack.pop
    while stack:
        node = pop()
        if node is None:  # the node below it has all its operands on the tape
            emit(pop())
            continue
        if node._mark is token:
            continue
        node._mark = token
        push(node)
        push(None)
        a, pb = node._a, node._pb
        if pb is None:
            if a._a is not None and a._mark is not token:
                push(a)
        elif pb is ...:
            for operand in a:
                if operand._a is not None and operand._mark is not token:
                    push(operand)
        else:
            if a._a is not None and a._mark is not token:
                push(a)
            b = node._b
            if b._a is not None and b._mark is not token:
                push(b)
    return order if _walk is token else walk(root)


def backward(root: Node, seed: float) -> None:
    """Add ``seed`` * d root / d leaf to the gradient of every leaf; inner nodes hold that of this root alone.

    The gradient is that of the recorded pass, whatever has happened to the data since.
    """
    if root._a is None:
        with undisturbed:
            root._grad += seed
        return
    if modes.active and modes.current().anomaly:
        for step in steps(root, seed):
            check_step(step)
        return
    if undisturbed._is_owned():  # a signal handler or a finalizer, in the middle of a pass: inner nodes are that one's
        found = adjoints(root, seed)
        for node in topological(root):
            if node._a is None:
                node._grad += found[id(node)]
        return
    with undisturbed:
        order = walk(root)
        for node in order:
            node._grad = 0.0
        root._grad = seed
        order.reverse()
        for node in order:
            g = node._grad
            pb = node._pb
            if pb is None:
                node._a._grad += g * node._pa
            elif pb is ...:
                for operand, partial in zip(node._a, node._pa, strict=True):
                    operand._grad += g * partial
            else:
                node._a._grad += g * node._pa
                node._b._grad += g * pb


def steps(root: Node, seed: float = 1.0) -> Iterator[Step]:
    """The backward pass, paused: run to its end, it is ``backward``; each step has just been done when it comes.

    It counts on no gradient of an inner node: other passes may come in between.
    """
    if root._a is None:
        with undisturbed:
            root._grad += seed
        return
    with undisturbed:
        order = walk(root)
        for node in order:
            node._grad = 0.0
        root._grad = seed
    found = {id(root): seed}
    for node in reversed(order):
        upstream = found[id(node)]
        for operand, local in edges(node):
            leaf = operand._a is None
            contribution = upstream * local
            with undisturbed:  # of a pass in another thread, whose inner gradients these are meanwhile
                before = operand._grad if leaf else found.get(id(operand), 0.0)
                operand._grad = after = before + contribution
            if not leaf:
                found[id(operand)] = after
            yield Step(node, operand, upstream, local, contribution, before, after)


def edges(node: Node) -> Iterator[tuple[Any, float]]:
    """The operands of a node that are nodes themselves, each with its local derivative; x*x has two."""
    if node._a is None:
        return
    if node._pb is None:
        yield node._a, node._pa
    elif node._pb is ...:
        yield from zip(node._a, node._pa, strict=True)
    else:
        yield node._a, node._pa
        yield node._b, node._pb


def topological(root: Node) -> list[Any]:
    """Every node of the graph, leaves too, operands before the nodes that use them, ``root`` last."""
    inner = tape(root) if root._a is not None else []
    seen: set[int] = set()
    order: list[Any] = []
    for node in inner:
        for operand, _ in edges(node):
            if operand._a is None and id(operand) not in seen:
                seen.add(id(operand))
                order.append(operand)
        order.append(node)
    return order or [root]


def adjoints(root: Node, seed: float = 1.0) -> dict[int, float]:
    """d root / d node by ``id(node)``, kept beside the graph: no ``grad`` is touched."""
    found: dict[int, float] = {id(root): seed}
    for node in reversed(tape(root) if root._a is not None else []):
        g = found[id(node)]
        for operand, local in edges(node):
            found[id(operand)] = found.get(id(operand), 0.0) + g * local
    return found


def check_step(step: Step) -> None:
    """Raises AnomalyError where a contribution to a gradient is the first that is not finite."""
    if math.isfinite(step.contribution) or not math.isfinite(step.upstream):
        return
    node, operand = step.node, step.operand
    name = f" named {node.name!r}" if node.name else ""
    raise AnomalyError(
        f"backward: {node.op.name}{name} sends {step.contribution} to its operand"
        f"{f' {operand.name!r}' if operand.name else ''} (upstream {step.upstream} * local {step.local}); "
        f"the node was made at {getattr(node, 'where', None) or 'a line outside detect_anomaly()'}"
    )
