"""JSON that comes in is held to one reading: what two parsers could read differently is refused before anybody reads it."""

import json
import re
from typing import Any

from flask import Flask, request

from gridmap.errors import GridmapError, InvalidInput

MAX_DEPTH = 32
MAX_INTEGER = 2**53 - 1  # what every reader of JSON holds exactly
TAKEN = ("application/json", "application/geo+json")
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")


class WrongMediaType(GridmapError):
    """The body is not of the kind that is asked for."""

    code = "wrong_media_type"
    status = 415
    title = "Wrong kind of body"


def init(app: Flask) -> None:
    """Check the body of every change that programs ask for."""

    @app.before_request
    def _check() -> None:
        if (
            request.endpoint is None
            or request.method in ("GET", "HEAD", "OPTIONS")
            or not request.path.startswith("/api/")
        ):
            return
        body = request.get_data(cache=True)
        if (body or request.mimetype) and request.mimetype not in TAKEN:
            raise WrongMediaType(
                "Send the body as application/json. 请以 application/json 发送。", where="Content-Type"
            )
        if body:
            loads(body)


def loads(body: bytes) -> dict[str, Any]:
    """Return the object a body holds, or raise InvalidInput saying where it is not plain JSON.

    Refused: other encodings than UTF-8, NaN and Infinity, a key twice, more than 32 levels, anything but an object at the
    top, NUL and lone surrogates, integers beyond 2^53 and numbers beyond what a double holds.
    """
    try:
        text = body.decode("utf-8")
        _check_depth(text)
        found = json.loads(
            text, object_pairs_hook=_once, parse_constant=_constant, parse_int=_integer, parse_float=_number
        )
    except UnicodeDecodeError as exc:
        raise _refusal(f"the body is not UTF-8 (byte {exc.start})") from exc
    except json.JSONDecodeError as exc:
        raise _refusal(f"{exc.msg} (line {exc.lineno}, column {exc.colno})") from exc
    if not isinstance(found, dict):
        raise _refusal("there must be an object at the top")
    _check_text(found, "")
    return found


def _refusal(why: str, where: str = "body") -> InvalidInput:
    return InvalidInput(f"The JSON cannot be taken: {why}. JSON 无效。", where=where)


def _check_depth(text: str) -> None:
    depth = 0
    for part in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text, re.DOTALL):
        if part[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise _refusal(f"it is nested deeper than {MAX_DEPTH} levels")
        elif part[0] in "]}":
            depth -= 1


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _refusal(f"the key {key[:40]!r} stands twice", where=key[:40])
        found[key] = value
    return found


def _constant(name: str) -> None:
    raise _refusal(f"{name} is no number")


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > MAX_INTEGER:
        raise _refusal("an integer is beyond 2^53")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise _refusal("a number is too large")
    return value


def _check_text(value: Any, where: str) -> None:
    if isinstance(value, str):
        if _NOT_TEXT.search(value):
            raise _refusal("a text holds a NUL or half a character", where=where or "body")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check_text(key, where)
            _check_text(inner, f"{where}.{key}".strip("."))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _check_text(inner, f"{where}.{number}".strip("."))
