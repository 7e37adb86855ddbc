"""What every reader gives: the columns of a file, and its rows in batches, with geometry in the file's own system."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gridmap.crs import System
from gridmap.exchange.reasons import Note

BATCH_ROWS = 20_000
MAX_COLUMNS = 300


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one row could not be read whole; `mended` is the geometry a repair would make of it.

    `column` is empty where the fault is the whole row's.
    """

    code: str
    facts: dict[str, object] = field(default_factory=dict)
    mended: Any = None
    column: str = "geometry"


@dataclass
class Batch:
    """Some rows of a file.

    Attributes
    ----------
    rows : the number of each row as a person counts it
    columns : one list of cells for each column of the source
    shapes : shapely geometries or None, as an object array; None when the file has no geometry of its own
    faults : by index in this batch
    """

    rows: list[int]
    columns: list[list[Any]]
    shapes: Any = None
    faults: dict[int, Fault] = field(default_factory=dict)


@dataclass
class Source:
    """A file that was opened and looked into.

    `batches` may be called again and reads the file anew. `is_escaped` tells that cells may carry the quote that keeps
    spreadsheets from running them as formulas.
    """

    format: str
    columns: list[str]
    batches: Callable[[], Iterator[Batch]]
    has_shapes: bool
    crs: System | None = None
    is_escaped: bool = False
    cuts_names: bool = False
    notes: list[Note] = field(default_factory=list)
