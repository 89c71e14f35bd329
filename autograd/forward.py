"""Forward mode: dual numbers, which carry a derivative along.

A ``Dual`` is a primal and a tangent: x + t*e with e*e = 0. Each call of ``jvp`` has an e of its own, told by its tag,
so that nested calls do not mistake one variable's tangent for another's (perturbation confusion: Siskind & Pearlmutter,
2005). The primal and the tangent are floats, Values, or Duals of an older tag.

Rule for 0 * inf: as in the reverse sweep, products are those of IEEE floats, and a tangent of 0 along a slope of inf is
nan. Only what does not move takes no part: a number that depends on no variable, and a variable whose tangent was given
as 0. Its tangent is ``UNREACHED``, which reads 0.0 and is told by identity.
"""

from __future__ import annotations

import itertools
from typing import Any, NoReturn

from autograd import modes, scopes
from autograd.number import Number
from autograd.op import FLOAT_ERRORS, READINGS, Op, Reading
from autograd.ops.nary import sum as sum_of
from autograd.reverse import UNREACHED
from autograd.value import Value, detached

FIRST_TAG = 2**32
"""Tags below are free for dual numbers made by hand."""

_tags = itertools.count(FIRST_TAG)


def fresh_tag() -> int:
    """A tag that no dual number has; larger than all before."""
    return next(_tags)


class Dual(Number):
    """``primal + tangent * e``: a number and its derivative in one direction."""

    __slots__ = ("primal", "tag", "tangent")

    def __init__(self, primal: Any, tangent: Any, tag: int) -> None:
        self.primal = primal
        self.tangent = tangent
        self.tag = tag

    def __repr__(self) -> str:
        return f"Dual({self.primal!r}, {self.tangent!r})"

    @property
    def data(self) -> float:
        """The plain number at the bottom."""
        primal = self.primal
        return primal.data if isinstance(primal, Number) else float(primal)

    def detach(self) -> Value:
        """The same number as a constant: a new leaf, with no tangent."""
        return detached(self.data)

    def __copy__(self) -> Dual:
        return Dual(self.primal, self.tangent, self.tag)

    def __deepcopy__(self, memo: dict[int, Any]) -> Dual:
        return Dual(self.primal, self.tangent, self.tag)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("Duals are not pickled: they belong to the jvp that is running")


def parts(x: Any, tag: int) -> tuple[Any, Any]:
    """Primal and tangent with respect to the e of ``tag``: any other number does not move."""
    return (x.primal, x.tangent) if isinstance(x, Dual) and x.tag == tag else (x, UNREACHED)


def run_duals(op: Op, operands: tuple[Any, ...]) -> Any:
    """The reading of Duals: the operation on the primals, its linear part on the tangents.

    Raises:
        GraphError: one of them belongs to a jvp that has ended.
    """
    tag = max(x.tag for x in operands if isinstance(x, Dual))
    if tag >= FIRST_TAG:
        scopes.check_live(tag)
    if modes.active and not modes.current().record:
        z = op.apply(tuple(x.data if isinstance(x, Dual) else x for x in operands))
        return z if isinstance(z, Value) else detached(z)
    primals = [parts(x, tag)[0] for x in operands]
    z = op.apply(tuple(primals))
    terms = [
        local if is_one(tangent) else tangent if is_one(local) else local * tangent
        for local, tangent in zip(partials(op, z, primals), (parts(x, tag)[1] for x in operands), strict=True)
        if tangent is not UNREACHED
    ]
    tangent = terms[0] if len(terms) == 1 else sum_of(terms) if terms else UNREACHED
    return Dual(z, tangent, tag)


def is_one(x: Any) -> bool:
    """The plain float 1: a product with it needs no node."""
    return x.__class__ is float and x == 1.0


def partials(op: Op, z: Any, operands: list[Any]) -> list[Any]:
    """d z / d operand for every operand, on any kind of number; a slope is inf or nan where it is, never an error."""
    if op.kinks is not None and op.is_at_kink([plain(x) for x in operands]):
        scopes.note_kink()
    if all(x.__class__ is float or x.__class__ is int for x in (z, *operands)) and op.arity is not None:
        return [op.partial_on_floats(i, z, operands) for i in range(op.arity)]
    try:
        return all_rules(op, z, operands)
    except FLOAT_ERRORS:
        with modes.ieee():
            return all_rules(op, z, operands)


def plain(x: Any) -> float:
    """The number at the bottom."""
    while isinstance(x, Dual):
        x = x.primal
    return x._data if isinstance(x, Value) else float(x)


def all_rules(op: Op, z: Any, operands: list[Any]) -> list[Any]:
    """Every rule of the operation, run on these operands."""
    if callable(op.partials):
        return list(op.partials(z, *operands))
    return [rule(z, *operands) for rule in op.partials]


READINGS[Dual] = Reading(3, run_duals)
