"""The graph of the stored network under the zones in force, made once a process for each state of the two."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Lock
from typing import Any

import numpy as np
import pyproj
import shapely
import sqlalchemy as sa

from gridmap.streets.network import Network
from gridmap.streets.tables import edge, network, node
from gridmap.walking.closures import CLOSING, Closed, close
from gridmap.walking.graph import Graph

KEPT = 4  # states at once; one more is a zone that begins, or a draft somebody tries out
_kept: OrderedDict[Any, Any] = OrderedDict()
_lock = Lock()


def graph_at(conn: sa.Connection, at: datetime | None = None, drafts: Sequence[bytes] = ()) -> Closed | None:
    """Return the graph under the zones in force at a moment (now if not given), or None without a street network.

    Parameters
    ----------
    drafts : further areas to close, WKB polygons in degrees: zones that are not in force, to see what they would do

    Notes
    -----
    The version is read from the rows themselves, so that every process sees a change in its next transaction.
    """
    networks = _networks(conn)
    if not networks:
        return None
    moment: Any = sa.func.now() if at is None else at
    z = sa.func.closures_in_force(moment).table_valued("county", "id", "version", "type", "geom")
    shape = sa.func.ST_AsBinary(sa.column("geom"))
    zones = conn.execute(
        sa.select(sa.cast(z.c.id, sa.Text), z.c.version, sa.func.md5(shape))
        .where(z.c.type.in_(CLOSING))
        .order_by(z.c.county, z.c.id)
    ).all()

    def make() -> Closed:
        base = open_graph(conn)
        assert base is not None  # noqa: S101 - there are networks
        areas = conn.scalars(
            sa.select(shape).select_from(z).where(z.c.type.in_(CLOSING)).order_by(z.c.county, z.c.id)
        ).all()
        return close(base, [shapely.from_wkb(bytes(area)) for area in (*areas, *drafts)])

    closed: Closed = _once((networks, tuple(map(tuple, zones)), tuple(drafts)), make)
    return closed


def open_graph(conn: sa.Connection) -> Graph | None:
    """Return the graph as if no zone were in force, or None without a street network."""
    networks = _networks(conn)
    made: Graph | None = _once(networks, lambda: _load(conn, networks)) if networks else None
    return made


def _networks(conn: sa.Connection) -> tuple[tuple[int, str], ...]:
    n = network.c
    rows = conn.execute(sa.select(n.county, n.id).where(n.valid_to.is_(None)).order_by(n.county))
    return tuple((row.county, str(row.id)) for row in rows)


def _once(key: Any, make: Callable[[], Any]) -> Any:
    """Return what is kept under a key, made if it is not; two threads may make the same, one of them is kept."""
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    made = make()
    with _lock:
        _kept[key] = made
        while len(_kept) > KEPT * 2:
            _kept.popitem(last=False)
    return made


def _load(conn: sa.Connection, networks: tuple[tuple[int, str], ...]) -> Graph:
    """Return the main components of some networks as one graph."""
    starts, ends, lengths, lines, before = [], [], [], [], 0
    for county, number in networks:
        same = sa.and_(node.c.county == edge.c.county, node.c.street_network_id == edge.c.street_network_id)
        rows = conn.execute(
            sa.select(edge.c.from_number, edge.c.to_number, edge.c.length_m, sa.func.ST_AsBinary(edge.c.geom))
            .join(node, sa.and_(same, node.c.number == edge.c.from_number))
            .where(edge.c.county == county, edge.c.street_network_id == number, node.c.component == 0)
            .order_by(edge.c.number)
        ).all()
        starts += [row[0] + before for row in rows]
        ends += [row[1] + before for row in rows]
        lengths += [row[2] for row in rows]
        lines += [bytes(row[3]) for row in rows]
        before = max([before, *(n + 1 for n in starts), *(n + 1 for n in ends)])
    return planar(starts, ends, lengths, shapely.from_wkb(lines))


def planar(starts: Sequence[int], ends: Sequence[int], lengths_m: Sequence[float], lines: Any) -> Graph:
    """Return the graph of edges whose lines are in degrees; its plane is a transverse Mercator on their middle."""
    pairs = np.array([starts, ends], np.int64)
    _, numbered = np.unique(pairs, return_inverse=True)
    numbered = numbered.reshape(pairs.shape)
    middle = float(shapely.get_coordinates(lines)[:, 0].mean())
    projection = pyproj.Proj(proj="tmerc", lon_0=middle, ellps="GRS80")
    flat = shapely.transform(lines, lambda xy: np.column_stack(projection(xy[:, 0], xy[:, 1])))
    return Graph(
        int(numbered.max()) + 1,
        numbered[0],
        numbered[1],
        np.array(lengths_m, float),
        np.asarray(flat, object),
        projection,
    )


def of_network(found: Network) -> Graph:
    """Return the graph of the main component of a network that is not stored."""
    main = found.component[found.starts] == 0
    owner = np.repeat(np.arange(len(found.starts)), np.diff(found.offsets))
    lines = shapely.linestrings(found.vertices, indices=owner)[main]
    return planar(list(found.starts[main]), list(found.ends[main]), list(found.lengths_m[main]), lines)
