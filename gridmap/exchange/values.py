"""From a cell to a value: numbers, dates, yes and no, lists and words, as people write them in spreadsheets."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from gridmap import personal
from gridmap.exchange import words
from gridmap.layer import Field

MAX_TEXT = 2_000
MAX_LISTED = 500
SEPARATORS = re.compile(r"[;；，、,\n]+")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# Cells a spreadsheet would run as a formula; an export puts a quote before them, an import takes it away.
FORMULA = re.compile("^'*[=+\\-@\t\r\0＝＋－＠]")
WHOLE = re.compile(r"[+-]?([0-9]{1,18}|[0-9]{1,3}(,[0-9]{3})+)(\.0+)?")
# What programs write for an empty number. In a name or a code it would be stored as a word.
NOT_A_NUMBER = "nan"
DATES = (re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"), re.compile(r"(\d{4})(\d{2})(\d{2})"))
EXCEL_DAY_ZERO = date(1899, 12, 30)
Convert = Callable[[Any], Any]


class BadValue(Exception):
    """A cell that cannot be what its column wants; `code` is one of `reasons.REASONS`."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts


def converter(field: Field, *, is_escaped: bool) -> Convert:
    """Return the function that turns a cell into a value of a field, None for an empty cell.

    Parameters
    ----------
    is_escaped : cells may carry the quote that keeps a spreadsheet from running them

    Raises
    ------
    BadValue (the function) if the cell is not empty and means nothing here.
    """
    known = words.stored_words(field) if field.choices else {}
    convert: Convert = {
        "integer": lambda cell: integer(cell, field.minimum, field.maximum),
        "boolean": lambda cell: boolean(cell, known),
        "date": day,
        "words": several,
        "tags": lambda cell: tags(cell, field, known),
        "priority": lambda cell: priority(cell, field, known),
        "identity": identity,
        "unit": lambda cell: part_of_code(cell, "unit", 2),
        "room": lambda cell: part_of_code(cell, "room", 4),
    }.get(field.kind, text)
    if field.choices and field.kind == "text":

        def convert(cell: Any) -> Any:
            return word(cell, field, known)

    names_something = field.required or field.column == "code"

    def cleaned(cell: Any) -> Any:
        if isinstance(cell, str):
            cell = cell.strip()
            if is_escaped and cell[:1] == "'" and FORMULA.match(cell):
                cell = cell[1:]
            if names_something and cell.casefold() == NOT_A_NUMBER:
                raise BadValue("nan")
        return None if cell is None or cell == "" or cell != cell else convert(cell)  # NaN is not itself

    return cleaned


def text(cell: Any) -> str:
    """Return a cell as text; whole numbers without a decimal point, since spreadsheets store codes as numbers."""
    if isinstance(cell, str):
        found = cell
    elif isinstance(cell, float) and cell.is_integer():
        if abs(cell) >= 1e15:
            raise BadValue("digits_lost")
        found = str(int(cell))
    else:
        found = cell.isoformat() if isinstance(cell, date) else str(cell)
    if len(found) > MAX_TEXT:
        raise BadValue("too_long", limit=MAX_TEXT)
    if CONTROL.search(found):
        raise BadValue("control_character")
    return found


def integer(cell: Any, minimum: int | None, maximum: int | None) -> int:
    """Return a whole number in the digits 0 to 9; a thousands comma and a decimal part of zeros are taken."""
    if isinstance(cell, bool):
        raise BadValue("not_integer")
    if isinstance(cell, int):
        number = cell
    elif isinstance(cell, float):
        if not cell.is_integer():
            raise BadValue("not_integer")
        number = int(cell)
    else:
        written = text(cell).strip()
        if not WHOLE.fullmatch(written):
            raise BadValue("digits" if WHOLE.fullmatch(plain(written)) else "not_integer")
        number = int(written.split(".")[0].replace(",", ""))
    if (minimum is not None and number < minimum) or (maximum is not None and number > maximum):
        raise BadValue("out_of_bounds", minimum=minimum, maximum=maximum)
    return number


