"""How somebody filled a layer's fields from a set of headings, kept for the next file with the same headings."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from gridmap.intake.looking import headings_digest
from gridmap.intake.tables import import_mapping as table

KEPT = ("mapping", "crs", "encoding", "key", "assign", "merge", "repair")  # what is the same for the next such file


def recall(conn: sa.Connection, account_id: UUID, layer: str, headings: Sequence[str]) -> dict[str, Any]:
    """Return what was chosen last time for these headings; empty if there was no last time."""
    mine = sa.and_(
        table.c.account_id == account_id, table.c.layer == layer, table.c.headings == headings_digest(headings)
    )
    return conn.scalar(sa.select(table.c.mapping).where(mine)) or {}


def remember(
    conn: sa.Connection, account_id: UUID, layer: str, headings: Sequence[str], settings: Mapping[str, Any]
) -> None:
    """Keep what was chosen for these headings."""
    chosen = {name: settings[name] for name in KEPT if name in settings}
    change = insert(table).values(
        account_id=account_id, layer=layer, headings=headings_digest(headings), mapping=chosen
    )
    newer = {"mapping": change.excluded.mapping, "used_at": sa.func.clock_timestamp()}
    conn.execute(change.on_conflict_do_update(index_elements=["account_id", "layer", "headings"], set_=newer))
