"""Orders: the decisions of competent bodies behind a zone, and the items its scope is made of. Orders are only added."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from gridmap.hierarchy import one_of
from gridmap.layers.closure_zone.legal_basis import LEVELS
from gridmap.tables import keys, metadata, moment, parent, reference, spread, stamps, with_former_rows

KINDS = ("impose", "adjust", "extend", "release", "revoke")
ITEM_LEVELS = ("household", "unit", "building", "estate", "neighbourhood")

zone_order = with_former_rows(sa.Table(
    "zone_order", metadata, *keys(), reference("closure_zone"),
    sa.Column("zone_version", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("doc_no", sa.Text), sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("issuer_level", sa.Text, nullable=False), sa.Column("parent_government", sa.Text),
    moment("issued_at"), moment("effective_at"), moment("ends_at", nullable=True),
    sa.Column("legal_basis", sa.Text), sa.Column("legal_basis_from", sa.Date),
    sa.Column("scope_text", sa.Text, nullable=False),
    sa.Column("measures", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("reason", sa.Text, nullable=False), sa.Column("published", sa.Text),
    sa.Column("is_oral", sa.Boolean, nullable=False, server_default="false"),
    moment("papers_due_at", nullable=True), *stamps(),
    parent("closure_zone"),
    sa.ForeignKeyConstraint(["legal_basis", "legal_basis_from"], ["legal_basis.code", "legal_basis.valid_from"]),
    one_of("kind", KINDS), one_of("issuer_level", LEVELS),
    sa.CheckConstraint("ends_at > effective_at", name="times"),
    sa.CheckConstraint("CASE WHEN is_oral THEN papers_due_at IS NOT NULL ELSE doc_no IS NOT NULL END", name="papers"),
    info=spread("copy", part_of="closure_zone"),
))  # fmt: skip

zone_item = with_former_rows(sa.Table(
    "zone_item", metadata,
    sa.Column("county", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("closure_zone_id", sa.Uuid, primary_key=True),
    sa.Column("code", sa.Text(collation="C"), primary_key=True),
    sa.Column("level", sa.Text, nullable=False), *stamps(),
    parent("closure_zone"), one_of("level", ITEM_LEVELS),
    info=spread("copy", part_of="closure_zone"),
))  # fmt: skip
