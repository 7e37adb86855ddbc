"""`gridmap check`: whether the register holds together."""

import click

from gridmap.cli.shared import migrated_engine, note, say

SHOWN = 5


@click.command()
@click.option(
    "--place", default="", metavar="DIGITS", help="Only below this place: the first digits of its communities."
)
@click.option("--only", "names", multiple=True, metavar="CHECK", help="Only this check; repeatable.")
def check(place: str, names: tuple[str, ...]) -> None:
    """Look for gaps, overlaps, things out of place and duplicates; exit code 1 if there are any. 检查数据完整性。

    Buildings without households are told, but are no fault: schools and shops have none.
    """
    from gridmap import integrity
    from gridmap.access import LOCAL
    from gridmap.db import transaction
    from gridmap.exchange.words import chinese

    chosen = [integrity.check_of(name) for name in names] or list(integrity.CHECKS)
    faults = 0
    with migrated_engine(note) as engine:
        for one in chosen:
            with transaction(engine, LOCAL) as conn:
                found = integrity.run(conn, LOCAL, one, place=place, limit=SHOWN)
            faults += found.count if one.is_fault else 0
            say(f"{found.count:>7,}  {one.name:<20} {one.title} {chinese(one.title)}")
            for fault in found.faults:
                other = f" / {fault.other}" if fault.other else ""
                measure = f"  {fault.measure:,.0f} {one.measure}" if fault.measure is not None else ""
                say(f"           {fault.code}{other}{measure}")
            if found.count > SHOWN:
                say("           …")
    if faults:
        say(
            f"{faults:,} faults. Look at them, and mend what can be mended, at /integrity. 共 {faults:,} 处问题，可在 /integrity 查看和处理。"
        )
        raise SystemExit(1)
    say("No faults. 未发现问题。")
