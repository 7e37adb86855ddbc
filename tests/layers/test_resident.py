"""People come, go and are counted: every operation keeps one number, tells the second editor, and can be undone."""

import threading
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridmap import db, hierarchy
from gridmap.access import LOCAL, acting
from gridmap.errors import Conflict, GridmapError, InvalidInput, NotAllowed, NotFound
from gridmap.hierarchy import PRIORITY_TAGS, household, household_priority
from gridmap.layers.resident import corrections, doors, moves, queries
from gridmap.layers.resident.records import Outdated, Step
from gridmap.occupants import resident, resident_priority
from gridmap.reports import surroundings
from tests.factories import COMMUNITY, add_building, add_community, add_household, add_neighbourhood

BUILDING = f"{COMMUNITY}00001"
FIRST, SECOND, THIRD = (f"{BUILDING}01010{n}" for n in (1, 2, 3))
ID_NUMBER = "11010519491231002X"
WORKER = acting(
    "worker",
    ("resident.view", "resident.edit", "household.view", "household.edit", "household.priority", "household.count"),
    (COMMUNITY,),
)


@pytest.fixture
def homes(conn):
    """A building with three households of two counted people each."""
    return furnish(conn)


def furnish(conn: sa.Connection) -> sa.Connection:
    community_id = add_community(conn)
    grid = add_neighbourhood(conn, community_id)
    shared = {"neighbourhood": f"{COMMUNITY}001"}
    building = add_building(conn, community_id, neighbourhood_id=grid, **shared)
    for room in ("0101", "0102", "0103"):
        add_household(conn, building, room=room, **shared)
    return conn


def count_of(conn: sa.Connection, code: str) -> int:
    return conn.scalar(
        sa.select(household.c.people_count).where(household.c.code == code, household.c.valid_to.is_(None))
    )


def groups_of(conn: sa.Connection, code: str) -> dict[str, int]:
    p = household_priority.c
    query = sa.select(p.tag, p.people_count).join(household, household.c.id == p.household_id)
    return dict(conn.execute(query.where(household.c.code == code)).all())


def version_of(conn: sa.Connection, code: str) -> int:
    return conn.scalar(sa.select(household.c.version).where(household.c.code == code, household.c.valid_to.is_(None)))


def living(conn: sa.Connection, code: str) -> list[queries.Person]:
    row = conn.execute(sa.select(household.c.county, household.c.id).where(household.c.code == code)).one()
    return queries.residents_of(conn, WORKER, tuple(row))


def enter(conn: sa.Connection, home: str = FIRST, name: str = "王芳", **given) -> str:
    tags = given.pop("tags", ())
    return moves.move_in(conn, WORKER, home, {"name": name, **given}, tags=tags).steps[0].code


def test_the_first_resident_takes_the_place_of_the_counted_number(homes):
    code = enter(homes, tags=["chronic", "disabled"], birth_year=1950)
    assert code == f"{COMMUNITY}M00001"
    assert (count_of(homes, FIRST), groups_of(homes, FIRST)) == (1, {"chronic": 1, "disabled": 1})
    assert (count_of(homes, SECOND), version_of(homes, SECOND)) == (2, 1)
    [person] = living(homes, FIRST)
    assert (person.name, person.tags, person.moved_in_on) == ("王**", ["chronic", "disabled"], person.moved_in_on)
    assert homes.scalar(sa.select(resident.c.name)).startswith("g1.")


def test_moving_between_households_moves_the_counts_and_keeps_code_and_history(homes):
    code = enter(homes, tags=["chronic"])
    enter(homes, name="李强")
    done = moves.move(homes, WORKER, code, SECOND, version=1)
    assert done.steps == (Step("resident", code, 1, 2),)
    assert (count_of(homes, FIRST), groups_of(homes, FIRST)) == (1, {})
    assert (count_of(homes, SECOND), groups_of(homes, SECOND)) == (1, {"chronic": 1})
    row = homes.execute(sa.select(household.c.county, household.c.id).where(household.c.code == FIRST)).one()
    [stay] = queries.former_stays(homes, WORKER, tuple(row))
    assert (stay.code, stay.name, stay.to) == (code, "王**", SECOND)
    assert [one["household"] for one in queries.versions(homes, WORKER, code)] == [SECOND, FIRST]


def test_the_last_to_move_out_leaves_nobody_and_stays_on_record(homes):
    code = enter(homes)
    moves.move_out(homes, WORKER, code, version=1)
    assert count_of(homes, FIRST) == 0
    with pytest.raises(NotFound):
        queries.find(homes, WORKER, code)
    assert homes.scalar(sa.select(sa.func.count()).select_from(resident)) == 1


