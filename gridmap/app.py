"""The one place that knows every part: settings in, application out."""

from pathlib import Path

from flask import Flask
from flask_compress import Compress
from flask_openapi3 import Info, OpenAPI

from gridmap import db
from gridmap.layers import LAYERS
from gridmap.reports import views as reports
from gridmap.settings import Settings
from gridmap.vault import open_vault
from gridmap.web import (
    account,
    administration,
    editing,  # noqa: F401 - adds its routes to those of `features`
    errors,
    features,
    headers,
    health,
    i18n,
    logs,
    pages,
    parameters,
    permissions,
    proxy,
    reference,
    sections,
    session,
    sign_in,
    strict,
    tiles,
)

STATIC = Path(__file__).resolve().parent.parent / "static"
MAX_BODY_BYTES = 1_000_000
COMPRESSED = [
    "text/html", "text/css", "text/javascript", "application/javascript", "application/json", "application/geo+json",
    "application/problem+json", "application/vnd.mapbox-vector-tile", "image/svg+xml",
]  # fmt: skip
DESCRIPTION = "Who lives here, what do they need, who can help. 社区网格地图服务接口。"


def create_app(settings: Settings) -> Flask:
    """Return the application for some settings; it connects to nothing before the first request."""
    app = OpenAPI(
        "gridmap",
        info=Info(title="gridmap", version="1", description=DESCRIPTION),
        doc_ui=False,
        validation_error_callback=errors.validation_error,
        static_folder=str(STATIC),
        template_folder=str(Path(__file__).parent / "web" / "templates"),
    )
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES, COMPRESS_MIMETYPES=COMPRESSED, COMPRESS_ALGORITHM=["zstd", "br", "gzip"]
    )
    vault = open_vault(settings.home)
    app.extensions["gridmap"] = {
        "settings": settings,
        "layers": LAYERS,
        "vault": vault,
        "engine": db.service_engine(settings.database_url or "postgresql://", pool_size=settings.threads, vault=vault),
    }
    logs.init()
    proxy.init(app, settings)
    headers.init(app, settings)
    for part in (session, permissions, parameters, strict, errors, i18n, sections):
        part.init(app)
    for blueprint in (reference.bp, pages.bp, reports.pages, sign_in.bp, account.bp, administration.bp):
        app.register_blueprint(blueprint)
    for api in (features.bp, reports.api, tiles.bp, health.bp):
        app.register_api(api)
    Compress(app)
    permissions.refuse_undeclared(app)
    return app


def create_wsgi() -> Flask:
    """Return the application for the settings in the environment: what a web worker loads after it was forked."""
    return create_app(Settings())
