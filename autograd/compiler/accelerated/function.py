"""A schedule as one function of JAX arrays: each group a few operations on whole groups.

Numbers are held group by group, one array of shape (nodes, B) each, or (nodes, 1) for what is fixed along the batch.
What a group reads is cut out of the arrays of the groups that made it: a slice where the numbers stand together, else
a gather by places that are known when the function is traced. XLA compiles a few operations a group; written scalar by
scalar the same function takes it minutes.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from autograd.compiler.accelerated.gathers import cut
from autograd.compiler.accelerated.operations import operation
from autograd.compiler.schedule import Elementwise, Gather, MatMul, Product, Schedule, Sum
from autograd.compiler.tape import Ints
from autograd.ops import TABLE

Array = npt.NDArray[Any]

CONSTANTS, PARAMETERS, INPUTS = 0, 1, 2
"""Who makes the leaves; the groups are 3, 4, ..."""


class Layout:
    """Where every number of a schedule stands.

    Attributes:
        maker, place: by node number: the array that holds it, and the row in it.
        order: the parameters, in the order in which the groups read them: so that weights stand together.
    """

    def __init__(self, schedule: Schedule) -> None:
        tape = schedule.tape
        self.schedule = schedule
        self.maker = np.full(schedule.size, CONSTANTS)
        self.place = np.zeros(schedule.size, np.int64)
        self.order = reading_order(schedule)
        for maker, nodes in ((PARAMETERS, tape.parameters[self.order]), (INPUTS, tape.inputs)):
            self.maker[nodes], self.place[nodes] = maker, np.arange(len(nodes))
        for k, group in enumerate(schedule.groups):
            nodes = group.out.ravel()
            self.maker[nodes], self.place[nodes] = 3 + k, np.arange(len(nodes))


def reading_order(schedule: Schedule) -> Ints:
    """Places in ``tape.parameters``, by their first appearance in products and tables, then the others."""
    numbers = schedule.tape.parameters
    where = np.full(schedule.size, -1)
    where[numbers] = np.arange(len(numbers))
    read = [g.w.ravel() if isinstance(g, MatMul) else g.table.ravel() for g in schedule.groups
            if isinstance(g, MatMul | Gather)]  # fmt: skip
    places = where[np.concatenate([*read, numbers])] if len(numbers) else numbers
    places = places[places >= 0]
    _, first = np.unique(places, return_index=True)
    return np.asarray(places[np.sort(first)], np.int64)


class Traced:
    """One pass of a schedule while JAX traces it: ``arrays[maker]`` grows group by group."""

    def __init__(self, layout: Layout, dtype: npt.DTypeLike, theta: Any, batch: Any) -> None:
        self.layout, self.dtype = layout, dtype
        self.constant = layout.schedule.constant
        self.arrays: list[Any] = [None, theta[:, None], batch.T]
        self.fine: list[Any] = [jnp.isfinite(theta).all(), jnp.isfinite(batch).all()]
        for group in layout.schedule.groups:
            found = self.group(group)
            self.fine.append(jnp.isfinite(found).all())
            self.arrays.append(found.reshape(group.out.size, found.shape[-1]))

    def rows(self, nodes: Ints) -> Any:
        """The numbers of an array of nodes: shape (*nodes.shape, B or 1); a NumPy array where all are constants."""
        layout, flat = self.layout, nodes.ravel()
        makers, places = layout.maker[flat], layout.place[flat]
        if (makers == CONSTANTS).all():
            return self.constant[nodes].astype(self.dtype)[..., None]
        kinds, first = np.unique(makers, return_index=True)
        kinds = kinds[np.argsort(first)]
        if len(kinds) == 1:
            found = cut(self.arrays[kinds[0]], places)
            return found.reshape(*nodes.shape, found.shape[-1])
        pieces, final, base = [], np.empty(len(flat), np.int64), 0
        for kind in kinds.tolist():
            here = makers == kind
            if kind == CONSTANTS:
                numbers, inverse = np.unique(self.constant[flat[here]], return_inverse=True)
                piece: Any = numbers.astype(self.dtype)[:, None]
            else:
                which, inverse = np.unique(places[here], return_inverse=True)
                piece = cut(self.arrays[kind], which)
            final[here] = base + inverse
            base += piece.shape[0]
            pieces.append(piece)
        width = max(piece.shape[-1] for piece in pieces)
        joined = jnp.concatenate([jnp.broadcast_to(piece, (piece.shape[0], width)) for piece in pieces])
        return cut(joined, final).reshape(*nodes.shape, width)

    def group(self, group: Any) -> Any:
        """What a group computes: its shape, and the batch (or 1) as a last axis."""
        if isinstance(group, Elementwise):
            return self.elementwise(group)
        if isinstance(group, Sum):
            total: Any = group.bias.astype(self.dtype)[:, None]
            for part in group.parts:
                term = self.rows(part.x)
                if part.y is not None:
                    term = term * (term if part.y is part.x else self.rows(part.y))
                if (part.c != 1.0).any():
                    term = term * part.c.astype(self.dtype)[..., None]
                total = total + term.sum(axis=0)
            return jnp.asarray(total if (group.scale == 1.0).all() else total * group.scale.astype(self.dtype)[:, None])
        if isinstance(group, MatMul):
            w, x = self.rows(group.w), self.rows(group.x)
            if len(w) == 1:  # a plain product of matrices: XLA has a faster one for that
                flat = jnp.matmul(w[0, :, :, 0], x.reshape(x.shape[1], -1), precision="highest")
                return flat.reshape(1, w.shape[1], *x.shape[2:])
            return jnp.einsum("grk,gkpb->grpb", w[..., 0], x, precision="highest")
        if isinstance(group, Product):
            x, y = jnp.broadcast_arrays(self.rows(group.x)[..., None, :], self.rows(group.y)[:, None])
            return jnp.sum(x * y, axis=2)
        if isinstance(group, Gather):
            index, table = self.rows(group.index), jnp.asarray(self.rows(group.table)[..., 0])
            good = (index >= 0) & (index < len(table)) & (index == jnp.floor(index))
            chosen = table[jnp.where(good, index, 0.0).astype(jnp.int32)]  # (P, B, D)
            return jnp.moveaxis(jnp.where(good[..., None], chosen, jnp.nan), -1, 0)
        raise TypeError(f"no group: {group!r}")

    def elementwise(self, group: Elementwise) -> Any:
        """One operation over its rows of operands; constants alone stay constants, so that nothing flows to them."""
        constant = (self.layout.maker[group.args] == CONSTANTS).all(axis=1)
        if len(group.args) > 3 and not constant.any():
            operands = list(self.rows(group.args))
        else:
            operands = [jnp.asarray(self.rows(row)) for row in group.args]
        if group.op is TABLE["atan2"]:  # it hangs on the sign of a zero, which sums do not keep
            self.fine.append(~((operands[0] == 0.0) & ~(operands[1] > 0.0)).any())
        return jnp.asarray(operation(group.op)(*operands), self.dtype).reshape(group.out.size, -1)


class Functions:
    """The functions of a schedule, to be compiled by ``jax.jit``: of ``theta`` in ``layout.order``, and of a batch.

    Each also returns whether all numbers on the way were finite: where not, a domain may have been left.
    """

    def __init__(self, schedule: Schedule, dtype: npt.DTypeLike) -> None:
        self.schedule, self.dtype = schedule, np.dtype(dtype)
        self.layout = Layout(schedule)

    def outputs(self, theta: Any, batch: Any) -> tuple[Any, Any]:
        """The outputs, shape (B, number of outputs)."""
        traced = Traced(self.layout, self.dtype, theta, batch)
        found = jnp.asarray(traced.rows(self.schedule.tape.outputs))
        return jnp.broadcast_to(found, (found.shape[0], batch.shape[0])).T, jnp.stack(traced.fine).all()

    def mean(self, theta: Any, batch: Any) -> tuple[Any, Any]:
        """The mean of the only output."""
        found, fine = self.outputs(theta, batch)
        return found[:, 0].mean(), fine

    def total(self, batch: Any, theta: Any) -> tuple[Any, Any]:
        """The sum of the only output, of the batch first: its gradient is that of the inputs, row by row."""
        found, fine = self.outputs(theta, batch)
        return found[:, 0].sum(), fine

    def slopes(self, theta: Any, batch: Any) -> tuple[tuple[Any, Any], Any]:
        """((mean, fine), its gradient)."""
        found: tuple[tuple[Any, Any], Any] = jax.value_and_grad(self.mean, has_aux=True)(theta, batch)
        return found

    def input_slopes(self, theta: Any, batch: Any) -> tuple[Any, Any]:
        """d output / d input, row by row: shape (B, number of inputs)."""
        found: tuple[Any, Any] = jax.grad(self.total, has_aux=True)(batch, theta)
        return found
