"""What every table has in common: keys that can be sharded, dates, versions, checked geometry."""

import sqlalchemy as sa
from geoalchemy2 import Geography, Geometry
from sqlalchemy.dialects.postgresql import TIMESTAMP

from gridmap.crs import MAX_LATITUDE, STORAGE_SRID, TILE_SRID

CODE_PATTERN = "^[0-9A-Za-z._-]{1,64}$"
MAX_VERTICES = 20_000  # of one stored geometry; a CHECK, and the import's limit
VERSION_SUFFIX = "_version"
GEOGRAPHY = "geog"
SEARCHED = ("geom", "tile_geom", GEOGRAPHY, "reach")  # what questions of a place use: indexed among former rows too

SEALED = r"^[a-z0-9]+\.[0-9]+\."  # what gridmap.vault makes, and no text of a person looks like
KINDS_OF_PERSONAL = ("name", "phone", "id_number")

metadata = sa.MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)


def moment(name: str, *, nullable: bool = False, default: bool = False) -> sa.Column:
    """Return a timestamp column with zone."""
    return sa.Column(
        name,
        TIMESTAMP(timezone=True),
        nullable=nullable,
        server_default=sa.func.now() if default else None,
    )


def keys() -> tuple[sa.Column, ...]:
    """Return the key every layer table has: (county, id); the county is the 6-digit GB/T 2260 code."""
    return (
        sa.Column("county", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Uuid, primary_key=True),
    )


def reference(name: str, *, nullable: bool = False) -> sa.Column:
    """Return the column `<name>_id`; its foreign key is `parent(name)` because it includes the county."""
    return sa.Column(f"{name}_id", sa.Uuid, nullable=nullable, index=True)


def parent(name: str, table: str | None = None) -> sa.ForeignKeyConstraint:
    """Return the foreign key (county, <name>_id) to (county, id) of a table."""
    target = table or name
    return sa.ForeignKeyConstraint(["county", f"{name}_id"], [f"{target}.county", f"{target}.id"])


def code(name: str = "code", *, nullable: bool = False, index: bool = False) -> sa.Column:
    """Return a column of codes; they sort and match by prefix byte by byte (collation C), as Python sorts them."""
    return sa.Column(name, sa.Text(collation="C"), nullable=nullable, index=index)


def personal(name: str, kind: str, *, nullable: bool = True) -> tuple[sa.schema.SchemaItem, ...]:
    """Return a column of what concerns one person: sealed text, which the database holds to that, and its index.

    Parameters
    ----------
    kind : name, phone or id_number: how it is masked, and whether `<name>_index` finds it exactly (all but names)

    Notes
    -----
    Values go in and out through `gridmap.personal`; who reads the column itself reads sealed text.
    """
    if kind not in KINDS_OF_PERSONAL:
        raise ValueError(kind)
    column = sa.Column(name, sa.Text, nullable=nullable, info={"personal": kind})
    if kind == "name":
        return column, sealed_check(name)
    found_by = sa.Column(f"{name}_index", sa.Text(collation="C"), index=True, info={"index_of": name})
    return column, found_by, sealed_check(name)


def sealed_check(name: str) -> sa.CheckConstraint:
    """Return the CHECK that a column holds sealed text only, so that nothing is stored in the clear by mistake."""
    return sa.CheckConstraint(f"{name} ~ '{SEALED}'", name=f"{name}_sealed")


def dates() -> tuple[sa.Column, ...]:
    """Return when the thing came and went, which version this row is, since when, by whom and from where."""
    return (
        moment("valid_from", default=True),
        moment("valid_to", nullable=True),
        sa.Column("version", sa.Integer, nullable=False, server_default="1"),
        moment("changed_at", default=True),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.Column("source", sa.Text),
        sa.Column("source_key", sa.Text),
    )


def stamps() -> tuple[sa.Column, ...]:
    """Return since when a row of a table without versions stands, and by whom: the database fills both in."""
    return (
        moment("changed_at", default=True),
        sa.Column(
            "changed_by", sa.Text, nullable=False,
            server_default=sa.text("COALESCE(current_setting('gridmap.actor', true), '')"),
        ),
    )  # fmt: skip


