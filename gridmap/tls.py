"""Certificates: whether one can be served, which names it carries, and one signed by nobody for a trial."""

import ipaddress
import os
import ssl
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gridmap.errors import Conflict, InvalidInput

LASTS = timedelta(days=365)
ALWAYS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Certificate:
    """What matters of a certificate: the names it carries, without wildcards, when it ends, and its fingerprint."""

    names: tuple[str, ...]
    ends_at: datetime
    fingerprint: str


def read(certificate: Path, key: Path) -> Certificate:
    """Return a certificate that can be served with a key, or raise InvalidInput saying what is wrong with them."""
    try:
        leaf = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_refuse_to_ask)
    except (OSError, ValueError, IndexError) as exc:  # ssl.SSLError is an OSError
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        raise InvalidInput(
            f"The certificate {certificate} and the key {key} cannot be used: {reason}. Both are PEM files, the key "
            "without a password. 证书或私钥无法使用。",
            where="tls_certificate",
        ) from exc
    return Certificate(_names(leaf), leaf.not_valid_after_utc, leaf.fingerprint(hashes.SHA256()).hex(":").upper())


def make_self_signed(folder: Path, names: Iterable[str], *, replace: bool) -> tuple[Path, Path]:
    """Write a key (readable by its owner only) and a certificate that holds a year; return certificate and key.

    Parameters
    ----------
    names : host names and addresses it is for, besides those of loopback
    replace : take the place of an earlier one

    Raises
    ------
    InvalidInput for what is neither a name nor an address; Conflict if there is one already.
    """
    carried = [_general_name(name) for name in dict.fromkeys((*ALWAYS, *names))]
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    if not replace and (certificate.exists() or key.exists()):
        raise Conflict(f"There is a certificate in {folder} already; say --replace. 证书已存在，可用 --replace 覆盖。")
    private, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gridmap (trial)")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clocks differ
        .not_valid_after(now + LASTS)
        .add_extension(x509.SubjectAlternativeName(carried), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(key, pem, 0o600)
    _write(certificate, made.public_bytes(serialization.Encoding.PEM), 0o644)
    return certificate, key


def host_of(name: str) -> str:
    """Return a name or address as a request's Host writes it, or raise InvalidInput."""
    text = name.strip().lower().removeprefix("[").removesuffix("]")
    try:
        address = ipaddress.ip_address(text)
        return f"[{address}]" if address.version == 6 else str(address)
    except ValueError:
        pass
    labels = text.split(".")
    if len(text) > 253 or not all(_is_label(label) for label in labels):
        raise InvalidInput(
            f"{name[:80]!r} is neither a host name nor an address: leave out scheme, port and path. 主机名无效。",
            where="name",
        )
    return text


def _is_label(label: str) -> bool:
    plain = label.replace("-", "").replace("_", "")
    return 0 < len(label) <= 63 and label.isascii() and plain.isalnum() and not label.startswith("-")


def _general_name(name: str) -> x509.GeneralName:
    host = host_of(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return x509.DNSName(host)


def _names(leaf: x509.Certificate) -> tuple[str, ...]:
    try:
        carried = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = map(str, carried.get_values_for_type(x509.IPAddress))
    return tuple(usable((*carried.get_values_for_type(x509.DNSName), *addresses)))


def usable(names: Iterable[str]) -> Iterator[str]:
    """Yield those of some names that a request's Host can hold, as it writes them."""
    for name in names:
        with suppress(InvalidInput):
            yield host_of(name)


def _refuse_to_ask() -> str:
    raise ValueError("the key has a password")


def _write(path: Path, content: bytes, mode: int) -> None:
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
    os.replace(new, path)
