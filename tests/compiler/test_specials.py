"""nan, inf, zeros with a sign, numbers at both ends of the range: a program gives what the eager engine gives."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import CompileError, DomainError, Value
from autograd.compiler.numpy import NumpyPlan
from autograd.compiler.raising import raise_tape
from autograd.compiler.schedule import MatMul
from autograd.compiler.tape import record_tape

nan, inf = math.nan, math.inf

Case = Callable[[list[Value], list[Value]], Value]

CASES: dict[str, Case] = {
    "a term times nan": lambda w, x: w[0] + x[0] * nan,
    "nan alone": lambda w, x: x[0] * nan,
    "inf": lambda w, x: x[0] * inf + w[0],
    "less inf": lambda w, x: x[0] - inf,
    "inf over": lambda w, x: inf / x[0],
    "over inf": lambda w, x: x[0] / inf,
    "over nan": lambda w, x: x[0] / nan,
    "to the nan": lambda w, x: (x[0] * x[0]) ** nan,
    "to the inf": lambda w, x: (x[0] * x[0]) ** inf,
    "nan to the": lambda w, x: ag.pow(nan, x[0]),
    "root": lambda w, x: x[0] ** 0.5,
    "one over the root": lambda w, x: x[0] ** -0.5,
    "cube": lambda w, x: x[0] ** 3 + x[1] ** -1,
    "log of a square": lambda w, x: ag.log(x[0] * x[0]) + ag.sqrt(x[1] + w[0]),
    "logsumexp": lambda w, x: ag.logsumexp([nan, w[0], x[0]]),
    "logsumexp masked": lambda w, x: ag.logsumexp([-inf, w[0], x[0]]),
    "softmax masked": lambda w, x: ag.dot(ag.softmax([x[0], -inf, x[1]]), [1.0, 2.0, 3.0]),
    "softmax of nan": lambda w, x: ag.sum(ag.softmax([x[0], nan, x[1]])),
    "maximum": lambda w, x: ag.maximum(x[0], nan) + ag.minimum(x[1], -inf),
    "where": lambda w, x: ag.where(x[0], w[0], nan),
    "a branch that is not taken": lambda w, x: ag.where(ag.relu(x[0]), ag.sqrt(ag.relu(x[0])), 0.0),
    "clip": lambda w, x: ag.clip(x[0], nan, 1.0),
    "relu": lambda w, x: ag.relu(x[0] * nan) + ag.leaky_relu(x[1], inf),
    "take inf": lambda w, x: ag.take([x[0], inf], 1.0) + w[0],
    "take from constants": lambda w, x: ag.take([nan, inf], ag.relu(ag.sign(x[2]))),
    "take from all": lambda w, x: ag.take([w[0], inf, nan], ag.relu(ag.sign(x[2]))),
    "product": lambda w, x: ag.product([x[0], nan, w[0]]),
    "mean": lambda w, x: ag.mean([x[0], inf, w[0]]),
    "inf and -inf": lambda w, x: ag.sum([x[0], inf, -inf]),
    "huge constants": lambda w, x: ag.sum([x[0] * 0, 1e308, 1e308]) * 1e-300,
    "huge halves": lambda w, x: ag.dot([x[0], x[0]], [0.5, 0.5]),
    "huge mean": lambda w, x: ag.mean([x[0], x[0], x[0]]),
    "padded": lambda w, x: ag.sum(
        [ag.sigmoid(ag.dot([w[0], w[1], -inf], [x[0], 1, x[1]])), ag.sigmoid(ag.dot([w[1], w[0]], [1, x[1]]))]
    ),
    "padded by itself": lambda w, x: ag.where(
        ag.relu(ag.dot([w[0], w[1]], [x[0], x[1]])), ag.tanh(ag.dot([w[0], w[1], w[2]], x)), w[0]
    ),
    "a row of nan": lambda w, x: ag.sum([ag.tanh(ag.dot([nan, w[0], w[1]], x)), ag.dot([w[2], w[1], w[0]], x)]),
    "a column of nan": lambda w, x: ag.dot([w[1], w[0]], [nan, x[1]]) * ag.dot([w[1], w[0]], [nan, w[2]]),
    "angle": lambda w, x: ag.atan2(0.0 + x[0], x[1]) + ag.atan2(-(x[0] - x[0]), x[1]),
    "angle of sums": lambda w, x: ag.atan2(ag.dot([x[0], x[0]], [w[0], 0.0]), x[1]) + ag.atan2(-0.0 + x[0], w[0]),
    "pole": lambda w, x: 1.0 / (0.0 + x[0]) + ag.reciprocal(ag.sum([x[0], x[0]])),
    "a difference over 3": lambda w, x: (x[0] - x[1]) / 3,
    "a mean of a difference": lambda w, x: ag.mean([x[0], -x[1], w[0] * 1e-9]),
    "weighted differences": lambda w, x: ag.dot([0.3, 0.7], [x[0] - x[1], (x[1] - x[0]) * 0.1]),
}
"""Functions of three weights and three inputs."""

ROWS = [
    [[1.0, 2.0, 1.0], [-1.0, -2.0, 0.0]],
    [[20000.001953125, 20000.0, 1.0]],
    [[-inf, 1.0, 0.0], [1.0, 1.0, 1.0]],
    [[inf, -inf, 0.0], [0.5, 1.0, 1.0], [0.0, 0.0, 0.0]],
    [[nan, 1.0, 0.0], [1.0, 2.0, 1.0]],
    [[-0.0, -1.0, 1.0], [0.0, -1.0, 0.0]],
    [[1.7e308, -1e308, 1.0], [1.0, -1e308, 1.0]],
    [[5e-324, 1e-310, 0.0]],
]
WEIGHTS = [[0.5, -1.5, 0.25], [inf, 1.0, nan], [0.0, -0.0, -inf], [1e308, -1e308, 5e-324]]


def eager(case: Case, rows: Any, weights: Any) -> Any:
    """Values, the mean gradient and the input gradients; or "DomainError"."""
    values, by_weight, by_input = [], [], []
    try:
        for row in rows:
            w, x = [Value(a) for a in weights], [Value(a) for a in row]
            root = case(w, x)
            root.backward()
            values.append(root.data)
            by_weight.append([leaf.grad for leaf in w])
            by_input.append([leaf.grad for leaf in x])
    except DomainError:
        return "DomainError"
    with np.errstate(all="ignore"):
        return values, (np.array(by_weight) / len(rows)).sum(axis=0), by_input


def compiled(program: Any, rows: Any) -> Any:
    """The same by a program."""
    try:
        return program(rows), program.value_and_grad(rows)[1], program.input_gradients(rows)
    except DomainError:
        return "DomainError"


def alike(found: Any, expected: Any, slack: float = 1e-13) -> bool:
    """Equal to a few last places, nan like nan, inf like inf; a DomainError on both sides."""
    if isinstance(found, str) or isinstance(expected, str):
        return bool(isinstance(found, str) and isinstance(expected, str))
    pairs = [(np.asarray(a, float), np.asarray(b, float)) for a, b in zip(found, expected, strict=True)]
    with np.errstate(all="ignore"):
        near = [
            (np.abs(a - b) <= slack * np.abs(b) + 1e-322) | (a == b) | (np.isnan(a) & np.isnan(b)) for a, b in pairs
        ]
    return all(bool(part.all()) for part in near)


@pytest.mark.parametrize("backend", ["numpy", "python"])
@pytest.mark.parametrize("name", CASES)
def test_what_is_not_finite_is_as_on_the_eager_engine(name: str, backend: str) -> None:
    """Values, gradients, and a DomainError in both or in neither, inside ieee() and outside."""
    hold(name, backend)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name == "padded by itself" else pytest.mark.full)
        for name in ("take from constants", "angle", "padded by itself", "huge halves")
    ],
)
def test_so_it_is_by_xla(name: str) -> None:
    pytest.importorskip("jax")
    hold(name, "jax")


def hold(name: str, backend: str) -> None:
    """A case, by one executor, against the eager engine."""
    case = CASES[name]
    w, x = [Value(0.5), Value(-1.5), Value(0.25)], [Value(0.5), Value(1.5), Value(1.0)]
    with ag.ieee():
        program = ag.compile(case(w, x), inputs=x, parameters=w, backend=backend)
    for ieee in (True, False):
        with ag.ieee() if ieee else nullcontext():
            for weights in WEIGHTS:
                for leaf, number in zip(w, weights, strict=True):
                    leaf.data = number
                for rows in ROWS:
                    if backend == "jax" and (5e-324 in rows[0] or 5e-324 in weights):
                        continue  # XLA takes it for 0
                    found, expected = compiled(program, rows), eager(case, rows, weights)
                    assert alike(found, expected), (ieee, weights, rows, found, expected)


def test_a_function_beside_nan_is_not_changed() -> None:
    """With default settings, in a call of a decorated function."""
    weights = [Value(0.1 * k - 0.3) for k in range(8)]

    @ag.compile
    def f(x: list[Value], offset: float) -> Any:
        hidden = [ag.tanh(ag.dot(weights[2 * k : 2 * k + 2], x)) for k in range(4)]
        return ag.sum(hidden) + x[0] * offset

    rows = np.array([[1.0, 2.0], [3.0, -1.0]])
    assert np.isnan(f(rows, nan)).all()
    assert f(rows, inf).tolist() == [inf, inf]
    assert np.isfinite(f(rows, 1.0)).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("write", [lambda d: d / 3, lambda d: d * 0.3, lambda d: -(d / 7.0) * 0.1, lambda d: 0.3 * -d,
                                   lambda d: ag.dot([0.7], [d]), lambda d: ag.mean([d, d, d]) / 3])  # fmt: skip
def test_a_product_is_not_distributed_over_a_difference(write: Any, dtype: str) -> None:
    """The difference of two close numbers is exact, and what multiplies it adds a rounding or three of the result."""
    a, b = 20000.001953125, 20000.0  # both are numbers of float32
    x, y = Value(a), Value(b)
    for difference in (x - y, ag.sum([x, -y]), ag.mean([x, -y]), ag.dot([1.0, -1.0], [x, y]), x - b, -(y - x)):
        root = write(difference)
        program = ag.compile(root, inputs=[x, y], dtype=dtype, backend="numpy")
        (found,) = program(np.array([[a, b]]))
        assert found == pytest.approx(root.data, rel=4 * float(np.finfo(dtype).eps))


def test_a_mean_is_divided_when_it_is_complete() -> None:
    x, w = [Value(1e3 + 0.1), Value(-1e3), Value(0.0)], Value(1.0)
    root = ag.mean([x[0], x[1], x[2] * w])
    rows = np.array([[1e3 + 0.1, -1e3, 0.0]])
    (found,) = ag.compile(root, inputs=x, backend="numpy")(rows)
    assert found == pytest.approx(root.data, rel=1e-15)


def test_a_power_of_two_is_distributed() -> None:
    x = [Value(1.0) for _ in range(4)]
    assert len(raise_tape(record_tape([(x[0] - x[1]) * 0.5 + (x[2] - x[3]) / 4 - ag.mean(x)], x)).groups) == 1
    assert len(raise_tape(record_tape([(x[0] - x[1]) * 0.3 + (x[2] - x[3])], x)).groups) == 2


def padded() -> Any:
    """Two neurons that become one product, the shorter padded; its first weight is not the second's business."""
    w, x = [Value(0.5), Value(-1.0), Value(2.0)], [Value(1.0), Value(1.0), Value(1.0)]
    neurons = [ag.dot(w, x), ag.dot(w[1:], [x[0], x[2]])]
    outputs = [ag.where(neurons[1], ag.relu(neurons[1]), 1.0), ag.tanh(neurons[0])]
    return ag.compile(outputs, inputs=x, parameters=w, backend="numpy")


