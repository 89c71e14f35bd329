"""Every page allows its one script, by hash, and nothing else; what it costs grows with its graph."""

import base64
import hashlib
import re
import sys

import pytest
from support.hostile import hostile
from support.viz_graphs import figure5, mlp

import autograd as ag
import viz
from autograd import Value

GRAPHS = {
    "figure 5": figure5,
    "hostile": hostile,
    "network": lambda: mlp([2, 3, 1]),
    "one": lambda: Value(1.0, "x") * 2.0,
}
PAGES = {
    "walk": lambda root, path: viz.step(root).save(path),
    "walk, forward": lambda root, path: viz.step(root, forward=True, learning_rate=0.1).save(path),
    "picture": lambda root, path: viz.draw(root).save(path),
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("graph", GRAPHS)
def test_the_policy_allows_the_one_script_and_nothing_else(tmp_path, page, graph):
    path = tmp_path / "page.html"
    PAGES[page](GRAPHS[graph](), path)
    text = path.read_bytes().decode("utf-8")
    assert "\r" not in text
    scripts = re.findall(r"<script\b([^>]*)>(.*?)</script>", text, re.S)
    assert len(scripts) == len(re.findall("<script", text)) == 1
    assert scripts[0][0] == ""
    policies = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', text)
    assert len(policies) == 1
    assert text.index("Content-Security-Policy") < text.index("<style>") < text.index("<script")
    rules = dict(rule.split(" ", 1) for rule in policies[0].split("; "))
    digest = base64.b64encode(hashlib.sha256(scripts[0][1].encode()).digest()).decode()
    assert rules == {
        "default-src": "'none'",
        "script-src": f"'sha256-{digest}'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def work(function) -> int:
    count = 0

    def local(frame, event, argument):
        nonlocal count
        frame.f_trace_opcodes = True
        count += 1
        return local

    before = sys.gettrace()
    sys.settrace(local)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


WIDE = {
    "sum": lambda n: ag.sum([Value(float(i)) for i in range(n)]),
    "dot": lambda n: ag.dot([Value(1.0) for _ in range(n)], [2.0] * n),
    "scope": lambda n: Value(1.0, "a." * n + "x") * Value(2.0, "a." * n + "y"),
    "chain of scopes": lambda n: ag.exp(Value(1.0, ".".join(f"s{i}" for i in range(n)))),
}
USES = {
    "html": lambda root, path: viz.step(root).save(path / "w.html"),
    "svg": lambda root, path: viz.step(root, grain="node").save(path / "w.svg"),
    "draw": lambda root, path: viz.draw(root).save(path / "d.html"),
    "explain": lambda root, path: str(viz.explain(root, root.operands[0])),
}


@pytest.mark.slow
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("kind", WIDE)
def test_twice_as_wide_costs_twice_the_work(tmp_path, kind, use):
    once, twice = (WIDE[kind](n) for n in (700, 1400))
    USES[use](once, tmp_path)  # what is cached, is cached
    assert work(lambda: USES[use](twice, tmp_path)) < 2.4 * work(lambda: USES[use](once, tmp_path)) + 20_000
