"""`gridmap serve`, and `gridmap tls` for the certificate it answers with."""

import os

import click

from gridmap.cli.shared import say, settings_with


@click.command()
@click.option("--host", help="Address to listen on; this machine only (127.0.0.1).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on (8000).")
@click.option("--plain-http", is_flag=True, help="Answer other machines without TLS; says what is lost.")
@click.option("--no-demo", is_flag=True, help="Leave an empty database empty.")
def serve(host: str | None, port: int | None, plain_http: bool, no_demo: bool) -> None:
    """Start the database and serve the map. 启动服务。"""
    from gridmap import serve as service  # the web server and all it needs: not for `gridmap db status`

    in_container = os.environ.get("GRIDMAP_CONTAINER") == "1"
    settings = settings_with(host=host, port=port, allow_plain_http=plain_http or None)
    service.serve(settings, say, with_demo=not no_demo, in_container=in_container)


@click.group("tls")
def tls_group() -> None:
    """The certificate to answer over TLS with. 证书。"""


@tls_group.command("self-signed")
@click.option("--name", "names", multiple=True, metavar="HOST", help="A host name or address people use; repeatable.")
@click.option("--replace", is_flag=True, help="Take the place of an earlier one.")
def self_signed(names: tuple[str, ...], replace: bool) -> None:
    """Make a key and a certificate for a trial, signed by nobody, for a year. 生成试用证书。"""
    import socket

    from gridmap import tls

    settings = settings_with()
    certificate, key = tls.make_self_signed(
        settings.home / "tls", (*tls.usable([socket.gethostname()]), *names), replace=replace
    )
    made = tls.read(certificate, key)
    say(f"For {', '.join(made.names)}, until {made.ends_at:%Y-%m-%d}. 试用证书已生成。")
    say(f"SHA-256 fingerprint, to compare with what the browser shows 指纹:\n  {made.fingerprint}")
    say(
        f"Use it 使用:\n  export GRIDMAP_TLS_CERTIFICATE={certificate.absolute()} GRIDMAP_TLS_KEY={key.absolute()}\n"
        "  gridmap serve --host 0.0.0.0"
    )
    say(
        "Browsers warn of it, since nobody signed it; take one of your organisation for daily use. 浏览器会提示不受信任。"
    )
