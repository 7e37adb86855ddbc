"""The tables of the base map: one current base map, and what it draws in bands of zooms.

Nothing here is measured or asked for by position: geometry is kept for drawing only, in the tiles' own system.
"""

import sqlalchemy as sa
from geoalchemy2 import Geometry

from gridmap.crs import TILE_SRID
from gridmap.tables import metadata, moment, spread, stamps, with_former_rows

LAYERS = ("water", "green", "railway", "street", "label")  # in drawing order
BANDS = (7, 10, 13, 22)  # the last zoom of each band; geometry is generalised once a band

basemap = with_former_rows(sa.Table(
    "basemap", metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.Text, nullable=False), sa.Column("source", sa.Text, nullable=False),
    sa.Column("attribution", sa.Text, nullable=False),
    sa.Column("dated_on", sa.Date), sa.Column("review_number", sa.Text),
    moment("valid_from", default=True), moment("valid_to", nullable=True), *stamps(),
    sa.CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="period"),
    sa.CheckConstraint("attribution <> '' AND name <> '' AND source <> ''", name="said"),
    sa.Index("basemap_current_key", sa.text("(true)"), unique=True, postgresql_where=sa.text("valid_to IS NULL")),
    info=spread("copy"),
))  # fmt: skip

# `number` counts in the order of reading; `rank` says what is left out first where a tile would grow too large.
feature = sa.Table(
    "basemap_feature", metadata,
    sa.Column("basemap_id", sa.Uuid, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("band", sa.SmallInteger, nullable=False), sa.Column("min_zoom", sa.SmallInteger, nullable=False),
    sa.Column("layer", sa.Text, nullable=False), sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text), sa.Column("name_en", sa.Text),
    sa.Column("rank", sa.Float, nullable=False),
    sa.Column("tile_geom", Geometry("GEOMETRY", srid=TILE_SRID, spatial_index=False), nullable=False),
    sa.ForeignKeyConstraint(["basemap_id"], ["basemap.id"]),
    sa.CheckConstraint("layer IN ('water', 'green', 'railway', 'street', 'label')", name="layer"),
    sa.CheckConstraint(f"band BETWEEN 0 AND {len(BANDS) - 1}", name="band"),
    sa.CheckConstraint("min_zoom BETWEEN 0 AND 22", name="min_zoom"),
    sa.CheckConstraint("NOT ST_IsEmpty(tile_geom)", name="tile_geom_not_empty"),
    *(
        sa.Index(f"basemap_feature_band_{band}_idx", "tile_geom", postgresql_using="gist",
                 postgresql_where=sa.text(f"band = {band}"))
        for band in range(len(BANDS))
    ),
    info=spread("copy"),
)  # fmt: skip
