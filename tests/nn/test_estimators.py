"""nn.Classifier and nn.Regressor: scikit-learn's own checks, known answers, saving, errors."""

import ast
import copy
import pickle
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from support import ROOT
from support.page_snippets import check_snippet, snippets

import autograd as ag
import nn
import viz
from autograd import Value
from nn import EarlyStop

REASON = "the estimators need scikit-learn"
base = pytest.importorskip("sklearn.base", reason=REASON)
datasets = pytest.importorskip("sklearn.datasets", reason=REASON)
linear_model = pytest.importorskip("sklearn.linear_model", reason=REASON)
model_selection = pytest.importorskip("sklearn.model_selection", reason=REASON)
pipeline = pytest.importorskip("sklearn.pipeline", reason=REASON)
preprocessing = pytest.importorskip("sklearn.preprocessing", reason=REASON)
NotFittedError = pytest.importorskip("sklearn.exceptions", reason=REASON).NotFittedError
checks = pytest.importorskip("sklearn.utils.estimator_checks", reason=REASON)

XOR = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
EITHER = np.array(["same", "other", "other", "same"])
RNG = np.random.default_rng(0)
X2 = RNG.normal(size=(40, 3)) * [1.0, 20.0, 0.1] + [0.0, 100.0, 5.0]
Y2 = (X2[:, 0] + (X2[:, 1] - 100.0) / 20.0 + RNG.normal(size=40) > 0).astype(int)
Y3 = np.digitize(X2[:, 0], [-0.5, 0.5])
T2 = 3.0 * X2[:, 0] - X2[:, 1] + RNG.normal(size=40)


ESTIMATORS = [
    nn.Classifier((8,), steps=60, learning_rate=0.05),
    nn.Regressor((8,), steps=60, learning_rate=0.05),
    nn.Classifier(
        (4,), "tanh", optimizer="sgd", learning_rate=0.3, steps=80, held_out=0.2, l2=1e-3, loss="squared_error"
    ),
    nn.Regressor(
        (8,), optimizer="adamw", weight_decay=0.1, learning_rate=0.05, steps=60, held_out=0.2, early_stop=EarlyStop(3)
    ),
]
CHECKS = [case for estimator in ESTIMATORS for case in checks.estimator_checks_generator(estimator)]


def named(part: Any) -> str:
    return getattr(part, "func", type(part)).__name__


