"""Row-level security: the service's role owns nothing and sees only what the transaction's settings show.

Former versions, change log and audit are written by functions of the owner, so the service can add to them but alter
nothing. Geographies and the volunteers' reach become stored columns, because a policy lets only leak-proof conditions
use an index.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geography, Geometry

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SERVICE = "gridmap_service"
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
# As gridmap.access.policy_of gave them when this step was written; a test holds the database to the present ones.
POLICIES = {
    "building": (
        "county::text ~ NULLIF(current_setting('gridmap.building_county', true), '') OR "
        "community ~ NULLIF(current_setting('gridmap.building_community', true), '') OR "
        "neighbourhood ~ NULLIF(current_setting('gridmap.building_neighbourhood', true), '') OR "
        "code ~ NULLIF(current_setting('gridmap.building_building', true), '')"
    ),
    "building_estate": (
        "EXISTS (SELECT FROM building AS o WHERE o.county = building_estate.county AND o.id = building_estate.building_id)"
    ),
    "building_estate_version": (
        "EXISTS (SELECT FROM building AS o WHERE o.county = building_estate_version.county AND o.id = building_estate_version.building_id)"
    ),
    "building_party_unit": (
        "EXISTS (SELECT FROM building AS o WHERE o.county = building_party_unit.county AND o.id = building_party_unit.building_id)"
    ),
    "building_party_unit_version": (
        "EXISTS (SELECT FROM building AS o WHERE o.county = building_party_unit_version.county AND o.id = building_party_unit_version.building_id)"
    ),
    "building_version": (
        "county::text ~ NULLIF(current_setting('gridmap.building_county', true), '') OR "
        "community ~ NULLIF(current_setting('gridmap.building_community', true), '') OR "
        "neighbourhood ~ NULLIF(current_setting('gridmap.building_neighbourhood', true), '') OR "
        "code ~ NULLIF(current_setting('gridmap.building_building', true), '')"
    ),
    "building_volunteer": (
        "EXISTS (SELECT FROM building AS o WHERE o.county = building_volunteer.county AND o.id = building_volunteer.building_id)"
    ),
    "building_volunteer_version": (
        "EXISTS (SELECT FROM building AS o WHERE o.county = building_volunteer_version.county AND o.id = building_volunteer_version.building_id)"
    ),
    "closure_zone": (
        "county::text ~ NULLIF(current_setting('gridmap.closure_zone_county', true), '') OR "
        "community ~ NULLIF(current_setting('gridmap.closure_zone_community', true), '') OR "
        "(community IS NULL AND county::text ~ NULLIF(current_setting('gridmap.closure_zone_outside', true), ''))"
    ),
    "closure_zone_version": (
        "county::text ~ NULLIF(current_setting('gridmap.closure_zone_county', true), '') OR "
        "community ~ NULLIF(current_setting('gridmap.closure_zone_community', true), '') OR "
        "(community IS NULL AND county::text ~ NULLIF(current_setting('gridmap.closure_zone_outside', true), ''))"
    ),
    "community": (
        "county::text ~ NULLIF(current_setting('gridmap.community_county', true), '') OR "
        "code ~ NULLIF(current_setting('gridmap.community_community', true), '')"
    ),
    "community_version": (
        "county::text ~ NULLIF(current_setting('gridmap.community_county', true), '') OR "
        "code ~ NULLIF(current_setting('gridmap.community_community', true), '')"
    ),
    "estate": (
        "county::text ~ NULLIF(current_setting('gridmap.estate_county', true), '') OR "
        "community ~ NULLIF(current_setting('gridmap.estate_community', true), '')"
    ),
    "estate_version": (
        "county::text ~ NULLIF(current_setting('gridmap.estate_county', true), '') OR "
        "community ~ NULLIF(current_setting('gridmap.estate_community', true), '')"
    ),
    "household": (
        "county::text ~ NULLIF(current_setting('gridmap.household_county', true), '') OR "
        "community ~ NULLIF(current_setting('gridmap.household_community', true), '') OR "
        "neighbourhood ~ NULLIF(current_setting('gridmap.household_neighbourhood', true), '') OR "
        "building ~ NULLIF(current_setting('gridmap.household_building', true), '')"
    ),
    "household_priority": (
        "EXISTS (SELECT FROM household AS o WHERE o.county = household_priority.county AND o.id = household_priority.household_id) AND current_setting('gridmap.priority', true) = 'on'"
    ),
    "household_priority_version": (
        "EXISTS (SELECT FROM household AS o WHERE o.county = household_priority_version.county AND o.id = household_priority_version.household_id) AND current_setting('gridmap.priority', true) = 'on'"
    ),
    "household_version": (
        "county::text ~ NULLIF(current_setting('gridmap.household_county', true), '') OR "
        "community ~ NULLIF(current_setting('gridmap.household_community', true), '') OR "
        "neighbourhood ~ NULLIF(current_setting('gridmap.household_neighbourhood', true), '') OR "
        "building ~ NULLIF(current_setting('gridmap.household_building', true), '')"
    ),
    "neighbourhood": (
        "county::text ~ NULLIF(current_setting('gridmap.neighbourhood_county', true), '') OR "
        "community ~ NULLIF(current_setting('gridmap.neighbourhood_community', true), '')"
    ),
    "neighbourhood_party_unit": (
        "EXISTS (SELECT FROM party_unit AS o WHERE o.county = neighbourhood_party_unit.county AND o.id = neighbourhood_party_unit.party_unit_id)"
    ),
    "neighbourhood_party_unit_version": (
        "EXISTS (SELECT FROM party_unit AS o WHERE o.county = neighbourhood_party_unit_version.county AND o.id = neighbourhood_party_unit_version.party_unit_id)"
    ),
    "neighbourhood_version": (
        "county::text ~ NULLIF(current_setting('gridmap.neighbourhood_county', true), '') OR "
        "community ~ NULLIF(current_setting('gridmap.neighbourhood_community', true), '')"
    ),
    "party_household": (
        "county::text ~ NULLIF(current_setting('gridmap.party_household_county', true), '') OR "
        "community ~ NULLIF(current_setting('gridmap.party_household_community', true), '') OR "
        "neighbourhood ~ NULLIF(current_setting('gridmap.party_household_neighbourhood', true), '') OR "
        "building ~ NULLIF(current_setting('gridmap.party_household_building', true), '')"
    ),
    "party_household_version": (
        "county::text ~ NULLIF(current_setting('gridmap.party_household_county', true), '') OR "
        "community ~ NULLIF(current_setting('gridmap.party_household_community', true), '') OR "
        "neighbourhood ~ NULLIF(current_setting('gridmap.party_household_neighbourhood', true), '') OR "
        "building ~ NULLIF(current_setting('gridmap.party_household_building', true), '')"
    ),
    "party_unit": (
        "county::text ~ NULLIF(current_setting('gridmap.party_unit_county', true), '') OR "
        "community ~ NULLIF(current_setting('gridmap.party_unit_community', true), '')"
    ),
    "party_unit_version": (
        "county::text ~ NULLIF(current_setting('gridmap.party_unit_county', true), '') OR "
        "community ~ NULLIF(current_setting('gridmap.party_unit_community', true), '')"
    ),
    "stock_count": (
        "EXISTS (SELECT FROM supply_point AS o WHERE o.county = stock_count.county AND o.id = stock_count.supply_point_id)"
    ),
    "stock_count_version": (
        "EXISTS (SELECT FROM supply_point AS o WHERE o.county = stock_count_version.county AND o.id = stock_count_version.supply_point_id)"
    ),
    "supply_point": (
        "county::text ~ NULLIF(current_setting('gridmap.supply_point_county', true), '') OR "
        "community ~ NULLIF(current_setting('gridmap.supply_point_community', true), '') OR "
        "code ~ NULLIF(current_setting('gridmap.supply_point_point', true), '') OR "
        "(community IS NULL AND county::text ~ NULLIF(current_setting('gridmap.supply_point_outside', true), ''))"
    ),
    "supply_point_version": (
        "county::text ~ NULLIF(current_setting('gridmap.supply_point_county', true), '') OR "
        "community ~ NULLIF(current_setting('gridmap.supply_point_community', true), '') OR "
        "code ~ NULLIF(current_setting('gridmap.supply_point_point', true), '') OR "
        "(community IS NULL AND county::text ~ NULLIF(current_setting('gridmap.supply_point_outside', true), ''))"
    ),
    "volunteer": (
        "county::text ~ NULLIF(current_setting('gridmap.volunteer_county', true), '') OR "
        "community ~ NULLIF(current_setting('gridmap.volunteer_community', true), '') OR "
        "(community IS NULL AND county::text ~ NULLIF(current_setting('gridmap.volunteer_outside', true), ''))"
    ),
    "volunteer_version": (
        "county::text ~ NULLIF(current_setting('gridmap.volunteer_county', true), '') OR "
        "community ~ NULLIF(current_setting('gridmap.volunteer_community', true), '') OR "
        "(community IS NULL AND county::text ~ NULLIF(current_setting('gridmap.volunteer_outside', true), ''))"
    ),
}
READ_ONLY = ("alembic_version", "change_log", "spatial_ref_sys")
OPEN = ("division", "division_version", "item", "item_version", "street", "street_version")
OWNERS_FUNCTIONS = (
    "append_audit(text, text, text, bigint, text, text)",
    "audit_statement()",
    "keep_former_rows()",
    "keep_former_versions()",
    "log_change()",
)
# Roles belong to the whole server: made once, by whoever may.
MAKE_ROLE = f"""
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{SERVICE}') THEN
    CREATE ROLE {SERVICE};
    EXECUTE format('GRANT {SERVICE} TO %I', current_user);
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE EXCEPTION 'Ask an administrator of the database to run, once: CREATE ROLE {SERVICE} LOGIN; GRANT {SERVICE} TO %;',
    current_user USING ERRCODE = '42501';
