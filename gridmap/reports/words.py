"""The words of the panels: titles of kinds, levels, groups and columns, as message ids."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gridmap.layer import N_, Layer
from gridmap.layers import closure_zone, party_unit, supply_point
from gridmap.priority import PRIORITY_TITLES
from gridmap.reports import recorded
from gridmap.web.i18n import moment, number, translated

STATE_TITLES: Mapping[str, str] = {
    "draft": N_("Draft"),
    "proposed": N_("Proposed"),
    "approved": N_("Approved"),
    "active": N_("In force"),
    "release_proposed": N_("Release proposed"),
    "released": N_("Released"),
    "rejected": N_("Rejected"),
    "revoked": N_("Revoked"),
    "expired": N_("Expired"),
}
_COLUMN_TITLES: Mapping[str, str] = {
    "code": N_("Code"),
    "type": N_("Type"),
    "state": N_("State"),
    "in_force": N_("In force now"),
    "order_no": N_("Order"),
    "issuer": N_("Issued by"),
    "starts_at": N_("From"),
    "ends_at": N_("Until"),
    "valid_from": N_("In the register since"),
    "building": N_("Building"),
    "neighbourhood": N_("Grid"),
    "community": N_("Community"),
    "occupancy": N_("Occupancy"),
    "room": N_("Room"),
    "name": N_("Name"),
    "kind": N_("Kind"),
}
_VALUE_TITLES: Mapping[str, Mapping[str, str]] = {"type": closure_zone.TYPES, "state": STATE_TITLES}


def titles() -> dict[str, Mapping[str, str]]:
    """Return what templates look words up in."""
    return {
        "supply_kinds": supply_point.KINDS,
        "zone_types": closure_zone.TYPES,
        "party_levels": party_unit.LEVELS,
        "priorities": PRIORITY_TITLES,
    }


def described(layer: Layer, properties: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return titles and values of a feature's properties in the reader's language.

    Empty ones are left out, and so is the name: it is the heading.
    """
    titles_of = {**_COLUMN_TITLES, **{field.column: field.title for field in layer.fields}}
    choices = {**_VALUE_TITLES, **{field.column: field.choices for field in layer.fields if field.choices}}
    return [
        (translated(titles_of.get(name, name)), _told(name, value, choices.get(name, {})))
        for name, value in properties.items()
        if value not in (None, "", []) and (name == "code" or name != layer.name_column)
    ]


def _told(column: str, value: Any, choices: Mapping[str, str]) -> str:
    by_column = recorded.BY_COLUMN.get(column)
    return by_column(value) if by_column else _in_words(value, choices)


def _in_words(value: Any, choices: Mapping[str, str]) -> str:
    if isinstance(value, bool):
        return translated(N_("Yes") if value else N_("No"))
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, list):
        return translated(N_(", ")).join(map(str, value))
    if value in choices:
        return translated(choices[value])
    return _moment_or_text(str(value))


def _moment_or_text(value: str) -> str:
    """Return a moment as people read it; any other text as it is. GeoJSON carries moments as ISO 8601 text."""
    if len(value) < len("2020-01-01T00:00") or value[10] != "T":
        return value
    try:
        return moment(datetime.fromisoformat(value))
    except ValueError:
        return value
