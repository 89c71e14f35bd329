"""Draw the pictures of the README and the docs: of the main job with its defaults, of the checker, of raising.

Run it after a change to what is drawn.

    python docs/make_pictures.py
"""

import base64
import json
import shutil
import tempfile
from pathlib import Path

import autograd as ag
import viz
from autograd.check import check_gradients, sweep
from autograd.compiler.raising import raise_tape
from autograd.compiler.schedule import Schedule
from autograd.compiler.tape import record_tape
from nn.figure5.cli import main
from viz.program_raised import raised

PICTURES = Path(__file__).parent / "pictures"
NOTEBOOKS = Path(__file__).parent.parent / "notebooks"

GALLERY = {
    "gallery-convolution": ("06_a_convolution_network", 1),
    "gallery-recommender": ("07_a_recommender", 1),
    "gallery-depth": ("08_is_deeper_better", 2),
    "gallery-attention": ("09_a_scalar_gpt", 0),
}
"""The README's gallery: by the picture's name a notebook, and which of its plots (from 0) it is."""


def bumps(x: ag.Value) -> ag.Value:
    """A function without a special point at 0.7: neither its slope nor its curvature is 0 there."""
    return ag.tanh(x) * ag.exp(x)


def vshape() -> viz.Figure:
    """The error of central differences against a right gradient, and against one that is a thousandth too large."""
    entry = check_gradients(bumps, 0.7).entries[0]
    gradients = {"the right gradient": entry.gradient, "0.1 % too large": 1.001 * entry.gradient}
    title = "A right and a wrong gradient against central differences"
    return viz.vshape(sweep(bumps, 0.7), gradients, entry=entry, title=title)


def leaf(name: str) -> ag.Value:
    """A leaf with a name; the pictures show no numbers."""
    return ag.Value(0.5, name=name)


def named(value: ag.Value, name: str) -> ag.Value:
    """What is computed, with a name."""
    value.name = name
    return value


def neuron() -> Schedule:
    """tanh(w1 x1 + w2 x2 + b), raised."""
    w1, w2, b, x1, x2 = map(leaf, ("w1", "w2", "b", "x1", "x2"))
    z = named(w1 * x1 + w2 * x2 + b, "z")
    return raise_tape(record_tape([named(ag.tanh(z), "h")], [x1, x2]))


def layer() -> Schedule:
    """Three such neurons over the same two inputs, raised."""
    x1, x2 = leaf("x1"), leaf("x2")
    outputs = []
    for i in "123":
        z = named(leaf(f"w{i}1") * x1 + leaf(f"w{i}2") * x2 + leaf(f"b{i}"), f"z{i}")
        outputs.append(named(ag.tanh(z), f"h{i}"))
    return raise_tape(record_tape(outputs, [x1, x2]))


def convolution() -> Schedule:
    """Two filters of 2 x 2 weights at the four places of an image of 3 x 3 pixels, raised."""
    image = [[leaf(f"x{3 * i + j + 1}") for j in range(3)] for i in range(3)]
    outputs = []
    for weight, result in ("uy", "vz"):
        a, b, c, d = (leaf(f"{weight}{k}") for k in (1, 2, 3, 4))
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            top = a * image[i][j] + b * image[i][j + 1]
            whole = top + c * image[i + 1][j] + d * image[i + 1][j + 1]
            outputs.append(named(whole, f"{result}{2 * i + j + 1}"))
    return raise_tape(record_tape(outputs, [pixel for row in image for pixel in row]))


def network() -> Schedule:
    """A 2-16-16-1 network and its squared error, raised."""
    inputs = [leaf("x1"), leaf("x2"), leaf("target")]
    values = inputs[:2]
    for size in (16, 16, 1):
        values = [ag.tanh(ag.dot([leaf("w") for _ in values], values, leaf("b"))) for _ in range(size)]
    return raise_tape(record_tape([ag.square(values[0] - inputs[2])], inputs))


def running() -> Schedule:
    """A running total of which every part is used: there is nothing to raise."""
    inputs = [leaf("x") for _ in range(8)]
    total, outputs = leaf("w") * inputs[0], []
    for x in inputs[1:]:
        total = total + leaf("w") * x
        outputs.append(ag.tanh(total))
    return raise_tape(record_tape(outputs, inputs))


def raising() -> dict[str, viz.Figure]:
    """What raising makes of a neuron, a layer and a convolution, and what programs become, by the picture's name."""
    return {
        "raising-neuron": raised(neuron(), "term", title="One neuron is a dot product"),
        "raising-layer": raised(layer(), "row", title="A layer is a matrix product: neurons are rows"),
        "raising-convolution": raised(
            convolution(),
            "column",
            title="A convolution is a matrix product: positions are columns",
            picture=(3, 3),
        ),
        "raising-fast": viz.program(network(), title="A 2-16-16-1 network: a few products"),
        "raising-slow": viz.program(running(), title="A running total: many small groups"),
    }


def gallery() -> dict[str, bytes]:
    """The plots of the notebooks that the README shows, as PNG, by the picture's name."""
    found = {}
    for picture, (notebook, place) in GALLERY.items():
        cells = json.loads((NOTEBOOKS / f"{notebook}.ipynb").read_text("utf-8"))["cells"]
        outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
        plots = [data["image/png"] for data in outputs if "image/png" in data]
        found[picture] = base64.b64decode("".join(plots[place]))
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        if main(["--out", folder, "--quiet"]):
            raise SystemExit("the main job failed")
        for name, figure in {"vshape": vshape(), **raising()}.items():
            figure.save(Path(folder) / f"{name}.svg")
        for picture in sorted(Path(folder).glob("*.svg")):
            shutil.copyfile(picture, PICTURES / picture.name)
            print(PICTURES / picture.name)
    for name, picture in gallery().items():
        (PICTURES / f"{name}.png").write_bytes(picture)
