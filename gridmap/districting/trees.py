"""Two grids of one: cuts of random spanning trees that leave about so many households on either side."""

from collections.abc import Sequence

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph

from gridmap.districting.atoms import Atoms

LATE = 1.5  # how much later a tree crosses a street than it goes on within a block


class Trees:
    """Draws spanning trees of parts of the atoms and cuts them."""

    def __init__(self, atoms: Atoms, rng: np.random.Generator, *, late: float = LATE) -> None:
        self.rng = rng
        self.households = atoms.households.astype(float)
        self.pairs = atoms.pairs
        along = atoms.street_m / np.maximum(atoms.border_m, 1e-9)
        self.later = late * along

    def cuts(self, members: Sequence[int], share: float, slack: float, most: int) -> list[tuple[set[int], set[int]]]:
        """Return up to `most` ways to part some atoms by one random tree, those nearest to the aim first.

        Parameters
        ----------
        members : atoms that hang together, at least two
        share : households wanted on the first side
        slack : how far from it a way may be; without any so near, the nearest is given
        """
        nodes = np.fromiter(members, np.int64, len(members))
        place = np.full(len(self.households), -1)
        place[nodes] = np.arange(len(nodes))
        inside = (place[self.pairs] >= 0).all(axis=1)
        ends = place[self.pairs[inside]]
        lengths = 1.0 + self.rng.random(len(ends)) + self.later[inside]
        graph = scipy.sparse.coo_matrix((lengths, (ends[:, 0], ends[:, 1])), (len(nodes), len(nodes)))
        tree = scipy.sparse.csgraph.minimum_spanning_tree(graph)
        root = int(self.rng.integers(len(nodes)))
        order, above = scipy.sparse.csgraph.breadth_first_order(tree, root, directed=False)
        below = self.households[nodes].copy()
        for node in order[:0:-1].tolist():
            below[above[node]] += below[node]
        total = below[root]
        tops = order[1:]
        near = np.minimum(np.abs(below[tops] - share), np.abs(total - below[tops] - share))
        best = np.argsort(near, kind="stable")[:most]
        chosen = [number for number in best.tolist() if near[number] <= slack] or best[:1].tolist()
        found = []
        for number in chosen:
            top = int(tops[number])
            side = set(nodes[self._branch(tree, order, above, top)].tolist())
            rest = set(nodes.tolist()) - side
            is_first = abs(below[top] - share) <= abs(total - below[top] - share)
            found.append((side, rest) if is_first else (rest, side))
        return found

    @staticmethod
    def _branch(tree: scipy.sparse.csr_matrix, order: np.ndarray, above: np.ndarray, top: int) -> np.ndarray:
        """Return what hangs below a node of a tree, the node first."""
        held = np.zeros(len(order), bool)
        held[top] = True
        for node in order[1:].tolist():
            if held[above[node]]:
                held[node] = True
        return np.flatnonzero(held)
