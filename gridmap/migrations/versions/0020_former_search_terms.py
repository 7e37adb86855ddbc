"""Search terms of former names, so that a search of a past moment knows pinyin and initials too.

What `index_names` takes out of search_term (a thing was renamed or retired) moves here with the name it was made of: at a
past moment a term counts for the thing whose name it was then.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

SERVICE = "gridmap_service"
NAMED = {
    "community": "code", "neighbourhood": "community", "estate": "community", "building": "community",
    "party_unit": "community", "closure_zone": "community", "supply_point": "community", "street": "NULL",
}  # fmt: skip
POLICY = (
    "CASE WHEN community ^@ ANY (string_to_array(current_setting('gridmap.former_search_term_community', true), ',')) OR "
    "county::text ^@ ANY (string_to_array(current_setting('gridmap.former_search_term_county', true), ',')) OR "
    "(community IS NULL AND county::text ^@ ANY "
    "(string_to_array(current_setting('gridmap.former_search_term_outside', true), ','))) THEN true ELSE false END"
)
KEEPING = """
CREATE OR REPLACE FUNCTION index_names() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  community text := TG_ARGV[0];
  moved text := 'INSERT INTO former_search_term (county, layer, thing_id, name, term, community)'
    ' SELECT county, layer, thing_id, name, term, community FROM gone ON CONFLICT DO NOTHING';
BEGIN
  IF TG_OP = 'UPDATE' THEN
    EXECUTE format(
      'WITH gone AS (DELETE FROM search_term AS s USING old_rows AS o JOIN new_rows AS n ON n.county = o.county AND n.id = o.id'
      ' WHERE s.layer = %1$L AND s.county = o.county AND s.thing_id = o.id'
      ' AND (o.name, o.valid_to IS NULL, o.code) IS DISTINCT FROM (n.name, n.valid_to IS NULL, n.code)'
      ' RETURNING s.*, o.name) %2$s', TG_TABLE_NAME, moved);
  ELSIF TG_OP = 'DELETE' THEN
    EXECUTE format(
      'WITH gone AS (DELETE FROM search_term AS s USING old_rows AS o'
      ' WHERE s.layer = %1$L AND s.county = o.county AND s.thing_id = o.id RETURNING s.*, o.name) %2$s',
      TG_TABLE_NAME, moved);
    RETURN NULL;
  END IF;
  EXECUTE format(
    'INSERT INTO search_term (county, layer, thing_id, term, community)'
    ' SELECT DISTINCT n.county, %1$L, n.id, t.term, %2$s::text FROM new_rows AS n, search_terms(n.name) AS t (term)'
    ' WHERE n.valid_to IS NULL ON CONFLICT DO NOTHING', TG_TABLE_NAME, community);
  RETURN NULL;
END
$$
"""
# Names of retired things, of rows that are gone, and those that things had before their present ones.
FORMER = """
INSERT INTO former_search_term (county, layer, thing_id, name, term, community)
SELECT DISTINCT f.county, '{table}', f.id, f.name, t.term, f.area
FROM (
  SELECT v.county, v.id, v.name, {v_area}::text AS area FROM {table}_version AS v
  LEFT JOIN {table} AS now ON now.county = v.county AND now.id = v.id
  WHERE now.id IS NULL OR now.name <> v.name OR now.valid_to IS NOT NULL
  UNION
  SELECT r.county, r.id, r.name, {r_area}::text FROM {table} AS r WHERE r.valid_to IS NOT NULL
) AS f, search_terms(f.name) AS t (term)
ON CONFLICT DO NOTHING
"""
ONLY_PRESENT = """
CREATE OR REPLACE FUNCTION index_names() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  community text := TG_ARGV[0];
BEGIN
  IF TG_OP = 'UPDATE' THEN
    EXECUTE format(
      'DELETE FROM search_term AS s USING old_rows AS o JOIN new_rows AS n ON n.county = o.county AND n.id = o.id'
      ' WHERE s.layer = %1$L AND s.county = o.county AND s.thing_id = o.id'
      ' AND (o.name, o.valid_to IS NULL, o.code) IS DISTINCT FROM (n.name, n.valid_to IS NULL, n.code)', TG_TABLE_NAME);
  ELSIF TG_OP = 'DELETE' THEN
    DELETE FROM search_term AS s USING old_rows AS o
    WHERE s.layer = TG_TABLE_NAME AND s.county = o.county AND s.thing_id = o.id;
    RETURN NULL;
  END IF;
  EXECUTE format(
    'INSERT INTO search_term (county, layer, thing_id, term, community)'
    ' SELECT DISTINCT n.county, %1$L, n.id, t.term, %2$s::text FROM new_rows AS n, search_terms(n.name) AS t (term)'
    ' WHERE n.valid_to IS NULL ON CONFLICT DO NOTHING', TG_TABLE_NAME, community);
  RETURN NULL;
END
$$
"""
# CREATE OR REPLACE puts aside who the function runs as and where it looks.
OWNERS = """
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION index_names() SECURITY DEFINER SET search_path TO %I, pg_temp', current_schema());
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "former_search_term",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("layer", sa.Text(collation="C"), nullable=False),
        sa.Column("thing_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("term", sa.Text(collation="C"), nullable=False),
        sa.Column("community", sa.Text(collation="C"), nullable=True),
        sa.PrimaryKeyConstraint("county", "layer", "thing_id", "name", "term", name="former_search_term_pkey"),
    )
    for table, area in NAMED.items():
        areas = {f"{{{one}_area}}": area if area == "NULL" else f"{one}.{area}" for one in "vr"}
        query = FORMER.replace("{table}", table)
        for mark, expression in areas.items():
            query = query.replace(mark, expression)
        op.execute(query)
    op.create_index("former_search_term_term_idx", "former_search_term", ["layer", "term"])
    op.create_index("former_search_term_community_idx", "former_search_term", ["community", "layer", "term"])
    op.execute("ALTER TABLE former_search_term ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE former_search_term FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY former_search_term_owner ON former_search_term TO CURRENT_USER USING (true) WITH CHECK (true)"
    )
    op.execute(
        f"CREATE POLICY former_search_term_service ON former_search_term TO {SERVICE} USING ({POLICY}) WITH CHECK ({POLICY})"
    )
    op.execute(f"GRANT SELECT ON former_search_term TO {SERVICE}")
    _replace(KEEPING)


def _replace(function: str) -> None:
    op.get_bind().exec_driver_sql(function.replace("%", "%%"))
    op.execute(OWNERS)
    op.execute("REVOKE EXECUTE ON FUNCTION index_names() FROM PUBLIC")


def downgrade() -> None:
    _replace(ONLY_PRESENT)
    op.drop_table("former_search_term")
