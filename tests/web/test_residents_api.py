"""Residents, households and visits over HTTP: what programs send, who is told what, and the pages people use."""

import re
import threading

import pytest
import sqlalchemy as sa

from gridmap.access import LOCAL
from gridmap.demo import load
from gridmap.hierarchy import household
from gridmap.occupants import resident
from tests.conftest import app_on, client_of, copy_of, session_of

ID_NUMBER = "11010519491231002X"


@pytest.fixture(scope="module")
def town(cluster, migrated):
    with copy_of(cluster, migrated) as engine:
        load(engine, LOCAL, households=1200, seed=3)
        yield engine


@pytest.fixture(scope="module")
def service(town):
    with app_on(town) as app:
        yield app


@pytest.fixture(scope="module")
def worker(town):
    with town.connect() as conn:
        grid = conn.scalar(sa.select(sa.func.min(household.c.neighbourhood)))
    return grid, session_of(town, ("grid_worker", grid), name="w.li")


@pytest.fixture
def client(service, worker):
    made = client_of(service, worker[1])
    made.proof = csrf_of(made)
    return made


def csrf_of(client) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', client.get("/account").text)
    assert found
    return found[1]


def send(client, method: str, path: str, body=None, **headers):
    headers = {"X-CSRF-Token": client.proof, **headers}
    return client.open(path, method=method, json=body, headers=headers)


@pytest.fixture
def homes(town, worker):
    """Codes of inhabited households: two of the own grid, one of another."""
    h = household.c
    with town.connect() as conn:
        own = conn.scalars(sa.select(h.code).where(h.neighbourhood == worker[0], h.people_count > 1).limit(2)).all()
        other = conn.scalar(sa.select(h.code).where(h.neighbourhood != worker[0], h.people_count > 1).limit(1))
    return (*own, other)


def people(client, home: str) -> list[dict]:
    return client.get(f"/api/v1/households/{home}/residents").json["items"]


def test_a_program_moves_somebody_in_out_and_undoes_it(client, homes):
    before = people(client, homes[0])
    made = send(
        client,
        "POST",
        f"/api/v1/households/{homes[0]}/residents",
        {"name": "王芳", "phone": "13800138000", "tags": ["chronic"]},
    )
    assert made.status_code == 201
    code = made.json["steps"][0]["code"]
    found = client.get(f"/api/v1/residents/{code}")
    assert (found.json["name"], found.json["phone"], found.json["tags"]) == ("王**", "138****8000", ["chronic"])
    assert found.headers["ETag"] == '"1"'
    gone = send(client, "POST", f"/api/v1/residents/{code}/move-out", {"version": 1})
    assert (gone.status_code, people(client, homes[0])) == (200, before)
    back = send(client, "POST", "/api/v1/households/undo", gone.json)
    assert (back.status_code, len(people(client, homes[0]))) == (200, len(before) + 1)
    assert [one["version"] for one in client.get(f"/api/v1/residents/{code}/versions").json["items"]] == [3, 2, 1]


def test_the_second_of_two_editors_is_told_by_either_way_of_stating_the_version(client, homes):
    code = people(client, homes[0])[0]["code"]
    version = people(client, homes[0])[0]["version"]
    first = send(client, "PATCH", f"/api/v1/residents/{code}", {"birth_year": 1951, "version": version})
    assert first.status_code == 200
    stale = send(client, "PATCH", f"/api/v1/residents/{code}", {"birth_year": 1952}, **{"If-Match": f'"{version}"'})
    assert (stale.status_code, stale.json["code"], stale.json["stored"]["birth_year"]) == (412, "outdated", 1951)
    stale = send(client, "PATCH", f"/api/v1/residents/{code}", {"birth_year": 1952, "version": version})
    assert (stale.status_code, stale.json["sent"], stale.json["changed_by"]) == (409, {"birth_year": 1952}, "w.li")
    unstated = send(client, "PATCH", f"/api/v1/residents/{code}", {"birth_year": 1952})
    assert (unstated.status_code, unstated.json["where"]) == (422, "version")
    assert client.get(f"/api/v1/residents/{code}").json["birth_year"] == 1951


def test_of_two_who_save_at_the_same_moment_one_is_told(service, worker, homes):
    first = client_of(service, worker[1])
    first.proof = csrf_of(first)
    one = people(first, homes[1])[0]
    answers, start = [], threading.Barrier(2)

    def save(year: int) -> None:
        client = client_of(service, worker[1])
        client.proof = csrf_of(client)
        start.wait()
        body = {"birth_year": year, "version": one["version"]}
        answers.append(send(client, "PATCH", f"/api/v1/residents/{one['code']}", body).status_code)

    threads = [threading.Thread(target=save, args=(year,)) for year in (1933, 1934)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 409]


