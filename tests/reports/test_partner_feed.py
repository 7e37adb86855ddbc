"""What partners get by token: each order as a CAP 1.2 alert, and the zones in force as GeoJSON, without persons."""

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
import shapely

from gridmap import db
from gridmap.access import LOCAL
from gridmap.accounts import grants, people, sessions
from gridmap.layers.closure_zone import lifecycle
from gridmap.layers.closure_zone.lifecycle import Plan
from gridmap.layers.closure_zone.scope import of_items
from gridmap.reports.notices.cap import NAMESPACE, without_holes
from tests import factories
from tests.conftest import app_on, copy_of
from tests.layers.test_closure_zone import SECOND
from tests.reports.test_notices import COMMANDER, DISTRICT, IDENTITY, NAME, PHONE, C, decision, step, zone_of

# CAP 1.2 (OASIS, 2010), section 3.4: the elements of each part in the order of the schema's sequence; True: required.
ALERT = {
    "identifier": True, "sender": True, "sent": True, "status": True, "msgType": True, "source": False, "scope": True,
    "restriction": False, "addresses": False, "code": False, "note": False, "references": False, "incidents": False, "info": False,
}  # fmt: skip
INFO = {
    "language": False, "category": True, "event": True, "responseType": False, "urgency": True, "severity": True,
    "certainty": True, "audience": False, "eventCode": False, "effective": False, "onset": False, "expires": False,
    "senderName": False, "headline": False, "description": False, "instruction": False, "web": False, "contact": False,
    "parameter": False, "resource": False, "area": False,
}  # fmt: skip
AREA = {"areaDesc": True, "polygon": False, "circle": False, "geocode": False, "altitude": False, "ceiling": False}
PAIR = {"valueName": True, "value": True}
WORDS = {
    "status": {"Actual", "Exercise", "System", "Test", "Draft"}, "scope": {"Public", "Restricted", "Private"},
    "msgType": {"Alert", "Update", "Cancel", "Ack", "Error"},
    "category": {"Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other"},
    "responseType": {"Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None"},
    "urgency": {"Immediate", "Expected", "Future", "Past", "Unknown"},
    "severity": {"Extreme", "Severe", "Moderate", "Minor", "Unknown"},
    "certainty": {"Observed", "Likely", "Possible", "Unlikely", "Unknown"},
}  # fmt: skip
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
PLAIN = re.compile(r"[^\s,<&]+")
LATITUDE_FIRST = re.compile(r"-?\d{1,2}(\.\d+)?,-?\d{1,3}(\.\d+)?")


def names_of(element: ET.Element) -> list[str]:
    assert all(child.tag.startswith(f"{{{NAMESPACE}}}") for child in element)
    return [child.tag.partition("}")[2] for child in element]


def check_part(element: ET.Element, form: dict[str, bool]) -> None:
    names = names_of(element)
    order = list(form)
    assert [order.index(name) for name in names] == sorted(order.index(name) for name in names)
    assert [name for name, is_required in form.items() if is_required and name not in names] == []
    for child, name in zip(element, names, strict=True):
        if name in WORDS:
            assert child.text in WORDS[name]
        if not len(child):
            assert (child.text or "").strip(), name


