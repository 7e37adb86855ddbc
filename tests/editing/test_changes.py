"""One thing made, changed, retired and restored, by the rules of an import and under the rights of the actor."""

import pytest
import sqlalchemy as sa

from gridmap import db
from gridmap.access import LOCAL, acting
from gridmap.editing import Edit, Gone, Refused, Stale, change, create, form, restore, retire
from gridmap.errors import Conflict, InvalidInput, NotAllowed, NotFound
from gridmap.layers import LAYERS
from gridmap.roles import ROLES
from tests.exchange.making import COMMUNITY, EAST, NORTH, WEST, box, house, spot

LEFT, RIGHT, LAT = 121.49, 121.53, 31.24
POINT = {"name": "物资点", "kind": "store"}


def actor_of(role: str, place: str):
    return acting(role, ROLES[role].verbs, (place,))


def make(engine, layer, geometry=None, actor=LOCAL, **properties):
    edit = Edit(properties) if geometry is None else Edit(properties, geometry)
    with db.transaction(engine, actor) as conn:
        return create(conn, actor, LAYERS[layer], edit)


def alter(engine, layer, code, version, geometry=None, actor=LOCAL, **properties):
    edit = Edit(properties) if geometry is None else Edit(properties, geometry)
    with db.transaction(engine, actor) as conn:
        return change(conn, actor, LAYERS[layer], code, version, edit)


def drop(engine, layer, code, version, actor=LOCAL):
    with db.transaction(engine, actor) as conn:
        return retire(conn, actor, LAYERS[layer], code, version)


def bring_back(engine, layer, code, version, to, actor=LOCAL):
    with db.transaction(engine, actor) as conn:
        return restore(conn, actor, LAYERS[layer], code, version, to)


def faults_of(refused) -> dict[str, str]:
    return {fault.where: fault.code for fault in refused.value.faults}


def test_a_new_building_finds_its_community_and_grid_by_position_and_gets_the_next_code(service):
    first = make(service, "building", house(LEFT, LAT), name="1幢", floors=18)
    second = make(service, "building", house(RIGHT, LAT), name="2幢")
    assert (first.code, first.version) == (f"{COMMUNITY}00001", 1)
    with db.transaction(service, LOCAL) as conn:
        table = LAYERS["building"].table
        found = conn.execute(sa.select(table.c.code, table.c.neighbourhood, table.c.floors).order_by("code")).all()
    assert [tuple(row) for row in found] == [
        (first.code, f"{COMMUNITY}001", 18), (second.code, f"{COMMUNITY}002", None),
    ]  # fmt: skip


def test_every_wrong_value_is_named_at_once(service):
    with pytest.raises(Refused) as refused:
        make(service, "supply_point", spot(LEFT, LAT), kind="castle", capacity=["a"], community=COMMUNITY)
    assert faults_of(refused) == {
        "capacity": "kind",
        "community": "unknown_property",
        "kind": "unknown_kind",
        "name": "required",
    }
    with pytest.raises(Refused) as refused:
        make(service, "supply_point", spot(LEFT, LAT), kind="castle")
    assert faults_of(refused)["kind"] == "unknown_kind"
    assert all("--" not in fault.detail + fault.detail_zh for fault in refused.value.faults)


def test_a_change_bases_itself_on_a_version_and_a_later_one_is_told_what_is_stored(service):
    made = make(service, "supply_point", spot(LEFT, LAT), **POINT)
    done = alter(service, "supply_point", made.code, 1, name="东站")
    assert done.version == 2
    with pytest.raises(Stale) as stale:
        alter(service, "supply_point", made.code, 1, name="西站", address="1号")
    assert stale.value.facts["stored"]["properties"]["name"] == "东站"
    assert stale.value.facts["sent"]["properties"] == {"name": "西站", "address": "1号"}
    assert stale.value.facts["version"] == 2


