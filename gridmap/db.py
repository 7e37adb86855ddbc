"""The engine, transactions, database errors and migrations."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError

from gridmap.access import Actor
from gridmap.errors import Conflict, GridmapError, InvalidInput, NotAllowed, Unavailable

_BY_SQLSTATE: dict[str, Callable[[str], GridmapError]] = {
    "23505": Conflict,  # unique_violation
    "23503": Conflict,  # foreign_key_violation
    "40001": Conflict,  # serialization_failure
    "40P01": Conflict,  # deadlock_detected
    "23502": InvalidInput,  # not_null_violation
    "23514": InvalidInput,  # check_violation
    "42501": NotAllowed,  # insufficient_privilege: no actor, or a row that is kept
    "57014": Unavailable,  # query_canceled (statement_timeout)
    "53100": Unavailable,  # disk_full
    "53300": Unavailable,  # too_many_connections
}


def create_engine(url: str, *, pool_size: int = 5) -> sa.Engine:
    """Return an engine on a PostgreSQL URL; a process makes its own after it was forked.

    A plain `postgresql://` URL is taken with psycopg 3.
    """
    return sa.create_engine(
        _with_psycopg(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        hide_parameters=True,  # an error in the log must not quote values: they may be persons
        connect_args={"application_name": "gridmap", "connect_timeout": 5},
    )


def _with_psycopg(url: str) -> sa.URL:
    parsed = sa.make_url(url)
    return parsed.set(drivername="postgresql+psycopg") if parsed.drivername in ("postgresql", "postgres") else parsed


@contextmanager
def transaction(engine: sa.Engine, actor: Actor) -> Iterator[sa.Connection]:
    """Run one transaction as an actor: committed when the block ends, rolled back when it raises.

    The actor's name is a setting of the transaction only; triggers and policies read it there.

    Raises
    ------
    Conflict, InvalidInput or Unavailable for the database's refusals; anything else stays a bug.
    """
    try:
        with engine.begin() as conn:
            conn.execute(
                sa.text("SELECT set_config('gridmap.actor', :name, true)"),
                {"name": actor.name},
            )
            yield conn
    except sa.exc.TimeoutError as exc:
        raise Unavailable("All database connections are busy. Try again in a moment.") from exc
    except DBAPIError as exc:
        raise translated(exc) from exc


def translated(exc: DBAPIError) -> Exception:
    """Return our error for a database error, or the error itself where it is a bug."""
    sqlstate = getattr(exc.orig, "sqlstate", None)
    if sqlstate is None and isinstance(exc.orig, psycopg.DataError):  # refused before it was sent, such as a NUL
        return InvalidInput(f"A value cannot be stored: {exc.orig}.")
    if sqlstate is None or sqlstate.startswith("08") or exc.connection_invalidated:
        return Unavailable("The database is not answering. Try again in a moment.")
    make = _BY_SQLSTATE.get(sqlstate) or (InvalidInput if sqlstate.startswith("22") else None)
    if make is None:
        return exc
    diagnostics = getattr(exc.orig, "diag", None)  # never its DETAIL: it quotes the row
    return make(str(getattr(diagnostics, "message_primary", "The database refused the value.")))


def migrate(url: str, *, revision: str = "head") -> None:
    """Bring the schema of a database to a revision, the newest one unless told otherwise."""
    command.upgrade(migration_config(url), revision)


def migration_config(url: str) -> Config:
    """Return Alembic's configuration for a database URL."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = _with_psycopg(url)
    return config
