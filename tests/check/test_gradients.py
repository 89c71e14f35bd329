"""The checker: right, wrong (with the culprit), undecidable (with the reason); and its messages, word for word."""

import itertools
import json
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
from autograd.check import Entry, assert_gradients, check_gradients, check_modes, sweep, taylor_test
from autograd.ops import TABLE


def entry(report, i=0):
    return report.entries[i]


@settings(max_examples=30)
@given(st.floats(-3, 3), st.floats(0.1, 5))
def test_right_gradients_are_right(x, y):
    report = check_gradients(lambda x, p: ag.sin(x * p["y"]) + ag.log(p["y"]) * x + x**3, x, {"y": y})
    assert report, str(report)
    assert report.verdict == "right"
    assert [e.name for e in report] == ["x", "p['y']"]


@pytest.mark.parametrize("factor", [1 + 1e-3, 1 + 1e-5, 1 + 1e-7, -1.0, 0.0])
def test_wrong_rules_are_wrong_and_named(factor):
    cube = ag.custom("cube", lambda x: x**3, lambda z, x: 3 * x**2 * factor)
    report = check_gradients(lambda x: ag.tanh(cube(x)) * x, 0.7)
    (found,) = report
    assert (found.verdict, found.kind) == ("wrong", "rule")
    assert found.culprit.operation == "cube"
    assert found.culprit.expected == pytest.approx(3 * 0.7**2, rel=1e-11)
    assert found.numerical == pytest.approx(found.reference, rel=1e-9)
    with pytest.raises(AssertionError, match=r"culprit: the local derivative of cube\(x\), at cube\(0\.7\): recorded"):
        assert_gradients(lambda x: ag.tanh(cube(x)) * x, 0.7)


def test_the_whole_story_of_a_wrong_rule():
    cube = ag.custom("cube", lambda x: x**3, lambda z, x: 2 * x**2)
    with pytest.raises(AssertionError) as failure:
        assert_gradients(lambda x: cube(x) + x, 2.0)
    lines = str(failure.value).splitlines()
    assert lines[:4] == [
        "gradient of <lambda>: 1 wrong",
        "  f = cube(x) + x",
        "  at x = 2.0",
        "  by the 3 local derivatives of the graph, each by itself, and the chain rule over them; "
        "finite differences beside",
    ]
    assert lines[4].startswith("      wrong  x = 2.0: gradient 9.0, by the chain rule 13.0")
    assert lines[5].strip() == "no digit agrees: the gradient is 0.692308 times what it should be"
    assert lines[6].strip().startswith("finite differences of the function: ")
    assert lines[7].strip() == "a local derivative is not that of its operation"
    assert lines[8].strip().startswith("culprit: the local derivative of cube(x), at cube(2): recorded 8.0, ")
    assert lines[9].strip() == "Next: correct the rule of cube; check it alone with check_gradients(cube, ...)."


def test_the_culprit_lies_on_the_way_to_the_input_it_spoils():
    cube = ag.custom("cube", lambda x: x**3, lambda z, x: 2 * x**2)
    report = check_gradients(lambda x, y: cube(x) + cube(y) * 0.5, 1.0, 2.0)
    assert [e.culprit.expression for e in report] == ["cube(x)", "cube(y)"]


def test_a_lost_path_is_found_where_every_rule_is_right():
    def assigned(x):
        """``=`` in place of ``+=``: of x*x only one of the two contributions."""
        return x

    report = check_gradients(lambda x: x * x, 3.0, gradient=assigned)
    assert (entry(report).verdict, entry(report).kind) == ("wrong", "gradient")
    assert "the gradient is 0.5 times what it should be" in str(report)


def test_a_sweep_that_forgets_to_add_is_named(monkeypatch):
    def forgets(root, seed=1.0):
        found = {id(root): seed}
        for node in reversed(ag.reverse.tape(root)):
            for operand, local in ag.reverse.edges(node):
                found[id(operand)] = found[id(node)] * local
        return found

    monkeypatch.setattr("autograd.derivatives.adjoints", forgets)
    report = check_gradients(lambda x: ag.sin(x) * x, 3.0)
    assert entry(report).kind == "sum"
    assert "= in place of +=" in str(report)
    assert entry(check_modes(lambda x: ag.sin(x) * x, 3.0)).verdict == "wrong"


