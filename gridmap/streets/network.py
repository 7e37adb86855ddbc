"""A network in memory: chains of vertices are split where they meet, measured, and sorted into connected components."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from gridmap.errors import InvalidInput

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
ELLIPSOID = pyproj.Geod(ellps="GRS80")  # that of CGCS2000 to a hundredth of a millimetre


@dataclass(frozen=True)
class Network:
    """Nodes and the edges between them; degrees, EPSG:4490.

    `positions` (n, 2); `starts` and `ends` number nodes; edge e runs along `vertices[offsets[e]:offsets[e + 1]]`;
    `component` tells of each node which connected part it is in, the largest being 0.
    """

    positions: Floats
    starts: Whole
    ends: Whole
    lengths_m: Floats
    vertices: Floats
    offsets: Whole
    component: Whole

    @property
    def components(self) -> int:
        """Return how many connected parts there are."""
        return int(self.component.max()) + 1 if len(self.component) else 0

    @property
    def share_in_main(self) -> float:
        """Return the share of street length that hangs together as the largest part, 0 to 1."""
        in_main = self.component[self.starts] == 0
        return float(self.lengths_m[in_main].sum() / self.lengths_m.sum()) if len(in_main) else 0.0


def assemble(vertex_ids: Whole, positions: Floats, chains: Whole) -> Network:
    """Return the network of chains of vertices, which meet where they share a vertex and nowhere else.

    Parameters
    ----------
    vertex_ids : the vertices of all chains one after the other; the same number is the same vertex
    positions : (n, 2), where vertex number i lies, degrees, EPSG:4490
    chains : where each chain begins in `vertex_ids`, and its length at the end

    Raises
    ------
    InvalidInput if no edge is left: a bridge over a street does not meet it, and a step on the spot is none.
    """
    is_end = np.zeros(len(vertex_ids), bool)
    is_end[chains[:-1]] = is_end[chains[1:] - 1] = True
    is_stop = is_end | (np.bincount(vertex_ids, minlength=len(positions)) > 1)[vertex_ids]
    first, last = _between_stops(is_stop, chains)
    counts = last - first + 1
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    flat = vertex_ids[np.repeat(first - offsets[:-1], counts) + np.arange(offsets[-1])]
    lengths_m = _lengths(positions[flat], offsets)
    return _numbered(flat, positions, offsets, lengths_m)


def _between_stops(is_stop: NDArray[np.bool_], chains: Whole) -> tuple[Whole, Whole]:
    """Return where each edge begins and ends among the vertices: from a stop to the next one of the same chain."""
    stops = np.flatnonzero(is_stop)
    chain_of = np.searchsorted(chains, stops, side="right")
    together = chain_of[:-1] == chain_of[1:]
    return stops[:-1][together], stops[1:][together]


def _lengths(along: Floats, offsets: Whole) -> Floats:
    if len(offsets) < 2:
        return np.zeros(0)
    steps = np.zeros(len(along))
    _, _, steps[:-1] = ELLIPSOID.inv(along[:-1, 0], along[:-1, 1], along[1:, 0], along[1:, 1])
    steps[offsets[1:] - 1] = 0.0  # from the last vertex of an edge to the first of the next
    lengths: Floats = np.add.reduceat(steps, offsets[:-1])
    return lengths


def _numbered(flat: Whole, positions: Floats, offsets: Whole, lengths_m: Floats) -> Network:
    """Return the network of the edges that have a length, its nodes numbered anew."""
    kept = lengths_m > 0
    if not kept.any():
        raise InvalidInput("There is no walkable street in this file.", where="file")
    within = np.repeat(kept, np.diff(offsets))
    counts = np.diff(offsets)[kept]
    flat, offsets = flat[within], np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    ids, ends = np.unique(np.concatenate([flat[offsets[:-1]], flat[offsets[1:] - 1]]), return_inverse=True)
    starts, ends = ends[: len(counts)].astype(np.int64), ends[len(counts) :].astype(np.int64)
    return Network(
        positions[ids], starts, ends, lengths_m[kept], positions[flat], offsets, components_of(len(ids), starts, ends)
    )


def components_of(count: int, starts: Whole, ends: Whole) -> Whole:
    """Return which connected part each of some nodes is in; the one with the most nodes is 0, then by size."""
    matrix = coo_matrix((np.ones(len(starts)), (starts, ends)), shape=(count, count))
    _, labels = connected_components(matrix, directed=False)
    ranked = np.argsort(-np.bincount(labels), kind="stable")
    rank = np.empty_like(ranked)
    rank[ranked] = np.arange(len(ranked))
    numbered: Whole = rank[labels].astype(np.int64)
    return numbered


def of_lines(lines: Sequence[Any]) -> Network:
    """Return the network of shapely lines in degrees, which meet where they share a vertex (to a centimetre)."""
    import shapely

    flat, owner = shapely.get_coordinates(lines, return_index=True)
    if not len(flat):
        raise InvalidInput("There is no walkable street in this file.", where="file")
    corners, ids = np.unique(np.round(flat, 7), axis=0, return_inverse=True)
    begins = np.flatnonzero(np.diff(owner, prepend=-1))
    return assemble(ids.ravel().astype(np.int64), corners, np.append(begins, len(flat)).astype(np.int64))
