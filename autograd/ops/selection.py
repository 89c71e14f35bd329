"""Operations with corners: which side of a border a number is on, and everything built on it.

At a corner they follow PyTorch: relu and abs have slope 0 at 0, maximum and minimum share a tie half and half,
clip has slope 1 at its bounds.
"""

import math
from typing import Any

from autograd import arrays
from autograd.op import Op, Several
from autograd.ops.declare import register, several, unary

# fmt: off

@several(lambda z, x, y: 0.0, lambda z, x, y: 0.0,
         symbol=">", text="[{0:1} > {1:1}]", latex="[{0:1} > {1:1}]", kinks=lambda x, y: (x - y,), ulps=1, public=False,
         array=lambda np, x, y: np.greater(x, y) * 1.0)
def exceeds(x: float, y: float) -> float:
    """1 where x > y, else 0 (a tie and a nan too); zero slope. The Heaviside step of every piecewise rule."""
    return 1.0 if x > y else 0.0


class Where(Several):
    """``where(condition, x, y)``, whose branches may be functions of no arguments."""

    def __call__(self, condition: Any, x: Any, y: Any) -> Any:  # type: ignore[override]
        """x where the condition is true (not 0), else y.

        With a branch given as a function, only the branch that is chosen is evaluated, and its result is returned as it
        is: nothing of the other one can raise, or spoil a gradient with 0 * inf. A condition that is a comparison of
        data (``v > 0``) is decided now; a Value as the condition is looked at whenever the graph is replayed.

        Raises:
            TypeError: a function as a branch beside an array of conditions.
        """
        if (callable(x) and not isinstance(x, Op)) or (callable(y) and not isinstance(y, Op)):
            if arrays.is_array(condition):
                raise TypeError("where with an array of conditions needs values as its branches, not functions")
            chosen = x if condition else y
            return chosen() if callable(chosen) else chosen
        return self.apply((condition, x, y))


def _where(condition: float, x: float, y: float) -> float:
    """x where the condition is true (not 0), else y; the branch that is not chosen cannot spoil the value."""
    return x if condition else y


where = Where(
    "where", _where,
    (lambda z, c, x, y: 0.0, lambda z, c, x, y: where_true(c), lambda z, c, x, y: 1.0 - where_true(c)),
    book=(lambda z, c, x, y: 0.0, lambda z, c, x, y: where(c, 1.0, 0.0), lambda z, c, x, y: where(c, 0.0, 1.0)),
    symbol="?", binding=0, ulps=1, kinks=lambda c, x, y: (c,),
    array=lambda np, c, x, y: np.where(np.not_equal(c, 0.0), x, y),
    note="zero slope in the condition",
)
register(where)


@unary(lambda z, x: 0.0, text="[{0:1} != 0]", latex=r"[{0:1} \neq 0]", ulps=1, public=False,
       array=lambda np, x: np.not_equal(x, 0.0) * 1.0)
def where_true(x: float) -> float:
    """1 where x is not 0, else 0; zero slope."""
    return 1.0 if x else 0.0


@unary(lambda z, x: where_true(x), text="{0}", latex="{0}", ulps=1, public=False,
       array=lambda np, x: np.where(np.equal(x, 0.0), 1.0, x))
def or_one(x: float) -> float:
    """x, and 1 where x is 0: a denominator that turns 0/0 into 0."""
    return x if x else 1.0


@unary(lambda z, x: 1.0 - exceeds(x, 0.0), text="min({0}, 0)", latex=r"\min({0}, 0)", kinks=lambda x: (x,), ulps=1,
       public=False, array=lambda np, x: np.minimum(x, 0.0))
def negative_part(x: float) -> float:
    """min(x, 0), with slope 1 at 0: what a function of the negative numbers may look at."""
    return 0.0 if x > 0.0 else x


@unary(lambda z, x: sign(x), symbol="|·|", text="|{0}|", latex=r"\left|{0}\right|", array="abs",
       kinks=lambda x: (x,), ulps=1, note="slope 0 at 0")
def abs(x: float) -> float:
    """|x|; its slope at 0 is 0."""
    return math.fabs(x)


@unary(lambda z, x: 0.0, symbol="sgn", text="sign({0})", latex=r"\operatorname{{sgn}}\left({0}\right)", array="sign",
       kinks=lambda x: (x,), ulps=1)
def sign(x: float) -> float:
    """-1, 0 or 1 by the sign of x (nan stays nan); zero slope."""
    return 1.0 if x > 0.0 else -1.0 if x < 0.0 else x * 0.0


