"""Secrets of every kind go through a daemon at DEBUG, with faults: none is found anywhere after."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from mail_proxy.config.instances import Instance
from mail_proxy.domain.reply import Stage
from mail_proxy.sinks.reports import PATH, ReportSink
from mail_proxy.sinks.smtp import SmtpSink
from mail_proxy.sinks.tokens import TokenSink
from mail_proxy.wire.caller import Scope
from mail_proxy.wire.routes import ROUTES
from tests.faults.installation import Installation, until

USER = "ann@example.com"
SUBJECT = "nothing secret: it must be found"
PATIENCE_S = 60.0


def canary(name: str) -> str:
    """No secret's shape: only its place tells that it is one."""
    return f"kanarie{name}9x7q5z"


class Run:
    """One daemon, its servers, the secrets that it was told and what it answered."""

    def __init__(self, main: Installation, relays: dict[str, SmtpSink], tokens: TokenSink) -> None:
        self.main = main
        self.relays = relays
        self.tokens = tokens
        self.secrets: dict[str, str] = {}
        self.answers: list[bytes] = []

    def secret(self, name: str) -> str:
        return self.secrets.setdefault(name, canary(name))

    async def tell_all(self) -> None:
        """Every secret that there is, on its usual way in."""
        main, call = self.main, self.main.call
        self.secrets["admin token"] = (await call("getToken"))["token"]
        bearer = {"method": "bearer", "token": self.secret("bearer")}
        reports = {"client_base_url": main.application.base_url, "client_sync_path": PATH}
        large = {
            "storage_url": "file://",
            "public_base_url": main.url,
            "storage_auth": {
                "secret": self.secret("s3"),
                "account_key": self.secret("azure"),
                "connection_string": f"AccountName=a;AccountKey={self.secret('string')}",
                "service_account": {"private_key": self.secret("google")},
            },
        }
        made = await call(
            "addTenant", id="acme", client_auth=bearer, large_file_config=large, **reports
        )
        main.key = self.secrets["key"] = made["api_key"]
        added = await call("addTenantKey", tenant_id="acme")
        self.secrets["second key"] = added["api_key"]
        basic = {"method": "basic", "user": "app", "password": self.secret("basic")}
        made = await call("addTenant", id="bravo", client_auth=basic, **reports)
        self.secrets["other key"] = made["api_key"]
        webhook = await call("createWebhookSecret", tenant_id="acme")
        self.secrets["webhook"] = webhook["secret"]
        await call("updateInstance", bounce_imap_password=self.secret("bounce"))
        self.answers.append(repr(await call("checkStorage", tenant_id="acme")).encode())
        await self.add_accounts()

    async def add_accounts(self) -> None:
        await self.account("plain", password=self.secret("smtp"), imap_password=self.secret("imap"))
        await self.account("refused", password=self.secret("wrong"))
        oauth2 = {
            "token_url": self.tokens.url,
            "client_id": "client",
            "client_secret": self.secret("client"),
            "refresh_token": self.secret("refresh"),
        }
        await self.account("tokens", oauth2=oauth2)
        bad = {**oauth2, "client_secret": self.secret("badclient")}
        await self.account("notoken", oauth2=bad)

    async def account(self, name: str, **login: Any) -> None:
        relay = self.relays.get(name, self.relays["plain"])
        place = {"host": relay.host, "port": relay.port, "tls_mode": "none", "user": USER}
        await self.main.call("addAccount", tenant_id="acme", id=name, **place, **login)

    async def ask(
        self, session: aiohttp.ClientSession, method: str, path: str, token: str, **given: Any
    ) -> None:
        headers = {"X-API-Token": token}
        url = f"{self.main.url}{path}"
        async with session.request(method, url, headers=headers, **given) as answer:
            self.answers.append(repr(dict(answer.headers)).encode() + await answer.read())

    async def look_everywhere(self, session: aiohttp.ClientSession) -> None:
        """Every GET route, by the admin and by the tenant."""
        known = {"tenant_id": "acme", "account_id": "refused", "id": "plain", "key_id": "first"}
        known |= {"token": "t", "filename": "f"}
        for route in ROUTES.values():
            if route.method == "GET" and route.scope < Scope.LOCAL:
                query = "?after=0&for_s=0&lines=10000" if route.streams else ""
                for token in ("admin token", "key"):
                    path = route.path.format_map(known) + query
                    await self.ask(session, "GET", path, self.secrets[token])

    async def do_wrong(self, session: aiohttp.ClientSession) -> None:
        """Secrets in places where they do not belong, as people put them."""
        admin = self.secrets["admin token"]
        await self.ask(session, "GET", "/status", self.secret("guess"))
        wrong = [
            {"id": "x", "host": "h", "port": 1, "password": [self.secret("inlist")]},
            {"id": "x", "host": "h", "port": "no", "password": self.secret("besides")},
            {"id": "x", "host": "h", "port": 1, "user": "u", "oauth2": {"client_secret": 7.5}},
        ]
        for body in wrong:
            await self.ask(session, "POST", "/account", admin, json={"tenant_id": "acme", **body})
        url = f"http://app:{self.secret('userinfo')}@app.example.com"
        body = {"id": "charlie", "client_base_url": url}
        await self.ask(session, "POST", "/tenant", admin, json=body)


