"""The choice of an executor, where it is clear."""

import random

import pytest

import autograd as ag
from autograd import Value
from autograd.compiler.cost import choose, numpy_cost, python_cost
from autograd.compiler.raising import raise_tape
from autograd.compiler.tape import Tape, record_tape


def network(*sizes: int) -> Tape:
    chance = random.Random(1)
    x = inputs = [Value(0.5) for _ in range(sizes[0])]
    for size in sizes[1:]:
        layer = [[Value(chance.uniform(-1, 1)) for _ in x] for _ in range(size)]
        x = [ag.tanh(sum((w * v for w, v in zip(ws, x, strict=True)), Value(0.1))) for ws in layer]
    return record_tape([x[0] * x[0]], inputs)


def tangle(nodes: int, window: int) -> Tape:
    chance = random.Random(1)
    pool = inputs = [Value(0.1 * k) for k in range(10)]
    pool = [*pool]
    while len(pool) < nodes:
        a, b = chance.choice(pool[-window:]), chance.choice(pool[-window:])
        pool.append(chance.choice([lambda a=a, b=b: a * b, lambda a=a, b=b: (a + b) * 0.5, lambda a=a: ag.sin(a)])())
    return record_tape([ag.sum(pool[-window:])], inputs)


@pytest.mark.parametrize(
    ("tape", "batch", "chosen"),
    [
        (network(2, 2, 1), 1, "python"),
        (network(2, 2, 1), 200, "numpy"),
        (network(2, 16, 16, 1), 1, "numpy"),
        (network(2, 16, 16, 1), 100, "numpy"),
        (tangle(3000, 20), 1, "python"),
        (tangle(3000, 20), 256, "numpy"),
        (tangle(30000, 30), 1, "python"),
        (tangle(30000, 30), 256, "numpy"),
        (tangle(30000, 30000), 1, "numpy"),
        (tangle(3000, 3000), 256, "numpy"),
    ],
)
def test_the_clear_cases(tape: Tape, batch: int, chosen: str) -> None:
    schedule = raise_tape(tape)
    assert choose(schedule, batch) == chosen
    if choose(tape, batch) == "python":
        assert chosen == "python"
    assert (python_cost(tape, batch) < numpy_cost(schedule, batch)) == (chosen == "python")


@pytest.mark.slow
def test_a_tape_of_too_many_operands_is_for_numpy() -> None:
    tape = record_tape([ag.sum([Value(1.0)] * 600_000)], [])
    assert choose(tape, 1) == choose(raise_tape(tape), 1) == "numpy"
