"""What the people in a zone need a day by norm, and for how many days what was counted in reach lasts."""

from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from gridmap.access import Actor, within_scope
from gridmap.layers.closure_zone.scope import Scope
from gridmap.layers.supply_point import item, norm, stock_count
from gridmap.layers.supply_point import table as supply_point

REACH_M = 1000  # around the zone: the 15-minute circle of the residential planning norm
NOT_COUNTED = "no_stock_recorded"
NO_NEED = "need_unknown"
NO_RIGHT = "not_yours_to_see"


def needs_per_day(conn: sa.Connection, households: int | None, people: int | None) -> list[dict[str, Any]]:
    """Return each norm in force today with what so many need of it a day; None where the count may not be known."""
    n = norm.c
    today = sa.func.current_date()
    rows = conn.execute(
        sa.select(norm)
        .where(n.valid_from <= today, sa.or_(n.valid_to.is_(None), n.valid_to > today))
        .ext(distinct_on(n.code))
        .order_by(n.code, n.valid_from.desc())
    ).mappings()
    return [_need(row, people if row["per"] == "person" else households) for row in rows]


def _need(row: Any, count: int | None) -> dict[str, Any]:
    quantity = None if count is None else _rounded(count * row["quantity"])
    return {
        **{name: row[name] for name in ("code", "name", "name_en", "unit", "unit_en", "per", "source")},
        "item": row["item_code"], "norm": float(row["quantity"]), "quantity": quantity,
        "unit_quantity": None if row["unit_quantity"] is None else float(row["unit_quantity"]),
    }  # fmt: skip


def days_of_cover(conn: sa.Connection, actor: Actor, scope: Scope, needs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return for each need that is an item how long the last counts within 1,000 m of the zone would last.

    `days` is None with a `reason` where nothing was counted, the need is not known, or stock is not the actor's to see:
    it is never guessed.
    """
    wanted = [need for need in needs if need["item"] is not None]
    counted = _counted(conn, actor, scope) if actor.may("supply_point.view") else None
    return [_cover(need, counted) for need in wanted]


def _cover(need: dict[str, Any], counted: dict[str, tuple[int, int, date]] | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "code": need["code"],
        "item": need["item"],
        "unit": need["unit"],
        "unit_en": need["unit_en"],
    }
    told |= {"per_day": need["quantity"], "stock": None, "points": 0, "counted_on": None, "days": None, "reason": None}
    if counted is None:
        return told | {"reason": NO_RIGHT}
    if need["item"] not in counted:
        return told | {"reason": NOT_COUNTED}
    pieces, points, oldest = counted[need["item"]]
    told |= {"stock": _rounded(Decimal(pieces) * Decimal(str(need["unit_quantity"]))), "points": points}
    told["counted_on"] = oldest.isoformat()
    if not need["quantity"]:
        return told | {"reason": NO_NEED}
    return told | {"days": round(told["stock"] / need["quantity"], 1)}


def _counted(conn: sa.Connection, actor: Actor, scope: Scope) -> dict[str, tuple[int, int, date]]:
    """Return by item the pieces last counted in reach, at how many points, and the oldest of those counts."""
    s, c = supply_point.c, stock_count.c
    ground = scope.ground
    around = sa.select(sa.func._ST_Expand(ground, REACH_M)).scalar_subquery()
    latest = (
        sa.select(s.id, c.item_code, c.quantity, c.counted_on)
        .join(supply_point, sa.and_(s.county == c.county, s.id == c.supply_point_id))
        .where(s.valid_to.is_(None), within_scope(supply_point, actor))
        .where(s.geog.op("&&")(around), sa.func.ST_Distance(s.geog, ground) <= REACH_M)
        .ext(distinct_on(s.id, c.item_code))
        .order_by(s.id, c.item_code, c.counted_on.desc())
        .subquery("latest")
    )
    rows = conn.execute(
        sa.select(item.c.code, sa.func.sum(latest.c.quantity), sa.func.count(), sa.func.min(latest.c.counted_on))
        .join(item, item.c.code == latest.c.item_code)
        .group_by(item.c.code)
    )
    return {row[0]: (int(row[1]), row[2], row[3]) for row in rows}


def _rounded(value: Decimal) -> float:
    return round(float(value), 1)
