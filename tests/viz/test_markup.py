"""Escaping, numbers, labels and widths."""

from __future__ import annotations

import doctest
import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viz import markup
from viz.markup import element, escape, fit, isolate, label, number, scope_of, subscript, text_width, tspans, visible


def test_doctests():
    assert doctest.testmod(markup).failed == 0


@pytest.mark.parametrize(
    ("x", "shown"),
    [
        (0.0, "0"), (-0.0, "−0"), (math.nan, "nan"), (math.inf, "∞"), (-math.inf, "−∞"), (1e300, "1e300"),
        (1e-300, "1e−300"), (-1.5e-300, "−1.5e−300"), (178, "178"), (99999.0, "99999"), (100000.0, "1e5"),
        (123456.0, "1.23e5"), (0.446, "0.446"), (0.05094, "0.0509"), (-2.5e-5, "−2.5e−5"), (1 / 3, "0.333"),
        (71.26, "71.3"), (1234.6, "1235"), (0.9999, "1"), (5e-324, "4.94e−324"), (True, "1"),
    ],
)  # fmt: skip
def test_numbers(x, shown):
    assert number(x) == shown


@given(st.floats(-1e308, 1e308))
def test_numbers_are_within_their_digits(x):
    shown = number(x)
    assert len(shown) <= 10
    assert float(shown.replace("−", "-")) == pytest.approx(x, rel=6e-3)


@pytest.mark.parametrize(
    ("name", "shown", "scope"),
    [
        ("w1", "w₁", ()), ("h1.w12", "w₁₂", ("h1",)), ("layer1.n2.b", "b", ("layer1", "n2")), ("w_3", "w₃", ()),
        ("ŷ", "ŷ", ()), ("x12345", "x12345", ()), ("12", "12", ()), ("a.b.", "a.b.", ()), ("", "", ()), (".", ".", ()),
        ("..x", "x", ()), ("σ1", "σ₁", ()), ("<script>", "<script>", ()), (" ", "␠", ()), ("a\nb", "a␊b", ()),
    ],
)  # fmt: skip
def test_labels_and_scopes(name, shown, scope):
    assert label(name) == shown
    assert scope_of(name) == scope


def test_what_cannot_be_seen_is_made_visible():
    assert visible("\x00\t\n\x1f\x7f") == "␀␉␊␟␡"
    assert visible("\x85\ud800\ufffe\uffff\ufdd0") == "\ufffd" * 5
    assert visible("a\u202eb\u200b") == "a‹U+202E›b‹U+200B›"
    assert visible("می\u200cخواهم") == "می\u200cخواهم"
    assert visible("   ") == "␠␠␠"
    assert visible("") == ""


@given(st.text())
def test_any_text_survives_xml(text):
    markup_text = f"<t>{escape(text)}</t>"
    assert ET.fromstring(markup_text.encode()).text == (visible(text) or None)
    assert ET.fromstring(element("t", a=text).encode()).attrib["a"] == visible(text)


@given(st.text(), st.floats(4, 20))
def test_tspans_keep_the_text(text, size):
    read = "".join(ET.fromstring(f"<t>{tspans(subscript(text), size)}</t>".encode()).itertext())
    plain = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
    assert read == visible(subscript(text)).translate(plain)


def test_right_to_left_names_are_isolated_in_formulas():
    assert isolate("w1") == "w1"
    inside = isolate("שלום")
    assert inside == "\u2068שלום\u2069"
    assert escape(inside) == inside
    assert visible(inside) != inside  # as a part of a user's name the marks are shown


@given(st.text(max_size=60), st.floats(10, 200), st.sampled_from([10.0, 14.0]))
def test_what_fits_fits(text, width, size):
    cut = fit(text, width, size)
    assert cut == text or cut.endswith("…")
    if cut not in (text, "…"):
        assert text_width(cut, size) <= width + 1e-9


def test_a_cut_does_not_part_letters_from_their_marks():
    assert fit("e\u0301" * 20, 40, 12).removesuffix("…").endswith("e\u0301")


def test_an_enormous_text_is_cut_at_once():
    assert len(fit("x" * 10_000_000, 100, 12)) < 30


def test_elements():
    assert element("rect", x=1.04, y=-0.01, fill_opacity="a<b", z=None) == '<rect x="1" y="0" fill-opacity="a&lt;b"/>'
    assert element("g", "<b/>", class_="c") == '<g class="c"><b/></g>'
