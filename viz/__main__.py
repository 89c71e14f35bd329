"""python -m viz GRAPH.json: walk through backpropagation in the terminal, or write the walk to a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import autograd
from autograd import Value
from autograd.errors import AutogradError
from autograd.showing import one_line
from viz.stepper import Stepper, step
from viz.steps import GRAINS
from viz.terminal import print_all

DESCRIPTION = """\
Walk through the backward pass of a saved graph, one application of the chain
rule at a time. Save a graph with autograd.save(loss, "graph.json")."""

EXAMPLES = """\
examples:
  python -m viz graph.json                      with keys: n next, b back, q quit
  python -m viz graph.json --grain neuron       a neuron at a time
  python -m viz graph.json --plain | less       all steps as text
  python -m viz graph.json --save steps.html    a page with controls, for a lecture
  python -m viz graph.json --save steps.svg     an animation, for slides

Keys need the package prompt_toolkit (pip install prompt_toolkit). Exit status: 0, or 2
if something is wrong with the arguments or the graph."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit status. SystemExit(2) with a message on standard error where something is wrong."""
    parser = argparse.ArgumentParser(
        "python -m viz", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("graph", metavar="GRAPH.json", help="what autograd.save(loss, path) wrote")
    parser.add_argument("--root", metavar="NAME", help="the value to differentiate, where the file has several")
    parser.add_argument("--grain", choices=GRAINS, default="edge", help="how much one step takes (edge)")
    parser.add_argument("--forward", action="store_true", help="begin with the forward pass")
    parser.add_argument("--learning-rate", type=float, metavar="ALPHA", help="end with one step of gradient descent")
    parser.add_argument("--digits", type=int, default=4, help="significant digits, 1 to 17 (4)")
    parser.add_argument("--plain", action="store_true", help="print all steps as text")
    parser.add_argument("--save", metavar="FILE", help="write FILE.html (controls) or FILE.svg (animated) instead")
    given = parser.parse_args(arguments)
    try:
        stepper = opened(given)
        if given.save:
            stepper.save(given.save)
        elif given.plain:
            print_all(stepper)
        else:
            stepper.walk()
    except BrokenPipeError:  # the reader has seen enough: python -m viz graph.json | head
        sys.stderr.close()
        return 0
    except (AutogradError, ValueError, TypeError, OSError, ImportError) as error:
        parser.exit(2, f"python -m viz: error: {one_line(str(error))}\n")
    except KeyboardInterrupt:
        parser.exit(130, "\n")
    return 0


def opened(given: argparse.Namespace) -> Stepper:
    """The stepper that the arguments ask for. ValueError: the file has several roots, or none of that name."""
    loaded = autograd.load(given.graph)
    roots: list[Value] = [loaded] if isinstance(loaded, Value) else list(loaded)
    named = roots if given.root is None else [v for v in roots if given.root in (v.name, v.name.rpartition(".")[2])]
    if len(named) != 1:
        names = ", ".join(v.name or "(no name)" for v in roots) or "none"
        raise ValueError(f"{given.graph} has {len(roots)} roots ({names:.200}): choose one with --root NAME")
    return step(
        named[0], grain=given.grain, forward=given.forward, learning_rate=given.learning_rate, digits=given.digits
    )


if __name__ == "__main__":
    sys.exit(main())
