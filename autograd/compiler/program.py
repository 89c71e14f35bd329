"""Program: a recorded graph as one function of a batch, with its gradients and training steps."""

from __future__ import annotations

import contextlib
import copy
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import tree
from autograd.compiler.bound import Bound
from autograd.compiler.explain import Explanation, explained
from autograd.compiler.plans import BACKENDS, choose, plan_of
from autograd.compiler.session import Session
from autograd.compiler.tape import Tape, record_tape
from autograd.locks import cached, new_lock
from autograd.value import Value

Array = npt.NDArray[Any]

DTYPES = {"float64": np.float64, "float32": np.float32}


class Program:
    """A compiled graph. ``autograd.compile`` makes it.

    Its parameters are the graph's own leaves: every call reads their numbers, ``backward`` adds to their ``grad``, a
    step writes them. It may be called from several threads; they take turns.

    Attributes:
        parameters: the leaves that are parameters, in the order of every gradient.
        inputs: the leaves that vary along the batch, in the order of its columns.
        backend: "numpy" or "python": what ran last, or would run a batch of one row; "jax" where it was asked for.
        dtype: of the numbers inside, and of the results.
    """

    def __init__(self, tape: Tape, inputs: Sequence[Value], shape: tuple[int, ...] | None, dtype: str,
                 backend: str | None) -> None:  # fmt: skip
        self.tape = tape
        self.inputs = tuple(inputs)
        self.parameters = tuple(tape.leaves)
        self.dtype = np.dtype(DTYPES[dtype])
        self.forced = backend
        self._shape = shape
        self._bounds: dict[str, Bound] = {}
        self._choices: dict[int, tuple[str, str]] = {}
        self._lock = new_lock()
        self._session: Session | None = None
        self._last = 1

    def __repr__(self) -> str:
        return (
            f"<Program of {len(self.tape):,} nodes: {len(self.inputs)} inputs, {len(self.parameters)} parameters, "
            f"{len(self.tape.outputs)} outputs, {self.dtype}{''.join(f', {name}' for name in self._bounds)}>"
        )

    def __copy__(self) -> Program:
        """Another program of the same Values; a session that is open stays the first one's."""
        return Program(self.tape, self.inputs, self._shape, self.dtype.name, self.forced)

    def __deepcopy__(self, memo: dict[int, Any]) -> Program:
        """A program of copies of the Values, with the numbers that these hold."""
        tape = replace(self.tape, leaves=[copy.deepcopy(leaf, memo) for leaf in self.tape.leaves])
        inputs = [copy.deepcopy(leaf, memo) for leaf in self.inputs]
        return Program(tape, inputs, self._shape, self.dtype.name, self.forced)

    @cached
    def owned(self) -> frozenset[int]:
        """The ids of the parameters, of which an open session is the only one."""
        return frozenset(map(id, self.parameters))

    @property
    def backend(self) -> str:
        """What ran last, or would run a batch of one row: "numpy" or "python"; "jax" where it was asked for."""
        return self.choice(self._last)[0]

    def choice(self, rows: int) -> tuple[str, str]:
        """The backend for a batch of so many rows, and why."""
        if self.forced:
            return self.forced, "it was asked for"
        if rows not in self._choices:
            self._choices[rows] = choose(self.tape, rows)
        return self._choices[rows]

    # -- calls -----------------------------------------------------------------------------------------------------

    def __call__(self, batch: npt.ArrayLike) -> Array:
        """The outputs for every row of ``batch``, shape (B, inputs): shape (B,) for one Value, else (B, ...).

        A list of outputs gives (B, n), equal nested lists (B, m, n), unequal ones all their numbers in a row.

        Raises:
            ValueError: a batch of another shape, or without rows. TypeError: one that does not hold real numbers.
            DomainError: as the eager engine, with a note on the row; inside ``ieee()`` inf or nan.
        """
        rows = self.rows(batch)
        with self._lock:
            found: Array = self.ready(rows).call("forward", rows)
        return found[:, 0] if self._shape is None else found.reshape(len(rows), *self._shape)

    def value_and_grad(self, batch: npt.ArrayLike, reduction: str = "mean") -> tuple[float, Array]:
        """The mean (or the sum) of the only output over the batch, and its gradient, aligned with ``parameters``.

        Raises:
            ValueError: several outputs, an unknown reduction, or a batch as for a call; DomainError as there.
        """
        factor = self.factor(reduction)
        rows = self.rows(batch)
        with self._lock:
            bound = self.ready(rows)
            mean = bound.call("backward", rows)
            gradient = bound.in_tape_order(bound.gradient)
        if factor is None:
            return mean, gradient
        with np.errstate(over="ignore"):
            return mean * len(rows), gradient * len(rows)

    def backward(self, batch: npt.ArrayLike, reduction: str = "mean") -> float:
        """Add the gradient to ``grad`` of every parameter, as ``Value.backward`` does; returns the mean or the sum."""
        value, gradient = self.value_and_grad(batch, reduction)
        for leaf, slope in zip(self.parameters, gradient.tolist(), strict=True):
            leaf._grad += slope
        return value

    def input_gradients(self, batch: npt.ArrayLike) -> Array:
        """d output / d input, row by row, of the only output: shape (B, inputs). Raises as ``value_and_grad``."""
        self.factor("mean")
        rows = self.rows(batch)
        with self._lock:
            bound = self.ready(rows)
            found: Array = bound.call("input_gradients", rows) if self.inputs else np.empty_like(rows)
        return found

    def session(self, devices: Any = None) -> Session:
        """Training steps whose parameters stay in arrays: ``with program.session() as s: s.sgd(batch, 0.1)``.

        Until it ends the program computes with them too, and the Values keep the numbers they had; then they get
        those of the last complete step, whatever ended it.

        Args:
            devices: with ``backend="jax"``, how many devices (or a list of ``jax.devices()``) share the rows of every
                batch equally; each has all the parameters. By default JAX's first one.

        Raises:
            ValueError: devices without ``backend="jax"``, or more than JAX has. TypeError: no devices.
        """
        return Session(self, devices)

    def sgd(self, batch: npt.ArrayLike, learning_rate: float) -> float:
        """One step of gradient descent on the mean over the batch, from the Values and into them; returns the mean.

        Raises:
            FloatingPointError: the loss, a gradient or a new number is not finite. ValueError, DomainError: as above.
                No parameter has changed then.
        """
        with self.session() as session:
            return session.sgd(batch, learning_rate)

    def explain(self, rows: int | None = None) -> Explanation:
        """What became of the graph, and how a batch of so many rows (by default the last) is run."""
        with self._lock:
            return explained(self, self._last if rows is None else rows)

    # -- pieces ----------------------------------------------------------------------------------------------------

    def rows(self, batch: Any) -> Array:
        """The batch as an array of the program's dtype; see ``__call__`` for errors."""
        rows: Array = batch
        if rows.__class__ is not np.ndarray or rows.dtype != self.dtype:
            rows = self.converted(batch)
        if rows.ndim != 2 or rows.shape[1] != len(self.inputs) or not rows.shape[0]:
            raise self.wrong_shape(rows.shape)
        return rows

    def converted(self, batch: Any) -> Array:
        """Any batch of real numbers as an array; TypeError where it is none."""
        refuse_masked("a batch", batch)
        try:
            array = np.asarray(batch)
        except ValueError:
            raise ValueError(f"the rows of a batch are equally long: {len(self.inputs)} numbers each") from None
        if array.dtype.kind not in "biuf":
            held = "Values or other objects" if array.dtype == object else f"numbers of type {array.dtype}"
            raise TypeError(
                f"a batch is an array of real numbers, of shape (rows, {len(self.inputs)}), not of {held}: the Values "
                "are named once, as inputs of autograd.compile"
            )
        with np.errstate(over="ignore"):
            return array.astype(self.dtype)

    def wrong_shape(self, shape: tuple[int, ...]) -> ValueError:
        """The error for a batch of another shape."""
        count = len(self.inputs)
        if len(shape) == 2 and shape[1] == count:
            return ValueError("the batch has no rows: give one at least")
        hint = ""
        if shape == (count,):
            hint = "; for a single row write batch[None, :]"
        elif len(shape) == 1 and count == 1:
            hint = "; for one number in each row write batch[:, None]"
        return ValueError(
            f"a batch of this program has shape (rows, {count}), one column for each of its inputs; got {shape}{hint}"
        )

    def factor(self, reduction: str) -> str | None:
        """None for a mean; ValueError unless the reduction is known and there is one output."""
        if len(self.tape.outputs) != 1:
            raise ValueError(
                f"a gradient is that of one output, and this program has {len(self.tape.outputs)}: compile their sum, "
                "or each by itself"
            )
        if reduction not in ("mean", "sum"):
            raise ValueError(f'reduction is "mean" or "sum"; got {reduction!r}')
        return None if reduction == "mean" else reduction

    def ready(self, rows: Array) -> Bound:
        """The executor for this batch with the parameters' numbers in it: the session's, else those of the Values."""
        self._last = len(rows)
        if self._session is not None:
            return self._session.ready(len(rows))
        bound = self.bound(len(rows))
        bound.read()
        return bound

    def bound(self, rows: int) -> Bound:
        """The executor for a batch of so many rows."""
        backend = self.choice(rows)[0]
        if backend not in self._bounds:
            self._bounds[backend] = Bound(self.tape, self.dtype, plan_of(self.tape, self.dtype, backend))
        return self._bounds[backend]


