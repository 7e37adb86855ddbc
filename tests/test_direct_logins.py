"""Planners and auditors who open the database themselves: what they see, and what they try in order to see more."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask import Flask

from gridmap import db
from gridmap.access import LOCAL
from gridmap.accounts import grants, logins
from gridmap.accounts import people as accounts
from gridmap.cli import main
from gridmap.cluster import Cluster
from gridmap.errors import Conflict, NotAllowed, NotFound
from gridmap.layers import LAYERS
from gridmap.roles import ROLES
from tests.conftest import KEYS, app_on, client_of, copy_of, session_of
from tests.twins import NEXT_COUNTY, NEXT_DOOR, OWN

SHOWN = ("community", "neighbourhood", "estate", "building", "party_unit", "supply_point", "street", "closure_zone")
VIEWS = (*SHOWN, "audit_entry")
REFUSED = psycopg.errors.InsufficientPrivilege


def login_of(engine: sa.Engine, *held: tuple[str, str]) -> tuple[str, str, str]:
    """Make an account with grants and a direct login; return its name, role and password."""
    name = f"p{uuid.uuid4().hex[:10]}"
    with db.transaction(engine, LOCAL) as conn:
        account = accounts.add(conn, LOCAL, name, None)
        for role, place in held:
            grants.give(conn, LOCAL, account, role, place)
        return name, *logins.create(conn, LOCAL, name)


@contextmanager
def connected(cluster: Cluster, engine: sa.Engine, role: str, password: str) -> Iterator[psycopg.Connection]:
    """Connect over TCP with a password, as QGIS does; writing is not ruled out, as it is for who does not ask."""
    assert cluster.listen is not None
    where = {"host": cluster.listen.host, "port": cluster.port, "dbname": engine.url.database}
    where |= {"options": "-c default_transaction_read_only=off"}
    with psycopg.connect(**where, user=role, password=password, autocommit=True, connect_timeout=5) as conn:
        yield conn


@contextmanager
def planner_of(
    cluster: Cluster, engine: sa.Engine, *places: str, role: str = "planner"
) -> Iterator[psycopg.Connection]:
    name, login, password = login_of(engine, *((role, place) for place in places))
    with connected(cluster, engine, login, password) as conn:
        yield conn
    with db.transaction(engine, LOCAL) as made:
        logins.end(made, LOCAL, name)


@pytest.fixture(scope="module")
def planner(cluster: Cluster, twins: sa.Engine) -> Iterator[psycopg.Connection]:
    """The connection of a planner of one community, opened with the planner's own password."""
    with planner_of(cluster, twins, OWN) as conn:
        yield conn


@pytest.fixture(scope="module")
def twins_app(twins: sa.Engine) -> Iterator[Flask]:
    with app_on(twins) as made:
        yield made


def codes(conn: psycopg.Connection, view: str) -> set[str]:
    return {code for (code,) in conn.execute(f"SELECT code FROM gis.{view}")}


def grid_of(engine: sa.Engine) -> str:
    with engine.connect() as conn:
        return str(conn.scalar(sa.text("SELECT min(neighbourhood) FROM building WHERE community = :c"), {"c": OWN}))


def building_of(engine: sa.Engine) -> str:
    with engine.connect() as conn:
        return str(conn.scalar(sa.text("SELECT min(code) FROM building WHERE community = :c"), {"c": OWN}))


# What they see


@pytest.mark.parametrize("level", ["all", "county", "sub-district", "community", "grid", "building", "two counties"])
def test_a_planner_sees_in_qgis_what_the_same_planner_sees_in_the_api(cluster, twins, twins_app, level):
    places = {
        "all": ("all",), "county": (OWN[:6],), "sub-district": (OWN[:9],), "community": (OWN,), "grid": (grid_of(twins),),
        "building": (building_of(twins),), "two counties": (NEXT_COUNTY[:6], NEXT_DOOR),
    }[level]  # fmt: skip
    client = client_of(twins_app, session_of(twins, *(("planner", place) for place in places)))
    with planner_of(cluster, twins, *places) as conn:
        for view in SHOWN:
            answer = client.get(f"/api/v1/layers/{view}/features?limit=1000").get_json()
            expected = {feature["id"] for feature in answer["features"]}
            assert codes(conn, view) == expected, view
            assert expected, f"{view}: nothing to compare"


