"""A saved model is one JSON file: architecture, parameters, scaler, metadata, and a format version.

What an architecture says stands in ``nn.architectures``.

Nothing in it is executed, and nothing is believed before it was checked. It is written whole or not at all.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograd import reading
from autograd.errors import LoadError
from autograd.files import write_atomically
from autograd.showing import cut, visible
from nn.architectures import build, checked, register
from nn.module import Module
from nn.scaler import Scaler

__all__ = ["SavedModel", "dumps", "load", "register", "save"]

FORMAT = "glassgrad model"
VERSION = 1

FEW = 1000
"""So many parameters are built in any case, so that the message can say which of them a file lacks."""


@dataclass(frozen=True)
class SavedModel:
    """What a model file holds: the network, the scaler before it (None for none), notes on its making."""

    model: Module
    scaler: Scaler | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


def save(
    model: Module,
    path: str | os.PathLike[str],
    *,
    scaler: Scaler | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write the model to ``path``; an older file there is replaced whole or stays as it is.

    Every network and layer of this package can be saved, and what ``Sequential`` and ``Residual`` make of them. What a
    ``Dropout`` has drawn is not: a loaded one begins anew.

    A model that has a ``scaler`` of its own (``Figure5``) is saved with it, and gets it back from ``load``.

    Raises:
        TypeError: the model holds a module that a file cannot describe (see ``register``), or the metadata something
            that JSON does not.
        ValueError: a parameter is nan or infinite, a function has no name that a file could hold, or a parameter stands
            in two places.
        OSError: the folder is missing or not writable.
    """
    write_atomically(path, dumps(model, scaler, metadata))


def dumps(model: Module, scaler: Scaler | None = None, metadata: Mapping[str, Any] | None = None) -> str:
    """What ``save`` writes; raises as it does."""
    architecture = checked(model)
    scaler = getattr(model, "scaler", None) if scaler is None else scaler
    parameters = model.state_dict()
    if broken := [f"{path} is {number}" for path, number in parameters.items() if not math.isfinite(number)]:
        raise ValueError(f"a model with parameters that are not finite is not saved: {', '.join(broken[:8])}")
    content = {
        "format": FORMAT,
        "version": VERSION,
        "architecture": architecture,
        "parameters": parameters,
        "scaler": None
        if scaler is None
        else {"columns": list(scaler.columns), "mean": list(scaler.mean), "scale": list(scaler.scale)},
        "metadata": dict(metadata or {}),
    }
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    reading.document(text, "the model with this metadata", "model file", FORMAT, VERSION)  # what is saved can be read
    return text


def load(path: str | os.PathLike[str]) -> SavedModel:
    """Read a file that ``save`` wrote; the network computes what it computed then, to the last bit.

    Raises:
        OSError: the file is missing, is a folder, or may not be read.
        LoadError: it is no model file, or a broken one; the message says where.
    """
    name = cut(visible(os.fspath(path)), 100)
    content = reading.document(Path(path).read_bytes(), name, "model file", FORMAT, VERSION)
    try:
        return _read(content)
    except RecursionError:
        raise LoadError(f"{name} is no model file that can be used: its layers are nested too deeply") from None
    except (LoadError, ValueError, TypeError, ArithmeticError) as error:
        raise LoadError(f"{name} is no model file that can be used: {error}") from None


def _read(content: dict[str, Any]) -> SavedModel:
    architecture = _entry(content, "architecture", dict)
    parameters = _entry(content, "parameters", dict)
    model = build(architecture, max(len(parameters), FEW))
    model.load_state_dict(parameters)
    scaler = _scaler(content)
    if hasattr(model, "scaler"):
        model.scaler = scaler
    return SavedModel(model, scaler, _entry(content, "metadata", dict))


def _scaler(content: dict[str, Any]) -> Scaler | None:
    if content.get("scaler", ...) is None:
        return None
    entry = _entry(content, "scaler", dict)
    columns = _entry(entry, "columns", list)
    if not all(isinstance(column, str) for column in columns):
        raise LoadError('the scaler\'s "columns" are not all text')
    numbers: dict[str, tuple[float, ...]] = {}
    for key in ("mean", "scale"):
        values = _entry(entry, key, list)
        if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            raise LoadError(f'the scaler\'s "{key}" holds something that is no number')
        numbers[key] = tuple(float(value) for value in values)
    return Scaler(tuple(columns), numbers["mean"], numbers["scale"])


def _entry(content: dict[str, Any], key: str, kind: type) -> Any:
    if key not in content:
        raise LoadError(f'there is no "{key}"')
    if not isinstance(content[key], kind):
        raise LoadError(f'"{key}" is no {"object" if kind is dict else "list"}')
    return content[key]
