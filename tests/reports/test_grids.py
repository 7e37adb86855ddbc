"""Grids are built over HTTP as a run of one's own, adjusted move by move, and tell no small number."""

import time
from datetime import date

import orjson
import pytest
import shapely
import sqlalchemy as sa

from gridmap import boundaries
from gridmap.access import LOCAL, acting
from gridmap.db import transaction
from gridmap.demo import load
from gridmap.districting import Band
from gridmap.errors import InvalidInput, NotAllowed, NotFound
from gridmap.reports.grids import proposal
from gridmap.reports.grids.proposal import build
from gridmap.reports.grids.question import Question, prepare
from gridmap.roles import MIN_CELL, ROLES
from gridmap.web.grid_schemas import GridsAnswer
from tests.conftest import app_on, client_of, copy_of, session_of
from tests.twins import OWN

PATIENCE_S = 60
BAND = Band(60, 100)  # many grids out of a small community, a few buildings each


@pytest.fixture(scope="module")
def place(demo) -> str:
    """The community with the most households."""
    with demo.connect() as conn:
        return str(
            conn.scalar(
                sa.text(
                    "SELECT community FROM household WHERE valid_to IS NULL GROUP BY community ORDER BY count(*) DESC, community LIMIT 1"
                )
            )
        )


def area_of(engine, code):
    with engine.connect() as conn:
        return shapely.from_wkb(
            bytes(
                conn.scalar(
                    sa.text("SELECT ST_AsBinary(geom) FROM community WHERE code = :code AND valid_to IS NULL"),
                    {"code": code},
                )
            )
        )


def test_the_demo_district_becomes_grids_in_the_band_that_tile_it_and_hold_every_household(demo, place, tmp_path):
    with transaction(demo, LOCAL) as conn:
        prepared = prepare(conn, LOCAL, Question(place, Band(300, 500)))
        stored = conn.scalar(
            sa.text("SELECT count(*) FROM household WHERE valid_to IS NULL AND community = :c"), {"c": place}
        )
    assert prepared.streets
    result = build(prepared, lambda share: None, tmp_path)
    grids = result["measures"]["grids"]
    assert sum(grid["households"] for grid in grids) == stored == result["reach"]["households"]
    assert result["reach"]["is_possible"]
    assert len(grids) >= 3
    assert result["measures"]["in_band"] >= 0.95
    assert result["measures"]["mean_quotient"] > result["random_quotient"]
    assert result["measures"]["street_share"] > 0.2
    cells, community = proposal.areas(result, tmp_path), area_of(demo, place)
    assert all(cell.geom_type == "Polygon" for cell in cells)
    assert sum(cell.area for cell in cells) == pytest.approx(community.area, rel=1e-6)
    assert shapely.union_all(cells).area == pytest.approx(community.area, rel=1e-6)
    for footprint in prepared.footprints:
        assert max(cell.intersection(footprint.shape).area for cell in cells) == pytest.approx(
            footprint.shape.intersection(community).area, rel=1e-6
        )
    again = build(prepared, lambda share: None, tmp_path)
    assert again["part"] == result["part"]


def test_a_planner_is_told_no_small_number_and_cannot_work_one_out(twins, tmp_path):
    planner = acting("planner", ROLES["planner"].verbs, (OWN,))
    with transaction(twins, planner) as conn:
        prepared = prepare(conn, planner, Question(OWN, BAND))
    with transaction(twins, LOCAL) as conn:
        exact = {one.code: one.households for one in prepare(conn, LOCAL, Question(OWN, BAND)).footprints}
    small = {code for code, count in exact.items() if 0 < count < MIN_CELL}
    assert small
    assert small == set(prepared.hidden)
    told = {one.code: one.households for one in prepared.footprints}
    hidden = [told[code] for code in sorted(prepared.hidden)]
    assert set(hidden) == {2}  # whatever each of them holds
    assert all(told[code] == count for code, count in exact.items() if code not in small)
    result = build(prepared, lambda share: None, tmp_path)
    facts = [one["properties"] for one in proposal.features(result, tmp_path)["features"]]
    assert [one["households"] for one in facts if one["households"] and one["households"] < MIN_CELL] == []
    assert sum(one["households"] is None for one in facts) == len(hidden)


