"""Names and expressions of nodes for formulas, as plain text and as LaTeX.

A node is called by the shortest end of its dotted name that says which one it is: ``h1.w1`` is w1 as long as no other
name ends so. Several nodes of one name (a network applied to a batch) are numbered: o1[1], o1[2]. A node without
a name is written out where it is short, as in ``y - o1``, and called v1, v2 with a definition otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from autograd import Value
from autograd.text import CLOSED, Expr, number, written
from viz.markup import last_part, scope_of, visible

__all__ = ["Names", "decimal", "latex_decimal", "latex_name", "latex_prose"]

LONGEST = 40
"""Expressions of unnamed nodes that are longer than this (in characters) are given a name and a definition."""

WIDEST = 2000
"""Past this many operands, an n-ary operation's rule is not written out."""

_PLAIN = re.compile(r"[^\W\d]\w*(?:\.\w+)*")
_SYMBOL = re.compile(r"([A-Za-z])_?([0-9]*)")
_WORD = re.compile(r"([A-Za-z]+)_?([0-9]*)")
_HOLDER = re.compile("\0([0-9]+)\0")
_ESCAPES = {
    "\\": r"\backslash ", "{": r"\{", "}": r"\}", "$": r"\$", "%": r"\%", "#": r"\#", "&": r"\&", "_": r"\_",
    "^": r"{\wedge}", "~": r"{\sim}", " ": r"\ ", "<": "{<}", ">": "{>}", "-": "{-}", "*": "{*}", "+": "{+}",
    "=": "{=}", "/": "/", ",": "{,}", "'": r"{\prime}", "`": r"{\prime}", '"': r"{\prime\prime}", ":": "{:}",
}  # fmt: skip


def decimal(x: float, digits: int) -> str:
    """`x` with `digits` significant digits in ASCII: ``-0.03396``, ``1.2e-07``."""
    return format(x + 0.0 if x == 0 else x, f".{digits}g")


def latex_decimal(x: float, digits: int) -> str:
    r"""`x` as LaTeX: ``-0.03396``, ``1.2\times 10^{-7}``, ``\infty``, ``\mathrm{nan}``."""
    text = decimal(x, digits)
    if text.lstrip("-") in ("inf", "nan"):
        return text.replace("inf", r"\infty").replace("nan", r"\mathrm{nan}")
    mantissa, e, exponent = text.partition("e")
    return rf"{mantissa}\times 10^{{{int(exponent)}}}" if e else mantissa


def latex_name(name: str) -> str:
    r"""A name in math mode, every character shown as itself: ``w1`` is ``w_{1}``, ``loss`` is ``\mathrm{loss}``.

    Only commands that LaTeX, MathJax and KaTeX share are used; letters beyond ASCII go into ``\text``.
    """
    for pattern, upright in ((_SYMBOL, False), (_WORD, True)):
        match = pattern.fullmatch(name)
        if match:
            letters = rf"\mathrm{{{match[1]}}}" if upright else match[1]
            return f"{letters}_{{{match[2]}}}" if match[2] else letters
    runs = re.findall(r"[A-Za-z0-9.]+|[^\x00-\x7f]+|.", visible(name))
    return "{" + "".join(map(_latex_run, runs)) + "}"


def latex_prose(sentence: str) -> str:
    """A sentence inside a formula, every character shown as itself."""
    runs = re.findall(r"[A-Za-z0-9 .,;:()]+|[^\x00-\x7f]+|.", visible(sentence))
    return "".join(rf"\text{{{run}}}" if run[0].isalnum() or run[0] in " .,;:()" else _latex_run(run) for run in runs)


def _latex_run(run: str) -> str:
    if run in _ESCAPES:
        return _ESCAPES[run]
    if not run.isascii():
        return rf"\text{{{run}}}"
    return rf"\mathrm{{{run}}}" if run[0].isalnum() or run[0] == "." else run


