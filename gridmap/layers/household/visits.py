"""Visits 走访 to households: who was there when, recorded at the door and taken back if it was a slip."""

import sqlalchemy as sa

from gridmap.tables import keys, metadata, moment, parent, reference, spread, stamps, with_former_rows

VISIT = "household.visit"
MAX_NOTE = 500

visit = with_former_rows(sa.Table(
    "visit", metadata, *keys(), reference("household"), moment("at", default=True),
    sa.Column("by", sa.Text, nullable=False), sa.Column("note", sa.Text), *stamps(),
    parent("household"), sa.CheckConstraint(f"length(note) BETWEEN 1 AND {MAX_NOTE}", name="note"),
    sa.Index("visit_latest_idx", "county", "household_id", "at"),
    info=spread("county", part_of="household"),
))  # fmt: skip
