"""`gridmap grant`: which role an account holds where, and until when."""

from uuid import UUID

import click

from gridmap.cli.shared import registering, say


class _GivesByDefault(click.Group):
    """A group in which `grant NAME …` means `grant give NAME …`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that was named, or that which gives."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["give", *args])


@click.group("grant", cls=_GivesByDefault, context_settings={"ignore_unknown_options": True})
def grant_group() -> None:
    """Roles over places: `gridmap grant NAME --role ROLE --place CODE`. 授权。"""


@grant_group.command("give")
@click.argument("name")
@click.option("--role", required=True, help="Role, in English or Chinese.")
@click.option("--place", help="Code of the place, or `all`; administrators hold over all.")
@click.option("--until", metavar="DATE", help="Last day (2026-12-31), or a moment; open if not given.")
@click.option("--reason", help="Why, for who looks at it later.")
def give(name: str, role: str, place: str | None, until: str | None, reason: str | None) -> None:
    """Give an account a role over a place; the word `give` may be left out. 授予角色。"""
    from gridmap.access import LOCAL
    from gridmap.accounts import grants, people

    wanted = grants.parsed(role, place, until)
    with registering() as conn:
        made = grants.give(
            conn, LOCAL, people.find(conn, name).id, wanted.role, wanted.place_shown, until=wanted.until, reason=reason
        )
    say(f"{people.normalised(name)} is {wanted}. Grant {made}. 已授权。")


@grant_group.command("list")
@click.argument("name", required=False)
@click.option("--past", is_flag=True, help="Those that ended as well.")
def list_grants(name: str | None, past: bool) -> None:
    """Print the grants in force, or those of one account. 列出授权。"""
    from gridmap.access import LOCAL
    from gridmap.accounts import grants, people

    with registering() as conn:
        account_id = people.find(conn, name).id if name else None
        for grant in grants.listed(conn, LOCAL, account_id=account_id, also_past=past):
            end = f"until {grants.shown(grant.valid_to)}" if grant.valid_to else "open 长期"
            reason = f" ({grant.reason})" if grant.reason else ""
            say(f"{grant.id} {grant.account}: {grant.role}@{grant.place_shown}, {end}, by {grant.granted_by}{reason}")


@grant_group.command("end")
@click.argument("grant", metavar="ID", type=click.UUID)
def end(grant: UUID) -> None:
    """End a grant now, and those handed on from it. 终止授权。"""
    from gridmap.access import LOCAL
    from gridmap.accounts import grants

    with registering() as conn:
        grants.end(conn, LOCAL, grant)
    say("The grant has ended. 授权已终止。")


@grant_group.command("hand-over")
@click.argument("place")
@click.argument("giver", metavar="FROM")
@click.argument("taker", metavar="TO")
def hand_over(place: str, giver: str, taker: str) -> None:
    """Move every role over PLACE from one account to another, in one step. 交接。"""
    from gridmap.access import LOCAL
    from gridmap.accounts import grants, people

    with registering() as conn:
        moved = grants.hand_over(conn, LOCAL, place, people.find(conn, giver).id, people.find(conn, taker).id)
    say(f"{moved} grants over {place} have gone from {giver} to {taker}. 已交接 {moved} 项授权。")
