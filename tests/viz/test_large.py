"""Large graphs: pictures of a readable size, boxes that open, refusals that say what to do. Sizes, never seconds."""

from __future__ import annotations

import json
import math
import re
from functools import cache
from html.parser import HTMLParser

import pytest
from support.hostile import NAMES
from support.large_graphs import chain, figure5_batch, network, tangle, unnamed
from support.layouts import faults
from support.viz_graphs import figure5, mlp, random_graph

import autograd as ag
import viz
from autograd import Value
from viz import layout
from viz.boxes import views as module
from viz.boxes.views import View, views
from viz.folding import Folding
from viz.scene import Scene, build, folded, in_order, picture
from viz.scopes import Graph
from viz.shrink import rough_height
from viz.svg import render

TALL = 2000.0


GRAPHS = {
    "2-16-16-1": (lambda: network([2, 16, 16, 1]), 404, 52),
    "2-16-16-1 x 100": (lambda: network([2, 16, 16, 1], 100), 7000, 53),
    "10-64-64-64-64-64-64-1": (lambda: network([10, *[64] * 6, 1]), 22000, 18),
    "unnamed x 40": (lambda: unnamed(40), 8066, 60),
    "figure 5 x 160": (lambda: figure5_batch(160), 1770, 21),
    "784 inputs": (lambda: network([784, 8, 1]), 7000, 19),
}
DEEP = "10-64-64-64-64-64-64-1"


@cache
def graph(name: str) -> Value:
    """One of GRAPHS, made once: nothing here changes it."""
    return GRAPHS[name][0]()


@cache
def drawn(name: str) -> viz.Figure:
    return viz.draw(graph(name))


@cache
def small(name: str) -> Scene:
    scene = build(graph(name), max_height=TALL)
    layout.place(scene)
    return scene


@cache
def folded_up(name: str) -> Folding:
    return folded(graph(name), max_height=TALL)


def opened(name: str) -> list[View]:
    return views(folded_up(name), "<svg></svg>", "all")


seen = cache(opened)
"""The same, for tests that change nothing and patch nothing."""


@pytest.mark.slow
@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_that_people_have_are_drawn_at_a_size_that_can_be_looked_at(name):
    _, values, most_cards = GRAPHS[name]
    scene = small(name)
    assert scene.values >= values
    assert len(scene.cards) <= most_cards
    assert scene.height < TALL * 1.15
    assert faults(scene) == []
    assert len(drawn(name).svg) < 250_000
    flows: dict[int, list[float]] = {}
    for edge in scene.edges:
        flows.setdefault(edge.source, []).append(edge.flow)
    for i, card in enumerate(scene.cards):  # what crosses the borders of the boxes is whole
        if card.grad is not None and i in flows:
            assert sum(flows[i]) == pytest.approx(card.grad, abs=1e-9)


def test_a_batch_is_drawn_as_one_sample_with_stacks():
    """Figure 5 keeps its shape: its parameters are cards, and what is computed for every row is a stack."""
    one, many = build(figure5()), small("figure 5 x 160")
    assert len(many.cards) == len(one.cards) + 1
    assert [card.label for card in many.cards if card.kind == "param"] == [
        card.label for card in one.cards if card.kind == "param"
    ]
    stacks = {card.label: card for card in many.cards if card.kind == "stack"}
    assert set(stacks) == {"x₁", "x₂", "y", "s₁", "s₂", "s₃", "h₁", "h₂", "o₁", "y − o₁", "L"}
    assert {card.chip for card in stacks.values()} == {"× 160"}
    assert stacks["h₁"].scope == ("h1",)


def test_neurons_fold_before_layers():
    scene = small("2-16-16-1")
    folded_cards = [card for card in scene.cards if card.kind == "scope"]
    assert [card.scope for card in folded_cards] == [("layer1",)] * 16 + [("layer2",)] * 16
    assert all(card.data is not None and card.grad is not None for card in folded_cards)


