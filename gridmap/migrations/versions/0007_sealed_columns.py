"""Personal data sealed at rest: names, phones and identity numbers hold sealed text only, numbers get a keyed index.

Rows are re-encoded where they stand: no change of fact, so no new version, and the triggers that keep versions, stamps
and audit are off for it inside this one transaction; an audit entry of its own tells what was done. Former versions are
sealed alike. The release before this one cannot write persons any more: it would store them in the clear, which is
what the new CHECKs refuse.

Two further places carried what belongs to persons: `source_key` (a key column may be a phone; a digest of a name can be
guessed) becomes a keyed hash, and `stock_count.recorded_by`, into which the demo wrote the keeper's name, becomes who
stored the row.

Revision ID: 0007
Revises: 0006
"""

import json

import sqlalchemy as sa
from alembic import context, op

from gridmap.errors import Unavailable
from gridmap.personal import normalised
from gridmap.vault import Vault

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# The personal columns at this revision and their kinds.
PERSONAL = {
    "volunteer": {"name": "name", "phone": "phone", "id_number": "id_number"},
    "supply_point": {"keeper": "name", "phone": "phone"},
    "party_unit": {"secretary": "name", "phone": "phone"},
}
SEALED = r"^[a-z0-9]+\.[0-9]+\."
COUNTED = ("stock_count", "stock_count_version")
AT_ONCE = 1_000


def upgrade() -> None:
    for table in PERSONAL:
        for name in (table, f"{table}_version"):
            _add_columns(name, PERSONAL[table])
    touched = _seal_all()
    for table in PERSONAL:
        for name in (table, f"{table}_version"):
            _hold_to_it(name, PERSONAL[table], indexed=name == table)
    op.create_index(
        "audit_entry_persons_idx", "audit_entry", ["action", "at"],
        postgresql_where=sa.text("action IN ('reveal', 'search')"),
    )  # fmt: skip
    context.config.attributes["rewritten"].extend(touched)


def _add_columns(table: str, columns: dict[str, str]) -> None:
    if "id_number" in columns:
        op.add_column(table, sa.Column("id_number", sa.Text()))
    for column, kind in columns.items():
        if kind != "name":
            op.add_column(table, sa.Column(f"{column}_index", sa.Text(collation="C")))


def _hold_to_it(table: str, columns: dict[str, str], *, indexed: bool) -> None:
    for column, kind in columns.items():
        op.create_check_constraint(op.f(f"{table}_{column}_sealed_check"), table, f"{column} ~ '{SEALED}'")
        if indexed and kind != "name":
            op.create_index(op.f(f"{table}_{column}_index_idx"), table, [f"{column}_index"])


def _seal_all() -> list[str]:
    """Seal what is stored in the clear, put it on record, and return the tables whose rows were replaced."""
    conn, sealed = op.get_bind(), dict[str, int]()
    keepers = _keepers(conn)
    for table, columns in PERSONAL.items():
        for name in (table, f"{table}_version"):
            if count := _seal_table(conn, table, name, columns):
                sealed[name] = count
    for name in COUNTED:
        with _silent(name):
            c = _table(name, "recorded_by", "changed_by")
            unnamed = sa.update(c).values(recorded_by=c.c.changed_by).where(c.c.recorded_by.in_(keepers))
            if count := conn.execute(unnamed).rowcount:
                sealed[name] = count
    if sealed:
        conn.execute(sa.text("SELECT set_config('gridmap.actor', 'migration 0007', true)"))
        conn.execute(
            sa.text("SELECT append_audit('', 'seal', 'person', :rows, NULL, :detail)"),
            {"rows": sum(sealed.values()), "detail": json.dumps(sealed, sort_keys=True)},
        )
    return list(sealed)


def _keepers(conn: sa.Connection) -> list[str]:
    rows = conn.execute(sa.text("SELECT keeper FROM supply_point UNION SELECT keeper FROM supply_point_version"))
    return [name for (name,) in rows if name is not None]


def _seal_table(conn: sa.Connection, base: str, table: str, columns: dict[str, str]) -> int:
    """Seal one table's rows and return how many it has."""
    keys = ["county", "id", *(["version"] if table != base else [])]
    names = [column for column in columns if column != "id_number"]  # nobody had one before
    wanted = sa.select(_table(table, *keys, "source_key", *names))
    count, change = 0, _change(table, keys, columns)
    with _silent(table), conn.execute(wanted, execution_options={"yield_per": AT_ONCE}) as rows:
        for part in rows.partitions():
            vault = _vault()
            sealed = [_sealed(vault, base, row._asdict(), columns) for row in part]
            conn.execute(change, [{f"own_{k}": row[k] for k in keys} | _new(row, keys) for row in sealed])
            count += len(part)
    return count


def _change(table: str, keys: list[str], columns: dict[str, str]) -> sa.Update:
    changed = ["source_key", *(column for column in columns if column != "id_number")]
    changed += [f"{column}_index" for column, kind in columns.items() if kind == "phone"]
    target = _table(table, *keys, *changed)
    same = [target.c[key] == sa.bindparam(f"own_{key}") for key in keys]
    return sa.update(target).where(*same).values({name: sa.bindparam(f"new_{name}") for name in changed})


def _new(row: dict, keys: list[str]) -> dict:
    return {f"new_{name}": value for name, value in row.items() if name not in keys}


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *map(sa.column, columns))


def _sealed(vault: Vault, base: str, row: dict, columns: dict[str, str]) -> dict:
    persons = [row[column] for column in columns if row.get(column)]
    key = row["source_key"]
    if key is not None and (base == "volunteer" or any(person in key for person in persons)):
        row["source_key"] = f"hmac:{vault.index(key, f'{base}.source_key')[:32]}"
    for column, kind in columns.items():
        if kind == "phone":
            phone = row[column]
            row[f"{column}_index"] = phone and vault.index(normalised("phone", phone), "phone")
        if row.get(column) is not None:
            row[column] = vault.seal(row[column], f"{base}.{column}")
    return row


class _silent:  # noqa: N801 - reads as what it does
    """A table whose own triggers are off: former versions, stamps and audit are of facts, and no fact changes."""

    def __init__(self, table: str) -> None:
        self.table = table

    def __enter__(self) -> None:
        op.execute(f"ALTER TABLE {self.table} DISABLE TRIGGER USER")

    def __exit__(self, *_: object) -> None:
        op.execute(f"ALTER TABLE {self.table} ENABLE TRIGGER USER")


def _vault() -> Vault:
    vault = context.config.attributes.get("vault")
    if not isinstance(vault, Vault):
        raise Unavailable("This database holds persons in the clear; the keys to seal them were not given. 缺少密钥。")
    return vault


def downgrade() -> None:
    raise NotImplementedError("Going back would store persons in the clear: restore a backup instead.")
