"""Writing the formats gridmap exports, part by part, and putting the file in its place only when it is whole."""

import csv
import os
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson

from gridmap import crs
from gridmap.errors import InvalidInput
from gridmap.exchange import encodings
from gridmap.exchange.gdal import pyogrio
from gridmap.exchange.placing import check, placed, telling
from gridmap.exchange.report import ExportReport
from gridmap.exchange.values import escaped

MAX_XLSX_ROWS = 1_048_575
MAX_XLSX_CELL = 32_767
GEOMETRY_TYPES = {"polygon": "MultiPolygon", "point": "Point", "line": "LineString"}
SHAPEFILE_TEXT = 254  # bytes
SHAPEFILE_NAME = 10
FORMATS = ".geojson, .gpkg, .shp, .zip (a Shapefile), .csv or .xlsx"


@dataclass(frozen=True)
class Heading:
    """A column of the file; `kind` is text, integer or boolean."""

    name: str
    kind: str


@dataclass(frozen=True)
class Shape:
    """What a file looks like: the layer, geometry (point, line, polygon, or empty for none) and its columns."""

    layer: str
    geometry: str
    columns: tuple[Heading, ...]
    finish: Callable[[Path], None] = lambda path: None  # what a GeoPackage holds beside the rows


@dataclass(frozen=True)
class Part:
    """Some rows: one list of values for each column, and their geometry."""

    columns: list[list[Any]]
    shapes: Any

    def __len__(self) -> int:
        return len(self.shapes)


Writer = Callable[[Path, Shape, Iterator[Part], ExportReport], int]


def part(
    rows: Sequence[Any], system: crs.System, openers: Mapping[int, Callable[[Any], Any]], stamp: Sequence[str]
) -> Part:
    """Return database rows, their last column WKB in EPSG:4490, with geometry in another coordinate system.

    Parameters
    ----------
    openers : by the index of a sealed column what opens its values
    stamp : values of further columns, the same in every row
    """
    import numpy as np
    import shapely

    *columns, wkb = (list(column) for column in zip(*rows, strict=True))
    shapes = np.asarray(shapely.from_wkb([None if value is None else bytes(value) for value in wkb]), dtype=object)
    if not system.is_storage:
        inside = shapely.get_coordinates(shapes)
        x, y = crs.from_storage(system, inside[:, 0].copy(), inside[:, 1].copy())
        shapes = shapely.set_coordinates(shapes, np.column_stack([x, y]))
    columns = [[openers[i](value) for value in column] if i in openers else column for i, column in enumerate(columns)]
    columns += [[value] * len(shapes) for value in stamp]
    return Part([[_plain(value) for value in column] for column in columns], shapes)


def writer(path: Path, system: crs.System, encoding: str | None) -> Writer:
    """Return the function that writes a file of the format the path's suffix names.

    Raises
    ------
    InvalidInput for an unknown format, another system than CGCS2000 in GeoJSON, or a folder that is not there.
    """
    suffix = path.suffix.lower()
    check(path)
    if encoding:
        encodings.stated(encoding)
    if suffix in (".geojson", ".json"):
        if not system.is_storage:
            raise InvalidInput(
                "GeoJSON holds WGS 84 only (RFC 7946). Choose another format for another system.", where="crs"
            )
        return _geojson
    writers: dict[str, Writer] = {
        ".gpkg": lambda *args: _geopackage(*args, system=system),
        ".shp": lambda *args: _shapefile(*args, system=system, encoding=encoding),
        ".zip": lambda *args: _zipped(*args, system=system, encoding=encoding),
        ".csv": lambda *args: _csv(*args, encoding=encoding),
        ".xlsx": _xlsx,
    }
    if suffix not in writers:
        raise InvalidInput(f"{path.name!r} is of no known format. Name a file that ends in {FORMATS}.", where="file")
    return writers[suffix]