@pytest.mark.parametrize(
    ("verbs", "places", "error"),
    [
        ({"community.view", "building.view"}, ("",), NotAllowed),
        (ROLES["planner"].verbs, ("110101001001",), NotFound),
        (ROLES["grid_worker"].verbs, ("grid",), NotAllowed),
    ],
    ids=["without the verb", "elsewhere", "a part of it"],
)
def test_who_may_not_see_the_whole_community_builds_no_grids(demo, place, verbs, places, error):
    who = acting("somebody", verbs, tuple(place + "001" if one == "grid" else one for one in places))
    with transaction(demo, who) as conn, pytest.raises(error):
        prepare(conn, who, Question(place, BAND))


@pytest.mark.parametrize("band", [Band(500, 300), Band(1, 2)], ids=["upside down", "too many grids"])
def test_a_band_that_cannot_be_worked_with_is_refused_before_the_run_begins(demo, place, band):
    with transaction(demo, LOCAL) as conn, pytest.raises(InvalidInput) as refused:
        prepare(conn, LOCAL, Question(place, band))
    assert refused.value.where == "high"


@pytest.fixture
def planner(app, demo):
    return signed_in_planner(app, demo)


def signed_in_planner(app, engine):
    client = client_of(app, session_of(engine, ("planner", "all")))
    html = client.get("/account").get_data(as_text=True)
    client.environ_base["HTTP_X_CSRF_TOKEN"] = html.partition('name="csrf" value="')[2].partition('"')[0]
    return client


def finished(client, href):
    give_up = time.monotonic() + PATIENCE_S
    while (state := client.get(href).json)["state"] == "running" and time.monotonic() < give_up:
        time.sleep(0.05)
    return state


def test_a_run_is_followed_adjusted_and_taken_back_by_who_asked_and_nobody_else(app, demo, planner, place):
    begun = planner.post(f"/api/v1/places/{place}/grids", json={"low": 60, "high": 100})
    assert begun.status_code == 202
    href = begun.json["href"]
    state = finished(planner, href)
    GridsAnswer.model_validate(state)
    assert state["state"] == "done"
    first = state["result"]
    atoms = {one["properties"]["atom"]: one["properties"] for one in planner.get(f"{href}/features").json["features"]}
    moved = reason = None
    for number, atom in atoms.items():
        beside = {first["part"][other] for other in atom["beside"]} - {first["part"][number]}
        away = set(range(len(first["measures"]["grids"]))) - beside - {first["part"][number]}
        if away and reason is None:
            reason = planner.post(f"{href}/moves", json={"atom": number, "to": min(away) + 1})
        if beside and atom["households"] and moved is None:
            answer = planner.post(f"{href}/moves", json={"atom": number, "to": min(beside) + 1})
            moved = (answer, number, min(beside), atom["households"]) if answer.status_code == 200 else None
    assert reason.status_code == 409
    assert reason.json["code"] == "breaks_contiguity"
    answer, number, to, households = moved
    after = answer.json["result"]
    home = first["part"][number]
    before = [grid["households"] for grid in first["measures"]["grids"]]
    now = [grid["households"] for grid in after["measures"]["grids"]]
    before[home] -= households
    before[to] += households
    assert now == before
    assert len(planner.get(f"{href}/areas").json["features"]) == len(now)
    assert planner.post(f"{href}/undo").json["result"] == first
    assert planner.post(f"{href}/undo").status_code == 409
    for wrong in ({"atom": 10**6, "to": 1}, {"atom": 0, "to": 10**6}, {"atom": -1, "to": 1}, {"atom": 0}):
        assert planner.post(f"{href}/moves", json=wrong).status_code == 422
    other = client_of(app, session_of(demo, ("planner", "all")))
    assert other.get(href).status_code == 404
    assert other.get(f"{href}/features").status_code == 404


@pytest.mark.parametrize("wrong", [{"low": 0}, {"low": 500, "high": 300}, {"nonsense": 1}, {"seed": -1}])
def test_a_bad_body_is_refused(planner, place, wrong):
    assert planner.post(f"/api/v1/places/{place}/grids", json=wrong).status_code == 422


