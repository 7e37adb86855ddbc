"""Former rows are found by place as present ones are, and numbers are given out by somebody who sees all of them.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geography, Geometry

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SERVICE = "gridmap_service"
# As the tables themselves have them at this revision.
DRAWN = (
    "building", "closure_zone", "community", "estate", "household", "neighbourhood", "party_household", "party_unit",
    "street", "supply_point", "volunteer",
)  # fmt: skip
MEASURED = {
    "building": "ST_PointOnSurface(geom)",
    "household": "geom",
    "party_household": "geom",
    "supply_point": "geom",
    "volunteer": "geom",
}
REACH = (
    "ST_Expand(geom,"
    " (radius_m + 1) / (110000 * cos(radians(abs(ST_Y(geom)) + 0.2))),"
    " (radius_m + 1) / 110000::double precision)"
)
# The largest number that a code of the layer ever ended in after a stem, 0 if none did. It runs as the owner: the next
# free number must not depend on what the asker may see. Whoever asks learns how many numbers a community has used.
LAST_NUMBER = """
CREATE FUNCTION last_number(layer text, stem text, places integer) RETURNS integer
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
  found text;
BEGIN
  IF to_regclass(quote_ident(layer || '_version')) IS NULL OR stem !~ '^[0-9]{12}[A-Z]?$' THEN
    RAISE EXCEPTION 'Numbers are counted for layers, after a community and a letter.' USING ERRCODE = '22023';
  END IF;
  EXECUTE format(
    'SELECT max(code) FROM %I WHERE code >= $1 AND code < $1 || '':'''
    ' AND length(code) = length($1) + $2 AND right(code, $2) !~ ''[^0-9]''', layer)
  INTO found USING stem, places;
  RETURN coalesce(right(found, places)::integer, 0);
END
$$
"""
PIN = """
DO $$
BEGIN
  EXECUTE format(
    'ALTER FUNCTION last_number(text, text, integer) SET search_path TO %I, pg_temp', current_schema());
END
$$
"""


def upgrade() -> None:
    for table, expression in MEASURED.items():
        kind = Geography("POINT", srid=4490, spatial_index=False)
        computed = sa.Computed(f"({expression})::geography", persisted=True)
        op.add_column(f"{table}_version", sa.Column("geog", kind, computed))
        op.create_index(f"{table}_version_geog_idx", f"{table}_version", ["geog"], postgresql_using="gist")
    kind = Geometry("POLYGON", srid=4490, spatial_index=False)
    op.add_column("volunteer_version", sa.Column("reach", kind, sa.Computed(REACH, persisted=True)))
    op.create_index("volunteer_version_reach_idx", "volunteer_version", ["reach"], postgresql_using="gist")
    for table in DRAWN:
        op.create_index(f"{table}_version_tile_geom_idx", f"{table}_version", ["tile_geom"], postgresql_using="gist")
    op.execute(LAST_NUMBER)
    op.execute(PIN)
    op.execute("REVOKE ALL ON FUNCTION last_number(text, text, integer) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION last_number(text, text, integer) TO {SERVICE}")


def downgrade() -> None:
    raise NotImplementedError("Going back would lose nothing but speed: restore a backup instead.")
