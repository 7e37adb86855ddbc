"""Whether the stored network serves the register: how many buildings stand near a street that leads anywhere."""

from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa

from gridmap.access import Actor, within_scope
from gridmap.hierarchy import building
from gridmap.walking.graph import NOWHERE, SNAP_REACH_M
from gridmap.walking.loading import open_graph

SHOWN = 10
CHUNK = 20_000


@dataclass(frozen=True)
class Check:
    """Figures of the buildings in scope; `far` names the first ones that stand too far from any street."""

    has_network: bool
    buildings: int = 0
    snapped: int = 0
    longest_m: float = 0.0
    reach_m: float = SNAP_REACH_M
    far: tuple[str, ...] = ()


def check(conn: sa.Connection, actor: Actor) -> Check:
    """Return how the current buildings of an actor's scope stand to the network, without any zone's closures."""
    actor.require("building.view")
    graph = open_graph(conn)
    if graph is None:
        return Check(has_network=False)
    b = building.c
    rows = conn.execute(
        sa.select(b.code, sa.func.ST_X(b.position), sa.func.ST_Y(b.position))
        .where(b.valid_to.is_(None), within_scope(building, actor))
        .order_by(b.code)
    )
    count, on, longest, far = 0, 0, 0.0, list[str]()
    for chunk in rows.partitions(CHUNK):
        snapped = graph.snap(np.array([(row[1], row[2]) for row in chunk]))
        is_on = snapped.edge != NOWHERE
        count, on = count + len(chunk), on + int(is_on.sum())
        longest = max(longest, float(snapped.leg_m[is_on].max(initial=0.0)))
        far += [row[0] for row, near in zip(chunk, is_on, strict=True) if not near][: SHOWN - len(far)]
    return Check(True, count, on, longest, far=tuple(far))
