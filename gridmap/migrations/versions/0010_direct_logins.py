"""Direct logins: people who open the database in QGIS read masked views of their own area and nothing else.

The service's policies are put so that the planner keeps its spatial indexes under them.

Whoever logs in directly can make any setting, so these views do not ask settings: `gis.my_places` finds the grants in
force of the account behind `session_user`, which nobody but a superuser can change. The schema `gis` is for outside
clients only; our own queries name no schema.

Revision ID: 0010
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0007"
branch_labels = None
depends_on = None

READERS = "gridmap_planner"
TRANSITIONS = {
    "INSERT": "NEW TABLE AS changed",
    "UPDATE": "NEW TABLE AS changed",
    "DELETE": "OLD TABLE AS changed",
}
# As gridmap.roles had them when this step was written; a test holds the function to the present ones.
OPEN_VERBS = "community.view,neighbourhood.view,estate.view,party_unit.view,street.view,closure_zone.view"
PLANNERS_VERBS = f"{OPEN_VERBS},building.view,supply_point.view,household.count"
AUDITORS_VERBS = "audit.view"

# Where the role cannot be made here, `gridmap db-login create` says who must make it; nothing else needs it.
MAKE_ROLE = f"""
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{READERS}') THEN
    CREATE ROLE {READERS} NOLOGIN;
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE NOTICE 'The role {READERS} is made with the first direct login.';
END
$$
"""
# The service keeps what it could call; what triggers call nobody needs to call by name.
CLOSE_FUNCTIONS = """
DO $$
DECLARE
  ours record;
  was_open boolean;
