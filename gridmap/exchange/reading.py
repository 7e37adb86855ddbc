"""Opening a file of any of the formats gridmap takes, and refusing what is none of them with a sentence."""

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gridmap.errors import ImportRefused
from gridmap.exchange import archive, delimited, encodings, geojson, vector, workbook
from gridmap.exchange.source import Source

Reader = Callable[[Path, str | None, str], Source]
READERS: dict[str, Reader] = {
    ".geojson": geojson.source,
    ".json": geojson.source,
    ".shp": vector.shapefile,
    ".gpkg": vector.geopackage,
    ".csv": delimited.source,
    ".txt": delimited.source,
    ".tsv": delimited.source,
    ".xlsx": workbook.source,
}
FORMATS = "GeoJSON (.geojson, .json), Shapefile (.shp or .zip), GeoPackage (.gpkg), CSV (.csv), Excel (.xlsx)"
ELSEWHERE = re.compile(r"^(/vsi|\{|[A-Za-z][A-Za-z0-9+.-]+:)")  # GDAL would follow these
ADVICE = {
    ".xls": "Save it as .xlsx.",
    ".et": "Save it as .xlsx.",
    ".kml": "Convert it to GeoJSON or GeoPackage.",
    ".dbf": "Name the .shp file.",
    ".shx": "Name the .shp file.",
}


@contextmanager
def opened(path: str | Path, *, encoding: str | None = None, layer: str = "") -> Iterator[Source]:
    """Open a file and yield its source; what was unpacked for it is gone when the block ends.

    Parameters
    ----------
    encoding : of the text, when it is known; otherwise found out, with the evidence in the source's notes
    layer : the name that is preferred where a GeoPackage or a workbook holds several tables

    Raises
    ------
    ImportRefused if there is no such file, it is empty, of an unknown format or cannot be read; InvalidInput for an
    encoding that is none.
    """
    file = checked_path(path)
    if encoding:
        encodings.stated(encoding)
    with tempfile.TemporaryDirectory(prefix="gridmap-import-") as folder:
        if file.suffix.lower() == ".zip":
            file = _from_archive(file, Path(folder))
        reader = READERS.get(file.suffix.lower())
        if reader is None:
            advice = ADVICE.get(file.suffix.lower(), "")
            raise ImportRefused(f"{file.name!r} is of no known format. {advice} Formats: {FORMATS}.".replace("  ", " "))
        yield reader(file, encoding, layer)


def checked_path(path: str | Path) -> Path:
    """Return the path of an ordinary file that is not empty."""
    if ELSEWHERE.match(str(path)):
        raise ImportRefused(f"{str(path)[:60]!r} is not a file on this machine.")
    file = Path(path)
    if not file.exists():
        raise ImportRefused(f"There is no file {str(path)[:200]!r}.")
    if not file.is_file():
        raise ImportRefused(f"{str(path)[:200]!r} is not a file.")
    if file.stat().st_size == 0:
        raise ImportRefused(f"{file.name!r} is empty.")
    return file.resolve()


def _from_archive(path: Path, folder: Path) -> Path:
    found = archive.unpacked(path, folder, (*READERS, *vector.SIBLINGS))
    for suffix in (".shp", ".gpkg", ".geojson", ".json", ".xlsx", ".csv"):
        named = [file for file in found if file.suffix == suffix]
        if len(named) > 1:
            raise ImportRefused(f"{path.name!r} holds {len(named)} {suffix} files. Import them one by one.")
        if named:
            return named[0]
    raise ImportRefused(f"{path.name!r} holds no file of a known format. Formats: {FORMATS}.")
