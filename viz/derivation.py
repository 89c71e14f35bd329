r"""The chain rule written out: a sum of paths, each a product of local derivatives, as text and as LaTeX.

A derivation is a column of lines that begin with "=": the factors by name, by symbol, in numbers, the products, the
result. Each line has one row per path, joined by "+".
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from autograd import Value
from autograd.text import CLOSED, PRODUCT, Expr, bracketed, negated, number, plus
from viz.naming import Names, decimal, latex_decimal
from viz.paths import Folded, Way

__all__ = ["Factor", "Remainder", "Writer", "big", "closed", "tight"]

MOST_FACTORS = 12
"""A path with more factors is written with its middle left out."""

LONGEST_SYMBOL = 70
"""A factor whose expression is longer (in characters) stays a derivative by name in the line of symbols."""

INNER_WAYS = 4
"""A neuron with more ways from output to input than this keeps its derivative by name in the line of symbols."""


_ATOM = re.compile(r'[\w\[\]]+|"[^"]*"')
_INNER_DOT = re.compile(r" \\cdot (?!-?[0-9])")


class Both(NamedTuple):
    """The same thing as text and as LaTeX."""

    text: str
    latex: str


@dataclass(frozen=True)
class Factor:
    """One factor of a path: a derivative by name ("do1/dh1"), by symbols ("w5*o1*(1 - o1)"), and its value."""

    name: Both
    symbol: Both
    value: float


@dataclass(frozen=True)
class Remainder:
    """The paths that are not written: how many, and the sum of their products."""

    count: int
    sum: float


def big(n: int) -> str:
    """A count in words that fit a line: exact up to 30 digits, beyond that its size."""
    if n < 10**30:
        return f"{n:,}"
    exponent = math.log10(n)  # takes integers of any size
    return f"about {10 ** (exponent % 1):.4g}e{int(exponent)}"


def _plain(value: float, digits: int) -> Both:
    return Both(decimal(value, digits), latex_decimal(value, digits))


def _bracketed(value: float, digits: int) -> Both:
    return _as_term(_plain(value, digits))


def _as_term(row: Both) -> Both:
    """A row as it stands behind a plus: in brackets if it begins with a sign."""
    return Both(f"({row.text})", f"({row.latex})") if row.text.startswith("-") else row


def _loose(text: str) -> bool:
    """Whether an expression needs brackets as a factor of a product: it is a sum, or begins with a sign."""
    depth = 0
    for i, char in enumerate(text):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif depth == 0 and (text.startswith((" + ", " - "), i) or (char == "-" and i == 0)):
            return True
    return False


class Writer:
    """Writes paths through one folded graph."""

    def __init__(self, folded: Folded, names: Names, digits: int) -> None:
        """Use these names, and numbers with `digits` significant digits."""
        self.folded = folded
        self.names = names
        self.digits = digits

    # -- factors ---------------------------------------------------------------------------------------------------

    def derivative(self, of: Value, by: Value, operand: int | None = None) -> Both:
        r"""``do1/dh1`` and ``\frac{\partial o_1}{\partial h_1}``; with an operand, by way of that operand."""
        above, below = self.names.of(of), self.names.of(by)
        text = f"d{tight(above.text)}/d{tight(below.text)}"
        latex = rf"\frac{{\partial {closed(above)}}}{{\partial {closed(below)}}}"
        if operand is None:
            return Both(text, latex)
        return Both(f"{text}|{operand + 1}", rf"\left.{latex}\right|_{{{operand + 1}}}")

    def factor(self, way: Way, position: int) -> Factor:
        """The factor of a path at a position, counted from the root."""
        nodes, edge = self.folded.between.nodes, way.edges[position]
        i = way.nodes[position]
        name = self.derivative(nodes[i], nodes[edge.to], edge.operand)
        return Factor(name, self._symbol(i, edge.to, edge.operand) or name, edge.weight)

    def _symbol(self, i: int, to: int, operand: int | None) -> Both | None:
        ways = [[(i, operand)]] if operand is not None else self.folded.inner_ways(i, to, INNER_WAYS)
        terms: list[Expr] = []
        for way in ways or []:
            term = self._term(way)
            if term is None:
                return None
            terms.append(term)
        if not terms:
            return None
        whole = terms[0]
        for term in terms[1:]:
            whole = plus(whole, term)
        if len(whole.text) > LONGEST_SYMBOL:
            return None
        # Inside a factor a thin space multiplies, so that the dots part the factors.
        return Both(whole.text, _INNER_DOT.sub(r" \\, ", whole.latex))

    def _term(self, way: Sequence[tuple[int, int]]) -> Expr | None:
        """One way through a neuron: the innermost derivative first, as the lesson writes w5 * o1(1 - o1)."""
        negative, term = False, number(1.0)
        for at, k in way:
            partial = self.names.partial(self.folded.between.nodes[at], k)
            if partial is None:
                return None
            if partial.text == "-1":
                negative = not negative
            else:
                term = _joined(partial, term)
        return negated(term) if negative else term

    # -- rows ------------------------------------------------------------------------------------------------------

    def derivation(self, ways: Sequence[Way], rest: Remainder, result: float, w: Value, root: Value) -> Both:
        """All lines, for the paths given and the remainder."""
        left = self.derivative(root, w)
        if root is w:
            return _column(left, [[Both("1", "1")]])
        written = [self._rows(way) for way in ways]
        more = f"... ({big(rest.count)} more paths)" if rest.count else ""
        lines: list[list[Both]] = []
        for kind in range(3):
            rows = [rows[kind] for rows in written]
            rows = [row if j == 0 else _as_term(row) for j, row in enumerate(rows)]
            if rest.count and kind < 2:
                rows.append(Both(more, rf"\cdots\;\text{{({big(rest.count)} more paths)}}"))
            elif rest.count:
                rows.append(self._rest(rest))
            lines.append(rows)
        if len(ways) + bool(rest.count) > 1:
            products = [_plain(way.product, self.digits) for way in ways]
            products = [row if j == 0 else _as_term(row) for j, row in enumerate(products)]
            products += [self._rest(rest)] if rest.count else []
            lines.append(_wrapped(products))
        plain = _plain(result, self.digits)
        answer = Both(plain.text, rf"\mathbf{{{plain.latex}}}")
        lines.append([answer])
        return _column(left, _without_repeats(left, lines))

    def _rest(self, rest: Remainder) -> Both:
        number = _bracketed(rest.sum, self.digits)
        count = big(rest.count)
        return Both(f"{number.text} ({count} more paths)", rf"{number.latex}\;\text{{({count} more paths)}}")

    def _rows(self, way: Way) -> tuple[Both, Both, Both]:
        """A path as a product of names, of symbols and of numbers."""
        length = len(way.edges)
        if length <= MOST_FACTORS:
            shown, hidden = list(range(length)), 0
        else:
            half = MOST_FACTORS // 2
            shown, hidden = [*range(half), *range(length - half, length)], length - 2 * half
        factors = [self.factor(way, position) for position in shown]
        alone = len(factors) == 1
        names = [f.name for f in factors]
        symbols = [f.symbol if alone or not _loose(f.symbol.text) else _in_brackets(f.symbol) for f in factors]
        numbers = [_plain(f.value, self.digits) if alone else _bracketed(f.value, self.digits) for f in factors]
        if hidden:
            gap = Both(f"... ({big(hidden)} factors) ...", rf"\cdots\text{{({big(hidden)} factors)}}\cdots")
            product = 1.0
            for edge in way.edges[len(names) // 2 : length - len(names) // 2]:
                product *= edge.weight
            size = _bracketed(product, self.digits)
            filled = Both(f"... {size.text} ...", rf"\cdots {size.latex} \cdots")
            for row, middle in ((names, gap), (symbols, gap), (numbers, filled)):
                row.insert(len(factors) // 2, middle)
        return _product(names), _product(symbols), _product(numbers)


def _joined(a: Expr, b: Expr) -> Expr:
    """a*b without the brackets that the order of multiplying alone would ask for."""
    if "1" in (a.text, b.text):
        return b if a.text == "1" else a
    a, b = bracketed(a, PRODUCT), bracketed(b, PRODUCT)
    if b.text.startswith("-"):
        b = bracketed(b, CLOSED)
    return Expr(f"{a.text}*{b.text}", rf"{a.latex} \cdot {b.latex}", PRODUCT)


def tight(text: str) -> str:
    """A name as it stands behind a d: in brackets unless it is one symbol."""
    return text if _ATOM.fullmatch(text) else f"({text})"


def closed(name: Expr) -> str:
    """The LaTeX of a name behind a d: in brackets unless it is one symbol."""
    return rf"\left({name.latex}\right)" if tight(name.text) != name.text else name.latex


def _in_brackets(both: Both) -> Both:
    return Both(f"({both.text})", rf"\left({both.latex}\right)")


def _product(row: Sequence[Both]) -> Both:
    return Both(" * ".join(each.text for each in row), r" \cdot ".join(each.latex for each in row))


def _wrapped(terms: Sequence[Both]) -> list[Both]:
    """A sum in as few rows as it fits."""
    rows = [terms[0]]
    for term in terms[1:]:
        longer = f"{rows[-1].text} + {term.text}"
        if len(longer) <= 72:
            rows[-1] = Both(longer, f"{rows[-1].latex} + {term.latex}")
        else:
            rows.append(term)
    return rows


def _without_repeats(left: Both, lines: Sequence[list[Both]]) -> list[list[Both]]:
    """Drop lines that say what the line before them said."""
    kept: list[list[Both]] = []
    before = left.text
    for line in lines:
        text = " + ".join(row.text for row in line).replace("(", "").replace(")", "")
        if text != before:
            kept.append(_wrapped(line) if len(text) <= 40 else list(line))
        before = text
    return kept


def _column(left: Both, lines: Sequence[Sequence[Both]]) -> Both:
    text, latex = [], []
    margin = " " * len(left.text)
    for i, rows in enumerate(lines):
        for j, row in enumerate(rows):
            sign = "=" if j == 0 else "+"
            text.append(f"{left.text if i == j == 0 else margin} {sign} {row.text}")
            start = left.latex if i == j == 0 else ""
            latex.append(f"{start} &{sign} {row.latex}" if j == 0 else f"{start} &\\quad {sign} {row.latex}")
    return Both("\n".join(text), "\\begin{aligned}\n" + " \\\\\n".join(latex) + "\n\\end{aligned}")
