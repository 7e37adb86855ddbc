"""Direct logins: roles of the database server for planners and auditors, who read masked views of their area in QGIS.

Every function here needs a connection as the owner of the database, who may make roles; the service may not.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import uuid_utils.compat as uuids
from psycopg.sql import SQL, Composable, Identifier, Literal
from sqlalchemy.exc import DBAPIError

from gridmap.access import Actor
from gridmap.accounts import grants, people
from gridmap.accounts.passwords import LASTS
from gridmap.accounts.tables import account, database_login
from gridmap.cluster.config import READERS
from gridmap.errors import Conflict, NotAllowed, NotFound

ROLES_WITH_LOGIN = ("planner", "auditor")
ROLE_PREFIX = "gm_"
MAX_CONNECTIONS = 10  # QGIS opens a few a project
VIEWS_SCHEMA = "gis"
PASSWORD_BYTES = 24
# What a client gets unless it asks otherwise. They guard against accidents, not against the person.
_CUSTOMARY = {
    "default_transaction_read_only": "on", "statement_timeout": "2min", "idle_in_transaction_session_timeout": "10min",
}  # fmt: skip


@dataclass(frozen=True)
class Login:
    """A direct login: the account, its role of the server, since when and by whom; `ended_at` when it is over."""

    account: str
    role_name: str
    created_at: datetime
    created_by: str
    ended_at: datetime | None


def create(conn: sa.Connection, actor: Actor, name: str) -> tuple[str, str]:
    """Give an account a login of the database and return the role's name and its password, which is shown only now.

    The password ends after ninety days. The server is sent its SCRAM verifier only, so it is in no log.

    Raises
    ------
    Conflict if the account has a login, or the server has a role of that name from elsewhere; NotAllowed if the account
    is neither planner nor auditor now, or the owner of the database may not make roles.
    """
    actor.require("account.manage")
    found = people.find(conn, name)
    held = {one.role for one in grants.current(conn, found.id)}
    if found.disabled_at is not None or not held & set(ROLES_WITH_LOGIN):
        raise NotAllowed(
            f"{found.name} is neither planner nor auditor now; only they open the database itself. "
            "仅规划、审计人员可直接登录数据库。",
            where="account",
        )
    role, link = ROLE_PREFIX + found.name, database_login.c
    former = conn.scalars(sa.select(link.ended_at).where(link.role_name == role)).all()
    if None in former:
        raise Conflict(f"{found.name} has a login already ({role}); end it to make a new one. 已有数据库登录。")
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    with _telling_what_the_owner_lacks(conn):
        _make_readers(conn)
        _make_role(conn, role, password, is_ours=bool(former))
    conn.execute(
        sa.insert(database_login).values(
            id=uuids.uuid7(), account_id=found.id, role_name=role, created_by=actor.name,
            created_at=sa.func.clock_timestamp(),
        )
    )  # fmt: skip
    return role, password


def end(conn: sa.Connection, actor: Actor, name: str) -> str:
    """Take an account's login of the database away and return its role; `disconnect` it after the commit."""
    actor.require("account.manage")
    found, link = people.find(conn, name), database_login.c
    role = conn.scalar(
        sa.update(database_login)
        .where(link.account_id == found.id, link.ended_at.is_(None))
        .values(ended_at=sa.func.clock_timestamp())
        .returning(link.role_name)
    )
    if role is None:
        raise NotFound(f"{found.name} has no login of the database. 没有数据库登录。", where="account")
    with _telling_what_the_owner_lacks(conn):
        _run(conn, SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(Identifier(role)))
    return str(role)


def disconnect(conn: sa.Connection, role: str) -> int:
    """End a role's connections and return how many there were.

    Only who belongs to a role may end its connections, so the owner does for this moment.
    """
    with _telling_what_the_owner_lacks(conn):
        _run(conn, SQL("GRANT {} TO CURRENT_USER").format(Identifier(role)))
        ended = conn.scalar(
            sa.text("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = :role"),
            {"role": role},
        )
        _run(conn, SQL("REVOKE {} FROM CURRENT_USER").format(Identifier(role)))
    return int(ended or 0)


def listed(conn: sa.Connection, actor: Actor) -> list[Login]:
    """Return the direct logins that hold, by account."""
    actor.require("account.manage")
    link = database_login.c
    rows = conn.execute(
        sa.select(account.c.name, link.role_name, link.created_at, link.created_by, link.ended_at)
        .join(account, account.c.id == link.account_id)
        .where(link.ended_at.is_(None))
        .order_by(account.c.name)
    )
    return [Login(*row) for row in rows]


def _make_readers(conn: sa.Connection) -> None:
    """Make the group of readers where it is missing, let it read the views, and let nobody make temporary objects."""
    schema, group = Identifier(VIEWS_SCHEMA), Identifier(READERS)
    if not _has_role(conn, READERS):
        _run(conn, SQL("CREATE ROLE {} NOLOGIN").format(group))
    _run(conn, SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, group))
    _run(conn, SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(schema, group))
    _run(conn, SQL("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {} TO {}").format(schema, group))
    database = Identifier(str(conn.scalar(sa.select(sa.func.current_database()))))
    _run(conn, SQL("GRANT TEMPORARY ON DATABASE {} TO gridmap_service").format(database))  # imports need them
    _run(conn, SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(database))


def _make_role(conn: sa.Connection, role: str, password: str, *, is_ours: bool) -> None:
    name = Identifier(role)
    if not _has_role(conn, role):
        _run(conn, SQL("CREATE ROLE {}").format(name))
    elif not is_ours:
        raise Conflict(
            f"The server has a role {role} from elsewhere, perhaps of another gridmap database; it is left alone. "
            "服务器上已有同名角色。"
        )
    until = conn.scalar(sa.select(sa.cast(sa.func.now() + LASTS, sa.Text)))
    verifier = _raw(conn).pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    _run(
        conn,
        SQL("ALTER ROLE {} LOGIN CONNECTION LIMIT {} PASSWORD {} VALID UNTIL {}").format(
            name, Literal(MAX_CONNECTIONS), Literal(verifier), Literal(until)
        ),
    )
    for setting, value in _CUSTOMARY.items():
        _run(conn, SQL("ALTER ROLE {} SET {} = {}").format(name, Identifier(setting), Literal(value)))
    _run(conn, SQL("GRANT {} TO {}").format(Identifier(READERS), name))


def _has_role(conn: sa.Connection, role: str) -> bool:
    return conn.scalar(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}) is not None


def _run(conn: sa.Connection, statement: Composable) -> None:
    """Run a statement on roles: they take no parameters, so names and values are quoted by psycopg."""
    conn.exec_driver_sql(statement.as_string(_raw(conn)).replace("%", "%%"))


def _raw(conn: sa.Connection) -> Any:
    return conn.connection.driver_connection


@contextmanager
def _telling_what_the_owner_lacks(conn: sa.Connection) -> Iterator[None]:
    owner = conn.scalar(sa.text("SELECT quote_ident(current_user)"))
    try:
        yield
    except DBAPIError as exc:
        if getattr(exc.orig, "sqlstate", None) != "42501":  # insufficient_privilege
            raise
        raise NotAllowed(
            f"The owner of the database, {owner}, may not make logins. Let an administrator of the server run: "
            f"ALTER ROLE {owner} CREATEROLE; and, if {READERS} was made by somebody else, "
            f"GRANT {READERS} TO {owner} WITH ADMIN OPTION; 数据库属主无权创建登录角色，请由管理员执行上述语句。",
            where="account",
        ) from exc
