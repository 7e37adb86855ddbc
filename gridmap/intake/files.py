"""The files of an import under way: a folder for each, names of our own, gone when they are no longer needed."""

import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO
from uuid import UUID

from gridmap.errors import ImportRefused, InvalidInput, NotFound
from gridmap.exchange.reading import FORMATS, READERS
from gridmap.exchange.vector import SIBLINGS

FOLDER = "imports"
REASONS = "reasons.xlsx"
KEPT_S = 7 * 24 * 3600  # then a file and its report are gone, whatever became of them
MAX_FILES = 20
MAX_NAME = 120
BESIDE = (*SIBLINGS, ".cst", ".sbn", ".sbx", ".qpj", ".xml")  # what may lie beside a .shp; only SIBLINGS are kept
_CHUNK = 1 << 20


def folder_of(home: Path, job: UUID) -> Path:
    """Return the folder of an import."""
    return home / FOLDER / str(job)


def keep(home: Path, job: UUID, uploads: Iterable[tuple[str, IO[bytes]]]) -> tuple[str, str]:
    """Store what was uploaded under names of our own; return the name people know and the one to open.

    Parameters
    ----------
    uploads : name and content of each file: one file, or the loose parts of one Shapefile

    Raises
    ------
    ImportRefused if that is no file, several, or none of a known format; nothing stays then.
    """
    given = [(_plain(name), content) for name, content in uploads if name]
    known = _chosen([name for name, _ in given])
    folder = folder_of(home, job)
    folder.mkdir(parents=True, mode=0o700)
    folder.parent.chmod(0o700)
    try:
        for name, content in given:
            suffix = Path(name).suffix.lower()
            if suffix in (*READERS, ".zip", *SIBLINGS):
                _write(folder / f"upload{suffix}", content)
    except BaseException:
        drop(home, job)
        raise
    return known, f"upload{Path(known).suffix.lower()}"


def opened_path(home: Path, job: UUID, stored_name: str) -> Path:
    """Return the path of an import's file, or raise NotFound once it is gone."""
    path = folder_of(home, job) / stored_name
    if not path.is_file():
        raise NotFound("The file is no longer kept; choose it again. 文件已清除，请重新选择。")
    return path


def drop(home: Path, job: UUID, *, but: str = "") -> None:
    """Remove an import's files, all but one if it is named."""
    folder = folder_of(home, job)
    if not but:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for file in folder.glob("*"):
        if file.name != but:
            file.unlink(missing_ok=True)


def sweep(home: Path, now: float | None = None) -> int:
    """Remove the folders of imports that nobody touched for a week; return how many."""
    latest = (time.time() if now is None else now) - KEPT_S
    old = [folder for folder in (home / FOLDER).glob("*") if folder.stat().st_mtime < latest]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)


def _plain(name: str) -> str:
    """Return the last part of a file's name as it may be shown: never a path, never what cannot be printed."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[-MAX_NAME:]


def _chosen(names: list[str]) -> str:
    """Return the file to open of those that were chosen."""
    if not names:
        raise InvalidInput("Choose a file. 请选择文件。", where="files")
    if len(names) > MAX_FILES:
        raise ImportRefused(f"{len(names)} files were chosen; at most {MAX_FILES}. 文件过多。", where="files")
    shapes = [name for name in names if name.lower().endswith(".shp")]
    if len(shapes) == 1 and all(Path(name).suffix.lower() in (".shp", *BESIDE) for name in names):
        return shapes[0]
    if len(names) == 1:
        if Path(names[0]).suffix.lower() not in (*READERS, ".zip"):
            advice = "" if Path(names[0]).suffix.lower() not in SIBLINGS else " Choose all parts of the Shapefile."
            raise ImportRefused(
                f"{names[0]!r} is of no known format.{advice} 格式不支持。Formats: {FORMATS}.", where="files"
            )
        return names[0]
    raise ImportRefused(
        "Choose one file, or all parts of one Shapefile (.shp, .shx, .dbf, .prj). 请选择一个文件，或同一 Shapefile 的全部文件。",
        where="files",
    )


def _write(path: Path, content: IO[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(content, file, _CHUNK)
