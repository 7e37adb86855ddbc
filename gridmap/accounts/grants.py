"""Grants: which role an account holds where, from when to when, by whom. They end by themselves."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import uuid_utils.compat as uuids

from gridmap import audit
from gridmap.access import EVERYWHERE, PLACE_PATTERN, Actor, Right
from gridmap.accounts.tables import access_grant, account
from gridmap.errors import Conflict, InvalidInput, NotAllowed, NotFound
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
    stand_in_for: str | None = None  # whose grant was handed on

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


def not_over() -> sa.ColumnElement[bool]:
    """Return the condition that a grant holds now or will."""
    return sa.or_(access_grant.c.valid_to.is_(None), access_grant.c.valid_to > sa.func.clock_timestamp())


def place_of(text: str) -> str:
    """Return a place as stored, `all` for the whole register, or raise InvalidInput."""
    place = EVERYWHERE if text.strip().lower() == ALL else text.strip()
    if (not place and text.strip().lower() != ALL) or not PLACE_PATTERN.fullmatch(place):
        raise _no_place(text)
    return place


def _no_place(text: str) -> InvalidInput:
    return InvalidInput(
        f"{text[:40]!r} is not a place: give the code of a county or wider area (2 to 6 digits), sub-district (9), "
        "community (12), grid (15), building (17) or supply point, or `all`. 地点代码无效。",
        where="place",
    )


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


def would_hold(conn: sa.Connection, role: str, place: str) -> Held:
    """Return what a grant of a role over a place would give; InvalidInput for a supply point that is nowhere."""
    found = place_named(conn, place)
    if not place.isdigit() and place != EVERYWHERE and found is None:
        raise _no_place(place)
    return Held(role, place, found.community if found is not None and found.level == "supply_point" else None)


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
    name = _receiver(conn, actor, account_id)
    _refuse_united_administrators(conn, account_id, role)
    g, now = access_grant.c, sa.func.clock_timestamp()
    if until is not None and conn.scalar(sa.select(sa.literal(until, sa.DateTime(timezone=True)) <= now)):
        raise InvalidInput("The end of a grant lies in the past. 截止时间已过。", where="until")
    same = sa.select(g.id).where(
        g.account_id == account_id, g.role == role, g.place == place, in_force(), g.valid_to.is_not_distinct_from(until)
    )
    if conn.scalar(same):
        raise Conflict("The account holds this grant already. 已有此授权。")
    if since is not None and until is not None and since >= until:
        raise InvalidInput("A grant ends after it begins. 截止时间须晚于开始时间。", where="until")
    community = would_hold(conn, role, place).community
    made = _insert(conn, actor, account_id, role, place, since=since, until=until, reason=reason, community=community)
    _note(conn, actor, "granted", name, role, place, since=since, until=until, reason=reason)
    return made


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
    if to_account == own_account:
        raise InvalidInput("A stand-in is somebody else. 不能委托给自己。", where="to")
    name = _receiver(conn, actor, to_account)
    made = _insert(
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
    _note(conn, actor, "delegated", name, own.role, own.place, until=end)
    return made


def end_delegation(conn: sa.Connection, actor: Actor, own_account: UUID, grant_id: UUID) -> None:
    """End a stand-in's grant that was handed on from one's own."""
    g, own = access_grant.c, access_grant.alias("own")
    row = conn.execute(
        sa.select(g.role, g.place, account.c.name)
        .join(own, own.c.id == g.delegated_from)
        .join(account, account.c.id == g.account_id)
        .where(g.id == grant_id, own.c.account_id == own_account, in_force())
    ).first()
    if row is None:
        raise NotFound("You have handed on no such grant. 没有此委托。", where="grant")
    _end(conn, g.id == grant_id)
    _note(conn, actor, "grant_ended", row.name, row.role, row.place)


def end(conn: sa.Connection, actor: Actor, grant_id: UUID) -> None:
    """End a grant now, and those delegated from it; the last administrator of a kind keeps the role."""
    actor.require("grant.manage")
    g = access_grant.c
    row = conn.execute(
        sa.select(g.account_id, g.role, g.place, account.c.name)
        .join(account, account.c.id == g.account_id)
        .where(g.id == grant_id, not_over())
    ).first()
    if row is None:
        raise NotFound("There is no such grant in force. 没有此有效授权。", where="grant")
    if row.role in ADMINISTRATORS:
        refuse_last_administrator(conn, row.account_id, roles=(row.role,))
    _end(conn, sa.or_(g.id == grant_id, g.delegated_from == grant_id))
    _note(conn, actor, "grant_ended", row.name, row.role, row.place)


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
    name = _receiver(conn, actor, to_account)
    for row in held:
        _end(conn, sa.or_(g.id == row.id, g.delegated_from == row.id))
        if not _holds_as_long(conn, to_account, row):
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
        _note(conn, actor, "handed_over", name, row.role, row.place, before=_name_of(conn, from_account))
    return len(held)


def _holds_as_long(conn: sa.Connection, account_id: UUID, given: sa.Row) -> bool:
    """Return whether an account holds the same role over the same place, at least as long."""
    g = access_grant.c
    lasts = (
        g.valid_to.is_(None) if given.valid_to is None else sa.or_(g.valid_to.is_(None), g.valid_to >= given.valid_to)
    )
    same = sa.and_(g.account_id == account_id, g.role == given.role, g.place == given.place, in_force(), lasts)
    return bool(conn.scalar(sa.select(sa.exists().where(same))))


def listed(
    conn: sa.Connection,
    actor: Actor,
    *,
    account_id: UUID | None = None,
    also_past: bool = False,
    name: str = "",
    role: str | None = None,
    place: str = "",
    after: UUID | None = None,
    limit: int | None = None,
) -> list[Grant]:
    """Return the grants in force and to come; one's own are for everybody (`grants_of`).

    Parameters
    ----------
    name, place : only accounts whose name holds this text, only places whose code begins with it
    after, limit : a page: at most so many, those that follow this grant
    """
    actor.require("grant.manage")
    g = access_grant.c
    query = _query(also_past=also_past)
    if account_id is not None:
        query = query.where(g.account_id == account_id)
    if name:
        query = query.where(account.c.name.contains(name.strip().lower(), autoescape=True))
    if role:
        query = query.where(g.role == role)
    if place:
        query = query.where(g.place == EVERYWHERE if place == ALL else g.place.startswith(place, autoescape=True))
    if after is not None:
        last = sa.select(account.c.name, g.id).join(account, account.c.id == g.account_id).where(g.id == after)
        query = query.where(sa.tuple_(account.c.name, g.id) > last.scalar_subquery())
    return [Grant(*row) for row in conn.execute(query.order_by(account.c.name, g.id).limit(limit))]


def grants_of(conn: sa.Connection, account_id: UUID) -> list[Grant]:
    """Return an account's own grants in force."""
    query = _query(also_past=False).where(access_grant.c.account_id == account_id)
    return [Grant(*row) for row in conn.execute(query.order_by(access_grant.c.role, access_grant.c.place))]


