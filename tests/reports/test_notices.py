"""The notice of an order: an official document with its map, and no person in what the public gets."""

import io
import re
import zipfile
from datetime import UTC, datetime, timedelta

import pypdf
import pytest
import sqlalchemy as sa

from gridmap import db
from gridmap.access import LOCAL
from gridmap.layers.closure_zone import lifecycle
from gridmap.layers.closure_zone.decision import Decision
from gridmap.layers.closure_zone.lifecycle import Plan, find, take
from gridmap.layers.closure_zone.scope import of_items
from gridmap.reports.notices import open_words, sheet, wording
from tests import factories
from tests.conftest import app_on, client_of, copy_of, session_of
from tests.layers.test_closure_zone import DISTRICT, who

C = factories.COMMUNITY
NAME, PHONE, IDENTITY = "欧阳小明", "13812345678", "11010519491231002X"
REASON = f"{NAME}（电话{PHONE}，{IDENTITY}）确诊，住3幢2单元501室"
MEASURES = ("居民居家，足不出户", f"物资由志愿者送至单元门口，咨询{PHONE}")
COMMANDER = who("commander")


def decision(**values) -> Decision:
    now = datetime.now(UTC)
    row = {
        "issuer": "示范区疫情防控指挥部", "issuer_level": "county", "issued_at": now, "effective_at": now - timedelta(minutes=1),
        "reason": REASON, "doc_no": "指挥部〔2026〕第3号", "legal_basis": "IDL-63", "measures": MEASURES,
        "parent_government": "示范区人民政府", "published": "在社区公告栏和示范区政府网站公布",
    }  # fmt: skip
    return Decision(**row | values)


def step(conn, actor, code, name, order=None):
    take(conn, actor, code, find(conn, LOCAL, code).version, name, order)


def zone_of(conn, items, order=None, name="芳草苑一号区") -> str:
    code = lifecycle.draft(conn, COMMANDER, Plan(name, "lockdown", of_items(conn, COMMANDER, items)))
    step(conn, COMMANDER, code, "propose")
    step(conn, DISTRICT, code, "approve")
    step(conn, DISTRICT, code, "activate", order or decision())
    return code


class Town:
    """Six buildings with a few homes; one zone of whole buildings and units, one of a single home, one draft."""

    def __init__(self, engine):
        self.engine = engine
        with db.transaction(engine, LOCAL) as conn:
            community = factories.add_community(conn)
            for number in range(1, 7):
                lon = 120.6 + number * 0.0005
                building = factories.add_building(conn, community, number, lon=lon, units=3, floors=6)
                home = factories.add_household(conn, building, unit="02", room="0501", number=number)
            factories.add_resident(conn, home, f"{C}00006020501", 1, name=NAME)
            self.code = zone_of(conn, [f"{C}0000{n}" for n in (1, 2, 3, 6)] + [f"{C}0000402", f"{C}0000403"])
            self.home = zone_of(conn, [f"{C}00005020501"], decision(reason="出现病例"), "五幢")
            self.draft = lifecycle.draft(
                conn, COMMANDER, Plan("草拟", "lockdown", of_items(conn, COMMANDER, [f"{C}00001"]))
            )


@pytest.fixture(scope="module")
def town(cluster, migrated):
    with copy_of(cluster, migrated) as engine:
        made = Town(engine)
        with app_on(engine) as made.app:
            yield made


@pytest.fixture(scope="module")
def district(town):
    return client_of(town.app, session_of(town.engine, ("district", "990106")))


def fetched(client, code, **how):
    answer = client.get(f"/api/v1/closure_zones/{code}/notice", query_string=how)
    assert answer.status_code == 200, answer.json
    return answer


def pdf_of(client, code, **how) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(fetched(client, code, **how).data))


def text_of(reader: pypdf.PdfReader) -> str:
    return re.sub(r"\s+", "", "".join(page.extract_text() for page in reader.pages))


@pytest.fixture(scope="module")
def public(town, district):
    return pdf_of(district, town.code)


def test_the_notice_says_what_the_law_asks_for(public):
    text = text_of(public)
    for said in (
        "示范区疫情防控指挥部关于划定芳草苑一号区（封控区）的通告", "指挥部〔2026〕第3号",
        "第六十三条（2025年9月1日起施行的条文）", "一、范围", "1–3、6幢",
        "4幢2、3单元", "二、措施", "（一）居民居家，足不出户。", "三、理由", "解除时间另行通告", "在社区公告栏和示范区政府网站公布",
        "特此通告。", "附件：1.区域范围图", "示范区人民政府", wording.day(datetime.now(UTC)).replace(" ", ""),
    ):  # fmt: skip
        assert re.sub(r"\s+", "", said) in text, said


