"""Value: arithmetic, comparisons, refusals, gradients."""

import copy
import math
import pickle

import numpy as np
import pytest

import autograd as ag
from autograd import DomainError, GraphError, StaleGraphError, Value


def test_attributes_of_a_leaf_and_of_a_node():
    x = Value(2, name="x")
    assert (x.data, x.grad, x.name, x.op, x.operands, x.is_leaf) == (2.0, 0.0, "x", None, (), True)
    assert type(x.data) is float
    y = x * 3.0
    assert y.op.name == "mul"
    assert y.operands[0] is x
    assert y.operands[1] == 3.0
    assert y.partials == (3.0, None)
    assert not y.is_leaf


def test_repr_shows_data_grad_and_name():
    assert repr(Value(2.0)) == "Value(data=2.0, grad=0.0)"
    assert repr(Value(2.0, name="w1")) == "Value(data=2.0, grad=0.0, name='w1')"


@pytest.mark.parametrize("kind", [int, float, np.float64, np.float32, np.int64, np.int8, Value])
@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        (lambda a, b: a + b, 8.0),
        (lambda a, b: a - b, 4.0),
        (lambda a, b: a * b, 12.0),
        (lambda a, b: a / b, 3.0),
        (lambda a, b: a**b, 36.0),
    ],
)
def test_arithmetic_with_every_kind_of_number_on_either_side(kind, operator, expected):
    left, right = operator(Value(6.0), kind(2)), operator(kind(6), Value(2.0))
    for result in (left, right):
        assert type(result) is Value
        assert result.data == expected


def test_constants_keep_their_side():
    x = Value(4.0)
    for node, operands in [(10 - x, (10.0, x)), (x - 10, (x, 10.0)), (2 / x, (2.0, x)), (2**x, (2.0, x))]:
        assert all(a is b or a == b for a, b in zip(node.operands, operands, strict=True))
        assert (node.operands[0] is x) == (operands[0] is x)


def test_unary_signs_and_abs():
    x = Value(-3.0)
    assert (-x).data == 3.0
    assert +x is x
    assert abs(x).data == 3.0


def test_comparisons_read_data_and_hash_is_identity():
    a, b = Value(2.0), Value(2.0)
    assert a == b
    assert (a != b) is False
    assert a == 2
    assert a < 3 <= Value(3.0)
    assert (3).__gt__(a) is NotImplemented
    assert a.__lt__(3)
    assert (a == "2") is False
    assert a != None  # noqa: E711
    assert len({a, b}) == 2
    assert hash(a) != hash(b)
    assert a is not b
    with pytest.raises(TypeError):
        a < "2"  # noqa: B015


def test_bool_and_format_read_data():
    assert bool(Value(0.5))
    assert not Value(0.0)
    assert f"{Value(3.14159):.2f} {Value(2.0)}" == "3.14 2.0"


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda v: v // 2, "use /"),
        (lambda v: 2 // v, "use /"),
        (lambda v: v % 2, "floor"),
        (lambda v: 2 % v, "floor"),
        (lambda v: divmod(v, 2), "floor"),
        (lambda v: round(v), "v.data"),
        (lambda v: math.sin(v), r"autograd\.sin\(v\)"),
        (lambda v: float(v), r"v\.data"),
        (lambda v: int(v), r"v\.data"),
        (lambda v: [1, 2, 3][v], r"v\.data"),
        (lambda v: np.array([v], dtype=float), r"v\.data"),
        (lambda v: v + "1", r"float\(text\)"),
        (lambda v: "1" * v, r"float\(text\)|v\.data"),
        (lambda v: v * None, "return"),
        (lambda v: None - v, "return"),
        (lambda v: v / 1j, "real"),
        (lambda v: v + [1], "numpy"),  # noqa: RUF005
        (lambda v: v ** "2", r"float\(text\)"),
        (lambda v: pickle.dumps(v), r"autograd\.save"),
        (lambda v: ag.exp("1"), r"float\(text\)"),
        (lambda v: ag.exp(None), "return"),
        (lambda v: ag.sum(3.0), r"\[a, b\]"),
        (lambda v: v.backward("x"), r"float\(text\)"),
    ],
)
def test_what_is_refused_says_what_to_do(use, message):
    with pytest.raises(TypeError, match=message):
        use(Value(1.0))


@pytest.mark.parametrize("data", ["3", None, 1j, [1.0], np.array([1.0, 2.0]), Value(1.0), object()])
def test_data_must_be_a_real_number(data):
    with pytest.raises(TypeError, match=r"Value (cannot take|takes|holds)"):
        Value(data)
    x = Value(1.0)
    with pytest.raises(TypeError, match="data"):
        x.data = data
    assert x.data == 1.0


