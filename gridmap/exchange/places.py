"""Where a row belongs: its community, neighbourhood, building or household, by code, by name or by position."""

import sqlalchemy as sa

from gridmap.access import within_scope
from gridmap.exchange.incoming import given_column
from gridmap.exchange.work import Work, covers, stored
from gridmap.hierarchy import BUILDING_DIGITS, COMMUNITY_DIGITS
from gridmap.tables import geography

UNDER_COMMUNITY = ("neighbourhood", "building")  # their codes begin with their community's
GUESS_M = 50_000  # how far away a community may be whose county is guessed for a row outside all of them
GUESS_DEGREES = 1.0  # a box of at least that size up to 60 degrees north


def find(work: Work) -> None:
    """Find the places above every row of a layer but household, whose building is part of its identity.

    What the file names by code or name counts first, then what the row's own code says, then what is stored if the
    row's position does not speak against it, then the position.
    """
    rows = work.rows
    if work.layer.name == "community":
        work.set(sa.true(), county=sa.cast(sa.func.left(rows.c.code, 6), sa.Integer), community=rows.c.code)
    elif work.layer.name == "party_household":
        _household(work)
    elif "community" not in work.layer.table.c:
        _open(work)
    else:
        _community(work)
        if "neighbourhood" in rows.c:
            _neighbourhood(work)


def find_building(work: Work) -> None:
    """Find the building of every household: by code or name, by the household's own code, stored, or by position."""
    rows, building = work.rows, stored("building")
    if work.plan.has("code"):
        work.set(
            sa.and_(rows.c.given_building.is_(None), rows.c.code.is_not(None)),
            given_building=sa.func.left(rows.c.code, BUILDING_DIGITS),
        )
    above: dict[str, sa.ColumnElement] = {name: building.c[name] for name in ("community", "neighbourhood")}
    by_reference(work, "building", building, **above)
    keep_stored(work, "building_id", also=("building", *above))
    own = {"county": _own_county(work, building), "building": building.c.code, "building_id": building.c.id}
    _by_position(work, building, **own, **above)
    _refuse_placeless(work, rows.c.building_id, "building")


def find_parents(work: Work) -> None:
    """Find the parent of party units, which may be in the same file, and through it a community that is missing."""
    rows, unit = work.rows, work.layer.table
    own = rows.alias("own")
    columns = ("county", "id", "code", "name", "community", "community_id", "level")
    known = sa.union(
        sa.select(*(unit.c[name] for name in columns)).where(work.current(unit)),
        sa.select(*(own.c[name] for name in columns)).where(sa.not_(own.c.refused)),
    ).subquery("known")
    by_reference(work, "parent", known)
    parent = known.alias("parent")
    lacking = sa.and_(rows.c.community.is_(None), parent.c.id == rows.c.parent_id, parent.c.community.is_not(None))
    above = {name: parent.c[name] for name in ("county", "community", "community_id")}
    while work.set(lacking, **above):
        pass  # one level at a time
    _refuse_placeless(work, rows.c.community, "community")
    keep_stored(work, "level")
    keep_stored(work, "parent_id", only=rows.c.level != "committee")
    alone = rows.c.parent_id.is_(None)
    work.refuse(sa.and_(rows.c.level != "committee", alone), "parent", "parent_needed")
    work.refuse(sa.and_(rows.c.level == "committee", sa.not_(alone)), "parent", "parent_unwanted")


def check(work: Work) -> None:
    """Refuse rows whose code or stored county does not agree with their place, and rows outside the actor's area."""
    rows, layer = work.rows, work.layer
    if layer.name in UNDER_COMMUNITY:
        elsewhere = sa.func.left(rows.c.code, COMMUNITY_DIGITS) != rows.c.community
        work.refuse(elsewhere, "code", "code_not_under", value=rows.c.code, layer="community", parent=rows.c.community)
    county = sa.cast(sa.func.left(rows.c.community, 6), sa.Integer)
    work.refuse(rows.c.county != county, "code", "other_county", value=rows.c.code, county=rows.c.county)
    if not work.actor.sees_everything(layer.edit):
        # NULL outside all of them
        work.refuse(within_scope(rows, work.actor, layer.edit).is_not(True), "", "out_of_scope")
        stored_county = sa.func.coalesce(rows.c.was_county, rows.c.county)
        same = sa.and_(layer.table.c.county == stored_county, layer.table.c.id == rows.c.id)
        outside = within_scope(layer.table, work.actor, layer.edit).is_not(True)
        work.refuse(sa.and_(same, outside), "", "out_of_scope")


