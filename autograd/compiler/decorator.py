"""``autograd.compile``: of Values that are there already, and as a decorator of functions."""

from __future__ import annotations

import copy
import functools
import inspect
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.compiler.explain import Explanation
from autograd.compiler.program import Program, check_backend, check_dtype, program_of, refuse_masked, shape_of
from autograd.compiler.tracing import outputs_of, spread, trace
from autograd.locks import new_lock
from autograd.number import Number
from autograd.tree import is_number, same_kind
from autograd.value import Value

Array = npt.NDArray[Any]

PROGRAMS = 32
"""How many programs a decorated function keeps, one for each shape and set of parameters."""


def compile(
    outputs: Any = None,
    inputs: Any = None,
    parameters: Any = None,
    *,
    dtype: Any = "float64",
    backend: str | None = None,
) -> Any:
    """A program that computes a recorded graph over a batch; or, as ``@compile``, a function that is compiled.

    Args:
        outputs: a Value or a (nested) list of Values, already computed; or a function to compile.
        inputs: the leaves that vary along the batch, in the order of its columns.
        parameters: the leaves that are parameters, all others being constants then. By default every leaf that is no
            input is one, in the order in which a walk from the first operand of the first output meets them.
        dtype: "float64" or "float32": the numbers inside the program.
        backend: "numpy" (whole batches, operation by operation) or "python" (generated code on floats, for tiny
            graphs); by default a cost model chooses for every batch size.

    Returns:
        A ``Program``; of a function a ``Compiled`` (or, without ``outputs``, a decorator that makes one).

    Raises:
        ValueError: no outputs, an unknown dtype or backend, or one that does not fit the other.
        GraphError: an input or parameter that is computed or is given twice.
        TypeError: something that is no Value; a function together with inputs.

    >>> @compile
    ... def loss(w, x, y):                           # doctest: +SKIP
    ...     return (w[0] * x + w[1] - y).square()
    """
    if outputs is None and inputs is None:
        check_dtype(dtype)
        check_backend(backend)
        return functools.partial(compile, parameters=parameters, dtype=dtype, backend=backend)
    if callable(outputs) and not isinstance(outputs, Value):
        if inputs is not None or parameters is not None:
            raise TypeError("a function is compiled without inputs and parameters: arrays that it is called with vary")
        return Compiled(outputs, dtype, backend)
    if inputs is None:
        raise TypeError("compile(outputs, inputs=[...]): name the leaves that vary along the batch ([] for none)")
    return program_of(outputs, inputs, parameters, dtype, backend)


class Compiled:
    """A function of Values that is compiled when it is first called with arrays, once for each shape.

    Of the arguments (in lists, tuples and dicts of any depth)

    - arrays vary along the batch: their first axis is its rows. The function gets a Value for a row of shape (), a list
      of Values for one of shape (n,), and so on;
    - Values are parameters, shared with the eager graph, as are those that the function finds elsewhere;
    - anything else is fixed: another number, text or function makes another program. Of an object (the ``self`` of a
      method, say) it is the object that counts: what changes inside it later is not seen.

    Called without an array it is the function itself, and records a graph.
    """

    first: tuple[Any, ...] = ()
    """The object that a method was called on."""

    def __init__(self, function: Callable[..., Any], dtype: Any = "float64", backend: str | None = None) -> None:
        self.function = function
        self.dtype = check_dtype(dtype)
        check_backend(backend)
        self.backend = backend
        self._programs: OrderedDict[Any, tuple[Program, Any]] = OrderedDict()
        self._lock = new_lock()
        functools.update_wrapper(self, function)

    def __get__(self, instance: Any, owner: type | None = None) -> Compiled:
        """Of a function in a class, the method."""
        if instance is None:
            return self
        method = copy.copy(self)  # the programs are those of all
        method.first = (instance,)
        return method

    def __call__(self, *args: Any, **named: Any) -> Any:
        """The outputs for every row, as ``Program.__call__`` gives them; without arrays, what the function returns.

        Raises:
            CompileError: the function decides by its data what it computes.
            ValueError: arrays of different numbers of rows, or without any.
            TypeError: an array of something else than real numbers (or Values).
        """
        arguments = Arguments(self, args, named)
        if not arguments.arrays:
            return self.function(*arguments.args, **named)
        program, batch = self.prepared(arguments)
        return program(batch)

    def value_and_grad(self, *args: Any, reduction: str = "mean", **named: Any) -> tuple[float, Array]:
        """The mean (or sum) over the rows, and its gradient, aligned with ``program(...).parameters``."""
        program, batch = self.prepared(Arguments(self, args, named))
        return program.value_and_grad(batch, reduction)

    def backward(self, *args: Any, reduction: str = "mean", **named: Any) -> float:
        """Add the gradient to ``grad`` of the parameters; returns the mean or the sum."""
        program, batch = self.prepared(Arguments(self, args, named))
        return program.backward(batch, reduction)

    def sgd(self, *args: Any, learning_rate: float, **named: Any) -> float:
        """One step of gradient descent on the mean over the rows; returns the mean before it."""
        program, batch = self.prepared(Arguments(self, args, named))
        return program.sgd(batch, learning_rate)

    def explain(self, *args: Any, **named: Any) -> Explanation:
        """What became of the function for such arguments; see ``Program.explain``."""
        program, batch = self.prepared(Arguments(self, args, named))
        return program.explain(len(batch))

    def program(self, *args: Any, **named: Any) -> Program:
        """The program behind a call with such arguments: for sessions, and to see its parameters."""
        return self.prepared(Arguments(self, args, named))[0]

    def batch(self, *args: Any, **named: Any) -> Array:
        """The arrays among the arguments as one batch for that program, shape (rows, numbers)."""
        return self.prepared(Arguments(self, args, named))[1]

    def prepared(self, arguments: Arguments) -> tuple[Program, Array]:
        """The program for such arguments, traced if it is new, and the batch."""
        columns = arguments.columns()
        with self._lock:
            if arguments.key not in self._programs:
                traced = trace(
                    arguments.call,
                    columns,
                    spread(len(columns)),
                    names=arguments.names,
                    known=arguments.values,
                    roots=(self.function, arguments.args, arguments.named),
                    what=arguments.what,
                )
                shape = shape_of(traced.outputs, len(outputs_of((traced.outputs, []), arguments.what)))
                program = Program(traced.tape, traced.inputs, shape, self.dtype, self.backend)
                self._programs[arguments.key] = program, arguments  # which hold what the key has ids of
                if len(self._programs) > PROGRAMS:
                    self._programs.popitem(last=False)
            self._programs.move_to_end(arguments.key)
            return self._programs[arguments.key][0], columns