def test_what_the_graph_does_not_see_is_found():
    report = check_gradients(lambda x: x * x.data, 3.0)
    assert (entry(report).verdict, entry(report).kind) == ("wrong", "function")
    assert "Does it read .data" in str(report)


@pytest.mark.parametrize("f", [ag.relu, abs, lambda x: ag.maximum(x, -x), lambda x: x if x > 0 else 0.5 * x])
def test_kinks_are_undecidable_and_say_both_slopes(f):
    found = entry(check_gradients(f, 0.0))
    assert (found.verdict, found.kind) == ("undecidable", "kink")
    assert found.left < found.right == pytest.approx(1.0)
    assert "on the left and 1 on the right" in found.reason


def test_the_convention_at_a_kink_is_quoted():
    text = str(check_gradients(lambda x: 2 * ag.relu(x), 0.0))
    assert "its slope is 0 on the left and 2 on the right, and the convention gives 0.0" in text
    assert "kink: relu(x) is at its kink (convention: slope 0 at 0)" in text


def test_cancelling_kinks_are_wrong_by_convention():
    report = check_gradients(lambda x: ag.relu(x) - ag.relu(-x), 0.0)
    found = entry(report)
    assert (found.verdict, found.kind, found.left, found.right) == ("wrong", "convention", 1.0, 1.0)
    assert {kink.expression for kink in found.kinks} == {"relu(x)", "relu(-x)"}
    assert "but 2 kinks cancel in it, and their conventions together give 0.0. Wrong by convention" in str(report)


@pytest.mark.parametrize("f", [lambda x: ag.relu(x) ** 2, lambda x: 0.0 * abs(x), lambda x: ag.elu(x)])
def test_a_kink_that_does_not_matter_is_right(f):
    assert check_gradients(f, 0.0)


@pytest.mark.parametrize("distance", [1e-3, 1e-9, 1e-15, 5e-324])
def test_next_to_a_kink_a_graph_is_still_decided(distance):
    assert check_gradients(lambda x: ag.relu(x) * 3, distance)


@pytest.mark.parametrize(("f", "x"), [(ag.sqrt, 0.0), (ag.acos, 1.0), (ag.acosh, 1.0), (ag.cbrt, 0.0)])
def test_infinite_slopes_at_the_border_of_a_domain(f, x):
    found = entry(check_gradients(f, x))
    assert (found.verdict, found.kind) == ("undecidable", "edge" if f is not ag.cbrt else found.kind)


def test_one_sided_slopes_at_the_border_of_a_domain_are_right():
    assert check_gradients(lambda x: ag.sqrt(x) ** 3, 1e-12)
    report = check_gradients(lambda x: x**1.5, 0.0)
    assert report, str(report)


def test_jumps():
    assert entry(check_gradients(ag.floor, 2.0)).kind == "jump"
    assert entry(check_gradients(ag.sign, 0.0)).kind == "jump"


def test_random_functions_are_undecidable():
    chance = random.Random(1)
    report = check_gradients(lambda x: x * chance.random(), 3.0)
    assert entry(report).kind == "random"
    assert "called again at the same point" in str(report)
    assert "switch dropout off" in str(report)


def test_overflow_is_undecidable():
    report = check_gradients(lambda x: x * 1e300 * 1e300, 3.0)
    assert (entry(report).verdict, entry(report).kind) == ("undecidable", "overflow")


@pytest.mark.parametrize("x", [1e-300, 1e-9, 1e-3, 1.0, 1e5, 1e9, -1e9, 1e150])
def test_scales(x):
    assert check_gradients(lambda x: x * x, x)
    assert check_gradients(lambda x: x * 1e-300, x)
    assert check_gradients(ag.sigmoid, x)
    if x > 0:
        assert check_gradients(ag.log, x)