def test_the_height_is_a_choice():
    root = graph("2-16-16-1")
    all_of_it = build(root, max_cards=2000)
    assert len(all_of_it.cards) == 404
    sizes = [len(figure.svg) for figure in (viz.draw(root, max_height=math.inf), drawn("2-16-16-1"))]
    assert sizes[0] > sizes[1] > len(viz.draw(root, max_height=700).svg)
    for wrong in (0, -1.0, math.nan):
        with pytest.raises(ValueError, match=r"max_height must be above 0 \(pixels\), got"):
            viz.draw(root, max_height=wrong)


@pytest.mark.parametrize("seed", range(12))
def test_the_guess_at_the_height_is_near(seed):
    root = random_graph(seed) if seed % 3 else mlp([3, 4 + seed, 5, 1], seed)
    folding = Folding(Graph(in_order(root)))
    folding.fold_sums()
    scene = build(root, max_cards=2000)
    layout.place(scene)
    assert 0.4 < rough_height(folding) / scene.height < 1.6


@pytest.mark.parametrize("seed", range(30))
def test_stacks_in_open_boxes_never_make_a_circle(seed):
    root = random_graph(seed)
    for names in ("same", "stem", "any"):
        folding = Folding(Graph(in_order(root)))
        sets = folding.alike(names)
        for keys in sets:
            folding.stack(keys)
        layout.place(picture(folding))  # raises ValueError for a circle
        assert sorted(i for group in folding.groups.values() for i in group.members) == list(range(len(folding.graph)))
        for key, group in folding.groups.items():
            near = {folding.group_of[j] for i in group.members for _, j in folding.graph.operands[i]} - {key}
            assert folding.into[key] == near


@pytest.mark.slow
def test_a_lonely_folded_box_is_named_after_both():
    scene = small(DEEP)
    assert "layer7.n1" in [card.label for card in scene.cards]
    assert not scene.boxes


def test_what_is_like_but_differently_named_is_kept_apart():
    """Weights are not stacked with the bias while there is another way."""
    root = ag.dot([Value(1.0, name=f"w{i}") for i in range(400)], [2.0] * 400, Value(0.5, name="b"))
    assert [card.label for card in build(root).cards][:2] == ["w₀ … w₃₉₉", "b"]


@pytest.mark.slow
def test_a_chain_of_ten_thousand_is_refused():
    with pytest.raises(ValueError, match=r"10,001 values: more than the 300 cards .* focus=a node .* name its values"):
        viz.draw(chain(10_000))
    assert "9,994 values further away left out" in viz.draw(chain(10_000), focus="x", radius=6).svg


def test_a_tangle_of_ten_thousand_is_refused():
    with pytest.raises(ValueError, match=r"values, and [\d,]+ cards when folded as far as it goes: more than the 300"):
        viz.draw(tangle(10_000))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["2-16-16-1", "figure 5 x 160", "unnamed x 40"])
