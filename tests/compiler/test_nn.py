"""nn.fit on programs: the eager engine's steps, errors and endings; and what it does where it cannot compile."""

import math
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.interrupting import interrupting
from support.unseen import peek

import autograd as ag
import nn
from autograd import CompileError, Value
from nn import MLP, SGD, Adam, EarlyStop, History, Optimizer, fit
from nn.figure5 import job
from nn.figure5.cli import main

ROWS = [(0.0, 0.5), (0.25, 1.0), (1.0, -1.0), (1.0, 0.75), (-0.5, 0.25), (0.5, 0.0)]
TARGETS = [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]

OPTIMIZERS = {
    "sgd": lambda p: SGD(p, 0.1),
    "momentum": lambda p: SGD(p, 0.1, momentum=0.9),
    "nesterov": lambda p: SGD(p, 0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: Adam(p, 0.05),
}


def train(model: Any, compile: bool | None, **options: Any) -> History:
    options = {
        "loss": "binary_cross_entropy_with_logits",
        "steps": 12,
        "progress": False,
        "inputs": ROWS,
        "targets": TARGETS,
        **options,
    }
    if "optimizer" not in options:
        options["optimizer"] = Adam(model.parameters(), 0.05)
    return fit(model, options.pop("inputs"), options.pop("targets"), compile=compile, **options)


def both(**options: Any) -> list[tuple[History, Any, Any]]:
    """History, parameters, and what is left in the gradients, compiled and eager."""
    found = []
    make = options.pop("optimizer", OPTIMIZERS["adam"])
    for compile in (True, False):
        model = MLP(2, [3, 1], "tanh", seed=7)
        optimizer = make(model.parameters())
        history = train(model, compile, optimizer=optimizer, **options)
        numbers = [p.data for p in model.parameters()]
        found.append((history, numbers, [p.grad for p in model.parameters()]))
    return found


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
@pytest.mark.parametrize("batch_size", [None, 4])
def test_the_steps_are_the_eager_engines(optimizer: str, batch_size: int | None) -> None:
    (compiled, numbers, slopes), (eager, twins, others) = both(
        optimizer=OPTIMIZERS[optimizer],
        batch_size=batch_size,
        held_out=(ROWS[:2], TARGETS[:2]),
        held_out_every=5,
    )
    assert compiled.engine.startswith("compiled (")
    assert eager.engine == "eager: as asked for"
    assert compiled.losses == pytest.approx(eager.losses, rel=1e-12)
    assert numbers == pytest.approx(twins, rel=1e-11)
    assert slopes == pytest.approx(others, rel=1e-9, abs=1e-14)
    assert [step for step, _ in compiled.held_out] == [0, 5, 10, 12]
    assert [x for _, x in compiled.held_out] == pytest.approx([x for _, x in eager.held_out], rel=1e-12)


@pytest.mark.parametrize("loss", [*nn.LOSSES, nn.cross_entropy])
def test_every_loss_compiles(loss: Any) -> None:
    found = []
    for compile in (True, False):
        several = loss is nn.cross_entropy
        model = MLP(2, [3, 3 if several else 1], "tanh", seed=7, output="linear" if several else "sigmoid")
        targets = [0, 1, 2, 0, 1, 2] if several else [-1, 1, 1, -1, 1, 1] if loss == "hinge" else TARGETS
        history = train(model, compile, loss=loss, targets=targets)
        found.append((history.losses, [p.data for p in model.parameters()]))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-12)
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-10)


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_the_optimisers_memory_goes_from_engine_to_engine(optimizer: str) -> None:
    found = []
    for engines in ((False, False, False), (True, True, True), (False, True, False)):
        model = MLP(2, [3, 1], "tanh", seed=7)
        rule = OPTIMIZERS[optimizer](model.parameters())
        for compile in engines:
            train(model, compile, steps=3, optimizer=rule)
        found.append([p.data for p in model.parameters()])
    assert found[1] == pytest.approx(found[0], rel=1e-11)
    assert found[2] == pytest.approx(found[0], rel=1e-11)


