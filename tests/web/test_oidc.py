"""Signing in through the organisation's OpenID provider: a small one of our own on loopback."""

import json
import re
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import sqlalchemy as sa

from gridmap import db
from gridmap.access import LOCAL
from gridmap.accounts import grants, oidc, people
from gridmap.accounts.tables import account
from gridmap.app import create_app
from gridmap.settings import Settings
from tests.conftest import KEYS, app_on, copy_of, serving
from tests.web.openid import CLIENT_ID, CLIENT_SECRET, key, running

COMMUNITY = "310115001001"


@pytest.fixture
def provider():
    with running() as made:
        yield made


@pytest.fixture(scope="module")
def module_database(cluster, migrated):
    with copy_of(cluster, migrated) as engine:
        yield engine


@pytest.fixture
def register(module_database):
    """The register, with no link to a provider and no account but what a test makes."""
    with module_database.begin() as conn:
        conn.execute(sa.text("SELECT set_config('gridmap.actor', 'test', true)"))
        conn.execute(
            sa.update(account).values(
                name=sa.func.substr("x" + sa.cast(account.c.id, sa.Text), 1, 40), oidc_subject=None
            )
        )
    return module_database


def settings_of(engine, provider, **more):
    return Settings(
        home=KEYS, database_url=engine.url.render_as_string(hide_password=False), oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT_ID, oidc_client_secret=CLIENT_SECRET, oidc_title="Street office",
        oidc_second_factor_amr="otp,mfa", oidc_second_factor_acr="gold", **more,
    )  # fmt: skip


@pytest.fixture
def app(register, provider):
    made = create_app(settings_of(register, provider))
    yield made
    made.extensions["gridmap"]["engine"].dispose()


@pytest.fixture
def visitor(app):
    return app.test_client()


def awaited(engine, name="zhang", oidc_name="zhang.san", role=None):
    """Make an account without a password that is awaited under a name of the provider; return its id."""
    with db.transaction(engine, LOCAL) as conn:
        made = people.add(conn, LOCAL, name, None)
        oidc.await_name(conn, LOCAL, name, oidc_name)
        if role:
            grants.give(conn, LOCAL, made, role, COMMUNITY)
        return made


def gone_there(visitor, wanted="/account"):
    """Begin, let the provider sign the person in, and return the address it leads back to."""
    begun = visitor.get("/sign-in/oidc", query_string={"next": wanted})
    assert begun.status_code == 303, begun.text
    answer = requests.get(begun.location, allow_redirects=False, timeout=10)
    back = urlsplit(answer.headers["Location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == "http://localhost/sign-in/oidc/back"
    return f"{back.path}?{back.query}"


def signed_in(visitor, wanted="/account"):
    return visitor.get(gone_there(visitor, wanted))


def is_in(visitor):
    return visitor.get_cookie("gridmap_session") is not None


def refusals(engine):
    with engine.connect() as conn:
        query = sa.text("SELECT detail FROM audit_entry WHERE action = 'sign_in_refused' ORDER BY seq DESC")
        return [json.loads(detail) for detail in conn.scalars(query)]


def test_the_sign_in_page_offers_the_provider_only_where_there_is_one(visitor, demo):
    page = visitor.get("/sign-in?lang=en&next=/account").text
    assert 'href="/sign-in/oidc?next=/account"' in page
    assert "Sign in with Street office" in page
    with app_on(demo) as without:
        assert "oidc" not in without.test_client().get("/sign-in").text
        for path in ("/sign-in/oidc", "/sign-in/oidc/back?state=1"):
            assert without.test_client().get(path).status_code == 404


def test_a_browser_is_led_away_with_state_nonce_and_challenge_and_keeps_only_a_seal(visitor, provider):
    begun = visitor.get("/sign-in/oidc")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.location).query).items()}
    assert begun.location.startswith(f"{provider.issuer}/authorize?")
    assert asked["client_id"] == CLIENT_ID
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"].split()[0] == "openid"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    [cookie] = begun.headers.getlist("Set-Cookie")
    assert {"HttpOnly", "SameSite=Lax", "Max-Age=600"} <= {part.strip() for part in cookie.split(";")}
    assert not any(asked[name] in cookie for name in ("state", "nonce"))
    again = visitor.get("/sign-in/oidc").location
    assert asked["state"] not in again
    assert asked["nonce"] not in again


