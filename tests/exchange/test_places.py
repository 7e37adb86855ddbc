"""Where rows belong: by code, by name, by position; and what belongs to them."""

import pytest

from tests.exchange.making import (
    COMMUNITY,
    box,
    codes,
    geojson,
    house,
    query,
    rows_of,
    spot,
    table,
    take,
    workbook,
)  # fmt: skip

FIRST, SECOND = f"{COMMUNITY}00001", f"{COMMUNITY}00002"


@pytest.fixture
def houses(district, tmp_path):
    """Two buildings: 00001 in the first grid, 00002 in the second, both named."""
    places = ((121.50, FIRST, "一号楼"), (121.53, SECOND, "二号楼"))
    features = [(house(lon, 31.24), {"code": code, "name": name}) for lon, code, name in places]
    assert take(district, "building", geojson(tmp_path / "houses.geojson", *features)).inserted == 2
    return district


def test_buildings_find_community_and_grid_by_position_and_those_outside_are_listed(district, tmp_path):
    lons = (121.49, 121.53, 121.60)
    path = geojson(tmp_path / "b.geojson", *[(house(lon, 31.24), {"id": lon}) for lon in lons])
    report = take(district, "building", path, key=["id"], partial=True)
    assert codes(report) == [(3, "geometry", "outside")]
    assert report.problems[0].value == "POINT(121.6 31.24)"
    assert rows_of(district, "building", "community", "neighbourhood") == [
        (COMMUNITY, f"{COMMUNITY}001"), (COMMUNITY, f"{COMMUNITY}002"),
    ]  # fmt: skip


def test_the_position_that_decides_is_the_one_that_is_stored(district, tmp_path):
    # a U around the border of the community: its centre of gravity lies outside, a point on its surface inside
    path = geojson(tmp_path / "b.geojson", (house(121.54, 31.24, 0.002), {}))
    take(district, "building", path)
    check = "SELECT bool_and(ST_Covers(c.geom, b.position)) FROM building b JOIN community c ON c.id = b.community_id"
    assert query(district, check) == [(True,)]


def test_a_stated_community_or_grid_counts_more_than_the_position(district, tmp_path):
    path = geojson(
        tmp_path / "b.geojson", (house(121.60, 31.24), {"community": "陆家嘴社区", "网格": "第2网格"}),
        (house(121.50, 31.24), {"网格": f"{COMMUNITY}002"}),
    )  # fmt: skip
    assert take(district, "building", path).refused == 0
    assert query(district, "SELECT DISTINCT community, neighbourhood FROM building") == [(COMMUNITY, f"{COMMUNITY}002")]


def test_buildings_taken_before_the_grids_find_theirs_when_the_grids_come(empty_database, tmp_path):
    area = box(121.4, 31.2, 121.6, 31.3)
    take(empty_database, "community", geojson(tmp_path / "c.geojson", (area, {"code": COMMUNITY, "name": "甲"})))
    path = geojson(tmp_path / "b.geojson", (house(121.5, 31.24), {}))
    take(empty_database, "building", path)
    assert rows_of(empty_database, "building", "neighbourhood") == [(None,)]
    take(empty_database, "neighbourhood", geojson(tmp_path / "n.geojson", (area, {"name": "第1网格"})))
    assert take(empty_database, "building", path).unchanged == 1
    assert rows_of(empty_database, "building", "neighbourhood") == [(f"{COMMUNITY}001",)]


def test_a_code_beside_a_name_is_what_counts(district, tmp_path):
    path = geojson(tmp_path / "b.geojson", (house(121.50, 31.24), {"网格": "东片", "网格代码": f"{COMMUNITY}002"}))
    take(district, "building", path)
    assert rows_of(district, "building", "neighbourhood") == [(f"{COMMUNITY}002",)]


def test_an_ambiguous_name_asks_for_the_code(district, tmp_path):
    area = box(121.6, 31.2, 121.7, 31.3)
    take(district, "community", geojson(tmp_path / "c.geojson", (area, {"code": "310115005002", "name": "陆家嘴社区"})))
    report = take(district, "estate", table(tmp_path / "e.csv", [["name", "社区"], ["东苑", "陆家嘴社区"]]), crs=None)
    assert codes(report) == [(2, "community", "place_ambiguous")]
    assert "2 community rows" in report.problems[0].reason_en


