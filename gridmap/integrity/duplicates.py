"""Places that are stored twice: of one name on one spot."""

import sqlalchemy as sa

from gridmap.hierarchy import building, household
from gridmap.integrity.asking import Asked, answer
from gridmap.layers.supply_point import stock_count
from gridmap.layers.supply_point import table as supply_point

NEAR_M = 1.0


def buildings(asked: Asked) -> sa.Select:
    """Find buildings of one name in one community whose positions lie within a metre; `other` is the one with the smaller code."""
    return _twice(asked, building, building.alias("first"))


def supply_points(asked: Asked) -> sa.Select:
    """Find supply points of one name in one community within a metre; `other` is the one with the smaller code."""
    return _twice(asked, supply_point, supply_point.alias("first"))


def _twice(asked: Asked, table: sa.Table, first: sa.FromClause) -> sa.Select:
    """Join things of one name in one community, which are few, before their positions are compared."""
    spot = sa.func.ST_PointOnSurface(table.c.geom)
    named = sa.and_(
        first.c.county == table.c.county, first.c.name == table.c.name, first.c.valid_to.is_(None),
        sa.func.coalesce(first.c.community, "") == sa.func.coalesce(table.c.community, ""),
    )  # fmt: skip
    return (
        sa.select(*answer(table.c.code, spot, other=sa.func.min(first.c.code)))
        .join_from(table, first, named)
        .where(asked.rows(table), first.c.code < table.c.code)
        .where(sa.func.ST_DWithin(first.c.geog, table.c.geog, NEAR_M))
        .group_by(table.c.county, table.c.id)
    )


def is_bare(table: sa.Table) -> sa.ColumnElement[bool]:
    """Return the condition that nothing hangs on a row, so that it can be retired without a loss."""
    if table is building:
        return sa.not_(
            sa.exists().where(
                household.c.county == building.c.county, household.c.building_id == building.c.id,
                household.c.valid_to.is_(None),
            )
        )  # fmt: skip
    count = stock_count.c
    return sa.not_(sa.exists().where(count.county == supply_point.c.county, count.supply_point_id == supply_point.c.id))
