"""Reading addresses as offices write them: building, stair unit, floor and room out of one text.

"3幢2单元502", "朝阳坊12号楼502室", "幸福路88弄7号301", "3-2-502", "十二栋一单元三零二": the words for a building (幢, 栋, 座,
号楼, 号, 楼, #), full-width digits and Chinese numerals mean the same. An absent part is left out or written 无.
"""

import re
import unicodedata
from dataclasses import dataclass

_DIGITS = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_TENS = {"十": 10, "百": 100}
_NUMBER = rf"(?:[0-9]+|[{''.join((*_DIGITS, *_TENS))}]+)"
_SIGN = rf"(?:{_NUMBER}[A-Za-z]?|(?<![A-Za-z])[A-Za-z][0-9]*)"
_STRONG = re.compile(rf"(?P<sign>{_SIGN})(?:号楼|号幢|号栋|幢|栋|座|#楼?)")
_WEAK = re.compile(rf"(?P<sign>{_NUMBER}[A-Za-z]?)(?:号|楼)")
_BARE = re.compile(rf"(?P<sign>{_SIGN})$")
_TAIL = re.compile(
    rf"(?:(?:(?P<unit>{_NUMBER})单元|无单元|无)?)(?:(?P<floor>{_NUMBER})[层楼])?(?:(?P<room>{_NUMBER})(?:室|号|户|房)?)?"
)
_DASHES = re.compile(r"(?P<rest>.*?)(?P<sign>[0-9]+[A-Za-z]?)-(?:(?P<unit>[0-9]{1,2})-)?(?P<room>[0-9]{3,4})室?")
_ABSENT = "无"


@dataclass(frozen=True)
class Address:
    """The parts of an address; `around` is what stands before the building: street, estate, community.

    Numbers are in the digits 0 to 9 without leading zeros; a part that is absent is None.
    """

    building: str | None
    unit: str | None
    floor: str | None
    room: str | None
    around: str = ""


def parsed(text: str) -> Address | None:
    """Return the parts of an address, or None where no building can be made out (无, an empty text, other words)."""
    plain = _plain(text)
    if not plain.strip(_ABSENT):
        return None
    if found := _DASHES.fullmatch(plain):
        return _address(found["sign"], found["unit"], None, found["room"], found["rest"])
    joined = plain.replace("-", "")
    for kind in (_STRONG, _WEAK):
        for place in reversed(list(kind.finditer(joined))):
            tail = _TAIL.fullmatch(joined[place.end() :])
            is_room = (
                kind is _WEAK and place.end() == len(joined) and place.start() > 0 and _ends_a_building(joined, place)
            )
            if tail and not is_room:
                return _address(place["sign"], tail["unit"], tail["floor"], tail["room"], joined[: place.start()])
    return None


def sign_of(name: str) -> tuple[str, str]:
    """Return the number of a building's name and what stands before it: ("12", "朝阳坊") of 朝阳坊12号楼.

    A name without a number is its own sign.
    """
    plain = _plain(name).replace("-", "")
    for kind in (_STRONG, _WEAK, _BARE):
        places = [place for place in kind.finditer(plain) if place.end() == len(plain)]
        if places:
            return _sign(places[-1]["sign"]), plain[: places[-1].start()]
    return plain.casefold(), ""


def number_of(written: str) -> int | None:
    """Return a number in digits or Chinese numerals (302, 三零二, 十二, 一百零三), or None."""
    if written.isdecimal() and written.isascii():
        return int(written)
    if not written or any(c not in _DIGITS and c not in _TENS for c in written):
        return None
    if not any(c in _TENS for c in written):
        return int("".join(str(_DIGITS[c]) for c in written))
    total, waiting = 0, 0
    for c in written:
        if c in _TENS:
            total, waiting = total + max(waiting, 1) * _TENS[c], 0
        else:
            waiting = _DIGITS[c]
    return total + waiting


def _plain(text: str) -> str:
    """Return a text in half width, without spaces and commas, with one kind of dash."""
    half = unicodedata.normalize("NFKC", text)
    return re.sub(r"[‐-―−－_]", "-", re.sub(r"[\s,，、。.;；]", "", half))


def _ends_a_building(text: str, place: re.Match[str]) -> bool:
    """Return whether a building stands before a place, so that its 号 is a room's or its 楼 a floor's."""
    before = text[: place.start()]
    return bool(_STRONG.search(before) or _WEAK.search(before)) and bool(re.search(r"[号幢栋座楼元层]$", before))


def _address(sign: str, unit: str | None, floor: str | None, room: str | None, around: str) -> Address:
    return Address(_sign(sign), _number(unit), _number(floor), _number(room), around)


def _number(written: str | None) -> str | None:
    number = None if written is None else number_of(written)
    return None if number is None else str(number)


def _sign(written: str) -> str:
    digits = re.fullmatch(rf"({_NUMBER})([A-Za-z]?)", written)
    if digits is None:
        return written.upper()
    number = number_of(digits[1])
    return f"{digits[1] if number is None else number}{digits[2].upper()}"
