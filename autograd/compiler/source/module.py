"""``to_source``: the module's text put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd.compiler.source.helpers import Helpers
from autograd.compiler.source.large import Large, number
from autograd.compiler.source.names import Names, check_name, comment
from autograd.compiler.source.small import Small
from autograd.compiler.straightline.plan import SMALL
from autograd.compiler.straightline.sweep import Nodes
from autograd.compiler.tape import Tape, record_tape
from autograd.ops import TABLE
from autograd.value import Value


def to_source(
    outputs: Value | Sequence[Value | float],
    inputs: Sequence[Value] | None = None,
    name: str = "predict",
    gradient: bool = True,
) -> str:
    """A graph as the text of a Python module that needs nothing but Python's ``math``: no NumPy, and not us.

    Args:
        outputs: what the function returns: a Value gives a number, a sequence of Values a tuple.
        inputs: the leaves that become the function's arguments, in this order. All other leaves are written down as
            constants, with the numbers that they hold now. By default every leaf that is a parameter is an argument.
        name: of the function; a second one, ``<name>_and_gradient``, returns the value and the tuple of its slopes in
            the inputs.
        gradient: write the second function, too.

    Returns:
        The text. A Value's name becomes a variable's, as far as its letters and digits go (``layer1.n2.w3`` becomes
        ``layer1_n2_w3``), and a comment. A graph whose operations have more than 2000 operands is written as functions
        of bounded size, without names.

    Operations are computed as the engine does, but sums and dot products are added from left to right, where the
    engine rounds once. Where a function or a slope is not defined or overflows, Python's floats raise ValueError,
    ZeroDivisionError or OverflowError; an infinite slope (of sqrt at 0) raises, too, where the engine returns inf.

    Raises:
        TypeError: an output or input that is no Value.
        GraphError: an input that is computed, or is given twice.
        ValueError: a gradient of several outputs, an operation of your own, or a name that cannot be a function's.
        OSError: autograd is installed without its source, from which the text is read.
    """
    check_name(name)
    single = isinstance(outputs, Value)
    tape = tape_of(outputs, inputs)
    if gradient and len(tape.outputs) != 1:
        raise ValueError(
            f"a gradient is that of one output, and there are {len(tape.outputs)}: give their sum, "
            "or one of them, or write gradient=False"
        )
    own = sorted({op.name for op in tape.ops if TABLE.get(op.name) is not op})
    if own:
        raise ValueError(
            f"{', '.join(own)}: an operation made by autograd.custom has no text that would run elsewhere; write it as "
            "a Python function of Values with autograd's own operations, and build the graph with that"
        )
    return written(Nodes(tape), single, name, gradient)


def tape_of(outputs: Any, inputs: Sequence[Value] | None) -> Tape:
    """The graph behind the outputs; without inputs given, all its parameters are inputs."""
    if isinstance(outputs, Value):
        outputs = [outputs]
    elif isinstance(outputs, str) or not hasattr(outputs, "__iter__"):
        raise TypeError(f"to_source takes a Value or a sequence of Values, not a {type(outputs).__name__}")
    outputs = list(outputs)
    if not outputs:
        raise ValueError("to_source was given no outputs: there is nothing to compute")
    for position, output in enumerate(outputs):
        if isinstance(output, list | tuple):
            raise TypeError(f"output {position} is a {type(output).__name__}: give all Values in one sequence")
    if inputs is None:
        inputs = record_tape(outputs, ()).leaves
    elif isinstance(inputs, Value):
        raise TypeError("inputs is a sequence of Values: write [x]")
    return record_tape(outputs, list(inputs))


def written(nodes: Nodes, single: bool, name: str, gradient: bool) -> str:
    """The text of the module."""
    tape, both = nodes.tape, f"{name}_and_gradient"
    names = Names(name, both)
    helpers = Helpers()
    arguments = names.leaves({i: tape.names.get(i, "") for i in nodes.inputs}, "x")
    lines: list[str] = []
    if len(tape.args) <= SMALL:
        parameters = names.leaves({i: tape.names.get(i, "") for i in nodes.parameters}, "w")
        lines += [f"{called} = {stated(tape, i)}" for i, called in parameters.items()]
        small = Small(nodes, arguments | parameters, names, helpers)
        function, pieces = small.function, list[str]()
    else:
        large = Large(nodes, helpers)
        pieces = large.pieces([*arguments.values()], gradient)
        if nodes.parameters:
            lines += ["_PARAMETERS = (", *[f"    {stated(tape, i, ',')}" for i in nodes.parameters], ")"]

        def function(head: str, doc: str, single: bool, gradient: bool) -> str:
            return large.function(head, doc, single, gradient, [*arguments.values()])

    signature = ", ".join(arguments.values())
    notes = [
        f"    # {called}: {comment(tape.names[i])}\n"
        for i, called in arguments.items()
        if tape.names.get(i, called) != called
    ]
    found = [(name, function(f"def {name}({signature}):", DOCS[single], single, False))]
    if gradient:
        found.append((both, function(f"def {both}({signature}):", DOC_OF_GRADIENT, single, True)))
    publics = [noted(source, notes) for _, source in found]
    functions = " and ".join([called for called, _ in found])
    head = [f'"""{functions}, written by autograd.to_source. It needs Python 3.11 or newer, and nothing else."""', ""]
    head += helpers.head()
    if lines:
        head += ["", "# parameters", *lines]
    parts = [source.rstrip("\n") for source in (*helpers.functions.values(), *pieces, *publics)]
    return "\n\n\n".join(["\n".join(head).strip("\n"), *parts]) + "\n"


DOCS = {True: '"""The value."""', False: '"""The values."""'}
DOC_OF_GRADIENT = '"""The value, and its slopes in the arguments."""'


def stated(tape: Tape, node: int, end: str = "") -> str:
    """The number of a parameter, and its name as a comment."""
    name = tape.names.get(node, "")
    return f"{number(float(tape.data[node]))}{end}{f'  # {comment(name)}' if name else ''}"


def noted(source: str, notes: Sequence[str]) -> str:
    """The function with comments below its first two lines."""
    head, doc, rest = source.split("\n", 2)
    return f"{head}\n{doc}\n{''.join(notes)}{rest}"