def test_a_vacant_home_is_inhabited_when_somebody_moves_in(homes):
    doors.set_occupancy(homes, WORKER, FIRST, "vacant", version=1)
    assert count_of(homes, FIRST) == 0  # a vacant home has nobody, whatever was counted
    enter(homes)
    row = homes.execute(sa.select(household.c.occupancy).where(household.c.code == FIRST)).one()
    assert row.occupancy == "resident"


def test_residents_must_go_before_their_home_is_vacant_or_go_with_the_change(homes):
    enter(homes), enter(homes, name="李强")
    with pytest.raises(Conflict, match="2 residents"):
        doors.set_occupancy(homes, WORKER, FIRST, "shop")
    doors.set_occupancy(homes, WORKER, FIRST, "shop", residents="move_out")
    assert (count_of(homes, FIRST), living(homes, FIRST)) == (0, [])


def test_a_household_splits_behind_another_door_and_is_joined_again(homes):
    stays, goes = enter(homes), enter(homes, name="李强", tags=["disabled"])
    done = doors.split(homes, WORKER, FIRST, unit="01", room="0199", residents={goes: 1})
    new = f"{BUILDING}010199"
    assert [(step.kind, step.code) for step in done.steps] == [("household", new), ("resident", goes)]
    assert (count_of(homes, FIRST), count_of(homes, new), groups_of(homes, new)) == (1, 1, {"disabled": 1})
    doors.join(homes, WORKER, FIRST, new)
    assert (count_of(homes, FIRST), count_of(homes, new)) == (2, None)
    assert {one.code for one in living(homes, FIRST)} == {stays, goes}


def test_a_split_needs_a_free_door_and_people_who_live_there(homes):
    code = enter(homes)
    with pytest.raises(Conflict, match="already"):
        doors.split(homes, WORKER, FIRST, unit="01", room="0102", residents={code: 1})
    with pytest.raises(Conflict, match="does not live"):
        doors.split(homes, WORKER, SECOND, unit="01", room="0199", residents={code: 1})
    with pytest.raises(InvalidInput):
        doors.split(homes, WORKER, FIRST, unit="1", room="199", residents={code: 1})


def test_counted_households_join_by_their_numbers_and_never_with_known_people(homes):
    doors.join(homes, WORKER, SECOND, THIRD)
    assert count_of(homes, SECOND) == 4
    enter(homes)
    with pytest.raises(Conflict, match="Enter them first"):
        doors.join(homes, WORKER, FIRST, SECOND)


def test_the_second_of_two_editors_is_told_what_both_said_and_nothing_is_lost(homes):
    code = enter(homes, phone="13800138000")
    corrections.correct(homes, WORKER, code, {"birth_year": 1950}, version=1)
    with pytest.raises(Outdated) as told:
        corrections.correct(homes, WORKER, code, {"birth_year": 1951, "phone": "13900139000"}, version=1)
    facts = told.value.facts
    assert (facts["version"], facts["stored"]["birth_year"], facts["sent"]["birth_year"]) == (2, 1950, 1951)
    assert facts["stored"]["phone"] == "138****8000"
    assert facts["sent"]["phone"] == "139****9000"
    assert queries.find(homes, WORKER, code).birth_year == 1950


def test_a_correction_that_corrects_nothing_writes_nothing(homes):
    code = enter(homes, phone="13800138000", tags=["chronic"])
    done = corrections.correct(
        homes, WORKER, code, {"name": "王芳", "phone": "13800138000"}, tags=["chronic"], version=1
    )
    assert done.steps == (Step("resident", code, 1, 1),)


def test_going_back_to_a_version_brings_household_and_groups_back(homes):
    code = enter(homes, tags=["chronic"])
    corrections.correct(homes, WORKER, code, {"birth_year": 1950}, tags=["disabled"], version=1)
    moves.move(homes, WORKER, code, SECOND, version=2)
    corrections.restore(homes, WORKER, code, 2, version=3)
    assert (count_of(homes, FIRST), groups_of(homes, FIRST), count_of(homes, SECOND)) == (1, {"disabled": 1}, 0)
    with pytest.raises(NotFound, match="no former version 9"):
        corrections.restore(homes, WORKER, code, 9)


