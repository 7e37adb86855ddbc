"""A map on paper: what its page is told, and the record every print leaves."""

import json

import pytest
import sqlalchemy as sa

from gridmap import audit, hierarchy
from gridmap.layers import LAYERS
from tests.conftest import client_of, session_of

WHOLE = {
    "kind": "print",
    "layers": ["building", "supply_point"],
    "bbox": "120.59,30.89,120.61,30.91",
    "scale": 2500,
    "paper": "a4",
    "turn": "landscape",
    "dpi": 300,
    "title": "芳草社区",
}


@pytest.fixture(scope="module")
def keeper(app, demo):
    with demo.connect() as conn:
        code = conn.scalar(sa.select(sa.func.min(LAYERS["supply_point"].table.c.code)))
    return client_of(app, session_of(demo, ("keeper", code)))


def noted(client, **changes):
    """Record a print as the page does, with the proof that the request comes from one of our pages."""
    page = client.get("/print", headers={"Accept": "text/html"}).text
    config = json.loads(page.split('id="gridmap-config">')[1].split("</script>")[0])
    return client.post("/api/v1/prints", json=WHOLE | changes, headers={"X-CSRF-Token": config["csrf"]})


def last_entry(demo):
    with demo.connect() as conn:
        c = audit.table.c
        query = sa.select(audit.table).where(c.action == "print").order_by(c.seq.desc()).limit(1)
        return conn.execute(query).one()


def test_a_print_is_put_on_record_before_it_is_made(client, demo):
    answer = noted(client)
    assert answer.status_code == 201
    entry = last_entry(demo)
    detail = json.loads(entry.detail)
    assert detail["number"] == answer.json["number"]
    assert (detail["kind"], detail["scale"], detail["paper"]) == ("print", 2500, "a4 landscape")
    assert detail["layers"] == ["building", "supply_point"]
    assert entry.actor == answer.json["by"]
    assert entry.subject == "map"
    assert entry.rows > 0  # how many things the sheet shows


def test_two_prints_have_two_numbers(client):
    assert noted(client).json["number"] != noted(client).json["number"]


def test_a_sheet_that_shows_homes_or_persons_is_marked_and_others_are_not(client):
    assert noted(client, layers=["household"]).json["is_marked"] is True
    assert noted(client, layers=["building", "volunteer"]).json["is_marked"] is True
    assert noted(client, layers=["building", "supply_point", "closure_zone"]).json["is_marked"] is False


def test_nobody_prints_a_layer_that_is_not_theirs_to_see(keeper):
    refused = noted(keeper, layers=["household"])
    assert (refused.status_code, refused.json["code"]) == (403, "not_allowed")
    assert noted(keeper, layers=["supply_point"]).status_code == 201


def test_a_print_without_the_proof_of_our_page_is_refused(client):
    assert client.post("/api/v1/prints", json=WHOLE).status_code == 403


@pytest.mark.parametrize(
    ("changes", "status", "where"),
    [
        ({"layers": ["nothing"]}, 404, None),
        ({"bbox": "1,2,3"}, 422, "bbox"),
        ({"bbox": "nan,30,121,31"}, 422, "bbox"),
        ({"paper": "a0"}, 422, "paper"),
        ({"dpi": 9600}, 422, "dpi"),
        ({"scale": 0}, 422, "scale"),
        ({"title": "x" * 81}, 422, "title"),
        ({"as_of": "3000-01-01T00:00:00+08:00"}, 422, "as_of"),
        ({"other": 1}, 422, "other"),
    ],
)
def test_a_record_that_cannot_be_says_what_is_wrong(client, changes, status, where):
    answer = noted(client, **changes)
    assert answer.status_code == status
    assert answer.json.get("where") == where


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("paper=a5", "paper"),
        ("turn=round", "turn"),
        ("dpi=200", "dpi"),
        ("dpi=%C2%B2", "dpi"),
        ("scale=-5", "scale"),
        ("scale=1e9", "scale"),
        ("map=1/2", "map"),
        ("map=17/95/120", "lat"),
        ("title=%00", "title"),
        ("theme=nothing", "theme"),
    ],
)
def test_a_sheet_that_cannot_be_says_what_is_wrong(client, query, where):
    answer = client.get(f"/print?{query}", headers={"Accept": "application/json"})
    assert answer.status_code in (404, 422)
    assert answer.json["where"] == where


def test_the_page_puts_hostile_words_of_an_address_nowhere_as_code(client):
    page = client.get(
        "/print?title=%3C/script%3E%3Cscript%3Ealert(1)%3C/script%3E&on=%22%3E%3Cb%3E", headers={"Accept": "text/html"}
    ).text
    assert "<script>alert" not in page
    assert '"><b>' not in page


def test_the_title_is_the_place_in_the_middle_unless_another_is_given(client, demo):
    grid = hierarchy.neighbourhood.c
    with demo.connect() as conn:
        on_it = sa.func.ST_PointOnSurface(grid.geom)
        lon, lat, name = conn.execute(sa.select(sa.func.ST_X(on_it), sa.func.ST_Y(on_it), grid.name).limit(1)).one()
    page = client.get(f"/print?map=17/{lat:.6f}/{lon:.6f}", headers={"Accept": "text/html"}).text
    assert name in page.split('id="sheet-title">')[1].split("<")[0]
    page = client.get(f"/print?map=17/{lat:.6f}/{lon:.6f}&title=AB", headers={"Accept": "text/html"}).text
    assert page.split('id="sheet-title">')[1].startswith("AB<")


def test_whoever_is_signed_out_is_led_to_sign_in_and_back_to_the_sheet(app):
    answer = client_of(app, None).get("/print?paper=a3&scale=2500", headers={"Accept": "text/html"})
    assert answer.status_code == 302
    assert "next=/print?paper%3Da3%26scale%3D2500" in answer.location or "next=%2Fprint" in answer.location


def test_a_page_in_another_language_keeps_what_it_shows(client):
    page = client.get("/print?paper=a3&scale=2500&lang=zh", headers={"Accept": "text/html"}).text
    assert "1 : 2,500" in page
    figures = client.get("/summary?place=990106&show=people", headers={"Accept": "text/html"})
    assert "place=990106&amp;show=people&amp;lang=en" in figures.text
