"""The classical mistakes: each is a real wrong pass, parts where it should, says so, and is right without its cause."""

import html.parser
import json
import math
import random

import hypothesis.strategies as st
import pytest
from hypothesis import given
from support.viz_graphs import figure5, random_graph

import autograd as ag
from autograd import Value
from autograd.errors import StaleGraphError
from autograd.reverse import adjoints, edges
from viz.mistakes import KINDS, example, mistake, mistakes

seeds = st.integers(0, 10**6)


def tree(seed, n=30):
    """A random graph in which every value is used once at most, leaves too."""
    rng = random.Random(seed)
    pool = [Value(rng.uniform(0.5, 2), name=f"x{i}") for i in range(n)]
    while len(pool) > 1:
        rng.shuffle(pool)
        a, b = pool.pop(), pool.pop()
        how = rng.randrange(4)
        pool.append(a + b if how == 0 else a * b if how == 1 else a - ag.tanh(b) if how == 2 else ag.sum([a, b * 2.0]))
    return pool[0]


def levelled(seed):
    """A random graph in layers: every path from a value to the root has the same length, so a queue gets it right."""
    rng = random.Random(seed)
    layer = [Value(rng.uniform(-1, 1), name=f"x{i}") for i in range(4)]
    for _ in range(4):
        layer = [rng.choice(layer) * rng.choice(layer) + rng.choice(layer) * 0.5 for _ in range(4)]
    return ag.sum(layer)


def no_repeats(seed):
    """A random graph in which no operation has the same value twice among its operands."""
    rng = random.Random(seed)
    pool = [Value(rng.uniform(-1, 1), name=f"x{i}") for i in range(4)]
    for _ in range(20):
        a, b = rng.sample(pool, 2)
        pool.append(rng.choice((a + b, a * b, a - b, ag.sum(rng.sample(pool, 3)))))
    return ag.sum(pool[-6:])


def same(comparison):
    return all(comparison.right[id(v)] == comparison.wrong[id(v)] for v in comparison.nodes)


# -- known answers -----------------------------------------------------------------------------------------------------


def test_assigning_keeps_the_last_path():
    x = Value(3.0, name="x")
    y = x * x
    y.name = "L"
    c = mistake(y, "assign")
    assert c.first is x
    assert (c.right[id(x)], c.wrong[id(x)]) == (6.0, 3.0)
    assert c.words == (
        "dL/dx should be 6 (two paths: 3 + 3); with = instead of += the second one overwrites the first: 3."
    )


def test_two_passes_without_a_reset_are_micrograds_72():
    x = Value(3.0, name="x")
    y = x * x * x
    c = mistake(y, "no-reset")
    assert (c.right[id(x)], c.wrong[id(x)]) == (54.0, 72.0)
    assert c.first is y.operands[0]  # the inner x*x, not x: that is where it begins
    assert c.words == (
        "In the second pass df/d(x*x) should be 3 again; without a reset it starts from the 3 of the first pass, ends "
        "at 6, and passes that on: after two passes df/dx is 72, where two right ones add up to 54."
    )
    y.backward()
    y.backward()
    assert x.grad == c.right[id(x)]
    assert y.operands[0].grad == c.right[id(y.operands[0])]


def test_a_set_loses_the_second_x():
    x = Value(3.0, name="x")
    c = mistake(ag.sum([x, x, x]), "set")
    assert (c.right[id(x)], c.wrong[id(x)]) == (3.0, 1.0)
    assert c.words == (
        "df/dx should be 3 (3 paths: 1 + 1 + 1): x stands 3 times among the operands of f. "
        "A set keeps it once, so 2 paths are lost: 1."
    )


@pytest.mark.parametrize("walk", ["depth", "breadth"])
def test_without_an_order_a_value_sends_too_early(walk):
    c = mistake(example("order"), "order", walk=walk)
    x = next(v for v in c.nodes if v.name == "x")
    assert c.first is x
    assert (c.right[id(x)], c.wrong[id(x)]) == (8.0, 2.0)
    assert c.words == (
        f"dL/dx should be 8. {walk.capitalize()} first, a was visited as soon as it was reached, when 1 of its two "
        "paths had arrived: it passed on 1 where 4 was due, and dL/dx comes out as 2."
    )


def test_depth_and_breadth_fail_on_different_graphs():
    x = Value(2.0, name="x")
    a = x * 3.0
    late = ag.tanh(a * 0.1)  # a is used directly and by a detour, but the detour comes first
    root = late + a
    assert not mistake(root, "order", walk="depth").shows
    assert mistake(root, "order", walk="breadth").shows


