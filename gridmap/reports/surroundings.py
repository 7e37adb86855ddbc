"""What surrounds a building, a stock point or a position: the answers a person reads after a tap."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from gridmap import persons
from gridmap.access import Actor, within_scope
from gridmap.crs import Position
from gridmap.errors import NotFound
from gridmap.hierarchy import building as building_table
from gridmap.hierarchy import building_estate, household, household_priority, places_above, places_at
from gridmap.hierarchy import estate as estate_table
from gridmap.hours import is_open
from gridmap.layers.closure_zone import LAYER as CLOSURE_ZONE
from gridmap.layers.closure_zone import in_force, strictness
from gridmap.layers.party_household import table as party_household
from gridmap.layers.party_unit import building_party_unit, neighbourhood_party_unit
from gridmap.layers.party_unit import table as party_unit
from gridmap.layers.supply_point import LAYER as SUPPLY_POINT
from gridmap.layers.supply_point.queries import stock
from gridmap.layers.volunteer import LAYER as VOLUNTEER
from gridmap.layers.volunteer.queries import covering
from gridmap.proximity import GEODESIC
from gridmap.reports import catchment, doors
from gridmap.reports.nearest_supply import nearest_supply
from gridmap.roles import MIN_CELL

NEAREST_SHOWN = 5


@dataclass(frozen=True)
class Building:
    """A building as the questions about it need it; `position` is where distances start."""

    county: int
    id: UUID
    community: str
    neighbourhood: str | None
    code: str
    name: str
    floors: int | None
    units: int | None
    position: Position

    @property
    def key(self) -> tuple[int, UUID]:
        """Return the primary key."""
        return self.county, self.id


def find_building(conn: sa.Connection, actor: Actor, code: str) -> Building:
    """Return the current building with a code, or raise NotFound, also for one outside the actor's scope."""
    actor.require("building.view")
    b = building_table.c
    row = conn.execute(
        sa.select(
            b.county, b.id, b.community, b.neighbourhood, b.code, b.name, b.floors, b.units,
            sa.func.ST_X(b.position).label("lon"), sa.func.ST_Y(b.position).label("lat"),
        ).where(b.code == code, b.valid_to.is_(None), within_scope(building_table, actor))
    ).first()  # fmt: skip
    if row is None:
        raise NotFound(f"There is no building with the code {code[:40]!r}.", where="code")
    return Building(*row[:8], Position(row.lon, row.lat))


def of_building(conn: sa.Connection, actor: Actor, code: str) -> dict[str, Any]:
    """Return everything the panel of a building shows: place, people, party, zones, stock in reach, who covers it."""
    found = find_building(conn, actor, code)
    people = _counts(conn, actor, found)
    shown = {name: getattr(found, name) for name in ("code", "name", "floors", "units")}
    return {
        "building": {**shown, "lon": found.position.lon, "lat": found.position.lat},
        "places": _dicts(places_above(conn, actor, found.neighbourhood or found.community)),
        "estates": _estates(conn, found),
        **people,
        "doors": doors.of_building(conn, actor, found.key),
        "party": _party_chain(conn, actor, found) if actor.may("party_unit.view") else [],
        "centre_households": _centre_households(conn, actor, found) if actor.may("party_household.view") else [],
        "volunteers": _covering(conn, actor, found.position, building=found.key),
        **_around(conn, actor, found.position),
        "zones": _with_ruled(conn, actor, found, _zones_over(conn, actor, found)),
    }


def of_position(conn: sa.Connection, actor: Actor, origin: Position) -> dict[str, Any]:
    """Return the same answers for any position; `outside` tells that it lies in no community."""
    places = places_at(conn, actor, origin)
    return {
        "position": {"lon": origin.lon, "lat": origin.lat},
        "places": _dicts(places),
        "outside": not places,
        "volunteers": _covering(conn, actor, origin),
        **_around(conn, actor, origin),
        "zones": _zones_at(conn, actor, origin),
    }


def of_supply_point(conn: sa.Connection, actor: Actor, code: str) -> dict[str, Any]:
    """Return what a supply point is, who keeps it, what was counted there and whom it is nearest to."""
    actor.require(SUPPLY_POINT.view)
    s = SUPPLY_POINT.table.c
    row = conn.execute(
        sa.select(
            s.code, s.name, s.kind, s.address, s.open_hours, s.capacity, s.community,
            sa.func.ST_X(s.geom).label("lon"), sa.func.ST_Y(s.geom).label("lat"),
        ).where(s.code == code, SUPPLY_POINT.current(), within_scope(SUPPLY_POINT.table, actor))
    ).first()  # fmt: skip
    if row is None:
        raise NotFound(f"There is no supply point with the code {code[:40]!r}.", where="code")
    origin = Position(row.lon, row.lat)
    return {
        "point": dict(row._mapping),
        "keeper": persons.card(conn, actor, SUPPLY_POINT, code),
        "places": _dicts(places_at(conn, actor, origin)),
        "stock": _dicts(stock(conn, actor, [code])[code]),
        "nearest_to": catchment.of_supply_point(conn, actor, code, origin) if actor.may("building.view") else None,
        "zones": _zones_at(conn, actor, origin),
        "as_of": now(conn),
    }


