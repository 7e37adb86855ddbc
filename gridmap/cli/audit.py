"""`gridmap audit`: read, verify, keep the heads."""

import click

from gridmap.cli.shared import migrated_engine, say, settings_with


@click.group("audit")
def audit_group() -> None:
    """Who changed what: read, verify, keep the heads. 审计。"""


@audit_group.command("show")
@click.option("--by", help="Only what this actor did.")
@click.option("--chain", help="Only the chain of this community's code; the empty text is the rest.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
def audit_show(by: str | None, chain: str | None, limit: int) -> None:
    """Print the latest entries, latest first. 查看。"""
    from gridmap import audit
    from gridmap.access import LOCAL
    from gridmap.db import transaction

    with migrated_engine() as engine, transaction(engine, LOCAL) as conn:
        for entry in audit.entries(conn, LOCAL, by=by, chain=chain, limit=limit):
            where = f"{entry.chain or '-'}#{entry.seq}"
            say(f"{entry.at:%Y-%m-%d %H:%M:%S%z} {where} {entry.actor}: {entry.action} {entry.subject} {entry.rows}")


@audit_group.command("heads")
@click.argument("file", type=click.Path(dir_okay=False))
def audit_heads(file: str) -> None:
    """Write the last entry of each chain to FILE; keep it on another machine. 导出链尾。"""
    from gridmap import audit
    from gridmap.access import LOCAL
    from gridmap.db import transaction

    with migrated_engine() as engine, transaction(engine, LOCAL) as conn:
        audit.write_heads(audit.heads(conn, LOCAL), file)
    say(f"Heads: {file}. Keep them where nobody of this machine can change them. 请另存他处。")


@audit_group.command("verify")
@click.option(
    "--heads", "known", type=click.Path(exists=True, dir_okay=False),
    help="Heads exported earlier; the newest that the service kept if not given.",
)  # fmt: skip
@click.pass_context
def audit_verify(ctx: click.Context, known: str | None) -> None:
    """Check that no entry was altered, added or taken out; exit code 1 if one was. 校验。"""
    from gridmap import audit, heads
    from gridmap.access import LOCAL
    from gridmap.db import transaction

    expected = audit.read_heads(known) if known else None
    home = settings_with().home
    with migrated_engine() as engine, transaction(engine, LOCAL) as conn:
        kept, others = heads.of_this(conn, home) if known is None else (None, None)
        count, faults = audit.verify(conn, LOCAL, kept.heads if kept else expected)
    if kept:
        say(f"Compared with the heads of {kept.path.stem}: {kept.path} 已与当日链尾比对。")
    elif others:
        say(
            f"{others.path} is of another database and was not compared; name it with --heads. 链尾属于其他数据库，未比对。"
        )
    elif known is None:
        say("No heads were kept yet; a chain cut off at its end would not show. 尚无链尾记录，无法发现末尾被截。")
    for fault in faults:
        say(f"Chain {fault.chain or '-'}, entry {fault.seq}: {fault.reason}. 审计链有误。")
    say(f"{count:,} entries read, {len(faults)} chains at fault. 已校验 {count:,} 条。")
    ctx.exit(1 if faults else 0)
