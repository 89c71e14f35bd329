"""What a check found: an entry for every input, and the report over all of them. Plain data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from autograd.check.differences import Sample

Verdict = Literal["right", "wrong", "undecidable"]
VERDICTS: tuple[Verdict, ...] = ("wrong", "undecidable", "right")


@dataclass(frozen=True)
class Culprit:
    """One local derivative that is not that of its operation.

    Attributes:
        operation, expression: the node: its operation's name, and how it is written (short), both as text.
        operand: the position of the operand, from 0. ``operands``: the numbers it was recorded at.
        recorded, expected, error: the local derivative of the graph, that of the operation, and its error.
    """

    operation: str
    expression: str
    operand: int
    operands: tuple[float, ...]
    recorded: float
    expected: float
    error: float

    def __str__(self) -> str:
        shown = ", ".join(f"{x:.6g}" for x in self.operands[:4]) + (", ..." if len(self.operands) > 4 else "")
        which = f" with respect to its operand {self.operand + 1}" if len(self.operands) > 1 else ""
        return (
            f"the local derivative of {self.expression}{which}, at {self.operation}({shown}): "
            f"recorded {self.recorded!r}, differences give {self.expected!r} (+- {self.error:.1e})"
        )


@dataclass(frozen=True)
class KinkNote:
    """An operation at a kink, or within reach of one: where, how far (0 is at it), and the convention it follows."""

    operation: str
    expression: str
    distance: float
    convention: str

    def __str__(self) -> str:
        where = "at its kink" if self.distance == 0.0 else f"{abs(self.distance):.1e} from its kink"
        return f"{self.expression} is {where}" + (f" (convention: {self.convention})" if self.convention else "")


@dataclass(frozen=True)
class Entry:
    """One input, or one direction.

    Attributes:
        name, path: the input as its function calls it, and its place among the arguments, as in ``[0]['w'][2]``.
        at: the point. ``gradient``: the number under check.
        numerical, error: by finite differences of f, and a bound of their error (truncation and rounding).
        verdict: "right", "wrong" or "undecidable". ``kind``: the sort of reason, one word; ``reason``: in words.
        reference, reference_error: by the chain rule over local derivatives from outside, where f has a graph of ours.
        left, right: the slopes on the two sides, where they matter. ``side``: where f is defined, "both" as a rule.
        culprit, kinks: the operations behind it. ``samples``: difference quotients by step size, for the V-shape.
        order: of the derivative. ``source``: where ``numerical`` comes from, if not from differences.
    """

    path: str
    at: float
    gradient: float
    numerical: float
    error: float
    verdict: Verdict = "undecidable"
    kind: str = ""
    reason: str = ""
    name: str = ""
    reference: float = math.nan
    reference_error: float = math.inf
    left: float = math.nan
    right: float = math.nan
    side: str = "both"
    culprit: Culprit | None = None
    kinks: tuple[KinkNote, ...] = ()
    samples: tuple[Sample, ...] = field(default=(), repr=False)
    order: int = 1
    source: str = ""

    @property
    def expected(self) -> float:
        """The best number to hold the gradient against."""
        return self.reference if math.isfinite(self.reference) else self.numerical

    @property
    def expected_error(self) -> float:
        """The error of ``expected``."""
        return self.reference_error if math.isfinite(self.reference) else self.error

    @property
    def digits(self) -> float:
        """How many leading digits of the gradient and the expected number agree; 17 where they are equal."""
        size = max(abs(self.expected), abs(self.gradient))
        gap = abs(self.expected - self.gradient)
        if not math.isfinite(gap) or not math.isfinite(size):
            return 0.0
        return 17.0 if gap == 0.0 else max(0.0, min(17.0, -math.log10(gap / size)))

    @property
    def curve(self) -> tuple[tuple[float, float], ...]:
        """(step, relative error of the difference quotient against the gradient): the V-shape, largest step first."""
        size = abs(self.gradient) or abs(self.expected) or 1.0
        return tuple((s.step, abs(s.slope - self.gradient) / size) for s in self.samples)

    def __str__(self) -> str:
        from autograd.check.report import entry_text

        return entry_text(self)


@dataclass(frozen=True)
class Report:
    """The verdict on a gradient: true when every entry is right.

    Attributes:
        entries: one for each input (or direction), in order.
        title, expression, point: the function's name, its graph written out where it is short, the inputs.
        method: how it was decided, in words. ``notes``: anything else worth knowing.
        evaluations: how often the function was called.
    """

    entries: tuple[Entry, ...]
    title: str = "f"
    expression: str = ""
    point: tuple[tuple[str, float], ...] = ()
    method: str = ""
    notes: tuple[str, ...] = ()
    evaluations: int = 0

    @property
    def verdict(self) -> Verdict:
        """The worst of the entries' verdicts: one wrong is wrong, else one undecidable is undecidable."""
        return min((entry.verdict for entry in self.entries), key=VERDICTS.index, default="right")

    @property
    def wrong(self) -> tuple[Entry, ...]:
        """The entries that are wrong, the simplest story first: fewest agreeing digits."""
        return tuple(sorted((e for e in self.entries if e.verdict == "wrong"), key=lambda e: e.digits))

    def __bool__(self) -> bool:
        return self.verdict == "right"

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __str__(self) -> str:
        from autograd.check.report import report_text

        return report_text(self)

    def _repr_html_(self) -> str:
        from autograd.check.html import report_html

        return report_html(self)

    def data(self) -> dict[str, Any]:
        """Everything as dictionaries, lists, numbers and text."""
        return {"verdict": self.verdict, **asdict(self)}

    def joined(self, other: Report) -> Report:
        """This report with the entries of another behind its own."""
        notes = (*self.notes, *(n for n in other.notes if n not in self.notes))
        calls = self.evaluations + other.evaluations
        return replace(self, entries=(*self.entries, *other.entries), notes=notes, evaluations=calls)
