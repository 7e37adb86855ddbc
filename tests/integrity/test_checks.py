"""Each check finds what was put wrong, nothing else, inside the own area; each repair does what its preview says."""

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from gridmap import db, hierarchy, integrity
from gridmap.access import LOCAL, acting
from gridmap.cli import main
from gridmap.errors import Conflict, InvalidInput, NotAllowed, NotFound
from gridmap.integrity import CHECKS, check_of
from gridmap.roles import ROLES
from tests.conftest import KEYS, app_on, client_of, session_of
from tests.factories import (
    COMMUNITY,
    add_building,
    add_community,
    add_household,
    add_neighbourhood,
    add_party_household,
    add_supply_point,
    point,
    square,
)
from tests.twins import NEXT_DOOR, OWN

FAULTS = [check for check in CHECKS if check.is_fault]
WEST = "SRID=4490;MULTIPOLYGON(((120.59 30.89,120.6 30.89,120.6 30.91,120.59 30.91,120.59 30.89)))"
EAST = "SRID=4490;MULTIPOLYGON(((120.6 30.89,120.61 30.89,120.61 30.91,120.6 30.91,120.6 30.89)))"
WHOLE = square(120.6, 30.9, 0.01)


@pytest.fixture
def town(conn):
    """A community of two grids that cover it, a building with a household in the western one; nothing is wrong."""
    community = add_community(conn, geom=WHOLE)
    grids = [add_neighbourhood(conn, community, f"00{n}", geom=geom) for n, geom in ((1, WEST), (2, EAST))]
    grid = {"neighbourhood": COMMUNITY + "001", "neighbourhood_id": grids[0]}
    building = add_building(conn, community, 1, lon=120.595, lat=30.9, **grid)
    home = add_household(conn, building, geom=point(120.595, 30.9), neighbourhood=COMMUNITY + "001")
    return {"conn": conn, "community": community, "grids": grids, "building": building, "home": home, "grid": grid}


def found(conn):
    told = {check.name: integrity.run(conn, LOCAL, check) for check in CHECKS}
    return {name: [(fault.code, fault.other) for fault in one.faults] for name, one in told.items() if one.count}


def change(conn, table, where, **values):
    step = {"version": table.c.version + 1, "changed_at": sa.func.now(), "changed_by": "test"}
    conn.execute(table.update().where(where).values(**step, **values))


def test_a_sound_register_has_no_fault(town):
    assert found(town["conn"]) == {}


@pytest.mark.parametrize("name", ["demo", "twins"])
def test_the_demo_has_no_fault_but_where_twins_lie_on_the_same_ground(request, name):
    engine = request.getfixturevalue(name)
    with engine.connect() as conn:
        wrong = {check.name for check in FAULTS if integrity.run(conn, LOCAL, check).count}
    assert wrong == (set() if name == "demo" else {"community_overlap", "building_twice"})  # a cottage there


def test_a_gap_between_grids_is_told_with_its_area_and_place(town):
    conn, n = town["conn"], hierarchy.neighbourhood
    narrow = EAST.replace("120.6 ", "120.601 ")  # 0.001 by 0.02 degrees are left: 95.5 m by 2,218 m
    change(conn, n, n.c.code == COMMUNITY + "002", geom=narrow)
    fault = integrity.run(conn, LOCAL, check_of("grid_gap")).faults[0]
    assert fault.code == COMMUNITY
    # pyproj.Geod(a=6378137, rf=298.257222101).polygon_area_perimeter gives 211,870 m2; the rim of 0.5 m is taken off
    assert fault.measure == pytest.approx(211_870, rel=0.02)
    assert 120.6 < fault.lon < 120.601


def test_two_drawings_of_one_border_are_no_gap_and_no_overlap(town):
    conn, n = town["conn"], hierarchy.neighbourhood
    for off in ("120.600005 ", "120.599995 "):  # half a metre
        change(conn, n, n.c.code == COMMUNITY + "002", geom=EAST.replace("120.6 ", off))
        assert found(conn) == {}


def test_overlapping_grids_and_communities_are_told_in_pairs(town):
    conn, n = town["conn"], hierarchy.neighbourhood
    change(conn, n, n.c.code == COMMUNITY + "002", geom=EAST.replace("120.6 ", "120.599 "))
    assert found(conn) == {"grid_overlap": [(COMMUNITY + "001", COMMUNITY + "002")]}
    add_community(conn, "990106001002", geom=square(120.61, 30.9, 0.001))
    assert found(conn)["community_overlap"] == [(COMMUNITY, "990106001002")]


def test_a_grid_that_reaches_out_is_told(town):
    conn, n = town["conn"], hierarchy.neighbourhood
    change(conn, n, n.c.code == COMMUNITY + "002", geom=EAST.replace("120.61 ", "120.62 "))
    assert found(conn) == {"grid_outside": [(COMMUNITY + "002", COMMUNITY)]}


