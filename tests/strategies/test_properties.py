"""Our own house under our own strategies: random functions, every operation, losses, modules and a step of training.

The gradient by reverse mode is held against forward mode, against finite differences, and against mpmath; and the
algebra of derivatives is held against itself: linearity, the chain rule, the order of operands, the sharing of nodes.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from support.mp_reference import reference

import autograd as ag
import nn
from autograd import Value
from autograd.op import READINGS, Reading
from autograd.ops import TABLE
from autograd.strategies import Expression, Line, Problem, expressions, given_gradients, graphs, points, problems

EPS = 2.0**-52
PUBLIC = [op for op in TABLE.values() if op.public]
ANY = problems(expressions()) | problems(graphs())
each_op = pytest.mark.parametrize("op", PUBLIC, ids=lambda op: op.name)


def path_sums(root: Value) -> dict[str, float]:
    """For every leaf by name: the sum over its paths of |the product of the local derivatives|."""
    sums: dict[int, float] = {id(root): 1.0}
    found: dict[str, float] = {}
    for node in reversed(ag.topological(root)):
        for operand, partial in zip(node.operands, node.partials, strict=True):
            if partial is not None:
                sums[id(operand)] = sums.get(id(operand), 0.0) + sums.get(id(node), 0.0) * abs(partial)
        if node.is_leaf:
            found[node.name] = sums[id(node)]
    return found


def slack(f: Any, point: tuple[float, ...]) -> list[float]:
    """What rounding may change in each slope: a few eps for every node of every path."""
    root = f.record(*point)
    return [8 * EPS * len(ag.topological(root)) * path_sums(root).get(name, 0.0) for name in f.variables]


def gradient(f: Callable[..., Any], point: tuple[float, ...]) -> tuple[float, ...]:
    found = ag.grad(f)(*point)
    return found if isinstance(found, tuple) else (found,)


def one_op(op: Any) -> st.SearchStrategy[Problem]:
    """This operation alone, of variables: two of them in an n-ary one, and x beside y in a dot product."""
    names = ["x", "y", "z"][: op.arity or 2]
    index = (1.0,) if op.name == "take" else ()  # defined at whole numbers only, so that it is no variable
    f = Expression(names, [Line(op, (*index, *names))])
    return points(f, min_value=-2.0, max_value=2.0, distance=1e-3).map(lambda p: Problem(f, p))


# reverse, forward, differences, mpmath --------------------------------------------------------------------------------


@settings(max_examples=150)
@given(ANY, st.lists(st.floats(-2, 2), min_size=2, max_size=2))
def test_reverse_mode_is_forward_mode(problem, direction):
    f, point = problem
    slopes = gradient(f, point)
    value, along = ag.jvp(f, point, tuple(direction))
    assert value == f(*point) == f.record(*point).data
    allowed = sum(2 * s * abs(d) for s, d in zip(slack(f, point), direction, strict=True))
    dot = sum(g * d for g, d in zip(slopes, direction, strict=True))
    assert abs(along - dot) <= allowed + 1e-300


@pytest.mark.slow
@settings(max_examples=80)
@given(ANY)
def test_random_functions_against_finite_differences(problem):
    report = ag.check_gradients(problem.expression, *problem.point)
    assert report.verdict != "wrong", str(report)


@each_op
def test_every_operation_against_finite_differences(op):
    undecidable = []

    @settings(max_examples=15)
    @given(one_op(op))
    def check(problem):
        report = ag.check_gradients(problem.expression, *problem.point)
        assert report.verdict != "wrong", str(report)
        if not report:
            undecidable.append(problem)

    check()
    assert len(undecidable) <= 1, undecidable


@pytest.fixture
def in_mpmath(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The operations on mpmath's numbers, by definitions of their own."""
    run = Reading(9, lambda op, xs: reference(op).value(*map(mpf, xs)))
    monkeypatch.setitem(READINGS, mpmath.mpf, run)
    with mp.workdps(40):
        yield


