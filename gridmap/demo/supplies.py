"""Supply points 物资点 of every kind and what was counted there; some communities are poorly served."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from gridmap.demo.dice import Dice, Ids
from gridmap.demo.ground import points_ewkb
from gridmap.demo.names import people, phones
from gridmap.demo.place import Place
from gridmap.demo.rows import Batch, batch
from gridmap.layers.supply_point import stock_count
from gridmap.layers.supply_point import table as supply_point

# What points of a kind keep: item code (table item, migration 0001), and how much there usually is, least and most.
_STOCK: dict[str, dict[str, tuple[int, int]]] = {
    "store": {
        "1010101": (600, 4800), "1010201": (200, 1500), "1010202": (80, 400), "1010302": (200, 1200),
        "1010401": (10, 60), "1020101": (40, 200), "1020102": (20, 80), "1030101": (3000, 20000),
        "1030102": (300, 2000), "1030201": (60, 400), "1030202": (40, 300), "1030301": (500, 4000),
        "1030302": (30, 200), "1030303": (300, 2000), "1030401": (5, 30), "2010101": (10, 40), "2010201": (20, 100),
        "2010301": (4, 20), "2020101": (1, 3), "2020201": (1, 4), "3010101": (200, 1500), "3010201": (20, 80),
    },
    "station": {
        "2010101": (12, 40), "2010201": (6, 30), "2010301": (4, 16), "2020101": (0, 1), "2020201": (1, 2),
        "3010101": (50, 400), "3010201": (8, 30), "1030401": (2, 6), "1030101": (100, 600),
    },
    "clinic": {
        "1030101": (500, 4000), "1030102": (50, 400), "1030201": (20, 100), "1030202": (20, 80),
        "1030301": (200, 1500), "1030302": (10, 60), "1030303": (200, 1500), "1030401": (4, 12), "1030402": (60, 400),
    },
    "dropoff": {"1010301": (0, 160), "1010101": (0, 120), "1030101": (0, 300), "1030201": (0, 12)},
    "merchant": {
        "1010101": (200, 2400), "1010201": (150, 2000), "1010202": (60, 500), "1010301": (40, 400),
        "1010302": (200, 1600), "1010401": (6, 48), "1030101": (200, 2000), "1030202": (10, 80),
    },
    "venue": {"1020101": (10, 60), "1020102": (10, 50), "1010101": (60, 480), "2010101": (4, 12), "2010201": (4, 20)},
}  # fmt: skip
_HOURS = {
    "store": "Mo-Su 08:00-20:00", "station": "24/7", "clinic": "Mo-Sa 08:00-17:00", "dropoff": "24/7",
    "merchant": "Mo-Su 07:00-22:00", "venue": "Mo-Su 09:00-21:00",
}  # fmt: skip
_SHOPS = ("便民超市", "生鲜超市", "粮油店", "大药房", "平价超市")
_CLINIC, _STATION, _DROPOFF = 0.75, (0.38, 0.2), (0.75, 0.35)  # shares; of estates: usual, poorly served
_POOR_EVERY, _POOR_FIRST = 6, 4  # of a sub-district's communities: the 4th, the 10th … have neither store nor clinic
COUNTED_BY = "demo"  # an account, as everywhere: never a person's name
_BESIDE_M = 2.5  # between two points at one stair unit
_SOLD_OUT, _NOT_KEPT = 0.06, 0.12


@dataclass(frozen=True)
class Point:
    """A supply point before it is written; `building` is the index of where it is."""

    kind: str
    name: str
    building: int
    capacity: str | None = None


def rows(place: Place, dice: Dice, ids: Ids, day: date) -> Iterator[Batch]:
    """Yield a community's supply points and their counts, the latest a few days before `day`."""
    points = list(_points(place, dice))
    count = len(points)
    point_ids, grids = ids.take(count), [place.building_grids[point.building] for point in points]
    yield batch(supply_point, {
        "id": point_ids, "community_id": [place.id] * count, "community": [place.code] * count,
        "neighbourhood": [place.grid_codes[g] for g in grids],
        "code": [f"S{place.code}-{n:02d}" for n in range(1, count + 1)],
        "name": [point.name for point in points], "kind": [point.kind for point in points],
        "address": [_address(place, point.building) for point in points], "open_hours": [_HOURS[point.kind] for point in points],
        "capacity": [point.capacity for point in points], "keeper": people(dice, count), "phone": phones(dice, count),
        "geom": points_ewkb(_positions(place, points)),
    })  # fmt: skip
    yield _count_rows(dice, points, point_ids, day)


