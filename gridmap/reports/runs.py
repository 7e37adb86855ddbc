"""Long questions under way: each run is a folder of the service's home with its state, so that every web worker can tell it.

A run belongs to the account that asked. It works in a thread of the worker that took the question; one whose worker
ended stops beating and is told as failed.
"""

import fcntl
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import structlog

from gridmap.errors import Conflict, NotFound

MOST_AT_ONCE = 2  # of one kind in one process; a run may take a core for a minute
SILENT_S = 180.0  # without a beat: the process that worked on it is gone (HiGHS beats only before and after)
KEPT_S = 7 * 86_400.0
Report = Callable[[float], None]
Work = Callable[[Any, Report, Path], dict[str, Any]]
_NAME = re.compile("[0-9a-f-]{36}")
_log = structlog.get_logger(__name__)


class Cancelled(Exception):
    """Whoever asked has called the run off."""


class Runs:
    """The runs of one kind of question.

    Parameters
    ----------
    kind : names the folder below the home
    work : answers what was prepared; it is given a way to report the share done and the run's folder, and raises what
        `report` raises
    """

    def __init__(self, kind: str, work: Work) -> None:
        self.kind, self.work = kind, work
        self._running = threading.BoundedSemaphore(MOST_AT_ONCE)

    def start(self, home: Path, account: UUID, prepared: Any, asked: dict[str, Any]) -> UUID:
        """Begin a run and return its number.

        Raises
        ------
        Conflict if as many as may be are under way.
        """
        if not self._running.acquire(blocking=False):
            raise Conflict("Other runs are under way. Wait for one to end, or cancel it. 已有任务在运行，请稍候。")
        run = uuid4()
        try:
            folder = home / self.kind / str(run)
            folder.mkdir(parents=True, mode=0o700)
            _drop_old(folder.parent)
            state = {"account": str(account), "asked": asked, "state": "running", "progress": 0.0, "begun": time.time()}
            _write(folder, state)
            threading.Thread(target=self._work, args=(folder, prepared), daemon=True, name=f"{self.kind} {run}").start()
        except BaseException:
            self._running.release()
            raise
        return run

    def find(self, home: Path, account: UUID, run: UUID) -> dict[str, Any]:
        """Return the state of one's own run: running, done, cancelled or failed; NotFound for any other."""
        state = _read(self.folder(home, account, run))
        if state["state"] == "running" and time.time() - state["beat"] > SILENT_S:
            state |= {"state": "failed"}
        return {name: value for name, value in state.items() if name not in ("account", "beat", "begun")}

    def own(self, home: Path, account: UUID) -> list[tuple[UUID, dict[str, Any]]]:
        """Return the runs of an account, the newest first."""
        place = home / self.kind
        if not place.is_dir():
            return []
        found = []
        for folder in place.iterdir():
            state = folder / "state.json"
            if _NAME.fullmatch(folder.name) and state.is_file() and _read(folder)["account"] == str(account):
                found.append((_read(folder)["begun"], UUID(folder.name)))
        return [(run, self.find(home, account, run)) for _, run in sorted(found, reverse=True)]

    def cancel(self, home: Path, account: UUID, run: UUID) -> None:
        """Ask a run of one's own to end at its next step; one that has ended stays as it is."""
        (self.folder(home, account, run) / "cancel").touch()

    @contextmanager
    def changing(self, home: Path, account: UUID, run: UUID) -> Iterator[tuple[dict[str, Any], Path]]:
        """Yield the result of a finished run of one's own and its folder; what is changed of the result is kept.

        One at a time: a second change waits for the first. Nothing is kept where an error is raised.

        Raises
        ------
        Conflict if the run has no result.
        """
        folder = self.folder(home, account, run)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = _read(folder)
            if state["state"] != "done":
                raise Conflict("This run has no result. Wait for it, or ask again. 此任务尚无结果。", where="run")
            yield state["result"], folder
            _write(folder, state)

    def folder(self, home: Path, account: UUID, run: UUID) -> Path:
        """Return the folder of a run of one's own; NotFound for any other."""
        folder = home / self.kind / str(run)
        if not (folder / "state.json").is_file() or _read(folder)["account"] != str(account):
            raise NotFound(f"There is no {self.kind} run {run}.", where="run")
        return folder

    def _work(self, folder: Path, prepared: Any) -> None:
        def report(share: float) -> None:
            if (folder / "cancel").exists():
                raise Cancelled
            _write(folder, _read(folder) | {"progress": round(share, 3)})

        try:
            found = self.work(prepared, report, folder)
            _write(folder, _read(folder) | {"state": "done", "progress": 1.0, "result": found})
        except Cancelled:
            _write(folder, _read(folder) | {"state": "cancelled"})
        except Exception:  # the thread's last chance to tell whoever waits
            _log.exception("run failed", kind=self.kind, run=folder.name)
            _write(folder, _read(folder) | {"state": "failed"})
        finally:
            self._running.release()


def _read(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((folder / "state.json").read_bytes())
    return found


def _write(folder: Path, state: dict[str, Any]) -> None:
    """Replace the state in one step, so that nobody reads half of it."""
    fresh = folder / "state.new"
    fresh.write_bytes(orjson.dumps(state | {"beat": time.time()}))
    os.replace(fresh, folder / "state.json")


def _drop_old(place: Path) -> None:
    for folder in place.iterdir():
        if not _NAME.fullmatch(folder.name):
            continue
        state = folder / "state.json"
        if state.is_file() and time.time() - state.stat().st_mtime > KEPT_S:
            for part in folder.iterdir():
                part.unlink(missing_ok=True)
            folder.rmdir()
