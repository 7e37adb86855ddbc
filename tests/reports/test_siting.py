"""Siting is asked over HTTP, runs beside it, belongs to who asked, and says how good its answer is."""

import time

import pytest
import sqlalchemy as sa

from gridmap.access import LOCAL, acting
from gridmap.db import transaction
from gridmap.errors import InvalidInput, NotAllowed
from gridmap.reports.siting_question import Question, answer, prepare
from gridmap.roles import MIN_CELL, ROLES
from gridmap.web.siting_schemas import SitingAnswer
from tests.conftest import client_of, session_of

PATIENCE_S = 60


@pytest.fixture
def place(demo) -> str:
    with demo.connect() as conn:
        return str(conn.scalar(sa.text("SELECT min(code) FROM community WHERE valid_to IS NULL")))


def asked(place: str, **more) -> Question:
    values = {
        "place": place, "service": "clinic", "p": 2, "objective": "median", "reach_m": 300.0, "existing": "fixed",
        "candidates": "buildings", "method": "geodesic",
    }  # fmt: skip
    return Question(**values | more)


@pytest.mark.parametrize("objective", ["median", "cover"])
@pytest.mark.parametrize("existing", ["fixed", "movable", "none"])
def test_new_points_make_the_walk_shorter_or_reach_more(demo, place, objective, existing):
    with transaction(demo, LOCAL) as conn:
        prepared = prepare(conn, LOCAL, asked(place, objective=objective, existing=existing))
    found = answer(prepared)
    standing = sum(one.is_existing for one in prepared.places)
    assert len(found["chosen"]) == 2 + (standing if existing == "movable" else 0)
    if existing == "fixed":
        assert not any(one["is_existing"] for one in found["chosen"])
    if existing != "none" and objective == "median":
        assert found["after"]["mean_m"] < found["before"]["mean_m"]
    assert found["after"]["share_in_reach"] >= found["before"]["share_in_reach"] or objective == "median"
    assert found["status"] in ("optimal", "time_limit", "heuristic")


def test_on_foot_closed_off_buildings_are_counted_not_dropped(demo, place):
    with transaction(demo, LOCAL) as conn:
        prepared = prepare(conn, LOCAL, asked(place, method=None, existing="none", candidates="venues", p=1))
    found = answer(prepared)
    assert found["method"] == "walk"
    assert 0 <= found["cut_off_buildings"] < len(prepared.problem.weights)
    assert found["value"] < 20_000


def test_a_planner_is_told_no_small_number_of_households(demo, place):
    planner = acting("planner", ROLES["planner"].verbs, (place,))
    with transaction(demo, planner) as conn:
        prepared = prepare(conn, planner, asked(place, p=20, existing="none"))
    assert prepared.problem.weights.min() >= MIN_CELL - 1
    served = [one["households"] for one in answer(prepared)["chosen"]]
    assert [count for count in served if count is not None and 0 < count < MIN_CELL] == []


def test_what_cannot_be_asked_is_refused(demo, place):
    with transaction(demo, LOCAL) as conn:
        for wrong in ({"service": "shed"}, {"p": 500}):
            with pytest.raises(InvalidInput):
                prepare(conn, LOCAL, asked(place, **wrong))
        with pytest.raises(NotAllowed):
            prepare(conn, acting("x", {"building.view"}, (place,)), asked(place))


BODY = {"service": "clinic", "p": 2, "method": "geodesic", "exact_s": 5}


@pytest.fixture
def planner(app, demo):
    client = client_of(app, session_of(demo, ("planner", "all")))
    html = client.get("/account").get_data(as_text=True)
    client.environ_base["HTTP_X_CSRF_TOKEN"] = html.partition('name="csrf" value="')[2].partition('"')[0]
    return client


def test_a_run_is_begun_followed_and_read_by_who_asked_and_nobody_else(app, demo, planner, place):
    begun = planner.post("/api/v1/siting", json=BODY | {"place": place})
    assert begun.status_code == 202
    give_up = time.monotonic() + PATIENCE_S
    while (state := planner.get(begun.json["href"]).json)["state"] == "running" and time.monotonic() < give_up:
        time.sleep(0.05)
    SitingAnswer.model_validate(state)
    assert (state["state"], state["progress"]) == ("done", 1.0)
    assert len(state["result"]["chosen"]) == 2
    other = client_of(app, session_of(demo, ("planner", "all")))
    assert other.get(begun.json["href"]).status_code == 404
    assert planner.get("/api/v1/siting/00000000-0000-0000-0000-000000000000").status_code == 404


def test_a_run_can_be_called_off(planner, place):
    begun = planner.post("/api/v1/siting", json=BODY | {"place": place, "p": 5}).json
    assert planner.post(begun["href"] + "/cancel").status_code == 200
    give_up = time.monotonic() + PATIENCE_S
    while (state := planner.get(begun["href"]).json)["state"] == "running" and time.monotonic() < give_up:
        time.sleep(0.05)
    assert state["state"] in ("cancelled", "done")  # done if it was quicker than the call


@pytest.mark.parametrize(
    "wrong", [{"p": 0}, {"objective": "luck"}, {"nonsense": 1}, {"reach_m": -1}, {"service": "shed"}]
)
def test_a_bad_body_is_refused(planner, place, wrong):
    assert planner.post("/api/v1/siting", json=BODY | {"place": place} | wrong).status_code == 422


def test_the_page_begins_a_run_and_shows_it_beside_the_others(planner, place):
    csrf = planner.environ_base["HTTP_X_CSRF_TOKEN"]
    for p in ("1", "2"):
        answer = planner.post("/siting", data=BODY | {"place": place, "p": p, "csrf": csrf})
        assert answer.status_code == 303
        give_up = time.monotonic() + PATIENCE_S
        while 'http-equiv="refresh"' in planner.get("/siting").get_data(as_text=True) and time.monotonic() < give_up:
            time.sleep(0.05)
    page = planner.get("/siting").get_data(as_text=True)
    assert page.count('<th scope="row">1 · ') == page.count('<th scope="row">2 · ') == 1
    assert "sel=building/" in page
    assert planner.post("/siting", data=BODY | {"place": place, "p": "no", "csrf": csrf}).status_code == 422
