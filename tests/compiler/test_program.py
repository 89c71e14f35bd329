"""autograd.compile: programs against the eager engine, sessions that end anywhere, errors that name node and row."""

import gc
import math
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.interrupting import interrupting
from support.page_snippets import check_snippet, snippets
from support.path_sums import path_sums
from support.unseen import peek

import autograd as ag
import nn
from autograd import CompileError, DomainError, GraphError, Program, Value
from autograd.compiler import plans, session
from autograd.compiler.faults import Silent
from autograd.compiler.plain import InterpretedPlan
from autograd.compiler.tape import record_tape
from autograd.ops import TABLE

EPS = 2.0**-52
BACKENDS = ("numpy", "python")
PUBLIC = [op for op in TABLE.values() if op.public]
each_backend = pytest.mark.parametrize("backend", BACKENDS)


def close(found: Any, expected: Any, size: Any, slack: float) -> bool:
    """Equal within so many eps of the size, nan equal to nan."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    with np.errstate(all="ignore"):
        near = np.abs(found - expected) <= slack * EPS * (np.abs(expected) + size) + 1e-300
    return bool(np.all(near | (found == expected) | (np.isnan(found) & np.isnan(expected))))


def agree(record: Any, leaves: list[Value], batch: Any, backend: str, shared: list[Value]) -> None:
    """The program's numbers are the eager engine's, or both refuse the batch; ``shared`` are the parameters."""
    eager, errors = [], {}
    for row, numbers in enumerate(batch.tolist()):
        given = [Value(x) for x in numbers]
        try:
            root = record(given)
        except DomainError:
            errors[row] = True
            continue
        for parameter in shared:
            parameter.zero_grad()
        root.backward()
        sums = path_sums(root)
        slopes = [x.grad for x in given], [p.grad for p in shared]
        eager.append((root.data, *slopes, [sums.get(id(x), 0.0) for x in given], [sums.get(id(p), 0.0) for p in shared],
                      max(abs(n.data) for n in ag.topological(root)), len(ag.topological(root))))  # fmt: skip
    program = ag.compile(record(leaves), leaves, shared, backend=backend)
    if errors:
        with pytest.raises(DomainError) as caught:
            program(batch)
        note = re.match(r"in row (\d+) of the batch, at ", caught.value.__notes__[0])
        assert note
        assert int(note[1]) in errors
        return
    values, by_input, by_shared, input_size, shared_size, size, nodes = map(np.array, zip(*eager, strict=True))
    slack = 64.0 * nodes.max()
    assert close(program(batch), values, size, slack)
    assert close(program.input_gradients(batch), by_input, input_size, slack)
    mean, gradient = program.value_and_grad(batch)
    assert close(mean, values.mean(), size.max(), slack)
    assert close(gradient, by_shared.mean(axis=0), shared_size.mean(axis=0), slack)


@each_backend
@pytest.mark.parametrize("op", PUBLIC, ids=lambda op: op.name)
def test_every_operation_agrees(op: Any, backend: str) -> None:
    """Batched operands beside parameters and constants, in each place."""
    chance = np.random.default_rng(5)
    count = op.arity or 4
    for place in range(count):
        shared = Value(0.75, name="w")

        def record(given: list[Value], place: int = place, shared: Value = shared) -> Value:
            operands: list[Any] = [given[i % 2] if i != place else shared for i in range(count)]
            if op.name == "take":
                return op([operands[0], operands[1] * 2.0, operands[2]], given[2])  # type: ignore[no-any-return]
            if op.name == "dot":
                return op(operands[:2], operands[2:])  # type: ignore[no-any-return]
            if op.name == "clip":
                operands[1:] = [operands[1] * 0.1, operands[2] * 0.1 + 5.0]
            return op(operands) if op.arity is None else op(*operands)  # type: ignore[no-any-return]

        low = 1.01 if op.name == "acosh" else 0.05
        batch = np.column_stack([chance.uniform(low, 0.95 + (op.name == "acosh"), (6, 2)), chance.integers(0, 3, 6)])
        if op.name == "acosh":
            shared.data = 1.5
        leaves = [Value(x) for x in batch[0].tolist()]
        agree(record, leaves, batch, backend, [shared])


@each_backend
def test_what_a_program_gives(backend: str) -> None:
    w, b, x, y = Value(2.0, "w"), Value(0.5, "b"), Value(1.0, "x"), Value(0.0, "y")
    line = w * x + b
    program = ag.compile((line - y).square(), inputs=[x, y], backend=backend)
    batch = np.array([[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]])
    assert isinstance(program, Program)
    assert program.backend == backend
    assert program.parameters == (w, b) and program.parameters[0] is w  # noqa: PT018
    assert program.inputs[1] is y
    assert repr(program) == "<Program of 8 nodes: 2 inputs, 2 parameters, 1 outputs, float64>"
    assert program(batch).tolist() == [0.25, 6.25, 0.25]
    assert program(batch.tolist()).tolist() == program(batch.astype(int)).tolist() == [0.25, 6.25, 0.25]
    mean, gradient = program.value_and_grad(batch)
    assert mean == pytest.approx(2.25, rel=1e-15)
    assert gradient == pytest.approx([16 / 3, 7 / 3], rel=1e-15)
    total, slopes = program.value_and_grad(batch, reduction="sum")
    assert (total, *slopes) == pytest.approx((6.75, 16.0, 7.0), rel=1e-15)
    for _ in range(2):
        assert program.backward(batch) == mean
    assert (w.grad, b.grad) == (2 * gradient[0], 2 * gradient[1])
    np.testing.assert_allclose(program.input_gradients(batch), [[2.0, -1.0], [10.0, -5.0], [2.0, -1.0]])
    assert program.sgd(batch, 0.1) == mean
    assert (w.data, b.data) == (2.0 - 0.1 * gradient[0], 0.5 - 0.1 * gradient[1])
    w.data, b.data = 0.0, 0.0
    assert program(batch).tolist() == [4.0, 16.0, 0.0]  # every call reads the Values
    nested = ag.compile([[line, x], [line * line, 3.0]], inputs=[x], backend=backend)
    assert nested(batch[:, :1]).shape == (3, 2, 2)
    assert ag.compile([line, [x, x]], inputs=[x], backend=backend)(batch[:, :1]).shape == (3, 3)
    assert ag.compile([line], inputs=[x], backend=backend)(batch[:, :1]).shape == (3, 1)
    assert ag.compile(x, inputs=[x], backend=backend)(batch[:, :1]).tolist() == [1.0, 3.0, 0.0]
    assert ag.compile(w * 2.0, inputs=[], backend=backend).input_gradients(np.empty((2, 0))).shape == (2, 0)
    assert ag.compile([w, 2.0], inputs=[], backend=backend)(np.empty((2, 0))).tolist() == [[0.0, 2.0]] * 2


def test_parameters_can_be_named_and_the_rest_is_constant_then() -> None:
    w, c, x = Value(2.0), Value(3.0), Value(1.0)
    program = ag.compile(w * x + c, inputs=[x], parameters=[w])
    assert program.parameters == (w,)
    c.data = 100.0
    assert program([[1.0]]).tolist() == [5.0]


@each_backend
def test_float32_is_what_goes_in_and_comes_out(backend: str) -> None:
    w, x = Value(1.0 / 3.0), Value(1.0)
    program = ag.compile(w * x, inputs=[x], dtype="float32", backend=backend)
    found = program(np.array([[1.0]]))
    assert found.dtype == np.float32
    assert found[0] == np.float32(1 / 3)
    assert program.value_and_grad([[3.0]])[1].dtype == np.float32
    assert program.input_gradients([[3.0]]).dtype == np.float32
    assert program(np.array([[3e38]])).tolist() == [float(np.float32(1 / 3) * np.float32(3e38))]
    program.sgd([[1.0]], 0.5)
    assert w.data == float(np.float32(1 / 3) - np.float32(0.5))


@each_backend
@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_float32_steps_leave_float32(backend: str, rule: str) -> None:
    """Quick and careful steps, of lists and of arrays; the parameters are rounded after each."""
    w, x = Value(1.0 / 3.0), Value(1.0)
    batch = np.array([[1.1], [0.3]], np.float32)
    w32 = np.float32(1.0 / 3.0)
    program = ag.compile((w * x - 2.0).square(), inputs=[x], dtype="float32", backend=backend)
    with program.session() as session:
        for given in (batch, batch, batch.tolist(), batch):
            loss = getattr(session, rule)(given, 0.1)
            assert loss == float(np.float32(loss))
            assert loss == pytest.approx(float(np.mean((w32 * batch[:, 0] - 2.0) ** 2)), rel=1e-5)
            session.write()
            w32 = np.float32(w.data)
            assert w.data == float(w32)
        with pytest.raises(FloatingPointError):
            getattr(session, rule)(batch * np.float32(1e30), 0.1)


def test_float32_of_a_tiny_graph_runs_as_python() -> None:
    w, x = Value(2.0), Value(1.0)
    program = ag.compile(w * x, inputs=[x], dtype="float32")
    assert program.backend == "python"
    with np.errstate(all="raise"):
        w.data = 1e38
        assert program([[100.0]]).tolist() == [np.inf]
        assert program.value_and_grad([[1.0]])[0] == float(np.float32(1e38))


# what is refused -----------------------------------------------------------------------------------------------------


def refused() -> list[tuple[Any, type[Exception], str]]:
    w, x = Value(1.0, "w"), Value(2.0, "x")
    y = w * x
    p = ag.compile(y, inputs=[x])
    several = ag.compile([y, x], inputs=[x])
    two = ag.compile(y, inputs=[w, x])
    return [
        (lambda: ag.compile([], inputs=[x]), ValueError, "there are no outputs to compile"),
        (lambda: ag.compile(y, inputs=[y]), GraphError, "input 0 is computed, by mul"),
        (lambda: ag.compile(y, inputs=[x, x]), GraphError, r"input 1 \('x'\) is given twice"),
        (lambda: ag.compile(y, inputs=[1.0]), TypeError, "input 0 is a float: give the Value"),
        (lambda: ag.compile(y, inputs="x"), TypeError, "inputs are Values, in a list or nested lists; got 'x'"),
        (lambda: ag.compile("y", inputs=[x]), TypeError, "str"),
        (lambda: ag.compile(y), TypeError, r"compile\(outputs, inputs=\[...\]\): name the leaves"),
        (lambda: ag.compile(lambda x: x, inputs=[x]), TypeError, "a function is compiled without inputs"),
        (lambda: ag.compile(y, [x], dtype="float16"), ValueError, "float64 or float32; got dtype 'float16'"),
        (lambda: ag.compile(y, [x], dtype="f9"), ValueError, "computes in float64 or float32; got dtype 'f9'"),
        (lambda: ag.compile(y, [x], backend="c"), ValueError, 'the backend is "numpy", "python" or "jax", or None'),
        (lambda: ag.compile(backend="c"), ValueError, 'the backend is "numpy", "python" or "jax", or None'),
        (lambda: p(np.zeros((3, 2))), ValueError, r"has shape \(rows, 1\), one column for each of its .* got \(3, 2"),
        (lambda: p(np.zeros(3)), ValueError, r"got \(3,\); for one number in each row write batch\[:, None\]"),
        (lambda: two(np.zeros(2)), ValueError, r"got \(2,\); for a single row write batch\[None, :\]"),
        (lambda: p(np.zeros((0, 1))), ValueError, "the batch has no rows: give one at least"),
        (lambda: p([[1.0], [1.0, 2.0]]), ValueError, "the rows of a batch are equally long: 1 numbers each"),
        (lambda: p([[x]]), TypeError, "not of Values or other objects: the Values are named once, as inputs"),
        (lambda: p([["a"]]), TypeError, "a batch is an array of real numbers"),
        (lambda: p([[1j]]), TypeError, "not of numbers of type complex128"),
        (lambda: several.value_and_grad([[1.0]]), ValueError, "gradient is that of one output, and this program has 2"),
        (lambda: several.backward([[1.0]]), ValueError, "compile their sum, or each by itself"),
        (lambda: several.input_gradients([[1.0]]), ValueError, "a gradient is that of one output"),
        (lambda: several.sgd([[1.0]], 0.1), ValueError, "a gradient is that of one output"),
        (lambda: p.value_and_grad([[1.0]], reduction="max"), ValueError, 'reduction is "mean" or "sum"; got \'max\''),
        (lambda: p.sgd([[1.0]], -0.1), ValueError, "learning_rate is -0.1: it must be above 0, and finite"),
        (lambda: p.sgd([[1.0]], math.nan), ValueError, "learning_rate is nan"),
    ]  # fmt: skip


@pytest.mark.parametrize("index", range(len(refused())))
def test_what_is_refused_and_how(index: int) -> None:
    call, kind, message = refused()[index]
    with pytest.raises(kind, match=message):
        call()


# sessions ------------------------------------------------------------------------------------------------------------


def small(backend: str | None = None) -> tuple[Program, list[Value], Any]:
    w, b, x, y = Value(0.5, "w"), Value(-0.25, "b"), Value(1.0), Value(0.0)
    program = ag.compile(((w * x + b).tanh() - y).square(), inputs=[x, y], backend=backend)
    return program, [w, b], np.random.default_rng(0).normal(size=(7, 2))


def numbers(values: list[Value]) -> list[float]:
    return [v.data for v in values]


@each_backend
@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_a_session_makes_the_steps_of_nn(rule: str, backend: str) -> None:
    program, values, batch = small(backend)
    _, twins, _ = small()
    make = {"sgd": lambda: nn.SGD(twins, 0.1), "adam": lambda: nn.Adam(twins, 0.1)}[rule]
    optimizer: Any = make()
    with program.session() as s:
        for _ in range(5):
            loss = getattr(s, rule)(batch, 0.1)
            w, b = twins
            total = ag.mean([((w * x + b).tanh() - y).square() for x, y in batch.tolist()])
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
            assert loss == pytest.approx(total.data, rel=1e-13)
        assert numbers(values) == [0.5, -0.25]  # until it ends
        with_session = [((w * x + b).tanh() - y).square().data for x, y in batch.tolist()]
        assert program(batch) == pytest.approx(with_session, rel=1e-12)  # the program computes with its numbers
        s.write()
        assert numbers(values) == pytest.approx(numbers(twins), rel=1e-12)
    assert numbers(values) == pytest.approx(numbers(twins), rel=1e-12)


@each_backend
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_whatever_ends_a_session_the_values_get_the_last_complete_step(error: Any, backend: str) -> None:
    program, values, batch = small(backend)
    with program.session() as s:
        s.sgd(batch, 0.1)
        s.sgd(batch, 0.1)
    expected = numbers(values)
    program, values, batch = small(backend)

    def end() -> None:
        with program.session() as s:
            s.sgd(batch, 0.1)
            s.sgd(batch, 0.1)
            raise error

    with pytest.raises(error):
        end()
    assert numbers(values) == expected
    program.sgd(batch, 0.1)  # and another session can be opened


def test_ctrl_c_while_the_values_are_written_writes_them_first() -> None:
    program, values, batch = small()
    with program.session() as s:
        s.sgd(batch, 0.1)
    expected = numbers(values)
    w, b, x, y = interrupting(0.5, 0), Value(-0.25), Value(1.0), Value(0.0)
    program = ag.compile(((w * x + b).tanh() - y).square(), inputs=[x, y])

    def end() -> None:
        with program.session() as s:
            s.sgd(batch, 0.1)
            w.times = 3

    with pytest.raises(KeyboardInterrupt):
        end()
    assert [w.data, b.data] == expected


def test_ctrl_c_at_any_line_of_a_step_leaves_a_complete_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trace function raises at every line that the step runs, one line a run."""
    import sys

    program, values, batch = small("numpy")
    program.value_and_grad(batch)
    complete = [numbers(values)]
    for _ in range(3):
        with program.session() as s:
            s.adam(batch, 0.1)
        complete.append(numbers(values))
    files = {session.__file__, session.rules.__file__, str(Path(session.__file__).with_name("bound.py"))}
    for stop in range(1, 400):
        for value, start in zip(values, complete[0], strict=True):
            value.data = start
        left = stop

        def tracer(frame: Any, event: str, argument: Any) -> Any:
            nonlocal left
            if frame.f_code.co_filename not in files or frame.f_code.co_name in ("__exit__", "write", "assign"):
                return None
            if event == "line":
                left -= 1
                if left == 0:
                    raise KeyboardInterrupt
            return tracer

        stopped = False
        try:
            with program.session() as s:
                before = sys.gettrace()  # of coverage, which would be blind from here on
                sys.settrace(tracer)
                try:
                    s.adam(batch, 0.1)
                finally:
                    sys.settrace(before)
        except KeyboardInterrupt:
            stopped = True
        assert numbers(values) in complete[:2]
        if not stopped:
            break
    assert 10 < stop < 399


