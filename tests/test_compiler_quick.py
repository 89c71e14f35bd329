"""The quick step of a tiny graph: the same numbers as the careful one, whatever a batch is, and no check less."""

from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Value
from autograd.compiler.program import Program

ROW = [0.3, -0.7, 1.0]


def neuron() -> tuple[Program, list[Value]]:
    x1, x2, y, w1, w2, b = map(Value, (*ROW, 0.5, -0.25, 0.1))
    loss = (ag.sigmoid(w1 * x1 + w2 * x2 + b) - y) ** 2
    return ag.compile(loss, inputs=[x1, x2, y], backend="python"), [w1, w2, b]


def careful(batches: list[Any]) -> tuple[list[float], list[float]]:
    """Losses and parameters, by gradients alone."""
    program, parameters = neuron()
    losses = []
    for batch in batches:
        loss, slopes = program.value_and_grad(np.array(batch, float))
        losses.append(loss)
        for parameter, slope in zip(program.parameters, slopes.tolist(), strict=True):
            parameter.data -= 0.1 * slope
    return losses, [parameter.data for parameter in parameters]


def test_every_kind_of_batch_makes_the_same_steps() -> None:
    array, fixed, other = np.array([ROW]), (tuple(ROW),), ((1.0, 2.0, 0.0),)
    mutable = (list(ROW),)
    batches = [array, fixed, fixed, [ROW], other, fixed, mutable, np.array([ROW, [1.0, 2.0, 0.0]]), array, fixed]
    batches += [np.array([[1, 2, 0]]), array.astype(np.float32), array, fixed]
    losses, numbers = careful(batches)
    program, parameters = neuron()
    with program.session() as session:
        assert [session.sgd(batch, 0.1) for batch in batches] == pytest.approx(losses, rel=1e-14)
        assert session._quick is not None
    assert [parameter.data for parameter in parameters] == pytest.approx(numbers, rel=1e-14)


def test_what_can_change_is_read_at_every_step() -> None:
    array, nested = np.array([ROW]), (list(ROW),)
    program, _ = neuron()
    with program.session() as session:
        for batch, cell in ((array, (0, 2)), (nested, None)):
            before = [session.sgd(batch, 1e-9) for _ in range(2)]
            if cell:
                array[cell] = 5.0
            else:
                nested[0][2] = 5.0
            assert session.sgd(batch, 1e-9) > before[1] + 1.0


@pytest.mark.parametrize(
    ("batch", "rate", "error"),
    [
        (3.0, 0.1, ValueError),
        ((), 0.1, ValueError),
        (((1.0, 2.0),), 0.1, ValueError),
        (((1.0, 2.0, "3"),), 0.1, TypeError),
        (np.array([ROW[:2]]), 0.1, ValueError),
        ((tuple(ROW),), -0.1, ValueError),
        ((tuple(ROW),), float("nan"), ValueError),
        (((1.0, 2.0, float("inf")),), 0.1, FloatingPointError),
        ((tuple(ROW),), 1e308, None),
    ],
)
def test_it_refuses_what_the_careful_step_refuses(batch: Any, rate: float, error: type[Exception] | None) -> None:
    program, parameters = neuron()
    with program.session() as session:
        for _ in range(2):
            session.sgd((tuple(ROW),), 0.1)
        if error is None:
            session.sgd(batch, rate)
            return
        with pytest.raises(error):
            session.sgd(batch, rate)
    _, numbers = careful([(tuple(ROW),)] * 2)
    assert [parameter.data for parameter in parameters] == numbers


def test_numbers_that_were_written_in_between_are_taken() -> None:
    program, parameters = neuron()
    with program.session() as session:
        for _ in range(3):
            session.sgd((tuple(ROW),), 0.1)
        for parameter, number in zip(parameters, (0.5, -0.25, 0.1), strict=True):
            parameter.data = number
        session.read()
        assert session.sgd((tuple(ROW),), 0.1) == careful([[ROW]])[0][0]