def shape(kind: str, *, nullable: bool = False, drawn: bool = True) -> tuple[sa.Column, ...]:
    """Return `geom` (EPSG:4490) and, for layers drawn as tiles, the stored `tile_geom` (EPSG:3857).

    Parameters
    ----------
    kind : a PostGIS geometry type such as POINT or MULTIPOLYGON
    """
    columns = [
        sa.Column(
            "geom",
            Geometry(kind, srid=STORAGE_SRID, spatial_index=False),
            nullable=nullable,
        )
    ]
    if drawn:
        expression = f"ST_Transform(geom, {TILE_SRID})"
        columns.append(
            sa.Column(
                "tile_geom",
                Geometry(kind, srid=TILE_SRID, spatial_index=False),
                sa.Computed(expression, persisted=True),
            )
        )
    return tuple(columns)


def rules(name: str, *, form: str = CODE_PATTERN, geometry: bool = True) -> tuple[sa.schema.SchemaItem, ...]:
    """Return the constraints and indexes every layer table has.

    One current row per code (and per source key), a code of the stated form whose table keeps its county, a period
    that runs forwards, and geometry that is not empty, finite, in range, valid and of bounded size.
    """
    items: list[sa.schema.SchemaItem] = [
        sa.CheckConstraint(f"code ~ '{form}'", name="code_form"),
        sa.CheckConstraint("county BETWEEN 100000 AND 999999", name="county_form"),
        sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="period"),
        sa.CheckConstraint("version >= 1", name="version"),
        sa.Index(f"{name}_code_key", "county", "code", unique=True, postgresql_where=sa.text("valid_to IS NULL")),
        sa.Index(f"{name}_code_idx", "code"),
        sa.Index(
            f"{name}_source_key", "county", "source_key", unique=True,
            postgresql_where=sa.text("valid_to IS NULL AND source_key IS NOT NULL"),
        ),
    ]  # fmt: skip
    if geometry:
        items += [
            *geometry_checks("geom"),
            sa.Index(f"{name}_geom_idx", "geom", postgresql_using="gist"),
            sa.Index(f"{name}_tile_geom_idx", "tile_geom", postgresql_using="gist"),
        ]
    return tuple(items)


def geometry_checks(column: str) -> tuple[sa.CheckConstraint, ...]:
    """Return the CHECKs that keep a geometry column free of what PostGIS would store but not measure rightly."""
    bounds = (
        f"ST_XMin({column}) >= -180 AND ST_XMax({column}) <= 180"
        f" AND ST_YMin({column}) >= -{MAX_LATITUDE:g} AND ST_YMax({column}) <= {MAX_LATITUDE:g}"
    )
    return (
        sa.CheckConstraint(f"NOT ST_IsEmpty({column})", name=f"{column}_not_empty"),
        sa.CheckConstraint(bounds, name=f"{column}_in_range"),
        sa.CheckConstraint(f"ST_NPoints({column}) <= {MAX_VERTICES}", name=f"{column}_vertices"),
        sa.CheckConstraint(f"ST_IsValid({column})", name=f"{column}_valid"),
    )


def measured(expression: str = "geom") -> sa.Column:
    """Return `geog`, the stored geography of a table that is asked in metres; its index is `geography_index`.

    A stored column and not an index on the cast: under row-level security a condition uses an index only if all that
    it calls on the row is leak-proof, and the cast is not.
    """
    kind = Geography("POINT", srid=STORAGE_SRID, spatial_index=False)
    return sa.Column(GEOGRAPHY, kind, sa.Computed(f"({expression})::geography", persisted=True))


def geography_index(name: str) -> sa.Index:
    """Return the GiST index on the stored geography, which serves every question in metres."""
    return sa.Index(f"{name}_geog_idx", GEOGRAPHY, postgresql_using="gist")


def geography(column: sa.ColumnElement) -> sa.ColumnElement:
    """Return a geometry as geography, for measuring; where there is a stored `geog`, that one has the index."""
    return column.op("::")(sa.literal_column("geography"))


