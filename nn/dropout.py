"""Dropout: in training every number is set to 0 with probability p, anew each time, and the others are made larger.

Srivastava et al. 2014, JMLR 15, 1929-1958; scaled in training ("inverted"), as in PyTorch.

A mask is a *leaf* of the graph: y = x * mask, with 0 or 1 / (1 - p) for every number of x. So pictures show it, and a
compiled program, which replays one graph for ever, takes it as an input that is drawn again for every row and step:

- ``fit`` does that by itself, with the same masks whether it compiles or not, and drops nothing of rows held out.
- ``autograd.compile`` of Values: ``inputs=[*x, y, *drop.mask]``, and columns of ``drop.draw(n)`` in every batch.
- ``@autograd.compile`` refuses a function that draws; after ``model.eval()`` there is nothing to draw.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice, zip_longest
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd import Value, modes
from autograd.blocks import Blocks, Switch
from autograd.errors import CompileError
from nn.checks import check_range
from nn.init import generator
from nn.layers import Seed
from nn.module import Module
from nn.nested import elementwise, lists, named

__all__ = ["Dropout", "Masks", "dropout", "nothing_dropped"]

Array = npt.NDArray[Any]
Supply = Callable[["Dropout", int], Sequence[Any]]

_supplies = Blocks("nn.dropout.supply")
"""Where masks come from, if not from the module's own generator: the innermost of these."""


def dropout(x: Any, mask: Sequence[Any]) -> Any:
    """Every number of ``x`` times its number of ``mask``, in order.

    Raises:
        ValueError: not one for each.
    """
    rest = list(mask)
    rest.reverse()
    count = _count(x)
    if len(rest) != count:
        raise ValueError(f"dropout: {count} numbers, and a mask of {len(rest)}: one for each is needed")
    return elementwise(lambda each: each * rest.pop(), lists(x))


class Dropout(Module):
    """``dropout`` with masks of its own in training, nothing after ``model.eval()``; see the module's text.

    Args:
        p: the probability that a number is dropped, from 0 to below 1.
        name: the scope of its Values: masks "<name>.m1", ..., outputs "<name>.d1", ... (of a list).
        seed: of the masks, as for ``Neuron``.

    Raises:
        ValueError: p is outside.
    """

    def __init__(self, p: float = 0.5, *, name: str = "drop1", seed: Seed = None) -> None:
        self.p = check_range("p", p, 0.0, 1.0)
        self.name = name
        self._rng = generator(seed)
        self._last = SimpleNamespace(mask=[])  # an object that is searched for no parameters

    @property
    def mask(self) -> list[Any]:
        """The leaves of the last call in training, in the order of the numbers of x."""
        return list(self._last.mask)

    def draw(self, count: int) -> list[float]:
        """The next mask for so many numbers: each 0 with probability p, and else 1 / (1 - p)."""
        kept = 1.0 / (1.0 - self.p)
        return [0.0 if self._rng.random() < self.p else kept for _ in range(count)]

    def __call__(self, x: Any) -> Any:
        """``x`` with numbers dropped, in training; else ``x`` itself.

        Raises:
            CompileError: the compiler is tracing the function around it, and would freeze the mask.
        """
        supplies = _supplies.here()
        supply: Supply | None = supplies[-1].change if supplies else None
        if not (self.training and self.p) or supply is _nothing:
            return x
        if supply is not None:
            mask = list(supply(self, _count(x)))
        elif modes.is_tracing():
            raise CompileError(
                f"{self!r} draws a mask, and a program would keep it for ever: call model.eval() first, or train "
                "with nn.fit, which draws masks for every step"
            )
        else:
            mask = named([Value(m) for m in self.draw(_count(x))], f"{self.name}.m")
        self._last.mask = mask
        return named(dropout(x, mask), f"{self.name}.d")

    def __repr__(self) -> str:
        return f"Dropout({self.p:g}, name={self.name!r})"


def _count(x: Any) -> int:
    if isinstance(x, np.ndarray):
        return x.size
    return sum(map(_count, x)) if isinstance(x, list | tuple) else 1


def _nothing(layer: Dropout, count: int) -> Sequence[Any]:
    return [1.0] * count


def _supplied(supply: Supply) -> Switch:
    return Switch(_supplies, supply)


def nothing_dropped() -> Any:
    """A context in which every ``Dropout`` hands on what it gets: for measuring in the middle of a training."""
    return _supplied(_nothing)


class Masks:
    """All masks that one call of a function draws, as columns of a batch beside its own: how ``fit`` compiles dropout.

    Attributes:
        calls: which dropouts draw how many numbers, in order; known once the function was called inside ``asked``.
        before: the generators with their states before the masks drawn last.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[Dropout, int]] | None = None
        self.before: list[tuple[random.Random, Any]] = []

    @property
    def count(self) -> int:
        """How many numbers a row takes."""
        return sum(count for _, count in self.calls or ())

    @contextmanager
    def asked(self, leaves: list[Value]) -> Iterator[None]:
        """Inside, the function's dropouts get new leaves of 1, which are appended to these.

        Raises (at the end):
            CompileError: the function draws other masks than when it was first called.
        """
        calls: list[tuple[Dropout, int]] = []
        kind = type(leaves[0])

        def take(layer: Dropout, count: int) -> Sequence[Any]:
            calls.append((layer, count))
            made = [kind(1.0) for _ in range(count)]
            leaves.extend(made)
            return named(made, f"{layer.name}.m")  # type: ignore[no-any-return]

        with _supplied(take):
            yield
        if self.calls is None:
            self.calls = calls
        elif calls != self.calls:
            raise self.others(next(a for a, b in zip_longest(calls, self.calls) if a != b) or self.calls[-1])

    def beside(self, columns: Array) -> Array:
        """The columns of a batch, and masks of 1: nothing is dropped."""
        return np.hstack([columns, np.ones((len(columns), self.count))]) if self.count else columns

    def drawn(self, rows: Array) -> Array:
        """The rows that ``beside`` made, with new masks: row after row as an eager step draws them."""
        if not self.calls:
            return rows
        generators = {id(layer._rng): layer._rng for layer, _ in self.calls}
        self.before = [(rng, rng.getstate()) for rng in generators.values()]
        rows = rows.copy()
        rows[:, -self.count :] = [[m for layer, n in self.calls for m in layer.draw(n)] for _ in rows]
        return rows

    def take_back(self) -> None:
        """The masks drawn last will be drawn again."""
        for rng, state in self.before:
            rng.setstate(state)

    @contextmanager
    def given(self, leaves: Sequence[Value]) -> Iterator[None]:
        """Inside, the function's dropouts take these ``count`` leaves.

        Raises (inside):
            CompileError: the function draws other masks than when it was first called.
        """
        rest = iter(zip([layer for layer, count in self.calls or () for _ in range(count)], leaves, strict=True))

        def take(layer: Dropout, count: int) -> Sequence[Any]:
            found = list(islice(rest, count))
            if len(found) < count or any(owner is not layer for owner, _ in found):
                raise self.others((layer, count))
            return named([leaf for _, leaf in found], f"{layer.name}.m")  # type: ignore[no-any-return]

        with _supplied(take):
            yield

    @staticmethod
    def others(call: tuple[Dropout, int]) -> CompileError:
        """The error for masks of another number."""
        return CompileError(f"{call[0]!r} draws another number of masks for one row than for another")
