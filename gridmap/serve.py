"""What `gridmap serve` does, from the first check to the clean stop."""

import ctypes
import errno
import http.client
import ipaddress
import multiprocessing
import os
import shutil
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
from granian import Granian
from granian.constants import Interfaces, SSLProtocols
from granian.log import LogLevels

from gridmap import db, heads, hierarchy, rotation, tls
from gridmap.cluster import database
from gridmap.errors import Conflict, InvalidInput, NotAllowed
from gridmap.roles import ROLES
from gridmap.settings import Settings
from gridmap.vault import Vault, open_vault

Progress = Callable[[str], None]
WORKER = "gridmap.serve:worker"
PR_SET_PDEATHSIG = 1
STOP_S = 30
PLAIN_HTTP = (
    "Plain HTTP beyond this machine, because it was allowed. Lost by that: passwords, sessions and people's data can be\n"
    "  read and changed on the way; cookies are not held to TLS; browsers give no position (locate me) and keep nothing\n"
    "  for work without network (offline).\n"
    "  已按要求以明文 HTTP 对外服务：密码、会话和人员数据可能被窃听或篡改；Cookie 不受 TLS 保护；浏览器不提供定位和离线功能。"
)


def serve(settings: Settings, progress: Progress, *, with_demo: bool = True, in_container: bool = False) -> None:
    """Serve gridmap until told to stop: database, schema, demo data, then the web workers.

    Parameters
    ----------
    progress : told in a few words, in English and Chinese, what is being done
    with_demo : load the demo district when the database is empty
    in_container : listen on any address, because only the container's engine decides who reaches it

    Raises
    ------
    GridmapError in plain words: host not loopback, port taken, and what the cluster says.
    """
    settings = opened(settings, progress, in_container=in_container)
    if settings.tile_origin:
        progress(elsewhere(settings.tile_origin))
    check_port(settings.host, settings.port)
    signal.signal(signal.SIGTERM, _leave)  # until granian has its own: what was begun is still undone in order
    vault = open_vault(settings.home, progress)
    with database(settings, progress) as urls:
        prepare(urls.owner, vault, progress, with_demo=with_demo)
        links = demo_links(urls.owner) if is_for_this_machine(settings) else {}
        check_port(settings.host, settings.port)
        with heads.kept_daily(urls.service, settings.home):
            _run_workers(settings, urls.service, progress, links)
        progress("Requests are finished 请求已处理完毕")


def elsewhere(origin: str) -> str:
    """Return what is told at the start when browsers load tiles of another host."""
    return (
        f"WARNING: browsers load the tiles under the map from {origin}: that host learns the address of each viewer and "
        "which area is looked at. Without GRIDMAP_TILE_SOURCE no other host is asked. "
        f"警告：浏览器将从 {origin} 加载底图瓦片，该主机可获知浏览者的网络地址和查看的区域；不设 GRIDMAP_TILE_SOURCE 则不访问任何外部主机。"
    )


def opened(settings: Settings, progress: Progress, *, in_container: bool) -> Settings:
    """Return the settings as the workers need them: address, names and certificate are checked, and told about.

    Parameters
    ----------
    in_container : plain HTTP is allowed, because only the container's engine decides who reaches it

    Raises
    ------
    InvalidInput if others could reach the service without TLS and nobody allowed that, or by no name at all.
    """
    host = address_of(settings, in_container=in_container)
    address, names = ipaddress.ip_address(host), [*settings.hosts]
    if settings.tls_certificate and settings.tls_key:
        certificate = tls.read(settings.tls_certificate, settings.tls_key)
        names += certificate.names
        if certificate.ends_at < datetime.now(UTC):
            progress(f"The certificate ended on {certificate.ends_at:%Y-%m-%d}; browsers refuse it. 证书已过期。")
    if not address.is_loopback and not address.is_unspecified:
        names.append(host)
    if not address.is_loopback and not names and not in_container:
        raise InvalidInput(
            "Say by which names people reach this machine: GRIDMAP_PUBLIC_NAMES=map.example.org,192.0.2.7. "
            "请用 GRIDMAP_PUBLIC_NAMES 写明访问所用的主机名或地址。",
            where="public_names",
        )
    if settings.allow_plain_http and not settings.tls_certificate and not address.is_loopback:
        progress(PLAIN_HTTP)
    known = ",".join(dict.fromkeys(map(tls.host_of, names)))
    allowed = settings.allow_plain_http or in_container
    return settings.model_copy(update={"host": host, "public_names": known, "allow_plain_http": allowed})


