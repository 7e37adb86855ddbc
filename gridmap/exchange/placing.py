"""Putting a file in its place only when it is whole, and saying in one sentence why it cannot be put there."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gridmap.errors import InvalidInput


@contextmanager
def placed(target: Path) -> Iterator[Path]:
    """Yield a path beside the target that replaces it when the block ends well.

    Raises
    ------
    InvalidInput if the system refuses: no such folder, no right to write, no room.
    """
    with telling(target), tempfile.TemporaryDirectory(prefix=".gridmap-", dir=target.absolute().parent) as folder:
        made = Path(folder) / target.name
        yield made
        os.replace(made, target)


@contextmanager
def telling(target: Path) -> Iterator[None]:
    """Turn the system's refusal to write a file into a sentence."""
    try:
        yield
    except OSError as exc:
        raise InvalidInput(
            f"{str(target)[:200]!r} cannot be written: {exc.strerror or exc}. 无法写入。", where="file"
        ) from exc


def check(target: Path) -> None:
    """Raise InvalidInput unless a file can be written in the target's folder now."""
    if not target.absolute().parent.is_dir():
        raise InvalidInput(f"There is no folder {str(target.parent)[:200]!r}. 没有该文件夹。", where="file")
    with telling(target), tempfile.TemporaryFile(dir=target.absolute().parent):
        pass
