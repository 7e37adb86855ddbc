"""Links to views: they bring back what was seen, to whoever may see it, and to nobody else."""

import re
from datetime import datetime
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, expect

from gridmap import hierarchy
from gridmap.access import LOCAL
from gridmap.accounts import grants, people
from gridmap.db import transaction
from tests.browser.conftest import visits
from tests.conftest import session_of

PASSWORD = "Correct-horse-9"


@pytest.fixture(scope="module")
def elsewhere(demo, building) -> str:
    """A grid that the building does not lie in."""
    grid, b = hierarchy.neighbourhood.c.code, hierarchy.building.c
    with demo.connect() as conn:
        own = conn.scalar(sa.select(b.neighbourhood).where(b.code == building.code))
        return conn.execute(sa.select(sa.func.min(grid)).where(grid != own)).scalar_one()


@pytest.fixture
def narrow(browser: Browser, live_server: str, demo, elsewhere: str):
    """Open pages as a grid worker of another grid."""
    yield from visits(browser, live_server, session_of(demo, ("grid_worker", elsewhere)))


def test_the_address_says_from_the_start_what_is_seen(visit):
    opened = visit()
    opened.go()
    assert re.search(r"#map=\d+/\d+\.\d+/\d+\.\d+$", opened.page.url)


def test_the_link_is_copied_and_brings_everything_back(visit, building):
    opened = visit(permissions=["clipboard-read", "clipboard-write"])
    opened.go(f"{building.view(17)}&sel=building/{building.code}&on=building,closure_zone&drafts=1")
    opened.page.locator("[data-button=share]").click()
    opened.page.locator("#share-copy").click()
    expect(opened.page.locator("#notice")).to_contain_text("链接已复制")
    link = opened.page.evaluate("navigator.clipboard.readText()")
    assert link == opened.page.url
    again = visit()
    again.page.goto(link)
    again.settle()
    expect(again.page.locator("#panel h2")).to_have_text(building.name)
    assert again.page.url == link
    again.page.locator("[data-button=layers]").click()
    expect(again.page.locator("#layers input[data-drafts]")).to_be_checked()
    expect(again.page.locator("input[data-layer=volunteer]")).not_to_be_checked()
    again.settle()


def test_a_link_of_the_past_brings_the_past_back(visit, building):
    opened = visit()
    opened.go(f"{building.view(17)}&on=building&at=2026-01-02T08:30%2B08:00")
    expect(opened.page.locator("#past")).to_be_visible()
    assert "at=2026-01-02T08" in opened.page.url


def test_the_drafts_that_are_shown_are_in_the_link(visit, building):
    opened = visit()
    opened.go(building.view(16))
    opened.page.locator("[data-button=layers]").click()
    opened.page.locator("#layers input[data-drafts]").check()
    assert opened.page.url.endswith("&drafts=1")
    opened.page.locator("#layers input[data-drafts]").uncheck()
    assert "drafts" not in opened.page.url
    opened.settle()


def test_a_link_to_what_lies_outside_the_own_area_answers_like_one_to_nothing(narrow, building):
    missing = "9" * len(building.code)
    said = []
    for code in (building.code, missing):
        opened = narrow()
        opened.page.goto(f"{opened.account.base}/#map=17/{building.lat}/{building.lon}&sel=building/{code}")
        alert = opened.page.locator("#panel [role=alert]")
        expect(alert).to_contain_text("此编码下没有您可查看的内容")
        said.append(alert.inner_text())
        expect(alert.locator("button")).to_have_count(0)  # asking again would not help
        opened.settle()
        assert [line for line in opened.account.refused if not line.startswith("404")] == []
        opened.account.refused.clear()
        opened.account.complaints.clear()  # the browser complains of the 404
    assert said[0] == said[1]


def test_a_link_with_layers_that_are_not_theirs_shows_the_others(browser, live_server, demo, building, elsewhere):
    for opened in (visit() for visit in visits(browser, live_server, session_of(demo, ("volunteer", elsewhere)))):
        opened.go(f"{building.view(17)}&on=building,household,party_household,nothing")
        asked = [url for url in opened.account.asked if "/tiles/" in url]
        assert asked
        assert not any("household" in url or "nothing" in url for url in asked)
        assert opened.page.url.endswith("on=building")


def test_a_link_survives_signing_in(browser, live_server, demo, building):
    name = "link-reader"
    with transaction(demo, LOCAL) as conn:
        grants.give(conn, LOCAL, people.add(conn, LOCAL, name, PASSWORD), "grid_worker", building.code[:12])
    for opened in (visit() for visit in visits(browser, live_server)):
        opened.page.goto(f"{live_server}/{building.view(17)}&sel=building/{building.code}&on=building")
        expect(opened.page).to_have_url(re.compile("/sign-in"))
        opened.page.locator("input[name=name]").fill(name)
        opened.page.locator("input[name=password]").fill(PASSWORD)
        opened.page.locator("main button[type=submit]").click()
        expect(opened.page.locator("#panel h2")).to_have_text(building.name)
        opened.settle()
        assert opened.page.url.endswith("on=building")


@pytest.mark.parametrize("address", ["summary?place={}&show=people", "coverage?place={}&threshold_m=300", "coverage"])
def test_pages_of_figures_name_what_they_show_in_their_address(visit, building, address):
    opened = visit(permissions=["clipboard-read", "clipboard-write"])
    opened.go(address.format(building.code[:12]))
    opened.page.locator("[data-copy-link]").click()
    expect(opened.page.locator("#notice")).to_contain_text("链接已复制")
    link = opened.page.evaluate("navigator.clipboard.readText()")
    assert link == opened.page.url
    assert "place=" in link
    heading = opened.page.locator("h1").text_content()
    opened.page.goto(link)
    opened.settle()
    assert opened.page.locator("h1").text_content() == heading
    opened.page.get_by_label("English").click()
    opened.settle()
    assert "place=" in opened.page.url


def test_figures_of_a_past_day_have_a_link(visit, building):
    opened, moment = visit(), f"{datetime.now(ZoneInfo('Asia/Shanghai')):%Y-%m-%dT%H:%M:%S}"  # as the form writes it
    for page in ("summary", "coverage"):
        opened.go(f"{page}?place={building.code[:12]}&as_of={moment}")
        assert moment in unquote(opened.page.url)
        expect(opened.page.locator(".key-figures dd").first).to_contain_text(re.compile(r"\d"))
