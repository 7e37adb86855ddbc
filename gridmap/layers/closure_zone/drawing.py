"""A drawn area before anybody trusts it: GeoJSON in, a valid MultiPolygon (EPSG:4490) of bounded size out."""

import math
from typing import TYPE_CHECKING, Any, NoReturn

from gridmap.crs import MAX_LATITUDE
from gridmap.errors import InvalidInput
from gridmap.tables import MAX_VERTICES

if TYPE_CHECKING:
    from shapely import MultiPolygon

MAX_SIDE = 2.0  # degrees: a zone is a matter of a county, not of half a country
WHERE = "geometry"


def area_of(geometry: Any) -> "MultiPolygon":
    """Return the area a GeoJSON Polygon or MultiPolygon draws, heights dropped, rings as RFC 7946 wants them.

    Raises
    ------
    InvalidInput for anything else: another type, open or short rings, what is no finite position in range, too many
    vertices, an area that is not valid (it crosses itself), is empty or larger than two degrees. Vertices are counted
    before anything whose time grows faster than their number.
    """
    import shapely

    polygons = [[_ring(ring) for ring in _listed(polygon)] for polygon in _polygons(geometry)]
    if not polygons or not all(polygons):
        _refuse("it has no ring", "没有边界")
    shape = shapely.MultiPolygon([shapely.Polygon(rings[0], rings[1:]) for rings in polygons])
    if not shape.is_valid:
        why = shapely.is_valid_reason(shape)
        _refuse(f"the area is not valid: {why}", "图形无效，边界自相交或重叠")
    west, south, east, north = shape.bounds
    if shape.area == 0:
        _refuse("it encloses no area", "面积为零")
    if max(east - west, north - south) > MAX_SIDE:
        _refuse(f"it is wider than {MAX_SIDE:g} degrees", "范围过大")
    return shapely.orient_polygons(shape)


def _polygons(geometry: Any) -> list[Any]:
    if not isinstance(geometry, dict) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        _refuse("a GeoJSON Polygon or MultiPolygon is needed", "需要 GeoJSON 面")
    coordinates = geometry.get("coordinates")
    polygons = [coordinates] if geometry["type"] == "Polygon" else _listed(coordinates)
    rings = [ring for polygon in polygons for ring in _listed(polygon)]
    if sum(len(_listed(ring)) for ring in rings) > MAX_VERTICES:
        _refuse(f"it has more than {MAX_VERTICES} vertices", f"顶点超过 {MAX_VERTICES} 个")
    return polygons


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        _refuse("its coordinates are not lists of positions", "坐标格式有误")
    return value


def _ring(ring: list[Any]) -> list[tuple[float, float]]:
    points = [_position(vertex) for vertex in ring]
    if len(points) < 4 or points[0] != points[-1]:
        _refuse("a ring needs four positions, the last like the first", "边界环未闭合或少于四点")
    return points


def _position(vertex: Any) -> tuple[float, float]:
    if not isinstance(vertex, list) or not 2 <= len(vertex) <= 3:
        _refuse("a position is [lon, lat]", "位置应为 [经度, 纬度]")
    lon, lat = vertex[:2]
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in vertex):
        _refuse("a position holds something that is no number", "坐标不是数字")
    if not (math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= MAX_LATITUDE):
        _refuse("a position is out of range", "坐标超出范围")
    return float(lon), float(lat)


def _refuse(why: str, zh: str) -> NoReturn:
    raise InvalidInput(f"The area cannot be taken: {why}. 图形无法使用：{zh}。", where=WHERE)
