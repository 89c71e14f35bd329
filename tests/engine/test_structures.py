"""One walk of structures pairs by key and by shape; a lost graph, a copy, a leaked number mean the same everywhere."""

import copy
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd as ag
from autograd import GraphError, Value, grad, hessian, hvp, jacobian, jvp, no_grad, tree, value_and_grad, vjp


class Point(NamedTuple):
    x: Any
    y: Any


class Settings(dict):
    w = property(lambda self: self["w"])


class Row(list):
    def first(self):
        return self[0]


class Quantity(np.ndarray):
    """An array with an arithmetic of its own, as a matrix and an array with units have it."""


DIFFERENT = [
    ("keys 'b', 'z' where a dict with the keys 'a', 'b'", {"a": 1.0, "b": 2.0}, {"b": 0.0, "z": 1.0}),
    ("an empty dict where", {"a": 1.0}, {}),
    ("keys 'a', 'b' where a dict with the keys 'a' ", {"a": 1.0}, {"a": 1.0, "b": 2.0}),
    (r"shape \(3, 2\) where an array of shape \(2, 3\)", np.ones((2, 3)), np.ones((3, 2))),
    (r"shape \(6,\) where an array of shape \(2, 3\)", np.ones((2, 3)), np.ones(6)),
    ("a list of 2 where a tuple of 2", (1.0, 2.0), [1.0, 2.0]),
    ("a tuple of 2 where a list of 2", [1.0, 2.0], (1.0, 2.0)),
    ("a list of 1 where a list of 2", [1.0, 2.0], [1.0]),
    ("a tuple of 2 where a Point of 2", Point(1.0, 2.0), (1.0, 2.0)),
    ("an array of shape .2,. where a list of 2", [1.0, 2.0], np.ones(2)),
    ("a number where a list of 1", [1.0], 1.0),
    ("a list of 1 where a number", 1.0, [1.0]),
    ("a list of 1 where an empty|a list of 1 where a list of 0", [], [1.0]),
    ("NoneType None where a number", 1.0, None),
    ("str 'text' where a number", 1.0, "text"),
    ("bool True where a number", 1.0, True),
    (r"at .*\['w'\]\[1\]: a list of 2 where a number", {"w": [1.0, 2.0]}, {"w": [1.0, [1.0, 2.0]]}),
    ("a Quantity of shape", np.ones(2), np.ones(2).view(Quantity)),
]


def some_number(structure: Any) -> Any:
    """A smooth function of every number of a structure."""
    return ag.sum([x * x * (k + 1.0) for k, x in enumerate(tree.leaves(structure))]) + 1.0


@pytest.mark.parametrize(("message", "structure", "other"), DIFFERENT)
def test_structures_that_differ_are_shown_both(message: str, structure: Any, other: Any) -> None:
    def nothing(p: Any) -> Any:
        return some_number(p) if tree.leaves(p) else Value(0.0)

    _, pullback = vjp(lambda x: tree.rebuild(structure, lambda n, path: n * x), 2.0)
    for call in (
        lambda: jvp(nothing, (structure,), (other,)),
        lambda: hvp(nothing, (structure,), (other,)),
        lambda: pullback(other),
    ):
        with pytest.raises(ValueError, match="differ in structure.*(" + message + ")"):
            call()


SAME = [
    ({"a": 1.0, "b": [2.0, 3.0]}, {"b": [20.0, 30.0], "a": 10.0}),
    ({1: 1.0, (2, 3): 2.0, None: 3.0}, {None: 30.0, (2, 3): 20.0, 1: 10.0}),
    (OrderedDict(b=1.0, a=2.0), {"a": 20.0, "b": 10.0}),
    (defaultdict(float, a=1.0, b=2.0), MappingProxyType({"b": 20.0, "a": 10.0})),
    (MappingProxyType({"a": 1.0}), Settings(a=10.0)),
    (np.array(1.0), 10.0),
    (1.0, np.array(10.0)),
    (1.0, np.float32(10.0)),
    ([1.0, np.array(2.0)], [np.array(10.0), 20]),
    (np.arange(6.0).reshape(2, 3), 10.0 * np.arange(6.0).reshape(2, 3)),
    (np.arange(8.0).reshape(2, 2, 2), 10 * np.arange(8).reshape(2, 2, 2)),
    (Point(1.0, [2.0]), Point(10.0, [20.0])),
    ({"e": [], "f": {}, "g": np.ones((0, 3)), "x": 1.0}, {"x": 10.0, "g": np.ones((0, 3)), "f": {}, "e": []}),
    (Row([1.0, 2.0]), [10.0, 20.0]),
]  # fmt: skip


