"""Two languages: complete, not mixed, and chosen by the reader."""

import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import gridmap
from gridmap.web import i18n
from tests.conftest import app_on, client_of, session_of

PACKAGE = Path(gridmap.__file__).parent
CHINESE = re.compile(r"[\u3400-\u9fff]")
LATIN_WORD = re.compile(r"[A-Za-z]{3,}")
NAMES = {
    "Leaflet",
    "venv",
    "bin",
    "Protomaps",
    "gridmap",
    "EPSG",
    "FILE",
    "demo",
    "import",
    "community",
    "crs",
    "problem",
    "details",
}
METHODS = [("**.py", "gridmap.web.docstrings.extract"), ("**/templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
NOW = datetime(2026, 3, 9, 10, 42, tzinfo=i18n.SHOWN_ZONE)


@pytest.fixture(scope="module")
def catalogue():
    with (PACKAGE / "translations/zh/LC_MESSAGES/messages.po").open("rb") as file:
        return read_po(file, locale="zh")


@pytest.fixture
def empty_client(empty_database):
    with app_on(empty_database) as app:
        yield client_of(app, session_of(empty_database, ("commander", "all")))


def extracted() -> set[str]:
    found = extract_from_dir(str(PACKAGE), method_map=METHODS, keywords=KEYWORDS)
    return {message[0] if isinstance(message, tuple) else message for _, _, message, _, _ in found}


def visible(html: str) -> str:
    """The texts of a page that people see or hear, without its data block."""
    html = re.sub(r"<script.*?</script>|<svg.*?</svg>", " ", html, flags=re.DOTALL)
    spoken = re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]*)"', html)
    return " ".join([re.sub(r"<[^>]+>", " ", html.partition("<body")[2]), *spoken])


def test_every_text_has_a_chinese_translation(catalogue):
    known = {
        message.id[0] if isinstance(message.id, tuple) else message.id: message for message in catalogue if message.id
    }
    texts = {re.sub(r"\s+", " ", text) for text in extracted()}
    assert texts - {re.sub(r"\s+", " ", text) for text in known} == set()
    assert [text for text, message in known.items() if message.fuzzy or not all(_forms(message))] == []
    assert [
        text for text, message in known.items() if len(text) > 2 and not CHINESE.search("".join(_forms(message)))
    ] == []


def _forms(message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


def test_the_source_texts_are_english():
    assert [text for text in extracted() if CHINESE.search(text)] == []


def test_the_english_page_has_no_chinese_of_its_own(empty_client):
    html = empty_client.get("/?lang=en").get_data(as_text=True)
    assert CHINESE.sub("", visible(html)) == visible(html).replace("中文", "").replace("中", "")  # the switch itself
    config = html.partition('id="gridmap-config">')[2].partition("</script>")[0]
    assert not CHINESE.search(re.sub(r'"(?:icon)": "[^"]*"', "", config).encode().decode("unicode_escape"))


def test_the_chinese_page_has_no_english_of_its_own(empty_client):
    words = set(LATIN_WORD.findall(visible(empty_client.get("/?lang=zh").get_data(as_text=True))))
    assert words - NAMES - {"English"} == set()


def test_the_reference_is_in_the_readers_language(client):
    described = client.get("/openapi.json").json["paths"].values()
    calls = [call for methods in described for call in methods.values()]
    summaries = {call["summary"] for call in calls}
    meanings = {part["description"] for call in calls for part in call.get("parameters", ()) if "description" in part}
    english, chinese = (unescape(client.get(f"/api?lang={code}").get_data(as_text=True)) for code in ("en", "zh"))
    assert all(text in english for text in summaries | meanings)
    assert [text for text in summaries | meanings if f">{text}" in chinese] == []
    assert "<p>一份矢量瓦片" in chinese


@pytest.mark.parametrize("language", ["zh", "en"])
def test_panels_speak_one_language(client, language):
    code = client.get("/api/v1/layers/building/features?limit=1").json["features"][0]["properties"]["code"]
    point = client.get("/api/v1/layers/supply_point/features?limit=1").json["features"][0]["properties"]["code"]
    person = client.get("/api/v1/layers/volunteer/features?limit=1").json["features"][0]["properties"]["code"]
    for path in (f"building/{code}", f"supply_point/{point}", "position?lon=120.6&lat=30.9", f"volunteer/{person}"):
        joint = "&" if "?" in path else "?"
        answer = client.get(f"/panel/{path}{joint}lang={language}")
        assert answer.status_code == 200
        words = re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True))
        if language == "zh":
            assert set(LATIN_WORD.findall(words)) - NAMES == set(), path
        else:
            assert not re.search("物资点|志愿者|直线|编码|重点|包楼|在岗", words.replace("物资储备", "")), path


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({}, "zh-CN"), ({"Accept-Language": "zh-TW,en;q=0.5"}, "zh-CN"), ({"Accept-Language": "en-GB"}, "en"),
     ({"Accept-Language": "fr"}, "zh-CN"), ({"Accept-Language": "de,en;q=0.3"}, "en")],
)  # fmt: skip
def test_the_browser_chooses_the_language(client, headers, expected):
    assert f'<html lang="{expected}">' in client.get("/", headers=headers).get_data(as_text=True)