def spread(how: str, **info: object) -> dict[str, object]:
    """Return the table's note on sharding: `county` (grows with the population) or `copy` (small, on every node)."""
    if how not in ("county", "copy"):
        raise ValueError(how)
    return {"spread": how, **info}


def link(name: str, left: str, right: str, *extra: sa.schema.SchemaItem, how: str) -> sa.Table:
    """Return a table of pairs (left, right) inside one county, each pair once; former pairs are kept."""
    return with_former_rows(sa.Table(
        name, metadata,
        sa.Column("county", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column(f"{left}_id", sa.Uuid, primary_key=True),
        sa.Column(f"{right}_id", sa.Uuid, primary_key=True, index=True),
        *extra, *stamps(),
        parent(left), parent(right),
        info=spread(how, part_of=left if left in ("building", "household") else right),
    ))  # fmt: skip


def with_versions(table: sa.Table) -> sa.Table:
    """Declare `<table>_version`, which keeps each former row with the moment it ended, and return the table itself.

    Rows arrive by the trigger `keep_former_versions` (migration 0001); the period of a version is [changed_at, until).
    """
    columns = [_copied(column) for column in table.columns]
    sa.Table(
        table.name + VERSION_SUFFIX, metadata, *columns,
        moment("until"),
        *(sealed_check(column.name) for column in table.columns if column.info.get("personal")),
        sa.PrimaryKeyConstraint("county", "id", "version"),
        sa.Index(f"{table.name}_version_code_idx", "code", "until"),
        *(
            sa.Index(f"{table.name}_version_{name}_idx", name, postgresql_using="gist")
            for name in SEARCHED if name in table.c
        ),
        info={**table.info, "versions_of": table.name},
    )  # fmt: skip
    return table


def with_former_rows(table: sa.Table) -> sa.Table:
    """Declare `<table>_version` for a table with `stamps` and no version numbers, such as a link, and return the table.

    Rows arrive by the trigger `keep_former_rows` (migration 0004), of changes and of deletions alike; the period of a
    row is [changed_at, until), and `ended_by` is who changed or deleted it.
    """
    key = [column.name for column in table.primary_key.columns]
    sa.Table(
        table.name + VERSION_SUFFIX, metadata, *(_copied(column) for column in table.columns),
        moment("until"), sa.Column("ended_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint(*key, "changed_at", "until"),
        info={**table.info, "versions_of": table.name},
    )  # fmt: skip
    return table


def _copied(column: sa.Column) -> sa.Column:
    computed = [sa.Computed(column.computed.sqltext, persisted=True)] if column.computed is not None else []
    return sa.Column(column.name, column.type, *computed, nullable=column.nullable, info=column.info)


# One appended row a changed statement; ETags are made of count and latest, never of a counter that writers queue for.
change_log = sa.Table(
    "change_log", metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("layer", sa.Text, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    moment("changed_at", default=True),
    sa.Index("change_log_layer_idx", "layer", "id"),
    info=spread("copy"),
)  # fmt: skip

# What names begin with, as written, in pinyin and by initials; triggers keep it in step (migration 0014, gridmap.search).
search_term = sa.Table(
    "search_term", metadata,
    sa.Column("county", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("layer", sa.Text(collation="C"), primary_key=True),
    sa.Column("thing_id", sa.Uuid, primary_key=True),
    sa.Column("term", sa.Text(collation="C"), primary_key=True),
    code("community", nullable=True),
    sa.Index("search_term_term_idx", "layer", "term"),
    sa.Index("search_term_community_idx", "community", "layer", "term"),  # for who sees few of them
    info=spread("county", scope="wide", view="community", derived=True),
)  # fmt: skip

# The same of the names that things had before or until they were retired, for searches of past moments (migration 0020).
former_search_term = sa.Table(
    "former_search_term", metadata,
    sa.Column("county", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("layer", sa.Text(collation="C"), primary_key=True),
    sa.Column("thing_id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("term", sa.Text(collation="C"), primary_key=True),
    code("community", nullable=True),
    sa.Index("former_search_term_term_idx", "layer", "term"),
    sa.Index("former_search_term_community_idx", "community", "layer", "term"),
    info=spread("county", scope="wide", view="community", derived=True),
)  # fmt: skip
