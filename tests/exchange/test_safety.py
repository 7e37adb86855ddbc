"""Files that mean harm, or are only broken: nothing outside is read, nothing explodes, one fault costs one row."""

import json
import stat
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import shapely

from gridmap.errors import ImportRefused, InvalidInput
from gridmap.exchange import archive, reading
from tests.exchange.making import codes, geojson, house, query, rows_of, shapefile, spot, table, take, workbook

VRT = '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'


def packed(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["a.shp", "a.gpkg", "a.geojson", "a.csv", "a.xlsx", "a.vrt"])
def test_a_vrt_in_disguise_is_refused(district, tmp_path, name):
    (tmp_path / name).write_text(VRT)
    with pytest.raises(ImportRefused):
        take(district, "building", tmp_path / name)
    with pytest.raises(ImportRefused):
        take(district, "building", packed(tmp_path / "a.zip", (name, VRT)))


@pytest.mark.parametrize(
    "name",
    ["/vsizip/a.zip", "/vsicurl/http://127.0.0.1/a.shp", "http://127.0.0.1/a.geojson", "{'type': 1}", "PG:dbname=x", "s3://b/a"],
)  # fmt: skip
def test_a_name_that_gdal_would_follow_elsewhere_is_refused(district, name):
    with pytest.raises(ImportRefused, match="not a file on this machine"):
        take(district, "building", name)


