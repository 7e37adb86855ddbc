"""GeoJSON geometry as RFC 7946 wants it: taken, brought to one form, or refused with the path to what is wrong."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from gridmap import crs
from gridmap.crs import MAX_LATITUDE
from gridmap.editing.faults import Fault, Refused, fault
from gridmap.exchange import shapes
from gridmap.layer import Layer
from gridmap.tables import MAX_VERTICES

DEPTHS = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
TAKEN = {
    "point": ("Point", "MultiPoint"), "line": ("LineString", "MultiLineString"), "polygon": ("Polygon", "MultiPolygon"),
}  # fmt: skip
MEMBERS = frozenset({"type", "coordinates", "bbox"})
BBOX_SLACK = 1e-6  # degrees: a box may be rounded
MAX_RINGS = 1_000  # of one shape that is drawn or sent; what asks of many thousand takes seconds
CLOSED = 4  # positions of the smallest ring
STORAGE = crs.system("EPSG:4490")


def taken(layer: Layer, told: object) -> Any:
    """Return the shapely geometry a layer stores for a GeoJSON geometry, None for null.

    Parameters
    ----------
    told : the `geometry` member of a feature, as read from JSON; lon, lat in degrees, EPSG:4490

    Returns
    -------
    Point, LineString or MultiPolygon; heights are dropped, rings turned as RFC 7946 wants them, single parts unwrapped.

    Raises
    ------
    Refused naming the path: another kind, members that do not belong there (`crs`), positions that are no two or three
    numbers in range, open or short rings, a box that disagrees, too many vertices or rings, invalid areas.
    """
    if told is None:
        return None
    try:
        shape = _members(told)
        kind = _kind(shape, layer)
        vertices = _vertices(shape, kind)
        _check_rings(shape, kind)
        _check_box(shape, vertices)
        return _stored(shape, layer)
    except _Wrong as wrong:
        raise Refused([wrong.fault]) from None


class _Wrong(Exception):
    def __init__(self, where: str, en: str, zh: str, *, value: object = "", code: str = "geojson") -> None:
        super().__init__(en)
        self.fault = Fault(where, code, en, zh, str(value)[:80])


def _members(told: object) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise _Wrong("geometry", "This is not a GeoJSON geometry.", "不是 GeoJSON 几何对象。")
    return told


def _kind(told: dict[str, Any], layer: Layer) -> str:
    kind = told.get("type")
    if kind not in TAKEN[layer.geometry]:
        wanted = " / ".join(TAKEN[layer.geometry])
        raise _Wrong(
            "geometry.type", f"A {layer.name} is a {wanted}.", f"此图层的几何类型须为 {wanted}。", value=kind,
            code="geometry_type",
        )  # fmt: skip
    for name in told:
        if name == "crs":
            raise _Wrong(
                "geometry.crs", "RFC 7946 knows no crs: coordinates are longitude and latitude, CGCS2000.",
                "RFC 7946 不允许 crs 成员：坐标一律为 CGCS2000 经纬度。",
            )  # fmt: skip
        if name not in MEMBERS:
            raise _Wrong(f"geometry.{name[:40]}", "This does not belong into a geometry.", "几何对象不含此成员。")
    return str(kind)


def _vertices(told: dict[str, Any], kind: str) -> list[tuple[float, float]]:
    """Return every vertex, or refuse the first that is none; counted while they are read."""
    found: list[tuple[float, float]] = []
    for where, position in _positions(told.get("coordinates"), DEPTHS[kind], "geometry.coordinates"):
        found.append(_vertex(where, position))
        if len(found) > MAX_VERTICES:
            raise _Wrong(
                "geometry", f"The shape has more than {MAX_VERTICES} vertices.", f"图形顶点数超过 {MAX_VERTICES}。",
                code="too_many_vertices",
            )  # fmt: skip
    if not found:
        raise _Wrong("geometry.coordinates", "There are no coordinates.", "没有坐标。", code="geometry_missing")
    longitudes = [lon for lon, _ in found]
    if max(longitudes) - min(longitudes) > 180:
        raise _Wrong("geometry.coordinates", "The shape crosses the antimeridian.", "图形跨越 180° 经线。")
    return found


def _positions(told: object, depth: int, where: str) -> Iterator[tuple[str, object]]:
    if depth == 0:
        yield where, told
        return
    if not isinstance(told, list):
        raise _Wrong(where, "There must be a list here.", "此处须为数组。", value=told)
    for i, part in enumerate(told):
        if depth > 1 and part == []:
            raise _Wrong(f"{where}.{i}", "An empty part.", "空的部分。")
        yield from _positions(part, depth - 1, f"{where}.{i}")


def _vertex(where: str, told: object) -> tuple[float, float]:
    if not isinstance(told, list) or len(told) not in (2, 3):
        raise _Wrong(
            where,
            "A position is longitude, latitude and at most a height.",
            "坐标须为经度、纬度，至多再加高程。",
            value=told,
        )
    for i, number in enumerate(told):
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise _Wrong(
                f"{where}.{i}", "This is not a finite number.", "不是有限数。", value=number, code="not_finite"
            )
    lon, lat = float(told[0]), float(told[1])
    if abs(lon) > 180 or abs(lat) > MAX_LATITUDE:
        raise _Wrong(
            where, f"The position {lon:.8g} {lat:.8g} is not on the map (longitude first).",
            f"位置 {lon:.8g} {lat:.8g} 超出地图范围（经度在前）。", code="out_of_range",
        )  # fmt: skip
    return lon, lat


def _check_rings(told: dict[str, Any], kind: str) -> None:
    coordinates, base = told["coordinates"], "geometry.coordinates"
    if kind == "LineString" and len(coordinates) < 2:
        raise _Wrong(base, "A line has two positions at least.", "线至少须有两个点。")
    if kind not in ("Polygon", "MultiPolygon"):
        return
    polygons = [(base, coordinates)] if kind == "Polygon" else [(f"{base}.{i}", p) for i, p in enumerate(coordinates)]
    count = sum(len(polygon) for _, polygon in polygons)
    if count > MAX_RINGS:
        raise _Wrong(
            "geometry",
            f"The shape has {count} rings; at most {MAX_RINGS}.",
            f"图形有 {count} 个环，最多 {MAX_RINGS} 个。",
        )
    for where, polygon in polygons:
        for i, ring in enumerate(polygon):
            if len(ring) < CLOSED:
                raise _Wrong(f"{where}.{i}", "A ring has four positions at least.", "环至少须有四个点。")
            if ring[0][:2] != ring[-1][:2]:
                raise _Wrong(
                    f"{where}.{i}", "The ring is not closed: its last position must be its first.",
                    "环未闭合：末点须与首点相同。", code="ring_open",
                )  # fmt: skip


def _check_box(told: dict[str, Any], vertices: list[tuple[float, float]]) -> None:
    if "bbox" not in told:
        return
    box, (lons, lats) = told["bbox"], zip(*vertices, strict=True)
    plain = isinstance(box, list) and len(box) in (4, 6)
    if plain and all(isinstance(side, int | float) and not isinstance(side, bool) for side in box):
        half = len(box) // 2
        given = (*box[:2], *box[half : half + 2])
        if np.allclose(given, (min(lons), min(lats), max(lons), max(lats)), rtol=0, atol=BBOX_SLACK):
            return
    raise _Wrong("geometry.bbox", "The box is not that of the coordinates.", "bbox 与坐标不符。", value=box)


def _stored(told: dict[str, Any], layer: Layer) -> Any:
    import orjson
    import shapely

    text = orjson.dumps({"type": told["type"], "coordinates": told["coordinates"]}).decode()
    shape = shapely.from_geojson(text, on_invalid="ignore")
    if shape is None:
        raise _Wrong("geometry", "The geometry cannot be read.", "图形无法读取。", code="geometry_unreadable")
    checked = shapes.check(shapes.Checked(np.array([shape], dtype=object)), layer.geometry, STORAGE, repair=False)
    if 0 in checked.faults:
        wrong = checked.faults[0]
        raise Refused([fault("geometry", wrong.code, **wrong.facts)])
    return checked.shapes[0]
