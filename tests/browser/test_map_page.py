"""The map page in a real browser, with fingers: what a newcomer does in the first minutes."""

import re

import pytest
from playwright.sync_api import expect

from gridmap.web import i18n
from tests.browser.conftest import LANDSCAPE, PHONE, PORTRAIT, visits

FINGER_PX = 44
FIRST_LOAD_BYTES = 700_000
BOTH = pytest.mark.parametrize("size", [LANDSCAPE, PORTRAIT], ids=["landscape", "portrait"])


def test_the_first_load_is_light_and_asks_no_other_host(visit):
    opened = visit()
    opened.go()
    assert opened.account.bytes_moved < FIRST_LOAD_BYTES
    assert any("/tiles/" in url for url in opened.account.asked)


@BOTH
def test_a_tap_on_a_building_says_what_is_near_and_who_covers_it(visit, building, size):
    opened = visit(size)
    opened.go(building.view())
    opened.tap_middle()
    panel = opened.page.locator("#panel")
    expect(panel.locator("h2")).to_have_text(building.name)
    expect(panel.locator("[data-line=supply_point]").first).to_contain_text("米")
    assert 3 <= panel.locator("[data-line=supply_point]").count() <= 5  # the rest is cut off, and told so
    expect(panel).to_contain_text("步行")
    expect(panel.locator("[data-line=volunteer]").first).to_be_visible()
    assert f"sel=building/{building.code}" in opened.page.url


def test_lines_lead_to_what_the_answer_names_and_a_tap_on_a_row_stresses_one(visit, building):
    opened = visit()
    opened.go(building.view())
    opened.tap_middle()
    shown = opened.page.locator("#panel [data-line]:visible").count()
    lines = opened.page.locator(".leaflet-lines-pane path")
    assert lines.count() == shown
    row = opened.page.locator("#panel [data-line=supply_point]").nth(2)
    row.tap()
    expect(row).to_have_attribute("aria-pressed", "true")
    assert (
        sorted(float(width) for width in lines.evaluate_all("all => all.map(p => p.getAttribute('stroke-width'))"))[-1]
        == 6
    )
    expect(opened.page.locator(".line-label")).to_have_text(row.get_attribute("data-label"))


def test_a_tap_on_a_stock_point_says_what_it_is_and_who_keeps_it(visit, stock_point):
    opened = visit()
    opened.go(stock_point.view())
    opened.tap_middle()
    panel = opened.page.locator("#panel")
    expect(panel.locator("h2")).to_have_text(stock_point.name)
    expect(panel).to_contain_text("库管员")
    expect(panel).to_contain_text("库存")


def test_a_tap_on_empty_ground_asks_the_same_for_the_position(visit, building):
    opened = visit()
    opened.go(f"#map=17/{building.lat:.6f}/{building.lon - 0.05:.6f}")
    opened.tap_middle()
    panel = opened.page.locator("#panel")
    expect(panel.locator("h2")).to_have_text("此处")
    expect(panel).to_contain_text("不在任何已登记社区的范围内")
    expect(panel.locator("[data-line=supply_point]")).to_have_count(5)
    expect(opened.page.locator(".pin")).to_have_count(1)


@pytest.mark.parametrize("position", ["200,100", "abc", "1", "120.6,", "120.6,30.9,1", "%2C"])
def test_an_address_that_names_no_position_is_told_in_words_and_asks_nothing(visit, position):
    opened = visit()
    opened.go(f"#sel=position/{position}")
    expect(opened.page.locator("#panel [role=alert]")).to_contain_text("地址中的位置无法识别")
    expect(opened.page.locator("#panel [role=alert] button")).to_have_count(0)  # asking again would not help
    assert not any("/panel/" in url for url in opened.account.asked)


def test_the_back_button_closes_the_panel_and_forward_opens_it_again(visit, building):
    opened = visit()
    opened.go(building.view())
    opened.tap_middle()
    expect(opened.page.locator("#panel")).to_be_visible()
    opened.page.go_back()
    expect(opened.page.locator("#panel")).to_be_hidden()
    assert opened.page.locator(".leaflet-lines-pane path").count() == 0
    opened.page.go_forward()
    expect(opened.page.locator("#panel h2")).to_have_text(building.name)
    opened.settle()


def test_escape_closes_the_panel(visit, building):
    opened = visit()
    opened.go(building.view())
    opened.tap_middle()
    opened.page.keyboard.press("Escape")
    expect(opened.page.locator("#panel")).to_be_hidden()
    assert "sel=" not in opened.page.url


