"""Accounts that sign in through the organisation (OpenID Connect): which account stands behind whom of its provider.

An administrator says under which name an account is awaited; the first sign-in under that name links the account to the
person behind it (issuer and subject), and from then on the name counts no more: a provider may give it to another.
"""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from gridmap.access import Actor
from gridmap.accounts import people
from gridmap.accounts.tables import account
from gridmap.errors import Conflict, GridmapError, InvalidInput

MAX_CHARS = 200
_AWAITED = "awaited|"  # no issuer begins so: issuers are addresses


class ProviderRefused(GridmapError):
    """A sign-in through the organisation did not hold; `reason` is for the operator, never for the page."""

    code = "oidc_refused"
    status = 401
    title = "Sign-in refused"

    def __init__(self, reason: str) -> None:
        super().__init__(
            "The organisation's sign-in was refused or has run out. Begin again. 单位登录未成功或已超时，请重新登录。"
        )
        self.reason = reason[:200]


@dataclass(frozen=True)
class Pending:
    """What a browser must bring back: it is sealed in its cookie while it is at the provider."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Person:
    """Who signed in at the provider: for good (`subject`), by name of this moment, and whether by a second factor."""

    issuer: str
    subject: str
    name: str | None
    has_second_factor: bool


def await_name(conn: sa.Connection, actor: Actor, name: str, oidc_name: str) -> None:
    """Link an account to whoever signs in first under a name of the organisation's provider.

    Raises
    ------
    Conflict if the account is linked already, or another one is awaited under this name.
    """
    actor.require("account.manage")
    found, wanted = people.find(conn, name), _awaited(oidc_name)
    held = conn.execute(
        sa.select(account.c.id, account.c.oidc_subject).where(
            sa.or_(account.c.id == found.id, account.c.oidc_subject == wanted)
        )
    ).all()
    if any(row.id != found.id for row in held):
        raise Conflict(f"Another account is awaited as {oidc_name!r}. 该单位账号已对应其他账号。", where="oidc_name")
    if any(_is_linked(row.oidc_subject) for row in held):
        raise Conflict(f"Account {found.name} is linked already; unlink it first. 账号已关联，请先解除。", where="name")
    conn.execute(sa.update(account).where(account.c.id == found.id).values(oidc_subject=wanted))


def unlink(conn: sa.Connection, actor: Actor, name: str) -> None:
    """End an account's link to the organisation's provider, made or awaited; its sessions end."""
    actor.require("account.manage")
    found = people.find(conn, name)
    conn.execute(sa.update(account).where(account.c.id == found.id).values(oidc_subject=None))
    people.end_sessions(conn, found.id)


def account_of(conn: sa.Connection, issuer: str, subject: str, oidc_name: str | None) -> UUID | None:
    """Return the enabled account of a person of a provider, linked now if it was awaited; None if there is none."""
    person = f"{issuer}|{subject}"
    known = conn.execute(sa.select(account.c.id, account.c.disabled_at).where(account.c.oidc_subject == person)).first()
    if known is not None:
        return None if known.disabled_at else known.id
    if not oidc_name or len(oidc_name) > MAX_CHARS:
        return None
    linked: UUID | None = conn.scalar(
        sa.update(account)
        .where(account.c.oidc_subject == _awaited(oidc_name), account.c.disabled_at.is_(None))
        .values(oidc_subject=person)
        .returning(account.c.id)
    )
    return linked


def _awaited(oidc_name: str) -> str:
    name = oidc_name.strip().lower()
    if not name or len(name) > MAX_CHARS:
        raise InvalidInput("Give the name at the organisation's sign-in. 请给出单位账号名。", where="oidc_name")
    return _AWAITED + name


def _is_linked(oidc_subject: str | None) -> bool:
    return oidc_subject is not None and not oidc_subject.startswith(_AWAITED)