@pytest.mark.slow
def test_random_functions_against_mpmath(in_mpmath):
    @settings(max_examples=60)
    @given(problems(expressions(max_depth=2)) | problems(graphs(max_nodes=4)))
    def check(problem):
        f, point = problem
        exact = list(map(mpf, point))
        value = f(*exact)
        assert abs(f(*point) - value) <= 1e-9 * (1 + abs(value))
        for i, slope in enumerate(gradient(f, point)):
            true = mp.diff(lambda t, i=i: f(*exact[:i], t, *exact[i + 1 :]), exact[i])
            assert abs(slope - true) <= 1e-7 * (1 + path_sums(f.record(*point)).get(f.variables[i], 0.0)), (
                i,
                slope,
                true,
            )

    check()


# the algebra of derivatives ------------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=100)
@given(problems(), expressions(), st.floats(-3, 3), st.floats(-3, 3))
def test_linearity(problem, g, a, b):
    f, point = problem
    assume(g.values(point) is not None and all(abs(z) < 1e6 for _, _, z in g.values(point)))

    def both(x, y):
        return a * f(x, y) + b * g(x, y)

    parts = zip(
        gradient(both, point), gradient(f, point), gradient(g, point), slack(f, point), slack(g, point), strict=True
    )
    for whole, df, dg, sf, sg in parts:
        assume(math.isfinite(dg))
        assert abs(whole - (a * df + b * dg)) <= 2 * (abs(a) * sf + abs(b) * sg) + 1e-300


@settings(max_examples=100)
@given(problems(), expressions(["u"], max_depth=2))
def test_the_chain_rule(problem, outer):
    inner, point = problem
    u = inner(*point)
    assume(outer.values((u,)) is not None and all(abs(z) < 1e6 for _, _, z in outer.values((u,))))
    (slope,) = gradient(outer, (u,))
    assume(math.isfinite(slope))
    size = path_sums(outer.record(u)).get("u", 0.0)
    for whole, part, allowed in zip(
        gradient(lambda x, y: outer(inner(x, y)), point), gradient(inner, point), slack(inner, point), strict=True
    ):
        assert abs(whole - slope * part) <= 2 * size * (allowed + 40 * EPS * abs(part)) + 1e-300


SYMMETRIC = ["add", "mul", "maximum", "minimum", "hypot", "logaddexp", "sum", "product", "mean", "logsumexp"]


@pytest.mark.parametrize("name", SYMMETRIC)
def test_the_order_of_the_operands_does_not_matter(name):
    op = TABLE[name]
    count = op.arity or 3

    @settings(max_examples=40)
    @given(st.lists(st.floats(-5, 5), min_size=count, max_size=count), st.permutations(range(count)))
    def check(xs, order):
        leaves = [Value(x) for x in xs]
        turned = [Value(x) for x in xs]
        op.apply(tuple(leaves)).backward()
        op.apply(tuple(turned[i] for i in order)).backward()
        for a, b in zip(leaves, turned, strict=True):
            assert a.grad == pytest.approx(b.grad, rel=8 * EPS, abs=1e-300)

    check()


@settings(max_examples=60)
@given(st.integers(1, 4).flatmap(lambda n: st.tuples(*[st.lists(st.floats(-5, 5), min_size=n, max_size=n)] * 2)))
def test_a_dot_product_is_symmetric_and_is_the_sum_of_the_products(pair):
    def slopes(f):
        return ag.grad(f)(list(pair[0]), list(pair[1]))

    ws, xs = slopes(ag.dot)
    assert (ws, xs) == (pair[1], pair[0]) == slopes(lambda w, x: ag.dot(x, w))
    assert (ws, xs) == slopes(lambda w, x: ag.sum([a * b for a, b in zip(w, x, strict=True)]))


def unshared(f: Expression) -> Expression:
    """The same function with a node of its own for every use of a shared one."""
    lines: list[Line] = []

    def copied(x: Any) -> Any:
        if not isinstance(x, int):
            return x
        op, operands = f.lines[x]
        lines.append(Line(op, tuple(copied(y) for y in operands)))
        return len(lines) - 1

    return Expression(f.variables, lines, copied(f.result))


@settings(max_examples=100)
@given(problems(graphs(max_nodes=6)))
def test_sharing_a_node_or_copying_it_gives_the_same_gradient(problem):
    f, point = problem
    copy = unshared(f)
    assert not copy.shared
    assert copy(*point) == f(*point)
    for a, b, allowed in zip(gradient(f, point), gradient(copy, point), slack(f, point), strict=True):
        assert abs(a - b) <= 2 * allowed + 1e-300


