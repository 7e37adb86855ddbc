"""The party chain that a file brings: levels go up one by one, and a community has one committee."""

import pytest

from tests.exchange.making import COMMUNITY, codes, query, rows_of, table, take

HEADING = ["code", "name", "level", "parent", "community"]


def units(engine, tmp_path, *rows, **how):
    return take(engine, "party_unit", table(tmp_path / "u.csv", [HEADING, *rows]), crs=None, **how)


@pytest.fixture
def chain(district, tmp_path):
    """A committee K, a branch B and a group G."""
    rows = [
        ["K", "党委", "committee", "", COMMUNITY],
        ["B", "支部", "branch", "K", COMMUNITY],
        ["G", "小组", "group", "B", COMMUNITY],
    ]
    assert units(district, tmp_path, *rows).inserted == 3
    return district


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (["B", "支部", "branch", "B", ""], ("parent", "parent_self")),
        (["N", "新支部", "branch", "N", COMMUNITY], ("parent", "parent_self")),
        (["B", "支部", "branch", "G", ""], ("parent", "parent_level")),
        (["G", "小组", "group", "K", ""], ("parent", "parent_level")),
        (["N", "新支部", "branch", "B", COMMUNITY], ("parent", "parent_level")),
        (["B", "支部", "committee", "", ""], ("level", "second_committee")),
        (["N", "新党委", "committee", "", COMMUNITY], ("level", "second_committee")),
        (["K", "党委", "branch", "B", ""], ("parent", "parent_level")),
    ],
)
def test_a_unit_that_would_break_the_chain_is_refused(chain, tmp_path, row, problem):
    assert codes(units(chain, tmp_path, row)) == [(2, *problem)]
    told = units(chain, tmp_path, row).problems[0]
    assert "{" not in told.reason_en + told.reason_zh


def test_units_in_a_ring_are_refused(chain, tmp_path):
    rows = [["X", "甲", "branch", "Y", COMMUNITY], ["Y", "乙", "branch", "X", COMMUNITY]]
    assert codes(units(chain, tmp_path, *rows)) == [(2, "parent", "parent_level"), (3, "parent", "parent_level")]


def test_two_committees_for_one_community_in_a_file_are_both_refused(district, tmp_path):
    rows = [["X", "甲", "committee", "", COMMUNITY], ["Y", "乙", "committee", "", COMMUNITY]]
    report = units(district, tmp_path, *rows, partial=True)
    assert codes(report) == [(2, "level", "second_committee_row"), (3, "level", "second_committee_row")]
    assert "row 3" in report.problems[0].reason_en
    assert rows_of(district, "party_unit") == []


def test_a_unit_with_others_under_it_keeps_its_level_unless_they_change_in_the_same_file(chain, tmp_path):
    units(chain, tmp_path, ["C", "二支部", "branch", "K", COMMUNITY])
    demoted = ["B", "支部", "group", "C", COMMUNITY]
    assert codes(units(chain, tmp_path, demoted)) == [(2, "level", "level_of_parent")]
    assert units(chain, tmp_path, demoted, ["G", "小组", "group", "C", COMMUNITY]).updated == 2


def test_a_refused_unit_takes_those_with_it_that_need_its_change(chain, tmp_path):
    rows = [["G", "小组", "branch", "B", COMMUNITY], ["N", "新组", "group", "G", COMMUNITY]]
    report = units(chain, tmp_path, *rows, partial=True)
    assert codes(report) == [(2, "parent", "parent_level"), (3, "parent", "parent_level")]


def test_a_unit_imported_without_its_level_keeps_it(chain, tmp_path):
    path = table(tmp_path / "m.csv", [["code", "member_count"], ["K", 30], ["B", 9], ["G", 4]])
    assert take(chain, "party_unit", path, crs=None).updated == 3
    levels = "SELECT u.code, u.level, p.code FROM party_unit u LEFT JOIN party_unit p ON p.id = u.parent_id ORDER BY 1"
    assert query(chain, levels) == [("B", "branch", "K"), ("G", "group", "B"), ("K", "committee", None)]
