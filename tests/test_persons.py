"""Revealing a person, finding persons, and the log of both."""

import csv
import io
import json

import pytest
import sqlalchemy as sa

from gridmap import audit, db, persons
from gridmap.access import LOCAL, Actor, Right, acting
from gridmap.crs import Position
from gridmap.errors import InvalidInput, NotAllowed, NotFound
from gridmap.layers import LAYERS
from tests.conftest import app_on, client_of, session_of
from tests.factories import (
    COMMUNITY,
    add_community,
    add_party_unit,
    add_supply_point,
    add_volunteer,
)

NAME, PHONE, ID_NUMBER = "欧阳明日", "138-0013-8000", "11010519491231002X"
OTHER = "990106001002"
VOLUNTEER, SUPPLY_POINT, PARTY_UNIT = (LAYERS[name] for name in ("volunteer", "supply_point", "party_unit"))
VERBS = frozenset({"volunteer.view", "supply_point.view", "party_unit.view", "person.reveal", "person.search"})
HERE = acting("worker", VERBS, (COMMUNITY,))


@pytest.fixture
def people(conn):
    community = add_community(conn)
    add_community(conn, OTHER)
    add_volunteer(conn, "V1", 120.6, 30.9, name=NAME, phone=PHONE, id_number=ID_NUMBER, community=COMMUNITY)
    add_volunteer(conn, "V2", 120.7, 30.9, name="欧阳明月", community=OTHER)
    add_supply_point(conn, "S1", 120.6, 30.9, keeper="司马欧阳明", phone="+86 138 0013 8000", community=COMMUNITY)
    add_party_unit(conn, community, "P1", "committee", secretary="诸葛", phone="0512-66668888")
    return conn


def become(conn: sa.Connection, actor: Actor) -> Actor:
    db.become(conn, actor)
    return actor


def entries(conn: sa.Connection, action: str) -> list[tuple[str, str, str, int, dict]]:
    rows = conn.execute(sa.select(audit.table).where(audit.table.c.action == action).order_by(audit.table.c.at))
    return [(row.chain, row.actor, row.subject, row.rows, json.loads(row.detail)) for row in rows]


def test_a_reveal_shows_one_person_and_stands_in_the_community_s_chain(people):
    shown = persons.reveal(people, become(people, HERE), VOLUNTEER, "V1", reason=" 上门核实独居老人 ", task="T-7")
    assert [(one.column, one.text) for one in shown] == [("name", NAME), ("phone", PHONE), ("id_number", ID_NUMBER)]
    detail = {"code": "V1", "reason": "上门核实独居老人", "task": "T-7", "fields": ["name", "phone", "id_number"]}
    assert entries(people, "reveal") == [(COMMUNITY, "worker", "volunteer", 1, detail)]
    become(people, LOCAL)
    assert audit.verify(people, LOCAL)[1] == []


def test_what_a_reason_repeats_of_the_person_is_struck_out(people):
    reason = f"致电{NAME} 138 0013 8000、+8613800138000，证件{ID_NUMBER.lower()}，工单 20260301000123"
    persons.reveal(people, become(people, HERE), VOLUNTEER, "V1", reason=reason)
    [(*_, detail)] = entries(people, "reveal")
    assert detail["reason"] == "致电*** ***、***，证件***，工单 20260301000123"


@pytest.mark.parametrize("reason", ["", "   ", "abc", " abc ", "x" * 201])
def test_a_reveal_without_a_reason_is_refused_and_leaves_no_entry(people, reason):
    with pytest.raises(InvalidInput, match="Say why"):
        persons.reveal(people, become(people, HERE), VOLUNTEER, "V1", reason=reason)
    assert entries(people, "reveal") == []


