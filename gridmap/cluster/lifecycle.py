"""Making, starting, sharing and stopping the private cluster."""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal
from urllib.parse import quote

import psycopg
from psycopg.sql import SQL, Identifier

from gridmap.cluster import binaries, config, postmaster, trouble
from gridmap.cluster.owner import Owner, owner_of
from gridmap.errors import ClusterError
from gridmap.settings import Settings

Progress = Callable[[str], None]
State = Literal["absent", "stopped", "starting", "running"]
EXTENSIONS = ("postgis", "pg_trgm")
# The functions behind `&&`: they neither raise nor tell anything of a row, so a policy may let them use the index.
LEAKPROOF = ("geometry_overlaps(geometry, geometry)", "geography_overlaps(geography, geography)")
SOCKET_BYTES = 100
LOCK_WAIT_S, RETRY_S, START_S, STOP_S = 600, 30, 600, 120
LOG_BYTES = 10_000_000


def silent(_: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Status:
    """What the cluster is doing; `pid` and `version` where known."""

    state: State
    data: Path
    url: str
    pid: int | None = None
    version: int | None = None


@dataclass(frozen=True)
class Urls:
    """Where a database is: as its owner, who changes the schema, and as the service, which owns nothing."""

    owner: str
    service: str


class Cluster:
    """The private PostgreSQL cluster under one home folder.

    Parameters
    ----------
    home : folder of everything private; the cluster lies in `home/postgres`
    durable : False only for throw-away clusters of tests, which trade safety for speed (fsync off)
    listen : where people with a login of their own connect, such as `127.0.0.1:5433`; nowhere if not given

    Notes
    -----
    It listens on a unix socket in a folder only its system user may enter, and PostgreSQL asks the kernel who is
    calling (peer): root and the cluster's system user may be the roles `gridmap` (owns the one database) and
    `postgres` (administrator). There is no password to keep. Processes share the cluster: the last one out stops
    it, unless it was started to stay.
    """

    def __init__(self, home: Path, *, durable: bool = True, listen: str | None = None) -> None:
        self.home = home.absolute()
        self.durable = durable
        self.listen = config.listen_of(listen) if listen else None
        self.root = self.home / "postgres"
        self.data = self.root / "data"
        self._log = self.root / "log" / "server.log"
        self._stay = self.root / "stay"
        self._in_use: int | None = None  # a bare descriptor: held until released or the process ends

    @property
    def socket_folder(self) -> Path:
        """Return the folder of the socket: inside `home`, or a short one where that path is too long or unusual."""
        inside = self.root / "run"
        plain = str(inside).isascii() and not set(str(inside)) & set(" ,\"'\\$`@")
        if plain and len(bytes(inside / ".s.PGSQL.65535")) < SOCKET_BYTES:
            return inside
        base = Path("/run") if os.geteuid() == 0 and Path("/run").is_dir() else Path("/tmp")  # noqa: S108 - checked by private_folder
        return base / f"gridmap-{os.geteuid()}-{hashlib.sha256(bytes(self.home)).hexdigest()[:12]}"

    @property
    def port(self) -> int:
        """Return the port, which names the socket too: that of the running server, else the one it will have."""
        with suppress(OSError):
            process = postmaster.named_by(self.data)
            if process is not None and process.state == "alive" and process.port is not None:
                return process.port
        return self.listen.port if self.listen else config.PORT

    @property
    def url(self) -> str:
        """Return the SQLAlchemy URL of the database, whether it runs or not."""
        return self._url_as(config.OWNER)

    @property
    def service_url(self) -> str:
        """Return the URL the web workers use: a role that owns nothing and sees what the policies show it."""
        return self._url_as(config.SERVICE)

    def _url_as(self, role: str) -> str:
        place = f"host={quote(str(self.socket_folder))}&port={self.port}"
        return f"postgresql+psycopg://{role}@/{config.OWNER}?{place}"

    def start(self, progress: Progress = silent, *, stay: bool = False) -> str:
        """Make the cluster if there is none, start it if it does not run, and return its URL.

        Parameters
        ----------
        progress : told in a few words what takes time
        stay : keep it running when the last process that uses it ends

        Raises
        ------
        ClusterError in plain words: no PostgreSQL or PostGIS, wrong version, disk full, no permission, locked.
        """
        with trouble.plain_words(self.home):
            self._make_folders()
            with self._alone(progress):
                if self._wait_while_starting(progress) != "running":
                    self._check_durability()
                    self._launch(owner_of(self.data), progress)
                    self._stay.unlink(missing_ok=True)
                elif self.listen is not None and self.listen.port != self.port:
                    progress(
                        "The database runs already; it listens for direct logins after `gridmap db stop`. 重启后生效"
                    )
                if stay:
                    self._stay.touch()
                self._provision(progress)
                self._hold()
        return self.url

    def stop(self, progress: Progress = silent) -> None:
        """Stop the cluster cleanly if it runs: connections end, everything committed is kept."""
        with trouble.plain_words(self.home):
            if self.root.exists():
                with self._alone(progress):
                    self._stop(progress)
                    self._let_go()

    def release(self, progress: Progress = silent) -> None:
        """Stop using the cluster; the last process that used it stops it, unless it was started to stay."""
        if self._in_use is None:
            return
        with trouble.plain_words(self.home), self._alone(progress):
            last = _locked(self._in_use, fcntl.LOCK_EX)
            self._let_go()
            if last and not self._stay.exists():
                self._stop(progress)

    def status(self) -> Status:
        """Return what the cluster is doing now."""
        with trouble.plain_words(self.home):
            made_by = self.data / "PG_VERSION"
            if not made_by.exists():
                return Status("absent", self.data, self.url)
            version, process = int(made_by.read_text().strip()), postmaster.named_by(self.data)
            state = self._probe()
            alive = process is not None and process.state == "alive"
            return Status(state, self.data, self.url, process.pid if process and alive else None, version)

    # making

    def _make_folders(self) -> None:
        """Make the folders that whoever starts gridmap owns; as root the system user must be able to pass."""
        mode = 0o711 if os.geteuid() == 0 else 0o700
        if set(str(self.home)) & set("\"'\\$`\n"):
            raise ClusterError(f"{self.home} holds a character that PostgreSQL's tools cannot take; name another home.")
        for folder in (self.home, self.root):
            if not folder.exists():
                folder.mkdir(mode=mode, parents=True, exist_ok=True)
                folder.chmod(mode)

    def _check_durability(self) -> None:
        mark = self.root / "throw-away"
        if not self.data.exists() and not self.durable:
            mark.touch()
        if mark.exists() == self.durable:
            kind = "throw-away" if self.durable else "real"
            raise ClusterError(f"The cluster in {self.root} holds {kind} data and cannot be started otherwise.")

    def _init(self, owner: Owner, programs: binaries.Binaries, progress: Progress) -> None:
        """Make the data folder beside its place and move it there when complete: a cut leaves nothing half-made."""
        progress("Creating the private database (once) 正在创建数据库（仅首次）")
        unfinished = self.root / "data.new"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        owner.private_folder(unfinished)
        sync = () if self.durable else ("--no-sync",)
        done = owner.run(
            programs.program("initdb"), "-D", str(unfinished), "-U", config.ADMIN, "--auth=peer", "--data-checksums",
            "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions", *sync,
        )  # fmt: skip
        if done.returncode:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise trouble.explained(done.stderr, home=self.home)
        unfinished.rename(self.data)

    def _provision(self, progress: Progress) -> None:
        """Make the roles, the database and the extensions where one is missing, and mark what policies need."""
        with self._admin("postgres") as conn:
            for role, rights in ((config.OWNER, "LOGIN CREATEDB CREATEROLE BYPASSRLS"), (config.SERVICE, "LOGIN")):
                if not conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    conn.execute(SQL("CREATE ROLE {}").format(Identifier(role)))
                conn.execute(SQL("ALTER ROLE {} " + rights).format(Identifier(role)))
            conn.execute(SQL("GRANT {} TO {}").format(Identifier(config.SERVICE), Identifier(config.OWNER)))
            if not conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [config.OWNER]).fetchone():
                conn.execute(SQL("CREATE DATABASE {0} OWNER {0}").format(Identifier(config.OWNER)))
        with self._admin(config.OWNER) as conn:
            have = {name for (name,) in conn.execute("SELECT extname FROM pg_extension")}
            for extension in EXTENSIONS:
                if extension not in have:
                    progress(f"Adding {extension} to the database 正在安装 {extension}")
                    conn.execute(SQL("CREATE EXTENSION {}").format(Identifier(extension)))
            for (
                function
            ) in LEAKPROOF:  # again at each start: dump and restore, and an upgrade of PostGIS, drop the mark
                conn.execute(f"ALTER FUNCTION {function} LEAKPROOF")

    # starting and stopping

    def _launch(self, owner: Owner, progress: Progress) -> None:
        programs = binaries.choose(self.data)
        owner.check_reaches(self.root)
        owner.private_folder(self._log.parent)
        owner.private_folder(self.socket_folder)
        if not self.data.exists():
            self._init(owner, programs, progress)
        main = config.write(
            self.root / "conf",
            socket_folder=self.socket_folder,
            users=("root", owner.name),
            durable=self.durable,
            listen=self.listen,
        )
        if self._log.exists() and self._log.stat().st_size > LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        progress("Starting the database 正在启动数据库")
        self._launch_until_it_runs(owner, programs, main, progress)

    def _launch_until_it_runs(self, owner: Owner, programs: binaries.Binaries, main: Path, progress: Progress) -> None:
        """Try until the server runs; a killed one may hold the lock for seconds (zombie, children)."""
        wait_s, give_up = 0.1, time.monotonic() + RETRY_S
        while True:
            said = self._try_launch(owner, programs, main)
            if said is None or self._probe() == "running":
                return
            if not trouble.is_locked(said) or time.monotonic() > give_up or self._lock_will_stay():
                raise self._refusal(said)
            if wait_s == 0.1:
                progress("Waiting for the former database process to end 正在等待旧的数据库进程结束")
            time.sleep(wait_s)
            wait_s = min(wait_s * 2, 3.0)

    def _try_launch(self, owner: Owner, programs: binaries.Binaries, main: Path) -> str | None:
        """Start the server once; return None when it runs, else what it said."""
        before = self._log.stat().st_size if self._log.exists() else 0
        done = owner.run(
            programs.program("pg_ctl"), "start", "-w", "-t", str(START_S), "-D", str(self.data),
            "-l", str(self._log), "-o", f"-c 'config_file={main}'",
        )  # fmt: skip
        if done.returncode == 0:
            return None
        logged = self._log.read_bytes()[before:].decode(errors="replace") if self._log.exists() else ""
        return logged or done.stderr or done.stdout

    def _lock_will_stay(self) -> bool:
        process = postmaster.named_by(self.data)
        return process is not None and process.state == "foreign"

    def _refusal(self, said: str) -> ClusterError:
        process = postmaster.named_by(self.data)
        if trouble.is_locked(said) and process and process.state == "foreign":
            return ClusterError(
                f"The database was cut off without a clean stop, and its process number {process.pid} now belongs to "
                f"another program ({process.program}), so PostgreSQL takes the data for being in use. End that program "
                f"or restart the machine, then start gridmap again; delete nothing. "
                f"请重启电脑后再试，不要删除任何文件。"
            )
        if trouble.is_locked(said) and process and process.state == "zombie":
            return ClusterError(
                f"The former database process {process.pid} is dead, but its parent process has not cleared it away. "
                f"Restart the machine, or the container with an init process (init: true). 请重启后再试。"
            )
        return trouble.explained(said, home=self.home)

    def _stop(self, progress: Progress) -> None:
        process = postmaster.named_by(self.data)
        self._stay.unlink(missing_ok=True)
        if process is None or process.state != "alive":
            return
        progress("Stopping the database 正在停止数据库")
        programs = binaries.choose(self.data)
        done = owner_of(self.data).run(
            programs.program("pg_ctl"), "stop", "-m", "fast", "-w", "-t", str(STOP_S), "-D", str(self.data)
        )
        after = postmaster.named_by(self.data)
        if done.returncode and after is not None and after.state == "alive":
            raise ClusterError(f"The database did not stop in {STOP_S} s; its log is {self._log}. 数据库未能停止。")

    # asking

    def _admin(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.socket_folder), port=self.port, user=config.ADMIN, dbname=database,
            connect_timeout=10, autocommit=True, application_name="gridmap start",
        )  # fmt: skip

    def _probe(self) -> State:
        try:
            self._admin("postgres").close()
        except psycopg.OperationalError as exc:
            if "the database system is" in str(exc):
                return "starting"
            if "authentication failed" in str(exc):
                raise ClusterError(f"The running database in {self.root} refuses this user. 没有权限。") from exc
            return "stopped"
        return "running"

    def _wait_while_starting(self, progress: Progress) -> State:
        """Return the state once it is no longer `starting`; recovery after a power cut may take minutes."""
        state, give_up = self._probe(), time.monotonic() + START_S
        if state == "starting":
            progress("The database is recovering after a cut 数据库正在恢复")
        while state == "starting" and time.monotonic() < give_up:
            time.sleep(0.2)
            state = self._probe()
        return state

    # sharing

    @contextmanager
    def _alone(self, progress: Progress) -> Iterator[None]:
        """Hold the right to start or stop the cluster; one process at a time."""
        with (self.root / "lock").open("ab") as file:
            give_up = time.monotonic() + LOCK_WAIT_S
            if not _locked(file, fcntl.LOCK_EX):
                progress("Another gridmap is starting or stopping the database; waiting 正在等待另一个 gridmap")
                while not _locked(file, fcntl.LOCK_EX):
                    if time.monotonic() > give_up:
                        raise ClusterError("Another gridmap has been starting or stopping the database for too long.")
                    time.sleep(0.1)
            yield

    def _hold(self) -> None:
        """Mark that this process uses the cluster, until it releases it or ends."""
        if self._in_use is None:
            self._in_use = os.open(self.root / "in-use", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            _locked(self._in_use, fcntl.LOCK_SH)

    def _let_go(self) -> None:
        if self._in_use is not None:
            os.close(self._in_use)
            self._in_use = None


@contextmanager
def database(settings: Settings, progress: Progress = silent) -> Iterator[Urls]:
    """Give the URLs of the database the settings name; without one, of the private cluster, running meanwhile."""
    if settings.database_url:
        yield Urls(settings.database_url, settings.service_database_url or settings.database_url)
        return
    cluster = Cluster(settings.home, listen=settings.database_listen)
    try:
        yield Urls(cluster.start(progress), cluster.service_url)
    finally:
        cluster.release(progress)


def _locked(file: IO[bytes] | int, kind: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(file, kind | fcntl.LOCK_NB)
        return True
    return False
