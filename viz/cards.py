"""Cards: what is written on the card of one value, of a chain of +, of a folded scope, of a stack.

Kinds of leaves: a leaf without a name is a ``const``; a named one with a scope ("h1.w1") is a ``param``; a
named one without ("x1") is an ``input``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from viz.folding import Folding, Group
from viz.formula import chip, formula, joined_terms, operand_label, operation
from viz.markup import DASH, fit, label, number, scope_of, subscript, visible
from viz.scopes import Graph, Scope

if TYPE_CHECKING:
    from autograd import Value

__all__ = ["Card", "gradient", "make_card", "outputs_of", "scope_label", "shared_scope", "stack_label"]

_FORMULA_WIDTH, _FORMULA_SIZE = 150.0, 10.0
_FROM_WIDTH = 90.0


@dataclass(slots=True)
class Card:
    """One card. `data` and `grad` are None where there is no single number; `grad` also before any backward
    pass.

    `kind` is "input", "param", "const", "op", "sum", "scope" or "stack"; `rows` the lines of text on it
    (caption, value); `tip` the tooltip. `width`, `height`, `x`, `y` (the card's centre) are the layout's, in
    pixels. `members` are the places of its values in `viz.scene.in_order`, `outputs` those
    among them whose gradients it shows.
    """

    kind: str
    label: str
    chip: str
    scope: Scope
    data: float | None
    grad: float | None
    rows: list[tuple[str, str]]
    formula: str = ""
    note: str = ""
    tip: str = ""
    is_root: bool = False
    named: bool = True
    free_order: bool = False
    width: float = 0.0
    height: float = 0.0
    x: float = 0.0
    y: float = 0.0
    members: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()


def gradient(node: Value) -> float | None:
    """The gradient of a node, None where no backward pass has reached it."""
    return node.grad if node.has_grad else None


def _shown(x: float | None) -> str:
    return DASH if x is None else number(x)


def _span(numbers: Sequence[float | None]) -> str:
    known = [x for x in numbers if x is not None]
    if not known:
        return DASH
    finite = [x for x in known if not math.isnan(x)]
    if not finite:
        return "nan"
    low, high = number(min(finite), 2), number(max(finite), 2)
    return low if low == high else f"{low} … {high}"


def make_card(folding: Folding, key: int, group: Group) -> Card:
    """The card of one group of nodes, without its note."""
    graph = folding.graph
    if group.kind == "scope":
        card = _scope_card(graph, folding, key, group)
    elif group.kind == "stack":
        card = _stack_card(graph, group)
    else:
        return _value_card(graph, group)
    card.free_order = True
    return card


def _value_card(graph: Graph, group: Group) -> Card:
    node = graph.nodes[group.members[-1]]
    grad = gradient(node)
    rows = [("data", number(node.data)), ("grad", _shown(grad))]
    if group.members[-1] in graph.outside:
        text = label(node.name) if node.name else number(node.data) if node.op is None else formula(node)
        where = fit(visible(".".join(scope_of(node.name))), _FROM_WIDTH, 10) if node.name else ""
        card = Card("input", text, where or "outside", group.scope, node.data, grad, rows, named=bool(node.name))
        card.tip = "from outside of this box\n" + _tip(node, card)
        return card
    if node.op is None:
        if not node.name:
            kind, text, rows = "const", number(node.data), rows[1:]
        else:
            kind, text = ("param" if graph.scopes[group.members[-1]] or "." in node.name else "input"), label(node.name)
        card = Card(kind, text, kind, group.scope, node.data, grad, rows)
    else:
        parts = _sum_terms(graph, group) if group.kind == "sum" else None
        wide = joined_terms(parts, _FORMULA_WIDTH, _FORMULA_SIZE) if parts is not None else ""
        wide = wide or formula(node, _FORMULA_WIDTH, _FORMULA_SIZE)
        several = parts is not None or node.op.arity is None
        constants = any(isinstance(x, int | float) for x in node.operands)
        card = Card("sum" if parts else "op", wide, chip(node.op), group.scope, node.data, grad, rows)
        if parts is not None:
            card.chip = "Σ"
        if node.name:
            card.label = label(node.name)
            card.formula = wide if several or constants else ""
        card.named = bool(node.name)
        card.free_order = several or node.op.name in ("add", "mul")
    card.tip = _tip(node, card)
    return card


def _sum_terms(graph: Graph, group: Group) -> list[str]:
    """The terms of a folded chain of +, in the order they are written."""
    inner = {id(graph.nodes[i]) for i in group.members}
    found: list[str] = []
    stack: list[Value | float] = [graph.nodes[group.members[-1]]]
    while stack:
        term = stack.pop()
        if not isinstance(term, int | float) and id(term) in inner:
            stack.extend(reversed(term.operands))
        elif isinstance(term, int | float) and term == 0:
            continue  # the 0 that sum() starts with
        elif len(found) < 9:
            found.append(operand_label(term))
        elif len(found) == 9:
            found.append("…")
    return found


def _tip(node: Value, card: Card) -> str:
    name = visible(node.name) if node.name else card.label
    lines = [name if node.op is None else f"{name} = {card.formula or formula(node)}"]
    lines.append(f"data {float(node.data)!r}")
    lines.append(f"gradient {float(node.grad)!r}" if node.has_grad else "gradient not computed: no backward pass")
    return "\n".join(lines)


def outputs_of(folding: Folding, key: int, group: Group) -> list[int]:
    """The members of a folded scope that are used outside of it, and the root."""
    graph = folding.graph
    outputs = [i for i in group.members if any(folding.group_of[c] != key for c in graph.consumers[i])]
    return outputs + [i for i in group.members if i in graph.roots and i not in outputs]


def _scope_card(graph: Graph, folding: Folding, key: int, group: Group) -> Card:
    count = len(group.members)
    outputs = outputs_of(folding, key, group)
    chip_text = f"⊞ {count}"
    tip = f"{visible(group.name)}: {count:,} values in one card"
    if len(outputs) == 1:
        node = graph.nodes[outputs[0]]
        grad = gradient(node)
        rows = [("data", number(node.data)), ("grad", _shown(grad))]
        text = f"{tip}; its output is {visible(node.name) or formula(node)}\ndata {float(node.data)!r}"
        return Card("scope", scope_label(group.name), chip_text, group.scope, node.data, grad, rows, tip=text)
    nodes = [graph.nodes[i] for i in outputs]
    rows = [("outputs", f"{len(outputs):,}"), ("grad", _span([gradient(node) for node in nodes]))]
    return Card("scope", scope_label(group.name), chip_text, group.scope, None, None, rows, tip=tip)


def scope_label(name: str) -> str:
    """What a box or a folded card is called: the scope's name, its index subscripted."""
    return subscript(visible(name))


def _stack_names(graph: Graph, group: Group) -> list[str]:
    if group.parts[0].kind == "scope":
        return [scope_label(part.name) for part in group.parts]
    faces = [graph.nodes[part.members[-1]] for part in group.parts]
    return [label(node.name) if node.name else formula(node) if node.op else "" for node in faces]


def stack_label(graph: Graph, group: Group) -> str:
    """What a stack is called: by what its cards are called, "n₁ … n₆₀", or what they do, "relu(…)"."""
    unlike = list(dict.fromkeys(_stack_names(graph, group)))
    face = graph.nodes[group.parts[0].members[-1]]
    if len(unlike) == 1:
        return unlike[0] or "values without a name"
    ends = (unlike[0], unlike[-1])
    if face.name or group.parts[0].kind == "scope" or not any("…" in end or len(end) > 9 for end in ends):
        return " … ".join(ends)
    return operation(face)


def _stack_card(graph: Graph, group: Group) -> Card:
    faces = [graph.nodes[part.members[-1]] for part in group.parts]
    names, text = _stack_names(graph, group), stack_label(graph, group)
    rows = [("data", _span([n.data for n in faces])), ("grad", _span([gradient(n) for n in faces]))]
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    tip = f"{len(faces):,} cards in one: {shown}"
    card = Card("stack", text, f"× {len(faces)}", group.scope, None, None, rows, tip=tip)
    if group.members[-1] in graph.outside:
        scopes = [scope_of(node.name) for node in faces]
        where = visible(".".join(shared_scope(scopes)))
        card.formula = fit(f"from {where}" if where else "from outside", _FORMULA_WIDTH, _FORMULA_SIZE)
    return card


def shared_scope(scopes: Sequence[Scope]) -> Scope:
    """What all of these scopes begin with."""
    first, last = min(scopes), max(scopes)
    depth = 0
    while depth < min(len(first), len(last)) and first[depth] == last[depth]:
        depth += 1
    return first[:depth]
