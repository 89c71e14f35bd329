"""A few of the random graphs that `compiler_fuzz.py` runs by thousands, and that it would notice a mistake."""

import os

import numpy as np
import pytest
from compiler_fuzz import Expected, check, wrong

SEEDS = range(1000, 3000 if os.environ.get("HYPOTHESIS_PROFILE") == "explore" else 1040)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_executor_agrees_with_the_eager_engine(seed: int) -> None:
    outcome, problems = check(seed)
    assert outcome != "differs", problems


@pytest.mark.slow
def test_most_graphs_are_compared() -> None:
    assert [check(seed)[0] for seed in range(8)].count("agrees") > 4


def test_what_rounding_does_not_explain_is_named() -> None:
    one = np.ones((2, 1))
    expected = Expected(one, 1e-15 * one, one, one, one, one, 3, False)
    assert wrong((one, one[0], one), expected) == ""
    assert wrong((one, one[0] + 1e-12, one), expected).startswith("gradient at (0,): ")
    assert wrong((one * np.nan, one[0], one), expected).startswith("outputs at (0, 0): ")
    assert wrong((None, one[0], one * (1.0 + 1e-13)), expected).startswith("input gradients at (0, 0): ")


def test_what_rounding_alone_decides_is_no_difference() -> None:
    assert check(2926) == ("lost in rounding", [])  # it takes the sine of 5e78
