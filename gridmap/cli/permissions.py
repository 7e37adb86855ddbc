"""`gridmap permissions`: who may call what, printed from the routes themselves."""

from pathlib import Path

import click

from gridmap.cli.shared import say, settings_with


@click.command("permissions")
@click.option("--out", type=click.Path(dir_okay=False), help="Write the table to this file instead of printing it.")
def permissions(out: str | None) -> None:
    """Print the table of routes and roles (docs/permissions.md). 权限表。"""
    from gridmap.app import create_app
    from gridmap.layers import LAYERS
    from gridmap.web import matrix

    table = matrix.as_markdown(create_app(settings_with()), LAYERS)
    if out is None:
        click.echo(table, nl=False)
    else:
        Path(out).write_text(table, encoding="utf-8")
        say(f"Permissions: {out} 已写入。")
