"""Sessions, API tokens and one-time links: random secrets of which only the hash is stored, and who stands behind one."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
import uuid_utils.compat as uuids

from gridmap import audit
from gridmap.access import Actor, Right
from gridmap.accounts import grants, people
from gridmap.accounts.grants import Held
from gridmap.accounts.passwords import LASTS
from gridmap.accounts.tables import account, api_token, sign_in_link, sign_in_session
from gridmap.errors import Conflict, InvalidInput, NotFound
from gridmap.roles import ROLES, VERBS

IDLE, ABSOLUTE = timedelta(minutes=30), timedelta(hours=12)
NOTE_SEEN_EVERY = timedelta(minutes=1)
MAX_TOKEN_DAYS = 366
LINK_LASTS = timedelta(hours=12)
MAX_MISSES = 5  # wrong second factors before a session ends
READ_ONLY = tuple(sorted(verb for verb in VERBS if verb.endswith((".view", ".count", ".exact"))))
_TOKEN_CHARS = 43  # 256 bits in URL-safe base64


@dataclass(frozen=True)
class Identity:
    """Who stands behind a request: the actor, and what the pages need to know of the session."""

    account_id: UUID
    name: str
    actor: Actor
    held: tuple[Held, ...]
    is_demo: bool = False
    has_second_factor: bool = False
    lacks_second_factor: bool = False  # a role asks for one that this session has not shown
    must_change_password: bool = False
    session: str | None = None  # its hash; None for a token
    viewed_as: str | None = None  # the account whose view this is


@dataclass(frozen=True)
class Session:
    """One of an account's open sessions, for its owner to look at and end."""

    id: UUID
    started_at: datetime
    seen_at: datetime
    address: str | None
    agent: str | None
    is_this: bool


def hash_of(token: str) -> str:
    """Return what is stored of a secret."""
    return hashlib.sha256(token.encode()).hexdigest()


def start(
    conn: sa.Connection, account_id: UUID, *, has_second_factor: bool, address: str | None, agent: str | None
) -> str:
    """Begin a session and return its secret, which exists in the browser's cookie only."""
    token = secrets.token_urlsafe(32)
    conn.execute(
        sa.insert(sign_in_session).values(
            token_hash=hash_of(token), id=uuids.uuid7(), account_id=account_id, has_second_factor=has_second_factor,
            expires_at=sa.func.now() + ABSOLUTE, address=address, agent=(agent or "")[:200],
        )
    )  # fmt: skip
    return token


def confirm_second_factor(conn: sa.Connection, session: str) -> None:
    """Note that a session has shown its second factor."""
    conn.execute(
        sa.update(sign_in_session).where(sign_in_session.c.token_hash == session).values(has_second_factor=True)
    )


def note_miss(conn: sa.Connection, session: str) -> int:
    """Count a wrong second factor, end the session after five, and return the count."""
    s = sign_in_session.c
    misses = conn.scalar(
        sa.update(sign_in_session).where(s.token_hash == session).values(misses=s.misses + 1).returning(s.misses)
    )
    if (misses or 0) >= MAX_MISSES:
        end(conn, session)
    return misses or 0


def identify(conn: sa.Connection, token: str) -> Identity | None:
    """Return who a session's secret stands for, with the grants in force at this moment; None if it does not hold."""
    if len(token) != _TOKEN_CHARS or not token.isascii():
        return None
    s, a, now = sign_in_session.c, account.c, sa.func.clock_timestamp()
    row = conn.execute(
        sa.select(
            s.token_hash, s.has_second_factor, s.view_as, (s.seen_at < now - NOTE_SEEN_EVERY).label("is_stale"), a.id,
            a.name, a.is_demo, (a.password_changed_at < now - LASTS).label("is_old"),
        )
        .join(account, a.id == s.account_id)
        .where(
            s.token_hash == hash_of(token), s.ended_at.is_(None), s.expires_at > now, s.seen_at > now - IDLE,
            a.disabled_at.is_(None),
        )
    ).first()  # fmt: skip
    if row is None:
        return None
    if row.is_stale:
        conn.execute(sa.update(sign_in_session).where(s.token_hash == row.token_hash).values(seen_at=now))
    held = grants.current(conn, row.id)
    needs_factor = any(ROLES[role].second_factor for role in {one.role for one in held} & ROLES.keys())
    lacks = needs_factor and not row.has_second_factor and not row.is_demo
    identity = Identity(
        row.id, row.name, Actor(row.name, () if lacks or row.is_old else grants.rights_of(held)), held, row.is_demo,
        row.has_second_factor, lacks, bool(row.is_old), row.token_hash,
    )  # fmt: skip
    return _seen_as(conn, identity, row.view_as) if row.view_as and identity.actor.may("view.as") else identity


