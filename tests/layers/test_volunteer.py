"""Who covers a place, and why."""

import pytest
import sqlalchemy as sa
from pyproj import Geod

from gridmap.access import LOCAL, acting
from gridmap.crs import position
from gridmap.layers.volunteer.queries import covering, covering_query
from tests.factories import COUNTY, add_building, add_community, add_volunteer, assign

CGCS2000 = Geod(a=6378137.0, rf=298.257222101)


def test_a_volunteer_covers_what_lies_within_the_own_radius_the_limit_included(conn):
    metres = CGCS2000.inv(116.0, 40.0, 116.001, 40.0)[2]
    add_volunteer(conn, "inside", 116.001, 40.0, radius_m=86)
    add_volunteer(conn, "outside", 116.001, 40.0, radius_m=85)
    add_volunteer(conn, "elsewhere", 117.0, 40.0, radius_m=20_000)
    found = covering(conn, LOCAL, position(116, 40))
    assert [(v.code, v.reason) for v in found] == [("inside", "radius")]
    assert found[0].distance_m == pytest.approx(metres, abs=0.001)


@pytest.mark.parametrize("lat", [-84.5, -33.0, 0.0, 31.0, 66.0, 84.5])
@pytest.mark.parametrize("azimuth", [0, 37, 90, 180, 268])
def test_the_box_around_a_reach_is_never_too_small(conn, lat, azimuth):
    radius_m = 20_000
    lon, edge, _ = CGCS2000.fwd(116.0, lat, azimuth, radius_m - 0.01)
    if abs(edge) <= 85:
        add_volunteer(conn, "far", lon, edge, radius_m=radius_m)
        assert [v.code for v in covering(conn, LOCAL, position(116.0, lat))] == ["far"]


def test_an_assigned_volunteer_covers_the_building_from_any_distance(conn):
    building_id = add_building(conn, add_community(conn))
    far = add_volunteer(conn, "far", 121.0, 31.5, radius_m=None)
    both = add_volunteer(conn, "both", 120.6, 30.9, radius_m=500)
    assign(conn, far, building_id)
    assign(conn, both, building_id)
    found = covering(conn, LOCAL, position(120.6, 30.9), building=(COUNTY, building_id))
    assert [(v.code, v.reason) for v in found] == [("both", "assigned"), ("far", "assigned")]
    assert [(v.code, v.reason) for v in covering(conn, LOCAL, position(120.6, 30.9))] == [("both", "radius")]


def test_those_on_duty_come_first_then_the_nearest_then_by_code(conn):
    for code, lon, duty in (
        ("b", 116.001, False),
        ("a", 116.001, False),
        ("far", 116.003, True),
        ("near", 116.002, True),
    ):
        add_volunteer(conn, code, lon, 40.0, radius_m=1000, on_duty=duty)
    assert [v.code for v in covering(conn, LOCAL, position(116, 40))] == ["near", "far", "a", "b"]


def test_names_and_phones_are_masked(conn):
    add_volunteer(conn, "V1", 116.0, 40.0, radius_m=10, name="欧阳明", phone="19900001234")
    found = covering(conn, LOCAL, position(116, 40))[0]
    assert (found.name, found.phone) == ("欧**", "199****1234")


def test_retired_volunteers_and_those_outside_the_scope_cover_nothing(conn):
    add_volunteer(conn, "gone", 116.0, 40.0, radius_m=10, valid_to=sa.text("now() + interval '1 second'"))
    add_volunteer(conn, "theirs", 116.0, 40.0, radius_m=10, community="990106001002")
    worker = acting("worker", frozenset({"volunteer.view"}), ("990106001001",))
    assert covering(conn, worker, position(116, 40)) == []


def test_covering_equals_a_brute_force_loop_over_the_demo_district(demo):
    with demo.connect() as conn:
        volunteers = conn.execute(
            sa.text("SELECT code, ST_X(geom), ST_Y(geom), radius_m, id FROM volunteer WHERE valid_to IS NULL")
        ).all()
        links = {
            (row[0], row[1])
            for row in conn.execute(sa.text("SELECT building_id, volunteer_id FROM building_volunteer"))
        }
        buildings = conn.execute(
            sa.text(
                "SELECT county, id, ST_X(position), ST_Y(position) FROM building WHERE valid_to IS NULL ORDER BY code"
            )
        ).all()
        assert len(buildings) > 20
        reasons = set()
        for county, building_id, lon, lat in buildings:
            expected = {}
            for code, x, y, radius_m, identity in volunteers:
                if (building_id, identity) in links:
                    expected[code] = "assigned"
                elif radius_m is not None and CGCS2000.inv(lon, lat, x, y)[2] <= radius_m:
                    expected[code] = "radius"
            found = covering(conn, LOCAL, position(lon, lat), building=(county, building_id))
            assert {v.code: v.reason for v in found} == expected
            reasons |= set(expected.values())
        assert reasons == {"assigned", "radius"}


def test_covering_uses_the_index_on_each_reach(demo):
    query = covering_query(LOCAL, position(120.6, 30.9), None)
    compiled = query.compile(demo, compile_kwargs={"literal_binds": True})
    with demo.connect() as conn:
        conn.execute(sa.text("SET enable_seqscan = off"))
        plan = "\n".join(row[0] for row in conn.execute(sa.text(f"EXPLAIN {compiled}")))
    assert "volunteer_reach_idx" in plan, plan
