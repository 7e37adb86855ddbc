"""Which query parameters a program may send: those the route declares. Any other is refused, not silently passed over."""

import inspect

from flask import Flask, Response, current_app, request
from pydantic import ValidationError

from gridmap.web.errors import is_for_programs, validation_error
from gridmap.web.schemas import Strict


def init(app: Flask) -> None:
    """Refuse every parameter on a route for programs that declares none.

    A route that takes a `query` checks it itself. Pages pass over what they do not know: messengers add their own
    parameters to a link that people share.
    """

    @app.before_request
    def _refuse_undeclared() -> Response | None:
        if request.endpoint is None or not is_for_programs(request.path) or _declares_query(request.endpoint):
            return None
        try:
            Strict.model_validate(request.args.to_dict())
        except ValidationError as error:
            return validation_error(error)
        return None


def _declares_query(endpoint: str) -> bool:
    return "query" in inspect.signature(current_app.view_functions[endpoint]).parameters
