"""The party chain: one committee in force a community, and no unit its own parent.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# An index that cannot be built names one pair of keys; this names every community and its units.
TWO_COMMITTEES = """
DO $$
DECLARE
  found text;
BEGIN
  SELECT string_agg(d.line, '; ' ORDER BY d.line) INTO found FROM (
    SELECT community || ': ' || string_agg(code, ', ' ORDER BY code) AS line FROM party_unit
    WHERE level = 'committee' AND valid_to IS NULL GROUP BY county, community HAVING count(*) > 1) AS d;
  IF found IS NOT NULL THEN
    RAISE EXCEPTION 'A community has one party committee in force, but there are several: %.', found
      USING HINT = 'Retire all but one of each, then start again.', ERRCODE = 'unique_violation';
  END IF;
END
$$
"""


def upgrade() -> None:
    op.execute(TWO_COMMITTEES)
    op.create_check_constraint(op.f("party_unit_not_own_parent_check"), "party_unit", "parent_id <> id")
    op.create_index(
        "party_unit_committee_key",
        "party_unit",
        ["county", "community"],
        unique=True,
        postgresql_where=sa.text("level = 'committee' AND valid_to IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("party_unit_committee_key", table_name="party_unit")
    op.drop_constraint(op.f("party_unit_not_own_parent_check"), "party_unit")