@pytest.mark.parametrize("bad", [nan, inf, -inf])
def test_what_is_not_finite_does_not_reach_its_neighbour(bad: float) -> None:
    program = padded()
    (product,) = (g for g in raise_tape(program.tape).groups if isinstance(g, MatMul))
    assert raise_tape(program.tape).padded
    assert product.out.size == 2
    rows = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    before = program(rows)[:, 0].tolist()
    program.parameters[0].data = bad  # beside the padding
    found = program(rows)
    assert found[:, 0].tolist() == before
    assert np.isnan(found[:, 1]).all() == math.isnan(bad)
    program.parameters[0].data = 0.5
    assert program([[1.0, bad, 3.0], [1.0, 2.0, 3.0]])[1].tolist() == pytest.approx([5.0, math.tanh(4.5)])


@pytest.mark.parametrize("backend", ["numpy", "python"])
def test_sums_do_not_overflow_on_their_way(backend: str) -> None:
    x = Value(1.0)
    for write in (lambda x: ag.dot([x, x], [0.5, 0.5]), lambda x: (x - 1.0) * 0.5 + (x + 1.0) * 0.5,
                  lambda x: (x + x) * 0.5, lambda x: ag.mean([x, x]), lambda x: ag.mean([x, x * 1e-300, x * 1e-300]),
                  lambda x: ag.tanh(ag.sum([x, x, -x, -x, x]) * 1e-308)):  # fmt: skip
        root = write(x)
        with np.errstate(all="raise"):
            (found,) = ag.compile(root, inputs=[x], backend=backend)([[1.7e308]])
        assert found == pytest.approx(write(Value(1.7e308)).data, rel=1e-15)


