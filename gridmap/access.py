"""Who may do what where: actors, their rights, and the one scope rule in its two forms.

A right is a set of verbs over some places. `within_scope` is the rule as a condition of a query; `settings_of` is the
same rule as settings of a transaction, which the row-level policies of the database test (design.md D6). A place is a
code: up to 12 digits name a county, a wider area or a community by prefix, 15 a neighbourhood, 17 a building, anything
else a supply point; the empty text is the whole register.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from gridmap.errors import NotAllowed

EVERYWHERE = ""  # the prefix every code begins with
COUNTY_DIGITS, COMMUNITY_DIGITS, NEIGHBOURHOOD_DIGITS, BUILDING_DIGITS = 6, 12, 15, 17
PLACE_PATTERN = re.compile(r"([0-9]{0,12}|[0-9]{15}|[0-9]{17}|(?=.*[^0-9])[0-9A-Za-z._-]{1,64})", re.ASCII)

# Settings that are on for who holds a verb: what a table shows of its owner's rows at all.
SWITCHES = {"priority": "household.priority", "audit": "audit.view"}

_ANY_COUNTY = ",".join("123456789")  # what a county's number begins with: an empty prefix in a setting shows nothing

# How a table's rows are compared with places (`info["scope"]`), written by `tables.scoped`.
EXACT = "exact"  # at the place's own level
WIDE = "wide"  # a place below the community counts as its community: whoever works in a grid sees its stock points


@dataclass(frozen=True)
class Right:
    """Verbs such as `supply_point.view`, None meaning every verb, over some places."""

    verbs: frozenset[str] | None
    places: tuple[str, ...]

    def has(self, verb: str) -> bool:
        """Return whether the verb is among the right's."""
        return self.verbs is None or verb in self.verbs


@dataclass(frozen=True)
class Actor:
    """Somebody who asks or changes, by name, with what they may do where."""

    name: str
    rights: tuple[Right, ...] = ()

    def may(self, verb: str) -> bool:
        """Return whether the actor holds a verb somewhere."""
        return any(right.has(verb) for right in self.rights)

    def require(self, verb: str) -> None:
        """Raise NotAllowed unless the actor holds the verb."""
        if not self.may(verb):
            raise NotAllowed(f"{self.name} may not do this: {verb}.")

    def places_for(self, *verbs: str) -> tuple[str, ...]:
        """Return the places where the actor holds one of some verbs, sorted; none below another of them."""
        places = {place for right in self.rights if any(map(right.has, verbs)) for place in right.places}
        return tuple(sorted(place for place in places if not any(_within(place, other) for other in places - {place})))

    def sees_everything(self, *verbs: str) -> bool:
        """Return whether the actor holds one of some verbs over the whole register."""
        return EVERYWHERE in self.places_for(*verbs)


def acting(name: str, verbs: Iterable[str] | None, places: Iterable[str]) -> Actor:
    """Return an actor with one right."""
    return Actor(name, (Right(None if verbs is None else frozenset(verbs), tuple(places)),))


LOCAL = acting("local", None, (EVERYWHERE,))


def _within(place: str, other: str) -> bool:
    """Return whether a place lies in a wider one by its code alone (a building's code does not tell its grid)."""
    return len(other) <= COMMUNITY_DIGITS and place.startswith(other)


def within_scope(table: sa.FromClause, actor: Actor, *verbs: str) -> sa.ColumnElement[bool]:
    """Return the condition that a row lies in the places where the actor holds one of some verbs.

    Parameters
    ----------
    table : a scoped table, an alias of one, or anything with its scope columns (then `verbs` must be given)
    verbs : the table's view verb if not given

    Notes
    -----
    A row that carries no code of a place's level is outside that place. Tables without `info["scope"]` are open: what
    they hold (streets, divisions, items) concerns nobody in particular.
    """
    rule = scope_of(table)
    if rule is None and not verbs:
        return sa.true()
    places = actor.places_for(*(verbs or (view_verb(table),)))
    if EVERYWHERE in places:
        return sa.true()
    found = [_covers(table, level, value) for level, value in _levels(table, places, wide=rule == WIDE)]
    return sa.or_(sa.false(), *(condition for condition in found if condition is not None))


