"""Residents under households, their priority groups, and visits; counts of people derived from residents.

The service's role sees residents of its own area only, so what must not depend on the looker - how many live in a
household, which number a new resident gets - is worked out by functions of the owner.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SERVICE = "gridmap_service"
# As gridmap.access.policy_of gave it when this step was written.
OWN_AREA = (
    "CASE WHEN "
    "community ^@ ANY (string_to_array(current_setting('gridmap.resident_community', true), ',')) OR "
    "county::text ^@ ANY (string_to_array(current_setting('gridmap.resident_county', true), ',')) OR "
    "neighbourhood = ANY (string_to_array(current_setting('gridmap.resident_neighbourhood', true), ',')) OR "
    "building = ANY (string_to_array(current_setting('gridmap.resident_building', true), ','))"
    " THEN true ELSE false END"
)
POLICIES = {
    "resident": OWN_AREA,
    "resident_version": OWN_AREA,
    **{
        table: (
            f"EXISTS (SELECT FROM resident AS o WHERE o.county = {table}.county AND o.id = {table}.resident_id)"
            " AND current_setting('gridmap.priority', true) = 'on'"
        )
        for table in ("resident_priority", "resident_priority_version")
    },
    **{
        table: f"EXISTS (SELECT FROM household AS o WHERE o.county = {table}.county AND o.id = {table}.household_id)"
        for table in ("visit", "visit_version")
    },
}
CHAINS = {"resident": "community", "resident_priority": "", "visit": ""}  # the column that names the audit's chain
LOGGED = {"resident": "resident", "resident_priority": "resident"}  # whose lists a change alters
TRANSITIONS = {
    "INSERT": "NEW TABLE AS {new}",
    "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS {new}",
    "DELETE": "OLD TABLE AS {old}",
}
# Households are locked first, in one order, by a statement of its own: the counting ones then see what others stored
# before they let go. A row may be younger than this transaction, so its next version begins no earlier than it did.
DERIVE = """
CREATE FUNCTION derive_people(in_counties integer[], in_households uuid[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  who text := nullif(current_setting('gridmap.actor', true), '');
  altered integer;
BEGIN
  PERFORM 1
  FROM household AS h
  JOIN (SELECT DISTINCT * FROM unnest(in_counties, in_households)) AS w (county, id) USING (county, id)
  ORDER BY h.county, h.id
  FOR UPDATE OF h;

  UPDATE household AS h
  SET people_count = n.people, version = h.version + 1, changed_at = greatest(now(), h.changed_at), changed_by = who
  FROM (
    SELECT w.county, w.id, count(r.id) AS people
    FROM (SELECT DISTINCT * FROM unnest(in_counties, in_households)) AS w (county, id)
    LEFT JOIN resident AS r ON r.county = w.county AND r.household_id = w.id AND r.valid_to IS NULL
    GROUP BY w.county, w.id
  ) AS n
  WHERE h.county = n.county AND h.id = n.id AND h.valid_to IS NULL AND h.people_count <> n.people;
  GET DIAGNOSTICS altered = ROW_COUNT;

  DELETE FROM household_priority AS p
  USING (SELECT DISTINCT * FROM unnest(in_counties, in_households)) AS w (county, id)
  WHERE p.county = w.county AND p.household_id = w.id AND NOT EXISTS (
    SELECT FROM resident AS r
    JOIN resident_priority AS t ON t.county = r.county AND t.resident_id = r.id
    WHERE r.county = p.county AND r.household_id = p.household_id AND r.valid_to IS NULL AND t.tag = p.tag);

  INSERT INTO household_priority AS p (county, household_id, tag, people_count)
  SELECT r.county, r.household_id, t.tag, count(*)
  FROM (SELECT DISTINCT * FROM unnest(in_counties, in_households)) AS w (county, id)
  JOIN resident AS r ON r.county = w.county AND r.household_id = w.id AND r.valid_to IS NULL
  JOIN resident_priority AS t ON t.county = r.county AND t.resident_id = r.id
  GROUP BY r.county, r.household_id, t.tag
  ON CONFLICT (county, household_id, tag) DO UPDATE SET people_count = excluded.people_count
  WHERE p.people_count <> excluded.people_count;

  RETURN altered;
END
$$
"""
LAST_NUMBER = """
CREATE FUNCTION last_resident_number(in_stem text) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT coalesce(max(substr(r.code, length(in_stem) + 1)::integer), 0)
  FROM resident AS r
  WHERE r.code >= in_stem COLLATE "C" AND r.code < (in_stem || ':') COLLATE "C"
    AND substr(r.code, length(in_stem) + 1) ~ '^[0-9]{5}$'
$$
"""
OWNERS_FUNCTIONS = ("derive_people(integer[], uuid[])", "last_resident_number(text)")
PIN = """
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION {function} SET search_path TO %I, pg_temp', current_schema());
END
$$
"""


def upgrade() -> None:
    _make_tables()
    for table, condition in POLICIES.items():
        _guard(table, condition)
    for table, chain in CHAINS.items():
        _watch(table, chain)
    op.execute(DERIVE)
    op.execute(LAST_NUMBER)
    for function in OWNERS_FUNCTIONS:
        op.execute(PIN.replace("{function}", function))
        op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {SERVICE}")


def _guard(table: str, condition: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY {table}_owner ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)")
    op.execute(f"CREATE POLICY {table}_service ON {table} TO {SERVICE} USING ({condition}) WITH CHECK ({condition})")
    changes = "SELECT" if table.endswith("_version") else "SELECT, INSERT, UPDATE, DELETE"
    op.execute(f"GRANT {changes} ON {table} TO {SERVICE}")


def _watch(table: str, chain: str) -> None:
    """Put a table's statements on record: audit, change log, former rows, and no emptying past them."""
    keep = "keep_former_versions" if table == "resident" else "keep_former_rows"
    for event, transition in TRANSITIONS.items():
        after = f"AFTER {event} ON {table} REFERENCING"
        told = transition.format(new="changed", old="changed").replace("OLD TABLE AS old_rows ", "")
        rows = transition.format(new="new_rows", old="old_rows")
        each = "FOR EACH STATEMENT EXECUTE FUNCTION"
        op.execute(f"CREATE TRIGGER {table}_{event.lower()}_audit {after} {told} {each} audit_statement('{chain}')")
        if table in LOGGED:
            op.execute(
                f"CREATE TRIGGER {table}_{event.lower()}_log {after} {rows} {each} log_change('{LOGGED[table]}')"
            )
        if event != "INSERT":
            op.execute(f"CREATE TRIGGER {table}_{event.lower()}_versions {after} {rows} {each} {keep}()")
    if table != "resident":
        op.execute(
            f"CREATE TRIGGER {table}_stamp BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION stamp_change()"
        )
    op.execute(
        f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _make_tables() -> None:
    op.create_table(
        "resident",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.Text(collation="C"), nullable=False),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("building", sa.Text(collation="C"), nullable=False),
        sa.Column("household", sa.Text(collation="C"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("phone_index", sa.Text(collation="C"), nullable=True),
        sa.Column("id_number", sa.Text(), nullable=True),
        sa.Column("id_number_index", sa.Text(collation="C"), nullable=True),
        sa.Column("birth_year", sa.SmallInteger(), nullable=True),
        sa.Column("sex", sa.Text(), nullable=True),
        sa.Column("relation", sa.Text(), nullable=True),
        sa.Column("care_level", sa.Text(), nullable=True),
        sa.Column("basis", sa.Text(), server_default="statutory", nullable=False),
        sa.Column("consented_on", sa.Date(), nullable=True),
        sa.Column("moved_in_on", sa.Date(), nullable=True),
        sa.Column("moved_out_on", sa.Date(), nullable=True),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.CheckConstraint("basis <> 'consent' OR consented_on IS NOT NULL", name=op.f("resident_consent_check")),
        sa.CheckConstraint("basis IN ('consent', 'statutory', 'emergency')", name=op.f("resident_basis_check")),
        sa.CheckConstraint(
            "care_level IN ('independent', 'partly_dependent', 'dependent')", name=op.f("resident_care_level_check")
        ),
        sa.CheckConstraint("code ~ '^[0-9A-Za-z._-]{1,64}$'", name=op.f("resident_code_form_check")),
        sa.CheckConstraint("household ~ '^[0-9]{23}$'", name=op.f("resident_household_form_check")),
        sa.CheckConstraint("id_number ~ '^[a-z0-9]+\\.[0-9]+\\.'", name=op.f("resident_id_number_sealed_check")),
        sa.CheckConstraint("name ~ '^[a-z0-9]+\\.[0-9]+\\.'", name=op.f("resident_name_sealed_check")),
        sa.CheckConstraint("phone ~ '^[a-z0-9]+\\.[0-9]+\\.'", name=op.f("resident_phone_sealed_check")),
        sa.CheckConstraint(
            "relation IN ('head', 'spouse', 'child', 'parent', 'grandparent', 'grandchild', 'sibling', 'relative', 'tenant', 'other')",
            name=op.f("resident_relation_check"),
        ),
        sa.CheckConstraint("sex IN ('female', 'male')", name=op.f("resident_sex_check")),
        sa.CheckConstraint("birth_year BETWEEN 1880 AND 2100", name=op.f("resident_birth_year_check")),
        sa.CheckConstraint(
            "community IS NULL OR left(community, 6) = county::text", name=op.f("resident_community_in_county_check")
        ),
        sa.CheckConstraint("county BETWEEN 100000 AND 999999", name=op.f("resident_county_form_check")),
        sa.CheckConstraint("left(building, 12) = community", name=op.f("resident_building_under_community_check")),
        sa.CheckConstraint("left(household, 17) = building", name=op.f("resident_household_under_building_check")),
        sa.CheckConstraint("moved_out_on >= moved_in_on", name=op.f("resident_moves_check")),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name=op.f("resident_period_check")),
        sa.CheckConstraint("version >= 1", name=op.f("resident_version_check")),
        sa.ForeignKeyConstraint(
            ["county", "household_id"],
            ["household.county", "household.id"],
            name=op.f("resident_county_household_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("county", "id", name=op.f("resident_pkey")),
    )
    op.create_index(op.f("resident_building_idx"), "resident", ["building"], unique=False)
    op.create_index("resident_code_idx", "resident", ["code"], unique=False)
    op.create_index(
        "resident_code_key", "resident", ["county", "code"], unique=True, postgresql_where=sa.text("valid_to IS NULL")
    )
    op.create_index(op.f("resident_community_idx"), "resident", ["community"], unique=False)
    op.create_index(op.f("resident_household_id_idx"), "resident", ["household_id"], unique=False)
    op.create_index(op.f("resident_id_number_index_idx"), "resident", ["id_number_index"], unique=False)
    op.create_index(op.f("resident_neighbourhood_idx"), "resident", ["neighbourhood"], unique=False)
    op.create_index(op.f("resident_phone_index_idx"), "resident", ["phone_index"], unique=False)
    op.create_index(
        "resident_source_key",
        "resident",
        ["county", "source_key"],
        unique=True,
        postgresql_where=sa.text("valid_to IS NULL AND source_key IS NOT NULL"),
    )
    op.create_table(
        "resident_version",
        sa.Column("county", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("community", sa.Text(collation="C"), nullable=False),
        sa.Column("neighbourhood", sa.Text(collation="C"), nullable=True),
        sa.Column("building", sa.Text(collation="C"), nullable=False),
        sa.Column("household", sa.Text(collation="C"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("phone_index", sa.Text(collation="C"), nullable=True),
        sa.Column("id_number", sa.Text(), nullable=True),
        sa.Column("id_number_index", sa.Text(collation="C"), nullable=True),
        sa.Column("birth_year", sa.SmallInteger(), nullable=True),
        sa.Column("sex", sa.Text(), nullable=True),
        sa.Column("relation", sa.Text(), nullable=True),
        sa.Column("care_level", sa.Text(), nullable=True),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("consented_on", sa.Date(), nullable=True),
        sa.Column("moved_in_on", sa.Date(), nullable=True),
        sa.Column("moved_out_on", sa.Date(), nullable=True),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_key", sa.Text(), nullable=True),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "id_number ~ '^[a-z0-9]+\\.[0-9]+\\.'", name=op.f("resident_version_id_number_sealed_check")
        ),
        sa.CheckConstraint("name ~ '^[a-z0-9]+\\.[0-9]+\\.'", name=op.f("resident_version_name_sealed_check")),
        sa.CheckConstraint("phone ~ '^[a-z0-9]+\\.[0-9]+\\.'", name=op.f("resident_version_phone_sealed_check")),
        sa.PrimaryKeyConstraint("county", "id", "version", name=op.f("resident_version_pkey")),
    )
    op.create_index("resident_version_code_idx", "resident_version", ["code", "until"], unique=False)
    op.create_index("resident_version_household_idx", "resident_version", ["household_id"], unique=False)
    op.create_table(
        "resident_priority",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("resident_id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "changed_by",
            sa.Text(),
            server_default=sa.text("COALESCE(current_setting('gridmap.actor', true), '')"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "tag IN ('elderly_alone', 'child_in_difficulty', 'pregnant', 'dialysis', 'chronic', 'disabled', 'bedridden', 'infant', 'low_income')",
            name=op.f("resident_priority_tag_check"),
        ),
        sa.ForeignKeyConstraint(
            ["county", "resident_id"],
            ["resident.county", "resident.id"],
            name=op.f("resident_priority_county_resident_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("county", "resident_id", "tag", name=op.f("resident_priority_pkey")),
    )
    op.create_table(
        "resident_priority_version",
        sa.Column("county", sa.Integer(), nullable=False),
        sa.Column("resident_id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "county", "resident_id", "tag", "changed_at", "until", name=op.f("resident_priority_version_pkey")
        ),
    )
    op.create_table(
        "visit",
        sa.Column("county", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "changed_by",
            sa.Text(),
            server_default=sa.text("COALESCE(current_setting('gridmap.actor', true), '')"),
            nullable=False,
        ),
        sa.CheckConstraint("length(note) BETWEEN 1 AND 500", name=op.f("visit_note_check")),
        sa.ForeignKeyConstraint(
            ["county", "household_id"],
            ["household.county", "household.id"],
            name=op.f("visit_county_household_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("county", "id", name=op.f("visit_pkey")),
    )
    op.create_index(op.f("visit_household_id_idx"), "visit", ["household_id"], unique=False)
    op.create_index("visit_latest_idx", "visit", ["county", "household_id", "at"], unique=False)
    op.create_table(
        "visit_version",
        sa.Column("county", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("changed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("until", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("county", "id", "changed_at", "until", name=op.f("visit_version_pkey")),
    )


def downgrade() -> None:
    raise NotImplementedError("Former rows are kept for good: restore a backup instead.")