@each_backend
def test_a_step_that_is_not_finite_is_not_made(backend: str) -> None:
    w, x = Value(1.0, "w"), Value(1.0)
    program = ag.compile(w * x, inputs=[x], backend=backend)
    with program.session() as s:
        s.sgd([[1.0]], 0.5)
        with pytest.raises(
            FloatingPointError, match="a step of learning rate 1e\\+10 takes w to -inf: no parameter was"
        ):
            s.sgd([[1e300]], 1e10)
        with pytest.raises(FloatingPointError, match="the loss is nan: no parameter was changed"):
            s.sgd([[math.nan]], 0.5)
        assert s.sgd([[1.0]], 0.5) == 0.5
    assert w.data == 0.0
    with ag.ieee():
        program.sgd([[math.inf]], 0.5)
    assert w.data == -math.inf


def test_a_session_has_one_rule_and_a_program_one_session() -> None:
    program, _, batch = small()
    with program.session() as s:
        s.sgd(batch, 0.1)
        with pytest.raises(GraphError, match="this session makes steps of sgd: open another one for adam"):
            s.adam(batch, 0.1)
        with pytest.raises(GraphError, match="a session of this program is open already"):
            program.sgd(batch, 0.1)


# nan, inf, domains ---------------------------------------------------------------------------------------------------


