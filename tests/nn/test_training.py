"""nn.training: a run learns, is the same for the same seed, and ends at a complete step whatever stops it."""

import io
import math
from contextlib import redirect_stderr
from typing import Any

import pytest
from support.interrupting import interrupting

import autograd as ag
import nn
from autograd import Value
from nn import MLP, SGD, Adam, EarlyStop, History, fit
from nn.training import accuracy, average_loss, batches

XOR = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)]
TARGETS = [0.0, 1.0, 1.0, 0.0]


def train(model: Any, **options: Any) -> History:
    options = {
        "loss": "binary_cross_entropy_with_logits",
        "optimizer": Adam(model.parameters(), 0.05),
        "steps": 12,
        "progress": False,
        **options,
    }
    return fit(model, XOR, TARGETS, **options)


def test_a_network_learns_xor() -> None:
    model = MLP(2, [6, 1], "tanh", seed=1)
    history = train(model, steps=150)
    assert history.ended == "steps"
    assert len(history.losses) == 150
    assert history.losses[-1] < 0.1 < 0.5 < history.losses[0]
    assert accuracy(model, XOR, TARGETS, threshold=0.0) == 1.0


@pytest.mark.parametrize("batch_size", [None, 1, 3, 100])
def test_the_same_seed_gives_the_same_run(batch_size: int | None) -> None:
    runs = []
    for _ in range(2):
        model = MLP(2, [3, 1], "tanh", seed=7)
        history = train(model, batch_size=batch_size, seed=3)
        runs.append((history.losses, model.state_dict()))
    assert runs[0] == runs[1]


def test_the_seed_decides_the_order_of_mini_batches() -> None:
    first, second = (list(zip(range(12), batches(10, 4, seed), strict=False)) for seed in (1, 2))
    assert first != second


def test_mini_batches_take_every_row_once_a_round() -> None:
    order = batches(10, 4, 0)
    for _ in range(3):
        parts = [list(next(order)) for _ in range(3)]
        assert [len(part) for part in parts] == [4, 4, 2]
        assert sorted(i for part in parts for i in part) == list(range(10))


@pytest.mark.parametrize("batch_size", [None, 10, 11])
def test_a_full_batch_takes_the_rows_in_their_order(batch_size: int | None) -> None:
    order = batches(10, batch_size, 0)
    assert [list(next(order)) for _ in range(2)] == [list(range(10))] * 2


def test_one_full_batch_step_is_gradient_descent_on_the_mean() -> None:
    model, twin = MLP(2, [1], seed=2), MLP(2, [1], seed=2)
    train(model, loss="squared_error", optimizer=SGD(model.parameters(), 0.1), steps=1)
    outputs = [twin(row) for row in XOR]
    loss = sum((y - o) * (y - o) for y, o in zip(TARGETS, outputs, strict=True)) / 4
    loss.backward()
    expected = [p.data - 0.1 * p.grad for p in twin.parameters()]
    assert [p.data for p in model.parameters()] == pytest.approx(expected, rel=1e-14)


def test_the_rows_held_out_are_measured_and_not_learned_from() -> None:
    model, twin = MLP(2, [1], seed=2), MLP(2, [1], seed=2)
    history = train(model, held_out=([(5.0, 5.0)], [1.0]), held_out_every=5)
    assert [step for step, _ in history.held_out] == [0, 5, 10, 12]
    loss = average_loss(model, [(5.0, 5.0)], [1.0], loss="binary_cross_entropy_with_logits")
    assert history.held_out[-1] == (12, pytest.approx(loss, rel=1e-14))
    train(twin)
    assert model.state_dict() == twin.state_dict()


def test_accuracy_counts_the_right_side_of_the_threshold() -> None:
    assert accuracy(lambda x: Value(x[0]), [[0.4], [0.6], [0.5], [0.9]], [0.0, 1.0, 1.0, 0.0]) == 0.5
    assert accuracy(lambda x: x[0], [[-1.0], [2.0]], [-1.0, 1.0], threshold=0.0) == 1.0


