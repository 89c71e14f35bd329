"""Reading `oracle/torch.json`, PyTorch's frozen results, and evaluating the same things with our
operations."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import autograd as ag
from autograd import Value
from support import frozen

ORACLE: dict[str, Any] = frozen("torch")

SEQUENCE = ("sum", "product", "mean", "logsumexp")


def number(x: Any) -> Any:
    """nan and infinities are strings in the file."""
    return float(x) if isinstance(x, str) else x


def apply(op: str, operands: Sequence[Any]) -> Any:
    """The operation named as in the file on our side; `dot` has its two sequences one after the other."""
    if op in SEQUENCE:
        return getattr(ag, op)(operands)
    if op == "softmax":
        return ag.softmax(operands)[0]
    if op == "dot":
        half = len(operands) // 2
        return ag.dot(operands[:half], operands[half:])
    if op == "where_greater":
        return ag.where(operands[0] > operands[1], operands[2], operands[3])
    function: Callable[..., Any] = getattr(ag, op)
    return function(*operands)


def value_and_gradient(op: str, args: Sequence[Any], constant: Sequence[int] = ()) -> tuple[float, list[float]]:
    """Value and the slope for every operand that is not constant; a bool (of `where`) always is."""
    operands = [x if i in constant or isinstance(x, bool) else Value(x) for i, x in enumerate(args)]
    out = apply(op, operands)
    out.backward()
    return out.data, [x.grad for x in operands if isinstance(x, Value)]


def key(op: str, args: Sequence[Any], constant: Sequence[int] = ()) -> tuple[Any, ...]:
    """One point of one operation; the sign of zero counts, and a nan is a nan."""
    return op, *map(repr, args), tuple(constant)


def identical(a: float, b: float) -> bool:
    """The same number; the sign of zero aside, nan equal to nan."""
    return a == b or (math.isnan(a) and math.isnan(b))


def close(a: float, b: float, ulps: float) -> bool:
    """Identical, or finite, not zero, and within so many units of the last place."""
    if identical(a, b):
        return True
    if not (math.isfinite(a) and math.isfinite(b)) or a == 0.0 or b == 0.0:
        return False
    return abs(a - b) <= ulps * math.ulp(max(abs(a), abs(b)))


POINTS = {
    key(p["op"], args, p.get("constant", ())): (number(p["value"]), [number(g) for g in p["gradients"]])
    for p in ORACLE["points"]
    for args in [[number(x) for x in p["args"]]]
}
