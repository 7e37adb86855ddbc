"""The promises of design.md D3, D4 and D13 are kept by the database itself: each is attacked here."""

import re
import uuid

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.exc import DBAPIError

from gridmap import db, hierarchy
from gridmap.layers import LAYERS
from gridmap.layers.party_unit import table as party_unit
from gridmap.layers.supply_point import stock_count
from gridmap.layers.supply_point import table as supply_point
from gridmap.tables import MAX_VERTICES, change_log, metadata
from tests.conftest import administrator, url_of
from tests.factories import (
    COMMUNITY,
    COUNTY,
    add_building,
    add_community,
    add_household,
    add_neighbourhood,
    add_party_household,
    add_party_unit,
    add_supply_point,
    add_volunteer,
    add_zone,
    square,
)

building, household, community = hierarchy.building, hierarchy.household, hierarchy.community


def refused(conn: sa.Connection, constraint: str):
    """Expect the database to refuse what is done inside, by the constraint or words named."""
    return _Refused(conn, constraint)


class _Refused:
    def __init__(self, conn: sa.Connection, constraint: str) -> None:
        self.conn, self.constraint = conn, constraint

    def __enter__(self) -> None:
        self.savepoint = self.conn.begin_nested()

    def __exit__(self, kind, error, trace) -> bool:
        self.savepoint.rollback()
        assert kind is not None, f"nothing was refused; expected {self.constraint}"
        assert issubclass(kind, DBAPIError), error
        assert re.search(self.constraint, str(error.orig)), str(error.orig)
        return True


def test_models_and_migrations_agree(migrated, cluster):
    command.check(db.migration_config(url_of(cluster, migrated)))


def test_a_migrated_database_has_the_constraints_indexes_and_columns_of_a_fresh_one(migrated, cluster):
    with administrator(cluster) as conn:
        conn.execute(sa.text("CREATE DATABASE t_fresh TEMPLATE gridmap"))
    fresh = db.create_engine(url_of(cluster, "t_fresh"))
    metadata.create_all(fresh)
    old = db.create_engine(url_of(cluster, migrated))
    try:
        assert _described(old) == _described(fresh)
    finally:
        fresh.dispose()
        old.dispose()


def _described(engine: sa.Engine) -> set[tuple]:
    with engine.connect() as conn:
        rows = conn.execute(
            sa.text(
                "SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE connamespace = current_schema()::regnamespace AND conrelid::regclass::text NOT IN"
                " ('spatial_ref_sys', 'alembic_version')"
                " UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes"
                " WHERE schemaname = current_schema() AND tablename NOT IN ('spatial_ref_sys', 'alembic_version')"
                " UNION ALL SELECT 'column', table_name, column_name, concat_ws(' ', data_type, is_nullable,"
                " column_default, generation_expression, collation_name) FROM information_schema.columns"
                " WHERE table_schema = current_schema() AND table_name IN"
                " (SELECT relname FROM pg_class WHERE relkind = 'r' AND relname NOT IN ('spatial_ref_sys', 'alembic_version'))"
            )
        )
        return {tuple(row) for row in rows}


def test_a_community_with_several_committees_is_named_before_the_chain_is_kept(cluster):
    with administrator(cluster) as conn:
        conn.execute(sa.text("CREATE DATABASE t_chain TEMPLATE gridmap"))
    url = url_of(cluster, "t_chain")
    db.migrate(url, revision="0002")
    engine = db.create_engine(url)
    with engine.begin() as conn:
        conn.execute(sa.text("SELECT set_config('gridmap.actor', 'test', true)"))
        community_id = add_community(conn)
        for code in ("P1", "P2"):
            add_party_unit(conn, community_id, code, "committee")
    engine.dispose()
    with pytest.raises(DBAPIError, match=f"{COMMUNITY}: P1, P2"):
        db.migrate(url)


def test_migrating_twice_changes_nothing(migrated, cluster):
    db.migrate(url_of(cluster, migrated))


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_can_be_sharded_later(table):
    assert table.info.get("spread") in ("county", "copy")
    for key in table.foreign_key_constraints:
        target = key.elements[0].column.table
        assert key.onupdate is None
        assert key.ondelete is None
        if table.info["spread"] == "copy":
            assert target.info["spread"] == "copy", f"small {table.name} refers to large {target.name}"
        if target.info["spread"] == "county" or table.info["spread"] == "county":
            assert "county" in {column.name for column in key.columns}
    if table.info["spread"] == "county":
        assert "county" in table.primary_key.columns
        for index in table.indexes:
            if index.unique:
                assert "county" in {column.name for column in index.columns}


def test_a_code_is_unique_among_current_rows_and_free_again_after_retirement(conn):
    add_community(conn)
    with refused(conn, "community_code_key"):
        add_community(conn)
    conn.execute(community.update().values(valid_to=sa.func.now(), version=2, changed_at=sa.func.now()))
    add_community(conn)
    assert conn.scalar(sa.select(sa.func.count()).select_from(community)) == 2


