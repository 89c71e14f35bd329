"""Was data edited after the forward pass? What reads data again asks here first."""

from __future__ import annotations

import math
from typing import Any

from autograd.errors import StaleGraphError
from autograd.op import FLOAT_ERRORS
from autograd.record import local_derivatives
from autograd.reverse import edges, topological


def verify(root: Any) -> None:
    """Check that every node behind ``root`` still has the value and the slopes that its operands' data give.

    ``backward()`` needs no such check: it uses what the forward pass recorded. Higher derivatives, pictures and the
    stepper read the data itself, and call this first.

    Raises:
        StaleGraphError: some data was edited since; names the node.
    """
    for node in topological(root):
        if node._a is None:
            continue
        data = [getattr(x, "_data", x) for x in node.operands]
        try:
            z = float(node.op.forward(*data))
        except FLOAT_ERRORS:
            z = node.op.quiet(*data)
        if not (same(z, node._data) and slopes_agree(node, data)):
            raise StaleGraphError(stale_message(node, data, z))


def slopes_agree(node: Any, data: list[float]) -> bool:
    """The recorded local derivatives are those of the operands' data now."""
    recorded = [partial for _, partial in edges(node)]
    now = local_derivatives(node.op, node._data, data, node.operands, type_of_nodes(node))
    return all(map(same, recorded, now))


def type_of_nodes(node: Any) -> type:
    """The class that the engine made the node of; a node that knows its source line is of a subclass."""
    return next(kind for kind in type(node).__mro__ if "_data" in kind.__dict__)


def same(x: float, y: float) -> bool:
    """Equal, or both nan."""
    return x == y or (math.isnan(x) and math.isnan(y))


def stale_message(node: Any, data: list[float], z: float) -> str:
    """What was recorded, what the data gives now, and what to do."""
    name = f" {node.name!r}" if node.name else ""
    shown = [
        f"{getattr(x, 'name', '') or 'operand'} = {value!r}" if hasattr(x, "_data") else repr(x)
        for x, value in list(zip(node.operands, data, strict=True))[:4]
    ]
    more = f", ... ({len(data)} operands)" if len(data) > 4 else ""
    return (
        f"data was edited after the forward pass: the node{name} recorded {node.op.name} = {node._data!r}, but its "
        f"operands ({', '.join(shown)}{more}) now give {z!r}. Run the forward pass again, or ask before you edit."
    )
