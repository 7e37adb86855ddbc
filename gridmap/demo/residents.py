"""Residents 居民: who lives behind each door, so that people and priority groups are what counting them gives."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from gridmap.demo.dice import Dice, Ids
from gridmap.demo.homes import OCCUPANCIES
from gridmap.demo.names import families, long_phones, named
from gridmap.demo.place import Place
from gridmap.demo.rows import Batch, batch
from gridmap.occupants import CODE_LETTER, NUMBER_DIGITS, resident, resident_priority

_YEAR = 2026  # in which their ages are counted
_OLD, _YOUNG_ADULT, _GROWN = 60, 22, 16
_CHILDREN = ("infant", "child_in_difficulty")
_HAS_PHONE, _CONSENTED, _NEWCOMERS = 0.8, 0.2, 0.02
_CARE = {"bedridden": "dependent", "disabled": "partly_dependent"}
_HEAD, _SPOUSE, _CHILD, _PARENT, _TENANT = range(5)
_RELATIONS = ("head", "spouse", "child", "parent", "tenant")


def rows(place: Place, needs: Batch, dice: Dice, ids: Ids, day: date) -> Iterator[Batch]:
    """Yield a community's residents and the priority groups they belong to.

    Parameters
    ----------
    needs : the rows of `household_priority`; as many residents of a household get a tag as it counts
    day : the newest of them moved in some weeks before
    """
    homes = place.homes
    of = np.repeat(np.arange(len(homes)), homes.people)
    if not len(of):
        return
    first = np.cumsum(homes.people) - homes.people
    nth = np.arange(len(of)) - first[of]
    tagged = list(_tagged(place, needs, first))
    relation = _relations(dice, homes.people[of], nth, homes.occupancy[of] == OCCUPANCIES.index("dormitory"))
    age, is_woman = _ages(dice, relation, tagged, first[of])
    family = families(dice, len(of))
    family = np.where(relation == _CHILD, family[first[of]], family)
    resident_ids = ids.take(len(of))
    of_home = [place.home_ids[k] for k in of.tolist()]
    yield batch(resident, {
        "id": resident_ids, "household_id": of_home, **_scope(place, of),
        "code": [f"{place.code}{CODE_LETTER}{n:0{NUMBER_DIGITS}d}" for n in range(1, len(of) + 1)],
        "name": named(dice, family, is_woman), "phone": _phones(dice, age),
        "birth_year": (_YEAR - age).tolist(), "sex": np.where(is_woman, "female", "male").tolist(),
        "relation": np.array(_RELATIONS)[relation].tolist(), "care_level": _care(len(of), tagged),
        **_dates(dice, age, day),
    })  # fmt: skip
    yield batch(resident_priority, {
        "resident_id": [resident_ids[r] for r, _ in tagged], "tag": [tag for _, tag in tagged],
    })  # fmt: skip


def _scope(place: Place, of: np.ndarray) -> dict[str, list[str]]:
    buildings = place.homes.building[of].tolist()
    grids = [place.grid_codes[g] for g in place.building_grids]
    return {
        "community": [place.code] * len(of), "neighbourhood": [grids[b] for b in buildings],
        "building": [place.building_codes[b] for b in buildings],
        "household": [place.home_codes[k] for k in of.tolist()],
    }  # fmt: skip


def _tagged(place: Place, needs: Batch, first: np.ndarray) -> Iterator[tuple[int, str]]:
    """Yield (resident, tag): children are the last of a home, an expectant mother its second, others come from its head."""
    index = {home: k for k, home in enumerate(place.home_ids)}
    columns: Mapping = needs.columns
    people, begins = place.homes.people.tolist(), first.tolist()
    homes = [index[home] for home in columns["household_id"]]
    with_child = {k for k, tag in zip(homes, columns["tag"], strict=True) if tag in _CHILDREN}
    for k, tag, count in zip(homes, columns["tag"], columns["people_count"], strict=True):
        for n in range(count):
            if tag in _CHILDREN:
                at = people[k] - 1 - n
            elif tag == "pregnant":
                at = 1 if people[k] > 1 + (k in with_child) else 0
            else:
                at = n
            yield begins[k] + at, tag


def _relations(dice: Dice, people: np.ndarray, nth: np.ndarray, is_dormitory: np.ndarray) -> np.ndarray:
    """Return each one's relation: head, then spouse (in one home of six a parent or a child), then children."""
    odd = dice.floats(len(nth))
    second = np.where(odd < 0.1, _CHILD, np.where(odd < 0.16, _PARENT, _SPOUSE))
    later = np.where((nth >= 3) & (odd < 0.5), _PARENT, _CHILD)
    found = np.where(nth == 0, _HEAD, np.where(nth == 1, second, later))
    return np.where(is_dormitory, _TENANT, found)


