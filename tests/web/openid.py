"""A small OpenID provider on loopback, whose answers a test can bend."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "gridmap", "made-for-" + secrets.token_hex(8)


def key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _part(content: dict[str, Any]) -> str:
    return _base64(json.dumps(content).encode())


class OpenIdProvider:
    """Signs everybody in at once as `person`; `bend` changes the claims, `sign` how the ID token is made."""

    def __init__(self, issuer: str) -> None:
        self.issuer, self.key, self.published = issuer, key("one"), None
        self.person: dict[str, Any] = {"sub": "7", "preferred_username": "Zhang.San"}
        self.bend: dict[str, Any] = {}
        self.sign = self.signed
        self.metadata: dict[str, Any] = {}
        self.is_down = False
        self._codes: dict[str, dict[str, str]] = {}
        self.redeemed = 0

    def signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    def signed_by(self, other: RSAKey) -> None:
        """Sign with a key that is not published, under the name of the one that is."""
        self.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, other)

    def unsigned(self) -> None:
        """Say that no signature is needed, in the token and in the metadata."""
        self.metadata["id_token_signing_alg_values_supported"] = ["none", "RS256"]
        self.sign = lambda claims: f"{_part({'alg': 'none'})}.{_part(claims)}."

    def signed_with_the_public_key(self) -> None:
        """Use the published key as the secret of an HMAC, the old confusion of algorithms."""
        self.metadata["id_token_signing_alg_values_supported"] = ["HS256", "RS256"]
        secret = self.key.as_pem(private=False)

        def confused(claims: dict[str, Any]) -> str:
            signed = ".".join(_part(part) for part in ({"alg": "HS256", "kid": self.key.kid}, claims))
            return f"{signed}.{_base64(hmac.digest(secret, signed.encode(), 'sha256'))}"

        self.sign = confused

    def answer(self, method: str, path: str, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        """Return status and body, or status and address to go to."""
        if self.is_down:
            return 500, {}
        url = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
                "id_token_signing_alg_values_supported": ["RS256"], **self.metadata,
            }  # fmt: skip
        if url.path == "/keys":
            return 200, {"keys": [(self.published or self.key).as_dict(private=False)]}
        if url.path == "/authorize":
            code = secrets.token_urlsafe(16)
            self._codes[code] = query
            return 303, f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"
        if url.path == "/token" and method == "POST":
            return self._token(form, authorization)
        return 404, {}

    def _token(self, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        asked = self._codes.pop(form.get("code", ""), None)  # a code counts once
        secret = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if authorization != f"Basic {secret}":
            return 401, {"error": "invalid_client"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = _base64(digest)
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        self.redeemed += 1
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 60, "nonce": asked["nonce"]}
        claims |= self.person | self.bend
        claims = {name: value for name, value in claims.items() if value is not None}
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": self.sign(claims)}


@contextmanager
def running() -> Iterator[OpenIdProvider]:
    """Run a provider and yield it."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            status, body = provider.answer(self.command, self.path, form, self.headers.get("Authorization", ""))
            self.send_response(status)
            if isinstance(body, str):
                self.send_header("Location", body)
                body = {}
            raw = json.dumps(body).encode()
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = _serve  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = OpenIdProvider(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
