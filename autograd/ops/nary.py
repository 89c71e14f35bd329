"""Operations of a sequence: sum, product, mean, dot, logsumexp, take; and softmax, which is written with them.

Sums are rounded once (``math.fsum``), so that they do not depend on the order of the terms or on the version of
Python, whose own ``sum`` changed in 3.12.
"""

import math
from collections.abc import Iterable, Sequence
from functools import partial
from operator import mul as times
from typing import Any

from autograd import arrays
from autograd.number_arrays import numbers
from autograd.op import SEQUENCES, Nary
from autograd.ops.declare import nary, register
from autograd.ops.elementary import exp
from autograd.ops.selection import abs, exceeds, where, where_true

# fmt: off


def add_up(terms: Iterable[float]) -> float:
    """The sum, rounded once; where a part of it overflows or is not finite, added from left to right."""
    terms = list(terms)
    try:
        return math.fsum(terms)
    except (OverflowError, ValueError):
        total = 0.0
        for term in terms:
            total += term
        return total


@nary(lambda z, *xs: [1.0] * len(xs), symbol="Σ", text=" + ", latex=" + ", binding=1, ulps=1,
      array=lambda np, xs: np.sum(xs, axis=-1))
def sum(*values: float) -> float:
    """The sum of a sequence (0 for an empty one), rounded once."""
    return add_up(values)


def _all_but_one(z: Any, *xs: Any) -> list[Any]:
    after: list[Any] = [1.0]
    for x in reversed(xs[1:]):
        after.append(x * after[-1])
    before: Any = 1.0
    partials = []
    for x in xs:
        partials.append(before * after.pop())
        before = before * x
    return partials


@nary(_all_but_one, symbol="Π", text="*", latex=r" \cdot ", binding=2, array=lambda np, xs: np.prod(xs, axis=-1),
      note="partials by products from both ends, not by a division, so that zeros are no trouble; n factors cost n - 1 "
           "ulps at worst")
def product(*values: float) -> float:
    """The product of a sequence (1 for an empty one)."""
    return math.prod(values, start=1.0)


@nary(lambda z, *xs: [1.0 / len(xs)] * len(xs), symbol="mean", ulps=2,
      array=lambda np, xs: np.sum(xs, axis=-1) / xs.shape[-1])
def mean(*values: float) -> float:
    """The arithmetic mean of a sequence, which must not be empty."""
    if not values:
        raise ValueError("mean of an empty sequence")
    return add_up(values) / len(values)


def _softmax(z: Any, *xs: Any) -> list[Any]:
    shares = [exp(x - z) for x in xs]       # they add to 1, but for the rounding of z: let it cancel
    total = where(exceeds(math.inf, abs(z)), sum(shares), 1.0)
    return [share / total for share in shares]


def _logsumexp_array(np: Any, xs: Any) -> Any:
    if not xs.shape[-1]:
        return np.full(xs.shape[:-1], -np.inf)
    first = np.argmax(xs, axis=-1, keepdims=True)
    top = np.take_along_axis(xs, first, axis=-1)
    powers = np.exp(xs - top)
    np.put_along_axis(powers, first, 0.0, axis=-1)  # its power is 1: left out, so that the others keep their digits
    return np.where(np.isfinite(top), top + np.log1p(np.sum(powers, axis=-1, keepdims=True)), top)[..., 0]


@nary(_softmax, book=lambda z, *xs: [exp(x - z) for x in xs], symbol="log Σ exp", array=_logsumexp_array,
      note="its partials are the softmax; near the zeros of the result its condition number is large")
def logsumexp(*values: float) -> float:
    """log(exp(x1) + exp(x2) + ...) without overflow, of a sequence that must not be empty."""
    if not values:
        raise ValueError("logsumexp of an empty sequence")
    top = max(values)
    if not math.isfinite(top) or any(v != v for v in values):
        return top if top == top and not any(v != v for v in values) else math.nan
    first = values.index(top)
    others = add_up(math.exp(v - top) for i, v in enumerate(values) if i != first)
    return top + math.log1p(others)


class Dot(Nary):
    """``dot(ws, xs, bias)`` as one operation of the operands (*ws, *xs) or (*ws, *xs, bias)."""

    usage = "takes two sequences, as in {}([w1, w2], [x1, x2])"

    def __call__(  # type: ignore[override]
        self, ws: Any, xs: Any, bias: Any = None, *, axis: int = -1, keepdims: bool = False
    ) -> Any:
        """w1*x1 + w2*x2 + ... (+ bias), as one node: a neuron's weighted sum, its products rounded, then added once.

        Of arrays along their last axis, or ``axis`` of each; the other axes, and those of the bias, broadcast:
        ``dot(W, x)`` of shapes (m, n) and (n,) has the shape (m,).

        Raises:
            ValueError: the two sequences differ in length, or are empty. TypeError: one is no sequence.
        """
        if not (ws.__class__ in SEQUENCES and xs.__class__ in SEQUENCES) and (arrays.is_many(ws) or arrays.is_many(xs)):
            ws, xs = (arrays.last(arrays.sequence(each), axis) for each in (ws, xs))
            n, m = ws.shape[-1], xs.shape[-1]
            if n != m or not n:
                raise ValueError(f"dot needs two last axes of one length, not empty; got {n} and {m}")
            blocks = [ws, xs] if bias is None else [ws, xs, arrays.column(bias)]
            found = self.along(arrays.beside(*blocks))
            return numbers(arrays.expanded(found, axis)) if keepdims else found
        if ws.__class__ not in SEQUENCES or xs.__class__ not in SEQUENCES or axis != -1 or keepdims:
            ws, xs = self.sequence(ws, axis, keepdims), self.sequence(xs, axis, keepdims)
        if len(ws) != len(xs) or not ws:
            raise ValueError(f"dot needs two sequences of one length, not empty; got {len(ws)} and {len(xs)} numbers")
        return self.hot((*ws, *xs) if bias is None else (*ws, *xs, bias))

    def along(self, values: Any, axis: arrays.Axis = -1, keepdims: bool = False) -> Any:
        """As of every operation of a sequence, by the short way."""
        return numbers(arrays.reduced(values, axis, keepdims, self.array, self.hot))

    def hot(self, operands: tuple[Any, ...]) -> Any:
        """``apply``, until value.py puts the short way for Values here."""
        return self.apply(operands)


