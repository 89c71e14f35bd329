"""One decorator that turns "my gradient is right" into a test over random points."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from hypothesis import given, reject
from hypothesis import strategies as st

from autograd import tree
from autograd.check import check_gradients
from autograd.number import Number

ENOUGH = 10
"""So many undecidable points, at least, before their share is held against the limit."""


def given_gradients(
    *strategies: st.SearchStrategy[Any],
    gradient: Callable[..., Any] | None = None,
    undecidable: float = 0.8,
    **named: st.SearchStrategy[Any],
) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Make a function into a test of its gradient at random points, against finite differences.

        @given_gradients(st.floats(-3, 3), st.floats(0.1, 5))
        def test_my_loss(x, y):
            return my_loss(x, y)

    It is a Hypothesis test like any other: ``@settings`` and ``@example`` go above it, arguments without a strategy
    are fixtures, a failure is shrunk to the simplest point. A check calls the function some dozens of times: where that
    takes long, ``@settings(deadline=None)`` lifts Hypothesis' limit of 200 ms a point.

    Args:
        strategies, named: for the arguments, as for Hypothesis' ``given``. Those that draw floats, or lists, tuples,
            dicts or arrays of floats, are differentiated; anything else, an int too, is passed on as it is.
        gradient: a gradient written by hand, of the same arguments, to be tested in place of autograd's.
        undecidable: points where finite differences cannot tell (a kink, an edge) are skipped, up to this share. It is
            large because Hypothesis repeats numbers on purpose: of |x - y|, half of its points may be at the kink.

    Raises:
        TypeError: no strategies, or something that is none.
        ValueError: ``undecidable`` outside [0, 1].

    Raises (as a test):
        AssertionError: a gradient is wrong, with the report of ``check_gradients``; or more points than allowed were
            undecidable, with the simplest of them.
    """
    check_strategies(strategies, named)
    if not (isinstance(undecidable, int | float) and 0.0 <= undecidable <= 1.0):
        raise ValueError(f"given_gradients: undecidable is a share from 0 to 1, such as 0.8; got {undecidable!r}")
    if gradient is not None and not callable(gradient):
        raise TypeError(f"given_gradients: gradient is a function of the same arguments; got {gradient!r:.40}")

    def decorate(f: Callable[..., Any]) -> Callable[..., None]:
        if not callable(f):
            raise TypeError(f"given_gradients decorates a function; got {type(f).__name__} {f!r:.40}")
        signature = inspect.signature(f)
        drawn = names_of(f, signature, strategies, named)
        tally = Tally(undecidable)

        @functools.wraps(f)
        def check(*args: Any, **keywords: Any) -> None:
            __tracebackhide__ = True
            bound = signature.bind(*args, **keywords)
            wanted = [name for name in drawn if has_floats(bound.arguments.get(name))]
            if not wanted:
                raise TypeError(
                    f"{f.__name__}: none of {', '.join(drawn)} is a float or holds floats, so that there is no "
                    "gradient to test; draw floats, as in st.floats(-3, 3)"
                )
            with untraced():
                tally.hold(f, gradient, bound, wanted)

        return given(*strategies, **named)(check)

    return decorate


@contextmanager
def untraced() -> Iterator[None]:
    """Run the block without Hypothesis' tracer, which would list the checker's own lines as the cause of a failure.

    It also makes a failing test take half a minute on Python 3.11. Any other tracer (a debugger, coverage) stays.
    """
    tracer = sys.gettrace()
    if not type(getattr(tracer, "__self__", None)).__module__.startswith("hypothesis."):
        yield
        return
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


class Tally:
    """How many points a test has tried, and how many of them were undecidable."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.points = self.skipped = 0
        self.exceeded = ""

    def hold(
        self,
        f: Callable[..., Any],
        gradient: Callable[..., Any] | None,
        bound: inspect.BoundArguments,
        wanted: list[str],
    ) -> None:
        """Check the gradient at one point.

        Raises:
            AssertionError: it is wrong, or undecidable once too often.
            hypothesis.errors.UnsatisfiedAssumption: it is undecidable here, and the point is skipped.
        """
        __tracebackhide__ = True

        def restricted(function: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(function)
            def of_the_wanted(*numbers: Any) -> Any:
                everything = bound.arguments | dict(zip(wanted, numbers, strict=True))
                call = inspect.BoundArguments(bound.signature, everything)
                return function(*call.args, **call.kwargs)

            kind = inspect.Parameter.POSITIONAL_ONLY
            named = inspect.Signature([inspect.Parameter(name, kind) for name in wanted])
            of_the_wanted.__signature__ = named  # type: ignore[attr-defined]  # a report calls the inputs by their names
            return of_the_wanted

        options: dict[str, Any] = {} if gradient is None else {"gradient": restricted(gradient)}
        inputs = [bound.arguments[name] for name in wanted]
        self.points += 1
        report = check_gradients(restricted(f), *inputs, **options)
        text = "" if report else str(report)
        if any(entry.verdict == "wrong" for entry in report.entries):
            raise AssertionError(text)
        if not report:
            self.skip(f, text)

    def skip(self, f: Callable[..., Any], report: str) -> None:
        """Skip an undecidable point, unless there have been too many: then each of them fails, so that they shrink."""
        __tracebackhide__ = True
        self.skipped += 1
        if not self.exceeded and self.skipped >= ENOUGH and self.skipped > self.limit * self.points:
            self.exceeded = f"{self.skipped} of the first {self.points} points"
        if self.exceeded:
            raise AssertionError(
                f"the gradient of {getattr(f, '__name__', 'f')} could not be decided at {self.exceeded}, more than the "
                f"{self.limit:.0%} allowed: draw points away from kinks and domain edges, or raise undecidable=. "
                f"One of them:\n{report}"
            )
        reject()


def names_of(f: Any, signature: inspect.Signature, strategies: tuple[Any, ...], named: dict[str, Any]) -> list[str]:
    """The parameters that are drawn: positional strategies fill from the right, as in Hypothesis."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in signature.parameters.values() if p.kind in kinds]
    title = f"{getattr(f, '__name__', 'f')}{signature}"
    if len(strategies) > len(names):
        raise TypeError(f"given_gradients has {len(strategies)} strategies for {title}")
    for name in named:
        if name not in signature.parameters:
            raise TypeError(f"given_gradients has a strategy for {name!r}, which {title} does not take")
    return names[len(names) - len(strategies) :] if strategies else list(named)


def has_floats(x: Any) -> bool:
    """Is it a float or a Value, or a structure with one in it?"""
    try:
        return any(isinstance(leaf, float | np.floating | Number) for leaf in tree.leaves(x))
    except TypeError:
        return False


def check_strategies(strategies: tuple[Any, ...], named: dict[str, Any]) -> None:
    """TypeError unless all of them are strategies, and there is one."""
    if len(strategies) == 1 and not named and inspect.isfunction(strategies[0]):
        raise TypeError("write @given_gradients(st.floats(-3, 3)), with a strategy for each argument of the function")
    if not strategies and not named:
        raise TypeError("given_gradients needs a strategy for each argument, as in given_gradients(x=st.floats(-3, 3))")
    if strategies and named:
        raise TypeError("given_gradients takes strategies by position or by name, not both")
    for x in (*strategies, *named.values()):
        if not isinstance(x, st.SearchStrategy):
            raise TypeError(f"given_gradients takes strategies, such as st.floats(-3, 3); got {x!r:.40}")
