"""The party chain: committee, branches over grids, groups over buildings with gaps between, and member households."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import sqlalchemy as sa

from gridmap.demo.dice import Dice, Ids
from gridmap.demo.ground import points_ewkb
from gridmap.demo.names import people, phones
from gridmap.demo.place import Place
from gridmap.demo.rows import Batch, batch
from gridmap.layers.party_household import table as party_household
from gridmap.layers.party_unit import building_party_unit, neighbourhood_party_unit
from gridmap.layers.party_unit import table as party_unit

_GROUPED = 0.78  # share of buildings with a group
_MEMBERS = 0.105  # share of lived-in households with members
_MEMBERS_EACH = (0.78, 0.19, 0.03)  # 1, 2 or 3 members
_SERVED = 28  # households to one centre household at most


@dataclass
class Unit:
    """A party unit with the grids or buildings it covers, as indexes of its community."""

    code: str
    name: str
    level: str
    parent: int | None  # index of the unit above
    position: np.ndarray
    grids: list[int] = field(default_factory=list)
    buildings: list[int] = field(default_factory=list)
    members: int = 0


@dataclass(frozen=True)
class Members:
    """Households with members: index of the household and of its unit, number of members, centre household or not."""

    homes: np.ndarray
    units: np.ndarray
    counts: np.ndarray
    is_centre: np.ndarray


def rows(place: Place, dice: Dice, ids: Ids) -> Iterator[Batch]:
    """Yield a community's party units, what they cover, and its member households."""
    units = _units(place, dice)
    members = _members(place, dice, units)
    for unit, count in zip(members.units.tolist(), members.counts.tolist(), strict=True):
        at: int | None = unit
        while at is not None:  # a member of a group is one of its branch and its committee too
            units[at].members += count
            at = units[at].parent
    unit_ids = ids.take(len(units))
    yield _unit_rows(place, dice, units, unit_ids)
    yield _cover(neighbourhood_party_unit, "neighbourhood", place.grid_ids, [unit.grids for unit in units], unit_ids)
    yield _cover(building_party_unit, "building", place.building_ids, [unit.buildings for unit in units], unit_ids)
    yield _member_rows(place, ids, members, unit_ids)


