"""The current base map and its vector tiles."""

import functools
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa

from gridmap.basemap.tables import BANDS, LAYERS, basemap, feature
from gridmap.crs import TILE_SRID

EXTENT, BUFFER = 4096, 64
MAX_BYTES = 300_000  # no tile is larger, whatever a file holds
BUDGET = 280_000  # of what features may take by the cost below, the rest being keys and frames
VERTEX_BYTES, PART_BYTES, FEATURE_BYTES = 5, 12, 40  # upper bounds of what each takes in an encoded tile
_HALF_WORLD_M = 20037508.342789244
_FORM = 1  # of the tiles; counts up when they are made in another way, so that nobody keeps former ones
_NAMED_FROM = 14  # the zoom from which streets say their names


@dataclass(frozen=True)
class Current:
    """The base map that is drawn, and what it says of itself."""

    id: UUID
    name: str
    source: str
    attribution: str
    dated_on: date | None
    review_number: str | None

    @property
    def credit(self) -> str:
        """Return whose data it is, and of which day."""
        return f"{self.attribution} · {self.dated_on:%Y-%m-%d}" if self.dated_on else self.attribution


def current(conn: sa.Connection) -> Current | None:
    """Return the current base map, None if there is none."""
    b = basemap.c
    row = conn.execute(
        sa.select(b.id, b.name, b.source, b.attribution, b.dated_on, b.review_number).where(b.valid_to.is_(None))
    ).one_or_none()
    return Current(*row) if row else None


def revision(shown: Current | None) -> str:
    """Return a word that changes with the base map; it is the same for everyone."""
    return f"basemap-{_FORM}-{shown.id if shown else 'none'}"


def tile(conn: sa.Connection, shown: Current, z: int, x: int, y: int) -> bytes:
    """Return one Mapbox Vector Tile of the base map with the layers water, green, railway, street and label.

    Parameters
    ----------
    z, x, y : a Web Mercator tile address inside the pyramid (`gridmap.tiles.check_address`)

    Returns
    -------
    Encoded tile, EPSG:3857, extent 4096, at most MAX_BYTES: where there is too much, what ranks last is left out.
    Properties: kind, name, name_en.
    """
    kept = _kept(shown.id, z, x, y)
    parts = [_encoded(kept, layer) for layer in LAYERS]
    joined = functools.reduce(lambda left, right: left.op("||")(right), parts)
    return bytes(conn.execute(sa.select(joined)).scalar_one())


def _kept(key: UUID, z: int, x: int, y: int) -> sa.CTE:
    f = feature.c
    band = next(number for number, last in enumerate(BANDS) if z <= last)
    # written into the statement, not bound: the index of each band is a partial one
    inlined = sa.bindparam("band", band, sa.SmallInteger, literal_execute=True)
    bounds = sa.func.ST_TileEnvelope(z, x, y)
    world = sa.func.ST_MakeEnvelope(-_HALF_WORLD_M, -_HALF_WORLD_M, _HALF_WORLD_M, _HALF_WORLD_M, TILE_SRID)
    reach = sa.func.ST_TileEnvelope(z, x, y, world, BUFFER / EXTENT)
    names = [
        sa.case((sa.or_(f.layer != "street", sa.literal(z >= _NAMED_FROM)), column)).label(column.name)
        for column in (f.name, f.name_en)
    ]
    drawn = (
        sa.select(
            f.layer, f.kind, *names, f.rank, f.number,
            sa.func.ST_AsMVTGeom(f.tile_geom, bounds, EXTENT, BUFFER, True).label("geom"),
        )
        .where(f.basemap_id == key, f.band == inlined, f.min_zoom <= z, f.tile_geom.op("&&")(reach))
        .cte("drawn")
        .prefix_with("MATERIALIZED")
    )  # fmt: skip
    d = drawn.c
    cost = (
        sa.func.ST_NPoints(d.geom) * VERTEX_BYTES
        + (sa.func.ST_NumGeometries(d.geom) + sa.func.coalesce(sa.func.ST_NRings(d.geom), 0)) * PART_BYTES
        + sa.func.coalesce(sa.func.octet_length(d.name), 0)
        + sa.func.coalesce(sa.func.octet_length(d.name_en), 0)
        + FEATURE_BYTES
    )
    total = sa.func.sum(cost).over(order_by=(d.rank, d.number)).label("total")
    return (
        sa.select(d.layer, d.kind, d.name, d.name_en, d.rank, d.number, d.geom, total)
        .where(d.geom.is_not(None))
        .cte("kept")
        .prefix_with("MATERIALIZED")
    )


def _encoded(kept: sa.CTE, layer: str) -> sa.ColumnElement:
    k = kept.c
    row = (
        sa.select(k.geom, k.kind, k.name, k.name_en)
        .where(k.layer == layer, k.total <= BUDGET)
        .order_by(k.rank, k.number)
        .subquery(f"{layer}_rows")
    )
    encoded = sa.func.ST_AsMVT(sa.literal_column(row.name), layer, EXTENT, "geom")
    return sa.select(sa.func.coalesce(encoded, sa.literal(b"", sa.LargeBinary))).select_from(row).scalar_subquery()
