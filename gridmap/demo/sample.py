"""The sample in `data/boundaries/`: the generator's rows of one small district as files that `gridmap import` reads."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import shapely

from gridmap import hierarchy
from gridmap.demo.district import FIXED_DAY, generate
from gridmap.demo.ground import CENTRE
from gridmap.demo.rows import COUNTY, Batch
from gridmap.layer import Layer
from gridmap.layers import LAYERS
from gridmap.layers.supply_point import stock_count

SAMPLE_HOUSEHOLDS = 1_200
_STOCK_COLUMNS = ("code", "name", "kind", "lon", "lat", "item", "quantity", "counted_on")
_README = """# Sample boundaries: a synthetic district

Everything here is made up by gridmap's own generator: no place, person, phone or closure zone is real. 全部为虚构数据。
The county code {county} is not in use (no province has the prefix 99); the ground around {lon}°E {lat}°N is a real
position with an invented city on it.

- Source: `gridmap.demo.generate(households={households}, seed={seed})`, the generator that `gridmap demo` loads from.
  Made again by `python -c "from pathlib import Path; from gridmap.demo import write_sample;
  write_sample(Path('data/boundaries'))"`; a test compares these files with a fresh run, byte by byte.
- Date: {day}, the day that stock counts and closure zones are dated by. The demo itself dates them by the day it is loaded.
- CRS: EPSG:4490 (CGCS2000), longitude and latitude in degrees, seven decimals (about 1 cm).
- Licence: that of gridmap.

| file | features |
| --- | --: |
{counts}

The GeoJSON properties are the columns that `gridmap import LAYER FILE --crs EPSG:4490` reads; places are named by code.
Import in the order community, neighbourhood, estate, building, household, party_unit, party_household, supply_point,
volunteer. `stock_count.csv` holds what was counted at the supply points, one row a count, and imports as supply_point.
Streets and closure zones are drawn by the demo and not imported.
"""

Row = dict[str, Any]


def write_sample(folder: Path, *, households: int = SAMPLE_HOUSEHOLDS, seed: int = 1) -> None:
    """Write a small district as GeoJSON, one file a layer, its stock as CSV, and a README with source and counts."""
    rows = _rows(generate(households, seed, day=FIXED_DAY))
    files = {f"{layer.name}.geojson": list(_features(layer, rows)) for layer in LAYERS.drawn()}
    stock = list(_stock(rows))
    counts = {name: len(features) for name, features in files.items()} | {"stock_count.csv": len(stock)}
    folder.mkdir(parents=True, exist_ok=True)
    for name, features in files.items():
        folder.joinpath(name).write_bytes(_collection(name, features))
    folder.joinpath("stock_count.csv").write_bytes(_table(stock))
    folder.joinpath("README.md").write_text(_readme(households, seed, counts), "utf-8")


def _rows(batches: Iterator[Batch]) -> dict[str, list[Row]]:
    """Return all rows by table."""
    found: dict[str, list[Row]] = defaultdict(list)
    for batch in batches:
        names = list(batch.columns)
        found[batch.table.name] += (
            dict(zip(names, row, strict=True)) for row in zip(*batch.columns.values(), strict=True)
        )
    return found


def _features(layer: Layer, rows: dict[str, list[Row]]) -> Iterator[Row]:
    """Yield the features of a layer with the properties its import reads."""
    own = rows[layer.table.name]
    linked = _linked(layer, rows)
    codes = {row["id"]: row["code"] for table in LAYERS for row in rows[table]}
    names = [field.column for field in layer.fields] or list(dict.fromkeys((*layer.tile_columns, *layer.list_columns)))
    shapes = shapely.from_wkb([row["geom"] for row in own])
    for row, shape in zip(own, shapes, strict=True):
        known = row | linked.get(row["id"], {})
        known |= {name.removesuffix("_id"): codes.get(known[name]) for name in row if name.endswith("_id")}
        known |= {name: row[name] for name in ("community", "neighbourhood", "building") if name in row}
        properties = {name: _text(known[name]) for name in names if name in known}
        yield {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(shape)}


def _text(value: Any) -> Any:
    """Return a list as the words that spreadsheets have, other values as they are."""
    return ";".join(value) if isinstance(value, list) else value


def _linked(layer: Layer, rows: dict[str, list[Row]]) -> dict[str, Row]:
    """Return what other tables say of a layer's rows, by id: the places they serve, the care a household needs."""
    found: dict[str, Row] = defaultdict(dict)
    for field in layer.fields:
        if field.kind == "words" and field.place:
            codes = {row["id"]: row["code"] for row in rows[field.place]}
            for pair in rows[f"{field.place}_{layer.name}"]:
                served = found[pair[f"{layer.name}_id"]].setdefault(field.column, [])
                served.append(codes[pair[f"{field.place}_id"]])
    if layer.name == "household":
        for need in rows[hierarchy.household_priority.name]:
            needs = found[need["household_id"]].setdefault("priority", [])
            needs.append(f"{need['tag']}:{need['people_count']}")
    return found


def _stock(rows: dict[str, list[Row]]) -> Iterator[Row]:
    """Yield what was counted, with the point it was counted at."""
    points = {row["id"]: row for row in rows["supply_point"]}
    for count in rows[stock_count.name]:
        point = points[count["supply_point_id"]]
        at = shapely.from_wkb(point["geom"])
        yield point | {"lon": at.x, "lat": at.y, "item": count["item_code"]} | count


def _collection(name: str, features: list[Row]) -> bytes:
    """Return a GeoJSON FeatureCollection, one feature a line."""
    lines = b",\n".join(orjson.dumps(feature) for feature in features)
    return b'{"type":"FeatureCollection","name":"%s","features":[\n%s\n]}\n' % (name.split(".")[0].encode(), lines)


def _table(rows: list[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, _STOCK_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _readme(households: int, seed: int, counts: dict[str, int]) -> str:
    table = "\n".join(f"| `{name}` | {count} |" for name, count in counts.items())
    lon, lat = CENTRE
    return _README.format(
        county=COUNTY, lon=lon, lat=lat, households=households, seed=seed, day=FIXED_DAY, counts=table
    )
