"""The graph people walk on, in memory: shortest walks between places beside its edges."""

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from shapely.ops import substring

from gridmap.streets.network import ELLIPSOID, Floats, Whole, components_of

SNAP_REACH_M = 1_000.0  # a place farther than this from every street is not on the network
NOWHERE = -1
SMALLEST_M = 1e-9  # an explicit zero is no edge to scipy's graphs
MAX_REMEMBERED = 200_000  # places whose way to the street is kept


@dataclass(frozen=True)
class Snapped:
    """Where places meet the network: the edge (-1 for none), metres to its two ends, metres from the place to it."""

    edge: Whole
    to_start_m: Floats
    to_end_m: Floats
    leg_m: Floats

    def __len__(self) -> int:
        return len(self.edge)


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes 0 to `count` - 1, undirected edges with geodesic lengths; lines in metres of a projection of its own.

    `barrier` is what no way from a place to its street may cross: the boundaries of closed areas.
    """

    count: int
    starts: Whole
    ends: Whole
    lengths_m: Floats
    lines: NDArray[Any]
    projection: pyproj.Proj
    barrier: Any = None
    _remembered: dict[tuple[float, float], tuple[int, float, float, float]] = field(default_factory=dict)

    @cached_property
    def matrix(self) -> csr_matrix:
        """The graph as a symmetric matrix; of parallel edges the shortest (csr_matrix would sum them)."""
        return csr_matrix((self.lengths_m[self._kept], (self._rows, self._columns)), shape=(self.count, self.count))

    @cached_property
    def _shortest(self) -> tuple[Whole, Whole]:
        """The pairs of nodes as one number each, sorted, and the shortest edge of each pair, both directions."""
        keys = np.concatenate([self.starts * self.count + self.ends, self.ends * self.count + self.starts])
        edges = np.tile(np.arange(len(self.starts)), 2)
        order = np.lexsort((self.lengths_m[edges], keys))
        keys, first = np.unique(keys[order], return_index=True)
        edges = edges[order][first]
        is_loop = keys // self.count == keys % self.count
        return keys[~is_loop], edges[~is_loop]

    @property
    def _kept(self) -> Whole:
        return self._shortest[1]

    @property
    def _rows(self) -> Whole:
        return self._shortest[0] // self.count

    @property
    def _columns(self) -> Whole:
        return self._shortest[0] % self.count

    @cached_property
    def tree(self) -> shapely.STRtree:
        """The edges' lines by place."""
        return shapely.STRtree(self.lines)

    def project(self, positions: Floats) -> Floats:
        """Return positions (n, 2) in degrees as metres of the graph's own plane."""
        x, y = self.projection(positions[:, 0], positions[:, 1])
        return np.column_stack([x, y])

    def degrees(self, metres: Floats) -> Floats:
        """Return the positions in degrees of metres of the graph's own plane."""
        lon, lat = self.projection(metres[:, 0], metres[:, 1], inverse=True)
        return np.column_stack([lon, lat])

    def snap(self, positions: Floats) -> Snapped:
        """Return where places (n, 2) in degrees meet their nearest edge that no closed boundary parts them from."""
        wanted = [(float(lon), float(lat)) for lon, lat in positions]
        unknown = list({place for place in wanted if place not in self._remembered})
        if unknown:
            if len(self._remembered) + len(unknown) > MAX_REMEMBERED:
                self._remembered.clear()
                unknown = list(set(wanted))
            self._remembered.update(zip(unknown, self._snap(np.array(unknown)), strict=True))
        rows = [self._remembered[place] for place in wanted]
        table = np.array(rows, float).reshape(-1, 4)
        return Snapped(table[:, 0].astype(np.int64), table[:, 1], table[:, 2], table[:, 3])

    def _snap(self, positions: Floats) -> list[tuple[int, float, float, float]]:
        points = shapely.points(self.project(positions))
        found, edges = self.tree.query_nearest(points, max_distance=SNAP_REACH_M, all_matches=False)
        edge = np.full(len(points), NOWHERE)
        edge[found] = edges
        for index in self._parted(points, edge):
            edge[index] = self._nearest_unparted(points[index])
        on = edge != NOWHERE
        share, at = np.zeros(len(points)), positions.copy()
        along = shapely.line_locate_point(self.lines[edge[on]], points[on])
        share[on] = along / shapely.length(self.lines[edge[on]])
        at[on] = self.degrees(shapely.get_coordinates(shapely.line_interpolate_point(self.lines[edge[on]], along)))
        _, _, leg_m = ELLIPSOID.inv(positions[:, 0], positions[:, 1], at[:, 0], at[:, 1])
        length_m = np.where(on, self.lengths_m[edge], 0.0)
        return list(
            zip(
                edge.tolist(),
                (share * length_m).tolist(),
                ((1 - share) * length_m).tolist(),
                leg_m.tolist(),
                strict=True,
            )
        )

    def _parted(self, points: NDArray[Any], edge: Whole) -> Whole:
        """Return which places a closed boundary parts from the edge they were put on."""
        if self.barrier is None:
            return np.zeros(0, np.int64)
        on = np.flatnonzero(edge != NOWHERE)
        legs = shapely.shortest_line(points[on], self.lines[edge[on]])
        return on[shapely.intersects(self.barrier, legs)]

    def _nearest_unparted(self, point: Any) -> int:
        near = self.tree.query(point, predicate="dwithin", distance=SNAP_REACH_M)
        near = near[np.argsort(shapely.distance(self.lines[near], point), kind="stable")]
        legs = shapely.shortest_line(np.full(len(near), point), self.lines[near])
        free = np.flatnonzero(~shapely.intersects(self.barrier, legs))
        return int(near[free[0]]) if len(free) else NOWHERE

    def from_one(self, origin: Snapped, targets: Snapped, *, limit_m: float = np.inf) -> Floats:
        """Return the metres from one place to several; infinite where there is no walk of at most `limit_m`."""
        if origin.edge[0] == NOWHERE:
            return np.full(len(targets), np.inf)
        to_nodes = self._to_nodes(origin, limit_m)
        return _arrivals(self, origin, targets, to_nodes)

    def _to_nodes(self, origin: Snapped, limit_m: float) -> Floats:
        edge = origin.edge[0]
        ends = [self.starts[edge], self.ends[edge]]
        first = np.array([origin.to_start_m[0], origin.to_end_m[0]])
        found: Floats = (dijkstra(self.matrix, indices=ends, limit=limit_m) + first[:, None]).min(axis=0)
        return found

    def from_any(self, origins: Snapped) -> tuple[Floats, Whole]:
        """Return for each node the metres to the nearest of some places, and which; infinite and -1 where none is."""
        on = np.flatnonzero(origins.edge != NOWHERE)
        nodes = np.concatenate([self.starts[origins.edge[on]], self.ends[origins.edge[on]]])
        metres = np.concatenate([origins.to_start_m[on], origins.to_end_m[on]]) + np.tile(origins.leg_m[on], 2)
        order = np.lexsort((metres, nodes))
        nodes, first = np.unique(nodes[order], return_index=True)
        owner_at, metres = np.tile(on, 2)[order][first], np.maximum(metres[order][first], SMALLEST_M)
        if not len(nodes):
            return np.full(self.count, np.inf), np.full(self.count, NOWHERE)
        matrix = _with_source(self.matrix, nodes, metres)
        to_nodes, before = dijkstra(matrix, indices=self.count, return_predecessors=True)
        owner = np.full(self.count + 1, NOWHERE)
        owner[nodes] = owner_at
        return to_nodes[:-1], _owners(before, owner, self.count)[:-1]

    @cached_property
    def part(self) -> Whole:
        """Which connected part each node is in: closures leave several."""
        return components_of(self.count, self.starts, self.ends)

    def is_cut_off(self, origin: Snapped, targets: Snapped) -> NDArray[np.bool_]:
        """Return which of some places no walk of any length joins to the origin."""
        if origin.edge[0] == NOWHERE:
            return np.ones(len(targets), bool)
        there = self.part[self.starts[np.where(targets.edge == NOWHERE, 0, targets.edge)]]
        found: NDArray[np.bool_] = (targets.edge == NOWHERE) | (there != self.part[self.starts[origin.edge[0]]])
        return found

    def route(self, origin: Snapped, target: Snapped, *, limit_m: float = np.inf) -> Floats | None:
        """Return the line of the shortest walk along the streets, (n, 2) in degrees, or None if there is none.

        Parameters
        ----------
        limit_m : how long the walk is known to be at most; it spares the search of the whole town
        """
        if NOWHERE in (origin.edge[0], target.edge[0]):
            return None
        here, there = origin.edge[0], target.edge[0]
        ends = [self.starts[here], self.ends[here]]
        first = np.array([origin.to_start_m[0], origin.to_end_m[0]])
        metres, before = dijkstra(self.matrix, indices=ends, return_predecessors=True, limit=limit_m)
        goals = np.array([self.starts[there], self.ends[there]])
        ways = metres[:, goals] + first[:, None] + np.array([target.to_start_m[0], target.to_end_m[0]])[None, :]
        out, back = np.unravel_index(np.argmin(ways), ways.shape)
        beside = abs(origin.to_start_m[0] - target.to_start_m[0]) if here == there else np.inf
        if min(beside, ways[out, back]) == np.inf:
            return None
        if beside <= ways[out, back]:
            return self._drawn([self._piece(here, origin.to_start_m[0], target.to_start_m[0])])
        nodes = _walked(before[out], int(goals[back]))
        parts = [self._piece(here, origin.to_start_m[0], 0.0 if out == 0 else self.lengths_m[here])]
        parts += [self._between(a, b) for a, b in pairwise(nodes)]
        parts.append(self._piece(there, 0.0 if back == 0 else self.lengths_m[there], target.to_start_m[0]))
        return self._drawn(parts)

    def _piece(self, edge: int, from_m: float, to_m: float) -> Any:
        line, scale = self.lines[edge], shapely.length(self.lines[edge]) / self.lengths_m[edge]
        return substring(line, from_m * scale, to_m * scale)

    def _between(self, one: int, other: int) -> Any:
        keys, edges = self._shortest
        edge = edges[np.searchsorted(keys, one * self.count + other)]
        line = self.lines[edge]
        return line if self.starts[edge] == one else shapely.reverse(line)

    def _drawn(self, parts: list[Any]) -> Floats:
        flat = shapely.get_coordinates(parts)
        moves = np.concatenate([[True], np.abs(np.diff(flat, axis=0)).max(axis=1) > 1e-3]) if len(flat) > 1 else [True]
        return self.degrees(flat[np.asarray(moves)])


