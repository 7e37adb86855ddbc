"""The cluster's three configuration files, written anew at every start.

They lie outside the data folder, owned by who starts gridmap, so the database cannot rewrite who may connect.
A person's own values go in with ALTER SYSTEM, which overrides these.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

ADMIN, OWNER, SERVICE = "postgres", "gridmap", "gridmap_service"
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


def write(folder: Path, *, socket_folder: Path, users: Iterable[str], durable: bool) -> Path:
    """Write the configuration into a folder and return the main file.

    `users` are the system users who may connect, as the administrator, the owner of the database or the service.
    """
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    main, access, names = (folder / f"{name}.conf" for name in ("postgresql", "pg_hba", "pg_ident"))
    _replace(access, f"local all all peer map={OWNER}\n")
    _replace(
        names, "".join(f'{OWNER} "{user}" {role}\n' for user in sorted(set(users)) for role in (ADMIN, OWNER, SERVICE))
    )
    values = _ALWAYS | (_DURABLE if durable else _THROW_AWAY)
    values |= {
        "unix_socket_directories": f'"{socket_folder}"',
        "hba_file": str(access),
        "ident_file": str(names),
    }
    _replace(main, _rendered(values))
    return main


def _rendered(values: Mapping[str, str]) -> str:
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in values.items()]
    return "# Written by gridmap at every start; use ALTER SYSTEM for values of your own.\n" + "".join(lines)


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.chmod(0o644)
    os.replace(new, path)
