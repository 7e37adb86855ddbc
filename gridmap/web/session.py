"""The request's actor, and a transaction that runs as that actor."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import sqlalchemy as sa
from flask import Flask, current_app, g

from gridmap import db
from gridmap.access import LOCAL, Actor
from gridmap.layer import Layers


def init(app: Flask) -> None:
    """Give every request its actor: until sign-in exists the local one, as the service is on loopback only."""

    @app.before_request
    def _identify() -> None:
        g.actor = LOCAL


def actor() -> Actor:
    """Return who asks."""
    return cast(Actor, g.actor)


def layers() -> Layers:
    """Return the application's layers."""
    return cast(Layers, current_app.extensions["gridmap"]["layers"])


def engine() -> sa.Engine:
    """Return the application's engine."""
    return cast(sa.Engine, current_app.extensions["gridmap"]["engine"])


@contextmanager
def begin() -> Iterator[sa.Connection]:
    """Run one transaction as the request's actor."""
    with db.transaction(engine(), actor()) as conn:
        yield conn
