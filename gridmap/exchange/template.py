"""Excel templates: a layer's columns with their notes, lists to choose from and examples, made from its fields."""

from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from gridmap.exchange import columns, words
from gridmap.exchange.rows import CODED_BY_PARTS
from gridmap.layer import Field, Layer

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

ROWS = 2_000  # that the lists and formats reach
LISTS = "选项 Lists"
NOTES = "说明 Notes"
YES_NO = ("是", "否")
TEXT = "@"  # Excel's format that keeps codes, phones and identity numbers as they are typed
EXAMPLES = {
    "code": "", "phone": "13800138000", "name": "示例", "unit": "2", "room": "502", "floor": "5", "floors": "6",
    "units": "2", "people_count": "3", "radius_m": "500", "skills": "急救;驾驶", "priority": "独居老人:1", "lon": "121.500000",
    "lat": "31.240000", "quantity": "100", "counted_on": "2026-03-01", "address": "3幢2单元502", "building": "3幢",
    "community": "示例社区", "item": "口罩",
}  # fmt: skip
KINDS = {
    "text": ("text", "文字"), "integer": ("a whole number, digits 0 to 9", "整数，半角数字"), "boolean": ("是 or 否", "是 或 否"),
    "date": ("a date: 2026-03-01", "日期：2026-03-01"), "identity": ("18 characters, as text", "18 位，文本格式"),
    "words": ("several, separated by ;", "多项用 ; 分隔"), "priority": ("group, or group:number, separated by ;", "类别或 类别:人数，用 ; 分隔"),
    "place": ("code or name of a place", "地点的代码或名称"),
}  # fmt: skip


def write_template(layer: Layer, target: IO[bytes], positions: tuple[Field, ...]) -> None:
    """Write the template of a layer: a sheet to fill in, one with notes, one with the lists it chooses from.

    Parameters
    ----------
    positions : the columns of geometry it offers: lon and lat for points, wkt for lines and areas

    Notes
    -----
    Headings are the Chinese titles, which the import knows; a star marks what is required. The sheet to fill in holds no
    example row that somebody could forget in it: examples stand in the notes.
    """
    import openpyxl

    book = openpyxl.Workbook()
    sheet: Worksheet = book.active
    sheet.title = layer.name
    fields = [*columns.fields_of(layer), *positions]
    lists = _write_lists(book, fields)
    _write_headings(sheet, fields)
    for number, field in enumerate(fields, start=1):
        _constrain(sheet, number, field, lists.get(field.column))
    _write_notes(book, layer, fields)
    book.move_sheet(LISTS, offset=1)
    book.save(target)


def positions_for(layer: Layer) -> tuple[Field, ...]:
    """Return the columns of geometry in a layer's template; none where a row stands where its parent stands."""
    if layer.name == "party_household":
        return ()
    return (columns.LON, columns.LAT) if layer.geometry == "point" else (columns.WKT,)


def heading(field: Field) -> str:
    """Return how a column is headed: its title in Chinese, unless another field of the import is headed so."""
    title = words.chinese(field.title)
    return f"{title}*" if field.required else title


def _write_headings(sheet: "Worksheet", fields: list[Field]) -> None:
    from openpyxl.comments import Comment
    from openpyxl.styles import Alignment, Font, PatternFill

    for number, field in enumerate(fields, start=1):
        cell = sheet.cell(1, number, heading(field))
        cell.font = Font(bold=True, color="FFFFFF")
        cell.fill = PatternFill("solid", fgColor="0B5C6B" if field.required else "5B6770")
        cell.alignment = Alignment(wrap_text=True, vertical="center")
        cell.comment = Comment("\n".join(_told(field)), "gridmap", width=320, height=120)
        sheet.column_dimensions[cell.column_letter].width = max(14, 2.2 * len(heading(field)) + 2)
    sheet.freeze_panes = "A2"


