"""nn.init: the same seed gives the same weights; each initialiser has the spread that its source states."""

import math
import random

import pytest

from nn.init import INITIALISERS, generator, initialiser


@pytest.mark.parametrize("name", INITIALISERS)
def test_the_same_seed_gives_the_same_numbers(name: str) -> None:
    draw = initialiser(name)
    first, second = ([draw(generator(seed), 3, 2) for _ in range(2)] for seed in (5, 5))
    assert first == second
    assert first[0] != draw(generator(6), 3, 2)


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("uniform", 1 / 3),
        ("normal", 1.0),
        ("glorot_uniform", 2 / (6 + 2)),
        ("glorot_normal", 2 / (6 + 2)),
        ("xavier_uniform", 2 / (6 + 2)),
        ("he_uniform", 2 / 6),
        ("he_normal", 2 / 6),
        ("fan_in_uniform", 1 / (3 * 6)),
    ],
)
def test_the_variance_is_the_one_that_the_source_states(name: str, variance: float) -> None:
    draw, rng = initialiser(name), random.Random(1)
    numbers = [draw(rng, 6, 2) for _ in range(20_000)]
    assert math.fsum(numbers) / len(numbers) == pytest.approx(0, abs=0.03)
    assert math.fsum(x * x for x in numbers) / len(numbers) == pytest.approx(variance, rel=0.03)


def test_a_function_is_an_initialiser() -> None:
    assert initialiser(lambda rng, fan_in, fan_out: 0.5)(random.Random(0), 1, 1) == 0.5


def test_an_unknown_initialiser() -> None:
    with pytest.raises(ValueError, match="no initialiser is called 'glorot': choose one of uniform, normal, glorot_un"):
        initialiser("glorot")
    with pytest.raises(TypeError, match="the initialiser is a name or a function"):
        initialiser(3)  # type: ignore[arg-type]


def test_without_a_seed_the_random_module_decides() -> None:
    random.seed(1337)
    expected = random.random()
    random.seed(1337)
    assert generator(None).random() == expected


@pytest.mark.parametrize("seed", [1.0, "1", True])
def test_a_seed_is_a_whole_number(seed: object) -> None:
    with pytest.raises(TypeError, match=r"a seed is an int, a random.Random, or None"):
        generator(seed)  # type: ignore[arg-type]
