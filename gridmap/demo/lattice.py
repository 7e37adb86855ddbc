"""The main streets: a bent, turned, uneven lattice without end, whose cells are the communities, parks and water."""

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np

from gridmap.demo.dice import Dice

COMMUNITY, PARK, WATER = "community", "park", "water"
RIVER_EVERY = 12  # columns from one river to the next
_WIDTH_M, _RIVER_M = (325.0, 445.0), (78.0, 105.0)
_JITTER_M = 24.0
_BEND_M, _BEND_LENGTH_M = 34.0, (400.0, 520.0)
_PARK_SHARE = 0.05
_REACH = 64  # columns and rows to each side of the middle; enough for several million households
_LINES, _NODE, _KIND = 1, 2, 3  # names of streams of chance


class Cell(NamedTuple):
    """A place in the lattice: column and row, counted from the middle."""

    column: int
    row: int


class Lattice:
    """Where the lattice's cells lie and what they are, the same for every number of households."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        dice = Dice(seed, _LINES)
        self._turn = np.radians(dice.between(6.0, 11.0) * (1 if dice.chance(0.5) else -1))
        self._phase = dice.floats(2) * 2 * np.pi
        self._length = np.array([dice.between(*_BEND_LENGTH_M), dice.between(*_BEND_LENGTH_M)])
        self._nodes: dict[Cell, np.ndarray] = {}

    @cached_property
    def _lines(self) -> tuple[np.ndarray, np.ndarray]:
        """Return where columns and rows begin, in metres of the unbent lattice, from -_REACH to +_REACH + 1."""
        spans = range(-_REACH, _REACH + 1)
        columns = [self._span(0, k, is_river(k)) for k in spans]
        rows = [self._span(1, k, False) for k in spans]
        return _from_middle(columns), _from_middle(rows)

    def _span(self, axis: int, k: int, river: bool) -> float:
        return Dice(self.seed, _LINES, axis, k + _REACH).between(*(_RIVER_M if river else _WIDTH_M))

    def node(self, column: int, row: int) -> np.ndarray:
        """Return the crossing at the south-west corner of a cell, in metres of the unbent lattice."""
        key = Cell(column, row)
        if key not in self._nodes:
            dice = Dice(self.seed, _NODE, column + _REACH, row + _REACH)
            jitter = (dice.floats(2) * 2 - 1) * _JITTER_M
            if is_river(column) or is_river(column - 1):
                jitter[0] *= 0.3  # banks do not pinch the river
            self._nodes[key] = np.array([self._lines[0][column + _REACH], self._lines[1][row + _REACH]]) + jitter
        return self._nodes[key]

    def kind(self, cell: Cell) -> str:
        """Return what a cell is."""
        if is_river(cell.column):
            return WATER
        if cell == (0, 0):
            return COMMUNITY
        return (
            PARK if Dice(self.seed, _KIND, cell.column + _REACH, cell.row + _REACH).chance(_PARK_SHARE) else COMMUNITY
        )

    def order(self) -> Iterator[Cell]:
        """Yield the cells from the middle outwards, so that a larger district contains a smaller one."""
        rows = columns = np.arange(-_REACH, _REACH)
        cells = [Cell(int(c), int(r)) for c in columns for r in rows]
        middles = np.array([[_middle(self._lines[0], c), _middle(self._lines[1], r)] for c, r in cells])
        yield from (cells[i] for i in np.argsort(np.hypot(*middles.T), kind="stable"))

    def size(self, cell: Cell) -> tuple[float, float]:
        """Return a cell's width and height in metres, roughly."""
        x, y = self._lines
        c, r = cell.column + _REACH, cell.row + _REACH
        return float(x[c + 1] - x[c]), float(y[r + 1] - y[r])

    def at(self, cell: Cell, uv: np.ndarray) -> np.ndarray:
        """Return positions in metres on the ground of positions (n, 2) inside a cell, from 0 (south-west) to 1."""
        u, v = uv[:, :1], uv[:, 1:]
        c, r = cell
        south = (1 - u) * self.node(c, r) + u * self.node(c + 1, r)
        north = (1 - u) * self.node(c, r + 1) + u * self.node(c + 1, r + 1)
        return self._bent((1 - v) * south + v * north)

    def _bent(self, flat: np.ndarray) -> np.ndarray:
        bend = _BEND_M * np.sin(flat[:, ::-1] / self._length + self._phase)
        x, y = (flat + bend).T
        cos, sin = np.cos(self._turn), np.sin(self._turn)
        return np.column_stack([cos * x - sin * y, sin * x + cos * y])


def is_river(column: int) -> bool:
    """Return whether a column of cells is a river."""
    return column % RIVER_EVERY == 1


def _from_middle(spans: list[float]) -> np.ndarray:
    edges = np.concatenate([[0.0], np.cumsum(spans)])
    return edges - (edges[_REACH] + edges[_REACH + 1]) / 2


def _middle(edges: np.ndarray, k: int) -> float:
    return float(edges[k + _REACH] + edges[k + _REACH + 1]) / 2
