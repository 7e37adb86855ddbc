"""The engine, transactions, database errors and migrations."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError

from gridmap import history
from gridmap.access import Actor, acting, settings_of
from gridmap.cluster import LEAKPROOF
from gridmap.errors import Conflict, GridmapError, InvalidInput, NotAllowed, Unavailable
from gridmap.tables import metadata
from gridmap.vault import Vault

SERVICE_ROLE = "gridmap_service"  # owns nothing; every policy for the service is written for it

_BY_SQLSTATE: dict[str, Callable[[str], GridmapError]] = {
    "23505": Conflict,  # unique_violation
    "23503": Conflict,  # foreign_key_violation
    "40001": Conflict,  # serialization_failure
    "40P01": Conflict,  # deadlock_detected
    "23502": InvalidInput,  # not_null_violation
    "23514": InvalidInput,  # check_violation
    "42501": NotAllowed,  # insufficient_privilege: no actor, or a row that is kept
    "55P03": Unavailable,  # lock_not_available: an import of the layer is under way
    "57014": Unavailable,  # query_canceled (statement_timeout)
    "53100": Unavailable,  # disk_full
    "53300": Unavailable,  # too_many_connections
}


def create_engine(url: str, *, pool_size: int = 5, role: str | None = None, vault: Vault | None = None) -> sa.Engine:
    """Return an engine on a PostgreSQL URL; a process makes its own after it was forked.

    Parameters
    ----------
    url : a plain `postgresql://` URL is taken with psycopg 3
    role : the role to act as from the first moment, where the URL logs in as another
    vault : the keys of personal data, which go with every connection (gridmap.personal)
    """
    arguments: dict[str, Any] = {"application_name": "gridmap", "connect_timeout": 5}
    if role is not None:
        arguments["options"] = f"-c role={role}"
    engine = sa.create_engine(
        _with_psycopg(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        hide_parameters=True,  # an error in the log must not quote values: they may be persons
        connect_args=arguments,
        execution_options={"vault": vault},
    )
    history.listen(engine)
    return engine


def service_engine(url: str, *, pool_size: int = 5, vault: Vault | None = None) -> sa.Engine:
    """Return an engine that acts as the service's role, which sees only what the transaction's actor may see."""
    role = None if sa.make_url(url).username == SERVICE_ROLE else SERVICE_ROLE
    return create_engine(url, pool_size=pool_size, role=role, vault=vault)


def _with_psycopg(url: str) -> sa.URL:
    parsed = sa.make_url(url)
    return parsed.set(drivername="postgresql+psycopg") if parsed.drivername in ("postgresql", "postgres") else parsed


@contextmanager
def transaction(engine: sa.Engine, actor: Actor) -> Iterator[sa.Connection]:
    """Run one transaction as an actor: committed when the block ends, rolled back when it raises.

    The actor's name and scope are settings of the transaction only; triggers and policies read them there.

    Raises
    ------
    Conflict, InvalidInput or Unavailable for the database's refusals; anything else stays a bug.
    """
    try:
        with engine.begin() as conn:
            become(conn, actor)
            yield conn
    except sa.exc.TimeoutError as exc:
        raise Unavailable("All database connections are busy. Try again in a moment.") from exc
    except DBAPIError as exc:
        raise translated(exc) from exc


def become(conn: sa.Connection, actor: Actor) -> None:
    """Set the actor and its scope for the rest of a transaction; what an actor before had is taken back."""
    names, values = _settings(actor)
    set_all = sa.text("SELECT set_config(s.name, s.value, true) FROM unnest(:names, :values) AS s (name, value)")
    conn.execute(
        set_all.bindparams(
            sa.bindparam("names", list(names), sa.ARRAY(sa.Text)),
            sa.bindparam("values", list(values), sa.ARRAY(sa.Text)),
        )
    )


@lru_cache(maxsize=1024)
def _settings(actor: Actor) -> tuple[tuple[str, ...], tuple[str, ...]]:
    made = dict.fromkeys(_every_setting(), "") | settings_of(actor, metadata.tables.values())
    made["gridmap.actor"] = actor.name
    return tuple(made), tuple(made.values())


@cache
def _every_setting() -> tuple[str, ...]:
    """Return the settings that any actor may have made, so that a change of actor leaves none behind."""
    everyone = settings_of(
        acting("", None, ("1", "2" * 12, "3" * 15, "4" * 17, "5" * 12 + "S00001")), metadata.tables.values()
    )
    return tuple(everyone)


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


def not_leakproof(conn: sa.Connection) -> list[str]:
    """Return the functions behind `&&` that lack the mark by which spatial indexes serve under row-level security.

    A private cluster marks them at each start; on a server of one's own a restore or an upgrade of PostGIS drops it.
    """
    found = conn.execute(
        sa.text(
            "SELECT p.oid::regprocedure::text FROM unnest(CAST(:names AS text[])) AS name"
            " JOIN pg_proc AS p ON p.oid = to_regprocedure(name) WHERE NOT p.proleakproof ORDER BY 1"
        ),
        {"names": list(LEAKPROOF)},
    )
    return list(found.scalars())


def migrate(url: str, *, revision: str = "head", vault: Vault | None = None) -> None:
    """Bring the schema of a database to a revision, the newest one unless told otherwise.

    `vault` seals what an older revision stored in the clear; without personal rows it is not needed.
    """
    config = migration_config(url, vault=vault)
    command.upgrade(config, revision)
    if config.attributes["rewritten"]:
        _rewrite(config.attributes["url"], config.attributes["rewritten"])


def migration_config(url: str, *, vault: Vault | None = None) -> Config:
    """Return Alembic's configuration for a database URL."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = _with_psycopg(url)
    config.attributes["vault"] = vault
    config.attributes["rewritten"] = []  # tables whose former rows must leave the disk, filled by the steps
    return config


def _rewrite(url: sa.URL, tables: list[str]) -> None:
    """Write tables anew, so that the rows a step replaced are gone from their files."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as conn:
        for table in tables:
            conn.execute(sa.text("VACUUM (FULL, ANALYZE) " + conn.dialect.identifier_preparer.quote(table)))
    engine.dispose()
