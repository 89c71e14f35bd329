"""Second and third derivatives: the gradient of f is a function too."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from autograd import tree
from autograd.check.subject import Subject
from autograd.check.verdict import Report
from autograd.derivatives import value_and_grad
from autograd.ops.nary import sum as sum_of

FROZEN = (
    "the derivatives of lower order are not differentiable as they are recorded: the rule of an operation reads .data, "
    "or uses math's functions, where it should compute with the Values it is given"
)
MOST_ROWS = 4
"""With more inputs, random combinations of the rows of the Hessian are checked."""


def higher(f: Callable[..., Any], inputs: Sequence[Any], order: int, tolerance: float | None) -> Report:
    """The derivatives of order 2 or 3, as gradients of components of derivatives one order below."""
    from autograd.check.gradients import check_gradients

    subject = Subject(f, inputs, plain=False)
    n = len(subject.point)
    chance = random.Random(order)
    if n <= MOST_ROWS:
        rows = [([float(i == j) for j in range(n)], f"d/d{subject.names[i]}") for i in range(n)]
    else:
        rows = [([chance.uniform(-1.0, 1.0) for _ in range(n)], f"row mixture {k + 1}") for k in range(2)]
    report: Report | None = None
    for weights, label in rows:
        component = slope_along(f, weights)
        if order == 3:
            outer = [chance.uniform(0.5, 1.0) for _ in range(n)] if n > 1 else [1.0]
            component = slope_along(component, outer)
            label = f"{label} d/d{subject.names[0]}" if n == 1 else f"{label} along a mixture"
        component.__name__ = f"{label} of {subject.title}"
        found = check_gradients(component, *inputs, tolerance=tolerance)
        entries = tuple(
            replace(e, order=order, name=f"{label} d/d{name}", reason=FROZEN if e.kind == "function" else e.reason)
            for e, name in zip(found, subject.names, strict=False)
        )
        found = replace(found, entries=entries, notes=())
        report = found if report is None else report.joined(found)
    assert report is not None
    return report


def slope_along(f: Callable[..., Any], weights: Sequence[float]) -> Callable[..., Any]:
    """The function ``weights . grad f``."""

    def component(*args: Any) -> Any:
        _, gradient = value_and_grad(f)(*args)
        return sum_of([w * g for w, g in zip(weights, tree.leaves(gradient), strict=True) if w])

    return component