def test_split_join_move_and_occupancy_answer_with_their_steps(client, town, homes):
    home, other = homes[0], homes[1]
    version = lambda code: version_of(town, code)  # noqa: E731
    goes = people(client, home)[-1]
    new = send(client, "POST", f"/api/v1/households/{home}/split", {
        "unit": home[17:19], "room": "0999", "residents": {goes["code"]: goes["version"]}, "version": version(home)})  # fmt: skip
    assert new.status_code == 201
    made = new.json["steps"][0]["code"]
    assert [one["code"] for one in people(client, made)] == [goes["code"]]
    joined = send(client, "POST", f"/api/v1/households/{home}/join", {"other": made, "version": version(home)})
    assert joined.status_code == 200
    assert client.get(f"/api/v1/households/{made}/residents").status_code == 404
    now = next(one for one in people(client, home) if one["code"] == goes["code"])
    moved = send(
        client, "POST", f"/api/v1/residents/{goes['code']}/move", {"household": other, "version": now["version"]}
    )
    assert moved.status_code == 200
    kept = send(
        client, "POST", f"/api/v1/households/{other}/occupancy", {"occupancy": "vacant", "version": version(other)}
    )
    assert (kept.status_code, kept.json["where"]) == (409, "residents")
    empty = {"occupancy": "vacant", "residents": "move_out", "version": version(other)}
    done = send(client, "POST", f"/api/v1/households/{other}/occupancy", empty)
    assert (done.status_code, people(client, other)) == (200, [])
    assert send(client, "POST", "/api/v1/households/undo", done.json).status_code == 200
    assert people(client, other)


def version_of(engine, code: str) -> int:
    with engine.connect() as conn:
        return conn.scalar(
            sa.select(household.c.version).where(household.c.code == code, household.c.valid_to.is_(None))
        )