@each_backend
def test_a_domain_error_names_the_node_and_the_row(backend: str) -> None:
    w, x = Value(1.0, "h1.w"), Value(1.0, "x")
    total = w * x
    total.name = "h1.s"
    program = ag.compile(total.log().sigmoid(), inputs=[x], backend=backend)
    batch = np.array([[1.0], [2.0], [-3.0], [0.0]])
    for call in (program, program.value_and_grad, program.input_gradients, lambda b: program.sgd(b, 0.1)):
        with pytest.raises(DomainError, match=r"^log\(h1\.s = -3\.0\) is not defined: its domain is x > 0") as caught:
            call(batch)
        assert caught.value.__notes__[0].startswith("in row 2 of the batch, at log (node ")
    assert w.data == 1.0
    with ag.ieee():
        found = program(batch)
    assert np.isnan(found[2])
    assert found[3] == 0.0


@each_backend
def test_what_the_eager_engine_lets_pass_passes(backend: str) -> None:
    x, y = Value(1.0), Value(1.0)
    program = ag.compile(x * y + x, inputs=[x, y], backend=backend)
    batch = np.array([[1e200, 1e200], [math.nan, 1.0], [math.inf, 1.0], [math.inf, -1.0]])
    found = program(batch)
    assert found[0] == found[2] == math.inf
    assert np.isnan(found[[1, 3]]).all()
    root = ag.compile(x.sqrt(), inputs=[x], backend=backend)
    assert root.input_gradients([[0.0]]).tolist() == [[math.inf]]


