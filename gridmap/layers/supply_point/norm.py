"""Norms: how much of what people need a day, as dated rows with their source; every figure is a default to be changed."""

import sqlalchemy as sa

from gridmap.hierarchy import one_of
from gridmap.tables import metadata, spread, stamps, with_former_rows

PER = ("person", "household")

# `quantity` is in `unit`; a counted piece of the item holds `unit_quantity` of it (a bottle 0.55 litres).
norm = with_former_rows(sa.Table(
    "norm", metadata,
    sa.Column("code", sa.Text(collation="C"), primary_key=True),
    sa.Column("valid_from", sa.Date, primary_key=True),
    sa.Column("valid_to", sa.Date),
    sa.Column("item_code", sa.Text, sa.ForeignKey("item.code")),
    sa.Column("name", sa.Text, nullable=False), sa.Column("name_en", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False), sa.Column("unit_en", sa.Text, nullable=False),
    sa.Column("per", sa.Text, nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False), sa.Column("unit_quantity", sa.Numeric),
    sa.Column("source", sa.Text, nullable=False), *stamps(),
    one_of("per", PER),
    sa.CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="period"),
    sa.CheckConstraint("quantity > 0", name="quantity"),
    sa.CheckConstraint("unit_quantity > 0", name="unit_quantity"),
    sa.CheckConstraint("(item_code IS NULL) = (unit_quantity IS NULL)", name="item_pair"),
    info=spread("copy"),
))  # fmt: skip