def _community(work: Work) -> None:
    rows, community = work.rows, stored("community")
    given = rows.c.get(given_column("community"))
    if given is not None:
        hints = [rows.c.code] if work.layer.name in UNDER_COMMUNITY else []
        hints += [rows.c.given_neighbourhood] if "given_neighbourhood" in rows.c else []
        for hint in hints:
            full = hint.op("~")(f"^[0-9]{{{COMMUNITY_DIGITS + 1},}}$")
            work.set(sa.and_(given.is_(None), full), given_community=sa.func.left(hint, COMMUNITY_DIGITS))
        by_reference(work, "community", community)
        unmoved = sa.or_(_still_in(work, community), sa.not_(_in_any(work, community)))
        keep_stored(work, "community", also=("community_id",), only=unmoved)
    _by_position(
        work, community, county=_own_county(work, community), community=community.c.code, community_id=community.c.id
    )
    keep_stored(work, "community", also=("community_id",), only=rows.c.geom.is_(None))
    if work.layer.code_letter:
        work.set(
            sa.and_(rows.c.community.is_(None), rows.c.position.is_(None), work.current(community),
                    community.c.code == sa.func.left(rows.c.code, COMMUNITY_DIGITS)),
            county=community.c.county, community=community.c.code, community_id=community.c.id,
        )  # fmt: skip
    if work.layer.table.c.community.nullable:
        _county(work)
    elif work.layer.name != "party_unit":  # its parent may still tell
        _refuse_placeless(work, rows.c.community, "community")


def _open(work: Work) -> None:
    """Find the county of what belongs to no community, such as a street, and the community its code is counted in."""
    community = stored("community")
    _by_position(work, community, county=_own_county(work, community), community=community.c.code)
    _county(work)


def _own_county(work: Work, place: sa.FromClause) -> sa.ColumnElement:
    """Return the county of a thing that is stored, else that of the place it was found in."""
    return sa.case((work.rows.c.is_new, place.c.county), else_=work.rows.c.county)


def _neighbourhood(work: Work) -> None:
    rows, neighbourhood = work.rows, stored("neighbourhood")
    found = {"neighbourhood": neighbourhood.c.code}
    also: tuple[str, ...] = ()
    if "neighbourhood_id" in rows.c:
        found["neighbourhood_id"], also = neighbourhood.c.id, ("neighbourhood_id",)
    if given_column("neighbourhood") in rows.c:
        by_reference(work, "neighbourhood", neighbourhood)
    in_community = neighbourhood.c.community == rows.c.community
    unmoved = sa.or_(_still_in(work, neighbourhood), sa.not_(_in_any(work, neighbourhood, in_community)))
    keep_stored(work, "neighbourhood", also=also, only=sa.and_(_same_community(work), unmoved))
    _by_position(work, neighbourhood, in_community, **found)


def _still_in(work: Work, place: sa.Table) -> sa.ColumnElement[bool]:
    """Return the condition that a row has no position, or one inside the place that is stored for it."""
    rows, table = work.rows, work.layer.table
    inside = sa.exists().where(
        work.current(place), place.c.code == table.c[place.name], covers(place.c.geom, rows.c.position)
    )
    return sa.or_(rows.c.position.is_(None), inside)


