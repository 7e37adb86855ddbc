"""What is refused, that nothing else of the file is stored then, and how a person gets the rows back."""

import json

import openpyxl
import pytest

from gridmap.access import LOCAL, acting
from gridmap.errors import ImportRefused, InvalidInput, NotAllowed
from gridmap.exchange import import_file, write_report
from gridmap.layers import LAYERS
from tests.exchange.making import (
    COMMUNITY,
    codes,
    geojson,
    house,
    query,
    rows_of,
    shapefile,
    spot,
    table,
    take,
    workbook,
)

HEADING = ["name", "kind", "lon", "lat"]
GOOD = ["仓库", "储备库", 121.50, 31.24]


def test_one_bad_row_keeps_all_rows_out(district, tmp_path):
    path = table(tmp_path / "p.csv", [HEADING, GOOD, ["诊所", "clinic", 121.51, "north"]])
    report = take(district, "supply_point", path)
    assert not report.is_stored
    assert (report.read, report.inserted, report.refused) == (2, 0, 1)
    assert codes(report) == [(3, "geometry", "coordinate")]
    assert rows_of(district, "supply_point") == []
    assert query(district, "SELECT count(*) FROM change_log WHERE layer = 'supply_point'") == [(0,)]


def test_partial_takes_the_good_rows_and_lists_the_others(district, tmp_path):
    path = table(tmp_path / "p.csv", [HEADING, GOOD, ["诊所", "clinic", 121.51, ""]])
    report = take(district, "supply_point", path, partial=True)
    assert report.is_stored
    assert (report.inserted, report.refused) == (1, 1)
    assert codes(report) == [(3, "geometry", "coordinates_incomplete")]
    assert rows_of(district, "supply_point", "name") == [("仓库",)]


def test_a_dry_run_counts_and_stores_nothing(district, tmp_path):
    path = table(tmp_path / "p.csv", [HEADING, GOOD])
    report = take(district, "supply_point", path, dry_run=True)
    assert (report.inserted, report.is_stored) == (1, False)
    assert rows_of(district, "supply_point") == []
    assert query(district, "SELECT count(*) FROM change_log WHERE layer = 'supply_point'") == [(0,)]


@pytest.mark.parametrize(
    ("cell", "column", "code"),
    [
        ({"floors": "many"}, "floors", "not_integer"),
        ({"floors": 201}, "floors", "out_of_bounds"),
        ({"floors": 0}, "floors", "out_of_bounds"),
        ({"floors": 2.5}, "floors", "not_integer"),
        ({"name": "a\u0000b"}, "name", "control_character"),
        ({"name": "长" * 2001}, "name", "too_long"),
        ({"code": "12345"}, "code", "code_digits"),
        ({"code": "31011500500200001"}, "community", "place_unknown"),
        ({"community": "无此社区"}, "community", "place_unknown"),
        ({"code": "31011500500100001", "community": "440305001001"}, "community", "place_unknown"),
    ],
)
def test_a_wrong_cell_is_named_with_row_column_and_reason(district, tmp_path, cell, column, code):
    path = geojson(tmp_path / "b.geojson", (house(121.50, 31.24), {}), (house(121.51, 31.24), cell))
    report = take(district, "building", path)
    assert codes(report) == [(2, column, code)]
    assert report.problems[0].reason_en
    assert report.problems[0].reason_zh
    assert rows_of(district, "building") == []


def test_a_row_tells_all_of_its_faults(district, tmp_path):
    path = geojson(tmp_path / "b.geojson", (spot(121.50, 31.24), {"floors": "x", "units": 100}))
    report = take(district, "building", path)
    assert codes(report) == [
        (1, "floors", "not_integer"), (1, "geometry", "geometry_type"), (1, "units", "out_of_bounds"),
    ]  # fmt: skip
    assert report.refused == 1


def test_a_missing_kind_says_how_to_set_it(district, tmp_path):
    unknown = take(district, "supply_point", table(tmp_path / "a.csv", [HEADING, ["店", "餐馆", 121.5, 31.24]]))
    absent = take(district, "supply_point", table(tmp_path / "b.csv", [["name", "lon", "lat"], ["店", 121.5, 31.24]]))
    for report in (unknown, absent):
        assert codes(report) == [(2, "kind", "unknown_kind")]
        assert "--set kind=" in report.problems[0].reason_en
        assert "储备库" in report.problems[0].reason_zh


