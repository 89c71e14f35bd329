"""Functions of which only calls are known: no correct gradient is called wrong, every visible mutant is found.

Random functions run as functions of floats that refuse Values, at generic points, near kinks and at all scales; and,
one by one, the functions that earlier versions of the checker were wrong about.
"""

import math
import random

import numpy as np
import pytest

import autograd as ag
from autograd.check import check_gradients
from autograd.check.local import reference
from autograd.check.replay import Replay
from autograd.errors import AutogradError
from autograd.ops import TABLE
from autograd.strategies.growth import Branch, Ground
from autograd.strategies.points import clear, zeros_along

GROUND = Ground(["x", "y"], None, -3.0, 3.0, "test_check_black_box")
OPS = [op for op in TABLE.values() if op.public and op.name != "take"]
MUTATIONS = [lambda g: g * (1 + 1e-7), lambda g: g * (1 - 1e-5), lambda g: g * 1.001, lambda g: -g, lambda g: 0.0]


def tree(chance, depth):
    if depth == 0 or chance.random() < 0.2:
        return chance.choice("xy") if chance.random() < 0.8 else chance.randint(-300, 300) / 100
    op = chance.choice(OPS)
    count = op.arity or (chance.randint(2, 5) if op.name == "dot" else chance.randint(1, 3))
    return Branch(op, tuple(tree(chance, depth - 1) for _ in range(count)))


def generic(chance, f):
    for _ in range(30):
        point = chance.uniform(-3, 3), chance.uniform(-3, 3)
        if clear(f, point, 1e-3):
            return point
    return None


def near_a_kink(chance, f):
    point = [chance.uniform(-3, 3), chance.uniform(-3, 3)]
    i = chance.randrange(2)
    found = [t for zero in zeros_along(f, point, i, -3.0, 3.0)[:2] if (t := zero()) is not None]
    if not found:
        return None
    point[i] = chance.choice(found) + chance.choice([0.0, 1.0, -1.0]) * 10 ** chance.uniform(-14, -2)
    return tuple(point)


def scaled(chance, f):
    return tuple(chance.choice([-1, 1]) * 10 ** chance.uniform(-9, 9) for _ in "xy")


def extreme(chance, f):
    return tuple(chance.choice([-1, 1]) * 10 ** chance.choice([chance.uniform(-300, 300), 0.0]) for _ in "xy")


def drawn(place, count):
    """So many functions with a point and their gradient there, the same ones every time."""
    chance = random.Random(place.__name__)
    while count:
        f = GROUND.tree(tree(chance, chance.randint(1, 3)))
        point = place(chance, f) if f.lines else None
        if point is None or f.values(point) is None or not math.isfinite(f(*point)):
            continue
        try:
            gradient = ag.grad(f)(*point)
        except AutogradError:
            continue
        count -= 1
        yield chance, f, point, gradient


def box(f):
    """The function for floats alone."""

    def called(x, y):
        assert type(x) is type(y) is float, "a black box knows no Values"
        return f(x, y)

    return called


def alone(f):
    """A function of one float that refuses Values."""
    return lambda x: f(math.fsum([x]))


def smooth_otherwise(f, point, i, g):
    """Is the slope at a kink, on both sides, another number than the gradient (a convention), or is that no number?"""
    if not math.isfinite(g):
        return True
    root = f.record(*point)
    leaf = next(v for v in ag.topological(root) if v.name == "xy"[i])
    sides = Replay(root, [leaf]).one_sided(0)
    assert sides is not None
    left, right = sides
    return abs(left - right) <= 1e-9 * abs(left) and abs(left - g) > 1e-9 * abs(left)


