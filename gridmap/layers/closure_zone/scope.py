"""What a zone is made of: a drawn area, or a list of places as orders name them, with the words an order uses.

One rule decides who is inside. Of a drawn area: a household whose stored position the area covers (its border counts),
and a building whose footprint the area overlaps (a shared wall is not in it), as the panel of a building tells it. Of a
list: the households and buildings that the places hold, whatever their positions.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.crs import STORAGE_SRID
from gridmap.errors import InvalidInput, NotFound
from gridmap.hierarchy import (
    BUILDING_DIGITS,
    HOUSEHOLD_DIGITS,
    NEIGHBOURHOOD_DIGITS,
    building,
    building_estate,
    estate,
    household,
    neighbourhood,
)
from gridmap.tables import geography

if TYPE_CHECKING:
    from shapely import Geometry

UNIT_DIGITS = BUILDING_DIGITS + 2
MAX_ITEMS = 2_000
APRON = 0.00004  # degrees, about 4 m: what belongs to a building that is named, such as the point at its door
_NUMBERED = re.compile(r"(\d+)(幢|栋|号楼|号)")
_LEVELS = {
    NEIGHBOURHOOD_DIGITS: "neighbourhood",
    BUILDING_DIGITS: "building",
    UNIT_DIGITS: "unit",
    HOUSEHOLD_DIGITS: "household",
}


@dataclass(frozen=True)
class Item:
    """A place of a scope: its level, its code and its name (of its building for a unit or a household)."""

    level: str
    code: str
    name: str
    buildings: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """Return the stair unit of a unit or household, else nothing."""
        return self.code[BUILDING_DIGITS:UNIT_DIGITS] if self.level in ("unit", "household") else ""


@dataclass(frozen=True)
class Scope:
    """An area (EPSG:4490) and, where it was not drawn, the items it comes from."""

    area: "Geometry"
    items: tuple[Item, ...] = ()
    drawn: bool = True
    buildings: frozenset[str] = field(default=frozenset())

    @property
    def shape(self) -> sa.ColumnElement:
        """Return the area as a bound geometry, read once a statement and not once a row."""
        read = sa.func.ST_GeomFromWKB(sa.literal(self.area.wkb, sa.LargeBinary), STORAGE_SRID)
        return sa.select(read).scalar_subquery()

    @property
    def ground(self) -> sa.ColumnElement:
        """Return the area as a geography, for metres."""
        read = sa.func.ST_GeomFromWKB(sa.literal(self.area.wkb, sa.LargeBinary), STORAGE_SRID)
        return sa.select(geography(read)).scalar_subquery()

    def covers(self, point: sa.ColumnElement) -> sa.ColumnElement[bool]:
        """Return the condition that a stored position lies in the area; the border counts."""
        return sa.and_(point.op("&&")(self.shape), sa.func.ST_Covers(self.shape, point))

    def holds(self, table: sa.FromClause) -> sa.ColumnElement[bool]:
        """Return the condition that a row of households (or party households) is inside, by the rule above."""
        if self.drawn:
            return self.covers(table.c.geom)
        whole = sorted(
            {code for item in self.items if item.level not in ("unit", "household") for code in item.buildings}
        )
        units = sorted(item.code for item in self.items if item.level == "unit")
        doors = sorted(item.code for item in self.items if item.level == "household")
        of_unit = sa.and_(
            table.c.building.in_([code[:BUILDING_DIGITS] for code in units]),
            sa.func.left(table.c.code, UNIT_DIGITS).in_(units),
        )
        return sa.or_(table.c.building.in_(whole), of_unit, table.c.code.in_(doors))

    def holds_building(self) -> sa.ColumnElement[bool]:
        """Return the condition that a building is inside, wholly or partly."""
        if not self.drawn:
            return building.c.code.in_(sorted(self.buildings))
        g = building.c.geom
        return sa.and_(g.op("&&")(self.shape), sa.func.ST_Intersects(g, self.shape), ~sa.func.ST_Touches(g, self.shape))


def of_items(conn: sa.Connection, actor: Actor, codes: list[str], *, where: str = "items") -> Scope:
    """Return the scope that some codes name: of grids, estates, buildings, stair units (19 digits) or households.

    Raises
    ------
    NotFound for a code that is not there or outside the actor's scope, both alike; InvalidInput for none or too many.
    """
    import shapely

    items = listed(conn, actor, codes, where=where)
    buildings = frozenset(code for item in items for code in item.buildings)
    shapes = [shapely.buffer(shape, APRON, join_style="mitre") for shape in _grounds(conn, actor, buildings)]
    shapes += _areas(conn, actor, [item.code for item in items if item.level == "estate"])
    if not shapes:
        raise InvalidInput("The places named hold no building. 所列范围内没有楼栋。", where=where)
    united = shapely.union_all(shapes)
    area = shapely.MultiPolygon([part for part in shapely.get_parts(united) if part.geom_type == "Polygon"])
    return Scope(area, tuple(items), drawn=False, buildings=buildings)


def listed(conn: sa.Connection, actor: Actor, codes: list[str], *, where: str) -> list[Item]:
    """Return the items that codes name, each once, in their order; errors as `of_items`."""
    if not codes or len(codes) > MAX_ITEMS:
        raise InvalidInput(f"Name 1 to {MAX_ITEMS} places. 请列出 1 至 {MAX_ITEMS} 个范围。", where=where)
    wanted = list(dict.fromkeys(codes))
    by_level = defaultdict(list)
    for code in wanted:
        digits = len(code) if code.isascii() and code.isdigit() else 0
        by_level[_LEVELS.get(digits, "estate")].append(code)
    found: dict[str, Item] = {}
    for level, names in by_level.items():
        found |= _of_level(conn, actor, level, names)
    for code in wanted:
        if code not in found:
            raise NotFound(f"There is no place with the code {code[:40]!r}. 没有代码为此的范围。", where=where)
    return [found[code] for code in wanted]


def _of_level(conn: sa.Connection, actor: Actor, level: str, codes: list[str]) -> dict[str, Item]:
    b = building.c
    here = sa.and_(b.valid_to.is_(None), within_scope(building, actor))
    if level == "building":
        rows = conn.execute(sa.select(b.code, b.name).where(here, b.code.in_(codes)))
        return {row.code: Item(level, row.code, row.name, (row.code,)) for row in rows}
    if level in ("unit", "household"):
        return _doors(conn, actor, level, codes)
    table = estate if level == "estate" else neighbourhood
    above = conn.execute(
        sa.select(table.c.code, table.c.name).where(
            table.c.code.in_(codes), table.c.valid_to.is_(None), within_scope(table, actor)
        )
    ).all()
    held = defaultdict(list)
    for row in conn.execute(_buildings_of(level, [row.code for row in above]).where(here).order_by(b.code)):
        held[row.above].append(row.code)
    return {row.code: Item(level, row.code, row.name, tuple(held[row.code])) for row in above}


def _buildings_of(level: str, codes: list[str]) -> sa.Select:
    b, pair = building.c, building_estate.c
    if level == "neighbourhood":
        return sa.select(b.neighbourhood.label("above"), b.code).where(b.neighbourhood.in_(codes))
    return (
        sa.select(estate.c.code.label("above"), b.code)
        .join(building_estate, sa.and_(pair.county == b.county, pair.building_id == b.id))
        .join(estate, sa.and_(pair.county == estate.c.county, pair.estate_id == estate.c.id))
        .where(estate.c.code.in_(codes), estate.c.valid_to.is_(None))
    )


def _doors(conn: sa.Connection, actor: Actor, level: str, codes: list[str]) -> dict[str, Item]:
    """Return units and households that are there; a unit is there when a household or the building's count says so."""
    h, b = household.c, building.c
    parents = sorted({code[:BUILDING_DIGITS] for code in codes})
    rows = conn.execute(
        sa.select(b.code, b.name, b.units).where(
            b.code.in_(parents), b.valid_to.is_(None), within_scope(building, actor)
        )
    ).all()
    known = {row.code: row for row in rows}
    code = h.code if level == "household" else sa.func.left(h.code, UNIT_DIGITS)
    seen = set()
    if any(map(actor.may, ("household.view", "household.count"))):
        here = within_scope(household, actor, "household.view", "household.count")
        asked = sa.select(code).where(h.building.in_(list(known)), code.in_(codes), h.valid_to.is_(None), here)
        seen = set(conn.scalars(asked.distinct()))
    found = {}
    for one in codes:
        parent = known.get(one[:BUILDING_DIGITS])
        counted = level == "unit" and parent and 1 <= int(one[BUILDING_DIGITS:]) <= (parent.units or 0)
        if parent and (one in seen or counted):
            found[one] = Item(level, one, parent.name, (parent.code,))
    return found