def check_cap(xml: bytes) -> ET.Element:
    """Hold an alert to the rules of the schema and of section 3.2, and return it."""
    assert xml.startswith(b"<?xml")
    alert = ET.fromstring(xml)
    assert alert.tag == f"{{{NAMESPACE}}}alert"
    check_part(alert, ALERT)
    assert PLAIN.fullmatch(said(alert, "identifier"))
    assert PLAIN.fullmatch(said(alert, "sender"))
    assert MOMENT.fullmatch(said(alert, "sent"))
    assert (said(alert, "scope") == "Restricted") == (alert.find("{*}restriction") is not None)
    assert (said(alert, "msgType") == "Alert") == (alert.find("{*}references") is None)
    for info in alert.findall("{*}info"):
        check_part(info, INFO)
        for name in ("effective", "onset", "expires"):
            assert all(MOMENT.fullmatch(one.text or "") for one in info.findall(f"{{*}}{name}"))
        for pair in (*info.findall("{*}parameter"), *info.iterfind(".//{*}geocode")):
            check_part(pair, PAIR)
        for area in info.findall("{*}area"):
            check_part(area, AREA)
            rings = [(one.text or "").split(" ") for one in area.findall("{*}polygon")]
            assert rings
            for ring in rings:
                assert len(ring) >= 4
                assert ring[0] == ring[-1]
                assert all(LATITUDE_FIRST.fullmatch(pair) for pair in ring)
                assert all(
                    30 < float(pair.split(",")[0]) < 32 and 120 < float(pair.split(",")[1]) < 122 for pair in ring
                )
    return alert


def said(element: ET.Element, path: str) -> str:
    return element.findtext("/".join(f"{{*}}{name}" for name in path.split("/"))) or ""


class Partner:
    """A program with a token of an account that holds one role at one place."""

    def __init__(self, town, role="supervisor", place=C):
        with db.transaction(town.engine, LOCAL) as conn:
            account = people.add(conn, LOCAL, f"partner-{role}-{place}", None)
            grants.give(conn, LOCAL, account, role, place)
            self.headers = {"Authorization": f"Bearer {sessions.make_token(conn, account, days=1)}"}
        self.client = town.app.test_client()

    def get(self, path, **headers):
        return self.client.get(f"/api/v1/closure_zones/{path}", headers=self.headers | headers)


class Town:
    """Three buildings, the first with a zone by number 1 to 3 orders, of which the second extends and the third releases."""

    def __init__(self, engine):
        self.engine = engine
        with db.transaction(engine, LOCAL) as conn:
            community = factories.add_community(conn)
            for number in range(1, 4):
                building = factories.add_building(conn, community, number, lon=120.6 + number * 0.0005, units=2)
                factories.add_household(conn, building, number=number)
            self.ends = datetime.now(UTC) + timedelta(days=3)
            self.ended = zone_of(conn, [f"{C}00001"], decision(ends_at=self.ends))
            later = decision(doc_no="第4号", ends_at=self.ends + timedelta(days=7), published=None)
            step(conn, DISTRICT, self.ended, "extend", later)
            step(conn, COMMANDER, self.ended, "propose_release")
            step(conn, SECOND, self.ended, "release", decision(doc_no="第5号"))
            self.held = zone_of(conn, [f"{C}0000201", f"{C}00003010101"], name=f"{PHONE}二号区")
            self.coming = zone_of(conn, [f"{C}00003"], decision(effective_at=datetime.now(UTC) + timedelta(days=2)))
            self.draft = lifecycle.draft(
                conn, COMMANDER, Plan("草拟", "control", of_items(conn, COMMANDER, [f"{C}00002"]))
            )


@pytest.fixture(scope="module")
def town(cluster, migrated):
    with copy_of(cluster, migrated) as engine:
        made = Town(engine)
        with app_on(engine) as made.app:
            yield made


@pytest.fixture(scope="module")
def partner(town):
    return Partner(town)


def alert_of(partner, code, number):
    answer = partner.get(f"{code}/cap?order={number}")
    assert (answer.status_code, answer.mimetype) == (200, "application/cap+xml")
    return check_cap(answer.data)


def test_the_life_of_a_zone_is_told_as_alert_update_and_cancel(town, partner):
    first, second, third = (alert_of(partner, town.ended, n) for n in (1, 2, 3))
    assert [said(one, "msgType") for one in (first, second, third)] == ["Alert", "Update", "Cancel"]
    reference = f"{said(first, 'sender')},{said(first, 'identifier')},{said(first, 'sent')}"
    assert said(second, "references") == reference
    assert said(third, "references").split(" ")[0] == reference
    assert len(said(third, "references").split(" ")) == 2
    assert said(third, "info/responseType") == "AllClear"
    assert len({said(one, "identifier") for one in (first, second, third)}) == 3


