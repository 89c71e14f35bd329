"""Comparison: a right and a wrong backward pass side by side, in words, as a table, in HTML and in LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

from autograd import topological
from autograd.locks import cached
from viz.derivation import closed, tight
from viz.markup import MONO, SANS, escape
from viz.naming import Names, decimal, latex_decimal
from viz.palette import DARK, LIGHT, tint

if TYPE_CHECKING:
    from autograd import Value

__all__ = ["Comparison", "Telling"]

MOST_ROWS = 24
"""A table of more values is cut: those where the passes part come first."""

TITLES = {
    "order": "No topological order",
    "assign": "= instead of +=",
    "no-reset": "Gradients not reset",
    "set": "A set of operands",
}
CODE = {
    "order": ("for x in v.operands: send(x)", "for v in reversed(topological(root)): send(v)"),
    "assign": ("x.grad = v.grad * local", "x.grad += v.grad * local"),
    "no-reset": ("loss.backward()", "loss.zero_grad(); loss.backward()"),
    "set": ("for x in set(v.operands): ...", "for x in v.operands: ..."),
}
"""The wrong line and the right one, in micrograd's manner."""


@dataclass(frozen=True)
class Telling:
    """What the words need beyond the gradients themselves; see ``viz.mistakes``.

    Attributes:
        contributions: what the right pass sums up at the first value where the two part.
        early: for "order": who sent too early, what it had, what it should have had, how many of how many had arrived.
        cause: the first value at which the mistake could tell; None: the graph has none.
        ways: for two training steps, by ``id`` of a parameter: the gradient of the first step, the number after it, and
            the numbers after the second step, right and wrong.
    """

    kind: str
    walk: str
    rate: float | None
    contributions: Sequence[float]
    early: tuple[Value, float, float, int, int] | None
    cause: Value | None
    ways: Mapping[int, tuple[float, ...]]


