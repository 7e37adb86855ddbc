"""The ground of the demo: metres around an invented centre, and the way from there to EPSG:4490."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import shapely
from pyproj import Transformer
from shapely import Geometry

from gridmap.crs import STORAGE_SRID, metric_srid

CENTRE = (120.6, 30.9)  # lon, lat; the place is real, everything on it is invented
DIGITS = 7  # of a degree: about a centimetre, and what is stored is what a GeoJSON file can say


@cache
def _transformers() -> tuple[Transformer, float, float]:
    """Return the way back from the 3-degree Gauss-Krüger zone, and the centre's east and north in it."""
    zone = metric_srid(CENTRE[0])
    east, north = Transformer.from_crs(STORAGE_SRID, zone, always_xy=True).transform(*CENTRE)
    return Transformer.from_crs(zone, STORAGE_SRID, always_xy=True), east, north


def to_degrees(metres: np.ndarray) -> np.ndarray:
    """Return lon, lat (n, 2) of positions in metres east and north of the centre."""
    back, east, north = _transformers()
    lon, lat = back.transform(metres[:, 0] + east, metres[:, 1] + north)
    return np.round(np.column_stack([lon, lat]), DIGITS)


def ewkb(geometries: Sequence[Geometry] | np.ndarray) -> list[str]:
    """Return geometries in metres as hexadecimal EWKB in EPSG:4490, polygons as multipolygons."""
    if len(geometries) == 0:
        return []
    shapes = shapely.transform(np.asarray(geometries, dtype=object), to_degrees)
    polygons = shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON
    if polygons.any():
        # Exterior rings counter-clockwise, as RFC 7946 wants them.
        oriented = shapely.orient_polygons(shapes[polygons])
        shapes[polygons] = shapely.multipolygons(oriented, indices=np.arange(len(oriented)))
    written: list[str] = shapely.to_wkb(shapely.set_srid(shapes, STORAGE_SRID), hex=True, include_srid=True).tolist()
    return written


def points_ewkb(metres: np.ndarray) -> list[str]:
    """Return positions (n, 2) in metres as hexadecimal EWKB points in EPSG:4490."""
    return ewkb(shapely.points(metres)) if len(metres) else []
