"""What every command uses: clean failures, the terminal, the settings and the database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress

from gridmap.cluster import database
from gridmap.errors import GridmapError
from gridmap.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from gridmap.vault import Vault

console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


class PlainGroup(click.Group):
    """A group of commands whose expected failures end in one clean sentence and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a GridmapError becomes click's own error message."""
        try:
            return super().invoke(ctx)
        except GridmapError as exc:
            raise click.ClickException(exc.detail) from exc


def say(text: str) -> None:
    """Print one line of progress."""
    console.print(text)


def note(text: str) -> None:
    """Print one line on standard error, beside an answer that another program may read."""
    click.echo(text, err=True)


@contextmanager
def bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar; what is yielded is told how many of how many are done."""
    with Progress(console=console) as shown:
        task = shown.add_task(title, total=None)
        yield lambda done, wanted: shown.update(task, completed=done, total=wanted)


def settings_with(**given: Any) -> Settings:
    """Return the settings of the environment, overridden by the options a person gave."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as exc:
        problems = "; ".join(f"{_setting(error['loc'])}{error['msg']}" for error in exc.errors())
        raise click.UsageError(f"A setting is not valid. {problems}. 设置无效。") from exc


def vault_of(settings: Settings, tell: Callable[[str], None] = say) -> "Vault":
    """Return the keys of personal data; the first time they are made, and a person is told to back them up."""
    from gridmap.vault import open_vault

    return open_vault(settings.home, tell)


def _setting(where: tuple[int | str, ...]) -> str:
    return f"GRIDMAP_{'_'.join(map(str, where)).upper()}: " if where else ""


@contextmanager
def migrated_engine(tell: Callable[[str], None] = say) -> Iterator["Engine"]:
    """Yield an engine of the service's role on the up-to-date database; a private cluster runs meanwhile."""
    from gridmap import db

    settings = settings_with()
    vault = vault_of(settings, tell)
    with database(settings, tell) as urls:
        db.migrate(urls.owner, vault=vault)
        engine = db.service_engine(urls.service, vault=vault)
        try:
            yield engine
        finally:
            engine.dispose()


@contextmanager
def registering() -> Iterator["Connection"]:
    """Run one transaction as whoever has this machine; progress goes to standard error."""
    from gridmap.access import LOCAL
    from gridmap.db import transaction

    with migrated_engine(note) as engine, transaction(engine, LOCAL) as conn:
        yield conn
