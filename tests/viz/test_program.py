"""program(compiled) says what the schedule says; the pictures of raising show what stands in the schedule's groups."""

import importlib.util
import random
import re
import xml.etree.ElementTree as ET
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import ROOT
from support.compiler_graphs import build, dense, leaves
from support.page_snippets import check_snippet, snippets

import autograd as ag
import viz
from autograd.compiler.raising import raise_tape
from autograd.compiler.schedule import Elementwise, MatMul, elementwise_schedule, operands
from autograd.compiler.tape import record_tape
from viz.program_data import MOST, picture_of
from viz.program_raised import raised

SVG = "{http://www.w3.org/2000/svg}"
DOCS = ROOT / "docs"
PAGE = (DOCS / "raising.md").read_text("utf-8")


@cache
def script():
    spec = importlib.util.spec_from_file_location("make_pictures", DOCS / "make_pictures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def texts(element):
    return ["".join(t.itertext()) for t in element.iter(f"{SVG}text")]


def cells(figure, kind):
    """By place: node number, label, and the names of the colours."""
    found = {}
    for g in ET.fromstring(figure.svg).iter(f"{SVG}g"):
        place = re.fullmatch(rf"{kind} (\d+) (\d+)", g.get("data-cell") or "")
        if place:
            row, column = map(int, place.groups())
            found[row, column] = int(g.get("data-node")), *texts(g), g.find(f"{SVG}rect").get("class")
    return found


def knots(figure):
    """The nodes of the graphs on the left: number, label, colours."""
    every = ET.fromstring(figure.svg).iter(f"{SVG}g")
    chosen = [g for g in every if g.get("data-node") and not g.get("data-cell")]
    return [(int(g.get("data-node")), *texts(g), g.find(f"{SVG}rect").get("class")) for g in chosen]


# -- the pictures of raising -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["neuron", "layer", "convolution", "fast", "slow"])
def test_the_pictures_in_the_docs_are_drawn_from_the_schedules_of_today(name):
    figure = script().raising()[f"raising-{name}"]
    kept = (DOCS / "pictures" / f"raising-{name}.svg").read_text("utf-8")
    assert kept == figure.svg, "run `python docs/make_pictures.py`"


@pytest.mark.parametrize("name", ["neuron", "layer", "convolution"])
def test_the_cells_are_the_schedules(name):
    schedule = getattr(script(), name)()
    figure = script().raising()[f"raising-{name}"]
    product = next(group for group in schedule.groups if isinstance(group, MatMul))
    tape = schedule.tape
    for kind, nodes in (("w", product.w[0]), ("x", product.x[0]), ("out", product.out[0])):
        shown = cells(figure, kind)
        rows, columns = nodes.shape
        wide = 1 + max(column for _, column in shown)
        assert {row for row, _ in shown} == set(range(rows))
        # other rows of the batch: the same nodes again, each beside itself or all again behind them
        again = np.tile(nodes, wide // columns) if name == "convolution" else np.repeat(nodes, wide // columns, axis=1)
        for (row, column), (node, label, _) in shown.items():
            assert node == again[row, column]
            assert label == ("1" if node == schedule.one else tape.names[node])
    after = [group for group in schedule.groups if isinstance(group, Elementwise)]
    results = {node for node, _, _ in cells(figure, "after").values()}
    assert results == {int(node) for group in after for node in group.out}


@pytest.mark.parametrize("name", ["neuron", "layer"])
def test_all_that_was_recorded_is_drawn(name):
    schedule = getattr(script(), name)()
    figure = script().raising()[f"raising-{name}"]
    assert {node for node, _, _ in knots(figure)} == set(range(len(schedule.tape)))
    inner = int((np.diff(schedule.tape.start) > 0).sum())
    operations = [label for _, label, _ in knots(figure) if label in ("×", "+", "tanh")]
    assert len(operations) == inner
    assert any(text.startswith(f"{inner} operations on ") for text in texts(ET.fromstring(figure.svg)))
    assert f"{len(schedule.groups)} groups for a whole batch" in texts(ET.fromstring(figure.svg))


def test_a_convolution_is_drawn_for_its_first_filter_and_says_so():
    schedule = script().convolution()
    figure = script().raising()["raising-convolution"]
    (product,) = schedule.groups
    behind = {*product.out[0, 0].tolist()}
    for node in range(len(schedule.tape) - 1, -1, -1):
        if node in behind:
            behind |= set(schedule.tape.operands(node).tolist())
    assert {node for node, _, _ in knots(figure)} == behind
    said = "56 operations on 17 leaves; behind those of the first filter lie those of the second"
    assert said in texts(ET.fromstring(figure.svg))


def test_colours_tell_rows_and_columns_apart():
    """Of a layer a row and its graph share a colour, of a convolution a column and its graph, of a neuron a term."""
    figure = script().raising()["raising-layer"]
    by_node = {node: look for node, _, look in knots(figure)}
    for (row, _), (node, _, look) in cells(figure, "w").items():
        assert by_node[node] == look == cells(figure, "out")[row, 0][2]
    assert len({look for _, _, look in cells(figure, "w").values()}) == 3

    figure = script().raising()["raising-convolution"]
    columns = [cells(figure, "x")[0, p][2] for p in range(4)]
    assert len(set(columns)) == 4
    assert all(look == columns[p] for (_, p), (_, _, look) in cells(figure, "x").items() if p < 4)
    drawn = [look for _, label, look in knots(figure) if label == "×"]
    assert [drawn.count(look) for look in columns] == [4, 4, 4, 4]

    figure = script().raising()["raising-neuron"]
    terms = [cells(figure, "w")[0, k][2] for k in range(3)]
    assert len(set(terms)) == 3
    assert terms == [cells(figure, "x")[k, 0][2] for k in range(3)]
    for k, look in enumerate(terms):
        assert {found[2] for found in cells(figure, f"term {k}").values()} == {look}
    assert sorted(look for _, label, look in knots(figure) if label == "×") == sorted(terms[:2])


def test_patches_frame_their_pixels():
    figure, schedule = script().raising()["raising-convolution"], script().convolution()
    tree = ET.fromstring(figure.svg)
    centre = {}
    for g in tree.iter(f"{SVG}g"):
        if (g.get("data-cell") or "").startswith("image "):
            t = g.find(f"{SVG}text")
            centre[int(g.get("data-node"))] = float(t.get("x")), float(t.get("y")) - 4
    (product,) = schedule.groups
    for g in tree.iter(f"{SVG}g"):
        if g.get("data-patch"):
            x, y, w, h = (float(g[0].get(key)) for key in ("x", "y", "width", "height"))
            inside = {node for node, (a, b) in centre.items() if x < a < x + w and y < b < y + h}
            assert inside == set(product.x[0, :, int(g.get("data-patch"))].tolist())


def test_names_of_leaves_are_escaped():
    x, w, b = (ag.Value(1.0, name=f"<script>{k}") for k in "xwb")
    figure = raised(raise_tape(record_tape([ag.tanh(w * x + b)], [x])), "term", title="<b>")
    ET.fromstring(figure.svg)
    assert "<script" not in figure.svg
    assert "<b>" not in figure.svg


def test_what_cannot_be_drawn_beside_its_product():
    schedule = script().neuron()
    with pytest.raises(ValueError, match="by is one of 'term', 'row', 'column'; got 'cell'"):
        raised(schedule, "cell", title="")
    with pytest.raises(ValueError, match="no matrix product was found"):
        raised(elementwise_schedule(schedule.tape), "row", title="")
    x = ag.Value(1.0)
    with pytest.raises(ValueError, match=r"a graph of 502 nodes is too large to be read \(at most 400\)"):
        raised(raise_tape(record_tape([ag.sum([ag.sin(x) for _ in range(500)])], [x])), "row", title="")
    with pytest.raises(ValueError, match="2 x 2 pixels are no picture of 9 inputs"):
        raised(script().convolution(), "column", title="", picture=(2, 2))


# -- the picture of a program ------------------------------------------------------------------------------------------


def cards(figure):
    """The cards of the groups: kind, texts, tooltip."""
    every = ET.fromstring(figure.svg).iter(f"{SVG}g")
    return [(g.get("data-kind"), texts(g), g.findtext(f"{SVG}title")) for g in every if g.get("data-group")]


def shown(figure):
    return texts(ET.fromstring(figure.svg))


def perceptron():
    chance = random.Random(1)
    x = [ag.Value(chance.random()) for _ in range(3)]
    hidden = [ag.tanh(z) for z in dense(leaves(chance, 5, 3), leaves(chance, 5), x)]
    (output,) = dense(leaves(chance, 1, 5), leaves(chance, 1), hidden)
    return ag.compile(ag.square(output), inputs=x)


def test_a_network_is_products_from_left_to_right():
    figure = viz.program(perceptron(), rows=4)
    drawn = cards(figure)
    assert [kind for kind, _, _ in drawn] == ["product", "each", "product", "each"]
    assert [words[-1] for kind, words, _ in drawn if kind == "product"] == ["5×4 · 4×1", "1×6 · 6×1"]
    assert drawn[1][1] == ["tanh", "5"]
    assert drawn[3][1] == ["x²", "1"]
    assert "3 inputs" in shown(figure)
    assert any(text.startswith("4 rows by ") for text in shown(figure))
    assert "Matrix products do" in ET.fromstring(figure.svg).findtext(f"{SVG}desc")


def test_small_groups_are_marked_and_counted():
    figure = viz.program(perceptron())
    assert "2 of 4 small" in shown(figure)
    marked = ["small: it costs a call" in tip for _, _, tip in cards(figure)]
    assert marked == [False, False, True, True]
    assert "f-n5" in figure.svg


def test_what_python_runs_is_said_to_be_run_by_python():
    x = ag.Value(1.0)
    said = [text for text in shown(viz.program(ag.compile(ag.sin(x), inputs=[x]))) if " by python" in text]
    assert len(said) == 1
    assert said[0].startswith("1 row by python, float64: ")


def reads(schedule):
    """By brute force: for each group how many different nodes it reads of each other one; -1 for the inputs."""
    maker = dict.fromkeys(schedule.tape.inputs.tolist(), -1)
    found = []
    for place, group in enumerate(schedule.groups):
        nodes = {node for ids in operands(group) for node in ids.ravel().tolist()}
        made = [maker[node] for node in nodes if node in maker]
        found.append({source: made.count(source) for source in made})
        maker |= dict.fromkeys(group.out.ravel().tolist(), place)
    return found


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_blocks_read_what_the_groups_read(seed):
    schedule = raise_tape(build(seed).tape())
    picture = picture_of(schedule)
    for block, expected in zip(picture.every, reads(schedule), strict=True):
        assert block.inputs == expected.pop(-1, 0)
        assert block.reads == expected


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.integers(100, 500))
def test_folding_keeps_every_group_and_makes_no_circle(seed, size):
    picture = picture_of(irregular(seed, size))
    for what in ("groups", "nodes", "work", "small"):
        assert sum(getattr(b, what) for b in picture.blocks) == sum(getattr(b, what) for b in picture.every)
    assert len(picture.blocks) <= max(MOST, 40)
    done = set()
    while len(done) < len(picture.blocks):
        ready = {i for i, block in enumerate(picture.blocks) if i not in done and set(block.reads) <= done}
        assert ready, "a circle"
        done |= ready


def irregular(seed, size, window=30):
    chance = random.Random(seed)
    inputs = [ag.Value(0.1) for _ in range(3)]
    nodes = [*inputs, *(ag.Value(0.2) for _ in range(5))]
    for _ in range(size):
        a, b = chance.choices(nodes[-window:], k=2)
        nodes.append(chance.choice([ag.add, ag.mul, ag.maximum])(ag.sin(a), b))
    return raise_tape(record_tape([ag.sum(nodes)], inputs))


def test_hundreds_of_groups_are_folded_and_said():
    schedule = irregular(5, 600)
    assert len(schedule.groups) > MOST
    figure = viz.program(schedule)
    drawn = cards(figure)
    assert len(drawn) < 30
    said = f"{len(schedule.groups):,} groups folded into {len(drawn)} cards"
    assert any(text.endswith(said) for text in shown(figure))
    folded = [words for kind, words, _ in drawn if kind == "folded"]
    counts = [int(words[1].split()[0].replace(",", "")) for words in folded]
    assert sum(counts) + len(drawn) - len(folded) == len(schedule.groups)


def test_a_folded_card_has_the_colour_of_its_work():
    """A recurrent net of many steps: its stretches are mostly matrix products."""
    chance = random.Random(3)
    w, b, inputs = leaves(chance, 4, 5), leaves(chance, 4), leaves(chance, 40)
    state = leaves(chance, 4)
    for x in inputs:
        state = [ag.tanh(z) for z in dense(w, b, [*state, x])]
    schedule = raise_tape(record_tape([ag.sum(state)], inputs))
    assert len(schedule.groups) > MOST
    figure = viz.program(schedule)
    products = [g for g in ET.fromstring(figure.svg).iter(f"{SVG}g") if g.get("data-kind") == "folded"]
    assert len(products) > 5
    assert all(g.findall(f"{SVG}rect")[1].get("class") == "f-p3 s-positive" for g in products[1:-1])


@pytest.mark.parametrize("make", [perceptron, lambda: irregular(2, 40), lambda: irregular(3, 500)])
def test_cards_stay_apart_and_on_the_page(make):
    tree = ET.fromstring(viz.program(make()).svg)
    width, height = float(tree.get("width")), float(tree.get("height"))
    boxes = []
    for g in tree.iter(f"{SVG}g"):
        if g.get("data-group"):
            frame = g.findall(f"{SVG}rect")[0]
            x, y, w, h = (float(frame.get(key)) for key in ("x", "y", "width", "height"))
            assert 0 <= x <= x + w <= width
            assert 100 <= y <= y + h <= height
            assert all(x + w <= a or a + c <= x or y + h <= b or b + d <= y for a, b, c, d in boxes)
            boxes.append((x, y, w, h))


def test_bars_are_as_wide_as_their_shares():
    schedule = irregular(1, 60)
    picture = picture_of(schedule)
    bars = {}
    for rect in ET.fromstring(viz.program(schedule).svg).iter(f"{SVG}rect"):
        name, _, kind = (rect.get("data-bar") or "").partition(" ")
        if kind:
            bars.setdefault(name, {})[kind] = float(rect.get("width"))
    assert set(bars) == {"work", "groups"}
    many = len(picture.every)
    total = sum(bars["groups"].values())
    small = sum(block.small for block in picture.every)
    assert bars["groups"]["small"] / total == pytest.approx(small / many, abs=0.01)
    assert small > 0


def test_same_bytes_dark_and_literal_colours():
    first, second = (viz.program(irregular(4, 100)).svg for _ in range(2))
    assert first == second
    assert "prefers-color-scheme:dark" in first
    assert "var(" not in first


def test_a_heading_is_plain_text_and_can_be_left_out():
    program = perceptron()
    assert viz.program(program).title == f"{len(program.tape)} nodes in 4 groups"
    figure = viz.program(program, title="<script>")
    assert "<script" not in figure.svg
    assert "<script>" in shown(figure)
    assert ET.fromstring(viz.program(program, title="").svg).findtext(f"{SVG}title") == "A compiled program"


def test_bad_input():
    x = ag.Value(1.0)
    with pytest.raises(TypeError, match=r"viz.program draws what autograd.compile returned; got Value: viz.draw draws"):
        viz.program(x)
    with pytest.raises(TypeError, match=r"got Compiled: a function has a program for .*: give f\.program\(arguments\)"):
        viz.program(ag.compile(lambda x: x * 2))
    with pytest.raises(ValueError, match="rows is 0: a batch has one row at least"):
        viz.program(ag.compile(x * 2, inputs=[x]), rows=0)
    with pytest.raises(TypeError, match="a schedule runs nothing, so rows say nothing; give the program itself"):
        viz.program(script().neuron(), rows=3)
    with pytest.raises(ValueError, match="computes nothing: every output is a leaf or a constant"):
        viz.program(ag.compile([x, 2.0], inputs=[x]))


# -- the page ----------------------------------------------------------------------------------------------------------


def test_the_snippets_print_what_they_say():
    namespace = {"__name__": "raising"}
    found = snippets("docs/raising.md")
    assert len(found) == 3
    for snippet in found:
        check_snippet(snippet, namespace)


def test_the_modules_and_pictures_that_it_names_exist():
    compiler = DOCS.parent / "autograd" / "compiler"
    steps = re.findall(r"^\*\*\d\. [^(]+\(([^)]+)\)", PAGE, re.MULTILINE)
    assert len(steps) == 5
    for module in re.findall(r"`(\w+)`", " ".join(steps)):
        assert (compiler / f"{module}.py").exists(), module
    for target in re.findall(r"\]\(((?!http)[^)]+)\)", PAGE):
        assert (DOCS / target).exists(), target