@pytest.mark.parametrize("operation", ["in", "out", "move", "split", "join", "occupancy", "counted"])
def test_every_operation_can_be_undone(empty_database, operation):
    """Each step is a transaction of its own, as it is for people."""
    engine = empty_database
    with db.transaction(engine, LOCAL) as conn:
        furnish(conn)
        conn.execute(sa.insert(household_priority).from_select(
            ["county", "household_id", "tag", "people_count"],
            sa.select(household.c.county, household.c.id, sa.literal("infant"), 1).where(household.c.code == THIRD),
        ))  # fmt: skip
    with db.transaction(engine, LOCAL) as conn:
        code = enter(conn, SECOND, tags=["chronic"])
        enter(conn, SECOND, name="李强")
    before = state_of(engine)
    with db.transaction(engine, LOCAL) as conn:
        done = {
            "in": lambda: moves.move_in(conn, LOCAL, THIRD, {"name": "张三"}, tags=["disabled"]),
            "out": lambda: moves.move_out(conn, LOCAL, code),
            "move": lambda: moves.move(conn, LOCAL, code, FIRST),
            "split": lambda: doors.split(conn, LOCAL, SECOND, unit="01", room="0109", residents={code: 1}),
            "join": lambda: doors.join(conn, LOCAL, prepared(conn), SECOND),
            "occupancy": lambda: doors.set_occupancy(conn, LOCAL, SECOND, "vacant", residents="move_out"),
            "counted": lambda: doors.set_occupancy(conn, LOCAL, THIRD, "vacant"),
        }[operation]()
    assert state_of(engine) != before
    with db.transaction(engine, LOCAL) as conn:
        corrections.undo(conn, LOCAL, done.steps)
    after = state_of(engine)
    if operation == "move":  # its counted people gave way to a known one, who left again: nobody is known to live there
        before["homes"][FIRST] = ("resident", 0, ())
    if operation == "join":
        before["homes"][FIRST] = after["homes"][FIRST]
    assert after == before


def prepared(conn: sa.Connection) -> str:
    doors.set_occupancy(conn, LOCAL, FIRST, "vacant")
    doors.set_occupancy(conn, LOCAL, FIRST, "resident")
    return FIRST


def state_of(engine: sa.Engine) -> dict[str, dict]:
    with engine.connect() as conn:
        h, r = household.c, resident.c
        homes = conn.execute(sa.select(h.code, h.occupancy, h.people_count).where(h.valid_to.is_(None))).all()
        people = conn.execute(sa.select(r.code, r.household).where(r.valid_to.is_(None))).all()
        return {
            "homes": {row.code: (row.occupancy, row.people_count, tuple(sorted(groups_of(conn, row.code).items())))
                      for row in homes},
            "people": dict(people),
        }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"name": " "}, "name"), ({"name": "王\x07芳"}, "name"), ({"name": "王" * 61}, "name"),
        ({"id_number": "110105194912310021"}, "id_number"), ({"birth_year": 1700}, "birth_year"),
        ({"birth_year": date.today().year + 2}, "birth_year"), ({"sex": "x"}, "sex"), ({"relation": "猫"}, "relation"),
        ({"basis": "consent"}, "consented_on"), ({"moved_in_on": date.today() + timedelta(days=3)}, "moved_in_on"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_its_name(homes, given, where):
    with pytest.raises(InvalidInput) as told:
        moves.move_in(homes, WORKER, FIRST, {"name": "王芳", **given})
    assert told.value.where == where


def test_somebody_on_record_moves_and_is_not_entered_twice(homes):
    enter(homes, id_number=ID_NUMBER)
    with pytest.raises(Conflict, match=FIRST):
        enter(homes, SECOND, id_number=ID_NUMBER.lower())


def test_foreign_households_and_people_are_not_there(homes):
    code = enter(homes)
    stranger = acting("stranger", WORKER.rights[0].verbs, ("990106001002",))
    for asked in (
        lambda: moves.move_in(homes, stranger, FIRST, {"name": "李四"}),
        lambda: moves.move_out(homes, stranger, code),
        lambda: moves.move(homes, stranger, code, SECOND),
        lambda: corrections.correct(homes, stranger, code, {"birth_year": 1950}),
        lambda: corrections.restore(homes, stranger, code, 0),
        lambda: doors.set_occupancy(homes, stranger, FIRST, "vacant"),
        lambda: queries.find(homes, stranger, code),
        lambda: queries.versions(homes, stranger, code),
    ):
        with pytest.raises(NotFound):
            asked()
    neighbour = acting("neighbour", WORKER.rights[0].verbs, (f"{COMMUNITY}002",))
    with pytest.raises(NotFound):
        moves.move(homes, neighbour, code, SECOND)
    with pytest.raises(NotAllowed):
        moves.move_out(homes, acting("reader", ("resident.view",), ("",)), code)


def test_groups_and_care_are_for_those_who_may_see_them(homes):
    code = enter(homes, tags=["chronic"], care_level="dependent")
    reader = acting("reader", ("resident.view", "resident.edit"), (COMMUNITY,))
    person = queries.find(homes, reader, code)
    assert (person.tags, person.care_level) == (None, None)
    assert "care_level" not in queries.versions(homes, reader, code)[0]
    with pytest.raises(NotAllowed):
        corrections.correct(homes, reader, code, {}, tags=[])


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["in", "out", "move", "split", "join", "occupancy", "tags", "undo"]),
        st.integers(0, 5), st.integers(0, 5), st.sampled_from(PRIORITY_TAGS),
    ),
    max_size=12,
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_all_answers_give_the_number_of_residents_whatever_was_done(homes, steps):
    savepoint = homes.begin_nested()
    done = []
    for kind, a, b, tag in steps:
        step = homes.begin_nested()
        try:
            done.append(do(homes, kind, a, b, tag, done))
            step.commit()
        except GridmapError:
            step.rollback()
        agree(homes)
    savepoint.rollback()


