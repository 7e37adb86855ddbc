"""What follows a change in the same import: grids of what stands in them, households of a building that moved."""

import pytest

from tests.exchange.making import (
    COMMUNITY,
    EAST,
    NORTH,
    SOUTH,
    WEST,
    box,
    codes,
    geojson,
    house,
    query,
    rows_of,
    spot,
    table,
    take,
)

FIRST, SECOND = f"{COMMUNITY}00001", f"{COMMUNITY}00002"
WESTERN, EASTERN = f"{COMMUNITY}001", f"{COMMUNITY}002"


@pytest.fixture
def lived_in(district, tmp_path):
    """A building in the western grid with three households, one with a position of its own, one of party members."""
    take(district, "building", geojson(tmp_path / "b.geojson", (house(121.50, 31.24), {"code": FIRST})))
    rows = [["code", "lon", "lat"], [f"{FIRST}010101", "", ""], [f"{FIRST}010102", 121.50005, 31.24005]]
    take(district, "household", table(tmp_path / "h.csv", [*rows, [f"{FIRST}010103", "", ""]]))
    members = [["code"], [f"{FIRST}010101"], [f"{FIRST}010102"]]
    take(district, "party_household", table(tmp_path / "p.csv", members), crs=None)
    return district


def redraw(engine, tmp_path, middle):
    """Import the two grids again with their common border elsewhere."""
    halves = ((WESTERN, WEST, middle), (EASTERN, middle, EAST))
    features = [(box(w, SOUTH, e, NORTH), {"code": code, "name": code[-3:]}) for code, w, e in halves]
    return take(engine, "neighbourhood", geojson(tmp_path / "redrawn.geojson", *features))


def notes(report):
    return {note.code: note.en for note in report.notes}


def where(engine, layer):
    return query(
        engine, f"SELECT code, round(ST_X(geom)::numeric, 6)::float, neighbourhood, version FROM {layer} ORDER BY 1"
    )


@pytest.mark.parametrize("layer", ["supply_point", "volunteer"])
def test_a_point_that_moved_to_another_grid_is_in_that_grid(district, tmp_path, layer):
    for lon, grid in ((121.50, WESTERN), (121.53, EASTERN)):
        feature = (spot(lon, 31.24), {"code": "X1", "name": "甲", "kind": "store"})
        take(district, layer, geojson(tmp_path / "x.geojson", feature))
        assert rows_of(district, layer, "neighbourhood") == [(grid,)]


def test_a_building_that_moved_to_another_grid_is_in_that_grid_unless_the_file_names_one(district, tmp_path):
    for lon, said, grid in (
        (121.50, "", WESTERN),
        (121.53, "", EASTERN),
        (121.50, EASTERN, EASTERN),
        (121.50, "", WESTERN),
    ):
        feature = (house(lon, 31.24), {"code": FIRST, "网格": said})
        take(district, "building", geojson(tmp_path / "b.geojson", feature))
        assert rows_of(district, "building", "neighbourhood") == [(grid,)]
    outside = (house(121.60, 31.24), {"code": FIRST})
    take(district, "building", geojson(tmp_path / "b.geojson", outside))
    assert rows_of(district, "building", "neighbourhood") == [(WESTERN,)]
    take(district, "building", table(tmp_path / "b.csv", [["code", "floors"], [FIRST, 6]]), crs=None)
    assert rows_of(district, "building", "neighbourhood", "floors") == [(WESTERN, 6)]


def test_an_estate_whose_community_is_not_named_follows_its_position(district, tmp_path):
    other = "310115005002"
    area = box(EAST, SOUTH, 121.60, NORTH)
    take(district, "community", geojson(tmp_path / "c.geojson", (area, {"code": other, "name": "乙"})))
    for lon, community in ((121.50, COMMUNITY), (121.57, other)):
        feature = (house(lon, 31.24), {"code": "E1", "name": "东苑"})
        take(district, "estate", geojson(tmp_path / "e.geojson", feature))
        assert rows_of(district, "estate", "community") == [(community,)]


