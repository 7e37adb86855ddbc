"""Whom a supply point is nearest to."""

from typing import Any

import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.crs import Position
from gridmap.hierarchy import building, building_estate, estate, household
from gridmap.layers.supply_point import LAYER as SUPPLY_POINT
from gridmap.proximity import SLACK

REACH_M = 1000  # the 15-minute circle of the residential planning norm; beyond it "nearest" helps nobody on foot
SHOWN = 10


def of_supply_point(conn: sa.Connection, actor: Actor, code: str, origin: Position) -> dict[str, Any]:
    """Return the buildings within 1,000 m whose nearest supply point is this one: counts, and the ten nearest by name.

    Parameters
    ----------
    code, origin : the supply point's code and position (degrees, EPSG:4490)

    Notes
    -----
    Geodesic distance; a tie between two points goes to the smaller code, as everywhere.
    """
    rows = _served(actor, code, origin)
    counts = conn.execute(
        sa.select(
            sa.func.count(sa.distinct(rows.c.id)), sa.func.count(household.c.id),
            sa.func.coalesce(sa.func.sum(household.c.people_count), 0),
        ).select_from(rows.outerjoin(household, sa.and_(
            household.c.county == rows.c.county, household.c.building_id == rows.c.id, household.c.valid_to.is_(None)
        )))
    ).one()  # fmt: skip
    named = conn.execute(
        sa.select(rows.c.code, rows.c.name, _estate_name(rows), rows.c.distance_m, rows.c.lon, rows.c.lat)
        .order_by(rows.c.distance_m, rows.c.code)
        .limit(SHOWN)
    )
    items = [dict(row) for row in named.mappings()]
    return {"buildings": counts[0], "households": counts[1], "people": counts[2], "items": items, "reach_m": REACH_M}


def _served(actor: Actor, code: str, origin: Position) -> sa.CTE:
    """Select the buildings in reach and keep those whose one nearest point, measured exactly, is ours."""
    b = building.c
    point = sa.func.ST_GeogFromText(origin.ewkt)
    here = b.geog
    distance_m = sa.func.ST_Distance(here, point)
    return (
        sa.select(
            b.county, b.id, b.code, b.name, distance_m.label("distance_m"),
            sa.func.ST_X(b.position).label("lon"), sa.func.ST_Y(b.position).label("lat"),
        )
        .where(here.op("&&")(sa.func._ST_Expand(point, REACH_M)), distance_m <= REACH_M)
        .where(b.valid_to.is_(None), within_scope(building, actor), _nearest_code(actor, here) == code)
        .cte("served")
        .prefix_with("MATERIALIZED")
    )  # fmt: skip


def _nearest_code(actor: Actor, here: sa.ColumnElement) -> sa.ScalarSelect:
    """Select the code of the supply point nearest to a building: the index finds one, a little more is measured."""
    first, other = SUPPLY_POINT.table.alias("first"), SUPPLY_POINT.table.alias("other")
    first_geog, other_geog = first.c.geog, other.c.geog
    first_m = (
        sa.select(sa.func.ST_Distance(first_geog, here))
        .where(first.c.valid_to.is_(None), within_scope(first, actor))
        .order_by(first_geog.op("<->")(here))
        .limit(1)
        .correlate(building)
        .scalar_subquery()
    )
    # Worked out before `other` is read: the function is not leak-proof, and under a policy would cost the index.
    around = sa.select(sa.func._ST_Expand(here, first_m * SLACK + 0.001)).correlate(building).scalar_subquery()
    return (
        sa.select(other.c.code)
        .where(other.c.valid_to.is_(None), within_scope(other, actor))
        .where(other_geog.op("&&")(around))
        .order_by(sa.func.ST_Distance(other_geog, here), other.c.code)
        .limit(1)
        .correlate(building)
        .scalar_subquery()
    )


def _estate_name(rows: sa.CTE) -> sa.Label:
    pair = building_estate.c
    return (
        sa.select(sa.func.min(estate.c.name))
        .join(building_estate, sa.and_(pair.county == estate.c.county, pair.estate_id == estate.c.id))
        .where(pair.county == rows.c.county, pair.building_id == rows.c.id, estate.c.valid_to.is_(None))
        .scalar_subquery()
        .label("estate")
    )
