"""The one answer to "where is the nearest": what has the item, is open and can be walked to, and what was passed over."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.crs import Position
from gridmap.errors import InvalidInput
from gridmap.hours import is_open
from gridmap.layers.supply_point import LAYER
from gridmap.layers.supply_point.queries import counted
from gridmap.proximity import MAX_NEAREST, SLACK
from gridmap.walking import GEODESIC, Walk, Walker, open_walker

Reason = Literal["empty", "closed", "cut_off", "outside"]
FIRST_REACH_M, REACHES = 1_500.0, 3  # the first circle that is looked in; each next one is four times as wide
MAX_SKIPPED = 20


@dataclass(frozen=True)
class Reached:
    """A supply point one can go to; `walk_s` is None by the straight line."""

    code: str
    name: str
    layer: str
    kind: str
    distance_m: float
    walk_s: int | None
    method: str
    lon: float
    lat: float


@dataclass(frozen=True)
class Skipped:
    """A nearer point that was passed over. Of one outside the reader's area only the distance is told, no code.

    The distance is by the answer's method, but geodesic for what is cut off: there is no walk to measure.
    """

    code: str | None
    distance_m: float
    reason: Reason
    method: str


@dataclass(frozen=True)
class Answer:
    """The points, nearest first, ties by code; those skipped; and what measures the way to them."""

    items: list[Reached]
    skipped: list[Skipped]
    walker: Walker


def nearest_supply(
    conn: sa.Connection,
    actor: Actor,
    origin: Position,
    *,
    k: int = 5,
    kind: str | None = None,
    item: str | None = None,
    at: datetime | None = None,
    method: str | None = None,
) -> Answer:
    """Return the k nearest supply points that serve, and the nearer ones that do not, each with the reason.

    Parameters
    ----------
    item : only points where some of it was counted last time
    at : only points open then, under the zones in force then; without it hours are not asked, and zones are today's
    method : walk (the default; an estimate without a street network) or geodesic

    Raises
    ------
    InvalidInput for `k` out of range or an unknown kind or item; NotAllowed without the view verb.
    """
    actor.require(LAYER.view)
    _check(k, kind)
    walker = open_walker(conn, at=at, method=method)
    for reach_m in (*(FIRST_REACH_M * 4**step for step in range(REACHES)), np.inf):
        judged = list(_judged(conn, actor, walker, origin, reach_m, kind=kind, item=item, at=at))
        items = sorted((one for one in judged if isinstance(one, Reached)), key=lambda one: (one.distance_m, one.code))
        if len(items) >= k and items[k - 1].distance_m <= reach_m:
            break
    items = items[:k]
    farthest_m = items[-1].distance_m if len(items) == k else np.inf
    skipped = [one for one in judged if isinstance(one, Skipped) and one.distance_m < farthest_m]
    skipped += _outside(conn, actor, walker, origin, farthest_m, kind)
    return Answer(items, sorted(skipped, key=lambda one: (one.distance_m, one.code or ""))[:MAX_SKIPPED], walker)


def _check(k: int, kind: str | None) -> None:
    if not 1 <= k <= MAX_NEAREST:
        raise InvalidInput(f"k must lie between 1 and {MAX_NEAREST}.", where="k")
    kinds = next(field.choices for field in LAYER.fields if field.column == "kind")
    if kind is not None and kind not in kinds:
        raise InvalidInput(f"kind must be one of: {', '.join(kinds)}.", where="kind")


def _judged(
    conn: sa.Connection,
    actor: Actor,
    walker: Walker,
    origin: Position,
    reach_m: float,
    *,
    kind: str | None,
    item: str | None,
    at: datetime | None,
) -> Iterator[Reached | Skipped]:
    """Yield what becomes of each point within a straight line; those farther on foot than `reach_m` are left out."""
    rows = _around(conn, actor, origin, reach_m, kind)
    places = [(row.lon, row.lat) for row in rows]
    stock = None if item is None else counted(conn, actor, item, [row.code for row in rows])
    walks, cut = walker.to_many(origin, places, limit_m=reach_m), walker.cut_off(origin, places)
    for row, walk, is_cut in zip(rows, walks, cut, strict=True):
        reason = _reason(row, is_cut=is_cut, stock=stock, at=at)
        if is_cut:
            yield Skipped(row.code, row.straight_m, reason or "cut_off", GEODESIC)
        elif walk.distance_m is not None:
            yield _reached(row, walk) if reason is None else Skipped(row.code, walk.distance_m, reason, walk.method)


def _around(conn: sa.Connection, actor: Actor, origin: Position, reach_m: float, kind: str | None) -> list[sa.Row]:
    s = LAYER.table.c
    point = sa.func.ST_GeogFromText(origin.ewkt)
    away_m = sa.func.ST_Distance(s.geog, point).label("straight_m")
    query = sa.select(
        s.code,
        s.name,
        s.kind,
        s.open_hours,
        away_m,
        sa.func.ST_X(s.geom).label("lon"),
        sa.func.ST_Y(s.geom).label("lat"),
    ).where(LAYER.current(), within_scope(LAYER.table, actor))
    if np.isfinite(reach_m):
        around = sa.select(sa.func._ST_Expand(point, reach_m * SLACK)).scalar_subquery()
        query = query.where(s.geog.op("&&")(around), away_m <= reach_m)
    if kind is not None:
        query = query.where(s.kind == kind)
    return list(conn.execute(query.order_by(away_m, s.code)))


def _reason(row: Any, *, is_cut: bool, stock: dict[str, int] | None, at: datetime | None) -> Reason | None:
    """Return why a point does not serve: what no walk changes first."""
    if stock is not None and not stock.get(row.code):
        return "empty"
    if at is not None and is_open(row.open_hours, at) is False:
        return "closed"
    return "cut_off" if is_cut else None


def _reached(row: Any, walk: Walk) -> Reached:
    metres = walk.distance_m
    assert metres is not None  # noqa: S101 - only what is reached comes here
    return Reached(row.code, row.name, LAYER.name, row.kind, metres, walk.walk_s, walk.method, row.lon, row.lat)


def _outside(
    conn: sa.Connection, actor: Actor, walker: Walker, origin: Position, farthest_m: float, kind: str | None
) -> list[Skipped]:
    """Return the nearer points that the reader's area does not hold; none where it reaches no nearer than everything."""
    if actor.sees_everything(LAYER.view):
        return []
    reach_m = min(farthest_m, FIRST_REACH_M * 4**REACHES)
    beyond = sa.func.supply_points_beyond(origin.lon, origin.lat, reach_m, kind).table_valued("code", "lon", "lat")
    s = LAYER.table
    rows = conn.execute(
        sa.select(beyond.c.lon, beyond.c.lat).where(
            beyond.c.code.not_in(sa.select(s.c.code).where(LAYER.current(), within_scope(s, actor)))
        )
    ).all()
    walks = walker.to_many(origin, [(row.lon, row.lat) for row in rows], limit_m=reach_m)
    return [
        Skipped(None, walk.distance_m, "outside", walk.method)
        for walk in walks
        if walk.distance_m is not None and walk.distance_m < farthest_m
    ]
