"""The Excel template of each layer is understood by the import, whatever language its headings are in."""

import io

import openpyxl
import pytest

from gridmap.exchange import apart, columns
from gridmap.exchange.template import LISTS, NOTES, positions_for, write_template
from gridmap.layers import LAYERS
from tests.exchange.making import COMMUNITY, rows_of, take

TAKEN = [layer for layer in LAYERS.values() if layer.fields]


def template(layer) -> openpyxl.Workbook:
    made = io.BytesIO()
    write_template(layer, made, positions_for(layer))
    return openpyxl.load_workbook(io.BytesIO(made.getvalue()))


def filled(path, layer, **values):
    """Write a value under the headings of the given fields, as a person does in Excel."""
    book = template(LAYERS[layer])
    fields = [*columns.fields_of(LAYERS[layer]), *positions_for(LAYERS[layer])]
    numbers = {field.column: number for number, field in enumerate(fields, start=1)}
    for name, value in values.items():
        book[layer].cell(2, numbers[name], value)
    book.save(path)
    return path


@pytest.mark.parametrize("layer", TAKEN, ids=lambda layer: layer.name)
def test_every_heading_means_its_own_field(layer, tmp_path):
    book = template(layer)
    wanted = [*columns.fields_of(layer), *positions_for(layer)]
    for number, field in enumerate(wanted, start=1):
        book[layer.name].cell(2, number, field.column)
    book.save(tmp_path / "t.xlsx")
    with apart.opened(tmp_path / "t.xlsx", layer=layer.name) as source:
        plan = columns.plan(layer, source)
    assert {c.field.column: c.index for c in plan.columns} == {
        field.column: number for number, field in enumerate(wanted) if field not in columns.POSITION
    }
    assert [index is not None for index in (plan.lon, plan.lat, plan.wkt)] == [
        field in wanted for field in columns.POSITION
    ]


@pytest.mark.parametrize("layer", TAKEN, ids=lambda layer: layer.name)
def test_choices_are_lists_to_choose_from_and_notes_are_in_both_languages(layer):
    book = template(layer)
    rules = {rule.formula1: rule for rule in book[layer.name].data_validations.dataValidation if rule.type == "list"}
    chosen = [f for f in layer.fields if f.kind == "boolean" or (f.kind == "text" and f.choices)]
    assert len(rules) == len(chosen)
    for rule in rules:
        cells = [cell.value for (cell,) in book[LISTS][rule.partition("!")[2].replace("$", "")]]
        assert cells
        assert None not in cells
    notes = [[cell.value for cell in row] for row in book[NOTES].iter_rows(min_row=5)]
    for field in layer.fields:
        [(zh, en)] = [(row[3], row[4]) for row in notes if row[1] == field.title]
        assert zh.strip() and en.strip() and zh != en  # noqa: PT018


def test_a_filled_template_is_taken_over(district, tmp_path):
    report = take(district, "building", filled(
        tmp_path / "b.xlsx", "building", name="12幢", floors=18, units=2,
        wkt="POLYGON((121.5 31.24,121.5001 31.24,121.5001 31.2401,121.5 31.2401,121.5 31.24))"))  # fmt: skip
    assert (report.problems, report.inserted) == ([], 1)
    report = take(district, "household", filled(
        tmp_path / "h.xlsx", "household", building="12幢", unit="2", room="502", occupancy="出租", people_count=3))  # fmt: skip
    assert (report.problems, report.inserted) == ([], 1)
    report = take(district, "volunteer", filled(
        tmp_path / "v.xlsx", "volunteer", name="王芳", phone="13800138000", on_duty="是", lon="121.5", lat="31.24"))  # fmt: skip
    assert (report.problems, report.inserted) == ([], 1)
    assert rows_of(district, "building", "name", "floors") == [("12幢", 18)]
    assert rows_of(district, "household", "code", "occupancy") == [(f"{COMMUNITY}00001020502", "rented")]
    assert rows_of(district, "volunteer", "name", "phone", "on_duty") == [("王芳", "13800138000", True)]


def test_an_empty_template_is_refused_in_words(district, tmp_path):
    from gridmap.errors import ImportRefused

    with pytest.raises(ImportRefused, match="no rows"):
        take(district, "building", filled(tmp_path / "e.xlsx", "building"))
