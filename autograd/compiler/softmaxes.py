"""Find softmaxes in a schedule: exp(x - logsumexp(xs)) over the sum of these, as ``ag.softmax`` records it.

Operation by operation that takes the powers twice, once for the logsumexp and once for the shares, and the backward
pass goes through both. As one group the shares are powers / total, and with the adjoints g of the shares those of x are

    share * (g - sum(share * g))

since d share_i / d x_j = share_i * ((i == j) - share_j).

The places of shorter sequences that are not live are new nodes in ``out``, always 0: a product that was padded with
``zero`` reads these instead, so that its rows lie evenly. And where the scores come from a product whose grid has cells
that nothing reads (a position sees only those before it), x has these there, so that it is the product's result as it
stands; their adjoints are exactly 0. One positive number by which all such scores are multiplied becomes the product's.

Invariant: every node that is left has the number it had, and what is gone was read by the softmax alone.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import permutations

import numpy as np

from autograd.compiler.schedule import Bools, Elementwise, Group, Product, Schedule, Softmax, Sum, Terms, operands
from autograd.compiler.tape import Ints
from autograd.ops import TABLE

Term = tuple[int, float]
Sequence = list[tuple[int, int]]
"""The score and the share of each place."""


def find_softmaxes(schedule: Schedule) -> Schedule:
    """The schedule with its softmaxes as groups; the same schedule where it has none."""
    ops = {group.op for group in schedule.groups if isinstance(group, Elementwise)}
    if not ops >= {TABLE["logsumexp"], TABLE["exp"], TABLE["div"]}:
        return schedule
    graph = Graph(schedule)
    made: dict[int, list[Softmax]] = {}
    for sequences in graph.sequences().values():
        softmax = graph.softmax(sequences)
        made.setdefault(int(graph.maker[softmax.out[softmax.live]].min()), []).append(softmax)
    if not made:
        return schedule
    softmaxes = [group for each in made.values() for group in each]
    groups: list[Group] = []
    for k, group in enumerate(schedule.groups):
        groups += made.get(k, [])
        if isinstance(group, Product):
            groups.append(replace(padded(group, softmaxes, schedule.zero), scale=graph.scale.get(k, group.scale)))
        elif (rest := without(group, graph.gone, schedule.zero)) is not None:
            groups.append(rest)
    return schedule.changed(groups, np.ones(graph.size - schedule.size, bool))


class Graph:
    """What the search asks of a schedule, and what it has found.

    Attributes:
        maker, place: by node, the group that makes it (-1: none) and its place there.
        uses: how many times each node is read; an output counts more often than any softmax reads it.
        gone: nodes that a softmax computes, or does without.
        scale: by group, the number that a product has taken over.
        size: the number of node numbers in use.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule, self.size = schedule, schedule.size
        self.maker, self.place = np.full(self.size, -1), np.zeros(self.size, np.int64)
        for k, group in enumerate(schedule.groups):
            self.maker[group.out] = k
            self.place[group.out] = np.arange(group.out.size).reshape(group.out.shape)
        read = [ids.ravel() for group in schedule.groups for ids in operands(group)]
        self.uses = np.bincount(np.concatenate(read), minlength=self.size)
        self.uses[schedule.tape.outputs] += self.size
        self.gone = np.zeros(self.size, bool)
        self.scale: dict[int, float] = {}
        self.plain: dict[int, list[list[Term] | None]] = {}

    def operation(self, node: int, name: str) -> list[int] | None:
        """The operands of a node that is such an operation."""
        group = self.schedule.groups[self.maker[node]] if self.maker[node] >= 0 else None
        if not isinstance(group, Elementwise) or group.op is not TABLE[name]:
            return None
        found: list[int] = group.args[:, self.place[node]].tolist()
        return found

    def terms(self, node: int) -> list[Term] | None:
        """The terms (operand, coefficient) of a node that is a sum of such, and of nothing else."""
        k = int(self.maker[node])
        group = self.schedule.groups[k] if k >= 0 else None
        if not isinstance(group, Sum):
            return None
        if k not in self.plain:
            self.plain[k] = plain_terms(group, self.schedule.zero)
        return self.plain[k][int(self.place[node])]

    def sequences(self) -> dict[int, list[Sequence]]:
        """The softmaxes, by the group that makes their logsumexps."""
        by_total: dict[int, list[tuple[int, int]]] = {}
        for group in self.schedule.groups:
            if isinstance(group, Elementwise) and group.op is TABLE["div"] and group.batched:
                for share, power, total in zip(group.out.tolist(), *group.args.tolist(), strict=True):
                    by_total.setdefault(total, []).append((share, power))
        found: dict[int, list[Sequence]] = {}
        for total, pairs in by_total.items():
            one = self.sequence(total, pairs)
            if one is not None:
                found.setdefault(one[0], []).append(one[1])
        return found

    def sequence(self, total: int, pairs: list[tuple[int, int]]) -> tuple[int, Sequence] | None:
        """The shares of one total, if they are a softmax: in the order of the logsumexp, and the group of that."""
        count = len(pairs)
        passing = [total]
        shares: dict[int, list[int]] = {}
        tops = set()
        for share, power in pairs:
            less = self.operation(power, "exp")
            terms = self.terms(less[0]) if less and self.uses[power] == 2 and self.uses[less[0]] == 1 else None
            if less is None or terms is None or sorted(c for _, c in terms) != [-1.0, 1.0]:
                return None
            (top, _), (score, _) = sorted(terms, key=lambda term: term[1])
            tops.add(top)
            shares.setdefault(score, []).append(share)
            passing += [share, power, less[0]]
        added = self.terms(total)
        if added is None or sorted(added) != sorted((power, 1.0) for _, power in pairs) or len(tops) > 1:
            return None
        values = self.operation(top, "logsumexp")
        if values is None or self.uses[top] != count or self.uses[total] != count:
            return None
        constant, known, batched = self.schedule.constant, self.schedule.known, self.schedule.batched
        live = [value for value in values if not (known[value] and constant[value] == -math.inf)]
        if sorted(live) != sorted(score for score, many in shares.items() for _ in many):
            return None
        if not batched[live].all() or known[live].any():
            return None
        self.gone[[*passing, top]] = True
        return int(self.maker[top]), [(score, shares[score].pop(0)) for score in live]

    def softmax(self, sequences: list[Sequence]) -> Softmax:
        """The group for sequences that are as far up; the longest says how many places it has."""
        live = np.arange(max(map(len, sequences)))[:, None] < np.array([len(each) for each in sequences])
        x, out = np.full(live.shape, self.schedule.zero), np.full(live.shape, -1)
        x.T[live.T] = [score for each in sequences for score, _ in each]
        out.T[live.T] = [share for each in sequences for _, share in each]
        x, out, live = self.seated_before_scaling(x, out, live) or self.seated(x, out, live) or (x, out, live)
        level = self.schedule.groups[self.maker[out[live][0]]].level
        dead = int(np.count_nonzero(~live))
        out[~live] = np.arange(self.size, self.size + dead)
        self.size += dead
        return Softmax(out, level, True, x, live)

    def seated_before_scaling(self, x: Ints, out: Ints, live: Bools) -> tuple[Ints, Ints, Bools] | None:
        """As ``seated``, of what the scores were before all of them were multiplied by one positive number."""
        scores = x[live]
        terms = [term for score in scores.tolist() for term in self.terms(score) or []]
        before, factors = [node for node, _ in terms], {c for _, c in terms}
        if len(before) != len(scores) or len(factors) != 1 or not min(factors) > 0.0:
            return None
        if (self.uses[scores] != 2).any() or (self.uses[before] != 1).any():
            return None  # somebody else reads them
        earlier = x.copy()
        earlier[live] = before
        found = self.seated(earlier, out, live)
        if found is not None:
            self.gone[scores] = True
            self.scale[int(self.maker[before[0]])] = factors.pop()
        return found

    def seated(self, x: Ints, out: Ints, live: Bools) -> tuple[Ints, Ints, Bools] | None:
        """x, out and live in the order in which x is the whole result of one product, its unread cells among it."""
        makers = self.maker[x[live]]
        product = self.schedule.groups[makers[0]] if (makers == makers[0]).all() else None
        if not isinstance(product, Product):
            return None
        column, share = np.full(len(self.maker), -1), np.full(len(self.maker), -1)
        column[x[live]], share[x[live]] = np.nonzero(live)[1], out[live]
        for axes in permutations(range(3)):
            cells = product.out.transpose(axes)
            cells = cells.reshape(len(cells), -1)
            taken = column[cells] >= 0
            whose = column[cells].max(0)
            each_once = sorted(whose.tolist()) == list(range(x.shape[1]))
            if each_once and ((column[cells] == whose) | ~taken).all() and not self.uses[cells[~taken]].any():
                return cells, share[cells], taken
        return None