def test_an_alert_ends_with_its_order_and_one_until_notice_does_not(town, partner):
    expires = said(alert_of(partner, town.ended, 1), "info/expires")
    assert abs(datetime.fromisoformat(expires) - town.ends) < timedelta(seconds=1)
    until_notice = alert_of(partner, town.held, 1)
    assert until_notice.find("{*}info/{*}expires") is None
    assert "until_notice" in [one.text for one in until_notice.iterfind("{*}info/{*}parameter/{*}value")]
    assert said(alert_of(partner, town.coming, 1), "info/urgency") == "Future"


def test_an_alert_without_recorded_publication_is_restricted(town, partner):
    assert said(alert_of(partner, town.ended, 1), "scope") == "Public"
    assert said(alert_of(partner, town.ended, 2), "scope") == "Restricted"


def test_its_polygons_cover_the_zone_and_nothing_else(town, partner):
    (feature,) = (one for one in partner.get("feed").json["features"] if one["id"] == town.held)
    rings = [one.text.split(" ") for one in alert_of(partner, town.held, 1).iterfind(".//{*}polygon")]
    drawn = shapely.union_all([shapely.Polygon([map(float, pair.split(",")[::-1]) for pair in ring]) for ring in rings])
    zone = shapely.from_geojson(__import__("json").dumps(feature["geometry"]))
    assert drawn.symmetric_difference(zone).area < 1e-9 * zone.area


def test_an_area_with_holes_is_cut_into_rings_that_cover_it_exactly():
    hole = [(1, 1), (1, 2), (2, 2), (2, 1), (1, 1)]
    other = [(1.2, 3), (1.2, 4), (3, 4), (3, 3), (1.2, 3)]
    area = shapely.MultiPolygon(
        [([(0, 0), (5, 0), (5, 5), (0, 5), (0, 0)], [hole, other]), ([(7, 7), (8, 7), (8, 8), (7, 7)], [])]
    )
    parts = without_holes(area)
    assert all(not part.interiors for part in parts)
    assert shapely.union_all(parts).equals(area)
    assert sum(part.area for part in parts) == pytest.approx(area.area, rel=1e-12)


def test_the_feed_has_the_zones_in_force_only_and_no_person(town, partner):
    answer = partner.get("feed")
    assert answer.mimetype == "application/geo+json"
    body = answer.json
    assert [one["id"] for one in body["features"]] == [town.held]
    told = body["features"][0]["properties"]
    assert told["until_notice"] is True
    assert told["ends_at"] is None
    assert told["scope_text"] == "2幢1单元、3幢1单元"
    assert told["legal_basis"].endswith("第六十三条")
    for text in (answer.get_data(as_text=True), partner.get(f"{town.held}/cap").get_data(as_text=True)):
        for kept in (NAME, PHONE, IDENTITY, "0101", "101室", "确诊", "reason", "changed_by"):
            assert kept not in text, kept
    assert partner.get(told["cap"].removeprefix("/api/v1/closure_zones/")).status_code == 200


def test_the_feed_is_held_to_the_tokens_own_rights(town, partner):
    other = Partner(town, place="990106001002")
    assert other.get("feed").json["features"] == []
    assert other.get(f"{town.held}/cap").status_code == 404
    assert partner.client.get("/api/v1/closure_zones/feed").status_code == 401
    administrator = Partner(town, "auditor", "")
    assert administrator.get("feed").status_code == 403


def test_a_second_look_at_the_feed_costs_nothing(partner):
    first = partner.get("feed")
    again = partner.get("feed", **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_the_feed_looks_back(town, partner):
    before = "2026-01-01T00:00:00+08:00"
    assert (
        partner.client.get("/api/v1/closure_zones/feed", query_string={"as_of": before}, headers=partner.headers).json[
            "features"
        ]
        == []
    )


def test_a_draft_has_no_alert(town, partner):
    assert partner.get(f"{town.draft}/cap").status_code == 409
