"""Revealing a person and finding persons with fingers, on the map page."""

import json

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from gridmap import audit, personal
from gridmap.layers import LAYERS
from tests.browser.conftest import LANDSCAPE, PORTRAIT

VOLUNTEER = LAYERS["volunteer"].table


@pytest.fixture(scope="module")
def person(demo) -> tuple[str, str, str]:
    """A volunteer of the demo district: code, name and phone."""
    with demo.connect() as conn:
        row = conn.execute(sa.select(VOLUNTEER.c.code, VOLUNTEER.c.name, VOLUNTEER.c.phone).limit(1)).one()
        opened = (personal.opened(conn, VOLUNTEER.c[name], getattr(row, name)) for name in ("name", "phone"))
        return (row.code, *opened)


def latest(demo, action: str) -> dict:
    with demo.connect() as conn:
        query = sa.select(audit.table.c.detail).where(audit.table.c.action == action)
        return json.loads(conn.scalar(query.order_by(audit.table.c.at.desc()).limit(1)))


@pytest.mark.parametrize(
    "size", [pytest.param(LANDSCAPE, id="landscape", marks=pytest.mark.nightly), pytest.param(PORTRAIT, id="portrait")]
)
def test_a_tapped_reveal_asks_why_shows_the_person_and_masks_it_after_a_minute(visit, demo, person, size):
    code, name, phone = person
    opened = visit(size)
    page = opened.page
    page.clock.install()
    opened.go(f"#sel=volunteer/{code}")
    panel = page.locator("#panel")
    expect(panel.locator("[data-personal=name]")).to_have_text(f"{name[0]}**")
    assert phone not in page.content()
    panel.locator("[data-reveal]").tap()
    for button in panel.locator(".reveal-buttons button").all():
        assert (button.bounding_box() or {})["height"] >= 44
    panel.locator(".reveal-form [type=submit]").tap()  # without a reason the browser itself refuses
    expect(panel.locator("[data-personal=phone]")).to_contain_text("****")
    panel.locator("textarea").fill("上门核实情况")
    panel.locator(".reveal-form [type=submit]").tap()
    expect(panel.locator("[data-personal=name]")).to_have_text(name)
    expect(panel.locator("[data-personal=phone]")).to_have_text(phone)
    assert latest(demo, "reveal")["reason"] == "上门核实情况"
    page.clock.run_for(58_000)
    expect(panel.locator("[data-personal=name]")).to_have_text(name)
    page.clock.run_for(3_000)
    expect(panel.locator("[data-personal=name]")).to_have_text(f"{name[0]}**")
    assert phone not in page.content()
    assert name not in page.content()


def test_a_person_is_masked_again_at_once_by_tap_and_by_another_answer(visit, person, stock_point):
    code, name, _ = person
    opened = visit()
    opened.go(f"#sel=volunteer/{code}")
    panel = opened.page.locator("#panel")
    for leave in ("tap", "close"):
        panel.locator("[data-reveal]").tap()
        panel.locator("textarea").fill("上门核实情况")
        panel.locator(".reveal-form [type=submit]").tap()
        expect(panel.locator("[data-personal=name]")).to_have_text(name)
        panel.locator(".reveal-until button" if leave == "tap" else ".sheet-close").tap()
        assert name not in opened.page.content()


def test_the_search_box_finds_a_whole_phone_at_once_and_a_name_when_asked(visit, demo, person):
    code, name, phone = person
    opened = visit()
    opened.go()
    box, results = opened.page.locator("#search-box"), opened.page.locator("#search-results")
    box.fill(phone.replace("-", ""))
    expect(results.locator(f"[id='person-volunteer-{code}']")).to_be_visible()
    assert name not in results.inner_text()
    box.fill(name)
    results.locator("#find-persons").tap()
    expect(results.locator("#find-persons")).to_have_count(0)
    assert latest(demo, "search")["kind"] == "name"
    results.locator("[id^='person-volunteer-']").first.tap()
    expect(opened.page.locator("#panel [data-personal=name]")).to_have_text(f"{name[0]}**")
    asked = " ".join(opened.account.asked)
    assert phone not in asked
    assert phone.replace("-", "") not in asked
    assert "/persons/search" in asked
    assert "q=" not in asked
