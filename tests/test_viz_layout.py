"""Properties that every layout has, over hundreds of random graphs; and a proof that the checks can fail."""

from __future__ import annotations

import pytest
from viz_graphs import figure5, mlp, random_graph

import autograd as ag
from autograd import Value
from viz import layers, layout
from viz.layout import CHIP_HEIGHT, chip_width, place
from viz.scene import Scene, build

Rectangle = tuple[float, float, float, float]


def laid_out(root, **options) -> Scene:
    scene = build(root, **options)
    place(scene)
    return scene


def overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] - 0.01 and b[0] < a[2] - 0.01 and a[1] < b[3] - 0.01 and b[1] < a[3] - 0.01


def inside(a: Rectangle, b: Rectangle) -> bool:
    return a[0] >= b[0] and a[1] >= b[1] and a[2] <= b[2] and a[3] <= b[3]


def faults(scene: Scene) -> list[str]:
    """Everything that is wrong with a layout."""
    found = []
    cards = [
        (c.x - c.width / 2, c.y - c.height / 2, c.x + c.width / 2, c.y + c.height / 2) for c in scene.cards
    ]
    chips = [
        (e.chip_at[0] - w / 2, e.chip_at[1] - CHIP_HEIGHT / 2, e.chip_at[0] + w / 2, e.chip_at[1] + CHIP_HEIGHT / 2)
        for e in scene.edges
        if e.chip_at is not None and e.local is not None
        for w in [chip_width(e.local)]
    ]
    solid = cards + chips
    order = sorted(range(len(solid)), key=lambda i: solid[i][0])
    for n, i in enumerate(order):
        for j in order[n + 1 :]:
            if solid[j][0] >= solid[i][2]:
                break
            if overlap(solid[i], solid[j]):
                found.append(f"{i} and {j} overlap: {solid[i]} {solid[j]}")
    page = (-0.01, -0.01, scene.width + 0.01, scene.height + 0.01)
    found += [f"{r} is off the page" for r in solid + list(scene.boxes.values()) if not inside(r, page)]
    for scope, box in scene.boxes.items():
        for other, second in scene.boxes.items():
            nested = scope == other[: len(scope)] or other == scope[: len(other)]
            if scope < other and not nested and overlap(box, second):
                found.append(f"boxes {scope} and {other} overlap")
            if len(other) > len(scope) and nested and not inside(second, box):
                found.append(f"box {other} leaves {scope}")
        for card, r in zip(scene.cards, cards, strict=True):
            within = card.scope[: len(scope)] == scope
            if (within and not inside(r, box)) or (not within and overlap(r, box)):
                found.append(f"card {card.label} and box {scope}")
    for edge in scene.edges:
        x = scene.cards[edge.source].x + scene.cards[edge.source].width / 2
        if abs(edge.runs[0][0] - x) > 0.01:
            found.append("an edge does not start at its card")
        for left, right, _ in edge.runs:
            if left < x - 0.01 or right < left - 0.01:
                found.append(f"an edge goes back: {edge.runs}")
            x = right
        target = scene.cards[edge.target]
        if abs(x - (target.x - target.width / 2)) > 0.01 or abs(edge.runs[-1][2] - target.y) > target.height / 2:
            found.append("an edge does not end at its card")
        for left, right, y in edge.runs:
            for i, r in enumerate(cards):
                if i not in (edge.source, edge.target) and overlap((left, y - 0.5, right, y + 0.5), r):
                    found.append(f"an edge runs through card {scene.cards[i].label}")
    return found


@pytest.mark.parametrize("block", range(20))
def test_no_overlaps_and_every_edge_left_to_right(block):
    for seed in range(block * 15, block * 15 + 15):
        assert faults(laid_out(random_graph(seed))) == [], seed


@pytest.mark.parametrize("limit", [4, 12, 40, 300])
def test_folded_networks_too(limit):
    for products in (False, True):
        root = mlp([3, 4, 4, 1], products=products)
        if limit > 4:
            assert faults(laid_out(root, max_cards=limit)) == []


def test_the_checks_can_fail(monkeypatch):
    """Broken spacing, broken columns, broken ports: each is found in most graphs."""

    def broken() -> int:
        return sum(bool(faults(laid_out(random_graph(seed)))) for seed in range(40))

    with monkeypatch.context() as patch:
        patch.setattr(layers, "GAP", -40.0)
        assert broken() > 30
    with monkeypatch.context() as patch:
        patch.setattr(layout, "PAD_TOP", -60.0)
        assert broken() > 20
    with monkeypatch.context() as patch:
        patch.setattr(layout, "ARROW", -30.0)
        assert broken() > 30
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
