"""Hypothesis strategies for gradients: Values, random functions, and points where their slopes are decided.

    from hypothesis import given
    from autograd.strategies import given_gradients, problems

    @given(problems())                      # a random function, and a point in its domain, away from its kinks
    def test_my_drawing(problem):
        draw(problem.record())

    @given_gradients(st.floats(-3, 3))      # the gradient of my_loss, at random points, against finite differences
    def test_my_loss(x):
        return my_loss(x)

Functions shrink to the smallest that fails, and print as Python source: ``lambda x: ag.sin(x * x)``, which runs after
``import autograd as ag``. ``autograd`` itself does not import Hypothesis; only this package does.
"""

try:
    import hypothesis as _hypothesis
except ImportError as error:
    raise ImportError(
        "autograd.strategies needs Hypothesis: pip install hypothesis, or pip install 'glassgrad[check]'"
    ) from error

from autograd.registration import register
from autograd.strategies.expression import Expression, Line
from autograd.strategies.given import given_gradients
from autograd.strategies.growth import expressions, graphs, values
from autograd.strategies.points import Clearance, clearance, points
from autograd.strategies.problems import Problem, problems

register()
_hypothesis.strategies.register_type_strategy(Expression, expressions())
del _hypothesis, register

__all__ = [
    "Clearance",
    "Expression",
    "Line",
    "Problem",
    "clearance",
    "expressions",
    "given_gradients",
    "graphs",
    "points",
    "problems",
    "values",
]
