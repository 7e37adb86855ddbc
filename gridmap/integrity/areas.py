"""Areas that lie on one another, reach out of the one above them, or leave gaps."""

import sqlalchemy as sa

from gridmap.hierarchy import community, neighbourhood
from gridmap.integrity.asking import Asked, answer, area_m2, core, overlapping


def communities_overlapping(asked: Asked) -> sa.Select:
    """Find pairs of communities that share more than a drawing of one border would."""
    return _pairs(asked, community, sa.true)


def grids_overlapping(asked: Asked) -> sa.Select:
    """Find pairs of grids of one community that share more than a drawing of one border would."""
    return _pairs(asked, neighbourhood, lambda one, two: one.c.community == two.c.community)


def _pairs(asked: Asked, table: sa.Table, related: object) -> sa.Select:
    one, two = table.alias("one"), table.alias("two")
    of_one_kind = related(one, two) if table is neighbourhood else sa.true()  # type: ignore[operator]
    shared = (
        sa.select(one.c.code, two.c.code.label("other"), sa.func.ST_Intersection(one.c.geom, two.c.geom).label("area"))
        .where(
            asked.rows(one), asked.rows(two), one.c.code < two.c.code, of_one_kind, overlapping(one.c.geom, two.c.geom)
        )
        .cte("shared")
        .prefix_with("MATERIALIZED")
    )
    return _cores(sa.select(shared.c.code, shared.c.other, core(shared.c.area).label("area")))


def grids_outside(asked: Asked) -> sa.Select:
    """Find grids that reach out of their community, and how far."""
    outside = (
        sa.select(
            neighbourhood.c.code, community.c.code.label("other"),
            core(sa.func.ST_Difference(neighbourhood.c.geom, community.c.geom)).label("area"),
        )
        .join(community, sa.and_(
            community.c.county == neighbourhood.c.county, community.c.id == neighbourhood.c.community_id
        ))
        .where(asked.rows(neighbourhood), asked.rows(community))
        .where(sa.not_(sa.func.ST_Covers(community.c.geom, neighbourhood.c.geom)))
    )  # fmt: skip
    return _cores(outside)


def gaps(asked: Asked) -> sa.Select:
    """Find communities with grids that leave a part of them uncovered; those without any grid are planned later."""
    united = (
        sa.select(
            neighbourhood.c.county, neighbourhood.c.community_id, sa.func.ST_Union(neighbourhood.c.geom).label("area")
        )
        .where(asked.rows(neighbourhood), neighbourhood.c.geom.is_not(None))
        .group_by(neighbourhood.c.county, neighbourhood.c.community_id)
        .cte("united")
        .prefix_with("MATERIALIZED")
    )
    uncovered = (
        sa.select(
            community.c.code, sa.cast(sa.null(), sa.Text).label("other"),
            core(sa.func.ST_Difference(community.c.geom, united.c.area)).label("area"),
        )
        .join(united, sa.and_(united.c.county == community.c.county, united.c.community_id == community.c.id))
        .where(asked.rows(community), community.c.geom.is_not(None))
    )  # fmt: skip
    return _cores(uncovered)


def _cores(query: sa.Select) -> sa.Select:
    found = query.cte("found").prefix_with("MATERIALIZED")
    spot = sa.func.ST_PointOnSurface(found.c.area)
    return sa.select(*answer(found.c.code, spot, other=found.c.other, measure=area_m2(found.c.area))).where(
        sa.not_(sa.func.ST_IsEmpty(found.c.area))
    )