@pytest.mark.parametrize("backend", ["numpy", "python"])
def test_an_angle_keeps_the_sign_of_a_zero(backend: str) -> None:
    y, x = Value(1.0), Value(1.0)
    for write in (lambda v: 0.0 + v, lambda v: v + 0.0, lambda v: v * 1.0, lambda v: ag.sum([v, 0.0]),
                  lambda v: ag.dot([v], [1.0]), lambda v: v - v, lambda v: -(v - v), ag.relu, ag.floor):  # fmt: skip
        program = ag.compile(ag.atan2(write(y), x), inputs=[y, x], backend=backend)
        for row in ([-0.0, -1.0], [0.0, -1.0], [-0.0, -0.0], [0.0, -0.0], [-0.0, 1.0]):
            expected = ag.atan2(write(Value(row[0])), Value(row[1])).data
            assert program([row]).tolist() == [expected], row


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backend", ["numpy", "python"])
def test_compiling_and_running_warns_of_nothing(backend: str, dtype: str) -> None:
    x, w = Value(1.0), Value(1e200)
    with ag.ieee():
        root = ag.sum(
            [x * 1e300 * 1e300, w * 1e-320, x / 1e-320, 1e308 - x, x * nan, ag.exp(x * 800.0) * 0.0, x * -inf]
        )
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            program = ag.compile(root, inputs=[x], dtype=dtype, backend=backend)
            program([[1.0], [nan], [1e300]])
            program.value_and_grad([[1.0], [-inf]])
            program.input_gradients([[0.0]])
            ag.compile(w * x * 1e8, inputs=[x], dtype=dtype, backend=backend).value_and_grad([[1e300]] * 9, "sum")


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_a_masked_batch_is_refused() -> None:
    x = Value(1.0)
    program = ag.compile(x * 2.0 + Value(1.0), inputs=[x])
    masked = np.ma.masked_greater(np.array([[1.0], [1e6]]), 10.0)
    for batch in (masked, [masked[0], masked[1]], masked[:1]):
        with pytest.raises(TypeError, match=r"a batch .* a masked array hides some: give array\.filled\(number\)"):
            program(batch)
        with pytest.raises(TypeError, match="masked"):
            program.value_and_grad(batch)
    with program.session() as session, pytest.raises(TypeError, match="masked"):
        session.sgd(masked, 0.1)
    function = ag.compile(lambda x: x * 2.0)
    with pytest.raises(TypeError, match="x is an array of numbers, all of which count; a masked array"):
        function(masked)


