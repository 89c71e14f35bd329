"""explain(root, w): the sum over paths equals the gradient, written as the lesson writes it, nothing enumerated."""

import math
import re

import hypothesis.strategies as st
import pytest
from hypothesis import given

import autograd as ag
from autograd import Value
from autograd.errors import GraphError, StaleGraphError
from viz.derivation import big
from viz.explain import explain
from viz.naming import decimal, latex_decimal, latex_name
from viz.paths import Between, folding, largest_paths

EPS = 2.220446049250313e-16


def neuron(name, weights, inputs, bias, s, by_hand=False):
    z = weights[0] * inputs[0] + weights[1] * inputs[1] + bias if by_hand else ag.dot(weights, inputs, bias)
    z.name = f"{name}.{s}"
    h = z.sigmoid()
    h.name = f"{name}.{name}"
    return h


def parameters():
    numbers = {
        "h1.w1": 0.8, "h1.w2": -0.4, "h1.b1": 0.1, "h2.w3": 0.3, "h2.w4": 0.9, "h2.b2": -0.2, "o1.w5": 1.1,
        "o1.w6": -0.7, "o1.b3": 0.05,
    }  # fmt: skip
    return {name.split(".")[1]: Value(x, name) for name, x in numbers.items()}


def output(p, x1, x2, by_hand=False):
    h1 = neuron("h1", [p["w1"], p["w2"]], [x1, x2], p["b1"], "s1", by_hand)
    h2 = neuron("h2", [p["w3"], p["w4"]], [x1, x2], p["b2"], "s2", by_hand)
    return neuron("o1", [p["w5"], p["w6"]], [h1, h2], p["b3"], "s3", by_hand)


def figure5(by_hand=False):
    p = parameters()
    p["x1"], p["x2"] = Value(-2.0, "x1"), Value(-1.0, "x2")
    loss = abs(output(p, p["x1"], p["x2"], by_hand) - Value(1.0, "y"))
    loss.name = "L"
    return loss, p


def batch(n):
    p = parameters()
    errors = [abs(output(p, Value(i / n - 0.5, "x1"), Value(0.3 - i / n, "x2")) - Value(i % 2, "y")) for i in range(n)]
    loss = ag.mean(errors)
    loss.name = "L"
    return loss, p


# -- as the lesson writes it -------------------------------------------------------------------------------------------


def test_one_weight_of_figure_5():
    loss, p = figure5()
    assert str(explain(loss, p["w1"])) == (
        "dL/dw1 = dL/do1 * do1/dh1 * dh1/dw1\n"
        "       = sign(o1 - y) * w5*o1*(1 - o1) * x1*h1*(1 - h1)\n"
        "       = (-1) * 0.2718 * (-0.3747)\n"
        "       = 0.1019"
    )


@pytest.mark.parametrize("by_hand", [False, True])
def test_two_paths_are_written_then_summed(by_hand):
    loss, p = figure5(by_hand)
    e = explain(loss, p["x1"])
    assert str(e) == (
        "dL/dx1 = dL/do1 * do1/dh1 * dh1/dx1\n"
        "       + dL/do1 * do1/dh2 * dh2/dx1\n"
        "       = sign(o1 - y) * w5*o1*(1 - o1) * w1*h1*(1 - h1)\n"
        "       + sign(o1 - y) * w6*o1*(1 - o1) * w3*h2*(1 - h2)\n"
        "       = (-1) * 0.2718 * 0.1499\n"
        "       + (-1) * (-0.173) * 0.03918\n"
        "       = -0.04074 + 0.006777\n"
        "       = -0.03396"
    )
    assert e.folded
    assert e.path_count == 2
    assert [[v.name for v in path.nodes] for path in e.paths] == [
        ["L", "o1.o1", "h1.h1", "x1"],
        ["L", "o1.o1", "h2.h2", "x1"],
    ]


def test_without_folding_every_edge_is_a_factor():
    loss, p = figure5()
    e = explain(loss, p["w1"], fold=False)
    assert str(e).splitlines()[:2] == [
        "dL/dw1 = dL/d(o1 - y) * d(o1 - y)/do1 * do1/ds3 * ds3/dh1 * dh1/ds1 * ds1/dw1",
        "       = sign(o1 - y) * 1 * o1*(1 - o1) * w5 * h1*(1 - h1) * x1",
    ]
    assert not e.folded
    assert len(e.paths[0].values) == 6


