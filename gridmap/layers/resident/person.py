"""What is recorded of a person, checked once for forms, programs and corrections alike."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from gridmap import personal
from gridmap.errors import InvalidInput
from gridmap.hierarchy import PRIORITY_TAGS
from gridmap.layers.resident.records import refuse_late
from gridmap.occupants import BASES, CARE_LEVELS, FIRST_BIRTH_YEAR, RELATIONS, SEXES

MAX_NAME, MAX_PHONE = 60, 40
COLUMNS = (
    "name", "phone", "id_number", "birth_year", "sex", "relation", "care_level", "basis", "consented_on", "moved_in_on",
)  # fmt: skip
WORDS = {"sex": SEXES, "relation": RELATIONS, "care_level": CARE_LEVELS, "basis": BASES}


def checked(conn: sa.Connection, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a person from what was given, or raise InvalidInput naming the first that cannot be.

    Parameters
    ----------
    given : columns of `COLUMNS`; texts may carry outer spaces, an empty one means nothing is known
    """
    day = today(conn)
    values = {name: _clean(value) for name, value in given.items() if name in COLUMNS}
    if "name" in values:
        _text("name", values["name"], MAX_NAME, is_needed=True)
    _text("phone", values.get("phone"), MAX_PHONE)
    if (number := values.get("id_number")) is not None:
        values["id_number"] = personal.normalised("id_number", number)
        if not personal.is_identity(values["id_number"]):
            raise InvalidInput(
                "This is no identity number of 18 characters, or its check digit does not fit. 身份证号不正确。",
                where="id_number",
            )
    year = values.get("birth_year")
    if year is not None and not FIRST_BIRTH_YEAR <= year <= day.year:
        raise InvalidInput(
            f"birth_year lies between {FIRST_BIRTH_YEAR} and {day.year}. 出生年份不正确。", where="birth_year"
        )
    for name, known in WORDS.items():
        if values.get(name) is not None and values[name] not in known:
            raise InvalidInput(f"{name} is one of: {', '.join(known)}. 取值不正确。", where=name)
    if "basis" in values and values["basis"] is None:
        values["basis"] = "statutory"
    for name in ("consented_on", "moved_in_on"):
        refuse_late(name, values.get(name), day)
    return values


def refuse_undated_consent(values: Mapping[str, Any]) -> None:
    """Raise InvalidInput for a consent without its day."""
    if values.get("basis") == "consent" and values.get("consented_on") is None:
        raise InvalidInput("Consent needs the day it was given. 以同意为依据时须填写同意日期。", where="consented_on")


def checked_tags(tags: Any) -> list[str]:
    """Return priority groups in order, each once, or raise InvalidInput for an unknown one."""
    for tag in tags:
        if tag not in PRIORITY_TAGS:
            raise InvalidInput(f"tags are of: {', '.join(PRIORITY_TAGS)}. 重点人群取值不正确。", where="tags")
    return sorted(set(tags))


def today(conn: sa.Connection) -> date:
    """Return the day in China."""
    found: date = conn.execute(
        sa.select(sa.cast(sa.func.timezone("Asia/Shanghai", sa.func.now()), sa.Date))
    ).scalar_one()
    return found


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        value = value.strip()
    return None if value == "" else value


def _text(name: str, value: str | None, most: int, *, is_needed: bool = False) -> None:
    if value is None:
        if is_needed:
            raise InvalidInput(f"{name} is needed. 此项必填。", where=name)
        return
    if len(value) > most or not value.isprintable():
        raise InvalidInput(f"{name} holds at most {most} printable characters. 最多 {most} 个字符。", where=name)