def plain_terms(group: Sum, zero: int) -> list[list[Term] | None]:
    """For each sum its terms (operand, coefficient); None where it has products, something to add or a scale."""
    plain = (group.bias == 0.0) & (group.scale == 1.0)
    found: list[list[Term] | None] = [[] if each else None for each in plain.tolist()]
    for part in group.parts:
        for row, factors in zip(part.x.tolist(), part.c.tolist(), strict=True):
            for i, (operand, c) in enumerate(zip(row, factors, strict=True)):
                terms = found[i]
                if operand == zero or terms is None:
                    continue
                if part.y is None:
                    terms.append((operand, c))
                else:
                    found[i] = None
    return found


def without(group: Group, gone: Bools, zero: int) -> Group | None:
    """A group without the nodes that are gone; None where none is left."""
    lost = gone[group.out]
    if not lost.any():
        return group
    if lost.all():
        return None
    if isinstance(group, Elementwise):
        return replace(group, out=group.out[~lost], args=group.args[:, ~lost])
    assert isinstance(group, Sum)
    parts = []
    for part in group.parts:
        x = part.x[:, ~lost]
        some = (x != zero).any(1)
        if some.any():
            y = None if part.y is None else part.y[:, ~lost][some]
            parts.append(Terms(x[some], y, part.c[:, ~lost][some]))
    return replace(group, out=group.out[~lost], parts=parts, bias=group.bias[~lost], scale=group.scale[~lost])


