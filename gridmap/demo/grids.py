"""Grids 网格: runs of pieces with 300 to 500 households that tile their community; schools are grids of their own."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import shapely
from shapely import Geometry

from gridmap.demo.buildings import Building
from gridmap.demo.superblock import SCHOOL, Superblock

SMALLEST, LARGEST = 300, 500
_USUAL = 400
_SAFE = 6  # households kept clear of both limits
_CUT_BLOCK = 0.2  # how much worse it is to end a grid inside a block
_ROW_M = 110.0  # grids whose middles differ less than this in northing are numbered west to east


@dataclass(frozen=True)
class Grid:
    """A grid: the pieces it is made of and the area they cover."""

    pieces: frozenset[int]
    area: Geometry
    is_dedicated: bool


def grids(block: Superblock, buildings: list[Building]) -> list[Grid]:
    """Return the grids of a superblock, north to south and west to east; buildings are made to fit into the limits."""
    schools = sorted({building.piece for building in buildings if building.footprint.use == SCHOOL})
    chain = [p for p in range(len(block.pieces)) if p not in schools]
    runs = _runs(block, chain, _homes(buildings, len(block.pieces)))
    if len(runs) > 1:
        for run in runs:
            _fit([building for building in buildings if building.piece in run])
    made = [_grid(block, run, is_dedicated=False) for run in runs]
    made += [_grid(block, [p], is_dedicated=True) for p in schools]
    return sorted(made, key=_reading_order)


def _grid(block: Superblock, pieces: list[int], *, is_dedicated: bool) -> Grid:
    area = shapely.union_all(np.array([block.pieces[p].outline for p in pieces]))
    return Grid(frozenset(pieces), area, is_dedicated)


def _homes(buildings: list[Building], pieces: int) -> list[int]:
    found = [0] * pieces
    for building in buildings:
        found[building.piece] += building.homes
    return found


def _runs(block: Superblock, chain: list[int], homes: list[int]) -> list[list[int]]:
    """Return the chain cut into runs at the least total cost."""

    @cache
    def best(start: int) -> tuple[float, tuple[int, ...]]:
        """Return the least cost of cutting the chain from there on, and where the runs end."""
        if start == len(chain):
            return 0.0, ()
        choices = []
        for end in range(start + 1, len(chain) + 1):
            cost, ends = best(end)
            inside = end < len(chain) and block.pieces[chain[end - 1]].block == block.pieces[chain[end]].block
            own = _cost(sum(homes[p] for p in chain[start:end])) + _CUT_BLOCK * inside
            choices.append((cost + own, (end, *ends)))
        return min(choices)

    ends = best(0)[1]
    return [chain[a:b] for a, b in zip((0, *ends), ends, strict=False)]


def _cost(households: int) -> float:
    outside = max(SMALLEST + _SAFE - households, households - LARGEST + _SAFE, 0)
    return ((households - _USUAL) / 100) ** 2 + (2 + (outside / 10) ** 2 if outside else 0)


def _fit(buildings: list[Building]) -> None:
    """Build higher or lower, one floor at a time, until the households lie inside the limits."""
    built = sorted((building for building in buildings if building.is_home), key=lambda building: -building.floors)
    step = 0
    while built and step < 60 * len(built):
        total = sum(building.homes for building in built)
        if SMALLEST + _SAFE <= total <= LARGEST - _SAFE:
            return
        building = built[step % len(built)]
        building.floors = max(2, building.floors + (1 if total < _USUAL else -1))
        step += 1


def _reading_order(grid: Grid) -> tuple[int, float]:
    middle = grid.area.centroid
    return -round(middle.y / _ROW_M), middle.x
