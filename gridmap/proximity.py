"""Nearest and within, by geodesic distance, for any layer of points."""

from dataclasses import dataclass

import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.crs import Position
from gridmap.errors import InvalidInput
from gridmap.layer import Layer

MAX_NEAREST = 100
GEODESIC = "geodesic"  # straight line; `walk` and `estimate` come with the street network
SLACK = 1.01  # `<->` sorts on the sphere, 0.2 to 0.3 % off by direction


@dataclass(frozen=True)
class Nearby:
    """A thing near a position."""

    code: str
    name: str
    layer: str
    kind: str | None
    distance_m: float
    method: str
    lon: float
    lat: float


def nearest(
    conn: sa.Connection, actor: Actor, layer: Layer, origin: Position, *, k: int = 5, kind: str | None = None
) -> list[Nearby]:
    """Return the things of a layer nearest to a position, nearest first.

    Parameters
    ----------
    layer : a layer of points
    origin : degrees, EPSG:4490
    k : 1 to 100
    kind : only things of this kind, for layers that have kinds

    Returns
    -------
    At most `k` things inside the actor's scope; ties ordered by code.

    Raises
    ------
    InvalidInput if `k` is out of range or the layer has no points or no kinds; NotAllowed without the view verb.

    Notes
    -----
    Geodesic distance on the CGCS2000 ellipsoid (PostGIS geography). The index delivers candidates in the order of the
    sphere, so everything within 1.01 times the farthest of the first k is measured and sorted exactly (design.md D4).
    """
    actor.require(layer.view)
    if not 1 <= k <= MAX_NEAREST:
        raise InvalidInput(f"k must lie between 1 and {MAX_NEAREST}.", where="k")
    return [_nearby(layer, row) for row in conn.execute(nearest_query(actor, layer, origin, k=k, kind=kind))]


def nearest_query(actor: Actor, layer: Layer, origin: Position, *, k: int, kind: str | None = None) -> sa.Select:
    """Return the query behind `nearest`, so that a test can look at its plan."""
    table = layer.table
    wanted = sa.and_(layer.current(), within_scope(table, actor), *_of_kind(layer, kind))
    geog, point = table.c.geog, sa.func.ST_GeogFromText(origin.ewkt)
    first = sa.select(sa.func.ST_Distance(geog, point).label("distance_m")).where(wanted)
    first_k = first.order_by(geog.op("<->")(point)).limit(k).subquery("first_k")
    reach_m = sa.select(sa.func.max(first_k.c.distance_m) * SLACK + 0.001).scalar_subquery()
    around = sa.select(sa.func._ST_Expand(point, reach_m)).scalar_subquery()  # worked out first: it is not leak-proof
    distance_m = sa.func.ST_Distance(geog, point).label("distance_m")
    return (
        sa.select(
            table.c.code,
            table.c[layer.name_column].label("name"),
            (table.c.kind if "kind" in table.c else sa.null()).label("kind"),
            distance_m,
            sa.func.ST_X(table.c.geom).label("lon"),
            sa.func.ST_Y(table.c.geom).label("lat"),
        )
        .where(wanted, geog.op("&&")(around))
        .order_by(distance_m, table.c.code)
        .limit(k)
    )


def _of_kind(layer: Layer, kind: str | None) -> list[sa.ColumnElement[bool]]:
    if layer.geometry != "point" or "geog" not in layer.table.c:
        raise InvalidInput(f"Nearest is asked of layers of points; {layer.name} is not one.", where="layer")
    if kind is None:
        return []
    kinds = next((field.choices for field in layer.fields if field.column == "kind"), {})
    if kind not in kinds:
        raise InvalidInput(f"kind must be one of: {', '.join(kinds) or 'none for this layer'}.", where="kind")
    return [layer.table.c.kind == kind]


def _nearby(layer: Layer, row: sa.Row) -> Nearby:
    return Nearby(row.code, row.name, layer.name, row.kind, row.distance_m, GEODESIC, row.lon, row.lat)
