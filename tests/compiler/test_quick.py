"""The quick step of a tiny graph: the same numbers as the careful one, whatever a batch is, and no check less."""

import math
import sys
import threading
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Value
from autograd.compiler import quick
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
        assert session._sgd is not None
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


def three(backend: str) -> tuple[Program, list[Value]]:
    """The neuron with two rows of data, on one backend."""
    x1, x2, y, w1, w2, b = map(Value, (*ROW, 0.5, -0.25, 0.1))
    loss = (ag.sigmoid(w1 * x1 + w2 * x2 + b) - y) ** 2
    return ag.compile(loss, inputs=[x1, x2, y], backend=backend), [w1, w2, b]


@pytest.mark.parametrize("backend", ["numpy", "python"])
@pytest.mark.parametrize("rule", ["sgd", "momentum", "adam"])
def test_quick_steps_are_the_careful_ones(backend: str, rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates, sizes and kinds of batches change on the way; what a mode or another kind of number asks is done."""
    chance = np.random.default_rng(0)
    batches: list[Any] = [chance.normal(size=(rows, 3)) for rows in (4, 4, 4, 2, 4, 2, 1, 1, 4)]
    batches[2] = batches[2].tolist()
    batches[4] = tuple(map(tuple, batches[4].tolist()))
    batches[5] = batches[5].astype(np.float32)

    def steps() -> tuple[list[float], list[float], list[float]]:
        program, values = three(backend)
        losses = []
        with program.session() as session:
            for k, batch in enumerate(batches * 2):
                rate = 0.1 if k % 5 else 0.05
                with ag.ieee() if k == 7 else nullcontext():
                    if rule == "adam":
                        losses.append(session.adam(batch, rate))
                    else:
                        losses.append(session.sgd(batch, rate, momentum=0.9 if rule == "momentum" else 0.0))
                if k == 3:
                    session.read()
            session.write_gradients()
        return losses, [value.data for value in values], [value.grad for value in values]

    found_quick = steps()
    monkeypatch.setattr("autograd.compiler.session.quick_steps", lambda *arguments: quick.NONE)
    for found, expected in zip(found_quick, steps(), strict=True):
        assert found == pytest.approx(expected, rel=1e-12)
    assert any(found_quick[2])


@pytest.mark.parametrize("backend", ["numpy", "python"])
def test_a_state_that_was_kept_for_a_step_can_be_put_back(backend: str) -> None:
    program, _ = three(backend)
    batch = np.array([ROW, ROW])
    with program.session() as session:
        for _ in range(4):
            session.sgd(batch, 0.1)
        for _ in range(3):
            before = session.state
            first = session.sgd(batch, 0.1), session.sgd(batch, 0.1)
            session.state = before
            if backend == "python":  # lists are made anew at every step, arrays take turns
                assert (session.sgd(batch, 0.1), session.sgd(batch, 0.1)) == first
            session.state = session.state._replace(numbers=np.array([0.5, -0.25, 0.1]))
            session.sgd(batch, 0.1)
            before, numbers = session.state, np.array(session.state.numbers)
            second = session.sgd(batch, 0.1)
            session.state = before
            assert np.array_equal(session.state.numbers, numbers)
            assert session.sgd(batch, 0.1) == second


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_goes_wrong_in_a_quick_step_on_arrays_is_found(dtype: str) -> None:
    x, w, b = Value(1.0), Value(0.5), Value(1.0)
    program = ag.compile(ag.log(w * x) + b * x, inputs=[x], dtype=dtype, backend="numpy")
    batch = np.ones((3, 1), dtype)
    with program.session() as session:
        for _ in range(3):
            session.sgd(batch, 0.01)
        numbers = np.array(session.state.numbers)
        for cell, error, text in (
            (-1.0, ag.DomainError, "row 1"),
            (np.inf, FloatingPointError, "the loss is"),
            (np.nan, FloatingPointError, "the loss is"),
        ):
            wrong = batch.copy()
            wrong[1] = cell
            with pytest.raises(error) as caught:
                session.sgd(wrong, 0.01)
            assert text in "".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
            assert np.array_equal(session.state.numbers, numbers)
        with pytest.raises(FloatingPointError, match="learning rate"):
            session.sgd(np.full((3, 1), 1e30, dtype), 1e10 if dtype == "float32" else 1e290)
        for rate in (-1.0, float("nan"), 0.0):
            with pytest.raises(ValueError, match="learning_rate"):
                session.sgd(batch, rate)
        assert np.array_equal(session.state.numbers, numbers)
        assert math.isfinite(session.sgd(batch, 0.01))
        assert session.state.numbers.dtype == dtype


def test_a_step_overtaken_by_another_thread_is_made_with_care() -> None:
    program, _ = neuron()
    with program.session() as session:
        for _ in range(3):
            session.sgd(np.array([ROW]), 0.1)

        start = session.state.numbers
        losses = []

        def many() -> None:
            losses.extend(session.sgd(np.array([ROW]), 0.01) for _ in range(500))

        threads = [threading.Thread(target=many) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = session.state.numbers
        session.state = session.state._replace(numbers=start)
        expected = [session.sgd(np.array([ROW]), 0.01) for _ in range(2000)]
        assert sorted(losses) == sorted(expected)
        assert list(found) == pytest.approx(list(session.state.numbers), rel=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "python"])
@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_ctrl_c_at_any_line_of_a_quick_step_leaves_a_complete_one(backend: str, rule: str) -> None:
    """The trace function raises at every line that the step runs, one line a run; the step after it is right too."""
    program, values = three(backend)
    batch = np.array([ROW, [1.0, 2.0, 0.0]])

    def run(stop: int) -> tuple[bool, list[float], list[float]]:
        """Was it stopped; the numbers then, and after one more step."""
        for value, start in zip(values, (0.5, -0.25, 0.1), strict=True):
            value.data = start
        left, stopped = stop, False

        def tracer(frame: Any, event: str, argument: Any) -> Any:
            nonlocal left
            if frame.f_code.co_filename != quick.__file__:
                return tracer if frame.f_code.co_name in ("sgd", "adam", "step", "run") else None
            left -= event == "line"
            if left == 0 and event == "line":
                raise KeyboardInterrupt
            return tracer

        with program.session() as session:
            step = getattr(session, rule)
            for _ in range(3):
                step(batch, 0.1)
            before = sys.gettrace()  # of coverage, which would be blind from here on
            sys.settrace(tracer)
            try:
                step(batch, 0.2)
            except KeyboardInterrupt:
                stopped = True
            finally:
                sys.settrace(before)
            session.write()
            after = [value.data for value in values]
            step(batch, 0.1)
        return stopped, after, [value.data for value in values]

    _, complete, next_one = run(10**6)
    _, before, _ = run(1)
    seen = set()
    for stop in range(1, 200):
        stopped, after, end = run(stop)
        if not stopped:
            break
        assert after in (before, complete)
        seen.add(after == complete)
        assert end == next_one if after == complete else end != next_one
    assert 8 < stop < 199
    assert False in seen