def test_training_steps_without_a_reset():
    w, x, y = Value(1.0, name="n.w"), Value(2.0, name="x"), Value(6.0, name="y")
    loss = (w * x - y) ** 2
    loss.name = "L"
    c = mistake(loss, "no-reset", learning_rate=0.1)
    # dL/dw = 2 (2w - 6) 2: -16 at 1; w is then 2.6, where it is -3.2; with the first one still in it, -19.2
    assert c.first is w
    assert c.right[id(w)] == pytest.approx(-3.2)
    assert c.wrong[id(w)] == pytest.approx(-19.2)
    assert c.words == (
        "In the second training step dL/dw should be -3.2; the -16 of the first step is still in it: -19.2. "
        "So w goes from 2.6 to 4.52, where 2.92 was due."
    )
    assert c.parted == (w,)  # x and y are no parameters
    everything = mistake(loss, "no-reset", learning_rate=0.1, parameters=[w, x])
    assert {v.name for v in everything.parted} == {"n.w", "x"}


def test_the_second_training_step_is_the_engines():
    model = figure5(backward=False)
    leaves = {v.name: v for v in ag.topological(model) if v.is_leaf}
    c = mistake(model, "no-reset", learning_rate=0.5)
    first = adjoints(model)
    for name, v in leaves.items():
        if "." in name:
            v.data -= 0.5 * first[id(v)]
    again = _figure5_with({name: v.data for name, v in leaves.items()})
    second = adjoints(again)
    for v in ag.topological(again):
        if v.is_leaf:
            assert c.right[id(leaves[v.name])] == pytest.approx(second[id(v)], rel=1e-14)


def _figure5_with(data):
    p = {name.rpartition(".")[2]: Value(x, name) for name, x in data.items()}
    h1 = ag.dot((p["w1"], p["w2"]), (p["x1"], p["x2"]), p["b1"]).sigmoid()
    h2 = ag.dot((p["w3"], p["w4"]), (p["x1"], p["x2"]), p["b2"]).sigmoid()
    return abs(p["y"] - ag.dot((p["w5"], p["w6"]), (h1, h2), p["b3"]).sigmoid())


# -- against a plain, recursive writing of the same mistakes -----------------------------------------------------------


@given(seeds)
def test_assign_is_the_last_contribution(seed):
    root = random_graph(seed)
    last = {id(root): 1.0}
    order = [v for v in ag.topological(root) if not v.is_leaf]
    for v in reversed(order):
        for x, local in edges(v):
            last[id(x)] = last[id(v)] * local
    assert mistake(root, "assign").wrong == last


@given(seeds)
def test_depth_first_is_a_recursive_function(seed):
    root = random_graph(seed)
    g, seen = {id(root): 1.0}, set()

    def visit(v):
        if id(v) in seen:
            return
        seen.add(id(v))
        for x, local in edges(v):
            g[id(x)] = g.get(id(x), 0.0) + g[id(v)] * local
        for x, _ in edges(v):
            visit(x)

    visit(root)
    assert mistake(root, "order").wrong == g


class Micrograd:
    """micrograd's Value as its readers know it: closures that add to ``grad``, run in topological order."""

    def __init__(self, data, operands=()):
        self.data, self.grad, self.operands = data, 0.0, operands
        self.send = lambda: None

    def __add__(self, other):
        out = Micrograd(self.data + other.data, (self, other))

        def send():
            self.grad += out.grad
            other.grad += out.grad

        out.send = send
        return out

    def __mul__(self, other):
        out = Micrograd(self.data * other.data, (self, other))

        def send():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out.send = send
        return out

    def backward(self):
        order, seen = [], set()

        def visit(v):
            if v not in seen:
                seen.add(v)
                for x in v.operands:
                    visit(x)
                order.append(v)

        visit(self)
        self.grad = 1.0
        for v in reversed(order):
            v.send()


@given(seeds)
def test_two_passes_without_a_reset_are_micrograds(seed):
    rng = random.Random(seed)
    pool = [(Value(x), Micrograd(x)) for x in (0.5, -1.5, 2.0)]
    for _ in range(12):
        (a, u), (b, v) = rng.choice(pool), rng.choice(pool)
        pool.append((a + b, u + v) if rng.random() < 0.5 else (a * b, u * v))
    root, theirs = pool[-1]
    theirs.backward()
    theirs.backward()
    c = mistake(root, "no-reset")
    ours = [c.wrong[id(a)] for a, _ in pool if id(a) in c.wrong]
    assert ours == pytest.approx([u.grad for a, u in pool if id(a) in c.wrong], rel=1e-9)


