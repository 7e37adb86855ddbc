"""Zip files from outside: looked at before a byte is unpacked, and unpacked under our own names."""

import zipfile
from pathlib import Path

from gridmap.errors import ImportRefused

MAX_MEMBERS = 200
MAX_TOTAL_BYTES = 4 << 30
MAX_RATIO = 200  # of what is larger than SMALL_BYTES; a padded DBF packs far tighter than text
SMALL_BYTES = 200 << 20
PACKED = (".zip", ".7z", ".rar", ".gz", ".bz2", ".xz", ".tar", ".tgz", ".zst")
IGNORED = ("__MACOSX/", ".DS_Store", "Thumbs.db")


def unpacked(path: Path, folder: Path, wanted: tuple[str, ...]) -> list[Path]:
    """Unpack the members with a wanted suffix into a folder and return their paths, sorted.

    Members keep their suffix; members that share a name but for the suffix keep sharing it.

    Raises
    ------
    ImportRefused for an archive that is broken, encrypted, nested, too large, or whose names lead elsewhere.
    """
    with opened(path) as archive:
        members = [member for member in checked(archive) if Path(member.filename).suffix.lower() in wanted]
        stems = {stem: f"part{n}" for n, stem in enumerate(sorted({_stem(member) for member in members}))}
        paths = []
        for member in members:
            target = folder / f"{stems[_stem(member)]}{Path(member.filename).suffix.lower()}"
            if target.exists():
                raise ImportRefused(f"The zip holds {_name(member)} twice.")
            _write(archive, member, target)
            paths.append(target)
    return sorted(paths)


def opened(path: Path) -> zipfile.ZipFile:
    """Return an archive that is open for reading."""
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, NotImplementedError) as exc:
        raise ImportRefused(f"{path.name} is not a readable zip file: {exc}.") from exc


def checked(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the files of an archive after looking at count, names, links, encryption, nesting, sizes and ratio."""
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise ImportRefused(f"The zip holds {len(members)} files; at most {MAX_MEMBERS} are read.")
    for member in members:
        _check(member)
    total, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    if total > MAX_TOTAL_BYTES or (total > SMALL_BYTES and total > MAX_RATIO * max(packed, 1)):
        raise ImportRefused(f"The zip would unpack to {total:,} bytes, which is too much for its size.")
    return [m for m in members if not m.is_dir() and not any(word in m.filename for word in IGNORED)]


def _check(member: zipfile.ZipInfo) -> None:
    name, name_parts = _name(member), member.filename.replace("\\", "/").split("/")
    if member.filename.startswith(("/", "\\")) or ".." in name_parts or ":" in member.filename:
        raise ImportRefused(f"The zip holds a name that leads out of it: {name}.")
    if (member.external_attr >> 16) & 0o170000 == 0o120000:
        raise ImportRefused(f"The zip holds a link: {name}.")
    if member.flag_bits & 0x1:
        raise ImportRefused(f"The zip is encrypted: {name}. Unpack it and import the file.")
    if member.filename.lower().endswith(PACKED):
        raise ImportRefused(f"The zip holds another archive: {name}. Unpack it first.")


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    try:
        with archive.open(member) as packed, target.open("wb") as file:
            left = member.file_size
            while block := packed.read(1 << 20):
                left -= len(block)
                if left < 0:
                    raise ImportRefused(f"{_name(member)} is larger than the zip says.")
                file.write(block)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError) as exc:
        raise ImportRefused(f"{_name(member)} in the zip cannot be unpacked: {exc}.") from exc


def _stem(member: zipfile.ZipInfo) -> str:
    return str(Path(member.filename).with_suffix("")).lower()


def _name(member: zipfile.ZipInfo) -> str:
    return repr(member.filename[:80])
