"""The walkable street network by generation, and what walking asks of the register beyond one's own area.

`closures_in_force` tells the areas that close streets now, whoever asks: a route must not lead through a zone because
its reader may not list it. `supply_points_beyond` tells only code and position of stock points, so that an answer can
say that a nearer one lies outside one's area.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True)
ACTOR = "COALESCE(current_setting('gridmap.actor', true), '')"
TABLES = {"street_network": "SELECT, INSERT, UPDATE", "street_node": "SELECT, INSERT", "street_edge": "SELECT, INSERT"}
TRANSITIONS = {
    "INSERT": "NEW TABLE AS changed",
    "UPDATE": "NEW TABLE AS changed",
    "DELETE": "OLD TABLE AS changed",
}
CLOSURES = """
CREATE FUNCTION closures_in_force(at timestamptz)
RETURNS TABLE (county integer, id uuid, version integer, type text, geom geometry)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT z.county, z.id, z.version, z.type, z.geom FROM closure_zone AS z
  WHERE z.valid_to IS NULL AND z.state IN ('active', 'release_proposed') AND z.starts_at <= at
    AND (z.ends_at IS NULL OR z.ends_at > at)
$$
"""
BEYOND = """
CREATE FUNCTION supply_points_beyond(at_lon double precision, at_lat double precision, reach_m double precision, of_kind text)
RETURNS TABLE (code text, lon double precision, lat double precision)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT s.code, ST_X(s.geom), ST_Y(s.geom) FROM supply_point AS s
  WHERE s.valid_to IS NULL AND (of_kind IS NULL OR s.kind = of_kind)
    AND ST_DWithin(s.geog, ST_SetSRID(ST_MakePoint($1, $2), 4490)::geography, reach_m)
$$
"""
FUNCTIONS = {
    "closures_in_force(timestamptz)": CLOSURES,
    "supply_points_beyond(double precision, double precision, double precision, text)": BEYOND,
}


def upgrade() -> None:
    _network()
    _node()
    _edge()
    for table, rights in TABLES.items():
        _watch(table)
        op.execute(f"GRANT {rights} ON {table} TO gridmap_service")
        op.execute(f"GRANT SELECT ON {table}_version TO gridmap_service")
    for signature, made in FUNCTIONS.items():
        op.execute(made)
        op.execute(
            f"DO $$ BEGIN EXECUTE format('ALTER FUNCTION {signature} SET search_path TO %I, pg_temp', current_schema());"
            " END $$"
        )
        op.execute(f"REVOKE EXECUTE ON FUNCTION {signature} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO gridmap_service")


def _stamps() -> tuple[sa.Column, ...]:
    return (
        sa.Column("changed_at", MOMENT, server_default=sa.func.now(), nullable=False),
        sa.Column("changed_by", sa.Text(), server_default=sa.text(ACTOR), nullable=False),
    )


def _former(table: str, key: tuple[str, ...], columns: tuple[sa.Column, ...]) -> None:
    op.create_table(
        f"{table}_version", *columns,
        sa.Column("changed_at", MOMENT, nullable=False), sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("until", MOMENT, nullable=False), sa.Column("ended_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(*key, "changed_at", "until", name=op.f(f"{table}_version_pkey")),
    )  # fmt: skip


def _network() -> None:
    key = ("county", "id")

    def columns(*, is_former: bool) -> tuple[sa.Column, ...]:
        return (
            sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("id", sa.Uuid(), nullable=False),
            sa.Column("source", sa.Text(), nullable=False),
            sa.Column("nodes", sa.Integer(), nullable=False),
            sa.Column("edges", sa.Integer(), nullable=False),
            sa.Column("components", sa.Integer(), nullable=False),
            sa.Column("valid_from", MOMENT, server_default=None if is_former else sa.func.now(), nullable=False),
            sa.Column("valid_to", MOMENT, nullable=True),
        )

    op.create_table(
        "street_network", *columns(is_former=False), *_stamps(),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("street_network_period_check")),
        sa.PrimaryKeyConstraint(*key, name=op.f("street_network_pkey")),
    )  # fmt: skip
    op.create_index(
        "street_network_current_key", "street_network", ["county"], unique=True,
        postgresql_where=sa.text("valid_to IS NULL"),
    )  # fmt: skip
    _former("street_network", key, columns(is_former=True))


KEY = ("county", "street_network_id", "number")


def _part(*names: str) -> tuple[sa.Column, ...]:
    return (
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("street_network_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in names),
    )


def _node() -> None:
    def columns() -> tuple[sa.Column, ...]:
        return (
            *_part("component"),
            sa.Column("geom", Geometry("POINT", srid=4490, spatial_index=False), nullable=False),
        )

    op.create_table(
        "street_node", *columns(), *_stamps(),
        sa.ForeignKeyConstraint(
            ["county", "street_network_id"], ["street_network.county", "street_network.id"],
            name=op.f("street_node_county_street_network_id_fkey"),
        ),
        sa.PrimaryKeyConstraint(*KEY, name=op.f("street_node_pkey")),
    )  # fmt: skip
    _former("street_node", KEY, columns())


def _edge() -> None:
    def columns() -> tuple[sa.Column, ...]:
        return (
            *_part("from_number", "to_number"),
            sa.Column("length_m", sa.Float(), nullable=False),
            sa.Column("geom", Geometry("LINESTRING", srid=4490, spatial_index=False), nullable=False),
        )

    op.create_table(
        "street_edge", *columns(), *_stamps(),
        sa.CheckConstraint("length_m > 0 AND length_m < 'Infinity'", name=op.f("street_edge_length_m_check")),
        *(
            sa.ForeignKeyConstraint(
                ["county", "street_network_id", end],
                ["street_node.county", "street_node.street_network_id", "street_node.number"],
                name=op.f(f"street_edge_county_street_network_id_{end}_fkey"),
            )
            for end in ("from_number", "to_number")
        ),
        sa.PrimaryKeyConstraint(*KEY, name=op.f("street_edge_pkey")),
    )  # fmt: skip
    op.create_index("street_edge_geom_idx", "street_edge", ["geom"], postgresql_using="gist")
    _former("street_edge", KEY, columns())


def _watch(table: str) -> None:
    """Stamp changes, keep former rows, audit by statement."""
    op.execute(f"CREATE TRIGGER {table}_stamp BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION stamp_change()")
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_{event.lower()}_versions AFTER {event} ON {table}"
            " REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_former_rows()"
        )
    for event, transition in TRANSITIONS.items():
        op.execute(
            f"CREATE TRIGGER {table}_{event.lower()}_audit AFTER {event} ON {table} REFERENCING {transition}"
            " FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('')"
        )
    op.execute(
        f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
    for table in reversed(TABLES):
        op.drop_table(f"{table}_version")
        op.drop_table(table)