def test_latex_of_one_weight():
    loss, p = figure5()
    assert explain(loss, p["w1"]).latex == (
        r"\begin{aligned}" "\n"
        r"\frac{\partial L}{\partial w_{1}} &= \frac{\partial L}{\partial o_{1}} \cdot "
        r"\frac{\partial o_{1}}{\partial h_{1}} \cdot \frac{\partial h_{1}}{\partial w_{1}} \\" "\n"
        r" &= \operatorname{sgn}\left(o_{1} - y\right) \cdot w_{5} \, o_{1} \, \left(1 - o_{1}\right) \cdot "
        r"x_{1} \, h_{1} \, \left(1 - h_{1}\right) \\" "\n"
        r" &= (-1) \cdot 0.2718 \cdot (-0.3747) \\" "\n"
        r" &= \mathbf{0.1019}" "\n"
        r"\end{aligned}"
    )  # fmt: skip


def test_both_operands_of_a_square_count():
    x = Value(3.0, "x")
    e = explain(x * x, x)
    assert (e.path_count, e.total) == (2, 6.0)
    assert str(e) == (
        "df/dx = df/dx|1 + df/dx|2\n"
        "      = x + x\n"
        "      = 3 + 3\n"
        "      = 6\n"
        "|1, |2: by way of the first, the second operand"
    )


def test_inside_a_neuron_paths_add_to_one_factor():
    w = Value(2.0, "h1.w1")
    out = w * w + w
    out.name = "h1.h1"
    loss = 3.0 * out
    loss.name = "L"
    e = explain(loss, w)
    assert e.path_count == 1
    assert str(e).splitlines()[1] == "       = 3 * (w1 + w1 + 1)"
    assert e.gradient == 15.0


def test_samples_of_one_name_are_numbered():
    loss, p = batch(2)
    text = str(explain(loss, p["w1"]))
    assert "dL/do1[1] * do1[1]/dh1[1] * dh1[1]/dw1" in text
    assert "sign(o1[2] - y[2])*0.5 * w5*o1[2]*(1 - o1[2]) * x1[2]*h1[2]*(1 - h1[2])" in text
    assert r"o_{1}^{(2)}" in explain(loss, p["w1"]).latex


def test_names_are_as_long_as_they_must_be():
    x = Value(0.5, "x")
    first = ag.dot([Value(0.3, "layer1.n1.w1")], [x])
    first.name = "layer1.n1.n1"
    weight = Value(0.7, "layer2.n1.w1")
    second = ag.dot([weight], [first])
    second.name = "layer2.n1.n1"
    assert str(explain(second, x)).splitlines()[0] == "d(layer2.n1)/dx = d(layer2.n1)/d(layer1.n1) * d(layer1.n1)/dx"


def test_custom_operations_show_their_rule():
    cube = ag.custom("cube", lambda x: x**3, lambda z, x: 3.0 * x * x)
    x = Value(2.0, "x")
    y = cube(x)
    y.name = "y"
    assert str(explain(y, x)).splitlines() == ["dy/dx = 3*x*x", "      = 12"]


def test_long_unnamed_nodes_get_a_name_and_a_definition():
    x = Value(0.5, "a_rather_long_name_of_an_input")
    y = ag.tanh(x * x * x + x * x)
    text = str(explain(y * 2.0, x, fold=False))
    assert re.search(r"^where v1 = v2\*a_rather_long_name_of_an_input \+ ", text, re.MULTILINE)
    assert re.search(r"^where v2 = .* = 0.25$", text, re.MULTILINE)


def test_root_is_w():
    x = Value(3.0, "x")
    e = explain(x, x)
    assert (str(e), e.total, e.path_count) == ("dx/dx = 1", 1.0, 1)


# -- the numbers -------------------------------------------------------------------------------------------------------


def test_it_needs_no_backward_pass_and_touches_nothing():
    loss, p = figure5()
    e = explain(loss, p["w1"])
    assert not p["w1"].has_grad
    loss.backward()
    assert e.gradient == e.total == p["w1"].grad == explain(loss, p["w1"]).gradient


def test_a_gradient_of_several_passes_is_told():
    loss, p = figure5()
    loss.backward()
    assert "grad reads" not in str(explain(loss, p["w1"]))
    loss.backward()
    assert "w1.grad reads 0.2037: it holds another backward pass, or several." in str(explain(loss, p["w1"]))