def test_a_link_brings_back_view_layers_and_selection(visit, building):
    opened = visit()
    opened.go(f"{building.view(17)}&sel=building/{building.code}&on=building,community")
    expect(opened.page.locator("#panel h2")).to_have_text(building.name)
    asked = [url for url in opened.account.asked if "/tiles/" in url]
    assert {url.split("/tiles/")[1].split("/")[0] for url in asked} == {"building,community"}
    opened.page.reload()
    opened.settle()
    expect(opened.page.locator("#panel h2")).to_have_text(building.name)


def test_a_link_to_a_selection_alone_goes_where_it_lies(visit, building):
    opened = visit()
    opened.go(f"#map=12/30.0/104.0&sel=building/{building.code}")
    lat, lon = re.search(r"map=\d+/([\d.]+)/([\d.]+)", opened.page.url).groups()
    assert float(lat) == pytest.approx(building.lat, abs=0.005)
    assert float(lon) == pytest.approx(building.lon, abs=0.005)


def test_a_link_that_names_only_a_building_goes_close_to_it(visit, building):
    opened = visit()
    opened.go(f"#sel=building/{building.code}")
    zoom, lat = re.search(r"map=(\d+)/([\d.]+)", opened.page.url).groups()
    assert int(zoom) >= 17
    assert float(lat) == pytest.approx(building.lat, abs=0.003)
    opened.account.assert_clean()


def test_search_finds_by_name_and_goes_there(visit, building):
    opened = visit()
    opened.go()
    opened.page.locator("#search-box").fill(building.name)
    options = opened.page.locator("#search-results [role=option]")
    expect(options.first).to_contain_text(building.name)
    expect(options.first).to_contain_text(re.compile("米|公里"))
    options.first.tap()
    opened.settle()
    expect(opened.page.locator("#panel h2")).to_be_visible()
    assert "sel=building/" in opened.page.url


@pytest.mark.parametrize("size", [LANDSCAPE, PORTRAIT, PHONE], ids=["landscape", "portrait", "phone"])
def test_what_a_search_finds_hangs_under_its_box(visit, building, size):
    opened = visit(size)
    opened.go(building.view())
    opened.page.locator("#search-box").fill(building.name)
    expect(opened.page.locator("#search-results [role=option]").first).to_be_visible()
    box, found = (opened.page.locator(part).bounding_box() for part in (".search", "#search-results"))
    assert (found["x"], found["width"]) == (box["x"], box["width"])
    opened.settle()


def test_search_works_from_the_keyboard_and_by_code(visit, building):
    opened = visit()
    opened.go()
    box = opened.page.locator("#search-box")
    box.fill(building.code)
    expect(opened.page.locator("#search-results [role=option]").first).to_be_visible()
    box.press("ArrowDown")
    box.press("Enter")
    opened.settle()
    expect(opened.page.locator("#panel h2")).to_have_text(building.name)


def test_search_that_finds_nothing_says_so(visit):
    opened = visit()
    opened.go()
    opened.page.locator("#search-box").fill("没有这个地方")
    expect(opened.page.locator(".search-none")).to_contain_text("没有找到")
    opened.settle()


def test_a_layer_is_switched_off_and_the_link_remembers_it(visit, building):
    opened = visit()
    opened.go(building.view(17))
    opened.page.get_by_role("button", name="图层").tap()
    row = opened.page.locator("input[data-layer=volunteer]")
    expect(opened.page.locator("[data-count=building]")).to_contain_text(re.compile(r"视野内 \d"))
    opened.account.asked.clear()
    row.uncheck()
    opened.settle()
    points = [url for url in opened.account.asked if "supply_point" in url]
    assert points
    assert not any("volunteer" in url for url in points)
    assert "volunteer" not in opened.page.url.partition("on=")[2]


def test_the_legend_shows_every_layer_with_its_sign(visit, client):
    opened = visit()
    opened.go()
    opened.page.get_by_role("button", name="图层").tap()
    titles = [item["title"] for item in client.get("/api/v1/layers?lang=zh").json["items"]]
    for title in titles:
        row = opened.page.locator(".layer-list > li", has_text=title).first
        expect(row.locator("canvas").first).to_be_attached()
    opened.settle()


def test_zones_are_drawn_with_colour_pattern_and_name(visit, client):
    zones = client.get("/api/v1/layers/closure_zone/features").json["features"]
    in_force = [zone["properties"] for zone in zones if zone["properties"]["in_force"]]
    opened = visit()
    opened.go()
    assert in_force
    shapes = opened.page.locator(".leaflet-zones-pane path")
    assert shapes.count() == len(in_force)
    assert all(
        fill.startswith("url(#pattern-") for fill in shapes.evaluate_all("all => all.map(p => p.getAttribute('fill'))")
    )
    assert opened.page.locator(".zone-label").count() == len(in_force)


