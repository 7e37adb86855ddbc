"""Geometry before it is stored: brought to EPSG:4490, checked and, on request only, repaired."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gridmap import crs
from gridmap.crs import MAX_LATITUDE
from gridmap.exchange.columns import Plan
from gridmap.exchange.reasons import shown
from gridmap.exchange.source import Batch, Fault
from gridmap.tables import MAX_VERTICES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Shapes = NDArray[np.object_]
    Mask = NDArray[np.bool_]

NAMES_ZH = {
    "point": "点", "polygon": "面", "line": "线", "Point": "点", "MultiPoint": "多点", "LineString": "线",
    "MultiLineString": "多线", "LinearRing": "环", "Polygon": "面", "MultiPolygon": "多面", "GeometryCollection": "图形集合",
}  # fmt: skip


@dataclass
class Checked:
    """Geometry ready to be stored, None where there is none or it is refused, with the faults by index."""

    shapes: Shapes
    faults: dict[int, Fault] = field(default_factory=dict)
    repaired: int = 0


def of_batch(batch: Batch, plan: Plan) -> Checked | None:
    """Return the geometry of a batch in the file's own system, or None if the file has none."""
    if batch.shapes is not None:
        return Checked(batch.shapes, dict(batch.faults))
    if plan.wkt is not None:
        return _from_wkt(batch.columns[plan.wkt])
    if plan.lon is not None and plan.lat is not None:
        return _from_columns(batch.columns[plan.lon], batch.columns[plan.lat])
    return None


def check(found: Checked, kind: str, system: crs.System, *, repair: bool) -> Checked:
    """Return geometry in EPSG:4490 that the database will take, the rest as faults.

    Parameters
    ----------
    found : as read, in `system`
    kind : point, line or polygon, what the layer stores
    repair : close open rings and mend invalid polygons

    Notes
    -----
    Polygons become MultiPolygons with rings as RFC 7946 wants them, single-part MultiPoints become Points (and lines
    alike), heights are dropped. The vertex limit comes before anything whose time grows faster than the number of vertices.
    """
    import shapely

    shapes, faults = found.shapes.copy(), dict(found.faults)
    mended = _mend(shapes, faults) if repair else 0
    shapes = shapely.force_2d(shapes)
    shapes[shapely.is_empty(shapes)] = None
    _one_type(shapes, faults, kind)
    _limit_vertices(shapes, faults)
    shapes = _moved(shapes, faults, system)
    if kind == "polygon":
        mended += _valid(shapes, faults, repair=repair)
        shapes = shapely.orient_polygons(shapes)
    return Checked(shapes, faults, mended)


def _mend(shapes: Shapes, faults: dict[int, Fault]) -> int:
    mendable = [i for i, fault in faults.items() if fault.mended is not None]
    for i in mendable:
        shapes[i] = faults.pop(i).mended
    return len(mendable)


def _one_type(shapes: Shapes, faults: dict[int, Fault], kind: str) -> None:
    """Make each geometry the one type the layer stores, in place."""
    import shapely

    single, multi = {
        "point": ("Point", "MultiPoint"), "line": ("LineString", "MultiLineString"), "polygon": ("Polygon", "MultiPolygon"),
    }[kind]  # fmt: skip
    types = shapely.get_type_id(shapes)
    one, many = shapely.GeometryType[single.upper()], shapely.GeometryType[multi.upper()]
    if kind == "polygon":
        shapes[types == one] = (
            shapely.multipolygons(shapes[types == one].reshape(-1, 1)) if (types == one).any() else []
        )
    else:
        alone = (types == many) & (shapely.get_num_geometries(shapes) == 1)
        shapes[alone] = shapely.get_geometry(shapes[alone], 0)
        types[alone] = one
    fitting = (types == -1) | (types == one) | ((types == many) & (kind == "polygon"))
    for i in np.flatnonzero(~fitting):
        found = shapes[i].geom_type
        faults[int(i)] = Fault(
            "geometry_type", {"found": found, "found_zh": NAMES_ZH[found], "wanted": kind, "wanted_zh": NAMES_ZH[kind]}
        )
        shapes[i] = None


def _limit_vertices(shapes: Shapes, faults: dict[int, Fault]) -> None:
    import shapely

    counts = shapely.get_num_coordinates(shapes)
    for i in np.flatnonzero(counts > MAX_VERTICES):
        faults[int(i)] = Fault("too_many_vertices", {"count": int(counts[i]), "limit": MAX_VERTICES})
        shapes[i] = None


