"""Headless Chromium opens the boxes of a saved gradient graph. Skips where there is no Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import chromium
from support.chromium import Chromium
from support.large_graphs import figure5_batch, network
from support.viz_graphs import figure5

import viz
from viz.markup import number

pytestmark = pytest.mark.full
if chromium.find() is None:
    pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)", allow_module_level=True)

TITLE = "[...document.querySelectorAll('#trail li')].map(li => li.textContent)"
CARDS = "[...document.querySelectorAll('#view g[data-to]')]"


@pytest.fixture(scope="module")
def started() -> Iterator[Chromium]:
    with Chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    viz.draw(network([2, 16, 16, 1]), title="net").save(folder / "net.html")
    viz.draw(figure5_batch(160), title="batch").save(folder / "batch.html")
    viz.draw(network([10, *[64] * 6, 1]), title="deep").save(folder / "deep.html")
    return folder


@pytest.fixture
def browser(started: Chromium) -> Iterator[Chromium]:
    started.size(1200, 900)
    started.media(prefers_color_scheme="light")
    yield started
    assert started.errors == []
    assert [url for url in started.requests if not url.startswith("file:")] == []


def trail(browser: Chromium) -> Any:
    return browser.run(TITLE)


def card(words: str) -> str:
    return f"{CARDS}.find(g => g.getAttribute('aria-label').startsWith({words!r}))"


def test_a_click_opens_a_box_and_the_trail_leads_back(browser: Chromium, pages: Path):
    browser.open(pages / "net.html")
    assert trail(browser) == ["net"]
    assert browser.run(f"{CARDS}.length") == 32
    browser.click(card("Open layer2.n3:"))
    browser.wait(f"{TITLE}.length === 2")
    assert trail(browser) == ["net", "layer2.n3"]
    assert browser.run("document.querySelector('#news').textContent") == "layer2.n3, 19 values"
    assert browser.run("document.querySelectorAll('#view svg').length") == 1
    assert "Inside layer2.n3" in browser.run("document.querySelector('#view').textContent")
    browser.click("document.querySelector('#trail a')")
    browser.wait(f"{TITLE}.length === 1")
    assert browser.run("document.activeElement.getAttribute('aria-label')") == "Open layer2.n3: 19 values"


def test_the_keyboard_is_enough(browser: Chromium, pages: Path):
    browser.open(pages / "deep.html")
    for _ in range(40):
        browser.press("Tab")
        if browser.run("document.activeElement.matches('g[data-to]')"):
            break
    assert browser.run("document.activeElement.getAttribute('aria-label')") == "Open layer1: 832 values"
    browser.press("Enter")
    browser.wait(f"{TITLE}.length === 2")
    assert browser.run("document.activeElement.id") == "view"
    browser.run(f"{CARDS}.at(-1).focus()")
    browser.press(" ")
    browser.wait(f"{TITLE}.length === 3")
    assert trail(browser) == ["deep", "layer1", "n₁ … n₆₄ × 64"]
    browser.run("document.querySelector('button[data-to]').focus()")
    browser.press("Enter")
    browser.wait(f"{TITLE}.length === 4")
    assert trail(browser)[-1] == "n1"
    for n in (3, 2, 1):
        browser.press("Escape")
        browser.wait(f"{TITLE}.length === {n}")
    assert browser.run("document.activeElement.getAttribute('aria-label')") == "Open layer1: 832 values"
    browser.press("Escape")
    assert trail(browser) == ["deep"]


def test_the_browsers_own_way_back_and_forth(browser: Chromium, pages: Path):
    browser.open(pages / "net.html")
    browser.click(card("Open layer1.n1:"))
    browser.wait(f"{TITLE}.length === 2")
    browser.run("history.back()")
    browser.wait(f"{TITLE}.length === 1")
    browser.run("history.forward()")
    browser.wait(f"{TITLE}.length === 2")
    browser.run("location.hash = 'view-99999'")
    browser.wait(f"{TITLE}.length === 1")


def test_a_stack_opens_as_a_table_of_the_engines_numbers(browser: Chromium, pages: Path):
    root = figure5_batch(160)
    browser.open(pages / "batch.html")
    browser.click(card("Open L × 160"))
    browser.wait(f"{TITLE}.length === 2")
    cells = browser.run("[...document.querySelectorAll('#view td:nth-child(3) span')].map(s => s.textContent)")
    assert cells == [number(loss.data, 4) for loss in root.operands]
    exact = browser.run("[...document.querySelectorAll('#view td:nth-child(4) span')].map(s => Number(s.title))")
    assert exact == [loss.grad for loss in root.operands]


def test_dark_light_phone_and_fit(browser: Chromium, pages: Path):
    browser.open(pages / "net.html")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    browser.media(prefers_color_scheme="dark")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(14, 19, 26)"
    assert browser.run("getComputedStyle(document.querySelector('#view .f-page')).fill") == "rgb(14, 19, 26)"
    browser.click(card("Open layer1.n2:"))
    browser.wait(f"{TITLE}.length === 2")
    assert browser.run("getComputedStyle(document.querySelector('#view .f-page')).fill") == "rgb(14, 19, 26)"
    browser.size(390, 800, mobile=True)
    assert browser.run("document.documentElement.scrollWidth") <= 390  # the picture scrolls, not the page
    browser.click("document.querySelector('#fit')")
    assert browser.run("document.querySelector('#fit').getAttribute('aria-pressed')") == "true"
    assert browser.run("document.querySelector('#view svg').getBoundingClientRect().width") <= 390


def test_buttons_are_not_hidden_in_an_image(browser: Chromium, pages: Path):
    browser.open(pages / "net.html")
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    names = [n["name"]["value"] for n in nodes if n.get("role", {}).get("value") == "button" and not n["ignored"]]
    assert "Open layer1.n1: 5 values" in names
    assert "Fit to window" in names


def test_without_scripts_the_picture_is_there(browser: Chromium, tmp_path: Path):
    viz.draw(figure5()).save(tmp_path / "x.html")
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(tmp_path / "x.html")
        assert browser.run("document.querySelectorAll('#trail li').length") == 0  # nothing ran
        assert browser.run("document.querySelector('main svg').getBoundingClientRect().width") > 1000
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