def do(conn: sa.Connection, kind: str, a: int, b: int, tag: str, done: list):
    doors_now = sorted(conn.scalars(sa.select(household.c.code).where(household.c.valid_to.is_(None))))
    people = sorted(
        conn.execute(sa.select(resident.c.code, resident.c.version).where(resident.c.valid_to.is_(None))).all()
    )
    home, other = doors_now[a % len(doors_now)], doors_now[b % len(doors_now)]
    if kind == "in" or not people:
        return moves.move_in(conn, LOCAL, home, {"name": "王芳"}, tags=[tag])
    code, version = people[b % len(people)]
    if kind == "out":
        return moves.move_out(conn, LOCAL, code)
    if kind == "move":
        return moves.move(conn, LOCAL, code, home)
    if kind == "split":
        return doors.split(conn, LOCAL, home, unit="01", room=f"02{a}{b}", residents={code: version})
    if kind == "join":
        return doors.join(conn, LOCAL, home, other)
    if kind == "occupancy":
        words = hierarchy.OCCUPANCIES
        return doors.set_occupancy(conn, LOCAL, home, words[b % len(words)], residents="move_out" if a % 2 else "keep")
    if kind == "tags":
        return corrections.correct(conn, LOCAL, code, {"birth_year": 1950 + a}, tags=[tag])
    return corrections.undo(conn, LOCAL, done[-1].steps if done else [])


def agree(conn: sa.Connection) -> None:
    """Households against a direct count of residents, and the building's panel against the households."""
    h, r, t = household.c, resident.c, resident_priority.c
    people: dict = dict(conn.execute(
        sa.select(r.household, sa.func.count()).where(r.valid_to.is_(None)).group_by(r.household)).all())  # fmt: skip
    counted = dict(conn.execute(sa.select(h.code, h.people_count).where(h.valid_to.is_(None))).all())
    for code, number in people.items():
        assert counted[code] == number
        tags = conn.execute(
            sa.select(t.tag, sa.func.count())
            .join(resident, sa.and_(r.county == t.county, r.id == t.resident_id))
            .where(r.household == code, r.valid_to.is_(None))
            .group_by(t.tag)
        ).all()
        assert groups_of(conn, code) == dict(tags)
    panel = surroundings.of_building(conn, LOCAL, BUILDING)
    assert (panel["households"], panel["people"]) == (len(counted), sum(counted.values()))
    stated: dict[str, int] = {}
    for code in counted:
        for tag, number in groups_of(conn, code).items():
            stated[tag] = stated.get(tag, 0) + number
    assert panel["priority"] == stated


def test_people_who_move_in_at_the_same_moment_are_all_counted(empty_database):
    with db.transaction(empty_database, LOCAL) as conn:
        furnish(conn)
    start, failures = threading.Barrier(4), []

    def arrive(number: int) -> None:
        start.wait()
        try:
            with db.transaction(empty_database, LOCAL) as conn:
                moves.move_in(conn, LOCAL, FIRST, {"name": f"王{number}"})
        except Exception as exc:
            failures.append(exc)

    threads = [threading.Thread(target=arrive, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with empty_database.connect() as conn:
        assert count_of(conn, FIRST) == 4
        assert len(set(conn.scalars(sa.select(resident.c.code)))) == 4
