"""The atoms of a community: pieces bounded by streets, one for each building, that tile it and cut no footprint."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
import shapely

from gridmap.districting.plane import Plane
from gridmap.errors import InvalidInput

GRID_M = 1e-6  # lines are noded on a grid of a micrometre
SPACING_M = 3.0  # between the points of a wall from which the ground around it is shared out
CLEARANCE_M = 0.5  # a street this near to a building bounds nothing there
OVERLAP_M2 = 0.05  # footprints that share more are taken for one building
ON_STREET_M = 0.01
JITTER_M = 0.001
MOST_BUILDINGS = 5_000


@dataclass(frozen=True, eq=False)
class Footprint:
    """A building: its code, households and footprint, a polygon in degrees, EPSG:4490."""

    code: str
    households: int
    shape: Any


@dataclass(frozen=True, eq=False)
class Atoms:
    """The atoms of a community and which of them touch.

    Attributes
    ----------
    community : its area as it came, degrees
    shapes : (n,) polygons in metres on `plane`; they share their vertices, so that unions leave no gap
    households : (n,) integers
    buildings : the codes of the buildings of each atom; several where footprints overlap, none on empty ground
    pairs : (m, 2) atoms that share a border
    border_m, street_m : (m,) metres of it, and how many of these run along a street
    outer_m : (n,) metres of each atom's border that are the community's
    """

    plane: Plane
    community: Any
    shapes: np.ndarray
    households: np.ndarray
    buildings: list[tuple[str, ...]]
    pairs: np.ndarray
    border_m: np.ndarray
    street_m: np.ndarray
    outer_m: np.ndarray

    @cached_property
    def area_m2(self) -> np.ndarray:
        """Return the area of each atom."""
        return shapely.area(self.shapes)

    @cached_property
    def neighbours(self) -> list[list[tuple[int, float, float]]]:
        """Return for each atom those it touches, with the metres of border and of these along streets."""
        found: list[list[tuple[int, float, float]]] = [[] for _ in self.buildings]
        for (a, b), border, street in zip(
            self.pairs.tolist(), self.border_m.tolist(), self.street_m.tolist(), strict=True
        ):
            found[a].append((b, border, street))
            found[b].append((a, border, street))
        return found

    @cached_property
    def pieces(self) -> list[list[int]]:
        """Return the atoms that hang together, piece by piece: one for a community that is one area."""
        size = len(self.buildings)
        links = scipy.sparse.coo_matrix((np.ones(len(self.pairs)), (self.pairs[:, 0], self.pairs[:, 1])), (size, size))
        labels = scipy.sparse.csgraph.connected_components(links, directed=False)[1]
        return [np.flatnonzero(labels == label).tolist() for label in range(int(labels.max()) + 1)]


def atoms_of(community: Any, footprints: Sequence[Footprint], streets: Sequence[Any] = ()) -> Atoms:
    """Return the atoms of a community.

    Parameters
    ----------
    community : polygon or multipolygon, degrees, EPSG:4490
    footprints : its buildings; one that reaches across the border counts where its larger part lies, or nearest
    streets : line strings, degrees; none leaves the ground to be shared out between the buildings alone

    Raises
    ------
    InvalidInput without buildings, for more than 5,000, or for an area that is not a valid polygon.
    """
    require_fit(community, footprints)
    plane = Plane.around(community)
    area = shapely.set_precision(plane.flat(community), GRID_M)
    units = _units(plane, area, footprints)
    walls = shapely.union_all([unit.shape for unit in units])
    lines = _street_lines(plane, area, walls, streets)
    faces = _faces(area, walls, lines, units)
    owner = _owners(faces, units)
    return _assembled(plane, community, faces, owner, units, lines)


def require_fit(community: Any, footprints: Sequence[Footprint]) -> None:
    """Raise InvalidInput for what no atoms can be made of."""
    if not footprints:
        raise InvalidInput("There are no buildings here to build grids from.", where="code")
    if len(footprints) > MOST_BUILDINGS:
        raise InvalidInput(f"{len(footprints):,} buildings are too many at once, {MOST_BUILDINGS:,} at most.")
    if not shapely.is_valid(community) or shapely.is_empty(community):
        raise InvalidInput("The community's area is not valid. Repair it first.", where="code")


@dataclass(frozen=True, eq=False)
class _Unit:
    """What must not be cut: a footprint in metres, or several that overlap."""

    shape: Any
    codes: tuple[str, ...]
    households: int


def _units(plane: Plane, area: Any, footprints: Sequence[Footprint]) -> list[_Unit]:
    """Return the footprints within the area, overlapping ones as one, in the order of their codes."""
    footprints = sorted(footprints, key=lambda one: one.code)
    shapes = np.array([shapely.set_precision(plane.flat(one.shape), GRID_M) for one in footprints], dtype=object)
    clipped = shapely.intersection(shapes, area, grid_size=GRID_M)
    for number, shape in enumerate(clipped):
        if shapely.area(shape) == 0:  # outside: a metre of ground on the nearest part of the area stands for it
            spot = shapely.get_point(shapely.shortest_line(area.buffer(-1.0), shapes[number].centroid), 0)
            clipped[number] = shapely.set_precision(shapely.intersection(spot.buffer(0.5), area), GRID_M)
    groups = _overlapping(clipped)
    return [
        _Unit(
            _areas(shapely.union_all(clipped[group], grid_size=GRID_M)),
            tuple(footprints[i].code for i in group),
            sum(footprints[i].households for i in group),
        )
        for group in groups
    ]


def _areas(shape: Any) -> Any:
    """Return the polygons of a shape without the lines and points an intersection may leave."""
    parts = [part for part in shapely.get_parts(shape) if part.geom_type in ("Polygon", "MultiPolygon")]
    return shapely.union_all(parts)


def _overlapping(shapes: np.ndarray) -> list[list[int]]:
    tree = shapely.STRtree(shapes)
    one, other = tree.query(shapes, predicate="intersects")
    once = one < other
    one, other = one[once], other[once]
    shared = shapely.area(shapely.intersection(shapes[one], shapes[other])) > OVERLAP_M2
    size = len(shapes)
    links = scipy.sparse.coo_matrix((np.ones(shared.sum()), (one[shared], other[shared])), shape=(size, size))
    labels = scipy.sparse.csgraph.connected_components(links, directed=False)[1]
    groups: dict[int, list[int]] = defaultdict(list)
    for number, label in enumerate(labels.tolist()):
        groups[label].append(number)
    return sorted(groups.values())


def _street_lines(plane: Plane, area: Any, walls: Any, streets: Sequence[Any]) -> Any:
    """Return the parts of the streets that bound blocks: inside the area and clear of every building."""
    if not len(streets):
        return shapely.MultiLineString()
    flat = shapely.union_all([plane.flat(line) for line in streets], grid_size=GRID_M)
    clear = shapely.difference(shapely.intersection(flat, area), walls.buffer(CLEARANCE_M))
    rings = shapely.union_all([clear, area.boundary], grid_size=GRID_M)
    blocks = shapely.get_parts(shapely.polygonize([rings]))
    if not len(blocks):
        return shapely.MultiLineString()
    kept = shapely.union_all(shapely.boundary(blocks), grid_size=GRID_M)  # dead ends bound nothing
    return shapely.difference(kept, area.boundary.buffer(ON_STREET_M))


def _faces(area: Any, walls: Any, lines: Any, units: list[_Unit]) -> np.ndarray:
    """Return the smallest pieces that streets, walls and the borders of the ground shared out make of the area."""
    rings = shapely.union_all([lines, area.boundary], grid_size=GRID_M)
    blocks = shapely.get_parts(shapely.polygonize([rings]))
    spots = np.array([unit.shape.point_on_surface() for unit in units], dtype=object)
    in_block, of_unit = shapely.STRtree(spots).query(blocks, predicate="intersects")
    cuts = []
    for block in np.unique(in_block):
        inside = of_unit[in_block == block]
        if len(inside) > 1:
            cuts.append(_shared_out(blocks[block], [units[i].shape for i in inside]))
    between = (
        shapely.difference(shapely.union_all(cuts, grid_size=GRID_M), walls) if cuts else shapely.MultiLineString()
    )
    fronts = [unit.shape.boundary for unit in units]
    everything = shapely.union_all([rings, between, *fronts], grid_size=GRID_M)
    faces = shapely.get_parts(shapely.polygonize([everything]))
    held = shapely.intersects(area, shapely.point_on_surface(faces))
    return faces[held]


def _shared_out(block: Any, shapes: list[Any]) -> Any:
    """Return the lines that part a block between its buildings: borders of the Voronoi cells of points of their walls."""
    points, of = [], []
    for number, shape in enumerate(shapes):
        inner = shape.buffer(-0.05)  # two buildings wall to wall have no point in common
        ring = shapely.segmentize((inner if inner.area else shape).boundary, SPACING_M)
        found = shapely.get_coordinates(ring)
        points.append(found)
        of.append(np.full(len(found), number))
    spots, owners = np.concatenate(points), np.concatenate(of)
    spots, first = np.unique(np.round(spots, 6), axis=0, return_index=True)
    owners = owners[first]
    # regular walls put many points on one circle, where the cells' corners are not determined: a millimetre parts them
    spots += np.random.default_rng(len(spots)).uniform(-JITTER_M, JITTER_M, spots.shape)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(spots), extend_to=block, ordered=True))
    parts = [shapely.union_all(cells[owners == number], grid_size=GRID_M).boundary for number in range(len(shapes))]
    return shapely.intersection(shapely.union_all(parts, grid_size=GRID_M), block)


def _owners(faces: np.ndarray, units: list[_Unit]) -> np.ndarray:
    """Return which unit's footprint a face is part of; -1 for open ground."""
    owner = np.full(len(faces), -1)
    spots = shapely.point_on_surface(faces)
    unit, face = shapely.STRtree(spots).query([one.shape for one in units], predicate="intersects")
    owner[face] = unit
    return owner


