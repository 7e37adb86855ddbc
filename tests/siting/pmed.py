"""The p-median graphs of the OR-Library: all shortest paths of a graph whose repeated edges count as they stand last."""

from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from gridmap.siting import Problem


def read(path: Path) -> Problem:
    head, *lines = [line.split() for line in path.read_text().splitlines() if line.strip()]
    count, _, p = map(int, head)
    edges = {}
    for one, other, metres in (map(int, line) for line in lines):
        edges[min(one, other) - 1, max(one, other) - 1] = metres
    rows, columns = np.array(list(edges)).T
    matrix = csr_matrix((np.array(list(edges.values()), float), (rows, columns)), shape=(count, count))
    return Problem(dijkstra(matrix, directed=False), np.ones(count), p, unreached_m=1e6)


def optima(folder: Path) -> dict[str, int]:
    found = {}
    for line in (folder / "pmedian-optima.txt").read_text().splitlines():
        parts = line.replace(":", " ").split()
        if len(parts) >= 2 and parts[-1].isdigit():
            name = parts[0] if parts[0].startswith("pmed") else f"pmed{parts[0]}"
            found[name.removesuffix(".txt")] = int(parts[-1])
    return found
