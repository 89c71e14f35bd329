"""Gradients that somebody wrote by hand, of functions that know nothing of Values; layers; thousands of inputs."""

import math
import re

import numpy as np
import pytest

import autograd as ag
from autograd.check import check_gradients, check_vjp, sweep, taylor_test

W = np.random.default_rng(0).normal(size=(3, 4))
X = np.random.default_rng(1).normal(size=(2, 3))


def bowl(w, x):
    return np.sum(np.tanh(w * x))


def slope_of_bowl(w, x):
    s = 1 - np.tanh(w * x) ** 2
    return s * x, s * w


def test_numpy_functions():
    w, x = np.array([1.0, 2.0]), np.array([0.3, 0.4])
    assert check_gradients(bowl, w, x, gradient=slope_of_bowl)
    report = check_gradients(bowl, w, x, gradient=lambda w, x: (slope_of_bowl(w, x)[0], slope_of_bowl(w, x)[1][::-1]))
    assert [e.name for e in report.wrong] == ["x[0]", "x[1]"] or {e.name for e in report.wrong} == {"x[0]", "x[1]"}


@pytest.mark.parametrize("off", [1 + 1e-3, 1 + 1e-5, 1 + 1e-7, -1.0, 0.0])
def test_functions_of_floats_alone(off):
    def f(x, y):
        return math.sin(x) * math.exp(y)

    def g(x, y):
        return math.cos(x) * math.exp(y), math.sin(x) * math.exp(y)

    assert check_gradients(f, 1.2, 0.3, gradient=g)
    report = check_gradients(f, 1.2, 0.3, gradient=lambda x, y: (g(x, y)[0], off * g(x, y)[1]))
    assert [e.verdict for e in report] == ["right", "wrong"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_single_precision_inside_is_noticed(dtype):
    """Float64 inputs, but float32 sums inside: the noise is measured, not assumed."""

    def f(w):
        return float(np.sum(np.tanh(w.astype(np.float32) ** 2), dtype=np.float32))

    def g(w):
        return (2 * w / np.cosh(w * w) ** 2).astype(dtype)

    w = np.array([0.5, 1.25, -0.3], dtype=dtype)
    report = check_gradients(f, w, gradient=g)
    assert report, str(report)
    assert 1e-7 < report.entries[0].error < 1e-3
    wrong = check_gradients(f, w, gradient=lambda w: g(w) * dtype(1.01))
    assert [e.verdict for e in wrong] == ["wrong"] * 3


def test_kinks_of_numpy_functions():
    (found,) = check_gradients(lambda x: float(np.maximum(np.float64(x), 0.0)), 0.0, gradient=0.0)
    assert (found.verdict, found.kind) == ("undecidable", "kink")
    assert "its slope is 0 on the left and 1 on the right" in found.reason
    (near,) = check_gradients(lambda x: max(float(x), 0.0), 1e-9, gradient=1.0)
    assert near.verdict in ("undecidable", "right")


def test_domain_edges_of_plain_functions():
    (found,) = check_gradients(lambda x: math.sqrt(x), 0.0, gradient=math.inf)
    assert (found.verdict, found.kind) == ("undecidable", "edge")
    assert "defined on the right only" in found.reason
    assert check_gradients(lambda x: math.sqrt(x), 1e-7, gradient=0.5 / math.sqrt(1e-7))


def test_noise_is_no_proof():
    (found,) = check_gradients(lambda x: 1e16 + math.sin(x), 1.0, gradient=math.cos(1.0))
    assert (found.verdict, found.kind) == ("undecidable", "noise")
    assert "leave out a constant term" in found.reason


class Dense:
    """A layer that caches its input, with a bug on demand."""

    bug = 1.0

    def forward(self, x, w):
        self.cache = x, w
        return np.tanh(x @ w)

    def backward(self, dout):
        x, w = self.cache
        inner = dout * (1 - np.tanh(x @ w) ** 2)
        return inner @ w.T, self.bug * (x.T @ inner)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layers(dtype):
    layer = Dense()
    report = check_vjp(layer.forward, layer.backward, X.astype(dtype), W.astype(dtype))
    assert report, str(report)
    layer.bug = 1.01
    report = check_vjp(layer.forward, layer.backward, X.astype(dtype), W.astype(dtype))
    assert {e.name[0] for e in report.wrong} == {"w"}
    assert len(report.wrong) >= 11  # one slope is so small that float32 says nothing of it


def test_refusals():
    layer = Dense()
    with pytest.raises(ValueError, match=re.escape("a number where an array of shape (2, 4) stands")):
        check_vjp(layer.forward, layer.backward, X, W, cotangent=1.0)
    with pytest.raises(
        ValueError, match=re.escape("at [0]: an array of shape (3, 4) where an array of shape (2, 3) stands")
    ):
        check_vjp(layer.forward, lambda dout: (W, X), X, W)
    with pytest.raises(ValueError, match="return a tuple, one for each"):
        check_gradients(bowl, X, X, gradient=lambda w, x: (w,))
    with pytest.raises(TypeError, match="forget to return it"):
        check_gradients(bowl, X, X, gradient=lambda w, x: None)
    with pytest.raises(TypeError, match=re.escape("check a layer with check_vjp(f, backward, *inputs)")):
        check_gradients(lambda x: x * 2, X, gradient=X)


@pytest.mark.slow
def test_ten_thousand_inputs_in_a_few_evaluations():
    w = np.random.default_rng(2).normal(size=10_000)

    def f(w):
        return np.sum(np.sin(w * w / 2))

    def g(w):
        return w * np.cos(w * w / 2)

    report = check_gradients(f, w, gradient=g)
    assert report, str(report)
    assert report.evaluations < 300
    bad = g(w)
    bad[777] *= 1.01
    report = check_gradients(f, w, gradient=bad, directions=1)
    assert report.verdict == "wrong"
    assert report.entries[-1].name == "w[777]"


def test_taylor():
    found = taylor_test(lambda x, y: ag.sin(x) * y**2, 1.0, 2.0)
    assert found.slopes == pytest.approx((1.0, 2.0, 3.0), abs=0.05)
    assert found
    assert "with the gradient              falls as h^2.0" in str(found)
    wrong = taylor_test(math.sin, 1.0, gradient=lambda x: 1.0001 * math.cos(x))
    assert not wrong
    assert wrong.slopes[1] == pytest.approx(1.0, abs=0.05)
    assert "wrong, or not smooth here" in str(wrong)
    assert math.isinf(taylor_test(lambda x: 3 * x, 1.0).slopes[1])


def test_the_v_shape():
    errors = [abs(s.slope - math.cos(1.0)) for s in sweep(ag.sin, 1.0)]
    best = errors.index(min(errors))
    assert 10 < best < 25
    assert errors[0] > 1e6 * errors[best] < errors[-1]


def test_the_sweep_of_a_numpy_function_that_takes_no_values():
    samples = sweep(lambda xs: float(np.var(xs)), np.array([1.0, 2.0, 4.0]), index=2, plain=True)
    best = min(abs(sample.slope - 2.0 * (4.0 - 7.0 / 3.0) / 3.0) for sample in samples)
    assert best < 1e-9
