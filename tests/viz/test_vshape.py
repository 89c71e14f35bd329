"""vshape(samples, gradient): the V of a right gradient, the floor of a wrong one, labels clear of each other."""

import json
import math
import re
import xml.etree.ElementTree as ET

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import autograd as ag
from autograd.check import check_gradients, sweep
from viz.placing import Placing
from viz.quotients import errors, floor, rounding, truncation
from viz.vshape import vshape

SVG = "{http://www.w3.org/2000/svg}"
STEPS = [2.0**-k for k in range(50)]
RIGHT = math.cos(1.0)


def texts(figure):
    return ["".join(t.itertext()) for t in ET.fromstring(figure.svg).iter(f"{SVG}text")]


def told(figure):
    return ET.fromstring(figure.svg).findtext(f"{SVG}desc")


def lines(figure):
    """By name: how many stretches, dots and rings a line has."""
    found = {}
    for group in ET.fromstring(figure.svg).iter(f"{SVG}g"):
        circles = list(group.iter(f"{SVG}circle"))
        rings = [c for c in circles if "f-page" in c.get("class")]
        dots = len(circles) - len(rings)
        found[group.findtext(f"{SVG}title")] = len(list(group.iter(f"{SVG}path"))), dots, len(rings)
    return found


def one_sided(f, x):
    return [(h, (f(x + h) - f(x)) / h) for h in STEPS]


def pieces(samples, gradient):
    (line,), _ = errors(samples, gradient, None)
    return line


def test_a_right_gradient_is_a_v():
    samples = sweep(ag.sin, 1.0)
    figure = vshape(samples, RIGHT)
    assert lines(figure) == {"central differences": (1, 50, 0)}
    shown = texts(figure)
    best = min((abs(s.slope - RIGHT) / RIGHT, s.step) for s in samples)
    assert f"smallest error {best[0]:.1e},".replace("e-", "e−") in shown
    assert {"rounding, as 1/h", "as h²", "step h", "relative error", "10−10", "10−2"} <= set(shown)
    assert not any("stays at" in text for text in shown)
    assert "central differences: smallest error 3.4e−13, at h = 7.6e−6." in told(figure)


@pytest.mark.parametrize("factor", [1 + 1e-3, 1 + 1e-5, 1 + 1e-7, -1.0, 0.5])
def test_a_wrong_gradient_has_a_floor(factor):
    line = pieces(sweep(ag.exp, 1.0), math.e * factor)
    level = abs(1 - factor) / abs(factor)
    assert 10.0 ** floor(line)[0][1] == pytest.approx(level, rel=0.2)
    shown = texts(vshape(sweep(ag.exp, 1.0), {"right": math.e, "wrong": math.e * factor}))
    assert "the limit is another number" in shown
    assert sum(text.startswith("stays at") for text in shown) == 1


@settings(max_examples=40)
@given(st.sampled_from([ag.sin, ag.exp, ag.tanh, ag.log1p, ag.atan, lambda x: x**3]), st.floats(0.3, 3.0))
def test_no_right_gradient_has_a_floor(f, x):
    assert not floor(pieces(sweep(f, x), ag.grad(f)(x)))


def test_the_powers_of_the_arms_are_measured():
    central, forward = pieces(sweep(ag.exp, 1.0), math.e), pieces(one_sided(math.exp, 1.0), math.e)
    assert truncation(central.points)[0] == 2
    assert truncation(forward.points)[0] == 1
    fourth = pieces([(h, 1.0 + h**4) for h in STEPS[:10]], 1.0)
    assert truncation(fourth.points)[0] == 4
    for line in (central, forward):
        (x1, y1), (x2, y2) = rounding(line.points)
        assert y2 - y1 == pytest.approx(x1 - x2)
        assert all(y <= y1 + x1 - x + 1e-9 for x, y in line.points if x <= x2)
    shown = texts(vshape({"central": sweep(ag.exp, 1.0), "one-sided": one_sided(math.exp, 1.0)}, math.e))
    assert {"as h²", "as h", "central", "one-sided"} <= set(shown)
    assert shown.count("rounding, as 1/h") == 1


def test_quotients_without_an_error_are_rings_at_the_bottom():
    figure = vshape(sweep(lambda x: x * x, 3.0), 6.0)
    assert lines(figure) == {"central differences": (0, 0, 50)}
    assert "no error at all at 50 of 50 steps" in texts(figure)
    mixed = vshape([(1.0, 2.0), (0.5, 1.0), (0.25, 1.5)], 1.0)
    assert lines(mixed) == {"central differences": (0, 2, 1)}
    assert "no error at all at 1 of 3 steps" in texts(mixed)


def test_a_step_without_a_quotient_is_a_gap():
    figure = vshape([(1.0, 2.0), (0.5, 1.5), (0.25, math.nan), (0.125, 1.25), (0.0625, 1.125)], 1.0)
    assert lines(figure) == {"central differences": (2, 4, 0)}


def test_an_entry_of_a_report_brings_its_own_samples_and_error():
    entry = check_gradients(lambda x: ag.tanh(x) * ag.exp(x), 0.7).entries[0]
    figure = vshape(entry)
    assert "the checker, from these steps:" in texts(figure)
    error = f"{entry.error / entry.gradient:.1e}".replace("e-", "e−")
    assert f"error below {error}" in texts(figure)
    assert f"The checker puts the error of its estimate below {error}." in told(figure)
    wide = vshape(sweep(lambda x: ag.tanh(x) * ag.exp(x), 0.7), entry=entry)
    assert "error below " + error in texts(wide)
    data = json.loads(json.dumps(check_gradients(lambda x: ag.tanh(x) * ag.exp(x), 0.7).data()))
    assert vshape(data["entries"][0]).svg == figure.svg


