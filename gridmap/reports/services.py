"""What a building may have in reach: supply points by kind or item, volunteers, centre households, party groups."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on

from gridmap.access import Actor, read_verbs, within_scope
from gridmap.errors import InvalidInput, NotAllowed
from gridmap.layer import N_
from gridmap.layers.party_household import table as party_household
from gridmap.layers.party_unit import building_party_unit
from gridmap.layers.party_unit import table as party_unit
from gridmap.layers.supply_point import KINDS, item, stock_count
from gridmap.layers.supply_point import table as supply_point
from gridmap.layers.volunteer import table as volunteer
from gridmap.reports.past import rows_at

TITLES: Mapping[str, str] = {
    "supply_point": N_("Any supply point"), **KINDS,
    "volunteer": N_("Volunteer"), "volunteer_on_duty": N_("Volunteer on duty"),
    "centre_household": N_("Centre household"), "party_group": N_("Party group of the building"),
}  # fmt: skip
ITEM = "item:"
GROUP = "party_group"  # not near or far: a building has one or not


@dataclass(frozen=True)
class Option:
    """One thing that serves; `name` is None where a name would be a person's."""

    code: str
    name: str | None
    lon: float
    lat: float


@dataclass(frozen=True)
class Options:
    """What serves, in the order of the codes; `is_named` is false for who may count it but see none of it."""

    items: list[Option]
    is_named: bool


def check(conn: sa.Connection, service: str) -> None:
    """Raise InvalidInput for a service that nothing offers."""
    if service in TITLES:
        return
    code = service.removeprefix(ITEM)
    if service.startswith(ITEM) and conn.scalar(sa.select(sa.exists().where(item.c.code == code))):
        return
    raise InvalidInput(f"service must be one of {', '.join(TITLES)} or item:<7 digits>.", where="service")


def options(conn: sa.Connection, actor: Actor, service: str, as_of: datetime | None) -> Options:
    """Return the places of a service in the actor's scope, now or at a past moment.

    Raises
    ------
    NotAllowed for who may neither see nor count what serves.
    """
    table, named = _table_of(service), service not in ("volunteer", "volunteer_on_duty", "centre_household")
    verbs = read_verbs(table)
    if not any(map(actor.may, verbs)):
        raise NotAllowed(f"{actor.name} may not do this: {verbs[0]}.")

    def where(one: sa.Table) -> sa.ColumnElement[bool]:
        tests = [within_scope(one, actor, *verbs)]
        if service in KINDS:
            tests.append(one.c.kind == service)
        if service == "volunteer_on_duty":
            tests.append(one.c.on_duty)
        if service == "centre_household":
            tests.append(one.c.is_centre)
        return sa.and_(*tests)

    columns = ["county", "id", "code", "geom", *(["name"] if named else [])]
    rows = rows_at(table, as_of, columns, where)
    query = sa.select(
        rows.c.code, rows.c.name if named else sa.null(), sa.func.ST_X(rows.c.geom), sa.func.ST_Y(rows.c.geom)
    ).order_by(rows.c.code)
    if service.startswith(ITEM):
        latest = _in_stock(service.removeprefix(ITEM), as_of)
        query = query.join(latest, sa.and_(latest.c.county == rows.c.county, latest.c.supply_point_id == rows.c.id))
    return Options([Option(*row) for row in conn.execute(query)], actor.may(verbs[0]))


def _table_of(service: str) -> sa.Table:
    if service.startswith("volunteer"):
        return volunteer
    return party_household if service == "centre_household" else supply_point


def _in_stock(code: str, as_of: datetime | None) -> sa.Subquery:
    """Select the points where some of an item was counted last time, of counts up to a day in Asia/Shanghai."""
    s = stock_count.c
    latest = (
        sa.select(s.county, s.supply_point_id, s.quantity)
        .ext(distinct_on(s.county, s.supply_point_id))
        .where(s.item_code == code)
        .order_by(s.county, s.supply_point_id, s.counted_on.desc())
    )
    if as_of is not None:
        latest = latest.where(s.counted_on <= sa.func.date(sa.func.timezone("Asia/Shanghai", as_of)))
    found: Any = latest.subquery()
    chosen: sa.Subquery = sa.select(found).where(found.c.quantity > 0).subquery("latest")
    return chosen


def with_group(conn: sa.Connection, actor: Actor, as_of: datetime | None) -> set[tuple[int, Any]]:
    """Return the keys of the buildings that a party group covers."""
    actor.require("party_unit.view")
    pairs = rows_at(building_party_unit, as_of, ["county", "building_id", "party_unit_id"], lambda _: sa.true())
    units = rows_at(party_unit, as_of, ["county", "id", "level"], lambda one: within_scope(one, actor))
    rows = conn.execute(
        sa.select(pairs.c.county, pairs.c.building_id)
        .join(units, sa.and_(units.c.county == pairs.c.county, units.c.id == pairs.c.party_unit_id))
        .where(units.c.level == "group")
    )
    return {(row.county, row.building_id) for row in rows}
