"""The steps of a walk: the engine's own, in its order and with its numbers, at every grain; and what they say."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.viz_graphs import figure5, mlp, random_graph

import autograd as ag
from autograd import Value
from autograd.errors import StaleGraphError
from autograd.reverse import steps as engine_steps
from viz.steps import GRAINS, MOST_LINES, plan


def bits(x: float) -> str:
    return float(x).hex()


def same_steps(root: Value) -> None:
    made = [s for s in plan(root, forward=True).steps if s.kind == "backward"]
    for v in ag.topological(root):
        v.grad = None  # leaves add up over passes
    right = list(engine_steps(root))
    assert len(made) == len(right)
    for mine, theirs in zip(made, right, strict=True):
        assert mine.node is theirs.node
        assert mine.operand is theirs.operand
        for name in ("upstream", "local", "contribution", "before", "after"):
            assert bits(getattr(mine, name)) == bits(getattr(theirs, name))


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_the_backward_steps_are_the_engine_s_and_end_at_its_gradients(seed):
    root = random_graph(seed)
    same_steps(root)
    final = {}
    for step in plan(root).steps:
        final[id(step.node if step.operand is None else step.operand)] = step.after
    for v in ag.topological(root):
        v.grad = None
    root.backward()
    for v in ag.topological(root):
        assert bits(final[id(v)]) == bits(v.grad)


@pytest.mark.slow
@given(st.integers(0, 10_000), st.sampled_from(GRAINS), st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_grain_covers_all_steps_once_and_in_order(seed, grain, forward):
    root = random_graph(seed)
    made = plan(root, grain=grain, forward=forward, learning_rate=0.1)
    assert made.grain == grain
    assert [s for stage in made.stages for s in stage.steps] == list(made.steps)
    assert [stage.start for stage in made.stages] == [0, *[stage.stop for stage in made.stages][:-1]]
    assert made.stages[-1].stop == len(made.steps)
    for stage in made.stages:
        assert len({s.kind for s in stage.steps}) == 1
        assert stage.text
        assert stage.title
        assert stage.words
        assert stage.latex
        assert str(stage) == stage.text
    again = plan(root, grain="edge", forward=forward, learning_rate=0.1).at(grain)
    assert [stage.text for stage in again.stages] == [stage.text for stage in made.stages]


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_waiting_counts_down_to_nothing(seed):
    left: dict[int, int] = {}
    for step in plan(random_graph(seed)).steps:
        if step.kind == "backward":
            assert step.waiting == left.get(id(step.operand), step.of) - 1
            left[id(step.operand)] = step.waiting
    assert not any(left.values())


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_a_neuron_s_folded_lines_add_up(seed):
    """Every line's product is what the neuron as a whole adds; the number behind now is the running sum."""
    for stage in plan(random_graph(seed), grain="neuron", digits=17).stages:
        if stage.steps[0].kind != "backward" or stage.text == "\n".join(s.text for s in stage.steps):
            continue
        added: dict[str, float] = {}
        last: dict[str, float] = {}
        inside = {id(s.node) for s in stage.steps}
        for step in stage.steps:
            if id(step.operand) not in inside:
                name = step.text.partition(" += ")[0]
                added[name] = added.get(name, 0.0) + step.contribution
                last[name] = step.after
        found = {}
        for line in stage.text.split("\n"):
            match = re.fullmatch(r"(.+?) \+= .* = (\S+) \(now (\S+)\)", line)
            assert match
            found[match[1]] = float(match[2])
            assert float(match[3]) == last[match[1]]
        assert found == pytest.approx(added, rel=1e-9, abs=1e-12)


def test_the_sentence_of_the_issue():
    o1 = Value(2.0, name="o1")
    h1 = Value(3.0, name="h1")
    loss = o1 * h1
    loss.name = "L"
    seen = [step.text for step in plan(loss).steps]
    assert seen == [
        "dL/dL = 1",
        "dL/do1 += dL/dL * dL/do1 = 1 * 3 = 3 (now 3)",
        "dL/dh1 += dL/dL * dL/dh1 = 1 * 2 = 2 (now 2)",
    ]
    pattern = (
        r"dL/d\S+ \+= dL/d\S+ \* d\S+/d\S+ = (\(-[0-9.e-]+\)|[0-9.e-]+) \* (\(-[0-9.e-]+\)|[0-9.e-]+) "
        r"= -?[0-9.e-]+ \(now -?[0-9.e-]+\)"
    )
    for step in plan(figure5()).steps[3:]:
        assert re.fullmatch(pattern, step.text.replace("(y - o1)", "e")), step.text