def test_the_same_graph_gives_the_same_bytes(name, tmp_path):
    first, second = drawn(name), viz.draw(GRAPHS[name][0]())
    assert first.svg == second.svg
    first.save(tmp_path / "a.html")
    second.save(tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


# -- boxes that open ---------------------------------------------------------------------------------------------------


def test_a_box_opens_to_its_inside_with_what_comes_into_it():
    made = seen("2-16-16-1")
    view = made[made[0].opens[min(made[0].opens)]]
    assert (view.title, view.parent, view.size) == ("layer1.n1", 0, 5)
    labels = re.findall(r"<title>([^<\n]*)", view.svg)
    assert {"layer1.n1.w1", "layer1.n1.w2", "layer1.n1.b"} <= set(labels)
    assert labels.count("from outside of this box") == 2


def test_a_stack_opens_to_a_table():
    root, made = graph("figure 5 x 160"), seen("figure 5 x 160")
    table = next(view for view in made if view.title == "h1: s₁ × 160")
    values = [node for node in in_order(root) if node.name == "h1.s1"]
    assert [(row.data, row.grad) for row in table.rows] == [(node.data, node.grad) for node in values]


@pytest.mark.slow
def test_boxes_in_boxes_and_stacks_of_boxes():
    made = seen(DEEP)
    layer = next(view for view in made if view.title == "layer2")
    tables = [made[i] for i in layer.opens.values()]
    boxes = next(view for view in tables if any(row.opens for row in view.rows))
    neuron = made[boxes.rows[0].opens]
    assert (boxes.rows[0].name, neuron.title, made[neuron.parent]) == ("n1", "n1", boxes)
    assert "Inside n1" in neuron.svg


def test_every_view_can_be_reached_and_goes_back():
    made = views(folded(network([2, 16, 16, 1], 20), max_height=TALL), "<svg></svg>", "all")
    for i, view in enumerate(made[1:], 1):
        above = made[view.parent]
        assert view.parent < i
        assert i in above.opens.values() or i in [row.opens for row in above.rows]
        assert bool(view.svg) != bool(view.rows)


@pytest.mark.slow
def test_the_page_is_bounded_and_says_what_is_left_out(tmp_path, monkeypatch):
    figure = drawn(DEEP)
    figure.save(tmp_path / "x.html")
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert page.count("<template") <= module.MOST_VIEWS + module.MOST_ROWS
    assert len(page) < module.MOST_BYTES + 600_000
    assert re.search(r"[\d,]+ more stay closed, to keep this page small", page)
    for spent in ((0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with monkeypatch.context() as patch:
            patch.setattr(module._Budget.__init__, "__defaults__", spent)
            assert len(opened("2-16-16-1")) == 1
            assert len(opened("2-16-16-1")[0].closed) == 32


def test_long_tables_are_cut(monkeypatch):
    monkeypatch.setattr(module, "MOST_ROWS", 30)
    table = next(view for view in opened("figure 5 x 160") if view.rows)
    assert (len(table.rows), table.total) == (30, 160)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names_are_text_on_the_page(name, tmp_path):
    scope = name.replace(".", "")[:200] or "s"
    parts = []
    for i in range(8):
        w = Value(0.5, name=f"{scope}.k{i}.{name}")
        out = ag.tanh(w * 2.0)
        out.name = f"{scope}.k{i}.</script></template><script>alert(1)</script>"
        parts.append(out)
    root = ag.sum(parts)
    root.backward()
    figure = viz.draw(root, title=name, max_cards=6)
    figure.save(tmp_path / "x.html")
    text = (tmp_path / "x.html").read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert page.tags.count("script") == 1
    assert text.count("</script>") == 1
    assert "<template" in text
    assert text.count("</template>") == page.tags.count("template")
    assert not [value for key, value in page.attributes if key.startswith("on") or key in ("src", "href")]
    for key, value in page.attributes:
        if key == "data-links":
            json.loads(value)


def test_numbers_that_have_changed_are_not_mixed(tmp_path):
    root = figure5()
    figure = viz.draw(root, fold="h1")
    root.zero_grad()
    with pytest.raises(ValueError, match="the values have changed since this picture was drawn: draw it again"):
        figure.save(tmp_path / "x.html")
    assert not list(tmp_path.iterdir())


def test_a_picture_without_boxes_is_a_page_too(tmp_path):
    viz.draw(figure5()).save(tmp_path / "x.htm")
    text = (tmp_path / "x.htm").read_text(encoding="utf-8")
    assert "open on a click" not in text
    assert text.count("<svg") == 1
    with pytest.raises(ValueError, match=r"this picture has no page: save it as \.svg or \.png"):
        viz.Figure("<svg/>").save(tmp_path / "y.html")


def test_stacks_alone_do_not_say_that_no_gradient_was_computed():
    root = ag.sum([Value(float(i), name=f"x{i}") for i in range(400)])
    for words in ("gradient not computed: call backward()", "gradient: lowest … highest of a stack"):
        scene = build(root)
        scene.cards, scene.edges = scene.cards[:1], []
        layout.place(scene)
        assert words in render(scene)
        root.backward()