BEGIN
  FOR ours IN
    SELECT p.oid::regprocedure AS name, p.oid, p.prorettype = 'trigger'::regtype AS is_trigger
    FROM pg_proc AS p
    WHERE p.pronamespace = current_schema()::regnamespace AND p.proowner = current_user::regrole
      AND NOT EXISTS (
        SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
  LOOP
    was_open := has_function_privilege('gridmap_service', ours.oid, 'EXECUTE');
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', ours.name);
    IF was_open AND NOT ours.is_trigger THEN
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO gridmap_service', ours.name);
    END IF;
  END LOOP;
  ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
  EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', current_schema());
END
$$
"""
# The columns that the service's policies test, by the setting, and whether what lies outside every community counts; as
# gridmap.access.policy_of gave them when this step was written, and a test holds the database to the present ones. The
# community comes first now, which most people are shown by; codes are listed instead of written as a regular expression,
# which takes half the time; and the CASE keeps the planner from guessing, without
# statistics, how few rows are left: nearest read whole tables instead of its index.
_EXACT = {"community": "community", "county": "county::text", "neighbourhood": "neighbourhood"}
_WIDE = {"community": "community", "county": "county::text"}
TESTED = {
    "building": (_EXACT | {"building": "code"}, False),
    "household": (_EXACT | {"building": "building"}, False),
    "party_household": (_EXACT | {"building": "building"}, False),
    "community": (_WIDE | {"community": "code"}, False),
    "neighbourhood": (_WIDE, False),
    "estate": (_WIDE, False),
    "party_unit": (_WIDE, False),
    "supply_point": (_WIDE | {"point": "code"}, True),
    "volunteer": (_WIDE, True),
    "closure_zone": (_WIDE, True),
}
# The places where the session's own account holds a verb now. With a width the places that are digits come cut to so
# many: a place below the community counts as its community (12), and as its county (6) for what lies outside of all.
MY_PLACES = f"""
CREATE FUNCTION gis.my_places(verb text, width integer DEFAULT NULL) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
BEGIN ATOMIC
  SELECT coalesce(array_agg(DISTINCT CASE WHEN width IS NULL THEN p.place ELSE left(p.place, width) END), '{{}}'::text[])
  FROM database_login AS l
  JOIN account AS a ON a.id = l.account_id
  JOIN access_grant AS g ON g.account_id = a.id
  CROSS JOIN LATERAL (
    SELECT g.place::text AS place
    UNION
    SELECT g.community::text WHERE g.community IS NOT NULL AND verb = ANY (string_to_array('{OPEN_VERBS}', ','))
  ) AS p
  WHERE l.role_name = session_user::text AND l.ended_at IS NULL AND a.disabled_at IS NULL
    AND g.valid_from <= clock_timestamp() AND (g.valid_to IS NULL OR g.valid_to > clock_timestamp())
    AND (width IS NULL OR p.place ~ '^[0-9]*$')
    AND verb = ANY (string_to_array(
      CASE g.role WHEN 'planner' THEN '{PLANNERS_VERBS}' WHEN 'auditor' THEN '{AUDITORS_VERBS}' END, ','));
END
"""
PIN = """
DO $$
BEGIN
  EXECUTE format('ALTER FUNCTION gis.my_places(text, integer) SET search_path TO %I, pg_temp', current_schema());
END
$$
"""


def _within(column: str, verb: str) -> str:
    """Return the condition of a wide table: its community lies in the person's places."""
    return f"{column} ^@ ANY ((SELECT gis.my_places('{verb}', 12))::text[])"


def _outside(alias: str, verb: str) -> str:
    """Return the condition for what lies outside every community: the county is one the person works in."""
    return f"({alias}.community IS NULL AND {alias}.county::text ^@ ANY ((SELECT gis.my_places('{verb}', 6))::text[]))"


def _exactly(alias: str, building: str, verb: str) -> str:
    """Return the condition of an exact table: community, grid or building is one of the person's places."""
    mine = f"((SELECT gis.my_places('{verb}'))::text[])"
    return f"({alias}.community ^@ ANY {mine} OR {alias}.neighbourhood = ANY {mine} OR {alias}.{building} = ANY {mine})"


# Buildings in scope with their counts, suppressed: NULL where there are one to four households. Not for outside clients.
COUNTED = f"""
CREATE VIEW counted_building WITH (security_barrier = true) AS
SELECT b.county, b.id, b.code, b.name, b.community, b.neighbourhood, b.floors, b.units, b.valid_from, b.geom,
  CASE WHEN n.households = 0 OR n.households >= 5 THEN n.households END AS households,
  CASE WHEN n.households = 0 OR n.households >= 5 THEN n.people END AS people
FROM building AS b
CROSS JOIN LATERAL (
  SELECT count(*)::integer AS households, coalesce(sum(h.people_count), 0)::integer AS people
  FROM household AS h
  WHERE h.county = b.county AND h.building_id = b.id AND h.valid_to IS NULL
    AND {_exactly("h", "building", "household.count")}
) AS n
WHERE b.valid_to IS NULL AND {_exactly("b", "code", "building.view")}
"""
# An area's figures are the sums of those shown for its buildings, so that no subtraction tells a suppressed one.
SUMS = (
    "CASE WHEN t.known > 0 OR t.buildings = 0 THEN t.households END AS households,"
    " CASE WHEN t.known > 0 OR t.buildings = 0 THEN t.people END AS people,"
    " t.buildings, t.buildings - t.known AS buildings_under_5"
)
TOTALS = (
    "SELECT coalesce(sum(b.households), 0)::integer AS households, coalesce(sum(b.people), 0)::integer AS people,"
    " count(*)::integer AS buildings, count(b.households)::integer AS known FROM counted_building AS b"
)
VIEWS = {
    "community": f"""
SELECT c.code, c.name, {SUMS}, c.valid_from, c.geom
FROM community AS c
CROSS JOIN LATERAL ({TOTALS} WHERE b.community = c.code) AS t
WHERE c.valid_to IS NULL AND {_within("c.code", "community.view")}""",
    "neighbourhood": f"""
SELECT n.code, n.name, n.kind, n.community, {SUMS}, n.valid_from, n.geom
FROM neighbourhood AS n
CROSS JOIN LATERAL ({TOTALS} WHERE b.neighbourhood = n.code) AS t
WHERE n.valid_to IS NULL AND {_within("n.community", "neighbourhood.view")}""",
    "estate": f"""
SELECT e.code, e.name, e.community, e.property_manager, {SUMS}, e.valid_from, e.geom
FROM estate AS e
CROSS JOIN LATERAL ({TOTALS}
  JOIN building_estate AS l ON l.county = b.county AND l.building_id = b.id
  WHERE l.county = e.county AND l.estate_id = e.id) AS t
WHERE e.valid_to IS NULL AND {_within("e.community", "estate.view")}""",
    "building": """
SELECT b.code, b.name, b.community, b.neighbourhood, b.floors, b.units, b.households, b.people,
  coalesce(b.households::text, '<5') AS households_shown, b.valid_from, b.geom
FROM counted_building AS b""",
    "party_unit": f"""
SELECT u.code, u.name, u.level, u.community, u.member_count, u.valid_from, u.geom
FROM party_unit AS u
WHERE u.valid_to IS NULL AND {_within("u.community", "party_unit.view")}""",
    "supply_point": f"""
SELECT s.code, s.name, s.kind, s.community, s.neighbourhood, s.address, s.open_hours, s.capacity, s.valid_from, s.geom
FROM supply_point AS s
WHERE s.valid_to IS NULL AND ({_within("s.community", "supply_point.view")}
  OR {_outside("s", "supply_point.view")}
  OR (s.code ~ '[^0-9]' AND s.code = ANY ((SELECT gis.my_places('supply_point.view'))::text[])))""",
    "street": """
SELECT r.code, r.name, r.kind, r.valid_from, r.geom
FROM street AS r
WHERE r.valid_to IS NULL AND (SELECT cardinality(gis.my_places('street.view'))) > 0""",
    "closure_zone": f"""
SELECT z.code, z.name, z.type, z.state, z.community, z.order_no, z.issuer, z.starts_at, z.ends_at,
  (z.state IN ('active', 'release_proposed') AND z.starts_at <= now() AND (z.ends_at IS NULL OR z.ends_at > now()))
    IS TRUE AS in_force, z.valid_from, z.geom
FROM closure_zone AS z
WHERE z.valid_to IS NULL AND ({_within("z.community", "closure_zone.view")} OR {_outside("z", "closure_zone.view")})""",
    "audit_entry": f"""
SELECT a.chain || '#' || a.seq AS key, a.chain, a.seq, a.at, a.actor, a.action, a.subject, a.rows, a.digest, a.detail,
  a.hash
FROM audit_entry AS a
WHERE {_within("a.chain", "audit.view")}""",
}
# QGIS shows these beside the layers' names.
COMMENTS = {
    "community": "Communities 社区, with households and people of the buildings that have at least 5 households",
    "neighbourhood": "Grids 网格, with households and people of the buildings that have at least 5 households",
    "estate": "Estates 小区, with households and people of the buildings that have at least 5 households",
    "building": "Buildings 楼栋; households 户数 and people 人数 are empty where there are 1 to 4 households (<5)",
    "party_unit": "Party units 党组织, at their seat, without names and phones",
    "supply_point": "Supply points 物资点, without keeper and phone",
    "street": "Streets 街道",
    "closure_zone": "Closure zones 封控区/管控区/防范区",
    "audit_entry": "Audit entries 审计记录, for auditors",
}


def upgrade() -> None:
    _make_logins()
    op.execute(MAKE_ROLE)
    op.execute(CLOSE_FUNCTIONS)
    for table, (columns, is_outside_shown) in TESTED.items():
        condition = _condition(table, columns, is_outside_shown=is_outside_shown)
        for name in (table, f"{table}_version"):
            op.execute(f"ALTER POLICY {name}_service ON {name} USING ({condition}) WITH CHECK ({condition})")
    op.execute("CREATE SCHEMA gis")
    op.execute(MY_PLACES)
    op.execute(PIN)
    op.execute(COUNTED)
    for name, query in VIEWS.items():
        op.execute(f"CREATE VIEW gis.{name} WITH (security_barrier = true) AS {query}")
        op.execute(f"COMMENT ON VIEW gis.{name} IS '{COMMENTS[name]}'")
    op.execute(
        f"DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{READERS}') THEN"
        f" GRANT USAGE ON SCHEMA gis TO {READERS};"
        f" GRANT SELECT ON ALL TABLES IN SCHEMA gis TO {READERS};"
        f" GRANT EXECUTE ON FUNCTION gis.my_places(text, integer) TO {READERS};"
        " END IF; END $$"
    )


def _condition(table: str, columns: dict[str, str], *, is_outside_shown: bool) -> str:
    def any_of(level: str) -> str:
        return f"ANY (string_to_array(current_setting('gridmap.{table}_{level}', true), ','))"

    tests = [
        f"{column} {'^@' if level in ('community', 'county') else '='} {any_of(level)}"
        for level, column in columns.items()
    ]
    if is_outside_shown:
        tests.append(f"(community IS NULL AND county::text ^@ {any_of('outside')})")
    return f"CASE WHEN {' OR '.join(tests)} THEN true ELSE false END"


def _make_logins() -> None:
    op.create_table(
        "database_login",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("role_name", sa.Text(collation="C"), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("database_login_account_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("database_login_pkey")),
    )
    op.create_index(op.f("database_login_account_id_idx"), "database_login", ["account_id"], unique=False)
    op.create_index(
        "database_login_role_key", "database_login", ["role_name"], unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )  # fmt: skip
    for event, transition in TRANSITIONS.items():
        op.execute(
            f"CREATE TRIGGER database_login_{event.lower()}_audit AFTER {event} ON database_login"
            f" REFERENCING {transition} FOR EACH STATEMENT EXECUTE FUNCTION audit_statement('')"
        )
    op.execute(
        "CREATE TRIGGER database_login_truncate BEFORE TRUNCATE ON database_login"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.execute("DROP SCHEMA gis CASCADE")
    op.execute("DROP VIEW counted_building")
    op.drop_table("database_login")