def test_name_must_be_text():
    with pytest.raises(TypeError, match="name of a Value is text"):
        Value(1.0, name=3)


def test_a_second_backward_adds_the_same_again_to_the_leaves():
    x = Value(3.0)
    inner = x * x
    y = inner * x
    y.backward()
    assert (x.grad, inner.grad) == (27.0, 3.0)
    y.backward()
    assert (x.grad, inner.grad) == (54.0, 3.0)


def test_an_inner_node_holds_the_gradient_of_the_last_root():
    x = Value(3.0)
    h = x * 2
    a, b = h * 5, h * 7
    a.backward()
    b.backward()
    assert h.grad == 7.0
    assert x.grad == 24.0


def test_has_grad_tells_never_reached_from_zero():
    x, y = Value(1.0), Value(2.0)
    assert not x.has_grad
    (x * 0.0).backward()
    assert x.has_grad
    assert x.grad == 0.0
    assert not y.has_grad
    x.zero_grad()
    assert not x.has_grad


def test_zero_grad_forgets_the_whole_graph():
    x = Value(3.0)
    h = x * x
    y = h + x
    y.backward()
    y.zero_grad()
    assert [v.grad for v in (x, h, y)] == [0.0, 0.0, 0.0]
    assert not any(v.has_grad for v in (x, h, y))


def test_backward_of_a_leaf_and_with_a_seed():
    x = Value(3.0)
    x.backward()
    x.backward(2.0)
    assert x.grad == 3.0
    y = Value(2.0)
    (y * y).backward(10.0)
    assert y.grad == 40.0


def test_in_place_operators_rebind():
    x = Value(2.0)
    y = x
    y += 1
    y *= x
    assert (x.data, y.data) == (2.0, 6.0)


def test_sum_of_a_list_of_values():
    xs = [Value(float(i)) for i in range(4)]
    total = sum(xs)
    total.backward()
    assert total.data == 6.0
    assert [x.grad for x in xs] == [1.0] * 4


def test_detach_cuts_the_graph_and_backward_says_so():
    x = Value(2.0, name="x")
    y = (x * x).detach()
    assert y.is_leaf
    (y * x).backward()
    assert x.grad == 4.0
    with pytest.raises(GraphError, match=r"no_grad\(\), or detached"):
        (x * x).detach().backward()


def test_edited_data_never_gives_a_mixture():
    x = Value(3.0, name="x")
    y = x * x
    x.data = 100.0
    y.backward()
    assert x.grad == 6.0
    with pytest.raises(StaleGraphError, match=r"recorded mul = 9\.0.*x = 100\.0.*10000\.0"):
        ag.verify(y)


def test_an_edit_that_changes_only_slopes_is_found_and_the_node_is_named():
    x = Value(0.0, name="x")
    w = Value(0.0, name="w")
    y = x * w
    y.name = "product"
    w.data = 5.0
    with pytest.raises(StaleGraphError, match="'product'"):
        ag.verify(y)


def test_verify_accepts_untouched_graphs_with_nan_and_inf():
    with ag.ieee():
        y = ag.log(Value(-1.0)) + Value(math.inf) * 2.0
    ag.verify(y)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: Value(-1.0, name="w").log(), r"log\(w = -1\.0\) is not defined: its domain is x > 0"),
        (lambda: 1 / Value(0.0), r"div\(1\.0, 0\.0\) is not defined"),
        (lambda: Value(1.0) / 0, "not defined"),
        (lambda: Value(1000.0).exp(), r"exp\(1000\.0\).*x <= 709\.783"),
        (lambda: Value(-8.0) ** (1 / 3), r"pow\(-8\.0"),
        (lambda: Value(0.0) ** -1, "pow"),
        (lambda: Value(1e200) ** 2, "overflows"),
        (lambda: ag.mean([]), "mean"),
        (lambda: ag.clip(Value(1.0), 3.0, 2.0), "clip"),
        (lambda: ag.log(-1.0), "log"),
    ],
)
def test_domain_errors_name_operation_inputs_and_node(use, message):
    with pytest.raises(DomainError, match=message) as caught:
        use()
    assert "autograd.ieee()" in str(caught.value)
    assert isinstance(caught.value, ArithmeticError)
    assert isinstance(caught.value, ValueError)


def test_arithmetic_overflows_to_inf_as_pythons_floats_do():
    assert (Value(1e200) * Value(1e200)).data == math.inf
    assert (Value(1e308) + 1e308).data == math.inf
    assert ag.sum([Value(1e308), Value(1e308)]).data == math.inf


