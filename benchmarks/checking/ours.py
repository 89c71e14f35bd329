"""autograd.check.check_gradients on the same problems, in the ways in which it meets a gradient.

    python -m checking.ours JOB RESULT

``graph``: f records a graph of ours, and the mutated rule sits in it, in a declared operation. ``custom``: the same
with an operation that the checker has never seen, as of ``autograd.custom``, so that no second opinion on it exists.
``by hand``: ``gradient=`` beside an f that runs on Values too. ``black box``: ``gradient=`` beside an f that takes one
NumPy array and refuses Values. RESULT is a list of ``{way: [verdict, [], seconds]}``.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from autograd.check import Report, check_gradients, gradients
from autograd.ops import TABLE
from checking.mutants import Mutant, expression, mutated_operation
from checking.programs import Program, run

FORWARD = {name: op.forward for name, op in TABLE.items()}
MUTANT_MODES = ("graph", "custom", "by hand", "black box")
CORRECT_MODES = ("graph", "by hand", "black box")


def by_hand(program: Program, gradient: list[float]) -> Report:
    found = tuple(gradient) if len(gradient) > 1 else gradient[0]
    return check_gradients(expression(program), *program["point"], gradient=found)


def black_box(program: Program, gradient: list[float]) -> Report:
    def f(x: Any) -> float:
        if x.dtype == object:
            raise TypeError("f takes floats")
        return float(run(program, [float(number) for number in x], FORWARD))

    return check_gradients(f, np.array(program["point"]), gradient=np.array(gradient))


def check_mutant(mutant: Mutant, mode: str) -> Report:
    """The report on a mutant. A lost accumulation has no rule of its own to sit in: there the gradient is put in place
    of what the reverse sweep returns."""
    if mode == "by hand":
        return by_hand(mutant.program, mutant.gradient)
    if mode == "black box":
        return black_box(mutant.program, mutant.gradient)
    if mutant.line < 0:
        with mock.patch.object(gradients, "own", return_value=list(mutant.gradient)):
            return check_gradients(expression(mutant.program), *mutant.program["point"])
    op = mutated_operation(mutant, known=mode == "graph")
    return check_gradients(expression(mutant.program, {mutant.line: op}), *mutant.program["point"])


def check_correct(program: Program, gradient: list[float], mode: str) -> Report:
    """The report on a right gradient."""
    if mode == "graph":
        return check_gradients(expression(program), *program["point"])
    return (by_hand if mode == "by hand" else black_box)(program, gradient)


def verdict(check: Callable[[], Report]) -> str:
    """The report's verdict; "convention" where all that is wrong is so by convention; "error: ..." of an exception."""
    try:
        report = check()
    except Exception as error:
        return f"error: {type(error).__name__}: {str(error)[:200]}"
    kinds = {entry.kind for entry in report if entry.verdict == "wrong"}
    return "convention" if kinds == {"convention"} else report.verdict


def answers(item: dict[str, Any]) -> dict[str, tuple[str, list[float], float]]:
    """The verdict on one question in every way, and its CPU seconds."""
    found: dict[str, tuple[str, list[float], float]] = {}
    for mode in MUTANT_MODES if "mutant" in item else CORRECT_MODES:
        start = time.process_time()
        if "mutant" in item:
            said = verdict(partial(check_mutant, Mutant(*item["mutant"]), mode))
        else:
            said = verdict(partial(check_correct, item["program"], item["right"], mode))
        found[mode] = said, [], time.process_time() - start
    return found


def main(job: str, result: str) -> None:
    found = [answers(item) for item in json.loads(Path(job).read_text(encoding="utf-8"))]
    Path(result).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