def test_a_planner_of_one_community_sees_nothing_of_those_on_the_same_ground(planner, twins):
    for view in ("community", "neighbourhood", "estate", "building"):
        found = codes(planner, view)
        assert found
        assert all(OWN in code for code in found), view
    assert "OUT-990106" in codes(planner, "supply_point")  # what lies outside every community of the own county
    assert "OUT-990107" not in codes(planner, "supply_point")
    assert "OUTZ-990107" not in codes(planner, "closure_zone")


def test_fewer_than_five_households_are_not_counted_for_a_planner(planner):
    cottage = planner.execute(
        "SELECT households, people, households_shown FROM gis.building WHERE code = %s", [OWN + "90001"]
    ).fetchone()
    assert cottage == (None, None, "<5")
    least = planner.execute(
        "SELECT min(households), bool_and(people IS NOT NULL) FROM gis.building WHERE households > 0"
    )
    assert least.fetchone()[0] >= 5
    shown = planner.execute("SELECT count(*) FROM gis.building WHERE households IS NULL AND households_shown <> '<5'")
    assert shown.fetchone() == (0,)


@pytest.mark.parametrize("area", ["community", "neighbourhood"])
def test_no_subtraction_from_the_figures_of_an_area_tells_a_suppressed_one(planner, area):
    column = "b.community" if area == "community" else "b.neighbourhood"
    rows = planner.execute(
        f"SELECT a.code, a.households, sum(b.households), a.people, sum(b.people), a.buildings, count(b.code),"
        f" a.buildings_under_5, count(*) FILTER (WHERE b.code IS NOT NULL AND b.households IS NULL)"
        f" FROM gis.{area} AS a LEFT JOIN gis.building AS b ON {column} = a.code GROUP BY a.code, a.households, a.people,"
        f" a.buildings, a.buildings_under_5"
    ).fetchall()
    assert rows
    assert sum(row[7] for row in rows) == 1
    for _, households, of_buildings, people, of_people, buildings, counted, hidden, unknown in rows:
        assert (households, people, buildings, hidden) == (of_buildings or 0, of_people or 0, counted, unknown)


def test_the_figures_are_those_of_the_register(planner, twins):
    with twins.connect() as conn:
        expected = conn.execute(
            sa.text(
                "SELECT building, count(*), sum(people_count) FROM household WHERE community = :c AND valid_to IS NULL"
                " GROUP BY building HAVING count(*) >= 5"
            ),
            {"c": OWN},
        ).all()
    found = planner.execute("SELECT code, households, people FROM gis.building WHERE households >= 5").fetchall()
    assert sorted(found) == sorted(tuple(row) for row in expected)


def test_a_planner_of_one_grid_reads_the_figures_of_that_grid_only(cluster, twins):
    grid = grid_of(twins)
    with planner_of(cluster, twins, grid) as conn:
        of_community = conn.execute("SELECT households, buildings FROM gis.community").fetchall()
        of_grid = conn.execute("SELECT households, buildings FROM gis.neighbourhood WHERE code = %s", [grid]).fetchall()
    assert of_community == of_grid


def test_no_view_has_a_personal_column(planner):
    personal = {
        column.name for layer in LAYERS.values() for column in layer.table.columns if column.info.get("personal")
    } - {"name"}  # a volunteer's; volunteers are not shown at all
    assert {"keeper", "phone", "secretary"} <= personal
    columns = planner.execute(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'gis'"
    )
    found = columns.fetchall()
    assert {table for table, _ in found} == set(VIEWS)
    assert [(table, column) for table, column in found if column in personal] == []


