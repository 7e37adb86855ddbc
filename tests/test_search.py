"""Search in one box: by code and by name as it is written, spelt or abbreviated, inside the own area only."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from gridmap import db, hierarchy, history
from gridmap.access import LOCAL, acting
from gridmap.crs import Position
from gridmap.hierarchy import building_estate
from gridmap.layers import LAYERS
from gridmap.layers.closure_zone import table as closure_zone
from gridmap.roles import ROLES
from gridmap.search import is_named, search
from tests.factories import (
    COMMUNITY,
    COUNTY,
    add_building,
    add_community,
    add_household,
    add_supply_point,
    add_zone,
    insert,
    point,
    square,
)
from tests.twins import NEXT_DOOR, OWN

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def named(conn):
    """芳草苑 with buildings 3 and 13, 重庆路社区, a stock point."""
    community = add_community(conn, name="重庆路社区")
    estate = insert(
        conn, hierarchy.estate, code="E1", name="芳草苑", community=COMMUNITY, community_id=community, geom=square(120.6, 30.9)
    )  # fmt: skip
    for number in (3, 13):
        building = add_building(conn, community, number, name=f"{number}栋", lon=120.6 + number / 1000)
        conn.execute(building_estate.insert().values(county=COUNTY, building_id=building, estate_id=estate))
        add_household(conn, building, number=number)
    add_building(conn, community, 4, name="3号楼", lon=120.61)
    add_supply_point(conn, "S1", 120.6, 30.9, name="玉林卫生服务站")
    return conn


def found(conn, text, near=None):
    return [(one.layer, one.name) for one in search(conn, LOCAL, list(LAYERS.values()), text, near=near)]


@pytest.mark.parametrize(
    "text", ["芳草苑", "草苑", "芳", "fangcaoyuan", "fangc", "caoy", "fcy", "FCY", "ｆｃｙ", " 芳草苑 "]
)
def test_an_estate_is_found_by_any_part_of_its_name_its_pinyin_and_its_initials(named, text):
    assert ("estate", "芳草苑") in found(named, text)


@pytest.mark.parametrize("text", ["重庆", "chongqing", "zhongqing", "cql", "zqlsq"])
def test_a_character_with_two_readings_is_found_by_both(named, text):
    assert found(named, text) == [("community", "重庆路社区")]


@pytest.mark.parametrize("text", ["3幢", "3栋", "3号楼", "3号", "3座", "３幢", "3 号楼", "3zhuang"])
def test_a_buildings_number_is_found_however_its_unit_is_written(named, text):
    assert {name for layer, name in found(named, text) if layer == "building"} == {"3栋", "3号楼"}


@pytest.mark.parametrize("text", ["芳草苑3", "芳草苑3幢", "芳草苑 3号楼", "草苑３栋", "fcy3", "fangcaoyuan3幢"])
def test_an_estates_name_before_a_number_finds_its_building_only(named, text):
    assert found(named, text) == [("building", "3栋")]


def test_codes_are_found_by_their_beginning_and_the_whole_one_comes_first(named):
    assert found(named, "S1") == [("supply_point", "玉林卫生服务站")]
    whole = search(named, LOCAL, list(LAYERS.values()), f"{COMMUNITY}00003", near=None)
    assert (whole[0].layer, whole[0].code) == ("building", f"{COMMUNITY}00003")
    assert {one.layer for one in whole} == {"building", "household"}
    assert found(named, COMMUNITY.translate(str.maketrans("0123456789", "０１２３４５６７８９")))[0][0] == "community"


def test_the_nearest_of_like_things_comes_first(named):
    near = search(named, LOCAL, [LAYERS["building"]], "3幢", near=Position(120.61, 30.9))
    assert [one.name for one in near] == ["3号楼", "3栋"]
    assert near[0].distance_m < near[1].distance_m


def test_a_number_inside_another_is_not_found(named):
    assert ("building", "13栋") not in found(named, "3幢")


def test_a_renamed_thing_is_found_by_its_new_name_and_a_retired_one_not_at_all(named):
    e = hierarchy.estate
    change = e.update().values(version=e.c.version + 1, changed_at=sa.func.now(), changed_by="test")
    named.execute(change.values(name="玉林苑"))
    assert found(named, "fcy") == []
    assert found(named, "yly") == [("estate", "玉林苑")]
    named.execute(change.values(valid_to=sa.func.now()))
    assert found(named, "yly") == []
    assert named.scalar(sa.text("SELECT count(*) FROM search_term WHERE layer = 'estate'")) == 0


def test_a_deleted_thing_leaves_no_term(named):
    add_zone(named, "Z1", square(120.6, 30.9), name="封控一区")
    assert found(named, "fkyq") == [("closure_zone", "封控一区")]
    named.execute(closure_zone.delete())
    assert named.scalar(sa.text("SELECT count(*) FROM search_term WHERE layer = 'closure_zone'")) == 0


@pytest.mark.parametrize("text", ["%", "_", "\\", "'", "幢幢", "\U0010ffff", "((", "a" * 60])
def test_signs_mean_nothing_but_themselves(named, text):
    assert found(named, text) == []


def test_every_name_of_every_layer_is_indexed(demo):
    assert {layer.name for layer in LAYERS.values() if is_named(layer)} >= {
        "building",
        "estate",
        "supply_point",
        "street",
    }
    with demo.connect() as conn:
        for layer in LAYERS.values():
            if not is_named(layer):
                continue
            missing = sa.text(
                f"SELECT count(*) FROM {layer.name} AS t WHERE valid_to IS NULL AND name <> '' AND NOT EXISTS"
                " (SELECT FROM search_term AS s WHERE s.layer = :layer AND s.county = t.county AND s.thing_id = t.id"
                " AND s.term = search_norm(t.name))"
            )
            assert conn.scalar(missing, {"layer": layer.name}) == 0, layer.name


@pytest.mark.parametrize("text", ["3幢", "f", "幢", OWN[:6], "第1网格", "dywg"])
def test_nothing_is_found_outside_the_own_area(twins, text):
    service = db.service_engine(twins.url.render_as_string(hide_password=False))
    actor = acting("worker", ROLES["commander"].verbs, [OWN])
    with db.transaction(service, actor) as conn:
        rows = search(conn, actor, list(LAYERS.values()), text, near=None, limit=1000)
        assert not [one for one in rows if NEXT_DOOR in (one.code, one.community)]
        assert all((one.community or one.code).startswith((OWN, "OUT", "990106")) for one in rows)
        terms = conn.execute(sa.text("SELECT DISTINCT community FROM search_term")).scalars().all()
        assert set(terms) <= {OWN, None}
    service.dispose()


def test_the_service_cannot_write_terms(twins):
    service = db.service_engine(twins.url.render_as_string(hide_password=False))
    with pytest.raises(Exception, match="permission denied"), db.transaction(service, LOCAL) as conn:
        conn.execute(sa.text("DELETE FROM search_term"))
    service.dispose()


@pytest.fixture
def homes(named):
    """芳草苑's building 3 with 2-502 and 1-502; 朝阳坊3号楼 outside of it with 2-502."""
    ids = dict(named.execute(sa.select(hierarchy.building.c.code, hierarchy.building.c.id)).all())
    for number, unit, lon in ((3, "02", 120.603), (3, "01", 120.603), (4, "02", 120.61)):
        home = {"unit": unit, "room": "0502", "geom": point(lon, 30.9)}
        add_household(named, ids[f"{COMMUNITY}0000{number}"], number=number, **home)
    b = hierarchy.building.c
    named.execute(
        sa.update(hierarchy.building)
        .where(b.code == f"{COMMUNITY}00004")
        .values(name="朝阳坊3号楼", version=b.version + 1, changed_at=sa.func.now(), changed_by="test")
    )
    return named


