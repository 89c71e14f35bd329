"""Smooth activations and their relatives: sigmoid and its logarithm, softplus, elu, gelu, silu, erf, logaddexp."""

import math
from typing import Any

from autograd.ops.declare import several, unary
from autograd.ops.elementary import exp, expm1, sech, square
from autograd.ops.gaussian import TWO_INV_SQRT_PI, exp_minus_square, normal_cdf, normal_pdf
from autograd.ops.selection import exceeds, negative_part, where

# fmt: off


def _sigmoid_array(np: Any, x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(np.less(x, 0.0), e, 1.0) / (1.0 + e)


@unary(lambda z, x: square(0.5 * sech(0.5 * x)), book=(lambda z, x: z * (1.0 - z),), symbol="σ",
       latex=r"\sigma\left({0}\right)", array=_sigmoid_array,
       note="the slope is (sech(x/2)/2)**2: 1 - z has no digits left at x = 40")
def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), between 0 and 1; 0 and 1 at -1000 and 1000, never an overflow."""
    if x < 0.0:
        e = math.exp(x)
        return e / (1.0 + e)
    return 1.0 / (1.0 + math.exp(-x))


@unary(lambda z, x: sigmoid(-x), book=(lambda z, x: 1.0 - sigmoid(x),), symbol="log σ",
       latex=r"\ln\sigma\left({0}\right)", array=lambda np, x: -np.logaddexp(0.0, np.negative(x)))
def logsigmoid(x: float) -> float:
    """log(sigmoid(x)) that stays finite: about x for very negative x."""
    return -softplus.forward(-x)


@unary(lambda z, x: sigmoid(x), symbol="softplus", latex=r"\ln\left(1 + e^{{{0}}}\right)",
       array=lambda np, x: np.logaddexp(0.0, x))
def softplus(x: float) -> float:
    """log(1 + exp(x)) without overflow: about x for large x."""
    return (x if x > 0.0 else 0.0) + math.log1p(math.exp(-math.fabs(x))) if x == x else x


@several(lambda z, x, alpha: where(exceeds(x, 0.0), 1.0, alpha * (e := exp(0.5 * negative_part(x))) * e),
         lambda z, x, alpha: expm1(negative_part(x)),
         book=(lambda z, x, alpha: where(exceeds(x, 0.0), 1.0, alpha * exp(x)),
               lambda z, x, alpha: where(exceeds(x, 0.0), 0.0, expm1(x))),
         kinks=lambda x, alpha: (x,), latex=r"\operatorname{{elu}}_{{{1}}}\left({0}\right)",
         array=lambda np, x, alpha: np.where(up := np.greater(x, 0.0), x, alpha * np.expm1(np.where(up, 0.0, x))),
         note="with alpha = 1 the slope has no jump at 0; otherwise it is alpha there, as in PyTorch")
def elu(x: float, alpha: float = 1.0) -> float:
    """x for x > 0, alpha * (exp(x) - 1) below and at 0. Clevert, Unterthiner & Hochreiter, 2015, arXiv:1511.07289."""
    return x if x > 0.0 else alpha * math.expm1(x)


@unary(lambda z, x: normal_cdf(x) + x * normal_pdf(x), symbol="gelu", latex=r"\operatorname{{gelu}}\left({0}\right)",
       array=lambda np, x: np.where(np.equal(x, -math.inf), -0.0, np.multiply(x, normal_cdf.array(x))),
       note="exact, not the approximation with tanh; the slope is 0 near x = -0.7518")
def gelu(x: float) -> float:
    """x * Phi(x), Phi the normal distribution function. Hendrycks & Gimpel, 2016, arXiv:1606.08415."""
    return x * normal_cdf.forward(x) if x != -math.inf else -0.0


@unary(lambda z, x: sigmoid(x) * (1.0 + x * sigmoid(-x)), book=(lambda z, x: sigmoid(x) + z * (1.0 - sigmoid(x)),),
       symbol="silu", latex=r"\operatorname{{silu}}\left({0}\right)",
       array=lambda np, x: np.where(np.equal(x, -math.inf), -0.0, np.multiply(x, _sigmoid_array(np, x))),
       note="the slope is 0 near x = -1.278")
def silu(x: float) -> float:
    """x * sigmoid(x), also called swish. Elfwing, Uchibe & Doya, 2017, arXiv:1702.03118."""
    return x * sigmoid.forward(x) if x != -math.inf else -0.0


@unary(lambda z, x: TWO_INV_SQRT_PI * exp_minus_square(x), latex=r"\operatorname{{erf}}\left({0}\right)")
def erf(x: float) -> float:
    """The error function, 2/sqrt(pi) times the integral of exp(-t*t) from 0 to x."""
    return math.erf(x)


@unary(lambda z, x: -TWO_INV_SQRT_PI * exp_minus_square(x), latex=r"\operatorname{{erfc}}\left({0}\right)")
def erfc(x: float) -> float:
    """1 - erf(x) without the loss of digits for large x."""
    return math.erfc(x)


@several(lambda z, x, y: sigmoid(x - y), lambda z, x, y: sigmoid(y - x),
         latex=r"\ln\left(e^{{{0}}} + e^{{{1}}}\right)", array="logaddexp",
         note="near the zeros of the result its condition number is large")
def logaddexp(x: float, y: float) -> float:
    """log(exp(x) + exp(y)) without overflow."""
    if x == y:
        return x + math.log(2.0)
    return max(x, y) + math.log1p(math.exp(-math.fabs(x - y)))
