"""What came of an import or an export, and the workbook that hands refused rows back with their reasons."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridmap.errors import InvalidInput
from gridmap.exchange import apart, placing
from gridmap.exchange.reasons import Note, Problem
from gridmap.exchange.source import Source
from gridmap.exchange.values import CONTROL, escaped

if TYPE_CHECKING:
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

MAX_REPORT_ROWS = 200_000
MAX_CELL = 32_000  # Excel takes 32,767 characters
HEADINGS = ("行号 Row", "原因", "Reason")


@dataclass
class ImportReport:
    """What an import found and did.

    Attributes
    ----------
    name : the file's name, as people know it and as it is stored with the rows
    crs : the name of the coordinate system used; empty when no geometry was read
    read, inserted, updated, unchanged, refused : rows of the file; parts of one thing count once after --merge
    is_stored : whether anything was kept; False after a dry run or a refusal
    sets : the boundary sets that were made of the rows, instead of storing them in the layer
    """

    layer: str
    path: Path
    name: str = ""
    format: str = ""
    encoding: str | None = None
    crs: str = ""
    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    is_stored: bool = False
    is_dry_run: bool = False
    problems: list[Problem] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    sets: list[int] = field(default_factory=list)

    @property
    def refused_rows(self) -> set[int]:
        """Return the rows that at least one reason speaks against."""
        return {problem.row for problem in self.problems}

    @property
    def refused(self) -> int:
        """Return how many rows were refused."""
        return len(self.refused_rows)

    def note(self, code: str, en: str, zh: str) -> None:
        """Add something a person should know about the whole file."""
        self.notes.append(Note(code, en, zh))


@dataclass
class ExportReport:
    """What an export wrote."""

    layer: str
    path: Path
    rows: int = 0
    columns: tuple[str, ...] = ()
    crs: str = ""
    notes: list[Note] = field(default_factory=list)

    def note(self, code: str, en: str, zh: str) -> None:
        """Add something a person should know about the whole file."""
        self.notes.append(Note(code, en, zh))


def check_target(target: str | Path, source: str | Path) -> None:
    """Raise InvalidInput unless a report on a file can be written there: an .xlsx in a folder that takes it."""
    path = Path(target)
    if path.suffix.lower() != ".xlsx":
        raise InvalidInput(
            f"{path.name!r} is no name of a report: let it end in .xlsx. 报告须为 .xlsx。", where="report"
        )
    if path.absolute() == Path(source).absolute() or (path.exists() and path.samefile(source)):
        raise InvalidInput(
            f"The report would overwrite {path.name!r}, the file itself. 报告会覆盖原文件。", where="report"
        )
    placing.check(path)


def write_report(report: ImportReport, target: str | Path) -> None:
    """Write an XLSX with the file's columns and the reasons: refused rows first and marked, then the others.

    Raises
    ------
    InvalidInput if it cannot be written; what was there before stays.
    """
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    with apart.opened(report.path, encoding=report.encoding, layer=report.layer) as source:
        sheet = book.create_sheet("行 Rows")
        _write_rows(sheet, report, source)
    summary = book.create_sheet("说明 Summary")
    for row in _summary(report):
        summary.append(row)
    with placing.placed(Path(target)) as made:
        book.save(made)


def _write_rows(sheet: "WriteOnlyWorksheet", report: ImportReport, source: Source) -> None:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font, PatternFill

    sheet.freeze_panes = "B2"
    bold, red = Font(bold=True), PatternFill("solid", fgColor="F8D7DA")
    heading = [WriteOnlyCell(sheet, _cell(name)) for name in (HEADINGS[0], *source.columns, *HEADINGS[1:])]
    for cell in heading:
        cell.font = bold
    sheet.append(heading)
    reasons = _reasons(report.problems)
    for row, cells in _rows(source, only=set(reasons)):
        marked = [WriteOnlyCell(sheet, value) for value in (row, *cells, *reasons[row])]
        for cell in (marked[0], *marked[-2:]):
            cell.fill = red
        sheet.append(marked)
    left = MAX_REPORT_ROWS - len(reasons)
    for row, cells in _rows(source, besides=set(reasons)):
        left -= 1
        if left < 0:
            break
        sheet.append([row, *cells])


def _reasons(problems: list[Problem]) -> dict[int, tuple[str, str]]:
    lines: dict[int, list[tuple[str, str]]] = {}
    for found in sorted(problems, key=lambda p: p.row):
        place = f"{found.column}: " if found.column else ""
        lines.setdefault(found.row, []).append((f"{place}{found.reason_zh}", f"{place}{found.reason_en}"))
    return {row: ("\n".join(zh for zh, _ in pairs), "\n".join(en for _, en in pairs)) for row, pairs in lines.items()}


def _rows(
    source: Source, *, only: set[int] | None = None, besides: set[int] | None = None
) -> Iterator[tuple[int, list[Any]]]:
    for batch in source.batches():
        for i, row in enumerate(batch.rows):
            if (only is None or row in only) and (besides is None or row not in besides):
                yield row, [_cell(column[i]) for column in batch.columns]


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return CONTROL.sub("\ufffd", escaped(value))[:MAX_CELL]
    return value if value is None or isinstance(value, int | float | bool) else str(value)


def _summary(report: ImportReport) -> Iterator[list[Any]]:
    yield ["图层 Layer", report.layer]
    yield ["文件 File", report.name]
    yield ["坐标系 CRS", report.crs]
    for title, count in (
        ("读取 Read", report.read), ("新增 Inserted", report.inserted), ("更新 Updated", report.updated),
        ("未变 Unchanged", report.unchanged), ("拒绝 Refused", report.refused),
    ):  # fmt: skip
        yield [title, count]
    yield ["已入库 Stored", "是 yes" if report.is_stored else "否 no"]
    for note in report.notes:
        yield [note.zh, note.en]
