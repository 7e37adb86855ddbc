"""Reads that look back: what stood then, under the same rule, from every door."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from gridmap import db, history
from gridmap.access import LOCAL
from gridmap.editing import Edit, change, create, retire
from gridmap.layers import LAYERS
from tests.conftest import app_on, client_of, session_of
from tests.exchange.making import COMMUNITY, house, spot

LEFT, RIGHT, LAT = 121.49, 121.53, 31.24


@pytest.fixture(scope="module")
def codes(demo):
    """A code of each layer of the demo district."""
    with demo.connect() as conn:
        return {
            layer.name: conn.scalar(sa.select(layer.table.c.code).where(layer.current()).order_by("code").limit(1))
            for layer in LAYERS.values()
        }


def addresses(codes) -> list[str]:
    at = "lon=120.6&lat=30.9"
    found = [f"/api/v1/layers/{name}/features/{code}" for name, code in codes.items()]
    found += [f"/api/v1/layers/{name}/features?limit=50" for name in codes]
    found += [f"/panel/{name}/{code}" for name, code in codes.items()]
    found += ["/tiles/building,party_unit,household,supply_point,volunteer/16/54718/26852.mvt"]
    found += ["/api/v1/layers/counts?bbox=120.5,30.8,120.7,31", "/api/v1/search?q=1", f"/api/v1/places/at?{at}"]
    found += [f"/api/v1/nearest/supply_point?{at}", f"/api/v1/covering/volunteer?{at}", f"/panel/position?{at}"]
    found += [f"/api/v1/buildings/{codes['building']}/{last}" for last in ("nearest/supply_point", "volunteers")]
    return found


def steady(answer) -> bytes | dict:
    body = answer.get_json(silent=True)
    if isinstance(body, dict):
        body.pop("as_of", None)
        body.pop("links", None)
        return body
    return re.sub(rb"<button[^>]*data-edit=.*?</button>\s*|\n\s*", b"", answer.data)  # nothing is changed in the past


def test_a_moment_ago_every_door_answered_what_it_answers_now(client, codes):
    for path in addresses(codes):
        moment = quote(datetime.now(UTC).isoformat())
        now, then = client.get(path), client.get(f"{path}{'&' if '?' in path else '?'}as_of={moment}")
        assert (now.status_code, then.status_code) == (200, 200), (path, then.get_data(as_text=True)[:300])
        assert steady(then) == steady(now), path


def test_before_anything_was_stored_there_was_nothing(client, codes):
    for path in addresses(codes):
        answer = client.get(f"{path}{'&' if '?' in path else '?'}as_of=2001-01-01T00:00:00Z")
        assert answer.status_code in (200, 404), path
        if "/features/" in path or path.startswith("/panel/building"):
            assert answer.status_code == 404, path
        if path.startswith("/tiles"):
            assert answer.data == b""


@pytest.mark.parametrize(
    "moment", ["yesterday", "2026-03-01", "2026-03-01T08:00:00", "2999-01-01T00:00:00Z", "0001-01-01T00:00:00Z"]
)
def test_what_is_no_past_moment_is_refused(client, moment):
    answer = client.get(f"/api/v1/layers/building/features?as_of={moment}")
    assert (answer.status_code, answer.json["where"]) == (422, "as_of")


def acted(engine, act, layer, *how):
    """Change something and return the moment just after it."""
    with db.transaction(engine, LOCAL) as conn:
        done = act(conn, LOCAL, LAYERS[layer], *how)
    with engine.connect() as conn:
        return done, conn.scalar(sa.func.clock_timestamp())


@pytest.fixture
def past(district):
    """A supply point that moved and was retired, and the moments between."""
    made, first = acted(district, create, "supply_point", Edit({"name": "东站", "kind": "store"}, spot(LEFT, LAT)))
    _, second = acted(district, change, "supply_point", made.code, 1, Edit({"name": "西站"}, spot(RIGHT, LAT)))
    _, third = acted(district, retire, "supply_point", made.code, 2)
    return district, made.code, (first, second, third)


def test_each_moment_shows_its_own_version(past):
    engine, code, (first, second, third) = past
    with app_on(engine) as app:
        client = client_of(app, session_of(engine, ("commander", "all")))

        def seen(moment):
            when = quote(moment.isoformat())
            answer = client.get(f"/api/v1/layers/supply_point/features/{code}?as_of={when}")
            listed = client.get(f"/api/v1/layers/supply_point/features?as_of={when}").json["features"]
            near = client.get(f"/api/v1/nearest/supply_point?lon={LEFT}&lat={LAT}&as_of={when}").json["items"]
            found = client.get(f"/api/v1/search?q={quote('站')}&as_of={when}").json["items"]
            assert len(listed) == len(near) == len(found) == (answer.status_code == 200)
            return answer.json["properties"]["name"] if answer.status_code == 200 else None

        assert [seen(first), seen(second), seen(third)] == ["东站", "西站", None]
        assert seen(first - timedelta(hours=1)) is None


def test_the_past_is_held_to_the_same_places(past):
    engine, code, (first, *_) = past
    with app_on(engine) as app:
        client = client_of(app, session_of(engine, ("grid_worker", "310115005002001")))
        path = f"/api/v1/layers/supply_point/features/{code}?as_of={quote(first.isoformat())}"
        assert client.get(path).status_code == 404


def test_a_building_had_the_households_that_stood_in_it_then(district):
    building, _ = acted(district, create, "building", Edit({"name": "1幢"}, house(LEFT, LAT)))
    home, full = acted(
        district, create, "household", Edit({"building": building.code, "room": "101", "people_count": 3})
    )
    _, empty = acted(district, retire, "household", home.code, 1)
    with app_on(district) as app:
        client = client_of(app, session_of(district, ("commander", "all")))
        texts = [
            client.get(f"/panel/building/{building.code}?lang=en&as_of={quote(moment.isoformat())}").get_data(
                as_text=True
            )
            for moment in (full, empty)
        ]
    assert "<strong>3</strong> people" in texts[0]
    assert "<strong>0</strong> people" in texts[1]


def test_a_party_unit_covered_what_it_covered_then(district):
    unit, covered = acted(
        district, create, "party_unit", Edit({"name": "社区党委", "level": "committee", "community": COMMUNITY})
    )
    _, gone = acted(district, retire, "party_unit", unit.code, 1)
    with app_on(district) as app:
        client = client_of(app, session_of(district, ("commander", "all")))
        tiles = [
            client.get(f"/tiles/party_unit/12/3430/1673.mvt?as_of={quote(moment.isoformat())}").data
            for moment in (covered, gone)
        ]
    assert len(tiles[0]) > 0
    assert tiles[1] == b""


def test_looking_back_uses_the_indexes_of_present_and_former_rows(demo):
    table = LAYERS["building"].table
    box = sa.func.ST_MakeEnvelope(120.6, 30.9, 120.6001, 30.9001, 4490)
    query = sa.select(table.c.code).where(table.c.geom.op("&&")(box), table.c.valid_to.is_(None))
    asked = history.as_it_was(query, datetime.now(UTC))
    with demo.connect() as conn:
        conn.execute(sa.text("SET LOCAL enable_seqscan = off"))
        compiled = asked.compile(demo, compile_kwargs={"literal_binds": False})
        plan = "\n".join(conn.exec_driver_sql(f"EXPLAIN {compiled}", compiled.params).scalars())
    assert "building_geom_idx" in plan
    assert "building_version_geom_idx" in plan


def test_who_looks_back_changes_nothing_and_asks_no_plain_sql(demo):
    with demo.connect() as conn:
        history.look_back(conn, datetime.now(UTC))
        with pytest.raises(ValueError, match="reads"):
            conn.execute(sa.text("SELECT 1"))
        with pytest.raises(ValueError, match="reads"):
            conn.execute(sa.update(LAYERS["building"].table).values(name="x"))