def test_the_language_is_switched_and_the_place_kept(visit, building):
    opened = visit()
    opened.go(building.view())
    opened.page.get_by_label("English").tap()
    opened.settle()
    expect(opened.page.locator("html")).to_have_attribute("lang", "en")
    assert building.view().split("/")[1][:8] in opened.page.url
    expect(opened.page.locator(".internal")).to_have_text("Internal use")
    opened.tap_middle()
    expect(opened.page.locator("#panel")).to_contain_text("Nearest supply points")


@pytest.mark.parametrize("size", [LANDSCAPE, PORTRAIT, PHONE], ids=["landscape", "portrait", "phone"])
def test_everything_that_is_tapped_has_a_fingers_size(visit, building, size):
    opened = visit(size, "en-GB")
    opened.go(f"{building.view()}&sel=building/{building.code}")
    assert opened.page.locator("#panel [data-line]").count() > 0
    assert too_small(opened.page) == []
    opened.page.locator("#panel .sheet-close").tap()
    opened.page.get_by_role("button", name="Layers").tap()
    opened.page.locator("#search-box").fill(building.name)
    expect(opened.page.locator("#search-results [role=option]").first).to_be_visible()
    assert too_small(opened.page) == []
    opened.settle()


def too_small(page) -> list[str]:
    return page.evaluate(
        """(least) => [...document.querySelectorAll("button, a, input, summary, [role=option], label")]
            .filter((one) => one.checkVisibility() && one.getClientRects().length)
            .map((one) => [one, one.getBoundingClientRect()])
            .filter(([, box]) => box.width < least || box.height < least)
            .map(([one, box]) => `${one.outerHTML.slice(0, 80)} ${box.width}x${box.height}`)""",
        FINGER_PX,
    )


@BOTH
def test_nothing_reaches_out_of_the_screen(visit, building, size):
    opened = visit(size)
    opened.go(f"{building.view()}&sel=building/{building.code}")
    width, height = size
    assert opened.page.evaluate("[document.scrollingElement.scrollWidth, document.scrollingElement.scrollHeight]") == [
        width, height,
    ]  # fmt: skip
    for part in (".rail", ".topbar", ".status", "#panel", ".leaflet-control-locate"):
        box = opened.page.locator(part).bounding_box()
        assert box["x"] >= 0, part
        assert box["x"] + box["width"] <= width, part
        assert box["y"] + box["height"] <= height, part


@BOTH
def test_the_heading_of_an_answer_stands_level_with_its_close_button(visit, building, size):
    opened = visit(size)
    opened.go(f"{building.view()}&sel=building/{building.code}")
    boxes = [opened.page.locator(f"#panel {part}").bounding_box() for part in ("h2", ".sheet-close")]
    heading, close = (box["y"] + box["height"] / 2 for box in boxes)
    assert abs(heading - close) < 16


def test_in_portrait_the_sheet_rises_when_dragged_and_falls_when_tapped(visit, building):
    opened = visit(PORTRAIT)
    opened.go(f"{building.view()}&sel=building/{building.code}")
    panel, handle = opened.page.locator("#panel"), opened.page.locator("#panel .sheet-handle")
    expect(panel).to_have_attribute("data-height", "half")
    box = handle.bounding_box()
    x, y = box["x"] + 100, box["y"] + 8
    opened.page.mouse.move(x, y)
    opened.page.mouse.down()
    opened.page.mouse.move(x, 60, steps=5)
    opened.page.mouse.up()
    expect(panel).to_have_attribute("data-height", "full")
    handle.tap(position={"x": 100, "y": 8})
    expect(panel).to_have_attribute("data-height", "peek")
    opened.page.wait_for_timeout(300)
    assert panel.bounding_box()["height"] == pytest.approx(112, abs=1)


def test_a_service_that_fails_is_reported_in_words_and_asked_again(visit, building):
    opened = visit()
    opened.go(building.view())
    opened.page.route("**/panel/**", lambda route: route.abort())
    opened.tap_middle()
    trouble = opened.page.locator(".panel-trouble")
    expect(trouble).to_contain_text("连接不上服务")
    opened.account.complaints.clear()  # the browser's own line about the request that was cut off
    opened.page.unroute("**/panel/**")
    trouble.get_by_role("button", name="重试").tap()
    expect(opened.page.locator("#panel h2")).to_have_text(building.name)
    opened.settle()


