"""A new set of grids beside the present one: compared, activated at once or on its day, taken back, discarded."""

from datetime import date, timedelta

import pytest
import shapely
import sqlalchemy as sa

from gridmap import boundaries, db
from gridmap.access import LOCAL, acting
from gridmap.accounts import grants, people
from gridmap.boundaries import Cell
from gridmap.boundaries.tables import boundary_set
from gridmap.editing import Edit, create
from gridmap.errors import Conflict, InvalidInput, NotAllowed
from gridmap.intake import worker
from gridmap.layers import LAYERS
from gridmap.roles import ROLES
from tests.exchange.making import COMMUNITY, EAST, NORTH, SOUTH, WEST, house

TODAY = date(2020, 1, 1)  # long ago: at once
FIRST, SECOND, THIRD = (f"{COMMUNITY}{n:03d}" for n in (1, 2, 3))
LON, LAT = (EAST - WEST) / 3, (SOUTH + NORTH) / 2


def column(west: float, east: float):
    """A column of the district between two longitudes, from its southern to its northern edge."""
    return shapely.box(west, SOUTH, east, NORTH)


def thirds() -> list[Cell]:
    return [Cell(f"新{n}网格", None, column(WEST + LON * (n - 1), WEST + LON * n)) for n in (1, 2, 3)]


@pytest.fixture
def register(service):
    """Two buildings with a household each: one in the west, one right of a third but left of the middle."""
    with db.transaction(service, LOCAL) as conn:
        for number, lon in (("1", WEST + 0.001), ("2", WEST + LON + 0.001)):
            done = create(conn, LOCAL, LAYERS["building"], Edit({"name": f"{number}幢"}, house(lon, LAT)))
            home = {"building": done.code, "unit": "1", "room": "101", "people_count": 3}
            create(conn, LOCAL, LAYERS["household"], Edit(home))
        account = people.add(conn, LOCAL, "worker", None)
        grants.give(conn, LOCAL, account, "grid_worker", SECOND)
    return service


def propose(engine, cells, actor=LOCAL) -> int:
    with db.transaction(engine, actor) as conn:
        return boundaries.propose(conn, actor, COMMUNITY, cells, name="2027年方案", source="test")


def activate(engine, set_id, on=TODAY, actor=LOCAL, **how):
    with db.transaction(engine, actor) as conn:
        return boundaries.activate(conn, actor, set_id, on, **how)


def state_of(engine, set_id) -> str:
    with db.transaction(engine, LOCAL) as conn:
        return boundaries.found(conn, LOCAL, set_id).state


def grids_of(engine, layer: str) -> list[str]:
    with db.transaction(engine, LOCAL) as conn:
        table = LAYERS[layer].table
        key = table.c.code if layer == "neighbourhood" else table.c.neighbourhood
        return list(conn.scalars(sa.select(key).where(table.c.valid_to.is_(None)).order_by(table.c.code)))


def test_a_proposed_set_leaves_the_present_grids_alone(register):
    set_id = propose(register, thirds())
    assert grids_of(register, "neighbourhood") == [FIRST, SECOND]
    assert state_of(register, set_id) == "proposed"


def test_a_cell_goes_on_as_the_grid_it_shares_most_with_and_the_rest_get_new_codes(register):
    with db.transaction(register, LOCAL) as conn:
        found = boundaries.compare(conn, LOCAL, propose(register, thirds()))
    # by hand: thirds 1 and 3 share 2/3 of their union with a half; the middle one shares 1/4 with each
    assert {part.code: part.fate for part in found.parts} == {FIRST: "changed", SECOND: "changed", THIRD: "new"}


def test_the_comparison_counts_who_moves_from_grid_to_grid_and_is_what_the_activation_does(register):
    set_id = propose(register, thirds())
    with db.transaction(register, LOCAL) as conn:
        found = boundaries.compare(conn, LOCAL, set_id)
    assert [(f.origin, f.target, f.buildings, f.households, f.people) for f in found.flows] == [
        (FIRST, FIRST, 1, 1, 3), (FIRST, THIRD, 1, 1, 3),
    ]  # fmt: skip
    assert (found.moved_buildings, found.moved_households, found.moved_people) == (1, 1, 3)
    assert found.faults == ()
    assert activate(register, set_id).is_active
    assert grids_of(register, "building") == grids_of(register, "household") == [FIRST, THIRD]


def test_who_may_propose_lists_and_compares_their_own_sets_and_brings_none_into_force(register):
    planner = acting("planner (grid office)", ROLES["planner"].verbs, (COMMUNITY,))
    propose(register, thirds())
    mine = propose(register, thirds(), planner)
    with db.transaction(register, planner) as conn:
        assert [one.id for one in boundaries.listed(conn, planner)] == [mine]
        found = boundaries.compare(conn, planner, mine)
    assert found.leaves_out_few
    assert (found.moved_buildings, found.moved_households, found.moved_people) == (1, 0, 0)  # one household: too few
    assert found.grants == ()
    with pytest.raises(NotAllowed):
        activate(register, mine, actor=planner)
    with db.transaction(register, planner) as conn:
        boundaries.discard(conn, planner, mine)
    assert state_of(register, mine) == "discarded"


