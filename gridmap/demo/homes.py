"""Households: every door of every building, who lives behind it and how many, and what care they need."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gridmap.demo.buildings import Building
from gridmap.demo.dice import Dice
from gridmap.demo.footprints import DORMITORY

OCCUPANCIES = ("resident", "rented", "vacant", "shop", "dormitory")
_RESIDENT, _RENTED, _VACANT, _SHOP, _DORMITORY = range(5)
_MIX = (0.735, 0.18, 0.085)  # resident, rented, vacant
_PEOPLE = {  # share of households with 1, 2, 3 … people
    _RESIDENT: (0.17, 0.29, 0.29, 0.16, 0.06, 0.03),
    _RENTED: (0.36, 0.34, 0.18, 0.08, 0.03, 0.01),
    _DORMITORY: (0.0, 0.0, 0.1, 0.4, 0.2, 0.3),
}
_CARE: tuple[
    tuple[str, float, int], ...
] = (  # tag, share of families with such a person, people such a family has at least
    ("elderly_alone", 0.045, 1),
    ("child_in_difficulty", 0.004, 2),
    ("pregnant", 0.012, 2),
    ("dialysis", 0.0018, 1),
    ("chronic", 0.14, 1),
    ("disabled", 0.03, 1),
    ("bedridden", 0.007, 2),
    ("infant", 0.042, 2),
    ("low_income", 0.016, 1),
)
_ALONE = "elderly_alone"
_ALONE_AT_MOST = 2  # a couple without children near counts as alone
_TWO = 0.15  # share of families with a second such person
_YOUNG = ("pregnant", "infant", "child_in_difficulty")  # not in a home where the old live alone
_CHILDREN = ("infant", "child_in_difficulty")  # somebody else lives with them


@dataclass(frozen=True)
class Homes:
    """The doors of a community as columns, building by building; positions in metres."""

    building: np.ndarray  # index of the building
    unit: np.ndarray
    floor: np.ndarray
    number: np.ndarray  # of the room on its floor
    occupancy: np.ndarray  # index into OCCUPANCIES
    people: np.ndarray
    position: np.ndarray

    def __len__(self) -> int:
        return len(self.building)

    def rooms(self) -> list[str]:
        """Return the room codes: floor 2 digits and number 2 digits."""
        pairs = zip(self.floor.tolist(), self.number.tolist(), strict=True)
        return [f"{floor:02d}{number:02d}" for floor, number in pairs]


@dataclass(frozen=True)
class _Units:
    """The stair units of all buildings as columns."""

    building: np.ndarray
    number: np.ndarray
    floors: np.ndarray
    flats: np.ndarray
    middle: np.ndarray
    half: np.ndarray
    angle: np.ndarray


def homes(dice: Dice, buildings: list[Building]) -> Homes:
    """Return the households of a community."""
    units = _units(buildings)
    counts = units.flats * units.floors
    of = np.repeat(np.arange(len(counts)), counts)
    serial = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
    floor, number = serial // units.flats[of], serial % units.flats[of]
    building = units.building[of]
    occupancy = _occupancy(dice, buildings, building, is_below=floor == 0)
    return Homes(
        building=building, unit=units.number[of], floor=floor + 1, number=number + 1, occupancy=occupancy,
        people=_people(dice, occupancy), position=_positions(units, of, floor, number),
    )  # fmt: skip


def _units(buildings: list[Building]) -> _Units:
    pairs = [(b, k) for b, building in enumerate(buildings) for k in range(len(building.footprint.units))]
    shapes = [buildings[b].footprint.units[k] for b, k in pairs]
    half = np.array([shape.half for shape in shapes])
    angle = np.array([buildings[b].footprint.angle for b, _ in pairs])
    is_across = half[:, 0] < half[:, 1]  # a courtyard's wing that runs across the axis
    return _Units(
        building=np.array([b for b, _ in pairs]),
        number=np.array([k + 1 for _, k in pairs]),
        floors=np.array([buildings[b].floors for b, _ in pairs]),
        flats=np.array([buildings[b].footprint.flats for b, _ in pairs]),
        middle=np.array([shape.middle for shape in shapes]),
        half=np.where(is_across[:, None], half[:, ::-1], half),
        angle=np.where(is_across, angle + np.pi / 2, angle),
    )


def _occupancy(dice: Dice, buildings: list[Building], of: np.ndarray, *, is_below: np.ndarray) -> np.ndarray:
    def told(rule: Callable[[Building], bool]) -> np.ndarray:
        return np.array([rule(building) for building in buildings])[of]

    occupancy = dice.picks(len(of), _MIX)
    occupancy[told(lambda building: building.has_shops) & is_below] = _SHOP
    occupancy[told(lambda building: building.footprint.use == DORMITORY)] = _DORMITORY
    return occupancy


def _people(dice: Dice, occupancy: np.ndarray) -> np.ndarray:
    people = np.zeros(len(occupancy), dtype=int)
    for kind, shares in _PEOPLE.items():
        people = np.where(occupancy == kind, dice.picks(len(occupancy), shares) + 1, people)
    return people


def _positions(units: _Units, of: np.ndarray, floor: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Return a point inside the footprint for each home: flats beside each other, floors spread inside each flat."""
    length, depth = 2 * units.half.T
    slot = length / np.maximum(units.flats, 1)
    across = np.maximum(1, np.ceil(np.sqrt(units.floors * slot / depth))).astype(int)
    deep = np.ceil(units.floors / across)
    x = (number + (floor % across[of] + 0.5) / across[of]) * slot[of] - length[of] / 2
    y = (floor // across[of] + 0.5) / deep[of] * depth[of] - depth[of] / 2
    cos, sin = np.cos(units.angle[of]), np.sin(units.angle[of])
    return units.middle[of] + np.column_stack([cos * x - sin * y, sin * x + cos * y])


def care(dice: Dice, homes: Homes) -> list[tuple[int, str, int]]:
    """Return which household (its index) has how many people who need which care, tag by tag."""
    is_family = (homes.people > 0) & (homes.occupancy != _DORMITORY)
    is_alone = np.zeros(len(homes), dtype=bool)
    found: list[tuple[int, str, int]] = []
    for tag, share, least in _CARE:
        fits = is_family & (homes.people >= least) & ((tag != _ALONE) | (homes.people <= _ALONE_AT_MOST))
        if tag in _YOUNG:
            fits &= ~is_alone
        families, fitting = int(is_family.sum()), max(1, int(fits.sum()))
        rows = np.flatnonzero(fits & (dice.floats(len(homes)) < share * families / fitting))
        least_for_two = 3 if tag in _CHILDREN else 2
        are_two = (dice.floats(len(rows)) < _TWO) & (homes.people[rows] >= least_for_two) & (tag != "pregnant")
        if tag == _ALONE:
            is_alone[rows] = True
        found += [(row, tag, 1 + two) for row, two in zip(rows.tolist(), are_two.tolist(), strict=True)]
    return found
