"""Everything that autograd raises on purpose.

    AutogradError
    ├── DomainError      an operation is not defined at these inputs: log(-1), 1/0, exp(1000)
    ├── AnomalyError     detect_anomaly() met the first nan or inf, and names its source line
    ├── GraphError       there is no graph where one is needed
    │   └── StaleGraphError  data was edited after the forward pass that recorded the graph
    ├── CompileError     a function decides by its data what it computes, so that no one program stands for it
    └── LoadError        a saved graph or model cannot be read

Wrong types are plain ``TypeError``, wrong arguments plain ``ValueError``, as everywhere in Python.

What they say is visible: names come from files, and a terminal obeys escape sequences.
"""

from autograd.showing import message, one_line


class AutogradError(Exception):
    """The base of every error that this package defines."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(message(x) if isinstance(x, str) else x for x in args))


class DomainError(AutogradError, ArithmeticError, ValueError):
    """An operation is not defined at its inputs, where Python's ``float`` says so too.

    Inside ``autograd.ieee()`` the same call returns inf or nan instead.
    """


class AnomalyError(AutogradError, ArithmeticError):
    """Inside ``autograd.detect_anomaly()``: the first nan or inf, with the source line that made it."""


class GraphError(AutogradError, RuntimeError):
    """A gradient was asked of something that has no recorded graph, or not this one."""


class StaleGraphError(GraphError):
    """``data`` was edited after the forward pass: the recorded graph no longer describes it."""


class CompileError(AutogradError, RuntimeError):
    """A function cannot be compiled: it decides by its data what it computes, or cannot be traced."""


class LoadError(AutogradError, ValueError):
    """A file is not a saved graph or model, or is a broken one. One short line."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(one_line(x) if isinstance(x, str) else x for x in args))
