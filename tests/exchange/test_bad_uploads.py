"""Cases U1 to U3 of reliability.md: what is bad is refused soon and small, what is cut leaves nothing, formulas stay text."""

import io
import os
import socket
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gridmap.intake import files
from tests.conftest import app_on, client_of, session_of
from tests.exchange.bad_files import bad_files
from tests.exchange.making import geojson, house, rows_of, table, take
from tests.intake.steps import Wizard

ANSWER_S = 5  # the case's own promise, not a timing of ours
MEMORY_KIB = 512 << 10
# Unnamed spool files of the test client, and of a form that breaks off, are closed by the collector: nothing is left.
spooled = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    "'=1",
    "=cmd|' /C calc'!A0",
    "'",
    "''x",
    "甲=1",
]


@pytest.fixture(scope="module")
def wizard(demo, tmp_path_factory):
    tmp_path_factory.getbasetemp()  # outside the folder that is counted
    with app_on(demo) as app, tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", home)  # other processes' temporary files are not ours to count
        settings = app.extensions["gridmap"]["settings"].model_copy(update={"home": Path(home)})
        app.extensions["gridmap"]["settings"] = settings
        from gridmap.layers import LAYERS

        yield Wizard(app, client_of(app, session_of(demo, ("commander", "all"))), LAYERS)


@pytest.fixture(scope="module")
def listener():
    """A port that a file may try to reach; what comes is counted."""
    came = []
    with socket.create_server(("127.0.0.1", 9)) as server:
        server.settimeout(0.2)
        over = threading.Event()

        def listen():
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                came.append(connection.getpeername())
                connection.close()

        thread = threading.Thread(target=listen)
        thread.start()
        yield came
        over.set()
        thread.join()


def sent(wizard, parts):
    """Send files as a browser does, whatever their names."""
    given = [(io.BytesIO(content), name) for name, content in parts]
    return wizard.client.post(
        "/import/building", data={"csrf": wizard.csrf, "files": given}, content_type="multipart/form-data"
    )


def left_over(home) -> set[str]:
    return {str(path) for path in home.rglob("*") if path.name != files.FOLDER}


@contextmanager
def most_memory_of_readers():
    """Yield a list that holds, at the end, each reading process's greatest resident memory in KiB."""
    most, over = {}, threading.Event()

    def look():
        while not over.wait(0.01):
            for folder in Path("/proc").glob("[0-9]*"):
                with suppress(OSError, StopIteration):
                    status = (folder / "status").read_text()
                    if f"\nPPid:\t{os.getpid()}\n" in status and b"reader" in (folder / "cmdline").read_bytes():
                        most[folder] = int(
                            next(row for row in status.splitlines() if row.startswith("VmHWM")).split()[1]
                        )

    thread = threading.Thread(target=look)
    thread.start()
    peaks = []
    try:
        yield peaks
    finally:
        over.set()
        thread.join()
        peaks += most.values()


@spooled
def test_thirty_bad_files_are_refused_soon_small_and_without_a_trace(wizard, listener, tmp_path):
    before = left_over(wizard.home)
    tried = bad_files(tmp_path)
    assert len(tried) >= 30
    with most_memory_of_readers() as peaks:
        for what, parts in tried.items():
            began = time.monotonic()
            answer = sent(wizard, parts)
            took = time.monotonic() - began
            assert answer.status_code == 422, (what, answer.status_code, answer.text[-600:])
            assert 'role="alert"' in answer.text, what
            assert took < ANSWER_S * 4, (what, took)  # several others share this machine's two cores
    assert left_over(wizard.home) == before
    assert listener == []
    assert len(peaks) > 10
    assert max(peaks) < MEMORY_KIB


@spooled
def test_an_upload_cut_anywhere_is_refused_and_leaves_nothing(wizard, tmp_path):
    path = geojson(tmp_path / "a.geojson", *[(house(121.5 + n / 1e5, 31.24), {"name": f"{n}"}) for n in range(3000)])
    before = left_over(wizard.home)
    boundary = b"xxcut"
    body = b"".join([
        b"--", boundary, b'\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n', wizard.csrf.encode(), b"\r\n--", boundary,
        b'\r\nContent-Disposition: form-data; name="files"; filename="a.geojson"\r\n\r\n', path.read_bytes(), b"\r\n--", boundary, b"--\r\n",
    ])  # fmt: skip
    for tenth in range(1, 10):
        part = body[: len(body) * tenth // 10]
        answer = wizard.client.post(
            "/import/building", input_stream=io.BytesIO(part), content_type=f"multipart/form-data; boundary={boundary.decode()}",
            headers={"Content-Length": str(len(body))},
        )  # fmt: skip
        assert 400 <= answer.status_code < 500, (tenth, answer.status_code)
        answer.close()
    assert left_over(wizard.home) == before


@spooled
def test_a_file_cut_anywhere_is_refused_or_its_last_row_is(wizard, tmp_path):
    whole = geojson(
        tmp_path / "a.geojson", *[(house(121.5 + n / 1e5, 31.24), {"name": f"{n}"}) for n in range(300)]
    ).read_bytes()
    before = left_over(wizard.home)
    for tenth in range(1, 10):
        assert sent(wizard, [("a.geojson", whole[: len(whole) * tenth // 10])]).status_code == 422
    assert left_over(wizard.home) == before


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_cells_like_formulas_are_escaped_and_equal_after_the_way_round(district, tmp_path, kind):
    from gridmap.access import LOCAL
    from gridmap.exchange import export_file
    from gridmap.layers import LAYERS

    spots = [
        ({"type": "Point", "coordinates": [121.49 + n / 1000, 31.24]}, {"name": text, "kind": "clinic"})
        for n, text in enumerate(FORMULAS)
    ]
    report = take(district, "supply_point", geojson(tmp_path / "a.geojson", *spots))
    kept = [text for n, text in enumerate(FORMULAS, start=1) if n not in report.refused_rows]
    take(district, "supply_point", geojson(tmp_path / "a.geojson", *spots), partial=True)
    assert len(kept) >= len(FORMULAS) - 1  # a tab is no text of a name
    before = rows_of(district, "supply_point", "code", "name", "version")
    path = tmp_path / f"x.{kind}"
    export_file(district, LOCAL, LAYERS["supply_point"], path)
    for cell in _names(path):
        assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"), cell
    report = take(district, "supply_point", path)
    assert (report.problems, report.inserted, report.updated) == ([], 0, 0)
    assert rows_of(district, "supply_point", "code", "name", "version") == before
    assert sorted(name for _, name, _ in before) == sorted(text.strip() for text in kept)


def _names(path) -> list[str]:
    if path.suffix == ".csv":
        import csv

        with path.open(encoding="utf-8-sig") as file:
            return [row["name"] for row in csv.DictReader(file)]
    import openpyxl

    heading, *rows = list(openpyxl.load_workbook(path).active.iter_rows(values_only=True))
    return [row[heading.index("name")] for row in rows]


def test_the_reasons_handed_back_hold_no_formula(district, tmp_path):
    import openpyxl

    from gridmap.exchange import write_report

    report = take(
        district,
        "building",
        table(tmp_path / "a.csv", [["name", "floors", "lon", "lat"], ["'=1+1", "=2", "121.5", "31.24"]]),
    )
    assert report.problems
    write_report(report, tmp_path / "r.xlsx")
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    assert all(cell.data_type != "f" for row in book.worksheets[0].iter_rows() for cell in row)
    assert os.path.getsize(tmp_path / "r.xlsx") > 0
