"""Coverage counts who has a service in reach, names who has not, and tells a planner no small number of households."""

import csv
import io

import pytest
import sqlalchemy as sa
from shapely.geometry import LineString

from gridmap.access import LOCAL, acting
from gridmap.db import transaction
from gridmap.errors import InvalidInput, NotAllowed, NotFound
from gridmap.reports import coverage as subject
from gridmap.reports.coverage import Question, coverage, homes_of, page_of
from gridmap.roles import MIN_CELL, ROLES
from gridmap.streets import network, storing
from gridmap.walking import open_walker
from tests.conftest import client_of, session_of
from tests.factories import (
    COMMUNITY,
    COUNTY,
    add_building,
    add_community,
    add_household,
    add_neighbourhood,
    add_supply_point,
    add_volunteer,
    add_zone,
)

PLANNER = acting("planner", ROLES["planner"].verbs, (COMMUNITY,))
ZONE = "SRID=4490;MULTIPOLYGON(((120.6005 30.899,120.6035 30.899,120.6035 30.901,120.6005 30.901,120.6005 30.899)))"


@pytest.fixture
def town(conn):
    """A street with three houses of 6, 2 and 7 households and a stock point at its west end."""
    community = add_community(conn)
    grid = add_neighbourhood(conn, community)
    for number, (lon, homes) in enumerate([(120.601, 6), (120.602, 2), (120.609, 7)], 1):
        house = add_building(conn, community, number, lon=lon, neighbourhood=COMMUNITY + "001", neighbourhood_id=grid)
        for room in range(homes):
            add_household(conn, house, number=number, room=f"{room + 101:04d}", neighbourhood=COMMUNITY + "001")
    add_supply_point(conn, "S1", 120.6, 30.9, community=COMMUNITY, community_id=community, kind="clinic")
    street = network.of_lines([LineString([(120.59, 30.9), (120.6, 30.9), (120.62, 30.9)])])
    storing.store(conn, LOCAL, street, county=COUNTY, source="test")
    return conn


def names(buildings) -> list[str]:
    return [one.name for one in buildings]


def test_buildings_within_the_reach_are_covered_and_the_others_are_named_with_what_is_nearest(town):
    found = coverage(town, LOCAL, Question("clinic", 300))
    assert (found.whole.buildings, found.whole.covered, found.method) == (3, 2, "walk")
    assert (found.whole.households, found.whole.covered_households) == (15, 8)
    gap = found.gaps[0]
    assert (gap.name, gap.nearest.code, gap.households) == ("3幢", "S1", 7)
    assert gap.distance_m == pytest.approx(860, abs=2)
    assert [(part.level, part.code) for part in found.parts] == [
        ("subdistrict", "990106001"), ("community", COMMUNITY), ("neighbourhood", COMMUNITY + "001"),
    ]  # fmt: skip


def test_other_kinds_items_and_people_are_asked_the_same_way(town):
    assert coverage(town, LOCAL, Question("store", 300)).whole.covered == 0
    assert not coverage(town, LOCAL, Question("store", 300)).gaps[0].is_reachable
    add_volunteer(town, "V1", 120.609, 30.9, on_duty=False)
    assert coverage(town, LOCAL, Question("volunteer", 100)).whole.covered == 1
    assert coverage(town, LOCAL, Question("volunteer_on_duty", 100)).whole.covered == 0
    assert coverage(town, LOCAL, Question("party_group")).whole.covered == 0
    for service in ("bakery", "item:0000000", "item:"):
        with pytest.raises(InvalidInput, match="service must be"):
            coverage(town, LOCAL, Question(service))


def test_a_draft_zone_is_tried_out_without_being_in_force(town):
    add_zone(town, "Z1", ZONE, state="draft", order_no=None, issuer=None, starts_at=None)
    assert coverage(town, LOCAL, Question("clinic", 300)).whole.covered == 2
    tried = coverage(town, LOCAL, Question("clinic", 300, zone="Z1"))
    assert (tried.whole.covered, tried.blocks) == (0, True)
    assert not any(one.is_reachable for one in tried.buildings)
    assert coverage(town, LOCAL, Question("clinic", 300)).whole.covered == 2
    with pytest.raises(NotFound):
        coverage(town, LOCAL, Question("clinic", 300, zone="Z9"))


def test_a_planner_is_told_no_small_number_and_no_sum_that_tells_one(town):
    found = coverage(town, PLANNER, Question("clinic", 300))
    assert [one.shown for one in found.buildings] == [6, "<5", 7]
    for part in (found.whole, *found.parts):
        assert (part.households, part.covered_households, part.buildings_under_5) == (13, 6, 1)
        assert part.households - part.covered_households not in range(1, MIN_CELL)
    assert homes_of(town, PLANNER, found.gaps, None) == {}
    exact = coverage(town, LOCAL, Question("clinic", 300))
    assert len(homes_of(town, LOCAL, exact.gaps, None)[COMMUNITY + "00003"]) == 7


