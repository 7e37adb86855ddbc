"""A siting problem and its answer, in numbers only: no register, no map."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gridmap.errors import InvalidInput

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Objective = Literal["median", "cover"]
Status = Literal["optimal", "time_limit", "heuristic"]


class Cancelled(Exception):
    """Whoever asked for the answer does not want it any more."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Demand i has a weight and a distance to each candidate j: `distance_m[i, j]`, infinite where none can be walked.

    `count` candidates are opened beside those that are `fixed`. For `median` the weighted sum of distances to the
    nearest open candidate is least, what cannot be reached counting as `unreached_m`; for `cover` the weight with an open
    candidate within `reach_m` is most.
    """

    distance_m: Floats
    weights: Floats
    count: int
    objective: Objective = "median"
    reach_m: float = 500.0
    fixed: Whole = field(default_factory=lambda: np.zeros(0, np.int64))
    unreached_m: float = 20_000.0

    def __post_init__(self) -> None:
        demand, candidates = self.distance_m.shape
        if len(self.weights) != demand or (self.weights < 0).any():
            raise InvalidInput("Each demand has one weight, and none is negative.", where="weights")
        if not 1 <= self.count <= candidates - len(self.fixed):
            raise InvalidInput(
                f"p must lie between 1 and the number of free candidates, {candidates - len(self.fixed)}.", where="p"
            )

    @property
    def costs(self) -> Floats:
        """Return the distances with what cannot be reached as the stated length."""
        found: Floats = np.minimum(
            np.where(np.isfinite(self.distance_m), self.distance_m, self.unreached_m), self.unreached_m
        )
        return found

    @property
    def covers(self) -> NDArray[np.bool_]:
        """Return which candidate reaches which demand."""
        found: NDArray[np.bool_] = self.distance_m <= self.reach_m
        return found

    def value(self, opened: Whole) -> float:
        """Return the objective of a set of open candidates: metres times weight, or weight covered."""
        if self.objective == "median":
            return float(self.weights @ self.costs[:, opened].min(axis=1))
        return float(self.weights @ self.covers[:, opened].any(axis=1))


@dataclass(frozen=True)
class Result:
    """The open candidates without the fixed ones, and how good they are known to be.

    `bound` is what no answer can beat and `gap` how far the value may be from it, 0 to 1; both None where only the
    heuristic ran. `optimal` is said only where HiGHS says so of its own model.
    """

    opened: tuple[int, ...]
    value: float
    status: Status
    bound: float | None = None
    gap: float | None = None