def _constrain(sheet: "Worksheet", number: int, field: Field, choices: str | None) -> None:
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    letter = get_column_letter(number)
    if field.kind in ("text", "identity", "words", "priority", "place") and choices is None:
        sheet.column_dimensions[letter].number_format = TEXT
        for row in range(2, 202):  # Excel goes by the cell's own format
            sheet.cell(row, number).number_format = TEXT
        return
    rule: DataValidation | None = None
    if choices is not None:
        rule = DataValidation(type="list", formula1=choices, allow_blank=True, showErrorMessage=True)
        rule.error = "请从列表中选择。 Choose from the list."
    elif field.kind == "integer":
        low, high = field.minimum if field.minimum is not None else 0, field.maximum or 10**12
        rule = DataValidation(type="whole", operator="between", formula1=str(low), formula2=str(high), allow_blank=True)
        rule.error = f"{low} - {high}"
    elif field.kind == "date":
        rule = DataValidation(type="date", operator="greaterThan", formula1="36526", allow_blank=True)
        rule.error = "2026-03-01"
    if rule is not None:
        rule.prompt = "\n".join(_told(field))[:250]
        rule.promptTitle = heading(field)[:30]
        sheet.add_data_validation(rule)
        rule.add(f"{letter}2:{letter}{ROWS}")


def _write_lists(book: "Workbook", fields: list[Field]) -> dict[str, str]:
    """Write the words of every choice in a column of their own and return the range of each."""
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(LISTS)
    found: dict[str, str] = {}
    for field in fields:
        listed = _choices(field)
        if not listed:
            continue
        number = len(found) + 1
        letter = get_column_letter(number)
        sheet.cell(1, number, heading(field))
        for row, word in enumerate(listed, start=2):
            sheet.cell(row, number, word)
        found[field.column] = f"'{LISTS}'!${letter}$2:${letter}${len(listed) + 1}"
    return found


def _choices(field: Field) -> tuple[str, ...]:
    if field.kind == "boolean":
        return YES_NO
    if field.kind == "text" and field.choices:
        return tuple(words.chinese(title) for title in field.choices.values())
    return ()


def _write_notes(book: "Workbook", layer: Layer, fields: list[Field]) -> None:
    from openpyxl.styles import Alignment, Font

    sheet = book.create_sheet(NOTES)
    for row in _notes(layer, fields):
        sheet.append(row)
    for letter, width in zip("ABCDEF", (20, 20, 8, 44, 44, 24), strict=True):
        sheet.column_dimensions[letter].width = width
    for cells in sheet.iter_rows():
        for cell in cells:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    for cell in sheet[4]:
        cell.font = Font(bold=True)


def _notes(layer: Layer, fields: list[Field]) -> Iterator[list[Any]]:
    yield [f"{words.chinese(layer.title)} {layer.title}"]
    yield ["请在第一个工作表中逐行填写，带 * 的列必填；不清楚的列可留空或删除。", "", "", "",
           "Fill in the first sheet, a row for each; columns with * are required, others may stay empty or be deleted."]  # fmt: skip
    yield []
    yield ["列", "Column", "必填", "怎样填写", "How to fill it in", "示例 Example"]
    for field in fields:
        zh, en = _how(field)
        required = "是" if field.required else ""
        yield [words.chinese(field.title), field.title, required, zh, en, _example(field)]
    if layer.name in CODED_BY_PARTS or any(field.column == "code" for field in fields):
        yield []
        yield [
            "没有代码时由系统编号；再次导入时请保留代码列。",
            "",
            "",
            "",
            "Without a code a row gets one; keep the column when you import again.",
        ]


def _told(field: Field) -> list[str]:
    return [text for text in _how(field) if text]


def _how(field: Field) -> tuple[str, str]:
    """Return in Chinese and English what belongs into a column."""
    if field is columns.LON or field is columns.LAT:
        return "度，小数；坐标系在导入时选择", "degrees, decimal; the system is chosen at import"
    if field is columns.WKT:
        return (
            "WKT 图形，如 POLYGON((…))；也可改用带图形的文件",
            "geometry as WKT, or import a file with shapes instead",
        )
    if field.choices:
        known, known_zh = words.listed(field)
        several = field.kind in ("words", "priority")
        en, zh = KINDS[field.kind] if several else ("one of", "任选其一")
        return f"{zh}：{known_zh}", f"{en}: {known}"
    en, zh = KINDS.get(field.kind, KINDS["text"])
    if field.minimum is not None and field.maximum is not None and field.kind == "integer":
        return f"{zh}，{field.minimum} 至 {field.maximum}", f"{en}, {field.minimum} to {field.maximum}"
    return zh, en


def _example(field: Field) -> str:
    listed = _choices(field)
    return EXAMPLES.get(field.column, listed[0] if listed else "")
