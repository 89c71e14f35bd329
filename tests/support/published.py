"""Published examples with their gradients, and their functions, written by hand.

The texts of the functions in ``oracle/published_gradients.json`` are for readers; nothing from that file is executed.
The functions below are written by hand, one for each identifier.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import autograd as ag
from support import frozen

CASES: dict[str, dict[str, Any]] = {case["id"]: case for case in frozen("published_gradients")}


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
