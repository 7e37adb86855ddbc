"""The settings a person can make, all by environment variables that begin with GRIDMAP_."""

import os
from functools import cached_property
from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def default_home() -> Path:
    """Return where the private cluster, keys and uploads live when nobody says otherwise."""
    return Path("/var/lib/gridmap") if os.geteuid() == 0 else user_data_path("gridmap")


class Settings(BaseSettings):
    """Everything that differs between two installations; passed in, never looked up deep down."""

    model_config = SettingsConfigDict(env_prefix="GRIDMAP_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=default_home, description="Private cluster, keys and uploads.")
    database_url: str | None = Field(
        default=None,
        description="A PostgreSQL/PostGIS of your own; without it gridmap runs a private cluster.",
    )
    service_database_url: str | None = Field(
        default=None,
        description="The same database as the role gridmap_service, which owns nothing; without it gridmap changes role after connecting.",
    )
    database_listen: str | None = Field(
        default=None,
        description="Where people with a database login of their own (QGIS) reach the private cluster, such as 127.0.0.1:5433.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on; only loopback until sign-in exists.",
    )
    port: int = Field(default=8000, ge=1, le=65535, description="Port to listen on.")
    workers: int = Field(default=2, ge=1, le=64, description="Web worker processes.")
    threads: int = Field(default=4, ge=1, le=64, description="Threads in each web worker.")
    review_number: str = Field(
        default="",
        description="Map review number (审图号) to show on every map, when there is one.",
    )

    @cached_property
    def is_private(self) -> bool:
        """Return whether the database is gridmap's own private cluster."""
        return self.database_url is None
