"""Looking at a file before anything is asked of it: format, encoding, system, columns, and whether it lies where it should."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from gridmap import crs as systems
from gridmap import hierarchy
from gridmap.access import Actor, within_scope
from gridmap.crs import System
from gridmap.errors import GridmapError
from gridmap.exchange import apart, columns, shapes
from gridmap.exchange.source import Batch, Source
from gridmap.layer import Layer

OFFSETS = ("EPSG:4490", "GCJ-02", "BD-09")
SAMPLE = 2_000  # positions that are held against the area
BETTER = 0.02  # how much larger a share must be to speak for another system
SHOWN = 500  # features on the map beside the columns
SHOWN_VERTICES = 60_000


@dataclass(frozen=True)
class Look:
    """What a file says of itself.

    Attributes
    ----------
    headings : in the order of the file; empty ones left out
    mapping : heading to the field it would fill by its name
    crs : the system the file states, or None
    has_positions : whether rows carry a place of their own, as geometry or as columns
    """

    format: str
    notes: list[tuple[str, str, str]]
    headings: list[str]
    mapping: dict[str, str]
    crs: str | None
    has_positions: bool
    has_shapes: bool


@dataclass(frozen=True)
class Share:
    """Which share of some positions lies in the area, if they were written in a system; None if there is no area."""

    system: str
    share: float | None


def look(path: Path, layer: Layer, *, encoding: str | None = None) -> Look:
    """Open a file and return what it says of itself; ImportRefused if it cannot be read.

    All rows are read once: a file that is broken further down is refused now and not an hour later.
    """
    with apart.opened(path, encoding=encoding, layer=layer.name) as source:
        try:
            plan = columns.plan(layer, source)
        except GridmapError:  # no column is known: the person says what they mean
            plan = columns.Plan((), None, None, None, (), ())
        for _ in source.batches():
            pass
        mapping = {c.heading: c.field.column for c in plan.columns if c.index is not None}
        named = zip(columns.POSITION, (plan.lon, plan.lat, plan.wkt), strict=True)
        mapping |= {source.columns[index]: field.column for field, index in named if index is not None}
        return Look(
            source.format, [(note.code, note.en, note.zh) for note in source.notes],
            [name for name in source.columns if name], mapping, source.crs.name if source.crs else None,
            source.has_shapes or plan.has_coordinates, source.has_shapes,
        )  # fmt: skip


def headings_digest(headings: Sequence[str]) -> str:
    """Return a key for a set of headings, whatever their order."""
    return hashlib.sha256("\n".join(sorted(map(columns.folded, headings))).encode()).hexdigest()[:32]


def positions(
    path: Path, layer: Layer, *, encoding: str | None, mapping: Mapping[str, str]
) -> tuple[System | None, list[tuple[float, float]]]:
    """Return the system a file states and up to SAMPLE positions in the file's own coordinates, spread over its rows."""
    import numpy as np
    import shapely

    with apart.opened(path, encoding=encoding, layer=layer.name) as source:
        plan = _plan(layer, source, mapping)
        found: list[tuple[float, float]] = []
        for batch in source.batches():
            read = shapes.of_batch(batch, plan)
            if read is None:
                break
            drawn = read.shapes
            known = drawn[~shapely.is_missing(drawn) & ~shapely.is_empty(drawn)]
            step = max(1, len(known) * 2 // SAMPLE)
            points = shapely.centroid(known[::step])
            pairs = np.column_stack([shapely.get_x(points), shapely.get_y(points)])
            found += [(x, y) for x, y in pairs[np.isfinite(pairs).all(axis=1)].tolist()]
        step = max(1, -(-len(found) // SAMPLE))
        return source.crs, found[::step]


def shares(
    conn: sa.Connection, actor: Actor, layer: Layer, stated: System | None, found: list[tuple[float, float]]
) -> list[Share]:
    """Return for each system that comes into question the share of positions inside the actor's communities.

    The first is the stated one. For positions that are no degrees only the stated system is tried.
    """
    import numpy as np

    if not found:
        return []
    xy = np.array(found)
    are_degrees = bool((np.abs(xy[:, 0]) <= 180).all() and (np.abs(xy[:, 1]) <= 90).all())
    tried = [stated] if stated else []
    if are_degrees:
        names = {system.name for system in tried} | ({"EPSG:4490"} if stated and stated.is_storage else set())
        tried += [systems.system(name) for name in OFFSETS if name not in names]
    area = sa.and_(hierarchy.community.c.valid_to.is_(None), hierarchy.community.c.geom.is_not(None))
    mine = sa.and_(area, within_scope(hierarchy.community, actor, layer.edit))
    has_area = conn.scalar(sa.select(sa.exists().where(mine)))
    return [Share(s.name, _share(conn, mine, s, xy) if has_area else None) for s in tried]


def proposal(found: Sequence[Share], stated: str | None) -> str | None:
    """Return the system to propose: the stated one, unless another puts clearly more positions into the area."""
    known = [share for share in found if share.share is not None]
    if not known:
        return stated
    best = max(known, key=lambda share: share.share or 0.0)
    own = next((share.share or 0.0 for share in known if share.system == stated), None)
    if own is not None and (best.share or 0.0) < own + BETTER:
        return stated
    return best.system if best.share else stated


def preview(path: Path, layer: Layer, *, encoding: str | None, mapping: Mapping[str, str], crs: str) -> dict[str, Any]:
    """Return the first features of a file as GeoJSON in CGCS2000, each with its row and how it is named.

    Raises
    ------
    InvalidInput for an unknown system; ImportRefused for a file that cannot be read.
    """
    import numpy as np
    import shapely

    system = systems.system(crs) if crs else None
    features: list[dict[str, Any]] = []
    vertices = 0
    with apart.opened(path, encoding=encoding, layer=layer.name) as source:
        used = system or source.crs
        plan = _plan(layer, source, mapping)
        label = next((c.index for c in plan.columns if c.field.column in (layer.name_column, "name", "code")), None)
        for row, name, shape in islice(_drawn(source, plan, label), SHOWN):
            vertices += int(shapely.get_num_coordinates(shape))
            if used is None or vertices > SHOWN_VERTICES:
                break
            xy = shapely.get_coordinates(shape)
            lon, lat = systems.to_storage(used, xy[:, 0].copy(), xy[:, 1].copy())
            if np.isfinite(lon).all() and np.isfinite(lat).all():
                moved = shapely.set_coordinates(shape, np.column_stack([lon, lat]))
                geometry = orjson.loads(shapely.to_geojson(moved))
                features.append({"type": "Feature", "geometry": geometry, "properties": {"row": row, "name": name}})
    return {"type": "FeatureCollection", "features": features}


def _plan(layer: Layer, source: Source, mapping: Mapping[str, str]) -> columns.Plan:
    try:
        return columns.plan(layer, source, mapping=mapping)
    except GridmapError:
        return columns.Plan((), None, None, None, (), ())


def _drawn(source: Source, plan: columns.Plan, label: int | None) -> Iterator[tuple[int, str, Any]]:
    """Yield row, name and a copy of the shape of each row that has one."""
    import shapely

    for batch in source.batches():
        found = shapes.of_batch(batch, plan)
        for i, shape in enumerate(found.shapes if found is not None else ()):
            if shape is not None and not shape.is_empty:
                yield batch.rows[i], _named(batch, label, i), shapely.force_2d(shape)


def _named(batch: Batch, label: int | None, i: int) -> str:
    return "" if label is None or batch.columns[label][i] is None else str(batch.columns[label][i])[:60]


def _share(conn: sa.Connection, mine: sa.ColumnElement[bool], system: System, xy: Any) -> float:
    import numpy as np

    lon, lat = systems.to_storage(system, xy[:, 0].copy(), xy[:, 1].copy())
    ok = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lon) <= 180) & (np.abs(lat) <= 90)
    if not ok.any():
        return 0.0
    points = (
        sa.func.unnest(
            sa.bindparam("lon", lon[ok].tolist(), type_=sa.ARRAY(sa.Float)),
            sa.bindparam("lat", lat[ok].tolist(), type_=sa.ARRAY(sa.Float)),
        )
        .table_valued("lon", "lat")
        .render_derived()
    )
    point = sa.func.ST_SetSRID(sa.func.ST_MakePoint(points.c.lon, points.c.lat), systems.STORAGE_SRID)
    geom = hierarchy.community.c.geom
    inside = sa.exists().where(mine, geom.op("&&", is_comparison=True)(point), sa.func.ST_Covers(geom, point))
    count = conn.scalar(sa.select(sa.func.count()).select_from(points).where(inside)) or 0
    return float(count) / len(xy)