def test_a_foreign_grid_answers_like_one_that_is_not_there(client, town, homes):
    other = homes[2]
    with town.connect() as conn:
        stranger = conn.scalar(sa.select(resident.c.code).where(resident.c.household == other))
    for method, path, body in (
        ("GET", f"/api/v1/households/{other}/residents", None),
        ("POST", f"/api/v1/households/{other}/residents", {"name": "王芳"}),
        ("POST", f"/api/v1/households/{other}/visits", {}),
        ("GET", f"/api/v1/residents/{stranger}", None),
        ("GET", f"/api/v1/residents/{stranger}/versions", None),
        ("PATCH", f"/api/v1/residents/{stranger}", {"version": 1, "birth_year": 1950}),
        ("POST", f"/api/v1/residents/{stranger}/move-out", {"version": 1}),
        ("POST", f"/api/v1/residents/{people(client, homes[0])[0]['code']}/move", {"household": other, "version": 1}),
        (
            "POST",
            "/api/v1/households/undo",
            {"steps": [{"kind": "resident", "code": stranger, "before": 0, "after": 1}]},
        ),
        ("GET", f"/api/v1/layers/resident/features/{stranger}", None),
        ("GET", f"/household/{other}", None),
        ("GET", f"/round?place={other[:17]}", None),
    ):
        assert send(client, method, path, body).status_code == 404, path
    listed = client.get("/api/v1/layers/resident/features?limit=1000").json["features"]
    assert listed
    assert {one["properties"]["neighbourhood"] for one in listed} == {listed[0]["properties"]["neighbourhood"]}
    assert all(one["geometry"] is None and "name" not in one["properties"] for one in listed)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"name": "王芳", "nonsense": 1}, "nonsense"), ({"name": "王\u0000芳"}, "name"), ({"name": ""}, "name"),
        ({"name": "王芳", "birth_year": "x"}, "birth_year"), ({"name": "王芳", "tags": ["king"]}, "tags"),
        ({"name": "王芳", "consented_on": "2026-02-30"}, "consented_on"), ({"name": "王芳", "id_number": "1"}, "id_number"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_right_names_the_place(client, homes, body, where):
    refused = send(client, "POST", f"/api/v1/households/{homes[0]}/residents", body)
    assert (refused.status_code, refused.json["where"]) == (422, where)


def test_a_visit_is_recorded_once_and_taken_back_by_who_made_it(client, service, town, worker, homes):
    path = f"/api/v1/households/{homes[0]}/visits"
    first, second = send(client, "POST", path, {}), send(client, "POST", path, {"note": "家中无人"})
    assert (first.status_code, first.json["id"], second.json["note"]) == (201, second.json["id"], "家中无人")
    item = next(one for one in client.get(f"/api/v1/round?place={worker[0]}").json["items"] if one["code"] == homes[0])
    assert (item["visited_by"], item["is_due"]) == ("w.li", False)
    colleague = client_of(service, session_of(town, ("grid_worker", worker[0])))
    colleague.proof = csrf_of(colleague)
    assert send(colleague, "DELETE", f"/api/v1/visits/{first.json['id']}").status_code == 404
    assert send(client, "DELETE", f"/api/v1/visits/{first.json['id']}").json == {"household": homes[0]}
    assert send(client, "DELETE", f"/api/v1/visits/{first.json['id']}").status_code == 404


def test_the_round_can_leave_out_what_is_done_and_whoever_needs_no_care(client, worker):
    everything = client.get(f"/api/v1/round?place={worker[0]}").json
    due = client.get(f"/api/v1/round?place={worker[0]}&due=1").json
    priority = client.get(f"/api/v1/round?place={worker[0]}&priority=1").json
    assert len(due["items"]) == everything["total"] - everything["done"] < len(everything["items"])
    assert all(one["groups"] for one in priority["items"])
    assert 0 < len(priority["items"]) < everything["total"]
    walked = [one["building"] for one in everything["items"]]
    assert len([b for n, b in enumerate(walked) if n == 0 or walked[n - 1] != b]) == len(set(walked))


def test_people_do_the_same_on_the_pages_and_see_both_states_when_they_are_late(client, homes):
    page = client.get(f"/household/{homes[0]}?lang=en").text
    assert "Somebody moves in" in page
    form = {"csrf": client.proof, "name": "赵敏", "has_tags": "1", "tags": ["disabled"], "basis": "statutory"}
    saved = client.post(f"/household/{homes[0]}/move-in", data=form)
    assert saved.status_code == 303
    page = client.get(saved.location).text
    undo = re.search(r'name="undo" value="([^"]+)"', page)[1]
    code = undo.split(":")[1]
    late = {"csrf": client.proof, "resident": code, "version": "7", "birth_year": "1950", "basis": "statutory"}
    told = client.post(f"/household/{homes[0]}/correct", data=late, headers={"Accept": "text/html"})
    assert told.status_code == 409
    assert "On record now" in told.text
    assert "赵敏" not in told.text
    assert client.post(f"/household/{homes[0]}/undo", data={"csrf": client.proof, "undo": undo}).status_code == 303
    assert client.get(f"/api/v1/residents/{code}").status_code == 404
    bad = client.post(
        f"/household/{homes[0]}/undo", data={"csrf": client.proof, "undo": "x"}, headers={"Accept": "text/html"}
    )
    assert bad.status_code == 422


def test_a_person_of_the_register_is_found_and_revealed_with_a_reason(client, homes):
    body = {"name": "欧阳锋", "phone": "13911112222", "id_number": ID_NUMBER}
    code = send(client, "POST", f"/api/v1/households/{homes[0]}/residents", body).json["steps"][0]["code"]
    for asked in ("13911112222", ID_NUMBER, "欧阳锋"):
        found = send(client, "POST", "/api/v1/persons/search", {"q": asked})
        assert code in {one["code"] for one in found.json["items"]}, asked
    shown = send(client, "POST", f"/api/v1/persons/resident/{code}/reveal", {"reason": "上门核对信息"})
    assert {one["value"] for one in shown.json["fields"]} == {"欧阳锋", "13911112222", ID_NUMBER}
    assert client.get(f"/panel/resident/{code}").status_code == 200


def test_a_building_head_goes_round_but_sees_no_names_and_changes_nothing(service, town, homes):
    head = client_of(service, session_of(town, ("building_head", homes[0][:17])))
    head.proof = csrf_of(head)
    assert head.get(f"/api/v1/households/{homes[0]}/residents").status_code == 403
    page = head.get(f"/household/{homes[0]}?lang=en").text
    assert "Residents" not in page
    assert "Visits" in page
    assert "No priority" not in head.get("/round?lang=en").text
    assert head.get(f"/api/v1/round?place={homes[0][:17]}").json["items"][0]["groups"] is None
    assert send(head, "POST", f"/api/v1/households/{homes[0]}/residents", {"name": "王芳"}).status_code == 403
