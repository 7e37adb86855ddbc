"""Legal bases: which article lets which level decide which measure, as dated rows; laws change, recorded orders do not."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from gridmap.hierarchy import one_of
from gridmap.tables import metadata, spread, stamps, with_former_rows

# From below; a level decides what its own or a lower one may.
LEVELS = ("community", "street", "county", "city", "province", "state")

legal_basis = with_former_rows(sa.Table(
    "legal_basis", metadata,
    sa.Column("code", sa.Text(collation="C"), primary_key=True),
    sa.Column("valid_from", sa.Date, primary_key=True),
    sa.Column("valid_to", sa.Date),
    sa.Column("law", sa.Text, nullable=False), sa.Column("law_en", sa.Text, nullable=False),
    sa.Column("article", sa.Text, nullable=False),
    sa.Column("measure", sa.Text, nullable=False), sa.Column("measure_en", sa.Text, nullable=False),
    sa.Column("types", ARRAY(sa.Text), nullable=False),
    sa.Column("level", sa.Text, nullable=False), *stamps(),
    one_of("level", LEVELS),
    sa.CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="period"),
    info=spread("copy"),
))  # fmt: skip


def in_force_on(conn: sa.Connection, code: str, day: sa.ColumnElement | object) -> sa.Row | None:
    """Return the article with a code as it was in force on a date, or None."""
    b = legal_basis.c
    return conn.execute(
        sa.select(legal_basis)
        .where(b.code == code, b.valid_from <= day, sa.or_(b.valid_to.is_(None), b.valid_to > day))
        .order_by(b.valid_from.desc())
        .limit(1)
    ).first()
