"""`gridmap import` and `gridmap export` as a person types them."""

import openpyxl
import pytest
from click.testing import CliRunner

from gridmap.cli import main
from tests.exchange.making import COMMUNITY, box, geojson, house, rows_of, table, workbook


@pytest.fixture
def gridmap(empty_database, monkeypatch):
    """Run a command on an empty database; the result has `exit_code` and `output`."""
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", empty_database.url.render_as_string(hide_password=False))
    runner = CliRunner()
    return lambda *words: runner.invoke(main, [str(word) for word in words])


@pytest.fixture
def community(gridmap, tmp_path):
    area = box(121.4, 31.2, 121.6, 31.3)
    path = geojson(tmp_path / "c.geojson", (area, {"code": COMMUNITY, "name": "陆家嘴社区"}))
    done = gridmap("import", "community", path, "--crs", "EPSG:4326")
    assert done.exit_code == 0, done.output
    return path


def test_an_import_says_what_it_did_and_ends_with_0(gridmap, community, empty_database, tmp_path):
    path = geojson(tmp_path / "b.geojson", (house(121.5, 31.24), {"id": 1}))
    done = gridmap("import", "building", path, "--crs", "gcj-02", "--key", "id", "--set", "floors=6")
    assert done.exit_code == 0
    assert "Coordinates were read as GCJ-02, as stated." in done.output
    assert "Stored 已入库: 1 rows read 读取, 1 new 新增" in done.output
    assert rows_of(empty_database, "building", "floors", "source_key") == [(6, "id=1")]


def test_a_refusal_lists_rows_writes_the_report_and_ends_with_1(gridmap, community, empty_database, tmp_path):
    path = table(tmp_path / "p.csv", [["name", "kind", "lon", "lat"], ["店", "?", 121.5, 31.24]])
    done = gridmap("import", "supply_point", path, "--crs", "EPSG:4326", "--report", tmp_path / "r.xlsx")
    assert done.exit_code == 1
    assert "row 2, kind (?): The kind is missing or not known." in done.output
    assert "Nothing was stored 未入库" in done.output
    assert openpyxl.load_workbook(tmp_path / "r.xlsx").worksheets[0].cell(2, 1).value == 2
    assert rows_of(empty_database, "supply_point") == []


def test_only_twenty_refusals_are_printed(gridmap, community, tmp_path):
    rows = [["name", "kind", "lon", "lat"], *[["店", "?", 121.5, 31.24]] * 25]
    done = gridmap("import", "supply_point", table(tmp_path / "p.csv", rows), "--crs", "EPSG:4326")
    assert done.output.count("  row ") == 20
    assert "and 5 more: --report" in done.output


def test_a_missing_system_an_unknown_layer_and_a_missing_file_are_one_sentence(gridmap, community, tmp_path):
    for words, said in (
        (("import", "community", community), "State it with --crs"),
        (("import", "communities", community), "There is no layer 'communities'. Layers: "),
        (("import", "community", tmp_path / "no.csv"), "There is no file"),
        (("import", "community", community, "--crs", "wgs84"), "Write EPSG: and a number"),
        (("export", "community", tmp_path / "c.pdf"), "no known format"),
        (("export", "building", tmp_path / "b.csv"), "There is no building to export"),
    ):
        done = gridmap(*words)
        assert done.exit_code == 1
        assert said in done.output
        assert len(done.output.strip().splitlines()) == 1
        assert "Traceback" not in done.output


def test_a_set_without_a_value_is_a_usage_error(gridmap, community):
    done = gridmap("import", "community", community, "--set", "name")
    assert done.exit_code == 2
    assert "COLUMN=VALUE" in done.output


def test_a_dry_run_stores_nothing(gridmap, community, empty_database, tmp_path):
    path = geojson(tmp_path / "b.geojson", (house(121.5, 31.24), {}))
    done = gridmap("import", "building", path, "--crs", "EPSG:4490", "--dry-run")
    assert done.exit_code == 0
    assert "Nothing was stored 未入库: 1 rows read 读取, 1 new 新增" in done.output
    assert rows_of(empty_database, "building") == []


def test_an_export_says_where_how_many_and_in_which_system(gridmap, community, tmp_path):
    done = gridmap("export", "community", tmp_path / "out.gpkg", "--crs", "EPSG:4549")
    assert done.exit_code == 0
    assert "1 rows of community in EPSG:4549" in done.output
    again = gridmap("import", "community", tmp_path / "out.gpkg")
    assert "1 unchanged 未变" in again.output


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no/r.xlsx", "There is no folder"), ("r.pdf", "let it end in .xlsx"), ("r", "let it end in .xlsx"),
        ("p.xlsx", "overwrite"),
    ],
)  # fmt: skip
def test_a_report_that_cannot_be_written_is_refused_before_anything_is_read(
    gridmap, community, empty_database, tmp_path, name, said
):
    path = workbook(tmp_path / "p.xlsx", [["name", "kind", "lon", "lat"], ["店", "store", 121.5, 31.24]])
    done = gridmap("import", "supply_point", path, "--crs", "EPSG:4326", "--report", tmp_path / name)
    assert done.exit_code == 1
    assert said in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert rows_of(empty_database, "supply_point") == []


def test_a_report_that_fails_after_the_commit_says_that_the_import_stands(
    gridmap, community, empty_database, tmp_path, monkeypatch
):
    path = table(tmp_path / "p.csv", [["name", "kind", "lon", "lat"], ["店", "store", 121.5, 31.24]])
    target = tmp_path / "r.xlsx"
    target.write_text("the report of yesterday")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gridmap.exchange.placing.os.replace", full)
    done = gridmap("import", "supply_point", path, "--crs", "EPSG:4326", "--report", target)
    assert done.exit_code == 1
    assert "The import stands" in done.output
    assert "No space left on device" in done.output
    assert "Traceback" not in done.output
    assert isinstance(done.exception, SystemExit)
    assert len(rows_of(empty_database, "supply_point")) == 1
    assert target.read_text() == "the report of yesterday"


def test_a_control_character_does_not_spoil_the_report(gridmap, community, tmp_path):
    path = table(tmp_path / "p.csv", [["name", "kind", "lon", "lat"], ["店\x01", "store", 121.5, 31.24]])
    done = gridmap("import", "supply_point", path, "--crs", "EPSG:4326", "--report", tmp_path / "r.xlsx")
    assert "control character" in done.output
    assert openpyxl.load_workbook(tmp_path / "r.xlsx").worksheets[0].cell(2, 2).value == "店\ufffd"


NO_ENCODINGS = (
    "base64",
    "idna",
    "punycode",
    "rot13",
    "unicode_escape",
    "undefined",
    "utf\0",
    "klingon",
    "zlib",
    "utf-7",
)


@pytest.mark.parametrize("encoding", NO_ENCODINGS)
def test_what_is_no_encoding_of_files_is_one_sentence(gridmap, community, tmp_path, encoding):
    path = table(tmp_path / "p.csv", [["name", "kind", "lon", "lat"], ["店", "store", 121.5, 31.24]])
    for words in (("import", "supply_point", path, "--crs", "EPSG:4326"), ("export", "community", tmp_path / "o.csv")):
        done = gridmap(*words, "--encoding", encoding)
        assert (done.exit_code, isinstance(done.exception, SystemExit)) == (1, True)
        assert "is not known. Write UTF-8 or GBK." in done.output
    assert not (tmp_path / "o.csv").exists()
