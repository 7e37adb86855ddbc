"""The life of a zone: no way into force without a sufficient order, four eyes, and one winner of two who decide at once."""

import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from gridmap import db
from gridmap.access import LOCAL, Actor, acting
from gridmap.errors import Conflict, GridmapError, InvalidInput, NotAllowed, NotFound
from gridmap.layers.closure_zone import lifecycle, table, zone_order
from gridmap.layers.closure_zone.decision import Decision
from gridmap.layers.closure_zone.legal_basis import LEVELS, legal_basis
from gridmap.layers.closure_zone.lifecycle import Plan, find, next_steps, take
from gridmap.layers.closure_zone.scope import of_items
from gridmap.layers.closure_zone.steps import IN_FORCE, STEPS, status_of
from gridmap.reports import situation
from gridmap.roles import ROLES
from tests import factories
from tests.conftest import app_on, client_of, session_of

BUILDING = f"{factories.COMMUNITY}00001"
ISSUER = "示范区人民政府"
BASES = ("IDL-63", "IDL-66-1", "IDL-66-2", "ERL-73-2", None)


def who(role: str, name: str | None = None, place: str = factories.COMMUNITY) -> Actor:
    return acting(name or role, ROLES[role].verbs, (place,))


COMMANDER, DISTRICT, SECOND = who("commander"), who("district"), who("district", "second")


def decision(**values) -> Decision:
    now = datetime.now(UTC)
    row = {"issuer": ISSUER, "issuer_level": "county", "issued_at": now, "effective_at": now - timedelta(minutes=1)}
    return Decision(**{**row, "reason": "出现病例", "doc_no": "指挥部〔2026〕第1号", "legal_basis": "IDL-63"} | values)


@pytest.fixture
def place(conn):
    building_id = factories.add_building(conn, factories.add_community(conn), units=2)
    factories.add_household(conn, building_id)
    return conn


def new_zone(conn, actor: Actor = COMMANDER) -> str:
    return lifecycle.draft(conn, actor, Plan("一号封控区", "lockdown", of_items(conn, actor, [BUILDING])))


def step(conn, actor: Actor, code: str, name: str, order: Decision | None = None) -> str:
    """Take a step on the version that is stored now and return the state."""
    take(conn, actor, code, find(conn, LOCAL, code).version, name, order)
    return find(conn, LOCAL, code).state


def in_force(conn, **values) -> str:
    code = new_zone(conn)
    step(conn, COMMANDER, code, "propose")
    step(conn, DISTRICT, code, "approve")
    step(conn, DISTRICT, code, "activate", decision(**values))
    return code


def test_a_zone_goes_from_draft_to_release_and_each_version_is_kept(place):
    code = in_force(place)
    step(place, COMMANDER, code, "propose_release")
    assert step(place, DISTRICT, code, "release", decision(doc_no="第2号")) == "released"
    former = sa.text("SELECT state FROM closure_zone_version WHERE code = :code ORDER BY version")
    assert list(place.scalars(former, {"code": code})) == [
        "draft",
        "proposed",
        "approved",
        "active",
        "release_proposed",
    ]
    kinds = sa.select(zone_order.c.kind, zone_order.c.zone_version).order_by(zone_order.c.zone_version)
    assert [tuple(row) for row in place.execute(kinds)] == [("impose", 4), ("release", 6)]


@pytest.mark.parametrize("level", ["community", "street"])
@pytest.mark.parametrize("basis", ["IDL-63", None])
def test_a_body_below_the_county_puts_nothing_into_force_and_is_told_the_article(place, level, basis):
    code = new_zone(place)
    step(place, COMMANDER, code, "propose")
    step(place, DISTRICT, code, "approve")
    with pytest.raises(InvalidInput, match="第六十三条" if basis else "第二十二条"):
        step(place, DISTRICT, code, "activate", decision(issuer_level=level, legal_basis=basis))
    assert find(place, LOCAL, code).state == "approved"


def test_an_area_is_sealed_off_by_a_province_only(place):
    code = new_zone(place)
    step(place, COMMANDER, code, "propose")
    step(place, DISTRICT, code, "approve")
    with pytest.raises(InvalidInput, match="province or above"):
        step(place, DISTRICT, code, "activate", decision(issuer_level="city", legal_basis="IDL-66-2"))
    assert (
        step(place, DISTRICT, code, "activate", decision(issuer_level="province", legal_basis="IDL-66-2")) == "active"
    )


