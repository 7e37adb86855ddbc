"""One cell of the lattice cut by residential streets into blocks, and the blocks by paths into pieces.

A piece holds a row or two of buildings. Pieces share their corners exactly, so grids and communities made of whole
pieces leave no gap and do not overlap. All lines live in the cell's own square (u, v from 0 to 1) until they are drawn.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import shapely
from shapely import Polygon

from gridmap.demo.dice import Dice
from gridmap.demo.lattice import PARK, WATER, Cell, Lattice

MAIN, RESIDENTIAL, PATH = "main", "residential", "path"
SLAB, MIDRISE, TOWER, COURTYARD, SCHOOL, GREEN = "slab", "midrise", "tower", "courtyard", "school", "green"
_USES = (SLAB, MIDRISE, TOWER, COURTYARD)
_CHARACTERS = (  # of a community: how likely each use of a block is
    (0.62, 0.13, 0.07, 0.18),  # an old quarter
    (0.45, 0.30, 0.20, 0.05),
    (0.20, 0.42, 0.36, 0.02),  # a new one
)
_PIECE_M = {SLAB: 72.0, MIDRISE: 92.0, TOWER: 64.0, COURTYARD: 74.0, SCHOOL: 400.0, GREEN: 400.0}
_STRIP_M = 165.0
_PLAN = 4
_STEPS = 8  # vertices on a curved street between two crossings
_NOTCHES = 40  # places on a line where others may end: two joints coincide or lie a house apart
_NEAR = 0.03  # a vertex for the curve is left out this close to a junction


@dataclass
class Line:
    """A straight line in the cell's square and the places on it (0 to 1) where other lines end."""

    start: tuple[float, float]
    end: tuple[float, float]
    kind: str
    joints: set[float] = field(default_factory=lambda: {0.0, 1.0})

    def at(self, t: float) -> tuple[float, float]:
        """Return the position at a place on the line; exact at 0 and 1."""
        (a, b), (c, d) = self.start, self.end
        return a * (1 - t) + c * t, b * (1 - t) + d * t

    def marks(self, low: float, high: float) -> list[float]:
        """Return the places of all vertices from low to high, both included."""
        curve = (k / _STEPS for k in range(1, _STEPS))
        curve = (t for t in curve if all(abs(t - joint) > _NEAR for joint in self.joints))
        return sorted({low, high, *(t for t in (*self.joints, *curve) if low < t < high)})

    def vertices(self, low: float, high: float) -> list[tuple[float, float]]:
        """Return the vertices from low to high."""
        return [self.at(t) for t in self.marks(low, high)]

    def stretches(self) -> Iterator[tuple[float, float]]:
        """Yield the parts of the line between neighbouring joints."""
        joints = sorted(self.joints)
        yield from pairwise(joints)


@dataclass
class Cross:
    """A line across a strip, from a place on its left side to one on its right side."""

    left: float
    right: float
    kind: str


@dataclass
class Strip:
    """What lies between two long lines of a cell: crosses from first to last, and the use of each block."""

    crosses: list[Cross]
    uses: list[str]  # of the pieces between the crosses


@dataclass
class Plan:
    """How a cell is cut: long lines (upright, or lying when `is_lying`), and the strips between them."""

    is_lying: bool
    cuts: list[tuple[float, float]]  # where each long line starts and ends, 0 to 1
    strips: list[Strip]

    def joints(self, side: str) -> set[float]:
        """Return where streets of this cell meet its side S, N, W or E, from 0 to 1."""
        ends = {"W": "S", "E": "N", "S": "W", "N": "E"}[side] if self.is_lying else side
        if ends in "SN":
            return {cut["SN".index(ends)] for cut in self.cuts}
        inner = self.strips[0].crosses if ends == "W" else self.strips[-1].crosses
        return {(c.left if ends == "W" else c.right) for c in inner}


def plan(lattice: Lattice, cell: Cell) -> Plan:
    """Return how a cell is cut; depends on the seed and the cell alone, so that neighbours can ask."""
    kind, (width, height) = lattice.kind(cell), lattice.size(cell)
    dice = Dice(lattice.seed, _PLAN, cell.column + 1000, cell.row + 1000)
    if kind == WATER:
        return Plan(is_lying=False, cuts=[], strips=[Strip([], [GREEN])])
    lying = dice.chance(0.35)
    across, along = (height, width) if lying else (width, height)
    if kind == PARK:
        cut = _notched(dice.between(0.3, 0.7)), _notched(dice.between(0.3, 0.7))
        return Plan(is_lying=lying, cuts=[cut], strips=[Strip([], [GREEN]), Strip([], [GREEN])])
    count = max(2, round(across / _STRIP_M))
    cuts = [_cut(dice, k / count) for k in range(1, count)]
    weights = dice.pick(_CHARACTERS)
    strips = [_strip(dice, along, weights) for _ in range(count)]
    _set_aside(dice, strips)
    return Plan(is_lying=lying, cuts=cuts, strips=strips)


