"""Rows as files: every format holds what is stored, and taking it back changes nothing."""

import csv
import json
import os
import zipfile

import openpyxl
import pyogrio
import pytest
import shapely
import sqlalchemy as sa

from gridmap.access import LOCAL, acting
from gridmap.demo import load
from gridmap.errors import InvalidInput, NotAllowed, NotFound
from gridmap.exchange import export_file, import_file
from gridmap.layers import LAYERS
from tests.conftest import copy_of
from tests.exchange.making import COMMUNITY, box, geojson, query, take

TAKEN = [name for name, layer in LAYERS.items() if layer.fields]
WAYS = [
    ("geojson", None, None), ("gpkg", None, None), ("shp", None, None), ("zip", None, "GB18030"), ("csv", None, None),
    ("xlsx", None, None), ("gpkg", "EPSG:4549", None), ("csv", "GCJ-02", "gb18030"), ("zip", "BD-09", None),
]  # fmt: skip
# Rows without geometry go into spreadsheets only.
ROUND_TRIPS = [(layer, *way) for way in WAYS for layer in TAKEN if LAYERS[layer].is_drawn or way[0] in ("csv", "xlsx")]
TABLES = (*TAKEN, "stock_count", "household_priority", "building_estate", "building_volunteer", "building_party_unit",
          "neighbourhood_party_unit")  # fmt: skip


@pytest.fixture(scope="module")
def town(cluster, migrated):
    """A demo district of its own, which exports and imports must leave as it is."""
    with copy_of(cluster, migrated) as engine:
        load(engine, LOCAL, households=300, seed=2)
        yield engine


def sums(engine: sa.Engine) -> dict[str, str]:
    row_sum = "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} AS t"
    return {name: query(engine, row_sum.format(name))[0][0] for name in TABLES}


def export(engine, layer, path, **how):
    return export_file(engine, LOCAL, LAYERS[layer], path, **how)


def read(path):
    return list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))


@pytest.mark.parametrize(("layer", "suffix", "crs", "encoding"), ROUND_TRIPS, ids=lambda part: str(part))
def test_taking_an_export_back_changes_nothing(town, tmp_path, layer, suffix, crs, encoding):
    before = sums(town)
    path = tmp_path / f"{layer}.{suffix}"
    written = export(town, layer, path, crs=crs or "EPSG:4490", encoding=encoding)
    report = import_file(town, LOCAL, LAYERS[layer], path, crs=crs or "EPSG:4490")
    assert report.problems == []
    assert (report.inserted, report.updated) == (0, 0)
    assert report.unchanged > 0
    assert report.read == written.rows
    assert sums(town) == before


def test_an_export_taken_into_an_empty_register_is_the_same_register(town, empty_database, tmp_path):
    order = (
        "community",
        "neighbourhood",
        "building",
        "estate",
        "household",
        "party_unit",
        "party_household",
        "supply_point",
    )
    for layer in order:
        export(town, layer, tmp_path / f"{layer}.gpkg")
        report = import_file(empty_database, LOCAL, LAYERS[layer], tmp_path / f"{layer}.gpkg")
        assert report.problems == []
    for layer in order:
        same = f"SELECT code, ST_AsText(geom) FROM {layer} ORDER BY code"
        assert query(empty_database, same) == query(town, same)
    for name in ("building_estate", "building_party_unit", "neighbourhood_party_unit"):
        assert query(empty_database, f"SELECT count(*) FROM {name}") == query(town, f"SELECT count(*) FROM {name}")


@pytest.mark.parametrize("suffix", ["geojson", "gpkg", "zip", "csv", "xlsx"])
def test_layers_that_are_only_drawn_can_be_exported_too(town, tmp_path, suffix):
    for name in LAYERS.keys() - set(TAKEN):
        stored = query(town, f"SELECT count(*) FROM {name} WHERE valid_to IS NULL")[0][0]
        assert export(town, name, tmp_path / f"{name}.{suffix}").rows == stored > 0


def test_geojson_is_that_of_rfc_7946(town, tmp_path):
    export(town, "building", tmp_path / "b.geojson")
    made = json.loads((tmp_path / "b.geojson").read_text())
    assert set(made) == {"type", "features"}  # no crs member
    feature = made["features"][0]
    assert feature["id"] == feature["properties"]["code"]
    assert all(shapely.from_geojson(json.dumps(f["geometry"])).geoms[0].exterior.is_ccw for f in made["features"])
    with pytest.raises(InvalidInput, match="RFC 7946"):
        export(town, "building", tmp_path / "g.geojson", crs="GCJ-02")
    assert not (tmp_path / "g.geojson").exists()


def test_files_name_their_system(town, tmp_path):
    for name, crs in (("a.gpkg", "EPSG:4490"), ("b.shp", "EPSG:4549")):
        export(town, "building", tmp_path / name, crs=crs)
        layer = "building" if name.endswith(".gpkg") else None
        assert pyogrio.read_info(tmp_path / name, layer=layer)["crs"] == crs
    east = pyogrio.read_info(tmp_path / "b.shp")["total_bounds"][0]
    assert 100_000 < east < 900_000


