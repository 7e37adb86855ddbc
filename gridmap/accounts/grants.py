"""Grants: which role an account holds where, from when to when, by whom. They end by themselves."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import uuid_utils.compat as uuids

from gridmap.access import EVERYWHERE, PLACE_PATTERN, Actor, Right
from gridmap.accounts.tables import access_grant, account
from gridmap.errors import Conflict, InvalidInput, NotFound
from gridmap.roles import ADMINISTRATORS, OPEN_VERBS, ROLES

ALL = "all"  # how people write the whole register
CLOCK = ZoneInfo("Asia/Shanghai")  # the one legal time of the whole country


@dataclass(frozen=True)
class Grant:
    """A role over a place, in force from `valid_from` to `valid_to` (open when None)."""

    id: UUID
    account: str
    role: str
    place: str
    valid_from: datetime
    valid_to: datetime | None
    granted_by: str
    reason: str | None
    delegated_from: UUID | None

    @property
    def place_shown(self) -> str:
        """Return the place as people write it."""
        return self.place or ALL


@dataclass(frozen=True)
class Wanted:
    """A grant as a person words it, checked."""

    role: str
    place: str
    until: datetime | None

    @property
    def place_shown(self) -> str:
        """Return the place as people write it."""
        return self.place or ALL

    def __str__(self) -> str:
        """Return it as it is told to a person."""
        end = f" until {shown(self.until)}" if self.until else ""
        return f"{self.role} {ROLES[self.role].title_zh} over {self.place_shown}{end}"


def parsed(role: str, place: str | None, until: str | None) -> Wanted:
    """Return a grant as worded by a person, or raise InvalidInput; without a place an administrator holds over all."""
    found = role_of(role)
    if place is None and found not in ADMINISTRATORS:
        raise InvalidInput(
            f"Say where the role holds: the code of a place, or `{ALL}`. 请给出地点代码，或写 {ALL}。", where="place"
        )
    return Wanted(found, place_of(ALL if place is None else place), None if until is None else end_of(until))


def end_of(text: str) -> datetime:
    """Return the moment a worded end stands for: a day holds to its last moment, a time without a zone is China's."""
    try:
        day = date.fromisoformat(text.strip())
        return datetime.combine(day + timedelta(days=1), time(), CLOCK)
    except (ValueError, OverflowError):
        pass
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(
            f"{text[:40]!r} is no day: write 2026-12-31 or 2026-12-31T18:00. 日期格式无效。", where="until"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=CLOCK)


def shown(moment: datetime) -> str:
    """Return an end as people write it: the last day for one at midnight, else day and time in China."""
    here = moment.astimezone(CLOCK)
    return f"{here - timedelta(days=1):%Y-%m-%d}" if here.time() == time() else f"{here:%Y-%m-%d %H:%M}"


def in_force() -> sa.ColumnElement[bool]:
    """Return the condition that a grant holds now."""
    g, now = access_grant.c, sa.func.clock_timestamp()
    return sa.and_(g.valid_from <= now, sa.or_(g.valid_to.is_(None), g.valid_to > now))


def place_of(text: str) -> str:
    """Return a place as stored, `all` for the whole register, or raise InvalidInput."""
    place = EVERYWHERE if text.strip().lower() == ALL else text.strip()
    if (not place and text.strip().lower() != ALL) or not PLACE_PATTERN.fullmatch(place):
        raise InvalidInput(
            f"{text[:40]!r} is not a place: give the code of a county or wider area (2 to 6 digits), sub-district (9), "
            "community (12), grid (15), building (17) or supply point, or `all`. 地点代码无效。",
            where="place",
        )
    return place


def role_of(text: str) -> str:
    """Return a role's name, given in either language, or raise InvalidInput."""
    for name, role in ROLES.items():
        if text.strip().lower() in (name, role.title.lower(), role.title_zh):
            return name
    raise InvalidInput(f"There is no role {text[:40]!r}. Roles: {', '.join(ROLES)}. 没有此角色。", where="role")


@dataclass(frozen=True)
class Held:
    """A role somebody holds over a place; `community` is told for a place whose code does not begin with it."""

    role: str
    place: str
    community: str | None = None


