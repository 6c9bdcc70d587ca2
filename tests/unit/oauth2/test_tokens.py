"""Access tokens from a real endpoint on loopback, by a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from mail_proxy.domain.errors import RelayUnreachable
from mail_proxy.domain.oauth2 import Grant
from mail_proxy.domain.reply import Stage
from mail_proxy.http_out import OutgoingHttp
from mail_proxy.oauth2 import AccessTokens, tokens
from mail_proxy.oauth2.tokens import REMEMBERED_ROTATIONS
from mail_proxy.sinks.tokens import TokenSink
from tests.patience import PATIENCE_S

KEY = ("acme", "main")


@dataclass
class HandClock:
    at: float = 0.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def dice(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


@dataclass
class Kept:
    """Where refresh tokens are stored."""

    written: list[tuple[Any, str, str]] = field(default_factory=list)
    is_full: bool = False

    async def __call__(self, key: Any, old: str, new: str) -> bool:
        self.written.append((key, old, new))
        return not self.is_full


@dataclass
class Stand:
    sink: TokenSink
    clock: HandClock
    kept: Kept
    tokens: AccessTokens

    def grant(self, **fields: Any) -> Grant:
        chosen = {"client_id": "client", "client_secret": "client-secret", **fields}
        return Grant(self.sink.url, **chosen)


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with TokenSink({}, rotates=True) as sink, OutgoingHttp() as http:
        clock, kept = HandClock(), Kept()
        yield Stand(sink, clock, kept, AccessTokens(http, clock, kept))


async def test_one_token_serves_many_connections_until_shortly_before_its_end(stand):
    grant = stand.grant(scope="mail send")
    got = await asyncio.gather(*(stand.tokens.get(KEY, grant) for _ in range(50)))
    assert set(got) == {"access-1"}
    stand.clock.at = 3299.0
    assert await stand.tokens.get(KEY, grant) == "access-1"
    stand.clock.at = 3300.0
    assert await stand.tokens.get(KEY, grant) == "access-2"
    assert stand.sink.asked[0] == {
        "grant_type": "client_credentials",
        "client_id": "client",
        "client_secret": "client-secret",
        "scope": "mail send",
    }


async def test_those_who_wait_share_a_failure_and_who_comes_later_asks_again(stand):
    stand.sink.answers.append((503, {}))
    waiting = [stand.tokens.get(KEY, stand.grant()) for _ in range(20)]
    failed = await asyncio.gather(*waiting, return_exceptions=True)
    assert {(type(error), error.stage) for error in failed} == {(RelayUnreachable, Stage.TOKEN)}
    assert str(failed[0]) == "token endpoint: 127.0.0.1 answered 503 and no token"
    assert len(stand.sink.asked) == 1
    stand.clock.at = 10.0
    assert await stand.tokens.get(KEY, stand.grant()) == "access-2"


async def test_another_refresh_token_is_stored_and_used(stand):
    grant = stand.grant(refresh_token="refresh-0")
    await stand.tokens.get(KEY, grant)
    assert stand.kept.written == [(KEY, "refresh-0", "refresh-1")]
    stand.clock.at = 4000.0
    assert await stand.tokens.get(KEY, grant) == "access-2"  # by who read the account before
    assert await stand.tokens.get(KEY, grant.renewed("refresh-2")) == "access-2"  # and after
    assert [form["refresh_token"] for form in stand.sink.asked] == ["refresh-0", "refresh-1"]


async def test_an_account_that_was_read_between_two_changes_is_still_the_same(stand):
    grant = stand.grant(refresh_token="refresh-0")
    for n in range(40):
        stand.clock.at = 4000.0 * n
        await stand.tokens.get(KEY, grant)
        between = stand.kept.written[0][2]
        assert await stand.tokens.get(KEY, grant.renewed(between)) == f"access-{n + 1}"
    assert [form["refresh_token"] for form in stand.sink.asked] == [
        f"refresh-{n}" for n in range(40)
    ]


async def test_a_refresh_token_that_nobody_asks_with_is_not_remembered_for_good(stand):
    grant = stand.grant(refresh_token="refresh-0")
    await stand.tokens.get(KEY, grant)
    for n in range(1, REMEMBERED_ROTATIONS + 1):
        stand.clock.at = 4000.0 * n
        await stand.tokens.get(KEY, grant.renewed(f"refresh-{n}"))
    assert len(stand.tokens._entries[KEY].chain) == REMEMBERED_ROTATIONS
    with pytest.raises(RelayUnreachable, match="invalid_grant"):  # it asks with the first again
        await stand.tokens.get(KEY, grant)


async def test_what_the_database_still_has_is_known_after_many_changes(stand):
    stand.kept.is_full = True
    grant = stand.grant(refresh_token="refresh-0")
    await stand.tokens.get(KEY, grant)
    for n in range(1, 2 * REMEMBERED_ROTATIONS):
        stand.clock.at = 4000.0 * n
        await stand.tokens.get(KEY, grant.renewed(f"refresh-{n}"))
    asked = len(stand.sink.asked)
    await stand.tokens.get(KEY, grant)
    assert len(stand.sink.asked) == asked


async def test_a_deleted_account_is_forgotten(stand):
    keys = [("acme", "main"), ("acme", "second"), ("beta", "main")]
    for key in keys:
        await stand.tokens.get(key, stand.grant())
    stand.tokens.forget("acme", "main")
    assert list(stand.tokens._entries) == keys[1:]
    stand.tokens.forget("acme")
    assert list(stand.tokens._entries) == keys[2:]


async def test_the_longest_unused_makes_room_unless_it_has_something_unsaved(stand, monkeypatch):
    monkeypatch.setattr(tokens, "REMEMBERED_ACCOUNTS", 3)
    stand.kept.is_full = True
    await stand.tokens.get(("acme", "0"), stand.grant(refresh_token="refresh-0"))
    stand.kept.is_full = False
    for name in "12134":
        await stand.tokens.get(("acme", name), stand.grant())
    assert list(stand.tokens._entries) == [("acme", "0"), ("acme", "3"), ("acme", "4")]


async def test_a_refresh_token_that_could_not_be_stored_is_stored_with_the_next_one(stand):
    stand.kept.is_full = True
    grant = stand.grant(refresh_token="refresh-0")
    assert await stand.tokens.get(KEY, grant) == "access-1"
    stand.kept.is_full = False
    stand.clock.at = 4000.0
    await stand.tokens.get(KEY, grant)
    assert stand.kept.written[-1] == (KEY, "refresh-0", "refresh-2")


async def test_a_changed_account_gets_a_token_of_its_own(stand):
    assert await stand.tokens.get(KEY, stand.grant()) == "access-1"
    assert await stand.tokens.get(KEY, stand.grant(scope="other")) == "access-2"
    assert await stand.tokens.get(("acme", "second"), stand.grant()) == "access-3"


async def test_a_token_that_a_server_refused_is_not_used_again(stand):
    token = await stand.tokens.get(KEY, stand.grant())
    stand.tokens.drop(KEY, "another one")
    assert await stand.tokens.get(KEY, stand.grant()) == token
    stand.tokens.drop(KEY, token)
    assert await stand.tokens.get(KEY, stand.grant()) == "access-2"


async def test_an_endpoint_that_a_tenant_has_set_may_not_be_inside(stand):
    with pytest.raises(RelayUnreachable, match=r"allowed_networks.*; allow it: mail-proxy NAME"):
        await stand.tokens.get(KEY, stand.grant(is_guarded=True))
    assert stand.sink.asked == []


async def test_an_endpoint_that_is_not_there_is_told(stand):
    grant = Grant("http://127.0.0.1:1/token", "client")
    with pytest.raises(RelayUnreachable, match=r"token endpoint: 127\.0\.0\.1 cannot be asked"):
        await stand.tokens.get(KEY, grant)


async def test_who_gives_up_waiting_leaves_the_endpoint_to_the_next(stand):
    async with asyncio.timeout(PATIENCE_S):
        first = asyncio.ensure_future(stand.tokens.get(KEY, stand.grant()))
        second = asyncio.ensure_future(stand.tokens.get(KEY, stand.grant()))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).startswith("access-")
