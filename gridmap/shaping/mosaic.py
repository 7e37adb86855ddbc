"""Areas that fit together: parting, uniting and reshaping them so that what they cover stays covered, once.

All geometry is shapely in EPSG:4490, degrees. Overlays snap to `GRID` (0.1 mm), so two areas share an edge to within
that; what is narrower than `STRIP_M` is two drawings of one border and no gap or overlap.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon
from shapely.ops import split as split_by

from gridmap import crs
from gridmap.errors import InvalidInput

GRID = 1e-9  # degrees: a tenth of a millimetre
SNAP = 5e-6  # degrees, half a metre: a drawn vertex so close to a stored one is meant to be that one
REACH = 1e-4  # degrees, ten metres: a line that ends so close before a border is meant to reach it
SEGMENT = (
    5e-4  # degrees: a longer edge is bent where it is projected, and would not lie on its neighbour's shorter ones
)
STRIP_M = 1.0
LEAST_M2 = 1.0  # an area smaller than that is no part of anything
Area: TypeAlias = Any  # a shapely Polygon or MultiPolygon


@dataclass(frozen=True)
class Fault:
    """A place where cells do not fit: `kind` is gap, overlap or outside; a point, EPSG:4490, and its geodesic m2."""

    kind: str
    area_m2: float
    lon: float
    lat: float
    codes: tuple[str, ...] = ()


def area_m2(shape: Any) -> float:
    """Return the area in the 3-degree Gauss-Krüger zone of the shape (0.02 % at most beside the geodesic one)."""
    return 0.0 if shape.is_empty else float(_metric(shape).area)


def _metric(shape: Any) -> Any:
    zone = f"EPSG:{crs.metric_srid(shape.centroid.x)}"
    fine = shapely.segmentize(shape, SEGMENT)
    return shapely.transform(fine, lambda c: np.column_stack(crs.from_storage(zone, c[:, 0], c[:, 1])))


def _core_m2(shape: Any) -> float:
    """Return the area of a shape without the strips that two drawings of one border leave; 0 for strips alone."""
    shape = polygonal(shape)
    if shape.is_empty:
        return 0.0
    metric = _metric(shape)
    return 0.0 if metric.buffer(-STRIP_M / 2).is_empty else float(metric.area)


def polygonal(shape: Any) -> Area:
    """Return the areas of a shape without its lines and points, rings as RFC 7946 wants them."""
    parts = [part for part in shapely.get_parts(shape) if part.geom_type in ("Polygon", "MultiPolygon")]
    found = [one for part in parts for one in shapely.get_parts(part) if not one.is_empty]
    return shapely.orient_polygons(found[0] if len(found) == 1 else MultiPolygon(found))


def multi(shape: Area) -> MultiPolygon:
    """Return an area as the database stores it."""
    return shape if shape.geom_type == "MultiPolygon" else MultiPolygon([shape])


def faults(cells: Mapping[str, Area], whole: Area | None) -> list[Fault]:
    """Return where cells overlap each other, leave gaps in the whole or reach out of it; the largest first."""
    found, codes = [], list(cells)
    shapes = [cells[code] for code in codes]
    tree = shapely.STRtree(shapes)
    for i, j in zip(*tree.query(shapes, predicate="intersects"), strict=True):
        if i < j:
            shared = shapely.intersection(shapes[i], shapes[j], grid_size=GRID)
            found += _fault("overlap", shared, codes[i], codes[j])
    if whole is not None:
        united = shapely.union_all(shapes, grid_size=GRID)
        for gap in shapely.get_parts(polygonal(shapely.difference(whole, united, grid_size=GRID))):
            found += _fault("gap", gap)
        for code, shape in cells.items():
            found += _fault("outside", shapely.difference(shape, whole, grid_size=GRID), code)
    return sorted(found, key=lambda fault: -fault.area_m2)


def _fault(kind: str, shape: Any, *codes: str) -> list[Fault]:
    size = _core_m2(shape)
    if not size:
        return []
    spot = polygonal(shape).representative_point()
    return [Fault(kind, round(size, 1), spot.x, spot.y, codes)]


def merged(shapes: Iterable[Area]) -> Area:
    """Return areas as one, without the slits that drawings of one border leave.

    Raises
    ------
    InvalidInput where they do not border on each other.
    """
    shapes = list(shapes)
    united = _without_slits(polygonal(shapely.union_all(shapes, grid_size=GRID)))
    before = max(len(shapely.get_parts(shape)) for shape in shapes)
    if len(shapely.get_parts(united)) > before:
        joined = _metric(united).buffer(STRIP_M / 2, join_style="mitre")
        if len(shapely.get_parts(joined)) > before:
            raise InvalidInput("They do not border on each other. 所选图形互不相邻。", where="codes")
    return united


def _without_slits(shape: Area) -> Area:
    """Fill the holes that are narrower than two drawings of one border lie apart."""
    parts = []
    for part in shapely.get_parts(shape):
        holes = [ring for ring in part.interiors if _core_m2(Polygon(ring))]
        parts.append(Polygon(part.exterior, holes))
    return polygonal(MultiPolygon(parts))


def parted(shape: Area, line: Any) -> tuple[Area, Area]:
    """Return the two areas a drawn line parts an area into, the larger first.

    A line that ends shortly (10 m) before the border reaches it; parts of a MultiPolygon that the line does not cross go
    to the nearer half.

    Raises
    ------
    InvalidInput unless exactly two areas result, neither of them a mere strip.
    """
    line = _reaching(shapely.snap(line, shapely.extract_unique_points(shape), SNAP), shape)
    halves: list[Area] = []
    others: list[Area] = []
    for part in shapely.get_parts(shape):
        pieces = list(shapely.get_parts(split_by(part, line)))
        if len(pieces) == 2 and not halves:
            halves = pieces
        elif len(pieces) == 1:
            others.append(part)
        else:
            raise _not_two()
    if not halves or not all(_core_m2(half) for half in halves):
        raise _not_two()
    for part in others:
        nearer = min((0, 1), key=lambda i: halves[i].distance(part))
        halves[nearer] = polygonal(shapely.union_all([halves[nearer], part]))
    first, second = sorted((polygonal(half) for half in halves), key=lambda half: -half.area)
    return first, second


def _not_two() -> InvalidInput:
    return InvalidInput(
        "The line must part the area into exactly two: let it begin and end outside and cross the border twice."
        " 分割线须起止于图形之外，且只穿过边界两次。",
        where="line",
    )


def _reaching(line: Any, shape: Area) -> Any:
    """Return a line whose ends go on for ten metres where they lie just inside."""
    coords = shapely.get_coordinates(line)
    for end, before in ((0, 1), (-1, -2)):
        tip, way = coords[end], coords[end] - coords[before]
        length = float(np.hypot(*way))
        near = shapely.Point(tip).distance(shape.boundary) <= REACH
        if near and length:
            coords[end] = tip + way / length * REACH * 2
    return shapely.LineString(coords)


def reshaped(cells: Mapping[str, Area], code: str, drawn: Area, whole: Area | None) -> dict[str, Area]:
    """Return the cells that change when one takes a drawn shape, its neighbours along the shared edges with it.

    What the cell gains its neighbours lose; what it loses goes to the neighbour it has the longest border with. Where no
    neighbour is (the outer border), the cell keeps what it had and gains nothing, so that all cells together cover what
    they covered; land inside the whole that no cell had may be gained.

    Raises
    ------
    InvalidInput where nothing would be left of a cell, or it would be cut in parts.
    """
    others = {name: shape for name, shape in cells.items() if name != code}
    edges = shapely.union_all([shape.boundary for shape in cells.values()])
    snapped = shapely.snap(drawn, shapely.extract_unique_points(edges), SNAP)
    drawn = snapped if snapped.is_valid else drawn
    room = shapely.union_all([*cells.values(), *([whole] if whole is not None else [])], grid_size=GRID)
    new = polygonal(shapely.intersection(drawn, room, grid_size=GRID))
    old = cells[code]
    result: dict[str, Area] = {}
    for name, shape in others.items():
        taken = polygonal(shapely.intersection(shape, new, grid_size=GRID))
        if _core_m2(taken):
            result[name] = polygonal(shapely.difference(shape, new, grid_size=GRID))
    lost = shapely.difference(old, new, grid_size=GRID)
    kept = [new]
    given: dict[str, list[Area]] = {}
    for piece in shapely.get_parts(polygonal(lost)):
        heir = _longest_border(piece, others) if _core_m2(piece) else None
        if heir is None:
            kept.append(piece)
        else:
            given.setdefault(heir, []).append(piece)
    for name, pieces in given.items():
        result[name] = polygonal(shapely.union_all([result.get(name, others[name]), *pieces], grid_size=GRID))
    mine = shapely.union_all(kept, grid_size=GRID)
    # against the neighbours as they are now: no strip is held twice
    rest = [result.get(name, shape) for name, shape in others.items()]
    result[code] = _without_slits(polygonal(shapely.difference(mine, shapely.union_all(rest), grid_size=GRID)))
    for name, shape in result.items():
        _check_whole(name, cells[name], shape)
    return result


def _longest_border(piece: Area, others: Mapping[str, Area]) -> str | None:
    lengths = {name: shapely.intersection(piece.boundary, shape.boundary, grid_size=GRID).length
               for name, shape in others.items() if shape.distance(piece) <= GRID}  # fmt: skip
    best = max(sorted(lengths), key=lambda name: lengths[name], default=None)
    return best if best is not None and lengths[best] > 0 else None


def _check_whole(code: str, before: Area, after: Area) -> None:
    if not _core_m2(after):
        raise InvalidInput(f"Nothing would be left of {code}. {code} 将不剩任何范围。", where="geometry")
    sizable = [part for part in shapely.get_parts(after) if _core_m2(part)]
    if len(sizable) > len(shapely.get_parts(before)):
        raise InvalidInput(f"{code} would fall into separate parts. {code} 将被分成不相连的几块。", where="geometry")
