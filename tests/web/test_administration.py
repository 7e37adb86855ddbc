"""The administrators' pages: what each of the three does, and may not do; preview, hand-over, looking as another."""

import re
from contextlib import contextmanager
from html import unescape

import pytest
import sqlalchemy as sa

from gridmap.access import LOCAL
from gridmap.accounts import grants, people, sessions
from gridmap.accounts.tables import access_grant, account, sign_in_session
from gridmap.db import transaction
from gridmap.layers import LAYERS
from tests import factories
from tests.conftest import app_on, client_of, session_of
from tests.factories import COMMUNITY

GRID, OTHER_GRID = COMMUNITY + "001", COMMUNITY + "002"
PEOPLE = {"sys": ("sys_admin", "all"), "sec": ("sec_admin", "all"), "audit": ("auditor", "all")}
WORKER = ("grid_worker", GRID)


@pytest.fixture
def office(empty_database):
    """A small register with its three administrators and a grid worker, `wang.li`."""
    with transaction(empty_database, LOCAL) as conn:
        community = factories.add_community(conn)
        for number in (1, 2):
            grid = factories.add_neighbourhood(conn, community, f"00{number}")
            code = f"{COMMUNITY}00{number}"
            building = factories.add_building(conn, community, number, neighbourhood=code, neighbourhood_id=grid)
            for room in range(number):
                factories.add_household(
                    conn, building, number=number, room=f"010{room}", neighbourhood=code, people_count=3
                )
        factories.add_supply_point(conn, "990106001001S00001", 120.6, 30.9, community=COMMUNITY, community_id=community)
    with app_on(empty_database) as app:
        yield Office(empty_database, app)


class Office:
    """Who sits where, and how each asks."""

    def __init__(self, engine, app):
        self.engine, self.app = engine, app
        self.tokens = {name: session_of(engine, held, name=f"{name}.admin") for name, held in PEOPLE.items()}
        self.tokens["worker"] = session_of(engine, WORKER, name="wang.li")

    def client(self, who: str):
        return client_of(self.app, self.tokens[who])

    def newcomer(self, name: str, *held: tuple[str, str]):
        self.tokens[name] = session_of(self.engine, *held, name=name)
        return self.client(name)

    @contextmanager
    def looking(self):
        with transaction(self.engine, LOCAL) as conn:
            yield conn

    def post(self, who: str, path: str, **form: str):
        client = self.client(who)
        page = client.get("/account").get_data(as_text=True)
        csrf = re.search(r'name="csrf" value="(\w+)"', page)[1]
        return client.post(path, data={"csrf": csrf, **form}, headers={"Accept": "text/html"})


def text_of(answer) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True))))


def seen_by(client) -> dict[str, int]:
    """How many features of each layer somebody's own lists hold."""
    told = {}
    for layer in LAYERS:
        answer = client.get(f"/api/v1/layers/{layer}/features?limit=1000")
        if answer.status_code == 200:
            told[layer] = len(answer.json["features"])
    return told


def test_the_system_administrator_adds_an_account_whose_password_is_shown_once(office):
    made = office.post("sys", "/admin/accounts", name="Li.Ming")
    password = re.search(r'id="new-password">([^<]+)<', made.get_data(as_text=True))[1]
    assert made.status_code == 200
    assert password not in text_of(office.client("sys").get("/admin/accounts"))
    with office.looking() as conn:
        people.change_password(conn, people.find(conn, "li.ming").id, password, "Another-one-9")


@pytest.mark.parametrize(
    ("name", "password", "status"), [("li.ming", "short", 422), ("李明", "", 422), ("wang.li", "", 409), ("", "", 422)]
)
def test_an_account_that_cannot_be_is_refused_on_the_page_itself(office, name, password, status):
    answer = office.post("sys", "/admin/accounts", name=name, password=password)
    assert answer.status_code == status
    assert 'role="alert"' in answer.get_data(as_text=True)


