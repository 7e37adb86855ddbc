"""Reading Shapefile and GeoPackage through GDAL, in parts, with the text of a Shapefile decoded here."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gridmap import crs
from gridmap.errors import ImportRefused, InvalidInput
from gridmap.exchange import encodings
from gridmap.exchange.gdal import pyogrio
from gridmap.exchange.reasons import Note
from gridmap.exchange.source import BATCH_ROWS, MAX_COLUMNS, Batch, Fault, Source

SIBLINGS = (".dbf", ".shx", ".prj", ".cpg")
SHAPEFILE_MAGIC = struct.pack(">i", 9994)
SQLITE_MAGIC = b"SQLite format 3\0"
_GDAL_ERRORS = (RuntimeError, ValueError, IndexError, OSError)  # what pyogrio raises on files it cannot read
RAW = "ISO-8859-1"  # GDAL's name of the encoding in which each byte is one character


def shapefile(path: Path, encoding: str | None, layer: str) -> Source:
    """Return a Shapefile as a source; its encoding is the stated one, or found by .cpg, language byte or trial."""
    _check_magic(path, SHAPEFILE_MAGIC, "Shapefile")
    parts = {suffix: sibling(path, suffix) for suffix in SIBLINGS}
    for suffix in (".shx", ".dbf"):
        if parts[suffix] is None:
            raise ImportRefused(f"{path.name!r} comes without its {suffix} file. Keep .shp, .shx, .dbf, .prj together.")
    info = _info(path, RAW)
    known = _encoding(parts, path, encoding, info["features"])
    columns = [_recoded(name, known.name) or name for name in info["fields"]]

    def batches() -> Iterator[Batch]:
        for start, raw in _parts(path, None, info["features"], RAW):
            yield _decoded(start, raw, known.name)

    found = _described(parts[".prj"].read_text("utf-8", errors="replace")) if parts[".prj"] else None
    return Source("Shapefile", columns, batches, has_shapes=True, crs=found, cuts_names=True, notes=[known.note])


def geopackage(path: Path, encoding: str | None, layer: str) -> Source:
    """Return one table of a GeoPackage as a source: the one named like the layer, or its only one."""
    _check_magic(path, SQLITE_MAGIC, "GeoPackage")
    table = _table(path, layer)
    info = _info(path, None, table)
    notes = [Note("table", f"Table {table!r} was read.", f"读取的图层：{table}。")]

    def batches() -> Iterator[Batch]:
        for start, raw in _parts(path, table, info["features"], None):
            yield _batch(start, raw, [column.tolist() for column in raw[3]], {})

    found = _described(info["crs"]) if info["crs"] else None
    has_shapes = info["geometry_type"] is not None
    return Source("GeoPackage", list(info["fields"]), batches, has_shapes, crs=found, notes=notes)


def sibling(path: Path, suffix: str) -> Path | None:
    """Return the file beside a Shapefile that has another suffix, whatever its case."""
    wanted = f"{path.stem}{suffix}".lower()
    return next((file for file in sorted(path.parent.iterdir()) if file.name.lower() == wanted), None)


def _check_magic(path: Path, magic: bytes, kind: str) -> None:
    with path.open("rb") as file:
        if file.read(len(magic)) != magic:
            raise ImportRefused(f"{path.name!r} is not a {kind}, whatever its name says.")


def _info(path: Path, encoding: str | None, table: str | None = None) -> dict[str, Any]:
    try:
        info: dict[str, Any] = pyogrio().read_info(path, layer=table, encoding=encoding, force_feature_count=True)
    except _GDAL_ERRORS as exc:
        raise ImportRefused(f"{path.name!r} cannot be read: {exc}.") from exc
    if len(info["fields"]) > MAX_COLUMNS:
        raise ImportRefused(f"{path.name!r} has {len(info['fields'])} columns; at most {MAX_COLUMNS} are read.")
    if not info["features"]:
        raise ImportRefused(f"{path.name!r} holds no rows.")
    return info


def _table(path: Path, layer: str) -> str:
    try:
        tables = [(str(name), kind) for name, kind in pyogrio().list_layers(path)]
    except _GDAL_ERRORS as exc:
        raise ImportRefused(f"{path.name!r} cannot be read: {exc}.") from exc
    drawn = [name for name, kind in tables if kind is not None] or [name for name, _ in tables]
    if layer in drawn:
        return layer
    if len(drawn) != 1:
        raise ImportRefused(f"{path.name!r} holds {len(drawn)} tables ({', '.join(drawn[:10])}). Name one {layer!r}.")
    return drawn[0]


def _parts(path: Path, table: str | None, count: int, encoding: str | None) -> Iterator[tuple[int, Any]]:
    for start in range(0, count, BATCH_ROWS):
        try:
            raw = pyogrio().raw.read(
                path, layer=table, encoding=encoding, skip_features=start, max_features=BATCH_ROWS, force_2d=True
            )
        except _GDAL_ERRORS as exc:
            raise ImportRefused(f"{path.name!r} cannot be read: {exc}.") from exc
        yield start, raw


def _batch(start: int, raw: Any, cells: list[list[Any]], faults: dict[int, Fault]) -> Batch:
    import shapely

    count = len(cells[0]) if cells else len(raw[2])
    shapes = None
    if raw[2] is not None:
        shapes = shapely.from_wkb(raw[2], on_invalid="ignore")
        for i, (wkb, shape) in enumerate(zip(raw[2], shapes, strict=True)):
            if wkb is not None and shape is None:
                faults[i] = Fault("geometry_unreadable", {}, shapely.from_wkb(wkb, on_invalid="fix"))
    return Batch(list(range(start + 1, start + count + 1)), cells, shapes, faults)


def _decoded(start: int, raw: Any, encoding: str) -> Batch:
    faults: dict[int, Fault] = {}
    cells = []
    for written, column in zip(raw[0]["fields"], raw[3], strict=True):
        values, name = column.tolist(), _recoded(written, encoding) or written
        if column.dtype == object:
            for i, value in enumerate(values):
                if isinstance(value, str) and not value.isascii():
                    values[i] = _recoded(value, encoding)
                    if values[i] is None:
                        faults[i] = Fault("undecodable", {"encoding": encoding}, column=name)
        cells.append(values)
    return _batch(start, raw, cells, faults)


def _recoded(text: str, encoding: str) -> str | None:
    return encodings.decoded(text.encode(RAW), encoding)


def _encoding(parts: dict[str, Path | None], path: Path, stated: str | None, count: int) -> encodings.Encoding:
    if stated:
        return encodings.stated(stated, is_of_cells=True)
    code_page = parts[".cpg"]
    found = encodings.of_code_page(code_page.read_text("ascii", errors="replace")) if code_page else None
    if found is None:
        with Path(str(parts[".dbf"])).open("rb") as file:
            found = encodings.of_language_byte(file.read(30)[29])
    return found or encodings.by_cells(_text_cells(path, count))


def _text_cells(path: Path, count: int) -> Iterator[bytes]:
    for _, raw in _parts(path, None, count, RAW):
        yield from (name.encode(RAW) for name in raw[0]["fields"])
        for column in raw[3]:
            if column.dtype == object:
                yield from (value.encode(RAW) for value in column if isinstance(value, str) and not value.isascii())


def _described(definition: str) -> crs.System | None:
    try:
        return crs.described(definition)
    except InvalidInput:
        return None  # an unknown description is none: the person is asked
