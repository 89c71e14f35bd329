"""Properties that every layout has, over hundreds of random graphs; and a proof that the checks can fail."""

from __future__ import annotations

import os

import pytest
from support.layouts import faults
from support.viz_graphs import figure5, mlp, random_graph

import autograd as ag
from autograd import Value
from viz import layers, layout
from viz.layout import place
from viz.scene import Scene, build


def laid_out(root, **options) -> Scene:
    scene = build(root, **options)
    place(scene)
    return scene


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20 if os.environ.get("HYPOTHESIS_PROFILE") == "explore" else 10))
def test_no_overlaps_and_every_edge_left_to_right(block):
    for seed in range(block * 15, block * 15 + 15):
        assert faults(laid_out(random_graph(seed))) == [], seed


@pytest.mark.parametrize("limit", [4, 12, 40, 300])
def test_folded_networks_too(limit):
    for products in (False, True):
        root = mlp([3, 4, 4, 1], products=products)
        if limit > 4:
            assert faults(laid_out(root, max_cards=limit)) == []


@pytest.mark.slow
def test_the_checks_can_fail(monkeypatch):
    """Broken spacing, broken columns, broken ports: each is found in most graphs."""

    def broken() -> int:
        return sum(bool(faults(laid_out(random_graph(seed)))) for seed in range(20))

    with monkeypatch.context() as patch:
        patch.setattr(layers, "GAP", -40.0)
        assert broken() > 15
    with monkeypatch.context() as patch:
        patch.setattr(layout, "PAD_TOP", -60.0)
        assert broken() > 10
    with monkeypatch.context() as patch:
        patch.setattr(layout, "ARROW", -30.0)
        assert broken() > 15
    assert broken() == 0


def test_figure5_has_its_shape():
    scene = laid_out(figure5())
    assert dict(scene.scope_names) == {
        ("h1",): "neuron h₁",
        ("h2",): "neuron h₂",
        ("o1",): "neuron o₁",
    }
    assert len(scene.cards) == 20
    assert len(scene.edges) == 3 * 5 + 3 + 2 + 1
    at = {card.label: card for card in scene.cards}
    assert at["x₁"].y < at["x₂"].y
    assert at["h₁"].y < at["h₂"].y < scene.height
    assert at["w₁"].y < at["w₂"].y < at["b₁"].y
    assert scene.width < 1800
    assert scene.height < 760


def test_the_same_scene_gives_the_same_places():
    first, second = (laid_out(random_graph(7)) for _ in range(2))
    assert [(c.x, c.y) for c in first.cards] == [(c.x, c.y) for c in second.cards]
    assert [e.runs for e in first.edges] == [e.runs for e in second.edges]


def test_one_value_is_a_picture():
    scene = laid_out(Value(2.0))
    assert len(scene.cards) == 1
    assert scene.width > 50


def test_a_circle_of_items_is_refused():
    items = [layers.Item("card", 10, 10), layers.Item("card", 10, 10)]
    with pytest.raises(ValueError, match="circle"):
        layers.arrange(items, [layers.Link(0, 1), layers.Link(1, 0)])


def test_lines_past_too_many_columns_are_refused_at_once():
    pool = [Value(1.0, name="x")]
    for i in range(280):
        pool.append(ag.sum([pool[-1], *pool[: 1 + i % 4]]))
        pool[-1].name = f"v{i}"
    with pytest.raises(ValueError, match=r"lines of this picture would run past [\d,]+ columns: more than anyone can"):
        laid_out(pool[-1])