class Names:
    """What the nodes of one graph are called, and the expressions made of them."""

    def __init__(self, order: Sequence[Value], root: Value, w: Value, digits: int) -> None:
        """Name the nodes in `order`, operands first; `digits` are for constants inside expressions."""
        self.digits = digits
        self._same: dict[str, list[int]] = {}
        for v in order:
            if v.name:
                self._same.setdefault(v.name, []).append(id(v))
        self._owners: dict[str, set[str]] = {}
        for name in self._same:
            for end in _ends(name):
                self._owners.setdefault(end, set()).add(name)
        self._numbers = {node: i + 1 for same in self._same.values() if len(same) > 1 for i, node in enumerate(same)}
        self._exprs: dict[int, Expr] = {}
        self._texts: dict[str, int] = {}
        self._fresh = 0
        self.defined: list[tuple[Expr, Value]] = []
        for v, wanted in ((root, ("f", "root")), (w, ("w", "value"))):
            if not v.name:
                self._exprs.setdefault(id(v), self._free(wanted))

    def _free(self, wanted: Iterable[str]) -> Expr:
        for name in wanted:
            if name not in self._owners:
                self._owners[name] = set()
                return Expr(name, latex=latex_name(name))
        return self._temporary()

    def _temporary(self) -> Expr:
        while True:
            self._fresh += 1
            name = f"v{self._fresh}"
            if name not in self._owners:
                return Expr(name, latex=latex_name(name))

    def of(self, v: Value) -> Expr:
        """The name of a node as an expression; one without a name is written out or given one."""
        known = self._exprs.get(id(v))
        if known is None:
            known = self._exprs[id(v)] = self._called(v) if v.name else self._written(v, 2)
        return known

    def _called(self, v: Value) -> Expr:
        short = next((end for end in _ends(v.name) if len(self._owners[end]) == 1), v.name)
        text, latex = visible(short), latex_name(short)
        if len(text) > 60:
            text, latex = text[:59] + "…", latex_name(short[:59] + "…")
        if not _PLAIN.fullmatch(text):
            text = f'"{text}"'
        number = self._numbers.get(id(v))
        if number is None:
            return Expr(text, latex=latex)
        return Expr(f"{text}[{number}]", latex=f"{latex}^{{({number})}}")

    def operand(self, x: Value | float) -> Expr:
        """A node's name, or a constant."""
        return self.of(x) if isinstance(x, Value) else number(x)

    def _written(self, v: Value, depth: int) -> Expr:
        """An unnamed node as an expression of its operands, if that is short; else a name, to be defined."""
        if v.op is not None and depth and len(v.operands) <= 4:
            parts: list[Expr] = []
            for x in v.operands:
                if not isinstance(x, Value) or x.name or id(x) in self._exprs:
                    parts.append(self.operand(x))
                elif x.op is not None and depth > 1 and len(x.operands) <= 4:
                    parts.append(self._written(x, depth - 1))
                else:
                    parts = []
                    break
            whole = applied(v, parts) if parts else None
            # Not if it reads like another node: x*1 is written x, and equal expressions are different nodes.
            if whole is not None and len(whole.text) <= LONGEST and whole.binding < CLOSED + ("(" in whole.text):
                first = self._texts.setdefault(whole.text, id(v))
                if first == id(v):
                    return whole
        name = self._temporary()
        self._exprs[id(v)] = name
        self.defined.append((name, v))
        return name

    def definition(self, v: Value) -> Expr:
        """The operation of a node that was given a name, over its operands' names."""
        if v.op is None:
            return Expr(decimal(v.data, self.digits), latex=latex_decimal(v.data, self.digits))
        if len(v.operands) > 8:
            first, last = self.operand(v.operands[0]), self.operand(v.operands[-1])
            return Expr(
                f"{v.op.name}({first.text}, ..., {last.text})",
                rf"\operatorname{{{_upright(v.op.name)}}}({first.latex}, \ldots, {last.latex})",
            )
        return applied(v, [self.operand(x) for x in v.operands])

    def partial(self, v: Value, k: int) -> Expr | None:
        """The local derivative of `v` in its operand k by the operation's own rule; None where that is too long."""
        op = v.op
        if op is None or len(v.operands) > WIDEST:
            return None
        everyone = (v, *v.operands)
        holders = [self._holder(x, i) for i, x in enumerate(everyone)]
        try:
            # First with place holders, to see which nodes the rule reads: only those need names.
            trial = written(op, k, holders[0], holders[1:])
            read = {int(i) for i in _HOLDER.findall(trial.text)}
            z, *xs = (self.operand(x) if i in read else holders[i] for i, x in enumerate(everyone))
            return written(op, k, z, xs)
        except (ArithmeticError, TypeError, ValueError):
            return None  # a user's own rule that only floats can run

    def _holder(self, x: Value | float, i: int) -> Expr:
        return Expr(f"\0{i}\0") if isinstance(x, Value) else number(x)


def _upright(name: str) -> str:
    return name.replace("\\", "").replace("{", "").replace("}", "").replace("_", r"\_")


def applied(v: Value, operands: Sequence[Expr]) -> Expr:
    """The operation of `v` over other operands, as an expression."""
    assert v.op is not None
    whole: Expr = v.op.apply(tuple(operands))
    return whole


_DEEPEST = 12
"""So many scopes are tried before the whole name: all ends of a name together are as long as its square."""


def _ends(name: str) -> list[str]:
    """The ends of a dotted name, shortest first. A neuron's output h1.h1 is the neuron: h1, not h1.h1."""
    scopes, last = list(scope_of(name)), last_part(name)
    if not scopes:
        return [name]
    if scopes[-1] == last:
        scopes.pop()
    inner = range(len(scopes), max(len(scopes) - _DEEPEST, 0), -1)
    return [".".join([*scopes[i:], last]) for i in (*inner, 0)]
