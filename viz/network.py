"""network(root): the network diagram of figure 5, circles for neurons and lines for weights, with their gradients."""

from __future__ import annotations

from collections.abc import Mapping

from autograd import Value, topological, verify
from autograd.reverse import alone
from viz.figure import Figure
from viz.markup import last_part
from viz.network_plan import plan
from viz.network_svg import Drawing
from viz.neurons import Network, find_network

__all__ = ["network"]

MOST_UNITS, MOST_LINKS, MOST_LAYERS = 32, 1200, 12
"""Beyond these nobody can read the picture, and it is refused."""


@alone
def network(root: Value, *, title: str | None = None, notes: Mapping[str, str] | None = None) -> Figure:
    """The network diagram of the graph behind `root`: a circle per input and neuron, a line per weight.

    Neurons are found by their dotted names (see `viz.neurons`). A line's width grows with the square root of its
    weight's gradient, its colour tells the sign; a gradient that no backward pass has reached is a dash. Where `root`
    lies beyond the output neurons, it is drawn as a card with the loss. A graph of many samples shows the weights that
    they share, and the number of samples in place of single values.

    Args:
        root: the loss, or the output of the network.
        title: the heading; by default the layers' sizes, as in "2-2-1 network". ``""`` for none.
        notes: an extra line for the Value of that name or last part of a name, as in ``{"x1": "71 kg"}``.

    Raises:
        TypeError: `root` is no Value, or a note is no text.
        ValueError: no neuron is found, the network is recurrent, or it is too large to be read.
        StaleGraphError: data was edited after the forward pass.
    """
    if not isinstance(root, Value):
        raise TypeError(f"network(root): root must be a Value of the graph, not {type(root).__name__}")
    verify(root)
    order = topological(root)
    net = find_network(root, order)
    names = {v.name for v in order} | {last_part(v.name) for v in order} | {unit.name for unit in net.units}
    for key, note in (notes or {}).items():
        if not isinstance(key, str) or not isinstance(note, str):
            raise TypeError(f"notes map names to text, as in {{'x1': '71 kg'}}; got {key!r}: {note!r}")
        if key not in names:
            raise ValueError(f"notes: no value in this graph is named {key!r}")
    sizes = "-".join(str(len(layer)) for layer in net.layers)
    _refuse(net, sizes)
    heading = f"{sizes} network" if title is None else title
    return Figure(Drawing(plan(net, heading), heading, dict(notes or {})).document(), title=heading)


def _refuse(net: Network, sizes: str) -> None:
    widest, links = max(map(len, net.layers)), len(net.links)
    if widest > MOST_UNITS or links > MOST_LINKS or len(net.layers) > MOST_LAYERS:
        shape = sizes if len(sizes) < 60 else f"{len(net.layers)} layers"
        raise ValueError(
            f"network: {shape} with {links:,} weights is too large to be read (at most "
            f"{MOST_LAYERS} layers of {MOST_UNITS} and {MOST_LINKS:,} weights); draw(root) folds large graphs"
        )
