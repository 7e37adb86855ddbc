"""Which thing a row is about: run twice changes nothing, keys, codes, parts of one thing, former versions."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from gridmap.access import LOCAL
from gridmap.db import transaction
from tests.exchange.making import COMMUNITY, box, codes, geojson, house, query, rows_of, spot, table, take

FIRST, SECOND = f"{COMMUNITY}00001", f"{COMMUNITY}00002"


def test_running_twice_changes_nothing_by_code_by_key_and_by_digest(district, tmp_path):
    by_code = geojson(tmp_path / "code.geojson", (house(121.50, 31.24), {"code": f"{COMMUNITY}00500", "name": "甲"}))
    by_key = geojson(tmp_path / "key.geojson", (house(121.51, 31.24), {"id": 7, "name": "乙"}))
    by_digest = geojson(tmp_path / "digest.geojson", (house(121.52, 31.24), {"name": "丙"}), (house(121.53, 31.24), {}))
    for path, key in ((by_code, []), (by_key, ["id"]), (by_digest, [])):
        first, second = (take(district, "building", path, key=key) for _ in range(2))
        assert first.inserted == first.read
        assert (second.inserted, second.updated, second.unchanged) == (0, 0, first.read)
    assert query(district, "SELECT count(*), max(version) FROM building") == [(4, 1)]
    assert query(district, "SELECT count(*) FROM building_version") == [(0,)]


def test_a_changed_row_becomes_the_next_version_and_the_former_is_kept(district, tmp_path):
    for floors in (6, 7):
        report = take(
            district, "building",
            geojson(tmp_path / f"{floors}.geojson", (house(121.50, 31.24), {"code": FIRST, "floors": floors})),
        )  # fmt: skip
    assert (report.updated, report.unchanged) == (1, 0)
    assert query(district, "SELECT floors, version, changed_by, source FROM building") == [(7, 2, "local", "7.geojson")]
    assert query(district, "SELECT floors, version, source FROM building_version") == [(6, 1, "6.geojson")]


def test_a_moved_shape_is_a_change_and_a_tenth_of_a_millimetre_is_none(district, tmp_path):
    for shift, updated in ((0.0, 0), (1e-9, 0), (1e-6, 1)):
        path = geojson(tmp_path / "b.geojson", (house(121.50 + shift, 31.24), {"code": FIRST}))
        assert take(district, "building", path).updated == updated


def test_columns_missing_in_the_file_keep_what_is_stored_and_empty_cells_do_not(district, tmp_path):
    path = geojson(
        tmp_path / "b.geojson", (house(121.50, 31.24), {"code": FIRST, "name": "甲", "floors": 6, "units": 2})
    )
    take(district, "building", path)
    take(district, "building", table(tmp_path / "b.csv", [["code", "name", "units"], [FIRST, "", ""]]))
    assert rows_of(district, "building", "name", "floors", "units") == [("甲", 6, None)]  # a name is never emptied


def test_buildings_without_a_code_get_the_next_free_number_in_the_order_of_the_file(district, tmp_path):
    take(district, "building", geojson(tmp_path / "a.geojson", (house(121.50, 31.24), {"code": f"{COMMUNITY}00041"})))
    path = geojson(tmp_path / "b.geojson", *[(house(lon, 31.23), {"id": lon}) for lon in (121.53, 121.49, 121.51)])
    take(district, "building", path, key=["id"])
    assert rows_of(district, "building", "code", "source_key", "name")[1:] == [
        (f"{COMMUNITY}00042", "id=121.53", "楼栋00042"),
        (f"{COMMUNITY}00043", "id=121.49", "楼栋00043"),
        (f"{COMMUNITY}00044", "id=121.51", "楼栋00044"),
    ]


def test_the_number_of_a_retired_building_is_not_given_again(district, tmp_path):
    take(district, "building", geojson(tmp_path / "a.geojson", (house(121.50, 31.24), {"code": FIRST})))
    with transaction(district, LOCAL) as conn:
        conn.exec_driver_sql("UPDATE building SET valid_to = now(), version = version + 1, changed_at = now()")
    take(district, "building", geojson(tmp_path / "b.geojson", (house(121.51, 31.24), {})))
    assert rows_of(district, "building") == [(SECOND,)]


def test_codes_of_other_layers_are_community_letter_and_number(district, tmp_path):
    rows = [["name", "kind", "lon", "lat"], ["内", "store", 121.5, 31.24], ["外", "store", 121.9, 31.24]]
    take(district, "supply_point", table(tmp_path / "p.csv", rows))
    assert rows_of(district, "supply_point", "code", "name") == [
        ("310115000000S00001", "外"), (f"{COMMUNITY}S00001", "内"),
    ]  # fmt: skip
    assert rows_of(district, "neighbourhood") == [(f"{COMMUNITY}001",), (f"{COMMUNITY}002",)]


def test_repeated_codes_and_keys_are_refused_with_both_rows(district, tmp_path):
    pair = [(house(121.50, 31.24), {"code": FIRST, "id": 1}), (house(121.51, 31.24), {"code": FIRST, "id": 2})]
    report = take(district, "building", geojson(tmp_path / "c.geojson", *pair))
    assert codes(report) == [(1, "code", "repeated"), (2, "code", "repeated")]
    assert "row 2" in report.problems[0].reason_en
    assert "第 1 行" in report.problems[1].reason_zh
    pair = [(house(121.50, 31.24), {"id": 1}), (house(121.51, 31.24), {"id": 1})]
    report = take(district, "building", geojson(tmp_path / "k.geojson", *pair), key=["id"])
    assert codes(report) == [(1, "id", "repeated"), (2, "id", "repeated")]


def test_different_keys_for_one_code_are_refused(district, tmp_path):
    pair = [(house(121.50, 31.24), {"code": FIRST, "id": 1}), (house(121.51, 31.24), {"code": FIRST, "id": 2})]
    report = take(district, "building", geojson(tmp_path / "c.geojson", *pair), key=["id"])
    assert [code for _, _, code in codes(report)] == ["repeated", "repeated"]


def test_merge_unites_parts_and_keeps_the_first_value_of_each_column(district, tmp_path):
    left, right = box(121.500, 31.240, 121.501, 31.241), box(121.501, 31.240, 121.502, 31.241)
    path = geojson(
        tmp_path / "m.geojson",
        (left, {"id": 1, "name": None, "floors": 6}),
        (right, {"id": 1, "name": "乙", "floors": 9}),
    )
    for _ in range(2):
        report = take(district, "building", path, key=["id"], merge=True)
        assert report.refused == 0
    assert query(district, "SELECT name, floors, version, ST_NumGeometries(geom), ST_Area(geom) FROM building") == [
        ("乙", 6, 1, 1, pytest.approx(0.002 * 0.001))
    ]


def test_a_key_of_several_columns_and_an_empty_one(district, tmp_path):
    path = geojson(
        tmp_path / "k.geojson", (house(121.50, 31.24), {"set": "a", "id": 1}), (house(121.51, 31.24), {"set": "b", "id": 1}),
        (house(121.52, 31.24), {"set": "", "id": 1}),
    )  # fmt: skip
    report = take(district, "building", path, key=["set", "id"], partial=True)
    assert report.inserted == 2
    assert codes(report) == [(3, "set+id", "key_empty")]
    assert rows_of(district, "building", "source_key") == [("set=a|id=1",), ("set=b|id=1",)]


def test_a_source_told_on_the_command_line_keeps_two_sources_with_the_same_numbers_apart(district, tmp_path):
    for lon, source in ((121.50, "osm"), (121.51, "city")):
        path = geojson(tmp_path / f"{source}.geojson", (house(lon, 31.24), {"id": 1}))
        assert take(district, "building", path, key=["source", "id"], assign={"source": source}).inserted == 1
    assert rows_of(district, "building", "source", "source_key") == [
        ("osm", "source=osm|id=1"), ("city", "source=city|id=1"),
    ]  # fmt: skip


def test_a_key_that_belongs_to_another_code_is_refused(district, tmp_path):
    take(district, "building", geojson(tmp_path / "a.geojson", (house(121.50, 31.24), {"id": 1})), key=["id"])
    path = geojson(tmp_path / "b.geojson", (house(121.51, 31.24), {"id": 1, "code": f"{COMMUNITY}00009"}))
    report = take(district, "building", path, key=["id"])
    assert codes(report) == [(1, "code", "key_of_other")]
    assert FIRST in report.problems[0].reason_en


def test_a_thing_in_a_community_cannot_move_to_another_county(district, tmp_path):
    take(
        district, "community",
        geojson(tmp_path / "c.geojson", (box(113.9, 22.5, 114.0, 22.6), {"code": "440305001001", "name": "南山"})),
    )  # fmt: skip
    heading = ["code", "name", "kind", "lon", "lat"]
    take(district, "supply_point", table(tmp_path / "a.csv", [heading, ["S1", "仓库", "store", 121.5, 31.24]]))
    report = take(
        district, "supply_point", table(tmp_path / "b.csv", [heading, ["S1", "仓库", "store", 113.95, 22.55]])
    )
    assert codes(report) == [(2, "county", "county_fixed")]


def test_an_id_beside_the_properties_is_a_key_too(district, tmp_path):
    feature = {"type": "Feature", "id": "way/7", "properties": {}, "geometry": house(121.5, 31.24)}
    (tmp_path / "b.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    take(district, "building", tmp_path / "b.geojson", key=["id"])
    assert rows_of(district, "building", "source_key") == [("id=way/7",)]


def test_things_without_geometry_are_known_by_name_and_place(district, tmp_path):
    path = table(tmp_path / "e.csv", [["name", "community"], ["东苑", "陆家嘴社区"], ["西苑", COMMUNITY]])
    for expected in ((2, 0), (0, 2)):
        report = take(district, "estate", path, crs=None)
        assert (report.inserted, report.unchanged) == expected
    assert query(district, "SELECT count(*) FROM estate WHERE geom IS NULL") == [(2,)]
    assert codes(take(district, "estate", geojson(tmp_path / "s.geojson", (spot(121.5, 31.24), {"name": "x"})))) == [
        (1, "geometry", "geometry_type")
    ]


def test_two_imports_at_once_give_no_number_twice(district, tmp_path):
    paths = [
        geojson(tmp_path / f"{n}.geojson", *[(house(lon, 31.23 + n / 100), {}) for lon in (121.49, 121.50, 121.51)])
        for n in range(3)
    ]
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda path: take(district, "building", path), paths))
    assert [report.inserted for report in reports] == [3, 3, 3]
    assert rows_of(district, "building") == [(f"{COMMUNITY}{n:05d}",) for n in range(1, 10)]
