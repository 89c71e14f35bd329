"""Initial weights, drawn from a seed.

An initialiser is a function ``(rng, fan_in, fan_out) -> float``; a layer calls it once for every weight.
``rng`` is a ``random.Random``, whose ``random()`` gives the same numbers on every machine and Python version.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any, cast

from nn.checks import choose

__all__ = ["INITIALISERS", "Initialiser", "drawing", "generator", "initialiser"]

Initialiser = Callable[[random.Random, int, int], float]


def uniform(rng: random.Random, fan_in: int, fan_out: int) -> float:
    """Uniform on [-1, 1), as micrograd draws its weights."""
    return rng.uniform(-1.0, 1.0)


def normal(rng: random.Random, fan_in: int, fan_out: int) -> float:
    """Normal with mean 0 and standard deviation 1."""
    return rng.normalvariate(0.0, 1.0)


def glorot_uniform(rng: random.Random, fan_in: int, fan_out: int) -> float:
    """Uniform within sqrt(6 / (fan_in + fan_out)): for tanh. Glorot and Bengio 2010, AISTATS 9, eq. 16."""
    limit = math.sqrt(6.0 / (fan_in + fan_out))
    return rng.uniform(-limit, limit)


def glorot_normal(rng: random.Random, fan_in: int, fan_out: int) -> float:
    """Normal with variance 2 / (fan_in + fan_out). Glorot and Bengio 2010, AISTATS 9, eq. 12."""
    return rng.normalvariate(0.0, math.sqrt(2.0 / (fan_in + fan_out)))


def he_uniform(rng: random.Random, fan_in: int, fan_out: int) -> float:
    """Uniform within sqrt(6 / fan_in), the variance of ``he_normal``: for relu."""
    limit = math.sqrt(6.0 / fan_in)
    return rng.uniform(-limit, limit)


def he_normal(rng: random.Random, fan_in: int, fan_out: int) -> float:
    """Normal with variance 2 / fan_in: for relu. He et al. 2015, ICCV, eq. 10."""
    return rng.normalvariate(0.0, math.sqrt(2.0 / fan_in))


def fan_in_uniform(rng: random.Random, fan_in: int, fan_out: int) -> float:
    """Uniform within 1 / sqrt(fan_in): what PyTorch's Linear and Conv2d start with. LeCun et al. 1998, "Efficient
    backprop", section 4.6, asks for a variance of 1 / fan_in; this one is a third of it.
    """
    limit = 1.0 / math.sqrt(fan_in)
    return rng.uniform(-limit, limit)


INITIALISERS: dict[str, Initialiser] = {
    function.__name__: function
    for function in (uniform, normal, glorot_uniform, glorot_normal, he_uniform, he_normal, fan_in_uniform)
}
INITIALISERS["xavier_uniform"] = glorot_uniform
INITIALISERS["xavier_normal"] = glorot_normal


def initialiser(choice: str | Initialiser) -> Initialiser:
    """The initialiser of this name; a function is returned as it is.

    Raises:
        ValueError: no initialiser has this name.
        TypeError: neither a name nor a function.
    """
    return choose("initialiser", choice, INITIALISERS, "(rng, fan_in, fan_out) -> float")


def generator(seed: int | random.Random | None) -> random.Random:
    """The generator that a seed stands for.

    An int starts a new one; a ``random.Random`` is used as it is, so that layers draw from one stream; None
    is the ``random`` module's own, so that ``random.seed(1337)`` decides the weights, as micrograd's users
    write it.

    Raises:
        TypeError: anything else (a float, text): two seeds that look alike must not give different numbers.
    """
    if isinstance(seed, random.Random):
        return seed
    if seed is None:
        shared: Any = random.random  # a method of the one generator behind the module's functions
        return cast(random.Random, shared.__self__)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"a seed is an int, a random.Random, or None for the random module's own, not {seed!r}")
    return random.Random(seed)


def drawing(
    init: str | Initialiser, seed: int | random.Random | None, fan_in: int, fan_out: int
) -> Callable[[], float]:
    """A function that draws one weight after the other: the initialiser with its arguments.

    Raises:
        ValueError, TypeError: as ``initialiser`` and ``generator``.
    """
    rng, chosen = generator(seed), initialiser(init)
    return lambda: chosen(rng, fan_in, fan_out)
