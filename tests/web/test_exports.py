"""A layer as a file: what a person may have, in each format, marked and on record where persons are in it."""

import csv
import io
import re
import sqlite3
from xml.etree import ElementTree as ET

import openpyxl
import pytest
import sqlalchemy as sa

from gridmap import audit, db
from gridmap.access import LOCAL
from gridmap.exchange import import_file, qgis
from gridmap.layers import LAYERS
from tests.conftest import app_on, client_of, session_of
from tests.exchange.making import COMMUNITY, geojson, house, table, take


@pytest.fixture
def town(district, tmp_path):
    take(
        district,
        "building",
        geojson(
            tmp_path / "b.geojson",
            *[(house(lon, 31.24), {"name": name}) for lon, name in ((121.49, "甲栋"), (121.53, "乙栋"))],
        ),
    )
    rows = [
        ["code", "name", "phone", "id_number", "lon", "lat"],
        ["V1", "王芳", "13800138000", "11010519491231002X", "121.5", "31.24"],
    ]
    take(district, "volunteer", table(tmp_path / "v.csv", rows))
    return district


@pytest.fixture
def commander(town):
    with app_on(town) as app:
        yield client_of(app, session_of(town, ("commander", "310115")))


def download(client, layer, **values):
    csrf = re.search(r'name="csrf" value="(\w+)"', client.get("/export").text)[1]
    with client.post(f"/export/{layer}", data={"csrf": csrf, **values}) as answer:
        return answer.status_code, answer.data, answer.headers


@pytest.mark.parametrize("layer", ["volunteer", "building", "community"])
@pytest.mark.parametrize("kind", ["gpkg", "xlsx", "csv", "geojson", "zip"])
def test_a_download_taken_back_changes_nothing(town, commander, tmp_path, layer, kind):
    status, body, headers = download(commander, layer, format=kind, crs="EPSG:4490", encoding="utf-8")
    assert (status, headers["Content-Length"]) == (200, str(len(body)))
    assert f"{layer}.{kind}" in headers["Content-Disposition"]
    (tmp_path / f"x.{kind}").write_bytes(body)
    report = import_file(town, LOCAL, LAYERS[layer], tmp_path / f"x.{kind}", crs="EPSG:4490")
    assert (report.problems, report.inserted, report.updated) == ([], 0, 0)
    assert report.unchanged > 0


@pytest.mark.parametrize("kind", ["gpkg", "xlsx", "csv", "geojson", "zip"])
def test_persons_come_with_a_reason_a_mark_and_a_record_and_go_back_unchanged(town, commander, tmp_path, kind):
    status, body, _ = download(commander, "volunteer", format=kind, personal="yes", reason="核对联系方式")
    assert status == 200
    (tmp_path / f"x.{kind}").write_bytes(body)
    report = import_file(town, LOCAL, LAYERS["volunteer"], tmp_path / f"x.{kind}", crs="EPSG:4490")
    assert (report.problems, report.inserted, report.updated, report.unchanged) == ([], 0, 0, 1)
    with db.transaction(town, LOCAL) as conn:
        entry = conn.execute(sa.select(audit.table).where(audit.table.c.action == "export")).one()
    assert "核对联系方式" in entry.detail
    assert "phone" in entry.detail
    assert "13800138000" not in entry.detail


def test_each_row_with_persons_says_who_took_it(commander):
    _, body, _ = download(commander, "volunteer", format="csv", personal="yes", reason="核对联系方式")
    [row] = csv.DictReader(io.StringIO(body.decode("utf-8-sig")))
    assert (row["name"], row["phone"]) == ("王芳", "13800138000")
    assert re.fullmatch(r"u[0-9a-f]{12}", row["exp_by"])
    assert row["exp_at"].startswith("20")


