"""From graphs to cards and edges: scopes, labels, folding, refusals."""

from __future__ import annotations

import pytest
from support.viz_graphs import figure5, mlp, random_graph

import autograd as ag
from autograd import Value
from viz.formula import formula
from viz.scene import Scene, build, in_order
from viz.scopes import Graph


def labels(scene: Scene) -> list[str]:
    return [card.label for card in scene.cards]


def test_figure5_in_cards():
    scene = build(figure5(), notes={"x1": "71 kg", "h1.w1": "first weight"})
    cards = {card.label: card for card in scene.cards}
    assert len(cards) == 20
    assert [cards[name].kind for name in ("x₁", "y", "w₁", "b₃", "s₁", "h₁", "L")] == [
        "input", "input", "param", "param", "op", "op", "op",
    ]  # fmt: skip
    assert cards["s₁"].formula == "w₁·x₁ + w₂·x₂ + b₁"
    assert (cards["s₁"].chip, cards["h₁"].chip, cards["y − o₁"].chip) == ("Σ", "σ", "−")
    assert cards["w₁"].scope == cards["s₁"].scope == cards["h₁"].scope == ("h1",)
    assert cards["x₁"].scope == cards["y − o₁"].scope == cards["L"].scope == ()
    assert cards["L"].is_root
    assert cards["x₁"].note == "71 kg"
    assert cards["w₁"].note == "first weight"
    assert cards["w₁"].rows == [("data", "0.8"), ("grad", "0.102")]
    assert scene.caption == ""
    assert scene.title == "Gradient graph of L"


def test_edges_carry_local_derivative_and_flow():
    root = figure5()
    scene = build(root)
    place = {card.label: i for i, card in enumerate(scene.cards)}
    edge = next(e for e in scene.edges if (e.source, e.target) == (place["w₁"], place["s₁"]))
    assert edge.local == -2.0
    assert edge.flow == scene.cards[place["w₁"]].grad
    for i, card in enumerate(scene.cards):  # what the edges carry adds up to the gradient
        flows = [e.flow for e in scene.edges if e.source == i]
        if flows:
            assert sum(flows) == pytest.approx(card.grad)


def test_no_backward_pass_is_a_dash_and_never_zero():
    scene = build(figure5(backward=False))
    assert all(card.grad is None and dict(card.rows)["grad"] == "–" for card in scene.cards)
    assert all(edge.flow is None and edge.local is not None for edge in scene.edges)


def test_a_value_used_twice_has_two_edges():
    x = Value(3.0, name="x")
    scene = build(x * x)
    assert [(e.source, e.target, e.local) for e in scene.edges] == [(0, 1, 3.0), (0, 1, 3.0)]
    assert labels(scene) == ["x", "x·x"]


def test_unnamed_values_stand_in_the_scope_around_them():
    x = Value(1.0, name="x")
    w = Value(2.0, name="h1.w1")
    product = w * x
    out = ag.tanh(product + 1.0)
    out.name = "h1.h1"
    y = (out - Value(1.0, name="y")) ** 2
    graph = Graph(in_order(y))
    scope = {id(node): s for node, s in zip(graph.nodes, graph.scopes, strict=True)}
    assert scope[id(product)] == ("h1",)
    assert scope[id(y)] == scope[id(x)] == ()


def test_unnamed_values_stand_in_what_both_sides_share():
    a, b = Value(1.0, name="m.a.w"), Value(2.0, name="m.b.w")
    middle = a * b
    end = ag.exp(middle)
    end.name = "m.c.out"
    graph = Graph(in_order(end))
    assert graph.scopes[[node is middle for node in graph.nodes].index(True)] == ("m",)


def test_a_constant_stands_with_what_uses_it():
    two = Value(2.0)
    out = Value(1.0, name="h.w") * two
    out.name = "h.h"
    scene = build(out)
    card = next(card for card in scene.cards if card.kind == "const")
    assert card.scope == ("h",)
    assert card.label == "2"


def test_a_scope_that_is_left_and_re_entered_is_dissolved():
    a = Value(1.0, name="s.a")
    between = ag.exp(a)
    between.name = "out"
    back = ag.tanh(between)
    back.name = "s.b"
    scene = build(back)
    assert all(card.scope == () for card in scene.cards)
    # two scopes that feed each other: one box stays where that is enough
    p, q = Value(1.0, name="p.a"), Value(1.0, name="q.a")
    p2, q2 = ag.exp(q), ag.exp(p)
    p2.name, q2.name = "p.b", "q.b"
    scopes = {card.scope for card in build(p2 + q2).cards}
    assert scopes in ({(), ("p",)}, {(), ("q",)})


