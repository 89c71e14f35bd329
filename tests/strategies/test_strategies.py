"""autograd.strategies: what it draws is what it says, prints as source, shrinks, and is registered with Hypothesis."""

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, assume, find, given, settings
from hypothesis import strategies as st
from support import ROOT

import autograd as ag
from autograd import Value
from autograd.ops import TABLE
from autograd.strategies import (
    Clearance,
    Expression,
    Line,
    Problem,
    clearance,
    expressions,
    given_gradients,
    graphs,
    points,
    problems,
    values,
)

SOME = settings(max_examples=60)
SEARCH = settings(max_examples=2000, database=None, deadline=None, derandomize=True)
BRIEF = settings(max_examples=40, phases=[Phase.generate, Phase.shrink])

OFF = ag.custom("off_tanh", ag.tanh.forward, lambda z, x: (1.0 - z * z) * (1.0 + 1e-3))
"""An operation with a wrong rule."""


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    found: list[Any] = []

    @settings(max_examples=count, phases=[Phase.generate])
    @given(strategy)
    def collect(x: Any) -> None:
        found.append(x)

    collect()
    return found


def pasted(f: Expression) -> Any:
    return eval(f.source(), {"ag": ag, "off_tanh": OFF})


# expressions ---------------------------------------------------------------------------------------------------------


@SOME
@given(problems() | problems(graphs()))
def test_the_source_makes_the_same_graph(problem):
    f, point = problem
    assert repr(f) == f.source()
    assert pasted(f)(*point) == f(*point)
    ours = ag.topological(problem.record())
    theirs = ag.topological(pasted(f)(*(Value(x, name=n) for n, x in zip(f.variables, point, strict=True))))
    for a, b in zip(ours, theirs, strict=True):
        assert (a.op, a.data, a.name, a.partials) == (b.op, b.data, b.name, b.partials)


def op(name: str) -> Any:
    return TABLE[name]


@pytest.mark.parametrize(
    ("lines", "source"),
    [
        ([], "lambda x, y: x"),
        ([("sin", "x")], "lambda x, y: ag.sin(x)"),
        ([("add", "x", "y"), ("add", "x", 0)], "lambda x, y: x + (x + y)"),
        ([("add", "x", "y"), ("add", 0, "x")], "lambda x, y: x + y + x"),
        ([("sub", "x", "y"), ("mul", 0, 2.0)], "lambda x, y: (x - y) * 2.0"),
        ([("div", "x", "y"), ("div", "x", 0)], "lambda x, y: x / (x / y)"),
        ([("neg", "x"), ("pow", 0, 2.0)], "lambda x, y: (-x) ** 2.0"),
        ([("pow", "x", 2.0), ("neg", 0)], "lambda x, y: -x ** 2.0"),
        ([("neg", "x"), ("neg", 0)], "lambda x, y: -(-x)"),
        ([("pow", "x", -0.5)], "lambda x, y: x ** (-0.5)"),
        ([("mul", -2.0, "x")], "lambda x, y: -2.0 * x"),
        ([("mul", "x", "x"), ("mul", 0, 0)], "lambda x, y: (t1 := x * x) * t1"),
        ([("exp", "x"), ("sin", 0), ("mul", 0, 1), ("add", 2, 1)],
         "lambda x, y: (t1 := ag.exp(x)) * (t2 := ag.sin(t1)) + t2"),
        ([("dot", "x", 2.0, "y", 3.0, 1.0)], "lambda x, y: ag.dot([x, 2.0], [y, 3.0], 1.0)"),
        ([("logsumexp", "x", "y", 0.0)], "lambda x, y: ag.logsumexp([x, y, 0.0])"),
        ([("where", "x", "y", 1.0)], "lambda x, y: ag.where(x, y, 1.0)"),
        ([("sech", "x")], 'lambda x, y: ag.ops.TABLE["sech"](x)'),
    ],
)  # fmt: skip
def test_sources(lines, source):
    f = Expression(["x", "y"], [Line(op(name), tuple(operands)) for name, *operands in lines])
    assert f.source() == source
    assert pasted(f)(0.5, 0.25) == f(0.5, 0.25)


def test_names_of_shared_lines_keep_out_of_the_way_of_the_variables():
    f = Expression(["t1"], [Line(op("sin"), ("t1",)), Line(op("mul"), (0, 0))])
    assert f.source() == "lambda t1: (t2 := ag.sin(t1)) * t2"


