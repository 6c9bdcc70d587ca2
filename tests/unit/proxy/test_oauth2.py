"""Accounts that log in with access tokens, end to end: token endpoint, mail server, daemon."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mail_proxy.delivery import lane
from mail_proxy.proxy import MailProxy
from mail_proxy.sinks.smtp import SmtpSink
from mail_proxy.sinks.tokens import TokenSink

USER = "ann@example.com"
ACCOUNT = {"tenant_id": "acme", "account_id": "main"}


def mail(name: str) -> dict[str, Any]:
    return {"id": name, "from": USER, "to": ["b@y.example"], "subject": "s", "body": "b"}


async def furnish(proxy: MailProxy, sink: SmtpSink, endpoint: TokenSink, **oauth2: Any) -> None:
    await proxy.handle_command("addTenant", {"id": "acme"})
    login = {"token_url": endpoint.url, "client_id": "client", "client_secret": "client-secret"}
    await proxy.handle_command(
        "addAccount",
        {
            "tenant_id": "acme",
            "id": "main",
            "host": sink.host,
            "port": sink.port,
            "user": USER,
            "oauth2": {**login, **oauth2},
        },
    )


async def post(proxy: MailProxy, *names: str) -> None:
    await proxy.handle_command("addMessages", {"messages": [mail(name) for name in names]})


@pytest.mark.slow
async def test_mail_goes_with_tokens_and_a_new_refresh_token_outlives_a_restart(
    settings: Any,
) -> None:
    users = {USER: ""}
    async with (
        TokenSink(users, rotates=True) as endpoint,
        SmtpSink(users=users, mechanisms=["XOAUTH2"]) as sink,
    ):
        async with await MailProxy.open(settings) as proxy:
            await furnish(proxy, sink, endpoint, refresh_token="refresh-0")
            proxy.start()
            await post(proxy, *(f"m{n}" for n in range(20)))
            await sink.wait_for(20)
            assert len(endpoint.asked) == 1
        async with await MailProxy.open(settings) as proxy:
            proxy.start()
            await post(proxy, "later")
            await sink.wait_for(21)
            told = (await proxy.handle_command("getAccount", ACCOUNT))["account"]
    assert [form["refresh_token"] for form in endpoint.asked] == ["refresh-0", "refresh-1"]
    assert {message.login for message in sink.messages} == {USER}
    assert told["oauth2"]["refresh_token"] == told["oauth2"]["client_secret"] == "********"


@pytest.mark.slow
async def test_an_endpoint_that_fails_pauses_the_account_and_costs_no_try(
    settings: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "FIRST_PAUSE_S", 0.3)
    users = {USER: ""}
    async with (
        TokenSink(users) as endpoint,
        SmtpSink(users=users, mechanisms=["OAUTHBEARER"]) as sink,
        await MailProxy.open(settings) as proxy,
    ):
        endpoint.answers.append((400, {"error": "invalid_grant", "error_description": "revoked"}))
        await furnish(proxy, sink, endpoint, refresh_token="refresh-0")
        results = proxy.results()
        proxy.start()
        await post(proxy, "m1", "m2")

        async def is_paused() -> bool:
            return "paused_reason" in (await proxy.handle_command("getAccount", ACCOUNT))["account"]

        await eventually(is_paused)
        why = await proxy.handle_command("explainMessage", {"tenant_id": "acme", "id": "m1"})
        assert "token endpoint: 127.0.0.1 answered 400 invalid_grant; revoked;" in why["why"]
        assert "sign in again and give the new one" in why["why"]
        assert why["do"] == "mail-proxy myserver acme accounts check main"
        outcomes = [await anext(results), await anext(results)]
        messages = (await proxy.handle_command("listMessages"))["messages"]
    assert {outcome["status"] for outcome in outcomes} == {"sent"}
    assert [message["tries"] for message in messages] == [1, 1]
    assert len(endpoint.asked) == 2


@pytest.mark.slow
async def test_a_login_is_checked_without_a_daemon(settings: Any) -> None:
    users = {USER: ""}
    async with TokenSink(users) as endpoint, SmtpSink(users=users, mechanisms=["XOAUTH2"]) as sink:
        proxy = await MailProxy.open(settings)
        try:
            await furnish(proxy, sink, endpoint)
            report = (await proxy.handle_command("checkAccount", ACCOUNT))["report"]
        finally:
            await proxy.close()
    assert (report["login"], report["failed_stage"], report["auth_method"]) == (
        "accepted",
        None,
        "oauth2",
    )


@pytest.mark.slow
async def test_sealed_secrets_outlive_the_loss_of_the_key(settings: Any) -> None:
    lost = replace(settings, encryption_key=bytes(31) + b"x")
    async with TokenSink({}) as endpoint, SmtpSink() as sink:
        async with await MailProxy.open(settings) as proxy:
            await furnish(proxy, sink, endpoint)
        async with await MailProxy.open(lost) as proxy:
            told = (await proxy.handle_command("getAccount", ACCOUNT))["account"]
            assert (told["needs_password"], told["auth_method"]) == (True, "oauth2")
            masked = {"token_url": endpoint.url, "client_id": "x", "client_secret": "********"}
            place = {"host": sink.host, "port": sink.port, "user": USER, "ttl": 60}
            await proxy.handle_command(
                "addAccount", {"tenant_id": "acme", "id": "main", **place, "oauth2": masked}
            )
        async with await MailProxy.open(settings) as proxy:
            told = (await proxy.handle_command("getAccount", ACCOUNT))["account"]
    assert (told["oauth2"]["client_id"], told["ttl"]) == ("client", 60)
