"""What every schedule and every run of it must be: orders, kinds, numbers of the interpreter."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from autograd.compiler.interpret import run_schedule, run_tape, tape_gradients
from autograd.compiler.numpy import NumpyPlan
from autograd.compiler.numpy.plan import NumpyRun
from autograd.compiler.numpy.turned import Turned
from autograd.compiler.raising import raise_tape
from autograd.compiler.schedule import (
    Elementwise,
    Gather,
    MatMul,
    Product,
    Schedule,
    Sum,
    elementwise_schedule,
    operands,
)
from autograd.compiler.tape import CONSTANT, FIRST_OP, Tape
from support.compiler_graphs import EPS, close, error_bounds, sizes

WAYS: dict[str, Any] = {
    "raised": raise_tape,
    "uniform": lambda tape: raise_tape(tape, uniform=True),
    "no products": lambda tape: raise_tape(tape, products=False),
    "nothing raised": elementwise_schedule,
}


def bound(schedule: Schedule, rows: int, dtype: Any = np.float64, theta: Any = None) -> NumpyRun:
    """A run with the recorded parameters, and a gradient of nan, so that what is not written is seen."""
    plan = NumpyPlan(schedule, dtype)
    tape = schedule.tape
    numbers = tape.data[tape.parameters] if theta is None else theta
    return plan.bind(rows, numbers[plan.order].astype(dtype), np.full(len(plan.order), np.nan, dtype))


def gradient(run: NumpyRun) -> Any:
    """The gradient in the order of the tape."""
    found = np.full(len(run.plan.order), np.nan)
    found[run.plan.order] = run.stores["G"][:, 0]
    return found


def check(schedule: Schedule, batch: Any, dtype: Any = np.float64) -> NumpyRun:
    """Outputs, gradient and input gradients are the interpreter's, the second time as the first."""
    tape = schedule.tape
    run = bound(schedule, len(batch), dtype)
    theta = tape.data[tape.parameters].astype(dtype).astype(float)
    batch = batch.astype(dtype)
    with np.errstate(all="ignore"):
        rows = run_tape(tape, batch, theta)
        adjoints, size = tape_gradients(tape, rows, np.ones(len(batch))), sizes(tape, rows)
    slack = 64 * (EPS if dtype == np.float64 else 2.0**-23) * len(tape)
    outputs = rows[tape.outputs].T
    scale = np.abs(rows).max(axis=0, initial=1.0).max()
    for _ in range(2):
        with np.errstate(all="ignore"):
            run.stores["G"][:] = np.nan
            mean = run.backward(batch)
            assert close(run.forward(batch), outputs, slack * scale)
            assert close(np.float64(mean), outputs.mean(), slack * scale)
            assert close(gradient(run), adjoints[tape.parameters].mean(axis=1), slack * size[tape.parameters].mean(1))
            assert close(run.input_gradients(batch), adjoints[tape.inputs].T, slack * size[tape.inputs].T)
    return run


SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1e-8,
    3.0,
    -3.0,
    20.0,
    -20.0,
    40.0,
    1000.0,
    -1000.0,
    np.inf,
    -np.inf,
    np.nan,
]


def same(found: Any, expected: Any, condition: Any = 1.0) -> bool:
    """Equal to a few last places; nan like nan, inf like inf, whatever the sign of a zero."""
    with np.errstate(all="ignore"):
        near = np.abs(found - expected) <= 16 * EPS * np.abs(expected) * condition
    return bool(np.all(near | (found == expected) | (np.isnan(found) & np.isnan(expected))))


def meaning(group: Any) -> Any:
    """What a group computes, whatever the order in which it is written."""
    if isinstance(group, Elementwise):
        return {int(o): tuple(args) for o, args in zip(group.out, group.args.T.tolist(), strict=True)}
    if isinstance(group, Sum):
        return {
            int(o): sorted(
                (int(part.x[j, i]), -1 if part.y is None else int(part.y[j, i]), float(part.c[j, i]))
                for part in group.parts
                for j in range(len(part.x))
            )
            for i, o in enumerate(group.out)
        }
    if isinstance(group, MatMul):
        return {
            int(group.out[g, r, p]): sorted(zip(group.w[g, r].tolist(), group.x[g, :, p].tolist(), strict=True))
            for g, r, p in np.ndindex(group.out.shape)
        }
    if isinstance(group, Product):
        out = group.out.transpose(group.axes) if isinstance(group, Turned) else group.out
        return [out.tolist(), group.x.tolist(), group.y.tolist(), group.scale]
    return [group.out.tolist(), *(ids.tolist() for ids in operands(group))]


def check_order(schedule: Schedule) -> None:
    """Every node is made once, before it is read, in a group of its kind; outputs are there."""
    tape = schedule.tape
    made, level = schedule.known.copy(), np.zeros(schedule.size, int)
    made[: len(tape)] |= tape.code < FIRST_OP
    for group in schedule.groups:
        for ids in operands(group):
            assert made[ids].all()
            assert (level[ids] < group.level).all() or isinstance(group, Sum)
            assert (level[ids] <= group.level).all()
        out = group.out.ravel()
        assert not made[out].any()
        assert len(np.unique(out)) == len(out)
        assert (schedule.batched[out] == group.batched).all()
        made[out], level[out] = True, group.level
    assert made[tape.outputs].all()
    assert [group.level for group in schedule.groups] == sorted(group.level for group in schedule.groups)