@pytest.mark.slow
@pytest.mark.parametrize(("place", "count"), [(generic, 150), (near_a_kink, 60), (scaled, 120), (extreme, 120)])
def test_no_correct_gradient_is_wrong_and_few_are_undecidable(place, count):
    verdicts = []
    for _, f, point, gradient in drawn(place, count):
        report = check_gradients(box(f), *point, gradient=gradient)
        verdicts += [entry.verdict for entry in report]
        for i, entry in enumerate(report):
            if entry.verdict == "wrong":
                assert smooth_otherwise(f, point, i, gradient[i]), f"{f!r} at {point}\n{report}"
    if place is generic:
        assert verdicts.count("undecidable") <= 0.01 * len(verdicts)


@pytest.mark.parametrize(("place", "count"), [(generic, 100), (near_a_kink, 40), (scaled, 100)])
def test_every_mutant_that_can_be_seen_is_killed(place, count):
    undecidable = 0
    for chance, f, point, gradient in drawn(place, count):
        i, mutate = chance.randrange(2), chance.choice(MUTATIONS)
        mutant = list(gradient)
        mutant[i] = mutate(gradient[i])
        visible = abs(mutant[i] - gradient[i]) * min(1.0, abs(point[i])) > 64 * 2.0**-52 * abs(f(*point))
        if not visible or not math.isfinite(mutant[i]):
            continue
        report = check_gradients(box(f), *point, gradient=tuple(mutant))
        assert report.entries[i].verdict != "right", f"{f!r} at {point}: {gradient[i]!r}\n{report}"
        undecidable += report.entries[i].verdict == "undecidable"
    assert undecidable <= {generic: 0.0, near_a_kink: 0.4, scaled: 0.04}[place] * count


@pytest.mark.parametrize(
    ("f", "x", "gradient"),
    [
        (lambda x: float(math.floor(x)), 4e8 + 0.3, 0.0),
        (lambda x: float(math.floor(x)), 1e17, 0.0),
        (lambda x: float(math.floor(math.pow(x, 2.2) / 3)), 7435310.449642306, 0.0),
        (lambda x: math.hypot(3.4e8, x) - 3.4e8, 1.3e-6, 1.3e-6 / 3.4e8),  # lost in rounding: f is 0 for miles
        (lambda x: math.cos(math.erf(x)) ** 2 - math.cos(math.erf(x)), -4.762664784070719e-08, 6.064013141396356e-08),
        (lambda x: (1e16 + math.fabs(x)) - 1e16, 1.0, 1.0),
        (lambda x: 1.0 + max(math.fabs(x), x * 3), 1e-13, 3.0),  # a kink so near that rounding blurs it
        (lambda x: math.acos(min(1.8e-15, -8e-5 + math.fabs(x))), 1.8e-15, -1.0),
        (lambda x: math.sin(x), 1e16, math.cos(1e16)),
        (lambda x: 3.0 * x + math.sin(x), 150_000.0, 3.0 + math.cos(150_000.0)),
        (lambda x: math.tan(x) / 3 + x * x / 3, 649425792.1677382, 432950528.7788393),
        (lambda x: math.tanh(x), 12.0, 1 - math.tanh(12.0) ** 2),
        (lambda x: math.acosh(x) ** 4 + x, 1.0, math.nan),
        (lambda x: math.acosh(math.cosh(math.atan(x))), -4.9e-11, -math.inf),
    ],
)
def test_correct_gradients_that_looked_wrong(f, x, gradient):
    report = check_gradients(alone(f), x, gradient=gradient)
    assert report.verdict != "wrong", str(report)


@pytest.mark.parametrize("x", [-2.0, 0.0, 1e-7, 3.0])
def test_where_f_does_not_move_a_gradient_of_0_is_right(x):
    assert check_gradients(alone(lambda x: 0.0), x, gradient=0.0)
    assert check_gradients(alone(lambda x: 1e16), x, gradient=0.0)
    assert check_gradients(alone(lambda x: 7.0), x, gradient=1e-3).verdict == "wrong"


