"""What is compiled by default is the same function: looks at numbers are seen, and what is not is found on rows."""

import copy
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import autograd as ag
import nn
from autograd import CompileError, Value
from autograd.compiler.watching import behind
from nn import MLP, SGD, Optimizer, fit, predict

ROWS = [(0.1 * i, 1.0 - 0.07 * i) for i in range(20)]
TARGETS = [0.3 * x - y for x, y in ROWS]

# looks at a number, of whatever number: an input, a parameter, what was computed -----------------------------------

LOOKS: dict[str, Callable[[Any], object]] = {
    "data": lambda v: v.data > 0.5,
    "getattr": lambda v: getattr(v, "data", v) > 0.5,
    "private": lambda v: v._data > 0.5,
    "grad": lambda v: v.grad > 0.5,
    "has_grad": lambda v: v.has_grad,
    "operands": lambda v: len(v.operands),
    "partials": lambda v: len(v.partials),
    "f-string": lambda v: f"{v:.3f}"[0] == "-",
    "format": lambda v: f"{v:.1e}",
    "str": lambda v: str(v)[11] == "-",
    "repr": lambda v: len(repr(v)) > 20,
    "bool": lambda v: bool(v),
    "not": lambda v: not v,
    "and": lambda v: v and 1.0,
    "equal": lambda v: v == 0.5,
    "unequal": lambda v: v != 0.5,
    "less": lambda v: v < 0.5,
    "greater": lambda v: v >= 0.5,
    "reflected": lambda v: 0.5 < v,  # noqa: SIM300
    "in": lambda v: v in [0.5, 1.5],
    "max": lambda v: max(v, 0.5),
    "sorted": lambda v: sorted([v, 0.5]),
    "numpy maximum of objects": lambda v: np.max(np.array([v, v * 2.0], dtype=object)),
    "numpy order": lambda v: np.sort(np.array([v, v * 2.0], dtype=object)),
    "detach": lambda v: v.detach(),
    "copy": lambda v: copy.copy(v),
    "deepcopy": lambda v: copy.deepcopy(v),
    "no_grad": lambda v: quietly(v),
    "set data": lambda v: setattr(v, "data", 1.0),
    "derivative": lambda v: ag.grad(lambda t: t * v)(2.0),
    "jacobian": lambda v: ag.jacobian(lambda t: [t * v])(2.0),
    "swallowed": lambda v: swallowed(v),
    "generator": lambda v: any(x.data > 9.0 for x in [v]),
}


def quietly(v: Any) -> Any:
    with ag.no_grad():
        return v * 2.0


def swallowed(v: Any) -> float:
    try:
        return float(v.data > 0.5)
    except Exception:
        return 0.0


WHERE = ["input", "parameter", "computed", "frozen", "of the loss"]


def looking(look: Callable[[Any], object], where: str, model: MLP, seen: list[Any]) -> tuple[Any, Any]:
    """A model and a loss that look at a number somewhere, and do the same whatever they see."""
    frozen = Value(0.25)

    def forward(row: Any) -> Any:
        if where == "input" and isinstance(row[0], Value):
            seen.append(look(row[0]))
        if where == "parameter":
            seen.append(look(model.layers[0].neurons[0].w[0]))
        if where == "frozen":
            seen.append(look(frozen))
        found: Any = model(row)
        if where == "computed":
            seen.append(look(found))
        return found

    def loss(prediction: Any, target: Any) -> Any:
        if where == "of the loss":
            seen.append(look(prediction))
        return (prediction - target).square()

    return forward, loss


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("name", LOOKS)
def test_a_look_at_a_number_makes_the_training_eager_and_names_the_line(name: str, where: str) -> None:
    found = []
    for compile in (None, False):
        model = MLP(2, [2, 1], "tanh", seed=3)
        forward, loss = looking(LOOKS[name], where, model, [])
        history = fit(forward, ROWS, TARGETS, loss=loss, optimizer=SGD(model.parameters(), 0.05), steps=3,
                      progress=False, compile=compile)  # fmt: skip
        found.append((history.losses, model.state_dict()))
        if compile is None:
            assert history.engine.startswith("eager: the loss of a row cannot be compiled (test_same_function.py:")
            assert "the function looks at data" in history.engine
    assert found[0] == found[1]
    model = MLP(2, [2, 1], "tanh", seed=3)
    forward, loss = looking(LOOKS[name], where, model, [])
    with pytest.raises(CompileError, match=r"\(test_same_function\.py:\d+\): the function looks at data"):
        fit(forward, ROWS, TARGETS, loss=loss, optimizer=SGD(model.parameters(), 0.05), steps=3, compile=True)
    assert all(type(p) is Value for p in model.parameters())