def test_a_planner_cannot_measure_where_a_volunteer_lives(town):
    add_volunteer(
        town, "V1", 120.609, 30.9, community=COMMUNITY, community_id=town.scalar(sa.text("SELECT id FROM community"))
    )
    found = coverage(town, PLANNER, Question("volunteer", 12))
    assert found.question.threshold_m == 100
    assert all((one.nearest, one.distance_m) == (None, None) for one in found.buildings)
    assert found.whole.covered == 1


def test_who_may_not_count_or_see_is_refused(town):
    for verbs in ({"building.view"}, {"household.count"}):
        with pytest.raises(NotAllowed):
            coverage(town, acting("x", verbs, (COMMUNITY,)), Question("clinic"))
    with pytest.raises(NotAllowed):
        coverage(town, PLANNER, Question("centre_household"))


def test_pages_of_gaps_follow_each_other_without_loss(town):
    gaps = coverage(town, LOCAL, Question("store")).gaps
    first, more = page_of(gaps, None, 2)
    rest, end = page_of(gaps, (first[-1].name, first[-1].code), 2)
    assert (names(first + rest), more, end) == (["1幢", "2幢", "3幢"], True, False)


@pytest.mark.parametrize(("metres", "minutes", "expected"), [(None, None, 500), (None, 10, 720), (300, None, 300)])
def test_the_reach_is_metres_or_minutes(metres, minutes, expected):
    assert subject.threshold(metres, minutes) == pytest.approx(expected)


@pytest.mark.parametrize(("metres", "minutes"), [(1, 1), (0, None), (20_001, None), (float("inf"), None)])
def test_a_reach_nobody_can_mean_is_refused(metres, minutes):
    with pytest.raises(InvalidInput):
        subject.threshold(metres, minutes)


def test_over_the_demo_it_equals_one_walk_at_a_time(demo):
    with transaction(demo, LOCAL) as conn:
        found = coverage(conn, LOCAL, Question("clinic", 400))
        walker = open_walker(conn)
        clinics = conn.execute(
            sa.text("SELECT ST_X(geom), ST_Y(geom) FROM supply_point WHERE kind = 'clinic' AND valid_to IS NULL")
        ).all()
        straight = coverage(conn, LOCAL, Question("clinic", 400, method="geodesic"))
    for one in found.buildings:
        walks = [walk.distance_m for walk in walker.to_many((one.lon, one.lat), [tuple(spot) for spot in clinics])]
        reached = [metres for metres in walks if metres is not None]
        assert one.is_reachable == bool(reached)
        if reached:
            assert one.distance_m == pytest.approx(min(reached), abs=1e-3)
    assert 0 < found.whole.covered < straight.whole.covered


PATH = "/api/v1/coverage?service=clinic&threshold_m=300"


def test_over_http_the_shares_lead_to_the_named_gaps(client):
    answer = client.get(PATH).json
    assert answer["whole"]["buildings"] == sum(p["buildings"] for p in answer["levels"] if p["level"] == "community")
    count, seen, address = answer["whole"]["buildings"] - answer["whole"]["covered"], [], answer["gaps"] + "&limit=7"
    while address:
        page = client.get(address).json
        seen += [(one["name"], one["code"]) for one in page["items"]]
        address = page["next"]
    assert len(seen) == len(set(seen)) == count == page["count"]
    assert seen == sorted(seen)


@pytest.mark.parametrize(
    "query",
    ["", "service=shed", "service=clinic&threshold_m=1&threshold_min=1", "service=clinic&threshold_m=nan",
     "service=clinic&method=fly", "service=clinic&as_of=2999-01-01T00:00:00Z", "service=clinic&nonsense=1"],
)  # fmt: skip
def test_bad_questions_are_refused(client, query):
    assert client.get(f"/api/v1/coverage?{query}").status_code == 422


@pytest.mark.parametrize("query", ["cursor=abc", "cursor=!!", "limit=0", "limit=1001"])
def test_bad_pages_are_refused(client, query):
    assert client.get(f"/api/v1/coverage/gaps?service=clinic&{query}").status_code == 422


def test_a_place_that_is_not_there_is_missing(client):
    assert client.get(PATH + "&place=110101001001").status_code == 404


def test_a_planners_file_holds_no_cell_under_five(app, demo):
    planner = client_of(app, session_of(demo, ("planner", "all")))
    text = planner.get("/coverage/export?service=clinic&threshold_m=100&format=csv").get_data(as_text=True)
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff"))))
    households = [row[column] for row in rows[1:] for column in (5, 6)]
    assert len(rows) > 10
    assert [cell for cell in households if cell.isdigit() and 0 < int(cell) < MIN_CELL] == []


def test_the_page_tells_shares_and_gaps_and_offers_the_file(client):
    page = client.get("/coverage?service=clinic&threshold_m=300").get_data(as_text=True)
    assert 'id="gaps"' in page
    assert "/coverage/export" in page
    areas = client.get("/coverage/areas?service=clinic&threshold_m=300").json
    assert areas["features"]
    assert {"value", "class", "href"} <= set(areas["features"][0]["properties"])
    assert client.get("/coverage?threshold_m=x").status_code == 422