def _grounds(conn: sa.Connection, actor: Actor, codes: frozenset[str]) -> list["Geometry"]:
    import shapely

    b = building.c
    rows = conn.scalars(
        sa.select(sa.func.ST_AsBinary(b.geom)).where(
            b.code.in_(sorted(codes)), b.valid_to.is_(None), within_scope(building, actor)
        )
    )
    return list(shapely.from_wkb([bytes(row) for row in rows]))


def _areas(conn: sa.Connection, actor: Actor, codes: list[str]) -> list["Geometry"]:
    import shapely

    e = estate.c
    rows = conn.scalars(
        sa.select(sa.func.ST_AsBinary(e.geom)).where(
            e.code.in_(codes), e.valid_to.is_(None), e.geom.is_not(None), within_scope(estate, actor)
        )
    )
    return list(shapely.from_wkb([bytes(row) for row in rows]))


def inside(conn: sa.Connection, actor: Actor, scope: Scope) -> list[Item]:
    """Return the whole buildings a drawn area snaps to, in the order of their codes, or the items as they are."""
    if not scope.drawn:
        return list(scope.items)
    b = building.c
    rows = conn.execute(
        sa.select(b.code, b.name)
        .where(b.valid_to.is_(None), within_scope(building, actor), scope.holds_building())
        .order_by(b.code)
    )
    return [Item("building", row.code, row.name, (row.code,)) for row in rows]


