"""Dual numbers against the reverse sweep, operation by operation, alone and one inside the other."""

import math
import random

import pytest
from support.mp_reference import Point, points, reference
from support.operations import DECLARED, PUBLIC, kink, line, middling

import autograd as ag
from autograd import Dual, Value
from autograd.op import Op
from autograd.ops import TABLE
from autograd.reverse import UNREACHED

EPS = 2.0**-52


def along(op: Op, point: Point, direction: Point) -> tuple[float, float]:
    """Value and derivative in a direction, by forward mode; an operand whose direction is 0 does not move."""
    duals = tuple(Dual(x, d or UNREACHED, tag=1) for x, d in zip(point, direction, strict=True))
    out = op.apply(duals)
    return out.primal, out.tangent


@pytest.mark.parametrize("op", DECLARED, ids=lambda op: op.name)
def test_forward_mode_agrees_with_reverse_mode(op: Op) -> None:
    chance = random.Random(op.name)
    for p in points(op)[::3]:
        if op.name == "power_derivative":
            direction: Point = (chance.uniform(-1, 1), chance.uniform(-1, 1), 0.0, 0.0)
        else:
            direction = tuple(chance.uniform(-2.0, 2.0) for _ in p)
        primal, tangent = along(op, p, direction)
        node = op.apply(tuple(map(Value, p)))
        products = [partial * d for partial, d in zip(node.partials, direction, strict=True) if d]
        assert primal == node.data
        if all(map(math.isfinite, products)):
            assert abs(tangent - math.fsum(products)) <= 4 * EPS * math.fsum(map(abs, products)) + 1e-323, p
        else:
            assert not math.isfinite(tangent)


@pytest.mark.parametrize("op", PUBLIC, ids=lambda op: op.name)
def test_forward_over_reverse_and_reverse_over_forward(op: Op) -> None:
    for start, direction in middling(op):
        f = line(op, start, direction)
        slope = ag.grad(f)(0.0)
        assert ag.jvp(f, (0.0,), (1.0,))[1] == pytest.approx(slope, rel=1e-14, abs=1e-15)

        def forward(t: float) -> float:
            return ag.jvp(f, (t,), (1.0,))[1]  # noqa: B023

        second = ag.jvp(forward, (0.0,), (1.0,))[1]
        scale = abs(slope) + abs(second)
        assert ag.jvp(ag.grad(f), (0.0,), (1.0,))[1] == pytest.approx(second, rel=1e-13, abs=1e-13 * scale)
        assert ag.grad(lambda t: forward(t) + 0.0 * t)(0.0) == pytest.approx(second, rel=1e-13, abs=1e-13 * scale)


@pytest.mark.parametrize("op", [op for op in PUBLIC if op.arity == 2], ids=lambda op: op.name)
def test_a_mixed_second_derivative_either_way(op: Op) -> None:
    for (x, y), _ in middling(op):
        one = ag.jvp(ag.grad(op, argnums=0), (x, y), (0.0, 1.0))[1]
        other = ag.jvp(ag.grad(op, argnums=1), (x, y), (1.0, 0.0))[1]
        assert one == pytest.approx(other, rel=1e-12, abs=1e-13)


def test_a_dual_outside_the_domain_is_told_as_anything_else() -> None:
    with pytest.raises(ag.DomainError, match=r"^log\(-1.0\) is not defined"):
        ag.jvp(ag.log, (-1.0,), (1.0,))
    assert ag.jvp(ag.sqrt, (0.0,), (1.0,))[1] == math.inf
    assert reference(TABLE["sqrt"]).regular(0.0) == 0.0
    assert not kink(TABLE["exp"], (0.0,))