def test_a_required_column_may_be_missing_for_what_is_stored_only(district, tmp_path):
    take(district, "supply_point", table(tmp_path / "a.csv", [["code", *HEADING], ["S1", *GOOD]]))
    path = table(tmp_path / "b.csv", [["code", "address"], ["S1", "一号路"], ["S2", "二号路"]])
    report = take(district, "supply_point", path, partial=True)
    assert report.updated == 1
    assert codes(report) == [(3, "name", "required")]
    assert rows_of(district, "supply_point", "code", "name", "address") == [("S1", "仓库", "一号路")]


def test_a_file_without_a_stated_system_is_refused_with_what_to_pass(district, tmp_path):
    path = geojson(tmp_path / "b.geojson", (house(121.50, 31.24), {}))
    with pytest.raises(ImportRefused, match="GCJ-02") as refused:
        take(district, "building", path, crs=None)
    assert refused.value.where == "crs"


def test_the_older_crs_member_of_geojson_counts(district, tmp_path):
    member = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}}
    report = take(
        district, "building", geojson(tmp_path / "b.geojson", (house(121.5, 31.24), {}), crs=member), crs=None
    )
    assert (report.crs, report.inserted) == ("EPSG:4490", 1)


def test_a_stated_system_wins_over_the_file_with_a_warning(district, tmp_path):
    member = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    path = geojson(tmp_path / "b.geojson", (house(121.5, 31.24), {}), crs=member)
    report = take(district, "building", path, crs="GCJ-02")
    assert "crs_differs" in {note.code for note in report.notes}
    assert query(district, "SELECT ST_X(position) BETWEEN 121.4945 AND 121.4965 FROM building") == [(True,)]


def test_a_table_without_coordinates_needs_no_system(district, tmp_path):
    take(district, "building", geojson(tmp_path / "b.geojson", (house(121.5, 31.24), {"code": f"{COMMUNITY}00007"})))
    report = take(
        district, "building", table(tmp_path / "f.csv", [["代码", "层数"], [f"{COMMUNITY}00007", "18"]]), crs=None
    )
    assert (report.updated, report.crs) == (1, "")
    assert rows_of(district, "building", "floors") == [(18,)]


def test_an_old_datum_is_taken_with_a_warning(district, tmp_path):
    rows = [["name", "kind", "x", "y"], ["仓库", "store", 642_900.0, 3_458_000.0]]
    report = take(district, "supply_point", table(tmp_path / "p.csv", rows), crs="EPSG:2437")
    assert report.inserted == 1
    assert "crs_inexact" in {note.code for note in report.notes}


def test_degrees_stated_as_metres_and_the_reverse_are_out_of_range(district, tmp_path):
    metres = table(tmp_path / "m.csv", [HEADING, ["仓库", "store", 642_900.0, 3_458_000.0]])
    assert codes(take(district, "supply_point", metres)) == [(2, "geometry", "out_of_range")]
    swapped = table(tmp_path / "s.csv", [HEADING, ["仓库", "store", 31.24, 121.5]])
    report = take(district, "supply_point", swapped)
    assert codes(report) == [(2, "geometry", "coordinates_swapped")]
    assert "31.24 121.5" in report.problems[0].reason_en


def test_the_report_hands_the_rows_back_with_reasons_refused_first(district, tmp_path):
    rows = [
        ["名称", "类型", "地址", "经度", "纬度"],
        ["仓库", "储备库", "一号路", 121.5, 31.24],
        ["店", "餐馆", "-1+1", 121.5, 31.24],
    ]
    report = take(district, "supply_point", workbook(tmp_path / "in.xlsx", rows))
    write_report(report, tmp_path / "out.xlsx")
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    sheet = [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]
    assert sheet[0] == ["行号 Row", "名称", "类型", "地址", "经度", "纬度", "原因", "Reason"]
    assert sheet[1][:6] == [3, "店", "餐馆", "'-1+1", 121.5, 31.24]
    assert sheet[1][6].startswith("类型: 类型缺失或不认识")
    assert sheet[2][:6] == [2, "仓库", "储备库", "一号路", 121.5, 31.24]
    assert book.worksheets[0].cell(2, 7).fill.fgColor.rgb.endswith("F8D7DA")
    assert ("拒绝 Refused", 1) in {row[:2] for row in book.worksheets[1].iter_rows(values_only=True)}


