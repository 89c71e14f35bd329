"""From a function to a tape: it is run on Values for a few rows, and must do the same for each of them.

What a function decides by its data, Python's control flow as well as a float made of ``.data``, would be frozen in the
tape. Two things show it: whoever looks at a number while tracing is refused (see ``watching``), and the tapes of
several rows are compared, constants and all. What neither sees (a counter, a cache) is for those who run the program
to look for, on a row now and then.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autograd import modes, tree
from autograd.compiler.tape import FIRST_OP, PARAMETER, Tape, record_tape
from autograd.compiler.watching import Watched, behind, watched
from autograd.errors import CompileError
from autograd.files import collector_paused
from autograd.value import Value

Array = npt.NDArray[Any]
Run = tuple[Any, list[Value]]
"""What a function returned, and the leaves that it was given."""

LARGE = 100_000
"""A graph of more nodes is traced for fewer rows."""

ADVICE = f"a program does the same for every row. {modes.BRANCH_ADVICE}"


class Traced(NamedTuple):
    """A function's graph: what it returned for the first row, the leaves that vary, the tape, and its other leaves."""

    outputs: Any
    inputs: list[Value]
    tape: Tape
    fixed: list[Value]


def trace(
    function: Callable[[list[Value]], Any],
    columns: Array,
    rows: Iterable[int],
    *,
    names: Sequence[str] | None = None,
    parameters: Sequence[Value] | None = None,
    known: Sequence[Value] = (),
    roots: Sequence[Any] = (),
    what: str = "the function",
) -> Traced:
    """Run ``function`` on fresh leaves for some rows of ``columns``, shape (B, n), and compare the graphs.

    Args:
        function: given n leaves, returns a Value or a nested list of Values. Leaves that it appends to what it is given
            vary too.
        rows: which; a single one is run twice.
        names: of the leaves.
        parameters: those to train, of which the ones that are reached become parameters; by default all leaves that
            outlive a call, those that are ``known`` in front. The other leaves are constants.
        roots: the functions and objects that hold the Values which are watched meanwhile.
        what: what the function is called in errors.

    Raises:
        CompileError: the function looks at a number, the graphs differ, a result has no graph.
        Exception: whatever the function raises, with a note on the row.
    """
    chosen = list(dict.fromkeys(rows))
    found, generators = behind(*roots)
    watch = [*(parameters or ()), *known, *found]

    def once(row: int) -> tuple[Run, Tape]:
        made = run(function, columns, row, names, what, watch, generators)
        return made, record_tape(outputs_of(made, what), made[1])

    first, whole = once(chosen[0])
    watch += whole.leaves
    second = chosen[1] if len(chosen) > 1 else chosen[0]
    _, other = once(second)
    shared = set(map(id, other.leaves))
    leaves = [leaf for leaf in whole.leaves if id(leaf) in shared] if parameters is None else parameters
    tape = whole.of(leaves)
    for row in [second, *chosen[2:]]:
        if row != second:
            if len(tape) > LARGE:
                break
            _, other = once(row)
        other = other.of(leaves)
        if list(map(id, other.leaves)) != list(map(id, tape.leaves)):
            raise CompileError(
                f"{what} cannot be compiled: row {row} depends on other parameters than row {chosen[0]}; {ADVICE}"
            )
        if tape.key != other.key:
            again = once(chosen[0])[1].of(leaves) if row != chosen[0] else other
            raise unlike(tape, chosen[0], *((other, row) if again.key == tape.key else (again, chosen[0])), what)
    if parameters is None and known:
        front = dict.fromkeys(leaf for leaf in known if id(leaf) in shared)
        tape = record_tape(outputs_of(first, what), first[1], list(dict.fromkeys([*front, *tape.leaves])))
    kept = set(map(id, tape.leaves))
    return Traced(first[0], first[1], tape, [leaf for leaf in whole.leaves if id(leaf) not in kept])