def test_its_map_says_scale_as_of_and_review_number(public):
    text = re.sub(r"\s+", "", public.pages[-2].extract_text())
    for said in (
        "芳草苑一号区（封控区）范围图",
        "比例尺1:",
        "资料时间：",
        "审图号：",
        "CGCS2000",
        "北",
        "封控区",
        "4幢",
    ):
        assert said in text, said


def test_its_paper_is_a4_and_the_map_also_a3(town, district, public):
    def sizes(reader):
        return [tuple(round(float(side) / 72 * 25.4) for side in page.mediabox[2:]) for page in reader.pages]

    assert sizes(public)[0] == (210, 297)
    assert sizes(public)[-2] == (297, 210)  # the buildings stand in a row from west to east
    assert sizes(pdf_of(district, town.code, paper="a3"))[-2] == (420, 297)


def test_every_font_is_in_the_file(public):
    fonts = {}
    for page in public.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            inner = font.get_object().get("/DescendantFonts", [font])[0].get_object()
            fonts[inner["/BaseFont"]] = inner["/FontDescriptor"].get_object()
    assert fonts
    assert [name for name, one in fonts.items() if not {"/FontFile", "/FontFile2", "/FontFile3"} & one.keys()] == []
    assert any("NotoSerifCJK" in name.replace("-", "") for name in fonts)


def test_the_public_version_has_no_person_no_room_and_no_count_of_homes(town, district, public):
    for text in (text_of(public), text_of_docx(fetched(district, town.code, format="docx").data)):
        assert "确诊" in text
        for kept in (NAME, "欧", PHONE, IDENTITY, "501", "户数", "人数"):
            assert kept not in text, kept
    home = text_of(pdf_of(district, town.home))
    assert "5幢2单元" in home
    assert "501" not in home


def test_the_internal_version_tells_homes_people_and_the_room(town, district):
    text = text_of(pdf_of(district, town.code, version="internal"))
    assert "内部资料" in text
    assert (
        "共5幢，5户，10人" in text
    )  # 1, 2, 3 and 6 whole, and units 2 and 3 of building 4: one home of two people each
    assert "5幢2单元501室" in text_of(pdf_of(district, town.home, version="internal"))


