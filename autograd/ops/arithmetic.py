"""Arithmetic: add, sub, mul, div, neg."""

from autograd.ops.declare import several, unary

# fmt: off

@several(lambda z, x, y: 1.0, lambda z, x, y: 1.0,
         symbol="+", binding=1, array="add", ulps=1)
def add(x: float, y: float) -> float:
    """x + y."""
    return x + y


@several(lambda z, x, y: 1.0, lambda z, x, y: -1.0,
         symbol="−", binding=1, array="subtract", ulps=1)
def sub(x: float, y: float) -> float:
    """x - y."""
    return x - y


@several(lambda z, x, y: y, lambda z, x, y: x,
         symbol="×", binding=2, array="multiply", ulps=1)
def mul(x: float, y: float) -> float:
    """x * y; overflows to inf, as Python's floats do."""
    return x * y


@several(lambda z, x, y: 1.0 / y, lambda z, x, y: -z / y,
         symbol="÷", binding=2, array="divide", ulps=2,
         defined=lambda x, y: y != 0.0)
def div(x: float, y: float) -> float:
    """x / y; not defined at y = 0."""
    return x / y


@unary(lambda z, x: -1.0, symbol="−", binding=3, array="negative", ulps=1)
def neg(x: float) -> float:
    """-x."""
    return -x


@unary(lambda z, x: 1.0, symbol="=", text="{0}", latex="{0}", array="positive", ulps=1, public=False,
       note="the same number as a node of its own: nested derivatives tell their variables apart by it")
def identity(x: float) -> float:
    """x."""
    return x
