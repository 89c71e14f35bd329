"""Elementwise operations in place: for each the calls of NumPy that give its value and its slopes.

A short way must give what the declaration gives, at kinks, for 0, inf and nan too; a test holds each to that, and one
holds the slopes of what saturates to their last digits. An operation that is not here runs its declaration over arrays.

The calls are written down as they are run. In them stand for arrays of the group's shape

    x, y (c, x, y for where)   the operands        z      the result       s   kept from the value for the slopes
    g                          the adjoint of z    dx, dy   where g times the slope in x, in y, is to be written
    a, b                       scratch             p, q   scratch of truths; pi, qi the same as whole numbers
    k, j                       the second operand where it is a constant, and that less one
    low, high                  the ends between which the sigmoid is computed
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from autograd.compiler.numpy.call import Call, Constants, same_number
from autograd.op import Op
from autograd.ops import TABLE

WORD = re.compile(r"(?<![\w.\"])([a-z]\w*)(?![\w(=\"])")


@cache
def template(text: str) -> list[list[str]]:
    """The calls of a text, each as a list in which what is to be replaced stands at 1, 3, 5, ..."""
    return [WORD.split(line.strip()) for line in text.split(";") if line.strip()]


@cache
def words(text: str) -> set[str]:
    """All that is to be replaced in a text."""
    return set(WORD.findall(text))


@dataclass(frozen=True)
class Short:
    """The short way of one operation.

    Attributes:
        value: the calls for the value.
        slopes: for each operand the calls for its contribution; "" where the slope is 0 everywhere.
        both: calls that come before those, once.
        fits: for which constants among the operands it is right.
        operands: a letter for each.
    """

    value: str
    slopes: tuple[str, ...]
    both: str = ""
    fits: Callable[[Constants], bool] = lambda constants: True
    operands: str = "xy"

    def reads_again(self, k: int) -> bool:
        """Do the slopes look at operand k?"""
        letter = self.operands[k : k + 1]
        return letter in words(self.both) or any(letter in words(text) for text in self.slopes)

    @property
    def flat(self) -> set[int]:
        """The operands whose slope is 0 everywhere."""
        return {k for k, text in enumerate(self.slopes) if not text}

    def emit_value(self, call: Call) -> None:
        """The lines for the value."""
        self.write(call, self.value, {})

    def emit_slopes(self, call: Call, g: str, to: list[str | None]) -> None:
        """The lines that write g * slope to each of ``to`` that is not None."""
        names = {"g": g} | {f"d{letter}": name for letter, name in zip(self.operands, to, strict=False) if name}
        self.write(call, self.both, names)
        for text, name in zip(self.slopes, to, strict=False):
            if name:
                self.write(call, text, names)

    def write(self, call: Call, text: str, names: dict[str, str]) -> None:
        """The calls with the letters replaced by names."""
        known = {"z": call.z, **dict(zip(self.operands, call.xs, strict=False)), **names}
        for parts in template(text):
            whole = parts.copy()
            whole[1::2] = [known.get(word) or call.letter(word) for word in parts[1::2]]
            call.emit.lines.append("".join(whole))


def leak_in_order(constants: Constants) -> bool:
    """max(x, leak * x) is the leaky relu where the leak is between 0 and 1."""
    leak = same_number(constants[1])
    return leak is not None and 0.0 < leak <= 1.0


def exponents_fit(constants: Constants) -> bool:
    """Constant exponents but 0, whose slope is 0 where 0 * x ** -1 is nan; 1, 2 and -1 have ways of their own."""
    numbers = constants[1]
    return numbers is not None and bool(np.isfinite(numbers).all() and (numbers != 0.0).all())


# q = exp(x/2) in a, and q + 1/q in b: the sigmoid is q / (q + 1/q), and its slope 1 / (q + 1/q)**2, at both ends with
# all digits that exp has. One pass of exp, no sign to ask for, and nothing overflows.
HALVES = "clip(x,low,high,a); multiply(a,0.5,a); exp(a,a)"

BY_NAME = {
    "add": Short("add(x,y,z)", ("copyto(dx,g)", "copyto(dy,g)")),
    "sub": Short("subtract(x,y,z)", ("copyto(dx,g)", "negative(g,dy)")),
    "mul": Short("multiply(x,y,z)", ("multiply(g,y,dx)", "multiply(g,x,dy)")),
    "div": Short("divide(x,y,z)", ("divide(g,y,dx)", "divide(g,y,a); multiply(a,z,a); negative(a,dy)")),
    "neg": Short("negative(x,z)", ("negative(g,dx)",)),
    "identity": Short("copyto(z,x)", ("copyto(dx,g)",)),
    "reciprocal": Short("reciprocal(x,z)", ("multiply(z,z,a); multiply(g,a,a); negative(a,dx)",)),
    "square": Short("square(x,z)", ("add(x,x,a); multiply(g,a,dx)",)),
    "sqrt": Short("sqrt(x,z)", ("divide(0.5,z,a); multiply(g,a,dx)",)),
    "pow": Short("power(x,k,z)", ("power(x,j,a); multiply(a,k,a); multiply(g,a,dx)", ""), fits=exponents_fit),
    "exp": Short("exp(x,z)", ("multiply(g,z,dx)",)),
    "expm1": Short("expm1(x,z)", ("exp(x,a); multiply(g,a,dx)",)),
    "log": Short("log(x,z)", ("divide(g,x,dx)",)),
    "log1p": Short("log1p(x,z)", ("add(x,1.0,a); divide(g,a,dx)",)),
    "sin": Short("sin(x,z)", ("cos(x,a); multiply(g,a,dx)",)),
    "cos": Short("cos(x,z)", ("sin(x,a); multiply(g,a,a); negative(a,dx)",)),
    # The slope is sech(x)**2. With u = exp(-|x|), sech(x) = 2 u / (1 + u**2), and 1 + |z| = 2 / (1 + u**2): so it is
    # (u + u |z|)**2, which has all its digits where 1 - z**2 has none left.
    "tanh": Short(
        "tanh(x,z)",
        ("copysign(x,-1.0,a); exp(a,a); absolute(z,b); multiply(b,a,b); add(b,a,b); square(b,b); multiply(g,b,dx)",),
    ),
    "sigmoid": Short(
        f"{HALVES}; reciprocal(a,s); add(a,s,s); divide(a,s,z)",
        ("reciprocal(s,a); multiply(a,a,a); multiply(g,a,dx)",),
    ),
    "softplus": Short(
        "logaddexp(x,0.0,z)", (f"{HALVES}; reciprocal(a,b); add(a,b,b); divide(a,b,a); multiply(g,a,dx)",)
    ),
    "logsigmoid": Short(
        "negative(x,a); logaddexp(a,0.0,a); negative(a,z)",
        (f"{HALVES}; reciprocal(a,b); add(a,b,a); divide(b,a,b); multiply(g,b,dx)",),
    ),
    "relu": Short("maximum(x,0.0,out=z)", ("greater(z,0.0,p); multiply(g,p,dx)",)),
    "leaky_relu": Short(
        "multiply(x,k,a); maximum(x,a,out=z)",
        ('greater(z,0.0,p); multiply(g,k,dx); copyto(dx,g,"no",p)', ""),
        fits=leak_in_order,
    ),
    # one half each at a tie: g/2 plus and minus g/2 times (won - lost)
    "maximum": Short(
        "maximum(x,y,out=z)",
        ("add(a,b,dx)", "subtract(a,b,dy)"),
        both="greater(x,y,p); less(x,y,q); subtract(pi,qi,pi); multiply(g,0.5,a); multiply(a,pi,b)",
    ),
    "minimum": Short(
        "minimum(x,y,out=z)",
        ("add(a,b,dx)", "subtract(a,b,dy)"),
        both="less(x,y,p); greater(x,y,q); subtract(pi,qi,pi); multiply(g,0.5,a); multiply(a,pi,b)",
    ),
    "abs": Short("absolute(x,z)", ("sign(x,a); multiply(g,a,dx)",)),
    "exceeds": Short("greater(x,y,z)", ("", "")),
    "where": Short(
        'not_equal(c,0.0,p); copyto(z,y); copyto(z,x,"no",p)',
        ("", "not_equal(c,0.0,p); multiply(g,p,dx)", "equal(c,0.0,p); multiply(g,p,dy)"),
        operands="cxy",
    ),
}
POWERS = {
    1.0: Short("copyto(z,x)", ("copyto(dx,g)", "")),
    2.0: Short("square(x,z)", ("add(x,x,a); multiply(g,a,dx)", "")),
    -1.0: Short("reciprocal(x,z)", ("multiply(z,z,a); multiply(g,a,a); negative(a,dx)", "")),
    -0.5: Short("sqrt(x,a); reciprocal(a,z)", ("divide(z,x,a); multiply(a,-0.5,a); multiply(g,a,dx)", "")),
}
"""x to a power that is the same constant throughout the group."""

SHORT: dict[Op, Short] = {TABLE[name]: short for name, short in BY_NAME.items()}
"""By the operation itself and not by its name: a user's operation may have a name of the engine's."""


def short_way(op: Op, constants: Constants) -> Short | None:
    """The short way for a group whose operands are these constants, or vary (None); None if there is none."""
    short = SHORT.get(op)
    if op is TABLE["pow"] and (exponent := same_number(constants[1])) is not None:
        short = POWERS.get(exponent, short)
    return short if short is not None and short.fits(constants) else None
