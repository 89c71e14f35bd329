"""How ``fit`` makes a step with a program, and how it is held to the function that the program was traced from.

Looks at numbers are refused while a function is traced. What else it may hang on (a counter, a schedule, a cache) is
looked for on rows: see ``spots``.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autograd import Value, tree
from autograd.compiler.program import Program
from autograd.compiler.session import Session, State, fresh
from autograd.compiler.tracing import trace
from autograd.errors import AutogradError, CompileError, GraphError
from autograd.reverse import UNREACHED
from nn.dropout import Masks
from nn.losses import TARGETS
from nn.optim import SGD, Adam, AdamW, Optimizer
from nn.rows import columns_of
from nn.spots import Spots, difference
from nn.tasks import Eager, Engine, Task

__all__ = ["Compiled", "Different"]

Array = npt.NDArray[Any]


class Different(Exception):
    """The program is not the function; ``steps`` were made when it last was, and the training is put back to them."""

    def __init__(self, message: str, steps: int) -> None:
        super().__init__(message)
        self.steps = steps


class Kept(NamedTuple):
    """What a training is put back to: the session's state, the optimiser's own, dropout's generators."""

    steps: int
    state: State
    optimizer: dict[str, Any] | None
    generators: list[Any]


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
        columns = columns_of(task.rows, self.template, trained)
        held_out = None if task.held_out is None else columns_of(task.held_out, self.template, trained)
        self.masks = Masks()
        try:
            traced = trace(
                self.call,
                columns,
                dict.fromkeys((0, len(columns) - 1)),
                parameters=task.optimizer.parameters,
                roots=(task.model, task.loss),
                what="the loss of a row",
            )
        except CompileError:
            raise
        except Exception as error:
            raise CompileError(f"the loss of a row cannot be traced: {type(error).__name__}: {error}") from error
        self.columns = self.masks.beside(columns)
        self.held_out = None if held_out is None else self.masks.beside(held_out)
        self.program = Program(traced.tape, traced.inputs, None, "float64", None)
        self.fixed = traced.fixed
        self.fixed_data = [leaf.data for leaf in self.fixed]
        mine = set(map(id, self.program.parameters))
        self.others = [p for p in task.optimizer.parameters if id(p) not in mine]
        self.leaves = list({id(leaf): leaf for leaf in [*self.program.parameters, *self.others, *self.fixed]}.values())
        self.batch: Sequence[int] = ()
        self.rows = self.columns
        self.session: Session = self.program.session()
        try:
            self.session.__enter__()
        except GraphError as error:
            raise CompileError(str(error)) from None
        self.made = self.confirmed = 0
        self.kept: Kept | None = None
        leaves = self.session.ready(task.batch_size).leaves
        places = {id(parameter): i for i, parameter in enumerate(task.optimizer.parameters)}
        self.places = [places[id(leaf)] for leaf in leaves]
        self.on_arrays = self.take_memory()
        self.spots = Spots(self.program, task.batch_size, -(-len(columns) // task.batch_size), task.steps)
        backend, why = self.program.choice(task.batch_size)
        rule = "" if self.on_arrays else f", each step by {type(task.optimizer).__name__} on the Values"
        self.name = f"compiled ({backend}){rule}: {len(self.program.tape):,} nodes a row; {why}"

    def call(self, leaves: list[Value]) -> Any:
        """The loss of a row whose numbers are these leaves, to which those of dropout's masks are appended."""
        own = list(leaves)
        with self.masks.asked(leaves):
            return self.task.loss_of(*tree.refill(self.template, own))

    # -- the optimiser's memory ------------------------------------------------------------------------------------

    def take_memory(self) -> bool:
        """Put what the optimiser remembers into arrays; False where it is not one of ours, or remembers unevenly."""
        optimizer = self.task.optimizer
        own = [rule_of(optimizer, name) for name in ("step", "zero_grad", "update_all")]
        update = rule_of(optimizer, "update")
        ours = own == [Optimizer.step, Optimizer.zero_grad, Optimizer.update_all]
        if not ours or update not in (SGD.update, Adam.update, AdamW.update):
            return False
        memories = [optimizer._memory[i] for i in self.places]
        if all(memory is None for memory in memories):
            memory: Any = None if update is SGD.update else (0, *(np.zeros(len(memories)) for _ in range(2)))
        elif any(memory is None for memory in memories):
            return False
        elif update is SGD.update:
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
        if self.spots.due(self.made + 1):
            self.confirm(batch, rows)
        before = self.session.state
        try:
            if not self.on_arrays:
                loss = self.step_on_values(rows)
                self.made += 1
                return loss
            loss = self.session.advance(rows, self.task.optimizer.update_all, self.task.optimizer.learning_rate)
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
        self.made += 1
        return loss

    # -- the same function? ------------------------------------------------------------------------------------------

    def confirm(self, batch: Sequence[int], rows: Array) -> None:
        """Hold the program to the function, on one row of the batch and with the session's numbers.

        Raises:
            Different: they differ by more than rounding; the training is as it was when they last did not.
        """
        place = self.spots.place(len(rows))
        what = self.unlike(batch[place], rows[place], len(rows))
        if what:
            step = self.made + 1
            self.put_back()
            raise Different(
                f"at step {step} the program computed {what}, for row {batch[place]}: it hangs on more than "
                "the row and the parameters (a counter, a schedule, a cache, chance)",
                self.confirmed,
            )
        state = State(*map(fresh, self.session.state))
        own = None if self.on_arrays else memory_of(self.task.optimizer)
        self.kept = Kept(self.made, state, own, self.masks.before)
        self.confirmed = self.made

    def unlike(self, index: int, row: Array, size: int) -> str:
        """What differs for a row; "" for nothing. A batch of this row alone, as long as the others, needs no memory."""
        bound, tape = self.session.ready(size), self.program.tape
        try:
            loss = bound.call("backward", np.repeat(row[None, :], size, axis=0))
        except AutogradError:  # as the eager engine will say, of the whole batch
            return ""
        found = (loss, bound.in_tape_order(bound.gradient))
        if not (math.isfinite(loss) and np.isfinite(bound.gradient).all()):  # the step will be made again
            return ""
        self.session.write()
        inputs, targets = self.task.rows
        masks = [Value(m) for m in row[len(row) - self.masks.count :].tolist()]
        try:
            with self.masks.given(masks):
                root = self.task.loss_of(inputs[index], targets[index])
            expected = root.data, self.slopes(root)
        except Exception as error:
            return f"{loss:.6g} where the function raises {type(error).__name__}: {error:.200}"
        theta = bound.in_tape_order(bound.theta)
        return difference(tape, row, theta, found, expected)

    def slopes(self, root: Value) -> Array:
        """The gradient of a row's loss, in the order of the tape; what stands in ``grad`` of the leaves stays there."""
        before = [leaf._grad for leaf in self.leaves]
        try:
            for leaf in self.leaves:
                leaf._grad = UNREACHED
            root.backward()
            if any(leaf.grad for leaf in self.others):
                raise ValueError("it depends on a parameter that the program does not")
            return np.array([leaf._grad for leaf in self.program.parameters])
        finally:
            for leaf, grad in zip(self.leaves, before, strict=True):
                leaf._grad = grad

    def put_back(self) -> None:
        """Everything as it was at the last step that was confirmed."""
        if self.kept is None:
            self.masks.take_back()
            return
        self.made, self.session.state, own, generators = self.kept
        for rng, state in generators:
            rng.setstate(state)
        if own is not None:
            vars(self.task.optimizer).update(own)
        self.session.write()

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
            if self.made > self.confirmed and self.on_arrays:
                self.session.write_gradients()


def rule_of(optimizer: Optimizer[Any], name: str) -> Any:
    """The function behind a method, also where one object has its own."""
    method = getattr(optimizer, name)
    return getattr(method, "__func__", method)


def memory_of(optimizer: Optimizer[Any]) -> dict[str, Any]:
    """A copy of what an optimiser of the user's remembers; its parameters are the same ones."""
    own = {id(p): p for p in optimizer.parameters}
    try:
        return copy.deepcopy(vars(optimizer), dict(own))
    except Exception:  # something that cannot be copied
        return dict(vars(optimizer))
