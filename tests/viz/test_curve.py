"""curve(series): what it draws, at what sizes, and what it refuses."""

import math
import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from types import SimpleNamespace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from viz.curve import curve, thinned, ticks
from viz.markup import text_width

SVG = "{http://www.w3.org/2000/svg}"


def texts(figure):
    return ["".join(t.itertext()) for t in ET.fromstring(figure.svg).iter(f"{SVG}text")]


def lines(figure):
    """The points of every drawn line, by series, run by run."""
    found = {}
    for group in ET.fromstring(figure.svg).iter(f"{SVG}g"):
        name = group.findtext(f"{SVG}title")
        if name:
            paths = [p.get("d") for p in group.iter(f"{SVG}path")]
            found[name] = [[tuple(map(float, xy.split())) for xy in d[1:].split("L")] for d in paths]
    return found


def test_a_learning_curve():
    figure = curve({"training": [0.9, 0.5, 0.3], "held out": [1.0, 0.6, 0.5]}, title="Figure 5", y_label="error")
    shown = texts(figure)
    for expected in ("Figure 5", "error", "step", "training", "held out", "0.3", "0.5"):
        assert expected in shown
    drawn = lines(figure)
    assert [len(run) for run in drawn["training"]] == [3]
    ys = [y for _, y in drawn["training"][0]]
    assert ys == sorted(ys)  # falling values: down the page
    assert "training: 3 values, from 0.9 to 0.3." in ET.fromstring(figure.svg).findtext(f"{SVG}desc")


def test_values_with_their_own_steps_and_a_trainings_history():
    pairs = curve({"a": [4.0, 3.0, 2.0, 1.0], "b": [(0, 4.0), (3, 1.0)]})
    drawn = lines(pairs)
    assert drawn["b"] == [[drawn["a"][0][0], drawn["a"][0][3]]]
    history = SimpleNamespace(losses=[4.0, 3.0, 2.0], held_out=[(0, 5.0), (2, 4.0), (3, 3.0)], ended="early stop")
    figure = curve(history)
    assert {"trained on", "held out", "early stop"} <= set(texts(figure))
    assert lines(figure)["held out"][0][0][0] == lines(figure)["trained on"][0][0][0]
    history.ended, history.held_out = "steps", []
    assert set(lines(curve(history))) == {"trained on"}
    assert "early stop" not in texts(curve(history))
    assert "end" in texts(curve(history, marks={"end": 3}))
    with pytest.raises(TypeError, match="value 1 of 'a' is no number: \\(1, 2, 3\\)"):
        curve({"a": [(0, 1.0), (1, 2, 3)]})
    with pytest.raises(ValueError, match="curve: the step of value 0 of 'a' must be a finite number, not nan"):
        curve({"a": [(math.nan, 1.0)]})


def test_gaps_are_left_open_and_stated():
    figure = curve({"a": [1.0, 2.0, math.nan, 3.0, 4.0, math.inf, 5.0]})
    assert [len(run) for run in lines(figure)["a"]] == [2, 2]
    assert "Gaps: 2 of 7 values of a are nan or infinite." in texts(figure)
    assert figure.svg.count("<circle") == 1  # the single last point
    assert not any("Gaps" in text for text in texts(curve({"a": [1.0, 2.0]})))


@pytest.mark.parametrize(
    "values",
    [[3.0], [0.0], [2.0] * 50, [1e308, -1e308], [5e-324, 1e-323], [1.0, 1.0 + 1e-16], [-1e-300, 1e-300], [1e308] * 3],
)
def test_a_point_a_constant_and_extremes(values):
    figure = curve({"a": values})
    assert "nan" not in figure.svg.replace("nan or", "")
    assert "inf" not in figure.svg
    for run in lines(figure)["a"]:
        assert all(0 <= x <= 760 and 0 <= y <= 440 for x, y in run)


def test_long_series_are_thinned_and_keep_their_extremes():
    values = [math.sin(i / 5000) for i in range(100_000)]
    values[77_777], values[12_345] = 9.0, -7.0
    figure = curve({"a": values})
    run = lines(figure)["a"][0]
    assert len(run) < 2000
    assert len(figure.svg) < 60_000
    height = {y for _, y in run}
    low, high = max(height), min(height)
    assert low > 300
    assert high < 110


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(8, 50))
def test_thinning_keeps_order_ends_and_extremes(values, most):
    points = list(enumerate(values))
    kept = thinned(points, most)
    assert kept == sorted(set(kept))
    assert set(kept) <= set(points)
    assert len(kept) <= most
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert min(y for _, y in kept) == min(values)
    assert max(y for _, y in kept) == max(values)


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(3, 9))
def test_ticks_are_round_and_inside(low, span, about):
    high = low + span
    if span < 1e-6 * abs(low):
        return
    marks = ticks(low, high, about)
    assert 1 <= len(marks) <= about + 1
    assert all(low - 1e-6 * span <= mark <= high + 1e-6 * span for mark in marks)
    if len(marks) > 1:
        step = marks[1] - marks[0]
        lead = f"{step:.6e}"[:4]
        assert lead in ("1.00", "2.00", "5.00")