def test_early_stop_waits_as_long_as_it_is_told() -> None:
    model = MLP(2, [1], seed=2)
    history = train(model, steps=1000, early_stop=EarlyStop(patience=4, improvement=1e9))
    assert history.ended == "early stop"
    assert len(history.losses) == 5


def test_early_stop_watches_the_rows_held_out() -> None:
    model = MLP(2, [1], seed=2)
    history = train(
        model,
        steps=1000,
        held_out=([(1.0, 1.0)], [1.0]),
        held_out_every=3,
        early_stop=EarlyStop(patience=2, improvement=0.0),
    )
    losses = [loss for _, loss in history.held_out]
    assert history.ended == "early stop"
    assert len(losses) >= 3
    assert min(losses[:-2]) <= min(losses[-2:])


def test_a_callback_sees_every_complete_step_and_can_stop() -> None:
    seen: list[tuple[int, float]] = []
    model = MLP(2, [1], seed=2)
    history = train(model, on_step=lambda step, loss: seen.append((step, loss)) or step == 7)
    assert history.ended == "callback"
    assert seen == list(enumerate(history.losses, start=1))
    assert len(seen) == 7


def states_of(seed: int, **options: Any) -> list[dict[str, float]]:
    """The parameters before the first step and after every step."""
    model = MLP(2, [3, 1], "tanh", seed=seed)
    states = [model.state_dict()]
    train(model, on_step=lambda step, loss: states.append(model.state_dict()), **options)
    return states


def test_ctrl_c_between_steps_keeps_the_last_complete_step() -> None:
    def interrupt(step: int, loss: float) -> None:
        if step == 5:
            raise KeyboardInterrupt

    model = MLP(2, [3, 1], "tanh", seed=9)
    history = train(model, on_step=interrupt)
    assert history.interrupted
    assert history.ended == "interrupted"
    assert len(history.losses) == 5
    assert model.state_dict() == states_of(9)[5]


@pytest.mark.parametrize("position", [0, 5, 12])
def test_ctrl_c_inside_an_update_keeps_the_last_complete_step(position: int) -> None:
    model = MLP(2, [3, 1], "tanh", seed=9)
    parameters = model.parameters()
    slow = interrupting(parameters[position].data, 0)
    for neuron in (n for layer in model.layers for n in layer.neurons):
        neuron.w = [slow if w is parameters[position] else w for w in neuron.w]
        neuron.b = slow if neuron.b is parameters[position] else neuron.b

    def arm(step: int, loss: float) -> None:
        if step == 5:
            slow.times = 2  # in the next update, and once more while that is undone

    history = train(model, on_step=arm)
    assert history.interrupted
    assert len(history.losses) == 5
    assert model.state_dict() == states_of(9)[5]


@pytest.mark.parametrize("where", ["forward", "loss"])
def test_an_error_keeps_the_last_complete_step_and_says_where(where: str) -> None:
    model = MLP(2, [3, 1], "tanh", seed=9)
    calls = 0

    def fails(x: Any) -> Any:
        nonlocal calls
        calls += 1
        output = model(x)
        if calls == 5 * len(XOR) + 2:  # inside the sixth step
            output = ag.log(-abs(output)) if where == "forward" else output * math.inf
        return output

    kind = ag.DomainError if where == "forward" else FloatingPointError
    with pytest.raises(kind) as caught:
        fit(
            fails,
            XOR,
            TARGETS,
            loss="binary_cross_entropy_with_logits",
            optimizer=Adam(model.parameters(), 0.05),
            steps=12,
            progress=False,
            compile=False,
        )
    assert caught.value.__notes__ == ["in training step 6; the parameters are those after the step before it"]
    assert model.state_dict() == states_of(9, compile=False)[5]


