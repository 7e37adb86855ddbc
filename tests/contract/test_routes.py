"""Rules over every route for programs: described, and strict about what it is sent."""

import re
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa

from gridmap.layers import LAYERS
from gridmap.settings import Settings

PROGRAMS = ("/api/v1/", "/tiles/", "/healthz", "/readyz", "/openapi.json")
UNDESCRIBED = {"/openapi.json"}  # the description itself
SENT = {"lon": 120.6, "lat": 30.9, "bbox": "120,30,121,31", "q": "1"}


def _rules(method: str | None = None) -> list[str]:
    from gridmap.app import create_app

    rules = create_app(Settings(database_url="postgresql://")).url_map.iter_rules()
    wanted = (rule for rule in rules if method is None or method in (rule.methods or ()))
    return sorted({rule.rule for rule in wanted if rule.rule.startswith(PROGRAMS)})


def _described(rule: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


@pytest.fixture(scope="module")
def description(app):
    return app.test_client().get("/openapi.json").json


@pytest.fixture(scope="module")
def address(demo, description):
    """Return a working address of a route, with the parameters it requires."""
    with demo.connect() as conn:
        code = conn.scalar(sa.select(LAYERS["building"].table.c.code).limit(1))

    def address_of(rule: str) -> str:
        layer = "supply_point" if "nearest/<" in rule else "building"
        path = _described(rule).format(layer=layer, layers="building", code=code, z=1, x=0, y=0)
        declared = description["paths"].get(_described(rule), {"get": {}})["get"].get("parameters", [])
        required = {part["name"]: SENT[part["name"]] for part in declared if part["in"] == "query" and part["required"]}
        return f"{path}?{urlencode(required)}"

    return address_of


def test_the_description_lists_every_route_for_programs(description):
    assert set(description["paths"]) == {_described(rule) for rule in _rules()} - UNDESCRIBED


@pytest.mark.parametrize("rule", _rules("GET"))
def test_a_parameter_that_is_not_declared_is_refused_by_its_name(client, address, rule):
    assert client.get(address(rule)).status_code == 200
    found = client.get(f"{address(rule)}&nonsense=1")
    assert (found.status_code, found.content_type) == (422, "application/problem+json")
    assert found.json["where"] == "nonsense"


def test_a_shared_page_opens_with_what_a_messenger_added_to_its_address(client):
    assert client.get("/?lang=en&from=singlemessage").status_code == 200
