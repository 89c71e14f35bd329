"""Raising: a schedule computes what its tape does, and regular graphs become products."""

import random
from typing import Any

import numpy as np
import pytest
from support.compiler_checks import check_kinds, check_numbers, check_order, check_terms
from support.compiler_graphs import (
    attend,
    build,
    convolve,
    dense,
    error_bounds,
    flat,
    leaves,
)

import autograd as ag
from autograd import Value
from autograd.compiler import gathers, grids
from autograd.compiler.interpret import run_schedule, run_tape
from autograd.compiler.raising import raise_tape
from autograd.compiler.schedule import (
    Elementwise,
    Gather,
    MatMul,
    Product,
    Schedule,
    Sum,
    elementwise_schedule,
    operands,
)
from autograd.compiler.tape import Tape, record_tape
from autograd.ops import TABLE

WAYS: list[dict[str, bool]] = [{}, {"products": False}, {"uniform": True}]


# -- what becomes what -------------------------------------------------------------------------------------------------


def raised(outputs: Any, inputs: list[Value], parameters: list[Value] | None = None, **way: bool) -> Schedule:
    """The schedule, checked."""
    tape = record_tape(outputs if isinstance(outputs, list) else [outputs], inputs, parameters)
    schedule = raise_tape(tape, **way)
    check_order(schedule)
    check_kinds(schedule)
    check_terms(schedule)
    batch = tape.data[tape.inputs][None] + np.array([[0.0], [1.0]]) * (tape.data[tape.inputs] % 1 != 0)
    theta = tape.data[tape.parameters]
    wanted, found = run_tape(tape, batch, theta), run_schedule(schedule, batch, theta)
    difference = np.abs(wanted - found[: len(tape)])[tape.outputs]
    assert (difference <= error_bounds(tape, wanted)[tape.outputs]).all()
    return schedule


def products(schedule: Schedule) -> list[str]:
    found: list[str] = schedule.note["products"]
    return found


def kinds(schedule: Schedule) -> list[str]:
    return [g.op.name if isinstance(g, Elementwise) else type(g).__name__ for g in schedule.groups]


@pytest.fixture
def chance() -> random.Random:
    return random.Random(7)


@pytest.mark.parametrize("operators", [False, True], ids=["dot", "operators"])
def test_a_layer_is_one_product(chance: random.Random, operators: bool) -> None:
    x = leaves(chance, 3)
    first, second = [(leaves(chance, m, n), leaves(chance, m)) for n, m in ((3, 5), (5, 2))]
    hidden = [ag.tanh(z) for z in dense(*first, x, operators)]
    schedule = raised(dense(*second, hidden, operators), x)
    assert kinds(schedule) == ["MatMul", "tanh", "MatMul"]
    assert products(schedule) == ["MatMul (5, 4) @ (4, 1)", "MatMul (2, 6) @ (6, 1)"]
    first_group = schedule.groups[0]
    assert isinstance(first_group, MatMul)
    assert first_group.x[0, :, 0].tolist() == [0, 1, 2, schedule.one]
    names = dict(zip(schedule.tape.parameters.tolist(), schedule.tape.leaves, strict=True))
    assert [names[i] for i in first_group.w[0, :, :3].ravel().tolist()] == flat(first[0])


def test_samples_unrolled_by_hand_are_columns(chance: random.Random) -> None:
    rows = leaves(chance, 6, 3)
    w, b, v, c = leaves(chance, 4, 3), leaves(chance, 4), leaves(chance, 1, 4), leaves(chance, 1)
    losses = [ag.relu(dense(v, c, [ag.tanh(z) for z in dense(w, b, x)])[0]) for x in rows]
    schedule = raised(ag.mean(losses), flat(rows))
    assert kinds(schedule) == ["MatMul", "tanh", "MatMul", "relu", "Sum"]
    assert products(schedule) == ["MatMul (4, 4) @ (4, 6)", "MatMul (1, 5) @ (5, 6)"]