@pytest.mark.parametrize("compile", [True, False])
def test_parameters_that_are_not_reached_or_not_trained_are_left_alone(compile: bool) -> None:
    w, frozen, other, x = Value(1.0), Value(2.0), Value(3.0), [[1.0], [2.0]]
    optimizer = SGD([other, w], 0.1, momentum=0.9)
    fit(lambda row: w * frozen * row[0], x, [1.0, 1.0], loss="squared_error", optimizer=optimizer, steps=4,
        progress=False, compile=compile)  # fmt: skip
    assert (frozen.data, other.data) == (2.0, 3.0)
    assert w.data != 1.0
    assert optimizer._memory[0] is None


class Halving(Optimizer[None]):
    """An optimiser of the user's, on floats alone."""

    def start(self) -> None:
        return None

    def update(self, number: Any, gradient: Any, memory: Any) -> tuple[Any, Any]:
        return number - math.copysign(self.learning_rate, gradient), None


def test_an_optimiser_of_the_users_own_steps_on_compiled_gradients() -> None:
    (compiled, numbers, _), (eager, twins, _) = both(optimizer=lambda p: Halving(p, 0.01))
    assert compiled.engine.startswith("compiled")
    assert compiled.losses == pytest.approx(eager.losses, rel=1e-12)
    assert numbers == pytest.approx(twins, rel=1e-12)


@pytest.mark.parametrize("compile", [True, False])
def test_a_callback_sees_the_model_and_may_change_it(compile: bool) -> None:
    model = MLP(2, [3, 1], "tanh", seed=7)
    seen = []

    def on_step(step: int, loss: float) -> bool:
        seen.append([p.data for p in model.parameters()])
        assert any(p.grad for p in model.parameters())
        model.parameters()[0].data = 0.125
        return step == 4

    history = train(model, compile, on_step=on_step)
    assert history.ended == "callback"
    assert len(seen) == len(history.losses) == 4
    assert seen[0] != seen[1]
    assert abs(seen[1][0] - 0.125) < 0.06  # it started from where the callback had put it
    assert model.parameters()[0].data == 0.125


def test_a_callback_that_changes_a_frozen_value_ends_the_program() -> None:
    found = []
    for compile in (None, False):
        w, scale = Value(1.0), Value(2.0)

        def on_step(step: int, loss: float, scale: Value = scale) -> None:
            scale.data = 2.0 + (step >= 3)

        history = fit(lambda row, w=w, scale=scale: w * scale * row[0], [[1.0], [2.0]], [1.0, 1.0],
                      loss="squared_error", optimizer=SGD([w], 0.01), steps=6, progress=False, on_step=on_step,
                      compile=compile)  # fmt: skip
        assert history.engine.startswith("eager")
        found.append((w.data, history.losses))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-13)
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-13)


@pytest.mark.parametrize("position", [0, 5, 12])
def test_ctrl_c_while_a_step_is_shown_to_a_callback(position: int) -> None:
    def states(armed: bool) -> tuple[Any, Any, Any]:
        model = MLP(2, [3, 1], "tanh", seed=9)
        slow = interrupting(model.parameters()[position].data, 0)
        old = model.parameters()[position]
        for neuron in (n for layer in model.layers for n in layer.neurons):
            neuron.w = [slow if w is old else w for w in neuron.w]
            neuron.b = slow if neuron.b is old else neuron.b
        seen = []

        def on_step(step: int, loss: float) -> None:
            seen.append(model.state_dict())
            if armed and step == 5:
                slow.times = 2

        return train(model, True, on_step=on_step), seen, model.state_dict()

    _, expected, _ = states(False)
    history, _, last = states(True)
    assert history.interrupted
    assert len(history.losses) == 5
    assert last == expected[4]


