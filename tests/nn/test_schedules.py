"""nn.schedules: the factors, written out."""

import math
from typing import Any

import pytest

import nn
from autograd import Value


def test_constant_and_steps() -> None:
    assert [nn.constant()(step) for step in (0, 10)] == [1.0, 1.0]
    rate = nn.step_decay(3, 0.5)
    assert [rate(step) for step in range(8)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_a_cosine_goes_down_and_stays() -> None:
    rate = nn.cosine(4, 0.2)
    expected = [0.6 + 0.4 * math.cos(math.pi * k / 4) for k in range(5)]
    assert [rate(step) for step in range(5)] == pytest.approx(expected, rel=1e-15)
    assert [rate(step) for step in (4, 5, 1000)] == pytest.approx([0.2] * 3)
    assert nn.cosine(10)(10) == 0.0


def test_a_warm_up_goes_up_first_and_no_step_is_of_size_0() -> None:
    rate = nn.warmup_cosine(4, 14)
    assert [rate(step) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rate(9) == pytest.approx(0.5)
    assert rate(14) == 0.0
    assert min(rate(step) for step in range(14)) > 0


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: nn.step_decay(0), ValueError, "step_size is 0"),
        (lambda: nn.step_decay(1, 0.0), ValueError, "gamma is 0: it must be above 0"),
        (lambda: nn.cosine(2.0), TypeError, "steps is a whole number"),
        (lambda: nn.cosine(2, -1.0), ValueError, "final is -1"),
        (lambda: nn.warmup_cosine(3, 3), ValueError, "steps is 3: it must be above warmup, which is 3"),
    ],
)
def test_what_makes_no_schedule(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize("compile", [False, True])
def test_fit_follows_a_schedule_and_gives_the_rate_back(compile: bool) -> None:
    w = Value(0.0, name="w")
    optimizer = nn.SGD([w], 0.1)
    nn.fit(lambda x: w * x[0], [[1.0]], [0.0], loss=lambda p, y: p - y, optimizer=optimizer, steps=5, progress=False,
           compile=compile, schedule=nn.step_decay(2, 0.5))  # fmt: skip
    assert w.data == pytest.approx(-0.1 * (1 + 1 + 0.5 + 0.5 + 0.25), rel=1e-14)
    assert optimizer.learning_rate == 0.1
    with pytest.raises(ValueError, match="the schedule's factor is -1: it must be 0 or above"):
        nn.fit(lambda x: w * x[0], [[1.0]], [0.0], loss=lambda p, y: p - y, optimizer=optimizer, steps=1,
               progress=False, compile=compile, schedule=lambda step: -1.0)  # fmt: skip
    assert optimizer.learning_rate == 0.1


@pytest.mark.parametrize(
    "options", [{"weight_decay": 0.3}, {"clip_norm": 0.05}, {"weight_decay": 0.1, "clip_norm": 0.2}]
)
def test_decay_and_clipping_are_the_same_compiled_or_not(options: dict[str, float]) -> None:
    states = []
    for compile in (False, True):
        model = nn.MLP(2, [4, 1], "tanh", seed=3)
        rows, targets = [[0.1, 0.9], [-0.5, 0.3], [0.7, -0.2]], [1.0, -0.2, 0.3]
        optimizer: nn.Optimizer[Any] = nn.AdamW(model.parameters(), 0.05, **options)
        history = nn.fit(
            model, rows, targets, loss="squared_error", optimizer=optimizer, steps=20, progress=False, compile=compile
        )
        states.append(list(model.state_dict().values()))
    assert history.engine.startswith("compiled")
    assert states[1] == pytest.approx(states[0], rel=1e-9)
    other = nn.MLP(2, [4, 1], "tanh", seed=3)
    optimizer = nn.Adam(other.parameters(), 0.05)
    nn.fit(other, rows, targets, loss="squared_error", optimizer=optimizer, steps=20, progress=False)
    assert list(other.state_dict().values()) != pytest.approx(states[0], rel=1e-3)
