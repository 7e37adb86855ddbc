"""Files are read in a process that has nothing: no network, no keys, little time, memory and disk."""

import os
import subprocess
import sys
from datetime import date, datetime, time, timedelta

import numpy as np
import pytest
import shapely

from gridmap.errors import ImportRefused, InvalidInput
from gridmap.exchange import apart, frames, reader
from gridmap.exchange.apart import Limits
from gridmap.exchange.source import Batch, Fault
from tests.conftest import ROOT
from tests.exchange.making import geojson, house, table, workbook

MIB = 1 << 20


def shut_in(code: str, *, memory=400 * MIB, cpu=5, size=MIB) -> subprocess.CompletedProcess:
    """Run code after the same steps that come before a file is read."""
    limits = f"shut_in({memory}, {cpu}, {size})"
    script = f"from gridmap.exchange.reader import shut_in; {limits}\n{code}"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)


def test_a_batch_comes_through_as_it_was():
    shapes = np.array([shapely.Point(1.5, 2), None, shapely.Point()], dtype=object)
    cells = [
        ["甲\ud800", None, ""], [1, 2.5, True], [date(2026, 3, 1), datetime(2026, 3, 1, 8, 30), time(8)],
        [timedelta(hours=1), b"\x00\xff", 10**17], ["=1+1", "\x00", "\U00020000"],
    ]  # fmt: skip
    sent = Batch([2, 3, 9], cells, shapes, {1: Fault("ring_open", {"place": "1 2"}, shapely.Point(3, 4), "几何")})
    first, second = frames.of_batch(sent)
    got = frames.to_batch(frames.from_json(first[frames.HEAD.size :]), lambda: second[frames.HEAD.size :])
    assert (got.rows, got.columns, got.faults) == (sent.rows, sent.columns, sent.faults)
    assert [type(cell) for column in got.columns for cell in column] == [type(c) for column in cells for c in column]
    assert shapely.to_wkb(got.shapes).tolist() == shapely.to_wkb(shapes).tolist()


def test_nan_is_still_no_value_on_the_other_side():
    [first] = frames.of_batch(Batch([1], [[float("nan")]]))
    [[cell]] = frames.to_batch(frames.from_json(first[frames.HEAD.size :]), bytes).columns
    assert cell != cell


def test_the_rows_can_be_read_twice(tmp_path):
    path = geojson(tmp_path / "a.geojson", *[(house(121.5 + n / 1000, 31.24), {"name": f"{n}"}) for n in range(5)])
    with apart.opened(path) as source:
        first, second = ([row for batch in source.batches() for row in batch.rows] for _ in range(2))
    assert first == second == [1, 2, 3, 4, 5]


def test_a_refusal_crosses_with_its_words_and_place(tmp_path):
    path = table(tmp_path / "a.csv", [["name"], ["甲"]], encoding="GBK")
    with pytest.raises(InvalidInput, match="no-such") as found, apart.opened(path, encoding="no-such"):
        pass
    assert found.value.where == "encoding"
    with pytest.raises(ImportRefused, match="not utf-8") as found, apart.opened(path, encoding="UTF-8") as source:
        list(source.batches())
    assert found.value.where == "encoding"


def test_it_reaches_no_network():
    done = shut_in("import socket; socket.create_connection(('127.0.0.1', 1), timeout=2)")
    assert "Network is unreachable" in done.stderr


def test_it_knows_neither_database_nor_keys_nor_home(tmp_path, monkeypatch):
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", "postgresql://secret@example.org/x")
    monkeypatch.setenv("GRIDMAP_HOME", str(tmp_path))
    monkeypatch.setenv("PGPASSWORD", "secret")
    with apart.opened(table(tmp_path / "a.csv", [["name"], ["甲"]])):
        [child] = [pid for pid in os.listdir("/proc") if pid.isdigit() and _is_reader_of(pid, tmp_path / "a.csv")]
        with open(f"/proc/{child}/environ", encoding="utf-8") as file:
            environment = dict(line.split("=", 1) for line in file.read().split("\0") if line)
        files = {os.readlink(f"/proc/{child}/fd/{number}") for number in os.listdir(f"/proc/{child}/fd")}
    assert not [name for name in environment if name.startswith(("GRIDMAP", "PG"))]
    assert "secret" not in str(environment)
    assert not [file for file in files if file.startswith("socket:")]


def _is_reader_of(pid: str, path) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            line = file.read()
    except OSError:
        return False
    return "exchange.reader" in line and str(path) in line


def test_memory_processor_and_files_have_an_end(tmp_path):
    write = f"import os; f = os.open({str(tmp_path / 'a')!r}, os.O_CREAT | os.O_WRONLY); os.write(f, b'x' * (2 << 20)); os.write(f, b'x')"
    assert "MemoryError" in shut_in("x = bytearray(600 << 20)").stderr
    assert shut_in("while True: pass", cpu=1).returncode != 0
    assert "File too large" in shut_in(write).stderr


def test_a_file_that_needs_more_than_its_limits_is_refused_and_its_process_gone(tmp_path, monkeypatch):
    path = workbook(tmp_path / "a.xlsx", [["name"], *[[f"第{n}行" * 99] for n in range(5000)]])
    with pytest.raises(ImportRefused), apart.opened(path, limits=Limits(12 * MIB, 5, 5)):
        pass
    monkeypatch.setattr(apart, "_LOOK_S", 0.01)
    with pytest.raises(ImportRefused, match="耗时过长"), apart.opened(path, limits=Limits(400 * MIB, 5, 0)):
        pass
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and _is_reader_of(pid, path)]


def test_whoever_waits_can_end_the_reading(tmp_path):
    class Enough(Exception):
        pass

    def stop():
        raise Enough

    path = table(tmp_path / "a.csv", [["name"], ["甲"]])
    with pytest.raises(Enough), apart.opened(path, waiting=stop):
        pass
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and _is_reader_of(pid, path)]


def test_what_a_broken_library_says_is_not_repeated():
    told = reader._refusal(KeyError("张三 13800138000"), "a.shp")
    assert told["code"] == "import_refused"
    assert "138" not in str(told)
