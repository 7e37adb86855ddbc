"""Writing a network: the one before it ends, its rows stay."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import psycopg
import shapely
import sqlalchemy as sa
import uuid_utils.compat as uuids

from gridmap import audit
from gridmap.access import Actor
from gridmap.crs import STORAGE_SRID
from gridmap.db import translated
from gridmap.errors import InvalidInput
from gridmap.hierarchy import community
from gridmap.streets.network import Network
from gridmap.streets.tables import network as network_table

CHUNK = 50_000  # rows a COPY; bounds what the audit sorts at once
Progress = Callable[[str, int], None]
Key = tuple[int, UUID]


@dataclass(frozen=True)
class Stored:
    """What was stored: the key of the network and its figures; lengths in metres."""

    key: Key
    nodes: int
    edges: int
    components: int
    length_m: float
    share_in_main: float


def county_of(conn: sa.Connection) -> int:
    """Return the one county of the register.

    Raises
    ------
    InvalidInput if there is none yet, or several: then it must be named.
    """
    found = conn.scalars(sa.select(community.c.county).where(community.c.valid_to.is_(None)).distinct()).all()
    if len(found) != 1:
        raise InvalidInput("Name the county these streets are kept under: --county, six digits.", where="county")
    return int(found[0])


def store(
    conn: sa.Connection,
    actor: Actor,
    network: Network,
    *,
    county: int,
    source: str,
    progress: Progress = lambda stage, done: None,
) -> Stored:
    """Store a network as the current one of a county, in the caller's transaction.

    Raises
    ------
    NotAllowed without `street.edit`.
    """
    actor.require("street.edit")
    n = network_table.c
    conn.execute(sa.select(sa.func.pg_advisory_xact_lock(4491, county)))
    conn.execute(
        network_table.update()
        .where(n.county == county, n.valid_to.is_(None))
        .values(valid_to=sa.func.clock_timestamp())
    )
    key = (county, uuids.uuid7())
    figures = Stored(
        key, len(network.positions), len(network.starts), network.components, float(network.lengths_m.sum()),
        network.share_in_main,
    )  # fmt: skip
    conn.execute(
        network_table.insert().values(
            county=county, id=key[1], source=source, nodes=figures.nodes, edges=figures.edges,
            components=figures.components, valid_from=sa.func.clock_timestamp(),
        )
    )  # fmt: skip
    _copy(conn, "street_node", ("number", "component", "geom"), key, _nodes(network), progress)
    _copy(
        conn, "street_edge", ("number", "from_number", "to_number", "length_m", "geom"), key, _edges(network), progress
    )
    audit.record(conn, actor, "import", "street_network", rows=figures.edges, detail={"source": source})
    return figures


def _nodes(network: Network) -> Iterator[tuple]:
    points = shapely.to_wkb(
        shapely.set_srid(shapely.points(network.positions), STORAGE_SRID), hex=True, include_srid=True
    )
    yield from zip(range(len(points)), network.component.tolist(), points.tolist(), strict=True)


def _edges(network: Network) -> Iterator[tuple]:
    for begin in range(0, len(network.starts), CHUNK):
        end = min(begin + CHUNK, len(network.starts))
        low, high = network.offsets[begin], network.offsets[end]
        owner = np.repeat(np.arange(end - begin), np.diff(network.offsets[begin : end + 1]))
        lines = shapely.set_srid(shapely.linestrings(network.vertices[low:high], indices=owner), STORAGE_SRID)
        yield from zip(
            range(begin, end), network.starts[begin:end].tolist(), network.ends[begin:end].tolist(),
            network.lengths_m[begin:end].tolist(), shapely.to_wkb(lines, hex=True, include_srid=True).tolist(),
            strict=True,
        )  # fmt: skip


def _copy(
    conn: sa.Connection, table: str, columns: tuple[str, ...], key: Key, rows: Iterator[tuple], progress: Progress
) -> None:
    driver: psycopg.Connection = conn.connection.driver_connection  # type: ignore[assignment]
    names = psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, ("county", "street_network_id", *columns)))
    command = psycopg.sql.SQL("COPY {} ({}) FROM STDIN").format(psycopg.sql.Identifier(table), names)
    done, more = 0, True
    try:
        while more:
            more = False
            with driver.cursor() as cursor, cursor.copy(command) as copy:
                for row in rows:
                    copy.write_row((*key, *row))
                    done += 1
                    if done % CHUNK == 0:
                        more = True
                        break
            progress(table, done)
    except psycopg.Error as exc:
        raise translated(sa.exc.DBAPIError(f"COPY {table}", None, exc)) from exc
