"""Who and what the demo puts into the district: party chain, supplies, volunteers, zones."""

from collections import Counter, defaultdict

import pytest
import shapely

from gridmap.demo import FIXED_DAY
from tests.demo.conftest import gathered


def test_every_community_has_one_committee_and_parents_are_the_next_level_up(district):
    units = district["party_unit"]
    levels = dict(zip(units["id"], units["level"], strict=True))
    for level, parent in zip(units["level"], units["parent_id"], strict=True):
        assert levels.get(parent) == {"committee": None, "branch": "committee", "group": "branch"}[level]
    committees = [c for c, level in zip(units["community"], units["level"], strict=True) if level == "committee"]
    assert sorted(committees) == sorted(district["community"]["code"])


def test_branches_cover_every_general_grid_once(district):
    kinds = dict(zip(district["neighbourhood"]["id"], district["neighbourhood"]["kind"], strict=True))
    covered = Counter(district["neighbourhood_party_unit"]["neighbourhood_id"])
    assert {id_ for id_, kind in kinds.items() if kind == "general"} == set(covered)
    assert set(covered.values()) == {1}


def test_groups_cover_one_to_four_buildings_and_leave_gaps(district):
    pairs = district["building_party_unit"]
    assert set(Counter(pairs["party_unit_id"]).values()) <= {1, 2, 3, 4}
    assert set(Counter(pairs["building_id"]).values()) == {1}
    assert 0.6 < len(pairs["building_id"]) / len(district["building"]["id"]) < 0.9


def test_every_group_has_centre_households_that_serve_10_to_30_households_each(district):
    groups = {
        id_
        for id_, level in zip(district["party_unit"]["id"], district["party_unit"]["level"], strict=True)
        if level == "group"
    }
    group_of = dict(
        zip(
            district["building_party_unit"]["building_id"],
            district["building_party_unit"]["party_unit_id"],
            strict=True,
        )
    )
    lived_in: Counter[str] = Counter()
    for building, people in zip(
        district["household"]["building_id"], district["household"]["people_count"], strict=True
    ):
        lived_in[group_of.get(building, "")] += people > 0
    centres = Counter(
        unit
        for unit, is_centre in zip(
            district["party_household"]["party_unit_id"], district["party_household"]["is_centre"], strict=True
        )
        if is_centre
    )
    assert set(centres) == groups
    assert all(lived_in[unit] / count <= 30 for unit, count in centres.items())
    assert all(count == 1 or lived_in[unit] / count >= 10 for unit, count in centres.items())


def test_members_are_counted_in_their_group_branch_and_committee(district):
    units, homes = district["party_unit"], district["party_household"]
    counts: defaultdict[str, int] = defaultdict(int)
    for unit, members in zip(homes["party_unit_id"], homes["member_count"], strict=True):
        counts[unit] += members
    for unit, parent in reversed(list(zip(units["id"], units["parent_id"], strict=True))):
        counts[parent] += counts[unit]
    assert [counts[unit] for unit in units["id"]] == units["member_count"]
    people = dict(zip(district["household"]["id"], district["household"]["people_count"], strict=True))
    assert all(n <= people[id_] for id_, n in zip(homes["household_id"], homes["member_count"], strict=True))


def test_nobody_needs_care_where_nobody_lives(district):
    people = dict(zip(district["household"]["id"], district["household"]["people_count"], strict=True))
    needs = district["household_priority"]
    assert all(count <= people[id_] for id_, count in zip(needs["household_id"], needs["people_count"], strict=True))
    assert len(set(needs["tag"])) == 9
    assert len({*zip(needs["household_id"], needs["tag"], strict=True)}) == len(needs["tag"])


def test_points_of_every_kind_exist_and_some_communities_are_poorly_served(district):
    points = district["supply_point"]
    assert set(points["kind"]) == {"store", "station", "clinic", "dropoff", "merchant", "venue"}
    stores = [c for c, kind in zip(points["community"], points["kind"], strict=True) if kind == "store"]
    assert 0 < len(stores) < len(district["community"]["code"])


def test_stock_was_counted_on_several_days_all_in_the_past_and_some_is_empty(district):
    counts = district["stock_count"]
    assert len(set(counts["counted_on"])) > 5
    assert max(counts["counted_on"]) < FIXED_DAY
    assert 0 in counts["quantity"]
    assert min(counts["quantity"]) >= 0


def test_volunteers_serve_by_radius_by_assignment_or_both(district):
    volunteers = district["volunteer"]
    assigned = set(district["building_volunteer"]["volunteer_id"])
    ways = Counter(
        (radius is not None, id_ in assigned)
        for id_, radius in zip(volunteers["id"], volunteers["radius_m"], strict=True)
    )
    assert set(ways) == {(True, False), (True, True), (False, True)}
    assert {radius for radius in volunteers["radius_m"] if radius is not None} <= set(range(150, 801, 50))
    assert sum(volunteers["on_duty"]) / len(volunteers["on_duty"]) == pytest.approx(0.35, abs=0.1)


def test_phones_show_that_they_are_made_up(district):
    phones = [*district["volunteer"]["phone"], *district["party_unit"]["phone"], *district["supply_point"]["phone"]]
    assert all(phone.startswith("199-0000-") and len(phone) == 13 for phone in phones)


@pytest.mark.parametrize("households", [1500, 9000])
def test_three_kinds_of_zone_are_in_force_one_is_released_and_one_a_draft(households):
    zones = gathered(households)["closure_zone"]
    states = Counter(zip(zones["type"], zones["state"], strict=True))
    in_force = {("lockdown", "active"): 1, ("control", "active"): 1, ("prevention", "active"): 1}
    assert states == {**in_force, ("lockdown", "released"): 1, ("lockdown", "draft"): 1}
    for state, order_no, starts_at, ends_at in zip(
        zones["state"], zones["order_no"], zones["starts_at"], zones["ends_at"], strict=True
    ):
        assert (order_no is None) == (starts_at is None) == (state == "draft")
        assert (ends_at is not None) == (state == "released")


def test_zones_in_force_do_not_cut_a_building(district):
    zones, buildings = district.shapes("closure_zone"), district.shapes("building")
    shapely.prepare(zones)
    for zone in zones:
        touched = buildings[shapely.intersects(zone, buildings)]
        assert len(touched) > 0
        assert shapely.covers(zone, touched).all()
