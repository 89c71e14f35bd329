"""Numbers of many Values at once: read together, written all or none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from autograd.value import Value


def assign(parameters: Sequence[Value], numbers: Iterable[float]) -> None:
    """Write a number to every parameter; if anything stops it, Ctrl-C too, every parameter is as it was."""
    before = [parameter.data for parameter in parameters]
    try:
        for parameter, number in zip(parameters, numbers, strict=True):
            parameter.data = number
    except BaseException:
        while True:  # a second Ctrl-C must not leave a mixture either
            try:
                for parameter, number in zip(parameters, before, strict=True):
                    parameter.data = number
                break
            except KeyboardInterrupt:
                continue
        raise


def label(parameter: Value, index: int) -> str:
    """What to call a parameter in a message: its name, or its place in the list."""
    return parameter.name or f"parameter {index}"