def now(conn: sa.Connection) -> datetime:
    """Return the moment the transaction's answers are true for."""
    moment: datetime = conn.execute(sa.select(sa.func.now())).scalar_one()
    return moment


def _around(conn: sa.Connection, actor: Actor, origin: Position) -> dict[str, Any]:
    as_of = now(conn)
    found = nearest_supply(conn, actor, origin, k=NEAREST_SHOWN)
    if not found.items and not _zones_at(conn, actor, origin):  # far from every street: the straight line helps more
        found = nearest_supply(conn, actor, origin, k=NEAREST_SHOWN, method=GEODESIC)
    codes = [one.code for one in found.items] + [one.code for one in found.skipped if one.code]
    told = _names_and_hours(conn, actor, codes)
    counted = stock(conn, actor, [point.code for point in found.items])
    ways = {
        point.code: found.walker.route(origin, (point.lon, point.lat), limit_m=point.distance_m)
        for point in found.items
    }
    return {
        "supply_points": [
            {
                **asdict(point), "stock": _dicts(counted[point.code]), "way": ways[point.code],
                "is_open": is_open(told[point.code][1], as_of),
            }
            for point in found.items
        ],
        "skipped": [{**asdict(one), "name": told[one.code][0] if one.code else None} for one in found.skipped],
        "method": found.walker.method,
        "as_of": as_of,
    }  # fmt: skip


def _names_and_hours(conn: sa.Connection, actor: Actor, codes: list[str]) -> dict[str, tuple[str, str | None]]:
    s = SUPPLY_POINT.table
    rows = conn.execute(
        sa.select(s.c.code, s.c.name, s.c.open_hours).where(
            s.c.code.in_(codes), SUPPLY_POINT.current(), within_scope(s, actor)
        )
    )
    return {row.code: (row.name, row.open_hours) for row in rows}


def _zones_at(conn: sa.Connection, actor: Actor, origin: Position) -> list[dict[str, Any]]:
    """Return the zones in force that a position lies in, strictest first."""
    point = sa.func.ST_GeomFromEWKT(origin.ewkt)
    return _zones(conn, actor, point, sa.func.ST_Intersects(CLOSURE_ZONE.table.c.geom, point))


def _zones_over(conn: sa.Connection, actor: Actor, found: Building) -> list[dict[str, Any]]:
    """Return the zones in force that a building stands in, wholly or partly, strictest first; a shared wall is not in."""
    zone, b = CLOSURE_ZONE.table.c.geom, building_table.c
    footprint = sa.select(b.geom).where(b.county == found.county, b.id == found.id).scalar_subquery()
    overlaps = sa.and_(sa.func.ST_Intersects(zone, footprint), ~sa.func.ST_Touches(zone, footprint))
    return _zones(conn, actor, footprint, overlaps)