@pytest.mark.parametrize(
    ("rights", "refused"),
    [
        ([("volunteer.view", COMMUNITY)], NotAllowed),
        ([("person.reveal", COMMUNITY)], NotAllowed),
        ([("volunteer.view", OTHER), ("person.reveal", COMMUNITY)], NotFound),
        ([("volunteer.view", COMMUNITY), ("person.reveal", OTHER)], NotFound),
        ([("volunteer.view", COMMUNITY), ("person.reveal", COMMUNITY)], None),
        ([("volunteer.view", ""), ("person.reveal", COMMUNITY[:6])], None),
    ],
)
def test_a_reveal_needs_both_verbs_over_the_row_itself(people, rights, refused):
    actor = become(people, Actor("worker", tuple(Right(frozenset({verb}), (place,)) for verb, place in rights)))
    if refused is None:
        assert persons.reveal(people, actor, VOLUNTEER, "V1", reason="核实情况")
        return
    with pytest.raises(refused):
        persons.reveal(people, actor, VOLUNTEER, "V1", reason="核实情况")
    assert entries(people, "reveal") == []


def test_a_foreign_person_answers_like_a_missing_one_and_a_layer_without_persons_too(people):
    told = []
    for layer, code in ((VOLUNTEER, "V2"), (VOLUNTEER, "V9"), (LAYERS["community"], COMMUNITY)):
        actor = become(people, acting("worker", VERBS | {"community.view"}, (COMMUNITY,)))
        with pytest.raises(NotFound) as refused:
            persons.reveal(people, actor, layer, code, reason="核实情况")
        told.append(refused.value.detail.replace(code, "CODE").replace(layer.name, "LAYER"))
    assert len(set(told)) == 1


def test_a_card_is_masked_and_says_whether_more_may_be_seen(people):
    card = persons.card(people, become(people, HERE), VOLUNTEER, "V1")
    assert [one.text for one in card.values] == ["欧**", "138****8000", "110***********002X"]
    assert card.may_reveal
    sees = acting("head", {"volunteer.view"}, (COMMUNITY,))
    assert not persons.card(people, become(people, sees), VOLUNTEER, "V1").may_reveal
    assert persons.card(people, become(people, HERE), VOLUNTEER, "V2") is None
    assert persons.card(people, become(people, LOCAL), LAYERS["community"], COMMUNITY) is None


@pytest.mark.parametrize(
    ("typed", "kind", "found"),
    [
        ("13800138000", "phone", ["supply_point/S1", "volunteer/V1"]),
        ("+86 138-0013-8000", "phone", ["supply_point/S1", "volunteer/V1"]),
        ("051266668888", "phone", ["party_unit/P1"]),
        ("1380013800", "phone", []),
        (ID_NUMBER.lower(), "id_number", ["volunteer/V1"]),
        ("欧阳明", "name", ["supply_point/S1", "volunteer/V1"]),
        (NAME, "name", ["volunteer/V1"]),
        ("诸葛", "name", ["party_unit/P1"]),
        ("无此人", "name", []),
    ],
)
def test_persons_are_found_by_whole_numbers_and_parts_of_names_in_the_own_area_only(people, typed, kind, found):
    hits = persons.search(people, become(people, HERE), LAYERS.values(), typed)
    assert (hits.kind, hits.complete) == (kind, True)
    assert sorted(f"{hit.layer}/{hit.code}" for hit in hits.items) == found
    shown = str(hits)
    assert not [person for person in (NAME, PHONE, ID_NUMBER, "13800138000", "司马欧阳明") if person in shown]
    [(chain, actor, subject, rows, detail)] = entries(people, "search")
    assert (chain, actor, subject, rows) == (COMMUNITY if found else "", "worker", "person", len(found))
    assert detail == {"kind": kind, "found": found}


@pytest.mark.parametrize("typed", ["", "欧", "123456", "a1"])
def test_what_is_neither_a_whole_number_nor_a_name_is_refused(people, typed):
    with pytest.raises(InvalidInput, match="whole phone"):
        persons.search(people, become(people, HERE), LAYERS.values(), typed)


def test_a_search_needs_its_verb_over_the_row_and_the_verb_of_the_layer(people):
    searches = Right(frozenset({"person.search"}), (COMMUNITY,))
    elsewhere = Actor("worker", (Right(frozenset({"volunteer.view"}), ("",)), searches))
    hits = persons.search(people, become(people, elsewhere), LAYERS.values(), "欧阳明")
    assert [hit.code for hit in hits.items] == ["V1"]  # V2 is seen, but not searched; S1 is not seen
    with pytest.raises(NotAllowed):
        persons.search(people, become(people, acting("x", {"volunteer.view"}, ("",))), LAYERS.values(), NAME)


