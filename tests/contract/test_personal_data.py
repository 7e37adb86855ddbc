"""No door lets a personal value out unmasked (cases Z3 and P1): a register full of known persons, every role, every
route, every export, every log line, every table.
"""

import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from gridmap import db
from gridmap.access import LOCAL
from gridmap.errors import InvalidInput
from gridmap.exchange import export_file
from gridmap.layers import LAYERS
from gridmap.roles import ROLES
from gridmap.web import logs
from tests.conftest import app_on, client_of, session_of
from tests.factories import (
    COMMUNITY,
    add_building,
    add_community,
    add_household,
    add_neighbourhood,
    add_party_household,
    add_party_unit,
    add_supply_point,
    add_volunteer,
    add_zone,
    assign,
    square,
)

HOSTILE = "<b onclick='x'>"
NAMES = ["独孤求败甲", "独孤求败乙", f"独孤{HOSTILE}求败", "=独孤求败丁", "独孤前名戊"]
PHONES = ["138-2468-1357", "13924681357", "+86 137 2468 1357"]
ID_NUMBER = "11010519491231002X"
# What must not occur anywhere: all of a name but its first character, and numbers without their separators.
SECRETS = [*NAMES, "孤求败", "求败", "孤前名", "24681357", "2468-1357", "2468 1357", ID_NUMBER, "10519491231"]
CODES = {
    "community": COMMUNITY, "neighbourhood": COMMUNITY + "001", "estate": "E1", "building": COMMUNITY + "00001",
    "household": COMMUNITY + "00001010101", "party_household": COMMUNITY + "00001010101", "party_unit": "P1",
    "supply_point": COMMUNITY + "S00001", "volunteer": "V1", "closure_zone": "Z1", "street": "R1",
}  # fmt: skip
UNLIKE = {role.verbs: name for name, role in ROLES.items()}.values()  # one role of each set of rights
PLACES = dict.fromkeys(ROLES, COMMUNITY) | {
    "grid_worker": CODES["neighbourhood"], "building_head": CODES["building"], "keeper": CODES["supply_point"],
    "city": COMMUNITY[:4], "sys_admin": "all", "sec_admin": "all", "auditor": "all",
}  # fmt: skip
QUERIES = ["", "lon=120.6&lat=30.9", "bbox=120.5,30.8,120.7,31.0", "q=V1&lon=120.6&lat=30.9", "layer=volunteer&code=V1"]
ENDLESS = re.compile(r"^/(static|map-inline|sign-in/link)")  # files of ours, and one-time secrets


@pytest.fixture(scope="module")
def register(cluster, migrated) -> Iterator[sa.Engine]:
    from tests.conftest import copy_of

    with copy_of(cluster, migrated) as engine:
        with db.transaction(engine, LOCAL) as conn:
            _fill(conn)
        yield engine


def _fill(conn: sa.Connection) -> None:
    """Store a person wherever there can be one, in former versions too."""
    community = add_community(conn)
    grid = add_neighbourhood(conn, community)
    building = add_building(conn, community, neighbourhood=CODES["neighbourhood"], neighbourhood_id=grid)
    home = add_household(conn, building, neighbourhood=CODES["neighbourhood"])
    add_party_household(conn, home, CODES["party_household"], neighbourhood=CODES["neighbourhood"])
    add_party_unit(conn, community, "P1", "committee", secretary=NAMES[1], phone=PHONES[1])
    here = {"community": COMMUNITY, "community_id": community}
    add_supply_point(conn, CODES["supply_point"], 120.6, 30.9, keeper=NAMES[2], phone=PHONES[2], **here)
    persons = {"name": NAMES[4], "phone": PHONES[0], "id_number": ID_NUMBER}
    volunteer = add_volunteer(conn, "V1", 120.6, 30.9, radius_m=500, on_duty=True, **persons, **here)
    assign(conn, volunteer, building)
    add_volunteer(conn, "V2", 120.6, 30.9, radius_m=500, name=NAMES[3], phone=PHONES[1], **here)
    add_zone(conn, "Z1", square(120.6, 30.9), **here)
    _rename(conn, NAMES[0])


def _rename(conn: sa.Connection, name: str) -> None:
    from gridmap import personal

    table = LAYERS["volunteer"].table
    sealed = personal.seal(conn, table.c.name, name)
    conn.execute(sa.update(table).where(table.c.code == "V1").values(name=sealed, version=2, changed_at=sa.func.now()))


@pytest.fixture(scope="module")
def register_app(register) -> Iterator[Flask]:
    with app_on(register) as app:
        yield app


def signed_in(app: Flask, engine: sa.Engine, role: str) -> FlaskClient:
    client = client_of(app, session_of(engine, (role, PLACES[role])))
    html = client.get("/account").get_data(as_text=True)
    client.environ_base["HTTP_X_CSRF_TOKEN"] = html.partition('name="csrf" value="')[2].partition('"')[0]
    return client


