"""Households by the text of their address: 3幢2单元502, 3-2-502, 芳草苑３号楼502室.

The buildings of that number come first, by the terms of their names and of the estates and communities the text names;
then the households of these with that unit and room, by the beginning of their codes.
"""

import re
import unicodedata

import sqlalchemy as sa

from gridmap import terms
from gridmap.access import Actor, within_scope
from gridmap.addresses import Address, parsed
from gridmap.crs import Position
from gridmap.hierarchy import building, building_estate, community, estate, household
from gridmap.tables import geography

MAX_PLACES = 200  # estates or communities of one beginning
MAX_BUILDINGS = 2000  # of one number that are looked into, the nearest first
MAX_WITHOUT_UNIT = 300  # the same where every unit has to be looked into
UNIT_DIGITS, ROOM_DIGITS = 2, 4
AROUND_CHARS = 16  # of what stands before the building, its end
UNITS = ("幢", "栋", "座", "楼", "号楼", "号", "#", "")
STREET_ENDS = "路街弄巷道号里"  # a street before the number: nobody recorded it, nothing speaks against


def homes(
    conn: sa.Connection, actor: Actor, text: str, near: Position | None, limit: int, *, is_past: bool
) -> sa.Select | None:
    """Select the households that an address means, the nearest first; None where a text means none.

    Returns
    -------
    layer, code, name (building, unit and room), community, lon, lat, distance_m, is_whole. Without a unit every unit of a
    building is looked into. Of buildings that are named by their estate and by their community, only the former count.
    """
    address = parsed(text)
    if address is None or address.building is None or address.room is None or len(address.room) > ROOM_DIGITS:
        return None
    if address.unit is not None and len(address.unit) > UNIT_DIGITS:
        return None
    houses = _houses(conn, actor, address, near, is_past=is_past)
    if not houses:
        return None
    h, room = household.c, address.room.zfill(ROOM_DIGITS)
    behind = sa.and_(h.building.in_(list(houses)), h.room == room)
    if address.unit is not None:
        behind = h.code.in_([code + address.unit.zfill(UNIT_DIGITS) + room for code in houses])
    away_m: sa.ColumnElement = sa.cast(sa.null(), sa.Float)
    if near is not None:
        away_m = sa.func.ST_Distance(geography(h.geom), sa.func.ST_GeogFromText(near.ewkt))
    found = (
        sa.select(h.code, h.unit, h.room, h.community, h.geom, h.building, away_m.label("distance_m"))
        .where(behind, h.valid_to.is_(None), within_scope(household, actor))
        .order_by(sa.text("distance_m NULLS LAST"), h.code)
        .limit(limit)
        .subquery("found")
    )
    f = found.c
    stair = sa.func.nullif(sa.func.ltrim(f.unit, "0"), "") + "单元"
    titles = sa.case(houses, value=f.building)
    return sa.select(
        sa.literal("household").label("layer"), f.code,
        (titles + sa.func.coalesce(stair, "") + sa.func.ltrim(f.room, "0")).label("name"),
        f.community, sa.func.ST_X(f.geom).label("lon"), sa.func.ST_Y(f.geom).label("lat"), f.distance_m,
        sa.true().label("is_whole"),
    )  # fmt: skip


