"""Was data edited after the forward pass? What reads data again asks here first."""

from __future__ import annotations

import math
from typing import Any

from autograd.errors import StaleGraphError
from autograd.op import FLOAT_ERRORS, Op
from autograd.record import local_derivatives
from autograd.reverse import tape


def verify(root: Any) -> None:
    """Check that every node behind ``root`` still has the value and the slopes that its operands' data give.

    A node that was loaded from a file of another computer may have that one's last digits (``record.foreign``).

    ``backward()`` needs no such check: it uses what the forward pass recorded. Higher derivatives, pictures and the
    stepper read the data itself, and call this first.

    Raises:
        StaleGraphError: some data was edited since; names the node.
    """
    for node in tape(root) if root._a is not None else ():
        verify_node(node)


def verify_node(node: Any) -> None:
    """Check one node that has operands; see ``verify``."""
    op, operands = node.op, node.operands
    data = [x if x.__class__ is float else x._data for x in operands]
    z = recompute(op, data)
    recorded, here = getattr(node, "elsewhere", None) or (z, z)
    if not (same(recorded, node._data) and same(here, z)) or not all(
        map(same, slopes(node), local_derivatives(op, recorded, data, operands))
    ):
        raise StaleGraphError(stale_message(node, data, z))


def recompute(op: Op, data: list[float]) -> float:
    """The operation on floats; inf or nan where it is not defined."""
    try:
        return op.forward(*data)
    except FLOAT_ERRORS:
        return op.quiet(*data)


def slopes(node: Any) -> tuple[float, ...]:
    """The local derivatives that the forward pass recorded, in the order of the operands that are nodes."""
    pa, pb = node._pa, node._pb
    if pb is None:
        return (pa,)
    return pa if pb is ... else (pa, pb)


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