def test_grants_over_a_grid_that_ends_are_told_before_and_after(register):
    whole = [Cell("全社区", FIRST, column(WEST, EAST))]
    set_id = propose(register, whole)
    with db.transaction(register, LOCAL) as conn:
        found = boundaries.compare(conn, LOCAL, set_id)
    assert [(g.code, g.role, g.count, g.fate) for g in found.grants] == [(SECOND, "grid_worker", 1, "ended")]
    assert [part.heir for part in found.parts if part.fate == "ended"] == [FIRST]
    assert "grant_ended" in {note.code for note in activate(register, set_id).notes}


def test_gaps_and_overlaps_are_told_and_only_taken_when_somebody_accepts_them(register):
    cells = [Cell("西", FIRST, column(WEST, WEST + LON)), Cell("东", SECOND, column(WEST + 1.5 * LON, EAST + 0.001))]
    set_id = propose(register, cells)
    with db.transaction(register, LOCAL) as conn:
        kinds = {fault.kind for fault in boundaries.compare(conn, LOCAL, set_id).faults}
    assert kinds == {"gap", "outside"}
    with pytest.raises(Conflict, match="1 gaps, 0 overlaps, 1 grids outside"):
        activate(register, set_id)
    notes = activate(register, set_id, accept_faults=True).notes
    assert sum(note.code == "boundary_fault" for note in notes) == 2


def test_a_set_with_a_day_to_come_waits_and_comes_by_itself(register):
    set_id = propose(register, thirds())
    assert not activate(register, set_id, date.today() + timedelta(days=3)).is_active
    assert state_of(register, set_id) == "scheduled"
    assert boundaries.activate_due(register) == 0
    come(register, set_id)
    assert boundaries.activate_due(register) == 1
    assert state_of(register, set_id) == "active"
    assert grids_of(register, "building") == [FIRST, THIRD]


def come(engine, set_id) -> None:
    """Let the day of a set come, without waiting for it."""
    with db.transaction(engine, LOCAL) as conn:
        conn.execute(sa.update(boundary_set).where(boundary_set.c.id == set_id).values(due_at=sa.func.now()))


def test_a_due_set_does_not_come_in_the_name_of_somebody_who_lost_the_right(register):
    with db.transaction(register, LOCAL) as conn:
        account = people.add(conn, LOCAL, "decider", None)
        grant = grants.give(conn, LOCAL, account, "commander", COMMUNITY)
    decider = acting("decider", ROLES["commander"].verbs, (COMMUNITY,))
    set_id = propose(register, thirds(), decider)
    activate(register, set_id, date.today() + timedelta(days=3), decider)
    with db.transaction(register, LOCAL) as conn:
        grants.end(conn, LOCAL, grant)
    come(register, set_id)
    assert boundaries.activate_due(register) == 0
    with db.transaction(register, LOCAL) as conn:
        one = boundaries.found(conn, LOCAL, set_id)
    assert one.state == "proposed"
    assert "decider" in one.trouble


def test_a_date_can_be_taken_back_and_a_set_discarded(register):
    set_id = propose(register, thirds())
    activate(register, set_id, date.today() + timedelta(days=3))
    with db.transaction(register, LOCAL) as conn:
        boundaries.cancel(conn, LOCAL, set_id)
    assert state_of(register, set_id) == "proposed"
    with db.transaction(register, LOCAL) as conn:
        boundaries.discard(conn, LOCAL, set_id)
    with pytest.raises(Conflict):
        activate(register, set_id)


def test_an_activation_can_be_taken_back_whole(register):
    set_id = propose(register, [Cell("全社区", FIRST, column(WEST, EAST))])
    activate(register, set_id)
    assert grids_of(register, "neighbourhood") == [FIRST]
    with db.transaction(register, LOCAL) as conn:
        boundaries.undo(conn, LOCAL, LAYERS["neighbourhood"], set_id)
    assert grids_of(register, "neighbourhood") == [FIRST, SECOND]
    assert state_of(register, set_id) == "undone"


def test_who_may_not_edit_the_whole_community_neither_proposes_nor_sees_sets(register):
    worker = acting("worker", {"neighbourhood.edit", "neighbourhood.view"}, (FIRST,))
    with pytest.raises(NotAllowed):
        propose(register, thirds(), worker)


@pytest.mark.parametrize("code", [f"{COMMUNITY}1", "310115005002001", f"{COMMUNITY}00x"])
def test_a_code_that_is_no_grid_of_the_community_is_named(register, code):
    with pytest.raises(InvalidInput) as refused:
        propose(register, [Cell("网格", code, column(WEST, EAST))])
    assert refused.value.where == "cells.0.code"


def test_the_worker_brings_a_set_whose_day_has_come_and_survives_a_chore_that_fails(register, tmp_path):
    set_id = propose(register, thirds())
    activate(register, set_id, date.today() + timedelta(days=3))
    come(register, set_id)

    def fail(_):
        raise ValueError

    rounds = iter([False, True])
    worker.run(register, LAYERS, tmp_path, lambda: next(rounds), chores=(fail, boundaries.activate_due))
    assert state_of(register, set_id) == "active"