def _levels(table: sa.FromClause, places: Iterable[str], *, wide: bool) -> list[tuple[str, str]]:
    """Return each place as (column, value): `county` and `community` are prefixes, the rest equal the column."""
    levels: dict[tuple[str, str], None] = {}
    for place in places:
        if not place.isdigit() and place != EVERYWHERE:
            levels["point", place] = None
            continue
        if len(place) <= COUNTY_DIGITS:
            levels["county", place] = None
        elif len(place) <= COMMUNITY_DIGITS:
            levels["community", place] = None
        elif not wide:
            levels["neighbourhood" if len(place) == NEIGHBOURHOOD_DIGITS else "building", place] = None
        if wide and len(place) > COUNTY_DIGITS:
            if len(place) > COMMUNITY_DIGITS:
                levels["community", place[:COMMUNITY_DIGITS]] = None
            levels["outside", place[:COUNTY_DIGITS]] = None
    return list(levels)


def _covers(table: sa.FromClause, level: str, value: str) -> sa.ColumnElement[bool] | None:
    columns = scope_columns_of(table)
    column = columns.get(level)
    if level == "outside":
        community = columns.get("community")
        if community is None or "county" not in table.c or not _may_lack_community(table):
            return None
        return sa.and_(community.is_(None), _in_county(table, value))
    if column is None:
        return None
    if level == "county" and "county" in table.c:
        return _in_county(table, value)
    return _begins(column, value) if level in ("county", "community") else column == value


def _begins(column: sa.ColumnElement, prefix: str) -> sa.ColumnElement[bool]:
    """Return the condition that a code begins with a prefix.

    `^@` is leak-proof, LIKE is not: under a policy the planner reads the column's statistics for leak-proof operators
    only, and without them it takes a community of thousands for a handful and walks no spatial index. It is asked
    before the policy then, too, which spares foreign rows the dearer test.
    """
    return column.bool_op("^@")(prefix)


def _in_county(table: sa.FromClause, prefix: str) -> sa.ColumnElement[bool]:
    """Return the condition that a row's county begins with up to six digits: as a range, because a cast is not leak-proof."""
    first, last = int(prefix.ljust(COUNTY_DIGITS, "0")), int(prefix.ljust(COUNTY_DIGITS, "9"))
    return table.c.county == first if first == last else table.c.county.between(first, last)


def scope_columns_of(table: sa.FromClause) -> dict[str, sa.ColumnElement]:
    """Return the columns that tell where a row belongs: county, community, neighbourhood, building, point."""
    of = getattr(table, "info", {}).get("stands_for")  # rows on their way into a table
    name, found = versionless(table_name(table)) if of is None else of.name, dict[str, sa.ColumnElement]()
    known = table.c if of is None else of.c
    if "county" in table.c:
        found["county"] = _county(table)
    for level in ("community", "neighbourhood", "building"):
        if name == level:
            found[level] = table.c.code
        elif level in known:
            found[level] = table.c[level]
    if "county" not in found and "community" in found:
        found["county"] = found["community"]
    if name == "supply_point":
        found["point"] = table.c.code
    return found


def _county(table: sa.FromClause) -> sa.ColumnElement[str]:
    return sa.cast(table.c.county, sa.Text)


def _may_lack_community(table: sa.FromClause) -> bool:
    return bool(getattr(table.c.get("community"), "nullable", False)) and table_name(table) != "community"


def settings_of(actor: Actor, tables: Iterable[sa.Table]) -> dict[str, str]:
    """Return the settings of a transaction that show an actor its rows: setting -> codes, or what they begin with, by commas.

    Notes
    -----
    For a table `t` the policies test `gridmap.t_<level>`; a setting that is not made shows no row. Version tables go by
    the settings of the table they keep.
    """
    made: dict[str, str] = {}
    for table in tables:
        rule = table.info.get("scope")
        if rule not in (EXACT, WIDE) or "versions_of" in table.info:
            continue
        columns = _tested(table)
        by_level: dict[str, list[str]] = {}
        for level, value in _levels(table, actor.places_for(*read_verbs(table)), wide=rule == WIDE):
            if level in columns or (level == "outside" and _may_lack_community(table)):
                by_level.setdefault(level, []).append(value or _ANY_COUNTY)
        for level, values in by_level.items():
            made[f"gridmap.{table.name}_{level}"] = ",".join(values)
    for setting, verb in SWITCHES.items():
        if actor.may(verb):
            made[f"gridmap.{setting}"] = "on"
    return made


