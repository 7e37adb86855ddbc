"""Changing the key: everything sealed is sealed anew, checked, and only then is the old key taken away.

It runs beside the service, in batches, and may be interrupted: the next run goes on where this one stopped.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from gridmap import audit, personal
from gridmap.access import Actor
from gridmap.accounts.people import TOTP_CONTEXT
from gridmap.accounts.tables import account
from gridmap.db import transaction
from gridmap.errors import Conflict, Unavailable
from gridmap.tables import metadata
from gridmap.vault import Vault, add_key, drop_old_keys

AT_ONCE = 1_000  # rows a transaction seals anew; its table takes no other change meanwhile
PATIENCE_S = 600  # for imports that hold the keys
LOCK_TIMEOUT, LOCK_NOT_AVAILABLE = "3s", "55P03"
_PAUSE_S = 0.5
_ALONE = "gridmap keys rotate"
Progress = Callable[[str, int, int], None]  # table, rows done, rows wanted


@dataclass(frozen=True)
class Rotated:
    """What a rotation did: the key that seals now, how many rows were sealed anew, and the keys that were removed."""

    key: str
    rows: int
    removed: tuple[str, ...]


@dataclass(frozen=True)
class Sealed:
    """A table with sealed columns, and what each one's values are bound to."""

    table: sa.Table
    contexts: Mapping[str, str]

    def old(self, vault: Vault) -> sa.ColumnElement[bool]:
        """Return the condition that something in a row is sealed with another key than the newest."""
        columns = (self.table.c[name] for name in self.contexts)
        return sa.or_(*(sa.and_(column.is_not(None), sa.not_(column.startswith(vault.prefix))) for column in columns))


def sealed_tables() -> list[Sealed]:
    """Return every table with sealed columns, those of former rows too."""
    found = [
        Sealed(table, {str(column.name): personal.context_of(column) for column in personal.columns(table)})
        for table in personal.tables(metadata)
    ]
    return [*found, Sealed(account, {"totp_secret": TOTP_CONTEXT})]


def rotate(
    engine: sa.Engine, vault: Vault, actor: Actor, home: Path, progress: Progress = lambda table, done, wanted: None
) -> Rotated:
    """Add a data key, seal everything with it, and remove the keys before it.

    Parameters
    ----------
    engine : acts as the owner of the tables, who alone may pass over the triggers that keep former versions
    progress : told the table, how many of its rows are sealed anew and how many are wanted

    Raises
    ------
    Conflict if another rotation runs, or an import holds the keys for too long; what was sealed anew stays so.
    """
    actor.require("keys.rotate")
    with _alone(engine):
        if len(vault.ids) == 1:  # else a run before this one was interrupted: it goes on
            add_key(home)
            vault.refresh()
            with transaction(engine, actor) as conn:
                audit.record(conn, actor, "key_added", "keys", rows=0, detail={"key": vault.current})
        rows = sum(_reseal(engine, vault, actor, one, progress) for one in sealed_tables())
        rows += _patiently(engine, actor, lambda conn: _finish(conn, vault, actor))
        removed = tuple(path.stem.removeprefix("data-") for path in drop_old_keys(vault))
        return Rotated(vault.current, rows, removed)


def unopened(conn: sa.Connection, vault: Vault) -> list[str]:
    """Return the columns in which the latest sealed value cannot be opened: the keys are not those of this database."""
    lost = []
    for one in sealed_tables():
        for name, context in one.contexts.items():
            value = conn.scalar(sa.select(one.table.c[name]).where(one.table.c[name].is_not(None)).limit(1))
            try:
                if value is not None:
                    vault.open(value, context)
            except Unavailable:
                lost.append(f"{one.table.name}.{name}")
    return lost


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[None]:
    """Let no other rotation run meanwhile, on any machine."""
    key = sa.func.hashtextextended(_ALONE, 0)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        if not conn.scalar(sa.select(sa.func.pg_try_advisory_lock(key))):
            raise Conflict("Another rotation of keys is running. 另一个密钥轮换正在进行。")
        try:
            yield
        finally:
            conn.execute(sa.select(sa.func.pg_advisory_unlock(key)))


def _reseal(engine: sa.Engine, vault: Vault, actor: Actor, one: Sealed, progress: Progress) -> int:
    with engine.connect() as conn:
        wanted: int = conn.scalar(sa.select(sa.func.count()).select_from(one.table).where(one.old(vault))) or 0
    done = 0
    while True:
        count = _patiently(engine, actor, lambda conn: _batch(conn, vault, one))
        done += count
        progress(one.table.name, done, max(done, wanted))
        if count < AT_ONCE:
            return done


def _batch(conn: sa.Connection, vault: Vault, one: Sealed) -> int:
    """Seal up to a thousand rows anew and return how many.

    The triggers that keep versions and audit are off for it: nothing changes but the key, and the rotation has entries
    of its own. Switching them off also keeps other writers out, so that no row changes between reading and writing.
    """
    name = conn.dialect.identifier_preparer.format_table(one.table)
    conn.execute(sa.text(f"ALTER TABLE {name} DISABLE TRIGGER USER"))
    keys = list(one.table.primary_key.columns)
    columns = [one.table.c[column] for column in one.contexts]
    rows = conn.execute(sa.select(*keys, *columns).where(one.old(vault)).limit(AT_ONCE)).all()
    if rows:
        same = [key == sa.bindparam(f"own_{key.name}") for key in keys]
        change = sa.update(one.table).where(*same)
        change = change.values({column: sa.bindparam(f"new_{column.name}") for column in columns})
        conn.execute(change, [_resealed(vault, one, keys, row._mapping) for row in rows])
    conn.execute(sa.text(f"ALTER TABLE {name} ENABLE TRIGGER USER"))
    return len(rows)


def _resealed(vault: Vault, one: Sealed, keys: list[sa.Column[Any]], row: Mapping[Any, Any]) -> dict[str, Any]:
    new = {
        f"new_{name}": row[name] and vault.seal(vault.open(row[name], context), context)
        for name, context in one.contexts.items()
    }
    return {f"own_{key.name}": row[key.name] for key in keys} | new


def _patiently(engine: sa.Engine, actor: Actor, step: Callable[[sa.Connection], int | None]) -> int:
    """Run a step in a transaction of its own, again and again while others hold what it needs; None asks for that."""
    give_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            with transaction(engine, actor) as conn:
                conn.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
                found = step(conn)
        except OperationalError as exc:
            if getattr(exc.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise
            found = None
        if found is not None:
            return found
        if time.monotonic() > give_up:
            raise Conflict(
                "An import holds the keys or a table. What was sealed anew stays so; run this again to go on. "
                "导入仍在使用密钥，请稍后再次运行以继续。"
            )
        time.sleep(_PAUSE_S)


def _finish(conn: sa.Connection, vault: Vault, actor: Actor) -> int | None:
    """Seal what was stored with an old key meanwhile, make sure that nothing is left, and put it on record."""
    if not personal.held_alone(conn):
        return None
    rows = 0
    for one in sealed_tables():
        while count := _batch(conn, vault, one):
            rows += count
        left = conn.scalar(sa.select(sa.func.count()).select_from(one.table).where(one.old(vault)))
        if left:
            raise Conflict(f"{left} rows of {one.table.name} are still sealed with an old key; no key was removed.")
    old = list(vault.ids[:-1])
    audit.record(conn, actor, "keys_rotated", "keys", rows=rows, detail={"key": vault.current, "removed": old})
    return rows