@st.composite
def graphs(draw):
    """A random graph with shared nodes, zero slopes and repeated operands."""
    numbers = st.floats(-2, 2, allow_nan=False)
    w = Value(draw(numbers), "w")
    nodes = [w, Value(draw(numbers), "a"), w * 1.0]
    for _ in range(draw(st.integers(1, 12))):
        a, b = (nodes[draw(st.integers(0, len(nodes) - 1))] for _ in range(2))
        made = draw(st.sampled_from(["add", "mul", "sub", "tanh", "relu", "sum", "dot"]))
        node = {
            "add": lambda a=a, b=b: a + b,
            "mul": lambda a=a, b=b: a * b,
            "sub": lambda a=a, b=b: a - b,
            "tanh": lambda a=a: ag.tanh(a),
            "relu": lambda a=a: ag.relu(a),
            "sum": lambda a=a, b=b: ag.sum([a, b, a]),
            "dot": lambda a=a, b=b: ag.dot([w, a], [b, a], w),
        }[made]()
        node.name = draw(st.sampled_from(["", "", "", "m", "h1.s", "h1.h1", "h2.s", "h2.h2"]))
        nodes.append(node)
    return ag.sum([*nodes, 1.0]), w


def brute_force(root, w):
    """Every path of wires, by recursion."""
    if root is w:
        return [1.0]
    found = []
    for x, p in zip(root.operands, root.partials, strict=True):
        if p is not None:
            found += [p * rest for rest in brute_force(x, w)]
    return found


@pytest.mark.slow
@given(graphs())
def test_sum_count_and_size_are_those_of_all_paths(graph):
    root, w = graph
    every = brute_force(root, w)
    e = explain(root, w, fold=False, limit=1000)
    assert e.path_count == len(every)
    assert e.magnitude == pytest.approx(math.fsum(map(abs, every)), rel=1e-12)
    assert e.agrees, e.why
    assert abs(e.total - math.fsum(every)) <= 8 * EPS * e.magnitude + 1e-300
    root.backward()
    assert e.gradient == w.grad
    if len(every) <= 1000:
        assert sorted(p.product for p in e.paths) == pytest.approx(sorted(every), rel=1e-12)


@pytest.mark.slow
@given(graphs(), st.integers(1, 4))
def test_folding_changes_no_sum_and_the_largest_come_first(graph, limit):
    root, w = graph
    folded = explain(root, w, limit=1000)
    assert folded.agrees, folded.why
    assert folded.path_count <= explain(root, w, fold=False).path_count
    assert folded.total == pytest.approx(folded.gradient, rel=1e-9, abs=1e-12)
    sizes = sorted((abs(p.product) for p in folded.paths), reverse=True)
    ways = largest_paths(folding(Between(root, w), True), limit)
    if folded.path_count <= 1000:
        assert [abs(way.product) for way in ways] == pytest.approx(sizes[:limit], rel=1e-9)


def test_the_remainder_is_exact():
    loss, p = batch(40)
    e = explain(loss, p["w1"], limit=3)
    assert (e.path_count, len(e.paths), e.remainder_count) == (40, 3, 37)
    assert e.remainder_sum == e.gradient - math.fsum(path.product for path in e.paths)
    assert "... (37 more paths)" in str(e)
    assert e.agrees
    every = explain(loss, p["w1"], limit=40)
    sizes = sorted((abs(path.product) for path in every.paths), reverse=True)
    assert [abs(path.product) for path in e.paths] == sizes[:3]


def test_a_wrong_partial_would_be_noticed():
    loss, p = figure5()
    between = Between(loss, p["x1"])
    e = explain(loss, p["x1"])
    wrong = folding(between, True)
    off = [[edge._replace(weight=edge.weight * (1 + 1e-14)) for edge in out] for out in wrong.edges]
    total = math.fsum(way.product for way in largest_paths(type(wrong)(between, wrong.kept, off, True), 9))
    assert abs(total - e.gradient) > e.bound


def test_infinite_slopes_say_why():
    x = Value(0.0, "x")
    y = ag.sqrt(x) - ag.sqrt(x)
    e = explain(y, x)
    assert not e.agrees
    assert "(sqrt) in its operand 1 is inf" in e.why
    assert "The sum over the paths is not the gradient" in str(e)


# -- sizes -------------------------------------------------------------------------------------------------------------


def test_a_ladder_of_many_paths():
    x = v = Value(1.0, "x")
    for _ in range(3000):
        v = v * 0.5 + v * 0.5
    e = explain(v, x)
    assert e.path_count == 2**3000
    assert e.remainder_count == 2**3000 - 12
    assert len(e.paths) == 12
    assert "about 1.23e903 more paths" in str(e)
    assert "(5,988 factors)" in str(e)
    assert len(str(e)) < 20_000
    assert e.agrees


@pytest.mark.slow
def test_deep_and_wide_graphs():
    x = v = Value(1.0, "x")
    for _ in range(10_000):
        v = v * 1.0
    assert explain(v, x).path_count == 1
    v.name = "h1.h1"
    e = explain(v + 0.0, x)
    assert e.gradient == 1.0
    wide = ag.sum([x * 1.0 for _ in range(5_000)])
    e = explain(wide, x, limit=2)
    assert (e.path_count, e.gradient) == (5_000, 5_000.0)


