"""What a card without a name is called: the text of its operation on the labels of its operands, kept short.

Set as in a book: w₁·x₁ + b₁, (a − b)², |y|. `viz.explain` writes formulas that can be typed in again; these
are for the eye only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from viz.markup import isolate, label, number, text_width, visible

if TYPE_CHECKING:
    from autograd import Value
    from autograd.op import Op

__all__ = ["chip", "formula", "joined_terms", "operand_label", "operation", "terms"]

_LONGEST = 22
"""An operand's own formula is written out up to this many characters, else it is an ellipsis."""

_SUM, _PRODUCT, _SIGN, _POWER, _CLOSED = 1, 2, 3, 4, 9
_CHIPS = {"add": "+", "sub": "−", "mul": "×", "div": "÷", "neg": "−", "pow": "xⁿ", "sum": "Σ", "dot": "Σ"}
_SLOT = re.compile(r"\{(\d)\}")
_EXPONENTS = str.maketrans("0123456789−.", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻·")


class _Text(NamedTuple):
    text: str
    binding: int


def chip(op: Op) -> str:
    """The short symbol of an operation: ×, Σ, σ, tanh. Long names of a user's own operations are cut."""
    symbol = _CHIPS.get(op.name) or visible(op.symbol or op.name)
    return symbol if len(symbol) <= 9 else symbol[:8] + "…"


def operand_label(operand: Value | float) -> str:
    """The label of one operand inside another's formula."""
    return _operand(operand, 3).text


def formula(node: Value, width: float = math.inf, size: float = 12) -> str:
    """The operation of `node` on its operands' labels. A long sum loses terms from its middle to fit `width`."""
    assert node.op is not None
    if node.op.name in ("sum", "dot") or (node.op.arity is None and len(node.operands) > 3):
        parts = terms(node)
        opening, closing, between = ("", "", " + ") if node.op.name in ("sum", "dot") else _call(node.op)
        return opening + _shortened(parts, between, width, size) + closing
    return _apply(node, 4).text


def operation(node: Value) -> str:
    """What many values that are made in the same way have in common: "…·…", "relu(…)"."""
    if node.op is None:
        return ""
    if node.op.name in ("add", "sum", "dot"):
        return "… + …"
    if node.op.name in ("sub", "mul", "div"):
        return {"sub": "… − …", "mul": "…·…", "div": "… / …"}[node.op.name]
    return f"{visible(node.op.name)}(…)"


def terms(node: Value) -> list[str]:
    """The terms of an n-ary node, in order: the products of a dot, the operands of anything else."""
    operands = node.operands
    if node.op is not None and node.op.name == "dot":
        half = len(operands) // 2
        pairs = zip(operands[:half], operands[half : 2 * half], strict=True)
        products = [_product(_operand(w, 3), _operand(x, 3)) for w, x in pairs]
        return products + [_operand(b, 3).text for b in operands[2 * half :]]
    if len(operands) > 64:  # nobody reads the middle: it is cut anyway
        head, tail = operands[:8], operands[-8:]
        return [_operand(x, 3).text for x in head] + ["…"] + [_operand(x, 3).text for x in tail]
    return [_operand(x, 3).text for x in operands]


def joined_terms(parts: Sequence[str], width: float, size: float) -> str:
    """A sum of `parts`, its middle left out where it is wider than `width` pixels."""
    return _shortened(parts, " + ", width, size)


def _call(op: Op) -> tuple[str, str, str]:
    return ("", "", "·") if op.name == "product" else (visible(op.name) + "(", ")", ", ")


def _shortened(parts: Sequence[str], between: str, width: float, size: float) -> str:
    if len(parts) <= 64:
        whole = between.join(parts).replace("+ −", "− ")
        if text_width(whole, size) <= width:
            return whole
    for ahead in (3, 2, 1):
        if len(parts) > ahead + 1:
            whole = between.join([*parts[:ahead], "…", parts[-1]]).replace("+ −", "− ")
            if text_width(whole, size) <= width:
                return whole
    return between.join([parts[0], "…"]) if len(parts) > 1 else parts[0] if parts else "0"


def _constant(x: float) -> _Text:
    return _Text(number(x), _SIGN if x < 0 else _CLOSED)


def _operand(operand: Value | float, depth: int) -> _Text:
    if isinstance(operand, int | float):
        return _constant(operand)
    if operand.name:
        return _Text(isolate(label(operand.name)), _CLOSED)
    if operand.op is None:
        return _constant(operand.data)
    if depth <= 0 or len(operand.operands) > 3:
        return _Text("…", _CLOSED)
    whole = _apply(operand, depth)
    return whole if len(whole.text) <= _LONGEST and "…" not in whole.text else _Text("…", _CLOSED)


def _within(part: _Text, binding: int) -> str:
    return part.text if part.binding >= binding else f"({part.text})"


def _product(a: _Text, b: _Text) -> str:
    return f"{_within(a, _PRODUCT)}·{_within(b, _POWER)}"


def _apply(node: Value, depth: int) -> _Text:
    op = node.op
    assert op is not None
    xs = [_operand(x, depth - 1) for x in node.operands]
    name = op.name
    if name == "add" and len(xs) == 2:
        parts = [x.text for x in xs if x.text not in ("0", "−0")] or ["0"]
        return _Text(" + ".join(parts).replace("+ −", "− "), _SUM)
    if name == "sub":
        return _Text(f"{xs[0].text} − {_within(xs[1], _PRODUCT)}".replace("− −", "+ "), _SUM)
    if name == "mul":
        # a number reads better in front: x·2 is 2·x
        a, b = reversed(xs) if isinstance(node.operands[1], int | float) else xs
        return _Text(_product(a, b), _PRODUCT)
    if name == "div":
        return _Text(f"{_within(xs[0], _PRODUCT)} / {_within(xs[1], _POWER)}", _PRODUCT)
    if name == "neg":
        return _Text(f"−{_within(xs[0], _POWER)}", _SIGN)
    if name == "square":
        return _Text(f"{_within(xs[0], _CLOSED)}²", _POWER)
    if name == "pow":
        exponent = xs[1].text
        plain = isinstance(node.operands[1], int | float) and re.fullmatch(r"−?\d+", exponent)
        raised = exponent.translate(_EXPONENTS) if plain else "^" + _within(xs[1], _CLOSED)
        return _Text(f"{_within(xs[0], _CLOSED)}{raised}", _POWER)
    template = visible(op.text)
    if op.arity is not None and _SLOT.search(template):
        inner = [_within(x, min(op.binding + 1, _CLOSED)) if op.binding < _CLOSED else x.text for x in xs]
        shown = _SLOT.sub(lambda slot: inner[int(slot[1])] if int(slot[1]) < len(inner) else "…", template)
        return _Text(shown, op.binding)
    return _Text(f"{visible(name)}({', '.join(x.text for x in xs)})", _CLOSED)