def _seen_as(conn: sa.Connection, identity: Identity, other_id: UUID) -> Identity:
    """Return the security administrator's identity with the eyes of another account: what it may view, no more."""
    name = conn.scalar(sa.select(account.c.name).where(account.c.id == other_id))
    held = grants.current(conn, other_id)
    rights = tuple(
        Right(frozenset(verb for verb in right.verbs or () if _only_shows(verb)), right.places)
        for right in grants.rights_of(held)
    )
    actor = Actor(f"{identity.name} as {name}", (*rights, Right(frozenset({"view.as"}), ("",))))
    return Identity(
        identity.account_id, identity.name, actor, held, identity.is_demo, identity.has_second_factor, False, False,
        identity.session, name,
    )  # fmt: skip


def _only_shows(verb: str) -> bool:
    return verb.endswith((".view", ".count", ".exact", ".priority")) and verb != "audit.view"


def view_as(conn: sa.Connection, actor: Actor, session: str, other_id: UUID | None) -> str | None:
    """Look with another account's eyes from now on, or with one's own again (None), and return whose they are.

    Both are on record. Nobody looks with the eyes of a disabled account, or with their own.
    """
    actor.require("view.as")
    s, a = sign_in_session.c, account.c
    before = conn.execute(
        sa.select(s.account_id, sa.select(a.name).where(a.id == s.view_as).scalar_subquery().label("name"))
        .where(s.token_hash == session)
    ).one()  # fmt: skip
    name = None if other_id is None else conn.scalar(sa.select(a.name).where(a.id == other_id, a.disabled_at.is_(None)))
    if other_id is not None and (name is None or other_id == before.account_id):
        raise NotFound("There is no such other account in use. 没有此可用账号。", where="account")
    conn.execute(sa.update(sign_in_session).where(s.token_hash == session).values(view_as=other_id))
    if before.name is not None:
        audit.record(conn, actor, "view_as_ended", "account", rows=1, detail={"account": before.name})
    if name is not None:
        audit.record(conn, actor, "view_as", "account", rows=1, detail={"account": name})
    return name


def end(conn: sa.Connection, session: str) -> None:
    """End a session by its hash."""
    conn.execute(
        sa.update(sign_in_session)
        .where(sign_in_session.c.token_hash == session, sign_in_session.c.ended_at.is_(None))
        .values(ended_at=sa.func.now())
    )


def end_one(conn: sa.Connection, account_id: UUID, session_id: UUID) -> None:
    """End one of an account's own sessions."""
    s = sign_in_session.c
    found = conn.execute(
        sa.update(sign_in_session)
        .where(s.id == session_id, s.account_id == account_id, s.ended_at.is_(None))
        .values(ended_at=sa.func.now())
    )
    if not found.rowcount:
        raise NotFound("There is no such session. 没有此会话。", where="session")


def listed(conn: sa.Connection, account_id: UUID, this: str | None) -> list[Session]:
    """Return an account's open sessions, latest seen first."""
    s, now = sign_in_session.c, sa.func.clock_timestamp()
    rows = conn.execute(
        sa.select(s.id, s.started_at, s.seen_at, s.address, s.agent, s.token_hash)
        .where(s.account_id == account_id, s.ended_at.is_(None), s.expires_at > now, s.seen_at > now - IDLE)
        .order_by(s.seen_at.desc())
    )
    return [Session(*row[:5], row.token_hash == this) for row in rows]


def make_token(
    conn: sa.Connection,
    account_id: UUID,
    *,
    days: int,
    label: str = "",
    verbs: tuple[str, ...] | None = None,
    place: str | None = None,
) -> str:
    """Make an API token for an account and return it: it is shown this once.

    Parameters
    ----------
    days : 1 to 366
    verbs, place : narrow the token further than the account's own grants; None leaves them as they are
    """
    if not 1 <= days <= MAX_TOKEN_DAYS:
        raise InvalidInput(
            f"A token lasts 1 to {MAX_TOKEN_DAYS} days. 有效期为 1 至 {MAX_TOKEN_DAYS} 天。", where="days"
        )
    token = f"gm_{secrets.token_urlsafe(32)}"
    conn.execute(
        sa.insert(api_token).values(
            id=uuids.uuid7(), account_id=account_id, token_hash=hash_of(token), label=label[:80] or "token",
            verbs=list(verbs) if verbs is not None else None,
            place=None if place is None else grants.place_of(place),
            expires_at=sa.func.now() + timedelta(days=days),
        )
    )  # fmt: skip
    return token


