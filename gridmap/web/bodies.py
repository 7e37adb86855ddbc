"""What a program may send as a body: strict JSON, an object, nothing that only one reader would understand."""

import json
from typing import Any, NoReturn

from flask import Flask, request
from werkzeug.exceptions import UnsupportedMediaType

from gridmap.errors import InvalidInput
from gridmap.web.errors import is_for_programs
from gridmap.web.session import SAFE_METHODS

MAX_DEPTH = 32
JSON = "application/json"


def init(app: Flask) -> None:
    """Check every body on a route for programs before the route reads it."""

    @app.before_request
    def _check_body() -> None:
        if request.endpoint is None or request.method in SAFE_METHODS or not is_for_programs(request.path):
            return
        if request.mimetype != JSON:
            raise UnsupportedMediaType(f"Send {JSON}.")
        strict_object(request.get_data())


def strict_object(body: bytes) -> dict[str, Any]:
    """Return the object a body holds, or raise InvalidInput.

    Refused: other encodings than UTF-8, NaN and Infinity, a key twice in one object, more than 32 levels, a lone
    surrogate, and anything but an object on top.
    """
    try:
        found = json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
        json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise _invalid("It is nested too deeply") from None
    except (UnicodeError, ValueError) as exc:
        raise _invalid("It is not JSON" if isinstance(exc, json.JSONDecodeError | UnicodeError) else str(exc)) from None
    if not isinstance(found, dict):
        raise _invalid("It is not an object")
    if _depth(found) > MAX_DEPTH:
        raise _invalid("It is nested too deeply")
    return found


def _invalid(why: str) -> InvalidInput:
    return InvalidInput(f"The body cannot be read. {why}. 请求内容无效。", where="body")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("A key comes twice")
    return made


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number in JSON")


def _depth(value: Any) -> int:
    """Return how many levels lie in a value."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inside is None else 1 + max(map(_depth, inside), default=0)
