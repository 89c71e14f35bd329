"""What code written for micrograd reads of a node: ``_prev``, ``_op``, ``label``, ``_backward()``, nodes with children.

https://github.com/karpathy/micrograd, and the lecture that builds it. docs/micrograd.md says what runs unchanged, and
what does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from autograd import reverse
from autograd.ops import TABLE

if TYPE_CHECKING:
    from autograd.value import Value

SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "relu": "ReLU"}
"""Where micrograd writes an operation otherwise than by its name; a power is ``**2``."""

NAMES = {symbol: name for name, symbol in SYMBOLS.items()}
NEAR = 1e-9
"""How far, relatively, the data given with an operation may lie from what the operation computes."""


class Micrograd:
    """micrograd's names for what a Value has."""

    __slots__ = ()

    @property
    def label(self: Any) -> str:
        """The name."""
        return str(self.name)

    @label.setter
    def label(self: Any, label: str) -> None:
        self.name = label

    @property
    def _prev(self: Any) -> set[Any]:
        """The operands that are Values; micrograd makes Values of constants too."""
        return {x for x in self.operands if not isinstance(x, float)}

    @property
    def _op(self: Any) -> str:
        """The operation as micrograd writes it; "" for a leaf."""
        operands = self.operands
        if not operands:
            return ""
        name = self.op.name
        if name == "pow" and isinstance(operands[1], float):
            return f"**{operands[1]:g}"
        return SYMBOLS.get(name, str(name))

    @property
    def _backward(self: Any) -> Callable[[], None]:
        """One application of the chain rule, from this node to its operands: ``backward()`` makes it of every node."""

        def step() -> None:
            with reverse.undisturbed:
                for operand, local in reverse.edges(self):
                    operand._grad += self._grad * local

        return step

    @_backward.setter
    def _backward(self: Any, function: object) -> NoReturn:
        raise AttributeError(
            "a Value takes its derivative from its operation, so that no closure is assigned to _backward: "
            "declare what autograd lacks with autograd.custom(name, forward, slope)"
        )


def made_by(children: Any, symbol: Any, data: float) -> Value:
    """The node that ``Value(data, children, symbol)`` means: the operation of that symbol, applied to the children.

    Raises:
        TypeError: the children are no numbers.
        ValueError: there is no such operation, or it gives another number.
    """
    if not isinstance(children, Iterable) or isinstance(children, str | bytes):
        raise TypeError(f"the children of a Value are Values, as in Value(3.0, (a, b), '+'); got {children!r:.60}")
    operands = tuple(children)
    shown = f"Value({data!r}, ({', '.join(f'{x!r:.30}' for x in operands)}), {symbol!r:.30})"
    op = TABLE.get(NAMES.get(symbol, str(symbol).lower()))
    if str(symbol).startswith("**"):
        op, operands = TABLE["pow"], (*operands, exponent(str(symbol)[2:], shown))
    if op is None or not op.public or op.arity not in (None, len(operands)) or not operands:
        raise ValueError(
            f"{shown}: autograd knows no derivative of {symbol!r:.30} for {len(operands)} children. Compute it from "
            "Values, or declare the operation with autograd.custom(name, forward, slope)"
        )
    node: Value | float = op.apply(operands)
    if isinstance(node, float):
        raise TypeError(f"{shown}: none of the children is a Value")
    if not math.isclose(node.data, data, rel_tol=NEAR, abs_tol=NEAR) and not (node.data != node.data and data != data):
        raise ValueError(f"{shown} does not hold what {symbol} of its children gives, {node.data!r}")
    return node


def exponent(text: str, shown: str) -> float:
    """The number behind ``**``."""
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{shown}: what stands behind ** is no number") from None
