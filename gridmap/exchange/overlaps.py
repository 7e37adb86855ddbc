"""Footprints that lie on one another: most likely one building stored under two codes. A person decides."""

import sqlalchemy as sa

from gridmap.exchange.work import Work, stored

SAME_SHARE = 0.8  # of the smaller footprint: walls of neighbours that touch or overlap by a drawing error are far below
SHOWN = 10


def tell(work: Work) -> None:
    """Note which new or changed buildings cover another by more than `SAME_SHARE` of the smaller of the two.

    Notes
    -----
    The shares are of areas in degrees: both areas lie at one place, so the scale cancels out. LATERAL keeps the rows
    outside and the footprints with their index inside, as in places.py.
    """
    rows, other = work.rows, stored("building").alias("other")
    shared = sa.func.ST_Area(sa.func.ST_Intersection(rows.c.geom, other.c.geom))
    smaller = sa.func.least(sa.func.ST_Area(rows.c.geom), sa.func.ST_Area(other.c.geom))
    # not `IS NULL`: the planner, who has not seen the new rows yet, would read the whole partial index for each of them
    in_force = sa.func.coalesce(other.c.valid_to, sa.text("'infinity'")) == sa.text("'infinity'")
    covering = (
        sa.select(other.c.code)
        .where(in_force, other.c.geom.op("&&")(rows.c.geom), other.c.id != rows.c.id)
        .where(shared > SAME_SHARE * smaller)
        .order_by(other.c.code)
        .limit(SHOWN)
        .correlate(rows)
        .lateral("covering")
    )
    pair = (sa.func.least(rows.c.code, covering.c.code), sa.func.greatest(rows.c.code, covering.c.code))
    found = (
        sa.select(pair[0].label("one"), pair[1].label("two"))
        .join_from(rows, covering, sa.true())
        .where(work.good, sa.or_(rows.c.is_new, rows.c.is_changed))
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
