"""Files nobody in this project wrote, as their makers left them."""

import json
import shutil

import numpy as np
import pytest
from pyproj import Geod

from gridmap.errors import ImportRefused
from tests.exchange.making import COMMUNITY, box, codes, geojson, query, rows_of, table, take

SHANGHAI = (120.8, 30.6, 122.1, 31.9)
SHENZHEN = (113.7, 22.3, 114.7, 22.9)


@pytest.fixture
def city(empty_database, tmp_path):
    """One large community around Shanghai and one around Shenzhen."""
    take(
        empty_database, "community",
        geojson(
            tmp_path / "c.geojson",
            (box(*SHANGHAI), {"code": COMMUNITY, "name": "上海"}),
            (box(*SHENZHEN), {"code": "440305001001", "name": "深圳"}),
        ),
    )  # fmt: skip
    return empty_database


def test_buildings_cut_at_tile_edges_become_whole_and_label_points_are_refused(city, real_data):
    path = real_data / "osm" / "shanghai-lujiazui-buildings.geojson"
    how = {"crs": "EPSG:4326", "key": ["id"], "merge": True, "partial": True}
    first = take(city, "building", path, **how)
    assert first.read == 1981
    assert (first.inserted, first.refused) == (1450, 409)  # README: 1,572 polygons, 409 points; 122 parts are united
    assert {problem.code for problem in first.problems} == {"geometry_type"}
    assert query(city, "SELECT count(DISTINCT source_key), min(code), max(code) FROM building") == [
        (1450, f"{COMMUNITY}00001", f"{COMMUNITY}01450")
    ]
    again = take(city, "building", path, **how)
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, 1450)
    assert query(city, "SELECT count(*), max(version) FROM building") == [(1450, 1)]


def test_buildings_cut_at_tile_edges_are_refused_with_both_rows_without_merge(city, real_data):
    path = real_data / "osm" / "shanghai-lujiazui-buildings.geojson"
    report = take(city, "building", path, crs="EPSG:4326", key=["id"])
    assert not report.is_stored
    repeated = {p.row: p for p in report.problems if p.code == "repeated"}
    ids = [feature["properties"]["id"] for feature in json.loads(path.read_text())["features"]]
    row = min(repeated)
    other = int("".join(filter(str.isdigit, repeated[row].reason_en.split("row ")[1].split(".")[0])))
    assert ids[row - 1] == ids[other - 1]
    assert rows_of(city, "building") == []


def test_medical_points_become_supply_points_of_kind_clinic(city, real_data):
    path = real_data / "poi" / "shanghai-medical-poi.csv"
    report = take(city, "supply_point", path, crs="EPSG:4326")
    assert (report.read, report.inserted, report.refused) == (7513, 7513, 0)
    assert query(city, "SELECT DISTINCT kind, community FROM supply_point") == [("clinic", COMMUNITY)]
    again = take(city, "supply_point", path, crs="EPSG:4326")
    assert (again.inserted, again.updated, again.unchanged) == (0, 0, 7513)


def test_schools_are_public_spaces(city, real_data):
    report = take(city, "supply_point", real_data / "poi" / "shanghai-primary-schools.csv", crs="EPSG:4326")
    assert report.inserted == 931
    assert query(city, "SELECT DISTINCT kind FROM supply_point") == [("venue",)]


def test_districts_in_a_gbk_shapefile_become_grids_with_their_names(city, real_data):
    path = real_data / "messy" / "shanghai-districts-gbk-shp" / "区县界_area.shp"
    report = take(city, "neighbourhood", path, crs=None)
    assert (report.inserted, report.refused, report.crs) == (17, 0, "EPSG:4326")
    assert "0x4D" in next(note.en for note in report.notes if note.code == "encoding")
    names = {name for (name,) in rows_of(city, "neighbourhood", "name")}
    assert {"浦东新区", "崇明县", "黄浦区"} <= names
    assert take(city, "neighbourhood", path, crs=None).unchanged == 17


def test_a_wrong_stated_encoding_refuses_rows_and_not_the_program(city, real_data):
    path = real_data / "messy" / "shanghai-districts-gbk-shp" / "区县界_area.shp"
    report = take(city, "neighbourhood", path, crs=None, encoding="utf-8")
    assert not report.is_stored
    assert {problem.code for problem in report.problems} >= {"undecodable"}


def test_a_shapefile_without_prj_is_refused_until_its_system_is_stated(city, real_data, tmp_path):
    for file in (real_data / "messy" / "shanghai-districts-gbk-shp").iterdir():
        if file.suffix != ".prj":
            shutil.copyfile(file, tmp_path / f"districts{file.suffix}")
    with pytest.raises(ImportRefused, match="--crs"):
        take(city, "neighbourhood", tmp_path / "districts.shp", crs=None)
    assert take(city, "neighbourhood", tmp_path / "districts.shp", crs="EPSG:4326").inserted == 17


