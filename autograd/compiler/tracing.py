"""From a function to a tape: it is run on Values for a few rows, and must do the same for each of them.

What a function decides by its data, Python's control flow as well as a float made of ``.data``, would be frozen in the
tape. Two things show it: comparisons of Values are refused while tracing, and the tapes of several rows (the first one
twice, for what is random) are compared, constants and all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from autograd import modes, tree
from autograd.compiler.tape import FIRST_OP, PARAMETER, Tape, record_tape
from autograd.errors import CompileError
from autograd.files import collector_paused
from autograd.value import Value

Array = npt.NDArray[Any]

LARGE = 100_000
"""A graph of more nodes is traced for fewer rows."""

ADVICE = f"a program does the same for every row. {modes.BRANCH_ADVICE}"
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Traced(NamedTuple):
    """A function's graph: what it returned for the first row, the leaves that vary, and the tape."""

    outputs: Any
    inputs: list[Value]
    tape: Tape


def trace(
    function: Callable[[list[Value]], Any],
    columns: Array,
    rows: Iterable[int],
    *,
    names: Sequence[str] | None = None,
    parameters: Sequence[Value] | None = None,
    known: Sequence[Value] = (),
    what: str = "the function",
) -> Traced:
    """Run ``function`` on fresh leaves for some rows of ``columns``, shape (B, n), and compare the graphs.

    Args:
        function: given n leaves, returns a Value or a nested list of Values.
        rows: which; the first one is run twice.
        names: of the leaves.
        parameters: those to train, of which the ones that are reached become parameters; by default all leaves that
            outlive a call, those that are ``known`` in front. The other leaves are constants.
        what: what the function is called in errors.

    Raises:
        CompileError: the graphs differ, a comparison of Values, a result without a graph.
        Exception: whatever the function raises, with a note on the row.
    """
    chosen = list(dict.fromkeys(rows))
    first, again = (run(function, columns, chosen[0], names, what) for _ in range(2))
    outputs_of(again, what)
    outputs = outputs_of(first, what)
    leaves = outliving(first, again, known) if parameters is None else reached(first, parameters)
    tape = record_tape(outputs, first[1], leaves)
    compare(tape, chosen[0], recorded(again, leaves, what), chosen[0], what)
    for row in chosen[1 : 2 if len(tape) > LARGE else None]:
        other = run(function, columns, row, names, what)
        if parameters is not None and list(map(id, reached(other, parameters))) != list(map(id, leaves)):
            raise CompileError(
                f"{what} cannot be compiled: row {row} depends on other parameters than row {chosen[0]}; {ADVICE}"
            )
        compare(tape, chosen[0], recorded(other, leaves, what), row, what)
    return Traced(first[0], first[1], tape)


def spread(count: int) -> list[int]:
    """The rows to trace of a batch, when nothing else is known: the first, the middle, the last."""
    return list(dict.fromkeys((0, count // 2, count - 1)))


def run(
    function: Callable[[list[Value]], Any], columns: Array, row: int, names: Sequence[str] | None, what: str
) -> tuple[Any, list[Value]]:
    """What the function returns for a row, and the leaves that it was given."""
    numbers = columns[row].tolist()
    inputs = [Value(x, name) for x, name in zip(numbers, names or [""] * len(numbers), strict=True)]
    recording = modes.switched(record=True) if modes.active else nullcontext()
    try:
        with recording, modes.no_branches(), collector_paused():
            return function(inputs), inputs
    except CompileError as error:
        raise CompileError(f"{what} cannot be compiled{place(error)}: {error}") from None
    except Exception as error:
        error.add_note(f"while {what} was traced with row {row} of the batch")
        raise


def place(error: BaseException) -> str:
    """The line of the user's that an error came from: `` (file.py:12)``."""
    found, trace = "", error.__traceback__
    while trace is not None:
        path = trace.tb_frame.f_code.co_filename
        if not os.path.abspath(path).startswith(_PACKAGE + os.sep):
            found = f" ({os.path.basename(path)}:{trace.tb_lineno})"
        trace = trace.tb_next
    return found


def outputs_of(run: tuple[Any, list[Value]], what: str) -> list[Any]:
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


def leaves_of(run: tuple[Any, list[Value]]) -> list[Value]:
    """The leaves behind the outputs, but for the inputs and what was detached."""
    return record_tape(tree.leaves(run[0]), run[1]).leaves


def outliving(first: tuple[Any, list[Value]], again: tuple[Any, list[Value]], known: Sequence[Value]) -> list[Value]:
    """The leaves that two runs share, known ones in front; what a run makes for itself is a constant."""
    shared = set(map(id, leaves_of(again)))
    found = {id(leaf): leaf for leaf in leaves_of(first) if id(leaf) in shared}
    return [*(found.pop(id(leaf)) for leaf in dict.fromkeys(known) if id(leaf) in found), *found.values()]


def reached(run: tuple[Any, list[Value]], parameters: Sequence[Value]) -> list[Value]:
    """Those of the parameters that a run depends on."""
    behind = set(map(id, leaves_of(run)))
    return [parameter for parameter in parameters if id(parameter) in behind]


def recorded(run: tuple[Any, list[Value]], leaves: Sequence[Value], what: str) -> Tape:
    """The tape of a run."""
    return record_tape(outputs_of(run, what), run[1], leaves)


def compare(tape: Tape, row: int, other: Tape, other_row: int, what: str) -> None:
    """CompileError unless the tapes of two rows are the same but for the numbers of inputs and parameters."""
    if tape.key == other.key:
        return
    between = f"row {other_row} than for row {row}" if row != other_row else f"row {row} when it is called again"
    raise CompileError(
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
