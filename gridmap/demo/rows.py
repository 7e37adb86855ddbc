"""Rows on their way into a table, column by column."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

COUNTY = 990106  # no province has the prefix 99
COUNTY_NAME, CITY_NAME, PROVINCE_NAME = "滨江示范区", "示范市", "示范省"


@dataclass(frozen=True)
class Batch:
    """Rows of one table; geometry is hexadecimal EWKB in EPSG:4490. Every column has the same length."""

    table: sa.Table
    columns: dict[str, Sequence[Any]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


def batch(table: sa.Table, columns: dict[str, Sequence[Any]]) -> Batch:
    """Return rows of the demo's county."""
    count = len(next(iter(columns.values())))
    return Batch(table, {"county": [COUNTY] * count, **columns})