def test_estates_hold_the_buildings_that_stand_in_them(houses, tmp_path):
    path = geojson(tmp_path / "e.geojson", (box(121.49, 31.23, 121.51, 31.25), {"name": "东苑"}))
    take(houses, "estate", path)
    held = "SELECT b.code FROM building_estate l JOIN building b ON b.id = l.building_id ORDER BY b.code"
    assert query(houses, held) == [(FIRST,)]
    moved = geojson(
        tmp_path / "b.geojson", (house(121.505, 31.24), {"code": SECOND}), (house(121.53, 31.24), {"code": FIRST})
    )
    take(houses, "building", moved)
    assert query(houses, held) == [(SECOND,)]
    assert take(houses, "estate", path).unchanged == 1
    assert query(houses, held) == [(SECOND,)]


def test_supply_points_and_volunteers_may_lie_outside_every_community(district, tmp_path):
    rows = [["name", "kind", "lon", "lat"], ["远仓", "store", 121.9, 31.24]]
    report = take(district, "supply_point", table(tmp_path / "p.csv", rows))
    assert "nearest_county" in {note.code for note in report.notes}
    assert rows_of(district, "supply_point", "county", "community") == [(310115, None)]
    rows = [["姓名", "经度", "纬度"], ["张三", 121.9, 31.24]]
    report = take(district, "volunteer", table(tmp_path / "v.csv", rows), assign={"county": "310112"})
    assert "nearest_county" not in {note.code for note in report.notes}
    assert rows_of(district, "volunteer", "county", "community") == [(310112, None)]


def test_without_any_community_a_county_must_be_stated(empty_database, tmp_path):
    path = table(tmp_path / "p.csv", [["name", "kind", "lon", "lat"], ["远仓", "store", 121.9, 31.24]])
    report = take(empty_database, "supply_point", path)
    assert codes(report) == [(2, "county", "no_county")]
    assert "--set county=" in report.problems[0].reason_en
    assert take(empty_database, "supply_point", path, assign={"county": "310115"}).inserted == 1


def test_households_are_named_by_building_unit_and_room(houses, tmp_path):
    rows = [
        ["楼栋", "单元", "房号", "居住状态", "人数", "重点人群"],
        ["一号楼", "2单元", "101室", "出租", "3", "独居老人、孕产妇2"],
        [FIRST, 1, 1203, "自住", 2, ""],
        [f"{SECOND}", "", "0302", "vacant", "", "dialysis:1"],
    ]
    path = workbook(tmp_path / "h.xlsx", rows)
    for expected in ((3, 0), (0, 3)):
        report = take(houses, "household", path, crs=None)
        assert (report.inserted, report.unchanged, report.problems) == (*expected, [])
    stored = rows_of(
        houses, "household", "code", "building", "unit", "room", "occupancy", "people_count", "neighbourhood"
    )
    assert stored == [
        (f"{FIRST}011203", FIRST, "01", "1203", "resident", 2, f"{COMMUNITY}001"),
        (f"{FIRST}020101", FIRST, "02", "0101", "rented", 3, f"{COMMUNITY}001"),
        (f"{SECOND}010302", SECOND, "01", "0302", "vacant", 0, f"{COMMUNITY}002"),
    ]
    stands = "SELECT bool_and(ST_Equals(h.geom, b.position)) FROM household h JOIN building b ON b.id = h.building_id"
    assert query(houses, stands) == [(True,)]
    assert query(houses, "SELECT tag, people_count FROM household_priority ORDER BY tag") == [
        ("dialysis", 1), ("elderly_alone", 1), ("pregnant", 2),
    ]  # fmt: skip