@pytest.mark.parametrize("code", ["99010600100", "9901060010011", "99010600100x", "９９0106001001", ""])
def test_a_community_code_has_twelve_digits(conn, code):
    with refused(conn, "community_code_form_check"):
        add_community(conn, code)


def test_the_first_six_digits_of_a_code_are_its_county(conn):
    with refused(conn, "community_code_in_county_check"):
        add_community(conn, "110101001001")
    with refused(conn, "community_(county_form|code_in_county)_check"):
        add_community(conn, "099106001001", county=99106)


def test_codes_nest(conn):
    community_id = add_community(conn)
    with refused(conn, "neighbourhood_code_under_community_check"):
        add_neighbourhood(conn, community_id, code="990106001002001")
    with refused(conn, "building_code_under_community_check"):
        add_building(conn, community_id, code="99010600100200001")
    with refused(conn, "building_code_form_check"):
        add_building(conn, community_id, code=COMMUNITY + "0001")
    building_id = add_building(conn, community_id)
    with refused(conn, "household_code_parts_check"):
        add_household(conn, building_id, code=COMMUNITY + "00001" + "010999")
    with refused(conn, "household_(unit|room)_form_check"):
        add_household(conn, building_id, room="101", unit="011")
    household_id = add_household(conn, building_id)
    with refused(conn, "party_household_code_under_building_check"):
        add_party_household(conn, household_id, COMMUNITY + "00001010101", building=COMMUNITY + "00002")


def test_a_row_cannot_hang_under_a_parent_of_another_county_or_none(conn):
    community_id = add_community(conn)
    with refused(conn, "building_county_community_id_fkey"):
        add_building(conn, community_id, county=990107, code="99010700100100001", community="990107001001")
    building_id = add_building(conn, community_id)
    with refused(conn, "household_county_building_id_fkey"):
        add_household(conn, community_id)
    with refused(conn, "foreign key"):
        conn.execute(building.delete().where(building.c.id == building_id)) if add_household(
            conn, building_id
        ) else None
    with refused(conn, "building_neighbourhood_pair_check"):
        add_building(conn, community_id, 2, neighbourhood=COMMUNITY + "001")


def test_a_period_runs_forwards(conn):
    with refused(conn, "community_period_check"):
        add_community(conn, valid_to=sa.text("now() - interval '1 day'"))


@pytest.mark.parametrize(
    ("geom", "constraint"),
    [
        ("SRID=4490;MULTIPOLYGON EMPTY", "geom_not_empty"),
        ("SRID=4490;MULTIPOLYGON(((120 30,121 31,121 30,120 31,120 30)))", "geom_valid"),
        ("SRID=4490;MULTIPOLYGON(((190 30,191 30,191 31,190 30)))", "geom_in_range|transform"),
        ("SRID=4490;MULTIPOLYGON(((120 86,121 86,121 87,120 86)))", "geom_in_range|transform"),
        ("SRID=4326;MULTIPOLYGON(((120 30,121 30,121 31,120 30)))", "SRID"),
        ("SRID=4490;POINT(120 30)", "Geometry type"),
        ("SRID=4490;MULTIPOLYGON Z(((120 30 1,121 30 1,121 31 1,120 30 1)))", "dimension"),
    ],
)
def test_geometry_is_of_its_kind_not_empty_in_range_and_valid(conn, geom, constraint):
    with refused(conn, constraint):
        add_community(conn, geom=geom)


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-Infinity"])
def test_a_position_is_finite(conn, bad):
    with refused(conn, "geom_in_range|transform|not finite|nan"):
        add_supply_point(conn, "S1", 0, 0, geom=sa.text(f"ST_SetSRID(ST_MakePoint('{bad}'::float8, 30), 4490)"))


def test_geometry_has_a_bounded_number_of_vertices(conn):
    circle = f"ST_Multi(ST_Buffer(ST_SetSRID(ST_MakePoint(120, 30), 4490), 0.01, {MAX_VERTICES // 4 + 10}))"
    with refused(conn, "geom_vertices"):
        add_community(conn, geom=sa.text(circle))


def test_tile_geometry_and_position_are_worked_out_by_the_database(conn):
    community_id = add_community(conn)
    ring = "120.6 30.9,120.61 30.9,120.61 30.91,120.6 30.91,120.6 30.9"
    court = "120.601 30.901,120.609 30.901,120.609 30.909,120.601 30.909,120.601 30.901"
    add_building(conn, community_id, geom=f"SRID=4490;MULTIPOLYGON((({ring}),({court})))")
    stored = conn.execute(
        sa.text(
            "SELECT ST_SRID(tile_geom), ST_X(ST_Transform(ST_PointN(ST_ExteriorRing(ST_GeometryN(tile_geom, 1)), 1), 4490)),"
            " ST_Intersects(position, geom), ST_Equals(position, ST_PointOnSurface(geom)) FROM building"
        )
    ).one()
    assert stored[0] == 3857
    assert stored[1] == pytest.approx(120.6, abs=1e-9)
    assert stored[2:] == (True, True)  # on the building itself, not in its courtyard
    with refused(conn, "generated column"):
        conn.execute(sa.text("UPDATE building SET position = ST_SetSRID(ST_MakePoint(0, 0), 4490)"))