def test_tiles_that_fail_are_reported_with_a_way_on(visit):
    opened = visit()
    opened.page.route("**/tiles/**", lambda route: route.abort())
    opened.go()
    notice = opened.page.locator("#notice")
    expect(notice).to_contain_text("连接不上服务")
    opened.account.complaints.clear()
    opened.page.unroute("**/tiles/**")
    opened.account.asked.clear()
    notice.get_by_role("button", name="重试").tap()
    opened.settle()
    assert any("/tiles/" in url for url in opened.account.asked)
    expect(notice).to_be_empty()


def test_an_empty_register_shows_what_to_do_next(browser, empty_server):
    base, token = empty_server
    pages = visits(browser, base, token)
    opened = next(pages)()
    opened.go()
    expect(opened.page.locator(".empty")).to_contain_text("gridmap demo")
    next(pages, None)


def test_locate_me_goes_to_the_devices_position(visit, building):
    opened = visit(geolocation={"latitude": building.lat, "longitude": building.lon}, permissions=["geolocation"])
    opened.go("#map=12/30.0/104.0")
    opened.page.get_by_role("button", name="我的位置").tap()
    opened.settle()
    expect(opened.page.locator(".leaflet-control-locate-location")).to_be_visible()
    assert f"/{building.lat:.3f}" in opened.page.url


def test_locate_me_that_is_refused_says_what_to_do(visit):
    opened = visit()
    opened.go()
    opened.page.get_by_role("button", name="我的位置").tap()
    expect(opened.page.locator("#notice")).to_contain_text("没有得到您的位置")


def test_full_screen_shows_the_whole_page(visit):
    opened = visit()
    opened.go()
    opened.page.get_by_role("button", name="全屏").tap()
    opened.page.wait_for_timeout(300)
    assert opened.page.evaluate("document.fullscreenElement === document.documentElement")


def test_the_age_of_the_data_is_said_and_coloured_and_a_tap_loads_them_again(visit):
    opened = visit()
    opened.page.clock.install()
    opened.go()
    stamp = opened.page.locator("#data-time")
    expect(stamp).to_have_attribute("data-age", "fresh")
    opened.page.clock.fast_forward("11:00")
    expect(stamp).to_have_attribute("data-age", "ageing")
    expect(stamp).to_contain_text("已过 1")
    opened.page.clock.fast_forward("59:00")
    expect(stamp).to_have_attribute("data-age", "old")
    opened.account.asked.clear()
    stamp.tap()
    opened.page.clock.run_for(1000)
    opened.settle()
    assert any("/tiles/" in url for url in opened.account.asked)
    assert any("/closure_zone/" in url for url in opened.account.asked)


def test_zones_that_are_not_in_force_are_drawn_on_demand_and_empty(visit):
    opened = visit()
    opened.go()
    shapes = opened.page.locator(".leaflet-zones-pane path")
    before = shapes.count()
    opened.page.get_by_role("button", name="图层").tap()
    opened.page.get_by_role("switch", name="未生效").check()
    assert shapes.count() > before
    drawn = shapes.evaluate_all("all => all.map(p => [p.getAttribute('fill'), p.getAttribute('stroke-dasharray')])")
    assert ["none", "8 6"] in drawn
    opened.settle()


def test_a_tap_on_a_cluster_goes_closer(visit, client):
    first = client.get("/api/v1/layers/supply_point/features?limit=1").json["features"][0]
    lon, lat = first["geometry"]["coordinates"]
    opened = visit()
    opened.go(f"#map=12/{lat:.6f}/{lon:.6f}")
    for dx, dy in [(x, y) for x in range(-60, 61, 15) for y in range(-60, 61, 15)]:
        box = opened.page.locator(".map").bounding_box()
        opened.page.touchscreen.tap(box["x"] + box["width"] / 2 + dx, box["y"] + box["height"] / 2 + dy)
        opened.page.wait_for_timeout(30)
        if "map=14/" in opened.page.url:
            break
    opened.settle()
    assert "map=14/" in opened.page.url


def test_the_keyboard_reaches_the_map_and_picks_its_middle(visit, building):
    opened = visit()
    opened.go(building.view())
    opened.page.locator(".leaflet-container").focus()
    opened.page.keyboard.press("Enter")
    opened.settle()
    expect(opened.page.locator("#panel h2")).to_have_text(building.name)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_scripts_and_templates_write_distances_alike(visit, app, language):
    metres = [0, 2.6, 318, 997.4, 998, 1249, 12_345, 999_999]
    opened = visit(language={"zh": "zh-CN", "en": "en-GB"}[language])
    opened.go()
    written = opened.page.evaluate(
        "(all) => import('/static/js/words.js').then((words) => all.map(words.distance))", metres
    )
    with app.test_request_context(f"/?lang={language}"):
        assert written == [i18n.distance(value) for value in metres]
