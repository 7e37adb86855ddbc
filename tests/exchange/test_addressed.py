"""Households whose file gives an address find their building, or learn which ones are near."""

import pytest

from tests.exchange.making import COMMUNITY, box, geojson, house, rows_of, table, take


@pytest.fixture
def town(district, tmp_path):
    """Two estates that both have a 3幢, one of them a 12号楼, and a building without number."""
    places = [(121.500, "3幢"), (121.502, "１２号楼"), (121.520, "3栋"), (121.522, "物业用房")]
    take(district, "estate", geojson(tmp_path / "e.geojson", (box(121.499, 31.239, 121.504, 31.241), {"name": "朝阳坊"}),
                                     (box(121.519, 31.239, 121.524, 31.241), {"name": "北塘苑"})))  # fmt: skip
    take(
        district,
        "building",
        geojson(tmp_path / "b.geojson", *[(house(lon, 31.24), {"name": name}) for lon, name in places]),
    )
    return district


def households(town, tmp_path, *rows, heading=("地址",), **how):
    return take(town, "household", table(tmp_path / "h.csv", [list(heading), *[list(row) for row in rows]]), **how)


def test_the_estate_in_the_address_or_beside_it_tells_two_buildings_apart(town, tmp_path):
    rows = [("朝阳坊3幢2单元502", ""), ("3号楼1单元301", "北塘苑"), ("十二栋三零二", "")]
    report = households(town, tmp_path, *rows, heading=("地址", "小区"))
    assert (report.problems, report.inserted) == ([], 3)
    found = rows_of(town, "household", "code", "building", "unit", "room")
    assert [(row[2], row[3]) for row in found] == [("02", "0502"), ("01", "0302"), ("01", "0301")]
    assert len({row[1] for row in found}) == 3


def test_an_address_that_fits_two_buildings_is_refused_with_both(town, tmp_path):
    report = households(town, tmp_path, ["3幢2单元502"])
    [found] = report.problems
    assert found.code == "address_ambiguous"
    assert "朝阳坊3幢" in found.reason_zh
    assert "北塘苑3栋" in found.reason_en


def test_an_address_that_fits_nothing_names_what_is_near(town, tmp_path):
    report = households(town, tmp_path, ["朝阳坊8幢101"], ["无"], ["北塘苑12幢101"])
    assert [found.code for found in report.problems] == ["address_unknown", "address_unread", "address_unknown"]
    assert "朝阳坊３幢" in report.problems[0].reason_zh or "朝阳坊3幢" in report.problems[0].reason_zh
    assert "１２号楼" in report.problems[2].reason_zh


def test_a_street_that_nobody_recorded_does_not_stand_in_the_way(town, tmp_path):
    report = households(town, tmp_path, ["幸福路88号12幢502"])
    assert (report.problems, report.inserted) == ([], 1)


def test_the_running_number_counts_inside_a_community_that_is_named(town, tmp_path):
    report = households(town, tmp_path, ["00004幢101", "陆家嘴社区"], heading=("地址", "社区"))
    assert (report.problems, report.inserted) == ([], 1)
    assert rows_of(town, "household", "building") == [(f"{COMMUNITY}00004",)]


def test_what_the_file_states_itself_counts_before_the_address(town, tmp_path):
    row = [f"{COMMUNITY}00001", "3", "101", "北塘苑3栋2单元502"]
    report = households(town, tmp_path, row, heading=("楼栋", "单元", "房号", "地址"))
    assert rows_of(town, "household", "code") == [(f"{COMMUNITY}00001030101",)]
    assert report.problems == []
