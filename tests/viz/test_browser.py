"""Headless Chromium drives the saved page and a page that nbconvert made. Skips where there is no Chromium."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import chromium
from support.chromium import Chromium
from support.hostile import HOSTILE, hostile
from support.viz_graphs import figure5, mlp

from autograd import Value
from viz.markup import number
from viz.naming import decimal
from viz.player import notebook_html
from viz.player.data import walk_of
from viz.stepper import Stepper, step
from viz.steps import GRAINS, Plan, plan

pytestmark = pytest.mark.full
if chromium.find() is None:
    pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)", allow_module_level=True)

HOST = "document.querySelector('[class^=glassgrad]')"
ROOT = f"{HOST}.shadowRoot"
PLAYER = f"{HOST}.glassgrad"
NAMES = f"[...{ROOT}.querySelectorAll('.stage [data-card] title')].map(t => t.textContent.split('\\n')[0])"


@pytest.fixture(scope="module")
def started() -> Iterator[Chromium]:
    with Chromium() as browser:
        browser.call("Network.setBlockedURLs", urls=["http://*", "https://*"])
        yield browser


@pytest.fixture
def browser(started: Chromium) -> Iterator[Chromium]:
    started.size(1200, 900)
    started.media(prefers_color_scheme="light", prefers_reduced_motion="reduce")
    started.call("Emulation.setScriptExecutionDisabled", value=False)
    yield started
    assert started.errors == []


def show(browser: Chromium, stepper: Stepper, folder: Path) -> None:
    path = folder / "walk.html"
    stepper.save(path)
    browser.open(path)


def position(browser: Chromium) -> Any:
    return browser.run(f"{PLAYER}.position")


def focus(browser: Chromium, selector: str = ".p") -> None:
    browser.run(f"{ROOT}.querySelector({json.dumps(selector)}).focus()")


def square() -> Value:
    x = Value(3.0, "x")
    z = x * x + 2 * x
    z.name = "z"
    return z


# -- the numbers are the engine's ------------------------------------------------------------------------------------

WALK = """(() => {
  const host = document.querySelector('[class^=glassgrad]'), player = host.glassgrad, root = host.shadowRoot, out = [];
  for (let k = 0; k <= player.length; k++) {
    player.go(k);
    const cards = [...root.querySelectorAll('.stage [data-card]')].map(g => [
      g.querySelector('[data-part=data]')?.textContent, g.querySelector('[data-part=grad]')?.textContent,
      g.querySelector('title').textContent]);
    out.push({cards, said: root.querySelector('.words').textContent,
      exact: [...root.querySelectorAll('.formula .row:first-of-type b.n')].map(b => b.title),
      rows: [...root.querySelectorAll('.row')].map(r => [...r.querySelectorAll('b.n')].map(b => b.title)),
      text: k ? player.text(k) : '', words: k ? player.words(k) : '', title: k ? player.title(k) : ''});
  }
  return out;
})()"""


def known_after(made: Plan, count: int) -> tuple[dict[int, float], dict[int, float]]:
    """Gradients and data by id, after so many steps."""
    gradients: dict[int, float] = {}
    forward = [s.node for s in made.steps if s.kind == "forward"]
    data = {id(v): v.data for v in made.graph.nodes if not any(v is w for w in forward)}
    for s in made.steps[:count]:
        if s.kind in ("seed", "backward"):
            gradients[id(s.node if s.operand is None else s.operand)] = s.after
        else:
            data[id(s.node)] = s.after
    return gradients, data


@pytest.mark.parametrize("make", [figure5, square, lambda: mlp([2, 3, 2, 1]), hostile])
@pytest.mark.parametrize("grain", GRAINS)
def test_every_step_says_and_shows_the_engine_s_numbers(browser, tmp_path, make, grain):
    root = make()
    stepper = step(root, grain=grain, forward=True, learning_rate=0.5)
    made = stepper.plan
    show(browser, stepper, tmp_path)
    seen = browser.run(WALK)
    assert len(seen) == len(stepper) + 1
    shows = [card[2:] for card in walk_of(stepper).data["cards"]]
    for k, state in enumerate(seen):
        if k:
            stage = made.stages[k - 1]
            assert (state["text"], state["words"], state["title"]) == (stage.text, stage.words, stage.title)
            if len(stage.steps) == 1 and stage.steps[0].kind == "backward":
                s = stage.steps[0]
                assert [float(x) for x in state["rows"][0]] == [s.before, s.local, s.upstream, s.after]
        gradients, data = known_after(made, made.stages[k - 1].stop if k else 0)
        assert len(state["cards"]) == len(shows)
        for (value, gradient, tip), nodes in zip(state["cards"], shows, strict=True):
            v = made.graph.nodes[nodes[0]]
            assert len(nodes) == 1  # nothing is folded here
            assert gradient == (number(gradients[id(v)]) if id(v) in gradients else "–")
            assert value == (None if v.is_leaf and not v.name else number(data[id(v)]) if id(v) in data else "–")
            exact = [line.split()[-1] for line in tip.split("\n") if line.startswith("gradient ")]
            if id(v) in gradients:
                assert [float(x) for x in exact] == [gradients[id(v)]]


def test_gradients_that_are_no_numbers(browser, tmp_path):
    x, y = Value(math.inf, "x"), Value(-2.0, "y")
    stepper = step(x * y - x, digits=3)  # 0 * inf and inf - inf on the way back
    show(browser, stepper, tmp_path)
    seen = browser.run(WALK)
    assert [(s["text"], s["words"]) for s in seen[1:]] == [(s.text, s.words) for s in stepper.plan.stages]
    assert "∞" in [gradient for _, gradient, _ in seen[-1]["cards"]]


def test_numbers_are_printed_as_python_prints_them(browser, tmp_path):
    show(browser, step(square()), tmp_path)
    rng = random.Random(5)
    xs = [0.125, 0.0625, 12.03125, 2.5, 1e21, 1e22, 5e-324, 1.7976931348623157e308, 99999.4, 99999.5, 9999.5, -9999.5]
    xs += [0.0, -0.0, 1.0, -1.0, 100.0, 123456.0, 1e5, 1e-5, 0.00012345, 999.95, 1000.5, 1234.5, -0.00099995, 1e300]
    xs += [math.ldexp(rng.randrange(1, 4000) * 2 + 1, -rng.randrange(1, 16)) for _ in range(400)]  # ties
    xs += [rng.uniform(-1, 1) * 10.0 ** rng.randrange(-12, 12) for _ in range(400)]
    for digits in (2, 3, 4, 6, 17):
        both = f"x => [{PLAYER}.number(x, {digits}), {PLAYER}.decimal(x, {digits})]"
        printed = browser.run(f"JSON.parse({json.dumps(json.dumps(xs))}).map({both})")
        for x, (pretty, plain) in zip(xs, printed, strict=True):
            assert pretty == number(x, digits), x
            assert plain.replace("-0", "0", plain == "-0") == decimal(x, digits), x
    special = browser.run(f"[Infinity, -Infinity, NaN].map(x => [{PLAYER}.number(x), {PLAYER}.decimal(x, 4)])")
    assert special == [["∞", "inf"], ["−∞", "-inf"], ["nan", "nan"]]


# -- controls --------------------------------------------------------------------------------------------------------


def test_buttons(browser, tmp_path):
    stepper = step(figure5())
    show(browser, stepper, tmp_path)
    for action, place in [("next", 1), ("next", 2), ("back", 1), ("last", 22), ("next", 22), ("first", 0), ("back", 0)]:
        browser.click(f"{ROOT}.querySelector('[data-a={action}]')")
        assert position(browser) == place
    assert browser.run(f"{ROOT}.querySelector('output').textContent") == "0 / 22"


def test_keyboard_alone(browser, tmp_path):
    show(browser, step(figure5()), tmp_path)
    browser.press("Tab")
    assert browser.run(f"{ROOT}.activeElement.className") == "p"
    for key, place in [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 22), ("Home", 0)]:
        browser.press(key)
        assert position(browser) == place
    browser.press(" ")
    assert browser.run(f"{ROOT}.querySelector('[data-a=play]').getAttribute('aria-label')") == "pause"
    browser.press(" ")
    assert browser.run(f"{ROOT}.querySelector('[data-a=play]').getAttribute('aria-label')") == "play"


def test_keyboard_reaches_the_cards(browser, tmp_path):
    show(browser, step(figure5()), tmp_path)
    focus(browser, "[data-card][tabindex='0']")
    before = browser.run(f"{ROOT}.activeElement.dataset.card")
    browser.press("ArrowUp")
    assert browser.run(f"{ROOT}.activeElement.dataset.card") == str(int(before) - 1)
    assert browser.run(f"{ROOT}.querySelectorAll('.stage .way').length") > 0
    browser.press("Enter")
    assert position(browser) > 0


def test_play_goes_to_the_end_and_begins_again(browser, tmp_path):
    show(browser, step(square()), tmp_path)
    browser.run(f"{ROOT}.querySelector('select').value = 90")
    browser.click(f"{ROOT}.querySelector('[data-a=play]')")
    browser.wait(f"{PLAYER}.position === 6")
    assert browser.run(f"{ROOT}.querySelector('[data-a=play]').getAttribute('aria-label')") == "play"
    browser.click(f"{ROOT}.querySelector('[data-a=play]')")
    assert position(browser) < 6
    browser.wait(f"{PLAYER}.position === 6")


def test_slider(browser, tmp_path):
    show(browser, step(figure5()), tmp_path)
    focus(browser, "input[type=range]")
    browser.press("ArrowRight")
    browser.press("ArrowRight")
    assert position(browser) == 2
    browser.press("End")
    assert position(browser) == 22
    assert "step 22 of 22" in browser.run(f"{ROOT}.querySelector('input[type=range]').getAttribute('aria-valuetext')")


def test_click_on_a_card_goes_where_run_to_goes(browser, tmp_path):
    stepper = step(figure5())
    show(browser, stepper, tmp_path)
    names = browser.run(NAMES)
    for name in ("h1.w1", "h2.b2", "x1", "x1", "x1"):  # x1 has two paths; the third click begins again
        browser.click(f"{ROOT}.querySelector('[data-card=\"{names.index(name)}\"]')")
        try:
            stepper.run_to(name)
        except ValueError:
            stepper.restart()
            stepper.run_to(name)
        assert position(browser) == stepper.position


def test_click_on_the_network_and_on_the_list(browser, tmp_path):
    stepper = step(figure5())
    show(browser, stepper, tmp_path)
    circle = f"[...{ROOT}.querySelectorAll('.net [data-unit]')].find(g => /^h2 /.test(g.textContent))"
    browser.click(f"{circle}.querySelector('circle')")
    stepper.run_to("h2")
    assert position(browser) == stepper.position
    assert browser.run(f"{ROOT}.querySelectorAll('.net .on, .net .from, .net .to').length") > 1
    browser.click(f"{ROOT}.querySelector('.item[data-i=\"2\"]')")
    assert position(browser) == 2


def test_grains_switch_in_the_page_and_keep_the_place(browser, tmp_path):
    root = figure5()
    show(browser, step(root), tmp_path)
    browser.run(f"{PLAYER}.go(22)")
    for grain in ("neuron", "node", "edge"):
        browser.click(f"{ROOT}.querySelector('[data-grain={grain}]')")
        assert browser.run(f"[{PLAYER}.length, {PLAYER}.position]") == [len(plan(root, grain=grain).stages)] * 2
    focus(browser, "[data-grain=edge]")
    browser.press("ArrowRight")
    assert browser.run(f"{PLAYER}.grain") == "node"


def test_marks_of_a_step(browser, tmp_path):
    """The edge and its two nodes are highlighted; what still waits says so."""
    show(browser, step(square()), tmp_path)
    browser.run(f"{PLAYER}.go(4)")
    assert browser.run(f"{ROOT}.querySelectorAll('.stage .edge.on').length") == 1
    assert browser.run(f"{ROOT}.querySelectorAll('.card.from, .card.to').length") == 2
    assert browser.run(f"{ROOT}.querySelector('.status').textContent") == "waiting for 2 more paths"
    browser.run(f"{PLAYER}.go(6)")
    assert browser.run(f"{ROOT}.querySelector('.status').textContent") == "all 3 paths summed"


def test_hovering_a_weight_shows_its_paths(browser, tmp_path):
    show(browser, step(figure5()), tmp_path)
    names = browser.run(NAMES)
    x, y = browser.run(
        f"(b => [b.x + b.width / 2, b.y + b.height / 2])({ROOT}.querySelector('[data-card=\"{names.index('x1')}\"]')"
        ".getBoundingClientRect())"
    )
    browser.hover(x, y)
    assert browser.run(f"{ROOT}.querySelector('.hint').textContent").startswith("x1: 2 paths to L")
    ways = browser.run(f"{ROOT}.querySelectorAll('.stage .card.way').length")
    assert ways == 9  # x1, s1, h1, s2, h2, s3, o1, y - o1, L
    browser.hover(3, 3)
    assert browser.run(f"{ROOT}.querySelectorAll('.way').length") == 0


# -- where it stands -------------------------------------------------------------------------------------------------


def test_hostile_names_run_nothing_and_are_shown(browser, tmp_path):
    show(browser, step(hostile(), forward=True, learning_rate=1.0), tmp_path)
    browser.run("window.alert = () => { window.attacked = true }")
    browser.run(WALK)
    assert browser.run("window.attacked") is None
    shown = browser.run(f"{ROOT}.querySelector('.stage').textContent")
    for name in HOSTILE[:4]:
        assert name in shown
    assert browser.run(f"{ROOT}.querySelectorAll('script, img').length") == 0


def test_nothing_is_loaded(browser, tmp_path):
    show(browser, step(figure5()), tmp_path)
    browser.run(f"{PLAYER}.go(9)")
    assert {url.split(":")[0] for url in browser.requests} <= {"file", "data"}
    assert sum(url.startswith("file:") for url in browser.requests) == 1


def test_without_scripts_the_picture_and_the_table_are_there(browser, tmp_path):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    stepper = step(figure5())
    path = tmp_path / "walk.html"
    stepper.save(path)
    browser.call("Page.navigate", url=path.as_uri())
    browser.wait("document.images.length === 2 && document.images[0].complete")
    assert browser.run(f"{HOST}.shadowRoot") is None
    assert browser.run("document.images[0].naturalWidth") > 600
    assert browser.run("document.querySelectorAll('tbody tr').length") == 22


def test_dark_and_light(browser, tmp_path):
    show(browser, step(figure5()), tmp_path)
    colour = f"getComputedStyle({ROOT}.querySelector('.p')).backgroundColor"
    frame = f"getComputedStyle({ROOT}.querySelector('[data-part=frame]')).fill"
    light = browser.run(f"[{colour}, {frame}]")
    browser.media(prefers_color_scheme="dark", prefers_reduced_motion="reduce")
    dark = browser.run(f"[{colour}, {frame}]")
    assert not set(light) & set(dark)
    browser.run("document.body.dataset.jpThemeLight = 'true'")
    browser.wait(f"{colour} === {json.dumps(light[0])}")
    browser.run("delete document.body.dataset.jpThemeLight; document.documentElement.dataset.theme = 'light'")
    browser.wait(f"{ROOT}.querySelector('.p').dataset.theme === 'light'")
    assert browser.run(f"[{colour}, {frame}]") == light


def test_reduced_motion(browser, tmp_path):
    show(browser, step(figure5()), tmp_path)
    browser.run(f"{PLAYER}.go(5)")
    assert browser.run(f"{ROOT}.querySelector('.stage svg').getAnimations({{subtree: true}}).length") == 0
    browser.media(prefers_color_scheme="light", prefers_reduced_motion="no-preference")
    browser.run(f"{PLAYER}.go(6)")
    assert browser.run(f"{ROOT}.querySelector('.stage svg').getAnimations({{subtree: true}}).length") > 0


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1920, 1080)])
def test_fits_the_screen(browser, tmp_path, width, height):
    browser.size(width, height)
    show(browser, step(figure5(), forward=True, learning_rate=0.5), tmp_path)
    for k in (0, 3, 15, 39):
        browser.run(f"{PLAYER}.go({k})")
        assert browser.run("document.documentElement.scrollWidth") <= width
        parts = f"[...{ROOT}.querySelectorAll('.panel, .controls, header')]"
        assert browser.run(f"{parts}.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.tagName)") == []


def test_names_for_screen_readers(browser, tmp_path):
    show(browser, step(figure5()), tmp_path)
    browser.run(f"{PLAYER}.go(4)")
    tree = browser.call("Accessibility.getFullAXTree")["nodes"]
    named = {(n["role"]["value"], n.get("name", {}).get("value", "")) for n in tree if not n.get("ignored")}
    for wanted in ("button next step", "button play", "slider Step", "listbox Steps", "radio neuron"):
        assert tuple(wanted.split(" ", 1)) in named
    controls = ("button", "slider", "radio", "combobox", "checkbox")
    assert not [role for role, name in named if role in controls and not name]
    assert browser.run(f"{ROOT}.querySelector('.words').getAttribute('aria-live')") == "polite"


def test_a_long_walk_keeps_the_page_small(browser, tmp_path):
    stepper = step(mlp([20, 24, 24, 1]))
    show(browser, stepper, tmp_path)
    assert browser.run(f"{PLAYER}.length") > 2000
    browser.run(f"for (let k = 0; k <= {len(stepper)}; k += 97) {PLAYER}.go(k); {PLAYER}.go({len(stepper)})")
    assert browser.run(f"{ROOT}.querySelectorAll('.item').length") < 60
    assert browser.run(f"{PLAYER}.text({len(stepper)})") == stepper.plan.stages[-1].text


def test_page_made_by_nbconvert(browser, tmp_path):
    """Two steppers, the first displayed twice, in one notebook."""
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbconvert = pytest.importorskip("nbconvert", reason="nbconvert is not installed")
    first, second = notebook_html(step(figure5())), notebook_html(step(square(), grain="node"))
    v4 = nbformat.v4
    shown = [v4.new_output("display_data", {"text/html": html, "text/plain": "..."}) for html in (first, second, first)]
    notebook = v4.new_notebook(cells=[v4.new_code_cell("step(loss)", outputs=[one]) for one in shown])
    body, _ = nbconvert.HTMLExporter(require_js_url="", mathjax_url="").from_notebook_node(notebook)
    path = tmp_path / "notebook.html"
    path.write_text(body, encoding="utf-8")
    browser.open(path)
    every = "[...document.querySelectorAll('[class^=glassgrad]')]"
    assert browser.run(f"{every}.map(h => h.glassgrad.length)") == [22, 4, 22]
    browser.click(f"{every}[2].shadowRoot.querySelector('[data-a=next]')")
    browser.press("ArrowRight")
    assert browser.run(f"{every}.map(h => h.glassgrad.position)") == [0, 0, 2]
    browser.click(f"{every}[1].shadowRoot.querySelector('[data-a=last]')")
    assert browser.run(f"{every}.map(h => h.glassgrad.position)") == [0, 4, 2]
    known = "[...h.shadowRoot.querySelectorAll('.stage [data-part=grad]')].filter(e => e.textContent !== '–')"
    assert browser.run(f"{every}.map(h => {known}.length)") == [0, 4, 2]
    browser.errors[:] = [e for e in browser.errors if "Failed to load" not in e and "BLOCKED" not in e]
