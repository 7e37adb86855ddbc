"""An import by its pages: looked at, checked, taken over in part or whole, cancelled, taken back."""

import io
import threading
import time

import openpyxl
import pytest
import sqlalchemy as sa

from gridmap import db
from gridmap.access import LOCAL
from gridmap.intake import files, jobs, worker
from gridmap.intake.tables import import_job
from gridmap.layers import LAYERS
from tests.conftest import client_of, session_of
from tests.exchange.making import COMMUNITY, geojson, house, query, rows_of, shapefile, table, take

HOUSES = [(house(121.5 + n / 1000, 31.24), {"名称": f"{n}栋", "层数": 6 + n}) for n in range(1, 4)]


def everything(engine) -> dict[str, str]:
    names = [*LAYERS, "building_estate", "building_volunteer", "stock_count", "household_priority"]
    sums = "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} AS t"
    return {name: query(engine, sums.format(name))[0][0] for name in names}


def test_a_file_is_looked_at_checked_and_taken_over(wizard, district, tmp_path):
    page = wizard.page_of(wizard.upload("building", geojson(tmp_path / "楼栋.geojson", *HOUSES)))
    first = wizard.client.get(page).text
    assert "楼栋.geojson" in first
    assert "The file does not say: please choose" in wizard.client.get(f"{page}?lang=en").text
    before = everything(district)
    wizard.page_of(wizard.post(page, "check", crs="EPSG:4490", **wizard.mapped(page)))
    assert wizard.state(page)["state"] == "waiting"
    wizard.work()
    assert wizard.state(page)["state"] == "checked"
    assert everything(district) == before
    wizard.page_of(wizard.post(page, "store"))
    wizard.work()
    assert wizard.state(page)["state"] == "stored"
    assert rows_of(district, "building", "name", "floors", "source") == [
        (f"{n}栋", 6 + n, "楼栋.geojson") for n in range(1, 4)
    ]
    assert not list((wizard.home / files.FOLDER).rglob("upload*"))


def test_loose_parts_of_a_shapefile_are_one_file(wizard, district, tmp_path):
    path = shapefile(tmp_path / "楼.shp", [house(121.5, 31.24)], {"名称": ["甲栋"]}, encoding="GBK")
    wizard.through("building", *sorted(tmp_path.glob("楼.*")), crs="EPSG:4326")
    assert rows_of(district, "building", "name") == [("甲栋",)]
    answer = wizard.upload("building", path)
    assert (answer.status_code, ".shx" in answer.text) == (422, True)


def test_columns_are_mapped_by_hand_and_remembered_for_the_same_headings(wizard, district, tmp_path):
    rows = [["楼名", "高", "lon", "lat"], ["幸福楼", "6", "121.5", "31.24"]]
    page = wizard.page_of(wizard.upload("supply_point", table(tmp_path / "a.csv", rows)))
    chosen = {**wizard.mapped(page, 楼名="name"), "crs": "GCJ-02", "assign": "kind=clinic"}
    wizard.page_of(wizard.post(page, "check", **chosen))
    wizard.work()
    assert wizard.state(page)["state"] == "checked"
    again = wizard.page_of(
        wizard.upload("supply_point", table(tmp_path / "b.csv", [rows[0], ["安康楼", "3", "121.51", "31.25"]]))
    )
    assert wizard.mapped(again)["column-0"] == "name"
    text = wizard.client.get(again).text
    assert "kind=clinic" in text
    assert '<option value="GCJ-02" selected>' in text


def test_refused_rows_are_shown_and_come_back_in_the_same_spreadsheet(wizard, district, tmp_path):
    rows = [["名称", "层数", "lon", "lat", "wkt"]]
    for n, floors in enumerate(("6", "很高", "7"), start=1):
        ring = house(121.5 + n / 1000, 31.24)["coordinates"][0]
        rows.append([f"{n}栋", floors, "", "", "POLYGON((" + ",".join(f"{x} {y}" for x, y in ring) + "))"])
    page = wizard.page_of(wizard.upload("building", table(tmp_path / "a.csv", rows)))
    wizard.page_of(wizard.post(page, "check", crs="EPSG:4490", **wizard.mapped(page)))
    wizard.work()
    text = wizard.client.get(f"{page}?lang=en").text
    assert "This is not a whole number." in text
    assert "不是整数" in text
    with wizard.client.get(f"{page}/reasons.xlsx") as answer:
        book = openpyxl.load_workbook(io.BytesIO(answer.data))
    [_, refused, *rest] = list(book.worksheets[0].iter_rows(values_only=True))
    assert refused[0] == 3
    assert "不是整数" in refused[-2]
    assert len(rest) == 2
    wizard.page_of(wizard.post(page, "store"))  # not in part: nothing is taken
    wizard.work()
    assert rows_of(district, "building") == []
    wizard.page_of(wizard.post(page, "store", partial="yes"))
    wizard.work()
    assert [name for (name,) in rows_of(district, "building", "name")] == ["1栋", "3栋"]


