"""OpenID Connect, as a client: authorization code with PKCE; the ID token is believed after every check.

Plain values in and out. What the provider publishes (endpoints, keys) is remembered; a token signed with a
key that is not known makes it ask again, so that the provider may rotate its keys at any time, but only once
in `_ASK_AGAIN_SECONDS`: tokens of made-up keys must not make us hammer it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus, urlencode

import aiohttp
import orjson
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_ASK_AGAIN_SECONDS: Final = 10.0
_REMEMBER_SECONDS: Final = 3600.0
_PATIENCE_SECONDS: Final = 10.0
_LONGEST_ANSWER: Final = 256 * 1024
#: Clocks of two machines differ a little.
_LEEWAY_SECONDS: Final = 60
#: Signed by the provider's key pair; never `none`, never with our own secret.
_ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
#: OpenID Connect Core, section 2: `sub` has at most 255 characters.
_LONGEST_SUBJECT: Final = 255
_SCOPE: Final = "openid profile email"
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class ProviderAway(Exception):
    """The provider does not answer, or not as one."""


class ProviderRefused(Exception):
    """The provider's answer is not believed: the argument is a code of ours, never its words."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Where to send the browser, and what must come back."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Told:
    """Who somebody is, by the provider's word."""

    issuer: str
    subject: str
    claims: Mapping[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """What an administrator may know them by: a verified e-mail, and the login at the provider.

        A login in the shape of an e-mail is none: many providers let people choose their own, and whoever
        chose another's address would come in as them. Only the provider's word that it is theirs counts.
        """
        mail = self.claims.get("email") if self.claims.get("email_verified") is True else None
        login = self.claims.get("preferred_username")
        found = (mail, login if isinstance(login, str) and "@" not in login else None)
        return tuple(name.strip().casefold() for name in found if isinstance(name, str) and name.strip())


@dataclass(frozen=True, slots=True)
class _Published:
    endpoints: Mapping[str, str]
    keys: KeySet
    asked_at: float


class Provider:
    """One provider, as one client of it. Not shared between event loops."""

    def __init__(self, issuer: str, client_id: str, client_secret: str | None) -> None:
        """Take who it is and who we are to it."""
        self._issuer = issuer.rstrip("/")
        self._client_id = client_id
        self._secret = client_secret
        self._published: _Published | None = None
        self._http: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Let go of the connections."""
        if self._http is not None:
            await self._http.close()

    async def ask(self, *, back: str) -> Asked:
        """Begin a sign-in that comes back to the address `back`. Raises ProviderAway."""
        endpoints = (await self._known()).endpoints
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": back,
            "scope": _SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        target = endpoints["authorization_endpoint"]
        joint = "&" if "?" in target else "?"
        return Asked(f"{target}{joint}{urlencode(query)}", state, nonce, verifier)

    async def told(self, code: str, *, back: str, verifier: str, nonce: str, now: datetime) -> Told:
        """Who it is that came back with this code. Raises ProviderAway, ProviderRefused."""
        endpoints = (await self._known()).endpoints
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "client_id": self._client_id,
            "code_verifier": verifier,
        }
        answer = await self._json("POST", endpoints["token_endpoint"], data=form, headers=self._proof())
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderRefused("no_id_token")
        told = await self.believed(token, nonce=nonce, now=now)
        access = answer.get("access_token")
        if "userinfo_endpoint" not in endpoints or not isinstance(access, str):
            return told
        # Many providers tell e-mail and login there only. It is theirs alone if it is of the same subject.
        more = await self._json(
            "GET", endpoints["userinfo_endpoint"], headers={"Authorization": f"Bearer {access}"}
        )
        if more.get("sub") != told.subject:
            raise ProviderRefused("subject")
        return Told(told.issuer, told.subject, {**more, **told.claims})

    async def believed(self, token: str, *, nonce: str, now: datetime) -> Told:
        """What an ID token says, once its signature, issuer, audience, times and nonce are right."""
        claims = (await self._decoded(token)).claims
        moment = int(now.timestamp())
        registry = jwt.JWTClaimsRegistry(
            now=moment,
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._issuer},
            sub={"essential": True},
            aud={"essential": True, "value": self._client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True},
        )
        try:
            registry.validate({**claims, "iss": str(claims.get("iss", "")).rstrip("/")})
        except JoseError as error:
            raise ProviderRefused(_code_of(error)) from None
        audience = claims["aud"]
        if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != self._client_id:
            raise ProviderRefused("audience")
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise ProviderRefused("nonce")
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= _LONGEST_SUBJECT:
            raise ProviderRefused("subject")
        return Told(self._issuer, claims["sub"], claims)

    async def end_address(self, *, back: str) -> str | None:
        """Where the sign-in at the provider itself is ended; None when it has no such place."""
        target = (await self._known()).endpoints.get("end_session_endpoint")
        if target is None:
            return None
        joint = "&" if "?" in target else "?"
        query = urlencode({"client_id": self._client_id, "post_logout_redirect_uri": back})
        return f"{target}{joint}{query}"

    def _proof(self) -> dict[str, str]:
        """Who we are to the provider (client_secret_basic); nothing for a client without a secret."""
        if self._secret is None:
            return {}
        # RFC 6749 2.3.1: each is encoded as in a form first.
        pair = f"{quote_plus(self._client_id)}:{quote_plus(self._secret)}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    async def _decoded(self, token: str) -> jwt.Token:
        known = await self._known()
        try:
            try:
                return jwt.decode(token, known.keys, algorithms=list(_ALGORITHMS))
            except InvalidKeyIdError:
                if time.monotonic() - known.asked_at < _ASK_AGAIN_SECONDS:
                    raise
                keys = (await self._known(again=True)).keys
                return jwt.decode(token, keys, algorithms=list(_ALGORITHMS))
        except InvalidKeyIdError:
            raise ProviderRefused("unknown_key") from None
        except (JoseError, ValueError) as error:
            raise ProviderRefused(_code_of(error)) from None

    async def _known(self, *, again: bool = False) -> _Published:
        """What the provider publishes, asked for when it is not known or old."""
        found = self._published
        if found is None or again or time.monotonic() - found.asked_at > _REMEMBER_SECONDS:
            found = self._published = await self._published_now()
        return found

    async def _published_now(self) -> _Published:
        about = await self._json("GET", f"{self._issuer}/.well-known/openid-configuration")
        if str(about.get("issuer", "")).rstrip("/") != self._issuer:
            raise ProviderRefused("issuer")
        endpoints = {
            name: value
            for name, value in about.items()
            if name.endswith(("_endpoint", "_uri")) and isinstance(value, str)
        }
        if any(name not in endpoints for name in _ENDPOINTS):
            raise ProviderAway("endpoints")
        keys = await self._json("GET", endpoints["jwks_uri"])
        try:
            return _Published(endpoints, KeySet.import_key_set(keys), time.monotonic())  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError):
            raise ProviderAway("keys") from None

    async def _json(self, method: str, address: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
        """The object that an address answers with. Raises ProviderAway, ProviderRefused."""
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE_SECONDS))
        try:
            async with self._http.request(method, address, allow_redirects=False, **more) as answer:
                # One read gives what has come so far; the rest of a longer answer is still on its way.
                body = await answer.content.read(_LONGEST_ANSWER)
                while len(body) < _LONGEST_ANSWER and (more_ := await answer.content.read(_LONGEST_ANSWER)):
                    body += more_
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ProviderAway(type(error).__name__) from None
        if 400 <= status < 500:  # noqa: PLR2004
            raise ProviderRefused("code")
        try:
            found = orjson.loads(body) if status == 200 else None  # noqa: PLR2004
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise ProviderAway(f"status_{status}")
        return found


def _code_of(error: Exception) -> str:
    """Which check failed, in a word of ours."""
    claim = getattr(error, "claim", None)
    return f"{type(error).__name__}:{claim}" if claim else type(error).__name__