def address_of(settings: Settings, *, in_container: bool) -> str:
    """Return the address to listen on; InvalidInput if others reach it without TLS and nobody allowed that."""
    host = settings.host
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise InvalidInput(f"{host!r} is not an address; use 127.0.0.1. 地址无效。", where="host") from None
    is_guarded = settings.tls_certificate is not None or bool(settings.proxies) or settings.allow_plain_http
    if not address.is_loopback and not in_container and not is_guarded:
        raise InvalidInput(
            f"On {host} passwords and people's data would cross the network in the clear. Set GRIDMAP_TLS_CERTIFICATE "
            "and GRIDMAP_TLS_KEY (for a trial: gridmap tls self-signed), or name the proxy that speaks TLS in "
            "GRIDMAP_TRUSTED_PROXIES, or say --plain-http. 向其他机器提供服务须启用 TLS。",
            where="host",
        )
    return str(address)


def is_for_this_machine(settings: Settings) -> bool:
    """Return whether nobody but who sits at this machine is meant to reach the service."""
    return ipaddress.ip_address(settings.host).is_loopback and not settings.proxies and not settings.public_names


def check_port(host: str, port: int) -> None:
    """Raise if the port cannot be had: web workers share a port silently, so a second server would not notice."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            raise _port_refused(host, port, exc) from exc


def _port_refused(host: str, port: int, exc: OSError) -> Exception:
    if exc.errno == errno.EADDRINUSE:
        return Conflict(
            f"Port {port} is taken by another program, perhaps another gridmap. Stop that one, or choose another port: "
            f"--port {port + 1 if port < 65535 else 8000}. 端口 {port} 已被占用。",
            where="port",
        )
    if exc.errno == errno.EACCES:
        return NotAllowed(f"Port {port} is for administrators only; choose one above 1023. 没有权限。", where="port")
    return InvalidInput(f"This machine has no address {host}. 地址无效。", where="host")


def prepare(url: str, vault: Vault, progress: Progress, *, with_demo: bool) -> None:
    """Bring the schema up to date and, in an empty database, load the demo district."""
    progress("Bringing the schema up to date 正在更新数据库结构")
    db.migrate(url, vault=vault)
    engine = db.create_engine(url, vault=vault)
    try:
        with engine.connect() as conn:
            is_empty = hierarchy.is_empty(conn)
            lost = rotation.unopened(conn, vault)
            unmarked = db.not_leakproof(conn)
        _tell_unmarked(unmarked, progress)
        if lost:
            progress(
                f"WARNING: the keys in {vault.folder} do not open what is stored ({', '.join(lost)}). Put the right keys"
                " back from their backup before anybody is added. 警告：密钥与数据库不符，请先从备份恢复密钥。"
            )
        if is_empty and with_demo:
            from gridmap import demo  # only now: its generator is heavy and seldom needed

            progress("The database is empty: loading the demo district 数据库为空，正在载入演示数据")
            demo.load_sample(engine, progress)
    finally:
        engine.dispose()


def _tell_unmarked(functions: list[str], progress: Progress) -> None:
    """Warn, on the console and in the log, that every map question reads whole tables, and say how to mend it."""
    if not functions:
        return
    statements = " ".join(f"ALTER FUNCTION {function} LEAKPROOF;" for function in functions)
    structlog.get_logger(__name__).warning("spatial indexes are not used", functions=functions, run=statements)
    progress(
        "WARNING: the map will be slow: under row-level security the database uses no spatial index until these functions "
        f"of PostGIS carry their mark again. Run in this database as superuser: {statements} "
        "警告：空间索引未生效，地图会很慢；请以超级用户在该数据库中执行上述语句。"
    )


def _run_workers(settings: Settings, url: str, progress: Progress, links: dict[str, str]) -> None:
    """Run the web workers until a signal; requests under way are finished before this returns."""
    _export(settings, url)
    # Workers begin clean, with no threads, locks or connections of this process.
    multiprocessing.set_start_method("spawn", force=True)
    server = Granian(
        WORKER,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        factory=True,
        websockets=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_S,
        ssl_cert=settings.tls_certificate,
        ssl_key=settings.tls_key,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    from gridmap import worker as imports  # only now: it brings the layers along

    end_imports = imports.start()
    threading.Thread(target=_announce, args=(settings, progress, links), daemon=True).start()
    try:
        server.serve()
    finally:
        end_imports()


def worker() -> Callable[..., Any]:
    """Return the application of one web worker, which ends with the service even when that is killed outright."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    os.setsid()  # Ctrl-C reaches the terminal's whole group, and granian's worker hangs on a second signal to end
    from gridmap.app import create_wsgi  # in the worker only: the service itself needs no web parts

    return create_wsgi()