def test_every_index_of_a_batch_is_held_to_its_own_values() -> None:
    i, j, x = Value(0.0), Value(1.0), Value(0.5)
    values = [Value(float(k)) for k in range(4)]
    silent = Silent(record_tape([ag.take(values, j) * x + ag.take(values[:2], i)], [i, x, j]))
    assert silent.indices == [(0, 2), (2, 4)]
    assert not silent.suspects(np.array([[0.0, 7.5, 3.0], [1.0, -0.0, 0.0]]))
    for row in ([2.0, 0.0, 0.0], [0.0, 0.0, 4.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 0.5], [math.nan, 0.0, 0.0]):
        assert silent.suspects(np.array([[0.0, 7.5, 3.0], row]))
    assert not Silent(record_tape([x * x], [x])).suspects(np.array([[math.nan]]))


@each_backend
def test_an_index_outside_and_bounds_in_disorder_are_found(backend: str) -> None:
    v, i, low = [Value(1.0), Value(2.0)], Value(0.0, "i"), Value(0.0, "low")
    program = ag.compile(ag.take(v, i), inputs=[i], backend=backend)
    assert program([[1.0], [0.0]]).tolist() == [2.0, 1.0]
    for bad in (2.0, -1.0, 0.5, math.nan):
        with pytest.raises(DomainError, match=r"^take\(i = .* is not defined: the index is a whole number") as caught:
            program([[1.0], [bad]])
        assert "in row 1 of the batch" in caught.value.__notes__[0]
        with ag.ieee():
            assert np.isnan(program([[1.0], [bad]])[1])
    held = ag.compile(ag.clip(v[0], low, 1.0), inputs=[low], backend=backend)
    assert held([[0.5]]).tolist() == [1.0]
    with pytest.raises(DomainError, match=r"^clip\(1\.0, low = 2\.0, 1\.0\)"):
        held([[0.5], [2.0]])