def test_the_switch_is_remembered(client):
    assert '<html lang="en">' in client.get("/?lang=en").get_data(as_text=True)
    assert '<html lang="en">' in client.get("/").get_data(as_text=True)
    assert '<html lang="zh-CN">' in client.get("/?lang=zh").get_data(as_text=True)


def test_an_unknown_language_is_passed_over(client):
    answer = client.get("/?lang=%3Cscript%3E", headers={"Accept-Language": "en"})
    assert '<html lang="en">' in answer.get_data(as_text=True)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("metres", "zh", "en"),
    [(0, "不足 5 米", "under 5 m"), (2.6, "5 米", "5 m"), (318, "320 米", "320 m"), (997.4, "995 米", "995 m"),
     (998, "1.0 公里", "1.0 km"), (1249, "1.2 公里", "1.2 km"), (12_345, "12.3 公里", "12.3 km")],
)  # fmt: skip
def test_distances_are_rounded_and_named(app, metres, zh, en):
    for language, expected in (("zh", zh), ("en", en)):
        with app.test_request_context(f"/?lang={language}"):
            assert i18n.distance(metres) == expected


@pytest.mark.parametrize(
    ("ago", "zh", "en"),
    [(timedelta(seconds=20), "刚刚", "just now"), (timedelta(minutes=1), "1 分钟前", "1 minute ago"),
     (timedelta(minutes=59), "59 分钟前", "59 minutes ago"), (timedelta(minutes=61), "09:41", "09:41"),
     (timedelta(days=1), "3月8日 10:42", "Mar 8 10:42"), (timedelta(days=365), "2025年3月9日 10:42", "Mar 9, 2025 10:42")],
)  # fmt: skip
def test_moments_are_relative_up_to_an_hour_then_clock_then_date(app, ago, zh, en):
    for language, expected in (("zh", zh), ("en", en)):
        with app.test_request_context(f"/?lang={language}"):
            assert i18n.moment((NOW - ago).astimezone(UTC), NOW) == expected


def test_times_are_shown_in_shanghai(app):
    with app.test_request_context("/?lang=zh"):
        assert i18n.clock(datetime(2026, 3, 9, 2, 42, tzinfo=UTC)) == "10:42"
        assert i18n.until(datetime(2026, 3, 9, 16, 0, tzinfo=UTC), NOW) == "3月10日 00:00"
        assert i18n.until(datetime(2026, 3, 9, 12, 0, tzinfo=UTC), NOW) == "20:00"
        assert i18n.day(date(2026, 3, 9), NOW) == "3月9日"
