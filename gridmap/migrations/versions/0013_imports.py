"""Imports under way: what was uploaded, what is asked of it, how far it is and what came of it; mappings to remember.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SERVICE = "gridmap_service"
STATES = "'draft', 'waiting', 'running', 'checked', 'stored', 'failed', 'cancelled', 'undone'"


def _moment(name: str, *, nullable: bool = True, default: bool = False) -> sa.Column:
    return sa.Column(
        name,
        postgresql.TIMESTAMP(timezone=True),
        nullable=nullable,
        server_default=sa.text("now()") if default else None,
    )


def upgrade() -> None:
    json = postgresql.JSONB()
    op.create_table(
        "import_job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("rights", json, nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("stored_name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("task", sa.Text(), server_default="check", nullable=False),
        sa.Column("evidence", json, server_default="{}", nullable=False),
        sa.Column("settings", json, server_default="{}", nullable=False),
        sa.Column("report", json, nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("stage", sa.Text(), server_default="", nullable=False),
        sa.Column("rows_done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("is_cancelled", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        _moment("created_at", nullable=False, default=True),
        _moment("asked_at"),
        _moment("beat_at"),
        _moment("ended_at"),
        _moment("stored_at"),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("import_job_state_check")),
        sa.CheckConstraint("task IN ('check', 'store', 'undo')", name=op.f("import_job_task_check")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("import_job_account_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("import_job_pkey")),
    )
    op.create_index(op.f("import_job_account_id_idx"), "import_job", ["account_id"], unique=False)
    op.create_index("import_job_asked_at_idx", "import_job", ["state", "asked_at"], unique=False)
    op.create_table(
        "import_mapping",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("headings", sa.Text(), nullable=False),
        sa.Column("mapping", json, nullable=False),
        _moment("used_at", nullable=False, default=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("import_mapping_account_id_fkey")),
        sa.PrimaryKeyConstraint("account_id", "layer", "headings", name=op.f("import_mapping_pkey")),
    )
    for table in ("import_job", "import_mapping"):
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SERVICE}")


def downgrade() -> None:
    op.drop_table("import_mapping")
    op.drop_table("import_job")