def test_an_expression_is_callable_on_every_kind_of_number():
    f = Expression(["x", "y"], [Line(op("mul"), ("x", "y")), Line(op("sin"), (0,))])
    assert f(2.0, 0.5) == f(y=0.5, x=2.0) == math.sin(1.0)
    assert f(Value(2.0), 0.5).data == math.sin(1.0)
    assert ag.grad(f)(2.0, 0.5) == (0.5 * math.cos(1.0), 2.0 * math.cos(1.0))
    assert ag.jvp(f, (2.0, 0.5), (1.0, 0.0)) == (math.sin(1.0), 0.5 * math.cos(1.0))
    assert f.record(2.0, 0.5).operands[0].operands[0].name == "x"
    assert f.operations == {"mul", "sin"}
    assert f == Expression(["x", "y"], f.lines)
    assert hash(f) == hash(Expression(["x", "y"], f.lines))
    assert f.__name__ == "lambda x, y: ag.sin(x * y)"
    with pytest.raises(TypeError, match=r"^the expression takes x, y; it was called with \(1\.0\)$"):
        f(1.0)
    with pytest.raises(TypeError, match=r"takes x, y; it was called with \(1\.0, z=2\.0\)"):
        f(1.0, z=2.0)
    with pytest.raises(ValueError, match=r"^line 0 uses 'z', which is neither a variable nor an earlier line$"):
        Expression(["x"], [Line(op("sin"), ("z",))])
    with pytest.raises(ValueError, match="line 0 uses 0"):
        Expression(["x"], [Line(op("sin"), (0,))])


@pytest.mark.slow
def test_expressions_are_trees_of_the_operations_asked_for():
    found = drawn(expressions(["a", "b", "c"], ["sin", ag.mul], max_depth=4), 200)
    assert {f.variables for f in found} == {("a", "b", "c")}
    assert set().union(*(f.operations for f in found)) == {"sin", "mul"}
    assert not any(f.shared for f in found)
    assert max(len(f.lines) for f in found) >= 5
    assert all("\n" not in f.source() for f in found)


def test_every_public_operation_can_be_drawn():
    once = settings(SEARCH, phases=[Phase.generate])
    for each in [o for o in TABLE.values() if o.public]:
        assert find(expressions(operations=[each]), lambda f: f.operations, settings=once).operations == {each.name}


@pytest.mark.slow
def test_graphs_share_nodes():
    found = drawn(graphs(operations=["add", "mul", "sin"], max_nodes=6), 200)
    assert sum(bool(f.shared) for f in found) > 50
    assert all(len(f.lines) <= 6 for f in found)
    shared = next(f for f in found if f.shared)
    nodes = [v for v in ag.topological(shared.record(0.5, 0.25)) if not v.is_leaf]
    assert len(nodes) == len(shared.lines)


def test_values():
    assert all(isinstance(v, Value) and math.isfinite(v.data) and not v.name for v in drawn(values(), 50))
    assert all(1.0 <= v.data <= 2.0 for v in drawn(values(1.0, 2.0), 50))
    assert {v.name for v in drawn(values(names=st.sampled_from(["a", "b"])), 50)} == {"a", "b"}
    assert any(math.isnan(v.data) for v in drawn(values(allow_nan=True), 500))


# points --------------------------------------------------------------------------------------------------------------


@SOME
@given(st.data(), expressions() | graphs(), st.sampled_from([1e-6, 1e-3, 0.05]))
def test_points_keep_their_distance(data, f, distance):
    assume(min(clearance(f, (0.7, 1.3))) >= distance)
    point = data.draw(points(f, min_value=-2.0, max_value=2.5, distance=distance))
    assert all(-2.0 <= x <= 2.5 for x in point)
    assert min(clearance(f, point)) >= distance
    assert math.isfinite(f(*point))
    assert all(math.isfinite(g) for g in ag.grad(f)(*point))


def test_clearance_is_measured_at_the_operands():
    log = Expression(["x"], [Line(op("mul"), ("x", 10.0)), Line(op("log"), (0,))])
    assert clearance(log, (0.5,)) == Clearance(math.inf, 5.0)
    assert clearance(log, (-1.0,)) == Clearance(-math.inf, -math.inf)
    assert clearance(Expression(["x"], [Line(op("relu"), ("x",))]), (-0.25,)) == (0.25, math.inf)
    assert clearance(Expression(["x"], [Line(op("asin"), ("x",))]), (0.75,)) == (math.inf, 0.25)
    assert clearance(Expression(["x", "y"], [Line(op("div"), ("x", "y"))]), (1.0, 0.0625)) == (math.inf, 0.0625)
    assert clearance(Expression(["x"], [Line(op("pow"), ("x", 2.0))]), (0.0,)) == (math.inf, math.inf)
    assert clearance(Expression(["x"], [Line(op("pow"), ("x", -2.0))]), (-0.5,)) == (math.inf, 0.5)
    assert clearance(Expression(["x", "y"], [Line(op("pow"), ("x", "y"))]), (-2.0, 2.0)).edge == 0.0
    assert clearance(Expression(["x"], [Line(op("where"), ("x", 1.0, 2.0))]), (-0.5,)).kink == 0.5
    assert clearance(Expression(["x"]), (3.0,)) == (math.inf, math.inf)