def _units(place: Place, dice: Dice) -> list[Unit]:
    """Return the committee, the branches and the groups, parents first."""
    seat = place.building_middles[place.seat]
    units = [Unit(f"P{place.code}", f"中共{place.name}社区委员会", "committee", None, seat)]
    branch_of: dict[int, int] = {}
    for grids in _branch_grids(place, dice):
        b = len(units)
        at = next((k for k, g in enumerate(place.building_grids) if g in grids), 0)
        name = f"{place.name}社区第{b}邻里党支部"
        units.append(Unit(f"P{place.code}-{b}", name, "branch", 0, place.building_middles[at], grids=grids))
        branch_of |= dict.fromkeys(grids, b)
    numbers: dict[int, int] = {}
    for buildings in _group_buildings(place, dice):
        branch = branch_of[place.building_grids[buildings[0]]]
        numbers[branch] = numbers.get(branch, 0) + 1
        code = f"{units[branch].code}-{numbers[branch]:02d}"
        at = buildings[len(buildings) // 2]
        name, position = _group_name(place, buildings), place.building_middles[at]
        units.append(Unit(code, name, "group", branch, position, buildings=buildings))
    return units


def _branch_grids(place: Place, dice: Dice) -> Iterator[list[int]]:
    """Yield the general grids of each branch: mostly one, sometimes two."""
    left = [g for g, grid in enumerate(place.grids) if not grid.is_dedicated]
    while left:
        size = 2 if dice.chance(0.3) else 1
        yield left[:size]
        left = left[size:]


def _group_buildings(place: Place, dice: Dice) -> Iterator[list[int]]:
    """Yield the buildings of each group: up to four neighbours of one estate and grid; some buildings have none."""
    run: list[int] = []
    size = dice.whole(1, 4)
    for k, building in enumerate(place.buildings):
        key = (building.estate, place.building_grids[k])
        if run and (len(run) >= size or key != (place.buildings[run[-1]].estate, place.building_grids[run[-1]])):
            yield run
            run, size = [], dice.whole(1, 4)
        if building.is_home and dice.chance(_GROUPED):
            run.append(k)
    if run:
        yield run


def _group_name(place: Place, buildings: list[int]) -> str:
    numbers = [place.building_names[k].removesuffix("幢") for k in buildings]
    return f"{place.estate_names[place.buildings[buildings[0]].estate]}{'、'.join(numbers)}幢党小组"


def _members(place: Place, dice: Dice, units: list[Unit]) -> Members:
    """Return the member households; every group has as many centre households as its households need."""
    homes = place.homes
    is_lived_in = (homes.people > 0) & np.array([building.is_home for building in place.buildings])[homes.building]
    unit_of = np.zeros(len(place.buildings), dtype=int)
    for u, unit in enumerate(units):
        if unit.level == "branch":
            unit_of[np.isin(place.building_grids, unit.grids)] = u
    for u, unit in enumerate(units):
        if unit.level == "group":
            unit_of[unit.buildings] = u
    is_member = is_lived_in & (dice.floats(len(homes)) < _MEMBERS)
    is_centre = np.zeros(len(homes), dtype=bool)
    home_units = unit_of[homes.building]
    for u, unit in enumerate(units):
        if unit.level == "group":
            own = np.flatnonzero((home_units == u) & is_lived_in)
            wanted = max(1, math.ceil(len(own) / _SERVED))
            spread = np.arange(wanted) * len(own) // wanted + dice.whole(0, len(own) // wanted - 1)
            is_centre[own[spread]] = True
    found = np.flatnonzero(is_member | is_centre)
    counts = dice.picks(len(found), _MEMBERS_EACH) + 1
    counts = np.minimum(counts, homes.people[found])
    return Members(found, home_units[found], counts, is_centre[found])


def _unit_rows(place: Place, dice: Dice, units: list[Unit], ids: list[str]) -> Batch:
    count = len(units)
    return batch(party_unit, {
        "id": ids, "community_id": [place.id] * count, "community": [place.code] * count,
        "parent_id": [None if unit.parent is None else ids[unit.parent] for unit in units],
        "code": [unit.code for unit in units], "name": [unit.name for unit in units],
        "level": [unit.level for unit in units], "secretary": people(dice, count), "phone": phones(dice, count),
        "member_count": [unit.members for unit in units],
        "geom": points_ewkb(np.array([unit.position for unit in units])),
    })  # fmt: skip


def _cover(table: sa.Table, name: str, own_ids: list[str], covered: list[list[int]], unit_ids: list[str]) -> Batch:
    pairs = [(own_ids[k], unit) for places, unit in zip(covered, unit_ids, strict=True) for k in places]
    return batch(table, {f"{name}_id": [a for a, _ in pairs], "party_unit_id": [b for _, b in pairs]})


def _member_rows(place: Place, ids: Ids, members: Members, unit_ids: list[str]) -> Batch:
    found = members.homes.tolist()
    buildings = place.homes.building[members.homes].tolist()
    return batch(party_household, {
        "id": ids.take(len(found)), "household_id": [place.home_ids[k] for k in found],
        "party_unit_id": [unit_ids[u] for u in members.units.tolist()],
        "community": [place.code] * len(found),
        "neighbourhood": [place.grid_codes[place.building_grids[b]] for b in buildings],
        "building": [place.building_codes[b] for b in buildings], "code": [place.home_codes[k] for k in found],
        "is_centre": members.is_centre.tolist(), "member_count": members.counts.tolist(),
        "geom": points_ewkb(place.homes.position[members.homes]),
    })  # fmt: skip