def test_gdal_opens_no_other_format_in_this_program():
    script = (
        "from gridmap.exchange.gdal import pyogrio;"
        "left = set(pyogrio().list_drivers());"
        "print(left - {'GeoJSON', 'ESRI Shapefile', 'GPKG', 'KML', 'LIBKML', 'CSV', 'MEM'})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("set()\n", "")


@pytest.mark.parametrize("name", ["../a.shp", "/etc/a.shp", "x/../../a.shp", "C:\\a.shp", "..\\a.shp"])
def test_zip_names_that_lead_out_are_refused(district, tmp_path, name):
    with pytest.raises(ImportRefused, match="leads out"):
        take(district, "building", packed(tmp_path / "a.zip", (name, "x")))
    assert not (tmp_path.parent / "a.shp").exists()


def test_zip_links_encryption_nesting_and_twins_are_refused(district, tmp_path):
    link = zipfile.ZipInfo("a.shp")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(ImportRefused, match="a link"):
        take(district, "building", packed(tmp_path / "l.zip", (link, "/etc/passwd")))
    with pytest.raises(ImportRefused, match="another archive"):
        take(district, "building", packed(tmp_path / "n.zip", ("b.zip", "PK")))
    with pytest.raises(ImportRefused, match="twice"):
        take(district, "building", packed(tmp_path / "t.zip", ("a.csv", "x"), ("A.CSV", "x")))
    secret = packed(tmp_path / "s.zip", ("a.csv", "x"))
    raw = bytearray(secret.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    secret.write_bytes(raw)
    with pytest.raises(ImportRefused, match="encrypted"):
        take(district, "building", secret)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(district, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "SMALL_BYTES", 1 << 20)
    bomb = packed(tmp_path / "b.zip", ("a.csv", "0" * (4 << 20)))
    with pytest.raises(ImportRefused, match="too much"), reading.opened(bomb):
        pass
    with pytest.raises(ImportRefused, match="at most"):
        take(district, "building", packed(tmp_path / "m.zip", *[(f"{n}.csv", "x") for n in range(201)]))


def test_a_zip_that_lies_about_a_size_is_refused(tmp_path):
    path = packed(tmp_path / "a.zip", ("a.csv", "name\n" * 1000))
    raw = bytearray(path.read_bytes())
    at = raw.index(b"PK\x01\x02") + 24
    raw[at : at + 4] = struct.pack("<I", 10)
    path.write_bytes(raw)
    with pytest.raises(ImportRefused), reading.opened(path):
        pass


def test_what_was_unpacked_is_gone_afterwards(district, tmp_path):
    path = packed(
        tmp_path / "a.zip",
        ("data/楼栋.geojson", geojson(tmp_path / "b.geojson", (house(121.5, 31.24), {})).read_text()),
    )
    with reading.opened(path) as source:
        rows = [row for batch in source.batches() for row in batch.rows]
    assert rows == [1]
    assert take(district, "building", path).inserted == 1


@pytest.mark.parametrize("lost", [".shx", ".dbf"])
def test_a_shapefile_without_a_part_is_refused_by_name(district, tmp_path, lost):
    path = shapefile(tmp_path / "a.shp", [house(121.5, 31.24)], {"name": ["甲"]})
    path.with_suffix(lost).unlink()
    with pytest.raises(ImportRefused, match=lost):
        take(district, "building", path)


def test_a_zipped_shapefile_in_a_folder_with_chinese_names_is_read(district, tmp_path):
    shapefile(tmp_path / "楼栋.shp", [house(121.5, 31.24)], {"名称": ["甲栋"], "层数": [6]}, encoding="GBK")
    members = [(f"数据/{file.name}", file.read_bytes()) for file in sorted(tmp_path.glob("楼栋.*"))]
    report = take(district, "building", packed(tmp_path / "z.zip", *members), crs=None)
    assert report.inserted == 1
    assert rows_of(district, "building", "name", "floors") == [("甲栋", 6)]


@pytest.mark.parametrize("encoding", ["UTF-8", "GBK"])
def test_a_shapefile_that_says_nothing_of_its_encoding_is_read_by_trial(district, tmp_path, encoding):
    names = ["亗亙亜上海", "龥兀嗀"]  # bytes 0x80 to 0x9F in GBK
    path = shapefile(
        tmp_path / "a.shp", [house(121.5, 31.24), house(121.51, 31.24)], {"name": names}, encoding=encoding
    )
    path.with_suffix(".cpg").unlink(missing_ok=True)
    raw = bytearray(path.with_suffix(".dbf").read_bytes())
    raw[29] = 0
    path.with_suffix(".dbf").write_bytes(raw)
    report = take(district, "building", path)
    assert "all of it fits" in next(note.en for note in report.notes if note.code == "encoding")
    assert rows_of(district, "building", "name") == [(name,) for name in names]


def test_one_open_ring_costs_one_row_and_repair_closes_it(district, tmp_path):
    ring = house(121.51, 31.24)["coordinates"][0][:-1]
    path = geojson(tmp_path / "b.geojson", (house(121.50, 31.24), {}), ({"type": "Polygon", "coordinates": [ring]}, {}))
    report = take(district, "building", path, partial=True)
    assert codes(report) == [(2, "geometry", "ring_open")]
    assert "121.509900 31.239900" in report.problems[0].reason_en
    assert report.inserted == 1
    repaired = take(district, "building", path, repair=True)
    assert (repaired.inserted, repaired.unchanged) == (1, 1)


@pytest.mark.parametrize(
    ("geometry", "code"),
    [
        (None, "geometry_missing"),
        ({"type": "Polygon", "coordinates": []}, "geometry_missing"),
        ({"type": "Polygon", "coordinates": [[[121.5, 31.2], [121.6, "x"], [121.6, 31.3], [121.5, 31.2]]]}, "geometry_unreadable"),
        ({"type": "Polygon", "coordinates": [[[121.5, 31.2], [121.6, None], [121.6, 31.3], [121.5, 31.2]]]}, "geometry_unreadable"),
        ({"type": "Polygon", "coordinates": "here"}, "geometry_unreadable"),
        ({"type": "Circle", "coordinates": [1, 2]}, "geometry_unreadable"),
        ({"type": "Polygon"}, "geometry_unreadable"),
        ("here", "geometry_unreadable"),
        ({"type": "LineString", "coordinates": [[121.5, 31.2], [121.6, 31.2]]}, "geometry_type"),
        ({"type": "GeometryCollection", "geometries": [house(121.5, 31.24)]}, "geometry_type"),
        ({"type": "Polygon", "coordinates": [[[121.5, 31.2], [121.5, 31.2], [121.5, 31.2], [121.5, 31.2]]]}, "invalid_shape"),
        ({"type": "Polygon", "coordinates": [[[121.5, 1e300], [121.6, 31.2], [121.6, 31.3], [121.5, 1e300]]]}, "out_of_range"),
    ],
)  # fmt: skip
def test_a_broken_geometry_is_counted_and_refused(district, tmp_path, geometry, code):
    path = geojson(tmp_path / "b.geojson", (house(121.50, 31.24), {}), (geometry, {}))
    report = take(district, "building", path, partial=True)
    assert codes(report) == [(2, "geometry", code)]
    assert report.inserted == 1


def test_a_feature_that_is_none_costs_one_row(district, tmp_path):
    good = {"type": "Feature", "properties": None, "geometry": house(121.5, 31.24)}
    features = [good, "not a feature", None, {"type": "Thing"}]
    (tmp_path / "b.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    report = take(district, "building", tmp_path / "b.geojson", partial=True)
    assert {row for row, _, _ in codes(report)} == {2, 3, 4}
    assert report.inserted == 1


def test_infinite_coordinates_never_reach_the_database(district, tmp_path):
    rows = [
        ["name", "kind", "lon", "lat"],
        ["a", "store", "inf", 31.24],
        ["b", "store", "1e400", 31.24],
        ["c", "store", 121.5, "nan"],
    ]
    report = take(district, "supply_point", table(tmp_path / "p.csv", rows))
    assert codes(report) == [
        (2, "geometry", "coordinate"), (3, "geometry", "not_finite"), (4, "geometry", "coordinate"),
    ]  # fmt: skip


@pytest.mark.parametrize("corner", ["XFD1048576", "XFD1", "XFD9999999", "AAA5"])
def test_one_cell_in_the_far_corner_of_a_sheet_does_not_end_the_process(district, tmp_path, corner):
    path = workbook(tmp_path / "in.xlsx", [["name", "kind", "lon", "lat"], ["a", "store", 121.5, 31.24]])
    far = f'<row r="5"><c r="{corner}"><v>1</v></c></row></sheetData>'
    with zipfile.ZipFile(path) as read, zipfile.ZipFile(tmp_path / "far.xlsx", "w") as made:
        for member in read.namelist():
            made.writestr(member, read.read(member).decode().replace("</sheetData>", far))
    with pytest.raises(ImportRefused, match="Delete what is beyond the table"):
        take(district, "supply_point", tmp_path / "far.xlsx")


def test_entities_and_hidden_parts_in_a_workbook_are_refused(district, tmp_path):
    path = workbook(tmp_path / "in.xlsx", [["name", "kind", "lon", "lat"], ["a", "store", 121.5, 31.24]])
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><worksheet'
    hidden = "/xl/worksheets/sheet1.dat"
    for name, old, new in (("e.xlsx", "<worksheet", laughs), ("h.xlsx", "/xl/worksheets/sheet1.xml", hidden)):
        with zipfile.ZipFile(path) as read, zipfile.ZipFile(tmp_path / name, "w") as made:
            for member in read.namelist():
                made.writestr(member, read.read(member).decode().replace(old, new))
        with pytest.raises(ImportRefused):
            take(district, "supply_point", tmp_path / name)


def test_too_many_vertices_are_refused_before_any_work_on_them(district, tmp_path):
    circle = shapely.Point(121.5, 31.24).buffer(0.01, quad_segs=5_001)
    path = geojson(tmp_path / "b.geojson", (json.loads(shapely.to_geojson(circle)), {"name": "圆"}))
    report = take(district, "estate", path, repair=True)
    assert codes(report) == [(1, "geometry", "too_many_vertices")]
    assert "20005" in report.problems[0].reason_en


def test_a_scribble_is_repaired_in_seconds_or_refused(district, tmp_path):
    dice = np.random.default_rng(1)
    ring = np.column_stack([dice.uniform(121.49, 121.51, 300), dice.uniform(31.23, 31.25, 300)]).tolist()
    path = geojson(tmp_path / "b.geojson", ({"type": "Polygon", "coordinates": [[*ring, ring[0]]]}, {"name": "乱"}))
    report = take(district, "estate", path, repair=True)
    assert report.refused == 0
    assert query(district, "SELECT ST_IsValid(geom) FROM estate") == [(True,)]


def test_heights_are_dropped_and_single_part_multipoints_are_points(district, tmp_path):
    high = {"type": "MultiPoint", "coordinates": [[121.5, 31.24, 17.0]]}
    two = {"type": "MultiPoint", "coordinates": [[121.5, 31.24], [121.6, 31.24]]}
    named = [(high, {"name": "a", "kind": "store"}), (two, {"name": "b", "kind": "store"})]
    report = take(district, "supply_point", geojson(tmp_path / "p.geojson", *named), partial=True)
    assert codes(report) == [(2, "geometry", "geometry_type")]
    assert query(district, "SELECT ST_AsText(geom) FROM supply_point") == [("POINT(121.5 31.24)",)]


def test_formula_quotes_are_undone(district, tmp_path):
    rows = [["name", "kind", "address", "lon", "lat"], ["'=SUM(A1)", "store", "'平安里", 121.5, 31.24]]
    take(district, "supply_point", table(tmp_path / "p.csv", rows))
    assert rows_of(district, "supply_point", "name", "address") == [("=SUM(A1)", "'平安里")]


def test_extra_cells_missing_cells_empty_rows_and_a_title_row(district, tmp_path):
    rows = [["name", "kind", "lon", "lat"], [], ["a", "store", 121.5, 31.24, "stray"], ["b", "store", 121.5]]
    report = take(district, "supply_point", table(tmp_path / "p.csv", rows))
    assert codes(report) == [(3, "", "too_many_cells"), (4, "geometry", "coordinates_incomplete")]
    titled = [
        ["物资点台账"],
        [],
        ["name", "kind", "lon", "lat"],
        ["a", "store", 121.5, 31.24],
        [None] * 4,
        ["b", "?", 121.5, 31.24],
    ]
    report = take(district, "supply_point", workbook(tmp_path / "p.xlsx", titled))
    assert codes(report) == [(6, "kind", "unknown_kind")]


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("utf-8-sig", ","), ("gb18030", ","), ("utf-16", "\t"), ("utf-8", ";")]
)
def test_csv_is_read_in_the_encodings_and_delimiters_offices_use(district, tmp_path, encoding, delimiter):
    lines = [["名称", "类型", "经度", "纬度"], ["物资，一号", "储备库", "121.5", "31.24"]]
    (tmp_path / "p.csv").write_text("\r\n".join(delimiter.join(line) for line in lines), encoding=encoding)
    assert take(district, "supply_point", tmp_path / "p.csv").inserted == 1
    assert rows_of(district, "supply_point", "name") == [("物资，一号",)]


def test_points_in_a_gbk_geojson_are_read(district, tmp_path):
    path = geojson(tmp_path / "p.geojson", (spot(121.5, 31.24), {"名称": "储备库甲", "类型": "储备库"}))
    path.write_text(path.read_text("utf-8"), encoding="gb18030")
    assert take(district, "supply_point", path).inserted == 1
    assert rows_of(district, "supply_point", "name") == [("储备库甲",)]


POINTS = "name,kind,lon,lat\r\n社区站,store,121.5,31.24\r\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_as_stated_is_read(district, tmp_path, encoding):
    path = tmp_path / "p.csv"
    path.write_bytes(POINTS.encode(encoding))
    assert take(district, "supply_point", path, encoding=encoding).inserted == 1
    assert rows_of(district, "supply_point", "name") == [("社区站",)]


@pytest.mark.parametrize(
    ("raw", "encoding", "said"),
    [
        (POINTS.encode("utf-16-le"), "utf-16", "UTF-16LE or UTF-16BE"),
        (POINTS.encode(), "utf-16", "After row 0"), (POINTS.encode("utf-16") + b"\xd8", "utf-16", "After row"),
        (POINTS.encode("gb18030"), "utf-8", "After row 0"), (POINTS.encode(), "utf-32", "After row 0"),
    ],
)  # fmt: skip
def test_text_that_is_not_as_stated_is_refused_with_its_place(district, tmp_path, raw, encoding, said):
    (tmp_path / "p.csv").write_bytes(raw)
    with pytest.raises(ImportRefused, match=said):
        take(district, "supply_point", tmp_path / "p.csv", encoding=encoding)


@pytest.mark.parametrize("encoding", ["utf-16", "ascii", "utf-32"])
def test_geojson_that_is_not_as_stated_is_refused_with_its_place(district, tmp_path, encoding):
    path = geojson(tmp_path / "p.geojson", (spot(121.5, 31.24), {"name": "站", "kind": "store"}))
    with pytest.raises(ImportRefused, match=r"byte|not JSON"):
        take(district, "supply_point", path, encoding=encoding)


def test_a_shapefile_cannot_be_in_utf_16(district, tmp_path):
    shapefile(tmp_path / "a.shp", [house(121.5, 31.24)], {"name": ["甲栋"]})
    with pytest.raises(InvalidInput, match="A Shapefile cannot be in utf-16"):
        take(district, "building", tmp_path / "a.shp", encoding="utf-16")
    (tmp_path / "a.cpg").write_text("UTF-16")
    assert take(district, "building", tmp_path / "a.shp").inserted == 1