def test_a_mended_report_can_be_imported_itself(district, tmp_path):
    path = table(tmp_path / "p.csv", [HEADING, GOOD, ["店", "餐馆", 121.5, 31.24]])
    write_report(take(district, "supply_point", path), tmp_path / "out.xlsx")
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    book.worksheets[0].cell(2, 3).value = "协议商户"
    book.save(tmp_path / "mended.xlsx")
    assert take(district, "supply_point", tmp_path / "mended.xlsx").inserted == 2


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.geojson", b"", "empty"),
        ("a.geojson", b"{", "not JSON"),
        ("a.geojson", b'{"type": "FeatureCollection", "features": []}', "no features"),
        ("a.geojson", b'{"type": "Topology", "objects": {}}', "TopoJSON"),
        ("a.geojson", b'{"a": 1}', "not GeoJSON"),
        ("a.geojson", b'{"type": "FeatureCollection", "features": [NaN]}', "not JSON"),
        ("a.csv", b"name,lon,lat\n", "no rows"),
        ("a.csv", b"colour,shape\nred,round\n", "No column is known"),
        ("a.csv", b"name,lon,lat\n\xff\xff\xff,1,2\n", "neither UTF-8 nor GB18030"),
        ("a.xlsx", b"PK nonsense", "not a readable"),
        ("a.xls", b"\xd0\xcf\x11\xe0", "Save it as .xlsx"),
        ("a.shp", b"nonsense", "not a Shapefile"),
        ("a.gpkg", b"nonsense", "not a GeoPackage"),
        ("a.zip", b"nonsense", "not a readable zip"),
        ("a.pdf", b"%PDF", "no known format"),
    ],
)  # fmt: skip
def test_a_useless_file_is_refused_with_one_sentence(district, tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImportRefused, match=said):
        take(district, "supply_point", tmp_path / name)


def test_a_file_that_is_not_there_or_a_folder_is_refused(district, tmp_path):
    with pytest.raises(ImportRefused, match="no file"):
        take(district, "building", tmp_path / "nothing.csv")
    with pytest.raises(ImportRefused, match="not a file"):
        take(district, "building", tmp_path)


def test_wrong_arguments_are_named(district, tmp_path):
    path = table(tmp_path / "p.csv", [HEADING, GOOD])
    with pytest.raises(InvalidInput, match="no column 'colour'"):
        take(district, "supply_point", path, assign={"colour": "red"})
    with pytest.raises(ImportRefused, match="no key column 'id'"):
        take(district, "supply_point", path, key=["id"])
    with pytest.raises(InvalidInput, match="Encoding 'klingon'"):
        take(district, "supply_point", path, encoding="klingon")
    with pytest.raises(InvalidInput, match="cannot be imported"):
        take(district, "closure_zone", path)


def test_only_who_may_edit_the_layer_may_import(district, tmp_path):
    path = table(tmp_path / "p.csv", [HEADING, GOOD])
    viewer = acting("viewer", frozenset({"supply_point.view"}), ("",))
    with pytest.raises(NotAllowed):
        import_file(district, viewer, LAYERS["supply_point"], path, crs="EPSG:4490")


def test_rows_outside_the_actors_area_are_refused(district, tmp_path):
    path = table(tmp_path / "p.csv", [HEADING, GOOD])
    for places, refused in ((("440305001001",), 1), ((COMMUNITY,), 0), (("310115",), 0)):
        actor = acting("worker", None, places)
        report = import_file(district, actor, LAYERS["supply_point"], path, crs="EPSG:4490", dry_run=True)
        assert [problem.code for problem in report.problems] == ["out_of_scope"] * refused


