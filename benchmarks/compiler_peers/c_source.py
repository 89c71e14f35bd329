"""Straight-line C of a recorded graph: one statement per node, forward and backward, several samples to a vector.

Nodes that do not vary along the batch are scalars, computed once a step; all others are computed block by block of
`lanes` samples in GCC's vector types. A small graph is one function with local variables, which the C compiler keeps in
registers where it can; a large one is functions of a few hundred statements over arrays, since the C compiler's time
grows faster than a function's length.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import autograd as ag
from autograd import Value

SMALL, PIECE = 1500, 300
"""Nodes of a graph that becomes one function; statements of a function otherwise."""

HEAD = """
#include <math.h>
#include <string.h>
typedef {real} real;
typedef real V __attribute__((vector_size({lanes} * sizeof(real))));
typedef {mask} M __attribute__((vector_size({lanes} * sizeof(real))));
#define LANES for (int l = 0; l < {lanes}; l++)
#define BOTH(name, expression) \\
    static inline real name##_s(real x) {{ return expression; }} \\
    static inline V name##_v(V a) {{ V r; LANES {{ real x = a[l]; r[l] = expression; }} return r; }}
BOTH(tanh, tanh{f}(x))
BOTH(sin, sin{f}(x))
BOTH(cos, cos{f}(x))
BOTH(exp, exp{f}(x))
BOTH(log, log{f}(x))
BOTH(sigmoid, 1 / (1 + exp{f}(-x)))
BOTH(inverse_root, 1 / sqrt{f}(x))
static inline real relu_s(real x) {{ return x > 0 ? x : 0; }}
static inline V relu_v(V x) {{ return (V)((x > 0) & (M)x); }}
static inline real step_s(real x) {{ return x > 0 ? 1 : 0; }}
static inline V step_v(V x) {{ return (V)((x > 0) & (M)((V){{}} + 1)); }}
static inline real max_s(real x, real y) {{ return x > y ? x : y; }}
static inline V max_v(V x, V y) {{ return (V)(((x > y) & (M)x) | (~(x > y) & (M)y)); }}
static inline real share_s(real x, real y) {{ return x > y ? 1 : x < y ? 0 : (real)0.5; }}
static inline V share_v(V x, V y) {{ return (step_v(x - y) - step_v(y - x)) * (real)0.5 + (real)0.5; }}
static real s[{scalars}], gs[{scalars}];
static V acc[{scalars}], v[{vectors}], g[{vectors}], seed, loss;
static real *x;
"""
MAIN = """
double backward(real *batch, const real *p, int count, real *gradient) {{
    double total = 0;
    memcpy(s, p, {parameters} * sizeof(real));
    memset(gs, 0, sizeof gs);
    memset(acc, 0, sizeof acc);
    x = batch;
    {scalar_forward}
    for (int i = 0; i < count; i += {lanes}) {{
        LANES seed[l] = i + l < count ? (real)1 / count : 0;
        {blocks}
        x += {inputs} * {lanes};
    }}
    for (int k = 0; k < {scalars}; k++) LANES gs[k] += acc[k][l];
    {scalar_backward}
    memcpy(gradient, gs, {parameters} * sizeof(real));
    return total;
}}
double steps(int times, real *batch, real *p, int count, real rate) {{
    static real gradient[{parameters}];
    double total = 0;
    while (times--) {{
        total = backward(batch, p, count, gradient);
        for (int k = 0; k < {parameters}; k++) p[k] -= rate * gradient[k];
    }}
    return total;
}}
"""


def batched(items: list[str], size: int) -> Iterable[list[str]]:
    """Pieces of at most this size."""
    return (items[start : start + size] for start in range(0, len(items), size))


class Source:
    """The text for a loss; `lanes` 1 makes everything scalar."""

    def __init__(self, loss: Value, parameters: list[Value], inputs: list[Value], lanes: int, real: str) -> None:
        self.lanes = lanes
        self.nodes = [node for node in ag.topological(loss) if not node.is_leaf]
        self.column = {id(leaf): k for k, leaf in enumerate(inputs)}
        self.place: dict[int, int] = {id(leaf): k for k, leaf in enumerate(parameters)}
        varying: set[int] = set()
        for node in self.nodes:
            ids = [id(o) for o in node.operands if isinstance(o, Value)]
            if lanes > 1 and any(k in self.column or k in varying for k in ids):
                varying.add(id(node))
                self.place[id(node)] = len(varying) - 1
            else:
                self.place[id(node)] = len(self.place) - len(varying)  # behind the parameters
        self.varying = varying
        self.local = len(self.nodes) < SMALL and not any(self.name_of(n) == "take" for n in self.nodes)
        self.seen: set[int] = set()
        scalar = [n for n in self.nodes if id(n) not in varying]
        vector = [n for n in self.nodes if id(n) in varying]
        self.declared = lanes == 1 and self.local
        self.text = [
            HEAD.format(
                real=real, mask="int" if real == "float" else "long long", lanes=lanes,
                f="f" if real == "float" else "",
                scalars=len(parameters) + len(scalar) + 1, vectors=max(1, len(vector)),
            )
        ]  # fmt: skip
        parts = {}
        if lanes == 1:
            both = [*self.forward(scalar), f"total_ = {self.value(loss)};", *self.backward(scalar, loss, "1")]
            self.text.insert(1, "static double total_;")
            parts["scalar_forward"] = self.functions("all", both) + "total = total_;"
            parts["blocks"] = parts["scalar_backward"] = ""
        else:
            parts["scalar_forward"] = self.functions("before", self.forward(scalar))
            both = [*self.forward(vector), f"loss = {self.value(loss)};", *self.backward(vector, loss, "seed")]
            parts["blocks"] = self.functions("block", both) + "LANES total += loss[l] * seed[l];"
            parts["scalar_backward"] = self.functions("after", self.backward(scalar, None, ""))
        self.text.append(
            MAIN.format(
                parameters=len(parameters), scalars=len(parameters) + len(scalar) + 1, lanes=lanes,
                inputs=len(inputs), **parts,
            )
        )  # fmt: skip

    def __str__(self) -> str:
        return "\n".join(self.text)

    @staticmethod
    def name_of(node: Value) -> str:
        """Of a node's operation."""
        assert node.op is not None
        return node.op.name

    def functions(self, name: str, statements: list[str]) -> str:
        """Put the statements into functions; the calls of them."""
        pieces = list(batched(statements, max(1, len(statements)) if self.local else PIECE))
        for k, piece in enumerate(pieces):
            self.text.append(f"static void {name}{k}(void) {{\n" + "\n".join(piece) + "\n}")
        return " ".join(f"{name}{k}();" for k in range(len(pieces)))

    def kind(self, node: Value) -> str:
        """v for a vector, s for a scalar."""
        return "v" if id(node) in self.varying else "s"

    def value(self, operand: Any) -> str:
        """An operand's number, as C."""
        if not isinstance(operand, Value):
            return f"((real){float(operand)!r})"
        key = id(operand)
        if key in self.column:
            k = self.column[key]
            return f"x[{k}]" if self.lanes == 1 else f"((V *)x)[{k}]"
        kind = self.kind(operand)
        if self.local and (kind == "v" or (self.declared and not operand.is_leaf)):
            return f"{kind}{self.place[key]}"
        return f"{kind}[{self.place[key]}]"

    def wide(self, operand: Any, kind: str) -> str:
        """An operand as a function's argument: a scalar beside vectors is spread."""
        text = self.value(operand)
        varies = isinstance(operand, Value) and (id(operand) in self.varying or id(operand) in self.column)
        return text if kind == "s" or varies else f"((V){{}} + {text})"

    def forward(self, nodes: list[Value]) -> list[str]:
        """The statements of a forward pass."""
        lines = []
        for node in nodes:
            kind = self.kind(node)
            declare = {"v": "V ", "s": "real "}[kind] if self.local and (kind == "v" or self.declared) else ""
            z = self.value(node)
            if declare:
                lines.append(f"{declare}{z};")
            lines += self.statements(node, z, kind)
        return lines

    def statements(self, node: Value, z: str, kind: str) -> Iterable[str]:
        """The statements that compute a node."""
        ops = node.operands
        w = [self.wide(o, kind) for o in ops] if len(ops) < 3 else []
        match self.name_of(node):
            case "add" | "sub" | "mul" | "div" as name:
                sign = {"add": "+", "sub": "-", "mul": "*", "div": "/"}[name]
                yield f"{z} = {w[0]} {sign} {w[1]};"
            case "neg":
                yield f"{z} = -{w[0]};"
            case "square":
                yield f"{z} = {w[0]} * {w[0]};"
            case "tanh" | "sin" | "exp" | "sigmoid" | "relu" as name:
                yield f"{z} = {name}_{kind}({w[0]});"
            case "maximum":
                yield f"{z} = max_{kind}({w[0]}, {w[1]});"
            case "pow" if ops[1] == -0.5:
                yield f"{z} = inverse_root_{kind}({w[0]});"
            case "sum":
                yield from self.added(z, [self.wide(o, kind) for o in ops])
            case "dot":
                n = len(ops) // 2
                products = zip(ops[:n], ops[n : 2 * n], strict=True)
                terms = [f"{self.wide(a, kind)} * {self.value(b)}" for a, b in products]
                yield from self.added(z, [*terms, *(self.wide(o, kind) for o in ops[2 * n :])])
            case "logsumexp":
                yield f"{z} = {self.wide(ops[0], kind)};"
                for o in ops[1:]:
                    yield f"{z} = max_{kind}({z}, {self.wide(o, kind)});"
                terms = [f"exp_{kind}({self.wide(o, kind)} - {z})" for o in ops]
                yield f"{z} += log_{kind}({' + '.join(terms)});"
            case "take":
                at, table, _ = self.table(node)
                yield f"{{ {table} LANES {z}[l] = {at.format(array=self.kind(ops[1]))}; }}"
            case name:
                raise NotImplementedError(f"{name} has no C here")

    @staticmethod
    def added(z: str, terms: list[str]) -> Iterable[str]:
        """A long sum in several statements."""
        for k, piece in enumerate(batched(terms, 64)):
            yield f"{z} {'+=' if k else '='} {' + '.join(piece)};"

    def table(self, node: Value) -> tuple[str, str, bool]:
        """Of a take: the element by lane, the table of places, whether its values vary."""
        index, *values = node.operands
        places = ", ".join(str(self.place[id(o)]) for o in values)
        varies = id(values[0]) in self.varying
        element = f"{{array}}[t[(int){self.value(index)}[l]]]" + ("[l]" if varies else "")
        return element, f"static const int t[] = {{{places}}};", varies

    def backward(self, nodes: list[Value], root: Value | None, seed: str) -> list[str]:
        """The statements of a backward pass over these nodes, from the root's seed."""
        lines: list[str] = []
        if root is not None:
            lines += self.send(root, seed, self.kind(root))
        for node in reversed(nodes):
            kind = self.kind(node)
            if kind == "v" and id(node) not in self.seen:
                continue
            dz = self.adjoint(node)
            for operand, slope in self.slopes(node, dz, kind):
                if isinstance(operand, Value) and id(operand) in self.place:
                    lines += self.send(operand, slope, kind)
            if self.name_of(node) == "take":
                element, table, varies = self.table(node)
                if varies:
                    for o in node.operands[1:]:
                        if id(o) not in self.seen:
                            lines += self.send(o, "((V){})", kind)
                target = element.format(array="g") if varies else element.format(array="acc") + "[l]"
                lines.append(f"{{ {table} LANES {target} += {dz}[l]; }}")
        return lines

    def adjoint(self, node: Value) -> str:
        """Where a node's adjoint is."""
        name = "g" if self.kind(node) == "v" else "gs"
        if self.local and (name == "g" or (self.declared and not node.is_leaf)):
            return f"{name}{self.place[id(node)]}"
        return f"{name}[{self.place[id(node)]}]"

    def send(self, operand: Value, slope: str, kind: str) -> Iterable[str]:
        """Add to an operand's adjoint: of a scalar beside vectors, lane by lane."""
        if kind == "v" and id(operand) not in self.varying:
            return [f"acc[{self.place[id(operand)]}] += {slope};"]
        target = self.adjoint(operand)
        first = id(operand) not in self.seen
        self.seen.add(id(operand))
        if target.startswith("gs["):  # cleared at the start of the pass
            return [f"{target} += {slope};"]
        declare = "" if "[" in target or not first else "real " if target.startswith("gs") else "V "
        return [f"{declare}{target} {'=' if first else '+='} {slope};"]

    def slopes(self, node: Value, dz: str, kind: str) -> Iterable[tuple[Any, str]]:
        """Operands, and the adjoints that go to them."""
        ops, z = node.operands, self.value(node)
        w = [self.wide(o, kind) for o in ops] if len(ops) < 3 else []
        match self.name_of(node):
            case "add":
                yield from ((o, dz) for o in ops)
            case "sub":
                yield from zip(ops, (dz, f"-{dz}"), strict=True)
            case "mul":
                yield from zip(ops, (f"{dz} * {w[1]}", f"{dz} * {w[0]}"), strict=True)
            case "div":
                yield from zip(ops, (f"{dz} / {w[1]}", f"-{dz} * {z} / {w[1]}"), strict=True)
            case "neg":
                yield ops[0], f"-{dz}"
            case "square":
                yield ops[0], f"{dz} * {w[0]} * 2"
            case "tanh":
                yield ops[0], f"{dz} * (1 - {z} * {z})"
            case "sin":
                yield ops[0], f"{dz} * cos_{kind}({w[0]})"
            case "exp":
                yield ops[0], f"{dz} * {z}"
            case "sigmoid":
                yield ops[0], f"{dz} * {z} * (1 - {z})"
            case "relu":
                yield ops[0], f"{dz} * step_{kind}({w[0]})"
            case "maximum":
                share = f"share_{kind}({w[0]}, {w[1]})"
                yield from zip(ops, (f"{dz} * {share}", f"{dz} * (1 - {share})"), strict=True)
            case "pow":
                yield ops[0], f"{dz} * {z} / {w[0]} * (real)-0.5"
            case "sum":
                yield from ((o, dz) for o in ops)
            case "dot":
                n = len(ops) // 2
                for a, b in zip(ops[:n], ops[n : 2 * n], strict=True):
                    yield from ((a, f"{dz} * {self.value(b)}"), (b, f"{dz} * {self.value(a)}"))
                yield from ((o, dz) for o in ops[2 * n :])
            case "logsumexp":
                yield from ((o, f"{dz} * exp_{kind}({self.wide(o, kind)} - {z})") for o in ops)