@pytest.mark.parametrize(("structure", "ten_times"), SAME)
def test_structures_pair_by_key_and_a_number_is_a_number_in_whatever_box(structure: Any, ten_times: Any) -> None:
    numbers = [float(x) for x in tree.leaves(structure)]
    slope = sum(2.0 * (k + 1.0) * x * 10.0 * x for k, x in enumerate(numbers))
    assert jvp(some_number, (structure,), (ten_times,))[1] == pytest.approx(slope, rel=1e-15)
    assert tree.leaves(hvp(some_number, (structure,), (ten_times,))) == pytest.approx(
        [20.0 * (k + 1.0) * x for k, x in enumerate(numbers)]
    )
    y, pullback = vjp(lambda x: tree.rebuild(structure, lambda n, path: n * x), 2.0)
    assert [*map(float, tree.leaves(y))] == [2.0 * x for x in numbers]
    assert pullback(ten_times)[0] == pytest.approx(sum(10.0 * x * x for x in numbers))


def test_functions_get_the_kinds_that_they_were_called_with_and_gradients_have_them() -> None:
    assert grad(lambda p: p.w * p["b"])(Settings(w=2.0, b=3.0)) == {"w": 3.0, "b": 2.0}
    assert type(grad(lambda p: p.w * p["b"])(Settings(w=2.0, b=3.0))) is Settings
    assert grad(lambda p: p["none"] + p["w"])(defaultdict(float, w=2.0)) == {"w": 1.0}
    assert grad(lambda row: row.first() ** 2)(Row([3.0])) == [6.0]
    assert grad(lambda p: p.x * p.y)(Point(2.0, 3.0)) == Point(3.0, 2.0)
    assert grad(lambda p: p["a"] ** 2)(MappingProxyType({"a": 3.0})) == {"a": 6.0}


@dataclass
class Pair:
    x: float = 1.0


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({1.0}, "a set has no order"),
        (Pair(), "dataclasses.asdict"),
        (np.ones(2).view(Quantity), "numpy.asarray"),
        (np.ma.masked_array([1.0, 2.0], [True, False]), "numpy.asarray"),
        ({"w": 1.0, "b": None}, r"None at .*\['b'\].*argnums"),
        ([1.0, "two"], r"str 'two' at .*\[1\].*argnums"),
        (np.array("text"), "argnums"),
        (np.array([True]), "argnums"),
        (np.array(True), "argnums"),
        (np.array(1j), "argnums"),
        ((x for x in [1.0]), "argnums"),
    ],
)
def test_what_is_no_structure_of_numbers_is_refused_by_name(argument: Any, message: str) -> None:
    for call in (grad(some_number), jacobian(some_number), hessian(some_number), lambda x: vjp(some_number, x)):
        with pytest.raises(TypeError, match=f"no derivative with respect to.*{message}"):
            call(argument)
    with pytest.raises(TypeError, match=f"no derivative with respect to.*{message}"):
        jvp(some_number, (argument,), (argument,))


