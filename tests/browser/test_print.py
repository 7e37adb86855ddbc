"""Sheets of paper out of a real browser: the PDF and the picture are opened and measured."""

import io
import re
import struct
import unicodedata

import pytest
from playwright.sync_api import expect
from pypdf import PdfReader
from pyproj import Geod

from gridmap.demo.loading import ATTRIBUTION

MM_IN_POINTS = 72 / 25.4
A4, A3 = (210, 297), (297, 420)
SIZES = {
    ("a4", "portrait"): A4,
    ("a4", "landscape"): A4[::-1],
    ("a3", "portrait"): A3,
    ("a3", "landscape"): A3[::-1],
}
HAN = re.compile("[\u4e00-\u9fff]")


def sheet(visit, query: str, language: str = "zh-CN"):
    """Open a sheet and wait until it is drawn; the browser's own print window stays away."""
    opened = visit(language=language)
    opened.page.add_init_script("window.print = () => {}")
    opened.page.goto(f"{opened.account.base}/print?{query}")
    expect(opened.page.locator("body[data-state=drawn]")).to_be_attached(timeout=20_000)
    expect(opened.page.locator("#print-note")).to_have_text("")
    return opened


def printed(opened) -> PdfReader:
    opened.page.locator("[data-make=print]").click()
    expect(opened.page.locator("#sheet[data-number]")).to_be_visible()
    return PdfReader(io.BytesIO(opened.page.pdf(prefer_css_page_size=True, print_background=True)))


def words_of(reader: PdfReader) -> str:
    """Return the letters of the first page; fonts name some of them by their radicals, which say the same (NFKC)."""
    return unicodedata.normalize("NFKC", reader.pages[0].extract_text())


def view(building, *more: str) -> str:
    return "&".join([f"map=17/{building.lat:.6f}/{building.lon:.6f}", *more])


@pytest.mark.parametrize(
    ("paper", "turn"),
    [
        ("a3", "landscape"),
        *(pytest.param(*size, marks=pytest.mark.nightly) for size in SIZES if size != ("a3", "landscape")),
    ],
)
def test_a_pdf_has_the_size_of_its_paper_and_one_page(visit, building, paper, turn):
    pages = printed(sheet(visit, view(building, f"paper={paper}&turn={turn}&dpi=150"))).pages
    width, height = SIZES[paper, turn]
    assert len(pages) == 1
    assert float(pages[0].mediabox.width) == pytest.approx(width * MM_IN_POINTS, abs=0.8)
    assert float(pages[0].mediabox.height) == pytest.approx(height * MM_IN_POINTS, abs=0.8)


def test_a_pdf_says_in_letters_what_a_map_must_say(visit, building):
    opened = sheet(visit, view(building, "scale=2500&title=演练用图"))
    text = words_of(printed(opened))
    for word in ("演练用图", "内部使用", "审图号", "1 : 2,500", "100 米", "北", "数据时间", "楼栋", ATTRIBUTION):
        assert word in text, word
    number = re.search(r"P-[0-9A-F]{8}", opened.page.locator("#print-note").text_content())[0]
    assert re.search(rf"\S+ 打印于 \d{{4}}-\d\d-\d\d \d\d:\d\d,编号 {number}", text)


def test_one_record_is_one_print(visit, building):
    opened = sheet(visit, view(building, "title=演练用图"))
    assert "演练用图" in words_of(printed(opened))
    again = PdfReader(io.BytesIO(opened.page.pdf(prefer_css_page_size=True)))
    assert "演练用图" not in words_of(again)


def test_an_english_pdf_says_the_same_in_english(visit, building):
    text = words_of(printed(sheet(visit, view(building, "scale=2500"), "en-GB")))
    for word in ("Internal use", "review number", "Data as of", "Printed by", "Buildings", "100 m"):
        assert word in text, word


def test_a_pdf_carries_its_fonts_with_the_chinese_letters(visit, building):
    reader = printed(sheet(visit, view(building)))
    fonts = [font.get_object() for font in reader.pages[0]["/Resources"]["/Font"].values()]
    assert fonts
    for font in fonts:
        if font["/Subtype"] == "/Type3":  # its glyphs are drawings in the file itself
            assert len(font["/CharProcs"]) > 0
            continue
        inner = font["/DescendantFonts"][0].get_object() if font["/Subtype"] == "/Type0" else font
        assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(inner["/FontDescriptor"].get_object())
    assert HAN.search(reader.pages[0].extract_text())


def test_what_is_not_on_record_is_not_printed(visit, building):
    opened = sheet(visit, view(building, "title=演练用图"))
    text = words_of(PdfReader(io.BytesIO(opened.page.pdf(prefer_css_page_size=True))))
    assert "演练用图" not in text
    assert "登记" in text or "审计" in text
    opened.page.goto(f"{opened.account.base}/{building.view()}")
    opened.settle()
    text = words_of(PdfReader(io.BytesIO(opened.page.pdf())))
    assert "链接与打印" in text


