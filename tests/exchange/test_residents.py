"""Residents in files: one person stays one person, and a household's numbers are those of its residents."""

import pytest
import sqlalchemy as sa

from gridmap.access import acting
from gridmap.errors import InvalidInput
from gridmap.exchange import export_file, import_file
from gridmap.layers import LAYERS
from tests.exchange.making import COMMUNITY, codes, geojson, house, query, rows_of, table, take

FIRST, SECOND = f"{COMMUNITY}00001", f"{COMMUNITY}00002"
HOME, NEXT = f"{FIRST}010101", f"{FIRST}010102"
ID_NUMBER = "11010519491231002X"
HEAD = ["户代码", "姓名", "出生年份", "身份证号", "重点人群"]


@pytest.fixture
def homes(district, tmp_path):
    """Two buildings, three households in the first; nobody is on record by name."""
    houses = [(house(121.5, 31.24), {"name": "一号楼"}), (house(121.52, 31.24), {"name": "二号楼"})]
    take(district, "building", geojson(tmp_path / "b.geojson", *houses))
    rows = [["building", "room", "people_count", "priority"], [FIRST, "101", 3, "chronic:2"], [FIRST, "102", 2, ""]]
    assert take(district, "household", table(tmp_path / "h.csv", [*rows, [FIRST, "103", 1, ""]])).inserted == 3
    return district


def people_of(engine: sa.Engine) -> dict[str, int]:
    return dict(query(engine, "SELECT code, people_count FROM household ORDER BY code"))


def groups_of(engine: sa.Engine, code: str = HOME) -> dict[str, int]:
    text = (
        "SELECT p.tag, p.people_count FROM household_priority p JOIN household h"
        f" ON h.county = p.county AND h.id = p.household_id WHERE h.code = '{code}'"
    )
    return dict(query(engine, text))


def outcome(report) -> tuple[int, int, int]:
    assert report.problems == []
    return report.inserted, report.updated, report.unchanged


def test_residents_count_their_household_and_leave_the_stated_numbers_of_others(homes, tmp_path):
    path = table(
        tmp_path / "r.csv", [HEAD, [HOME, "王芳", 1950, "", "独居老人；慢性病"], [HOME, "王伟", 2024, "", "婴幼儿"]]
    )
    report = take(homes, "resident", path)
    assert (codes(report), outcome(report)) == ([], (2, 0, 0))
    assert people_of(homes) == {HOME: 2, NEXT: 2, f"{FIRST}010103": 1}
    assert groups_of(homes) == {"chronic": 1, "elderly_alone": 1, "infant": 1}
    assert rows_of(homes, "resident", "code", "household", "neighbourhood", "name") == [
        (f"{COMMUNITY}M00001", HOME, f"{COMMUNITY}001", "王芳"), (f"{COMMUNITY}M00002", HOME, f"{COMMUNITY}001", "王伟"),
    ]  # fmt: skip


def test_a_file_imported_twice_changes_nothing(homes, tmp_path):
    rows = [HEAD, [HOME, "王芳", 1950, ID_NUMBER, "慢性病"], [NEXT, "李强", "", "", ""]]
    assert outcome(take(homes, "resident", table(tmp_path / "r.csv", rows))) == (2, 0, 0)
    before = query(homes, "SELECT * FROM resident ORDER BY code") + query(
        homes, "SELECT * FROM household ORDER BY code"
    )
    assert outcome(take(homes, "resident", table(tmp_path / "again.csv", rows))) == (0, 0, 2)
    after = query(homes, "SELECT * FROM resident ORDER BY code") + query(homes, "SELECT * FROM household ORDER BY code")
    assert before == after


def test_a_person_entered_otherwise_is_known_by_household_name_and_year(homes, tmp_path):
    take(homes, "resident", table(tmp_path / "r.csv", [["code", *HEAD], ["X1", HOME, "王 芳", 1950, "", "慢性病"]]))
    rows = [["楼栋", "单元", "房号", "姓名", "电话"], ["一号楼", "", "101", "王芳", "13800138000"]]
    assert outcome(take(homes, "resident", table(tmp_path / "s.csv", rows))) == (0, 1, 0)
    assert rows_of(homes, "resident", "code", "phone", "birth_year") == [("X1", "13800138000", 1950)]
    assert groups_of(homes) == {"chronic": 1}


def test_an_identity_number_finds_a_person_in_another_household_and_moves_them(homes, tmp_path):
    take(homes, "resident", table(tmp_path / "r.csv", [HEAD, [HOME, "王芳", 1949, ID_NUMBER, "慢性病"]]))
    report = take(homes, "resident", table(tmp_path / "s.csv", [HEAD, [NEXT, "王芳", 1949, ID_NUMBER, "慢性病"]]))
    assert outcome(report) == (0, 1, 0)
    assert people_of(homes) == {HOME: 0, NEXT: 1, f"{FIRST}010103": 1}
    assert (groups_of(homes), groups_of(homes, NEXT)) == ({}, {"chronic": 1})


def test_an_older_file_does_not_move_a_person_back(homes, tmp_path):
    old = table(tmp_path / "old.csv", [HEAD[:3], [HOME, "王芳", 1950]])
    take(homes, "resident", old)
    code = rows_of(homes, "resident")[0][0]
    take(homes, "resident", table(tmp_path / "new.csv", [["code", "household", "name"], [code, NEXT, "王芳"]]))
    assert codes(take(homes, "resident", old)) == [(2, "household", "moved_since")]