def _cut(dice: Dice, middle: float) -> tuple[float, float]:
    slant = dice.between(-0.1, 0.1) if dice.chance(0.3) else dice.between(-0.02, 0.02)
    place = middle + dice.between(-0.03, 0.03)
    return _notched(place + slant), _notched(place - slant)


def _strip(dice: Dice, length_m: float, weights: tuple[float, ...]) -> Strip:
    """Return a strip of one to three blocks, each cut into pieces by paths."""
    blocks = dice.pick((1, 2, 3), (0.25, 0.6, 0.15))
    edges = [0.0, *(k / blocks + dice.between(-0.06, 0.06) for k in range(1, blocks)), 1.0]
    crosses: list[Cross] = []
    uses: list[str] = []
    for k in range(blocks):
        if k:
            crosses.append(_cross(dice, edges[k], RESIDENTIAL))
        use = dice.pick(_USES, weights)
        pieces = max(1, round((edges[k + 1] - edges[k]) * length_m / _PIECE_M[use]))
        for n in range(pieces):
            if n:
                crosses.append(_cross(dice, edges[k] + (edges[k + 1] - edges[k]) * n / pieces, PATH))
            uses.append(use)
    return Strip(crosses, uses)


def _cross(dice: Dice, place: float, kind: str) -> Cross:
    slant = dice.between(-0.012, 0.012)
    return Cross(_notched(place + slant), _notched(place - slant), kind)


def _notched(place: float) -> float:
    return round(place * _NOTCHES) / _NOTCHES


def _set_aside(dice: Dice, strips: list[Strip]) -> None:
    """Give one piece to a green in most communities, and one to a school in some.

    The school stands at an end of the chain of pieces, so that the rest still hangs together.
    """
    if dice.chance(0.55):
        strip = dice.pick(strips)
        strip.uses[dice.whole(0, len(strip.uses) - 1)] = GREEN
    if dice.chance(0.3):
        strip, place = (strips[0], 0) if dice.chance(0.5) else (strips[-1], -(len(strips) % 2))
        strip.uses[place] = SCHOOL


@dataclass(frozen=True)
class Piece:
    """A part of a block between two paths; `block` counts the blocks of the cell, `angle` is that of its rows."""

    outline: Polygon
    use: str
    block: int
    angle: float


@dataclass(frozen=True)
class Street:
    """A stretch of street between two junctions, in metres; `line` tells which of the cell's lines it is part of."""

    path: np.ndarray
    kind: str
    line: str


