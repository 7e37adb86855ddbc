"""The one scope rule in its two forms: what the database shows of itself is what the condition asks for, in every door."""

import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyogrio
import pyogrio.raw
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, ProgrammingError

from gridmap import access, db, features, hierarchy, tiles
from gridmap.access import LOCAL, Actor, policy_of, read_verbs, within_scope
from gridmap.accounts.grants import Held, rights_of
from gridmap.crs import Position
from gridmap.errors import NotFound
from gridmap.layers import LAYERS
from gridmap.layers.volunteer.queries import covering
from gridmap.proximity import nearest
from gridmap.reports import surroundings
from gridmap.roles import ROLES
from gridmap.search import search
from gridmap.tables import metadata
from gridmap.vault import open_vault
from tests.conftest import KEYS
from tests.twins import NEXT_COUNTY, NEXT_DOOR, NEXT_STREET, OWN

TABLES = metadata.sorted_tables
SCOPED = [table for table in TABLES if policy_of(table) is not None]
FOREIGN = (NEXT_DOOR, NEXT_STREET, NEXT_COUNTY, "OUT-990107", "OUTV-990107", "OUTZ-990107")
POINT = f"S{OWN}-01"
POINTS = ("supply_point", "volunteer", "household", "party_household")


def named(table: sa.Table) -> str:
    return table.name


# What the database says of itself


@pytest.mark.parametrize("table", SCOPED, ids=named)
def test_the_policy_in_the_database_is_the_one_that_access_makes_now(conn, table):
    condition = policy_of(table)
    conn.execute(
        sa.text(f"CREATE POLICY probe ON {table} TO gridmap_service USING ({condition}) WITH CHECK ({condition})")
    )
    query = sa.text("SELECT cmd, roles, qual, with_check FROM pg_policies WHERE tablename = :t AND policyname = :p")
    expected = conn.execute(query, {"t": table.name, "p": "probe"}).one()
    assert conn.execute(query, {"t": table.name, "p": f"{table.name}_service"}).one() == expected


@pytest.mark.parametrize("table", TABLES, ids=named)
def test_scoped_tables_and_no_others_are_forced_under_one_policy_a_role(conn, table):
    enabled, forced = conn.execute(
        sa.text("SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = CAST(:t AS regclass)"),
        {"t": table.name},
    ).one()
    policies = conn.execute(
        sa.text("SELECT policyname, roles, permissive FROM pg_policies WHERE tablename = :t"), {"t": table.name}
    ).all()
    is_scoped = table in SCOPED or table.name == "audit_entry"
    assert (enabled, forced) == (is_scoped, is_scoped)
    expected = {
        (f"{table.name}_owner", ("gridmap",), "PERMISSIVE"), (f"{table.name}_service", ("gridmap_service",), "PERMISSIVE"),
    }  # fmt: skip
    assert {(name, tuple(roles), kind) for name, roles, kind in policies} == (expected if is_scoped else set())


def test_every_table_with_a_place_is_scoped():
    """A new table that carries a community must say how it is compared; streets and the like carry none."""
    assert [table.name for table in TABLES if "community" in table.c and table not in SCOPED] == ["access_grant"]


def test_the_service_owns_nothing_and_passes_no_policy(conn):
    flags = conn.execute(
        sa.text(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = 'gridmap_service'"
        )
    ).one()
    assert not any(flags)
    belongs = sa.text("SELECT count(*) FROM pg_auth_members WHERE member = 'gridmap_service'::regrole")
    assert conn.scalar(belongs) == 0
    for catalogue, owner in {
        "pg_class": "relowner",
        "pg_proc": "proowner",
        "pg_namespace": "nspowner",
        "pg_type": "typowner",
    }.items():
        owned = sa.text(f"SELECT count(*) FROM {catalogue} WHERE {owner} = 'gridmap_service'::regrole")
        assert conn.scalar(owned) == 0, catalogue


KEPT = [table.name for table in TABLES if table.name.endswith("_version")] + [
    "audit_entry",
    "change_log",
    "search_term",
    "alembic_version",
]


@pytest.mark.parametrize("name", KEPT)
def test_what_was_written_cannot_be_altered_by_the_service(conn, name):
    allowed = sa.text(
        "SELECT p FROM unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES']) AS p"
        " WHERE has_table_privilege('gridmap_service', :t, p)"
    )
    assert conn.execute(allowed, {"t": name}).all() == []
    columns = sa.text("SELECT has_any_column_privilege('gridmap_service', :t, 'INSERT, UPDATE')")
    assert conn.scalar(columns, {"t": name}) is False
    conn.execute(sa.text("SET LOCAL ROLE gridmap_service"))
    for change in (
        f"DELETE FROM {name}", f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY", f"ALTER TABLE {name} DISABLE TRIGGER ALL",
        f"CREATE POLICY mine ON {name} USING (true)",
    ):  # fmt: skip
        savepoint = conn.begin_nested()
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
            conn.execute(sa.text(change))
        savepoint.rollback()


