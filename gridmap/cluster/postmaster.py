"""What became of the server process that a data folder's lock names; the lock itself is never touched."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

State = Literal["alive", "zombie", "gone", "foreign"]


@dataclass(frozen=True)
class Postmaster:
    """The process in postmaster.pid: `foreign` means that another program has got the number since."""

    pid: int
    state: State
    program: str = ""
    port: int | None = None


def named_by(data: Path) -> Postmaster | None:
    """Return the server process that the data folder's lock names, None when there is no lock."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (FileNotFoundError, ValueError, IndexError):
        return None
    port = int(lines[3]) if len(lines) > 3 and lines[3].isdigit() else None
    return replace(_look(pid, data), port=port)


def _look(pid: int, data: Path) -> Postmaster:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return Postmaster(pid, "gone")
    program, state = stat[stat.index("(") + 1 : stat.rindex(")")], stat[stat.rindex(")") + 2]
    if state in "ZX":
        return Postmaster(pid, "zombie", program)
    if program not in ("postgres", "postmaster") or not _works_in(pid, data):
        return Postmaster(pid, "foreign", program)
    return Postmaster(pid, "alive", program)


def _works_in(pid: int, data: Path) -> bool:
    """Return whether a process has the data folder as its working folder, as a postmaster does; True if hidden."""
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", data)
    except OSError:
        return True
