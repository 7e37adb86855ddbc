"""A small table as a spreadsheet file, made in memory."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from openpyxl import Workbook

from gridmap.exchange.values import escaped

Rows = Sequence[Sequence[Any]]
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def as_csv(rows: Rows) -> bytes:
    """Return a table as CSV in UTF-8 with the mark by which Excel knows it; texts cannot become formulas."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(_safe(rows))
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(rows: Rows) -> bytes:
    """Return a table as a workbook with one sheet; texts cannot become formulas."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("gridmap")
    for row in _safe(rows):
        sheet.append(row)
    stored = io.BytesIO()
    book.save(stored)
    return stored.getvalue()


WRITERS: Mapping[str, Callable[[Rows], bytes]] = {"csv": as_csv, "xlsx": as_xlsx}


def _safe(rows: Rows) -> list[list[Any]]:
    return [[escaped(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
