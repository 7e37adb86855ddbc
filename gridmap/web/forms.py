"""What people type into forms and filters: moments on the clock of Asia/Shanghai, and texts that may be left out."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from gridmap.errors import InvalidInput
from gridmap.web.answers import SHOWN_ZONE

MAX_CHARS = 200
YEARS = range(2000, 2101)


def text(form: Mapping[str, str], name: str, most: int = MAX_CHARS) -> str:
    """Return a text without the spaces around it, empty if it was left out; InvalidInput if it cannot be stored."""
    typed = form.get(name, "").strip()
    if len(typed) > most or not typed.isprintable():
        raise InvalidInput(f"{name} holds at most {most} printable characters. 最多 {most} 个字符。", where=name)
    return typed


def moment(form: Mapping[str, str], name: str, *, is_end: bool = False) -> datetime | None:
    """Return a moment from a date (`2026-11-24`) or a date and a time (`2026-11-24T16:30`), None if it was left out.

    Parameters
    ----------
    is_end : a bare date means its end, midnight of the following day
    """
    typed = text(form, name)
    if not typed:
        return None
    try:
        if len(typed) == len("2026-11-24"):
            day = date.fromisoformat(typed) + timedelta(days=int(is_end))
            return in_range(datetime.combine(day, time(), SHOWN_ZONE), name)
        found = datetime.fromisoformat(typed)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{typed[:40]!r} is no date and time; write 2026-11-24 or 2026-11-24T16:30. 日期时间格式不正确。",
            where=name,
        ) from None
    return in_range(found if found.tzinfo else found.replace(tzinfo=SHOWN_ZONE), name)


def in_range(moment: datetime, name: str) -> datetime:
    """Return a moment, or raise InvalidInput for one in a year that nobody can mean."""
    if moment.year not in YEARS:
        raise InvalidInput(f"{name} lies between {YEARS[0]} and {YEARS[-1]}. 年份超出范围。", where=name)
    return moment
