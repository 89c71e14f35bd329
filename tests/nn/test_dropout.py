"""nn.dropout: masks are leaves, drawn from a seed; what eval() and programs make of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import CompileError, Value
from autograd.check import assert_gradients
from nn.dropout import Masks


def test_in_training_numbers_are_dropped_and_the_rest_made_larger() -> None:
    drop = nn.Dropout(0.25, seed=1)
    outputs = [drop([1.0] * 500) for _ in range(8)]
    kept = [[v.data for v in out] for out in outputs]
    assert {x for row in kept for x in row} == {0.0, 1 / 0.75}
    assert kept[0] != kept[1]
    assert np.mean(kept) == pytest.approx(1.0, abs=0.03)
    again = nn.Dropout(0.25, seed=1)
    assert [[v.data for v in again([1.0] * 500)] for _ in range(8)] == kept
    assert nn.Dropout(0.25, seed=2).draw(500) != kept[0]


def test_after_eval_it_hands_on_what_it_gets() -> None:
    x = [Value(1.0), Value(2.0)]
    model = nn.Sequential(nn.Dropout(0.5, seed=0), nn.Dropout(0.9, seed=0))
    assert model.eval() is model
    assert model(x) is x
    assert model.train() is model
    assert model(x) is not x
    with nn.nothing_dropped():
        assert model(x) is x
    assert nn.Dropout(0.0)(x) is x


def test_the_mask_is_a_leaf_with_a_name_and_no_parameter() -> None:
    drop = nn.Dropout(0.5, name="drop2", seed=0)
    x = [[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]]
    out = drop(x)
    assert [m.name for m in drop.mask] == ["drop2.m1", "drop2.m2", "drop2.m3", "drop2.m4"]
    assert out[1][0].name == "drop2.d2_1"
    assert out[1][0].operands == (x[1][0], drop.mask[2])
    ag.sum(nn.flatten(out)).backward()
    assert [v.grad for v in nn.flatten(x)] == [m.data for m in drop.mask]
    assert drop.parameters() == []


def test_the_function_multiplies_by_the_mask_that_it_is_given() -> None:
    assert nn.dropout(np.array([[1.0, 2.0], [3.0, 4.0]]), [0.0, 2.0, 2.0, 0.0]) == [[0.0, 4.0], [6.0, 0.0]]
    assert_gradients(lambda x: ag.sum([v.sin() for v in nn.dropout(list(x), [2.0, 0.0])]), [0.3, 0.4])
    with pytest.raises(ValueError, match="dropout: 2 numbers, and a mask of 1: one for each is needed"):
        nn.dropout([1.0, 2.0], [1.0])
    assert nn.dropout(np.array(3.0), [2.0]) == 6.0


def test_a_program_of_values_takes_masks_as_inputs() -> None:
    drop, x, w = nn.Dropout(0.5, seed=0), [Value(1.0), Value(2.0)], Value(3.0)
    loss = w * ag.sum(drop(x))
    program = ag.compile(loss, inputs=[*x, *drop.mask])
    assert program([[1.0, 2.0, 2.0, 0.0], [1.0, 2.0, 0.0, 2.0]]).tolist() == [6.0, 12.0]
    assert program.parameters == (w,)


def test_a_function_that_draws_is_not_compiled() -> None:
    model = nn.Sequential(nn.Linear(2, 3, seed=0), nn.Dropout(0.5, seed=0))
    compiled = ag.compile(lambda x: model(x))
    batch = np.ones((2, 2))
    with pytest.raises(CompileError, match=r"Dropout\(0.5, name='drop1'\) draws a mask, .* call model.eval\(\) first"):
        compiled(batch)
    model.eval()
    assert compiled(batch)[0].tolist() == pytest.approx([v.data for v in model([1.0, 1.0])])


def asked(call: Callable[[], object]) -> Masks:
    masks = Masks()
    leaves = [Value(0.0)]
    with masks.asked(leaves):
        call()
    assert len(leaves) == 1 + masks.count
    return masks


def test_masks_stand_beside_a_batch_as_an_eager_pass_draws_them() -> None:
    def model_of(seed: int) -> Any:
        return nn.Sequential(nn.Dropout(0.5, seed=seed, name="a"), lambda x: x[:2], nn.Dropout(0.3, seed=seed + 1))

    model, twin = model_of(3), model_of(3)
    masks = asked(lambda: model([1.0, 2.0, 3.0]))
    assert masks.count == 5
    rows = masks.beside(np.ones((4, 3)))
    assert rows.tolist() == [[1.0] * 8] * 4
    drawn = masks.drawn(rows)
    for row in drawn.tolist():
        leaves = [Value(m) for m in row[3:]]
        with masks.given(leaves):
            out = model([1.0, 2.0, 3.0])
        assert [v.data for v in out] == [v.data for v in twin([1.0, 2.0, 3.0])]
        assert [leaf.name for leaf in leaves] == ["a.m1", "a.m2", "a.m3", "drop1.m1", "drop1.m2"]
    assert masks.drawn(rows).tolist() != drawn.tolist()
    masks.drawn(rows)
    masks.take_back()
    after = masks.drawn(rows).tolist()
    masks.take_back()
    assert masks.drawn(rows).tolist() == after
    model.eval()
    none = asked(lambda: model([1.0, 2.0, 3.0]))
    assert none.count == 0
    assert none.beside(rows) is rows
    assert none.drawn(rows) is rows


def test_rows_that_draw_other_numbers_of_masks_are_not_compiled() -> None:
    drop = nn.Dropout(0.5, seed=0)
    masks = asked(lambda: drop([1.0, 2.0]))
    with masks.given([Value(1.0), Value(1.0)]), pytest.raises(CompileError, match="another number of masks"):
        drop([1.0, 2.0, 3.0])
    with pytest.raises(CompileError, match="another number of masks"), masks.asked([Value(0.0)]):
        drop([1.0, 2.0, 3.0])


def test_modules_know_whether_they_train() -> None:
    model = nn.Residual(nn.Sequential(nn.MLP(2, [2], seed=0), nn.Dropout(0.5)))
    assert [type(m).__name__ for m in model.modules()][:4] == ["Residual", "Sequential", "MLP", "Layer"]
    assert all(m.training for m in model.modules())
    model.eval()
    assert not any(m.training for m in model.modules())
    assert next(path for path, _ in model.named_parameters()).startswith("part.layers.0.layers.0.neurons.0.w.0")
    assert model.train(True).modules()[-1].training


@pytest.mark.parametrize("p", [1.0, -0.1, float("nan")])
def test_a_probability_that_is_none(p: float) -> None:
    with pytest.raises(ValueError, match=r"p is .*: it must be 0 or above, and below 1"):
        nn.Dropout(p)


def test_how_it_prints() -> None:
    assert repr(nn.Dropout(0.2)) == "Dropout(0.2, name='drop1')"


def dropping_network() -> Any:
    return nn.Sequential(
        nn.Linear(2, 6, seed=0), "tanh", nn.Dropout(0.4, seed=5), nn.Linear(6, 1, name="out", seed=1), lambda y: y[0]
    )


ROWS = [[0.1, 0.9], [-0.5, 0.3], [0.7, -0.2], [-0.9, -0.8], [0.4, 0.4]]
TARGETS = [1.0, 0.2, -0.3, 0.5, -1.0]


@pytest.mark.parametrize("batch_size", [None, 2])
def test_fit_draws_the_same_masks_compiled_or_not(batch_size: int | None) -> None:
    histories, states = [], []
    for compile in (False, True):
        model = dropping_network()
        optimizer = nn.SGD(model.parameters(), 0.1)
        held_out = (ROWS[:3], TARGETS[:3])
        histories.append(
            nn.fit(model, ROWS, TARGETS, loss="squared_error", optimizer=optimizer, steps=12, batch_size=batch_size,
                   held_out=held_out, held_out_every=4, progress=False, compile=compile)
        )  # fmt: skip
        states.append(model.state_dict())
        assert histories[-1].held_out[-1][1] == pytest.approx(
            nn.average_loss(model.eval(), *held_out, loss="squared_error"), rel=1e-12
        )
    assert histories[1].engine.startswith("compiled")
    assert histories[1].losses == pytest.approx(histories[0].losses, rel=1e-10)
    assert [x for _, x in histories[1].held_out] == pytest.approx([x for _, x in histories[0].held_out], rel=1e-10)
    assert list(states[1].values()) == pytest.approx(list(states[0].values()), rel=1e-10)
    assert histories[0].losses[0] != histories[0].losses[1]


def test_fit_drops_anew_at_every_step() -> None:
    model = dropping_network()
    history = nn.fit(
        model, ROWS[:1], TARGETS[:1], loss="squared_error", optimizer=nn.SGD(model.parameters(), 1e-12), steps=10,
        progress=False, compile=True,
    )  # fmt: skip
    assert len({round(loss, 6) for loss in history.losses}) > 5
    model.eval()
    history = nn.fit(
        model, ROWS[:1], TARGETS[:1], loss="squared_error", optimizer=nn.SGD(model.parameters(), 1e-12), steps=10,
        progress=False, compile=True,
    )  # fmt: skip
    assert len({round(loss, 6) for loss in history.losses}) == 1


def test_a_step_that_fails_has_drawn_no_masks() -> None:
    model, twin = dropping_network(), dropping_network()
    for p in model.parameters():
        p.data = 1e200
    with pytest.raises(FloatingPointError):
        nn.fit(model, ROWS, TARGETS, loss="squared_error", optimizer=nn.SGD(model.parameters()), steps=1,
               progress=False, compile=True)  # fmt: skip
    twin_draws = [twin[2].draw(6) for _ in ROWS]
    assert twin[2].draw(6) == model[2].draw(6), "the eager step that reported the error drew the same masks again"
    assert twin_draws


def test_metrics_drop_nothing() -> None:
    model = dropping_network()
    losses = {nn.average_loss(model, ROWS, TARGETS, loss="squared_error") for _ in range(5)}
    assert len(losses) == 1
    assert len({nn.accuracy(model, ROWS, [0, 1, 0, 1, 0]) for _ in range(5)}) == 1
