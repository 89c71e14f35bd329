"""Colours: contrast, order, the style sheet."""

from __future__ import annotations

import math

import pytest

from viz.palette import DARK, LIGHT, STEPS, level, paint, share, style_sheet, text, tint, tone


def luminance(colour: str) -> float:
    """WCAG 2.1, relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


TINTS = ["zero", "card", "chip", "page", "scope", "scope2", "odd_tint"]
TINTS += [f"{sign}{i}" for sign in "pn" for i in range(1, STEPS + 1)]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_every_tint(theme):
    for ground in TINTS:
        for ink in ("ink", "muted", "positive_ink", "negative_ink", "odd_ink"):
            assert contrast(theme[ink], theme[ground]) >= 4.5, (ink, ground)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_lines_can_be_seen(theme):
    for line in ("positive", "negative", "odd"):
        for ground in ("page", "scope", "scope2", "card"):
            assert contrast(theme[line], theme[ground]) >= 3
    assert contrast(theme["neutral"], theme["page"]) >= 2


def test_both_themes_have_the_same_colours():
    assert LIGHT.keys() == DARK.keys()
    assert all(len(c) == 7 and c[0] == "#" for theme in (LIGHT, DARK) for c in theme.values())


def test_signs_differ_for_the_colour_blind():
    """Blue and orange keep apart where red or green cones are missing: they differ along blue to yellow."""
    for theme in (LIGHT, DARK):
        for a, b in (("positive", "negative"), (f"p{STEPS}", f"n{STEPS}")):
            blueness = [int(theme[c][5:], 16) - (int(theme[c][1:3], 16) + int(theme[c][3:5], 16)) / 2 for c in (a, b)]
            assert blueness[0] - blueness[1] > 60


def test_sizes_are_square_root_scaled():
    assert share(0.25, 1.0) == 0.5
    assert share(-0.01, 1.0) == pytest.approx(-0.1)
    assert share(0.0, 1.0) == 0
    assert share(math.nan, 1.0) == 0
    assert share(math.inf, 1.0) == 1
    assert share(-math.inf, 0.0) == -1
    assert share(5.0, 1.0) == 1
    assert level(1e-300, 1.0) == 1
    assert level(-1e-300, 1.0) == -1
    assert level(0.0, 1.0) == 0
    assert level(1.0, 1.0) == STEPS


def test_tints_and_tones():
    assert tint(None, 1.0) == "card"
    assert tint(0.0, 1.0) == "zero"
    assert tint(math.nan, 1.0) == "odd_tint"
    assert tint(1.0, 1.0) == f"p{STEPS}"
    assert tint(-0.25, 1.0) == "n5"
    assert [tone(x) for x in (None, 0.0, 1.0, -1.0, math.nan)] == ["neutral", "neutral", "positive", "negative", "odd"]
    assert tone(None, ink=True) == "muted"
    assert tone(-1.0, ink=True) == "negative_ink"


def test_the_style_sheet_holds_what_is_used_and_no_variables():
    markup = f"<rect {paint('p3', 'line')}/>" + text(0, 0, "a", colour="muted")
    assert f'fill="{LIGHT["p3"]}"' in markup
    assert f'stroke="{LIGHT["line"]}"' in markup
    css = style_sheet(markup)
    assert "prefers-color-scheme:dark" in css
    assert '[data-theme="dark"]' in css
    assert '[data-theme="light"]' in css
    assert ".f-p3{fill:" + DARK["p3"] in css
    assert ".s-line{stroke:" + DARK["line"] in css
    assert ".f-muted" in css
    assert "f-p4" not in css
    assert "var(" not in css
    assert css.count("{") == css.count("}")