def test_slopes_may_be_infinite():
    x = Value(0.0)
    x.sqrt().backward()
    assert x.grad == math.inf
    y = Value(0.0)
    (y**0.5).backward()
    assert y.grad == math.inf


def test_zero_times_inf_in_the_sweep_is_nan_and_lazy_where_avoids_it():
    x = Value(0.0)
    (x.sqrt() * 0.0).backward()
    assert math.isnan(x.grad)
    x = Value(0.0)
    ag.where(x > 0, lambda: x.sqrt(), lambda: x * 2.0).backward()
    assert x.grad == 2.0


def test_where_with_values_and_functions():
    a, b = Value(1.0), Value(2.0)
    assert ag.where(a > b, a, b).data == 2.0
    assert ag.where(True, lambda: a, lambda: 1 / 0) is a
    assert ag.where(False, lambda: 1 / 0, b) is b
    node = ag.where(Value(0.0), a, b)
    node.backward()
    assert (node.data, a.grad, b.grad) == (2.0, 0.0, 1.0)
    with pytest.raises(TypeError, match="array of conditions"):
        ag.where(np.array([True]), lambda: 1.0, 2.0)


def test_numpy_arrays_beside_values_broadcast():
    x = Value(2.0)
    for result in (x * np.array([1.0, 2.0]), np.array([1.0, 2.0]) * x):
        assert result.dtype == object
        assert [v.data for v in result] == [2.0, 4.0]
    table = np.array([[1.0], [2.0]]) - x
    assert table.shape == (2, 1)
    xs = np.array([Value(1.0), Value(2.0)])
    assert (xs @ xs).data == 5.0
    assert xs.sum().data == 3.0
    assert [v.data for v in np.exp(xs)] == [math.exp(1.0), math.exp(2.0)]
    assert type(np.exp(x)) is Value
    assert type(np.float64(2.0) * x) is Value
    assert [v.data for v in ag.maximum(xs, np.array([1.5, 1.5]))] == [1.5, 2.0]


def test_copies_share_or_duplicate():
    x = Value(2.0, name="x")
    y = x * x
    y.backward()
    shallow, deep = copy.copy(y), copy.deepcopy(y)
    assert shallow.operands[0] is x
    twin = deep.operands[0]
    assert twin is deep.operands[1]
    assert twin is not x
    assert (twin.name, twin.grad, deep.grad) == ("x", 4.0, 1.0)
    pair = copy.deepcopy([x, y])
    assert pair[1].operands[0] is pair[0]
    assert not copy.deepcopy(Value(1.0)).has_grad
    mixed = copy.deepcopy(3.0 - x)
    assert mixed.operands[0] == 3.0
    mixed.backward()
    assert x.grad == 4.0


def test_softmax_sums_to_one_and_survives_large_inputs():
    row = ag.softmax([Value(1000.0), Value(1000.0), Value(-1000.0)])
    assert math.isclose(sum(v.data for v in row), 1.0, rel_tol=1e-12)
    assert ag.softmax([]) == []
    assert np.allclose(ag.softmax(np.array([[1.0, 2.0], [0.0, 0.0]])).sum(axis=-1), 1.0)


def test_dot_is_one_node_and_takes_constants():
    ws, xs, b = [Value(1.0), Value(2.0)], [3.0, 4.0], Value(0.5)
    node = ag.dot(ws, xs, b)
    assert node.data == 11.5
    assert node.partials == (3.0, 4.0, None, None, 1.0)
    node.backward()
    assert [w.grad for w in ws] == [3.0, 4.0]
    with pytest.raises(ValueError, match="one length"):
        ag.dot(ws, [1.0])
    assert ag.dot([1.0, 2.0], [3.0, 4.0]) == 11.0


def test_subclasses_are_values_too():
    class Weight(Value):
        pass

    w = Weight(2.0)
    y = w * Value(3.0) + w.tanh() + ag.dot([w], [w])
    y.backward()
    assert w.grad == 3.0 + ag.tanh.partial_on_floats(0, math.tanh(2.0), (2.0,)) + 4.0


def test_grad_can_be_set_and_forgotten_and_nothing_else():
    x = Value(2.0)
    x.grad = 0
    assert type(x.grad) is float
    assert x.has_grad
    x.grad = None
    assert not x.has_grad
    (x * 3).backward()
    assert x.grad == 3.0
    with pytest.raises(TypeError, match="grad cannot take str"):
        x.grad = "0"
    assert x.grad == 3.0
