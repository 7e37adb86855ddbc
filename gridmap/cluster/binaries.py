"""Which PostgreSQL of this machine runs the private cluster."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gridmap.errors import ClusterError

SUPPORTED = range(15, 19)
DEBIAN_FOLDERS = Path("/usr/lib/postgresql")
INSTALL_HINT = (
    "Run script/setup, install PostgreSQL 15 to 18 with PostGIS, or name your own server in GRIDMAP_DATABASE_URL. "
    "请运行 script/setup，或安装 PostgreSQL 15–18 与 PostGIS。"
)


@dataclass(frozen=True)
class Binaries:
    """The programs of one PostgreSQL version, in one folder."""

    folder: Path
    version: int

    def program(self, name: str) -> str:
        """Return the path of one program, such as `initdb`."""
        return str(self.folder / name)

    def has_postgis(self) -> bool:
        """Return whether PostGIS is installed for this version; a missing pg_config counts as yes."""
        pg_config = self.folder / "pg_config"
        if not pg_config.exists():
            return True
        share = subprocess.run([pg_config, "--sharedir"], capture_output=True, text=True, check=False).stdout.strip()
        return (Path(share) / "extension" / "postgis.control").exists()


def installed() -> list[Binaries]:
    """Return every complete PostgreSQL under Debian's folder or on PATH, oldest version first."""
    folders = [path.parent for path in DEBIAN_FOLDERS.glob("*/bin/postgres")]
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    found = {folder: _version(folder) for folder in folders if _is_complete(folder)}
    return sorted((Binaries(f, v) for f, v in found.items() if v), key=lambda b: (b.version, b.folder))


def choose(data: Path) -> Binaries:
    """Return the PostgreSQL that made a data folder, or for a new folder the newest supported one with PostGIS.

    Raises
    ------
    ClusterError if none fits, naming what was found.
    """
    found = installed()
    made_by = data / "PG_VERSION"
    if made_by.exists():
        return _matching(found, int(made_by.read_text().strip()), data)
    supported = [one for one in found if one.version in SUPPORTED]
    if not supported:
        have = f"only PostgreSQL {_listed(found)} is installed" if found else "PostgreSQL is not installed"
        raise ClusterError(f"gridmap needs PostgreSQL 15 to 18 with PostGIS; {have}. {INSTALL_HINT}")
    usable = [one for one in supported if one.has_postgis()]
    if not usable:
        raise ClusterError(f"PostgreSQL {_listed(supported)} is installed, but PostGIS is not. {INSTALL_HINT}")
    return usable[-1]


def _matching(found: list[Binaries], version: int, data: Path) -> Binaries:
    if version not in SUPPORTED:
        raise ClusterError(
            f"Wrong PostgreSQL version: the data in {data} were made by PostgreSQL {version}, "
            f"gridmap works with 15 to 18. Name another folder in GRIDMAP_HOME, or move the data with pg_upgrade. "
            f"数据库版本不符：{version}。"
        )
    for one in found:
        if one.version == version:
            if not one.has_postgis():
                raise ClusterError(f"PostGIS for PostgreSQL {version} is not installed. {INSTALL_HINT}")
            return one
    have = f"has {_listed(found)}" if found else "has none"
    raise ClusterError(
        f"Wrong PostgreSQL version: the data in {data} were made by PostgreSQL {version}, but this machine {have}. "
        f"Install PostgreSQL {version} again, or move the data with pg_upgrade. 数据库版本不符：需要 {version}。"
    )


def _is_complete(folder: Path) -> bool:
    return all((folder / name).exists() for name in ("postgres", "pg_ctl", "initdb"))


def _version(folder: Path) -> int | None:
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(match[1]) if match else None


def _listed(found: list[Binaries]) -> str:
    return ", ".join(str(version) for version in sorted({one.version for one in found}))
