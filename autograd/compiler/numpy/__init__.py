"""The NumPy executor of the compiler."""

from autograd.compiler.numpy.plan import NumpyPlan, NumpyRun

__all__ = ["NumpyPlan", "NumpyRun"]