def test_badly_scaled_inputs_together():
    assert check_gradients(lambda x, y: ag.sin(x * 1e9) + ag.exp(y * 1e-9) * x, 1e-9, 1e9)


@pytest.mark.parametrize("x", [20.0, -40.0, 300.0, -700.0])
def test_saturated_functions_are_decided(x):
    off = ag.custom("off", math.tanh, lambda z, x: ag.ops.elementary.sech(x) ** 2 * (1 + 1e-7))
    assert check_gradients(ag.tanh, x)
    assert check_gradients(ag.sigmoid, x)
    if abs(x) < 10:
        assert not check_gradients(off, x)


def test_tolerance():
    assert not check_gradients(lambda x: x**3, 2.0, gradient=12.0001)
    assert check_gradients(lambda x: x**3, 2.0, gradient=12.0001, tolerance=1e-4)


def test_parameters_of_a_closure():
    w, b = ag.Value(0.5, "w"), ag.Value(-0.25, "b")
    report = check_gradients(lambda x: ag.tanh(w * x + b) ** 2, 1.5, parameters=[w, b])
    assert report
    assert [e.name for e in report] == ["w", "b"]
    assert (w.data, b.data, w.has_grad) == (0.5, -0.25, False)


@pytest.mark.parametrize("name", ["sin", "exp", "pow", "gelu", "hypot", "sigmoid", "div", "logaddexp"])
def test_second_and_third_derivatives(name):
    op = TABLE[name]
    report = check_gradients(op, *[1.25, 0.75][: op.arity], order=3)
    assert report, str(report)
    assert {e.order for e in report} == {1, 2, 3}


def test_a_wrong_second_derivative():
    def frozen(z, x):
        return 2 * x.data if hasattr(x, "data") else 2 * x

    square = ag.custom("sqr", lambda x: x * x, frozen)
    report = check_gradients(lambda x: square(x) * x, 1.5, order=2)
    assert [e.verdict for e in report] == ["right", "wrong"]
    assert report.wrong[0].order == 2


def test_wrong_calls_are_refused_at_the_call():
    for check in (check_gradients, check_modes, sweep, taylor_test):
        with pytest.raises(TypeError, match=r"^a check takes a function, and then its inputs; got NoneType None$"):
            check(None, 1.0)
        with pytest.raises(TypeError, match=r"^str 'a' at \[0\] is no number: give numbers, or lists"):
            check(lambda x: x, "a")
    with pytest.raises(TypeError, match="parameters= takes Values"):
        check_gradients(lambda: 1.0, parameters=3)
    with pytest.raises(ValueError, match=r"tolerance is relative and above 0, as in 1e-6; got 'a'"):
        check_gradients(lambda x: x, 1.0, tolerance="a")
    with pytest.raises(TypeError, match=r"along is a tuple, with a direction for each input; got 1\.0"):
        taylor_test(lambda x: x, 1.0, along=1.0)
    with pytest.raises(ValueError, match="octaves is how often the step is halved, 1 or more; got 0"):
        sweep(lambda x: x, 1.0, octaves=0)
    with pytest.raises(ValueError, match="the input is nan: there are no steps around it"):
        sweep(lambda x: x, float("nan"))
    with pytest.raises(ValueError, match="order is 1, 2 or 3; got 4"):
        check_gradients(ag.sin, 1.0, order=4)
    with pytest.raises(TypeError, match="leave out gradient="):
        check_gradients(ag.sin, 1.0, order=2, gradient=1.0)
    with pytest.raises(ValueError, match="directions is how many to take"):
        check_gradients(ag.sin, 1.0, directions=0)
    with pytest.raises(ValueError, match="tolerance is relative and above 0"):
        check_gradients(ag.sin, 1.0, tolerance=-1)
    with pytest.raises(TypeError, match="there is nothing to check"):
        check_gradients(lambda: 1.0)
    with pytest.raises(TypeError, match="parameters= takes Values"):
        check_gradients(lambda: 1.0, parameters=[1.0])
    with pytest.raises(ag.GraphError, match="its graph was lost"):
        check_gradients(lambda x: 3.0, 1.0)