def test_figure5_by_neuron_reads_like_the_lesson():
    stages = plan(figure5(), grain="neuron", forward=True, learning_rate=0.1).stages
    by_title = {stage.title: stage.text.split("\n") for stage in stages}
    assert by_title["start"] == ["dL/dL = 1"]
    assert "o1 = sigmoid(s3) = 0.5539" in by_title["forward: neuron o1"]
    assert by_title["backward: outside the neurons"] == [
        "dL/dy += dL/dL * dL/dy = 1 * 1 = 1 (now 1)",
        "dL/do1 += dL/dL * dL/do1 = 1 * (-1) = -1 (now -1)",
    ]
    assert "dL/dh1 += dL/do1 * do1/dh1 = (-1) * 0.2718 = -0.2718 (now -0.2718)" in by_title["backward: neuron o1"]
    # x1 got a part from h1 before, so now is the sum of both
    assert (
        "dL/dx1 += dL/dh1 * dh1/dx1 = (-0.2718) * 0.1499 = -0.04074 (now -0.04074)" in by_title["backward: neuron h1"]
    )
    assert "dL/dx1 += dL/dh2 * dh2/dx1 = 0.173 * 0.03918 = 0.006777 (now -0.03396)" in by_title["backward: neuron h2"]
    assert "w1 <- w1 - alpha * dL/dw1 = 0.8 - 0.1 * 0.1019 = 0.7898" in by_title["update: neuron h1"]


def test_a_head_that_several_values_use_is_folded_with_the_sum_of_its_upstream():
    x = Value(2.0, name="x")
    w = Value(3.0, name="n.w")
    s = w * x
    s.name = "n.s"
    out = ag.tanh(s)
    out.name = "n.n"
    loss = out * 2.0 + out * 5.0
    loss.name = "L"
    stage = next(s for s in plan(loss, grain="neuron", digits=3).stages if s.title == "backward: neuron n")
    assert stage.text.split("\n")[0].startswith("dL/dw += dL/dn * dn/dw = 7 * ")


def test_an_inner_value_used_outside_its_neuron_is_not_folded_away():
    """Its gradient comes in by two doors: a line with one factor upstream would be wrong."""
    x = Value(2.0, name="x")
    s = Value(3.0, name="n.w") * x
    s.name = "n.s"
    out = ag.tanh(s)
    out.name = "n.n"
    loss = out + s * 10.0
    loss.name = "L"
    stage = next(s for s in plan(loss, grain="neuron").stages if s.title == "backward: neuron n")
    assert stage.text == "\n".join(step.text for step in stage.steps)
    assert "dL/ds" in stage.text


def test_x_times_x_has_two_steps():
    x = Value(3.0, name="x")
    y = x * x
    y.name = "y"
    first, second = plan(y).steps[1:]
    assert (first.slot, second.slot) == (0, 1)
    assert (first.waiting, second.waiting) == (1, 0)
    assert first.words.endswith("dy/dx is now 3 and waits for 1 more path.")
    assert second.words.endswith("All 2 paths are summed: dy/dx = 6.")
    assert second.after == 6.0


def test_a_leaf_as_root():
    x = Value(3.0, name="x")
    assert [s.text for s in plan(x, forward=True).steps] == ["dx/dx = 1"]
    w = Value(3.0, name="n.w")
    assert [s.text for s in plan(w, learning_rate=0.5).steps] == [
        "dw/dw = 1",
        "w <- w - alpha * dw/dw = 3 - 0.5 * 1 = 2.5",
    ]


def test_constants_take_no_gradient_and_unnamed_values_are_written_out():
    x = Value(3.0, name="x")
    z = 2.0 * x + Value(1.0) * 4.0
    made = plan(z, forward=True)
    assert {id(s.operand) for s in made.steps if s.operand is not None} <= {id(v) for v in ag.topological(z)}
    assert any("2*x" in step.text for step in made.steps)
    assert made.steps[-1].text


def test_odd_names_stay_on_one_line_and_cannot_be_mistaken():
    for name in ("a b", "w\n1", "\x1b[31m", "<script>", "x" * 5000, "שלום", "日本", "a.b.c.d", "...", "%s{0}\\N"):
        x = Value(2.0, name=name)
        y = ag.exp(x) * x
        for stage in plan(y, grain="node", forward=True, learning_rate=0.1).stages:
            for line in stage.text.split("\n"):
                assert line.isprintable() or "\u2068" in line
                assert len(line) < 1000


