"""A page that keeps account of everything that went wrong or went elsewhere."""

import json
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, Request

LANDSCAPE, PORTRAIT, PHONE = (1280, 800), (800, 1280), (390, 844)
SETTLED_MS = 15_000


@dataclass
class Account:
    """What a page did that it should not have done, and what it cost."""

    base: str
    elsewhere: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    bytes_moved: int = 0
    asked: list[str] = field(default_factory=list)

    def assert_clean(self) -> None:
        assert self.elsewhere == [], "requests to another host"
        assert self.complaints == [], "console errors, CSP violations among them"
        assert self.refused == [], "answers of 4xx or 5xx"

    def note(self, request: Request) -> None:
        self.asked.append(request.url)
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.elsewhere.append(request.url)

    def weigh(self, request: Request) -> None:
        if request.url.startswith(self.base):
            sizes = request.sizes()
            self.bytes_moved += sizes["responseBodySize"] + sizes["responseHeadersSize"]


@dataclass
class Visit:
    """An open map page with its account."""

    page: Page
    account: Account

    def go(self, address: str = "") -> None:
        self.page.goto(f"{self.account.base}/{address}")
        self.settle()

    def settle(self) -> None:
        self.page.wait_for_load_state("networkidle", timeout=SETTLED_MS)
        self.page.wait_for_timeout(400)  # drawing follows the last answer

    def tap_middle(self) -> None:
        """Tap where the address says the map's middle is."""
        box = self.page.locator(".map").bounding_box()
        assert box is not None
        self.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.settle()


@pytest.fixture
def visit(browser: Browser, live_server: str, everywhere: str) -> Iterator[Callable[..., Visit]]:
    """Open a page of the running service: `visit(size, language)`; every page's account must be clean at the end."""
    yield from visits(browser, live_server, everywhere)


def visits(browser: Browser, base: str, token: str | None = None) -> Iterator[Callable[..., Visit]]:
    opened: list[Visit] = []

    def open_page(size: tuple[int, int] = LANDSCAPE, language: str = "zh-CN", **options) -> Visit:
        width, height = size
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale=language, has_touch=True, **options
        )
        if token is not None:
            context.add_cookies([{"name": "gridmap_session", "value": token, "url": base}])
        page, account = context.new_page(), Account(base)
        page.on("request", account.note)
        page.on("requestfinished", account.weigh)
        page.on("console", lambda message: account.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: account.complaints.append(str(error)))
        page.on("response", lambda r: account.refused.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        opened.append(Visit(page, account))
        return opened[-1]

    yield open_page
    for one in opened:
        one.account.assert_clean()
        one.page.context.close()


@dataclass(frozen=True)
class Somewhere:
    """A thing of the demo district and where it lies."""

    code: str
    name: str
    lon: float
    lat: float

    def view(self, zoom: int = 18) -> str:
        return f"#map={zoom}/{self.lat:.6f}/{self.lon:.6f}"


def fetched(base: str, path: str, token: str, **values: object) -> dict:
    asked = urllib.request.Request(f"{base}{path}?{urllib.parse.urlencode(values)}")
    asked.add_header("Cookie", f"gridmap_session={token}")
    with urllib.request.urlopen(asked) as answer:
        body: dict = json.load(answer)
        return body


@pytest.fixture(scope="session")
def building(live_server: str, everywhere: str) -> Somewhere:
    """A building with households and no marker on the middle of it."""
    for feature in fetched(live_server, "/api/v1/layers/building/features", everywhere, limit=200)["features"]:
        code, name = feature["properties"]["code"], feature["properties"]["name"]
        answer = fetched(
            live_server, f"/api/v1/buildings/{code}/nearest/supply_point", everywhere, k=1, method="geodesic"
        )
        people = fetched(live_server, f"/api/v1/buildings/{code}/volunteers", everywhere)["items"]
        nearest_m = min([answer["items"][0]["distance_m"], *(person["distance_m"] for person in people)])
        if nearest_m > 30 and people:
            return Somewhere(code, name, answer["origin"]["lon"], answer["origin"]["lat"])
    raise AssertionError("the demo district has no building away from every marker")


@pytest.fixture(scope="session")
def stock_point(live_server: str, everywhere: str) -> Somewhere:
    feature = fetched(live_server, "/api/v1/layers/supply_point/features", everywhere, limit=1)["features"][0]
    lon, lat = feature["geometry"]["coordinates"]
    return Somewhere(feature["properties"]["code"], feature["properties"]["name"], lon, lat)
