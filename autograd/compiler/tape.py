"""A recorded graph as arrays: the form that every other part of the compiler reads.

Node i of a tape is a constant, a parameter, an input, or an operation on nodes before it. Operands lie in one array,
cut by ``start`` (the layout of a sparse matrix's rows), so that an operation of a thousand operands is no special
case and a million nodes are five NumPy arrays.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count, islice
from typing import Any

import numpy as np
import numpy.typing as npt

from autograd.errors import CompileError, GraphError
from autograd.files import collector_paused
from autograd.locks import cached
from autograd.number import Number
from autograd.op import Op
from autograd.reverse import last_walk, new_walk, undisturbed
from autograd.tree import is_number
from autograd.value import Value

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CONSTANT, PARAMETER, INPUT, FIRST_OP = 0, 1, 2, 3
"""What ``code`` says of a node; ``FIRST_OP + k`` is the operation ``ops[k]``."""


@dataclass(eq=False)
class Tape:
    """A graph as arrays, operands before the nodes that use them.

    Attributes:
        ops: the different operations, in the order in which they are met.
        code: for each node CONSTANT, PARAMETER, INPUT or FIRST_OP + its place in ``ops``.
        start: the operands of node i are ``args[start[i]:start[i + 1]]``, as node numbers; of a leaf there are none.
        data: the recorded number of every node; for a constant, its value.
        inputs, parameters, outputs: node numbers, in the order in which the user gave (or the graph shows) them.
            Inputs are nodes 0, 1, 2, ...; a node may be an output twice, and a leaf may be an output.
        leaves: the parameters themselves, shared with the eager graph.
        names: of the nodes that have one.
        lines: the source lines of the nodes that were recorded inside detect_anomaly().
    """

    ops: list[Op]
    code: npt.NDArray[np.int32]
    start: Ints
    args: Ints
    data: Floats
    inputs: Ints
    parameters: Ints
    outputs: Ints
    leaves: list[Value]
    names: dict[int, str] = field(default_factory=dict)
    lines: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.code)

    def operands(self, node: int) -> Ints:
        """The node numbers of a node's operands."""
        return self.args[self.start[node] : self.start[node + 1]]

    def op(self, node: int) -> Op:
        """The operation of an inner node."""
        return self.ops[int(self.code[node]) - FIRST_OP]

    def describe(self, node: int) -> str:
        """What to call a node in a message: its name, or its operation and number."""
        kind = self.code[node]
        what = ("constant", "parameter", "input")[kind] if kind < FIRST_OP else self.op(node).name
        name = self.names.get(node, "")
        return f"{name!r} ({what})" if name else f"{what} (node {node})"

    def of(self, parameters: Sequence[Value]) -> Tape:
        """The same graph with these of its parameters, in its own order; the others are constants."""
        kept = set(map(id, parameters))
        chosen = np.array([id(leaf) in kept for leaf in self.leaves], bool)
        code = self.code.copy()
        code[self.parameters[~chosen]] = CONSTANT
        leaves = [leaf for leaf in self.leaves if id(leaf) in kept]
        return replace(self, code=code, parameters=self.parameters[chosen], leaves=leaves)

    @cached
    def key(self) -> bytes:
        """Equal for tapes that differ in the numbers of inputs and parameters alone: they share a program."""
        digest = hashlib.blake2b(digest_size=16)
        constants = np.where(self.code == CONSTANT, self.data, 0.0)
        for part in (self.code, self.start, self.args, constants, self.inputs, self.parameters, self.outputs):
            digest.update(np.ascontiguousarray(part).tobytes() + b"|")
        digest.update(repr([id(op) for op in self.ops]).encode())
        return digest.digest()


def record_tape(outputs: Sequence[Any], inputs: Sequence[Value], parameters: Sequence[Value] | None = None) -> Tape:
    """The tape of the graph behind ``outputs`` (Values or plain numbers), in time linear in its size.

    Args:
        outputs: what the program is to compute.
        inputs: leaves that vary along the batch; one that no output reaches is a column that changes nothing.
        parameters: the leaves that are parameters; all others are constants then. By default every other leaf is a
            parameter, in the order in which a walk from the first operand of the first output meets them; Values that
            were detached are constants.

    Raises:
        TypeError: an input, parameter or output that is no Value; GraphError: an input or parameter that is computed,
            is given twice, or both. CompileError: something on the way was computed inside no_grad().
    """
    seen: dict[int, int] = {}
    for what, leaves in (("input", inputs), ("parameter", parameters or ())):
        for position, leaf in enumerate(leaves):
            check_leaf(what, position, leaf, seen)
            seen[id(leaf)] = len(seen)
    given: list[Any] = [*inputs, *(parameters or ())]
    with undisturbed, collector_paused():
        while True:
            token = new_walk()
            order = walk(given, outputs, token)
            try:
                tape = written(order, len(given), outputs, len(inputs), parameters is None)
            except Exception:
                if last_walk() is token:
                    raise
            finally:
                for node in order:
                    node._mark = None
            if last_walk() is token:
                return tape