@pytest.fixture
async def run(instance: Instance, environ: dict[str, str]) -> AsyncIterator[Run]:
    """A daemon whose umask hides nothing, at DEBUG."""
    users = {USER: ""}
    password = {USER: canary("smtp")}
    async with AsyncExitStack() as opened:
        tokens = TokenSink(
            users,
            client=("client", canary("client")),
            refresh_token=canary("refresh"),
            prefix=canary("access"),
            rotates=True,
        )
        await opened.enter_async_context(tokens)
        relays = {
            "plain": await opened.enter_async_context(SmtpSink(users=password)),
            "refused": await opened.enter_async_context(SmtpSink(users=password)),
            "tokens": await opened.enter_async_context(
                SmtpSink(users=users, mechanisms=["XOAUTH2"])
            ),
        }
        # A server that repeats what it was told.
        relays["refused"].answer(Stage.AUTH, f"535 5.7.8 {canary('wrong')} is no password")
        application = await opened.enter_async_context(
            ReportSink(answers=[(500, {"error": canary("bearer")})])
        )
        environ = {**environ, "GMP_LOG_LEVEL": "DEBUG"}
        main = Installation(instance, environ, relays["plain"], application)
        before = os.umask(0)
        try:
            await main.start()
        finally:
            os.umask(before)
        opened.push_async_callback(main.stop)
        yield Run(main, relays, tokens)


@pytest.mark.slow
async def test_no_secret_is_found_after_a_full_run(run: Run, instance: Instance) -> None:
    main = run.main
    await run.tell_all()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as session:
        for account in ("plain", "refused", "tokens", "notoken"):
            await main.post(session, [account], account_id=account, subject=SUBJECT)
        await run.relays["plain"].wait_for(1, PATIENCE_S)
        await run.relays["tokens"].wait_for(1, PATIENCE_S)
        await until(lambda: len(paused(main)) == 2, PATIENCE_S)
        await main.application.wait_for(2, PATIENCE_S)
        for account in ("plain", "refused", "tokens", "notoken"):
            checked = await main.call("checkAccount", tenant_id="acme", account_id=account)
            run.answers.append(repr(checked).encode())
        await run.look_everywhere(session)
        await run.do_wrong(session)
    check_secrets_were_used(run)
    proc = Path(f"/proc/{main.pid}")
    process = proc.joinpath("cmdline").read_bytes() + proc.joinpath("environ").read_bytes()
    running = files(instance)
    assert open_to_others(instance.folder.parent) == []
    await main.call("rotateKey")
    await main.stop()
    assert open_to_others(instance.folder.parent) == []

    places = {**running, **{f"{name} after": text for name, text in files(instance).items()}}
    places |= {"process": process, "answers": b"\n".join(run.answers)}
    places["reports"] = repr([post.body for post in main.application.posts]).encode()
    assert SUBJECT.encode() in places["mail_service.db after"]
    assert found(run.secrets, places) == []


def check_secrets_were_used(run: Run) -> None:
    """Else nothing would be found for want of anything to find."""
    assert run.relays["plain"].messages[0].login == USER
    assert run.relays["tokens"].messages[0].login == USER
    assert run.tokens.tokens[USER].startswith(canary("access"))
    run.secrets |= {"access": canary("access"), "rotated": run.tokens.refresh_token}
    headers = repr([post.headers for post in run.main.application.posts])
    assert canary("bearer") in headers
    basic = base64.b64encode(f"app:{canary('basic')}".encode()).decode()
    assert basic in headers
    answers = b"\n".join(run.answers)
    assert b"********" in answers
    assert b"login refused: 535 5.7.8 ******** is no password" in answers
    assert b"token endpoint: 127.0.0.1 answered 401 invalid_client" in answers


def paused(main: Installation) -> list[str]:
    rows = main.query("SELECT account_id FROM accounts WHERE paused_until IS NOT NULL")
    return [row[0] for row in rows]


def files(instance: Instance) -> dict[str, bytes]:
    """All that the instance has on the disk, save the key: it opens the rest."""
    return {
        str(path.relative_to(instance.folder)): path.read_bytes()
        for path in instance.folder.rglob("*")
        if path.is_file() and not path.name.startswith("secret.key")
    }


def open_to_others(folder: Path) -> list[str]:
    """What `find -perm /077` prints; links have no rights of their own."""
    every = [folder, *folder.rglob("*")]
    return [str(p) for p in every if not p.is_symlink() and stat.S_IMODE(p.lstat().st_mode) & 0o077]


def found(secrets: dict[str, str], places: dict[str, bytes]) -> list[tuple[str, str]]:
    """(secret, place), also where it stands in base64, in hex or in a URL."""
    return [
        (name, place)
        for name, secret in secrets.items()
        for place, text in places.items()
        if any(spelling in text for spelling in spellings(secret))
    ]


def spellings(secret: str) -> set[bytes]:
    plain = secret.encode()
    # In base64 a text looks in three ways, by where it begins; its ends hang on what is beside it.
    coded = {base64.b64encode(b"\0" * n + plain)[4 if n else 0 : -4][:40] for n in range(3)}
    assert all(len(one) > 10 for one in coded)
    return {plain, plain.hex().encode(), quote(secret, safe="").encode(), *coded}
