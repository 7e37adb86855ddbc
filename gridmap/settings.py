"""The settings a person can make, all by environment variables that begin with GRIDMAP_."""

import os
import re
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gridmap import tls
from gridmap.errors import InvalidInput


def default_home() -> Path:
    """Return where the private cluster, keys and uploads live when nobody says otherwise."""
    return Path("/var/lib/gridmap") if os.geteuid() == 0 else user_data_path("gridmap")


class Settings(BaseSettings):
    """Everything that differs between two installations; passed in, never looked up deep down."""

    model_config = SettingsConfigDict(env_prefix="GRIDMAP_", frozen=True, extra="ignore")

    home: Path = Field(default_factory=default_home, description="Private cluster, keys and uploads.")
    database_url: str | None = Field(
        default=None,
        description="A PostgreSQL/PostGIS of your own; without it gridmap runs a private cluster.",
    )
    service_database_url: str | None = Field(
        default=None,
        description="The same database as the role gridmap_service, which owns nothing; without it gridmap changes role after connecting.",
    )
    database_listen: str | None = Field(
        default=None,
        description="Where people with a database login of their own (QGIS) reach the private cluster, such as 127.0.0.1:5433.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on; beyond this machine only with TLS, a trusted proxy or the plain HTTP switch.",
    )
    port: int = Field(default=8000, ge=1, le=65535, description="Port to listen on.")
    tls_certificate: Path | None = Field(default=None, description="Certificate chain (PEM) to answer over TLS with.")
    tls_key: Path | None = Field(default=None, description="Private key of the certificate (PEM, no password).")
    public_names: str = Field(
        default="",
        description="Host names and addresses the service answers to besides loopback, separated by commas.",
    )
    trusted_proxies: str = Field(
        default="",
        description="Addresses or networks of proxies whose X-Forwarded-For, -Proto and -Host count, separated by commas.",
    )
    allow_plain_http: bool = Field(
        default=False, description="Answer others without TLS; what is lost is told at start."
    )
    oidc_issuer: str = Field(default="", description="Issuer of an OpenID provider people may sign in through.")
    oidc_client_id: str = Field(default="", description="Name of this service at that provider.")
    oidc_client_secret: SecretStr | None = Field(default=None, description="Secret of this service at that provider.")
    oidc_client_secret_file: Path | None = Field(default=None, description="File that holds the secret instead.")
    oidc_title: str = Field(default="OpenID Connect", description="What the sign-in button calls the provider.")
    oidc_name_claim: str = Field(
        default="preferred_username", description="Claim of the ID token under which accounts are awaited."
    )
    oidc_second_factor_amr: str = Field(
        default="", description="Values of `amr` that count as a second factor, with commas."
    )
    oidc_second_factor_acr: str = Field(
        default="", description="Values of `acr` that count as a second factor, with commas."
    )
    workers: int = Field(default=2, ge=1, le=64, description="Web worker processes.")
    threads: int = Field(default=4, ge=1, le=64, description="Threads in each web worker.")
    upload_mib: int = Field(default=200, ge=1, le=4096, description="Largest file that may be uploaded, in MiB.")
    review_number: str = Field(
        default="",
        description="Map review number (审图号) to show on every map, when there is one.",
    )
    tile_source: SecretStr | None = Field(
        default=None,
        description="Address of tiles of another host, with {z} {x} {y}, that browsers load under the layers; its key stays out of logs.",
    )
    tile_attribution: str = Field(default="", description="Whose those tiles are, and their map review number.")

    @field_validator("tile_source")
    @classmethod
    def _tiles(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value().strip():
            return None
        _check_tile_address(value.get_secret_value().strip())
        return SecretStr(value.get_secret_value().strip())

    @field_validator("public_names")
    @classmethod
    def _names(cls, value: str) -> str:
        try:
            return ",".join(dict.fromkeys(tls.host_of(name) for name in value.split(",") if name.strip()))
        except InvalidInput as exc:
            raise ValueError(exc.detail) from exc

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: str) -> str:
        return ",".join(str(ip_network(part.strip())) for part in value.split(",") if part.strip())

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("GRIDMAP_TLS_CERTIFICATE and GRIDMAP_TLS_KEY belong together")
        return self

    @model_validator(mode="after")
    def _said_whose_tiles(self) -> Self:
        if self.tile_source and not self.tile_attribution.strip():
            raise ValueError("GRIDMAP_TILE_SOURCE needs GRIDMAP_TILE_ATTRIBUTION: whose tiles they are")
        return self

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, value: str) -> str:
        if value and not is_private_channel(value):
            raise ValueError("the issuer is an https address (http on loopback only)")
        return value

    @model_validator(mode="after")
    def _whole_provider(self) -> Self:
        if bool(self.oidc_issuer) != bool(self.oidc_client_id):
            raise ValueError("GRIDMAP_OIDC_ISSUER and GRIDMAP_OIDC_CLIENT_ID belong together")
        if self.oidc_client_secret and self.oidc_client_secret_file:
            raise ValueError("Give GRIDMAP_OIDC_CLIENT_SECRET or GRIDMAP_OIDC_CLIENT_SECRET_FILE, not both")
        return self

    def oidc_secret(self) -> str | None:
        """Return the secret at the OpenID provider, read from its file if it lies in one; None for a public client."""
        if self.oidc_client_secret_file:
            try:
                return self.oidc_client_secret_file.read_text(encoding="utf-8").strip()
            except OSError as exc:
                raise InvalidInput(
                    f"The secret's file {exc.filename} cannot be read: {exc.strerror}. 密钥文件无法读取。",
                    where="oidc_client_secret_file",
                ) from exc
        return self.oidc_client_secret.get_secret_value() if self.oidc_client_secret else None

    @property
    def second_factor_amr(self) -> frozenset[str]:
        """Return the `amr` values that count as a second factor."""
        return _words(self.oidc_second_factor_amr)

    @property
    def second_factor_acr(self) -> frozenset[str]:
        """Return the `acr` values that count as a second factor."""
        return _words(self.oidc_second_factor_acr)

    @property
    def hosts(self) -> frozenset[str]:
        """Return the public names as a request's Host writes them."""
        return _words(self.public_names)

    @property
    def proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Return the networks of the trusted proxies."""
        return tuple(ip_network(part) for part in self.trusted_proxies.split(",") if part)

    @property
    def tile_origin(self) -> str:
        """Return scheme, host and port of the operator's tiles, empty without them."""
        if self.tile_source is None:
            return ""
        parts = urlsplit(self.tile_source.get_secret_value())
        return f"{parts.scheme}://{parts.netloc}"

    @cached_property
    def is_private(self) -> bool:
        """Return whether the database is gridmap's own private cluster."""
        return self.database_url is None