@settings(max_examples=60)
@given(problems(expressions(["x"])))
def test_a_square_is_a_product_of_two_copies(problem):
    f, (x,) = problem
    assume(abs(f(x)) < 1e6)

    def shared(t):
        y = f(t)
        return y * y

    assert gradient(shared, (x,)) == pytest.approx(gradient(lambda t: f(t) * f(t), (x,)), rel=64 * EPS, abs=1e-300)
    assert gradient(shared, (x,))[0] == pytest.approx(2 * f(x) * gradient(f, (x,))[0], rel=64 * EPS, abs=1e-300)


@settings(max_examples=60)
@given(problems(expressions(max_depth=2)), st.floats(-2, 2), st.floats(-2, 2))
def test_the_hessian_is_symmetric_and_is_what_hvp_multiplies_by(problem, a, b):
    f, point = problem
    hessian = ag.hessian(f)(*point)
    flat = [h for row in hessian for h in row]
    assume(all(math.isfinite(h) and abs(h) < 1e8 for h in flat))
    size = 1e-9 * (1 + max(map(abs, flat)))
    assert abs(hessian[0][1] - hessian[1][0]) <= size
    for row, product in zip(hessian, ag.hvp(f, point, (a, b)), strict=True):
        assert abs(row[0] * a + row[1] * b - product) <= 4 * size


@settings(max_examples=60)
@given(ANY)
def test_a_backward_pass_adds_and_a_second_adds_the_same(problem):
    root = problem.record()
    if root.is_leaf:
        return
    leaves = [v for v in ag.topological(root) if v.is_leaf]
    root.backward()
    once = [v.grad for v in leaves]
    root.backward()
    allowed = dict(zip(problem.expression.variables, slack(*problem), strict=True))
    for v, g in zip(leaves, once, strict=True):
        assert abs(v.grad - 2 * g) <= allowed[v.name]  # the terms of a sum are added to what is there, one by one
    root.zero_grad()
    for _ in ag.steps(root):
        pass
    assert [v.grad for v in leaves] == once


# networks ------------------------------------------------------------------------------------------------------------

REAL = st.floats(-3, 3)
INPUT = st.lists(st.floats(-2, 2), min_size=2, max_size=2)