def test_terms_in_any_order_and_tied_weights_make_one_product(chance: random.Random) -> None:
    w, b, rows = leaves(chance, 4, 5), leaves(chance, 4), leaves(chance, 3, 5)
    outputs = []
    for x in rows:
        for weights, bias in zip(w, b, strict=True):
            terms = [wi * xi if chance.random() < 0.5 else xi * wi for wi, xi in zip(weights, x, strict=True)] + [bias]
            chance.shuffle(terms)
            outputs.append(ag.tanh(ag.sum(terms)))
    assert products(raised(outputs, flat(rows))) == ["MatMul (4, 6) @ (6, 3)"]
    x, tied = leaves(chance, 4), leaves(chance, 2)
    outputs = [ag.dot([tied[0], tied[1], tied[0], own], x) for own in leaves(chance, 3)]
    assert products(raised(outputs, x)) == ["MatMul (3, 4) @ (4, 1)"]


def test_queries_keys_and_values_merge_and_attention_is_two_products(chance: random.Random) -> None:
    heads, length, size = 2, 5, 3
    width = heads * size
    x = leaves(chance, length, width)
    wq, wk, wv = (leaves(chance, width, width) for _ in range(3))
    for causal, waste in ((False, False), (True, True)):
        q, k, v = ([dense(w, None, row) for row in x] for w in (wq, wk, wv))
        results = []
        for h in range(0, width, size):
            cut = slice(h, h + size)
            results += attend([r[cut] for r in q], [r[cut] for r in k], [r[cut] for r in v], causal)
        schedule = raised(flat(results), flat(x))
        assert products(schedule) == [
            "MatMul (18, 6) @ (6, 5)",
            "Product 2 x (5, 3) @ (3, 5)",
            "Product 2 x (5, 5) @ (5, 3)",
        ]
        assert kinds(schedule) == ["MatMul", "Product", "Sum", "logsumexp", "Sum", "exp", "Sum", "div", "Product"]
        scores = schedule.groups[1]
        assert (np.count_nonzero(scores.out >= len(schedule.tape) + 2) > 0) == waste or not causal
        read = np.unique(np.concatenate([ids.ravel() for g in schedule.groups for ids in operands(g)]))
        assert len(np.intersect1d(scores.out, read)) == heads * (length * (length + 1) // 2 if causal else length**2)


def test_a_convolution_is_one_product_and_same_padding_costs_zeros(chance: random.Random) -> None:
    filters, offsets, image = leaves(chance, 4, 3, 3), leaves(chance, 4), leaves(chance, 6, 6)
    assert products(raised(flat(convolve(filters, offsets, image, False)), flat(image))) == [
        "MatMul (4, 10) @ (10, 16)"
    ]
    schedule = raised(flat(convolve(filters, offsets, image, True)), flat(image))
    assert kinds(schedule) == ["MatMul", "relu"]
    assert products(schedule) == ["MatMul (4, 10) @ (10, 36)"]
    assert isinstance(schedule.groups[0], MatMul)
    assert np.count_nonzero(schedule.groups[0].x == schedule.zero) == 2 * 6 * 3 * 2 - 4


def test_two_same_convolutions(chance: random.Random) -> None:
    image = leaves(chance, 5, 5)
    first = convolve(leaves(chance, 2, 3, 3), leaves(chance, 2), image, True)
    second = [convolve(leaves(chance, 3, 3, 3), leaves(chance, 3), channel, True) for channel in first]
    outputs = flat([ag.sum(v) for v in zip(*(flat(part) for part in second), strict=True)])
    schedule = raised(outputs, flat(image))
    assert products(schedule) == ["MatMul (2, 10) @ (10, 25)", "MatMul 2 x (3, 10) @ (10, 25)"]


def test_filters_by_channel_are_a_stack_of_products(chance: random.Random) -> None:
    channels = leaves(chance, 3, 5, 5)
    outputs = [convolve(leaves(chance, 1, 3, 3), leaves(chance, 1), image, False) for image in channels]
    assert products(raised(flat(outputs), flat(channels))) == ["MatMul 3 x (1, 10) @ (10, 9)"]


def test_a_table_of_rows_chosen_by_inputs_is_a_gather(chance: random.Random) -> None:
    table, letters = leaves(chance, 7, 3), [Value(float(i)) for i in (1, 5, 0, 5)]
    columns = list(zip(*table, strict=True))
    rows = [[ag.take(column, letter) for column in columns] for letter in letters]
    schedule = raised(flat(rows), letters)
    assert kinds(schedule) == ["Gather"]
    assert products(schedule) == ["Gather 4 of 7 rows of 3"]
    group = schedule.groups[0]
    assert isinstance(group, Gather)
    assert group.index.tolist() == [0, 1, 2, 3]
    assert group.out.T.ravel().tolist() == schedule.tape.outputs.tolist()
    assert kinds(raised(flat(rows), letters, products=False)) == ["take"]
    assert kinds(raised([ag.take([ag.sin(letters[0]), *letters], letters[0])], letters)) == ["sin", "take"]
    twice = [ag.take(table[0], letters[0]) for _ in range(2)]
    assert sorted(kinds(raised(twice, letters))) == ["Gather", "take"]


def test_numbers_that_are_data_are_a_matrix_too(chance: random.Random) -> None:
    """A loss over points that were written as plain numbers, and a frozen layer."""
    points = [[chance.uniform(-1, 1) for _ in range(2)] for _ in range(9)]
    w, b, v, c = leaves(chance, 5, 2), leaves(chance, 5), leaves(chance, 1, 5), leaves(chance, 1)
    losses = [ag.square(dense(v, c, [ag.tanh(z) for z in dense(w, b, x, True)])[0]) for x in points]
    schedule = raised(ag.mean(losses), [])
    assert products(schedule) == ["MatMul (9, 3) @ (3, 5)", "MatMul (1, 6) @ (6, 9)"]
    x, frozen = leaves(chance, 4), leaves(chance, 6, 4)
    schedule = raised(dense(v, c, [ag.tanh(z) for z in dense(frozen[:5], None, x)]), x, flat(v) + c)
    assert products(schedule) == ["MatMul (1, 6) @ (6, 1)"]  # five numbers: not worth it
    rows = leaves(chance, 4, 4)
    schedule = raised([z for x in rows for z in dense(frozen, None, x)], flat(rows), [])
    assert products(schedule) == ["MatMul (6, 4) @ (4, 4)"]


def test_parameters_times_parameters_are_a_product_that_is_not_batched(chance: random.Random) -> None:
    u, v = leaves(chance, 4, 3), leaves(chance, 5, 3)
    schedule = raised([ag.tanh(ag.dot(a, b)) for a in u for b in v], [])
    assert products(schedule) == ["MatMul (4, 3) @ (3, 5)"]
    assert not schedule.groups[0].batched


def test_sums_and_squares(chance: random.Random) -> None:
    x, w = leaves(chance, 6), leaves(chance, 6)
    squares = [w[0] * w[0], ag.square(w[1]), w[2] ** 2, w[3] ** 2.0]
    schedule = raised(0.5 * ag.sum(squares) + ag.mean(x) - (x[0] - 3) / 4, x)
    assert kinds(schedule) == ["Sum", "Sum"]
    assert isinstance(schedule.groups[0], Sum)
    assert schedule.groups[0].scale.tolist() == [1.0 / 6.0]
    group = schedule.groups[1]
    assert isinstance(group, Sum)
    (fixed,) = (part for part in group.parts if part.y is not None)
    assert np.array_equal(fixed.x, fixed.y)
    assert (fixed.c == 0.5).all()
    assert group.bias.tolist() == [0.75]
    shared = x[0] ** 2
    assert kinds(raised([shared, ag.sin(shared)], x)) == ["square", "sin"]


def test_a_shared_node_stays_and_an_output_is_never_absorbed() -> None:
    x, y, z = (Value(v) for v in (0.5, 1.5, 2.5))
    inner, product = x + y, x * y
    schedule = raised([inner + z, inner, product + z, product, x, 1.0, x], [x, y, z])
    assert {i for g in schedule.groups for i in g.out.tolist()} >= set(schedule.tape.outputs[:4].tolist())
    assert sorted(kinds(schedule)) == ["Sum", "Sum", "mul"]
    assert kinds(raised([(x + y) + z], [x, y, z])) == ["Sum"]


def test_a_skip_beside_a_layer_reads_the_product_as_a_term(chance: random.Random) -> None:
    x, w = leaves(chance, 4), leaves(chance, 4, 4)
    schedule = raised([z * 0.5 + xi - 1.0 for z, xi in zip(dense(w, None, x), x, strict=True)], x)
    assert kinds(schedule) == ["MatMul", "Sum"]
    product, rest = schedule.groups
    assert product.level == rest.level == 1
    assert (product.out >= len(schedule.tape) + 2).all()


def test_the_same_dot_written_twice_is_computed_once(chance: random.Random) -> None:
    x, w, b = leaves(chance, 4), leaves(chance, 3, 4), leaves(chance, 3)
    schedule = raised(dense(w, b, x) + dense(w, b, x), x)
    assert products(schedule) == ["MatMul (3, 5) @ (5, 1)"]
    assert kinds(schedule) == ["MatMul", "Sum"]


@pytest.mark.slow
def test_a_collision_of_hashes_costs_a_product_and_no_error(chance: random.Random, monkeypatch: Any) -> None:
    for module in (grids, gathers):
        monkeypatch.setattr(module, "scramble", lambda numbers: np.asarray(numbers, np.uint64) % np.uint64(3))
    x, w = leaves(chance, 6), leaves(chance, 6, 6)
    assert products(raised(dense(w, None, x), x)) != ["MatMul (6, 6) @ (6, 1)"]
    for seed in range(10):
        graph = build(seed)
        schedule = raise_tape(graph.tape())
        check_order(schedule)
        check_numbers(schedule, graph.batch(3, seed))
        check_terms(schedule)


def test_unequal_sums_and_logsumexps_share_groups_where_they_are_half_full(chance: random.Random) -> None:
    x = leaves(chance, 8)
    for reduce, name in ((ag.sum, "Sum"), (ag.logsumexp, "logsumexp"), (ag.product, "product")):
        assert kinds(raised([reduce(x[: k + 1]) for k in range(8)], x)) == [name]
        schedule = raised([reduce(x[:2]) for _ in range(9)] + [reduce(x + x + x)], x)
        assert sorted(g.out.size for g in schedule.groups) == [1, 9]


# -- constants, dead nodes, care ---------------------------------------------------------------------------------------


def test_constants_fold_and_what_nobody_needs_is_dropped() -> None:
    x, c = Value(0.5), Value(2.0).detach()
    schedule = raised([x * ag.exp(c * 3.0) + ag.sin(c)], [x])
    assert kinds(schedule) == ["Sum"]
    assert schedule.note["folded"] == 3
    schedule = raised([ag.take([ag.sin(x), ag.cos(x)], 1), ag.take([c, ag.tan(x)], 0) * x], [x])
    assert kinds(schedule) == ["cos", "Sum", "Sum"] or kinds(schedule) == ["Sum", "cos", "Sum"]
    assert schedule.note["dropped"] == 2


def test_a_constant_that_is_not_finite_stays_an_operation() -> None:
    with ag.ieee():
        zero = Value(0.0).detach()
        root = ag.log(zero) + Value(1.0)
        endless = Value(float("inf")).detach() * Value(2.0) + 1.0 / zero
    schedule = raise_tape(record_tape([root, endless], []))
    check_order(schedule)
    assert {"div", "log"} < set(kinds(schedule))
    rows = run_schedule(schedule, np.zeros((1, 0)), np.array([1.0, 2.0]))
    assert rows[schedule.tape.outputs, 0].tolist() == [-np.inf, np.inf]


def test_zero_times_infinity_stays_nan() -> None:
    x, y = Value(1.0), Value(2.0)
    tape = record_tape([x * 0.0 + y, (x + y) * 0.0], [x, y])
    for way in WAYS:
        found = run_schedule(raise_tape(tape, **way), np.array([[np.inf, 1.0], [2.0, 3.0]]), np.zeros(0))
        assert np.isnan(found[tape.outputs, 0]).all()
        assert found[tape.outputs, 1].tolist() == [3.0, 0.0]


def test_large_and_small_coefficients_are_not_multiplied() -> None:
    x, y = Value(1e-300), Value(1e300)
    outputs = [
        (x * 1e200) * 1e200,
        (y * 1e-200) * 1e-200,
        (x * 1e300 + 1.0) * 1e80,
        ((x * 1e80) * 1e80) * 1e80 * 1e80,
        ((y * 1e-80 + x) * 1e-80 * 1e-80 + x) * 1e-80,
        x / 1e-310,
        (x * 1e30 + y * 0.0) * 1e30,
    ]
    tape = record_tape(outputs, [x, y])
    found = run_schedule(raise_tape(tape), np.array([[1e-300, 1e300]]), np.zeros(0))[tape.outputs, 0]
    np.testing.assert_allclose(found, [out.data for out in outputs], rtol=2e-15)


def test_a_long_chain_is_cut_into_few_sums() -> None:
    x = Value(0.5)
    y: Any = x
    for _ in range(5000):
        y = y * 0.5 + x
    schedule = raised(y, [x])
    assert kinds(schedule) == ["Sum"] * 126
    assert sum(part.x.size for g in schedule.groups if isinstance(g, Sum) for part in g.parts) == 5001 + 125


def test_the_interpreters_agree_on_the_plain_schedule() -> None:
    for seed in range(40):
        graph = build(seed)
        tape = graph.tape()
        schedule = elementwise_schedule(tape)
        check_order(schedule)
        check_numbers(schedule, graph.batch(3, seed))


def test_a_tape_without_operations() -> None:
    x, w = Value(1.0), Value(2.0)
    schedule = raised([x, w, 3.0], [x])
    assert schedule.groups == []
    assert schedule.note["operations"] == 0


def test_irregular_graphs_stay_sums() -> None:
    """Dots by the hundred that share nothing make no products of one cell."""
    chance = random.Random(1)
    x, w = leaves(chance, 40), leaves(chance, 400)
    outputs = [chance.choice(x) * chance.choice(w) + chance.choice(x) * chance.choice(w) for _ in range(300)]
    assert not {"MatMul", "Product"} & set(kinds(raised(outputs, x)))
    few = [ag.tanh(ag.dot(w[:2], x[:2], w[2]))]
    assert products(raised(few, x)) == ["MatMul (1, 3) @ (3, 1)"]


def test_the_note_counts(chance: random.Random) -> None:
    x, w, b = leaves(chance, 2), leaves(chance, 3, 2), leaves(chance, 3)
    schedule = raised(ag.sum([ag.tanh(z) for z in dense(w, b, x, True)]), x)
    assert schedule.note == {
        "nodes": 2 + 9 + 12 + 3 + 1,
        "operations": 16,
        "folded": 0,
        "dropped": 0,
        "absorbed into sums": 3,
        "fused into sums as products": 6,
        "sums": 4,
        "groups": {"MatMul": 1, "Sum": 1, "Elementwise": 1},
        "nodes by kind of group": {"MatMul": 3, "Sum": 1, "Elementwise": 3},
        "products": ["MatMul (3, 3) @ (3, 1)"],
        "levels": 3,
    }


def test_every_operation_name_that_raising_knows_is_there() -> None:
    assert {"add", "sub", "neg", "mul", "div", "sum", "mean", "dot", "identity", "square", "pow", "take"} <= set(TABLE)


# -- graphs without order ----------------------------------------------------------------------------------------------


def tangled(nodes: int, parameters: int) -> Tape:
    """Operations on operands from anywhere before them."""
    chance = random.Random(3)
    inputs, weights = leaves(chance, 12), leaves(chance, parameters)
    pool: list[Any] = [*inputs, *weights]
    while len(pool) < nodes:
        a, b = chance.choice(pool), chance.choice(pool)
        pool.append(chance.choice([lambda a=a, b=b: ag.tanh(a * b), lambda a=a, b=b: ag.sin(a - 0.5 * b)])())
    return record_tape([ag.sum(pool)], inputs)


def test_a_graph_without_order_passes_for_one_that_varies() -> None:
    tape = tangled(2000, 10)
    found, apart = raise_tape(tape), raise_tape(tape, uniform=False)
    assert all(group.batched for group in found.groups)
    assert found.batched[tape.parameters].all()
    assert not all(group.batched for group in apart.groups)
    assert len(found.groups) < 0.8 * len(apart.groups)


def test_much_that_is_fixed_is_computed_once() -> None:
    schedule = raise_tape(tangled(2000, 400))
    assert not schedule.batched[schedule.tape.parameters].any()
    assert not any(isinstance(group, MatMul | Product) for group in schedule.groups)


def test_rare_sums_of_a_level_share_a_group() -> None:
    chance = random.Random(4)
    x = leaves(chance, 300)
    common = [ag.sin(x[i] - 0.5 * x[i + 1]) for i in range(299)]
    rare = [ag.sin(ag.sum([chance.uniform(1, 2) * v for v in chance.sample(x, n)])) for n in (6, 7, 9, 13, 17)]
    schedule = raise_tape(record_tape([ag.sum([*common, *rare])], x))
    sums = [group for group in schedule.groups if isinstance(group, Sum) and group.level == 1]
    assert sorted(len(group.out) for group in sums) == [5, 299]
