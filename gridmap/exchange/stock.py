"""What was counted at supply points: several rows of one point are several items of it."""

import difflib
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from gridmap.exchange.reasons import problem
from gridmap.exchange.work import Work, stored

TOMORROW = timedelta(days=1)  # a clock may be wrong, a zone may be east of ours
COUNTED = ("quantity", "counted_on")

counted = sa.Table(
    "counted", sa.MetaData(),
    sa.Column("row", sa.Integer, primary_key=True, autoincrement=False), sa.Column("first", sa.Integer),
    sa.Column("item", sa.Text), sa.Column("quantity", sa.BigInteger), sa.Column("counted_on", sa.Date),
    sa.Column("item_code", sa.Text),
    prefixes=["TEMPORARY"], postgresql_on_commit="DROP",
)  # fmt: skip


def is_told(work: Work) -> bool:
    """Return whether the file counts items, be it without saying which."""
    return work.layer.name == "supply_point" and any(map(work.plan.has, ("item", "quantity", "counted_on")))


def set_aside(work: Work) -> None:
    """Keep the items of every row before rows about one point become one; refuse what cannot be counted."""
    rows, item = work.rows, stored("item")
    amounts = [rows.c[name] if work.plan.has(name) else sa.null() for name in COUNTED]
    incomplete = sa.and_(rows.c.item.is_not(None), sa.or_(*(amount.is_(None) for amount in amounts)))
    work.refuse(incomplete, "item", "stock_incomplete", value=rows.c.item)
    for name in COUNTED:
        # a day set for the whole file is no count of a row without an item
        if any(column.field.column == name and column.index is not None for column in work.plan.columns):
            lost = sa.and_(rows.c.item.is_(None), rows.c[name].is_not(None))
            work.refuse(lost, name, "item_missing", value=sa.cast(rows.c[name], sa.Text))
    latest = (datetime.now(UTC) + TOMORROW).date()
    work.refuse(rows.c.counted_on > latest, "counted_on", "in_future", value=sa.cast(rows.c.counted_on, sa.Text))
    counted.create(work.conn)
    taken = sa.select(
        rows.c.row, rows.c.item, rows.c.quantity, rows.c.counted_on,
        sa.select(item.c.code)
        .where(sa.or_(item.c.code == rows.c.item, item.c.name == rows.c.item,
                      sa.func.lower(item.c.name_en) == sa.func.lower(rows.c.item)))
        .limit(1).correlate(rows).scalar_subquery(),
    ).where(work.good, rows.c.item.is_not(None))  # fmt: skip
    names = ["row", "item", "quantity", "counted_on", "item_code"]
    work.conn.execute(sa.insert(counted).from_select(names, taken))
    _refuse_unknown_items(work)


def assign(work: Work) -> None:
    """Note which row tells the point of every count, once rows about one point are known; refuse what is counted twice."""
    rows, other = work.rows, counted.alias("other")
    first = sa.func.coalesce(rows.c.first, rows.c.row)
    work.conn.execute(sa.update(counted).where(counted.c.row == rows.c.row, work.good).values(first=first))
    twin = sa.and_(
        counted.c.row == rows.c.row, other.c.first == counted.c.first, other.c.item_code == counted.c.item_code,
        other.c.counted_on == counted.c.counted_on, other.c.row < counted.c.row,
    )  # fmt: skip
    work.refuse(twin, "item", "repeated", value=counted.c.item, other=other.c.row)


def _refuse_unknown_items(work: Work) -> None:
    item = stored("item")
    unknown = work.conn.execute(sa.select(counted.c.row, counted.c.item).where(counted.c.item_code.is_(None))).all()
    if not unknown:
        return
    names = [name for pair in work.conn.execute(sa.select(item.c.name, item.c.name_en)) for name in pair]
    for row, name in unknown:
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.3)
        work.report.problems.append(problem(row, "item", name, "item_unknown", near="、".join(near) or "-"))
    work.refuse_rows(row for row, _ in unknown)


def write(work: Work) -> None:
    """Store what was counted: a later day beside an earlier one, a new number for the same day in its place."""
    rows, table = work.rows, stored("stock_count")
    own = rows.alias("own")
    refused = sa.exists().where(own.c.row == counted.c.row, own.c.refused)
    values = sa.select(
        rows.c.county, rows.c.id, counted.c.item_code, counted.c.counted_on, counted.c.quantity,
        sa.literal(work.actor.name),
    ).where(work.good, rows.c.row == counted.c.first, ~refused)  # fmt: skip
    names = ["county", "supply_point_id", "item_code", "counted_on", "quantity", "recorded_by"]
    change = insert(table).from_select(names, values)
    change = change.on_conflict_do_update(
        index_elements=names[:4],
        set_={"quantity": change.excluded.quantity, "recorded_by": change.excluded.recorded_by},
        where=table.c.quantity != change.excluded.quantity,
    )
    count = work.mark_changed(change.returning(table.c.county, table.c.supply_point_id))
    work.report.note("stock", f"Stock counts stored or corrected: {count}.", f"新增或更正的盘点记录：{count} 条。")