def test_priority_groups_become_what_the_file_says(houses, tmp_path):
    for written in ("elderly_alone:1;dialysis:2", "dialysis:1", ""):
        rows = [["building", "room", "priority"], [FIRST, "101", written]]
        take(houses, "household", table(tmp_path / "h.csv", rows), crs=None)
    assert query(houses, "SELECT count(*) FROM household_priority") == [(0,)]
    take(houses, "household", table(tmp_path / "h.csv", [["building", "room"], [FIRST, "101"]]), crs=None)
    rows = [["building", "room", "priority"], [FIRST, "101", "hungry"]]
    report = take(houses, "household", table(tmp_path / "h.csv", rows), crs=None)
    assert codes(report) == [(2, "priority", "unknown_word")]


def test_households_find_their_building_by_code_or_by_position(houses, tmp_path):
    path = geojson(
        tmp_path / "h.geojson", (None, {"code": f"{SECOND}030405"}), (spot(121.50005, 31.24005), {"room": "301"}),
        (spot(121.51, 31.24), {"room": "301"}), (None, {"room": "301"}),
    )  # fmt: skip
    report = take(houses, "household", path, partial=True)
    assert codes(report) == [(3, "geometry", "outside"), (4, "building", "place_needed")]
    assert rows_of(houses, "household") == [(f"{FIRST}010301",), (f"{SECOND}030405",)]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"building": FIRST, "room": "B101"}, ("room", "room_form")),
        ({"building": FIRST, "unit": "东", "room": "101"}, ("unit", "unit_form")),
        ({"building": FIRST, "unit": "100", "room": "101"}, ("unit", "unit_form")),
        ({"building": FIRST}, ("room", "required")),
        ({"code": f"{FIRST}010101", "unit": "2"}, ("code", "code_parts")),
        ({"code": f"{FIRST}010101", "building": SECOND}, ("code", "code_parts")),
        ({"code": f"{COMMUNITY}00009010101"}, ("building", "place_unknown")),
        ({"building": FIRST, "room": "101", "people_count": 501}, ("people_count", "out_of_bounds")),
        ({"building": FIRST, "room": "101", "occupancy": "haunted"}, ("occupancy", "unknown_word")),
    ],
)
def test_a_household_that_contradicts_itself_is_refused(houses, tmp_path, row, problem):
    path = table(tmp_path / "h.csv", [list(row), list(row.values())])
    assert codes(take(houses, "household", path, crs=None)) == [(2, *problem)]


def test_a_point_with_several_items_is_several_rows_of_one_point(district, tmp_path):
    heading = ["名称", "类型", "经度", "纬度", "物资", "数量", "盘点日期"]
    point = ["仓库", "微型消防站", 121.5, 31.24]
    rows = [
        heading,
        [*point, "灭火器", "1,200", "2026/3/1"],
        [*point, "1010101", 24, 45000],
        [*point, "N95 masks", 5, "2026年2月1日"],
    ]
    path = workbook(tmp_path / "s.xlsx", rows)
    for _ in range(2):
        report = take(district, "supply_point", path)
        assert report.refused == 0
    assert query(district, "SELECT kind, version FROM supply_point") == [("station", 1)]
    counted = "SELECT item_code, quantity, counted_on::text FROM stock_count ORDER BY 1"
    assert query(district, counted) == [
        ("1010101", 24, "2023-03-15"), ("1030102", 5, "2026-02-01"), ("2010101", 1200, "2026-03-01"),
    ]  # fmt: skip
    later = [heading, [*point, "灭火器", 7, "2026-04-01"]]
    take(district, "supply_point", workbook(tmp_path / "later.xlsx", later))
    assert query(district, "SELECT quantity FROM stock_count WHERE item_code = '2010101' ORDER BY counted_on") == [
        (1200,), (7,),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        (["仓库", "store", 121.5, 31.24, "灭火气", 1, "2026-03-01"], ("item", "item_unknown")),
        (["仓库", "store", 121.5, 31.24, "灭火器", 1, "2026-03-01"], ("item", "repeated")),
        (["仓库", "store", 121.5, 31.24, "饮用水", "", "2026-03-01"], ("item", "stock_incomplete")),
        (["仓库", "store", 121.5, 31.24, "饮用水", -1, "2026-03-01"], ("quantity", "out_of_bounds")),
        (["仓库", "store", 121.5, 31.24, "饮用水", "NaN", "2026-03-01"], ("quantity", "not_integer")),
        (["仓库", "store", 121.5, 31.24, "", 1, ""], ("quantity", "item_missing")),
        (["仓库", "store", 121.5, 31.24, "", 1, "2026-03-01"], ("quantity", "item_missing")),
        (["仓库", "store", 121.5, 31.24, "", "", "2026-03-01"], ("counted_on", "item_missing")),
        (["仓库", "store", 121.5, 31.24, "饮用水", 1, "2999-03-01"], ("counted_on", "in_future")),
        (["仓库", "store", 121.5, 31.24, "饮用水", 1, "soon"], ("counted_on", "not_date")),
        (["仓库", "clinic", 121.5, 31.24, "饮用水", 1, "2026-03-01"], ("kind", "differs")),
    ],
)
def test_a_wrong_count_is_refused(district, tmp_path, second, problem):
    heading = ["name", "kind", "lon", "lat", "item", "quantity", "counted_on"]
    first = ["仓库", "store", 121.5, 31.24, "灭火器", 3, "2026-03-01"]
    report = take(district, "supply_point", table(tmp_path / "s.csv", [heading, first, second]))
    assert codes(report) == [(3, *problem)]
    if problem[1] == "item_unknown":
        assert "灭火器" in report.problems[0].reason_en


