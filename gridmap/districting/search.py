"""The search for a plan: bisection by spanning trees, then recombining two grids and moving atoms as long as it helps."""

from collections.abc import Callable

import numpy as np

from gridmap.districting.atoms import Atoms
from gridmap.districting.band import Band, Reach, reach
from gridmap.districting.plan import Plan
from gridmap.districting.trees import Trees

STARTS, ROUNDS, SWEEPS = 3, 4, 12
BISECTIONS, RECOMBINATIONS, CUTS = 24, 8, 4  # trees drawn for one cut, and cuts of one that are looked at
LEAST_GAIN = 1e-9
Report = Callable[[float], None]


def quiet(_: float) -> None:
    """Report nothing."""


def reaches(atoms: Atoms, band: Band) -> list[Reach]:
    """Return what the sizes allow, for each piece of the community."""
    found = []
    for piece in atoms.pieces:
        held = atoms.households[piece]
        found.append(reach(int(held.sum()), band, too_large=int((held > band.high).sum())))
    return found


def search(atoms: Atoms, band: Band, *, seed: int = 1, report: Report = quiet) -> np.ndarray:
    """Return a plan: the number of the grid of each atom, 0 to k - 1.

    Parameters
    ----------
    seed : the same atoms, band and seed give the same plan
    report : is told the share that is done, 0 to 1; what it raises ends the search

    Notes
    -----
    Bounded by numbers of steps, not by a clock. Every grid is one piece; a community of several pieces has no grid that
    reaches from one to another.
    """
    part = [-1] * len(atoms.buildings)
    first = 0
    pieces = atoms.pieces
    for number, (piece, size) in enumerate(zip(pieces, reaches(atoms, band), strict=True)):
        count = min(size.count, len(piece))
        begun = number / len(pieces)
        best: tuple[float, list[int]] | None = None
        for start in range(STARTS if count > 1 else 1):

            def told(share: float, begun: float = begun, start: int = start) -> None:
                report(min(begun + (start + share) / STARTS / len(pieces), 1.0))

            rng = np.random.default_rng((seed, number, start))
            plan = _one(atoms, band, piece, count, rng, told)
            if best is None or plan.cost < best[0] - LEAST_GAIN:
                best = plan.cost, plan.part
        assert best is not None  # noqa: S101 - there is at least one start
        for atom in piece:
            part[atom] = first + best[1][atom]
        first += count
    report(1.0)
    return np.array(part, dtype=np.int64)


def _one(atoms: Atoms, band: Band, piece: list[int], count: int, rng: np.random.Generator, told: Report) -> Plan:
    """Return a plan of one piece from one start."""
    trees = Trees(atoms, rng)
    aim = float(atoms.households[piece].sum()) / count
    blank = Plan(atoms, band, [-1] * len(atoms.buildings), aim)
    sides = _bisected(blank, trees, set(piece), count, aim, told)
    part = [-1] * len(atoms.buildings)
    for number, members in enumerate(sides):
        for atom in members:
            part[atom] = number
    plan = Plan(atoms, band, part, aim)
    _sweep(plan)
    for turn in range(ROUNDS):
        told(0.2 + 0.8 * turn / ROUNDS)
        before = plan.cost
        _recombine(plan, trees, told)
        _sweep(plan)
        if before - plan.cost < LEAST_GAIN:
            break
    return plan


def _bisected(plan: Plan, trees: Trees, members: set[int], count: int, aim: float, told: Report) -> list[set[int]]:
    """Return atoms parted into so many grids of about the same households."""
    if count == 1:
        return [members]
    told(0.0)
    first = count // 2
    best: tuple[float, set[int], set[int]] | None = None
    slack = plan.half * min(first, count - first) / 2
    ordered = sorted(members)
    for _ in range(BISECTIONS):
        for one, other in trees.cuts(ordered, first * aim, slack, CUTS):
            if len(one) < first or len(other) < count - first:
                continue
            weight, area, around, off = plan.summed(one)
            uneven = (weight - first * aim) / plan.half
            cost = (around + off) / area**0.5 + 0.5 * uneven**2
            if best is None or cost < best[0] - LEAST_GAIN:
                best = cost, one, other
    if best is None:  # hardly more atoms than grids
        first, leaf = 1, {_leaf(plan, ordered)}
        best = 0.0, leaf, members - leaf
    return [
        *_bisected(plan, trees, best[1], first, aim, told),
        *_bisected(plan, trees, best[2], count - first, aim, told),
    ]


def _leaf(plan: Plan, members: list[int]) -> int:
    """Return an atom without which the others still hang together: the last one a walk through them reaches."""
    order, seen, inside = [members[0]], {members[0]}, set(members)
    for atom in order:
        for other, _, _ in plan.links[atom]:
            if other in inside and other not in seen:
                seen.add(other)
                order.append(other)
    return order[-1]


def _recombine(plan: Plan, trees: Trees, told: Report) -> None:
    """Merge each two neighbouring grids and part them anew where that costs less."""
    for one, other in _touching(plan):
        told(0.5)
        members = sorted(plan.members[one] | plan.members[other])
        if not _do_touch(plan, one, other):  # not any more
            continue
        now = plan.cost_of(plan.sums[one]) + plan.cost_of(plan.sums[other])
        share = sum(plan.weight[atom] for atom in members) / 2
        best: tuple[set[int], set[int]] | None = None
        for _ in range(RECOMBINATIONS):
            for first, second in trees.cuts(members, share, plan.half / 2, CUTS):
                cost = plan.cost_of(plan.summed(first)) + plan.cost_of(plan.summed(second))
                if cost < now - LEAST_GAIN:
                    now, best = cost, (first, second)
        if best is not None:
            plan.replace({one: best[0], other: best[1]})


def _touching(plan: Plan) -> list[tuple[int, int]]:
    found = set()
    for atom, links in enumerate(plan.links):
        for other, _, _ in links:
            one, two = plan.part[atom], plan.part[other]
            if 0 <= one < two:
                found.add((one, two))
    return sorted(found)


def _do_touch(plan: Plan, one: int, other: int) -> bool:
    return any(plan.part[beside] == other for atom in plan.members[one] for beside, _, _ in plan.links[atom])


def _sweep(plan: Plan) -> None:
    """Move atoms at borders to the grid beside as long as it costs less."""
    for _ in range(SWEEPS):
        gained = False
        for atom in range(len(plan.part)):
            home = plan.part[atom]
            if home < 0:
                continue
            beside = sorted({plan.part[other] for other, _, _ in plan.links[atom]} - {home})
            if not beside:
                continue
            best, target = -LEAST_GAIN, -1
            for to in beside:
                left, joined = plan.moved(atom, to)
                change = plan.cost_of(left) + plan.cost_of(joined)
                change -= plan.cost_of(plan.sums[home]) + plan.cost_of(plan.sums[to])
                if change < best:
                    best, target = change, to
            if target >= 0 and plan.hangs_together_without(atom):
                plan.move(atom, target)
                gained = True
        if not gained:
            return
