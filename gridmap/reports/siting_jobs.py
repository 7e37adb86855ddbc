"""Siting under way: each run is a folder of the service's home with its state, so that every web worker can tell it.

A run belongs to the account that asked. It works in a thread of the worker that took the question; one whose worker
ended stops beating and is told as failed.
"""

import os
import re
import threading
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import structlog

from gridmap.errors import Conflict, NotFound
from gridmap.reports.siting_question import Prepared, answer
from gridmap.siting import Cancelled

FOLDER = "siting"
MOST_AT_ONCE = 2  # in one process; a run may take a core for a minute
SILENT_S = 180.0  # without a beat: the process that worked on it is gone (HiGHS beats only before and after)
KEPT_S = 7 * 86_400.0
_NAME = re.compile("[0-9a-f-]{36}")
_running = threading.BoundedSemaphore(MOST_AT_ONCE)
_log = structlog.get_logger(__name__)


def start(home: Path, account: UUID, prepared: Prepared, asked: dict[str, Any]) -> UUID:
    """Begin a run and return its number.

    Raises
    ------
    Conflict if as many as may be are under way.
    """
    if not _running.acquire(blocking=False):
        raise Conflict(
            "Other siting runs are under way. Wait for one to end, or cancel it. 已有选址任务在运行，请稍候。"
        )
    run = uuid4()
    try:
        folder = home / FOLDER / str(run)
        folder.mkdir(parents=True, mode=0o700)
        _drop_old(home)
        _write(
            folder, {"account": str(account), "asked": asked, "state": "running", "progress": 0.0, "begun": time.time()}
        )
        threading.Thread(target=_work, args=(folder, prepared), daemon=True, name=f"siting {run}").start()
    except BaseException:
        _running.release()
        raise
    return run


def find(home: Path, account: UUID, run: UUID) -> dict[str, Any]:
    """Return the state of one's own run: running, done, cancelled or failed; NotFound for any other."""
    folder = _folder(home, account, run)
    state = _read(folder)
    if state["state"] == "running" and time.time() - state["beat"] > SILENT_S:
        state |= {"state": "failed"}
    return {name: value for name, value in state.items() if name not in ("account", "beat", "begun")}


def own(home: Path, account: UUID) -> list[tuple[UUID, dict[str, Any]]]:
    """Return the runs of an account, the newest first."""
    if not (home / FOLDER).is_dir():
        return []
    found = []
    for folder in (home / FOLDER).iterdir():
        state = folder / "state.json"
        if _NAME.fullmatch(folder.name) and state.is_file() and _read(folder)["account"] == str(account):
            found.append((_read(folder)["begun"], UUID(folder.name)))
    return [(run, find(home, account, run)) for _, run in sorted(found, reverse=True)]


def cancel(home: Path, account: UUID, run: UUID) -> None:
    """Ask a run of one's own to end at its next step; one that has ended stays as it is."""
    (_folder(home, account, run) / "cancel").touch()


def _folder(home: Path, account: UUID, run: UUID) -> Path:
    folder = home / FOLDER / str(run)
    if not (folder / "state.json").is_file() or _read(folder)["account"] != str(account):
        raise NotFound(f"There is no siting run {run}.", where="run")
    return folder


def _work(folder: Path, prepared: Prepared) -> None:
    def report(share: float) -> None:
        if (folder / "cancel").exists():
            raise Cancelled
        _write(folder, _read(folder) | {"progress": round(share, 3)})

    try:
        found = answer(prepared, report)
        _write(folder, _read(folder) | {"state": "done", "progress": 1.0, "result": found})
    except Cancelled:
        _write(folder, _read(folder) | {"state": "cancelled"})
    except Exception:  # the thread's last chance to tell whoever waits
        _log.exception("siting failed", run=folder.name)
        _write(folder, _read(folder) | {"state": "failed"})
    finally:
        _running.release()


def _read(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((folder / "state.json").read_bytes())
    return found


def _write(folder: Path, state: dict[str, Any]) -> None:
    """Replace the state in one step, so that nobody reads half of it."""
    fresh = folder / "state.new"
    fresh.write_bytes(orjson.dumps(state | {"beat": time.time()}))
    os.replace(fresh, folder / "state.json")


def _drop_old(home: Path) -> None:
    for folder in (home / FOLDER).iterdir():
        if not _NAME.fullmatch(folder.name):
            continue
        state = folder / "state.json"
        if state.is_file() and time.time() - state.stat().st_mtime > KEPT_S:
            for part in folder.iterdir():
                part.unlink(missing_ok=True)
            folder.rmdir()
