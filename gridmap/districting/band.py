"""How many grids a number of households makes, and whether all of them can lie in the band asked for."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Band:
    """The fewest and the most households a grid should have."""

    low: int
    high: int

    @property
    def middle(self) -> float:
        """Return the number aimed at."""
        return (self.low + self.high) / 2

    def holds(self, households: float) -> bool:
        """Return whether a grid of so many households lies in the band."""
        return self.low <= households <= self.high

    def miss(self, households: float) -> float:
        """Return by how many households a grid lies outside the band."""
        return max(self.low - households, households - self.high, 0.0)


@dataclass(frozen=True)
class Reach:
    """What the community's size allows.

    `count` grids are made; `fewest` and `most` are how many would all lie in the band, with `fewest > most` where no
    number does. `too_large` counts buildings that alone hold more than the band allows, each of them a grid above it.
    """

    count: int
    fewest: int
    most: int
    households: int
    too_large: int = 0

    @property
    def is_possible(self) -> bool:
        """Return whether the arithmetic lets every grid lie in the band."""
        return 1 <= self.fewest <= self.most and not self.too_large


def reach(households: int, band: Band, largest: int = 0, *, too_large: int = 0) -> Reach:
    """Return how many grids to make of a community.

    Parameters
    ----------
    households : in the whole community
    largest : the most in one building, which no grid can be smaller than
    too_large : how many buildings hold more than the band allows

    Notes
    -----
    k grids can all lie in [low, high] only if k x low <= households <= k x high. Of these k the one is taken whose mean
    lies nearest to the middle; where there is none, the one whose mean misses the band least.
    """
    fewest, most = math.ceil(households / band.high), households // band.low
    if fewest <= most:
        count = min(range(max(fewest, 1), max(most, 1) + 1), key=lambda k: (abs(households / k - band.middle), k))
    else:
        count = min((max(most, 1), max(fewest, 1)), key=lambda k: (band.miss(households / k), k))
    return Reach(count, fewest, most, households, too_large)
