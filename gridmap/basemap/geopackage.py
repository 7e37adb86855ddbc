"""Layers of a GeoPackage as a base map: by OpenStreetMap's tags as columns, or by the names of our own layers."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gridmap.basemap import tags as meaning
from gridmap.basemap.shapes import Thing
from gridmap.basemap.tables import LAYERS
from gridmap.basemap.tags import Kind
from gridmap.crs import STORAGE_SRID
from gridmap.errors import InvalidInput

Progress = Callable[[str, int], None]
CHUNK = 10_000
_PAIR = re.compile(r'"([^"]+)"=>"((?:[^"\\]|\\.)*)"')  # GDAL writes the rarer tags into one column, other_tags
_PLAIN = {
    "water": Kind("water", "water", None, 0), "green": Kind("green", "park", None, 0),
    "railway": Kind("railway", "rail", 9, 17), "street": Kind("street", "minor", 13, 30),
    "label": Kind("label", "suburb", 11, 3),
}  # fmt: skip


def things(path: Path, progress: Progress = lambda stage, done: None) -> Iterator[Thing]:
    """Yield what the base map draws of a GeoPackage, all its layers one after the other, some thousand rows at a time.

    Parameters
    ----------
    path : layers have columns named like OpenStreetMap's keys (`highway`, `natural`, … also in `other_tags`), or are
        called water, green, railway, street or label, with the columns name, name_en and kind where there are some

    Raises
    ------
    InvalidInput if it cannot be read or a layer that is drawn does not say its coordinate system.
    """
    import pyogrio

    try:
        names = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
        seen = 0
        for name in names:
            for thing in _layer(path, name):
                seen += 1
                if seen % CHUNK == 0:
                    progress("read", seen)
                yield thing
        progress("read", seen)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as exc:
        raise InvalidInput(f"{path.name} cannot be read as a GeoPackage: {str(exc)[:200]}", where="file") from exc


def _layer(path: Path, layer: str) -> Iterator[Thing]:
    import pyogrio
    import pyproj
    import shapely

    meta = pyogrio.read_info(path, layer=layer)
    fields = set(meta["fields"])
    plain = _PLAIN.get(layer) if layer in LAYERS else None
    if plain is None and not fields & {*meaning.KEYS, "other_tags"}:
        return
    if meta["crs"] is None:
        raise InvalidInput(f"Layer {layer} of {path.name} does not say its coordinate system.", where="file")
    change = pyproj.Transformer.from_crs(meta["crs"], STORAGE_SRID, always_xy=True)
    begin = 0
    while True:
        part, _, wkb, columns = pyogrio.raw.read(path, layer=layer, skip_features=begin, max_features=CHUNK)
        if not len(wkb):
            return
        shapes = shapely.transform(
            shapely.force_2d(shapely.from_wkb(wkb)), lambda xy: np.column_stack(change.transform(xy[:, 0], xy[:, 1]))
        )
        for row, shape in enumerate(shapes):
            values = {str(name): columns[i][row] for i, name in enumerate(part["fields"])}
            if (thing := _thing(values, shape, plain)) is not None:
                yield thing
        begin += len(wkb)


def _thing(values: Mapping[str, Any], shape: Any, plain: Kind | None) -> Thing | None:
    tags = {key: str(value) for key, value in values.items() if value is not None and value == value}
    tags |= {key: value.replace('\\"', '"') for key, value in _PAIR.findall(tags.get("other_tags", ""))}
    if shape is None or shape.is_empty:
        return None
    kind = _kind(tags, shape.geom_type)
    if kind is None and plain is not None:
        kind = plain if _fits(plain, shape.geom_type) else None
        if plain.layer == "water" and shape.geom_type.endswith("LineString"):
            kind = Kind("water", "river", 11, 24)
    if kind is None:
        return None
    return Thing(
        kind,
        tags.get("name:zh-Hans") or tags.get("name:zh") or tags.get("name"),
        tags.get("name:en") or tags.get("name_en"),
        shape,
    )


def _kind(tags: Mapping[str, str], geometry: str) -> Kind | None:
    if geometry.endswith("Point"):
        return meaning.of_point(tags)
    return meaning.of_line(tags) if geometry.endswith("LineString") else meaning.of_area(tags)


def _fits(kind: Kind, geometry: str) -> bool:
    if kind.layer == "label":
        return True
    return geometry.endswith("Polygon" if kind.min_zoom is None else "LineString")
