"""Protocols: which units a kind of zone may be made of, what holds inside and when it may be released, as dated rows."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from gridmap.hierarchy import one_of
from gridmap.tables import metadata, spread, stamps, with_former_rows

TYPES = ("lockdown", "control", "prevention", "high_risk", "medium_risk", "low_risk", "cordon", "evacuation")

# `release` lists conditions that must all hold: {"kind": "days_without_case", "days": 14, "text": "...", "text_en": "..."}.
protocol = with_former_rows(sa.Table(
    "protocol", metadata,
    sa.Column("code", sa.Text(collation="C"), primary_key=True),
    sa.Column("type", sa.Text, primary_key=True),
    sa.Column("valid_from", sa.Date, nullable=False), sa.Column("valid_to", sa.Date),
    sa.Column("name", sa.Text, nullable=False), sa.Column("name_en", sa.Text, nullable=False),
    sa.Column("levels", ARRAY(sa.Text), nullable=False),
    sa.Column("movement", sa.Text, nullable=False), sa.Column("movement_en", sa.Text, nullable=False),
    sa.Column("release", JSONB, nullable=False, server_default="[]"),
    sa.Column("source", sa.Text, nullable=False), *stamps(),
    one_of("type", TYPES),
    sa.CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="period"),
    sa.CheckConstraint("levels <@ ARRAY['unit', 'building', 'estate']::text[] AND levels <> '{}'", name="levels"),
    info=spread("copy"),
))  # fmt: skip


def applying(conn: sa.Connection, zone_type: str, *, on: sa.ColumnElement | None = None) -> sa.Row | None:
    """Return the protocol of a kind of zone on a date, today unless told otherwise; the one that began last, or None."""
    p, day = protocol.c, sa.func.current_date() if on is None else on
    return conn.execute(
        sa.select(p.code, p.name, p.name_en, p.levels, p.movement, p.movement_en, p.release, p.valid_from, p.source)
        .where(p.type == zone_type, p.valid_from <= day, sa.or_(p.valid_to.is_(None), p.valid_to > day))
        .order_by(p.valid_from.desc(), p.code)
        .limit(1)
    ).first()
