"""Former versions of links and of the other tables that had none: who set them, until when they stood, who ended them.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COUNTY, TEXT = ("county", sa.Integer()), sa.Text()
# The columns of each table as they are at this revision: its key, then the rest.
TABLES: dict[str, tuple[tuple[tuple[str, sa.types.TypeEngine], ...], tuple[tuple[str, sa.types.TypeEngine], ...]]] = {
    **{
        f"{left}_{right}": ((COUNTY, (f"{left}_id", sa.Uuid()), (f"{right}_id", sa.Uuid())), ())
        for left, right in (
            ("building", "estate"), ("building", "volunteer"), ("building", "party_unit"),
            ("neighbourhood", "party_unit"),
        )
    },
    "household_priority": (
        (COUNTY, ("household_id", sa.Uuid()), ("tag", TEXT)),
        (("people_count", sa.SmallInteger()),),
    ),
    "stock_count": (
        (COUNTY, ("supply_point_id", sa.Uuid()), ("item_code", TEXT), ("counted_on", sa.Date())),
        (("quantity", sa.BigInteger()), ("recorded_by", TEXT)),
    ),
    "item": (
        (("code", sa.Text(collation="C")),),
        (("name", TEXT), ("name_en", TEXT), ("unit", TEXT), ("unit_en", TEXT), ("group", TEXT)),
    ),
    "division": ((("code", sa.Text(collation="C")),), (("name", TEXT),)),
}  # fmt: skip
MOMENT = postgresql.TIMESTAMP(timezone=True)
ACTOR = "COALESCE(current_setting('gridmap.actor', true), '')"
BEFORE = "?"  # nobody knows who set the rows that are older than this revision

# The release before this one changes rows without their stamps, so the database sets them.
STAMP = f"""
CREATE FUNCTION stamp_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.changed_at := now();
  NEW.changed_by := {ACTOR};
  RETURN NEW;
END
$$
"""

# A row ends no earlier than it began, although the transaction that ends it may have begun before. What came and went
# twice in one transaction never stood for anybody else; one of the two is kept.
KEEP = """
CREATE FUNCTION keep_former_rows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  target text := format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME || '_version');
  names text;
BEGIN
  SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO names
  FROM pg_attribute AS a
  WHERE a.attrelid = target::regclass AND a.attnum > 0 AND NOT a.attisdropped
    AND a.attname NOT IN ('until', 'ended_by');
  EXECUTE format(
    'INSERT INTO %s (%s, until, ended_by) SELECT %s, greatest(now(), changed_at), $1 FROM old_rows'
    ' ON CONFLICT DO NOTHING', target, names, names)
  USING coalesce(current_setting('gridmap.actor', true), '');
  RETURN NULL;
END
$$
"""


def upgrade() -> None:
    op.execute(STAMP)
    op.execute(KEEP)
    for table, (key, rest) in TABLES.items():
        _stamp(table)
        _keep(table, key, rest)


def _stamp(table: str) -> None:
    """Add the stamps without a rewrite and without firing the triggers that log changes."""
    op.add_column(table, sa.Column("changed_at", MOMENT, server_default=sa.func.now(), nullable=False))
    op.add_column(table, sa.Column("changed_by", sa.Text(), server_default=BEFORE, nullable=False))
    op.alter_column(table, "changed_by", server_default=sa.text(ACTOR))


def _keep(
    table: str, key: tuple[tuple[str, sa.types.TypeEngine], ...], rest: tuple[tuple[str, sa.types.TypeEngine], ...]
) -> None:
    op.create_table(
        f"{table}_version",
        *(sa.Column(name, kind, autoincrement=False, nullable=False) for name, kind in (*key, *rest)),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(*(name for name, _ in key), "changed_at", "until", name=op.f(f"{table}_version_pkey")),
    )
    op.execute(f"CREATE TRIGGER {table}_stamp BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION stamp_change()")
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_{event.lower()}_versions AFTER {event} ON {table}"
            " REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_former_rows()"
        )


def downgrade() -> None:
    raise NotImplementedError("Former rows are kept for good: restore a backup instead.")
