"""The commands a person types; each only calls what knows."""

import click

from gridmap.cli import audit, data, database, logins, serving
from gridmap.cli.shared import PlainGroup


@click.group(cls=PlainGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="gridmap")
def main() -> None:
    """gridmap: the map of a grid-managed district. 网格地图。"""


for _command in (
    serving.serve, data.migrate, data.demo, data.import_, data.export_, audit.audit_group, database.db_group,
    logins.login_group,
):  # fmt: skip
    main.add_command(_command)
