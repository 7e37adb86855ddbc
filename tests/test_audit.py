"""Every change is on record, in chains that show when somebody altered them."""

import json

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from gridmap import audit
from gridmap.access import LOCAL, acting
from gridmap.db import transaction
from gridmap.errors import NotAllowed
from gridmap.layers import LAYERS
from gridmap.tables import metadata
from tests.factories import COMMUNITY, add_building, add_community, add_supply_point

SUPPLY_POINT = LAYERS["supply_point"].table
SIGN_INS = {"sign_in_session", "sign_in_link", "sign_in_attempt", "former_password"}  # told by events of their own
UNDER_WAY = {"import_job", "import_mapping"}  # what an import stores is told by the layers' triggers and an event
KEPT_BY_OTHERS = {"audit_entry", "change_log", "search_term", "former_search_term"} | SIGN_INS | UNDER_WAY


def latest(conn: sa.Connection) -> list[tuple]:
    rows = conn.execute(sa.select(audit.table).order_by(audit.table.c.at))
    return [(row.chain, row.seq, row.actor, row.action, row.subject, row.rows) for row in rows]


def test_each_statement_leaves_one_entry_in_the_chain_of_its_community(conn):
    community_id = add_community(conn)
    add_building(conn, community_id)
    add_supply_point(conn, "S1", 120.6, 30.9)
    conn.execute(SUPPLY_POINT.update().values(name="新名", version=2, changed_at=sa.func.now()))
    conn.execute(SUPPLY_POINT.delete())
    assert latest(conn) == [
        (COMMUNITY, 1, "test", "insert", "community", 1),
        (COMMUNITY, 2, "test", "insert", "building", 1),
        ("", 1, "test", "insert", "supply_point", 1),
        ("", 2, "test", "update", "supply_point", 1),
        ("", 3, "test", "delete", "supply_point", 1),
    ]


def test_a_statement_over_two_communities_leaves_an_entry_in_each(conn):
    rows = [
        {"county": 990106, "id": f"00000000-0000-0000-0000-00000000000{n}", "code": f"99010600100{n}", "name": "社区",
         "changed_by": "test"} for n in (1, 2)
    ]  # fmt: skip
    conn.execute(sa.insert(LAYERS["community"].table).values(rows))
    assert {(entry[0], entry[5]) for entry in latest(conn)} == {("990106001001", 1), ("990106001002", 1)}


def test_a_statement_that_changes_nothing_leaves_nothing(conn):
    conn.execute(SUPPLY_POINT.delete())
    assert latest(conn) == []


def test_a_change_without_an_actor_fails_and_stores_nothing(empty_database):
    with pytest.raises(DBAPIError, match="needs an actor"), empty_database.begin() as conn:
        add_supply_point(conn, "S1", 120.6, 30.9)
    nobody = acting("", None, ("",))
    with pytest.raises(NotAllowed, match="needs an actor"), transaction(empty_database, nobody) as conn:
        add_supply_point(conn, "S1", 120.6, 30.9)
    with empty_database.connect() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(SUPPLY_POINT)) == 0


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_every_domain_table_is_audited(conn, table):
    if table.name in KEPT_BY_OTHERS or "versions_of" in table.info:
        return
    triggers = conn.scalars(
        sa.text("SELECT tgname FROM pg_trigger WHERE tgrelid = CAST(:name AS regclass)"), {"name": table.name}
    ).all()
    wanted = {f"{table.name}_{event}_audit" for event in ("insert", "update", "delete")} | {f"{table.name}_truncate"}
    assert wanted <= set(triggers)


@pytest.mark.parametrize(
    "change", ["UPDATE audit_entry SET actor = 'x'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"]
)
def test_entries_can_neither_be_changed_nor_taken_away(conn, change):
    add_supply_point(conn, "S1", 120.6, 30.9)
    with pytest.raises(DBAPIError, match="is refused"):
        conn.execute(sa.text(change))


def test_tables_cannot_be_emptied_past_the_audit(conn):
    with pytest.raises(DBAPIError, match="is refused"):
        conn.execute(sa.text("TRUNCATE supply_point CASCADE"))


