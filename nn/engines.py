"""How ``fit`` makes a step: compiled where the loss of a row is one graph for all rows, else on the eager engine.

Both make the same steps, end at a complete one, and raise the same errors: where a compiled step goes wrong, the eager
engine makes it again and has the word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from autograd import Value, modes, tree
from autograd.compiler.program import Program
from autograd.compiler.session import Session
from autograd.compiler.tracing import spread, trace
from autograd.errors import AutogradError, CompileError
from nn.dropout import Masks, nothing_dropped
from nn.losses import TARGETS, Loss, mean
from nn.optim import SGD, Adam, AdamW, Optimizer

__all__ = ["Compiled", "Eager", "Engine", "Task", "engine"]

Array = npt.NDArray[Any]
Rows = tuple[Sequence[Any], Sequence[Any]]

DISTINCT = 4
"""For how many different targets a row is traced."""


class Task:
    """What is trained: a model, its loss, rows with targets, and the optimiser."""

    def __init__(
        self, model: Callable[[Any], Any], loss: Loss, rows: Rows, held_out: Rows | None, optimizer: Optimizer[Any]
    ) -> None:
        self.model, self.loss, self.rows, self.held_out, self.optimizer = model, loss, rows, held_out, optimizer

    def loss_of(self, x: Any, y: Any) -> Any:
        """The loss of one row."""
        return self.loss(self.model(x), y)

    def eager_step(self, batch: Sequence[int]) -> float:
        """Forward, backward, update; returns the batch's mean loss. All or nothing.

        Raises:
            FloatingPointError: the loss, a gradient or a new parameter is not finite; and whatever the model raises.
        """
        inputs, targets = self.rows
        total = mean([self.loss_of(inputs[i], targets[i]) for i in batch])
        if not math.isfinite(total.data):
            raise FloatingPointError(f"the loss is {total.data}: autograd.detect_anomaly() names the operation")
        self.optimizer.zero_grad()
        total.backward()
        self.optimizer.step()
        return total.data


class Engine(Protocol):
    """Makes the steps of a training."""

    name: str

    def step(self, batch: Sequence[int], publish: bool) -> float:
        """One complete step, or an error and none; the model shows its numbers at once where ``publish`` says so."""
        ...

    def refresh(self) -> Engine:
        """Take what a callback has done to the model; the engine to go on with."""
        ...

    def show(self) -> None:
        """Let the parameters have the numbers of the last complete step now."""
        ...

    def held_out_loss(self) -> float:
        """The mean loss over the rows held out."""
        ...

    def close(self) -> None:
        """Let model and optimiser have the last complete step, whatever happened."""
        ...


class Eager:
    """One graph for every row of every step. ``name`` says why."""

    def __init__(self, task: Task, reason: str) -> None:
        self.task = task
        self.name = f"eager: {reason}"

    def step(self, batch: Sequence[int], publish: bool) -> float:
        """See ``Task.eager_step``."""
        return self.task.eager_step(batch)

    def refresh(self) -> Engine:
        """Nothing is kept from step to step."""
        return self

    def show(self) -> None:
        """They have them."""

    def held_out_loss(self) -> float:
        """The mean, with no graph recorded."""
        assert self.task.held_out is not None
        with modes.no_grad(), nothing_dropped():
            losses = [self.task.loss_of(x, y).data for x, y in zip(*self.task.held_out, strict=True)]
        return math.fsum(losses) / len(losses)

    def close(self) -> None:
        """Nothing to do."""


class Compiled:
    """One program for all rows, whose parameters stay in arrays from step to step.

    Raises:
        CompileError: the loss of a row is not one graph for all rows, or a row is not made of numbers.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        inputs, targets = task.rows
        check = TARGETS.get(task.loss)
        for y in [*targets, *(task.held_out[1] if task.held_out else ())] if check else ():
            try:
                check(y)  # type: ignore[misc]
            except (ValueError, TypeError) as error:
                raise CompileError(str(error)) from None
        self.template = (inputs[0], targets[0])
        trained = set(map(id, task.optimizer.parameters))
        self.columns = columns_of(task.rows, self.template, trained)
        self.held_out = None if task.held_out is None else columns_of(task.held_out, self.template, trained)
        try:
            self.masks = Masks(lambda: task.loss_of(*self.template))
            self.columns = self.masks.beside(self.columns)
            if self.held_out is not None:
                self.held_out = self.masks.beside(self.held_out)
            traced = trace(
                self.call,
                self.columns,
                chosen_rows(targets),
                parameters=task.optimizer.parameters,
                roots=(task.model, task.loss),
                what="the loss of a row",
            )
        except CompileError:
            raise
        except Exception as error:
            raise CompileError(f"the loss of a row cannot be traced: {type(error).__name__}: {error}") from error
        self.program = Program(traced.tape, traced.inputs, None, "float64", None)
        self.fixed = traced.fixed
        self.fixed_data = [leaf.data for leaf in self.fixed]
        self.batch: Sequence[int] = ()
        self.rows = self.columns
        self.session: Session = self.program.session()
        self.session.__enter__()
        self.made = 0
        rows = self.session.ready(len(self.columns)).leaves
        places = {id(parameter): i for i, parameter in enumerate(task.optimizer.parameters)}
        self.places = [places[id(leaf)] for leaf in rows]
        self.on_arrays = self.take_memory()
        backend, why = self.program.choice(len(self.columns))
        self.name = f"compiled ({backend}): {len(self.program.tape):,} nodes a row; {why}"

    def call(self, leaves: list[Value]) -> Any:
        """The loss of a row whose numbers are these leaves, and then dropout's masks."""
        own = len(leaves) - self.masks.count
        with self.masks.given(leaves[own:]):
            return self.task.loss_of(*tree.refill(self.template, leaves[:own]))

    # -- the optimiser's memory ------------------------------------------------------------------------------------

    def take_memory(self) -> bool:
        """Put what the optimiser remembers into arrays; False where it is not one of ours, or remembers unevenly."""
        optimizer = self.task.optimizer
        kind = type(optimizer)
        known = kind.step is Optimizer.step and kind.zero_grad is Optimizer.zero_grad
        if not known or kind.update not in (SGD.update, Adam.update, AdamW.update):
            return False
        memories = [optimizer._memory[i] for i in self.places]
        if all(memory is None for memory in memories):
            memory: Any = None if kind.update is SGD.update else (0, *(np.zeros(len(memories)) for _ in range(2)))
        elif any(memory is None for memory in memories):
            return False
        elif kind.update is SGD.update:
            memory = np.array(memories)
        else:
            steps, first, second = zip(*memories, strict=True)
            if len(set(steps)) > 1:
                return False
            memory = (steps[0], np.array(first), np.array(second))
        self.session.state = self.session.state._replace(memory=memory)
        return True

    def give_memory(self) -> None:
        """Put what the arrays hold into the optimiser."""
        memory = self.session.state.memory
        if not self.on_arrays or memory is None or (isinstance(memory, tuple) and not memory[0]):
            return
        memories = list(self.task.optimizer._memory)
        if isinstance(memory, tuple):
            each: Any = zip(memory[1].tolist(), memory[2].tolist(), strict=True)
            each = ((memory[0], first, second) for first, second in each)
        else:
            each = memory.tolist()
        for place, one in zip(self.places, each, strict=True):
            memories[place] = one
        self.task.optimizer._memory = memories

    # -- steps -----------------------------------------------------------------------------------------------------

    def step(self, batch: Sequence[int], publish: bool) -> float:
        """One step; where it goes wrong, the eager engine makes it, and raises what it raises."""
        if batch is not self.batch:  # a full batch is the same list every time
            self.batch = batch
            self.rows = self.columns if batch == list(range(len(self.columns))) else self.columns[batch]
        rows = self.masks.drawn(self.rows)
        before = self.session.state
        try:
            if not self.on_arrays:
                return self.step_on_values(rows)
            loss = self.session.step(rows, self.task.optimizer.update_all, self.task.optimizer.learning_rate)
        except (AutogradError, FloatingPointError) as error:
            return self.again(batch, error)
        if publish:
            try:
                self.session.write()
                self.session.write_gradients()
            except BaseException:
                self.session.state = before
                raise
        self.made += 1
        return loss

    def step_on_values(self, rows: Array) -> float:
        """The compiled gradient, and the optimiser's own step on the Values."""
        optimizer, bound = self.task.optimizer, self.session.ready(len(rows))
        loss: float = bound.call("backward", rows)
        if not math.isfinite(loss):
            raise FloatingPointError
        optimizer.zero_grad()
        for leaf, slope in zip(bound.leaves, bound.gradient.tolist(), strict=True):
            leaf.grad = slope
        optimizer.step()
        self.session.read()
        return loss

    def again(self, batch: Sequence[int], error: Exception) -> float:
        """The step on the eager engine: its error, with the row; or its step."""
        self.session.write()
        self.give_memory()
        self.masks.take_back()
        try:
            loss = self.task.eager_step(batch)
        except Exception as raised:
            for note in getattr(error, "__notes__", ()):
                raised.add_note(note)
            raise raised from None
        self.session.read()
        self.on_arrays = self.take_memory()
        return loss

    def refresh(self) -> Engine:
        """Take the parameters' numbers; where a Value was changed that is not trained, go on without the program."""
        if [leaf.data for leaf in self.fixed] != self.fixed_data:
            self.close()
            return Eager(self.task, "on_step changed a Value that the optimiser does not know")
        self.session.read()
        return self

    def show(self) -> None:
        """Out of the arrays."""
        self.session.write()

    def held_out_loss(self) -> float:
        """The mean over the rows held out."""
        assert self.held_out is not None
        try:
            return math.fsum(self.program(self.held_out).tolist()) / len(self.held_out)
        except AutogradError:
            self.session.write()
            return Eager(self.task, "").held_out_loss()

    def close(self) -> None:
        """Write model and optimiser."""
        try:
            self.session.__exit__(None, None, None)
        finally:
            self.give_memory()
            if self.made and self.on_arrays:
                self.session.write_gradients()