def snapped(conn: sa.Connection, actor: Actor, scope: Scope, *, to: str) -> Scope:
    """Return a drawn scope as the whole buildings it touches, or as their estates (`to`); a list stays what it is.

    InvalidInput where it touches no building: an order names places, and a line that cuts a building names none.
    """
    if not scope.drawn:
        return scope
    buildings = [item.code for item in inside(conn, actor, scope)]
    if not buildings:
        raise InvalidInput("The area touches no building. 所画范围内没有楼栋。", where="geometry")
    if to == "building":
        return of_items(conn, actor, buildings)
    held = _estates_around(conn, actor, buildings)
    alone = [code for code in buildings if code not in held]  # outside every estate, they stay buildings
    return of_items(conn, actor, [*sorted(set(held.values())), *alone])


def _estates_around(conn: sa.Connection, actor: Actor, codes: list[str]) -> dict[str, str]:
    b, e, pair = building.c, estate.c, building_estate.c
    rows = conn.execute(
        sa.select(b.code, sa.func.min(e.code))
        .join(building_estate, sa.and_(pair.county == b.county, pair.building_id == b.id))
        .join(estate, sa.and_(pair.county == e.county, pair.estate_id == e.id))
        .where(b.code.in_(codes), b.valid_to.is_(None), e.valid_to.is_(None), within_scope(estate, actor))
        .group_by(b.code)
    )
    return {row[0]: row[1] for row in rows}


def worded(items: list[Item]) -> str:
    """Return a list of places as an order writes it: runs of buildings as 1–5幢, units as 3幢2、3单元."""
    numbers: dict[str, list[int]] = defaultdict(list)
    words: list[str] = []
    for item in items:
        if item.level == "building" and (match := _NUMBERED.fullmatch(item.name)):
            numbers[match[2]].append(int(match[1]))
        elif item.level in ("building", "estate", "neighbourhood"):
            words.append(item.name)
    runs = [f"{'、'.join(_runs(sorted(set(found))))}{kind}" for kind, found in numbers.items()]
    return "、".join([*runs, *words, *_units(items), *_rooms(items)])


def _runs(numbers: list[int]) -> list[str]:
    """Return numbers in the way orders write them: three and more in a row as 1–5, others one by one."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return [word for run in runs for word in ([f"{run[0]}–{run[-1]}"] if len(run) > 2 else map(str, run))]


def _units(items: list[Item]) -> list[str]:
    by_building: dict[tuple[str, str], list[int]] = defaultdict(list)
    for item in items:
        if item.level == "unit":
            by_building[item.code[:BUILDING_DIGITS], item.name].append(int(item.unit))
    return [f"{name}{'、'.join(_runs(sorted(units)))}单元" for (_, name), units in by_building.items()]


def _rooms(items: list[Item]) -> list[str]:
    doors = [item for item in items if item.level == "household"]
    return [f"{item.name}{int(item.unit)}单元{int(item.code[UNIT_DIGITS:])}室" for item in doors]
