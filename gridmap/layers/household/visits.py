"""Visits 走访 to households: who was there when, recorded at the door and taken back if it was a slip."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.errors import InvalidInput, NotFound
from gridmap.hierarchy import household
from gridmap.tables import keys, metadata, moment, parent, reference, spread, stamps, with_former_rows

VISIT = "household.visit"
MAX_NOTE = 500
SAME_VISIT = timedelta(minutes=2)  # a second tap within it is the same visit

visit = with_former_rows(sa.Table(
    "visit", metadata, *keys(), reference("household"), moment("at", default=True),
    sa.Column("by", sa.Text, nullable=False), sa.Column("note", sa.Text), *stamps(),
    parent("household"), sa.CheckConstraint(f"length(note) BETWEEN 1 AND {MAX_NOTE}", name="note"),
    sa.Index("visit_latest_idx", "county", "household_id", "at"),
    info=spread("county", part_of="household"),
))  # fmt: skip


@dataclass(frozen=True)
class Visit:
    """One visit; `is_own` tells whether the actor recorded it and may take it back."""

    id: UUID
    at: datetime
    by: str
    note: str | None
    is_own: bool


def record(conn: sa.Connection, actor: Actor, code: str, *, note: str = "") -> Visit:
    """Record that the actor visits a household now, and return the visit; a second tap returns the first one's."""
    actor.require(VISIT)
    note = note.strip()
    if len(note) > MAX_NOTE or any(not c.isprintable() and c not in "\n\t" for c in note):
        raise InvalidInput(
            f"A note holds at most {MAX_NOTE} printable characters. 最多 {MAX_NOTE} 个字符。", where="note"
        )
    h, v = household.c, visit.c
    home = conn.execute(
        sa.select(h.county, h.id)
        .where(h.code == code, h.valid_to.is_(None), within_scope(household, actor, VISIT))
        .with_for_update()
    ).first()
    if home is None:
        raise NotFound(f"There is no household with the code {code[:40]!r}. 没有该户。", where="code")
    recent = sa.and_(
        v.county == home.county, v.household_id == home.id, v.by == actor.name, v.at > sa.func.now() - SAME_VISIT
    )
    again = conn.execute(sa.select(visit).where(recent).order_by(v.at.desc()).limit(1)).first()
    if again is not None:
        if note and note != again.note:
            conn.execute(sa.update(visit).where(v.county == again.county, v.id == again.id).values(note=note))
        return Visit(again.id, again.at, again.by, note or again.note, True)
    row = {"county": home.county, "id": _new_id(), "household_id": home.id, "by": actor.name, "note": note or None}
    made = conn.execute(sa.insert(visit).values(row).returning(v.id, v.at, v.by, v.note)).one()
    return Visit(made.id, made.at, made.by, made.note, True)


def take_back(conn: sa.Connection, actor: Actor, visit_id: UUID) -> str:
    """Delete a visit that the actor recorded by mistake and return its household's code; it stays among former rows."""
    actor.require(VISIT)
    h, v = household.c, visit.c
    found = conn.execute(
        sa.select(v.county, v.id, h.code)
        .join(household, sa.and_(h.county == v.county, h.id == v.household_id))
        .where(v.id == visit_id, v.by == actor.name, within_scope(household, actor, VISIT))
    ).first()
    if found is None:
        raise NotFound("There is no such visit of yours. 没有您的该次走访记录。", where="id")
    conn.execute(sa.delete(visit).where(v.county == found.county, v.id == found.id))
    return str(found.code)


def of_household(conn: sa.Connection, actor: Actor, code: str, *, limit: int = 20) -> list[Visit]:
    """Return the last visits to a household, the newest first."""
    actor.require("household.view")
    h, v = household.c, visit.c
    rows = conn.execute(
        sa.select(v.id, v.at, v.by, v.note)
        .join(household, sa.and_(h.county == v.county, h.id == v.household_id))
        .where(h.code == code, h.valid_to.is_(None), within_scope(household, actor))
        .order_by(v.at.desc(), v.id)
        .limit(limit)
    )
    return [Visit(row.id, row.at, row.by, row.note, row.by == actor.name) for row in rows]


def _new_id() -> UUID:
    import uuid_utils

    return UUID(str(uuid_utils.uuid7()))
