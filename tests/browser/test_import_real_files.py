"""Files nobody in this project wrote, through the import pages in a real browser, from the file to the rows."""

import json
import re
import zipfile

import pytest
import sqlalchemy as sa

from gridmap.layers import LAYERS
from tests.conftest import copy_of, serving, session_of
from tests.exchange.making import COMMUNITY, box, geojson, query, table, take

SHANGHAI, SHENZHEN = (120.8, 30.6, 122.1, 31.9), (113.7, 22.3, 114.7, 22.9)
PATIENCE_MS = 240_000


@pytest.fixture(scope="module")
def service(cluster, migrated, tmp_path_factory):
    """A service on a register with one large community around Shanghai and one around Shenzhen."""
    folder = tmp_path_factory.mktemp("real")
    with copy_of(cluster, migrated) as engine:
        areas = geojson(
            folder / "c.geojson", (box(*SHANGHAI), {"code": COMMUNITY, "name": "上海"}),
            (box(*SHENZHEN), {"code": "440305001001", "name": "深圳"}),
        )  # fmt: skip
        take(engine, "community", areas)
        with serving(engine, GRIDMAP_HOME=str(folder)) as base:
            yield engine, base, session_of(engine, ("commander", "all"))


@pytest.fixture
def importer(service, browser):
    """Take files over by the pages; the counts of the result in the order read, new, changed, unchanged, refused."""
    _, base, token = service
    context = browser.new_context(viewport={"width": 800, "height": 1280}, locale="en")
    context.add_cookies([{"name": "gridmap_session", "value": token, "url": base}])
    page = context.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def counts() -> list[int]:
        page.wait_for_selector("#result", timeout=PATIENCE_MS)
        return [int(text.replace(",", "")) for text in page.locator("#result .figures dd").all_inner_texts()]

    def run(layer, *paths, crs="", columns=(), store=True, **more):
        page.goto(f"{base}/import?layer={layer}&lang=en")
        page.locator("input[type=file]").set_input_files([str(path) for path in paths])
        page.get_by_role("button", name="Upload and look at it").click()
        page.wait_for_url(re.compile(rf"/import/{layer}/[0-9a-f-]+"), timeout=PATIENCE_MS)
        if crs == "EPSG:3857":  # not among those that are offered
            page.locator("[name=crs-other]").fill(crs)
        elif crs:
            page.locator("#crs").select_option(crs)
        for heading, field in columns:
            page.locator(".mapping label", has_text=heading).first.locator("select").select_option(field)
        if more and not page.locator("form.reading details[open]").count():  # open already if remembered
            page.get_by_text("More: key, fixed values, mending").click()
        for name, value in more.items():
            if isinstance(value, bool):
                page.locator(f"[name={name}]").check()
            elif name == "key":
                page.locator("[name=key]").select_option(value)
            else:
                page.locator(f"[name={name}]").fill(value)
        page.get_by_role("button", name="Check all rows").click()
        checked = counts()
        if not store:
            return checked
        if checked[-1]:
            page.locator("[name=partial]").check()
        page.locator("form.take button").click()
        page.wait_for_selector("#result.form-done", timeout=PATIENCE_MS)
        return counts()

    run.page = page
    yield run
    assert complaints == []
    context.close()


def test_lujiazui_buildings(service, importer, real_data):
    found = importer(
        "building", real_data / "osm" / "shanghai-lujiazui-buildings.geojson", crs="EPSG:4326", key="id", merge=True
    )
    assert found == [1981, 1450, 0, 0, 409]


def test_nanshan_buildings_exploded_and_mended(service, importer, real_data, tmp_path):
    import shapely

    features = json.loads((real_data / "buildings" / "shenzhen-nanshan-buildings.geojson").read_text())["features"]
    parts = [part for one in features for part in shapely.get_parts(shapely.from_geojson(json.dumps(one["geometry"])))]
    path = geojson(
        tmp_path / "nanshan.geojson",
        *[(json.loads(shapely.to_geojson(part)), {"name": f"{n}"}) for n, part in enumerate(parts)],
    )
    found = importer("building", path, crs="EPSG:4326", repair=True)
    assert found[0] == len(parts)
    assert found[1] + found[4] == len(parts)
    assert found[1] > 0.95 * len(parts)


