"""Persons in files: sealed before they leave the process that reads the file."""

import sqlalchemy as sa

from gridmap import personal
from gridmap.layers import LAYERS
from tests.exchange.making import codes, query, rows_of, table, take

ID_NUMBER = "11010519491231002X"
HEAD = ["编码", "姓名", "电话", "身份证号", "lon", "lat"]


def test_a_file_imported_twice_changes_nothing_although_no_sealed_text_is_the_same(district, tmp_path):
    path = table(tmp_path / "v.csv", [HEAD, ["V1", "张三", "138-0013-8000", ID_NUMBER.lower(), 121.5, 31.24]])
    assert take(district, "volunteer", path).inserted == 1
    assert rows_of(district, "volunteer", "name", "phone", "id_number") == [("张三", "138-0013-8000", ID_NUMBER)]
    before = query(district, "SELECT name, phone, id_number, version FROM volunteer")
    report = take(district, "volunteer", path)
    assert (report.inserted, report.updated, report.unchanged) == (0, 0, 1)
    assert query(district, "SELECT name, phone, id_number, version FROM volunteer") == before
    path = table(tmp_path / "w.csv", [HEAD, ["V1", "张三", "13900139000", ID_NUMBER, 121.5, 31.24]])
    assert take(district, "volunteer", path).updated == 1
    former = query(district, "SELECT name, phone, version FROM volunteer_version")
    assert former == [(*before[0][:2], 1)]


def test_a_person_without_a_code_is_recognised_by_name_and_place_but_the_key_tells_neither(district, tmp_path):
    path = table(tmp_path / "v.csv", [["姓名", "lon", "lat"], ["张三", 121.5, 31.24]])
    assert take(district, "volunteer", path).inserted == 1
    assert take(district, "volunteer", path).unchanged == 1
    [(key,)] = query(district, "SELECT source_key FROM volunteer")
    assert key.startswith("hmac:")
    path = table(
        tmp_path / "s.csv", [["name", "kind", "电话", "lon", "lat"], ["仓库", "store", "13800138000", 121.5, 31.24]]
    )
    assert take(district, "supply_point", path, key=["电话"]).inserted == 1
    assert take(district, "supply_point", path, key=["电话"]).unchanged == 1
    [(key,)] = query(district, "SELECT source_key FROM supply_point")
    assert key.startswith("hmac:")


def test_a_phone_that_is_taken_away_cannot_be_found_any_more(district, tmp_path):
    rows = [["编码", "姓名", "电话", "lon", "lat"], ["V1", "张三", "13800138000", 121.5, 31.24]]
    take(district, "volunteer", table(tmp_path / "v.csv", rows))
    rows[1][2] = ""
    take(district, "volunteer", table(tmp_path / "w.csv", rows))
    assert query(district, "SELECT phone, phone_index FROM volunteer") == [(None, None)]


def test_an_identity_number_that_cannot_be_one_is_refused_and_not_repeated(district, tmp_path):
    rows = [HEAD, ["V1", "张三", "", "110105194912310021", 121.5, 31.24], ["V2", "李四", "", 1.1e17, 121.5, 31.24]]
    report = take(district, "volunteer", table(tmp_path / "v.csv", rows))
    assert codes(report) == [(2, "身份证号", "not_identity"), (3, "身份证号", "not_identity")]
    assert report.problems[0].value == "110***********0021"


def test_rows_about_one_point_may_name_its_keeper_each_time_but_only_one(district, tmp_path):
    head, point = ["name", "kind", "keeper", "phone", "lon", "lat", "item", "quantity", "counted_on"], [121.5, 31.24]
    rows = [["仓库", "store", "王五", "13800138000", *point, item, 1, "2026-03-01"] for item in ("灭火器", "饮用水")]
    path = table(tmp_path / "s.csv", [head, *rows])
    assert take(district, "supply_point", path).inserted == 1
    assert take(district, "supply_point", path).unchanged == 1
    assert rows_of(district, "supply_point", "keeper", "phone") == [("王五", "13800138000")]
    rows[1][2] = "赵六"
    report = take(district, "supply_point", table(tmp_path / "t.csv", [head, *rows]))
    assert codes(report) == [(3, "keeper", "differs")]
    assert report.problems[0].value == ""


def test_the_index_finds_the_person_of_an_imported_number(district, tmp_path):
    take(district, "volunteer", table(tmp_path / "v.csv", [HEAD, ["V1", "张三", "", ID_NUMBER, 121.5, 31.24]]))
    volunteer = LAYERS["volunteer"].table
    with district.connect() as conn:
        wanted = personal.index_of(personal.vault_of(conn), volunteer.c.id_number, ID_NUMBER)
        assert conn.scalar(sa.select(volunteer.c.code).where(volunteer.c.id_number_index == wanted)) == "V1"
