"""The base map: one current one, drawn under the layers, the same for everyone who is signed in.

Revision ID: 0019
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0017"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True)
ACTOR = "COALESCE(current_setting('gridmap.actor', true), '')"
TABLES = {"basemap": "SELECT, INSERT, UPDATE", "basemap_feature": "SELECT, INSERT, DELETE"}
TRANSITIONS = {
    "INSERT": "NEW TABLE AS changed",
    "UPDATE": "NEW TABLE AS changed",
    "DELETE": "OLD TABLE AS changed",
}
BANDS = range(4)


def upgrade() -> None:
    _basemap()
    _feature()
    op.execute("CREATE TRIGGER basemap_stamp BEFORE UPDATE ON basemap FOR EACH ROW EXECUTE FUNCTION stamp_change()")
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER basemap_{event.lower()}_versions AFTER {event} ON basemap"
            " REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_former_rows()"
        )
    for table, rights in TABLES.items():
        for event, transition in TRANSITIONS.items():
            op.execute(
                f"CREATE TRIGGER {table}_{event.lower()}_audit AFTER {event} ON {table} REFERENCING {transition}"
                " FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('')"
            )
        op.execute(
            f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"GRANT {rights} ON {table} TO gridmap_service")
    op.execute("GRANT SELECT ON basemap_version TO gridmap_service")


def _said(*, is_former: bool) -> tuple[sa.Column, ...]:
    return (
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("attribution", sa.Text(), nullable=False),
        sa.Column("dated_on", sa.Date(), nullable=True),
        sa.Column("review_number", sa.Text(), nullable=True),
        sa.Column("valid_from", MOMENT, server_default=None if is_former else sa.func.now(), nullable=False),
        sa.Column("valid_to", MOMENT, nullable=True),
    )


def _basemap() -> None:
    op.create_table(
        "basemap", *_said(is_former=False),
        sa.Column("changed_at", MOMENT, server_default=sa.func.now(), nullable=False),
        sa.Column("changed_by", sa.Text(), server_default=sa.text(ACTOR), nullable=False),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("basemap_period_check")),
        sa.CheckConstraint("attribution <> '' AND name <> '' AND source <> ''", name=op.f("basemap_said_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("basemap_pkey")),
    )  # fmt: skip
    op.create_index(
        "basemap_current_key", "basemap", [sa.text("(true)")], unique=True, postgresql_where=sa.text("valid_to IS NULL")
    )
    op.create_table(
        "basemap_version", *_said(is_former=True),
        sa.Column("changed_at", MOMENT, nullable=False), sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("until", MOMENT, nullable=False), sa.Column("ended_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "changed_at", "until", name=op.f("basemap_version_pkey")),
    )  # fmt: skip


def _feature() -> None:
    op.create_table(
        "basemap_feature",
        sa.Column("basemap_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("band", sa.SmallInteger(), nullable=False),
        sa.Column("min_zoom", sa.SmallInteger(), nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("name_en", sa.Text(), nullable=True),
        sa.Column("rank", sa.Float(), nullable=False),
        sa.Column("tile_geom", Geometry("GEOMETRY", srid=3857, spatial_index=False), nullable=False),
        sa.CheckConstraint("layer IN ('water', 'green', 'railway', 'street', 'label')", name=op.f("basemap_feature_layer_check")),
        sa.CheckConstraint("band BETWEEN 0 AND 3", name=op.f("basemap_feature_band_check")),
        sa.CheckConstraint("min_zoom BETWEEN 0 AND 22", name=op.f("basemap_feature_min_zoom_check")),
        sa.CheckConstraint("NOT ST_IsEmpty(tile_geom)", name=op.f("basemap_feature_tile_geom_not_empty_check")),
        sa.ForeignKeyConstraint(["basemap_id"], ["basemap.id"], name=op.f("basemap_feature_basemap_id_fkey")),
        sa.PrimaryKeyConstraint("basemap_id", "number", name=op.f("basemap_feature_pkey")),
    )  # fmt: skip
    for band in BANDS:
        op.create_index(
            f"basemap_feature_band_{band}_idx", "basemap_feature", ["tile_geom"], postgresql_using="gist",
            postgresql_where=sa.text(f"band = {band}"),
        )  # fmt: skip


def downgrade() -> None:
    for table in ("basemap_feature", "basemap_version", "basemap"):
        op.drop_table(table)
