"""Closure zones 封控区/管控区/防范区. A zone is in force only under a recorded order, and only between its times."""

import sqlalchemy as sa

from gridmap.hierarchy import county_rule, one_of, scope_columns
from gridmap.layer import N_, Layer, Style, Symbol
from gridmap.layers.closure_zone.legal_basis import legal_basis
from gridmap.layers.closure_zone.order import zone_item, zone_order
from gridmap.layers.closure_zone.protocol import protocol
from gridmap.tables import (
    code,
    dates,
    keys,
    metadata,
    moment,
    parent,
    reference,
    rules,
    shape,
    spread,
    with_versions,
)

__all__ = ["LAYER", "STATES", "STRICTEST_FIRST", "TYPES", "in_force", "legal_basis", "protocol", "strictness", "table"]
__all__ += ["zone_item", "zone_order"]

TYPES = {
    "lockdown": N_("Lockdown zone"),
    "control": N_("Control zone"),
    "prevention": N_("Prevention zone"),
    "high_risk": N_("High-risk area"),
    "medium_risk": N_("Medium-risk area"),
    "low_risk": N_("Low-risk area"),
    "cordon": N_("Cordon"),
    "evacuation": N_("Evacuation area"),
}
# Where zones lie on one another the strictest applies to each household: whoever must leave may not stay, whoever must
# stay at home may not go out, and so on down (plan of 2021: lockdown before control before prevention).
STRICTEST_FIRST = (
    "evacuation", "lockdown", "high_risk", "cordon", "control", "medium_risk", "prevention", "low_risk",
)  # fmt: skip
STATES = (
    "draft", "proposed", "approved", "active", "release_proposed", "released", "rejected", "revoked", "expired",
)  # fmt: skip

table = with_versions(sa.Table(
    "closure_zone", metadata, *keys(), reference("community", nullable=True),
    *scope_columns(community=False, neighbourhood=False),
    code(), sa.Column("name", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False), sa.Column("state", sa.Text, nullable=False, server_default="draft"),
    sa.Column("order_no", sa.Text), sa.Column("issuer", sa.Text),
    moment("starts_at", nullable=True), moment("ends_at", nullable=True),
    *shape("MULTIPOLYGON"), *dates(),
    parent("community"), one_of("type", tuple(TYPES)), one_of("state", STATES),
    sa.CheckConstraint("ends_at > starts_at", name="times"),
    sa.CheckConstraint(
        "state NOT IN ('active', 'release_proposed')"
        " OR (order_no IS NOT NULL AND issuer IS NOT NULL AND starts_at IS NOT NULL)",
        name="active_needs_order",
    ),
    *rules("closure_zone"), county_rule("community"),
    info=spread("copy", scope="wide"),
))  # fmt: skip


def in_force(at: sa.ColumnElement) -> sa.ColumnElement[bool]:
    """Return the condition that a zone is in force at a moment, computed from its times, not from a job's flag."""
    return sa.and_(
        table.c.valid_to.is_(None),
        table.c.state.in_(("active", "release_proposed")),
        table.c.starts_at <= at,
        sa.or_(table.c.ends_at.is_(None), table.c.ends_at > at),
    )


def strictness(column: sa.ColumnElement[str]) -> sa.ColumnElement[int]:
    """Return a kind of zone as a number to order by, the strictest first."""
    return sa.case({name: rank for rank, name in enumerate(STRICTEST_FIRST)}, value=column)


LAYER = Layer(
    name="closure_zone",
    title=N_("Closure zones"),
    table=table,
    geometry="polygon",
    style=Style(
        {
            "lockdown": Symbol(TYPES["lockdown"], "#c0392b", "#c0392b", 3, pattern="dense-diagonal"),
            "control": Symbol(TYPES["control"], "#e67e22", "#e67e22", 3, pattern="wide-diagonal"),
            "prevention": Symbol(TYPES["prevention"], "#3498db", "#3498db", 3, pattern="dots"),
            "high_risk": Symbol(TYPES["high_risk"], "#c0392b", "#c0392b", 3, (12, 4), "dense-diagonal"),
            "medium_risk": Symbol(TYPES["medium_risk"], "#e67e22", "#e67e22", 3, (12, 4), "wide-diagonal"),
            "low_risk": Symbol(TYPES["low_risk"], "#3498db", "#3498db", 3, (12, 4), "dots"),
            "cordon": Symbol(TYPES["cordon"], "#7b2d8b", "#7b2d8b", 3, pattern="dense-diagonal"),
            "evacuation": Symbol(TYPES["evacuation"], "#8d5a00", "#8d5a00", 3, pattern="wide-diagonal"),
        },
        by="type",
        label="name",
        label_zoom=13,
    ),
    tile_columns=("code", "name", "type", "state", "ends_at"),
    list_columns=("community", "order_no", "issuer", "starts_at", "valid_from"),
    computed={"in_force": in_force(sa.func.now())},
    min_zoom=10,
    code_letter="Z",
    view="closure_zone.view",
    edit="closure_zone.edit",
    is_live=True,
)
