"""Who did what: the entries that triggers write, events that only the service knows, and the proof that none is altered.

Every statement that changes a domain table leaves one entry for each community it touched, in that community's chain;
what has no community goes to the chain with the empty name. An entry's hash covers the entry and the hash before it.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from gridmap.access import Actor
from gridmap.errors import InvalidInput
from gridmap.tables import metadata, moment, spread

FETCHED_AT_ONCE = 5_000
SWITCH = "gridmap.audit"  # the setting by which the database shows entries (migration 0005)
NOWHERE = "-"  # how people write the chain of what has no community

table = sa.Table(
    "audit_entry", metadata,
    sa.Column("chain", sa.Text(collation="C"), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    moment("at"),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.Text),
    sa.Column("detail", sa.Text),
    sa.Column("hash", sa.Text, nullable=False),
    sa.CheckConstraint("seq >= 1", name="seq"),
    sa.Index("audit_entry_at_idx", "at"),
    sa.Index(
        "audit_entry_persons_idx", "action", "at", postgresql_where=sa.text("action IN ('reveal', 'search')")
    ),
    info=spread("copy"),
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One entry. `rows` is how many rows the statement changed, `digest` their fingerprint, `detail` facts as JSON."""

    chain: str
    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    rows: int
    digest: str | None
    detail: str | None
    hash: str


@dataclass(frozen=True)
class Fault:
    """The first entry of a chain that is not as it was written, and why."""

    chain: str
    seq: int
    reason: str


def record(
    conn: sa.Connection,
    actor: Actor,
    action: str,
    subject: str,
    *,
    rows: int,
    detail: Mapping[str, object],
    chain: str = "",
) -> None:
    """Append an event that no trigger sees, such as an export, to a community's chain or that of what has none."""
    if not actor.name:
        raise InvalidInput("An event needs an actor.", where="actor")
    facts = json.dumps(detail, ensure_ascii=False, sort_keys=True)
    conn.execute(sa.select(sa.func.append_audit(chain, action, subject, rows, None, facts)))


@dataclass(frozen=True)
class Wanted:
    """Which entries are asked for; None asks for any.

    `by` is an account's name and stands for its tokens and for looking as others too; `since` is included, `until` not;
    `place` is what a chain's community begins with, NOWHERE the chain of what has none.
    """

    by: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    action: str | None = None
    subject: str | None = None
    place: str | None = None

    def condition(self) -> sa.ColumnElement[bool]:
        """Return it as a condition on entries."""
        c = table.c
        return sa.and_(
            sa.true()
            if self.by is None
            else sa.or_(c.actor == self.by, c.actor.startswith(f"{self.by} ", autoescape=True)),
            sa.true() if self.since is None else c.at >= self.since,
            sa.true() if self.until is None else c.at < self.until,
            sa.true() if self.action is None else c.action == self.action,
            sa.true() if self.subject is None else c.subject == self.subject,
            self._in_place(),
        )

    def _in_place(self) -> sa.ColumnElement[bool]:
        if self.place is None:
            return sa.true()
        return table.c.chain == "" if self.place == NOWHERE else table.c.chain.startswith(self.place, autoescape=True)


@dataclass(frozen=True)
class Cursor:
    """Where a page of entries ends: the last one's moment, chain and number."""

    at: datetime
    chain: str
    seq: int

    def __str__(self) -> str:
        """Return it as it stands in a link."""
        return f"{self.at.astimezone(UTC).isoformat()}~{self.seq}~{self.chain}"

    @classmethod
    def parsed(cls, text: str) -> "Cursor":
        """Return the cursor that a link holds, or raise InvalidInput."""
        at, _, rest = text.partition("~")
        seq, _, chain = rest.partition("~")
        try:
            return cls(datetime.fromisoformat(at).astimezone(UTC), chain, int(seq))
        except (ValueError, OverflowError):
            raise InvalidInput("The link to the next page is not whole. 翻页参数无效。", where="after") from None


