"""nn.scaler: standardisation."""

import math

import pytest

from nn.scaler import Scaler

COLUMNS = ("weight_kg", "height_cm")
ROWS = [(60.0, 165.0), (80.0, 180.0), (70.0, 171.0)]


def test_the_fitted_rows_have_mean_0_and_deviation_1() -> None:
    scaler = Scaler.fit(ROWS, COLUMNS)
    for column in zip(*map(scaler.transform, ROWS), strict=True):
        assert math.fsum(column) == pytest.approx(0, abs=1e-12)
        assert math.fsum(x * x for x in column) / 3 == pytest.approx(1, rel=1e-14)


def test_inverse_undoes_transform() -> None:
    scaler = Scaler.fit(ROWS, COLUMNS)
    assert scaler.inverse(scaler.transform((71.0, 178.0))) == pytest.approx([71.0, 178.0], rel=1e-15)


def test_large_numbers_do_not_overflow() -> None:
    scaler = Scaler.fit([(1e308,), (-1e308,)], ["x"])
    assert scaler.transform([1e308]) == [1.0]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "a scaler is fitted to one row at least: there are none"),
        (
            [(60.0, 165.0), (60.0, 180.0)],
            "weight_kg is 60 in every row: it tells nothing apart, leave it out",
        ),
        ([(0.1, 1.0)] * 3, "weight_kg is 0.1 in every row"),
        ([(60.0, 165.0)], "weight_kg is 60 in every row"),
        ([(60.0,)], r"row 0 \(from 0\) has 1 numbers, where there are 2 columns"),
        ([(60.0, 165.0), (math.nan, 180.0)], r"row 1 \(from 0\) holds a number that is not finite"),
    ],
)
def test_rows_that_cannot_be_fitted(rows: list[tuple[float, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scaler.fit(rows, COLUMNS)


@pytest.mark.parametrize(
    ("mean", "scale", "message"),
    [
        ((0.0,), (1.0, 1.0), "it has 2 columns, 1 means, 2 scales"),
        ((0.0, 0.0), (1.0, 0.0), "the scale of height_cm is 0.0: it must be positive and finite"),
        ((0.0, 0.0), (1.0, math.nan), "the scale of height_cm is nan"),
        ((math.inf, 0.0), (1.0, 1.0), "the mean of weight_kg is inf: it must be finite"),
    ],
)
def test_a_scaler_checks_its_numbers(mean: tuple[float, ...], scale: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scaler(COLUMNS, mean, scale)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((71.0,), r"the scaler takes 2 numbers \(weight_kg, height_cm\), not 1"),
        ((math.nan, 178.0), "weight_kg is nan: it must be finite"),
    ],
)
def test_transform_checks_its_row(row: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scaler.fit(ROWS, COLUMNS).transform(row)


def test_a_constant_column_may_be_kept() -> None:
    scaler = Scaler.fit([(60.0, 1.0), (60.0, 3.0)], COLUMNS, keep_constant=True)
    assert (scaler.mean, scaler.scale) == ((60.0, 2.0), (1.0, 1.0))
    assert scaler.transform((61.0, 4.0)) == [1.0, 2.0]