@unary(lambda z, x: 0.0, symbol="⌊·⌋", text="floor({0})", latex=r"\left\lfloor {0:0} \right\rfloor", array="floor",
       kinks=lambda x: (x - round_half_even(x),), ulps=1, note="zero slope everywhere")
def floor(x: float) -> float:
    """The largest whole number that is not above x, as a float; zero slope."""
    return float(math.floor(x)) if math.isfinite(x) else x


@unary(lambda z, x: 0.0, text="round({0})", latex=r"\operatorname{{round}}\left({0}\right)", ulps=1, public=False,
       array="rint", kinks=lambda x: (x - floor(x) - 0.5,))
def round_half_even(x: float) -> float:
    """The nearest whole number; zero slope."""
    return float(round(x)) if math.isfinite(x) else x


@unary(lambda z, x: exceeds(x, 0.0), book=(lambda z, x: where(exceeds(x, 0.0), 1.0, 0.0),), symbol="relu",
       latex=r"\max(0, {0})", array=lambda np, x: np.maximum(x, 0.0),
       kinks=lambda x: (x,), ulps=1, note="slope 0 at 0")
def relu(x: float) -> float:
    """max(x, 0); its slope at 0 is 0."""
    return x if x > 0.0 or x != x else 0.0


@several(lambda z, x, leak: where(exceeds(x, 0.0), 1.0, leak), lambda z, x, leak: where(exceeds(x, 0.0), 0.0, x),
         symbol="leaky", latex=r"\operatorname{{leaky}}_{{{1}}}\left({0}\right)", kinks=lambda x, leak: (x,), ulps=1,
         array=lambda np, x, leak: np.where(np.greater(x, 0.0), x, np.multiply(leak, x)),
         note="the leak is the slope at 0")
def leaky_relu(x: float, leak: float = 0.01) -> float:
    """x for x > 0, leak * x below and at 0. The leak may be a Value too: then it is learned."""
    return x if x > 0.0 else leak * x


@several(lambda z, x, y: 0.5 + 0.5 * (exceeds(x, y) - exceeds(y, x)),
         lambda z, x, y: 0.5 + 0.5 * (exceeds(y, x) - exceeds(x, y)),
         book=(lambda z, x, y: where(exceeds(x, y), 1.0, 0.0), lambda z, x, y: where(exceeds(y, x), 1.0, 0.0)),
         symbol="max", text="max({0}, {1})", latex=r"\max({0}, {1})", array="maximum", kinks=lambda x, y: (x - y,),
         ulps=1, note="one half each at a tie")
def maximum(x: float, y: float) -> float:
    """The larger of the two (nan if one is nan); a tie gives each one half of the gradient."""
    return x if x > y or x != x else y


@several(lambda z, x, y: 0.5 + 0.5 * (exceeds(y, x) - exceeds(x, y)),
         lambda z, x, y: 0.5 + 0.5 * (exceeds(x, y) - exceeds(y, x)),
         book=(lambda z, x, y: where(exceeds(y, x), 1.0, 0.0), lambda z, x, y: where(exceeds(x, y), 1.0, 0.0)),
         symbol="min", text="min({0}, {1})", latex=r"\min({0}, {1})", array="minimum", kinks=lambda x, y: (x - y,),
         ulps=1, note="one half each at a tie")
def minimum(x: float, y: float) -> float:
    """The smaller of the two (nan if one is nan); a tie gives each one half of the gradient."""
    return x if x < y or x != x else y


@several(lambda z, x, low, high: 1.0 - exceeds(low, x) - exceeds(x, high),
         lambda z, x, low, high: exceeds(low, x), lambda z, x, low, high: exceeds(x, high),
         book=(lambda z, x, low, high: 1.0 - exceeds(low, x) - exceeds(x, high),
               lambda z, x, low, high: where(exceeds(low, x), 1.0, 0.0),
               lambda z, x, low, high: where(exceeds(x, high), 1.0, 0.0)),
         symbol="clip", latex=r"\operatorname{{clip}}_{{{1}}}^{{{2}}}\left({0}\right)", array="clip",
         kinks=lambda x, low, high: (x - low, x - high), defined=lambda x, low, high: low <= high, ulps=1,
         note="slope 0 outside, 1 inside and at a bound")
def clip(x: float, low: float, high: float) -> float:
    """x held between low and high (which must not be above high; nan if one is nan); its slope at a bound is 1."""
    if not low <= high:
        if low > high:
            raise ValueError("clip needs low <= high")
        return math.nan
    return low if x < low else high if x > high else x
