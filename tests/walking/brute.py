"""An own shortest path, with a heap and a dictionary, to hold the graph to."""

import heapq
from collections import defaultdict
from collections.abc import Iterable

Edge = tuple[int, int, float]


def distances(edges: Iterable[Edge], origin: int) -> dict[int, float]:
    """Return the metres from a node to every node that can be reached (Dijkstra)."""
    neighbours = defaultdict(list)
    for one, other, metres in edges:
        neighbours[one].append((other, metres))
        neighbours[other].append((one, metres))
    found: dict[int, float] = {}
    waiting = [(0.0, origin)]
    while waiting:
        metres, node = heapq.heappop(waiting)
        if node in found:
            continue
        found[node] = metres
        for other, further in neighbours[node]:
            if other not in found:
                heapq.heappush(waiting, (metres + further, other))
    return found
