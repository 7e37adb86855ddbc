"""How what people recorded as free text reads in the reader's language; what is not understood stays as it is written."""

import re
from collections.abc import Callable, Iterable, Mapping

from flask_babel import get_locale, gettext

from gridmap.layer import N_
from gridmap.layers.volunteer import SKILLS
from gridmap.web.i18n import number, translated

_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_DAY, _TIME = f"(?:{'|'.join(_DAYS)})", r"(?:[01]\d|2[0-4]):[0-5]\d"
_DAY_SPAN, _TIME_SPAN = f"{_DAY}(?:-{_DAY})?", f"{_TIME}-{_TIME}"
_RULE = re.compile(f"({_DAY_SPAN}(?:, ?{_DAY_SPAN})*) ({_TIME_SPAN}(?:, ?{_TIME_SPAN})*)")
_AMOUNT = re.compile(r"(\d{1,9}) ?(人|people|m²|㎡|m2|平方米)")
_PEOPLE = ("人", "people")


def opening_hours(text: str) -> str:
    """Return opening hours from OpenStreetMap's notation (`Mo-Sa 08:00-17:00; Su 09:00-12:00`, `24/7`) in words."""
    if text.strip() == "24/7":
        return gettext("day and night")
    rules = [_RULE.fullmatch(part.strip()) for part in text.split(";")]
    if not all(rules):
        return text
    return gettext("; ").join(f"{_days(rule[1])} {_times(rule[2])}" for rule in rules if rule)


def capacity(text: str) -> str:
    """Return a capacity in people or square metres."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        return text
    amount = number(int(found[1]))
    return gettext("%(n)s people", n=amount) if found[2] in _PEOPLE else gettext("%(n)s m²", n=amount)


def skills(words: Iterable[str]) -> str:
    """Return skills as one text, those that are usual by their title."""
    return gettext(", ").join(translated(SKILLS[word]) if word in SKILLS else str(word) for word in words)


BY_COLUMN: Mapping[str, Callable[..., str]] = {"open_hours": opening_hours, "capacity": capacity, "skills": skills}


def _days(text: str) -> str:
    if text == "Mo-Su":
        return translated(N_("every day"))
    return gettext(", ").join(_span(part.strip()) for part in text.split(","))


def _span(text: str) -> str:
    first, _, last = text.partition("-")
    if not last:
        return _day(first)
    return gettext("%(first)s to %(last)s", first=_day(first), last=_day(last))


def _day(abbreviation: str) -> str:
    """Return a day's short name in the reader's language."""
    name: str = get_locale().days["format"]["abbreviated"][_DAYS.index(abbreviation)]
    return name


def _times(text: str) -> str:
    return gettext(", ").join(part.strip().replace("-", "–") for part in text.split(","))
