"""A plan under work: which grid each atom is in, and what each grid measures, kept up as atoms are moved."""

import math
from collections.abc import Iterable

from gridmap.districting.atoms import Atoms
from gridmap.districting.band import Band

OUT_OF_BAND, UNEVEN, OFF_STREET = 20.0, 0.25, 0.15  # beside 1 - isoperimetric quotient, which is 0 to 1
Link = list[tuple[int, float, float]]


class Plan:
    """An assignment of atoms to grids with sums by grid; `cost` is what the search lowers.

    A grid costs one minus its isoperimetric quotient, and more for households outside the band, for being uneven, and for
    borders that run along no street.
    """

    def __init__(self, atoms: Atoms, band: Band, part: list[int], aim: float) -> None:
        self.links: list[Link] = atoms.neighbours
        self.weight, self.area = atoms.households.tolist(), atoms.area_m2.tolist()
        self.outer = atoms.outer_m.tolist()
        self.band, self.aim = band, aim
        self.half = (band.high - band.low) / 2 or 1.0
        self.part = part
        self.members: dict[int, set[int]] = {}
        for atom, number in enumerate(part):
            if number >= 0:
                self.members.setdefault(number, set()).add(atom)
        self.sums = {number: self.summed(members) for number, members in self.members.items()}

    def summed(self, members: Iterable[int]) -> tuple[float, float, float, float]:
        """Return households, area, perimeter, and border off the streets of some atoms as one grid."""
        inside = members if isinstance(members, set) else set(members)
        weight = area = around = off = 0.0
        for atom in sorted(inside):
            weight += self.weight[atom]
            area += self.area[atom]
            around += self.outer[atom]
            for other, border, street in self.links[atom]:
                if other not in inside:
                    around += border
                    off += border - street
        return weight, area, around, off

    def cost_of(self, sums: tuple[float, float, float, float]) -> float:
        """Return what one grid costs."""
        weight, area, around, off = sums
        if area <= 0 or around <= 0:
            return 10 * OUT_OF_BAND
        quotient = 4 * math.pi * area / around**2
        missed = OUT_OF_BAND * (0.1 + self.band.miss(weight) / self.half) if not self.band.holds(weight) else 0.0
        return 1 - quotient + missed + UNEVEN * ((weight - self.aim) / self.half) ** 2 + OFF_STREET * off / area**0.5

    @property
    def cost(self) -> float:
        """Return what the whole plan costs."""
        return sum(self.cost_of(self.sums[number]) for number in sorted(self.sums))

    def moved(self, atom: int, to: int) -> tuple[tuple[float, float, float, float], tuple[float, float, float, float]]:
        """Return the sums of the grid an atom would leave and of the one it would join."""
        home = self.part[atom]
        w1, a1, p1, o1 = self.sums[home]
        w2, a2, p2, o2 = self.sums[to]
        weight, area, outer = self.weight[atom], self.area[atom], self.outer[atom]
        p1, p2 = p1 - outer, p2 + outer
        for other, border, street in self.links[atom]:
            where, off = self.part[other], border - street
            if where == home:
                p1, o1 = p1 + border, o1 + off
            else:
                p1, o1 = p1 - border, o1 - off
            if where == to:
                p2, o2 = p2 - border, o2 - off
            else:
                p2, o2 = p2 + border, o2 + off
        return (w1 - weight, a1 - area, p1, o1), (w2 + weight, a2 + area, p2, o2)

    def move(self, atom: int, to: int) -> None:
        """Move an atom to another grid."""
        home = self.part[atom]
        self.sums[home], self.sums[to] = self.moved(atom, to)
        self.members[home].discard(atom)
        self.members[to].add(atom)
        self.part[atom] = to

    def replace(self, parts: dict[int, set[int]]) -> None:
        """Let some grids consist of other atoms; together they keep those they had."""
        for number, members in parts.items():
            self.members[number] = members
            self.sums[number] = self.summed(members)
            for atom in members:
                self.part[atom] = number

    def hangs_together_without(self, atom: int) -> bool:
        """Return whether the grid of an atom would still be one piece, and not empty, without it."""
        inside = self.members[self.part[atom]]
        near = [other for other, _, _ in self.links[atom] if other in inside]
        if not near:
            return False
        wanted, reached, seen = set(near), [near[0]], {near[0], atom}
        while reached:
            for other, _, _ in self.links[reached.pop()]:
                if other in inside and other not in seen:
                    seen.add(other)
                    wanted.discard(other)
                    reached.append(other)
            if not wanted - {near[0]}:
                return True
        return not wanted - {near[0]}
