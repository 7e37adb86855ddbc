"""The auditor's pages: filters, pages of entries, verification in parts, exports, and what is put on record by itself."""

import csv
import io
import json
import re
from datetime import date
from html import unescape

import pytest
import sqlalchemy as sa

from gridmap import audit, heads
from gridmap.access import LOCAL, acting
from gridmap.db import transaction
from gridmap.web import refusals, trail
from gridmap.web.refusals import Bound
from tests import factories
from tests.conftest import app_on, client_of, session_of
from tests.factories import COMMUNITY

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def office(empty_database, tmp_path):
    """A register with a few entries, and its auditor."""
    with transaction(empty_database, acting("wang.li", None, ("",))) as conn:
        factories.add_community(conn)
        factories.add_supply_point(conn, "S1", 120.6, 30.9)
        facts = {"file": HOSTILE, "reason": "=cmd()"}
        audit.record(conn, acting("wang.li", None, ("",)), "export", "building", rows=3, detail=facts)
    with app_on(empty_database) as app:
        settings = app.extensions["gridmap"]["settings"]
        app.extensions["gridmap"]["settings"] = settings.model_copy(update={"home": tmp_path})
        yield Office(empty_database, app, tmp_path)


class Office:
    def __init__(self, engine, app, home):
        self.engine, self.app, self.home = engine, app, home
        self.client = client_of(app, session_of(engine, ("auditor", "all"), name="watch"))

    def post(self, path: str, **form: str):
        csrf = re.search(r'name="csrf" value="(\w+)"', self.client.get("/account").get_data(as_text=True))[1]
        return self.client.post(path, data={"csrf": csrf, **form}, headers={"Accept": "text/html"})

    def entries(self, *actions: str) -> list:
        with self.engine.connect() as conn:
            query = sa.select(audit.table).order_by(audit.table.c.at)
            return [row for row in conn.execute(query) if not actions or row.action in actions]


def lines(answer) -> list[str]:
    """The entries of the page as texts."""
    body = answer.get_data(as_text=True).partition("<tbody>")[2]
    return [unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row))).strip() for row in body.split("</tr>")[:-1]]


def test_the_auditor_lands_on_the_entries_latest_first_in_words(office):
    assert office.client.get("/begin").location == "/audit"
    answer = office.client.get("/audit?lang=en&by=wang.li")
    found = lines(answer)
    assert len(found) == 3
    assert "exported Buildings" in found[0]
    assert f"file {HOSTILE}" in found[0]
    assert HOSTILE not in answer.get_data(as_text=True)
    assert "added Communities" in found[2]
    assert "1 row" in found[2]


@pytest.mark.parametrize(
    ("query", "subjects"),
    [("by=wang.li&action=insert", ["supply_point", "community"]), ("subject=building", ["building"]),
     (f"in={COMMUNITY[:6]}", ["community"]), ("by=wang.li&in=-", ["building", "supply_point"]), ("by=wang", []),
     ("until=2001-01-01", []), ("since=2001-01-01&by=wang.li&subject=community", ["community"]), ("since=2099-01-01", [])],
)  # fmt: skip
def test_entries_are_found_by_who_when_what_and_where(office, query, subjects):
    found = lines(office.client.get(f"/audit?lang=en&{query}"))
    titles = {"Communities": "community", "Supply points": "supply_point", "Buildings": "building"}
    assert [next(titles[title] for title in titles if f" {title} " in line) for line in found] == subjects


def test_moments_are_read_on_the_clock_of_shanghai(office):
    (entry,) = office.entries("export")
    here = entry.at.astimezone(trail.SHOWN_ZONE)
    minute = here.strftime("%Y-%m-%dT%H:%M")
    assert f"{here:%Y-%m-%d %H:%M:%S}" in lines(office.client.get("/audit?by=wang.li&action=export"))[0]
    assert len(lines(office.client.get(f"/audit?by=wang.li&action=export&since={minute}"))) == 1
    assert lines(office.client.get(f"/audit?by=wang.li&action=export&until={minute}")) == []
    assert len(lines(office.client.get(f"/audit?by=wang.li&action=export&until={here:%Y-%m-%d}"))) == 1  # the whole day