def _dot_partials(z: Any, *operands: Any) -> list[Any]:
    n = len(operands) // 2
    return [*operands[n : 2 * n], *operands[:n], *([1.0] if len(operands) % 2 else [])]


def _dot(*operands: float) -> float:
    """w1*x1 + w2*x2 + ... (+ bias) of the operands (*ws, *xs) or (*ws, *xs, bias)."""
    n = len(operands) // 2
    return add_up([*map(times, operands[:n], operands[n : 2 * n]), *operands[2 * n :]])


def _dot_array(np: Any, operands: Any) -> Any:
    n = operands.shape[-1] // 2
    total = np.sum(operands[..., :n] * operands[..., n : 2 * n], axis=-1)
    return total + operands[..., -1] if operands.shape[-1] % 2 else total


dot = Dot("dot", _dot, _dot_partials, array=_dot_array, symbol="Σ w·x", text="dot", latex="dot", binding=1, ulps=2,
          note="every product is rounded, the sum of them once")
register(dot)


class Take(Nary):
    """``take(values, index)`` as one operation of the operands (index, *values)."""

    why = "the index is a whole number from 0 up, and below the number of values"

    usage = "takes a sequence and an index, as in {}([a, b], 0)"

    def __call__(self, values: Any, index: Any, *, axis: int = -1) -> Any:  # type: ignore[override]
        """The value at a whole-number index, counted from 0: a row of an embedding, the logit of the right class.

        The index may be a Value, so that a graph that is replayed looks it up again; its slope is 0. Of an array of
        values, along the last axis or ``axis``, with one index for each row (or one for all); of a sequence, an array
        (or a list) of indices gives an array.

        Raises:
            DomainError: the index is no whole number, or outside the values; arrays of floats hold nan there.
        """
        if values.__class__ in SEQUENCES or not arrays.is_many(values):
            values = self.sequence(values, axis)
            if not (index.__class__ in SEQUENCES or arrays.has_axes(index)):
                return self.apply((index, *values))
        return self.along(arrays.beside(arrays.column(index), arrays.last(arrays.sequence(values), axis)))


def _take(index: float, *values: float) -> float:
    """The value at a whole-number index, counted from 0; the index has slope 0."""
    if not is_place(index, *values):
        raise ValueError(take.why)
    return values[int(index)]


def is_place(index: float, *values: float) -> bool:
    """Is the index a whole number from 0 up, and below the number of values?"""
    return 0.0 <= index < len(values) and index == int(index)


def _take_array(np: Any, operands: Any) -> Any:
    index, values = operands[..., 0], operands[..., 1:]
    good = (index >= 0) & (index < values.shape[-1]) & (index == np.floor(index))
    if not values.shape[-1]:
        return np.full(index.shape, np.nan)
    places = np.where(good, index, 0).astype(np.intp)
    return np.where(good, np.take_along_axis(values, places[..., None], axis=-1)[..., 0], np.nan)


take = Take("take", _take, lambda z, index, *xs: [0.0, *(1.0 - where_true(index - k) for k in range(len(xs)))],
            array=_take_array, symbol="[i]", defined=is_place, ulps=1, note="zero slope in the index")
register(take)


def _softmax_array(np: Any, values: Any) -> Any:
    powers = np.exp(values - np.expand_dims(_logsumexp_array(np, values), -1))
    return powers / np.sum(powers, axis=-1, keepdims=True)


def softmax(values: Any, *, axis: arrays.Axis = -1) -> Any:
    """exp(x) / sum of exp, of each of a sequence: a list of numbers of the same kind, or an array (last axis).

    Of an array along its last axis, or ``axis`` (one, several or, with None, all): an array of its shape.

    Written as exp(x - logsumexp(xs)), so that nothing overflows, and divided by their sum, so that they add to 1.
    """
    if values.__class__ in SEQUENCES or not arrays.is_many(values):
        return _softmax_list(logsumexp.sequence(values, axis))
    return numbers(arrays.replaced(arrays.read(values), axis, partial(arrays.quietly, _softmax_array), _softmax_list))


def _softmax_list(values: Sequence[Any]) -> list[Any]:
    if not values:
        return []
    top = logsumexp(values)
    shares = [exp(value - top) for value in values]
    total = sum(shares)
    return [share / total for share in shares]
