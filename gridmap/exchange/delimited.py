"""Reading CSV: encoding and delimiter found out, rows numbered as a spreadsheet shows them."""

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from gridmap.errors import ImportRefused
from gridmap.exchange import encodings
from gridmap.exchange.source import BATCH_ROWS, MAX_COLUMNS, Batch, Fault, Source

MAX_CELL = 1 << 20  # characters; a large footprint as WKT
HEAD_BYTES = 1 << 16


def source(path: Path, encoding: str | None, layer: str) -> Source:
    """Return a CSV file as a source. Its delimiter is the comma, semicolon or tab that its first line holds most of."""
    known = _encoding(path, encoding)
    _refuse_nul(path, known.name)
    delimiter = _delimiter(path, known.name)
    heading = next(_rows(path, known.name, delimiter), None)
    if heading is None:
        raise ImportRefused(f"{path.name!r} holds no rows.")

    def batches() -> Iterator[Batch]:
        rows = islice(enumerate(_rows(path, known.name, delimiter), start=1), 1, None)
        yield from in_batches(rows, len(heading))

    columns = headings(heading)
    return Source("CSV", columns, batches, has_shapes=False, is_escaped=True, notes=[known.note])


def headings(cells: Iterable[Any]) -> list[str]:
    """Return the headings of a table as text."""
    columns = ["" if cell is None else str(cell).strip() for cell in cells]
    if len(columns) > MAX_COLUMNS:
        raise ImportRefused(f"The table has {len(columns)} columns; at most {MAX_COLUMNS} are read.")
    return columns


def in_batches(numbered: Iterable[tuple[int, list[Any]]], width: int) -> Iterator[Batch]:
    """Yield numbered rows of a table in batches; rows without any content are left out, short rows are filled up."""
    filled = ((number, row) for number, row in numbered if any(cell not in (None, "") for cell in row))
    while chunk := list(islice(filled, BATCH_ROWS)):
        faults = {}
        for i, (_, row) in enumerate(chunk):
            if any(cell not in (None, "") for cell in row[width:]):
                faults[i] = Fault("too_many_cells", column="")
            row.extend([None] * (width - len(row)))
        rows = [number for number, _ in chunk]
        columns = [[row[c] for _, row in chunk] for c in range(width)]
        yield Batch(rows, columns, None, faults)


def _encoding(path: Path, stated: str | None) -> encodings.Encoding:
    if stated:
        return encodings.stated(stated)
    head = next(encodings.blocks(path, 4))
    return encodings.by_mark(head) or encodings.by_trial(encodings.blocks(path))


def _refuse_nul(path: Path, encoding: str) -> None:
    """Refuse what is no text: zero bytes in an encoding that writes none."""
    if "\0".encode(encoding) == b"\0" and any(b"\0" in block for block in encodings.blocks(path)):
        raise ImportRefused(
            f"{path.name!r} holds zero bytes: it is no text, or UTF-16, which must be stated. 含空字节，不是文本文件。",
            where="encoding",
        )


def _delimiter(path: Path, encoding: str) -> str:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    first = head.decode(encoding, errors="ignore").lstrip("\ufeff").split("\n", 1)[0]
    return max(",;\t", key=first.count)


def _rows(path: Path, encoding: str, delimiter: str) -> Iterator[list[Any]]:
    csv.field_size_limit(MAX_CELL)
    with path.open("rb") as binary:
        text = io.TextIOWrapper(binary, encoding=encoding, newline="")
        number = 0
        try:
            for number, row in enumerate(csv.reader(text, delimiter=delimiter), start=1):
                if number == 1 and row:
                    row[0] = row[0].removeprefix("\ufeff")
                yield row
        except UnicodeError as exc:  # not only of decoding: UTF-16 without a byte order mark is a bare one
            advice = "State UTF-16LE or UTF-16BE" if "BOM" in str(exc) else "State the right --encoding"
            raise ImportRefused(
                f"After row {number} the text is not {encoding}. {advice}. 第 {number} 行之后的文字不符合该编码。",
                where="encoding",
            ) from exc
        except csv.Error as exc:
            raise ImportRefused(f"{path.name!r} cannot be read after row {number}: {exc}.") from exc