def program_of(
    outputs: Any, inputs: Any, parameters: Any = None, dtype: Any = "float64", backend: str | None = None
) -> Program:
    """The program of a graph; see ``autograd.compile``."""
    name = check_dtype(dtype)
    check_backend(backend)
    try:
        found = tree.leaves(outputs) if not isinstance(outputs, Value) else [outputs]
    except tree.NotNumbers as error:
        raise TypeError(f"outputs are Values, in a list or nested lists; got {error.what}") from None
    if not found:
        raise ValueError("there are no outputs to compile: give a Value, or a list of Values")
    columns = values_of("inputs", inputs)
    chosen = None if parameters is None else values_of("parameters", parameters)
    return Program(record_tape(found, columns, chosen), columns, shape_of(outputs, len(found)), name, backend)


def refuse_masked(what: str, batch: Any) -> None:
    """TypeError for a masked array, or rows of such: what is masked would pass for data."""
    masked = getattr(sys.modules.get("numpy.ma"), "MaskedArray", ())
    for each in (batch, *batch) if isinstance(batch, list | tuple) else (batch,):
        if isinstance(each, masked):
            raise TypeError(
                f"{what} is an array of numbers, all of which count; a masked array hides some: give "
                "array.filled(number), or the rows without a hidden one"
            )