@each_backend
def test_anomalies_name_node_row_and_line(backend: str) -> None:
    x = Value(0.0, "x")
    with ag.detect_anomaly():
        big = x * 1e200
        big.name = "big"
        result = big * big
    program = ag.compile(result, inputs=[x], backend=backend)
    assert program([[1.0]]).tolist() == [math.inf]
    with ag.detect_anomaly():
        with pytest.raises(
            ag.AnomalyError, match=r"forward: mul\(1e\+200, 1e\+200\) gives inf at .*result = big \* big"
        ) as e:
            program([[0.0], [1.0]])
        assert "in row 1 of the batch" in e.value.__notes__[0]
        root = ag.compile(x.sqrt(), inputs=[x], backend=backend)
        with pytest.raises(ag.AnomalyError, match="backward: sqrt sends inf to its operand 'x'"):
            root.input_gradients([[0.0]])
        with pytest.raises(DomainError):
            root([[-1.0]])
        assert root([[4.0]]).tolist() == [2.0]


def test_large_graphs_are_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from autograd.compiler import faults

    monkeypatch.setattr(faults, "CELLS", 10)
    x = Value(1.0)
    program = ag.compile(x.log() + 1.0, inputs=[x], backend="numpy")
    with pytest.raises(DomainError) as caught:
        program(np.array([[1.0]] * 17 + [[-1.0]]))
    assert "in row 17 of the batch" in caught.value.__notes__[0]


