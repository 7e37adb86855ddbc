"""Search in one box: by code and by name as it is written, spelt or abbreviated, inside the own area only."""

import pytest
import sqlalchemy as sa

from gridmap import db, hierarchy
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
    square,
)
from tests.twins import NEXT_DOOR, OWN


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
