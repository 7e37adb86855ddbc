"""The heads of the audit chains are kept once a day and compared without being asked for."""

import json
import threading
import time
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from gridmap import audit, heads
from gridmap.access import LOCAL
from gridmap.cli import main
from gridmap.db import transaction
from tests.factories import COMMUNITY, add_community, add_supply_point

TODAY = date(2026, 11, 24)
WAIT_S = 20


@pytest.fixture
def written(empty_database):
    """A database with entries in two chains."""
    with transaction(empty_database, LOCAL) as conn:
        add_community(conn)
        for number in range(3):
            add_supply_point(conn, f"S{number}", 120.6, 30.9)
    return empty_database


def names(home) -> list[str]:
    return sorted(path.name for path in heads.folder_of(home).iterdir())


def test_heads_are_kept_once_a_day_and_read_like_exported_ones(written, tmp_path):
    with transaction(written, LOCAL) as conn:
        path = heads.keep(conn, tmp_path, TODAY)
        assert audit.read_heads(path) == audit.heads(conn, LOCAL)
        assert set(audit.read_heads(path)) == {"", COMMUNITY}
        before = path.read_bytes()
        add_supply_point(conn, "S9", 120.6, 30.9)
        assert heads.keep(conn, tmp_path, TODAY) is None
        assert path.read_bytes() == before
        assert heads.keep(conn, tmp_path, TODAY + timedelta(days=1)) is not None
    assert names(tmp_path) == ["2026-11-24.json", "2026-11-25.json"]
    assert heads.folder_of(tmp_path).stat().st_mode & 0o777 == 0o700


def test_a_register_without_entries_leaves_no_file(empty_database, tmp_path):
    with transaction(empty_database, LOCAL) as conn:
        assert heads.keep(conn, tmp_path, TODAY) is None
    assert heads.newest(tmp_path) is None


def test_four_hundred_files_are_kept_and_nothing_else_is_touched(written, tmp_path):
    folder = heads.folder_of(tmp_path)
    folder.mkdir()
    for back in range(1, 411):
        (folder / f"{TODAY - timedelta(days=back)}.json").write_text("{}")
    (folder / "note.txt").write_text("mine")
    with transaction(written, LOCAL) as conn:
        heads.keep(conn, tmp_path, TODAY)
    kept = names(tmp_path)
    assert len(kept) == heads.KEPT + 1
    assert kept[-2:] == ["2026-11-24.json", "note.txt"]


def test_the_day_turns_at_midnight_in_shanghai(written, tmp_path):
    moments = iter([datetime(2026, 11, 24, 15, 59, 59, tzinfo=UTC), datetime(2026, 11, 24, 16, 0, tzinfo=UTC)])
    read = threading.Event()

    def clock() -> datetime:
        try:
            return next(moments)
        except StopIteration:
            read.set()
            return datetime(2026, 11, 24, 16, 1, tzinfo=UTC)

    url = written.url.render_as_string(hide_password=False)
    with heads.kept_daily(url, tmp_path, clock=clock, every_s=0.01):
        assert read.wait(WAIT_S)
    assert names(tmp_path) == ["2026-11-24.json", "2026-11-25.json"]


def test_the_keeper_outlives_a_folder_that_cannot_be_written(written, tmp_path):
    (tmp_path / heads.FOLDER).write_text("in the way")
    url = written.url.render_as_string(hide_password=False)
    with heads.kept_daily(url, tmp_path, clock=lambda: datetime(2026, 11, 24, tzinfo=UTC), every_s=0.01):
        time.sleep(0.3)
        (tmp_path / heads.FOLDER).unlink()
        give_up = time.monotonic() + WAIT_S
        while heads.newest(tmp_path) is None and time.monotonic() < give_up:
            time.sleep(0.02)
    assert names(tmp_path) == ["2026-11-24.json"]


@pytest.fixture
def verify(written, tmp_path, monkeypatch):
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", written.url.render_as_string(hide_password=False))
    monkeypatch.setenv("GRIDMAP_HOME", str(tmp_path))
    return lambda *words: CliRunner().invoke(main, ["audit", "verify", *words])


def cut(engine) -> None:
    """Do what a superuser could: take the last entry away."""
    with engine.begin() as conn:
        conn.execute(sa.text("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_kept"))
        conn.execute(sa.text("DELETE FROM audit_entry WHERE chain = '' AND seq = 3"))
        conn.execute(sa.text("ALTER TABLE audit_entry ENABLE TRIGGER audit_entry_kept"))


def test_verify_compares_with_the_newest_kept_heads_by_itself(written, verify, tmp_path):
    assert "No heads were kept yet" in verify().output
    with transaction(written, LOCAL) as conn:
        heads.keep(conn, tmp_path, TODAY)
    found = verify()
    assert (found.exit_code, "heads of 2026-11-24" in found.output) == (0, True)
    cut(written)
    found = verify()
    assert found.exit_code == 1
    assert "Chain -, entry 3: the exported head is not in the chain" in found.output


def test_heads_of_another_database_are_named_and_not_compared(written, verify, tmp_path):
    with transaction(written, LOCAL) as conn:
        path = heads.keep(conn, tmp_path, TODAY)
    path.write_text(json.dumps({**json.loads(path.read_text()), "database": "1/other"}))
    cut(written)
    found = verify()
    assert (found.exit_code, "is of another database" in found.output) == (0, True)
    assert verify("--heads", str(path)).exit_code == 1
