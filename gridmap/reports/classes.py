"""Classes of a choropleth: a few ranges of about as many places each, with bounds in round numbers."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

import numpy as np

STEPS = 5


@dataclass(frozen=True)
class Range:
    """The whole numbers from `least` to `most`, both of them inside."""

    least: int
    most: int


def ranges(values: Sequence[int], steps: int = STEPS) -> list[Range]:
    """Return at most so many ranges that hold all values, from below; each is as full as round bounds allow.

    Notes
    -----
    Quantiles (numpy, method `linear`), their bounds rounded to two figures; equal bounds fall together, so few or like
    values make fewer classes.
    """
    if not values:
        return []
    least, most = min(values), max(values)
    inner = {_round(float(cut)) for cut in np.quantile(values, [step / steps for step in range(1, steps)])}
    tops: list[int] = []
    for cut in [*sorted(cut for cut in inner if least <= cut < most), most]:
        if any(value <= cut and (not tops or value > tops[-1]) for value in values):  # no class without a place
            tops.append(cut)
    bottoms = [least, *(top + 1 for top in tops[:-1])]
    return [Range(*pair) for pair in zip(bottoms, tops, strict=True)]


def class_of(value: int, made: Sequence[Range]) -> int:
    """Return the number of the range that holds a value, counted from 0."""
    return bisect_left([one.most for one in made], value)


def _round(value: float) -> int:
    """Round to two figures: 1,234 to 1,200."""
    if value < 100:
        return round(value)
    unit = 10 ** (floor(log10(value)) - 1)
    return round(value / unit) * unit
