"""Rules over every route for programs: described, and strict about what it is sent."""

import re
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa

from gridmap.layers import LAYERS
from gridmap.roles import ADMINISTRATORS, ROLES
from gridmap.settings import Settings
from tests.conftest import client_of, session_of

PROGRAMS = ("/api/v1/", "/tiles/", "/healthz", "/readyz", "/openapi.json")
UNDESCRIBED = {"/openapi.json"}  # the description itself
NOBODY = {
    "set_id": 1,
    "name": "nobody",
    "grant": "00000000-0000-7000-8000-000000000000",
    "run": "00000000-0000-7000-8000-000000000000",
    "visit_id": "00000000-0000-7000-8000-000000000000",
}
SENT = {
    "service": "clinic",
    "lon": 120.6,
    "lat": 30.9,
    "bbox": "120,30,121,31",
    "q": "1",
    "role": "keeper",
    "place": "all",
}
HOLDERS = {"audit.view": "auditor", "account.manage": "sys_admin", "grant.manage": "sec_admin"}


def _rules(method: str | None = None) -> list[str]:
    """Return the routes for programs, those of one method if it is named."""
    from gridmap.app import create_app

    rules = create_app(Settings(database_url="postgresql://")).url_map.iter_rules()
    wanted = (rule for rule in rules if method is None or method in (rule.methods or ()))
    return sorted({rule.rule for rule in wanted if rule.rule.startswith(PROGRAMS)})


@pytest.fixture(scope="module")
def client_for(app, demo):
    """Return the client of somebody who may call a route by a method: an administrator, or who holds all other roles."""
    held = [(role, "all") for role in ROLES if role not in ADMINISTRATORS]
    tokens = {verb: session_of(demo, (role, "all")) for verb, role in HOLDERS.items()} | {"": session_of(demo, *held)}
    declared = {
        (rule.rule, method): app.view_functions[rule.endpoint].permission
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if rule.endpoint != "static"
    }
    return lambda rule, method="GET": client_of(app, tokens.get(declared[rule, method], tokens[""]))


def _described(rule: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


@pytest.fixture(scope="module")
def description(app):
    return app.test_client().get("/openapi.json").json


@pytest.fixture(scope="module")
def address(demo, description):
    """Return a working address of a route, with the parameters it requires."""
    with demo.connect() as conn:
        codes = {
            name: conn.scalar(sa.select(LAYERS[name].table.c.code).order_by(LAYERS[name].table.c.code).limit(1))
            for name in ("building", "closure_zone", "household", "resident", "neighbourhood")
        }
    kinds = {"closure_zones/": "closure_zone", "households/": "household", "residents/": "resident"}

    def address_of(rule: str) -> str:
        layer = "supply_point" if "nearest/<" in rule else "volunteer" if "persons/" in rule else "building"
        code = codes[next((kind for part, kind in kinds.items() if part in rule), "building")]
        path = _described(rule).format(layer=layer, layers="building", code=code, z=1, x=0, y=0, **NOBODY)
        declared = description["paths"].get(_described(rule), {}).get("get", {}).get("parameters", [])
        required = {part["name"]: SENT[part["name"]] for part in declared if part["in"] == "query" and part["required"]}
        if rule.endswith("/round"):
            required["place"] = codes["neighbourhood"]
        return f"{path}?{urlencode(required)}"

    return address_of


def proof_of(client) -> dict[str, str]:
    html = client.get("/account").get_data(as_text=True)
    return {"X-CSRF-Token": html.partition('name="csrf" value="')[2].partition('"')[0]}


BODIES = {
    "not JSON": b"{", "not an object": b"[1]", "NaN": b'{"q": NaN}', "Infinity": b'{"q": -Infinity}',
    "a key twice": b'{"q": "1", "q": "2"}', "too deep": b'{"q":' * 100_000 + b"1" + b"}" * 100_000,
    "a little too deep": b'{"q":' * 40 + b"1" + b"}" * 40, "a lone surrogate": b'{"q": "\\ud800"}',
    "another encoding": '{"q": "张三"}'.encode("gbk"), "a NUL": b'{"q": "\\u0000"}', "nothing": b"", "null": b"null",
    "an unknown key": b'{"nonsense": 1}', "a number for a text": b'{"q": 1, "reason": 1}',
}  # fmt: skip


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("rule", _rules("POST"))
def test_a_body_that_is_not_strict_json_is_refused(client_for, description, address, rule, body):
    if "requestBody" not in description["paths"][_described(rule)]["post"]:
        return  # takes none
    path, everyone = address(rule).partition("?")[0], client_for(rule, "POST")
    csrf = proof_of(everyone)
    found = everyone.post(path, data=body, headers=csrf, content_type="application/json")
    assert (found.status_code, found.content_type) == (422, "application/problem+json"), found.get_data()
    found = everyone.post(path, data=body, headers=csrf, content_type="text/plain")
    assert (found.status_code, found.json["code"]) == (415, "wrong_media_type")


def test_the_description_lists_every_route_for_programs(description):
    assert set(description["paths"]) == {_described(rule) for rule in _rules()} - UNDESCRIBED


@pytest.mark.parametrize("rule", _rules("GET"))
def test_a_parameter_that_is_not_declared_is_refused_by_its_name(client_for, address, rule):
    client = client_for(rule)
    assert client.get(address(rule)).status_code == (
        404 if "<uuid:run>" in rule or "<int:set_id>" in rule else 200
    )  # nobody's run
    found = client.get(f"{address(rule)}&nonsense=1")
    assert (found.status_code, found.content_type) == (422, "application/problem+json")
    assert found.json["where"] == "nonsense"


def test_a_shared_page_opens_with_what_a_messenger_added_to_its_address(client):
    assert client.get("/?lang=en&from=singlemessage").status_code == 200
