"""Which versions a redrawing is based on: one for every thing it touches, told by whoever asks for it."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from gridmap.editing.faults import Stale
from gridmap.errors import GridmapError


class Versioned(Protocol):
    """A thing with a code and a version."""

    @property
    def version(self) -> int:
        """Return its version now."""
        ...


class VersionsNeeded(GridmapError):
    """A redrawing touches things whose version it does not name; `needed` tells them, to ask again."""

    code = "versions_needed"
    status = 428
    title = "Say which versions you change"

    def __init__(self, needed: Mapping[str, int]) -> None:
        listed = ", ".join(needed)
        super().__init__(
            f"This changes {listed} too: name their versions. 此操作还会改变 {listed}，请一并注明其版本。",
            where="versions",
        )
        self.facts = {"needed": dict(needed)}


def check(
    stored: Mapping[str, Versioned], told: Mapping[str, int], touched: Iterable[str], by: Mapping[str, str]
) -> None:
    """Raise Stale where somebody was faster, VersionsNeeded where something touched is not named."""
    touched = sorted(touched)
    for code in touched:
        if code in told and stored[code].version != told[code]:
            at: dict[str, Any] = {"code": code, "version": stored[code].version}
            raise Stale(version=stored[code].version, by=by.get(code, "?"), stored=at, sent={"versions": dict(told)})
    missing = {code: stored[code].version for code in touched if code not in told}
    if missing:
        raise VersionsNeeded(missing)
