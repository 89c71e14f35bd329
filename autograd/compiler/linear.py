"""Chains of additions, negations and scalings become sums of terms: the first step of raising.

    ((b + w1 * x1) + w2 * x2) / 2          five nodes of two operands
    0.5 b + 0.5 w1 x1 + 0.5 w2 x2          one sum of three terms

A *linear edge* (owner, operand, c) says that ``owner`` adds ``c`` times the operand: ``add`` has two with c = 1,
``neg`` one with c = -1, ``x * 3`` one with c = 3, a ``dot`` one for its bias. A node that only one linear edge reads
is *absorbed* by its owner if it is linear itself, and so on up to the *root* of the chain; the coefficient of a term is
the product of those on the way. A product that only one linear edge reads is *fused* into it: a term c * x * y.

Nothing is distributed over a sum but powers of two, which round nothing: the difference of two close numbers is
exact, and c * x - c * y is not. So a sum of several terms that is multiplied by 0.3 stays a sum of its own, and a mean
is a sum that is divided when it is complete.

Invariant: on finite numbers a root's terms and bias, added up and multiplied by its scale, are the number that the tape
gives it, within rounding: a few eps times the sum of the terms' sizes. Division by a constant is a multiplication by
its reciprocal (one ulp). No term is dropped, also where its coefficient is 0, since 0 * inf is nan; only the sign of a
zero is not kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autograd.compiler.constants import Known
from autograd.compiler.schedule import Bools
from autograd.compiler.tape import FIRST_OP, Floats, Ints, Tape
from autograd.ops import TABLE

ABSENT = -1
"""What stands for the second factor of a term that has one."""

SAFE = 2.0**40
"""Coefficients outside [1 / SAFE, SAFE] are not multiplied: the product may overflow where the numbers do not, in
float32 too."""

MODEST = 2.0**100
"""Constants from here on are no part of a bias: they are added when the program runs, where an overflow is noted."""


@dataclass(eq=False)
class TermTable:
    """Terms ``c * x * y`` (or ``c * x`` where y is ABSENT) of sums, sorted by the node that they add up to."""

    root: Ints
    x: Ints
    y: Ints
    c: Floats

    def __len__(self) -> int:
        return len(self.root)

    def at(self, which: Bools | Ints) -> TermTable:
        """Some of the terms."""
        return TermTable(self.root[which], self.x[which], self.y[which], self.c[which])

    def plus(self, other: TermTable) -> TermTable:
        """Both tables, sorted."""
        merged = TermTable(*(np.concatenate([getattr(self, k), getattr(other, k)]) for k in ("root", "x", "y", "c")))
        return merged.at(np.argsort(merged.root, kind="stable"))


@dataclass(eq=False)
class Linear:
    """A tape whose linear parts are sums of terms.

    Attributes:
        terms: of all sums that are left.
        bias, scale: by node, the constant that a sum adds, and what it is multiplied by when it is complete.
        is_sum: the nodes that are sums; their operations are not run.
        alone: the other operations that are left, each run by itself on its operands.
        absorbed, fused: how many nodes went into sums and into terms.
    """

    terms: TermTable
    bias: Floats
    scale: Floats
    is_sum: Bools
    alone: Bools
    absorbed: int
    fused: int


def nodes_of(tape: Tape, *names: str) -> Bools:
    """Which nodes are the engine's operation of one of these names."""
    wanted = [TABLE.get(name) for name in names]
    return np.array([False] * FIRST_OP + [op in wanted for op in tape.ops])[tape.code]