class Superblock:
    """A cell with its lines drawn: pieces in a chain where each touches the next, streets, outline."""

    def __init__(self, lattice: Lattice, cell: Cell) -> None:
        self._lattice, self._cell = lattice, cell
        self._plan = plan(lattice, cell)
        self._sides = {side: _side(lattice, cell, side, self._plan) for side in "SNWE"}
        names = ("W", "E") if not self._plan.is_lying else ("S", "N")
        self._long = [self._sides[names[0]], *self._long_lines(), self._sides[names[1]]]
        self._crosses = [list(self._cross_lines(k)) for k in range(len(self._plan.strips))]
        self.pieces = list(self._chain())
        south, east, north, west = (self._sides[side] for side in "SENW")
        self.outline = self._polygon([(south, 0, 1), (east, 0, 1), (north, 1, 0), (west, 1, 0)])

    def streets(self) -> Iterator[Street]:
        """Yield the streets and paths inside the cell, its sides left out."""
        for k, line in enumerate(self._long[1:-1]):
            yield from self._stretches(line, f"long{k}")
        for s, crosses in enumerate(self._crosses):
            for k, line in enumerate(crosses[1:-1]):
                yield from self._stretches(line, f"cross{s}-{k}")

    def side(self, name: str) -> Iterator[Street]:
        """Yield the stretches of main street along the side S, N, W or E."""
        yield from self._stretches(self._sides[name], name)

    def _stretches(self, line: Line, name: str) -> Iterator[Street]:
        for low, high in line.stretches():
            yield Street(self._drawn(line.vertices(low, high)), line.kind, name)

    def _long_lines(self) -> Iterator[Line]:
        """Yield the long lines inside the cell with the joints of the strips on both sides."""
        kind = PATH if self._lattice.kind(self._cell) == PARK else RESIDENTIAL
        for k, (start, end) in enumerate(self._plan.cuts):
            ends = ((0.0, start), (1.0, end)) if self._plan.is_lying else ((start, 0.0), (end, 1.0))
            line = Line(*ends, kind)
            line.joints |= {c.right for c in self._plan.strips[k].crosses}
            line.joints |= {c.left for c in self._plan.strips[k + 1].crosses}
            yield line

    def _cross_lines(self, strip: int) -> Iterator[Line]:
        """Yield the lines across a strip, the cell's sides first and last."""
        left, right = self._long[strip], self._long[strip + 1]
        first, last = ("S", "N") if not self._plan.is_lying else ("W", "E")
        yield self._sides[first]
        for cross in self._plan.strips[strip].crosses:
            yield Line(left.at(cross.left), right.at(cross.right), cross.kind)
        yield self._sides[last]

    def _chain(self) -> Iterator[Piece]:
        """Yield the pieces strip by strip, up one and down the next."""
        block = 0
        for s, strip in enumerate(self._plan.strips):
            found = []
            for p, use in enumerate(strip.uses):
                if p and strip.crosses[p - 1].kind == RESIDENTIAL:
                    block += 1
                found.append(self._piece(s, p, use, block))
            block += 1
            yield from found if s % 2 == 0 else reversed(found)

    def _piece(self, s: int, p: int, use: str, block: int) -> Piece:
        crosses = self._plan.strips[s].crosses
        low = (crosses[p - 1].left, crosses[p - 1].right) if p else (0.0, 0.0)
        high = (crosses[p].left, crosses[p].right) if p < len(crosses) else (1.0, 1.0)
        left, right = self._long[s], self._long[s + 1]
        bottom, top = self._crosses[s][p], self._crosses[s][p + 1]
        lower = self._between(bottom, s) if p == 0 else (0.0, 1.0)
        upper = self._between(top, s) if p == len(crosses) else (0.0, 1.0)
        ring = [(bottom, *lower), (right, low[1], high[1]), (top, *upper[::-1]), (left, high[0], low[0])]
        return Piece(self._polygon(ring), use, block, self._angle(ring))

    def _between(self, side: Line, strip: int) -> tuple[float, float]:
        """Return the part of a side of the cell that a strip takes: from its left long line to its right one."""
        at_end = side is self._crosses[strip][-1]
        places = [0.0, *(cut[1 if at_end else 0] for cut in self._plan.cuts), 1.0]
        return places[strip], places[strip + 1]

    def _polygon(self, ring: Iterable[tuple[Line, float, float]]) -> Polygon:
        points: list[tuple[float, float]] = []
        for line, a, b in ring:
            part = line.vertices(min(a, b), max(a, b))
            points += (part if a < b else part[::-1])[:-1]
        return shapely.polygons(self._drawn(points))

    def _angle(self, ring: list[tuple[Line, float, float]]) -> float:
        """Return the direction of the piece's rows, near east-west whichever way the cell is cut: homes face south."""
        (bottom, a, b), (right, c, d), (top, e, f), (left, g, h) = ring
        pairs = ((left, (g + h) / 2), (right, (c + d) / 2))
        if self._plan.is_lying:
            pairs = ((bottom, (a + b) / 2), (top, (e + f) / 2))
        west, east = self._drawn([line.at(t) for line, t in pairs])
        return float(np.arctan2(*(east - west)[::-1]))

    def _drawn(self, uv: list[tuple[float, float]]) -> np.ndarray:
        return self._lattice.at(self._cell, np.array(uv))


def _side(lattice: Lattice, cell: Cell, side: str, own: Plan) -> Line:
    """Return a side of a cell with the joints of the cell beyond it too."""
    start, end = {"S": ((0, 0), (1, 0)), "N": ((0, 1), (1, 1)), "W": ((0, 0), (0, 1)), "E": ((1, 0), (1, 1))}[side]
    (dx, dy), opposite = {"S": ((0, -1), "N"), "N": ((0, 1), "S"), "W": ((-1, 0), "E"), "E": ((1, 0), "W")}[side]
    beyond = plan(lattice, Cell(cell.column + dx, cell.row + dy))
    line = Line(start, end, MAIN)
    line.joints |= own.joints(side) | beyond.joints(opposite)
    return line