def test_the_page_says_by_arithmetic_why_the_band_cannot_be_kept(planner, place):
    csrf = planner.environ_base["HTTP_X_CSRF_TOKEN"]
    answer = planner.post("/grids", data={"code": place, "low": "5000", "high": "6000", "csrf": csrf})
    assert answer.status_code == 303
    run = answer.headers["Location"].rpartition("/")[2]
    state = finished(planner, f"/api/v1/grids/{run}")
    page = planner.get(answer.headers["Location"], query_string={"lang": "en"}).get_data(as_text=True)
    assert f"{state['result']['reach']['households']} households are fewer than the 5000" in page
    assert f"/grids/{run}" in planner.get("/grids").get_data(as_text=True)


def test_an_accepted_proposal_is_a_set_beside_the_grids_which_stay_and_is_not_changed_any_more(cluster, migrated):
    with copy_of(cluster, migrated) as engine:
        load(engine, LOCAL, households=900, seed=1)
        with app_on(engine) as app:
            client = signed_in_planner(app, engine)
            code = client.get("/api/v1/layers/community/features?limit=1").json["features"][0]["properties"]["code"]
            grids = "SELECT code, version, ST_AsText(geom) FROM neighbourhood WHERE valid_to IS NULL ORDER BY code"
            with engine.connect() as conn:
                before = conn.execute(sa.text(grids)).all()
            href = client.post(f"/api/v1/places/{code}/grids", json={}).json["href"]
            state = finished(client, href)
            assert client.post(f"{href}/accept", json={"name": " "}).status_code == 422
            made = client.post(f"{href}/accept", json={"name": "新网格"})
            assert made.status_code == 201
            assert made.json["grids"] == len(state["result"]["measures"]["grids"])
            with transaction(engine, LOCAL) as conn:
                found = boundaries.found(conn, LOCAL, made.json["id"])
                compared = conn.execute(sa.text("SELECT ST_AsBinary(geom) FROM boundary_cell")).scalars().all()
                after = conn.execute(sa.text(grids)).all()
                now = boundaries.activate(conn, LOCAL, found.id, date(2026, 1, 1))  # no gap, no overlap, none outside
            assert (found.state, found.name, found.community) == ("proposed", "新网格", code)
            assert after == before
            assert now.is_active
            assert shapely.union_all([shapely.from_wkb(bytes(one)) for one in compared]).area == pytest.approx(
                area_of(engine, code).area, rel=1e-6
            )
            for verb, body in (("accept", {"name": "again"}), ("undo", None), ("moves", {"atom": 0, "to": 1})):
                assert client.post(f"{href}/{verb}", json=body).status_code == 409
            page = client.get(f"/grids/{state['id']}?lang=en").text
            assert f'href="/boundaries/{found.id}"' in page
            named = "SELECT c.name = n.name FROM boundary_cell AS c JOIN neighbourhood_version AS n USING (code)"
            with engine.connect() as conn:  # a grid that goes on keeps its name
                assert set(conn.scalars(sa.text(named))) == {True}


def test_a_run_that_was_accepted_when_the_service_ended_makes_no_second_set(cluster, migrated):
    with copy_of(cluster, migrated) as engine:
        load(engine, LOCAL, households=900, seed=1)
        with app_on(engine) as app:
            client = signed_in_planner(app, engine)
            code = client.get("/api/v1/layers/community/features?limit=1").json["features"][0]["properties"]["code"]
            href = client.post(f"/api/v1/places/{code}/grids", json={}).json["href"]
            run = finished(client, href)["id"]
            made = client.post(f"{href}/accept", json={"name": "first"}).json["id"]
            kept = app.extensions["gridmap"]["settings"].home / proposal.RUNS.kind / run / "state.json"
            state = orjson.loads(kept.read_bytes())
            state["result"]["accepted"] = None  # the set is stored, the run's file is not
            kept.write_bytes(orjson.dumps(state))
            assert client.post(f"{href}/accept", json={"name": "second"}).json["id"] == made
            assert [one["name"] for one in client.get("/api/v1/boundary_sets").json["items"]] == ["first"]
            assert client.get(f"/boundaries/{made}?lang=en").status_code == 200
            with pytest.raises(sa.exc.IntegrityError), engine.begin() as conn:
                conn.execute(sa.text(
                    "INSERT INTO boundary_set (county, community, name, source, proposed_by, run)"
                    " SELECT county, community, 'twice', '', '', run FROM boundary_set"
                ))  # fmt: skip