def test_the_share_of_positions_inside_speaks_for_the_offset_system(wizard, district, tmp_path):
    from gridmap import crs

    gcj = crs.system("GCJ-02")
    spots = [crs.from_storage(gcj, lon, 31.2401) for lon in (121.4803, 121.481, 121.51)]
    rows = [["name", "kind", "lon", "lat"], *[["点", "clinic", float(lon), float(lat)] for lon, lat in spots]]
    south = [["点", "clinic", float(lon), float(lat)] for lon, lat in (crs.from_storage(gcj, 121.49, 31.2204),)]
    north = [["点", "clinic", float(lon), float(lat)] for lon, lat in (crs.from_storage(gcj, 121.5398, 31.23),)]
    page = wizard.page_of(wizard.upload("supply_point", table(tmp_path / "a.csv", rows + south + north)))
    found = wizard.client.get(f"{page}/shares").json
    shares = {item["system"]: item["share"] for item in found["items"]}
    assert shares["GCJ-02"] == 1.0
    assert shares["EPSG:4490"] < 1.0
    assert found["proposal"] == "GCJ-02"
    preview = wizard.client.get(f"{page}/preview?crs=GCJ-02").json
    assert preview["features"][0]["geometry"]["coordinates"] == pytest.approx([121.4803, 31.2401], abs=1e-6)


def test_another_persons_import_does_not_exist(wizard, district, tmp_path):
    page = wizard.page_of(wizard.upload("building", geojson(tmp_path / "a.geojson", *HOUSES)))
    other = client_of(wizard.app, session_of(district, ("commander", "310115")))
    missing = page[:-12] + "000000000000"
    for step in ("", "/state", "/preview", "/shares", "/reasons.xlsx"):
        assert (other.get(page + step).status_code, other.get(page + step).text[-500:]) == (
            404,
            other.get(missing + step).text[-500:],
        )
    assert "a.geojson" not in other.get("/import").text


def test_rows_outside_the_own_area_are_refused_also_by_the_worker(wizard, district, tmp_path):
    worker_client = client_of(wizard.app, session_of(district, ("grid_worker", f"{COMMUNITY}001")))
    wizard.client = worker_client
    import re

    wizard.csrf = re.search(r'name="csrf" value="(\w+)"', worker_client.get("/import?layer=building").text)[1]
    page = wizard.page_of(
        wizard.upload(
            "building",
            geojson(
                tmp_path / "a.geojson", (house(121.5, 31.24), {"名称": "内"}), (house(121.53, 31.24), {"名称": "外"})
            ),
        )
    )
    wizard.page_of(wizard.post(page, "check", crs="EPSG:4490", **wizard.mapped(page)))
    wizard.work()
    text = worker_client.get(f"{page}?lang=en").text
    assert "This place is outside your area." in text


def test_a_right_that_ended_ends_the_import_too(wizard, district, tmp_path):
    page = wizard.page_of(wizard.upload("building", geojson(tmp_path / "a.geojson", *HOUSES)))
    wizard.page_of(wizard.post(page, "check", crs="EPSG:4490", **wizard.mapped(page)))
    with db.transaction(district, LOCAL) as conn:
        conn.execute(
            sa.text(
                "UPDATE access_grant SET valid_to = clock_timestamp(), valid_from = least(valid_from, clock_timestamp())"
            )
        )
    job = jobs.claim(wizard.engine)
    worker.work(wizard.engine, wizard.layers, wizard.home, job)
    with db.transaction(district, LOCAL) as conn:
        state, trouble = conn.execute(sa.select(import_job.c.state, import_job.c.trouble)).one()
    assert state == "failed"
    assert "has ended" in trouble
    assert rows_of(district, "building") == []