def test_lines_are_no_areas_and_their_missing_system_is_asked_for_first(city, real_data):
    path = real_data / "messy" / "metroline-noprj-shp" / "metroline2.shp"
    with pytest.raises(ImportRefused, match="coordinate system"):
        take(city, "estate", path, crs=None, assign={"name": "地铁"})
    report = take(city, "estate", path, crs="EPSG:4326", assign={"name": "地铁"})
    assert codes(report) == [(1, "geometry", "geometry_type"), (2, "geometry", "geometry_type")]


def test_a_hand_drawn_area_is_refused_with_the_place_of_its_fault_and_taken_repaired(city, real_data):
    path = real_data / "messy" / "shenzhen-handdrawn-area-invalid.geojson"
    how = {"crs": None, "assign": {"name": "手绘小区"}}
    refused = take(city, "estate", path, **how)
    assert codes(refused) == [(1, "geometry", "invalid_shape")]
    assert "Self-intersection[113.9" in refused.problems[0].reason_en
    assert rows_of(city, "estate") == []
    assert take(city, "estate", path, repair=True, **how).inserted == 1
    assert query(city, "SELECT ST_IsValid(geom), ST_Area(geom::geography) > 100000 FROM estate") == [(True, True)]
    assert take(city, "estate", path, repair=True, **how).unchanged == 1


def test_nanshan_buildings_are_taken_one_by_one_and_three_are_repaired(city, real_data, tmp_path):
    whole = json.loads((real_data / "buildings" / "shenzhen-nanshan-buildings.geojson").read_text())
    parts = [
        ({"type": "Polygon", "coordinates": rings}, {"id": f"{height}-{n}"})
        for height, feature in enumerate(whole["features"])
        for n, rings in enumerate(feature["geometry"]["coordinates"])
    ]
    how = {"crs": "EPSG:4326", "key": ["id"]}
    path = geojson(tmp_path / "nanshan.geojson", *parts)
    first = take(city, "building", path, partial=True, **how)
    assert (first.read, first.inserted, first.refused) == (5438, 5435, 3)
    assert {problem.code for problem in first.problems} == {"invalid_shape"}
    second = take(city, "building", path, repair=True, **how)
    assert (second.inserted, second.unchanged, second.refused) == (3, 5435, 0)
    assert "3 shapes" in next(note.en for note in second.notes if note.code == "repaired")


@pytest.mark.parametrize(("name", "key"), [("GCJ-02", "GCJ02"), ("BD-09", "BD09")])
def test_cities_in_an_offset_datum_land_within_a_metre_of_their_place(empty_database, real_data, tmp_path, name, key):
    cities = json.loads((real_data / "messy" / "china-cities-wgs84-gcj02-bd09.json").read_text())
    rows = [["代码", "名称", "类型", "county", "经度", "纬度"]]
    rows += [[f"S{n:03d}", c["attrs"]["name"], "储备库", 100000, *c["coords"][key]] for n, c in enumerate(cities)]
    report = take(empty_database, "supply_point", table(tmp_path / "p.csv", rows), crs=name)
    assert (report.inserted, report.refused) == (332, 0)
    stored = np.array(query(empty_database, "SELECT ST_X(geom), ST_Y(geom) FROM supply_point ORDER BY code")).T
    true = np.array([city["coords"]["WGS84"] for city in cities]).T
    assert Geod(ellps="WGS84").inv(*stored, *true)[2].max() < 0.8  # see test_crs: the services' own answers


def test_a_gbk_csv_with_latitude_first_is_read_and_rows_outside_get_a_county_that_is_near(city, real_data):
    path = real_data / "messy" / "affected-places-gbk-south.csv"
    columns = {"kind": "venue"}
    with pytest.raises(ImportRefused, match="--crs"):
        take(city, "supply_point", path, crs=None, assign=columns)
    twice = take(city, "supply_point", path, crs="EPSG:4326", assign=columns)
    assert [problem.code for problem in twice.problems if problem.code != "no_county_near"] == ["repeated"] * 2
    report = take(city, "supply_point", path, crs="EPSG:4326", assign=columns, merge=True, partial=True)
    assert "gb18030" in next(note.en for note in report.notes if note.code == "encoding")
    assert (report.read, report.inserted, report.refused) == (564, 359, 204)
    assert {problem.code for problem in report.problems} == {"no_county_near"}
    assert "nearest_county" in {note.code for note in report.notes}
    # a county that is stated corrects the guess for those outside every community
    others = take(city, "supply_point", path, crs="EPSG:4326", assign=columns | {"county": "440105"}, merge=True)
    assert (others.inserted, others.updated, others.unchanged, others.refused) == (204, 123, 236, 0)
    assert query(city, "SELECT count(*) FROM supply_point WHERE county = 440105 AND community IS NULL") == [(327,)]
    misplaced = """
        SELECT count(*) FROM supply_point WHERE (community IS NOT NULL) <>
          (geom && ST_MakeEnvelope(113.7, 22.3, 114.7, 22.9, 4490)
           OR geom && ST_MakeEnvelope(120.8, 30.6, 122.1, 31.9, 4490))"""
    assert query(city, misplaced) == [(0,)]
    assert query(city, "SELECT ST_X(geom), ST_Y(geom) FROM supply_point WHERE name = '三元里街道'") == [
        (113.263635, 23.160573)
    ]
