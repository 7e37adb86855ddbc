"""What belongs to a thing - links, groups, counts - is kept when it changes, counts as a change and is told in the audit."""

import json

import pytest
import sqlalchemy as sa

from gridmap.tables import metadata
from tests.exchange.making import COMMUNITY, box, geojson, house, query, spot, table, take
from tests.factories import add_building, add_community, add_volunteer, assign

FIRST, SECOND = f"{COMMUNITY}00001", f"{COMMUNITY}00002"
APPEND_ONLY = {"audit_entry", "change_log"}
DERIVED = {"search_term", "basemap_feature"}
# Grants are dated rows; sign-ins and changes of accounts are told by the audit. Imports under way are no facts.
ACCOUNTS = {
    "account",
    "access_grant",
    "api_token",
    "database_login",
    "former_password",
    "import_job",
    "import_mapping",
    "sign_in_attempt",
    "sign_in_link",
    "sign_in_session",
}


@pytest.fixture
def town(district, tmp_path):
    """Two buildings of a community."""
    houses = [(house(121.5, 31.24), {"name": "一号楼"}), (house(121.52, 31.24), {"name": "二号楼"})]
    assert take(district, "building", geojson(tmp_path / "b.geojson", *houses)).inserted == 2
    return district


def counts(report) -> tuple[int, int, int]:
    return report.inserted, report.updated, report.unchanged


def files_told(engine) -> list[str]:
    rows = query(engine, "SELECT detail FROM audit_entry WHERE action = 'import' ORDER BY at, seq")
    return [json.loads(detail)["file"] for (detail,) in rows]


def kept(engine, name: str) -> int:
    return query(engine, f"SELECT count(*) FROM {name}_version")[0][0]


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_that_can_change_keeps_its_former_rows(conn, table):
    if table.name in APPEND_ONLY | DERIVED | ACCOUNTS or "versions_of" in table.info:
        return
    former = metadata.tables[f"{table.name}_version"]
    assert [*(c.name for c in table.columns), "until"] == [c.name for c in former.columns if c.name != "ended_by"]
    triggers = conn.scalars(
        sa.text("SELECT tgname FROM pg_trigger WHERE tgrelid = CAST(:name AS regclass)"), {"name": table.name}
    ).all()
    assert {f"{table.name}_update_versions", f"{table.name}_delete_versions"} <= set(triggers)


def test_a_deleted_link_is_kept_with_who_set_and_who_ended_it(conn):
    community_id = add_community(conn)
    assign(conn, add_volunteer(conn, "V1", 120.6, 30.9), add_building(conn, community_id))
    conn.execute(sa.text("SELECT set_config('gridmap.actor', 'else', true)"))
    conn.execute(sa.text("DELETE FROM building_volunteer"))
    row = conn.execute(sa.text("SELECT *, until >= changed_at AS forwards FROM building_volunteer_version")).one()
    assert (row.changed_by, row.ended_by, row.forwards) == ("test", "else", True)


def test_a_changed_row_is_stamped_by_the_database(empty_database):
    set_actor = "SELECT set_config('gridmap.actor', '{}', true)"
    for actor, change in (
        ("first", "INSERT INTO division (code, name) VALUES ('99', '旧名')"),
        ("second", "UPDATE division SET name = '新名', changed_by = 'somebody else'"),
    ):
        with empty_database.begin() as conn:
            conn.execute(sa.text(set_actor.format(actor)))
            conn.execute(sa.text(change))
    assert query(empty_database, "SELECT name, changed_by FROM division") == [("新名", "second")]
    former = query(
        empty_database,
        "SELECT v.name, v.changed_by, v.ended_by, v.until = d.changed_at, v.until > v.changed_at"
        " FROM division_version AS v JOIN division AS d USING (code)",
    )
    assert former == [("旧名", "first", "second", True, True)]


def test_another_list_of_buildings_is_a_change_of_the_volunteer(town, tmp_path):
    def volunteer(name: str, buildings: str):
        row = {"code": "V1", "name": "王小明", "buildings": buildings}
        return take(town, "volunteer", geojson(tmp_path / name, (spot(121.5, 31.24), row)))

    assert counts(volunteer("first.geojson", FIRST)) == (1, 0, 0)
    assert counts(volunteer("second.geojson", SECOND)) == (0, 1, 0)
    assert kept(town, "building_volunteer") == 1
    assert kept(town, "volunteer") == 0  # nothing of the volunteer's own row changed
    assert files_told(town)[-2:] == ["first.geojson", "second.geojson"]
    assert counts(volunteer("third.geojson", SECOND)) == (0, 0, 1)
    assert kept(town, "building_volunteer") == 1
    assert "third.geojson" not in files_told(town)


def test_other_covered_places_are_a_change_of_the_party_unit(town, tmp_path):
    def unit(buildings: str, grids: str):
        rows = [
            ["code", "name", "level", "community", "parent", "buildings", "neighbourhoods"],
            ["P1", "党委", "committee", COMMUNITY, "", "", ""],
            ["P2", "支部", "branch", COMMUNITY, "P1", buildings, grids],
        ]
        return counts(take(town, "party_unit", table(tmp_path / "u.csv", rows)))

    assert unit(FIRST, f"{COMMUNITY}001") == (2, 0, 0)
    assert unit(SECOND, f"{COMMUNITY}002") == (0, 1, 1)
    assert unit(SECOND, f"{COMMUNITY}002") == (0, 0, 2)
    assert (kept(town, "building_party_unit"), kept(town, "neighbourhood_party_unit")) == (1, 1)


def test_other_priority_groups_are_a_change_of_the_household(town, tmp_path):
    def household(priority: str):
        rows = [["building", "room", "priority"], [FIRST, "101", priority], [FIRST, "102", "pregnant"]]
        return counts(take(town, "household", table(tmp_path / "h.csv", rows)))

    assert household("pregnant:1;infant:2") == (2, 0, 0)
    assert household("infant:3") == (0, 1, 1)
    assert household("infant:3") == (0, 0, 2)
    former = query(town, "SELECT tag, people_count FROM household_priority_version ORDER BY tag")
    assert former == [("infant", 2), ("pregnant", 1)]


def test_a_recount_of_the_same_day_keeps_the_number_it_replaces(town, tmp_path):
    def count(name: str, quantity: int):
        rows = [
            ["code", "name", "kind", "lon", "lat", "item", "quantity", "counted_on"],
            ["S1", "站", "store", 121.5, 31.24, "饮用水", quantity, "2026-03-01"],
            ["S1", "站", "store", 121.5, 31.24, "大米", 7, "2026-03-01"],
        ]
        return counts(take(town, "supply_point", table(tmp_path / name, rows)))

    assert count("first.csv", 5) == (1, 0, 0)
    assert count("second.csv", 6) == (0, 1, 0)
    assert count("third.csv", 6) == (0, 0, 1)
    assert query(town, "SELECT quantity, until > changed_at FROM stock_count_version") == [(5, True)]
    assert files_told(town)[-2:] == ["first.csv", "second.csv"]


def test_another_estate_around_a_building_is_a_change_and_keeps_the_pair(town, tmp_path):
    west, east = box(121.499, 31.239, 121.501, 31.241), box(121.519, 31.239, 121.521, 31.241)
    estate = {"code": "E1", "name": "小区", "community": COMMUNITY}
    take(town, "estate", geojson(tmp_path / "e.geojson", (west, estate)))
    assert counts(take(town, "estate", geojson(tmp_path / "e.geojson", (east, estate)))) == (0, 1, 0)
    assert (kept(town, "building_estate"), kept(town, "estate")) == (1, 1)