def test_counts_in_a_file_that_names_no_items_are_refused(district, tmp_path):
    rows = [["name", "kind", "lon", "lat", "quantity"], ["仓库", "store", 121.5, 31.24, 3]]
    assert codes(take(district, "supply_point", table(tmp_path / "s.csv", rows))) == [(2, "quantity", "item_missing")]


def test_a_day_set_for_the_whole_file_is_no_count_of_points_without_items(district, tmp_path):
    rows = [["name", "kind", "lon", "lat", "item", "quantity"], ["仓库", "store", 121.5, 31.24, "", ""]]
    report = take(district, "supply_point", table(tmp_path / "s.csv", rows), assign={"counted_on": "2026-03-01"})
    assert (report.inserted, report.problems) == (1, [])


def test_a_wrong_count_keeps_neither_the_point_nor_its_other_counts_out(district, tmp_path):
    point, day = ["仓库", "store", 121.5, 31.24], "2026-03-01"
    rows = [["name", "kind", "lon", "lat", "item", "quantity", "counted_on"]]
    rows += [[*point, item, number, day] for item, number in (("石头", 1), ("灭火器", 2), ("灭火器", 3), ("饮用水", 4))]
    report = take(district, "supply_point", table(tmp_path / "s.csv", rows), partial=True)
    assert codes(report) == [(2, "item", "item_unknown"), (4, "item", "repeated")]
    assert report.inserted == 1
    assert query(district, "SELECT item_code, quantity FROM stock_count ORDER BY 1") == [("1010101", 4), ("2010101", 2)]


def test_volunteers_with_their_buildings_and_skills(houses, tmp_path):
    rows = [["编码", "姓名", "电话", "技能", "在岗", "服务半径", "包楼", "lon", "lat"]]
    rows += [["V1", "张三", "+8613800000000", "急救；驾驶", "是", 500, f"{FIRST}、二号楼", 121.5, 31.24]]
    path = table(tmp_path / "v.csv", rows)
    take(houses, "volunteer", path)
    assert rows_of(houses, "volunteer", "name", "phone", "skills", "on_duty", "radius_m", "neighbourhood") == [
        ("张三", "+8613800000000", ["急救", "驾驶"], True, 500, f"{COMMUNITY}001")
    ]
    served = "SELECT b.code FROM building_volunteer l JOIN building b ON b.id = l.building_id ORDER BY 1"
    assert query(houses, served) == [(FIRST,), (SECOND,)]
    take(houses, "volunteer", table(tmp_path / "w.csv", [["编码", "包楼"], ["V1", SECOND]]), crs=None)
    assert query(houses, served) == [(SECOND,)]
    report = take(houses, "volunteer", table(tmp_path / "x.csv", [["编码", "包楼"], ["V1", "九号楼"]]), crs=None)
    assert codes(report) == [(2, "buildings", "place_unknown")]


