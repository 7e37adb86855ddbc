"""Personal values: sealed going in, opened or masked coming out, found exactly by their index."""

import pytest
import sqlalchemy as sa

from gridmap import db, personal
from gridmap.errors import Unavailable
from gridmap.layers import LAYERS
from gridmap.tables import metadata
from gridmap.tables import personal as declared
from tests.factories import add_volunteer

VOLUNTEER = LAYERS["volunteer"].table


def test_an_identity_number_is_held_to_its_form_day_and_check_digit():
    # 11010519491231002X is the worked example of GB 11643-1999
    assert personal.is_identity("11010519491231002X")
    for wrong in ("110105194912310021", "11010519491331002X", "1101051949123100", "11010519491231002x", ""):
        assert not personal.is_identity(wrong), wrong


@pytest.mark.parametrize(
    ("kind", "written", "compared"),
    [
        ("phone", "138 0013-8000", "13800138000"),
        ("phone", "+86 138 0013 8000", "13800138000"),
        ("phone", "008613800138000", "13800138000"),
        ("phone", "１３８００１３８０００", "13800138000"),
        ("phone", "0512-6666 8888", "051266668888"),
        ("phone", "8613", "8613"),
        ("phone", "见门卫", "见门卫"),
        ("id_number", " 11010519491231002x ", "11010519491231002X"),
    ],
)
def test_a_number_is_compared_however_it_is_written(kind, written, compared):
    assert personal.normalised(kind, written) == compared


def test_a_value_comes_back_opened_masked_and_by_its_index(conn):
    add_volunteer(conn, "V1", 120.6, 30.9, name="欧阳明", phone="+8619900001234", id_number="11010519491231002X")
    row = conn.execute(sa.select(VOLUNTEER)).one()
    sealed = {column: row._mapping[column.name] for column in personal.columns(VOLUNTEER)}
    assert [personal.opened(conn, *pair) for pair in sealed.items()] == [
        "欧阳明", "+8619900001234", "11010519491231002X",
    ]  # fmt: skip
    assert [personal.masked(conn, *pair) for pair in sealed.items()] == [
        "欧**", "199****1234", "110***********002X",
    ]  # fmt: skip
    vault = personal.vault_of(conn)
    assert row.phone_index == personal.index_of(vault, LAYERS["party_unit"].table.c.phone, "19900001234")
    assert row.id_number_index == personal.index_of(vault, VOLUNTEER.c.id_number, "11010519491231002x")


def test_a_sealed_value_holds_only_for_its_own_column(conn):
    sealed = personal.seal(conn, VOLUNTEER.c.name, "欧阳明")
    with pytest.raises(Unavailable):
        personal.opened(conn, VOLUNTEER.c.phone, sealed)
    assert personal.opened(conn, VOLUNTEER.alias("v").c.name, sealed) == "欧阳明"
    assert personal.opened(conn, metadata.tables["volunteer_version"].c.name, sealed) == "欧阳明"


def test_without_keys_nothing_of_a_person_is_handled(empty_database):
    engine = db.create_engine(empty_database.url.render_as_string(hide_password=False))
    with engine.connect() as conn, pytest.raises(Unavailable, match="no keys"):
        personal.seal(conn, VOLUNTEER.c.name, "欧阳明")
    engine.dispose()


@pytest.mark.parametrize("table", list(personal.tables(metadata)), ids=lambda table: table.name)
def test_every_personal_column_refuses_text_in_the_clear(conn, table):
    checks = {str(item.sqltext) for item in table.constraints if isinstance(item, sa.CheckConstraint)}
    for column in personal.columns(table):
        assert any(check.startswith(f"{column.name} ~ ") for check in checks), column
        assert personal.kind_of(column) in personal.MASKS
        assert personal.kind_of(column) == "name" or f"{column.name}_index" in table.c


def test_an_unknown_kind_of_personal_column_is_refused():
    with pytest.raises(ValueError, match="address"):
        declared("home", "address")
