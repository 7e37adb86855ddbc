"""The nearest supply point is the one that has the item, is open and can be walked to; nearer ones are told with a reason."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from shapely.geometry import LineString

from gridmap.access import LOCAL, acting
from gridmap.crs import Position
from gridmap.errors import InvalidInput, NotAllowed
from gridmap.hours import is_open
from gridmap.layers.supply_point import item, stock_count
from gridmap.reports.nearest_supply import nearest_supply
from gridmap.streets import network, storing
from tests.factories import COMMUNITY, COUNTY, add_community, add_supply_point, add_zone

HERE = Position(121.0, 31.0)
CLOCK = ZoneInfo("Asia/Shanghai")
WATER = "1020101"
NOON, NIGHT = datetime(2026, 11, 24, 12, tzinfo=CLOCK), datetime(2026, 11, 24, 23, tzinfo=CLOCK)


def lay(conn: sa.Connection, *lines: list) -> None:
    storing.store(conn, LOCAL, network.of_lines([LineString(line) for line in lines]), county=COUNTY, source="test")


def count(conn: sa.Connection, point_id, quantity: int, *, day: date = date(2026, 11, 1)) -> None:
    exists = conn.scalar(sa.select(sa.exists().where(item.c.code == WATER)))
    if not exists:
        words = {"name": "水", "name_en": "Water", "unit": "箱", "unit_en": "box", "group": "living"}
        conn.execute(item.insert().values(code=WATER, **words))
    key = {"county": COUNTY, "supply_point_id": point_id, "item_code": WATER, "counted_on": day}
    conn.execute(stock_count.insert().values(**key, quantity=quantity, recorded_by="test"))


def codes(answer) -> list[str]:
    return [one.code for one in answer.items]


def reasons(answer) -> list[tuple]:
    return [(one.code, one.reason) for one in answer.skipped]


@pytest.fixture
def street(conn):
    """One street along the 31st parallel with a detour to the north, and points along it, nearest first."""
    lay(conn, [(120.99, 31), (121, 31), (121.01, 31), (121.02, 31)], [(121, 31), (121, 31.01), (121.01, 31.01)])
    return {
        code: add_supply_point(conn, code, lon, 31.0) for code, lon in (("A", 121.002), ("B", 121.004), ("C", 121.006))
    }


def test_walking_decides_which_is_nearest_not_the_straight_line(conn):
    lay(conn, [(121, 31), (121, 31.01), (121.001, 31.01), (121.001, 31)], [(121, 31), (121.005, 31)])
    add_supply_point(conn, "across", 121.001, 31.0005)
    lay(conn, [(121, 31), (121, 31.01), (121.001, 31.01), (121.001, 31.0002)], [(121, 31), (120.996, 31)])
    add_supply_point(conn, "along", 120.997, 31.0)
    assert codes(nearest_supply(conn, LOCAL, HERE, method="geodesic")) == ["across", "along"]
    found = nearest_supply(conn, LOCAL, HERE)
    assert codes(found) == ["along", "across"]
    assert found.items[0].method == "walk"
    assert found.items[0].walk_s == round(found.items[0].distance_m / 1.2)
    assert found.items[1].distance_m > 2000


def test_the_method_is_an_estimate_without_streets(conn):
    add_supply_point(conn, "A", 121.01, 31.0)
    found = nearest_supply(conn, LOCAL, HERE).items[0]
    straight = nearest_supply(conn, LOCAL, HERE, method="geodesic").items[0]
    assert (found.method, straight.method, straight.walk_s) == ("estimate", "geodesic", None)
    assert found.distance_m == pytest.approx(straight.distance_m * 1.3)


def test_points_without_the_item_are_skipped_by_their_last_count(conn, street):
    count(conn, street["A"], 5)
    count(conn, street["A"], 0, day=date(2026, 11, 2))
    count(conn, street["B"], 0)
    count(conn, street["C"], 7)
    found = nearest_supply(conn, LOCAL, HERE, k=1, item=WATER)
    assert codes(found) == ["C"]
    assert reasons(found) == [("A", "empty"), ("B", "empty")]
    with pytest.raises(InvalidInput, match="no item"):
        nearest_supply(conn, LOCAL, HERE, item="9999999")


def test_points_closed_at_the_asked_time_are_skipped(conn, street):
    conn.execute(sa.text("UPDATE supply_point SET open_hours = 'Mo-Fr 08:00-18:00', version = 2, changed_at = now() WHERE code = 'A'"))  # fmt: skip
    conn.execute(
        sa.text("UPDATE supply_point SET open_hours = '每天', version = 2, changed_at = now() WHERE code = 'B'")
    )
    by_day, by_night = (nearest_supply(conn, LOCAL, HERE, k=2, at=at) for at in (NOON, NIGHT))
    assert (codes(by_day), reasons(by_day)) == (["A", "B"], [])
    assert (codes(by_night), reasons(by_night)) == (["B", "C"], [("A", "closed")])
    assert codes(nearest_supply(conn, LOCAL, HERE, k=1)) == ["A"]


def test_points_behind_a_zone_in_force_are_skipped_as_cut_off(conn, street):
    zone = "SRID=4490;MULTIPOLYGON(((121.001 30.999,121.003 30.999,121.003 31.001,121.001 31.001,121.001 30.999)))"
    add_supply_point(conn, "W", 120.992, 31.0)
    add_zone(conn, "Z1", zone)
    found = nearest_supply(conn, LOCAL, HERE)
    assert codes(found) == ["W"]
    assert reasons(found) == [("A", "cut_off"), ("B", "cut_off"), ("C", "cut_off")]
    assert [one.method for one in found.skipped] == ["geodesic"] * 3
    inside = nearest_supply(conn, LOCAL, Position(121.0015, 31.0))
    assert codes(inside) == ["A"]  # who is inside still gets an answer


def test_a_draft_or_prevention_zone_closes_nothing(conn, street):
    zone = "SRID=4490;MULTIPOLYGON(((121.001 30.999,121.003 30.999,121.003 31.001,121.001 31.001,121.001 30.999)))"
    add_zone(conn, "Z1", zone, state="draft", order_no=None, issuer=None, starts_at=None)
    add_zone(conn, "Z2", zone, type="prevention")
    assert codes(nearest_supply(conn, LOCAL, HERE)) == ["A", "B", "C"]


def test_a_nearer_point_outside_the_area_is_told_without_its_code(conn, street):
    other = add_community(conn, "990106001002")
    community = add_community(conn)
    for code, place, place_id in (
        ("A", "990106001002", other),
        ("B", COMMUNITY, community),
        ("C", COMMUNITY, community),
    ):
        conn.execute(
            sa.text("UPDATE supply_point SET community = :p, community_id = :i, version = 2, changed_at = now() WHERE code = :c"),
            {"p": place, "i": place_id, "c": code},
        )  # fmt: skip
    worker = acting("worker", {"supply_point.view"}, (COMMUNITY,))
    found = nearest_supply(conn, worker, HERE, k=1)
    assert codes(found) == ["B"]
    assert reasons(found) == [(None, "outside")]
    assert found.skipped[0].distance_m == pytest.approx(191, abs=1)
    assert reasons(nearest_supply(conn, LOCAL, HERE, k=1)) == []
    with pytest.raises(NotAllowed):
        nearest_supply(conn, acting("guest", set(), (COMMUNITY,)), HERE)


def test_far_points_are_found_too(conn, street):
    lay(conn, [(121, 31), (121.2, 31)])
    conn.execute(sa.text("UPDATE supply_point SET valid_to = now(), version = 2, changed_at = now()"))
    add_supply_point(conn, "far", 121.19, 31.0)
    assert codes(nearest_supply(conn, LOCAL, HERE)) == ["far"]


@pytest.mark.parametrize(
    ("hours", "at", "expected"),
    [
        ("24/7", NIGHT, True),
        ("Mo-Fr 08:00-18:00", NOON, True),
        ("Mo-Fr 08:00-18:00", NIGHT, False),
        ("Mo-Su 08:00-20:00; PH off", datetime(2026, 10, 1, 12, tzinfo=CLOCK), False),
        ("Mo-Fr 08:00-18:00", datetime(2026, 11, 24, 4, tzinfo=ZoneInfo("UTC")), True),
        ("工作日", NOON, None),
        ("", NOON, None),
        (None, NOON, None),
    ],
)
def test_hours_are_read_on_the_clock_of_shanghai(hours, at, expected):
    assert is_open(hours, at) is expected


@pytest.mark.parametrize(
    ("query", "where"),
    [("at=tomorrow", "at"), ("method=fly", "method"), ("item=0000000", "item"), ("k=0", "k"), ("kind=shed", "kind")],
)
def test_bad_parameters_are_named(client, query, where):
    answer = client.get(f"/api/v1/nearest/supply_point?lon=120.6&lat=30.9&{query}")
    assert answer.status_code == 422
    assert where in answer.get_data(as_text=True)


def test_only_supply_points_are_asked_for_items_hours_and_walks(client):
    for query in ("item=1020101", "at=now", "method=walk"):
        assert client.get(f"/api/v1/nearest/volunteer?lon=120.6&lat=30.9&{query}").status_code == 422


def test_over_http_the_answer_says_how_it_was_measured(client, demo):
    with demo.connect() as conn:
        outside = conn.execute(
            sa.text(
                "SELECT b.code FROM building AS b WHERE NOT EXISTS (SELECT FROM closures_in_force(now()) AS z"
                " WHERE ST_DWithin(z.geom, b.position, 0.001)) ORDER BY b.code LIMIT 1"
            )
        ).scalar_one_or_none() or conn.scalar(sa.text("SELECT max(code) FROM building"))  # fmt: skip
    answer = client.get(f"/api/v1/buildings/{outside}/nearest/supply_point?k=3&at=2026-11-24T12:00+08:00").json
    assert answer["items"]
    for one in answer["items"]:
        assert one["method"] == "walk"
        assert one["walk_s"] == round(one["distance_m"] / 1.2)
    straight = client.get(f"/api/v1/buildings/{outside}/nearest/supply_point?k=100&method=geodesic").json["items"]
    metres = {one["code"]: one["distance_m"] for one in straight}
    assert all(one["distance_m"] >= metres[one["code"]] - 0.01 for one in answer["items"])