def test_a_building_outside_its_community_is_told_apart_from_one_in_another(town):
    conn = town["conn"]
    lost = add_building(conn, town["community"], 2, lon=120.65)
    add_household(conn, lost, number=2, geom=point(120.65, 30.9))
    assert found(conn) == {"building_outside": [(COMMUNITY + "00002", None)]}
    add_community(conn, "990106001002", geom=square(120.65, 30.9, 0.001))
    assert found(conn) == {"building_code": [(COMMUNITY + "00002", "990106001002")]}


def test_things_of_a_retired_place_are_orphans(town):
    conn, c, b = town["conn"], hierarchy.community, hierarchy.building
    change(conn, b, b.c.id == town["building"], valid_to=sa.func.now())
    assert found(conn) == {"household_orphan": [(COMMUNITY + "00001010101", COMMUNITY + "00001")]}
    change(conn, c, c.c.code == COMMUNITY, valid_to=sa.func.now())
    assert set(found(conn)) == {"household_orphan", "grid_orphan"}


def test_buildings_without_households_are_told_but_no_fault(town):
    add_building(town["conn"], town["community"], 2, lon=120.591, **town["grid"])
    assert found(town["conn"]) == {"building_empty": [(COMMUNITY + "00002", None)]}
    assert not check_of("building_empty").is_fault


def previewed(conn, name, actor=LOCAL):
    return integrity.would_change(conn, actor, check_of(name))


def test_a_building_in_another_grid_is_given_the_one_it_stands_in_with_all_who_live_there(town):
    conn, b, h = town["conn"], hierarchy.building, hierarchy.household
    add_party_household(conn, town["home"], COMMUNITY + "00001010101", neighbourhood=COMMUNITY + "001")
    change(conn, b, b.c.id == town["building"], geom=square(120.605, 30.9))
    change(conn, h, h.c.id == town["home"], geom=point(120.605, 30.9))
    assert found(conn) == {"building_grid": [(COMMUNITY + "00001", COMMUNITY + "002")]}
    changes = previewed(conn, "building_grid")
    assert changes == [integrity.Change(COMMUNITY + "00001", COMMUNITY + "001", COMMUNITY + "002")]
    assert integrity.repair(conn, LOCAL, check_of("building_grid"), changes) == 1
    assert found(conn) == {}
    for table in ("building", "household", "party_household"):
        assert conn.scalar(sa.text(f"SELECT neighbourhood FROM {table}")) == COMMUNITY + "002"
        former = conn.scalars(sa.text(f"SELECT neighbourhood FROM {table}_version ORDER BY version DESC")).first()
        assert former == COMMUNITY + "001"
    kept = conn.execute(sa.text("SELECT actor, subject, rows FROM audit_entry WHERE action = 'repair'")).one()
    assert tuple(kept) == ("test", "building_grid", 1)


def test_a_building_put_in_a_grid_without_an_area_stays_there(town):
    conn, n, b = town["conn"], hierarchy.neighbourhood, hierarchy.building
    dedicated = add_neighbourhood(conn, town["community"], "003", geom=None)
    change(conn, b, b.c.id == town["building"], neighbourhood=COMMUNITY + "003", neighbourhood_id=dedicated)
    assert "building_grid" not in found(conn)
    assert n.c.geom.nullable


def test_a_household_far_from_its_building_is_moved_there(town):
    conn, h = town["conn"], hierarchy.household
    change(conn, h, h.c.id == town["home"], geom=point(120.6, 30.9))
    fault = integrity.run(conn, LOCAL, check_of("household_far")).faults[0]
    # pyproj.Geod: (120.5951, 30.9) to (120.6, 30.9) are 468.4 m
    assert fault.measure == pytest.approx(468, abs=1)
    integrity.repair(conn, LOCAL, check_of("household_far"), previewed(conn, "household_far"))
    assert found(conn) == {}


def test_a_building_stored_twice_is_retired_only_where_nobody_lives_in_the_second(town):
    conn = town["conn"]
    add_building(conn, town["community"], 2, name="1幢", lon=120.595, lat=30.9, **town["grid"])
    third = add_building(conn, town["community"], 3, name="1幢", lon=120.595, lat=30.9, **town["grid"])
    add_household(conn, third, number=3, geom=point(120.595, 30.9))
    twice = [(COMMUNITY + "00002", COMMUNITY + "00001"), (COMMUNITY + "00003", COMMUNITY + "00001")]
    assert found(conn)["building_twice"] == twice
    changes = previewed(conn, "building_twice")
    assert [one.code for one in changes] == [COMMUNITY + "00002"]
    integrity.repair(conn, LOCAL, check_of("building_twice"), changes)
    assert found(conn) == {"building_twice": twice[1:]}


def test_a_supply_point_stored_twice_is_found_by_name_and_place(town):
    conn = town["conn"]
    for code, lon, name in (
        ("S1", 120.6, "仓库"),
        ("S2", 120.6, "仓库"),
        ("S3", 120.6, "诊所"),
        ("S4", 120.601, "仓库"),
    ):
        add_supply_point(conn, code, lon, 30.9, name=name)
    assert found(conn) == {"supply_point_twice": [("S2", "S1")]}
    integrity.repair(conn, LOCAL, check_of("supply_point_twice"), previewed(conn, "supply_point_twice"))
    assert found(conn) == {}


