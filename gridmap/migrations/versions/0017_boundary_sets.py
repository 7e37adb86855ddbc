"""Boundary generations: sets of grids that are loaded beside the present ones and take their place at a date.

Revision ID: 0017
Revises: 0016
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

SERVICE = "gridmap_service"
SCOPED = ("boundary_set", "boundary_cell")
POLICY = (
    "CASE WHEN community ^@ ANY (string_to_array(current_setting('gridmap.{name}_community', true), ',')) OR "
    "county::text ^@ ANY (string_to_array(current_setting('gridmap.{name}_county', true), ',')) THEN true ELSE false END"
)
TRANSITIONS = {
    "INSERT": "NEW TABLE AS changed",
    "UPDATE": "NEW TABLE AS changed",
    "DELETE": "OLD TABLE AS changed",
}
TABLES = """
CREATE TABLE boundary_set (
  id BIGINT GENERATED ALWAYS AS IDENTITY,
  county INTEGER NOT NULL,
  community TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  source TEXT NOT NULL,
  state TEXT DEFAULT 'proposed' NOT NULL,
  proposed_by TEXT NOT NULL,
  proposed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  decided_by TEXT,
  due_at TIMESTAMP WITH TIME ZONE,
  accepts_faults BOOLEAN DEFAULT 'false' NOT NULL,
  trouble TEXT,
  activated_at TIMESTAMP WITH TIME ZONE,
  changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  changed_by TEXT DEFAULT COALESCE(current_setting('gridmap.actor', true), '') NOT NULL,
  CONSTRAINT boundary_set_pkey PRIMARY KEY (id),
  CONSTRAINT boundary_set_state_check CHECK (state IN ('proposed', 'scheduled', 'active', 'replaced', 'undone', 'discarded')),
  CONSTRAINT boundary_set_community_form_check CHECK (community ~ '^[0-9]{12}$'),
  CONSTRAINT boundary_set_name_check CHECK (length(name) BETWEEN 1 AND 100),
  CONSTRAINT boundary_set_schedule_check CHECK ((state = 'scheduled') <= (due_at IS NOT NULL AND decided_by IS NOT NULL)),
  CONSTRAINT boundary_set_activation_check CHECK ((state IN ('active', 'replaced', 'undone')) = (activated_at IS NOT NULL)),
  CONSTRAINT boundary_set_community_in_county_check CHECK (community IS NULL OR left(community, 6) = county::text)
);
CREATE INDEX boundary_set_community_idx ON boundary_set (community);
CREATE INDEX boundary_set_due_idx ON boundary_set (due_at) WHERE state = 'scheduled';
CREATE TABLE boundary_set_version (
  id BIGINT NOT NULL,
  county INTEGER NOT NULL,
  community TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  source TEXT NOT NULL,
  state TEXT NOT NULL,
  proposed_by TEXT NOT NULL,
  proposed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  decided_by TEXT,
  due_at TIMESTAMP WITH TIME ZONE,
  accepts_faults BOOLEAN NOT NULL,
  trouble TEXT,
  activated_at TIMESTAMP WITH TIME ZONE,
  changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  changed_by TEXT NOT NULL,
  until TIMESTAMP WITH TIME ZONE NOT NULL,
  ended_by TEXT NOT NULL,
  CONSTRAINT boundary_set_version_pkey PRIMARY KEY (id, changed_at, until)
);
CREATE TABLE boundary_cell (
  boundary_set_id BIGINT NOT NULL,
  number INTEGER NOT NULL,
  county INTEGER NOT NULL,
  community TEXT COLLATE "C" NOT NULL,
  code TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  geom geometry(MULTIPOLYGON,4490) NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
  changed_by TEXT DEFAULT COALESCE(current_setting('gridmap.actor', true), '') NOT NULL,
  CONSTRAINT boundary_cell_pkey PRIMARY KEY (boundary_set_id, number),
  CONSTRAINT boundary_cell_code_form_check CHECK (code ~ '^[0-9]{15}$'),
  CONSTRAINT boundary_cell_name_check CHECK (length(name) BETWEEN 1 AND 100),
  CONSTRAINT boundary_cell_code_under_community_check CHECK (left(code, 12) = community),
  CONSTRAINT boundary_cell_community_in_county_check CHECK (community IS NULL OR left(community, 6) = county::text),
  CONSTRAINT boundary_cell_boundary_set_id_code_key UNIQUE (boundary_set_id, code),
  CONSTRAINT boundary_cell_geom_not_empty_check CHECK (NOT ST_IsEmpty(geom)),
  CONSTRAINT boundary_cell_geom_in_range_check CHECK (ST_XMin(geom) >= -180 AND ST_XMax(geom) <= 180 AND ST_YMin(geom) >= -85 AND ST_YMax(geom) <= 85),
  CONSTRAINT boundary_cell_geom_vertices_check CHECK (ST_NPoints(geom) <= 20000),
  CONSTRAINT boundary_cell_geom_valid_check CHECK (ST_IsValid(geom)),
  CONSTRAINT boundary_cell_boundary_set_id_fkey FOREIGN KEY(boundary_set_id) REFERENCES boundary_set (id)
);
CREATE TABLE boundary_cell_version (
  boundary_set_id BIGINT NOT NULL,
  number INTEGER NOT NULL,
  county INTEGER NOT NULL,
  community TEXT COLLATE "C" NOT NULL,
  code TEXT COLLATE "C" NOT NULL,
  name TEXT NOT NULL,
  geom geometry(MULTIPOLYGON,4490) NOT NULL,
  changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
  changed_by TEXT NOT NULL,
  until TIMESTAMP WITH TIME ZONE NOT NULL,
  ended_by TEXT NOT NULL,
  CONSTRAINT boundary_cell_version_pkey PRIMARY KEY (boundary_set_id, number, changed_at, until)
);
"""


def upgrade() -> None:
    op.execute(TABLES)
    for table in SCOPED:
        _watch(table)
        for name in (table, f"{table}_version"):
            _scope(name, POLICY.replace("{name}", table))
    op.execute(f"GRANT SELECT, INSERT, UPDATE ON boundary_set TO {SERVICE}")
    op.execute(f"GRANT SELECT, INSERT ON boundary_cell TO {SERVICE}")
    for table in SCOPED:
        op.execute(f"GRANT SELECT ON {table}_version TO {SERVICE}")


def _watch(table: str) -> None:
    """Stamp changes, keep former rows, audit by statement in the community's chain."""
    op.execute(f"CREATE TRIGGER {table}_stamp BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION stamp_change()")
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_{event.lower()}_versions AFTER {event} ON {table}"
            " REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_former_rows()"
        )
    for event, transition in TRANSITIONS.items():
        op.execute(
            f"CREATE TRIGGER {table}_{event.lower()}_audit AFTER {event} ON {table} REFERENCING {transition}"
            " FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('community')"
        )
    op.execute(
        f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _scope(table: str, condition: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY {table}_owner ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)")
    op.execute(f"CREATE POLICY {table}_service ON {table} TO {SERVICE} USING ({condition}) WITH CHECK ({condition})")


def downgrade() -> None:
    for table in reversed(SCOPED):
        op.drop_table(f"{table}_version")
        op.drop_table(table)