def text_of_docx(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = [archive.read(name).decode() for name in archive.namelist() if name.endswith(".xml")]
    return re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", "".join(parts)))


def test_the_docx_holds_the_same_words_the_map_and_the_list(town, district):
    import docx

    document = docx.Document(io.BytesIO(fetched(district, town.code, format="docx", paper="a3").data))
    text = "\n".join(one.text for one in document.paragraphs)
    for said in ("关于划定芳草苑一号区（封控区）的通告", "4幢2、3单元", "特此通告。", "楼栋清单"):
        assert said in text
    assert [(round(one.page_width.mm), round(one.page_height.mm)) for one in document.sections] == [
        (210, 297), (420, 297), (210, 297),
    ]  # fmt: skip
    assert round(document.inline_shapes[0].width.mm) == 400  # the map stands at its scale: a sheet less 10 mm all round
    assert [cell.text for cell in document.tables[0].rows[4].cells][1:5] == ["4幢", "—", "—", "2单元、3单元"]


def test_who_counts_no_homes_gets_no_internal_version(town):
    planner = client_of(town.app, session_of(town.engine, ("planner", C)))
    refused = planner.get(f"/api/v1/closure_zones/{town.code}/notice?version=internal")
    assert (refused.status_code, refused.json["code"]) == (403, "not_allowed")
    text = text_of(pdf_of(planner, town.code))
    assert "确诊" not in text  # names cannot be looked for with this right: the reason is left out
    assert "见发布机关公布的命令" in text


def test_a_zone_without_an_order_has_no_notice_and_is_told_so(town, district):
    answer = district.get(f"/api/v1/closure_zones/{town.draft}/notice")
    assert (answer.status_code, answer.json["where"]) == (409, "order")
    assert district.get(f"/api/v1/closure_zones/{town.code}/notice?order=2").status_code == 404


def test_a_scale_that_cuts_the_zone_off_is_refused_and_another_is_named(town, district):
    answer = district.get(f"/api/v1/closure_zones/{town.code}/notice?scale=200")
    assert (answer.status_code, answer.json["where"]) == (422, "scale")
    assert "1:1500 does" in answer.json["detail"]


def test_another_communitys_zone_is_missing(town):
    stranger = client_of(town.app, session_of(town.engine, ("commander", "990107001001")))
    for path in ("notice", "cap"):
        assert stranger.get(f"/api/v1/closure_zones/{town.code}/{path}").status_code == 404


def test_many_buildings_are_listed_by_estate_and_grid_and_none_is_lost():
    from gridmap.reports.notices import listing
    from gridmap.reports.notices.notice import Listed

    held = [Listed(f"{C}{n:05d}", f"{n}幢", "整幢", "芳草苑", f"第{1 + n // 150}网格", 10, 20) for n in range(1, 301)]
    held[4] = Listed(f"{C}00005", "5幢", "2单元", "芳草苑", "第1网格", 3, 6)
    headings, rows = listing._grouped(tuple(held))
    assert headings == ("序号", "小区", "网格", "楼栋", "幢数", "户数", "人数")
    assert [row[3:] for row in rows] == [
        ("1–4、6–149幢、5幢2单元", 149, 1483, 2966),
        ("150–299幢", 150, 1500, 3000),
        ("300幢", 1, 10, 20),
    ]


def test_the_panel_and_the_list_offer_the_notice_of_a_zone_that_has_an_order(town, district):
    panel = district.get(f"/panel/closure_zone/{town.code}?lang=zh").get_data(as_text=True)
    assert f'action="/api/v1/closure_zones/{town.code}/notice"' in panel
    assert 'value="internal"' in panel
    assert "/notice" not in district.get(f"/panel/closure_zone/{town.draft}").get_data(as_text=True)
    planner = client_of(town.app, session_of(town.engine, ("planner", C)))
    assert 'value="internal"' not in planner.get(f"/panel/closure_zone/{town.code}").get_data(as_text=True)
    listed = district.get("/zones").get_data(as_text=True)
    assert listed.count("/notice") == 2  # two zones have orders, the draft has none


def test_the_document_is_chinese_whatever_the_readers_language(town, district):
    assert "特此通告" in text_of(pypdf.PdfReader(io.BytesIO(
        district.get(f"/api/v1/closure_zones/{town.code}/notice", headers={"Accept-Language": "en"}).data
    )))  # fmt: skip


def test_a_notice_looks_back(town, district):
    before = "2026-01-01T00:00:00+08:00"
    assert district.get(f"/api/v1/closure_zones/{town.code}/notice", query_string={"as_of": before}).status_code == 404


def test_each_file_is_on_record(town):
    client = client_of(town.app, session_of(town.engine, ("commander", C), name="notice.taker"))
    fetched(client, town.code, format="docx")
    entry = sa.text(
        "SELECT chain, action, subject, rows, detail FROM audit_entry WHERE actor = 'notice.taker' AND action = 'export'"
    )
    with db.transaction(town.engine, LOCAL) as conn:
        chain, action, subject, rows, detail = conn.execute(entry).one()
    assert (chain, action, subject, rows) == (C, "export", "zone_notice", 5)
    assert '"version": "public"' in detail


def test_a_distance_on_the_map_is_that_of_its_scale(town, district):
    import numpy as np
    import shapely

    view = sheet.view_of(shapely.box(120.6, 30.9, 120.602, 30.901), paper="a4")
    ends = view.on_paper(np.array([[120.6, 30.9], [120.602, 30.9]]))
    mm = float(np.hypot(*(ends[1] - ends[0])))
    assert mm * view.scale / 1000 == pytest.approx(
        191.19, abs=0.05
    )  # pyproj.Geod(ellps="GRS80").inv(120.6, 30.9, 120.602, 30.9)[2]


@pytest.mark.parametrize(
    ("written", "open_"),
    [
        ("3幢2单元501室", "3幢2单元"),
        ("3幢2单元501室、3幢2单元502室", "3幢2单元"),
        ("致电+86 138 1234 5678", "致电***"),
        ("1–5幢", "1–5幢"),
    ],
)
def test_rooms_and_numbers_are_taken_out_of_words(written, open_):
    assert open_words.without_rooms(written) == open_


@pytest.mark.parametrize(("number", "word"), [(1, "一"), (10, "十"), (11, "十一"), (20, "二十"), (35, "三十五")])
def test_sections_are_numbered_in_chinese(number, word):
    assert wording.numeral(number) == word
