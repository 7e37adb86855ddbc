"""The last entry of each audit chain, kept as a file a day: what shows later that a chain was cut off or written anew."""

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from gridmap import audit, db
from gridmap.access import acting

CLOCK = ZoneInfo("Asia/Shanghai")
FOLDER, KEPT = "audit-heads", 400  # files: a year and a month
LOOKED_EVERY_S = 600
KEEPER = acting("heads", {"audit.view"}, ("",))
_NAME = re.compile(r"\d{4}-\d{2}-\d{2}\.json")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Kept:
    """A file of heads, the database it was made from, and the heads."""

    path: Path
    database: str
    heads: dict[str, tuple[int, str]]


def folder_of(home: Path) -> Path:
    """Return the folder where the files lie."""
    return home / FOLDER


def newest(home: Path) -> Kept | None:
    """Return the newest file, or None if there is none; InvalidInput if it holds no heads."""
    files = _files(folder_of(home))
    if not files:
        return None
    heads = audit.read_heads(files[-1])
    return Kept(files[-1], str(json.loads(files[-1].read_text(encoding="utf-8")).get("database", "")), heads)


def of_this(conn: sa.Connection, home: Path) -> tuple[Kept | None, Kept | None]:
    """Return the newest file if it is of this database, and the newest if it is of another."""
    kept = newest(home)
    if kept is None or kept.database == identity_of(conn):
        return kept, None
    return None, kept


def keep(conn: sa.Connection, home: Path, today: date) -> Path | None:
    """Write today's heads unless they are there, drop the oldest beyond 400 files, and return the file written.

    A register without any entry leaves no file. The file appears whole or not at all.
    """
    folder = folder_of(home)
    target = folder / f"{today.isoformat()}.json"
    if target.exists() or not (heads := audit.heads(conn, KEEPER)):
        return None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    moment = conn.execute(sa.select(sa.func.now())).scalar_one()
    body = {"database": identity_of(conn), "at": moment.isoformat(), "heads": heads}
    draft = target.with_suffix(".new")
    draft.write_text(json.dumps(body, indent=1, sort_keys=True), encoding="utf-8")
    os.replace(draft, target)
    for old in _files(folder)[:-KEPT]:
        old.unlink(missing_ok=True)
    return target


def identity_of(conn: sa.Connection) -> str:
    """Return what tells this database from any other: its server's own number, where it may be read, and its name."""
    may = conn.scalar(sa.text("SELECT has_function_privilege('pg_control_system()', 'EXECUTE')"))
    number = conn.scalar(sa.text("SELECT system_identifier FROM pg_control_system()")) if may else "-"
    return f"{number}/{conn.scalar(sa.select(sa.func.current_database()))}"


@contextmanager
def kept_daily(
    url: str,
    home: Path,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(CLOCK),
    every_s: float = LOOKED_EVERY_S,
) -> Iterator[None]:
    """Keep the heads once a day while the block runs, in a thread of its own."""
    stop = threading.Event()
    thread = threading.Thread(target=_keep_on, args=(url, home, clock, every_s, stop), daemon=True, name="audit-heads")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=5)


def _keep_on(url: str, home: Path, clock: Callable[[], datetime], every_s: float, stop: threading.Event) -> None:
    engine = db.service_engine(url, pool_size=1)
    try:
        while True:
            try:
                with db.transaction(engine, KEEPER) as conn:
                    keep(conn, home, clock().astimezone(CLOCK).date())
            except Exception:  # the loop outlives a database or a disk that is away for a while
                _log.exception("audit heads were not written")
            if stop.wait(every_s):
                return
    finally:
        engine.dispose()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.json") if _NAME.fullmatch(path.name))
