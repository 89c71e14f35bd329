"""A gradient of thousands of inputs, along a few directions: g . v against one difference quotient each."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from autograd.check.defence import defended
from autograd.check.differences import EPS, Estimate, estimate
from autograd.check.judge import Evidence, judged
from autograd.check.subject import Subject, usual_size
from autograd.check.verdict import Entry


def along_directions(
    subject: Subject, gradient: Sequence[float], count: int, tolerance: float | None, single: bool
) -> list[Entry]:
    """An entry for every direction; a wrong one is halved until the input is found that is most to blame."""
    chance = random.Random(7)
    entries = []
    for k in range(count):
        v = direction(subject.point, chance)
        every = range(len(v))
        entry = compared(subject, gradient, v, every, f"direction {k + 1}", tolerance, single)
        entries.append(entry)
        if entry.verdict == "wrong":
            i = to_blame(subject, gradient, v)
            blamed = compared(
                subject, gradient, [1.0 if j == i else 0.0 for j in every], [i], subject.names[i], tolerance, single
            )
            entries.append(replace(blamed, path=subject.paths[i], at=subject.point[i]))
            break
    return entries


def direction(point: Sequence[float], chance: random.Random) -> list[float]:
    """Random signs, and lengths in proportion to the inputs, so that no input drowns in another."""
    usual = usual_size(point) or 1.0
    return [chance.choice((-1.0, 1.0)) * chance.uniform(0.5, 1.0) * (abs(x) or usual) for x in point]


def line_along(subject: Subject, v: Sequence[float], some: Sequence[int]) -> tuple[Callable[[float], float], float]:
    """f along ``v``, in the inputs ``some`` alone, and where on that line the point is."""
    base = subject.point
    alone = len(some) == 1 and v[some[0]] == 1.0

    def along(t: float) -> float:
        point = list(base)
        for i in some:
            point[i] = subject.rounded(i, t if alone else base[i] + t * v[i])
        return subject.value(point)

    return along, base[some[0]] if alone else 0.0


def slope(subject: Subject, v: Sequence[float], some: Sequence[int]) -> Estimate:
    """The slope of f along ``v``, in the inputs ``some`` alone."""
    return estimate(*line_along(subject, v, some))


def compared(
    subject: Subject,
    gradient: Sequence[float],
    v: Sequence[float],
    some: Sequence[int],
    name: str,
    tolerance: float | None,
    single: bool,
) -> Entry:
    """One direction, judged by its difference quotient."""
    terms = [gradient[i] * v[i] for i in some]
    total = math.fsum(terms) if all(map(math.isfinite, terms)) else math.nan
    along, at = line_along(subject, v, some)
    found = estimate(along, at)
    rounding = 2.0**-44 * math.fsum(abs(t) for t in terms) if total == total else 0.0
    found = replace(found, error=found.error + rounding * (2.0**20 if single else 1.0))
    entry = Entry("", at, total, math.nan, math.inf, name=name)
    entry = judged(Evidence(entry, found, tolerance=tolerance, single=single, by_hand=True))
    return defended(entry, along, None, EPS, 0.0)


def to_blame(subject: Subject, gradient: Sequence[float], v: Sequence[float]) -> int:
    """The input at the end of the larger halves: about log2(n) pairs of difference quotients."""
    some = list(range(len(v)))
    while len(some) > 1:
        halves = some[: len(some) // 2], some[len(some) // 2 :]
        gaps = []
        for half in halves:
            found = slope(subject, v, half)
            gap = abs(sum(gradient[i] * v[i] for i in half) - found.value)
            gaps.append(gap - found.error if gap == gap else math.inf)
        some = list(halves[0] if gaps[0] >= gaps[1] else halves[1])
    return some[0]