# functions -----------------------------------------------------------------------------------------------------------


def test_a_function_is_traced_once_for_each_shape() -> None:
    calls = 0

    @ag.compile
    def loss(w: Any, x: Any, y: Any, power: int = 2) -> Any:
        """Of a line."""
        nonlocal calls
        calls += 1
        return (ag.dot(w, x) - y) ** power

    w, xs, ys = [Value(1.0, "w1"), Value(-1.0, "w2")], np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([0.0, 1.0])
    assert loss(w, xs, ys).tolist() == [1.0, 9.0]
    made = calls
    assert loss(w, xs[:1], ys[:1]).tolist() == [1.0]
    value, gradient = loss.value_and_grad(w, xs, ys)
    assert value == 5.0
    assert gradient.tolist() == [-10.0, -17.0]
    assert calls == made
    assert loss(w, xs, ys, power=3).tolist() == [-1.0, -27.0]
    assert calls > made
    program = loss.program(w, xs, ys)
    assert program.parameters[0] is w[0]
    assert [x.name for x in program.inputs] == ["x[0]", "x[1]", "y"]
    assert loss.batch(w, xs, ys).tolist() == [[1.0, 2.0, 0.0], [3.0, 5.0, 1.0]]
    assert loss.backward(w, xs, ys) == 5.0
    assert w[0].grad == -10.0
    assert loss.sgd(w, xs, ys, learning_rate=0.1) == 5.0
    assert w[0].data == 2.0
    eager = loss(w, [1.0, 2.0], 0.0)  # without an array it is the function itself
    assert eager.op.name == "pow"
    assert loss.__name__ == "loss"
    assert loss.__doc__ == "Of a line."
    assert "2 rows" in str(loss.explain(w, xs, ys))


def test_what_a_function_finds_is_a_parameter_and_what_it_makes_is_a_constant() -> None:
    w = Value(2.0)
    f = ag.compile(lambda x: w * x + Value(1.0))
    assert f(np.array([1.0, 2.0])).tolist() == [3.0, 5.0]
    assert f.program(np.array([1.0])).parameters == (w,)


def frozen() -> list[tuple[Any, str]]:
    import random

    chance, count = random.Random(1), iter(range(1, 99))
    table = [Value(0.0), Value(0.0)]
    return [
        (
            lambda x: x if x > 0 else -x,
            r"<lambda> cannot be compiled \(test_program\.py:\d+\): .*comparison, gt",
        ),
        (lambda x: max(x, x * 2.0), "comparison, gt"),
        (lambda x: x * 2.0 if x else x, "whether a number is 0"),
        (lambda x: x * 2.0 if peek(x) > 0 else x + 1.0, "for row 2 than for row 0: .* in place of "),
        (lambda x: x * max(peek(x), 0.5), r"the constant 0\.5 in place of 1\.0, an operand of mul"),
        (lambda x: x * Value(peek(x)), "the constant"),
        (lambda x: x * chance.random(), "random numbers, which are others when it is called again"),
        (lambda x: x * next(count), "for row 0 when it is called again: the constant"),
        (lambda x: table[int(peek(x) > 0)] * x, "row 2 depends on other parameters than row 0"),
        (lambda x: x * random.random(), "random numbers, which are others when it is called again"),
        (lambda x: x * x.data, r"\(test_program\.py:\d+\): the function looks at data \(data of a number\)"),
        (lambda x: 3.0, r"returned the plain number 3\.0: its graph was lost on the way"),
        (lambda x: None, "returned NoneType: a program computes a Value"),
        (lambda x: [], "returned list"),
    ]