def test_an_equal_change_makes_no_version_and_an_emptied_value_is_empty(service):
    made = make(service, "supply_point", spot(LEFT, LAT), **POINT, address="1号")
    assert alter(service, "supply_point", made.code, 1, name="物资点").version == 1
    assert alter(service, "supply_point", made.code, 1, address=None).version == 2
    with pytest.raises(Refused) as refused:
        alter(service, "supply_point", made.code, 2, name=None)
    assert faults_of(refused) == {"name": "required"}


def test_a_thing_that_moves_into_another_grid_belongs_to_it_and_its_households_follow(service):
    building = make(service, "building", house(LEFT, LAT), name="1幢")
    home = make(service, "household", building=building.code, room="101", people_count=3)
    assert home.code == f"{building.code}010101"
    alter(service, "building", building.code, 1, house(RIGHT, LAT))
    with db.transaction(service, LOCAL) as conn:
        table = LAYERS["household"].table
        row = conn.execute(sa.select(table.c.neighbourhood, sa.func.ST_X(table.c.geom), table.c.version)).one()
    assert row[0] == f"{COMMUNITY}002"
    assert row[1] == pytest.approx(RIGHT, abs=1e-6)  # the middle of the square
    assert row[2] == 2


def test_a_retired_thing_is_gone_and_comes_back_as_it_was(service):
    made = make(service, "supply_point", spot(LEFT, LAT), **POINT)
    alter(service, "supply_point", made.code, 1, spot(RIGHT, LAT), name="东站")
    assert drop(service, "supply_point", made.code, 2).version == 3
    with pytest.raises(NotFound):
        alter(service, "supply_point", made.code, 3, name="x")
    done = bring_back(service, "supply_point", made.code, 3, to=1)
    with db.transaction(service, LOCAL) as conn:
        table = LAYERS["supply_point"].table
        row = conn.execute(
            sa.select(
                table.c.name, sa.func.ST_X(table.c.geom), table.c.neighbourhood, table.c.valid_to, table.c.version
            )
        ).one()
    assert tuple(row) == ("物资点", LEFT, f"{COMMUNITY}001", None, done.version)


def test_nothing_is_retired_while_things_in_force_belong_to_it(service):
    building = make(service, "building", house(LEFT, LAT), name="1幢")
    make(service, "household", building=building.code, room="101")
    with pytest.raises(Conflict, match="1 household"):
        drop(service, "building", building.code, 1)
    with pytest.raises(Conflict, match="building"):
        drop(service, "neighbourhood", f"{COMMUNITY}001", 1)


def test_links_are_part_of_a_thing_and_a_change_of_them_is_a_version(service):
    building = make(service, "building", house(LEFT, LAT), name="1幢")
    other = make(service, "building", house(RIGHT, LAT), name="2幢")
    helper = make(service, "volunteer", spot(LEFT, LAT), name="王芳", phone="13800138000", buildings=[building.code])
    done = alter(service, "volunteer", helper.code, 1, buildings=[building.code, other.code])
    assert done.version == 2
    bring_back(service, "volunteer", helper.code, 2, to=1)
    with db.transaction(service, LOCAL) as conn:
        row = conn.execute(sa.select(LAYERS["volunteer"].table)).mappings().one()
        told = form.values(conn, LAYERS["volunteer"], row)
    assert (told["buildings"], told["phone"]) == ([building.code], "13800138000")


def test_a_party_unit_is_made_without_a_place_of_its_own(service):
    committee = make(service, "party_unit", name="社区党委", level="committee", community=COMMUNITY)
    branch = make(service, "party_unit", name="第一支部", level="branch", parent=committee.code,
                  neighbourhoods=[f"{COMMUNITY}001"])  # fmt: skip
    with pytest.raises(Refused) as refused:
        make(service, "party_unit", name="第一小组", level="group", parent=committee.code)
    assert faults_of(refused) == {"parent": "parent_level"}
    with pytest.raises(Conflict, match="party_unit"):
        drop(service, "party_unit", committee.code, 1)
    assert branch.code == f"{COMMUNITY}P00002"


