"""Redrawing grids over HTTP and on the page of boundary sets."""

import pytest
import shapely

from gridmap.access import LOCAL
from gridmap.demo import load
from gridmap.layers import LAYERS
from tests.conftest import app_on, client_of, copy_of, session_of


@pytest.fixture(scope="module")
def town(cluster, migrated):
    with copy_of(cluster, migrated) as engine:
        load(engine, LOCAL, households=1500, seed=1)
        with app_on(engine) as app:
            yield engine, app


@pytest.fixture
def commander(town):
    engine, app = town
    return client_of(app, session_of(engine, ("commander", "all")))


def grids(client) -> list[dict]:
    found = client.get("/api/v1/layers/neighbourhood/features?limit=50").json["features"]
    return [one for one in found if one["geometry"]]


def versions(client, *codes: str) -> dict[str, int]:
    etags = {code: client.get(f"/api/v1/layers/neighbourhood/form?code={code}").json["version"] for code in codes}
    return {code: int(version) for code, version in etags.items()}


def post(client, path: str, body: dict):
    return client.post(f"/api/v1/{path}", json=body, headers=token(client))


def token(client) -> dict[str, str]:
    page = client.get("/account?lang=en").text
    return {"X-CSRF-Token": page.split('name="csrf" value="')[1].split('"')[0]}


def neighbours(client) -> tuple[str, str]:
    shapes = {one["id"]: shapely.geometry.shape(one["geometry"]) for one in grids(client)}
    for one, area in shapes.items():
        for other, near in shapes.items():
            if one < other and one[:12] == other[:12] and area.buffer(1e-7).intersection(near).length > 1e-4:
                return one, other
    raise AssertionError("no two grids border on each other")


def test_two_grids_are_merged_and_taken_back_over_http(commander):
    one, other = neighbours(commander)
    path = f"layers/neighbourhood/features/{one}"
    asked = post(commander, f"{path}/merge", {"others": [other], "versions": {}})
    assert asked.status_code == 428
    assert set(asked.json["needed"]) == {one, other}
    done = post(commander, f"{path}/merge", {"others": [other], "versions": asked.json["needed"]})
    assert done.status_code == 200, done.json
    assert other not in {grid["id"] for grid in grids(commander)}
    late = post(commander, f"{path}/merge", {"others": [other], "versions": asked.json["needed"]})
    assert late.status_code in (404, 412)
    back = post(commander, f"{path}/undo", {"versions": {one: done.json["versions"][one]}})
    assert back.status_code == 200, back.json
    assert other in {grid["id"] for grid in grids(commander)}


def test_a_line_that_parts_nothing_is_a_problem_that_names_it(commander):
    code = grids(commander)[0]["id"]
    line = {"type": "LineString", "coordinates": [[120.1, 30.1], [120.11, 30.1]]}
    body = {"line": line, "versions": versions(commander, code)}
    refused = post(commander, f"layers/neighbourhood/features/{code}/split", body)
    assert (refused.status_code, refused.json["where"]) == (422, "line")


def test_a_set_is_proposed_looked_at_activated_and_taken_back(commander):
    present = grids(commander)
    community = present[0]["id"][:12]
    cells = [{"name": "网格 " + one["id"][-3:], "code": one["id"], "geometry": one["geometry"]}
             for one in present if one["id"].startswith(community)]  # fmt: skip
    cells[0]["name"] = "改名网格"
    made = post(commander, "boundary_sets", {"community": community, "name": "新方案", "cells": cells})
    assert made.status_code == 201, made.json
    path = f"boundary_sets/{made.json['id']}"
    found = commander.get(f"/api/v1/{path}").json
    assert found["moved"]["buildings"] == 0
    page = commander.get(f"/boundaries/{made.json['id']}?lang=en")
    assert page.status_code == 200
    assert "From grid to grid" in page.text
    assert "新方案" in commander.get("/boundaries").text
    on = {"on": "2020-01-01", "accept_faults": True}
    assert post(commander, f"{path}/activate", on).json["state"] == "active"
    assert post(commander, f"{path}/discard", {}).status_code == 409
    assert post(commander, f"{path}/undo", {}).json["state"] == "undone"


def test_who_may_not_edit_grids_sees_no_sets(town):
    engine, app = town
    worker = client_of(app, session_of(engine, ("grid_worker", "all")))
    assert worker.get("/api/v1/boundary_sets").status_code == 403
    assert worker.get("/boundaries").status_code == 403
    assert LAYERS["neighbourhood"].edit == "neighbourhood.edit"