@pytest.mark.parametrize("index", range(len(frozen())))
def test_control_flow_on_data_is_refused(index: int) -> None:
    function, message = frozen()[index]
    with pytest.raises(CompileError, match=message):
        ag.compile(function)(np.array([1.0, 0.25, -1.0]))
    assert (Value(1.0) > 0) is True  # and outside of tracing comparisons are what they were


def test_other_threads_may_compare_while_one_traces() -> None:
    found: list[Any] = []

    def function(x: Value) -> Value:
        thread = threading.Thread(target=lambda: found.append(Value(1.0) < Value(2.0)))
        thread.start()
        thread.join()
        return x * 2.0

    assert ag.compile(function)(np.array([1.0])).tolist() == [2.0]
    assert set(found) == {True}


def test_the_operations_for_it_compile() -> None:
    xs = np.array([[1.0, -2.0, 0.0], [0.5, 3.0, 2.0]])
    u, v, _ = xs.T
    assert ag.compile(lambda x: ag.maximum(x[0], x[1]))(xs).tolist() == np.maximum(u, v).tolist()
    chosen = ag.compile(lambda x: ag.where(ag.relu(x[0] - x[1]), x[0] * 2.0, x[1]))(xs)
    assert chosen.tolist() == np.where(u > v, 2 * u, v).tolist()
    assert ag.compile(lambda x: ag.take([x[0], x[1], x[1] * 2.0], x[2]))(xs).tolist() == [1.0, 6.0]
    assert ag.compile(lambda x: ag.logsumexp(x))(xs) == pytest.approx(np.log(np.exp(xs).sum(1)))


def test_arrays_that_do_not_fit() -> None:
    f = ag.compile(lambda x, y: x * y)
    with pytest.raises(ValueError, match="<lambda> was called with arrays of 2, 3 rows: the first axis"):
        f(np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="arrays without rows: the batch is empty"):
        f(np.ones(0), np.ones(0))
    with pytest.raises(TypeError, match="<lambda> takes arrays of real numbers, not of <U1"):
        f(np.array(["a"]), np.ones(1))
    with pytest.raises(ValueError, match="was called without an array: there is no batch to run over"):
        f.value_and_grad(Value(1.0), Value(2.0))
    with pytest.raises(DomainError) as caught:
        ag.compile(lambda x: x.log())(np.array([-1.0, 1.0]))
    assert "while <lambda> was traced with row 0 of the batch" in caught.value.__notes__


def test_an_embedding_learns_its_rows() -> None:
    chance = np.random.default_rng(0)
    table = [[Value(chance.normal()) for _ in range(3)] for _ in range(5)]
    f = ag.compile(lambda token: [ag.take([row[d] for row in table], token) for d in range(3)])
    tokens = np.array([4, 0, 2, 4])
    data = np.array([[v.data for v in row] for row in table])
    assert f(tokens).tolist() == data[tokens].tolist()
    total = ag.compile(lambda token: ag.sum([ag.take([row[d] for row in table], token) for d in range(3)]))
    total.backward(tokens, reduction="sum")
    assert [row[0].grad for row in table] == [1.0, 0.0, 1.0, 0.0, 2.0]


# plans, threads, explanations ----------------------------------------------------------------------------------------


def test_programs_of_one_structure_share_a_plan_and_keep_their_numbers() -> None:
    plans.forget()
    made = []
    for start in (1.0, 2.0):
        w, x = Value(start), Value(1.0)
        made.append(ag.compile((w * x).sin(), inputs=[x], backend="numpy"))
    a, b = made
    assert a([[1.0]]) == np.sin(1.0)
    assert b([[1.0]]) == np.sin(2.0)
    assert a([[1.0]]) == np.sin(1.0)
    assert a.bound(1).plan is b.bound(1).plan
    other = ag.compile((w * x).cos(), inputs=[x], backend="numpy")
    assert other.bound(1).plan is not a.bound(1).plan
    assert not a.bound(1).plan.schedule.tape.leaves  # type: ignore[attr-defined]