@pytest.mark.parametrize("where", ["input", "parameter", "computed", "frozen"])
@pytest.mark.parametrize("name", LOOKS)
def test_a_look_at_a_number_makes_predictions_eager(name: str, where: str) -> None:
    model = MLP(2, [2, 1], "tanh", seed=3)
    forward, _ = looking(LOOKS[name], where, model, [])
    many = ROWS * 4
    with pytest.raises(CompileError, match=r"\(test_same_function\.py:\d+\): the function looks at data"):
        predict(forward, many, compile=True)
    assert predict(forward, many).tolist() == predict(forward, many, compile=False).tolist()
    assert all(type(p) is Value for p in model.parameters())


def test_the_inputs_of_the_fault_list() -> None:
    chance = random.Random(0)
    xs = [(chance.uniform(-1, 1),) for _ in range(200)]
    ys = [0.5 * x + (20.0 if i % 50 == 7 else 0.0) for i, (x,) in enumerate(xs)]

    def huber(prediction: Any, target: Any) -> Any:
        e = prediction - target
        return 0.5 * e.square() if abs(e.data) < 1.0 else 1.0 * (abs(e) - 0.5)

    found = []
    for compile in (None, False):
        w = Value(0.0)
        history = fit(lambda row, w=w: w * row[0], xs, ys, loss=huber, optimizer=SGD([w], 0.1), steps=5,
                      progress=False, compile=compile)  # fmt: skip
        found.append(history.losses)
    assert found[0] == found[1]

    def leaky(row: Any) -> Any:
        s = 2.0 * row[0] if isinstance(row[0], Value) else Value(2.0 * row[0])
        return s if s.data > -1 else s * 0.1

    rows = [[0.1 * i] for i in range(-25, 75)]
    assert predict(leaky, rows)[0] == -0.5
    steep = Value(1.0)
    rare = lambda x: steep * x[0] * (10.0 if getattr(x[0], "data", x[0]) > 3 else 1.0)  # noqa: E731
    assert predict(rare, [[0.01 * i] for i in range(200)] + [[4.0]])[-1] == 40.0


# what no tracing sees -------------------------------------------------------------------------------------------------


class Counting:
    """Hangs on how often it was called: from some call on it computes something else."""

    def __init__(self, model: Any, after: int) -> None:
        self.model, self.after, self.calls = model, after, 0

    def __call__(self, row: Any) -> Any:
        self.calls += 1
        found = self.model(row)
        return found * 2.0 if self.calls > self.after else found


def rule(name: str, parameters: Any) -> Optimizer[Any]:
    if name == "own":
        return Own(parameters, 0.05)
    return nn.Adam(parameters, 0.05) if name == "adam" else SGD(parameters, 0.05, momentum=0.9)


class Own(SGD):
    """An optimiser of the user's, with a memory of its own."""

    def __init__(self, parameters: Any, learning_rate: float) -> None:
        super().__init__(parameters, learning_rate)
        self.velocity = [0.0] * len(self.parameters)

    def step(self) -> None:
        for i, parameter in enumerate(self.parameters):
            self.velocity[i] = 0.9 * self.velocity[i] + parameter.grad
            parameter.data -= self.learning_rate * self.velocity[i]


