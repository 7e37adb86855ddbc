"""Handing one's own grant to a stand-in until a time, on one's own account page."""

import re
from datetime import datetime, timedelta

import pytest

from gridmap.access import LOCAL
from gridmap.accounts import grants, people, sessions
from gridmap.accounts.grants import Held
from gridmap.db import transaction
from gridmap.web.i18n import SHOWN_ZONE
from tests.conftest import app_on, client_of, session_of

GRID = "990106001001001"
TOMORROW = (datetime.now(SHOWN_ZONE) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")


@pytest.fixture
def pair(empty_database):
    """A grid worker's client and grant, and the account that may stand in."""
    token = session_of(empty_database, ("grid_worker", GRID), name="wang.li")
    with transaction(empty_database, LOCAL) as conn:
        people.add(conn, LOCAL, "li.ming", None)
        (grant,) = grants.listed(conn, LOCAL)
    with app_on(empty_database) as app:
        yield client_of(app, token), grant.id, empty_database


def post(client, path: str, **form: str):
    csrf = re.search(r'name="csrf" value="(\w+)"', client.get("/account").get_data(as_text=True))[1]
    return client.post(path, data={"csrf": csrf, **form}, headers={"Accept": "text/html"})


def held_by(engine, name: str) -> tuple:
    with transaction(engine, LOCAL) as conn:
        return grants.current(conn, people.find(conn, name).id)


def test_an_own_grant_goes_to_a_stand_in_and_comes_back(pair):
    client, grant, engine = pair
    assert post(client, f"/account/grants/{grant}/delegate", to="li.ming", until=TOMORROW).status_code == 303
    assert held_by(engine, "li.ming") == (Held("grid_worker", GRID),)
    page = client.get("/account?lang=en").get_data(as_text=True)
    assert "My stand-ins" in page
    lent = re.search(r"/account/grants/([0-9a-f-]{36})/end", page)[1]
    assert post(client, f"/account/grants/{lent}/end").status_code == 303
    assert held_by(engine, "li.ming") == ()
    assert post(client, f"/account/grants/{lent}/end").status_code == 404


@pytest.mark.parametrize(
    ("to", "until", "status"),
    [("nobody", TOMORROW, 404), ("wang.li", TOMORROW, 422), ("li.ming", "", 422), ("li.ming", "2001-01-01", 422),
     ("li.ming", "soon", 422), ("li.ming", "9999-12-31", 422)],
)  # fmt: skip
def test_a_stand_in_that_cannot_be_is_refused_on_the_page_itself(pair, to, until, status):
    client, grant, engine = pair
    answer = post(client, f"/account/grants/{grant}/delegate", to=to, until=until)
    assert answer.status_code == status
    assert 'role="alert"' in answer.get_data(as_text=True)
    assert held_by(engine, "li.ming") == ()


def test_nobody_hands_on_what_somebody_else_holds(pair):
    _, grant, engine = pair
    other = session_of(engine, ("grid_worker", GRID), name="zhao.yun")
    with app_on(engine) as app:
        client = client_of(app, other)
        assert post(client, f"/account/grants/{grant}/delegate", to="li.ming", until=TOMORROW).status_code == 404


def test_a_token_names_no_stand_in(pair):
    client, grant, engine = pair
    with transaction(engine, LOCAL) as conn:
        token = sessions.make_token(conn, people.find(conn, "wang.li").id, days=1)
    answer = client.application.test_client().post(
        f"/account/grants/{grant}/delegate",
        data={"to": "li.ming", "until": TOMORROW},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 422
    assert held_by(engine, "li.ming") == ()
