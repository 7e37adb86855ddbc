"""A zone drawn on the map by finger and mouse: the impact while drawing, the draft, and its steps in the panel."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from gridmap.access import LOCAL
from gridmap.demo import load
from tests.browser.conftest import LANDSCAPE, PORTRAIT, visits
from tests.conftest import copy_of, serving, session_of

PICTURES = os.environ.get("GRIDMAP_TEST_PICTURES")
SHEET_PX = 300  # a building is shown this far above the middle of a portrait map, whose lower half the sheet covers
SHEET_DEGREES = SHEET_PX * 1.194 * 0.858 / 110_900  # zoom 17: 1.194 m a pixel at the equator, cos(30.9) of it here
CORNERS = [(-110, -90), (110, -90), (110, 90), (-110, 90)]  # pixels from the middle of what is seen


@pytest.fixture(scope="module")
def served(cluster, migrated):
    """A service on a district of its own, which drafts may change: its address and the sessions of two people."""
    with copy_of(cluster, migrated) as engine:
        load(engine, LOCAL, households=900, seed=1)
        with serving(engine) as base:
            with engine.connect() as conn:
                place = conn.exec_driver_sql(
                    "SELECT ST_X(b.position), ST_Y(b.position) FROM building AS b JOIN household AS h"
                    " ON h.building_id = b.id GROUP BY b.code, b.position ORDER BY count(*) DESC, b.code LIMIT 1"
                ).one()
            yield base, session_of(engine, ("commander", "all")), session_of(engine, ("district", "all")), tuple(place)


@pytest.fixture
def open_as(browser, served):
    made = []

    def open_page(who: str, *arguments):
        base, commander, district, _ = served
        pages = visits(browser, base, commander if who == "commander" else district)
        made.append(pages)
        return next(pages)(*arguments)

    yield open_page
    for pages in made:
        next(pages, None)


def picture(page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def start(opened, served) -> None:
    """Open the sheet with the building in the middle of what stays seen of the map."""
    lon, lat = served[3]
    south = 0.0 if opened.page.viewport_size["width"] > 900 else SHEET_DEGREES
    opened.go(f"#map=17/{lat - south:.6f}/{lon:.6f}")
    opened.page.locator("[aria-controls=zone]").tap()
    expect(opened.page.locator("#zone")).to_be_visible()


def middle(page) -> tuple[float, float]:
    """Where the building is on the screen."""
    box = page.locator(".map").bounding_box()
    above = 0 if page.viewport_size["width"] > 900 else SHEET_PX
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 - above


@pytest.mark.parametrize("size", [LANDSCAPE, PORTRAIT], ids=["landscape", "portrait"])
@pytest.mark.parametrize("language", ["zh-CN", "en-GB"])
def test_corners_set_by_finger_tell_whom_the_zone_touches_and_are_saved_as_a_draft(open_as, served, size, language):
    opened = open_as("commander", size, language)
    start(opened, served)
    x, y = middle(opened.page)
    for right, down in CORNERS:
        opened.page.touchscreen.tap(x + right, y + down)
    result = opened.page.locator(".zone-impact")
    expect(result).to_be_visible()
    opened.settle()
    picture(opened.page, f"draw-{language}-{size[0]}")
    households = result.locator(".figures strong").nth(1)
    expect(households).to_have_text(re.compile(r"^[1-9]\d*$"))
    picture(opened.page, f"draw-{language}-{size[0]}")
    opened.page.locator("#zone input[name=name]").fill("一号封控区（拟）")
    opened.page.locator("#zone button[type=submit]").tap()
    panel = opened.page.locator("#panel")
    expect(panel.locator("h2")).to_have_text("一号封控区（拟）")
    expect(panel.locator("[data-zone-step]")).to_have_count(1)
    expect(panel.locator(".zone-words")).to_contain_text("幢")
    opened.settle()
    picture(opened.page, f"panel-{language}-{size[0]}")


def test_corners_set_by_mouse_can_be_taken_back_and_the_figures_follow(open_as, served):
    opened = open_as("commander", LANDSCAPE)
    start(opened, served)
    x, y = middle(opened.page)
    for right, down in CORNERS:
        opened.page.mouse.click(x + right, y + down)
        opened.page.wait_for_timeout(60)
    expect(opened.page.locator(".zone-impact")).to_be_visible()
    expect(opened.page.locator(".zone-corner")).to_have_count(4)
    for left in (3, 2):
        opened.page.locator(".zone-buttons button[type=button]").click()
        expect(opened.page.locator(".zone-corner")).to_have_count(left)
    expect(opened.page.locator(".zone-impact")).to_have_count(0)  # two corners enclose nothing
    expect(opened.page.locator("#zone button[type=submit]")).to_be_disabled()


def test_whole_buildings_are_picked_by_tapping_and_a_second_tap_drops_one(open_as, served):
    opened = open_as("commander", LANDSCAPE)
    start(opened, served)
    opened.page.locator(".zone-tools button").nth(2).tap()
    point = middle(opened.page)
    opened.page.touchscreen.tap(*point)
    expect(opened.page.locator(".zone-impact .figures strong").first).to_have_text("1")
    opened.page.wait_for_timeout(600)  # not a double tap
    opened.page.touchscreen.tap(*point)
    expect(opened.page.locator(".zone-impact")).to_have_count(0)


def test_a_draft_is_proposed_decided_and_put_into_force_by_two_people(open_as, served):
    commander = open_as("commander", LANDSCAPE)
    start(commander, served)
    x, y = middle(commander.page)
    for right, down in CORNERS:
        commander.page.mouse.click(x + right, y + down)
    commander.page.locator("#zone input[name=name]").fill("二号封控区")
    expect(commander.page.locator(".zone-impact")).to_be_visible()
    commander.page.locator("#zone button[type=submit]").click()
    expect(commander.page.locator("#panel h2")).to_have_text("二号封控区")
    code = commander.page.locator("#panel article").get_attribute("data-code")
    commander.page.locator("[data-zone-step=propose]").click()
    expect(commander.page.locator("[data-zone-step=withdraw]")).to_be_visible()
    district = open_as("district", LANDSCAPE)
    district.go(f"#sel=closure_zone/{code}")
    district.page.locator("[data-zone-step=approve]").click()
    district.page.locator(".zone-step summary").click()
    for name, words in {"doc_no": "指挥部〔2026〕第7号", "issuer": "滨江示范区人民政府", "reason": "出现病例"}.items():
        district.page.locator(f"#panel [name={name}]").fill(words)
    picture(district.page, "order")
    district.page.locator("[data-zone-step=activate]").click()
    expect(district.page.locator("#panel")).to_contain_text("指挥部〔2026〕第7号")
    expect(district.page.locator("[data-zone-step=propose_release]")).to_be_visible()
    district.settle()
    picture(district.page, "in-force")
    district.go("zones")
    expect(district.page.locator("section").first).to_contain_text("二号封控区")
    picture(district.page, "list")
