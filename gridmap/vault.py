"""Sealed values: what must not be read by whoever gets hold of the database, and keys that lie outside it.

A sealed value is text, `<cipher>.<key>.<base64 of nonce and ciphertext>`, bound to a context such as `volunteer.phone`,
so that it cannot be moved to another column. The cipher stands behind one interface: another one (SM4) is another word
in front.
"""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gridmap.errors import Unavailable

CIPHER = "g1"  # AES-256-GCM, 96-bit random nonce
NONCE_BYTES, KEY_BYTES = 12, 32


class Vault:
    """The keys of one installation, in `<home>/keys`: data keys by number, of which the newest seals, and an index key.

    Raises
    ------
    Unavailable when a value was sealed with a key that is not here, or was altered: personal data are not served then.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._keys = {path.stem.removeprefix("data-"): path.read_bytes() for path in sorted(folder.glob("data-*.key"))}
        self._index_key = (folder / "index.key").read_bytes()
        self.current = max(self._keys, key=int)

    def seal(self, text: str, context: str) -> str:
        """Return a text sealed with the newest key."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self._keys[self.current]).encrypt(nonce, text.encode(), context.encode())
        return f"{CIPHER}.{self.current}.{base64.b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, context: str) -> str:
        """Return the text of a sealed value."""
        try:
            cipher, key, body = sealed.split(".")
            raw = base64.b64decode(body, validate=True)
            if cipher != CIPHER:
                raise ValueError(cipher)
            return AESGCM(self._keys[key]).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], context.encode()).decode()
        except (ValueError, KeyError, InvalidTag) as exc:
            raise Unavailable(
                f"A sealed value cannot be opened: its key is not in {self.folder}, or it was altered. "
                "Put the keys back from their backup. 无法解密：请从备份恢复密钥。"
            ) from exc

    def index(self, value: str, context: str) -> str:
        """Return the keyed hash by which a value is found exactly without being readable (HMAC-SHA256)."""
        return hmac.new(self._index_key, f"{context}\x00{value}".encode(), hashlib.sha256).hexdigest()

    def is_current(self, sealed: str) -> bool:
        """Return whether a value is sealed with the newest key."""
        return sealed.startswith(f"{CIPHER}.{self.current}.")


def open_vault(home: Path) -> Vault:
    """Return the vault of an installation; the first call makes its keys, readable by their owner only."""
    folder = home / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    if not (folder / "index.key").exists():
        _write(folder / "index.key", secrets.token_bytes(KEY_BYTES))
    if not any(folder.glob("data-*.key")):
        _write(folder / "data-1.key", secrets.token_bytes(KEY_BYTES))
    return Vault(folder)


def add_key(home: Path) -> Vault:
    """Add a data key, which seals from now on, and return the vault with it; the old keys still open."""
    vault = open_vault(home)
    _write(vault.folder / f"data-{int(vault.current) + 1}.key", secrets.token_bytes(KEY_BYTES))
    return Vault(vault.folder)


def drop_old_keys(vault: Vault) -> list[Path]:
    """Take away every data key but the newest, once nothing is sealed with them any more; return what was removed."""
    old = [path for path in vault.folder.glob("data-*.key") if path.stem != f"data-{vault.current}"]
    for path in old:
        path.unlink()
    return old


def _write(path: Path, content: bytes) -> None:
    """Write a key that nobody else may read; of two processes that start at once the first one's key stands."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(new, path)
    except FileExistsError:
        pass
    finally:
        new.unlink()