def values_of(what: str, values: Any) -> list[Any]:
    """A Value, or (nested) lists and arrays of them, in a row; TypeError where it is something else."""
    if isinstance(values, Value):
        return [values]
    try:
        return tree.leaves(values)
    except TypeError:
        raise TypeError(f"{what} are Values, in a list or nested lists; got {values!r:.60}") from None


def check_dtype(dtype: Any) -> str:
    """The name of the dtype; ValueError where it is neither float64 nor float32."""
    name = str(dtype)
    with contextlib.suppress(TypeError):
        name = str(np.dtype(dtype))
    if name not in DTYPES:
        raise ValueError(f"a program computes in float64 or float32; got dtype {dtype!r}")
    return name


def check_backend(backend: str | None) -> None:
    """ValueError for an unknown backend."""
    if backend is not None and backend not in BACKENDS:
        raise ValueError(
            f'the backend is "numpy", "python" or "jax", or None to let the program choose; got {backend!r}'
        )
    if backend == "jax":
        import autograd.compiler.accelerated  # noqa: F401  (without the extra: what to install, said at this call)


def shape_of(outputs: Any, count: int) -> tuple[int, ...] | None:
    """The shape of nested equal lists; of others the number of their leaves; None for one Value."""
    if tree.is_number(outputs):
        return None
    if isinstance(outputs, np.ndarray):
        return tuple(outputs.shape)
    if isinstance(outputs, list | tuple) and outputs:
        inner = {shape_of(each, -1) for each in outputs}
        if inner == {None}:
            return (len(outputs),)
        shape = inner.pop()
        if not inner and shape is not None and -1 not in shape:
            return (len(outputs), *shape)
    return (count,)