def test_infinities_and_nan_are_walked_like_other_numbers():
    with ag.ieee():
        x = Value(0.0, name="x")
        y = ag.log(x) * 0.0
        same_steps(y)
        made = plan(y, forward=True)
    assert any(math.isnan(step.after) for step in made.steps)
    assert "nan" in "".join(step.text for step in made.steps)
    assert r"\mathrm{nan}" in "".join(step.latex for step in made.steps)


def test_nothing_writes_to_the_graph():
    root = figure5()
    for v in ag.topological(root):
        v.grad = 7.25
    made = plan(root, grain="neuron", forward=True, learning_rate=0.3)
    _ = [stage.text + stage.words + stage.latex for stage in made.stages]
    assert all(v.grad == 7.25 for v in ag.topological(root))
    before = [v.data for v in ag.topological(root)]
    with made.final_gradients():
        assert root.grad == 1.0
    assert all(v.grad == 7.25 for v in ag.topological(root))
    assert [v.data for v in ag.topological(root)] == before


def test_final_gradients_are_given_back_after_an_error_and_dashes_stay_dashes():
    root = figure5(backward=False)
    with pytest.raises(RuntimeError), plan(root).final_gradients():  # noqa: PT012
        assert root.has_grad
        raise RuntimeError
    assert not any(v.has_grad for v in ag.topological(root))


def test_texts_say_the_recorded_pass_whoever_asks_and_whenever():
    root = figure5()
    late, early = plan(root, forward=True, learning_rate=0.1), plan(root, forward=True, learning_rate=0.1)
    said = [step.text for step in early.steps]
    leaf = next(v for v in ag.topological(root) if v.name == "h1.w1")
    leaf.data = 99.0
    leaf.name = "renamed"
    assert [step.text for step in reversed(late.steps)] == said[::-1]


def test_edited_data_is_an_error_that_names_the_node():
    root = figure5()
    next(v for v in ag.topological(root) if v.name == "h1.w1").data = 99.0
    with pytest.raises(StaleGraphError, match="s1"):
        plan(root)


def test_updates_are_of_the_parameters_only():
    steps = [s for s in plan(figure5(), learning_rate=0.1).steps if s.kind == "update"]
    assert {s.node.name for s in steps} == {
        *(f"h1.{n}" for n in ("w1", "w2", "b1")), *(f"h2.{n}" for n in ("w3", "w4", "b2")),
        *(f"o1.{n}" for n in ("w5", "w6", "b3")),
    }  # fmt: skip
    for s in steps:
        assert s.after == s.before - 0.1 * s.upstream
        assert s.before == s.node.data


def test_a_network_of_many_neurons_is_walked_neuron_by_neuron():
    titles = [stage.title for stage in plan(mlp([2, 4, 4, 1]), grain="neuron").stages]
    assert "backward: neuron layer2.n3" in titles
    assert len(titles) == 11


def test_an_unknown_grain():
    with pytest.raises(ValueError, match="grain must be one of 'edge', 'node', 'neuron'; got 'layer'"):
        plan(figure5(), grain="layer")
    with pytest.raises(ValueError, match="got 'layer'"):
        plan(figure5()).at("layer")


@pytest.mark.slow
def test_a_chain_of_50_000_values():
    x = v = Value(1.0, name="x")
    for _ in range(50_000):
        v = v * 1.00004
    made = plan(v)
    assert len(made.steps) == 50_001
    assert made.steps[-1].text == "df/dx += df/d(x*1.00004) * d(x*1.00004)/dx = 7.388 * 1 = 7.389 (now 7.389)"
    v.backward()
    assert bits(made.steps[-1].after) == bits(x.grad)
    assert len(made.at("neuron").stages) == 2


def test_a_stage_of_many_steps_is_told_in_part():
    v = Value(1.0, name="x")
    for _ in range(1000):
        v = v * 1.00001
    stage = plan(v, grain="neuron", forward=True).stages[0]
    for told in (stage.text, stage.words, stage.latex):
        assert f"... and {1000 - MOST_LINES} more steps" in told
    assert stage.text.count("\n") == MOST_LINES
    assert plan(v, grain="neuron").stages[-1].text == "df/dx += df/df * df/dx = 1 * 1.01 = 1.01 (now 1.01)"


def test_a_node_of_many_operands():
    xs = [Value(float(i), name=f"x{i}") for i in range(2000)]
    total = ag.sum(xs)
    total.name = "t"
    stage = plan(total, grain="node", forward=True).stages
    assert stage[0].text == "t = 1.999e+06"
    assert stage[-1].text.count("\n") == MOST_LINES
