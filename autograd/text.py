"""The text reading: run a rule on names, and it writes itself down, as plain text and as LaTeX.

    >>> from autograd import ops
    >>> h, s = Expr("h1", r"h_1"), Expr("s1", r"s_1")
    >>> written(ops.TABLE["sigmoid"], 0, h, (s,)).text
    'h1*(1 - h1)'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd.number import Number
from autograd.op import READINGS, Op, Reading

SUM, PRODUCT, SIGN, POWER, CLOSED = 1, 2, 3, 4, 9
"""How strongly an expression binds: the weaker stands in brackets inside the stronger."""


class Expr(Number):
    """An expression: its ``text``, its ``latex``, and how strongly it binds."""

    __slots__ = ("binding", "latex", "text")

    def __init__(self, text: str, latex: str | None = None, binding: int = CLOSED) -> None:
        self.text = text
        self.latex = text if latex is None else latex
        self.binding = binding

    def __repr__(self) -> str:
        return f"Expr({self.text!r})"

    @property
    def data(self) -> float:
        raise TypeError(f"the expression {self.text} has no value: a rule may not look at data (use where or exceeds)")


def number(x: float) -> Expr:
    """A constant: whole numbers without the .0."""
    text = f"{x:g}" if float(x).is_integer() and abs(x) < 1e6 else f"{x:.6g}"
    return Expr(text, text, SIGN if x < 0 else CLOSED)


def plus(a: Expr, b: Expr) -> Expr:
    if a.text == "0" or b.text == "0":
        return b if a.text == "0" else a
    if b.binding == SIGN and b.text.startswith("-"):
        return Expr(f"{a.text} - {b.text[1:]}", f"{a.latex} - {b.latex[1:]}", SUM)
    return Expr(f"{a.text} + {b.text}", f"{a.latex} + {b.latex}", SUM)


def minus(a: Expr, b: Expr) -> Expr:
    if b.text == "0":
        return a
    if a.text == "0":
        return negated(b)
    right = bracketed(b, PRODUCT)
    return Expr(f"{a.text} - {right.text}", f"{a.latex} - {right.latex}", SUM)


def times(a: Expr, b: Expr) -> Expr:
    if "0" in (a.text, b.text):
        return number(0.0)
    if a.text == "1" or b.text == "1":
        return b if a.text == "1" else a
    left, right = bracketed(a, PRODUCT), bracketed(b, POWER)
    return Expr(f"{left.text}*{right.text}", rf"{left.latex} \cdot {right.latex}", PRODUCT)


def over(a: Expr, b: Expr) -> Expr:
    if b.text == "1":
        return a
    left, right = bracketed(a, PRODUCT), bracketed(b, POWER)
    return Expr(f"{left.text}/{right.text}", rf"\frac{{{a.latex}}}{{{b.latex}}}", PRODUCT)


def negated(a: Expr) -> Expr:
    if a.text == "0":
        return a
    inner = bracketed(a, PRODUCT)
    return Expr(f"-{inner.text}", f"-{inner.latex}", SIGN)


def power(a: Expr, b: Expr) -> Expr:
    if b.text == "1":
        return a
    base, exponent = bracketed(a, CLOSED), bracketed(b, POWER)
    return Expr(f"{base.text}**{exponent.text}", f"{{{base.latex}}}^{{{b.latex}}}", POWER)


INFIX = {"add": plus, "sub": minus, "mul": times, "div": over, "neg": negated, "pow": power}


def bracketed(x: Expr, strength: int) -> Expr:
    """The expression, in brackets when it binds less than ``strength``."""
    if x.binding >= strength:
        return x
    return Expr(f"({x.text})", rf"\left({x.latex}\right)")


def run_text(op: Op, operands: tuple[Any, ...]) -> Expr:
    """The operation written down."""
    xs = [x if isinstance(x, Expr) else number(x) for x in operands]
    if op.name in INFIX:
        return INFIX[op.name](*xs)
    if op.name == "dot":
        n = len(xs) // 2
        terms = [times(w, x) for w, x in zip(xs[:n], xs[n:], strict=False)] + xs[2 * n :]
        return joined(terms, plus)
    if op.name in ("sum", "product"):
        return joined(xs, plus if op.name == "sum" else times)
    if op.arity is None or not (op.text or op.latex):
        return called(op, xs)
    inner = [bracketed(x, CLOSED if op.binding < CLOSED or op.text[-3:] == "{0}" else 0) for x in xs]
    text = op.text.format(*(x.text for x in inner)) if op.text else called(op, xs).text
    latex_operands = [x.latex if r"\left" in op.latex or "{{{0}}}" in op.latex else bracketed(x, PRODUCT).latex for x in xs]
    latex = op.latex.format(*latex_operands) if op.latex else called(op, xs).latex
    return Expr(text, latex, op.binding)


def called(op: Op, xs: Sequence[Expr]) -> Expr:
    """``name(x, y)``."""
    latex_name = op.name.replace("_", r"\_")
    return Expr(
        f"{op.name}({', '.join(x.text for x in xs)})",
        rf"\operatorname{{{latex_name}}}\left({', '.join(x.latex for x in xs)}\right)",
    )


def joined(xs: Sequence[Expr], by: Any) -> Expr:
    if not xs:
        return number(0.0)
    result = xs[0]
    for x in xs[1:]:
        result = by(result, x)
    return result


def written(op: Op, index: int, z: Expr, operands: Sequence[Expr | float]) -> Expr:
    """The local derivative d z / d operand ``index`` as a textbook writes it."""
    rules = op.book or op.partials
    result = rules(z, *operands)[index] if callable(rules) else rules[index](z, *operands)
    return result if isinstance(result, Expr) else number(result)


READINGS[Expr] = Reading(4, run_text)
