"""micrograd's API as people use it: its README, its two tests, its demo, and the lecture's idioms, unchanged.

The expected numbers come from PyTorch 2.13 in float64, or are worked out by hand where the comment says so.
"""

import math
import random
import traceback

import graphviz
import pytest

import autograd as ag
import nn
from autograd import Value


def test_the_readme_example() -> None:
    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    assert f"{g.data:.4f}" == "24.7041"
    g.backward()
    assert f"{a.grad:.4f}" == "138.8338"
    assert f"{b.grad:.4f}" == "645.5773"
    assert g.data == pytest.approx(24.70408163265306, rel=1e-14)
    assert a.grad == pytest.approx(138.83381924198252, rel=1e-14)
    assert b.grad == pytest.approx(645.5772594752186, rel=1e-14)


def test_sanity_check() -> None:
    x = Value(-4.0)
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    h = (z * z).relu()
    y = h + q + q * x
    y.backward()
    assert y.data == -20.0
    assert x.grad == 46.0


def test_more_ops() -> None:
    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c = c + c + 1
    c = c + 1 + c + (-a)
    d = d + d * 2 + (b + a).relu()
    d = d + 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g = g + 10.0 / f
    g.backward()
    assert g.data == pytest.approx(24.70408163265306, rel=1e-14)
    assert a.grad == pytest.approx(138.83381924198252, rel=1e-14)
    assert b.grad == pytest.approx(645.5772594752186, rel=1e-14)


def test_a_second_backward_adds_the_same_again() -> None:
    x = Value(3.0)
    y = x * x * x
    y.backward()
    assert x.grad == 27.0
    y.backward()
    assert x.grad == 54.0  # micrograd: 72, because its inner nodes keep what they had
    x.grad = 0.0
    y.backward()
    assert x.grad == 27.0


def test_an_operand_used_twice_counts_twice() -> None:
    x = Value(3.0)
    (x + x).backward()
    assert x.grad == 2.0
    x.grad = 0
    (x * x).backward()
    assert x.grad == 6.0


def test_sum_of_a_list_of_values() -> None:
    terms = [Value(float(i)) for i in range(5)]
    total = sum(terms)
    total.backward()
    assert isinstance(total, Value)
    assert total.data == 10.0
    assert [t.grad for t in terms] == [1.0] * 5
    bias = Value(1.0)
    assert sum([t * t for t in terms], bias).data == 31.0


def test_in_place_operators_make_new_nodes() -> None:
    x = first = Value(2.0)
    x += 1
    x *= 3
    x -= 2.0
    x /= 7.0
    x **= 2
    assert x is not first
    assert (first.data, x.data) == (2.0, 1.0)
    x.backward()
    assert first.grad == pytest.approx(6 / 7, rel=1e-15)  # 2 ((2+1)*3-2)/7 * 3/7


def test_numbers_on_either_side() -> None:
    x = Value(4.0)
    for out, value, slope in [
        (x + 1, 5.0, 1.0), (1 + x, 5.0, 1.0), (x - 1, 3.0, 1.0), (1 - x, -3.0, -1.0), (x * 3, 12.0, 3.0),
        (3 * x, 12.0, 3.0), (x / 2, 2.0, 0.5), (2 / x, 0.5, -0.125), (x**2, 16.0, 8.0), (x**-1, 0.25,
        -0.0625),
        (x**0.5, 2.0, 0.25), (-x, -4.0, -1.0), (2**x, 16.0, 16.0 * math.log(2.0)),
    ]:  # fmt: skip
        x.grad = 0.0
        out.backward()
        assert (out.data, x.grad) == (value, slope)


def test_the_lecture_s_neuron_by_tanh_and_by_exp() -> None:
    def neuron(by_exp: bool) -> tuple[float, list[float]]:
        x1, x2, w1, w2 = Value(2.0), Value(0.0), Value(-3.0), Value(1.0)
        b = Value(6.8813735870195432)
        n = x1 * w1 + x2 * w2 + b
        if by_exp:
            e = (2 * n).exp()
            o = (e - 1) / (e + 1)
        else:
            o = n.tanh()
        o.backward()
        return o.data, [v.grad for v in (x1, x2, w1, w2, b)]

    for by_exp in (False, True):
        value, gradient = neuron(by_exp)
        assert value == pytest.approx(math.sqrt(0.5), rel=1e-15)
        assert gradient == pytest.approx([-1.5, 0.5, 1.0, 0.0, 0.5], rel=1e-14)  # by hand: 1 - 1/2 times w or x


def test_methods_that_people_add_to_micrograd() -> None:
    x = Value(2.0)
    assert x.log().data == math.log(2.0)
    assert x.exp().data == math.exp(2.0)
    assert x.tanh().data == math.tanh(2.0)
    assert x.relu().data == 2.0
    assert Value(-2.0).relu().data == 0.0


def test_comparisons_formats_and_repr() -> None:
    a, b = Value(1.0), Value(2.0)
    assert [a < b, b > a, a <= 1.0, a == 1.0, a != b, b < a] == [True] * 5 + [False]
    assert max([a, b], key=lambda v: v.data) is b
    assert f"{b:.3f}" == "2.000"
    assert "2.0" in repr(b)


