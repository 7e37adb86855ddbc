"""The life of a zone as a table: which step leads from which state to which, by which verb, with which kind of order.

`expired` is no step: a zone whose order had an end lapses at that moment, worked out from its times. It stays on the list
until somebody confirms the release or records an extension; expired, released and revoked are three different things.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

IN_FORCE = ("active", "release_proposed")
EXPIRED = "expired"


@dataclass(frozen=True)
class Step:
    """One step: its verb, the states it starts from, the state it leads to and the kind of order it needs, if any.

    `other_eyes` names the stored states whose changers may not take the step themselves.
    """

    verb: str
    sources: tuple[str, ...]
    target: str
    order: str | None = None
    other_eyes: tuple[str, ...] = ()


_DRAWN = ("draft", "proposed")
STEPS: Mapping[str, Step] = {
    "propose": Step("closure_zone.propose", ("draft",), "proposed"),
    "approve": Step("closure_zone.approve", ("proposed",), "approved", other_eyes=_DRAWN),
    "activate": Step("closure_zone.activate", ("approved",), "active", "impose", other_eyes=_DRAWN),
    "extend": Step("closure_zone.activate", ("active", EXPIRED), "active", "extend"),
    "papers": Step("closure_zone.activate", ("active",), "active", "adjust"),
    "propose_release": Step("closure_zone.propose_release", ("active",), "release_proposed"),
    "withdraw": Step("closure_zone.propose", ("proposed", "approved"), "draft"),
    "reject": Step("closure_zone.approve", ("proposed",), "rejected"),
    "keep": Step("closure_zone.release", ("release_proposed",), "active"),
    "release": Step(
        "closure_zone.release", ("release_proposed", EXPIRED), "released", "release", other_eyes=("release_proposed",)
    ),
    "revoke": Step("closure_zone.release", ("active", "release_proposed"), "revoked", "revoke"),
}


def status_of(state: str, ends_at: datetime | None, now: datetime) -> str:
    """Return the state a zone is in at a moment: the stored one, or expired where its order has ended by itself."""
    return EXPIRED if state in IN_FORCE and ends_at is not None and ends_at <= now else state


def possible(status: str) -> list[str]:
    """Return the names of the steps that lead on from a state, in the order of the table."""
    return [name for name, step in STEPS.items() if status in step.sources]
