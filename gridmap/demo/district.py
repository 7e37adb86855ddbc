"""The synthetic district: community after community from the middle outwards, each as rows in the order of the keys."""

from collections.abc import Iterator
from datetime import date

import numpy as np
import shapely

from gridmap import hierarchy
from gridmap.demo import party, residents, supplies, visits, volunteers
from gridmap.demo import place as community
from gridmap.demo.buildings import households as households_in
from gridmap.demo.dice import Dice, Ids
from gridmap.demo.ground import ewkb
from gridmap.demo.lattice import COMMUNITY, Cell, Lattice, is_river
from gridmap.demo.names import Names
from gridmap.demo.rows import CITY_NAME, COUNTY, COUNTY_NAME, PROVINCE_NAME, Batch, batch
from gridmap.demo.superblock import RESIDENTIAL, Street, Superblock
from gridmap.demo.zones import Zones
from gridmap.errors import InvalidInput
from gridmap.layers.street import table as street

DEFAULT_HOUSEHOLDS = 12_000
MAX_HOUSEHOLDS = 3_000_000
FIXED_DAY = date(2026, 1, 15)  # what counts and zones are dated by when nobody says which day it is
_USUAL, _LEAST, _MOST = 1750, 1120, 2750  # households of a community
_ENOUGH = 0.9  # of the households wanted
_SUB_DISTRICT = 4  # cells along and across
_COMMUNITY, _RESIDENTS = 20, 21
_OF_RESIDENTS = 1_000_003  # apart, so that the ids of all else do not depend on them
_ALL_WITH_RESIDENTS = 60_000  # households; in a larger district whole communities are left with counted people only


def generate(households: int = DEFAULT_HOUSEHOLDS, seed: int = 1, *, day: date = FIXED_DAY) -> Iterator[Batch]:
    """Yield the rows of a synthetic district, tables in the order of their keys inside each community.

    Parameters
    ----------
    households : about how many, 100 to 3,000,000; shops and vacant homes included
    seed : another seed gives another district
    day : what the counts of stock and the closure zones are dated by

    Returns
    -------
    Batches of at most one community's rows; the same arguments give the same bytes on every machine.
    """
    if not 100 <= households <= MAX_HOUSEHOLDS:
        raise InvalidInput(f"The demo has 100 to {MAX_HOUSEHOLDS:,} households.", where="households")
    yield from _District(households, seed, day).rows()


class _District:
    """What is counted on from one community to the next."""

    def __init__(self, households: int, seed: int, day: date) -> None:
        self._left, self._seed, self._day = households, seed, day
        self._lattice, self._names, self._ids = Lattice(seed), Names(seed), Ids(seed)
        self._resident_ids = Ids(seed + _OF_RESIDENTS)
        self._share = min(1.0, _ALL_WITH_RESIDENTS / households)
        self._zones = Zones(day, expected=round(households / _USUAL))
        self._sub_districts: dict[tuple[int, int], list[int]] = {}  # number, communities so far
        self._sides: set[tuple[int, int, str]] = set()
        self._streets = 0

    def rows(self) -> Iterator[Batch]:
        """Yield everything."""
        yield Batch(hierarchy.division, {
            "code": [str(COUNTY)[:2], str(COUNTY)[:4], str(COUNTY)], "name": [PROVINCE_NAME, CITY_NAME, COUNTY_NAME],
        })  # fmt: skip
        for cell in self._lattice.order():
            if self._left < _LEAST / 2 and self._sub_districts:  # too few for one more community
                return
            block = Superblock(self._lattice, cell)
            yield self._street_rows(cell, block)
            if self._lattice.kind(cell) == COMMUNITY:
                yield from self._community(cell, block)

    def _community(self, cell: Cell, block: Superblock) -> Iterator[Batch]:
        dice = Dice(self._seed, _COMMUNITY, cell.column + 1000, cell.row + 1000)
        least, most = self._wanted()
        built = community.built(block, dice, least, most)
        if households_in(built.buildings) < _ENOUGH * least:
            return  # the ground gives too little for a community: it stays open land
        key = ((cell.column + 1) // _SUB_DISTRICT, (cell.row + 2) // _SUB_DISTRICT)
        if key not in self._sub_districts:
            self._sub_districts[key] = [len(self._sub_districts) + 1, 0]
            number = self._sub_districts[key][0]
            yield Batch(hierarchy.division, {
                "code": [f"{COUNTY}{number:03d}"], "name": [self._names.sub_district(number - 1)],
            })  # fmt: skip
        self._sub_districts[key][1] += 1
        number, serial = self._sub_districts[key]
        made = community.place(
            block, built, dice, self._ids, self._names,
            code=f"{COUNTY}{number:03d}{serial:03d}", name=self._names.community(self._named()),
            sub_district=self._names.sub_district(number - 1),
        )  # fmt: skip
        self._left -= len(made.homes)
        for some in community.rows(made, dice):
            if some.table is hierarchy.household_priority:
                needs = some
            yield some
        yield from party.rows(made, dice, self._ids)
        yield from supplies.rows(made, dice, self._ids, self._day)
        yield from volunteers.rows(made, dice, self._ids)
        yield from self._zones.rows(made, self._ids)
        dice = Dice(self._seed, _RESIDENTS, cell.column + 1000, cell.row + 1000)
        if dice.chance(self._share):
            yield from residents.rows(made, needs, dice, self._resident_ids, self._day)
            yield from visits.rows(made, dice, self._resident_ids, self._day)

    def _named(self) -> int:
        return sum(communities for _, communities in self._sub_districts.values()) - 1

    def _wanted(self) -> tuple[int, int]:
        """Return how many households the next community should have, so that the last one is of usual size too."""
        if self._left > 4 * _USUAL:
            return _LEAST, _MOST
        share = self._left // max(1, round(self._left / _USUAL))
        return share, share

    def _street_rows(self, cell: Cell, block: Superblock) -> Batch:
        found = [(part, name) for side in "SWNE" for part, name in self._side(cell, block, side)]
        lanes: dict[str, str] = {}
        for part in block.streets():
            name = ""
            if part.kind == RESIDENTIAL:
                name = lanes.get(part.line) or lanes.setdefault(part.line, self._names.lane())
            found.append((part, name))
        count = len(found)
        first = self._streets + 1
        self._streets += count
        return batch(street, {
            "id": self._ids.take(count), "code": [f"R{COUNTY}-{n:06d}" for n in range(first, first + count)],
            "name": [name for _, name in found], "kind": [part.kind for part, _ in found],
            "geom": ewkb(np.array([shapely.linestrings(part.path) for part, _ in found], dtype=object)),
        })  # fmt: skip

    def _side(self, cell: Cell, block: Superblock, side: str) -> Iterator[tuple[Street, str]]:
        """Yield the main street along a side unless the cell beyond has drawn it already."""
        column, row = cell
        key = {
            "S": (column, row, "S"),
            "N": (column, row + 1, "S"),
            "W": (column, row, "W"),
            "E": (column + 1, row, "W"),
        }[side]
        if key in self._sides:
            return
        self._sides.add(key)
        axis, line = (1, key[1]) if key[2] == "S" else (0, key[0])
        is_bank = axis == 0 and (is_river(line) or is_river(line - 1))
        name = self._names.main(axis, line, is_bank=is_bank)
        for part in block.side(side):
            yield part, name
