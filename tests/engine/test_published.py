"""Worked examples that others have published, to the last digit they print, and to what they are in double
precision.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from support.path_sums import depth, path_sums
from support.published import CASES, FUNCTIONS

import autograd as ag
from autograd import Value

ULP = 2.0**-52


each_case = pytest.mark.parametrize("name", CASES)


def test_every_case_has_a_function_and_every_function_a_case() -> None:
    assert set(FUNCTIONS) == set(CASES)


@each_case
def test_parameters_are_the_inputs_of_the_case(name: str) -> None:
    code = FUNCTIONS[name].__code__
    assert list(code.co_varnames[: code.co_argcount]) == list(CASES[name]["inputs"])


def differentiated(name: str) -> tuple[Value, dict[str, Value]]:
    leaves = {key: Value(x, name=key) for key, x in CASES[name]["inputs"].items()}
    out = FUNCTIONS[name](*leaves.values())
    out.backward()
    return out, leaves


def derivative(f: Callable[..., Any], order: int) -> Callable[..., Any]:
    for _ in range(order):
        f = ag.grad(f)
    return f


def second_derivatives(name: str) -> dict[str, float]:
    """All that the case lists: "x,y" entries of the Hessian, or "xx", "xxx", "xxxx" of a function of one
    number."""
    f, inputs = FUNCTIONS[name], CASES[name]["inputs"]
    listed = CASES[name]["exact_to_double"]["second"].keys() | CASES[name]["published"]["second"].keys()
    if len(inputs) == 1:
        (x,) = inputs.values()
        return {key: derivative(f, len(key))(x) for key in sorted(listed)}
    rows = ag.hessian(f)(*inputs.values())
    names = list(inputs)
    return {key: rows[names.index(key.split(",")[0])][names.index(key.split(",")[1])] for key in sorted(listed)}


def within_a_unit(ours: float, published: str) -> bool:
    """Within one unit of the last digit published. An author may have rounded or cut."""
    exponent = Decimal(published).as_tuple().exponent
    assert isinstance(exponent, int)
    return abs(Decimal(ours) - Decimal(published)) <= Decimal(1).scaleb(exponent)


@each_case
def test_to_the_last_digit_published(name: str) -> None:
    published = CASES[name]["published"]
    out, leaves = differentiated(name)
    for text in published["outputs"].values():
        assert within_a_unit(out.data, text)
    for key, text in published["gradients"].items():
        assert within_a_unit(leaves[key].grad, text), key
    if published["second"]:
        second = second_derivatives(name)
        for key, text in published["second"].items():
            assert within_a_unit(second[key], text), key


@each_case
def test_to_double_precision(name: str) -> None:
    exact = CASES[name]["exact_to_double"]
    out, leaves = differentiated(name)
    # A step rounds its value and every product on the way back, as often as a path is long.
    terms = path_sums(out)
    steps = depth(out)
    values = sum(abs(node.data) * terms[id(node)] for node in ag.topological(out) if not node.is_leaf)
    assert abs(out.data - float(exact["outputs"]["out"])) <= ULP * values
    for key, text in exact["gradients"].items():
        assert abs(leaves[key].grad - float(text)) <= ULP * steps * terms[id(leaves[key])], key


@each_case
def test_second_derivatives_to_double_precision(name: str) -> None:
    exact = {key: float(text) for key, text in CASES[name]["exact_to_double"]["second"].items()}
    if not exact:
        pytest.skip("the case lists none")
    ours = second_derivatives(name)
    largest = max(map(abs, exact.values()))
    for key, x in exact.items():
        assert abs(ours[key] - x) <= 8 * ULP * largest, key


@each_case
def test_gradient_functions_agree_with_backward(name: str) -> None:
    out, leaves = differentiated(name)
    gradient = ag.grad(FUNCTIONS[name])(*CASES[name]["inputs"].values())
    assert (gradient if isinstance(gradient, tuple) else (gradient,)) == tuple(x.grad for x in leaves.values())
    value, again = ag.value_and_grad(FUNCTIONS[name])(*CASES[name]["inputs"].values())
    assert (value, again) == (out.data, gradient)


def test_the_yardstick_is_short() -> None:
    """A rule that is wrong by 1e-12 would fail the tests above."""
    for name in CASES:
        out, leaves = differentiated(name)
        terms = path_sums(out)
        for key, leaf in leaves.items():
            allowed = ULP * depth(out) * terms[id(leaf)]
            assert allowed <= 1e-12 * terms[id(leaf)], (name, key)
