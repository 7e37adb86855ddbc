"""Sealed values: what must not be read by whoever gets hold of the database, and keys that lie outside it.

A sealed value is text, `<cipher>.<key>.<base64 of nonce and ciphertext>`, bound to a context such as `volunteer.phone`,
so that it cannot be moved to another column. The cipher stands behind one interface: another one (SM4) is another word
in front.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
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

    Notes
    -----
    Other processes add and take away keys (`gridmap keys rotate`). A value of a key that is not known yet makes the
    vault read its folder once more; whoever seals calls `refresh` first (gridmap.personal does).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._index_key = (folder / "index.key").read_bytes()
        self._keys: dict[str, bytes] = {}
        self.refresh()

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the numbers of the data keys, oldest first; the last one seals."""
        return tuple(sorted(self._keys, key=int))

    @property
    def current(self) -> str:
        """Return the number of the key that seals."""
        return self.ids[-1]

    @property
    def prefix(self) -> str:
        """Return how everything begins that is sealed with the newest key."""
        return f"{CIPHER}.{self.current}."

    def refresh(self) -> None:
        """Read the data keys again if some came or went."""
        found = {path.stem.removeprefix("data-"): path for path in self.folder.glob("data-*.key")}
        if not found:
            raise Unavailable(f"There is no data key in {self.folder}. Put the keys back from their backup. 缺少密钥。")
        if found.keys() != self._keys.keys():
            with contextlib.suppress(FileNotFoundError):  # taken away just now; the next refresh sees that
                self._keys = {key: self._keys.get(key) or path.read_bytes() for key, path in found.items()}

    def seal(self, text: str, context: str) -> str:
        """Return a text sealed with the newest key."""
        nonce, keys = secrets.token_bytes(NONCE_BYTES), self._keys  # another thread may read new ones meanwhile
        key = max(keys, key=int)
        sealed = AESGCM(keys[key]).encrypt(nonce, text.encode(), context.encode())
        return f"{CIPHER}.{key}.{base64.b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, context: str) -> str:
        """Return the text of a sealed value."""
        try:
            cipher, key, body = sealed.split(".")
            raw = base64.b64decode(body, validate=True)
            if cipher != CIPHER:
                raise ValueError(cipher)
            if key not in self._keys:
                self.refresh()
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
        return sealed.startswith(self.prefix)


def open_vault(home: Path, tell: Callable[[str], None] | None = None) -> Vault:
    """Return the vault of an installation; the first call makes its keys, readable by their owner only.

    `tell` is told where new keys lie and that they must be backed up.
    """
    folder = home / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    is_new = not (folder / "index.key").exists()
    if is_new:
        _write(folder / "index.key", secrets.token_bytes(KEY_BYTES))
    if not any(folder.glob("data-*.key")):
        _write(folder / "data-1.key", secrets.token_bytes(KEY_BYTES))
    if is_new and tell is not None:
        tell(new_keys(folder))
    return Vault(folder)


def new_keys(folder: Path) -> str:
    """Return what is said of keys that were just made."""
    return (
        f"New keys for personal data lie in {folder}. Back this folder up, apart from the database: without it names,"
        f" phones and second factors are lost. 个人信息密钥已生成，请另行备份该目录，丢失后无法恢复。"
    )


def add_key(home: Path) -> Vault:
    """Add a data key, which seals from now on, and return the vault with it; the old keys still open."""
    vault = open_vault(home)
    _write(vault.folder / f"data-{int(vault.current) + 1}.key", secrets.token_bytes(KEY_BYTES))
    vault.refresh()
    return vault


def drop_old_keys(vault: Vault) -> list[Path]:
    """Take away every data key but the newest, once nothing is sealed with them any more; return what was removed."""
    old = [vault.folder / f"data-{key}.key" for key in vault.ids[:-1]]
    for path in old:
        path.unlink(missing_ok=True)
    vault.refresh()
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
