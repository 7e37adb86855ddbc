"""Opening a file in a process of its own: without network, database and keys, held to limits, ended when it overstays.

A file from outside meets GDAL, XML and zip readers. Whatever it does to them happens where nothing is to be had, and
what comes back is only cells and WKB (`frames`).
"""

import fcntl
import json
import math
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

import gridmap
from gridmap.crs import System
from gridmap.errors import ImportRefused, InvalidInput
from gridmap.exchange import encodings, frames
from gridmap.exchange.reading import checked_path
from gridmap.exchange.reasons import Note
from gridmap.exchange.source import Batch, Source

MIB = 1 << 20
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from gridmap.exchange.reader import main; main()"
_PACKED = (".zip", ".xlsx")
_LOOK_S = 0.2  # how often whoever waits is asked whether to go on
_PIPE_BYTES = 1 << 20
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Limits:
    """What a reading process may use: memory and written files in bytes, processor and silence in seconds."""

    memory_bytes: int
    cpu_s: int
    silence_s: int
    file_bytes: int = 5 << 30  # of what a zip unpacks to, which `archive` holds to less


def limits_for(path: Path) -> Limits:
    """Return the limits for a file: a small one that asks for much is not what it says it is."""
    size = path.stat().st_size
    factor = 60 if path.suffix.lower() in _PACKED else 16  # of a GeoJSON, which is held in memory whole
    seconds = 20 + 3 * math.ceil(size / MIB)
    return Limits(memory_bytes=400 * MIB + factor * size, cpu_s=seconds, silence_s=2 * seconds)


def never() -> None:
    """Go on waiting, whatever happens."""


@contextmanager
def opened(
    path: str | Path,
    *,
    encoding: str | None = None,
    layer: str = "",
    waiting: Callable[[], None] = never,
    limits: Limits | None = None,
) -> Iterator[Source]:
    """Open a file in a process of its own and yield its source; the process and its files are gone afterwards.

    Parameters
    ----------
    encoding, layer : as for `reading.opened`
    waiting : called a few times a second while the process reads; what it raises ends the process

    Raises
    ------
    ImportRefused as `reading.opened`, and for a file that breaks its reader or needs more than its size allows;
    InvalidInput for an encoding that is none.
    """
    file = checked_path(path)
    if encoding:
        encodings.stated(encoding)
    with tempfile.TemporaryDirectory(prefix="gridmap-import-") as folder:
        process = _Process(file, encoding, layer, Path(folder), limits or limits_for(file), waiting)
        try:
            yield process.source()
        finally:
            process.end()


