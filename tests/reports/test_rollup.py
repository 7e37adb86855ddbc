import uuid

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridmap import db, hierarchy
from gridmap.access import LOCAL, acting
from gridmap.errors import NotFound
from gridmap.hierarchy import building_estate, household, household_priority
from gridmap.layers import LAYERS
from gridmap.layers.party_unit import building_party_unit, neighbourhood_party_unit
from gridmap.reports import nodes, rollup
from gridmap.roles import ROLES
from tests.conftest import app_on, client_of, session_of
from tests.factories import (
    COMMUNITY,
    COUNTY,
    add_building,
    add_community,
    add_household,
    add_neighbourhood,
    add_party_unit,
    insert,
    square,
)
from tests.twins import NEXT_COUNTY, NEXT_DOOR, OWN

TAGS = ("elderly_alone", "dialysis")
homes = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from([None, *TAGS]), st.integers(1, 3), st.booleans()), max_size=6
)
buildings = st.lists(
    st.tuples(
        st.sampled_from([None, 0, 1]),
        st.sampled_from([None, 0, 1]),
        st.sampled_from([None, 0, 1]),
        homes,
        st.booleans(),
    ),
    max_size=6,
)  # grid, estate, party group, households (people, tag, tagged people, retired), retired


def fill(conn, made):
    """Store a register as drawn and return, for every code, what a plain loop counts."""
    community = add_community(conn)
    grids = [add_neighbourhood(conn, community, f"00{n + 1}") for n in range(2)]
    estates = [
        insert(conn, hierarchy.estate, code=f"E{n}", name=f"小区{n}", community=COMMUNITY, community_id=community,
               geom=square(120.6, 30.9)) for n in range(2)
    ]  # fmt: skip
    top = add_party_unit(conn, community, "P0", "committee")
    branches = [add_party_unit(conn, community, f"PB{n}", "branch", parent_id=top) for n in range(2)]
    groups = [add_party_unit(conn, community, f"PG{n}", "group", parent_id=branches[n]) for n in range(2)]
    for grid, branch in zip(grids, branches, strict=True):
        conn.execute(
            neighbourhood_party_unit.insert().values(county=COUNTY, neighbourhood_id=grid, party_unit_id=branch)
        )
    expected = {}

    def count(codes, **figures):
        for code in codes:
            for name, value in figures.items():
                key = (code, name)
                expected[key] = expected.get(key, 0) + value

    for number, (grid, estate, group, inside, is_retired) in enumerate(made, start=1):
        code = f"{COMMUNITY}{number:05d}"
        at = {} if grid is None else {"neighbourhood": f"{COMMUNITY}00{grid + 1}", "neighbourhood_id": grids[grid]}
        gone = {"valid_to": sa.func.now()} if is_retired else {}
        one = add_building(conn, community, number, **at, **gone)
        if estate is not None:
            conn.execute(building_estate.insert().values(county=COUNTY, building_id=one, estate_id=estates[estate]))
        if group is not None:
            conn.execute(
                building_party_unit.insert().values(county=COUNTY, building_id=one, party_unit_id=groups[group])
            )
        above = ["99", "9901", "990106", "990106001", COMMUNITY, "P0"]
        above += [] if grid is None else [f"{COMMUNITY}00{grid + 1}", f"PB{grid}"]
        of_building = [] if is_retired else [
            code, *([] if estate is None else [f"E{estate}"]), *([] if group is None else [f"PG{group}"])
        ]  # fmt: skip
        if is_retired:
            inside = []
        else:
            count(above + of_building, buildings=1)
        for room, (people, tag, tagged, home_retired) in enumerate(inside, start=101):
            gone = {"valid_to": sa.func.now()} if home_retired else {}
            grid_code = {} if grid is None else {"neighbourhood": at["neighbourhood"]}
            home = add_household(
                conn, one, room=f"{room:04d}", number=number, people_count=max(people, tagged), **grid_code, **gone
            )
            if tag:
                conn.execute(
                    household_priority.insert().values(county=COUNTY, household_id=home, tag=tag, people_count=tagged)
                )
            if not home_retired:
                count(above + of_building, households=1, people=max(people, tagged))
                if tag:
                    count(above + of_building, **{tag: tagged})
    codes = ["99", "9901", "990106", "990106001", COMMUNITY, f"{COMMUNITY}001", f"{COMMUNITY}002"]
    codes += ["E0", "E1", "P0", "PB0", "PB1", "PG0", "PG1"]
    codes += [f"{COMMUNITY}{n:05d}" for n, one in enumerate(made, start=1) if not one[4]]
    return codes, expected


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=buildings)
def test_the_figures_of_every_place_equal_a_direct_count(rolled_back, made):
    with rolled_back.connect() as conn, conn.begin() as transaction:
        conn.execute(sa.text("SELECT set_config('gridmap.actor', 'test', true)"))
        codes, expected = fill(conn, made)
        for code in codes:
            node = nodes.find(conn, LOCAL, code)
            found = rollup.summary(conn, LOCAL, LAYERS.values(), node)
            counted = {"buildings": found.buildings, "households": found.households, "people": found.people}
            assert counted == {name: expected.get((code, name), 0) for name in counted}, code
            assert found.priority == {tag: expected[code, tag] for tag in TAGS if (code, tag) in expected}, code
            assert found.layers["building"] == found.buildings
            assert found.layers["household"] == found.households
            for by in nodes.PARTITIONS:
                parts = nodes.children(conn, LOCAL, node, by, None)
                lines, rest = rollup.table(conn, LOCAL, LAYERS.values(), node, parts)
                assert lines == [rollup.summary(conn, LOCAL, LAYERS.values(), part) for part in parts], (code, by)
                if by == "place" and parts and not node.level.startswith("party_") and node.level != "estate":
                    told = [*lines, *([rest] if rest else [])]
                    assert sum(line.households for line in told) == found.households, code
        transaction.rollback()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=buildings)
