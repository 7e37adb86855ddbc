"""Signing in: who gets in, who is kept out, and that nothing tells which names exist."""

import random
import re
import statistics
import time
import uuid
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
import sqlalchemy as sa

from gridmap import db
from gridmap.access import LOCAL
from gridmap.accounts import grants, passwords, people, sessions
from gridmap.accounts.tables import access_grant, account, sign_in_attempt, sign_in_session
from gridmap.errors import Conflict, GridmapError, InvalidInput, NotFound
from tests.conftest import app_on, client_of, copy_of, session_of

PASSWORD = "Correct-horse-7"
HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def register(cluster, migrated):
    with copy_of(cluster, migrated) as engine:
        yield engine


@pytest.fixture(scope="module")
def app(register):
    with app_on(register) as made:
        yield made


@pytest.fixture(autouse=True)
def _forgotten_attempts(register):
    with db.transaction(register, LOCAL) as conn:
        conn.execute(sa.delete(sign_in_attempt))


def add(register, *held, password=PASSWORD) -> str:
    name = f"p{uuid.uuid4().hex[:10]}"
    with db.transaction(register, LOCAL) as conn:
        account_id = people.add(conn, LOCAL, name, password)
        for role, place in held:
            grants.give(conn, LOCAL, account_id, role, place)
    return name


def csrf_of(answer) -> str:
    return re.search(r'name="csrf" value="([0-9a-f]{64})"', answer.get_data(as_text=True))[1]


def sign_in(client, name, password=PASSWORD, **more):
    token = csrf_of(client.get("/sign-in", headers=HTML))
    return client.post("/sign-in", data={"name": name, "password": password, "csrf": token, **more}, headers=HTML)


def test_a_name_and_its_password_lead_to_the_map(app, register):
    client, name = app.test_client(), add(register, ("grid_worker", "990106001001001"))
    answer = sign_in(client, name.upper() + " ")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/begin")
    assert client.get("/begin").headers["Location"] == "/"
    assert client.get("/", headers=HTML).status_code == 200


def test_a_person_is_led_to_sign_in_and_back_to_what_was_asked_for(app, register):
    client, name = app.test_client(), add(register, ("planner", "99"))
    led = client.get("/account?x=1", headers=HTML)
    assert led.headers["Location"] == "/sign-in?next=/account?x%3D1"
    assert sign_in(client, name, next="/account?x=1").headers["Location"] == "/account?x=1"


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "evil"]
)
def test_sign_in_leads_to_no_other_site(app, register, wanted):
    assert sign_in(app.test_client(), add(register), next=wanted).headers["Location"] == "/begin"


def test_a_program_is_told_to_sign_in(app):
    answer = app.test_client().get("/api/v1/layers")
    assert answer.status_code == 401
    assert answer.get_json()["code"] == "sign_in_needed"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_thirty_bad_sign_ins_on_one_account_are_slowed_then_locked(app, register):
    client, name = app.test_client(), add(register)
    token = csrf_of(client.get("/sign-in"))
    said = [
        client.post("/sign-in", data={"name": name, "password": f"Wrong-{n}-horse", "csrf": token}) for n in range(30)
    ]
    assert [answer.status_code for answer in said[:4]] == [401, 401, 401, 429]
    assert {answer.status_code for answer in said[3:]} == {429}
    assert int(said[-1].headers["Retry-After"]) >= 1
    right = client.post("/sign-in", data={"name": name, "password": PASSWORD, "csrf": token})
    assert right.status_code == 429


def test_after_five_failures_an_account_is_locked_for_fifteen_minutes_and_open_after(app, register):
    client, name = app.test_client(), add(register)
    key = app.extensions["gridmap"]["vault"].index(name, "sign_in_attempt.name")
    with db.transaction(register, LOCAL) as conn:
        for minutes in range(1, 6):
            at = datetime.now(UTC) - timedelta(minutes=minutes)
            conn.execute(sa.insert(sign_in_attempt).values(name_hash=key, address="x", is_good=False, at=at))
    assert sign_in(client, name).status_code == 429
    with db.transaction(register, LOCAL) as conn:
        conn.execute(sa.update(sign_in_attempt).values(at=sign_in_attempt.c.at - timedelta(minutes=15)))
    assert sign_in(client, name).status_code == 303


