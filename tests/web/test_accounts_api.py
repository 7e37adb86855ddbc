"""Accounts and grants for programs: the same rules as the pages, and no field beyond those declared."""

import uuid

import pytest

from gridmap.access import LOCAL
from gridmap.accounts import grants, people, sessions
from gridmap.db import transaction
from tests import factories
from tests.conftest import app_on
from tests.factories import COMMUNITY

GRID = COMMUNITY + "001"


class Program:
    """A program with the token of an account."""

    def __init__(self, app, engine, name: str, *held: tuple[str, str]):
        with transaction(engine, LOCAL) as conn:
            account_id = people.add(conn, LOCAL, name, None)
            for role, place in held:
                grants.give(conn, LOCAL, account_id, role, place)
            token = sessions.make_token(conn, account_id, days=1)
        self.name, self.client, self.headers = name, app.test_client(), {"Authorization": f"Bearer {token}"}

    def get(self, path: str):
        return self.client.get(f"/api/v1{path}", headers=self.headers)

    def post(self, path: str, **body: object):
        return self.client.post(f"/api/v1{path}", json=body, headers=self.headers)

    def delete(self, path: str):
        return self.client.delete(f"/api/v1{path}", headers=self.headers)


@pytest.fixture
def office(empty_database):
    with transaction(empty_database, LOCAL) as conn:
        community = factories.add_community(conn)
        grid = factories.add_neighbourhood(conn, community)
        building = factories.add_building(conn, community, neighbourhood=GRID, neighbourhood_id=grid)
        factories.add_household(conn, building, neighbourhood=GRID, people_count=4)
    with app_on(empty_database) as app:
        held = {"sys": ("sys_admin", "all"), "sec": ("sec_admin", "all"), "worker": ("grid_worker", GRID)}
        yield {name: Program(app, empty_database, f"{name}.one", grant) for name, grant in held.items()}


def test_accounts_are_listed_in_pages_with_their_state(office):
    first = office["sys"].get("/accounts?limit=2").json
    assert [item["name"] for item in first["items"]] == ["sec.one", "sys.one"]
    assert first["items"][0].keys() >= {"seen_at", "disabled_at", "is_unused", "has_token"}
    rest = office["sys"].get(f"/accounts?limit=2&cursor={first['cursor']}").json
    assert ([item["name"] for item in rest["items"]], rest["cursor"]) == (["worker.one"], None)
    assert office["sys"].get("/accounts?state=asleep").status_code == 422


def test_an_account_is_made_reset_disabled_and_enabled(office):
    sys = office["sys"]
    made = sys.post("/accounts", name="Li.Ming")
    assert (made.status_code, made.json["name"]) == (201, "li.ming")
    assert sys.post("/accounts", name="li.ming").status_code == 409
    assert sys.post("/accounts", name="short.pw", password="abc").status_code == 422
    assert sys.post("/accounts/li.ming/password", password="Another-one-9").json["password"] == "Another-one-9"
    assert sys.post("/accounts/li.ming/disable").json == {"name": "li.ming"}
    assert sys.get("/accounts?state=disabled").json["items"][0]["name"] == "li.ming"
    assert sys.post("/accounts/li.ming/enable").status_code == 200
    assert sys.delete("/accounts/li.ming/second-factor").status_code == 200
    assert sys.post("/accounts/nobody/disable").status_code == 404


def test_a_grant_is_previewed_given_listed_and_ended(office):
    sec = office["sec"]
    seen = sec.get(f"/grants/preview?role=commander&place={COMMUNITY}").json
    rows = {item["layer"]: item["rows"] for item in seen["layers"]}
    assert (rows["community"], rows["building"], rows["household"], seen["people"]) == (1, 1, 1, 4)
    assert seen["place_name"] == "测试社区"
    assert "person.reveal" in seen["verbs"]
    given = sec.post("/grants", account="sys.one", role="supervisor", place=COMMUNITY, until="2099-01-01T00:00:00+08:00",
                     reason="trial")  # fmt: skip
    assert given.status_code == 201
    (listed,) = sec.get("/grants?account=sys&role=supervisor").json["items"]
    assert listed["id"] == given.json["id"]
    assert (listed["valid_to"], listed["reason"], listed["granted_by"]) == (
        "2099-01-01T00:00:00+08:00", "trial", "sec.one (token)",
    )  # fmt: skip
    assert sec.delete(f"/grants/{given.json['id']}").status_code == 200
    assert sec.delete(f"/grants/{given.json['id']}").status_code == 404
    assert sec.get("/grants?account=sys&role=supervisor").json["items"] == []


