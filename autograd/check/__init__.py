"""Is this gradient right? Right, wrong (and where), or undecidable here (and why).

    >>> from autograd.check import check_gradients
    >>> bool(check_gradients(lambda x, y: x * y + x**3, 2.0, 5.0))
    True

``check_gradients``, ``assert_gradients``: of functions of numbers and structures of numbers, with autograd's gradient
or one written by hand. ``check_vjp``: a layer's hand-written backward. ``taylor_test``, ``check_modes``: the remainder,
and forward against reverse mode. ``sweep``: error against step size, the V-shape.
"""

from autograd.check.differences import Estimate, Sample, estimate
from autograd.check.gradients import assert_gradients, check_gradients
from autograd.check.layers import check_vjp
from autograd.check.modes import check_modes
from autograd.check.taylor import Taylor, sweep, taylor_test
from autograd.check.verdict import Culprit, Entry, KinkNote, Report

__all__ = [
    "Culprit", "Entry", "Estimate", "KinkNote", "Report", "Sample", "Taylor", "assert_gradients", "check_gradients",
    "check_modes", "check_vjp", "estimate", "sweep", "taylor_test",
]  # fmt: skip