def test_an_article_holds_from_its_day_on(place):
    code = new_zone(place)
    step(place, COMMANDER, code, "propose")
    step(place, DISTRICT, code, "approve")
    before = datetime(2025, 8, 31, 12, tzinfo=UTC)  # the law of 2025 is in force from 1 September
    with pytest.raises(InvalidInput, match="not in force"):
        step(place, DISTRICT, code, "activate", decision(issued_at=before, effective_at=before))


def test_a_community_only_drafts_and_proposes(place):
    code = new_zone(place)
    step(place, COMMANDER, code, "propose")
    for name in ("approve", "reject", "activate", "release", "revoke", "extend"):
        with pytest.raises(NotAllowed):
            step(place, COMMANDER, code, name, decision() if STEPS[name].order else None)


def test_who_drafted_or_proposed_neither_approves_nor_activates(place):
    code = new_zone(place, DISTRICT)
    step(place, SECOND, code, "propose")
    for actor in (DISTRICT, SECOND):
        with pytest.raises(NotAllowed, match="four eyes"):
            step(place, actor, code, "approve")
    assert step(place, who("city"), code, "approve") == "approved"


def test_release_is_decided_by_the_body_that_decided_and_by_other_eyes(place):
    code = in_force(place)
    step(place, DISTRICT, code, "propose_release")
    with pytest.raises(NotAllowed, match="four eyes"):
        step(place, DISTRICT, code, "release", decision())
    with pytest.raises(InvalidInput, match=ISSUER):
        step(place, SECOND, code, "release", decision(issuer="另一机关"))
    assert step(place, SECOND, code, "release", decision()) == "released"


def test_an_order_with_an_end_lapses_at_that_moment_and_waits_for_somebody(place):
    ends = datetime.now(UTC) + timedelta(seconds=1)
    code = in_force(place, ends_at=ends)
    row = find(place, LOCAL, code)
    assert status_of(row.state, row.ends_at, ends - timedelta(milliseconds=1)) == "active"
    assert status_of(row.state, row.ends_at, ends) == "expired"
    assert situation.group_of(row.state, row.starts_at, row.ends_at, ends) == "lapsed"
    place.execute(sa.text("SELECT pg_sleep(1.1)"))
    told = situation.of_zone(place, DISTRICT, code)
    assert (told["status"], told["state"], told["warnings"]) == ("expired", "active", ["lapsed_unconfirmed"])
    assert told["next_steps"] == ["extend", "release"]
    with pytest.raises(Conflict):
        step(place, DISTRICT, code, "propose_release")
    later = datetime.now(UTC) + timedelta(days=7)
    assert step(place, DISTRICT, code, "extend", decision(ends_at=later, doc_no="第2号")) == "active"
    assert situation.of_zone(place, DISTRICT, code)["status"] == "active"


def test_an_order_that_begins_later_is_coming_and_not_in_force(place):
    code = in_force(place, effective_at=datetime.now(UTC) + timedelta(days=540))
    assert situation.of_zone(place, DISTRICT, code)["group"] == "coming"


def test_an_oral_order_is_allowed_flagged_and_put_on_paper(place):
    code = in_force(place, is_oral=True, doc_no=None)
    assert situation.of_zone(place, DISTRICT, code)["warnings"] == ["papers_due"]
    step(place, DISTRICT, code, "papers", decision(doc_no="第9号"))
    told = situation.of_zone(place, DISTRICT, code)
    assert (told["warnings"], told["order_no"]) == ([], "第9号")


def test_a_zone_of_another_community_is_missing(place):
    code = new_zone(place)
    stranger = who("district", place="990106002001")
    with pytest.raises(NotFound):
        step(place, stranger, code, "propose")


def test_a_version_that_was_not_seen_is_a_conflict(place):
    code = new_zone(place)
    with pytest.raises(Conflict, match="version 1, not 7"):
        take(place, COMMANDER, code, 7, "propose")


@pytest.fixture
def town(empty_database):
    with db.transaction(empty_database, LOCAL) as conn:
        building_id = factories.add_building(conn, factories.add_community(conn), units=2)
        factories.add_household(conn, building_id)
    return empty_database


