"""Training: forward, backward, step, as often as asked.

A step is one update of the parameters from one batch. Whatever ends the training, the parameters are those
after the last complete step, never a mixture (``Optimizer.step`` is all or nothing).
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tqdm import tqdm

import autograd as ag
from autograd.errors import CompileError
from nn.checks import check_compile, check_count, check_range
from nn.compiled import Different
from nn.course import Course, EarlyStop
from nn.dropout import nothing_dropped
from nn.engines import engine
from nn.history import History
from nn.losses import Loss
from nn.losses import loss as find_loss
from nn.optim import Optimizer
from nn.predict import predict
from nn.rows import number_in, paired
from nn.schedules import Schedule
from nn.tasks import Eager, Engine, Task

__all__ = ["EarlyStop", "accuracy", "average_loss", "batches", "fit"]

Row = Sequence[float]
Model = Callable[[Any], Any]


def fit(
    model: Model,
    inputs: Sequence[Row],
    targets: Sequence[Any],
    *,
    loss: str | Loss,
    optimizer: Optimizer[Any],
    steps: int,
    batch_size: int | None = None,
    seed: int = 0,
    held_out: tuple[Sequence[Row], Sequence[Any]] | None = None,
    held_out_every: int = 10,
    early_stop: EarlyStop | None = None,
    restore_best: bool = False,
    on_step: Callable[[int, float], object] | None = None,
    progress: bool = True,
    compile: bool | None = None,
    schedule: Schedule | None = None,
) -> History:
    """Train ``model`` in place by ``steps`` updates and return the history, which plots itself.

    Ctrl-C ends the training at the last complete step and returns too: look at ``history.interrupted``. Every
    other error (a DomainError in the forward pass, a loss or a gradient that is not finite) is raised, with a
    note on the step, and the parameters are those after the last complete step.

    The last step's gradients stay in the parameters, as in a loop of one's own: ``zero_grad()`` before another
    ``backward()``, which adds to them.

    The loss of a row is compiled where it is one graph for all rows (see docs/compiling.md), which is hundreds of
    times as fast; ``history.engine`` says what became of it. Where model or loss look at a number it is not compiled.
    Where they hang on something else (a counter, a schedule), which is looked for on a row now and then, the training
    is put back to the last step that was confirmed, and goes on on the eager engine.

    Rows and targets are paired by position, whatever holds them: lists, arrays, a Series or DataFrame with any index.

    A ``Dropout`` in training draws new masks for every row and step, the same ones compiled or not, and drops nothing
    of the rows held out.

    Args:
        model: called with one row of inputs, gives the Value (or list of Values) that the loss takes.
        inputs: the training rows, as the network sees them (standardised).
        targets: one for each row.
        loss: a name in ``nn.losses.LOSSES`` or a function (prediction, target) -> Value; a batch's loss is
            its mean.
        optimizer: over the parameters of ``model``.
        steps: how many updates, 1 or more.
        batch_size: how many rows a step takes, without replacement until all were seen, in an order that
            ``seed`` decides; None is all of them in their own order.
        seed: of the order of mini batches.
        held_out: rows and targets whose mean loss is recorded before the first step, every ``held_out_every``
            steps, and after the last.
        early_stop: when to stop early.
        restore_best: whether the parameters become in the end what they were when the loss over the rows held out was
            lowest (``history.restored``), and their gradients none. A training that Ctrl-C or an error ends keeps those
            of the last complete step.
        on_step: called after each complete step with the number of steps made and the batch's loss; True
            stops.
        progress: a progress bar on standard error.
        compile: None compiles where it can be done, True insists, False steps on the eager engine.
        schedule: what to multiply the optimiser's learning rate by, given the number of steps made (see
            ``nn.schedules``); the rate is as before when the training ends.

    Raises:
        CompileError: ``compile`` is True, and it cannot be done; the message says why.
        ValueError: no rows, another number of targets than rows, steps or batch_size below 1, restore_best without
            rows held out.
        FloatingPointError: the loss, a gradient or a new parameter is nan or infinite.
    """
    rows = paired("inputs", inputs, targets)
    if held_out is not None:
        held_out = paired("held_out", *held_out)
    elif restore_best:
        raise ValueError("restore_best looks at the rows held out: give held_out")
    check_count("steps", steps)
    check_count("held_out_every", held_out_every)
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer is an nn.Optimizer, such as nn.Adam(model.parameters()), not {optimizer!r:.60}")
    if schedule is not None and not callable(schedule):
        raise TypeError(f"schedule is a function, such as nn.cosine({steps}), or None, not {schedule!r:.60}")
    check_compile(compile)
    compute = find_loss(loss)
    count = len(rows[0])
    course = Course(batches(count, batch_size, seed), early_stop, optimizer.parameters)
    history = course.history
    task = Task(model, compute, rows, held_out, optimizer, min(batch_size or count, count), steps)
    rate = optimizer.learning_rate
    bar = tqdm(
        total=steps, unit="step", disable=not progress or sys.stderr is None, mininterval=0.2, dynamic_ncols=True
    )

    def measure(maker: Engine, step: int) -> bool:
        """Record the loss over the rows held out, and say whether to stop."""
        if held_out is None or (step % held_out_every and step != steps):
            return False
        return course.measured(maker, step, maker.held_out_loss(), restore_best)

    try:
        maker = engine(task, compile)
        history.engine = maker.name
        try:
            measure(maker, 0)
            course.mark(0)
            step = 0
            while step < steps:
                step += 1
                if schedule is not None:
                    factor = check_range("the schedule's factor", schedule(step - 1), 0.0, math.inf)
                    optimizer.learning_rate = rate * factor
                try:
                    loss_before = maker.step(course.batch(), on_step is not None)
                except Different as different:
                    if compile:
                        raise CompileError(
                            f"{different}; the parameters are those after {different.steps} steps"
                        ) from None
                    maker.close()
                    maker = Eager(task, f"{different}; it went on from step {different.steps + 1}")
                    history.engine = maker.name
                    step = course.back()
                    bar.update(step - bar.n)
                    continue
                if maker.confirmed in (step - 1, -1):
                    course.mark(step - 1)
                history.losses.append(loss_before)
                if progress:
                    bar.set_postfix(loss=f"{loss_before:.4f}", refresh=False)
                    bar.update()
                enough = measure(maker, step) or (held_out is None and course.patience.ends(loss_before))
                if on_step is not None:
                    try:
                        stop = on_step(step, loss_before)
                    finally:
                        maker = maker.refresh()
                    history.engine = maker.name
                    if stop:
                        history.ended = "callback"
                        break
                if enough:
                    history.ended = "early stop"
                    break
        finally:
            maker.close()
        history.restored = course.best.restore()
    except KeyboardInterrupt:
        history.ended = "interrupted"
    except Exception as error:
        error.add_note(f"in training step {len(history.losses) + 1}; the parameters are those after the step before it")
        raise
    finally:
        if schedule is not None:
            optimizer.learning_rate = rate
        bar.close()
    return history


def batches(count: int, batch_size: int | None = None, seed: int = 0) -> Iterator[list[int]]:
    """Indices of rows, batch after batch without end.

    Each round takes every row once; its last batch may be smaller.

    Raises:
        ValueError: a batch size below 1.
    """
    if batch_size is not None:
        check_count("batch_size", batch_size)
    return _batches(count, batch_size, seed)


def _batches(count: int, batch_size: int | None, seed: int) -> Iterator[list[int]]:
    rows = list(range(count))
    if batch_size is None or batch_size >= count:
        while True:
            yield rows
    rng = random.Random(seed)
    while True:
        rng.shuffle(rows)
        for start in range(0, count, batch_size):
            yield rows[start : start + batch_size]


def average_loss(model: Model, inputs: Sequence[Row], targets: Sequence[Any], *, loss: str | Loss) -> float:
    """The mean loss over the rows, on the eager engine and without recording a graph; a ``Dropout`` drops nothing.

    Rows and targets are paired as by ``fit``, which raises the same errors.
    """
    rows, answers = paired("inputs", inputs, targets)
    compute = find_loss(loss)
    with ag.no_grad(), nothing_dropped():
        return math.fsum(compute(model(x), y).data for x, y in zip(rows, answers, strict=True)) / len(rows)


def accuracy(
    model: Model,
    inputs: Sequence[Row],
    targets: Sequence[float],
    *,
    threshold: float = 0.5,
    compile: bool | None = None,
) -> float:
    """The share of rows, from 0 to 1, whose output and target lie on the same side of ``threshold``.

    Where the output is a list with a score for each class, the share whose largest score (the first of several) is that
    of the target, the index of a class.

    An output of exactly the threshold counts as 0. For outputs that are scores, with targets -1 and 1, give
    ``threshold=0``. Rows and targets are paired as by ``fit``; a target is one number. ``compile`` is that of
    ``predict``.
    """
    rows, answers = paired("inputs", inputs, targets)
    outputs = predict(model, rows, compile=compile)
    numbers = [number_in("accuracy", y) for y in answers]
    if outputs.ndim == 1:
        right = sum((output > threshold) == (y > threshold) for output, y in zip(outputs, numbers, strict=True))
    elif outputs.shape[1] > 1:
        right = sum(bool(best == y) for best, y in zip(outputs.argmax(axis=1), numbers, strict=True))
    else:
        raise ValueError("accuracy: the model gives a list of one output; one score is a Value, several are of classes")
    return float(right / len(rows))
