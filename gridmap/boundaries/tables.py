"""The tables of boundary generations: a set of grids of one community on its way, and the cells it consists of."""

import sqlalchemy as sa
from geoalchemy2 import Geometry

from gridmap.crs import STORAGE_SRID
from gridmap.hierarchy import COMMUNITY_DIGITS, NEIGHBOURHOOD_DIGITS, county_rule, digits, one_of, starts_with
from gridmap.tables import code, geometry_checks, metadata, moment, spread, stamps, with_former_rows

STATES = ("proposed", "scheduled", "active", "replaced", "undone", "discarded")

# `decided_by` said when the set becomes the present one; `activated_at` is the moment of the transaction that did it,
# by which its consequences are found again to be taken back. `trouble` is why a set that was due did not come.
# `run` is the run of building grids it comes of: one run makes one set.
boundary_set = with_former_rows(sa.Table(
    "boundary_set", metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("county", sa.Integer, nullable=False), code("community", index=True),
    sa.Column("name", sa.Text, nullable=False), sa.Column("source", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default="proposed"),
    sa.Column("proposed_by", sa.Text, nullable=False), moment("proposed_at", default=True),
    sa.Column("decided_by", sa.Text), moment("due_at", nullable=True),
    sa.Column("accepts_faults", sa.Boolean, nullable=False, server_default="false"),
    sa.Column("trouble", sa.Text), moment("activated_at", nullable=True), sa.Column("run", sa.Uuid), *stamps(),
    sa.UniqueConstraint("run"),
    one_of("state", STATES),
    sa.CheckConstraint(f"community ~ '{digits(COMMUNITY_DIGITS)}'", name="community_form"),
    sa.CheckConstraint("length(name) BETWEEN 1 AND 100", name="name"),
    sa.CheckConstraint("(state = 'scheduled') <= (due_at IS NOT NULL AND decided_by IS NOT NULL)", name="schedule"),
    sa.CheckConstraint("(state IN ('active', 'replaced', 'undone')) = (activated_at IS NOT NULL)", name="activation"),
    county_rule("community"),
    sa.Index("boundary_set_due_idx", "due_at", postgresql_where=sa.text("state = 'scheduled'")),
    info=spread("copy", scope="wide", view="neighbourhood", is_journal=True),
))  # fmt: skip

boundary_cell = with_former_rows(sa.Table(
    "boundary_cell", metadata,
    sa.Column("boundary_set_id", sa.BigInteger, sa.ForeignKey("boundary_set.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("county", sa.Integer, nullable=False), code("community"),
    code(), sa.Column("name", sa.Text, nullable=False),
    sa.Column("geom", Geometry("MULTIPOLYGON", srid=STORAGE_SRID, spatial_index=False), nullable=False), *stamps(),
    sa.CheckConstraint(f"code ~ '{digits(NEIGHBOURHOOD_DIGITS)}'", name="code_form"),
    sa.CheckConstraint("length(name) BETWEEN 1 AND 100", name="name"),
    starts_with("code", "community", COMMUNITY_DIGITS), county_rule("community"),
    sa.UniqueConstraint("boundary_set_id", "code"),
    *geometry_checks("geom"),
    info=spread("copy", scope="wide", view="neighbourhood", is_journal=True),
))  # fmt: skip