@dataclass(frozen=True)
class Comparison:
    """A mistake beside the right pass. ``print`` it, or return it from a notebook cell.

    Attributes:
        kind: "order", "assign", "no-reset" or "set".
        root: what was differentiated.
        nodes: every value of the graph, in the order in which the right pass knows their gradients.
        right, wrong: the gradients by ``id(value)``; for "no-reset" after two passes, or in the second training step.
        parted: the values whose gradients differ, in that order.
    """

    kind: str
    root: Value = field(repr=False)
    nodes: tuple[Value, ...] = field(repr=False)
    right: Mapping[int, float] = field(repr=False)
    wrong: Mapping[int, float] = field(repr=False)
    parted: tuple[Value, ...] = field(repr=False)
    digits: int
    _telling: Telling = field(repr=False)
    _elsewhere: Callable[[], Comparison] | None = field(repr=False)

    @property
    def first(self) -> Value | None:
        """The first value where the two passes part; None where this graph does not show the mistake."""
        return self.parted[0] if self.parted else None

    @property
    def shows(self) -> bool:
        """Whether this graph shows the mistake."""
        return bool(self.parted)

    @cached
    def example(self) -> Comparison | None:
        """The same mistake on the smallest graph that shows it, where this one does not; else None."""
        return self._elsewhere() if self._elsewhere else None

    @property
    def title(self) -> str:
        """The mistake in a few words."""
        return TITLES[self.kind]

    # -- in words ------------------------------------------------------------------------------------------------------

    @cached
    def _names(self) -> Names:
        return Names(topological(self.root), self.root, self.root, self.digits)

    def _n(self, x: float) -> str:
        return decimal(x, self.digits)

    def _d(self, v: Value) -> str:
        names = self._names
        return f"d{tight(names.of(self.root).text)}/d{tight(names.of(v).text)}"

    @cached
    def words(self) -> str:
        """What goes wrong, and where first, with numbers; or why this graph does not show it."""
        if self.first is None:
            return self._why_not()
        tell = {"order": self._order, "assign": self._assign, "no-reset": self._no_reset, "set": self._set}
        return tell[self.kind](self.first)

    def _should(self, v: Value) -> str:
        parts = self._telling.contributions
        paths = f" ({_paths(len(parts))}: {self._sum(parts)})" if len(parts) > 1 else ""
        return f"{self._d(v)} should be {self._n(self.right[id(v)])}{paths}"

    def _sum(self, parts: Sequence[float]) -> str:
        shown = [*parts] if len(parts) <= 6 else [*parts[:3], parts[-1]]
        texts = [f"({t})" if i and t.startswith("-") else t for i, t in enumerate(map(self._n, shown))]
        if len(parts) > 6:
            texts.insert(3, "...")
        return " + ".join(texts)

    def _assign(self, v: Value) -> str:
        wrong, count = self._n(self.wrong[id(v)]), len(self._telling.contributions)
        how = "the second one overwrites the first" if count == 2 else "each overwrites the one before, the last stays"
        return f"{self._should(v)}; with = instead of += {how}: {wrong}."

    def _set(self, v: Value) -> str:
        name, wrong = self._names.of(v).text, self._n(self.wrong[id(v)])
        user, times = self._repeats(v)
        lost = "one path is" if times == 2 else f"{times - 1} paths are"
        return (
            f"{self._should(v)}: {name} stands {_times(times)} among the operands of {self._names.of(user).text}. "
            f"A set keeps it once, so {lost} lost: {wrong}."
        )

    def _repeats(self, v: Value) -> tuple[Value, int]:
        """The first value that uses `v` more than once, and how often."""
        for user in self.nodes:
            times = sum(x is v for x in user.operands)
            if times > 1:
                return user, times
        raise AssertionError("a set can lose only what stands twice")

    def _order(self, v: Value) -> str:
        wrong = self._n(self.wrong[id(v)])
        if self._telling.early is None:
            return f"{self._should(v)}; it comes out as {wrong}: a value was visited before its gradient was whole."
        sender, had, needed, arrived, of = self._telling.early
        return (
            f"{self._should(v)}. {self._telling.walk.capitalize()} first, {self._names.of(sender).text} was visited as "
            f"soon as it was reached, when {arrived} of its {_paths(of)} had arrived: it passed on {self._n(had)} "
            f"where {self._n(needed)} was due, and {self._d(v)} comes out as {wrong}."
        )

    def _no_reset(self, v: Value) -> str:
        right, wrong = self._n(self.right[id(v)]), self._n(self.wrong[id(v)])
        if self._telling.ways:
            kept, moved, right_end, wrong_end = self._telling.ways[id(v)]
            name = self._names.of(v).text
            return (
                f"In the second training step {self._d(v)} should be {right}; the {self._n(kept)} of the first step is "
                f"still in it: {wrong}. So {name} goes from {self._n(moved)} to {self._n(wrong_end)}, where "
                f"{self._n(right_end)} was due."
            )
        text = (
            f"In the second pass {self._d(v)} should be {right} again; without a reset it starts from the {right} of "
            f"the first pass, ends at {wrong}, and passes that on"
        )
        leaf = next((x for x in self.parted if x.is_leaf), None)
        if leaf is None:
            return text + "."
        return (
            f"{text}: after two passes {self._d(leaf)} is {self._n(self.wrong[id(leaf)])}, where two right ones add up "
            f"to {self._n(self.right[id(leaf)])}."
        )

    def _why_not(self) -> str:
        cause, walk = self._telling.cause, self._telling.walk
        if cause is None:
            why = {
                "order": f"visited {walk} first, every value has its whole gradient before it passes it on. It takes a "
                "computed value that is used twice, once directly and once by a detour.",
                "assign": "no value in it is used twice, so no gradient has two paths, and = does what += does.",
                "no-reset": "nothing is computed between the leaves and the root, so no leftover is passed on; and in "
                "the leaves two passes rightly add up.",
                "set": "no operation in it has the same value twice among its operands, as x*x has.",
            }
        else:
            name = self._names.of(cause).text
            why = {
                "order": f"{name} passes its gradient on too early, but what comes late is 0.",
                "assign": f"{name} is used more than once, but all paths before its last one bring 0.",
                "no-reset": f"{name} keeps its gradient, but that is 0.",
                "set": f"an operand stands twice in {name}, but what a set would lose is 0.",
            }
        return f"This graph does not show the mistake: {why[self.kind]}"

    # -- shown ---------------------------------------------------------------------------------------------------------

    @property
    def _columns(self) -> tuple[str, str]:
        if self.kind != "no-reset":
            return "right", "wrong"
        return ("right, step 2", "wrong, step 2") if self._telling.ways else ("right, 2 passes", "wrong, 2 passes")

    def _rows(self) -> list[Value]:
        """The values that a table shows: all, or as many as a reader can take, those that part first."""
        if len(self.nodes) <= MOST_ROWS:
            return list(self.nodes)
        parted = {id(v) for v in self.parted}
        preferred = [*self.parted[: MOST_ROWS - 4], *(v for v in self.nodes if id(v) not in parted)][:MOST_ROWS]
        chosen = {id(v) for v in preferred}
        return [v for v in self.nodes if id(v) in chosen]

    def _mark(self, v: Value) -> str:
        if v is self.first:
            return "≠ they part here"
        return "≠" if any(v is x for x in self.parted[:MOST_ROWS]) else ""

    def _cells(self) -> Iterator[tuple[Value, str, str, str, str]]:
        for v in self._rows():
            yield v, self._d(v), self._n(self.right[id(v)]), self._n(self.wrong[id(v)]), self._mark(v)

    def _left_out(self) -> str:
        left = len(self.nodes) - len(self._rows())
        more = max(0, len(self.parted) - sum(any(v is x for x in self.parted) for v in self._rows()))
        return f"{left} more values, {more} of them different" if left else ""

    def _where(self) -> list[str]:
        """What the names stand for that had to be made up."""
        self._d(self.root)
        defined = self._names.defined[:8]
        return [f"where {name.text} = {self._names.definition(v).text}" for name, v in defined]

    def table(self) -> str:
        """Right and wrong gradients side by side, as plain text."""
        rows = [("", *self._columns, ""), *((d, right, wrong, mark) for _, d, right, wrong, mark in self._cells())]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = [
            f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}".rstrip() for row in rows
        ]
        return "\n".join([*lines, *filter(None, [self._left_out()]), *self._where()])

    @property
    def text(self) -> str:
        """Title, words and table; where this graph does not show the mistake, the smallest one that does."""
        parts = [f"{self.title}: {self.words}"]
        if self.shows:
            parts.append(self.table())
        if self.example is not None:
            parts.append(f"The smallest graph that does:\n{self.example.text}")
        return "\n\n".join(parts)

    def __str__(self) -> str:
        return self.text

    @property
    def latex(self) -> str:
        """The first gradient where the two part: the right sum, and what the mistake makes of it."""
        if self.first is None:
            return self.example.latex if self.example else ""
        v, names = self.first, self._names
        goal = rf"\frac{{\partial {closed(names.of(self.root))}}}{{\partial {closed(names.of(v))}}}"
        right, wrong = (latex_decimal(g[id(v)], self.digits) for g in (self.right, self.wrong))
        parts = self._telling.contributions
        shown = [latex_decimal(x, self.digits) for x in (parts if len(parts) <= 6 else [*parts[:3], parts[-1]])]
        terms = [rf"\left({t}\right)" if i and t.startswith("-") else t for i, t in enumerate(shown)]
        if len(parts) > 6:
            terms.insert(3, r"\cdots")
        middle = f"{' + '.join(terms)} = " if len(parts) > 1 and self.kind != "no-reset" else ""
        return rf"{goal} = {middle}{right} \quad\text{{and not}}\quad {wrong}"

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex}\n$$"

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        bundle = {"text/html": self.html, "text/plain": self.text}
        return {
            kind: data
            for kind, data in bundle.items()
            if (not include or kind in include) and (not exclude or kind not in exclude)
        }

    @property
    def html(self) -> str:
        """The comparison as HTML for a notebook: readable without its style sheet too, dark where the page is dark."""
        body = self._body()
        if self.example is not None:
            body += f"<p>The smallest graph that does:</p>{self.example._shown()}"
        return f'<div class="autograd-mistake">{_style(body)}{body}</div>'

    def _body(self) -> str:
        wrong, right = CODE[self.kind]
        return (
            f"<p><strong>{escape(self.title)}</strong><br><code>{escape(wrong)}</code> in place of "
            f"<code>{escape(right)}</code></p>{self._shown()}"
        )

    def _shown(self) -> str:
        words = f"<p>{escape(self.words)}</p>"
        if not self.shows:
            return words
        largest = max((abs(g[id(v)]) for g in (self.right, self.wrong) for v in self._rows()), default=0.0, key=_finite)
        rows = "".join(
            f'<tr{_first(v is self.first)}><th scope="row">{escape(d)}</th>'
            f'<td class="m-{tint(self.right[id(v)], largest)}">{escape(_minus(r))}</td>'
            f'<td class="m-{tint(self.wrong[id(v)], largest)}">{escape(_minus(w))}</td><td>{escape(mark)}</td></tr>'
            for v, d, r, w, mark in self._cells()
        )
        names = "".join(f'<th scope="col">{escape(c)}</th>' for c in ("gradient", *self._columns, ""))
        notes = "".join(f"<p>{escape(line)}</p>" for line in filter(None, [self._left_out(), *self._where()]))
        return f"{words}<table><thead><tr>{names}</tr></thead><tbody>{rows}</tbody></table>{notes}"