def test_the_party_chain_comes_from_one_file_in_any_order(houses, tmp_path):
    rows = [
        ["name", "level", "parent", "community", "neighbourhoods", "buildings", "secretary"],
        ["一号楼党小组", "党小组", "第一支部", "", "", FIRST, "王五"],
        ["第一支部", "党支部", "社区党委", "", "第1网格", "", "李四"],
        ["社区党委", "社区党委", "", "陆家嘴社区", "", "", "张三"],
    ]
    path = table(tmp_path / "u.csv", rows)
    for expected in ((3, 0), (0, 3)):
        report = take(houses, "party_unit", path, crs=None)
        assert (report.inserted, report.unchanged, report.refused) == (*expected, 0)
    chain = """SELECT u.name, p.name FROM party_unit u LEFT JOIN party_unit p ON p.id = u.parent_id ORDER BY u.code"""
    assert query(houses, chain) == [("一号楼党小组", "第一支部"), ("第一支部", "社区党委"), ("社区党委", None)]
    assert query(houses, "SELECT count(*) FROM neighbourhood_party_unit") == [(1,)]
    assert query(houses, "SELECT count(*) FROM building_party_unit") == [(1,)]


def test_a_broken_party_chain_is_refused(houses, tmp_path):
    rows = [
        ["name", "level", "parent", "community"],
        ["支部", "branch", "", COMMUNITY],
        ["党委", "committee", "支部", COMMUNITY],
    ]
    report = take(houses, "party_unit", table(tmp_path / "u.csv", rows), crs=None)
    assert codes(report) == [(2, "parent", "parent_needed"), (3, "parent", "parent_unwanted")]


def test_a_unit_whose_parent_is_refused_is_refused_with_it(houses, tmp_path):
    rows = [
        ["name", "level", "parent", "community", "member_count"],
        ["支部", "branch", "党委", COMMUNITY, 5], ["党委", "committee", "", COMMUNITY, -1], ["小组", "group", "支部", COMMUNITY, 5],
        ["二委", "committee", "", COMMUNITY, 9],
    ]  # fmt: skip
    report = take(houses, "party_unit", table(tmp_path / "u.csv", rows), crs=None, partial=True)
    assert rows_of(houses, "party_unit", "name") == [("二委",)]
    assert {row for row, _, _ in codes(report)} == {2, 3, 4}


def test_party_households_stand_where_their_household_stands(houses, tmp_path):
    take(houses, "household", table(tmp_path / "h.csv", [["building", "room"], [FIRST, "101"]]), crs=None)
    take(
        houses,
        "party_unit",
        table(tmp_path / "u.csv", [["name", "level", "community"], ["党委", "committee", COMMUNITY]]),
        crs=None,
    )
    rows = [["户代码", "党员中心户", "党员数", "党组织"], [f"{FIRST}010101", "是", 2, "党委"]]
    path = table(tmp_path / "p.csv", rows)
    for expected in ((1, 0), (0, 1)):
        report = take(houses, "party_household", path, crs=None)
        assert (report.inserted, report.unchanged, report.refused) == (*expected, 0)
    same = (
        "SELECT p.is_centre, p.building, ST_Equals(p.geom, h.geom) FROM party_household p JOIN household h USING (code)"
    )
    assert query(houses, same) == [(True, FIRST, True)]
    report = take(houses, "party_household", table(tmp_path / "q.csv", [["code"], [f"{SECOND}010101"]]), crs=None)
    assert codes(report) == [(2, "code", "place_unknown")]


def test_a_code_that_excel_rounded_is_refused_with_advice(houses, tmp_path):
    path = workbook(tmp_path / "h.xlsx", [["code", "people_count"], [31011500500100001010101, 2]])
    report = take(houses, "household", path, crs=None)
    assert codes(report) == [(2, "code", "digits_lost")]
    assert "text" in report.problems[0].reason_en