def _export(settings: Settings, url: str) -> None:
    """Hand the settings to the workers, which read theirs from the environment."""
    os.environ |= {
        "GRIDMAP_HOME": str(settings.home.absolute()),
        "GRIDMAP_DATABASE_URL": url,
        "GRIDMAP_HOST": settings.host,
        "GRIDMAP_PORT": str(settings.port),
        "GRIDMAP_WORKERS": str(settings.workers),
        "GRIDMAP_THREADS": str(settings.threads),
        "GRIDMAP_PUBLIC_NAMES": settings.public_names,
        "GRIDMAP_UPLOAD_MIB": str(settings.upload_mib),
        "GRIDMAP_ALLOW_PLAIN_HTTP": str(settings.allow_plain_http),
    }


def _announce(settings: Settings, progress: Progress, links: dict[str, str]) -> None:
    """Say where the service is and what to do next, once it answers."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    address = f"{'https' if settings.tls_certificate else 'http'}://{tls.host_of(host)}:{settings.port}"
    command = shutil.which("gridmap") or str(Path(sys.executable).with_name("gridmap"))
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        if _answers(host, settings.port, with_tls=settings.tls_certificate is not None):
            names = (
                f"  Answers to: {settings.public_names.replace(',', ', ')}  主机名\n" if settings.public_names else ""
            )
            progress(
                f"gridmap is ready: {address}  已就绪\n{names}{_ways_in(address, command, links)}"
                f"  Your own district: {command} import --help  导入自己的数据\n"
                f"  Stop: Ctrl-C  停止"
            )
            return
        time.sleep(0.1)
    progress(f"gridmap does not answer at {address} after a minute; see the messages above. 服务未能应答。")


def _ways_in(address: str, command: str, links: dict[str, str]) -> str:
    """Return how to get in: one-time links into the demo district, else by an account."""
    if not links:
        return f"  Sign in; the first account: {command} user add NAME --role ROLE --place CODE  登录或新建账号\n"
    lines = [
        f"    {ROLES[role].title} {ROLES[role].title_zh}: {address}/sign-in/link/{secret}\n"
        for role, secret in links.items()
    ]
    return (
        "  Open a link, sign in and tap a building; each link holds once, for 12 hours, on this machine only.\n"
        "  打开下面的一次性链接登录（12 小时内有效，仅限本机），点选一栋楼：\n" + "".join(lines)
    )


def demo_links(url: str) -> dict[str, str]:
    """Return one-time sign-in secrets by role if the register is the demo district, whose accounts are made here."""
    engine = db.create_engine(url)
    try:
        with engine.connect() as conn:
            if hierarchy.is_empty(conn):
                return {}
        from gridmap.demo import people

        people.add_accounts(engine)
        return people.links(engine)
    finally:
        engine.dispose()


def _answers(host: str, port: int, *, with_tls: bool) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    if with_tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it asks itself, and tells no secret
        connection = http.client.HTTPSConnection(host, port, timeout=5, context=context)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _leave(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)
