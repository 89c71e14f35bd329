"""Recording: the arrays are the graph, and nothing of it is lost or done twice."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from support.compiler_graphs import build

import autograd as ag
from autograd import GraphError, Value
from autograd.compiler.interpret import check_domains, run_tape, tape_gradients
from autograd.compiler.tape import CONSTANT, FIRST_OP, INPUT, PARAMETER, record_tape
from autograd.strategies import Problem, expressions, graphs, problems

SEEDS = range(60)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_tape_is_the_graph(seed: int) -> None:
    graph = build(seed)
    tape = graph.tape()
    assert np.array_equal(tape.inputs, np.arange(len(graph.inputs)))
    assert (tape.code[tape.inputs] == INPUT).all()
    assert np.array_equal(tape.parameters, np.flatnonzero(tape.code == PARAMETER))
    assert [leaf.data for leaf in tape.leaves] == tape.data[tape.parameters].tolist()
    assert np.array_equal(np.diff(tape.start) > 0, tape.code >= FIRST_OP)
    for i in range(len(tape)):
        assert (tape.operands(i) < i).all()
    behind = {id(v) for output in graph.outputs if isinstance(output, Value) for v in ag.topological(output)}
    behind |= set(map(id, graph.inputs))
    floats = {(x, math.copysign(1.0, x)) for x in tape.data[tape.code == CONSTANT].tolist()}
    assert len(behind) <= len(tape) <= len(behind) + len(floats)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_at_the_recorded_point_is_the_recording(seed: int) -> None:
    graph = build(seed)
    tape = graph.tape()
    rows = run_tape(tape, tape.data[tape.inputs][None], tape.data[tape.parameters])
    np.testing.assert_allclose(rows[:, 0], tape.data, rtol=1e-13, atol=1e-15)
    wanted = [x.data if isinstance(x, Value) else x for x in graph.outputs]
    assert tape.data[tape.outputs].tolist() == wanted


@given(problems(expressions()) | problems(graphs()))
def test_gradients_of_a_tape_are_those_of_the_graph(problem: Problem) -> None:
    root = problem.record()
    root.backward()
    tape = record_tape([root], [])
    rows = run_tape(tape, np.zeros((1, 0)), tape.data[tape.parameters])
    adjoints = tape_gradients(tape, rows, np.ones(1))
    for node, leaf in zip(tape.parameters.tolist(), tape.leaves, strict=True):
        np.testing.assert_allclose(adjoints[node, 0], leaf.grad, rtol=1e-9, atol=1e-12)


def test_parameters_stand_in_the_order_in_which_they_are_written() -> None:
    a, b, c, d, x = (Value(float(i), name=name) for i, name in enumerate("abcdx"))
    tape = record_tape([ag.sin(a * x + b), d - c], [x])
    assert [leaf.name for leaf in tape.leaves] == ["a", "b", "d", "c"]
    assert record_tape([a * x + b], [x], [b, a]).leaves == [b, a]
    assert tape.names == {tape.inputs[0]: "x", **dict(zip(tape.parameters.tolist(), "abdc", strict=True))}


def test_parameters_may_be_chosen_and_detached_values_are_constants() -> None:
    a, b = Value(2.0), Value(3.0)
    tape = record_tape([a * b + a.detach()], [], [b])
    assert tape.leaves == [b]
    assert sorted(tape.data[tape.code == CONSTANT].tolist()) == [2.0, 2.0]


def test_equal_numbers_are_one_constant_but_zeros_of_both_signs_are_two() -> None:
    x = Value(1.0)
    tape = record_tape([ag.maximum(x, 0.0) + ag.minimum(x, 0.0), x + -0.0, 0.0, -0.0, 5], [x])
    numbers = tape.data[tape.code == CONSTANT].tolist()
    assert sorted(map(str, numbers)) == ["-0.0", "0.0", "5.0"]
    assert list(map(str, tape.data[tape.outputs].tolist()))[2:] == ["0.0", "-0.0", "5.0"]


def test_constants_stand_where_they_were_written() -> None:
    x = Value(3.0)
    tape = record_tape([x - 1.0, 1.0 - x, x**2, 2.0**x, ag.clip(x, -1.0, 1.0), ag.dot([2.0, x], [x, 5.0], 1.0)], [x])
    operands = [tape.data[tape.operands(i)].tolist() for i in range(len(tape)) if tape.code[i] >= FIRST_OP]
    assert sorted(operands) == sorted(
        [[3.0, 1.0], [1.0, 3.0], [3.0, 2.0], [2.0, 3.0], [3.0, -1.0, 1.0], [2.0, 3.0, 3.0, 5.0, 1.0]]
    )


@pytest.mark.slow
def test_a_graph_may_be_deep_and_is_recorded_again() -> None:
    x = Value(0.5)
    y: Any = x
    for _ in range(50_000):
        y = y * 0.5 + x
    first = record_tape([y], [x])
    y.backward()
    assert len(record_tape([y, y], [x])) == len(first)
    assert first.key == record_tape([y], [x]).key
    assert first.key != record_tape([y, y], [x]).key


def test_a_key_forgets_the_numbers_of_leaves_and_nothing_else() -> None:
    def key(w: float, c: float) -> bytes:
        x, p = Value(1.0), Value(w)
        return record_tape([p * x + c], [x]).key

    assert key(1.0, 2.0) == key(3.0, 2.0) != key(3.0, 1.0)


def test_what_cannot_be_recorded_is_refused() -> None:
    x, w = Value(1.0, name="x"), Value(2.0)
    y = w * x
    with pytest.raises(GraphError, match=r"input 0 is computed, by mul: give leaves as inputs"):
        record_tape([y], [y])
    with pytest.raises(GraphError, match=r"parameter 0 \('x'\) is given twice, or as an input and as a parameter"):
        record_tape([y], [x], [x])
    with pytest.raises(TypeError, match=r"input 1 is a float: give the Value, a leaf of the graph"):
        record_tape([y], [x, 1.0])  # type: ignore[list-item]
    for bad in ("y", True, None):
        with pytest.raises(TypeError, match=rf"output 1 is a {type(bad).__name__}: a program computes Values"):
            record_tape([y, bad], [x])
    assert len(record_tape([y], [x])) == 3  # a refused recording leaves nothing behind


def test_domain_errors_name_the_node_and_the_row() -> None:
    x = Value(1.0, name="x")
    tape = record_tape([ag.log(x) + 1.0], [x])
    check_domains(tape, run_tape(tape, np.array([[1.0], [2.0]]), np.zeros(0)))
    with pytest.raises(ag.DomainError, match=r"log\(x = -1.0\)") as caught:
        check_domains(tape, run_tape(tape, np.array([[1.0], [-1.0]]), np.zeros(0)))
    assert any("in row 1 of the batch" in note for note in caught.value.__notes__)
