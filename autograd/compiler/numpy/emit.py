"""Straight-line source over views that are bound beforehand: the form in which NumPy costs least per call.

An emitter collects lines such as ``add(v3,v7,v9)``. Every name in them is made here and stands for a NumPy function, a
view of one of the stores, or an object of a rule; nothing that a user wrote gets into the text. The stores are

    T   the parameters, one row each       G   their gradient           (given by the caller)
    S   rows that are fixed along the batch: constants, functions of parameters
    V   rows that vary along the batch: inputs, and what depends on them, shape (rows, B)
    ES, EV   contributions to adjoints, written by the consumers, read by the producer

and scratch memory, which every group uses afresh. Views are made once, after the last line is written, when it is
known how many rows each store needs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable
from importlib import import_module
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.compiler.schedule import Floats
from autograd.compiler.tape import Ints

Array = npt.NDArray[Any]
Environment = dict[str, Any]

NAMES = (
    "absolute", "add", "bincount", "copysign", "copyto", "cos", "divide", "dot", "einsum", "equal", "exp", "expm1",
    "floor", "greater", "less", "log", "log1p", "logaddexp", "matmul", "maximum", "minimum", "multiply", "negative",
    "not_equal", "power", "reciprocal", "sign", "sin", "sqrt", "square", "subtract", "tanh",
)  # fmt: skip
FUNCTIONS: dict[str, Any] = {
    **{name: getattr(np, name) for name in NAMES},
    "clip": import_module(f"numpy.{'_core' if np.__version__ >= '2' else 'core'}.umath").clip,  # np.clip, but in C
    "addreduce": np.add.reduce,
    "maxreduce": np.maximum.reduce,
    "inf": np.inf,
    "nan": np.nan,
}
"""What generated lines may name, beside what an emitter makes."""


LITERAL = re.compile(r"(?<=[(,])-?\d+(?:\.\d+(?:e[-+]?\d+)?|e[-+]?\d+)(?=[,)])")
"""A float as an argument in a line."""

NAME = re.compile(r"\bv\d+\b")


def number(x: float) -> str:
    """A float as source text; it reads back as the same float."""
    return repr(float(x))


def steps(rows: Ints) -> list[int] | None:
    """The step along each axis if ``rows[i, j, ...] = rows[0, 0, ...] + i * step0 + j * step1 + ...``, else None."""
    if rows.ndim == 1:  # the commonest case, and one to be quick in
        step = int(rows[1]) - int(rows[0]) if len(rows) > 1 else 0
        return [step] if len(rows) <= 2 or every(rows[1:] - rows[:-1] == step) else None
    first = rows.flat[0]
    found: list[int] = []
    expected: Array = np.asarray(first)
    for axis, length in enumerate(rows.shape):
        corner = [0] * rows.ndim
        corner[axis] = 1
        step = int(rows[tuple(corner)] - first) if length > 1 else 0
        found.append(step)
        shape = [1] * rows.ndim
        shape[axis] = length
        expected = expected + step * np.arange(length).reshape(shape)
    return found if every(expected == rows) else None


def some(truths: npt.NDArray[np.bool_]) -> bool:
    """Is one of them true? For a few numbers this is several times faster than ``any()``, and never much slower."""
    return 1 in truths.tobytes()


def every(truths: npt.NDArray[np.bool_]) -> bool:
    """Are all of them true?"""
    return 0 not in truths.tobytes()


def contiguous(rows: Ints) -> bool:
    """Do the rows, in this order, follow one another in memory?"""
    flat = rows.ravel()
    if flat[-1] - flat[0] != flat.size - 1:
        return False
    return flat.size <= 2 or every(flat[1:] - flat[:-1] == 1)


class Emitter:
    """Lines, and the names in them.

    Args:
        lengths: how many numbers a row of each store holds: 1, or the batch size.
        dtype: of all stores.
    """

    def __init__(self, lengths: dict[str, int], dtype: npt.DTypeLike) -> None:
        self.lengths = lengths
        self.dtype = np.dtype(dtype)
        self.lines: list[str] = []
        self.names: dict[Hashable, str] = {}
        self.letters: dict[str, str] = {}
        self.makers: list[tuple[str, Callable[[Environment], Any]]] = []
        self.numbers: dict[str, str] = {}
        self.largest_product = 0
        self.scratch_used = self.scratch_size = 0

    # -- names -----------------------------------------------------------------------------------------------------

    def name(self, key: Hashable, make: Callable[[Environment], Any]) -> str:
        """The name of what ``make`` gives once the stores are there; one name for one key."""
        found = self.names.get(key)
        if found is None:
            found = self.names[key] = f"v{len(self.names)}"
            self.makers.append((found, make))
        return found

    def bound(self, thing: Any) -> str:
        """A name for an object that exists already."""
        return self.name(("object", len(self.names)), lambda env: thing)

    def index(self, rows: Ints) -> str:
        """A name for row numbers."""
        whole = np.ascontiguousarray(rows.ravel(), np.intp)
        return self.name(("index", whole.tobytes()), lambda env: whole)

    def line(self, function: str, *args: Any, into: list[str] | None = None) -> None:
        """One call; the last argument is written to."""
        (self.lines if into is None else into).append(f"{function}({','.join(map(str, args))})")

    def product(self, function: str, x: str, y: str, z: str, multiplications: int) -> None:
        """One call of BLAS; of the largest one it is known how large it is."""
        self.largest_product = max(self.largest_product, multiplications)
        self.line(function, x, y, z)

    def reduce(self, table: str, width: int, target: str) -> None:
        """target = the sum over the first axis, which is ``width`` long; of two, by an addition, which is faster."""
        if width == 2:
            self.line("add", self.derived(table, 0, itemgetter(0)), self.derived(table, 1, itemgetter(1)), target)
        else:
            self.line("addreduce", table, 0, None, target)

    def total(self, table: str, n: int, store: str, target: str, into: list[str] | None = None) -> None:
        """target, shape (n,), = the sums of n rows over the batch: a product with ones, which is faster than a sum."""
        length = self.lengths[store]
        ones = self.name(("ones", length), lambda env: np.ones(length, self.dtype))
        self.line("dot", self.reshaped(table, (n, length)), ones, target, into=into)

    # -- memory ----------------------------------------------------------------------------------------------------

    def view(self, store: str, start: int, shape: tuple[int, ...], form: str = "rows") -> str:
        """Rows ``start``, ``start + 1``, ... as an array of ``shape``, with the batch as the last axis.

        Args:
            form: "rows"; "flat" without the batch axis, of a store whose rows hold one number; "mat" with the batch
                merged into the last axis of ``shape``.
        """
        size = math.prod(shape)

        def make(env: Environment) -> Array:
            rows: Array = env[store][start : start + size]
            length = rows.shape[1]
            if form == "flat":
                return rows.reshape(shape)
            return rows.reshape((*shape, length) if form == "rows" else (*shape[:-1], shape[-1] * length))

        return self.name((store, start, shape, form), make)

    def strided(self, store: str, start: int, shape: tuple[int, ...], by: list[int], form: str) -> str:
        """As ``view``, of rows that lie in steps (one for each axis; a step may be 0)."""

        def make(env: Environment) -> Array:
            rows = env[store]
            length, row = rows.shape[1], rows.strides[0]
            whole: tuple[int, ...] = (*shape, length)
            strides: tuple[int, ...] = (*(step * row for step in by), rows.itemsize)
            if form == "flat":
                whole, strides = shape, strides[:-1]
            elif form == "mat":
                whole, strides = (*shape[:-1], shape[-1] * length), (*strides[:-2], rows.itemsize)
            return np.lib.stride_tricks.as_strided(rows[start:], whole, strides)

        return self.name((store, start, shape, tuple(by), form), make)

    def scratch(self, shape: tuple[int, ...], store: str = "V", dtype: npt.DTypeLike | None = None) -> str:
        """An array of ``shape`` and the batch behind it (as rows of ``store`` have it), until the next ``fresh``."""
        kind = np.dtype(dtype) if dtype is not None else self.dtype
        whole = (*shape, self.lengths[store])
        start = self.scratch_used
        size = math.prod(whole) * kind.itemsize
        self.scratch_used = -(-(start + size) // 64) * 64
        self.scratch_size = max(self.scratch_size, self.scratch_used)
        return self.name(
            ("scratch", start, whole, kind), lambda env: env["scratch"][start : start + size].view(kind).reshape(whole)
        )

    def fresh(self) -> None:
        """Scratch memory may be used again from its start."""
        self.scratch_used = 0
        self.letters.clear()

    def letter(self, letter: str, shape: tuple[int, ...], store: str, dtype: npt.DTypeLike | None = None) -> str:
        """Scratch memory that has a letter, the same until the next ``fresh``."""
        if letter not in self.letters:
            self.letters[letter] = self.scratch(shape, store, dtype)
        return self.letters[letter]

    def kept(self, shape: tuple[int, ...], store: str = "V") -> str:
        """An array as ``scratch`` gives it, that nothing else writes to: from the forward to the backward pass."""
        whole = (*shape, self.lengths[store])
        return self.name(("kept", len(self.names)), lambda env: np.zeros(whole, self.dtype))

    def derived(self, name: str, what: Hashable, make: Callable[[Array], Array]) -> str:
        """A view of what another name stands for, as a transpose."""
        return self.name((name, what), lambda env: make(env[name]))

    def reshaped(self, name: str, shape: tuple[int, ...]) -> str:
        """The same memory in another shape."""

        def make(array: Array) -> Array:
            result = array.reshape(shape)
            if not np.may_share_memory(array, result):
                raise AssertionError(f"rows in steps cannot be seen as {shape} without a copy")
            return result

        return self.derived(name, shape, make)

    def transposed(self, name: str) -> str:
        """The last two axes exchanged."""
        return self.derived(name, "transposed", lambda array: array.swapaxes(-1, -2))

    def constant(self, numbers: Floats) -> str:
        """A bound array of constants, with an axis behind it for the batch."""
        return self.bound(numbers[..., None].astype(self.dtype))

    def bind_numbers(self) -> None:
        """Give the numbers in NumPy's calls names: an array without a dimension takes it half the time of a float."""

        def named(found: re.Match[str]) -> str:
            text = found[0]
            name = self.name(("number", text), lambda env: self.scalar(float(text)))
            self.numbers[name] = text
            return name

        self.lines = [LITERAL.sub(named, line) if line[: line.find("(")] in FUNCTIONS else line for line in self.lines]

    def readable(self, source: str) -> str:
        """Source with the numbers in their places again."""
        return NAME.sub(lambda found: self.numbers.get(found[0], found[0]), source)

    def scalar(self, x: float) -> Array:
        """A number as an array without a dimension; one that is too large for the dtype is inf."""
        with np.errstate(over="ignore"):
            return np.array(x).astype(self.dtype)

    # -- reading rows ----------------------------------------------------------------------------------------------

    def take(
        self, store: str, rows: Ints, form: str = "rows", keep: bool = False, into: list[str] | None = None
    ) -> str:
        """The rows as an array of their shape (and ``form``, as ``view``): a view where they lie evenly, else a copy.

        Args:
            keep: the copy must last until the backward pass.
        """
        if contiguous(rows):
            return self.view(store, int(rows.flat[0]), rows.shape, form)
        by = steps(rows)
        if by is not None and self.even(rows.shape, by, form, self.lengths[store]):
            return self.strided(store, int(rows.flat[0]), rows.shape, by, form)
        copy = (self.kept if keep else self.scratch)(rows.shape, store)
        self.gather(store, rows, copy, into)
        length = self.lengths[store]
        if form == "flat":
            return self.reshaped(copy, rows.shape)
        return copy if form == "rows" else self.reshaped(copy, (*rows.shape[:-1], rows.shape[-1] * length))

    @staticmethod
    def even(shape: tuple[int, ...], by: list[int], form: str, length: int) -> bool:
        """Can rows in these steps be used where they lie? A matrix must be one that BLAS takes without a copy."""
        if form == "rows":
            return True
        if form == "mat":
            return (by[-1] == 1 or shape[-1] == 1) and by[-2] >= shape[-1]
        across, along = by[-2:]
        return (along == 1 and across >= shape[-1]) or (across == 1 and along >= shape[-2])

    def gather(self, store: str, rows: Ints, target: str, into: list[str] | None = None) -> None:
        """Copies rows into an array with room for them, in their order."""
        taker = self.name(("taker", store), lambda env: env[store].take)
        flat = self.reshaped(target, (rows.size, self.lengths[store]))
        self.line(taker, self.index(rows), 0, flat, '"clip"', into=into)  # "raise" would copy through a buffer

    # -- the end ---------------------------------------------------------------------------------------------------

    def environment(self, stores: Environment) -> Environment:
        """All names with what they stand for."""
        env: Environment = {**FUNCTIONS, **stores, "scratch": np.zeros(self.scratch_size, np.uint8)}
        for name, make in self.makers:
            env[name] = make(env)
        return env
