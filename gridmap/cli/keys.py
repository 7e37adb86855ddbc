"""Commands about the keys of personal data, and about who saw a person."""

from pathlib import Path

import click


@click.group("keys")
def keys() -> None:
    """The keys that names, phones and second factors are sealed with. 密钥。"""


@keys.command()
def show() -> None:
    """Tell where the keys lie, which there are, and that they must be backed up. 查看。"""
    from gridmap.cli.shared import say, settings_with, vault_of

    vault = vault_of(settings_with())
    say(f"Keys: {vault.folder} 密钥目录")
    for key in vault.ids:
        use = (
            "seals and opens 加密与解密"
            if key == vault.current
            else "only opens: a rotation is not finished 待轮换完成"
        )
        say(f"  data-{key}.key: {use}")
    say("  index.key: finds phones and identity numbers; it is not changed by a rotation 检索用，不轮换")
    say("Back this folder up, apart from the database, after each rotation. 每次轮换后请另行备份该目录。")


@keys.command()
def rotate() -> None:
    """Seal everything with a new key and remove the old one; may be interrupted and run again. 轮换。"""
    from gridmap import db, rotation
    from gridmap.access import LOCAL
    from gridmap.cli.shared import bar, say, settings_with, vault_of
    from gridmap.cluster import database

    settings = settings_with()
    vault = vault_of(settings)
    with database(settings, say) as urls:
        db.migrate(urls.owner, vault=vault)
        engine = db.create_engine(urls.owner, vault=vault)  # only the owner passes over triggers
        try:
            with bar("Sealing anew 正在重新加密") as advance:
                done = rotation.rotate(engine, vault, LOCAL, settings.home, lambda _, n, wanted: advance(n, wanted))
        finally:
            engine.dispose()
    gone = ", ".join(done.removed) or "none"
    say(f"{done.rows:,} rows are sealed with key {done.key}; removed keys: {gone}. 已重新加密 {done.rows:,} 行。")
    say(f"Back up {vault.folder} now. A database backup from before needs the old keys. 请立即备份；旧备份仍需旧密钥。")


@click.command("about")
@click.argument("layer")
@click.argument("code")
@click.option(
    "--csv", "file", type=click.Path(dir_okay=False), help="Write the entries to FILE, for the person who asks."
)
def about(layer: str, code: str, file: str | None) -> None:
    """Tell who saw a person: each reveal, and each search that found it. 谁查看过某人。"""
    from gridmap import persons
    from gridmap.access import LOCAL
    from gridmap.cli.shared import migrated_engine, say
    from gridmap.db import transaction
    from gridmap.errors import InvalidInput
    from gridmap.layers import LAYERS

    with migrated_engine() as engine, transaction(engine, LOCAL) as conn:
        entries = persons.seen(conn, LOCAL, LAYERS[layer].name, code)
    for one in entries:
        why = " ".join(filter(None, (one.reason, one.task and f"[{one.task}]"))) or one.kind
        say(f"{one.at:%Y-%m-%d %H:%M:%S%z} {one.chain or '-'}#{one.entry} {one.actor}: {one.action} {why}")
    say(f"{len(entries):,} entries about {layer}/{code}. 共 {len(entries):,} 条。")
    if file:
        try:
            Path(file).write_text(persons.as_csv(entries), encoding="utf-8-sig", newline="")
        except OSError as exc:
            raise InvalidInput(f"{file} cannot be written: {exc.strerror}.", where="csv") from exc
        say(f"Written: {file} 已导出。")