def test_an_auditor_reads_the_audit_of_the_own_area_and_no_register(cluster, twins):
    with planner_of(cluster, twins, OWN[:6], role="auditor") as conn:
        chains = {chain for (chain,) in conn.execute("SELECT DISTINCT chain FROM gis.audit_entry")}
        assert OWN in chains
        assert all(chain.startswith(OWN[:6]) for chain in chains)
        assert [view for view in SHOWN if codes(conn, view)] == []


def test_a_planner_reads_no_audit(planner):
    assert planner.execute("SELECT count(*) FROM gis.audit_entry").fetchone() == (0,)


def test_qgis_finds_each_layer_with_its_type_system_and_key(planner):
    listed = planner.execute("SELECT f_table_name, f_geometry_column, srid, type FROM geometry_columns").fetchall()
    areas = dict.fromkeys(("community", "neighbourhood", "estate", "building", "closure_zone"), "MULTIPOLYGON")
    kinds = areas | {"party_unit": "POINT", "supply_point": "POINT", "street": "LINESTRING"}
    assert sorted(listed) == sorted((name, "geom", 4490, kind) for name, kind in kinds.items())
    for view in SHOWN:
        count = planner.execute(f"SELECT count(*), count(DISTINCT code) FROM gis.{view}").fetchone()
        assert count[0] == count[1] > 0, view


def test_a_drawn_extent_uses_the_spatial_index(planner, twins):
    for view in ("building", "supply_point", "closure_zone", "community"):
        with planner.transaction():
            planner.execute("SET LOCAL enable_seqscan = off")  # the tables of the tests are too small for an index
            box = "ST_MakeEnvelope(120.1, 30.1, 120.1001, 30.1001, 4490)"
            rows = planner.execute(f"EXPLAIN SELECT code FROM gis.{view} WHERE geom && {box}")
            plan = "\n".join(row[0] for row in rows)
        assert f"{view}_geom_idx" in plan, plan
        assert "Index Cond: (geom &&" in plan, plan


# What they try


@pytest.fixture(scope="module")
def own(planner) -> dict[str, set[str]]:
    return {view: codes(planner, view) for view in SHOWN}


def test_settings_of_the_service_widen_nothing(planner, own):
    for table in ("building", "household", "supply_point", "closure_zone", "community"):
        for level in ("county", "community", "outside", "point"):
            planner.execute("SELECT set_config(%s, '^', false)", [f"gridmap.{table}_{level}"])
    planner.execute("SET gridmap.audit = 'on'; SET gridmap.actor = 'local'; SET gridmap.priority = 'on'")
    planner.execute("SET row_security = off")
    assert {view: codes(planner, view) for view in SHOWN} == own
    assert planner.execute("SELECT count(*) FROM gis.audit_entry").fetchone() == (0,)
    planner.execute("RESET ALL")


@pytest.mark.parametrize("role", ["gridmap", "gridmap_service", "postgres", "pg_read_all_data", "pg_read_all_stats"])
def test_nobody_else_can_be_become(planner, role):
    with pytest.raises(REFUSED):
        planner.execute(f"SET ROLE {role}")
    with pytest.raises(REFUSED):
        planner.execute(f"SET SESSION AUTHORIZATION {role}")


def test_becoming_the_group_widens_nothing(planner, own):
    planner.execute("SET ROLE gridmap_planner")
    assert codes(planner, "building") == own["building"]
    planner.execute("RESET ROLE")


def test_somebody_elses_role_cannot_be_become_or_asked_for(cluster, twins, planner):
    name, other, _ = login_of(twins, ("planner", NEXT_COUNTY))
    with pytest.raises(REFUSED):
        planner.execute(f"SET ROLE {other}")
    with pytest.raises(REFUSED):
        planner.execute(f"SET SESSION AUTHORIZATION {other}")
    with pytest.raises(REFUSED):
        planner.execute(f"GRANT {other} TO CURRENT_USER")
    for arguments in ("'building.view', %s", "'building.view', NULL, %s", "%s, 'building.view'"):
        with pytest.raises((psycopg.errors.UndefinedFunction, psycopg.errors.InvalidTextRepresentation)):
            planner.execute(f"SELECT gis.my_places({arguments})", [other])
    assert planner.execute("SELECT gis.my_places('building.view')").fetchone() == ([OWN],)
    with db.transaction(twins, LOCAL) as conn:
        logins.end(conn, LOCAL, name)