def test_a_gbk_shapefile_as_loose_parts_and_back(service, importer, real_data):
    folder = real_data / "messy" / "shanghai-districts-gbk-shp"
    found = importer("neighbourhood", *sorted(folder.glob("区县界_area.*")))
    assert found == [17, 17, 0, 0, 0]
    importer.page.get_by_role("button", name="Take the whole import back").click()
    importer.page.wait_for_selector("text=17 new ones were retired", timeout=PATIENCE_MS)
    engine, _, _ = service
    assert query(engine, "SELECT count(*) FROM neighbourhood WHERE valid_to IS NULL") == [(0,)]


@pytest.mark.parametrize(
    ("crs", "key"),
    [
        ("GCJ-02", "GCJ02"),
        *(
            pytest.param(*system, marks=pytest.mark.nightly)
            for system in (("EPSG:4326", "WGS84"), ("BD-09", "BD09"), ("EPSG:3857", "EPSG3857"))
        ),
    ],
)
def test_the_place_list_lands_on_the_same_spots_in_each_system(service, importer, real_data, tmp_path, crs, key):
    places = json.loads((real_data / "messy" / "china-cities-wgs84-gcj02-bd09.json").read_text())
    near = [(one["attrs"]["name"], one["coords"]) for one in places]
    rows = [
        ["code", "name", "kind", "lon", "lat"],
        *[[f"P{key}{n}", name, "clinic", *at[key]] for n, (name, at) in enumerate(near)],
    ]
    found = importer("supply_point", table(tmp_path / "p.csv", rows), crs=crs, assign="county=100000")
    assert found[1] == len(near)
    engine, _, _ = service
    point = LAYERS["supply_point"].table
    with engine.connect() as conn:
        for n, (_, at) in enumerate(near):
            spot = sa.func.ST_SetSRID(sa.func.ST_MakePoint(*at["WGS84"]), 4490).op("::")(sa.literal_column("geography"))
            metres = conn.scalar(sa.select(sa.func.ST_Distance(point.c.geog, spot)).where(point.c.code == f"P{key}{n}"))
            assert metres < 1


def test_committee_codes_become_communities_without_geometry(service, importer, real_data):
    path = real_data / "codes" / "cn-committees-12digit-wuhan-shenzhen.csv"
    found = importer("community", path)
    assert found[0] == 4283
    assert found[1] + found[4] + found[2] == 4283
    engine, _, _ = service
    assert query(engine, "SELECT count(*) > 4000 FROM community WHERE geom IS NULL AND code LIKE '4%'") == [(True,)]


@pytest.mark.slow
def test_thousands_of_village_polygons_are_reported_and_break_nothing(service, importer, real_data, tmp_path):
    source = real_data / "boundaries" / "tw-villages.topo.json"
    script = tmp_path / "villages.zip"
    villages = _villages(source, tmp_path / "v.geojson")
    with zipfile.ZipFile(script, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(villages, "villages.geojson")
    found = importer("estate", script, crs="EPSG:4326", columns=[("VILLAGENAM", "name")], store=False)
    assert found[0] == 7599
    assert found[4] == 7599  # none lies in a community of this register: each is refused with its reason


def _villages(source, target):
    """Write TopoJSON as GeoJSON with a reader of the test's own: arcs put together as the format says."""
    topology = json.loads(source.read_text())
    scale, shift = (
        topology.get("transform", {}).get("scale", [1, 1]),
        topology.get("transform", {}).get("translate", [0, 0]),
    )
    is_quantised = "transform" in topology
    arcs = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = (x + dx, y + dy) if is_quantised else (dx, dy)
            points.append([x * scale[0] + shift[0], y * scale[1] + shift[1]])
        arcs.append(points)

    def ring(indices):
        points = []
        for index in indices:
            arc = arcs[index] if index >= 0 else arcs[~index][::-1]
            points += arc[1:] if points else arc
        return points

    [collection] = topology["objects"].values()
    features = []
    for one in collection["geometries"]:
        if one.get("type") == "Polygon":
            geometry = {"type": "Polygon", "coordinates": [ring(r) for r in one["arcs"]]}
        elif one.get("type") == "MultiPolygon":
            geometry = {"type": "MultiPolygon", "coordinates": [[ring(r) for r in polygon] for polygon in one["arcs"]]}
        else:
            geometry = None
        if geometry:
            features.append((geometry, one.get("properties", {})))
    return geojson(target, *features)