def test_a_graph_that_no_grad_did_not_record_is_refused() -> None:
    x, w = Value(2.0, name="x"), Value(3.0)
    with ag.no_grad():
        hidden = (w * x).tanh()
    hidden.name = "hidden"
    for root in (hidden, hidden * w, ag.sum([hidden, x])):
        with pytest.raises(CompileError, match=r"'hidden' was computed inside no_grad\(\), by tanh: its graph was not"):
            ag.compile(root, inputs=[x])
        with pytest.raises(CompileError, match="no_grad"):
            ag.to_source(root, [x])

    def partly(x: Any) -> Any:
        with ag.no_grad():
            scale = w * 2.0
        return x * scale

    with pytest.raises(CompileError, match=r"computed inside no_grad\(\)"):
        ag.compile(partly)(np.array([1.0, 2.0]))
    assert ag.compile(hidden.detach() * x, inputs=[x])([[1.0]]).tolist() == [hidden.data]
    assert ag.compile(copy.copy(w) * x, inputs=[x])([[1.0]]).tolist() == [3.0]


@pytest.mark.parametrize("backend", ["numpy", "python"])
def test_an_input_that_no_output_reaches_changes_nothing(backend: str) -> None:
    """The same in a compiled graph, a compiled function and a written one: its column is there, its slope is 0."""
    x, y, w = Value(2.0), Value(5.0), Value(3.0)
    rows = np.array([[1.0, 7.0], [2.0, nan]])
    for inputs, order in (([x, y], [0, 1]), ([y, x], [1, 0])):
        program = ag.compile((w * x).square(), inputs=inputs, backend=backend)
        assert program(rows[:, order]).tolist() == [9.0, 36.0]
        assert program.input_gradients(rows[:, order])[:, order].tolist() == [[18.0, 0.0], [36.0, 0.0]]
        assert program.value_and_grad(rows[:, order])[1].tolist() == [15.0]
    function = ag.compile(lambda x, y: (w * x).square(), backend=backend)
    assert function(rows[:, 0], rows[:, 1]).tolist() == [9.0, 36.0]
    space: dict[str, Any] = {}
    exec(ag.to_source((w * x).square(), [x, y]), space)
    assert space["predict_and_gradient"](1.0, nan) == (9.0, (18.0, 0.0))