def test_inner_scopes_of_dissolved_ones_stay_apart():
    a = Value(1.0, name="l1.n.a")
    b = ag.exp(a)
    b.name = "l2.n.b"
    c = ag.exp(b)
    c.name = "l1.k.c"
    d = ag.exp(c)
    d.name = "l2.k.d"
    scopes = {card.scope for card in build(d).cards}
    assert len(scopes) == 4


def test_formulas():
    a, b, n = Value(2.0, name="a"), Value(3.0, name="b1"), Value(4.0)
    cases = [
        (a + b, "a + b₁"), (a - (b - a), "a − (b₁ − a)"), ((a + b) * a, "(a + b₁)·a"), (a * 2.0, "2·a"),
        (a / (b * a), "a / (b₁·a)"), (-(a + b), "−(a + b₁)"), (a**2, "a²"), ((a + b) ** 3, "(a + b₁)³"),
        (a**-1, "a⁻¹"), (a**0.5, "a^0.5"), (2.0**a, "2^a"), (a + -1.0, "a − 1"), (ag.sigmoid(a), "sigmoid(a)"),
        (abs(a - b), "|a − b₁|"), (ag.exp(-a), "exp(−a)"), (a * n, "a·4"), (ag.sum([a, b, 2.0]), "a + b₁ + 2"),
        (ag.dot([a, b], [b, a], 1.0), "a·b₁ + b₁·a + 1"), (ag.dot([a, b], [-1.0, a]), "a·(−1) + b₁·a"),
        (ag.mean([a, b]), "mean(a, b₁)"), (ag.maximum(a, 0.0), "max(a, 0)"),
    ]  # fmt: skip
    for node, shown in cases:
        assert formula(node) == shown


def test_long_formulas_are_shortened():
    x = Value(1.0, name="x")
    y = x
    for _ in range(30):
        y = ag.tanh(y) * x + 1.0
    assert len(formula(y)) < 60
    many = ag.sum([Value(1.0, name=f"a{i}") for i in range(5000)])
    assert formula(many, 150, 10) == "a₀ + a₁ + a₂ + … + a₄₉₉₉"


def test_chains_of_plus_are_one_card():
    xs = [Value(float(i), name=f"x{i}") for i in range(5)]
    total = sum(xs)
    total.backward()
    scene = build(total)
    assert labels(scene)[-1] == "x₀ + x₁ + x₂ + x₃ + x₄"
    assert len(scene.cards) == 6
    assert [e.local for e in scene.edges] == [1.0] * 5
    assert scene.caption == "10 values drawn as 6 cards: chains of + drawn as one sum (Σ)"
    assert len(build(total, sums=False).cards) == 10


def test_a_chain_with_a_name_or_another_use_inside_stays():
    a, b, c = (Value(1.0, name=n) for n in "abc")
    inner = a + b
    inner.name = "s"
    assert len(build(inner + c).cards) == 5
    used = a + b
    assert len(build((used + c) * used).cards) == 6


def test_scopes_fold_from_the_deepest_until_the_cards_fit():
    root = mlp([3, 4, 4, 1])
    for limit in (60, 35, 20, 12):
        scene = build(root, max_cards=limit)
        assert len(scene.cards) <= limit
        assert "values drawn as" in scene.caption
        assert "folded (⊞)" in scene.caption
    folded = [card for card in build(root, max_cards=35).cards if card.kind == "scope"]
    assert all(card.chip.startswith("⊞ ") for card in folded)
    assert all(card.data is not None and card.grad is not None for card in folded)


def test_folded_cards_keep_what_flows_over_their_border():
    root = mlp([2, 3, 1])
    scene = build(root, max_cards=14)
    for i, card in enumerate(scene.cards):
        flows = [e.flow for e in scene.edges if e.source == i]
        if card.grad is not None and flows:
            assert sum(flows) == pytest.approx(card.grad)


def test_fold_by_name():
    scene = build(figure5(), fold=["h1"])
    card = next(card for card in scene.cards if card.kind == "scope")
    assert (card.label, card.chip, card.scope) == ("h₁", "⊞ 5", ())
    assert len(scene.cards) == 16
    assert len(build(figure5(), fold="h2").cards) == 16
    with pytest.raises(ValueError, match="fold='h9': this graph has no scope of that name; it has: h1, h2, o1"):
        build(figure5(), fold="h9")