@pytest.mark.parametrize("batch_size", [None, 6])
@pytest.mark.parametrize("name", ["adam", "momentum", "own"])
@pytest.mark.parametrize("flips", [0, 1, 3, 5, 8, 9, 30, 39])
def test_a_switch_in_the_middle_of_a_training_is_found_and_the_training_put_back(
    flips: int, name: str, batch_size: int | None
) -> None:
    found = []
    for compile in (None, False):
        model = MLP(2, [3, 1], "tanh", seed=3)
        state = {"scale": 1.0}

        def schedule(made: int, state: Any = state) -> float:
            state["scale"] = 2.0 if made >= flips else 1.0
            return 1.0 / (1 + made)

        history = fit(lambda row, m=model, s=state: m(row) * s["scale"], ROWS, TARGETS, loss="squared_error",
                      optimizer=rule(name, model.parameters()), steps=40, batch_size=batch_size,
                      held_out=(ROWS[:3], TARGETS[:3]), held_out_every=4, schedule=schedule, progress=False,
                      restore_best=True, compile=compile)  # fmt: skip
        found.append((history, model.state_dict()))
    (lazy, numbers), (eager, twins) = found
    assert lazy.engine.startswith("eager: at step ")
    assert "it hangs on more than the row and the parameters" in lazy.engine
    assert lazy.losses == pytest.approx(eager.losses, rel=1e-9)
    assert numbers == pytest.approx(twins, rel=1e-8)
    assert [s for s, _ in lazy.held_out] == [s for s, _ in eager.held_out]
    assert [x for _, x in lazy.held_out][flips == 0 :] == pytest.approx(
        [x for _, x in eager.held_out][flips == 0 :], rel=1e-8
    )
    assert lazy.restored == eager.restored


def test_a_schedule_in_the_model_is_found_and_compile_true_raises() -> None:
    for compile in (None, True):
        model = Counting(MLP(2, [3, 1], "tanh", seed=3), 3)  # two calls of the trace, one at step 1
        options: Any = {"loss": "squared_error", "optimizer": SGD(model.model.parameters(), 0.01), "steps": 60,
                        "progress": False, "compile": compile}  # fmt: skip
        if compile:
            with pytest.raises(CompileError, match=r"at step 2 the program computed .* those after 0 steps"):
                fit(model, ROWS, TARGETS, **options)
        else:
            history = fit(model, ROWS, TARGETS, **options)
            assert history.engine.startswith("eager: at step 2 the program computed")
            assert len(history.losses) == 60


@pytest.mark.parametrize("after", [2, 3, 4])
def test_predictions_of_a_model_that_counts_are_eager(after: int) -> None:
    model = Counting(MLP(2, [3, 1], "tanh", seed=3), after)
    with pytest.raises(CompileError, match="the model computes something else for row"):
        predict(model, ROWS * 4, compile=True)
    model.calls = 0
    expected = predict(model.model, ROWS * 4, compile=False) * 2.0
    assert predict(model, ROWS * 4).tolist() == expected.tolist()


def test_chance_is_seen_and_comes_again() -> None:
    found = []
    for compile in (None, False):
        random.seed(5)
        np.random.seed(5)
        model = MLP(2, [2, 1], "tanh", seed=3)
        noisy = lambda row, m=model: m(row) * (1.0 + random.gauss(0.0, 0.1)) + np.random.normal()  # noqa: E731
        history = fit(noisy, ROWS, TARGETS, loss="squared_error", optimizer=SGD(model.parameters(), 0.01), steps=4,
                      progress=False, compile=compile)  # fmt: skip
        found.append(history.losses)
    assert found[0] == found[1]


class Slotted:
    """Holds its numbers and its generator in slots."""

    __slots__ = ("chance", "model", "scale")

    def __init__(self, chance: Any) -> None:
        self.model, self.scale, self.chance = MLP(2, [2, 1], "tanh", seed=3), Value(0.5), chance