class _Process:
    """One reading process and the frames it sends."""

    def __init__(
        self, file: Path, encoding: str | None, layer: str, folder: Path, limits: Limits, waiting: Callable[[], None]
    ) -> None:
        self.file, self.limits, self.waiting = file, limits, waiting
        self.is_reading = False
        asked = {
            "path": str(file), "encoding": encoding, "layer": layer, "memory_bytes": limits.memory_bytes,
            "cpu_s": limits.cpu_s, "file_bytes": limits.file_bytes,
        }  # fmt: skip
        root = str(Path(gridmap.__file__).parent.parent)
        self.errors = (folder / "stderr").open("w+b")
        self.child = subprocess.Popen(
            [sys.executable, "-I", "-c", _BOOT, root, json.dumps(asked)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, cwd=folder, env=_environment(folder),
            start_new_session=True, close_fds=True,
        )  # fmt: skip
        self.out = self._output()
        with suppress(OSError):  # fewer turns of the scheduler; not every system gives so much
            fcntl.fcntl(self.out, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def _output(self) -> int:
        if self.child.stdout is None:
            raise RuntimeError("the reading process has no output")
        return self.child.stdout.fileno()

    def source(self) -> Source:
        """Return the source that the process tells."""
        kind, told = self._frame()
        if kind != frames.SOURCE:
            raise self._broken(f"it sent {kind!r} first")
        found = frames.from_json(told)
        found["crs"] = System(**found["crs"]) if found["crs"] else None
        found["notes"] = [Note(**note) for note in found["notes"]]
        return Source(batches=self.batches, **found)

    def batches(self) -> Iterator[Batch]:
        """Yield all rows of the file, from the first; the rows of an earlier call end here."""
        if self.is_reading:
            raise RuntimeError("the rows of this file are being read already")
        self._ask()
        self.is_reading = True
        while True:
            kind, payload = self._frame()
            if kind == frames.END:
                self.is_reading = False
                return
            if kind != frames.BATCH:
                raise self._broken(f"it sent {kind!r} for rows")
            yield frames.to_batch(frames.from_json(payload), self._shapes)

    def end(self) -> None:
        """End the process at once, with whatever it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout, self.errors):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def _ask(self) -> None:
        if self.child.stdin is None:
            raise RuntimeError("the reading process has no input")
        try:
            self.child.stdin.write(frames.AGAIN)
            self.child.stdin.flush()
        except BrokenPipeError:
            raise self._broken("it ended early") from None

    def _shapes(self) -> bytes:
        kind, payload = self._frame()
        if kind != frames.SHAPES:
            raise self._broken(f"it sent {kind!r} for shapes")
        return payload

    def _frame(self) -> tuple[bytes, bytes]:
        kind, size = frames.HEAD.unpack(self._bytes(frames.HEAD.size))
        if size > frames.MAX_FRAME:
            raise self._broken("it sent too much at once")
        payload = self._bytes(size)
        if kind == frames.REFUSED:
            raise self._refused(frames.from_json(payload))
        return kind, payload

    def _bytes(self, count: int) -> bytes:
        """Return the next bytes the process sends, asking meanwhile whether to go on."""
        parts, missing, last = [], count, time.monotonic()
        while missing:
            if select.select([self.out], [], [], _LOOK_S)[0]:
                part = os.read(self.out, min(missing, _PIPE_BYTES))
                if not part:
                    raise self._broken("it ended early")
                parts.append(part)
                missing, last = missing - len(part), time.monotonic()
            elif time.monotonic() - last > self.limits.silence_s:
                raise self._broken("it takes too long")
            self.waiting()
        return b"".join(parts)

    def _refused(self, told: Any) -> ImportRefused | InvalidInput:
        self._log_errors("reading failed")
        kind = InvalidInput if told["code"] == InvalidInput.code else ImportRefused
        return kind(told["detail"], where=told["where"])

    def _broken(self, how: str) -> ImportRefused:
        """Return the refusal of a file whose reader went astray: killed by a limit, crashed, or talking nonsense."""
        self.end_reading()
        number = self.child.returncode
        if number in (-signal.SIGXCPU, -signal.SIGKILL) and how == "it ended early":
            how = "it takes too long"
        _log.warning("reader_lost", how=how, exit=number)
        return ImportRefused(
            f"{self.file.name!r} cannot be read: {how}, or needs more memory than a file of its size may."
            " 文件无法读取：耗时过长、占用内存过多或已损坏。"
        )

    def end_reading(self) -> None:
        """Kill the process if it still runs, and learn how it ended."""
        self._log_errors("reading broke off")
        try:
            self.child.wait(timeout=1)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()

    def _log_errors(self, event: str) -> None:
        """Log the kind of trouble a library had, never its words: they may quote the file."""
        self.errors.seek(0)
        last = self.errors.read()[-4000:].decode("utf-8", "replace").strip().splitlines()[-1:]
        if last:
            _log.info("reader", event_kind=event, error=last[0].partition(":")[0][:80])


def _environment(folder: Path) -> dict[str, str]:
    """Return all the process knows of the machine: no address of a database, no settings, no keys."""
    quiet = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "GDAL")}
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(folder), "TMPDIR": str(folder), **quiet}
