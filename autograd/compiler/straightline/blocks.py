"""A large graph as many functions of bounded size, forward and backward, which pass numbers in two lists.

    v    the parameters, the inputs, and what each block computes that is used more than once, in tuples
    d    the adjoints of the parameters (or inputs), and of what one block uses of another's

Inside a block everything is a local variable, of which as few as possible are used: see ``registers``. Time and memory
of compiling grow with the number of blocks only, and blocks are written, compiled and forgotten one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from autograd.compiler.straightline.body import Body
from autograd.compiler.straightline.forms import Form, guarded
from autograd.compiler.straightline.registers import CHUNK, as_list, as_statements
from autograd.compiler.straightline.sweep import Nodes, Terms, backward, forward
from autograd.compiler.straightline.whole import text
from autograd.files import collector_paused
from autograd.locks import new_lock

SIZE = 8000
"""How many operands the operations of one block have."""

Rows = Sequence[Sequence[float]]


class Reads(dict[int, int]):
    """The lines of a block's nodes; what a function did not make is read from ``v`` where it is first asked for.

    Of the numbers between ``low`` and ``high``, the block's own, many are read together: see ``registers``.
    """

    def __init__(self, blocks: Blocks, body: Body, low: int = 0, high: int = 0) -> None:
        self.blocks = blocks
        self.body = body
        self.low = low
        self.high = high
        self.places: dict[int, int] = {}

    def __missing__(self, node: int) -> int:
        blocks = self.blocks
        if node in blocks.constants:
            line = self.body.number(blocks.constants[node])
        else:
            slot = blocks.slots[node]
            line = self.body.leaf(f"s{slot}", "" if self.low <= slot < self.high else blocks.load(slot))
            self.places[line] = slot
        self[node] = line
        return line


class Blocks:
    """The functions of one large graph; they keep nothing between calls, so threads may share them."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes
        self.names: dict[Form, str] = {}
        self.scope: dict[str, Any] = {"__builtins__": {}}
        self.ranges = list(cut(nodes))
        self.block = [-1] * len(nodes.code)
        for number, (low, high) in enumerate(self.ranges):
            for i in nodes.inner[low:high]:
                self.block[i] = number
        self.constants = {i: float(nodes.tape.data[i]) for i in range(len(nodes.code)) if nodes.constant(i)}
        self.slots = {i: slot for slot, i in enumerate([*nodes.parameters, *nodes.inputs])}
        self.first = len(self.slots)
        self.needed = self.needed_outside()
        self.bounds: dict[int, tuple[int, int]] = {}
        self.lock = new_lock()
        with collector_paused():
            self.forwards = [self.compiled(self.forward_source(number)) for number in range(len(self.ranges))]
        self.sweeps: dict[str, tuple[list[Callable[..., Any]], list[float]]] = {}

    def needed_outside(self) -> bytearray:
        """Which nodes' numbers another block needs, or the block's own backward function."""
        nodes, block = self.nodes, self.block
        found = bytearray(len(nodes.code))
        varies = nodes.reached_from([*nodes.parameters, *nodes.inputs])
        for i in nodes.inner:
            operands = nodes.operands(i)
            uses = nodes.recipe(i).needs([varies[a] for a in operands])
            if -1 in uses:
                found[i] = 1
            for k, a in enumerate(operands):
                if k in uses or block[a] != block[i]:
                    found[a] = 1
        for i in nodes.outputs:
            found[i] = 1
        return found

    def compiled(self, source: str) -> Callable[..., Any]:
        """The function of a block's source."""
        made: dict[str, Any] = {}
        scope = guarded(self.scope)
        exec(compile(source, "<block>", "exec"), scope, made)  # names and numbers made here: nothing of a user's
        return made["block"]  # type: ignore[no-any-return]

    def forward_source(self, number: int) -> str:
        """The text of a block's forward function, ``block(v)``, which returns its slice of v; gives out its slots."""
        low, high = self.ranges[number]
        inner, body = self.nodes.inner[low:high], Body(self.scope, self.names)
        lines = Reads(self, body)
        forward(self.nodes, inner, lines, body)
        for i in inner:
            if lines[i] in body.constants:
                self.constants[i] = body.constants[lines[i]]
        exports = [i for i in inner if self.needed[i] and i not in self.constants]
        made, loads, _ = body.pieces([], [], [lines[i] for i in exports])
        first = self.first
        if number:  # where the next tuple begins
            first -= (first - self.bounds[number - 1][1]) // CHUNK * CHUNK
        slots = {name: slot for slot, (name, _) in enumerate(made, first)}
        for i in exports:
            line = lines[i]
            self.slots[i] = lines.places[line] if line in body.leaves else slots[body.labels[line]]
        self.bounds[number] = first, first + len(made)
        return text(["def block(v):", *as_list(made, loads)])

    def backward_source(self, number: int, wanted: bytearray, adjoints: dict[int, int], root: int) -> str:
        """The text of a block's backward function, ``block(v, d)``; ``adjoints`` are the places in d."""
        low, high = self.ranges[number]
        inner, body = self.nodes.inner[low:high], Body(self.scope, self.names)
        lines = Reads(self, body, *self.bounds[number])
        terms: Terms = {i: [body.leaf(f"d{i}", f"d[{adjoints[i]}]")] for i in inner if i in adjoints}
        if self.block[root] == number:
            terms.setdefault(root, []).append(body.number(1.0))
        backward(self.nodes, reversed(inner), wanted, lines, terms, body)
        sent = []
        for i, refs in terms.items():
            if wanted[i] and self.block[i] != number:
                head = f"d[{adjoints.setdefault(i, len(adjoints))}] += "
                sent += [(head, ref) for ref in refs]
        made, loads, _ = body.pieces((), sent=sent)
        low, high = self.bounds[number]
        return text(["def block(v, d):", *(as_statements(made, loads, low, high, self.chunk(low)) or ["pass"])])

    def chunk(self, slot: int) -> int:
        """The tuple that holds a number, as its place in ``v``."""
        return self.first + (slot - self.first) // CHUNK

    def load(self, slot: int) -> str:
        """How a number is read."""
        return f"v[{slot}]" if slot < self.first else f"v[{self.chunk(slot)}][{(slot - self.first) % CHUNK}]"

    def sweep(self, kind: str) -> tuple[list[Callable[..., Any]], list[float]]:
        """The backward functions, last block first, and zeros for d; ``kind`` is "gradient" or "inputs"."""
        with self.lock:
            if kind not in self.sweeps:
                self.sweeps[kind] = self.new_sweep(kind)
            return self.sweeps[kind]

    def new_sweep(self, kind: str) -> tuple[list[Callable[..., Any]], list[float]]:
        """``sweep``, made."""
        nodes = self.nodes
        leaves = nodes.inputs if kind == "inputs" else nodes.parameters
        adjoints = {i: place for place, i in enumerate(leaves)}
        wanted = nodes.reached_from(leaves)
        (root,) = nodes.outputs
        functions = []
        with collector_paused():
            for number in reversed(range(len(self.ranges))):
                functions.append(self.compiled(self.backward_source(number, wanted, adjoints, root)))
        zeros = [0.0] * len(adjoints)
        if root in leaves:  # nothing lies between
            zeros[adjoints[root]] = 1.0
        return functions, zeros

    # -- running ---------------------------------------------------------------------------------------------------

    def rows(self, theta: Sequence[float], rows: Rows) -> Iterator[list[Any]]:
        """``v`` after the forward pass of each row."""
        v: list[Any] = [0.0] * self.first
        first = self.first
        between = len(self.nodes.parameters)
        v[:between] = theta
        for row in rows:
            v[between:first] = row
            del v[first:]
            for function in self.forwards:
                v += function(v)
            yield v

    def output(self, node: int, v: list[Any]) -> float:
        """An output of a row."""
        if node in self.constants:
            return self.constants[node]
        slot = self.slots[node]
        found: float = v[slot] if slot < self.first else v[self.chunk(slot)][(slot - self.first) % CHUNK]
        return found

    def outputs(self, theta: Sequence[float], rows: Rows) -> list[list[float]]:
        """The outputs of every row."""
        return [[self.output(node, v) for node in self.nodes.outputs] for v in self.rows(theta, rows)]

    def inputs(self, theta: Sequence[float], rows: Rows) -> list[list[float]]:
        """d output / d input of every row."""
        functions, zeros = self.sweep("inputs")
        found = []
        for v in self.rows(theta, rows):
            d = zeros.copy()
            for function in functions:
                function(v, d)
            found.append(d[: len(self.nodes.inputs)])
        return found

    def gradient(self, theta: Sequence[float], rows: Rows) -> tuple[float, list[float]]:
        """The mean of the output, and its gradient."""
        functions, zeros = self.sweep("gradient")
        count = len(self.nodes.parameters)
        total, sums = 0.0, [0.0] * count
        for v in self.rows(theta, rows):
            d = zeros.copy()
            total += self.output(self.nodes.outputs[0], v)
            for function in functions:
                function(v, d)
            sums = [a + b for a, b in zip(sums, d[:count], strict=True)] if len(rows) > 1 else d[:count]
        return total / len(rows), [a / len(rows) for a in sums]


def cut(nodes: Nodes) -> Iterator[tuple[int, int]]:
    """The blocks, as ranges of ``nodes.inner``."""
    low, inner, start = 0, nodes.inner, nodes.start
    for place, i in enumerate(inner):
        if start[i + 1] - start[inner[low]] > SIZE and place > low:
            yield low, place
            low = place
    if inner:
        yield low, len(inner)
