"""Why a change was not made: refusals that name every place that is wrong, and changes that came too late."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gridmap.errors import Conflict, GridmapError, InvalidInput
from gridmap.exchange.reasons import Problem, problem

_SENTENCE = re.compile(r"[^.。]*(?:\.(?=\s|$)|[。]|$)")


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with what was sent; `where` is a property, `geometry` or a path into it."""

    where: str
    code: str
    detail: str
    detail_zh: str
    value: str = ""


class Refused(InvalidInput):
    """What was sent cannot be stored; `faults` has a sentence in either language for each place."""

    code = "refused"
    title = "Some values are not valid"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        first = self.faults[0]
        super().__init__(f"{first.where}: {first.detail} {first.detail_zh}", where=first.where or None)

    @property
    def facts(self) -> dict[str, Any]:
        """Return what the answer carries besides: every fault."""
        return {"errors": [vars(fault) for fault in self.faults]}


class VersionNeeded(GridmapError):
    """A change does not say which version it is based on."""

    code = "version_needed"
    status = 428
    title = "Say which version you change"

    def __init__(self) -> None:
        super().__init__(
            'Send If-Match with the version the change is based on, such as "v3". 请在 If-Match 中注明所依据的版本。',
            where="If-Match",
        )


class Stale(GridmapError):
    """Somebody else changed the thing meanwhile; the answer has what is stored and what was sent, so nothing is lost."""

    code = "stale"
    status = 412
    title = "Somebody else changed it meanwhile"

    def __init__(self, *, version: int, by: str, stored: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
        super().__init__(
            f"{by} changed it meanwhile: version {version} is stored. Nothing of yours is lost; compare, then save again."
            f" 已被 {by} 修改（现为第 {version} 版），您填写的内容未丢失，请比较后再保存。",
            where="If-Match",
        )
        self.facts = {"version": version, "stored": stored, "sent": sent}


class Gone(Conflict):
    """The thing was retired meanwhile, or there is already one where a new one was to be made."""


def fault_of(found: Problem) -> Fault:
    """Return a problem of an import as a fault of a form, without advice about options of a command."""
    return Fault(found.column, found.code, _plain(found.reason_en), _plain(found.reason_zh), found.value)


def fault(where: str, code: str, **facts: object) -> Fault:
    """Return a fault with one of the sentences imports use."""
    return fault_of(problem(1, where, facts.pop("value", None), code, **facts))


def _plain(words: str) -> str:
    kept = [part.strip() for part in _SENTENCE.findall(words) if part.strip() and "--" not in part]
    joined = " ".join(kept) if words.isascii() else "".join(kept)
    return joined or words