@settings(max_examples=25)
@given(problems(expressions(operations=["relu", "abs", "maximum", "add", "mul", "sin", "clip"]), at_kinks=True))
def test_points_on_purpose_at_kinks(problem):
    assert clearance(*problem).kink <= 1e-9


def test_a_kink_that_no_float_hits_is_met_to_the_last_place():
    f = Expression(["x"], [Line(op("exp"), ("x",)), Line(op("sub"), (0, 2.0)), Line(op("relu"), (1,))])
    for (x,) in drawn(points(f, at_kinks=True), 5):
        assert abs(x - math.log(2.0)) <= math.ulp(1.0)


def test_points_at_distance_0_may_be_kinks_but_are_inside_the_domain():
    f = Expression(["x"], [Line(op("sqrt"), ("x",)), Line(op("abs"), (0,))])
    assert all(x > 0.0 for (x,) in drawn(points(f, distance=0), 50))
    g = Expression(["x"], [Line(op("abs"), ("x",))])
    assert (0.0,) in drawn(points(g, distance=0), 50)


# shrinking -----------------------------------------------------------------------------------------------------------


def is_wrong(problem: Problem) -> bool:
    return ag.check_gradients(problem.expression, *problem.point).verdict == "wrong"


@pytest.mark.slow
@pytest.mark.parametrize("functions", [expressions, graphs])
def test_a_wrong_rule_shrinks_to_itself(functions):
    found = find(problems(functions(operations=["add", "mul", "sin", "relu", OFF])), is_wrong, settings=SEARCH)
    assert repr(found) == "Problem(expression=lambda x, y: off_tanh(x), point=(0.0, 0.0))"


@pytest.mark.slow
def test_a_failure_of_sharing_shrinks_to_one_shared_node():
    found = find(graphs(["x"], ["add", "mul", "sin", "exp"]), lambda f: f.shared, settings=SEARCH)
    assert found.source() == "lambda x: (t1 := ag.sin(x)) + t1"


@pytest.mark.parametrize("functions", [expressions, graphs])
def test_hypothesis_prints_the_source(functions):
    @BRIEF
    @given(functions(["a"], ["sin", "mul"]), problems(functions(["a"], ["sin", "mul"])), values())
    def fails(f, problem, value):
        assert not f.lines

    with pytest.raises(AssertionError) as caught:
        fails()
    notes = "".join(caught.value.__notes__)
    assert "f=lambda a: ag.sin(a),\n" in notes
    assert "problem=Problem(expression=lambda a: a, point=(0.0,)),\n" in notes
    assert "value=Value(0.0),\n" in notes


# the decorator -------------------------------------------------------------------------------------------------------


@settings(max_examples=20)
@given_gradients(st.floats(-3, 3), st.floats(0.1, 5))
def test_by_position(x, y):
    return ag.sin(x * y) + ag.log(y)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [0.5, 2.0])
@settings(max_examples=20)
@given_gradients(logits=st.lists(st.floats(-3, 3), min_size=2, max_size=4), k=st.integers(0, 1))
def test_by_name_with_an_index_and_a_parameter_of_pytest(scale, k, logits):
    assert isinstance(k, int)
    return scale * (ag.logsumexp(logits) - logits[k])


class TestMethods:
    def test_inputs_are_called_by_their_names(self):
        class Case:
            @BRIEF
            @given_gradients(a=st.floats(1, 2), b=st.integers(1, 2))
            def half(self, b, a):
                return b * OFF(a)

        with pytest.raises(AssertionError, match=r"at a = 1\.0\n"):
            Case().half()

    @settings(max_examples=10)
    @given_gradients(p=st.fixed_dictionaries({"w": st.floats(-2, 2), "b": st.floats(-2, 2)}))
    def test_of_a_class_and_a_dict(self, p, tmp_path_factory):
        assert tmp_path_factory.getbasetemp().exists()
        return ag.tanh(p["w"] * 0.5 + p["b"])


