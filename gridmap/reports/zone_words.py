"""The words of zones: parts of the list, steps, orders, levels and warnings, as message ids."""

from collections.abc import Mapping
from typing import Any

from gridmap.layer import N_
from gridmap.layers.closure_zone import TYPES
from gridmap.layers.closure_zone.steps import STEPS
from gridmap.reports.words import STATE_TITLES

GROUPS: Mapping[str, str] = {
    "in_force": N_("In force"),
    "coming": N_("Coming"),
    "lapsed": N_("Lapsed, to be confirmed"),
    "deciding": N_("Being decided"),
    "over": N_("Over"),
}
STEP_TITLES: Mapping[str, str] = {
    "propose": N_("Propose"),
    "withdraw": N_("Back to draft"),
    "approve": N_("Approve"),
    "reject": N_("Reject"),
    "activate": N_("Put into force"),
    "extend": N_("Extend"),
    "papers": N_("Record papers"),
    "propose_release": N_("Propose release"),
    "keep": N_("Keep in force"),
    "release": N_("Release"),
    "revoke": N_("Revoke"),
}
ORDERS: Mapping[str, str] = {
    "impose": N_("Order"),
    "adjust": N_("Adjustment"),
    "extend": N_("Extension"),
    "release": N_("Release"),
    "revoke": N_("Revocation"),
}
LEVELS: Mapping[str, str] = {
    "community": N_("Community"),
    "street": N_("Sub-district"),
    "county": N_("County or district"),
    "city": N_("City"),
    "province": N_("Province"),
    "state": N_("State"),
}
WARNINGS: Mapping[str, str] = {
    "lapsed_unconfirmed": N_("The order has lapsed: confirm the release or record an extension."),
    "ends_soon": N_("The order ends within 24 hours."),
    "basis_incomplete": N_("No article is cited: the legal basis is incomplete."),
    "papers_due": N_("An oral order: papers are due within 48 hours."),
    "papers_overdue": N_("The papers of an oral order are overdue."),
}


def titles() -> dict[str, Any]:
    """Return what templates of zones look words up in."""
    return {
        "zone_types": TYPES, "zone_states": STATE_TITLES, "zone_groups": GROUPS, "zone_steps": STEP_TITLES,
        "zone_orders": ORDERS, "zone_levels": LEVELS, "zone_warnings": WARNINGS,
        "ordered_steps": [name for name, step in STEPS.items() if step.order],
    }  # fmt: skip
