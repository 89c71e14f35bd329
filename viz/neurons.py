"""The network in a graph: which scopes are neurons, what feeds them, and by which weights. From names and graph only.

A neuron is a scope that holds parameters (leaves, ``h1.w1``) and an output: the node named as the scope is
(``h1.h1``), or else the named node that nothing in the scope reads. Its weights are found behind the output: the pairs
of a dot, or products of a parameter with something else; a parameter that is multiplied with nothing is its bias.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from viz.markup import label, last_part, scope_of, subscript

if TYPE_CHECKING:
    from autograd import Value

__all__ = ["Link", "Network", "Unit", "find_network"]

Scope = tuple[str, ...]


@dataclass
class Unit:
    """A circle: an input, or a neuron with its bias. `nodes` has one Value per sample, none for plain numbers."""

    label: str
    name: str
    nodes: list[Value]
    constant: float | None = None
    bias: Value | None = None
    layer: int = 0

    @property
    def is_input(self) -> bool:
        """Whether no neuron stands behind it."""
        return self.layer == 0


@dataclass(frozen=True)
class Link:
    """An edge from one unit to another, by their numbers; `weight` is None where the input is taken as it is."""

    source: int
    target: int
    weight: Value | None


@dataclass
class Network:
    """Units and links; `layers` lists units from the inputs on, each from top to bottom."""

    root: Value
    samples: int
    units: list[Unit] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    layers: list[list[int]] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    targets: list[Value] = field(default_factory=list)

    @property
    def has_loss(self) -> bool:
        """Whether the root lies beyond the output neurons."""
        return not any(v is self.root for i in self.outputs for v in self.units[i].nodes)


@dataclass
class _Neuron:
    scope: Scope
    outputs: list[Value]
    inputs: list[tuple[Value | float, Value | None]] = field(default_factory=list)
    bias: Value | None = None


def find_network(root: Value, order: Sequence[Value]) -> Network:
    """The network behind `root`; `order` is its graph, operands first.

    Raises:
        ValueError: no neuron is found, or neurons feed each other in a circle (a recurrent network).
    """
    neurons = {n.scope: n for n in _neurons(order)}
    if not neurons:
        raise ValueError(
            "no neuron found behind this value. network() needs dotted names: a neuron is a scope that holds "
            "parameters and an output, as in Value(0.5, 'h1.w1'), Value(0.1, 'h1.b1') and an output named 'h1.h1'; "
            "draw(root) shows any graph"
        )
    net = Network(root, max(len(n.outputs) for n in neurons.values()))
    ordered = sorted(neurons.values(), key=lambda n: _natural(n.scope))
    owner = {id(v): n.scope for n in ordered for v in n.outputs}
    copies = Counter(v.name for v in order if v.name)
    number: dict[object, int] = {}
    for n in ordered:
        number[n.scope] = len(net.units)
        shown = label(n.scope[-1])
        net.units.append(Unit(shown, ".".join(n.scope), n.outputs, bias=n.bias, layer=1))
    same: dict[str, list[Value]] = {}
    for v in order:
        if v.name and copies[v.name] > 1:
            same.setdefault(v.name, []).append(v)
    for n in ordered:
        for position, (x, weight) in enumerate(n.inputs):
            key = _source(x, position, owner, net.samples)
            if key not in number:
                number[key] = len(net.units)
                net.units.append(_input(x, position, same, net.samples))
            net.links.append(Link(number[key], number[n.scope], weight))
    _set_layers(net)
    behind = set(number) & set(neurons)
    feeding = {link.source for link in net.links}
    net.outputs = [number[s] for s in sorted(behind, key=lambda s: number[s]) if number[s] not in feeding]
    net.targets = list(_targets(net, copies))
    return net


def _natural(scope: Scope) -> list[list[tuple[int, str]]]:
    """A sort key that puts n2 before n10."""
    runs = ([run.lstrip("0") if run.isdecimal() else run for run in re.split(r"(\d+)", part)] for part in scope)
    return [[(len(run) if not run or run.isdecimal() else -1, run) for run in part] for part in runs]


def _neurons(order: Sequence[Value]) -> Iterator[_Neuron]:
    scopes = {name: scope_of(name) for name in {v.name for v in order if v.name}}
    inner: dict[Scope, list[Value]] = {}
    with_parameters: set[Scope] = set()
    read_inside: set[int] = set()
    for v in order:
        scope = scopes.get(v.name, ())
        if not scope:
            continue
        if v.is_leaf:
            with_parameters.add(scope)
            continue
        inner.setdefault(scope, []).append(v)
        for x in v.operands:
            if not isinstance(x, int | float) and scopes.get(x.name, ()) == scope:
                read_inside.add(id(x))
    for scope, nodes in inner.items():
        if scope in with_parameters:
            outputs = [v for v in nodes if last_part(v.name) == scope[-1]]
            outputs = outputs or [v for v in nodes if id(v) not in read_inside]
            if outputs:
                neuron = _Neuron(scope, outputs)
                _read(neuron)
                if any(weight is not None for _, weight in neuron.inputs):
                    yield neuron


def _read(neuron: _Neuron) -> None:
    """Find weights, inputs and bias behind the last output, which would show a neuron that feeds itself."""
    scope = neuron.scope

    def parameter(x: Value | float) -> bool:
        return not isinstance(x, int | float) and x.is_leaf and scope_of(x.name) == scope

    stack: list[Value | float] = [neuron.outputs[-1]]
    seen: set[int] = set()
    while stack:
        x = stack.pop()
        if isinstance(x, int | float) or id(x) in seen:
            continue
        seen.add(id(x))
        own = scope_of(x.name)
        if parameter(x):
            neuron.bias = x
        elif x.op is None or x.is_leaf or (x.name and own != scope):
            neuron.inputs.append((x, None))
        else:
            pairs = _pairs(x)
            if pairs and all(parameter(a) != parameter(b) for a, b in pairs):
                neuron.inputs += [(b, a) if parameter(a) else (a, b) for a, b in pairs]  # type: ignore[misc]
                stack.extend(x.operands[2 * len(pairs) :])
            else:
                stack.extend(reversed(x.operands))


def _pairs(v: Value) -> list[tuple[Value | float, Value | float]]:
    """What a node multiplies: the pairs of a dot, the operands of a product; nothing for another operation."""
    name = v.op.name if v.op else ""
    if name == "dot":
        half = len(v.operands) // 2
        return list(zip(v.operands[:half], v.operands[half : 2 * half], strict=True))
    return [(v.operands[0], v.operands[1])] if name == "mul" else []


def _source(x: Value | float, position: int, owner: dict[int, Scope], samples: int) -> object:
    """What tells one unit from another: a neuron by its scope, an input by its name, else by its position."""
    if isinstance(x, int | float):
        return ("at", position)
    if id(x) in owner:
        return owner[id(x)]
    if x.name:
        return ("named", x.name)
    return ("at", position) if samples > 1 else ("is", id(x))


def _input(x: Value | float, position: int, same: dict[str, list[Value]], samples: int) -> Unit:
    called = subscript(f"x{position + 1}")
    if isinstance(x, int | float):
        return Unit(called, f"x{position + 1}", [], constant=float(x) if samples == 1 else None)
    if not x.name:
        return Unit(called, f"x{position + 1}", [x] if samples == 1 else [])
    return Unit(label(x.name), x.name, same.get(x.name, [x]))


def _set_layers(net: Network) -> None:
    waiting = Counter(link.target for link in net.links)
    leaving: dict[int, list[int]] = {}
    for link in net.links:
        leaving.setdefault(link.source, []).append(link.target)
    ready = [i for i in range(len(net.units)) if not waiting[i]]
    done = 0
    for i in ready:
        net.units[i].layer = 0
    while ready:
        i = ready.pop()
        done += 1
        for j in leaving.get(i, ()):
            net.units[j].layer = max(net.units[j].layer, net.units[i].layer + 1)
            waiting[j] -= 1
            if not waiting[j]:
                ready.append(j)
    if done < len(net.units):
        raise ValueError(
            "the neurons feed each other in a circle, as in a recurrent network: network() draws layers that feed "
            "forward; draw(root) shows the unrolled graph"
        )
    net.layers = [[] for _ in range(max(unit.layer for unit in net.units) + 1)]
    for i, unit in enumerate(net.units):
        net.layers[unit.layer].append(i)


def _targets(net: Network, copies: Counter[str]) -> Iterator[Value]:
    """Named leaves between the outputs and the root, such as the target y: those that there is one of."""
    known = {id(v) for unit in net.units for v in unit.nodes}
    stack, seen = [net.root], {id(net.root)}
    while stack:
        v = stack.pop()
        if id(v) in known:
            continue
        if v.is_leaf:
            if v.name and copies[v.name] == 1 and v is not net.root and not scope_of(v.name):
                yield v
            continue
        for x in reversed(v.operands):
            if not isinstance(x, int | float) and id(x) not in seen:
                seen.add(id(x))
                stack.append(x)