@pytest.mark.parametrize(("estimator", "check"), CHECKS, ids=named)
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.slow
def test_the_package_loads_without_scikit_learn_and_says_what_an_estimator_needs() -> None:
    code = """
import sys
import nn
assert "sklearn" not in sys.modules
sys.modules["sklearn"] = None
for name in ("Classifier", "Regressor"):
    try:
        getattr(nn, name)
    except ImportError as error:
        print(error)
print(hasattr(nn, "zebra"))
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    told = 'nn.Classifier and nn.Regressor need scikit-learn 1.6 or above: pip install "glassgrad[sklearn]"'
    assert done.stdout.splitlines() == [told, told, "False"]


# -- known answers -----------------------------------------------------------------------------------------------------


def test_without_hidden_layers_it_is_ridge_regression() -> None:
    X, y = datasets.load_diabetes(return_X_y=True)
    X, y, l2 = X[:100, :4], y[:100], 0.1
    ours = nn.Regressor((), l2=l2, steps=600, learning_rate=0.1).fit(X, y)
    scaled = (y - y.mean()) / y.std()
    # the mean of squares + l2 |w|^2, in the units of the standardised columns and target
    theirs = pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.Ridge(alpha=len(X) * l2)).fit(
        X, scaled
    )
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X) * y.std() + y.mean(), rtol=1e-4)


@pytest.mark.parametrize("classes", [2, 3])
def test_without_hidden_layers_it_is_logistic_regression(classes: int) -> None:
    X, y = datasets.load_iris(return_X_y=True)
    X, y = X[y < classes], y[y < classes]
    l2 = 0.02
    ours = nn.Classifier((), l2=l2, steps=600, learning_rate=0.1).fit(X, y)
    C = 1.0 / (2.0 * l2 * len(X))  # C * (sum of log losses) + |w|^2 / 2
    theirs = pipeline.make_pipeline(
        preprocessing.StandardScaler(), linear_model.LogisticRegression(C=C, tol=1e-8, solver="newton-cg")
    ).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=2e-4)


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error", "absolute_error"])
def test_a_hidden_layer_learns_what_a_line_cannot(loss: str) -> None:
    model = nn.Classifier((8,), "tanh", loss=loss, steps=400, learning_rate=0.05).fit(XOR, EITHER)
    assert model.score(XOR, EITHER) == 1.0
    assert model.classes_.tolist() == ["other", "same"]
    assert nn.Classifier((), steps=100).fit(XOR, EITHER).score(XOR, EITHER) <= 0.75


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error", "absolute_error"])
@pytest.mark.parametrize("y", [Y2, Y3], ids=["two", "three"])
def test_the_losses_of_probabilities(y: Any, loss: str) -> None:
    model = nn.Classifier((3,), loss=loss, steps=2, learning_rate=1e-9).fit(X2, y)
    p, truth = model.predict_proba(X2), np.eye(y.max() + 1)[y]
    if y is Y2 and loss != "cross_entropy":  # of the second class alone
        p, truth = p[:, 1:], truth[:, 1:]
    each = {
        "cross_entropy": lambda: -np.log((p * truth).sum(axis=1)),
        "squared_error": lambda: ((p - truth) ** 2).sum(axis=1),
        "absolute_error": lambda: abs(p - truth).sum(axis=1),
    }[loss]()
    assert model.history_.losses[1] == pytest.approx(each.mean(), rel=1e-6)
    assert model.graph(X2[7], y[7]).data == pytest.approx(each[7], rel=1e-9)


def test_a_prediction_is_what_the_values_compute() -> None:
    for model, y in ((nn.Classifier((5, 4), steps=20), Y3), (nn.Regressor((5, 4), "gelu", steps=20), T2)):
        model.fit(X2, y)
        network, scaler = model.model_, model.scaler_
        outputs = [network(scaler.transform(row)) for row in X2.tolist()]
        if isinstance(model, nn.Regressor):
            target = model.target_scaler_
            expected = [target.inverse([z.data])[0] for z in outputs]
            np.testing.assert_allclose(model.predict(X2), expected, rtol=1e-12)
        else:
            expected = [[p.data for p in ag.softmax(z)] for z in outputs]
            np.testing.assert_allclose(model.predict_proba(X2), expected, rtol=1e-12)


def test_a_change_of_a_value_shows_in_the_predictions() -> None:
    model = nn.Regressor((), steps=5).fit(X2, T2)
    before = model.predict(X2)
    bias = model.model_.layers[0].neurons[0].b
    bias.data += 1.0
    np.testing.assert_allclose(model.predict(X2), before + T2.std(), rtol=1e-12)


@pytest.mark.parametrize("options", [{}, {"batch_size": 7}, {"l2": 0.01, "held_out": 0.3}, {"optimizer": "sgd"}])
def test_both_engines_fit_the_same(options: dict[str, Any]) -> None:
    fast, slow = (nn.Classifier((3,), steps=6, compile=compile, **options).fit(X2, Y3) for compile in (True, False))
    assert fast.history_.engine.startswith("compiled")
    assert slow.history_.engine == "eager: as asked for"
    np.testing.assert_allclose(fast.history_.losses, slow.history_.losses, rtol=1e-9)
    np.testing.assert_allclose(fast.predict_proba(X2), slow.predict_proba(X2), rtol=1e-7)


def test_probabilities_near_0_keep_their_digits() -> None:
    model = nn.Classifier((), standardise=False, steps=1, learning_rate=1e-9).fit([[0.0], [1.0]], [0, 1])
    neuron = model.model_.layers[0].neurons[0]
    neuron.w[0].data, neuron.b.data = 1.0, 0.0
    low, high = model.predict_proba([[-100.0], [100.0]])
    assert low[1] == pytest.approx(np.exp(-100.0), rel=1e-12)
    assert high[0] == pytest.approx(np.exp(-100.0), rel=1e-12)


def test_a_long_batch_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Classifier((3,), steps=5).fit(X2, Y3)
    whole = model.predict_proba(X2)
    monkeypatch.setattr("nn.estimators.network.MOST_NUMBERS", 7 * len(model._network.compile().tape))
    np.testing.assert_allclose(model.predict_proba(X2), whole, rtol=1e-12)


# -- parameters --------------------------------------------------------------------------------------------------------


def test_the_penalty_shrinks_the_weights_and_is_no_part_of_what_is_held_out() -> None:
    def sizes(l2: float) -> tuple[float, Any]:
        model = nn.Classifier((4,), l2=l2, held_out=0.25, steps=200, random_state=3).fit(X2, Y2)
        return sum(w.data**2 for n in model.model_.layers[0].neurons for w in n.w), model

    free, _ = sizes(0.0)
    tied, model = sizes(0.1)
    assert tied < 0.5 * free
    _, apart = model_selection.train_test_split(range(len(X2)), test_size=0.25, stratify=Y2, random_state=3)
    assert model.history_.held_out[-1][1] == pytest.approx(
        nn.log_loss(Y2[apart].tolist(), model.predict_proba(X2[apart])[:, 1].tolist())
    )
    # the scaler has not seen the rows held out
    training = np.setdiff1d(range(len(X2)), apart)
    np.testing.assert_allclose(model.scaler_.mean, X2[training].mean(axis=0), rtol=1e-12)


def test_early_stopping() -> None:
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(60, 5)), rng.integers(0, 2, 60)  # nothing to learn but the rows themselves
    model = nn.Classifier((16,), steps=1000, learning_rate=0.05, held_out=0.3, early_stop=EarlyStop(3)).fit(X, y)
    assert model.history_.ended == "early stop"
    assert model.n_iter_ == len(model.history_.losses) == model.history_.held_out[-1][0] < 300
    without = nn.Regressor((), steps=1000, early_stop=EarlyStop(10)).fit(X2, T2)
    assert without.history_.ended == "early stop"
    assert not without.history_.held_out


@pytest.mark.slow
@pytest.mark.parametrize("compile", [True, False])
def test_early_stopping_gives_back_the_best(compile: bool) -> None:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(60, 5))
    y = (X[:, 0] + rng.normal(size=60) > 0).astype(int)
    options: dict[str, Any] = {"learning_rate": 0.05, "held_out": 0.3, "compile": compile}
    model = nn.Classifier((16,), steps=100, early_stop=EarlyStop(3, 0.0), **options).fit(X, y)
    best, loss = min(model.history_.held_out, key=lambda pair: pair[1])
    assert best == model.history_.restored == model.n_iter_ - 30
    assert best > 0
    same = nn.Classifier((16,), steps=best, **options).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), same.predict_proba(X), rtol=1e-9)
    _, apart = model_selection.train_test_split(np.arange(60), test_size=0.3, stratify=y, random_state=0)
    p = model.predict_proba(X[apart])[np.arange(len(apart)), y[apart]]
    assert -np.log(p).mean() == pytest.approx(loss, rel=1e-9)


def test_weights_decay_by_adamw() -> None:
    X, y = X2, Y2
    plain = nn.Classifier((), steps=200).fit(X, y)
    none = nn.Classifier((), steps=200, optimizer="adamw", weight_decay=0.0).fit(X, y)
    np.testing.assert_allclose(none.predict_proba(X), plain.predict_proba(X), rtol=1e-9)
    default = nn.Classifier((), steps=200, optimizer="adamw").fit(X, y)  # nn.AdamW's own 0.01
    explicit = nn.Classifier((), steps=200, optimizer="adamw", weight_decay=0.01).fit(X, y)
    np.testing.assert_array_equal(default.predict_proba(X), explicit.predict_proba(X))
    strong = nn.Classifier((), steps=200, optimizer="adamw", weight_decay=1.0).fit(X, y)

    def size(model: Any) -> float:
        return sum(w.data**2 for w in model.model_.layers[0].neurons[0].w)

    assert size(strong) < size(default) < size(plain)

    def by_hand(parameters: Any, learning_rate: float) -> nn.AdamW:
        return nn.AdamW(parameters, learning_rate, weight_decay=1.0)

    hand = nn.Classifier((), steps=200, optimizer=by_hand).fit(X, y)
    np.testing.assert_array_equal(hand.predict_proba(X), strong.predict_proba(X))
    search = model_selection.GridSearchCV(
        nn.Classifier((), steps=20, optimizer="adamw"), {"weight_decay": [0.0, np.float64(0.1)]}, cv=2
    ).fit(X, y)
    assert search.best_params_["weight_decay"] in (0.0, 0.1)


def test_the_history_draws_itself() -> None:
    model = nn.Classifier((4,), held_out=0.25, steps=25).fit(X2, Y2)
    figure = viz.curve(model.history_)
    assert "trained on: 25 values" in figure.svg
    assert "held out: 4 values" in figure.svg  # before the first step, after 10, 20 and the last


def test_random_states() -> None:
    def found(state: Any) -> Any:
        return nn.Classifier((4,), steps=1, random_state=state).fit(X2, Y2).predict_proba(X2)

    np.testing.assert_array_equal(found(7), found(np.int64(7)))
    assert not np.array_equal(found(7), found(8))
    assert not np.array_equal(found(None), found(None))
    state = np.random.RandomState(0)
    np.testing.assert_array_equal(found(np.random.RandomState(0)), found(state))
    assert not np.array_equal(found(state), found(np.random.RandomState(0)))


def test_an_optimiser_and_a_loss_of_ones_own() -> None:
    def huber(prediction: Any, target: Any) -> Value:
        error = (prediction - target).abs()
        return ag.minimum(error, 1.0) * (error - 0.5 * ag.minimum(error, 1.0))

    def momentum(parameters: Any, learning_rate: float) -> nn.SGD:
        return nn.SGD(parameters, learning_rate, momentum=0.9)

    model = nn.Regressor((), loss=huber, optimizer=momentum, learning_rate=0.05, steps=200).fit(X2, T2)
    assert model.history_.engine.startswith("compiled")
    assert model.score(X2, T2) > 0.95


def test_a_search_over_parameters() -> None:
    grid = {
        "classifier__hidden": [(), (4,)],
        "classifier__steps": np.array([5, 20]),
        "classifier__l2": [np.float64(0.01)],
    }
    search = model_selection.GridSearchCV(
        pipeline.make_pipeline(preprocessing.StandardScaler(), nn.Classifier(learning_rate=0.1)), grid, cv=2
    ).fit(X2, Y2)
    assert search.best_score_ > 0.6
    assert repr(nn.Classifier((4,), steps=3)) == "Classifier(hidden=(4,), steps=3)"


def test_constant_columns_do_no_harm() -> None:
    model = nn.Classifier((), steps=100).fit(np.column_stack([X2, np.full(len(X2), 7.0)]), Y2)
    assert model.scaler_.mean[3] == pytest.approx(7.0)
    assert model.scaler_.scale[3] == 1.0
    assert model.score(np.column_stack([X2, np.full(len(X2), 7.0)]), Y2) > 0.7
    flat = nn.Regressor((), steps=300, learning_rate=0.1).fit(X2, np.full(len(X2), 5.0))
    np.testing.assert_allclose(flat.predict(X2), 5.0, atol=0.01)


# -- pandas ------------------------------------------------------------------------------------------------------------


def test_data_frames() -> None:
    pd = pytest.importorskip("pandas", reason="data frames are pandas'")
    frame = pd.DataFrame(X2, columns=["age", "income", "share"])
    kind = pd.Series(np.where(Y2, "yes", "no"), dtype="category")
    model = nn.Classifier((4,), steps=50).fit(frame, kind)
    assert model.feature_names_in_.tolist() == ["age", "income", "share"]
    assert model.scaler_.columns == ("age", "income", "share")
    assert set(model.predict(frame)) == {"yes", "no"}
    np.testing.assert_array_equal(
        model.predict_proba(frame), nn.Classifier((4,), steps=50).fit(X2, Y2).predict_proba(X2)
    )
    loss = model.graph(frame.iloc[3], "yes")
    assert isinstance(loss, Value)
    assert {v.name for v in leaves(loss)} >= {"age", "income", "share"}
    assert model.graph(frame.iloc[[3]], "yes").data == loss.data
    for without_names in (frame.iloc[3].to_numpy(), frame.iloc[3].tolist(), frame.iloc[3].reset_index(drop=True)):
        assert model.graph(without_names, "yes").data == loss.data
    swapped = r"^graph takes the columns age, income, share, in this order, not income, age, share$"
    for row in (frame[["income", "age", "share"]].iloc[3], frame[["income", "age", "share"]].iloc[[3]]):
        with pytest.raises(ValueError, match=swapped):
            model.graph(row, "yes")
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[["income", "age", "share"]])
    with pytest.raises(ValueError, match="could not convert string to float"):
        model.predict(frame.assign(age="old"))
    with pytest.raises(ValueError, match="contains NaN"):
        nn.Regressor().fit(frame.assign(age=[None, *X2[1:, 0]]), T2)


def leaves(root: Value) -> list[Value]:
    found: dict[int, Value] = {}
    stack = [root]
    while stack:
        value = stack.pop()
        if id(value) not in found:
            found[id(value)] = value
            stack.extend(x for x in value.operands if isinstance(x, Value))
    return [value for value in found.values() if value.is_leaf]


# -- the graph of a row ------------------------------------------------------------------------------------------------


def test_the_graph_of_a_row() -> None:
    model = nn.Classifier((3,), "tanh", steps=20).fit(X2, Y3)
    probabilities = model.graph(X2[0])
    np.testing.assert_allclose([p.data for p in probabilities], model.predict_proba(X2[:1])[0], rtol=1e-12)
    loss = model.graph(X2[0], Y3[0])
    assert isinstance(loss, Value)
    assert loss.data == pytest.approx(-np.log(model.predict_proba(X2[:1])[0, Y3[0]]), rel=1e-9)
    assert "x1" in viz.draw(loss).svg
    loss.backward()
    bias, step = model.model_.layers[0].neurons[1].b, 1e-5
    slope, middle, sides = bias.grad, bias.data, []
    for sign in (1, -1):
        bias.data = middle + sign * step
        sides.append(model.graph(X2[0], Y3[0]).data)
    assert slope == pytest.approx((sides[0] - sides[1]) / (2 * step), rel=1e-6)
    regressor = nn.Regressor((3,), steps=20).fit(X2, T2)
    output = regressor.graph(X2[0])
    assert isinstance(output, Value)
    target = regressor.target_scaler_
    assert target.inverse([output.data])[0] == pytest.approx(regressor.predict(X2[:1])[0], rel=1e-12)
    error = regressor.graph(X2[0], T2[0])
    assert error.data == pytest.approx(((T2[0] - regressor.predict(X2[:1])[0]) / T2.std()) ** 2, rel=1e-9)


# -- saving ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["pickle", "deepcopy"])
@pytest.mark.parametrize(("make", "y"), [(nn.Classifier, Y2), (nn.Classifier, Y3), (nn.Regressor, T2)])
def test_copies_predict_the_same_to_the_last_bit(make: Any, y: Any, way: str) -> None:
    model = make((4, 3), "tanh", steps=10, held_out=0.25).fit(X2, y)
    twin = pickle.loads(pickle.dumps(model)) if way == "pickle" else copy.deepcopy(model)
    np.testing.assert_array_equal(twin.predict(X2), model.predict(X2))
    assert twin.model_.state_dict() == model.model_.state_dict()
    assert twin.history_ == model.history_
    twin.model_.layers[1].neurons[0].b.data += 1.0  # nothing is shared
    assert twin.model_.state_dict() != model.model_.state_dict()


def test_a_pickle_holds_no_value() -> None:
    content = pickle.dumps(nn.Classifier((4,), steps=2).fit(X2, Y2))
    assert b"autograd" not in content
    assert b"nn.layers" not in content
    assert len(content) < 3000


def test_a_clone_is_not_fitted() -> None:
    model = nn.Classifier((4,), steps=2, early_stop=EarlyStop(3)).fit(X2, Y2)
    twin = base.clone(model)
    assert twin.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        twin.predict(X2)


def test_a_model_file(tmp_path: Any) -> None:
    model = nn.Classifier((4,), steps=10).fit(X2, Y3)
    nn.save(model.model_, tmp_path / "model.json", scaler=model.scaler_)
    loaded = nn.load(tmp_path / "model.json")
    assert loaded.scaler == model.scaler_
    outputs = loaded.model(loaded.scaler.transform(X2[0].tolist()))
    np.testing.assert_allclose([p.data for p in ag.softmax(outputs)], model.predict_proba(X2[:1])[0], rtol=1e-12)


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"hidden": 16}, TypeError, "hidden is the sequence of hidden layer sizes, such as (16, 16) or (), not 16"),
        ({"hidden": (4, 0)}, ValueError, "hidden[1] is 0: it must be 1 or above"),
        ({"hidden": (4.0,)}, TypeError, "hidden[0] is a whole number, not 4.0"),
        ({"activation": "rleu"}, ValueError, "no activation is called 'rleu': choose one of linear, "),
        ({"activation": abs}, TypeError, "the activation is one of linear, sigmoid, "),
        ({"init": "zero"}, ValueError, "no initialiser is called 'zero': choose one of uniform, "),
        ({"optimizer": "adm"}, ValueError, "no optimiser is called 'adm': choose one of sgd, adam, adamw"),
        ({"optimizer": "adamw", "weight_decay": -1.0}, ValueError, "weight_decay is -1: it must be 0 or above"),
        ({"optimizer": "adamw", "weight_decay": "1"}, TypeError, "weight_decay is a number, not '1'"),
        (
            {"weight_decay": 0.1},
            ValueError,
            "weight_decay is AdamW's, and the optimizer is 'adam': give optimizer=\"adamw\", or l2",
        ),
        ({"loss": "mse"}, ValueError, "no loss of a Classifier is called 'mse': choose one of cross_entropy, "),
        ({"learning_rate": 0}, ValueError, "learning_rate is 0: it must be above 0"),
        ({"steps": 0}, ValueError, "steps is 0: it must be 1 or above"),
        ({"steps": 1.5}, TypeError, "steps is a whole number, not 1.5"),
        ({"batch_size": 0}, ValueError, "batch_size is 0: it must be 1 or above"),
        ({"l2": -1.0}, ValueError, "l2 is -1: it must be 0 or above"),
        ({"held_out": 1.0}, ValueError, "held_out is 1: it must be 0 or above, and below 1"),
        ({"random_state": -1}, ValueError, "Seed must be between 0 and 2**32 - 1"),
        (
            {"early_stop": 5},
            TypeError,
            "early_stop is an nn.EarlyStop, such as nn.EarlyStop(patience=20), or None, not 5",
        ),
        ({"optimizer": "sgd", "learning_rate": 1e300}, FloatingPointError, "lower learning_rate, which is 1e+300"),
    ],
)
def test_wrong_parameters(options: dict[str, Any], error: type[Exception], told: str) -> None:
    model = nn.Classifier(**{"steps": 5, **options})  # says nothing yet, as scikit-learn wants it
    with pytest.raises(error, match=re.escape(told)):
        model.fit(X2, Y2)


def test_a_fit_that_fails_leaves_nothing_of_the_one_before() -> None:
    model = nn.Classifier((3,), optimizer="sgd", steps=5).fit(X2, Y2)
    with pytest.raises(
        FloatingPointError, match=re.escape("the training diverges: lower learning_rate, which is 1e+30")
    ):
        model.set_params(learning_rate=1e300).fit(10.0 * X2, Y2)
    with pytest.raises(NotFittedError):
        model.predict(X2)


def test_wrong_losses_of_a_regressor() -> None:
    with pytest.raises(ValueError, match="no loss of a Regressor is called 'hinge': choose one of squared_error, abs"):
        nn.Regressor(loss="hinge").fit(X2, T2)


def test_wrong_data() -> None:
    classifier, regressor = nn.Classifier((), steps=2), nn.Regressor((), steps=2)
    nan = X2.copy()
    nan[3, 1] = np.nan
    for model, y in ((classifier, Y2), (regressor, T2)):
        with pytest.raises(ValueError, match="Input X contains NaN"):
            model.fit(nan, y)
        with pytest.raises(ValueError, match=r"Input y contains (NaN|infinity)"):
            model.fit(X2, np.where(np.arange(40) == 3, np.inf, y))
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            model.fit(X2, y[:-1])
        with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
            model.fit(X2[:, 0], y)
        with pytest.raises(NotFittedError):
            model.graph(X2[0])
        with pytest.raises(NotFittedError):
            _ = model.model_
        model.fit(X2, y)
        with pytest.raises(ValueError, match=r"X has 2 features, but .* is expecting 3 features"):
            model.predict(X2[:, :2])
        with pytest.raises(ValueError, match="Input X contains NaN"):
            model.predict(nan)
        with pytest.raises(ValueError, match=r"graph takes one row of 3 numbers, not an array of shape \(40, 3\)"):
            model.graph(X2)
        with pytest.raises(ValueError, match="graph takes finite numbers, and the row holds nan"):
            model.graph(nan[3])
    with pytest.raises(ValueError, match="y holds 1 class alone, 4: there is nothing to tell apart"):
        classifier.fit(X2, np.full(40, 4))
    for target in (np.nan, np.inf, [1.0, 2.0], []):
        with pytest.raises(ValueError, match=r"^the target of a row is one finite number, not "):
            regressor.graph(X2[0], target)
    with pytest.raises(ValueError, match="Unknown label type"):
        classifier.fit(X2, T2)


def test_classes_that_fit_has_not_seen() -> None:
    model = nn.Classifier((), steps=2).fit(X2, np.where(Y2, "cat", "dog"))
    for stranger in ("zebra", 3):
        with pytest.raises(ValueError, match=f"fit has not seen the class {stranger!r}: it knows 'cat', 'dog'"):
            model.graph(X2[0], stranger)
    with pytest.warns(UserWarning, match="fit has not seen 'zebra': their rows count as wrong"):
        assert model.score(X2[:2], ["zebra", "zebra"]) == 0.0


def test_ctrl_c_leaves_the_last_complete_step() -> None:
    class Tired(nn.SGD):
        made = 0

        def step(self) -> None:
            self.made += 1
            if self.made > 3:
                raise KeyboardInterrupt
            super().step()

    model = nn.Classifier((), optimizer=Tired, steps=50)
    with pytest.warns(RuntimeWarning, match="Ctrl-C ended the training after 3 of 50 steps"):
        model.fit(X2, Y2)
    assert model.n_iter_ == 3
    assert model.history_.interrupted
    model.predict(X2)


# docs/estimators.md ---------------------------------------------------------------------------------------------------

PAGE = (ROOT / "docs" / "estimators.md").read_text("utf-8")
SNIPPETS = snippets("docs/estimators.md")


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_the_pages_snippets_print_what_they_say(snippet: str) -> None:
    if "as_frame" in snippet:
        pytest.importorskip("pandas", reason="data frames are pandas'")
    check_snippet(snippet)


def test_the_page_names_every_parameter_with_its_default() -> None:
    table = re.findall(r"^\| (`.*?`) \| (.*?) \|", PAGE, re.MULTILINE)
    told = {}
    for names, defaults in table:
        values = re.findall(r"`(.*?)`|([\d.]+)", defaults)
        told.update(zip(re.findall(r"`(\w+)`", names), [a or b for a, b in values], strict=True))
    assert {name: ast.literal_eval(text) for name, text in told.items()} == nn.Classifier().get_params()
    assert nn.Classifier().get_params() == nn.Regressor().get_params()