def test_model_as_micrograd_writes_it() -> None:
    model = nn.MLP(3, [4, 4, 1])
    assert len(model.parameters()) == (3 + 1) * 4 + (4 + 1) * 4 + (4 + 1)
    assert all(isinstance(p, Value) for p in model.parameters())
    out = model([2.0, 3.0, -1.0])
    assert isinstance(out, Value)
    out.backward()
    assert any(p.grad != 0.0 for p in model.parameters())
    model.zero_grad()
    assert all(p.grad == 0.0 for p in model.parameters())
    assert len(nn.MLP(2, [3, 2])([0.5, -0.5])) == 2


def moons(n: int) -> tuple[list[list[float]], list[float]]:
    rng = random.Random(1337)
    xs, ys = [], []
    for i in range(n):
        angle = rng.uniform(0.0, math.pi)
        x, y = math.cos(angle), math.sin(angle)
        xs.append([1.0 - x, 0.5 - y] if i % 2 else [x, y])
        ys.append(2.0 * (i % 2) - 1.0)
    return xs, ys


def test_the_demo_s_training_loop() -> None:
    X, y = moons(24)
    model = nn.MLP(2, [8, 8, 1], seed=1337)

    def loss() -> tuple[Value, float]:
        inputs = [list(map(Value, xrow)) for xrow in X]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        alpha = 1e-4
        reg_loss = alpha * sum(p * p for p in model.parameters())
        accuracy = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(y, scores, strict=True)]
        return data_loss + reg_loss, sum(accuracy) / len(accuracy)

    history = []
    steps = 40
    for k in range(steps):
        total_loss, acc = loss()
        model.zero_grad()
        total_loss.backward()
        learning_rate = 1.0 - 0.9 * k / steps
        for p in model.parameters():
            p.data -= learning_rate * p.grad
        history.append(total_loss.data)
    assert history[-1] < 0.2 * history[0]
    assert acc > 0.9


def test_the_demo_s_loss_is_pytorch_s() -> None:
    """One hinge step of a 2-2-1 relu network with frozen weights: PyTorch's loss and gradient."""
    w = [0.5, -0.25, 0.1, -0.75, 1.0, 0.2, 1.5, -0.5, -0.3]
    p = [Value(x) for x in w]
    losses = []
    for x1, x2, yi in [(1.0, 2.0, 1.0), (-1.0, 0.5, -1.0), (0.3, -0.7, 1.0)]:
        h1 = (p[0] * x1 + p[1] * x2 + p[2]).relu()
        h2 = (p[3] * x1 + p[4] * x2 + p[5]).relu()
        losses.append((1 + -yi * (p[6] * h1 + p[7] * h2 + p[8])).relu())
    loss = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(q * q for q in p)
    loss.backward()
    assert loss.data == pytest.approx(0.8462848333333334, rel=1e-14)
    assert [q.grad for q in p] == pytest.approx([
        -0.6499, -0.65005, -0.99998, 0.16651666666666665, 0.3335333333333333, 0.16670666666666667,
        -0.17469999999999997, -0.48343333333333327, -0.6667266666666667,
    ], rel=1e-13)  # fmt: skip


def test_a_chain_deeper_than_python_s_recursion_limit() -> None:
    x = Value(1.0)
    y = x
    for _ in range(20_000):
        y = y + 1e-6
    y.backward()
    assert x.grad == 1.0
    assert len(ag.topological(y)) == 20_001


# -- what its notebook reads of a node ---------------------------------------------------------------------------------


def trace(root):  # as the notebook has it
    nodes, edges = set(), set()

    def build(v):
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)

    build(root)
    return nodes, edges


def draw_dot(root):  # as the notebook has it
    dot = graphviz.Digraph(format="svg", graph_attr={"rankdir": "LR"})
    nodes, edges = trace(root)
    for n in nodes:
        uid = str(id(n))
        dot.node(name=uid, label="{ %s | data %.4f | grad %.4f }" % (n.label, n.data, n.grad), shape="record")  # noqa: UP031
        if n._op:
            dot.node(name=uid + n._op, label=n._op)
            dot.edge(uid + n._op, uid)
    for n1, n2 in edges:
        dot.edge(str(id(n1)), str(id(n2)) + n2._op)
    return dot


def lecture() -> tuple[Value, dict[str, Value]]:
    a = Value(2.0, label="a")
    b = Value(-3.0, label="b")
    c = Value(10.0, label="c")
    e = a * b
    e.label = "e"
    d = e + c
    d.label = "d"
    f = Value(-2.0, label="f")
    L = d * f
    L.label = "L"
    return L, {v.label: v for v in (a, b, c, d, e, f, L)}


def test_the_notebook_s_trace_and_draw_dot() -> None:
    L, by_name = lecture()
    L.backward()
    nodes, edges = trace(L)
    assert nodes == set(by_name.values())
    assert {(x.label, y.label) for x, y in edges} == {
        ("a", "e"), ("b", "e"), ("e", "d"), ("c", "d"), ("d", "L"), ("f", "L"),
    }  # fmt: skip
    source = draw_dot(L).source
    assert '"{ L | data -8.0000 | grad 1.0000 }"' in source
    assert '"{ a | data 2.0000 | grad 6.0000 }"' in source
    assert source.count('label="*"') == 2


