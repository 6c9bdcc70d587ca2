"""Logins with access tokens, against a server that checks them."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

import pytest

from mail_proxy.config.settings import DeliverySettings
from mail_proxy.domain.errors import RelayRefused, RelayUnreachable
from mail_proxy.domain.oauth2 import Grant
from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.smtp import SmtpSink
from mail_proxy.smtp import Means, probe
from mail_proxy.smtp.handshake import oauthbearer

GRANT = Grant("https://login.example/token", "app", client_secret="s3cret")
LOGIN = {"user": "ann=a,b@x.example", "grant": GRANT}
TOKEN = "t" * 3000  # tokens of Microsoft are long


@dataclass
class FakeTokens:
    token: str = TOKEN
    failure: str = ""
    dropped: list[str] = field(default_factory=list)

    async def get(self, key, grant):
        assert (key, grant) == (("t", "a"), GRANT)
        if self.failure:
            raise RelayUnreachable(Stage.TOKEN, self.failure)
        return self.token

    def drop(self, key, token):
        self.dropped.append(token)


@pytest.mark.parametrize(
    ("offered", "used"),
    [
        (["PLAIN", "XOAUTH2"], "XOAUTH2"),
        (["OAUTHBEARER", "LOGIN"], "OAUTHBEARER"),
        (["XOAUTH2", "OAUTHBEARER"], "OAUTHBEARER"),
    ],
)
async def test_a_token_logs_in_the_way_the_server_offers(
    open_pool, relay_to, message, certificates, offered, used
):
    users = {"ann=a,b@x.example": TOKEN}
    async with SmtpSink(users=users, mechanisms=offered, tls=certificates.good) as sink:
        pool = open_pool(means=Means(tls=certificates.trusting, tokens=FakeTokens()))
        session = await pool.acquire(relay_to(sink, tls_mode="starttls", **LOGIN))
        assert (await session.send("s@x", ["a@x"], message)).is_accepted
        await pool.release(session)
        assert [c.line for c in sink.commands if c.line.startswith("AUTH")] == [f"AUTH {used}"]
        assert sink.messages[0].login == "ann=a,b@x.example"
        await pool.close()


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
async def test_a_token_that_is_refused_is_dropped_and_the_reply_is_told(
    open_pool, relay_to, mechanism
):
    tokens = FakeTokens()
    async with SmtpSink(users={"ann=a,b@x.example": "other"}, mechanisms=[mechanism]) as sink:
        pool = open_pool(means=Means(tokens=tokens))
        with pytest.raises(RelayRefused, match=r"login refused: 535 5\.7\.8"):
            await pool.acquire(relay_to(sink, **LOGIN))
        assert (tokens.dropped, pool.count) == ([TOKEN], 0)


@pytest.mark.parametrize("code", [421, 454])
async def test_a_server_that_is_busy_costs_no_token(open_pool, relay_to, code):
    tokens = FakeTokens()
    users = {"ann=a,b@x.example": TOKEN}
    async with SmtpSink(users=users, mechanisms=["XOAUTH2"]) as sink:
        sink.answer(Stage.AUTH, f"{code} 4.7.0 try again later")
        pool = open_pool(means=Means(tokens=tokens))
        with pytest.raises(RelayRefused, match=f"login refused: {code}"):
            await pool.acquire(relay_to(sink, **LOGIN))
    assert tokens.dropped == []


async def test_a_server_without_such_a_login_is_told(open_pool, relay_to):
    async with SmtpSink(users={"ann": "x"}) as sink:
        pool = open_pool(means=Means(tokens=FakeTokens()))
        with pytest.raises(RelayUnreachable, match="offers no login with an access token"):
            await pool.acquire(relay_to(sink, **LOGIN))


async def test_no_server_is_called_before_there_is_a_token(open_pool, relay_to):
    async with SmtpSink(users={"ann": "x"}) as sink:
        pool = open_pool(means=Means(tokens=FakeTokens(failure="x answered 503")))
        with pytest.raises(RelayUnreachable, match="token endpoint: x answered 503"):
            await pool.acquire(relay_to(sink, **LOGIN))
        assert (sink.connections, pool.count) == (0, 0)


async def test_a_token_does_not_travel_in_clear(open_pool, relay_to, monkeypatch):
    monkeypatch.setattr("mail_proxy.smtp.handshake.Handshake._is_loopback", False)
    async with SmtpSink(users={"ann": "x"}, mechanisms=["XOAUTH2"]) as sink:
        pool = open_pool(means=Means(tokens=FakeTokens()))
        with pytest.raises(RelayUnreachable, match="not sent in clear"):
            await pool.acquire(relay_to(sink, **LOGIN))
        assert not [c for c in sink.commands if c.line.startswith("AUTH")]


async def test_a_probe_tells_the_step_of_the_token(relay_to, clock):
    async with SmtpSink(users={"ann": "x"}, mechanisms=["XOAUTH2"]) as sink:
        means = Means(tokens=FakeTokens(failure="x answered 400 invalid_grant"))
        report = await probe(relay_to(sink, **LOGIN), DeliverySettings(), clock=clock, means=means)
    assert (report.failed_stage, report.auth_method) == (Stage.TOKEN, "oauth2")
    assert report.failure == "token endpoint: x answered 400 invalid_grant"
    assert list(report.timings_s) == ["connect", "tls", "token"]


def test_the_first_words_are_as_the_standard_has_them():
    """The example of RFC 7628 section 4.1."""
    said = base64.b64decode(
        oauthbearer("user@example.com", "vF9dft4qmT", "server.example.com", 143)
    )
    assert said == (
        b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01"
        b"auth=Bearer vF9dft4qmT\x01\x01"
    )


def test_a_name_cannot_break_out_of_its_place():
    said = base64.b64decode(oauthbearer("a,b=c", "t", "h", 1))
    assert said.startswith(b"n,a=a=2Cb=3Dc,\x01")