# What it shows


@pytest.fixture(scope="module")
def register(twins: sa.Engine) -> sa.Engine:
    """The district with its copies, each with former versions of every kind of row."""
    with db.transaction(twins, LOCAL) as conn:
        _give_orders(conn)
        _propose_grids(conn)
        for table in SCOPED:
            if "versions_of" not in table.info and "changed_by" in table.c:
                values = {"changed_by": "again"}
                if "version" in table.c:
                    values |= {"version": table.c.version + 1, "changed_at": sa.func.now()}
                conn.execute(sa.update(table).values(**values))
    return twins


def _give_orders(conn: sa.Connection) -> None:
    """Give every zone an order and a building it names: the demo's zones have none of their own tables' rows."""
    orders = "county, id, closure_zone_id, zone_version, kind, doc_no, issuer, issuer_level, issued_at, effective_at, scope_text, reason"
    values = "county, id, id, 1, 'impose', 'N1', 'x', 'county', now(), now(), 'x', 'x'"
    conn.execute(sa.text(f"INSERT INTO zone_order ({orders}) SELECT {values} FROM closure_zone ON CONFLICT DO NOTHING"))
    items = "county, closure_zone_id, code, level"
    values = "county, id, 'B' || code, 'building'"
    conn.execute(sa.text(f"INSERT INTO zone_item ({items}) SELECT {values} FROM closure_zone ON CONFLICT DO NOTHING"))


def _propose_grids(conn: sa.Connection) -> None:
    """Lay a set of grids beside those of every community: its grids as they stand."""
    columns = "county, community, name, source, proposed_by"
    conn.execute(sa.text(f"INSERT INTO boundary_set ({columns}) SELECT county, code, 'x', 'x', 'x' FROM community"))
    columns = "boundary_set_id, number, county, community, code, name, geom"
    values = "s.id, row_number() OVER (ORDER BY g.code), g.county, g.community, g.code, g.name, g.geom"
    conn.execute(
        sa.text(
            f"INSERT INTO boundary_cell ({columns}) SELECT {values} FROM neighbourhood AS g JOIN boundary_set AS s USING (community)"
        )
    )


@pytest.fixture(scope="module")
def service(register: sa.Engine) -> Iterator[sa.Engine]:
    engine = db.service_engine(register.url.render_as_string(hide_password=False), vault=open_vault(Path(KEYS)))
    yield engine
    engine.dispose()


def keys_of(table: sa.Table) -> tuple[sa.ColumnElement, ...]:
    return tuple(table.primary_key.columns)


@pytest.mark.parametrize("table", [*SCOPED, metadata.tables["audit_entry"]], ids=named)
def test_without_settings_no_row_is_shown(service, register, table):
    count = sa.select(sa.func.count()).select_from(table)
    with service.begin() as conn:
        assert conn.scalar(count) == 0
    with db.transaction(service, Actor("nobody")) as conn:
        assert conn.scalar(count) == 0
    with service.begin() as conn:
        for level in ("county", "community", "neighbourhood", "building", "point", "outside"):
            name = f"gridmap.{access.versionless(table.name)}_{level}"
            conn.execute(sa.select(sa.func.set_config(name, "", True)))
        assert conn.scalar(count) == 0
    with register.connect() as conn:
        assert conn.scalar(count) > 0


def places_of(engine: sa.Engine) -> dict[str, Held]:
    """Return a place of each level, by its name, as (role to be filled in, place, community)."""
    with engine.connect() as conn:
        grid, building = conn.execute(
            sa.text("SELECT min(neighbourhood), min(code) FROM building WHERE community = :c"), {"c": OWN}
        ).one()
        point = conn.scalar(sa.text("SELECT min(code) FROM supply_point WHERE community = :c"), {"c": OWN})
    places = {
        "all": "", "province": OWN[:2], "city": OWN[:4], "county": OWN[:6], "sub-district": OWN[:9], "community": OWN,
        "grid": grid, "building": building, "nothing": "990199", "part of a code": OWN[:11],
    }  # fmt: skip
    return {level: Held("", place) for level, place in places.items()} | {
        "point": Held("", point, OWN), "point outside": Held("", "OUT-990106", None),
    }  # fmt: skip


