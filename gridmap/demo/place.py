"""One community of the demo with everything that stands in it, its codes and its ids."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import shapely

from gridmap import hierarchy
from gridmap.demo import buildings as raising
from gridmap.demo import grids as gridding
from gridmap.demo import homes as dwelling
from gridmap.demo.dice import Dice, Ids
from gridmap.demo.estates import Estate, estates
from gridmap.demo.footprints import DORMITORY
from gridmap.demo.ground import ewkb, points_ewkb
from gridmap.demo.names import Names
from gridmap.demo.rows import Batch, batch
from gridmap.demo.superblock import SCHOOL, Superblock


@dataclass(frozen=True)
class Place:
    """A community: parallel lists of its grids, estates, buildings and households with their ids, codes and names."""

    id: str
    code: str
    name: str  # without 社区
    sub_district: str
    block: Superblock
    estates: list[Estate]
    estate_ids: list[str]
    estate_names: list[str]
    grids: list[gridding.Grid]
    grid_ids: list[str]
    buildings: list[raising.Building]
    building_ids: list[str]
    building_names: list[str]
    homes: dwelling.Homes
    home_ids: list[str]
    seat: int  # the building with the community's own rooms

    @cached_property
    def estate_codes(self) -> list[str]:
        """Return the estates' codes."""
        return [f"E{self.code}-{n:02d}" for n in range(1, len(self.estates) + 1)]

    @cached_property
    def grid_codes(self) -> list[str]:
        """Return the grids' codes."""
        return [f"{self.code}{n:03d}" for n in range(1, len(self.grids) + 1)]

    @cached_property
    def building_codes(self) -> list[str]:
        """Return the buildings' codes."""
        return [f"{self.code}{n:05d}" for n in range(1, len(self.buildings) + 1)]

    @cached_property
    def building_grids(self) -> list[int]:
        """Return the index of each building's grid."""
        by_piece = {piece: g for g, grid in enumerate(self.grids) for piece in grid.pieces}
        return [by_piece[building.piece] for building in self.buildings]

    @cached_property
    def building_middles(self) -> np.ndarray:
        """Return a position in metres inside each building."""
        outlines = np.array([building.footprint.outline for building in self.buildings], dtype=object)
        return shapely.get_coordinates(shapely.point_on_surface(outlines))

    @cached_property
    def home_codes(self) -> list[str]:
        """Return the households' codes."""
        codes, units = self.building_codes, self.homes.unit.tolist()
        return [
            f"{codes[b]}{unit:02d}{room}"
            for b, unit, room in zip(self.homes.building.tolist(), units, self.homes.rooms(), strict=True)
        ]

    def spread(self, values: list[str]) -> list[str]:
        """Return one value a household of a list with one value a building."""
        return np.array(values, dtype=object)[self.homes.building].tolist()


class Built(NamedTuple):
    """What stands on a superblock before it is a community."""

    estates: list[Estate]
    grids: list[gridding.Grid]
    buildings: list[raising.Building]


def built(block: Superblock, dice: Dice, least: int, most: int) -> Built:
    """Return a superblock's estates, grids and buildings, with a number of households in a range as nearly as can be."""
    walled = estates(block)
    buildings = raising.fitted(dice, raising.raised(dice, block, walled), least, most)
    areas = gridding.grids(block, buildings)
    return Built(_built_on(walled, buildings), areas, buildings)


def place(
    block: Superblock, built: Built, dice: Dice, ids: Ids, names: Names, *, code: str, name: str, sub_district: str
) -> Place:
    """Return the community on a superblock: its households, names and ids."""
    walled, areas, buildings = built
    doors = dwelling.homes(dice, buildings)
    estate_names = [f"{name}学校" if estate.is_school else names.estate() for estate in walled]
    return Place(
        id=ids.one(), code=code, name=name, sub_district=sub_district, block=block,
        estates=walled, estate_ids=ids.take(len(walled)), estate_names=estate_names,
        grids=areas, grid_ids=ids.take(len(areas)),
        buildings=buildings, building_ids=ids.take(len(buildings)), building_names=_building_names(walled, buildings),
        homes=doors, home_ids=ids.take(len(doors)), seat=_seat(block, buildings),
    )  # fmt: skip


