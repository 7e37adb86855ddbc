"""Passwords: argon2id, at least ten characters of three kinds, none of the last five, for ninety days."""

import re
import secrets
from datetime import timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from gridmap.errors import InvalidInput

MIN_CHARS, MAX_CHARS, KINDS_NEEDED, FORMER_KEPT = 10, 256, 3, 5
LASTS = timedelta(days=90)
_KINDS = (re.compile(r"[a-z]"), re.compile(r"[A-Z]"), re.compile(r"[0-9]"), re.compile(r"[^A-Za-z0-9]"))
_READABLE = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_hasher = PasswordHasher()  # argon2id with the library's own parameters (RFC 9106, low memory)


def hashed(password: str) -> str:
    """Return the argon2id hash of a password."""
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Return whether a password is the one behind a hash; without a hash the same work is done, and it is not."""
    try:
        return _hasher.verify(password_hash or _nobodys(), password) and password_hash is not None
    except (Argon2Error, InvalidHashError):
        return False


def check(password: str, name: str) -> None:
    """Raise InvalidInput, saying what is missing, for a password that is too weak."""
    if not MIN_CHARS <= len(password) <= MAX_CHARS:
        raise InvalidInput(
            f"A password has {MIN_CHARS} to {MAX_CHARS} characters. 密码长度应为 {MIN_CHARS} 至 {MAX_CHARS} 个字符。",
            where="password",
        )
    if sum(bool(kind.search(password)) for kind in _KINDS) < KINDS_NEEDED:
        raise InvalidInput(
            "A password mixes three of: small letters, capitals, digits, other characters. "
            "密码须包含小写字母、大写字母、数字、其他字符中的至少三类。",
            where="password",
        )
    if name.lower() in password.lower():
        raise InvalidInput("A password does not contain the account's name. 密码不得包含账号名。", where="password")


def made(name: str) -> str:
    """Return a new password for an account, easy to read out: four groups of four without characters that look alike."""
    while True:
        password = "-".join("".join(secrets.choice(_READABLE) for _ in range(4)) for _ in range(4))
        kinds = sum(bool(kind.search(password)) for kind in _KINDS)
        if kinds >= KINDS_NEEDED and (len(name) < 2 or name.lower() not in password.lower()):
            return password


@cache
def _nobodys() -> str:
    return hashed("nobody's password")