def test_personal_columns_are_left_out_and_the_person_is_told(town, tmp_path):
    report = export(town, "volunteer", tmp_path / "v.csv")
    assert not {"name", "phone"} & set(read(tmp_path / "v.csv")[0])
    assert "name, phone" in next(note.en for note in report.notes if note.code == "personal")
    export(town, "household", tmp_path / "h.csv")
    assert "priority" not in (tmp_path / "h.csv").read_text("utf-8-sig").split("\n")[0]


def test_a_spreadsheet_of_supply_points_has_a_row_for_each_item_as_last_counted(town, tmp_path):
    export(town, "supply_point", tmp_path / "p.xlsx")
    heading, *rows = openpyxl.load_workbook(tmp_path / "p.xlsx").active.iter_rows(values_only=True)
    told = {(row[heading.index("code")], row[heading.index("item")]): row[heading.index("quantity")] for row in rows}
    latest = """
        SELECT DISTINCT ON (p.code, c.item_code) p.code, c.item_code, c.quantity
        FROM stock_count c JOIN supply_point p ON p.id = c.supply_point_id ORDER BY p.code, c.item_code, c.counted_on DESC"""
    assert {key: number for key, number in told.items() if key[1]} == {(c, i): q for c, i, q in query(town, latest)}


def test_formulas_are_escaped_in_spreadsheets_only(empty_database, tmp_path):
    path = geojson(tmp_path / "c.geojson", (box(121.4, 31.2, 121.6, 31.3), {"code": COMMUNITY, "name": "=1+1"}))
    take(empty_database, "community", path)
    for suffix in ("csv", "xlsx", "geojson"):
        export(empty_database, "community", tmp_path / f"o.{suffix}")
        assert take(empty_database, "community", tmp_path / f"o.{suffix}").unchanged == 1
    assert ",'=1+1," in (tmp_path / "o.csv").read_text("utf-8-sig")
    cell = openpyxl.load_workbook(tmp_path / "o.xlsx").active.cell(2, 2)
    assert (cell.value, cell.data_type) == ("'=1+1", "s")
    assert json.loads((tmp_path / "o.geojson").read_text())["features"][0]["properties"]["name"] == "=1+1"


def test_only_the_actors_places_are_written(town, tmp_path):
    (first,), (second,) = query(town, "SELECT code FROM neighbourhood ORDER BY code LIMIT 2")
    actor = acting("worker", None, (first,))
    export_file(town, actor, LAYERS["building"], tmp_path / "b.csv")
    written = read(tmp_path / "b.csv")
    assert {row["neighbourhood"] for row in written} == {first}
    assert second != first
    with pytest.raises(NotFound):
        export_file(town, acting("nobody", None, ()), LAYERS["building"], tmp_path / "n.csv")
    with pytest.raises(NotAllowed):
        export_file(town, acting("guest", frozenset(), ("",)), LAYERS["building"], tmp_path / "n.csv")
    assert not (tmp_path / "n.csv").exists()


@pytest.mark.parametrize(
    ("name", "how", "where"),
    [
        ("a.pdf", {}, "file"), ("nowhere/a.csv", {}, "file"), ("a.csv", {"crs": "wgs84"}, "crs"),
        ("a.csv", {"encoding": "klingon"}, "encoding"), ("a.csv", {"encoding": "ascii"}, "encoding"),
        ("a.zip", {"encoding": "ascii"}, "encoding"), ("a.shp", {"encoding": "klingon"}, "encoding"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_leaves_nothing_behind(town, tmp_path, name, how, where):
    with pytest.raises(InvalidInput) as refused:
        export(town, "building", tmp_path / name, **how)
    assert refused.value.where == where
    assert os.listdir(tmp_path) == []


def test_text_too_long_for_a_shapefile_is_refused_and_not_cut(empty_database, tmp_path):
    path = geojson(tmp_path / "c.geojson", (box(121.4, 31.2, 121.6, 31.3), {"code": COMMUNITY, "name": "长" * 100}))
    take(empty_database, "community", path)
    with pytest.raises(InvalidInput, match="GeoPackage"):
        export(empty_database, "community", tmp_path / "c.shp")
    export(empty_database, "community", tmp_path / "c.gpkg")
    assert take(empty_database, "community", tmp_path / "c.gpkg").unchanged == 1


def test_a_failed_export_keeps_the_former_file(town, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("former")
    with pytest.raises(InvalidInput):
        export(town, "building", path, encoding="ascii")
    assert path.read_text() == "former"
    export(town, "building", path)
    assert path.read_text("utf-8-sig").startswith("code,")


def test_a_zip_holds_one_whole_shapefile(town, tmp_path):
    export(town, "building", tmp_path / "b.zip")
    names = set(zipfile.ZipFile(tmp_path / "b.zip").namelist())
    assert {"building.shp", "building.shx", "building.dbf", "building.prj", "building.cpg"} <= names