def test_a_street_is_drawn_as_a_line(service):
    line = {"type": "LineString", "coordinates": [[LEFT, LAT, 4.0], [RIGHT, LAT, 4.0]]}
    made = make(service, "street", line, name="世纪大道", kind="main")
    assert made.code == f"{COMMUNITY}R00001"
    assert alter(service, "street", made.code, 1, kind="path").version == 2


def test_zones_are_not_edited_like_this(service):
    with pytest.raises(InvalidInput, match="not edited here"):
        make(service, "closure_zone", box(LEFT, LAT, RIGHT, NORTH), name="x")


@pytest.mark.parametrize(("place", "allowed"), [(f"{COMMUNITY}001", True), (f"{COMMUNITY}002", False)])
def test_a_grid_worker_makes_buildings_in_the_own_grid_only(service, place, allowed):
    worker = actor_of("grid_worker", place)
    if allowed:
        assert make(service, "building", house(LEFT, LAT), worker, name="1幢").version == 1
    else:
        with pytest.raises(NotAllowed):
            make(service, "building", house(LEFT, LAT), worker, name="1幢")


def test_nobody_moves_a_thing_out_of_the_own_area(service):
    worker = actor_of("grid_worker", f"{COMMUNITY}001")
    made = make(service, "building", house(LEFT, LAT), worker, name="1幢")
    with pytest.raises(NotAllowed):
        alter(service, "building", made.code, 1, house(RIGHT, LAT), worker)
    foreign = make(service, "building", house(RIGHT, LAT), name="2幢")
    with pytest.raises(NotFound):
        alter(service, "building", foreign.code, 1, actor=worker, name="x")


def test_the_next_number_does_not_depend_on_what_the_actor_sees(service):
    make(service, "building", house(RIGHT, LAT), name="1幢")
    made = make(service, "building", house(LEFT, LAT), actor_of("grid_worker", f"{COMMUNITY}001"), name="2幢")
    assert made.code == f"{COMMUNITY}00002"


def test_a_keeper_changes_the_own_supply_point_and_no_other(service):
    own = make(service, "supply_point", spot(LEFT, LAT), **POINT)
    other = make(service, "supply_point", spot(RIGHT, LAT), **POINT)
    keeper = actor_of("keeper", own.code)
    assert alter(service, "supply_point", own.code, 1, actor=keeper, open_hours="24/7").version == 2
    with pytest.raises(NotFound):
        alter(service, "supply_point", other.code, 1, actor=keeper, open_hours="24/7")
    with pytest.raises((NotAllowed, Refused)):
        make(service, "supply_point", spot(LEFT, LAT), keeper, **POINT)
    with pytest.raises(NotAllowed):  # does not see into which grid
        alter(service, "supply_point", own.code, 2, spot(RIGHT, LAT), keeper)


def test_a_code_that_is_taken_is_not_given_twice(service):
    made = make(service, "building", house(LEFT, LAT), name="1幢")
    with pytest.raises(Gone):
        make(service, "building", house(LEFT, LAT), name="2幢", code=made.code)
    hidden = make(service, "building", house(RIGHT, LAT), name="2幢")
    with pytest.raises(Gone):
        make(service, "building", house(LEFT, LAT), actor_of("grid_worker", f"{COMMUNITY}001"), code=hidden.code)


def test_a_change_is_in_the_audit_under_the_name_of_whoever_made_it(service, district):
    make(service, "supply_point", spot(LEFT, LAT), acting("王五", None, ("",)), **POINT)
    with district.connect() as conn:
        found = conn.execute(sa.text("SELECT actor, action FROM audit_entry WHERE subject = 'supply_point'"))
        assert {tuple(row) for row in found} == {("王五", "insert")}


def test_outside_every_community_a_point_gets_the_county_of_the_nearest(service):
    made = make(service, "supply_point", spot(WEST - 0.01, LAT), **POINT)
    assert made.code == "310115000000S00001"
    assert alter(service, "supply_point", made.code, 1, spot(EAST + 0.01, LAT)).version == 2