def test_the_function_tells_the_places_of_the_session_and_of_its_verbs_only(planner, twins):
    for verb in ("household.view", "household.exact", "audit.view", "grant.manage", "volunteer.view", "", None):
        assert planner.execute("SELECT gis.my_places(%s)", [verb]).fetchone() == ([],), verb
    with twins.connect() as conn:  # the owner is nobody's account
        assert conn.scalar(sa.text("SELECT gis.my_places('building.view')")) == []


def ours(engine: sa.Engine) -> list[str]:
    with engine.connect() as conn:
        return list(
            conn.scalars(
                sa.text(
                    "SELECT c.oid::regclass::text FROM pg_class AS c WHERE c.relnamespace = current_schema()::regnamespace"
                    " AND c.relkind IN ('r', 'v', 'S', 'm', 'p') AND c.relowner = current_user::regrole ORDER BY 1"
                )
            )
        )


def test_no_table_sequence_or_view_of_ours_can_be_read_or_written(planner, twins):
    names = ours(twins)
    assert {"building", "household_version", "account", "access_grant", "database_login", "counted_building"} <= set(
        names
    )
    for name in names:
        with pytest.raises(REFUSED):
            planner.execute(f"SELECT * FROM {name} LIMIT 1")
        allowed = planner.execute(
            "SELECT p FROM unnest(ARRAY['SELECT', 'UPDATE']) AS p WHERE CASE c.relkind WHEN 'S' THEN"
            " has_sequence_privilege(c.oid, p) ELSE has_any_column_privilege(c.oid, p) END".replace(
                " WHERE", ", pg_class AS c WHERE c.oid = %s::regclass AND", 1
            ),
            [name],
        ).fetchall()
        assert allowed == [], name


def test_the_views_can_be_read_only(planner):
    for view in VIEWS:
        allowed = planner.execute(
            "SELECT p FROM unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p"
            " WHERE has_table_privilege(%s, p)", [f"gis.{view}"],
        ).fetchall()  # fmt: skip
        assert allowed == [], view
    for change in ("UPDATE gis.street SET name = 'x'", "DELETE FROM gis.closure_zone", "DELETE FROM gis.audit_entry"):
        with pytest.raises(REFUSED):
            planner.execute(change)
    planner.execute("RESET ALL")


def test_no_function_of_ours_can_be_called_but_the_one_of_the_views(planner, twins):
    with twins.connect() as conn:
        functions = conn.execute(
            sa.text(
                "SELECT p.oid::regprocedure::text FROM pg_proc AS p WHERE p.proowner = current_user::regrole"
                " AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')"
            )
        ).scalars()
        names = set(functions)
    assert {"audit_statement()", "gis.my_places(text,integer)"} <= names
    callable_ = {
        name for name in names
        if planner.execute("SELECT has_function_privilege(%s, 'EXECUTE')", [name]).fetchone() == (True,)
    }  # fmt: skip
    assert callable_ == {"gis.my_places(text,integer)"}
    with pytest.raises(REFUSED):
        planner.execute("SELECT append_audit('', 'forged', 'x', 1, NULL, NULL)")


def test_a_function_made_later_is_closed_to_everybody_at_first(empty_database):
    with empty_database.begin() as conn:
        conn.execute(sa.text("CREATE FUNCTION made_later() RETURNS integer LANGUAGE sql RETURN 1"))
        allowed = conn.scalar(sa.text("SELECT has_function_privilege('gridmap_service', 'made_later()', 'EXECUTE')"))
    assert allowed is False


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (x int)",
        "CREATE TEMPORARY TABLE building (code text)",
        "CREATE FUNCTION leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'",
        "CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS 'BEGIN RETURN true; END'",
        "CREATE SCHEMA mine",
        "CREATE VIEW gis.mine AS SELECT 1",
        "CREATE EXTENSION dblink",
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT lo_import('/etc/passwd')",
        "ALTER ROLE CURRENT_USER BYPASSRLS",
        "ALTER ROLE CURRENT_USER VALID UNTIL 'infinity'",
        "ALTER FUNCTION gis.my_places(text, integer) SECURITY INVOKER",
        "SELECT * FROM pg_statistic",
        "SELECT rolpassword FROM pg_authid",
    ],
)
def test_nothing_can_be_made_or_altered(planner, statement):
    with pytest.raises(REFUSED):
        planner.execute(statement)