def test_an_account_stands_for_its_tokens_and_for_looking_as_others_and_no_other_account(office):
    for name in ("wang.li (map)", "wang.li as li.ming", "wang.lin"):
        with transaction(office.engine, acting(name, None, ("",))) as conn:
            audit.record(conn, acting(name, None, ("",)), "export", "building", rows=0, detail={})
    page = office.client.get("/audit?by=wang.li&action=export").get_data(as_text=True)
    assert "wang.li (map)" in page
    assert "wang.li as li.ming" in page
    assert "wang.lin" not in page


@pytest.mark.parametrize(
    "query", ["since=soon", "until=9999-99-99", "in=abc", "after=x", "after=2026-01-01~x~", "by=%00"]
)
def test_a_filter_that_cannot_be_says_so_on_the_page(office, query):
    answer = office.client.get(f"/audit?{query}", headers={"Accept": "text/html"})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.get_data(as_text=True)


def test_pages_of_entries_hold_each_entry_once(office):
    with transaction(office.engine, acting("busy", None, ("",))) as conn:
        for number in range(2 * trail.PAGE + 5):
            audit.record(conn, acting("busy", None, ("",)), "export", f"layer{number}", rows=0, detail={})
    seen, path = [], "/audit?by=busy&lang=en"
    while path:
        page = office.client.get(path).get_data(as_text=True)
        seen += re.findall(r'<span class="meta">(layer\d+)</span>', page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        path = unescape(following[1]) if following else None
    assert seen == [f"layer{number}" for number in reversed(range(2 * trail.PAGE + 5))]


def test_the_spreadsheet_holds_what_fits_escaped_and_is_itself_on_record(office):
    answer = office.client.get("/audit/entries.csv?by=wang.li")
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert rows[0][:4] == ["chain", "seq", "at", "actor"]
    assert [row[5] for row in rows[1:]] == ["building", "supply_point", "community"]
    assert json.loads(rows[1][8])["reason"] == "=cmd()"
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    entry = office.entries("export")[-1]
    assert (entry.actor, entry.subject, entry.rows) == ("watch", "audit_entry", 3)
    assert json.loads(entry.detail) == {"filter": {"by": "wang.li"}}
    whole = office.client.get("/audit/entries.csv").get_data(as_text=True)
    assert whole.count("audit_entry") == 1  # the export before; not the one that is being written


def test_the_heads_can_be_taken_away_and_that_is_on_record(office, tmp_path):
    answer = office.client.get("/audit/heads.json")
    path = tmp_path / "heads.json"
    path.write_bytes(answer.get_data())
    known = audit.read_heads(path)
    assert set(known) == {"", COMMUNITY}
    with transaction(office.engine, LOCAL) as conn:
        assert audit.gone(conn, LOCAL, known) == []
    assert office.entries("export")[-1].subject == "audit_heads"


def tamper(engine, change: str) -> None:
    with engine.begin() as conn:
        conn.execute(sa.text("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_kept"))
        conn.execute(sa.text(change))
        conn.execute(sa.text("ALTER TABLE audit_entry ENABLE TRIGGER audit_entry_kept"))


def test_verification_names_the_first_bad_entry_of_each_chain(office):
    page = office.post("/audit/verify?lang=en").get_data(as_text=True)
    assert "No entry was altered" in page
    tamper(office.engine, f"UPDATE audit_entry SET rows = 9 WHERE chain = '{COMMUNITY}' AND seq = 1")
    tamper(office.engine, "DELETE FROM audit_entry WHERE chain = '' AND seq = 2")
    found = lines(office.post("/audit/verify?lang=en"))
    assert found == ["– 3 The entry before it is missing.", f"{COMMUNITY} 1 It was altered, or the one before it."]
    assert json.loads(office.entries("verify")[-1].detail) == {"faults": 2}


def test_verification_compares_with_the_heads_that_were_kept(office):
    with transaction(office.engine, LOCAL) as conn:
        heads.keep(conn, office.home, date(2026, 11, 24))
    assert "Compared with the heads kept on 2026-11-24." in office.post("/audit/verify?lang=en").get_data(as_text=True)
    tamper(office.engine, f"DELETE FROM audit_entry WHERE chain = '{COMMUNITY}'")
    found = lines(office.post("/audit/verify?lang=en"))
    assert found == [f"{COMMUNITY} 1 The head that was kept is not in the chain: it was cut off or written anew."]


def test_a_long_verification_goes_on_in_parts_and_finds_what_one_reading_finds(office, monkeypatch):
    with transaction(office.engine, LOCAL) as conn:
        for number in range(12):
            factories.add_supply_point(conn, f"T{number}", 120.6, 30.9)
    tamper(office.engine, "UPDATE audit_entry SET rows = 9 WHERE chain = '' AND seq IN (3, 9)")
    monkeypatch.setattr(audit, "FETCHED_AT_ONCE", 4)
    monkeypatch.setattr(trail, "VERIFIED_FOR_S", -1.0)
    form, parts, counts = {}, 0, []
    while True:
        page = office.post("/audit/verify?lang=en", **form).get_data(as_text=True)
        parts, following = parts + 1, re.search(r'name="state" value="([^"]+)"', page)
        counts.append(int(re.search(r'<p role="status"><strong>([\d,]+)', page)[1]))
        if not following:
            break
        form = {"state": unescape(following[1])}
    assert parts > 3
    assert counts == sorted(counts)
    with transaction(office.engine, LOCAL) as conn:
        assert [(fault.chain, fault.seq) for fault in audit.verify(conn, LOCAL)[1]] == [("", 3)]
    assert "– 3 It was altered" in re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert len(office.entries("verify")) == 1


def test_a_state_that_the_service_did_not_make_is_refused(office):
    forged = 'aa:[["", 100], 100, []]'
    assert office.post("/audit/verify", state=forged).status_code == 422


def test_a_refused_request_is_on_record_without_its_query(office):
    office.client.get("/admin/accounts?q=secret")
    (entry,) = office.entries("refused")
    assert entry.actor == "watch"
    assert json.loads(entry.detail) == {"method": "GET", "path": "/admin/accounts", "status": 403}


def test_asking_for_a_code_outside_the_own_places_is_on_record_and_a_wrong_address_is_not(office):
    worker = client_of(office.app, session_of(office.engine, ("grid_worker", COMMUNITY + "001"), name="li.ming"))
    assert worker.get("/api/v1/layers/building/features/99010700100100001").status_code == 404
    assert worker.get("/nowhere").status_code == 404
    (entry,) = office.entries("not_found")
    assert (entry.actor, json.loads(entry.detail)["path"]) == (
        "li.ming",
        "/api/v1/layers/building/features/99010700100100001",
    )


def test_refusals_cannot_flood_the_audit(office):
    for _ in range(refusals.MOST_OF_ONE + 7):
        office.client.get("/admin/accounts")
    assert len(office.entries("refused")) == refusals.MOST_OF_ONE


def test_the_bound_holds_for_one_and_for_all_and_says_what_it_left_out():
    moment = 0.0
    bound = Bound(lambda: moment)
    assert sum(bound.admits("one") for _ in range(50)) == refusals.MOST_OF_ONE
    assert sum(bound.admits(f"n{number}") for number in range(200)) == refusals.MOST_OF_ALL - refusals.MOST_OF_ONE
    moment = refusals.WINDOW_S + 0.1
    assert bound.admits("one")
    assert bound.left_out() == 250 - refusals.MOST_OF_ALL
    assert bound.left_out() == 0


def test_signing_in_looking_as_another_and_signing_out_are_on_record(office):
    with transaction(office.engine, LOCAL) as conn:
        from gridmap.accounts import people

        people.add(conn, LOCAL, "li.ming", "Correct-horse-9")
    client = office.app.test_client()
    for password in ("wrong", "Correct-horse-9"):
        csrf = re.search(r'name="csrf" value="(\w+)"', client.get("/sign-in").get_data(as_text=True))[1]
        client.post("/sign-in", data={"csrf": csrf, "name": "li.ming", "password": password})
    found = [(entry.action, entry.actor) for entry in office.entries("sign_in", "sign_in_refused")]
    assert found == [("sign_in_refused", "sign-in"), ("sign_in", "li.ming")]


def test_the_language_of_a_page_that_came_after_a_form_can_be_changed(office):
    page = office.post("/audit/verify").get_data(as_text=True)
    assert '<a href="/audit?lang=en"' in page