def test_early_stop_and_progress(capsys: pytest.CaptureFixture[str]) -> None:
    (compiled, _, _), (eager, _, _) = both(early_stop=EarlyStop(patience=3, improvement=1e9), steps=50)
    assert compiled.ended == eager.ended == "early stop"
    assert len(compiled.losses) == len(eager.losses) == 4
    train(MLP(2, [1], seed=1), True, progress=True)
    assert "12/12" in capsys.readouterr().err


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_one_rule_on_floats_and_on_arrays_to_the_last_bit(name: str) -> None:
    chance = np.random.default_rng(4)
    numbers, gradients = chance.normal(size=5), chance.normal(size=(6, 5))
    optimizer: Any = OPTIMIZERS[name]([Value(1.0)])
    start = (0, np.zeros(5), np.zeros(5)) if name == "adam" else None
    together, memory = numbers, start
    for gradient in gradients:
        together, memory = optimizer.update(together, gradient, memory)
    for i, number in enumerate(numbers.tolist()):
        one = optimizer.start()
        for gradient in gradients[:, i].tolist():
            number, one = optimizer.update(number, gradient, one)
        assert number == together[i]
        assert number.__class__ is float


# errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda out, x: (out - 100.0).log(), r"^log\(.*\) is not defined: its domain is x > 0"),
        (lambda out, x: out / (x[0] - x[0]), "is not defined"),
        (lambda out, x: out * 1e200 * 1e200 * (out + 2.0), "the loss is inf|the gradient of"),
    ],
)
def test_errors_are_the_eager_engines(function: Any, message: str) -> None:
    found = []
    for compile in (None, False):
        model = MLP(2, [3, 1], "tanh", seed=7)
        before = model.state_dict()
        with pytest.raises((ag.DomainError, FloatingPointError), match=message) as caught:
            train(lambda x, model=model: function(model(x), x), compile, optimizer=SGD(model.parameters(), 0.1),
                  loss="squared_error")  # fmt: skip
        assert model.state_dict() == before
        found.append((type(caught.value), str(caught.value)))
        assert "in training step 1; the parameters are those after" in caught.value.__notes__[-1]
    assert found[0] == found[1]


def test_an_error_of_a_later_step_names_the_row() -> None:
    found = []
    for compile in (True, False):
        w = Value(1.0, "w")
        with pytest.raises(ag.DomainError, match=r"^log\(") as caught:
            fit(lambda row, w=w: (w * row[0] + 3.0).log(), [[1.0], [-2.0], [0.5]], [9.0] * 3, loss="squared_error",
                optimizer=SGD([w], 0.5), steps=50, progress=False, compile=compile)  # fmt: skip
        found.append((caught.value.__notes__, w.data))
    assert found[0][0][:-1] == ["in row 0 of the batch, at log (node 6)"]
    assert found[0][0][-1:] == found[1][0]
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-12)


def test_a_target_that_the_loss_refuses_is_refused_in_its_words() -> None:
    for compile in (None, False):
        with pytest.raises(ValueError, match=r"takes a target from 0 to 1, not 3\.0"):
            train(MLP(2, [1], seed=1), compile, targets=[0.0, 1.0, 0.0, 3.0, 1.0, 0.0])
        with pytest.raises(ValueError, match="there is no class 7 among 3 logits"):
            train(MLP(2, [3], seed=1), compile, targets=[0, 1, 2, 7, 0, 1], loss=nn.cross_entropy)


# where it does not compile -------------------------------------------------------------------------------------------


def reasons() -> list[tuple[Any, Any, str]]:
    table = [Value(0.1), Value(0.2)]

    def plain(x: Any) -> float:
        return peek(x) if isinstance(x, Value) else x

    return [
        (lambda x, model: model(x) if x[0] > 0.3 else -model(x), ROWS, "a comparison, gt"),
        (lambda x, model: model(x) * (2.0 if plain(x[0]) > 0.3 else 1.0), ROWS, "it computes something else for row"),
        (lambda x, model: model([v + random.random() for v in x]), ROWS, "when it is called again"),
        (lambda x, model: model(x) * math.sin(x[0]), ROWS, "cannot be traced: TypeError: a Value does not turn into"),
        (lambda x, model: model(x) * table[int(plain(x[0]) > 0.3)], ROWS, "it computes something else for row"),
        (lambda x, model: model(x[:2]), [*ROWS[:-1], (0.1, 0.2, 0.3)], "row 5 is of another shape than the first"),
        (lambda x, model: model([0.1, 0.2]), [*ROWS[:-1], "ab"], "row 5 is not made of numbers"),
    ]


