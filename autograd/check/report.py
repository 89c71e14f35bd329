"""A report as text: the verdict first, then for each input what a person needs to act on it."""

from __future__ import annotations

import math
from collections.abc import Iterable

from autograd.check.verdict import VERDICTS, Entry, Report

MOST_SHOWN = 12
ADVICE = {
    "rule": "Next: correct the rule of {operation}; check it alone with check_gradients({operation}, ...).",
    "sum": "Next: look at how the contributions to this input are added up.",
    "gradient": "Next: derive this entry again; the difference quotients above do not depend on your formula.",
    "infinite": "Next: look for 0/0, 0 * inf or inf - inf in the formula of this entry.",
    "modes": "Next: check_gradients at this point says which mode is right.",
    "function": "Next: use autograd's operations on the Values themselves from input to result.",
    "convention": "Next: this is no bug of a rule; write the function without the kinks, or leave this point out.",
}


def numeral(x: float) -> str:
    """All digits of a float."""
    return repr(float(x))


def size_of(error: float) -> str:
    """An error with two digits; 0 below everything that floats reckon with."""
    return f"{error:.1e}" if error > 1e-300 else "0"


def headline(entry: Entry) -> str:
    """One line: verdict, input, gradient, what it should be."""
    at = f" {'=' if entry.order == 1 else 'at'} {numeral(entry.at)}" if entry.path else ""
    text = f"{entry.verdict:>11}  {entry.name or f'input{entry.path}'}{at}: gradient {numeral(entry.gradient)}"
    if math.isfinite(entry.expected):
        source = entry.source or ("by the chain rule" if math.isfinite(entry.reference) else "by differences")
        text += f", {source} {numeral(entry.expected)} +- {size_of(entry.expected_error)}"
    return text


def agreement(entry: Entry) -> str:
    """How many digits agree, in words."""
    if not math.isfinite(entry.expected) or entry.digits >= 16.5:
        return ""
    g, e = entry.gradient, entry.expected
    if g * e < 0.0 and math.isclose(g, -e, rel_tol=1e-6):
        return "the sign is wrong"
    if g == 0.0 and e:
        return "the gradient is 0 where the slope is not"
    if math.isfinite(g) and e and entry.digits < 1.0:
        return f"no digit agrees: the gradient is {g / e:.6g} times what it should be"
    if math.isfinite(g) and e:
        many, off = int(entry.digits), g / e - 1.0
        agree = "1 digit agrees" if many == 1 else f"{many} digits agree"
        return f"{agree}: the gradient is off by a factor of 1 {'+' if off > 0.0 else '-'} {abs(off):.2e}"
    return ""


def details(entry: Entry) -> list[str]:
    """The lines below the headline: reason, both numbers, culprit, kinks, advice."""
    lines = []
    if entry.verdict == "wrong":
        if agreed := agreement(entry):
            lines.append(agreed)
        if math.isfinite(entry.reference) and math.isfinite(entry.numerical):
            lines.append(f"finite differences of the function: {numeral(entry.numerical)} +- {size_of(entry.error)}")
    if entry.reason:
        lines.append(entry.reason)
    if entry.culprit is not None:
        lines.append(f"culprit: {entry.culprit}")
    if entry.verdict != "right":
        lines += [f"kink: {kink}" for kink in entry.kinks]
    return lines


def advice(entry: Entry) -> str:
    """What to do next about a wrong entry."""
    operation = entry.culprit.operation if entry.culprit else ""
    return ADVICE.get(entry.kind, "").format(operation=operation) if entry.verdict == "wrong" else ""


def entry_text(entry: Entry) -> str:
    """An entry as lines of text."""
    return "\n".join([headline(entry), *(f"{'':13}{line}" for line in details(entry))])


def worst_first(entries: Iterable[Entry]) -> list[Entry]:
    """The entries, wrong ones before undecidable ones before right ones, and else as they were."""
    return sorted(entries, key=lambda e: VERDICTS.index(e.verdict))


def counted(report: Report) -> str:
    """The verdicts, counted: ``2 wrong, 1 undecidable, 5 right``."""
    counts = {v: sum(e.verdict == v for e in report) for v in VERDICTS}
    return ", ".join(f"{n} {verdict}" for verdict, n in counts.items() if n) or "nothing to check"


def report_text(report: Report) -> str:
    """The whole story: verdict, expression, point, method, entries."""
    lines = [f"gradient of {report.title}: {counted(report)}"]
    if report.expression:
        lines.append(f"  f = {report.expression}")
    if report.point and len(report.point) <= 8:
        lines.append("  at " + ", ".join(f"{name} = {numeral(x)}" for name, x in report.point))
    elif report.point:
        lines.append(f"  at {len(report.point)} inputs")
    if report.method:
        lines.append(f"  {report.method}")
    lines += [f"  note: {note}" for note in report.notes]
    shown = worst_first(report.entries)[:MOST_SHOWN]
    lines += [entry_text(e) for e in shown]
    if len(report.entries) > len(shown):
        lines.append(f"  ... and {len(report.entries) - len(shown)} more entries")
    lines += [f"  {line}" for line in dict.fromkeys(map(advice, shown)) if line]
    return "\n".join(lines)
