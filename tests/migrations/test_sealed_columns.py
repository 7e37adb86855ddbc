"""Migration 0007 on a database of the release before it, with persons in the clear."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from gridmap import audit, db, personal
from gridmap.access import LOCAL
from gridmap.cluster import Cluster
from gridmap.errors import Unavailable
from gridmap.exchange import import_file
from gridmap.layers import LAYERS
from gridmap.vault import Vault, open_vault
from tests.conftest import KEYS, administrator, url_of
from tests.factories import COUNTY, point

NAME, FORMER, PHONE, KEEPER, SECRETARY = "欧阳明日", "欧阳昨日", "138-0013 8000", "司马库管", "诸葛书记"
PERSONS = (NAME, FORMER, PHONE, "13800138000", KEEPER, SECRETARY)


@pytest.fixture
def old_url(cluster: Cluster) -> Iterator[str]:
    """The address of a database at revision 0006."""
    with administrator(cluster) as conn:
        conn.execute(sa.text("CREATE DATABASE t_old TEMPLATE gridmap"))
    url = url_of(cluster, "t_old")
    db.migrate(url, revision="0006")
    yield url
    with administrator(cluster) as conn:
        conn.execute(sa.text("DROP DATABASE t_old"))


@pytest.fixture
def vault() -> Vault:
    return open_vault(Path(KEYS))


def _fill(url: str) -> None:
    """Store persons as the release before did, one of them changed once, and a count that names its keeper."""
    engine = db.create_engine(url)
    row = f"{COUNTY}, gen_random_uuid(), 'before', '{point(120.6, 30.9)}'"
    with db.transaction(engine, LOCAL) as conn:
        for statement in (
            "INSERT INTO volunteer (county, id, changed_by, geom, code, name, phone, source_key) VALUES"
            f" ({row}, 'V1', '{FORMER}', '{PHONE}', 'name={FORMER}')",
            f"UPDATE volunteer SET name = '{NAME}', version = 2, changed_at = now()",
            "INSERT INTO supply_point (county, id, changed_by, geom, code, name, kind, keeper, phone, source_key)"
            f" VALUES ({row}, 'S1', '仓库', 'store', '{KEEPER}', '{PHONE}', '电话={PHONE}')",
            "INSERT INTO supply_point (county, id, changed_by, geom, code, name, kind, source_key)"
            f" VALUES ({row}, 'S2', '分库', 'store', 'id=7')",
            "INSERT INTO stock_count (county, supply_point_id, item_code, counted_on, quantity, recorded_by)"
            f" SELECT county, id, '1010101', '2026-03-01', 1, '{KEEPER}' FROM supply_point WHERE code = 'S1'",
            "UPDATE stock_count SET quantity = 2",
            "INSERT INTO community (county, id, changed_by, code, name)"
            f" VALUES ({COUNTY}, gen_random_uuid(), 'before', '{COUNTY}001001', '社区')",
            "INSERT INTO party_unit (county, id, changed_by, code, name, level, secretary, community, community_id)"
            f" SELECT county, gen_random_uuid(), 'before', 'P1', '党委', 'committee', '{SECRETARY}', code, id"
            " FROM community",
        ):
            conn.execute(sa.text(statement))
    engine.dispose()


def _everything(engine: sa.Engine) -> str:
    with engine.connect() as conn:
        names = conn.scalars(
            sa.text(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
            )
        )
        return "\n".join(
            str(row) for name in names.all() for row in conn.execute(sa.text(f'SELECT t::text FROM "{name}" AS t'))
        )


def test_persons_are_sealed_where_they_stand_and_nothing_else_changes(old_url, vault, tmp_path):
    _fill(old_url)
    db.migrate(old_url, vault=vault)
    engine = db.create_engine(old_url, vault=vault)
    found = _everything(engine)
    assert [person for person in PERSONS if person in found] == []
    with db.transaction(engine, LOCAL) as conn:
        volunteer = LAYERS["volunteer"].table
        row = conn.execute(sa.select(volunteer)).one()
        opened = [
            personal.opened(conn, volunteer.c[name], row._mapping[name]) for name in ("name", "phone", "id_number")
        ]
        assert opened == [NAME, PHONE, None]
        assert row.phone_index == personal.index_of(vault, volunteer.c.phone, "13800138000")
        assert (row.version, row.changed_by) == (2, "before")
        former = conn.execute(sa.text("SELECT name, phone, phone_index, version FROM volunteer_version")).one()
        assert vault.open(former.name, "volunteer.name") == FORMER
        assert (former.version, former.phone_index) == (1, row.phone_index)
        keys = dict(tuple(r) for r in conn.execute(sa.text("SELECT code, source_key FROM supply_point")))
        assert keys["S2"] == "id=7"
        assert re.fullmatch(r"hmac:[0-9a-f]{32}", keys["S1"])
        assert set(conn.scalars(sa.text("SELECT recorded_by FROM stock_count"))) == {LOCAL.name}
        assert audit.verify(conn, LOCAL)[1] == []
        event = audit.entries(conn, LOCAL, limit=1)[0]
        assert (event.actor, event.action, event.subject, event.rows) == ("migration 0007", "seal", "person", 7)
    with db.transaction(engine, LOCAL) as conn, pytest.raises(sa.exc.IntegrityError, match="volunteer_name_sealed"):
        conn.execute(sa.text("UPDATE volunteer SET name = '张三', version = 3, changed_at = now()"))
    engine.dispose()


def test_the_old_rows_leave_the_files_of_the_database(old_url, vault):
    _fill(old_url)
    admin = sa.create_engine(
        sa.make_url(old_url).set(username="postgres", drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT", poolclass=sa.NullPool,
    )  # fmt: skip

    def on_disk() -> list[str]:
        with admin.connect() as conn:
            conn.execute(sa.text("CHECKPOINT"))
            tables = (
                "volunteer",
                "volunteer_version",
                "supply_point",
                "party_unit",
                "stock_count",
                "stock_count_version",
            )
            files = [
                bytes(conn.scalar(sa.text(f"SELECT pg_read_binary_file(pg_relation_filepath('{table}'))")))
                for table in tables
            ]
        return [person for person in PERSONS if any(person.encode() in file for file in files)]

    assert set(on_disk()) >= {NAME, FORMER, PHONE, KEEPER, SECRETARY}
    db.migrate(old_url, vault=vault)
    assert on_disk() == []


def test_a_volunteer_of_the_release_before_is_recognised_by_its_old_key(old_url, vault, tmp_path):
    _fill(old_url)
    db.migrate(old_url, vault=vault)
    engine = db.create_engine(old_url, vault=vault)
    path = tmp_path / "v.csv"
    path.write_text(f"name,phone,lon,lat,county\n{FORMER},{PHONE},120.6,30.9,{COUNTY}\n")
    report = import_file(engine, LOCAL, LAYERS["volunteer"], path, crs="EPSG:4490", key=["name"])
    assert (report.inserted, report.updated) == (0, 1)  # the name goes back to the former one
    report = import_file(engine, LOCAL, LAYERS["volunteer"], path, crs="EPSG:4490", key=["name"])
    assert (report.inserted, report.updated, report.unchanged) == (0, 0, 1)
    engine.dispose()


def test_persons_in_the_clear_are_not_touched_without_keys(old_url):
    _fill(old_url)
    with pytest.raises(Unavailable, match="keys to seal"):
        db.migrate(old_url)
    engine = db.create_engine(old_url)
    with engine.connect() as conn:
        assert conn.scalar(sa.text("SELECT version_num FROM alembic_version")) == "0006"
        assert conn.scalar(sa.text("SELECT name FROM volunteer")) == NAME
    engine.dispose()