def rights_of(held: Iterable[Held]) -> tuple[Right, ...]:
    """Return the rights that roles over places give; an unknown role gives none.

    Who keeps a supply point sees the open layers (grids, streets, zones) of the community around it.
    """
    rights = []
    for one in sorted(set(held), key=lambda one: (one.role, one.place)):
        if (role := ROLES.get(one.role)) is not None:
            rights.append(Right(role.verbs, (one.place,)))
            if one.community is not None:
                rights.append(Right(role.verbs & OPEN_VERBS, (one.community,)))
    return tuple(rights)


def current(conn: sa.Connection, account_id: UUID) -> tuple[Held, ...]:
    """Return what an account holds now."""
    g = access_grant.c
    rows = conn.execute(sa.select(g.role, g.place, g.community).where(g.account_id == account_id, in_force()))
    return tuple(Held(*row) for row in rows)


@dataclass(frozen=True)
class NamedPlace:
    """A place as people know it."""

    level: str
    name: str
    community: str | None


def place_named(conn: sa.Connection, place: str) -> NamedPlace | None:
    """Return the name of a place by its code, or None where nothing has it; also for who sees no register."""
    found = sa.func.place_named(place).table_valued("level", "name", "community")
    row = conn.execute(sa.select(found)).first()
    return None if row is None else NamedPlace(*row)


def give(
    conn: sa.Connection,
    actor: Actor,
    account_id: UUID,
    role: str,
    place: str,
    *,
    until: datetime | None = None,
    since: datetime | None = None,
    reason: str | None = None,
) -> UUID:
    """Grant a role over a place and return the grant's id.

    Raises
    ------
    InvalidInput for an unknown role or place or an end in the past; Conflict if it would put two of the three
    administrators' roles on one account, or is held already.
    """
    actor.require("grant.manage")
    role, place = role_of(role), place_of(place or ALL)
    _refuse_united_administrators(conn, account_id, role)
    g, now = access_grant.c, sa.func.clock_timestamp()
    if until is not None and conn.scalar(sa.select(sa.literal(until, sa.DateTime(timezone=True)) <= now)):
        raise InvalidInput("The end of a grant lies in the past. 截止时间已过。", where="until")
    same = sa.select(g.id).where(
        g.account_id == account_id, g.role == role, g.place == place, in_force(), g.valid_to.is_not_distinct_from(until)
    )
    if conn.scalar(same):
        raise Conflict("The account holds this grant already. 已有此授权。")
    found = place_named(conn, place)
    if not place.isdigit() and place != EVERYWHERE and found is None:
        raise InvalidInput(f"There is no supply point {place[:40]!r}. 没有此物资点。", where="place")
    community = found.community if found is not None and found.level == "supply_point" else None
    return _insert(conn, actor, account_id, role, place, since=since, until=until, reason=reason, community=community)


def delegate(
    conn: sa.Connection, actor: Actor, own_account: UUID, grant_id: UUID, to_account: UUID, *, until: datetime
) -> UUID:
    """Hand one's own grant on for a time, as a stand-in; it ends with the grant it comes from at the latest."""
    g = access_grant.c
    own = conn.execute(sa.select(access_grant).where(g.id == grant_id, g.account_id == own_account, in_force())).first()
    if own is None or own.delegated_from is not None or own.role in ADMINISTRATORS:
        raise NotFound("You hold no such grant that could be handed on. 没有可委托的授权。", where="grant")
    end = until if own.valid_to is None else min(until, own.valid_to)
    if conn.scalar(sa.select(sa.literal(end, sa.DateTime(timezone=True)) <= sa.func.clock_timestamp())):
        raise InvalidInput("The end of a grant lies in the past. 截止时间已过。", where="until")
    return _insert(
        conn,
        actor,
        to_account,
        own.role,
        own.place,
        since=None,
        until=end,
        reason="delegated",
        delegated_from=own.id,
        community=own.community,
    )


def end(conn: sa.Connection, actor: Actor, grant_id: UUID) -> None:
    """End a grant now, and those delegated from it; the last administrator of a kind keeps the role."""
    actor.require("grant.manage")
    g = access_grant.c
    row = conn.execute(sa.select(g.account_id, g.role).where(g.id == grant_id, in_force())).first()
    if row is None:
        raise NotFound("There is no such grant in force. 没有此有效授权。", where="grant")
    if row.role in ADMINISTRATORS:
        refuse_last_administrator(conn, row.account_id, roles=(row.role,))
    _end(conn, sa.or_(g.id == grant_id, g.delegated_from == grant_id))