def test_no_small_building_can_be_worked_out_from_all_a_planner_is_shown(rolled_back, made):
    """Every figure of every place is a sum of cells that are shown themselves: no equation holds a small building."""
    planner = acting("planner", ROLES["planner"].verbs, [COMMUNITY])
    with rolled_back.connect() as conn, conn.begin() as transaction:
        conn.execute(sa.text("SELECT set_config('gridmap.actor', 'test', true)"))
        codes, expected = fill(conn, made)
        cells = {code: expected.get((code, "households"), 0) for code in codes if len(code) == 17}
        people = {code: expected.get((code, "people"), 0) for code in cells}
        small = {code for code, homes in cells.items() if 0 < homes < 5}
        above = [code for code in codes if code not in cells and len(code) not in (2, 4, 6, 9)]
        for code in [*above, *cells]:
            node = nodes.find(conn, planner, code)
            found = rollup.summary(conn, planner, LAYERS.values(), node)
            inside = [one for one in cells if _holds(made, code, one)]
            left_out = small.intersection(inside)
            assert found.suppressed == bool(left_out), code
            assert not (left_out and {"household", "party_household", "resident"} & set(found.layers)), code
            shown = sum(cells[one] for one in inside if one not in small)
            if left_out and not shown:
                assert (found.households, found.people) == ("<5" if len(left_out) == 1 else None, None), code
            else:
                assert found.households == shown, code
                assert found.people == sum(people[one] for one in inside if one not in small), code
            for by in nodes.PARTITIONS:
                parts = nodes.children(conn, planner, node, by, None)
                lines, rest = rollup.table(conn, planner, LAYERS.values(), node, parts)
                assert lines == [rollup.summary(conn, planner, LAYERS.values(), part) for part in parts], (code, by)
                assert rest is None or rest.households in (None, "<5", 0) or rest.households >= 5
        transaction.rollback()


def _holds(made, code, building):
    """Return whether a place of `fill` holds a building, by what was drawn."""
    grid, estate, group, _, _ = made[int(building[-5:]) - 1]
    if len(code) == 17:
        return code == building
    return code in (COMMUNITY, "P0", f"E{estate}", f"PG{group}", f"PB{grid}") or (
        grid is not None and code == f"{COMMUNITY}00{grid + 1}"
    )


def test_the_figures_of_a_past_moment_are_those_of_that_moment(empty_database):
    with db.transaction(empty_database, LOCAL) as conn:
        community = add_community(conn)
        one = add_building(conn, community)
        home = add_household(conn, one, people_count=2)
        conn.execute(
            household_priority.insert().values(county=COUNTY, household_id=home, tag="dialysis", people_count=1)
        )
    with db.transaction(empty_database, LOCAL) as conn:
        then = conn.scalar(sa.select(sa.func.now()))
    with db.transaction(empty_database, LOCAL) as conn:
        add_household(conn, one, room="0102")
        conn.execute(household_priority.delete())
        retired = {"valid_to": sa.func.now(), "version": 2, "changed_at": sa.func.now()}
        conn.execute(household.update().where(household.c.id == home).values(people_count=5, **retired))
    with db.transaction(empty_database, LOCAL) as conn:
        node = nodes.find(conn, LOCAL, COMMUNITY)
        before = rollup.summary(conn, LOCAL, LAYERS.values(), nodes.find(conn, LOCAL, COMMUNITY, then), then)
        after = rollup.summary(conn, LOCAL, LAYERS.values(), node)
    assert (before.households, before.people, before.priority) == (1, 2, {"dialysis": 1})
    assert (after.households, after.people, after.priority) == (1, 2, {})
    with db.transaction(empty_database, LOCAL) as conn, pytest.raises(NotFound):
        nodes.find(conn, LOCAL, COMMUNITY, then.replace(year=2020))


