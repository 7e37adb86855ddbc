"""Texts of people stay texts in the real page: nothing of them runs."""

import pytest
from playwright.sync_api import expect

from gridmap.access import LOCAL
from gridmap.db import transaction
from tests import factories
from tests.browser.conftest import visits
from tests.conftest import copy_of, serving, session_of
from tests.hostile import TEXTS

LON, LAT = 120.6, 30.9


@pytest.fixture(scope="module")
def hostile_server(cluster, migrated):
    with copy_of(cluster, migrated) as engine:
        with transaction(engine, LOCAL) as conn:
            community = factories.add_community(conn, name=TEXTS[0])
            factories.add_neighbourhood(conn, community, name=TEXTS[1])
            for number, text in enumerate(TEXTS, 1):
                lon = LON + number * 0.0004
                factories.add_building(conn, community, number, lon=lon, lat=LAT, name=text)
                factories.add_supply_point(conn, f"S{number}", lon, LAT + 0.0003, name=text, address=text, open_hours=text,
                                           capacity=text, community=factories.COMMUNITY)  # fmt: skip
                factories.add_volunteer(conn, f"V{number}", lon, LAT - 0.0003, skills=[text], radius_m=500)
            factories.add_zone(conn, "Z1", factories.square(LON, LAT, 0.01), name=TEXTS[1], order_no=TEXTS[2])
        with serving(engine) as base:
            yield base, session_of(engine, ("commander", "all"))


def test_forty_script_texts_stay_texts_on_map_panel_and_search(browser, hostile_server):
    base, token = hostile_server
    assert len(TEXTS) >= 40
    pages = visits(browser, base, token)
    opened = next(pages)()
    opened.go(f"?lang=en#map=17/{LAT}/{LON + 0.004}")
    page = opened.page
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    for number, text in enumerate(TEXTS, 1):
        layer, code = (
            ("supply_point", f"S{number}") if number % 2 else ("building", f"{factories.COMMUNITY}{number:05d}")
        )
        page.evaluate("address => { location.hash = address }", f"#map=17/{LAT}/{LON}&sel={layer}/{code}")
        shown = " ".join(text.split())  # as a page folds its spaces
        expect(page.locator("#panel h2").first).to_contain_text(shown[:60])
    for text in TEXTS[:4]:
        page.locator("#search-box").fill(text)
        page.wait_for_timeout(500)
    assert page.evaluate("window.hit") is None
    next(pages, None)