def test_ticks_of_steps_are_whole():
    assert ticks(0, 3, 7, whole=True) == [0, 1, 2, 3]
    assert ticks(0, 1, 5) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert ticks(0, 599, 7) == [0, 100, 200, 300, 400, 500]


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8))
def test_labels_never_overlap(ends):
    figure = curve({f"line {i}": [0.5, end] for i, end in enumerate(ends)})
    tree = ET.fromstring(figure.svg)
    places = sorted(float(t.get("y")) for t in tree.iter(f"{SVG}text") if "".join(t.itertext()).startswith("line"))
    assert len(places) == len(ends)
    assert all(b - a >= 29 for a, b in pairwise(places))
    assert places[0] > 60
    assert places[-1] < 420


def test_tick_labels_tell_apart():
    shown = texts(curve({"a": [2.0, 2.001]}))
    numbers = [text for text in shown if re.fullmatch(r"2(\.\d+)?", text)]
    assert {"2", "2.0002", "2.0004"} <= set(numbers)


def test_logarithmic_axis():
    shown = texts(curve({"a": [1.0, 0.1, 0.001]}, log=True))
    assert {"1", "0.1", "0.01", "0.001"} <= set(shown)
    assert {"2", "3"} & set(texts(curve({"a": [2.0, 3.0]}, log=True)))
    curve({"a": [7.0]}, log=True)
    curve({"a": [5e-324, 1e308]}, log=True)
    with pytest.raises(ValueError, match=r"value 1 of 'a' is 0\.0, which has no place on a logarithmic axis"):
        curve({"a": [1.0, 0.0]}, log=True)


def test_steps_and_marks():
    figure = curve({"a": [3.0, 2.0, 1.0]}, start=100, every=50, marks={"early stop": 150})
    shown = texts(figure)
    assert {"100", "120", "200", "early stop"} <= set(shown)


@pytest.mark.parametrize("name", ["<script>", "a&\"'", "\x00\u202e", "w1", "名前" * 40])
def test_names_are_escaped(name):
    figure = curve({name: [1.0, 2.0]}, title=name, x_label=name, y_label=name, marks={name: 1})
    ET.fromstring(figure.svg)
    assert "<script" not in figure.svg
    assert "\x00" not in figure.svg


def test_same_bytes_dark_and_literal_colours():
    a, b = curve({"a": [1.0, 2.0]}), curve({"a": [1.0, 2.0]})
    assert a.svg == b.svg
    assert "prefers-color-scheme:dark" in a.svg
    assert "var(" not in a.svg


def test_bad_input():
    with pytest.raises(TypeError, match="curve takes a mapping of names to numbers"):
        curve([1.0, 2.0])
    with pytest.raises(ValueError, match="curve draws 1 to 8 series, not 0"):
        curve({})
    with pytest.raises(ValueError, match="curve draws 1 to 8 series, not 9"):
        curve({str(i): [1.0] for i in range(9)})
    with pytest.raises(ValueError, match="no series holds a finite number"):
        curve({"a": [math.nan], "b": []})
    with pytest.raises(TypeError, match="value 1 of 'a' is no number: 'x'"):
        curve({"a": [1.0, "x"]})
    with pytest.raises(TypeError, match="must be a sequence of numbers, not str"):
        curve({"a": "123"})
    with pytest.raises(ValueError, match="every must be positive, not 0"):
        curve({"a": [1.0]}, every=0)
    with pytest.raises(ValueError, match="start must be a finite number, not nan"):
        curve({"a": [1.0]}, start=math.nan)


def test_an_empty_series_beside_another():
    figure = curve({"a": [1.0, 2.0], "b": []})
    assert "b: no finite value." in ET.fromstring(figure.svg).findtext(f"{SVG}desc")


def test_the_names_of_marks_side_by_side_do_not_overlap():
    svg = curve({"a": list(range(101))}, marks={"early stop": 100, "best": 98, "ending": 40}).svg
    found = {e.text: float(e.get("x")) for e in ET.fromstring(svg).iter() if e.text in {"best", "early stop"}}
    apart = found["early stop"] - found["best"]
    assert apart >= (text_width("best", 11.5) + text_width("early stop", 11.5)) / 2 + 4
    assert apart <= 80