@pytest.mark.parametrize(
    "make", [lambda: random.Random(3), lambda: np.random.default_rng(3), lambda: np.random.RandomState(3)]
)
def test_a_generator_of_ones_own_is_seen_however_rare_its_effect(make: Any) -> None:
    found = []
    for compile in (None, False):
        one = Slotted(make())
        draw = one.chance.uniform
        forward = lambda row, one=one, draw=draw: one.model(row) * (2.0 if draw(0.0, 1.0) < 1e-3 else 1.0)  # noqa: E731
        history = fit(forward, ROWS, TARGETS, loss="squared_error", optimizer=SGD(one.model.parameters(), 0.01),
                      steps=3, progress=False, compile=compile)  # fmt: skip
        found.append((history.losses, one.chance.uniform(0.0, 1.0)))
        assert compile is False or "random numbers, which are others" in history.engine
    assert found[0] == found[1]


def test_a_number_in_a_slot_is_watched_and_other_peoples_code_is_not_searched() -> None:
    one = Slotted(None)
    frame = pd.DataFrame({"a": [1.0, 2.0]})
    forward = lambda row: one.model(row) * (1.0 if one.scale.data > 0 else float(frame["a"][0]))  # noqa: E731
    history = fit(forward, ROWS, TARGETS, loss="squared_error", optimizer=SGD(one.model.parameters(), 0.01), steps=2,
                  progress=False)  # fmt: skip
    assert "the function looks at data (data of a number)" in history.engine
    assert len(behind(frame)[0]) == 0


# no false alarms --------------------------------------------------------------------------------------------------


def layers() -> dict[str, Any]:
    base = MLP(2, [4, 1], "tanh", seed=5)
    return {
        "mlp": nn.MLP(2, [6, 1], "tanh", seed=1),
        "relu": nn.MLP(2, [8, 8, 1], "relu", seed=2),
        "figure5": nn.figure5.model.Figure5("sigmoid", seed=1),
        "norm": nn.Sequential(nn.Linear(2, 6, seed=0), nn.LayerNorm(6), "gelu", nn.Linear(6, 1, seed=1),
                              lambda y: y[0]),
        "rms": nn.Sequential(nn.Linear(2, 4, seed=0), nn.RMSNorm(4), "silu", nn.Linear(4, 1, seed=1), lambda y: y[0]),
        "dropout": nn.Sequential(nn.Linear(2, 6, seed=0), nn.Dropout(0.4, seed=2), nn.Linear(6, 1, seed=1),
                                 lambda y: y[0]),
        "steep": lambda row, w=base: (w(row) * 40.0).sin(),
        "cancelling": lambda row, w=base: (w(row) + 1e9) - 1e9,
        "at a kink": lambda row, w=base: (w(row) - w(row) * 1.0).relu() + w(row),
    }  # fmt: skip


def parameters_of(model: Any) -> list[Value]:
    return model.parameters() if hasattr(model, "parameters") else model.__defaults__[0].parameters()


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "binary_cross_entropy_with_logits", "hinge"])
@pytest.mark.parametrize("name", list(layers()))
def test_a_right_program_is_never_called_wrong(name: str, loss: str) -> None:
    for scale in (1.0, 1e-6, 1e4):
        model = layers()[name]
        rows = [(x * scale, y * scale) for x, y in ROWS]
        targets = [float(i % 2) * (2 if loss == "hinge" else 1) - (loss == "hinge") for i in range(len(ROWS))]
        history = fit(model, rows, targets, loss=loss, optimizer=nn.Adam(parameters_of(model), 1e-3), steps=40,
                      progress=False)  # fmt: skip
        assert history.engine.startswith("compiled")


def test_a_training_to_the_last_digit_is_never_called_wrong() -> None:
    w, b = Value(0.0), Value(0.0)
    rows = [(0.1 * i,) for i in range(12)]
    history = fit(lambda row: w * row[0] + b, rows, [2.0 * x - 1.0 for (x,) in rows], loss="squared_error",
                  optimizer=SGD([w, b], 0.5), steps=2000, progress=False)  # fmt: skip
    assert history.engine.startswith("compiled")
    assert history.losses[-1] < 1e-25