def _geojson(target: Path, shape: Shape, parts: Iterator[Part], report: ExportReport) -> int:
    import shapely

    count, names = 0, [heading.name for heading in shape.columns]
    with placed(target) as path, path.open("wb") as file:
        file.write(b'{"type":"FeatureCollection","features":[')
        for some in parts:
            shapes = shapely.orient_polygons(some.shapes) if shape.geometry == "polygon" else some.shapes
            texts = shapely.to_geojson(shapes)
            for text, *values in zip(texts, *some.columns, strict=True):
                geometry = None if text is None else orjson.Fragment(text)
                properties = dict(zip(names, values, strict=True))
                feature = {"type": "Feature", "id": values[0], "geometry": geometry, "properties": properties}
                file.write((b",\n" if count else b"\n") + orjson.dumps(feature))
                count += 1
        file.write(b"\n]}\n")
    return count


def _geopackage(target: Path, shape: Shape, parts: Iterator[Part], report: ExportReport, *, system: crs.System) -> int:
    with placed(target) as path:
        count = _through_gdal(path, shape, parts, system, driver="GPKG", encoding=None)
        shape.finish(path)
        return count


def _shapefile(
    target: Path, shape: Shape, parts: Iterator[Part], report: ExportReport, *, system: crs.System, encoding: str | None
) -> int:
    _note_cuts(shape, report)
    with telling(target), tempfile.TemporaryDirectory(prefix=".gridmap-", dir=target.absolute().parent) as folder:
        made = Path(folder) / f"{target.stem}.shp"
        count = _through_gdal(made, shape, parts, system, driver="ESRI Shapefile", encoding=encoding or "UTF-8")
        for file in sorted(Path(folder).iterdir()):
            os.replace(file, target.with_name(file.name))
    return count


def _zipped(
    target: Path, shape: Shape, parts: Iterator[Part], report: ExportReport, *, system: crs.System, encoding: str | None
) -> int:
    with tempfile.TemporaryDirectory(prefix="gridmap-export-") as folder, placed(target) as path:
        made = Path(folder) / f"{shape.layer}.shp"
        count = _shapefile(made, shape, parts, report, system=system, encoding=encoding)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for file in sorted(Path(folder).iterdir()):
                packed.write(file, file.name)
    return count


def _through_gdal(
    path: Path, shape: Shape, parts: Iterator[Part], system: crs.System, *, driver: str, encoding: str | None
) -> int:
    import numpy as np
    import shapely

    count = 0
    kinds: dict[str, Any] = {"integer": np.int64, "boolean": np.bool_, "text": object}
    for some in parts:
        masks = [np.array([value is None for value in column]) for column in some.columns]
        data = [
            np.array([_filled(value, heading, encoding) for value in column], dtype=kinds[heading.kind])
            for heading, column in zip(shape.columns, some.columns, strict=True)
        ]
        with warnings.catch_warnings():
            # GCJ-02 and BD-09 have no name that a file could carry; cut column names are told in the report.
            warnings.simplefilter("ignore")
            try:
                pyogrio().raw.write(
                    path, shapely.to_wkb(some.shapes), data, [heading.name for heading in shape.columns],
                    field_mask=masks, layer=shape.layer if driver == "GPKG" else None, driver=driver,
                    geometry_type=GEOMETRY_TYPES[shape.geometry],
                    crs=system.definition or None, encoding=encoding, append=count > 0,
                )  # fmt: skip
            except (RuntimeError, ValueError, LookupError) as exc:
                raise InvalidInput(f"{path.name!r} cannot be written: {exc}.", where="file") from exc
        count += len(some)
    return count