def _moved(shapes: Shapes, faults: dict[int, Fault], system: crs.System) -> Shapes:
    """Return the geometry in EPSG:4490; what is not finite or leaves the map becomes a fault."""
    import shapely

    before, owners = shapely.get_coordinates(shapes, return_index=True)
    if not len(before):
        return shapes
    lon, lat = crs.to_storage(system, before[:, 0].copy(), before[:, 1].copy())
    after = np.column_stack([lon, lat]) + 0.0
    endless = ~np.isfinite(before).all(axis=1)
    away = ~crs.in_area_of_use(system, after[:, 0], after[:, 1])
    for vertex in np.flatnonzero(endless | away)[::-1]:  # the first vertex of a shape is told last, and stays
        owner = int(owners[vertex])
        faults[owner] = Fault("not_finite") if endless[vertex] else _away(before[vertex], after[vertex], system)
    after[away] = 0.0
    moved: Shapes = shapely.set_coordinates(shapes.copy(), after)
    moved[np.unique(owners[endless | away])] = None
    return moved


def _away(before: NDArray[np.float64], after: NDArray[np.float64], system: crs.System) -> Fault:
    """Return why a position is out of place: its two numbers were exchanged, or it is elsewhere, or nowhere."""
    lon, lat = crs.to_storage(system, before[1:].copy(), before[:1].copy())
    facts: dict[str, object] = {"place": f"{before[0]:.8g} {before[1]:.8g}", "crs": system.name}
    if crs.in_area_of_use(system, lon, lat)[0]:
        return Fault("coordinates_swapped", facts)
    if not np.isfinite(after).all() or abs(after[0]) > 180 or abs(after[1]) > MAX_LATITUDE:
        return Fault("out_of_range", facts)
    return Fault("out_of_area", facts | {"lonlat": f"{after[0]:.4f} {after[1]:.4f}"})


def _valid(shapes: Shapes, faults: dict[int, Fault], *, repair: bool) -> int:
    """Refuse or repair invalid polygons in place and return how many were repaired."""
    import shapely

    repaired = 0
    for i in np.flatnonzero(~shapely.is_valid(shapes) & ~shapely.is_missing(shapes)):
        fault: dict[str, object] = {"fault": shapely.is_valid_reason(shapes[i])}
        better = repaired_polygons(shapes[i]) if repair else None
        if better is None:
            faults[int(i)] = Fault("not_repairable" if repair else "invalid_shape", fault)
        repaired += better is not None
        shapes[i] = better
    return repaired


def repaired_polygons(shape: Any) -> Any:
    """Return the valid polygons that an invalid one encloses, or None if nothing of an area is left."""
    import shapely

    made = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    polygons = [part for part in shapely.get_parts(made) if part.geom_type == "Polygon" and part.area > 0]
    polygons += [inner for part in shapely.get_parts(made) if part.geom_type == "MultiPolygon" for inner in part.geoms]
    united = shapely.multipolygons(polygons) if polygons else None
    usable = united is not None and shapely.is_valid(united) and shapely.get_num_coordinates(united) <= MAX_VERTICES
    return united if usable else None


def _from_wkt(cells: list[Any]) -> Checked:
    import shapely

    texts = [cell.split(";", 1)[-1] if isinstance(cell, str) and cell.strip() else None for cell in cells]
    shapes = shapely.from_wkt(texts, on_invalid="ignore")
    lost = (i for i, text in enumerate(texts) if text is not None and shapes[i] is None)
    return Checked(np.asarray(shapes, dtype=object), {i: Fault("geometry_unreadable") for i in lost})


def _from_columns(lons: list[Any], lats: list[Any]) -> Checked:
    import shapely

    faults: dict[int, Fault] = {}
    x, y = _numbers(lons, faults), _numbers(lats, faults)
    for i in np.flatnonzero(np.isnan(x) != np.isnan(y)):
        faults.setdefault(int(i), Fault("coordinates_incomplete"))
    shapes = np.full(len(lons), None, dtype=object)
    there = ~np.isnan(x) & ~np.isnan(y)
    there[list(faults)] = False
    shapes[there] = shapely.points(x[there], y[there])
    return Checked(shapes, faults)


def _numbers(cells: list[Any], faults: dict[int, Fault]) -> NDArray[np.float64]:
    """Return the numbers of a column, NaN where a cell is empty."""
    return np.array([_number(cell, i, faults) for i, cell in enumerate(cells)])


def _number(cell: Any, index: int, faults: dict[int, Fault]) -> float:
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return float(cell)
    written = str(cell).strip() if cell is not None else ""
    try:
        return crs.decimal(written) if written else np.nan
    except ValueError:
        faults[index] = Fault("coordinate", {"cell": shown(cell)})
        return 0.0