def test_a_learning_rate_that_diverges_stops_with_finite_parameters() -> None:
    model = MLP(2, [1], seed=1)
    with pytest.raises((FloatingPointError, ag.DomainError)):
        train(model, loss="squared_error", optimizer=SGD(model.parameters(), 1e200), steps=1000)
    assert all(math.isfinite(number) for number in model.state_dict().values())


def test_the_progress_bar_is_on_standard_error_and_can_be_left_out() -> None:
    for progress in (True, False):
        stream = io.StringIO()
        with redirect_stderr(stream):
            train(MLP(2, [1], seed=1), progress=progress)
        assert ("12/12" in stream.getvalue() and "loss=" in stream.getvalue()) == progress


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"steps": 0}, ValueError, "steps is 0: it must be 1 or above"),
        ({"steps": 1.5}, TypeError, "steps is a whole number, not 1.5"),
        ({"batch_size": 0}, ValueError, "batch_size is 0: it must be 1 or above"),
        ({"held_out": ([], [])}, ValueError, "held_out: there are no rows"),
        ({"held_out_every": 0}, ValueError, "held_out_every is 0"),
        ({"loss": "mse"}, ValueError, "no loss is called 'mse'"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        train(MLP(2, [1]), **options)


def test_rows_and_targets_must_match() -> None:
    model = MLP(2, [1])
    optimizer = SGD(model.parameters())
    with pytest.raises(ValueError, match="inputs: there are no rows"):
        fit(model, [], [], loss="squared_error", optimizer=optimizer, steps=1)
    with pytest.raises(ValueError, match="inputs: 4 rows and 1 targets: one target for each row is needed"):
        fit(model, XOR, [1.0], loss="squared_error", optimizer=optimizer, steps=1)
    with pytest.raises(ValueError, match="there are no rows"):
        nn.accuracy(model, [], [])


def test_early_stop_checks_its_numbers() -> None:
    with pytest.raises(ValueError, match="patience is 0: it must be 1 or above"):
        EarlyStop(patience=0)
    with pytest.raises(ValueError, match="improvement is -1: it must be 0 or above"):
        EarlyStop(improvement=-1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"schedule": "cosine"}, r"schedule is a function, such as nn\.cosine\(3\), or None, not 'cosine'"),
        ({"compile": "yes"}, "compile is True, False or None, not 'yes'"),
        ({"optimizer": "sgd"}, r"optimizer is an nn\.Optimizer, such as nn\.Adam\(model\.parameters\(\)\), not 'sgd'"),
    ],
)
def test_options_of_another_kind(options: dict[str, Any], says: str) -> None:
    model = nn.MLP(1, [1], seed=0)
    given: dict[str, Any] = {"loss": "squared_error", "optimizer": nn.SGD(model.parameters()), "steps": 3, **options}
    with pytest.raises(TypeError, match=says):
        nn.fit(model, [[1.0]], [1.0], progress=False, **given)


# restore_best ---------------------------------------------------------------------------------------------------------


ENGINES = pytest.mark.parametrize("compile", [True, False], ids=["compiled", "eager"])


def overfitting(**options: Any) -> tuple[MLP, History, list[dict[str, float]]]:
    """A training whose rows held out get worse again, its history, and the parameters after every step."""
    model = MLP(2, [6, 1], "tanh", seed=2)
    states = [model.state_dict()]
    options = {
        "steps": 60,
        "held_out": ([(0.5, 0.5), (0.1, 0.4)], [1.0, 0.0]),
        "held_out_every": 5,
        "on_step": lambda step, loss: states.append(model.state_dict()),
        **options,
    }
    return model, train(model, **options), states


