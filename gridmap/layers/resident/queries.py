"""Who lives in a household, who did, and the versions of a person's record; persons masked."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from gridmap import personal
from gridmap.access import Actor, within_scope
from gridmap.errors import NotFound
from gridmap.layers.resident import LAYER
from gridmap.layers.resident.records import PRIORITY
from gridmap.occupants import Key, former_resident, resident, resident_priority

REVEAL = "person.reveal"
MAX_VERSIONS = 200


@dataclass(frozen=True)
class Person:
    """A resident as this actor may see them; groups and care are None for who may not know them."""

    code: str
    version: int
    household: str
    name: str
    phone: str | None
    id_number: str | None
    birth_year: int | None
    sex: str | None
    relation: str | None
    basis: str
    consented_on: date | None
    moved_in_on: date | None
    moved_out_on: date | None
    changed_at: datetime
    care_level: str | None
    tags: list[str] | None
    may_reveal: bool

    def told(self) -> dict[str, Any]:
        """Return the person for an answer in JSON."""
        found = asdict(self) | {"changed_at": self.changed_at.isoformat()}
        days = {name: getattr(self, name) for name in ("consented_on", "moved_in_on", "moved_out_on")}
        return found | {name: day and day.isoformat() for name, day in days.items()}


@dataclass(frozen=True)
class Stay:
    """A former stay in a household: the person masked, until when, and where they went (None: moved out)."""

    code: str
    name: str
    until: datetime
    moved_out_on: date | None
    to: str | None


def residents_of(conn: sa.Connection, actor: Actor, home: Key) -> list[Person]:
    """Return the residents of a household, its head first, then by age."""
    r = resident.c
    here = sa.and_(r.county == home[0], r.household_id == home[1], r.valid_to.is_(None))
    order = (sa.case((r.relation == "head", 0), else_=1), r.birth_year.nulls_last(), r.code)
    return _persons(conn, actor, _select(actor).where(here).order_by(*order))


def find(conn: sa.Connection, actor: Actor, code: str) -> Person:
    """Return the current resident with a code, or raise NotFound, also for one outside the actor's area."""
    found = _persons(conn, actor, _select(actor).where(resident.c.code == code, resident.c.valid_to.is_(None)))
    if not found:
        raise NotFound(f"There is no resident with the code {code[:40]!r}. 没有该居民。", where="code")
    return found[0]


def former_stays(conn: sa.Connection, actor: Actor, home: Key) -> list[Stay]:
    """Return who lived in a household and went, the last first."""
    actor.require(LAYER.view)
    f, r = former_resident.c, resident.c
    seen = within_scope(resident, actor)
    left = sa.select(r.code, r.name, r.valid_to.label("until"), r.moved_out_on, sa.null().label("to")).where(
        r.county == home[0], r.household_id == home[1], r.valid_to.is_not(None), seen
    )
    last = sa.func.max(f.until).label("until")
    moved = (
        sa.select(r.code, r.name, last, sa.cast(sa.null(), sa.Date).label("moved_out_on"), r.household.label("to"))
        .join(former_resident, sa.and_(f.county == r.county, f.id == r.id))
        .where(f.county == home[0], f.household_id == home[1], r.household_id != home[1], seen)
        .group_by(r.code, r.name, r.household)
    )
    rows = conn.execute(sa.union_all(left, moved).order_by(sa.desc("until"), "code").limit(MAX_VERSIONS))
    return [
        Stay(row.code, personal.masked(conn, r.name, row.name) or "", row.until, row.moved_out_on, row.to)
        for row in rows
    ]


def versions(conn: sa.Connection, actor: Actor, code: str) -> list[dict[str, Any]]:
    """Return the versions of a person's record, the present one first, each with what a person may see of it."""
    from gridmap.layers.resident.records import told

    actor.require(LAYER.view)
    r, f = resident.c, former_resident.c
    now = conn.execute(
        sa.select(resident)
        .where(r.code == code, within_scope(resident, actor))
        .order_by(r.valid_to.desc().nulls_first(), r.valid_from.desc())
        .limit(1)
    ).first()
    if now is None:
        raise NotFound(f"There is no resident with the code {code[:40]!r}. 没有该居民。", where="code")
    scope = within_scope(former_resident, actor, LAYER.view)
    former = conn.execute(
        sa.select(former_resident)
        .where(f.county == now.county, f.id == now.id, scope)
        .order_by(f.version.desc())
        .limit(MAX_VERSIONS)
    ).all()
    made = [told(conn, resident, now), *(told(conn, former_resident, row) for row in former)]
    if not actor.may(PRIORITY):
        for one in made:
            one.pop("care_level")
    return made


def _select(actor: Actor) -> sa.Select:
    actor.require(LAYER.view)
    t, r = resident_priority.c, resident.c
    tags = (
        sa.select(sa.func.array_agg(sa.func.distinct(t.tag)))
        .where(t.county == r.county, t.resident_id == r.id)
        .correlate(resident)
        .scalar_subquery()
    )
    may_reveal = within_scope(resident, actor, REVEAL).label("may_reveal")
    return sa.select(resident, tags.label("tags"), may_reveal).where(within_scope(resident, actor))


def _persons(conn: sa.Connection, actor: Actor, query: sa.Select) -> list[Person]:
    may_know = actor.may(PRIORITY)
    made = []
    for row in conn.execute(query).mappings():
        values = {name: row[name] for name in Person.__dataclass_fields__}
        values |= {c.name: personal.masked(conn, c, row[c.name]) for c in personal.columns(resident)}
        if not may_know:
            values |= {"tags": None, "care_level": None}
        else:
            values["tags"] = sorted(row["tags"] or ())
        made.append(Person(**values))
    return made