def test_no_more_plans_are_kept_than_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    plans.forget()
    monkeypatch.setattr(plans, "ENTRIES", 3)
    x = Value(1.0)
    for i in range(6):
        ag.compile(x * float(i + 2), inputs=[x], backend="numpy")([[1.0]])
    assert len(plans._kept) <= 3


@each_backend
def test_threads_share_a_program(backend: str) -> None:
    program, _, _ = small(backend)
    chance = np.random.default_rng(1)
    work = [chance.normal(size=(rows, 2)) for rows in (1, 2, 3, 1, 5, 2)]
    expected = [program(batch).tolist() for batch in work]
    found: list[Any] = [None] * len(work)

    def run(i: int) -> None:
        for _ in range(20):
            found[i] = program(work[i]).tolist()
            assert found[i] == expected[i]

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


def test_the_backend_is_chosen_and_can_be_forced() -> None:
    program, _, batch = small()
    program(batch[:1])
    assert program.backend == "python"
    program(np.repeat(batch, 2000, axis=0))
    assert program.backend == "numpy"
    assert small("numpy")[0].backend == "numpy"


def test_an_explanation_as_text_and_as_data() -> None:
    model = nn.MLP(2, [4, 1], "tanh", seed=0)
    x, y = [Value(0.0), Value(0.0)], Value(0.0)
    program = ag.compile((model(x) - y).square(), inputs=[*x, y], backend="numpy")
    program.value_and_grad(np.zeros((100, 3)))
    found = program.explain()
    assert found.data["nodes"] == len(program.tape)
    assert found.data["parameters"] == 17
    assert found.data["operations"] == {"dot": 5, "tanh": 4, "sub": 1, "square": 1}
    kinds = [(g["kind"], g["operation"], g["nodes"]) for g in found.data["groups"]]
    assert ("matrix product", "", 4) in kinds
    assert ("each", "tanh", 4) in kinds
    assert found.data["calls"] > 5
    assert found.data["memory"] > 100 * 8 * 10
    text = str(found)
    assert "100 rows by numpy (float64): it was asked for" in text
    assert re.search(r"matrix product +4x3 by 3x1 +4 nodes", text)
    assert program.explain(3).data["rows"] == 3
    assert found.data["slow"] == []
    computed = ag.compile(ag.take([x[0], x[1]], y.floor()), inputs=[*x, y])
    assert "slow: every batch is looked at node by node first" in str(computed.explain())
    assert "1 row by python" in str(small()[0].explain(1))


def test_the_interpreted_plan_is_the_yardstick() -> None:
    program, _, batch = small("numpy")
    bound = program.ready(program.rows(batch))
    gradient = np.zeros(2)
    run = InterpretedPlan(program.tape).bind(len(batch), bound.in_tape_order(bound.theta), gradient)
    mean, slopes = program.value_and_grad(batch)
    assert run.backward(batch) == pytest.approx(mean, rel=1e-14)
    assert gradient == pytest.approx(slopes, rel=1e-13)
    assert run.forward(batch)[:, 0] == pytest.approx(program(batch), rel=1e-14)
    assert run.input_gradients(batch) == pytest.approx(program.input_gradients(batch), rel=1e-13)


# docs/compiling.md ---------------------------------------------------------------------------------------------------

SNIPPETS = snippets("docs/compiling.md")


@pytest.mark.slow
@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_the_snippets_of_the_documentation_print_what_they_say(snippet: str) -> None:
    if 'backend="jax"' in snippet:
        pytest.importorskip("jax", reason="JAX is not installed: pip install 'glassgrad[jax]'")
    check_snippet(snippet)


def test_the_collector_is_paused_while_a_function_is_traced() -> None:
    seen = []
    program = ag.compile(lambda x: seen.append(gc.isenabled()) or x.sin())
    program(np.array([1.0, 2.0]))
    assert seen
    assert not any(seen)
    assert gc.isenabled()
    with pytest.raises(RuntimeError, match="no"):
        ag.compile(raises)(np.array([1.0]))
    assert gc.isenabled()


def raises(x: Value) -> Value:
    raise RuntimeError("no")
