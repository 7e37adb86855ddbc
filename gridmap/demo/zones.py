"""Closure zones 封控区/管控区/防范区 of the demo: three in force, one released, one draft, each made of whole estates."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from shapely import Geometry

from gridmap.demo.dice import Ids
from gridmap.demo.ground import ewkb
from gridmap.demo.place import Place
from gridmap.demo.rows import COUNTY, COUNTY_NAME, Batch, batch
from gridmap.layers.closure_zone import table as closure_zone
from gridmap.layers.closure_zone import zone_order

_CHINA = ZoneInfo("Asia/Shanghai")
_KINDS = {"active": ("impose",), "released": ("impose", "release")}
_EVERY = 40  # communities to one set of zones
_PARTS = ("inner", "prevention", "released", "draft")  # one community each, in this order
_LAW, _LAW_FROM = "IDL-63", date(2025, 9, 1)
_MEASURES = {
    "lockdown": ["区域内人员居家，足不出户，由志愿者送物上门", "单元门口值守，凭就医等紧急事由放行"],
    "control": ["区域内人员只进不出，在区内错峰取物"],
    "prevention": ["减少聚集，出入查验"],
}
_APRON_M = 4.0  # around single buildings; less than half of the room between two


class Zone(NamedTuple):
    """A zone before it is written; days count from the demo's day."""

    name: str
    type: str
    state: str
    area: Geometry
    starts: int | None
    ends: int | None
    scope: str = ""


class Zones:
    """Hands out zones while communities go by, so that each set spreads over neighbours where there are enough."""

    def __init__(self, day: date, expected: int) -> None:
        self._day = day
        self._is_small = expected < len(_PARTS)  # then the first community gets the whole set
        self._seen = self._made = 0

    def rows(self, place: Place, ids: Ids) -> Iterator[Batch]:
        """Yield the zones of the next community, if it has any."""
        turn = self._seen % _EVERY
        self._seen += 1
        zones = [zone for part in self._parts(turn) for zone in _zones(place, part, is_small=self._is_small)]
        if zones:
            stored = self._batch(place, zones, ids)
            yield stored
            if any(zone.state in _KINDS for zone in zones):
                yield self._orders(stored, zones, ids)

    def _parts(self, turn: int) -> tuple[str, ...]:
        if self._is_small:
            return _PARTS if turn == 0 else ()
        return _PARTS[turn : turn + 1]

    def _batch(self, place: Place, zones: list[Zone], ids: Ids) -> Batch:
        count = len(zones)
        numbers = range(self._made + 1, self._made + count + 1)
        self._made += count
        ordered = [zone.state != "draft" for zone in zones]
        return batch(closure_zone, {
            "id": ids.take(count), "community_id": [place.id] * count, "community": [place.code] * count,
            "code": [f"Z{COUNTY}-{self._day.year}-{n:03d}" for n in numbers],
            "name": [zone.name for zone in zones], "type": [zone.type for zone in zones],
            "state": [zone.state for zone in zones],
            "order_no": [f"示范指挥部〔{self._day.year}〕第{n}号" if has else None for n, has in zip(numbers, ordered, strict=True)],
            "issuer": [f"{COUNTY_NAME}人民政府" if has else None for has in ordered],
            "starts_at": [self._moment(zone.starts) for zone in zones],
            "ends_at": [self._moment(zone.ends) for zone in zones],
            "geom": ewkb([zone.area for zone in zones]),
        })  # fmt: skip

    def _orders(self, stored: Batch, zones: list[Zone], ids: Ids) -> Batch:
        """Return the orders behind zones: one that imposes, and one that releases where a zone is over."""
        rows = [(n, zone, kind) for n, zone in enumerate(zones) for kind in _KINDS.get(zone.state, ())]
        own = stored.columns
        starts = [zone.starts if kind == "impose" else zone.ends for _, zone, kind in rows]
        cites = [(self._day + timedelta(days or 0)) >= _LAW_FROM for days in starts]
        return batch(zone_order, {
            "id": ids.take(len(rows)), "closure_zone_id": [own["id"][n] for n, _, _ in rows],
            "zone_version": [1] * len(rows), "kind": [kind for _, _, kind in rows],
            "doc_no": [own["order_no"][n] + ("（解除）" if kind == "release" else "") for n, _, kind in rows],
            "issuer": [own["issuer"][n] for n, _, _ in rows], "issuer_level": ["county"] * len(rows),
            "issued_at": [self._moment(days) for days in starts], "effective_at": [self._moment(days) for days in starts],
            "legal_basis": [_LAW if has else None for has in cites],
            "legal_basis_from": [_LAW_FROM if has else None for has in cites],
            "scope_text": [zone.scope or zone.name for _, zone, _ in rows],
            "measures": [_MEASURES[zone.type] if kind == "impose" else [] for _, zone, kind in rows],
            "reason": ["演示：出现聚集性疫情，须控制传播" if kind == "impose" else "演示：已达到解除条件" for _, _, kind in rows],
            "published": ["社区公告栏"] * len(rows),
        })  # fmt: skip

    def _moment(self, days: int | None) -> datetime | None:
        return None if days is None else datetime.combine(self._day + timedelta(days), time(6), _CHINA)


def _zones(place: Place, part: str, *, is_small: bool) -> Iterator[Zone]:
    """Yield the zones of one part of a set; those in force have no end, they hold until they are released."""
    homes = [e for e, estate in enumerate(place.estates) if not estate.is_school]
    shares = is_small and len(homes) > 2  # then the last estate is the prevention zone
    inner, rest = homes[0], homes[1:-1] if shares else homes[1:]
    if part == "inner":
        yield Zone(
            f"{place.estate_names[inner]}封控区",
            "lockdown",
            "active",
            place.estates[inner].area,
            -3,
            None,
            place.estate_names[inner],
        )
        if rest:
            yield Zone(
                f"{place.name}社区管控区", "control", "active", _estates(place, rest), -3, None, _names(place, rest)
            )
    elif part == "prevention":
        area = _estates(place, homes[-1:]) if shares else place.block.outline
        scope = _names(place, homes[-1:]) if shares else f"{place.name}社区"
        yield Zone(f"{place.name}社区防范区", "prevention", "active", area, -2, None, scope)
    elif part == "released":
        area, name = place.estates[inner].area, place.estate_names[inner]
        yield Zone(f"{name}封控区", "lockdown", "released", area, -24, -10, name)
    else:
        yield Zone(
            f"{place.estate_names[homes[-1]]}封控区（拟）", "lockdown", "draft", _houses(place, homes[-1]), None, None
        )


def _estates(place: Place, wanted: list[int]) -> Geometry:
    return shapely.union_all(np.array([place.estates[e].area for e in wanted], dtype=object))


def _names(place: Place, wanted: list[int]) -> str:
    return "、".join(place.estate_names[e] for e in wanted)


def _houses(place: Place, estate: int) -> Geometry:
    """Return the ground of the first three buildings of an estate, with an apron around each."""
    own = [building.footprint.outline for building in place.buildings if building.estate == estate][:3]
    grounds = shapely.buffer(np.array(own, dtype=object), _APRON_M, join_style="mitre")
    return shapely.intersection(shapely.union_all(grounds), place.estates[estate].area)
