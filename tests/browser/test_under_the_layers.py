"""The base map on the page: drawn under the layers, switched off and on, and the operator's tiles of another host."""

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import PORTRAIT, Account, Visit
from tests.conftest import serving

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
RIVER = "#map=17/30.900065/120.602425"
COLOUR = """([pane]) => [...document.querySelectorAll(`.leaflet-${pane}-pane canvas`)].some((canvas) => {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  for (let i = 0; i < data.length; i += 4) if (data[i] === 0xcb && data[i + 1] === 0xdf && data[i + 2] === 0xea) return true;
  return false; })"""


def test_water_is_drawn_under_the_layers_until_it_is_switched_off(visit):
    one = visit(PORTRAIT)
    one.go(RIVER)
    assert one.page.evaluate(COLOUR, ["basemap"])
    assert "gridmap" in one.page.locator(".credit").inner_text()
    one.page.locator("[data-button=layers]").click()
    switch = one.page.locator("#layers input[data-layer=basemap]")
    switch.click()
    one.settle()
    assert one.page.locator(".leaflet-basemap-pane canvas").count() == 0
    one.page.reload()  # the address keeps it
    one.settle()
    assert one.page.locator(".leaflet-basemap-pane canvas").count() == 0


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """Another host: its address, and what it was asked for."""
    asked: list[str] = []

    class Tiles(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers.get('Referer', '')}")
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(PIXEL)

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Tiles)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_the_operators_tiles_are_loaded_by_the_browser_from_the_one_host(browser, demo, everywhere, elsewhere):
    host, asked = elsewhere
    with serving(
        demo, GRIDMAP_TILE_SOURCE=host + "/{z}/{x}/{y}?tk=KEY", GRIDMAP_TILE_ATTRIBUTION="天地图 GS(2026)1号"
    ) as base:
        context = browser.new_context(locale="zh-CN")
        context.add_cookies([{"name": "gridmap_session", "value": everywhere, "url": base}])
        page, account = context.new_page(), Account(base)
        page.on("request", account.note)
        page.on("console", lambda message: account.complaints.append(message.text) if message.type == "error" else None)
        one = Visit(page, account)
        one.go(RIVER)
        assert page.locator(".leaflet-tile_source-pane img.leaflet-tile-loaded").count() > 0
        assert "天地图 GS(2026)1号" in page.locator(".status").inner_text()
        assert {"http://" + urlsplit(url).netloc for url in account.elsewhere} == {host}
        assert asked
        assert all(line.endswith(" ") for line in asked), "our address was told"
        assert account.complaints == []
        loaded = page.evaluate(  # a third host stays closed
            "() => new Promise((done) => { const i = new Image(); i.onload = () => done(true); i.onerror = () => done(false);"
            f" i.src = '{host.replace('127.0.0.1', 'localhost')}/1/1/1'; }})"
        )
        assert loaded is False
        context.close()