def test_accounts_are_found_disabled_enabled_and_reset(office):
    assert "wang.li" in text_of(office.client("sys").get("/admin/accounts?q=wang&state=active&lang=en"))
    assert office.post("sys", "/admin/accounts/wang.li/disable?q=wang").location == "/admin/accounts?done=1&q=wang"
    assert office.client("worker").get("/account").status_code == 401
    assert "wang.li" in text_of(office.client("sys").get("/admin/accounts?state=disabled"))
    assert office.post("sys", "/admin/accounts/wang.li/enable").status_code == 303
    assert "new-password" in office.post("sys", "/admin/accounts/wang.li/password").get_data(as_text=True)
    assert office.post("sys", "/admin/accounts/wang.li/second-factor/drop").status_code == 303
    assert office.post("sys", "/admin/accounts/nobody/disable").status_code == 404


def test_unused_accounts_are_marked_and_disabled_with_one_button(office):
    with office.looking() as conn:
        for table, column in ((account, account.c.created_at), (sign_in_session, sign_in_session.c.seen_at)):
            old = sa.func.now() - sa.text("interval '91 days'")
            owner = table.c.id if table is account else table.c.account_id
            found = people.find(conn, "wang.li").id
            conn.execute(sa.update(table).where(owner == found).values({column: old}))
    page = office.client("sys").get("/admin/accounts?lang=en")
    assert "1 account was not used for 90 days." in text_of(page)
    assert "wang.li" in text_of(office.post("sys", "/admin/accounts/disable-unused"))
    with office.looking() as conn:
        assert people.find(conn, "wang.li").disabled_at is not None


def test_the_last_administrator_stays_and_the_page_says_why(office):
    answer = office.post("sys", "/admin/accounts/audit.admin/disable")
    assert answer.status_code == 409
    assert "最后一位" in text_of(answer)


CHANGES = {
    "sys": ("/admin/accounts", "/admin/accounts/wang.li/disable", "/admin/accounts/wang.li/enable",
            "/admin/accounts/wang.li/password", "/admin/accounts/wang.li/second-factor/drop",
            "/admin/accounts/disable-unused"),
    "sec": ("/admin/grants", "/admin/grants/hand-over", "/admin/grants/{grant}/end", "/admin/view-as",
            "/admin/view-as/stop"),
}  # fmt: skip


@pytest.mark.parametrize("who", ["sys", "sec", "audit", "worker"])
def test_each_administrator_does_the_own_part_and_no_other(office, who):
    with office.looking() as conn:
        grant = conn.scalar(sa.select(access_grant.c.id).where(access_grant.c.role == "grid_worker"))
        before = conn.execute(sa.select(access_grant)).all(), conn.execute(sa.select(account)).all()
    for owner, paths in CHANGES.items():
        for path in paths:
            if owner != who:
                form = {"name": "new.one", "account": "wang.li", "role": "keeper", "place": GRID, "from": "wang.li"}
                assert office.post(who, path.format(grant=grant), **form, to="sys.admin").status_code == 403, path
    for owner, page in (("sys", "/admin/accounts"), ("sec", "/admin/grants"), ("sec", "/admin/grants/preview")):
        assert (office.client(who).get(page).status_code == 403) == (owner != who), page
    with office.looking() as conn:
        assert before == (conn.execute(sa.select(access_grant)).all(), conn.execute(sa.select(account)).all())


@pytest.mark.parametrize("who", ["sys", "sec", "audit"])
def test_an_administrator_lands_on_the_own_page_and_sees_nothing_of_the_register(office, who):
    wanted = {"sys": "/admin/accounts", "sec": "/admin/grants", "audit": "/audit"}[who]
    assert office.client(who).get("/begin").location == wanted
    assert office.client(who).get("/").location == wanted
    assert seen_by(office.client(who)) == {"street": 0} or seen_by(office.client(who)) == {}