def test_like_cards_are_stacked():
    root = ag.sum([Value(float(i), name=f"x{i}") for i in range(1000)])
    scene = build(root)
    assert [card.chip for card in scene.cards] == ["× 1000", "Σ"]
    assert scene.cards[0].label == "x₀ … x₉₉₉"
    assert scene.edges[0].uses == 1000


def test_focus_and_radius():
    root = mlp([3, 4, 4, 1])
    scene = build(root, focus="layer2.n2.s", radius=1)
    assert len(scene.cards) == 11
    assert "values further away left out" in scene.caption
    assert len(build(root, focus=root, radius=0).cards) == 1
    with pytest.raises(ValueError, match="focus='q': no value has that name"):
        build(root, focus="q")
    with pytest.raises(ValueError, match="focus='s': 9 values have that name: pass the node"):
        build(root, focus="s")
    with pytest.raises(ValueError, match="focus: this node is not in the graph"):
        build(root, focus=Value(1.0))
    with pytest.raises(ValueError, match="radius must be 0 or more, got -1"):
        build(root, focus=root, radius=-1)


def test_what_nobody_can_read_is_refused():
    x = Value(1.0, name="x")
    y = x
    for _ in range(500):
        y = y * 1.5
    message = (
        "this graph has 501 values: more than the 300 cards of a readable picture; draw a part of it with "
        r"focus=a node \(or its name\) and radius=2, or name its values 'scope.name' "
        r"\(Value\(2.0, name='h1.w1'\)\), so that scopes fold"
    )
    with pytest.raises(ValueError, match=message):
        build(y)
    assert len(build(y, focus=y, radius=3).cards) == 4
    with pytest.raises(ValueError, match="max_cards must be 1 or more"):
        build(y, max_cards=0)


@pytest.mark.slow
def test_a_million_operations_are_refused_not_walked_by_recursion():
    y = Value(1.0, name="x")
    for _ in range(250_000):
        y = y * 1.0
    with pytest.raises(ValueError, match="250,001 values"):
        build(y)


@pytest.mark.slow
def test_a_scoped_graph_of_ten_thousand_values_is_folded():
    scene = build(mlp([30, 50, 50, 1], products=True))
    assert scene.values > 8000
    assert len(scene.cards) <= 300
    assert len(scene.edges) <= 1200


def test_deep_scopes_and_lonely_scopes():
    deep = Value(1.0, name=".".join(["a"] * 5000 + ["w"])) * 2.0
    assert len(build(deep).cards[0].scope) == 1  # boxes with nothing but a box in them are one
    w = Value(1.0, name="model.h1.w") * 3.0
    w.name = "model.h1.h1"
    scene = build(w)
    assert scene.cards[0].scope == ("model.h1",)


def test_wrong_arguments():
    with pytest.raises(TypeError, match="a picture is drawn of a Value, the result of a computation; got float"):
        build(3.0)
    with pytest.raises(ValueError, match="notes: no value in this graph is named 'q'"):
        build(Value(1.0, name="x"), notes={"q": "?"})


def test_edited_data_is_an_error_that_names_the_node():
    x = Value(3.0, name="x")
    y = x * x
    x.data = 100.0
    with pytest.raises(ag.errors.StaleGraphError, match="x"):
        build(y)


@pytest.mark.parametrize("seed", range(30))
def test_flows_add_up_in_random_graphs(seed):
    root = random_graph(seed)
    scene = build(root)
    for i, card in enumerate(scene.cards):
        flows = [e.flow for e in scene.edges if e.source == i]
        if card.grad is not None and flows:
            assert sum(flows) == pytest.approx(card.grad, abs=1e-9)


def test_parallel_repeats_are_stacked():
    """A batch: every row goes through the same few operations."""
    w = Value(0.5, name="w")
    rows = [(w * Value(float(i), name=f"x{i}") - 1.0) ** 2 for i in range(200)]
    loss = ag.mean(rows)
    loss.backward()
    scene = build(loss)
    assert [card.chip for card in scene.cards] == ["input", "× 200", "× 200", "× 200", "× 200", "mean"]
    assert [edge.uses for edge in scene.edges] == [200] * 5
    assert scene.caption == "802 values drawn as 6 cards: cards that are alike stacked (×)"
