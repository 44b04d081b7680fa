"""统一认证: against a real provider process, and against one of ours that says what it should not."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from pydantic import SecretStr

from connectors.oidc import Provider, ProviderRefused, Told
from models.staff import ProviderAttempt
from models.vocab_staff import Role
from tests.triage.services.staff.conftest import CHEAP
from tests.triage.services.staff.helpers import HERE, acts, person
from tests.triage.web.signin.conftest import Hand, without_codes
from triage.clock import SystemClock
from triage.errors import SettingsError
from triage.services.limiting import TooOften
from triage.services.staff import accounts, limits, signing_in
from triage.services.staff import provider as service
from triage.services.staff.rules import rule_at
from triage.services.staff.signing_in import Refused
from triage.web.app import make_app
from triage.web.signin import identify

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from triage.services.deps import Deps
    from triage.settings import Settings

CLIENT = "jiesu"


@pytest.fixture
def deps(deps: Deps) -> Deps:
    """An auditor is in at once: what is tried here is what comes before a code, and after."""
    return without_codes(deps)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """oidc-provider-mock as a process: its issuer."""
    port = free_port()
    people = [
        {"sub": "u-1", "email": "wang@example.gov.cn", "email_verified": True, "name": "王某"},
        {"sub": "u-2", "email": "wang@example.gov.cn", "email_verified": False},
        {"sub": "u-3", "preferred_username": "newcomer", "name": "新来的", "groups": ["clerks", "other"]},
        {"sub": "u-4", "preferred_username": "guest", "groups": ["other"]},
    ]
    claims = [word for one in people for word in ("--user-claims", orjson.dumps(one).decode())]
    with subprocess.Popen(
        [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true", *claims],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        address = f"http://127.0.0.1:{port}"
        for _ in range(300):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/.well-known/openid-configuration", timeout=2).close()  # noqa: S310
                break
            time.sleep(0.1)
        yield address
        process.terminate()


def settings_for(issuer: str, **more: Any) -> Settings:  # noqa: ANN401
    return CHEAP.model_copy(
        update={
            "oidc_issuer": issuer,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": SecretStr("a secret"),
            **more,
        }
    )


@contextlib.asynccontextmanager
async def desk(deps: Deps, issuer: str, **more: Any) -> AsyncIterator[Hand]:  # noqa: ANN401
    """A browser at a desk that knows the provider."""
    app = make_app(replace(deps, settings=settings_for(issuer, **more), clock=SystemClock()))
    async with TestClient(TestServer(app)) as client:
        yield Hand(client)


async def over_there(hand: Hand, who: str, wanted: str = "") -> tuple[str, str]:
    """Go to the provider and say who one is. Gives where it sends the browser back, and where it was sent."""
    sent = await hand.client.get(f"/login/provider?{urlencode({'next': wanted})}", allow_redirects=False)
    there = sent.headers["Location"]
    answer = await hand.client.session.post(there, data={"sub": who}, allow_redirects=False)
    return answer.headers["Location"], there


async def back(hand: Hand, address: str) -> str:
    """Come back from the provider."""
    return await hand.get(urlsplit(address)._replace(scheme="", netloc="").geturl())


async def test_the_first_sign_in_links_the_account_and_later_ones_go_by_the_subject(
    deps: Deps, mock: str
) -> None:
    number = await person(deps, "wang", (Role.AUDITOR, None), password=None)
    await set_provider_name(deps, number, "wang@example.gov.cn")
    async with desk(deps, mock) as hand:
        assert "用统一认证登录" in await hand.get("/login")
        address, there = await over_there(hand, "u-1", "/me")
        await back(hand, address)
        assert (hand.status, hand.address) == (200, "/me")
        assert "统一认证" in hand.page
        await hand.post("/logout")
        assert "退出统一认证" in hand.page
        # The name is used up; the link is what counts.
        await back(hand, (await over_there(hand, "u-1", "/me"))[0])
        assert hand.address == "/me"
    asked = parse_qs(urlsplit(there).query)
    assert (asked["response_type"], asked["code_challenge_method"]) == (["code"], ["S256"])
    assert min(len(asked[name][0]) for name in ("state", "nonce", "code_challenge")) == 43
    assert (await acts(deps, "wang")).count("staff.signed_in") == 2


async def test_a_disabled_account_is_refused_and_that_is_written_down(deps: Deps) -> None:
    number = await person(deps, "wang", (Role.AUDITOR, None), password=None)
    now = deps.clock.now()
    async with deps.db.writes.begin() as session:
        await accounts.disable(session, "wang", by="boss", now=now)
    with pytest.raises(Refused, match="停用"):
        await signing_in.by_provider(deps, number, "wang", came=HERE, before=None, now=now)
    assert (await acts(deps, "wang"))[-2:] == ["staff.disabled", "staff.refused"]


async def set_provider_name(deps: Deps, number: int, name: str) -> None:
    import sqlalchemy as sa  # noqa: PLC0415

    from models.staff import Account  # noqa: PLC0415

    async with deps.db.writes.begin() as session:
        await session.execute(sa.update(Account).where(Account.staff_id == number).values(provider_name=name))


async def test_an_email_that_nobody_verified_links_nothing(deps: Deps, mock: str) -> None:
    number = await person(deps, "wang", (Role.AUDITOR, None), password=None)
    await set_provider_name(deps, number, "wang@example.gov.cn")
    async with desk(deps, mock) as hand:
        await back(hand, (await over_there(hand, "u-2"))[0])
        assert (hand.status, "没有登记您的账号" in hand.page, hand.session) == (403, True, "")


async def test_nobody_gets_an_account_unless_a_claim_gives_a_role(deps: Deps, mock: str) -> None:
    async with desk(deps, mock) as hand:
        await back(hand, (await over_there(hand, "u-3"))[0])
        assert "没有登记您的账号" in hand.page
    roles = {"oidc_role_claim": "groups", "oidc_roles": "clerks=auditor, street=street@110105026"}
    async with desk(deps, mock, **roles) as hand:
        await back(hand, (await over_there(hand, "u-4"))[0])
        assert "没有登记您的账号" in hand.page
        await back(hand, (await over_there(hand, "u-3", "/me"))[0])
        assert (hand.address, "新来的" in hand.page, "审计员" in hand.page) == ("/me", True, True)
    assert await acts(deps, "newcomer") == [
        "staff.added",
        "staff.changed",
        "staff.changed",
        "staff.signed_in",
    ]


@pytest.mark.parametrize("text", ["clerks=emperor", "=clerk", "clerks"])
def test_a_role_map_that_says_nothing_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match="JIESU_OIDC_ROLES"):
        service.role_map(settings_for("https://a.example", oidc_roles=text))


async def test_a_state_that_is_not_ours_opens_nothing_and_no_answer_is_taken_twice(
    deps: Deps, mock: str
) -> None:
    number = await person(deps, "wang", (Role.AUDITOR, None), password=None)
    await set_provider_name(deps, number, "wang@example.gov.cn")
    async with desk(deps, mock) as hand, desk(deps, mock) as other:
        address, _ = await over_there(hand, "u-1")
        forged = re.sub(r"state=[^&]+", "state=" + "x" * 43, address)
        await back(hand, forged)
        assert (hand.status, hand.session) == (403, "")
        # That answer is spent, with its right state too.
        await back(hand, address)
        assert (hand.status, hand.session) == (403, "")
        # Another browser's answer: whoever planted it is not let in here.
        address, _ = await over_there(other, "u-1")
        await back(hand, address)
        assert (hand.status, hand.session) == (403, "")
        await back(hand, "/login/provider/back?error=access_denied&state=x")
        assert (hand.status, hand.session) == (403, "")


async def test_a_provider_that_is_away_leaves_the_local_way(deps: Deps) -> None:
    async with desk(deps, f"http://127.0.0.1:{free_port()}") as hand:
        await hand.get("/login/provider")
        assert (hand.status, "暂时连不上" in hand.page, 'name="password"' in hand.page) == (503, True, True)


async def test_an_address_is_not_sent_to_the_provider_for_ever(deps: Deps, mock: str) -> None:
    most = rule_at(deps.tables, SystemClock().now()).attempts_per_address
    async with desk(deps, mock) as hand:
        sent = await hand.client.get("/login/provider", allow_redirects=False)
        app = hand.client.app
        assert (sent.status, app is not None) == (303, True)
        for _ in range(most):
            with contextlib.suppress(TooOften):
                await limits.ask(
                    deps,
                    app[identify.COUNTS],
                    "127.0.0.1",
                    most=most,
                    now=SystemClock().now(),
                )
        await hand.get("/login/provider")
        assert (hand.status, "太频繁" in hand.page) == (429, True)
    async with deps.db.reads() as session:
        assert len((await session.scalars(sa.select(ProviderAttempt))).all()) == 1


@dataclass
class Liar:
    """A provider of ours that says whatever a test wants."""

    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}, auto_kid=False))
    published: list[RSAKey] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    asked_keys: int = 0
    issuer: str = ""
    #: In how many pieces its keys come, a moment apart.
    pieces: int = 1

    def token(self, **claims: Any) -> str:  # noqa: ANN401
        now = int(time.time())
        good = {"iss": self.issuer, "aud": CLIENT, "sub": "u-1", "iat": now, "exp": now + 300, "nonce": "n"}
        header = {"alg": "RS256", "kid": self.key.kid, **self.header}
        return jwt.encode(header, {**good, **claims}, self.key)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._about)
        app.router.add_get("/jwks", self._keys)
        return app

    async def _about(self, request: web.Request) -> web.Response:
        del request
        ends = {name: f"{self.issuer}/{name}" for name in ("authorization_endpoint", "token_endpoint")}
        return web.json_response({"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks", **ends})

    async def _keys(self, request: web.Request) -> web.StreamResponse:
        self.asked_keys += 1
        told = orjson.dumps(KeySet(list(self.published)).as_dict(private=False))
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        step = -(-len(told) // self.pieces)
        for start in range(0, len(told), step):
            await response.write(told[start : start + step])
            await asyncio.sleep(0.05 * (self.pieces - 1))
        await response.write_eof()
        return response


@pytest.fixture
async def liar() -> AsyncIterator[Liar]:
    found = Liar()
    found.published = [found.key]
    async with TestServer(found.app()) as server:
        found.issuer = str(server.make_url("/")).rstrip("/")
        yield found


@pytest.fixture
async def ours(liar: Liar) -> AsyncIterator[Provider]:
    found = Provider(liar.issuer, CLIENT, "secret")
    yield found
    await found.close()


NOW = SystemClock().now


async def test_a_good_token_is_believed(liar: Liar, ours: Provider) -> None:
    told = await ours.believed(liar.token(email="A@b.cn", email_verified=True), nonce="n", now=NOW())
    assert (told.subject, told.names) == ("u-1", ("a@b.cn",))


@pytest.mark.parametrize(
    ("claims", "names"),
    [
        ({"preferred_username": "Wang"}, ("wang",)),
        # Whoever chose another's address as a login did not prove that it is theirs.
        ({"preferred_username": "boss@example.gov.cn"}, ()),
        ({"preferred_username": "boss@example.gov.cn", "email": "boss@example.gov.cn"}, ()),
        ({"email": "boss@example.gov.cn", "email_verified": "true"}, ()),
        ({"email": "boss@example.gov.cn", "email_verified": True}, ("boss@example.gov.cn",)),
    ],
)
def test_a_chosen_login_proves_no_address(claims: dict[str, Any], names: tuple[str, ...]) -> None:
    assert Told("https://a.example", "u", claims).names == names


async def test_what_a_provider_publishes_may_come_in_pieces(liar: Liar, ours: Provider) -> None:
    liar.pieces = 3
    told = await ours.believed(liar.token(), nonce="n", now=NOW())
    assert told.subject == "u-1"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"aud": "somebody else"}, "aud"),
        ({"aud": [CLIENT, "other"]}, "audience"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"exp": int(time.time()) - 120}, "Expired"),
        ({"exp": None}, "exp"),
        ({"iat": int(time.time()) + 3600}, "iat"),
        ({"sub": ""}, "sub"),
    ],
)
async def test_a_token_that_is_wrong_in_one_thing_is_not(
    liar: Liar, ours: Provider, claims: dict[str, Any], why: str
) -> None:
    with pytest.raises(ProviderRefused, match=why):
        await ours.believed(liar.token(**claims), nonce="n", now=NOW())


async def test_unsigned_changed_and_symmetric_tokens_are_not_believed(liar: Liar, ours: Provider) -> None:
    head, body, signature = liar.token().split(".")
    forged = jwt.encode({"alg": "HS256"}, {"sub": "u-1"}, _symmetric("secret" * 8))
    none = "eyJhbGciOiJub25lIn0." + body + "."
    for token in (f"{head}.{body}x.{signature}", f"{head}.{body}.", none, forged, "x", ""):
        with pytest.raises(ProviderRefused):
            await ours.believed(token, nonce="n", now=NOW())


def _symmetric(text: str) -> Any:  # noqa: ANN401
    from joserfc.jwk import OctKey  # noqa: PLC0415

    return OctKey.import_key(text)


async def test_new_keys_are_fetched_when_they_appear_and_made_up_ones_not_over_and_over(
    liar: Liar, ours: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ours.believed(liar.token(), nonce="n", now=NOW())
    liar.key = RSAKey.generate_key(2048, {"kid": "two"}, auto_kid=False)
    for _ in range(3):
        with pytest.raises(ProviderRefused, match="unknown_key"):
            await ours.believed(liar.token(), nonce="n", now=NOW())
    assert liar.asked_keys == 1

    liar.published.append(liar.key)
    monkeypatch.setattr("connectors.oidc._ASK_AGAIN_SECONDS", 0.0)
    await ours.believed(liar.token(), nonce="n", now=NOW())
    assert liar.asked_keys == 2


async def test_a_provider_that_calls_itself_otherwise_is_not_asked(liar: Liar) -> None:
    ours = Provider(liar.issuer.replace("127.0.0.1", "localhost"), CLIENT, None)
    with pytest.raises(ProviderRefused, match="issuer"):
        await ours.ask(back="http://127.0.0.1/login/provider/back")
    await ours.close()


def test_half_a_provider_is_refused_at_the_start(deps: Deps) -> None:
    half = settings_for("https://a.example", oidc_client_id=None)
    with pytest.raises(SettingsError, match="CLIENT_ID"):
        make_app(replace(deps, settings=half))
    assert identify.PROVIDER not in make_app(deps)
