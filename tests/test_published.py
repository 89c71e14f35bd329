"""Worked examples that others have published, to the last digit they print, and to what they are in double
precision.

The texts of the functions in `published_gradients.json` are for readers; nothing from that file is executed.
The functions below are written by hand, one for each identifier.
"""

import itertools
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from path_sums import depth, path_sums

import autograd as ag
from autograd import Value

CASES: dict[str, dict[str, Any]] = {
    case["id"]: case
    for case in json.loads(Path(__file__).with_name("published_gradients.json").read_text(encoding="utf-8"))
}
ULP = 2.0**-52


def mazur_step(w1, w2, w3, w4, w5, w6, w7, w8, b1, b2):
    x = (0.05, 0.10)
    hidden = [ag.sigmoid(a * x[0] + b * x[1] + b1) for a, b in ((w1, w2), (w3, w4))]
    out = [ag.sigmoid(a * hidden[0] + b * hidden[1] + b2) for a, b in ((w5, w6), (w7, w8))]
    return 0.5 * (0.01 - out[0]) ** 2 + 0.5 * (0.99 - out[1]) ** 2


def vzhou_2_2_1(w1, w2, w3, w4, w5, w6, b1, b2, b3):
    x1, x2 = -2.0, -1.0
    h1 = ag.sigmoid(w1 * x1 + w2 * x2 + b1)
    h2 = ag.sigmoid(w3 * x1 + w4 * x2 + b2)
    return (1.0 - ag.sigmoid(w5 * h1 + w6 * h2 + b3)) ** 2


def vzhou_neuron(w1, w2, b):
    return ag.sigmoid(w1 * 2.0 + w2 * 3.0 + b)


def net_221_bce(w11, w12, w21, w22, v1, v2):
    x1, x2 = 1.0, 0.0
    h1 = ag.sigmoid(w11 * x1 + w12 * x2)
    h2 = ag.sigmoid(w21 * x1 + w22 * x2)
    return -ag.log(ag.sigmoid(v1 * h1 + v2 * h2))


def net_221_mse(w11, w21, w12, w22, w13, w23):
    x1, x2 = 0.35, 0.7
    h1 = ag.sigmoid(w11 * x1 + w21 * x2)
    h2 = ag.sigmoid(w12 * x1 + w22 * x2)
    return 0.5 * (1.0 - ag.sigmoid(w13 * h1 + w23 * h2)) ** 2


def cs231n_qz(x, y, z):
    return (x + y) * z


def cs231n_sigmoid(w0, x0, w1, x1, w2):
    return 1.0 / (1.0 + ag.exp(-(w0 * x0 + w1 * x1 + w2)))


def zth_l(a, b, c, f):
    return (a * b + c) * f


def zth_tanh(x1, x2, w1, w2, b):
    return ag.tanh(x1 * w1 + x2 * w2 + b)


def zth_exercise1(a, b, c):
    return -(a**3) + ag.sin(3 * b) - 1.0 / c + b**2.5 - a**0.5


def mg_issue68(a, b):
    c = a + b
    d = a * b
    e = c + d
    g = c * d
    return e + g


def mg_pr64(a):
    b = a + a
    return b + b


def olah(a, b):
    return (a + b) * (b + 1)


def baydin(x1, x2):
    return ag.log(x1) + x1 * x2 - ag.sin(x2)


def speelpenning(x0, x1, x2, x3, x4, x5, x6):
    return x0 * x1 * x2 * x3 * x4 * x5 * x6


def jax_tanh(x):
    return ag.tanh(x)


def d2l_calc(x):
    return 3 * x**2 - 4 * x


def d2l_hess(x, y):
    return x * ag.exp(-(x**2) - y**2)


def scipy_rosen(x0, x1, x2, x3):
    x = (x0, x1, x2, x3)
    total = 0.0
    for left, right in itertools.pairwise(x):
        total = total + 100.0 * (right - left**2) ** 2 + (1.0 - left) ** 2
    return total


def goodfellow_xor(x1, x2):
    h1 = ag.relu(x1 + x2)
    h2 = ag.relu(x1 + x2 - 1.0)
    return h1 - 2.0 * h2


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "mazur-step": mazur_step,
    "vzhou-2-2-1": vzhou_2_2_1,
    "vzhou-neuron": vzhou_neuron,
    "221-bce": net_221_bce,
    "221-mse": net_221_mse,
    "cs231n-qz": cs231n_qz,
    "cs231n-sigmoid": cs231n_sigmoid,
    "zth-L": zth_l,
    "zth-tanh": zth_tanh,
    "zth-exercise1": zth_exercise1,
    "mg-issue68": mg_issue68,
    "mg-pr64": mg_pr64,
    "olah": olah,
    "baydin": baydin,
    "speelpenning": speelpenning,
    "jax-tanh": jax_tanh,
    "d2l-calc": d2l_calc,
    "d2l-hess": d2l_hess,
    "scipy-rosen": scipy_rosen,
    "goodfellow-xor": goodfellow_xor,
}

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
