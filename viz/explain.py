"""explain(root, w): the derivative d root / d w as the chain rule writes it, with the numbers."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field

from autograd import Value, verify
from autograd.errors import GraphError
from autograd.reverse import alone
from viz.derivation import Both, Remainder, Writer
from viz.naming import Names, decimal, latex_decimal, latex_prose
from viz.paths import Between, Folded, Way, folding, largest_paths, lattice

__all__ = ["Explanation", "Path", "explain"]

MOST_DEFINITIONS = 8


@dataclass(frozen=True)
class Path:
    """One path from the root down to the value.

    `nodes` runs from the root to the value (only the kept nodes, where neurons are folded), `values` are the
    derivatives between neighbours, and `product` is what the path adds to the gradient.
    """

    nodes: tuple[Value, ...] = field(repr=False)
    values: tuple[float, ...]
    product: float


@dataclass(frozen=True)
class Explanation:
    """The gradient of one value, path by path. ``print`` it, or return it from a notebook cell.

    Attributes:
        gradient: d root / d w by the reverse sweep over the recorded pass; ``w.grad`` is neither read nor written.
        total: the sum over all paths, computed apart from the sweep: of the products of `paths`, or, where not all
            are listed, by one pass from w upwards.
        path_count: the number of paths, exactly (it may have thousands of digits).
        paths: those that are written out; all, in the order of the operands, or the largest by size.
        remainder_count, remainder_sum: the paths not written out, and what they add: gradient minus those shown.
        magnitude: the sum of the sizes of all path products; cancellation is magnitude against gradient.
        bound: how far rounding alone can put `total` from `gradient`: a few eps times `magnitude`.
        agrees: whether they are that close; `why` says why not.
        folded: whether neurons are folded to one factor each.
        text, latex: the derivation.
    """

    gradient: float
    total: float
    path_count: int
    paths: tuple[Path, ...] = field(repr=False)
    remainder_count: int
    remainder_sum: float
    magnitude: float
    bound: float
    agrees: bool
    why: str
    folded: bool
    text: str = field(repr=False)
    latex: str = field(repr=False)

    def __str__(self) -> str:
        return self.text

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex}\n$$"

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        bundle = {"text/latex": self._repr_latex_(), "text/plain": self.text}
        return {
            kind: data
            for kind, data in bundle.items()
            if (not include or kind in include) and (not exclude or kind not in exclude)
        }


@alone
def explain(root: Value, w: Value, *, fold: bool = True, limit: int = 12, digits: int = 4) -> Explanation:
    """The derivative of `root` in `w` as a sum over paths, each a product of local derivatives.

        dL/dw1 = dL/do1 * do1/dh1 * dh1/dw1
               = sign(o1 - y) * w5*o1*(1 - o1) * x1*h1*(1 - h1)
               = (-1) * 0.2718 * (-0.3748)
               = 0.1019

    It reads the recorded pass and computes the gradient itself, so it works before ``backward()`` and changes nothing.

    Args:
        root: what is differentiated, the loss as a rule.
        w: any value that `root` was computed from, or `root` itself (the derivative is 1).
        fold: write each neuron (scope of names) as one factor; False shows every edge of the graph.
        limit: at most this many paths are written; of more, the largest by size, and the rest is counted and summed.
        digits: significant digits of the numbers, 1 to 17.

    Raises:
        TypeError: `root` or `w` is no Value, or an option is of the wrong type.
        ValueError: `limit` or `digits` is out of range.
        GraphError: `root` does not depend on `w`. StaleGraphError: data was edited after the forward pass.
    """
    for what, value in (("root", root), ("w", w)):
        if not isinstance(value, Value):
            raise TypeError(f"explain(root, w): {what} must be a Value of the graph, not {type(value).__name__}")
    for option, number, low, high in (("limit", limit, 1, 1000), ("digits", digits, 1, 17)):
        if isinstance(number, bool) or not isinstance(number, int):
            raise TypeError(f"explain: {option} must be a whole number, not {number!r}")
        if not low <= number <= high:
            raise ValueError(f"explain: {option} must be {low} to {high}, not {number}")
    verify(root)
    between = Between(root, w)
    if not between.nodes or between.nodes[-1] is not root:
        raise GraphError(
            f"{_said(root)} does not depend on {_said(w)}: no path leads from one to the other. Either it was never "
            "used, or the graph was cut on the way: by no_grad(), by detach(), or by arithmetic on .data"
        )
    return _explanation(between, folding(between, fold), limit, digits)


def _said(v: Value) -> str:
    return f"the value {v.name!r}" if v.name else f"the unnamed value {v.data!r}"


def _explanation(between: Between, folded: Folded, limit: int, digits: int) -> Explanation:
    root, w = between.nodes[-1], between.nodes[0]
    gradient, magnitude = between.gradient(), between.magnitude()
    count = folded.count()
    ways = largest_paths(folded, limit)
    shown = _sum(way.product for way in ways)
    if len(ways) == count:
        ways.sort(key=lambda way: lattice(folded, way))
        total, rest = shown, Remainder(0, 0.0)
    else:
        total, rest = between.total(), Remainder(count - len(ways), gradient - shown)
    tiny = sys.float_info.min * sys.float_info.epsilon
    bound = between.roundings() * (sys.float_info.epsilon / 2 * magnitude + tiny)
    why = _why_not(between, gradient, total, bound)
    writer = Writer(folded, Names(between.order, root, w, digits), digits)
    body = writer.derivation(ways, rest, gradient, w, root)
    notes = [*_definitions(writer, body), *_remarks(body, writer, w, gradient, bound, why)]
    return Explanation(
        gradient=gradient,
        total=total,
        path_count=count,
        paths=tuple(_path(between, way) for way in ways),
        remainder_count=rest.count,
        remainder_sum=rest.sum,
        magnitude=magnitude,
        bound=bound,
        agrees=not why,
        why=why,
        folded=folded.by_neuron,
        text="\n".join([body.text, *(note.text for note in notes)]),
        latex=_with_notes(body.latex, notes),
    )


def _sum(products: Iterable[float]) -> float:
    """The sum, rounded once; with infinities as floats add them."""
    listed = list(products)
    try:
        return math.fsum(listed)
    except (OverflowError, ValueError):
        return sum(listed)


def _why_not(between: Between, gradient: float, total: float, bound: float) -> str:
    """Why the paths' sum and the reverse sweep are not the same number, or nothing."""
    if gradient == total or abs(total - gradient) <= bound < math.inf:
        return ""
    for v, wires in zip(between.nodes, between.wires, strict=True):
        for _, k, p in wires:
            if not math.isfinite(p):
                return (
                    f"the local derivative of {_said(v)} ({v.op.name if v.op else ''}) in its operand {k + 1} is {p}, "
                    "and a sum over paths with infinities in it depends on its order"
                )
    if not math.isfinite(gradient) or not math.isfinite(total) or bound == math.inf:
        return "products along the way overflow, so the order of multiplying decides"
    return f"they differ by {abs(total - gradient):.3g}, more than rounding explains ({bound:.3g}): please report it"