def _arrivals(graph: Graph, origin: Snapped, targets: Snapped, to_nodes: Floats) -> Floats:
    """Return the metres of whole walks: to the street, along it, and from it to each place."""
    on = targets.edge != NOWHERE
    edge = np.where(on, targets.edge, 0)
    by_node = np.minimum(
        to_nodes[graph.starts[edge]] + targets.to_start_m, to_nodes[graph.ends[edge]] + targets.to_end_m
    )
    beside = np.where(targets.edge == origin.edge[0], np.abs(targets.to_start_m - origin.to_start_m[0]), np.inf)
    found: Floats = np.where(on, np.minimum(by_node, beside) + targets.leg_m + origin.leg_m[0], np.inf)
    return found


def _with_source(matrix: csr_matrix, nodes: Whole, metres: Floats) -> csr_matrix:
    """Return the matrix with one more node, from which edges lead to some nodes and none lead back."""
    size = matrix.shape[0] + 1
    indptr = np.append(matrix.indptr, matrix.indptr[-1] + len(nodes))
    indices = np.concatenate([matrix.indices, nodes.astype(matrix.indices.dtype)])
    return csr_matrix((np.concatenate([matrix.data, metres]), indices, indptr), shape=(size, size))


def _owners(before: Whole, owner: Whole, source: int) -> Whole:
    """Return whose walk reaches each node, by following the predecessors in steps that double."""
    above = np.where(before < 0, source, before).astype(np.int64)
    own = np.where(before == source, owner, NOWHERE)
    jump = np.where(before == source, np.arange(len(above)), above)
    while True:
        further = jump[jump]
        if np.array_equal(further, jump):
            break
        jump = further
    return own[jump]


def _walked(before: Whole, goal: int) -> list[int]:
    nodes = [goal]
    while before[nodes[-1]] >= 0:
        nodes.append(int(before[nodes[-1]]))
    return nodes[::-1]
