"""The same checks over every layer: a new layer that breaks one of them is not finished."""

from pathlib import Path

import pytest

from gridmap.errors import NotFound
from gridmap.layer import Layers
from gridmap.layers import LAYERS

ROOT = Path(__file__).parent.parent.parent
EACH = pytest.mark.parametrize("layer", LAYERS.values(), ids=lambda layer: layer.name)


@EACH
def test_a_layer_its_table_and_its_folder_have_one_name(layer):
    assert layer.table.name == layer.name
    assert (ROOT / "gridmap" / "layers" / layer.name / "__init__.py").is_file()
    assert layer.view == f"{layer.name}.view"
    assert layer.edit == f"{layer.name}.edit"


def test_every_folder_of_a_layer_is_listed():
    folders = {path.parent.name for path in (ROOT / "gridmap" / "layers").glob("*/__init__.py")}
    assert folders == set(LAYERS)


@EACH
def test_what_a_layer_names_exists(layer):
    for name in (*layer.tile_columns, "code", "valid_to"):
        assert name in layer.source.c
    assert ("tile_geom" in layer.source.c) == layer.is_drawn
    assert layer.is_drawn or (layer.tile_columns == () and not layer.style.symbols)
    for name in layer.list_columns:
        assert name in layer.table.c
    assert layer.style.by == "" or layer.style.by in layer.tile_columns
    assert layer.style.label == "" or layer.style.label in layer.tile_columns
    assert set(layer.draws_from) <= set(LAYERS)
    assert (layer.drawn is None) == (layer.draws_from == ())


@EACH
def test_no_personal_column_reaches_a_tile_a_list_or_a_search(layer):
    personal = {column.name for column in layer.table.columns if column.info.get("personal")}
    assert not personal & {*layer.tile_columns, *layer.public_columns, layer.name_column}


@EACH
def test_every_value_that_decides_a_symbol_has_one(layer):
    fields = {field.column: field for field in layer.fields}
    if layer.style.by and layer.style.by in fields and fields[layer.style.by].choices:
        assert set(layer.style.symbols) == set(fields[layer.style.by].choices)
    assert all(symbol.title for symbol in layer.style.symbols.values())


@EACH
def test_nothing_is_told_by_colour_alone(layer):
    """Symbols of one layer differ in pattern, dash, icon, outline or width, or carry a label; not only in colour."""
    symbols = layer.style.symbols.values()
    looks = {(s.pattern, s.dash, s.icon, s.outlined, s.width, s.fill == "transparent") for s in symbols}
    assert len(looks) == len(symbols) or layer.style.label


@EACH
def test_the_headings_of_a_spreadsheet_name_one_field_each(layer):
    seen = {}
    for field in layer.fields:
        for heading in {field.column, *field.aliases}:
            assert seen.setdefault(heading.lower(), field.column) == field.column


def test_an_unknown_layer_is_not_found_and_the_known_ones_are_named():
    with pytest.raises(NotFound, match="building"):
        LAYERS["nothing"]
    with pytest.raises(NotFound):
        Layers(())["building"]
