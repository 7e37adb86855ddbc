"""Residents whose file gives an address find their household, or learn which ones are near."""

import openpyxl
import pytest

from gridmap.exchange.template import positions_for, write_template
from gridmap.layers import LAYERS
from tests.exchange.making import COMMUNITY, box, geojson, house, rows_of, table, take

HOME = f"{COMMUNITY}00001"


@pytest.fixture
def town(district, tmp_path):
    """朝阳坊 with a 3幢 of three households, and another 3栋 outside of it without any."""
    estate = geojson(tmp_path / "e.geojson", (box(121.499, 31.239, 121.504, 31.241), {"name": "朝阳坊"}))
    take(district, "estate", estate)
    houses = [(house(121.500, 31.24), {"name": "3幢"}), (house(121.520, 31.24), {"name": "3栋"})]
    take(district, "building", geojson(tmp_path / "b.geojson", *houses))
    doors = [[HOME, unit, room] for unit, room in (("1", "502"), ("2", "502"), ("2", "301"))]
    assert take(district, "household", table(tmp_path / "h.csv", [["building", "unit", "room"], *doors])).inserted == 3
    return district


def residents(town, tmp_path, *rows, heading=("姓名", "地址"), **how):
    return take(town, "resident", table(tmp_path / "r.csv", [list(heading), *map(list, rows)]), **how)


@pytest.mark.parametrize(
    "text", ["朝阳坊3幢2单元502", "朝阳坊 ３号楼２单元５０２室", "朝阳坊3-2-502", "重庆路9号朝阳坊三栋二单元五零二"]
)
def test_an_address_finds_the_household_however_it_is_written(town, tmp_path, text):
    report = residents(town, tmp_path, ("王芳", text))
    assert (report.problems, report.inserted) == ([], 1)
    assert rows_of(town, "resident", "household") == [(f"{HOME}020502",)]
    assert rows_of(town, "household", "people_count") == [(0,), (0,), (1,)]


def test_estate_unit_and_room_in_columns_of_their_own_count_too(town, tmp_path):
    heading = ("姓名", "地址", "小区", "单元")
    report = residents(town, tmp_path, ("王芳", "3幢502", "朝阳坊", "1"), heading=heading)
    assert (report.problems, report.inserted) == ([], 1)
    assert rows_of(town, "resident", "household") == [(f"{HOME}010502",)]


def test_a_room_that_only_one_unit_has_needs_no_unit_and_one_of_two_is_refused_with_both(town, tmp_path):
    report = residents(town, tmp_path, ("王芳", "朝阳坊3幢301"), ("李强", "朝阳坊3幢502"), partial=True)
    assert report.inserted == 1
    assert rows_of(town, "resident", "household") == [(f"{HOME}020301",)]
    [found] = report.problems
    assert (found.row, found.code) == (3, "address_homes")
    assert f"{HOME}010502" in found.reason_en
    assert f"{HOME}020502" in found.reason_zh


def test_an_address_of_no_household_names_those_near_by(town, tmp_path):
    rows = [("王芳", "朝阳坊3幢2单元302"), ("李强", "朝阳坊8幢101"), ("赵敏", "无"), ("孙丽", "3幢2单元502")]
    report = residents(town, tmp_path, *rows)
    assert report.inserted == 0
    codes = [found.code for found in report.problems]
    assert codes == ["address_no_home", "address_unknown", "address_unread", "address_ambiguous"]
    near = report.problems[0].reason_zh
    assert near.index(f"{HOME}020301") < near.index(f"{HOME}010502")
    assert "朝阳坊3幢" in report.problems[1].reason_zh


def test_the_household_that_the_file_names_counts_before_the_address(town, tmp_path):
    heading = ("姓名", "户代码", "地址")
    report = residents(town, tmp_path, ("王芳", f"{HOME}010502", "朝阳坊3幢2单元502"), heading=heading)
    assert (report.problems, report.inserted) == ([], 1)
    assert rows_of(town, "resident", "household") == [(f"{HOME}010502",)]


def test_the_template_offers_the_address_with_an_example(tmp_path):
    path = tmp_path / "t.xlsx"
    with path.open("wb") as file:
        write_template(LAYERS["resident"], file, positions_for(LAYERS["resident"]))
    book = openpyxl.load_workbook(path)
    headings = [cell.value for cell in book["resident"][1]]
    assert {"地址", "小区", "社区"} <= set(headings)
    assert any("3幢2单元502" in str(cell) for row in book.worksheets[1].iter_rows(values_only=True) for cell in row)
