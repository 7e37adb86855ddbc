"""Visits 走访: when a grid worker was last at a door; at some of them long ago, at some never."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from gridmap.demo.dice import Dice, Ids
from gridmap.demo.place import Place
from gridmap.demo.rows import Batch, batch
from gridmap.layers.household.visits import visit

_BY = "demo.grid_worker"
_VISITED = 0.7
_LONGEST_DAYS = 75
_NOTES = ("家中无人，已留联系卡。", "已核对人员信息。", "独居老人身体良好。", "提醒检查燃气软管。")
_HAS_NOTE = 0.12


def rows(place: Place, dice: Dice, ids: Ids, day: date) -> Iterator[Batch]:
    """Yield the last visits to a community's homes, the newest the day before `day`."""
    homes = np.flatnonzero((place.homes.people > 0) & (dice.floats(len(place.homes)) < _VISITED))
    if not len(homes):
        return
    ago, minute = 1 + (dice.floats(len(homes)) ** 1.4 * _LONGEST_DAYS).astype(int), dice.floats(len(homes)) * 480
    told = dice.floats(len(homes))
    morning = datetime.combine(day, time(1), UTC)  # nine o'clock in China
    yield batch(visit, {
        "id": ids.take(len(homes)), "household_id": [place.home_ids[k] for k in homes.tolist()],
        "at": [morning - timedelta(days=d) + timedelta(minutes=int(m))
               for d, m in zip(ago.tolist(), minute.tolist(), strict=True)],
        "by": [_BY] * len(homes),
        "note": [_NOTES[int(t / _HAS_NOTE * len(_NOTES))] if t < _HAS_NOTE else None for t in told.tolist()],
    })  # fmt: skip