def test_a_temporary_table_in_front_of_ours_changes_nothing(cluster, twins):
    """Even where everybody may make temporary objects, as on a server whose administrator allows it."""
    with twins.begin() as conn:
        conn.execute(sa.text(f"GRANT TEMPORARY ON DATABASE {twins.url.database} TO PUBLIC"))
    name, role, password = login_of(twins, ("planner", OWN))
    with twins.begin() as conn:  # the login has just closed it
        conn.execute(sa.text(f"GRANT TEMPORARY ON DATABASE {twins.url.database} TO PUBLIC"))
    with connected(cluster, twins, role, password) as conn:
        before = codes(conn, "building")
        conn.execute("CREATE TEMPORARY TABLE database_login AS SELECT %s AS role_name", [role])
        conn.execute("CREATE TEMPORARY TABLE access_grant (account_id uuid, role text, place text)")
        conn.execute("CREATE FUNCTION pg_temp.my_places(text, integer) RETURNS text[] LANGUAGE sql RETURN ARRAY['']")
        conn.execute("SET search_path = pg_temp, public, gis")
        assert codes(conn, "building") == before
        leaked: list[str] = []
        conn.add_notice_handler(lambda told: leaked.append(told.message_primary or ""))
        conn.execute(
            "CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001"
            " AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'"
        )
        conn.execute("CREATE OPERATOR pg_temp.~~~ (FUNCTION = pg_temp.leak, RIGHTARG = text)")
        conn.execute("SELECT code FROM gis.building WHERE pg_temp.leak(code)")
        conn.execute("SELECT code FROM gis.building WHERE OPERATOR(pg_temp.~~~) name")
        conn.execute("SELECT chain FROM gis.audit_entry WHERE pg_temp.leak(actor)")
        conn.execute("SELECT code FROM gis.supply_point WHERE pg_temp.leak(code)")
    assert leaked
    assert [word for word in leaked if NEXT_DOOR in word or NEXT_COUNTY in word or word == "local"] == []
    with db.transaction(twins, LOCAL) as conn:
        logins.end(conn, LOCAL, name)
    with twins.begin() as conn:
        conn.execute(sa.text(f"REVOKE TEMPORARY ON DATABASE {twins.url.database} FROM PUBLIC"))


def test_an_error_tells_nothing_of_a_foreign_row(planner):
    """A condition that fails on the row it seeks: without a barrier it would be tried on foreign rows first."""
    foreign = NEXT_DOOR + "90001"
    seek = "SELECT count(*) FROM gis.building WHERE 1 / (CASE WHEN code = %s THEN 0 ELSE 1 END) = 1"
    assert planner.execute(seek, [foreign]).fetchone()[0] > 0
    with pytest.raises(psycopg.errors.DivisionByZero):
        planner.execute(seek, [OWN + "90001"])


