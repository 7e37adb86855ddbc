"""The facts of an order's notice, gathered under the reader's rights: the order, its article, its buildings, its ground."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.errors import Conflict, NotFound
from gridmap.exchange.words import chinese
from gridmap.hierarchy import building, estate_names, household, neighbourhood
from gridmap.layers.closure_zone import LAYER, TYPES, legal_basis, table, zone_order
from gridmap.layers.closure_zone.lifecycle import find, items_of, orders_of
from gridmap.layers.closure_zone.scope import Item, Scope
from gridmap.reports.notices import open_words

if TYPE_CHECKING:
    from shapely import MultiPolygon

INTERNAL = "household.exact"  # the verb of the version with counts of homes and with rooms


@dataclass(frozen=True)
class Listed:
    """A building of the list: which part of it, its estate and grid; homes and people in the internal version only."""

    code: str
    name: str
    part: str
    estate: str
    grid: str
    households: int | None = None
    people: int | None = None


@dataclass(frozen=True)
class Notice:
    """An order as its notice tells it. `area` is in EPSG:4490; `number` counts a zone's orders from 1."""

    code: str
    name: str
    type: str
    county: int
    community: str | None
    number: int
    version: int
    kind: str
    doc_no: str | None
    issuer: str
    parent_government: str | None
    issued_at: datetime
    effective_at: datetime
    ends_at: datetime | None
    law: str | None
    article: str | None
    law_from: date | None
    scope_text: str
    measures: tuple[str, ...]
    reason: str | None
    published: str | None
    papers_due_at: datetime | None
    first_doc_no: str | None
    earlier: tuple[tuple[int, datetime], ...]
    is_public: bool
    as_of: datetime
    area: "MultiPolygon"
    buildings: tuple[Listed, ...] | None

    @property
    def kind_of_zone(self) -> str:
        """Return the kind of the zone as Chinese orders call it."""
        return chinese(TYPES[self.type])


def of_order(
    conn: sa.Connection, actor: Actor, code: str, number: int | None, as_of: datetime, *, public: bool
) -> Notice:
    """Return the notice of a zone's order, the latest unless told otherwise.

    Raises
    ------
    NotFound for a zone that is not there or outside the actor's scope, and for an order it has not; Conflict for a zone
    without an order; NotAllowed for the internal version without the right to count homes.
    """
    actor.require(LAYER.view)
    if not public:
        actor.require(INTERNAL)
    zone = find(conn, actor, code)
    orders = orders_of(conn, zone)
    if not orders:
        raise Conflict(
            "No order is recorded for this zone: record one, then there is a notice. 该区域尚未登记命令，登记后方可生成通告。",
            where="order",
        )
    number = len(orders) if number is None else number
    if not 1 <= number <= len(orders):
        raise NotFound(f"The zone has {len(orders)} orders. 该区域共有 {len(orders)} 份命令。", where="order")
    order, area, items = orders[number - 1], _area(conn, zone), items_of(conn, actor, zone)
    scope = _scope(area, items)
    listed = _listed(conn, actor, scope, public=public)
    article = _article(conn, order)
    words = {name: order[name] for name in ("scope_text", "reason", "published")} | {"name": zone.name}
    measures = order["measures"]
    if public:
        can = open_words.may_strike(actor, zone.community or str(zone.county))
        names = open_words.names_in(conn, actor, [one.code for one in listed or ()]) if can else set()
        words, measures = _opened(words, measures, names, with_reason=can)
    return Notice(
        code=zone.code, type=zone.type, county=zone.county, community=zone.community, number=number,
        version=order["zone_version"], measures=tuple(measures), is_public=public, as_of=as_of, area=area, buildings=listed,
        **article,
        first_doc_no=orders[0]["doc_no"] if number > 1 else None,
        earlier=tuple((one["zone_version"], one["issued_at"]) for one in orders[: number - 1]),
        **words,
        **{name: order[name] for name in ("kind", "doc_no", "issuer", "parent_government", "issued_at", "effective_at",
                                          "ends_at", "papers_due_at")},
    )  # fmt: skip