def test_a_search_by_name_opens_a_bounded_number_of_rows_the_nearest_first_and_says_so(people, monkeypatch):
    monkeypatch.setattr(persons, "MAX_OPENED", 2)
    for number in range(3, 6):
        add_volunteer(people, f"V{number}", 120.6 + number / 100, 30.9, name=f"欧阳{number}", community=COMMUNITY)
    actor = become(people, acting("worker", {"volunteer.view", "person.search"}, (COMMUNITY,)))
    hits = persons.search(people, actor, LAYERS.values(), "欧阳", near=Position(120.65, 30.9))
    assert ([hit.code for hit in hits.items], hits.complete) == (["V5", "V4"], False)
    hits = persons.search(people, actor, LAYERS.values(), "欧阳")
    assert ([hit.code for hit in hits.items], hits.complete) == (["V1", "V3"], False)


def test_a_person_s_own_log_tells_who_saw_it_when_how_and_why(people):
    persons.search(people, become(people, HERE), LAYERS.values(), NAME)
    persons.reveal(people, become(people, HERE), VOLUNTEER, "V1", reason="=核实情况", task="T-7")
    persons.reveal(people, become(people, HERE), SUPPLY_POINT, "S1", reason="盘点联系")
    auditor = become(people, acting("auditor", {"audit.view"}, ("",)))
    seen = persons.seen(people, auditor, "volunteer", "V1")
    assert [(one.actor, one.action, one.reason, one.kind) for one in seen] == [
        ("worker", "reveal", "=核实情况", ""), ("worker", "search", "", "name"),
    ]  # fmt: skip
    assert persons.seen(people, auditor, "party_unit", "V1") == []
    rows = list(csv.DictReader(io.StringIO(persons.as_csv(seen))))
    assert (rows[0]["reason"], rows[0]["fields"]) == ("'=核实情况", "name phone id_number")
    with pytest.raises(NotAllowed):
        persons.seen(people, HERE, "volunteer", "V1")


# over HTTP


@pytest.fixture
def register(empty_database):
    with db.transaction(empty_database, LOCAL) as conn:
        add_community(conn)
        add_community(conn, OTHER)
        add_volunteer(conn, "V1", 120.6, 30.9, name=NAME, phone=PHONE, id_number=ID_NUMBER, community=COMMUNITY)
        add_volunteer(conn, "V2", 120.7, 30.9, name="欧阳明月", community=OTHER)
    with app_on(empty_database) as app:
        yield app, empty_database


def signed_in(register, *held: tuple[str, str]):
    app, engine = register
    client = client_of(app, session_of(engine, *held))
    html = client.get("/account").get_data(as_text=True)
    client.environ_base["HTTP_X_CSRF_TOKEN"] = html.partition('name="csrf" value="')[2].partition('"')[0]
    return client


def test_a_grid_worker_reveals_over_http_and_nobody_keeps_the_answer(register):
    worker = signed_in(register, ("grid_worker", COMMUNITY + "001"))
    found = worker.post("/api/v1/persons/volunteer/V1/reveal", json={"reason": "核实情况"})
    assert (found.status_code, found.headers["Cache-Control"]) == (200, "no-store")
    assert found.json["hide_after_s"] == 60
    assert {one["column"]: one["value"] for one in found.json["fields"]} == {
        "name": NAME, "phone": PHONE, "id_number": ID_NUMBER,
    }  # fmt: skip
    foreign = worker.post("/api/v1/persons/volunteer/V2/reveal", json={"reason": "核实情况"})
    missing = worker.post("/api/v1/persons/volunteer/V3/reveal", json={"reason": "核实情况"})
    assert foreign.status_code == missing.status_code == 404
    assert foreign.get_data().replace(b"V2", b"V3") == missing.get_data()
    assert worker.post("/api/v1/persons/volunteer/V1/reveal", json={"reason": "x"}).status_code == 422
    assert worker.post("/api/v1/persons/nothing/V1/reveal", json={"reason": "核实情况"}).status_code == 404