@pytest.fixture(scope="module")
def app(twins):
    with app_on(twins) as made:
        yield made


def asked(app, twins, role, place, code):
    return client_of(app, session_of(twins, (role, place))).get(f"/api/v1/places/{code}/summary")


def test_the_answer_has_its_fixed_names(app, twins):
    answer = asked(app, twins, "commander", OWN, OWN).get_json()
    assert list(answer) == ["buildings", "households", "people", "priority", "layers", "place", "as_of"]
    with twins.connect() as conn:
        told = conn.execute(
            sa.text(
                "SELECT count(*), sum(people_count) FROM household WHERE community = :c AND valid_to IS NULL"
            ), {"c": OWN},
        ).one()  # fmt: skip
        points = conn.scalar(sa.text("SELECT count(*) FROM supply_point WHERE community = :c"), {"c": OWN})
    assert (answer["households"], answer["people"]) == tuple(told)
    assert answer["layers"]["supply_point"] == points > 0
    assert answer["place"] == {
        "level": "community",
        "code": OWN,
        "name": answer["place"]["name"],
        "whole": True,
        "suppressed": False,
    }


def test_a_foreign_place_answers_like_a_missing_one(app, twins):
    for code in (
        NEXT_DOOR,
        NEXT_COUNTY,
        NEXT_COUNTY[:6],
        NEXT_DOOR + "001",
        NEXT_DOOR + "00001",
        "nothing",
        "12345678",
    ):
        answer = asked(app, twins, "commander", OWN, code)
        assert answer.status_code == 404, code
        assert answer.get_json()["detail"] == f"There is no place with the code {code!r}."


def test_a_grid_worker_is_told_the_own_grid_and_nothing_of_the_next(app, twins):
    own, other = OWN + "001", OWN + "002"
    answer = asked(app, twins, "grid_worker", own, own).get_json()
    with twins.connect() as conn:
        count = "SELECT count(*) FROM household WHERE neighbourhood = :c"
        assert answer["households"] == conn.scalar(sa.text(count), {"c": own}) > 0
    assert asked(app, twins, "grid_worker", own, other).status_code == 404
    above = asked(app, twins, "grid_worker", own, OWN).get_json()
    assert above["households"] == answer["households"]
    assert above["place"]["whole"] is False


def test_small_numbers_and_priority_groups_are_held_back_without_their_rights(app, twins):
    cottage = OWN + "90001"
    small = asked(app, twins, "planner", OWN, cottage).get_json()
    assert (small["households"], small["people"], small["priority"]) == ("<5", None, None)
    assert "household" not in small["layers"]
    assert asked(app, twins, "grid_worker", OWN, cottage).get_json()["households"] == 3
    large = asked(app, twins, "planner", OWN, OWN).get_json()
    assert large["households"] > 100
    assert large["priority"] is None
    nobody = asked(app, twins, "party_member", OWN, OWN).get_json()
    assert (nobody["households"], nobody["people"]) == (None, None)
    assert nobody["buildings"] > 0


def test_a_right_elsewhere_opens_nothing_here(twins):
    planner = ROLES["planner"].verbs
    actor = acting("both", planner, [OWN])
    actor = type(actor)("both", (*actor.rights, *acting("both", ROLES["grid_worker"].verbs, [NEXT_COUNTY]).rights))
    with db.transaction(twins, actor) as conn:
        own = rollup.summary(conn, actor, LAYERS.values(), nodes.find(conn, actor, OWN + "90001"))
        there = rollup.summary(conn, actor, LAYERS.values(), nodes.find(conn, actor, NEXT_COUNTY + "90001"))
    assert (own.households, own.priority) == ("<5", None)
    assert there.households == 3
    assert there.priority is not None


def test_a_moment_to_come_or_without_a_zone_is_refused(app, twins):
    client = client_of(app, session_of(twins, ("commander", OWN)))
    for moment in ("2999-01-01T00:00:00Z", "2026-01-01T00:00:00", "yesterday"):
        answer = client.get(f"/api/v1/places/{OWN}/summary?as_of={moment}")
        assert (answer.status_code, answer.get_json()["where"]) == (422, "as_of")


def test_an_unknown_code_of_any_form_is_missing(twins):
    with db.transaction(twins, LOCAL) as conn:
        for code in ("1", "99010600100", "１２", "E-none", str(uuid.uuid4()), "9" * 100):
            with pytest.raises(NotFound):
                nodes.find(conn, LOCAL, code)