def expected_rows(table: sa.Table, actor: Actor) -> sa.ColumnElement[bool]:
    """Return the condition of the rows an actor may read: within scope, or belonging to a row that is."""
    if owner_name := table.info.get("part_of"):
        owner = metadata.tables[owner_name]
        key = table.c[table.info.get("part_key", f"{owner_name}_id")]
        needs = table.info.get("needs")
        if needs and not actor.may(access.SWITCHES[needs]):
            return sa.false()
        return sa.exists().where(
            owner.c.county == table.c.county, owner.c.id == key, within_scope(owner, actor, *read_verbs(owner))
        )
    return within_scope(table, actor, *read_verbs(table))


@pytest.mark.parametrize("role", ROLES)
def test_row_level_security_shows_the_rows_that_the_condition_asks_for(service, register, role):
    held = places_of(register)
    cases = {level: (Held(role, one.place, one.community),) for level, one in held.items()}
    cases["grid and the next county"] = (Held(role, held["grid"].place), Held("planner", NEXT_COUNTY))
    cases["building, as a grid worker next door"] = (Held(role, held["building"].place), Held("grid_worker", NEXT_DOOR))
    seen = defaultdict(set)
    with register.connect() as owner:
        for level, holds in cases.items():
            actor = Actor(role, rights_of(holds))
            with db.transaction(service, actor) as conn:
                for table in SCOPED:
                    shown = set(conn.execute(sa.select(*keys_of(table))))
                    asked = set(owner.execute(sa.select(*keys_of(table)).where(expected_rows(table, actor))))
                    assert shown == asked, f"{table}, {role} of {level}"
                    seen[table.name].add(len(shown))
    told_apart = {name for name, sizes in seen.items() if len(sizes) >= 3}  # nothing, something and everything at least
    assert {name for name in LAYERS if f"{name}.view" in ROLES[role].verbs} - {"street"} <= told_apart


def test_a_change_reaches_only_rows_that_are_shown_and_puts_none_elsewhere(service):
    actor = Actor("worker", rights_of([Held("commander", OWN)]))
    table = hierarchy.building
    with db.transaction(service, actor) as conn:
        everything = sa.update(table).values(name="改", version=table.c.version + 1, changed_at=sa.func.now())
        changed = set(conn.scalars(everything.returning(table.c.code)))
        assert changed
        assert all(code.startswith(OWN) for code in changed)
        conn.get_transaction().rollback()
    elsewhere = {"community": NEXT_DOOR, "version": sa.text("version + 1"), "changed_at": sa.func.now()}
    with pytest.raises(DBAPIError, match="row-level security"), service.begin() as conn:
        _move(conn, actor, elsewhere)


def _move(conn: sa.Connection, actor: Actor, values: dict[str, object]) -> None:
    db.become(conn, actor)
    conn.execute(sa.update(LAYERS["supply_point"].table).values(**values))


def test_an_actor_leaves_nothing_to_the_next_one_in_the_same_transaction(service):
    count = sa.select(sa.func.count()).select_from(hierarchy.household)
    with db.transaction(service, LOCAL) as conn:
        assert conn.scalar(count) > 0
        db.become(conn, Actor("nobody"))
        assert conn.scalar(count) == 0


