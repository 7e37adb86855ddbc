"""Alembic's entry: connects to the URL that `db.migration_config` passed and runs the steps in one transaction."""

import sqlalchemy as sa
from alembic import context
from geoalchemy2 import alembic_helpers

import gridmap.accounts.tables
import gridmap.audit
import gridmap.basemap.tables
import gridmap.boundaries.tables
import gridmap.intake.tables
import gridmap.layers
from gridmap.tables import metadata

LOCK_TIMEOUT = "3s"


def include_object(item: object, name: str | None, kind: str, reflected: bool, compare_to: object) -> bool:
    """Leave out what PostGIS brings."""
    if kind == "table" and name in ("spatial_ref_sys",):
        return False
    return bool(alembic_helpers.include_object(item, name, kind, reflected, compare_to))  # type: ignore[no-untyped-call]


def run() -> None:
    """Run the steps on the given URL."""
    assert gridmap.layers.LAYERS  # noqa: S101 - importing the layers fills the metadata
    assert gridmap.audit.table is not None  # noqa: S101 - and so does importing the audit and the accounts
    assert gridmap.accounts.tables.account is not None  # noqa: S101
    assert gridmap.boundaries.tables.boundary_set is not None  # noqa: S101
    assert gridmap.intake.tables.import_job is not None  # noqa: S101
    engine = sa.create_engine(context.config.attributes["url"], poolclass=sa.NullPool)
    with engine.connect() as conn:
        conn.execute(sa.text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        conn.execute(sa.text("SELECT pg_advisory_lock(4490)"))  # two starts at once migrate one after the other
        conn.commit()
        context.configure(
            connection=conn,
            target_metadata=metadata,
            include_object=include_object,
            process_revision_directives=alembic_helpers.writer,
            render_item=alembic_helpers.render_item,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