def test_the_notebook_s_backward_pass_by_hand() -> None:
    L, by_name = lecture()
    order, visited = [], set()

    def build_topo(v):
        if v not in visited:
            visited.add(v)
            for child in v._prev:
                build_topo(child)
            order.append(v)

    build_topo(L)
    L.grad = 1.0
    for node in reversed(order):
        node._backward()
    by_hand = {name: v.grad for name, v in by_name.items()}
    L.zero_grad()
    L.backward()
    assert by_hand == {name: v.grad for name, v in by_name.items()}
    assert by_hand["a"] == 6.0


OPS = [
    (lambda a, b: a + b, "+"), (lambda a, b: a - b, "-"), (lambda a, b: a * b, "*"), (lambda a, b: a / b, "/"),
    (lambda a, b: a**3, "**3"), (lambda a, b: a**-0.5, "**-0.5"), (lambda a, b: a.relu(), "ReLU"),
    (lambda a, b: a.tanh(), "tanh"), (lambda a, b: a.exp(), "exp"), (lambda a, b: ag.sigmoid(a), "sigmoid"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "symbol"), OPS, ids=[symbol for _, symbol in OPS])
def test_a_node_made_with_children_is_the_operation_of_that_symbol(function, symbol) -> None:
    a, b = Value(1.7, "a"), Value(-0.3, "b")
    ours = function(a, b)
    assert ours._op == symbol
    children = (a, b) if b in ours._prev else (a,)
    for made in (Value(ours.data, children, symbol), Value(ours.data, _children=children, _op=symbol, label="made")):
        assert (made.op, made.operands, made.partials) == (ours.op, ours.operands, ours.partials)
        (made * made).backward()
        expected = [ours.data * 2.0 * p for p in ours.partials if p is not None]
        assert [v.grad for v in children] == pytest.approx(expected, rel=1e-15)
        (made * made).zero_grad()
        for v in children:
            v.grad = 0.0
    assert made.label == made.name == "made"


def test_what_is_not_micrograd_s_says_what_to_write() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    for children, op, data, error, message in (
        ((a, b), "+", 6.0, ValueError, r"does not hold what \+ of its children gives, 5\.0"),
        ((a,), "swish", 1.0, ValueError, r"no derivative of 'swish' for 1 children.*autograd\.custom"),
        ((a, b), "tanh", 1.0, ValueError, "no derivative of 'tanh' for 2 children"),
        ((a, b), "", 1.0, ValueError, "no derivative of '' for 2 children"),
        ((a,), "**x", 1.0, ValueError, "what stands behind \\*\\* is no number"),
        ((2.0, 3.0), "+", 5.0, TypeError, "none of the children is a Value"),
        ((), "+", 5.0, ValueError, r"no derivative of '\+' for 0 children"),
        (7, "+", 5.0, TypeError, r"the children of a Value are Values, as in Value\(3\.0, \(a, b\), '\+'\)"),
    ):
        with pytest.raises(error, match=message):
            Value(data, children, op)
    with pytest.raises(TypeError, match="the name of a Value is text"):
        Value(1.0, 7)
    with pytest.raises(AttributeError, match=r"no closure is assigned to _backward.*autograd\.custom"):
        (a + b)._backward = lambda: None
    assert Value(1.0, (), "").is_leaf
    assert Value(1.0, _children=()).is_leaf


def test_leaves_constants_and_squares_have_micrograd_s_children() -> None:
    a = Value(2.0)
    assert (a._prev, a._op, a._backward()) == (set(), "", None)
    assert (a + 1)._prev == {a}  # micrograd makes a Value of the 1
    assert (a * a)._prev == {a}


def test_power_with_a_modulus_and_matrix_products_of_numbers_are_told_what_to_write() -> None:
    v, w = Value(2.0), Value(3.0)
    with pytest.raises(TypeError, match="a power modulo a number has no derivative"):
        pow(v, 2, 3)
    for call in (lambda: v @ w, lambda: v @ 2.0, lambda: 2.0 @ v, lambda: v @ [w], lambda: [w] @ v):
        with pytest.raises(TypeError, match=r"@ multiplies arrays.*autograd\.dot"):
            call()


def test_a_domain_error_is_one_traceback_that_ends_with_the_advice() -> None:
    for call in (lambda: ag.log(Value(-1.0)), lambda: ag.log(-1.0), lambda: Value(1.0) / 0, lambda: Value(0.0) ** -1):
        with pytest.raises(ag.DomainError) as caught:
            call()
        text = "".join(traceback.format_exception(caught.value))
        assert text.count("Traceback (most recent call last)") == 1
        assert "get inf or nan instead" in text.splitlines()[-1]
    with pytest.raises(ag.DomainError) as caught:
        ag.exp(10**400)
    assert len(str(caught.value)) < 300