@ENGINES
def test_restore_best_gives_back_the_parameters_of_the_lowest_loss_held_out(compile: bool) -> None:
    model, history, states = overfitting(restore_best=True, compile=compile)
    step, loss = min(history.held_out, key=lambda pair: pair[1])
    assert 0 < step < 60
    assert history.restored == step
    assert model.state_dict() == states[step]
    assert average_loss(model, [(0.5, 0.5), (0.1, 0.4)], [1.0, 0.0], loss="binary_cross_entropy_with_logits") == (
        pytest.approx(loss, rel=1e-12)
    )
    assert not any(parameter.has_grad for parameter in model.parameters())  # they would be of other numbers


@ENGINES
def test_it_does_so_after_an_early_stop_and_without_a_callback(compile: bool) -> None:
    stop = EarlyStop(patience=3, improvement=0.0)
    model, history, _ = overfitting(restore_best=True, compile=compile, early_stop=stop, on_step=None)
    assert history.ended == "early stop"
    assert history.restored == history.held_out[-4][0]
    _, _, states = overfitting(compile=compile)
    assert model.state_dict() == pytest.approx(states[history.restored], rel=1e-12)


@ENGINES
def test_without_it_the_parameters_are_those_after_the_last_step(compile: bool) -> None:
    model, history, states = overfitting(compile=compile)
    assert history.restored is None
    assert model.state_dict() == states[-1]


@ENGINES
def test_a_network_that_only_gets_worse_is_left_as_it_was(compile: bool) -> None:
    model = MLP(2, [1], seed=3)
    before = model.state_dict()
    history = fit(
        model, XOR, [5.0] * 4, loss="squared_error", optimizer=SGD(model.parameters(), 0.05), steps=20,
        held_out=(XOR, [-5.0] * 4), restore_best=True, progress=False, compile=compile,
    )  # fmt: skip
    assert history.restored == 0
    assert model.state_dict() == before


@ENGINES
def test_an_interrupted_training_restores_nothing(compile: bool) -> None:
    def interrupt(step: int, loss: float) -> None:
        states.append(model.state_dict())
        if step == 40:
            raise KeyboardInterrupt

    model = MLP(2, [6, 1], "tanh", seed=2)
    states = [model.state_dict()]
    history = train(
        model, steps=60, held_out=([(0.5, 0.5), (0.1, 0.4)], [1.0, 0.0]), held_out_every=5, on_step=interrupt,
        restore_best=True, compile=compile,
    )  # fmt: skip
    assert history.interrupted
    assert history.restored is None
    assert min(history.held_out, key=lambda pair: pair[1])[0] < 40
    assert model.state_dict() == states[40]


def test_an_error_restores_nothing() -> None:
    model = MLP(2, [1], seed=1)
    with pytest.raises((FloatingPointError, ag.DomainError)):
        train(
            model, loss="squared_error", optimizer=SGD(model.parameters(), 1e120), steps=1000, restore_best=True,
            held_out=(XOR, TARGETS), held_out_every=1,
        )  # fmt: skip
    assert model.state_dict() != MLP(2, [1], seed=1).state_dict()  # it is the last complete step's


def test_restore_best_needs_rows_held_out() -> None:
    with pytest.raises(ValueError, match="restore_best looks at the rows held out: give held_out"):
        train(MLP(2, [1]), restore_best=True)


@ENGINES
@pytest.mark.parametrize("held_out", [None, ([(0.2, 0.3)], [1.0])], ids=["", "held out"])
def test_the_last_steps_gradients_stay_in_the_parameters(compile: bool, held_out: Any) -> None:
    model, twin = (MLP(2, [3, 1], "tanh", seed=5) for _ in range(2))
    train(model, steps=5, held_out=held_out, compile=compile)
    train(twin, steps=4)
    twin.zero_grad()
    losses = [nn.binary_cross_entropy_with_logits(twin(row), y) for row, y in zip(XOR, TARGETS, strict=True)]  # type: ignore[arg-type]
    nn.mean(losses).backward()
    assert [p.grad for p in model.parameters()] == pytest.approx([p.grad for p in twin.parameters()], rel=1e-9)
