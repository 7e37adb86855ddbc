"""The map without a mouse: every part is reached by Tab and used by Enter, and shows that it has the focus."""

import re

import pytest
from playwright.sync_api import Page, expect

MOST_TABS = 120
FOCUSED = """() => {
  const e = document.activeElement, s = getComputedStyle(e), b = e.getBoundingClientRect();
  return {outline: parseFloat(s.outlineWidth) * (s.outlineStyle !== 'none'), width: b.width, height: b.height,
          tag: e.tagName, isSheet: e.matches('.sheet'), isBody: e === document.body};
}"""


def tab_to(page: Page, selector: str, key: str = "Tab") -> None:
    """Press Tab until an element has the focus; everything on the way shows the focus too."""
    for _ in range(MOST_TABS):
        page.keyboard.press(key)
        found = page.evaluate(FOCUSED)
        if not found["isBody"] and not found["isSheet"]:
            assert found["outline"] >= 2, found
            assert found["width"] > 0, found
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"Tab does not reach {selector}")


@pytest.fixture
def page(visit, building) -> Page:
    opened = visit()
    opened.go(building.view(17))
    return opened.page


def test_a_search_is_made_and_taken_by_keyboard(page, building):
    tab_to(page, "#search-box")
    page.keyboard.type(building.code)
    expect(page.locator("#search-results [role=option]").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#panel h2")).to_have_text(building.name)
    page.wait_for_load_state("networkidle")


def test_a_layer_is_switched_by_keyboard(page):
    tab_to(page, "[data-button=layers]")
    page.keyboard.press("Enter")
    tab_to(page, "input[data-layer=volunteer]")
    page.keyboard.press("Space")
    expect(page.locator("input[data-layer=volunteer]")).not_to_be_checked()
    page.wait_for_load_state("networkidle")
    page.keyboard.press("Escape")
    expect(page.locator("#layers")).to_be_hidden()
    assert page.evaluate("document.activeElement.matches('[data-button=layers]')")  # back where it was opened


def test_a_thing_on_the_map_is_chosen_from_the_list_of_what_is_in_view(page):
    tab_to(page, "[data-button=layers]")
    page.keyboard.press("Enter")
    tab_to(page, "[data-list=building] summary")
    page.keyboard.press("Enter")
    first = page.locator("[data-list=building] [data-pick]").first
    expect(first).to_be_visible()
    tab_to(page, "[data-list=building] [data-pick]")
    code = first.get_attribute("data-pick").partition("/")[2]
    page.keyboard.press("Enter")
    expect(page.locator("#panel h2")).to_be_visible()
    assert f"sel=building/{code}" in page.url
    page.wait_for_load_state("networkidle")
    tab_to(page, "#panel [data-line]")
    page.keyboard.press("Enter")
    expect(page.locator("#panel [data-line][aria-pressed=true]")).to_have_count(1)
    tab_to(page, "#panel .sheet-close", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#panel")).to_be_hidden()


def test_the_middle_of_the_map_is_asked_by_keyboard(page):
    tab_to(page, ".leaflet-container")
    page.keyboard.press("Enter")
    expect(page.locator("#panel h2")).to_be_visible()
    page.wait_for_load_state("networkidle")


def test_a_link_is_copied_and_the_sheet_opened_by_keyboard(page):
    tab_to(page, "[data-button=share]")
    page.keyboard.press("Enter")
    tab_to(page, "#share-copy")
    tab_to(page, "#share-print")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/print\\?map="))
    tab_to(page, "select[name=paper]")
    tab_to(page, "[data-make=print]")
    page.wait_for_load_state("networkidle")


def test_a_zone_is_drawn_by_keyboard(page):
    tab_to(page, "[aria-controls=zone]")
    page.keyboard.press("Enter")
    expect(page.locator("#zone")).to_be_visible()
    tab_to(page, "#zone .zone-tools button:nth-child(2)")
    page.keyboard.press("Enter")
    tab_to(page, ".leaflet-container", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#zone")).to_contain_text(re.compile(r"\d+\s*(户|栋)|户|栋"))
    page.wait_for_load_state("networkidle")
    tab_to(page, "#zone input[name=name]")
