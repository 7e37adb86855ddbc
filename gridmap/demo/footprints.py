"""Footprints: slabs, mid-rises, towers and courtyards set in rows on the ground of an estate."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from shapely import Polygon

from gridmap.demo.dice import Dice
from gridmap.demo.estates import PATH_SETBACK_M
from gridmap.demo.superblock import COURTYARD, MIDRISE, SCHOOL, SLAB, TOWER

DORMITORY = "dormitory"  # a use of a school's building, not of a piece


@dataclass(frozen=True)
class Kind:
    """How buildings of one kind are built and spaced; lengths in metres."""

    units: tuple[int, ...]  # stair units, to choose from
    unit_m: tuple[float, float]  # length of one unit
    depth_m: tuple[float, float]
    floors: tuple[int, int]
    flats: tuple[int, ...]  # on one floor of one unit
    gap_m: tuple[float, float]  # beside each other, and in front of each other (sunlight)


KINDS = {
    SLAB: Kind((2, 3, 3, 4, 4, 5), (14.0, 16.5), (11.0, 12.5), (5, 7), (2,), (8.0, 19.0)),
    MIDRISE: Kind((2, 2, 3, 3), (18.0, 21.0), (12.5, 14.0), (9, 13), (2,), (12.0, 28.0)),
    TOWER: Kind((1,), (27.0, 31.0), (19.0, 23.0), (16, 33), (3, 4, 4, 6), (20.0, 32.0)),
    COURTYARD: Kind((1,), (44.0, 52.0), (40.0, 48.0), (4, 6), (4,), (9.0, 11.0)),
    SCHOOL: Kind((1,), (38.0, 56.0), (13.0, 15.0), (3, 5), (0,), (14.0, 34.0)),
}
_WING_M = 11.0  # depth of a courtyard's wings
_SEARCH_M = 3.0  # steps in which room for the outer rows is looked for
_LONG = 0.75  # of the middle row: how long the outer rows must be at least
_SPARE_M = 0.25  # kept free at both ends of a row: the ground's sides bend a little between two heights
_MARGIN_M = 1.2  # from the footprint's edge to the nearest home inside


@dataclass(frozen=True)
class Unit:
    """A stair unit's rectangle: middle, half length along and half depth across the building's axis, in metres."""

    middle: tuple[float, float]
    half: tuple[float, float]


@dataclass(frozen=True)
class Footprint:
    """A building's outline in metres, its stair units, its axis (radians) and how it may be built up."""

    outline: Polygon
    use: str
    units: tuple[Unit, ...]
    angle: float
    floors: tuple[int, int]
    flats: int


def footprints(dice: Dice, ground: Polygon, use: str, angle: float) -> list[Footprint]:
    """Return the buildings of one kind that fit on a ground, row by row; none reaches over its edge."""
    if ground.is_empty or use not in KINDS:
        return []
    kind = KINDS[use]
    flats = dice.pick(kind.flats)
    turned = shapely.transform(ground, lambda xy: _turn(xy, -angle))
    made = [_turned_back(_shape(use, flats, kind, *spot), angle) for spot in _spots(dice, turned, kind)]
    outlines = np.array([footprint.outline for footprint in made], dtype=object)
    inside = shapely.covers(ground, outlines) if made else []
    return [footprint for footprint, fits in zip(made, inside, strict=True) if fits]


Spot = tuple[float, float, float, float, int]  # middle x, middle y, length, depth, units


def _spots(dice: Dice, ground: Polygon, kind: Kind) -> Iterator[Spot]:
    """Yield rectangles in rows from south to north, rows and houses spread over the room there is."""
    ring = shapely.get_coordinates(ground.exterior)
    depth, unit_m = dice.between(*kind.depth_m), dice.between(*kind.unit_m)
    for south in _rows(ring, depth, kind.gap_m[1], min(kind.units) * unit_m):
        west, east = _room(ring, south, south + depth)
        lengths = _lengths(dice, east - west, unit_m, kind)
        if not lengths:
            continue
        spare = east - west - sum(unit_m * units for units in lengths)
        beside = min(spare / (len(lengths) - 1), kind.gap_m[0] * 2) if len(lengths) > 1 else 0.0
        x = west + (spare - beside * (len(lengths) - 1)) * dice.pick((0.0, 0.5, 1.0))
        for units in lengths:
            yield x + unit_m * units / 2, south + depth / 2, unit_m * units, depth, units
            x += unit_m * units + beside


