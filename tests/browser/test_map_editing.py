"""Editing on the map: forms, drawing, two people at once, history, and the map of a past moment."""

import re
from datetime import UTC

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from gridmap.access import LOCAL
from gridmap.demo import load
from gridmap.layers import LAYERS
from tests.conftest import copy_of, serving, session_of

WIDE = {"width": 1280, "height": 800}
POINT = LAYERS["supply_point"].table


@pytest.fixture(scope="module")
def place(cluster, migrated):
    """A small district of its own, with its engine, its address and two people who may edit it."""
    with copy_of(cluster, migrated) as engine:
        load(engine, LOCAL, households=400, seed=1)
        with serving(engine) as base:
            yield engine, base, [session_of(engine, ("commander", "all")) for _ in range(2)]


@pytest.fixture
def pages(place, browser):
    """Pages of two people; nothing may break the policy or throw."""
    _, base, tokens = place
    opened, complaints = [], []

    def open_page(person: int = 0, viewport: dict = WIDE) -> Page:
        context = browser.new_context(viewport=viewport, locale="en-GB", has_touch=True)
        context.add_cookies([{"name": "gridmap_session", "value": tokens[person], "url": base}])
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if "Content Security" in m.text else None)
        opened.append(context)
        return page

    yield open_page
    for context in opened:
        context.close()
    assert complaints == []


@pytest.fixture
def point(place):
    """The code of a supply point that other tests leave alone."""
    engine, _, _ = place
    with engine.connect() as conn:
        used = point_codes(conn)
    return used[0]


def point_codes(conn) -> list[str]:
    found = conn.scalars(
        sa.select(POINT.c.code).where(POINT.c.valid_to.is_(None)).order_by(POINT.c.version, POINT.c.code)
    )
    return list(found)


def stored(place, code: str, *columns: str):
    with place[0].connect() as conn:
        return conn.execute(sa.select(*(POINT.c[c] for c in columns)).where(POINT.c.code == code)).one()


def open_form(page: Page, base: str, code: str) -> None:
    page.goto(f"{base}/?lang=en#sel=supply_point/{code}")
    page.locator("[data-edit]").click()
    page.locator("#field-name").wait_for()


def save(page: Page) -> None:
    page.locator(".edit-foot button").click()


def test_a_value_is_changed_told_saved_and_taken_back(place, pages, point):
    page, before = pages(), stored(place, point, "name")[0]
    open_form(page, place[1], point)
    page.locator("#field-name").fill("Newly named")
    save(page)
    expect(page.locator("#notice")).to_contain_text("Saved.")
    expect(page.locator("#panel h2")).to_have_text("Newly named")
    page.locator("#notice button").click()
    expect(page.locator("#panel h2")).to_have_text(before)


def test_a_wrong_value_is_told_beside_its_field(place, pages, point):
    page = pages()
    open_form(page, place[1], point)
    page.locator("#field-name").fill("")
    page.locator("#field-phone").fill("138****0000")
    save(page)
    expect(page.locator("[data-field=name] .field-message")).to_have_text("This is required.")
    expect(page.locator("#field-name")).to_have_attribute("aria-invalid", "true")
    page.locator("#field-name").fill("Right")
    expect(page.locator("[data-field=name] .field-message")).to_be_hidden()


def test_what_was_filled_in_survives_closing_and_reloading(place, pages, point):
    page = pages()
    open_form(page, place[1], point)
    page.locator("#field-address").fill("Half written")
    page.locator("#edit .sheet-close").click()
    expect(page.locator("#notice")).to_contain_text("kept")
    page.reload()
    open_form(page, place[1], point)
    expect(page.locator("#field-address")).to_have_value("Half written")
    page.locator(".draft-note button").click()
    expect(page.locator("#field-address")).not_to_have_value("Half written")


def test_of_two_people_the_second_is_told_sees_both_and_loses_nothing(place, pages, point):
    first, second = pages(0), pages(1)
    for page in (first, second):
        open_form(page, place[1], point)
    first.locator("#field-address").fill("First street 1")
    save(first)
    expect(first.locator("#notice")).to_contain_text("Saved.")
    second.locator("#field-address").fill("Second street 2")
    second.locator("#field-capacity").fill("40 people")
    save(second)
    told = second.locator(".conflict")
    expect(told).to_contain_text("First street 1")
    expect(told).to_contain_text("Second street 2")
    assert stored(place, point, "address")[0] == "First street 1"
    expect(second.locator("#field-address")).to_have_value("Second street 2")
    told.locator("[data-keep=mine]").click()
    expect(second.locator("#notice")).to_contain_text("Saved.")
    assert tuple(stored(place, point, "address", "capacity")) == ("Second street 2", "40 people")
    second.locator("[data-history]").click()
    expect(second.locator("#edit")).to_contain_text("First street 1")  # nothing of either is lost


