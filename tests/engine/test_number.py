"""The table of operations, the methods, the exported functions and the typed stub name the same things."""

import ast
from pathlib import Path

import numpy as np
import pytest
from support.operations import UFUNCS

import autograd as ag
from autograd import Value
from autograd.number import NUMPY_NAMES, Number
from autograd.op import Several, Unary
from autograd.ops import TABLE

DECLARED = set(TABLE)
STUB = Path(ag.__file__).parent / "number.pyi"


def names_in_stub():
    (number,) = [n for n in ast.parse(STUB.read_text("utf-8")).body if isinstance(n, ast.ClassDef)]
    return {f.name for f in number.body if isinstance(f, ast.FunctionDef) and not f.name.startswith("_")} - {"data"}


def test_every_operation_of_numbers_is_a_method_under_both_names():
    expected = set()
    for op in TABLE.values():
        if op.public and isinstance(op, Unary | Several) and op.name != "where":
            expected |= {op.name, NUMPY_NAMES.get(op.name, op.name)}
    methods = {name for name in vars(Number) if not name.startswith("_")}
    assert methods == expected | {"conjugate"}
    assert names_in_stub() == methods, f"autograd/number.pyi differs in {names_in_stub() ^ methods}"


@pytest.mark.parametrize("name", sorted(n for n in DECLARED if TABLE[n].public))
def test_every_public_operation_is_a_function_of_the_package(name):
    assert getattr(ag, name, None) is TABLE[name], f"import {name} in autograd/__init__.py, and name it in __all__"
    assert TABLE[name].__doc__


def test_all_that_is_exported_exists_and_builtins_are_not_shadowed_by_a_star():
    assert all(hasattr(ag, name) for name in ag.__all__)
    assert set(ag.__all__) <= set(dir(ag))
    with pytest.raises(AttributeError, match="has no attribute 'gradient'"):
        ag.gradient  # noqa: B018
    assert not {"sum", "abs", "pow"} & set(ag.__all__)


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda u: u.__name__)
def test_ufuncs_of_a_value_run_the_operation(ufunc):
    op = UFUNCS[ufunc]
    xs = [Value(1.25), Value(0.75)][: op.arity]
    if op.name in ("asin", "acos", "atanh"):
        xs = [Value(0.5)]
    node = ufunc(*xs)
    assert type(node) is Value
    assert node.op is op


def test_reductions_and_methods_of_ufuncs_go_element_by_element():
    xs = np.array([Value(1.0), Value(2.0), Value(3.0)])
    assert np.add.reduce(xs).data == 6.0
    assert [v.data for v in np.multiply.outer(xs, 2.0)] == [2.0, 4.0, 6.0]
    assert np.greater(xs, Value(1.5)).tolist() == [False, True, True]
