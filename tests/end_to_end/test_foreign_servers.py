"""The main job through mail servers that others wrote: aiosmtpd, and Postfix's smtp-sink."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from tests.faults.profile import program

PATIENCE_S = 60.0
Running = Any

AS_USER = ("-u", "root") if os.geteuid() == 0 else ()  # it asks for that


def free_port() -> int:
    """For servers that cannot choose one themselves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Mailbox:
    """aiosmtpd's handler: keeps what comes, refuses one address."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _: object, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, _: object, __: Session, envelope: Envelope) -> str:  # noqa: N802
        self.mails.append(envelope)
        return "250 2.0.0 taken"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, Controller]]:
    """An aiosmtpd that wants a login, in a thread of its own."""

    def authenticate(*args: Any) -> AuthResult:
        login = args[-1]
        good = isinstance(login, LoginPassword) and login == LoginPassword(b"me", b"secret")
        return AuthResult(success=good)

    box = Mailbox()
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=authenticate,
        auth_require_tls=False,
        auth_required=True,
    )
    controller.start()
    yield box, controller
    controller.stop()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
async def test_aiosmtpd_takes_what_is_posted_after_a_login(
    running: Running, mailbox: tuple[Mailbox, Controller]
) -> None:
    box, controller = mailbox
    login = {"user": "me", "password": "secret"}
    async with running(host="127.0.0.1", port=controller.port, **login) as main:
        check = await main.call("checkAccount", tenant_id="acme", account_id="main")
        assert check["report"]["login"] == "accepted"
        async with aiohttp.ClientSession() as session:
            await main.post(session, ["m1"], to=["ann@example.com", "nobody@example.com"])
        await main.application.wait_for(1, timeout_s=PATIENCE_S)
    (entry,) = main.application.entries
    assert [refused["recipient"] for refused in entry["refused"]] == ["nobody@example.com"]
    (mail,) = box.mails
    assert mail.rcpt_tos == ["ann@example.com"]
    assert isinstance(mail.content, bytes)
    assert b"X-Genro-Mail-ID: m1\r\n" in mail.content


@pytest.fixture
async def smtp_sink(tmp_path: Path) -> AsyncIterator[tuple[int, Path]]:
    """Its port, and the folder where it puts each transaction in a file."""
    sink = program("smtp-sink", "postfix")
    async with asyncio.timeout(PATIENCE_S):
        port = free_port()
        folder = tmp_path / "sink"
        folder.mkdir()
        process = await asyncio.create_subprocess_exec(
            sink, *AS_USER, "-d", f"{folder}/mail.", f"127.0.0.1:{port}", "100"
        )
        while not await _listens(port):  # noqa: ASYNC110 - another process sends us no events
            await asyncio.sleep(0.02)
    yield port, folder
    process.terminate()
    await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@pytest.mark.slow
async def test_smtp_sink_takes_a_hundred_messages(
    running: Running, smtp_sink: tuple[int, Path]
) -> None:
    port, folder = smtp_sink
    ids = {f"m{n}" for n in range(100)}
    async with running(host="127.0.0.1", port=port) as main:
        async with aiohttp.ClientSession() as session:
            await main.post(session, sorted(ids))
        await main.application.wait_for(100, timeout_s=PATIENCE_S)
    mails = [path.read_text() for path in folder.iterdir()]
    arrived = [
        line.split(": ")[1]
        for mail in mails
        for line in mail.splitlines()
        if line.startswith("X-Genro-Mail-ID: ")
    ]
    assert sorted(arrived) == sorted(ids)
