"""Which supply points a zone holds, and which it cuts off from the people who usually use them.

The usual point of a household is the one nearest to its building in a straight line, ties by code, as everywhere; the
walking way takes over when the road graph comes.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.hierarchy import building, household
from gridmap.layers.closure_zone.scope import Scope
from gridmap.layers.supply_point import table as supply_point

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RING = 0.02  # degrees around the zone in which buildings outside are asked whose usual point lies inside, about 2 km
REACH = 0.2  # degrees around the zone in which points are looked for
TRIED = 4  # points nearest on the plane that are measured on the ellipsoid
CHUNK = 4_000


@dataclass(frozen=True)
class Point:
    """A supply point near the zone."""

    code: str
    name: str
    kind: str
    lon: float
    lat: float
    is_inside: bool


def inside_and_cut_off(conn: sa.Connection, actor: Actor, scope: Scope, overlapping: Sequence[UUID]) -> dict[str, Any]:
    """Return the points inside, and those with usual households on the other side of the border.

    Each of `cut_off` says whether the point `is_inside` and how many households on the other side it is the usual one
    of; None for somebody who may not count them exactly. None instead of lists where points may not be seen.
    """
    if not actor.may("supply_point.view"):
        return {"inside": None, "cut_off": None, "method": "geodesic"}
    points = _points(conn, actor, scope)
    shown = [_told(point) for point in points if point.is_inside]
    parted = _parted(conn, actor, scope, points, set(overlapping)) if actor.may("building.view") and points else {}
    counted = actor.may("household.count") and actor.may("household.exact")
    cut = [
        _told(point) | {"is_inside": point.is_inside, "households": parted[point.code] if counted else None}
        for point in points
        if parted.get(point.code)
    ]
    return {"inside": shown, "cut_off": cut, "method": "geodesic"}


def _told(point: Point) -> dict[str, Any]:
    return {"code": point.code, "name": point.name, "kind": point.kind}


def _points(conn: sa.Connection, actor: Actor, scope: Scope) -> list[Point]:
    s = supply_point.c
    around = sa.select(sa.func.ST_Expand(scope.shape, REACH)).scalar_subquery()
    rows = conn.execute(
        sa.select(s.code, s.name, s.kind, sa.func.ST_X(s.geom), sa.func.ST_Y(s.geom), scope.covers(s.geom))
        .where(s.valid_to.is_(None), within_scope(supply_point, actor), s.geom.op("&&")(around))
        .order_by(s.code)
    )
    return [Point(*row) for row in rows]


def _parted(
    conn: sa.Connection, actor: Actor, scope: Scope, points: list[Point], overlapping: set[UUID]
) -> Counter[str]:
    """Return by point how many households (buildings, without a right to count) on the other side usually use it."""
    b = building.c
    around = sa.select(sa.func.ST_Expand(scope.shape, RING)).scalar_subquery()
    rows = conn.execute(
        sa.select(b.id, sa.func.ST_X(b.position), sa.func.ST_Y(b.position)).where(
            b.valid_to.is_(None), within_scope(building, actor), b.geom.op("&&")(around)
        )
    ).all()
    usual = dict(zip((row[0] for row in rows), _nearest([(row[1], row[2]) for row in rows], points), strict=True))
    inside, outside = _homes(conn, actor, scope, usual, overlapping, points)
    parted: Counter[str] = Counter()
    for house, number in usual.items():
        point = points[number]
        parted[point.code] += outside.get(house, 0) if point.is_inside else inside.get(house, 0)
    return parted


def _homes(
    conn: sa.Connection, actor: Actor, scope: Scope, usual: dict[UUID, int], overlapping: set[UUID], points: list[Point]
) -> tuple[dict[UUID, int], dict[UUID, int]]:
    """Return by building the households inside and outside; only of the buildings whose usual point makes them matter."""
    if not actor.may("household.count"):
        return (
            {house: int(house in overlapping) for house in usual},
            {house: int(house not in overlapping) for house in usual},
        )
    h = household.c
    here = sa.and_(h.valid_to.is_(None), within_scope(household, actor, "household.view", "household.count"))
    of_outer = [house for house, number in usual.items() if not points[number].is_inside]
    of_inner = [house for house, number in usual.items() if points[number].is_inside]

    def count(houses: list[UUID], condition: sa.ColumnElement[bool]) -> dict[UUID, int]:
        rows = conn.execute(sa.select(h.building_id, sa.func.count()).where(here, condition).group_by(h.building_id))
        wanted = set(houses)
        return {row[0]: row[1] for row in rows if row[0] in wanted}

    inside = count(of_outer, scope.holds(household))
    outside = count(of_inner, sa.and_(h.building_id.in_(of_inner), ~scope.holds(household))) if of_inner else {}
    return inside, outside


def _nearest(places: list[tuple[float, float]], points: list[Point]) -> list[int]:
    """Return for each place the index of the nearest point, geodesic on CGCS2000, ties by code (the order of points)."""
    import numpy as np

    if not places:
        return []
    at, marks = np.array(places), np.array([(point.lon, point.lat) for point in points])
    return [int(i) for start in range(0, len(at), CHUNK) for i in _nearest_of(at[start : start + CHUNK], marks)]


def _nearest_of(at: "NDArray[np.float64]", marks: "NDArray[np.float64]") -> "NDArray[np.intp]":
    """Choose a few on the plane, then measure those on the ellipsoid."""
    import numpy as np
    import pyproj

    east = np.cos(np.radians(at[:, 1].mean()))
    square = ((at[:, None, 0] - marks[None, :, 0]) * east) ** 2 + (at[:, None, 1] - marks[None, :, 1]) ** 2
    few = min(TRIED, len(marks))
    first = np.sort(np.argpartition(square, few - 1, axis=1)[:, :few], axis=1)
    chosen = marks[first]
    lon, lat = (np.repeat(at[:, axis], few) for axis in (0, 1))
    ellipsoid = pyproj.Geod(a=6378137.0, rf=298.257222101)
    distance_m = ellipsoid.inv(lon, lat, chosen[..., 0].ravel(), chosen[..., 1].ravel())[2].reshape(len(at), few)
    return first[np.arange(len(at)), np.argmin(np.round(distance_m, 6), axis=1)]
