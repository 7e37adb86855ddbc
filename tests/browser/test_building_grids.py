"""Grids are built, adjusted by drag, by taps and by keyboard, and accepted, in the browser of a planner."""

import re

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from gridmap.access import LOCAL
from gridmap.demo import load
from tests.browser.conftest import LANDSCAPE, PORTRAIT, visits
from tests.conftest import copy_of, serving, session_of

BUILT_MS = 30_000


@pytest.fixture(scope="module")
def served(cluster, migrated):
    """A service on a district of its own: its database, its address and a planner's session."""
    with copy_of(cluster, migrated) as engine:
        load(engine, LOCAL, households=1500, seed=1)
        with serving(engine) as base:
            yield engine, base, session_of(engine, ("planner", "all"))


@pytest.fixture
def visit(browser, served):
    yield from visits(browser, served[1], served[2])


def build(opened) -> None:
    opened.go("grids")
    opened.page.locator("main form button.primary").click()
    expect(opened.page.locator("#grids tbody tr").first).to_be_visible(timeout=BUILT_MS)
    opened.settle()


def households(page) -> list[int]:
    return [int(words) for words in page.locator("#grids tbody td:nth-child(2)").all_inner_texts()]


def choose_one_at_a_border(page) -> str:
    """Choose from the list the first building that another grid lies beside, and return its number."""
    for value in page.locator("#atom option").evaluate_all("all => all.map((one) => one.value).slice(1)"):
        page.locator("#atom").select_option(value)
        if page.locator("#targets button").count():
            return str(value)
    raise AssertionError("no building lies at a border")


def test_a_planner_builds_moves_takes_back_and_accepts_by_keyboard(visit, served):
    opened = visit(LANDSCAPE, "en-GB")
    build(opened)
    page = opened.page
    before = households(page)
    assert len(before) >= 3
    choose_one_at_a_border(page)
    target = page.locator("#targets button").first
    grid, old, new = map(int, re.findall(r"\d+", target.inner_text()))
    assert before[grid - 1] == old
    target.press("Enter")
    expect(page.locator(f"#grids tbody tr:nth-child({grid}) td:nth-child(2)")).to_have_text(str(new))
    assert sum(households(page)) == sum(before)
    page.reload()  # nothing is lost
    opened.settle()
    assert households(page)[grid - 1] == new
    page.locator("#undo").press("Enter")
    expect(page.locator(f"#grids tbody tr:nth-child({grid}) td:nth-child(2)")).to_have_text(str(old))
    assert households(page) == before
    page.locator("#accept input[name=name]").fill("New grids")
    page.locator("#accept button").press("Enter")
    expect(page.locator("#accept [role=status]")).to_be_visible()
    expect(page.locator("#undo")).to_have_count(0)
    with served[0].connect() as conn:
        kept = conn.execute(sa.text("SELECT name, state FROM boundary_set")).all()
        cells = conn.scalar(sa.text("SELECT count(*) FROM boundary_cell"))
    assert [tuple(row) for row in kept] == [("New grids", "proposed")]
    assert cells == len(before)


def spot_of_grid(page, number: int) -> tuple[float, float]:
    box = page.locator("div.grid-sign", has=page.locator(f"b:text-is('{number}')")).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_building_is_dragged_to_the_grid_beside_and_one_too_far_away_is_refused(visit):
    opened = visit(LANDSCAPE, "zh-CN")
    build(opened)
    page = opened.page
    before = households(page)
    choose_one_at_a_border(page)
    beside = [int(re.findall(r"\d+", words)[0]) for words in page.locator("#targets button").all_inner_texts()]
    home = int(re.findall(r"\d+", page.locator("#notice").inner_text())[-1])
    drag(page, spot_of_grid(page, beside[0]))
    expect(page.locator("#undo")).to_be_enabled()
    opened.settle()
    after = households(page)
    assert after != before
    assert sum(after) == sum(before)
    away = [number for number in range(1, len(before) + 1) if number not in (home, *beside)]
    page.locator("#undo").click()
    opened.settle()
    assert households(page) == before
    if not away:
        return
    choose_one_at_a_border(page)
    drag(page, spot_of_grid(page, away[0]))
    expect(page.locator("#notice.is-refused")).to_be_visible()
    assert households(page) == before


def drag(page, to: tuple[float, float]) -> None:
    box = page.locator(".grid-handle").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(*to, steps=8)
    page.mouse.up()


@pytest.mark.nightly
def test_two_taps_move_a_building_on_a_tablet_held_upright(visit):
    opened = visit(PORTRAIT, "zh-CN")
    build(opened)
    page = opened.page
    before = households(page)
    choose_one_at_a_border(page)
    grid = int(re.findall(r"\d+", page.locator("#targets button").first.inner_text())[0])
    page.locator(".grids-map").scroll_into_view_if_needed()
    handle = page.locator(".grid-handle").bounding_box()
    page.keyboard.press("Escape")
    expect(page.locator(".grid-handle")).to_have_count(0)
    page.touchscreen.tap(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    expect(page.locator(".grid-handle")).to_have_count(1)
    page.touchscreen.tap(*spot_of_grid(page, grid))
    expect(page.locator("#undo")).to_be_enabled()
    opened.settle()
    after = households(page)
    assert after[grid - 1] > before[grid - 1]
    assert sum(after) == sum(before)