def _built_on(walled: list[Estate], built: list[raising.Building]) -> list[Estate]:
    """Return the estates that have buildings, and make the buildings count only those."""
    kept = sorted({building.estate for building in built})
    for building in built:
        building.estate = kept.index(building.estate)
    return [walled[e] for e in kept]


def _seat(block: Superblock, built: list[raising.Building]) -> int:
    """Return the residential building nearest to the middle."""
    middle = block.outline.centroid
    own = [k for k, building in enumerate(built) if building.is_home]
    return min(own, key=lambda k: built[k].footprint.outline.distance(middle))


def _building_names(walled: list[Estate], built: list[raising.Building]) -> list[str]:
    """Return the names of buildings: numbered in their estate."""
    count = [0] * len(walled)
    found = []
    for building in built:
        count[building.estate] += 1
        name = {SCHOOL: "教学楼", DORMITORY: "宿舍楼"}.get(building.footprint.use, "")
        found.append(f"{count[building.estate]}号{name}" if name else f"{count[building.estate]}幢")
    return found


def rows(place: Place, dice: Dice) -> Iterator[Batch]:
    """Yield the rows of the hierarchy: community, grids, estates, buildings, households."""
    yield batch(hierarchy.community, {
        "id": [place.id], "code": [place.code], "name": [f"{place.name}社区"], "geom": ewkb([place.block.outline]),
    })  # fmt: skip
    yield _grid_rows(place)
    yield from _building_rows(place, dice)
    yield _home_rows(place)
    needs = dwelling.care(dice, place.homes)
    yield batch(hierarchy.household_priority, {
        "household_id": [place.home_ids[k] for k, _, _ in needs], "tag": [tag for _, tag, _ in needs],
        "people_count": [people for _, _, people in needs],
    })  # fmt: skip


def _grid_rows(place: Place) -> Batch:
    count = len(place.grids)
    return batch(hierarchy.neighbourhood, {
        "id": place.grid_ids, "community_id": [place.id] * count, "community": [place.code] * count,
        "code": place.grid_codes,
        "name": [f"第{n}网格" + ("（学校）" if grid.is_dedicated else "") for n, grid in enumerate(place.grids, 1)],
        "kind": ["dedicated" if grid.is_dedicated else "general" for grid in place.grids],
        "geom": ewkb([grid.area for grid in place.grids]),
    })  # fmt: skip


def _building_rows(place: Place, dice: Dice) -> Iterator[Batch]:
    estates, buildings, names = len(place.estates), len(place.buildings), place.estate_names
    yield batch(hierarchy.estate, {
        "id": place.estate_ids, "community_id": [place.id] * estates, "community": [place.code] * estates,
        "code": place.estate_codes, "name": names,
        "property_manager": [f"{name[:2]}物业服务有限公司" if dice.chance(0.85) else None for name in names],
        "geom": ewkb([estate.area for estate in place.estates]),
    })  # fmt: skip
    yield batch(hierarchy.building, {
        "id": place.building_ids, "community_id": [place.id] * buildings,
        "neighbourhood_id": [place.grid_ids[g] for g in place.building_grids],
        "community": [place.code] * buildings, "neighbourhood": [place.grid_codes[g] for g in place.building_grids],
        "code": place.building_codes, "name": place.building_names,
        "floors": [building.floors for building in place.buildings],
        "units": [len(building.footprint.units) for building in place.buildings],
        "geom": ewkb([building.footprint.outline for building in place.buildings]),
    })  # fmt: skip
    yield batch(hierarchy.building_estate, {
        "building_id": place.building_ids,
        "estate_id": [place.estate_ids[building.estate] for building in place.buildings],
    })  # fmt: skip


def _home_rows(place: Place) -> Batch:
    homes = place.homes
    return batch(hierarchy.household, {
        "id": place.home_ids, "building_id": place.spread(place.building_ids), "community": [place.code] * len(homes),
        "neighbourhood": place.spread([place.grid_codes[g] for g in place.building_grids]),
        "building": place.spread(place.building_codes), "code": place.home_codes,
        "unit": [f"{unit:02d}" for unit in homes.unit.tolist()], "floor": homes.floor.tolist(), "room": homes.rooms(),
        "occupancy": [dwelling.OCCUPANCIES[k] for k in homes.occupancy.tolist()],
        "people_count": homes.people.tolist(), "geom": points_ewkb(homes.position),
    })  # fmt: skip