@pytest.mark.alone
def test_an_import_is_cancelled_within_two_seconds_and_nothing_is_stored(wizard, district, tmp_path):
    page = wizard.page_of(wizard.upload("building", geojson(tmp_path / "a.geojson", *HOUSES)))
    wizard.page_of(wizard.post(page, "check", crs="EPSG:4490", **wizard.mapped(page)))
    wizard.work()
    with db.transaction(district, LOCAL) as blocker:  # another import under way: this one waits in a statement
        blocker.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext("import building"))))
        wizard.page_of(wizard.post(page, "store"))
        running = threading.Thread(target=wizard.work)
        running.start()
        while wizard.state(page)["state"] != "running":
            time.sleep(0.05)
        time.sleep(0.3)
        wizard.page_of(wizard.post(page, "cancel"))
        asked = time.monotonic()
        running.join(timeout=10)
        took = time.monotonic() - asked
    assert wizard.state(page)["state"] == "cancelled"
    assert took < 5  # two seconds on a machine of its own
    assert rows_of(district, "building") == []


def test_an_import_whose_worker_was_killed_is_taken_up_again(wizard, district, tmp_path):
    page = wizard.page_of(wizard.upload("building", geojson(tmp_path / "a.geojson", *HOUSES)))
    wizard.page_of(wizard.post(page, "check", crs="EPSG:4490", **wizard.mapped(page)))
    lost = jobs.claim(wizard.engine)
    assert jobs.claim(wizard.engine) is None
    with db.transaction(district, LOCAL) as conn:
        conn.execute(sa.update(import_job).values(beat_at=sa.func.clock_timestamp() - jobs.PULSE * 2))
    wizard.work()
    assert wizard.state(page)["state"] == "checked"
    worker.work(wizard.engine, wizard.layers, wizard.home, lost)  # the first comes back late: it changes nothing
    assert wizard.state(page)["state"] == "checked"
    with db.transaction(district, LOCAL) as conn:
        assert conn.scalar(sa.select(import_job.c.attempts)) == 2


def test_a_worker_that_dies_each_time_is_not_asked_for_ever(wizard, district, tmp_path):
    page = wizard.page_of(wizard.upload("building", geojson(tmp_path / "a.geojson", *HOUSES)))
    wizard.page_of(wizard.post(page, "check", crs="EPSG:4490", **wizard.mapped(page)))
    for _ in range(jobs.MAX_ATTEMPTS):
        assert jobs.claim(wizard.engine) is not None
        with db.transaction(district, LOCAL) as conn:
            conn.execute(sa.update(import_job).values(beat_at=sa.func.clock_timestamp() - jobs.PULSE * 2))
    wizard.work()
    assert wizard.state(page)["state"] == "failed"


def test_taking_back_an_import_returns_every_row(wizard, district, tmp_path):
    take(
        district,
        "building",
        geojson(tmp_path / "old.geojson", (house(121.501, 31.24), {"code": f"{COMMUNITY}00001", "名称": "旧名"})),
    )
    take(district, "household", table(tmp_path / "h.csv", [["building", "unit", "room"], ["旧名", "1", "101"]]))
    before = (
        rows_of(district, "building", "code", "name", "floors", "geom"),
        rows_of(district, "household", "code", "geom"),
    )
    moved = (house(121.502, 31.245), {"code": f"{COMMUNITY}00001", "名称": "新名", "层数": 9})
    page = wizard.through("building", geojson(tmp_path / "new.geojson", moved, *HOUSES[1:]))
    assert len(rows_of(district, "building")) == 3
    assert rows_of(district, "household", "geom") != [row[1:] for row in before[1]]  # it moved with its building
    wizard.page_of(wizard.post(page, "undo"))
    wizard.work()
    assert wizard.state(page)["state"] == "undone"
    assert (
        rows_of(district, "building", "code", "name", "floors", "geom"),
        rows_of(district, "household", "code", "geom"),
    ) == before
    again = wizard.through("building", geojson(tmp_path / "new.geojson", moved, *HOUSES[1:]))
    assert wizard.state(again)["state"] == "stored"


