"""Buildings: how high the footprints are built up so that a community gets the households it should have."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import shapely

from gridmap.demo.dice import Dice
from gridmap.demo.estates import Estate
from gridmap.demo.footprints import DORMITORY, Footprint, footprints
from gridmap.demo.superblock import MIDRISE, SCHOOL, SLAB, Superblock

_SHOP_REACH_M = 54.0  # a front this near to the middle of a main street has shops below
_PIECE_LIMIT = 470  # households on one piece: a grid is made of whole pieces and must stay under 500
_TOLERANCE = 0.03
_HIGHER = 4  # floors a building may have beyond the usual, where a community would stay too small
_DORMITORY_ROOMS = 8  # on a floor


@dataclass
class Building:
    """A footprint with its floors; `estate` and `piece` are indexes in the superblock."""

    footprint: Footprint
    estate: int
    piece: int
    floors: int
    has_shops: bool = False

    @property
    def per_floor(self) -> int:
        """Return the homes on one floor."""
        return self.footprint.flats * len(self.footprint.units)

    @property
    def is_home(self) -> bool:
        """Return whether families live here: no school, no dormitory."""
        return self.footprint.use not in (SCHOOL, DORMITORY)

    @property
    def homes(self) -> int:
        """Return the doors in the building, shops included."""
        return self.per_floor * self.floors

    def may_be(self, floors: int) -> int:
        """Return the nearest number of floors a building of its kind can have."""
        low, high = self.footprint.floors
        return min(max(floors, low - 1), high + _HIGHER)


def raised(dice: Dice, block: Superblock, estates: list[Estate]) -> list[Building]:
    """Return the buildings of a superblock, estate by estate and north to south in each."""
    made: list[Building] = []
    for e, estate in enumerate(estates):
        floors: dict[str, int] = {}
        own: list[Building] = []
        for p, ground in zip(estate.pieces, estate.grounds, strict=True):
            piece = block.pieces[p]
            for footprint in footprints(dice, ground, piece.use, piece.angle):
                usual = floors.setdefault(footprint.use, dice.whole(*footprint.floors))
                own.append(Building(footprint, e, p, usual))
        own.sort(key=_reading_order)
        if estate.is_school and len(own) > 1:
            own[-1].footprint = replace(own[-1].footprint, use=DORMITORY, flats=_DORMITORY_ROOMS)
        made += own
    _open_shops(dice, block, made)
    _limit_pieces(made)
    return made


def fitted(dice: Dice, buildings: list[Building], least: int, most: int) -> list[Building]:
    """Return buildings that hold from `least` to `most` households, as nearly as can be.

    They are built lower or higher, and some are left out if need be.
    """
    wanted = min(max(households(buildings), least), most)
    for _ in range(6):
        have = households(buildings)
        if abs(have - wanted) <= _TOLERANCE * wanted:
            break
        for building in buildings:
            if building.is_home:
                exact = building.floors * wanted / have
                building.floors = building.may_be(int(exact + dice.between(0.0, 1.0)))
        _limit_pieces(buildings)
    _raise(buildings, wanted)
    while households(buildings) > (1 + _TOLERANCE) * wanted:
        buildings.remove(dice.pick([building for building in buildings if building.is_home]))
    return buildings


def _raise(buildings: list[Building], wanted: int) -> None:
    """Build beyond the usual height, floor by floor, where a community has too little ground."""
    on_piece = Counter[int]()
    for building in buildings:
        on_piece[building.piece] += building.homes
    short = (1 - _TOLERANCE) * wanted - households(buildings)
    while short > 0:
        free = [b for b in buildings if b.is_home and on_piece[b.piece] + b.per_floor <= _PIECE_LIMIT]
        if not free:
            return
        lowest = min(free, key=lambda b: b.floors - b.footprint.floors[1])
        lowest.floors += 1
        on_piece[lowest.piece] += lowest.per_floor
        short -= lowest.per_floor


def households(buildings: list[Building]) -> int:
    """Return the doors in all the buildings."""
    return sum(building.homes for building in buildings)


def _reading_order(building: Building) -> tuple[float, float]:
    middle = building.footprint.outline.centroid
    return -round(middle.y / 25), middle.x


def _open_shops(dice: Dice, block: Superblock, buildings: list[Building]) -> None:
    middles = shapely.centroid(np.array([building.footprint.outline for building in buildings], dtype=object))
    near = shapely.distance(middles, block.outline.exterior) < _SHOP_REACH_M
    for building, is_near in zip(buildings, near, strict=True):
        shops = building.footprint.use in (SLAB, MIDRISE) and is_near
        building.has_shops = bool(shops and dice.chance(0.65))


def _limit_pieces(buildings: list[Building]) -> None:
    """Lower the buildings of pieces that hold too many households for one grid."""
    by_piece: dict[int, list[Building]] = {}
    for building in buildings:
        if building.is_home:
            by_piece.setdefault(building.piece, []).append(building)
    for own in by_piece.values():
        total = sum(building.homes for building in own)
        if total > _PIECE_LIMIT:
            for building in own:
                building.floors = max(2, int(building.floors * _PIECE_LIMIT / total))