def engine(task: Task, wanted: bool | None) -> Engine:
    """The engine for a task: compiled unless told otherwise or where it cannot be.

    Raises:
        CompileError: it cannot be, and ``wanted`` is True.
    """
    if wanted is False:
        return Eager(task, "as asked for")
    if modes.current() != modes.ORDINARY:
        reason = "inside no_grad(), ieee() or detect_anomaly()"
        if wanted:
            raise CompileError(f"fit compiles nothing {reason}: leave the context, or give compile=False")
        return Eager(task, reason)
    try:
        return Compiled(task)
    except CompileError as error:
        if wanted:
            raise
        return Eager(task, str(error))


def chosen_rows(targets: Sequence[Any]) -> list[int]:
    """The rows to trace: the first, middle and last, and one for each of some different targets."""
    rows = spread(len(targets))
    seen: list[Any] = []
    for i, target in enumerate(targets):
        number = target.data if isinstance(target, Value) else target
        if isinstance(number, int | float) and number not in seen:
            seen.append(number)
            rows.append(i)
        if len(seen) == DISTINCT:
            break
    return list(dict.fromkeys(rows))


def columns_of(rows: tuple[Sequence[Any], ...], template: Any, trained: set[int]) -> Array:
    """The numbers of all rows and their targets, shape (rows, numbers).

    Raises:
        CompileError: a row is of another structure than the first, holds a parameter, or what is no number.
    """
    shape = structure(template)
    table: list[list[float]] = []
    for i, row in enumerate(zip(*rows, strict=True)):
        try:
            leaves = tree.leaves(row)
        except TypeError as error:
            raise CompileError(f"row {i} is not made of numbers: {error}") from None
        if structure(row) != shape:
            raise CompileError(f"row {i} is of another shape than the first")
        if any(id(x) in trained for x in leaves):
            raise CompileError(f"row {i} holds a parameter, which does not vary along the batch")
        if any(isinstance(x, Value) and not x.is_leaf for x in leaves):
            raise CompileError(f"row {i} holds a computed Value, whose graph a batch of numbers does not have")
        table.append([x.data if isinstance(x, Value) else float(x) for x in leaves])
    return np.array(table, float).reshape(len(table), -1)


def structure(x: Any) -> Any:
    """Equal for rows that hold their numbers in the same way."""
    if isinstance(x, np.ndarray):
        return x.shape
    if isinstance(x, dict):
        return [(key, structure(each)) for key, each in x.items()]
    if isinstance(x, list | tuple):
        return (type(x), *[structure(each) for each in x])
    return None