def test_three_hundred_bad_sign_ins_over_a_hundred_names_tell_nothing_of_which_exist(app, register, monkeypatch):
    monkeypatch.setattr("gridmap.accounts.sign_in.MAX_BY_ADDRESS", 10_000)
    client = app.test_client()
    token = csrf_of(client.get("/sign-in"))
    known = [add(register) for _ in range(50)]
    unknown = [f"q{uuid.uuid4().hex[:10]}" for _ in range(50)]
    random.Random(1).shuffle(names := [*known, *unknown])
    answers, times = {}, {True: [], False: []}
    for attempt in range(3):
        for name in names:
            begun = time.perf_counter()
            answer = client.post("/sign-in", data={"name": name, "password": f"Wrong-{attempt}-horse", "csrf": token})
            times[name in known].append(time.perf_counter() - begun)
            answers.setdefault(name in known, set()).add(
                (answer.status_code, answer.get_data().replace(name.encode(), b""))
            )
    assert answers[True] == answers[False]
    assert {status for status, _ in answers[True]} == {401}
    one, other = (statistics.median(times[is_known]) for is_known in (True, False))
    assert 0.67 < one / other < 1.5


def test_an_address_that_fails_a_hundred_times_is_kept_out(app, register):
    with db.transaction(register, LOCAL) as conn:
        rows = [{"name_hash": str(n), "address": "127.0.0.1", "is_good": False} for n in range(100)]
        conn.execute(sa.insert(sign_in_attempt), rows)
    assert sign_in(app.test_client(), add(register)).status_code == 429


def test_a_disabled_account_cannot_sign_in_and_its_sessions_and_tokens_end(app, register):
    client, name = app.test_client(), add(register, ("planner", "99"))
    sign_in(client, name)
    assert client.get("/api/v1/layers").status_code == 200
    with db.transaction(register, LOCAL) as conn:
        token = sessions.make_token(conn, people.find(conn, name).id, days=3)
        people.disable(conn, LOCAL, name)
    assert client.get("/api/v1/layers").status_code == 401
    assert app.test_client().get("/api/v1/layers", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert sign_in(app.test_client(), name).status_code == 401


def tampered(token: str) -> list[str]:
    chance = random.Random(7)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    made = []
    for _ in range(120):
        place = chance.randrange(len(token))
        made.append(token[:place] + chance.choice(letters.replace(token[place], "")) + token[place + 1 :])
    made += [token[:length] for length in range(0, 43)]
    made += [
        token + "A",
        token.swapcase(),
        token[::-1],
        token + "=" * 4,
        "é" * 43,
        "\x7f" * 43,
        "A" * 3000,
        "null",
        "0",
    ]
    made += ["".join(chance.choice(letters) for _ in range(43)) for _ in range(40)]
    return made


def test_two_hundred_false_cookies_are_nobodys(app, register):
    token = session_of(register, ("planner", "99"))
    client = app.test_client()
    false = tampered(token)
    assert len(false) >= 200
    for cookie in false:
        client.set_cookie("gridmap_session", cookie)
        answer = client.get("/api/v1/layers")
        assert answer.status_code == 401, cookie
    assert client_of(app, token).get("/api/v1/layers").status_code == 200


@pytest.mark.parametrize("column", ["expires_at", "ended_at", "seen_at"])
def test_a_session_ends_by_time_by_hand_and_when_idle(app, register, column):
    token = session_of(register, ("planner", "99"))
    with db.transaction(register, LOCAL) as conn:
        past = sa.func.now() - timedelta(minutes=31)
        conn.execute(
            sa.update(sign_in_session)
            .where(sign_in_session.c.token_hash == sessions.hash_of(token))
            .values({column: past})
        )
    assert client_of(app, token).get("/api/v1/layers").status_code == 401


def test_signing_in_takes_no_session_it_is_given(app, register):
    client = app.test_client()
    client.set_cookie("gridmap_session", "A" * 43)
    answer = sign_in(client, add(register))
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("gridmap_session="))
    assert "A" * 43 not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_signing_out_ends_the_session_not_only_the_cookie(app, register):
    token = session_of(register, ("planner", "99"))
    client = client_of(app, token)
    proof = csrf_of(client.get("/account"))
    assert client.post("/sign-out", data={"csrf": proof}).status_code == 303
    assert client_of(app, token).get("/api/v1/layers").status_code == 401


