"""The process that imports: takes what is asked, tells how far it is, and stops within a second when it is cancelled."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
import structlog

from gridmap import db
from gridmap.access import Actor
from gridmap.errors import GridmapError
from gridmap.exchange import ImportReport, import_file, write_report
from gridmap.exchange.takeover import Instead
from gridmap.intake import files, jobs, undoing
from gridmap.intake.jobs import Job
from gridmap.layer import Layers

LOOK_S = 0.5  # between two looks at the list, and two beats of an import's pulse
SWEEP_S = 3600
CHORES_S = 5.0
SHOWN_PROBLEMS = 200  # of a report in the database; the workbook has all of them
AsSet = Callable[[str], Instead]
_log = structlog.get_logger(__name__)


class Cancelled(GridmapError):
    """The person gave the import up."""

    code = "cancelled"


def run(
    engine: sa.Engine,
    layers: Layers,
    home: Path,
    is_over: Callable[[], bool],
    chores: Sequence[Callable[[sa.Engine], object]] = (),
    as_set: AsSet | None = None,
) -> None:
    """Work until told that it is over: one import at a time, the one that waits longest first.

    `as_set` makes what takes grids as a set of that name instead of storing them.
    `chores` are done between imports every few seconds: each does what has come due, and may fail without harm.
    """
    swept = looked = float("-inf")
    while not is_over():
        if time.monotonic() - looked > CHORES_S:
            for chore in chores:
                _do_chore(chore, engine)
            looked = time.monotonic()
        if time.monotonic() - swept > SWEEP_S:
            files.sweep(home)
            swept = time.monotonic()
        try:
            job = jobs.claim(engine)
        except GridmapError as exc:  # the database is away for a while
            _log.warning("worker_waits", why=exc.detail)
            job = None
        if job is None:
            time.sleep(LOOK_S)
        else:
            work(engine, layers, home, job, as_set)


def _do_chore(chore: Callable[[sa.Engine], object], engine: sa.Engine) -> None:
    try:
        chore(engine)
    except GridmapError as exc:  # the database is away for a while
        _log.warning("chore_waits", why=exc.detail)
    except Exception:  # a bug must not end the worker; it is logged whole
        _log.exception("chore_failed")


def work(engine: sa.Engine, layers: Layers, home: Path, job: Job, as_set: AsSet | None = None) -> None:
    """Do what is asked of an import that was claimed, and keep what came of it, also when that is trouble."""
    pulse = _Pulse(engine, job)
    try:
        if job.attempts > jobs.MAX_ATTEMPTS:
            raise GridmapError("The service ended several times while it imported this file. 导入多次中断。")
        with pulse:
            _do(engine, layers, home, job, pulse, as_set)
    except Cancelled:
        _settle(engine, job, jobs.given_up(job))
    except GridmapError as exc:
        _settle(engine, job, jobs.given_up(job) if pulse.is_cancelled or job.task == "undo" else "failed", exc.detail)
    except Exception:  # a bug must not end the worker; it is logged whole
        _log.exception("import_failed", job=str(job.id))
        state = "stored" if job.task == "undo" else "failed"
        _settle(engine, job, state, "Something went wrong inside; nothing was stored. 内部错误，未入库。")


def _settle(engine: sa.Engine, job: Job, state: str, trouble: str | None = None) -> None:
    with suppress(GridmapError), db.transaction(engine, jobs.WORKER) as conn:
        jobs.finish(conn, job, state, trouble=None if state in ("cancelled",) else trouble)


def _do(engine: sa.Engine, layers: Layers, home: Path, job: Job, pulse: "_Pulse", as_set: AsSet | None) -> None:
    with db.transaction(engine, jobs.WORKER) as conn:
        actor = jobs.actor_of(conn, job)
    if job.task == "undo":
        _undo(engine, actor, layers, job)
        files.drop(home, job.id)
        return
    path = files.opened_path(home, job.id, job.stored_name)
    name = job.settings.get("as_set")
    if name and as_set is None:
        raise GridmapError("This worker makes no sets of grids. 此服务不支持网格方案。")
    report = import_file(
        engine, actor, layers[job.layer], path, name=job.file_name, dry_run=job.task == "check",
        progress=pulse.tell, waiting=pulse.check, finished=lambda conn, report: _keep(conn, job, report, actor),
        instead=as_set(name) if name and as_set is not None else None,
        **options(job.settings, partial=job.task == "store"),
    )  # fmt: skip
    write_report(report, files.folder_of(home, job.id) / files.REASONS)
    if report.is_stored:
        files.drop(home, job.id, but=files.REASONS)


def options(settings: dict[str, Any], *, partial: bool) -> dict[str, Any]:
    """Return the options of `import_file` that a person's settings mean."""
    return {
        "crs": settings.get("crs") or None, "encoding": settings.get("encoding") or None,
        "key": settings.get("key") or (), "assign": settings.get("assign") or {},
        "mapping": settings.get("mapping") or {}, "merge": bool(settings.get("merge")),
        "repair": bool(settings.get("repair")), "partial": partial and bool(settings.get("partial")),
    }  # fmt: skip