def _houses(
    conn: sa.Connection, actor: Actor, address: Address, near: Position | None, *, is_past: bool
) -> dict[str, str]:
    """Return the names of the buildings an address may mean, by code: those it names most closely, the nearest of them.

    Each step is a question of its own: put together, the planner does not begin where few rows are.
    """
    around = unicodedata.normalize("NFKC", address.around).casefold()[-AROUND_CHARS:]
    signs = _signs(address.building or "")
    most = MAX_WITHOUT_UNIT if address.unit is None else MAX_BUILDINGS

    def chosen(*conditions: sa.ColumnElement[bool], source: sa.FromClause = building) -> dict[str, str]:
        b = building.c
        away_m: sa.ColumnElement = b.code
        if near is not None:
            away_m = sa.func.ST_Distance(b.geog, sa.func.ST_GeogFromText(near.ewkt))
        query = sa.select(b.code, b.name).select_from(source)
        query = query.where(*conditions, b.valid_to.is_(None), within_scope(building, actor))
        return {row.code: row.name for row in conn.execute(query.order_by(away_m, b.code).limit(most))}

    def of_keys(found: sa.Select) -> dict[str, str]:
        keys = found.cte("address_keys").prefix_with("MATERIALIZED")
        same = sa.and_(keys.c.county == building.c.county, keys.c.thing_id == building.c.id)
        return chosen(source=keys.join(building, same))

    numbered = sa.func.search_norm(building.c.name).op("~", is_comparison=True)(_ending(signs))
    if around:
        own = of_keys(_with_own_name(actor, around, signs, is_past=is_past))
        estates = _ids(conn, _places(actor, estate, around, is_past=is_past))
        if estates:
            pair = building_estate.c
            linked = sa.and_(pair.county == building.c.county, pair.building_id == building.c.id)
            own |= chosen(numbered, pair.estate_id.in_(estates), source=building_estate.join(building, linked))
        if own:
            return own
        communities = _ids(conn, _places(actor, community, around, is_past=is_past))
        inside = chosen(numbered, building.c.community_id.in_(communities)) if communities else {}
        if inside or not around.endswith(tuple(STREET_ENDS)):
            return inside
    return of_keys(_keys(actor, building, signs, is_past=is_past))


def _ending(signs: list[str]) -> str:
    """Return the pattern of names that end in a number, not in a longer one."""
    return f"(^|[^0-9])({'|'.join(map(re.escape, signs))})$"


def _ids(conn: sa.Connection, found: sa.Select) -> list[object]:
    keys = found.subquery()
    return list(conn.scalars(sa.select(keys.c.thing_id).distinct().limit(MAX_PLACES)))


def _with_own_name(actor: Actor, around: str, signs: list[str], *, is_past: bool) -> sa.Select:
    """Select the buildings whose name holds what stands before their number: 朝阳坊12号楼, also with a street before it."""
    spelt = [f"{sign}{unit}" for sign in signs for unit in ("z", "zhuang", "c", "chuang")] if around.isascii() else []
    ending = _keys(actor, building, [around + sign for sign in (*signs, *spelt)], is_past=is_past)
    parts = [around[start:] + sign for start in range(1, len(around)) for sign in signs]
    whole = _whole(actor, building, parts, is_past=is_past) if parts else ending
    return sa.select(sa.union(ending.subquery().select(), whole.subquery().select()).subquery())


def _places(actor: Actor, table: sa.Table, around: str, *, is_past: bool) -> sa.Select:
    """Select the estates or communities that a text begins a part of the name of, or that it names as a whole."""
    begun = terms.keys(actor, table, terms.begins(around), is_past=is_past, limit=MAX_BUILDINGS)
    parts = {around[start:end] for start in range(len(around)) for end in range(start + 2, len(around) + 1)}
    named = [f"{part}{ending}" for part in sorted(parts) for ending in ("", "小区", "社区")]
    if not named:
        return begun
    whole = _whole(actor, table, named, is_past=is_past)
    return sa.select(sa.union(begun.subquery().select(), whole.subquery().select()).subquery())


def _whole(actor: Actor, table: sa.Table, names: list[str], *, is_past: bool) -> sa.Select:
    """Select the things whose whole name is one of some; terms are the ends of names too."""
    ending = _keys(actor, table, names, is_past=is_past).subquery()
    same = sa.and_(table.c.county == ending.c.county, table.c.id == ending.c.thing_id)
    return (
        sa.select(ending.c.county, ending.c.thing_id)
        .join(table, same)
        .where(table.c.valid_to.is_(None), sa.func.search_norm(table.c.name).in_(names))
    )


def _keys(actor: Actor, table: sa.Table, texts: list[str], *, is_past: bool) -> sa.Select:
    return terms.keys(actor, table, terms.equals(texts), is_past=is_past, limit=MAX_BUILDINGS)


def _signs(sign: str) -> list[str]:
    """Return how a building's number may end its name, as terms are written: 3幢 for 3栋, 3号楼 and the like."""
    plain = sign.casefold()
    return [f"{plain}幢", plain] if plain[-1:].isdigit() else [f"{plain}{unit}" for unit in UNITS]