def test_the_scale_is_true_on_paper(visit, building):
    opened = sheet(visit, view(building, "scale=2500&dpi=150&paper=a3"))
    with opened.page.expect_request("**/api/v1/prints") as sent:
        printed(opened)
    west, south, east, north = (float(side) for side in sent.value.post_data_json["bbox"].split(","))
    box = opened.page.locator("#plate").bounding_box()
    paper_m = {side: box[side] / 96 * 0.0254 for side in ("width", "height")}
    geod = Geod(ellps="GRS80")  # CGCS2000's ellipsoid to 0.1 mm
    across_m = geod.inv(west, building.lat, east, building.lat)[2]
    along_m = geod.inv(building.lon, south, building.lon, north)[2]
    assert across_m / paper_m["width"] == pytest.approx(2500, rel=0.0005)
    assert along_m / paper_m["height"] == pytest.approx(2500, rel=0.006)  # Web Mercator on the ellipsoid
    bar = opened.page.locator("#bar")
    bar_m = bar.bounding_box()["width"] / 96 * 0.0254 * 2500
    assert bar_m == pytest.approx(float(bar.get_attribute("data-metres")), rel=0.01)


@pytest.mark.parametrize(
    ("paper", "turn", "dpi", "dots"),
    [
        ("a4", "landscape", 150, (1754, 1240)),
        ("a4", "portrait", 300, (2480, 3508)),
        ("a3", "landscape", 300, (4961, 3508)),
        ("a3", "portrait", 150, (1754, 2480)),
    ],
)
def test_a_picture_has_the_dots_of_its_paper_and_knows_its_resolution(visit, building, paper, turn, dpi, dots):
    opened = sheet(visit, view(building, f"paper={paper}&turn={turn}&dpi={dpi}"))
    with opened.page.expect_download() as saved:
        opened.page.locator("[data-make=png]").click()
    picture = saved.value.path().read_bytes()
    number = opened.page.locator("#sheet").get_attribute("data-number")
    assert saved.value.suggested_filename == f"gridmap-{number}.png"
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", picture[16:24]) == dots
    assert picture[37:41] == b"pHYs"
    assert struct.unpack(">IIB", picture[41:50]) == (round(dpi / 0.0254), round(dpi / 0.0254), 1)


def test_the_plate_shows_what_lies_in_the_middle_of_the_view(visit, building):
    opened = sheet(visit, view(building, "on=building&scale=500&dpi=150"))
    colours = opened.page.locator("#plate").evaluate(
        "c => [...c.getContext('2d').getImageData(c.width / 2 - 20, c.height / 2 - 20, 40, 40).data]"
        ".reduce((all, v, i, d) => i % 4 ? all : all.concat([d.slice(i, i + 3).join()]), [])"
    )
    assert "217,213,205" in colours  # the fill of a building, #d9d5cd


def test_the_legend_explains_what_is_on_the_sheet_and_nothing_else(visit, building):
    opened = sheet(visit, view(building, "on=building,community&scale=500"))
    rows = opened.page.locator("#legend li").all_text_contents()
    assert "楼栋" in rows
    assert "物资点" not in rows


def test_a_sheet_with_homes_on_it_is_marked_with_who_printed_it(visit, building):
    changed = "c => c.toDataURL().length"
    opened = sheet(visit, view(building, "on=building&scale=500&dpi=150"))
    plain = opened.page.locator("#plate").evaluate(changed)
    printed(opened)
    assert opened.page.locator("#plate").evaluate(changed) == plain
    opened = sheet(visit, view(building, "on=building,household&scale=500&dpi=150"))
    plain = opened.page.locator("#plate").evaluate(changed)
    printed(opened)
    assert opened.page.locator("#plate").evaluate(changed) > plain


@pytest.mark.parametrize(
    ("theme", "more", "words"),
    [
        ("summary", "show=people", ("人数",)),
        ("coverage", "service=supply_point&threshold_m=300&turn=portrait", ("已覆盖楼栋", "300 m", "100 %")),
    ],
)
def test_shaded_areas_print_through_the_same_door(visit, building, theme, more, words):
    place = building.code[:12]
    opened = sheet(visit, f"theme={theme}&place={place}&{more}&dpi=150")
    text = words_of(printed(opened))
    for word in (*words, "内部使用"):
        assert word in text, word
    assert f"/{theme}" in opened.page.get_by_role("link", name="返回").get_attribute("href")


def test_a_sheet_of_the_past_says_so(visit, building):
    opened = sheet(visit, view(building, "at=2026-01-02T08:30%2B08:00&dpi=150&on=community"))
    expect(opened.page.locator("#sheet-moment")).to_contain_text("2026-01-02 08:30")
    asked = [url for url in opened.account.asked if "/tiles/" in url]
    assert asked
    assert all("as_of=2026-01-02" in url for url in asked)