def _with_ruled(
    conn: sa.Connection, actor: Actor, found: Building, zones: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return zones over a building with the households whose strictest zone each is: of several, one rules a household.

    None where there is one zone only, or for somebody who may not count households exactly.
    """
    if len(zones) < 2 or not actor.may("household.exact"):
        return [zone | {"ruled": None} for zone in zones]
    h, z = household.c, CLOSURE_ZONE.table.c
    strictest = (
        sa.select(z.code)
        .where(in_force(sa.func.now()), z.code.in_([zone["code"] for zone in zones]))
        .where(within_scope(CLOSURE_ZONE.table, actor), sa.func.ST_Covers(z.geom, h.geom))
        .order_by(strictness(z.type), z.code)
        .limit(1)
        .correlate(household)
        .scalar_subquery()
    )
    here = sa.and_(h.county == found.county, h.building_id == found.id, h.valid_to.is_(None))
    each = sa.select(strictest.label("code")).where(here, within_scope(household, actor, "household.exact")).subquery()
    rows = conn.execute(sa.select(each.c.code, sa.func.count()).group_by(each.c.code))
    counts: dict[str | None, int] = {row[0]: row[1] for row in rows}
    return [zone | {"ruled": counts.get(zone["code"], 0)} for zone in zones]


def _zones(
    conn: sa.Connection, actor: Actor, place: sa.ColumnElement, condition: sa.ColumnElement[bool]
) -> list[dict[str, Any]]:
    """Return the zones in force under a condition on their area; `partly` tells that they do not cover the whole place."""
    z = CLOSURE_ZONE.table.c
    partly = (~sa.func.ST_Covers(z.geom, place)).label("partly")
    rows = conn.execute(
        sa.select(z.code, z.name, z.type, z.state, z.starts_at, z.ends_at, z.order_no, z.issuer, partly)
        .where(in_force(sa.func.now()), within_scope(CLOSURE_ZONE.table, actor))
        .where(z.geom.op("&&")(place), condition)
        .order_by(strictness(z.type), z.code)
    )
    return [dict(row) for row in rows.mappings()]


def _estates(conn: sa.Connection, found: Building) -> list[dict[str, Any]]:
    e, pair = estate_table.c, building_estate.c
    rows = conn.execute(
        sa.select(e.code, e.name)
        .join(building_estate, sa.and_(pair.county == e.county, pair.estate_id == e.id))
        .where(pair.county == found.county, pair.building_id == found.id, e.valid_to.is_(None))
        .order_by(e.code)
    )
    return [dict(row) for row in rows.mappings()]


def _covering(
    conn: sa.Connection, actor: Actor, origin: Position, *, building: tuple[int, UUID] | None = None
) -> list[dict[str, Any]] | None:
    """Return who covers a position, or None for somebody who may not see volunteers."""
    return _dicts(covering(conn, actor, origin, building=building)) if actor.may(VOLUNTEER.view) else None


def _counts(conn: sa.Connection, actor: Actor, found: Building) -> dict[str, Any]:
    """Return households, people and people by priority group, counted from the household rows.

    None stands for what the actor may not know: everything without a right to count here, the groups without
    `household.priority`, and fewer than five households without `household.exact`.
    """
    h, p = household.c, household_priority.c
    here = sa.and_(h.county == found.county, h.building_id == found.id, h.valid_to.is_(None))
    unknown = {"households": None, "people": None, "priority": None}
    if not actor.may("household.count"):
        return unknown
    here = sa.and_(here, within_scope(household, actor, "household.view", "household.count"))
    households, people = conn.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(h.people_count), 0)).where(here)
    ).one()
    if 0 < households < MIN_CELL and not actor.may("household.exact"):
        return unknown | {"households": f"<{MIN_CELL}"}
    if not actor.may("household.priority"):
        return {"households": households, "people": people, "priority": None}
    tags = conn.execute(
        sa.select(p.tag, sa.func.sum(p.people_count))
        .join(household, sa.and_(h.county == p.county, h.id == p.household_id))
        .where(here)
        .group_by(p.tag)
        .order_by(sa.func.sum(p.people_count).desc(), p.tag)
    )
    return {"households": households, "people": people, "priority": {row[0]: row[1] for row in tags}}


def _party_chain(conn: sa.Connection, actor: Actor, found: Building) -> list[dict[str, Any]]:
    """Return the committee, the branch and the building group that cover a building; a missing level is left out."""
    actor.require("party_unit.view")
    u, b, n = party_unit.c, building_party_unit.c, neighbourhood_party_unit.c
    group = sa.select(b.party_unit_id).where(b.county == found.county, b.building_id == found.id)
    branch = (
        sa.select(n.party_unit_id)
        .join(building_table, sa.and_(
            building_table.c.county == n.county, building_table.c.neighbourhood_id == n.neighbourhood_id
        ))
        .where(building_table.c.county == found.county, building_table.c.id == found.id)
    )  # fmt: skip
    committee = sa.and_(u.level == "committee", u.community == found.community)
    order = sa.case({"committee": 0, "branch": 1}, value=u.level, else_=2)
    rows = conn.execute(
        sa.select(u.code, u.name, u.level, u.member_count)
        .where(u.county == found.county, u.valid_to.is_(None), within_scope(party_unit, actor))
        .where(sa.or_(u.id.in_(group), u.id.in_(branch), committee))
        .order_by(order, u.code)
    )
    return [dict(row) for row in rows.mappings()]


def _centre_households(conn: sa.Connection, actor: Actor, found: Building) -> list[dict[str, Any]]:
    """Return the centre households of the building's party group, nearest first."""
    actor.require("party_household.view")
    p, b = party_household.c, building_party_unit.c
    away_m = sa.func.ST_Distance(p.geog, sa.func.ST_GeogFromText(found.position.ewkt)).label("distance_m")
    rows = conn.execute(
        sa.select(
            p.code, p.building,
            sa.func.substr(p.code, 18, 2).label("unit"), sa.func.substr(p.code, 20, 4).label("room"), away_m, sa.func.ST_X(p.geom).label("lon"), sa.func.ST_Y(p.geom).label("lat"),
        )
        .join(building_party_unit, sa.and_(b.county == p.county, b.party_unit_id == p.party_unit_id))
        .where(b.county == found.county, b.building_id == found.id, p.is_centre, p.valid_to.is_(None))
        .where(within_scope(party_household, actor))
        .order_by(away_m, p.code)
    )  # fmt: skip
    return [dict(row) for row in rows.mappings()]


def _dicts(items: list[Any]) -> list[dict[str, Any]]:
    return [asdict(item) for item in items]