def walk(given: Sequence[Any], outputs: Sequence[Any], token: object) -> list[Any]:
    """The nodes given, then all others behind the outputs, operands first; each node's ``_mark`` is its place.

    Operands are walked in the order in which they were written, with a stack and no recursion.

    Raises:
        TypeError: an output that is no Value and no number.
    """
    order = list(given)
    for node in order:
        node._mark = token
    stack: list[Any] = []
    emit, push, pop = order.append, stack.append, stack.pop
    for position, output in enumerate(outputs):
        if isinstance(output, Value):
            push(output)
        elif not is_number(output) or isinstance(output, Number):
            raise TypeError(
                f"output {position} is a {type(output).__name__}: a program computes Values; "
                "give a Value or a nested list of them"
            )
        while stack:
            node = pop()
            if node is None:  # every operand of the node below has its place
                emit(pop())
                continue
            if node._mark is token:
                continue
            node._mark = token
            a, pb = node._a, node._pb
            if a is None:
                emit(node)
                continue
            push(node)
            push(None)
            if pb is None:
                if a._mark is not token:
                    push(a)
            elif pb is ...:
                stack += [x for x in reversed(a) if x._mark is not token]
            else:
                if node._b._mark is not token:
                    push(node._b)
                if a._mark is not token:
                    push(a)
    for place, node in enumerate(order):
        node._mark = place
    return order


def written(order: list[Any], given: int, outputs: Sequence[Any], inputs: int, grow: bool) -> Tape:
    """The tape of nodes that ``walk`` has put in order: those given, the constants, the others.

    Operands are read from the slots of a node, which ``reverse`` explains; a constant is written as -1, -2, ... until
    it is known how many there are. ``grow``: leaves that were not given are parameters.
    """
    ops: defaultdict[Op, int] = defaultdict(count(FIRST_OP).__next__)
    constants: defaultdict[float | str, int] = defaultdict(count(-1, -1).__next__)
    code: list[int] = []
    counts: list[int] = []
    args: list[int] = []
    for node in islice(order, given, None):
        a, b, pb = node._a, node._b, node._pb
        if a is None:
            if b is not None:
                raise CompileError(
                    f"{repr(node.name) if node.name else 'a number'} was computed inside no_grad(), by {b.name}: its "
                    f"graph was not recorded, and a program would hold it at {node._data!r} for ever. Record it "
                    "outside of no_grad(); where a constant is meant, give its .detach()"
                )
            code.append(PARAMETER if grow and node.op is None else CONSTANT)
            counts.append(0)
            continue
        code.append(ops[node.op])
        if pb is None:
            if b is None:
                args.append(a._mark)
                counts.append(1)
            else:
                counts.append(2)
                if b.__class__ is tuple:
                    args += (constants[b[0] or str(b[0])], a._mark)  # 0.0 and -0.0 are equal, their texts are not
                else:
                    args += (a._mark, constants[b or str(b)])
        elif pb is ...:
            many = [x._mark for x in a] if b is None else [place(x, constants) for x in b]
            counts.append(len(many))
            args += many
        else:
            args += (a._mark, b._mark)
            counts.append(2)
    results = np.array([place(x if isinstance(x, Value) else float(x), constants) for x in outputs], np.int64)
    numbers = np.array([float(key) for key in constants], np.float64)
    between = np.zeros(len(numbers), np.int32)

    def moved(places: Ints) -> Ints:
        return np.where(places < 0, given - 1 - places, places + len(numbers) * (places >= given))

    fixed = np.full(given, PARAMETER, np.int32)
    fixed[:inputs] = INPUT
    kinds = np.concatenate([fixed, between + np.int32(CONSTANT), np.array(code, np.int32)])
    data = np.array([node._data for node in order], np.float64)
    many_operands = np.concatenate([np.zeros(given, np.int64), between, np.array(counts, np.int64)])
    found = np.flatnonzero(kinds == PARAMETER)
    names = {i: node.name for i, node in enumerate(order) if node.name}
    lines = {i: node.where for i, node in enumerate(order) if node.__class__ is not Value and hasattr(node, "where")}
    return Tape(
        ops=list(ops),
        code=kinds,
        start=np.concatenate([[0], np.cumsum(many_operands)]),
        args=moved(np.array(args, np.int64)),
        data=np.concatenate([data[:given], numbers, data[given:]]),
        inputs=np.arange(inputs, dtype=np.int64),
        parameters=found,
        outputs=moved(results),
        leaves=[order[i] for i in np.where(found < given, found, found - len(numbers)).tolist()],
        names={i if i < given else i + len(numbers): name for i, name in names.items()},
        lines={i if i < given else i + len(numbers): line for i, line in lines.items()},
    )


def place(x: Any, constants: defaultdict[float | str, int]) -> int:
    """Where an operand stands: a node's place in the order, or a constant's negative number."""
    return constants[x or str(x)] if x.__class__ is float else x._mark


def check_leaf(what: str, position: int, leaf: Any, seen: dict[int, int]) -> None:
    """Raises TypeError or GraphError where a leaf cannot be an input or a parameter, and says which."""
    if not isinstance(leaf, Value):
        raise TypeError(f"{what} {position} is a {type(leaf).__name__}: give the Value, a leaf of the graph")
    label = f"{what} {position}{f' ({leaf.name!r})' if leaf.name else ''}"
    if not leaf.is_leaf:
        raise GraphError(f"{label} is computed, by {leaf.op.name if leaf.op else '?'}: give leaves as {what}s")
    if id(leaf) in seen:
        raise GraphError(f"{label} is given twice, or as an input and as a parameter")
