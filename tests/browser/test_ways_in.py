"""From the sign-in form to the own first page and out again, in a real browser, with a clean console."""

import json
import re
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, expect

from gridmap import hierarchy
from gridmap.access import LOCAL
from gridmap.accounts import grants, people
from gridmap.db import transaction
from gridmap.layers import LAYERS
from tests.browser.conftest import LANDSCAPE, PORTRAIT, visits
from tests.conftest import session_of

opened = contextmanager(visits)
PASSWORD = "Correct-horse-9"


@pytest.fixture
def open_page(browser: Browser, live_server: str):
    yield from visits(browser, live_server)


@pytest.fixture(scope="module")
def places(demo) -> dict[str, str]:
    b, s = hierarchy.building.c, LAYERS["supply_point"].table.c
    with demo.connect() as conn:
        grid = conn.scalar(sa.select(sa.func.min(b.neighbourhood)))
        point = conn.scalar(sa.select(sa.func.min(s.code)).where(s.community == grid[:12]))
    return {"grid_worker": grid, "building_head": grid, "keeper": point, "planner": grid[:6], "community": grid[:12]}


def newcomer(engine, name: str, role: str, place: str) -> str:
    with transaction(engine, LOCAL) as conn:
        grants.give(conn, LOCAL, people.add(conn, LOCAL, name, PASSWORD), role, place)
    return name


def sign_in(page: Page, base: str, name: str) -> None:
    page.goto(f"{base}/")
    expect(page).to_have_url(f"{base}/sign-in")
    page.locator("input[name=name]").fill(name)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").click()


def sign_out(page: Page, base: str) -> None:
    page.locator("form.leave button").click()
    expect(page).to_have_url(f"{base}/sign-in")


@pytest.mark.parametrize(
    ("role", "address", "size", "language", "shows"),
    [
        ("keeper", "/my-points", PORTRAIT, "zh-CN", "我的物资点"),
        ("planner", "/overview", LANDSCAPE, "en-GB", "Overview"),
    ],
)
def test_a_person_signs_in_lands_on_the_own_page_and_signs_out(
    open_page, demo, live_server, places, role, address, size, language, shows
):
    visit = open_page(size, language)
    sign_in(visit.page, live_server, newcomer(demo, f"{role}.{size[0]}", role, places[role]))
    expect(visit.page).to_have_url(f"{live_server}{address}")
    expect(visit.page.locator("table.figures td").first).to_be_visible()
    visit.page.goto(f"{live_server}/")
    expect(visit.page.locator(".rail-item", has_text=re.compile("账号|Account"))).to_be_visible()
    visit.page.locator(".rail-item").nth(-1).click()
    expect(visit.page).to_have_url(f"{live_server}/account")
    sign_out(visit.page, live_server)
    visit.account.refused.clear()
    visit.page.goto(f"{live_server}{address}")
    expect(visit.page.locator("input[name=password]")).to_be_visible()


def told_bounds(page: Page) -> list[float]:
    bounds: list[float] = json.loads(page.locator("#gridmap-config").text_content())["bounds"]
    return bounds


def named_box(engine, table, community: str, code: str) -> list:
    """The community's name, and the west, south, east and north of a place."""
    c = hierarchy.community.c
    sides = (getattr(sa.func, f"ST_{side}")(sa.func.Box2D(table.c.geom)) for side in ("XMin", "YMin", "XMax", "YMax"))
    with engine.connect() as conn:
        name = conn.scalar(sa.select(c.name).where(c.code == community))
        return [name, *conn.execute(sa.select(*sides).where(table.c.code == code, table.c.valid_to.is_(None))).one()]


@pytest.mark.parametrize(("role", "place", "table"), [("grid_worker", "grid_worker", hierarchy.neighbourhood),
                                                      ("commander", "community", hierarchy.community)])  # fmt: skip
def test_the_map_opens_on_the_own_grid_or_community(browser, live_server, demo, places, role, place, table):
    name, *box = named_box(demo, table, places["community"], places[place])
    with opened(browser, live_server, session_of(demo, (role, places[place]))) as make:
        visit = make()
        visit.go("begin")
        expect(visit.page.locator("#breadcrumb")).to_contain_text(name)
        assert told_bounds(visit.page) == pytest.approx(box, abs=0.001)  # degrees: a margin of 50 m around it


def test_the_security_administrator_looks_as_another_under_a_banner_on_map_and_pages(
    browser, live_server, demo, places
):
    name = newcomer(demo, "seen.one", "grid_worker", places["grid_worker"])
    token = session_of(demo, ("sec_admin", "all"), name="sec.one")
    with opened(browser, live_server, token) as make:
        visit = make(PORTRAIT, "en-GB")
        page = visit.page
        visit.go("")
        expect(page).to_have_url(f"{live_server}/admin/grants")
        page.locator("form[action='/admin/view-as'] input[name=account]").fill(name)
        page.locator("form[action='/admin/view-as'] button").click()
        visit.settle()
        banner = page.locator(".viewing")
        expect(banner).to_contain_text(f"You are looking as {name}.")
        expect(page.locator(".map")).to_be_visible()
        box = banner.bounding_box()
        assert box is not None
        assert (box["y"], box["height"]) == (0, 56)
        assert page.locator(".frame").bounding_box()["y"] == 56  # nothing of the map lies under it
        banner.get_by_role("button", name="Stop").click()
        expect(page).to_have_url(f"{live_server}/admin/grants")
        expect(page.locator(".viewing")).to_have_count(0)


def test_the_auditor_verifies_and_the_page_goes_on_by_itself(browser, live_server, demo):
    token = session_of(demo, ("auditor", "all"))
    with opened(browser, live_server, token) as make:
        visit = make(LANDSCAPE, "en-GB")
        visit.go("begin")
        expect(visit.page).to_have_url(f"{live_server}/audit")
        visit.page.get_by_role("button", name="Verify the chains").click()
        expect(visit.page.get_by_text("No entry was altered, taken out, put in or moved.")).to_be_visible(
            timeout=30_000
        )


@pytest.mark.parametrize("size", [LANDSCAPE, PORTRAIT])
@pytest.mark.parametrize(("role", "paths"), [("sys_admin", ["admin/accounts"]), ("auditor", ["audit"]),
                                             ("sec_admin", ["admin/grants"])])  # fmt: skip
def test_nothing_on_an_administrators_page_is_too_small_to_tap_or_wider_than_the_screen(
    browser, live_server, demo, role, paths, size
):
    with opened(browser, live_server, session_of(demo, (role, "all"))) as make:
        visit = make(size, "zh-CN")
        for path in paths:
            visit.go(path)
            page = visit.page
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            small = page.evaluate(
                """[...document.querySelectorAll('button, a.button, input:not([type=hidden]), select, summary, header a')]
                   .filter((one) => one.checkVisibility())
                   .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect().height])
                   .filter(([, height]) => height > 0 && height < 44)"""
            )
            assert small == []
