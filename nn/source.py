"""A model as Python source that runs without us: ``autograd.to_source`` of what it computes of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import autograd as ag
from autograd import Value
from nn.checks import check_count
from nn.dropout import nothing_dropped
from nn.scaler import Scaler

__all__ = ["to_source"]


def to_source(
    model: Callable[[Sequence[Value]], Any],
    inputs: int | Sequence[str],
    *,
    scaler: Scaler | None = None,
    name: str = "predict",
    gradient: bool = True,
) -> str:
    """The model with its present parameters as the text of a Python module: see ``autograd.to_source``.

        nn.to_source(model, ["weight_kg", "height_cm"], scaler=model.scaler, name="p_male")

    Args:
        model: what is called with a list of inputs and returns a Value or a sequence of them.
        inputs: how many, or what they are called.
        scaler: is written in front of the model, so that the function takes kilograms and centimetres.
        name, gradient: as in ``autograd.to_source``; a gradient is that of a model with one output.

    Raises:
        ValueError: a scaler of another number of columns, a number below 1, and what ``autograd.to_source`` and the
            model raise. TypeError: inputs that are no number and no list.
    """
    if isinstance(inputs, str):
        raise TypeError(f"inputs is a number, or a list of names: write [{inputs!r}]")
    if not callable(model):
        raise TypeError(f"the model is a function of a list of inputs, not {model!r:.60}")
    if not isinstance(scaler, Scaler | None):
        raise TypeError(f"the scaler is an nn.Scaler, or None, not {scaler!r:.60}")
    if isinstance(inputs, Sequence):
        names = list(inputs)
    else:
        check_count("inputs", inputs)
        names = [f"x{k + 1}" for k in range(inputs)]
    xs = [Value(1.0, name=each) for each in names]
    with ag.ieee(), nothing_dropped():  # the inputs have no numbers yet, so none can be wrong
        seen = xs
        if scaler is not None:
            scaler.transform([0.0] * len(xs))
            seen = [(x - m) / s for x, m, s in zip(xs, scaler.mean, scaler.scale, strict=True)]
        return ag.to_source(model(seen), xs, name, gradient)
