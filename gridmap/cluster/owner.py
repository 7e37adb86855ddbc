"""The system user whose processes and files the private cluster is."""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gridmap.errors import ClusterError

SYSTEM_USER = "gridmap"


@dataclass(frozen=True)
class Owner:
    """A user the cluster runs as; `prefix` is what turns root into that user, empty for an ordinary user."""

    name: str
    uid: int
    gid: int
    prefix: tuple[str, ...] = ()

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program as this user, out of reach of the terminal's Ctrl-C, its messages in English."""
        return subprocess.run(
            [*self.prefix, *command],
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            start_new_session=True,
            umask=0o077,
        )

    def private_folder(self, path: Path) -> None:
        """Make a folder that only this user may enter, or check that an existing one is that."""
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            self._check_private(path)
            return
        if self.prefix:
            os.chown(path, self.uid, self.gid)
        path.chmod(0o700)

    def _check_private(self, path: Path) -> None:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != self.uid or stat.S_IMODE(found.st_mode) & 0o077:
            raise ClusterError(
                f"No permission: {path} must be a folder that only {self.name} may enter. "
                f"Move it away, or name another folder in GRIDMAP_HOME. 没有权限。"
            )

    def check_reaches(self, path: Path) -> None:
        """Raise ClusterError if a folder above `path` is closed to this user."""
        if not self.prefix:
            return
        for folder in (*reversed(path.parents), path):
            if not self._may_enter(folder.stat()):
                raise ClusterError(
                    f"No permission: the database runs as the system user {self.name}, which may not enter {folder}. "
                    f"Name a folder it can reach in GRIDMAP_HOME, such as /var/lib/gridmap. 没有权限。"
                )

    def _may_enter(self, found: os.stat_result) -> bool:
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        return bool(found.st_mode & (stat.S_IXGRP if found.st_gid == self.gid else stat.S_IXOTH))


def owner_of(data: Path) -> Owner:
    """Return who runs the cluster with that data folder.

    That is who calls; but root hands over to the folder's owner, or for a new folder to the system user `gridmap`,
    because PostgreSQL refuses to run as root.

    Raises
    ------
    ClusterError if there is no such user, or the folder belongs to somebody else or to root.
    """
    me = os.geteuid()
    holder = data.stat().st_uid if data.exists() else None
    if me != 0:
        if holder not in (None, me):
            raise ClusterError(
                f"No permission: the database in {data} belongs to {_name(holder)}. Start gridmap as that user, "
                f"or name another folder in GRIDMAP_HOME. 没有权限：数据库属于另一用户。"
            )
        entry = _entry(me)
        return Owner(entry.pw_name, me, os.getegid())
    if holder == 0:
        raise ClusterError(f"{data} belongs to root, and PostgreSQL refuses to run as root. Name another GRIDMAP_HOME.")
    entry = _system_user() if holder is None else _entry(holder)
    return Owner(entry.pw_name, entry.pw_uid, entry.pw_gid, _become(entry))


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise ClusterError(
            f"Started as root, gridmap runs its database as the system user {SYSTEM_USER}, which does not exist. "
            f"Run script/setup, which makes it. 缺少系统用户 {SYSTEM_USER}，请运行 script/setup。"
        ) from None


def _entry(uid: int) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise ClusterError(
            f"PostgreSQL needs a named user, and this machine has no name for user number {uid}."
        ) from None


def _become(entry: pwd.struct_passwd) -> tuple[str, ...]:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ClusterError("Started as root, gridmap needs the program setpriv (package util-linux).")
    return (setpriv, f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups")


def _name(uid: int | None) -> str:
    try:
        return "nobody" if uid is None else pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user number {uid}"