def with_orders(conn: sa.Connection, actor: Actor) -> set[str]:
    """Return the codes of the zones of the actor's scope that have an order, and so a notice."""
    actor.require(LAYER.view)
    o = zone_order.c
    has_one = sa.exists().where(o.county == table.c.county, o.closure_zone_id == table.c.id)
    return set(conn.scalars(sa.select(table.c.code).where(LAYER.current(), within_scope(table, actor), has_one)))


def _opened(
    words: dict[str, Any], measures: list[str], names: set[str], *, with_reason: bool
) -> tuple[dict[str, Any], list[str]]:
    """Return the words of an order as the public may read them; a reason that cannot be looked through is left out."""

    def told(text: str | None) -> str | None:
        return None if text is None else open_words.without_names(open_words.without_rooms(text), names)

    opened = {name: told(text) for name, text in words.items()}
    return opened | ({} if with_reason else {"reason": None}), [told(one) or "" for one in measures]


def _article(conn: sa.Connection, order: dict[str, Any]) -> dict[str, Any]:
    """Return the article an order cites, as it was in force on the order's day; all None where it cites none."""
    b = legal_basis.c
    row = conn.execute(
        sa.select(b.law, b.article, b.valid_from.label("law_from")).where(
            b.code == order["legal_basis"], b.valid_from == order["legal_basis_from"]
        )
    ).first()
    return dict(row._mapping) if row else {"law": None, "article": None, "law_from": None}


def _area(conn: sa.Connection, zone: sa.Row) -> "MultiPolygon":
    import shapely

    stored = sa.select(sa.func.ST_AsBinary(table.c.geom)).where(table.c.county == zone.county, table.c.id == zone.id)
    area: shapely.MultiPolygon = shapely.from_wkb(bytes(conn.execute(stored.where(LAYER.current())).scalar_one()))
    return area


def _scope(area: "MultiPolygon", items: list[Item]) -> Scope:
    if not items:
        return Scope(area)
    held = frozenset(code for item in items for code in item.buildings)
    return Scope(area, tuple(items), drawn=False, buildings=held)


def _listed(conn: sa.Connection, actor: Actor, scope: Scope, *, public: bool) -> tuple[Listed, ...] | None:
    """Return the buildings inside in the order of their codes; None for who sees no buildings."""
    if not actor.may("building.view"):
        return None
    b, n = building.c, neighbourhood.c
    rows = conn.execute(
        sa.select(b.code, b.name, n.name.label("grid"), within_scope(building, actor, INTERNAL).label("counted"))
        .outerjoin_from(building, neighbourhood, sa.and_(n.county == b.county, n.id == b.neighbourhood_id))
        .where(b.valid_to.is_(None), within_scope(building, actor), scope.holds_building())
        .order_by(b.code)
    ).all()
    estates = estate_names(conn, actor, {row.code for row in rows})
    homes = {} if public else _homes(conn, actor, scope)
    parts = _parts(scope.items, public=public)
    return tuple(
        Listed(
            row.code, row.name, parts.get(row.code, "整幢"), estates.get(row.code, ""), row.grid or "",
            *(homes.get(row.code, (0, 0)) if row.counted and not public else ()),
        )
        for row in rows
    )  # fmt: skip


def _homes(conn: sa.Connection, actor: Actor, scope: Scope) -> dict[str, tuple[int, int]]:
    h = household.c
    rows = conn.execute(
        sa.select(h.building, sa.func.count(), sa.func.coalesce(sa.func.sum(h.people_count), 0))
        .where(h.valid_to.is_(None), within_scope(household, actor, INTERNAL), scope.holds(household))
        .group_by(h.building)
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def _parts(items: tuple[Item, ...], *, public: bool) -> dict[str, str]:
    """Return for buildings that are inside in part which stair units, or rooms in the internal version."""
    whole = {code for item in items if item.level not in ("unit", "household") for code in item.buildings}
    parts: dict[str, dict[str, None]] = {}
    for item in items:
        if item.unit and item.buildings[0] not in whole:
            room = "" if public or item.level == "unit" else f"{int(item.code[19:])}室"
            parts.setdefault(item.buildings[0], {})[f"{int(item.unit)}单元{room}"] = None
    return {code: "、".join(said) for code, said in parts.items()}
