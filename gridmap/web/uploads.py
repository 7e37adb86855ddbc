"""Larger bodies for the few routes that take files, and only from who may send them there."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, request

from gridmap.web.session import actor

View = TypeVar("View", bound=Callable[..., Any])
MIB = 1 << 20
MAX_PARTS = 60


def takes_files(view: View) -> View:
    """Let a route take bodies up to the setting `upload_mib`."""
    view.takes_files = True  # type: ignore[attr-defined]
    return view


def init(app: Flask) -> None:
    """Raise the limit for those routes before anything reads a body; everybody else's stays."""

    @app.before_request
    def _raise_limit() -> None:
        view = current_app.view_functions.get(request.endpoint or "")
        layer = (request.view_args or {}).get("layer", "")
        if getattr(view, "takes_files", False) and actor().may(f"{layer}.edit"):
            request.max_content_length = current_app.extensions["gridmap"]["settings"].upload_mib * MIB
            request.max_form_parts = MAX_PARTS
