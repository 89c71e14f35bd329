"""Learning rates that change: functions of the number of steps made, which give a factor.

rate = nn.warmup_cosine(100, 1000)
optimizer.learning_rate = 3e-3 * rate(step)
"""

from __future__ import annotations

import math
from collections.abc import Callable

from nn.checks import check_count, check_range

__all__ = ["Schedule", "constant", "cosine", "step_decay", "warmup_cosine"]

Schedule = Callable[[int], float]
"""``schedule(step)``, with the number of steps made before, from 0: what to multiply the learning rate by."""


def constant() -> Schedule:
    """1, always."""
    return lambda step: 1.0


def step_decay(step_size: int, gamma: float = 0.1) -> Schedule:
    """gamma times less every ``step_size`` steps; PyTorch's ``StepLR``.

    Raises:
        ValueError: step_size below 1, or a gamma that is not positive. TypeError: a step_size that is no int.
    """
    check_count("step_size", step_size)
    gamma = check_range("gamma", gamma, 0.0, math.inf, low_open=True)
    return lambda step: gamma ** (step // step_size)


def cosine(steps: int, final: float = 0.0) -> Schedule:
    """From 1 to ``final`` in ``steps`` steps along half a cosine, and ``final`` from there on.

    Loshchilov and Hutter 2017, "SGDR", ICLR, eq. 5, without restarts; PyTorch's ``CosineAnnealingLR`` up to ``steps``.

    Raises:
        ValueError: steps below 1, or a negative final factor. TypeError: steps that are no int.
    """
    check_count("steps", steps)
    final = check_range("final", final, 0.0, math.inf)
    return lambda step: final + (1.0 - final) * (1.0 + math.cos(math.pi * min(step, steps) / steps)) / 2.0


def warmup_cosine(warmup: int, steps: int, final: float = 0.0) -> Schedule:
    """Up in equal steps, 1 / warmup at first, to 1 after ``warmup`` steps; then ``cosine`` for the rest of ``steps``.

    Raises:
        ValueError: warmup below 1, steps not above it, or a negative final factor. TypeError: what is no int.
    """
    check_count("warmup", warmup)
    check_count("steps", steps)
    if steps <= warmup:
        raise ValueError(f"steps is {steps}: it must be above warmup, which is {warmup}")
    after = cosine(steps - warmup, final)
    return lambda step: (step + 1) / warmup if step < warmup else after(step - warmup)