def _filled(value: Any, heading: Heading, encoding: str | None) -> Any:
    """Return a value GDAL can write; `encoding` is that of a Shapefile, whose texts must fit it whole."""
    if heading.kind != "text":
        return value if value is not None else 0
    if value is None or encoding is None:
        return None if value is None else str(value)
    try:
        size = len(str(value).encode(encoding))
    except UnicodeEncodeError as exc:
        raise _not_in(encoding, exc) from None
    except LookupError:
        raise InvalidInput(f"Encoding {encoding[:40]!r} is not known.", where="encoding") from None
    if size > SHAPEFILE_TEXT:
        raise InvalidInput(
            f"A Shapefile holds {SHAPEFILE_TEXT} bytes in a text, and {heading.name} {str(value)[:30]!r}… has {size}."
            " Export a GeoPackage.",
            where="file",
        )
    return str(value)


def _not_in(encoding: str, exc: UnicodeEncodeError) -> InvalidInput:
    return InvalidInput(f"{encoding} has no {exc.object[exc.start]!r}. Use UTF-8 or GB18030.", where="encoding")


def _note_cuts(shape: Shape, report: ExportReport) -> None:
    cut = [heading.name for heading in shape.columns if len(heading.name) > SHAPEFILE_NAME]
    if cut:
        names = ", ".join(cut)
        report.note(
            "names_cut",
            f"A Shapefile cuts column names to ten letters: {names}.",
            f"Shapefile 的列名截为十个字符：{names}。",
        )


def _csv(target: Path, shape: Shape, parts: Iterator[Part], report: ExportReport, *, encoding: str | None) -> int:
    count = 0
    try:
        with placed(target) as path, path.open("w", encoding=encoding or "utf-8-sig", newline="") as file:
            table = csv.writer(file)
            for row in _table(shape, parts):
                table.writerow(row)
                count += 1
    except LookupError:
        raise InvalidInput(f"Encoding {str(encoding)[:40]!r} is not known.", where="encoding") from None
    except UnicodeEncodeError as exc:
        raise _not_in(str(encoding), exc) from None
    return count - 1


def _xlsx(target: Path, shape: Shape, parts: Iterator[Part], report: ExportReport) -> int:
    import openpyxl

    count, dropped = 0, 0
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(shape.layer)
    for row in _table(shape, parts):
        if count > MAX_XLSX_ROWS:
            raise InvalidInput(f"Excel takes {MAX_XLSX_ROWS:,} rows at most. Export CSV.", where="file")
        if isinstance(row[-1], str) and len(row[-1]) > MAX_XLSX_CELL:
            row, dropped = [*row[:-1], None], dropped + 1
        sheet.append(row)
        count += 1
    with placed(target) as path:
        book.save(path)
    if dropped:
        report.note(
            "wkt_dropped",
            f"{dropped} shapes are too long for a cell of Excel and were left out; import keeps what is stored.",
            f"{dropped} 个图形超出 Excel 单元格长度，未写入；再导入时保留已存图形。",
        )
    return count - 1


def _table(shape: Shape, parts: Iterator[Part]) -> Iterator[list[Any]]:
    """Yield the rows of a spreadsheet, its heading first: columns, then lon and lat, for areas and lines the shape as WKT too."""
    import shapely

    if not shape.geometry:
        yield [heading.name for heading in shape.columns]
        for some in parts:
            for row in zip(*some.columns, strict=True):
                yield [escaped(cell) if isinstance(cell, str) else cell for cell in row]
        return
    is_wide = shape.geometry != "point"
    yield [*(heading.name for heading in shape.columns), "lon", "lat", *(["wkt"] if is_wide else [])]
    for some in parts:
        points = shapely.point_on_surface(some.shapes) if is_wide else some.shapes
        places = [_finite(shapely.get_x(points)), _finite(shapely.get_y(points))]
        texts = [shapely.to_wkt(some.shapes, rounding_precision=-1).tolist()] if is_wide else []
        for row in zip(*some.columns, *places, *texts, strict=True):
            yield [escaped(cell) if isinstance(cell, str) else cell for cell in row]


def _finite(numbers: Any) -> list[float | None]:
    return [number if number == number else None for number in numbers.tolist()]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return ";".join(str(item) for item in value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else value
