"""The code of a household: its building's, the stair unit and the room."""

import sqlalchemy as sa

from gridmap.exchange.work import Work
from gridmap.hierarchy import BUILDING_DIGITS

ONLY_UNIT = "01"  # of a building whose register names no units


def make_codes(work: Work) -> None:
    """Fill in code, unit and room from each other; refuse rows where they are missing or do not agree."""
    rows = work.rows
    from_code = {
        "unit": sa.func.substr(rows.c.code, BUILDING_DIGITS + 1, 2),
        "room": sa.func.substr(rows.c.code, BUILDING_DIGITS + 3, 4),
    }
    for name, part in from_code.items():
        work.set(sa.and_(rows.c[name].is_(None), rows.c.code.is_not(None)), **{name: part})
    work.refuse(rows.c.room.is_(None), "room", "required")
    work.set(rows.c.unit.is_(None), unit=ONLY_UNIT)
    made = rows.c.building + rows.c.unit + rows.c.room
    work.refuse(rows.c.code != made, "code", "code_parts", value=rows.c.code)
    work.set(rows.c.code.is_(None), code=made)
