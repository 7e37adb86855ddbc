"""Who may call what: the matrix of routes and roles, read from the URL map and the declarations themselves."""

from dataclasses import dataclass

from flask import Flask

from gridmap.layer import Layers
from gridmap.roles import ROLES
from gridmap.web.permissions import OWN_ACCOUNT, PUBLIC, SIGNED_IN, declared

UNCHANGING = frozenset({"HEAD", "OPTIONS"})
_HEAD = """# Permissions

Who may call what. Made by `gridmap permissions` from the routes' own declarations and the roles of `gridmap/roles.py`; a test keeps it current.

- **public**: anybody. **signed in**: whoever is signed in; what it shows is held to the verbs and places below. **own account**: the same, also before a second factor or a new password.
- A verb such as `building.view` is needed over at least one place; what is outside the places granted answers as if it did not exist (404).
- Tiles of the base map hold nothing of the register: whoever is signed in gets the same, and they have no scope. No role replaces it (`basemap.edit`): that is done on the machine, by command.
- While viewing as somebody, nothing can be changed.

"""


@dataclass(frozen=True)
class Line:
    """One route for one method: the verbs it declares and the roles that hold them. `layer` where the route has one."""

    endpoint: str
    method: str
    path: str
    verb: str
    layer: str | None
    roles: frozenset[str]

    @property
    def is_for_anybody(self) -> bool:
        """Return whether no sign-in is needed."""
        return self.verb == PUBLIC

    def allows(self, *roles: str) -> bool:
        """Return whether somebody with one of some roles may call it; nobody's roles are none."""
        if self.is_for_anybody:
            return True
        return bool(roles) and (self.verb in (SIGNED_IN, OWN_ACCOUNT) or any(role in self.roles for role in roles))


def lines(app: Flask, layers: Layers) -> list[Line]:
    """Return a line for each route, method and, where the path names one, layer."""
    found = []
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        verb = declared(app, rule.endpoint) or ""
        for method in sorted((rule.methods or set()) - UNCHANGING):
            for layer in layers if "{layer}" in verb else (None,):
                needed = verb.replace("{layer}", layer or "")
                holders = frozenset(name for name, role in ROLES.items() if role.verbs.issuperset(needed.split()))
                found.append(Line(rule.endpoint, method, rule.rule, needed, layer, holders))
    return found


def as_markdown(app: Flask, layers: Layers) -> str:
    """Return the matrix as the text of docs/permissions.md."""
    parts = [_HEAD, "## Roles and verbs\n\n", *_verbs(), "\n## Routes\n\n"]
    header = ["route", "needs", *ROLES]
    parts += [_row(header), _row(["---"] * len(header))]
    for line in lines(app, layers):
        path = line.path.replace("<layer>", line.layer or "<layer>").replace("<layers>", line.layer or "<layers>")
        marks = ["yes" if line.allows(role) else "" for role in ROLES]
        parts.append(_row([f"`{line.method} {path}`", _needs(line.verb), *marks]))
    return "".join(parts)


def _verbs() -> list[str]:
    header = ["verb", *(f"{name} {role.title_zh}" for name, role in ROLES.items())]
    verbs = sorted(frozenset().union(*(role.verbs for role in ROLES.values())))
    rows = [_row([f"`{verb}`", *("yes" if verb in role.verbs else "" for role in ROLES.values())]) for verb in verbs]
    factor = _row(["*second factor*", *("needed" if role.second_factor else "" for role in ROLES.values())])
    return [_row(header), _row(["---"] * len(header)), *rows, factor]


def _needs(verb: str) -> str:
    return {PUBLIC: "public", SIGNED_IN: "signed in", OWN_ACCOUNT: "own account"}.get(
        verb, " + ".join(f"`{one}`" for one in verb.split())
    )


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
