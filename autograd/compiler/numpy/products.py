"""Products of two arrays that both vary along the batch, sample by sample."""

from __future__ import annotations

from autograd.compiler.numpy.emit import Array, Emitter

LONG_BATCH, SHORT_SUM = 64, 8
"""From this batch size on, and up to this length of the sums, ``einsum`` is faster. Measured: 4 heads, 16 positions,
4 dimensions, float64, microseconds: batch 32 matmul 65, einsum 87; batch 256 matmul 1121, einsum 527. With 24 or 32
dimensions matmul takes a third to three quarters of einsum's time at every batch size; products by a copy with the
batch first, or by one multiplication for each k, were slower than the better of the two."""


def contract(emit: Emitter, x: str, y: str, z: str, sizes: tuple[int, int, int, int], batch: int) -> None:
    """z[g, r, p] = sum over k of x[g, r, k] * y[g, k, p] for every sample; ``sizes`` is (G, R, K, P)."""
    if batch >= LONG_BATCH and sizes[2] <= SHORT_SUM:
        emit.line("einsum", '"grkb,gkpb->grpb"', x, y, f"out={z}")
    else:
        emit.line("matmul", *(emit.derived(name, "batch first", batch_first) for name in (x, y, z)))


def batch_first(array: Array) -> Array:
    """The last axis put first, as a view."""
    return array.transpose(3, 0, 1, 2)
