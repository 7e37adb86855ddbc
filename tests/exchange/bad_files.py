"""Thirty files that mean harm or are broken, as names and bytes; each is uploaded as it is."""

import io
import json
import sqlite3
import stat
import struct
import zipfile
from pathlib import Path

import openpyxl

from tests.exchange.making import house, shapefile

VRT = b'<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'
SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
KML = b"""<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/passwd">]><kml><Placemark><name>&x;</name></Placemark></kml>"""
ENTITY = b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]><workbook>&x;</workbook>'
LAUGHS = b'<?xml version="1.0"?><!DOCTYPE l [' + b"".join(
    b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10 if n else b"lol") for n in range(12)
) + b"]><workbook>&a11;</workbook>"  # fmt: skip


def zipped(*members, compression=zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as file:
        for name, content in members:
            file.writestr(name, content)
    return made.getvalue()


def swollen(name: str, before: bytes, filler: bytes, after: bytes, others: bytes | None = None) -> bytes:
    """Return a zip with one member of 260 MiB, written in parts so that this process stays small itself."""
    made = io.BytesIO(others or b"")
    with zipfile.ZipFile(made, "a" if others else "w", zipfile.ZIP_DEFLATED) as file, file.open(name, "w") as member:
        member.write(before)
        for _ in range(260):
            member.write(filler * (1 << 20))
        member.write(after)
    return made.getvalue()


def workbook_without_sheet() -> bytes:
    made = io.BytesIO()
    openpyxl.Workbook().save(made)
    with zipfile.ZipFile(made) as old:
        return zipped(*[(name, old.read(name)) for name in old.namelist() if not name.endswith("sheet1.xml")])


def encrypted() -> bytes:
    raw = bytearray(zipped(("a.csv", b"x")))
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    return bytes(raw)


def lying() -> bytes:
    raw = bytearray(zipped(("a.csv", b"name\n" * 1000)))
    at = raw.index(b"PK\x01\x02") + 24
    raw[at : at + 4] = struct.pack("<I", 10)
    return bytes(raw)


def link() -> bytes:
    member = zipfile.ZipInfo("a.shp")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped((member, "/etc/passwd"))


def workbook(*parts) -> bytes:
    """Return a workbook with some of its parts replaced."""
    made = io.BytesIO()
    openpyxl.Workbook().save(made)
    replaced = dict(parts)
    with zipfile.ZipFile(made) as old:
        members = [(name, replaced.pop(name, None) or old.read(name)) for name in old.namelist()]
    return zipped(*members, *replaced.items())


def sheet(rows: bytes) -> bytes:
    return workbook(
        (
            "xl/worksheets/sheet1.xml",
            b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
            + rows
            + b"</sheetData></worksheet>",
        )
    )


def trigger_base(folder: Path) -> bytes:
    path = folder / "t.gpkg"
    base = sqlite3.connect(path)
    base.executescript(
        "CREATE TABLE gpkg_contents (table_name TEXT, data_type TEXT); CREATE VIEW v AS SELECT load_extension('/tmp/x') AS a;"
        "INSERT INTO gpkg_contents VALUES ('v', 'features');"
    )
    base.close()
    return path.read_bytes()


def shape_parts(folder: Path) -> dict[str, bytes]:
    path = shapefile(folder / "s.shp", [house(121.5, 31.24)], {"name": ["a"]})
    return {part.suffix: part.read_bytes() for part in path.parent.glob("s.*")}


def feature(geometry: str) -> bytes:
    return (
        b'{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},"geometry":'
        + geometry.encode()
        + b"}]}"
    )


def bad_files(folder: Path) -> dict[str, list[tuple[str, bytes]]]:
    """Return what is wrong, and the files that are chosen together for it."""
    shp = shape_parts(folder)
    lying_shp = shp[".shp"][:24] + struct.pack(">i", 2**30) + shp[".shp"][28:]
    lying_shx = shp[".shx"][:100] + struct.pack(">ii", 2**30, 2**30)
    lying_dbf = shp[".dbf"][:4] + struct.pack("<I", 2**31) + shp[".dbf"][8:]
    return {
        "vrt as geojson": [("a.geojson", VRT)], "vrt as gpkg": [("a.gpkg", VRT)], "vrt in a zip": [("a.zip", zipped(("a.shp", VRT)))],
        "vrt by its name": [("a.vrt", VRT)], "zip bomb": [("a.zip", swollen("a.csv", b"", b"0", b""))],
        "many members": [("a.zip", zipped(*[(f"{n}.csv", b"x") for n in range(500)]))],
        "nested zip": [("a.zip", zipped(("b.zip", zipped(("c.csv", b"x")))))], "traversal": [("a.zip", zipped(("../../a.csv", b"x")))],
        "absolute": [("a.zip", zipped(("/etc/cron.d/a.csv", b"x")))], "link": [("a.zip", link())], "encrypted": [("a.zip", encrypted())],
        "size lies": [("a.zip", lying())], "zip cut": [("a.zip", zipped(("a.csv", b"name\nx\n" * 99))[:60])],
        "shp alone": [("s.shp", shp[".shp"])], "shp without dbf": [("s.shp", shp[".shp"]), ("s.shx", shp[".shx"])],
        "shp lies": [("s.shp", lying_shp[:60]), ("s.shx", lying_shx), ("s.dbf", shp[".dbf"])],
        "dbf lies": [("s.shp", shp[".shp"]), ("s.shx", shp[".shx"][:90]), ("s.dbf", lying_dbf[:40])],
        "csv with nul": [("a.csv", b"name,lon\n\0\0\0,\0\n" * 10)], "utf-16 csv": [("a.csv", "name,lon\n甲,1\n".encode("utf-16-le"))],
        "one huge line": [("a.csv", b"n" * (8 << 20))], "binary csv": [("a.csv", bytes(range(256)) * 400)],
        "external entity": [("a.xlsx", workbook(("xl/workbook.xml", ENTITY)))], "billion laughs": [("a.xlsx", workbook(("xl/workbook.xml", LAUGHS)))],
        "sparse giant": [("a.xlsx", sheet(b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'))],
        "xlsx bomb": [("a.xlsx", swollen("xl/worksheets/sheet1.xml", SHEET + b'<row><c t="inlineStr"><is><t>', b"a", b"</t></is></c></row></sheetData></worksheet>", workbook_without_sheet()))],
        "no workbook": [("a.xlsx", b"PK\x03\x04" + b"\0" * 200)], "geojson nan": [("a.geojson", feature('{"type":"Point","coordinates":[NaN,NaN]}'))],
        "geojson deep": [("a.geojson", feature("[" * 100_000 + "]" * 100_000))], "topojson": [("a.json", json.dumps({"type": "Topology"}).encode())],
        "kml with dtd": [("a.kml", KML)], "gpkg with view": [("a.gpkg", trigger_base(folder))], "gpkg cut": [("a.gpkg", b"SQLite format 3\0" + b"\0" * 500)],
        "empty": [("a.csv", b"")], "name that leads out": [("../../x.sh", b"x")],
    }  # fmt: skip
