"""Demo accounts: one a role, signed in by one-time links that `gridmap serve` prints on loopback, never by password."""

import sqlalchemy as sa

from gridmap import hierarchy
from gridmap.accounts import grants, people, sessions
from gridmap.accounts.tables import account
from gridmap.db import transaction
from gridmap.demo.loading import DEMO
from gridmap.layers.supply_point import table as supply_point
from gridmap.roles import ROLES

PREFIX = "demo."


def is_demo(conn: sa.Connection) -> bool:
    """Return whether all there is in the register is the demo district, so that links into it give nothing away."""
    c = hierarchy.community.c
    by = set(conn.scalars(sa.select(c.changed_by).where(c.valid_to.is_(None)).distinct()))
    return by == {DEMO.name}


def add_accounts(engine: sa.Engine) -> int:
    """Make the demo accounts that are missing, one for each role, and return how many were made."""
    with transaction(engine, DEMO) as conn:
        if not is_demo(conn):
            return 0
        known, places = set(conn.scalars(sa.select(account.c.name))), _places(conn)
        missing = [role for role in ROLES if PREFIX + role not in known]
        for role in missing:
            made = people.add(conn, DEMO, PREFIX + role, None, is_demo=True)
            grants.give(conn, DEMO, made, role, places[role])
        return len(missing)


def links(engine: sa.Engine) -> dict[str, str]:
    """Return a fresh one-time secret for each demo account by role; empty unless this is the demo register."""
    with transaction(engine, DEMO) as conn:
        if not is_demo(conn):
            return {}
        a = account.c
        rows = conn.execute(sa.select(a.id, a.name).where(a.is_demo, a.disabled_at.is_(None))).all()
        by_role = {row.name.removeprefix(PREFIX): sessions.make_link(conn, row.id) for row in rows}
        return {role: by_role[role] for role in ROLES if role in by_role}


def _places(conn: sa.Connection) -> dict[str, str]:
    """Return where each role stands: the grid with most buildings, a building in it, a stock point, the community."""
    b = hierarchy.building.c
    grid = conn.execute(
        sa.select(b.neighbourhood)
        .where(b.neighbourhood.is_not(None), b.valid_to.is_(None))
        .group_by(b.neighbourhood)
        .order_by(sa.func.count().desc(), b.neighbourhood)
        .limit(1)
    ).scalar_one()
    building = conn.execute(
        sa.select(sa.func.min(b.code)).where(b.neighbourhood == grid, b.valid_to.is_(None))
    ).scalar_one()
    community = grid[:12]
    s = supply_point.c
    point = conn.scalar(sa.select(sa.func.min(s.code)).where(s.community == community, s.valid_to.is_(None)))
    places = dict.fromkeys(ROLES, community) | {
        "grid_worker": grid, "building_head": building, "party_member": building, "volunteer": building,
        "keeper": point or community, "street": community[:9], "district": community[:6], "city": community[:4],
        "planner": community[:6], "sys_admin": "all", "sec_admin": "all", "auditor": "all",
    }  # fmt: skip
    return places
