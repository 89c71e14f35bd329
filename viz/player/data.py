"""A walk as data: names and numbers from which player.js composes every state, and the pictures of the final one.

Of the numbers only data and local derivatives are kept. Upstream gradients, contributions and sums are products and
sums of these in a fixed order, so the player computes them again and gets the same floats, bit for bit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autograd import Value
from viz import layout, svg
from viz.derivation import tight
from viz.naming import applied
from viz.network import network
from viz.network_plan import plan as network_plan
from viz.neurons import Network, find_network
from viz.scene import Scene, build, in_order
from viz.steps import GRAINS, Plan, value_slots

if TYPE_CHECKING:
    from viz.stepper import Stepper

__all__ = ["Walk", "to_script", "walk_of"]

MOST_CARDS, FOLDED_CARDS = 300, 90
"""Graphs of more values than the first are folded, as in draw, but to fewer cards: they are watched, not studied."""

MOST_LINKS = 400
"""A network with more weights is not shown beside the graph: at that size it cannot be read."""

_LONGEST_RULE, _MOST_RULES = 60, 64
"""Rules that are longer, or of nodes with more operands, are not written out."""


@dataclass(frozen=True)
class Walk:
    """What a page is made of: the pictures as SVG text ("" where there is none) and the data, ready for JSON."""

    title: str
    picture: str
    network: str
    data: dict[str, Any]


def walk_of(stepper: Stepper) -> Walk:
    """The walk of a stepper.

    Raises:
        ValueError: a note for a value that the graph does not have.
        StaleGraphError: data was edited after the forward pass.
    """
    made = stepper.plan
    nodes = made.graph.nodes
    place = {id(v): i for i, v in enumerate(nodes)}
    data = _numbers(made, place)
    coarse = [grain for grain in GRAINS if grain != "edge"]  # of that grain, each step is a stage by itself
    stops = {grain: [stage.stop for stage in made.at(grain).stages] for grain in coarse}
    data |= {"grain": made.grain, "position": stepper.position, "digits": made.digits, "stops": stops}
    picture = net_picture = ""
    with made.final_gradients():
        try:
            limit = MOST_CARDS if len(nodes) <= MOST_CARDS else FOLDED_CARDS
            scene = build(made.root, title=stepper.title, notes=stepper.notes, max_cards=limit)
        except ValueError as error:
            if str(error).startswith("notes:"):
                raise
            title = stepper.title or f"Gradient of {made.names.of(made.root).text}"
            data["unreadable"] = str(error)
        else:
            layout.place(scene)
            picture, title = svg.render(scene), scene.title
            data |= _scene_data(scene, made, place)
        try:
            net = find_network(made.root, nodes)
            if len(net.links) <= MOST_LINKS:
                net_picture = network(made.root, title="", notes=stepper.notes).svg
                data["net"] = _network_data(net, place)
        except ValueError:
            pass  # no neurons, or too many: the graph is shown alone
    data["title"] = title
    return Walk(title, picture, net_picture, data)


def _numbers(made: Plan, place: dict[int, int]) -> dict[str, Any]:
    nodes, names = made.graph.nodes, made.names
    called = [names.of(v).text for v in nodes]
    scopes = {scope: i for i, scope in enumerate(dict.fromkeys(made.graph.scopes))}
    expressions = [
        "" if v.is_leaf or len(v.operands) > 40 else applied(v, [names.operand(x) for x in v.operands]).text
        for v in nodes
    ]
    rules: dict[str, int] = {"": 0}
    back: list[Any] = []
    kinds = [step.kind for step in made.steps]
    for step in made.steps:
        if step.operand is None:
            continue
        rule = rules.setdefault(_rule(made, step.node, step.slot), len(rules))
        back += [place[id(step.node)], place[id(step.operand)], _plain(step.local), rule]
    updates = [step for step in made.steps if step.kind == "update"]
    return {
        "root": place[id(made.root)],
        "names": called,
        "open": [i for i, name in enumerate(called) if tight(name) != name],
        "values": [_plain(v.data) for v in nodes],
        "leaves": [i for i, v in enumerate(nodes) if v.is_leaf],
        "expressions": expressions,
        "scopes": [".".join(scope) for scope in scopes],
        "scope": [scopes[scope] for scope in made.graph.scopes],
        "forward": "forward" in kinds,
        "back": back,
        "rules": list(rules),
        "updates": [place[id(step.node)] for step in updates],
        "rate": _plain(updates[0].local) if updates else None,
    }


def _rule(made: Plan, v: Value, slot: int) -> str:
    """The local derivative as the operation's rule writes it, "" where that is too long to be read."""
    if len(v.operands) > _MOST_RULES:
        return ""
    position = value_slots([v])[id(v)][slot]
    rule = made.names.partial(v, position)
    return rule.text if rule is not None and len(rule.text) <= _LONGEST_RULE else ""


def _scene_data(scene: Scene, made: Plan, place: dict[int, int]) -> dict[str, Any]:
    """Which cards and edges show which nodes and steps."""
    here = [place[id(v)] for v in in_order(made.root)]
    card = [0] * len(here)
    for i, one in enumerate(scene.cards):
        for j in one.members:
            card[here[j]] = i
    number: dict[tuple[int, int], int] = {}
    seen: dict[int, int] = {}
    slots = value_slots(made.graph.nodes)
    for k, step in enumerate(step for step in made.steps if step.kind == "backward"):
        node = step.node
        at = seen.get(id(node), 0)
        seen[id(node)] = at + 1
        number[place[id(node)], slots[id(node)][at]] = k
    return {
        "card": card,
        "cards": [[one.kind, one.label, *(here[j] for j in one.outputs)] for one in scene.cards],
        "edges": [[e.source, e.target, *(number[here[i], slot] for i, slot in e.parts)] for e in scene.edges],
        "largest": [_plain(scene.largest_grad), _plain(scene.largest_flow)],
    }


def _network_data(net: Network, place: dict[int, int]) -> dict[str, Any]:
    """Which circles and lines of the network diagram show which nodes."""
    known = [link.weight for link in net.links] + [unit.bias for unit in net.units]
    outputs = [unit.nodes[0] for unit in net.units if len(unit.nodes) == 1 and not unit.is_input]
    return {
        "links": [[link.source, link.target, _at(link.weight, place)] for link in net.links],
        "units": [
            [unit.name if not unit.is_input else "", _at(unit.bias, place), *(place[id(v)] for v in unit.nodes)]
            for unit in net.units
        ],
        "widths": list(network_plan(net, "").style.widths),
        "largest": [_largest([v for v in known if v is not None]), _largest(outputs)],
    }


def _at(v: Value | None, place: dict[int, int]) -> int:
    return -1 if v is None else place[id(v)]


def _largest(values: Sequence[Value]) -> float | int | str:
    return _plain(max((abs(v.grad) for v in values if math.isfinite(v.grad)), default=0.0))


def _plain(x: float) -> float | int | str:
    """A number as JSON has it, as short as it goes: 1.0 is 1; what JSON lacks is text, for JavaScript's Number()."""
    if not math.isfinite(x):
        return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"
    return int(x) if x == int(x) and abs(x) < 2**53 and (x or math.copysign(1.0, x) > 0) else x


def to_script(data: object) -> str:
    """JSON that can stand inside a script element: no character in it ends the element, the line or the text."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
