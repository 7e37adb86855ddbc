"""What lies under and around a zone on its paper map, from the rows that the reader may see."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.basemap.drawing import current
from gridmap.basemap.tables import BANDS, feature
from gridmap.crs import STORAGE_SRID
from gridmap.hierarchy import building
from gridmap.layers.street import LAYER as STREET

if TYPE_CHECKING:
    from shapely import Geometry

MAX_BUILDINGS = 2_000  # more than that are dust on paper
MAX_LINES = 4_000
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Ground:
    """Geometry in EPSG:4490: buildings (code, name, shape), streets (kind, name, shape), green, water, and whose map it is."""

    buildings: tuple[tuple[str, str, "Geometry"], ...]
    streets: tuple[tuple[str, str, "Geometry"], ...]
    areas: tuple[tuple[str, "Geometry"], ...]
    credit: str
    review_number: str | None
    left_out: bool


def around(conn: sa.Connection, actor: Actor, box: Box) -> Ground:
    """Return what lies in a box (west, south, east, north, degrees); too many buildings or lines are left out, and it says so."""
    frame = sa.func.ST_MakeEnvelope(*box, STORAGE_SRID)
    buildings = _buildings(conn, actor, frame)
    streets = _streets(conn, actor, frame)
    shown = current(conn)
    areas, lines = _base(conn, shown.id, frame) if shown else ([], [])
    left_out = len(buildings) > MAX_BUILDINGS or max(len(streets), len(lines)) > MAX_LINES
    return Ground(
        tuple(buildings) if len(buildings) <= MAX_BUILDINGS else (),
        tuple((lines or streets) if len(lines or streets) <= MAX_LINES else ()),
        tuple(areas), shown.credit if shown else "", shown.review_number if shown else None, left_out,
    )  # fmt: skip


def _buildings(conn: sa.Connection, actor: Actor, frame: sa.ColumnElement) -> list[tuple[str, str, Any]]:
    if not actor.may("building.view"):
        return []
    b = building.c
    return _read(conn, sa.select(b.code, b.name, sa.func.ST_AsBinary(b.geom)).where(
        b.valid_to.is_(None), within_scope(building, actor), b.geom.op("&&")(frame)
    ).order_by(b.code).limit(MAX_BUILDINGS + 1))  # fmt: skip


def _streets(conn: sa.Connection, actor: Actor, frame: sa.ColumnElement) -> list[tuple[str, str, Any]]:
    if not actor.may(STREET.view):
        return []
    s = STREET.table.c
    return _read(conn, sa.select(s.kind, s.name, sa.func.ST_AsBinary(s.geom)).where(
        STREET.current(), s.geom.op("&&")(frame)
    ).order_by(s.code).limit(MAX_LINES + 1))  # fmt: skip


def _base(conn: sa.Connection, key: object, frame: sa.ColumnElement) -> tuple[list[Any], list[Any]]:
    """Return water and green, and streets of the base map in its finest band."""
    f = feature.c
    rows = _read(conn, sa.select(f.layer, f.kind, f.name, sa.func.ST_AsBinary(sa.func.ST_Transform(f.tile_geom, STORAGE_SRID))).where(
        f.basemap_id == key, f.band == len(BANDS) - 1, f.layer.in_(("water", "green", "street")),
        f.tile_geom.op("&&")(sa.func.ST_Transform(frame, sa.func.ST_SRID(f.tile_geom))),
    ).order_by(f.number).limit(2 * MAX_LINES))  # fmt: skip
    areas = [(layer, shape) for layer, _, _, shape in rows if layer != "street" and "Polygon" in shape.geom_type]
    return areas, [(kind, name or "", shape) for layer, kind, name, shape in rows if layer == "street"]


def _read(conn: sa.Connection, query: sa.Select) -> list[Any]:
    """Return rows whose last column, WKB, is read as a geometry."""
    import shapely

    rows = conn.execute(query).all()
    shapes = shapely.from_wkb([bytes(row[-1]) for row in rows])
    return [(*row[:-1], shape) for row, shape in zip(rows, shapes, strict=True)]
