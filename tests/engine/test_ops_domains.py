"""The declared domains: inside, floats give a number; outside, an error that names the operation and its inputs."""

import itertools
import math
import re

import pytest
from support.mp_reference import BIGGEST, LANDMARKS, PAIRED, Point, around, points, real_power, within
from support.operations import DECLARED, each_op

import autograd as ag
from autograd import DomainError, Value
from autograd.op import Op
from autograd.ops import TABLE


def candidates(op: Op) -> list[Point]:
    """Points inside and outside, the neighbours of every declared end among them."""
    if op.arity is None or op.arity == 4:
        return points(op)
    ends = [end for i in op.domain for end in (i.low, i.high) if math.isfinite(end)]
    numbers = [*LANDMARKS, *around(*ends, steps=(0, 1, 2, 3)), 710.0, -710.0, 710.5, -710.5, 0.3, -7.5]
    if op.arity == 1:
        return [(x,) for x in numbers]
    return list(itertools.product(PAIRED if op.arity == 2 else PAIRED[::3], repeat=op.arity))


@each_op
def test_inside_forward_gives_a_number_and_outside_it_raises(op: Op) -> None:
    inside = 0
    for p in candidates(op):
        if not all(map(math.isfinite, p)):
            continue
        if within(op, p):
            inside += 1
            assert not math.isnan(op.forward(*p)), f"{op.name}{p} is nan inside its domain"
            op.apply(tuple(map(Value, p)))
        else:
            with pytest.raises((ValueError, ArithmeticError)):
                op.forward(*p)
    assert inside > 15


@each_op
def test_the_error_names_the_operation_and_its_inputs(op: Op) -> None:
    outside = [p for p in candidates(op) if all(map(math.isfinite, p)) and not within(op, p)]
    assert outside or op.name not in [
        "log",
        "sqrt",
        "exp",
        "pow",
        "div",
        "acosh",
        "atanh",
        "asin",
        "acos",
        "log1p",
        "sinh",
        "cosh",
        "clip",
        "reciprocal",
    ]
    for p in outside:
        shown = re.escape(", ".join(map(repr, p)))
        with pytest.raises(DomainError, match=rf"^{op.name}\({shown}\) is not defined: .*ieee\(\)"):
            op.apply(p)
        named = [Value(x, name=f"in.x{i}") for i, x in enumerate(p)]
        with_names = re.escape(", ".join(f"in.x{i} = {x!r}" for i, x in enumerate(p)))
        with pytest.raises(DomainError, match=rf"^{op.name}\({with_names}\) is not defined"):
            op.apply(tuple(named))


@pytest.mark.parametrize(
    ("name", "last", "next_one"),
    [
        ("exp", 709.782712893384, 709.7827128933841),
        ("expm1", 709.782712893384, 709.7827128933841),
        ("sinh", 710.4758600739439, 710.475860073944),
        ("cosh", -710.4758600739439, -710.475860073944),
        ("log", 5e-324, 0.0),
        ("log2", 5e-324, -0.0),
        ("log10", 5e-324, -5e-324),
        ("log1p", -1.0 + 2.0**-53, -1.0),
        ("sqrt", -0.0, -5e-324),
        ("asin", 1.0, 1.0 + 2.0**-52),
        ("acos", -1.0, -1.0 - 2.0**-52),
        ("acosh", 1.0, 1.0 - 2.0**-53),
        ("atanh", 1.0 - 2.0**-53, 1.0),
        ("sin", 1.7976931348623157e308, math.inf),
        ("cos", -1.7976931348623157e308, -math.inf),
        ("tan", 1.7976931348623157e308, math.inf),
        ("reciprocal", 5.56268464626801e-309, 0.0),
    ],
)
def test_ends_of_domains_to_the_last_place(name: str, last: float, next_one: float) -> None:
    op = TABLE[name]
    assert within(op, (last,))
    assert math.isfinite(op.forward(last))
    assert not within(op, (next_one,))
    with pytest.raises(DomainError, match=rf"^{name}\("):
        getattr(ag, name)(next_one)


def test_the_domain_of_pow_is_where_the_power_is_real_and_fits() -> None:
    op = TABLE["pow"]
    for x, y in [
        *itertools.product(PAIRED, PAIRED),
        *itertools.product((0.0, -2.0, 3.0), (0.5, -1.0, 1e300, -1e300, 700.0)),
    ]:
        real = x > 0 or (x == 0 and y >= 0) or (x < 0 and y.is_integer())
        assert within(op, (x, y)) == (real and abs(real_power(x, y)) < BIGGEST), (x, y)


def test_what_is_said_of_why() -> None:
    with pytest.raises(DomainError, match=r"^log\(-1\.0\) is not defined: its domain is x > 0\."):
        ag.log(-1.0)
    with pytest.raises(
        DomainError, match=r"^pow\(-2\.0, 0\.5\) is not defined: it overflows or has no real value there"
    ):
        ag.pow(-2.0, 0.5)
    with pytest.raises(DomainError, match=r"^atanh\(h1\.s = 1\.0\) is not defined: its domain is -1 < x < 1"):
        Value(1.0, name="h1.s").atanh()


@each_op
def test_infinities_and_nans_go_through_or_are_refused(op: Op) -> None:
    """As Python's floats do: no other error, and nan in gives nan out (or a number that did not depend on it)."""
    assert op in DECLARED
    if op.arity is None or op.arity == 4:
        return
    for p in itertools.product((math.inf, -math.inf, math.nan, 1.0), repeat=op.arity):
        try:
            z = op.forward(*p)
        except ValueError:
            assert not within(op, p) or op.name == "clip", p
            continue
        assert isinstance(z, float)
        for i in range(op.arity):
            assert isinstance(op.partial_on_floats(i, z, p), float)
