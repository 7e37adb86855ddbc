"""Estates: walled blocks of one property manager, inset from the streets around them."""

from dataclasses import dataclass

import numpy as np
import shapely
from shapely import Polygon

from gridmap.demo.superblock import GREEN, SCHOOL, Superblock

# From the middle of the street to the wall.
_MAIN_SETBACK_M, _LANE_SETBACK_M = 17.0, 7.5
PATH_SETBACK_M = 3.5
_WALL_M = 4.0  # from the wall to a building
_SMALLEST_M2 = 1500.0


@dataclass(frozen=True)
class Estate:
    """A walled block: its area, and for each of its pieces the ground that buildings may stand on."""

    area: Polygon
    is_school: bool
    pieces: tuple[int, ...]  # indexes into Superblock.pieces
    grounds: tuple[Polygon, ...]


def estates(block: Superblock) -> list[Estate]:
    """Return the estates of a superblock in chain order; greens have none."""
    inside = block.outline.buffer(-_MAIN_SETBACK_M, join_style="mitre")
    found: list[Estate] = []
    for pieces in _runs(block):
        outlines = np.array([block.pieces[p].outline for p in pieces])
        whole = shapely.union_all(outlines).buffer(-_LANE_SETBACK_M, join_style="mitre")
        area = _largest(shapely.intersection(whole, inside))
        if area.area < _SMALLEST_M2:
            continue
        walls = area.buffer(-_WALL_M, join_style="mitre")
        grounds = shapely.intersection(shapely.buffer(outlines, -PATH_SETBACK_M, join_style="mitre"), walls)
        is_school = block.pieces[pieces[0]].use == SCHOOL
        found.append(Estate(area, is_school, pieces, tuple(_largest(ground) for ground in grounds)))
    return found


def _runs(block: Superblock) -> list[tuple[int, ...]]:
    """Return the runs of pieces that lie in the same block and are no green; a school stands alone."""
    runs: list[list[int]] = []
    last: tuple[int, bool] | None = None
    for p, piece in enumerate(block.pieces):
        kind = (piece.block, piece.use == SCHOOL)
        if piece.use == GREEN:
            last = None
            continue
        if kind != last:
            runs.append([])
        runs[-1].append(p)
        last = kind
    return [tuple(run) for run in runs]


def _largest(shape: shapely.Geometry) -> Polygon:
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    return max(parts, key=lambda part: part.area, default=Polygon())
