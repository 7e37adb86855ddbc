"""The one place that knows every part: settings in, application out."""

from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from flask_compress import Compress
from flask_openapi3 import Info, OpenAPI

from gridmap import db
from gridmap.layers import LAYERS
from gridmap.layers.resident import views as residents
from gridmap.reports import coverage_views, integrity_pages, landing, siting_views, summary, zone_pages, zone_views
from gridmap.reports import views as reports
from gridmap.reports.grids import views as grids
from gridmap.reports.homes import views as homes
from gridmap.reports.rounds import views as rounds
from gridmap.settings import Settings
from gridmap.vault import open_vault
from gridmap.web import (
    account,
    accounts,
    administration,
    basemap,
    boundaries,
    editing,  # noqa: F401 - adds its routes to those of `features`
    errors,
    exports,
    features,
    headers,
    health,
    i18n,
    imports,
    logs,
    oidc,
    pages,
    parameters,
    permissions,
    persons,
    prints,
    proxy,
    reference,
    refusals,
    sections,
    session,
    shaping,
    sign_in,
    strict,
    tiles,
    trail,
    uploads,
)

if TYPE_CHECKING:
    from gridmap.accounts.provider import Provider

STATIC = Path(__file__).resolve().parent.parent / "static"
MAX_BODY_BYTES = 1_000_000
COMPRESSED = [
    "text/html", "text/css", "text/javascript", "application/javascript", "application/json", "application/geo+json",
    "application/problem+json", "application/vnd.mapbox-vector-tile", "image/svg+xml",
]  # fmt: skip
THEMES = {  # what a print's areas can be shaded by: the endpoints of the areas and of their page
    "summary": ("summaries.parts_areas", "summaries.page"),
    "coverage": ("coverages.parts_areas", "coverages.page"),
}
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
        "provider": _provider(settings),
        "themes": THEMES,
        "engine": db.service_engine(settings.database_url or "postgresql://", pool_size=settings.threads, vault=vault),
    }
    logs.init()
    proxy.init(app, settings)
    headers.init(app, settings)
    for part in (uploads, session, permissions, parameters, strict, errors, i18n, sections, refusals):
        part.init(app)
    for blueprint in (
        reference.bp,
        pages.bp,
        reports.pages,
        sign_in.bp,
        oidc.bp,
        account.bp,
        administration.bp,
        persons.pages,
        zone_pages.bp,
        trail.bp,
        landing.bp,
        summary.pages,
        integrity_pages.bp,
        imports.bp,
        exports.bp,
        prints.bp,
        rounds.pages,
        homes.pages,
        coverage_views.pages,
        siting_views.pages,
        boundaries.pages,
        grids.pages,
    ):
        app.register_blueprint(blueprint)
    for api in (
        features.bp,
        exports.api,
        prints.api,
        reports.api,
        residents.api,
        rounds.api,
        zone_views.api,
        persons.api,
        summary.api,
        coverage_views.api,
        siting_views.api,
        shaping.api,
        boundaries.api,
        grids.api,
        tiles.bp,
        basemap.bp,
        accounts.bp,
        health.bp,
    ):
        app.register_api(api)
    Compress(app)
    permissions.refuse_undeclared(app)
    return app


def _provider(settings: Settings) -> "Provider | None":
    if not settings.oidc_issuer:
        return None
    from gridmap.accounts.provider import Provider  # what it needs takes a tenth of a second to import

    return Provider(settings)


def create_wsgi() -> Flask:
    """Return the application for the settings in the environment: what a web worker loads after it was forked."""
    return create_app(Settings())
