"""The page of figures: what it prints is what the API tells."""

import csv
import io
import re

import openpyxl
import pytest
import sqlalchemy as sa

from tests.conftest import app_on, client_of, session_of
from tests.twins import OWN

ROW = re.compile(r'<tr id="row-(\S+?)">(.*?)</tr>', re.DOTALL)
CELL = re.compile(r'<td class="number">(.*?)</td>', re.DOTALL)


@pytest.fixture(scope="module")
def app(twins):
    with app_on(twins) as made:
        yield made


def client_as(app, twins, role, place=OWN):
    return client_of(app, session_of(twins, (role, place)))


def figure_in(cell):
    found = re.search(r'value="(\d+)"', cell)
    return int(found[1]) if found else re.sub(r"<[^>]+>", "", cell).replace("&lt;", "<").strip()


def printed(client, address):
    text = client.get(address).get_data(as_text=True)
    return {code: [figure_in(cell) for cell in CELL.findall(row)] for code, row in ROW.findall(text)}


@pytest.mark.parametrize("by", ["place", "estate", "party"])
@pytest.mark.parametrize("role", ["commander", "planner"])
def test_printed_numbers_equal_the_api(app, twins, role, by):
    client = client_as(app, twins, role)
    rows = printed(client, f"/summary?place={OWN}&by={by}")
    assert rows
    for code, cells in rows.items():
        answer = client.get(f"/api/v1/places/{code}/summary").get_json()
        shown = [answer["households"], answer["people"], answer["buildings"]]
        assert cells[:3] == ["–" if value is None else value for value in shown], code


def test_the_files_hold_the_same_numbers_and_are_on_record(app, twins):
    client = client_as(app, twins, "commander")
    rows = printed(client, f"/summary?place={OWN}")
    address = f"/summary/export?place={OWN}&format="
    text = client.get(address + "csv").get_data().decode("utf-8-sig")
    table = list(csv.reader(io.StringIO(text)))
    filed = {row[0]: [int(cell) for cell in row[3:-1]] for row in table[1:] if row[0]}
    assert {code: filed[code] for code in rows} == rows
    assert OWN in filed
    sheet = openpyxl.load_workbook(io.BytesIO(client.get(address + "xlsx").get_data())).active
    assert [["" if cell is None else str(cell) for cell in row][:-1] for row in sheet.iter_rows(values_only=True)] == [
        row[:-1] for row in table
    ]
    with twins.connect() as conn:
        kept = conn.execute(
            sa.text(
                "SELECT detail::json->>'place' FROM audit_entry WHERE action = 'export' AND detail::json->>'format' = 'xlsx'"
            )
        )
        assert OWN in kept.scalars().all()


def test_areas_carry_the_class_of_the_figure_that_is_shown(app, twins):
    client = client_as(app, twins, "commander")
    answer = client.get(f"/summary/areas?place={OWN}&show=people").get_json()
    rows = printed(client, f"/summary?place={OWN}")
    told = {feature["properties"]["code"]: feature["properties"] for feature in answer["features"]}
    assert {code: facts["value"] for code, facts in told.items()} == {code: row[1] for code, row in rows.items()}
    by_value = sorted(told.values(), key=lambda facts: facts["value"])
    assert [facts["class"] for facts in by_value] == sorted(facts["class"] for facts in told.values())
    assert {feature["geometry"]["type"] for feature in answer["features"]} <= {"Polygon", "MultiPolygon"}


def test_the_page_begins_where_a_person_works(app, twins):
    led = client_as(app, twins, "grid_worker", OWN + "001").get("/summary")
    assert led.status_code == 302
    assert led.headers["Location"].endswith(f"place={OWN}001")
    several = client_as(app, twins, "commander", "all").get("/summary").get_data(as_text=True)
    assert f"place={OWN[:6]}" in several


def test_an_area_with_a_small_number_has_no_shade(app, twins):
    client = client_as(app, twins, "planner")
    cottage = next(
        one["properties"] for one in client.get(f"/summary/areas?place={OWN}001").get_json()["features"]
        if one["properties"]["code"] == OWN + "90001"
    )  # fmt: skip
    assert (cottage["value"], cottage["class"]) == ("<5", None)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/summary?place=nothing", 404),
        ("/summary/areas?place=nothing", 404),
        (f"/summary/export?place={OWN}&format=pdf", 422),
        (f"/summary?place={OWN}&as_of=soon", 422),
        (f"/summary?place={OWN}&as_of=2099-01-01", 422),
        (f"/summary?place={OWN}&by=nonsense&show=nonsense", 200),
        ("/summary?place=%00", 422),
    ],
)
def test_wrong_addresses_are_refused_in_words(app, twins, address, status):
    assert client_as(app, twins, "commander").get(address).status_code == status