def test_without_a_reason_no_person_is_in_any_file(commander, tmp_path):
    for kind in ("gpkg", "xlsx", "csv", "geojson", "zip"):
        _, body, _ = download(commander, "volunteer", format=kind)
        assert b"13800138000" not in body
    _, body, _ = download(commander, "volunteer", format="xlsx")
    heading = next(openpyxl.load_workbook(io.BytesIO(body)).active.iter_rows(values_only=True))
    assert not {"name", "phone", "id_number", "exp_by"} & set(heading)
    status, body, _ = download(commander, "volunteer", format="csv", personal="yes", reason="x")
    assert (status, "请填写理由" in body.decode()) == (422, True)


def test_who_may_not_reveal_persons_gets_none(town):
    with app_on(town) as app:
        client = client_of(app, session_of(town, ("building_head", COMMUNITY)))
        assert "personal" not in re.findall(r'name="(\w+)"', client.get("/export?layer=volunteer").text)
        assert download(client, "volunteer", format="csv", personal="yes", reason="核对联系方式")[0] == 403


def test_only_the_place_that_was_asked_for_and_only_ones_own_area(town, commander):
    def names(client, **values):
        body = download(client, "building", format="csv", **values)[1]
        return [row["name"] for row in csv.DictReader(io.StringIO(body.decode("utf-8-sig")))]

    assert names(commander) == ["甲栋", "乙栋"]
    assert names(commander, place=f"{COMMUNITY}002") == ["乙栋"]
    with app_on(town) as app:
        worker = client_of(app, session_of(town, ("grid_worker", f"{COMMUNITY}001")))
        assert names(worker) == ["甲栋"]
        assert download(worker, "building", format="csv", place=f"{COMMUNITY}002")[0] == 404


def test_programs_get_the_same_file_without_persons(commander):
    with commander.get("/api/v1/layers/volunteer/export") as answer:
        assert answer.json["features"][0]["properties"]["code"] == "V1"
        assert "phone" not in answer.json["features"][0]["properties"]
    with commander.get("/api/v1/layers/building/export?format=zip&encoding=GBK&crs=EPSG:4549") as answer:
        assert answer.data[:2] == b"PK"
    assert commander.get("/api/v1/layers/building/export?format=exe").status_code == 422


def test_a_geopackage_carries_the_style_of_the_map(commander, tmp_path):
    _, body, _ = download(commander, "volunteer", format="gpkg")
    (tmp_path / "v.gpkg").write_bytes(body)
    base = sqlite3.connect(tmp_path / "v.gpkg")
    [(name, column, text, is_default)] = base.execute(
        "SELECT f_table_name, f_geometry_column, styleQML, useAsDefault FROM layer_styles"
    )
    base.close()
    assert (name, column, is_default) == ("volunteer", "geom", 1)
    assert [c.get("value") for c in ET.fromstring(text.partition("\n")[2]).iter("category")] == ["true", "false"]


@pytest.mark.parametrize("layer", LAYERS.drawn(), ids=lambda layer: layer.name)
def test_every_style_has_a_symbol_in_its_own_colour_for_qgis(layer):
    root = ET.fromstring(qgis.qml(layer).partition("\n")[2])
    symbols = list(root.iter("symbol"))
    assert len(symbols) == len(layer.style.symbols)
    for made, symbol in zip(symbols, layer.style.symbols.values(), strict=True):
        colours = {option.get("value") for option in made.iter("Option") if "color" in str(option.get("name"))}
        assert {qgis.rgba(symbol.fill), qgis.rgba(symbol.stroke)} & colours


def test_colours_are_written_as_qgis_writes_them():
    assert qgis.rgba("#0072b2") == "0,114,178,255"
    assert qgis.rgba("rgba(200,16,46,.28)") == "200,16,46,71"
    assert qgis.rgba("transparent") == "0,0,0,0"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_offers_the_layers_a_person_sees(commander, lang):
    text = commander.get(f"/export?layer=building&lang={lang}").text
    assert "/export/building" in text
    assert "/export?layer=volunteer" in text