def _first(is_first: bool) -> str:
    return ' class="m-first"' if is_first else ""


def _finite(x: float) -> float:
    return x if isfinite(x) else 0.0


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _paths(count: int) -> str:
    return "two paths" if count == 2 else f"{count} paths"


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"


_LAYOUT = (
    f".autograd-mistake{{font:14px/1.5 {SANS};padding:12px 16px;border-radius:8px;border:1px solid;max-width:64em;"
    "overflow-x:auto}.autograd-mistake p{margin:0 0 8px}"
    f".autograd-mistake code{{font:13px {MONO};background:none;color:inherit}}"
    ".autograd-mistake table{border-collapse:collapse;margin:4px 0 8px;font-size:13px;border:0}"
    ".autograd-mistake th,.autograd-mistake td{text-align:right;padding:3px 12px;border:0;border-bottom:1px solid;"
    "white-space:nowrap}"
    ".autograd-mistake th:first-child,.autograd-mistake td:last-child{text-align:left}"
    f".autograd-mistake tbody th{{font:13px {MONO}}}"
    ".autograd-mistake .m-first th,.autograd-mistake .m-first td{font-weight:bold}"
)


def _style(body: str) -> str:
    """The style sheet of the colours that are used: the reader's preference, then what the notebook's theme says."""
    used = [name for name in LIGHT if f'"m-{name}"' in body]

    def theme(colours: Mapping[str, str], before: str = "") -> str:
        box = f"{before}.autograd-mistake"
        return (
            f"{box}{{background:{colours['page']};color:{colours['ink']};border-color:{colours['hairline']}}}"
            f"{box} tr,{box} tbody tr:nth-child(n),{box} tbody tr:hover{{background:none}}"
            f"{box} th,{box} td{{color:{colours['ink']};border-color:{colours['hairline']}}}"
            + "".join(f"{box} td.m-{name}{{background:{colours[name]}}}" for name in used)
        )

    dark = "".join(theme(DARK, f"{page} ") for page in ('[data-jp-theme-light="false"]', ".vscode-dark"))
    light = "".join(theme(LIGHT, f"{page} ") for page in ('[data-jp-theme-light="true"]', ".vscode-light"))
    return f"<style>{_LAYOUT}{theme(LIGHT)}@media (prefers-color-scheme:dark){{{theme(DARK)}}}{dark}{light}</style>"