def _assembled(
    plane: Plane, community: Any, faces: np.ndarray, owner: np.ndarray, units: list[_Unit], lines: Any
) -> Atoms:
    """Return faces as atoms: a footprint with the open ground that belongs to it."""
    edges = _edges(faces, lines)
    label = _labelled(faces, owner, edges, len(units))
    order, label = np.unique(label, return_inverse=True)
    count = len(order)
    shapes = np.array(
        [shapely.union_all(faces[label == number], grid_size=GRID_M) for number in range(count)], dtype=object
    )
    one, other = label[edges.one], label[np.maximum(edges.other, 0)]
    is_outer = edges.other < 0
    outer = np.bincount(one[is_outer], edges.length_m[is_outer], count)
    apart = ~is_outer & (one != other)
    low, high = np.minimum(one, other)[apart], np.maximum(one, other)[apart]
    pairs, which = np.unique(np.column_stack([low, high]), axis=0, return_inverse=True)
    length = edges.length_m[apart]
    border = np.bincount(which.ravel(), length, len(pairs))
    street = np.bincount(which.ravel(), length * edges.is_street[apart], len(pairs))
    held = [units[number] if number < len(units) else None for number in order.tolist()]
    return Atoms(
        plane, community, shapes,
        np.array([unit.households if unit else 0 for unit in held], dtype=np.int64),
        [unit.codes if unit else () for unit in held],
        pairs, border, street, outer,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Edges:
    """The segments of faces: the one or two faces they bound (-1 outside), metres, and whether a street runs there."""

    one: np.ndarray
    other: np.ndarray
    length_m: np.ndarray
    is_street: np.ndarray


def _edges(faces: np.ndarray, lines: Any) -> _Edges:
    """Return what the faces share, segment by segment: faces of one polygonising share their vertices exactly."""
    rings, of = shapely.get_rings(faces, return_index=True)
    spots, ring = shapely.get_coordinates(rings, return_index=True)
    follows = ring[:-1] == ring[1:]
    begin, end, face = spots[:-1][follows], spots[1:][follows], of[ring[:-1][follows]]
    turned = (begin[:, 0] > end[:, 0]) | ((begin[:, 0] == end[:, 0]) & (begin[:, 1] > end[:, 1]))
    begin[turned], end[turned] = end[turned], begin[turned].copy()
    key, which = np.unique(np.column_stack([begin, end]), axis=0, return_inverse=True)
    which = which.ravel()
    order = np.argsort(which, kind="stable")
    first = np.searchsorted(which[order], np.arange(len(key)))
    count = np.bincount(which, minlength=len(key))
    one = face[order[first]]
    other = np.where(count > 1, face[order[np.minimum(first + 1, len(order) - 1)]], -1)
    length = np.hypot(*(key[:, 2:] - key[:, :2]).T)
    middles = shapely.points((key[:, :2] + key[:, 2:]) / 2)
    streets = shapely.get_parts(lines)
    is_street = np.zeros(len(key), bool)
    if len(streets):
        near = shapely.STRtree(middles).query(streets, predicate="dwithin", distance=ON_STREET_M)[1]
        is_street[near] = True
    return _Edges(one, other, length, is_street)


def _labelled(faces: np.ndarray, owner: np.ndarray, edges: _Edges, units: int) -> np.ndarray:
    """Return which atom each face belongs to: that of a unit, or one of its own for blocks without a building.

    Open ground goes to what it shares the longest border with, not counting streets, the largest ground that is settled
    first; so the ground of a Voronoi cell goes to its building.
    """
    label = owner.copy()
    inside = (edges.other >= 0) & ~edges.is_street
    links: list[list[tuple[int, float]]] = [[] for _ in faces]
    for a, b, length in zip(edges.one[inside], edges.other[inside], edges.length_m[inside], strict=True):
        links[a].append((b, length))
        links[b].append((a, length))
    open_ground = [face for face in range(len(faces)) if label[face] < 0]
    while open_ground:
        settled = []
        for face in open_ground:
            weights: dict[int, float] = defaultdict(float)
            for other, length in links[face]:
                if label[other] >= 0:
                    weights[int(label[other])] += length
            if weights:
                settled.append((face, max(sorted(weights), key=weights.__getitem__)))
        if not settled:
            break
        for face, unit in settled:
            label[face] = unit
        open_ground = [face for face in open_ground if label[face] < 0]
    return _own_ground(label, links, units)


def _own_ground(label: np.ndarray, links: list[list[tuple[int, float]]], units: int) -> np.ndarray:
    """Number the blocks that hold no building: faces that hang together without crossing a street."""
    number = units
    for start in range(len(label)):
        if label[start] >= 0:
            continue
        label[start] = number
        reached = [start]
        while reached:
            for other, _ in links[reached.pop()]:
                if label[other] < 0:
                    label[other] = number
                    reached.append(other)
        number += 1
    return label
