"""animated(): an SVG that plays by CSS alone, read here as a browser would, frame by frame."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from support.viz_graphs import SVG, figure5, mlp, texts

import autograd as ag
from autograd import Value
from autograd.errors import StaleGraphError
from viz.animation import MOST_STAGES, animated
from viz.stepper import step

FIGURE5_BYTES = 150_000


class Player:
    """What is visible at a moment, by the keyframes of the style sheet."""

    def __init__(self, svg: str) -> None:
        self.root = ET.fromstring(svg)
        self.keys: dict[str, list[tuple[float, bool]]] = {}
        for name, body in re.findall(r"@keyframes (\w+)\{((?:[\d.]+%\{visibility:\w+\})+)\}", svg):
            self.keys[name] = [
                (float(at), how == "visible") for at, how in re.findall(r"([\d.]+)%\{visibility:(\w+)", body)
            ]
        self.seconds = float(re.search(r"animation:\w+ ([\d.]+)s step-end", svg)[1])

    def shown(self, seconds: float | None) -> list[ET.Element]:
        """Visible elements; None: without motion."""
        found: list[ET.Element] = []

        def visit(element: ET.Element, visible: bool) -> None:
            states = self.keys.get(element.get("class", "").split(" ")[0])
            if seconds is not None and states:
                at = 100 * seconds / self.seconds
                visible = [how for start, how in states if start <= at + 1e-9][-1]
            elif "visibility" in element.attrib:
                visible = element.get("visibility") != "hidden"
            if visible:
                found.append(element)
            for child in element:
                visit(child, visible)

        visit(self.root, True)
        return found

    def texts(self, seconds: float | None) -> list[str]:
        return ["".join(e.itertext()) for e in self.shown(seconds) if e.tag == f"{SVG}text"]

    def card(self, name: str, seconds: float | None) -> list[str]:
        """The numbers seen on a card: data, gradient."""
        visible = {id(e) for e in self.shown(seconds)}
        for group in self.root.iter(f"{SVG}g"):
            if "data-card" in group.attrib and group.find(f"{SVG}title").text.startswith(name):
                parts = [e for e in group.iter(f"{SVG}text") if "data-part" in e.attrib and id(e) in visible]
                return ["".join(e.itertext()) for part in ("data", "grad") for e in parts if e.get("data-part") == part]
        raise AssertionError(name)


def shown_number(x: float | None) -> str:
    from viz.markup import number

    return "–" if x is None else number(x)


@pytest.mark.parametrize("grain", ["edge", "node", "neuron"])
def test_every_frame_shows_the_gradients_of_that_step(grain):
    root = figure5(backward=False)
    stepper = step(root, grain=grain)
    player = Player(animated(stepper, 1.0))
    named = [v for v in ag.topological(root) if v.name]
    for frame in range(len(stepper) + 1):
        stepper.go(frame)
        for v in named:
            assert player.card(v.name, frame + 0.5) == [shown_number(v.data), shown_number(stepper.gradient(v))]
        words = player.texts(frame + 0.5)
        assert any(line.startswith(f"step {frame} of {len(stepper)}") for line in words)
        assert sum(line.startswith("step ") for line in words) == 1
        for line in stepper.stage.text.split("\n") if stepper.stage else []:
            assert line in words
    assert not any(v.has_grad for v in named)


def test_forward_values_appear_and_updates_change_them():
    root = figure5(backward=False)
    stepper = step(root, grain="neuron", forward=True, learning_rate=0.5)
    player = Player(animated(stepper, 1.0))
    assert player.card("h1.h1", 0.5) == ["–", "–"]
    assert player.card("h1.w1", 0.5) == ["0.8", "–"]
    assert player.card("h1.h1", 4.5) == ["0.25", "–"]
    assert player.card("h1.w1", len(stepper) + 0.5) == ["0.749", "0.102"]


def test_exactly_one_edge_is_lit_at_a_single_step():
    stepper = step(figure5())
    player = Player(animated(stepper, 1.0))
    for frame in range(len(stepper) + 1):
        lit = [e for e in player.shown(frame + 0.5) if e.get("opacity") == "0.22"]
        assert len(lit) == (frame > 1)


def test_without_motion_it_is_the_final_state():
    svg = animated(step(figure5(backward=False)))
    player = Player(svg)
    assert player.texts(None) == player.texts(player.seconds - 0.1)
    assert "step 22 of 22 · the end" in player.texts(None)
    assert not [e for e in player.shown(None) if e.get("stroke-width") == "3" or e.get("opacity")]
    assert player.card("h1.w1", None) == ["0.8", "0.102"]
    assert "@media screen and (prefers-reduced-motion:no-preference){@keyframes" in svg


def test_the_final_state_stands_still_for_a_while():
    assert Player(animated(step(figure5()), 2.0)).seconds == 23 * 2 + 4
    assert Player(animated(step(figure5()), 60)).seconds == 23 * 60 + 4


def test_no_scripts_no_ids_no_links_literal_colours():
    svg = animated(step(figure5(), forward=True, learning_rate=0.1))
    for element in ET.fromstring(svg).iter():
        assert element.tag.rpartition("}")[2] in {"svg", "title", "desc", "style", "rect", "g", "path", "text", "tspan"}
        assert not any(name.startswith("on") or name == "id" or "href" in name for name in element.attrib)
    assert "var(" not in svg
    assert "url(" not in svg
    body = re.sub(r"<style>.*?</style>", "", svg)
    assert all(re.fullmatch(r"#[0-9a-f]{6}|none", c) for c in re.findall(r'(?:fill|stroke)="([^"]*)"', body))
    assert "@media (prefers-color-scheme:dark)" in svg
    assert "\0" not in svg


def test_the_same_walk_is_the_same_bytes_and_positions_play_no_part():
    first = step(figure5(), title="t", notes={"x1": "71 kg"})
    first.run()
    svg = animated(first)
    assert svg == animated(step(figure5(backward=False), title="t", notes={"x1": "71 kg"}))
    assert first.position == len(first)
    assert "71 kg" in texts(svg)


def test_two_on_a_page_do_not_share_names():
    prefixes = [set(re.findall(r"@keyframes (k\w+?_)", animated(step(root)))) for root in (figure5(), mlp([2, 2, 1]))]
    assert [len(found) for found in prefixes] == [1, 1]
    assert not prefixes[0] & prefixes[1]


@pytest.mark.parametrize("grain", ["edge", "node", "neuron"])
def test_size(grain):
    assert len(animated(step(figure5(), grain=grain, forward=True, learning_rate=0.1)).encode()) < FIGURE5_BYTES


def test_size_is_linear_in_steps():
    sizes = []
    for n in (50, 200):
        v = Value(1.0, name="x")
        for _ in range(n):
            v = ag.tanh(v)
        sizes.append(len(animated(step(v))) / n)
    assert sizes[1] < 1.3 * sizes[0]


@pytest.mark.parametrize(
    "name", ["<script>", 'a"b', "&amp;", "]]>", "\x00\x1b[31m", "שלום", "日本語", "a\u202eb", "x" * 5000]
)
def test_odd_names(name):
    x = Value(2.0, name=name)
    svg = animated(step(x * x, title=name))
    ET.fromstring(svg)
    assert "<script" not in svg


def test_a_value_used_twice_lights_both_edges_in_turn():
    x = Value(3.0, name="x")
    y = x * x
    y.name = "y"
    player = Player(animated(step(y), 1.0))
    assert [player.card("x", t)[1] for t in (0.5, 1.5, 2.5, 3.5)] == ["–", "–", "3", "6"]


def test_a_leaf_alone():
    assert "dx/dx = 1" in texts(animated(step(Value(1.0, name="x"))))


def test_a_long_walk_is_shown_at_a_coarser_grain_and_says_so():
    stepper = step(mlp([2, 12, 12, 1]))
    assert len(stepper) > MOST_STAGES
    svg = animated(stepper)
    assert any(", node by node: there are" in line for line in texts(svg))
    assert stepper.grain == "edge"


def test_too_long_a_walk_is_refused():
    v = Value(1.0, name="x")
    for i in range(400):
        v = v * 1.001
        v.name = f"n{i}.n{i}"
    with pytest.raises(ValueError, match=r"401 steps even neuron by neuron, more than the 300 of an animation"):
        animated(step(v))


def test_too_large_a_graph_is_refused():
    v = Value(1.0, name="x")
    for _ in range(400):
        v = v * 1.001
    with pytest.raises(ValueError, match=r"401 values: more than the 300 cards of a readable picture; walk\(\) shows"):
        animated(step(v))


def test_folded_scopes_are_animated_too():
    stepper = step(mlp([3, 24, 24, 1]), grain="neuron")
    svg = animated(stepper)
    ET.fromstring(svg)
    assert Player(svg).texts(None)


@pytest.mark.parametrize("seconds", [0, -1, 0.05, 61, float("nan"), float("inf")])
def test_seconds_out_of_range(seconds):
    with pytest.raises(ValueError, match=r"seconds_per_step must be from 0\.1 to 60, got"):
        animated(step(figure5()), seconds)


def test_seconds_of_another_type():
    with pytest.raises(TypeError, match="seconds_per_step must be a number, got str"):
        animated(step(figure5()), "1")  # type: ignore[arg-type]


def test_edited_data_is_an_error_and_the_graph_keeps_its_gradients():
    root = figure5()
    stepper = step(root)
    kept = [v.grad for v in ag.topological(root)]
    animated(stepper)
    assert [v.grad for v in ag.topological(root)] == kept
    next(v for v in ag.topological(root) if v.name == "x1").data = 5.0
    with pytest.raises(StaleGraphError):
        animated(stepper)
    assert [v.grad for v in ag.topological(root)] == kept
