"""The map page: what it tells its scripts, what it shows of the register, and that data stay data."""

import json
import re
from pathlib import Path

import pytest

from gridmap.access import LOCAL
from gridmap.db import transaction
from gridmap.layers import LAYERS
from gridmap.web import pages
from tests import factories
from tests.conftest import ROOT, app_on, client_of, session_of

HOSTILE = "</script><img src=x onerror=alert(1)>`${alert(1)}`'\""


def told(client, path: str = "/") -> dict:
    html = client.get(path).get_data(as_text=True)
    return json.loads(html.partition('id="gridmap-config">')[2].partition("</script>")[0])


@pytest.fixture
def hostile_client(empty_database):
    with transaction(empty_database, LOCAL) as conn:
        community = factories.add_community(conn, name=HOSTILE)
        building = factories.add_building(conn, community, name=HOSTILE)
        factories.add_household(conn, building)
        factories.add_supply_point(conn, "S1", 120.6, 30.9, name=HOSTILE, keeper=HOSTILE, open_hours=HOSTILE)
        factories.add_volunteer(conn, "V1", 120.6, 30.9, name=HOSTILE, radius_m=500, on_duty=True, skills=[HOSTILE])
        factories.add_zone(conn, "Z1", factories.square(120.6, 30.9), name=HOSTILE, order_no=HOSTILE)
    with app_on(empty_database) as app:
        yield client_of(app, session_of(empty_database, ("commander", "all")))


def test_the_page_describes_every_layer_in_drawing_order_with_its_signs_in_legend_order(client):
    layers = told(client, "/?lang=en")["layers"]
    assert [layer["name"] for layer in layers] == [layer.name for layer in LAYERS.drawn()]
    for layer in layers:
        assert [sign["value"] for sign in layer["signs"]] == list(LAYERS[layer["name"]].style.symbols)


def test_only_layers_of_points_are_drawn_as_points(client):
    points = {layer["name"] for layer in told(client)["layers"] if layer["is_point"]}
    assert points == {"household", "party_household", "volunteer", "supply_point"}


def test_the_first_view_is_the_register(client):
    west, south, east, north = told(client)["bounds"]
    assert 73 < west < east < 135
    assert 18 < south < north < 54


def test_an_empty_register_says_what_to_do_next(empty_database):
    with app_on(empty_database) as app:
        client = client_of(app, session_of(empty_database, ("commander", "all")))
        assert told(client)["bounds"] is None
        assert "gridmap demo" in client.get("/").get_data(as_text=True)


@pytest.mark.parametrize(
    ("found_by_the_shell", "program", "command"),
    [(None, ROOT / ".venv/bin", ".venv/bin/gridmap"), ("/usr/local/bin/gridmap", Path("/usr/local/bin"), "gridmap"),
     ("/elsewhere/gridmap", ROOT / ".venv/bin", ".venv/bin/gridmap"), (None, Path("/opt/v/bin"), "/opt/v/bin/gridmap")],
)  # fmt: skip
def test_an_empty_register_names_the_command_as_it_is_typed_here(
    empty_database, monkeypatch, found_by_the_shell, program, command
):
    monkeypatch.setattr(pages.sys, "executable", str(program / "python"))
    monkeypatch.setattr(pages.shutil, "which", lambda name: found_by_the_shell)
    with app_on(empty_database) as app:
        assert f"<code>{command} demo</code>" in client_of(app, session_of(empty_database, ("commander", "all"))).get(
            "/"
        ).get_data(as_text=True)


def test_the_review_number_is_shown_when_there_is_one(client, app, monkeypatch):
    assert "审图号" not in client.get("/?lang=zh").get_data(as_text=True)
    settings = app.extensions["gridmap"]["settings"].model_copy(update={"review_number": f"GS(2026)1号{HOSTILE}"})
    monkeypatch.setitem(app.extensions["gridmap"], "settings", settings)
    html = client.get("/?lang=zh").get_data(as_text=True)
    assert "审图号 GS(2026)1号" in html
    assert HOSTILE not in html


@pytest.mark.parametrize("path", ["building/99010600100100001", "supply_point/S1", "volunteer/V1", "closure_zone/Z1",
                                  "community/990106001001", "position?lon=120.6&lat=30.9"])  # fmt: skip
def test_names_from_the_database_stay_text(hostile_client, path):
    answer = hostile_client.get(f"/panel/{path}", headers={"Accept": "text/html"})
    html = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "onerror" in html
    assert "<img" not in html
    assert HOSTILE not in html
    assert re.search(r"<script", html) is None


def test_a_page_that_is_not_there_says_so_in_the_readers_language(client):
    for language, heading in (("zh", "没有找到"), ("en", "Not found")):
        answer = client.get(f"/nowhere?lang={language}", headers={"Accept": "text/html"})
        assert answer.status_code == 404
        assert f"<h1>{heading}</h1>" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("method", "status", "zh", "en"),
    [
        ("post", 405, "此处不能这样操作", "This cannot be done here"),
        ("get", 422, "填写的值不正确", "A value is not valid"),
    ],
)
def test_a_refusal_has_the_heading_of_its_kind(client, method, status, zh, en):
    for language, heading in (("zh", zh), ("en", en)):
        path = "/" if method == "post" else "/panel/position?lon=x&lat=1"
        joint = "&" if "?" in path else "?"
        answer = getattr(client, method)(f"{path}{joint}lang={language}", headers={"Accept": "text/html"})
        assert answer.status_code == status
        assert f"<h1>{heading}</h1>" in answer.get_data(as_text=True)
