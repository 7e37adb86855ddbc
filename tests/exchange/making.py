"""Small files as an office would send them."""

import csv
import json
from pathlib import Path

import numpy as np
import openpyxl
import pyogrio
import shapely
import sqlalchemy as sa

from gridmap import personal
from gridmap.access import LOCAL
from gridmap.exchange import import_file
from gridmap.layers import LAYERS

COMMUNITY = "310115005001"
WEST, SOUTH, EAST, NORTH = 121.48, 31.22, 121.54, 31.26


def box(w, s, e, n):
    return {"type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]}


def spot(lon, lat):
    return {"type": "Point", "coordinates": [lon, lat]}


def house(lon, lat, half=0.0001):
    return box(lon - half, lat - half, lon + half, lat + half)


def geojson(path: Path, *features, **members) -> Path:
    """Write features given as (geometry, properties)."""
    made = [{"type": "Feature", "properties": properties, "geometry": geometry} for geometry, properties in features]
    path.write_text(json.dumps({"type": "FeatureCollection", **members, "features": made}, ensure_ascii=False))
    return path


def table(path: Path, rows: list[list], encoding="utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def workbook(path: Path, rows: list[list], title: str = "Sheet1") -> Path:
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def shapefile(
    path: Path, geometries: list[dict], columns: dict[str, list], *, crs="EPSG:4326", encoding="UTF-8"
) -> Path:
    shapes = [shapely.from_geojson(json.dumps(geometry)) for geometry in geometries]
    data = [np.array(values, dtype=object if isinstance(values[0], str) else None) for values in columns.values()]
    pyogrio.raw.write(
        path, shapely.to_wkb(shapes), data, list(columns), geometry_type=shapes[0].geom_type, crs=crs,
        driver="ESRI Shapefile", encoding=encoding,
    )  # fmt: skip
    return path


def take(engine: sa.Engine, layer: str, path: Path, **how):
    """Import a file as the local actor; CGCS2000 unless told otherwise."""
    return import_file(engine, LOCAL, LAYERS[layer], path, **{"crs": "EPSG:4490", **how})


def rows_of(engine: sa.Engine, layer: str, *columns: str) -> list[tuple]:
    """Return the current rows of a layer, personal columns opened."""
    table = LAYERS[layer].table
    with engine.connect() as conn:
        chosen = [table.c[name] for name in columns or ("code",)]
        rows = conn.execute(sa.select(*chosen).where(table.c.valid_to.is_(None)).order_by("code")).all()
        return [tuple(_opened(conn, *pair) for pair in zip(chosen, row, strict=True)) for row in rows]


def _opened(conn: sa.Connection, column: sa.Column, value: object) -> object:
    return personal.opened(conn, column, value) if column.info.get("personal") else value


def query(engine: sa.Engine, text: str) -> list[tuple]:
    with engine.connect() as conn:
        return [tuple(row) for row in conn.execute(sa.text(text))]


def codes(report) -> list[tuple[int, str, str]]:
    """Return the problems of a report as (row, column, code)."""
    return [(problem.row, problem.column, problem.code) for problem in report.problems]
