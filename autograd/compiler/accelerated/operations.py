"""The engine's operations on JAX's arrays: another reading of the same declarations.

A value is the declaration's function on arrays, given ``jax.numpy`` in place of ``numpy``, or stands in ``WRITTEN``
where the declaration has none that JAX could run. A slope is the declared rule, run on JAX's arrays: so that kinks
follow our conventions (a tie of maximum is shared), and saturated slopes keep their digits, which JAX's own
derivatives would not do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from autograd import arrays
from autograd.errors import CompileError
from autograd.op import READINGS, Op, Reading
from autograd.ops import TABLE, gaussian

__all__ = ["operation"]


@cache
def operation(op: Op) -> Callable[..., Any]:
    """The operation as a function of JAX arrays that broadcast (an n-ary one of several), with its declared slopes.

    Raises:
        CompileError: JAX cannot run it: a user's own operation, or one of the engine's without a function on arrays.
    """
    value = value_of(op)

    def slopes(operands: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
        z = value(*operands)
        varies = [k for k, t in enumerate(tangents) if not isinstance(t, SymbolicZero)]
        locals_ = list(op.partials(z, *operands)) if callable(op.partials) and varies else []
        total = jnp.zeros_like(z)
        for k in varies:
            total = total + (locals_[k] if locals_ else op.rule(k)(z, *operands)) * tangents[k]
        return z, total.astype(z.dtype)

    function: Any = jax.custom_jvp(value)
    function.defjvp(slopes, symbolic_zeros=True)
    result: Callable[..., Any] = function
    return result


def value_of(op: Op) -> Callable[..., Any]:
    """The function on JAX arrays alone; see ``operation``."""
    if TABLE.get(op.name) is not op:
        raise CompileError(
            f'{op.name} is an operation of your own, a Python function on floats, and backend="jax" runs only '
            'autograd\'s: leave it to backend="numpy"'
        )
    if op.name in WRITTEN:
        return WRITTEN[op.name]
    if op._array is None:
        raise CompileError(f'backend="jax" cannot run {op.name}: leave it to backend="numpy"')
    found = arrays.with_namespace(jnp, op._array)
    return found if op.arity is not None else lambda *xs: found(together(xs))


def together(xs: Sequence[Any]) -> Any:
    """Operands of an n-ary operation along a last axis."""
    return jnp.stack(jnp.broadcast_arrays(*xs), axis=-1)


# -- what NumPy does otherwise, or on floats --------------------------------------------------------------------------


def logsumexp(*xs: Any) -> Any:
    """top + log(sum of exp(x - top)); inf, -inf and nan as the declaration has them."""
    table = jnp.stack(jnp.broadcast_arrays(*xs))
    top = jnp.max(table, axis=0)
    anchor = jnp.where(jnp.isfinite(top), top, 0.0)
    powers = jnp.exp(table - anchor)
    first = jnp.argmax(table, axis=0)  # its power is 1: left out, so that the small others keep their digits
    others = jnp.sum(jnp.where(jnp.arange(len(xs)).reshape(-1, *[1] * top.ndim) == first, 0.0, powers), axis=0)
    return jnp.where(jnp.isfinite(top), top + jnp.log1p(others), top)


def take(index: Any, *values: Any) -> Any:
    """The value at a whole-number index, nan where there is none."""
    if not values:
        return jnp.full_like(index, jnp.nan)
    index, *rows = jnp.broadcast_arrays(index, *values)
    table = jnp.stack(rows)
    good = (index >= 0) & (index < len(values)) & (index == jnp.floor(index))
    places = jnp.where(good, index, 0.0).astype(jnp.int32)
    return jnp.where(good, jnp.take_along_axis(table, places[None], axis=0)[0], jnp.nan)


def dot(*operands: Any) -> Any:
    """The operands (*ws, *xs) or (*ws, *xs, bias)."""
    n = len(operands) // 2
    products = [w * x for w, x in zip(operands[:n], operands[n : 2 * n], strict=True)]
    return jnp.sum(jnp.stack(jnp.broadcast_arrays(*products, *operands[2 * n :])), axis=0)


def tiny(x: Any) -> float:
    """The smallest number of its kind with all its digits."""
    return float(jnp.finfo(jnp.result_type(x)).tiny)


def ranged(x: Any, y: Any) -> Any:
    """1, or the power of two that keeps the hypotenuse of x and y from overflow and underflow."""
    size, small = jnp.maximum(jnp.abs(x), jnp.abs(y)), tiny(x)
    up = 2.0 ** -round(math.log2(small) / 3)
    return jnp.where(size > 1e-7 / small, 2.0**-20, jnp.where(size < small * up, up, 1.0)).astype(jnp.result_type(x))


def hypot(x: Any, y: Any) -> Any:
    """sqrt(x*x + y*y) without overflow on the way; inf beside a nan, as IEEE has it."""
    scale = ranged(x, y)
    a, b = x * scale, y * scale
    size = jnp.maximum(jnp.abs(a), jnp.abs(b))
    ratio = jnp.minimum(jnp.abs(a), jnp.abs(b)) / jnp.where(size > 0.0, size, 1.0)
    infinite = jnp.isinf(x) | jnp.isinf(y)
    return jnp.where(infinite, jnp.inf, size * jnp.sqrt(1.0 + ratio * ratio) / scale)


def unit_component(x: Any, y: Any) -> Any:
    """x / hypot(x, y); 0 at (0, 0), the limit where x alone is infinite."""
    scale = ranged(x, y)
    size = hypot(x * scale, y * scale)
    found = x * scale / jnp.where(size == 0.0, 1.0, size)
    return jnp.where(jnp.isinf(x) & jnp.isfinite(y), jnp.sign(x), found)


def angle_slope(x: Any, y: Any) -> Any:
    """x / (x*x + y*y); 0 at (0, 0)."""
    scale = ranged(x, y)
    size = hypot(x * scale, y * scale)
    size = jnp.where(size == 0.0, 1.0, size)
    return (x * scale / size) * (scale / size)  # XLA would make a / (b * b) of a / b / b


def power_derivative(x: Any, y: Any, k: Any, m: Any) -> Any:
    """The first derivative of x**y in x (k, m = 1, 0) or in y (0, 1), as pow's rules ask for it."""
    if (k, m) == (0.0, 1.0):
        factor = jnp.where(x > 0.0, jnp.log(x), jnp.where(x != 0.0, jnp.nan, jnp.where(y >= 0.0, 0.0, -jnp.inf)))
        return jnp.where(factor == 0.0, 0.0, factor * jnp.power(x, y))
    less = y - 1.0
    power = jnp.power(x, less)
    half = jnp.power(jnp.abs(x), 0.5 * less)
    sign = jnp.where((x < 0.0) & (jnp.abs(less) % 2.0 == 1.0), -1.0, 1.0)
    small = (jnp.abs(power) <= 1e17 * tiny(x)) | jnp.isinf(power)  # the power alone: its product may still be a number
    split = sign * y * half * half
    whole = y * power
    usual = jnp.where(small & (x != 0.0) & jnp.isfinite(x) & jnp.isfinite(y), split, whole)
    return jnp.where(y == 0.0, 0.0, jnp.where((x < 0.0) & jnp.isnan(jnp.power(x, y)), jnp.nan, usual))