@pytest.fixture
def written(conn):
    before, _ = audit.verify(conn, LOCAL)  # what migrations seeded
    for number in range(5):
        add_supply_point(conn, f"S{number}", 120.6, 30.9)
    audit.record(conn, acting('检查员\n\t"x"', None, ("",)), "export", "building", rows=3, detail={"file": "楼栋.csv"})
    add_community(conn)
    assert audit.verify(conn, LOCAL) == (before + 7, [])
    return conn


def tampered(conn: sa.Connection, change: str) -> list[audit.Fault]:
    """Do what a superuser could: switch the trigger off, change, switch it on."""
    conn.execute(sa.text("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_kept"))
    conn.execute(sa.text(change))
    conn.execute(sa.text("ALTER TABLE audit_entry ENABLE TRIGGER audit_entry_kept"))
    return audit.verify(conn, LOCAL)[1]


@pytest.mark.parametrize(
    ("change", "seq"),
    [
        ("UPDATE audit_entry SET actor = 'else' WHERE chain = '' AND seq = 3", 3),
        ("UPDATE audit_entry SET at = at + interval '1 microsecond' WHERE chain = '' AND seq = 2", 2),
        ("UPDATE audit_entry SET detail = '{}' WHERE chain = '' AND seq = 6", 6),
        ("UPDATE audit_entry SET rows = rows + 1 WHERE chain = '' AND seq = 1", 1),
        ("DELETE FROM audit_entry WHERE chain = '' AND seq = 4", 5),
        ("DELETE FROM audit_entry WHERE chain = '' AND seq = 1", 2),
        ("UPDATE audit_entry SET seq = 8 - seq WHERE chain = '' AND seq IN (3, 5)", 3),
        ("INSERT INTO audit_entry SELECT chain, 7, at, actor, action, subject, rows, digest, detail, hash"
         " FROM audit_entry WHERE chain = '' AND seq = 6", 7),
    ],
)  # fmt: skip
def test_the_first_altered_entry_is_named(written, change, seq):
    if "8 - seq" in change:
        change = change.replace("8 - seq", "seq + 100") + "; UPDATE audit_entry SET seq = 108 - seq WHERE seq > 100"
    faults = tampered(written, change)
    assert [(fault.chain, fault.seq) for fault in faults] == [("", seq)]
    assert faults[0].reason


def test_a_tail_cut_off_is_found_by_the_exported_heads(written):
    known = audit.heads(written, LOCAL)
    assert set(known) == {"", COMMUNITY}
    add_supply_point(written, "S9", 120.6, 30.9)
    assert audit.verify(written, LOCAL, known)[1] == []
    assert tampered(written, "DELETE FROM audit_entry WHERE chain = '' AND seq >= 6") == []
    faults = audit.verify(written, LOCAL, known)[1]
    assert [(fault.chain, fault.seq) for fault in faults] == [("", 6)]
    tampered(written, f"DELETE FROM audit_entry WHERE chain = '{COMMUNITY}'")
    assert {fault.chain for fault in audit.verify(written, LOCAL, known)[1]} == {"", COMMUNITY}


def test_the_latest_entries_can_be_read_by_who_may(written):
    newest = audit.entries(written, LOCAL, limit=2)
    assert [entry.subject for entry in newest] == ["community", "building"]
    assert json.loads(newest[1].detail) == {"file": "楼栋.csv"}
    assert len(audit.entries(written, LOCAL, chain=COMMUNITY)) == 1
    assert audit.entries(written, LOCAL, by="nobody") == []
    with pytest.raises(NotAllowed):
        audit.entries(written, acting("worker", frozenset({"building.view"}), ("",)))


def test_no_entry_holds_a_name_or_a_phone(conn):
    add_supply_point(conn, "S1", 120.6, 30.9, keeper="欧阳明", phone="19900001234")
    text = str(conn.execute(sa.select(audit.table)).all())
    assert "欧阳明" not in text
    assert "19900001234" not in text
