"""Every declared operation against mpmath: values and partials, over the whole domain, within the ulps it declares."""

import math
from collections.abc import Callable, Iterator

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.mp_reference import Point, condition, error, points, reference, truth, within
from support.operations import CONDITIONED, each_op

from autograd.op import Op
from autograd.ops import TABLE

WRONG = 1.0 + 1e-14


def parts(op: Op, point: Point) -> list[int | None]:
    """The value (None) and the slopes that have a true number at this point."""
    if not reference(op).regular(*point):
        return [None]
    slopes = range(2 if op.name == "power_derivative" else len(point))
    return [None, *(i for i in slopes if truth(op, i, point) is not None)]


def evaluated(op: Op, point: Point, forward: Callable[..., float] | None = None) -> Callable[[int | None], float]:
    """The operation on floats at a point: its value for None, its slopes by number."""
    z = (forward or op.forward)(*point)
    if op.arity is None:
        every = [*op.partials(z, *point), z]  # type: ignore[operator]
        return lambda i: float(every[-1 if i is None else i])
    return lambda i: z if i is None else op.partial_on_floats(i, z, point)


def allowed(op: Op, part: int | None, point: Point) -> float:
    """The error bound in ulps."""
    name = part if part is None or op.arity is not None else 0
    return op.ulps * (max(1.0, condition(op, part, point)) if (op.name, name) in CONDITIONED else 1.0)


def rejected(op: Op, part: int | None, point: Point, computed: float) -> bool:
    """Is it outside the bound?"""
    wrong = error(computed, truth(op, part, point))
    return wrong > op.ulps and wrong > allowed(op, part, point)


def check(op: Op, point: Point) -> None:
    at = evaluated(op, point)
    for part in parts(op, point):
        computed = at(part)
        if rejected(op, part, point, computed):
            what = "value" if part is None else f"slope {part}"
            true = truth(op, part, point)
            raise AssertionError(
                f"{what} of {op.name}{point} is {computed!r}, truly {true}: {error(computed, true):.3g} ulps, "
                f"allowed {allowed(op, part, point):.3g}"
            )


def test_the_error_is_measured_in_units_of_the_last_place() -> None:
    assert error(math.nextafter(1.0, 2.0), 1) == 1.0
    assert error(1e-323, 0) == 2.0
    assert error(math.inf, truth(TABLE["mul"], None, (1e200, 1e200))) == 0.0
    assert error(1e308, truth(TABLE["mul"], None, (1e200, 1e200))) == math.inf
    assert error(math.nan, 1) == math.inf


def test_an_operation_without_a_reference_says_what_to_add() -> None:
    class Unknown:
        name = "frobnicate"

    with pytest.raises(
        AssertionError, match="'frobnicate' has no reference: add its value and slopes in mpmath to REF"
    ):
        reference(Unknown())  # type: ignore[arg-type]


@each_op
def test_no_bound_is_above_four(op: Op) -> None:
    assert 0.0 < op.ulps <= 4.0


@each_op
def test_values_and_partials_at_the_chosen_points(op: Op) -> None:
    assert len(points(op)) >= 80
    for point in points(op):
        check(op, point)


def operands_of(op: Op) -> st.SearchStrategy[Point]:
    """Points in the domain, as Hypothesis likes them."""
    if op.name == "power_derivative":
        real = st.floats(1e-3, 1e3)
        return st.tuples(real, st.floats(-20.0, 20.0), st.sampled_from([0.0, 1.0, 2.0, 3.0]), st.just(0.0))
    if op.name == "take":
        some = st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=4)
        return some.flatmap(lambda xs: st.integers(0, len(xs) - 1).map(lambda i: (float(i), *xs)))
    if op.arity is None:
        return st.lists(st.floats(-1e100, 1e100), min_size=2, max_size=5).map(tuple)
    limits = (
        st.floats(
            i.low,
            i.high,
            exclude_min=i.low_open,
            exclude_max=i.high_open,
            allow_infinity=False,
            allow_nan=False,
        )
        for i in op.domain
    )
    return st.tuples(*limits)


@each_op
def test_values_and_partials_at_random_points(op: Op) -> None:
    @settings(derandomize=True, deadline=None, max_examples=20, database=None)
    @given(operands_of(op))
    def run(point: Point) -> None:
        assume(within(op, point))
        check(op, point)

    run()


# proof that the oracle can fail --------------------------------------------------------------------------------------


def informative(op: Op, part: int | None) -> Iterator[Point]:
    """Points where this part is an ordinary number, so that a relative error shows."""
    for point in points(op):
        if part in parts(op, point) and 1e-200 < abs(truth(op, part, point)) < 1e200:
            yield point


@each_op
def test_a_value_wrong_by_1e_14_fails(op: Op) -> None:
    def wrong(*point: float) -> float:
        return op.forward(*point) * WRONG

    assert any(rejected(op, None, p, evaluated(op, p, wrong)(None)) for p in informative(op, None))


@each_op
def test_a_rule_wrong_by_1e_14_fails(op: Op) -> None:
    count = 2 if op.name == "power_derivative" else op.arity or 2
    for part in range(count):
        rule = op.rule(part)
        usable = list(informative(op, part))
        if usable:
            assert any(
                rejected(op, part, p, float(rule(op.forward(*p), *p) * WRONG)) for p in usable if len(p) > part
            ), f"slope {part} of {op.name}"
        else:  # a slope that is 0 everywhere: wrong by an absolute 1e-14
            assert any(rejected(op, part, p, float(rule(op.forward(*p), *p)) + 1e-14) for p in points(op)
                       if part in parts(op, p))  # fmt: skip