class TestLosses:
    @pytest.mark.slow
    @settings(max_examples=40)
    @given_gradients(REAL, REAL)
    def test_absolute_error(self, prediction, target):
        return nn.absolute_error(prediction, target)

    @settings(max_examples=40)
    @given_gradients(REAL, REAL)
    def test_squared_error(self, prediction, target):
        return nn.squared_error(prediction, target)

    @settings(max_examples=40)
    @given_gradients(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
    def test_binary_cross_entropy(self, prediction, target):
        return nn.binary_cross_entropy(prediction, target)

    @settings(max_examples=40)
    @given_gradients(st.floats(-30, 30), st.integers(0, 1))
    def test_binary_cross_entropy_with_logits(self, logit, target):
        return nn.binary_cross_entropy_with_logits(logit, target)

    @settings(max_examples=40)
    @given_gradients(REAL, st.sampled_from([-1, 1]))
    def test_hinge(self, score, target):
        return nn.hinge(score, target)

    @pytest.mark.slow
    @settings(max_examples=40)
    @given_gradients(st.lists(REAL, min_size=3, max_size=3), st.integers(0, 2))
    def test_cross_entropy(self, logits, target):
        return nn.cross_entropy(logits, target)

    @settings(max_examples=40)
    @given_gradients(st.lists(REAL, min_size=1, max_size=4))
    def test_mean(self, predictions):
        return nn.mean([nn.squared_error(p, 1.0) for p in predictions])

    def test_none_is_left_out(self):
        covered = {name.removeprefix("test_") for name in dir(TestLosses)}
        assert set(nn.LOSSES) | {"cross_entropy", "mean"} <= covered


@settings(max_examples=60)
@given(REAL, st.floats(0, 1))
def test_cross_entropies_agree(logit, target):
    def by_logit(x):
        return nn.binary_cross_entropy_with_logits(x, target)

    def by_probability(x):
        return nn.binary_cross_entropy(ag.sigmoid(x), target)

    slope = ag.grad(by_logit)(logit)
    assert slope == pytest.approx(ag.sigmoid(logit) - target, abs=1e-14)
    assert slope == pytest.approx(ag.grad(by_probability)(logit), abs=1e-13)
    assert ag.grad(lambda a, b: nn.cross_entropy([a, b], 1))(0.0, logit)[1] == pytest.approx(
        ag.grad(lambda x: nn.binary_cross_entropy_with_logits(x, 1))(logit), abs=1e-14
    )


def with_parameters(model: nn.Module, numbers: list[Any], x: Any) -> Any:
    """The model's output as a function of its parameters, by a forward pass of its own in plain operations."""
    layers = getattr(model, "layers", None) or [model]
    rest = iter(numbers)
    for layer in layers:
        x = [
            neuron.activation(ag.sum([next(rest) * each for each in x]) + next(rest))
            for neuron in layer.neurons
        ]  # fmt: skip
    return x[0]


@pytest.mark.parametrize(
    "activation", ["sigmoid", "tanh", "relu", "softplus", "gelu", "leaky_relu", "elu", "silu", "sin"]
)
def test_a_network_learns_with_the_right_gradient(activation):
    @settings(max_examples=6)
    @given(st.integers(0, 10**6), INPUT, REAL)
    def check(seed, x, target):
        model = nn.MLP(2, [2, 1], activation, seed=seed)
        start = [p.data for p in model.parameters()]

        def loss_of(*numbers):
            return nn.squared_error(with_parameters(model, list(numbers), x), target)

        nn.squared_error(model(x), target).backward()
        slopes = ag.grad(loss_of)(*start)
        assert [p.grad for p in model.parameters()] == pytest.approx(slopes, rel=1e-12, abs=1e-14)
        report = ag.check_gradients(loss_of, *start)
        assert report.verdict != "wrong", str(report)

    check()


def over_a_grid(seed):
    """Convolution, pools and dropout over a grid of 3 x 3 that two numbers make."""
    return nn.Sequential(
        lambda x: [[[x[0], x[1], 0.5], [x[1], -x[0], 1.0], [-0.5, x[0] * x[1], x[1]]]],
        nn.Conv2d(1, 2, 2, seed=seed), "tanh", nn.MaxPool2d((1, 2)), nn.AvgPool2d((2, 1)), nn.flatten,
        nn.Dropout(0.5, seed=seed), nn.Linear(2, 1, seed=seed), lambda y: y[0],
    )  # fmt: skip


def over_a_sequence(seed):
    """An embedding beside two numbers, attention, norms."""
    words = nn.Embedding(3, 2, seed=seed)
    return nn.Sequential(
        lambda x: [x, words(1), [x[1], -1.0]], Holding(words), nn.LayerNorm(2),
        nn.Residual(nn.Attention(2, seed=seed)), nn.RMSNorm(2), lambda y: y[2][0],
    )  # fmt: skip


class Holding(nn.Module):
    """Passes everything on, and makes another module's parameters those of the network."""

    def __init__(self, module):
        self.module = module

    def __call__(self, x):
        return x


MODULES = {
    "Neuron": lambda seed: nn.Neuron(2, "tanh", seed=seed),
    "Layer": lambda seed: nn.Layer(2, 1, "sigmoid", seed=seed),
    "MLP": lambda seed: nn.MLP(2, [2, 2, 1], "tanh", output="sigmoid", seed=seed),
    "Figure5": lambda seed: nn.Figure5(seed=seed),
    "over a grid": over_a_grid,
    "over a sequence": over_a_sequence,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_modules_under_the_checker(name):
    @settings(max_examples=2 if name == "over a sequence" else 5)  # it has many parameters
    @given(st.integers(0, 10**6), INPUT, st.floats(0, 1))
    def check(seed, x, target):
        model = MODULES[name](seed)
        report = ag.check_gradients(lambda: nn.squared_error(model(x), target), parameters=model.parameters())
        assert report.verdict != "wrong", str(report)
        assert len(report) == len(list(model.parameters()))

    check()


@settings(max_examples=60)
@given(ANY, st.floats(1e-4, 1.0))
def test_the_first_step_of_adam_moves_every_parameter_by_the_rate_against_its_gradient(problem, rate):
    f, point = problem
    slopes = gradient(f, point)
    parameters = [Value(x, name=n) for n, x in zip(f.variables, point, strict=True)]
    f(*parameters).backward()
    nn.Adam(parameters, rate).step()
    for p, x, g in zip(parameters, point, slopes, strict=True):
        moved = rate * g / (abs(g) + 1e-8)
        assert p.data == pytest.approx(x - moved, rel=1e-12, abs=1e-12 * rate)


def test_no_module_is_left_out():
    kinds = {type(part).__name__ for make in MODULES.values() for part in make(0).modules()}
    exported = [getattr(nn, name) for name in nn.__all__]
    declared = {each.__name__ for each in exported if isinstance(each, type) and issubclass(each, nn.Module)}
    missing = declared - {"Module"} - kinds
    assert not missing, f"put {missing} into a network of MODULES, in this file"


def momentum_by_hand(x: float, slopes: list[float], rate: float) -> float:
    """SGD with momentum 0.9, written out: the velocity is the sum of the slopes, each worth 0.9 of the next."""
    for k in range(1, len(slopes) + 1):
        x -= rate * sum(0.9 ** (k - 1 - j) * slopes[j] for j in range(k))
    return x


def adam_by_hand(x: float, slopes: list[float], rate: float) -> float:
    """Adam's steps, written out: means of the slopes and of their squares, the weights divided by their sum."""
    for k in range(1, len(slopes) + 1):
        m, v = (
            sum(beta ** (k - 1 - j) * slopes[j] ** power for j in range(k)) / sum(beta**j for j in range(k))
            for beta, power in ((0.9, 1), (0.999, 2))
        )
        x -= rate * m / (math.sqrt(v) + 1e-8)
    return x


@pytest.mark.parametrize(
    ("make", "by_hand"),
    [(lambda ps, rate: nn.SGD(ps, rate, momentum=0.9), momentum_by_hand), (nn.Adam, adam_by_hand)],
    ids=["SGD", "Adam"],
)
def test_a_few_steps_are_those_of_the_sums_written_out_in_any_order_of_the_parameters(make, by_hand):
    @settings(max_examples=25)
    @given(st.lists(st.tuples(REAL, REAL), min_size=1, max_size=5), REAL, REAL, st.floats(1e-3, 0.5))
    def check(slopes, x, y, rate):
        results = []
        for order in (1, -1):
            parameters = [Value(x), Value(y)]
            optimizer = make(parameters[::order], rate)
            for pair in slopes:
                optimizer.zero_grad()
                (parameters[0] * pair[0] + parameters[1] * pair[1]).backward()
                optimizer.step()
            results.append([p.data for p in parameters])
        assert results[0] == results[1]
        for i, start in enumerate((x, y)):
            expected = by_hand(start, [pair[i] for pair in slopes], rate)
            assert results[0][i] == pytest.approx(expected, rel=1e-9, abs=1e-9)

    check()


@settings(max_examples=60)
@given(problems(expressions(["x", "y"]), distance=1e-2), st.floats(1e-9, 1e-6))
def test_a_small_step_of_gradient_descent_goes_down_by_the_square_of_the_slope(problem, rate):
    f, point = problem
    slopes = gradient(f, point)
    steepness = sum(g * g for g in slopes)
    assume(1e-2 < steepness < 1e4)
    parameters = [Value(x, name=n) for n, x in zip(f.variables, point, strict=True)]
    root = f(*parameters)
    before = root.data
    root.backward()
    nn.SGD(parameters, rate).step()
    assert [p.data for p in parameters] == [x - rate * g for x, g in zip(point, slopes, strict=True)]
    curvature = [abs(h) for row in ag.hessian(f)(*point) for h in row]
    assume(all(math.isfinite(h) for h in curvature) and max(curvature) < 1e4)
    after = f(*(p.data for p in parameters))
    allowed = steepness * rate * (rate * sum(curvature) + 1e-2) + 1e-11 * (1 + abs(before))
    assert abs(before - after - rate * steepness) <= allowed