def hand_over(conn: sa.Connection, actor: Actor, place: str, from_account: UUID, to_account: UUID) -> int:
    """Move every grant over a place from one account to another in one step and return how many moved."""
    actor.require("grant.manage")
    g, place = access_grant.c, place_of(place)
    held = conn.execute(
        sa.select(access_grant).where(
            g.account_id == from_account, g.place == place, in_force(), g.delegated_from.is_(None)
        )
    ).all()
    held = [row for row in held if row.role not in ADMINISTRATORS]
    if not held:
        raise NotFound("The account holds no grant over this place. 该账号在此处没有授权。", where="place")
    if from_account == to_account:
        raise InvalidInput("A grid is handed over to somebody else. 交接双方不能相同。", where="to")
    for row in held:
        _end(conn, sa.or_(g.id == row.id, g.delegated_from == row.id))
        _insert(
            conn,
            actor,
            to_account,
            row.role,
            row.place,
            since=None,
            until=row.valid_to,
            reason="hand-over",
            community=row.community,
        )
    return len(held)


def listed(
    conn: sa.Connection, actor: Actor, *, account_id: UUID | None = None, also_past: bool = False
) -> list[Grant]:
    """Return the grants in force, of one account if given; one's own are for everybody (`grants_of`)."""
    actor.require("grant.manage")
    return _listed(conn, account_id, also_past=also_past)


def grants_of(conn: sa.Connection, account_id: UUID) -> list[Grant]:
    """Return an account's own grants in force."""
    return _listed(conn, account_id, also_past=False)


def _listed(conn: sa.Connection, account_id: UUID | None, *, also_past: bool) -> list[Grant]:
    g = access_grant.c
    query = sa.select(
        g.id, account.c.name, g.role, g.place, g.valid_from, g.valid_to, g.granted_by, g.reason, g.delegated_from
    ).join(account, account.c.id == g.account_id)
    if account_id is not None:
        query = query.where(g.account_id == account_id)
    if not also_past:
        query = query.where(sa.or_(g.valid_to.is_(None), g.valid_to > sa.func.clock_timestamp()))
    return [Grant(*row) for row in conn.execute(query.order_by(account.c.name, g.role, g.place, g.valid_from))]


def refuse_last_administrator(
    conn: sa.Connection, account_id: UUID, *, roles: tuple[str, ...] = ADMINISTRATORS
) -> None:
    """Raise Conflict if an account is the last one that holds an administrator's role for good."""
    conn.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('administrators', 0))"))
    g = access_grant.c
    for role in roles:
        holders = set(
            conn.scalars(
                sa.select(g.account_id)
                .join(account, account.c.id == g.account_id)
                .where(g.role == role, in_force(), g.valid_to.is_(None), account.c.disabled_at.is_(None))
            )
        )
        if holders == {account_id}:
            raise Conflict(
                f"This is the last {ROLES[role].title.lower()}; grant the role to somebody else first. "
                f"这是最后一位{ROLES[role].title_zh}，请先授权他人。"
            )


def _refuse_united_administrators(conn: sa.Connection, account_id: UUID, role: str) -> None:
    others = {held.role for held in current(conn, account_id)} & set(ADMINISTRATORS) - {role}
    if role in ADMINISTRATORS and others:
        raise Conflict(
            "The three administrators are three people: this account holds another of these roles. 三员分立，不可兼任。",
            where="role",
        )


def _insert(
    conn: sa.Connection,
    actor: Actor,
    account_id: UUID,
    role: str,
    place: str,
    *,
    since: datetime | None,
    until: datetime | None,
    reason: str | None,
    delegated_from: UUID | None = None,
    community: str | None = None,
) -> UUID:
    row = {
        "community": community,
        "id": uuids.uuid7(), "account_id": account_id, "role": role, "place": place, "valid_to": until,
        "valid_from": since or sa.func.clock_timestamp(), "granted_by": actor.name, "reason": reason,
        "delegated_from": delegated_from,
    }  # fmt: skip
    conn.execute(sa.insert(access_grant).values(**row))
    identity: UUID = row["id"]  # type: ignore[assignment]
    return identity


def _end(conn: sa.Connection, which: sa.ColumnElement[bool]) -> None:
    now, g = sa.func.clock_timestamp(), access_grant.c
    still = sa.or_(g.valid_to.is_(None), g.valid_to > now)
    conn.execute(sa.update(access_grant).where(which, still).values(valid_to=sa.func.greatest(now, g.valid_from)))
