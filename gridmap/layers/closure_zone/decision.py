"""A decision as it is recorded: checked against the law in force on its date before a zone may rest on it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import uuid_utils.compat as uuids

from gridmap.access import Actor
from gridmap.errors import InvalidInput
from gridmap.layers.closure_zone.legal_basis import LEVELS, in_force_on, legal_basis
from gridmap.layers.closure_zone.order import zone_order

PAPERS_WITHIN = timedelta(hours=48)  # an oral order is put on paper (Zoucheng rules for urgent approvals)
LEAST_LEVEL = "county"  # no article lets a lower body order: community and sub-district assist (ERL 22, IDL 15)
ASSIST = "社区、街道只能协助（突发事件应对法第二十二条、传染病防治法第十五条）"


@dataclass(frozen=True)
class Decision:
    """An order in words: who decided what, when, for how long and on which legal basis."""

    issuer: str
    issuer_level: str
    issued_at: datetime
    effective_at: datetime
    reason: str
    doc_no: str | None = None
    ends_at: datetime | None = None
    legal_basis: str | None = None
    parent_government: str | None = None
    measures: tuple[str, ...] = ()
    published: str | None = None
    is_oral: bool = False


def check(conn: sa.Connection, decision: Decision, kind: str, zone_type: str, now: datetime) -> sa.Row | None:
    """Return the article in force on the day of the decision, None where none is cited.

    Raises
    ------
    InvalidInput where the issuer's level is too low for the article, or for any article at all; where the article was
    not in force or is about other kinds of zones; where a number is missing, or the times do not fit.
    """
    if decision.issued_at > now + timedelta(minutes=5):
        raise _wrong("issued_at", "An order is recorded once it was given.", "命令须在作出后登记")
    if not decision.is_oral and not decision.doc_no:
        raise _wrong("doc_no", "A written order has a number.", "书面命令须有文号")
    if (
        kind in ("impose", "extend")
        and decision.ends_at is not None
        and decision.ends_at <= max(now, decision.effective_at)
    ):
        raise _wrong("ends_at", "The end lies before the beginning or in the past.", "结束时间早于开始时间或已过")
    article = _article(conn, decision, zone_type)
    needed = article.level if article is not None and kind in ("impose", "extend", "adjust") else LEAST_LEVEL
    if LEVELS.index(decision.issuer_level) < LEVELS.index(needed):
        told = f"{article.law}{article.article}" if article is not None else ASSIST
        law = f"{article.law_en}, {article.code}" if article is not None else "ERL 22, IDL 15: lower bodies assist"
        raise _wrong(
            "issuer_level",
            f"A body of the level {decision.issuer_level} may not decide this; {needed} or above may ({law}).",
            f"发布机关级别不足，须由 {needed} 级以上决定：{told}",
        )
    return article


def _article(conn: sa.Connection, decision: Decision, zone_type: str) -> sa.Row | None:
    if decision.legal_basis is None:
        return None
    day = sa.cast(sa.func.timezone("Asia/Shanghai", decision.issued_at), sa.Date)
    article = in_force_on(conn, decision.legal_basis, day)
    if article is None:
        raise _wrong(
            "legal_basis", "This article was not in force on the day of the order.", "该条款当日未生效或不存在"
        )
    if zone_type not in article.types:
        raise _wrong("legal_basis", "This article is about other measures.", "该条款不适用于此类区域")
    return article


def _wrong(field: str, english: str, chinese: str) -> InvalidInput:
    return InvalidInput(f"{english} {chinese}。", where=f"order.{field}")


def applicable(conn: sa.Connection, zone_type: str) -> list[dict[str, Any]]:
    """Return the articles in force today for a kind of zone, the lowest deciding level first."""
    b, today = legal_basis.c, sa.func.current_date()
    rows = conn.execute(
        sa.select(b.code, b.law, b.law_en, b.article, b.measure, b.measure_en, b.level)
        .where(
            sa.literal(zone_type) == sa.any_(b.types),
            b.valid_from <= today,
            sa.or_(b.valid_to.is_(None), b.valid_to > today),
        )
        .order_by(b.code)
    ).mappings()
    return sorted(map(dict, rows), key=lambda row: (LEVELS.index(row["level"]), row["code"]))


def record(
    conn: sa.Connection,
    actor: Actor,
    decision: Decision,
    kind: str,
    zone: sa.Row,
    *,
    article: sa.Row | None,
    words: str,
) -> UUID:
    """Add an order to a zone; `zone.version` is the version of the zone that it makes."""
    actor.require("closure_zone.view")
    order_id: UUID = uuids.uuid7()
    values = {name: getattr(decision, name) for name in decision.__dataclass_fields__ if name != "measures"}
    values["ends_at"] = decision.ends_at if kind in ("impose", "extend", "adjust") else None
    conn.execute(
        zone_order.insert().values(
            **values, county=zone.county, id=order_id, closure_zone_id=zone.id, zone_version=zone.version + 1, kind=kind,
            legal_basis_from=None if article is None else article.valid_from, scope_text=words,
            measures=list(decision.measures), papers_due_at=decision.issued_at + PAPERS_WITHIN if decision.is_oral else None,
        )
    )  # fmt: skip
    return order_id