def spread(count: int) -> list[int]:
    """The rows to trace of a batch, when nothing else is known: the first, the middle, the last."""
    return list(dict.fromkeys((0, count // 2, count - 1)))


def run(
    function: Callable[[list[Value]], Any],
    columns: Array,
    row: int,
    names: Sequence[str] | None,
    what: str,
    watch: Sequence[Value],
    generators: Sequence[Any],
) -> Run:
    """What the function returns for a row, and the leaves that it was given."""
    numbers = columns[row].tolist()
    look = modes.Trace(Watched)
    inputs = [Watched(x, name) for x, name in zip(numbers, names or [""] * len(numbers), strict=True)]
    try:
        with (
            watched(watch),
            modes.switched(record=True),
            collector_paused(),
            no_chance(look, generators),
            modes.tracing(look),
        ):
            result = function(inputs)
    except Exception as error:
        if look.looked or isinstance(error, CompileError):
            raise refused(what, look, error) from None
        error.add_note(f"while {what} was traced with row {row} of the batch")
        raise
    if look.looked:
        raise refused(what, look, None)
    return result, inputs


def refused(what: str, look: modes.Trace, error: Exception | None) -> CompileError:
    """The error of a function that cannot be traced: the first number that it looked at, or what it ran into."""
    line = look.line if look.looked or error is None else line_of(error)
    return CompileError(
        f"{what} cannot be compiled{f' ({line})' if line else ''}: {look.refusal() if look.looked else error}"
    )


def line_of(error: BaseException) -> str:
    """The line of the user's that an error came from: ``file.py:12``."""
    found, trace = "", error.__traceback__
    while trace is not None:
        if modes.package(trace.tb_frame) not in modes.LIBRARY:
            found = f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


@contextmanager
def no_chance(look: modes.Trace, generators: Sequence[Any]) -> Iterator[None]:
    """Inside, a function that draws random numbers is noticed; what it drew comes again.

    From the generators of ``random`` and ``numpy.random`` themselves, and from these.
    """
    legacy: Any = getattr(sys.modules.get("numpy.random"), "mtrand", None)
    every = [random, *([legacy] if legacy else ()), *generators]
    before = [state_of(each) for each in every]
    try:
        yield
    finally:
        for each, state in zip(every, before, strict=True):
            if not same_state(state_of(each), state):
                put_state(each, state)
                if not look.looked:
                    look.looked = "random numbers, which are others when it is called again"


def state_of(generator: Any) -> Any:
    """The state of a generator of Python's or of NumPy's."""
    if hasattr(generator, "bit_generator"):
        return generator.bit_generator.state
    return generator.getstate() if hasattr(generator, "getstate") else generator.get_state(legacy=False)


def put_state(generator: Any, state: Any) -> None:
    """Put a generator back to a state that it had."""
    if hasattr(generator, "bit_generator"):
        generator.bit_generator.state = state
    elif hasattr(generator, "getstate"):
        generator.setstate(state)
    else:
        generator.set_state(state)


def same_state(a: Any, b: Any) -> bool:
    """Are two states one? Dicts, tuples and arrays of numbers."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_state(a[key], b[key]) for key in a)
    return bool(np.array_equal(a, b)) if isinstance(a, np.ndarray) else bool(a == b)


def outputs_of(run: Run, what: str) -> list[Any]:
    """The outputs in a row. CompileError: none, or something that is no number."""
    try:
        found = tree.leaves(run[0])
    except TypeError:
        found = []
    if not found:
        raise CompileError(
            f"{what} returned {type(run[0]).__name__}: a program computes a Value, or nested lists of Values"
        )
    if not any(isinstance(x, Value) for x in found):
        raise CompileError(
            f"{what} returned the plain number {found[0]!r}: its graph was lost on the way. Use autograd's functions "
            "in place of math's, and do not take .data inside"
        )
    return found


def unlike(tape: Tape, row: int, other: Tape, other_row: int, what: str) -> CompileError:
    """The error for tapes of two rows that are not the same."""
    between = f"row {other_row} than for row {row}" if row != other_row else f"row {row} when it is called again"
    return CompileError(
        f"{what} cannot be compiled: it computes something else for {between}: {difference(tape, other)}; {ADVICE}"
    )


def difference(a: Tape, b: Tape) -> str:
    """The first node in which two tapes differ, in words."""
    for i in range(min(len(a), len(b))):
        kinds = [None if t.code[i] < FIRST_OP else t.op(i) for t in (a, b)]
        if kinds[0] is not kinds[1] or (kinds[0] is None and a.code[i] != b.code[i]):
            return f"{shown(b, i)} in place of {shown(a, i)}"
        if kinds[0] is None:
            if a.code[i] < PARAMETER and repr(float(a.data[i])) != repr(float(b.data[i])):
                return f"the constant {float(b.data[i])!r} in place of {float(a.data[i])!r}{used(a, i)}"
        elif a.operands(i).tolist() != b.operands(i).tolist():
            return f"{shown(b, i)} has other operands"
    if len(a) != len(b):
        return f"{len(b)} nodes in place of {len(a)}"
    for i, j in zip(a.outputs.tolist(), b.outputs.tolist(), strict=False):
        if i != j:
            return f"the output is {shown(b, j)} in place of {shown(a, i)}"
    return f"{len(b.outputs)} outputs in place of {len(a.outputs)}"


def shown(tape: Tape, node: int) -> str:
    """A node in a message."""
    return f"the constant {float(tape.data[node])!r}" if tape.code[node] < PARAMETER else tape.describe(node)


def used(tape: Tape, node: int) -> str:
    """Which operation uses a constant."""
    users = np.flatnonzero(tape.args == node)
    if not len(users):
        return ""
    return f", an operand of {tape.describe(int(np.searchsorted(tape.start, users[0], 'right')) - 1)}"
