"""Graphs as JSON: saved whole, loaded with every node checked. Nothing in a file is ever run.

Time and memory of both are linear in the length of the text; ``autograd.reading`` guards the first look at it.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograd import reading
from autograd.errors import LoadError
from autograd.files import collector_paused, write_atomically
from autograd.ops import TABLE, find
from autograd.record import build, foreign
from autograd.reverse import UNREACHED, alone, topological
from autograd.showing import cut, shown, visible
from autograd.stale import recompute, verify_node
from autograd.value import Value

FORMAT, VERSION = "autograd scalar graph", 1

ORDERS, MOST_ORDERS = {"power_derivative": (2, 3)}, 100
"""Operands that say how often something was differentiated, which is how often the operation goes round a loop."""


def to_json_number(x: float) -> float | str:
    """A float as JSON has it; inf and nan, which JSON lacks, as text."""
    return x if math.isfinite(x) else repr(x)


def from_json_number(x: Any, where: str) -> float:
    """The float of a JSON number or of "inf", "-inf", "nan". LoadError: it is something else."""
    if isinstance(x, int | float) and not isinstance(x, bool):
        try:
            number = float(x)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    elif x in ("inf", "-inf", "nan"):
        return float(x)
    raise LoadError(f"{where}: {shown(x)} is no number" + (" of a float's range" if isinstance(x, int | float) else ""))


@collector_paused()
@alone
def dumps(roots: Value | Sequence[Value]) -> str:
    """The graph behind one root or several as JSON text: nodes in topological order, operands by position.

    Raises:
        StaleGraphError: data was edited after the forward pass.
    """
    several = [roots] if isinstance(roots, Value) else list(roots)
    if not several or not all(isinstance(root, Value) for root in several):
        raise TypeError("save takes a Value, or a sequence of Values")
    place: dict[int, int] = {}
    nodes: list[list[Any]] = []
    for node in behind(several):
        place[id(node)] = len(nodes)
        operands = [place[id(x)] if isinstance(x, Value) else [to_json_number(x)] for x in node.operands]
        if operands:
            verify_node(node)
        nodes.append(
            [
                node.op.name if operands else None,
                operands,
                to_json_number(node.data),
                to_json_number(node.grad) if node.has_grad else None,
                node.name,
            ]
        )
    document = {
        "format": FORMAT,
        "version": VERSION,
        "columns": ["operation", "operands: node numbers, [constant]", "data", "grad", "name"],
        "roots": [place[id(root)] for root in several],
        "single": isinstance(roots, Value),
        "nodes": nodes,
    }
    text = json.dumps(document, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")  # a lone surrogate in a name, as JSON spells it


def behind(roots: Sequence[Value]) -> list[Any]:
    """Every node behind some roots, once, operands first: one walk, however much the roots share."""
    distinct = {id(root): root for root in reversed(roots)}
    if len(distinct) == 1:
        return topological(roots[0])
    joint = build(TABLE["sum"], tuple(distinct.values()), 0.0, [1.0] * len(distinct), Value)
    return topological(joint)[:-1]


def save(roots: Value | Sequence[Value], path: str | os.PathLike[str]) -> None:
    """Write the graph behind ``roots`` as one JSON file, whole or not at all. OSError: the path cannot be written."""
    write_atomically(path, dumps(roots))


@collector_paused()
def loads(text: str | bytes, source: str = "the text") -> Any:
    """The root (or list of roots) of a graph that ``dumps`` wrote: same data, gradients, names and structure.

    Raises:
        LoadError: no graph, a broken one, or an operation that is not declared here (a custom one: declare it first).
    """
    source = cut(visible(source), 100)
    document = reading.document(text, source, "saved graph", FORMAT, VERSION)
    nodes, roots = document.get("nodes"), document.get("roots")
    if not isinstance(nodes, list) or not isinstance(roots, list) or not roots:
        raise LoadError(f"{source}: 'nodes' and 'roots' must be lists, and there must be a root")
    made: list[Value] = []
    for number, row in enumerate(nodes):
        made.append(restore(row, made, f"{source}, node {number}"))
    answer = [made[pick(root, len(made), source)] for root in roots]
    return answer[0] if document.get("single") is True and len(answer) == 1 else answer


def pick(index: Any, count: int, where: str) -> int:
    """A valid position among ``count`` nodes."""
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < count:
        raise LoadError(f"{where}: {shown(index)} is not the number of an earlier node")
    return index


def restore(row: Any, made: Sequence[Value], where: str) -> Value:
    """One node from its row; its local derivatives are computed again from the operands' data."""
    if not isinstance(row, list) or len(row) != 5:
        raise LoadError(f"{where}: a row has 5 entries: operation, operands, data, grad, name")
    name, places, data, gradient, label = row
    if not isinstance(label, str) or not isinstance(places, list):
        raise LoadError(f"{where}: the name must be text and the operands a list")
    z = from_json_number(data, where)
    if name is None:
        node = Value(z, label)
    else:
        op = find(name) if isinstance(name, str) else None
        if op is None:
            raise LoadError(
                f"{where}: no operation {shown(name)} is declared here; declare a custom one before loading"
            )
        operands = tuple(
            from_json_number(x[0], where) if isinstance(x, list) and len(x) == 1 else made[pick(x, len(made), where)]
            for x in places
        )
        if (op.arity is not None and len(operands) != op.arity) or not any(isinstance(x, Value) for x in operands):
            raise LoadError(f"{where}: {name} cannot have these {len(operands)} operand(s)")
        for k in ORDERS.get(op.name, ()):
            if not is_order(operands[k]):
                raise LoadError(f"{where}: operand {k + 1} of {name} is an order: a constant, 0 to {MOST_ORDERS}")
        values = [x.data if isinstance(x, Value) else x for x in operands]
        try:
            here = float(recompute(op, values))
            node = foreign(op, operands, z, here, values, Value)
        except Exception as error:  # a custom operation may raise anything
            raise LoadError(f"{where}: {name} of its operands fails: {type(error).__name__}: {error}") from error
        if not agree(here, z):
            raise LoadError(f"{where}: {name} of its operands is {here!r}, but the file says {z!r}")
        node.name = label
    node.grad = UNREACHED if gradient is None else from_json_number(gradient, where)
    return node


def is_order(x: Any) -> bool:
    """Is this how often something was differentiated?"""
    return isinstance(x, float) and x.is_integer() and 0 <= x <= MOST_ORDERS


def agree(x: float, y: float) -> bool:
    """Equal, or as near as two computers' mathematical libraries are to each other."""
    return x == y or (math.isnan(x) and math.isnan(y)) or math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-300)


def load(path: str | os.PathLike[str]) -> Any:
    """The graph that ``save`` wrote; see ``loads``. OSError: the file cannot be read."""
    return loads(Path(path).read_bytes(), source=str(os.fspath(path)))
