"""The features of any layer as GeoJSON made in the database, their counts in a box, and search by code or name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa
from geoalchemy2 import Geometry

from gridmap.access import Actor, within_scope
from gridmap.crs import MAX_LATITUDE, STORAGE_SRID, Position, decimal
from gridmap.errors import InvalidInput, NotFound
from gridmap.layer import Layer

MAX_LIMIT = 1000
MAX_COUNT = 5000  # counts in view stop here: beyond it a person reads "5000+"
GEOJSON_DIGITS = 9  # 0.1 mm; ST_AsGeoJSON's option 0 keeps the `crs` member out (RFC 7946)

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Page:
    """A page of features as GeoJSON texts, and the cursor of the next page or None."""

    features: list[str]
    cursor: str | None


def parse_bbox(text: str) -> Box:
    """Return west, south, east, north from `w,s,e,n` in degrees, EPSG:4490; InvalidInput says what is wrong."""
    try:
        west, south, east, north = (decimal(part.strip(" ")) for part in text.split(","))
    except ValueError:
        raise InvalidInput("bbox is west,south,east,north: four numbers in degrees.", where="bbox") from None
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise InvalidInput("bbox must have west <= east within 180 and south <= north within 90 degrees.", where="bbox")
    return west, south, east, north


def page(
    conn: sa.Connection,
    actor: Actor,
    layer: Layer,
    *,
    bbox: Box | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> Page:
    """Return the next features of a layer in the order of their code.

    Parameters
    ----------
    bbox : only features that touch this box, degrees, EPSG:4490
    limit : 1 to 1000
    cursor : the code after which the page begins
    """
    actor.require(layer.view)
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"limit must lie between 1 and {MAX_LIMIT}.", where="limit")
    table = layer.table
    query = sa.select(table.c.code, _feature(layer)).where(layer.current(), within_scope(table, actor))
    if bbox is not None and not layer.is_drawn:
        raise InvalidInput(f"The rows of {layer.name} have no position.", where="bbox")
    if bbox is not None:
        envelope = sa.func.ST_MakeEnvelope(*bbox, STORAGE_SRID)
        query = query.where(table.c.geom.op("&&")(envelope), sa.func.ST_Intersects(table.c.geom, envelope))
    if cursor is not None:
        query = query.where(table.c.code > cursor)
    rows = conn.execute(query.order_by(table.c.code).limit(limit + 1)).all()
    return Page([row[1] for row in rows[:limit]], rows[limit - 1].code if len(rows) > limit else None)


def detail(conn: sa.Connection, actor: Actor, layer: Layer, code: str) -> str:
    """Return one feature as GeoJSON text, or raise NotFound."""
    actor.require(layer.view)
    table = layer.table
    found: str | None = conn.scalar(
        sa.select(_feature(layer, "version")).where(table.c.code == code, layer.current(), within_scope(table, actor))
    )
    if found is None:
        raise NotFound(f"There is no {layer.name} with the code {code[:40]!r}.", where="code")
    return found


def row(conn: sa.Connection, actor: Actor, layer: Layer, code: str) -> sa.RowMapping:
    """Return the whole stored row of one feature, for what is made of it; NotFound outside the actor's scope."""
    actor.require(layer.view)
    table = layer.table
    found = conn.execute(
        sa.select(table).where(table.c.code == code, layer.current(), within_scope(table, actor))
    ).mappings().first()  # fmt: skip
    if found is None:
        raise NotFound(f"There is no {layer.name} with the code {code[:40]!r}.", where="code")
    return found


def properties(conn: sa.Connection, actor: Actor, layer: Layer, code: str) -> dict[str, object]:
    """Return the properties of one feature, without its geometry."""
    return dict(orjson.loads(detail(conn, actor, layer, code))["properties"])


def spot(conn: sa.Connection, actor: Actor, layer: Layer, code: str) -> Position | None:
    """Return a point on a feature, or None for one without geometry or outside the actor's scope."""
    table = layer.table
    if not layer.is_drawn:
        return None
    on_it = sa.func.ST_PointOnSurface(table.c.geom)
    row = conn.execute(
        sa.select(sa.func.ST_X(on_it), sa.func.ST_Y(on_it)).where(
            table.c.code == code, table.c.geom.is_not(None), layer.current(), within_scope(table, actor)
        )
    ).first()
    return None if row is None else Position(*row)


def collection(features: Iterable[str], links: list[dict[str, str]]) -> bytes:
    """Return a FeatureCollection around features that are already GeoJSON text."""
    return b'{"type":"FeatureCollection","features":[%s],"links":%s}' % (
        ",".join(features).encode(),
        orjson.dumps(links),
    )


def counts(conn: sa.Connection, actor: Actor, layers: Sequence[Layer], bbox: Box) -> dict[str, dict[str, object]]:
    """Return how many features of each layer touch a box, counted up to 5,000; of zones those in force."""
    selects = []
    for layer in layers:
        actor.require(layer.view)
        table = layer.table
        envelope = sa.func.ST_MakeEnvelope(*_clipped(bbox), STORAGE_SRID)
        some = (
            sa.select(sa.literal(1))
            .where(table.c.geom.op("&&")(envelope), layer.current(), within_scope(table, actor))
            .where(layer.computed.get("in_force", sa.true()))
            .limit(MAX_COUNT + 1)
            .subquery()
        )
        selects.append(sa.select(sa.literal(layer.name).label("layer"), sa.func.count().label("n")).select_from(some))
    if not selects:
        return {}
    rows = conn.execute(sa.union_all(*selects))
    return {row.layer: {"count": min(row.n, MAX_COUNT), "more": row.n > MAX_COUNT} for row in rows}


def _feature(layer: Layer, *beside: str) -> sa.ColumnElement[str]:
    """Build one GeoJSON feature in the database: geometry in EPSG:4490, no `crs` member, no personal column.

    `beside` are columns that become members of the feature itself.
    """
    table = layer.table
    named: list[sa.ColumnElement] = []
    named += [part for name in layer.public_columns for part in (sa.literal(name), table.c[name])]
    named += [part for name, value in layer.computed.items() for part in (sa.literal(name), value)]
    geometry = sa.func.ST_AsGeoJSON(_geom(layer), GEOJSON_DIGITS, 0)
    return sa.cast(
        sa.func.json_build_object(
            "type", "Feature", "id", table.c.code,
            *(part for name in beside for part in (sa.literal(name), table.c[name])),
            "geometry", sa.cast(geometry, sa.JSON), "properties", sa.func.json_build_object(*named),
        ),
        sa.Text,
    )  # fmt: skip


def _geom(layer: Layer) -> sa.ColumnElement[Any]:
    """Return a layer's geometry, NULL for one that is not drawn."""
    return layer.table.c.geom if layer.is_drawn else sa.cast(sa.null(), Geometry())


def _clipped(bbox: Box) -> Box:
    west, south, east, north = bbox
    return west, max(south, -MAX_LATITUDE), east, min(north, MAX_LATITUDE)
