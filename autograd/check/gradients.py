"""check_gradients: is this gradient that of this function?"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograd import tree
from autograd.check.defence import defended
from autograd.check.differences import EPS, Estimate, estimate
from autograd.check.judge import EPS32, NOTHING, Evidence, judged
from autograd.check.kinks import expression
from autograd.check.replay import Found, Replay
from autograd.check.subject import Closure, Subject, plain, usual_size
from autograd.check.verdict import Entry, Report
from autograd.derivatives import value_and_grad

MOST_DIFFERENCES = 50
"""With more inputs, a graph of ours is checked edge by edge and f is differenced along directions only."""
MOST_INPUTS = 200
"""With more inputs and no graph, differences are taken along directions."""


def check_gradients(
    f: Callable[..., Any],
    *inputs: Any,
    gradient: Any = None,
    order: int = 1,
    tolerance: float | None = None,
    directions: int | None = None,
    parameters: Any = None,
) -> Report:
    """Is the gradient of ``f`` right at ``inputs``? Every input gets a verdict: right, wrong or undecidable.

    The gradient is compared with finite differences that estimate their own error. Where f records a graph of ours,
    the graph is compared with f, each local derivative is checked by itself with 64 digits, and the chain rule is
    applied once more: that settles the gradient to its last digits. (``check_modes``, which holds reverse mode against
    forward mode, is not part of it: both run the same rules, and this chain rule is a third way to add them up. It is
    there for forward mode's own sake.)

    Args:
        f: a function of numbers, or of lists, tuples, dicts, arrays of numbers, that returns one number.
        inputs: where.
        gradient: a hand-written gradient: a function of the same inputs, or its result. One for each input in a tuple,
            for a single input alone. Without it the gradient under check is that of ``autograd.grad(f)``.
        order: 2 and 3 check the derivatives of the gradient, and of its derivative, too.
        tolerance: relative; accept this much more than the errors explain.
        directions: compare along so many random directions in place of every input: for functions of thousands of
            inputs, at a few dozen evaluations each. By default, 3 where there are more than 200 inputs and no graph.
        parameters: Values that ``f(*inputs)`` holds on to (``model.parameters()``): the gradient is taken to these.

    Returns:
        A report: true when every entry is right; it prints, shows as HTML in a notebook, and holds plain data.

    Raises:
        GraphError, TypeError: as ``grad`` does; ValueError: the gradient has another number of entries than the inputs;
        and whatever f raises at the inputs themselves.
    """
    if order not in (1, 2, 3):
        raise ValueError(f"order is 1, 2 or 3; got {order!r}")
    if order > 1 and (gradient is not None or parameters is not None):
        raise TypeError("order 2 and 3 differentiate the gradient of autograd: leave out gradient= and parameters=")
    if directions is not None and (isinstance(directions, bool) or not isinstance(directions, int) or directions < 1):
        raise ValueError(f"directions is how many to take, 1 or more; got {directions!r}")
    if tolerance is not None and not (tree.is_number(tolerance) and tolerance > 0.0):
        raise ValueError(f"tolerance is relative and above 0, as in 1e-6; got {tolerance!r}")
    if parameters is not None:
        subject: Subject = Closure(f, inputs, parameters)
    else:
        subject = Subject(f, inputs, plain=gradient is not None)
    report = Check(subject, gradient, tolerance, directions).report()
    for k in range(2, order + 1):
        from autograd.check.higher import higher

        report = report.joined(higher(f, inputs, k, tolerance))
    return report


def assert_gradients(f: Callable[..., Any], *inputs: Any, **options: Any) -> None:
    """Raise AssertionError with the whole story unless ``check_gradients(f, *inputs, **options)`` is true."""
    __tracebackhide__ = True
    report = check_gradients(f, *inputs, **options)
    if not report:
        raise AssertionError(str(report))


class Check:
    """One run of the checker over one function."""

    def __init__(self, subject: Subject, gradient: Any, tolerance: float | None, directions: int | None) -> None:
        self.subject, self.tolerance, self.directions = subject, tolerance, directions
        self.by_hand = gradient is not None
        self.notes: list[str] = []
        self.here = subject.strict(subject.point)
        self.gradient = given(subject, gradient) if self.by_hand else own(subject)
        self.again = subject.strict(subject.point)
        self.single = subject.single
        self.replay = self.traced()
        self.hidden = False
        if self.replay is not None:
            faithful = self.faithful(self.replay)
            self.hidden = not faithful and not self.by_hand
            if not faithful or not self.replay.small:
                if not self.replay.small:
                    self.notes.append(f"the graph has {self.replay.size} edges: too many to check one by one")
                self.text = ""
                self.replay = None
            else:
                self.replay.check_edges()

    def traced(self) -> Replay | None:
        """The recorded graph of f, if it has one."""
        self.text = ""
        if self.by_hand and (self.directions is not None or len(self.gradient) > MOST_INPUTS):
            return None
        try:
            with np.errstate(all="ignore"):
                root, variables = self.subject.trace()
        except Exception:
            if self.by_hand:
                return None  # f was not written for Values, and need not be
            raise
        if self.by_hand:
            if not self.near(float(root.data), self.here, 1e-5 if self.single else 1e-12):
                return None
        elif not same(root.data, self.here):
            self.again = root.data
        self.text = expression(root)
        return Replay(root, variables)

    def near(self, x: float, y: float, share: float) -> bool:
        """Equal, but for rounding."""
        return same(x, y) or abs(x - y) <= share * max(abs(x), abs(y), 1e-300)

    def faithful(self, replay: Replay) -> bool:
        """Is the graph what f computes, on both sides of the point? f and graph are run elsewhere and compared."""
        chance = random.Random(4)
        shares = [chance.choice((-1.0, 1.0)) * chance.uniform(0.5, 1.0) for _ in self.subject.point]
        for sign in (1.0, -1.0):
            for size in (2.0**-17, 2.0**-26, 2.0**-36):
                point = [x + sign * size * s * (abs(x) or 1.0) for x, s in zip(self.subject.point, shares, strict=True)]
                point = [self.subject.rounded(i, x) for i, x in enumerate(point)]
                by_f, by_graph = self.subject.value(point), replay.run(point)
                if same(by_f, by_graph) or not (self.by_hand or math.isfinite(by_graph)):
                    break
                slack = 8.0 * replay.noise() * (EPS32 / EPS if self.single else 1.0)
                if self.by_hand and abs(by_f - by_graph) <= slack < 0.1 * abs(by_graph - replay.root.data):
                    break
            else:
                return False
        return True

    def report(self) -> Report:
        """Judge every input."""
        s = self.subject
        point = tuple(zip(s.names, s.point, strict=True))
        if not same(self.here, self.again):
            entries = self.unstable()
            method = "no comparison: the function gives another result on a second call"
        elif not math.isfinite(self.here):
            entries = self.undefined()
            method = "no comparison: the function is not finite here"
        else:
            entries, method = self.entries()
        return Report(tuple(entries), s.title, self.text, point, method, tuple(self.notes), s.calls)

    def bare(self, i: int) -> Entry:
        """An entry without a verdict."""
        s = self.subject
        return Entry(s.paths[i], s.point[i], self.gradient[i], math.nan, math.inf, name=s.names[i])

    def unstable(self) -> list[Entry]:
        """Entries of a function that gives another result on a second call."""
        reason = (
            f"the function gave {self.here!r} and, called again at the same point, {self.again!r}: it is random, or "
            "keeps state. Fix its seed (or switch dropout off) inside the function, then check again"
        )
        return [replace(self.bare(i), kind="random", reason=reason) for i in range(len(self.gradient))]

    def undefined(self) -> list[Entry]:
        """Entries where f itself is infinite or nan."""
        reason = f"the function is {self.here} at this point: there is no slope to compare. Choose a point nearer to 0"
        return [replace(self.bare(i), kind="overflow", reason=reason) for i in range(len(self.gradient))]

    def entries(self) -> tuple[list[Entry], str]:
        """Entries for every input, or for a few directions."""
        n = len(self.gradient)
        if self.directions is not None or (self.replay is None and n > MOST_INPUTS):
            from autograd.check.directions import along_directions

            count = self.directions or 3
            entries = along_directions(self.subject, self.gradient, count, self.tolerance, self.single)
            return entries, f"by finite differences along {count} random direction(s) of {n} inputs"
        found: Sequence[Found | None] = self.replay.gradients() if self.replay is not None else [None] * n
        top = max((abs(g) for g in self.gradient if math.isfinite(g)), default=0.0)
        differences = self.replay is None or n <= MOST_DIFFERENCES
        entries = []
        for i in range(n):
            by_graph = found[i]
            known = self.differenced(i) if differences or (by_graph and by_graph.doubts) else NOTHING
            settings = self.by_hand, self.single, self.tolerance, self.hidden, top
            entry = judged(Evidence(self.bare(i), known, by_graph, self.replay, i, *settings))
            entries.append(self.defended(entry, i) if self.replay is None else entry)
        if self.replay is None:
            return entries, "by finite differences of the function"
        edges = [edge for some in self.replay.edges.values() for edge in some]
        method = (
            f"by the {len(edges)} local derivative{'' if len(edges) == 1 else 's'} of the graph, each by itself, and "
            f"the chain rule over them{'; finite differences beside' if differences else ''}"
        )
        return entries, method

    def defended(self, entry: Entry, i: int) -> Entry:
        """A wrong entry, unless there is something to be said for its gradient."""
        sizes = self.sizes()
        rounded, unit = self.held(i)
        return defended(entry, self.along(i), rounded, unit, sizes[0] if sizes else 0.0)

    def along(self, i: int) -> Callable[[float], float]:
        """f as a function of one input."""
        point = list(self.subject.point)
        return lambda x: self.subject.value([*point[:i], x, *point[i + 1 :]])

    def differenced(self, i: int) -> Estimate:
        """The slope of f in one input by differences."""
        rounded, unit = self.held(i)
        return estimate(self.along(i), self.subject.point[i], rounded, self.sizes(), unit)

    def held(self, i: int) -> tuple[Callable[[float], float] | None, float]:
        """The numbers that input ``i`` can hold, for ``estimate``: how they are rounded, and their spacing."""
        kind = self.subject.types[i]
        if kind is float:
            return None, EPS
        return lambda x: self.subject.rounded(i, x), float(np.finfo(kind).eps)

    def sizes(self) -> tuple[float, ...]:
        """The typical size of the inputs."""
        usual = usual_size(self.subject.point)
        return (usual,) if usual else ()


def same(x: float, y: float) -> bool:
    """Equal, or both nan."""
    return x == y or (x != x and y != y)


def own(subject: Subject) -> list[float]:
    """The gradient by autograd."""
    if isinstance(subject, Closure):
        return subject.gradient()
    _, gradient = value_and_grad(subject.f)(*subject.inputs)
    return [*map(plain, tree.leaves(gradient))]


def given(subject: Subject, gradient: Any) -> list[float]:
    """A hand-written gradient at the point, flat.

    Raises:
        ValueError: it has another number of entries than the inputs.
    """
    result = gradient(*subject.plain_arguments(subject.point)) if callable(gradient) else gradient
    return flat(result, subject, "the gradient")


def flat(result: Any, subject: Subject, what: str) -> list[float]:
    """The numbers of a gradient in the order of the inputs, paired by key and by shape.

    Lists, tuples and arrays of one shape stand for one another: a gradient by hand may be written either way.

    Raises:
        ValueError: its structure is not that of the inputs; shows both. TypeError: it is None.
    """
    if result is None:
        raise TypeError(f"{what} is None: did the function that computes it forget to return it?")
    inputs, several = subject.inputs, len(subject.inputs) > 1
    if several and not (isinstance(result, tuple | list) and len(result) == len(inputs)):
        got = tree.described(result)
        raise ValueError(f"{what} is {got}, and the function has {len(inputs)} inputs: return a tuple, one for each")
    names = ("the input", what) if not several else ("the inputs", what)
    return [*map(plain, tree.matched(inputs if several else inputs[0], result, names, loose=True))]
