"""How good a plan is: households in the band, compactness beside a random plan's, borders along streets."""

import math
from dataclasses import dataclass

import numpy as np

from gridmap.districting.atoms import Atoms
from gridmap.districting.band import Band
from gridmap.districting.search import reaches
from gridmap.districting.trees import Trees

DRAWS = 5
_TRIES = 12


@dataclass(frozen=True)
class Measures:
    """What a plan comes to.

    `households` and `quotients` are by grid; a quotient is 4 pi area / perimeter squared, 1 for a circle. `street_share`
    is the share of the metres between grids that runs along streets, None where no two grids touch.
    """

    households: tuple[int, ...]
    quotients: tuple[float, ...]
    in_band: float
    street_share: float | None

    @property
    def mean_quotient(self) -> float:
        """Return the mean isoperimetric quotient."""
        return sum(self.quotients) / len(self.quotients)


def measure(atoms: Atoms, band: Band, part: np.ndarray) -> Measures:
    """Return the measures of a plan: the grid of each atom, 0 to k - 1, none of them empty."""
    count = int(part.max()) + 1
    households = np.bincount(part, atoms.households, count)
    area = np.bincount(part, atoms.area_m2, count)
    around = np.bincount(part, atoms.outer_m, count)
    one, other = part[atoms.pairs[:, 0]], part[atoms.pairs[:, 1]]
    apart = one != other
    for side in (one, other):
        around += np.bincount(side[apart], atoms.border_m[apart], count)
    between = float(atoms.border_m[apart].sum())
    return Measures(
        tuple(int(number) for number in households),
        tuple((4 * math.pi * area / around**2).tolist()),
        float(np.mean([band.holds(number) for number in households])),
        float(atoms.street_m[apart].sum()) / between if between else None,
    )


def random_split_quotient(atoms: Atoms, band: Band, *, seed: int = 1) -> float:
    """Return the mean isoperimetric quotient of random balanced plans with as many grids: the mark to be better than.

    Each is cut out of uniformly weighted random spanning trees, taking no account of shape or streets; of twelve trees for
    a cut the first that is even enough is taken, or the most even one.
    """
    rng = np.random.default_rng((seed, DRAWS))
    found = []
    for _ in range(DRAWS):
        part = np.zeros(len(atoms.buildings), dtype=np.int64)
        first = 0
        trees = Trees(atoms, rng, late=0.0)
        for piece, size in zip(atoms.pieces, reaches(atoms, band), strict=True):
            sides = _drawn(trees, atoms, set(piece), min(size.count, len(piece)), band)
            for number, members in enumerate(sides, first):
                part[list(members)] = number
            first += len(sides)
        found.append(measure(atoms, band, part).mean_quotient)
    return sum(found) / len(found)


def _drawn(trees: Trees, atoms: Atoms, members: set[int], count: int, band: Band) -> list[set[int]]:
    if count == 1 or len(members) < 2:
        return [members]
    first = count // 2
    ordered = sorted(members)
    total = float(atoms.households[ordered].sum())
    share, slack = total * first / count, (band.high - band.low) / 4
    best: tuple[float, set[int], set[int]] | None = None
    for _ in range(_TRIES):
        one, other = trees.cuts(ordered, share, slack, 1)[0]
        miss = abs(float(atoms.households[list(one)].sum()) - share)
        if best is None or miss < best[0]:
            best = miss, one, other
        if miss <= slack:
            break
    assert best is not None  # noqa: S101 - at least one tree was drawn
    return [*_drawn(trees, atoms, best[1], first, band), *_drawn(trees, atoms, best[2], count - first, band)]
