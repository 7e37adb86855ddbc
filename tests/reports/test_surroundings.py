"""What surrounds a building or a position: the zones it stands in."""

import pytest

from gridmap.access import LOCAL
from gridmap.crs import Position
from gridmap.db import transaction
from gridmap.reports import surroundings
from tests import factories
from tests.conftest import app_on, client_of, session_of

CODE = f"{factories.COMMUNITY}00001"
LON, LAT, HALF = 120.6, 30.9, 0.0001  # the building is a square around this, half its side in degrees
WEST, SOUTH, NORTH = LON - HALF, LAT - HALF, LAT + HALF


def west_of(lon: float) -> str:
    """A zone from well west of the building up to a meridian."""
    sides = f"{WEST - HALF} {SOUTH - HALF},{lon!r} {SOUTH - HALF},{lon!r} {NORTH + HALF},{WEST - HALF} {NORTH + HALF}"
    return f"SRID=4490;MULTIPOLYGON((({sides},{WEST - HALF} {SOUTH - HALF})))"


@pytest.fixture
def building(conn):
    factories.add_building(conn, factories.add_community(conn), lon=LON, lat=LAT)


def zones_of_building(conn) -> list[tuple[str, bool]]:
    return [(zone["code"], zone["partly"]) for zone in surroundings.of_building(conn, LOCAL, CODE)["zones"]]


def test_a_building_whose_corner_alone_lies_in_a_zone_is_partly_inside(conn, building):
    factories.add_zone(conn, "Z1", west_of(WEST + HALF / 10))
    assert zones_of_building(conn) == [("Z1", True)]


def test_a_building_wholly_in_a_zone_is_not_partly_inside(conn, building):
    factories.add_zone(conn, "Z1", factories.square(LON, LAT, 2 * HALF))
    factories.add_zone(conn, "Z2", factories.square(LON, LAT, HALF))  # drawn along its walls
    assert zones_of_building(conn) == [("Z1", False), ("Z2", False)]


def test_a_building_that_only_shares_a_wall_with_a_zone_is_outside(conn, building):
    factories.add_zone(conn, "Z1", west_of(WEST))
    assert zones_of_building(conn) == []


def test_a_zone_over_part_of_a_building_must_be_in_force(conn, building):
    factories.add_zone(conn, "Z1", west_of(WEST + HALF / 10), state="draft")
    assert zones_of_building(conn) == []


def test_a_position_beside_a_zone_is_outside_and_one_inside_is_never_partly_inside(conn, building):
    factories.add_zone(conn, "Z1", west_of(WEST + HALF / 10))
    assert surroundings.of_position(conn, LOCAL, Position(LON, LAT))["zones"] == []
    inside = surroundings.of_position(conn, LOCAL, Position(WEST, LAT))["zones"]
    assert [(zone["code"], zone["partly"]) for zone in inside] == [("Z1", False)]


def test_of_several_zones_over_a_building_the_strictest_rules_each_household(conn):
    building_id = factories.add_building(conn, factories.add_community(conn), lon=LON, lat=LAT)
    for number, lon in enumerate((WEST + HALF / 4, WEST + HALF / 2, LON + HALF / 2), 1):
        factories.add_household(conn, building_id, room=f"010{number}", geom=factories.point(lon, LAT))
    factories.add_zone(conn, "Z1", factories.square(LON, LAT, 2 * HALF), type="prevention")
    factories.add_zone(conn, "Z2", west_of(WEST + 0.75 * HALF), type="lockdown")
    factories.add_zone(conn, "Z3", west_of(WEST + 0.75 * HALF), type="control")
    zones = surroundings.of_building(conn, LOCAL, CODE)["zones"]
    assert [(zone["code"], zone["ruled"]) for zone in zones] == [("Z2", 2), ("Z3", 0), ("Z1", 1)]


@pytest.mark.parametrize(("language", "words"), [("zh", "部分在内"), ("en", "partly inside")])
def test_the_panel_says_that_a_building_is_partly_inside(empty_database, language, words):
    with transaction(empty_database, LOCAL) as conn:
        factories.add_building(conn, factories.add_community(conn), lon=LON, lat=LAT)
        factories.add_zone(conn, "Z1", west_of(WEST + HALF / 10))
    with app_on(empty_database) as app:
        client = client_of(app, session_of(empty_database, ("commander", "all")))
        assert words in client.get(f"/panel/building/{CODE}?lang={language}").get_data(as_text=True)
