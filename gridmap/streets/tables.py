"""The tables of the network. A new network ends the one before it; its nodes and edges stay as they were."""

import sqlalchemy as sa
from geoalchemy2 import Geometry

from gridmap.crs import STORAGE_SRID
from gridmap.tables import keys, metadata, moment, parent, spread, stamps, with_former_rows

network = with_former_rows(sa.Table(
    "street_network", metadata, *keys(),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("nodes", sa.Integer, nullable=False), sa.Column("edges", sa.Integer, nullable=False),
    sa.Column("components", sa.Integer, nullable=False),
    moment("valid_from", default=True), moment("valid_to", nullable=True), *stamps(),
    sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="period"),
    sa.Index("street_network_current_key", "county", unique=True, postgresql_where=sa.text("valid_to IS NULL")),
    info=spread("county"),
))  # fmt: skip


def _part(*more: str) -> tuple[sa.Column, ...]:
    return (
        sa.Column("county", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("street_network_id", sa.Uuid, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in more),
    )


# `component` numbers the pieces that hang together, the largest 0: only it is walked from house to house.
node = with_former_rows(sa.Table(
    "street_node", metadata, *_part("component"),
    sa.Column("geom", Geometry("POINT", srid=STORAGE_SRID, spatial_index=False), nullable=False), *stamps(),
    parent("street_network"),
    info=spread("county"),
))  # fmt: skip

edge = with_former_rows(sa.Table(
    "street_edge", metadata, *_part("from_number", "to_number"),
    sa.Column("length_m", sa.Float, nullable=False),
    sa.Column("geom", Geometry("LINESTRING", srid=STORAGE_SRID, spatial_index=False), nullable=False), *stamps(),
    sa.CheckConstraint("length_m > 0 AND length_m < 'Infinity'", name="length_m"),
    *(sa.ForeignKeyConstraint(
        ["county", "street_network_id", end], ["street_node.county", "street_node.street_network_id", "street_node.number"]
    ) for end in ("from_number", "to_number")),
    sa.Index("street_edge_geom_idx", "geom", postgresql_using="gist"),
    info=spread("county"),
))  # fmt: skip
