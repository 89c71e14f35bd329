"""Sequential and Residual: networks out of parts.

    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, name="conv1"), "relu", nn.MaxPool2d(2), nn.flatten, nn.Dropout(0.2), nn.Linear(72, 10)
    )

A part is a module, an activation by name, or any function of what the part before it gives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nn.activations import Activation, activation, activation_name
from nn.module import Module
from nn.nested import elementwise, lists, named, shape_of

__all__ = ["Elementwise", "Residual", "Sequential", "flatten"]

Part = Callable[[Any], Any]


def flatten(x: Any) -> list[Any]:
    """All numbers of nested lists in one list, the last dimension running fastest. TypeError: no list."""
    if not isinstance(x, list | tuple | np.ndarray):
        raise TypeError(f"flatten takes numbers in nested lists, and got a {type(x).__name__}: {x!r:.40}")
    return [number for part in lists(x) for number in (flatten(part) if isinstance(part, list) else [part])]


class Elementwise(Module):
    """An activation of every number of nested lists; outputs are called "<name>.a1", or "<name>.a1_2_3" in a grid.

    Raises:
        ValueError: no activation has this name. TypeError: neither a name nor a function.
    """

    def __init__(self, function: str | Activation = "relu", *, name: str = "") -> None:
        self.activation = activation(function)
        self.name = name or activation_name(self.activation) or "activation"

    def __call__(self, x: Any) -> Any:
        """The same nested lists of the activation's values."""
        return named(elementwise(self.activation, lists(x)), f"{self.name}.a")

    def __repr__(self) -> str:
        shown = activation_name(self.activation) or getattr(self.activation, "__name__", repr(self.activation))
        return f"Elementwise({shown}, name={self.name!r})"


class Sequential(Module):
    """Parts, one after the other; ``model[2]`` is the third, ``len(model)`` counts them.

    Activations by name become ``Elementwise`` parts, called "relu1", "relu2", ... An error in a part has a note that
    says in which.

    Raises:
        ValueError: no parts, or an unknown activation. TypeError: a part that is neither a function nor a name.
    """

    def __init__(self, *parts: str | Part) -> None:
        if not parts:
            raise ValueError("a Sequential needs one part at least")
        met: Counter[str] = Counter()
        self.layers: list[Part] = []
        for i, part in enumerate(parts):
            if isinstance(part, str):
                met[part] += 1
                self.layers.append(Elementwise(part, name=f"{part}{met[part]}"))
            elif callable(part):
                self.layers.append(part)
            else:
                raise TypeError(
                    f"part {i} (from 0) of a Sequential is a module, a function or the name of an activation, not "
                    f"{part!r:.60}"
                )

    def __call__(self, x: Any) -> Any:
        """What the last part gives."""
        for i, part in enumerate(self.layers):
            try:
                x = part(x)
            except Exception as error:
                error.add_note(f"in part {i} (from 0) of a Sequential, {_shown(part)}")
                raise
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Part]:
        return iter(self.layers)

    def __getitem__(self, index: int) -> Part:
        return self.layers[index]

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(_shown, self.layers))})"


class Residual(Module):
    """``x + part(x)``, so that gradients have a way around the part. He et al. 2016, CVPR, eq. 1.

    Outputs are called "<name>.y1", ... .
    """

    def __init__(self, part: Part, *, name: str = "residual1") -> None:
        if not callable(part):
            raise TypeError(f"a Residual goes around a module or a function, not {part!r:.60}")
        self.part, self.name = part, name

    def __call__(self, x: Any) -> Any:
        """The sum, of x's shape.

        Raises:
            ValueError: the part gives another shape than it gets.
        """
        change = self.part(x)
        before, after = shape_of(self.name, x), shape_of(self.name, change)
        if before != after:
            raise ValueError(f"{self.name} adds x to what {_shown(self.part)} makes of it: shape {before} and {after}")
        return named(elementwise(lambda a, b: a + b, lists(x), change), f"{self.name}.y")

    def __repr__(self) -> str:
        return f"Residual({_shown(self.part)}, name={self.name!r})"


def _shown(part: Part) -> str:
    return repr(part) if isinstance(part, Module) else str(getattr(part, "__name__", repr(part)))