def test_statistics_of_our_tables_are_not_shown(planner, twins):
    with twins.connect() as conn:
        assert conn.scalar(sa.text("SELECT count(*) FROM pg_stats WHERE tablename = 'building'")) > 0
    told = planner.execute(
        "SELECT DISTINCT tablename FROM pg_stats WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    ).fetchall()
    assert set(told) <= {("spatial_ref_sys",)}  # what everybody reads: the coordinate systems
    with pytest.raises(REFUSED):
        planner.execute("SELECT * FROM pg_stats_ext_exprs, pg_statistic_ext_data")


# How it begins and ends


def test_without_the_password_or_with_the_owners_name_nobody_comes_in_by_the_network(cluster, twins):
    name, role, password = login_of(twins, ("planner", OWN))
    for user, given in (
        (role, password + "x"),
        (role, ""),
        ("gridmap", password),
        ("postgres", ""),
        ("gridmap_service", ""),
    ):
        with pytest.raises(psycopg.OperationalError), connected(cluster, twins, user, given):
            pass
    with db.transaction(twins, LOCAL) as conn:
        logins.end(conn, LOCAL, name)


def test_the_server_keeps_a_verifier_and_a_date_and_never_sees_the_password(cluster, twins):
    name, role, password = login_of(twins, ("planner", OWN))
    admin = psycopg.connect(host=str(cluster.socket_folder), port=cluster.port, user="postgres", dbname="postgres")
    with admin as conn:
        stored = conn.execute(
            "SELECT rolpassword, rolvaliduntil - now(), rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls"
            " OR rolreplication FROM pg_authid WHERE rolname = %s", [role],
        ).fetchone()  # fmt: skip
    assert stored[0].startswith("SCRAM-SHA-256$")
    assert password not in stored[0]
    assert 89 <= stored[1].days <= 90
    assert stored[2] is False
    assert password not in (cluster.root / "log" / "server.log").read_text()
    with db.transaction(twins, LOCAL) as conn:
        logins.end(conn, LOCAL, name)


@pytest.mark.parametrize("how", ["grant ended", "grant ran out", "account disabled"])
def test_what_was_taken_away_is_gone_from_an_open_connection(cluster, twins, how):
    name, role, password = login_of(twins, ("planner", OWN))
    with connected(cluster, twins, role, password) as conn:
        assert codes(conn, "building")
        with db.transaction(twins, LOCAL) as owner:
            account = accounts.find(owner, name).id
            if how == "account disabled":
                accounts.disable(owner, LOCAL, name)
            else:
                grant = grants.grants_of(owner, account)[0].id
                if how == "grant ended":
                    grants.end(owner, LOCAL, grant)
                else:
                    owner.execute(
                        sa.text(
                            "UPDATE access_grant SET valid_to = greatest(valid_from, clock_timestamp()) WHERE id = :id"
                        ),
                        {"id": grant},
                    )
        assert [view for view in VIEWS if conn.execute(f"SELECT 1 FROM gis.{view} LIMIT 1").fetchone()] == []


def test_an_ended_login_is_disconnected_and_refused_and_can_be_made_anew(cluster, twins):
    name, role, password = login_of(twins, ("planner", OWN))
    with connected(cluster, twins, role, password) as conn:
        with db.transaction(twins, LOCAL) as owner:
            assert logins.end(owner, LOCAL, name) == role
        assert codes(conn, "building") == set()
        with db.transaction(twins, LOCAL) as owner:
            assert logins.disconnect(owner, role) == 1
        with pytest.raises(psycopg.OperationalError):
            conn.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError), connected(cluster, twins, role, password):
        pass
    with db.transaction(twins, LOCAL) as owner:
        again, fresh = logins.create(owner, LOCAL, name)
        belongs = owner.scalar(sa.text("SELECT pg_has_role('gridmap', :role, 'MEMBER')"), {"role": role})
    assert (again, fresh == password, belongs) == (role, False, False)
    with connected(cluster, twins, role, fresh) as conn:
        assert codes(conn, "building")
    with db.transaction(twins, LOCAL) as owner:
        logins.end(owner, LOCAL, name)
        with pytest.raises(NotFound):
            logins.end(owner, LOCAL, name)


def test_only_planners_and_auditors_get_a_login_and_only_one(twins):
    with db.transaction(twins, LOCAL) as conn:
        worker = f"w{uuid.uuid4().hex[:10]}"
        grants.give(conn, LOCAL, accounts.add(conn, LOCAL, worker, None), "grid_worker", OWN)
        with pytest.raises(NotAllowed, match="neither planner nor auditor"):
            logins.create(conn, LOCAL, worker)
        with pytest.raises(NotFound):
            logins.create(conn, LOCAL, "nobody-here")
    name, _, _ = login_of(twins, ("planner", OWN))
    with pytest.raises(Conflict, match="has a login already"), db.transaction(twins, LOCAL) as conn:
        logins.create(conn, LOCAL, name)
    with db.transaction(twins, LOCAL) as conn:
        assert name in {login.account for login in logins.listed(conn, LOCAL)}
        logins.end(conn, LOCAL, name)
        assert name not in {login.account for login in logins.listed(conn, LOCAL)}
        seen = conn.execute(sa.text("SELECT action, actor FROM audit_entry WHERE subject = 'database_login'")).all()
    assert {("insert", "local"), ("update", "local")} <= {tuple(row) for row in seen}


