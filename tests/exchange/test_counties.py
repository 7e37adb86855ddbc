"""The county of what lies outside every community can be corrected; what is in a community has its county."""

import pytest

from gridmap.access import acting
from gridmap.exchange import import_file
from gridmap.layers import LAYERS
from tests.exchange.making import EAST, NORTH, SOUTH, box, codes, geojson, house, query, rows_of, table, take

HEADING = ["code", "name", "kind", "lon", "lat", "county"]
OUTSIDE = ["S1", "远仓", "store", 121.60, 31.24]
OTHER = "310112005002"


@pytest.fixture
def guessed(district, tmp_path):
    """A supply point outside every community, with a count, whose county was guessed."""
    rows = [[*HEADING[:5], "item", "quantity", "counted_on"], [*OUTSIDE, "灭火器", 3, "2026-03-01"]]
    take(district, "supply_point", table(tmp_path / "s.csv", rows))
    assert rows_of(district, "supply_point", "county") == [(310115,)]
    return district


def test_a_guessed_county_is_corrected_by_stating_it(guessed, tmp_path):
    path = table(tmp_path / "s.csv", [HEADING, [*OUTSIDE, 310112]])
    report = take(guessed, "supply_point", path)
    assert (report.updated, report.refused) == (1, 0)
    assert "county_corrected" in {note.code for note in report.notes}
    assert query(guessed, "SELECT county, code, version FROM supply_point") == [(310112, "S1", 2)]
    assert query(guessed, "SELECT county, code, version FROM supply_point_version") == [(310115, "S1", 1)]
    assert query(guessed, "SELECT county, quantity FROM stock_count") == [(310112, 3)]
    assert take(guessed, "supply_point", path).unchanged == 1
    assert take(guessed, "supply_point", table(tmp_path / "t.csv", [HEADING[:5], OUTSIDE])).unchanged == 1


def test_a_county_is_corrected_without_a_position_and_with_other_changes(guessed, tmp_path):
    path = table(tmp_path / "s.csv", [["code", "name", "county"], ["S1", "新名", 310112]])
    assert take(guessed, "supply_point", path, crs=None).updated == 1
    assert rows_of(guessed, "supply_point", "county", "name") == [(310112, "新名")]


def test_a_guessed_county_is_corrected_by_the_community_that_comes_later(guessed, tmp_path):
    area = box(EAST, SOUTH, 121.70, NORTH)
    take(guessed, "community", geojson(tmp_path / "c.geojson", (area, {"code": OTHER, "name": "乙"})))
    assert take(guessed, "supply_point", table(tmp_path / "s.csv", [HEADING[:5], OUTSIDE])).updated == 1
    assert rows_of(guessed, "supply_point", "county", "community") == [(310112, OTHER)]
    assert query(guessed, "SELECT county FROM stock_count") == [(310112,)]


def test_a_thing_in_a_community_keeps_its_county(district, tmp_path):
    take(district, "supply_point", table(tmp_path / "s.csv", [HEADING[:5], ["S1", "仓", "store", 121.50, 31.24]]))
    path = table(tmp_path / "t.csv", [HEADING, [*OUTSIDE, 310112]])
    report = take(district, "supply_point", path)
    assert codes(report) == [(2, "county", "county_fixed")]
    assert "another code" in report.problems[0].reason_en


def test_a_code_that_two_counties_use_means_the_thing_of_the_stated_county(guessed, tmp_path):
    with guessed.begin() as conn:
        conn.exec_driver_sql("SELECT set_config('gridmap.actor', 'test', true)")
        conn.exec_driver_sql(
            "INSERT INTO supply_point (county, id, code, name, kind, geom, changed_by) SELECT 310112, id, code, 'B', kind,"
            " geom, 'test' FROM supply_point"
        )
    path = table(tmp_path / "s.csv", [["code", "name", "county"], ["S1", "B2", 310112]])
    assert take(guessed, "supply_point", path, crs=None).updated == 1
    assert set(rows_of(guessed, "supply_point", "county", "name")) == {(310115, "远仓"), (310112, "B2")}


def test_a_volunteer_with_buildings_moves_only_when_the_file_tells_the_new_ones(district, tmp_path):
    take(district, "building", geojson(tmp_path / "b.geojson", (house(121.50, 31.24), {"name": "一号楼"})))
    rows = [["code", "name", "lon", "lat", "buildings"], ["V1", "张三", 121.60, 31.24, "一号楼"]]
    take(district, "volunteer", table(tmp_path / "v.csv", rows))
    moved = [["code", "county"], ["V1", 310112]]
    report = take(district, "volunteer", table(tmp_path / "w.csv", moved), crs=None)
    assert codes(report) == [(2, "county", "county_bound")]
    moved = [["code", "county", "buildings"], ["V1", 310112, ""]]
    assert take(district, "volunteer", table(tmp_path / "w.csv", moved), crs=None).updated == 1
    assert rows_of(district, "volunteer", "county") == [(310112,)]
    assert query(district, "SELECT count(*) FROM building_volunteer") == [(0,)]


def test_a_dry_run_moves_nothing(guessed, tmp_path):
    report = take(guessed, "supply_point", table(tmp_path / "s.csv", [HEADING, [*OUTSIDE, 310112]]), dry_run=True)
    assert report.updated == 1
    assert query(guessed, "SELECT county, version FROM supply_point") == [(310115, 1)]


def test_an_actor_of_one_community_corrects_no_county(guessed, tmp_path):
    actor = acting("keeper", frozenset({"supply_point.edit"}), ("310112",))
    path = table(tmp_path / "s.csv", [HEADING, [*OUTSIDE, 310112]])
    report = import_file(guessed, actor, LAYERS["supply_point"], path, crs="EPSG:4490")
    assert codes(report) == [(2, "", "out_of_scope")]