def handed_on(conn: sa.Connection, account_id: UUID) -> list[Grant]:
    """Return the grants in force that stand-ins hold from an account."""
    own = sa.select(access_grant.c.id).where(access_grant.c.account_id == account_id)
    query = _query(also_past=False).where(access_grant.c.delegated_from.in_(own))
    return [Grant(*row) for row in conn.execute(query.order_by(access_grant.c.valid_to))]


def administrator_roles(conn: sa.Connection, account_id: UUID) -> list[str]:
    """Return the administrators' roles an account holds or will hold."""
    g = access_grant.c
    query = sa.select(g.role).where(g.account_id == account_id, g.role.in_(ADMINISTRATORS), not_over())
    return list(conn.scalars(query.distinct()))


def _query(*, also_past: bool) -> sa.Select:
    g, giver, owner = access_grant.c, access_grant.alias("giver"), account.alias("owner")
    stand_in_for = (
        sa.select(owner.c.name)
        .join(giver, giver.c.account_id == owner.c.id)
        .where(giver.c.id == g.delegated_from)
        .scalar_subquery()
    )
    return (
        sa.select(
            g.id, account.c.name, g.role, g.place, g.valid_from, g.valid_to, g.granted_by, g.reason, g.delegated_from,
            stand_in_for,
        )
        .join(account, account.c.id == g.account_id)
        .where(sa.true() if also_past else not_over())
    )  # fmt: skip


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


def _receiver(conn: sa.Connection, actor: Actor, account_id: UUID) -> str:
    """Return the name of who is to hold a grant; nobody grants to themself, and nothing goes to a disabled account."""
    row = conn.execute(sa.select(account.c.name, account.c.disabled_at).where(account.c.id == account_id)).first()
    if row is None or row.disabled_at is not None:
        raise NotFound("There is no such account in use. 没有此可用账号。", where="account")
    if row.name == actor.name.partition(" ")[0]:  # also by a token, whose actor is "name (label)"
        raise NotAllowed("Nobody grants a role to themself. 不能给自己授权。", where="account")
    return str(row.name)


def _name_of(conn: sa.Connection, account_id: UUID) -> str:
    return str(conn.scalar(sa.select(account.c.name).where(account.c.id == account_id)))


def _note(
    conn: sa.Connection,
    actor: Actor,
    action: str,
    name: str,
    role: str,
    place: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    **more: str | None,
) -> None:
    moments = {"since": since and since.isoformat(), "until": until and until.isoformat()}
    facts = {"account": name, "role": role, "place": place or ALL} | moments | more
    told = {fact: value for fact, value in facts.items() if value is not None}
    audit.record(conn, actor, action, "access_grant", rows=1, detail=told)


def _refuse_united_administrators(conn: sa.Connection, account_id: UUID, role: str) -> None:
    others = set(administrator_roles(conn, account_id)) - {role}
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
    conn.execute(sa.update(access_grant).where(which, not_over()).values(valid_to=sa.func.greatest(now, g.valid_from)))