def test_redrawn_grids_take_over_the_buildings_households_and_points_that_stand_in_them(lived_in, tmp_path):
    point = (spot(121.50, 31.24), {"code": "X1", "name": "甲", "kind": "store"})
    for layer in ("supply_point", "volunteer"):
        take(lived_in, layer, geojson(tmp_path / "x.geojson", point))
    report = redraw(lived_in, tmp_path, 121.495)
    assert notes(report)["grid_changed"] == "1 buildings were given another grid."
    assert query(
        lived_in,
        "SELECT neighbourhood, n.code, b.version FROM building b JOIN neighbourhood n ON n.id = neighbourhood_id",
    ) == [(EASTERN, EASTERN, 2)]
    for layer in ("household", "party_household", "supply_point", "volunteer"):
        assert query(lived_in, f"SELECT DISTINCT neighbourhood, version, changed_by FROM {layer}") == [
            (EASTERN, 2, "local")
        ]
        assert query(lived_in, f"SELECT DISTINCT neighbourhood, version FROM {layer}_version") == [(WESTERN, 1)]
    assert "grid_changed" not in notes(redraw(lived_in, tmp_path, 121.495))
    assert query(lived_in, "SELECT max(version) FROM household") == [(2,)]


def test_redrawn_grids_leave_buildings_that_were_put_in_a_grid_by_name(district, tmp_path):
    feature = (house(121.50, 31.24), {"code": FIRST, "网格": EASTERN})
    take(district, "building", geojson(tmp_path / "b.geojson", feature))
    redraw(district, tmp_path, 121.515)
    assert rows_of(district, "building", "neighbourhood", "version") == [(EASTERN, 1)]


def test_households_and_party_households_move_with_their_building_unless_they_have_a_place_of_their_own(
    lived_in, tmp_path
):
    moved = geojson(tmp_path / "moved.geojson", (house(121.53, 31.24), {"code": FIRST}))
    report = take(lived_in, "building", moved)
    assert notes(report)["households_moved"].startswith("2 households moved with their buildings")
    assert where(lived_in, "household") == [
        (f"{FIRST}010101", 121.53, EASTERN, 2), (f"{FIRST}010102", 121.50005, EASTERN, 2), (f"{FIRST}010103", 121.53, EASTERN, 2),
    ]  # fmt: skip
    assert where(lived_in, "party_household") == [
        (f"{FIRST}010101", 121.53, EASTERN, 2), (f"{FIRST}010102", 121.50005, EASTERN, 2),
    ]  # fmt: skip
    assert query(lived_in, "SELECT count(*), min(round(ST_X(geom)::numeric, 6)::float) FROM household_version") == [
        (3, 121.5)
    ]
    assert "households_moved" not in notes(take(lived_in, "building", moved))
    assert query(lived_in, "SELECT max(version) FROM household") == [(2,)]


def test_a_party_household_follows_its_household(lived_in, tmp_path):
    take(
        lived_in, "household", table(tmp_path / "h.csv", [["code", "lon", "lat"], [f"{FIRST}010101", 121.5001, 31.24]])
    )
    assert where(lived_in, "party_household")[0] == (f"{FIRST}010101", 121.5001, WESTERN, 2)


def test_a_redrawn_community_tells_which_buildings_it_leaves_outside(lived_in, tmp_path):
    smaller = (box(121.51, SOUTH, EAST, NORTH), {"code": COMMUNITY, "name": "陆家嘴社区"})
    report = take(lived_in, "community", geojson(tmp_path / "c.geojson", smaller))
    assert (
        f"1 buildings lie outside their community now and keep it, because their codes begin with its code: {FIRST}."
        == (notes(report)["buildings_outside"])
    )
    assert rows_of(lived_in, "building", "community", "version") == [(COMMUNITY, 1)]
    assert codes(report) == []
