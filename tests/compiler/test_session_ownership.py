"""A session owns its parameters: rules get arrays of their own, sessions do not share, and edits between are read."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import GraphError, Value

CHANCE = np.random.default_rng(3)
BATCH = CHANCE.normal(size=(12, 3))


def program(dtype: str = "float64", backend: str | None = None) -> tuple[Any, list[Value]]:
    w = [Value(0.3 * i - 0.5, name=f"w{i}") for i in range(3)]
    x = [Value(0.0) for _ in range(3)]
    loss = (ag.dot(w[:2], x[:2], w[2]).tanh() - x[2]).square()
    return ag.compile(loss, inputs=x, parameters=w, dtype=dtype, backend=backend), w


def reference(rule: Callable[[Any, Any, Any], Any], steps: int, **options: Any) -> list[float]:
    """The same steps, each from fresh arrays that nobody else has."""
    made, w = program(**options)
    memory: Any = None
    for _ in range(steps):
        _, gradient = made.value_and_grad(BATCH)
        numbers = np.array([v.data for v in w], made.dtype)
        numbers, memory = rule(numbers.copy(), gradient.astype(made.dtype), memory)
        for value, number in zip(w, numbers.tolist(), strict=True):
            value.data = number
    return [v.data for v in w]


class Keeping:
    """Rules that keep what they are given, or return what they keep: each with its plain twin."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.velocity: Any = 0.0

    def kept_gradients(self, numbers: Any, gradient: Any, memory: Any) -> Any:
        self.seen.append(gradient)
        return numbers - 0.1 * sum(0.5**i * g for i, g in enumerate(reversed(self.seen))), None

    def kept_numbers(self, numbers: Any, gradient: Any, memory: Any) -> Any:
        self.seen.append(numbers)
        return self.seen[0] - 0.1 * gradient + 0.5 * (numbers - self.seen[0]), None

    def outside(self, numbers: Any, gradient: Any, memory: Any) -> Any:
        self.velocity = 0.9 * self.velocity + gradient
        return numbers - 0.1 * self.velocity, None

    def ordinary(self, numbers: Any, gradient: Any, memory: Any) -> Any:
        memory = gradient if memory is None else 0.9 * memory + gradient
        return numbers - 0.1 * memory, memory

    def in_place_of_memory(self, numbers: Any, gradient: Any, memory: Any) -> Any:
        if memory is None:
            memory = np.zeros_like(gradient)
        memory *= 0.9
        memory += gradient
        return numbers - 0.1 * memory, memory

    def nested_memory(self, numbers: Any, gradient: Any, memory: Any) -> Any:
        memory = memory or {"v": np.zeros_like(gradient), "all": [], "t": 0}
        memory["v"] *= 0.5
        memory["v"] += gradient
        memory["all"].append(gradient)
        memory["t"] += 1
        return numbers - 0.1 * memory["v"] / memory["t"] - 0.01 * memory["all"][0], memory

    def returned_array_changed(self, numbers: Any, gradient: Any, memory: Any) -> Any:
        for array in self.seen:
            array += 100.0
        found = numbers - 0.1 * gradient
        self.seen = [found]
        return found, None


RULES = [name for name in vars(Keeping) if not name.startswith("_")]


@pytest.mark.parametrize(
    "options", [{"backend": "numpy"}, {"backend": "python"}, {"backend": "numpy", "dtype": "float32"}]
)
@pytest.mark.parametrize("name", RULES)
def test_a_rule_may_keep_what_it_gets_and_change_what_it_returned(name: str, options: Any) -> None:
    if name == "returned_array_changed":
        expected = reference(lambda numbers, gradient, memory: (numbers - 0.1 * gradient, None), 6, **options)
    else:
        expected = reference(getattr(Keeping(), name), 6, **options)
    made, w = program(**options)
    with made.session() as s:
        rule = getattr(Keeping(), name)
        for _ in range(6):
            s.step(BATCH, rule)
    assert [v.data for v in w] == pytest.approx(expected, rel=1e-12 if "dtype" not in options else 1e-5)


def subtract(numbers: Any, gradient: Any, memory: Any) -> Any:
    numbers -= 0.1 * gradient
    return numbers, memory


def scale(numbers: Any, gradient: Any, memory: Any) -> Any:
    gradient *= np.inf
    return numbers, memory


def put(numbers: Any, gradient: Any, memory: Any) -> Any:
    numbers[0] = np.inf
    return numbers, memory


