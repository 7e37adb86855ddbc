"""How rows cross from the process that reads a file: JSON and WKB in counted frames, nothing that could run here.

A frame is one letter, the length of what follows (8 bytes, big-endian) and a JSON object, and may be followed by the
geometries of a batch: their lengths as 32-bit integers (-1 for none), then their WKB one after another.
"""

import base64
import json
import struct
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

from gridmap.exchange.source import Batch, Fault

HEAD = struct.Struct(">cQ")
MAX_FRAME = 1 << 30
SOURCE, BATCH, SHAPES, END, REFUSED = b"S", b"B", b"G", b"E", b"R"
AGAIN = b"\n"  # what the reading process is sent to begin the rows once more
_TAG = "$"


def packed(kind: bytes, payload: bytes) -> bytes:
    """Return a frame."""
    return HEAD.pack(kind, len(payload)) + payload


def as_json(value: Any) -> bytes:
    """Return a value as JSON; NaN, half characters and dates come through as they are."""
    return json.dumps(value, default=_tagged, separators=(",", ":")).encode()


def from_json(payload: bytes) -> Any:
    """Return the value of `as_json`."""
    return json.loads(payload, object_hook=_untagged)


def of_batch(batch: Batch) -> list[bytes]:
    """Return the frames of a batch: its cells and faults, then its shapes if it has any."""
    import numpy as np
    import shapely

    faults = {
        str(i): [fault.code, list(fault.facts.items()), fault.column, fault.mended and shapely.to_wkb(fault.mended)]
        for i, fault in batch.faults.items()
    }
    cells = {"rows": batch.rows, "columns": batch.columns, "faults": list(faults.items())}
    frames = [packed(BATCH, as_json({**cells, "drawn": batch.shapes is not None}))]
    if batch.shapes is not None:
        wkb = shapely.to_wkb(batch.shapes)
        sizes = np.array([-1 if one is None else len(one) for one in wkb], dtype=">i4")
        frames.append(packed(SHAPES, sizes.tobytes() + b"".join(one for one in wkb if one is not None)))
    return frames


def to_batch(cells: Any, shapes: Callable[[], bytes]) -> Batch:
    """Return the batch of a decoded frame; `shapes` fetches the payload of the frame that follows it."""
    import shapely

    rows = [int(row) for row in cells["rows"]]
    faults = {
        int(i): Fault(code, dict(facts), shapely.from_wkb(mended) if mended else None, column)
        for i, (code, facts, column, mended) in cells["faults"]
    }
    found = _shapes(shapes(), len(rows), faults) if cells["drawn"] else None
    return Batch(rows, cells["columns"], found, faults)


def _shapes(payload: bytes, count: int, faults: dict[int, Fault]) -> Any:
    import numpy as np
    import shapely

    sizes = np.frombuffer(payload, dtype=">i4", count=count)
    ends = 4 * count + np.cumsum(np.maximum(sizes, 0))
    wkb = np.array(
        [None if size < 0 else payload[end - size : end] for size, end in zip(sizes, ends, strict=True)], dtype=object
    )
    shapes = shapely.from_wkb(wkb, on_invalid="ignore")
    for i in np.nonzero((sizes >= 0) & shapely.is_missing(shapes))[0].tolist():
        faults.setdefault(i, Fault("geometry_unreadable"))
    return shapes


def _tagged(value: Any) -> Any:
    if isinstance(value, datetime | date | time):
        return {_TAG: [type(value).__name__, value.isoformat()]}
    if isinstance(value, timedelta):
        return {_TAG: ["timedelta", value.total_seconds()]}
    if isinstance(value, bytes | bytearray | memoryview):
        return {_TAG: ["bytes", base64.b64encode(bytes(value)).decode()]}
    if hasattr(value, "item"):  # a number of numpy's
        return value.item()
    return str(value)


_KINDS: dict[str, Callable[[Any], Any]] = {
    "datetime": datetime.fromisoformat, "date": date.fromisoformat, "time": time.fromisoformat,
    "timedelta": lambda seconds: timedelta(seconds=seconds), "bytes": base64.b64decode,
}  # fmt: skip


def _untagged(found: dict[str, Any]) -> Any:
    if len(found) == 1 and _TAG in found:
        kind, value = found[_TAG]
        return _KINDS[kind](value)
    return found
