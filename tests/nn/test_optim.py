"""nn.optim, against PyTorch's steps (tests/oracle/torch_nn.json); a step is made whole or not at all."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import frozen
from support.interrupting import interrupting

import nn
from autograd import Value
from nn import SGD, Adam, AdamW, Optimizer, clip_gradients, optim

ORACLE = frozen("torch_nn")
OURS = {"lr": "learning_rate", "eps": "epsilon"}


def set_gradient(parameter: Value, gradient: float | None) -> None:
    parameter.zero_grad()
    if gradient is not None:
        (parameter * 1.0).backward(gradient)


@pytest.mark.parametrize("row", ORACLE["optimisers"], ids=lambda row: f"{row['name']} {row['options']}")
def test_steps_are_pytorchs(row: dict[str, Any]) -> None:
    parameter = Value(ORACLE["start"])
    options = {OURS.get(key, key): value for key, value in row["options"].items()}
    optimizer = {"SGD": SGD, "Adam": Adam}[row["name"]]([parameter], **options)
    path = []
    for gradient in ORACLE["gradients"]:
        set_gradient(parameter, gradient)
        optimizer.step()
        path.append(parameter.data)
    assert path == pytest.approx(row["path"], rel=1e-14)


def test_micrograds_own_step_works_beside_it() -> None:
    parameter = Value(2.0)
    (parameter * parameter).backward()
    parameter.data -= 0.1 * parameter.grad
    assert parameter.data == 1.6


def test_a_step_after_the_next_backward_pass_adds_up_unless_zeroed() -> None:
    parameter = Value(1.0)
    optimizer = SGD([parameter], 0.5)
    (parameter * 1.0).backward()
    optimizer.zero_grad()
    (parameter * 1.0).backward()
    optimizer.step()
    assert parameter.data == 0.5


@pytest.mark.parametrize("make", [SGD, Adam, lambda p, lr: SGD(p, lr, momentum=0.9)], ids=["SGD", "Adam", "momentum"])
@pytest.mark.parametrize("gradient", [math.nan, math.inf, -math.inf])
def test_a_gradient_that_is_not_finite_changes_nothing(
    make: Callable[[list[Value], float], Optimizer[Any]], gradient: float
) -> None:
    good, bad = Value(1.0, name="w1"), Value(2.0, name="w2")
    optimizer, twin = make([good, bad], 0.1), make([Value(1.0), Value(2.0)], 0.1)
    set_gradient(good, 3.0)
    set_gradient(bad, gradient)
    with pytest.raises(FloatingPointError, match=rf"the gradient of w2 is {gradient}: no parameter was changed"):
        optimizer.step()
    assert (good.data, bad.data) == (1.0, 2.0)
    set_gradient(bad, 4.0)
    optimizer.step()  # as if the refused step had never been tried: no momentum is left of it
    for parameter, number in zip(twin.parameters, (3.0, 4.0), strict=True):
        set_gradient(parameter, number)
    twin.step()
    assert [good.data, bad.data] == [p.data for p in twin.parameters]


@pytest.mark.parametrize("make", [SGD, Adam])
def test_a_step_out_of_range_changes_nothing(make: Any) -> None:
    good, bad = Value(1.0), Value(-1e308)
    set_gradient(good, 1.0)
    set_gradient(bad, 1e308)
    with pytest.raises(
        FloatingPointError, match=r"takes parameter 1 to (-inf|nan): no parameter was changed; lower the l"
    ):
        make([good, bad], 1e10).step()
    assert (good.data, bad.data) == (1.0, -1e308)


@pytest.mark.parametrize("position", [0, 1])
def test_ctrl_c_in_the_middle_of_a_step_undoes_it(position: int) -> None:
    parameters = [Value(1.0), Value(1.0)]
    parameters[position] = slow = interrupting(1.0, 0)
    optimizer = SGD(parameters, 0.1, momentum=0.9)
    expected = SGD([Value(1.0), Value(1.0)], 0.1, momentum=0.9)
    for one in (optimizer, expected):
        for parameter in one.parameters:
            set_gradient(parameter, 1.0)
    slow.times = 2  # once in the update, once more while it is undone
    with pytest.raises(KeyboardInterrupt):
        optimizer.step()
    assert [p.data for p in parameters] == [1.0, 1.0]
    for _ in range(2):
        optimizer.step()
        expected.step()
    assert [p.data for p in parameters] == [p.data for p in expected.parameters]


def test_what_is_no_list_of_parameters() -> None:
    w = Value(1.0, name="w1")
    with pytest.raises(ValueError, match="there are no parameters to optimise"):
        SGD([])
    with pytest.raises(ValueError, match="a parameter is in the list twice"):
        SGD([w, Value(1.0), w])
    with pytest.raises(TypeError, match=r"parameter 1 is a float: give model.parameters\(\)"):
        SGD([w, 1.0])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="parameter 0 is a computed Value: a parameter is a leaf"):
        SGD([w * 2])
    for parameters, says in (
        ([w, 1.0], r"parameter 1 is a float: give model.parameters\(\)"),
        (w, r"parameters are a list of Values, as model\.parameters\(\) gives it, not a Value"),
        (None, "not a NoneType"),
    ):
        for take in (SGD, lambda given: clip_gradients(given, 1.0)):
            with pytest.raises(TypeError, match=says):
                take(parameters)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: SGD(p, -0.1), "learning_rate is -0.1: it must be above 0"),
        (lambda p: SGD(p, 0.0), "learning_rate is 0: it must be above 0"),
        (lambda p: SGD(p, math.nan), "learning_rate is nan: it must be above 0"),
        (lambda p: Adam(p, math.inf), "learning_rate is inf: it must be above 0, and finite"),
        (lambda p: SGD(p, 0.1, momentum=1.0), "momentum is 1: it must be 0 or above, and below 1"),
        (lambda p: SGD(p, 0.1, momentum=-0.5), "momentum is -0.5"),
        (lambda p: SGD(p, 0.1, nesterov=True), "nesterov needs a momentum above 0"),
        (lambda p: Adam(p, betas=(0.9, 1.0)), r"betas\[1\] is 1: it must be 0 or above, and below 1"),
        (lambda p: Adam(p, betas=(-0.1, 0.9)), r"betas\[0\] is -0.1"),
        (lambda p: Adam(p, epsilon=0.0), "epsilon is 0: it must be above 0"),
    ],
)
def test_options_out_of_range(make: Callable[[list[Value]], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make([Value(1.0)])


def test_a_learning_rate_is_a_number() -> None:
    with pytest.raises(TypeError, match=r"learning_rate is a number, not '0\.1'"):
        SGD([Value(1.0)], "0.1")  # type: ignore[arg-type]


LAYERS = frozen("torch_layers")


@pytest.mark.parametrize("row", LAYERS["optimisers"], ids=lambda row: str(row["options"]))
def test_adamw_steps_are_pytorchs(row: dict[str, Any]) -> None:
    parameter = Value(LAYERS["start"])
    optimizer = AdamW([parameter], **{OURS.get(key, key): value for key, value in row["options"].items()})
    path = []
    for gradient in LAYERS["gradients"]:
        set_gradient(parameter, gradient)
        optimizer.step()
        path.append(parameter.data)
    assert path == pytest.approx(row["path"], rel=1e-14)


@pytest.mark.parametrize("row", LAYERS["clips"], ids=lambda row: str(row["gradients"]))
def test_gradients_are_clipped_as_pytorch_clips_them(row: dict[str, Any]) -> None:
    parameters = [Value(0.0) for _ in row["gradients"]]
    for parameter, gradient in zip(parameters, row["gradients"], strict=True):
        set_gradient(parameter, gradient)
    optimizer = SGD(parameters, 1.0, clip_norm=row["max_norm"])
    optimizer.step()
    assert [-p.data for p in parameters] == pytest.approx(row["clipped"], rel=1e-14)
    assert [p.grad for p in parameters] == row["gradients"]
    assert clip_gradients([*parameters, Value(1.0)], row["max_norm"]) == pytest.approx(row["norm"], rel=1e-14)
    assert [p.grad for p in parameters] == pytest.approx(row["clipped"], rel=1e-14)


def test_clipping_does_not_hide_a_gradient_that_is_not_finite() -> None:
    for broken in (math.nan, math.inf):
        parameters = [Value(1.0, name="a"), Value(1.0, name="b")]
        set_gradient(parameters[0], 2.0)
        set_gradient(parameters[1], broken)
        with pytest.raises(FloatingPointError, match=f"the gradient of b is {broken}: no parameter was changed"):
            SGD(parameters, 1.0, clip_norm=1.0).step()
        assert [p.data for p in parameters] == [1.0, 1.0]
        norm = clip_gradients(parameters, 1.0)
        assert norm == broken or (math.isnan(norm) and math.isnan(broken))
        with pytest.raises(FloatingPointError, match=f"the gradient of b is {broken}: no parameter was changed"):
            SGD(parameters, 1.0).step()
        assert parameters[0].grad == 2.0


def test_a_norm_that_overflows_is_clipped_as_far_as_floats_go() -> None:
    parameters = [Value(1.0), Value(1.0)]
    for parameter in parameters:
        set_gradient(parameter, 1.7e308)
    assert clip_gradients(parameters, 1.0) == math.inf
    assert [p.grad for p in parameters] == [0.0, 0.0]


def test_clipping_and_decay_that_are_none() -> None:
    with pytest.raises(ValueError, match="clip_norm is 0: it must be above 0"):
        SGD([Value(1.0)], clip_norm=0.0)
    with pytest.raises(ValueError, match="max_norm is -1: it must be above 0"):
        clip_gradients([Value(1.0)], -1.0)
    with pytest.raises(ValueError, match="weight_decay is -1: it must be 0 or above"):
        AdamW([Value(1.0)], weight_decay=-1.0)


def test_every_optimiser_is_exported_and_tested_here() -> None:
    text = Path(__file__).read_text("utf-8")
    for name in optim.__all__:
        assert getattr(nn, name, None) is getattr(optim, name), f"import {name} in nn/__init__.py, name it in __all__"
        assert name == "Optimizer" or f"{name}(" in text or f'"{name}":' in text, f"test {name} in this file"