def test_of_two_who_put_a_zone_into_force_at_once_one_does(town):
    with db.transaction(town, LOCAL) as conn:
        code = new_zone(conn)
        step(conn, COMMANDER, code, "propose")
        step(conn, DISTRICT, code, "approve")
        version = find(conn, LOCAL, code).version
    gate, said = threading.Barrier(4), []

    def activate(name: str) -> None:
        actor = who("district", name)
        gate.wait()
        try:
            with db.transaction(town, actor) as conn:
                take(conn, actor, code, version, "activate", decision())
            said.append("done")
        except Conflict:
            said.append("conflict")

    threads = [threading.Thread(target=activate, args=(f"d{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == ["conflict", "conflict", "conflict", "done"]
    with town.connect() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(zone_order)) == 1


def test_orders_cannot_be_changed_or_taken_away_by_the_service(place):
    in_force(place)
    place.execute(sa.text("SET LOCAL ROLE gridmap_service"))
    for change in ("UPDATE zone_order SET doc_no = 'x'", "DELETE FROM zone_order"):
        savepoint = place.begin_nested()
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            place.execute(sa.text(change))
        savepoint.rollback()


class Life(RuleBasedStateMachine):
    """Any role takes any step with any order; a model of three sentences says what may come of it."""

    conn: sa.Connection

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = self.conn.begin_nested()
        self.code = new_zone(self.conn)
        self.drew, self.proposed_release, self.was_in_force = {COMMANDER.name}, "", False
        self.levels = {row.code: row.level for row in self.conn.execute(sa.select(legal_basis))}

    def teardown(self) -> None:
        self.savepoint.rollback()

    @rule(
        role=st.sampled_from(["grid_worker", "commander", "street", "district", "city", "planner", "supervisor"]),
        name=st.sampled_from(["a", "b"]), step_name=st.sampled_from(sorted(STEPS)), level=st.sampled_from(LEVELS),
        basis=st.sampled_from(BASES), ordered=st.booleans(),
    )  # fmt: skip
    def anybody_takes_a_step(self, role, name, step_name, level, basis, ordered) -> None:
        actor, before = who(role, f"{role}-{name}"), find(self.conn, LOCAL, self.code)
        order = decision(issuer_level=level, legal_basis=basis) if ordered else None
        inner = self.conn.begin_nested()
        try:
            take(self.conn, actor, self.code, before.version, step_name, order)
        except GridmapError:
            inner.rollback()
            assert find(self.conn, LOCAL, self.code) == before
            return
        inner.commit()
        state = find(self.conn, LOCAL, self.code).state
        wanted = STEPS[step_name]
        assert wanted.verb in ROLES[role].verbs
        assert before.state in wanted.sources
        if state in IN_FORCE and not self.was_in_force:
            assert role in ("district", "city")
            assert before.state == "approved"
            assert ordered
            assert LEVELS.index(level) >= LEVELS.index(self.levels[basis] if basis else "county")
            assert actor.name not in self.drew
        if step_name == "release":
            assert role in ("district", "city")
            assert actor.name != self.proposed_release
        self.drew |= {actor.name} if state in ("draft", "proposed") else set()
        self.proposed_release = actor.name if step_name == "propose_release" else self.proposed_release
        self.was_in_force = state in IN_FORCE

    @precondition(lambda self: find(self.conn, LOCAL, self.code).state == "draft")
    @rule()
    def the_way_through_is_open(self) -> None:
        """Keep the walk from ending in the first draft: somebody proposes."""
        step(self.conn, COMMANDER, self.code, "propose")

    @invariant()
    def a_zone_in_force_rests_on_an_order(self) -> None:
        row = find(self.conn, LOCAL, self.code)
        if row.state in IN_FORCE:
            kinds = self.conn.scalars(sa.select(zone_order.c.kind).where(zone_order.c.closure_zone_id == row.id)).all()
            assert "impose" in kinds

    @invariant()
    def what_is_offered_is_what_the_table_says(self) -> None:
        row = find(self.conn, LOCAL, self.code)
        offered = set(next_steps(self.conn, who("city", "somebody-new"), row))
        assert offered == {name for name, one in STEPS.items() if row.state in one.sources}


def test_there_is_no_way_into_force_without_an_order_of_sufficient_level(place):
    Life.conn = place
    quick = settings(
        max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(Life, settings=quick)


# Over HTTP


def sent(client, path, **body):
    html = client.get("/account").get_data(as_text=True)
    headers = {"X-CSRF-Token": html.partition('name="csrf" value="')[2].partition('"')[0]}
    return client.post(f"/api/v1/closure_zones{path}", json=body, headers=headers)


def order_body(**values) -> dict:
    now = datetime.now(UTC)
    row = {"issuer": ISSUER, "issuer_level": "county", "issued_at": now.isoformat(), "reason": "出现病例"}
    return (
        row
        | {"effective_at": (now - timedelta(minutes=1)).isoformat(), "doc_no": "第1号", "legal_basis": "IDL-63"}
        | values
    )


def test_two_people_take_a_zone_from_a_drawing_to_its_release_over_the_api(town):
    with app_on(town) as app:
        commander = client_of(app, session_of(town, ("commander", factories.COMMUNITY)))
        district = client_of(app, session_of(town, ("district", factories.COMMUNITY[:6])))
        ring = [[120.5999, 30.8999], [120.6, 30.8999], [120.6, 30.9], [120.5999, 30.9], [120.5999, 30.8999]]
        area = {"type": "Polygon", "coordinates": [ring]}
        made = sent(commander, "", name="一号封控区", type="lockdown", geometry=area)
        assert (made.status_code, made.json["scope_text"], made.json["status"]) == (201, "1幢", "draft")
        path = f"/{made.json['code']}"
        assert sent(commander, f"{path}/propose", version=1).json["status"] == "proposed"
        assert sent(commander, f"{path}/approve", version=2).status_code == 403
        assert sent(district, f"{path}/approve", version=2).json["next_steps"] == ["activate", "withdraw"]
        low = sent(district, f"{path}/activate", version=3, order=order_body(issuer_level="street"))
        assert (low.status_code, low.json["where"]) == (422, "order.issuer_level")
        done = sent(district, f"{path}/activate", version=3, order=order_body())
        assert (done.json["status"], done.json["group"]) == ("active", "in_force")
        again = sent(district, f"{path}/activate", version=3, order=order_body())
        assert again.status_code == 409
        listed = commander.get("/api/v1/closure_zones").json["items"]
        assert [(zone["code"], zone["group"]) for zone in listed] == [(made.json["code"], "in_force")]
        sent(commander, f"{path}/propose_release", version=4)
        assert sent(district, f"{path}/release", version=5, order=order_body()).json["group"] == "over"


def test_a_draft_is_changed_only_as_it_was_seen(town):
    with app_on(town) as app:
        client = client_of(app, session_of(town, ("commander", factories.COMMUNITY)))
        made = sent(client, "", name="一", type="lockdown", items=[BUILDING]).json
        html = client.get("/account").get_data(as_text=True)
        headers = {"X-CSRF-Token": html.partition('name="csrf" value="')[2].partition('"')[0]}
        body = {"name": "二", "type": "control", "items": [f"{BUILDING}01"]}
        path = f"/api/v1/closure_zones/{made['code']}"
        assert client.put(path, json=body | {"version": 9}, headers=headers).status_code == 409
        told = client.put(path, json=body | {"version": 1}, headers=headers).json
        assert (told["name"], told["scope_text"], told["version"]) == ("二", "1幢1单元", 2)


def test_a_draft_over_no_building_is_refused(town):
    with app_on(town) as app:
        client = client_of(app, session_of(town, ("commander", factories.COMMUNITY)))
        ring = [[121, 31], [121.1, 31], [121.1, 31.1], [121, 31]]
        found = sent(client, "", name="空", type="lockdown", geometry={"type": "Polygon", "coordinates": [ring]})
        assert (found.status_code, found.json["where"]) == (422, "geometry")
        assert sent(client, "", name="无", type="lockdown", items=[str(uuid.uuid4())]).status_code == 404


def test_a_zone_in_force_that_has_no_items_is_told_by_its_name(place):
    factories.add_zone(place, "Z1", factories.square(120.6, 30.9))
    assert situation.of_zone(place, LOCAL, "Z1")["scope_text"] == "测试封控区"
    assert place.scalar(sa.select(table.c.state).where(table.c.code == "Z1")) == "active"
