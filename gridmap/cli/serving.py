"""`gridmap serve`."""

import os

import click

from gridmap.cli.shared import say, settings_with


@click.command()
@click.option("--host", help="Address to listen on; this machine only (127.0.0.1).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on (8000).")
@click.option("--no-demo", is_flag=True, help="Leave an empty database empty.")
def serve(host: str | None, port: int | None, no_demo: bool) -> None:
    """Start the database and serve the map. 启动服务。"""
    from gridmap import serve as service  # the web server and all it needs: not for `gridmap db status`

    in_container = os.environ.get("GRIDMAP_CONTAINER") == "1"
    service.serve(settings_with(host=host, port=port), say, with_demo=not no_demo, in_container=in_container)
