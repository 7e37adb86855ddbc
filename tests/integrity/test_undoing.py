"""A repair is taken back as a whole, by who made it, while nobody changed anything since; and it is on record."""

import pytest
import sqlalchemy as sa

from gridmap import db, hierarchy, integrity
from gridmap.access import LOCAL
from gridmap.errors import Conflict, NotAllowed, NotFound
from gridmap.integrity import check_of
from tests.conftest import app_on, client_of, session_of
from tests.factories import COMMUNITY, add_building, add_community, add_household, add_neighbourhood, point
from tests.integrity.test_checks import EAST, WEST, WHOLE, change, hidden

CODE = COMMUNITY + "00001"
GRID = check_of("building_grid")


@pytest.fixture
def faulty(empty_database):
    """A register with one building in the wrong grid, and one stored twice."""
    with db.transaction(empty_database, LOCAL) as conn:
        community = add_community(conn, geom=WHOLE)
        grids = [add_neighbourhood(conn, community, f"00{n}", geom=geom) for n, geom in ((1, WEST), (2, EAST))]
        first = {"neighbourhood": COMMUNITY + "001", "neighbourhood_id": grids[0]}
        building = add_building(conn, community, 1, lon=120.605, **first)
        add_household(conn, building, geom=point(120.605, 30.9), neighbourhood=COMMUNITY + "001")
        for number in (2, 3):
            add_building(conn, community, number, name="2幢", lon=120.595, **first)
    return empty_database


def mend(engine, name):
    check = check_of(name)
    with db.transaction(engine, LOCAL) as conn:
        integrity.repair(conn, LOCAL, check, integrity.would_change(conn, LOCAL, check))
        return integrity.recent(conn, LOCAL)[0]


def grids_of(engine):
    with engine.connect() as conn:
        b, h = hierarchy.building.c, hierarchy.household.c
        rows = conn.execute(sa.select(b.neighbourhood, h.neighbourhood).join(hierarchy.household, h.building == b.code))
        return rows.one()


def test_every_row_of_a_repair_is_again_what_it_was(faulty):
    made = mend(faulty, "building_grid")
    assert (made.rows, made.codes, made.is_undone) == (1, (CODE,), False)
    assert grids_of(faulty) == (COMMUNITY + "002",) * 2
    with db.transaction(faulty, LOCAL) as conn:
        assert integrity.undo(conn, LOCAL, GRID, made.changed_at) == 1
        assert [one.is_undone for one in integrity.recent(conn, LOCAL)] == [True]
        kept = conn.execute(sa.text("SELECT subject, rows FROM audit_entry WHERE action = 'undo_repair'")).one()
        assert tuple(kept) == ("building_grid", 1)
    assert grids_of(faulty) == (COMMUNITY + "001",) * 2
    with faulty.connect() as conn:
        assert conn.scalar(sa.text("SELECT version FROM building WHERE code = :c"), {"c": CODE}) == 3


def test_a_building_that_a_repair_retired_comes_back(faulty):
    made = mend(faulty, "building_twice")
    with db.transaction(faulty, LOCAL) as conn:
        assert integrity.run(conn, LOCAL, check_of("building_twice")).count == 0
        integrity.undo(conn, LOCAL, check_of("building_twice"), made.changed_at)
        assert integrity.run(conn, LOCAL, check_of("building_twice")).count == 1


def test_nothing_is_taken_back_where_somebody_changed_a_row_since(faulty):
    made = mend(faulty, "building_grid")
    with db.transaction(faulty, LOCAL) as conn:
        change(conn, hierarchy.household, sa.true(), people_count=5)
    with pytest.raises(Conflict, match=CODE), db.transaction(faulty, LOCAL) as conn:
        integrity.undo(conn, LOCAL, GRID, made.changed_at)
    assert grids_of(faulty) == (COMMUNITY + "002",) * 2


def test_a_repair_is_taken_back_once(faulty):
    made = mend(faulty, "building_grid")
    with db.transaction(faulty, LOCAL) as conn:
        integrity.undo(conn, LOCAL, GRID, made.changed_at)
    with pytest.raises(Conflict), db.transaction(faulty, LOCAL) as conn:
        integrity.undo(conn, LOCAL, GRID, made.changed_at)


def test_the_page_offers_the_undoing_right_after_the_repair_and_to_nobody_else(faulty):
    with app_on(faulty) as app:
        client = client_of(app, session_of(faulty, ("commander", COMMUNITY)))
        other = client_of(app, session_of(faulty, ("commander", COMMUNITY)))
        page = client.get("/integrity/building_grid").get_data(as_text=True)
        shown = client.post("/integrity/building_grid/preview", data={"csrf": hidden(page, "csrf")}).get_data(
            as_text=True
        )
        form = {"csrf": hidden(shown, "csrf"), "wanted": hidden(shown, "wanted")}
        after = client.get(client.post("/integrity/building_grid/repair", data=form).location).get_data(as_text=True)
        undo = {"csrf": hidden(after, "csrf"), "changed_at": hidden(after, "changed_at")}
        assert "/integrity/building_grid/undo" in client.get("/integrity").get_data(as_text=True)
        theirs = other.get("/integrity").get_data(as_text=True)
        assert "/integrity/building_grid/undo" not in theirs
        foreign = undo | {"csrf": hidden(other.get("/integrity/building_grid").get_data(as_text=True), "csrf")}
        assert other.post("/integrity/building_grid/undo", data=foreign).status_code == 404
        assert client.post("/integrity/building_grid/undo", data=undo | {"changed_at": "x"}).status_code == 422
        assert client.post("/integrity/building_grid/undo", data=undo).status_code == 303
        assert client.post("/integrity/building_grid/undo", data=undo).status_code == 409
    assert grids_of(faulty) == (COMMUNITY + "001",) * 2


def test_who_may_not_change_the_layer_any_more_cannot_take_back(faulty):
    made = mend(faulty, "building_grid")
    from gridmap.access import acting

    with pytest.raises(NotAllowed), db.transaction(faulty, LOCAL) as conn:
        integrity.undo(conn, acting(LOCAL.name, ["building.view"], [COMMUNITY]), GRID, made.changed_at)
    with pytest.raises(NotFound), db.transaction(faulty, LOCAL) as conn:
        integrity.undo(conn, LOCAL, check_of("household_far"), made.changed_at)
