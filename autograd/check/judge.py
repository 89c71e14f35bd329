"""From numbers to a verdict: what differs by more than the errors explain is wrong, and nothing else is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from autograd.check.differences import EPS, Estimate
from autograd.check.kinks import Kink, described
from autograd.check.replay import Edge, Found, Replay
from autograd.check.verdict import Culprit, Entry, KinkNote

EPS32 = 2.0**-23
NOTHING = Estimate(math.nan, math.inf, math.nan, "both", "unmeasured")
LOOSEST = 1e-3
"""Differences whose error is a larger share of the slope settle nothing."""
STRICT = 5e-8
"""The same where f is computed in double precision: what passes as right is right to seven digits."""
COARSE = 2.0**-6
"""Functions vary over lengths of 1 even where their input is large: floats further apart than this show nothing."""
BY_FORMULA = 1e-8
"""A correct formula may lose so much to rounding of its own: 1 - tanh(x)**2 does."""


@dataclass(frozen=True)
class Evidence:
    """What is known of one input before it is judged."""

    entry: Entry
    estimate: Estimate
    found: Found | None = None
    replay: Replay | None = None
    index: int = 0
    by_hand: bool = False
    single: bool = False
    tolerance: float | None = None
    hidden: bool = False
    largest: float = 0.0


def judged(e: Evidence) -> Entry:
    """The entry with its verdict and the reason for it."""
    entry = replace(
        e.entry,
        numerical=e.estimate.value,
        error=e.estimate.error,
        left=e.estimate.left,
        right=e.estimate.right,
        side=e.estimate.side,
        samples=e.estimate.samples,
    )
    if e.found is None or e.replay is None:
        return by_differences(entry, e)
    entry = replace(entry, kinks=notes_of(e.found.kinks))
    doubts = e.found.doubts
    silent = all(edge.silent for edge in doubts) and (not doubts or e.replay.one_sided(e.index) is None)
    judgement = by_graph(entry, e, e.found, e.replay) if silent else entry
    if doubts and not (judgement.verdict == "right" and not e.estimate.trouble):
        judgement = at_a_kink(entry, e, e.found, e.replay)
    if contradicted(e, judgement):
        return replace(judgement, verdict="undecidable", kind="contradiction", reason=CONTRADICTION)
    return judgement


def contradicted(e: Evidence, entry: Entry) -> bool:
    """Is an entry called right whose gradient is far from differences of f that found nothing wrong with themselves?"""
    found = e.estimate
    if entry.verdict != "right" or found.trouble or not math.isfinite(found.value) or e.tolerance is not None:
        return False
    gap, size = abs(entry.gradient - found.value), max(abs(entry.gradient), abs(found.value))
    noise = found.noise / max(abs(entry.at), 1e-3)
    return gap > 64.0 * (found.error + noise) and gap > (0.1 if e.single else 1e-2) * size


NO_DERIVATIVE = (
    "the derivative is nan, though the slope along this input alone is finite: beside this point, in other directions, "
    "it differs or grows without bound. Move the point"
)
CONTRADICTION = (
    "the local derivatives of the graph add up to this gradient, and differences of the function are far from it: f "
    "may have a kink here that its operations do not declare. Move the point"
)


def by_graph(entry: Entry, e: Evidence, found: Found, replay: Replay) -> Entry:
    """Every local derivative is known from outside: the gradient must be their chain rule, to the last bits."""
    reference, bound = found.value, 2.0 * found.bound
    if e.by_hand:
        exact = replay.total(e.index, reference)
        if exact is not None:
            bound += 4.0 * abs(exact - reference)  # what the roundings inside f do to a gradient by another formula
            reference = exact
        elif math.isfinite(e.estimate.error):
            bound += e.estimate.error
        bound += 2.0**14 * EPS * found.paths + BY_FORMULA * abs(reference)
    if e.single:
        bound += 64.0 * EPS32 * found.paths
    bound += 2.0 * EPS * abs(reference)
    entry = replace(entry, reference=reference, reference_error=bound)
    gap = abs(entry.gradient - reference)
    if not math.isfinite(bound) or not math.isfinite(reference):
        return replace(entry, verdict="undecidable", kind="overflow", reason=OVERFLOW)
    if e.tolerance is not None:
        bound = max(bound, e.tolerance * max(abs(reference), abs(entry.gradient)))
    if gap <= bound:
        return replace(entry, verdict="right")
    edges = sorted(replay.wrong_edges(e.index), key=lambda edge: -shift(edge))
    if edges and not e.by_hand:
        reason = "a local derivative is not that of its operation"
        return replace(entry, verdict="wrong", kind="rule", reason=reason, culprit=culprit_of(edges[0]))
    if math.isnan(entry.gradient) and not e.by_hand:
        return replace(entry, verdict="undecidable", kind="kink", reason=NO_DERIVATIVE)
    if e.by_hand:
        hidden = 4.0 * replay.noise() / max(1.0, abs(entry.at))
        if gap <= hidden and (entry.gradient == 0.0 or gap >= 2.0**-8 * hidden):  # what cancellation leaves
            return replace(entry, verdict="undecidable", kind="noise", reason=hidden_reason(entry, gap, hidden))
        return replace(entry, verdict="wrong", kind="gradient", reason="the gradient is not that of the function")
    reason = (
        "every local derivative is right, but they do not add up to this gradient: a path is missing or counted twice "
        "(= in place of += where a node is used more than once?)"
    )
    return replace(entry, verdict="wrong", kind="sum", reason=reason)


def shift(edge: Edge) -> float:
    """By how much a local derivative is off, as a share of itself."""
    size = max(abs(edge.slope.value), abs(edge.recorded), 1e-300)
    gap = abs(edge.recorded - edge.slope.value) / size
    return gap if gap == gap else math.inf


OVERFLOW = "a number on the way is infinite or not a number: nothing can be compared here. Choose a point nearer to 0"


def at_a_kink(entry: Entry, e: Evidence, found: Found, replay: Replay) -> Entry:
    """A local derivative on the way does not exist: what do the slopes of f on the two sides say?"""
    edge = found.doubts[0]
    sides = replay.one_sided(e.index)
    if sides is None and e.estimate.trouble == "kink":
        sides = e.estimate.left, e.estimate.right
    if sides is None and e.estimate.trouble == "" and math.isfinite(e.estimate.value):
        decided = by_differences(entry, e)
        if decided.verdict == "right":
            return decided
        entry = replace(entry, left=math.nan, right=math.nan)
    if sides is None or (edge.slope.trouble in ("edge", "unknown") and not all(map(math.isfinite, sides))):
        where = described(edge.node)
        reason = f"{where} is at the border of its domain, or stands upright: it has no finite slope. Move the point"
        return replace(entry, verdict="undecidable", kind="edge", reason=reason)
    left, right = sides = sides[0] + 0.0, sides[1] + 0.0
    entry = replace(entry, left=left, right=right)
    if not all(map(math.isfinite, sides)):
        reason = f"{described(edge.node)} jumps here: it has no slope at all. Move the point away from the jump"
        return replace(entry, verdict="undecidable", kind="jump", reason=reason)
    slack = 1e-9 * (found.paths if math.isfinite(found.paths) else abs(left) + abs(right)) + 4.0 * found.bound
    if not math.isfinite(slack):
        slack = 1e-9 * (abs(left) + abs(right))
    if abs(left - right) > slack:
        between = "" if min(sides) - slack <= entry.gradient <= max(sides) + slack else ", not even between the two"
        reason = (
            f"the function has a kink here: its slope is {left:.10g} on the left and {right:.10g} on the right, and "
            f"the convention gives {entry.gradient!r}{between}. Move the point, or accept the convention"
        )
        return replace(entry, verdict="undecidable", kind="kink", reason=reason)
    slope = 0.5 * (left + right)
    slack += EPS * abs(slope)
    entry = replace(entry, reference=slope, reference_error=slack)
    if abs(entry.gradient - slope) <= slack:
        return replace(entry, verdict="right")
    every = [edge for edges in replay.edges.values() for edge in edges]
    broken = [d for d in found.doubts if d.slope.trouble != "kink" or not math.isfinite(d.recorded)]
    if not broken and not math.isfinite(entry.gradient):
        broken = [edge for edge in every if not math.isfinite(edge.recorded)]
    if broken:
        node = broken[0].node
        reason = (
            f"the slope of the function is {slope:.10g}, but the chain rule goes through {described(node)}, which has "
            f"no finite slope where it stands: {entry.gradient!r} follows. Move the point, or write f without it"
        )
        return replace(entry, verdict="undecidable", kind="edge", reason=reason)
    if len(found.kinks) > 1:
        reason = (
            f"the slope is {slope:.10g} on both sides, so the function is smooth here; but {len(found.kinks)} kinks "
            f"cancel in it, and their conventions together give {entry.gradient!r}. Wrong by convention: write the "
            "function without them, or keep away from this point"
        )
    else:
        reason = (
            f"the slope is {slope:.10g} on both sides, so the function is smooth here; but the slope recorded at "
            f"{described(edge.node)} gives {entry.gradient!r}. Wrong by convention"
        )
    return replace(entry, verdict="wrong", kind="convention", reason=reason)


def by_differences(entry: Entry, e: Evidence) -> Entry:
    """Finite differences of f alone."""
    found, g = e.estimate, entry.gradient
    if found.trouble or not math.isfinite(found.value):
        kind, reason = trouble(entry, found)
        return replace(entry, verdict="undecidable", kind=kind, reason=reason)
    single = e.single or found.noise > 1e-10 * found.size
    size = max(abs(found.value), abs(g)) if math.isfinite(g) else abs(found.value)
    scale = abs(entry.at) or 1.0
    bound = found.error + (64.0 * EPS32 if single else 2.0**15 * EPS) * size + found.noise / max(scale, 1.0)
    entry = replace(entry, error=bound)
    gap = abs(g - found.value)
    if g == 0.0 and found.still:
        return replace(entry, verdict="right")
    if e.tolerance is not None:
        allowed = e.tolerance * size
        if bound > max(allowed, LOOSEST * size) and not bound <= 1e-6 * found.size / scale:
            return replace(entry, verdict="undecidable", kind="noise", reason=noise_reason(entry, bound))
        if gap <= max(allowed, bound):
            return replace(entry, verdict="right")
    elif gap <= max(bound, BY_FORMULA * size):
        settled = bound <= (LOOSEST if single else STRICT) * size
        settled = settled or (g == 0.0 and settled_at(bound, found, scale, size))
        minor = single and found.noise <= 1e-5 * found.size and bound <= LOOSEST * e.largest
        if settled or minor:
            return replace(entry, verdict="right")
        return replace(entry, verdict="undecidable", kind="noise", reason=noise_reason(entry, bound))
    noisy = found.noise > 1e-4 * found.size > 0.0
    loose = bound > 0.25 * size if math.isfinite(g) else not (found.still or settled_at(bound, found, scale, size))
    if loose or noisy:
        return replace(entry, verdict="undecidable", kind="noise", reason=noise_reason(entry, bound))
    if not math.isfinite(g):
        return replace(entry, verdict="wrong", kind="infinite", reason=f"the slope is finite, the gradient is {g}")
    if e.hidden:
        reason = (
            "the recorded graph is not what the function computes: run elsewhere, the two differ. Does it read .data, "
            "or use a number computed from an input outside autograd?"
        )
        return replace(entry, verdict="wrong", kind="function", reason=reason)
    return replace(entry, verdict="wrong", kind="gradient", reason="the gradient is not the slope of the function")


def settled_at(bound: float, found: Estimate, scale: float, size: float) -> bool:
    """Is an error small beside the slope, or beside the slope that would move f by a millionth of itself?"""
    return bound <= LOOSEST * size or bound <= 1e-6 * found.size / max(scale, 1.0)


def noise_reason(entry: Entry, bound: float) -> str:
    """Differences that settle nothing, in words."""
    return (
        f"differences of f leave an error of {bound:.1e} on a slope of {entry.numerical:.3g}: f is too noisy, or too "
        "flat beside its own size, to tell. Scale it, compute it in float64, or leave out a constant term"
    )


def hidden_reason(entry: Entry, gap: float, hidden: float) -> str:
    """A gradient that is off by less than f could show, in words."""
    return (
        f"the gradient is off by {gap:.1e}, but rounding in f alone hides slopes up to {hidden:.1e} here: a correct "
        "formula may have lost these digits, as 1 - tanh(x)**2 does where tanh is near 1. Write it without the "
        "cancellation, or move the point"
    )


def trouble(entry: Entry, found: Estimate) -> tuple[str, str]:
    """Why there is no slope to compare with."""
    if found.trouble == "kink" and not EPS * abs(entry.at) < COARSE:
        return "noise", too_large(entry)
    if found.trouble == "kink":
        if math.isfinite(found.left) and math.isfinite(found.right):
            sides = f": nearby, its slope is {found.left:.10g} on the left and {found.right:.10g} on the right"
        else:
            sides = ""
        jump = max(abs(found.left), abs(found.right)) > 1e5 * (1.0 + abs(entry.gradient))
        if jump:
            return (
                "jump",
                "a jump of the function is within reach of the step: no slope there. Move the point away from it",
            )
        return "kink", f"a kink of the function is within reach of the step{sides}. Move the point away from it"
    if found.trouble == "overflow":
        return "overflow", OVERFLOW
    if found.side == "none":
        reason = "the function is not defined next to this point, on either side. Move the point inside its domain"
    else:
        reason = (
            f"the function is defined on the {found.side} only, and steeper the nearer to the point: its slope is "
            "infinite at this border of its domain. Move the point inside"
        )
    return "edge", reason


def too_large(entry: Entry) -> str:
    """An input whose neighbouring floats are too far apart, in words."""
    return (
        f"the floats next to {entry.at:.6g} are so far apart that f may do anything between them. Choose a point "
        "nearer to 0, or scale the input"
    )


def culprit_of(edge: Edge) -> Culprit:
    """An edge as plain data."""
    node = edge.node
    operands = tuple(x if isinstance(x, float) else x.data for x in node.operands)
    name = node.op.name if node.op is not None else ""
    error = edge.slope.error + edge.tolerance
    return Culprit(name, described(node), edge.index, operands, edge.recorded, edge.slope.value, error)


def notes_of(kinks: Sequence[Kink]) -> tuple[KinkNote, ...]:
    """Kinks as plain data."""
    return tuple(
        KinkNote(k.node.op.name if k.node.op else "", described(k.node), k.distance, k.convention) for k in kinks
    )
