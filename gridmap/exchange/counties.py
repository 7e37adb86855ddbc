"""Things outside every community: their county was stated or guessed, and a later file may correct it.

The county is part of the key, and what is in a community has the county of its community; only what was stored outside
all of them can move. It moves as a copy with the next version under the new key; the row under the old key is deleted
and kept as a former version.
"""

import sqlalchemy as sa

from gridmap.exchange.following import listed
from gridmap.exchange.work import Work, stored

CHILDREN = {"supply_point": ("stock_count",), "volunteer": ()}  # go along; both layers are small and on every node
BOUND = {"volunteer": "building_volunteer"}  # pairs with things that stay in the old county


def correct(work: Work) -> None:
    """Give stored things the county that the file states, or that of the community which holds them now."""
    if work.layer.name not in CHILDREN:
        return
    rows, table, other = work.rows, work.layer.table, work.layer.table.alias("other")
    told = sa.case(
        (rows.c.community.is_not(None), sa.cast(sa.func.left(rows.c.community, 6), sa.Integer)),
        else_=rows.c.stated_county,
    )
    differs = sa.and_(
        sa.not_(rows.c.is_new), table.c.county == rows.c.county, table.c.id == rows.c.id, told != rows.c.county
    )
    facts = {"value": rows.c.code, "county": rows.c.county}
    work.refuse(sa.and_(differs, table.c.community.is_not(None)), "county", "county_fixed", **facts)
    same = sa.or_(other.c.code == rows.c.code, other.c.source_key == rows.c.source_key)
    taken = sa.exists().where(other.c.valid_to.is_(None), other.c.county == told, same)
    work.refuse(sa.and_(differs, taken), "county", "county_taken", value=rows.c.code, county=told)
    _refuse_bound(work, differs)
    work.set(differs, was_county=rows.c.county, county=told)


def _refuse_bound(work: Work, differs: sa.ColumnElement[bool]) -> None:
    if work.layer.name not in BOUND or work.plan.has("buildings"):
        return
    rows, pair = work.rows, stored(BOUND[work.layer.name])
    bound = sa.exists().where(pair.c.county == rows.c.county, pair.c[f"{work.layer.name}_id"] == rows.c.id)
    work.refuse(sa.and_(differs, bound), "county", "county_bound", value=rows.c.code, county=rows.c.county)


def move(work: Work) -> None:
    """Put the rows whose county was corrected under their new key, with what belongs to them."""
    name = work.layer.name
    if name not in CHILDREN:
        return
    rows, table = work.rows, work.layer.table
    old = sa.and_(work.good, table.c.county == rows.c.was_county, table.c.id == rows.c.id)
    new = {
        "county": rows.c.county, "version": table.c.version + 1, "changed_at": sa.func.now(),
        "changed_by": sa.literal(work.actor.name),
    }  # fmt: skip
    names = [column.name for column in table.columns if column.computed is None]
    copies = sa.select(*(new.get(column, table.c[column]) for column in names)).where(old)
    work.conn.execute(sa.insert(table).from_select(names, copies))
    for child in map(stored, CHILDREN[name]):
        mine = sa.and_(work.good, child.c.county == rows.c.was_county, child.c[f"{name}_id"] == rows.c.id)
        work.conn.execute(sa.update(child).where(mine).values(county=rows.c.county))
    if name in BOUND:
        pair = stored(BOUND[name])
        mine = sa.and_(work.good, pair.c.county == rows.c.was_county, pair.c[f"{name}_id"] == rows.c.id)
        work.conn.execute(sa.delete(pair).where(mine))
    work.conn.execute(sa.delete(table).where(old))
    moved = sa.select(rows.c.code).where(work.good, rows.c.was_county.is_not(None)).order_by(rows.c.code)
    codes = list(work.conn.scalars(moved))
    if codes:
        work.report.note(
            "county_corrected",
            f"{len(codes)} rows now belong to another county than before: {listed(codes)}.",
            f"{len(codes)} 行已改属其他区县：{listed(codes)}。",
        )