def _path(between: Between, way: Way) -> Path:
    return Path(tuple(between.nodes[i] for i in way.nodes), tuple(edge.weight for edge in way.edges), way.product)


def _definitions(writer: Writer, body: Both) -> list[Both]:
    """A line for every name that had to be made up and is read in the derivation or in another definition."""
    names, lines = writer.names, list[Both]()
    waiting, defined = [body.text], set[str]()
    while waiting and len(lines) < MOST_DEFINITIONS:
        used = set(re.findall(r"\bv[0-9]+\b", waiting.pop(0))) - defined
        for name, v in [each for each in names.defined if each[0].text in used]:
            defined.add(name.text)
            formula = names.definition(v)
            waiting.append(formula.text)
            value = Both(decimal(v.data, writer.digits), latex_decimal(v.data, writer.digits))
            text = f"where {name.text} = {formula.text} = {value.text}"
            lines.append(Both(text, rf"\text{{where }} {name.latex} = {formula.latex} = {value.latex}"))
    return lines[:MOST_DEFINITIONS]


def _remarks(body: Both, writer: Writer, w: Value, gradient: float, bound: float, why: str) -> list[Both]:
    remarks = []
    if re.search(r"\|[0-9]", body.text):
        remarks.append("|1, |2: by way of the first, the second operand")
    if writer.folded.tangled:
        remarks.append("Every edge is shown: the nodes inside the neurons are too entangled to be folded.")
    if why:
        remarks.append(f"The sum over the paths is not the gradient: {why}.")
    if w.has_grad and abs(w.grad - gradient) > 2 * bound:
        grad, name = decimal(w.grad, writer.digits), writer.names.of(w).text
        remarks.append(f"{name}.grad reads {grad}: it holds another backward pass, or several.")
    return [Both(remark, latex_prose(remark)) for remark in remarks]


def _with_notes(latex: str, notes: Sequence[Both]) -> str:
    if not notes:
        return latex
    rows = " \\\\\n".join(note.latex for note in notes)
    return f"\\begin{{gathered}}\n{latex} \\\\\n{rows}\n\\end{{gathered}}"
