"""The process that reads one file from outside: shut in before it looks at a byte, and without anything to lose.

It is started by `apart` with the path, encoding and layer as JSON on its command line, tells its source, and sends all
rows each time it is asked to. What it cannot read it refuses in a sentence, also what breaks a library.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
OPEN_FILES = 256


def main() -> None:
    """Read the file that the command line names, by the limits it states."""
    asked = json.loads(sys.argv[-1])
    out = os.fdopen(os.dup(1), "wb", buffering=1 << 20)
    os.dup2(2, 1)  # what a library prints must not be taken for a frame
    shut_in(asked["memory_bytes"], asked["cpu_s"], asked["file_bytes"])
    from gridmap.exchange import frames

    try:
        _read(asked, out)
    except BrokenPipeError:
        os._exit(1)  # nobody listens any more
    except Exception as exc:  # the last line of this process: hostile files break libraries in any way
        out.write(frames.packed(frames.REFUSED, frames.as_json(_refusal(exc, Path(asked["path"]).name))))
        with contextlib.suppress(BrokenPipeError):
            out.flush()


def shut_in(memory_bytes: int, cpu_s: int, file_bytes: int) -> None:
    """Give up the network where the system lets us, new rights, and more memory, time and disk than stated."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.unshare(CLONE_NEWNET) != 0:
        uid, gid = os.getuid(), os.getgid()
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0:  # without a map of its own the process could write no file
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
            Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    for what, most in (
        (resource.RLIMIT_DATA, memory_bytes), (resource.RLIMIT_CPU, cpu_s), (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES), (resource.RLIMIT_CORE, 0),
    ):  # fmt: skip
        hard = resource.getrlimit(what)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (least, least))


def _read(asked: dict[str, Any], out: Any) -> None:
    from dataclasses import asdict

    from gridmap.exchange import frames, reading

    with reading.opened(asked["path"], encoding=asked["encoding"], layer=asked["layer"]) as source:
        told = asdict(source, dict_factory=lambda pairs: {k: v for k, v in pairs if k != "batches"})
        out.write(frames.packed(frames.SOURCE, frames.as_json(told)))
        out.flush()
        while os.read(0, 1) == frames.AGAIN:
            for batch in source.batches():
                for frame in frames.of_batch(batch):
                    out.write(frame)
                out.flush()
            out.write(frames.packed(frames.END, b"{}"))
            out.flush()


def _refusal(exc: Exception, name: str) -> dict[str, str | None]:
    from gridmap.errors import GridmapError

    if isinstance(exc, GridmapError):
        return {"code": exc.code, "detail": exc.detail, "where": exc.where}
    traceback.print_exc()
    why = "it needs more memory than a file of its size may" if isinstance(exc, MemoryError) else type(exc).__name__
    return {
        "code": "import_refused", "where": None,
        "detail": f"{name!r} is broken or no such file: reading it failed ({why}). 文件已损坏或格式不符，无法读取。",
    }  # fmt: skip


if __name__ == "__main__":
    main()
