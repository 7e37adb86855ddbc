"""Who did what: the entries that triggers write, events that only the service knows, and the proof that none is altered.

Every statement that changes a domain table leaves one entry for each community it touched, in that community's chain;
what has no community goes to the chain with the empty name. An entry's hash covers the entry and the hash before it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from gridmap.access import Actor
from gridmap.errors import InvalidInput
from gridmap.tables import metadata, moment, spread

FETCHED_AT_ONCE = 5_000

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


def entries(
    conn: sa.Connection, actor: Actor, *, by: str | None = None, chain: str | None = None, limit: int = 50
) -> list[Entry]:
    """Return the latest entries, latest first; only those `by` an actor or of a `chain` if given."""
    actor.require("audit.view")
    query = sa.select(table)
    if by is not None:
        query = query.where(table.c.actor == by)
    if chain is not None:
        query = query.where(table.c.chain == chain)
    rows = conn.execute(query.order_by(table.c.at.desc(), table.c.chain, table.c.seq.desc()).limit(limit))
    return [Entry(*row) for row in rows]


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
    actor.require("audit.view")
    missing = dict(known or {})
    faults: dict[str, Fault] = {}
    count, chain, expected, before = 0, None, 1, ""
    for entry in _all(conn):
        count += 1
        if entry.chain != chain:
            chain, expected, before = entry.chain, 1, ""
        if chain not in faults and (reason := _fault(entry, expected, before)):
            faults[chain] = Fault(chain, entry.seq, reason)
        if chain in missing and missing[chain] == (entry.seq, entry.hash):
            del missing[chain]
        expected, before = entry.seq + 1, entry.hash
    for name, (seq, _) in missing.items():
        faults.setdefault(
            name, Fault(name, seq, "the exported head is not in the chain: it was cut off or written anew")
        )
    return count, sorted(faults.values(), key=lambda fault: fault.chain)


def write_heads(known: Mapping[str, tuple[int, str]], path: str | Path) -> None:
    """Write heads as JSON."""
    Path(path).write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")


def read_heads(path: str | Path) -> dict[str, tuple[int, str]]:
    """Return the heads in a file that `write_heads` made, or raise InvalidInput."""
    try:
        known = json.loads(Path(path).read_text(encoding="utf-8"))
        return {str(chain): (int(seq), str(digest)) for chain, (seq, digest) in known.items()}
    except (ValueError, AttributeError, TypeError) as exc:
        raise InvalidInput(f"{path} holds no audit heads: {exc}", where="heads") from exc


def _all(conn: sa.Connection) -> Iterator[Entry]:
    query = sa.select(table).order_by(table.c.chain, table.c.seq).execution_options(yield_per=FETCHED_AT_ONCE)
    for row in conn.execute(query):
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
