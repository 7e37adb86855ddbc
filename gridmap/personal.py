"""What concerns one person: sealed on its way into the database, opened or masked on its way out.

A personal column is declared by `tables.personal` with its kind, and everything here goes by that declaration. The keys
come with the connection: `db.create_engine` puts the vault among its options.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from gridmap.access import mask_identity, mask_name, mask_phone, table_name, versionless
from gridmap.errors import Unavailable
from gridmap.vault import Vault

MOBILE = re.compile(r"1[0-9]{10}")
IDENTITY = re.compile(r"[1-9][0-9]{16}[0-9X]")
MASKS: Mapping[str, Callable[[str | None], str | None]] = {
    "name": mask_name,
    "phone": lambda text: mask_phone(text and normalised("phone", text)),  # the digits of the number, not of +86
    "id_number": mask_identity,
}
_HOLD = "gridmap keys"  # the advisory lock that who seals holds with others, and a rotation's last step alone


def vault_of(conn: sa.Connection) -> Vault:
    """Return the keys that came with a connection, or raise Unavailable: personal data are not handled without."""
    vault = conn.get_execution_options().get("vault")
    if not isinstance(vault, Vault):
        raise Unavailable(
            "Personal data cannot be handled here: this connection has no keys. 缺少密钥，无法处理个人信息。"
        )
    return vault


def hold(conn: sa.Connection, vault: Vault | None = None) -> Vault:
    """Return the keys for sealing in this transaction: the newest ones, which no rotation takes away before its end."""
    conn.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(sa.func.hashtextextended(_HOLD, 0))))
    keys = vault_of(conn) if vault is None else vault
    keys.refresh()
    return keys


def held_alone(conn: sa.Connection) -> bool:
    """Return whether nobody seals now; then nobody begins to before the transaction's end."""
    return bool(conn.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(sa.func.hashtextextended(_HOLD, 0)))))


def columns(table: sa.FromClause) -> tuple[sa.ColumnElement[Any], ...]:
    """Return the personal columns of a table or of an alias of one."""
    return tuple(column for column in table.c if column.info.get("personal"))


def kind_of(column: sa.ColumnElement[Any]) -> str:
    """Return the kind of a personal column: name, phone or id_number."""
    return str(column.info["personal"])


def context_of(column: sa.ColumnElement[Any]) -> str:
    """Return what a column's values are bound to: `<table>.<column>`, former rows as their table."""
    return f"{versionless(table_name(column.table))}.{column.name}"


def seal(conn: sa.Connection, column: sa.ColumnElement[Any], text: str | None) -> str | None:
    """Return a text sealed for a column; nothing stays nothing."""
    return None if text is None else hold(conn).seal(text, context_of(column))


def opened(conn: sa.Connection, column: sa.ColumnElement[Any], sealed: str | None) -> str | None:
    """Return the text of a column's sealed value. What it is shown for must be on record (gridmap.persons)."""
    return None if sealed is None else vault_of(conn).open(sealed, context_of(column))


def masked(conn: sa.Connection, column: sa.ColumnElement[Any], sealed: str | None) -> str | None:
    """Return a column's value as anybody who sees the row may see it."""
    return MASKS[kind_of(column)](opened(conn, column, sealed))


def mask(column: sa.ColumnElement[Any], text: str | None) -> str | None:
    """Return an opened text of a column as it is shown by default."""
    return MASKS[kind_of(column)](text)


def index_of(vault: Vault, column: sa.ColumnElement[Any], text: str) -> str:
    """Return the keyed hash that finds a value exactly, however it is written; the same for every column of a kind."""
    kind = kind_of(column)
    return vault.index(normalised(kind, text), kind)


def normalised(kind: str, text: str) -> str:
    """Return a name or number as it is compared: 138-0013 8000 and +8613800138000 are one."""
    plain = unicodedata.normalize("NFKC", text)
    if kind == "id_number":
        return re.sub(r"[\s-]", "", plain).upper()
    if kind == "name":
        return re.sub(r"\s", "", plain).casefold()
    digits = re.sub(r"[^0-9]", "", plain)
    if found := re.fullmatch(rf"(?:00)?86({MOBILE.pattern})", digits):
        return found[1]
    return digits or plain.strip().casefold()


def is_identity(number: str) -> bool:
    """Return whether a normalised number is a citizen's by its form, its day of birth and its check digit.

    Notes
    -----
    GB 11643-1999: 17 digits and a check character by ISO 7064 MOD 11-2.
    """
    if not IDENTITY.fullmatch(number) or not re.fullmatch(
        r"(18|19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])", number[6:14]
    ):
        return False
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(number[:17]))
    return "10X98765432"[total % 11] == number[17]


def sealed_values(conn: sa.Connection, table: sa.Table, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a row with the personal ones sealed and their indexes beside them."""
    names = [name for name in given if name in table.c]
    if not any(table.c[name].info.get("personal") for name in names):
        return dict(given)
    made = sealed_columns(hold(conn), table, {name: [given[name]] for name in names})
    return {**given, **{name: values[0] for name, values in made.items()}}


def sealed_columns(vault: Vault, table: sa.Table, given: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """Return the columns of rows with the personal ones sealed and their indexes beside them."""
    made = dict(given)
    for name, values in given.items():
        column = table.c[name]
        if not column.info.get("personal"):
            continue
        made[name] = [value and vault.seal(value, context_of(column)) for value in values]
        if (found_by := f"{name}_index") in table.c:
            made[found_by] = [value and index_of(vault, column, value) for value in values]
    return made


def tables(every: sa.MetaData) -> Iterator[sa.Table]:
    """Yield the tables that have personal columns, those of former rows too."""
    yield from (table for table in every.sorted_tables if columns(table))
