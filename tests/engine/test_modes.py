"""no_grad, ieee, detect_anomaly."""

import math

import pytest

import autograd as ag
from autograd import AnomalyError, DomainError, GraphError, Value, modes


def test_no_grad_computes_and_records_nothing():
    x = Value(2.0)
    with ag.no_grad():
        results = [x * 3, x.tanh(), ag.dot([x], [x]), x + 1, 1 - x, x**2, abs(x), ag.sum([x, x])]
    assert all(v.is_leaf for v in results)
    assert results[0].data == 6.0
    with pytest.raises(GraphError, match="no_grad"):
        results[0].backward()
    assert not (x * 3).is_leaf


def test_modes_nest_and_end_with_their_block_even_on_errors():
    x = Value(-1.0)
    with ag.ieee():
        with pytest.raises(RuntimeError), ag.no_grad():
            raise RuntimeError
        assert math.isnan(x.log().data)
        assert not x.log().is_leaf
    with pytest.raises(DomainError):
        x.log()
    assert modes.active == 0


def test_ieee_gives_what_pytorch_gives():
    zero, minus = Value(0.0), Value(-1.0)
    with ag.ieee():
        assert math.isnan(minus.log().data)
        assert zero.log().data == -math.inf
        assert (1 / zero).data == math.inf
        assert (-1 / zero).data == -math.inf
        assert math.isnan((zero / zero).data)
        assert Value(1000.0).exp().data == math.inf
        assert math.isnan((Value(-8.0) ** (1 / 3)).data)
        assert (zero**-1).data == math.inf
        assert math.isnan(Value(math.inf).sin().data)
        y = zero.log()
        y.backward()
    assert zero.grad == math.inf


def test_ieee_holds_for_plain_floats_too():
    with ag.ieee():
        assert ag.sinh(-1000.0) == -math.inf
        assert Value(-1000.0).sinh().data == -math.inf
        assert math.isnan(ag.log(-1.0))
    with pytest.raises(DomainError):
        ag.sinh(-1000.0)


def test_anomaly_blames_the_first_nan_or_inf_on_its_line():
    with ag.detect_anomaly():
        a = Value(1e200, name="a")
        blame = r"forward: mul\(1e\+200, 1e\+200\) gives inf at test_modes\.py:\d+: .*a \* a"
        with pytest.raises(AnomalyError, match=blame):
            a * a
        b = Value(0.0, name="b")
        y = b.sqrt() * 0.0
        blame = r"backward: sqrt sends nan to its operand 'b'.*test_modes\.py:\d+: y = b\.sqrt\(\)"
        with pytest.raises(AnomalyError, match=blame):
            y.backward()
    y = b.sqrt() * 0.0
    y.backward()


def test_nodes_made_under_anomaly_are_ordinary_values_afterwards():
    x = Value(2.0)
    with ag.detect_anomaly():
        h = x * x
    assert isinstance(h, Value)
    y = h * x + h.tanh() + ag.dot([h], [x])
    y.backward()
    ag.verify(y)
    assert x.grad == pytest.approx(3 * 4.0 + 3 * 4.0 + 4 * (1 - math.tanh(4.0) ** 2))


def test_grad_inside_no_grad_still_differentiates():
    with ag.no_grad():
        assert ag.grad(lambda x: x * x)(3.0) == 6.0
        assert ag.hessian(lambda x: x * x * x)(3.0) == 18.0


def test_custom_operations_know_everything():
    cube = ag.custom("cube_in_modes", lambda x: x**3, lambda z, x: 3.0 * x**2.0, symbol="x³")
    x = Value(2.0)
    y = cube(x)
    y.backward()
    assert (y.data, x.grad, y.op.symbol) == (8.0, 12.0, "x³")
    assert ag.grad(ag.grad(cube))(2.0) == 12.0
    assert ag.jvp(cube, (2.0,), (1.0,)) == (8.0, 12.0)
    assert ag.check_gradients(cube, 2.0)
    assert ag.io.loads(ag.io.dumps(y)).op is cube
    blend = ag.custom("blend_in_modes", lambda a, b: a * b * b, [lambda z, a, b: b * b, lambda z, a, b: 2.0 * a * b])
    assert ag.grad(blend)(3.0, 2.0) == (4.0, 12.0)


def test_declaring_a_custom_operation_again_replaces_it():
    old = ag.custom("again_in_modes", lambda x: x, lambda z, x: 1.0)
    x = Value(2.0)
    y = old(x)
    new = ag.custom("again_in_modes", lambda x: 2.0 * x, lambda z, x: 2.0)
    assert new(3.0) == 6.0
    y.backward()
    assert x.grad == 1.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("tanh", math.tanh, lambda z, x: 1.0), ValueError, "has an operation named 'tanh' already"),
        (("two words", math.tanh, lambda z, x: 1.0), ValueError, "identifier"),
        (("fine_name", 3, lambda z, x: 1.0), TypeError, "function"),
        (("fine_name", lambda a, b: a, lambda z, a, b: 1.0), TypeError, "2 operand"),
        (("fine_name", lambda *xs: 0.0, lambda z, *xs: 1.0), TypeError, "fixed number"),
        (("fine_name", lambda a: a, [3.0]), TypeError, "1 function"),
    ],
)
def test_custom_refuses_what_cannot_work(arguments, error, message):
    with pytest.raises(error, match=message):
        ag.custom(*arguments)
    assert "fine_name" not in ag.ops.CUSTOM
