"""What belongs to a thing but lies in tables of its own: places it serves, priority groups, estates."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from gridmap.exchange.work import Work, covers, stored
from gridmap.layer import Field


def linked_fields(work: Work) -> list[Field]:
    """Return the fields of a file that list places the thing serves, each kept in a table of pairs."""
    return [
        field for field in work.layer.fields if field.kind == "words" and field.place and work.plan.has(field.column)
    ]


def refuse_unknown_links(work: Work) -> None:
    """Refuse rows that list a place which does not exist in their county."""
    for field in linked_fields(work):
        named, place = _named(work, field), stored(field.place)
        known = sa.exists(sa.select(place.c.id).where(_meant(work, place, named)).correlate(named))
        unknown = sa.select(named.c.row, sa.func.min(named.c.name).label("name")).where(sa.not_(known))
        lost = unknown.group_by(named.c.row).subquery("lost")
        work.refuse(work.rows.c.row == lost.c.row, field.column, "place_unknown", value=lost.c.name, layer=field.place)


def write_links(work: Work) -> None:
    """Make the pairs of every row what the file lists."""
    for field in linked_fields(work):
        named, place = _named(work, field), stored(field.place)
        link, own = stored(f"{field.place}_{work.layer.name}"), f"{work.layer.name}_id"
        wanted = (
            sa.select(named.c.county, place.c.id.label("place_id"), named.c.id.label("own_id"))
            .where(_meant(work, place, named))
            .distinct()
            .cte("wanted")
        )
        inside = sa.exists().where(
            wanted.c.county == link.c.county, wanted.c.own_id == link.c[own],
            wanted.c.place_id == link.c[f"{field.place}_id"],
        )  # fmt: skip
        rows = work.rows
        stale = sa.delete(link).where(rows.c.county == link.c.county, rows.c.id == link.c[own], work.good, ~inside)
        work.mark_changed(stale.returning(link.c.county, link.c[own]))
        fresh = insert(link).from_select(["county", f"{field.place}_id", own], sa.select(wanted))
        work.mark_changed(fresh.on_conflict_do_nothing().returning(link.c.county, link.c[own]))


def _named(work: Work, field: Field) -> sa.Subquery:
    rows = work.rows
    names = sa.func.unnest(rows.c[field.column]).label("name")
    return sa.select(rows.c.row, rows.c.county, rows.c.id, names).where(work.good).subquery("named")


def _meant(work: Work, place: sa.Table, named: sa.Subquery) -> sa.ColumnElement[bool]:
    """Return the condition that a place is the one a list names: by code, or by a name no other place there has."""
    twin = place.alias("twin")
    alone = sa.not_(
        sa.exists().where(
            twin.c.county == place.c.county, twin.c.name == place.c.name, twin.c.id != place.c.id,
            twin.c.valid_to.is_(None),
        )
    )  # fmt: skip
    by_name = sa.and_(place.c.name == named.c.name, alone)
    return sa.and_(work.current(place), place.c.county == named.c.county, sa.or_(place.c.code == named.c.name, by_name))


def write_priorities(work: Work) -> None:
    """Make the priority groups of every household what the file says."""
    rows, table = work.rows, stored("household_priority")
    entry = sa.func.unnest(rows.c.priority).label("entry")
    listed = sa.select(rows.c.county, rows.c.id, entry).where(work.good).subquery("listed")
    wanted = sa.select(
        listed.c.county, listed.c.id, sa.func.split_part(listed.c.entry, ":", 1).label("tag"),
        sa.cast(sa.func.split_part(listed.c.entry, ":", 2), sa.SmallInteger).label("people_count"),
    ).cte("wanted")  # fmt: skip
    inside = sa.exists().where(
        wanted.c.county == table.c.county, wanted.c.id == table.c.household_id, wanted.c.tag == table.c.tag
    )
    stale = sa.delete(table).where(rows.c.county == table.c.county, rows.c.id == table.c.household_id, work.good)
    own, r = (table.c.county, table.c.household_id), stored("resident").c
    counted = sa.exists().where(  # from residents, and the file does not contradict them
        r.county == table.c.county, r.household_id == table.c.household_id, r.valid_to.is_(None)
    )
    work.mark_changed(stale.where(~inside, ~counted).returning(*own))
    names = ["county", "household_id", "tag", "people_count"]
    change = insert(table).from_select(names, sa.select(wanted))
    change = change.on_conflict_do_update(
        index_elements=names[:3],
        set_={"people_count": change.excluded.people_count},
        where=table.c.people_count != change.excluded.people_count,
    )
    work.mark_changed(change.returning(*own))


def write_membership(work: Work) -> None:
    """Bring up to date which buildings stand in which estate, for the buildings or the estates of the file."""
    rows, link = work.rows, stored("building_estate")
    building, estate = stored("building"), stored("estate")
    own = building if work.layer.name == "building" else estate
    touched = sa.and_(work.good, rows.c.county == own.c.county, rows.c.id == own.c.id)
    standing = (
        sa.select(building.c.county, building.c.id.label("building_id"), estate.c.id.label("estate_id"))
        .select_from(rows)
        .where(
            touched, building.c.county == estate.c.county, work.current(building), work.current(estate),
            covers(estate.c.geom, building.c.position),
        )
        .cte("standing")
    )  # fmt: skip
    inside = sa.exists().where(
        standing.c.county == link.c.county, standing.c.building_id == link.c.building_id,
        standing.c.estate_id == link.c.estate_id,
    )  # fmt: skip
    own_id = link.c[f"{work.layer.name}_id"]
    stale = sa.delete(link).where(work.good, rows.c.county == link.c.county, rows.c.id == own_id, ~inside)
    work.mark_changed(stale.returning(link.c.county, own_id))
    fresh = insert(link).from_select(["county", "building_id", "estate_id"], sa.select(standing))
    work.mark_changed(fresh.on_conflict_do_nothing().returning(link.c.county, own_id))