def test_a_role_of_another_database_is_left_alone(cluster, migrated, twins):
    name, role, password = login_of(twins, ("planner", OWN))
    with copy_of(cluster, migrated) as other:
        with db.transaction(other, LOCAL) as conn:
            grants.give(conn, LOCAL, accounts.add(conn, LOCAL, name, None), "planner", "all")
        with pytest.raises(Conflict, match="from elsewhere"), db.transaction(other, LOCAL) as conn:
            logins.create(conn, LOCAL, name)
        with connected(cluster, other, role, password) as conn, pytest.raises(REFUSED):
            conn.execute("SELECT code FROM building")
    with db.transaction(twins, LOCAL) as conn:
        logins.end(conn, LOCAL, name)


def test_an_owner_who_may_make_no_roles_is_told_what_the_administrator_must_run(empty_database):
    with db.transaction(empty_database, LOCAL) as conn:
        grants.give(conn, LOCAL, accounts.add(conn, LOCAL, "planner.one", None), "planner", "all")
    with empty_database.begin() as conn:
        conn.execute(sa.text("GRANT SELECT ON database_login TO gridmap_service"))
        conn.execute(sa.text("SET LOCAL ROLE gridmap_service"))  # stands for an owner without CREATEROLE
        with pytest.raises(NotAllowed, match="ALTER ROLE gridmap_service CREATEROLE"):
            logins.create(conn, LOCAL, "planner.one")


def test_the_function_knows_the_verbs_of_the_roles(twins):
    with twins.connect() as conn:
        text = conn.scalar(sa.text("SELECT pg_get_functiondef('gis.my_places(text, integer)'::regprocedure)"))
    told = {role: set(verbs.split(",")) for role, verbs in re.findall(r"WHEN '(\w+)'::text THEN '([^']+)'", text)}
    assert told.keys() == set(logins.ROLES_WITH_LOGIN)
    for role, verbs in told.items():
        shown = {
            verb
            for verb in ROLES[role].verbs
            if verb.split(".")[0] in (*SHOWN, "household", "audit") and not verb.endswith(".propose")
        }
        assert verbs == shown, f"the verbs of {role} have changed: change gis.my_places in a migration"


# The commands


def run(*arguments: str, url: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments, env={"GRIDMAP_HOME": KEYS, "GRIDMAP_DATABASE_URL": url})
    return result.exit_code, result.output


def test_a_login_is_made_listed_and_ended_by_command(cluster, empty_database):
    name = f"c{uuid.uuid4().hex[:10]}"
    with db.transaction(empty_database, LOCAL) as conn:
        grants.give(conn, LOCAL, accounts.add(conn, LOCAL, name, None), "planner", "all")
    url = empty_database.url.render_as_string(hide_password=False)
    code, said = run("db-login", "create", name, url=url)
    assert code == 0, said
    words = dict(line.rsplit(": ", 1) for line in said.splitlines() if line.count(": ") == 1)
    role, password = words["Role 用户名"], words["Password 密码"]
    with connected(cluster, empty_database, role, password) as conn:
        assert conn.execute("SELECT session_user").fetchone() == (f"gm_{name}",)
        assert name in run("db-login", "list", url=url)[1]
        code, said = run("db-login", "end", name, url=url)
        assert (code, "1 connections ended" in said) == (0, True), said
    assert run("db-login", "list", url=url) == (0, "")
    code, said = run("db-login", "end", name, url=url)
    assert (code, said.startswith("Error: ")) == (1, True)
