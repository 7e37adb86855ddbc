"""Reading XLSX: the first sheet that holds a table, rows numbered as Excel shows them."""

import re
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from xml.sax import SAXException
from xml.sax.handler import ContentHandler

import defusedxml.sax
import python_calamine
from defusedxml.common import DefusedXmlException

from gridmap.errors import ImportRefused
from gridmap.exchange import archive
from gridmap.exchange.delimited import headings, in_batches
from gridmap.exchange.reasons import Note
from gridmap.exchange.source import MAX_COLUMNS, Batch, Source

HEADING_ROWS = 10  # a title may stand above the heading
MAX_CELLS = 20_000_000  # of the rectangle around all cells, which the reader holds in memory
CELL = re.compile(r"([A-Za-z]{1,7})([0-9]{1,9})")


def source(path: Path, encoding: str | None, layer: str) -> Source:
    """Return an Excel workbook as a source.

    The sheet is the one named like the layer, or else the first that is not empty; the heading is its first row with
    at least two cells filled.
    """
    check_extent(path)
    book = _book(path)
    name = _sheet(book, layer, path.name)
    first, heading = _heading(_rows(book, name))
    while heading and heading[-1] in (None, ""):
        heading.pop()

    def batches() -> Iterator[Batch]:
        rows = islice(enumerate(_rows(_book(path), name), start=1), first, None)
        yield from in_batches(rows, len(heading))

    notes = [Note("sheet", f"Sheet {name!r} was read.", f"读取的工作表：{name}。")] if len(book.sheet_names) > 1 else []
    return Source("Excel", headings(heading), batches, has_shapes=False, is_escaped=True, notes=notes)


def check_extent(path: Path) -> None:
    """Refuse a workbook that is no honest zip of XML, or whose cells span more than is read.

    One cell in the last corner of a sheet would make the reader ask for half a terabyte, and the process ends.
    """
    with archive.opened(path) as packed:
        for member in archive.checked(packed):
            if member.filename.lower().endswith((".xml", ".rels")):
                _check_part(packed, member, path.name)


def _check_part(packed: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> None:
    extent = _Extent()
    try:
        with packed.open(member) as part:
            defusedxml.sax.parse(part, extent)
    except (SAXException, DefusedXmlException, UnicodeError, zipfile.BadZipFile, EOFError, OSError) as exc:
        raise ImportRefused(
            f"{name!r} is not a readable Excel workbook: {type(exc).__name__} in a part of it."
        ) from exc
    if extent.column > MAX_COLUMNS or extent.row * extent.column > MAX_CELLS:
        raise ImportRefused(
            f"{name!r} spans {extent.row:,} rows and {extent.column:,} columns; at most {MAX_COLUMNS} columns and"
            f" {MAX_CELLS:,} cells are read. Delete what is beyond the table, or save it as CSV."
        )
    if extent.is_hidden:
        raise ImportRefused(f"{name!r} keeps a sheet in a part that is not XML.")


class _Extent(ContentHandler):
    """How far the cells of a sheet reach, and whether a relationship hides a sheet from the check."""

    def __init__(self) -> None:
        super().__init__()
        self.row = self.column = self._row = self._column = 0
        self.is_hidden = False

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802 - SAX calls it so
        """Take note of a row, a cell or a relationship."""
        kind = name.rpartition(":")[2]
        if kind == "c":
            found = CELL.fullmatch(attrs.get("r", ""))
            self._column = _number(found[1]) if found else self._column + 1
            self._row = int(found[2]) if found else self._row
        elif kind == "row":
            written = attrs.get("r", "")
            self._row, self._column = int(written) if written.isdecimal() else self._row + 1, 0
        elif kind == "Relationship" and attrs.get("Type", "").endswith("/worksheet"):
            self.is_hidden |= not attrs.get("Target", "").lower().endswith(".xml")
        self.row, self.column = max(self.row, self._row), max(self.column, self._column)


def _number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _book(path: Path) -> python_calamine.CalamineWorkbook:
    try:
        return python_calamine.CalamineWorkbook.from_path(str(path))
    except (python_calamine.CalamineError, OSError) as exc:
        raise ImportRefused(f"{path.name!r} is not a readable Excel workbook: {exc}.") from exc


def _sheet(book: python_calamine.CalamineWorkbook, layer: str, file: str) -> str:
    filled = [name for name in book.sheet_names if book.get_sheet_by_name(name).height > 0]
    if not filled:
        raise ImportRefused(f"{file!r} holds no rows.")
    return layer if layer in filled else filled[0]


def _rows(book: python_calamine.CalamineWorkbook, name: str) -> Iterator[list[Any]]:
    sheet = book.get_sheet_by_name(name)
    yield from ([] for _ in range(sheet.start[0] if sheet.start else 0))
    yield from sheet.iter_rows()


def _heading(rows: Iterator[list[Any]]) -> tuple[int, list[Any]]:
    """Return the number of the heading row and its cells."""
    seen: list[list[Any]] = list(islice(rows, HEADING_ROWS))
    for least in (2, 1):
        for number, row in enumerate(seen, start=1):
            if sum(cell not in (None, "") for cell in row) >= least:
                return number, list(row)
    raise ImportRefused("The sheet has no heading row.")