def _address(place: Place, k: int) -> str:
    return f"{place.sub_district}{place.estate_names[place.buildings[k].estate]}{place.building_names[k]}"


def _positions(place: Place, points: list[Point]) -> np.ndarray:
    """Return where the points are: at the stair units of their building in turn."""
    taken: Counter[int] = Counter()
    found = []
    for point in points:
        turn, k = divmod(taken[point.building], len(place.buildings[point.building].footprint.units))
        taken[point.building] += 1
        x, y = place.buildings[point.building].footprint.units[k].middle
        found.append((x + _BESIDE_M * turn, y))
    return np.array(found)


def _points(place: Place, dice: Dice) -> Iterator[Point]:
    """Yield the points; a poorly served community has neither store nor clinic nor service centre."""
    by_estate: dict[int, list[int]] = {}
    for k, building in enumerate(place.buildings):
        by_estate.setdefault(building.estate, []).append(k)
    homes = {e: found for e, found in by_estate.items() if not place.estates[e].is_school}
    is_poor = int(place.code[-3:]) % _POOR_EVERY == _POOR_FIRST
    if not is_poor:
        yield Point("store", f"{place.name}社区物资储备库", place.seat, f"{dice.whole(6, 30) * 5} m²")
        yield Point("venue", f"{place.name}社区党群服务中心", place.seat, f"{dice.whole(4, 20) * 10} 人")
        if dice.chance(_CLINIC):
            yield Point("clinic", f"{place.name}社区卫生服务站", dice.pick(dice.pick(list(homes.values()))))
    for e, found in homes.items():
        if dice.chance(_STATION[is_poor]):
            yield Point("station", f"{place.estate_names[e]}微型消防站", found[-1])
        if dice.chance(_DROPOFF[is_poor]):
            yield Point("dropoff", f"{place.estate_names[e]}固定接收点", found[0])
    for e in sorted(set(by_estate) - set(homes)):
        yield Point("venue", f"{place.estate_names[e]}体育馆", by_estate[e][0], f"{dice.whole(20, 60) * 10} 人")
    yield from _merchants(place, dice, 1 if is_poor else dice.whole(1, 4))


def _merchants(place: Place, dice: Dice, wanted: int) -> Iterator[Point]:
    fronts = [k for k, building in enumerate(place.buildings) if building.has_shops]
    for k in dice.shuffled(fronts)[:wanted]:
        yield Point("merchant", f"{place.estate_names[place.buildings[k].estate][:2]}{dice.pick(_SHOPS)}", k)


def _count_rows(dice: Dice, points: list[Point], ids: list[str], day: date) -> Batch:
    rows = []
    for point, point_id in zip(points, ids, strict=True):
        latest = day - timedelta(days=dice.whole(1, 45))
        for item, (least, most) in _STOCK[point.kind].items():
            if dice.chance(_NOT_KEPT):
                continue
            quantity = dice.whole(least, most)
            for turn in range(dice.whole(1, 3)):
                amount = 0 if turn == 0 and dice.chance(_SOLD_OUT) else int(quantity * dice.between(0.6, 1.3))
                rows.append((point_id, item, latest - timedelta(days=31 * turn), amount, COUNTED_BY))
    columns = zip(*rows, strict=True) if rows else [()] * 5
    names = ("supply_point_id", "item_code", "counted_on", "quantity", "recorded_by")
    return batch(stock_count, dict(zip(names, map(list, columns), strict=True)))