def test_taking_back_leaves_what_somebody_changed_since_and_what_is_in_use(wizard, district, tmp_path):
    page = wizard.through("building", geojson(tmp_path / "a.geojson", *HOUSES))
    take(
        district,
        "building",
        geojson(tmp_path / "b.geojson", (house(121.501, 31.24), {"code": f"{COMMUNITY}00001", "层数": 30})),
    )
    take(district, "household", table(tmp_path / "h.csv", [["building", "unit", "room"], ["2栋", "1", "101"]]))
    wizard.page_of(wizard.post(page, "undo"))
    wizard.work()
    assert [name for (name,) in rows_of(district, "building", "name")] == ["1栋", "2栋"]
    text = wizard.client.get(f"{page}?lang=en").text
    assert f"{COMMUNITY}00001" in text
    assert f"{COMMUNITY}00002" in text
    assert f"{COMMUNITY}00003" not in text


def test_taking_back_counts_and_pairs_returns_them(wizard, district, tmp_path):
    take(district, "building", geojson(tmp_path / "b.geojson", *HOUSES))
    heading = ["code", "name", "kind", "lon", "lat", "item", "quantity", "counted_on"]
    point = [f"S{COMMUNITY}-01", "站", "clinic", "121.5", "31.24"]
    take(district, "supply_point", table(tmp_path / "s.csv", [heading, [*point, "饮用水", "40", "2026-03-01"]]))
    take(
        district,
        "volunteer",
        table(
            tmp_path / "v.csv", [["code", "name", "lon", "lat", "buildings"], ["V1", "王芳", "121.5", "31.24", "1栋"]]
        ),
    )
    counts, pairs = (
        "SELECT item_code, counted_on, quantity FROM stock_count ORDER BY 1, 2",
        "SELECT building_id, volunteer_id FROM building_volunteer",
    )
    before = query(district, counts), query(district, pairs)
    one = wizard.through(
        "supply_point",
        table(
            tmp_path / "s2.csv", [heading, [*point, "饮用水", "7", "2026-03-01"], [*point, "饮用水", "9", "2026-03-02"]]
        ),
    )
    two = wizard.through(
        "volunteer",
        table(
            tmp_path / "v2.csv",
            [["code", "name", "lon", "lat", "buildings"], ["V1", "王芳", "121.5", "31.24", "2栋;3栋"]],
        ),
    )
    assert (query(district, counts), query(district, pairs)) != before
    for page in (one, two):
        wizard.page_of(wizard.post(page, "undo"))
    wizard.work()
    assert (query(district, counts), query(district, pairs)) == before


def test_what_was_not_stored_can_be_discarded_with_its_file(wizard, district, tmp_path):
    page = wizard.page_of(wizard.upload("building", geojson(tmp_path / "a.geojson", *HOUSES)))
    assert list((wizard.home / files.FOLDER).iterdir())
    wizard.page_of(wizard.post(page, "discard"))
    assert not list((wizard.home / files.FOLDER).iterdir())
    assert wizard.client.get(page).status_code == 404


def test_files_that_nobody_touched_for_a_week_are_swept_away(wizard, tmp_path):
    page = wizard.page_of(wizard.upload("building", geojson(tmp_path / "a.geojson", *HOUSES)))
    assert files.sweep(wizard.home) == 0
    assert files.sweep(wizard.home, time.time() + files.KEPT_S + 60) == 1
    assert wizard.client.get(f"{page}/preview").status_code == 404
    assert wizard.client.get(page).status_code == 200


def test_who_may_not_change_the_layer_uploads_nothing(wizard, district, tmp_path):
    client = client_of(wizard.app, session_of(district, ("party_member", "310115")))
    body = io.BytesIO(b"--x\r\n" + b"y" * 2_000_000)
    answer = client.post("/import/building", input_stream=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code in (403, 413)
    assert not (wizard.home / files.FOLDER).exists()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_first_page_names_the_layers_a_person_may_change(wizard, district, lang):
    text = wizard.client.get(f"/import?layer=building&lang={lang}").text
    assert "/import/template/building.xlsx" in text
    assert wizard.client.get("/import/template/building.xlsx").data[:2] == b"PK"
    keeper = client_of(wizard.app, session_of(district, ("party_member", "310115")))
    assert "/import/template" not in keeper.get("/import").text