@pytest.mark.parametrize("argnums", [(), True, "x", 1.5, (0, "x"), None.__class__, [True]])
@pytest.mark.parametrize("who", [grad, value_and_grad, jacobian, hessian])
def test_argnums_are_positions(who: Callable[..., Any], argnums: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^argnums "):
        who(lambda x: x, argnums)
    assert who(lambda x, y: x * y, np.int64(1))(2.0, 3.0) == who(lambda x, y: x * y, 1)(2.0, 3.0)


# a 0-d array is the number in it --------------------------------------------------------------------------------------

BOXES: list[Callable[[Any], Any]] = [
    np.asarray,
    np.array,
    np.real,
    lambda y: np.where(True, y, 0.0),
    lambda y: np.select([False, True], [0.0, y]),
    lambda y: np.squeeze(np.array([[y]])),
    lambda y: np.array([y]).reshape(()),
    lambda y: np.tensordot(np.array([y]), np.array([1.0]), 1),
]


@pytest.mark.parametrize("box", BOXES)
def test_an_array_of_no_dimensions_is_the_number_in_it(box: Callable[[Any], Any]) -> None:
    f = lambda x: box(x**3)  # noqa: E731
    assert (grad(f)(2.0), jacobian(f)(2.0), hessian(f)(2.0)) == (12.0, 12.0, 12.0)
    assert jvp(f, (2.0,), (1.0,)) == (8.0, 12.0)
    assert value_and_grad(f)(2.0) == (8.0, 12.0)
    assert hvp(f, (2.0,), (1.0,)) == 12.0
    y, pullback = vjp(f, 2.0)
    assert (y, pullback(1.0), pullback(np.array(1.0))) == (8.0, (12.0,), (12.0,))
    inside = lambda x: {"a": [box(x**3), x], "b": (box(x),)}  # noqa: E731
    assert jacobian(inside)(2.0) == {"a": [12.0, 1.0], "b": (1.0,)}
    assert jvp(inside, (2.0,), (1.0,))[1] == {"a": [12.0, 1.0], "b": (1.0,)}
    assert vjp(inside, 2.0)[1]({"b": (1.0,), "a": [1.0, box(1.0)]}) == (14.0,)


# lost graphs ---------------------------------------------------------------------------------------------------------


def without_recording(x: Any) -> Any:
    with no_grad():
        return x * x


def every_derivative(f: Callable[[Any], Any], x: float) -> dict[str, Callable[[], Any]]:
    """Every derivative function of one number, each in one call; and each inside another."""
    return {
        "grad": lambda: grad(f)(x),
        "value_and_grad": lambda: value_and_grad(f)(x),
        "jacobian": lambda: jacobian(f)(x),
        "jvp": lambda: jvp(f, (x,), (1.0,)),
        "vjp": lambda: vjp(f, x)[1](1.0)[0],
        "hessian": lambda: hessian(f)(x),
        "hvp": lambda: hvp(f, (x,), (1.0,)),
        "grad of grad": lambda: grad(grad(f))(x),
        "grad of jvp": lambda: grad(lambda x: jvp(f, (x,), (1.0,))[1])(x),
        "jvp of grad": lambda: jvp(grad(f), (x,), (1.0,))[1],
        "jvp of jvp": lambda: jvp(lambda x: jvp(f, (x,), (1.0,))[1], (x,), (1.0,))[1],
        "vjp of vjp": lambda: vjp(lambda x: vjp(f, x)[1](1.0)[0], x)[1](1.0)[0],
        "check": lambda: ag.check_gradients(f, x),
    }


LOST: list[Callable[[Any], Any]] = [
    lambda x: 3.0,
    lambda x: 3,
    lambda x: np.float64(3.0),
    lambda x: np.array(3.0),
    lambda x: x.data,
    lambda x: x.data * 2.0,
    lambda x: float(x.data),
    lambda x: x > 0.0,
    lambda x: x.detach(),
    lambda x: x.detach() * 2.0,
    lambda x: ag.sin(x * x).detach() + 1.0,
    lambda x: copy.deepcopy(x.detach()) * 2.0,
    without_recording,
    lambda x: without_recording(x) + 1.0,
    lambda x: Value(x.data) ** 2,
    lambda x: Value(3.0),
    lambda x: np.array(x.data),
    lambda x: grad(lambda y: y**3)(x.data),
    lambda x: jvp(lambda y: y**3, (x.data,), (1.0,))[1],
]


@pytest.mark.parametrize("f", LOST)
def test_a_lost_graph_is_told_in_the_same_words_by_every_derivative(f: Callable[[Any], Any]) -> None:
    messages = set()
    for call in every_derivative(f, 3.0).values():
        with pytest.raises(GraphError, match="its graph was lost on the way") as caught:
            call()
        messages.add(str(caught.value))
    assert len(messages) == 1


@pytest.mark.parametrize("lost", [f for f in LOST if not isinstance(f(Value(3.0)), bool)])
def test_numbers_beside_others_that_depend_are_constants(lost: Callable[[Any], Any]) -> None:
    for wrap in (list, tuple, lambda ys: dict(zip("ab", ys, strict=True)), np.array):
        f = lambda x, wrap=wrap: wrap([lost(x), x * x])  # noqa: E731
        assert tree.leaves(jacobian(f)(3.0)) == [0.0, 6.0]
        assert tree.leaves(jvp(f, (3.0,), (1.0,))[1]) == [0.0, 6.0]
        y, pullback = vjp(f, 3.0)
        assert all(isinstance(x, float | int) for x in tree.leaves(y))
        assert pullback(wrap([5.0, 1.0])) == (6.0,)
    for call in (jacobian(lambda x: [lost(x), 1.0]), lambda x: jvp(lambda x: [lost(x), 1.0], (x,), (1.0,)),
                 lambda x: vjp(lambda x: [lost(x), 1.0], x)):  # fmt: skip
        with pytest.raises(GraphError, match="returned 2 numbers: its graph was lost on the way"):
            call(3.0)


@pytest.mark.parametrize(
    ("f", "first", "second"),
    [
        (lambda x: x * x.detach(), 3.0, 0.0),
        (lambda x: x * without_recording(x), 9.0, 0.0),
        (lambda x: x * x * x.data, 18.0, 6.0),
        (lambda x: 2.0 * x, 2.0, 0.0),
        (lambda x: x, 1.0, 0.0),
        (lambda x: 0.0 * x + 5.0, 0.0, 0.0),
        (lambda x: ag.floor(x), 0.0, 0.0),
    ],
)
def test_constants_inside_mean_the_same_in_both_modes(f: Callable[[Any], Any], first: float, second: float) -> None:
    calls = every_derivative(f, 3.0)
    del calls["check"]
    for name, call in calls.items():
        found = call()
        found = found[1] if isinstance(found, tuple) else found
        assert found == (second if " of " in name or name in ("hessian", "hvp") else first), name


def test_no_variables_lose_nothing() -> None:
    assert grad(lambda v: ag.sum(v))([]) == []
    assert jacobian(lambda v: [1.0])({}) == [{}]
    assert jvp(lambda v: 1.0, ([],), ([],)) == (1.0, 0.0)


# copies --------------------------------------------------------------------------------------------------------------

COPIES: list[Callable[[Any], Any]] = [
    lambda x: copy.deepcopy(x) ** 3,
    lambda x: copy.copy(x) ** 3,
    lambda x: copy.deepcopy(x**3),
    lambda x: copy.copy(x**3),
    lambda x: copy.deepcopy([x, {"a": x * x}])[0] * copy.deepcopy({"a": x * x})["a"],
    lambda x: copy.deepcopy(np.array([x, x * x])).prod(),
    lambda x: copy.copy(np.array([x, x * x])).prod(),
    lambda x: copy.deepcopy(copy.deepcopy(x)) * x * copy.copy(copy.copy(x)),
    lambda x: copy.deepcopy(Row([x]))[0] ** 2 * copy.copy([x])[0],
]


@pytest.mark.parametrize("f", COPIES)
def test_copies_inside_a_derivative_keep_the_graph(f: Callable[[Any], Any]) -> None:
    for name, call in every_derivative(f, 3.0).items():
        found = call()
        if name == "check":
            assert found, found
            continue
        found = found[1] if isinstance(found, tuple) else found
        assert found == pytest.approx(18.0 if " of " in name or name in ("hessian", "hvp") else 27.0), name


def test_copies_of_captured_numbers_and_outside_of_derivatives_are_what_they_were() -> None:
    w = Value(2.0, name="w")
    twin: list[Value] = []

    def f(x: Value) -> Value:
        twin.append(copy.deepcopy(w))
        return x * w * twin[-1]

    assert grad(f)(3.0) == 4.0
    assert (twin[0] is not w, twin[0].name) == (True, "w")
    y = w * w
    z = copy.deepcopy(y)
    z.backward()
    assert (w.grad, z.operands[0].grad) == (0.0, 4.0)


def test_duals_are_not_pickled() -> None:
    import pickle

    with pytest.raises(TypeError, match="not pickled"):
        jvp(lambda x: pickle.loads(pickle.dumps(x)), (1.0,), (1.0,))


# leaks ---------------------------------------------------------------------------------------------------------------


def test_a_number_that_leaked_from_a_derivative_inside_is_noticed() -> None:
    def leaks(x: Any, use: Callable[[Any], Any]) -> Any:
        kept: list[Any] = []
        jvp(lambda y: kept.append(y * y) or y, (x,), (1.0,))
        return use(kept[0])

    for use in (lambda k: k, lambda k: k * 2.0, lambda k: [k], lambda k: ag.sin(k), lambda k: np.array([k]) * 2.0):
        for outer in (jacobian, lambda f: lambda x: jvp(f, (x,), (1.0,)), lambda f: lambda x: vjp(f, x)):
            with pytest.raises(GraphError, match="derivative that has ended"):
                outer(lambda x, use=use: leaks(x, use))(3.0)
    with pytest.raises(GraphError, match="derivative that has ended"):
        leaks(3.0, lambda k: k + 1.0)


def test_a_value_that_leaked_from_a_gradient_inside_still_depends_on_what_it_was_made_of() -> None:
    def leaks(x: Any) -> Any:
        kept: list[Any] = []
        grad(lambda y: kept.append(y * y) or y)(x)
        return kept[0]

    calls = every_derivative(leaks, 3.0)
    assert (calls["grad"](), calls["jvp"](), calls["hessian"]()) == (6.0, (9.0, 6.0), 2.0)