@settings(max_examples=20)
@given_gradients(st.floats(0.5, 3), gradient=lambda x: 2.0 * x)
def test_a_gradient_by_hand(x):
    return x * x


def test_a_wrong_gradient_is_shrunk_and_told_in_full():
    @BRIEF
    @given_gradients(st.floats(-3, 3), st.floats(0.5, 3))
    def my_loss(x, y):
        return OFF(x * y)

    with pytest.raises(AssertionError) as caught:
        my_loss()
    text = "\n".join([str(caught.value), *caught.value.__notes__])
    for piece in ("my_loss", "off_tanh(x*y)", "x = 0.0", "gradient 1.001", "1.0", "culprit", "x=0.0,"):
        assert piece in text


def test_a_wrong_gradient_by_hand_fails():
    @BRIEF
    @given_gradients(st.floats(0.5, 3), st.integers(1, 2), gradient=lambda x, k: k * x + 1e-6)
    def half_square(x, k):
        return 0.5 * k * x * x

    with pytest.raises(AssertionError, match="half_square"):
        half_square()


def test_undecidable_points_are_skipped_up_to_a_share():
    tried: list[float] = []

    def relu(x: Any) -> Any:
        tried.append(x.data if isinstance(x, Value) else x)
        return ag.relu(x)

    settings(max_examples=60)(given_gradients(st.floats(-1, 1))(relu))()
    assert 0.0 in tried

    @given_gradients(st.integers(-50, 50).map(float))
    def steps(x):
        return ag.floor(x)

    with pytest.raises(
        AssertionError,
        match=r"steps could not be decided at 10 of the first 10 points, more than the 80% "
        r"allowed: draw points away from kinks and domain edges, or raise undecidable=",
    ) as caught:
        steps()
    assert "floor(x) is at its kink" in str(caught.value)
    assert "steps(\n    x=" in "".join(caught.value.__notes__)


# errors --------------------------------------------------------------------------------------------------------------