END
$$
"""
# The owner's functions look things up in our schema only; a temporary table of the same name cannot stand in front.
OWNERS = """
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION {function} SECURITY DEFINER SET search_path TO %I, pg_temp', current_schema());
END
$$
"""


def upgrade() -> None:
    op.execute(MAKE_ROLE)
    _store_geographies()
    for function in OWNERS_FUNCTIONS:
        op.execute(OWNERS.replace("{function}", function))
    for table, condition in POLICIES.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY {table}_owner ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)")
        op.execute(
            f"CREATE POLICY {table}_service ON {table} TO {SERVICE} USING ({condition}) WITH CHECK ({condition})"
        )
        changes = "SELECT" if table.endswith("_version") else "SELECT, INSERT, UPDATE, DELETE"
        op.execute(f"GRANT {changes} ON {table} TO {SERVICE}")
    op.execute("ALTER TABLE audit_entry ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE audit_entry FORCE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY audit_entry_owner ON audit_entry TO CURRENT_USER USING (true) WITH CHECK (true)")
    op.execute(
        f"CREATE POLICY audit_entry_service ON audit_entry FOR SELECT TO {SERVICE}"
        " USING (current_setting('gridmap.audit', true) = 'on')"
    )
    for table in (*READ_ONLY, "audit_entry", "party_unit_cover", *(name for name in OPEN if name.endswith("_version"))):
        op.execute(f"GRANT SELECT ON {table} TO {SERVICE}")
    for table in OPEN:
        if not table.endswith("_version"):
            op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {SERVICE}")


def _store_geographies() -> None:
    for table, expression in MEASURED.items():
        op.execute(f"DROP INDEX {table}_geog_idx")
        kind = Geography("POINT", srid=4490, spatial_index=False)
        computed = sa.Computed(f"({expression})::geography", persisted=True)
        op.add_column(table, sa.Column("geog", kind, computed))
        op.create_index(f"{table}_geog_idx", table, ["geog"], postgresql_using="gist")
    op.execute("DROP INDEX volunteer_reach_idx")
    kind = Geometry("POLYGON", srid=4490, spatial_index=False)
    op.add_column("volunteer", sa.Column("reach", kind, sa.Computed(REACH, persisted=True)))
    op.create_index("volunteer_reach_idx", "volunteer", ["reach"], postgresql_using="gist")


def downgrade() -> None:
    raise NotImplementedError("Going back would show everybody everything: restore a backup instead.")
