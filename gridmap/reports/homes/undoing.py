"""The steps of an operation as the text that an address and a form carry."""

from collections.abc import Iterable

from gridmap.errors import InvalidInput
from gridmap.layers.resident.records import Step

MOST = 40  # steps that fit an address
KINDS = ("resident", "household")


def written(steps: Iterable[Step]) -> str:
    """Return steps as text, empty for more than an address takes and for what changed nothing."""
    listed = [step for step in steps if step.before != step.after]
    if len(listed) > MOST:
        return ""
    return "~".join(f"{step.kind}:{step.code}:{step.before}:{step.after}" for step in listed)


def read(text: str) -> list[Step]:
    """Return the steps of a text, or raise InvalidInput."""
    return [_step(part) for part in text.split("~")]


def _step(part: str) -> Step:
    words = part.split(":")
    numbers = [word for word in words[2:] if word.isascii() and word.isdigit() and len(word) <= 9]
    if len(words) != 4 or words[0] not in KINDS or len(numbers) != 2 or len(words[1]) > 64:
        raise InvalidInput("These are no steps to undo. 撤销信息无效。", where="undo")
    return Step(words[0], words[1], int(numbers[0]), int(numbers[1]))
