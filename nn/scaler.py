"""Standardisation: every column of the inputs to mean 0 and standard deviation 1.

It is part of a saved model, so that a prediction takes kilograms and centimetres.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Scaler"]


@dataclass(frozen=True)
class Scaler:
    """``(value - mean) / scale`` for every column.

    Attributes:
        columns: what the columns are called, with their unit, such as "weight_kg".
        mean: one number for every column, in its unit.
        scale: one positive number for every column, in its unit.
    """

    columns: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.columns or not len(self.columns) == len(self.mean) == len(self.scale):
            raise ValueError(
                f"a scaler needs one mean and one scale for every column: it has {len(self.columns)} "
                f"columns, {len(self.mean)} means, {len(self.scale)} scales"
            )
        for column, mean, scale in zip(self.columns, self.mean, self.scale, strict=True):
            if not math.isfinite(mean):
                raise ValueError(f"the mean of {column} is {mean}: it must be finite")
            if not (math.isfinite(scale) and scale > 0):
                raise ValueError(f"the scale of {column} is {scale}: it must be positive and finite")

    @classmethod
    def fit(cls, rows: Sequence[Sequence[float]], columns: Sequence[str], *, keep_constant: bool = False) -> Scaler:
        """The scaler under which every column of these rows has mean 0 and population standard deviation 1.

        Fit it on the training rows alone: the rows held out must not have been seen. With ``keep_constant`` a
        column that holds the same number in every row gets the scale 1 instead of an error.

        Raises:
            ValueError: no rows, a row of another length, a number that is not finite, or a column that holds
                the same number in every row and so tells nothing (leave it out).
        """
        if not rows:
            raise ValueError("a scaler is fitted to one row at least: there are none")
        for index, row in enumerate(rows):
            if len(row) != len(columns):
                raise ValueError(f"row {index} (from 0) has {len(row)} numbers, where there are {len(columns)} columns")
            if not all(math.isfinite(value) for value in row):
                raise ValueError(f"row {index} (from 0) holds a number that is not finite: {list(row)}")
        means: list[float] = []
        scales: list[float] = []
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            mean = math.fsum(value / len(values) for value in values)
            scale = math.hypot(*(value - mean for value in values)) / math.sqrt(len(values))
            # all equal shows as a spread of rounding errors; so does a spread that float64 cannot resolve
            if scale <= 1e-12 * abs(mean) or scale == 0:
                if not keep_constant:
                    raise ValueError(f"{column} is {values[0]:g} in every row: it tells nothing apart, leave it out")
                scale = 1.0
            means.append(mean)
            scales.append(scale)
        return cls(tuple(columns), tuple(means), tuple(scales))

    def transform(self, row: Sequence[float]) -> list[float]:
        """The row as the network sees it, in standard deviations from the mean.

        Raises:
            ValueError: the row has another length than the scaler, or a number is not finite.
        """
        self._check(row)
        return [(x - m) / s for x, m, s in zip(row, self.mean, self.scale, strict=True)]

    def inverse(self, row: Sequence[float]) -> list[float]:
        """What ``transform`` was given, in its units (up to rounding)."""
        self._check(row)
        return [x * s + m for x, m, s in zip(row, self.mean, self.scale, strict=True)]

    def _check(self, row: Sequence[float]) -> None:
        if len(row) != len(self.columns):
            names = ", ".join(self.columns)
            raise ValueError(f"the scaler takes {len(self.columns)} numbers ({names}), not {len(row)}")
        for column, value in zip(self.columns, row, strict=True):
            if not math.isfinite(value):
                raise ValueError(f"{column} is {value}: it must be finite")
