"""axe-core over every page, in both languages: nothing serious, and no letters too pale to read."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, expect

from gridmap import hierarchy
from gridmap.layers import LAYERS
from tests.browser.conftest import LANDSCAPE, PORTRAIT, SETTLED_MS
from tests.conftest import ROOT, session_of

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"  # for tests only: never under static/
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
GRAVE = ("serious", "critical")
VIEWPORTS = {"zh-CN": LANDSCAPE, "en-GB": PORTRAIT}

COMMANDER = (
    "", "round", "zones", "overview", "summary?place={community}&show=people", "integrity", "coverage?place={community}",
    "siting", "import", "export", "account", "print", "print?theme=summary&place={community}&turn=portrait",
    "summary?place=nothing", "api",
)  # fmt: skip
PAGES = {
    "everywhere": COMMANDER,
    "keeper": ("my-points",),
    "sys_admin": ("admin/accounts", "account"),
    "sec_admin": ("admin/grants",),
    "auditor": ("audit", "audit/verify", "persons/seen"),
    "nobody": ("sign-in", "sign-in/link/abc"),
}


@pytest.fixture(scope="module")
def places(demo) -> dict[str, str]:
    with demo.connect() as conn:
        community = conn.scalar(sa.select(sa.func.min(hierarchy.community.c.code)))
        building = conn.scalar(sa.select(sa.func.min(hierarchy.building.c.code)))
        zone = conn.scalar(sa.select(sa.func.min(LAYERS["closure_zone"].table.c.code)))
        point = conn.scalar(sa.select(sa.func.min(LAYERS["supply_point"].table.c.code)))
    return {"community": community, "building": building, "zone": zone, "point": point}


@pytest.fixture(scope="module")
def tokens(demo, everywhere, places) -> dict[str, str | None]:
    held = {"keeper": places["point"], "sys_admin": "all", "sec_admin": "all", "auditor": "all"}
    made = {role: session_of(demo, (role, place)) for role, place in held.items()}
    return {**made, "everywhere": everywhere, "nobody": None}


@pytest.fixture(params=VIEWPORTS)
def language(request) -> str:
    """The language of a page, and with it the screen it is looked at on."""
    return request.param


@pytest.fixture
def page_of(browser: Browser, live_server: str, tokens, language):
    """Open pages as somebody, with axe at hand; the page's own policy would keep it out, as it keeps out all others."""
    contexts = []

    def opened(who: str) -> Page:
        width, height = VIEWPORTS[language]
        context = browser.new_context(viewport={"width": width, "height": height}, locale=language, bypass_csp=True)
        if tokens[who] is not None:
            context.add_cookies([{"name": "gridmap_session", "value": tokens[who], "url": live_server}])
        contexts.append(context)
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()


def faults(page: Page, within: str = "html") -> list[str]:
    """Return what axe finds in a part of the page that is serious or critical, each with its first places."""
    page.evaluate("scrollTo(0, 0)")  # what lies under a bar that stays on top is there to be scrolled to
    if not page.evaluate("typeof window.axe === 'object'"):
        page.add_script_tag(path=AXE)
    found = page.evaluate("([within, rules]) => axe.run(within, rules)", [within, RULES])["violations"]
    return [
        f"{one['id']} ({one['impact']}): {[(node['target'], node['any'][:1] and node['any'][0]['message']) for node in one['nodes'][:4]]}"
        for one in found
        if one["impact"] in GRAVE or one["id"] == "color-contrast"
    ]


@pytest.mark.parametrize("who", PAGES)
def test_pages_have_no_grave_fault(page_of, live_server, places, who):
    page, told = page_of(who), {}
    for address in PAGES[who]:
        page.goto(f"{live_server}/{address.format(**places)}")
        told[address] = faults(page)
    assert {address: found for address, found in told.items() if found} == {}


def test_the_map_has_no_grave_fault_with_its_sheets_open(page_of, live_server, places):
    page, told = page_of("everywhere"), {}
    for name in ("building", "zone", "point"):
        layer = {"zone": "closure_zone", "point": "supply_point"}.get(name, name)
        page.goto(f"{live_server}/?open={name}#sel={layer}/{places[name]}&drafts=1")
        expect(page.locator("#panel article")).to_be_visible()
        page.wait_for_timeout(400)
        told[name] = faults(page, "html" if name == "building" else "#panel")
    page.locator("#panel .sheet-close").click()
    page.locator("[data-button=layers]").click()
    page.locator("[data-list=building] summary").click()
    expect(page.locator("[data-list=building] [data-pick]").first).to_be_visible()
    told["layers"] = faults(page, "#layers")
    page.keyboard.press("Escape")
    page.locator("[data-button=share]").click()
    told["share"] = faults(page, "#share")
    page.keyboard.press("Escape")
    page.locator("[data-button=newThing]").click()
    expect(page.locator("#edit .sheet-body > *").first).to_be_visible()
    told["new"] = faults(page, "#edit")
    page.locator("#edit .sheet-close").click()
    page.locator("#search-box").fill(places["building"])
    expect(page.locator("#search-results [role=option]").first).to_be_visible()
    told["search"] = faults(page, ".topbar")
    page.locator("#search-box").fill("")
    page.locator("[data-button=past]").click()
    expect(page.locator("#past input").first).to_be_visible()
    told["past"] = faults(page, "#past")
    page.locator("#past button").last.click()
    page.locator("[aria-controls=zone]").click()
    expect(page.locator("#zone form")).to_be_visible()
    told["zone drawing"] = faults(page, "#zone")
    assert {state: found for state, found in told.items() if found} == {}


def test_the_steps_of_an_import_have_no_grave_fault(page_of, live_server, tmp_path: Path):
    page, told = page_of("everywhere"), {}
    page.goto(f"{live_server}/import?layer=supply_point")
    template = page.request.get(f"{live_server}/import/template/supply_point.xlsx").body()
    (tmp_path / "points.xlsx").write_bytes(template)
    told["file"] = faults(page)
    page.locator("input[type=file]").set_input_files(tmp_path / "points.xlsx")
    page.locator("form:has(input[type=file]) button[type=submit]").click()
    page.wait_for_url("**/import/supply_point/*")
    expect(page.locator("select").first).to_be_visible(timeout=SETTLED_MS)
    told["what it is"] = faults(page)
    assert {step: found for step, found in told.items() if found} == {}


@pytest.mark.parametrize("language", ["zh-CN"])
def test_dark_pages_are_as_readable(page_of, live_server, places):
    page, told = page_of("everywhere"), {}
    page.emulate_media(color_scheme="dark")
    for address in ("", f"summary?place={places['community']}", "export", "account", "print"):
        page.goto(f"{live_server}/{address}")
        told[address] = faults(page)
    assert {address: found for address, found in told.items() if found} == {}


def test_axe_is_never_served(live_server, page_of):
    page = page_of("nobody")
    for path in ("static/vendor/axe-core/axe.min.js", "node_modules/axe-core/axe.min.js"):
        assert page.request.get(f"{live_server}/{path}").status == 404
