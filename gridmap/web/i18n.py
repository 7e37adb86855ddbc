"""The two languages of every page, and how figures, distances and times are written in them (interface.md, "Words").

Source texts are English; `gridmap/translations/zh` holds the Chinese. Layers and errors carry message ids, which
`translated` turns into the reader's language.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from babel.dates import format_skeleton
from babel.numbers import format_decimal
from flask import Flask, Response, request
from flask_babel import Babel, get_locale, gettext, ngettext

from gridmap.web.answers import SHOWN_ZONE

LANGUAGES: Mapping[str, str] = {"zh": "中文", "en": "English"}
DEFAULT_LANGUAGE = "zh"
_COOKIE, _YEAR_S = "lang", 365 * 24 * 3600
_CATALOGUES = Path(__file__).parent.parent / "translations"


def init(app: Flask) -> None:
    """Let a request choose its language, and give templates the formatters of this module."""
    Babel(
        app,
        default_locale=DEFAULT_LANGUAGE,
        default_timezone=SHOWN_ZONE.key,
        default_translation_directories=str(_CATALOGUES),
        locale_selector=language,
    )
    app.jinja_env.filters |= {
        "translated": translated, "number": number, "distance": distance, "moment": moment, "until": until, "day": day,
        "clock": clock,
    }  # fmt: skip
    app.jinja_env.globals |= {"language": language, "languages": LANGUAGES, "in_language": in_language}
    app.after_request(_remember)


def language() -> str:
    """Return the reader's language: asked for in the address, chosen before, or the browser's; else Chinese."""
    for chosen in (request.args.get("lang"), request.cookies.get(_COOKIE)):
        if chosen is not None and chosen in LANGUAGES:
            return chosen
    accepted = (tag.partition("-")[0].lower() for tag in request.accept_languages.values())
    return next((tag for tag in accepted if tag in LANGUAGES), DEFAULT_LANGUAGE)


def in_language(code: str) -> str:
    """Return the query of this page's address in a language: what the page shows stays as it is.

    What a provider of sign-ins said in an address is answered once, and not said again.
    """
    is_view = request.method == "GET" and request.blueprint != "oidc"
    kept = [(name, value) for name, value in request.args.items(multi=True) if name != "lang"]
    return "?" + urlencode([*(kept if is_view else []), ("lang", code)])


def translated(message: object) -> str:
    """Return a message id in the reader's language; the empty text stays empty."""
    return gettext(str(message)) if message else ""


def number(value: float) -> str:
    """Return a number with its thousands marked."""
    return format_decimal(value, locale=get_locale())


def distance(metres: float) -> str:
    """Return a distance in metres: rounded to 5 below 1 km, in kilometres with one decimal above."""
    rounded = 5 * round(metres / 5)
    if rounded >= 1000:
        return gettext("%(km)s km", km=format_decimal(metres / 1000, format="#,##0.0", locale=get_locale()))
    return gettext("%(m)s m", m=max(rounded, 5)) if rounded else gettext("under 5 m")


def moment(value: datetime, now: datetime | None = None) -> str:
    """Return a past moment: relative up to an hour, then the clock, then the date."""
    here, today = value.astimezone(SHOWN_ZONE), _now(now)
    passed = today - here
    if timedelta(0) <= passed < timedelta(minutes=1):
        return gettext("just now")
    if timedelta(0) <= passed < timedelta(hours=1):
        minutes = int(passed.total_seconds() // 60)
        return ngettext("%(num)s minute ago", "%(num)s minutes ago", minutes)
    return here.strftime("%H:%M") if here.date() == today.date() else f"{day(here.date(), now)} {here:%H:%M}"


def clock(value: datetime) -> str:
    """Return the time of day."""
    return f"{value.astimezone(SHOWN_ZONE):%H:%M}"


def until(value: datetime, now: datetime | None = None) -> str:
    """Return a moment to come by clock, with the date unless it is today."""
    here = value.astimezone(SHOWN_ZONE)
    return f"{here:%H:%M}" if here.date() == _now(now).date() else f"{day(here.date(), now)} {here:%H:%M}"


def day(value: date, now: datetime | None = None) -> str:
    """Return a date, with its year unless it is the current one."""
    skeleton = "MMMd" if value.year == _now(now).year else "yMMMd"
    return format_skeleton(skeleton, value, locale=get_locale())


def _now(now: datetime | None) -> datetime:
    return (now or datetime.now(SHOWN_ZONE)).astimezone(SHOWN_ZONE)


def _remember(response: Response) -> Response:
    """Keep a language that was asked for in a page's address."""
    chosen = request.args.get("lang")
    if chosen is None or chosen not in LANGUAGES or chosen == request.cookies.get(_COOKIE):
        return response
    if response.mimetype == "text/html":
        response.set_cookie(_COOKIE, chosen, max_age=_YEAR_S, secure=request.is_secure, samesite="Lax", httponly=True)
    return response
