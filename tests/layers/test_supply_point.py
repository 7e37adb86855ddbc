"""Nearest supply points and what was counted there."""

import datetime

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from gridmap.access import LOCAL, acting
from gridmap.crs import position
from gridmap.errors import InvalidInput, NotAllowed
from gridmap.layers import LAYERS
from gridmap.layers.supply_point import stock_count
from gridmap.layers.supply_point.queries import stock
from gridmap.proximity import nearest, nearest_query
from tests.factories import COUNTY, add_supply_point

SUPPLY_POINT = LAYERS["supply_point"]
CGCS2000 = Geod(a=6378137.0, rf=298.257222101)


def test_nearest_answers_with_the_geodesic_distance_nearest_first(conn):
    add_supply_point(conn, "near", 116.001, 40.0)
    add_supply_point(conn, "far", 116.01, 40.0)
    found = nearest(conn, LOCAL, SUPPLY_POINT, position(116, 40))
    assert [item.code for item in found] == ["near", "far"]
    assert found[0].distance_m == pytest.approx(
        85.394, abs=0.01
    )  # pyproj.Geod(ellps="WGS84").inv(116, 40, 116.001, 40)
    assert found[0].method == "geodesic"


def test_ties_are_ordered_by_code(conn):
    for code in ("b", "a", "c"):
        add_supply_point(conn, code, 116.001, 40.0)
    assert [item.code for item in nearest(conn, LOCAL, SUPPLY_POINT, position(116, 40), k=2)] == ["a", "b"]


def test_retired_points_are_left_out(conn):
    add_supply_point(conn, "gone", 116.001, 40.0, valid_to=sa.text("now() + interval '1 second'"))
    assert nearest(conn, LOCAL, SUPPLY_POINT, position(116, 40)) == []


def test_nearest_can_be_asked_for_one_kind(conn):
    add_supply_point(conn, "store", 116.001, 40.0)
    add_supply_point(conn, "clinic", 116.01, 40.0, kind="clinic")
    assert [i.code for i in nearest(conn, LOCAL, SUPPLY_POINT, position(116, 40), kind="clinic")] == ["clinic"]
    with pytest.raises(InvalidInput, match="kind"):
        nearest(conn, LOCAL, SUPPLY_POINT, position(116, 40), kind="shed")


@pytest.mark.parametrize("k", [0, -1, 101, 10**9])
def test_k_is_bounded(conn, k):
    with pytest.raises(InvalidInput, match="k must"):
        nearest(conn, LOCAL, SUPPLY_POINT, position(116, 40), k=k)


def test_nearest_leaves_out_other_communities_but_not_what_lies_outside_all_of_them(conn):
    add_supply_point(conn, "ours", 116.01, 40.0, community="990106001001")
    add_supply_point(conn, "theirs", 116.001, 40.0, community="990106001002")
    add_supply_point(conn, "nobodys", 116.002, 40.0)
    worker = acting("worker", frozenset({"supply_point.view"}), ("990106001001",))
    assert [item.code for item in nearest(conn, worker, SUPPLY_POINT, position(116, 40))] == ["nobodys", "ours"]
    nobody = acting("nobody", frozenset({"supply_point.view"}), ())
    assert nearest(conn, nobody, SUPPLY_POINT, position(116, 40)) == []
    with pytest.raises(NotAllowed):
        nearest(conn, acting("guest", frozenset(), ("990106001001",)), SUPPLY_POINT, position(116, 40))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_nearest_equals_brute_force_where_sphere_and_ellipsoid_disagree(rolled_back, data):
    """Points on rings of almost one distance in all directions: the sphere sorts them wrongly, the answer must not."""
    lon, lat = data.draw(st.floats(80, 130)), data.draw(st.floats(-50, 55))
    rings = data.draw(st.lists(st.tuples(st.floats(0, 360), st.floats(900, 910)), min_size=12, max_size=40))
    with rolled_back.connect() as conn:
        transaction = conn.begin()
        conn.execute(sa.text("SELECT set_config('gridmap.actor', 'test', true)"))
        stored = {}
        for number, (azimuth, metres) in enumerate(rings):
            x, y, _ = CGCS2000.fwd(lon, lat, azimuth, metres)
            stored[f"p{number:03d}"] = (x, y)
            add_supply_point(conn, f"p{number:03d}", x, y)
        found = nearest(conn, LOCAL, SUPPLY_POINT, position(lon, lat), k=7)
        transaction.rollback()
    brute = sorted((CGCS2000.inv(lon, lat, x, y)[2], code) for code, (x, y) in stored.items())[:7]
    assert [item.distance_m for item in found] == pytest.approx([metres for metres, _ in brute], abs=0.001)


def test_stock_is_the_latest_count_of_each_item(conn):
    point_id = add_supply_point(conn, "S1", 116, 40)
    add_supply_point(conn, "S2", 116, 40)
    for item, day, quantity in (("1030101", 1, 90), ("1030101", 5, 40), ("1030101", 3, 70), ("1010101", 2, 7)):
        row = {"county": COUNTY, "supply_point_id": point_id, "item_code": item, "recorded_by": "test"}
        conn.execute(stock_count.insert().values(**row, counted_on=datetime.date(2026, 3, day), quantity=quantity))
    counted = stock(conn, LOCAL, ["S1", "S2"])
    assert [(s.item, s.quantity, s.counted_on.day) for s in counted["S1"]] == [("1010101", 7, 2), ("1030101", 40, 5)]
    assert counted["S2"] == []


def test_nearest_uses_the_geography_index(demo):
    query = nearest_query(LOCAL, SUPPLY_POINT, position(120.6, 30.9), k=5)
    compiled = query.compile(demo, compile_kwargs={"literal_binds": True})
    with demo.connect() as conn:
        conn.execute(sa.text("SET enable_seqscan = off"))
        plan = "\n".join(row[0] for row in conn.execute(sa.text(f"EXPLAIN {compiled}")))
    assert plan.count("supply_point_geog_idx") >= 2, plan  # the walk of <-> and the box around it
