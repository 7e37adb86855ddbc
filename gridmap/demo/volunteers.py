"""Volunteers 志愿者: residents who help within a radius, for certain buildings, or both."""

from collections.abc import Iterator

import numpy as np

from gridmap.demo.dice import Dice, Ids
from gridmap.demo.ground import points_ewkb
from gridmap.demo.names import people, phones
from gridmap.demo.place import Place
from gridmap.demo.rows import Batch, batch
from gridmap.layers.volunteer import SKILLS, building_volunteer
from gridmap.layers.volunteer import table as volunteer

_HOUSEHOLDS_EACH = 62
_ON_DUTY = 0.35
_RADIUS_ONLY, _ASSIGNED_ONLY = 0.58, 0.22  # the rest has both


def rows(place: Place, dice: Dice, ids: Ids) -> Iterator[Batch]:
    """Yield a community's volunteers and the buildings some are assigned to."""
    lived_in = np.flatnonzero(place.homes.people > 0)
    count = max(2, round(len(place.homes) / _HOUSEHOLDS_EACH))
    homes = lived_in[(dice.floats(count) * len(lived_in)).astype(int)]
    buildings = place.homes.building[homes].tolist()
    draw = dice.floats(count)
    radii = (3 + (dice.floats(count) ** 1.5 * 14).astype(int)) * 50
    volunteer_ids = ids.take(count)
    yield batch(volunteer, {
        "id": volunteer_ids, "community_id": [place.id] * count, "community": [place.code] * count,
        "neighbourhood": [place.grid_codes[place.building_grids[b]] for b in buildings],
        "code": [f"V{place.code}-{n:03d}" for n in range(1, count + 1)],
        "name": people(dice, count), "phone": phones(dice, count),
        "skills": [dice.shuffled(tuple(SKILLS))[: dice.whole(0, 3)] for _ in range(count)],
        "on_duty": (dice.floats(count) < _ON_DUTY).tolist(),
        "radius_m": [
            int(radius) if _has_radius(kind) else None for radius, kind in zip(radii, draw.tolist(), strict=True)
        ],
        "geom": points_ewkb(place.homes.position[homes]),
    })  # fmt: skip
    pairs = [
        (place.building_ids[b], volunteer_ids[v])
        for v, kind in enumerate(draw.tolist())
        if kind >= _RADIUS_ONLY
        for b in _assigned(place, dice, buildings[v])
    ]
    yield batch(building_volunteer, {"building_id": [a for a, _ in pairs], "volunteer_id": [b for _, b in pairs]})


def _has_radius(draw: float) -> bool:
    return draw < _RADIUS_ONLY or draw >= _RADIUS_ONLY + _ASSIGNED_ONLY


def _assigned(place: Place, dice: Dice, home: int) -> list[int]:
    """Return one to three buildings of the volunteer's own estate, the nearest numbers first."""
    estate = place.buildings[home].estate
    own = [k for k, building in enumerate(place.buildings) if building.estate == estate]
    return sorted(own, key=lambda k: (abs(k - home), k))[: dice.whole(1, 3)]