def test_a_person_who_is_awaited_signs_in_and_lands_on_the_wanted_page(visitor, register):
    made = awaited(register)
    answer = signed_in(visitor, "/account?done=x")
    assert (answer.status_code, answer.location) == (303, "/account?done=x")
    assert visitor.get("/account").status_code == 200
    with register.connect() as conn:
        entry = conn.execute(
            sa.text("SELECT action, detail FROM audit_entry WHERE action LIKE 'sign_in%' ORDER BY seq DESC")
        ).first()
    facts = {"by": "oidc", "name": "Zhang.San", "account_id": str(made), "second_factor": False}
    assert (entry.action, json.loads(entry.detail)) == ("sign_in", facts)


def test_from_the_first_sign_in_on_the_person_counts_and_not_the_name(visitor, app, provider, register):
    awaited(register)
    signed_in(visitor)
    provider.person["preferred_username"] = "married.name"
    renamed = app.test_client()
    signed_in(renamed)
    assert is_in(renamed)
    provider.person |= {"sub": "8", "preferred_username": "zhang.san"}  # the name was given to somebody else
    other = app.test_client()
    assert signed_in(other).status_code == 403
    assert not is_in(other)


def test_an_account_that_nobody_marked_is_not_taken_by_its_name(visitor, register):
    with db.transaction(register, LOCAL) as conn:
        people.add(conn, LOCAL, "zhang.san", None)
    answer = visitor.get(gone_there(visitor), headers={"Accept": "text/html", "Accept-Language": "en"})
    assert answer.status_code == 403
    assert "No account here" in answer.text
    assert "Street office knows you as Zhang.San" in answer.text
    assert not is_in(visitor)
    assert refusals(register)[0] == {"by": "oidc", "name": "Zhang.San"}
    with register.connect() as conn:
        assert not conn.scalar(sa.select(sa.func.count()).where(account.c.oidc_subject.is_not(None)))


def test_a_disabled_account_stays_out_before_and_after_it_was_linked(visitor, app, register):
    awaited(register)
    for _ in range(2):
        with db.transaction(register, LOCAL) as conn:
            people.disable(conn, LOCAL, "zhang")
        assert signed_in(app.test_client()).status_code == 403
        with db.transaction(register, LOCAL) as conn:
            people.enable(conn, LOCAL, "zhang")
        assert signed_in(app.test_client()).status_code == 303


@pytest.mark.parametrize(
    ("proof", "landing"),
    [
        ({"amr": ["pwd", "otp"]}, "/"), ({"acr": "gold"}, "/"), ({}, "/sign-in/second-factor"),
        ({"amr": ["pwd"], "acr": "silver"}, "/sign-in/second-factor"),
    ],
)  # fmt: skip
def test_the_providers_second_factor_counts_if_it_says_so_and_else_ours_is_asked_for(
    visitor, provider, register, proof, landing
):
    awaited(register, role="commander")
    provider.bend = proof
    assert signed_in(visitor, "").location == "/begin"
    assert visitor.get("/begin").location == landing


EXPIRED, TO_COME = int(time.time()) - 3600, int(time.time()) + 3600


def refused(visitor, engine, reason):
    """Check that a sign-in is refused for a reason that the record tells and the page does not."""
    answer = signed_in(visitor)
    assert answer.status_code == 401
    assert "单位登录未成功" in answer.text
    assert not is_in(visitor)
    recorded = refusals(engine)[0]["reason"]
    assert reason in recorded
    assert recorded not in answer.text


