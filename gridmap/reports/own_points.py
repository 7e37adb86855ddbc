"""The supply points somebody keeps, with what was last counted there and how old that count is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.accounts import grants
from gridmap.accounts.grants import Held
from gridmap.layers.supply_point import LAYER
from gridmap.layers.supply_point.queries import Stock, stock
from gridmap.roles import ROLES

STALE = timedelta(days=30)
MAX_POINTS = 200  # a page of stock beyond this is nobody's own


@dataclass(frozen=True)
class Point:
    """A supply point and its stock; `is_stale` if a count is older than 30 days, or nothing was counted at all."""

    code: str
    name: str
    kind: str
    address: str | None
    open_hours: str | None
    lon: float
    lat: float
    stock: tuple[Stock, ...]
    is_stale: bool


def own_points(conn: sa.Connection, actor: Actor, held: Iterable[Held], today: date) -> list[Point]:
    """Return the points that somebody keeps, by code; for who keeps none, those that may be seen."""
    actor.require(LAYER.view)
    keeping = [one for one in held if one.role in ROLES and ROLES[one.role].landing == "points"]
    keeper = Actor(actor.name, grants.rights_of(keeping)) if keeping else actor
    s = LAYER.table.c
    rows = conn.execute(
        sa.select(
            s.code, s.name, s.kind, s.address, s.open_hours, sa.func.ST_X(s.geom), sa.func.ST_Y(s.geom)
        )
        .where(LAYER.current(), within_scope(LAYER.table, keeper), within_scope(LAYER.table, actor))
        .order_by(s.code)
        .limit(MAX_POINTS)
    ).all()  # fmt: skip
    counted = stock(conn, actor, [row.code for row in rows])
    return [Point(*row, tuple(counted[row.code]), _is_stale(counted[row.code], today)) for row in rows]


def is_old(counted_on: date, today: date) -> bool:
    """Return whether a count is more than 30 days old."""
    return today - counted_on > STALE


def _is_stale(counted: list[Stock], today: date) -> bool:
    return not counted or any(is_old(item.counted_on, today) for item in counted)


def today_of(now: datetime) -> date:
    """Return the date of a moment on the clock of Asia/Shanghai."""
    return now.astimezone(grants.CLOCK).date()