def entries(
    conn: sa.Connection,
    actor: Actor,
    *,
    by: str | None = None,
    chain: str | None = None,
    wanted: Wanted = Wanted(),
    after: Cursor | None = None,
    limit: int = 50,
) -> list[Entry]:
    """Return the latest entries, latest first.

    Parameters
    ----------
    by, chain : only those of exactly this actor, of exactly this chain
    wanted : only those that fit
    after : the entry after which the page begins
    """
    actor.require("audit.view")
    query = sa.select(table).where(wanted.condition())
    if by is not None:
        query = query.where(table.c.actor == by)
    if chain is not None:
        query = query.where(table.c.chain == chain)
    if after is not None:
        query = query.where(_follows(after))
    return [Entry(*row) for row in conn.execute(_latest_first(query).limit(limit))]


def each(conn: sa.Connection, actor: Actor, wanted: Wanted) -> Iterator[Entry]:
    """Yield every entry that fits, latest first, without holding them all."""
    actor.require("audit.view")
    query = _latest_first(sa.select(table).where(wanted.condition())).execution_options(yield_per=FETCHED_AT_ONCE)
    with conn.execute(query) as rows:
        for row in rows:
            yield Entry(*row)


def count(conn: sa.Connection, actor: Actor, wanted: Wanted = Wanted()) -> int:
    """Return how many entries fit."""
    actor.require("audit.view")
    return conn.scalar(sa.select(sa.func.count()).select_from(table).where(wanted.condition())) or 0


def own(
    conn: sa.Connection, actor: Actor, actions: tuple[str, ...], subjects: tuple[str, ...], limit: int
) -> list[Entry]:
    """Return what an actor did itself, latest first: of some actions on some subjects. No right is needed for that."""
    c = table.c
    before = conn.scalar(sa.select(sa.func.coalesce(sa.func.current_setting(SWITCH, True), "")))
    conn.execute(sa.select(sa.func.set_config(SWITCH, "on", True)))
    try:
        mine = sa.select(table).where(c.actor == actor.name, c.action.in_(actions), c.subject.in_(subjects))
        return [Entry(*row) for row in conn.execute(_latest_first(mine).limit(limit))]
    finally:
        conn.execute(sa.select(sa.func.set_config(SWITCH, before, True)))


def _latest_first(query: sa.Select) -> sa.Select:
    return query.order_by(table.c.at.desc(), table.c.chain, table.c.seq.desc())


def _follows(after: Cursor) -> sa.ColumnElement[bool]:
    c = table.c
    later_in_chain = sa.and_(c.chain == after.chain, c.seq < after.seq)
    return sa.or_(c.at < after.at, sa.and_(c.at == after.at, sa.or_(c.chain > after.chain, later_in_chain)))


def heads(conn: sa.Connection, actor: Actor) -> dict[str, tuple[int, str]]:
    """Return the last number and hash of each chain: kept elsewhere, they show later whether a tail was cut off."""
    actor.require("audit.view")
    latest = sa.select(table.c.chain, sa.func.max(table.c.seq).label("seq")).group_by(table.c.chain).subquery()
    joined = sa.and_(table.c.chain == latest.c.chain, table.c.seq == latest.c.seq)
    rows = conn.execute(
        sa.select(table.c.chain, table.c.seq, table.c.hash).join(latest, joined).order_by(table.c.chain)
    )
    return {row.chain: (row.seq, row.hash) for row in rows}


def verify(
    conn: sa.Connection, actor: Actor, known: Mapping[str, tuple[int, str]] | None = None
) -> tuple[int, list[Fault]]:
    """Return how many entries were read and the first fault of each chain that has one.

    Parameters
    ----------
    known : heads exported earlier; each must still stand in its chain, or the chain was cut or written anew

    Notes
    -----
    Every hash is worked out here again from the entry and the hash before it, so an entry that was edited, taken out,
    put in or moved is found even if whoever did it was a superuser, unless every later hash was written anew as well;
    that is what `known` finds.
    """
    part = verify_part(conn, actor)
    faults = {fault.chain: fault for fault in gone(conn, actor, known or {})} | {f.chain: f for f in part.faults}
    return part.count, sorted(faults.values(), key=lambda fault: fault.chain)


