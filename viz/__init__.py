"""Pictures of gradient graphs, and the walk through them.

draw(root)              the gradient graph: every value, every gradient, every local derivative
network(root)           circles and weights
step(root)              backpropagation one application of the chain rule at a time
explain(root, w)        one gradient as the sum over its paths, in words, numbers and LaTeX
mistake(root, kind)     a classical mistake beside the right pass
curve(series)           a learning curve
program(compiled)       what a compiled program runs: large products, or many small groups
vshape(samples, g)      the error of finite differences against the step
"""

from __future__ import annotations

from viz.curve import curve
from viz.dot import to_dot
from viz.draw import draw
from viz.explain import Explanation, explain
from viz.figure import Figure
from viz.mistakes import Comparison, mistake, mistakes
from viz.network import network
from viz.program import program
from viz.stepper import Stepper, step
from viz.vshape import vshape

__all__ = [
    "Comparison",
    "Explanation",
    "Figure",
    "Stepper",
    "curve",
    "draw",
    "explain",
    "mistake",
    "mistakes",
    "network",
    "program",
    "step",
    "to_dot",
    "vshape",
]