def boolean(cell: Any, known: Mapping[str, str] | None = None) -> bool:
    """Return yes or no, as 是/否, true/false, 1/0 and a few more, or by a title of the two choices in `known`."""
    if isinstance(cell, bool):
        return cell
    written = plain(text(cell)).casefold()
    if written in words.YES or written in words.NO:
        return written in words.YES
    if known and written in known:
        return known[written] == "true"
    raise BadValue("not_boolean")


def day(cell: Any) -> date:
    """Return a date: ISO, 2026/3/1, 2026年3月1日, 20260301, or the day number of Excel."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, int | float) and not isinstance(cell, bool) and 20_000 <= cell < 80_000:
        return EXCEL_DAY_ZERO + timedelta(days=int(cell))
    written = plain(text(cell)).split("T")[0].split(" ")[0]
    for form in DATES:
        if found := form.fullmatch(written):
            try:
                return date(*map(int, found.groups()))
            except ValueError:
                break
    raise BadValue("not_date")


def several(cell: Any) -> list[str]:
    """Return the words of a list that is separated by ; ， 、 or , in their order, each once."""
    found = [word.strip() for word in SEPARATORS.split(text(cell))]
    listed = list(dict.fromkeys(word for word in found if word))
    if len(listed) > MAX_LISTED:
        raise BadValue("too_long", limit=MAX_LISTED)
    return listed


def priority(cell: Any, field: Field, known: Mapping[str, str]) -> list[str]:
    """Return how many people belong to which priority group, as `tag:count`, ordered by tag.

    Written as `elderly_alone:1;pregnant:1` or by any word that is `known`, 空巢独居老人、孕产妇2; no number means one.
    """
    counted: dict[str, int] = {}
    for entry in several(cell):
        found = re.fullmatch(r"(.+?)[:=×x* ]*(?:([0-9]{1,3})人?)?", plain(entry))
        if found and found[2] and found[2] not in entry:
            raise BadValue("digits")
        tag = known.get(words.folded(found[1])) if found else None
        number = int(found[2] or 1) if found else 0
        if tag is None or not 1 <= number <= 500:
            en, zh = words.listed(field)
            raise BadValue("unknown_word", known=en, known_zh=zh)
        counted[tag] = number
    return [f"{tag}:{number}" for tag, number in sorted(counted.items())]


def tags(cell: Any, field: Field, known: Mapping[str, str]) -> list[str]:
    """Return the stored words of a list of choices, in order, each once: 空巢独居老人、慢性病."""
    found = set()
    for entry in several(cell):
        tag = known.get(words.folded(entry))
        if tag is None:
            en, zh = words.listed(field)
            raise BadValue("unknown_word", known=en, known_zh=zh)
        found.add(tag)
    return sorted(found)


def identity(cell: Any) -> str:
    """Return a citizen's identity number (GB 11643): 18 characters whose last one fits the others."""
    number = personal.normalised("id_number", text(cell))
    if not personal.is_identity(number):
        raise BadValue("not_identity")
    return number


def part_of_code(cell: Any, part: str, width: int) -> str:
    """Return a stair unit or a room as digits of a household's code: 2单元 is 02, 101室 is 0101."""
    found = re.fullmatch(r"([0-9]+)\s*(?:单元|门|梯|室|号|房)?", plain(text(cell)))
    if found is None or len(found[1].lstrip("0")) > width:
        raise BadValue(f"{part}_form")
    return found[1].lstrip("0").zfill(width)


def word(cell: Any, field: Field, known: Mapping[str, str]) -> str:
    """Return the stored word of a choice written as stored, by title, by a synonym or as a map service's category."""
    written = words.folded(text(cell))
    found = known.get(written) or known.get(SEPARATORS.split(written)[0].strip())
    if found is None:
        en, zh = words.listed(field)
        code = "unknown_kind" if field.column == "kind" and field.required else "unknown_word"
        raise BadValue(code, known=en, known_zh=zh)
    return found


def escaped(written: str) -> str:
    """Return text that a spreadsheet will not run as a formula."""
    return f"'{written}" if FORMULA.match(written) else written


def plain(written: str) -> str:
    """Return text with full-width letters, digits and signs made ordinary."""
    return written.strip() if written.isascii() else unicodedata.normalize("NFKC", written).strip()