def _check_tile_address(address: str) -> None:
    """Raise ValueError, which never repeats the address, unless it names tiles of one host in Web Mercator."""
    try:
        parts = urlsplit(address)
        is_host = re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9a-fA-F:]+\](:[0-9]{1,5})?", parts.netloc)
    except ValueError:
        is_host = None
    if not is_host or not is_private_channel(address):
        raise ValueError("tiles come from one https address with a plain host name (http on loopback only)")
    if sorted(re.findall(r"\{[^}]*\}", address)) != ["{x}", "{y}", "{z}"] or re.search(r"[\s\"'<>;,]", address):
        raise ValueError("the address of tiles holds {z}, {x} and {y}, each once, and no other placeholder")
    if parts.netloc.endswith("tianditu.gov.cn") and not re.match(r"/[a-z]+_w/", parts.path):
        raise ValueError("Tianditu's layers in Web Mercator end in _w (vec_w, cva_w, img_w); _c does not fit the map")


def is_private_channel(address: str) -> bool:
    """Return whether nobody can listen on the way to a web address: https, or http to this very machine."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        return (parts.scheme == "https" and bool(host)) or (
            parts.scheme == "http" and (host == "localhost" or ip_address(host).is_loopback)
        )
    except ValueError:
        return False


def _words(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())