def collapse(tape: Tape, known: Known) -> Linear:
    """Lower a tape to sums of terms and the operations that stay."""
    edges, after = linear_edges(tape, known)
    n = len(tape)
    linear = np.zeros(n, bool)
    linear[edges.root] = True
    bare = edges.y == ABSENT
    # where a node is read once, that edge says by whom and how often
    owner, scale = np.full(n, ABSENT), np.ones(n)
    owner[edges.x[bare]] = edges.root[bare]
    scale[edges.x[bare]] = edges.c[bare]
    absorbed = linear & (known.uses == 1) & (owner != ABSENT) & tame(scale) & (after == 1.0)
    absorbed[edges.root[~tame(edges.c) & (edges.c != 0.0)]] = False
    absorbed &= ~distributed(absorbed, np.bincount(edges.root, minlength=n) > 1, owner, scale)
    top, coefficient = climb(absorbed, owner, scale, np.multiply)
    if not tame(coefficient).all():
        # cut the chains wherever the coefficient, seen from the root, passes a power of SAFE
        with np.errstate(divide="ignore"):
            _, size = climb(absorbed, owner, np.log2(np.abs(scale)), np.add)
        section = np.floor(size / np.log2(SAFE))
        absorbed &= section == section[owner]
        top, coefficient = climb(absorbed, owner, scale, np.multiply)
    x, y, fused = products(tape, known, owner)
    terms = TermTable(top[edges.root], edges.x, edges.y, edges.c * coefficient[edges.root]).at(
        ~((edges.y == ABSENT) & absorbed[edges.x])
    )
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = terms.c * known.value[terms.x]
    constant = (terms.y == ABSENT) & known.fixed[terms.x] & (np.abs(numbers) < MODEST)
    bias = np.zeros(n)
    np.add.at(bias, terms.root[constant], numbers[constant])
    terms = terms.at(~constant)
    whole = (terms.y == ABSENT) & fused[terms.x]
    terms.x, terms.y = np.where(whole, x[terms.x], terms.x), np.where(whole, y[terms.x], terms.y)
    terms = terms.at(np.argsort(terms.root, kind="stable"))
    return Linear(
        terms=terms,
        bias=bias,
        scale=after,
        is_sum=linear & ~absorbed,
        alone=known.alive & ~linear & ~fused,
        absorbed=int(absorbed.sum()),
        fused=int(fused.sum()),
    )


def tame(c: Floats) -> Bools:
    """Which coefficients may be multiplied with others; 0 may not, since what it multiplies may be inf."""
    size = np.abs(c)
    result: Bools = (size <= SAFE) & (size >= 1.0 / SAFE)
    return result


def rounds(c: Floats) -> Bools:
    """Which coefficients are no powers of two."""
    found: Bools = np.abs(np.frexp(c)[0]) != 0.5
    return found


def distributed(absorbed: Bools, several: Bools, owner: Ints, scale: Floats) -> Bools:
    """Which sums of several terms would be multiplied term by term, with a rounding each, if they were absorbed."""
    rough = absorbed & rounds(scale)
    if not rough.any():
        return rough
    # a node of one term hands on what its reader multiplies it by
    _, above = climb(absorbed & ~several, owner, rough.astype(float), np.add)
    return absorbed & several & (rough + above[owner] > 0.0)


def climb(absorbed: Bools, owner: Ints, numbers: Floats, combine: np.ufunc) -> tuple[Ints, Floats]:
    """The root of each node's chain, and the numbers on the way there, multiplied or added.

    By pointer jumping: every node asks its parent for the grandparent, so that the distance doubles with each round
    and a chain of a million nodes takes twenty.
    """
    top = np.where(absorbed, owner, np.arange(len(owner)))
    total = np.where(absorbed, numbers, combine.identity)
    moving = np.flatnonzero(absorbed)
    while len(moving):
        above = top[moving]
        higher = top[above]
        on = higher != above
        moving, above = moving[on], above[on]
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            total[moving] = combine(total[moving], total[above])
        top[moving] = higher[on]
    return top, total