def _ages(
    dice: Dice, relation: np.ndarray, tagged: list[tuple[int, str]], head: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return ages and who is a woman, so that tags fit and children are younger than the head of their home."""
    count = len(relation)
    draw, is_woman = dice.floats(count), dice.floats(count) < 0.5
    own = {name: np.zeros(count, dtype=bool) for name in ("elderly_alone", "infant", "child_in_difficulty", "pregnant")}
    for row, tag in tagged:
        if tag in own:
            own[tag][row] = True
    heads = (28 + draw * 55).astype(int)
    heads = np.where(own["elderly_alone"], (_OLD + 5 + draw * 28).astype(int), heads)
    expects = np.zeros(count, dtype=bool)
    expects[head[own["pregnant"]]] = True
    heads = np.where(expects, (24 + draw * 14).astype(int), heads)
    of_head = heads[head]
    spouse = np.clip(of_head + ((draw - 0.5) * 8).astype(int), _YOUNG_ADULT, 100)
    child = np.maximum(0, of_head - 22 - (draw * 16).astype(int))
    age = np.select(
        [relation == _HEAD, relation == _SPOUSE, relation == _PARENT, relation == _TENANT],
        [heads, spouse, np.minimum(98, of_head + 22 + (draw * 12).astype(int)), 19 + (draw * 26).astype(int)], child,
    )  # fmt: skip
    age = np.where(own["elderly_alone"], np.maximum(age, _OLD + 5), age)
    age = np.where(own["infant"], (draw * 3).astype(int), age)
    age = np.where(own["child_in_difficulty"] & ~own["infant"], 4 + (draw * 11).astype(int), age)
    age = np.where(own["pregnant"], 23 + (draw * 16).astype(int), age)
    is_woman = np.where(relation == _SPOUSE, ~is_woman[head], is_woman)
    return age, is_woman | own["pregnant"]


def _phones(dice: Dice, age: np.ndarray) -> list[str | None]:
    has_phone = (age >= _GROWN) & (dice.floats(len(age)) < _HAS_PHONE)
    numbers = long_phones(dice, len(age))
    return [number if has else None for number, has in zip(numbers, has_phone.tolist(), strict=True)]


def _care(count: int, tagged: list[tuple[int, str]]) -> list[str | None]:
    found: list[str | None] = [None] * count
    for row, tag in tagged:
        if tag in _CARE and found[row] != "dependent":
            found[row] = _CARE[tag]
    return found


def _dates(dice: Dice, age: np.ndarray, day: date) -> dict[str, list]:
    """Return since when they live here and are on record: most for years, a few for some days or weeks."""
    is_new = (dice.floats(len(age)) < _NEWCOMERS).tolist()
    days = (dice.floats(len(age)) * np.minimum(np.maximum(age, 1), 25) * 330).astype(int)
    recent = (1 + dice.floats(len(age)) * 25).astype(int)
    since = [
        day - timedelta(days=near if new else 200 + far)
        for near, far, new in zip(recent.tolist(), days.tolist(), is_new, strict=True)
    ]
    moments = [datetime.combine(max(one, day - timedelta(days=200)), time(2), UTC) for one in since]
    has_consent = (dice.floats(len(age)) < _CONSENTED).tolist()
    return {
        "basis": ["consent" if told else "statutory" for told in has_consent],
        "consented_on": [one if told else None for one, told in zip(since, has_consent, strict=True)],
        "moved_in_on": since, "valid_from": moments, "changed_at": moments,
    }  # fmt: skip
