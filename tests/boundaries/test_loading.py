"""A file of grids becomes a set beside those in force, by command and by the pages of imports."""

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from gridmap import boundaries, db
from gridmap.access import LOCAL
from gridmap.cli import main
from gridmap.hierarchy import neighbourhood
from tests.exchange.making import COMMUNITY, EAST, NORTH, SOUTH, WEST, box, codes, geojson, table, take
from tests.intake.conftest import wizard  # noqa: F401 - a fixture

FIRST, SECOND, THIRD = (f"{COMMUNITY}{n:03d}" for n in (1, 2, 3))
WIDE = EAST - WEST
QUARTER = (box(WEST, SOUTH, WEST + WIDE / 4, NORTH), {"name": "西网格"})
REST = (box(WEST + WIDE / 4, SOUTH, EAST, NORTH), {"name": "东网格"})


@pytest.fixture
def columns(tmp_path):
    return geojson(tmp_path / "plan.geojson", QUARTER, REST)


def in_force(engine) -> list[tuple]:
    with engine.connect() as conn:
        n = neighbourhood.c
        query = sa.select(n.code, n.name, n.version).where(n.valid_to.is_(None)).order_by(n.code)
        return [tuple(row) for row in conn.execute(query)]


def test_the_command_keeps_the_grids_beside_those_in_force_and_names_the_set(district, columns, monkeypatch):
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", district.url.render_as_string(hide_password=False))
    before = in_force(district)
    words = ["import", "neighbourhood", str(columns), "--crs", "EPSG:4490", "--as-set", "2027年方案"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert in_force(district) == before
    with db.transaction(district, LOCAL) as conn:
        (found,) = boundaries.listed(conn, LOCAL)
        parts = {part.code: part.fate for part in boundaries.compare(conn, LOCAL, found.id).parts}
    assert (found.name, found.source, found.state, found.cells) == ("2027年方案", "plan.geojson", "proposed", 2)
    assert f"/boundaries/{found.id}" in done.output
    # by hand: the quarter shares 1/2 of the united area with the western half, the rest 2/3 with the eastern one
    assert parts == {FIRST: "ended", SECOND: "changed", THIRD: "new"}


def test_a_row_without_a_shape_is_refused_with_its_number_and_nothing_is_kept(district, tmp_path):
    path = table(tmp_path / "names.csv", [["code", "name"], [FIRST, "改名"]])
    report = take(district, "neighbourhood", path, instead=boundaries.into_set("plan"))
    assert codes(report) == [(2, "geometry", "geometry_missing")]
    assert not report.is_stored
    with db.transaction(district, LOCAL) as conn:
        assert boundaries.listed(conn, LOCAL) == []


def test_only_grids_become_a_set(district, columns):
    done = CliRunner().invoke(main, ["import", "building", str(columns), "--as-set", "plan"])
    assert done.exit_code == 2


def test_the_pages_check_keep_and_lead_to_the_comparison(wizard, district, columns):  # noqa: F811 - the fixture
    before = in_force(district)
    page = wizard.page_of(wizard.upload("neighbourhood", columns))
    assert "A new set of grids (inactive)" in wizard.client.get(f"{page}?lang=en").text
    chosen = {**wizard.mapped(page), "crs": "EPSG:4490", "as-set": "yes"}
    assert wizard.post(page, "check", **chosen, **{"set-name": " "}).status_code == 422
    wizard.page_of(wizard.post(page, "check", **chosen, **{"set-name": "2027"}))
    wizard.work()
    assert wizard.state(page)["state"] == "checked"
    assert "/boundaries/" not in wizard.client.get(page).text.split('id="result"')[1].split("</section>")[0]
    wizard.page_of(wizard.post(page, "store"))
    wizard.work()
    with db.transaction(district, LOCAL) as conn:
        (found,) = boundaries.listed(conn, LOCAL)
    text = wizard.client.get(f"{page}?lang=en").text
    assert f'href="/boundaries/{found.id}"' in text
    assert "Take the whole import back" not in text
    assert wizard.client.get(f"/boundaries/{found.id}?lang=en").status_code == 200
    assert in_force(district) == before