def test_what_somebody_changed_meanwhile_is_not_repaired_blindly(town):
    conn, h = town["conn"], hierarchy.household
    change(conn, h, h.c.id == town["home"], geom=point(120.6, 30.9))
    changes = previewed(conn, "household_far")
    change(conn, h, h.c.id == town["home"], geom=point(120.601, 30.9))
    with pytest.raises(Conflict, match=COMMUNITY):
        integrity.repair(conn, LOCAL, check_of("household_far"), changes)


def test_faults_without_a_safe_repair_are_mended_by_hand(town):
    with pytest.raises(InvalidInput):
        previewed(town["conn"], "grid_gap")
    with pytest.raises(NotFound):
        check_of("nothing")


def test_nobody_is_told_of_or_repairs_what_lies_elsewhere(twins):
    service = db.service_engine(twins.url.render_as_string(hide_password=False))
    try:
        with db.transaction(service, acting("one", ROLES["commander"].verbs, [OWN])) as conn:
            actor = acting("one", ROLES["commander"].verbs, [OWN])
            for check in CHECKS:
                told = integrity.run(conn, actor, check).faults
                assert not [one for one in told if NEXT_DOOR in f"{one.code} {one.other}"], check.name
        planner = acting("two", ROLES["planner"].verbs, [OWN])
        with db.transaction(service, planner) as conn, pytest.raises(NotAllowed):
            integrity.would_change(conn, planner, check_of("building_grid"))
    finally:
        service.dispose()


@pytest.fixture
def faulty(empty_database):
    """A register with one building in the wrong grid, and pages on it."""
    with db.transaction(empty_database, LOCAL) as conn:
        community = add_community(conn, geom=WHOLE)
        grids = [add_neighbourhood(conn, community, f"00{n}", geom=geom) for n, geom in ((1, WEST), (2, EAST))]
        building = add_building(
            conn, community, 1, lon=120.605, neighbourhood=COMMUNITY + "001", neighbourhood_id=grids[0]
        )
        add_household(conn, building, geom=point(120.605, 30.9), neighbourhood=COMMUNITY + "001")
    with app_on(empty_database) as app:
        yield empty_database, client_of(app, session_of(empty_database, ("commander", COMMUNITY)))


def hidden(page, name):
    import html
    import re

    return html.unescape(re.search(rf'name="{name}" value="([^"]*)"', page)[1])


def test_a_fault_is_shown_on_the_map_previewed_and_mended_on_its_page(faulty):
    engine, client = faulty
    assert 'href="/integrity/building_grid"' in client.get("/integrity").get_data(as_text=True)
    page = client.get("/integrity/building_grid").get_data(as_text=True)
    assert f"#map=18/30.90000/120.60500&amp;sel=building/{COMMUNITY}00001" in page
    form = {"csrf": hidden(page, "csrf"), "code": COMMUNITY + "00001"}
    shown = client.post("/integrity/building_grid/preview", data=form).get_data(as_text=True)
    assert f"<td>{COMMUNITY}001</td><td>{COMMUNITY}002</td>" in shown
    with engine.connect() as conn:
        assert conn.scalar(sa.text("SELECT neighbourhood FROM building")) == COMMUNITY + "001"
    form = {"csrf": hidden(shown, "csrf"), "wanted": hidden(shown, "wanted")}
    assert client.post("/integrity/building_grid/repair", data=form).status_code == 303
    with engine.connect() as conn:
        assert conn.scalar(sa.text("SELECT neighbourhood FROM building")) == COMMUNITY + "002"
        actor = conn.scalar(sa.text("SELECT actor FROM audit_entry WHERE action = 'repair'"))
        assert actor not in ("", "local")
    assert client.post("/integrity/building_grid/repair", data=form).status_code == 409


@pytest.mark.parametrize("wanted", ["", "[", '[{"code": 1}]', "{}"])
def test_a_repair_nobody_was_shown_is_refused(faulty, wanted):
    _, client = faulty
    form = {"csrf": hidden(client.get("/integrity/building_grid").get_data(as_text=True), "csrf"), "wanted": wanted}
    assert client.post("/integrity/building_grid/repair", data=form).status_code == 422


def test_the_page_is_for_editors(faulty):
    engine, client = faulty
    for role, status in (("grid_worker", 200), ("planner", 403), ("supervisor", 403)):
        other = client_of(client.application, session_of(engine, (role, COMMUNITY)))
        assert other.get("/integrity").status_code == status, role
    assert client.get("/integrity/nothing").status_code == 404
    assert client.get("/integrity?place=x").status_code == 422


def test_the_command_ends_with_1_if_there_are_faults(faulty, monkeypatch):
    engine, _ = faulty
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("GRIDMAP_HOME", KEYS)
    told = CliRunner().invoke(main, ["check"])
    assert told.exit_code == 1, told.output
    assert f"{COMMUNITY}00001 / {COMMUNITY}002" in told.output
    assert CliRunner().invoke(main, ["check", "--only", "grid_gap"]).exit_code == 0
    assert CliRunner().invoke(main, ["check", "--only", "nothing"]).exit_code == 1