SINE = Expression(["x"], [Line(op("sin"), ("x",))])


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: expressions("xy"), TypeError, r'expressions: variables is a sequence of names, such as \["x", "y"\]'),
        (lambda: expressions([]), ValueError, "expressions: variables are different names"),
        (lambda: expressions(["x", "x"]), ValueError, "variables are different names"),
        (lambda: expressions(["1x"]), ValueError, r"different names.*got \('1x',\)"),
        (lambda: graphs(["lambda"]), ValueError, "graphs: variables are different names"),
        (lambda: graphs(["ag"]), ValueError, 'and not "ag"'),
        (lambda: expressions(operations=["sinn"]), ValueError,
         "^expressions: there is no operation named 'sinn': did you mean 'sin'\\?$"),
        (lambda: expressions(operations=["qqqq"]), ValueError, "see autograd.ops.TABLE"),
        (lambda: graphs(operations=[math.sin]), TypeError, "graphs: sin is no operation: give names, autograd's"),
        (lambda: graphs(operations=[3]), TypeError, "graphs: 3 is no operation"),
        (lambda: graphs(operations="sin"), TypeError, r'operations is a sequence, such as \["sin", ag.exp\]'),
        (lambda: graphs(operations=[]), ValueError, "operations is empty; leave it out for all of them"),
        (lambda: expressions(max_depth=-1), ValueError, "max_depth is a whole number from 0 up; got -1"),
        (lambda: expressions(max_depth=1.5), ValueError, "max_depth is a whole number from 0 up; got 1.5"),
        (lambda: graphs(max_nodes=0), ValueError, "max_nodes is a whole number from 1 up; got 0"),
        (lambda: expressions(min_value=1.0, max_value=1.0), ValueError, "expressions: min_value and max_value are"),
        (lambda: points(SINE, max_value=math.inf), ValueError, "points: min_value and max_value are finite"),
        (lambda: points(SINE, distance=-1.0), ValueError, "points: distance is a number from 0 up, such as 1e-3"),
        (lambda: points(SINE, at_kinks=True), ValueError,
         r"^points: no operation of lambda x: ag\.sin\(x\) has a kink; leave at_kinks out$"),
        (lambda: points(math.sin), TypeError, "points takes an Expression.*given_gradients"),
        (lambda: clearance(math.sin, (0.0,)), TypeError, "clearance takes an Expression"),
        (lambda: clearance(SINE, (0.0, 1.0)), TypeError, "the expression takes x; it was called with"),
        (lambda: problems([SINE]), TypeError, r"problems takes a strategy for expressions, as in problems\(gr"),
        (lambda: problems(min_value=3.0, max_value=1.0), ValueError, "problems: min_value"),
        (lambda: given_gradients(), TypeError, "needs a strategy for each argument, as in"),
        (lambda: given_gradients(lambda x: x), TypeError, r"^write @given_gradients\(st\.floats\(-3, 3\)\)"),
        (lambda: given_gradients(1.0), TypeError, r"takes strategies, such as st\.floats\(-3, 3\); got 1\.0"),
        (lambda: given_gradients(st.floats(), y=st.floats()), TypeError, "by position or by name, not both"),
        (lambda: given_gradients(st.floats(), undecidable=2), ValueError, "undecidable is a share from 0 to 1"),
        (lambda: given_gradients(st.floats(), gradient=1.0), TypeError, "gradient is a function of the same arguments"),
        (lambda: given_gradients(st.floats())(3), TypeError, "given_gradients decorates a function; got int 3"),
        (lambda: given_gradients(st.floats(), st.floats())(lambda x: x), TypeError,
         r"^given_gradients has 2 strategies for <lambda>\(x\)$"),
        (lambda: given_gradients(z=st.floats())(lambda x: x), TypeError,
         r"^given_gradients has a strategy for 'z', which <lambda>\(x\) does not take$"),
        (lambda: given_gradients(k=st.integers())(lambda k: k)(), TypeError,
         "^<lambda>: none of k is a float or holds floats, so that there is no gradient to test; draw floats, as in"),
    ],
)  # fmt: skip
def test_errors(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


# registration and imports --------------------------------------------------------------------------------------------


def python(code: str, *folders: Path) -> str:
    """What a fresh interpreter prints."""
    path = os.pathsep.join(map(str, (ROOT, *folders)))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder that says what an installed package says: there is an entry point for Hypothesis."""
    info = tmp_path / "entry_point_of_the_test-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: entry-point-of-the-test\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hypothesis]\nglassgrad = _glassgrad_hypothesis:register\n")
    return tmp_path


DRAW = """
from hypothesis import find, strategies as st
print(find(st.from_type(autograd.Value), lambda v: v.data > 2).data)"""


@pytest.mark.slow
def test_hypothesis_first_brings_neither_the_package_nor_numpy_and_draws_a_value_from_its_type(installed):
    code = "import hypothesis, sys; print(*(m in sys.modules for m in ('_glassgrad_hypothesis', 'autograd', 'numpy')))"
    assert python(code + "\nimport autograd" + DRAW, installed).splitlines() == ["True False False", "3.0"]


@pytest.mark.slow
def test_autograd_first_needs_no_hypothesis_and_says_what_to_install_for_strategies(installed):
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "import autograd\n"
        "try: import autograd.strategies\nexcept ImportError as e: print(e)\n"
        "del sys.modules['hypothesis']\n"
        "import hypothesis"
    )
    error, drawn = python(code + DRAW, installed).splitlines()
    assert error == "autograd.strategies needs Hypothesis: pip install hypothesis, or pip install 'glassgrad[check]'"
    assert drawn == "3.0"


@pytest.mark.slow
def test_autograd_does_not_import_hypothesis_and_the_strategies_need_no_pytest_and_no_entry_point():
    code = "import autograd, sys; print('hypothesis' in sys.modules); sys.modules['pytest'] = None\n"
    assert python(code + "import autograd.strategies" + DRAW).splitlines() == ["False", "3.0"]


@pytest.mark.slow
def test_from_type_here():
    assert find(st.from_type(Value), lambda v: v.data > 2).data == 3.0
    assert isinstance(find(st.from_type(Expression), lambda f: True), Expression)


@pytest.mark.slow
def test_pytest_shows_the_whole_story(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import autograd as ag\n"
        "from autograd.strategies import given_gradients\n"
        "from hypothesis import strategies as st\n"
        "cube = ag.custom('cube', lambda x: x**3, lambda z, x: 3.001 * x**2)\n"
        "@given_gradients(x=st.floats(1, 3))\n"
        "def test_my_loss(x):\n    return cube(2 * x)\n"
        "def test_at_a_point():\n    ag.assert_gradients(lambda x: cube(2 * x), 1.0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", os.devnull, "test_it.py"],
        capture_output=True, text=True, check=False, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert "2 failed" in done.stdout, done.stdout + done.stderr
    for piece in ("cube(", "x = 1.0", "gradient 24.008", "24.0", "culprit", "test_my_loss(", "x=1.0"):
        assert piece in done.stdout
