"""The NumPy executor: a schedule bound to a batch size becomes a few functions of straight-line calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.compiler.numpy.backward import Backward
from autograd.compiler.numpy.blas import guard
from autograd.compiler.numpy.emit import Array, Emitter, Environment
from autograd.compiler.numpy.forward import Forward
from autograd.compiler.numpy.functions import function
from autograd.compiler.numpy.layout import Layout
from autograd.compiler.numpy.order import Order
from autograd.compiler.numpy.relus import count_relus, relus_last
from autograd.compiler.numpy.sequences import invalid
from autograd.compiler.schedule import Schedule
from autograd.compiler.softmaxes import find_softmaxes
from autograd.compiler.tape import Ints
from autograd.files import collector_paused
from autograd.locks import cached


class NumpyPlan:
    """A schedule made ready for NumPy: one for all batch sizes (see ``Plan``).

    Args:
        schedule: what to run.
        dtype: float64 or float32, of every number in the program.

    Attributes:
        schedule: what is run; ``given`` what was to be run, whose relus stood before its maxima (see ``relus``).
    """

    backend = "numpy"

    def __init__(self, schedule: Schedule, dtype: npt.DTypeLike = np.float64) -> None:
        self.given = schedule
        self.schedule = schedule = relus_last(schedule)
        self.dtype, self.padded = np.dtype(dtype), schedule.padded
        self.arranged = Order(find_softmaxes(schedule))
        tape = schedule.tape
        self.order: Ints = np.searchsorted(tape.parameters, self.arranged.parameters)
        self.source = ""
        self.layouts: dict[bool, Layout] = {}

    @property
    def remarks(self) -> list[str]:
        """What the schedule does not say, for a reader."""
        if self.schedule is self.given:
            return []
        before, left = count_relus(self.given), count_relus(self.schedule)
        return [f"{before:,} relus become {left:,}: they run behind the maxima or minima that read them"]

    def bind(self, batch_size: int, theta: Array, gradient: Array) -> NumpyRun:
        """A run for this batch size that reads ``theta`` and writes ``gradient``, both in ``order``.

        Raises:
            ValueError: a vector of another length or dtype.
        """
        for what, vector in (("theta", theta), ("gradient", gradient)):
            if vector.shape != self.order.shape or vector.dtype != self.dtype:
                raise ValueError(
                    f"{what} must be a {self.dtype} vector of {len(self.order)} parameters; "
                    f"got {vector.dtype} of shape {vector.shape}"
                )
        if batch_size < 1:
            raise ValueError(f"a batch has at least one row; got a batch size of {batch_size}")
        single = batch_size == 1
        if single not in self.layouts:
            self.layouts[single] = Layout(self.arranged, single)
        return NumpyRun(self, self.layouts[single], batch_size, theta, gradient)


class NumpyRun:
    """A plan at one batch size (see ``Run``). The functions are generated when they are first called."""

    def __init__(self, plan: NumpyPlan, layout: Layout, batch_size: int, theta: Array, gradient: Array) -> None:
        self.plan, self.layout, self.batch_size = plan, layout, batch_size
        self.stores: Environment = {
            "T": theta.reshape(-1, 1),
            "G": gradient.reshape(-1, 1),
            "S": self.rows("S", 1),
            "V": self.rows("V", batch_size),
        }

    def rows(self, store: str, length: int) -> Array:
        """Memory for a store, its constants filled in."""
        layout = self.layout
        rows = np.zeros((layout.count[store], length), self.plan.dtype)
        row = layout.row[store]
        schedule = layout.order.schedule
        known = np.flatnonzero((row >= 0) & schedule.known)
        rows[row[known]] = schedule.constant[known, None]
        for where, start, count in layout.ones:
            if where == store:
                rows[start : start + count] = 1.0
        return rows

    def emitter(self) -> Emitter:
        """A new one, for a function of this run."""
        b = self.batch_size
        return Emitter({"T": 1, "G": 1, "S": 1, "V": b, "ES": 1, "EV": b}, self.plan.dtype)

    def make(self, name: str, head: str, emit: Emitter, tail: list[str], backward: Backward | None, more: Any) -> Any:
        """Memory for what an emitter asked for, its hoisted lines run, and its function."""
        stores = dict(self.stores)
        if backward is not None:
            for store, rows in backward.adjoints.rows.items():
                stores[store] = np.zeros((rows.high, emit.lengths[store]), self.plan.dtype)
        emit.bind_numbers()
        env = emit.environment(stores)
        env.update(more)
        if backward is not None and backward.hoisted:
            function("hoisted", "", backward.hoisted, [], env)[0]()
        made, source = function(name, head, emit.lines, tail, env)
        self.plan.source = emit.readable(source)
        context = guard(emit.largest_product)
        if context is None:
            return made

        def guarded(batch: Array) -> Any:
            with context:
                return made(batch)

        return guarded

    @cached
    def outputs(self) -> tuple[list[str], dict[str, Any]]:
        """The last lines of ``forward``: a new array of the outputs."""
        tape, layout = self.layout.order.schedule.tape, self.layout
        schedule = self.layout.order.schedule
        env: dict[str, Any] = {"empty": np.empty, "dtype": self.plan.dtype}
        lines = [f"Y=empty(({self.batch_size},{len(tape.outputs)}),dtype)"]
        for store in ("V", "S", "T", "constant"):
            columns = [k for k, node in enumerate(tape.outputs.tolist()) if self.output_store(node) == store]
            if not columns:
                continue
            ids = tape.outputs[columns]
            env[f"columns_{store}"] = columns
            if store == "constant":
                env["constants"] = schedule.constant[ids]
                lines.append("Y[:,columns_constant]=constants")
            else:
                env[f"rows_{store}"] = layout.row[store][ids]
                lines.append(f"Y[:,columns_{store}]={store}[rows_{store}].T")
        return [*lines, "return Y"], env

    def output_store(self, node: int) -> str:
        """Where the numbers of an output are."""
        layout = self.layout
        for store in ("V", "S", "T"):
            if layout.row[store][node] >= 0 and not (store != "T" and layout.order.is_parameter[node]):
                return store
        return "constant"

    @cached
    @collector_paused()
    def forward_function(self) -> Any:
        """The forward pass alone."""
        emit = self.emitter()
        Forward(self.layout, emit)
        tail, more = self.outputs
        return self.make("forward", "X", emit, tail, None, more)

    @cached
    @collector_paused()
    def backward_function(self) -> Any:
        """Both passes, to the parameters."""
        emit = self.emitter()
        forward = Forward(self.layout, emit)
        tape = self.layout.order.schedule.tape
        backward = Backward(self.layout, emit, forward.done, 1.0 / self.batch_size, tape.parameters, True)
        backward.to_parameters()
        loss, more = self.loss()
        return self.make("backward", "X", emit, [f"return {loss}"], backward, more)

    @cached
    @collector_paused()
    def input_function(self) -> Any:
        """Both passes, to the inputs."""
        emit = self.emitter()
        forward = Forward(self.layout, emit)
        backward = Backward(self.layout, emit, forward.done, 1.0, self.layout.order.schedule.tape.inputs, False)
        return self.make("input_gradients", "X", emit, [f"return {backward.to_inputs()}.T.copy()"], backward, {})

    def loss(self) -> tuple[str, dict[str, Any]]:
        """The mean of the only output over the batch, as an expression."""
        layout = self.layout
        node = int(layout.order.schedule.tape.outputs[0])
        store = self.output_store(node)
        if store == "constant":
            return "constant", {"constant": float(layout.order.schedule.constant[node])}
        row = self.only_numbers
        if layout.varies(node) and self.batch_size > 1:
            return f"float(addreduce(loss_row))/{self.batch_size}", {"loss_row": row}
        return "loss_row.item(0)", {"loss_row": row}

    @property
    def only_numbers(self) -> Array:
        """Where the numbers of the only output are."""
        node = int(self.layout.order.schedule.tape.outputs[0])
        store = self.output_store(node)
        if store == "constant":
            return self.layout.order.schedule.constant[node : node + 1]
        found: Array = self.stores[store][self.layout.row[store][node]]
        return found

    def only_output(self) -> None:
        """Raises ValueError if there is not one output."""
        count = len(self.layout.order.schedule.tape.outputs)
        if count != 1:
            raise ValueError(f"a gradient is that of one output; this program has {count}")

    def forward(self, batch: Array) -> Array:
        """The outputs, shape (B, number of outputs), of ``batch``, shape (B, number of inputs): a new array."""
        result: Array = self.forward_function(batch.T)
        return result

    def backward(self, batch: Array) -> float:
        """Forward and backward: the mean over the batch of the only output; writes ``gradient`` of that mean."""
        self.only_output()
        result: float = self.backward_function(batch.T)
        return result

    def input_gradients(self, batch: Array) -> Array:
        """d output / d input, row by row: shape (B, number of inputs), of the only output: a new array.

        An output that is not finite is reported as NumPy reports its own.
        """
        self.only_output()
        result: Array = self.input_function(batch.T)
        if not np.isfinite(self.only_numbers).all():
            invalid()
        return result
