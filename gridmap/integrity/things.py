"""Buildings and households that stand elsewhere than they say, belong to nothing any more, or hold nobody."""

import sqlalchemy as sa

from gridmap.hierarchy import building, community, household, neighbourhood
from gridmap.integrity.asking import Asked, answer
from gridmap.tables import geography

FAR_M = 200  # a household stands no further from its building
SURELY_NEAR_DEGREES = 0.001  # at most 111 m either way, which spares most rows the measuring


def buildings_outside(asked: Asked) -> sa.Select:
    """Find buildings whose position lies outside their community, in no other one."""
    return _outside(asked).where(sa.not_(_elsewhere()))


def buildings_elsewhere(asked: Asked) -> sa.Select:
    """Find buildings that stand in another community than the one their code begins with."""
    other = community.alias("other")
    there = sa.select(sa.func.min(other.c.code)).where(*_holds(other)).scalar_subquery()
    return _outside(asked, other=there).where(_elsewhere())


def _outside(asked: Asked, other: sa.ColumnElement | None = None) -> sa.Select:
    return (
        sa.select(*answer(building.c.code, building.c.position, other=other))
        .join(community, sa.and_(community.c.county == building.c.county, community.c.id == building.c.community_id))
        .where(asked.rows(building), community.c.valid_to.is_(None), community.c.geom.is_not(None))
        .where(sa.not_(sa.func.ST_Covers(community.c.geom, building.c.position)))
    )


def _elsewhere() -> sa.ColumnElement[bool]:
    return sa.exists().where(*_holds(community.alias("elsewhere")))


def _holds(other: sa.FromClause) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        other.c.valid_to.is_(None), other.c.code != building.c.community,
        other.c.geom.op("&&", is_comparison=True)(building.c.position), sa.func.ST_Covers(other.c.geom, building.c.position),
    )  # fmt: skip


def standing_in() -> sa.FromClause:
    """Return the grid of a building's own community that it stands in, as a lateral row (id, code)."""
    grid = neighbourhood.alias("grid")
    return (
        sa.select(grid.c.id, grid.c.code)
        .where(grid.c.valid_to.is_(None), grid.c.county == building.c.county, grid.c.community == building.c.community)
        .where(grid.c.geom.op("&&", is_comparison=True)(building.c.position))
        .where(sa.func.ST_Covers(grid.c.geom, building.c.position))
        .order_by(grid.c.code)
        .limit(1)
        .correlate(building)
        .lateral("standing_in")
    )


def is_held() -> sa.ColumnElement[bool]:
    """Return the condition that a building stands in its own grid, on the edge too."""
    own = neighbourhood.alias("own")
    return sa.exists().where(
        own.c.county == building.c.county, own.c.id == building.c.neighbourhood_id, own.c.valid_to.is_(None),
        sa.or_(own.c.geom.is_(None), sa.func.ST_Covers(own.c.geom, building.c.position)),
    )  # fmt: skip


def buildings_in_other_grid(asked: Asked) -> sa.Select:
    """Find buildings that stand in a grid of their community which is not theirs."""
    there = standing_in()
    return (
        sa.select(*answer(building.c.code, building.c.position, other=there.c.code))
        .join_from(building, there, sa.true())
        .where(asked.rows(building), sa.not_(is_held()))
    )


def grids_orphaned(asked: Asked) -> sa.Select:
    """Find grids in force whose community was retired."""
    above = _retired(community, neighbourhood, "community_id")
    spot = sa.func.ST_PointOnSurface(neighbourhood.c.geom)
    return sa.select(*answer(neighbourhood.c.code, spot, other=neighbourhood.c.community)).where(
        asked.rows(neighbourhood), above
    )


def buildings_orphaned(asked: Asked) -> sa.Select:
    """Find buildings in force whose community was retired."""
    return sa.select(*answer(building.c.code, building.c.position, other=building.c.community)).where(
        asked.rows(building), _retired(community, building, "community_id")
    )


def households_orphaned(asked: Asked) -> sa.Select:
    """Find households in force whose building was retired."""
    return sa.select(*answer(household.c.code, household.c.geom, other=household.c.building)).where(
        asked.rows(household), _retired(building, household, "building_id")
    )


def _retired(above: sa.Table, below: sa.Table, key: str) -> sa.ColumnElement[bool]:
    one = above.alias("above")
    return sa.exists().where(one.c.county == below.c.county, one.c.id == below.c[key], one.c.valid_to.is_not(None))


def households_far(asked: Asked) -> sa.Select:
    """Find households that stand more than 200 m from the edge of their building."""
    away_m = sa.func.ST_Distance(geography(building.c.geom), household.c.geog)
    beside = household.c.geom.op("&&", is_comparison=True)(sa.func.ST_Expand(building.c.position, SURELY_NEAR_DEGREES))
    rounded = sa.func.round(sa.cast(away_m, sa.Numeric))
    return (
        sa.select(*answer(household.c.code, household.c.geom, other=building.c.code, measure=rounded))
        .join(building, sa.and_(building.c.county == household.c.county, building.c.id == household.c.building_id))
        .where(asked.rows(household), building.c.valid_to.is_(None), sa.not_(beside), away_m > FAR_M)
    )


def buildings_empty(asked: Asked) -> sa.Select:
    """Find buildings without a household in force: shops and schools, or homes nobody entered yet."""
    lived_in = sa.exists().where(
        household.c.county == building.c.county,
        household.c.building_id == building.c.id,
        household.c.valid_to.is_(None),
    )
    return sa.select(*answer(building.c.code, building.c.position)).where(asked.rows(building), sa.not_(lived_in))