def test_a_program_can_be_copied() -> None:
    x, w = Value(1.0), Value(1.0)
    program = ag.compile((w * x - 2.0).square(), inputs=[x])
    with program.session() as session:
        session.sgd([[1.0]], 0.1)
        shared, apart = copy.copy(program), copy.deepcopy(program)
        assert shared([[1.0]]).tolist() == [1.0]  # it reads the Value, which the session has not written yet
        with pytest.raises(ag.GraphError, match="a session over parameter 0 is open already"):
            shared.sgd([[1.0]], 0.25)
        session.sgd([[1.0]], 0.1)
    assert shared.parameters == program.parameters
    assert w.data == pytest.approx(1.36)
    assert apart.parameters[0] is not w
    assert apart([[1.0]]).tolist() == [1.0]
    model = copy.deepcopy({"w": w, "program": program})
    assert model["program"].parameters[0] is model["w"]


def test_every_way_of_raising_keeps_what_is_not_finite() -> None:
    """The plans by themselves, too, where nothing is padded or added in another order."""
    x, w = [Value(1.0), Value(2.0)], [Value(0.5), Value(-0.5)]
    root = ag.sum([ag.tanh(ag.dot(w, x)), x[0] * nan, ag.maximum(x[1], -inf), ag.take([w[0], inf], x[0])])
    tape = record_tape([root], x, w)
    for options in ({}, {"products": False}, {"uniform": True}):
        plan = NumpyPlan(raise_tape(tape, **options))
        run = plan.bind(2, np.array([0.5, -0.5])[plan.order], np.empty(2))
        with np.errstate(all="ignore"):
            assert np.isnan(run.forward(np.array([[0.0, 2.0], [1.0, 2.0]]))).all()