def test_somebody_without_any_grant_is_led_to_the_account_not_to_an_empty_map(office):
    assert office.newcomer("new.one").get("/").location == "/account"


@pytest.mark.parametrize(
    ("role", "place"),
    [("grid_worker", GRID), ("building_head", COMMUNITY + "00002"), ("keeper", "990106001001S00001"),
     ("commander", COMMUNITY), ("planner", "990106"), ("supervisor", COMMUNITY), ("volunteer", COMMUNITY + "00001")],
)  # fmt: skip
def test_the_preview_tells_what_the_person_sees_after_granting(office, role, place):
    client = office.newcomer("new.one")
    asked = f"/admin/grants/preview?account=new.one&role={role}&place={place}&lang=en"
    page = office.client("sec").get(asked).get_data(as_text=True)
    told = {}
    for title, rest in re.findall(r"<tr><td>([^<]+)</td>(.*?)</tr>", page, re.DOTALL):
        if "only as a number" not in rest:
            told[title] = int(re.search(r"<strong>([\d,]+)</strong>", rest)[1].replace(",", ""))
    assert office.post("sec", "/admin/grants", account="new.one", role=role, place=place).status_code == 303
    titles = {layer.title: name for name, layer in LAYERS.items()}
    own = seen_by(client)
    own.pop("street")  # streets concern nobody in particular
    assert {titles[title]: count for title, count in told.items()} == own


def test_the_preview_counts_people_and_tells_which_are_numbers_only(office):
    page = text_of(
        office.client("sec").get(f"/admin/grants/preview?account=wang.li&role=planner&place={COMMUNITY}&lang=en")
    )
    assert "Households 1 3 sees and changes" in page  # the worker's own grid has one already
    page = text_of(
        office.client("sec").get(f"/admin/grants/preview?account=sys.admin&role=planner&place={COMMUNITY}&lang=en")
    )
    assert "Households 0 3 only as a number" in page
    assert "People in them 0 9 only as a number" in page
    assert "测试社区" in page


@pytest.mark.parametrize("asked", ["account=nobody&role=keeper&place=990106", "account=wang.li&role=king&place=990106",
                                   "account=wang.li&role=keeper&place=", "account=wang.li&role=keeper&place=abc",
                                   "account=wang.li&role=keeper&place=990106&until=soon"])  # fmt: skip
def test_a_preview_that_cannot_be_says_what_is_wrong_beside_the_form(office, asked):
    answer = office.client("sec").get(f"/admin/grants/preview?{asked}", headers={"Accept": "text/html"})
    assert answer.status_code in (404, 422)
    assert 'role="alert"' in answer.get_data(as_text=True)


def test_a_grant_is_given_with_its_end_on_the_clock_of_shanghai_and_listed(office):
    office.newcomer("new.one")
    given = office.post("sec", "/admin/grants", account="new.one", role="keeper", place=COMMUNITY, until="2099-05-01T08:00",
                        reason="stand-by")  # fmt: skip
    assert given.status_code == 303
    with office.looking() as conn:
        (grant,) = grants.listed(conn, LOCAL, name="new.one")
    assert (grant.valid_to.isoformat(), grant.granted_by) == ("2099-05-01T00:00:00+00:00", "sec.admin")
    page = text_of(office.client("sec").get("/admin/grants?q=new&lang=en"))
    assert "Keeper" in page
    assert "stand-by" in page
    assert office.post("sec", f"/admin/grants/{grant.id}/end").status_code == 303
    assert "new.one Keeper" not in text_of(office.client("sec").get("/admin/grants?q=new&lang=en"))


def test_a_grant_to_oneself_or_in_the_past_is_refused_on_the_page(office):
    assert (
        office.post("sec", "/admin/grants", account="sec.admin", role="commander", place=COMMUNITY).status_code == 403
    )
    past = {"account": "wang.li", "role": "keeper", "place": COMMUNITY, "until": "2001-01-01"}
    assert office.post("sec", "/admin/grants", **past).status_code == 422


