"""What Hypothesis' entry point calls: makes ``st.from_type(Value)`` work, and imports nothing for it.

It stands outside of ``autograd``, because Hypothesis loads it wherever both are installed, and a module inside would
bring the whole package, and NumPy, along.
"""

import sys


def register() -> None:
    """Register Value, if autograd is there already; if it comes later, it does so itself."""
    if "autograd.value" in sys.modules:
        from autograd.registration import register as now

        now()
