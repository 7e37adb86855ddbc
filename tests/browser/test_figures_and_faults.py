"""The figures of places and what does not hold together, in a browser: chosen, shaded, taken along; mended, undone."""

import re

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from gridmap import db, hierarchy
from gridmap.access import LOCAL
from tests.browser.conftest import LANDSCAPE, PORTRAIT, visits
from tests.conftest import copy_of, serving, session_of
from tests.factories import COMMUNITY, add_building, add_community, add_household, add_neighbourhood, point, square

WEST = "SRID=4490;MULTIPOLYGON(((120.59 30.89,120.6 30.89,120.6 30.91,120.59 30.91,120.59 30.89)))"
EAST = "SRID=4490;MULTIPOLYGON(((120.6 30.89,120.61 30.89,120.61 30.91,120.6 30.91,120.6 30.89)))"
CODE = COMMUNITY + "00001"
WORDS = {
    "en-GB": {"people": "People", "none": "Nothing of this kind was found.", "map": "On the map"},
    "zh-CN": {"people": "人数", "none": "未发现此类问题。", "map": "在地图上"},
}


@pytest.mark.browser
@pytest.mark.parametrize(
    ("language", "size"), [("zh-CN", LANDSCAPE), pytest.param("en-GB", PORTRAIT, marks=pytest.mark.nightly)]
)
def test_a_place_is_chosen_and_shown_as_table_and_shaded_map_and_taken_along(visit, language, size):
    opened = visit(size, language)
    opened.go("summary")
    page, words = opened.page, WORDS[language]
    if "place=" not in page.url:
        page.locator("ul.rows a").first.click()
    community = page.locator("[id^=row-] a").first
    while "community" not in page.url and page.locator("select[name=by]").count() == 0:
        community.click()
        opened.settle()
    page.locator("select[name=show]").select_option("people")
    page.locator(".filter button[type=submit]").click()
    opened.settle()
    expect(page.locator("th[aria-current=true]")).to_have_text(words["people"])
    rows = page.locator("tbody tr[id^=row-]")
    assert rows.count() > 1
    shaded = page.locator(".summary-map path.leaflet-interactive")
    expect(shaded).to_have_count(rows.count())
    fills = {shaded.nth(index).get_attribute("fill") for index in range(shaded.count())}
    assert len(fills - {None, "none"}) > 1
    assert page.locator(".legend .swatch").count() > 1
    with page.expect_download() as download:
        page.locator(".files a", has_text="CSV").click()
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert words["people"] in lines[0]
    whole = re.sub(r"\D", "", page.locator("#whole-people").inner_text())
    assert whole in lines[1].split(",")
    first = rows.first.locator("a")
    name = first.inner_text()
    first.click()
    opened.settle()
    expect(page.locator("h1")).to_have_text(name)


@pytest.fixture(scope="module")
def faulty(cluster, migrated):
    """A service on a register with a building in the wrong grid."""
    with copy_of(cluster, migrated) as engine:
        with db.transaction(engine, LOCAL) as conn:
            community = add_community(conn, geom=square(120.6, 30.9, 0.01))
            grids = [add_neighbourhood(conn, community, f"00{n}", geom=geom) for n, geom in ((1, WEST), (2, EAST))]
            building = add_building(
                conn, community, 1, lon=120.605, neighbourhood=COMMUNITY + "001", neighbourhood_id=grids[0]
            )
            add_household(conn, building, geom=point(120.605, 30.9), neighbourhood=COMMUNITY + "001")
        with serving(engine) as base:
            yield engine, base


@pytest.fixture
def keeper(browser, faulty):
    """Open pages as a commander of that community; every page's account must be clean at the end."""
    engine, base = faulty
    yield from visits(browser, base, session_of(engine, ("commander", COMMUNITY)))


@pytest.mark.browser
@pytest.mark.parametrize(
    ("language", "size"), [pytest.param("zh-CN", PORTRAIT, marks=pytest.mark.nightly), ("en-GB", LANDSCAPE)]
)
def test_a_fault_leads_to_the_map_is_mended_and_the_repair_undone(keeper, faulty, language, size):
    opened = keeper(size, language)
    page, words = opened.page, WORDS[language]
    opened.go("integrity")
    page.locator("a[href='/integrity/building_grid']").click()
    link = page.get_by_role("link", name=words["map"])
    assert link.get_attribute("href").endswith(f"#map=18/30.90000/120.60500&sel=building/{CODE}")
    link.click()
    opened.settle()
    expect(page.locator("#panel h2")).to_have_text("1幢")
    page.go_back()
    page.locator(f"label.check:has(input[value='{CODE}'])").click()
    page.locator("form.faults button[type=submit]").click()
    expect(page.locator("tbody tr")).to_contain_text(f"{COMMUNITY}002")
    assert grid_of(faulty) == COMMUNITY + "001"
    page.locator("form[action$='/repair'] button").click()
    expect(page.get_by_text(words["none"])).to_be_visible()
    assert grid_of(faulty) == COMMUNITY + "002"
    page.locator("form[action$='/undo'] button").first.click()
    expect(page.locator("form.faults")).to_contain_text(CODE)
    assert grid_of(faulty) == COMMUNITY + "001"
    opened.go("integrity")
    expect(page.locator("form[action$='/undo']")).to_have_count(0)


def grid_of(faulty):
    with faulty[0].connect() as conn:
        return conn.scalar(sa.select(hierarchy.building.c.neighbourhood).where(hierarchy.building.c.code == CODE))
