"""Footprints that lie on one another: most likely one building stored under two codes. A person decides."""

import sqlalchemy as sa

from gridmap.exchange.work import Work, stored

SAME_SHARE = 0.8  # of the smaller footprint: walls of neighbours that touch or overlap by a drawing error are far below
SHOWN = 10


def tell(work: Work) -> None:
    """Note which new or changed buildings cover another by more than `SAME_SHARE` of the smaller of the two.

    Notes
    -----
    The shares are of areas in degrees: both areas lie at one place, so the scale cancels out.
    """
    rows, own, other = work.rows, stored("building").alias("own"), stored("building").alias("other")
    shared = sa.func.ST_Area(sa.func.ST_Intersection(own.c.geom, other.c.geom))
    smaller = sa.func.least(sa.func.ST_Area(own.c.geom), sa.func.ST_Area(other.c.geom))
    pair = sa.func.least(own.c.code, other.c.code), sa.func.greatest(own.c.code, other.c.code)
    found = (
        sa.select(pair[0].label("one"), pair[1].label("two"))
        .select_from(rows)
        .join(own, sa.and_(own.c.county == rows.c.county, own.c.id == rows.c.id))
        .join(other, sa.and_(other.c.valid_to.is_(None), other.c.id != own.c.id, own.c.geom.op("&&")(other.c.geom)))
        .where(work.good, sa.or_(rows.c.is_new, rows.c.is_changed), shared > SAME_SHARE * smaller)
        .distinct()
        .subquery("found")
    )
    count = work.conn.scalar(sa.select(sa.func.count()).select_from(found))
    if not count:
        return
    first = work.conn.execute(sa.select(found).order_by(found.c.one, found.c.two).limit(SHOWN))
    pairs = "; ".join(f"{one} / {two}" for one, two in first) + ("; …" if count > SHOWN else "")
    work.report.note(
        "overlaps",
        f"{count} pairs of buildings cover each other by more than {SAME_SHARE:.0%} of the smaller one: {pairs}.",
        f"{count} 对楼栋轮廓重叠超过较小者的 {SAME_SHARE:.0%}：{pairs}。",
    )
