"""The gradient check tells right from wrong, and both from what it cannot know."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
from autograd.check import Entry, check_gradients, derivative


@settings(max_examples=30)
@given(st.floats(-3, 3), st.floats(0.1, 5))
def test_right_gradients_are_right(x, y):
    report = check_gradients(lambda x, p: ag.sin(x * p["y"]) + ag.log(p["y"]) * x + x**3, x, {"y": y})
    assert report, str(report)


@pytest.mark.parametrize("factor", [1 + 1e-3, 1 + 1e-5, 1 + 1e-7, -1.0, 0.0])
def test_wrong_gradients_are_wrong(factor):
    def wrong(x):
        """x**3 whose recorded slope is off by the factor."""
        y = x**3
        if isinstance(y, ag.Value) and not y.is_leaf:
            y._pa *= factor
        return y

    report = check_gradients(wrong, 1.7)
    assert [entry.verdict for entry in report.entries] == ["wrong"]
    with pytest.raises(AssertionError, match=r"gradients of wrong.*\n\s+wrong  input\[0\] = 1\.7"):
        ag.assert_gradients(wrong, 1.7)


@pytest.mark.parametrize("f", [ag.relu, abs, lambda x: ag.maximum(x, -x), ag.sqrt, lambda x: ag.floor(x)])
def test_kinks_edges_and_jumps_are_undecidable(f):
    assert [entry.verdict for entry in check_gradients(f, 0.0).entries] == ["undecidable"]


@pytest.mark.parametrize("x", [1e-9, 1e-3, 1.0, 1e5, 1e9, -1e9])
def test_scales(x):
    assert check_gradients(lambda x: x * x, x)
    assert check_gradients(lambda x: x * 1e-300, x)
    if x > 0:
        assert check_gradients(ag.log, x)


def test_derivative_estimates_its_own_error():
    slope, error = derivative(math.exp, 1.0)
    assert abs(slope - math.e) <= error < 1e-9
    assert math.isinf(derivative(lambda x: math.nan, 1.0)[1])


def test_a_report_reads_well():
    entry = Entry("['w'][0]", 2.0, 12.0004, 12.0, 1.9e-13)
    assert str(entry) == (
        "      wrong  input['w'][0] = 2.0: gradient 12.0004, finite differences 12.0 +- 1.9e-13"
    )
