"""The page and the notebook display of a stepper, without a browser (test_browser.py has one)."""

from __future__ import annotations

import base64
import json
import math
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from support.hostile import hostile
from support.viz_graphs import figure5, mlp

from autograd import StaleGraphError, Value
from viz.player import notebook_html, page
from viz.player.data import to_script, walk_of
from viz.stepper import Stepper, step
from viz.steps import plan


class Reader(HTMLParser):
    """Collects elements, the text outside scripts, and the scripts; complains where tags do not match."""

    EMPTY = ("img", "br", "meta")

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.scripts if self.open and self.open[-1] == "script" else self.words).append(data)


def data_of(html: str) -> dict[str, Any]:
    script = "".join(Reader(html).scripts)
    data: dict[str, Any] = json.JSONDecoder().raw_decode(script, script.index("const D = ") + 10)[0]
    return data


def test_one_bundle_as_sanitizers_like_it():
    read = Reader(notebook_html(step(figure5())))
    tags = [tag for tag, _ in read.found]
    assert tags[:3] == ["div", "img", "details"]
    assert tags.count("script") == 1
    assert tags[-1] == "script"
    assert not {"svg", "style", "link", "iframe"} & set(tags)


def test_picture_is_the_final_state_and_loads_nothing():
    html = notebook_html(step(figure5(backward=False)))
    sources = [a["src"] for tag, a in Reader(html).found if tag == "img"]
    assert len(sources) == 2  # the graph and the network
    for source in sources:
        assert source is not None
        head, _, content = source.partition(",")
        assert head == "data:image/svg+xml;base64"
        svg = base64.b64decode(content).decode()
        assert "−0.0618" in svg or "−0.0617" in svg  # dL/dw5
        assert "not computed" not in svg
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", html)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|import\(", html)


@pytest.mark.parametrize("backward", [False, True])
def test_graph_is_left_as_it_was(backward):
    root = figure5(backward=backward)
    if backward:
        root.backward()  # leaves now hold the sum of two passes
    nodes = step(root).plan.graph.nodes
    before = [(v.data, v.grad, v.has_grad) for v in nodes]
    notebook_html(step(root))
    assert [(v.data, v.grad, v.has_grad) for v in nodes] == before


def test_table_has_every_step():
    stepper = step(figure5(), forward=True, learning_rate=0.1)
    words = Reader(notebook_html(stepper)).words
    for stage in stepper.plan.stages:
        assert stage.text in words
    assert "All 39 steps, in numbers" in words


def test_table_of_a_long_walk_ends_with_the_number_left_out():
    x = Value(1.0, "x")
    for _ in range(600):
        x = x * 1.001
    html = notebook_html(step(x))
    assert "and 101 more steps" in html
    assert html.count("<tr>") == 502


@pytest.mark.parametrize("grain", ["edge", "node", "neuron"])
def test_stages_of_all_grains_are_the_plan_s(grain):
    for root in (figure5(), mlp([2, 3, 1]), hostile()):
        stepper = step(root, forward=True, learning_rate=0.5)
        data = walk_of(stepper).data
        stops = [stage.stop for stage in plan(root, grain=grain, forward=True, learning_rate=0.5).stages]
        assert data["stops"].get(grain, list(range(1, len(stepper.plan.steps) + 1))) == stops


@pytest.mark.parametrize("grain", ["edge", "node", "neuron"])
def test_page_starts_where_the_stepper_stands(grain):
    stepper = step(figure5(), grain=grain)
    stepper.go(3)
    data = data_of(page(stepper))
    assert (data["grain"], data["position"]) == (grain, 3)


def test_numbers_survive_to_the_bit():
    a, b = Value(0.1, "a"), Value(1 / 3, "b")
    data = data_of(page(step(a * b + a * 1e300 + b * -0.0)))
    locals_ = [float(x) for x in data["back"][2::4]]
    assert 1 / 3 in locals_
    assert 1e300 in locals_
    assert any(x == 0 and math.copysign(1.0, x) < 0 for x in locals_)


def test_what_json_lacks_is_text():
    x = Value(math.inf, "x")
    data = data_of(page(step(x * Value(math.nan, "y"))))
    assert data["back"][2::4] == ["NaN", "Infinity"]


@pytest.mark.parametrize("make", [page, notebook_html])
def test_hostile_names_are_text(make):
    stepper = step(hostile(), title="</title><script>alert(3)</script>")
    html = make(stepper)
    read = Reader(html)
    assert html.count("<script") == html.count("</script") == 1
    assert not re.search("[\u2028\u2029\ud800-\udfff]", html)
    assert "<!--" not in html
    assert {tag for tag, _ in read.found} <= {
        "html", "head", "meta", "title", "style", "body", "div", "img", "details", "summary", "table", "thead", "tbody",
        "tr", "th", "td", "br", "script",
    }  # fmt: skip
    assert not any(key.startswith("on") for _, attributes in read.found for key in attributes)
    html.encode()


def test_script_safe_json():
    text = to_script({"a": "</script><!--&\u2028\u2029", "b": [1.5, -0.0]})
    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text) == {"a": "</script><!--&\u2028\u2029", "b": [1.5, -0.0]}


def test_same_walk_same_bytes():
    assert page(step(figure5())) == page(step(figure5()))
    assert page(step(figure5())) != page(step(figure5(), title="another"))


def test_long_walks_stay_small():
    stepper = step(mlp([20, 24, 24, 1]))
    assert len(stepper.plan.steps) > 2000
    assert len(page(stepper)) < 600_000


def test_steps_inside_folded_cards_are_all_there():
    stepper = step(mlp([20, 24, 24, 1]))
    data = walk_of(stepper).data
    assert len(data["cards"]) < 100
    assert len(data["back"]) // 4 == sum(s.kind == "backward" for s in stepper.plan.steps)
    shown = [k for edge in data["edges"] for k in edge[2:]]
    assert len(shown) == len(set(shown))
    assert len(data["card"]) == len(data["names"])


def test_graph_that_cannot_be_drawn_is_still_walked():
    x = Value(1.0, "x")
    for _ in range(400):
        x = x * 1.001
    html = page(step(x))
    assert "more than the 90 cards of a readable picture" in html
    assert "<img" not in html
    assert len(data_of(html)["back"]) == 4 * 400


def test_leaf_alone():
    html = page(step(Value(3.0, "x")))
    assert "The step, in numbers" in html


def test_no_network_for_a_graph_without_neurons():
    x = Value(3.0, "x")
    assert "net" not in data_of(page(step(x * x + 2 * x)))


def test_notes_and_their_errors():
    assert "71 kg" in walk_of(step(figure5(), notes={"x1": "71 kg"})).picture
    with pytest.raises(ValueError, match="no value in this graph is named 'q'"):
        page(step(figure5(), notes={"q": "?"}))


def test_edited_data_is_told():
    root = figure5()
    stepper = step(root)
    next(v for v in stepper.plan.graph.nodes if v.name == "h1.w1").data = 5.0
    with pytest.raises(StaleGraphError, match="edited"):
        page(stepper)


def test_display_and_save(tmp_path):
    stepper: Stepper = step(figure5())
    assert stepper._repr_mimebundle_()["text/html"] == notebook_html(stepper)
    stepper.save(tmp_path / "walk.html")
    assert (tmp_path / "walk.html").read_text(encoding="utf-8") == page(stepper)