@pytest.mark.parametrize("gradient", [math.nan, math.inf])
def test_a_gradient_that_is_no_number_of_a_smooth_function_is_wrong(gradient):
    """The classic: where(x > 0, sqrt(x), 0) has slope 0 at -1, and 0 * inf by the chain rule."""
    (found,) = check_gradients(alone(lambda x: math.sqrt(max(x, 0.0))), -1.0, gradient=gradient)
    assert (found.verdict, found.kind) == ("wrong", "infinite")
    report = check_gradients(lambda x: math.cos(x), 1.0, gradient=gradient)
    assert "look for 0/0, 0 * inf or inf - inf in the formula of this entry" in str(report)


def test_right_means_right_to_seven_digits():
    for x in (1e-12, 1e-6, 1e-3, 1.0):
        assert check_gradients(alone(lambda x: (0.625 + x) / 1.9), x, gradient=1 / 1.9)
        assert not check_gradients(alone(lambda x: (0.625 + x) / 1.9), x, gradient=(1 + 1e-5) / 1.9)


REASONS = {
    "has a kink so near, or varies on so small a scale": (lambda x: float(math.floor(x)), 4e8 + 0.3, 0.0),
    "f gives whole numbers only": (lambda x: float(math.floor(x**2.2 / 3)), 7435310.449642306, 0.0),
    "the floats next to 1e+17 are so far apart": (lambda x: math.fsum([x]), 1e17, 2.0),
    "which moves f by less than its rounding error": (lambda x: math.fsum([x, 5e5]), 349588620.1329416, 1 + 1e-7),
    "a jump of the function is within reach of the step": (lambda x: float(math.floor(x)), 2.0, 0.0),
    "at a border of its domain a slope need not exist": (lambda x: math.acosh(x) ** 4 + x, 1.0, math.nan),
    "the function is not defined next to this point, on either side": (lambda x: math.sqrt(-((x - 1) ** 2)), 1.0, 0.0),
    "f is a staircase here": (lambda x: 64.0 * math.floor(math.fabs(x) / 64.0), 37.0, 0.9),
}


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_given(reason):
    f, x, gradient = REASONS[reason]
    (found,) = check_gradients(alone(f), x, gradient=gradient)
    assert found.verdict == "undecidable", str(found)
    assert reason in found.reason, found.reason


def test_a_formula_that_lost_its_digits_is_not_called_wrong():
    (found,) = check_gradients(ag.tanh, 12.0, gradient=1 - math.tanh(12.0) ** 2)
    assert (found.verdict, found.kind) == ("undecidable", "noise")
    assert "a correct formula may have lost these digits" in found.reason
    assert check_gradients(ag.tanh, 12.0, gradient=0.999 / math.cosh(12.0) ** 2).verdict == "wrong"


@pytest.mark.parametrize(("name", "x"), [("erfc", -21.086), ("erf", 26.07), ("expm1", -500.0), ("erfc", -40.0)])
def test_slopes_that_the_value_hides_are_checked_all_the_same(name, x):
    op = TABLE[name]
    assert check_gradients(op, x)
    z = op.forward(x)
    recorded = op.partial_on_floats(0, z, (x,))
    slope = reference(op, z, (x,), 0)
    assert abs(slope.value - recorded) <= 1e-10 * abs(recorded)
    assert slope.error <= 1e-10 * abs(recorded)


@pytest.mark.parametrize("x", [-6.65e-14, 1e-13, 1e-10])
def test_a_kink_nearer_than_rounding_can_show_is_not_passed_over(x):
    """Far from 0, the differences of acos(|x|) to both sides cancel: that is no proof of a slope of 0."""
    found = check_gradients(alone(lambda x: math.acos(abs(x))), x, gradient=0.0)
    assert found.verdict != "right", str(found)
    assert check_gradients(alone(lambda x: math.acos(abs(x))), x, gradient=-math.copysign(1.0, x)).verdict != "wrong"


def test_directions_have_the_same_defence():
    w = np.linspace(1.0, 2.0, 300)
    report = check_gradients(lambda w: math.floor(np.sum(w) * 2.0**20) / 2.0**20, w, gradient=np.zeros(300))
    assert report.verdict != "wrong", str(report)
