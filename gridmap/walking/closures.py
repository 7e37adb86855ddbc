"""Areas that close streets: what crosses their boundary is cut there, except at gates; what lies inside stays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely

from gridmap.walking.graph import Graph

CLOSING = ("lockdown", "control", "high_risk", "medium_risk", "cordon", "evacuation")  # prevention zones stay open
GATE_M = 15.0  # around a gate the boundary is open
GAP_M = 0.05  # a cut street ends this far from the boundary


@dataclass(frozen=True)
class Closed:
    """A graph under closures, and of each area whether its boundary cuts any street: one that does not closes nothing."""

    graph: Graph
    cuts: tuple[bool, ...]


def close(base: Graph, areas: Sequence[Any], gates: Sequence[Any] = ()) -> Closed:
    """Return the graph with the streets cut at the boundaries of some areas.

    Parameters
    ----------
    areas, gates : shapely polygons and points in degrees, EPSG:4490

    Notes
    -----
    Two people inside one area still reach each other; a household inside reaches what lies outside by a gate only. A
    street that merely touches a boundary is cut too. What is cut becomes dead ends, so that a place beside it is still
    reached from its own side.
    """
    if not areas:
        return Closed(base, ())
    edges_of = [shapely.boundary(_planar(base, area)) for area in areas]
    barrier = shapely.union_all(edges_of)
    if gates:
        openings = shapely.buffer([_planar(base, gate) for gate in gates], GATE_M)
        barrier = shapely.difference(barrier, shapely.union_all(openings))
    parts = shapely.get_parts(barrier)
    hit = np.unique(base.tree.query(parts, predicate="intersects")[1]) if len(parts) else np.zeros(0, np.int64)
    shapely.prepare(barrier)
    cuts = tuple(bool(len(base.tree.query(edge, predicate="intersects"))) for edge in edges_of)
    return Closed(_cut(base, hit, barrier), cuts)


def _planar(graph: Graph, shape: Any) -> Any:
    return shapely.transform(shapely.force_2d(shape), graph.project)


def _cut(base: Graph, hit: np.ndarray, barrier: Any) -> Graph:
    """Return the graph without some edges, but with the pieces of them between the cuts."""
    remaining = np.ones(len(base.starts), bool)
    remaining[hit] = False
    starts, ends, lengths, lines = [], [], [], []
    count = base.count
    pieces = shapely.difference(base.lines[hit], shapely.buffer(barrier, GAP_M)) if len(hit) else []
    for edge, cut in zip(hit, pieces, strict=True):
        whole = base.lines[edge]
        scale = base.lengths_m[edge] / shapely.length(whole)
        first, last = shapely.get_point(whole, 0), shapely.get_point(whole, -1)
        for piece in shapely.get_parts(cut):
            if shapely.length(piece) == 0:
                continue
            keeps_start = shapely.equals(shapely.get_point(piece, 0), first)
            keeps_end = shapely.equals(shapely.get_point(piece, -1), last)
            starts.append(base.starts[edge] if keeps_start else count)
            count += not keeps_start
            ends.append(base.ends[edge] if keeps_end else count)
            count += not keeps_end
            lengths.append(shapely.length(piece) * scale)
            lines.append(piece)
    return replace(
        base,
        count=count,
        starts=np.concatenate([base.starts[remaining], np.array(starts, np.int64)]),
        ends=np.concatenate([base.ends[remaining], np.array(ends, np.int64)]),
        lengths_m=np.concatenate([base.lengths_m[remaining], np.array(lengths, float)]),
        lines=np.concatenate([base.lines[remaining], np.array(lines, dtype=object)]),
        barrier=barrier,
        _remembered={},
    )