def test_grants_come_in_pages(office):
    sec = office["sec"]
    first = sec.get("/grants?limit=2").json
    rest = sec.get(f"/grants?limit=2&cursor={first['cursor']}").json
    names = [item["account"] for item in (*first["items"], *rest["items"])]
    assert names == ["sec.one", "sys.one", "worker.one"]
    assert rest["cursor"] is None


def test_a_hand_over_moves_a_grid(office):
    office["sys"].post("/accounts", name="li.ming")
    moved = office["sec"].post("/grants/hand-over", place=GRID, **{"from": "worker.one", "to": "li.ming"})
    assert moved.json == {"moved": 1}
    assert office["worker"].get("/layers/household/features").status_code == 403


WRITES = {
    "/accounts": {"name": "li.ming"},
    "/accounts/worker.one/password": {},
    "/grants": {"account": "worker.one", "role": "keeper", "place": GRID},
    "/grants/hand-over": {"place": GRID, "from": "worker.one", "to": "sys.one"},
}
EXTRA = {"community": COMMUNITY, "actor": "local", "version": 2, "recorded_at": "2026-01-01T00:00:00Z", "is_demo": True,
         "granted_by": "local", "verbs": [], "id": 1}  # fmt: skip


@pytest.mark.parametrize("extra", [*EXTRA, "role"])
@pytest.mark.parametrize("path", WRITES)
def test_a_field_that_is_not_declared_is_refused_by_its_name(office, path, extra):
    if extra in WRITES[path]:
        return
    program = office["sys" if path.startswith("/accounts") else "sec"]
    answer = program.post(path, **WRITES[path], **{extra: EXTRA.get(extra, "commander")})
    assert (answer.status_code, answer.json["where"]) == (422, extra)


@pytest.mark.parametrize(
    ("body", "where"),
    [({"role": "king"}, "role"), ({"place": "x y"}, "place"), ({"place": ""}, "place"), ({"until": 5}, "until"),
     ({"until": "2099-01-01T00:00:00"}, "until"), ({"until": "0001-01-01T00:00:00Z"}, "until"),
     ({"until": "2001-01-01T00:00:00Z"}, "until"), ({"account": "nobody"}, "name"), ({"account": "sec.one"}, "account"),
     ({"since": "2090-01-01T00:00:00Z", "until": "2080-01-01T00:00:00Z"}, "until")],
)  # fmt: skip
def test_a_grant_that_cannot_be_is_refused_naming_the_field(office, body, where):
    answer = office["sec"].post("/grants", **{**WRITES["/grants"], **body})
    status = {"nobody": 404, "sec.one": 403}.get(body.get("account"), 422)
    assert (answer.status_code, answer.json["where"]) == (status, where)


def test_each_administrator_does_the_own_part_and_no_other(office):
    unknown = uuid.UUID(int=1)
    calls = {
        "sys": [("get", "/accounts"), ("post", "/accounts"), ("post", "/accounts/worker.one/password"),
                ("post", "/accounts/worker.one/disable"), ("post", "/accounts/worker.one/enable"),
                ("delete", "/accounts/worker.one/second-factor")],
        "sec": [("get", "/grants"), ("post", "/grants"), ("delete", f"/grants/{unknown}"), ("post", "/grants/hand-over"),
                ("get", f"/grants/preview?role=keeper&place={GRID}")],
    }  # fmt: skip
    for owner, owned in calls.items():
        for method, path in owned:
            for name, program in office.items():
                if name != owner:
                    answer = getattr(program, method)(path)
                    assert answer.status_code == 403, (name, method, path)
