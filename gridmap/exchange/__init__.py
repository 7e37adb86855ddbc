"""Files in and out: what an office has in spreadsheets and shapefiles becomes rows, and rows become files again."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gridmap.exchange.export import export_file
    from gridmap.exchange.reasons import Note, Problem
    from gridmap.exchange.report import ExportReport, ImportReport, check_target, write_report
    from gridmap.exchange.takeover import import_file

__all__ = [
    "ExportReport", "ImportReport", "Note", "Problem", "check_target", "export_file", "import_file", "write_report",
]  # fmt: skip
_HOME = {"export_file": "export", "Note": "reasons", "Problem": "reasons", "import_file": "takeover"}


def __getattr__(name: str) -> Any:
    """Return a part by its name; loaded only now, so that the process that reads a file loads no database."""
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module(f"gridmap.exchange.{_HOME.get(name, 'report')}"), name)