@dataclass(frozen=True)
class Part:
    """What reading a part of the chains has shown; `reached` is the last entry that was read, None at the end of all."""

    count: int
    faults: tuple[Fault, ...]
    reached: tuple[str, int] | None


def verify_part(
    conn: sa.Connection,
    actor: Actor,
    after: tuple[str, int] | None = None,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> Part:
    """Verify the chains from an entry on until told to stop: the first fault of each chain that was read.

    Parameters
    ----------
    after : chain and number of the last entry that was read before
    stop : asked after every few thousand entries
    """
    actor.require("audit.view")
    faults: dict[str, Fault] = {}
    chain, seq = after or (None, 0)
    before, read = _hash_at(conn, after) if after else "", 0
    for read, entry in enumerate(_all(conn, after), 1):
        if entry.chain != chain:
            chain, seq, before = entry.chain, 0, ""
        if chain not in faults and (reason := _fault(entry, seq + 1, before)):
            faults[chain] = Fault(chain, entry.seq, reason)
        seq, before = entry.seq, entry.hash
        if read % FETCHED_AT_ONCE == 0 and stop():
            return Part(read, tuple(faults.values()), (chain, seq))
    return Part(read, tuple(faults.values()), None)


def gone(conn: sa.Connection, actor: Actor, known: Mapping[str, tuple[int, str]]) -> list[Fault]:
    """Return a fault for each head exported earlier that does not stand in its chain any more."""
    actor.require("audit.view")
    heads = sa.values(sa.column("chain", sa.Text), sa.column("seq", sa.BigInteger), name="known").data(
        [(chain, seq) for chain, (seq, _) in known.items()]
    )
    same = sa.and_(table.c.chain == heads.c.chain, table.c.seq == heads.c.seq)
    rows = conn.execute(sa.select(table.c.chain, table.c.seq, table.c.hash).join(heads, same)) if known else ()
    standing = {row.chain: (row.seq, row.hash) for row in rows}
    reason = "the exported head is not in the chain: it was cut off or written anew"
    return [Fault(name, head[0], reason) for name, head in known.items() if standing.get(name) != head]


def _hash_at(conn: sa.Connection, entry: tuple[str, int]) -> str:
    chain, seq = entry
    return conn.scalar(sa.select(table.c.hash).where(table.c.chain == chain, table.c.seq == seq)) or ""


def write_heads(known: Mapping[str, tuple[int, str]], path: str | Path) -> None:
    """Write heads as JSON."""
    Path(path).write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")


def read_heads(path: str | Path) -> dict[str, tuple[int, str]]:
    """Return the heads in a file that `write_heads` or the daily keeper made, or raise InvalidInput."""
    try:
        known = json.loads(Path(path).read_text(encoding="utf-8"))
        known = known.get("heads", known) if "database" in known else known
        return {str(chain): (int(seq), str(digest)) for chain, (seq, digest) in known.items()}
    except (ValueError, AttributeError, TypeError) as exc:
        raise InvalidInput(f"{path} holds no audit heads: {exc}", where="heads") from exc


def _all(conn: sa.Connection, after: tuple[str, int] | None) -> Iterator[Entry]:
    query = sa.select(table).order_by(table.c.chain, table.c.seq).execution_options(yield_per=FETCHED_AT_ONCE)
    if after is not None:
        query = query.where(sa.tuple_(table.c.chain, table.c.seq) > sa.tuple_(*after))
    with conn.execute(query) as rows:
        for row in rows:
            yield Entry(*row)


def _fault(entry: Entry, expected: int, before: str) -> str | None:
    if entry.seq != expected:
        return f"entry {expected} is missing"
    if entry.hash != hash_of(entry, before):
        return "the entry was altered, or the one before it"
    return None


def hash_of(entry: Entry, before: str) -> str:
    """Return the hash an entry must have after the hash `before`; the database's append_audit works it out alike."""
    at = entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    said = (
        entry.chain, entry.seq, at, entry.actor, entry.action, entry.subject, entry.rows, entry.digest, entry.detail,
        before,
    )  # fmt: skip
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()