def addresses(app: Flask) -> list[str]:
    """Return addresses of every GET route, with each layer and its code where the route takes them."""
    found = []
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or ENDLESS.match(rule.rule):
            continue
        for layer, code in CODES.items():
            values = {"layer": layer, "layers": layer, "code": code, "z": 14, "x": 13680, "y": 6720}
            path = re.sub(r"<(?:\w+:)?(\w+)>", lambda part, values=values: str(values.get(part[1], "1")), rule.rule)
            found += [f"{path}?{query}" for query in QUERIES]
    return sorted(set(found))


def told(text: str | bytes) -> list[str]:
    """Return the secrets that occur in a text."""
    plain = text.decode(errors="replace") if isinstance(text, bytes) else text
    return [secret for secret in SECRETS if secret in plain]


@pytest.mark.parametrize("role", UNLIKE)
def test_no_route_and_no_log_line_tells_a_person_to_any_role(register_app, register, role, capfd, caplog):
    logs.init()  # writes to what is captured here
    client = signed_in(register_app, register, role)
    statuses: dict[int, str] = {}
    refused: set[str] = set()  # a right that lacks is asked for before anything of the query is read
    for address in addresses(register_app):
        if address.partition("?")[0] in refused:
            continue
        found = client.get(address, headers={"Accept": "text/html, application/json"})
        if found.status_code == 403:
            refused.add(address.partition("?")[0])
        assert told(found.get_data()) == [], address
        assert told(str(found.headers)) == [], address
        statuses[found.status_code] = address
    assert 200 in statuses
    assert {status: address for status, address in statuses.items() if status >= 500} == {}
    for body in ({"q": NAMES[0]}, {"q": "13824681357"}, {"q": ID_NUMBER}, {"q": NAMES[2][:60]}, {"q": "x" * 61}):
        for address in ("/api/v1/persons/search", "/api/v1/search"):
            found = client.post(address, json=body)
            assert told(found.get_data()) == [], (address, body)
            assert found.status_code < 500
    reason = {"reason": f"核实 {NAMES[0]} {PHONES[0]}"}
    for code in ("V1", "V9"):
        found = client.post(f"/api/v1/persons/volunteer/{code}/reveal", json=reason)
        assert (told(found.get_data()) != []) == (found.status_code == 200)
    out, err = capfd.readouterr()
    assert told(out + err + caplog.text) == []


def test_somebody_who_is_not_signed_in_learns_of_nobody(register_app):
    client = register_app.test_client()
    for address in addresses(register_app):
        assert told(client.get(address).get_data()) == [], address


def test_a_fault_does_not_write_a_person_to_the_log(register_app, register, monkeypatch, capfd):
    from gridmap import persons

    logs.init()
    client = signed_in(register_app, register, "commander")

    def fault(*_: object, **__: object) -> None:
        raise RuntimeError("a fault after the person was opened")

    monkeypatch.setattr(persons, "_record", fault)
    found = client.post("/api/v1/persons/volunteer/V1/reveal", json={"reason": f"核实 {NAMES[0]}"})
    assert found.status_code == 500
    out, err = capfd.readouterr()
    assert "a fault after the person was opened" in out + err
    assert told(out + err + found.get_data(as_text=True)) == []


@pytest.mark.parametrize("suffix", [".geojson", ".csv", ".xlsx", ".gpkg", ".zip"])
@pytest.mark.parametrize("layer", ["volunteer", "supply_point", "party_unit", "building", "household"])
def test_no_export_holds_a_person(register, layer, suffix, tmp_path):
    path = tmp_path / f"out{suffix}"
    export_file(register, LOCAL, LAYERS[layer], path)
    assert told(_unpacked(path)) == []


def _unpacked(path) -> bytes:
    import zipfile

    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    with zipfile.ZipFile(path) as packed:
        return b"\n".join(packed.read(name) for name in packed.namelist())


def test_no_table_holds_a_person_in_the_clear(register, register_app):
    client = signed_in(register_app, register, "commander")
    client.post("/api/v1/persons/volunteer/V1/reveal", json={"reason": f"核实 {NAMES[0]} {PHONES[0]} {ID_NUMBER}"})
    client.post("/api/v1/persons/search", json={"q": NAMES[0]})
    with register.connect() as conn:
        tables = conn.scalars(
            sa.text(
                "SELECT oid::regclass::text FROM pg_class"
                " WHERE relkind IN ('r', 'm') AND relnamespace = current_schema()::regnamespace ORDER BY 1"
            )
        ).all()
        assert {"volunteer", "volunteer_version", "audit_entry", "account"} <= set(tables)
        for table in tables:
            dumped = conn.execute(sa.text(f"SELECT * FROM {table}")).all()
            assert told(str(dumped)) == [], table


def test_the_server_s_log_tells_nobody_even_when_a_statement_fails(register, cluster):
    with pytest.raises(InvalidInput) as refused, db.transaction(register, LOCAL) as conn:
        conn.execute(
            sa.text("UPDATE volunteer SET name = :name, version = version + 1, changed_at = now()"), {"name": NAMES[0]}
        )
    assert told(str(refused.value)) == []
    written = (cluster.root / "log" / "server.log").read_text(errors="replace")
    assert "volunteer_name_sealed_check" in written
    assert told(written) == []
