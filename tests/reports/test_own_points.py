"""A keeper's first page: the own stock points, what was last counted, and which counts are old."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from gridmap.access import LOCAL
from gridmap.db import transaction
from gridmap.layers.supply_point import item, stock_count
from gridmap.reports.own_points import is_old
from tests import factories
from tests.conftest import app_on, client_of, session_of
from tests.factories import COMMUNITY, COUNTY


def count(conn: sa.Connection, point, item_code: str, days_ago: int, quantity: int) -> None:
    day = sa.func.current_date() - days_ago
    conn.execute(
        stock_count.insert().values(
            county=COUNTY,
            supply_point_id=point,
            item_code=item_code,
            counted_on=day,
            quantity=quantity,
            recorded_by="t",
        )
    )


@pytest.fixture
def keeper(empty_database):
    """The client of somebody who keeps S-1 of three points."""
    with transaction(empty_database, LOCAL) as conn:
        community = factories.add_community(conn)
        for number, name in enumerate(("口罩", "帐篷"), 1):
            conn.execute(
                item.insert().values(
                    code=f"100000{number}", name=name, name_en=("Masks", "Tents")[number - 1], unit="个", unit_en="pcs",
                    group="medical",
                )
            )  # fmt: skip
        points = [
            factories.add_supply_point(
                conn, f"S-{number}", 120.6 + number / 1000, 30.9, community=COMMUNITY, community_id=community
            )
            for number in (1, 2, 3)
        ]
        count(conn, points[0], "1000001", 45, 400)
        count(conn, points[0], "1000001", 3, 250)
        count(conn, points[0], "1000002", 33, 7)
        count(conn, points[1], "1000001", 1, 99)
    with app_on(empty_database) as app:
        yield client_of(app, session_of(empty_database, ("keeper", "S-1"))), app, empty_database


def test_a_keeper_lands_on_the_own_points_with_the_latest_count_of_each_item(keeper):
    client, _, _ = keeper
    assert client.get("/begin").location == "/my-points"
    page = client.get("/my-points?lang=en").get_data(as_text=True)
    assert "物资点S-1" in page
    assert "物资点S-2" not in page
    assert "<strong>250</strong> pcs" in page
    assert "400" not in page
    assert page.count("stale") == 1  # the tents
    assert "/#map=18/30.90000/120.60100&amp;sel=supply_point/S-1" in page


def test_a_point_nothing_was_counted_at_says_so(keeper):
    _, app, engine = keeper
    page = client_of(app, session_of(engine, ("keeper", "S-3"))).get("/my-points?lang=en").get_data(as_text=True)
    assert "Nothing has been counted here yet." in page


def test_who_keeps_one_point_and_works_in_a_grid_is_shown_the_own_point(keeper):
    _, app, engine = keeper
    both = session_of(engine, ("keeper", "S-2"), ("grid_worker", COMMUNITY + "001"))
    page = client_of(app, both).get("/my-points").get_data(as_text=True)
    assert ("物资点S-2" in page, "物资点S-1" in page) == (True, False)


def test_a_count_is_old_after_thirty_days():
    today = date(2026, 11, 24)
    assert not is_old(today - timedelta(days=30), today)
    assert is_old(today - timedelta(days=31), today)