@pytest.mark.parametrize("backend", ["numpy", "python"])
@pytest.mark.parametrize("rule", [subtract, scale, put])
def test_a_rule_that_writes_to_what_it_gets_is_told_and_nothing_changes(rule: Any, backend: str) -> None:
    made, w = program(backend=backend)
    with made.session() as s:
        s.step(BATCH, lambda numbers, gradient, memory: (numbers - 0.1 * gradient, memory))
        s.write()
        before = [v.data for v in w]
        with pytest.raises(ValueError, match="read-only") as caught:
            s.step(BATCH, rule)
        assert caught.value.__notes__ == [
            "a rule's numbers and gradient are read-only: return new ones, as numbers - gradient"
        ]
    assert [v.data for v in w] == before


@pytest.mark.parametrize("backend", ["numpy", "python"])
def test_a_refused_step_leaves_the_memory_of_the_step_before(backend: str) -> None:
    made, w = program(backend=backend)

    def rule(numbers: Any, gradient: Any, memory: Any) -> Any:
        memory = np.zeros_like(gradient) if memory is None else memory
        memory += 1.0
        return numbers * (np.inf if memory[0] == 3.0 and not calm else 1.0) - 0.0 * gradient, memory

    calm = False
    with made.session() as s:
        s.step(BATCH, rule)
        s.step(BATCH, rule)
        with pytest.raises(FloatingPointError, match="no parameter was changed"), np.errstate(all="ignore"):
            s.step(BATCH, rule)
        calm = True
        s.step(BATCH, rule)
        assert s.memory_in_order().tolist() == [3.0] * 3
    assert all(np.isfinite(v.data) for v in w)


def test_two_sessions_do_not_share_a_parameter() -> None:
    one, w = program()
    x = Value(0.0)
    other = ag.compile((w[1] * x - 1.0).square(), inputs=[x], parameters=[w[1]])
    apart = ag.compile((Value(2.0) * x).square(), inputs=[x])
    with one.session() as s:
        s.sgd(BATCH, 0.1)
        with pytest.raises(GraphError, match="a session over w1 is open already: end that one first"), other.session():
            pass
        with pytest.raises(GraphError, match="a session over w1 is open already"):
            other.sgd([[1.0]], 0.1)
        with pytest.raises(GraphError, match="a session of this program is open already"), one.session():
            pass
        with apart.session() as t:
            t.sgd([[1.0]], 0.1)
        found: list[str] = []

        def elsewhere() -> None:
            try:
                other.sgd([[1.0]], 0.1)
            except GraphError as error:
                found.append(str(error))

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert found
        history = nn.fit(lambda row: w[1] * row[0], [[1.0]], [2.0], loss="squared_error", optimizer=nn.SGD([w[1]], 0.1),
                         steps=1, progress=False)  # fmt: skip
        assert history.engine.startswith("eager: a session over w1 is open already")
    other.sgd([[1.0]], 0.1)
    with pytest.raises(ZeroDivisionError), one.session():
        raise ZeroDivisionError
    with other.session():
        pass
    left = one.session()
    left.__enter__()
    one._session = None
    del left  # nobody can end it any more
    with other.session():
        pass


@pytest.mark.parametrize("backend", ["numpy", "python"])
@pytest.mark.parametrize("rule", ["sgd", "adam", "step"])
def test_a_session_that_is_entered_again_reads_what_was_written_between(rule: str, backend: str) -> None:
    made, w = program(backend=backend)
    twin, v = program(backend=backend)

    def move(s: Any) -> None:
        if rule == "step":
            s.step(BATCH, lambda numbers, gradient, memory: (numbers - 0.1 * gradient, memory))
        else:
            getattr(s, rule)(BATCH, 0.1)

    session = made.session()
    with session as s:
        move(s)
    w[0].data = v[0].data = 2.5
    for a, b in zip(w[1:], v[1:], strict=True):
        b.data = a.data
    with session as s:
        assert made(BATCH).tolist() == twin(BATCH).tolist()
        s.sgd(BATCH, 0.1) if rule == "sgd" else None
    if rule == "sgd":
        twin.sgd(BATCH, 0.1)
        assert [a.data for a in w] == [b.data for b in v]
    else:
        assert w[0].data == 2.5


def test_what_is_written_while_it_is_open_counts_after_read() -> None:
    made, w = program()
    with made.session() as s:
        s.sgd(BATCH, 0.1)
        w[0].data = 9.0  # not read, and lost at the end
    assert w[0].data != 9.0
    with made.session() as s:
        s.sgd(BATCH, 0.1)
        w[0].data = 9.0
        s.read()
    assert w[0].data == 9.0