UNSAFE = ("/sign-in", "/sign-out", "/account/password", "/account/tokens", "/account/sessions/end-others",
          "/sign-in/second-factor")  # fmt: skip


@pytest.mark.parametrize("path", UNSAFE)
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, None),
        ({"csrf": "0" * 64}, None),
        ("csrf=x", "text/plain"),
        ('{"csrf": "x"}', "application/json"),
        ({"csrf": ""}, None),
    ],
)
def test_a_change_without_our_own_proof_is_refused(app, register, path, body, kind):
    client = client_of(app, session_of(register, ("planner", "99")))
    assert client.post(path, data=body, content_type=kind).status_code == 403


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                                     {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://localhost:1"}])  # fmt: skip
def test_a_change_asked_for_by_another_site_is_refused_although_the_proof_is_right(app, register, headers):
    client = client_of(app, session_of(register, ("planner", "99")))
    proof = csrf_of(client.get("/account"))
    assert client.post("/sign-out", data={"csrf": proof}, headers=headers).status_code == 403
    assert client.get("/api/v1/layers").status_code == 200


def test_the_proof_of_another_session_does_not_count(app, register):
    mine, other = (client_of(app, session_of(register, ("planner", "99"))) for _ in range(2))
    proof = csrf_of(other.get("/account"))
    assert mine.post("/sign-out", data={"csrf": proof}).status_code == 403


def commander(app, register):
    """A signed-in commander with a password only, and the secret of the second factor being set up."""
    client, name = app.test_client(), add(register, ("commander", "990106001001"))
    sign_in(client, name)
    assert client.get("/", headers=HTML).headers["Location"] == "/sign-in/second-factor"
    assert client.get("/api/v1/layers").get_json()["code"] == "second_factor_needed"
    page = client.get("/sign-in/second-factor")
    secret = re.search(r'<code class="secret">([A-Z2-7]+)<', page.get_data(as_text=True))[1]
    return client, name, secret


def prove(client, digits):
    proof = csrf_of(client.get("/sign-in/second-factor"))
    return client.post("/sign-in/second-factor", data={"csrf": proof, "digits": digits})


def test_a_commander_needs_a_second_factor_that_counts_once(app, register):
    client, name, secret = commander(app, register)
    digits = pyotp.TOTP(secret).now()
    assert prove(client, digits).status_code == 302
    assert client.get("/api/v1/layers").status_code == 200
    again = app.test_client()
    sign_in(again, name)
    assert secret not in again.get("/sign-in/second-factor").get_data(as_text=True)
    assert prove(again, digits).status_code == 401
    assert again.get("/api/v1/layers").status_code == 403
    assert prove(again, pyotp.TOTP(secret).at(int(time.time()) + 30)).status_code == 302
    assert again.get("/api/v1/layers").status_code == 200


def test_five_wrong_second_factors_end_the_session(app, register):
    client, _, _ = commander(app, register)
    for digits in ("000000", "１２３４５６", "12345", "abcdef"):
        assert prove(client, digits).status_code == 401
    assert prove(client, "").headers["Location"] == "/sign-in"
    assert client.get("/api/v1/layers").status_code == 401


def test_the_secret_of_the_second_factor_lies_sealed(app, register):
    _, name, secret = commander(app, register)
    with register.connect() as conn:
        stored = conn.scalar(sa.select(account.c.totp_secret).where(account.c.name == name))
    assert secret not in stored
    assert app.extensions["gridmap"]["vault"].open(stored, "account.totp_secret") == secret


@pytest.mark.parametrize("weak", ["Short-1", "alllowercaseletters", "lower12345678", "X" * 300 + "y1-"])
def test_a_weak_password_is_refused_saying_why(weak):
    with pytest.raises(InvalidInput, match="密码") as refused:
        passwords.check(weak, "zhang.san")
    assert refused.value.where == "password"


def test_a_password_does_not_hold_the_name():
    with pytest.raises(InvalidInput, match="name"):
        passwords.check("Zhang.San-2026", "zhang.san")


def test_changing_the_password_ends_other_sessions_and_the_last_five_are_not_taken(app, register):
    here, name = app.test_client(), add(register, ("planner", "99"))
    there = app.test_client()
    sign_in(here, name)
    sign_in(there, name)
    old = PASSWORD
    for number in range(1, 5):
        new = f"Another-horse-{number}"
        proof = csrf_of(here.get("/account"))
        data = {"csrf": proof, "old_password": old, "password": new, "again": new}
        assert here.post("/account/password", data=data).status_code == 303
        old = new
    assert there.get("/api/v1/layers").status_code == 401
    assert here.get("/api/v1/layers").status_code == 200
    proof = csrf_of(here.get("/account"))
    data = {"csrf": proof, "old_password": old, "password": PASSWORD, "again": PASSWORD}
    refused = here.post("/account/password", data=data)
    assert refused.status_code == 422
    assert "不得重复" in refused.get_data(as_text=True)


def test_the_present_password_must_be_right_to_change_it(app, register):
    client, name = app.test_client(), add(register, ("planner", "99"))
    sign_in(client, name)
    data = {
        "csrf": csrf_of(client.get("/account")),
        "old_password": "Wrong-horse-1",
        "password": "New-horse-77",
        "again": "New-horse-77",
    }
    assert client.post("/account/password", data=data).status_code == 422
    assert sign_in(app.test_client(), name).status_code == 303


def test_after_ninety_days_a_new_password_is_asked_for_first(app, register):
    client, name = app.test_client(), add(register, ("planner", "99"))
    with db.transaction(register, LOCAL) as conn:
        conn.execute(
            sa.update(account)
            .where(account.c.name == name)
            .values(password_changed_at=sa.func.now() - timedelta(days=91))
        )
    sign_in(client, name)
    assert client.get("/", headers=HTML).headers["Location"] == "/account"
    assert client.get("/api/v1/layers").get_json()["code"] == "password_expired"
    new = "Renewed-horse-9"
    data = {"csrf": csrf_of(client.get("/account")), "old_password": PASSWORD, "password": new, "again": new}
    assert client.post("/account/password", data=data).status_code == 303
    assert client.get("/api/v1/layers").status_code == 200


def test_a_one_time_link_signs_in_once(app, register):
    with db.transaction(register, LOCAL) as conn:
        account_id = people.add(conn, LOCAL, f"d{uuid.uuid4().hex[:8]}", None, is_demo=True)
        grants.give(conn, LOCAL, account_id, "commander", "990106001001")
        secret = sessions.make_link(conn, account_id)
    client = app.test_client()
    assert client.get(f"/sign-in/link/{secret}").status_code == 200  # a preview uses nothing up
    proof = csrf_of(client.get(f"/sign-in/link/{secret}"))
    assert client.post(f"/sign-in/link/{secret}", data={"csrf": proof}).status_code == 303
    assert client.get("/api/v1/layers").status_code == 200
    other = app.test_client()
    proof = csrf_of(other.get(f"/sign-in/link/{secret}"))
    assert other.post(f"/sign-in/link/{secret}", data={"csrf": proof}).status_code == 401


def test_a_token_is_shown_once_holds_for_its_days_and_only_within_its_place_and_verbs(app, register):
    with db.transaction(register, LOCAL) as conn:
        account_id = people.add(conn, LOCAL, f"t{uuid.uuid4().hex[:8]}", None)
        grants.give(conn, LOCAL, account_id, "grid_worker", "990106001001")
        narrow = sessions.make_token(conn, account_id, days=1, place="990106001001001", verbs=("building.view",))
        elsewhere = sessions.make_token(conn, account_id, days=1, place="990106001002")
        stored = conn.execute(sa.text("SELECT string_agg(t::text, ' ') FROM api_token AS t")).scalar_one()
        found = sessions.identify_token(conn, narrow)
        lost = sessions.identify_token(conn, elsewhere)
        with pytest.raises(InvalidInput):
            sessions.make_token(conn, account_id, days=367)
    assert narrow not in stored
    assert found.actor.places_for("building.view") == ("990106001001001",)
    assert not found.actor.may("household.view")
    assert lost.actor.places_for("building.view") == ()


@pytest.mark.parametrize("how", ["ended", "expired", "moved"])
def test_a_grant_that_ends_or_moves_is_gone_at_the_next_request(app, register, how):
    name = add(register, ("planner", "990106001001"))
    client = app.test_client()
    sign_in(client, name)
    assert len(client.get("/api/v1/layers").get_json()["items"]) > 3
    with db.transaction(register, LOCAL) as conn:
        account_id = people.find(conn, name).id
        grant_id = conn.scalar(sa.select(access_grant.c.id).where(access_grant.c.account_id == account_id))
        if how == "ended":
            grants.end(conn, LOCAL, grant_id)
        elif how == "expired":
            past = {"valid_from": sa.func.now() - timedelta(days=2), "valid_to": sa.func.now() - timedelta(seconds=1)}
            conn.execute(sa.update(access_grant).where(access_grant.c.id == grant_id).values(past))
        else:
            other = people.add(conn, LOCAL, f"o{uuid.uuid4().hex[:8]}", None)
            assert grants.hand_over(conn, LOCAL, "990106001001", account_id, other) == 1
            assert [held.role for held in grants.current(conn, other)] == ["planner"]
    assert client.get("/api/v1/layers").get_json()["items"] == []


def test_a_delegated_grant_ends_with_the_one_it_comes_from(register):
    with db.transaction(register, LOCAL) as conn:
        one, two = (people.add(conn, LOCAL, f"g{uuid.uuid4().hex[:8]}", None) for _ in range(2))
        own = grants.give(conn, LOCAL, one, "grid_worker", "990106001001001")
        until = datetime.now(UTC) + timedelta(days=2)
        lent = grants.delegate(conn, LOCAL, one, own, two, until=until)
        assert [held.place for held in grants.current(conn, two)] == ["990106001001001"]
        with pytest.raises(NotFound):
            grants.delegate(conn, LOCAL, two, lent, one, until=until)
        grants.end(conn, LOCAL, own)
        assert grants.current(conn, two) == ()


def test_the_three_administrators_are_three_people_and_the_last_of_each_stays(empty_database):
    with db.transaction(empty_database, LOCAL) as conn:
        first, second = (people.add(conn, LOCAL, name, None) for name in ("first", "second"))
        held = grants.give(conn, LOCAL, first, "sec_admin", "all")
        for role in ("sys_admin", "auditor"):
            with pytest.raises(Conflict, match="三员分立"):
                grants.give(conn, LOCAL, first, role, "all")
        with pytest.raises(Conflict, match="last"):
            grants.end(conn, LOCAL, held)
        with pytest.raises(Conflict, match="last"):
            people.disable(conn, LOCAL, "first")
        grants.give(conn, LOCAL, second, "sec_admin", "all")
        people.disable(conn, LOCAL, "first")
        assert people.find(conn, "first").disabled_at is not None


@pytest.mark.parametrize("place", ["", "  ", "12345678901234", "99010600100100", "x" * 65, "９９", "a b", "9901'; --"])
def test_a_place_that_is_none_is_refused(register, place):
    with db.transaction(register, LOCAL) as conn:
        account_id = people.add(conn, LOCAL, f"w{uuid.uuid4().hex[:8]}", None)
        with pytest.raises(GridmapError):
            grants.give(conn, LOCAL, account_id, "planner", place or " ")


def test_every_answer_carries_the_headers(app):
    client = app.test_client()
    for path in ("/sign-in", "/nothing", "/api/v1/layers", "/static/css/form.css", "/api/v1/layers?x=1"):
        with client.get(path) as answer:
            headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "same-origin"
