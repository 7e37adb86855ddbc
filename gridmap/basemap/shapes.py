"""Things of a file as rows of the base map: drawn in the tiles' system, from the zoom where they can be seen."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pyproj
import shapely

from gridmap.basemap.tags import Kind
from gridmap.crs import STORAGE_SRID, TILE_SRID

BATCH = 5_000  # things held in memory at once
MAX_LATITUDE = 85.05  # the Web Mercator square ends there
WORLD_PX_M = 78271.516964  # metres of EPSG:3857 a pixel at zoom 0, where a tile is 512 px wide
SEEN_PX, NAMED_PX = 6.0, 70.0  # the side an area needs to be drawn, and to be named
DEEPEST_MIN_ZOOM = 15
AREA_RANK, LABEL_RANK = 48.0, 10.0
MAX_NAME = 120

Row = tuple[int, str, str, str | None, str | None, float, str]  # min_zoom, layer, kind, name, name_en, rank, hex EWKB


@dataclass(frozen=True)
class Thing:
    """One thing of a file: `geometry` a shapely geometry in degrees, EPSG:4490, or its hexadecimal WKB."""

    kind: Kind
    name: str | None
    name_en: str | None
    geometry: Any


def rows(things: Iterable[Thing]) -> Iterator[Row]:
    """Yield the rows of some things, a named area and its name being two; what cannot be drawn yields none."""
    change = pyproj.Transformer.from_crs(STORAGE_SRID, TILE_SRID, always_xy=True)
    source = iter(things)
    while some := list(islice(source, BATCH)):
        given = np.array([None if isinstance(one.geometry, str) else one.geometry for one in some], dtype=object)
        texts = [place for place, one in enumerate(some) if isinstance(one.geometry, str)]
        if texts:
            given[texts] = shapely.from_wkb([some[place].geometry for place in texts])
        drawn = shapely.transform(shapely.force_2d(given), lambda xy: _flat(change, xy))
        for thing, shape in zip(some, drawn, strict=True):
            yield from _rows(thing, shape)


def _flat(change: pyproj.Transformer, lonlat: np.ndarray) -> np.ndarray:
    lat = np.clip(lonlat[:, 1], -MAX_LATITUDE, MAX_LATITUDE)
    return np.column_stack(change.transform(lonlat[:, 0], lat))


def _rows(thing: Thing, shape: Any) -> Iterator[Row]:
    if shape is None or shape.is_empty or not np.isfinite(shape.bounds).all():
        return
    kind, name = thing.kind, _short(thing.name) or _short(thing.name_en)
    name_en = _short(thing.name_en)
    if kind.layer == "label":
        if name:
            yield _row(kind, kind.min_zoom or 0, kind.rank, name, name_en, shape.representative_point())
        return
    if kind.min_zoom is not None:
        named = (name, name_en) if kind.layer == "street" else (None, None)
        yield _row(kind, kind.min_zoom, kind.rank, *named, shape)
        return
    area = _polygonal(shape)
    if area is None:
        return
    side = float(np.sqrt(area.area))
    rank = AREA_RANK - 2 * float(np.log2(max(side, 1.0)))
    yield _row(kind, _zoom_of(side, SEEN_PX), rank, None, None, area)
    if name:
        label = Kind("label", kind.layer, None, 0)
        zoom = max(_zoom_of(side, NAMED_PX), 8)
        yield _row(label, zoom, LABEL_RANK + rank / AREA_RANK, name, name_en, area.representative_point())


def _polygonal(shape: Any) -> Any | None:
    """Return the areas of a shape made valid, None where nothing has an area."""
    whole = shape if shape.is_valid else shapely.make_valid(shape)
    if whole.geom_type == "GeometryCollection":
        whole = shapely.union_all([part for part in whole.geoms if part.geom_type.endswith("Polygon")])
    return whole if whole.geom_type.endswith("Polygon") and whole.area > 0 else None


def _zoom_of(side_m: float, wanted_px: float) -> int:
    """Return the first zoom at which a side, in metres of EPSG:3857, is so many pixels long."""
    zoom = int(np.ceil(np.log2(wanted_px * WORLD_PX_M / max(side_m, 1e-3))))
    return min(max(zoom, 0), DEEPEST_MIN_ZOOM)


def _row(kind: Kind, zoom: int, rank: float, name: str | None, name_en: str | None, shape: Any) -> Row:
    written = shapely.to_wkb(shapely.set_srid(shape, TILE_SRID), hex=True, include_srid=True)
    return zoom, kind.layer, kind.kind, name, name_en, rank, written


def _short(name: str | None) -> str | None:
    """Return a name without control characters, None if nothing is left or it is no name but a text."""
    cleaned = "".join(letter for letter in name or "" if letter.isprintable()).strip()
    return cleaned if 0 < len(cleaned) <= MAX_NAME else None
