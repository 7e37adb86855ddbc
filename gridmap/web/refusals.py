"""Refused requests go on record: what was forbidden, and codes asked for that are not there for whoever asked.

Only the path is kept, never the query. How many are written is bounded in each process, so that nobody fills the audit by
asking; the next entry says how many were left out.
"""

import time
from collections import deque
from collections.abc import Callable

import structlog
from flask import Flask, Response, request

from gridmap import audit
from gridmap.access import Actor
from gridmap.db import transaction
from gridmap.errors import GridmapError
from gridmap.web.session import actor, engine, identity

WINDOW_S = 60
MOST_OF_ONE, MOST_OF_ALL = 10, 60  # entries a window
MAX_PATH_CHARS = 200
_log = structlog.get_logger(__name__)


class Bound:
    """Lets so many entries of each actor, and of all together, through in a window, and counts the others."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._written: deque[tuple[float, str]] = deque()
        self._left_out = 0

    def admits(self, name: str) -> bool:
        """Return whether one more entry of an actor is written now."""
        now = self._clock()
        while self._written and self._written[0][0] <= now - WINDOW_S:
            self._written.popleft()
        own = sum(1 for _, other in self._written if other == name)
        if len(self._written) >= MOST_OF_ALL or own >= MOST_OF_ONE:
            self._left_out += 1
            return False
        self._written.append((now, name))
        return True

    def left_out(self) -> int:
        """Return how many were left out since this was last asked."""
        count, self._left_out = self._left_out, 0
        return count


def init(app: Flask) -> None:
    """Note every refusal after its answer was made."""
    bound = Bound()

    @app.after_request
    def _note(response: Response) -> Response:
        action = _action(response.status_code)
        if action is None:
            return response
        try:
            who = actor()
            if bound.admits(who.name):
                _record(who, action, response.status_code, bound.left_out())
        except GridmapError:
            _log.warning("a refusal could not be recorded", path=request.path)
        return response


def _action(status: int) -> str | None:
    if status == 403:
        return "refused"
    if status == 404 and "code" in (request.view_args or {}) and identity() is not None:
        return "not_found"  # missing, or outside the places of whoever asked: the answer is the same
    return None


def _record(who: Actor, action: str, status: int, left_out: int) -> None:
    path = "".join(sign if sign.isprintable() else "?" for sign in request.path[:MAX_PATH_CHARS])
    facts: dict[str, object] = {"method": request.method, "path": path, "status": status}
    with transaction(engine(), who) as conn:
        audit.record(conn, who, action, "request", rows=0, detail=facts | ({"left_out": left_out} if left_out else {}))