def _rows(ring: np.ndarray, depth: float, gap: float, shortest: float) -> list[float]:
    """Return the southern edges of rows, from the first place that is long enough to the last."""
    low, high = float(ring[:, 1].min()), float(ring[:, 1].max()) - depth
    west, east = _room(ring, (low + high) / 2, (low + high) / 2 + depth)
    shortest = max(shortest, _LONG * (east - west))

    def first(places: np.ndarray) -> float | None:
        for y in places.tolist():
            west, east = _room(ring, y, y + depth)
            if east - west >= shortest:
                return float(y)
        return None

    start = first(np.arange(low + _SPARE_M, high, _SEARCH_M))
    end = first(np.arange(high - _SPARE_M, low, -_SEARCH_M))
    if start is None or end is None or end < start:
        return [] if start is None else [start]
    span = end - start + depth + 2 * PATH_SETBACK_M  # half a gap stays free at both ends: the next piece has rows too
    count = max(1, int(span // (depth + gap)))
    souths = start - PATH_SETBACK_M + (np.arange(count) + 0.5) * span / count - depth / 2
    return np.clip(souths, start, end).tolist()


def _lengths(dice: Dice, room_m: float, unit_m: float, kind: Kind) -> list[int]:
    """Return the numbers of units of houses that stand beside each other in a row."""
    found: list[int] = []
    while True:
        units = min(dice.pick(kind.units), int(room_m // unit_m))
        if units < min(kind.units):
            return found
        found.append(units)
        room_m -= units * unit_m + kind.gap_m[0]


def _room(ring: np.ndarray, south: float, north: float) -> tuple[float, float]:
    """Return from where to where (west, east) a row between two heights fits into a ring without bays."""
    wests, easts = [], []
    for y in np.linspace(south, north, 5).tolist():
        a, b = ring[:-1], ring[1:]
        crossing = (a[:, 1] <= y) != (b[:, 1] <= y)
        if not crossing.any():
            return 0.0, 0.0
        a, b = a[crossing], b[crossing]
        x = a[:, 0] + (y - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0])
        wests.append(x.min())
        easts.append(x.max())
    return float(max(wests)) + _SPARE_M, float(min(easts)) - _SPARE_M


def _shape(use: str, flats: int, kind: Kind, x: float, y: float, length: float, depth: float, units: int) -> Footprint:
    """Return a building around a middle, its axis along x."""
    a, b = length / 2, depth / 2
    if use == COURTYARD:
        outline, parts = _courtyard(x, y, a, b)
    elif use == TOWER:
        outline, parts = _tower(x, y, a, b)
    else:
        outline, step = shapely.box(x - a, y - b, x + a, y + b), length / units
        half = (step / 2 - _MARGIN_M / 2, b - _MARGIN_M)
        parts = tuple(Unit((x - a + step * (k + 0.5), y), half) for k in range(units))
    return Footprint(outline, use, parts, 0.0, kind.floors, flats)


def _courtyard(x: float, y: float, a: float, b: float) -> tuple[Polygon, tuple[Unit, ...]]:
    """Return four wings around a yard, each with a stair unit."""
    yard = shapely.box(x - a + _WING_M, y - b + _WING_M, x + a - _WING_M, y + b - _WING_M)
    w, m = _WING_M / 2, _MARGIN_M
    units = (
        Unit((x, y - b + w), (a - m, w - m)),
        Unit((x, y + b - w), (a - m, w - m)),
        Unit((x - a + w, y), (w - m, b - _WING_M - m)),
        Unit((x + a - w, y), (w - m, b - _WING_M - m)),
    )
    return shapely.box(x - a, y - b, x + a, y + b) - yard, units


def _tower(x: float, y: float, a: float, b: float) -> tuple[Polygon, tuple[Unit, ...]]:
    """Return a tower with a light well in the south and set-back shoulders in the north."""
    well, bite, shoulder = a * 0.22, b * 0.28, a * 0.6
    west = [(-shoulder, b), (-shoulder, b - bite), (-a, b - bite), (-a, -b), (-well, -b), (-well, -b + bite)]
    east = [(-dx, dy) for dx, dy in reversed(west)]
    core = Unit((x, y), (a - _MARGIN_M, b - bite - _MARGIN_M))
    return Polygon([(x + dx, y + dy) for dx, dy in west + east]), (core,)


def _turned_back(flat: Footprint, angle: float) -> Footprint:
    outline = shapely.transform(flat.outline, lambda xy: _turn(xy, angle))
    middles = _turn(np.array([unit.middle for unit in flat.units]), angle)
    units = tuple(Unit((float(x), float(y)), unit.half) for (x, y), unit in zip(middles, flat.units, strict=True))
    return Footprint(outline, flat.use, units, angle, flat.floors, flat.flats)


def _turn(xy: np.ndarray, angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.column_stack([cos * xy[:, 0] - sin * xy[:, 1], sin * xy[:, 0] + cos * xy[:, 1]])