def linear_edges(tape: Tape, known: Known) -> tuple[TermTable, Floats]:
    """All linear edges, the products of every ``dot`` too, as terms of the node that reads them; each node's scale.

    A factor that is inf or nan is not taken for a coefficient: it stays an operand.
    """
    args, owner, read = tape.args, known.owner, known.read
    place = np.arange(len(args))
    position = place - tape.start[owner]
    count = np.diff(tape.start)
    plain = known.fixed & np.isfinite(known.value)
    c, found = np.ones(len(args)), np.zeros(len(args), bool)
    other = np.full(len(args), ABSENT)

    def edges_of(*names: str) -> Bools:
        return nodes_of(tape, *names)[owner] & read

    found |= edges_of("add", "sum", "identity", "neg", "sub", "mean")
    c[edges_of("neg")] = -1.0
    minus = edges_of("sub")
    c[minus] = 1.0 - 2.0 * position[minus]
    after = np.ones(len(tape))
    means = np.flatnonzero(nodes_of(tape, "mean") & known.alive)
    after[means] = 1.0 / count[means]
    exact = edges_of("mean") & ~rounds(after)[owner]
    c[exact] = after[owner[exact]]
    after[~rounds(after)] = 1.0
    found |= edges_of("take") & (np.bincount(owner[read], minlength=len(tape))[owner] == 1)  # constant index

    factor = np.flatnonzero(edges_of("mul"))
    partner = args[2 * tape.start[owner[factor]] + 1 - factor]
    scaled = plain[partner] & ~plain[args[factor]]
    c[factor[scaled]] = known.value[partner[scaled]]
    found[factor[scaled]] = True

    dividend = np.flatnonzero(edges_of("div") & (position == 0))
    divisor = args[dividend + 1]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        reciprocal = 1.0 / known.value[divisor]
    divided = plain[divisor] & np.isfinite(reciprocal) & (reciprocal != 0.0)
    c[dividend[divided]] = reciprocal[divided]
    found[dividend[divided]] = True

    dot = edges_of("dot")
    half = count[owner] // 2
    found |= dot & ((position == 2 * half) | (position < half))
    left = np.flatnonzero(dot & (position < half))
    w, x = args[left], args[left + half[left]]
    fixed_w, fixed_x = plain[w], plain[x] & ~plain[w]
    c[left] = np.where(fixed_w, known.value[w], np.where(fixed_x, known.value[x], 1.0))
    other[left] = np.where(fixed_w | fixed_x, ABSENT, x)
    operand = args.copy()
    operand[left[fixed_w]] = x[fixed_w]

    # sums of constants alone that could not be folded keep their operation
    lost = np.bincount(owner[found & ~known.fixed[operand]], minlength=len(tape)) == 0
    found &= ~lost[owner]
    return TermTable(owner[found], operand[found], other[found], c[found]), after


def products(tape: Tape, known: Known, owner: Ints) -> tuple[Ints, Ints, Bools]:
    """The factors of every node that is a product of two, and which of them their only reader takes as a term."""
    n = len(tape)
    start = np.minimum(tape.start[:-1], max(len(tape.args) - 1, 0))
    first = tape.args[start] if len(tape.args) else np.zeros(n, np.int64)
    second = tape.args[np.minimum(start + 1, len(tape.args) - 1)] if len(tape.args) else first
    plain = known.fixed & np.isfinite(known.value)
    two = nodes_of(tape, "mul") & ~plain[first] & ~plain[second]
    one = nodes_of(tape, "square") | is_square(tape, known)
    fused = known.alive & (two | one) & (known.uses == 1) & (owner != ABSENT)
    return first, np.where(one, first, second), fused


def is_square(tape: Tape, known: Known) -> Bools:
    """Which nodes are ``pow(x, 2)``."""
    power = np.flatnonzero(nodes_of(tape, "pow") & known.alive)
    exponent = tape.args[tape.start[power] + 1]
    found = np.zeros(len(tape), bool)
    found[power[known.fixed[exponent] & (known.value[exponent] == 2.0)]] = True
    return found