@given(seeds)
def test_a_set_is_one_contribution_for_every_operand(seed):
    root = random_graph(seed)
    g = dict.fromkeys(map(id, ag.topological(root)), 0.0)
    g[id(root)] = 1.0
    for v in reversed([v for v in ag.topological(root) if not v.is_leaf]):
        for x in {id(x): x for x in v.operands if isinstance(x, Value)}.values():
            last = max(i for i, y in enumerate(v.operands) if y is x)
            g[id(x)] += g[id(v)] * v.partials[last]
    assert mistake(root, "set").wrong == pytest.approx(g, rel=1e-9, abs=1e-12)


@pytest.mark.slow
@given(seeds)
def test_the_first_difference_is_really_the_first(seed):
    root = random_graph(seed)
    right = adjoints(root)
    for c in mistakes(root).values():
        if c.kind != "no-reset":
            assert c.right == right
        assert {id(v) for v in c.nodes} == {id(v) for v in ag.topological(root)}
        place = {id(v): i for i, v in enumerate(c.nodes)}
        for v in c.nodes:  # the order of completion: a value after all that use it
            assert all(place[id(v)] < place[id(x)] for x, _ in edges(v))
        if c.shows:
            ahead = c.nodes[: place[id(c.first)]]
            assert all(math.isclose(c.right[id(v)], c.wrong[id(v)], rel_tol=1e-9, abs_tol=1e-9) for v in ahead)
            assert c.right[id(c.first)] != c.wrong[id(c.first)]
            assert c.example is None
        else:
            assert c.example.shows
        assert c.text
        assert c.html


@given(seeds)
def test_two_right_passes_are_two_backward_calls(seed):
    root = random_graph(seed)
    c = mistake(root, "no-reset")
    root.zero_grad()
    root.backward()
    root.backward()
    assert all(c.right[id(v)] == v.grad for v in c.nodes)


# -- without its cause, a mistake is none ------------------------------------------------------------------------------


@given(seeds)
def test_a_tree_shows_neither_order_nor_assign_nor_set(seed):
    root = tree(seed)
    for c in (
        mistake(root, "assign"),
        mistake(root, "set"),
        mistake(root, "order"),
        mistake(root, "order", walk="breadth"),
    ):
        assert not c.shows
        assert same(c)


@given(seeds)
def test_layers_do_not_show_breadth_first(seed):
    c = mistake(levelled(seed), "order", walk="breadth")
    assert not c.shows  # but for rounding: the leaves are summed in another order


@given(seeds)
def test_a_graph_without_repeats_does_not_show_the_set(seed):
    c = mistake(no_repeats(seed), "set")
    assert not c.shows
    assert same(c)
    assert c.words.endswith("no operation in it has the same value twice among its operands, as x*x has.")


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=8), st.data())
def test_one_operation_shows_no_leftover(numbers, data):
    leaves = [Value(x) for x in numbers]
    root = ag.sum([data.draw(st.sampled_from(leaves)) for _ in range(5)])
    c = mistake(root, "no-reset")
    assert not c.shows
    assert same(c)


@pytest.mark.parametrize("kind", KINDS)
def test_a_leaf_shows_nothing(kind):
    c = mistake(Value(2.0, name="x"), kind)
    assert not c.shows
    assert c.words.startswith("This graph does not show the mistake: ")
    assert c.example.shows
    assert "The smallest graph that does:" in str(c)


def test_a_cause_whose_numbers_hide_it():
    x = Value(0.0, name="x")
    assert "but what a set would lose is 0" in mistake(x * x, "set").words
    assert "all paths before its last one bring 0" in mistake(x * x, "assign").words
    y = ag.relu(Value(-1.0, name="y"))
    y.name = "r"
    assert "what comes late is 0" in mistake(y + y * Value(0.0), "order").words
    z = ag.tanh(Value(1.0, name="z"))
    z.name = "t"
    assert "t keeps its gradient, but that is 0." in mistake(z * 0.0, "no-reset").words


# -- the graph stays as it is ------------------------------------------------------------------------------------------


def test_no_gradient_is_touched():
    root = figure5()
    before = [(v.data, v.grad, v.has_grad) for v in ag.topological(root)]
    for c in (*mistakes(root).values(), mistake(root, "no-reset", learning_rate=1.0)):
        assert c.text
    assert [(v.data, v.grad, v.has_grad) for v in ag.topological(root)] == before
    fresh = figure5(backward=False)
    mistakes(fresh)
    assert not any(v.has_grad for v in ag.topological(fresh))


