"""What looks wrong is told: refused where it cannot be, noted where it may be so."""

import pytest

from tests.exchange.making import COMMUNITY, EAST, NORTH, SOUTH, box, codes, geojson, house, table, take

FIRST = f"{COMMUNITY}00001"
OTHER = "310115005002"


@pytest.fixture
def built(district, tmp_path):
    """One building in the district."""
    take(district, "building", geojson(tmp_path / "b.geojson", (house(121.50, 31.24), {"code": FIRST})))
    return district


def notes(report):
    return {note.code: note.en for note in report.notes}


# a degree of longitude is 95.3 km here, half of the building 10 m
@pytest.mark.parametrize(("lon", "is_far"), [(121.5021, False), (121.5023, True)])
def test_a_household_further_than_200_m_from_its_building_is_noted(built, tmp_path, lon, is_far):
    path = table(
        tmp_path / "h.csv", [["code", "lon", "lat"], [f"{FIRST}010101", lon, 31.24], [f"{FIRST}010102", "", ""]]
    )
    report = take(built, "household", path)
    assert report.inserted == 2
    assert notes(report).get("household_far", "").endswith(f": {FIRST}010101.") == is_far


def test_a_building_that_stands_in_another_community_than_its_code_says_is_noted(district, tmp_path):
    area = box(EAST, SOUTH, 121.60, NORTH)
    take(district, "community", geojson(tmp_path / "c.geojson", (area, {"code": OTHER, "name": "乙"})))
    features = [
        (house(lon, 31.24), {"code": f"{COMMUNITY}0000{n}"}) for n, lon in enumerate((121.50, 121.57, 121.70), 1)
    ]
    report = take(district, "building", geojson(tmp_path / "b.geojson", *features))
    assert report.inserted == 3
    assert notes(report)["in_other_community"].startswith("1 buildings")
    assert f"{COMMUNITY}00002" in notes(report)["in_other_community"]


@pytest.mark.parametrize(("west", "overlaps"), [(EAST, False), (EAST - 5e-6, False), (EAST - 3e-5, True)])  # 0.5 m, 3 m
def test_communities_that_overlap_by_more_than_a_metre_are_noted(district, tmp_path, west, overlaps):
    features = [(box(west, SOUTH, 121.60, NORTH), {"code": OTHER, "name": "乙"})]
    report = take(district, "community", geojson(tmp_path / "c.geojson", *features))
    assert ("overlapping" in notes(report)) == overlaps
    if overlaps:
        assert f"{COMMUNITY} / {OTHER}" in notes(report)["overlapping"]


def test_communities_of_one_file_that_overlap_are_noted_once(empty_database, tmp_path):
    areas = [
        (box(121.4, 31.2, east, 31.3), {"code": code, "name": code})
        for code, east in ((COMMUNITY, 121.5), (OTHER, 121.6))
    ]
    report = take(empty_database, "community", geojson(tmp_path / "c.geojson", *areas))
    assert notes(report)["overlapping"].startswith("1 pairs")


def test_more_people_in_a_priority_group_than_in_the_household_are_refused_or_noted(built, tmp_path):
    rows = [
        ["building", "room", "people_count", "priority"],
        [FIRST, "101", 1, "elderly_alone:2"],
        [FIRST, "102", 2, "disabled:2;chronic:2"],
    ]
    report = take(built, "household", table(tmp_path / "h.csv", rows), partial=True)
    assert codes(report) == [(2, "priority", "too_many_of_group")]
    assert "group_crowded" not in notes(report)
    fewer = table(tmp_path / "f.csv", [["building", "room", "people_count"], [FIRST, "102", 1]])
    report = take(built, "household", fewer)
    assert (report.updated, notes(report)["group_crowded"].endswith(f": {FIRST}010102.")) == (1, True)
