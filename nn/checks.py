"""Checks that every part of the package makes of its arguments, with one wording."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any, TypeVar

import numpy as np

__all__ = ["check_compile", "check_count", "check_range", "choose", "few"]

F = TypeVar("F", bound=Callable[..., Any])


def choose(what: str, choice: str | F, table: Mapping[str, F], signature: str) -> F:
    """The function of this name in ``table``; a function is returned as it is.

    Raises:
        ValueError: the table has no such name; the message lists those it has.
        TypeError: neither a name nor a function; the message gives the signature that a function must have.
    """
    if isinstance(choice, str):
        if choice not in table:
            raise ValueError(f"no {what} is called {choice!r}: choose one of {', '.join(table)}")
        return table[choice]
    if not callable(choice):
        raise TypeError(f"the {what} is a name or a function {signature}, not {choice!r}")
    return choice


def check_count(what: str, number: object) -> None:
    """Raise TypeError unless ``number`` is an int, ValueError unless it is 1 or above."""
    if isinstance(number, np.integer):
        raise TypeError(f"{what} is NumPy's {number!r}, and a Python int is needed: write int(...)")
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"{what} is a whole number, not {number!r}")
    if number < 1:
        raise ValueError(f"{what} is {number}: it must be 1 or above")


def check_compile(compile: object) -> None:
    """Raise TypeError unless ``compile`` is True, False or None."""
    if compile not in (None, True, False):
        raise TypeError(f"compile is True, False or None, not {compile!r:.60}")


def check_range(what: str, number: Any, low: float, high: float, *, low_open: bool = False) -> float:
    """The number as a float, from ``low`` (or above it) to below ``high``.

    Raises:
        TypeError: it is no real number.
        ValueError: it is outside, or nan.
    """
    if isinstance(number, bool) or not isinstance(number, Real):
        raise TypeError(f"{what} is a number, not {number!r}")
    value = float(number)
    if not (low < value < high or (value == low and not low_open)):
        wanted = f"above {low:g}" if low_open else f"{low:g} or above"
        if high < math.inf:
            wanted += f", and below {high:g}"
        elif math.isinf(value):
            wanted += ", and finite"
        raise ValueError(f"{what} is {value:g}: it must be {wanted}")
    return value


def few(names: Sequence[object], limit: int = 8) -> str:
    """The first names for a message, and how many more there are."""
    shown = ", ".join(map(str, names[:limit]))
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
