"""Files in and out: what an office has in spreadsheets and shapefiles becomes rows, and rows become files again."""

from gridmap.exchange.export import export_file
from gridmap.exchange.reasons import Note, Problem
from gridmap.exchange.report import ExportReport, ImportReport, check_target, write_report
from gridmap.exchange.takeover import import_file

__all__ = [
    "ExportReport", "ImportReport", "Note", "Problem", "check_target", "export_file", "import_file", "write_report",
]  # fmt: skip