IN_ESTATE, ALONE = ("household", "3栋2单元502"), ("household", "朝阳坊3号楼2单元502")


@pytest.mark.parametrize(
    "text",
    [
        "3幢2单元502",
        "3-2-502",
        "３－２－５０２",
        "3号2单元502室",
        "3栋2单元502",
        "3号楼 2单元 502",
        "三幢二单元五零二",
        "3＃2单元502",
    ],
)
def test_an_address_finds_its_household_however_it_is_written(homes, text):
    assert set(found(homes, text)) == {IN_ESTATE, ALONE}


@pytest.mark.parametrize(
    "text",
    [
        "芳草苑3幢2单元502", "芳草苑3-2-502", "fcy3-2-502", "fangcaoyuan3幢2单元502", "芳草苑小区3号楼2单元502室",
        "幸福路88号芳草苑3栋2单元502", "重庆路社区芳草苑3栋2单元502", "草苑３幢２单元５０２",
    ],
)  # fmt: skip
def test_an_estates_name_in_front_leaves_its_own_households(homes, text):
    assert found(homes, text) == [IN_ESTATE]


@pytest.mark.parametrize("text", ["朝阳坊3号2单元502", "幸福路朝阳坊3栋2单元502", "朝阳坊3-2-502", "cyf3-2-502"])
def test_what_a_buildings_name_begins_with_in_front_finds_its_households(homes, text):
    assert found(homes, text) == [ALONE]