def _in_any(work: Work, place: sa.Table, *near: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return the condition that some place in force holds a row's position."""
    return sa.exists().where(work.current(place), covers(place.c.geom, work.rows.c.position), *near)


def _same_community(work: Work) -> sa.ColumnElement[bool]:
    return work.layer.table.c.community == work.rows.c.community


def _household(work: Work) -> None:
    rows, household = work.rows, stored("household")
    work.set(
        sa.and_(work.current(household), household.c.code == rows.c.code),
        county=household.c.county, household_id=household.c.id, building=household.c.building,
        community=household.c.community, neighbourhood=household.c.neighbourhood, geom=household.c.geom,
    )  # fmt: skip
    work.refuse(rows.c.household_id.is_(None), "code", "place_unknown", value=rows.c.code, layer="household")
    by_reference(work, "party_unit", stored("party_unit"))
    keep_stored(work, "party_unit_id")


def by_reference(work: Work, column: str, place: sa.FromClause, **also: sa.ColumnElement) -> None:
    """Fill in the place that the file names in `given_<column>`, by its code or by a name only one place has.

    A name counts inside the row's own community where that is known already; nothing is found in another county.
    """
    rows = work.rows
    given = rows.c[given_column(column)]
    current = place.c.valid_to.is_(None) if "valid_to" in place.c else sa.true()
    near = sa.and_(current, sa.or_(rows.c.county.is_(None), place.c.county == rows.c.county))
    values: dict[str, sa.ColumnElement] = {f"{column}_id": place.c.id, column: place.c.code, **also}
    values = {name: value for name, value in values.items() if name in rows.c}
    if column in ("community", "building"):
        values["county"] = _own_county(work, place)
    if column != "community" and "community" in place.c:
        near = sa.and_(near, sa.or_(rows.c.community.is_(None), place.c.community == rows.c.community))
    own = f"{column}_id" if f"{column}_id" in rows.c else column
    asked = sa.and_(given.is_not(None), rows.c[own].is_(None) if own in rows.c else sa.true())
    work.set(sa.and_(asked, near, place.c.code == given), **values)
    named = (
        sa.select(rows.c.row, sa.func.count().label("count"), _any(place.c.id).label("id"))
        .where(work.good, asked, near, place.c.name == given)
        .group_by(rows.c.row)
        .subquery("named")
    )
    layer = {"parent": "party_unit"}.get(column, column)
    work.set(sa.and_(asked, named.c.row == rows.c.row, named.c.count == 1, place.c.id == named.c.id, current), **values)
    work.refuse(
        sa.and_(asked, named.c.row == rows.c.row, named.c.count > 1), column, "place_ambiguous",
        value=given, layer=layer, count=named.c.count,
    )  # fmt: skip
    work.refuse(asked, column, "place_unknown", value=given, layer=layer)


def _any(column: sa.ColumnElement) -> sa.ColumnElement:
    return sa.func.array_agg(column, type_=sa.ARRAY(column.type))[1]


def keep_stored(
    work: Work, column: str, *, also: tuple[str, ...] = (), only: sa.ColumnElement[bool] | None = None
) -> None:
    """Take over what is stored in columns that are still empty."""
    rows, table = work.rows, work.layer.table
    same = sa.and_(sa.not_(rows.c.is_new), table.c.county == rows.c.county, table.c.id == rows.c.id)
    conditions = [same, rows.c[column].is_(None), *([only] if only is not None else [])]
    work.set(sa.and_(*conditions), **{name: table.c[name] for name in (column, *also)})


def _by_position(
    work: Work, place: sa.Table, near: sa.ColumnElement[bool] | None = None, **values: sa.ColumnElement
) -> None:
    """Fill in the place whose area covers the row's position; of several the one with the lowest code.

    LATERAL keeps the rows outside and the areas with their index inside, whatever the planner believes of tables that
    were filled a moment ago.
    """
    rows = work.rows
    unplaced = sa.and_(work.good, rows.c[place.name].is_(None), rows.c.position.is_not(None))
    covering = (
        sa.select(place.c.id)
        .where(work.current(place), covers(place.c.geom, rows.c.position), *([near] if near is not None else []))
        .order_by(place.c.code)
        .limit(1)
        .correlate(rows)
        .lateral("covering")
    )
    hits = sa.select(rows.c.row, covering.c.id).join_from(rows, covering, sa.true()).where(unplaced).subquery("hits")
    work.set(sa.and_(rows.c.row == hits.c.row, place.c.id == hits.c.id, work.current(place)), **values)


def _refuse_placeless(work: Work, column: sa.ColumnElement, layer: str) -> None:
    rows = work.rows
    shown = sa.func.ST_AsText(rows.c.position, 6)
    outside = sa.and_(column.is_(None), rows.c.position.is_not(None))
    work.refuse(outside, "geometry", "outside", value=shown, layer=layer)
    work.refuse(column.is_(None), layer, "place_needed", layer=layer)


def _county(work: Work) -> None:
    """Find the county of rows outside every community: stored, stated, or that of a community not far away."""
    rows, community = work.rows, stored("community")
    lost = sa.and_(rows.c.community.is_(None), rows.c.county.is_(None))
    here, area = geography(rows.c.position), geography(community.c.geom)
    nearest = (
        sa.select(community.c.county)
        .where(
            work.current(community), community.c.geom.op("&&")(sa.func.ST_Expand(rows.c.position, GUESS_DEGREES)),
            sa.func.ST_DWithin(area, here, GUESS_M),
        )
        .order_by(sa.func.ST_Distance(area, here), community.c.code)
        .limit(1)
        .correlate(rows)
        .scalar_subquery()
    )  # fmt: skip
    guessable = sa.and_(lost, rows.c.position.is_not(None))
    guessed = work.set(sa.and_(guessable, nearest.is_not(None)), county=nearest)
    if guessed:
        work.report.note(
            "nearest_county",
            f"{guessed} rows lie outside every community; they were given the county of the nearest one.",
            f"{guessed} 行不在任何社区内，已归入最近社区所属的区县。",
        )
    any_stored = sa.exists(sa.select(community.c.id).where(work.current(community), community.c.geom.is_not(None)))
    work.refuse(
        sa.and_(guessable, any_stored),
        "county",
        "no_county_near",
        value=sa.func.ST_AsText(rows.c.position, 6),
        km=GUESS_M // 1000,
    )
    work.refuse(lost, "county", "no_county")
