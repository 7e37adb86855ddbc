"""Grids merged, parted and reshaped on the map, and a set of grids compared and activated on its page."""

import math
import re

import pytest
import sqlalchemy as sa
from geoalchemy2.shape import to_shape
from playwright.sync_api import expect
from shapely import Point

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


def neighbours(areas: dict) -> tuple[str, str]:
    return next(
        (one, near) for one in areas for near in areas
        if one[:12] == near[:12] and one != near and areas[one].intersection(areas[near]).length > 1e-4
    )  # fmt: skip


def spot(page, lon: float, lat: float) -> tuple[float, float]:
    """Where on the screen a position lies, by the address, which names zoom and middle of the map (Web Mercator)."""
    zoom, middle_lat, middle_lon = map(float, re.search(r"map=([\d.]+)/([\d.-]+)/([\d.-]+)", page.url).groups())

    def pixel(lon: float, lat: float) -> tuple[float, float]:
        size, sine = 256 * 2**zoom, math.sin(math.radians(lat))
        return (lon + 180) / 360 * size, (0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)) * size

    box, (x, y), (x0, y0) = page.locator(".map").bounding_box(), pixel(lon, lat), pixel(middle_lon, middle_lat)
    return box["x"] + box["width"] / 2 + x - x0, box["y"] + box["height"] / 2 + y - y0


def edit(page, base: str, code: str, tool: str) -> None:
    page.goto(f"{base}/?lang=en#sel=neighbourhood/{code}")
    page.locator("[data-edit]").tap()
    page.locator(f"[data-shape={tool}]").tap()
    expect(page.locator("#draw")).to_be_visible()


def test_a_grid_is_parted_along_a_tapped_line_and_united_again(place, page):
    engine, base, _ = place
    before = grids(engine)
    code = min(before)
    edit(page, base, code, "splitThing")
    west, south, east, north = before[code].bounds
    wide, middle = (east - west) / 10, (south + north) / 2
    for lon in (west - wide, east + wide):
        page.touchscreen.tap(*spot(page, lon, middle))
    page.locator("[data-tool=takePlace]").tap()
    expect(page.locator("#notice")).to_contain_text("Saved.")
    after = grids(engine)
    (new,) = set(after) - set(before)
    assert after[code].area + after[new].area == pytest.approx(before[code].area, rel=1e-6)
    page.locator("#notice button").tap()
    expect(page.locator("#notice")).to_contain_text("Undone.")
    assert grids(engine) == before


def test_a_border_that_is_dragged_moves_for_both_neighbours(place, page):
    engine, base, _ = place
    before = grids(engine)
    code, other = neighbours(before)
    edit(page, base, code, "reshapeGrid")
    border = before[code].intersection(before[other])
    corners = [corner for corner in before[code].geoms[0].exterior.coords if border.distance(Point(corner)) < 1e-7]
    corner = min(corners, key=lambda one: border.centroid.distance(Point(one)))
    (x, y), (to_x, to_y) = spot(page, *corner), spot(page, *before[other].centroid.coords[0])
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + (to_x - x) / 4, y + (to_y - y) / 4, steps=5)
    page.mouse.up()
    page.locator("[data-tool=takePlace]").tap()
    expect(page.locator("#notice")).to_contain_text("These move along")
    assert grids(engine) == before
    page.get_by_role("button", name="Reshape them too").tap()
    expect(page.locator("#notice")).to_contain_text("Saved.")
    after = grids(engine)
    assert {code, other} <= {one for one in before if before[one] != after[one]}
    assert after[code].area > before[code].area
    assert sum(area.area for area in after.values()) == pytest.approx(sum(area.area for area in before.values()))
    page.locator("#notice button").tap()
    expect(page.locator("#notice")).to_contain_text("Undone.")


def test_a_grid_takes_in_its_neighbour_and_gives_it_back(place, page):
    engine, base, _ = place
    before = grids(engine)
    code, other = neighbours(before)
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
