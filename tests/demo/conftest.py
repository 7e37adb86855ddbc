"""One generated district for the tests that only look at it, as columns by table, geometry in metres."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from gridmap import demo

HOUSEHOLDS = 9_000  # several communities, one of them poorly served


@dataclass
class District:
    columns: dict[str, dict[str, list[Any]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))

    def __getitem__(self, table: str) -> dict[str, list[Any]]:
        return self.columns[table]

    def shapes(self, table: str) -> np.ndarray:
        """Geometry in metres: the 3-degree Gauss-Krüger zone of CGCS2000 around 120°E."""
        to_metres = Transformer.from_crs(4490, 4549, always_xy=True)
        stored = shapely.from_wkb(np.array(self[table]["geom"], dtype=object))
        return shapely.transform(stored, lambda xy: np.column_stack(to_metres.transform(*xy.T)))

    def index(self, table: str) -> dict[str, int]:
        return {id_: k for k, id_ in enumerate(self[table]["id"])}


def gathered(households: int, seed: int = 1) -> District:
    found = District()
    for batch in demo.generate(households, seed):
        for name, values in batch.columns.items():
            found[batch.table.name][name] += values
    return found


@pytest.fixture(scope="session")
def district() -> District:
    return gathered(HOUSEHOLDS)