def policy_of(table: sa.Table) -> str | None:
    """Return the row-level condition of a scoped table in SQL, or None for an open one.

    It is a plain expression over the row and settings, as Citus wants it; a detail table (`info["part_of"]`) shows the
    rows whose owner is shown. The CASE keeps the planner from guessing how few rows the tests leave (it guesses without
    statistics, and queries ask the same again): it reckons with half of the rows and leaves the rest to the query.
    """
    if owner := table.info.get("part_of"):
        key = table.info.get("part_key", f"{owner}_id")
        name = table.name
        shown = f"EXISTS (SELECT FROM {owner} AS o WHERE o.county = {name}.county AND o.id = {name}.{key})"
        needs = table.info.get("needs")
        return f"{shown} AND current_setting('gridmap.{needs}', true) = 'on'" if needs else shown
    if table.info.get("scope") not in (EXACT, WIDE):
        return None
    base = str(table.info.get("versions_of", table.name))
    columns = _tested(table)
    tests = [_test(base, level, column) for level, column in columns.items()]
    if table.info["scope"] == WIDE and _may_lack_community(table):
        tests.append(f"(community IS NULL AND county::text ^@ {_any_of(base, 'outside')})")
    return f"CASE WHEN {' OR '.join(tests)} THEN true ELSE false END"


def _tested(table: sa.Table) -> dict[str, sa.ColumnElement]:
    """Return the scope columns a policy tests: of a wide table those below the community say nothing."""
    dropped = ("neighbourhood", "building") if table.info["scope"] == WIDE else ()
    order = (
        "community",
        "county",
        "neighbourhood",
        "building",
        "point",
    )  # most people work in a community: asked first
    columns = scope_columns_of(table)
    return {level: columns[level] for level in order if level in columns and level not in dropped}


def _test(table: str, level: str, column: sa.ColumnElement) -> str:
    name = "county::text" if level == "county" else column.name
    return f"{name} {'^@' if level in ('county', 'community') else '='} {_any_of(table, level)}"


def _any_of(table: str, level: str) -> str:
    """Return the codes of a setting, none if it is not made or empty; an array is tested faster than an expression."""
    return f"ANY (string_to_array(current_setting('gridmap.{table}_{level}', true), ','))"


def scope_of(table: sa.FromClause) -> str | None:
    """Return a table's scope rule, that of the table an alias stands for, or None for an open table."""
    element = table.element if isinstance(table, sa.Alias) else table
    return getattr(element, "info", {}).get("scope") or _VIEWS.get(table_name(table), (None, ""))[0]


def view_verb(table: sa.FromClause) -> str:
    """Return the verb that shows a table's rows: its layer's own, or that of the layer `info["view"]` names."""
    name = table_name(table)
    element = table.element if isinstance(table, sa.Alias) else table
    if shown_with := getattr(element, "info", {}).get("view"):
        return f"{shown_with}.view"
    return f"{_VIEWS.get(name, (None, versionless(name)))[1]}.view"


def read_verbs(table: sa.FromClause) -> tuple[str, ...]:
    """Return the verbs that need a table's rows: to show them, or only to count them."""
    verb = view_verb(table)
    return (verb, verb.replace(".view", ".count"))


_VIEWS = {"party_unit_cover": (WIDE, "party_unit")}  # views over scoped tables: their rule and whose verb


def versionless(name: str) -> str:
    """Return the name of the table whose former rows a table keeps, or the name itself."""
    return name.removesuffix("_version")


def table_name(table: sa.FromClause) -> str:
    """Return a table's name, or that of the table an alias stands for."""
    element = table.element if isinstance(table, sa.Alias) else table
    return str(getattr(element, "name", ""))


def mask_name(name: str | None) -> str | None:
    """Return a person's name as it is shown by default: the first character and two stars."""
    return f"{name[:1]}**" if name else None


def mask_phone(phone: str | None) -> str | None:
    """Return a phone number as it is shown by default: the first three and last four digits."""
    if not phone:
        return None
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 11 else "****"


def mask_identity(number: str | None) -> str | None:
    """Return an identity number as it is shown by default: the first three and last four characters."""
    if not number:
        return None
    return f"{number[:3]}***********{number[-4:]}" if len(number) >= 15 else "****"
