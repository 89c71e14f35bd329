"""The executor of the ``jax`` extra: the same schedule, compiled by XLA for a CPU or an accelerator.

JAX is imported here and below only. Its 64-bit numbers are switched on for the time of a call, never for the user.
"""

try:
    import jax as _jax  # noqa: F401  (asked for here, so that the error says what to install)
except ImportError as error:
    raise ImportError("backend=\"jax\" needs JAX 0.5 or above: pip install 'glassgrad[jax]'", name="jax") from error

from autograd.compiler.accelerated.plan import JaxPlan, JaxRun
from autograd.compiler.accelerated.sharding import Placement

__all__ = ["JaxPlan", "JaxRun", "Placement"]