@pytest.mark.parametrize("role", ["building_head", "planner", "supervisor", "keeper", "volunteer", "auditor"])
def test_who_may_not_reveal_or_search_is_refused(register, role):
    client = signed_in(register, (role, "all" if role == "auditor" else COMMUNITY))
    assert client.post("/api/v1/persons/volunteer/V1/reveal", json={"reason": "核实情况"}).status_code == 403
    assert client.post("/api/v1/persons/search", json={"q": NAME}).status_code == 403


def test_a_reveal_from_another_page_is_refused(register):
    client = signed_in(register, ("commander", "all"))
    del client.environ_base["HTTP_X_CSRF_TOKEN"]
    found = client.post("/api/v1/persons/volunteer/V1/reveal", json={"reason": "核实情况"})
    assert (found.status_code, found.json["code"]) == (403, "csrf")


@pytest.mark.parametrize(
    "broken",
    [
        "DROP FUNCTION append_audit(text, text, text, bigint, text, text) CASCADE",
        "REVOKE EXECUTE ON FUNCTION append_audit(text, text, text, bigint, text, text) FROM PUBLIC, gridmap_service",
        "ALTER TABLE audit_entry ADD CONSTRAINT full_disk CHECK (action NOT IN ('reveal', 'search'))",
    ],
)
def test_nothing_of_a_person_is_shown_while_the_audit_cannot_be_written(register, broken):
    client = signed_in(register, ("commander", "all"))
    with register[1].begin() as conn:
        conn.execute(sa.text(broken))
    for found in (
        client.post("/api/v1/persons/volunteer/V1/reveal", json={"reason": "核实情况"}),
        client.post("/api/v1/persons/search", json={"q": NAME}),
    ):
        assert (found.status_code, found.json["code"]) == (503, "unavailable")
        assert not [text for text in (NAME, PHONE, ID_NUMBER, "欧**") if text in found.get_data(as_text=True)]


def test_the_auditor_s_page_and_file_tell_who_saw_a_person(register):
    worker = signed_in(register, ("grid_worker", COMMUNITY + "001"))
    worker.post("/api/v1/persons/volunteer/V1/reveal", json={"reason": "<b>核实情况</b>"})
    found = worker.post("/api/v1/persons/search", json={"q": NAME, "lon": 120.6, "lat": 30.9})
    assert [(item["name"], item["phone"], item["context"]) for item in found.json["items"]] == [
        ("欧**", "138****8000", "测试社区")
    ]
    auditor = signed_in(register, ("auditor", "all"))
    page = auditor.get("/persons/seen?layer=volunteer&code=V1&lang=en").get_data(as_text=True)
    assert "&lt;b&gt;核实情况&lt;/b&gt;" in page
    assert "2 looks" in page
    rows = list(
        csv.reader(io.StringIO(auditor.get("/persons/seen.csv?layer=volunteer&code=V1").get_data(as_text=True)))
    )
    assert len(rows) == 3
    items = auditor.get("/api/v1/persons/volunteer/V1/seen").json["items"]
    assert [(item["action"], item["kind"]) for item in items] == [("search", "name"), ("reveal", "")]
    assert auditor.get("/persons/seen?layer=volunteer&code=" + "x" * 101).status_code == 422
    assert worker.get("/persons/seen?layer=volunteer&code=V1").status_code == 403


def test_the_panel_offers_to_reveal_only_to_who_may(register):
    worker = signed_in(register, ("grid_worker", COMMUNITY + "001"))
    head = signed_in(register, ("building_head", COMMUNITY + "00001"))
    for client, offered in ((worker, True), (head, False)):
        panel = client.get("/panel/volunteer/V1").get_data(as_text=True)
        assert "138****8000" in panel
        assert ("data-reveal" in panel) == offered
        assert NAME not in panel