@pytest.mark.parametrize(
    ("bend", "reason"),
    [
        ({"nonce": "another"}, "nonce"), ({"nonce": None}, "nonce"), ({"aud": "another"}, "aud"),
        ({"aud": None}, "aud"), ({"aud": [CLIENT_ID, "another"], "azp": "another"}, "azp"),
        ({"iss": "https://evil.example"}, "iss"), ({"exp": EXPIRED}, "expired"),
        ({"exp": None}, "exp"), ({"iat": TO_COME}, "issued in the future"), ({"sub": None}, "sub"), ({"sub": ""}, "sub"),
        ({"sub": 7}, "sub"), ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "at_hash"),
    ],
    ids=lambda value: re.sub(r"\d{9,}", "time", str(value)),
)  # fmt: skip
def test_an_id_token_whose_claims_are_not_for_us_now_is_refused(visitor, provider, register, bend, reason):
    awaited(register)
    provider.bend = bend
    refused(visitor, register, reason)


def test_an_id_token_of_another_key_is_refused(visitor, provider, register):
    awaited(register)
    provider.signed_by(key("one"))
    refused(visitor, register, "bad_signature")


def test_an_id_token_without_a_signature_is_refused_even_if_the_provider_offers_that(visitor, provider, register):
    awaited(register)
    provider.unsigned()
    refused(visitor, register, "ID token: ")


def test_an_id_token_sealed_with_the_public_key_as_a_secret_is_refused(visitor, provider, register):
    awaited(register)
    provider.signed_with_the_public_key()
    refused(visitor, register, "ID token: ")


@pytest.mark.parametrize("token", ["", "a.b.c", "é" * 50, None])
def test_what_is_no_id_token_is_refused(visitor, provider, register, token):
    awaited(register)
    provider.sign = lambda _: token
    refused(visitor, register, "ID token")


def test_new_keys_of_the_provider_are_fetched_when_they_are_met(visitor, app, provider, register):
    awaited(register)
    signed_in(app.test_client())
    provider.key = key("two")
    assert signed_in(visitor).status_code == 303


def test_an_answer_counts_once(visitor, register, provider):
    awaited(register)
    address = gone_there(visitor)
    kept = visitor.get_cookie("gridmap_oidc").value
    assert visitor.get(address).status_code == 303
    visitor.delete_cookie("gridmap_session")
    assert visitor.get(address).status_code == 401  # what was begun is forgotten
    assert refusals(register)[0]["reason"] == "nothing was begun in this browser"
    visitor.set_cookie("gridmap_oidc", kept)
    assert visitor.get(address).status_code == 401  # and the provider redeems a code once
    assert refusals(register)[0]["reason"] == "code not redeemed: invalid_grant"
    assert provider.redeemed == 1
    assert not is_in(visitor)


def test_an_answer_counts_only_in_the_browser_that_began_it(visitor, app, register, provider):
    awaited(register)
    address = gone_there(visitor)
    victim = app.test_client()
    assert victim.get(address).status_code == 401
    gone_there(victim)
    assert victim.get(address).status_code == 401
    assert refusals(register)[0]["reason"] == "state is not this browser's"
    assert (is_in(victim), provider.redeemed) == (False, 0)


def test_a_sealed_cookie_does_not_hold_longer_than_ten_minutes(visitor, register, provider, monkeypatch):
    awaited(register)
    address = gone_there(visitor)
    kept = visitor.get_cookie("gridmap_oidc").value
    monkeypatch.setattr("gridmap.web.oidc.time", lambda: time.time() + 601)
    visitor.set_cookie("gridmap_oidc", kept)
    assert visitor.get(address).status_code == 401
    assert (refusals(register)[0]["reason"], provider.redeemed) == ("took too long", 0)