@pytest.mark.slow
def test_scopes_too_entangled_to_fold_are_shown_edge_by_edge():
    x = shared = Value(1.0, "x")
    for _ in range(3000):
        shared = shared * 1.0
    outputs = []
    for i in range(1000):
        y = shared * 0.5
        y.name = f"s.y{i}"
        outputs.append(y)
    e = explain(ag.sum(outputs), x, limit=1)
    assert (e.folded, e.path_count, e.gradient) == (False, 1000, 500.0)
    assert "Every edge is shown" in str(e)


def test_big_numbers_of_paths():
    assert big(1234567) == "1,234,567"
    assert big(2**100_000) == "about 9.99e30102"


# -- text that is safe -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("w1", "w_{1}"),
        ("w_12", "w_{12}"),
        ("x", "x"),
        ("loss", r"\mathrm{loss}"),
        ("layer2", r"\mathrm{layer}_{2}"),
        (r"a_b{c}\%$#", r"{\mathrm{a}\_\mathrm{b}\{\mathrm{c}\}\backslash \%\$\#}"),
        ("a b&c", r"{\mathrm{a}\ \mathrm{b}\&\mathrm{c}}"),
        ("é\n", r"{\text{é␊}}"),
    ],
)
def test_latex_names(name, latex):
    assert latex_name(name) == latex


@given(st.text(max_size=12))
def test_any_name_gives_balanced_latex(name):
    w = Value(2.0, name)
    e = explain(w * w + w * 3.0, w)
    bare = e.latex.replace(r"\backslash ", "").replace(r"\{", "").replace(r"\}", "")
    depth = 0
    for char in bare:
        depth += (char == "{") - (char == "}")
        assert depth >= 0
    assert depth == 0
    assert "$" not in bare.replace(r"\$", "")
    assert "%" not in bare.replace(r"\%", "")
    assert "#" not in bare.replace(r"\#", "")
    assert all(char == "\n" or char.isprintable() or ord(char) > 127 for char in e.text)


def test_awkward_names_stay_readable_in_text():
    w = Value(2.0, r"a_b{c}\%$#")
    assert str(explain(w * 3.0, w)).splitlines()[0] == r'df/d"a_b{c}\%$#" = 3'


def test_notebooks_get_latex_and_text():
    loss, p = figure5()
    e = explain(loss, p["w1"])
    assert e._repr_mimebundle_() == {"text/latex": f"$$\n{e.latex}\n$$", "text/plain": e.text}
    assert list(e._repr_mimebundle_(include=["text/plain"])) == ["text/plain"]
    assert list(e._repr_mimebundle_(exclude=["text/plain"])) == ["text/latex"]
    assert e._repr_latex_().startswith("$$")
    assert explain(loss, p["w1"]).latex == e.latex


def test_digits():
    loss, p = figure5()
    assert str(explain(loss, p["w1"], digits=10)).endswith("= 0.1018542498")


# -- bad input ---------------------------------------------------------------------------------------------------------


def test_a_value_that_is_not_behind_the_root():
    loss, _ = figure5()
    message = "the value 'L' does not depend on the value 'z': no path leads from one to the other"
    with pytest.raises(GraphError, match=message):
        explain(loss, Value(1.0, "z"))
    with pytest.raises(GraphError, match=r"no_grad\(\), by detach\(\), or by arithmetic on .data"):
        explain((loss * 2.0).detach(), loss)


def test_the_root_as_operand_of_nothing_below_w():
    x = Value(1.0, "x")
    y = x * 2.0
    with pytest.raises(GraphError):
        explain(x, y)


def test_wrong_types_and_ranges():
    x = Value(1.0, "x")
    with pytest.raises(TypeError, match="root must be a Value of the graph, not float"):
        explain(2.0, x)
    with pytest.raises(TypeError, match="w must be a Value of the graph, not str"):
        explain(x, "x")
    with pytest.raises(ValueError, match="limit must be 1 to 1000, not 0"):
        explain(x, x, limit=0)
    with pytest.raises(TypeError, match=r"digits must be a whole number, not 2\.5"):
        explain(x, x, digits=2.5)


def test_stale_data_is_refused():
    loss, p = figure5()
    p["w1"].data = 5.0
    with pytest.raises(StaleGraphError):
        explain(loss, p["w1"])


@pytest.mark.parametrize("digits", [1, 4, 17])
def test_a_zero_of_either_sign_is_written_without_one(digits):
    assert decimal(-0.0, digits) == decimal(0.0, digits) == latex_decimal(-0.0, digits) == "0"
    assert decimal(-5e-324, digits).startswith("-")
