"""Boundary sets remember the run of building grids they come of: one run makes one set.

Revision ID: 0021
Revises: 0020
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE boundary_set ADD COLUMN run UUID")
    op.execute("ALTER TABLE boundary_set ADD CONSTRAINT boundary_set_run_key UNIQUE (run)")
    op.execute("ALTER TABLE boundary_set_version ADD COLUMN run UUID")


def downgrade() -> None:
    op.execute("ALTER TABLE boundary_set_version DROP COLUMN run")
    op.execute("ALTER TABLE boundary_set DROP COLUMN run")
