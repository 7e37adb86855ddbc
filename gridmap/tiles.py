"""Vector tiles: every layer through the same query, made in the database (ST_AsMVT)."""

import functools
import hashlib
from collections.abc import Sequence

import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.crs import TILE_SRID
from gridmap.errors import NotFound
from gridmap.layer import Layer
from gridmap.tables import change_log

MAX_ZOOM = 22
EXTENT = 4096
BUFFER = 128  # a label or a 28 px marker at a tile's edge is drawn by both neighbours
_HALF_WORLD_M = 20037508.342789244  # half the width of the Web Mercator square, metres at the equator
_WORLD = (-_HALF_WORLD_M, -_HALF_WORLD_M, _HALF_WORLD_M, _HALF_WORLD_M, TILE_SRID)
CLUSTERS_ACROSS = 10  # a tile, drawn 512 px wide, is counted in cells of about 51 px, one marker each


def check_address(z: int, x: int, y: int) -> None:
    """Raise NotFound unless z, x, y name a tile of the Web Mercator pyramid."""
    if not (0 <= z <= MAX_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
        raise NotFound(f"There is no tile {z}/{x}/{y}: z runs from 0 to {MAX_ZOOM}, x and y from 0 to 2^z - 1.")


def tile(conn: sa.Connection, actor: Actor, layers: Sequence[Layer], z: int, x: int, y: int) -> bytes:
    """Return one Mapbox Vector Tile with a layer for each of some layers that has something to show there.

    Parameters
    ----------
    z, x, y : Web Mercator tile address, z from 0 to 22

    Returns
    -------
    Encoded tile, EPSG:3857, extent 4096; empty bytes where there is nothing. Below a layer's `min_zoom` points come as
    counted clusters (`point_count`) from its `cluster_zoom` on, other features not at all.

    Raises
    ------
    NotFound for an address outside the pyramid; NotAllowed without a layer's view verb.
    """
    check_address(z, x, y)
    parts = [part for layer in layers if (part := _encoded(layer, actor, z, x, y)) is not None]
    if not parts:
        return b""
    joined = functools.reduce(lambda left, right: left.op("||")(right), parts)
    encoded: bytes = conn.execute(sa.select(joined)).scalar_one()
    return bytes(encoded)


def revision(conn: sa.Connection, actor: Actor, layers: Sequence[Layer]) -> str:
    """Return a word that changes whenever a change to these layers or the actor's scope could alter what is drawn."""
    shown = [(layer.name, layer.tile_columns, layer.min_zoom, layer.cluster_zoom) for layer in layers]
    names = sorted({name for layer in layers for name in (layer.name, *layer.draws_from)})
    count, latest = conn.execute(
        sa.select(sa.func.count(), sa.func.max(change_log.c.id)).where(change_log.c.layer.in_(names))
    ).one()
    scope = [actor.places_for(layer.view) for layer in layers]
    seen = f"{shown}|{count}|{latest}|{scope}"
    return hashlib.sha256(seen.encode()).hexdigest()[:20]


def _encoded(layer: Layer, actor: Actor, z: int, x: int, y: int) -> sa.ColumnElement | None:
    actor.require(layer.view)
    if not layer.is_drawn:
        raise NotFound(f"The rows of {layer.name} are not drawn.")
    if z >= layer.min_zoom:
        rows = _features(layer, actor, z, x, y)
    elif layer.cluster_zoom is not None and z >= layer.cluster_zoom:
        rows = _clusters(layer, actor, z, x, y)
    else:
        return None
    fenced = rows.cte(f"{layer.name}_rows").prefix_with("MATERIALIZED")
    row: sa.ColumnElement = sa.literal_column(fenced.name)
    encoded = sa.func.coalesce(sa.func.ST_AsMVT(row, layer.name, EXTENT, "geom"), sa.literal(b"", sa.LargeBinary))
    return sa.select(encoded).select_from(fenced).scalar_subquery()


def _features(layer: Layer, actor: Actor, z: int, x: int, y: int) -> sa.Select:
    source = layer.source
    bounds = sa.func.ST_TileEnvelope(z, x, y)
    geom = sa.func.ST_AsMVTGeom(source.c.tile_geom, bounds, EXTENT, BUFFER, True).label("geom")
    reach = _wider(z, x, y, BUFFER / EXTENT)
    return (
        sa.select(geom, *(source.c[name] for name in layer.tile_columns))
        .where(source.c.tile_geom.op("&&")(reach))
        .where(source.c.valid_to.is_(None), within_scope(source, actor))
    )


def _clusters(layer: Layer, actor: Actor, z: int, x: int, y: int) -> sa.Select:
    """Count points in square cells of the tile and of the ring around it; a cluster stands at the mean of its points."""
    source = layer.source
    bounds = sa.func.ST_TileEnvelope(z, x, y)
    reach = _wider(z, x, y, 1 / CLUSTERS_ACROSS)
    cell_m = 2 * _HALF_WORLD_M / 2**z / CLUSTERS_ACROSS
    px, py = sa.func.ST_X(source.c.tile_geom), sa.func.ST_Y(source.c.tile_geom)
    column = sa.func.floor((px + _HALF_WORLD_M) / cell_m)
    line = sa.func.floor((py + _HALF_WORLD_M) / cell_m)
    middle = sa.func.ST_SetSRID(sa.func.ST_Point(sa.func.avg(px), sa.func.avg(py)), TILE_SRID)
    return (
        sa.select(
            sa.func.ST_AsMVTGeom(middle, bounds, EXTENT, EXTENT // CLUSTERS_ACROSS, True).label("geom"),
            sa.func.count().label("point_count"),
        )
        .where(source.c.tile_geom.op("&&")(reach))
        .where(source.c.valid_to.is_(None), within_scope(source, actor))
        .group_by(column, line)
    )


def _wider(z: int, x: int, y: int, margin: float) -> sa.ColumnElement:
    """Return a tile's square with a margin on each side, as a share of its width."""
    return sa.func.ST_TileEnvelope(z, x, y, sa.func.ST_MakeEnvelope(*_WORLD), margin)
