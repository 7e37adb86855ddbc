"""The organisation's OpenID provider: where a sign-in begins there, and whether what comes back is true.

Authorization code with PKCE (S256), state and nonce. The ID token's signature is checked with the provider's published
keys and an asymmetric algorithm only, then issuer, audience, authorized party, times and nonce (OpenID Connect Core
1.0, 3.1.3.7).
"""

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from gridmap.accounts.oidc import Pending, Person, ProviderRefused
from gridmap.errors import Unavailable
from gridmap.settings import Settings, is_private_channel

ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
SCOPE = "openid profile email"
TIMEOUT_S, LEEWAY_S, KEPT_S = 10, 60, 3600
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_Get = Callable[[str], dict[str, Any]]


class Provider:
    """One provider, as the settings name it; what it publishes is fetched at first use and kept for an hour.

    Raises
    ------
    Unavailable when the provider does not answer or publishes nonsense; ProviderRefused when a sign-in does not hold.
    """

    def __init__(self, settings: Settings, get: _Get | None = None) -> None:
        self.issuer, self.title = settings.oidc_issuer, settings.oidc_title
        self._client_id, self._secret = settings.oidc_client_id, settings.oidc_secret()
        self._name_claim = settings.oidc_name_claim
        self._amr, self._acr = settings.second_factor_amr, settings.second_factor_acr
        self._get, self._lock = get or _fetched, threading.Lock()
        self._known: tuple[float, dict[str, Any], KeySet] | None = None

    def begin(self, redirect_uri: str) -> tuple[str, Pending]:
        """Return the provider's address to lead a browser to, and what it must bring back."""
        metadata, _ = self._published()
        pending = Pending(secrets.token_urlsafe(32), secrets.token_urlsafe(32), generate_token(64))
        address, _ = self._session(metadata, redirect_uri).create_authorization_url(
            metadata["authorization_endpoint"], state=pending.state, nonce=pending.nonce, code_verifier=pending.verifier
        )
        return str(address), pending

    def finish(self, answer: Mapping[str, str], pending: Pending, redirect_uri: str) -> Person:
        """Return who signed in, from the query a browser brought back and what it had been given."""
        if not secrets.compare_digest(answer.get("state", "").encode(), pending.state.encode()):
            raise ProviderRefused("state is not this browser's")
        if answer.get("iss", self.issuer) != self.issuer:  # RFC 9207
            raise ProviderRefused("answer of another issuer")
        if "code" not in answer:
            raise ProviderRefused(f"provider says {answer.get('error', 'nothing')}")
        metadata, _ = self._published()
        token = self._redeemed(metadata, answer["code"], pending, redirect_uri)
        return self._person(self._verified(token, pending.nonce))

    def _redeemed(self, metadata: dict[str, Any], code: str, pending: Pending, redirect_uri: str) -> dict[str, Any]:
        try:
            with self._session(metadata, redirect_uri) as session:
                token: dict[str, Any] = session.fetch_token(
                    metadata["token_endpoint"], grant_type="authorization_code", code=code,
                    code_verifier=pending.verifier, redirect_uri=redirect_uri, allow_redirects=False, timeout=TIMEOUT_S,
                )  # fmt: skip
        except OAuthError as exc:
            raise ProviderRefused(f"code not redeemed: {exc.error}") from exc
        except (requests.RequestException, ValueError) as exc:
            raise _silent(exc) from exc
        return token

    def _verified(self, token: dict[str, Any], nonce: str) -> CodeIDToken:
        """Return the claims of an ID token once all of them are found true."""
        id_token = token.get("id_token")
        if not isinstance(id_token, str):
            raise ProviderRefused("no ID token")
        options = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self._client_id},
        }
        params = {"nonce": nonce, "client_id": self._client_id, "access_token": token.get("access_token")}
        try:
            decoded = self._decoded(id_token)
            claims = CodeIDToken(decoded.claims, decoded.header, options, params)
            claims.validate(leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError) as exc:
            raise ProviderRefused(f"ID token: {exc}") from exc
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise ProviderRefused("ID token: no subject")
        return claims

    def _decoded(self, id_token: str) -> jwt.Token:
        metadata, keys = self._published()
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        registry = JWSRegistry(algorithms=sorted(ALGORITHMS.intersection(offered)), strict_check_header=False)
        try:
            return jwt.decode(id_token, keys, registry=registry)
        except InvalidKeyIdError:  # the provider has changed its keys
            _, keys = self._published(anew=True)
            return jwt.decode(id_token, keys, registry=registry)

    def _person(self, claims: CodeIDToken) -> Person:
        name, shown = claims.get(self._name_claim), {str(value) for value in claims.get("amr") or ()}
        is_double = bool(self._amr & shown) or str(claims.get("acr", "")) in self._acr
        return Person(self.issuer, claims["sub"], name if isinstance(name, str) else None, is_double)

    def _published(self, *, anew: bool = False) -> tuple[dict[str, Any], KeySet]:
        """Return what the provider says of itself and its keys."""
        with self._lock:
            if anew or self._known is None or time.monotonic() - self._known[0] > KEPT_S:
                self._known = (time.monotonic(), *self._asked())
            return self._known[1:]

    def _asked(self) -> tuple[dict[str, Any], KeySet]:
        try:
            metadata = self._get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            if metadata.get("issuer") != self.issuer:
                raise ValueError(f"it calls itself {metadata.get('issuer')!r}")
            if bad := [name for name in _ENDPOINTS if not is_private_channel(str(metadata.get(name, "")))]:
                raise ValueError(f"no https address for {', '.join(bad)}")
            return metadata, KeySet.import_key_set(self._get(metadata["jwks_uri"]))  # type: ignore[arg-type]
        except (requests.RequestException, JoseError, ValueError, KeyError, TypeError, AttributeError) as exc:
            raise _silent(exc) from exc

    def _session(self, metadata: dict[str, Any], redirect_uri: str) -> OAuth2Session:
        offered = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        wanted = "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"
        return OAuth2Session(
            self._client_id, self._secret, token_endpoint_auth_method=wanted if self._secret else "none", scope=SCOPE,
            redirect_uri=redirect_uri, code_challenge_method="S256", default_timeout=TIMEOUT_S,
        )  # fmt: skip


def _fetched(url: str) -> dict[str, Any]:
    answer = requests.get(url, timeout=TIMEOUT_S, allow_redirects=False, headers={"Accept": "application/json"})
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def _silent(cause: Exception) -> Unavailable:
    error = Unavailable(
        "The organisation's sign-in does not answer. Try again, or sign in with a password. 单位登录服务无响应，请稍后再试。"
    )
    error.add_note(f"OpenID provider: {cause}")
    return error
