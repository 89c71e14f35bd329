"""nn.checks: the wording that the package's arguments share."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from nn.checks import check_count, check_range, choose


def test_a_name_or_a_function_is_chosen() -> None:
    table = {"sine": math.sin, "root": math.sqrt}
    assert choose("curve", "root", table, "of one float") is math.sqrt
    assert choose("curve", math.cos, table, "of one float") is math.cos
    with pytest.raises(ValueError, match=r"^no curve is called 'line': choose one of sine, root$"):
        choose("curve", "line", table, "of one float")
    with pytest.raises(TypeError, match=r"^the curve is a name or a function of one float, not 2$"):
        choose("curve", 2, table, "of one float")  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("number", "kind", "message"),
    [
        (0, ValueError, "steps is 0: it must be 1 or above"),
        (-3, ValueError, "steps is -3: it must be 1 or above"),
        (1.0, TypeError, r"steps is a whole number, not 1\.0"),
        (True, TypeError, "steps is a whole number, not True"),
        ("1", TypeError, "steps is a whole number, not '1'"),
        (None, TypeError, "steps is a whole number, not None"),
        (np.int64(3), TypeError, r"steps is NumPy's np\.int64\(3\), and a Python int is needed: write int\(\.\.\.\)"),
    ],
)
def test_a_count(number: Any, kind: type[Exception], message: str) -> None:
    check_count("steps", 1)
    with pytest.raises(kind, match=message):
        check_count("steps", number)


@pytest.mark.parametrize("number", [0.5, Fraction(1, 2), np.float32(0.5), np.float64(0.5)])
def test_a_range_takes_any_real_number_and_gives_a_float(number: Any) -> None:
    value = check_range("rate", number, 0.0, 1.0)
    assert type(value) is float
    assert value == 0.5


@pytest.mark.parametrize(
    ("number", "low_open", "high", "message"),
    [
        (1.0, False, 1.0, "rate is 1: it must be 0 or above, and below 1"),
        (-0.5, False, 1.0, r"rate is -0\.5: it must be 0 or above, and below 1"),
        (0.0, True, math.inf, "rate is 0: it must be above 0"),
        (math.nan, False, math.inf, "rate is nan: it must be 0 or above"),
        (math.inf, True, math.inf, "rate is inf: it must be above 0, and finite"),
    ],
)
def test_a_number_out_of_range(number: float, low_open: bool, high: float, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        check_range("rate", number, 0.0, high, low_open=low_open)
    assert check_range("rate", 0, 0.0, 1.0) == 0.0