def padded(product: Product, softmaxes: list[Softmax], zero: int) -> Product:
    """A product whose factors read, where they were padded with ``zero``, the zeros of the softmax that they read."""
    for group in softmaxes:
        x = with_zeros_of(group, product.x, zero)
        y = with_zeros_of(group, product.y.swapaxes(1, 2), zero).swapaxes(1, 2)
        product = replace(product, x=x, y=np.ascontiguousarray(y))
    return product


def with_zeros_of(group: Softmax, lines: Ints, zero: int) -> Ints:
    """Lines of a factor, shape (..., K), each of which reads one sequence of shares, place by place, and ``zero``."""
    m, n = group.out.shape
    if lines.shape[-1] != m or not (lines == zero).any():
        return lines
    size = 1 + max(int(lines.max()), int(group.out.max()))
    column, place = np.full(size, -1), np.full(size, -1)
    column[group.out], place[group.out] = np.broadcast_to(np.arange(n), (m, n)), np.arange(m)[:, None]
    read = column[lines].max(-1, keepdims=True)
    fits = (column[lines] == read) & (place[lines] == np.arange(m))
    dead = (lines == zero) & ~group.live[np.arange(m), read]
    return np.where(dead, group.out[np.arange(m), read], lines) if (read >= 0).all() and (fits | dead).all() else lines