def test_a_zone_in_force_needs_an_order(conn):
    add_community(conn)
    with refused(conn, "closure_zone_active_needs_order_check"):
        add_zone(conn, "Z1", square(120.6, 30.9), order_no=None)
    with refused(conn, "closure_zone_times_check"):
        add_zone(conn, "Z1", square(120.6, 30.9), ends_at=sa.text("now() - interval '1 hour'"))
    add_zone(conn, "Z1", square(120.6, 30.9), state="draft", order_no=None, issuer=None, starts_at=None)


def test_words_and_figures_outside_their_list_are_refused(conn):
    community_id = add_community(conn)
    with refused(conn, "supply_point_kind_check"):
        add_supply_point(conn, "S1", 120.6, 30.9, kind="shed")
    with refused(conn, "volunteer_radius_m_check"):
        add_volunteer(conn, "V1", 120.6, 30.9, radius_m=-1)
    building_id = add_building(conn, community_id)
    with refused(conn, "household_people_count_check"):
        add_household(conn, building_id, people_count=-1)
    point_id = add_supply_point(conn, "S1", 120.6, 30.9)
    count = {
        "county": COUNTY,
        "supply_point_id": point_id,
        "item_code": "1030101",
        "counted_on": sa.func.current_date(),
    }
    with refused(conn, "stock_count_quantity_check"):
        conn.execute(stock_count.insert().values(**count, quantity=-1, recorded_by="test"))


def test_a_party_chain_has_one_committee_a_community_and_no_unit_above_itself(conn):
    community_id = add_community(conn)
    committee = add_party_unit(conn, community_id, "P1", "committee")
    with refused(conn, "party_unit_committee_key"):
        add_party_unit(conn, community_id, "P2", "committee")
    own = uuid.uuid4()
    with refused(conn, "party_unit_not_own_parent_check"):
        add_party_unit(conn, community_id, "P2", "branch", id=own, parent_id=own)
    with refused(conn, "party_unit_parent_check"):
        add_party_unit(conn, community_id, "P2", "branch")
    add_party_unit(conn, community_id, "P2", "branch", parent_id=committee)
    retired = {"valid_to": sa.func.now(), "version": 2, "changed_at": sa.func.now()}
    conn.execute(party_unit.update().where(party_unit.c.id == committee).values(**retired))
    add_party_unit(conn, community_id, "P3", "committee")


def test_a_change_keeps_the_former_row_and_must_carry_the_next_version(conn):
    add_supply_point(conn, "S1", 120.6, 30.9, name="旧名")
    with refused(conn, "must carry the next version"):
        conn.execute(supply_point.update().values(name="新名"))
    with refused(conn, "must carry the next version"):
        conn.execute(supply_point.update().values(name="新名", version=3))
    conn.execute(supply_point.update().values(name="新名", version=2, changed_at=sa.func.now()))
    former = metadata.tables["supply_point_version"]
    kept = conn.execute(sa.select(former)).mappings().one()
    current = conn.execute(sa.select(supply_point)).mappings().one()
    assert (kept["name"], kept["version"], current["name"], current["version"]) == ("旧名", 1, "新名", 2)
    assert kept["until"] == current["changed_at"]
    assert kept["geom"] is not None
    conn.execute(supply_point.delete())
    assert conn.scalar(sa.select(sa.func.count()).select_from(former)) == 2


@pytest.mark.parametrize("layer", LAYERS.values(), ids=lambda layer: layer.name)
def test_every_layer_keeps_versions_with_the_same_columns(layer):
    former = metadata.tables[f"{layer.name}_version"]
    kept = [column.name for column in layer.table.columns]
    assert [column.name for column in former.columns] == [*kept, "until"]


def test_each_changed_statement_is_logged_once_for_its_layer(conn):
    def seen() -> list:
        return [tuple(row) for row in conn.execute(sa.select(change_log.c.layer, change_log.c.rows))]

    before = seen()
    point_id = add_supply_point(conn, "S1", 120.6, 30.9)
    count = {"county": COUNTY, "supply_point_id": point_id, "item_code": "1030101", "quantity": 5}
    conn.execute(stock_count.insert().values(**count, counted_on=sa.func.current_date(), recorded_by="test"))
    conn.execute(supply_point.update().where(sa.false()).values(version=9))
    assert seen()[len(before) :] == [("supply_point", 1), ("supply_point", 1)]
