"""Taking a repair back: every row it changed gets its former content as a further version, all of them or none."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from gridmap import audit
from gridmap.access import Actor
from gridmap.errors import Conflict, NotFound
from gridmap.hierarchy import building, household
from gridmap.intake.undoing import Step
from gridmap.integrity.checks import CHECKS, Check, check_of
from gridmap.layers.party_household import table as party_household
from gridmap.layers.supply_point import table as supply_point

TOUCHED = (building, household, party_household, supply_point)  # all that a repair changes
REMEMBERED = timedelta(days=30)
LISTED, READ = 10, 200


@dataclass(frozen=True)
class Done:
    """A repair somebody made: what it mended, how many, the moment its rows stand since, and whether it was taken back."""

    check: Check
    rows: int
    codes: tuple[str, ...]
    changed_at: datetime
    is_undone: bool = False


def recent(conn: sa.Connection, actor: Actor) -> list[Done]:
    """Return the latest repairs the actor made itself in the last 30 days, latest first."""
    checks = tuple(check.name for check in CHECKS if check.repair)
    entries = audit.own(conn, actor, ("repair", "undo_repair"), checks, READ)
    told = [(entry, json.loads(entry.detail or "{}")) for entry in entries]
    undone = {facts.get("changed_at") for entry, facts in told if entry.action == "undo_repair"}
    made = [
        Done(
            check_of(entry.subject), entry.rows, tuple(facts["codes"]), datetime.fromisoformat(facts["changed_at"]),
            facts["changed_at"] in undone,
        )
        for entry, facts in told
        if entry.action == "repair" and entry.rows and "changed_at" in facts
    ]  # fmt: skip
    return [one for one in made if datetime.now(one.changed_at.tzinfo) - one.changed_at < REMEMBERED][:LISTED]


def undo(conn: sa.Connection, actor: Actor, check: Check, changed_at: datetime) -> int:
    """Take back the repair whose rows stand since a moment, and return how many things of the check's layer returned.

    Raises
    ------
    NotFound if the actor made no such repair; Conflict if somebody changed one of its rows since, or it was taken back
    already, and NotAllowed without the right to change the layer there.
    """
    actor.require(f"{check.layer}.edit")
    made = [one for one in recent(conn, actor) if one.check == check and one.changed_at == changed_at]
    if not made:
        raise NotFound("You made no such repair lately. 您近期没有做过该修正。", where="changed_at")
    step = Step(conn, actor, changed_at, actor.name)
    changed = [code for table in TOUCHED for code in step.changed_since(table)]
    if changed:
        raise Conflict(
            f"Meanwhile this was changed by somebody else: {', '.join(changed[:LISTED])}. It cannot be taken back as a"
            " whole; restore the others from their history. 数据已被他人修改，无法整体撤销，其余可在历史中恢复。"
        )
    back = {table.name: step.restore(table) for table in TOUCHED}
    if back[check.layer] != made[0].rows:
        raise Conflict(
            "A part of it lies outside the area you may change now. Nothing was taken back. 部分数据不在您可修改的范围内，未作撤销。"
        )
    facts = {"changed_at": changed_at.isoformat(), "codes": list(made[0].codes), "all_rows": sum(back.values())}
    audit.record(conn, actor, "undo_repair", check.name, rows=made[0].rows, detail=facts)
    return made[0].rows
