"""Operations of your own, declared in one call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from autograd.op import Op, Rule, Several, Unary
from autograd.ops import CUSTOM, TABLE
from autograd.value import QUICK, quick


def custom(name: str, forward: Callable[..., float], partials: Rule | Sequence[Rule], **declaration: Any) -> Any:
    """Declare an operation: its function on floats and, for each operand, its local derivative.

    Args:
        name: a name of its own, as it is to appear in pictures and saved graphs.
        forward: floats to a float; raises ValueError where it is not defined.
        partials: one rule ``(z, *operands)`` per operand, ``z`` the output; for one operand the rule alone will do.
            Written with operators and autograd's functions, it can be differentiated again, to any order.
        declaration: anything else an operation declares: symbol, text, latex, domain, kinks, ulps, note.

    Returns:
        The operation, to be called on floats, arrays and Values. Declaring the name again, as when a notebook's cell
        runs a second time, replaces it; graphs that were built with the old one keep it.

    Raises:
        ValueError: the name is one of autograd's own operations, or is no identifier.
        TypeError: the number of rules is not that of forward's parameters.

    >>> cube = custom("cube", lambda x: x**3, lambda z, x: 3 * x**2)
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"the name of an operation must be an identifier such as 'cube'; got {name!r:.40}")
    if not callable(forward):
        raise TypeError(f"custom needs a function as forward; got {forward!r:.40}")
    if name in TABLE:
        raise ValueError(f"autograd has an operation named {name!r} already: choose another name")
    parameters = inspect.signature(forward).parameters.values()
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        raise TypeError("forward needs a fixed number of named parameters, as in lambda x, y: ...")
    rules = [partials] if callable(partials) else list(partials)
    kind: type[Op] = Unary if len(parameters) == 1 else Several
    op = kind(name, forward, rules, **declaration)
    if isinstance(op, Unary):
        QUICK[op] = quick(op)
    CUSTOM[name] = op
    return op
