"""The list of accounts as the system administrator works through it: found by name and state, with when each was seen."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from gridmap.access import Actor
from gridmap.accounts import people
from gridmap.accounts.sign_in import UNUSED
from gridmap.accounts.tables import account, api_token, sign_in_session
from gridmap.errors import Conflict, InvalidInput

STATES = ("all", "active", "unused", "disabled")
PAGE = 100


@dataclass(frozen=True)
class Line:
    """One account: `seen_at` is the last request of any of its sessions, `is_unused` that it is due to be disabled."""

    id: UUID
    name: str
    created_at: datetime
    created_by: str
    seen_at: datetime | None
    disabled_at: datetime | None
    has_password: bool
    has_second_factor: bool
    has_token: bool
    is_demo: bool
    is_unused: bool


def lines(
    conn: sa.Connection, actor: Actor, *, text: str = "", state: str = "all", after: str = "", limit: int = PAGE
) -> tuple[list[Line], str | None]:
    """Return accounts in the order of their names, and the name after which the next page begins, or None.

    Parameters
    ----------
    text : only names that hold this text
    state : all, active, unused or disabled
    after : the name after which the page begins
    """
    actor.require("account.manage")
    if state not in STATES:
        raise InvalidInput(f"state is one of {', '.join(STATES)}. 状态无效。", where="state")
    query = sa.select(*_COLUMNS).where(account.c.name > after, _in_state(state))
    if text:
        query = query.where(account.c.name.contains(people.normalised(text), autoescape=True))
    rows = conn.execute(query.order_by(account.c.name).limit(limit + 1)).all()
    found = [Line(*row) for row in rows[:limit]]
    return found, found[-1].name if len(rows) > limit else None


def count_unused(conn: sa.Connection, actor: Actor) -> int:
    """Return how many accounts nobody has used for 90 days."""
    actor.require("account.manage")
    return conn.scalar(sa.select(sa.func.count()).select_from(account).where(_is_unused())) or 0


def disable_unused(conn: sa.Connection, actor: Actor) -> tuple[list[str], list[str]]:
    """Disable the accounts nobody has used for 90 days; return their names, and those of last administrators, who stay."""
    actor.require("account.manage")
    names = conn.scalars(sa.select(account.c.name).where(_is_unused()).order_by(account.c.name)).all()
    disabled, kept = [], []
    for name in names:
        try:
            people.disable(conn, actor, name)
            disabled.append(name)
        except Conflict:
            kept.append(name)
    return disabled, kept


def _last_seen() -> sa.ScalarSelect:
    s = sign_in_session.c
    return sa.select(sa.func.max(s.seen_at)).where(s.account_id == account.c.id).scalar_subquery()


def _has_token() -> sa.ColumnElement[bool]:
    t = api_token.c
    holds = sa.and_(t.account_id == account.c.id, t.ended_at.is_(None), t.expires_at > sa.func.clock_timestamp())
    return sa.exists().where(holds)


def _is_unused() -> sa.ColumnElement[bool]:
    """Return the condition that no session was seen for 90 days; a token that holds is taken as use."""
    quiet = sa.func.coalesce(_last_seen(), account.c.created_at) < sa.func.now() - UNUSED
    return sa.and_(account.c.disabled_at.is_(None), quiet, sa.not_(_has_token()))


def _in_state(state: str) -> sa.ColumnElement[bool]:
    conditions: dict[str, sa.ColumnElement[bool]] = {
        "active": account.c.disabled_at.is_(None),
        "disabled": account.c.disabled_at.is_not(None),
        "unused": _is_unused(),
    }
    return conditions.get(state, sa.true())


_COLUMNS = (
    account.c.id, account.c.name, account.c.created_at, account.c.created_by, _last_seen().label("seen_at"),
    account.c.disabled_at, account.c.password_hash.is_not(None), account.c.totp_confirmed_at.is_not(None), _has_token(),
    account.c.is_demo, _is_unused(),
)  # fmt: skip
