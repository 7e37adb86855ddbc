"""What a supply point has in stock."""

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from gridmap.access import Actor, within_scope
from gridmap.errors import InvalidInput
from gridmap.layers.supply_point import LAYER, item, stock_count, table


@dataclass(frozen=True)
class Stock:
    """What was last counted of one item at one point: a recorded figure, not a balance."""

    code: str
    item: str
    name: str
    name_en: str
    unit: str
    unit_en: str
    quantity: int
    counted_on: date


def stock(conn: sa.Connection, actor: Actor, codes: list[str]) -> dict[str, list[Stock]]:
    """Return the latest count of each item at each of some supply points, by point, items in the order of their code.

    A point nothing was ever counted at has an empty list.
    """
    actor.require(LAYER.view)
    latest = (
        sa.select(table.c.code, stock_count.c.item_code, stock_count.c.quantity, stock_count.c.counted_on)
        .join(table, sa.and_(table.c.county == stock_count.c.county, table.c.id == stock_count.c.supply_point_id))
        .where(table.c.code.in_(codes), LAYER.current(), within_scope(table, actor))
        .ext(distinct_on(table.c.code, stock_count.c.item_code))
        .order_by(table.c.code, stock_count.c.item_code, stock_count.c.counted_on.desc())
        .subquery("latest")
    )
    rows = conn.execute(
        sa.select(
            latest.c.code, latest.c.item_code, item.c.name, item.c.name_en, item.c.unit, item.c.unit_en,
            latest.c.quantity, latest.c.counted_on,
        )
        .join(item, item.c.code == latest.c.item_code)
        .order_by(latest.c.code, latest.c.item_code)
    )  # fmt: skip
    found: dict[str, list[Stock]] = {code: [] for code in codes}
    for row in rows:
        found[row.code].append(Stock(*row))
    return found


def counted(conn: sa.Connection, actor: Actor, item_code: str, codes: list[str]) -> dict[str, int]:
    """Return how much of one item was last counted at each of some supply points; points without a count are left out.

    Raises
    ------
    InvalidInput for an item the list does not have.
    """
    actor.require(LAYER.view)
    if not conn.scalar(sa.select(sa.exists().where(item.c.code == item_code))):
        raise InvalidInput(f"There is no item {item_code[:40]!r}.", where="item")
    rows = conn.execute(
        sa.select(table.c.code, stock_count.c.quantity)
        .join(table, sa.and_(table.c.county == stock_count.c.county, table.c.id == stock_count.c.supply_point_id))
        .where(table.c.code.in_(codes), stock_count.c.item_code == item_code)
        .where(LAYER.current(), within_scope(table, actor))
        .ext(distinct_on(table.c.code))
        .order_by(table.c.code, stock_count.c.counted_on.desc())
    )
    return {row.code: row.quantity for row in rows}
