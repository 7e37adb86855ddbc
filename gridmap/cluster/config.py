"""The cluster's three configuration files, written anew at every start.

They lie outside the data folder, owned by who starts gridmap, so the database cannot rewrite who may connect.
A person's own values go in with ALTER SYSTEM, which overrides these.
"""

import ipaddress
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gridmap.errors import InvalidInput

ADMIN, OWNER, SERVICE = "postgres", "gridmap", "gridmap_service"
READERS = "gridmap_planner"  # the group of people's own logins: masked views only
PORT = 5432

_ALWAYS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "lc_messages": "C",
    "jit": "off",
    "random_page_cost": "1.1",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "log_timezone": "UTC",
    "log_error_verbosity": "terse",  # DETAIL would write whole rows to the log
    "log_min_error_statement": "panic",  # so would statements with literals
}
_DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_compression": "on",
}
_THROW_AWAY = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_checkpoints": "off",
}


@dataclass(frozen=True)
class Listen:
    """Where people with a login of their own reach the database: an address of this machine and a port."""

    host: str
    port: int


def listen_of(text: str) -> Listen:
    """Return the address in `127.0.0.1:5433` or `[::1]:5433`; InvalidInput unless it is one of this machine only."""
    host, _, port = text.strip().rpartition(":")
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
        number = int(port) if port.isascii() and port.isdigit() else 0
    except ValueError:
        number = 0
    if not 1024 <= number <= 65535:
        raise InvalidInput(
            f"{text[:60]!r} is no address with a port above 1023; write 127.0.0.1:5433. 监听地址无效。",
            where="database_listen",
        )
    if not address.is_loopback:
        raise InvalidInput(
            f"The private database listens on this machine only (127.0.0.1), because it speaks no TLS; {address} is "
            "open to others. Reach it through an SSH tunnel, or run a PostgreSQL of your own with TLS "
            "(docs/qgis.md). 私有数据库仅监听本机，请使用 SSH 隧道或自建启用 TLS 的 PostgreSQL。",
            where="database_listen",
        )
    return Listen(str(address), number)


def write(folder: Path, *, socket_folder: Path, users: Iterable[str], durable: bool, listen: Listen | None) -> Path:
    """Write the configuration into a folder and return the main file.

    Parameters
    ----------
    users : the system users who may connect, as the administrator, the owner of the database or the service
    listen : where members of `gridmap_planner`, and nobody else, connect by password
    """
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    main, access, names = (folder / f"{name}.conf" for name in ("postgresql", "pg_hba", "pg_ident"))
    _replace(access, f"local all all peer map={OWNER}\n" + (_by_password(listen, durable=durable) if listen else ""))
    _replace(
        names, "".join(f'{OWNER} "{user}" {role}\n' for user in sorted(set(users)) for role in (ADMIN, OWNER, SERVICE))
    )
    values = _ALWAYS | (_DURABLE if durable else _THROW_AWAY)
    values |= {
        "unix_socket_directories": f'"{socket_folder}"',
        "hba_file": str(access),
        "ident_file": str(names),
    }
    if listen is not None:
        values |= {"listen_addresses": listen.host, "port": str(listen.port), "password_encryption": "scram-sha-256"}
    _replace(main, _rendered(values))
    return main


def _by_password(listen: Listen, *, durable: bool) -> str:
    database = OWNER if durable else "all"  # a throw-away cluster holds a database for each test
    network = "::1/128" if ":" in listen.host else "127.0.0.0/8"
    return f"host {database} +{READERS} {network} scram-sha-256\n"


def _rendered(values: Mapping[str, str]) -> str:
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in values.items()]
    return "# Written by gridmap at every start; use ALTER SYSTEM for values of your own.\n" + "".join(lines)


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.chmod(0o644)
    os.replace(new, path)
