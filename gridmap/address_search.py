"""Households by the text of their address: 3幢2单元502, 3-2-502, 芳草苑３号楼502室.

The buildings of that number come first, by the terms of their names and of the estates and communities the text names;
then the households of these with that unit and room, by the beginning of their codes.
"""

import unicodedata

import sqlalchemy as sa

from gridmap import terms
from gridmap.access import Actor, within_scope
from gridmap.addresses import Address, parsed
from gridmap.crs import Position
from gridmap.hierarchy import building, building_estate, community, estate, household
from gridmap.tables import geography

MAX_BUILDINGS = 2000  # of one number that are looked into, the nearest first
MAX_WITHOUT_UNIT = 300  # the same where every unit has to be looked into
UNIT_DIGITS, ROOM_DIGITS = 2, 4
AROUND_CHARS = 16  # of what stands before the building, its end
UNITS = ("幢", "栋", "座", "楼", "号楼", "号", "#", "")
STREET_ENDS = "路街弄巷道号里"  # a street before the number: nobody recorded it, nothing speaks against
_OWN, _COMMUNITY, _STREET = range(3)  # how closely a text names a building


def homes(actor: Actor, text: str, near: Position | None, limit: int, *, is_past: bool) -> sa.Select | None:
    """Select the households that an address means, the nearest first; None where a text is no address with a room.

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
    found = _found(actor, address, is_past=is_past).cte("addressed_keys").prefix_with("MATERIALIZED")
    closest = sa.select(sa.func.min(found.c.closeness)).scalar_subquery()
    b, h = building.c, household.c
    away_m: sa.ColumnElement = sa.cast(sa.null(), sa.Float)
    away_home_m = away_m
    if near is not None:
        away_m = sa.func.ST_Distance(b.geog, sa.func.ST_GeogFromText(near.ewkt))
        away_home_m = sa.func.ST_Distance(geography(h.geom), sa.func.ST_GeogFromText(near.ewkt))
    houses = (
        sa.select(b.code, b.name, away_m.label("away_m"))
        .join(found, sa.and_(found.c.county == b.county, found.c.id == b.id))
        .where(b.valid_to.is_(None), within_scope(building, actor), found.c.closeness == closest)
        .order_by(sa.text("away_m NULLS LAST"), b.code)
        .distinct()
        .limit(MAX_WITHOUT_UNIT if address.unit is None else MAX_BUILDINGS)
        .cte("addressed_houses")
        .prefix_with("MATERIALIZED")
    )
    stair = sa.func.nullif(sa.func.ltrim(h.unit, "0"), "") + "单元"
    inner = (
        sa.select(
            sa.literal("household").label("layer"), h.code,
            (houses.c.name + sa.func.coalesce(stair, "") + sa.func.ltrim(h.room, "0")).label("name"),
            h.community, sa.func.ST_X(h.geom).label("lon"), sa.func.ST_Y(h.geom).label("lat"),
            away_home_m.label("distance_m"), sa.true().label("is_whole"),
        )
        .join_from(houses, household, _behind(houses, address))
        .where(h.valid_to.is_(None), within_scope(household, actor))
        .order_by(sa.text("distance_m NULLS LAST"), h.code)
        .limit(limit)
        .subquery()
    )  # fmt: skip
    return sa.select(inner)


def _behind(houses: sa.FromClause, address: Address) -> sa.ColumnElement[bool]:
    """Return the condition that a household of a building has the unit and room of an address."""
    h, room = household.c, (address.room or "").zfill(ROOM_DIGITS)
    if address.unit is not None:
        return h.code == houses.c.code + (address.unit.zfill(UNIT_DIGITS) + room)
    return sa.and_(h.code >= houses.c.code, h.code < houses.c.code + ":", h.room == room)


def _found(actor: Actor, address: Address, *, is_past: bool) -> sa.CompoundSelect:
    """Select county, id and closeness of the buildings an address may mean; the smaller, the closer it names them."""
    around = unicodedata.normalize("NFKC", address.around).casefold()[-AROUND_CHARS:]
    signs = _signs(address.building or "")
    numbered = _keys(actor, building, signs, is_past=is_past)
    if not around:
        return sa.union(_with_closeness(numbered, _OWN))
    numbers = numbered.subquery("numbered")
    pair = building_estate.c
    in_estates = (
        sa.select(numbers.c.county, numbers.c.thing_id)
        .join(building_estate, sa.and_(pair.county == numbers.c.county, pair.building_id == numbers.c.thing_id))
        .join(
            estates := _places(actor, estate, around, is_past=is_past).subquery("estates"),
            sa.and_(estates.c.county == pair.county, estates.c.thing_id == pair.estate_id),
        )
    )
    communities = _places(actor, community, around, is_past=is_past).subquery("communities")
    in_communities = (
        sa.select(numbers.c.county, numbers.c.thing_id)
        .join(building, sa.and_(building.c.county == numbers.c.county, building.c.id == numbers.c.thing_id))
        .join(
            communities,
            sa.and_(communities.c.county == building.c.county, communities.c.thing_id == building.c.community_id),
        )
    )
    parts = [
        _with_closeness(_with_own_name(actor, around, signs, is_past=is_past), _OWN),
        _with_closeness(in_estates, _OWN),
        _with_closeness(in_communities, _COMMUNITY),
    ]
    if around.endswith(tuple(STREET_ENDS)):
        parts.append(_with_closeness(numbers.select(), _STREET))
    return sa.union(*parts)


def _with_closeness(found: sa.Select, closeness: int) -> sa.Select:
    one = found.subquery()
    county, thing = list(one.c)
    return sa.select(county.label("county"), thing.label("id"), sa.literal(closeness).label("closeness"))


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
