"""What PostgreSQL's and the system's complaints mean in plain words."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from gridmap.errors import ClusterError

_LOCKED = re.compile(r'lock file ".*postmaster\.pid" already exists|pre-existing shared memory block .* still in use')
_KNOWN = (
    (
        re.compile(r"No space left on device|disk full|Disk quota exceeded"),
        "The disk is full: free some space where {home} lies, then start again. 磁盘已满。",
    ),
    (
        _LOCKED,
        "The database in {home} is locked by another running cluster; stop that one first (gridmap db stop). "
        "数据库正被另一进程占用。",
    ),
    (
        re.compile(r'lock file ".*\.s\.PGSQL.*" already exists|could not bind Unix address'),
        "Another database uses the same socket folder; stop that one, or name another folder in GRIDMAP_HOME. "
        "数据库套接字被占用。",
    ),
    (
        re.compile(r"files are incompatible with server|initialized by PostgreSQL version"),
        "Wrong PostgreSQL version: the data in {home} were made by another one. 数据库版本不符。",
    ),
    (
        re.compile(r"Permission denied|Operation not permitted|has wrong ownership"),
        "No permission to use {home}: check who owns it, or name another folder in GRIDMAP_HOME. 没有权限。",
    ),
    (
        re.compile(r"Cannot allocate memory|could not create shared memory|could not map anonymous shared memory"),
        "There is not enough memory for the database. 内存不足。",
    ),
)


def is_locked(said: str) -> bool:
    """Return whether PostgreSQL refused to start because the data folder is, or seems to be, in use."""
    return bool(_LOCKED.search(said))


def explained(said: str, *, home: Path) -> ClusterError:
    """Return the error that tells in plain words what PostgreSQL said, with the last lines of it."""
    lines = [line for line in said.strip().splitlines() if line.strip()]
    tail = "\n".join(lines[-6:])
    for pattern, sentence in _KNOWN:
        if pattern.search(said):
            return ClusterError(f"{sentence.format(home=home)}\nPostgreSQL said:\n{tail}")
    return ClusterError(f"The private database is not usable. 数据库无法使用。\nPostgreSQL said:\n{tail or '-'}")


@contextmanager
def plain_words(home: Path) -> Iterator[None]:
    """Turn refusals by the system or the server, while the cluster under `home` is handled, into ClusterError."""
    try:
        yield
    except psycopg.Error as exc:
        raise explained(str(exc), home=home) from exc
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ClusterError(f"The disk is full: free some space where {home} lies. 磁盘已满。") from exc
        if exc.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise ClusterError(
                f"No permission to use {exc.filename or home}: check who owns it, or name another folder in "
                f"GRIDMAP_HOME. 没有权限。"
            ) from exc
        if exc.errno in (errno.ENOTDIR, errno.EEXIST):
            raise ClusterError(f"{exc.filename or home} is not a folder. Name another one in GRIDMAP_HOME.") from exc
        raise ClusterError(f"{exc.filename or home} cannot be used: {exc.strerror}.") from exc