@pytest.mark.slow
def test_deep_and_wide_graphs():
    x = Value(1.0, name="x")
    v = x
    for _ in range(5_000):
        v = v * 1.0001
    for c in mistakes(v + x).values():
        assert len(c.text) < 20_000
        assert c.nodes[0] is c.root
    c = mistake(ag.sum([x] * 20_000), "set")
    assert (c.right[id(x)], c.wrong[id(x)]) == (20_000.0, 1.0)
    assert "20000 paths: 1 + 1 + 1 + ... + 1" in c.words


def test_long_tables_are_cut():
    x = Value(1.0, name="x")
    c = mistake(ag.sum([ag.tanh(x * (i / 100)) for i in range(100)]), "no-reset")
    assert "more values" in c.table()
    assert "they part here" in c.table()
    assert c.html.count("<tr") < 40


def test_infinite_and_undefined_gradients():
    x = Value(0.0, name="x")
    with ag.ieee():
        root = ag.sqrt(x) * x + ag.sqrt(x)
    for c in mistakes(root).values():
        assert "nan" in c.text or "inf" in c.text or not c.shows
        assert c.html


# -- shown -------------------------------------------------------------------------------------------------------------


class Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.words = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.words.append(data)


def test_html_escapes_every_name():
    x = Value(3.0, name="<script>alert(1)</script>&\"'")
    c = mistake(x * x, "set")
    reader = Reader()
    reader.feed(c.html)
    assert "script" not in reader.tags
    assert "<script>alert(1)</script>&" in "".join(reader.words)
    assert {"table", "th", "td", "style"} <= set(reader.tags)


def test_html_says_what_the_text_says_and_is_dark_on_dark():
    c = mistake(figure5(), "assign")
    reader = Reader()
    reader.feed(c.html)
    said = "".join(reader.words)
    assert c.words in said
    assert "≠ they part here" in said
    assert "prefers-color-scheme:dark" in c.html
    assert '[data-jp-theme-light="false"]' in c.html
    assert "var(" not in c.html
    bundle = c._repr_mimebundle_()
    assert bundle == {"text/html": c.html, "text/plain": c.text}
    assert c._repr_mimebundle_(include=["text/plain"]) == {"text/plain": c.text}
    assert json.dumps(bundle)


def test_table_and_latex():
    c = mistake(example("assign"), "assign")
    assert c.table() == "       right  wrong\ndL/dL      1      1\ndL/dx      6      3  ≠ they part here"
    assert c.latex == r"\frac{\partial L}{\partial x} = 3 + 3 = 6 \quad\text{and not}\quad 3"
    nothing = mistake(Value(1.0), "assign")
    assert nothing.latex == c.latex


def test_the_same_graph_gives_the_same_text():
    assert mistake(figure5(), "assign").html == mistake(figure5(), "assign").html


# -- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((3.0, "set"), {}, TypeError, r"mistake\(root, kind\) takes a Value, the result of a computation; got float"),
        ((Value(1.0), "plus"), {}, ValueError, "kind must be one of 'order', 'assign', 'no-reset', 'set'; got 'plus'"),
        ((Value(1.0), "order"), {"walk": "wide"}, ValueError, "walk must be one of 'depth', 'breadth'; got 'wide'"),
        ((Value(1.0), "set"), {"digits": 0}, ValueError, "digits must be a whole number from 1 to 17, got 0"),
        ((Value(1.0), "no-reset"), {"learning_rate": 0}, ValueError, "must be a positive number, got 0"),
        ((Value(1.0), "set"), {"learning_rate": 1}, ValueError, "for the kind 'no-reset' .*, not for 'set'"),
        ((Value(1.0), "no-reset"), {"parameters": []}, ValueError, "give learning_rate too"),
        (
            (Value(1.0), "no-reset"),
            {"parameters": [Value(2.0)], "learning_rate": 1},
            ValueError,
            "is not a leaf of this graph",
        ),
    ],
)
def test_bad_input(arguments, options, error, message):
    with pytest.raises(error, match=message):
        mistake(*arguments, **options)


def test_unknown_example():
    with pytest.raises(ValueError, match="kind must be one of"):
        example("none")


def test_edited_data_is_refused():
    x = Value(3.0, name="x")
    y = x * x
    x.data = 100.0
    with pytest.raises(StaleGraphError):
        mistake(y, "set")