def test_an_entry_without_a_slope_is_drawn_without_its_error():
    entry = check_gradients(ag.relu, 0.0).entries[0]
    assert entry.verdict == "undecidable"
    figure = vshape(entry)
    assert not any("checker" in text for text in texts(figure))
    assert "stays at 1:" in texts(figure)  # one half on both sides together, and the convention says 0


@pytest.mark.parametrize(
    "samples",
    [
        [(1.0, 2.0)],
        [(5e-324, 1e308), (1e308, -1e308)],
        [(1.0, 1.0 + 2**-52), (1e-300, 1.0 - 2**-53)],
        [(1.0, 1e-320), (2.0, -1e-320)],
    ],
)
@pytest.mark.parametrize("gradient", [1.0, 0.0, -1e308, 1e-310])
def test_extremes_stay_inside_the_picture(samples, gradient):
    figure = vshape(samples, gradient)
    assert "nan" not in figure.svg
    assert "inf" not in figure.svg
    for circle in ET.fromstring(figure.svg).iter(f"{SVG}circle"):
        assert 60 <= float(circle.get("cx")) <= 760
        assert 40 <= float(circle.get("cy")) <= 440


def test_a_gradient_of_zero_is_held_against_the_size_of_the_quotients():
    (line,), _ = errors([(1.0, 4.0), (0.5, 4.0), (0.25, 4.0)], 0.0, None)
    assert [y for _, y in line.points] == [0.0, 0.0, 0.0]


@pytest.mark.slow
@given(st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=4))
def test_labels_never_cover_each_other(gaps):
    samples = sweep(ag.exp, 1.0)
    tree = ET.fromstring(vshape(samples, {f"line {i}": math.e * (1 + gap) for i, gap in enumerate(gaps)}).svg)
    boxes = [(float(t.get("x")), float(t.get("y"))) for t in tree.iter(f"{SVG}text")]
    names = [box for box, t in zip(boxes, tree.iter(f"{SVG}text"), strict=True) if "".join(t.itertext())[:4] == "line"]
    assert len(names) == len(gaps)
    for i, (x1, y1) in enumerate(names):
        assert all(abs(y1 - y2) >= 30 or abs(x1 - x2) >= 60 for x2, y2 in names[i + 1 :])
        assert 76 <= x1 <= 700
        assert 80 <= y1 <= 420


def test_a_label_takes_the_nearest_free_place():
    placing = Placing(0, 0, 400, 400)
    placing.block([(0, 200), (400, 200)])
    first = placing.place(200, 200, [("name", 12, True)])
    second = placing.place(200, 200, [("name", 12, True)])
    assert first[1] > 200
    assert second[1] < 200 - 15
    tiny = Placing(0, 0, 10, 10)
    assert tiny.place(5, 5, [("wider than the frame", 12, False)])[0] == 0


@pytest.mark.parametrize("name", ["<script>", "a&\"'", "\x00\u202e", "w1", "名前" * 40])
def test_names_are_escaped(name):
    figure = vshape({name: sweep(ag.sin, 1.0)}, RIGHT, title=name, x_label=name, y_label=name)
    ET.fromstring(figure.svg)
    assert "<script" not in figure.svg
    assert "\x00" not in figure.svg


def test_same_bytes_dark_and_literal_colours():
    first, second = (vshape(sweep(ag.sin, 1.0), RIGHT).svg for _ in range(2))
    assert first == second
    assert "prefers-color-scheme:dark" in first
    assert "var(" not in first
    assert re.search(r'class="s-positive" fill="none" stroke="#', first)


def test_titles_and_labels_can_be_left_out():
    figure = vshape(sweep(ag.sin, 1.0), RIGHT, title="", x_label="", y_label="")
    assert not {"step h", "relative error", "The error of finite differences"} & set(texts(figure))
    assert ET.fromstring(figure.svg).findtext(f"{SVG}title") == "The error of finite differences"


def test_bad_input():
    samples = sweep(ag.sin, 1.0)
    with pytest.raises(TypeError, match=r"needs the gradient to hold the quotients against: vshape\(sweep\(f, x\), f_"):
        vshape(samples)
    with pytest.raises(TypeError, match=r"vshape takes the samples that sweep\(f, x\) returns; got int"):
        vshape(3, 1.0)
    with pytest.raises(TypeError, match=r"sample 0 is no pair of a step and a quotient: 3"):
        vshape([3], 1.0)
    with pytest.raises(ValueError, match=r"sample 1 has the step 0\.0; steps are positive"):
        vshape([(1.0, 1.0), (0.0, 1.0)], 1.0)
    with pytest.raises(TypeError, match="the gradient is a number; got str"):
        vshape(samples, "steep")
    with pytest.raises(ValueError, match="the gradient is nan: there is no error to draw"):
        vshape(samples, math.nan)
    with pytest.raises(ValueError, match="'central differences' has no finite quotient to draw"):
        vshape([(1.0, math.nan)], 1.0)
    with pytest.raises(ValueError, match="must have the same names, in order; got a and b"):
        vshape({"a": samples}, {"b": 1.0})
    with pytest.raises(ValueError, match="draws 1 to 4 lines, not 5"):
        vshape(samples, {str(i): 1.0 for i in range(5)})
    with pytest.raises(ValueError, match="draws 1 to 4 lines, not 0"):
        vshape({}, 1.0)
    with pytest.raises(TypeError, match="the name of a line is text, not 1"):
        vshape({1: samples}, 1.0)
    with pytest.raises(TypeError, match="an entry of a report has 'error'; Report has none"):
        vshape(samples, RIGHT, entry=check_gradients(ag.sin, 1.0))
