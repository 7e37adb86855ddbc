"""Who covers a place."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from gridmap import personal
from gridmap.access import Actor, within_scope
from gridmap.crs import Position
from gridmap.layers.volunteer import LAYER, building_volunteer, table


@dataclass(frozen=True)
class Covering:
    """A volunteer who covers a place, and why. Name and phone are masked."""

    code: str
    name: str
    phone: str | None
    skills: list[str]
    reason: str
    on_duty: bool
    distance_m: float
    radius_m: int | None
    lon: float
    lat: float


def covering(
    conn: sa.Connection, actor: Actor, origin: Position, *, building: tuple[int, UUID] | None = None
) -> list[Covering]:
    """Return the volunteers who cover a position, those on duty first, then nearest first, ties by code.

    Parameters
    ----------
    origin : degrees, EPSG:4490
    building : (county, id) of the building there, for assignments; without it only service radius counts

    Notes
    -----
    `reason` is `assigned` for volunteers assigned to the building, else `radius`: the geodesic distance is at most the
    volunteer's own `radius_m` (CGCS2000 ellipsoid; the limit itself counts as covered).
    """
    actor.require(LAYER.view)
    return [_covering(conn, row) for row in conn.execute(covering_query(actor, origin, building))]


def covering_query(actor: Actor, origin: Position, building: tuple[int, UUID] | None) -> sa.Select:
    """Return the query behind `covering`, so that a test can look at its plan.

    The index holds the box of each volunteer's own reach (volunteer_reach_idx), so only those are measured whose
    box has the position in it; a common box of the largest radius would bring three times as many.
    """
    point = sa.func.ST_GeogFromText(origin.ewkt)
    distance_m = sa.func.ST_Distance(table.c.geog, point).label("distance_m")
    wanted = sa.and_(table.c.valid_to.is_(None), within_scope(table, actor))
    boxed = _with_reason("radius", 1, distance_m).where(
        wanted, table.c.reach.op("&&")(sa.func.ST_GeomFromEWKT(origin.ewkt))
    )
    measured = boxed.offset(0).subquery("measured")  # the fence lets each distance be worked out once
    found: sa.SelectBase = sa.select(measured).where(measured.c.distance_m <= measured.c.radius_m)
    if building is not None:
        pair = building_volunteer.c
        joined = sa.and_(pair.county == table.c.county, pair.volunteer_id == table.c.id)
        of_building = sa.and_(pair.county == building[0], pair.building_id == building[1])
        assigned = _with_reason("assigned", 0, distance_m).join(building_volunteer, joined).where(wanted, of_building)
        found = sa.union_all(assigned, found)
    rows = found.subquery("found")
    once = sa.select(rows).ext(distinct_on(rows.c.code)).order_by(rows.c.code, rows.c.rank).subquery("once")
    return sa.select(once).order_by(once.c.on_duty.desc(), once.c.distance_m, once.c.code)


def _with_reason(reason: str, rank: int, distance_m: sa.Label) -> sa.Select:
    columns = (table.c[name] for name in ("code", "name", "phone", "skills", "on_duty", "radius_m"))
    lon, lat = sa.func.ST_X(table.c.geom).label("lon"), sa.func.ST_Y(table.c.geom).label("lat")
    return sa.select(*columns, sa.literal(reason).label("reason"), sa.literal(rank).label("rank"), distance_m, lon, lat)


def _covering(conn: sa.Connection, row: sa.Row) -> Covering:
    name, phone = (personal.masked(conn, table.c[column], getattr(row, column)) for column in ("name", "phone"))
    return Covering(
        row.code, name or "", phone, list(row.skills), row.reason, row.on_duty, row.distance_m, row.radius_m,
        row.lon, row.lat,
    )  # fmt: skip