def test_a_building_is_drawn_with_undo_and_stored(place, pages):
    engine, base, _ = place
    page = pages()
    with engine.connect() as conn:
        table = LAYERS["building"].table
        lon, lat = conn.execute(
            sa.select(sa.func.ST_X(table.c.position), sa.func.ST_Y(table.c.position)).order_by(table.c.code).limit(1)
        ).one()
    page.goto(f"{base}/?lang=en#map=19/{lat:.6f}/{lon:.6f}")
    page.locator("[data-button=newThing]").click()
    page.locator("[data-new=building]").click()
    page.locator("[data-tool=takePlace]").wait_for()
    for x, y in ((500, 300), (560, 300), (560, 360), (700, 500)):
        page.mouse.click(x, y)
    page.locator("[data-tool=undo]").click()
    page.mouse.click(500, 360)
    expect(page.locator(".draw-hint")).to_contain_text("4 corners")
    page.locator("[data-tool=takePlace]").click()
    page.locator("#field-name").fill("Drawn house")
    save(page)
    expect(page.locator("#panel h2")).to_have_text("Drawn house")
    with engine.connect() as conn:
        corners = conn.scalar(sa.select(sa.func.ST_NPoints(table.c.geom)).where(table.c.name == "Drawn house"))
    assert corners == 5


def test_a_point_is_moved_by_dragging_and_its_history_shows_where_it_was(place, pages, point):
    page = pages()
    open_form(page, place[1], point)
    page.locator("[data-draw]").click()
    handle = page.locator(".draw-handle.corner")
    box = handle.bounding_box()
    page.mouse.move(box["x"] + 22, box["y"] + 22)
    page.mouse.down()
    page.mouse.move(box["x"] + 40, box["y"] + 30, steps=5)
    page.mouse.up()
    page.locator("[data-tool=takePlace]").click()
    save(page)
    expect(page.locator("#notice")).to_contain_text("Saved.")
    page.locator("[data-history]").click()
    page.get_by_role("button", name="Show how it moved").first.click()
    assert page.locator('path[stroke-dasharray="8 6"]').count() == 1


def test_a_version_is_restored_from_the_history(place, pages, point):
    page, before = pages(), stored(place, point, "name")[0]
    open_form(page, place[1], point)
    page.locator("#field-name").fill("To be undone")
    save(page)
    page.locator("[data-history]").click()
    page.get_by_role("button", name="Restore this").first.click()
    expect(page.locator("#panel h2")).to_have_text(before)


def test_a_thing_is_retired_and_brought_back_at_once(place, pages):
    engine, base, _ = place
    with engine.connect() as conn:
        code = point_codes(conn)[-1]
    page = pages()
    open_form(page, base, code)
    page.locator(".button.danger").click()
    expect(page.locator("#notice")).to_contain_text("Retired")
    page.locator("#notice button").click()
    expect(page.locator("#notice")).to_contain_text("Undone")
    expect(page.locator("#panel .answer")).to_have_attribute("data-code", code)
    assert stored(place, code, "valid_to")[0] is None


def test_a_past_moment_is_shown_with_a_banner_in_the_address_and_without_editing(place, pages, point):
    engine, base, _ = place
    before = stored(place, point, "name")[0]
    with engine.connect() as conn:
        moment = conn.scalar(sa.func.clock_timestamp()).astimezone(UTC)
    page = pages()
    open_form(page, base, point)
    page.locator("#field-name").fill("Of today")
    save(page)
    expect(page.locator("#panel h2")).to_have_text("Of today")
    link = f"{base}/?lang=en#sel=supply_point/{point}&at={moment.isoformat().replace('+00:00', 'Z')}"
    page.goto("about:blank")
    page.goto(link)
    expect(page.locator("#past")).to_contain_text("Nothing can be changed")
    expect(page.locator("#panel h2")).to_have_text(before)
    expect(page.locator("[data-edit]")).to_have_count(0)
    expect(page.locator("[data-button=newThing]")).to_be_hidden()
    assert re.search(r"[#&]at=", page.url)
    page.locator("#past button").click()
    expect(page.locator("#panel h2")).to_have_text("Of today")
    assert "at=" not in page.url


def test_the_map_of_before_the_register_is_empty(place, pages):
    _, base, _ = place
    page, tiles = pages(), []
    ground = "/tiles/basemap/"  # what lies under the register is of today
    page.on(
        "response",
        lambda answer: tiles.append(answer) if "/tiles/" in answer.url and ground not in answer.url else None,
    )
    page.goto(f"{base}/?lang=en#at=2001-01-01T00:00:00Z")
    page.wait_for_load_state("networkidle")
    assert tiles
    assert all("as_of=2001" in tile.url and tile.body() == b"" for tile in tiles)


def test_the_form_is_usable_upright(place, pages, point):
    page = pages(0, {"width": 800, "height": 1280})
    open_form(page, place[1], point)
    page.locator("[data-draw]").click()
    expect(page.locator("[data-tool=cancel]")).to_be_visible()
    page.locator("[data-tool=cancel]").click()
    expect(page.locator("#field-name")).to_be_visible()
    small = [
        box
        for control in page.locator("#edit button:visible, #edit input:visible, #edit select:visible").all()
        if (box := control.bounding_box()) and box["height"] < 43
    ]
    assert [box for box in small if box["width"] > 30] == []
