"""The full way to record an operation: any operands, any mode. The hot path in ``value`` is its special case."""

from __future__ import annotations

import linecache
import math
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from autograd import arrays, modes
from autograd.errors import AnomalyError
from autograd.op import FLOAT_ERRORS, Op, domain_error
from autograd.reverse import UNREACHED

_PACKAGE = os.path.dirname(os.path.abspath(__file__))


def record(op: Op, operands: tuple[Any, ...], kind: type, detached: Callable[[float], Any]) -> Any:
    """A new node of type ``kind`` for ``op`` applied to nodes and floats (constants).

    Raises:
        DomainError: not defined here, and the mode is not ieee.
        AnomalyError: inside detect_anomaly(), where finite inputs give nan or inf.
    """
    mode = modes.current()
    trace = modes.traced()
    if trace is not None:
        kind = trace.kind
        if not mode.record:
            modes.refuse_look("a number computed inside no_grad()")
    data = [getattr(x, "_data", x) for x in operands]
    try:
        z = float(op.forward(*data))
    except FLOAT_ERRORS:
        if not mode.ieee:
            raise domain_error(op, data, [getattr(x, "name", "") for x in operands]) from None
        z = op.quiet(*data)
    line = source_line() if mode.anomaly else ""
    if line and not math.isfinite(z) and all(math.isfinite(x) for x in data):
        raise AnomalyError(f"forward: {op.name}({', '.join(map(repr, data[:6]))}) gives {z} at {line}")
    if not mode.record:
        lost = detached(z)
        lost._b = op
        return lost
    return build(op, operands, z, local_derivatives(op, z, data, operands), kind, line)


def local_derivatives(op: Op, z: float, data: Sequence[float], operands: Sequence[Any]) -> list[Any]:
    """d z / d operand for every operand that is a node (constants are plain floats), in order.

    A slope is inf or nan where it is, never an error.
    """
    if op.arity is not None:
        return [op.partial_on_floats(i, z, data) for i, x in enumerate(operands) if x.__class__ is not float]
    try:
        every = op.partials(z, *data)  # type: ignore[operator]
    except FLOAT_ERRORS:
        every = arrays.ieee(op.partials, z, *data)  # type: ignore[arg-type]
    return [float(p) for p, x in zip(every, operands, strict=True) if x.__class__ is not float]


def build(op: Op, operands: tuple[Any, ...], z: float, partials: Sequence[float], kind: type, line: str = "") -> Any:
    """The node with its slots filled as ``reverse`` reads them."""
    n: Any = object.__new__(with_slot(kind, "where") if line else kind)
    if line:
        n.where = line
    n._data, n.op, n.name, n._grad, n._mark = z, op, "", UNREACHED, None
    nodes = tuple(x for x in operands if x.__class__ is not float)
    if len(operands) == 1 and op.arity is not None:
        n._a, n._b, n._pa, n._pb = operands[0], None, partials[0], None
    elif len(operands) == 2 and op.arity is not None:
        x, y = operands
        if len(nodes) == 2:
            n._a, n._b, n._pa, n._pb = x, y, partials[0], partials[1]
        else:
            n._a, n._b, n._pa, n._pb = nodes[0], (y if nodes[0] is x else (x,)), partials[0], None
    else:
        n._a, n._pa, n._pb = nodes, tuple(partials), ...
        n._b = None if len(nodes) == len(operands) else operands
    return n


_kinds: dict[tuple[type, str], type] = {}


def with_slot(kind: type, slot: str) -> type:
    """The subclass whose nodes know one thing more: the source line that made them, say."""
    if (kind, slot) not in _kinds:
        _kinds[kind, slot] = type(kind.__name__, (kind,), {"__slots__": (slot,), "__module__": kind.__module__})
    return _kinds[kind, slot]


def foreign(op: Op, operands: tuple[Any, ...], z: float, here: float, data: Sequence[float], kind: type) -> Any:
    """A node as another computer recorded it: ``z``, where this one computes ``here``. It remembers both, if they
    differ, so that its last digits are not taken for an edit."""
    differs = z != here and (z == z or here == here)
    n = build(
        op, operands, z, local_derivatives(op, z, data, operands), with_slot(kind, "elsewhere") if differs else kind
    )
    if differs:
        n.elsewhere = (z, here)
    return n


def source_line() -> str:
    """The nearest line of the caller's that is not the engine's: ``file:line: text``."""
    frame = sys._getframe(1)
    while frame.f_back is not None and os.path.abspath(frame.f_code.co_filename).startswith(_PACKAGE + os.sep):
        frame = frame.f_back
    path, number = frame.f_code.co_filename, frame.f_lineno
    return f"{os.path.basename(path)}:{number}: {linecache.getline(path, number).strip()}".rstrip(": ")