def issue_token(
    conn: sa.Connection,
    actor: Actor,
    name: str,
    *,
    days: int,
    label: str = "",
    verbs: tuple[str, ...] | None = None,
    place: str | None = None,
) -> str:
    """Make an API token for somebody's account and return it, as `make_token` does for one's own."""
    actor.require("account.manage")
    owner = people.find(conn, name)
    if owner.disabled_at is not None:
        raise Conflict(f"Account {owner.name} is disabled; no token of it would hold. 账号已停用。", where="name")
    return make_token(conn, owner.id, days=days, label=label, verbs=verbs, place=place)


def identify_token(conn: sa.Connection, token: str) -> Identity | None:
    """Return who an API token stands for: its account's grants of this moment, narrowed to the token's own."""
    t, a, now = api_token.c, account.c, sa.func.clock_timestamp()
    row = conn.execute(
        sa.select(a.id, a.name, a.is_demo, t.verbs, t.place, t.label)
        .join(account, a.id == t.account_id)
        .where(t.token_hash == hash_of(token), t.ended_at.is_(None), t.expires_at > now, a.disabled_at.is_(None))
    ).first()
    if row is None:
        return None
    held = grants.current(conn, row.id)
    rights = tuple(narrowed(right, row.verbs, row.place) for right in grants.rights_of(held))
    return Identity(row.id, row.name, Actor(f"{row.name} ({row.label})", rights), held, row.is_demo)


def narrowed(right: Right, verbs: list[str] | None, place: str | None) -> Right:
    """Return a right cut down to some verbs and a place; places that do not nest leave nothing."""
    kept = right.verbs if verbs is None else frozenset(verbs) & (right.verbs or frozenset(verbs))
    if place is None:
        return Right(kept, right.places)
    return Right(kept, tuple(found for own in right.places if (found := _narrower(own, place)) is not None))


def _narrower(one: str, other: str) -> str | None:
    """Return the narrower of two places, None where neither holds the other."""
    if len(one) > 12 and len(other) > 12:
        return one if one == other else None
    if one.startswith(other):
        return one
    return other if other.startswith(one) and len(one) <= 12 else None


def tokens_of(conn: sa.Connection, account_id: UUID) -> list[sa.Row]:
    """Return an account's tokens that hold: id, label, created_at, expires_at, verbs, place."""
    t = api_token.c
    return list(
        conn.execute(
            sa.select(t.id, t.label, t.created_at, t.expires_at, t.verbs, t.place)
            .where(t.account_id == account_id, t.ended_at.is_(None), t.expires_at > sa.func.clock_timestamp())
            .order_by(t.created_at)
        )
    )


def end_token(conn: sa.Connection, account_id: UUID, token_id: UUID) -> None:
    """End one of an account's own tokens."""
    t = api_token.c
    found = conn.execute(
        sa.update(api_token)
        .where(t.id == token_id, t.account_id == account_id, t.ended_at.is_(None))
        .values(ended_at=sa.func.now())
    )
    if not found.rowcount:
        raise NotFound("There is no such token. 没有此令牌。", where="token")


def make_link(conn: sa.Connection, account_id: UUID) -> str:
    """Make a link's secret that signs an account in once within twelve hours."""
    token = secrets.token_urlsafe(32)
    conn.execute(
        sa.insert(sign_in_link).values(
            token_hash=hash_of(token), account_id=account_id, expires_at=sa.func.now() + LINK_LASTS
        )
    )
    return token


def use_link(conn: sa.Connection, token: str) -> UUID | None:
    """Return the account a link signs in, once; None if it was used, has expired or never was."""
    link, now = sign_in_link.c, sa.func.clock_timestamp()
    found: UUID | None = conn.scalar(
        sa.update(sign_in_link)
        .where(link.token_hash == hash_of(token), link.used_at.is_(None), link.expires_at > now)
        .where(sa.exists().where(account.c.id == link.account_id, account.c.disabled_at.is_(None)))
        .values(used_at=now)
        .returning(link.account_id)
    )
    return found
