"""step(loss): moving about, looking, and what wrong input is told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.viz_graphs import figure5, random_graph

import autograd as ag
from autograd import Value
from autograd.errors import StaleGraphError
from viz.stepper import Stepper, step
from viz.steps import GRAINS


def state(stepper: Stepper) -> tuple[object, ...]:
    return stepper.position, stepper.stage, stepper.taken, stepper.gradients(), str(stepper)


@given(st.integers(0, 10_000), st.sampled_from(GRAINS), st.data())
@settings(max_examples=40, deadline=None)
def test_back_after_next_restores_everything(seed, grain, data):
    stepper = step(random_graph(seed), grain=grain, forward=True, learning_rate=0.1)
    stepper.go(data.draw(st.integers(0, len(stepper) - 1)))
    before = state(stepper)
    taken = stepper.next()
    assert stepper.back() is taken
    assert state(stepper) == before


def test_the_walk_ends_at_the_gradients_of_backward():
    root = figure5(backward=False)
    stepper = step(root)
    for _ in stepper:
        pass
    assert not any(v.has_grad for v in ag.topological(root))
    root.backward()
    assert stepper.gradients() == {id(v): v.grad for v in ag.topological(root)}
    assert stepper.gradient("w1") == next(v for v in ag.topological(root) if v.name == "h1.w1").grad
    assert str(stepper).startswith("step 22 of 22: dL/d")
    assert repr(stepper).startswith("<Stepper of L, step 22 of 22: ")


def test_iterating_takes_what_is_left():
    stepper = step(figure5())
    stepper.go(20)
    assert [stage.start for stage in stepper] == [20, 21]
    assert list(stepper) == []


def test_both_ends():
    stepper = step(figure5())
    assert stepper.stage is None
    assert stepper.taken == ()
    assert str(stepper) == "step 0 of 22: before the first step"
    with pytest.raises(StopIteration, match=r"no step has been taken yet: next\(\)"):
        stepper.back()
    assert stepper.run() is stepper.plan.stages[-1]
    with pytest.raises(StopIteration, match=r"the last step has been taken: back\(\) or restart\(\)"):
        stepper.next()
    assert stepper.position == 22
    assert stepper.run() is stepper.plan.stages[-1]
    stepper.restart()
    assert stepper.position == 0


def test_run_to_a_name_a_value_and_again():
    root = figure5()
    stepper = step(root)
    assert "dL/dx1" in stepper.run_to("x1").text
    assert stepper.gradient("x1") == pytest.approx(-0.0407, abs=1e-4)
    assert stepper.run_to("x1").steps[0].waiting == 0
    place = stepper.position
    with pytest.raises(ValueError, match=r"no step after this one reaches 'x1': restart\(\) goes to the beginning"):
        stepper.run_to("x1")
    assert stepper.position == place
    stepper.restart()
    assert stepper.run_to(root).title == "dL/dL"
    stepper.restart()
    assert "dL/dw1" in stepper.run_to("h1.w1").text


def test_run_to_is_at_forward_and_update_steps_too():
    stepper = step(figure5(), forward=True, learning_rate=0.1)
    assert stepper.run_to("o1").text.startswith("o1 = sigmoid")
    assert stepper.run_to("w5").steps[0].kind == "backward"
    assert stepper.run_to("w5").steps[0].kind == "update"
    assert stepper.gradient("w5") == pytest.approx(-0.0617, abs=1e-4)


def test_break_points_stop_a_run_and_can_be_forgotten():
    stepper = step(figure5())
    stepper.break_at(lambda s: s.kind == "backward" and s.of > 1 and s.waiting == 0)
    assert [stepper.run().steps[0].operand.name for _ in range(2)] == ["x1", "x2"]
    stepper.run()
    assert stepper.position == 22
    stepper.restart()
    stepper.clear_breaks()
    stepper.run()
    assert stepper.position == 22


def test_go_and_what_it_refuses():
    stepper = step(figure5())
    stepper.go(-1)
    assert stepper.position == 22
    stepper.go(-23)
    assert stepper.position == 0
    for out in (23, -24):
        with pytest.raises(IndexError, match=f"there are 22 steps: position {out} is out of range"):
            stepper.go(out)
    with pytest.raises(TypeError, match="a position is a whole number, got '3'"):
        stepper.go("3")  # type: ignore[arg-type]
    assert stepper.position == 0


def test_gradients_are_none_until_one_arrives():
    stepper = step(figure5(), forward=True)
    assert stepper.gradient("w1") is None
    stepper.run_to("L")
    assert stepper.gradients() == {}
    stepper.run_to("L")
    assert stepper.gradient("L") == 1.0
    assert len(stepper.gradients()) == 1


def test_another_grain_keeps_the_place():
    stepper = step(figure5())
    stepper.run_to("b3")
    stepper.grain = "neuron"
    assert stepper.grain == "neuron"
    assert stepper.stage.title == "backward: neuron o1"
    stepper.grain = "edge"
    assert stepper.stage.title == "dL/db3"
    stepper.back()
    stepper.grain = "neuron"  # the neuron is not whole: it is taken back
    assert stepper.stage.title == "backward: outside the neurons"
    with pytest.raises(ValueError, match=r"grain must be one of"):
        stepper.grain = "layer"
    assert stepper.grain == "neuron"


def test_finding_by_name_end_of_name_number_and_expression():
    x = Value(1.0, name="x")
    outs = []
    for _ in range(2):
        out = ag.tanh(Value(0.5, name="m.h1.w") * x)
        out.name = "m.h1.h1"
        outs.append(out)
    loss = outs[0] - outs[1]
    stepper = step(loss)
    assert stepper.find("h1[2]").name == "m.h1.h1"
    assert stepper.find("h1[1]") is not stepper.find("h1[2]")
    with pytest.raises(ValueError, match=r"2 values are called 'm\.h1\.h1'; the names are .*h1\[1\]"):
        stepper.find("m.h1.h1")
    with pytest.raises(ValueError, match=r"2 values are called 'h1\.w'"):
        stepper.find("h1.w")
    with pytest.raises(ValueError, match=r"no value is called 'zz'; the names are .*x"):
        stepper.find("zz")
    with pytest.raises(ValueError, match="no value is called ''"):
        stepper.find("")
    with pytest.raises(ValueError, match="this value is not in the graph of f"):
        stepper.find(Value(1.0, name="x"))
    with pytest.raises(TypeError, match="a value or its name, please; got int"):
        stepper.find(3)  # type: ignore[arg-type]
    assert step(figure5()).find("y - o1").op.name == "sub"


@pytest.mark.parametrize(
    ("more", "kind", "message"),
    [
        ({"grain": "layer"}, ValueError, "grain must be one of 'edge', 'node', 'neuron'; got 'layer'"),
        ({"digits": 0}, ValueError, "digits must be a whole number from 1 to 17, got 0"),
        ({"digits": 2.0}, ValueError, "digits must be a whole number from 1 to 17, got 2.0"),
        ({"digits": True}, ValueError, "digits must be"),
        ({"learning_rate": 0}, ValueError, "the learning rate must be a positive number, got 0"),
        ({"learning_rate": -1.0}, ValueError, "the learning rate must be a positive number"),
        ({"learning_rate": float("nan")}, ValueError, "the learning rate must be a positive number"),
        ({"learning_rate": "0.1"}, ValueError, "the learning rate must be a positive number, got '0.1'"),
        ({"title": 3}, TypeError, "title must be text, got int"),
        ({"notes": {"zz": "?"}}, ValueError, "notes: no value in this graph is named 'zz'"),
    ],
)
def test_wrong_arguments(more, kind, message):
    with pytest.raises(kind, match=message):
        step(figure5(), **more)


def test_wrong_roots_and_predicates():
    with pytest.raises(TypeError, match=r"step\(root\) takes a Value, the result of a computation; got float"):
        step(3.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="break_at takes a function of a step"):
        step(figure5()).break_at("x1")  # type: ignore[arg-type]
    root = figure5()
    next(v for v in ag.topological(root) if v.name == "x1").data = 5.0
    with pytest.raises(StaleGraphError):
        step(root)


def test_saving_as_something_else(tmp_path):
    for name, shown in (("walk.gif", "'.gif'"), ("walk", "'nothing'")):
        with pytest.raises(ValueError, match=rf"a walk is saved as \.html .* or \.svg .*, not {shown}"):
            step(figure5()).save(tmp_path / name)
    step(figure5()).save(tmp_path / "walk.SVG")
    assert (tmp_path / "walk.SVG").read_text(encoding="utf-8").startswith("<svg ")