def _keep(conn: sa.Connection, job: Job, report: ImportReport, actor: Actor) -> None:
    moment = conn.scalar(sa.select(sa.func.now())) if report.is_stored else None
    state = "stored" if report.is_stored else "checked"
    jobs.finish(conn, job, state, report=told(report), stored_at=moment, actor=actor.name, trouble=None)


def told(report: ImportReport) -> dict[str, Any]:
    """Return a report as the list of imports keeps it."""
    counts = ("read", "inserted", "updated", "unchanged", "refused")
    return {
        "format": report.format, "crs": report.crs, "is_stored": report.is_stored,
        **{name: getattr(report, name) for name in counts},
        "notes": [[note.code, note.en, note.zh] for note in report.notes],
        "problems": [
            [found.row, found.column, found.value, found.reason_en, found.reason_zh]
            for found in report.problems[:SHOWN_PROBLEMS]
        ],
        "problem_count": len(report.problems), "sets": report.sets,
    }  # fmt: skip


def _undo(engine: sa.Engine, actor: Actor, layers: Layers, job: Job) -> None:
    if (job.report or {}).get("sets"):
        raise GridmapError("Discard the set of grids on its page. 请在网格方案页面放弃该方案。")
    if job.stored_at is None:
        raise GridmapError("This import stored nothing. 该导入没有入库。")
    with db.transaction(engine, actor) as conn:
        found = undoing.undo(conn, actor, layers[job.layer], job.stored_at, job.actor, job.file_name)
        undone = {"restored": found.restored, "retired": found.retired, "left": found.left[:SHOWN_PROBLEMS]}
        jobs.finish(conn, job, "undone", report={**(job.report or {}), "undone": undone}, trouble=None)


class _Pulse:
    """Shows that an import is alive, and ends its statement under way when it is cancelled or taken by another."""

    def __init__(self, engine: sa.Engine, job: Job) -> None:
        self.engine, self.job = engine, job
        self.stage, self.rows = "", 0
        self.is_cancelled = False
        self._owner = threading.get_ident()
        self._over = threading.Event()
        self._connections: list[Any] = []
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        sa.event.listen(self.engine, "checkout", self._note)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        sa.event.remove(self.engine, "checkout", self._note)

    def _note(self, connection: Any, *_: object) -> None:
        if threading.get_ident() == self._owner:
            self._connections.append(connection)

    def tell(self, stage: str, rows: int) -> None:
        """Take note of how far the import is; raise Cancelled if it was given up."""
        self.stage, self.rows = stage, rows
        self.check()

    def check(self) -> None:
        """Raise Cancelled if the import was given up."""
        if self.is_cancelled:
            raise Cancelled("The import was cancelled. 导入已取消。")

    def _watch(self) -> None:
        while not self._over.wait(LOOK_S):
            with suppress(GridmapError):  # a database that is away says nothing about the import
                self.is_cancelled |= not jobs.beat(self.engine, self.job, self.stage, self.rows)
            if self.is_cancelled:
                self._stop_statement()

    def _stop_statement(self) -> None:
        for connection in self._connections:
            if not connection.closed:
                with suppress(psycopg.Error):
                    connection.cancel_safe(timeout=2)
