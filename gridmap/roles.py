"""The roles of a grid-managed community and what each may do: data, kept in one table (docs/permissions.md prints it)."""

from collections.abc import Mapping
from dataclasses import dataclass

LAYERS_OPEN_TO_ALL = ("community", "neighbourhood", "estate", "party_unit", "street", "closure_zone")
REGISTER = (*LAYERS_OPEN_TO_ALL, "building", "household", "resident", "party_household", "supply_point", "volunteer")
MIN_CELL = 5  # households; a smaller count is not shown to those without `household.exact`


@dataclass(frozen=True)
class Role:
    """One role: its titles, its verbs, whether a second factor is asked for and which page it begins on."""

    title: str
    title_zh: str
    verbs: frozenset[str]
    second_factor: bool = False
    landing: str = "map"


def _see(*layers: str) -> frozenset[str]:
    return frozenset(f"{layer}.view" for layer in layers)


def _edit(*layers: str) -> frozenset[str]:
    return frozenset(f"{layer}.edit" for layer in layers)


OPEN_VERBS = _OPEN = _see(*LAYERS_OPEN_TO_ALL)
_PLACES = _OPEN | _see("building", "supply_point", "volunteer")
_COUNTS = frozenset({"household.count", "household.exact"})
_PERSONS = frozenset({"household.priority", "person.reveal", "person.search"})
_DRAFTING = frozenset({"closure_zone.draft", "closure_zone.propose", "closure_zone.propose_release"})
# A county or above decides (IDL 63, PHL 39, ERL 73); community and sub-district assist.
_DECIDING = _DRAFTING | {"closure_zone.approve", "closure_zone.activate", "closure_zone.release"}
# Counting residents lets an overseer's import see which of them are stored; it shows none of them.
_PROPOSING = frozenset({"neighbourhood.propose"})  # a set of grids beside those in force
_OVERSEER = (
    _PLACES | _COUNTS | {"household.priority", "person.reveal", "resident.count"} | _edit(*REGISTER) | _PROPOSING
)

ROLES: Mapping[str, Role] = {
    "grid_worker": Role(
        "Grid worker", "网格员",
        _PLACES | _see("household", "resident", "party_household") | _COUNTS | _PERSONS | {"household.visit"}
        | _edit("household", "resident", "building"),
    ),
    "building_head": Role("Building head", "楼栋长", _PLACES | _see("household") | _COUNTS | {"household.visit"}),
    "party_member": Role("Party member", "党员", _OPEN | _see("building", "supply_point")),
    "volunteer": Role("Volunteer", "志愿者", _OPEN | _see("building", "supply_point")),
    "keeper": Role("Keeper", "库管员", _OPEN | _see("supply_point") | _edit("supply_point"), landing="points"),
    "commander": Role(
        "Commander", "指挥",
        _see(*REGISTER) | _COUNTS | _PERSONS | {"household.visit"} | _edit(*REGISTER) | _DRAFTING | _PROPOSING,
        second_factor=True,
    ),
    "street": Role("Sub-district", "街道", _OVERSEER | _DRAFTING, second_factor=True),
    "district": Role("District", "区", _OVERSEER | _DECIDING, second_factor=True),
    "city": Role("City", "市", _OVERSEER | _DECIDING, second_factor=True),
    "planner": Role(
        "Planner", "规划", _OPEN | _see("building", "supply_point") | {"household.count", "volunteer.count"} | _PROPOSING,
        landing="aggregates",
    ),
    "supervisor": Role("Supervisor", "居务监督", _OPEN | _see("supply_point")),
    "sys_admin": Role(
        "System administrator", "系统管理员", frozenset({"account.manage"}), second_factor=True, landing="accounts"
    ),
    "sec_admin": Role(
        "Security administrator", "安全管理员", frozenset({"grant.manage", "view.as"}), second_factor=True,
        landing="grants",
    ),
    "auditor": Role(
        "Audit administrator", "审计管理员", frozenset({"audit.view"}), second_factor=True, landing="audit"
    ),
}  # fmt: skip
ADMINISTRATORS = ("sys_admin", "sec_admin", "auditor")  # three separate people (GB/T 22239, 三员分立)
VERBS = frozenset().union(*(role.verbs for role in ROLES.values()))