def test_a_communitys_name_in_front_finds_all_of_that_number_in_it(homes):
    assert set(found(homes, "重庆路社区3幢2单元502")) == {IN_ESTATE, ALONE}
    assert found(homes, "玉林花园3幢2单元502") == []


def test_a_street_nobody_recorded_speaks_against_nothing(homes):
    assert set(found(homes, "幸福路88弄3号2单元502")) == {IN_ESTATE, ALONE}


def test_an_address_without_a_unit_finds_every_unit(homes):
    assert set(found(homes, "芳草苑3幢502")) == {IN_ESTATE, ("household", "3栋1单元502")}


@pytest.mark.parametrize("text", ["3幢2单元503", "3幢3单元502", "5幢2单元502", "3-2-50212", "3幢999单元502", "无"])
def test_an_address_of_nothing_finds_nothing(homes, text):
    assert found(homes, text) == []


def test_the_nearest_household_of_an_address_comes_first(homes):
    near = search(homes, LOCAL, [LAYERS["household"]], "3-2-502", near=Position(120.61, 30.9))
    assert [one.name for one in near] == [ALONE[1], IN_ESTATE[1]]
    assert near[0].distance_m < near[1].distance_m


def test_an_address_finds_no_household_outside_the_own_area_or_without_the_right(twins):
    service = db.service_engine(twins.url.render_as_string(hide_password=False))
    with twins.connect() as conn:
        h, b = hierarchy.household.c, hierarchy.building.c
        of = sa.select(b.name, h.unit, h.room).join(hierarchy.building, b.code == h.building)
        name, unit, room = conn.execute(of.where(h.community == OWN, h.valid_to.is_(None)).limit(1)).one()
    text = f"{name}{int(unit)}单元{int(room)}"
    actor = acting("worker", ROLES["commander"].verbs, [OWN])
    with db.transaction(service, actor) as conn:
        rows = search(conn, actor, list(LAYERS.values()), text, near=None, limit=1000)
        assert rows
        assert {row.community for row in rows} == {OWN}
    blind = acting("worker", ROLES["commander"].verbs - {"household.view"}, [OWN])
    with db.transaction(service, blind) as conn:
        assert "household" not in {row.layer for row in search(conn, blind, list(LAYERS.values()), text, near=None)}
    service.dispose()


def test_the_past_is_searched_in_pinyin_by_the_names_of_then(conn):
    community = add_community(conn, name="重庆路社区")
    ids = [
        insert(conn, hierarchy.estate, code=code, name=name, community=COMMUNITY, community_id=community,
               changed_at=LONG_AGO, valid_from=LONG_AGO, geom=square(120.6, 30.9))
        for code, name in (("E1", "芳草苑"), ("E2", "玉林苑"))
    ]  # fmt: skip
    e = hierarchy.estate.c
    step = {"version": e.version + 1, "changed_at": sa.func.now(), "changed_by": "test"}
    conn.execute(sa.update(hierarchy.estate).where(e.id == ids[0]).values(name="花溪里", **step))
    conn.execute(sa.update(hierarchy.estate).where(e.id == ids[1]).values(valid_to=sa.func.now(), **step))
    assert found(conn, "fcy") == []
    assert found(conn, "hxl") == [("estate", "花溪里")]
    history.look_back(conn, LONG_AGO + timedelta(days=1))
    assert [found(conn, text) for text in ("fcy", "fangcao", "草苑")] == [[("estate", "芳草苑")]] * 3
    assert found(conn, "yly") == [("estate", "玉林苑")]
    assert found(conn, "hxl") == []
    assert found(conn, "cql") == []


def test_an_address_of_the_past_finds_the_household_that_stood_then(conn):
    stood = {"changed_at": LONG_AGO, "valid_from": LONG_AGO}
    community = add_community(conn, name="重庆路社区", **stood)
    building = add_building(conn, community, 3, name="朝阳坊3栋", **stood)
    add_household(conn, building, number=3, unit="02", room="0502", **stood)
    h = hierarchy.household
    change = {"version": h.c.version + 1, "changed_at": sa.func.now(), "changed_by": "test", "valid_to": sa.func.now()}
    conn.execute(sa.update(h).values(**change))
    assert found(conn, "朝阳坊3-2-502") == []
    history.look_back(conn, LONG_AGO + timedelta(days=1))
    home = [("household", "朝阳坊3栋2单元502")]
    assert [found(conn, text) for text in ("3-2-502", "朝阳坊3幢2单元502", "重庆路社区3号楼2单元502室")] == [home] * 3
    history.look_back(conn, LONG_AGO - timedelta(days=1))
    assert found(conn, "3-2-502") == []