def test_a_hand_over_is_felt_by_both_at_their_next_request(office):
    two = office.newcomer("li.ming", ("building_head", COMMUNITY + "00002"))
    one = office.client("worker")
    assert (seen_by(one)["household"], seen_by(two)["household"]) == (1, 2)
    form = {"place": GRID, "from": "wang.li", "to": "li.ming"}
    assert office.post("sec", "/admin/grants/hand-over", **form).status_code == 303
    assert seen_by(one) == {}
    assert seen_by(two)["household"] == 3


def test_a_grant_that_ends_moves_or_expires_changes_what_a_running_session_sees(office):
    client = office.client("worker")
    assert client.get(f"/api/v1/layers/household/features/{COMMUNITY}00001010100").status_code == 200
    with office.looking() as conn:  # moved to the other grid
        (grant,) = grants.listed(conn, LOCAL, name="wang.li")
        grants.end(conn, LOCAL, grant.id)
        grants.give(conn, LOCAL, people.find(conn, "wang.li").id, "grid_worker", OTHER_GRID)
    assert client.get(f"/api/v1/layers/household/features/{COMMUNITY}00001010100").status_code == 404
    assert seen_by(client)["household"] == 2
    with office.looking() as conn:  # runs out
        conn.execute(
            sa.update(access_grant)
            .where(access_grant.c.place == OTHER_GRID)
            .values(valid_from=sa.text("now() - interval '2 hours'"), valid_to=sa.text("now() - interval '1 hour'"))
        )
    assert client.get("/api/v1/layers/household/features").status_code == 403


def test_looking_as_another_shows_exactly_what_the_other_sees_and_changes_nothing(office):
    own = office.client("sec")
    assert seen_by(own) == {}
    assert office.post("sec", "/admin/view-as", account="wang.li").location == "/begin"
    assert own.get("/begin").location == "/"
    worker = office.client("worker")
    for path in (
        "/api/v1/layers?lang=en", "/api/v1/layers/counts?bbox=120,30,121,31", "/api/v1/search?q=9901",
        *(f"/api/v1/layers/{layer}/features" for layer in LAYERS),
        *(f"/tiles/{layer}/16/{54717}/{26932}.mvt" for layer in ("building", "household")),
        f"/api/v1/buildings/{COMMUNITY}00001/nearest/supply_point", f"/api/v1/layers/household/features/{COMMUNITY}00001010100",
        f"/api/v1/layers/household/features/{COMMUNITY}00002010100",
    ):  # fmt: skip
        assert (own.get(path).status_code, bare(own.get(path))) == (
            worker.get(path).status_code,
            bare(worker.get(path)),
        )
    for path in ("/admin/grants", "/admin/accounts", "/audit"):
        assert own.get(path).status_code in (403, 404)
    for path in ("/admin/grants", "/account/password", "/account/tokens", "/account/sessions/end-others"):
        assert office.post("sec", path, account="wang.li", role="commander", place="all").status_code == 403
    for path in ("/", "/account"):
        assert "You are looking as wang.li." in text_of(own.get(f"{path}?lang=en"))
    assert office.post("sec", "/admin/view-as/stop").status_code == 303
    assert seen_by(own) == {}
    assert "You are looking as" not in text_of(own.get("/admin/grants?lang=en"))


def bare(answer) -> object:
    """An answer without the moment it was given at."""
    return {**answer.json, "as_of": None} if answer.is_json else answer.get_data()


def test_who_looks_as_another_may_still_sign_out(office):
    office.post("sec", "/admin/view-as", account="wang.li")
    assert office.post("sec", "/sign-out").status_code == 303
    assert office.client("sec").get("/account").status_code == 401


def test_a_token_never_looks_as_another(office):
    with office.looking() as conn:
        token = sessions.make_token(conn, people.find(conn, "sec.admin").id, days=1)
    answer = office.app.test_client().post(
        "/admin/view-as", data={"account": "wang.li"}, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 422
