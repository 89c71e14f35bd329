"""The text reading: run a rule on names, and it writes itself down, as plain text and as LaTeX.

>>> from autograd import ops
>>> h, s = Expr("h1", r"h_1"), Expr("s1", r"s_1")
>>> written(ops.TABLE["sigmoid"], 0, h, (s,)).text
'h1*(1 - h1)'
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from string import Formatter
from typing import Any

from autograd.number import Number
from autograd.op import READINGS, Op, Reading

CHOICE, SUM, PRODUCT, SIGN, POWER, CLOSED = 0, 1, 2, 3, 4, 9
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
        """An error: an expression has no value."""
        raise TypeError(f"the expression {self.text} has no value: a rule may not look at data (use where or exceeds)")


def number(x: float) -> Expr:
    """A constant: whole numbers without the .0."""
    text = f"{x:g}" if float(x).is_integer() and abs(x) < 1e6 else f"{x:.6g}"
    return Expr(text, text, SIGN if x < 0 else CLOSED)


def constant(x: float) -> Expr:
    """A constant of a rule: by its name where it has one, as a fraction where it is one."""
    if x in NAMED:
        return NAMED[x]
    n = round(1.0 / x) if x and math.isfinite(x) else 0
    if 3 <= n <= 99 and 1.0 / n == x and f"{x:g}" != f"{x:.15g}":
        return over(number(1.0), number(float(n)))
    return number(x)


def split_sign(x: Expr) -> tuple[bool, Expr]:
    """Does a minus sign lead it, and what it is without."""
    if x.binding >= PRODUCT and x.text.startswith("-") and x.latex.startswith("-"):
        return True, Expr(x.text[1:], x.latex[1:], CLOSED if x.binding == SIGN else x.binding)
    return False, x


def plus(a: Expr, b: Expr) -> Expr:
    """``a + b``."""
    if a.text == "0" or b.text == "0":
        return b if a.text == "0" else a
    a = bracketed(a, SUM)
    minus_sign, b = split_sign(bracketed(b, SUM))
    sign = "-" if minus_sign else "+"
    return Expr(f"{a.text} {sign} {b.text}", f"{a.latex} {sign} {b.latex}", SUM)


def minus(a: Expr, b: Expr) -> Expr:
    """``a - b``."""
    if b.text == "0":
        return a
    if a.text == "0":
        return negated(b)
    minus_sign, b = split_sign(b)
    if minus_sign:
        return plus(a, b)
    left, right = bracketed(a, SUM), bracketed(b, PRODUCT)
    return Expr(f"{left.text} - {right.text}", f"{left.latex} - {right.latex}", SUM)


def times(a: Expr, b: Expr) -> Expr:
    """``a*b``, without factors of 1; 0 if one is 0."""
    if "0" in (a.text, b.text):
        return number(0.0)
    if a.text == "1" or b.text == "1":
        return b if a.text == "1" else a
    left = bracketed(a, PRODUCT)
    right = b if b.binding == PRODUCT and not b.text.startswith("-") else bracketed(b, POWER)
    return Expr(f"{left.text}*{right.text}", rf"{left.latex} \cdot {right.latex}", PRODUCT)


def over(a: Expr, b: Expr) -> Expr:
    """``a/b``, its sign in front."""
    if b.text == "1":
        return a
    minus_sign, a = split_sign(a)
    left, right = bracketed(a, PRODUCT), bracketed(b, POWER)
    sign = "-" if minus_sign else ""
    return Expr(f"{sign}{left.text}/{right.text}", rf"{sign}\frac{{{a.latex}}}{{{b.latex}}}", PRODUCT)


def negated(a: Expr) -> Expr:
    """``-a``."""
    if a.text == "0":
        return a
    minus_sign, a = split_sign(a)
    if minus_sign:
        return a
    inner = bracketed(a, PRODUCT)
    return Expr(f"-{inner.text}", f"-{inner.latex}", SIGN)


def power(a: Expr, b: Expr) -> Expr:
    """``a**b``."""
    if b.text == "1":
        return a
    base, exponent = bracketed(a, CLOSED), bracketed(b, POWER)
    latex = rf"\left({base.latex}\right)" if "^" in base.latex and a.binding == CLOSED else base.latex
    return Expr(f"{base.text}**{exponent.text}", f"{latex}^{{{b.latex}}}", POWER)


def choice(condition: Expr, a: Expr, b: Expr) -> Expr:
    """``a if condition else b``; a condition [x > y] without its brackets."""
    bare = condition.text.startswith("[") and condition.text.endswith("]") and condition.text.count("[") == 1
    text, latex = (condition.text[1:-1], condition.latex[1:-1]) if bare else (condition.text, condition.latex)
    left, right = bracketed(a, SUM), bracketed(b, SUM)
    return Expr(
        f"{left.text} if {text} else {right.text}",
        rf"{left.latex}\ \text{{if}}\ {latex}\ \text{{else}}\ {right.latex}",
        CHOICE,
    )


NAMED = {
    1.4426950408889634: Expr("log2(e)", r"\log_2 e"),
    0.4342944819032518: Expr("log10(e)", r"\log_{10} e"),
    2.0 / math.sqrt(math.pi): Expr("2/sqrt(pi)", r"\frac{2}{\sqrt{\pi}}", PRODUCT),
    -2.0 / math.sqrt(math.pi): Expr("-2/sqrt(pi)", r"-\frac{2}{\sqrt{\pi}}", PRODUCT),
    1.0 / math.sqrt(2.0 * math.pi): Expr("1/sqrt(2*pi)", r"\frac{1}{\sqrt{2\pi}}", PRODUCT),
}
"""Irrational constants of the rules."""

INFIX: dict[str, Callable[..., Expr]] = {
    "add": plus, "sub": minus, "mul": times, "div": over, "neg": negated, "pow": power, "where": choice,
    "square": lambda x: power(x, number(2.0)), "reciprocal": lambda x: over(number(1.0), x),
}  # fmt: skip


def bracketed(x: Expr, strength: int) -> Expr:
    """The expression, in brackets when it binds less than ``strength``."""
    if x.binding >= strength:
        return x
    return Expr(f"({x.text})", rf"\left({x.latex}\right)")


def run_text(op: Op, operands: tuple[Any, ...]) -> Expr:
    """The operation written down."""
    xs = [x if isinstance(x, Expr) else constant(x) for x in operands]
    if op.name in INFIX:
        return INFIX[op.name](*xs)
    if op.name == "dot":
        n = len(xs) // 2
        terms = [times(w, x) for w, x in zip(xs[:n], xs[n:], strict=False)] + xs[2 * n :]
        return joined(terms, plus)
    if op.name in ("sum", "product"):
        return joined(xs, plus if op.name == "sum" else times)
    if op.name == "logsumexp":
        powers = joined([Expr("", f"e^{{{x.latex}}}") for x in xs], lambda a, b: Expr("", f"{a.latex} + {b.latex}"))
        return Expr(called(op, xs).text, rf"\ln\left({powers.latex}\right)")
    if op.arity is None or not (op.text or op.latex):
        return called(op, xs)
    if op.text == "{0}":
        return xs[0]
    text = filled(op.text, [(x.text, bracketed(x, CLOSED).text, x.binding) for x in xs], op.binding)
    latex = filled(op.latex, [(x.latex, bracketed(x, CLOSED).latex, x.binding) for x in xs], op.binding)
    other = called(op, xs)
    return Expr(text or other.text, latex or other.latex, op.binding)


def filled(template: str, operands: Sequence[tuple[str, str, int]], binding: int) -> str:
    """A template with its operands: bare, or in brackets where they bind less than their place asks for.

    ``{0:4}`` asks for 4 (a power) at least. A place ``{0}`` that stands between brackets, braces or commas asks for
    nothing, any other for a closed expression.
    """
    pieces = list(Formatter().parse(template))
    written_so_far = ""
    for i, (literal, field, spec, _) in enumerate(pieces):
        written_so_far += literal
        if field is None:
            continue
        bare, closed, strength = operands[int(field)]
        after = "".join(piece[0] for piece in pieces[i + 1 : i + 3]).lstrip()
        opened = written_so_far.rstrip().endswith(("(", "{", "|", ","))
        enclosed = opened and after.startswith((")", "}", "|", ",", r"\right"))
        need = int(spec) if spec else CHOICE if enclosed and binding == CLOSED else CLOSED
        written_so_far += bare if strength >= need else closed
    return written_so_far


def called(op: Op, xs: Sequence[Expr]) -> Expr:
    """``name(x, y)``."""
    latex_name = op.name.replace("_", r"\_")
    return Expr(
        f"{op.name}({', '.join(x.text for x in xs)})",
        rf"\operatorname{{{latex_name}}}\left({', '.join(x.latex for x in xs)}\right)",
    )


def joined(xs: Sequence[Expr], by: Any) -> Expr:
    """Several expressions, folded ``by`` an operator."""
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
    return result if isinstance(result, Expr) else constant(result)


READINGS[Expr] = Reading(4, run_text)
