"""The questions: how far from one place to several, which of several is nearest to each, and by which way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import sqlalchemy as sa

from gridmap.streets.network import ELLIPSOID, Floats, Whole
from gridmap.walking.graph import NOWHERE, Graph
from gridmap.walking.loading import graph_at
from gridmap.walking.measures import DETOUR, ESTIMATE, GEODESIC, WALK, seconds, straight_m

NEAR_M = 1_000.0  # the first look of a nearest question; four times as far each time it was not enough
Positions = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Walk:
    """A walk to one place: metres and whole seconds; both None where the place cannot be reached."""

    distance_m: float | None
    walk_s: int | None
    method: str

    @property
    def is_reachable(self) -> bool:
        """Return whether there is a way."""
        return self.distance_m is not None


@dataclass(frozen=True)
class Walker:
    """Answers by one method; positions are (lon, lat) in degrees, EPSG:4490, distances metres."""

    method: str
    graph: Graph | None = None
    cuts: tuple[bool, ...] = ()

    def to_many(self, origin: tuple[float, float], targets: Positions, *, limit_m: float = np.inf) -> list[Walk]:
        """Return the walks from one place to several; those beyond the limit count as unreachable."""
        return [self._walk(metres) for metres in self._metres(origin, targets, limit_m)]

    def nearest(self, origin: tuple[float, float], targets: Positions, k: int) -> list[tuple[int, Walk]]:
        """Return the k nearest of some places as (number, walk), nearest first, ties by number; unreachable ones never."""
        limit_m = NEAR_M
        while True:
            metres = self._metres(origin, targets, limit_m)
            reached = np.flatnonzero(np.isfinite(metres))
            inside = reached[metres[reached] <= limit_m]
            if len(inside) >= k or limit_m == np.inf:
                order = reached[np.argsort(metres[reached], kind="stable")][:k]
                return [(int(number), self._walk(metres[number])) for number in order]
            limit_m = limit_m * 4 if limit_m < 16 * NEAR_M else np.inf

    def nearest_of(self, origins: Positions, targets: Positions) -> tuple[Floats, Whole]:
        """Return for each origin the metres to its nearest target and which it is; NaN and -1 where none is reachable."""
        here, there = _array(origins), _array(targets)
        if not len(here) or not len(there):
            return np.full(len(here), np.nan), np.full(len(here), NOWHERE)
        if self.graph is None:
            return self._straight_nearest(here, there)
        return _network_nearest(self.graph, here, there)

    def cut_off(self, origin: tuple[float, float], targets: Positions) -> list[bool]:
        """Return which of some places cannot be walked to at all; straight lines reach everywhere."""
        if self.graph is None or not len(targets):
            return [False] * len(targets)
        return self.graph.is_cut_off(self.graph.snap(_array([origin])), self.graph.snap(_array(targets))).tolist()

    def route(
        self, origin: tuple[float, float], target: tuple[float, float], *, limit_m: float = np.inf
    ) -> list[tuple[float, float]]:
        """Return the line of a walk from door to door; a straight line by the methods that know no streets.

        Parameters
        ----------
        limit_m : the length of the walk if it is known; none longer is looked for
        """
        if self.graph is None:
            return [origin, target]
        here, there = self.graph.snap(_array([origin])), self.graph.snap(_array([target]))
        along = self.graph.route(here, there, limit_m=limit_m + 1.0)
        if along is None:
            return []
        return [origin, *((round(lon, 7), round(lat, 7)) for lon, lat in along.tolist()), target]

    def _metres(self, origin: tuple[float, float], targets: Positions, limit_m: float) -> Floats:
        there = _array(targets)
        if not len(there):
            return np.zeros(0)
        if self.graph is not None:
            return self.graph.from_one(self.graph.snap(_array([origin])), self.graph.snap(there), limit_m=limit_m)
        return straight_m(_array([origin])[0], there) * self._detour

    @property
    def _detour(self) -> float:
        return DETOUR if self.method == ESTIMATE else 1.0

    def _walk(self, metres: float) -> Walk:
        if not np.isfinite(metres):
            return Walk(None, None, self.method)
        return Walk(float(metres), None if self.method == GEODESIC else seconds(float(metres)), self.method)

    def _straight_nearest(self, here: Floats, there: Floats) -> tuple[Floats, Whole]:
        """Return the nearest on the unit sphere's chords, measured on the ellipsoid: of 8 candidates the nearest."""
        from scipy.spatial import cKDTree

        candidates = min(8, len(there))
        _, found = cKDTree(_on_sphere(there)).query(_on_sphere(here), k=candidates)
        found = found.reshape(len(here), candidates)
        spread = np.repeat(here, candidates, axis=0)
        to = there[found.ravel()]
        metres = np.asarray(ELLIPSOID.inv(spread[:, 0], spread[:, 1], to[:, 0], to[:, 1])[2]).reshape(found.shape)
        best = metres.argmin(axis=1)
        row = np.arange(len(here))
        return metres[row, best] * self._detour, found[row, best].astype(np.int64)


def _network_nearest(graph: Graph, here: Floats, there: Floats) -> tuple[Floats, Whole]:
    origins, targets = graph.snap(here), graph.snap(there)
    to_nodes, owner = graph.from_any(targets)
    on = origins.edge != NOWHERE
    edge = np.where(on, origins.edge, 0)
    ways = np.column_stack([
        to_nodes[graph.starts[edge]] + origins.to_start_m, to_nodes[graph.ends[edge]] + origins.to_end_m
    ])  # fmt: skip
    side, row = ways.argmin(axis=1), np.arange(len(ways))
    metres = ways[row, side]
    whose = np.where(side == 0, owner[graph.starts[edge]], owner[graph.ends[edge]])
    for number, target_edge in enumerate(targets.edge):  # those beside the same stretch need not go to its end
        for index in np.flatnonzero((origins.edge == target_edge) & on):
            beside = abs(origins.to_start_m[index] - targets.to_start_m[number]) + targets.leg_m[number]
            if beside < metres[index]:
                metres[index], whose[index] = beside, number
    metres = np.where(on & np.isfinite(metres), metres + origins.leg_m, np.nan)
    return metres, np.where(np.isnan(metres), NOWHERE, whose)


def open_walker(
    conn: sa.Connection,
    *,
    at: datetime | None = None,
    method: str | None = None,
    drafts: Sequence[bytes] = (),
) -> Walker:
    """Return what measures by a method: walking where streets are loaded, an estimate where not, unless told otherwise.

    Parameters
    ----------
    at : the moment whose zones close streets, now if not given
    method : None or walk (estimate without a network), geodesic for the straight line
    drafts : WKB polygons in degrees that are closed besides
    """
    if method == GEODESIC:
        return Walker(GEODESIC)
    closed = graph_at(conn, at, drafts)
    return Walker(ESTIMATE) if closed is None else Walker(WALK, closed.graph, closed.cuts)


def _array(positions: Positions) -> Floats:
    return np.asarray(positions, float).reshape(-1, 2)


def _on_sphere(positions: Floats) -> Floats:
    lon, lat = np.radians(positions).T
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
