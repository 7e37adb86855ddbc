"""Figures by community and grid: they add up, they keep to the places held, and small numbers stay hidden."""

import csv
import io

import pytest
import sqlalchemy as sa

from gridmap import audit
from gridmap.access import LOCAL, acting
from gridmap.db import transaction
from gridmap.layers import LAYERS
from gridmap.layers.party_unit import building_party_unit
from gridmap.reports import nodes, rollup
from gridmap.reports.aggregates import FEW, WITHHELD, by_community
from gridmap.roles import ROLES
from tests import factories
from tests.conftest import app_on, client_of, session_of
from tests.factories import COMMUNITY, COUNTY

HOUSEHOLDS = (6, 3, 8, 0)  # by grid, two people each
PLANNER = acting("planner", ROLES["planner"].verbs, (str(COUNTY),))


def fill(conn: sa.Connection, name: str = "第{}网格") -> None:
    """A community of four grids, a building each, one of them under a party group, and one building in no grid."""
    community = factories.add_community(conn)
    committee = factories.add_party_unit(conn, community, "P1", "committee")
    group = factories.add_party_unit(conn, community, "P2", "group", parent_id=committee)
    for number, households in enumerate(HOUSEHOLDS, 1):
        code = f"{COMMUNITY}00{number}"
        grid = factories.add_neighbourhood(conn, community, f"00{number}", name=name.format(number))
        own = {"neighbourhood": code, "neighbourhood_id": grid}
        building = factories.add_building(conn, community, number, **own)
        for room in range(households):
            factories.add_household(conn, building, number=number, room=f"01{room:02d}", neighbourhood=code)
        place = {"community": COMMUNITY, "community_id": community, "neighbourhood": code}
        factories.add_supply_point(conn, f"S{number}", 120.6, 30.9, **place)
        factories.add_volunteer(conn, f"V{number}", 120.6, 30.9, **place)
        if number == 1:
            conn.execute(building_party_unit.insert().values(county=COUNTY, building_id=building, party_unit_id=group))
    factories.add_building(conn, community, 9)


def figures(area) -> list:
    return [
        area.figures[name]
        for name in ("households", "people", "buildings", "without_group", "supply_points", "volunteers")
    ]


def test_the_parts_add_up_to_the_community_and_what_lies_in_no_grid_is_a_part(conn):
    fill(conn)
    (group,) = by_community(conn, LOCAL)
    assert figures(group.whole) == [17, 34, 5, 4, 4, 4]
    assert [figures(part) for part in group.parts] == [
        [6, 12, 1, 0, 1, 1], [3, 6, 1, 1, 1, 1], [8, 16, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 0, 0],
    ]  # fmt: skip
    assert group.parts[-1].code is None
    assert not any(part.hidden for part in group.parts)


def test_without_the_right_to_small_numbers_small_buildings_are_in_no_sum(conn):
    fill(conn)
    (group,) = by_community(conn, PLANNER)
    assert [part.hidden for part in group.parts] == ["", FEW, "", "", ""]
    assert [part.households for part in group.parts] == [6, 0, 8, 0, 0]
    assert (figures(group.whole)[:2], group.whole.hidden) == ([14, 28], "")


def test_what_only_several_small_buildings_hold_is_not_told_as_under_five(conn):
    community = factories.add_community(conn)
    for number in (1, 2):
        building = factories.add_building(conn, community, number)
        for room in range(4):
            factories.add_household(conn, building, number=number, room=f"01{room:02d}")
    (group,) = by_community(conn, PLANNER)
    assert [group.whole.hidden, *(part.hidden for part in group.parts)] == [WITHHELD, WITHHELD]


def test_the_overview_and_the_figures_of_a_place_tell_the_same_numbers(conn):
    """Two pages that left out different things would tell the difference."""
    fill(conn)
    (group,) = by_community(conn, PLANNER)
    for area in (group.whole, *group.parts[:-1]):
        place = rollup.summary(conn, PLANNER, LAYERS.values(), nodes.find(conn, PLANNER, area.code))
        assert place.households == ("<5" if area.hidden else area.households)


def test_a_community_outside_the_places_held_is_left_out_and_a_grid_alone_is_no_community(conn):
    fill(conn)
    factories.add_community(conn, "990107001001", county=990107)
    assert [group.whole.code for group in by_community(conn, PLANNER)] == [COMMUNITY]
    for place in (COMMUNITY + "001", COMMUNITY + "00001", "990108"):
        assert by_community(conn, acting("one", ROLES["grid_worker"].verbs, (place,))) == []


def test_a_figure_that_may_not_be_counted_is_not_told(conn):
    fill(conn)
    (group,) = by_community(conn, acting("one", {"household.count", "household.exact", "community.view"}, (COMMUNITY,)))
    assert group.whole.figures["volunteers"] is None
    assert group.whole.figures["buildings"] is None


@pytest.fixture
def office(empty_database):
    with transaction(empty_database, LOCAL) as conn:
        fill(conn, name="=HYPERLINK({})")
    with app_on(empty_database) as app:
        yield app, empty_database


def test_a_planner_lands_on_the_overview_which_tells_no_small_number(office):
    app, engine = office
    client = client_of(app, session_of(engine, ("planner", str(COUNTY))))
    assert client.get("/begin").location == "/overview"
    page = client.get("/overview?lang=en").get_data(as_text=True)
    assert '<td class="number">14</td>' in page
    assert '<td class="number">17</td>' not in page
    assert "&lt;5" in page
    assert '<td class="number">3</td>' not in page


def test_the_spreadsheet_holds_the_same_table_escaped_and_is_on_record(office):
    app, engine = office
    client = client_of(app, session_of(engine, ("planner", str(COUNTY)), name="chen.hui"))
    answer = client.get("/overview.csv?lang=en")
    assert answer.content_type == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert rows[1][:5] == [COMMUNITY, "", "测试社区", "14", "28"]
    assert [row[3:5] for row in rows[2:7]] == [["6", "12"], ["<5", "*"], ["8", "16"], ["0", "0"], ["0", "0"]]
    assert rows[2][2] == "'=HYPERLINK(1)"
    assert rows[-1][1] == "chen.hui"
    with engine.connect() as conn:
        entry = conn.execute(sa.select(audit.table).where(audit.table.c.action == "export")).one()
    assert (entry.actor, entry.subject, entry.rows) == ("chen.hui", "overview", 6)


def test_a_commander_sees_the_small_numbers_too(office):
    app, engine = office
    page = client_of(app, session_of(engine, ("commander", COMMUNITY))).get("/overview").get_data(as_text=True)
    assert '<td class="number">3</td>' in page
    assert "&lt;5</td>" not in page