def test_an_altered_cookie_and_a_refusal_of_the_provider_are_refused(visitor, register):
    address = gone_there(visitor)
    state = parse_qs(urlsplit(address).query)["state"][0]
    answer = visitor.get(f"/sign-in/oidc/back?error=access_denied%3Cb%3E&state={state}")
    assert answer.status_code == 401
    assert "access_denied" not in answer.text
    assert refusals(register)[0]["reason"] == "provider says access_denied<b>"
    gone_there(visitor)
    visitor.set_cookie("gridmap_oidc", visitor.get_cookie("gridmap_oidc").value[:-4] + "AAA=")
    assert visitor.get(address).status_code == 401


def test_an_answer_of_another_issuer_is_refused(visitor, register):
    awaited(register)
    assert visitor.get(f"{gone_there(visitor)}&iss=https://evil.example").status_code == 401
    assert refusals(register)[0]["reason"] == "answer of another issuer"


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_nobody_is_led_elsewhere_afterwards(visitor, register, wanted):
    awaited(register)
    assert signed_in(visitor, wanted).location == "/begin"


def test_a_provider_that_is_down_leaves_the_password(visitor, provider, register):
    provider.is_down = True
    answer = visitor.get("/sign-in/oidc")
    assert answer.status_code == 503
    assert "单位登录服务无响应" in answer.text
    assert 'name="password"' in answer.text
    provider.is_down = False
    assert visitor.get("/sign-in/oidc").status_code == 303


@pytest.mark.parametrize(
    "metadata",
    [{"issuer": "https://evil.example"}, {"token_endpoint": "http://evil.example/token"}, {"jwks_uri": None}],
    ids=lambda value: next(iter(value)),
)
def test_a_provider_that_is_not_who_it_should_be_or_speaks_in_the_clear_is_not_used(visitor, provider, metadata):
    provider.metadata = metadata
    assert visitor.get("/sign-in/oidc").status_code == 503


def test_the_secret_may_lie_in_a_file_and_a_wrong_one_signs_nobody_in(register, provider, tmp_path):
    awaited(register)
    for secret, status in ((CLIENT_SECRET + "\n", 303), ("wrong", 401)):
        file = Path(tmp_path / "secret")
        file.write_text(secret)
        settings = settings_of(register, provider).model_copy(
            update={"oidc_client_secret": None, "oidc_client_secret_file": file}
        )
        app = create_app(settings)
        assert signed_in(app.test_client()).status_code == status
        app.extensions["gridmap"]["engine"].dispose()
    assert refusals(register)[0]["reason"] == "code not redeemed: invalid_client"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"oidc_issuer": "http://id.example.org", "oidc_client_id": "x"}, "https address"),
        ({"oidc_issuer": "https://id.example.org"}, "belong together"),
        ({"oidc_client_secret": "a", "oidc_client_secret_file": "b"}, "not both"),
    ],
)
def test_settings_of_a_provider_that_cannot_be_meant_are_refused(settings, told):
    with pytest.raises(ValueError, match=told):
        Settings(**settings)


def test_the_secret_is_in_no_representation_of_the_settings(register, provider):
    assert CLIENT_SECRET not in repr(settings_of(register, provider))


@pytest.mark.browser
def test_in_a_real_browser_the_button_leads_there_and_back(browser, register, provider):
    awaited(register)
    page, asked, complaints = browser.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    with serving(
        register, GRIDMAP_OIDC_ISSUER=provider.issuer, GRIDMAP_OIDC_CLIENT_ID=CLIENT_ID,
        GRIDMAP_OIDC_CLIENT_SECRET=CLIENT_SECRET, GRIDMAP_OIDC_TITLE="Street office",
    ) as base:  # fmt: skip
        page.goto(f"{base}/sign-in?lang=en&next=/account")
        assert all(url.startswith(base) for url in asked)  # the page itself loads nothing of the provider's
        page.get_by_role("link", name="Sign in with Street office").click()
        page.wait_for_url(re.compile(r"/account$"))
        assert page.get_by_text("zhang", exact=True).first.is_visible()
        page.close()
    assert complaints == []
