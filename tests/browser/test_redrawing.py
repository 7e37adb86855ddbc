"""Grids merged on the map, and a set of grids compared and activated on its page."""

import pytest
import sqlalchemy as sa
from geoalchemy2.shape import to_shape
from playwright.sync_api import expect

from gridmap import boundaries, db
from gridmap.access import LOCAL
from gridmap.boundaries import Cell
from gridmap.demo import load
from gridmap.hierarchy import neighbourhood
from tests.conftest import copy_of, serving, session_of


@pytest.fixture(scope="module")
def place(cluster, migrated):
    with copy_of(cluster, migrated) as engine:
        load(engine, LOCAL, households=1500, seed=1)
        with serving(engine) as base:
            yield engine, base, session_of(engine, ("commander", "all"))


@pytest.fixture
def page(place, browser):
    _, base, token = place
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB", has_touch=True)
    context.add_cookies([{"name": "gridmap_session", "value": token, "url": base}])
    yield context.new_page()
    context.close()


def grids(engine) -> dict:
    with engine.connect() as conn:
        query = sa.select(neighbourhood.c.code, neighbourhood.c.geom).where(neighbourhood.c.valid_to.is_(None))
        return {row.code: to_shape(row.geom) for row in conn.execute(query.order_by(neighbourhood.c.code))}


def test_a_grid_takes_in_its_neighbour_and_gives_it_back(place, page):
    engine, base, _ = place
    before = grids(engine)
    code, other = next(
        (one, near) for one in before for near in before
        if one[:12] == near[:12] and one != near and before[one].intersection(before[near]).length > 1e-4
    )  # fmt: skip
    page.goto(f"{base}/?lang=en#sel=neighbourhood/{code}")
    page.locator("[data-edit]").click()
    page.locator("[data-shape=mergeThings]").click()
    page.locator(f".shaping input[value='{other}']").check()
    page.locator("[data-shape=mergeNow]").click()
    expect(page.locator("#notice")).to_contain_text("Saved.")
    assert set(before) - set(grids(engine)) == {other}
    page.locator("#notice button").click()
    expect(page.locator("#notice")).not_to_contain_text("Saved.")
    expect(page.locator("#notice span")).to_be_visible()
    assert set(grids(engine)) == set(before)


def test_a_set_is_compared_activated_and_taken_back_on_its_page(place, page):
    engine, base, _ = place
    before = grids(engine)
    community = min(before)[:12]
    mine = {code: area for code, area in before.items() if code.startswith(community)}
    first, *rest = mine
    with db.transaction(engine, LOCAL) as conn:
        cells = [Cell("改名网格", first, mine[first]), *(Cell(code[-3:], code, mine[code]) for code in rest)]
        set_id = boundaries.propose(conn, LOCAL, community, cells, name="Plan 2027", source="test")
    page.goto(f"{base}/boundaries?lang=en")
    page.get_by_role("link", name="Plan 2027").click()
    expect(page.locator("#flows tbody tr")).not_to_have_count(0)
    expect(page.locator(".boundary-drawing path.after")).to_have_count(len(mine))
    if page.locator("[name=accept_faults]").count():
        page.locator("[name=accept_faults]").check()
    page.get_by_role("button", name="Activate", exact=True).click()
    page.goto(f"{base}/boundaries/{set_id}?lang=en")
    expect(page.locator("strong", has_text="in force")).to_be_visible()
    page.get_by_role("button", name="Take the activation back").click()
    expect(page.locator("strong", has_text="taken back")).to_be_visible()