@pytest.mark.parametrize("index", range(len(reasons())))
def test_what_cannot_be_compiled_is_trained_all_the_same(index: int) -> None:
    function, rows, reason = reasons()[index]
    model = MLP(2, [3, 1], "tanh", seed=7)
    optimizer = SGD(model.parameters(), 0.1)
    options: Any = {"inputs": rows, "optimizer": optimizer, "loss": "squared_error"}
    with pytest.raises(CompileError, match=reason):
        train(lambda x: function(x, model), True, **options)
    before = model.state_dict()
    history = train(lambda x: function(x, model), None, **options)
    assert history.engine.startswith("eager: ")
    assert reason in history.engine
    assert len(history.losses) == 12
    assert model.state_dict() != before


def test_inside_a_context_the_eager_engine_steps() -> None:
    model = MLP(2, [1], seed=1)
    with ag.detect_anomaly():
        assert train(model, None).engine == "eager: inside no_grad(), ieee() or detect_anomaly()"
        with pytest.raises(CompileError, match="leave the context, or give compile=False"):
            train(model, True)


def test_a_row_that_holds_a_parameter() -> None:
    w = Value(1.0)
    with pytest.raises(CompileError, match="row 0 holds a parameter, which does not vary along the batch"):
        fit(
            lambda row: row[0] * 2.0, [[w]], [1.0], loss="squared_error", optimizer=SGD([w], 0.1), steps=1, compile=True
        )


# the whole thing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--loss", "cross-entropy", "--batch-size", "16"]])
def test_figure5_prints_the_same_compiled_and_eager(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = []
    for more in ([], ["--eager"]):
        assert main(["--quiet", "--steps", "15", "--out", str(tmp_path), *options, *more]) == 0
        printed.append(capsys.readouterr().out.splitlines())
    differ = [pair for pair in zip(*printed, strict=True) if pair[0] != pair[1]]
    assert len(differ) == 1
    assert differ[0][0].startswith("steps: compiled (")
    assert differ[0][1] == "steps: eager: as asked for"


def test_figure5s_job_says_what_made_its_steps() -> None:
    task = job.prepare(job.Settings(steps=3))
    assert job.train(task, progress=False).engine.startswith("compiled")
    assert job.train(task, progress=False, eager=True).engine.startswith("eager")


TRAINING = """
import sys, nn
rows = [(0.1 * i, 1.0 - 0.2 * i) for i in range(20)]
model = nn.MLP(2, [6, 1], "tanh", seed=1)
def keep(step, loss):
    nn.save(model, sys.argv[1], metadata={"step": step})
    if step == 1:
        print("ready", flush=True)
nn.fit(model, rows, [float(i % 2) for i in range(20)], loss="squared_error", steps=1000000, on_step=keep,
       optimizer=nn.Adam(model.parameters(), 0.01), progress=False, compile=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 here")
def test_kill_9_in_the_middle_of_a_fit_leaves_the_last_saved_model_whole(tmp_path: Path) -> None:
    chance = random.Random(3)
    for attempt in range(3):
        path = tmp_path / f"model{attempt}.json"
        process = subprocess.Popen([sys.executable, "-c", TRAINING, str(path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.0, 0.15))
        process.kill()
        process.wait()
        process.stdout.close()
        saved = nn.load(path)
        assert saved.metadata["step"] >= 1
        assert all(math.isfinite(x) for x in saved.model.state_dict().values())
        model: Any = saved.model
        assert np.isfinite(model([0.1, 0.2]).data)
