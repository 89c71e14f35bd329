"""Forward mode against reverse mode: the same rules, added up in another order."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

from autograd import tree
from autograd.check.differences import EPS
from autograd.check.replay import Replay
from autograd.check.subject import Subject, plain
from autograd.check.verdict import Entry, Report, Verdict
from autograd.derivatives import jvp, value_and_grad
from autograd.value import Value

MOST_UNITS = 8


def check_modes(f: Callable[..., Any], *inputs: Any) -> Report:
    """Do forward and reverse mode agree, within a few units of rounding times the sum of |the products along paths|?

    One entry for each input, or for 3 random directions where there are more than 8; ``numerical`` is that of forward
    mode, ``error`` the bound. True when all agree. Both modes run the same rules: this finds what they do not share,
    the way in which contributions are added up.

    Raises as ``autograd.grad`` and ``autograd.jvp`` do.
    """
    subject = Subject(f, inputs, plain=False)
    _, gradient = value_and_grad(f)(*inputs)
    reverse = [*map(plain, tree.leaves(gradient))]
    replay = Replay(*subject.trace())
    n = len(reverse)
    paths, units = path_sums(replay), 8.0 + 4.0 * depth(replay)
    chance = random.Random(11)
    entries = []
    for k in range(n if n <= MOST_UNITS else 3):
        if n <= MOST_UNITS:
            v = [float(i == k) for i in range(n)]
            name, path, at = subject.names[k], subject.paths[k], subject.point[k]
        else:
            v = [chance.choice((-1.0, 1.0)) * chance.uniform(0.5, 1.0) for _ in range(n)]
            name, path, at = f"direction {k + 1}", "", 0.0
        _, tangent = jvp(f, inputs, tree.refill(tuple(inputs), v))
        forward = plain(tangent)
        back = total([g * t for g, t in zip(reverse, v, strict=True) if t])
        bound = units * EPS * total([p * abs(t) for p, t in zip(paths, v, strict=True) if t]) + 1e-320
        known = math.isfinite(forward) and math.isfinite(back) and math.isfinite(bound)
        verdict: Verdict = "undecidable" if not known else "right" if abs(forward - back) <= bound else "wrong"
        reason = {
            "right": "",
            "undecidable": "a slope on the way is infinite or not a number. Move the point",
            "wrong": "forward and reverse mode add up to different numbers: contributions are lost or counted twice",
        }[verdict]
        kind = "" if verdict == "right" else "modes"
        entries.append(Entry(path, at, back, forward, bound, verdict, kind, reason, name, source="by forward mode"))
    point = tuple(zip(subject.names, subject.point, strict=True))
    return Report(tuple(entries), subject.title, "", point, "reverse mode held against forward mode")


def total(terms: Sequence[float]) -> float:
    """The sum, rounded once where it is finite."""
    return math.fsum(terms) if all(map(math.isfinite, terms)) else math.nan


def path_sums(replay: Replay) -> list[float]:
    """For each variable, the sum over its paths to the result of |the product of local derivatives|."""
    sums: dict[int, float] = {id(replay.root): 1.0}
    for node in reversed(replay.order):
        for x, local in zip(node.operands, node.partials, strict=True):
            if isinstance(x, Value) and local is not None:
                sums[id(x)] = sums.get(id(x), 0.0) + sums[id(node)] * abs(local)
    return [sums.get(id(v), 0.0) for v in replay.variables]


def depth(replay: Replay) -> int:
    """The length of the longest path; an operation of many operands counts once for each."""
    longest: dict[int, int] = {}
    for node in replay.order:
        operands = node.operands
        longest[id(node)] = max((longest.get(id(x), 0) for x in operands), default=0) + len(operands)
    return longest.get(id(replay.root), 0)