def test_a_file_without_the_codes_a_layer_needs_is_refused_row_by_row(empty_database, tmp_path):
    file = tmp_path / "areas.geojson"
    ring = [[120.6, 30.9], [120.61, 30.9], [120.61, 30.91], [120.6, 30.9]]
    feature = {
        "type": "Feature",
        "properties": {"name": "某社区"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    found = import_file(empty_database, LOCAL, LAYERS["community"], file, crs="EPSG:4490")
    assert [(problem.row, problem.column, problem.code) for problem in found.problems] == [(1, "code", "required")]
    assert not found.is_stored


@pytest.mark.parametrize(
    ("crs", "x", "y", "code"),
    [
        ("EPSG:4549", 3_458_553.8, 642_904.0, "coordinates_swapped"),  # 121.5, 31.24, worked out by pyproj
        ("EPSG:4490", 31.24, 121.5, "coordinates_swapped"),
        ("EPSG:4326", 43.8, 80.3, "coordinates_swapped"),  # of Yining: both numbers could be degrees north
        ("GCJ-02", 39.5, 76.0, "coordinates_swapped"),
        ("EPSG:4490", 2.35, 48.86, "out_of_area"),
        ("EPSG:4549", 121.5, 31.24, "out_of_area"),  # degrees under the name of a system in metres
        ("EPSG:4549", 40_642_904.0, 3_458_553.8, "out_of_range"),  # the zone's number before the easting
        ("EPSG:4549", 642_904.0, 3_458_553.8, ""),
        ("EPSG:4490", 112.33, 16.83, ""),  # Sansha, south of what EPSG says of CGCS2000
    ],
)
def test_a_position_outside_the_area_of_its_system_is_refused_with_the_likely_cause(
    district, tmp_path, crs, x, y, code
):
    path = table(tmp_path / "s.csv", [["name", "kind", "x", "y"], ["仓库", "store", x, y]])
    report = take(district, "supply_point", path, crs=crs, assign={"county": "310115"})
    assert codes(report) == ([(2, "geometry", code)] if code else [])


def test_the_county_is_not_guessed_from_a_community_far_away(district, tmp_path):
    rows = [
        HEADING,
        ["近仓", "store", 121.9, 31.24],
        ["远仓", "store", 122.2, 31.24],
    ]  # 34 km and 63 km from the border
    path = table(tmp_path / "s.csv", rows)
    report = take(district, "supply_point", path, partial=True)
    assert codes(report) == [(3, "county", "no_county_near")]
    assert "50 km" in report.problems[0].reason_en
    assert take(district, "supply_point", path, assign={"county": "310151"}).refused == 0


@pytest.mark.parametrize("cell", ["1_0", "１２１.5", "nan", "true"])
def test_a_coordinate_is_written_in_ordinary_digits(district, tmp_path, cell):
    report = take(district, "supply_point", table(tmp_path / "p.csv", [HEADING, ["仓库", "store", cell, 31.24]]))
    assert codes(report) == [(2, "geometry", "coordinate")]
    assert cell in report.problems[0].reason_en


def test_a_required_cell_that_cannot_be_decoded_is_told_once(district, tmp_path):
    path = shapefile(
        tmp_path / "p.shp", [spot(121.5, 31.24)], {"名称": ["仓库"], "kind": ["store"]}, crs="EPSG:4490", encoding="GBK"
    )
    report = take(district, "supply_point", path, encoding="ascii")
    assert [(row, code) for row, _, code in codes(report)] == [(1, "undecodable")]


def test_footprints_on_one_another_are_told_with_their_codes(district, tmp_path):
    first, twin, beside = house(121.5, 31.24), house(121.500001, 31.24), house(121.5001, 31.24)  # beside: half
    inside = house(121.51, 31.24, 0.00002)
    made = [(first, {}), (twin, {}), (beside, {}), (inside, {})]
    report = take(district, "building", geojson(tmp_path / "b.geojson", *made))
    note = next(note for note in report.notes if note.code == "overlaps")
    assert (report.inserted, f"{COMMUNITY}00001 / {COMMUNITY}00002." in note.en) == (4, True)
    assert note.en.startswith("1 pairs")
    assert f"{COMMUNITY}00001 / {COMMUNITY}00002" in note.zh
    again = take(district, "building", geojson(tmp_path / "b.geojson", *made))
    assert (again.unchanged, [note.code for note in again.notes if note.code == "overlaps"]) == (4, [])
    around = take(district, "building", geojson(tmp_path / "a.geojson", (house(121.51, 31.24), {"name": "大楼"})))
    assert f"{COMMUNITY}00004 / {COMMUNITY}00005." in next(n.en for n in around.notes if n.code == "overlaps")