# The doors, with the condition forgotten (Z4)


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every query forget to ask for the scope."""
    patched = 0
    for name, module in list(sys.modules.items()):
        if name.startswith("gridmap.") and name != "gridmap.access" and hasattr(module, "within_scope"):
            monkeypatch.setattr(module, "within_scope", lambda *_: sa.true())
            patched += 1
    assert patched >= 8


def here(engine: sa.Engine) -> tuple[str, Position]:
    """Return the code and position of the first building of the own community."""
    with engine.connect() as conn:
        code, lon, lat = conn.execute(
            sa.text(
                "SELECT code, ST_X(position), ST_Y(position) FROM building WHERE community = :c ORDER BY code LIMIT 1"
            ),
            {"c": OWN},
        ).one()
    return code, Position(lon, lat)


def answers(conn: sa.Connection, actor: Actor, code: str, origin: Position) -> dict[str, object]:
    """Return what every door says around a building."""
    found: dict[str, object] = {}
    box = (origin.lon - 0.02, origin.lat - 0.02, origin.lon + 0.02, origin.lat + 0.02)
    shown = [layer for layer in LAYERS.values() if actor.may(layer.view)]
    for name in POINTS:
        if actor.may(f"{name}.view"):
            found[f"nearest {name}"] = nearest(conn, actor, LAYERS[name], origin, k=100)
    if actor.may("volunteer.view"):
        found["covering"] = covering(conn, actor, origin)
    for layer in shown:
        if not layer.is_drawn:  # no box: what comes behind the own community by its code
            found[f"page {layer.name}"] = features.page(conn, actor, layer, cursor=f"{OWN}Z", limit=10).features
            continue
        found[f"page {layer.name}"] = features.page(conn, actor, layer, bbox=box, limit=1000).features
        for z in (layer.min_zoom, *([layer.min_zoom - 1] if layer.cluster_zoom is not None else [])):
            x, y = _tile_of(conn, origin, z)
            found[f"tile {layer.name} {z}"] = drawn(tiles.tile(conn, actor, [layer], z, x, y))
    found["counts"] = features.counts(conn, actor, [layer for layer in shown if layer.is_drawn], box)
    found["search"] = [
        search(conn, actor, shown, text, near=origin, limit=100) for text in (OWN[:6], NEXT_DOOR, "幢", "站")
    ]
    found["places"] = hierarchy.places_at(conn, actor, origin)
    found["surroundings"] = surroundings.of_position(conn, actor, origin)
    if actor.may("building.view"):
        found["building"] = surroundings.of_building(conn, actor, code)
    if actor.may("supply_point.view"):
        point = surroundings.of_supply_point(conn, actor, POINT)
        # whether it may be revealed is no row: revealing asks for its verb besides
        found["stock point"] = point | {"keeper": point["keeper"] and point["keeper"].values}
    for answer in (found["surroundings"], found.get("building", {}), found.get("stock point", {})):
        answer.pop("as_of", None)  # the moment of the answer
    return found


def drawn(encoded: bytes) -> list[tuple]:
    """Return the features of a tile, read by GDAL, in an order of their own: a tile keeps that of the plan."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tile.pbf"
        file.write_bytes(encoded)
        for name, _ in pyogrio.list_layers(f"MVT:{file}") if encoded else ():
            meta, _, shapes, columns = pyogrio.raw.read(f"MVT:{file}", layer=name)
            kept = [values for key, values in zip(meta["fields"], columns, strict=True) if key != "mvt_id"]
            found += [(name, bytes(shape), *map(str, row)) for shape, *row in zip(shapes, *kept, strict=True)]
    return sorted(found)


def _tile_of(conn: sa.Connection, origin: Position, z: int) -> tuple[int, int]:
    half = 20037508.342789244
    x, y = conn.execute(
        sa.text("SELECT ST_X(p), ST_Y(p) FROM ST_Transform(ST_GeomFromEWKT(:p), 3857) AS p"), {"p": origin.ewkt}
    ).one()
    return int((x + half) / (2 * half) * 2**z), int((half - y) / (2 * half) * 2**z)


NARROW = ("commander", "street", "grid_worker", "planner", "party_member", "volunteer", "supervisor", "keeper")


@pytest.fixture(scope="module")
def asked_rightly(service, register) -> dict[str, dict[str, object]]:
    code, origin = here(register)
    found = {}
    for role in NARROW:
        actor = Actor(role, rights_of([Held(role, OWN)]))
        with db.transaction(service, actor) as conn:
            found[role] = answers(conn, actor, code, origin)
    return found


@pytest.mark.parametrize("role", NARROW)
def test_a_forgotten_condition_shows_nothing_more(service, register, asked_rightly, role, forgotten):
    code, origin = here(register)
    actor = Actor(role, rights_of([Held(role, OWN)]))
    with db.transaction(service, actor) as conn:
        found = answers(conn, actor, code, origin)
        for foreign in (code.replace(OWN, NEXT_DOOR), code.replace(OWN, NEXT_COUNTY)):
            if actor.may("building.view"):
                with pytest.raises(NotFound):
                    surroundings.of_building(conn, actor, foreign)
                with pytest.raises(NotFound):
                    features.detail(conn, actor, LAYERS["building"], foreign)
    for door, answer in found.items():
        assert answer == asked_rightly[role][door], door
        assert [word for word in FOREIGN if word in repr(answer)] == [], door


def test_without_policies_the_forgotten_condition_would_show_foreign_rows_in_every_door(register, forgotten):
    """The control: the copies lie where the doors look, so it is the policies that hide them."""
    code, origin = here(register)
    actor = Actor("commander", rights_of([Held("commander", OWN)]))
    with db.transaction(register, actor) as conn:
        found = answers(conn, actor, code, origin)
    silent = {"counts", "page street", "places", "building"} | {
        door for door in found if door.startswith("tile street")
    }
    clusters = {"tile supply_point 14", "tile volunteer 15"}
    for door in found.keys() - silent - clusters:
        assert any(word in repr(found[door]) for word in FOREIGN), door
