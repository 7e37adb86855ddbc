"""The errors gridmap raises on purpose: one tree, each with a stable code and an HTTP status.

GridmapError
├── InvalidInput        422  a value is wrong; `where` names it
├── NotFound            404  no such thing, or not for this actor
├── NotAllowed          403  the actor lacks the verb
├── MisdirectedHost     421  the request names another host
├── Conflict            409  the change collides with what is stored
├── Unavailable         503  the database does not answer
└── ImportRefused       422  a file was refused as a whole
"""


class GridmapError(Exception):
    """An expected failure: a sentence that says what is wrong and how to mend it."""

    code = "error"
    status = 500
    title = "Something went wrong"

    def __init__(self, detail: str, *, where: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.where = where


class InvalidInput(GridmapError):
    """A value from outside is missing, malformed or out of range."""

    code = "invalid_input"
    status = 422
    title = "A value is not valid"


class NotFound(GridmapError):
    """No such thing for this actor; a foreign thing answers the same."""

    code = "not_found"
    status = 404
    title = "Not found"


class NotAllowed(GridmapError):
    """The actor may not do this."""

    code = "not_allowed"
    status = 403
    title = "Not allowed"


class MisdirectedHost(GridmapError):
    """The request names a host this service does not answer for."""

    code = "wrong_host"
    status = 421
    title = "Wrong host"


class Conflict(GridmapError):
    """The change collides with something already stored."""

    code = "conflict"
    status = 409
    title = "Conflict"


class Unavailable(GridmapError):
    """The database cannot be reached; the request may be repeated."""

    code = "unavailable"
    status = 503
    title = "Not available right now"


class ImportRefused(InvalidInput):
    """A file cannot be taken over as a whole (no CRS, unreadable, refused rows)."""

    code = "import_refused"
    title = "The file was refused"


class ClusterError(GridmapError):
    """The private PostgreSQL cluster cannot be made, started or stopped."""

    code = "cluster"
    status = 503
    title = "The private database cluster is not usable"