class Arguments:
    """The arguments of one call, sorted into what varies, what is trained, and what is fixed."""

    def __init__(self, compiled: Compiled, args: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        self.function = compiled.function
        self.what = getattr(compiled.function, "__name__", "the function")
        self.args, self.named = (*compiled.first, *args), dict(named)
        self.arrays: list[Array] = []
        self.values: list[Value] = []
        self.names: list[str] = []
        paths = parameter_names(self.function, len(self.args))
        self.key = (
            tuple(self.sort(x, path) for x, path in zip(self.args, paths, strict=True)),
            tuple((name, self.sort(x, name)) for name, x in self.named.items()),
        )

    def sort(self, x: Any, path: str) -> Any:
        """A key of the structure; collects the arrays, with names for their columns, and the Values on the way."""
        if isinstance(x, np.ndarray) and x.dtype != object:
            refuse_masked(path, x)
            if not x.ndim:
                return self.sort(x.item(), path)
            self.arrays.append(x)
            self.names += [path + "".join(f"[{i}]" for i in place) for place in np.ndindex(x.shape[1:])]
            return "array", x.shape[1:]
        if isinstance(x, Value):
            self.values.append(x)
            return "value", id(x)
        if isinstance(x, Mapping):
            return "dict", tuple((key, self.sort(each, f"{path}[{key!r}]")) for key, each in x.items())
        if isinstance(x, np.ndarray) and x.size and all(is_number(n) and not isinstance(n, Number) for n in x.flat):
            raise TypeError(f"{self.what} was called with numbers in an array of objects: give array.astype(float)")
        if isinstance(x, list | tuple | np.ndarray):
            return type(x).__name__, tuple(self.sort(each, f"{path}[{i}]") for i, each in enumerate(x))
        if isinstance(x, float | np.floating):
            return "fixed", type(x), repr(x)  # 0.0 and -0.0 are equal, their texts are not; nan is its own text alone
        try:
            hash(x)
        except TypeError:
            return "fixed", type(x), id(x)
        return "fixed", type(x), x

    def columns(self) -> Array:
        """The arrays beside each other, shape (rows, numbers)."""
        if not self.arrays:
            raise ValueError(f"{self.what} was called without an array: there is no batch to run over")
        rows = {len(x) for x in self.arrays}
        if len(rows) > 1:
            raise ValueError(
                f"{self.what} was called with arrays of {', '.join(str(len(x)) for x in self.arrays)} rows: the first "
                "axis of every array is the batch"
            )
        if not rows.pop():
            raise ValueError(f"{self.what} was called with arrays without rows: the batch is empty")
        if bad := [x.dtype for x in self.arrays if x.dtype.kind not in "biuf"]:
            raise TypeError(f"{self.what} takes arrays of real numbers, not of {bad[0]}")
        return np.concatenate([x.reshape(len(x), -1).astype(float) for x in self.arrays], axis=1)

    def call(self, leaves: list[Value]) -> Any:
        """The function with leaves in place of the arrays."""
        rest = iter(leaves)

        def one(shape: tuple[int, ...]) -> Any:
            return [one(shape[1:]) for _ in range(shape[0])] if shape else next(rest)

        def fill(x: Any) -> Any:
            if isinstance(x, np.ndarray) and x.dtype != object:
                return one(x.shape[1:]) if x.ndim else x
            if isinstance(x, Mapping):
                return {key: fill(each) for key, each in x.items()}
            if isinstance(x, list | tuple):
                return same_kind(x, [fill(each) for each in x])
            return x

        args, named = fill(list(self.args)), fill(self.named)
        return self.function(*args, **named)


def parameter_names(function: Callable[..., Any], count: int) -> list[str]:
    """What the function calls its first arguments."""
    try:
        names = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        names = []
    return [names[i] if i < len(names) else f"argument {i}" for i in range(count)]