def check_kinds(schedule: Schedule) -> None:
    """Where a group asks for operands of one kind, they are, and shapes fit."""

    def alike(ids: Any) -> bool:
        return len(np.unique(schedule.batched[ids[~schedule.known[ids]]])) <= 1

    for group in schedule.groups:
        if isinstance(group, Elementwise):
            assert all(alike(row) for row in group.args)
            assert group.args.shape[1:] == group.out.shape
        elif isinstance(group, Sum):
            assert group.bias.shape == group.out.shape
            for part in group.parts:
                assert part.x.shape == part.c.shape == (len(part.x), len(group.out))
                assert alike(part.x)
                if part.y is not None:
                    assert part.y.shape == part.x.shape
                    assert alike(part.y)
                    assert not schedule.batched[part.x].any() or schedule.batched[part.y[part.y != schedule.zero]].all()
        elif isinstance(group, MatMul | Product):
            left, right = operands(group)
            assert group.out.shape == (len(left), left.shape[1], right.shape[2])
            assert left.shape[2] == right.shape[1]
            assert isinstance(group, Product) or not schedule.batched[left].any()
        elif isinstance(group, Gather):
            assert group.out.shape == (group.table.shape[1], len(group.index))
            assert not schedule.batched[group.table].any()


def check_numbers(schedule: Schedule, batch: Any) -> None:
    """Every node of the tape that the schedule makes has the tape's number, within rounding."""
    tape = schedule.tape
    theta = tape.data[tape.parameters]
    wanted, found = run_tape(tape, batch, theta), run_schedule(schedule, batch, theta)
    angles = [tape.operands(i) for i in range(len(tape)) if tape.code[i] >= FIRST_OP and tape.op(i).name == "atan2"]
    if any(((wanted[y] == 0.0) & ~(wanted[x] > 0.0)).any() for y, x in angles):
        return  # they hang on the sign of a zero, which a schedule does not keep: what runs it notices
    nodes = np.unique([*tape.outputs.tolist(), *(i for g in schedule.groups for i in g.out.ravel() if i < len(tape))])
    wanted, found, bounds = wanted[nodes], found[nodes], error_bounds(tape, wanted)[nodes]
    finite = np.isfinite(wanted)
    assert np.array_equal(np.isnan(wanted), np.isnan(found))
    assert (wanted[~finite] == found[~finite])[~np.isnan(wanted[~finite])].all()
    assert (np.abs(wanted - found)[finite] <= bounds[finite] + 1e-300).all()


def naive_terms(tape: Tape) -> Any:
    """A function from a node to its terms as the tape has them: {(x, y) or (x,): coefficient}, by plain recursion."""
    uses = Counter(tape.args.tolist()) + Counter(tape.outputs.tolist()) + Counter(tape.outputs.tolist())

    def name(node: int) -> str:
        return tape.op(node).name if tape.code[node] >= FIRST_OP else ""

    def terms(node: int, top: bool) -> Counter[tuple[int, ...]]:
        args = tape.operands(node).tolist()
        numbers = [tape.data[i] if tape.code[i] == CONSTANT else None for i in args]
        what = name(node) if top or uses[node] == 1 else ""
        pairs: list[tuple[float, int]] = []
        result: Counter[tuple[int, ...]] = Counter()
        if what in ("add", "sum", "identity"):
            pairs = [(1.0, x) for x in args]
        elif what == "sub":
            pairs = [(1.0, args[0]), (-1.0, args[1])]
        elif what == "neg":
            pairs = [(-1.0, args[0])]
        elif what == "mean":
            pairs = [(1.0 / len(args), x) for x in args]
        elif what == "mul" and (numbers[0] is None) != (numbers[1] is None):
            pairs = [(numbers[1], args[0]) if numbers[0] is None else (numbers[0], args[1])]
        elif what == "div" and numbers[1] is not None:
            pairs = [(1.0 / numbers[1], args[0])]
        elif what == "dot":
            half = len(args) // 2
            for w, x in zip(args[:half], args[half:], strict=False):
                result[tuple(sorted((w, x)))] += 1.0
            pairs = [(1.0, x) for x in args[2 * half :]]
        elif what == "mul" and not top:
            return Counter({tuple(sorted(args)): 1.0})
        else:
            return Counter({(node,): 1.0})
        for c, x in pairs:
            for key, each in terms(x, False).items():
                result[key] += c * each
        return result

    return terms


def check_terms(schedule: Schedule) -> None:
    """Every cell of a product that is a node of the tape has the terms of that node."""
    tape = schedule.tape
    terms = naive_terms(tape)
    for group in schedule.groups:
        if not isinstance(group, MatMul | Product):
            continue
        left, right = operands(group)
        for g, r, p in np.argwhere(group.out < len(tape)).tolist():
            found: Counter[tuple[int, ...]] = Counter()
            for w, x in zip(left[g, r].tolist(), right[g, :, p].tolist(), strict=True):
                if schedule.zero not in (w, x):
                    found[(w,) if x == schedule.one else tuple(sorted((w, x)))] += 1.0
            wanted = terms(int(group.out[g, r, p]), True)
            constants = {i for key in wanted for i in key if schedule.known[i]}  # these are folded
            if max(map(max, found)) < len(tape) and not constants:
                assert found == wanted
