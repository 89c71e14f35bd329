"""Sessions and programs that are used wrongly: an error at the call, and no number lost."""

import math
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import GraphError, Program, Value

ROWS = np.ones((3, 1))


def program(backend: str) -> tuple[Program, Value]:
    w, x = Value(1.0, name="w"), Value(1.0)
    made: Program = ag.compile((w * x).square(), [x], backend=backend)
    return made, w


@pytest.mark.parametrize("backend", ["numpy", "python"])
@pytest.mark.parametrize("rate", ["0.1", None, [0.1], 0.0, math.nan])
def test_a_learning_rate_is_a_number_above_0(rate: Any, backend: str) -> None:
    made, w = program(backend)
    with pytest.raises(ValueError, match=r"^learning_rate is .*: it must be above 0, and finite$"):
        made.sgd(ROWS, rate)
    with made.session() as s:
        s.sgd(ROWS, 0.1)
        with pytest.raises(ValueError, match=r"^learning_rate is .*: it must be above 0, and finite$"):
            s.sgd(ROWS, rate)
    assert w.data == 1.0 - 0.1 * 2.0


@pytest.mark.parametrize(
    ("rule", "settings", "says"),
    [
        ("sgd", {"momentum": 2.0}, "momentum is 2.0: it must be 0 or above, and below 1"),
        ("sgd", {"momentum": "a"}, "momentum is 'a': it must be 0 or above, and below 1"),
        ("sgd", {"momentum": math.nan}, "momentum is nan: "),
        ("sgd", {"nesterov": True}, "nesterov needs a momentum above 0"),
        ("adam", {"betas": 0.9}, r"betas is 0\.9: it must be two numbers"),
        ("adam", {"betas": (0.9,)}, r"betas is \(0\.9,\): it must be two numbers"),
        ("adam", {"betas": (0.9, 1.0)}, r"betas\[1\] is 1\.0: it must be 0 or above, and below 1"),
        ("adam", {"epsilon": -1.0}, r"epsilon is -1\.0: it must be above 0, and finite"),
    ],
)
@pytest.mark.parametrize("backend", ["numpy", "python"])
def test_settings_out_of_range(rule: str, settings: dict[str, Any], says: str, backend: str) -> None:
    made, w = program(backend)
    with made.session() as s, pytest.raises(ValueError, match=says):
        getattr(s, rule)(ROWS, 0.1, **settings)
    assert w.data == 1.0


@pytest.mark.parametrize("backend", ["numpy", "python"])
def test_steps_outside_of_the_block_are_refused(backend: str) -> None:
    made, w = program(backend)
    s = made.session()
    message = r"a session makes steps inside its block: with program\.session\(\) as s"
    with pytest.raises(GraphError, match=message):
        s.sgd(ROWS, 0.1)
    with s:
        s.sgd(ROWS, 0.1)
        s.sgd(ROWS, 0.1)
    kept = w.data
    for step in (lambda: s.sgd(ROWS, 0.1), lambda: s.step(ROWS, lambda n, g, m: (n, m))):
        with pytest.raises(GraphError, match=message):
            step()
    assert w.data == kept


@pytest.mark.parametrize("found", [None, np.zeros(1), (np.zeros(2), None), ([0.0], None), ("a", None)])
def test_an_update_returns_as_many_numbers_and_a_memory(found: Any) -> None:
    made, w = program("numpy")
    with made.session() as s, pytest.raises(TypeError, match="returns an array of 1 numbers, and memory"):
        s.step(ROWS, lambda numbers, gradient, memory: found)
    assert w.data == 1.0


def test_nothing_is_remembered_before_the_first_step() -> None:
    made, _ = program("numpy")
    with made.session() as s:
        assert s.memory_in_order() is None


def test_a_program_without_parameters_is_not_trained() -> None:
    x = Value(1.0)
    with pytest.raises(GraphError, match="this program has no parameters to train: every leaf is an input or a const"):
        ag.compile(x.square(), [x]).sgd(ROWS, 0.1)


@pytest.mark.parametrize("outputs", ["x", None, {1}])
def test_outputs_are_values(outputs: Any) -> None:
    with pytest.raises(TypeError, match="outputs are Values, in a list or nested lists; got "):
        ag.compile(outputs, inputs=[])