def test_other_tags_alone_are_a_new_version_of_the_person(homes, tmp_path):
    take(homes, "resident", table(tmp_path / "r.csv", [HEAD, [HOME, "王芳", 1950, "", "慢性病"]]))
    assert outcome(take(homes, "resident", table(tmp_path / "s.csv", [HEAD, [HOME, "王芳", 1950, "", "残疾"]]))) == (
        0,
        1,
        0,
    )
    assert query(homes, "SELECT version FROM resident") == [(2,)]
    assert groups_of(homes) == {"disabled": 1}
    assert query(homes, "SELECT tag FROM resident_priority_version") == [("chronic",)]


def test_stated_numbers_that_contradict_residents_are_refused(homes, tmp_path):
    take(homes, "resident", table(tmp_path / "r.csv", [HEAD, [HOME, "王芳", 1950, "", "慢性病"]]))
    head = ["building", "room", "people_count", "priority"]
    report = take(homes, "household", table(tmp_path / "h.csv", [head, [FIRST, "101", 4, ""], [FIRST, "102", 4, ""]]))
    assert codes(report) == [(2, "people_count", "people_counted")]
    report = take(homes, "household", table(tmp_path / "g.csv", [head, [FIRST, "101", 1, "infant:1"]]))
    assert codes(report) == [(2, "priority", "groups_counted")]
    report = take(homes, "household", table(tmp_path / "e.csv", [head, [FIRST, "101", "", ""], [FIRST, "102", 4, ""]]))
    assert outcome(report) == (0, 1, 1)
    assert (people_of(homes)[HOME], groups_of(homes)) == (1, {"chronic": 1})


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ([f"{FIRST}010199", "王芳", 1950, ID_NUMBER, ""], ("household", "place_unknown")),
        (["", "王芳", 1950, ID_NUMBER, ""], ("household", "place_needed")),
        ([HOME, "", 1950, ID_NUMBER, ""], ("姓名", "required")),
        ([HOME, "王芳", 2099, "", ""], ("birth_year", "in_future")),
        ([HOME, "王芳", 1950, "", "宇航员"], ("重点人群", "unknown_word")),
        ([HOME, "王芳", 1950, "110105194912310021", ""], ("身份证号", "not_identity")),
    ],
)
def test_a_row_that_cannot_be_right_is_refused_by_its_column(homes, tmp_path, row, problem):
    report = take(homes, "resident", table(tmp_path / "r.csv", [HEAD, row]))
    assert codes(report) == [(2, *problem)]
    assert not report.is_stored


def test_consent_needs_its_day_and_two_rows_about_one_person_are_refused(homes, tmp_path):
    head = ["household", "name", "birth_year", "basis", "consented_on", "code"]
    rows = [head, [HOME, "王芳", 1950, "本人同意", "", "A1"], [HOME, "李娜", 1990, "consent", "2026-01-02", ""]]
    assert codes(take(homes, "resident", table(tmp_path / "r.csv", rows))) == [(2, "consented_on", "consent_undated")]
    twice = [HEAD, [HOME, "王芳", 1949, ID_NUMBER, ""], [NEXT, "王 芳", "", ID_NUMBER.lower(), ""]]
    assert {code for _, _, code in codes(take(homes, "resident", table(tmp_path / "t.csv", twice)))} == {"repeated"}


def test_two_of_one_name_are_told_apart_by_year_or_refused(homes, tmp_path):
    rows = [HEAD, [HOME, "李明", 1960, "", ""], [HOME, "李明", 1990, "", ""]]
    assert outcome(take(homes, "resident", table(tmp_path / "r.csv", rows))) == (2, 0, 0)
    head = ["楼栋", "房号", "姓名", "出生年份"]
    assert outcome(take(homes, "resident", table(tmp_path / "y.csv", [head, ["一号楼", "101", "李明", 1990]]))) == (
        0,
        0,
        1,
    )
    report = take(homes, "resident", table(tmp_path / "n.csv", [head, ["一号楼", "101", "李明", ""]]))
    assert codes(report) == [(2, "name", "person_ambiguous")]


def test_a_file_that_came_out_goes_in_again_without_a_change_and_tells_nobody(homes, tmp_path):
    take(
        homes, "resident", table(tmp_path / "r.csv", [[*HEAD, "性别"], [HOME, "王芳", 1950, ID_NUMBER, "慢性病", "女"]])
    )
    target = tmp_path / "out.csv"
    export_file(homes, acting("clerk", None, ("",)), LAYERS["resident"], target)
    told = target.read_text("utf-8-sig")
    assert HOME in told
    assert not any(word in told for word in ("王芳", ID_NUMBER, "chronic", "g1."))
    with pytest.raises(InvalidInput, match="no geometry"):
        export_file(homes, acting("clerk", None, ("",)), LAYERS["resident"], tmp_path / "out.gpkg")


def test_a_new_grid_takes_the_residents_of_its_buildings_along(homes, tmp_path):
    take(homes, "resident", table(tmp_path / "r.csv", [HEAD, [HOME, "王芳", 1950, "", ""]]))
    take(homes, "building", table(tmp_path / "b.csv", [["code", "neighbourhood"], [FIRST, f"{COMMUNITY}002"]]))
    assert rows_of(homes, "resident", "neighbourhood") == [(f"{COMMUNITY}002",)]
    assert query(homes, "SELECT version FROM resident") == [(2,)]


def test_an_import_outside_the_own_area_is_refused(homes, tmp_path):
    path = table(tmp_path / "r.csv", [HEAD, [HOME, "王芳", 1950, "", ""]])
    worker = acting("worker", ("resident.edit", "resident.view", "household.priority"), (f"{COMMUNITY}002",))
    report = import_file(homes, worker, LAYERS["resident"], path)
    assert [problem.code for problem in report.problems] == ["out_of_scope"]
    near = acting("worker", ("resident.edit", "resident.view", "household.priority"), (f"{COMMUNITY}001",))
    assert import_file(homes, near, LAYERS["resident"], path).inserted == 1
