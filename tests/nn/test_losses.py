"""nn.losses, against PyTorch's values and gradients (tests/oracle/torch_nn.json), and what they refuse."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import frozen

import autograd as ag
import nn
from autograd import Value
from nn import losses

ORACLE = frozen("torch_nn")


@pytest.mark.parametrize("row", ORACLE["losses"], ids=lambda row: f"{row['loss']}({row['prediction']},{row['target']})")
def test_value_and_gradient_are_pytorchs(row: dict[str, Any]) -> None:
    if row["loss"] == "cross_entropy":
        predictions = [Value(x) for x in row["prediction"]]
        loss = losses.cross_entropy(predictions, int(row["target"]))
        expected = row["gradient"]
    else:
        predictions = [Value(row["prediction"])]
        loss = losses.loss(row["loss"])(predictions[0], row["target"])
        expected = [row["gradient"]]
    loss.backward()
    # near a loss of 0, PyTorch's with-logits form loses digits that ours keeps: hence an absolute tolerance
    assert loss.data == pytest.approx(row["value"], rel=1e-14, abs=1e-14)
    assert [p.grad for p in predictions] == pytest.approx(expected, rel=1e-14, abs=1e-14)


@pytest.mark.parametrize("name", ["absolute_error", "squared_error", "binary_cross_entropy", "hinge"])
@pytest.mark.parametrize("target", [1.0, 0.0, 0.25])
def test_a_target_that_is_a_value_changes_nothing_but_the_picture(name: str, target: float) -> None:
    if name == "hinge":
        target = math.copysign(1.0, target - 0.5)
    plain, drawn = Value(0.3), Value(0.3)
    y = Value(target, name="y")
    one, two = losses.loss(name)(plain, target), losses.loss(name)(drawn, y)
    one.backward()
    two.backward()
    assert (one.data, plain.grad) == (two.data, drawn.grad)
    assert any(node is y for node in ag.topological(two))


def test_cross_entropy_with_logits_keeps_its_digits_where_the_sigmoid_has_none() -> None:
    logit = Value(50.0)
    loss = losses.binary_cross_entropy_with_logits(logit, 1.0)
    loss.backward()
    assert loss.data == pytest.approx(math.exp(-50), rel=1e-13)
    assert logit.grad == pytest.approx(-math.exp(-50), rel=1e-13)


@pytest.mark.parametrize("p", [1.5, -0.1, math.nan])
def test_binary_cross_entropy_refuses_what_is_no_probability(p: float) -> None:
    with pytest.raises(ag.DomainError, match=r"binary_cross_entropy of o1 = .*: a probability lies between 0 and 1"):
        losses.binary_cross_entropy(Value(p, name="o1"), 1.0)


@pytest.mark.parametrize(("p", "y"), [(0.0, 1.0), (1.0, 0.0), (0.0, 0.5), (1.0, 0.5)])
def test_binary_cross_entropy_refuses_to_be_infinite(p: float, y: float) -> None:
    with pytest.raises(ag.DomainError, match=r"is infinite: the prediction is .*with_logits stays finite"):
        losses.binary_cross_entropy(Value(p), y)


@pytest.mark.parametrize(("p", "y"), [(0.0, 0.0), (1.0, 1.0)])
def test_binary_cross_entropy_of_a_sure_and_right_prediction_is_0(p: float, y: float) -> None:
    assert losses.binary_cross_entropy(Value(p), y).data == 0.0


@pytest.mark.parametrize("name", ["binary_cross_entropy", "binary_cross_entropy_with_logits"])
@pytest.mark.parametrize("target", [2.0, -1.0, math.nan, None, "a"])
def test_cross_entropies_refuse_a_target_outside_0_and_1(name: str, target: Any) -> None:
    with pytest.raises(ValueError, match="takes a target from 0 to 1, not"):
        losses.loss(name)(Value(0.5), target)


def test_hinge_refuses_a_target_of_0() -> None:
    with pytest.raises(ValueError, match=r"hinge takes a target of -1 or 1, not 0: write 2 \* y - 1"):
        losses.hinge(Value(0.5), 0)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_the_list_that_a_linear_layer_gives_is_refused(name: str) -> None:
    message = rf"^{name} takes one prediction, a Value, not 1 in a list: take one of them, prediction\[0\], or add up"
    with pytest.raises(TypeError, match=message):
        losses.loss(name)([Value(0.5)], 1.0)


def test_the_index_of_a_class_may_be_numpys() -> None:
    logits = [Value(1.0), Value(2.0)]
    assert losses.cross_entropy(logits, np.int64(1)).data == losses.cross_entropy(logits, 1).data  # type: ignore[arg-type]


def test_cross_entropy_refuses_a_class_that_is_not_there() -> None:
    logits = [Value(1.0), Value(2.0)]
    with pytest.raises(ValueError, match="there is no class 2 among 2 logits"):
        losses.cross_entropy(logits, 2)
    with pytest.raises(ValueError, match="there is no class -1"):
        losses.cross_entropy(logits, -1)
    with pytest.raises(ValueError, match="no class 0 among 0 logits"):
        losses.cross_entropy([], 0)
    with pytest.raises(TypeError, match=r"the index of the right class, an int, not 1\.0"):
        losses.cross_entropy(logits, 1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="takes a list of logits"):
        losses.cross_entropy(logits[0], 0)  # type: ignore[arg-type]


def test_the_mean_of_a_batch() -> None:
    assert losses.mean([Value(1.0), Value(4.0)]).data == 2.5
    with pytest.raises(ValueError, match="the batch is empty"):
        losses.mean([])


def test_an_unknown_loss() -> None:
    with pytest.raises(ValueError, match="no loss is called 'l1': choose one of absolute_error, squared_error"):
        losses.loss("l1")
    with pytest.raises(TypeError, match="the loss is a name or a function"):
        losses.loss(None)  # type: ignore[arg-type]


def test_every_loss_by_name_is_exported_and_held_to_pytorch_or_to_its_definition() -> None:
    text = Path(__file__).read_text("utf-8")
    held = {row["loss"] for row in ORACLE["losses"]}
    for name, function in losses.LOSSES.items():
        assert getattr(nn, name, None) is function, f"import {name} in nn/__init__.py, and name it in __all__"
        assert name in held or f"losses.{name}(" in text, f"test losses.{name} in this file"
