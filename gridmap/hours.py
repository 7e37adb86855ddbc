"""Opening hours in OpenStreetMap's syntax, read by a library; what it cannot read is not known, never closed."""

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from opening_hours import OpeningHours
from opening_hours import ParserError as Unreadable  # type: ignore[attr-defined]  # its stubs leave it out

CLOCK = ZoneInfo("Asia/Shanghai")
COUNTRY = "CN"  # whose public holidays `PH` means


def is_open(hours: str | None, at: datetime) -> bool | None:
    """Return whether a place is open at a moment, or None where its hours are missing or cannot be read.

    Parameters
    ----------
    hours : such as `Mo-Fr 08:00-18:00; PH off`, on the clock of Asia/Shanghai
    at : a moment with its zone
    """
    rules = _rules(hours) if hours else None
    return None if rules is None else bool(rules.is_open(at.astimezone(CLOCK).replace(tzinfo=None)))


@lru_cache(maxsize=4096)
def _rules(hours: str) -> OpeningHours | None:
    try:
        return OpeningHours(hours, country=COUNTRY)
    except Unreadable:
        return None