def test_the_report_is_plain_data_and_html():
    nasty = ag.Value(0.0, name="<script>alert(1)</script>")
    report = check_gradients(lambda x, y: ag.relu(x) * y, nasty, 2.0)
    html = report._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert html.count("<table>") == 1  # plain numbers stand together
    assert check_gradients(lambda w, x: w[0] * x[0], [1.0], [2.0])._repr_html_().count("<table>") == 2
    assert "prefers-color-scheme:dark" in html
    assert "✗" not in html
    assert "?" in html
    data = report.data()
    assert json.loads(json.dumps(data))["verdict"] == "undecidable"
    assert len(report) == 2
    curve = entry(check_gradients(ag.exp, 1.0)).curve
    assert curve[0][1] > 1e3 * min(error for _, error in curve)


def test_an_entry_reads_well():
    found = Entry("['w'][0]", 2.0, 12.0004, 12.0, 1.9e-13, "wrong", name="w[0]")
    assert str(found) == (
        "      wrong  w[0] = 2.0: gradient 12.0004, by differences 12.0 +- 1.9e-13\n"
        "             4 digits agree: the gradient is off by a factor of 1 + 3.33e-05"
    )


def test_forward_against_reverse():
    report = check_modes(lambda xs: ag.logsumexp([ag.sin(x * y) for x in xs for y in xs]), np.linspace(-1, 2, 5))
    assert report
    assert max(e.error for e in report) < 1e-12
    assert len(check_modes(lambda xs: ag.product(list(xs)), np.linspace(1, 2, 20))) == 3


def test_many_parameters_of_a_graph_are_checked_edge_by_edge():
    xs = np.linspace(-1.0, 1.0, 300)
    report = check_gradients(lambda w: ag.tanh(ag.dot(list(w), list(xs))), np.cos(xs))
    assert report
    assert len(report) == 300
    assert report.evaluations < 20


def test_a_rule_that_gives_nan_where_there_is_a_slope_is_wrong():
    cube = ag.custom("cube", lambda x: x**3, lambda z, x: 3 * x**2 * math.nan)
    found = entry(check_gradients(lambda x: ag.sin(cube(x)), 1.5))
    assert (found.verdict, found.kind, found.culprit.operation) == ("wrong", "rule", "cube")


def test_functions_that_vary_far_below_their_input_are_not_called_wrong():
    def f(x):
        return math.sin(x) + 0.5

    assert check_gradients(f, 1e6, gradient=math.cos(1e6))
    (found,) = check_gradients(lambda x: 3.0 * x + math.sin(x), 150_000.0, gradient=3.0 + math.cos(150_000.0))
    assert found.verdict != "wrong", str(found)


@pytest.mark.parametrize(
    "order",
    [*itertools.permutations(["wrong", "undecidable", "right"]), *itertools.permutations(["undecidable", "right"])],
)
def test_a_report_is_as_bad_as_its_worst_entry(order):
    broken = ag.custom("broken_in_reports", lambda x: x**3, lambda z, x: 2 * x**2)
    kinds = {"wrong": (broken, 0.7), "undecidable": (ag.relu, 0.0), "right": (ag.sin, 0.3)}

    def f(*xs):
        return ag.sum([kinds[name][0](x) for name, x in zip(order, xs, strict=False)])

    report = check_gradients(f, *(kinds[name][1] for name in order))
    assert [e.verdict for e in report] == list(order)
    assert report.verdict == ("wrong" if "wrong" in order else "undecidable")
    assert not report


@pytest.mark.parametrize("wrong", [0, 1])
def test_the_culprit_says_which_of_two_operands(wrong):
    factors = [1.0, 1.0]
    factors[wrong] = 1.5
    rules = [lambda z, a, b: factors[0] * b * b, lambda z, a, b: factors[1] * 2.0 * a * b]
    blend = ag.custom("blend_in_reports", lambda a, b: a * b * b, rules)
    (found,) = check_gradients(blend, 3.0, 2.0).wrong
    assert found.culprit.operand == wrong
    assert f" with respect to its operand {wrong + 1}, at blend_in_reports(3, 2): recorded" in str(found.culprit)
