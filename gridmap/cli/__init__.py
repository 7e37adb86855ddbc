"""The commands a person types; each only calls what knows."""

import click

from gridmap.cli import (
    accounts,
    audit,
    basemap,
    data,
    database,
    grants,
    integrity,
    keys,
    logins,
    permissions,
    serving,
    streets,
)
from gridmap.cli.shared import PlainGroup


@click.group(cls=PlainGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="gridmap")
def main() -> None:
    """gridmap: the map of a grid-managed district. 网格地图。"""


for _command in (
    serving.serve, serving.tls_group, data.migrate, data.demo, data.import_, data.export_, audit.audit_group,
    database.db_group, accounts.user_group, grants.grant_group, accounts.token_group, permissions.permissions,
    logins.login_group, keys.keys, integrity.check, streets.streets_group, basemap.basemap_group,
):  # fmt: skip
    main.add_command(_command)
audit.audit_group.add_command(keys.about)