def normal_cdf(x: Any) -> Any:
    """erfc(-x / sqrt(2)) / 2, corrected for what the product rounds away; see ``gaussian.normal_cdf``."""
    held = jnp.clip(x, -gaussian.BEYOND, gaussian.BEYOND)
    u = -held * gaussian.SQRT_HALF
    high = jnp.rint(held * gaussian.BITS) / gaussian.BITS
    rest = (-high * gaussian.SQRT_HALF_HIGH - u) - high * gaussian.SQRT_HALF_LOW - (held - high) * gaussian.SQRT_HALF
    if u.dtype == jnp.float32:  # the split is one of 64-bit numbers
        rest = 0.0 * u
    found = 0.5 * (jax.scipy.special.erfc(u) - rest * gaussian.TWO_INV_SQRT_PI * jnp.exp(-u * u))
    return jnp.where(x <= -gaussian.BEYOND, 0.0, jnp.where(x >= gaussian.BEYOND, 1.0, found))


WRITTEN: dict[str, Callable[..., Any]] = {
    "logsumexp": logsumexp,
    "take": take,
    "dot": dot,
    "hypot": hypot,
    "unit_component": unit_component,
    "angle_slope": angle_slope,
    "normal_cdf": normal_cdf,
    "gelu": lambda x: jnp.where(x == -jnp.inf, -0.0, x * normal_cdf(x)),
    "erf": jax.scipy.special.erf,
    "erfc": jax.scipy.special.erfc,
}
"""Operations whose declaration JAX could not run."""


def run_jax(op: Op, operands: tuple[Any, ...]) -> Any:
    """The reading of JAX's arrays: what the declared rules call."""
    return power_derivative(*operands) if op.name == "power_derivative" else operation(op)(*operands)


def register() -> None:
    """Put the reading of JAX's arrays, concrete and traced, into the table."""
    reading = Reading(7, run_jax)
    READINGS[jax.core.Tracer] = READINGS[type(jnp.zeros((), np.float32))] = reading


register()
