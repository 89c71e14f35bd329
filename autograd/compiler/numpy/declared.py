"""Elementwise operations by their declarations, run over arrays: the way that works for every one of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from autograd.compiler.interpret import on_rows, partials_on_rows
from autograd.compiler.numpy.call import Call
from autograd.compiler.numpy.emit import Array
from autograd.compiler.numpy.sequences import invalid
from autograd.op import Op
from autograd.ops import TABLE


def declared_value(op: Op) -> Callable[..., None]:
    """The declaration over arrays; a result that is not finite is reported as NumPy reports its own.

    So is an angle that hangs on the sign of a zero, which sums in another order do not keep.
    """
    signed = op is TABLE["atan2"]

    def run(*names: Array) -> None:
        *xs, z = names
        z[...] = op.array(*xs) if op.arity is not None else on_rows(op, stacked(xs))
        if not np.isfinite(z).all() or (signed and ((xs[0] == 0.0) & ~(xs[1] > 0.0)).any()):
            invalid()

    return run


def declared_slopes(op: Op) -> Callable[..., None]:
    """``slopes(g, z, xs, targets)`` by the declared rules; silent about inf and nan, as the eager engine is."""

    def run(g: Array, z: Array, xs: Sequence[Array], targets: Sequence[Array | None]) -> None:
        with np.errstate(all="ignore"):
            if op.arity is None:
                locals_ = partials_on_rows(op, z, stacked(xs))
                pairs = [(local, to) for local, to in zip(locals_, targets, strict=True) if to is not None]
            else:
                pairs = [(op.rule(k)(z, *xs), to) for k, to in enumerate(targets) if to is not None]
            for local, to in pairs:
                np.multiply(g, local, out=to, casting="same_kind")

    return run


def stacked(xs: Sequence[Array]) -> Array:
    """Operands as rows of one array, those that are fixed repeated along the batch."""
    return np.stack(np.broadcast_arrays(*xs))


class Declared:
    """What a declaration is run by; it stands beside the short ways."""

    flat: frozenset[int] = frozenset()

    def reads_again(self, k: int) -> bool:
        """The rules may look at every operand."""
        return True

    def emit_value(self, call: Call) -> None:
        """The line for the value."""
        call.line(call.emit.bound(declared_value(call.op)), *call.xs, call.z)

    def emit_slopes(self, call: Call, g: str, to: list[str | None]) -> None:
        """The line that writes g * slope to each of ``to`` that is not None."""
        xs, targets = (f"({''.join(f'{name},' for name in names)})" for names in (call.xs, to))
        call.line(call.emit.bound(declared_slopes(call.op)), g, call.z, xs, targets)
