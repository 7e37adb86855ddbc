"""Reading GeoJSON row by row, so that one broken geometry refuses one row and not the file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from gridmap import crs
from gridmap.errors import ImportRefused
from gridmap.exchange import encodings
from gridmap.exchange.reasons import Note
from gridmap.exchange.source import BATCH_ROWS, MAX_COLUMNS, Batch, Fault, Source

MAX_BYTES = 1 << 30  # the file is held in memory whole


def source(path: Path, encoding: str | None, layer: str) -> Source:
    """Return a GeoJSON file as a source.

    RFC 7946 says WGS 84, but Chinese files often hold GCJ-02 without saying so: only the older `crs` member counts as
    a statement.
    """
    notes: list[Note] = []
    features, member = _features(_parsed(path, encoding, notes), path.name)
    if not features:
        raise ImportRefused(f"{path.name!r} holds no features.")
    columns = _columns(features)

    def batches() -> Iterator[Batch]:
        for start in range(0, len(features), BATCH_ROWS):
            yield _batch(features[start : start + BATCH_ROWS], columns, start + 1)

    found = crs.described(member) if member else None
    return Source("GeoJSON", columns, batches, has_shapes=True, crs=found, notes=notes)


def _parsed(path: Path, encoding: str | None, notes: list[Note]) -> Any:
    if path.stat().st_size > MAX_BYTES:
        raise ImportRefused(f"{path.name!r} is larger than 1 GiB. Convert it to GeoPackage, which is read in parts.")
    raw = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    if encoding:
        raw = _recoded(raw, encodings.stated(encoding), notes)
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        if encoding is None and not _is_utf8(raw):
            raw = _recoded(raw, encodings.by_trial([raw]), notes)
            return _loaded(raw, path.name)
        raise ImportRefused(f"{path.name!r} is not JSON: {exc}.") from exc


def _loaded(raw: bytes, name: str) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        raise ImportRefused(f"{name!r} is not JSON: {exc}.") from exc


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _recoded(raw: bytes, encoding: encodings.Encoding, notes: list[Note]) -> bytes:
    notes.append(encoding.note)
    try:
        return raw.decode(encoding.name).encode()
    except UnicodeError as exc:
        place = getattr(exc, "start", 0)
        raise ImportRefused(f"The text is not {encoding.name}: byte {place}.", where="encoding") from exc


def _features(document: Any, name: str) -> tuple[list[Any], str]:
    """Return the features of a document and the name in its older `crs` member."""
    if not isinstance(document, dict) or "type" not in document:
        raise ImportRefused(f"{name!r} is JSON, but not GeoJSON: it has no type.")
    kind = document["type"]
    if kind == "Topology":
        raise ImportRefused(f"{name!r} is TopoJSON. Convert it to GeoJSON.")
    if kind == "FeatureCollection":
        features = document.get("features")
    elif kind == "Feature":
        features = [document]
    else:
        features = [{"type": "Feature", "properties": {}, "geometry": document}] if "coordinates" in document else None
    if not isinstance(features, list):
        raise ImportRefused(f"{name!r} is JSON, but not GeoJSON: it has no features.")
    member = document.get("crs")
    properties = member.get("properties") if isinstance(member, dict) else None
    stated = properties.get("name") if isinstance(properties, dict) else None
    return features, stated if isinstance(stated, str) else ""


def _columns(features: list[Any]) -> list[str]:
    names: dict[str, None] = {}
    for feature in features:
        if isinstance(feature, dict):
            names.update(dict.fromkeys(_properties(feature)))
    if len(names) > MAX_COLUMNS:
        raise ImportRefused(f"The file has {len(names)} properties; at most {MAX_COLUMNS} are read.")
    return list(names)


def _properties(feature: dict[str, Any]) -> dict[str, Any]:
    properties = feature.get("properties")
    known = properties if isinstance(properties, dict) else {}
    return {"id": feature["id"], **known} if "id" in feature else known


def _batch(features: list[Any], columns: list[str], first: int) -> Batch:
    import numpy as np

    faults = {i: Fault("not_a_feature", column="") for i, feature in enumerate(features) if not _is_feature(feature)}
    whole = [feature if i not in faults else {} for i, feature in enumerate(features)]
    rows = [_properties(feature) for feature in whole]
    cells = [[_cell(row.get(column)) for row in rows] for column in columns]
    geometries = [feature.get("geometry") for feature in whole]
    shapes, broken = built(geometries)
    return Batch(
        list(range(first, first + len(features))), cells, np.asarray(shapes, dtype=object), {**broken, **faults}
    )


def _is_feature(feature: Any) -> bool:
    return isinstance(feature, dict) and feature.get("type") == "Feature"


def _cell(value: Any) -> Any:
    """Return a property as a cell: a list of words as people write it, anything nested as JSON."""
    if isinstance(value, list) and not any(isinstance(item, dict | list) for item in value):
        return ";".join(str(item) for item in value)
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def built(geometries: list[Any]) -> tuple[Any, dict[int, Fault]]:
    """Return shapely geometries for GeoJSON ones, None where there is none or it is broken, and the faults by index."""
    import shapely

    texts = [orjson.dumps(geometry).decode() if geometry is not None else None for geometry in geometries]
    shapes = shapely.from_geojson(texts, on_invalid="ignore")
    faults = {}
    for i, (text, shape) in enumerate(zip(texts, shapes, strict=True)):
        if text is not None and shape is None:
            faults[i] = _fault(geometries[i])
    return shapes, faults


def _fault(geometry: Any) -> Fault:
    """Return what is wrong with a geometry that could not be built."""
    try:
        coordinates = geometry["coordinates"]
        polygons = {"Polygon": [coordinates], "MultiPolygon": coordinates}[geometry["type"]]
        for polygon in polygons:
            for ring in polygon:
                if ring[0] != ring[-1]:
                    place = f"{ring[0][0]:.6f} {ring[0][1]:.6f}"
                    return Fault("ring_open", {"place": place}, _closed(polygons))
    except (KeyError, TypeError, ValueError, IndexError):
        pass
    return Fault("geometry_unreadable")


def _closed(polygons: list[list[list[Any]]]) -> Any:
    import shapely

    return shapely.MultiPolygon([shapely.Polygon(rings[0], rings[1:]) for rings in polygons])
